"""Values in the source: a number is an expression, an array is how its elements are written.

Reshaping, transposing, slicing and broadcasting cost nothing, for they change only how an index
is written:

    >>> w = in_memory("w", (3, 2), "f")
    >>> w.at(["i", "j"])
    'w[i, j]'
    >>> indexed(w, slice(None, None, -1), str).at(["i", "j"])
    'w[2 - i, j]'

Each value knows its kind, "f" for real numbers or "b" for conditions, and which variables it is
written with: nobody has to look for them in a text.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..values import is_condition
from .functions import ATOM, SIGN


class Cell(NamedTuple):
    """A place in an array of numbers that a loop stores, a row a step."""

    array: str
    row: str
    column: int


class Text(NamedTuple):
    """A number or a condition, as an expression."""

    text: str
    binding: int
    kind: str
    reads: frozenset[str]                # the variables in it; for a view, the array that it shows
    cell: Cell | None = None             # where it is stored, if it is just read from there

    @property
    def shape(self) -> tuple:
        return ()

    def within(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


def variable(name: str, kind: str) -> Text:
    """The value of a variable."""
    return Text(name, ATOM, kind, frozenset((name,)))


def literal(x: Any) -> Text:
    """A constant number."""
    text = repr(x) if not isinstance(x, float) or math.isfinite(x) else special(x)
    return Text(text, SIGN if text.startswith("-") else ATOM, kind_of(x), frozenset())


def kind_of(x: Any) -> str:
    """"f" for real numbers, "b" for conditions."""
    return "b" if is_condition(x) else "f"


class Array:
    """An array: how its element at given indices is written, and, if it lies in memory as a whole, that."""

    def __init__(self, shape: tuple, kind: str, reads: frozenset[str], at: Callable[[list[str]], str],
                 whole: "tuple[str, tuple] | None" = None, turned: "Array | None" = None,
                 column: "tuple[str, int] | None" = None):
        self.shape, self.kind, self.reads, self.at = shape, kind, reads, at
        self.whole, self.turned = whole, turned
        self.column = column             # of what array, if it is a column of numbers

    def seen(self, shape: tuple, at: Callable[[list[str]], str], **more: Any) -> "Array":
        """The same elements, seen otherwise."""
        return Array(shape, self.kind, self.reads, at, **more)

    def element(self, index: list[str]) -> Text:
        """One element, as an expression."""
        return Text(self.at(index), ATOM, self.kind, self.reads)

    def as_memory(self, shape: tuple) -> str | None:
        """An expression for the whole array, in C order and of this shape."""
        if self.whole is None:
            return None
        text, its_shape = self.whole
        return text if its_shape == shape else f"{text}.reshape({tuple_text(shape)})"


def tuple_text(shape: tuple) -> str:
    """A shape as it is written."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def in_memory(name: str, shape: tuple, kind: str, prefix: tuple[str, ...] = ()) -> Array:
    """An array of this name; with a prefix, the part of it at these indices."""
    whole = f"{name}[{', '.join(prefix)}]" if prefix else name
    return Array(shape, kind, frozenset((name, *prefix)),
                 lambda at: f"{name}[{', '.join((*prefix, *at))}]", (whole, shape))


def broadcast(value: "Array | Text", shape: tuple) -> Array:
    """An array or a number spread to a shape, by NumPy's rules."""
    if isinstance(value, Text):
        return Array(shape, value.kind, value.reads, lambda at: value.within(ATOM))
    if value.shape == shape:
        return value
    extra = len(shape) - len(value.shape)

    def at(index: list[str]) -> str:
        return value.at(["0" if n == 1 else i for i, n in zip(index[extra:], value.shape, strict=True)])

    return value.seen(shape, at)


# ---------------------------------------------------------------------------- elements, chosen by NumPy

def indexed(array: Array, index: Any, table: Callable[[np.ndarray], str]) -> Array:
    """`array[index]`, for any fixed index."""
    return chosen(array, lambda places: places[index], table)


def chosen(array: Array, choose: Callable[[np.ndarray], Any], table: Callable[[np.ndarray], str]) -> Array:
    """What NumPy's `choose` takes out of an array, by an index or a flip.

    NumPy itself says what that is: it is given arrays of this shape in which each element holds its own
    position along one axis. `table` gives the name of an array of positions.
    """
    shape = choose(np.broadcast_to(0, array.shape)).shape
    axes = [_position(choose(places), table) for places in own_positions(array.shape)]
    return array.seen(shape, lambda at: array.at([axis(at) for axis in axes]))


def own_positions(shape: tuple) -> list[np.ndarray]:
    """For each axis, an array in which each element holds its own position along that axis."""
    return [np.broadcast_to(np.arange(n).reshape(-1, *[1] * (len(shape) - k - 1)), shape)
            for k, n in enumerate(shape)]


def _position(places: np.ndarray, table: Callable[[np.ndarray], str]) -> Callable[[list[str]], str]:
    """How the positions in an array are written by its own indices: a number, a line, or a table."""
    if not places.size:
        return lambda at: "0"
    repeated = tuple([slice(0, 1) if stride == 0 else slice(None) for stride in places.strides])
    places, varying = places[repeated], []
    for k in range(places.ndim):
        first = places.take([0], axis=k)
        if np.array_equal(places, np.broadcast_to(first, places.shape)):
            places = first
        else:
            varying.append(k)
    places = places.reshape([places.shape[k] for k in varying])
    if not varying:
        return partial(_fixed, str(int(places)))
    if len(varying) == 1 and len(steps := np.unique(np.diff(places))) == 1:
        return partial(_on_line, varying[0], int(places[0]), int(steps[0]))
    return partial(_looked_up, table(places), varying)


def _fixed(i: str, at: list[str]) -> str:
    return i


def _on_line(axis: int, start: int, stride: int, at: list[str]) -> str:
    return affine(at[axis], start, stride)


def _looked_up(name: str, axes: list[int], at: list[str]) -> str:
    return f"{name}[{', '.join([at[k] for k in axes])}]"


def only_reshapes(index: Any, shape: tuple) -> bool:
    """Whether an index takes all elements of an array, in their order."""
    size = math.prod(shape)
    if np.broadcast_to(0, shape)[index].size != size:
        return False
    return np.array_equal(np.arange(size).reshape(shape)[index].ravel(), np.arange(size))


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
