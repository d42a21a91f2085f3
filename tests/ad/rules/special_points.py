"""The special points of each rule: zeros, ties, repeated values, rank deficits, exact exponents, edges.

A row is `at(functions, f, x, exact)`: a program of one array with a number as result, a point, and the
same function of mpmath's numbers, which is differentiated with 50 digits. Where `exact` is one of a list
`x` of rows, matrices are such lists. What has no special point, and why, stands below the table.
"""

import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

L = np.linalg


class Point(NamedTuple):
    functions: tuple                     # of the registry, whose rules it exercises
    f: Callable                          # with NumPy
    x: np.ndarray
    exact: Callable                      # with mpmath, of the elements of x


def at(functions: Any, f: Callable, x: Any, exact: Callable) -> Point:
    functions = functions if isinstance(functions, tuple) else (functions,)
    return Point(functions, f, np.array(x, dtype=float), exact)


# ---------------------------------------------------------------------------- mathematics


def total(f: Callable) -> Callable:
    """The sum of f(x) of all elements."""
    return lambda *x: mp.fsum(map(f, x))


def squares(*x: Any) -> Any:
    return mp.fsum(c * c for c in x)


def rows(x: Any) -> list:
    """The elements of a square matrix as a list of rows."""
    n = round(len(x) ** 0.5)
    return [list(x[n * k : n * k + n]) for k in range(n)]


def det(*x: Any) -> Any:
    """By Leibniz, a polynomial."""
    a = rows(x)
    return mp.fsum(sign(p) * mp.fprod(a[i][j] for i, j in enumerate(p))
                   for p in itertools.permutations(range(len(a))))


def sign(permutation: tuple) -> int:
    return (-1) ** sum(i > j for i, j in itertools.combinations(permutation, 2))


def matrix(x: Any) -> Any:
    return mp.matrix(rows(x))


def trace_of_power(k: int) -> Callable:
    def exact(*x: Any) -> Any:
        a = matrix(x)
        product = (a + a.T) / 2
        for _ in range(k - 1):
            product = product * (a + a.T) / 2
        return mp.fsum(product[i, i] for i in range(a.rows))
    return exact


def symmetric(a: Any) -> Any:
    return (a + a.T) / 2


def root(x: Any) -> Any:
    return -mp.cbrt(-x) if x < 0 else mp.cbrt(x)


def inverse_sum(*x: Any) -> Any:
    """sum(w * inv(a)) for a 2 x 2 matrix, with w = [[1, 2], [3, 4]]"""
    a, b, c, d = x
    return (1 * d - 2 * b - 3 * c + 4 * a) / (a * d - b * c)


def variance(*x: Any) -> Any:
    mean = mp.fsum(x) / len(x)
    return mp.fsum((c - mean) ** 2 for c in x) / len(x)


W = np.array([[1.0, 2.0], [3.0, 4.0]])
TURN = np.linalg.qr(np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 2.0], [0.2, -0.7, 1.0]]))[0]
REPEATED = symmetric((TURN * [1.0, 1.0, 2.0]) @ TURN.T)
OF_RANK_1 = symmetric((TURN * [0.0, 0.0, 2.0]) @ TURN.T)
OF_RANK_2 = (TURN * [0.0, 1.0, 2.0]) @ np.roll(TURN, 1, 0).T
ALL = [np.zeros((3, 3)), np.eye(3), REPEATED, OF_RANK_1]

# ---------------------------------------------------------------------------- the table

