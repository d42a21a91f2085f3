"""Integers in a program: what makes them of real numbers, and what is looked at while they are computed.

Integers have 64 bits, as NumPy's do, and programs compute with them as NumPy does. Where Python's would not
wrap around, and where there is no integer, a program fails and plain Python says what is right:

- `to_integer` of what is nan or too large;
- `nonzero`: the divisor of `//` and `%`;
- `fits`: a sum or a product of single integers, beside the same of real numbers.

    >>> import math
    >>> from .trace import traced
    >>> print(traced(lambda x, k: math.floor(x) // k, 2.5, 2))
    given x: f, k: i
    t: f = floor(x)
    t_1: i = to_integer(t)
    t_2: i = nonzero(k)
    t_3: i = floor_divide(t_1, t_2)
    return t_3
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from ..rules.gathers import Discrete
from ..values import abstract, is_condition, is_integer, shape
from .kinds import COMPARISONS, EXACT

LARGEST_INTEGER = 9.2e18                         # of single integers; arrays of them wrap around at 2**63
SMALL_INTEGER = 2**20                            # what may be added without looking: it takes 2**42 steps


def _to_integer(x: Any) -> Any:
    return np.asarray(x).astype(np.int64)[()]


to_integer = Discrete(_to_integer, "to_integer")
nonzero = Discrete(lambda k: k, "nonzero")
fits = Discrete(lambda k, near: k, "fits")
exactly = Discrete(lambda k: k, "exactly")       # as a real number: up to 2**53

_order = Discrete(lambda x, stable: np.argsort(x, axis=-1, kind="stable"), "argsort")
_last = {name: Discrete(getattr(np, name), name) for name in ("argmax", "argmin")}
_search = Discrete(lambda a, v, side: np.searchsorted(a, v, side), "searchsorted")


# ---------------------------------------------------------------------------- arithmetic

def safe_operands(op: Any, args: tuple) -> tuple:
    """The operands of an operation on integers, which cannot go wrong."""
    if op.name in COMPARISONS and len(args) == 2 and not shape(args[0]) and not shape(args[1]):
        return tuple([_compared_with(b, a) for a, b in (args, args[::-1])])
    if len(args) != 2 or not all(is_integer(x) or is_condition(x) for x in args) or not any(
            map(is_integer, args)):
        return args
    a, b = args
    if op.name in ("floor_divide", "remainder", "mod", "fmod"):
        return a, b if type(b) is int and b else nonzero(b) if abstract(b) else np.asarray(b)
    if op.name in ("power", "float_power") and not shape(b) and (abstract(b) or b < 0) and not shape(a):
        return np.multiply(a, 1.0) if abstract(a) else float(a), b
    return args


def _compared_with(other: Any, x: Any) -> Any:
    """An operand of a comparison: an integer beside a real number, which Python does not make one.

    Beside a constant that is small enough it may be rounded, which keeps the order.
    """
    is_real = not (is_integer(other) or is_condition(other)) and (abstract(other) or not abs(other) < EXACT)
    return exactly(x) if is_real and abstract(x) and is_integer(x) else x


def checked_integer(op: Any, args: tuple, y: Any) -> Any:
    """An integer that was computed of single ones, if it is as large as it should be."""
    if op.name not in ("add", "subtract", "multiply", "power", "square") or y.kind != "i" or y.shape:
        return y
    for x in args if op.name in ("add", "subtract", "multiply") else ():
        if type(x) is int and abs(x) <= (1 if op.name == "multiply" else SMALL_INTEGER):
            return y
    near = op(*(np.multiply(x, 1.0) if abstract(x) else float(x) for x in args))
    return fits(y, near)


# ---------------------------------------------------------------------------- from real numbers

def integer_of(x: Any) -> Any:
    """`x.astype(int)`: without what is behind the point."""
    return x if x.kind == "i" else np.where(x, 1, 0) if x.kind == "b" else to_integer(x)


def proxy_rounded_by(function: Callable) -> Callable:
    """The method that `math.floor`, or the like, calls."""
    return lambda x: x if x.kind == "i" else integer_of(function(x))


# ---------------------------------------------------------------------------- functions of NumPy

def _numbers(x: Any) -> Any:
    """What is compared as real numbers: integers must not be too large for that."""
    return exactly(x) if abstract(x) and is_integer(x) else x


def _along_last(function: Callable, x: Any, axis: int | None) -> Any:
    """A function of the last axis, along another; None is all elements in a row."""
    if axis is None or not np.ndim(x):
        return function(np.ravel(x))
    return function(np.moveaxis(x, axis, -1))


def argsort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """`np.argsort`. Equal elements are in their order if the sort is stable; else the program fails there."""
    is_stable = kind in ("stable", "mergesort") or bool(stable)
    order = _along_last(lambda x: _order(_numbers(x), stable=is_stable), a, axis)
    return order if axis is None or not np.ndim(a) else np.moveaxis(order, -1, axis)


def _arg(name: str) -> Callable:
    def first_of(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
        y = _along_last(lambda x: _last[name](_numbers(x), axis=-1), a, axis)
        if not keepdims or keepdims is np._NoValue:
            return y
        return np.reshape(y, (1,) * np.ndim(a)) if axis is None else np.expand_dims(y, axis)

    return first_of


def searchsorted(a: Any, v: Any, side: Any = "left") -> Any:
    """`np.searchsorted`, by halving."""
    return _search(_numbers(_row(a)), _numbers(v), side=side)


def _row(a: Any) -> Any:
    return a if abstract(a) else np.asarray(a, dtype=np.float64)


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """`np.digitize`, of bins that are known."""
    if abstract(bins):
        raise NotCompiledError("np.digitize with bins that are computed cannot be compiled.",
                               "write np.searchsorted(bins, x, side='right') for bins that grow.")
    bins = np.asarray(bins)
    side: Any = "left" if right else "right"
    if np.all(bins[1:] >= bins[:-1]):
        return np.searchsorted(bins, x, side=side)
    return len(bins) - np.searchsorted(bins[::-1], x, side=side)


_bits = {name: Discrete(getattr(np, name), name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")}
for _op in _bits.values():
    _op.elementwise = True


def _of_bits(name: str) -> Callable:
    def function(a: Any, b: Any) -> Any:
        if not (is_integer(a) and is_integer(b)):
            raise TypeError(f"np.{name} is for two integers, or for two conditions")
        return _bits[name](a, b)

    return function


def bit_shifted(function: Callable) -> Callable:
    """A shift by a number of bits that is known, which is a product or a division."""
    def shift(a: Any, b: Any) -> Any:
        if abstract(b) or np.ndim(b) or not 0 <= b < 62:
            raise NotCompiledError("a shift by bits that are computed cannot be compiled.",
                                   "write i * n or i // n, with a power of two.")
        return function(a, 2 ** int(b))

    return shift


INTEGER_FUNCTIONS: dict[Any, Callable] = {
    np.argsort: argsort, np.argmax: _arg("argmax"), np.argmin: _arg("argmin"),
    np.searchsorted: searchsorted, np.digitize: digitize,
    np.left_shift: bit_shifted(np.multiply), np.right_shift: bit_shifted(np.floor_divide),
    **{getattr(np, name): _of_bits(name) for name in _bits},
}
