"""All that the demo does before it tells and draws: aim, train, judge, refine."""

from typing import NamedTuple

import tinydp as dp
from tinydp.sims.trebuchet import DT

from .. import command
from ..command import Options
from ..seconds import Clock, Seconds
from . import learning, refine
from .aiming import MIDDLE, Aims, aim_at_each
from .judging import Judged, judge
from .learning import Training, train
from .machine import between, shot
from .refine import Aim, Row, Wider


class Outcome(NamedTuple):
    """The aims at single targets, the training, how its controller was judged, and the time to compile.

    And, if aims are refined, the tasks of `judged` once more, and wider ones.
    """

    aims: Aims
    training: Training
    judged: Judged
    compiling: Seconds
    refined: Row | None
    wider: Wider | None


KINDS = (Outcome, Aims, Aim, Judged, Row, Wider, *learning.KINDS)


def warm_up(quiet: bool) -> Seconds:
    """Compile the shot and its gradient, or find them in the cache; the seconds that it took."""
    clock = Clock()
    command.note("Compiling the shot and its gradient, which is done once for all runs ...", quiet)
    dp.grad(shot, argnums=(1, 2))(0.0, *map(float, between(MIDDLE)), DT)
    return clock.seconds


def learn(options: Options) -> Outcome:
    """Aim, train and judge."""
    compiling = warm_up(options.quiet)
    aims = aim_at_each(options.quiet)
    training = train(options)
    params, judged = training.params, judge(training.params)
    if not options.refine:
        return Outcome(aims, training, judged, compiling, None, None)
    command.note("Refining aims in the simulator ...", options.quiet)
    wider = refine.judge_wider(params, options.refine)
    refined = refine.judge(params, judged.winds, judged.targets, options.refine)
    return Outcome(aims, training, judged, compiling, refined, wider)
