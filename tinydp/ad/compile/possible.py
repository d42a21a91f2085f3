"""Where Python's operators raise on numbers, machine code goes on: what they need is required beside them.

The quotient of numbers may be needed by nobody, or on one way alone; Python divides all the same, and raises.
So a division requires that its divisor is not zero, as an index requires that there is such an element (see
`raising.py`): that is cheaper than to divide, and holds whatever becomes of the quotient.

    >>> from .proxy import Proxy
    >>> from .record import Builder
    >>> from .trace import Trace
    >>> with Trace().writing(Builder()) as builder:
    ...     x = Proxy(builder, builder.input(2.0, "x"))
    ...     y = 1.0 / x, x ** 3
    >>> print(builder.program(builder.fine))
    given x: f
    t: b = not_equal(x, 0.0)
    t_1: f = absolute(x)
    t_2: b = greater(t_1, 5.643803094116644e+102)
    t_3: b = logical_not(t_2)
    return t, t_3

Other powers have to be computed: they require that the result is finite.
"""

import math
import sys
from typing import Any

import numpy as np

from ..values import abstract, is_integer, plain
from .bounds import Bounds, Range
from .kinds import COMPARISONS, EXACT
from .record import innermost

LOOKED_AT = frozenset(COMPARISONS) | {"divide", "floor_divide", "remainder", "power"}


def require_possible(name: str, args: tuple, y: Any) -> None:
    """Let a tape look where Python's operator on two numbers is not the program's; `y` is the result."""
    a, b, y = map(plain, (*args, y))
    with innermost().trace.at(None, False):      # on no line of the user's: it has no name there
        if name in COMPARISONS:
            _require_exact(a, b)
            _require_exact(b, a)
        elif name == "power":
            _require_power(a, b, y)
        elif not (name != "divide" and is_integer(y)):           # the divisors of integers are looked at
            low, high, _ = _range(b)
            if low <= 0.0 <= high:
                _require(np.not_equal(b, 0.0) if abstract(b) or b else np.not_equal(a, a) & np.equal(a, a))


def _range(x: Any) -> Range:
    """The bounds of a number, as far as the operations before it tell: a clipped one is not too large."""
    return Bounds(x.builder).range(x.value) if abstract(x) and x.kind == "f" else Range()


def _require_power(a: Any, b: Any, y: Any) -> None:
    if type(b) is int and b in (0, 1):
        return
    if type(b) in (int, float) and b > 0 and b == math.floor(b):
        low, high, _ = _range(a)
        if not is_integer(a) and max(-low, high) > _largest(b):
            _require(np.logical_not(np.greater(np.abs(a), _largest(b))))
    elif abstract(y) and y.kind == "f":
        _require(np.less(np.abs(y), math.inf))


def _largest(n: float) -> float:
    """A number whose power `n` is finite for sure, and about the largest."""
    return sys.float_info.max ** (1.0 / n) * (1.0 - 1e-12)


def _require_exact(x: Any, k: Any) -> None:
    """Beside an integer that is no real number, Python compares with itself, and not with the nearest one."""
    if type(k) is int and abs(k) > EXACT and abstract(x) and x.kind == "f":
        try:
            nearest = float(k)
        except OverflowError:
            nearest = math.copysign(math.inf, k)
        if nearest != k:
            _require(np.not_equal(x, nearest))


def _require(condition: Any) -> None:
    if abstract(condition):
        condition.builder.require(condition.value)
