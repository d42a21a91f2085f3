"""Gradient rules of the functions that only move elements about, one primitive a line.

Each is linear, so its rule moves the cotangent the other way and holds no value of `x`.
"""

import itertools
import operator

import numpy as np

from ..errors import UnsupportedArgumentError
from ..parts import Parts, scatter
from ..primitives import Primitive
from ..registry import PRIMITIVES, alias, defvjp, defvjp_each, flat, movers
from ..selected import selected
from ..values import Abstract, plain
from ..values import shape as shape_of


def _reshape(g, y, x, shape=None, axis=None, order="C", newshape=None):          # its name in NumPy 2.0
    if order in ("A", "K"):                      # as the elements lie in memory
        order = _order_in_memory(plain(x), order)
    return np.reshape(g, shape_of(x), order=order)


def _order_in_memory(x, order):
    if np.isfortran(x):
        return "F"
    if order == "K" and np.ndim(x) > 1 and not x.flags.c_contiguous:
        raise UnsupportedArgumentError("np.ravel has no gradient rule for order='K' of an array with gaps.",
                                       "write order='C', or np.ravel(np.transpose(x, axes)).")
    return "C"


def _lower(x, k):
    """Where a matrix has its elements on and below a diagonal."""
    rows, columns = shape_of(x)[-2:]
    return np.tri(rows, columns, k, dtype=bool)


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
defvjp(np.flip,         lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr,       lambda g, y, m: np.fliplr(g))
defvjp(np.flipud,       lambda g, y, m: np.flipud(g))
defvjp(np.roll,         lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90,        lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
defvjp(np.tril,         lambda g, y, m, k=0: selected(_lower(g, k), g))
defvjp(np.triu,         lambda g, y, m, k=0: selected(~_lower(g, k - 1), g))
defvjp(np.copy,         lambda g, y, x, order="K": g)


movers(np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose, np.swapaxes, np.moveaxis,
       np.broadcast_to, np.flip, np.fliplr, np.flipud, np.roll, np.rot90, np.tril, np.triu, np.copy)


@alias(np.rollaxis)
def _rollaxis(a, axis, start=0):
    n = np.ndim(a)
    axis, start = axis % n, start + n if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@alias(np.matrix_transpose)
@alias(np.linalg.matrix_transpose)
def _matrix_transpose(x):
    return np.swapaxes(x, -1, -2)


@alias(np.broadcast_arrays)
def _broadcast_arrays(*args):
    shape = np.broadcast_shapes(*(np.shape(x) for x in args))
    return tuple(np.broadcast_to(x, shape) for x in args)


@alias(np.meshgrid)
def _meshgrid(*xi, sparse=False, indexing="xy"):
    n = len(xi)
    grids = [np.reshape(x, (-1,) + (1,) * (n - 1 - k)) for k, x in enumerate(xi)]
    grids = [np.reshape(x, (1,) * (n - np.ndim(x)) + np.shape(x)) for x in grids]
    if indexing == "xy" and n > 1:
        grids = [np.swapaxes(x, 0, 1) for x in grids]
    return tuple(grids) if sparse else np.broadcast_arrays(*grids)


@alias(np.tile)
def _tile(A, reps):
    """Each axis becomes two, of repetitions and of elements; the former are broadcast."""
    reps = tuple(np.atleast_1d(reps))
    n = max(len(reps), np.ndim(A))
    reps, sides = (1,) * (n - len(reps)) + reps, (1,) * (n - np.ndim(A)) + np.shape(A)
    apart = np.reshape(A, [m for side in sides for m in (1, side)])
    tiled = np.broadcast_to(apart, [m for pair in zip(reps, sides, strict=True) for m in pair])
    return np.reshape(tiled, [rep * side for rep, side in zip(reps, sides, strict=True)])


# ---------------------------------------------------------------------------- real numbers

# Complex functions, of the real numbers that tinydp has.
defvjp(np.real,          lambda g, y, val: g)
defvjp(np.real_if_close, lambda g, y, a, tol=100: g)
defvjp(np.conjugate,     lambda g, y, x: g)
movers(np.real, np.real_if_close, np.conjugate)
flat(np.imag, np.angle, np.isreal, np.isrealobj, np.iscomplex, np.iscomplexobj)

if hasattr(np, "astype"):                        # since NumPy 2.1
    @alias(np.astype)
    def _astype(x, dtype):
        return x.astype(dtype)

# ---------------------------------------------------------------------------- diagonals


def _on_diagonal(shape, offset):
    """The rows and the columns of the elements on a diagonal."""
    length = min(shape[0] + min(offset, 0), shape[1] - max(offset, 0))
    k = np.arange(max(length, 0))
    return k - min(offset, 0), k + max(offset, 0)


def _diag(g, y, v, k=0):
    return np.diag(g, k) if len(shape_of(v)) == 1 else Parts(v, _on_diagonal(shape_of(v), k), g)


defvjp(np.diag,         _diag)
movers(np.diag)


@alias(np.diagflat)
def _diagflat(v, k=0):
    return np.diag(np.ravel(v), k)


@alias(np.diagonal)
def _diagonal(a, offset=0, axis1=0, axis2=1):
    x = np.moveaxis(a, (axis1, axis2), (-2, -1))
    return x[(..., *_on_diagonal(np.shape(x)[-2:], offset))]


@alias(np.linalg.diagonal)
def _matrix_diagonal(x, *, offset=0):
    return np.diagonal(x, offset, -2, -1)


@alias(np.trace)
def _trace(a, offset=0, axis1=0, axis2=1):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@alias(np.linalg.trace)
def _matrix_trace(x, *, offset=0):
    return np.trace(x, offset, -2, -1)


# ---------------------------------------------------------------------------- padding


def _widths(pad_width, n):
    """How much to add before and after each of `n` axes."""
    if isinstance(pad_width, dict):              # {axis: width}
        given = {k % n: width for k, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(k, 0), 2) for k in range(n)]
    return np.broadcast_to(pad_width, (n, 2)).tolist()


