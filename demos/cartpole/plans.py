"""What planning is worth to cart-poles: to networks that hardly learned anything, and to trained ones.

The networks are those of `python -m demos cartpole train`, on the way and in the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinydp.sims.cartpole import EPISODE, STANDARD, State, failed, observe, start, step

from ..command import Options
from ..plan_table import Row, Subject, beside, demo
from . import DEMO as BESIDE
from .caught import CAUGHT, stoppable
from .judging import EVALUATED
from .learning import train
from .plan import planner

CLAIM = "a model may be a part of the controller's forward pass."
TAKES = "three minutes"
ON_THE_WAY = (0,)               # steps of experience
TILTED_SEED, STARTS = 12, 20


def networks(options: Options) -> dict[str, Any]:
    """After no and all steps of experience."""
    training = train(beside(BESIDE, options))
    found = {f"after {check.steps} steps": check.params for check in training.checks
             if check.steps in ON_THE_WAY}
    return found | {f"trained, {training.steps:,} steps": training.params}


def starts(n: int) -> dict[str, list]:
    """Gymnasium's, of seeds 0, 1, ...; and leaning and falling ones, which pushes can stop."""
    rng, tilted = np.random.default_rng(TILTED_SEED), []
    while len(tilted) < STARTS:
        theta, rate = rng.uniform(-1, 1, 2) * [STANDARD.max_theta, CAUGHT[1]]
        if stoppable(State(*np.array([[0.0], [0.0], [theta], [rate]])))[0]:
            tilted.append(State(0.0, 0.0, theta, rate))
    usual = [start(np.random.default_rng(seed)) for seed in EVALUATED]
    return {"Gymnasium's starts": usual[:min(n, STARTS)],
            f"leaning up to 12° and {CAUGHT[1]:.0f} rad/s": tilted[:n]}


def episode(decide: Callable[[np.ndarray], Any], state: State) -> tuple[float, bool]:
    """The length, and whether it is 500 steps."""
    for k in range(EPISODE):
        state = step(state, decide(observe(state).astype(np.float32)))
        if failed(state):
            return k + 1.0, k + 1 == EPISODE
    return float(EPISODE), True


def reached(rows: list[Row]) -> bool:
    """Whether each network stands longer with the longest plans than alone, or as long."""
    means = {(row.network, row.where, row.improvements): np.mean(row.scores) for row in rows}
    most = max(k for *_, k in means)
    return all(means[network, where, most] >= means[network, where, 0] for network, where, _ in means)


SUBJECT = Subject(
    "cartpole", networks, starts, planner, episode, ON_THE_WAY, improvements=(0, 1, 5), score="length",
    goodness="reach 500 steps", goal="as long as the network alone, or longer, from all starts",
    reached=reached)
DEMO = demo(SUBJECT, __doc__, CLAIM)
