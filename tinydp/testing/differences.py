"""A derivative by finite differences that knows how far to trust itself.

A single step size is wrong for most functions: too large, and the curvature shows; too small,
and the rounding does. So `f` is looked at through windows around x, each twice as wide as the
one before, and read like an experiment. In each window a polynomial is fitted through more
points than it has coefficients. Its slope is the estimate, and what it leaves over, the
*residual*, says what kind of window it is:

- The residual stays level from window to window: it is noise, the rounding inside `f`, measured
  and not assumed.
- It grows, and the fit gets better with each degree: `f` is smooth here, and its curvature has
  begun to show. No wider window is needed.
- It leaps up, and a higher degree does not help. Either the rounding inside `f` is coarse, so
  that the smaller windows lay inside one grain and saw nothing of it; then the residual is
  level again afterwards, and the leap is the noise of all windows, the smaller ones too. Or `f`
  has a kink, a jump or a pole at this distance; then it is not, and the smaller windows are right.

    >>> import numpy as np
    >>> value, error = derivative(np.exp, 1.0)
    >>> abs(value - np.e) < error < 1e-10
    True

Related work: More and Wild, "Estimating computational noise" (2011), measure the noise of a
function from a difference table; Ridders (1982) and D'Errico's derivest (2006) choose among a
ladder of steps.
"""

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..ad import tree
from .results import UNDEFINED, UNDEFINED_BESIDE, number

EPSILON = 2.0**-53                       # half the spacing of the floats at 1
TINY = 2.0**-1074                        # the smallest float
FINEST = -46                             # the smallest window, 2**FINEST times the scale of x
DEGREES = (4, 6)                         # of the two fits in each window
MARGIN = 3.0                             # the largest noise, in units of its root mean square
LAST_DIGITS = 8.0                        # a right rule may be off by this, in units of EPSILON
ROUNDINGS = 2.0                          # f is rounded as often as this, at least: to half a digit each
LEVEL = 4.0                              # noise varies by less than this from window to window
ANYWHERE = (-math.inf, math.inf)         # how far behind and ahead of x one may look
RUN = 4                                  # so many windows make a level
COARSE = 2.0**-12                        # noise that shows only in windows wider than this, times
                                         # the scale of x, leaves no digits to be measured


class Derivative(NamedTuple):
    """A derivative and the half width of the interval around it that holds the true one, in the same unit.

        >>> slope = derivative(math.exp, 0.0)
        >>> abs(slope.value - 1.0) <= slope.error < 1e-9
        True
    """

    value: float
    error: float

    def widened(self, by: float) -> "Derivative":
        """The same value, in a wider interval."""
        return Derivative(self.value, self.error + by)


def derivative(f: Callable, x: Any, direction: Any = None,
               domain: tuple[float, float] | None = None) -> Derivative:
    """The derivative of `f` at `x` along `direction`, with an error bar.

    `f` returns a number. `x` is a number, or an array or a nested structure of them with a
    `direction` of the same structure (ones by default). `domain` is the closed interval in which
    the numbers of `x` may lie: `f` is never called outside. Where `f` is not finite, is complex, or raises
    an `ArithmeticError` or a `ValueError`, is outside too; so is, beside `x`, where it raises a
    `LookupError` or an `AssertionError`. The error is infinite if nothing can be said, as at a kink. Raises
    `DtypeError` if `f` returns no real number, such as a boolean. About two hundred calls of `f`.

        >>> derivative(lambda v: v[0] * v[1], [2.0, 3.0], [1.0, 0.0]).value
        3.0
        >>> round(derivative(math.sqrt, 0.25, domain=(0.0, math.inf)).value, 12)
        1.0
        >>> derivative(abs, 0.0).error
        inf
    """
    with np.errstate(all="ignore"):
        line, times = along(f, x, direction, domain)
        return scaled(survey(line), times)


