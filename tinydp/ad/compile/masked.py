"""`x[mask]` of a mask that is computed: how many elements that are is not known, what their sum is can be.

    >>> import numpy as np
    >>> from .trace import traced
    >>> print(traced(lambda x: x[x > 1.0].sum(), np.ones(3)))
    given x: f(3,)
    t: b(3,) = greater(x, 1.0)
    t_1: f(3,) = where(t, x, 0.0)
    t_2: f = sum(t_1, axis=(0,))
    return t_2

So the selection is kept as all elements with their mask. What works element by element is done with all of
them, and what reduces them passes over those that were left out: a sum takes them as 0, a maximum as the
smallest number. Rows are selected alike: `x[mask].mean(axis=0)` is the mean of the rows where the mask is
true. Anything else would have to know how many there are, and is refused.
"""

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..advice.naming import Advice, in_our_names
from ..advice.syntax import parsed
from ..errors import NotCompiledError, Spot, place_of, user_place, user_spot
from ..values import Unsized, abstract, is_integer, plain, shape

HINT = ("reduce it at once, as in x[mask].sum(), .mean(), .max(), .min(), np.var(x[mask]), "
        "np.any(x[mask] > 0); write np.sum(mask) for how many there are, or np.where(mask, x, 0.0) for an "
        "array of fixed length.")


class Masked(NDArrayOperatorsMixin, Unsized):
    """The elements of `whole` where `mask` is true, in a row; its rows, if the mask has fewer axes.

    `spot` is where they were selected.
    """

    __slots__ = ("mask", "spot", "whole")
    __array_priority__ = 100.0

    def __init__(self, whole: Any, mask: Any, spot: Spot | None = None):
        self.whole, self.mask, self.spot = whole, mask, spot or user_spot()

    @classmethod
    def of(cls, x: Any, mask: Any) -> "Masked":
        """`x[mask]`, where the mask names the first axes of `x`."""
        n = len(shape(mask))
        if not n or shape(x)[:n] != shape(mask):
            raise NotCompiledError(
                f"a mask of shape {shape(mask)} for an array of shape {shape(x)} cannot be compiled.",
                "write np.where(mask, x, 0.0).")
        return cls(x, mask)

    @property
    def everywhere(self) -> Any:
        """The mask of each element."""
        sides, of_whole = shape(self.mask), shape(self.whole)
        if sides == of_whole:
            return self.mask
        sides += (1,) * (len(of_whole) - len(sides))
        return np.broadcast_to(np.reshape(self.mask, sides), of_whole)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.signature is not None or options:
            raise _refused(f"np.{ufunc.__name__} of x[mask]")
        wholes = []
        for x in args:
            if isinstance(x, Masked):
                if not _same(x.mask, self.mask):
                    raise NotCompiledError("x[mask] met elements that another mask selects.",
                                           "use one mask for both, by the same name.")
                if len(shape(x.whole)) != len(shape(self.whole)):
                    raise _refused("x[mask] with y[mask] of another number of axes")
                wholes.append(x.whole)
            elif len(shape(x)) > len(shape(self.whole)) - len(shape(self.mask)):
                raise _refused("x[mask] with another array")
            else:
                wholes.append(x)                 # one row for all of them
        return Masked(ufunc(*wholes), self.mask, self.spot)

    def __array_function__(self, function: Callable, types: Any, args: tuple, options: dict) -> Any:
        name = getattr(function, "__name__", str(function))
        if function not in REDUCED or not isinstance(args[0], Masked) or len(args) > 2:
            raise _refused(f"np.{name} of x[mask]")
        axis = args[1] if len(args) > 1 else options.pop("axis", None)
        if options.keys() - {"ddof"}:
            raise _refused(f"np.{name} of x[mask] with {min(options)}=")
        n, axes = len(shape(self.mask)), len(shape(self.whole))
        if axis is None:
            return REDUCED[function](args[0], tuple(range(axes)), **options)
        if type(axis) is not int or not n - axes <= axis + 1 <= axes - n + 1:
            raise _refused(f"np.{name} of x[mask] along such an axis")
        axis %= axes - n + 1
        if axis == 0:                            # that of the selected
            return REDUCED[function](args[0], tuple(range(n)), **options)
        return Masked(function(self.whole, axis=axis + n - 1, **options), self.mask, self.spot)

    def __getitem__(self, index: Any) -> Any:
        if (isinstance(index, Masked) and _same(index.mask, self.mask)
                and shape(index.whole) == shape(self.mask)):
            return Masked(self.whole, np.logical_and(self.mask, index.whole), self.spot)
        raise _refused("x[mask][i]")

    def __len__(self) -> int:
        place = user_place()
        selecting = parsed(in_our_names(place_of(self.spot).expression, place.names or {}))
        advice = (Advice("write {} instead.", f"np.sum({ast.unparse(selecting.slice)})")
                  if isinstance(selecting, ast.Subscript) else HINT)
        raise NotCompiledError(_refused("len(x[mask])").what, advice, place)

    @property
    def size(self) -> Any:
        """How many elements were selected."""
        return np.sum(self.everywhere)

    def __getattr__(self, name: str) -> Any:
        function: Any = getattr(np, name, None)
        if function not in REDUCED:
            raise _refused(f"x[mask].{name}")
        return lambda *args, **options: function(self, *args, **options)

    def __iter__(self) -> Any:
        raise _refused("a loop over x[mask]")

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise _refused("x[mask] as a plain array")


