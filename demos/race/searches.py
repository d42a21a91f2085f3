"""Searches in NumPy that see of an episode nothing but its return.

- *Random search*: linear controllers with weights drawn from [-1, 1]; the best so far is kept. CartPole-v1
  takes it some dozens of episodes, so whoever claims few episodes there claims little.
- *The cross-entropy method* (Rubinstein 1999; as in Szita and Lőrincz, Learning Tetris, 2006): a Gaussian of
  controllers, drawn towards the best few of each generation. Their variance is kept up by an extra one, which
  fades. The mean is what was learned.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .run import START, Controller, Rival, Run


class Policy(NamedTuple):
    """`act(weights, observation)` is an action, for weights of that `size`."""

    size: int
    act: Callable[[np.ndarray, np.ndarray], Any]

    def controller(self, weights: np.ndarray) -> Controller:
        """With these weights."""
        return lambda observation: self.act(weights, observation)


def push(inputs: int) -> Policy:
    """1 or 0, by the sign of a weighted sum of what is seen."""
    return Policy(inputs, lambda weights, seen: int(weights @ seen > 0))


def network(inputs: int, hidden: int, scale: np.ndarray, strongest: float) -> Policy:
    """A layer of tanh, and one output within ± `strongest`; observations are divided by `scale`."""
    split = (hidden * inputs, hidden * (inputs + 1), hidden * (inputs + 2))

    def act(weights: np.ndarray, seen: np.ndarray) -> np.ndarray:
        inner, shift, outer, bias = np.split(weights, split)
        layer = np.tanh(inner.reshape(hidden, inputs) @ (seen / scale) + shift)
        return strongest * np.tanh(outer @ layer + bias)

    return Policy(hidden * (inputs + 2) + 1, act)


class Trials:
    """Episodes in the world of a run, one after the other."""

    def __init__(self, run: Run):
        self.world, self.seed = run.make(), START + run.seed

    def score(self, controller: Controller) -> float:
        """The return of one episode, as it was measured."""
        observation, _ = self.world.reset(seed=self.seed)
        self.seed, total, ended = None, 0.0, False               # type: ignore[assignment]
        while not ended:
            observation, reward, terminated, truncated, _ = self.world.step(controller(observation))
            total, ended = total + reward, terminated or truncated
        return total


def random_search(policy: Policy, budget: int) -> Rival:
    """The best of random weights."""
    def learn(run: Run) -> None:
        rng, trials = np.random.default_rng(run.seed), Trials(run)
        best, highest = np.zeros(policy.size), -np.inf
        while run.look(policy.controller(best)):
            weights = rng.uniform(-1.0, 1.0, policy.size)
            if (score := trials.score(policy.controller(weights))) > highest:
                best, highest = weights, score

    return Rival("random", learn, budget, {"weights": "uniform in [-1, 1]", "episodes": 1},
                 title="random linear search")


def cross_entropy(policy: Policy, budget: int, population: int, best: int, spread: float = 1.0,
                  extra: float = 0.2, source: str = "") -> Rival:
    """Generations of `population` controllers, one episode each; the `best` of them make the next Gaussian.

    `spread` is the first standard deviation; `extra` is added to it, and fades to 0 at the budget.
    """
    def learn(run: Run) -> None:
        rng, trials = np.random.default_rng(run.seed), Trials(run)
        mean, deviation = np.zeros(policy.size), np.full(policy.size, spread)
        while run.look(policy.controller(mean)):
            more = extra * (1.0 - run.real / run.budget)
            candidates = mean + np.hypot(deviation, more) * rng.normal(size=(population, policy.size))
            scores = []
            for weights in candidates:
                scores.append(trials.score(policy.controller(weights)))
                if not run.look(policy.controller(mean)):
                    return
            elite = candidates[np.argsort(scores)[-best:]]
            mean, deviation = elite.mean(axis=0), elite.std(axis=0)

    return Rival("CEM", learn, budget, {"population": population, "best": best, "spread": spread,
                                        "extra": extra, "weights": policy.size}, source,
                 title="cross-entropy method")
