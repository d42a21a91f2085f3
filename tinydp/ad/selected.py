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
from .values import Abstract, abstract, is_finite, plain, shape

MOST_DEFERRED = 32


class Later:
    """A mask that is made when it is asked for, which is seldom: where an infinity or a nan is met.

    It is `make(*sources)`, of masks that may be for later themselves, at most `MOST_DEFERRED` in a row.
    """

    __slots__ = ("depth", "make", "sources")

    def __init__(self, make: Callable, sources: tuple):
        self.make: Callable | None = make
        self.sources: Any = sources
        self.depth = 1 + depth_of(sources)

    def mask(self) -> Any:
        if self.make:
            self.sources, self.make = self.make(*made(self.sources)), None
        return self.sources


def later(make: Callable, *sources: Any) -> Any:
    """The mask `make(*sources)`, where `make` is given the masks themselves; at once if that goes deep.

    All that `make` asks for must be among the sources: a mask that it held by other means would not count
    as deep, and masks would wait for each other in a chain as long as the program.
    """
    mask = Later(make, sources)
    return mask if mask.depth < MOST_DEFERRED else mask.mask()


def depth_of(mask: Any) -> int:
    """How many masks have to be made, one for another, for this one, or for the deepest in a tuple."""
    if type(mask) is tuple:
        return max(map(depth_of, mask), default=0)
    return mask.depth if type(mask) is Later else 0


def made(mask: Any) -> Any:
    """The mask itself: a boolean, or an array of them; or a tuple of masks, each made."""
    if type(mask) is tuple:
        return tuple(map(made, mask))
    return mask.mask() if type(mask) is Later else mask


class Cotangent:
    """A cotangent that is more than its numbers: it has a mask, or is still in parts (`parts.py`)."""

    __slots__ = ()
    __array_ufunc__ = None                       # so that array + cotangent is asked of us

    def opened(self) -> tuple[Any, "Selected | None"]:
        """The numbers alone; and with their mask, if some may not have been reached."""
        raise NotImplementedError

    def masked_by(self, mask: Any) -> "Cotangent":
        """One still in parts, where the mask is true; elsewhere no path leads."""
        raise NotImplementedError


class Selected(Cotangent):
    """A cotangent `g`, and its mask: False where no path leads, and `g` is zero for good.

    The mask has the shape of `g`, and may be one for `Later`.
    """

    __slots__ = ("g", "mask")

    def __init__(self, g: Any, mask: Any):
        self.g, self.mask = g, mask

    def opened(self) -> tuple[Any, "Selected | None"]:
        return self.g, self

    @property
    def live(self) -> Any:
        """The mask itself."""
        return made(self.mask)

    def __add__(self, other: Any) -> Any:
        if type(other) is Selected:
            return Selected(self.g + other.g, later(np.logical_or, self.mask, other.mask))
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


def shared(share: Any, g: Any, chosen: Any = None) -> Any:
    """`g` times the share of an element in being chosen, such as 1/2 in a tie; at 0 no path leads.

    Where it is not 0, it is `chosen`, if that is known as a mask.
    """
    if not shape(share) and not abstract(share):
        return g * share if share or shape(g) else NOTHING
    mask = later(np.not_equal, share, 0.0) if chosen is None else chosen
    if type(g) is Var:                           # 0 * inf might come to be on the tape around
        return _masked(np.where(mask := made(mask), g * share, 0.0), mask)
    return _masked(g * share, mask)


def seed(g: Any) -> Any:
    """A cotangent that a user gave: its zeros ask for nothing."""
    if type(g) is float:
        return g if g else NOTHING
    if type(g) is not np.ndarray or np.count_nonzero(g) == g.size:
        return g
    return Selected(g, g != 0.0)


def reached_by(pull: Callable, masks: Any, xs: list) -> list:
    """The masks of what a pullback makes for `xs`, of cotangents with these masks, by whatever it does.

    Nan is the dye: no arithmetic loses it, not even a product with 0. The pullback is shown nan where a
    cotangent arrives and zero elsewhere, and what stays zero was made of those zeros alone.

        >>> reached_by(lambda g: [g[0] + 0.0 * g, g[:2]], np.array([False, False, True]), [np.ones(3)] * 2)
        [array([False, False,  True]), array([False, False])]
    """
    if not np.all([np.all(mask) for mask in (masks if type(masks) is tuple else (masks,))]):
        try:
            with np.errstate(all="ignore"):
                return [np.not_equal(c, 0.0) for c in pull(_dye(masks))]         # as is nan
        except Exception:                        # it may be the user's, or of LAPACK: nothing is known
            pass
    return [np.ones(shape(x), dtype=bool) for x in xs]


def behind(pull: Callable, masks: tuple, cs: list) -> list:
    """The cotangents `cs` that `pull` made of others with these masks, with their own; `NOTHING` among them.

    What `pull` shows by itself is believed first: a number that is not zero has been reached. No call is
    repeated only because masks have become deep; all is taken to be reached then.
    """
    if depth_of(masks) >= MOST_DEFERRED - 2:
        return cs
    found = later(lambda *masks: reached_by(pull, masks, cs), *masks)
    return [_left_out(c, k, found) for k, c in enumerate(cs)]


def _left_out(c: Any, k: int, found: Any) -> Any:
    """The k-th cotangent `c`, with its mask."""
    number = plain(c)
    if shape(c):
        g = Selected(c, later(lambda found: found[k] | np.isfinite(number) & (number != 0.0), found))
        g.g = g.kept(c)
        return g
    return c if (is_finite(number) and number != 0.0) or made(found)[k] else NOTHING


def _dye(masks: Any) -> Any:
    if type(masks) is tuple:
        return tuple(map(_dye, masks))
    return np.where(masks, np.nan, 0.0) if shape(masks) else np.nan if masks else 0.0


def bare(g: Any) -> Any:
    """A cotangent without its mask."""
    return g.g if type(g) is Selected else g


def _masked(c: Any, mask: Any) -> Selected:
    sides = shape(c)
    return Selected(c, later(lambda m: m if shape(m) == sides else np.broadcast_to(m, sides), mask))