def _inside(g, y, array, pad_width, mode="constant", constant_values=0):
    sides, widths = shape_of(array), _widths(pad_width, len(shape_of(array)))
    return g[tuple(slice(before, before + n) for (before, _), n in zip(widths, sides, strict=True))]


padded = Primitive(np.pad)                       # with constants
defvjp(padded,          _inside)
movers(padded)


@alias(np.pad)
def _pad(array, pad_width, mode="constant", **kwargs):
    if mode == "constant":
        return padded(array, pad_width, **kwargs)
    if mode not in ("edge", "reflect", "symmetric", "wrap") or kwargs.get("reflect_type", "even") != "even":
        raise UnsupportedArgumentError(
            f"np.pad has no gradient rule for {', '.join(map(repr, (mode, *kwargs.values())))}.",
            "use the mode 'constant', 'edge', 'reflect', 'symmetric' or 'wrap', or np.concatenate.")
    sides, widths = np.shape(array), _widths(pad_width, np.ndim(array))
    positions = (np.pad(np.arange(n), w, mode=mode) for n, w in zip(sides, widths, strict=True))
    return array[np.ix_(*positions)]

# ---------------------------------------------------------------------------- joining


def _sections(g, y, *arrays, axis=0):
    """The part of `g` that belongs to the i-th of the arrays joined."""
    lengths = [np.shape(x)[axis] for x in arrays]
    ends = np.cumsum(lengths).tolist()
    before = (slice(None),) * (axis % g.ndim)
    return lambda i: g[(*before, slice(ends[i] - lengths[i], ends[i]))]


def _layers(g, y, *arrays, axis=0):
    """The i-th of the arrays that were stacked into `y`."""
    before = (slice(None),) * (axis % g.ndim)
    return lambda i: g[(*before, i)]


joined = Primitive(lambda *arrays, axis=0: np.concatenate(arrays, axis=axis), "concatenate")
stacked = Primitive(lambda *arrays, axis=0: np.stack(arrays, axis=axis), "stack")
defvjp_each(joined, _sections)
defvjp_each(stacked, _layers)
movers(joined, stacked)


@alias(np.concatenate, alike="arrays axis")
def _concatenate(arrays, axis=0):
    if axis is None:
        return joined(*(np.ravel(x) for x in arrays), axis=0)
    return joined(*arrays, axis=axis)


@alias(np.stack, alike="arrays axis")
def _stack(arrays, axis=0):
    return stacked(*arrays, axis=axis)


