"""Values in the source: a number is an expression, an array is how its elements are written.

Reshaping, transposing, slicing and broadcasting cost nothing, for they change only how an index
is written:

    >>> w = in_memory("w", (3, 2))
    >>> w.at(["i", "j"])
    'w[i, j]'
    >>> indexed(w, slice(None, None, -1), str).at(["i", "j"])
    'w[2 - i, j]'
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .functions import ATOM
from .trace import not_compiled


class Text(NamedTuple):
    """A number, as an expression."""

    text: str
    binding: int = ATOM

    def within(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


class Array:
    """An array: how its element at given indices is written, and, if it lies in memory as a whole, that."""

    def __init__(self, shape: tuple, at: Callable[[list[str]], str], whole: "tuple[str, tuple] | None" = None,
                 turned: "Array | None" = None):
        self.shape, self.at, self.whole, self.turned = shape, at, whole, turned

    def as_memory(self, shape: tuple) -> str | None:
        """An expression for the whole array, in C order and of this shape."""
        if self.whole is None:
            return None
        text, its_shape = self.whole
        return text if its_shape == shape else f"{text}.reshape({tuple_text(shape)})"


def tuple_text(shape: tuple) -> str:
    """A shape as it is written."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def in_memory(name: str, shape: tuple, prefix: tuple[str, ...] = ()) -> Array:
    """An array of this name; with a prefix, the part of it at these indices."""
    whole = f"{name}[{', '.join(prefix)}]" if prefix else name
    return Array(shape, lambda at: f"{name}[{', '.join((*prefix, *at))}]", (whole, shape))


def broadcast(array: Array, shape: tuple) -> Array:
    """The array spread to a shape, by NumPy's rules."""
    if array.shape == shape:
        return array
    extra = len(shape) - len(array.shape)

    def at(index: list[str]) -> str:
        return array.at(["0" if n == 1 else i for i, n in zip(index[extra:], array.shape, strict=True)])

    return Array(shape, at)


def indexed(array: Array, index: Any, constant: Callable[[Any], str]) -> Array:
    """`array[index]`, for fixed integers, slices, None, ... and at most one list of integers."""
    parts = list(index) if isinstance(index, tuple) else [index]
    given = sum(part is not None and part is not Ellipsis for part in parts)
    if any(part is Ellipsis for part in parts):
        k = next(k for k, part in enumerate(parts) if part is Ellipsis)
        parts[k:k + 1] = [slice(None)] * (len(array.shape) - given)
    else:
        parts += [slice(None)] * (len(array.shape) - given)
    shape: list[int] = []
    axes: list[Callable[[list[str]], str]] = []
    lists = 0
    sides = iter(array.shape)
    for part in parts:
        position = len(shape)
        if part is None:
            shape.append(1)
            continue
        side = next(sides)
        if isinstance(part, slice):
            start, stop, stride = part.indices(side)
            shape.append(len(range(start, stop, stride)))
            axes.append(partial(_sliced, position, start, stride))
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            axes.append(partial(_fixed, str(int(part) % side)))
        else:
            numbers = np.asarray(part)
            if numbers.dtype.kind == "b" and numbers.ndim == 1:
                numbers = np.flatnonzero(numbers)
            lists += 1
            if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or lists > 1:
                raise not_compiled(f"an index such as [{part!r:.40}]")
            shape.append(len(numbers))
            name = constant(numbers % side)
            axes.append(partial(_looked_up, position, name))
    return Array(tuple(shape), lambda at: array.at([axis(at) for axis in axes]))


def _sliced(position: int, start: int, stride: int, at: list[str]) -> str:
    return affine(at[position], start, stride)


def _fixed(i: str, at: list[str]) -> str:
    return i


def _looked_up(position: int, name: str, at: list[str]) -> str:
    return f"{name}[{at[position]}]"


def affine(i: str, start: int, stride: int) -> str:
    """The index `start + stride * i`."""
    if i.isdigit():
        return str(start + stride * int(i))
    if stride == 1:
        return i if start == 0 else f"{start} + {i}"
    scaled = i if i.isidentifier() else f"({i})"
    if abs(stride) > 1:
        scaled = f"{abs(stride)} * {scaled}"
    if stride < 0:
        return f"{start} - {scaled}"
    return scaled if start == 0 else f"{start} + {scaled}"


def special(x: float) -> str:
    """Infinity or nan."""
    return "np.nan" if math.isnan(x) else ("np.inf" if x > 0 else "-np.inf")
