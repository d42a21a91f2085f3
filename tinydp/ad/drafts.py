"""An array that is being filled with traced values: `y = np.zeros(3); y[0] = x` without losing a derivative.

A plain array has room for numbers only. A `Draft` has for each element a *cell*, which says where its value
comes from: from which of the traced arrays that were written here, and from which place in that; or from
none, if it is a plain number. Nothing is recorded while a draft is filled. Where it is read, what was
written is joined to one traced array.

    >>> from tinydp import grad
    >>> def energy(x):
    ...     y = Draft.of(np.zeros(3))
    ...     y[0] = x
    ...     y[1:] = y[0] ** 2
    ...     return (y @ np.array([1.0, 10.0, 100.0]))
    >>> grad(energy)(3.0)
    661.0

The cells are one array of NumPy's, so a view of a draft is a view of its cells: what is written to one is in
the other, exactly where it would be so of plain arrays, since it is NumPy that decides which is a view.
"""

import itertools
import math
import operator
from collections.abc import Callable, Iterator
from functools import partialmethod
from typing import Any, ClassVar, NoReturn

import numpy as np

from .advice.methods import at_advice
from .advice.naming import Advice
from .errors import ConversionError, MutationError, user_place
from .tape import Var
from .values import FLOAT64, Abstract, Filled, plain, shape

CELL = np.dtype([("value", np.float64), ("source", np.int64), ("place", np.int64)])
PLAIN = -1  # the source of a plain number


class Sources(list):
    """The traced values that were written to a draft and its views, in that order."""

    writes = 0  # plain ones as well: what was read before is old


class Draft(Filled):
    """An array under construction. It does what an array does; see above."""

    __slots__ = ("_cells", "_seen", "_sources")
    __hash__ = None  # type: ignore[assignment]
    from_numpy: ClassVar[Callable[[Any], bool]]  # that of `origin.py`, which builds on what uses drafts

    def __init__(self, cells: np.ndarray, sources: Sources):
        self._cells, self._sources = cells, sources
        self._seen: tuple[int, Any] = (PLAIN, None)

    @classmethod
    def of(cls, x: Any) -> "Draft":
        """A draft of its own, filled with what is in an array."""
        known = plain_numbers(x)
        cells = np.empty_like(known, CELL, subok=False)
        draft = cls(cells, Sources())
        draft[...] = x
        return draft

    @property
    def value(self) -> Any:
        """All of it as it is now: a traced array, or a plain one if nothing in it is traced."""
        if self._seen[0] != self._sources.writes:
            found = _joined(self._cells, self._sources)
            if type(found) is np.ndarray:
                return found  # which the caller may change
            self._seen = (self._sources.writes, found)
        return self._seen[1]

    # -- elements

    def __getitem__(self, index: Any) -> Any:
        if type(index) is not int:
            known = _known(index)
            if known is COMPUTED:
                return self.value[index]
            index = known
        found = self._cells[index]
        if type(found) is not np.void:
            return Draft(found, self._sources)
        value, source, place = found.item()
        if source == PLAIN:
            return np.float64(value)
        part = self._sources[source]
        return part[np.unravel_index(place, shape(part))] if shape(part) else part

    def __setitem__(self, index: Any, item: Any) -> None:
        if type(item) is Var and type(index) is int and type(item.value) is float and self._cells.ndim == 1:
            sources = self._sources  # the common case: what is below does the same
            item = _numpys(item)
            self._cells[index] = (item.value, len(sources), 0)
            sources.append(item)
            sources.writes += 1
            return
        item = _as_numbers(as_array(item))
        known = _known(index)
        if known is COMPUTED:
            from .placed import set_at  # noqa: PLC0415  (it builds on what uses drafts)

            known, item = ..., set_at(self.value, index, item)
        source = len(self._sources) if is_traced(item) else PLAIN
        value = plain_numbers(item)
        if shape(value):
            new = np.empty(shape(value), CELL)
            new["value"], new["source"] = value, source
            new["place"] = np.arange(new.size).reshape(new.shape)
            self._cells[known] = new
        else:
            self._cells[known] = (value, source, 0)
        if source != PLAIN:
            self._sources.append(item)
        self._sources.writes += 1

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))

    # -- NumPy

    def __array__(self, *args: Any, **options: Any) -> Any:
        value = self.value
        if type(value) is not np.ndarray:
            return value.__array__(*args, **options)  # which refuses
        options.pop("copy", None)
        return np.array(value, *args, **options)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
        if method == "at":
            return _increased(ufunc, *args)
        (out,) = options.pop("out", None) or (None,)
        y = (
            getattr(ufunc, method)(*map(as_array, args), **options)
            if out is None or type(out) is Draft
            else (getattr(ufunc, method)(*map(as_array, args), out=out, **options))
        )
        if type(out) is not Draft:
            return y
        out[...] = y
        return out

    def __array_function__(self, function: Callable, types: Any, args: tuple, options: dict) -> Any:
        out = options.get("out")
        if type(out) is Draft:
            out[...] = function(*args, **{**options, "out": None})
            return out
        given, named = settled_parts(args), settled_parts(options)
        if function.__name__ in _CHANGING_FUNCTIONS:
            return _changed(function, args, given, named)
        if function.__name__ not in _COPYING:
            found = _viewed(function, args, options)
            if found is not NotImplemented:
                return found
        return function(*given, **named)

    # -- what gives views, or copies that may be filled on their own

    def copy(self, order: Any = "C") -> "Draft":
        return Draft(self._cells.copy(order), _own(self._sources))

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> "Draft":
        return self.copy()

    def flatten(self, order: Any = "C") -> "Draft":
        return Draft(self._cells.flatten(order), _own(self._sources))

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        return (
            self.copy("K")
            if np.dtype(dtype) == FLOAT64 and options.get("copy", True)
            else (self.value.astype(dtype, *args, **options))
        )

    @property
    def flat(self) -> Any:
        row = self._cells.reshape(-1)
        if row.base is None or not np.shares_memory(row, self._cells):
            raise MutationError(
                ".flat of an array that does not lie in one piece.", "write np.ravel(x) for its elements."
            )
        return Draft(row, self._sources)

    @property
    def real(self) -> Any:
        return self

    # -- changes

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, **options: Any) -> None:
        self[...] = np.sort(self.value, axis, **options)

    # -- the rest is that of its value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"an array that is being filled has no {name}")
        if name in _REFUSED:
            return _refuse(name)
        return getattr(self.value, name)

    def __setattr__(self, name: str, x: Any) -> None:
        if name not in Draft.__slots__:
            raise MutationError(
                f".{name} of an array that holds traced values cannot be set.",
                "write x = np.reshape(x, shape) for x.shape = shape.",
            )
        object.__setattr__(self, name, x)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.value.__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"Draft({self._cells['value']!r})"

    def __str__(self) -> str:
        return str(plain(self.value))

    def __format__(self, spec: str) -> str:
        return format(plain(self.value), spec)


