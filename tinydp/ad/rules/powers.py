"""Gradient rules of the power x^p: all its derivatives, in both arguments and of any order.

The derivative p x^(p-1) is a product of which one factor may be zero where the other is infinite: that of
x^0 at x = 0 is 0, not 0 * inf. And were something harmless put in the place of the infinity, the next
derivative would be that of the harmless thing. So all derivatives are one function here, with two orders,
whose own rules are the same function with one order more: the second derivative is as exact as the first.

    >>> from tinydp import hessian
    >>> hessian(lambda z: z[0] ** z[1])(np.array([2.0, 0.0]))          # the mixed one is 1/x at p = 0
    array([[0.        , 0.5       ],
           [0.5       , 0.48045301]])
"""

import math
import operator
from typing import Any

import numpy as np

from ..primitives import Primitive
from ..registry import defvjp, pointwise, singular, steep


def powered(x, p, k=0, m=0):
    """d^k/dx^k d^m/dp^m x^p, for positive x, for x = 0, and if m = 0 for any x with a whole p.

    It is the m-th derivative by p of the product q(p) x^(p-k), where q(p) = p (p-1) ... (p-k+1): a sum
    over how often q is differentiated. Each derivative of the power brings a factor log(x). A term whose
    factor of q is zero is zero, and so is x^r log(x)^n at x = 0 for a positive r.
    """
    total: Any = 0.0
    at_zero, power = np.equal(x, 0.0), np.power(1.0 * x, 1.0 * p - k)
    log = np.log(np.where(at_zero, 1.0, x)) if m else 1.0
    for j in range(min(k, m) + 1):
        factor = math.comb(m, j) * _falling(p, k, j)
        term = power * log ** (m - j)
        if j < m:
            term = np.where(at_zero, np.where(np.greater(p, k), 0.0, (-1.0) ** (m - j) * np.inf), term)
        total = total + np.where(np.equal(factor, 0.0), 0.0, factor * term)
    return total


def _falling(p, k, j):
    """The j-th derivative of p (p-1) ... (p-k+1)."""
    first, *rest = np.polyder(np.poly(range(k)), j).tolist() if k else [1.0]
    y = first + 0.0 * p
    for coefficient in rest:
        y = y * p + coefficient
    return y


power_derivative = Primitive(powered, "power_derivative")
defvjp(power_derivative,
       steep("power", lambda y, x, p, k=0, m=0: power_derivative(x, p, k=k + 1, m=m)),
       steep("power", lambda y, x, p, k=0, m=0: power_derivative(x, p, k=k, m=m + 1)))


def _by_base(g, y, x, p):
    if type(p) not in (int, float):
        return _steep_by_base(g, y, x, p)
    if p >= 1:
        return g * (2 * x) if p == 2 else g * (p * x ** (p - 1))
    return _steep_by_number(g, y, x, p) if p else 0.0 * g


_steep_by_number = steep("power", lambda y, x, p: p * x ** (p - 1))
_steep_by_base = steep("power", lambda y, x, p: power_derivative(x, p, k=1))
_by_exponent = steep("power", lambda y, x, p: power_derivative(x, p, m=1))

defvjp(np.power,       _by_base, _by_exponent, also=operator.pow)           # infinite at x = 0, p < 1
defvjp(np.float_power, _by_base, _by_exponent)
singular(np.power, np.float_power, power_derivative)
pointwise(power_derivative)
