"""Gradient rules of the functions that reduce an axis, one primitive a line.

`g` has the shape of the result; `_spread` gives it back the reduced axes. Kinks: tied maxima
and minima share the cotangent equally; norm'(0) = 0, and so is the derivative of a standard
deviation of 0.
"""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..primitives import Primitive
from ..registry import alias, defvjp, flat, movers, pointwise
from ..selected import selected, shared
from ..values import abstract, as_float64, plain, shape
from .bends import at_tip, bend, differentiated, direction, ties, tips, torn, unsure


def _keep(y, x, axis, keepdims):
    """`y` with the reduced axes kept, of length 1; a number has none, though NumPy lets axis=0 pass."""
    if keepdims or axis is None or not shape(x):
        return y
    return np.expand_dims(y, axis)


def _spread(g, x, axis, keepdims):
    """`g` repeated along the axes that were reduced, to the shape of `x`."""
    if type(g) is float:
        c = np.empty(shape(x))                   # the common case; np.full takes longer
        c.fill(g)
        return c
    return np.broadcast_to(_keep(g, x, axis, keepdims), shape(x))


def _count(y, x):
    return max(math.prod(shape(x)), 1) / max(math.prod(shape(y)), 1)


def _chosen(y, x, axis, keepdims):
    """The share of each element in being the one chosen: 1/k where k are tied."""
    hits = 1.0 * (x == _keep(y, x, axis, keepdims))
    with np.errstate(invalid="ignore"):          # no element equals a nan
        return hits / np.sum(hits, axis=axis, keepdims=True)


def _share(parts, x, axis):
    """The parts of those that tie; in a program, without a derivative where they may part."""
    if not abstract(x):
        return parts
    tie, first = (parts > 0.0) & (parts < 1.0), _first_of_each(plain(x).alike(), axis)
    if not np.all(first):                        # some are one and the same, and never part
        tie = tie & (np.sum((parts > 0.0) * np.asarray(first, float), axis=axis, keepdims=True) > 1.0)
    return unsure(parts, x, tie)


def _first_of_each(numbers, axis):
    """Where each number is met first along these axes."""
    lanes, back = as_lanes(numbers, axis)
    order = np.argsort(lanes, axis=-1, kind="stable")
    ordered = np.take_along_axis(lanes, order, axis=-1)
    first = np.ones(lanes.shape, bool)
    np.put_along_axis(first, order[..., 1:], np.diff(ordered, axis=-1) != 0, axis=-1)
    return back(first)


def axes_of(x, axis):
    """The axes that `axis` means, counted from the front; None means all."""
    n = len(shape(x))
    return normalize_axis_tuple(range(n) if axis is None or n == 0 else axis, n)


def as_lanes(x, axis):
    """`x` with these axes merged into one, which is last; and the way back."""
    axes = axes_of(x, axis)
    kept = len(shape(x)) - len(axes)
    moved = np.moveaxis(x, axes, range(kept, kept + len(axes)))
    sides = shape(moved)
    lanes = np.reshape(moved, (*sides[:kept], math.prod(sides[kept:])))
    return lanes, lambda z: np.moveaxis(np.reshape(z, sides), range(kept, kept + len(axes)), axes)


def _sum(g, y, x, axis=None, keepdims=False):
    return _spread(g, x, axis, keepdims)


def _mean(g, y, x, axis=None, keepdims=False):
    if type(g) is float and type(x) is np.ndarray:
        return _spread(g / max(x.size, 1), x, axis, keepdims)
    return _spread(g / _count(y, x), x, axis, keepdims)


def _extreme(g, y, x, axis=None, keepdims=False):
    parts = _chosen(y, x, axis, keepdims)
    c = shared(_share(parts, x, axis), _spread(g, x, axis, keepdims))
    if differentiated(x) and np.any(tie := (parts > 0.0) & (parts < 1.0)):
        of_y = np.any(tie, axis=axis, keepdims=keepdims)
        return torn(c, g, y, x, tie, of_y, lambda z: np.broadcast_to(_keep(z, x, axis, keepdims), shape(x)))
    return c


