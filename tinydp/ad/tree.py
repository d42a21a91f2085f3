"""Structures of numbers and arrays: what is a container, how it is taken apart and put together again.

Containers are lists, tuples, named tuples, dicts (and subclasses of these), dataclasses, and the classes
that were registered. Texts, enums, functions, classes and None hold no number: they are *static*, a part of
the structure as the names of a dict are. All else is a *leaf*.

    >>> flatten({"w": [1.0, 2.0], "b": (3.0, None), "kind": "relu"})[0]
    [1.0, 2.0, 3.0]
    >>> map(lambda leaf: 10 * leaf, {"w": [1.0, 2.0], "b": (3.0, None), "kind": "relu"})
    {'w': [10.0, 20.0], 'b': (30.0, None), 'kind': 'relu'}

What a `KINDS` entry says of a class is all that is known of it; no other file tells containers apart.
"""

import copy
import dataclasses
import enum
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .drafts import settled
from .errors import StructureError

_LEAVES = frozenset((float, np.ndarray))         # known at once, for speed; all else is looked at


# ---------------------------------------------------------------------------- kinds of containers

class Container(NamedTuple):
    """How the containers of one class are taken apart and put together."""

    children: Callable[[Any], Any]               # the subtrees, in a list or a tuple
    rebuild: Callable[[Any, list], Any]          # a container like this one around other subtrees
    steps: Callable[[Any], list[str]]            # how to reach each subtree
    static: Callable[[Any], list[tuple[str, Any]]] | None = None     # what else has to be equal, and its step
    keys: Callable[[Any], Any] | None = None     # of a dict


def _indices(tree: Any) -> list[str]:
    return [f"[{i}]" for i in range(len(tree))]


def _keys(tree: dict) -> list[str]:
    return [f"[{key!r}]" for key in tree]


LIST = Container(lambda tree: tree, lambda tree, subtrees: subtrees, _indices)
TUPLE = Container(lambda tree: tree, lambda tree, subtrees: tuple(subtrees), _indices)
DICT = Container(lambda tree: list(tree.values()),
                 lambda tree, subtrees: dict(zip(tree, subtrees, strict=True)), _keys, keys=dict.keys)
STATIC = Container(lambda tree: (), lambda tree, subtrees: tree, lambda tree: [], lambda tree: [("", tree)])

_STATIC = (str, bytes, enum.Enum, type, types.NoneType, types.FunctionType, types.BuiltinFunctionType,
           np.ufunc, type(np.sum), np.dtype, slice, types.EllipsisType)


class _Kinds(dict):
    """The kind of each class, None for that of a leaf; what is not known yet is found out."""

    def __missing__(self, cls: type) -> Container | None:
        found = self[cls] = _kind_of(cls)
        return found


def _kind_of(cls: type) -> Container | None:
    if issubclass(cls, _STATIC):
        return STATIC
    if dataclasses.is_dataclass(cls) and not issubclass(cls, (list, tuple, dict)):
        return _of_dataclass(cls)
    if issubclass(cls, tuple) and not hasattr(cls, "n_sequence_fields"):         # as time.struct_time has
        return _of_tuple(cls)
    if issubclass(cls, list):
        return Container(functools.partial(_items, list), _like_list, _indices)
    if issubclass(cls, dict):
        return Container(functools.partial(_items, lambda tree: list(tree.values())), _like_dict, _keys,
                    keys=dict.keys)
    return None


KINDS: dict[type, Container | None] = _Kinds({list: LIST, tuple: TUPLE, dict: DICT, types.NoneType: STATIC})


def register(cls: type, children: Callable[[Any], Any] | None = None,
             rebuild: Callable[..., Any] | None = None) -> type:
    """Make a class of yours a container: from here on, its objects may stand wherever a list may.

    `children(x)` returns the parts of an object, and `rebuild(*parts)` an object of other parts. Parts are
    numbers, arrays, structures, and what is static. `rebuild` is called with whatever stands for a number: it
    must not look at it, let alone convert it. Without both, objects of the class are static: compared by
    `==`, a part of the program when it is compiled. Subclasses are registered on their own. Returns the
    class, so that it is a decorator for static ones. Raises `TypeError` if one of the two is missing.

        >>> class Spring:
        ...     def __init__(self, length, name):
        ...         self.length, self.name = length, name
        >>> _ = register(Spring, lambda spring: (spring.length, spring.name), Spring)
        >>> map(lambda leaf: 2 * leaf, Spring(3.0, "left")).length
        6.0
    """
    if (children is None) != (rebuild is None):
        raise TypeError("register takes both functions, children and rebuild, or none of them.")
    KINDS[cls] = STATIC if children is None or rebuild is None else Container(
        lambda tree: [*children(tree)], lambda tree, subtrees: rebuild(*subtrees),
        lambda tree: _indices([*children(tree)]))
    return cls


