"""A pole nobody knows is swung up on a cart and held, while its one real episode runs.

It hangs from a cart on a track of 4.8 m. Pole and cart have other lengths and masses than drawn, the motor
is weaker or stronger, the bearings rough, the sensors noisy. A controller that was trained for some seconds
in the nominal simulator drives from the first step. Its 250 real steps, 10 seconds, tell what the machine is
like, by gradients through the simulator; and meanwhile the controller is trained on through the simulator as
it is known by then. `python -m demos swingup race` has reinforcement learning beside it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinydp.sims.swingup import EPISODE, STANDARD
from tinydp.sims.worlds import Evaluation

from .. import command, style
from ..command import Acts, Column, Demo, Options, Report
from ..worlds import trial
from ..worlds.learner import Learning
from ..worlds.trial import WHO, Machine
from .machine import SLOW, TASK, UP, act
from .practice import STARTS, Check, mastered, practices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLAIM = "nothing of this machine: its cart-pole begins upright."
TAKES = "a minute"

# ---------------------------------------------------------------------------- for the judge alone

GOAL, SHARE = 98, 0.03          # starts of 100 in which it is held; of the return with the true physics


def truth(real: Any) -> tuple[dict[str, float], int]:
    """The unknowns of a world, and its delay."""
    return {"half_length": STANDARD.half_length * real.half_length,
            "pole_mass": STANDARD.pole_mass * real.pole_mass / real.cart_mass,
            "push": STANDARD.push * real.gain / real.cart_mass,
            "track": real.track / real.cart_mass, "pivot": real.pivot / real.cart_mass}, 0


def held(found: Evaluation) -> int:
    """How many episodes reach their last step, and have the pole upright then, and slow."""
    _, _, theta, rate = found.lasts.T
    return int(np.sum((found.lengths == EPISODE) & (np.cos(theta) > UP) & (np.abs(rate) < SLOW)))


def succeeds(result: dict[str, Any]) -> bool:
    """Whether one world is learned."""
    after, told = result["after"], result["told"]
    return (after["good"] >= GOAL / 100 * after["episodes"]
            and after["mean_return"] >= (1 - SHARE) * told["mean_return"])


def passes(results: list[dict]) -> tuple[bool, str]:
    """The goal over many worlds."""
    returns = {who: np.median([result["result"][who]["mean_return"] for result in results]) for who in WHO}
    worst = {who: min(result["result"][who]["good"] for result in results) for who in WHO}
    return bool(worst["after"] >= GOAL and returns["after"] >= (1 - SHARE) * returns["told"]), (
        f"Median return: nominal {returns['nominal']:.1f}, trained as long {returns['longer']:.1f}, after "
        f"one episode {returns['after']:.1f}, with the true physics {returns['told']:.1f}. Held at the end, "
        f"in the worst world: {worst['nominal']}, {worst['longer']}, {worst['after']} and {worst['told']} "
        "of 100.")


COLUMNS = [Column("after one episode", "result.after.mean_return"),
           Column("true physics", "result.told.mean_return"),
           Column("nominal", "result.nominal.mean_return"),
           Column("held of 100", "result.after.good", goal=GOAL, digits=0)]


def draw_episode(upper: "Axes", lower: "Axes", learning: Learning) -> None:
    """Angle and cart over the real steps; a line where the cart left its track, and began anew."""
    total = 0
    for record in learning.records:
        seconds = STANDARD.dt * (total + np.arange(len(record.seen)))
        x, _, cosine, sine, _ = record.seen.T
        angle = np.degrees(np.arctan2(sine, cosine))
        jumps = np.abs(np.diff(angle, append=angle[-1])) > 180
        upper.plot(seconds, np.where(jumps, np.nan, angle), color=style.INK)
        lower.plot(seconds, x, color=style.BLUE, linewidth=1.4)
        total += len(record.actions)
        for axes in (upper, lower):
            axes.axvline(STANDARD.dt * total, color=style.ORANGE, linewidth=1.0 * (total < learning.steps))
    upper.set(ylim=(-190, 190), ylabel="angle (°)", title="The real steps, while it learns (0°: upright)")
    upper.set_yticks([-180, -90, 0, 90, 180])
    lower.set(ylim=(-1.1 * STANDARD.max_x, 1.1 * STANDARD.max_x), ylabel="cart (m)", xlabel="time (s)")


MACHINE = Machine(
    name="swingup", task=TASK, truth=truth, good=held, goodness="held at the end", succeeds=succeeds,
    score="return", draw_episode=draw_episode,
    units={"half_length": "m", "pole_mass": "kg", "push": "N", "track": "N s/m", "pivot": "N m s"})
WORLD = trial.demo(MACHINE, __doc__, CLAIM, COLUMNS, passes)

# ---------------------------------------------------------------------------- the whole


class Learned(NamedTuple):
    """What was learned in the world, and before it, in practice, by several seeds: the first is its own."""

    world: trial.Outcome
    practice: list[list[Check]]


def add_flags(flags: Any) -> None:
    """Those of all unknown worlds, and one more."""
    WORLD.flags(flags)
    flags.add_argument("--curves", type=command.positive, default=5, metavar="N",
                       help="seeds of practice in the nominal simulator, for comparison")


def learn(options: Options) -> Learned:
    """Practise, without a real step; learn in the world, and judge."""
    return Learned(practice=practices(options), world=WORLD.train(options))


def report(options: Options, learned: Learned) -> Report:
    """The report of the world, and how soon it was ready for it."""
    found = WORLD.report(options, learned.world)
    firsts = [mastered(checks) for checks in learned.practice]
    seconds = [first.seconds for first in firsts if first]
    gradients = [first.update for first in firsts if first]
    within = (f", after {min(gradients)} to {max(gradients)} gradients and {min(seconds):.1f} to "
              f"{max(seconds):.1f} s of the processor") if seconds else ""
    line = (f"  practice holds all {STARTS} starts of the nominal simulator for {len(seconds)} of "
            f"{command.count(len(firsts), 'seed')}{within}, without a real step")
    practice = {"seeds": len(firsts), "mastered": len(seconds), "seconds": seconds, "gradients": gradients}
    return found._replace(result=found.result | {"practice": practice},
                          lines=[*found.lines[:2], line, *found.lines[2:]])


def plot(options: Options, learned: Learned) -> list[Path]:
    """The pictures, and the animation."""
    from .draw import animate, draw_picture

    picture, animation = options.out / "swingup.png", options.out / "swingup.gif"
    style.save_picture(picture, draw_picture(learned.world.learning, learned.practice))
    animate(animation, options, learned.world)
    return [picture, *WORLD.plot(options, learned.world), animation]


def play(options: Options, learned: Learned) -> Path | None:
    """The controller in a window, to be pushed; without a display, a picture of it."""
    from ..play import play as open_window
    from .game import Game

    def build(figure: "Figure") -> Any:
        return Game(figure, options, learned.world.learning.training.controller).tick

    return open_window("tinydp: swing-up", (900, 420), build, options.out / "play.png", STANDARD.dt,
                       ticks_before=40)


DEMO: Demo = WORLD._replace(
    name="swingup", train=learn, report=report, plot=plot, play=play, flags=add_flags,
    acts=Acts(lambda kept: kept["after"]["params"], act),
    keeps=lambda options, outcome: trial.kept_by_sweeps(outcome.world),
    beside={"race": f"{__name__}.race"})
