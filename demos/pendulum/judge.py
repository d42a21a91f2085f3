"""A controller judged from very many starts: Gymnasium's episodes, side by side.

Gymnasium's environment takes several seconds for a hundred episodes. Here is what it does in arrays: the
simulator, whose steps are the same bits, with observations and torques rounded to float32 as they are there.
(It squares a float32 torque otherwise: returns agree to nine digits.)
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from ..command import progress
from ..seconds import Clock, Seconds
from .machine import EPISODE, HELD, UP, controller, draw_starts

SEED = 2025                     # of the starts, which no training sees
BLOCK = 64                      # starts side by side: 3.5 times as fast as 2,000, which leave the cache


class Judged(NamedTuple):
    """Of each start, the return, and whether the rod is up within 10° for all of the last 2 seconds: (n,)."""

    returns: np.ndarray
    upright: np.ndarray
    seconds: Seconds

    @property
    def left(self) -> int:
        """How many rods are not up at the end."""
        return int(np.sum(~self.upright))


def judge_everywhere(params: Params, n: int, quiet: bool) -> Judged:
    """Episodes from `n` starts, drawn as Gymnasium draws them, θ ~ U[-π, π] and ω ~ U[-1, 1]."""
    clock, starts = Clock(), draw_starts(np.random.default_rng(SEED), n)
    decide, found = functools.partial(controller, params), []
    with progress(n, "starts", "judging", quiet) as bar:
        for first in range(0, n, BLOCK):
            found.append(episodes(decide, State(*(x[first:first + BLOCK] for x in starts))))
            bar.update(len(found[-1][0]))
    returns, upright = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Judged(returns, upright, clock.seconds)


def episodes(decide: Callable[[np.ndarray], Any], state: State, physics: Any = STANDARD
             ) -> tuple[np.ndarray, np.ndarray]:
    """Returns of whole episodes, and which of them end upright, each (n,).

    `decide` gives the torques (n,) for what is seen, (n, 3). `physics` are the parameters of the simulator.
    """
    total, upright = np.zeros(len(state.theta)), np.full(len(state.theta), True)
    for k in range(EPISODE):
        torque = np.float32(decide(observe(state).astype(np.float32)))
        total -= cost(state, torque, physics)
        state = step(state, torque, physics)
        if k >= EPISODE - HELD:
            upright &= observe(state)[:, 0].astype(np.float32) > UP
    return total, upright
