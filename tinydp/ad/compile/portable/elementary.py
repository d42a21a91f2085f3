"""Elementary functions with the same bits in every browser: sums, products, quotients and roots alone.

IEEE 754 says what these are, to the last bit; of sin, exp or pow it does not. The polynomial of log is
fdlibm's (Sun Microsystems, 1993), that of exp and tanh is the one of compiled programs (`kernels/`).

    >>> abs(log(10.0) - math.log(10.0)) < 1e-15, abs(arcsinh(2.0) - math.asinh(2.0)) < 1e-15
    (True, True)

They are read by `reader.py`, and are plain Python as well.
"""

import math
from typing import TYPE_CHECKING

from ..polynomials import LN2_HIGH, LN2_LOW, LOG2E, ROUND, expm1_near_zero

if TYPE_CHECKING:
    from ..kernels import exp

LOG10E = 0.4342944819032518
SPLIT = 134217729.0                      # 2**27 + 1: it cuts a number in two halves


# ---------------------------------------------------------------------------- bits

def _power_of_two(x: float) -> float:
    """2**k for `x` = `ROUND` + k: printers write it as the exponent's bits."""
    return 2.0 ** (x - ROUND)


def _exponent(x: float) -> float:
    """k for 2**k <= x < 2**(k + 1), of a normal number: printers read the exponent's bits."""
    return math.frexp(x)[1] - 1.0


def _fma(a: float, b: float, c: float) -> float:
    """a * b + c, rounded once, if the sum of c and the rounded product is exact."""
    p = a * b
    high_a, high_b = _high(a), _high(b)
    low_a, low_b = a - high_a, b - high_b
    error = ((high_a * high_b - p) + high_a * low_b + low_a * high_b) + low_a * low_b
    return (c + p) + error


def _high(x: float) -> float:
    """The first 26 bits."""
    t = SPLIT * x
    return t - (t - x)


# ---------------------------------------------------------------------------- remainders

def fmod(a: float, b: float) -> float:
    """What remains of |a| when |b| was taken away as often as it can be, with the sign of a; exact."""
    x, y = abs(a), abs(b)
    if not (x < math.inf and y > 0.0):
        return math.nan
    if x < y:
        return a
    t = y
    while t + t <= x:
        t = t + t
    while t >= y:
        if x >= t:
            x = x - t
        t = 0.5 * t
    return math.copysign(x, a)


def _remainder(a: float, b: float) -> float:
    """The same with the sign of b, as Python's a % b."""
    r = fmod(a, b)
    if r == 0.0:
        return math.copysign(0.0, b)
    return r + b if (r < 0.0) != (b < 0.0) else r


def floor_divide(a: float, b: float) -> float:
    """The quotient that belongs to the remainder, as Python's a // b."""
    if b == 0.0:
        return a / b
    r = _remainder(a, b)
    q = (a - r) / b
    if q == 0.0:
        return math.copysign(0.0, a / b)
    below = math.floor(q)
    return below + 1.0 if q - below > 0.5 else below


def rint(x: float) -> float:
    """The nearest integer, of two the even one."""
    if not abs(x) < 4503599627370496.0:
        return x
    t = math.copysign(4503599627370496.0, x)
    return math.copysign((x + t) - t, x)


def trunc(x: float) -> float:
    """The integer part."""
    return math.copysign(math.floor(abs(x)), x)


def signbit(x: float) -> bool:
    """Whether there is a minus."""
    return math.copysign(1.0, x) < 0.0


# ---------------------------------------------------------------------------- exponentials

def expm1(x: float) -> float:
    """exp(x) - 1, for small x as well."""
    if not abs(x) < 40.0:
        return exp(x) - 1.0
    if x == 0.0:
        return x
    t = x * LOG2E + ROUND
    k = t - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    scale = _power_of_two(t)
    return scale * expm1_near_zero(r) + (scale - 1.0)


def exp2(x: float) -> float:
    """2**x."""
    if not abs(x) < 1000.0:
        return exp(x * 0.6931471805599453)
    k = (x + ROUND) - ROUND
    return (1.0 + expm1_near_zero((x - k) * 0.6931471805599453)) * _power_of_two(k + ROUND)


def sinh(x: float) -> float:
    """(exp(x) - exp(-x)) / 2."""
    a = abs(x)
    if a > 700.0:
        half = exp(0.5 * a)
        return math.copysign(0.5 * half * half, x)
    e = expm1(a)
    return math.copysign(0.5 * (e + e / (e + 1.0)), x)


def cosh(x: float) -> float:
    """(exp(x) + exp(-x)) / 2."""
    a = abs(x)
    if a > 700.0:
        half = exp(0.5 * a)
        return 0.5 * half * half
    e = exp(a)
    return 0.5 * (e + 1.0 / e)


