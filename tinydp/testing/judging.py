"""One derivative judged: by differences, and beside a kink by the side on which it lies."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.values import shape
from .differences import ANYWHERE, FINEST, Derivative, along, judge, one_sided, verdict
from .kinks import Course, margins
from .report import Check

ELEMENTWISE = 16                         # arguments with no more numbers are checked one by one
DIRECTIONS = 2                           # random directions an argument, besides


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


def judged(f: Callable, x: Any, v: Any, rule: float, accuracy: float, where: str,
           course: Callable[[Any], Course | None] | None = None, slack: float = 0.0,
           taken: Callable[[], Callable] | None = None) -> Check:
    """The verdict on one directional derivative; at a kink, by the derivatives of both sides.

    `course(x)` is the course of `f` at `x`, if that is known: it tells where the kinks are.
    Otherwise both one-sided derivatives have to differ. `taken()` makes the function that `f` is if it
    keeps to its course at `x`: where several kinks meet, as in a tie of three, its derivative is right
    as well. `slack` is how far the rule is rounded.
    """
    found, measured = judge(rule, f, x, v, accuracy=accuracy)
    sharp = measured.error <= accuracy * abs(measured.value)
    if found == "right" or (found == "wrong" and sharp and course is None):
        return Check(where, rule, *measured, _unless_rounded(found, rule, measured, slack))
    reach, like = (ANYWHERE, (True, True)) if course is None else _reach(course, f, x, v, not sharp)
    if like in ((True, False), (False, True)):   # x belongs to one of the sides
        own = one_sided(f, x, v, 1 if like[1] else -1, reach=reach)
        if (said := verdict(rule, own, accuracy)) != "inconclusive":
            return Check(where, rule, *own, "kink" if said == "right" else "wrong")
    check = None
    if like == (False, False) or not sharp:
        check = _by_both_sides(f, x, v, rule, accuracy, where, reach)
        if check is not None and check.verdict == "kink":
            return check
    if like == (False, False) and taken is not None:
        piece = judged(taken(), x, v, rule, accuracy, where)
        if piece.verdict in ("right", "kink"):
            return piece._replace(verdict="kink")
    if check is not None:
        return check
    if reach != ANYWHERE and like == (True, True):
        found, measured = judge(rule, f, x, v, accuracy=accuracy, reach=reach)
    return Check(where, rule, *measured, _unless_rounded(found, rule, measured, slack))


def _unless_rounded(found: str, rule: float, measured: Derivative, slack: float) -> str:
    """A rule that is wrong by no more than it is rounded is not called so."""
    off = abs(rule - measured.value)
    return "inconclusive" if found == "wrong" and off <= measured.error + slack else found


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


def _by_both_sides(f: Callable, x: Any, v: Any, rule: float, accuracy: float, where: str,
                   reach: tuple[float, float]) -> Check | None:
    """Whether the rule lies between the derivatives of both sides; None if they do not differ."""
    left, right = (one_sided(f, x, v, side, reach=reach) for side in (-1, 1))
    both = np.isfinite(left.error) and np.isfinite(right.error)
    if not both or abs(left.value - right.value) <= 2 * (left.error + right.error):
        return None
    low, high = sorted((left, right), key=lambda side: side.value)
    slack = accuracy * max(abs(low.value), abs(high.value), abs(rule))
    inside = low.value - low.error - slack <= rule <= high.value + high.error + slack
    middle, width = (low.value + high.value) / 2, (high.value - low.value) / 2
    return Check(where, rule, middle, width, "kink" if inside else "wrong")