class _Computed:
    """Marks an index that is not known yet: that of a program that is compiled."""


COMPUTED = _Computed()


def _known(index: Any) -> Any:
    """An index as NumPy's cells take it; `COMPUTED` where its numbers are not known yet."""
    parts = index if type(index) is tuple else (index,)
    if any(
        isinstance(part, Abstract) or (type(part) is Var and isinstance(plain(part), Abstract))
        for part in parts
    ):
        return COMPUTED
    if any(type(part) in (Draft, list) for part in parts):
        parts = tuple([settled(part) for part in parts])
        return parts if type(index) is tuple else parts[0]
    return index


# ---------------------------------------------------------------------------- values


def settled(x: Any) -> Any:
    """What is in a draft; anything else as it is."""
    return x.value if type(x) is Draft else x


def as_array(x: Any) -> Any:
    """The same, and a list with traced values as the array that it stands for."""
    kind = type(x)
    if kind is Draft:
        return x.value
    return joined(x) if (kind is list or kind is tuple) and holds_traced(x) else x


def settled_parts(x: Any) -> Any:
    """Arguments with the values of the drafts among them, in lists as well."""
    kind = type(x)
    if kind is Draft:
        return x.value
    if kind is list or kind is tuple:
        return kind([settled_parts(part) for part in x])
    return {name: settled_parts(part) for name, part in x.items()} if kind is dict else x


def is_traced(x: Any) -> bool:
    """Whether it is a value that is differentiated, or of a program that is compiled."""
    return type(x) is Var or isinstance(x, (Draft, Abstract))


def holds_traced(x: Any) -> bool:
    """Whether there is such a value in it, in lists of lists as well."""
    kind = type(x)
    if kind is float or kind is int or kind is np.ndarray or kind is str:
        return False
    if isinstance(x, (list, tuple)):
        return any(map(holds_traced, x))
    return is_traced(x)


def plain_numbers(x: Any) -> Any:
    """The plain numbers in a value: those of the example, in a program that is compiled."""
    kind = type(x)
    if kind is Draft:
        return x._cells["value"]
    if isinstance(x, (list, tuple)):
        return [*map(plain_numbers, x)]
    x = plain(x)
    return x.example if isinstance(x, Abstract) else x  # type: ignore[attr-defined]