# -- subclasses of Python's own containers, which may not have attributes beside their items
def _of_tuple(cls: type) -> Container:
    names = getattr(cls, "_fields", None)
    new: Callable = functools.partial(tuple.__new__, cls)        # not the class's own: see `_of_dataclass`
    return Container(functools.partial(_items, LIST.children) if cls.__dictoffset__ else LIST.children,
                lambda tree, subtrees: new(subtrees),
                _indices if names is None else lambda tree: [f".{name}" for name in names])


def _items(items: Callable, tree: Any) -> Any:
    _require_nothing_beside(tree, ())
    return items(tree)


def _like_list(tree: Any, subtrees: list) -> Any:
    new = copy.copy(tree)
    list.__setitem__(new, slice(None), subtrees)
    return new


def _like_dict(tree: Any, subtrees: list) -> Any:
    new = copy.copy(tree)                        # keeps a defaultdict's factory
    dict.update(new, zip(tree, subtrees, strict=True))
    return new


# -- dataclasses

def _of_dataclass(cls: type) -> Container:
    """The kind of a dataclass. Its objects are made without `__init__` and `__post_init__`, as copies are.

    Both may convert and check what they are given, and here that may be anything. What they compute of
    other fields would be a number of its own, whose derivative is lost: so that is refused.
    """
    fields = dataclasses.fields(cls)
    computed = [x.name for x in fields if not x.init and not x.metadata.get("static")]
    if computed and hasattr(cls, "__post_init__"):
        raise StructureError(
            f"{cls.__name__} computes its field {computed[0]} in __post_init__, so it cannot be told from "
            "the numbers that it is made of.",
            f"make {computed[0]} a @property; or, if it is no number, a field with "
            'metadata={"static": True}.')
    names = [x.name for x in fields if not x.metadata.get("static")]
    static = [x.name for x in fields if x.metadata.get("static")]
    known = frozenset(x.name for x in fields)

    def children(tree: Any) -> list:
        _require_nothing_beside(tree, known)
        try:
            return [getattr(tree, name) for name in names]
        except AttributeError as error:
            raise StructureError(f"a field of {cls.__name__} has no value yet: {error}",
                                 "give the field a value before the object is used.") from None

    def rebuild(tree: Any, subtrees: list) -> Any:
        new: Any = object.__new__(cls)
        for name, subtree in zip(names, subtrees, strict=True):
            object.__setattr__(new, name, subtree)               # a frozen one has another
        for name in static:
            object.__setattr__(new, name, getattr(tree, name))
        return new

    return Container(children, rebuild, lambda tree: [f".{name}" for name in names],
                (lambda tree: [(f".{name}", getattr(tree, name)) for name in static]) if static else None)


def _require_nothing_beside(tree: Any, known: Any) -> None:
    """Raise if an object has attributes that would not be in one rebuilt; what is cached is made again."""
    own = getattr(tree, "__dict__", ())
    if len(own) <= len(known) and known.issuperset(own) if known else not own:
        return
    others = [name for name in own if name not in known
              and not isinstance(getattr(type(tree), name, None), functools.cached_property)]
    if others:
        name = type(tree).__name__
        raise StructureError(
            f"a {name} has the attribute {others[0]} beside its {'fields' if known else 'items'}, which "
            "would be lost.",
            f"make it a field of a dataclass or a @property, or say with dp.ad.tree.register({name}, ...) "
            "what there is in it.")


# ---------------------------------------------------------------------------- one level

def children(tree: Any) -> list | tuple | None:
    """The subtrees of a container, none for what is static; None for a leaf."""
    kind = KINDS[type(tree)]
    return None if kind is None else kind.children(tree)


