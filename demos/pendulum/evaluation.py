"""How Gymnasium judges a controller: 100 episodes, from the starts of its seeds."""

from typing import NamedTuple

import numpy as np

from tinydp.nn import Params

from .. import command
from ..seconds import Clock, Seconds, timed
from .machine import EVALUATED, HELD, UP
from .plan import planner


class Episodes(NamedTuple):
    """Episodes of the real environment: returns (n,), and observations (n, 200, 3).

    `decision` is the processor time that a decision takes, the median in ms.
    """

    returns: np.ndarray
    seen: np.ndarray
    seconds: Seconds
    decision: float = 0.0

    @property
    def swung_up(self) -> int:
        """How many end upright: within 10 degrees for all of the last 2 seconds."""
        return int(np.sum(np.all(self.seen[:, -HELD:, 0] > UP, axis=1)))


def evaluate(params: Params, quiet: bool, seeds: range = EVALUATED, improvements: int = 0) -> Episodes:
    """One episode of Gymnasium's Pendulum-v1 from `env.reset(seed=s)` for each seed s.

    With `improvements`, each decision plans ahead with so many of them.
    """
    import gymnasium

    clock, totals, episodes = Clock(), [], []
    decisions: list[float] = []
    with gymnasium.make("Pendulum-v1") as env, command.progress(
            len(seeds), "episodes", "evaluating", quiet) as bar:
        for seed in seeds:
            seen, _ = env.reset(seed=seed)
            decide = timed(planner(params, improvements), decisions)
            episode, total, over = [], 0.0, False
            while not over:
                seen, reward, ended, truncated, _ = env.step(np.array([decide(seen)], dtype=np.float32))
                total, over = total + float(reward), ended or truncated
                episode.append(seen)
            totals.append(total)
            episodes.append(episode)
            bar.set_postfix_str(f"mean return {np.mean(totals):.1f}", False)
            bar.update()
    return Episodes(np.array(totals), np.array(episodes), clock.seconds,
                    float(np.median(decisions)))