@alias(np.vstack)
def _vstack(tup):
    return np.concatenate([np.atleast_2d(x) for x in tup], axis=0)


@alias(np.hstack)
def _hstack(tup):
    arrays = [np.atleast_1d(x) for x in tup]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1)


@alias(np.dstack)
def _dstack(tup):
    return np.concatenate([np.atleast_3d(x) for x in tup], axis=2)


@alias(np.column_stack)
def _column_stack(tup):
    return np.concatenate([x if np.ndim(x) > 1 else np.reshape(x, (-1, 1)) for x in tup], axis=1)


@alias(np.append)
def _append(arr, values, axis=None):
    return np.concatenate([arr, values], axis)


@alias(np.block)
def _block(arrays):
    """Lists join along the last axis, lists of lists along the last but one, and so on."""
    def depth(part):
        if type(part) is not list:
            return 0
        return 1 + depth(part[0])

    def dims(part):
        return max(map(dims, part)) if type(part) is list else np.ndim(part)

    n = max(depth(arrays), dims(arrays))

    def join(part):
        if type(part) is list:
            return np.concatenate([join(piece) for piece in part], axis=-depth(part))
        return np.reshape(part, (1,) * (n - np.ndim(part)) + np.shape(part))

    return join(arrays)


def _of_each(function):
    """Of several arrays, a tuple of the results."""
    def of_each(*arys):
        results = [function(np.asarray(x) if isinstance(x, (list, tuple)) else x) for x in arys]
        return results[0] if len(arys) == 1 else tuple(results)

    return of_each


@alias(np.atleast_1d)
@_of_each
def _atleast_1d(x):
    return np.reshape(x, (1,)) if np.ndim(x) == 0 else x


@alias(np.atleast_2d)
@_of_each
def _atleast_2d(x):
    return np.reshape(x, (1, -1)) if np.ndim(x) < 2 else x


@alias(np.atleast_3d)
@_of_each
def _atleast_3d(x):
    if np.ndim(x) > 2:
        return x
    return np.expand_dims(x, 2) if np.ndim(x) == 2 else np.reshape(x, (1, -1, 1))


@alias(np.full_like)
def _full_like(a, fill_value):
    return np.broadcast_to(np.multiply(1.0, fill_value), np.shape(a))            # not of integers


# ---------------------------------------------------------------------------- splitting


@alias(np.array_split)
def _array_split(ary, indices_or_sections, axis=0):
    n, k = np.shape(ary)[axis], indices_or_sections
    ends = np.cumsum([n // k + (i < n % k) for i in range(k)]).tolist() if np.ndim(k) == 0 else [*k, n]
    before = (slice(None),) * (axis % np.ndim(ary))
    return [ary[(*before, slice(start, end))] for start, end in itertools.pairwise([0, *ends])]


@alias(np.split)
def _split(ary, indices_or_sections, axis=0):
    return np.array_split(ary, indices_or_sections, axis)


@alias(np.hsplit)
def _hsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, axis=0 if np.ndim(ary) == 1 else 1)


@alias(np.vsplit)
def _vsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, axis=0)


@alias(np.dsplit)
def _dsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, axis=2)


if hasattr(np, "unstack"):                       # since NumPy 2.1
    @alias(np.unstack)
    def _unstack(x, *, axis=0):
        return tuple(np.moveaxis(x, axis, 0))

# ---------------------------------------------------------------------------- indexing


def _take(x, index):
    return x[index] if isinstance(x, Abstract) else np.asarray(x)[index]     # type: ignore[index]


getitem, python_row = Primitive(_take, "getitem"), Primitive(_take, "getitem")
defvjp(getitem, lambda g, y, x, index: Parts(x, index, g), None)
python_row.rules = getitem.rules
python_row.pythons = True                        # of a loop, which hands its step Python's numbers
PRIMITIVES[operator.getitem] = getitem
movers(getitem, python_row, scatter)

# ---------------------------------------------------------------------------- questions

flat(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like)
flat(np.argsort, np.searchsorted, np.nonzero, np.flatnonzero, np.argwhere, np.result_type)
flat(np.tril_indices_from, np.triu_indices_from, np.diag_indices_from)
