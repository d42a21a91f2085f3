"""The article's recipe for the trebuchet: one shot, one step of Adam, a hundred thousand times.

The network gives the angle as 90° times a sigmoid, and what is added to 200 pounds. It is told wind and
target as they are, in m/s and m, and learns from the squared miss of one shot at a time, targets out of reach
among them; a shot that fails teaches nothing. The machine is ours, with the right inertias and fine time
steps, and the tasks that judge are those that judge our network.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Layer, Params, sigmoid
from tinydp.optim import Adam, AdamState
from tinydp.sims.trebuchet import DT

from .. import command, style
from ..article import new_network
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..schedule import checks_until
from ..seconds import Clock, Seconds
from .judging import EVALUATED, EVALUATION_SEED, percent
from .learning import steps_of_a_shot, validated
from .machine import TRAINING_DT, draw_tasks, draw_tasks_within_reach, shot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = "off by 16 cm, or about 0.3 %, after about five minutes of training."
TAKES = "two minutes"

NET = MLP((2, 16, 64, 16, 2), hidden="sigmoid")
SHOTS = 100_000                 # each of which makes one step of Adam
OPTIMISER = Adam(1e-3)
BLOCK = 100                     # shots between two looks at the clock and the file
CHECKS = 30                     # points of the learning curve
GOAL = 0.3                      # %, of the median miss, as the article says of one shot

# ---------------------------------------------------------------------------- controller and loss


def controller(params: Params, wind: Any, target: Any) -> tuple[Any, Any]:
    """Angle in ° and weight in lb for a wind in m/s and a target in m."""
    angle, more = NET(params, np.stack([wind, target]))
    return 90.0 * sigmoid(angle), 200.0 + more


def loss(params: Params, wind: Any, target: Any) -> Any:
    """The squared miss of one shot, in m²; ValueError for an aim that the machine cannot take."""
    return (shot(wind, *controller(params, wind, target), TRAINING_DT) - target)**2


gradient_of_loss = dp.grad(dp.compile(loss))

# ---------------------------------------------------------------------------- training


class Check(NamedTuple):
    """The misses after so many shots, in %: of half, and of 95 in 100, of the targets."""

    shots: int
    median: float
    last: float


class Training(NamedTuple):
    """A training after so many shots: all that the next one depends on, and what it took."""

    shots: int
    failed: int
    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    checks: list[Check]
    seconds: Seconds


def train(options: Options) -> Training:
    """Shot by shot; or on from where a run was interrupted."""
    keeper = Keeper(options.out / f"article-{options.seed}.npz", "trebuchet article", settings(options),
                    kinds=[Training, Check, Layer, AdamState, Seconds])
    training = keeper.load(options.fresh) or begin(options.seed)
    with command.progress(options.shots, "shots", "training", options.quiet, initial=training.shots) as bar:
        while training.shots < options.shots:
            training = improve(training, options.shots)
            keeper.keep(training, finished=training.shots >= options.shots)
            bar.set_postfix_str(f"half miss by less than {training.checks[-1].median:.2g} %", False)
            bar.update(training.shots - bar.n)
    return training


def begin(seed: int) -> Training:
    """The training before its first shot."""
    rng = np.random.default_rng(seed)
    params = new_network(rng, NET)
    return Training(0, 0, params, OPTIMISER.init(params), rng, [check(0, params)], Seconds())


def improve(training: Training, shots: int) -> Training:
    """The training after one more block of shots."""
    clock = Clock(training.seconds)
    k, failed, params, optimiser, rng, checks, _ = training
    until = min(k + BLOCK, shots)
    for wind, target in zip(*draw_tasks(rng, until - k), strict=True):
        try:
            gradient = gradient_of_loss(params, float(wind), float(target))
        except ValueError:
            failed += 1
            continue
        params, optimiser = OPTIMISER.step(params, gradient, optimiser)
    seconds = clock.seconds
    if checks_until(until, shots, CHECKS) > checks_until(k, shots, CHECKS):
        checks = [*checks, check(until, params)]
    return Training(until, failed, params, optimiser, rng, checks, seconds)


def check(shots: int, params: Params) -> Check:
    """How far the training is."""
    return Check(shots, *validated(params, land))


def land(params: Params, winds: np.ndarray, targets: np.ndarray, dt: float = DT) -> np.ndarray:
    """Where the controller's shots land, in m, (n,); 0, at its foot, if the machine cannot take the aim."""
    return np.array([landing(params, *map(float, task), dt) for task in zip(winds, targets, strict=True)])