def judge(rule: float, f: Callable, x: Any, direction: Any = None,
          domain: tuple[float, float] | None = None, accuracy: float = 1e-6,
          reach: tuple[float, float] = ANYWHERE, rounding: float = 0.0,
          scatter: float = 0.0) -> tuple[str, Derivative]:
    """The verdict on `rule`, and the derivative that it rests on.

    A right rule is seen to be right at a glance, in about 25 calls of `f`: if two windows are free
    of noise and their bar is small. Whatever else a glance shows is not believed: then it is
    `derivative` that decides. `reach` keeps all points at distances between its two numbers,
    counted along `direction`. `rounding` is how far the rule is rounded (see `verdict`), and `scatter`
    how far the difference is, beyond what its bar knows. A rule of zero, as at a minimum, is compared
    with how steep `f` is elsewhere.

        >>> judge(1.0, np.sin, 0.0)[0], judge(1.001, np.sin, 0.0)[0]
        ('right', 'wrong')
    """
    with np.errstate(all="ignore"):
        line, times = along(f, x, direction, domain, reach)
        measured = scaled(glance(line, rule / times if times else 0.0, accuracy), times).widened(scatter)
        if verdict(rule, measured, accuracy, rounding) != "right":
            measured = scaled(survey(line), times).widened(scatter)
        said = verdict(rule, measured, accuracy, rounding)
        if abs(rule) <= rounding and said == "inconclusive":     # no bar is small relative to zero
            small = accuracy * line.steepness() * abs(times)
            said = "right" if abs(measured.value) <= measured.error <= small - rounding else said
        return said, measured


def one_sided(f: Callable, x: Any, direction: Any = None, side: int = 1,
              domain: tuple[float, float] | None = None,
              reach: tuple[float, float] = ANYWHERE) -> Derivative:
    """The derivative from ahead of `x` (side 1) or from behind it (side -1), along `direction`.

    Arguments as those of `derivative`, the result as well; `reach` keeps all points at distances between its
    two numbers. At a kink the two sides differ, and `derivative` can say nothing. Raises `ValueError` for
    another side.

        >>> [one_sided(abs, 0.0, side=side).value for side in (1, -1)]
        [1.0, -1.0]
    """
    if side not in (1, -1):
        raise ValueError(f"side is 1 (ahead of x) or -1 (behind it), not {side!r}.")
    with np.errstate(all="ignore"):
        line, times = along(f, x, direction, domain, reach)
        return scaled(climb(line, FORWARD if side * times > 0 else BACKWARD)[0], times)


def scaled(measured: Derivative, times: float) -> Derivative:
    """The derivative along a direction that is longer, shorter or backwards."""
    if times == 1.0:
        return measured
    if times == 0.0:
        return Derivative(0.0, 0.0)
    value = measured.value * times
    return Derivative(value, measured.error * abs(times) + EPSILON * abs(value))


def verdict(rule: float, measured: Derivative, accuracy: float = 1e-6, rounding: float = 0.0) -> str:
    """Whether a rule's derivative is "right", "wrong" or "inconclusive".

    It is wrong if it lies outside of the bar, to which is added how far the rule itself is rounded:
    by `rounding`, and to a few of its last digits in any case. Otherwise it is right if the bar is
    small, `accuracy` times the derivative at most. Two exact zeros agree, whatever the bar.

        >>> verdict(2.0, Derivative(2.0 + 1e-9, 1e-8)), verdict(2.0 + 1e-7, Derivative(2.0, 1e-8))
        ('right', 'wrong')
        >>> verdict(2.001, Derivative(2.0, 0.5))
        'inconclusive'
    """
    value, error = measured
    if rule == value == 0.0 and math.isfinite(error):
        return "right"
    if not math.isfinite(value) or not math.isfinite(error):
        return "inconclusive"
    if not math.isfinite(rule):
        return "wrong"
    size = max(abs(rule), abs(value))
    if abs(rule - value) > error + rounding + LAST_DIGITS * EPSILON * size:
        return "wrong"
    return "right" if error + rounding <= accuracy * size else "inconclusive"


class Window(NamedTuple):
    """What the fits say about one window. All but `width` are in the units of f."""

    width: float
    rise: float                          # slope times width, by the fit of the higher degree
    doubt: float                         # how far the fit of the lower degree disagrees
    residual: float                      # root mean square of what the fit leaves over
    gain: float                          # ... and of what the higher degree has taken away
    floor: float                         # the rounding of the result of f, and of the points

    @property
    def slope(self) -> float:
        """The estimate of the derivative."""
        return self.rise / self.width


