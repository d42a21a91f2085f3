"""One derivative judged: by differences, and beside a kink by the side on which it lies."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..ad import tree
from ..ad.values import shape
from .differences import (
    ANYWHERE,
    EPSILON,
    FINEST,
    LAST_DIGITS,
    Derivative,
    along,
    flat,
    judge,
    jumps_at,
    one_sided,
    verdict,
)
from .kinks import Course, margins
from .report import Check
from .results import UNDEFINED_BESIDE

ELEMENTWISE = 16                         # arguments with no more numbers are checked one by one
AROUND = 8                               # random points around, when looking for another of this course
DIRECTIONS = 2                           # random directions an argument, besides
BANDS = 12                               # sizes of the gradient by a larger argument, each seen by itself
ROUNDED = 4.0                            # a gradient may be off by so many of its last digits
NEARBY = 6                               # points that differ in their last digits, for a second opinion
SURE = 3                                 # so many of them are enough if they all agree
BLURRED = 64.0                           # two numbers may differ by so many times what they change by there


class Question(NamedTuple):
    """Is `rule` the derivative of `f` at `x` along `v`?

    `course(x)` is the course of `f` at `x`, if that is known: it tells where the kinks are.
    `taken()` makes the function that `f` is if it keeps to its course at `x`. `rounding` is how far the
    rule is rounded.
    """

    where: str
    f: Callable
    x: Any
    v: Any
    rule: float
    rounding: float = 0.0
    course: Callable[[Any], Course | None] | None = None
    taken: Callable[[], Callable] | None = None
    covered: bool = False                # the numbers that `v` moves are judged one by one, too


class Way(NamedTuple):
    """Where to move an argument, and what to call it."""

    name: str
    v: Any
    covered: bool = False                # each number of it is moved by itself, too


def ways(x: Any, g: Any, rng: np.random.Generator) -> list[Way]:
    """Where to move `x`, a number, an array or a list of them, whose gradient is said to be `g`."""
    if isinstance(x, list):
        still = [np.zeros(shape(part)) if shape(part) else 0.0 for part in x]
        return [way._replace(name=f", result {k}{way.name}", v=[*still[:k], way.v, *still[k + 1 :]])
                for k, part in enumerate(x) for way in ways(part, g[k], rng)]
    if shape(x) == ():
        return [Way("", 1.0 if isinstance(x, float) else np.ones(()))]
    few = np.size(x) <= ELEMENTWISE
    found = [Way(f", direction {i}", random_way(x, rng), few) for i in range(DIRECTIONS if np.size(x) else 0)]
    if few:
        for index in np.ndindex(*shape(x)):
            v = np.zeros(shape(x))
            v[index] = 1.0
            found.append(Way(f", element {list(index)}", v))
        return found
    return found + [Way(f", the elements with a gradient of at most {size:.1g}", band * random_way(x, rng))
                    for size, band in bands(np.asarray(g))]


def random_way(x: Any, rng: np.random.Generator) -> Any:
    """A direction that moves all numbers of an array by about as much."""
    return rng.choice([-1.0, 1.0], shape(x)) * rng.uniform(0.5, 1.5, shape(x))


def bands(g: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """The elements of a gradient by their size, but for the largest: each band is of one decade, or of zeros.

    A direction that moves all is judged to its own bar, in which a small element may be all wrong. The last
    band has all that is left.
    """
    size = np.abs(g)
    left = np.isfinite(size) & (size > 0.0)
    zeros = size == 0.0
    for k in range(BANDS):
        if not left.any():
            break
        largest = float(np.max(size, where=left, initial=0.0))
        band = left & (size > largest / 10.0) if k < BANDS - 1 else left
        if k:
            yield largest, band
        left = left & ~band
    if zeros.any() and not zeros.all():
        yield 0.0, zeros


def slope_along(g: Any, v: Any) -> tuple[float, float]:
    """The sum of `g * v`, and how far it is rounded, by the digits that `g` has."""
    pairs = list(zip(g, v, strict=True)) if isinstance(v, list) else [(g, v)]
    products = [np.where(np.asarray(b) == 0.0, 0.0, np.asarray(a) * b) for a, b in pairs]    # none of inf * 0
    rounded = (np.finfo(np.asarray(a).dtype).eps * np.sum(np.abs(p))
               for (a, _), p in zip(pairs, products, strict=True))
    return float(sum(map(np.sum, products))), ROUNDED * float(sum(rounded))


def believed(question: Question, near: Iterable[Question], accuracy: float, summed: float = 0.0) -> Check:
    """The verdict on a derivative; not wrong unless it is more so than rounding can explain.

    Along one line the rounding inside of `f` may look like a slope, as of the determinant of a singular
    matrix, whose last pivots are nothing else. So before a derivative is called wrong, it is measured again
    `near`, at points that differ in their last digits: the differences scatter as far as `f` is rounded,
    and the rules as far as they are. `summed` is the rounding of what the rule may have been summed up from.
    """
    check = judged(question, accuracy)
    if check.verdict != "wrong":
        return check
    missing = abs(question.rule - check.value) - check.error - question.rounding - summed
    rounding, scatter, measured = 0.0, 0.0, []
    for other in near if question.course or not check.sided else ():     # else they may lie beyond the kink
        there = judged(other._replace(rule=check.value), accuracy)       # the same slope, at a glance?
        rounding = max(rounding, BLURRED * abs(other.rule - question.rule))
        measured.append(bool(np.isfinite(there.error)))
        if measured[-1]:
            scatter = max(scatter, BLURRED * (abs(there.value - check.value) - there.error))
            if measured.count(True) == SURE and not missing < BLURRED * (rounding + scatter):
                break                            # nothing of the kind
    if measured and not any(measured):           # so that it was luck here, in the noise
        return check._replace(error=math.inf, verdict="inconclusive")
    if not missing <= rounding + scatter:
        return check
    return judged(question._replace(rounding=question.rounding + summed + rounding), accuracy, scatter)


def nudged(leaves: list, rng: np.random.Generator) -> list:
    """The arguments, changed in their last digits."""
    def moved(x: Any) -> Any:
        y = x * (1.0 + 2.0**-50 * rng.choice([-1.0, 1.0], shape(x)))
        return np.asarray(y) if isinstance(x, np.ndarray) else type(x)(y)

    return list(map(moved, leaves))


def nearby(leaves: list, rng: np.random.Generator, at: Callable[[list], Any]) -> Iterator[Any]:
    """`at(leaves)` of some points that differ in their last digits, as far as it is defined there."""
    for _ in range(NEARBY):
        try:
            found = at(nudged(leaves, rng))
        except UNDEFINED_BESIDE:
            continue
        if found is not None:
            yield found


class Lazily:
    """What an iterator gives, taken from it when it is asked for, and kept."""

    def __init__(self, source: Iterator):
        self.source = source
        self.taken: list = []

    def __iter__(self) -> Iterator:
        for k in itertools.count():
            if k == len(self.taken):
                try:
                    self.taken.append(next(self.source))
                except StopIteration:
                    return
            yield self.taken[k]


def judged(question: Question, accuracy: float, scatter: float = 0.0) -> Check:
    """The verdict on one directional derivative; inconclusive where `f` jumps, whatever the sides say."""
    check = _by_sides(question, accuracy, scatter)
    if check.verdict == "kink" and jumps_at(question.f, question.x, question.v):
        return check._replace(value=math.nan, error=math.inf, verdict="inconclusive")
    return check


def _by_sides(question: Question, accuracy: float, scatter: float = 0.0) -> Check:
    """The verdict on one directional derivative; at a kink, by the derivatives of both sides.

    Without a course to tell where the kinks are, both one-sided derivatives have to differ. Where several
    kinks meet, as in a tie of three, the derivative of the course taken is right as well. `scatter` is how
    far differences are off, beyond what their bars know.

    Where several numbers are at kinks of their own, the slopes of both sides bound the derivative along
    each, but not along a direction that moves them all: then that is inconclusive. So is a rule that gives
    nan at a kink, where nothing sharp contradicts it: there may be no derivative.
    """
    where, f, x, v, rule, rounding, course, taken, covered = question

    def said(found: str, measured: Derivative, sided: bool = False) -> Check:
        return Check(where, rule, *measured, found, covered, sided)

    found, measured = judge(rule, f, x, v, accuracy=accuracy, rounding=rounding, scatter=scatter)
    sharp = measured.error <= accuracy * abs(measured.value)
    if found == "right" or (found == "wrong" and sharp and course is None):
        return said(found, measured)
    reach, like = (ANYWHERE, (True, True)) if course is None else _reach(course, f, x, v, not sharp)
    if math.isnan(rule) and not sharp and like != (True, True):
        return said("inconclusive", measured._replace(error=math.inf))       # it says that there is none
    if like in ((True, False), (False, True)):   # x belongs to one of the sides
        own = one_sided(f, x, v, 1 if like[1] else -1, reach=reach).widened(scatter)
        if (of_side := verdict(rule, own, accuracy, rounding)) != "inconclusive":
            return said("kink" if of_side == "right" else "wrong", own, sided=True)
    of_both, at_kink = None, like == (False, False)
    if at_kink or not sharp:
        of_both = _by_both_sides(f, x, v, rule, reach, rounding + scatter, accuracy)
        if of_both is not None and of_both[0] == "kink":
            return said(*of_both, sided=True)
    several = np.count_nonzero(flat(v)) > 1 and (at_kink or (course is None and of_both is not None))
    if at_kink and course and taken and (of_both is not None or found != "wrong" or _goes_on(course, x)):
        piece = _by_sides(question._replace(f=taken(), course=None, taken=None), accuracy, scatter)
        if piece.verdict in ("right", "kink"):
            return piece._replace(verdict="kink")
    if of_both is not None:
        found, measured = of_both
    elif reach != ANYWHERE and like == (True, True):
        found, measured = judge(rule, f, x, v, accuracy=accuracy, reach=reach, rounding=rounding,
                                scatter=scatter)
    if several:
        return said("inconclusive", measured._replace(error=math.inf))
    return said(found, measured, sided=of_both is not None)


def _goes_on(course: Callable, x: Any) -> bool:
    """Whether some point around `x` takes the course of `x`: it is that of a tie, not of this point alone.

    A sort that finds all numbers equal leaves them where they are, as if each were larger than the last.
    """
    here, rng = course(x), np.random.default_rng(0)
    order = np.reshape(np.arange(1.0, np.size(x) + 1) / np.size(x), shape(x))
    around = [order, -order, *(rng.uniform(-1.0, 1.0, shape(x)) for _ in range(AROUND))]
    return any(there is not None and there.discrete == here.discrete for there in
               (course(x + 2.0**-30 * np.maximum(np.abs(x), 1.0) * way) for way in around))


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


def _by_both_sides(f: Callable, x: Any, v: Any, rule: float, reach: tuple[float, float],
                   allowed: float, accuracy: float) -> tuple[str, Derivative] | None:
    """Whether the rule lies between the derivatives of both sides; None if they do not differ.

    `allowed` is how far it may be outside, by rounding: too far to tell, if by more than the accuracy.
    """
    left, right = (one_sided(f, x, v, side, reach=reach) for side in (-1, 1))
    both = np.isfinite(left.error) and np.isfinite(right.error)
    if not both or abs(left.value - right.value) <= 2 * (left.error + right.error):
        return None
    low, high = sorted((left, right), key=lambda side: side.value)
    outside = max(low.value - low.error - rule, rule - high.value - high.error)
    middle = Derivative((low.value + high.value) / 2, (high.value - low.value) / 2)
    if not outside <= allowed + LAST_DIGITS * EPSILON * abs(rule):
        return "wrong", middle
    size = max(abs(low.value), abs(high.value), abs(rule))
    return "kink" if outside <= 0.0 or allowed <= accuracy * size else "inconclusive", middle
