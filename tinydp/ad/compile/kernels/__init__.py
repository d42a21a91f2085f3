"""Small functions that compiled programs call, compiled by Numba themselves.

Loops over arrays stay fast if nothing in them calls a library: `exp` and `tanh` are polynomials
without a branch, which the processor computes for several elements at once. The flag "contract"
lets a * b + c be rounded once, here only: in a program of yours, a * a - b * b is to be 0 for equal numbers.
"""

import math
import sys
from fractions import Fraction
from typing import Any

import numba
import numpy as np
from llvmlite import ir

from ... import events
from .products import dot, exact, matmul, matmul_nt, matmul_tn, matvec, spelled_out, sum_rows, summing, vecmat
from .sorting import argsort_into, search_left, search_right

__all__ = [
    "all_finite", "argsort_into", "clip", "cos_into", "dot", "empty_array", "exp", "fmax", "fmin", "grown",
    "guess", "logaddexp", "matmul", "matmul_nt", "matmul_tn", "matvec", "maximum", "minimum", "mod",
    "narrowed", "passed", "search_left", "search_right", "sign", "sin_into", "sum_rows", "tanh", "vecmat",
]

# ---------------------------------------------------------------------------- exp and tanh

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0              # 1.5 * 2**52: adding it leaves an integer in the low bits


@spelled_out(lambda x: 2.0 ** (x - _ROUND))
def _power_of_two(typingctx: Any, x: Any) -> Any:
    """2**k for `x` = `_ROUND` + k: k becomes the exponent."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(64)
        bits = builder.bitcast(args[0], integer)
        shifted = builder.shl(builder.add(bits, ir.Constant(integer, 1023)), ir.Constant(integer, 52))
        return builder.bitcast(shifted, ir.DoubleType())

    return numba.float64(numba.float64), generate


@exact
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


@exact
def exp(x: float) -> float:
    """The exponential function, to about one unit in the last place."""
    z = min(max(x, -745.2), 709.8)
    t = z * _LOG2E + _ROUND
    k = t - _ROUND
    r = (z - k * _LN2_HIGH) - k * _LN2_LOW
    half = math.floor(0.5 * k)           # in two factors: 2**1024 and 2**-1074 have no single one
    y = (1.0 + _expm1_reduced(r)) * _power_of_two(half + _ROUND) * _power_of_two(k - half + _ROUND)
    y = np.inf if x > 709.782712893384 else y
    return x if math.isnan(x) else y


@exact
def tanh(x: float) -> float:
    """The hyperbolic tangent, to about two units in the last place, for small x as well."""
    z = min(max(2.0 * x, -40.0), 40.0)
    t = z * _LOG2E + _ROUND
    k = t - _ROUND
    r = (z - k * _LN2_HIGH) - k * _LN2_LOW
    scale = _power_of_two(t)
    e = scale * _expm1_reduced(r) + (scale - 1.0)                    # exp(2 x) - 1
    return x if x == 0.0 or math.isnan(x) else e / (e + 2.0)         # -0.0 keeps its sign


# ---------------------------------------------------------------------------- elementwise, like NumPy's

@exact
def maximum(a: float, b: float) -> float:
    """The larger; nan if one is nan."""
    return a if a > b or math.isnan(a) else b    # of two zeros, NumPy takes the second


@exact
def minimum(a: float, b: float) -> float:
    """The smaller; nan if one is nan."""
    return a if a < b or math.isnan(a) else b


@exact
def fmax(a: float, b: float) -> float:
    """The larger; a nan is passed over."""
    return a if a >= b or math.isnan(b) else b


@exact
def fmin(a: float, b: float) -> float:
    """The smaller; a nan is passed over."""
    return a if a <= b or math.isnan(b) else b


@exact
def clip(x: float, low: float, high: float) -> float:
    """x, moved into [low, high]; nan if one of the three is nan."""
    y = low if x < low or math.isnan(low) else x
    return high if y > high or math.isnan(high) else y


@exact
def sign(x: float) -> float:
    """1, 0 or -1; nan for nan."""
    return 1.0 if x > 0 else (-1.0 if x < 0 else (0.0 if x == 0 else x))


def _plain_fma(a: float, b: float, c: float) -> float:
    return float(Fraction(a) * Fraction(b) + Fraction(c))


@spelled_out(_plain_fma)
def _fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return numba.float64(numba.float64, numba.float64, numba.float64), generate


@exact
def mod(a: float, b: float) -> float:
    """The remainder of a floor division, with the sign of b: the same bits as Python's."""
    q = math.floor(a / b)
    r = _fma(-q, b, a)                   # exact before its one rounding, unless q is large or one off
    return r if abs(q) < 1e9 and 0.0 < r < b else a % b


