"""Powers of integers: they are integers, unless the exponent is negative.

So Python decides by the exponent of which kind the power is, and so does a program:

    >>> from .trace import traced
    >>> [traced(lambda k, j: k ** j, 2, j).outputs[0].kind for j in (3, -3)]
    ['i', 'f']

The power is a product of squares, one for each bit of the exponent. Six bits are looked at: a larger exponent
is one for 1, 0 and -1, of which it matters whether it is even; of other integers the power is too large, and
that is seen (`fits` in `integers.py`).
"""

from typing import Any

import numpy as np

from ..registry import registered
from ..values import abstract, is_condition, is_integer, shape
from .integers import fits
from .kinds import as_integers, as_numbers, constant
from .proxy import recorded, write

BITS = 6
_multiply, _power = registered(np.multiply), registered(np.power)


def are_whole(k: Any, j: Any) -> bool:
    """Whether these are single integers, of which the exponent is not known yet."""
    return abstract(j) and not shape(j) and not shape(k) and all(
        is_integer(x) or is_condition(x) for x in (constant(k), j))


def whole_power(k: Any, j: Any) -> Any:
    """`k ** j` of an exponent that is not negative."""
    k, j = as_integers(constant(k)), as_integers(j)
    near = write(_power, (as_numbers(k), as_numbers(j)), {})
    j = np.where(j < 2**BITS, j, 2**BITS - 2 + j % 2)
    y: Any = 1
    for bit in range(BITS):
        y = np.where(j // 2**bit % 2 == 1, _wrapped(y, k), y)
        k = _wrapped(k, k)
    return fits(y, near)


def _wrapped(a: Any, b: Any) -> Any:
    """A product that wraps around, since it may not be needed."""
    return recorded(_multiply, (a, b), {})[0]
