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
from numba.extending import register_jitable

from ... import events
from ..polynomials import (
    LARGEST_ANGLE,
    LN2_HIGH,
    LN2_LOW,
    LOG2E,
    PI_2_A,
    PI_2_B,
    PI_2_C,
    ROUND,
    cosine_near_zero,
    expm1_near_zero,
    sine_near_zero,
)
from .products import (
    OPTIONS_OF_EXACT,
    dot,
    exact,
    matmul,
    matmul_nt,
    matmul_tn,
    matvec,
    spelled_out,
    sum_rows,
    summing,
    vecmat,
)
from .sorting import argsort_into, search_left, search_right

__all__ = [
    "all_finite", "argsort_into", "clip", "cos_into", "dot", "empty_array", "exp", "fmax", "fmin", "grown",
    "guess", "logaddexp", "matmul", "matmul_nt", "matmul_tn", "matvec", "maximum", "minimum", "mod",
    "narrowed", "passed", "search_left", "search_right", "sign", "sin_into", "sum_rows", "tanh", "vecmat",
]

# ---------------------------------------------------------------------------- exp and tanh

for polynomial in (expm1_near_zero, sine_near_zero, cosine_near_zero):
    register_jitable(**OPTIONS_OF_EXACT)(polynomial)


@spelled_out(lambda x: 2.0 ** (x - ROUND))
def _power_of_two(typingctx: Any, x: Any) -> Any:
    """2**k for `x` = `ROUND` + k: k becomes the exponent."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(64)
        bits = builder.bitcast(args[0], integer)
        shifted = builder.shl(builder.add(bits, ir.Constant(integer, 1023)), ir.Constant(integer, 52))
        return builder.bitcast(shifted, ir.DoubleType())

    return numba.float64(numba.float64), generate


@exact
def exp(x: float) -> float:
    """The exponential function, to about one unit in the last place."""
    z = min(max(x, -745.2), 709.8)
    t = z * LOG2E + ROUND
    k = t - ROUND
    r = (z - k * LN2_HIGH) - k * LN2_LOW
    half = math.floor(0.5 * k)           # in two factors: 2**1024 and 2**-1074 have no single one
    y = (1.0 + expm1_near_zero(r)) * _power_of_two(half + ROUND) * _power_of_two(k - half + ROUND)
    y = np.inf if x > 709.782712893384 else y
    return x if math.isnan(x) else y


@exact
def tanh(x: float) -> float:
    """The hyperbolic tangent, to about two units in the last place, for small x as well."""
    z = min(max(2.0 * x, -40.0), 40.0)
    t = z * LOG2E + ROUND
    k = t - ROUND
    r = (z - k * LN2_HIGH) - k * LN2_LOW
    scale = _power_of_two(t)
    e = scale * expm1_near_zero(r) + (scale - 1.0)                    # exp(2 x) - 1
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



@exact
def _sin_and_cos(x: float) -> tuple[float, float]:
    """Both for |x| <= 1e5, without a branch: polynomials (those of fdlibm) on [-pi/4, pi/4]."""
    t = x * 0.6366197723675814 + ROUND
    k = t - ROUND
    r = ((x - k * PI_2_A) - k * PI_2_B) - k * PI_2_C
    sine, cosine = sine_near_zero(r), cosine_near_zero(r)
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
    return largest <= LARGEST_ANGLE


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
