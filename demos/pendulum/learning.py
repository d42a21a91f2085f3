"""The training: windows through the physics, and in episode mode the one episode that runs meanwhile."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from .. import command
from ..checkpoints import Keeper
from ..command import Options
from ..schedule import averaged, checks_until
from ..seconds import Clock, Seconds
from .machine import (
    CHECKS,
    EPISODE,
    HANGING_STARTS,
    HANGING_WITHIN,
    IMAGINED,
    LIMIT,
    MEMORY,
    VALIDATION,
    Recipe,
    controller,
    draw_hanging,
    draw_starts,
    gradient_of_loss,
    horizon,
    network,
    new_controller,
    recipe,
    returns,
    spread_hanging,
    spread_starts,
)


class Check(NamedTuple):
    """The average controller after so many updates, and its mean return from starts spread evenly.

    `hanging` is that from starts near hanging, where the recipe has any. `imagined` is that from states
    of the one episode, known when the training is over.
    """

    update: int
    mean_return: float
    params: Params
    imagined: float = 0.0
    hanging: float = 0.0


class Run(NamedTuple):
    """Steps of one pendulum: angle from upright in rad, rate in rad/s and torque in N m, each (n,)."""

    theta: np.ndarray
    rate: np.ndarray
    torque: np.ndarray

    @property
    def total(self) -> float:
        """The return."""
        return float(-np.sum(cost(State(self.theta, self.rate), self.torque)))


class Training(NamedTuple):
    """A training after so many updates: all that its next update depends on, and what it took.

    Updates change `params`; the controller is their running `average`, which is steadier.
    `episode` is the one that runs meanwhile, up to the state that it is in, `now`; in batch mode it
    stays empty.
    """

    update: int
    params: Params
    average: Params
    optimiser: AdamState
    rng: np.random.Generator
    now: State
    episode: Run
    checks: list[Check]              # the first is before the first update
    training_steps: int
    validation_steps: int
    seconds: Seconds

GOALS = ("goal", "everywhere")           # of a recipe: no training depends on them
KINDS = (Training, State, Run, Check, Layer, AdamState, Seconds)          # that a training is made of


def settings(options: Options) -> dict[str, Any]:
    """All that a training depends on; how it is judged then is not among them."""
    how = recipe(options)
    trained = {name: value for name, value in how._asdict().items() if name not in GOALS}
    return {"seed": options.seed, "mode": options.mode, "recipe": trained, "net": network(how).sizes,
            "limit": LIMIT, "memory": MEMORY, "checks": CHECKS, "validation": VALIDATION,
            "hanging": [*HANGING_STARTS, *HANGING_WITHIN] if how.hanging else None}


def train(options: Options) -> Training:
    """Train as the mode does; or go on where a run was interrupted."""
    how = recipe(options)
    keeper = Keeper(options.out / f"{options.mode}-{options.seed}.npz", "pendulum", settings(options),
                    KINDS)
    training = keeper.load(options.fresh)
    if training is None:
        with command.working("starting", options.quiet):
            training = begin(options.seed, how)
    else:
        command.note(f"Going on after update {training.update:,} of {how.updates:,}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    if training.update < how.updates:
        training = compiled(training, how, options.quiet)
    with command.progress(how.updates, "updates", "training", options.quiet, initial=training.update) as bar:
        while training.update < how.updates:
            training, value = improve(training, how, alive=options.mode == "episode")
            keeper.keep(training, finished=training.update == how.updates)
            spread = training.checks[-1].mean_return
            bar.set_postfix_str(f"cost {value:.2f}, from spread starts {spread:.0f}", False)
            bar.update()
    if options.mode == "batch":
        return training
    with command.working("comparing", options.quiet):
        return compared(training)


def compiled(training: Training, how: Recipe, quiet: bool) -> Training:
    """The same, once the gradient of a batch of windows is compiled, or found where it was before."""
    clock, rest = Clock(training.seconds), State(*np.zeros((2, how.windows)))
    with command.working("compiling the gradient", quiet):
        gradient_of_loss(training.params, rest, np.zeros((how.horizon[-1], how.windows)),
                         np.zeros(how.horizon[-1]))
    return training._replace(seconds=clock.seconds)


def compared(training: Training) -> Training:
    """Each controller of the training tried from states of its episode, from which it learned."""
    clock, episode = Clock(training.seconds), training.episode
    which = np.linspace(0, len(episode.torque) - 1, IMAGINED).round().astype(int)
    visited = State(episode.theta[which], episode.rate[which])
    checks = [check._replace(imagined=float(np.mean(returns(check.params, visited))))
              for check in training.checks]
    return training._replace(checks=checks, seconds=clock.seconds)


def begin(seed: int, how: Recipe) -> Training:
    """The training before its first update, with the pendulum where Gymnasium would start it."""
    rng = np.random.default_rng(seed)
    params = new_controller(rng, network(how))
    return Training(0, params, params, Adam().init(params), rng, gymnasium_start(seed),
                    Run(*np.zeros((3, 0))), [check(0, params, how)], 0, steps_of_check(how), Seconds())


def improve(training: Training, how: Recipe, alive: bool) -> tuple[Training, float]:
    """The training after one more update, and the mean cost of a step that counted.

    An episode that is alive goes on meanwhile.
    """
    clock = Clock(training.seconds)
    k, params, average, state, rng, now, episode, checks, steps, validated, _ = training
    starts = draw_visited(rng, how.windows, now, episode) if alive else draw_windows(rng, how)
    pushes = rng.normal(0.0, how.push, (how.horizon[-1], how.windows))
    counted = horizon(how, k)
    weights = np.where(np.arange(len(pushes)) < counted, 1.0, 0.0)
    value, gradient = gradient_of_loss(params, starts, pushes, weights)
    optimiser = Adam(cosine(*how.rate, how.updates))
    params, state = optimiser.step(params, clip_by_norm(gradient, LIMIT), state)
    k += 1
    average = averaged(average, params, k, MEMORY)
    while alive and len(episode.torque) < k * EPISODE // how.updates:
        now, episode = live(average, rng, how, now, episode)
    if checks_until(k, how.updates, CHECKS) > checks_until(k - 1, how.updates, CHECKS):
        checks = [*checks, check(k, average, how)]
        validated += steps_of_check(how)
    return Training(k, params, average, state, rng, now, episode, checks, steps + pushes.size, validated,
                    clock.seconds), value / counted


def live(params: Params, rng: np.random.Generator, how: Recipe, now: State, episode: Run
         ) -> tuple[State, Run]:
    """One more step of the running episode: its new state, and what is past."""
    limit = STANDARD.max_torque
    if len(episode.torque) < how.down:
        torque = let_down(now)
    else:
        torque = np.clip(controller(params, observe(now)) + rng.normal(0.0, how.push), -limit, limit)
    past = (np.append(old, new) for old, new in zip(episode, (*now, torque), strict=True))
    return step(now, torque), Run(*past)


def let_down(now: State) -> float:
    """The torque that brings the rod to where learning begins: over, if it is above, and then to rest."""
    theta, rate = now
    return STANDARD.max_torque * float(np.sign(np.sin(theta) if np.cos(theta) > 0 else -rate))


def draw_visited(rng: np.random.Generator, n: int, now: State, episode: Run) -> State:
    """States of the episode up to now, each as likely: two arrays of shape (n,)."""
    which = rng.integers(len(episode.torque) + 1, size=n)
    return State(np.append(episode.theta, now.theta)[which], np.append(episode.rate, now.rate)[which])


def draw_windows(rng: np.random.Generator, how: Recipe) -> State:
    """Starts anywhere, and the recipe's share of them near hanging: two arrays of shape (windows,)."""
    near = round(how.hanging * how.windows)
    return join(draw_starts(rng, how.windows - near), draw_hanging(rng, near))