defvjp(np.sum,  _sum)
defvjp(np.mean, _mean)
defvjp(np.max,  _extreme)
defvjp(np.min,  _extreme)
defvjp(np.amax, _extreme)
defvjp(np.amin, _extreme)
movers(np.sum, np.mean)


def _tied(y, x, axis=None, keepdims=False):
    """Where more than one element is the extreme one."""
    return np.sum(x == _keep(y, x, axis, keepdims), axis=axis, keepdims=keepdims) > 1


ties(_tied, np.max, np.min, np.amax, np.amin)

# ---------------------------------------------------------------------------- products


def _product_before(x):
    """For each element, the product of those before it on the last axis."""
    return np.concatenate([np.ones_like(x[..., :1]), np.cumprod(x[..., :-1], axis=-1)], axis=-1)


def products_of_others(x):
    """For each element, the product of all others on the last axis; without dividing, it may be 0."""
    return _product_before(x) * np.flip(_product_before(np.flip(x, -1)), -1)


def _prod(g, y, x, axis=None, keepdims=False):
    lanes, back = as_lanes(x, axis)
    return _spread(g, x, axis, keepdims) * back(products_of_others(lanes))


def _cumsum(g, y, x, axis=None):
    lanes, back = as_lanes(g, axis)[0], as_lanes(x, axis)[1]
    return back(np.flip(np.cumsum(np.flip(lanes, -1), axis=-1), -1))


def _cumprod(g, y, x, axis=None):
    """The product before i times s_i = g_i + x_{i+1} s_{i+1}, again without dividing.

    Each round of the loop doubles how far ahead `s` has summed, and `f` multiplied.
    """
    (x, back), s = as_lanes(x, axis), as_lanes(g, axis)[0]
    n, f, ahead = shape(x)[-1], _ahead(x, 1), 1
    while ahead < n:
        s, f, ahead = s + f * _ahead(s, ahead), f * _ahead(f, ahead), 2 * ahead
    return back(_product_before(x) * s)


def _ahead(x, n):
    """`x` moved `n` places to the front, and zeros after it."""
    return np.concatenate([x[..., n:], np.zeros_like(x[..., :n])], axis=-1)


defvjp(np.prod,    _prod)
defvjp(np.cumsum,  _cumsum)
defvjp(np.cumprod, _cumprod)
movers(np.cumsum)

# ---------------------------------------------------------------------------- statistics


def _var(g, y, x, axis=None, ddof=0, keepdims=False, correction=0):
    n = _count(y, x) - ddof - correction
    return _spread(g * (2 / n if n > 0 else np.nan), x, axis, keepdims) * _deviation(x, axis)


def _std(g, y, x, axis=None, ddof=0, keepdims=False, correction=0):
    n = _count(y, x) - ddof - correction
    deviation, root, weight = _deviation(x, axis), _keep(y, x, axis, keepdims), 1 / n if n > 0 else np.nan
    c, tip = _spread(g * weight, x, axis, keepdims) * direction(deviation, root), at_tip(x, y)
    if tip is None or _count(y, x) == 1:         # of a single number, it is 0 everywhere
        return c
    return bend(c, weight * g, y, deviation, tip, lambda z: _keep(z, x, axis, keepdims), axis)


def _deviation(x, axis):
    return x - np.mean(x, axis=axis, keepdims=True)


defvjp(np.var,     _var)
defvjp(np.std,     _std)                         # the slope at 0 is 0, like that of the norm


@alias(np.ptp)
def _ptp(a, axis=None, *, keepdims=False):
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@alias(np.average)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    if weights is None:
        weights = np.ones(np.shape(a))
    weights = as_float64(weights)
    axes = axes_of(a, axis)
    if np.shape(weights) != np.shape(a):         # they lie along the reduced axes only
        sides = [n if k in axes else 1 for k, n in enumerate(np.shape(a))]
        weights = np.reshape(np.transpose(weights, np.argsort(axes)), sides)
    total = np.sum(weights, axis=axes, keepdims=keepdims)
    y = np.sum(np.multiply(a, weights), axis=axes, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, np.shape(y))) if returned else y


# ---------------------------------------------------------------------------- passing over nan


@alias(np.nansum)
def _nansum(a, axis=None, *, keepdims=False):
    return np.sum(np.where(np.isnan(a), 0.0, a), axis=axis, keepdims=keepdims)