POINTS = [
    # arithmetic
    at((np.multiply, operator.mul), lambda x: x[0] * x[1] * x[2], [0, 0, 3], lambda a, b, c: a * b * c),
    at((np.divide, operator.truediv), lambda x: x[0] / x[1], [0, 2], lambda a, b: a / b),
    at((np.divide,), lambda x: np.sum(np.divide(x[:2], x[2:])), [0, 0, -1, 2],
       lambda a, b, c, d: a / c + b / d),
    at(np.reciprocal, lambda x: np.sum(np.reciprocal(x)), [-1, 2], total(lambda c: 1 / c)),
    at(np.square, lambda x: np.sum(np.square(x)), [0, -1], squares),
    at((np.mod, operator.mod), lambda x: x[0] % x[1] * x[0], [-5.5, 2], lambda a, b: (a + 3 * b) * a),
    at(np.fmod, lambda x: np.fmod(x[0], x[1]) * x[0], [-5.5, 2], lambda a, b: (a + 2 * b) * a),
    # powers
    *(at((np.power, operator.pow), lambda x: x[0] ** x[1], [2, p], lambda a, b: a**b)
      for p in (0, 1, 2, 3, -1, 0.5)),
    *(at(np.float_power, lambda x: np.float_power(x[0], x[1]), [2, p], lambda a, b: a**b) for p in (0, 1, 2)),
    *(at(np.power, lambda x, p=p: np.sum(x**p), [0, -2, 3], total(lambda c, p=p: c**p))
      for p in (0, 1, 2, 3, 4.0)),
    at(np.power, lambda x: np.sum(x ** np.array([0, 1, 2, 3])), [0] * 4,
       lambda a, b, c, d: 1 + b + c**2 + d**3),
    at(np.power, lambda x: np.sum(np.array([1.0, 2.0]) ** x), [0, 0],
       lambda a, b: mp.mpf(1)**a + mp.mpf(2)**b),
    at(np.sqrt, lambda x: np.sum(np.sqrt(x)), [1, 4], total(mp.sqrt)),
    at(np.sqrt, lambda x: np.sqrt(1 + x[0] ** 2), [0], lambda a: mp.sqrt(1 + a * a)),
    at(np.cbrt, lambda x: np.sum(np.cbrt(x)), [-8, 1], total(root)),
    # exponentials and logarithms
    at(np.exp, lambda x: np.sum(np.exp(x)), [0, -30], total(mp.exp)),
    at(np.exp2, lambda x: np.sum(np.exp2(x)), [0, -1], total(lambda c: mp.mpf(2) ** c)),
    at(np.expm1, lambda x: np.sum(np.expm1(x)), [0, 1e-20], total(mp.expm1)),
    at(np.log, lambda x: np.sum(np.log(x)), [1, 1e-3], total(mp.log)),
    at(np.log2, lambda x: np.sum(np.log2(x)), [1, 8], total(lambda c: mp.log(c, 2))),
    at(np.log10, lambda x: np.sum(np.log10(x)), [1, 100], total(mp.log10)),
    at(np.log1p, lambda x: np.sum(np.log1p(x)), [0, 1e-20], total(mp.log1p)),
    *(at(np.logaddexp, lambda x: np.logaddexp(x[0], x[1]), x, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)))
      for x in ([1, 1], [0, -40])),
    at(np.logaddexp2, lambda x: np.logaddexp2(x[0], x[1]), [1, 1],
       lambda a, b: mp.log(mp.mpf(2)**a + mp.mpf(2)**b, 2)),
    # angles
    at(np.sin, lambda x: np.sum(np.sin(x)), [0, np.pi / 2], total(mp.sin)),
    at(np.cos, lambda x: np.sum(np.cos(x)), [0, np.pi / 2], total(mp.cos)),
    at(np.tan, lambda x: np.sum(np.tan(x)), [0, 1.5], total(mp.tan)),
    at(np.arcsin, lambda x: np.sum(np.arcsin(x)), [0, 0.5], total(mp.asin)),
    at(np.arccos, lambda x: np.sum(np.arccos(x)), [0, 0.5], total(mp.acos)),
    at(np.arctan, lambda x: np.sum(np.arctan(x)), [0, -1], total(mp.atan)),
    *(at(np.arctan2, lambda x: np.arctan2(x[0], x[1]), x, lambda a, b: mp.atan2(a, b))
      for x in ([0, 1], [1, 0], [-1, 0], [1, 1], [3, -4])),
    at(np.sinh, lambda x: np.sum(np.sinh(x)), [0, 1], total(mp.sinh)),
    at(np.cosh, lambda x: np.sum(np.cosh(x)), [0, 1], total(mp.cosh)),
    at(np.tanh, lambda x: np.sum(np.tanh(x)), [0, 1], total(mp.tanh)),
    at(np.arcsinh, lambda x: np.sum(np.arcsinh(x)), [0, 1], total(mp.asinh)),
    at(np.arccosh, lambda x: np.sum(np.arccosh(x)), [2, 1.25], total(mp.acosh)),
    at(np.arctanh, lambda x: np.sum(np.arctanh(x)), [0, 0.5], total(mp.atanh)),
    at(np.sinc, lambda x: np.sum(np.sinc(x)), [0.25, 1], total(lambda c: mp.sin(mp.pi * c) / (mp.pi * c))),
    at(np.sinc, lambda x: np.sum(np.sinc(x)), [0, 0],
       total(lambda c: 1 - (mp.pi * c) ** 2 / 6 + (mp.pi * c) ** 4 / 120)),
    # lengths: smooth functions of what has a kink
    at(np.abs, lambda x: np.sum(np.abs(x) ** 2), [0, -2], squares),
    at(np.abs, lambda x: np.abs(x[0]) * np.abs(x[0]), [0], squares),
    at((np.abs, operator.abs), lambda x: np.square(abs(x[0])), [0], squares),
    at(np.abs, lambda x: np.cos(np.abs(x[0])), [0], mp.cos),
    at(np.abs, lambda x: np.sum(np.exp(-np.abs(x) ** 4)), [0, 0], lambda a, b: mp.exp(-a**4) + mp.exp(-b**4)),
    at(np.abs, lambda x: np.abs(x[0]) ** 2 * x[1] + x[1] ** 2, [0, 3], lambda a, b: a * a * b + b * b),
    at(np.fabs, lambda x: np.sum(np.fabs(x) ** 2), [0, 3], squares),
    at(np.copysign, lambda x: np.copysign(x[0], 1.0) ** 2, [0], squares),
    at(np.hypot, lambda x: np.hypot(x[0], x[1]) ** 2, [0, 0], squares),
    at(np.hypot, lambda x: np.cosh(np.hypot(x[0], x[1])), [0, 0], lambda a, b: 1 + squares(a, b) / 2),
    *(at(np.hypot, lambda x: np.hypot(x[0], x[1]), x, mp.hypot) for x in ([3, 0], [0, -4], [3, 4])),
    *(at(L.norm, lambda x: L.norm(x) ** 2, x, squares) for x in ([0, 0], [0, 3], [[0, 0], [0, 0]])),
    at(L.norm, lambda x: np.cos(L.norm(x)), [0, 0, 0], lambda *x: 1 - squares(*x) / 2),
    at(L.norm, lambda x: np.sinc(L.norm(x)), [0, 0], lambda *x: 1 - mp.pi**2 * squares(*x) / 6),
    at(L.norm, lambda x: np.sum(L.norm(x, axis=0) ** 2), [[0, 1], [0, 2]], squares),
    at(L.norm, lambda x: L.norm(x) * L.norm(x), [0, 0], squares),
    at(L.norm, lambda x: L.norm(x, 3) ** 3, [1, 2], lambda a, b: a**3 + b**3),
    at(L.norm, lambda x: L.norm(x, 4) ** 4, [0, 2], lambda a, b: a**4 + b**4),
    at(L.norm, lambda x: L.norm(x, 4) ** 4, [0, 0], lambda a, b: a**4 + b**4),
    at(L.norm, lambda x: L.norm(x, 1), [1, -2], lambda a, b: a - b),
    at(L.vector_norm, lambda x: L.vector_norm(x) ** 2, [0, 0], squares),
    at(L.matrix_norm, lambda x: L.matrix_norm(x) ** 2, [[0, 0], [0, 0]], squares),
    *(at(np.std, lambda x: np.std(x) ** 2, x, variance) for x in ([1, 1], [1, 1, 1], [1, 2])),
    at(np.var, lambda x: np.var(x), [1, 1, 1], variance),
    # ties of what is the same, and of what only changes places
    at(np.maximum, lambda x: np.sum(np.maximum(x, x) ** 2), [0, 1], squares),
    at(np.minimum, lambda x: np.sum(np.minimum(x, x) ** 2), [0, 1], squares),
    at(np.fmax, lambda x: np.sum(np.fmax(x, x) ** 2), [0, 1], squares),
    at(np.fmin, lambda x: np.sum(np.fmin(x, x) ** 2), [0, 1], squares),
    *(at(f, lambda x, f=f: f(np.stack([x[0], x[0]])) ** 2, [3], squares)
      for f in (np.max, np.min, np.amax, np.amin)),
    at(np.ptp, lambda x: np.ptp(x) ** 2, [1, 3, 2], lambda a, b, c: (b - a) ** 2),
    *(at(f, lambda x, f=f: f(x) ** 2, [np.nan, 3], lambda a, b: b * b) for f in (np.nanmax, np.nanmin)),
    at(np.sort, lambda x: np.sum(np.sort(x) ** 2), [1, 1, 0], squares),
    at(np.partition, lambda x: np.sum(np.partition(x, 1) ** 2), [1, 1, 0], squares),
    at(np.median, lambda x: np.median(np.stack([x[0], x[0], x[1]])) ** 2, [1, 5], lambda a, b: a * a),
    at(np.quantile, lambda x: np.quantile(x, 0.5) ** 2, [1, 3], lambda a, b: (a + b) ** 2 / 4),
    at(np.percentile, lambda x: np.percentile(x, 50) ** 2, [1, 3], lambda a, b: (a + b) ** 2 / 4),
    at(np.where, lambda x: np.sum(np.where(x > 0, x**2, x**3)), [2, -1], lambda a, b: a**2 + b**3),
    at(np.select, lambda x: np.sum(np.select([x > 1, x > 0], [x**2, x**3], x)), [2, .5],
       lambda a, b: a**2 + b**3),
    at(np.clip, lambda x: np.sum(np.clip(x, 0, 1) ** 2), [0.5, 2], lambda a, b: a * a + 1),
    at(np.heaviside, lambda x: np.heaviside(0.0, x[0]) ** 2, [3], squares),
    # products and sums
    *(at(np.prod, lambda x: np.prod(x), x, lambda *x: mp.fprod(x))
      for x in ([0, 2, 3], [0, 0, 3], [0, 0, 0])),
    *(at(np.cumprod, lambda x: np.sum(np.cumprod(x)), x, lambda a, b, c: a + a * b + a * b * c)
      for x in ([0, 2, 3], [1, 0, 3], [0, 0, 0])),
    at(np.nanprod, lambda x: np.nanprod(x), [0, 0, np.nan], lambda a, b, c: a * b),
    at(np.nansum, lambda x: np.nansum(x) ** 2, [0, np.nan], lambda a, b: a * a),
    at(np.nanmean, lambda x: np.nanmean(x) ** 2, [0, np.nan], lambda a, b: a * a),
    at(np.nan_to_num, lambda x: np.sum(np.nan_to_num(x) ** 2), [0, np.nan], lambda a, b: a * a),
    at(np.average, lambda x: np.average(x[:2], weights=x[2:]), [0, 0, 1, 0],
       lambda a, b, c, d: (a * c + b * d) / (c + d)),
    # products of vectors and matrices, with zeros and with themselves
    at((np.matmul, operator.matmul), lambda x: np.sum(x @ x), [[0, 0], [0, 1]],
       lambda a, b, c, d: a * a + 2 * b * c + d * d + a * b + b * d + c * a + d * c),
    at((np.einsum,), lambda x: np.einsum("ii,i->", x, x[0]), [[0, 0], [0, 0]],
       lambda a, b, c, d: a * a + d * b),
    at((np.einsum,), lambda x: np.einsum("ij,jk,ki->", x, x, x), np.zeros((2, 2)),
       lambda a, b, c, d: a**3 + d**3 + 3 * b * c * (a + d)),
    *(at(f, lambda x, f=f: f(x, x), [0, 2], squares)
      for f in (np.dot, np.inner, np.vdot, np.vecdot, L.vecdot)),
    *(at(f, lambda x, f=f: np.sum(f(x, x)), [0, 0], lambda a, b: (a + b) ** 2)
      for f in (np.outer, L.outer, np.kron, np.convolve)),
    at((np.tensordot, L.tensordot), lambda x: np.tensordot(x, x, 1) + L.tensordot(x, x, axes=1), [0, 1],
       lambda *x: 2 * squares(*x)),
    at(np.correlate, lambda x: np.sum(np.correlate(x, x, "full")), [0, 0], lambda a, b: (a + b) ** 2),
    at((np.cross, L.cross), lambda x: np.sum(np.cross(x[:3], x[3:]) + L.cross(x[:3], x[3:])), [0] * 6,
       lambda a, b, c, d, e, f: 2 * (b * f - c * e + c * d - a * f + a * e - b * d)),
    at((L.multi_dot, L.matmul),
       lambda x: np.sum(L.multi_dot([x, x, x])) + np.sum(L.matmul(x, x)), np.zeros((2, 2)),
       lambda *x: mp.fsum(matrix(x) ** 3) + mp.fsum(matrix(x) ** 2)),
    at((np.matvec, np.vecmat), lambda x: np.matvec(x, x[0]) @ np.vecmat(x[0], x), np.zeros((2, 2)),
       lambda *x: 0 * x[0]),
    # curves
    at(np.polyval, lambda x: np.polyval(x[:3], x[3]), [0, 2, 3, 0], lambda a, b, c, t: a * t * t + b * t + c),
    at(np.vander, lambda x: np.sum(np.vander(x, 4)), [0, 0], total(lambda c: 1 + c + c**2 + c**3)),
    at(np.interp, lambda x: np.interp(x[0], [0.0, 1.0, 3.0], x[1:]), [1.0, 1, 2, 6],
       lambda t, a, b, c: b + (c - b) * (t - 1) / 2),
    at(np.trapezoid, lambda x: np.trapezoid(x[:2], x[2:]), [0, 0, 1, 1],
       lambda a, b, c, d: (a + b) * (d - c) / 2),
    at(np.gradient, lambda x: np.sum(np.gradient(x[:2], x[2:])), [0, 0, 1, 3],
       lambda a, b, c, d: 2 * (b - a) / (d - c)),
    # matrices of any rank
    *(at(L.det, lambda x: L.det(x), x, det)
      for x in (*ALL, OF_RANK_2, np.zeros((2, 2)), np.ones((2, 2)), np.zeros((1, 1)))),
    *(at(L.det, lambda x: L.det(x), x, det)
      for x in (np.diag([1, 0, 0, 0]), np.diag([0, 0, 2, 3]), np.zeros((4, 4)))),
    at(L.slogdet, lambda x: L.slogdet(x)[1], np.eye(2), lambda *x: mp.log(det(*x))),
    at(L.inv, lambda x: np.sum(W.T * L.inv(x)), np.eye(2),
       lambda a, b, c, d: (d - 3 * b - 2 * c + 4 * a) / (a * d - b * c)),
    at(L.solve, lambda x: np.sum(L.solve(x, np.eye(2)) * W), np.eye(2),
       lambda a, b, c, d: (d - 2 * b - 3 * c + 4 * a) / (a * d - b * c)),
    at(L.pinv, lambda x: np.sum(L.pinv(x) * W), np.eye(2),
       lambda a, b, c, d: (d - 2 * b - 3 * c + 4 * a) / (a * d - b * c)),
    at(L.pinv, lambda x: np.sum(L.pinv(np.stack([x, 0 * x]))), [3, 4],
       lambda a, b: (a + b) / (a * a + b * b)),
    at(L.lstsq, lambda x: np.sum(L.lstsq(x, np.eye(2))[0] * W), np.eye(2),
       lambda a, b, c, d: (d - 2 * b - 3 * c + 4 * a) / (a * d - b * c)),
    *(at(L.lstsq, lambda x: L.lstsq(x[:2, None], x[2:])[0][0], x,
         lambda a, b, c, d: (a * c + b * d) / (a * a + b * b))
      for x in ([3, 4, 6, 8], [3, 4, 4, -3], [3, 4, 0, 0], [0, 1, 2, 0])),
    at(L.lstsq, lambda x: L.lstsq(x[:2, None], x[2:])[1][0], [3, 4, 6, 8],
       lambda a, b, c, d: c * c + d * d - (a * c + b * d) ** 2 / (a * a + b * b)),
    at(L.lstsq, lambda x: L.lstsq(np.stack([x[:2], 0 * x[:2]], 1), x[2:])[0][0], [3, 4, 1, 2],
       lambda a, b, c, d: (a * c + b * d) / (a * a + b * b)),
    at(L.lstsq, lambda x: np.sum(L.lstsq(x[None, :2], x[2:])[0]), [3, 4, 0],
       lambda a, b, c: (a + b) * c / (a * a + b * b)),
    at(L.matrix_power, lambda x: np.sum(L.matrix_power(x, 3)), np.zeros((2, 2)),
       lambda *x: mp.fsum(matrix(x) ** 3)),
    at(L.matrix_power, lambda x: np.sum(L.matrix_power(x, -1) * W), np.eye(2), inverse_sum),
    at(L.cholesky, lambda x: np.sum(np.diagonal(L.cholesky(symmetric(x))) ** 2), np.eye(2),
       lambda a, b, c, d: a + d - (b + c) ** 2 / (4 * a)),
    *(at(L.qr, lambda x: np.sum(np.diagonal(L.qr(x)[1]) ** 2), x,
         lambda a, b, c, d: a * a + c * c + (a * d - b * c) ** 2 / (a * a + c * c))
      for x in (np.eye(2), [[0, 1], [1, 0]])),
    *(at(L.qr, lambda x: L.qr(x)[0][1, 0] ** 2, x, lambda a, b: b * b / (a * a + b * b))
      for x in ([[1], [0]], [[0], [1]])),
    *(at(L.qr, lambda x, mode=mode: L.qr(x, mode)[1][0, 2] ** 2, np.eye(2, 3),
         lambda a, b, c, d, e, f: (a * c + d * f) ** 2 / (a * a + d * d))
      for mode in ("reduced", "complete")),
    at(L.qr, lambda x: L.qr(x, "r")[0, 1] ** 2, np.eye(2),
       lambda a, b, c, d: (a * b + c * d) ** 2 / (a * a + c * c)),
    *(at(L.eigvalsh, lambda x, k=k: np.sum(L.eigvalsh(symmetric(x)) ** k), x, trace_of_power(k))
      for k in (1, 2, 3) for x in ALL),
    *(at(L.eigh, lambda x: np.sum(L.eigh(symmetric(x))[0] ** 2), x, trace_of_power(2)) for x in ALL),
    at(L.eigvalsh, lambda x: np.prod(L.eigvalsh(symmetric(x))), np.eye(2),
       lambda a, b, c, d: a * d - (b + c) ** 2 / 4),
    *(at(L.svdvals, lambda x: np.sum(L.svdvals(x) ** 2), x, squares)
      for x in (*ALL, OF_RANK_2, np.zeros((2, 3)), np.ones((3, 2)))),
    *(at(L.svd, lambda x: np.sum(L.svd(x, full_matrices=False)[1] ** 2), x, squares)
      for x in (*ALL, np.eye(2, 3))),
    at(L.norm, lambda x: L.norm(x, "nuc") ** 2 - 2 * L.det(x), np.diag([1, 2]), squares),
]

# ---------------------------------------------------------------------------- no special point

LINEAR = """
    numpy: add subtract negative positive deg2rad radians rad2deg degrees
    numpy: sum mean cumsum diff linspace unwrap
    numpy: reshape ravel squeeze expand_dims transpose swapaxes moveaxis broadcast_to flip fliplr flipud
    numpy: roll rot90 tril triu copy real real_if_close conjugate diag pad rollaxis matrix_transpose
    numpy: broadcast_arrays meshgrid tile astype diagflat diagonal trace concatenate stack vstack hstack
    numpy: dstack column_stack append block atleast_1d atleast_2d atleast_3d full_like array_split split
    numpy: hsplit vsplit dsplit unstack take repeat delete compress extract resize take_along_axis
    numpy: bincount
    numpy.linalg: matrix_transpose diagonal trace
    operator: add sub neg pos getitem
"""
