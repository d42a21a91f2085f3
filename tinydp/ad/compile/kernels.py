"""Small functions that compiled programs call, compiled by Numba themselves.

Loops over arrays stay fast if nothing in them calls a library: `exp` and `tanh` are polynomials
without a branch, which the processor computes for several elements at once. The flag "contract"
lets a * b + c be rounded once; it changes neither nan nor infinity.
"""

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from .. import loops

inline = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True, inline="never")
summing = numba.njit(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)

# ---------------------------------------------------------------------------- exp and tanh

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0              # 1.5 * 2**52: adding it leaves an integer in the low bits


@intrinsic
def _power_of_two(typingctx: Any, x: Any) -> Any:
    """2**k for `x` = `_ROUND` + k: k becomes the exponent."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(64)
        bits = builder.bitcast(args[0], integer)
        shifted = builder.shl(builder.add(bits, ir.Constant(integer, 1023)), ir.Constant(integer, 52))
        return builder.bitcast(shifted, ir.DoubleType())

    return numba.float64(numba.float64), generate


@inline
def _expm1_reduced(r: float) -> float:
    """exp(r) - 1 for |r| <= log(2) / 2: Taylor's polynomial, its error below 2**-57 of the result."""
    p = 1.1470745597729725e-11           # 1/14!
    p = p * r + 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    return r + r * r * (p * r + 0.5)


@inline
def exp(x: float) -> float:
    """The exponential function, to about one unit in the last place."""
    z = min(max(x, -745.2), 709.8)
    t = z * _LOG2E + _ROUND
    k = t - _ROUND
    r = (z - k * _LN2_HIGH) - k * _LN2_LOW
    half = math.floor(0.5 * k)           # in two factors: 2**1024 and 2**-1074 have no single one
    y = (1.0 + _expm1_reduced(r)) * _power_of_two(half + _ROUND) * _power_of_two(k - half + _ROUND)
    y = np.inf if x > 709.782712893384 else y
    return y if x == x else x


@inline
def tanh(x: float) -> float:
    """The hyperbolic tangent, to about two units in the last place, for small x as well."""
    z = min(max(2.0 * x, -40.0), 40.0)
    t = z * _LOG2E + _ROUND
    k = t - _ROUND
    r = (z - k * _LN2_HIGH) - k * _LN2_LOW
    scale = _power_of_two(t)
    e = scale * _expm1_reduced(r) + (scale - 1.0)                    # exp(2 x) - 1
    return e / (e + 2.0) if x == x else x


# ---------------------------------------------------------------------------- elementwise, with NumPy's manners

@inline
def maximum(a: float, b: float) -> float:
    """The larger; nan if one is nan."""
    return a if a >= b or a != a else b


@inline
def minimum(a: float, b: float) -> float:
    """The smaller; nan if one is nan."""
    return a if a <= b or a != a else b


@inline
def fmax(a: float, b: float) -> float:
    """The larger; a nan is passed over."""
    return a if a >= b or b != b else b


@inline
def fmin(a: float, b: float) -> float:
    """The smaller; a nan is passed over."""
    return a if a <= b or b != b else b


@inline
def clip(x: float, low: float, high: float) -> float:
    """x, moved into [low, high]."""
    y = low if x < low else x
    return high if y > high else y


@inline
def sign(x: float) -> float:
    """1, 0 or -1; nan for nan."""
    return 1.0 if x > 0 else (-1.0 if x < 0 else (0.0 if x == 0 else x))


@inline
def mod(a: float, b: float) -> float:
    """The remainder of floor division, with the sign of b."""
    return a % b


