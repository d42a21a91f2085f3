"""A `World`: all that a learner may touch is `reset`, `step` and a count of real steps.

Behind it is a *machine*, which has the physics, in state that changes: `start(rng)` begins an episode,
`step(action)` goes on and tells whether it has ended by itself, `sense()` is what its sensors would
measure without noise, `noise` the standard deviation of each. `show(sensed)` makes the observation and
`reward(before, action, after)` the reward, both of what was sensed, with its noise. An episode ends
after `longest` steps at the latest. Any such machine can be put behind a world:

    >>> class Coin:
    ...     longest, noise = 1, np.zeros(1)
    ...     action_space, observation_space = spaces.Discrete(2), spaces.Box(0.0, 1.0, (1,), np.float64)
    ...     def start(self, rng): self.side = float(rng.integers(2))
    ...     def step(self, action): return True
    ...     def sense(self): return np.array([self.side])
    ...     def show(self, sensed): return sensed
    ...     def reward(self, before, action, after): return float(action == after[0])
    >>> world = World(Coin())
    >>> observation, _ = world.reset(seed=1)
    >>> world.step(int(observation[0]))[1], world.real_steps
    (1.0, 1)

What a judge may do, and a learner may not, are functions beside it: `evaluate` runs a controller on a
copy of the machine and scores it by the truth, and `reveal` says what the truth is.

    >>> evaluate(world, lambda observation: 1, episodes=100, seed=0).returns.mean(), world.real_steps
    (np.float64(0.61), 1)
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces

from ...ad.notebook import fields_html


class Physics(Protocol):
    """What has the physics: any class with these methods; see the head of this file.

    `longest` is in steps; `noise` has the standard deviation of each number that is sensed, in its unit.

        >>> from tinydp.sims.worlds import machine
        >>> pendulum = machine("pendulum")
        >>> pendulum.start(np.random.default_rng(0))
        >>> pendulum.step(np.array([2.0])), pendulum.sense().shape           # not ended; θ and ω
        (False, (2,))
    """

    longest: int
    action_space: spaces.Space
    observation_space: spaces.Space
    noise: np.ndarray

    def start(self, rng: np.random.Generator) -> None:
        """Begin an episode."""

    def step(self, action: Any) -> bool:
        """Go on for one step; whether the episode has ended by itself."""

    def sense(self) -> np.ndarray:
        """What would be measured without noise."""

    def show(self, sensed: np.ndarray) -> Any:
        """The observation that is made of it."""

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        """Of a step, by what was sensed before and after."""


class World(gymnasium.Env):
    """A machine that a learner can only use: a Gymnasium environment that counts its steps.

    `real_steps` counts all steps since the world was made. Start states are drawn from the seed of
    `reset`, as in Gymnasium; noise is drawn from a stream of its own. `ResetNeeded` is raised by a step
    before the first reset, or after an episode's end. The dictionary `info` is empty.

        >>> from tinydp.sims.worlds import make
        >>> world = make("swingup", seed=0)
        >>> observation, _ = world.reset(seed=0)
        >>> observation, reward, terminated, truncated, _ = world.step(np.array([1.0]))
        >>> observation.shape, world.real_steps
        ((5,), 1)
    """

    def __init__(self, machine: Physics):
        self.__machine = machine
        self.__noise: np.random.Generator | None = None
        self.__sensed: np.ndarray | None = None          # None: nothing runs
        self.__elapsed = self.__count = 0
        self.action_space, self.observation_space = machine.action_space, machine.observation_space

    @property
    def real_steps(self) -> int:
        """How many steps were taken, in all episodes."""
        return self.__count

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict]:
        """Begin an episode; returns the first observation, and an empty dictionary. There are no options."""
        super().reset(seed=seed)
        if seed is not None or self.__noise is None:
            self.__noise = np.random.default_rng(None if seed is None else [seed, 1])
        self.__machine.start(self.np_random)
        self.__elapsed, self.__sensed = 0, self.__measure()
        return self.__machine.show(self.__sensed), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Observation, reward, whether the episode ended by itself, or by its length, and an empty
        dictionary.

        Raises `gymnasium.error.ResetNeeded` if no episode runs.
        """
        if self.__sensed is None:
            raise gymnasium.error.ResetNeeded("no episode runs: call reset before step")
        before, terminated = self.__sensed, self.__machine.step(action)
        self.__count += 1
        self.__elapsed += 1
        sensed = self.__measure()
        truncated = not terminated and self.__elapsed >= self.__machine.longest
        self.__sensed = None if terminated or truncated else sensed
        reward = float(self.__machine.reward(before, action, sensed))
        return self.__machine.show(sensed), reward, terminated, truncated, {}

    def __measure(self) -> np.ndarray:
        assert self.__noise is not None
        sensed = self.__machine.sense()
        return sensed + self.__machine.noise * self.__noise.normal(size=sensed.shape)


# ---------------------------------------------------------------------------- for the judge alone

class Evaluation(NamedTuple):
    """n episodes of a controller, by the truth.

    `returns` (n,) are sums of rewards without noise, `lengths` (n,) are in steps; `firsts` and `lasts`,
    (n, k), are what was sensed, without noise, before the first and after the last step.

        >>> sensed = np.zeros((2, 4))
        >>> found = Evaluation(np.array([-3.0, -1.0]), np.array([200, 150]), firsts=sensed, lasts=sensed)
        >>> found.steps, found.returns.mean()
        (350, np.float64(-2.0))
    """

    returns: np.ndarray
    lengths: np.ndarray
    firsts: np.ndarray
    lasts: np.ndarray

    @property
    def steps(self) -> int:
        """Steps taken in all; they are no steps of learning."""
        return int(self.lengths.sum())

    def _repr_html_(self) -> str:
        return fields_html(self)         # in a notebook


def evaluate(world: World, controller: Callable[[Any], Any], episodes: int, seed: int = 0) -> Evaluation:
    """Run `controller(observation) -> action` from the starts of seeds `seed`, `seed + 1`, ...

    The controller sees the noise as ever, but is scored by the truth. The world's own episode and its
    count of real steps stay as they are. A controller with memory has a method `begin()`, called before
    each episode. Returns an `Evaluation`, with `episodes` rows.

        >>> from tinydp.sims.worlds import make
        >>> found = evaluate(make("cartpole", seed=0), lambda observation: 1, episodes=2)
        >>> found.lengths.shape, bool(np.all(found.lengths < 20))             # always to the right: it falls
        ((2,), True)
    """
    machine = copy.deepcopy(_machine_of(world))
    begin = getattr(controller, "begin", lambda: None)
    rows = []
    for k in range(seed, seed + episodes):
        observed = World(machine)
        observation, _ = observed.reset(seed=k)
        first = before = machine.sense()
        begin()
        total, ended = 0.0, False
        while not ended:
            action = controller(observation)
            observation, _, terminated, truncated, _ = observed.step(action)
            after = machine.sense()
            total += float(machine.reward(before, action, after))
            before, ended = after, terminated or truncated
        rows.append((total, observed.real_steps, first, before))
    return Evaluation(*map(np.array, zip(*rows, strict=True)))


def reveal(world: World) -> Any:
    """The machine's true parameters, a `Truth`: for judges, and for baselines that are told the truth.

        >>> from tinydp.sims.worlds import make
        >>> reveal(make("pendulum", mass=1.2)).mass
        1.2
    """
    return _machine_of(world).truth


def _machine_of(world: World) -> Any:
    return world._World__machine                         # type: ignore[attr-defined]
