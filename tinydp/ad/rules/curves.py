"""Gradient rules of functions of sampled curves: differences, areas, interpolation, polynomials.

Nearly all are made of slices and products, as NumPy itself makes them.
"""

import math

import numpy as np

from ..broadcasting import unbroadcast
from ..primitives import Primitive
from ..registry import alias, defvjp, movers, pointwise, products
from ..values import as_float64, plain, shape
from .gathers import taken

# ---------------------------------------------------------------------------- differences, areas


@alias(np.diff, alike="a")
def _diff(a, n=1, axis=-1, prepend=None, append=None):
    if n == 0:
        return a
    one = [1 if k == axis % np.ndim(a) else side for k, side in enumerate(np.shape(a))]
    ends = [x if x is None or np.ndim(x) else np.broadcast_to(x, one) for x in (prepend, append)]
    pieces = [x for x in (ends[0], a, ends[1]) if x is not None]
    y = np.moveaxis(np.concatenate(pieces, axis) if len(pieces) > 1 else a, axis, -1)
    for _ in range(n):
        y = y[..., 1:] - y[..., :-1]
    return np.moveaxis(y, -1, axis)


@alias(np.gradient)
def _gradient(f, *varargs, axis=None, edge_order=1):
    axes = [int(k) for k in (range(np.ndim(f)) if axis is None else np.atleast_1d(axis))]
    if not varargs:
        varargs = (1.0,)
    varargs = tuple(as_float64(x) for x in varargs)
    spacings = varargs * len(axes) if len(varargs) == 1 and np.ndim(varargs[0]) == 0 else varargs
    slopes = [_slopes(f, x, k, edge_order) for k, x in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slopes(f, x, axis, edge_order):
    """Slopes of the parabolas through three neighbours; `x` is one step or the places of all."""
    f, h = np.moveaxis(f, axis, -1), np.diff(x) if np.ndim(x) else x
    if np.ndim(x):
        d, e = h[:-1], h[1:]
        middle = (-e / (d * (d + e)) * f[..., :-2] + (e - d) / (d * e) * f[..., 1:-1]
                  + d / (e * (d + e)) * f[..., 2:])
    else:
        middle = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
    if edge_order == 1:
        first, last = (h[0], h[-1]) if np.ndim(x) else (h, h)
        first = (f[..., 1:2] - f[..., :1]) / first
        last = (f[..., -1:] - f[..., -2:-1]) / last
    else:
        a, b, c = _one_sided(h)
        first = a * f[..., :1] + b * f[..., 1:2] + c * f[..., 2:3]
        a, b, c = _one_sided(np.flip(h))
        last = -(c * f[..., -3:-2] + b * f[..., -2:-1] + a * f[..., -1:])
    return np.moveaxis(np.concatenate([first, middle, last], -1), -1, axis)


def _one_sided(h):
    """The weights of the first three in the slope at the first, by the steps between them."""
    if np.ndim(h) == 0:
        return -1.5 / h, 2.0 / h, -0.5 / h
    d, e = h[0], h[1]
    return -(2.0 * d + e) / (d * (d + e)), (d + e) / (d * e), -d / (e * (d + e))


@alias(np.trapezoid)
def _trapezoid(y, x=None, dx=1.0, axis=-1):
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


# ---------------------------------------------------------------------------- interpolation


@alias(np.interp)
def _interp(x, xp, fp, left=None, right=None):
    """Straight lines; at a node the slope is that of the line to its right."""
    x, xp, fp = as_float64(x), np.atleast_1d(as_float64(xp)), np.atleast_1d(as_float64(fp))
    k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, max(len(xp) - 2, 0))
    after = np.minimum(k + 1, len(xp) - 1)
    left_x, left_y = taken(xp, k), taken(fp, k)
    width = taken(xp, after) - left_x
    slope = (taken(fp, after) - left_y) / np.where(width == 0, 1.0, width)
    y = np.where(np.logical_or(x == xp[-1], len(xp) == 1), fp[-1], slope * (x - left_x) + left_y)
    y = np.where(x < xp[0], fp[0] if left is None else left, y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


# The series of sinc in t = (pi x)^2, highest power first; exact to the last bit for t < 1.
_SINC = [(-1) ** k / math.factorial(2 * k + 1) for k in range(11, -1, -1)]
_SINC_SLOPE = [2 * np.pi**2 * (11 - i) * c for i, c in enumerate(_SINC[:-1])]


def _sinc(g, y, x):
    near = np.abs(plain(x)) < 1 / np.pi             # where cos - sinc would cancel
    z, far = np.where(near, x, 0.0), np.where(near, 1.0, x)
    return g * np.where(near, z * np.polyval(_SINC_SLOPE, (np.pi * z) ** 2), (np.cos(np.pi * far) - y) / far)


def _linspace_start(g, y, start, stop, num=50, endpoint=True, axis=0):
    return unbroadcast(np.tensordot(1 - np.linspace(0.0, 1.0, num, endpoint), g, (0, axis)), shape(start))


def _linspace_stop(g, y, start, stop, num=50, endpoint=True, axis=0):
    return unbroadcast(np.tensordot(np.linspace(0.0, 1.0, num, endpoint), g, (0, axis)), shape(stop))


defvjp(np.sinc,         _sinc)
pointwise(np.sinc)
defvjp(np.linspace,     _linspace_start, _linspace_stop)
movers(np.linspace)
defvjp(np.unwrap,       lambda g, y, p, discont=None, axis=-1, period=2 * np.pi: g)

# ---------------------------------------------------------------------------- convolution

convolved = Primitive(np.convolve, "convolve")   # of all overlaps
defvjp(convolved,       lambda g, y, a, v: np.correlate(g, v, "valid"),
                        lambda g, y, a, v: np.correlate(g, a, "valid"))
products(convolved)


@alias(np.convolve)
def _convolve(a, v, mode="full"):
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    y, (short, long) = convolved(a, v), sorted((len(a), len(v)))
    starts = {"full": 0, "same": (short - 1) // 2, "valid": short - 1}
    lengths = {"full": short + long - 1, "same": long, "valid": long - short + 1}
    return y if mode == "full" else y[starts[mode] : starts[mode] + lengths[mode]]


@alias(np.correlate)
def _correlate(a, v, mode="valid"):
    if np.size(a) < np.size(v):
        return np.flip(np.convolve(v, np.flip(a), mode))
    return np.convolve(a, np.flip(v), mode)


# ---------------------------------------------------------------------------- polynomials


@alias(np.polyval)
def _polyval(p, x):
    y = np.zeros_like(x)
    for coefficient in p:
        y = y * x + coefficient
    return y


@alias(np.vander)
def _vander(x, N=None, increasing=False):
    N = np.shape(x)[0] if N is None else N
    powers = np.ones((np.shape(x)[0], min(N, 1)))
    if N > 1:
        factors = np.broadcast_to(np.expand_dims(x, 1), (np.shape(x)[0], N - 1))
        powers = np.concatenate([powers, np.cumprod(factors, axis=1)], axis=1)
    return powers if increasing else np.flip(powers, 1)
