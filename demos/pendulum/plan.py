"""The pendulum's plans: what they cost, and how they begin. demos/plan.py says how they are improved."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD, State, angle_normalize, observe, step

from ..plan import Planner, Planning, Problem
from .machine import controller

AHEAD = 60                      # steps of a plan, 3 s
BEGINNINGS = ((5, 0), (10, 0), (15, 0), (20, 0), (5, 12), (10, 15), (15, 18))


def read(seen: np.ndarray) -> State:
    """The state that was seen."""
    up, side, rate = map(float, seen)
    return State(np.arctan2(side, up), rate)


def costs(state: State, torque: Any) -> Any:
    """Numbers (n, 3), whose squares add up to the cost of a step, for torques within the limit."""
    parts = angle_normalize(state.theta), np.sqrt(0.1) * state.rate, np.sqrt(0.001) * torque
    return np.stack(parts, axis=-1)


PROBLEM = Problem(State, read, step, costs, lambda params, state: controller(params, observe(state)),
                  STANDARD.max_torque, AHEAD, BEGINNINGS)
PLANNING = Planning(PROBLEM)


def planner(params: Params, improvements: int) -> Callable[[np.ndarray], Any]:
    """A controller of one episode, a function of what is seen; with 0 improvements, the network alone."""
    return Planner(PLANNING, params, improvements) if improvements else functools.partial(controller, params)
