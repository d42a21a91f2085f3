"""What planning is worth to pendulums: to networks that hardly learned anything, and to trained ones.

The networks are those of `python -m demos pendulum train --mode batch`, on the way and in the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinydp.sims.pendulum import State, cost, observe, step

from ..command import Options
from ..plan_table import Row, Subject, beside, demo
from . import DEMO as BESIDE
from .learning import gymnasium_starts, kept, train
from .machine import BEST_EVALUATED, EPISODE, EVALUATED, HELD, UP, recipe
from .plan import planner

CLAIM = "a model may be a part of the controller's forward pass."
TAKES = "five minutes"
ON_THE_WAY = (0, 30)            # updates
FAST = 8.0                      # rad/s, up to which other starts turn
FAST_SEED, FAST_STARTS = 11, 25
GOAL, MOST = 1.02, 5.0          # of the best known return; ms a decision


def networks(options: Options) -> dict[str, Any]:
    """Trained for no, 30 and all updates."""
    how = beside(BESIDE, options, "--mode", "batch")
    training = train(how)
    found = {f"after {check.update} updates": check.params for check in training.checks
             if check.update in ON_THE_WAY}
    return found | {f"trained, {training.update:,} updates": kept(training, recipe(how)).params}


def starts(n: int) -> dict[str, list]:
    """Gymnasium's, of seeds 0, 1, ...; and any angle with rates up to 8 rad/s."""
    rng = np.random.default_rng(FAST_SEED)
    fast = [rng.uniform([-np.pi, -FAST], [np.pi, FAST]) for _ in range(FAST_STARTS)]
    usual = zip(*gymnasium_starts(EVALUATED), strict=True)
    return {"Gymnasium's starts": [State(*pair) for pair in usual][:n],
            f"starts of up to {FAST:.0f} rad/s": [State(*pair) for pair in fast[:n]]}


def episode(decide: Callable[[np.ndarray], Any], state: State) -> tuple[float, bool]:
    """The return, and whether the rod is upright for the last 2 seconds."""
    total, held = 0.0, 0
    for _ in range(EPISODE):
        torque = np.float32(decide(observe(state).astype(np.float32)))
        total -= float(cost(state, torque))
        state = step(state, torque)
        held = held + 1 if np.cos(state.theta) > UP else 0
    return total, held >= HELD


def reached(rows: list[Row]) -> bool:
    """Whether the usual starts return enough, soon enough, from each network that was trained for a while."""
    most = max(row.improvements for row in rows)
    judged = [row for row in rows if row.improvements == most and row.where == rows[0].where
              and row.network not in {f"after {updates} updates" for updates in ON_THE_WAY[:1]}]
    return all(np.mean(row.scores) >= GOAL * BEST_EVALUATED and row.decision <= MOST for row in judged)


SUBJECT = Subject(
    "pendulum", networks, starts, planner, episode, ON_THE_WAY, improvements=(0, 1, 10), score="return",
    goodness="upright at the end",
    goal=f"within 2 % of the best known, {BEST_EVALUATED}, at {MOST:.0f} ms at most, from any network that "
         "swings up",
    reached=reached)
DEMO = demo(SUBJECT, __doc__, CLAIM)
