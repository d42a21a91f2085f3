"""The trebuchet demo's machine: tasks, which of them are within reach, and the network. Read this first."""

import functools
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Params, sigmoid
from tinydp.sims.trebuchet import DT, shoot

# ---------------------------------------------------------------------------- the task

ANGLES = (1.0, 76.0)            # °, of release: the range is smooth in it
WEIGHTS = (100.0, 264.0)        # lb: heavier ones push the sling for some milliseconds
TRAINING_DT = 6 * DT            # s: shots in training are within 0.5 mm of the others, and faster


class Spread(NamedTuple):
    """How tasks are drawn: winds of mean 0, their standard deviation in m/s; targets evenly between, in m."""

    wind: float
    targets: tuple[float, float]


TRAINED = Spread(5.0, (20.0, 100.0))             # what a network is trained on, and judged by
WIDER = Spread(10.0, (10.0, 115.0))              # what it has never seen
WIND, TARGETS = TRAINED
CENTRE, HALF = (TARGETS[0] + TARGETS[1]) / 2, (TARGETS[1] - TARGETS[0]) / 2          # of that range


@dp.compile
def shot(wind: Any, angle: Any, weight: Any, dt: Any) -> Any:
    """Where it lands, in m."""
    return shoot(wind, angle, weight, dt=dt)


def draw_tasks(rng: np.random.Generator, n: int, spread: Spread = TRAINED) -> tuple[np.ndarray, np.ndarray]:
    """Winds in m/s and targets in m, each (n,)."""
    return rng.normal(0.0, spread.wind, n), rng.uniform(*spread.targets, n)


# ---------------------------------------------------------------------------- within reach

TRIED = [(float(angle), float(weight)) for angle in np.arange(ANGLES[0], ANGLES[1] + 1)
         for weight in np.linspace(*WEIGHTS, 5)]
DOUBTFUL = 0.1                  # m: nearer to the limits than this, a task's own wind is tried


class Reach(NamedTuple):
    """The nearest and the furthest landing in m for winds in m/s, each (n,)."""

    winds: np.ndarray
    nearest: np.ndarray
    furthest: np.ndarray

    def limits(self, winds: Any) -> tuple[Any, Any]:
        """Nearest and furthest for any winds; what lies between can be hit, since shots vary smoothly."""
        return np.interp(winds, self.winds, self.nearest), np.interp(winds, self.winds, self.furthest)

    def holds(self, winds: Any, targets: Any) -> Any:
        """Whether the targets can be hit."""
        nearest, furthest = self.limits(winds)
        return (nearest <= targets) & (targets <= furthest)


def tried(winds: np.ndarray) -> Reach:
    """By trying a grid of aims, without any controller: a few mm too narrow, never too wide."""
    landings = np.array([[shot(float(wind), *aim, TRAINING_DT) for aim in TRIED] for wind in winds])
    return Reach(winds, landings.min(axis=1), landings.max(axis=1))


@functools.cache
def reach() -> Reach:
    """For every m/s: between, it is within 7 cm."""
    most = 5 * WIDER.wind
    return tried(np.arange(-most, most + 1))


def within_reach(winds: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Which of the tasks, each (n,), can be hit; where it is close, by trying in that very wind."""
    held = np.array(reach().holds(winds, targets))
    for k in np.flatnonzero(np.min(np.abs(reach().limits(winds) - targets), axis=0) < DOUBTFUL):
        held[k] = tried(winds[k:k + 1]).holds(winds[k], targets[k])
    return held


@functools.cache
def draw_tasks_within_reach(seed: int, n: int, spread: Spread = TRAINED
                            ) -> tuple[np.ndarray, np.ndarray, float]:
    """Winds and targets that can be hit, each (n,), and the share of all drawn that could."""
    winds, targets = draw_tasks(np.random.default_rng(seed), 3 * n, spread)
    within = within_reach(winds, targets)
    return winds[within][:n], targets[within][:n], float(np.mean(within))


# ---------------------------------------------------------------------------- the controller

NET = MLP((2, 32, 32, 32, 2), hidden="tanh")


def between(part: Any) -> tuple[Any, Any]:
    """Angle in ° and weight in lb for parts of their ranges, two numbers from 0 to 1 along the last axis."""
    (flat, steep), (light, heavy) = ANGLES, WEIGHTS
    return flat + (steep - flat) * part[..., 0], light + (heavy - light) * part[..., 1]


def settle(raw: Any) -> tuple[Any, Any]:
    """Angle in ° and weight in lb, within their ranges, for any two numbers along the last axis."""
    return between(sigmoid(raw))


def new_controller(rng: np.random.Generator) -> Params:
    """Parameters of a network that begins with about the same middling aim for all."""
    *layers, last = NET.init(rng)
    return [*layers, last._replace(weight=0.1 * last.weight)]


def parts(params: Params, winds: Any, targets: Any) -> Any:
    """The network's aims as parts of the ranges, (..., 2), for winds in m/s and targets in m, both (...)."""
    seen = np.stack([np.asarray(winds) / (2 * WIND), (np.asarray(targets) - CENTRE) / HALF], axis=-1)
    return sigmoid(NET(params, seen))


def controller(params: Params, winds: Any, targets: Any) -> tuple[Any, Any]:
    """The network's angles in ° and weights in lb for winds in m/s and targets in m, of any one shape."""
    return between(parts(params, winds, targets))


def act(params: Params, seen: np.ndarray) -> np.ndarray:
    """The same for what `tinydp/Trebuchet-v0` shows, wind and target first: angle in ° and weight in lb."""
    return np.stack(controller(params, seen[..., 0], seen[..., 1]), axis=-1)
