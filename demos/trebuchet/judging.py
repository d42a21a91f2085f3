"""How a controller is judged: targets within reach that it has not seen, in time steps of their own."""

from typing import NamedTuple

import numpy as np

from tinydp.nn import Params
from tinydp.sims.trebuchet import DT

from ..seconds import Clock, Seconds
from .machine import controller, draw_tasks_within_reach, shot

# ---------------------------------------------------------------------------- the goals

EVALUATED, EVALUATION_SEED = 2000, 2026                          # targets within reach, that judge


# ---------------------------------------------------------------------------- evaluation

def land(params: Params, winds: np.ndarray, targets: np.ndarray, dt: float = DT) -> np.ndarray:
    """Where the controller's shots land, in m, (n,)."""
    angles, weights = controller(params, winds, targets)
    return np.array([shot(*map(float, one), dt) for one in zip(winds, angles, weights, strict=True)])


def percent(landings: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Misses in % of the target."""
    return 100 * np.abs(landings - targets) / targets


class Judged(NamedTuple):
    """Tasks within reach and where the shots landed, each (n,), and the share of tasks that are."""

    winds: np.ndarray
    targets: np.ndarray
    landings: np.ndarray
    within_reach: float
    seconds: Seconds

    @property
    def misses(self) -> np.ndarray:
        return percent(self.landings, self.targets)


def judge(params: Params) -> Judged:
    """New tasks, in the fine time steps."""
    clock = Clock()
    winds, targets, within = draw_tasks_within_reach(EVALUATION_SEED, EVALUATED)
    landings = land(params, winds, targets)
    return Judged(winds, targets, landings, within, clock.seconds)