class Stencil:
    """Where to look in a window of width 1, and how to read slopes and residuals from it.

    The nodes of a window are also those of the next wider ones, twice as far in, so that a ladder
    of windows needs only two new calls of f on each side for each.
    """

    def __init__(self, sides: tuple[int, ...], octaves: int):
        self.nodes = [0.0] + [side * mantissa * 2.0**-k for k in range(octaves)
                              for mantissa in (1.0, 0.75) for side in sides]
        self.ends = min(self.nodes), max(self.nodes)
        self.grid = 2.0 ** -(octaves + 1)        # the nodes are multiples of this
        low, high = DEGREES
        self.slopes = [slope_weights(self.nodes, degree, len(sides)) for degree in DEGREES]
        self.total = math.fsum(map(abs, self.slopes[1]))
        # an orthonormal basis of the values that only the higher degree fits, then of those that
        # it does not
        basis, _ = np.linalg.qr(np.vander(self.nodes, high + 1, increasing=True), mode="complete")
        self.rest = basis[:, low + 1:].T
        self.gained, self.left = high - low, len(self.nodes) - high - 1
        # how much better the higher degree can seem to fit a single step, wherever it is
        steps = [self.residuals(np.array(self.nodes) > at) for at in sorted(self.nodes)[:-1]]
        self.step = 1.5 * max(gain / residual for gain, residual in steps)

    def is_orderly(self, window: "Window") -> bool:
        """Whether the window shows nothing but the last rounding, or the curvature of a smooth function."""
        return window.residual <= 16 * window.floor or self.step * window.residual < window.gain

    def residuals(self, values: Any) -> tuple[float, float]:
        """The root mean squares of what the higher degree takes away, and of what it leaves."""
        rest = (self.rest @ values).tolist()
        return (math.hypot(*rest[:self.gained]) / math.sqrt(self.gained),
                math.hypot(*rest[self.gained:]) / math.sqrt(self.left))

    def look(self, f: "Line", width: float) -> Window | None:
        """The window of this width; None if f is not finite in all of it."""
        values = []
        for node in self.nodes:
            value = f(node * width)
            if not math.isfinite(value):
                return None
            values.append(value)
        size = max(map(abs, values))
        unit = 2.0 ** max(math.frexp(size)[1] - 1, -1022)             # so that nothing overflows
        start = values[0] / unit
        changes = [value / unit - start for value in values]
        low, high = (math.fsum(map(operator.mul, weights, changes)) for weights in self.slopes)
        gain, residual = self.residuals(changes)
        off = f.rounding(self.ends[0] * width, self.ends[1] * width, self.grid * width)
        floor = EPSILON * (size / unit + abs(high)) + off / width * abs(high)
        return Window(width, high * unit, abs(high - low) * unit, residual * unit, gain * unit,
                      max(floor * unit, TINY))


def slope_weights(nodes: list[float], degree: int, sides: int) -> list[float]:
    """The weights for values at the nodes that give the slope at 0 of the polynomial fitted to them."""
    powers = np.vander(nodes, degree + 1, increasing=True)
    inverse = np.linalg.pinv(powers)
    weights = inverse[1] + (np.eye(degree + 1)[1] - inverse[1] @ powers) @ inverse       # refined once
    if sides == 2:                               # exactly odd, so that an even f has the slope 0
        weights[0], weights[2::2] = 0.0, -weights[1::2]
    # f(x) = x has the slope 1, to the last digit
    excess = math.fsum([-1.0, *(w * node for w, node in zip(weights, nodes, strict=True))])
    for i in range(1, sides + 1):
        weights[i] -= excess * nodes[i] / sides
    return weights.tolist()


CENTRAL = Stencil((1, -1), 4)
FORWARD = Stencil((1,), 6)
BACKWARD = Stencil((-1,), 6)


