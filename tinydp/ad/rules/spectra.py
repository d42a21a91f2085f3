"""Gradient rules of eigenvalues and singular values alone, whose vectors are differentiated nowhere.

The gradient of f(w), w the eigenvalues of a, is v diag(g) v^T with the cotangent g of w. Its own derivative
in the direction e, seen in the basis v, has off the diagonal the divided differences

    (g_i - g_j) / (w_i - w_j) e_ij,

which are 0 / 0 for equal values, where f treats these alike, as a sum of squares does. The limit is the
slope of g_i - g_j there, found as in `bends.py`; if there is none, the second derivative is nan. With
singular values it is the same, besides (g_i + g_j) / (s_i + s_j) and g_i / s_i: a value of 0 is a length.
"""

from typing import Any, NamedTuple

import numpy as np

from ..primitives import Primitive
from ..registry import defvjp
from ..values import is_on, plain, shape
from .bends import differentiated, newer, swept_back

CLOSE = 1e-9                                     # of the largest value: these are taken as equal


def _swap(x):
    return np.swapaxes(x, -1, -2)


def _between(x, v, y):
    """x diag(v) y^T"""
    return (x * np.expand_dims(v, -2)) @ _swap(y)


def _pairs(x):
    """x_i and x_j, as rows and columns of a matrix."""
    return np.expand_dims(x, -1), np.expand_dims(x, -2)


# ---------------------------------------------------------------------------- limits


class Slopes(NamedTuple):
    """What a gradient of values needs for its own rules only, not for its value: no operand of it."""

    between: Any                                 # for each pair of equal values

    def __repr__(self) -> str:
        return "slopes"


def limits(g, w, lengths=False):
    """For each pair of equal values the slope of g_i - g_j in w_i - w_j; nan for pairs without a limit.

    None if the gradient is not differentiated itself. For `lengths`, pairs of zeros have the slope of g_i.
    """
    if not differentiated(w):
        return None
    slopes = np.zeros((*shape(w), shape(w)[-1]))
    if slopes.size == 0:
        return Slopes(slopes)
    for index in np.ndindex(shape(w)[:-1]):
        for cluster in _clusters(plain(w)[index]):
            zero = lengths and plain(w)[index][cluster[0]] <= CLOSE * np.max(plain(w)[index])
            if len(cluster) > 1 or zero:
                at = np.zeros(slopes.shape, dtype=bool)
                at[(*index, *np.ix_(cluster, cluster))] = True
                slopes = np.where(at, _slope(g, w, index, cluster, zero), slopes)
    return Slopes(slopes)


def _clusters(w):
    """The places of values, each with those that are equal to it."""
    order = np.argsort(w)
    jumps = np.diff(w[order]) > CLOSE * np.max(np.abs(w), initial=0.0)
    return np.split(order, np.flatnonzero(jumps) + 1)


def _slope(g, w, index, cluster, zero):
    """How g_i - g_j grows with w_i - w_j for all i, j of one cluster; for zeros, how g_i grows with w_i."""
    seed = np.zeros(shape(w))
    seed[index][cluster] = np.sin(1.0 + np.arange(len(cluster)))
    if not zero:
        seed[index][cluster] -= np.mean(seed[index][cluster])
    here, size = plain(g)[index][cluster], np.max(np.abs(plain(g)[index]))
    scale = np.max(np.abs(plain(w)[index]))
    k, slack = 0.0, 0.0
    if newer(g, w.tape):
        return np.nan
    if is_on(w.tape, g):                         # else it is a constant
        arrived, alone = swept_back(g, w, seed)
        k = np.sum(arrived * seed) / np.sum(seed * seed)
        slack = max(size / max(scale, np.finfo(float).tiny), np.max(np.abs(plain(arrived))))
        if not alone or np.any(np.abs(plain(arrived) - plain(k) * seed)[index] > 1e-6 * slack):
            return np.nan
    far = np.abs(here - (0.0 if zero else here[0]))
    return k if np.all(far <= 1e-6 * max(size, slack * scale)) else np.nan


def _between_equal(slopes):
    """The slopes between equal values; in a program they are not known, and a tape takes over at nan."""
    return np.nan if slopes is None else slopes.between


def _largest(w):
    """The largest magnitude, on an axis of length 1."""
    w = np.abs(plain(w))
    return np.max(w, axis=-1, keepdims=True) if shape(w)[-1] else np.zeros((*shape(w)[:-1], 1))


