"""Practice: how soon the controller swings the pole up, in the nominal simulator alone, without a real step.

It is the training that the demo begins with, looked at as it goes on, for several seeds: after every few
updates the averaged controller is tried from 100 hanging starts, in the same simulator.

    >>> from demos.swingup.machine import new_controller
    >>> state = start(np.random.default_rng(0), 3)
    >>> untrained = new_controller(np.random.default_rng(0))
    >>> returned, up = tried(untrained, state)
    >>> up, bool(returned < 10)
    (0, True)
"""

import time
from typing import NamedTuple

import numpy as np

from tinydp.nn import Params
from tinydp.sims.swingup import EPISODE, State, cost, failed, observe, start, step

from ..checkpoints import Keeper
from ..command import Options, progress
from ..worlds.belief import prior
from ..worlds.learner import Learner
from .machine import HELD, TASK, UP, controller

STARTS, SEED = 100, 2026        # of a trial: how many, and the seed that draws them
EVERY = 20                      # updates from one trial to the next
UPDATES = 400                   # of practice, on the schedule of a whole run


class Check(NamedTuple):
    """After so many updates and processor seconds: mean return, and how many of the starts end held."""

    update: int
    seconds: float
    mean_return: float
    held: int


def tried(params: Params, state: State) -> tuple[float, int]:
    """The mean return of episodes in the simulator, and how many hold the pole for all of the last 2 s."""
    n = len(state.x)
    total, held, left = np.zeros(n), np.full(n, True), np.full(n, False)
    for k in range(EPISODE):
        state = step(state, controller(params, observe(state)))
        left |= failed(state)
        total += np.where(left, 0.0, 1.0 - cost(state))
        if k >= EPISODE - HELD:
            held &= np.cos(state.theta) > UP
    return float(np.mean(total)), int(np.sum(held & ~left))


def practise(learner: Learner, seed: int) -> list[Check]:
    """One training, tried as it goes on. Compiling, which is done once, and trials are not in its seconds."""
    starts, physics = start(np.random.default_rng(SEED), STARTS), learner.task.physics(prior(TASK.model))
    training = learner.begin(seed).training
    learner.improve(training, physics, 1)                # compiles
    checks, seconds = [Check(0, 0.0, *tried(training.average, starts))], 0.0
    while training.count < UPDATES:
        began = time.process_time()
        training = learner.improve(training, physics, EVERY)
        seconds += time.process_time() - began
        checks.append(Check(training.count, seconds, *tried(training.average, starts)))
    return checks


def practices(options: Options) -> list[list[Check]]:
    """Of as many seeds as the user wants; what was done before is not done again."""
    seeds = range(options.seed, options.seed + options.curves)
    keeper = Keeper(options.out / f"practice-{options.seed}.npz", "swingup practice",
                    {"seed": options.seed, "updates": UPDATES, "recipe": TASK.recipe._asdict()}, [Check])
    curves = (keeper.load(options.fresh) or [])[: len(seeds)]
    learner = Learner(TASK)
    with progress(len(seeds), "seeds", "practice", options.quiet, initial=len(curves)) as bar:
        for seed in seeds[len(curves):]:
            curves.append(practise(learner, seed))
            keeper.keep(curves, finished=True)
            bar.update()
    return curves


def mastered(checks: list[Check]) -> Check | None:
    """The first trial from which on all starts are held; None if the last one is not so."""
    good = [check.held == STARTS for check in checks]
    if not good[-1]:
        return None
    return checks[len(good) - good[::-1].index(False)] if False in good else checks[0]