class Line:
    """`f` along a line through `x`: a function of the distance `t`, remembered."""

    def __init__(self, f: Callable, x: Any, direction: Any, domain: tuple[float, float] | None,
                 reach: tuple[float, float] = ANYWHERE):
        self.f, self.x, self.reach = f, x, reach
        self.number = isinstance(x, (int, float)) and isinstance(direction, (int, float, type(None)))
        self.direction = tree.map(lambda leaf: np.ones(np.shape(leaf)), x) if direction is None else direction
        at, way = flat(x), flat(self.direction)
        at, way = at[way != 0], way[way != 0]
        # the distance over which the point changes as a whole, and that over which it cannot change
        scale = float(np.min(np.abs(at) / np.abs(way), initial=math.inf))
        self.scale = scale if 0 < scale < math.inf else 1.0
        self.grain = float(np.max(np.spacing(np.abs(at)) / np.abs(way), initial=0.0))
        self.low, self.high = domain or (-math.inf, math.inf)
        bounds = (np.array([[self.low], [self.high]]) - at) / way
        self.lowest = float(np.max(np.min(bounds, axis=0), initial=-math.inf))
        self.highest = float(np.min(np.max(bounds, axis=0), initial=math.inf))
        self.array = type(x) is np.ndarray and x.dtype == float and domain is None
        self.known: dict[float, float] = {}

    def __call__(self, t: float) -> float:
        value = self.known.get(t)
        if value is None:
            value = self.known[t] = self._compute(t)
        return value

    def _compute(self, t: float) -> float:
        if not self.reach[0] <= t <= self.reach[1]:
            return math.nan
        if self.number:
            point = self.x + t
            if not self.low <= point <= self.high:
                return math.nan
        elif self.array:
            point = self.x + t * self.direction
        else:
            if not self.lowest <= t <= self.highest:
                return math.nan
            point = tree.map(self._move(t), self.x, self.direction)
        try:
            return number(self.f(point))
        except UNDEFINED:
            return math.nan
        except UNDEFINED_BESIDE:
            if t == 0.0:                         # a mistake
                raise
            return math.nan

    def _move(self, t: float) -> Callable:
        # In float64, and inside of the domain also when the sum is rounded.
        def move(leaf: Any, way: Any) -> Any:
            moved = np.clip(np.asarray(leaf, float) + t * np.asarray(way, float), self.low, self.high)
            return moved if isinstance(leaf, np.ndarray) else float(moved)
        return move

    def steepness(self) -> float:
        """How much `f` changes over the distance that has been looked at, on average."""
        seen = [(abs(t), y) for t, y in self.known.items() if math.isfinite(y)]
        if not seen:
            return 0.0
        values = [y for _, y in seen]
        return (max(values) - min(values)) / (max(t for t, _ in seen) or 1.0)

    def rounding(self, low: float, high: float, grid: float) -> float:
        """How far from where they should be the points between `low` and `high` can lie.

        A number plus a step is exact, if neither the step has finer digits than the number (all
        steps are multiples of `grid`), nor the sum coarser ones.
        """
        if not self.number:
            return self.grain / 2
        coarsest = max(math.ulp(self.x + low), math.ulp(self.x + high))
        return 0.0 if coarsest <= min(self.grain, grid) else coarsest / 2


def along(f: Callable, x: Any, direction: Any, domain: tuple[float, float] | None,
          reach: tuple[float, float] = ANYWHERE) -> tuple[Line, float]:
    """`f` along a direction; a number moves by itself, and the direction becomes a factor."""
    if isinstance(x, (int, float)) and isinstance(direction, (int, float)):
        times = float(direction)
        near, far = (times * reach[0], times * reach[1]) if times else ANYWHERE
        return Line(f, x, None, domain, (min(near, far), max(near, far))), times
    return Line(f, x, direction, domain, reach), 1.0


def flat(x: Any) -> np.ndarray:
    """All the numbers of a structure, in one array."""
    return np.concatenate([np.asarray(leaf, dtype=float).ravel() for leaf in tree.flatten(x)[0]] + [[]])


