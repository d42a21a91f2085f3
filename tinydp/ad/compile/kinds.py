"""Numbers and conditions: what NumPy makes of each is settled when an operation is recorded.

Python and Numba compute with single conditions as with integers, which wrap around, and their `and` returns
an operand; NumPy's conditions have an arithmetic of their own. So conditions are made numbers, or numbers
conditions, before an operation is written down, and what follows need not know.

    >>> from .trace import traced
    >>> print(traced(lambda x: (x[0] > 0.0) * np.all(x), np.ones(2)))
    given x: f(2,)
    t: f = getitem(x, 0)
    t_1: b = greater(t, 0.0)
    t_2: b(2,) = not_equal(x, 0.0)
    t_3: b = all(t_2)
    t_4: b = logical_and(t_1, t_3)
    return t_4
"""

import functools
import math
import numbers
from typing import Any

import numpy as np

from ..primitives import Primitive
from ..registry import registered
from ..values import Abstract, is_condition, is_integer, listed
from .operations import ELEMENTWISE, REDUCTIONS, RUNNING


def constant(x: Any) -> Any:
    """A constant as programs hold it: a bool, an int, a float, or an array of its own type."""
    if type(x) is float or isinstance(x, Abstract):
        return x
    x = listed(x)
    if isinstance(x, (list, tuple)):
        return np.asarray(x)
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and not x.ndim):
        x = x.item()
    if type(x) in (bool, float) or not isinstance(x, numbers.Real):
        return x
    number = int(x) if isinstance(x, numbers.Integral) else float(x)
    return number if abs(number) < 2**63 else float(number)                  # Numba's integers end there


_TRUTHS = ("logical_and", "logical_or", "logical_xor", "any", "all")
EXACT = 2**53                                    # larger integers may be no real numbers
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_not")
_BESIDE_FLOATS = ("add", "subtract", "multiply", "divide", "where")       # there True is 1.0 anyway
OF_CONDITIONS: dict[str, Any] = {               # what NumPy computes instead, of conditions
    "bitwise_and": np.logical_and, "bitwise_or": np.logical_or, "bitwise_xor": np.logical_xor,
    "invert": np.logical_not, "multiply": np.logical_and, "add": np.logical_or,
    "minimum": np.logical_and, "maximum": np.logical_or, "min": np.all, "amin": np.all, "max": np.any,
    "amax": np.any, "subtract": None, "negative": None, "positive": None}


def of_one_kind(op: Primitive, args: tuple) -> tuple[Primitive, tuple]:
    """The function and its arguments, conditions made numbers, or numbers conditions, where it needs that."""
    name, given, args = op.name, args, tuple(map(constant, args))
    operands = args
    if name not in _TRUTHS and name != "where" and not any(map(is_condition, args)):
        return op, _beside_numbers(name, args)
    if name in _TRUTHS:
        n = 1 if name in ("any", "all") else 2
        return op, (*(x if is_condition(x) else np.not_equal(x, 0.0) for x in args[:n]), *args[n:])
    if name in REDUCTIONS or name in RUNNING:
        operands = args[:1]
    elif name == "where":
        operands = args[1:]
    elif name not in ELEMENTWISE or name in COMPARISONS:
        return op, args
    conditions = [is_condition(x) for x in operands]
    if all(conditions) and name in OF_CONDITIONS and any(map(is_numpys, given)):
        return registered(OF_CONDITIONS[name]) if OF_CONDITIONS[name] else op, args
    if all(conditions) and len(args) == 1 and (halves := _of_truths(op)):
        return registered(np.where), (*args, *halves)
    if name == "where":
        if all(conditions):
            return op, args
        kind = "i" if all(is_integer(x) or is_condition(x) for x in operands) else "f"
        return op, (args[0], *(as_kind(x, kind) for x in operands))
    if not any(conditions) or (name in _BESIDE_FLOATS and any(map(_is_float, operands))):
        return op, args
    if name in REDUCTIONS and operands[0].shape:
        return op, args                          # counted, beginning with 0.0
    kind = "f" if any(map(_is_float, operands)) else "i"
    return op, (*(as_kind(x, kind) if is_condition(x) else x for x in operands), *args[len(operands):])


def _beside_numbers(name: str, args: tuple) -> tuple:
    """Arrays of integers as real numbers, where they meet some: that need not be done at each run."""
    whole = [not isinstance(x, Abstract) and isinstance(x, np.ndarray) and x.dtype.kind in "iu" for x in args]
    if name not in ELEMENTWISE or not any(whole) or not any(map(_is_float, args)):
        return args
    return tuple([x.astype(np.float64) if changed else x for x, changed in zip(args, whole, strict=True)])


@functools.cache
def _of_truths(op: Primitive) -> tuple[float, float] | None:
    """What a function is of true and of false, if NumPy computes that with few digits, as float16."""
    try:
        with np.errstate(all="ignore"):
            yes, no = op.fn(np.True_), op.fn(np.False_)
    except TypeError:
        return None
    return (float(yes), float(no)) if type(yes) is np.float16 else None


def is_numpys(x: Any) -> bool:
    """Whether it is an array, or a condition that came out of one."""
    return type(example(x)) is np.bool_ or np.ndim(example(x)) > 0


def _is_float(x: Any) -> bool:
    return not is_condition(x) and not is_integer(x)


def as_numbers(x: Any) -> Any:
    """Conditions, as 0 and 1, and integers as real numbers; other values as they are."""
    if is_condition(x):
        return np.where(x, 1.0, 0.0)
    return float(x) if type(x) is int else np.multiply(x, 1.0) if is_integer(x) else x


def as_integers(x: Any) -> Any:
    """Conditions, as 0 and 1, and integers of other sizes as those of 64 bits; other values as they are."""
    if is_condition(x):
        return constant(np.where(x, 1, 0))
    return of_64_bits(x)


def of_64_bits(x: Any) -> Any:
    """An array of integers of another size as one of 64 bits; other values as they are."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.dtype != np.int64:
        return x.astype(np.float64 if x.dtype == np.uint64 else np.int64)
    return x


def as_kind(x: Any, kind: str) -> Any:
    """A value as one of this kind, if that loses nothing."""
    return as_numbers(x) if kind == "f" else as_integers(x) if kind == "i" else x


def example(x: Any) -> Any:
    """An example of a value that is not known yet; others as they are."""
    return x.example if isinstance(x, Abstract) else x       # type: ignore[attr-defined]


def unchanged(name: str, args: tuple) -> Any:
    """The result, if it is one of the arguments, to the last bit; a sweep makes many, from the seed 1.0."""
    if name not in _NEUTRAL or len(args) != 2:
        return None
    a, b = args
    if _is_number(b, _NEUTRAL[name]) and _is_real(a):
        return a
    if name in ("add", "multiply") and _is_number(a, _NEUTRAL[name]) and _is_real(b):
        return b
    return None


def _is_real(x: Any) -> bool:
    return isinstance(x, Abstract) and x.kind == "f"


# x + 0.0 is 0.0 where x is -0.0, but nothing changes by x + -0.0 and x - 0.0
_NEUTRAL = {"add": -0.0, "subtract": 0.0, "multiply": 1.0, "divide": 1.0, "power": 1.0}


def _is_number(x: Any, number: float) -> bool:
    return type(x) in (float, int) and x == number and math.copysign(1.0, x) == math.copysign(1.0, number)
