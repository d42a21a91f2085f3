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
    """`array[index]`, for fixed integers, slices, None, ... and arrays, by NumPy's rules.

    `constant` gives the name of an array of integers.
    """
    parts = _without_ellipsis(index, len(array.shape))
    lists = [k for k, part in enumerate(parts) if not isinstance(part, (slice, int, np.integer, type(None)))]
    if lists:                                    # then single integers count as lists
        lists = [k for k, part in enumerate(parts) if not isinstance(part, (slice, type(None)))]
    sides = iter(array.shape)
    along = [1 if part is None else next(sides) for part in parts]
    together: tuple = np.broadcast_shapes(*(np.shape(parts[k]) for k in lists))
    adjacent = not lists or lists == list(range(lists[0], lists[-1] + 1))
    shape: list[int] = [] if adjacent else list(together)
    axes: list[Callable[[list[str]], str]] = []
    start_of_lists = 0
    for k, (part, side) in enumerate(zip(parts, along, strict=True)):
        if lists and adjacent and k == lists[0]:
            start_of_lists = len(shape)
            shape += together
        if part is None:
            shape.append(1)
        elif isinstance(part, slice):
            start, stop, stride = part.indices(side)
            axes.append(partial(_sliced, len(shape), start, stride))
            shape.append(len(range(start, stop, stride)))
        elif k not in lists or not np.ndim(part):
            axes.append(partial(_fixed, str(int(part) % side)))
        else:
            numbers = np.asarray(part) % max(side, 1)
            looked_up = broadcast(in_memory(constant(numbers), numbers.shape), together)
            axes.append(partial(_looked_up, looked_up, start_of_lists, len(together)))
    return Array(tuple(shape), lambda at: array.at([axis(at) for axis in axes]))


def _without_ellipsis(index: Any, n: int) -> list:
    """The parts of an index of `n` axes: slices, None, integers and arrays of integers."""
    parts: list = []
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)):
            parts.append(part)
            continue
        numbers = np.asarray(part)
        if numbers.size == 0 and numbers.dtype.kind == "f":      # an empty list
            numbers = numbers.astype(int)
        if numbers.dtype.kind == "b" and numbers.ndim:
            parts += np.nonzero(numbers)
        elif numbers.dtype.kind in "iu":
            parts.append(numbers)
        else:
            raise not_compiled(f"an index such as [{part!r:.40}]")
    rest = [slice(None)] * (n - sum(part is not None and part is not Ellipsis for part in parts))
    for k, part in enumerate(parts):
        if part is Ellipsis:
            return parts[:k] + rest + parts[k + 1:]
    return parts + rest


def _sliced(position: int, start: int, stride: int, at: list[str]) -> str:
    return affine(at[position], start, stride)


def _fixed(i: str, at: list[str]) -> str:
    return i


def _looked_up(numbers: Array, start: int, dims: int, at: list[str]) -> str:
    return numbers.at(at[start : start + dims])


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
