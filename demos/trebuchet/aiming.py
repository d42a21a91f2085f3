"""One target at a time, without a network: Newton's steps on the miss."""

from typing import NamedTuple

import numpy as np

from tinydp.sims.trebuchet import DT

from .. import command
from ..seconds import Clock, Seconds
from . import judging
from .judging import EVALUATION_SEED
from .machine import draw_tasks_within_reach
from .refine import HIT, LOW, Aim, better

AIMED = 200                     # single targets, all of which are to be hit

MIDDLE = np.array([0.5, 0.5])                    # an aim to begin with
MOST = 60                                        # steps from one start


def aim_at(wind: float, target: float) -> Aim:
    """Newton's steps on the miss, without a network.

    From the middle, the shot becomes a high one or a low one as it comes; where this misses, there is the low
    start.
    """
    return better([MIDDLE, LOW], wind, target, MOST, DT)


class Aims(NamedTuple):
    """The aims at single targets."""

    aims: list[Aim]
    seconds: Seconds

    @property
    def hits(self) -> int:
        return sum(abs(aim.miss) <= HIT for aim in self.aims)

    @property
    def gradients(self) -> int:
        return sum(aim.gradients for aim in self.aims)


def aim_at_each(quiet: bool) -> Aims:
    """The first of the targets that judge, one by one; the shot was compiled by `warm_up`."""
    winds, targets, _ = draw_tasks_within_reach(EVALUATION_SEED, judging.EVALUATED)
    clock, aims = Clock(), []
    with command.progress(AIMED, "targets", "aiming", quiet) as bar:
        for wind, target in zip(winds[:AIMED], targets[:AIMED], strict=True):
            aims.append(aim_at(float(wind), float(target)))
            bar.set_postfix_str(f"off by {100 * abs(aims[-1].miss):.2f} cm", False)
            bar.update()
    return Aims(aims, clock.seconds)
