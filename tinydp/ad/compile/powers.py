"""Powers of integers: they are integers, unless the exponent is negative.

So Python decides by the exponent of which kind the power is, and so does a program:

    >>> from .trace import traced
    >>> [traced(lambda k, j: k ** j, 2, j).outputs[0].kind for j in (3, -3)]
    ['i', 'f']

The power is a product of squares, one for each bit of the exponent. Six bits are looked at: a larger exponent
is one for 1, 0 and -1, of which it matters whether it is even; of other integers the power is too large, and
that is seen (`fits` in `integers.py`).

`np.power`, and the operator where one of the two is an array, makes integers in any case: they wrap around as
all integers of NumPy's do, and negative exponents raise.

    >>> [traced(lambda k, j: np.power(k, j), 2, j).outputs[0].kind for j in (3, 0)]
    ['i', 'i']
"""

from typing import Any

import numpy as np

from ..registry import registered
from ..values import abstract, is_condition, is_integer, shape
from .integers import INTEGER_FUNCTIONS, fits
from .kinds import as_integers, as_numbers, constant
from .proxy import recorded, write
from .regions import require

EXPONENT_BITS = 6
_multiply, _power = registered(np.multiply), registered(np.power)


def are_whole(k: Any, j: Any) -> bool:
    """Whether these are single integers, of which the exponent is not known yet."""
    return abstract(j) and not shape(j) and not shape(k) and all(
        is_integer(x) or is_condition(x) for x in (constant(k), j))


def whole_power(k: Any, j: Any) -> Any:
    """`k ** j` of an exponent that is not negative."""
    k, j = as_integers(constant(k)), as_integers(j)
    near = write(_power, (as_numbers(k), as_numbers(j)), {})
    return fits(_by_squares(k, np.where(j < 2**EXPONENT_BITS, j, 2**EXPONENT_BITS - 2 + j % 2)), near)


def _by_squares(k: Any, j: Any, bits: int = EXPONENT_BITS) -> Any:
    """`k ** j` of an exponent of so many bits."""
    y: Any = 1
    for bit in range(bits):
        y = np.where(j // 2**bit % 2 == 1, _wrapped(y, k), y)
        k = _wrapped(k, k)
    return y


def are_numpys(k: Any, j: Any) -> bool:
    """Whether the operator of these two is `np.power` of integers."""
    return (shape(k) != () or shape(j) != ()) and _make_integers(k, j)


def _make_integers(k: Any, j: Any) -> bool:
    """Whether NumPy's power is made of integers, and not by a fixed number of products."""
    k, j = constant(k), constant(j)
    return (abstract(j) or shape(j) != ()) and any(map(is_integer, (k, j))) and all(
        is_integer(x) or is_condition(x) for x in (k, j))


def numpys_power(x1: Any, x2: Any) -> Any:
    """`np.power`. Plain Python looks at exponents below 0, where it raises, and from 2**BITS on."""
    if not _make_integers(x1, x2):
        return write(_power, (x1, x2), {})
    k, j = as_integers(constant(x1)), as_integers(constant(x2))
    if not abstract(j):
        return _by_squares(k, j, int(np.max(j, initial=1)).bit_length())
    require(np.all(j >= 0) & np.all(j < 2**EXPONENT_BITS))
    return _by_squares(k, j)


INTEGER_FUNCTIONS[np.power] = numpys_power


def _wrapped(a: Any, b: Any) -> Any:
    """A product that wraps around, since it may not be needed."""
    return recorded(_multiply, (a, b), {})[0]