def _quotient(over, under, w, slopes):
    """over / under off the diagonal, and the slope where `under` vanishes: of equal values, or of zeros."""
    equal = np.abs(plain(under)) <= CLOSE * np.expand_dims(_largest(w), -1)
    d = np.where(equal, slopes, over / np.where(equal, 1.0, under))
    diagonal = np.eye(shape(w)[-1]) > 0          # not of a difference, but nan where there is no limit
    if type(slopes) is float:
        return np.where(diagonal, 0.0, d)
    return np.where(diagonal & ~np.isnan(plain(slopes)), 0.0, np.where(diagonal, np.nan, d))


def _unless_zero(h, c):
    """`c` for those matrices of a stack that anything arrived at."""
    return np.where(np.any(np.not_equal(plain(h), 0.0), axis=(-2, -1), keepdims=True), c, 0.0)


# ---------------------------------------------------------------------------- eigenvalues


def _of_eigenvalues(g, a, slopes, UPLO):
    v = np.linalg.eigh(a, UPLO)[1]
    return _between(v, g, v)


def _by_eigenvalue(h, y, g, a, slopes, UPLO):
    v = np.linalg.eigh(a, UPLO)[1]
    return np.sum(v * (h @ v), axis=-2)


def _by_matrix(h, y, g, a, slopes, UPLO):
    w, v = np.linalg.eigh(a, UPLO)
    (g_i, g_j), (w_i, w_j) = _pairs(g), _pairs(w)
    e = _swap(v) @ (h + _swap(h)) @ v / 2
    c = v @ (e * _quotient(g_i - g_j, w_i - w_j, w, _between_equal(slopes))) @ _swap(v)
    return of_triangle(_unless_zero(h, c), lower=UPLO.upper() == "L")


def of_triangle(c, lower):
    """The cotangent of a matrix of which one triangle is read, as if it were symmetric."""
    n = shape(c)[-1]
    read = np.tri(n) if lower else np.tri(n).T
    return (c + _swap(c)) * (read - np.eye(n) / 2)


of_eigenvalues = Primitive(_of_eigenvalues, "of_eigenvalues")
defvjp(of_eigenvalues, _by_eigenvalue, _by_matrix, None, None)


def by_eigenvalues(g, y, a, UPLO="L"):
    return of_triangle(of_eigenvalues(g, a, limits(g, y), UPLO), lower=UPLO.upper() == "L")


# ---------------------------------------------------------------------------- singular values


def _of_singular_values(g, a, slopes):
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u * np.expand_dims(g, -2)) @ vt


def _by_singular_value(h, y, g, a, slopes):
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return np.sum(u * (h @ _swap(vt)), axis=-2)


def _by_any_matrix(h, y, g, a, slopes):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    (g_i, g_j), (s_i, s_j) = _pairs(g), _pairs(s)
    v, (m, n) = _swap(vt), shape(a)[-2:]
    e = _swap(u) @ h @ v
    between = _between_equal(slopes)
    even = (e + _swap(e)) / 2 * _quotient(g_i - g_j, s_i - s_j, s, between)
    odd = (e - _swap(e)) / 2 * _quotient(g_i + g_j, s_i + s_j, s, between)
    c = u @ (even + odd) @ vt
    if m > n:                                    # the vectors also turn out of the space that they span
        c = c + _between(h @ v - u @ e, _stretch(g, s, between), v)
    if m < n:
        c = c + _swap(_between(_swap(h) @ u - v @ _swap(e), _stretch(g, s, between), u))
    return _unless_zero(h, c)


def _stretch(g, s, slopes):
    """g / s, and the slope at 0."""
    zero = plain(s) <= CLOSE * _largest(s)
    limit = slopes if type(slopes) is float else np.diagonal(slopes, 0, -2, -1)
    return np.where(zero, limit, g / np.where(zero, 1.0, s))


of_singular_values = Primitive(_of_singular_values, "of_singular_values")
defvjp(of_singular_values, _by_singular_value, _by_any_matrix, None)


def by_singular_values(g, y, x):
    return of_singular_values(g, x, limits(g, y, lengths=True))


defvjp(np.linalg.eigvalsh, by_eigenvalues)
defvjp(np.linalg.svdvals,  by_singular_values)
