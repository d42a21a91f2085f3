"""Which elements of an operand a path leads to, through one node: the masks of `selected.py`, passed on.

A function that works element by element keeps apart what was reached and what was not, so the mask of its
result's cotangent is that of its operands' as well. What moves or sums elements shows by its own rule where a
cotangent goes, and so does a product, whose constant factors of zero let nothing through. Anything else mixes
the elements in a way of its own, and is shown a dye.
"""

from typing import Any

import numpy as np

from .broadcasting import fitted
from .selected import NOTHING, Cotangent, Selected, bare, later, reached_by
from .values import abstract, is_finite, plain, shape


def reached(op: Any, i: int, c: Any, y: Any, values: tuple, operands: tuple, live: Any, kwargs: dict) -> Any:
    """The share `c` of argument `i`, fitted, with its mask; `NOTHING` if no path leads there.

    `live` is the cotangent with the mask that it came with, or None; `c` may be one that the rule chose.
    """
    x = values[i]
    if operands[i].op is None and type(bare(c)) is np.ndarray and is_finite(bare(c)):
        return fitted(bare(c), x, y, op.name, i)           # behind an input there is nothing to protect
    if live is not None and op.elementwise and not op.product and type(c) is np.ndarray \
            and type(x) is np.ndarray and c.shape == x.shape and is_finite(c):
        return Selected(c, live.mask)                      # the common case, without ado
    if isinstance(c, Cotangent) and type(c) is not Selected:
        return c.masked_by(live.mask)
    mask, c = _mask(op, i, c, y, values, operands, live, kwargs), bare(c)
    if mask is None:
        return fitted(c, x, y, op.name, i)
    g = Selected(c, mask)
    if op.steep or not abstract(c):
        g.g = g.kept(c)
    if shape(c) != shape(x):
        fits = later(lambda mask: np.any(mask) if not shape(x) else np.not_equal(
            fitted(np.where(mask, 1.0, 0.0), x, y, op.name, i), 0.0), mask)
        g = Selected(fitted(g.g, x, y, op.name, i), fits)
    if shape(x) or abstract(g.live):
        return g
    return g.g if g.live else NOTHING


def _mask(op: Any, i: int, c: Any, y: Any, values: tuple, operands: tuple, live: Any, kwargs: dict) -> Any:
    """The mask of the share `c`: on the way to it, and chosen by its rule; None if nothing is known."""
    chosen = c.mask if type(c) is Selected else None
    way = _way(op, i, live, y, values, operands, kwargs) if live is not None or chosen is None else None
    if way is None or chosen is None:
        return chosen if way is None else way
    return later(np.logical_and, way, chosen)


def _way(op: Any, i: int, live: Any, y: Any, values: tuple, operands: tuple, kwargs: dict) -> Any:
    """The mask of what comes through to argument `i`; None if it cannot be told."""
    if live is not None and op.elementwise and not op.product:
        return live.mask
    before = None if live is None else live.mask
    if not (op.product or op.at_zero or op.mover):
        if live is None or any(map(abstract, (*(y if type(y) is tuple else (y,)), *values))):
            return None
        return later(lambda before: _dyed(op, i, before, y, values, kwargs), before)

    def way(before: Any) -> Any:
        flow = np.where(before, 1.0, 0.0) if live else np.ones(shape(y)) if shape(y) else 1.0
        factors = values if op.mover else [_let_through(v) for v in operands]
        return np.not_equal(op.cotangent(i, flow, y, tuple(factors), kwargs), 0.0)

    return later(way, before)


def _dyed(op: Any, i: int, mask: Any, y: Any, values: tuple, kwargs: dict) -> Any:
    """The mask of the share of argument `i` of a function that mixes elements in a way of its own.

    Values that are not finite themselves are taken for others, so that all nan come from the dye.
    """
    x, values = plain(values[i]), tuple([_finite(plain(v)) for v in values])
    y = _finite(plain(y))

    def pull(g: Any) -> list:
        return [fitted(op.cotangent(i, g, y, values, kwargs), x, y, op.name, i)]

    return reached_by(pull, mask, [x])[0]


def _let_through(x: Any) -> Any:
    """How far a factor lets through: a constant as far as it is not zero, all else everywhere."""
    return np.abs(x) if isinstance(x, (np.ndarray, float, int)) else np.ones(shape(x)) if shape(x) else 1.0


def _finite(x: Any) -> Any:
    """`x` with ones in place of what is infinite or nan."""
    if type(x) is tuple:
        return tuple(map(_finite, x))
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return np.where(np.isfinite(x), x, 1.0)
    return 1.0 if isinstance(x, float) and not is_finite(x) else x