@alias(np.nanprod)
def _nanprod(a, axis=None, *, keepdims=False):
    return np.prod(np.where(np.isnan(a), 1.0, a), axis=axis, keepdims=keepdims)


@alias(np.nanmean)
def _nanmean(a, axis=None, *, keepdims=False):
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims)
    return np.nansum(a, axis=axis, keepdims=keepdims) / count


@alias(np.nanmax)
def _nanmax(a, axis=None, *, keepdims=False):
    y = np.max(np.where(np.isnan(a), -np.inf, a), axis=axis, keepdims=keepdims)
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, y)


@alias(np.nanmin)
def _nanmin(a, axis=None, *, keepdims=False):
    return -np.nanmax(-a, axis=axis, keepdims=keepdims)


defvjp(np.nan_to_num, lambda g, y, x, nan=0.0, posinf=None, neginf=None: selected(np.isfinite(x), g))
pointwise(np.nan_to_num)
flat(np.isposinf, np.isneginf)

# ---------------------------------------------------------------------------- norms


def _norm2(g, y, x, axis=None, keepdims=False):
    root, tip = _keep(y, x, axis, keepdims), at_tip(x, y)
    c = _keep(g, x, axis, keepdims) * direction(x, root)
    return c if tip is None else bend(c, g, y, x, tip, lambda z: _keep(z, x, axis, keepdims), axis)


norm2 = Primitive(lambda x, **options: np.linalg.norm(x, **options), "norm")
defvjp(norm2, _norm2)
tips(norm2, np.std)


@alias(np.linalg.norm, alike="x")
def _norm(x, ord=None, axis=None, keepdims=False):
    vector = len(axes_of(x, axis)) == 1
    if ord is None or (ord == 2 and vector) or ord == "fro":
        return norm2(x, axis=axis, keepdims=keepdims)
    if not vector:
        return _matrix_norm(x, ord, axis, keepdims)
    options = {"axis": axis, "keepdims": keepdims}
    if ord == 0:
        return np.sum(np.not_equal(x, 0.0), **options) * 1.0
    if ord == np.inf:
        return np.max(np.abs(x), **options)
    if ord == -np.inf:
        return np.min(np.abs(x), **options)
    if ord == 1:
        return np.sum(np.abs(x), **options)
    lengths = np.abs(x)
    total = np.sum(lengths ** ord, **options)
    zero = total == 0                            # the root is infinitely steep; there another norm stands in
    other = np.sum(lengths, **options) if ord > 0 else np.power(0.0, 1 / ord)
    return np.where(zero, other, np.where(zero, 1.0, total) ** (1 / ord))


def _matrix_norm(x, ord, axis, keepdims):
    axes = axes_of(x, axis)
    x = np.moveaxis(x, axes, (-2, -1))
    norms = {
        "nuc":   lambda: np.sum(np.linalg.svdvals(x), axis=-1),
        2:       lambda: np.max(np.linalg.svdvals(x), axis=-1),
        -2:      lambda: np.min(np.linalg.svdvals(x), axis=-1),
        1:       lambda: np.max(np.sum(np.abs(x), axis=-2), axis=-1),
        -1:      lambda: np.min(np.sum(np.abs(x), axis=-2), axis=-1),
        np.inf:  lambda: np.max(np.sum(np.abs(x), axis=-1), axis=-1),
        -np.inf: lambda: np.min(np.sum(np.abs(x), axis=-1), axis=-1),
    }
    y = norms[ord]()
    return np.expand_dims(y, axes) if keepdims else y


@alias(np.linalg.vector_norm)
def _vector_norm(x, *, axis=None, keepdims=False, ord=2):
    y = np.linalg.norm(as_lanes(x, axis)[0], ord, axis=-1)
    return np.expand_dims(y, axes_of(x, axis)) if keepdims else y


@alias(np.linalg.matrix_norm)
def _matrix_norm_of(x, *, keepdims=False, ord="fro"):
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)


# ---------------------------------------------------------------------------- questions

flat(np.argmax, np.argmin, np.any, np.all, np.count_nonzero, np.array_equal, np.array_equiv)
