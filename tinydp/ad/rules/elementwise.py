"""Gradient rules of the functions that work element by element, one primitive a line.

`g` is the cotangent of the result `y`; the other letters are the arguments. What broadcasting
stretched is summed for all rules, in `broadcasting.py`, which each pullback calls (`primitives.py`):
so a rule here never mentions shapes. Where a derivative is
infinite somewhere, the table has the bare partial derivative (`defpartials`). Functions that choose
say so with `selected` and `shared`: no path leads through what was not chosen.
Kinks: abs'(0) = 0; maximum and minimum share a tie half and half;
clip passes `g` on its closed interval; hypot'(0, 0) = 0.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitives import Primitive
from ..registry import (
    PRIMITIVES,
    alias,
    defpartials,
    defvjp,
    flat,
    pointwise,
    products,
    registered,
    singular,
    warn_if_steep,
)
from ..selected import selected, shared
from ..values import abstract, as_float64, plain, shape
from .bends import at_tip, bend, differentiated, direction, same_value, ties, tips, torn, unsure

# ---------------------------------------------------------------------------- arithmetic

defvjp(np.add,      lambda g, y, a, b: g,      lambda g, y, a, b: g,      also=operator.add)
defvjp(np.subtract, lambda g, y, a, b: g,      lambda g, y, a, b: -g,     also=operator.sub)
defvjp(np.multiply, lambda g, y, a, b: g * b,  lambda g, y, a, b: g * a,  also=operator.mul)
defvjp(np.negative, lambda g, y, x: -g,                                   also=operator.neg)
defvjp(np.positive, lambda g, y, x: g,                                    also=operator.pos)


def _over(g, b):
    """g / b, which warns where b is zero."""
    c = np.divide(g, b) if type(b) is float and b == 0.0 else g / b
    if type(c) is not float and not abstract(b) and not np.all(plain(b)):
        warn_if_steep("division", c)
    return c


defvjp(np.divide,       lambda g, y, a, b: _over(g, b), lambda g, y, a, b: -_over(g * y, b),
       also=operator.truediv)                                               # infinite at b = 0
defpartials(np.reciprocal, lambda y, x: -y * y)                             # infinite at 0
defvjp(np.mod,          lambda g, y, a, b: g,  lambda g, y, a, b: shared(-np.floor_divide(a, b), g),
       also=operator.mod)
defvjp(np.fmod,         lambda g, y, a, b: g,  lambda g, y, a, b: shared(-np.rint(np.divide(a - y, b)), g))

# ---------------------------------------------------------------------------- roots, logarithms

def _part_of_sum(d: Any, power: Callable, choose: Callable) -> Any:
    """Of two powers, whose exponents differ by d, the share that one has in their sum.

    Both are found from that of the smaller in the larger, which is computed once for them.
    """
    ratio = power(np.where(d > 0, -d, d))
    return choose(d > 0, 1.0, ratio) / (1.0 + ratio)


def _otherwise(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, y, x)


defvjp(np.square,       lambda g, y, x: g * 2 * x)
defpartials(np.sqrt,    lambda y, x: 0.5 / y)                               # infinite at 0
defpartials(np.cbrt,    lambda y, x: 1 / (3 * y * y))                       # infinite at 0
defvjp(np.exp,          lambda g, y, x: g * y)
defvjp(np.exp2,         lambda g, y, x: g * y * np.log(2))
defvjp(np.expm1,        lambda g, y, x: g * (y + 1))
defpartials(np.log,     lambda y, x: 1 / x)                                 # infinite at 0
defpartials(np.log2,    lambda y, x: 1 / (x * np.log(2)))                   # infinite at 0
defpartials(np.log10,   lambda y, x: 1 / (x * np.log(10)))                  # infinite at 0
defpartials(np.log1p,   lambda y, x: 1 / (1 + x))                           # infinite at -1
# exp(a - y) would lose the digits that y has not, and its derivative all of them where y is nearly a
defvjp(np.logaddexp,    lambda g, y, a, b: g * _part_of_sum(a - b, np.exp, np.where),
                        lambda g, y, a, b: g * _part_of_sum(a - b, np.exp, _otherwise))
defvjp(np.logaddexp2,   lambda g, y, a, b: g * _part_of_sum(a - b, np.exp2, np.where),
                        lambda g, y, a, b: g * _part_of_sum(a - b, np.exp2, _otherwise))

# ---------------------------------------------------------------------------- angles

defvjp(np.sin,          lambda g, y, x: g * np.cos(x))
defvjp(np.cos,          lambda g, y, x: -g * np.sin(x))
defvjp(np.tan,          lambda g, y, x: g * (1 + y * y))
defpartials(np.arcsin,  lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)))        # infinite at +-1
defpartials(np.arccos,  lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)))       # infinite at +-1
defvjp(np.arctan,       lambda g, y, x: g / (1 + x * x))
defpartials(np.arctan2, lambda y, a, b: b / np.hypot(a, b) / np.hypot(a, b),    # undefined at (0, 0)
                        lambda y, a, b: -a / np.hypot(a, b) / np.hypot(a, b))
defvjp(np.sinh,         lambda g, y, x: g * np.cosh(x))
defvjp(np.cosh,         lambda g, y, x: g * np.sinh(x))
defvjp(np.tanh,         lambda g, y, x: g * (1 - y * y))
defvjp(np.arcsinh,      lambda g, y, x: g / np.sqrt(1 + x * x))
defpartials(np.arccosh, lambda y, x: 1 / np.sqrt((x - 1) * (x + 1)))        # infinite at 1
defpartials(np.arctanh, lambda y, x: 1 / ((1 - x) * (1 + x)))               # infinite at +-1
defvjp(np.deg2rad,      lambda g, y, x: g * (np.pi / 180))
defvjp(np.radians,      lambda g, y, x: g * (np.pi / 180))
defvjp(np.rad2deg,      lambda g, y, x: g * (180 / np.pi))
defvjp(np.degrees,      lambda g, y, x: g * (180 / np.pi))

# ---------------------------------------------------------------------------- kinks


def _share(y, x, other):
    """1 where x is the one chosen, 1/2 in a tie, else 0."""
    return np.where(x == other, 0.5, x == y)


def _extreme(g, y, x, other, tie):
    """The cotangent of `x`, one of two arguments, which `tie(x, other)` compares in their order."""
    if abstract(y):
        tied, chosen = tie(x, other), x == y
        parts = np.where(tied, 0.5, chosen)
        one = plain(x if abstract(x) else other).is_same(plain(other if abstract(x) else x))
        return shared(unsure(parts, y, tied & ~one if np.any(one) else tied), g, chosen)
    c = shared(_share(y, x, other), g)
    if differentiated(y) and np.any(tie := np.equal(plain(x), plain(other))):
        return torn(c, g, y, x, tie, same=same_value(x, other))
    return c


def _abs(g, y, x):
    if type(x) is float or type(x) is np.ndarray:
        return g * np.sign(x)
    c, tip = g * unsure(np.sign(x), x, np.equal(y, 0.0)), at_tip(x, y)
    return c if tip is None else bend(c, g, y, x, tip)


def _hypot(g, y, x, other):
    """The cotangent of `x`, one of two arguments."""
    c, tip = g * direction(x, y), at_tip(y, y)
    if tip is None:
        return c
    spread = x if shape(x) == shape(y) else x + np.zeros(shape(y))       # it may be stretched along y
    return bend(c, g, y, spread, tip, other=other)


defvjp(np.abs,          _abs)
PRIMITIVES[operator.abs] = Primitive(np.abs)                                # of Python's numbers
registered(operator.abs).rules, registered(operator.abs).operator = (_abs,), operator.abs
defvjp(np.fabs,         _abs)
for extreme in (np.maximum, np.minimum, np.fmax, np.fmin):
    defvjp(extreme,     lambda g, y, a, b: _extreme(g, y, a, b, np.equal),
                        lambda g, y, a, b: _extreme(g, y, b, a, lambda b, a: np.equal(a, b)))
defvjp(np.copysign,     lambda g, y, a, b: np.where(np.signbit(a) == np.signbit(b), g, -g),
                        lambda g, y, a, b: selected(False, g))
defvjp(np.hypot,        lambda g, y, a, b: _hypot(g, y, a, b), lambda g, y, a, b: _hypot(g, y, b, a))
defvjp(np.where,        None, lambda g, y, c, a, b: selected(c, g),
                              lambda g, y, c, a, b: selected(np.logical_not(c), g))

tips(np.abs, operator.abs, np.fabs, np.hypot)
ties(lambda y, a, b: np.equal(a, b), np.maximum, np.minimum, np.fmax, np.fmin)

clip = Primitive(np.clip, "clip")
defvjp(clip,            lambda g, y, x, low, high: selected((low <= x) & (x <= high), g),
                        lambda g, y, x, low, high: selected((x < low) & (low <= high), g),
                        lambda g, y, x, low, high: selected(np.maximum(x, low) > high, g))


@alias(np.heaviside)
def _heaviside(x1, x2):
    x1, x2 = as_float64(x1), as_float64(x2)
    step = np.where(x1 > 0, 1.0, np.where(np.isnan(x1), np.nan, 0.0))
    return np.where(x1 == 0, x2, step)


@alias(np.clip, alike="a a_min a_max")
def _clip(a, a_min=np._NoValue, a_max=np._NoValue, *, min=None, max=None):
    if a_min is np._NoValue and a_max is np._NoValue:
        a_min, a_max = min, max
    return clip(a, -np.inf if a_min is None else a_min, np.inf if a_max is None else a_max)


products(np.multiply)
pointwise(np.where, clip)
singular(np.divide)

# ---------------------------------------------------------------------------- steps, questions

flat(np.floor, np.ceil, np.rint, np.trunc, np.fix, np.round, np.around, np.sign)
flat(np.floor_divide, np.signbit, np.isfinite, np.isinf, np.isnan, np.isclose, np.allclose)
flat(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
flat(np.logical_and, np.logical_or, np.logical_xor, np.logical_not)