def landing(params: Params, wind: float, target: float, dt: float) -> float:
    """Of one shot."""
    try:
        return float(shot(wind, *map(float, controller(params, wind, target)), dt))
    except ValueError:
        return 0.0


# ---------------------------------------------------------------------------- what came out


class Outcome(NamedTuple):
    """The training, and tasks within reach with where its shots landed, each (n,)."""

    training: Training
    winds: np.ndarray
    targets: np.ndarray
    landings: np.ndarray


def learn(options: Options) -> Outcome:
    """Train and judge."""
    training = train(options)
    winds, targets, _ = draw_tasks_within_reach(EVALUATION_SEED, EVALUATED)
    return Outcome(training, winds, targets, land(training.params, winds, targets))


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, metres = outcome.training, np.abs(outcome.landings - outcome.targets)
    misses = percent(outcome.landings, outcome.targets)
    median, last, worst = (float(np.percentile(misses, q)) for q in (50, 95, 100))
    success = median <= GOAL
    lines = [
        f"The article's recipe, over the {EVALUATED:,} targets within reach that judge ours:",
        f"  miss     median {median:.2f} % ({np.median(metres):.2f} m), 95 of 100 within {last:.1f} %, "
        f"worst {worst:.0f} % ({np.max(metres):.1f} m); in the mean {np.mean(metres):.2f} m",
        f"  budget   {training.shots:,} shots and gradients, {training.failed:,} of them failed",
        f"  seconds  {training.seconds}, to train",
    ]
    if not success:
        lines.append(f"The article speaks of {GOAL} % in one throw: half of these miss by more.")
    return Report(
        success=success,
        result={"median_miss_percent": median, "p95_miss_percent": last, "worst_miss_percent": worst,
                "median_miss_m": float(np.median(metres)), "mean_miss_m": float(np.mean(metres))},
        budget=command.budget(episodes=training.shots, seconds=training.seconds,
                              simulator_steps=training.shots * steps_of_a_shot(),
                              gradient_evaluations=training.shots - training.failed),
        claim=CLAIM, goal={"median_miss_percent": GOAL}, lines=lines,
        reference={"miss_percent": 0.0, "about": "within reach, an aim that hits exactly exists"})


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The learning curve."""
    picture = options.out / "article.png"
    style.save_picture(picture, draw_picture(outcome.training))
    return [picture]


def draw_picture(training: Training) -> "Figure":
    """The misses by the shots learned from, on logarithmic scales."""
    checks = training.checks[1:]
    shots = [check.shots for check in checks]
    with style.styled():
        picture = style.figure(900, 360)
        axes = picture.subplots()
        axes.axhline(GOAL, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)))
        style.label(axes, "one throw in the article", (shots[0], GOAL), (0, 4), color=style.GREY)
        for misses, text, colour in (
                ([check.last for check in checks], "19 of 20 targets miss by less", style.ORANGE),
                ([check.median for check in checks], "half of them", style.BLUE)):
            axes.plot(shots, misses, color=colour)
            style.label(axes, text, (shots[-1], misses[-1]), (0, 6), color=colour, ha="right")
        axes.set(xscale="log", yscale="log", xlabel="shots learned from", ylabel="miss in % of the target",
                 title=f"The article's recipe: {training.seconds.title}")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(lambda x, _: style.number(x))
        axes.set_yticks([0.1, 1, 10, 100], labels=["0.1", "1", "10", "100"])
    return picture


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; winds and targets of the tasks that judge, and where its shots landed, each (n,)."""
    return {"params": outcome.training.params, "winds": outcome.winds, "targets": outcome.targets,
            "landings": outcome.landings}


def settings(options: Options) -> dict[str, Any]:
    """All that the outcome depends on."""
    return {"seed": options.seed, "shots": options.shots, "net": NET.sizes, "rate": OPTIMISER.rate,
            "dt": TRAINING_DT, "checks": CHECKS, "block": BLOCK}


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--shots", type=command.positive, default=SHOTS, metavar="N", help="to learn from")


DEMO = Demo(
    "trebuchet article", __doc__, train=learn, report=report, plot=plot, settings=settings, flags=add_flags,
    columns=[Column("median miss", "result.median_miss_percent", higher=False, goal=GOAL, digits=2, unit="%"),
             Column("95 of 100 within", "result.p95_miss_percent", higher=False, digits=1, unit="%"),
             Column("processor seconds", "budget.seconds", higher=False, digits=0)],
    keeps=kept_by_sweeps, kinds=(Layer,))
