"""A controller learns to swing up a pendulum and to hold it there, by gradients through its physics.

The motor cannot lift the rod: it must swing it to and fro first. A neural network, torque =
2 tanh(MLP(cos θ, sin θ, ω)), is trained by backpropagation through time: 2 to 3 seconds of the
simulator and the network are one function, from the network's parameters to the cost, and
tinydp takes its gradient. The result is judged by the real Gymnasium environment, Pendulum-v1.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

import tinydp as dp
from tinydp.nn import MLP, Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from . import command, style
from .checkpoints import Keeper
from .command import Column, Demo, Options, Report

CLAIM = "one episode of 200 steps is enough (without the torque limit)."
TAKES = "half a minute to a minute"

# ---------------------------------------------------------------------------- constants

EPISODE = 200                   # steps, of 0.05 s
EVALUATED = range(100)          # seeds of the Gymnasium episodes that judge the result
GOAL = -300.0                   # a mean return below this is a failure
HANGING = State(np.pi, 0.0)

# The best returns known, found by dynamic programming and trajectory optimisation with all
# knowledge of the physics: the mean over the starts of seeds 0 to 99, and over all starts.
BEST_EVALUATED = -132.36
BEST_EVERYWHERE = -139.8

# ---------------------------------------------------------------------------- recipe

NET = MLP((3, 64, 64, 1), hidden="relu")
UPDATES = 1000
STARTS = 64                     # windows in a batch
HORIZON = (40, 66)              # steps in a window: the first until half-time, then slowly more
RATE = (5e-3, 5e-5)             # of Adam, from the first update to the last
LIMIT = 10.0                    # on the gradient's norm
CHECKS = 50                     # how often in a training the controller is validated, more often at first ...
VALIDATION = (25, 20)           # ... from a grid of so many angles and rates; the best one is kept


def horizon(update: int, updates: int) -> int:
    """Steps in a window: short ones are easier to learn from, long ones see the whole swing-up."""
    first, last = HORIZON
    return first + round((last - first) * max(0.0, 2 * update / updates - 1))


def checks_until(update: int, updates: int) -> int:
    """How many of the `CHECKS` are due by then: they lie at 1, 4, 9, ... parts of the training."""
    return math.isqrt(CHECKS**2 * update // updates)


# ---------------------------------------------------------------------------- controller and cost

def new_controller(rng: np.random.Generator) -> Params:
    """Parameters of a controller that begins with almost no torque.

    With the usual weights some begin with full torque, where tanh is flat and nothing is learned.
    """
    *layers, last = NET.init(rng)
    return [*layers, last._replace(weight=0.1 * last.weight)]


def controller(params: Params, seen: Any) -> Any:
    """The torque in N m for an observation of shape (3,), or torques (n,) for (n, 3)."""
    return STANDARD.max_torque * np.tanh(NET(params, seen)[..., 0])


def cost_of_run(params: Params, state: State, steps: int) -> Any:
    """The cost of so many steps under the controller, one for each start in `state`."""
    total = 0.0
    for _ in range(steps):
        torque = controller(params, observe(state))
        total = total + cost(state, torque)
        state = step(state, torque)
    return total


def loss(params: Params, starts: State, steps: int) -> Any:
    """What training makes small."""
    return np.mean(cost_of_run(params, starts, steps))


def draw_starts(rng: np.random.Generator, n: int) -> State:
    """As Gymnasium draws them: θ ~ U[-π, π], ω ~ U[-1, 1]; two arrays of shape (n,)."""
    return State(rng.uniform(-np.pi, np.pi, n), rng.uniform(-1.0, 1.0, n))


def spread_starts(angles: int, rates: int) -> State:
    """Evenly spread over the same range, so that their mean has no noise: shape (angles * rates,)."""
    theta = np.pi * ((2 * np.arange(angles) + 1) / angles - 1)
    rate = (2 * np.arange(rates) + 1) / rates - 1
    return State(np.repeat(theta, rates), np.tile(rate, angles))


# ---------------------------------------------------------------------------- training


class Check(NamedTuple):
    """The controller after so many updates, and its mean return from the validation starts."""

    update: int
    mean_return: float
    params: Params


class Training(NamedTuple):
    """A training after so many updates: all that its next update depends on, and what it took."""

    update: int
    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    checks: list[Check]              # the first is before the first update
    training_steps: int
    validation_steps: int
    seconds: float

    @property
    def best(self) -> Check:
        return max(self.checks, key=lambda check: check.mean_return)


def settings(options: Options) -> dict[str, Any]:
    """All that the training depends on."""
    return {"seed": options.seed, "updates": options.updates, "net": NET.sizes, "starts": STARTS,
            "horizon": HORIZON, "rate": RATE, "limit": LIMIT, "checks": CHECKS, "validation": VALIDATION}


def train(options: Options) -> Training:
    """Adam on the gradient of `loss`, from new starts at every update; or where a run was interrupted."""
    updates = options.updates
    keeper = Keeper(options.out / f"training-{options.seed}.npz", "pendulum", settings(options),
                    kinds=[Training, Check, Layer, AdamState])
    optimiser = Adam(cosine(*RATE, updates))
    training = keeper.load(options.fresh) or begin(options.seed, optimiser)
    if training.update:
        command.note(f"Going on after {command.count(training.update, 'update')}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    total = STARTS * sum(horizon(k, updates) for k in range(updates))
    with command.progress(total, "episodes", "training", options.quiet, EPISODE,
                          initial=training.training_steps) as bar:
        while training.update < updates:
            training, cost = improve(training, optimiser, updates)
            keeper.keep(training, finished=training.update == updates)
            bar.set_postfix_str(f"cost {cost:.2f}, return {training.checks[-1].mean_return:.0f}", False)
            bar.update(training.training_steps - bar.n)
    return training


def begin(seed: int, optimiser: Adam) -> Training:
    """The training before its first update."""
    rng = np.random.default_rng(seed)
    params = new_controller(rng)
    first = check(0, params)
    return Training(0, params, optimiser.init(params), rng, [first], 0, math.prod(VALIDATION) * EPISODE, 0.0)


def improve(training: Training, optimiser: Adam, updates: int) -> tuple[Training, float]:
    """The training after one more update, and the mean cost of a step in its windows."""
    began = time.perf_counter()
    k, params, state, rng, checks, steps, validated, seconds = training
    window = horizon(k, updates)
    value, gradient = dp.value_and_grad(loss)(params, draw_starts(rng, STARTS), window)
    params, state = optimiser.step(params, clip_by_norm(gradient, LIMIT), state)
    if checks_until(k + 1, updates) > checks_until(k, updates):
        checks = [*checks, check(k + 1, params)]
        validated += math.prod(VALIDATION) * EPISODE
    seconds += time.perf_counter() - began
    return Training(k + 1, params, state, rng, checks, steps + STARTS * window, validated, seconds
                    ), value / window


def check(update: int, params: Params) -> Check:
    """The mean return from the validation starts."""
    returns = -cost_of_run(params, spread_starts(*VALIDATION), EPISODE)
    return Check(update, float(np.mean(returns)), params)


# ---------------------------------------------------------------------------- evaluation


class Episodes(NamedTuple):
    """Episodes of the real environment: returns (n,), and observations (n, 200, 3)."""

    returns: np.ndarray
    seen: np.ndarray
    seconds: float

    @property
    def swung_up(self) -> int:
        """How many end upright: within 10 degrees for all of the last 2 seconds."""
        return int(np.sum(np.all(self.seen[:, -40:, 0] > np.cos(np.radians(10)), axis=1)))


def evaluate(params: Params, quiet: bool) -> Episodes:
    """One episode of Gymnasium's Pendulum-v1 from `env.reset(seed=s)` for each seed s."""
    began = time.perf_counter()
    returns, episodes = [], []
    with gymnasium.make("Pendulum-v1") as env, command.progress(
            len(EVALUATED), "episodes", "evaluating", quiet) as bar:
        for seed in EVALUATED:
            seen, _ = env.reset(seed=seed)
            episode, total, over = [], 0.0, False
            while not over:
                torque = controller(params, seen)
                seen, reward, ended, truncated, _ = env.step(np.array([torque], dtype=np.float32))
                total, over = total + float(reward), ended or truncated
                episode.append(seen)
            returns.append(total)
            episodes.append(episode)
            bar.set_postfix_str(f"mean return {np.mean(returns):.1f}", False)
            bar.update()
    return Episodes(np.array(returns), np.array(episodes), time.perf_counter() - began)


