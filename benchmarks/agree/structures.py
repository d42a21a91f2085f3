"""Nested dicts, lists, tuples and named tuples, walked anew: what checks tinydp's own does not use it."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def leaves(x: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers and arrays in a structure, and where they are."""
    if isinstance(x, dict):
        for key, item in x.items():
            yield from leaves(item, f"{path}[{key!r}]")
    elif isinstance(x, (list, tuple)):
        for k, item in enumerate(x):
            yield from leaves(item, f"{path}[{k}]")
    elif x is not None:
        yield path, x


def shape_of(x: Any) -> Any:
    """The structure: types of containers, shapes and kinds of leaves."""
    if isinstance(x, dict):
        return {key: shape_of(item) for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [shape_of(item) for item in x]
    return None if x is None else (np.shape(x), np.asarray(x).dtype.name)


def rebuilt(x: Any, values: Iterator) -> Any:
    """The structure of `x`, with other leaves."""
    if isinstance(x, dict):
        return {key: rebuilt(item, values) for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        items = [rebuilt(item, values) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return x if x is None else next(values)


def is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"


def drawn_like(x: Any, rng: np.random.Generator) -> Any:
    """A random structure of the same form: a cotangent or a direction. Integers are exact floats."""

    def one(leaf: Any) -> Any:
        v = np.round(rng.normal(size=np.shape(leaf)), 3)
        return v if isinstance(leaf, np.ndarray) else float(v)

    return rebuilt(x, iter([one(leaf) for _, leaf in leaves(x)]))


def moved(x: Any, v: Any, h: float) -> Any:
    """x + h v."""
    return rebuilt(x, iter([a + h * b for (_, a), (_, b) in zip(leaves(x), leaves(v), strict=True)]))


def dot(a: Any, b: Any) -> float:
    """The inner product of two structures; what is no float does not count."""
    return float(
        sum(
            np.sum(np.asarray(x, float) * y)
            for (_, x), (_, y) in zip(leaves(a), leaves(b), strict=True)
            if is_float(x) and is_float(y)
        )
    )


def magnitude(a: Any, b: Any = None) -> float:
    """The sum of what the terms of an inner product amount to."""
    pairs = zip(leaves(a), leaves(a if b is None else b), strict=True)
    return float(
        sum(np.sum(np.abs(np.asarray(x, float) * (1.0 if b is None else y))) for (_, x), (_, y) in pairs)
    )


def as_traced(x: Any) -> Any:
    """The result as a traced run has it: whole numbers among the arguments are exact floats there."""
    return rebuilt(x, iter([np.asarray(leaf, float) if is_whole(leaf) else leaf for _, leaf in leaves(x)]))


def is_whole(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "iu"
