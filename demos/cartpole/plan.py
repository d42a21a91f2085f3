"""The cart-pole's plans: what they cost, and how they begin. demos/plan.py says how they are improved."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinydp.nn import Params
from tinydp.sims.cartpole import STANDARD, State, gymnasium_action, observe, step

from ..command import progress
from ..plan import Planner, Planning, Problem
from ..seconds import timed
from . import judging
from .learning import COSTLY, HORIZON
from .network import controller

BEGINNINGS = ((5, 0), (10, 0), (20, 0), (5, 5), (10, 10), (20, 20))
NEAR, DEAR = 0.8, 30.0          # of a limit, from where on it costs more, and how much for all of it
EFFORT = 0.03                   # what full force costs in a plan, beside the units of COSTLY


def costs(state: State, push: Any) -> Any:
    """Numbers (n, 7), whose squares add up to the cost of a step; what comes near to failing is dear."""
    parts = [number / unit for number, unit in zip(state, COSTLY, strict=True)]
    near = [np.maximum(np.abs(number / limit) - NEAR, 0.0) * DEAR
            for number, limit in ((state.x, STANDARD.max_x), (state.theta, STANDARD.max_theta))]
    return np.stack([*parts, *near, EFFORT * push], axis=-1)


# A plan may push with less than full force, or nothing of it could be changed a little; the cart does not.
PROBLEM = Problem(State, lambda seen: State(*seen), step, costs,
                  lambda params, state: controller(params, observe(state)), 1.0, HORIZON, BEGINNINGS)
PLANNING = Planning(PROBLEM)


def planner(params: Params, improvements: int) -> Callable[[np.ndarray], Any]:
    """A controller of one episode, a function of what is seen; with 0 improvements, the network alone."""
    if not improvements:
        return functools.partial(controller, params)
    planned = Planner(PLANNING, params, improvements)
    return lambda seen: 1.0 if planned(seen) > 0 else -1.0


def plan_ahead(params: Params, improvements: int, quiet: bool) -> tuple[np.ndarray, float]:
    """Lengths (100,) of Gymnasium's episodes, if each decision plans ahead, and the median ms of one."""
    import gymnasium

    lengths: list[int] = []
    decisions: list[float] = []
    with gymnasium.make("CartPole-v1") as env, progress(
            len(judging.EVALUATED), "episodes", "planning", quiet) as bar:
        for seed in judging.EVALUATED:
            (seen, _), over = env.reset(seed=seed), False
            decide = timed(planner(params, improvements), decisions)
            lengths.append(0)
            while not over:
                seen, _, terminated, truncated, _ = env.step(gymnasium_action(decide(seen)))
                lengths[-1] += 1
                over = terminated or truncated
            bar.update()
    return np.array(lengths), float(np.median(decisions))