# ---------------------------------------------------------------------------- logarithms

def _log_of_fraction(f: float) -> float:
    """log(1 + f) - f for 1 + f within [sqrt(1/2), sqrt(2)]: fdlibm's polynomial in s = f / (2 + f)."""
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    half = 0.5 * f * f
    return s * (half + z * p) - half


def _fraction(x: float) -> float:
    """x without its power of two, within [sqrt(1/2), sqrt(2)]; see `_power`."""
    m = x * _power_of_two(ROUND - _exponent(x))
    return 0.5 * m if m > 1.4142135623730951 else m


def _power(x: float) -> float:
    """The power of two that `_fraction` is without."""
    k = _exponent(x)
    return k + 1.0 if x * _power_of_two(ROUND - k) > 1.4142135623730951 else k


def _log_of_normal(x: float) -> float:
    k, f = _power(x), _fraction(x) - 1.0
    return k * LN2_HIGH + ((k * LN2_LOW + _log_of_fraction(f)) + f)


def log(x: float) -> float:
    """The natural logarithm."""
    if not (2.3e-308 < x < math.inf):
        if 0.0 < x < 1.0:                # it has fewer digits, and another exponent
            return _log_of_normal(x * 18014398509481984.0) - 37.42994775023705
        if x == 0.0:
            return -math.inf
        return x if x > 0.0 or math.isnan(x) else math.nan
    return _log_of_normal(x)


def log2(x: float) -> float:
    """The logarithm to base 2; of powers of two it is exact."""
    if not (2.3e-308 < x < math.inf):
        return log(x) * LOG2E
    f = _fraction(x) - 1.0
    return _power(x) + (_log_of_fraction(f) + f) * LOG2E


def log10(x: float) -> float:
    """The logarithm to base 10."""
    return log(x) * LOG10E


def log1p(x: float) -> float:
    """log(1 + x), for small x as well."""
    u = 1.0 + x
    if u == 1.0:
        return x
    if not (u > 0.0 and u < math.inf):
        return log(u)
    return log(u) * (x / (u - 1.0))


def arcsinh(x: float) -> float:
    """The inverse of sinh."""
    a = abs(x)
    if a > 1e150:
        return math.copysign(log(a) + 0.6931471805599453, x)
    return math.copysign(log1p(a + a * a / (1.0 + math.sqrt(1.0 + a * a))), x)


def arccosh(x: float) -> float:
    """The inverse of cosh."""
    if x > 1e150:
        return log(x) + 0.6931471805599453
    t = x - 1.0
    return log1p(t + math.sqrt(t * (x + 1.0)))


def arctanh(x: float) -> float:
    """The inverse of tanh."""
    a = abs(x)
    return math.copysign(0.5 * log1p(2.0 * a / (1.0 - a)), x)


# ---------------------------------------------------------------------------- powers and roots

def power(x: float, y: float) -> float:
    """x**y, to about |y log x| units in the last place where that is more than one."""
    if y == 0.0 or x == 1.0:
        return 1.0
    if math.isnan(x) or math.isnan(y):
        return math.nan
    a, whole = abs(x), math.floor(y) == y
    odd = whole and abs(y) < 9007199254740992.0 and 2.0 * math.floor(0.5 * y) != y
    if a == 1.0 and abs(y) == math.inf:
        return 1.0
    size = exp(y * log(a)) if a != 1.0 else 1.0
    if x >= 0.0 and not signbit(x):
        return size
    if x == 0.0 or a == math.inf:
        return -size if odd else size
    if not whole:
        return math.nan
    return -size if odd else size


def square(x: float) -> float:
    """x**2."""
    return x * x


def cube(x: float) -> float:
    """x**3."""
    return x * (x * x)


def fourth(x: float) -> float:
    """x**4."""
    return (x * x) * (x * x)


def isinf(x: float) -> bool:
    """Whether it is infinite."""
    return abs(x) == math.inf


def hypot(a: float, b: float) -> float:
    """The length of (a, b), which may be large where its square is not finite."""
    x, y = abs(a), abs(b)
    if x + y == math.inf:
        return math.inf
    large = x if x > y else y
    small = y if x > y else x
    if not large > 0.0:
        return x + y
    if small < 1e150 and large < 1e150 and large > 1e-140:
        return math.sqrt(x * x + y * y)
    share = small / large
    return large * math.sqrt(1.0 + share * share)


def cbrt(x: float) -> float:
    """The cube root: by logarithms, and one step of Newton's method."""
    a = abs(x)
    if not (a > 0.0 and a < math.inf):
        return x
    y = exp(log(a) / 3.0)
    y = y - (y - a / (y * y)) / 3.0
    return math.copysign(y, x)
