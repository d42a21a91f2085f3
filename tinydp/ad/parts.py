"""Cotangents in parts: of some elements of an array, or of some of the results of one operation.

A loop over the elements of a long array would add a whole array of zeros and one number at every step. So
what arrives at `x[i]` is kept as a part of the cotangent of `x`, and the parts are summed when the sweep
comes to `x`. An operation with several results is one node whose value is a tuple, with a `pick` for each
result: their cotangents are parts of that of the tuple.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .primitives import Primitive, pick
from .selected import Cotangent, Selected, bare, later
from .values import Abstract, abstract, settle, shape, zeros_like


class Parts(Cotangent):
    """A cotangent that arrived in parts, `g` at `index`; summed when its node is reached.

    A loop over the elements of a long array would otherwise add a whole array at every step.
    """

    __slots__ = ("gs", "indices", "like", "whole")

    def __init__(self, like: Any, index: Any, g: Any):
        self.like, self.indices, self.gs, self.whole = like, [index], [g], None

    def __add__(self, other: Any) -> "Parts":
        if type(other) is Parts:
            self.indices += other.indices
            self.gs += other.gs
            other = other.whole
        if other is not None:
            self.whole = other if self.whole is None else self.whole + other
        return self

    __radd__ = __add__

    def total(self) -> Any:
        if isinstance(self.like, tuple):         # of the results of one node
            return tuple(zeros_like(x) if g is None else bare(g)
                         for x, g in zip(self.like, self.of_each(), strict=True))
        total = settle(scatter(*map(bare, self.gs), shape=shape(self.like), indices=self.indices))
        if shape(total) and not abstract(total) and not self._all_named():
            masks = tuple([g.mask if type(g) is Selected else True for g in self.gs])
            total = Selected(total, later(self.reached, masks))
        return total if self.whole is None else total + self.whole

    def masked_by(self, mask: Any) -> "Parts":
        """The same where the mask of each part is true; elsewhere no path leads."""
        self.gs = [Selected(g, mask) for g in self.gs]
        return self

    def opened(self) -> tuple[Any, Selected | None]:
        masks, total = masks_of(self), self.total()
        if type(total) is Selected:
            return total.g, total
        return total, Selected(total, masks) if masks else None

    def of_each(self) -> list:
        """The cotangents of the results of one node, None for those that nothing arrived at."""
        totals: list = [None] * len(self.like)
        for i, part in zip(self.indices, self.gs, strict=True):
            g = summed(part)
            totals[i] = g if totals[i] is None else totals[i] + g
        return totals

    def _all_named(self) -> bool:
        """Whether all of each element was named by its number, as far as that is quickly told."""
        if any(type(g) is Selected for g in self.gs):
            return False
        n = shape(self.like)[0]
        return len(self.indices) >= n == len({i for i in self.indices if type(i) is int})

    def reached(self, masks: tuple) -> Any:
        """The mask of the elements that a part arrived at, for the masks of the parts."""
        live = np.zeros(shape(self.like), dtype=bool)
        for index, mask in zip(self.indices, masks, strict=True):
            np.logical_or.at(live, index, mask)
        return live


def summed(g: Any) -> Any:
    """A cotangent with its parts summed, and with its mask if it has one."""
    return g.total() if type(g) is Parts else g


def dense(g: Any) -> Any:
    """A cotangent as the number or array that it is, or the tuple of them."""
    return bare(summed(g))


def masks_of(g: Any) -> tuple | None:
    """The masks of the cotangents of the results of one node; None if no element is known to be left out."""
    if type(g) is not Parts or not isinstance(g.like, tuple) or not any(type(c) is Selected for c in g.gs):
        return None
    return tuple([c.mask if type(c) is Selected else np.full(shape(x), c is not None)
                  for x, c in zip(g.like, g.of_each(), strict=True)])


NOTHING_ADDED = -0.0                             # for an x that is to stay: -0.0 + 0.0 is 0.0


def _scatter(*gs: Any, shape: tuple[int, ...], indices: list, zero: float | None = None) -> Any:
    """An array of this shape, zero but for the sum of `gs[k]` at `indices[k]`.

    `zero` is the 0.0 or -0.0 that all is added to; without it, a compiler may choose the sign.
    """
    for g in gs:
        if isinstance(g, Abstract):
            other = {} if zero is None else {"zero": zero}
            return g.call(scatter, gs, {"shape": shape, "indices": indices} | other)
    y = np.zeros(shape) if zero is None else np.full(shape, zero)
    for index, g in zip(indices, gs, strict=True):
        if _may_repeat(index):
            np.add.at(y, index, g)
        else:
            y[index] += g
    return y


def _may_repeat(index: Any) -> bool:
    """Whether an element may be named twice: by a list or an array of integers."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(part, (list, tuple, np.ndarray)) and np.asarray(part).dtype.kind != "b"
               for part in parts)


def _gather(g, y, *gs, shape, indices, zero=None):
    """What arrived at the places of each part; a number has such places, too: `x[None]`, `x[x > 0]`."""
    return lambda k: g if type(g) is float and not np.ndim(gs[k]) else (
        np.asarray(g) if type(g) is float else g)[indices[k]]


scatter = Primitive(_scatter, "scatter")
scatter.each = _gather


class Residuals:
    """What a node saves of the forward pass, beside its operands and options, because its pullback needs it.

    Each operation that saves something has its own kind, with fields that say what.
    """

    def nodes_inside(self) -> Iterable[Any]:
        """The nodes that lie inside of this one, if they are kept."""
        return ()

    def mark(self) -> int:
        """The fingerprint of those that are not kept, 0 if there is none."""
        return 0


RESIDUALS = "(residuals)"                # its key in `node.kwargs`, as which no option of a function can come


class Keeping:
    """An operation with several results, whose nodes know what these were before they became floats."""

    def sources(self, node: Any, i: int) -> list:
        """Values that are NumPy's numbers if the i-th result was."""
        raise NotImplementedError


pick.rules = (lambda g, y, x, i: Parts(x, i, g), None)


def with_parts(tape: Any, op: Any, args: tuple, results: list, places: Any, saved: Residuals
               ) -> list:
    """The results, those at some places as parts of one node of the tape, which saves something for later."""
    found = list(results)
    whole = tape.record(op, tuple([results[k] for k in places]), args, {RESIDUALS: saved})
    for i, k in enumerate(places):
        found[k] = pick(whole, i)
    return found
