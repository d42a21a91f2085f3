"""The training, step by step of an episode: windows near the visited states, and gradients of their cost."""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.cartpole import EPISODE, State, failed, observe, start, step

from .. import command
from ..checkpoints import Keeper
from ..command import Options
from ..seconds import Clock, Seconds
from .judging import balance, evaluate, evaluated_starts
from .network import NET, SCALE, controller

STARTS = 32                     # windows in a batch ...
NEAR = 0.1                      # ... which begin this near to a visited state, in units of SCALE
HORIZON = 60                    # steps in a window: 50 keep the cart near the middle too, 40 do not
COSTLY = np.array([2.4, 3.0, 0.4, 7.0])         # x, v, θ, ω: each costs its square, in these units
RATE = (3e-2, 3e-3)             # of Adam, from the first update to the last of the first episode
LIMIT = 1.0                     # on the gradient's norm
HASTE = (25, 2, 10)             # updates: in the first 25 steps 2 a step, then one every 10 steps


def updates_until(steps: int) -> int:
    """How many updates are due after so many steps of experience."""
    early, many, every = HASTE
    return many * min(steps, early) + max(0, steps - early) // every


def loss(params: Params, state: State, steps: int) -> Any:
    """What training makes small: the mean cost of a step under the controller, over all windows."""
    seen = [observe(state)]
    for _ in range(steps):
        state = step(state, controller(params, seen[-1]))
        seen.append(observe(state))
    return np.mean(np.sum((np.stack(seen) / COSTLY)**2, axis=-1))


def draw_windows(rng: np.random.Generator, visited: np.ndarray, near: float) -> State:
    """Starts of `STARTS` windows, this near to random ones of the visited states (n, 4).

    The surroundings teach how to come back: balanced, an episode itself hardly goes anywhere.
    """
    chosen = visited[rng.integers(len(visited), size=STARTS)]
    return State(*(chosen + near * SCALE * rng.normal(size=chosen.shape)).T)


class Check(NamedTuple):
    """The controller after so many steps of experience: its mean length of `EVALUATED`, simulated."""

    steps: int
    mean_length: float
    params: Params


class Episode(NamedTuple):
    """A training episode of so many steps, and the lengths (100,) of those that judged it after."""

    steps: int
    lengths: np.ndarray


class Training(NamedTuple):
    """A training after some steps of experience: all that the next depends on, and what it took."""

    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    state: State                     # of the cart-pole, now
    visited: np.ndarray              # the states before, (steps, 4), of all episodes
    episodes: list[Episode]          # those that are over
    checks: list[Check]              # the first is before the first step
    seconds: Seconds

    @property
    def steps(self) -> int:
        """Steps of experience, in all episodes."""
        return len(self.visited)

    @property
    def length(self) -> int:
        """Steps of the episode under way."""
        return self.steps - sum(episode.steps for episode in self.episodes)

    @property
    def over(self) -> bool:
        """Whether the episode under way is at its end."""
        return self.length == EPISODE or bool(failed(self.state))

    @property
    def solved(self) -> bool:
        """Whether all episodes that judged it reached their 500 steps."""
        return bool(self.episodes) and int(np.min(self.episodes[-1].lengths)) == EPISODE

    @property
    def mastered(self) -> int:
        """After how many steps of experience it balanced for good, as far as checked; if ever."""
        unsteady = [k for k, check in enumerate(self.checks) if check.mean_length < EPISODE]
        return self.checks[min(max(unsteady, default=-1) + 1, len(self.checks) - 1)].steps


KINDS = (Training, Check, Episode, Layer, AdamState, State, Seconds)       # that a training is made of


def settings(options: Options) -> dict[str, Any]:
    """All that the training depends on."""
    return {"seed": options.seed, "episodes": options.episodes, "near": options.near,
            "horizon": options.horizon, "net": NET.sizes, "scale": SCALE.tolist(), "starts": STARTS,
            "costly": COSTLY.tolist(), "rate": RATE, "limit": LIMIT, "haste": HASTE}


OPTIMISER = Adam(cosine(*RATE, updates_until(EPISODE)))


def train(options: Options, seed: int | None = None) -> Training:
    """Episode by episode, until all of Gymnasium's reach 500 steps; or go on after an interrupt."""
    seed = options.seed if seed is None else seed
    keeper = Keeper(options.out / f"training-{seed}.npz", "cartpole", settings(options) | {"seed": seed},
                    kinds=KINDS)
    training = keeper.load(options.fresh) or begin(seed)
    if training.steps:
        command.note(f"Going on after {command.count(training.steps, 'step')} of experience, kept in "
                     f"{keeper.path} (--fresh begins anew).", options.quiet)
    while not training.solved and len(training.episodes) < options.episodes:
        label = f"seed {seed}, episode {len(training.episodes) + 1}"
        with command.progress(EPISODE, "steps", label, options.quiet, initial=training.length) as bar:
            while not training.over:
                training = live(training, options)
                keeper.keep(training)
                bar.set_postfix_str(f"100 others stand {training.checks[-1].mean_length:.0f} steps", False)
                bar.update()
        training = conclude(training, evaluate(training.params, options.quiet))
        keeper.keep(training, finished=True)
    return training


def begin(seed: int) -> Training:
    """The training before its first step."""
    rng = np.random.default_rng(seed)
    params = NET.init(rng)
    return Training(params, OPTIMISER.init(params), rng, start(rng), np.empty((0, 4)), [],
                    [check(0, params)], Seconds())


def live(training: Training, options: Options) -> Training:
    """The training after one more step of its episode, and the updates before it."""
    clock = Clock(training.seconds)
    params, optimiser, rng, state, visited, episodes, checks, _ = training
    visited = np.vstack([visited, observe(state)])
    for _ in range(updates_until(len(visited)) - updates_until(len(visited) - 1)):
        windows = draw_windows(rng, visited, options.near)
        gradient = dp.grad(loss)(params, windows, options.horizon)
        params, optimiser = OPTIMISER.step(params, clip_by_norm(gradient, LIMIT), optimiser)
    state = step(state, controller(params, observe(state).astype(np.float32)))
    training = Training(params, optimiser, rng, state, visited, episodes, checks, clock.seconds)
    if check_due(len(visited)) or training.over:
        checks = [*checks, check(len(visited), params)]
    return training._replace(checks=checks)


def check_due(steps: int) -> bool:
    """The learning curve has a point after each of the first 32 steps, then at 64, 128, 256, ..."""
    return steps <= 32 or steps.bit_count() == 1


def check(steps: int, params: Params) -> Check:
    """Where the learning curve is now; nothing in the training depends on it."""
    return Check(steps, float(np.mean(balance(params, evaluated_starts(), EPISODE).lengths)), params)


def conclude(training: Training, lengths: np.ndarray) -> Training:
    """The training at the start of its next episode, the last one judged by these lengths."""
    episodes = [*training.episodes, Episode(training.length, lengths)]
    return training._replace(episodes=episodes, state=start(training.rng))