class Run(NamedTuple):
    """One episode of the simulator: angle from upright in rad, rate and torque, each (200,)."""

    theta: np.ndarray
    rate: np.ndarray
    torque: np.ndarray


def run(params: Params, state: State) -> Run:
    """An episode from `state`; angles counted so that the upright approached at the end is 0."""
    rows = []
    for _ in range(EPISODE):
        torque = controller(params, observe(state))
        rows.append((*state, torque))
        state = step(state, torque)
    theta, rate, torque = np.array(rows).T
    return Run(theta - 2 * np.pi * np.round(theta[-1] / (2 * np.pi)), rate, torque)


# ---------------------------------------------------------------------------- picture

def draw_picture(training: Training, episodes: Episodes) -> Figure:
    """The learning curve, all evaluated episodes in the phase plane, and one swing-up in time."""
    swing_up = run(training.best.params, HANGING)
    with style.styled():
        picture = style.figure(900, 640)
        panels = picture.subplot_mosaic([["learning", "phase"], ["angle", "angle"], ["torque", "torque"]],
                                        height_ratios=[3, 1.3, 0.9])
        draw_learning(panels["learning"], training)
        draw_phase_plane(panels["phase"], episodes, swing_up)
        draw_swing_up(panels["angle"], panels["torque"], swing_up)
        picture.align_ylabels()
    return picture