def join(some: State, others: State) -> State:
    """Both, one after the other."""
    return State(np.append(some.theta, others.theta), np.append(some.rate, others.rate))


def gymnasium_start(seed: int) -> State:
    """Where `env.reset(seed=seed)` starts."""
    import gymnasium

    with gymnasium.make("Pendulum-v1") as env:
        env.reset(seed=seed)
        theta, rate = env.unwrapped.state        # type: ignore[attr-defined]
    return State(float(theta), float(rate))


@functools.cache
def gymnasium_starts(seeds: range) -> State:
    """Those of many seeds: two arrays of shape (n,)."""
    return State(*np.array([gymnasium_start(seed) for seed in seeds]).T)


def check(update: int, params: Params, how: Recipe) -> Check:
    """The mean return from the validation starts, and from those near hanging."""
    everywhere, hanging = validation_starts(how)
    found, n = returns(params, join(everywhere, hanging)), len(everywhere.theta)
    return Check(update, float(np.mean(found[:n])), params,
                 hanging=float(np.mean(found[n:])) if how.hanging else 0.0)


def validation_starts(how: Recipe) -> tuple[State, State]:
    """Those of a check, spread evenly, and those near hanging; none, where no side is told."""
    spread = spread_starts(*VALIDATION)
    if not how.hanging:
        return spread, State(*np.zeros((2, 0)))
    return join(spread, State(-spread.theta, -spread.rate)), spread_hanging(*HANGING_STARTS)


def steps_of_check(how: Recipe) -> int:
    """Simulator steps that one of them takes."""
    return EPISODE * sum(len(starts.theta) for starts in validation_starts(how))


def kept(training: Training, how: Recipe) -> Check:
    """The controller that the training results in; starts near hanging have the weight of their windows."""
    if how.choose:
        return max(training.checks, key=lambda check: (1 - how.hanging) * check.mean_return
                   + how.hanging * check.hanging)
    return max(training.checks, key=lambda check: (check.imagined, check.update))


def run(params: Params, state: State, steps: int = EPISODE, physics: Any = STANDARD,
        decide: Callable[[Params, Any], Any] = controller) -> Run:
    """An episode of the simulator, with these parameters, from `state`."""
    rows = []
    for _ in range(steps):
        torque = decide(params, observe(state))
        rows.append((*state, torque))
        state = step(state, torque, physics)
    return Run(*np.array(rows).T)
