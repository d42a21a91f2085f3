"""Gradient rules of the functions that reduce an axis, one primitive a line.

`g` has the shape of the result; `_spread` gives it back the reduced axes. Kinks: tied maxima
and minima share the cotangent equally; norm'(0) = 0.
"""

import numpy as np

from ..errors import UnsupportedArgumentError
from ..primitives import Primitive, alias, defvjp, flat
from ..values import shape


def _keep(y, x, axis, keepdims):
    """`y` with the reduced axes kept, of length 1."""
    if keepdims or axis is None:
        return y
    return np.expand_dims(y, axis)


def _spread(g, x, axis, keepdims):
    """`g` repeated along the axes that were reduced, to the shape of `x`."""
    if type(g) is float:
        return np.full(shape(x), g)              # the common case; broadcast_to takes longer
    return np.broadcast_to(_keep(g, x, axis, keepdims), shape(x))


def _count(y, x):
    return max(np.size(x), 1) / max(np.size(y), 1)


def _chosen(y, x, axis, keepdims):
    """The share of each element in being the one chosen: 1/k where k are tied."""
    hits = 1.0 * (x == _keep(y, x, axis, keepdims))
    with np.errstate(invalid="ignore"):          # no element equals a nan
        return hits / np.sum(hits, axis=axis, keepdims=True)


def _sum(g, y, x, axis=None, keepdims=False):
    return _spread(g, x, axis, keepdims)


def _mean(g, y, x, axis=None, keepdims=False):
    return _spread(g / _count(y, x), x, axis, keepdims)


def _extreme(g, y, x, axis=None, keepdims=False):
    return _spread(g, x, axis, keepdims) * _chosen(y, x, axis, keepdims)


defvjp(np.sum,  _sum)
defvjp(np.mean, _mean)
defvjp(np.max,  _extreme)
defvjp(np.min,  _extreme)
defvjp(np.amax, _extreme)
defvjp(np.amin, _extreme)

# ---------------------------------------------------------------------------- norms


def _norm2(g, y, x, axis=None, keepdims=False):
    y = _keep(y, x, axis, keepdims)
    return _keep(g, x, axis, keepdims) * np.where(y == 0, 0.0, x / np.where(y == 0, 1.0, y))


norm2 = Primitive(lambda x, **options: np.linalg.norm(x, **options), "norm")
defvjp(norm2, _norm2)


@alias(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    vector = np.ndim(x) == 1 if axis is None else np.ndim(axis) == 0
    if ord is None or (ord == 2 and vector) or ord == "fro":
        return norm2(x, axis=axis, keepdims=keepdims)
    if not vector:
        raise UnsupportedArgumentError(
            f"np.linalg.norm of a matrix has no gradient rule for ord={ord!r}.",
            "use the Frobenius norm (ord=None), or norms of vectors (axis=an integer).")
    options = {"axis": axis, "keepdims": keepdims}
    if ord == np.inf:
        return np.max(np.abs(x), **options)
    if ord == -np.inf:
        return np.min(np.abs(x), **options)
    if ord == 1:
        return np.sum(np.abs(x), **options)
    return np.sum(np.abs(x) ** ord, **options) ** (1 / ord)


# ---------------------------------------------------------------------------- questions

flat(np.argmax, np.argmin, np.any, np.all, np.count_nonzero, np.array_equal, np.array_equiv)
