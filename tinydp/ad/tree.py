"""Nested lists, tuples, named tuples and dicts of numbers and arrays.

A *leaf* is anything that is not one of those four containers; `None` is an empty container.

    >>> flatten({"w": [1.0, 2.0], "b": (3.0, None)})[0]
    [1.0, 2.0, 3.0]
    >>> map(lambda leaf: 10 * leaf, {"w": [1.0, 2.0], "b": (3.0, None)})
    {'w': [10.0, 20.0], 'b': (30.0, None)}
"""

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from .errors import StructureError


def children(tree: Any) -> list[tuple[str, Any]] | None:
    """The (path step, subtree) pairs of a container; None for a leaf."""
    if tree is None:
        return []
    kind = type(tree)
    if isinstance(tree, dict):
        return [(f"[{key!r}]", child) for key, child in tree.items()]
    if hasattr(kind, "_fields") and isinstance(tree, tuple):
        return [(f".{name}", child) for name, child in zip(kind._fields, tree, strict=True)]
    if kind is list or kind is tuple:
        return [(f"[{i}]", child) for i, child in enumerate(tree)]
    return None


def rebuild(tree: Any, subtrees: list) -> Any:
    """A container like `tree` around other subtrees."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        pairs = zip(tree, subtrees, strict=True)
        return dict(pairs) if type(tree) is dict else _rebuilt_dict(tree, dict(pairs))
    return type(tree)(*subtrees) if hasattr(tree, "_fields") else type(tree)(subtrees)


def _rebuilt_dict(tree: Any, content: dict) -> Any:
    copy = tree.copy()                   # keeps a defaultdict's factory, an OrderedDict's kind
    copy.update(content)
    return copy


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All (path, leaf) pairs, from left to right."""
    below = children(tree)
    if below is None:
        yield path, tree
    else:
        for step, child in below:
            yield from leaves(child, path + step)


def flatten(tree: Any) -> tuple[list, Callable[[list], Any]]:
    """The leaves, and the function that puts others in their places."""
    found = [leaf for _, leaf in leaves(tree)]

    def unflatten(others: list) -> Any:
        rest = iter(others)
        return map(lambda _: next(rest), tree)

    return found, unflatten


def map(f: Callable, tree: Any, *others: Any) -> Any:
    """Apply `f` to each leaf of `tree`, and to the leaves of `others` in the same places.

    Raises `StructureError` where one of the others is not built like the first.

        >>> map(lambda a, b: a + b, {"x": 1, "y": [2, 3]}, {"y": [20, 30], "x": 10})
        {'x': 11, 'y': [22, 33]}
    """
    return _map(f, "", tree, *others)


def _map(f: Callable, path: str, tree: Any, *others: Any) -> Any:
    below = children(tree)
    if below is None:
        return f(tree, *others)
    for other in others:
        _require_alike(path, tree, other)
    if not below:
        return rebuild(tree, [])
    if isinstance(tree, dict):           # by key, whatever the order of insertion
        rows = [[other[key] for key in tree] for other in others]
    else:
        rows = [list(other) for other in others]
    return rebuild(tree, [
        _map(f, path + step, child, *(row[i] for row in rows))
        for i, (step, child) in enumerate(below)
    ])


def _require_alike(path: str, tree: Any, other: Any) -> None:
    below = children(other)
    alike = below is not None and type(other) is type(tree)
    if alike and isinstance(tree, dict):
        alike = tree.keys() == other.keys()
    elif alike:
        alike = len(builtins.list(below or [])) == len(children(tree) or [])
    if not alike:
        place = f"at {path}, " if path else ""
        raise StructureError(f"{place}{describe(tree)} does not match {describe(other)}.")


def describe(tree: Any) -> str:
    """A structure in a few words: `dict(w, b)`, `tuple of 2`, `float`."""
    if tree is None:
        return "None"
    if isinstance(tree, dict):
        return f"{type(tree).__name__} with the keys {', '.join(builtins.map(str, tree))}"
    if children(tree) is not None:
        return f"{type(tree).__name__} of {len(tree)}"
    return type(tree).__name__
