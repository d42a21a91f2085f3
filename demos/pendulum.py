"""A controller learns to swing up a pendulum and to hold it there, by gradients through its physics.

The motor cannot lift the rod: it must swing it to and fro first. A neural network, torque =
2 tanh(MLP(cos θ, sin θ, ω)), is trained by backpropagation through time: 2 to 3 seconds of the
simulator and the network are one function, from the network's parameters to the cost, and
tinydp takes its gradient. The result is judged by the real Gymnasium environment, Pendulum-v1.
"""

import math
import sys
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
from tinydp.nn import MLP, Params
from tinydp.optim import Adam, clip_by_norm, cosine
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from . import command, style

# ---------------------------------------------------------------------------- constants

EPISODE = 200                   # steps, of 0.05 s
EVALUATED = range(100)          # seeds of the Gymnasium episodes that judge the result
GOAL = -300.0                   # a mean return below this is a failure
HANGING = State(np.pi, 0.0)
FILES = ("pendulum.png", "pendulum.gif", "result.json")

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
    """All checks, the first before the first update, and what it took."""

    checks: list[Check]
    training_steps: int
    validation_steps: int
    seconds: float

    @property
    def best(self) -> Check:
        return max(self.checks, key=lambda check: check.mean_return)


def train(seed: int, updates: int, quiet: bool) -> Training:
    """Adam on the gradient of `loss`, from new starts at every update."""
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    params = new_controller(rng)
    validation = spread_starts(*VALIDATION)
    optimiser = Adam(cosine(*RATE, updates))
    state = optimiser.init(params)
    gradient_of_loss = dp.value_and_grad(loss)

    def check(update: int) -> Check:
        return Check(update, float(-np.mean(cost_of_run(params, validation, EPISODE))), params)

    checks = [check(0)]
    steps = [STARTS * horizon(k, updates) for k in range(updates)]
    with command.progress(sum(steps), "episodes", "training", quiet, size=EPISODE) as bar:
        for k in range(updates):
            window = horizon(k, updates)
            value, gradient = gradient_of_loss(params, draw_starts(rng, STARTS), window)
            params, state = optimiser.step(params, clip_by_norm(gradient, LIMIT), state)
            if checks_until(k + 1, updates) > checks_until(k, updates):
                checks.append(check(k + 1))
            bar.set_postfix_str(f"cost {value / window:.2f}, return {checks[-1].mean_return:.0f}", False)
            bar.update(steps[k])
    validation_steps = len(checks) * len(validation.theta) * EPISODE
    return Training(checks, sum(steps), validation_steps, time.perf_counter() - began)


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


def main(argv: list[str] | None = None) -> int:
    """Train, evaluate, draw and report; the exit code is 1 if the pendulum was not swung up."""
    argv = sys.argv[1:] if argv is None else argv
    flags = command.parser("pendulum", (__doc__ or "").partition("\n")[0])
    flags.add_argument("--updates", type=command.positive, default=UPDATES, metavar="N",
                       help="updates of the controller")
    options = flags.parse_args(argv)
    command.make_folder(options.out, flags)

    training = train(options.seed, options.updates, options.quiet)
    episodes = evaluate(training.best.params, options.quiet)
    result = report(argv, options.seed, options.updates, training, episodes)

    command.save(options.out / "result.json", result)
    style.save_picture(options.out / "pendulum.png", draw_picture(training, episodes))
    animate(options.out / "pendulum.gif", training)
    print(summary(result, options.out))
    return 0 if result["success"] else 1


def report(argv: list[str], seed: int, updates: int, training: Training, episodes: Episodes) -> dict:
    """Everything that the summary says and `result.json` keeps."""
    steps, returns = training.training_steps + training.validation_steps, episodes.returns
    return {
        "demo": "pendulum",
        "command": " ".join(["python -m demos pendulum", *argv]),
        "seed": seed,
        "versions": command.versions("numpy", "gymnasium"),
        "budget": {
            "updates": updates,
            "gradient_evaluations": updates,
            "windows": updates * STARTS,
            "training_steps": training.training_steps,
            "validation_steps": training.validation_steps,
            "simulator_steps": steps,
            "simulator_episodes": steps / EPISODE,
            "evaluation_steps": len(returns) * EPISODE,
            "seconds_training": round(training.seconds, 2),
            "seconds_evaluating": round(episodes.seconds, 2),
        },
        "result": {
            "mean_return": float(np.mean(returns)),
            "median_return": float(np.median(returns)),
            "worst_return": float(np.min(returns)),
            "starts": len(returns),
            "swung_up": episodes.swung_up,
            "chosen_update": training.best.update,
            "validation_return": training.best.mean_return,
        },
        "reference": {
            "mean_return": BEST_EVALUATED,
            "mean_return_everywhere": BEST_EVERYWHERE,
            "about": "The best return known from the same 100 starts, by actual trajectories found with "
                     "dynamic programming and trajectory optimisation; believed within 0.3 of the optimum. "
                     "Everywhere: the same over the whole distribution of starts, within 0.2.",
        },
        "goal": {"mean_return": GOAL},
        "success": bool(np.mean(returns) >= GOAL),
    }


def summary(result: dict[str, Any], out: Path) -> str:
    """The result in a few honest lines."""
    got, spent, best = result["result"], result["budget"], result["reference"]
    lines = [
        f"Pendulum-v1 in Gymnasium, from the starts of seeds 0 to {got['starts'] - 1}:",
        f"  return   mean {got['mean_return']:.1f} (best known: {best['mean_return']:.1f}), "
        f"median {got['median_return']:.1f}, worst {got['worst_return']:.1f}",
        f"           over all starts, which are harder: {got['validation_return']:.1f} on a grid of them "
        f"(best known: {best['mean_return_everywhere']:.1f})",
        f"  upright  {got['swung_up']} of {got['starts']}, within 10 degrees for the last 2 seconds",
        f"  budget   {command.count(spent['gradient_evaluations'], 'gradient')} through "
        f"{spent['training_steps']:,} steps of the simulator,",
        f"           and {spent['validation_steps']:,} steps to choose the best controller",
        f"  seconds  {spent['seconds_training']:.1f} to train, {spent['seconds_evaluating']:.1f} to evaluate",
        f"  written  {', '.join(str(out / name) for name in FILES)}",
    ]
    if not result["success"]:
        lines.append(f"Not learned: a mean return of {GOAL:.0f} was the goal.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
