"""Zeros that say "no path leads here": what a branch not taken passes back.

A cotangent can be zero for two reasons. In `np.where(x > 0, np.sqrt(x), 0.0)` at x = 0 the root does
not reach the result, so it does not matter that its slope is infinite: this zero is *structural*. In
`np.cbrt(x) ** 3` at 0 a path does lead from x to the result, along which a slope of 0 meets one of
infinity. Their product could be anything (here it is 1), and arithmetic says so: 0 * inf is nan.

A number that no path leads to gets no cotangent at all (`NOTHING`). An array can have both kinds of
elements, so its cotangent comes with a mask, and keeps it for as long as the elements stay apart:

    >>> import numpy as np
    >>> g = Selected(np.array([1.0, 0.0]), np.array([True, False]))
    >>> g.kept(np.array([2.0, np.nan]))                   # 0 * inf was nan, where nothing arrives
    array([2., 0.])
    >>> (g + Selected(np.array([0.0, 5.0]), np.array([False, True]))).live
    array([ True,  True])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .tape import Var
from .values import Abstract, abstract, is_finite, shape

DEEPEST = 8


class Later:
    """A mask that is made when it is asked for, which is seldom: where an infinity or a nan is met."""

    __slots__ = ("depth", "made")

    def __init__(self, make: Callable, depth: int):
        self.made, self.depth = make, depth

    def mask(self) -> Any:
        if callable(self.made):
            self.made = self.made()
        return self.made


def later(make: Callable, *sources: Any) -> Any:
    """The mask that `make()` returns, which asks for those of `sources`; at once if that goes deep."""
    depth = 1 + max([x.depth for x in sources if type(x) is Later], default=0)
    return Later(make, depth) if depth < DEEPEST else make()


def made(mask: Any) -> Any:
    """The mask itself: a boolean, or an array of them."""
    return mask.mask() if type(mask) is Later else mask


class Selected:
    """A cotangent `g`, and its mask: False where no path leads, and `g` is zero for good.

    The mask has the shape of `g`, and may be one for `Later`.
    """

    __slots__ = ("g", "mask")
    __array_ufunc__ = None                       # so that array + selected is asked of us

    def __init__(self, g: Any, mask: Any):
        self.g, self.mask = g, mask

    @property
    def live(self) -> Any:
        """The mask itself."""
        return made(self.mask)

    def __add__(self, other: Any) -> Any:
        if type(other) is Selected:
            a, b = self.mask, other.mask
            return Selected(self.g + other.g, later(lambda: np.logical_or(made(a), made(b)), a, b))
        if isinstance(other, (np.ndarray, float, Var, Abstract)):
            return self.g + other                # there, all is alive
        return NotImplemented

    def __radd__(self, other: Any) -> Any:
        return other + self.g

    def kept(self, c: Any) -> Any:
        """`c`, which was made of `g`, with zeros where no path leads, whatever met them there."""
        if type(c) is not Var and not abstract(c) and is_finite(c):
            return c
        return np.where(self.live, c, 0.0)[()]


NOTHING: Any = Selected(0.0, False)              # the cotangent of a number that no path leads to


def selected(mask: Any, g: Any) -> Any:
    """`g` where the mask is true; elsewhere no path leads. For the rules of functions that choose."""
    if isinstance(mask, (list, tuple)):
        mask = np.asarray(mask)
    if not shape(mask) and not abstract(mask):
        return g if mask else NOTHING if not shape(g) else Selected(0.0 * g, np.zeros(shape(g), bool))
    return _masked(np.where(mask, g, 0.0), mask)


def shared(share: Any, g: Any) -> Any:
    """`g` times the share of an element in being chosen, such as 1/2 in a tie; at 0 no path leads."""
    if not shape(share) and not abstract(share):
        return g * share if share or shape(g) else NOTHING
    if type(g) is Var:                           # 0 * inf might come to be on the tape around
        return _masked(np.where(np.not_equal(share, 0.0), g * share, 0.0), np.not_equal(share, 0.0))
    return _masked(g * share, later(lambda: np.not_equal(share, 0.0)))


def seed(g: Any) -> Any:
    """A cotangent that a user gave: its zeros ask for nothing."""
    if type(g) is float:
        return g if g else NOTHING
    if type(g) is not np.ndarray or np.count_nonzero(g) == g.size:
        return g
    return Selected(g, g != 0.0)


def bare(g: Any) -> Any:
    """A cotangent without its mask."""
    return g.g if type(g) is Selected else g


def _masked(c: Any, mask: Any) -> Selected:
    return Selected(c, later(lambda: np.broadcast_to(made(mask), shape(c)) if shape(made(mask)) != shape(c)
                             else made(mask), mask))
