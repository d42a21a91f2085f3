"""One unknown trebuchet: the learner and its rivals learn in it, and a judge who knows it scores them."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinydp.sims import worlds

from . import rivals
from .learner import PRIOR, Aim, Belief, Simulator, first, learn, refine, scaled, surest
from .machine import settle

SHOTS = (1, 3, 5, 10, 30)                        # after so many of them, the aim is judged
COMPARED = (10, 30)                              # ... and that of the rivals that fit
TASKS, FEW, TASK_SEED = 40, 10, 9000             # tasks are judged where the world's reach allows
REACHED = 0.01                                   # m: within reach is what the truth can hit

# ---------------------------------------------------------------------------- methods


class Effort(NamedTuple):
    """What a method took: real shots, shots in the simulator, gradients, processor seconds."""

    real: int
    simulated: int
    gradients: int
    seconds: float


class Method(NamedTuple):
    """How it aims, `aim(vane, target)`, after what effort."""

    name: str
    aim: Callable[[float, float], Aim]
    effort: Effort


def ours(world: Any, seed: int) -> tuple[list[Method], list[Any]]:
    """The learner, judged after each number of `SHOTS`, and its steps."""
    steps = learn(world, max(SHOTS), seed)
    return [Method(f"ours {n}", lambda vane, target, belief=steps[n - 1].belief: surest(
                       Simulator(), belief, vane, target),
                   Effort(n, 0, steps[n - 1].gradients, steps[n - 1].seconds)) for n in SHOTS], steps


def others(world: Any, seed: int) -> tuple[list[Method], list[Any]]:
    """The rivals, and their shots."""
    shots = rivals.practise(world, max(SHOTS), seed)

    def nominal(vane: float, target: float) -> Aim:
        return rivals.uncorrected(Simulator(), vane, target)

    def fitted(belief: Belief) -> Callable[[float, float], Aim]:
        return lambda vane, target: first(Simulator(), belief, vane, target)

    def method(name: str, n: int, learned: Callable[[Simulator], Callable[[float, float], Aim]]) -> Method:
        simulator, began = Simulator(), time.process_time()
        aim = learned(simulator)
        return Method(f"{name} {n}", aim, Effort(n, simulator.shots, simulator.gradients,
                                                 time.process_time() - began))

    def line(simulator: Simulator, n: int) -> Callable[[float, float], Aim]:
        correction = rivals.correct(simulator, shots[:n])
        return lambda vane, target: nominal(vane, correction.target(vane, target))

    return [
        Method("nominal 0", nominal, Effort(0, 0, 0, 0.0)),
        *(method("linear", n, lambda simulator, n=n: line(simulator, n)) for n in SHOTS),
        *(method("derivative-free", n, lambda simulator, n=n: fitted(
            rivals.without_derivatives(simulator, shots[:n]))) for n in COMPARED),
        *(method("gradients alone", n, lambda simulator, n=n: fitted(
            refine(simulator, shots[:n], PRIOR))) for n in COMPARED),
    ], shots


def told(world: Any) -> tuple[Method, np.ndarray]:
    """Who knows the true parameters, and these, as the learner scales them."""
    real = worlds.reveal(world)
    truth = scaled(real.drag, real.ball_mass, real.wind_bias, real.pivot_friction)
    return Method("truth 0", lambda vane, target: first(
        Simulator(), Belief(truth, rivals.CERTAIN), vane, target), Effort(0, 0, 0, 0.0)), truth


# ---------------------------------------------------------------------------- one world


class Trial(NamedTuple):
    """One world: by how much every method missed, and what the learner came to believe.

    Names of methods end in the number of shots. `misses` are landings minus targets, in m, over the n
    tasks within reach; of the learner, `errors` are landings minus predicted ones, `spreads` the
    predicted standard deviations. `aims` (shots, 2) are angles and weights of its shots, `practice` of
    its rivals'. `truth` and `unknown` are scaled.
    """

    seed: int
    truth: np.ndarray
    unknown: np.ndarray
    covariance: np.ndarray
    misses: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    spreads: dict[str, np.ndarray]
    efforts: dict[str, Effort]
    aims: np.ndarray
    practice: np.ndarray

    def median(self, name: str) -> float:
        """Of the misses, in m."""
        return float(np.median(np.abs(self.misses[name])))


def try_world(seed: int) -> Trial:
    """Learn in the world of that seed, let the rivals learn in the same, and judge all of them."""
    world = worlds.make("trebuchet", seed)
    methods, steps = ours(world, seed)
    compared, practice = others(worlds.make("trebuchet", seed), seed)
    knowing, truth = told(world)
    judged = {method.name: judge(world, method, TASKS) for method in (*methods, *compared, knowing)}
    within = np.abs(judged[knowing.name].misses) < REACHED
    belief = steps[-1].belief
    return Trial(
        seed, truth, belief.unknown, belief.covariance,
        misses={name: found.misses[within] for name, found in judged.items()},
        errors={method.name: judged[method.name].errors[within] for method in methods},
        spreads={method.name: judged[method.name].spreads[within] for method in methods},
        efforts={method.name: method.effort for method in (*methods, *compared)},
        aims=np.array([settle(step.shot.aim) for step in steps]),
        practice=np.array([settle(shot.aim) for shot in practice]))


class Judged(NamedTuple):
    """Of n tasks, each (n,): landing minus target, landing minus predicted, predicted deviation."""

    misses: np.ndarray
    errors: np.ndarray
    spreads: np.ndarray


def judge(world: Any, method: Method, tasks: int) -> Judged:
    """True landings, of tasks that are the same for all methods and worlds."""
    aims: list[Aim] = []

    def controller(observation: np.ndarray) -> np.ndarray:
        vane, target, _ = map(float, observation)
        aims.append(method.aim(vane, target))
        return np.array(settle(aims[-1].raw))

    _, targets, landings = worlds.evaluate(world, controller, tasks, TASK_SEED).lasts.T
    return Judged(landings - targets, landings - [aim.landing for aim in aims],
                  np.array([aim.spread for aim in aims]))


def try_honesty(seed: int) -> dict[str, np.ndarray]:
    """Errors of the learner in predicted standard deviations, in one more world, by `COMPARED` shots."""
    world = worlds.make("trebuchet", seed)
    methods, _ = ours(world, seed)
    within = np.abs(judge(world, told(world)[0], FEW).misses) < REACHED
    judged = {method.name: judge(world, method, FEW) for method in methods if method.effort.real in COMPARED}
    return {name: (found.errors / found.spreads)[within] for name, found in judged.items()}
