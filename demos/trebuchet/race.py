"""CMA-ES and PPO beside ours, at trebuchets nobody knows: misses over real shots.

CMA-ES looks for a controller that aims, without a simulator, or for a correction of the nominal simulator's
aim; PPO of Stable-Baselines3 learns on `tinydp/Trebuchet-v0`, an episode of which is one shot. They shoot in
the same unknown worlds as the learner of `python -m demos trebuchet world`, and are judged at the same
targets.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from tinydp.sims import worlds
from tinydp.sims.gym import ID

from ..race.run import START, Controller, Course, Rival, Run
from ..race.stable import Lens, stable
from ..race.trial import demo
from .learner import Simulator, learning, surest
from .machine import ANGLES, CENTRE, HALF, WEIGHTS, WIND, settle
from .rivals import Correction, uncorrected
from .trial import REACHED, TASK_SEED, TASKS, told
from .trial import judge as judge_method
from .world import FIRST_WORLD

CLAIM = "such models learn better than by reinforcement learning, orders of magnitude faster."
TAKES = "a quarter of an hour"
SHOTS, PPO_SHOTS = 1500, 3000            # real ones

# ---------------------------------------------------------------------------- the judge


def median_miss(world: Any, controller: Controller, episodes: int) -> float:
    """Of the targets within reach of this world's machine, in m; with a minus sign, since more is better."""
    _, targets, landings = worlds.evaluate(world, controller, episodes, TASK_SEED).lasts.T
    within = np.array(within_reach(worlds.reveal(world), episodes))
    return -float(np.median(np.abs(landings - targets)[within]))


@functools.cache
def within_reach(truth: Any, tasks: int) -> tuple[bool, ...]:
    """Which of the tasks the truth can hit."""
    world = worlds.make("trebuchet", **truth._asdict())
    return tuple(bool(abs(miss) < REACHED) for miss in judge_method(world, told(world)[0], tasks).misses)


# ---------------------------------------------------------------------------- rivals


def ours() -> Rival:
    """The learner of `learner.py`; a gradient counts as a simulated shot."""
    def learn(run: Run) -> None:
        for step in learning(run.make(), run.seed):
            def controller(seen: np.ndarray, belief: Any = step.belief) -> np.ndarray:
                return np.array(settle(surest(Simulator(), belief, float(seen[0]), float(seen[1])).raw))

            if not run.look(controller, step.gradients):
                return

    return Rival("ours", learn, 30, {"shots": 30})


Aiming = Callable[[np.ndarray, np.ndarray], np.ndarray]     # weights, observation -> angle and weight


def linear(weights: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Angle and counterweight by linear functions of wind and target, kept within their ranges."""
    terms = np.array([1.0, seen[0] / WIND, (seen[1] - CENTRE) / HALF])
    return np.array(settle(weights.reshape(2, 3) @ terms))


def evolution(name: str, size: int, aiming: Callable[[Simulator], Aiming], spread: float, shots: int,
              title: str) -> Rival:
    """CMA-ES, as the package `cma` has it: a candidate is worth the mean miss of `shots` shots.

    All candidates of a generation shoot in the same winds at the same targets, by the seeds of `reset`: no
    real weather would do them this favour, but without it chance outweighs the aim.
    """
    def learn(run: Run) -> None:
        import cma  # the extra `rl`

        rng, world, simulator = np.random.default_rng(run.seed), run.make(), Simulator()
        aim = aiming(simulator)
        days = itertools.count(1000 * (START + run.seed), shots)
        search = cma.CMAEvolutionStrategy(np.zeros(size), spread, {
            "seed": np.nan, "randn": lambda *shape: rng.normal(size=shape), "verbose": -9})
        for first_day in days:
            candidates, middle, misses = search.ask(), search.result.xfavorite, []
            for weights in candidates:
                misses.append(np.mean([miss(world, first_day + day, functools.partial(aim, weights))
                                       for day in range(shots)]))
                taken = simulator.shots + simulator.gradients
                if not run.look(functools.partial(aim, middle), taken):
                    return
            search.tell(candidates, misses)

    return Rival(name, learn, SHOTS, {"weights": size, "spread": spread, "shots": shots}, needs=("cma",),
                 source="cma, its defaults for all else", title=title)


def miss(world: Any, day: int, aim: Controller) -> float:
    """Of one shot at the target of that day, in m, as it was measured."""
    seen, _ = world.reset(seed=day)
    return -float(world.step(aim(seen))[1])


def corrected(simulator: Simulator) -> Aiming:
    """The nominal simulator's aim at another target: a linear correction, of 10 m for a weight of 1."""
    def aim(weights: np.ndarray, seen: np.ndarray) -> np.ndarray:
        vane, target = float(seen[0]), float(seen[1])
        constant, by_wind, by_landing = 10.0 * weights
        wanted = Correction(constant, by_wind, max(by_landing, -0.9 * HALF)).target(vane, target)
        return np.array(settle(uncorrected(simulator, vane, wanted).raw))

    return aim


# RL Zoo has no such machine: these, and those of CMA-ES, were chosen in the worlds of seeds 4000 to 4003.
PPO = {"n_timesteps": PPO_SHOTS, "n_steps": 100, "batch_size": 50, "n_epochs": 10,
       "learning_rate": "lin_0.001", "ent_coef": 0.0, "policy_kwargs": {"log_std_init": -1.0}}
LOWEST, RANGE = np.array([ANGLES[0], WEIGHTS[0]]), np.array([np.ptp(ANGLES), np.ptp(WEIGHTS)])
LENS = Lens(see=lambda seen: np.array([seen[0] / WIND, (seen[1] - CENTRE) / HALF], np.float32),
            act=lambda action: LOWEST + RANGE * (np.asarray(action, np.float64) + 1) / 2,
            reward=lambda reward: reward / 10, numbers=2, actions=2)


def make(seed: int) -> Any:
    """The environment that Gymnasium knows, in the world of that seed."""
    return gymnasium.make(ID, world=seed).unwrapped


COURSE = Course(
    "trebuchet", make, median_miss,
    rivals=(ours(),
            evolution("CMA-ES", 6, lambda simulator: linear, 0.5, 4, "CMA-ES, no simulator"),
            evolution("CMA-ES correction", 3, corrected, 0.3, 4, "CMA-ES, corrects the aim"),
            stable("PPO", PPO, "chosen in worlds 4000 to 4003", LENS)),
    enough=lambda ours: 2.0 * ours, margin="a miss at most twice as large",
    first_world=FIRST_WORLD, few=TASKS, episodes=TASKS, score="miss (m)", shown=lambda score: -score,
    digits=3, unit="shot", log_score=True)
DEMO = demo(COURSE, __doc__, CLAIM, __name__)