@exact
def logaddexp(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a == b:
        return a + 0.6931471805599453
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


# ---------------------------------------------------------------------------- sin and cos of arrays

_PI_2_A, _PI_2_B, _PI_2_C = 1.57079632673412561417e+00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
_LARGEST = 1e5                           # up to here pi/2 in three parts is exact enough


@exact
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
    sine = r + r * s * p if s > 0.0 else r       # -0.0 keeps its sign
    q = -1.13596475577881948265e-11
    q = q * s + 2.08757232129817482790e-09
    q = q * s - 2.75573143513906633035e-07
    q = q * s + 2.48015872894767294178e-05
    q = q * s - 1.38888888888741095749e-03
    q = q * s + 4.16666666666666019037e-02
    cosine = 1.0 - (0.5 * s - s * s * q)
    quarter = k - 4.0 * math.floor(0.25 * k)
    swap = k - 2.0 * math.floor(0.5 * k) == 1.0
    a = cosine if swap else sine
    b = sine if swap else cosine
    return (-a if quarter >= 2.0 else a), (-b if abs(quarter - 1.5) < 1.0 else b)


@exact
def _is_moderate(x: Any) -> bool:
    largest = 0.0
    for i in range(x.size):
        largest = abs(x[i]) if abs(x[i]) > largest else largest          # nan is never larger
    return largest <= _LARGEST


@exact
def sin_into(x: Any, out: Any) -> None:
    """sin of each element of a contiguous array."""
    x, out = x.ravel(), out.ravel()
    if _is_moderate(x):
        for i in range(x.size):
            out[i] = _sin_and_cos(x[i])[0]
    else:
        for i in range(x.size):
            out[i] = math.sin(x[i])


@exact
def cos_into(x: Any, out: Any) -> None:
    """cos of each element of a contiguous array."""
    x, out = x.ravel(), out.ravel()
    if _is_moderate(x):
        for i in range(x.size):
            out[i] = _sin_and_cos(x[i])[1]
    else:
        for i in range(x.size):
            out[i] = math.cos(x[i])


# ---------------------------------------------------------------------------- arrays

@summing
def all_finite(x: Any) -> bool:
    """Whether there is neither infinity nor nan in a contiguous array."""
    x = x.ravel()
    total = 0.0
    for i in range(x.size):
        total += 0.0 * x[i]
    return total == 0.0


LARGE = 2**22                            # bytes, from which on huge pages are asked for
PAGE = 2**12
HUGE_PAGES = 14                          # MADV_HUGEPAGE of madvise(2)
_madvise: Any = numba.types.ExternalFunction(
    "madvise", numba.int32(numba.uintp, numba.uintp, numba.int32))


@exact
def _on_linux(shape: Any) -> Any:
    array = np.empty(shape)
    if array.nbytes >= LARGE:
        first = (array.ctypes.data + PAGE - 1) // PAGE * PAGE
        _madvise(numba.uintp(first), numba.uintp(array.nbytes - PAGE), numba.int32(HUGE_PAGES))
    return array


@exact
def _elsewhere(shape: Any) -> Any:
    return np.empty(shape)


# np.empty for large arrays, such as what a long loop stores. New memory comes by a fault for each
# page, which costs more than filling it: huge pages are asked for, where the system has them.
empty_array = _on_linux if sys.platform == "linux" and not numba.config.DISABLE_JIT else _elsewhere


@exact
def grown(rows: Any) -> Any:
    """The same rows in an array twice as long."""
    new = np.empty((2 * rows.shape[0], *rows.shape[1:]), rows.dtype)
    new[: rows.shape[0]] = rows
    return new


guess, narrowed, passed = exact(events.guess), exact(events.narrowed), exact(events.passed)
