"""A pendulum nobody knows is swung up: while its one real episode runs, data refine the simulator.

The rod may be heavier or longer than drawn, the motor weaker, the bearing rough, and the sensors are noisy.
A controller that was trained in the nominal simulator drives from the first step. Its 200 real steps tell
what the machine is like, by gradients through the simulator; and meanwhile the controller is trained on
through the simulator as it is known by then. What depends on the angle (`--cogging`, `--rubbing`) no
parameter can explain: there a network inside the simulator takes part, once it has foretold more. Beside it
stand the controller with which the episode began, and one that had the true physics throughout.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD, Friction, State
from tinydp.sims.worlds import Evaluation

from .. import command, style
from ..command import Column, Options
from ..worlds.belief import Model, Unknown
from ..worlds.learner import Exam, Learning, Physics, Recipe, Task
from ..worlds.trial import WHO, Machine, demo
from . import bent
from .machine import EPISODE, UP, controller, cost_of_run, draw_starts, new_controller

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLAIM = "one episode of 200 steps is enough; but there the simulator was the world."
TAKES = "two minutes"

# ---------------------------------------------------------------------------- the simulator and its unknowns

# A motor that is stronger by a factor acts like a rod that is lighter by it, with less friction: no
# measurement tells the two apart. So the motor is taken as it was drawn, and the rest relative to it.
UNKNOWNS = (Unknown("length", 1.0, 0.2), Unknown("mass", 1.0, 0.35), Unknown("viscous", 0.0, 0.15),
            Unknown("coulomb", 0.0, 0.25))


def params(known: dict[str, Any]) -> Any:
    """The simulator's parameters."""
    friction = Friction(known["viscous"], known["coulomb"])
    return STANDARD._replace(length=known["length"], mass=known["mass"], friction=friction)


def measured(seen: np.ndarray) -> np.ndarray:
    """Angles, which count turns, and rates, for what was seen step by step."""
    return np.stack([np.unwrap(np.arctan2(seen[:, 1], seen[:, 0])), seen[:, 2]], axis=1)


MODEL = Model(UNKNOWNS, params, State, bent.move, measured, sensors=np.array([0.02, 0.05]),
              joints=np.array([0.01, 0.02]), pieces=11)
RICHER = MODEL._replace(network=bent.INSIDE)

# ---------------------------------------------------------------------------- the controller and its cost


def decide(params: Params, seen: Any, past: Any) -> Any:
    """The torques in N m; nothing is remembered."""
    return controller(params, seen)


def draw(rng: np.random.Generator, n: int) -> tuple[State, np.ndarray]:
    """Starts of n windows, anywhere, and random pushes of the rod in them, (steps, n), in N m."""
    return draw_starts(rng, n), PUSH * rng.normal(size=(RECIPE.horizon[-1], n))


def loss(params: Params, starts: tuple[State, np.ndarray], weights: np.ndarray, physics: Physics) -> Any:
    """The mean cost of the steps of windows that count."""
    begins, pushes = starts
    return np.mean(cost_of_run(params, begins, pushes[: len(weights)], weights, physics.params, bent.move))


PUSH = 0.5                      # N m; with it, few windows stay near where a little more torque changes all
EXAMINED, HELD_OUT = 200, 2     # episodes of an exam, and the seed of their starts
RECIPE = Recipe(steps=200, before=600, meanwhile=6, refined=10, windows=96, horizon=(40, 66),
                rate=(5e-3, 5e-5), limit=10.0)
EXAM = Exam((draw_starts(np.random.default_rng(HELD_OUT), EXAMINED), np.zeros((EPISODE, EXAMINED))),
            np.ones(EPISODE), loses=0.05, steps=EXAMINED * EPISODE)
TASK = Task(MODEL, RECIPE, 0, new_controller, decide, lambda torque: np.array([torque], np.float32),
            draw, loss, RICHER, EXAM)

# ---------------------------------------------------------------------------- for the judge alone

SHARE, UPRIGHT = 0.03, 95       # goals: of the return with the true physics; starts of 100 that end upright


