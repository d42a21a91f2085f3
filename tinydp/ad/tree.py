"""Nested lists, tuples, named tuples and dicts of numbers and arrays.

A *leaf* is anything that is not one of those four containers; `None` is an empty container.

    >>> flatten({"w": [1.0, 2.0], "b": (3.0, None)})[0]
    [1.0, 2.0, 3.0]
    >>> map(lambda leaf: 10 * leaf, {"w": [1.0, 2.0], "b": (3.0, None)})
    {'w': [10.0, 20.0], 'b': (30.0, None)}
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .errors import StructureError

_LEAVES = frozenset((float, np.ndarray))         # known at once, for speed; all else is looked at


def children(tree: Any) -> list | tuple | None:
    """The subtrees of a container; None for a leaf."""
    kind = type(tree)
    if kind is list or kind is tuple:
        return tree
    if isinstance(tree, tuple):
        return tree if hasattr(kind, "_fields") else None
    if isinstance(tree, dict):
        return list(tree.values())
    return () if tree is None else None


def steps(tree: Any) -> list[str]:
    """How to reach each child of a container: `[0]`, `['w']` or `.weight`."""
    if isinstance(tree, dict):
        return [f"[{key!r}]" for key in tree]
    if hasattr(tree, "_fields"):
        return [f".{name}" for name in tree._fields]
    return [f"[{i}]" for i in range(len(tree or ()))]


def rebuild(tree: Any, subtrees: list) -> Any:
    """A container like `tree` around other subtrees."""
    kind = type(tree)
    if kind is list:
        return subtrees
    if isinstance(tree, tuple):
        return kind(*subtrees) if hasattr(kind, "_fields") else tuple(subtrees)
    if tree is None:
        return None
    new = {} if kind is dict else tree.copy()    # keeps a defaultdict's factory
    new.update(zip(tree, subtrees, strict=True))
    return new


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All (path, leaf) pairs, from left to right."""
    below = children(tree)
    if below is None:
        yield path, tree
    else:
        for step, child in zip(steps(tree), below, strict=True):
            yield from leaves(child, path + step)


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
    return tree if children(tree) is None else _map_one(lambda leaf: leaf, tree)


def map(f: Callable, tree: Any, *others: Any) -> Any:
    """Apply `f` to each leaf of `tree`, and to the leaves of `others` in the same places.

    Raises `StructureError` where one of the others is not built like the first.

        >>> map(lambda a, b: a + b, {"x": 1, "y": [2, 3]}, {"y": [20, 30], "x": 10})
        {'x': 11, 'y': [22, 33]}
    """
    return _map_many(f, (tree, *others), None) if others else _map_one(f, tree)


def _map_one(f: Callable, tree: Any) -> Any:
    below = children(tree)
    if below is None:
        return f(tree)
    return rebuild(tree, [f(child) if type(child) in _LEAVES else _map_one(f, child) for child in below])


def _map_many(f: Callable, trees: tuple, way: tuple | None) -> Any:
    """As `map`; `way` leads here from the roots: (the way to the parent, the parent, which child)."""
    first = trees[0]
    below = children(first)
    if below is None:
        for other in trees[1:]:
            if children(other) is not None:
                raise _unlike(first, other, way)
        return f(*trees)
    columns = [below]
    for other in trees[1:]:
        column = children(other)
        if type(other) is not type(first) or column is None or len(column) != len(below):
            raise _unlike(first, other, way)
        if isinstance(first, dict):              # by key, whatever the order of insertion
            if first.keys() != other.keys():
                raise _unlike(first, other, way)
            column = [other[key] for key in first]
        columns.append(column)
    return rebuild(first, [f(*row) if _LEAVES.issuperset([type(child) for child in row])
                           else _map_many(f, row, (way, first, k))
                           for k, row in enumerate(zip(*columns, strict=True))])


def _unlike(first: Any, other: Any, way: tuple | None) -> StructureError:
    path = ""
    while way:
        way, parent, k = way
        path = steps(parent)[k] + path
    place = f"at {path}, " if path else ""
    what = [describe(first), describe(other)]
    if what[0] == what[1] and hasattr(first, "_fields"):         # of the same name
        what = [f"{type(x).__name__} with the fields {', '.join(x._fields)}" for x in (first, other)]
    return StructureError(f"{place}{what[0]} does not match {what[1]}.")


def alike(tree: Any, other: Any) -> bool:
    """Whether both are built the same, whatever their leaves are."""
    try:
        map(lambda a, b: None, tree, other)
    except StructureError:
        return False
    return True


def describe(tree: Any) -> str:
    """A structure in a few words: `dict(w, b)`, `tuple of 2`, `float`."""
    if tree is None:
        return "None"
    if isinstance(tree, dict):
        return f"{type(tree).__name__} with the keys {', '.join(str(key) for key in tree)}"
    if children(tree) is not None:
        return f"{type(tree).__name__} of {len(tree)}"
    return "number or array" if hasattr(tree, "shape") else type(tree).__name__
