"""A model in the forward pass: before it shoots, the controller improves its aim in the simulator.

    >>> from demos.trebuchet.machine import new_controller
    >>> untrained = new_controller(np.random.default_rng(0))
    >>> for steps in (0, 1, 2, 3):
    ...     aim = refined(untrained, wind=-2.0, target=60.0, steps=steps)
    ...     print(steps, f"{shot(-2.0, *map(float, between(aim.part)), DT):.3f} m")
    0 74.603 m
    1 59.805 m
    2 60.000 m
    3 60.000 m

An aim is two numbers from 0 to 1: which part of their ranges angle and weight are. A shot in the simulator
tells the miss and the slope, and `toward` goes to the nearest aim that would hit on a straight line: Newton's
step for one equation of two unknowns. Where there are two solutions, a high shot and a low one, a start leads
to one; near targets in a tail wind have the low one alone. So where the network's aim leads to no hit, a low
start is tried as well, and the better result is taken.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Params
from tinydp.sims.trebuchet import DT, shoot

from ..command import count
from .machine import TRAINING_DT, WIDER, between, draw_tasks_within_reach, parts, shot

LOW = np.array([0.05, 0.5])     # a start for low shots
HIT = 0.01                      # m, to the target
CLOSE = 1e-3                    # m: what misses by less is not improved
DAMPING = 1.0                   # m² per squared range: where the slope is less than 1 m, steps become short


# ---------------------------------------------------------------------------- Newton's steps


def toward(part: Any, miss: Any, slope: Any) -> Any:
    """The nearest aim (2,) that makes up for `miss` metres at that `slope` (2,), if it is within the ranges.

    If an edge is in the way, the rest is made up for along the edge, as far as it goes.
    """
    free, aim = np.ones(2), part
    for _ in range(2):
        rest = miss - slope @ (aim - part)
        along = free * slope
        wish = aim + rest * along / (along @ along + DAMPING)
        aim = np.clip(wish, 0.0, 1.0)
        free = free * (aim == wish)
    return aim


def newton(part: Any, wind: Any, target: Any, dt: Any) -> tuple[Any, Any]:
    """The next aim (2,), and where this one lands in m. It can be differentiated: there is a slope within."""
    landing, slope = dp.value_and_grad(lambda part: shoot(wind, *between(part), dt=dt))(part)
    return toward(part, target - landing, slope), landing


step = dp.compile(newton)


def on_the_way(part: Any, wind: Any, target: Any, steps: int) -> Any:
    """Where an aim (2,) lands, and those after one step, two, ..., in m, (steps + 1,): to train by."""
    landings = []
    for _ in range(steps):
        part, landing = newton(part, wind, target, TRAINING_DT)
        landings.append(landing)
    return np.stack([*landings, shoot(wind, *between(part), dt=TRAINING_DT)])


@functools.cache
def way(steps: int) -> Callable[[Any, float, float], Any]:
    """`on_the_way`, compiled; its derivative, which has second ones of the shot, takes a minute or two."""
    return dp.compile(lambda part, wind, target: on_the_way(part, wind, target, steps))


class Aim(NamedTuple):
    """An aim (2,), by how many m it misses in the simulator, what gradients it took, and from which start."""

    part: np.ndarray
    miss: float
    gradients: int
    start: int = 0


def improved(start: np.ndarray, wind: float, target: float, steps: int, dt: float = TRAINING_DT) -> Aim:
    """The best aim on so many steps from `start`; fewer, if it hits before or can go no further."""
    part, best, spent = start, Aim(start, np.inf, 0), 0
    for _ in range(steps + 1):                   # the last aim is looked at as well
        after, landing = step(part, wind, target, dt)
        spent += 1
        if abs(landing - target) < abs(best.miss):
            best = Aim(part, landing - target, spent)
        if abs(best.miss) < CLOSE or np.max(np.abs(after - part)) < 1e-9:
            break
        part = after
    return best._replace(gradients=spent)


def better(starts: list[np.ndarray], wind: float, target: float, steps: int, dt: float = TRAINING_DT) -> Aim:
    """From the first of the starts that leads to a hit; or the best from all."""
    found: list[Aim] = []
    for start in starts:
        found.append(improved(start, wind, target, steps, dt))
        if abs(found[-1].miss) < CLOSE:
            break
    which = int(np.argmin([abs(aim.miss) for aim in found]))
    return found[which]._replace(gradients=sum(aim.gradients for aim in found), start=which)


def refined(params: Params, wind: float, target: float, steps: int) -> Aim:
    """The controller with the simulator in it; with 0 steps the network alone, which knows no miss."""
    start = parts(params, wind, target)
    return better([start, LOW], wind, target, steps) if steps else Aim(start, np.nan, 0)


# ---------------------------------------------------------------------------- judged where it was not trained

TASKS, TASK_SEED = 10_000, 2028
TABLE = (0, 1, 2, 3, 5)         # steps, whose rows are told up to those asked for


class Row(NamedTuple):
    """Misses in m with so many steps, and what each decision took; arrays (n,)."""

    steps: int
    misses: np.ndarray
    low: np.ndarray                      # whether the low start led to the aim
    gradients: np.ndarray
    milliseconds: np.ndarray             # of processor time, network included

    def worst(self, share: float = 100.0) -> float:
        """The miss that so many % of the targets stay within."""
        return float(np.percentile(self.misses, share))


class Wider(NamedTuple):
    """Tasks (n,) of the wider spread that are within reach, their share of all drawn, and rows by steps."""

    winds: np.ndarray
    targets: np.ndarray
    within_reach: float
    rows: list[Row]


def judge(params: Params, winds: np.ndarray, targets: np.ndarray, steps: int) -> Row:
    """Aim in the simulator, and land in the fine time steps."""
    misses, low, gradients, milliseconds = [], [], [], []
    for wind, target in zip(winds.tolist(), targets.tolist(), strict=True):
        began = time.process_time()
        aim = refined(params, wind, target, steps)
        milliseconds.append(1000 * (time.process_time() - began))
        misses.append(abs(shot(wind, *map(float, between(aim.part)), DT) - target))
        low.append(aim.start > 0)
        gradients.append(aim.gradients)
    return Row(steps, np.array(misses), np.array(low), np.array(gradients), np.array(milliseconds))


def judge_wider(params: Params, most: int) -> Wider:
    """With 0 steps to `most`, at targets and in winds that the network was not trained on."""
    winds, targets, share = draw_tasks_within_reach(TASK_SEED, TASKS, WIDER)
    refined(params, winds[0], targets[0], 1)     # compiles, or loads what was compiled
    rows = [judge(params, winds, targets, steps) for steps in sorted({*TABLE, most}) if steps <= most]
    return Wider(winds, targets, share, rows)


# ---------------------------------------------------------------------------- telling


def lines(near: Row, wider: Wider) -> list[str]:
    """What refinement adds at targets as those of training, and the table of wider ones, by steps."""
    wind, (first, last) = WIDER
    steps, low, share = count(near.steps, "step"), int(np.sum(near.low)), 100 * wider.within_reach
    return [
        f"Refined by at most {steps} of Newton's in the simulator, from the network's aim or else a low one:",
        f"  miss     worst {100 * near.worst():.2f} cm of the same targets; {count(low, 'low aim')}",
        f"Wider: {len(wider.targets):,} targets within reach ({share:.0f} % of those drawn), winds N(0, "
        f"{wind:g}) m/s",
        f"and targets {first:g} to {last:g} m; misses in m, ms of processor time a decision:",
        "  steps   median  99 of 100    worst  over 1 cm   low  gradients  most      ms  99 of 100  worst",
        *(f"  {row.steps:>5}{row.worst(50):>9.4f}{row.worst(99):>11.4f}{row.worst():>9.3f}"
          f"{np.sum(row.misses > HIT):>11,}{np.sum(row.low):>6,}{np.mean(row.gradients):>11.2f}"
          f"{np.max(row.gradients):>6}"
          + "{:>8.2f}{:>11.2f}{:>7.1f}".format(*np.percentile(row.milliseconds, [50, 99, 100]))
          for row in wider.rows),
    ]


def told(row: Row) -> dict[str, Any]:
    """A row of the table, for `result.json`."""
    names, times = ("median", "p99", "worst"), np.percentile(row.milliseconds, [50, 99, 100])
    return {"steps": row.steps, "median_m": row.worst(50), "p99_m": row.worst(99), "worst_m": row.worst(),
            "over_1_cm": int(np.sum(row.misses > HIT)), "low_aims": int(np.sum(row.low)),
            "gradients": float(np.mean(row.gradients)), "most_gradients": int(np.max(row.gradients)),
            "milliseconds": dict(zip(names, times.round(3).tolist(), strict=True))}
