"""One derivative judged: by differences, and beside a kink by the side on which it lies."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.values import shape
from .differences import ANYWHERE, EPSILON, FINEST, LAST_DIGITS, along, flat, judge, one_sided, verdict
from .kinks import Course, margins
from .report import Check

ELEMENTWISE = 16                         # arguments with no more numbers are checked one by one
AROUND = 8                               # random points around, when looking for another of this course
DIRECTIONS = 2                           # random directions an argument, besides
ROUNDED = 4.0                            # a gradient may be off by so many of its last digits


def directions(x: Any, rng: np.random.Generator) -> list[tuple[str, Any]]:
    """Where to move `x`, a number, an array or a list of them, and what to call it."""
    if isinstance(x, list):
        still = [np.zeros(shape(part)) if shape(part) else 0.0 for part in x]
        return [(f", result {k}{name}", [*still[:k], v, *still[k + 1 :]])
                for k, part in enumerate(x) for name, v in directions(part, rng)]
    if shape(x) == ():
        return [("", 1.0 if isinstance(x, float) else np.ones(()))]
    names = [(f", direction {i}", rng.choice([-1.0, 1.0], shape(x)) * rng.uniform(0.5, 1.5, shape(x)))
             for i in range(DIRECTIONS if np.size(x) else 0)]
    if np.size(x) <= ELEMENTWISE:
        for index in np.ndindex(*shape(x)):
            v = np.zeros(shape(x))
            v[index] = 1.0
            names.append((f", element {list(index)}", v))
    return names


def slope_along(g: Any, v: Any) -> tuple[float, float]:
    """The sum of `g * v`, and how far it is rounded, by the digits that `g` has."""
    pairs = list(zip(g, v, strict=True)) if isinstance(v, list) else [(g, v)]
    products = [np.asarray(a) * b for a, b in pairs]
    rounded = (np.finfo(np.asarray(a).dtype).eps * np.sum(np.abs(p))
               for (a, _), p in zip(pairs, products, strict=True))
    return float(sum(map(np.sum, products))), ROUNDED * float(sum(rounded))


def judged(f: Callable, x: Any, v: Any, rule: float, accuracy: float, where: str,
           course: Callable[[Any], Course | None] | None = None, rounding: float = 0.0,
           taken: Callable[[], Callable] | None = None) -> Check:
    """The verdict on one directional derivative; at a kink, by the derivatives of both sides.

    `course(x)` is the course of `f` at `x`, if that is known: it tells where the kinks are.
    Otherwise both one-sided derivatives have to differ. `taken()` makes the function that `f` is if it
    keeps to its course at `x`: where several kinks meet, as in a tie of three, its derivative is right
    as well. `rounding` is how far the rule is rounded.

    Where several numbers are at kinks of their own, the slopes of both sides bound the derivative along
    each, but not along a direction that moves them all: then that is inconclusive.
    """
    found, measured = judge(rule, f, x, v, accuracy=accuracy, rounding=rounding)
    sharp = measured.error <= accuracy * abs(measured.value)
    if found == "right" or (found == "wrong" and sharp and course is None):
        return Check(where, rule, *measured, found)
    reach, like = (ANYWHERE, (True, True)) if course is None else _reach(course, f, x, v, not sharp)
    if like in ((True, False), (False, True)):   # x belongs to one of the sides
        own = one_sided(f, x, v, 1 if like[1] else -1, reach=reach)
        if (said := verdict(rule, own, accuracy, rounding)) != "inconclusive":
            return Check(where, rule, *own, "kink" if said == "right" else "wrong")
    check, at_kink = None, like == (False, False)
    if at_kink or not sharp:
        check = _by_both_sides(f, x, v, rule, where, reach, rounding)
        if check is not None and check.verdict == "kink":
            return check
    several = np.count_nonzero(flat(v)) > 1 and (at_kink or (course is None and check is not None))
    if at_kink and course and taken and (check is not None or found != "wrong" or _goes_on(course, x)):
        piece = judged(taken(), x, v, rule, accuracy, where, rounding=rounding)
        if piece.verdict in ("right", "kink"):
            return piece._replace(verdict="kink")
    if check is None:
        if reach != ANYWHERE and like == (True, True):
            found, measured = judge(rule, f, x, v, accuracy=accuracy, reach=reach, rounding=rounding)
        check = Check(where, rule, *measured, found)
    return check._replace(error=math.inf, verdict="inconclusive") if several else check


def _goes_on(course: Callable, x: Any) -> bool:
    """Whether some point around `x` takes the course of `x`: it is that of a tie, not of this point alone.

    A sort that finds all numbers equal leaves them where they are, as if each were larger than the last.
    """
    here, rng = course(x), np.random.default_rng(0)
    order = np.reshape(np.arange(1.0, np.size(x) + 1) / np.size(x), shape(x))
    ways = [order, -order, *(rng.uniform(-1.0, 1.0, shape(x)) for _ in range(AROUND))]
    return any(there is not None and there.discrete == here.discrete for there in
               (course(x + 2.0**-30 * np.maximum(np.abs(x), 1.0) * way) for way in ways))


def _reach(course: Callable, f: Callable, x: Any, v: Any,
           far: bool) -> tuple[tuple[float, float], tuple[bool, bool]]:
    """How far one may look from `x` along `v` without meeting a kink, and which sides are like `x`.

    Only the latter, unless `far`: a sharp difference has no kink in its windows.
    """
    line, _ = along(f, x, v, None)
    finest = 2.0 ** math.ceil(math.log2(max(line.scale * 2.0**FINEST, 8 * line.grain)))
    reach, like = margins(lambda t: course(tree.map(lambda a, b: a + t * b, x, v)), finest,
                          4 * max(line.scale, 1.0) if far else 0.0)
    return (reach if far else ANYWHERE), like


def _by_both_sides(f: Callable, x: Any, v: Any, rule: float, where: str, reach: tuple[float, float],
                   rounding: float) -> Check | None:
    """Whether the rule lies between the derivatives of both sides; None if they do not differ."""
    left, right = (one_sided(f, x, v, side, reach=reach) for side in (-1, 1))
    both = np.isfinite(left.error) and np.isfinite(right.error)
    if not both or abs(left.value - right.value) <= 2 * (left.error + right.error):
        return None
    low, high = sorted((left, right), key=lambda side: side.value)
    outside = max(low.value - low.error - rule, rule - high.value - high.error)
    inside = outside <= rounding + LAST_DIGITS * EPSILON * abs(rule)
    middle, width = (low.value + high.value) / 2, (high.value - low.value) / 2
    return Check(where, rule, middle, width, "kink" if inside else "wrong")
