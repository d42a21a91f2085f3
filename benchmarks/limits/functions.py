"""Elementary functions for the limits, without a branch, so that a loop of them becomes vectors."""

from ..registers import fast, power_of_two, tanh

_LOG2E, _ROUND = 1.4426950408889634, 6755399441055744.0
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


@fast
def sigmoid(x: float) -> float:
    """The logistic function."""
    return 0.5 + 0.5 * tanh(0.5 * x)


@fast
def exp(x: float) -> float:
    """The exponential for |x| < 700: Taylor's polynomial of degree 13 on [-ln 2 / 2, ln 2 / 2], scaled."""
    t = x * _LOG2E + _ROUND
    k = t - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821613e-10
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
    p = p * r + 0.5
    return power_of_two(t) * (1.0 + (r + r * r * p))