def _as_numbers(item: Any) -> Any:
    """What is written to an array of float64, as that array would have it."""
    if not is_traced(item):
        return item if type(item) in (float, np.ndarray) else np.asarray(item, np.float64)[()]
    if isinstance(item, Abstract) and item.kind != "f":
        item = np.multiply(item, 1.0)  # type: ignore[call-overload]
    return item if shape(item) else _numpys(item)


def _numpys(item: Any) -> Any:
    """A number as one of NumPy's, which it is when it is read."""
    return item if Draft.from_numpy(item) else np.positive(item)


def joined(rows: Any) -> Any:
    """The traced array that `np.array` of these nested lists is."""
    expected = np.array(plain_numbers(rows))  # NumPy refuses what is ragged
    found = _row(rows)
    return found if shape(found) == expected.shape else np.reshape(found, expected.shape)


def _row(row: Any) -> Any:
    if not isinstance(row, (list, tuple)):
        return settled(row)
    if any(
        isinstance(x, (list, tuple)) and any(isinstance(y, (list, tuple)) or np.ndim(y) for y in x)
        for x in row
    ) or not all(isinstance(x, (list, tuple)) for x in row):
        return np.stack([*map(_row, row)])
    return np.stack([settled(x) for part in row for x in part])  # a matrix of numbers: one stack of all


def _joined(cells: np.ndarray, sources: Sources) -> Any:
    """The array that these cells stand for."""
    row = cells.ravel()
    origin, place = row["source"], row["place"]
    ids = _in_order(origin)
    if not ids:
        return cells["value"].copy()
    parts = [sources[k] for k in ids]
    if len(parts) == row.size and not any(map(shape, parts)):
        return np.reshape(np.stack(parts), cells.shape)
    plainly = origin == PLAIN
    if (
        len(parts) == 1
        and shape(parts[0]) == cells.shape
        and not plainly.any()
        and (np.array_equal(place, np.arange(row.size)))
    ):
        return parts[0]
    start = np.zeros(len(sources), int)
    lengths = [math.prod(shape(x)) for x in parts]
    start[ids] = [0, *itertools.accumulate(lengths[:-1])]
    index = np.where(plainly, sum(lengths) + np.cumsum(plainly) - 1, start[origin] + place)
    flat = [np.reshape(x, -1) for x in parts]
    whole = np.concatenate([*flat, row["value"][plainly]] if plainly.any() else flat)
    if not np.array_equal(index, np.arange(sum(lengths) + np.count_nonzero(plainly))):
        whole = whole[index]
    return np.reshape(whole, cells.shape)


def _in_order(origin: np.ndarray) -> list[int]:
    """The sources that are named, in the order in which they are."""
    if origin.size <= 1000:
        ids = dict.fromkeys(origin.tolist())
        ids.pop(PLAIN, None)
        return [*ids]
    found, first = np.unique(origin, return_index=True)
    return [k for k in found[np.argsort(first)].tolist() if k != PLAIN]


def _own(sources: Sources) -> Sources:
    new = Sources(sources)
    new.writes = sources.writes
    return new


# ---------------------------------------------------------------------------- what NumPy's functions do

# Those that change an array in place.
_CHANGING_FUNCTIONS = frozenset(("copyto", "fill_diagonal", "put", "place", "putmask", "put_along_axis"))

# Common ones whose result is never a view of an argument.
_COPYING = frozenset(
    (
        "sum",
        "mean",
        "prod",
        "max",
        "min",
        "amax",
        "amin",
        "std",
        "var",
        "argmax",
        "argmin",
        "argsort",
        "any",
        "all",
        "dot",
        "inner",
        "outer",
        "vdot",
        "cross",
        "einsum_path",
        "tensordot",
        "kron",
        "trace",
        "interp",
        "diff",
        "cumsum",
        "cumprod",
        "sort",
        "where",
        "clip",
        "concatenate",
        "stack",
        "vstack",
        "hstack",
        "dstack",
        "column_stack",
        "append",
        "block",
        "tile",
        "repeat",
        "roll",
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "norm",
        "solve",
        "inv",
        "det",
        "slogdet",
        "eigh",
        "eigvalsh",
        "svd",
        "cholesky",
        "qr",
        "lstsq",
        "pinv",
        "shape",
        "ndim",
        "size",
        "allclose",
        "isclose",
        "array_equal",
        "copy",
        "trapezoid",
        "gradient",
        "convolve",
        "correlate",
        "average",
        "linspace",
        "nonzero",
        "count_nonzero",
    )
)


