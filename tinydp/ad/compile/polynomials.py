"""The polynomials of exp, sin and cos near zero, and how an argument is moved there.

Plain Python: Numba compiles them for the processor (`kernels/`), and for a page they are read and printed,
as `portable/` is. Those of sin and cos are fdlibm's (Sun Microsystems, 1993).

    >>> import math
    >>> abs(sine_near_zero(0.5) - math.sin(0.5)) < 1e-15, abs(expm1_near_zero(0.3) - math.expm1(0.3)) < 1e-15
    (True, True)
"""

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND = 6755399441055744.0               # 1.5 * 2**52: adding it leaves an integer in the low bits
PI_2_A, PI_2_B, PI_2_C = 1.57079632673412561417e+00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
LARGEST_ANGLE = 1e5                      # up to here pi/2 in three parts is exact enough


def expm1_near_zero(r: float) -> float:
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


def sine_near_zero(r: float) -> float:
    """sin(r) for |r| <= pi/4."""
    s = r * r
    p = 1.58969099521155010221e-10
    p = p * s - 2.50507602534068634195e-08
    p = p * s + 2.75573137070700676789e-06
    p = p * s - 1.98412698298579493134e-04
    p = p * s + 8.33333333332248946124e-03
    p = p * s - 1.66666666666666324348e-01
    return r + r * s * p if s > 0.0 else r       # -0.0 keeps its sign


def cosine_near_zero(r: float) -> float:
    """cos(r) for |r| <= pi/4."""
    s = r * r
    q = -1.13596475577881948265e-11
    q = q * s + 2.08757232129817482790e-09
    q = q * s - 2.75573143513906633035e-07
    q = q * s + 2.48015872894767294178e-05
    q = q * s - 1.38888888888741095749e-03
    q = q * s + 4.16666666666666019037e-02
    return 1.0 - (0.5 * s - s * s * q)