@inline
def logaddexp(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a == b:
        return a + 0.6931471805599453
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


# ---------------------------------------------------------------------------- sin and cos of arrays

_PI_2_A, _PI_2_B, _PI_2_C = 1.57079632673412561417e+00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
_LARGEST = 1e5                           # up to here pi/2 in three parts is exact enough


@inline
def _sin_and_cos(x: float) -> tuple[float, float]:
    """Both for |x| <= 1e5, without a branch: polynomials (those of fdlibm) on [-pi/4, pi/4]."""
    t = x * 0.6366197723675814 + _ROUND
    k = t - _ROUND
    r = ((x - k * _PI_2_A) - k * _PI_2_B) - k * _PI_2_C
    s = r * r
    p = 1.58969099521155010221e-10
    p = p * s - 2.50507602534068634195e-08
    p = p * s + 2.75573137070700676789e-06
    p = p * s - 1.98412698298579493134e-04
    p = p * s + 8.33333333332248946124e-03
    p = p * s - 1.66666666666666324348e-01
    sine = r + r * s * p
    q = -1.13596475577881948265e-11
    q = q * s + 2.08757232129817482790e-09
    q = q * s - 2.75573143513906633035e-07
    q = q * s + 2.48015872894767294178e-05
    q = q * s - 1.38888888888741095749e-03
    q = q * s + 4.16666666666666019037e-02
    cosine = 1.0 - (0.5 * s - s * s * q)
    quarter = k - 4.0 * math.floor(0.25 * k)
    swap = quarter == 1.0 or quarter == 3.0
    a = cosine if swap else sine
    b = sine if swap else cosine
    return (-a if quarter >= 2.0 else a), (-b if quarter == 1.0 or quarter == 2.0 else b)


@inline
def _is_moderate(x: Any) -> bool:
    largest = 0.0
    for i in range(x.size):
        largest = largest if abs(x[i]) <= largest else abs(x[i])
    return largest <= _LARGEST


@inline
def sin_into(x: Any, out: Any) -> None:
    """sin of each element of a contiguous array."""
    x, out = x.ravel(), out.ravel()
    if _is_moderate(x):
        for i in range(x.size):
            out[i] = _sin_and_cos(x[i])[0]
    else:
        for i in range(x.size):
            out[i] = math.sin(x[i])


@inline
def cos_into(x: Any, out: Any) -> None:
    """cos of each element of a contiguous array."""
    x, out = x.ravel(), out.ravel()
    if _is_moderate(x):
        for i in range(x.size):
            out[i] = _sin_and_cos(x[i])[1]
    else:
        for i in range(x.size):
            out[i] = math.cos(x[i])


# ---------------------------------------------------------------------------- products

@summing
def dot(x: Any, y: Any) -> float:
    """x @ y of two vectors."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@inline
def vecmat(x: Any, w: Any, out: Any) -> None:
    """out = x @ w, four rows of w at a time."""
    rows, columns = w.shape
    for j in range(columns):
        out[j] = 0.0
    i = 0
    while i + 4 <= rows:
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(columns):
            out[j] += a * w[i, j] + b * w[i + 1, j] + c * w[i + 2, j] + d * w[i + 3, j]
        i += 4
    while i < rows:
        a = x[i]
        for j in range(columns):
            out[j] += a * w[i, j]
        i += 1


@summing
def matvec(w: Any, x: Any, out: Any) -> None:
    """out = w @ x, four rows of w at a time."""
    rows, columns = w.shape
    i = 0
    while i + 4 <= rows:
        a = b = c = d = 0.0
        for j in range(columns):
            z = x[j]
            a += w[i, j] * z
            b += w[i + 1, j] * z
            c += w[i + 2, j] * z
            d += w[i + 3, j] * z
        out[i], out[i + 1], out[i + 2], out[i + 3] = a, b, c, d
        i += 4
    while i < rows:
        a = 0.0
        for j in range(columns):
            a += w[i, j] * x[j]
        out[i] = a
        i += 1


@inline
def matmul(a: Any, b: Any, out: Any) -> None:
    """out = a @ b: two rows of `a` and four of `b` at a time."""
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    out[:, :] = 0.0
    i = 0
    while i + 2 <= rows:
        k = 0
        while k + 4 <= inner:
            p0, p1, p2, p3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            q0, q1, q2, q3 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            for j in range(columns):
                x, y, z, w = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                out[i, j] += p0 * x + p1 * y + p2 * z + p3 * w
                out[i + 1, j] += q0 * x + q1 * y + q2 * z + q3 * w
            k += 4
        while k < inner:
            p, q = a[i, k], a[i + 1, k]
            for j in range(columns):
                out[i, j] += p * b[k, j]
                out[i + 1, j] += q * b[k, j]
            k += 1
        i += 2
    while i < rows:
        vecmat(a[i], b, out[i])
        i += 1


@inline
def matmul_tn(a: Any, b: Any, out: Any) -> None:
    """out = a.T @ b: a sum of outer products, four rows of each at a time."""
    inner, rows, columns = a.shape[0], a.shape[1], b.shape[1]
    out[:, :] = 0.0
    k = 0
    while k + 4 <= inner:
        for i in range(rows):
            p, q, r, s = a[k, i], a[k + 1, i], a[k + 2, i], a[k + 3, i]
            for j in range(columns):
                out[i, j] += p * b[k, j] + q * b[k + 1, j] + r * b[k + 2, j] + s * b[k + 3, j]
        k += 4
    while k < inner:
        for i in range(rows):
            p = a[k, i]
            for j in range(columns):
                out[i, j] += p * b[k, j]
        k += 1


@inline
def matmul_nt(a: Any, b: Any, out: Any) -> None:
    """out = a @ b.T: each row of `a` with each row of `b`."""
    for i in range(a.shape[0]):
        matvec(b, a[i], out[i])


@summing
def all_finite(x: Any) -> bool:
    """Whether there is neither infinity nor nan in a contiguous array."""
    x = x.ravel()
    total = 0.0
    for i in range(x.size):
        total += 0.0 * x[i]
    return total == 0.0


@inline
def grown(rows: Any) -> Any:
    """The same rows in an array twice as long."""
    new = np.empty((2 * rows.shape[0],) + rows.shape[1:], rows.dtype)
    new[: rows.shape[0]] = rows
    return new


guess, narrowed = inline(loops.guess), inline(loops.narrowed)