def _viewed(function: Callable, args: tuple, options: dict) -> Any:
    """What a function gives that moves elements, if NumPy makes it of the same memory: a draft, too."""
    given = [x._cells["value"].copy("K") if type(x) is Draft else x for x in args]
    found = function(*map(plain_numbers, given), **{name: plain_numbers(x) for name, x in options.items()})
    parts = found if isinstance(found, (list, tuple)) else [found]
    drafts = [(x, y) for x, y in zip(args, given, strict=True) if type(x) is Draft]
    if not any(
        isinstance(part, np.ndarray) and np.may_share_memory(part, y) for part in parts for _, y in drafts
    ):
        return NotImplemented
    if len(drafts) > 1:
        raise _unknown_view(function)
    ((draft, _),) = drafts
    try:
        found = function(*[x._cells if x is draft else x for x in args], **options)
    except (TypeError, ValueError):
        raise _unknown_view(function) from None
    if isinstance(found, (list, tuple)):
        return type(found)([Draft(x, draft._sources) for x in found])
    return Draft(found, draft._sources)


def _unknown_view(function: Callable) -> ConversionError:
    return ConversionError(
        f"np.{function.__name__} gives another view of an array that is being filled.",
        Advice("copy it first: {}.", f"np.{function.__name__}(x.copy())"),
    )


def _changed(function: Callable, args: tuple, given: Any, options: dict) -> None:
    """A function that changes its first argument, done to a draft."""
    target, name = args[0], function.__name__
    if type(target) is not Draft or options:
        function(*[target, *given[1:]] if type(target) is not Draft else given, **options)  # refuses
        raise _refuse_change(name)
    if name == "copyto":
        target[...] = given[1]
    elif name == "fill_diagonal" and len(args) == 2:
        k = np.arange(min(target._cells.shape))
        target[(k,) * target._cells.ndim] = given[1]
    else:
        raise _refuse_change(name)


def _refuse_change(name: str) -> MutationError:
    return MutationError(
        f"np.{name} would change an array that holds traced values.",
        Advice("write {} for what it does.", "x[index] = values"),
    )


def _increased(ufunc: np.ufunc, array: Any, index: Any, values: Any = None) -> None:
    """`np.add.at(array, index, values)`."""
    from .indexing import add_at  # noqa: PLC0415  (it builds on what uses drafts)

    if type(array) is not Draft or ufunc not in (np.add, np.subtract):
        raise MutationError(*at_advice(ufunc.__name__, user_place().expression))
    values = settled(values)
    array[...] = add_at(array.value, settled(index), values if ufunc is np.add else np.negative(values))


_REFUSED = frozenset(("partition", "resize", "put", "setfield", "setflags", "byteswap", "view", "getfield"))


def _refuse(name: str) -> NoReturn:
    raise MutationError(f".{name}() of an array that holds traced values.", "build a new array instead.")


# ---------------------------------------------------------------------------- methods


def _structural(name: str) -> Callable:
    """A method that moves elements: of a view another view, of a copy another draft."""

    def method(self: Draft, *args: Any, **options: Any) -> Draft:
        found = getattr(self._cells, name)(*args, **options)
        shared = np.may_share_memory(found, self._cells)
        return Draft(found, self._sources if shared else _own(self._sources))

    return method


def _binary(combine: Callable) -> tuple[Callable, Callable]:
    return (lambda a, b: combine(a.value, as_array(b))), (lambda a, b: combine(as_array(b), a.value))


def _in_place(combine: Callable) -> Callable:
    def method(self: Draft, x: Any) -> Draft:
        self[...] = combine(self.value, as_array(x))
        return self

    return method


for _name in ("reshape", "ravel", "swapaxes", "transpose", "squeeze", "diagonal"):
    setattr(Draft, _name, _structural(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _combine = getattr(operator, _name)
    _forward, _reflected = _binary(_combine)
    setattr(Draft, f"__{_name}__", _forward)
    setattr(Draft, f"__r{_name}__", _reflected)
    setattr(Draft, f"__i{_name}__", _in_place(_combine))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(Draft, f"__{_name}__", _binary(getattr(operator, _name))[0])
for _name, _function in (
    ("neg", operator.neg),
    ("pos", operator.pos),
    ("abs", abs),
    ("bool", bool),
    ("float", float),
    ("int", int),
    ("round", round),
    ("contains", operator.contains),
):
    setattr(
        Draft,
        f"__{_name}__",
        partialmethod(lambda self, *args, function: function(self.value, *args), function=_function),
    )
for _name, _axes in (("T", (-1, -2)), ("mT", (-1, -2))):
    setattr(
        Draft,
        _name,
        property(
            operator.methodcaller("transpose") if _name == "T" else operator.methodcaller("swapaxes", -1, -2)
        ),
    )
for _name in ("shape", "ndim", "size"):
    setattr(Draft, _name, property(operator.attrgetter(f"_cells.{_name}")))
Draft.dtype = property(lambda self: FLOAT64)  # type: ignore[attr-defined]