def truth(real: Any) -> tuple[dict[str, float], int]:
    """The unknowns of a world, and its delay."""
    return {"length": real.length, "mass": real.mass / real.gain, "viscous": real.viscous / real.gain,
            "coulomb": real.coulomb / real.gain}, 0


def told(real: Any) -> Any:
    """All that there is to know of a world."""
    return bent.told(params(truth(real)[0]), real)


def upright(found: Evaluation) -> int:
    """How many episodes end within 10° of upright, and slower than 1 rad/s."""
    theta, rate = found.lasts.T
    return int(np.sum((np.cos(theta) > UP) & (np.abs(rate) < 1.0)))


def succeeds(result: dict[str, Any]) -> bool:
    """Whether one world is learned."""
    after, told = result["after"], result["told"]
    return (after["mean_return"] >= told["mean_return"] * (1 + SHARE)
            and after["good"] >= min(UPRIGHT, told["good"]))


def passes(results: list[dict]) -> tuple[bool, str]:
    """The goal over many worlds."""
    returns = {who: np.median([result["result"][who]["mean_return"] for result in results])
               for who in WHO}
    good = [result["result"]["after"]["good"] for result in results]
    return bool(returns["after"] >= returns["told"] * (1 + SHARE) and min(good) >= UPRIGHT), (
        f"Median return: nominal {returns['nominal']:.1f}, trained as long {returns['longer']:.1f}, "
        f"after one episode {returns['after']:.1f}, with the true physics {returns['told']:.1f} "
        f"(goal: within {100 * SHARE:.0f} %). Upright at the end from at least {min(good)} of 100 starts "
        f"(goal {UPRIGHT}).")


# ---------------------------------------------------------------------------- picture


def draw_episode(upper: "Axes", lower: "Axes", learning: Learning) -> None:
    """Angle and torque of the real episode."""
    record = learning.records[-1]
    seconds = STANDARD.dt * np.arange(len(record.seen))
    angle = np.degrees(np.arctan2(record.seen[:, 1], record.seen[:, 0]))
    jumps = np.abs(np.diff(angle, append=angle[-1])) > 180
    upper.plot(seconds, np.where(jumps, np.nan, angle), color=style.INK)
    upper.set(ylim=(-190, 190), ylabel="angle (°)", title="The real episode, while it learns (0°: upright)")
    upper.set_yticks([-180, -90, 0, 90, 180])
    lower.plot(seconds[:-1], record.actions, color=style.ORANGE, linewidth=1.2)
    lower.set(ylim=(-2.2, 2.2), ylabel="torque (N m)", xlabel="time (s)")


EFFECTS = {"cogging": "torque of a motor that cogs, N m", "rubbing": "friction where the bearing rubs, N m s"}


def add_flags(flags: Any) -> None:
    """What no parameter names."""
    for name, about in EFFECTS.items():
        flags.add_argument(f"--{name}", type=command.amount, default=0.0, metavar="X",
                           help=f"{about} (no seed draws it)")


def changes(options: Options) -> dict[str, Any]:
    """What a world has that its seed did not draw."""
    return {name: getattr(options, name) for name in EFFECTS if getattr(options, name)}


COLUMNS = [Column("after one episode", "result.after.mean_return", unit="return"),
           Column("true physics", "result.told.mean_return", unit="return"),
           Column("nominal", "result.nominal.mean_return", unit="return"),
           Column("trained as long", "result.longer.mean_return", unit="return"),
           Column("upright of 100", "result.after.good", goal=UPRIGHT, digits=0),
           Column("processor seconds", "budget.seconds", higher=False, goal=60)]
MACHINE = Machine(
    name="pendulum", task=TASK, truth=truth, good=upright, goodness="end upright", succeeds=succeeds,
    score="return", draw_episode=draw_episode, told=told, flags=add_flags, changes=changes,
    units={"length": "m", "mass": "kg / gain", "viscous": "N m s / gain", "coulomb": "N m / gain"})
DEMO = demo(MACHINE, __doc__, CLAIM, COLUMNS, passes)._replace(beside={"residual": f"{__package__}.residual"})
