"""`x[mask]` of a mask that is computed: how many elements that are is not known, what their sum is can be.

    >>> import numpy as np
    >>> from .trace import traced
    >>> print(traced(lambda x: x[x > 1.0].sum(), np.ones(3)))
    given x: f(3,)
    t: b(3,) = greater(x, 1.0)
    t_1: f(3,) = where(t, x, 0.0)
    t_2: f = sum(t_1)
    return t_2

So the selection is kept as all elements with their mask. What works element by element is done with all of
them, and what reduces them passes over those that were left out: a sum takes them as 0, a maximum as the
smallest number. Anything else would have to know how many there are, and is refused.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..errors import NotCompiledError, user_place
from ..values import Unsized, abstract, is_integer, plain, shape

HINT = ("reduce it at once, as in x[mask].sum(), .mean(), .max(), .min(), np.var(x[mask]), "
        "np.any(x[mask] > 0); write np.sum(mask) for how many there are, or np.where(mask, x, 0.0) for an "
        "array of fixed length.")


class Masked(NDArrayOperatorsMixin, Unsized):
    """The elements of `whole` where `mask` is true, in a row."""

    __slots__ = ("mask", "whole")
    __array_priority__ = 100.0

    def __init__(self, whole: Any, mask: Any):
        self.whole, self.mask = whole, mask

    @classmethod
    def of(cls, x: Any, mask: Any) -> "Masked":
        """`x[mask]`, where the mask names the first axes of `x`."""
        n = len(shape(mask))
        if not n or shape(x)[:n] != shape(mask):
            raise NotCompiledError(
                f"a mask of shape {shape(mask)} for an array of shape {shape(x)} cannot be compiled.",
                "write np.where(mask, x, 0.0).")
        if len(shape(x)) > n:
            mask = np.broadcast_to(np.reshape(mask, shape(mask) + (1,) * (len(shape(x)) - n)), shape(x))
        return cls(x, mask)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.signature is not None or options:
            raise refused(f"np.{ufunc.__name__} of x[mask]")
        wholes = []
        for x in args:
            if isinstance(x, Masked):
                if not _same(x.mask, self.mask):
                    raise NotCompiledError("x[mask] met elements that another mask selects.",
                                           "use one mask for both, by the same name.")
                wholes.append(x.whole)
            elif shape(x):
                raise refused("x[mask] with another array")
            else:
                wholes.append(x)
        return Masked(ufunc(*wholes), self.mask)

    def __array_function__(self, function: Callable, types: Any, args: tuple, options: dict) -> Any:
        name = getattr(function, "__name__", str(function))
        if function not in REDUCED or not isinstance(args[0], Masked):
            raise refused(f"np.{name} of x[mask]")
        axis = args[1] if len(args) > 1 else options.pop("axis", None)
        if len(args) > 2 or (len(shape(self.whole)) > 1 and axis is not None) or axis not in (None, 0, -1):
            raise refused(f"np.{name} of x[mask] along an axis")
        return REDUCED[function](args[0], **options)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Masked) and _same(index.mask, self.mask):
            return Masked(self.whole, np.logical_and(self.mask, index.whole))
        raise refused("x[mask][i]")

    def __len__(self) -> int:
        raise refused("len(x[mask])")

    @property
    def size(self) -> Any:
        """How many elements were selected."""
        return _count(self)

    def __getattr__(self, name: str) -> Any:
        function: Any = getattr(np, name, None)
        if function not in REDUCED:
            raise refused(f"x[mask].{name}")
        return lambda *args, **options: function(self, *args, **options)

    def __iter__(self) -> Any:
        raise refused("a loop over x[mask]")

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise refused("x[mask] as a plain array")


def refused(what: str) -> NotCompiledError:
    return NotCompiledError(f"{what} depends on how many elements there are, and cannot be compiled.", HINT,
                            user_place())


def _same(a: Any, b: Any) -> bool:
    a, b = plain(a), plain(b)
    return a is b or (abstract(a) and abstract(b) and a.value is b.value)


# ---------------------------------------------------------------------------- what reduces it

def _count(x: Masked) -> Any:
    return np.sum(x.mask)


def _filled(x: Masked, value: Any) -> Any:
    """The elements, and a value in place of those that were left out."""
    return np.where(x.mask, x.whole, int(value) if is_integer(x.whole) else value)


def _sum(x: Masked) -> Any:
    return np.sum(_filled(x, 0.0))


def _mean(x: Masked) -> Any:
    return _sum(x) / _count(x)


def _extreme(function: Callable, other: float) -> Callable:
    def extreme(x: Masked) -> Any:
        y = function(_filled(x, -int(other) * (2**63 - 1) if is_integer(x.whole) else -other * np.inf))
        # the largest of no elements: NumPy raises, so the index is out of range, and plain Python runs
        return np.reshape(y, (1,))[np.where(_count(x) > 0, 0, 1)]
    return extreme


def _var(x: Masked, ddof: int = 0) -> Any:
    deviation = _filled(Masked(x.whole - _mean(x), x.mask), 0.0)
    return np.sum(deviation * deviation) / (_count(x) - ddof)


REDUCED: dict[Any, Callable] = {
    np.sum: _sum, np.mean: _mean, np.var: _var, np.size: _count,
    np.std: lambda x, ddof=0: np.sqrt(_var(x, ddof)),
    np.prod: lambda x: np.prod(_filled(x, 1.0)),
    np.max: _extreme(np.max, 1.0), np.min: _extreme(np.min, -1.0),
    np.amax: _extreme(np.max, 1.0), np.amin: _extreme(np.min, -1.0),
    np.any: lambda x: np.any(np.logical_and(x.mask, x.whole)),
    np.all: lambda x: np.all(np.logical_or(np.logical_not(x.mask), x.whole)),
    np.count_nonzero: lambda x: np.sum(np.logical_and(x.mask, x.whole)),
    np.linalg.norm: lambda x: np.linalg.norm(np.ravel(_filled(x, 0.0))),
}
