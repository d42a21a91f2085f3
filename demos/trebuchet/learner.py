"""What a few measured shots tell of an unknown trebuchet, by gradients through the simulator.

Unknown are four numbers: the drag, the ball's mass, what the wind blows beyond what the vane shows, and
the friction at the pivot. Gradients by these numbers are used three times:

1. **Which shot is worth most?** Of a grid of aims, the one that makes the misses expected later smallest.
2. **What do the shots say?** Least squares with the Jacobian, one row a shot, and a prior; what remains
   uncertain is the covariance (Laplace's approximation).
3. **Which aim is the surest?** Many aims hit a target, high and low, with much weight or little; they
   are not equally uncertain.

The learner has a world's `reset` and `step`, and a simulator. It cannot look into the world.
"""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.sims.trebuchet import CORRECTED, shoot

from .machine import TRAINING_DT, draw_tasks, settle

# ---------------------------------------------------------------------------- the unknown

NAMES = ("drag", "ball mass", "wind", "friction")
SPREAD = np.array([0.4, 0.13, 1.15, 1.15])       # standard deviations of the prior: log, log, m/s, N m s
FRICTION = 2.0                                   # N m s, its mean of the friction; of the others 1, 1 and 0
PRIOR = np.zeros(4)                              # the mean, in units of `SPREAD`
LOWEST = np.array([-6.0, -6.0, -6.0, -FRICTION / SPREAD[3]])      # friction does not drive
NOMINAL = np.array([0.0, 0.0, 0.0, LOWEST[3]])   # the simulator as it is, without friction
NOISE = 0.2                                      # m, of a measured distance: what the tape's maker says


class Machine(NamedTuple):
    """What the scaled numbers mean: factors on drag and ball mass, m/s and N m s."""

    drag: Any
    ball_mass: Any
    wind: Any
    friction: Any


def machine(unknown: Any) -> Machine:
    """Of numbers (4,) in units of the prior's standard deviations."""
    drag, ball, wind, friction = (SPREAD[k] * unknown[k] for k in range(4))
    return Machine(np.exp(drag), np.exp(ball), wind, FRICTION + friction)


def scaled(drag: float, ball_mass: float, wind: float, friction: float) -> np.ndarray:
    """The numbers of a known machine."""
    return np.array([np.log(drag), np.log(ball_mass), wind, friction - FRICTION]) / SPREAD


@dp.compile
def landing(unknown: Any, aim: Any, vane: Any) -> Any:
    """Where a shot lands, in m; `aim` is raw, for `settle`, and `vane` is the wind that it shows in m/s."""
    real = machine(unknown)
    params = CORRECTED._replace(drag=real.drag, projectile_mass=CORRECTED.projectile_mass * real.ball_mass,
                                pivot_friction=real.friction)
    return shoot(vane + real.wind, *settle(aim), params, TRAINING_DT)


_slopes = dp.value_and_grad(landing, argnums=(0, 1))


class Simulator:
    """Shots in the simulator, with or without slopes, and a count of both."""

    def __init__(self) -> None:
        self.shots = self.gradients = 0

    def land(self, unknown: np.ndarray, aim: np.ndarray, vane: float) -> float:
        """Where it lands, in m."""
        self.shots += 1
        return landing(unknown, aim, vane)

    def slopes(self, unknown: np.ndarray, aim: np.ndarray, vane: float
               ) -> tuple[float, np.ndarray, np.ndarray]:
        """Where it lands, and the derivatives by the unknown (4,) and by the aim (2,)."""
        self.gradients += 1
        distance, (by_unknown, by_aim) = _slopes(unknown, aim, vane)
        return distance, by_unknown, by_aim


# ---------------------------------------------------------------------------- 2. what the shots say

class Shot(NamedTuple):
    """One of the world: the raw aim (2,), the wind that the vane showed, and the measured distance in m."""

    aim: np.ndarray
    vane: float
    distance: float


class Belief(NamedTuple):
    """The most probable unknown (4,), and its covariance (4, 4)."""

    unknown: np.ndarray
    covariance: np.ndarray

    def spread(self, by_unknown: np.ndarray) -> float:
        """Standard deviation of a landing with these slopes, in m."""
        return float(np.sqrt(by_unknown @ self.covariance @ by_unknown))


