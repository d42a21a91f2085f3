"""Where an event is within a step: the arithmetic of `integrate`, on plain numbers.

`until`, along the step, is a function of the length h that is known at both ends only; each look at another
h costs a step. So the first root is found if `until` has no dent that a few looks cannot see:

- A step over which `until` changes its sign is looked at in eighths. Where these rise after a fall, there
  is a dent, and 64 looks are taken. An earlier root is missed if `until` is below zero for less than an
  eighth of the step, and its heights at the eighths do not show it.
- A step over which it does not is looked at only if the slopes before and after lead over zero within it.
  That finds what goes over zero and back, if `until` bends one way only in this step and its neighbours.

A shorter step is the remedy for both.

    >>> found = first_root(lambda h: (1 - h) * (2 - h) * (3 - h), Bracket(0.0, 6.0, 3.5, -1.875))
    >>> round(found.below, 12)
    1.0
"""

import math
from collections.abc import Callable
from typing import NamedTuple

PARTS_OF_LAST_STEP = 8                   # in which the last step is looked at
LOOKS = 64                               # ... and if there is a dent
EVENT_TOLERANCE = 2.0**-30               # of a length: here a zero is looked for before a zero
SMOOTH = 1e-6                            # of the change over a step: a smaller one, at a root, is no jump


class Bracket(NamedTuple):
    """An interval with a root in it: the height is positive `above`, and not so `below`."""

    above: float
    height_above: float
    below: float
    height_below: float
    weight_above: float = 1.0            # an end that stays counts half, to draw the next guess near
    weight_below: float = 1.0
    round: int = 0
    course: int = 0                      # of the eighths: 0 rising, 1 falling, 2 there is a dent (or nan)


# `guess`, `narrowed` and `passed` take and return plain numbers, since compiled programs use them as well.

def guess(above: float, height_above: float, below: float, height_below: float, weight_above: float,
          weight_below: float, k: int, course: int) -> float:
    """Where to look next: at the eighths; then on the secant, or each third time in the middle."""
    if k < PARTS_OF_LAST_STEP - 1:
        return above + (below - above) / (PARTS_OF_LAST_STEP - k)
    middle = above + 0.5 * (below - above)
    if k % 3 == 2:
        return middle
    if height_below == 0:                # is it the first zero?
        h = below - EVENT_TOLERANCE * below
    elif height_above * weight_above > height_below * weight_below:
        share = height_above * weight_above / (height_above * weight_above - height_below * weight_below)
        h = above + (below - above) * share
    else:
        return middle
    return h if above < h < below or below < h < above else middle


def narrowed(above: float, height_above: float, below: float, height_below: float, weight_above: float,
             weight_below: float, k: int, course: int, h: float, height: float
             ) -> tuple[float, float, float, float, float, float, int, int]:
    """The bracket with `h` as one end; both ends are the root when no number lies between them.

    The method is the Illinois variant of regula falsi. A zero is the root if it is positive just before.
    """
    if math.isnan(height):
        course, k = 2, 100
    elif height > 0:
        if k < PARTS_OF_LAST_STEP - 1:
            course = 2 if course > 0 and height > height_above else 1 if height < height_above else course
        else:
            weight_above, weight_below = 1.0, 0.5 * weight_below
        above, height_above = h, height
    else:
        if k < PARTS_OF_LAST_STEP - 1:   # no look at the other parts
            k = PARTS_OF_LAST_STEP - 2
        else:
            weight_above, weight_below = 0.5 * weight_above, 1.0
        below, height_below = h, height
    middle = above + 0.5 * (below - above)
    first_zero = height_below == 0 and abs(below - above) <= 2 * EVENT_TOLERANCE * abs(below)
    if first_zero or middle in (above, below) or k >= 100:
        above = below
    return above, height_above, below, height_below, weight_above, weight_below, k + 1, course


def passed(k: int, oldest: float, older: float, height: float, new: float) -> bool:
    """Whether `until` may have gone over zero and back in the step from `older` to `height`.

    From `oldest` to `new` these are the heights at the ends of three steps; for k = 1 there is no oldest,
    and the parabola through the others says how it would have come. If `until` bends one way, it lies on
    one side of the lines through its neighbours, and both have to cross zero within the step.
    """
    if (older > 0) != (height > 0):
        return False
    if k == 1:
        oldest = older - 0.5 * (4.0 * height - 3.0 * older - new)
    side = 1.0 if height > 0 else -1.0
    return side * oldest > 2.0 * side * older and side * new > 2.0 * side * height


def heads_over(oldest: float, older: float) -> bool:
    """Whether the next step leads over zero, if it goes on as the last one did."""
    return (oldest > 2.0 * older) if older > 0 else (oldest < 2.0 * older)


def first_root(height: Callable[[float], float], bracket: Bracket) -> Bracket:
    """The bracket, narrowed to its first root, as `below`."""
    found = _narrow(height, bracket)
    if found.course < 2:
        return found
    h, y = bracket.above, bracket.height_above
    for k in range(1, LOOKS):
        later = bracket.above + (bracket.below - bracket.above) * k / LOOKS
        if not (below := height(later)) > 0:
            return _narrow(height, Bracket(h, y, later, below, round=PARTS_OF_LAST_STEP))
        h, y = later, below
    return _narrow(height, Bracket(h, y, bracket.below, bracket.height_below, round=PARTS_OF_LAST_STEP))


def _narrow(height: Callable[[float], float], bracket: Bracket) -> Bracket:
    while bracket.above != bracket.below:
        h = guess(*bracket)
        bracket = Bracket(*narrowed(*bracket, h, height(h)))
    return bracket


def locate(height: Callable[[float], float], end: float) -> float:
    """The first root in (0, end] of a function that is positive at 0 and not at `end`."""
    return first_root(height, Bracket(0.0, height(0.0), end, height(end))).below


def excursion(height: Callable[[float], float], start: float, end: float, stop: float) -> Bracket | None:
    """The bracket of the event, if from `start` to `stop`, at 0 and `end`, `height` goes over zero and back.

    A golden-section search for the bend, until it is over zero.
    """
    side = 1.0 if start > 0 else -1.0
    left, right = 0.0, end
    share = 0.5 * (math.sqrt(5.0) - 1.0)
    a, b = right - share * (right - left), left + share * (right - left)
    y_a, y_b = height(a), height(b)
    for _ in range(80):
        for h, y in ((a, y_a), (b, y_b)):
            if (y > 0) != (start > 0):
                return Bracket(0.0, start, h, y) if start > 0 else Bracket(h, y, end, stop)
        if side * y_a < side * y_b:
            right, b, y_b = b, a, y_a
            a = right - share * (right - left)
            y_a = height(a)
        else:
            left, a, y_a = a, b, y_b
            b = left + share * (right - left)
            y_b = height(b)
    return None


def jumps(height: Callable[[float], float], whole: Bracket, found: Bracket,
          size: Callable[[], float]) -> bool:
    """Whether what was `found` in a step is a jump over zero, and no root.

    `whole` is the bracket that it was found in; `size()` the largest number that the height is made of, which
    says how it may be rounded. At a root the change fades with the distance, be it as slowly as that of a
    20th root.
    """
    change = found.height_above - found.height_below
    if change <= SMOOTH * (whole.height_above - whole.height_below) or change <= 2.0**-48 * size():
        return False
    wider = EVENT_TOLERANCE * (whole.below - whole.above)
    before, after = found.below - wider, found.below + wider
    return height(before) - height(after) < 2.0 * change
