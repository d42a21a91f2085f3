"""All that the demo does before it tells and draws: train, judge, let it stand."""

from typing import NamedTuple

import numpy as np

from ..command import Options
from . import learning
from .judging import LONG, Balance, balance, evaluated_starts
from .learning import Training, train
from .plan import plan_ahead


class Outcome(NamedTuple):
    """The training, and how long its controller stands without the limit of 500 steps.

    `planned` are the lengths of the evaluated episodes if decisions are planned, and ms that one takes.
    """

    training: Training
    long: Balance
    planned: tuple[np.ndarray, float] | None = None


KINDS = (Outcome, Balance, *learning.KINDS)


def learn(options: Options) -> Outcome:
    """Train, judging after each episode; then let it stand."""
    training = train(options)
    long = balance(training.params, evaluated_starts(), LONG, options.quiet)
    if not options.plan:
        return Outcome(training, long)
    check = min(training.checks, key=lambda check: abs(check.steps - (
        training.steps if options.after is None else options.after)))
    return Outcome(training, long, plan_ahead(check.params, options.plan, options.quiet))
