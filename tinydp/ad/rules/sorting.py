"""Gradient rules of the functions that choose elements by their values or positions.

All are made of indexing, `np.sort(x)` of `x[np.argsort(x)]`: the cotangent of a result goes to
the element that was chosen. Equal elements keep their order, so in a tie the first is the lower.
"""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..errors import NotCompiledError, UnsupportedArgumentError
from ..parts import scatter
from ..registry import alias, flat
from ..values import Abstract, abstract, plain
from .gathers import along, beyond, in_range, is_computed, masked, plain_index, scatter_at, taken
from .reductions import as_lanes, axes_of

# ---------------------------------------------------------------------------- by position


def _chosen(a, axis, choose):
    """The elements of `a` at those positions that `choose` takes of 0, 1, 2, ..."""
    if axis is None or np.ndim(a) == 0:          # NumPy takes a number for one element
        a, axis = np.ravel(a), axis or 0
    axis = normalize_axis_index(axis, np.ndim(a))
    return a[(slice(None),) * axis + (choose(np.arange(np.shape(a)[axis])),)]


def _plain(x):
    """What says where elements are, if it has to be known while a program is compiled."""
    if isinstance(plain(x), Abstract):
        raise NotCompiledError("how many elements there are depends on a value that is computed.",
                               "write np.where(condition, x, 0.0), which keeps all of them.")
    return plain_index(x)


@alias(np.take)
def _take(a, indices, axis=None, *, mode="raise"):
    indices = plain_index(list(indices) if type(indices) is tuple else indices)
    if is_computed(indices):
        return along(a, axis, indices, mode)
    return _chosen(a, axis, lambda positions: np.take(positions, _plain(indices), mode=mode))


@alias(np.repeat)
def _repeat(a, repeats, axis=None):
    return _chosen(a, axis, lambda positions: np.repeat(positions, _plain(repeats)))


@alias(np.delete)
def _delete(arr, obj, axis=None):
    return _chosen(arr, axis, lambda positions: np.delete(positions, _plain(obj)))


@alias(np.compress)
def _compress(condition, a, axis=None):
    if abstract(condition) and (axis is None or np.ndim(a) == 1):
        return masked(np.ravel(a), condition)
    return _chosen(a, axis, lambda positions: np.compress(_plain(condition), positions))


@alias(np.extract)
def _extract(condition, arr):
    return np.compress(np.ravel(condition), np.ravel(arr))


@alias(np.bincount)
def _bincount(x, weights=None, minlength=0):
    """A sum for each integer below the length; one that is computed has to be below `minlength`."""
    if not abstract(x):
        x = np.asarray(plain_index(x))
        sides = (max(minlength, int(np.max(x, initial=-1)) + 1),)
        return scatter(weights, shape=sides, indices=[x], zero=0.0)
    if not minlength:
        raise NotCompiledError("how long np.bincount is depends on a value that is computed.",
                               "write np.bincount(x, weights, minlength=n), for integers below n.")
    places = in_range(beyond(x, n=minlength), n=minlength)
    total = scatter_at(np.ones(np.shape(x)) if weights is None else np.multiply(weights, 1.0), places,
                       shape=(minlength,), index=("#0",))
    return total.astype(int) if weights is None else total


@alias(np.resize)
def _resize(a, new_shape):
    if np.size(a) == 0:                          # there is nothing to repeat
        return np.zeros(new_shape)
    return np.ravel(a)[np.resize(np.arange(np.size(a)), new_shape)]


@alias(np.take_along_axis)
def _take_along_axis(arr, indices, axis=-1):
    if axis is None:
        return taken(np.ravel(arr), indices)
    n, axis = np.ndim(arr), axis % np.ndim(arr)
    index = [np.arange(side).reshape((-1,) + (1,) * (n - 1 - k)) for k, side in enumerate(np.shape(arr))]
    index[axis] = indices
    return taken(arr, tuple(index))


# ---------------------------------------------------------------------------- by value


@alias(np.sort)
def _sort(a, axis=-1, kind=None, *, stable=None):
    return _by_order(a, axis, lambda a, axis: np.argsort(a, axis, kind="stable"))


@alias(np.partition)
def _partition(a, kth, axis=-1, kind="introselect"):
    return _by_order(a, axis, lambda a, axis: np.argpartition(a, kth, axis))


def _by_order(a, axis, order):
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, order(a, axis), axis)


@alias(np.select)
def _select(condlist, choicelist, default=0):
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = np.where(condition, choice, y)
    return y


# ---------------------------------------------------------------------------- ranks


def _of_sorted(a, axis, keepdims, rank):
    """`rank(x)` of the elements in order along the first axis; nan if one of them is nan."""
    x = np.moveaxis(np.sort(as_lanes(a, axis)[0], axis=-1), -1, 0)
    y = rank(x)
    if abstract(x) or np.any(np.isnan(x)):
        y = np.where(np.isnan(x[-1]), np.nan, y)
    return np.expand_dims(y, [k - np.ndim(a) for k in axes_of(a, axis)]) if keepdims else y


@alias(np.median)
def _median(a, axis=None, *, keepdims=False):
    """The mean of the two in the middle, which may be the same one."""
    def middle(x):
        n = np.shape(x)[0]
        return np.mean(x[(n - 1) // 2 : n // 2 + 1], axis=0)

    return _of_sorted(a, axis, keepdims, middle)


@alias(np.quantile)
def _quantile(a, q, axis=None, *, method="linear", keepdims=False):
    """A point on the straight line between two neighbours, from the nearer one."""
    if method != "linear":
        raise UnsupportedArgumentError(f"np.quantile has no gradient rule for method={method!r}.",
                                       "leave it out, which means 'linear'.")

    def between(x):
        rank = np.multiply(q, np.shape(x)[0] - 1)
        low = np.floor(rank).astype(int)
        t = np.reshape(rank - low, np.shape(q) + (1,) * (np.ndim(x) - 1))
        a, b = taken(x, low), taken(x, np.ceil(rank).astype(int))
        return np.where(t < 0.5, a + (b - a) * t, b - (b - a) * (1 - t))

    return _of_sorted(a, axis, keepdims, between)


@alias(np.percentile)
def _percentile(a, q, axis=None, *, method="linear", keepdims=False):
    return np.quantile(a, np.divide(q, 100), axis, method=method, keepdims=keepdims)


# ---------------------------------------------------------------------------- questions

flat(np.argpartition, np.digitize)