class Ladder:
    """The windows from the smallest to the widest, looked at when asked for."""

    def __init__(self, f: Line, stencil: Stencil):
        self.f, self.stencil = f, stencil
        exponent = math.frexp(f.scale)[1]
        self.exponents = list(range(max(exponent + FINEST, -1065), min(exponent, 1022) + 1))
        if exponent < 0:                         # ... and on to 1, where most functions change
            self.exponents += range(max(exponent + 1, FINEST // 2), 1)
        self.top = len(self.exponents)           # ... and farther out, if f is constant so far
        self.exponents += range(self.exponents[-1] + 1, min(self.exponents[-1] + 2 * RUN, 1022))
        self.seen: list[Window | None] = []

    def __getitem__(self, k: int) -> Window | None:
        while len(self.seen) <= k:
            wanted = len(self.seen) < (len(self.exponents) if self.is_flat() else self.top)
            width = 2.0 ** self.exponents[len(self.seen)] if wanted else 0.0
            self.seen.append(self.stencil.look(self.f, width) if wanted else None)
        return self.seen[k]

    def run(self, start: int, end: int) -> list[Window]:
        """The windows from start to end, as far as f is finite."""
        windows = []
        for k in range(start, end):
            if (window := self[k]) is None:
                break
            windows.append(window)
        return windows

    def is_flat(self) -> bool:
        """Whether f is a constant, as far as it has been looked at."""
        last = self.seen[-1] if self.seen else None
        return last is not None and last.rise == last.residual == 0.0

    def ends_by(self, k: int) -> bool:
        """Whether an edge, of the domain or of where f is finite, comes before window k."""
        return k < self.top and self[k] is None


def survey(f: Line) -> Derivative:
    """All windows of the central stencil and, near an edge, also those of either side."""
    best, whole = climb(f, CENTRAL)
    if not whole:                        # an edge is near, and one side may have more room
        best = min(best, climb(f, FORWARD)[0], climb(f, BACKWARD)[0], key=lambda d: d.error)
    return best


def glance(f: Line, rule: float, accuracy: float) -> Derivative:
    """The derivative by a few windows, if they are in order; else the error is infinite.

    In order is what is as good as free of noise, or smooth. Wrong scales are possible in others,
    such as waves much finer than these windows, and kinks.
    """
    def look(k: int) -> Window | None:
        return CENTRAL.look(f, 2.0 ** min(max(k, -1065), 1022))

    exponent = math.frexp(f.scale)[1]
    if rule == 0.0:                      # is f a constant, near and far?
        windows = [look(exponent + k) for k in (-16, -5, 6)]
        level = all(window is not None and window.rise == window.residual == 0.0 for window in windows)
        return best_of([w for w in windows if w], 0.0, CENTRAL) if level else Derivative(math.nan, math.inf)
    k = exponent - 6
    for _ in range(3):
        windows = [look(k), look(k + 1)]
        whole = [window for window in windows if window is not None]
        if len(whole) < 2 or not all(map(CENTRAL.is_orderly, whole)):
            k -= 6                       # curved, or near an edge
            continue
        best = best_of(whole, 0.0, CENTRAL)
        if best.error <= accuracy * abs(best.value):
            return best
        if whole[1].doubt > ROUNDINGS * CENTRAL.total * whole[1].floor:
            k -= 5                       # it is the curvature
        else:
            k = -5 if k < -8 else k + 4  # it is the rounding
    return Derivative(math.nan, math.inf)


def climb(f: Line, stencil: Stencil) -> tuple[Derivative, bool]:
    """Read the windows from the smallest to the widest that is of use.

    Also whether that was all there is to see: no edge is near.
    """
    ladder = Ladder(f, stencil)
    first = ladder[0]
    if first is None or jumps_here(ladder):
        return Derivative(math.nan, math.inf), first is not None
    level, noise = max(first.residual, first.floor), first.residual
    start = k = 0                                # where the present level starts; the window
    claims = []                                  # what the windows below a leap said
    while (window := ladder[k := k + 1]) is not None:
        if window.residual <= LEVEL * max(level, window.floor):
            if k - start < RUN:
                level = max(level, window.residual)
            noise = max(noise, min(window.residual, LEVEL * level))
        elif is_smooth(ladder, k):
            k += 1                               # the curvature shows
            break
        elif window.width < COARSE * f.scale and (after := leap(ladder, k)):
            claims.append(best_of(ladder.run(0, k), noise, stencil))
            level = noise = after
            start = k
        elif start == 0 and k < 3 * RUN and level > 30 * first.floor:
            # Neither noise nor smooth, as far down as one can look: a kink or a singularity at x,
            # unless the residuals shrink faster than the windows, as those of |x|**1.5 do.
            later = ladder[RUN]
            if later is None or later.residual < 2.0 ** (1.25 * RUN) * first.residual:
                return Derivative(first.slope, math.inf), True
            return best_of(ladder.run(0, max(k, 2)), first.residual, stencil), not ladder.ends_by(k)
        else:
            noise = max(noise, grain(ladder, k, noise))
            break
    best = best_of(ladder.run(0, min(k, ladder.top)), noise, stencil)
    for value, error in claims:
        # Coarse rounding, or a floor(x) far from 0: where small and wide windows contradict each
        # other and the small ones were precise, both may be right.
        apart = abs(value - best.value)
        if error < COARSE * abs(value) and apart > error + best.error:
            best = Derivative(best.value, apart + error + best.error)
    if first.residual > 2.0**10 * first.floor and abs(best.value) <= 16 * best.error:
        # From one float to the next f scatters far more than its result is rounded, and no slope
        # rises clearly above that: it may be noise, or cos(cosh(x)) at x = 80, too steep to be seen.
        best = Derivative(best.value, math.inf)
    return best, not ladder.ends_by(k + RUN - 1)


def best_of(windows: list[Window], noise: float, stencil: Stencil) -> Derivative:
    """The estimate with the smallest error.

    The error is the sum of three: what the noise can do if it is at its worst at each node, how
    far the two fits disagree, and how far the next smaller window does.
    """
    best = Derivative(math.nan, math.inf)
    for before, window in itertools.pairwise(windows):
        worst = max(MARGIN * max(noise, window.residual), ROUNDINGS * window.floor) * stencil.total
        error = (worst + window.doubt) / window.width + abs(window.slope - before.slope)
        if error < best.error:
            best = Derivative(window.slope, error)
    return best


def is_smooth(ladder: Ladder, k: int) -> bool:
    """Whether the residual at window k is the curvature of a smooth function.

    If so the higher degree fits much better, better than it could fit a step; what it gains has
    grown like the fifth to the seventh power of the width; and the residual goes on to.
    """
    before, here, *after = ladder.run(k - 1, k + 2)
    return (ladder.stencil.step * here.residual < here.gain < 2.0**7 * before.gain
            and all(window.residual > 16 * here.residual for window in after))


def leap(ladder: Ladder, k: int) -> float:
    """The level to which the residual has leapt at window k; 0 if it does not stay level.

    A leap can take some windows, since at first only the outermost nodes see the noise.
    """
    residuals = [window.residual for window in ladder.run(k, k + 3 * RUN)]
    for now, then in zip(range(RUN), range(RUN, 2 * RUN), strict=True):
        level, after = residuals[:then], residuals[then:then + RUN]
        if len(after) == RUN and max(after) < 2 * max(level[now:]):
            return max(level)
    return 0.0


def jumps_at(f: Callable, x: Any, direction: Any) -> bool:
    """Whether `f` jumps at `x`, along `direction`.

        >>> jumps_at(np.floor, 1.0, 1.0), jumps_at(abs, 0.0, 1.0)
        (True, False)
    """
    with np.errstate(all="ignore"):
        line, _ = along(f, x, direction, None)
        return jumps_here(Ladder(line, CENTRAL))


def jumps_here(ladder: Ladder) -> bool:
    """Whether f jumps at x: in all the smallest windows, its values behind, at and ahead lie far apart."""
    f, nodes = ladder.f, ladder.stencil.nodes
    for k in range(RUN):
        if (window := ladder[k]) is None:
            return False
        groups = [[f(node * window.width) / 2 for node in nodes if np.sign(node) == side]
                  for side in (-1, 0, 1)]
        groups = [group for group in groups if group]
        spread = max(max(group) - min(group) for group in groups)
        gap = max(max(min(a) - max(b), min(b) - max(a)) for a, b in itertools.pairwise(groups))
        if gap <= 4 * spread or gap <= 30 * window.floor:
            return False
    return True


def grain(ladder: Ladder, k: int, noise: float) -> float:
    """The jump of f that has spoilt window k, if it is small against what f becomes farther away.

    Then it is a grain of rounding, as of log(1 + exp(x)) at x = -36, and f may have had a slope
    below it that the smaller windows cannot see. Found by bisection, as the first place where f
    departs from the line through window k - 1.
    """
    f, (inner, outer) = ladder.f, ladder.run(k - 1, k + 1)
    least = LEVEL * max(noise, inner.floor)

    def departure(a: float, b: float) -> float:
        return f(b) - f(a) - inner.slope * (b - a)

    jump = 0.0
    for end in ladder.stencil.ends:
        a, b = 0.0, end * outer.width
        if not abs(departure(a, b)) > least:
            continue
        for _ in range(50):
            middle = a + (b - a) / 2
            if abs(b - a) <= 4 * f.grain or not math.isfinite(f(middle)):
                break
            a, b = (a, middle) if abs(departure(a, middle)) > least else (middle, b)
        here, then, later = (departure(a + i * (b - a), b + i * (b - a)) for i in range(3))
        # behind a kink f would go on as it began
        ramp = here * then > 0 and abs(here) <= 1.5 * abs(then) and abs(later - then) <= abs(then) / 2
        if abs(here) > least / 4 and not ramp:
            jump = max(jump, abs(here))
    if jump == 0.0:
        return 0.0
    far = [f(side * t) for t in (f.scale / 2, f.scale, 2 * f.scale, outer.width, 1.0) for side in (1, -1)]
    return jump if jump < COARSE * max(abs(y) for y in far if math.isfinite(y)) else 0.0