def draw_learning(axes: Axes, training: Training) -> None:
    """The mean return after so many updates; both on a logarithmic scale, better is up."""
    updates = [check.update for check in training.checks[1:]]
    costs = [-check.mean_return for check in training.checks[1:]]
    best = training.best
    axes.axhline(-BEST_EVERYWHERE, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
    style.label(axes, f"best known: {style.number(BEST_EVERYWHERE)}", (1, -BEST_EVERYWHERE), (0, 5))
    axes.plot(updates, costs, color=style.BLUE)
    kept = (max(best.update, 1), -best.mean_return)
    axes.plot(*kept, "o", color=style.BLUE)
    style.label(axes, f"kept: {style.number(best.mean_return)}", kept, (0, -17), ha="right",
                color=style.BLUE, weight="bold")
    axes.set(xscale="log", yscale="log", xlim=(0.9, 1.1 * updates[-1]), ylim=(2000, 115), xlabel="updates",
             ylabel=f"mean return, {math.prod(VALIDATION)} starts")
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda x, _: style.number(x))
    axes.yaxis.set_major_formatter(lambda y, _: style.number(-y))
    axes.set_yticks([150, 300, 600, 1200])
    axes.set_title(f"Learning in {training.seconds:.0f} seconds")


def draw_phase_plane(axes: Axes, episodes: Episodes, swing_up: Run) -> None:
    """Every evaluated episode in the plane of angle and rate, and the swing-up from hanging."""
    for cosines, sines, rates in np.moveaxis(episodes.seen, 2, 1):
        draw_around(axes, np.arctan2(sines, cosines), rates, color=style.BLUE, linewidth=0.7, alpha=0.28)
    draw_around(axes, swing_up.theta, swing_up.rate, color=style.INK)
    axes.plot([-180, 180], [0, 0], "o", color=style.INK, markersize=5, clip_on=False, zorder=3)
    axes.plot(0, 0, "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.8, zorder=3)
    style.label(axes, "upright", (0, 0), (0, 14), ha="center", weight="bold", fontsize=9)
    style.label(axes, "hanging", (180, 0), (-8, -3), ha="right", weight="bold", fontsize=9)
    axes.set(xlim=(-180, 180), ylim=(-8.5, 8.5), xlabel="angle from upright (°)", ylabel="rate (rad/s)")
    axes.set_xticks(range(-180, 181, 90))
    axes.set_yticks([-8, -4, 0, 4, 8])
    axes.set_title(f"{episodes.swung_up} of {len(episodes.returns)} episodes end upright")


def draw_around(axes: Axes, angles: np.ndarray, rates: np.ndarray, **look: Any) -> None:
    """A path in the phase plane that goes on at -180° where it leaves at 180°."""
    degrees = np.degrees(np.unwrap(angles))
    for turn in range(round(np.min(degrees) / 360), round(np.max(degrees) / 360) + 1):
        axes.plot(degrees - 360 * turn, rates, **look)


def draw_swing_up(angles: Axes, torques: Axes, swing_up: Run) -> None:
    """Angle and torque over the first five seconds."""
    shown = slice(0, 101)
    seconds, degrees = STANDARD.dt * np.arange(EPISODE)[shown], np.degrees(swing_up.theta)[shown]
    angles.plot(seconds, degrees, color=style.INK)
    angles.set(xlim=(0, seconds[-1]), ylabel="angle (°)")
    angles.yaxis.set_major_locator(MultipleLocator(90 * max(1, round(np.ptp(degrees) / 360))))
    angles.set_title("The black path over time, from hanging at rest")
    angles.tick_params(labelbottom=False)
    torques.step(seconds, swing_up.torque[shown], where="post", color=style.ORANGE)
    torques.set(xlim=(0, seconds[-1]), ylim=(-2.4, 2.4), xlabel="time (s)", ylabel="torque (N m)")
    torques.set_yticks([-2, 0, 2])


# ---------------------------------------------------------------------------- animation

SHOWN = 120                     # steps in the animation: 6 s, in frames of 50 ms as in the simulator
TILTED = State(np.radians(150), 0.0)


def animate(path: Path, training: Training) -> None:
    """The same start before, during and after training, side by side, as a GIF."""
    first, best = training.checks[0], training.best
    middle = (first.mean_return + best.mean_return) / 2
    halfway = min(training.checks, key=lambda check: abs(check.mean_return - middle))
    stages = [(first, "untrained"), *((check, f"after {command.count(check.update, 'update')}")
                                      for check in (halfway, best))]
    with style.styled():
        picture = style.figure(720, 300)
        drawings = []
        for axes, (check, title) in zip(picture.subplots(1, 3), stages, strict=True):
            axes.set_title(title, loc="center")
            axes.text(0, -1.42, f"mean return {style.number(check.mean_return)}", ha="center")
            drawings.append(draw_pendulum(axes, run(check.params, TILTED)))

        def draw(k: int) -> None:
            for drawing in drawings:
                drawing(k)

        style.save_animation(path, picture, draw, range(SHOWN), STANDARD.dt)


def draw_pendulum(axes: Axes, moves: Run) -> Callable[[int], None]:
    """A rod with a bob, its trail, an arrow for the torque; the result draws it at step k."""
    style.bare(axes)
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.45, 1.2))
    axes.add_line(Line2D([0], [1], marker="o", markersize=15, color=style.PALE, markerfacecolor="none",
                         markeredgewidth=2))
    x, y = -np.sin(moves.theta), np.cos(moves.theta)             # counter-clockwise is positive
    trail = axes.add_line(Line2D([], [], color=style.PALE, linewidth=3))
    rod = axes.add_line(Line2D([], [], color=style.INK, linewidth=4))
    bob = axes.add_line(Line2D([], [], marker="o", markersize=15, color=style.BLUE))
    axes.add_line(Line2D([0], [0], marker="o", markersize=5, color=style.INK))
    arc = axes.add_line(Line2D([], [], color=style.ORANGE, linewidth=2.5))
    head = axes.add_line(Line2D([], [], color=style.ORANGE, markersize=9))

    def draw(k: int) -> None:
        past = slice(max(0, k - 12), k + 1)
        trail.set_data(x[past], y[past])
        rod.set_data([0, x[k]], [0, y[k]])
        bob.set_data([x[k]], [y[k]])
        sweep = moves.torque[k] / STANDARD.max_torque * np.radians(110)
        angles = np.pi / 2 + np.linspace(-sweep / 2, sweep / 2, 30)
        arc.set_data(0.38 * np.cos(angles), 0.38 * np.sin(angles))
        head.set_data(arc.get_xdata()[-1:], arc.get_ydata()[-1:])
        head.set_marker((3, 0, np.degrees(angles[-1]) + (0 if sweep > 0 else 180)))
        for part in (arc, head):
            part.set_visible(abs(sweep) > 0.1)

    return draw