def steps(tree: Any) -> list[str]:
    """How to reach each child of a container: `[0]`, `['w']` or `.weight`."""
    kind = KINDS[type(tree)]
    return [] if kind is None else kind.steps(tree)


def rebuild(tree: Any, subtrees: list) -> Any:
    """A container like `tree` around other subtrees."""
    kind = KINDS[type(tree)]
    return tree if kind is None else kind.rebuild(tree, subtrees)


def static(tree: Any) -> list[tuple[str, Any]]:
    """What is fixed at the root of a tree, with the steps to it: a text itself, a static field."""
    kind = KINDS[type(tree)]
    return kind.static(tree) if kind is not None and kind.static else []


def has_no_number(tree: Any) -> bool:
    """Whether there is nothing in it but a text, a function or the like."""
    return KINDS[type(tree)] is STATIC


# ---------------------------------------------------------------------------- all of a tree

def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All (path, leaf) pairs, from left to right."""
    below = children(tree)
    if below is None:
        yield path, settled(tree)
    else:
        for step, child in zip(steps(tree), below, strict=True):
            yield from leaves(child, path + step)


def fixed_parts(tree: Any) -> Iterator[Any]:
    """All that is static in a tree, and the classes of its containers."""
    if type(tree) not in (list, tuple, dict) and not has_no_number(tree) and children(tree) is not None:
        yield type(tree)
    for _, part in static(tree):
        yield part
    for child in children(tree) or ():
        yield from fixed_parts(child)


def flatten(tree: Any) -> tuple[list, Callable[[list], Any]]:
    """The leaves, and the function that puts others in their places, whatever becomes of `tree`."""
    found: list = []

    def take(leaf: Any) -> float:
        found.append(leaf)
        return 0.0

    outline = _map_one(take, tree)

    def unflatten(others: list) -> Any:
        rest = iter(others)
        return _map_one(lambda _: next(rest), outline)

    return found, unflatten


def copied(tree: Any) -> Any:
    """The same leaves in containers of their own."""
    return settled(tree) if children(tree) is None else _map_one(lambda leaf: leaf, tree)


def settled_leaves(tree: Any) -> Any:
    """The same with the values of the arrays in it that are being filled; often, as it is."""
    below = children(tree)
    if below is None:
        return settled(tree)
    return copied(tree) if any(settled_leaves(x) is not x for x in below) else tree


def map(f: Callable, tree: Any, *others: Any) -> Any:
    """Apply `f` to each leaf of `tree`, and to the leaves of `others` in the same places.

    Raises `StructureError` where one of the others is not built like the first.

        >>> map(lambda a, b: a + b, {"x": 1, "y": [2, 3]}, {"y": [20, 30], "x": 10})
        {'x': 11, 'y': [22, 33]}
    """
    return _map_many(f, (tree, *others), None) if others else _map_one(f, tree)


def map_changed(f: Callable, tree: Any, other: Any) -> Any:
    """As `map`, where what is static may be another in `other`, which keeps it.

        >>> map_changed(lambda a, b: a + b, {"x": 1, "mode": "off"}, {"mode": "on", "x": 10})
        {'x': 11, 'mode': 'on'}
    """
    return _map_many(f, (tree, other), None, lambda part, found: has_no_number(found))


def in_places_of(tree: Any, other: Any) -> list:
    """What `other` has in the places of the leaves of `tree`; where this is static, it may have anything."""
    found: list = []
    _map_many(lambda _, leaf: found.append(leaf), (tree, other), None, lambda part, _: part is not None)
    return found


def _map_one(f: Callable, tree: Any) -> Any:
    kind = KINDS[type(tree)]
    if kind is None:
        return f(settled(tree))
    return kind.rebuild(tree, [f(child) if type(child) in _LEAVES else _map_one(f, child)
                               for child in kind.children(tree)])


def _map_many(f: Callable, trees: tuple, way: tuple | None, may_be: Callable | None = None) -> Any:
    """As `map`; `way` leads here from the roots: (the way to the parent, the parent, which child).

    `may_be(part, found)` tells of what is static in the first whether the last may have that there instead.
    """
    first = trees[0]
    kind = KINDS[type(first)]
    if kind is STATIC and may_be is not None and may_be(first, trees[-1]):
        return trees[-1]
    if kind is None:
        for other in trees[1:]:
            if KINDS[type(other)] is not None:
                raise _unlike(first, other, way)
        return f(*[settled(x) for x in trees])
    below = kind.children(first)
    columns = [below]
    for other in trees[1:]:
        if type(other) is not type(first):
            raise _unlike(first, other, way)
        column = kind.children(other)
        if len(column) != len(below):
            raise _unlike(first, other, way)
        if kind.keys:                            # by key, whatever the order of insertion
            if first.keys() != other.keys():
                raise _unlike(first, other, way)
            column = [other[key] for key in first]
        if kind.static:
            _require_equal(kind.static(first), kind.static(other), way)
        columns.append(column)
    return kind.rebuild(first, [f(*row) if type(row[0]) in _LEAVES and type(row[1]) in _LEAVES
                                and (len(row) == 2 or _LEAVES.issuperset([type(child) for child in row]))
                                else _map_many(f, row, (way, first, k), may_be)
                                for k, row in enumerate(zip(*columns, strict=True))])


# ---------------------------------------------------------------------------- what is unlike

def _require_equal(parts: list, others: list, way: tuple | None) -> None:
    """Raise unless what is static in two trees is equal."""
    for (step, part), (_, other) in zip(parts, others, strict=True):
        if not same(part, other):
            raise _error(_path(way) + step, f"{part!r:.60}", f"{other!r:.60}", static=True)


def same(a: Any, b: Any) -> bool:
    """Whether two static parts are one program's: 0.0 and -0.0 are not, nor are 1 and True."""
    if a is b:
        return True
    try:
        return type(a) is type(b) and bool(a == b) and repr(a) == repr(b)
    except ValueError:                           # an array has no single answer
        return False


