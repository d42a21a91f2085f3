"""Gradient rules of the functions that only move elements about, one primitive a line.

Each is linear, so its rule moves the cotangent the other way and holds no value of `x`.
"""

import operator

import numpy as np

from ..primitives import PRIMITIVES, Parts, Primitive, alias, defvjp, defvjp_each, flat
from ..values import shape as shape_of


def _reshape(g, y, x, shape=None, axis=None, order="C"):
    return np.reshape(g, shape_of(x), order=order)


def _transpose(g, y, x, axes=None):
    return np.transpose(g, axes if axes is None else np.argsort(np.asarray(axes) % len(axes)))


defvjp(np.reshape,      _reshape)
defvjp(np.ravel,        _reshape)
defvjp(np.squeeze,      _reshape)
defvjp(np.expand_dims,  _reshape)
defvjp(np.transpose,    _transpose)
defvjp(np.swapaxes,     lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,     lambda g, y, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.broadcast_to, lambda g, y, x, shape=None: g)
defvjp(np.copy,         lambda g, y, x, order="K": g)

# ---------------------------------------------------------------------------- joining


def _section(i, g, y, *arrays, axis=0):
    """The part of `g` that belongs to the i-th of the arrays joined."""
    ends = np.cumsum([x.shape[axis] for x in arrays])
    start = ends[i] - arrays[i].shape[axis]
    return g[(slice(None),) * (axis % g.ndim) + (slice(int(start), int(ends[i])),)]


def _layer(i, g, y, *arrays, axis=0):
    """The i-th of the arrays that were stacked into `y`."""
    return g[(slice(None),) * (axis % g.ndim) + (i,)]


joined = Primitive(lambda *arrays, axis=0: np.concatenate(arrays, axis=axis), "concatenate")
stacked = Primitive(lambda *arrays, axis=0: np.stack(arrays, axis=axis), "stack")
defvjp_each(joined, _section)
defvjp_each(stacked, _layer)


@alias(np.concatenate)
def _concatenate(arrays, axis=0):
    if axis is None:
        return joined(*(np.ravel(x) for x in arrays), axis=0)
    return joined(*arrays, axis=axis)


@alias(np.stack)
def _stack(arrays, axis=0):
    return stacked(*arrays, axis=axis)


@alias(np.vstack)
def _vstack(tup):
    return np.concatenate([np.atleast_2d(x) for x in tup], axis=0)


@alias(np.hstack)
def _hstack(tup):
    arrays = [np.atleast_1d(x) for x in tup]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1)


@alias(np.atleast_1d)
def _atleast_1d(x):
    return np.reshape(x, (1,)) if np.ndim(x) == 0 else x


@alias(np.atleast_2d)
def _atleast_2d(x):
    return np.reshape(x, (1, -1)) if np.ndim(x) < 2 else x


@alias(np.full_like)
def _full_like(a, fill_value):
    return np.broadcast_to(fill_value, np.shape(a))


# ---------------------------------------------------------------------------- indexing


def _take(x, index):
    return np.asarray(x)[index]


getitem = Primitive(_take, "getitem")
defvjp(getitem, lambda g, y, x, index: Parts(x, index, g))
PRIMITIVES[operator.getitem] = getitem

# ---------------------------------------------------------------------------- questions

flat(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like)
flat(np.argsort, np.searchsorted, np.nonzero, np.flatnonzero, np.argwhere, np.result_type)