# ---------------------------------------------------------------------------- the whole


class Outcome(NamedTuple):
    """The training, and how the real environment judges its best controller."""

    training: Training
    episodes: Episodes


def learn(options: Options) -> Outcome:
    """Train and evaluate."""
    training = train(options)
    return Outcome(training, evaluate(training.best.params, options.quiet))


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture and the animation."""
    picture, animation = options.out / "pendulum.png", options.out / "pendulum.gif"
    style.save_picture(picture, draw_picture(*outcome))
    animate(animation, outcome.training)
    return [picture, animation]


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, episodes = outcome
    steps, returns = training.training_steps + training.validation_steps, episodes.returns
    mean, worst = float(np.mean(returns)), float(np.min(returns))
    lines = [
        f"Pendulum-v1 in Gymnasium, from the starts of seeds 0 to {len(returns) - 1}:",
        f"  return   mean {mean:.1f} (best known: {BEST_EVALUATED:.1f}), "
        f"median {np.median(returns):.1f}, worst {worst:.1f}",
        f"           over all starts, which are harder: {training.best.mean_return:.1f} on a grid of them "
        f"(best known: {BEST_EVERYWHERE:.1f})",
        f"  upright  {episodes.swung_up} of {len(returns)}, within 10 degrees for the last 2 seconds",
        f"  budget   {command.count(options.updates, 'gradient')} through "
        f"{training.training_steps:,} steps of the simulator,",
        f"           and {training.validation_steps:,} steps to choose the best controller",
        f"  seconds  {training.seconds:.1f} to train, {episodes.seconds:.1f} to evaluate",
    ]
    if mean < GOAL:
        lines.append(f"Not learned: a mean return of {GOAL:.0f} was the goal.")
    return Report(
        success=mean >= GOAL,
        result={
            "mean_return": mean, "median_return": float(np.median(returns)), "worst_return": worst,
            "starts": len(returns), "swung_up": episodes.swung_up,
            "chosen_update": training.best.update, "validation_return": training.best.mean_return,
        },
        budget=command.budget(
            episodes=steps / EPISODE, simulator_steps=steps, gradient_evaluations=options.updates,
            seconds=training.seconds, windows=options.updates * STARTS,
            training_steps=training.training_steps, validation_steps=training.validation_steps,
            evaluation_steps=len(returns) * EPISODE, seconds_evaluating=round(episodes.seconds, 2)),
        claim=CLAIM,
        reference={
            "mean_return": BEST_EVALUATED,
            "mean_return_everywhere": BEST_EVERYWHERE,
            "about": "The best return known from the same 100 starts, by actual trajectories found with "
                     "dynamic programming and trajectory optimisation; believed within 0.3 of the optimum. "
                     "Everywhere: the same over the whole distribution of starts, within 0.2.",
        },
        goal={"mean_return": GOAL}, lines=lines)


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--updates", type=command.positive, default=UPDATES, metavar="N",
                       help="updates of the controller")


DEMO = Demo(
    "pendulum", __doc__, train=learn, report=report, plot=plot, settings=settings, flags=add_flags,
    columns=[Column("mean return", "result.mean_return", goal=GOAL),
             Column("worst return", "result.worst_return"),
             Column("swung up", "result.swung_up", digits=0, unit="of 100 starts")],
    packages=("numpy", "gymnasium"))
