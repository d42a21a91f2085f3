"""The training: a network's aims, and gradients of their misses through the machine and the flight."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, cosine
from tinydp.sims.trebuchet import simulate

from .. import command
from ..checkpoints import Keeper
from ..command import Options
from ..schedule import checks_until
from ..seconds import Clock, Seconds
from . import refine
from .aiming import MIDDLE
from .judging import EVALUATION_SEED, land, percent
from .machine import (
    ANGLES,
    NET,
    TARGETS,
    TRAINING_DT,
    WEIGHTS,
    WIND,
    between,
    draw_tasks,
    draw_tasks_within_reach,
    new_controller,
    parts,
    shot,
)

# ---------------------------------------------------------------------------- recipe

UPDATES = 2000
SHOTS = 64                      # in a batch
RATE = (2e-2, 2e-5)             # of Adam, from the first update to the last
MEMORY = 0.99                   # of Adam for squares: gradients become smaller quickly
FINE = 0.01                     # of a relative miss: smaller ones count by their square
CHECKS = 30                     # how often in a training the misses are measured, more often at first ...
VALIDATION = 200                # ... over so many targets


# ---------------------------------------------------------------------------- the network

def loss(params: Params, winds: np.ndarray, targets: np.ndarray, through: int = 0) -> Any:
    """The mean relative miss, rounded off near 0 so that small misses settle.

    A target out of reach pulls no harder than any other: it teaches the furthest shot. With `through`, the
    misses after so many of Newton's steps are added, whose gradient has second derivatives of the shot.
    """
    total = 0.0
    for k, landings in enumerate(landings_of(params, winds, targets, through)):
        misses = (landings - targets) / targets
        total = total + np.mean(np.sqrt(misses**2 + FINE**2**(k + 1)))     # a step squares a miss
    return total


def landings_of(params: Params, winds: np.ndarray, targets: np.ndarray, through: int) -> list[Any]:
    """Where the network's aims land, in m, (n,), and those after one step, two, ..., `through`."""
    aims = parts(params, winds, targets)
    if through:
        rows = [refine.way(through)(aims[i], float(wind), float(targets[i])) for i, wind in enumerate(winds)]
        return list(np.stack(rows, axis=1))
    angles, weights = between(aims)
    return [np.stack([shot(float(wind), angles[i], weights[i], TRAINING_DT) for i, wind in enumerate(winds)])]


# ---------------------------------------------------------------------------- training

Land = Callable[[Params, np.ndarray, np.ndarray, float], np.ndarray]     # as `land`, by any controller


class Check(NamedTuple):
    """The misses after so many updates, in %: of half, and of 95 in 100, of the targets."""

    update: int
    median: float
    last: float


class Training(NamedTuple):
    """A training after so many updates: all that its next update depends on, and what it took."""

    update: int
    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    checks: list[Check]              # the first is before the first update
    seconds: Seconds


KINDS = (Training, Check, Layer, AdamState, Seconds)          # that a training is made of


def settings(options: Options) -> dict[str, Any]:
    """All that a training depends on; how it is judged then is not among them."""
    return {"seed": options.seed, "updates": options.updates, "net": NET.sizes, "shots": SHOTS,
            "rate": RATE, "memory": MEMORY, "fine": FINE, "dt": TRAINING_DT, "angles": ANGLES,
            "weights": WEIGHTS, "wind": WIND, "targets": TARGETS, "checks": CHECKS,
            "through": options.through}


def train(options: Options) -> Training:
    """Adam on the gradient of `loss`, with new tasks at every update; or where a run was interrupted."""
    updates = options.updates
    keeper = Keeper(options.out / f"training-{options.seed}.npz", "trebuchet", settings(options),
                    kinds=KINDS)
    optimiser = adam(updates)
    training = keeper.load(options.fresh) or begin(options.seed, optimiser)
    if training.update:
        command.note(f"Going on after {command.count(training.update, 'update')}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    with command.progress(SHOTS * updates, "shots", "training", options.quiet,
                          initial=SHOTS * training.update) as bar:
        while training.update < updates:
            training, value = improve(training, optimiser, options)
            keeper.keep(training, finished=training.update == updates)
            bar.set_postfix_str(f"loss {100 * value:.2f} %, half miss by less than "
                                f"{training.checks[-1].median:.2g} %", False)
            bar.update(SHOTS)
    return training


def adam(updates: int) -> Adam:
    """The optimiser of a training of so many updates."""
    return Adam(cosine(*RATE, updates), beta2=MEMORY)


def begin(seed: int, optimiser: Adam) -> Training:
    """The training before its first update."""
    rng = np.random.default_rng(seed)
    params = new_controller(rng)
    return Training(0, params, optimiser.init(params), rng, [check(0, params)], Seconds())


def improve(training: Training, optimiser: Adam, options: Options) -> tuple[Training, float]:
    """The training after one more update, and the loss before it."""
    clock = Clock(training.seconds)
    k, params, state, rng, checks, _ = training
    value, gradient = dp.value_and_grad(loss)(params, *draw_tasks(rng, SHOTS), options.through)
    params, state = optimiser.step(params, gradient, state)
    if checks_until(k + 1, options.updates, CHECKS) > checks_until(k, options.updates, CHECKS):
        checks = [*checks, check(k + 1, params)]
    return Training(k + 1, params, state, rng, checks, clock.seconds), float(value)


def check(update: int, params: Params) -> Check:
    """How far the training is."""
    return Check(update, *validated(params, land))


def validated(params: Params, land: Land) -> tuple[float, float]:
    """The misses over other targets than those that judge: of half of them, and of 95 in 100, in %."""
    winds, targets, _ = draw_tasks_within_reach(EVALUATION_SEED + 1, VALIDATION)
    misses = percent(land(params, winds, targets, TRAINING_DT), targets)
    return float(np.median(misses)), float(np.percentile(misses, 95))


def steps_of_a_shot() -> int:
    """Steps of the simulator in a middling shot of the training."""
    return len(simulate(0.0, *map(float, between(MIDDLE)), dt=TRAINING_DT).ball.time) - 1
