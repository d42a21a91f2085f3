"""sin, cos and tan, and back: as `elementary.py`, with fdlibm's polynomials.

    >>> abs(sin(10.0) - math.sin(10.0)) < 1e-15, abs(arctan2(-1.0, -2.0) - math.atan2(-1.0, -2.0)) < 1e-15
    (True, True)
"""

import math

from ..polynomials import LARGEST_ANGLE, PI_2_A, PI_2_B, PI_2_C, ROUND, cosine_near_zero, sine_near_zero
from .elementary import fmod, signbit

HALF_PI, PI = 1.5707963267948966, 3.141592653589793


def _ahead(x: float, quarters: float) -> float:
    """sin(x + quarters * pi/2) for |x| <= 1e5: pi/2 is in three parts."""
    k = (x * 0.6366197723675814 + ROUND) - ROUND
    r = ((x - k * PI_2_A) - k * PI_2_B) - k * PI_2_C
    j = k + quarters
    half = math.floor(0.5 * j)
    y = sine_near_zero(r) if j - 2.0 * half == 0.0 else cosine_near_zero(r)
    return y if half - 2.0 * math.floor(0.5 * half) == 0.0 else -y


def sin(x: float) -> float:
    """The sine."""
    return _ahead(x if abs(x) <= LARGEST_ANGLE else _without_turns(x), 0.0)


def cos(x: float) -> float:
    """The cosine."""
    return _ahead(x if abs(x) <= LARGEST_ANGLE else _without_turns(x), 1.0)


def tan(x: float) -> float:
    """The tangent."""
    return sin(x) / cos(x)


def _without_turns(x: float) -> float:
    """The angle less its whole turns, exactly as long as a turn is not more than float64's own error of it.

    nan from 1e17 on, where the next number is more than a turn away.
    """
    if not abs(x) < 1e17:
        return math.nan
    r = fmod(x, 2.0 * PI)
    return r - (x - r) / (2.0 * PI) * 2.4492935982947064e-16         # 2 pi is so much more than float64's


def _arctan_small(x: float) -> float:
    """arctan(x) - x for |x| <= 7/16: fdlibm's polynomial."""
    z = x * x
    p = 1.62858201153657823623e-02
    p = p * z - 3.65315727442169155270e-02
    p = p * z + 4.97687799461593236017e-02
    p = p * z - 5.83357013379057348645e-02
    p = p * z + 6.66107313738753120669e-02
    p = p * z - 7.69187620504482999495e-02
    p = p * z + 9.09088713343650656196e-02
    p = p * z - 1.11111104054623557880e-01
    p = p * z + 1.42857142725034663711e-01
    p = p * z - 1.99999999998764832476e-01
    p = p * z + 3.33333333333329318027e-01
    return -x * z * p


def arctan(x: float) -> float:
    """The inverse of tan; larger x are moved, by the angle at 1/2, 1, 3/2 or infinity."""
    a = abs(x)
    if a < 0.4375:
        return x + _arctan_small(x)
    angle, low, t = HALF_PI, 6.12323399573676603587e-17, -1.0 / a
    if a < 0.6875:
        angle, low, t = 4.63647609000806093515e-01, 2.26987774529616870924e-17, (2.0 * a - 1.0) / (2.0 + a)
    elif a < 1.1875:
        angle, low, t = 7.85398163397448278999e-01, 3.06161699786838301793e-17, (a - 1.0) / (a + 1.0)
    elif a < 2.4375:
        angle, low, t = 9.82793723247329054082e-01, 1.39033110312309984516e-17, (a - 1.5) / (1.0 + 1.5 * a)
    return math.copysign(angle + ((_arctan_small(t) + low) + t), x)


def arctan2(y: float, x: float) -> float:
    """The angle of the point (x, y)."""
    if math.isnan(x) or math.isnan(y):
        return math.nan
    a, b = abs(y), abs(x)
    if a == b:
        angle = 0.25 * PI if a > 0.0 else 0.0
    else:
        angle = arctan(a / b)
    if signbit(x):
        angle = PI - (angle - 1.2246467991473532e-16)
    return math.copysign(angle, y)


def arcsin(x: float) -> float:
    """The inverse of sin."""
    return arctan2(x, math.sqrt((1.0 - x) * (1.0 + x)))


def arccos(x: float) -> float:
    """The inverse of cos."""
    return 2.0 * arctan2(math.sqrt(1.0 - x), math.sqrt(1.0 + x))