def _path(way: tuple | None) -> str:
    path = ""
    while way:
        way, parent, k = way
        path = steps(parent)[k] + path
    return path


def _unlike(first: Any, other: Any, way: tuple | None) -> StructureError:
    a, b = describe(first), describe(other)
    if a == b and hasattr(first, "_fields"):     # of the same name
        a, b = [f"{type(x).__name__} with the fields {', '.join(x._fields)}" for x in (first, other)]
    return _error(_path(way), a, b, static=has_no_number(first) and has_no_number(other))


def _error(path: str, first: str, other: str, static: bool) -> StructureError:
    error = StructureError(f"{f'at {path}, ' if path else ''}{first} does not match {other}.",
                           "what is static, such as a text, has to be the same in both." if static else "")
    error.difference = path, first, other, static
    return error


def alike(tree: Any, other: Any) -> bool:
    """Whether both are built the same, whatever their leaves are."""
    try:
        map(lambda a, b: None, tree, other)
    except StructureError:
        return False
    return True


def signature(tree: Any) -> str:
    """All that is to be known of a tree, in one text: equal where structures and leaves are.

        >>> signature({"w": [1, 2], "kind": "relu"})
        "dict(['w']=list([0]=1, [1]=2), ['kind']=str('relu'))"
    """
    kind = KINDS[type(tree)]
    if kind is None:
        return repr(tree)
    parts = [f"{step}={part!r}".removeprefix("=") for step, part in static(tree)]
    parts += [f"{step}={signature(child)}" for step, child in
              zip(kind.steps(tree), kind.children(tree), strict=True)]
    return f"{type(tree).__qualname__}({', '.join(parts)})"


def describe(tree: Any) -> str:
    """A structure in a few words: `dict(w, b)`, `tuple of 2`, `float`."""
    kind = KINDS[type(tree)]
    if kind is None:
        return "number or array" if hasattr(tree, "shape") else type(tree).__name__
    if kind is STATIC:
        return f"{type(tree).__name__} {tree!r:.60}" if isinstance(tree, (str, bytes)) else f"{tree!r:.60}"
    if kind.keys:
        return f"{type(tree).__name__} with the keys {', '.join(str(key) for key in tree)}"
    if dataclasses.is_dataclass(tree):
        return f"{type(tree).__name__} with the fields {', '.join(step[1:] for step in kind.steps(tree))}"
    return f"{type(tree).__name__} of {len(kind.children(tree))}"