def refine(simulator: Simulator, shots: list[Shot], near: np.ndarray) -> Belief:
    """The belief after these shots; the search starts from `near`, and once more from the prior."""
    from scipy.optimize import least_squares

    seen: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def look(unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals in standard deviations, the prior's below them, and their Jacobian."""
        if (key := unknown.tobytes()) not in seen:
            rows = [simulator.slopes(unknown, shot.aim, shot.vane) for shot in shots]
            misfit = [(row[0] - shot.distance) / NOISE for row, shot in zip(rows, shots, strict=True)]
            seen[key] = (np.array([*misfit, *(unknown - PRIOR)]),
                         np.array([*(row[1] / NOISE for row in rows), *np.eye(4)]))
        return seen[key]

    found = [least_squares(lambda x: look(x)[0], np.maximum(start, LOWEST + 1e-3), lambda x: look(x)[1],
                           bounds=(LOWEST, np.full(4, 6.0)), xtol=1e-6, ftol=1e-8, max_nfev=40)
             for start in (near, PRIOR)]
    best = min(found, key=lambda one: one.cost)
    return Belief(best.x, np.linalg.inv(best.jac.T @ best.jac))


# ---------------------------------------------------------------------------- 3. the surest aim

SCAN = [(steep, heavy) for heavy in np.linspace(-4.5, 4.5, 7) for steep in np.linspace(-4.5, 4.5, 19)]
START, LOW_START = (0.0, 0.0), (-3.0, 0.0)       # raw: a middling aim, and a flat one
LEAP = 2.0                                       # the longest step
HIT = 1e-3                                       # m: to the millimetre, in the simulator


class Aim(NamedTuple):
    """A raw aim (2,), where it would land, and the standard deviation of that, in m."""

    raw: np.ndarray
    landing: float
    spread: float


def improve(simulator: Simulator, unknown: np.ndarray, aim: np.ndarray, vane: float, target: float,
            most: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Newton's steps on the miss: the best aim on the way, where it lands, and the slopes by the unknown."""
    tried = []
    for _ in range(most):
        distance, by_unknown, by_aim = simulator.slopes(unknown, aim, vane)
        tried.append((aim, distance, by_unknown))
        if abs(distance - target) < HIT:
            break
        step = (target - distance) * by_aim / (by_aim @ by_aim + 1e-9)
        aim = np.clip(aim + step * min(1.0, LEAP / np.linalg.norm(step)), -6.0, 6.0)
    return min(tried, key=lambda one: abs(one[1] - target))


def surest(simulator: Simulator, belief: Belief, vane: float, target: float) -> Aim:
    """Of all aims that hit, on lines of equal weight, the one that is least uncertain; or the nearest one.

    A grid shows between which angles the landing crosses the target; there, Newton's steps begin.
    """
    landings = np.array([simulator.land(belief.unknown, np.array(aim), vane) for aim in SCAN])
    crossed = [k for k in range(len(SCAN) - 1) if SCAN[k][1] == SCAN[k + 1][1]
               and (landings[k] - target) * (landings[k + 1] - target) <= 0]
    hits = []
    for k in crossed or [int(np.argmin(np.abs(landings - target)))]:
        raw, landed, slopes = improve(simulator, belief.unknown, np.array(SCAN[k]), vane, target, 6)
        hits.append(Aim(raw, landed, belief.spread(slopes)))
    return min(hits, key=lambda hit: (round(abs(hit.landing - target), 2), hit.spread))


def first(simulator: Simulator, belief: Belief, vane: float, target: float) -> Aim:
    """An aim that hits, from a middling start or, failing that, a low one."""
    found = []
    for start in (START, LOW_START):
        raw, landed, slopes = improve(simulator, belief.unknown, np.array(start), vane, target, 20)
        found.append(Aim(raw, landed, belief.spread(slopes)))
        if abs(landed - target) < HIT:
            break
    return min(found, key=lambda one: abs(one.landing - target))


# ---------------------------------------------------------------------------- 1. which shot is worth most

TRIED = [np.array([steep, heavy]) for steep in np.linspace(-4.0, 4.0, 8) for heavy in (-3.0, -1.0, 1.0, 3.0)]
AHEAD = 25                                       # tasks thought of, as they may come


class Tasks:
    """Tasks as they may come, with an aim at each that follows the belief."""

    def __init__(self, rng: np.random.Generator):
        self.winds, self.targets = draw_tasks(rng, AHEAD)
        self.aims = [np.array(START)] * AHEAD

    def slopes(self, simulator: Simulator, unknown: np.ndarray) -> np.ndarray:
        """Of the landings by the unknown, (AHEAD, 4), after two more of Newton's steps."""
        rows = []
        for k, (wind, target) in enumerate(zip(self.winds, self.targets, strict=True)):
            aim, distance, row = improve(simulator, unknown, self.aims[k], float(wind), float(target), 3)
            self.aims[k] = aim if abs(distance - target) < 20 else np.array(START)
            rows.append(row)
        return np.array(rows)


def choose(simulator: Simulator, belief: Belief, tasks: Tasks, vane: float) -> np.ndarray:
    """The raw aim after whose measurement the tasks' standard deviations have the smallest sum.

    A measured shot with slopes j takes (g C j)² / (noise² + j C j) off the variance g C g of a task.
    """
    slopes = tasks.slopes(simulator, belief.unknown)
    variances = np.sum(slopes @ belief.covariance * slopes, axis=1)

    def left(aim: np.ndarray) -> float:
        _, j, _ = simulator.slopes(belief.unknown, aim, vane)
        taken = (slopes @ belief.covariance @ j)**2 / (NOISE**2 + j @ belief.covariance @ j)
        return float(np.sum(np.sqrt(variances - taken)))

    return min(TRIED, key=left)


# ---------------------------------------------------------------------------- learning

class Step(NamedTuple):
    """One real shot, the belief after it, and what all had taken by then: gradients, processor seconds."""

    shot: Shot
    belief: Belief
    gradients: int
    seconds: float


def learn(world: Any, shots: int, seed: int) -> list[Step]:
    """That many shots in the world, each where it is worth most, and what was believed after each.

    Of the world it takes `reset` and `step`. The target of the day is ignored: these are for learning.
    """
    return list(islice(learning(world, seed), shots))


def learning(world: Any, seed: int) -> Iterator[Step]:
    """The same shot by shot, without an end."""
    simulator, tasks = Simulator(), Tasks(np.random.default_rng(seed))
    belief, shots = Belief(PRIOR, np.eye(4)), list[Shot]()
    spent, began = 0.0, time.process_time()
    while True:
        (vane, _, _), _ = world.reset(seed=None if shots else seed)
        aim = choose(simulator, belief, tasks, float(vane))
        (_, _, distance), *_ = world.step(np.array(settle(aim)))
        shots.append(Shot(aim, float(vane), float(distance)))
        belief = refine(simulator, shots, belief.unknown)
        spent += time.process_time() - began
        yield Step(shots[-1], belief, simulator.gradients, spent)
        began = time.process_time()
