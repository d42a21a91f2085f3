"""Elements at computed places: `x[i]`, where `i` is an integer that is not known before the program runs.

On a tape an index is a plain integer, since it has no derivative, and `getitem` does all. In a program that
is compiled it is a value like others. There, `x[i]` is two operations: `in_range` says which position `i` is,
or fails; `gather` reads there, and cannot fail. The pullback of a gather adds up what arrives at the places
that were read, `scatter_at`; that of a scatter reads there again, which is a gather. So both are closed
under differentiation.

In the `index` of both stands "#k" for the k-th of the positions, and all else is as NumPy takes it:

    >>> x = np.arange(6.0).reshape(2, 3)
    >>> gather(x, np.array([2, 0]), index=(slice(None), "#0"))
    array([[2., 0.],
           [5., 3.]])
    >>> scatter_at(np.ones((2, 2)), np.array([2, 2]), shape=(2, 3), index=(slice(None), "#0"))
    array([[0., 0., 2.],
           [0., 0., 2.]])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ConversionError, NotCompiledError
from ..primitives import FlatPrimitive, Primitive
from ..registry import movers
from ..tape import Var
from ..values import Abstract, abstract, is_condition, plain
from ..values import shape as shape_of

ROUNDED = "write np.rint(i).astype(int) for the index i; what it selects has a derivative, the index none."
FIXED_LENGTH = "write x[i + np.arange(n)] for n elements from i on, or np.where on a condition for others."


class Discrete(FlatPrimitive):
    """A function whose results are integers or conditions, which a program writes down as one operation.

    `lenient` is the same for examples, which may be out of range.
    """

    elementwise = False

    def __init__(self, fn: Callable, name: str, lenient: Callable | None = None):
        super().__init__(fn, name)
        self.lenient = lenient

    def __call__(self, *args: Any, **options: Any) -> Any:
        args = tuple(map(plain, args))
        for x in args:
            if isinstance(x, Abstract):
                return x.call(self, args, options)
        return self.fn(*args, **options)


def _in_range(i: Any, n: int) -> Any:
    if np.any(np.less(i, -n) | np.greater_equal(i, n)):
        raise IndexError(f"an index is out of bounds for an axis of size {n}")
    return np.where(np.less(i, 0), np.add(i, n), i)[()]


# The position from 0 on of an index that may count from the end; an IndexError if there is no such element.
in_range = Discrete(_in_range, "in_range", lambda i, n: np.remainder(i, n) if n else _in_range(i, n))


# ---------------------------------------------------------------------------- gather and scatter

def filled(index: tuple, positions: list) -> tuple:
    """An index with its positions in place."""
    return tuple([positions[int(part[1:])] if type(part) is str else part for part in index])


def _gather(*args: Any, index: tuple) -> Any:
    x, *positions = args
    return np.asarray(x)[filled(index, positions)]


def _scatter_at(*args: Any, shape: tuple, index: tuple, zero: float = 0.0) -> Any:
    (g, *positions), y = args, np.full(shape, zero)
    np.add.at(y, filled(index, positions), g)
    return y


gather, scatter_at = Primitive(_gather, "gather"), Primitive(_scatter_at, "scatter_at")
gather.rules = (lambda g, y, x, *positions, index:
                scatter_at(g, *positions, shape=shape_of(x), index=index),)
scatter_at.rules = (lambda h, y, g, *positions, shape, index, zero=0.0: gather(h, *positions, index=index),)
movers(gather, scatter_at)


# ---------------------------------------------------------------------------- what an index means

def element(x: Any, index: Any) -> Any:
    """`x[index]`, where a part of the index may be a value of a program that is not known yet."""
    selected = _one_mask(x, index if type(index) is tuple else (index,))
    if selected is not None:
        return masked(*selected)
    parts = _spelled_out(index if type(index) is tuple else (index,), len(shape_of(x)))
    x, parts = _without_slices(x, parts)
    template, positions = placed(shape_of(x), parts)
    if not positions:
        return x[template]
    return gather(x, *positions, index=template)


def placed_at(shape: tuple, index: Any) -> tuple[tuple, list]:
    """The same as `placed`, of an index as a user writes it."""
    parts = _spelled_out(index if type(index) is tuple else (index,), len(shape))
    if any(type(part) is slice and _bounds_are_computed(part) for part in parts):
        raise NotCompiledError("values at a slice whose bounds are computed cannot be compiled.",
                               "write i + np.arange(n) as the index.")
    return placed(shape, parts)


def element_shape(shape: tuple, index: tuple, positions: list) -> tuple[int, ...]:
    """The shape of the elements at an index."""
    zeros = [np.broadcast_to(0, shape_of(k)) for k in positions]
    return np.broadcast_to(0, shape)[filled(index, zeros)].shape


def placed(shape: tuple, parts: tuple) -> tuple[tuple, list]:
    """An index with marks for its computed parts, and the positions that these are."""
    template, positions = list[Any](), list[Any]()
    for part, axis in zip(parts, axes_of_index(parts, len(shape)), strict=True):
        if abstract(part):
            template.append(f"#{len(positions)}")
            positions.append(in_range(_integer(part), n=shape[axis]))
        else:
            template.append(part)
    return tuple(template), positions


def _integer(part: Any) -> Any:
    part = plain(part)
    if part.kind == "i":
        return part
    if part.kind == "b":
        raise NotCompiledError("a mask that is computed, beside such other parts of an index, cannot be "
                               "compiled.", "write np.where(mask, x, 0.0), or x[mask] alone, and sum it up.")
    raise NotCompiledError("a real number was used as an index.", ROUNDED)


def is_computed(index: Any) -> bool:
    """Whether a part of an index is a value of a program that is not known yet."""
    return any(abstract(i) or (type(i) is slice and _bounds_are_computed(i))
               for i in (index if type(index) is tuple else (index,)))


def _bounds_are_computed(part: slice) -> bool:
    return any(map(abstract, (part.start, part.stop, part.step)))


def _taken_axes(part: Any) -> int:
    """How many axes of the array a part of an index names."""
    if part is None or part is Ellipsis:
        return 0
    if abstract(part) or type(part) is slice or type(part) is int:
        return 1
    part = np.asarray(part)
    return part.ndim if part.dtype.kind == "b" else 1


def _spelled_out(parts: tuple, ndim: int) -> tuple:
    """An index with an ellipsis, if there was none: lists and numbers as NumPy takes them."""
    parts = tuple([np.asarray(i, dtype=None if np.size(i) else int) if isinstance(i, (list, tuple)) else i
                   for i in parts])
    if sum(map(_taken_axes, parts)) > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but "
                         f"{sum(map(_taken_axes, parts))} were indexed")
    return parts if any(i is Ellipsis for i in parts) else (*parts, Ellipsis)


def axes_of_index(parts: tuple, ndim: int) -> list[int]:
    """The first axis that each part of an index names."""
    found, axis = [], 0
    for part in parts:
        found.append(axis)
        axis += ndim - sum(map(_taken_axes, parts)) if part is Ellipsis else _taken_axes(part)
    return found


# ---------------------------------------------------------------------------- slices of fixed length

def _without_slices(x: Any, parts: tuple) -> tuple[Any, tuple]:
    """The array after its slices with computed bounds, and an index for the rest."""
    axes = axes_of_index(parts, len(shape_of(x)))
    for k, (part, axis) in enumerate(zip(parts, axes, strict=True)):
        if type(part) is slice and _bounds_are_computed(part):
            x = _sliced(x, axis, part)
            parts = (*parts[:k], slice(None), *parts[k + 1:])
    return x, parts


def _sliced(x: Any, axis: int, part: slice) -> Any:
    """`x[i:i + n]` along an axis. Where it would be shorter, at the ends, the position is out of range."""
    n = None if part.step not in (None, 1) else _length(part)
    if n is None:
        raise NotCompiledError("a slice whose length is computed cannot be compiled.", FIXED_LENGTH)
    if n > shape_of(x)[axis]:
        raise NotCompiledError(f"a slice of {n} elements out of {shape_of(x)[axis]} cannot be compiled.",
                               FIXED_LENGTH)
    first = in_range(beyond(_integer(part.start), shape_of(x)[axis] - n + 1), n=shape_of(x)[axis] - n + 1)
    index = (*[slice(None)] * axis, "#0", Ellipsis)
    return gather(x, first + np.arange(n), index=index)


def _beyond(i: Any, n: int) -> Any:
    return np.where(np.less(i, 0), n, i)[()]


# An index as it is, but one that counts from the end becomes one that is out of range.
beyond = Discrete(_beyond, "beyond", lambda i, n: i)


def _length(part: slice) -> int | None:
    """How long a slice is, if both ends are the same integer but for a fixed one; else None."""
    start, a = _shifted(part.start)
    stop, b = _shifted(part.stop)
    return b - a if start is not None and start is stop and b >= a else None


def _shifted(x: Any) -> tuple[Any, int]:
    """What an integer is made of: another value, plus a fixed number."""
    shift = 0
    x = plain(x)
    if not isinstance(x, Abstract):
        return None, 0
    value = x.value                              # type: ignore[attr-defined]
    while True:
        op = x.builder.maker.get(value)          # type: ignore[attr-defined]
        if op is None or op.name not in ("add", "subtract") or len(op.operands) != 1:
            return value, shift
        a, b = op.args
        if type(b) is int:
            value, shift = a, shift + b if op.name == "add" else shift - b
        elif type(a) is int and op.name == "add":
            value, shift = b, shift + a
        else:
            return value, shift


# ---------------------------------------------------------------------------- by functions

def taken(a: Any, index: Any) -> Any:
    """`a[index]` of whatever is an array, also one that is plain while the index is a value of a program."""
    index = plain_index(index)
    if is_computed(index):
        a = a if isinstance(a, (Var, Abstract)) else np.asarray(a)
        return element(a, index)
    if isinstance(a, (Var, Abstract)):
        return a[index]                          # type: ignore[index]
    return np.asarray(a)[index]


def plain_index(index: Any) -> Any:
    """An index, refused if a traced number is a part of it: on a tape these are real numbers.

    A list with values of a program becomes an array of them, as NumPy makes one of a list.
    """
    if type(index) is tuple:
        return tuple(map(plain_index, index))
    if type(index) is list and any(map(abstract, index)):
        return np.stack(index)
    if type(index) is Var and not abstract(index):
        raise ConversionError("a traced value was used as an index, which has to be an integer.", ROUNDED)
    return index


def along(a: Any, axis: int | None, index: Any, mode: str = "raise") -> Any:
    """`np.take` with a computed index."""
    if axis is None:
        a, axis = np.ravel(a), 0
    n = shape_of(a)[axis]
    if mode != "raise":
        index = np.clip(index, 0, n - 1) if mode == "clip" else index % n
    return taken(a, (*[slice(None)] * (axis % len(shape_of(a))), index))


# ---------------------------------------------------------------------------- masks

def is_mask(part: Any) -> bool:
    """Whether a part of an index is a mask that is computed."""
    return abstract(part) and is_condition(part)


def _one_mask(x: Any, parts: tuple) -> tuple[Any, Any] | None:
    """An array and a mask of its first axes, for an index of a mask, integers before it, and slices after.

    `x[0, mask, 1:]` is `x[0, :, 1:][mask]`, which NumPy computes at once.
    """
    k = next((k for k, part in enumerate(parts) if is_mask(part)), None)
    if k is None:
        return None
    mask, before, after = parts[k], parts[:k], parts[k + 1:]
    if not all(map(_is_whole, before)) or not all(
            part is Ellipsis or _is_whole(part) or (type(part) is slice and not _bounds_are_computed(part))
            for part in after):
        return None
    if before or after:
        x = x[(*before, *[slice(None)] * len(shape_of(mask)), *after)]
    return x, mask


def _is_whole(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, bool)


def masked(x: Any, mask: Any) -> Any:
    """`x[mask]` of a mask that is computed: how many elements that are is not known."""
    from ..compile.masked import Masked  # noqa: PLC0415  (it builds on proxies)

    return Masked.of(x, mask)
