"""`np.logaddexp.reduce(x)` and the other methods of ufuncs, by functions that have rules.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> grad(np.logaddexp.reduce)(np.zeros(4))
    array([0.25, 0.25, 0.25, 0.25])
    >>> grad(lambda x: np.multiply.outer(x, x)[0, 1])(np.array([2.0, 3.0]))
    array([3., 2.])
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .advice.naming import Advice
from .values import shape

_REDUCED: dict[np.ufunc, Callable] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any}
_ACCUMULATED: dict[np.ufunc, Callable] = {np.add: np.cumsum, np.multiply: np.cumprod}
# Those of which it does not matter where the parentheses are.
_ASSOCIATIVE = frozenset((np.logaddexp, np.logaddexp2, np.fmax, np.fmin, np.maximum, np.minimum))


def method_of(ufunc: np.ufunc, method: str) -> Callable | None:
    """What computes `ufunc.method(...)` for traced values; None if it is not known."""
    if method == "outer" and ufunc.nin == 2:
        return lambda A, B: ufunc(np.reshape(A, _shape(A) + (1,) * len(_shape(B))), B)
    if method == "reduce" and ufunc in _REDUCED:
        function = _REDUCED[ufunc]
        return lambda array, axis=0, keepdims=False: function(array, axis=axis, keepdims=keepdims)
    if method == "reduce" and ufunc in _ASSOCIATIVE:
        return lambda array, axis=0, keepdims=False: _reduced(ufunc, array, axis, keepdims)
    if method == "accumulate" and ufunc in _ACCUMULATED:
        return lambda array, axis=0: _ACCUMULATED[ufunc](array, axis=axis)
    if method == "accumulate" and ufunc in _ASSOCIATIVE:
        return lambda array, axis=0: _accumulated(ufunc, array, axis)
    return None


@functools.cache
def full_name(ufunc: np.ufunc, method: str) -> Callable:
    """NumPy's own method, with its full name."""

    def of_numpy(*args: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*args, **options)

    of_numpy.__name__ = f"{ufunc.__name__}.{method}"
    return of_numpy


def advice_for_method(name: str, method: str) -> str:
    """What to write instead of a method that is not known."""
    if method == "reduce":
        return Advice("write {}, which goes along the first axis.", f"functools.reduce(np.{name}, x)")
    if method == "accumulate":
        return Advice("write {}, which goes along the first axis.",
                      f"np.stack(list(itertools.accumulate(x, np.{name})))")
    if method == "reduceat":
        return (f"write np.stack([np.{name}.reduce(part) for part in np.split(x, indices)[1:]]), if the "
                "indices increase.")
    return "write it with other NumPy functions."


def _shape(x: Any) -> tuple[int, ...]:
    return np.shape(x) if isinstance(x, (list, tuple)) else shape(x)


def _reduced(ufunc: np.ufunc, x: Any, axis: Any, keepdims: bool) -> Any:
    """Half of the elements with the other half, until one is left: all parentheses are alike."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple([k % x.ndim for k in axes])
    rest = [k for k in range(x.ndim) if k not in axes]
    sides = [x.shape[k] for k in rest]
    rows = np.reshape(np.transpose(x, (*axes, *rest)), (-1, *sides)) if x.size else np.zeros((0, *sides))
    if not len(rows):
        rows = np.full((1, *sides), ufunc.identity)
    while len(rows) > 1:
        half = len(rows) // 2
        pairs = ufunc(rows[:half], rows[half : 2 * half])
        rows = np.concatenate([pairs, rows[2 * half :]]) if len(rows) % 2 else pairs
    return np.reshape(rows, [1 if k in axes else n for k, n in enumerate(x.shape)]) if keepdims else rows[0]


def _accumulated(ufunc: np.ufunc, x: Any, axis: int) -> Any:
    """Each element with one before, in steps that double: as many as the length has binary digits."""
    rows, step = np.moveaxis(x, axis, 0), 1
    while step < len(rows):
        rows = np.concatenate([rows[:step], ufunc(rows[:-step], rows[step:])])
        step *= 2
    return np.moveaxis(rows, 0, axis)