def _refused(what: str) -> NotCompiledError:
    return NotCompiledError(f"{what} depends on how many elements there are, and cannot be compiled.", HINT,
                            user_place())


def _same(a: Any, b: Any) -> bool:
    a, b = plain(a), plain(b)
    return a is b or (abstract(a) and abstract(b) and a.value is b.value)


# ---------------------------------------------------------------------------- what reduces it, along axes

def _count(x: Masked, axes: tuple) -> Any:
    return np.sum(x.mask if len(axes) == len(shape(x.mask)) else x.everywhere)


def _filled(x: Masked, value: Any) -> Any:
    """The elements, and a value in place of those that were left out."""
    return np.where(x.everywhere, x.whole, int(value) if is_integer(x.whole) else value)


def _sum(x: Masked, axes: tuple) -> Any:
    return np.sum(_filled(x, 0.0), axis=axes)


def _mean(x: Masked, axes: tuple) -> Any:
    return _sum(x, axes) / _count(x, axes)


def _extreme(function: Callable, other: float) -> Callable:
    def extreme(x: Masked, axes: tuple) -> Any:
        y = function(_filled(x, -int(other) * (2**63 - 1) if is_integer(x.whole) else -other * np.inf),
                     axis=axes)
        # the largest of no elements: NumPy raises, so the index is out of range, and plain Python runs
        return np.reshape(y, (1, *shape(y)))[np.where(_count(x, axes) > 0, 0, 1)]
    return extreme


def _var(x: Masked, axes: tuple, ddof: int = 0) -> Any:
    deviation = _filled(Masked(x.whole - _mean(x, axes), x.mask), 0.0)
    return np.sum(deviation * deviation, axis=axes) / (_count(x, axes) - ddof)


def _norm(x: Masked, axes: tuple) -> Any:
    whole = _filled(x, 0.0)
    return np.linalg.norm(whole, axis=0) if axes == (0,) else np.linalg.norm(np.ravel(whole))


REDUCED: dict[Any, Callable] = {
    np.sum: _sum, np.mean: _mean, np.var: _var, np.size: _count,
    np.std: lambda x, axes, ddof=0: np.sqrt(_var(x, axes, ddof)),
    np.prod: lambda x, axes: np.prod(_filled(x, 1.0), axis=axes),
    np.max: _extreme(np.max, 1.0), np.min: _extreme(np.min, -1.0),
    np.amax: _extreme(np.max, 1.0), np.amin: _extreme(np.min, -1.0),
    np.any: lambda x, axes: np.any(np.logical_and(x.everywhere, x.whole), axis=axes),
    np.all: lambda x, axes: np.all(np.logical_or(np.logical_not(x.everywhere), x.whole), axis=axes),
    np.count_nonzero: lambda x, axes: np.sum(np.logical_and(x.everywhere, x.whole), axis=axes),
    np.linalg.norm: _norm,
}
