"""A controller learns to swing up a pendulum and to hold it there, by gradients through its physics.

The motor cannot lift the rod: it must swing it to and fro first. A neural network gives the torque
for (cos θ, sin θ, ω), and is trained by backpropagation through time: 2 to 3 seconds of the
simulator and the network, a *window*, are one function, from the network's parameters to the cost,
and tinydp takes its gradient. The result is judged by the real Gymnasium environment, Pendulum-v1.

Two modes, which differ in where the windows start:

- `--mode episode`, the article's: there is one episode of 200 steps, 10 seconds. It runs while the
  controller learns, and windows start from the states that it has visited, no others. For a quarter
  of it the motor lets the rod down: an episode that starts upright, and stays, sees nothing.
- `--mode batch`: windows start anywhere, as episodes do, for the best controller.
"""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, MultipleLocator

from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from .. import COMMAND, command, style
from ..animation import save_animation
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..play import play as open_window
from ..schedule import averaged, checks_until
from ..seconds import Clock, Seconds, timed
from .judge import SEED as JUDGED_SEED
from .judge import Judged, judge_everywhere
from .machine import (
    ARTICLE,
    BEST_EVALUATED,
    BEST_EVERYWHERE,
    CHECKS,
    EPISODE,
    EVALUATED,
    HANGING,
    HANGING_STARTS,
    HANGING_WITHIN,
    HELD,
    IMAGINED,
    LIMIT,
    MEMORY,
    RECIPES,
    UP,
    VALIDATION,
    Recipe,
    controller,
    draw_hanging,
    draw_starts,
    gradient_of_loss,
    horizon,
    network,
    new_controller,
    recipe,
    returns,
    spread_hanging,
    spread_starts,
)
from .plan import planner

CLAIM = "one episode of 200 steps is enough; but its pendulum had no torque limit."
TAKES = "a minute, or two with --mode batch"

# ---------------------------------------------------------------------------- training


class Check(NamedTuple):
    """The average controller after so many updates, and its mean return from starts spread evenly.

    `hanging` is that from starts near hanging, where the recipe has any. `imagined` is that from states
    of the one episode, known when the training is over.
    """

    update: int
    mean_return: float
    params: Params
    imagined: float = 0.0
    hanging: float = 0.0


class Run(NamedTuple):
    """Steps of one pendulum: angle from upright in rad, rate in rad/s and torque in N m, each (n,)."""

    theta: np.ndarray
    rate: np.ndarray
    torque: np.ndarray

    @property
    def total(self) -> float:
        """The return."""
        return float(-np.sum(cost(State(self.theta, self.rate), self.torque)))


class Training(NamedTuple):
    """A training after so many updates: all that its next update depends on, and what it took.

    Updates change `params`; the controller is their running `average`, which is steadier.
    `episode` is the one that runs meanwhile, up to the state that it is in, `now`; in batch mode it
    stays empty.
    """

    update: int
    params: Params
    average: Params
    optimiser: AdamState
    rng: np.random.Generator
    now: State
    episode: Run
    checks: list[Check]              # the first is before the first update
    training_steps: int
    validation_steps: int
    seconds: Seconds


STARTS = {"episode": 10_000, "batch": 100_000}             # all over, by which a network is judged as well
GOALS = ("goal", "everywhere")           # of a recipe: no training depends on them
KINDS = (Training, State, Run, Check, Layer, AdamState, Seconds)          # that a training is made of


def settings(options: Options) -> dict[str, Any]:
    """All that a training depends on; how it is judged then is not among them."""
    how = recipe(options)
    trained = {name: value for name, value in how._asdict().items() if name not in GOALS}
    return {"seed": options.seed, "mode": options.mode, "recipe": trained, "net": network(how).sizes,
            "limit": LIMIT, "memory": MEMORY, "checks": CHECKS, "validation": VALIDATION,
            "hanging": [*HANGING_STARTS, *HANGING_WITHIN] if how.hanging else None}


def starts_everywhere(options: Options) -> int:
    """From how many starts, all over, the network is judged."""
    return options.starts or STARTS[options.mode]


def judged(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    goals = {name: getattr(recipe(options), name) for name in GOALS}
    return settings(options) | {"plan": options.plan, "after": options.after,
                                "starts": starts_everywhere(options), "goals": goals}


def train(options: Options) -> Training:
    """Train as the mode does; or go on where a run was interrupted."""
    how = recipe(options)
    keeper = Keeper(options.out / f"{options.mode}-{options.seed}.npz", "pendulum", settings(options),
                    KINDS)
    training = keeper.load(options.fresh)
    if training is None:
        training = begin(options.seed, how)
        if options.action == "show":             # something to look at, while it learns
            style.save_picture(options.out / f"{options.mode}-maps.png", draw_maps(training.average))
    else:
        command.note(f"Going on after update {training.update:,} of {how.updates:,}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    total = how.updates * how.windows * how.horizon[-1]
    with command.progress(total, "episodes", "training", options.quiet, EPISODE,
                          initial=training.training_steps) as bar:
        while training.update < how.updates:
            training, value = improve(training, how, alive=options.mode == "episode")
            keeper.keep(training, finished=training.update == how.updates)
            bar.set_postfix_str(f"cost {value:.2f}, return {training.checks[-1].mean_return:.0f}", False)
            bar.update(training.training_steps - bar.n)
    return compared(training) if options.mode == "episode" else training


def compared(training: Training) -> Training:
    """Each controller of the training tried from states of its episode, from which it learned."""
    clock, episode = Clock(training.seconds), training.episode
    which = np.linspace(0, len(episode.torque) - 1, IMAGINED).round().astype(int)
    visited = State(episode.theta[which], episode.rate[which])
    checks = [check._replace(imagined=float(np.mean(returns(check.params, visited))))
              for check in training.checks]
    return training._replace(checks=checks, seconds=clock.seconds)


def begin(seed: int, how: Recipe) -> Training:
    """The training before its first update, with the pendulum where Gymnasium would start it."""
    rng = np.random.default_rng(seed)
    params = new_controller(rng, network(how))
    return Training(0, params, params, Adam().init(params), rng, gymnasium_start(seed),
                    Run(*np.zeros((3, 0))), [check(0, params, how)], 0, steps_of_check(how), Seconds())


def improve(training: Training, how: Recipe, alive: bool) -> tuple[Training, float]:
    """The training after one more update, and the mean cost of a step that counted.

    An episode that is alive goes on meanwhile.
    """
    clock = Clock(training.seconds)
    k, params, average, state, rng, now, episode, checks, steps, validated, _ = training
    starts = draw_visited(rng, how.windows, now, episode) if alive else draw_windows(rng, how)
    pushes = rng.normal(0.0, how.push, (how.horizon[-1], how.windows))
    counted = horizon(how, k)
    weights = np.where(np.arange(len(pushes)) < counted, 1.0, 0.0)
    value, gradient = gradient_of_loss(params, starts, pushes, weights)
    optimiser = Adam(cosine(*how.rate, how.updates))
    params, state = optimiser.step(params, clip_by_norm(gradient, LIMIT), state)
    k += 1
    average = averaged(average, params, k, MEMORY)
    while alive and len(episode.torque) < k * EPISODE // how.updates:
        now, episode = live(average, rng, how, now, episode)
    if checks_until(k, how.updates, CHECKS) > checks_until(k - 1, how.updates, CHECKS):
        checks = [*checks, check(k, average, how)]
        validated += steps_of_check(how)
    return Training(k, params, average, state, rng, now, episode, checks, steps + pushes.size, validated,
                    clock.seconds), value / counted


def live(params: Params, rng: np.random.Generator, how: Recipe, now: State, episode: Run
         ) -> tuple[State, Run]:
    """One more step of the running episode: its new state, and what is past."""
    limit = STANDARD.max_torque
    if len(episode.torque) < how.down:
        torque = let_down(now)
    else:
        torque = np.clip(controller(params, observe(now)) + rng.normal(0.0, how.push), -limit, limit)
    past = (np.append(old, new) for old, new in zip(episode, (*now, torque), strict=True))
    return step(now, torque), Run(*past)


def let_down(now: State) -> float:
    """The torque that brings the rod to where learning begins: over, if it is above, and then to rest."""
    theta, rate = now
    return STANDARD.max_torque * float(np.sign(np.sin(theta) if np.cos(theta) > 0 else -rate))


def draw_visited(rng: np.random.Generator, n: int, now: State, episode: Run) -> State:
    """States of the episode up to now, each as likely: two arrays of shape (n,)."""
    which = rng.integers(len(episode.torque) + 1, size=n)
    return State(np.append(episode.theta, now.theta)[which], np.append(episode.rate, now.rate)[which])


def draw_windows(rng: np.random.Generator, how: Recipe) -> State:
    """Starts anywhere, and the recipe's share of them near hanging: two arrays of shape (windows,)."""
    near = round(how.hanging * how.windows)
    return join(draw_starts(rng, how.windows - near), draw_hanging(rng, near))


def join(some: State, others: State) -> State:
    """Both, one after the other."""
    return State(np.append(some.theta, others.theta), np.append(some.rate, others.rate))


def gymnasium_start(seed: int) -> State:
    """Where `env.reset(seed=seed)` starts."""
    with gymnasium.make("Pendulum-v1") as env:
        env.reset(seed=seed)
        theta, rate = env.unwrapped.state        # type: ignore[attr-defined]
    return State(float(theta), float(rate))


@functools.cache
def gymnasium_starts(seeds: range) -> State:
    """Those of many seeds: two arrays of shape (n,)."""
    return State(*np.array([gymnasium_start(seed) for seed in seeds]).T)


def check(update: int, params: Params, how: Recipe) -> Check:
    """The mean return from the validation starts, and from those near hanging."""
    everywhere, hanging = validation_starts(how)
    found, n = returns(params, join(everywhere, hanging)), len(everywhere.theta)
    return Check(update, float(np.mean(found[:n])), params,
                 hanging=float(np.mean(found[n:])) if how.hanging else 0.0)


def validation_starts(how: Recipe) -> tuple[State, State]:
    """Those of a check, spread evenly, and those near hanging; none, where no side is told."""
    spread = spread_starts(*VALIDATION)
    if not how.hanging:
        return spread, State(*np.zeros((2, 0)))
    return join(spread, State(-spread.theta, -spread.rate)), spread_hanging(*HANGING_STARTS)


def steps_of_check(how: Recipe) -> int:
    """Simulator steps that one of them takes."""
    return EPISODE * sum(len(starts.theta) for starts in validation_starts(how))


def kept(training: Training, how: Recipe) -> Check:
    """The controller that the training results in; starts near hanging have the weight of their windows."""
    if how.choose:
        return max(training.checks, key=lambda check: (1 - how.hanging) * check.mean_return
                   + how.hanging * check.hanging)
    return max(training.checks, key=lambda check: (check.imagined, check.update))


# ---------------------------------------------------------------------------- evaluation


class Episodes(NamedTuple):
    """Episodes of the real environment: returns (n,), and observations (n, 200, 3).

    `decision` is the processor time that a decision takes, the median in ms.
    """

    returns: np.ndarray
    seen: np.ndarray
    seconds: Seconds
    decision: float = 0.0

    @property
    def swung_up(self) -> int:
        """How many end upright: within 10 degrees for all of the last 2 seconds."""
        return int(np.sum(np.all(self.seen[:, -HELD:, 0] > UP, axis=1)))


def evaluate(params: Params, quiet: bool, seeds: range = EVALUATED, improvements: int = 0) -> Episodes:
    """One episode of Gymnasium's Pendulum-v1 from `env.reset(seed=s)` for each seed s.

    With `improvements`, each decision plans ahead with so many of them.
    """
    clock, totals, episodes = Clock(), [], []
    decisions: list[float] = []
    with gymnasium.make("Pendulum-v1") as env, command.progress(
            len(seeds), "episodes", "evaluating", quiet) as bar:
        for seed in seeds:
            seen, _ = env.reset(seed=seed)
            decide = timed(planner(params, improvements), decisions)
            episode, total, over = [], 0.0, False
            while not over:
                seen, reward, ended, truncated, _ = env.step(np.array([decide(seen)], dtype=np.float32))
                total, over = total + float(reward), ended or truncated
                episode.append(seen)
            totals.append(total)
            episodes.append(episode)
            bar.set_postfix_str(f"mean return {np.mean(totals):.1f}", False)
            bar.update()
    return Episodes(np.array(totals), np.array(episodes), clock.seconds,
                    float(np.median(decisions)))


def run(params: Params, state: State, steps: int = EPISODE, physics: Any = STANDARD,
        decide: Callable[[Params, Any], Any] = controller) -> Run:
    """An episode of the simulator, with these parameters, from `state`."""
    rows = []
    for _ in range(steps):
        torque = decide(params, observe(state))
        rows.append((*state, torque))
        state = step(state, torque, physics)
    return Run(*np.array(rows).T)


# ---------------------------------------------------------------------------- maps

ANGLES, RATES = np.linspace(-np.pi, np.pi, 121), np.linspace(-8.0, 8.0, 81)


def torque_map(params: Params) -> np.ndarray:
    """The torque in every state: shape (rates, angles)."""
    theta, rate = np.meshgrid(ANGLES, RATES)
    return controller(params, observe(State(theta.ravel(), rate.ravel()))).reshape(theta.shape)


def value_map(params: Params) -> np.ndarray:
    """The return of an episode from every state: shape (rates, angles)."""
    theta, rate = np.meshgrid(ANGLES, RATES)
    rows = range(len(RATES))                     # a row at a time: all at once would leave the cache
    return np.stack([returns(params, State(theta[row], rate[row])) for row in rows])


def draw_maps(params: Params) -> Figure:
    """What each state is worth, and what the controller does there; the way up from hanging."""
    way = run(params, TILTED, 120)
    return draw_planes(value_map(params), torque_map(params), State(way.theta, way.rate),
                       "What every start is worth", "What the motor does there")


def draw_planes(values: np.ndarray, torques: np.ndarray, way: State, worth_title: str, action_title: str
                ) -> Figure:
    """Values and torques (rates, angles) over the phase plane side by side, and a way through both."""
    with style.styled():
        picture = style.figure(900, 380)
        worth, action = picture.subplots(1, 2, sharey=True)
        low = 100 * math.floor(np.percentile(values, 3) / 100)
        draw_map(worth, values, np.linspace(low, 0, 21), style.RISING, "return of the 10 seconds from here")
        draw_map(action, torques, np.linspace(-2, 2, 21), style.DIVERGING, "torque (N m)")
        for axes, title in ((worth, worth_title), (action, action_title)):
            draw_around(axes, way.theta, way.rate, color=style.INK, linewidth=1.4)
            axes.plot(np.degrees(way.theta[0]), way.rate[0], "o", color=style.INK, markersize=5)
            phase_axes(axes)
            axes.set_title(title)
        action.set_ylabel("")
    return picture


def draw_map(axes: Axes, values: np.ndarray, levels: np.ndarray, colours: Any, what: str) -> None:
    """Values over the phase plane as colours, and what these mean."""
    drawn = axes.contourf(np.degrees(ANGLES), RATES, values, levels, cmap=colours, extend="both")
    ticks = MaxNLocator(4).tick_values(levels[0], levels[-1])
    bar = axes.figure.colorbar(drawn, ax=axes, label=what, ticks=ticks, format=lambda x, _: style.number(x))
    bar.outline.set_visible(False)


def phase_axes(axes: Axes) -> None:
    """The plane of angle and rate, its upright and hanging points marked."""
    axes.plot([-180, 180], [0, 0], "o", color=style.INK, markersize=5, clip_on=False, zorder=3)
    axes.plot(0, 0, "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.8, zorder=3)
    style.label(axes, "upright", (0, 0), (0, 14), ha="center", weight="bold", fontsize=9)
    style.label(axes, "hanging", (180, 0), (-8, -3), ha="right", weight="bold", fontsize=9)
    axes.set(xlim=(-180, 180), ylim=(-8, 8), xlabel="angle from upright (°)", ylabel="rate (rad/s)")
    axes.set_xticks(range(-180, 181, 90))
    axes.set_yticks([-8, -4, 0, 4, 8])


def draw_around(axes: Axes, angles: np.ndarray, rates: np.ndarray, **look: Any) -> list[Line2D]:
    """A path in the phase plane that goes on at -180° where it leaves at 180°."""
    degrees = np.degrees(np.unwrap(angles))
    turns = range(round(np.min(degrees) / 360), round(np.max(degrees) / 360) + 1)
    return [axes.plot(degrees - 360 * turn, rates, **look)[0] for turn in turns]


# ---------------------------------------------------------------------------- picture

def draw_picture(mode: str, training: Training, episodes: Episodes) -> Figure:
    """The learning curve, all evaluated episodes in the phase plane, and one run in time.

    That is the episode that it learned from, or else a swing-up from hanging.
    """
    how = RECIPES[mode]._replace(updates=training.update)
    params = kept(training, how).params
    shown = training.episode if mode == "episode" else run(params, HANGING, 101)
    titles = {"episode": "The black path over time: the one episode that it learned from",
              "batch": "The black path over time, from hanging at rest"}
    with style.styled():
        picture = style.figure(900, 640)
        panels = picture.subplot_mosaic([["learning", "phase"], ["angle", "angle"], ["torque", "torque"]],
                                        height_ratios=[3, 1.3, 0.9])
        draw_learning(panels["learning"], training, how)
        draw_phase_plane(panels["phase"], episodes, shown)
        draw_in_time(panels["angle"], panels["torque"], shown)
        panels["angle"].set_title(titles[mode])
        picture.align_ylabels()
    return picture


def draw_learning(axes: Axes, training: Training, how: Recipe) -> None:
    """The mean return after so many updates; both on a logarithmic scale, better is up."""
    updates = [check.update for check in training.checks[1:]]
    costs = [-check.mean_return for check in training.checks[1:]]
    best = kept(training, how)
    axes.axhline(-BEST_EVERYWHERE, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
    style.label(axes, f"best known: {style.number(BEST_EVERYWHERE)}", (1, -BEST_EVERYWHERE), (0, 5))
    axes.plot(updates, costs, color=style.BLUE)
    last = (max(best.update, 1), -best.mean_return)
    axes.plot(*last, "o", color=style.BLUE)
    style.label(axes, f"kept: {style.number(best.mean_return)}", last, (0, -17), ha="right",
                color=style.BLUE, weight="bold")
    axes.set(xscale="log", yscale="log", xlim=(0.9, 1.1 * updates[-1]), ylim=(2000, 115), xlabel="updates",
             ylabel="mean return, of starts spread evenly")
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda x, _: style.number(x))
    ticks = [150, 300, 600, 1200]
    axes.set_yticks(ticks, [style.number(-tick) for tick in ticks])
    axes.set_title(f"Learning: {training.seconds.title}")


def draw_phase_plane(axes: Axes, episodes: Episodes, shown: Run) -> None:
    """Every evaluated episode in the plane of angle and rate, and the one that is shown in time."""
    for cosines, sines, rates in np.moveaxis(episodes.seen, 2, 1):
        draw_around(axes, np.arctan2(sines, cosines), rates, color=style.BLUE, linewidth=0.7, alpha=0.28)
    draw_around(axes, shown.theta, shown.rate, color=style.INK)
    phase_axes(axes)
    axes.set_title(f"{episodes.swung_up} of {len(episodes.returns)} episodes end upright")


def draw_in_time(angles: Axes, torques: Axes, shown: Run) -> None:
    """Angle, counted so that the upright at the end is 0, and torque."""
    turns = 2 * np.pi * np.round(shown.theta[-1] / (2 * np.pi))
    seconds, degrees = STANDARD.dt * np.arange(len(shown.theta)), np.degrees(shown.theta - turns)
    angles.plot(seconds, degrees, color=style.INK)
    angles.set(xlim=(0, seconds[-1]), ylabel="angle (°)")
    angles.yaxis.set_major_locator(MultipleLocator(90 * max(1, round(np.ptp(degrees) / 360))))
    angles.tick_params(labelbottom=False)
    torques.step(seconds, shown.torque, where="post", color=style.ORANGE)
    torques.set(xlim=(0, seconds[-1]), ylim=(-2.4, 2.4), xlabel="time (s)", ylabel="torque (N m)")
    torques.set_yticks([-2, 0, 2])


# ---------------------------------------------------------------------------- animations

SHOWN = 120                     # steps in the animation: 6 s, in frames of 50 ms as in the simulator
TILTED = State(np.radians(150), 0.0)


def animate(path: Path, training: Training, how: Recipe, quiet: bool) -> None:
    """The same start before, during and after training, side by side, as a GIF."""
    first, best = training.checks[0], kept(training, how)
    middle = (first.mean_return + best.mean_return) / 2
    halfway = min(training.checks, key=lambda check: abs(check.mean_return - middle))
    stages = [(first, "untrained"), *((check, f"after {command.count(check.update, 'update')}")
                                      for check in (halfway, best))]
    with style.styled():
        picture = style.figure(720, 300)
        drawings = []
        for axes, (check, title) in zip(picture.subplots(1, 3), stages, strict=True):
            axes.set_title(title, loc="center")
            axes.text(0, -1.42, f"from starts spread evenly: {style.number(check.mean_return)}", ha="center")
            moves, pendulum = run(check.params, TILTED, SHOWN), Pendulum(axes)
            drawings.append(functools.partial(pendulum.draw_run, moves))

        def draw(k: int) -> None:
            for drawing in drawings:
                drawing(k)

        save_animation(path, picture, draw, range(SHOWN), STANDARD.dt, quiet)


def animate_episode(path: Path, training: Training, how: Recipe, quiet: bool) -> None:
    """The episode that it learned from, beside the strategy as it was at each moment."""
    episode, checks = training.episode, training.checks
    due = [check.update * EPISODE // how.updates for check in checks]     # the step from which each was known
    with style.styled():
        picture = style.figure(720, 340)
        stage, plane = picture.subplots(1, 2, width_ratios=[1, 1.35])
        pendulum, strategy = Pendulum(stage), Strategy(plane, checks[0].params)
        clock = stage.text(0, -1.42, "", ha="center")

        def draw(k: int) -> None:
            now = checks[max(i for i, step in enumerate(due) if step <= k)]
            pendulum.draw_run(episode, k)
            strategy.draw(now.params, episode.theta[:k + 1], episode.rate[:k + 1])
            doing = "letting the rod down" if k < how.down else "swinging it up"
            clock.set_text(f"{STANDARD.dt * k:.1f} s of its only episode: {doing}")
            plane.set_title(f"Torque ↺ orange, ↻ blue; mean return {style.number(now.mean_return)}",
                            fontsize=9.5)

        save_animation(path, picture, draw, range(len(episode.theta)), STANDARD.dt, quiet)


class Pendulum:
    """A rod with a bob, its trail, an arrow for the torque."""

    def __init__(self, axes: Axes) -> None:
        style.bare(axes)
        axes.set(xlim=(-1.3, 1.3), ylim=(-1.45, 1.2))
        axes.add_line(Line2D([0], [1], marker="o", markersize=15, color=style.PALE, markerfacecolor="none",
                             markeredgewidth=2))
        self.trail = axes.add_line(Line2D([], [], color=style.PALE, linewidth=3))
        self.rod = axes.add_line(Line2D([], [], color=style.INK, linewidth=4))
        self.bob = axes.add_line(Line2D([], [], marker="o", markersize=15, color=style.BLUE))
        axes.add_line(Line2D([0], [0], marker="o", markersize=5, color=style.INK))
        self.arc = axes.add_line(Line2D([], [], color=style.ORANGE, linewidth=2.5))
        self.head = axes.add_line(Line2D([], [], color=style.ORANGE, markersize=9))

    def draw_run(self, moves: Run, k: int) -> None:
        """Step k of a run."""
        self.draw(moves.theta[max(0, k - 12):k + 1], moves.torque[k])

    def draw(self, theta: np.ndarray, torque: float) -> None:
        """At the last of the angles `theta`, on a trail of the others."""
        x, y = -np.sin(theta), np.cos(theta)                     # counter-clockwise is positive
        self.trail.set_data(x, y)
        self.rod.set_data([0, x[-1]], [0, y[-1]])
        self.bob.set_data(x[-1:], y[-1:])
        sweep = torque / STANDARD.max_torque * np.radians(110)
        angles = np.pi / 2 + np.linspace(-sweep / 2, sweep / 2, 30)
        self.arc.set_data(0.38 * np.cos(angles), 0.38 * np.sin(angles))
        self.head.set_data(0.38 * np.cos(angles[-1:]), 0.38 * np.sin(angles[-1:]))
        self.head.set_marker((3, 0, np.degrees(angles[-1]) + (0 if sweep > 0 else 180)))
        for part in (self.arc, self.head):
            part.set_visible(abs(sweep) > 0.1)


class Strategy:
    """The torque everywhere in the phase plane, as colours, and the path of a pendulum in it."""

    def __init__(self, axes: Axes, params: Params) -> None:
        self.params, self.axes = params, axes
        self.image = axes.imshow(torque_map(params), cmap=style.DIVERGING, vmin=-2, vmax=2, origin="lower",
                                 extent=(-180, 180, -8, 8), aspect="auto", interpolation="bilinear")
        self.path = axes.add_line(Line2D([], [], color=style.INK, linewidth=1.6))
        self.dot = axes.add_line(Line2D([], [], color=style.INK, marker="o", markersize=8))
        phase_axes(axes)
        axes.grid(False)

    def draw(self, params: Params, theta: np.ndarray, rate: np.ndarray) -> None:
        """With these parameters; at the last of the states, at the end of a path through the others."""
        if params is not self.params:
            self.params = params
            self.image.set_data(torque_map(params))
        around = (theta + np.pi) % (2 * np.pi) - np.pi
        breaks = np.flatnonzero(np.abs(np.diff(around)) > np.pi) + 1     # where it leaves at one side
        self.path.set_data(np.degrees(np.insert(around, breaks, np.nan)), np.insert(rate, breaks, np.nan))
        self.dot.set_data(np.degrees(around[-1:]), rate[-1:])


# ---------------------------------------------------------------------------- to play with

HAND = 6.0                      # of the user, N m


class Game:
    """A pendulum under the trained controller, in its phase plane, and a hand that pushes it."""

    def __init__(self, figure: Figure, params: Params) -> None:
        self.params, self.state, self.hand = params, HANGING, 0.0
        self.past = Run(*np.zeros((3, 0)))
        stage, plane = figure.subplots(1, 2, width_ratios=[1, 1.3])
        figure.subplots_adjust(left=0.02, right=0.97, bottom=0.22, top=0.9, wspace=0.22)
        self.pendulum, self.strategy = Pendulum(stage), Strategy(plane, params)
        plane.set_title("Its strategy, ↺ orange, ↻ blue", fontsize=10)
        self.stage = stage
        figure.text(0.5, 0.05, "push it: ← and → keys, or hold a mouse button beside it   ·   "
                               "space: let it hang", ha="center", fontsize=10)
        for name, act in (("key_press_event", self.press), ("key_release_event", self.release),
                          ("button_press_event", self.click), ("motion_notify_event", self.drag),
                          ("button_release_event", self.release)):
            figure.canvas.mpl_connect(name, act)

    def press(self, event: Any) -> None:
        """Arrow keys push, the space bar begins again."""
        self.hand = {"left": HAND, "right": -HAND}.get(event.key, self.hand)
        if event.key in (" ", "space"):
            self.state, self.past = HANGING, Run(*np.zeros((3, 0)))

    def click(self, event: Any) -> None:
        """The hand pulls the bob towards the mouse."""
        if event.inaxes is self.stage:
            x, y = -np.sin(self.state.theta), np.cos(self.state.theta)
            self.hand = HAND * float(np.sign(x * event.ydata - y * event.xdata))

    def drag(self, event: Any) -> None:
        """As long as a button is held."""
        if event.button is not None:
            self.click(event)

    def release(self, event: Any) -> None:
        """The hand lets go."""
        self.hand = 0.0

    def tick(self) -> None:
        """One step of the simulator. The hand is stronger than the motor's limit."""
        torque = float(controller(self.params, observe(self.state)))
        self.past = Run(*(np.append(old, new)[-60:]
                          for old, new in zip(self.past, (*self.state, torque), strict=True)))
        self.pendulum.draw(self.past.theta[-12:], torque)
        self.strategy.draw(self.params, self.past.theta, self.past.rate)
        theta, rate = self.state
        kick = 3 * STANDARD.dt * self.hand / (STANDARD.mass * STANDARD.length**2)
        self.state = step(State(theta, rate + kick), torque)


def play(options: Options, outcome: "Outcome") -> Path | None:
    """The trained controller in a window, to be pushed."""
    params = kept(outcome.training, recipe(options)).params

    def build(figure: Figure) -> Callable[[], None]:
        return Game(figure, params).tick

    return open_window("tinydp: pendulum", (900, 460), build, options.out / "play.png", STANDARD.dt,
                       ticks_before=70)


# ---------------------------------------------------------------------------- the whole


def chosen(options: Options, training: Training) -> Check:
    """The controller that is judged: what the training results in, or what it was on the way."""
    if options.after is None:
        return kept(training, recipe(options))
    return min(training.checks, key=lambda check: abs(check.update - options.after))


class Outcome(NamedTuple):
    """The training, how the real environment judges the controller that it results in, and from all over."""

    training: Training
    episodes: Episodes
    everywhere: Judged


def learn(options: Options) -> Outcome:
    """Train and evaluate."""
    training = train(options)
    params = chosen(options, training).params
    episodes = evaluate(params, options.quiet, improvements=options.plan)
    return Outcome(training, episodes, judge_everywhere(params, starts_everywhere(options), options.quiet))


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The pictures and the animations."""
    how, training = recipe(options), outcome.training
    names = ["", "-maps", *(["-live"] if options.mode == "episode" else []), ""]
    ends = ["png", "png", *["gif"] * (len(names) - 2)]
    files = [options.out / f"{options.mode}{name}.{end}" for name, end in zip(names, ends, strict=True)]
    style.save_picture(files[0], draw_picture(options.mode, training, outcome.episodes))
    style.save_picture(files[1], draw_maps(kept(training, how).params))
    if options.mode == "episode":
        animate_episode(files[2], training, how, options.quiet)
    animate(files[-1], training, how, options.quiet)
    return files


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, episodes, everywhere = outcome
    how = recipe(options)
    best, found, n = chosen(options, training), episodes.returns, len(everywhere.returns)
    mean, worst, lived = float(np.mean(found)), float(np.min(found)), len(training.episode.torque)
    imagined = 0 if how.choose else len(training.checks) * IMAGINED * EPISODE
    steps = training.training_steps + lived + imagined + (training.validation_steps if how.choose else 0)
    anywhere, evaluating = float(np.mean(everywhere.returns)), episodes.seconds + everywhere.seconds
    success = mean >= how.goal and (how.everywhere is None or (
        anywhere >= how.everywhere and episodes.swung_up == len(found) and not everywhere.left))
    planned = f", each decision planned with {command.count(options.plan, 'improvement')}"
    lines = [
        f"Pendulum-v1 in Gymnasium, from the starts of seeds 0 to {len(found) - 1}"
        f"{planned if options.plan else ''}:",
        f"  return   mean {mean:.1f} (best known: {BEST_EVALUATED:.1f}; the article's recipe: {ARTICLE:.0f})",
        f"           median {np.median(found):.1f}, worst {worst:.1f}",
        f"  upright  {episodes.swung_up} of {len(found)}, within 10 degrees for the last 2 seconds",
        *([f"  plan     {episodes.decision:.1f} ms of processor time a decision"] if options.plan else []),
        f"All starts, {n:,} of them drawn and run as Gymnasium does"
        f"{', by the network alone' if options.plan else ''}:",
        f"  return   mean {anywhere:.1f} (best known: {BEST_EVERYWHERE:.1f}), "
        f"worst {np.min(everywhere.returns):.1f}",
        f"  upright  {n - everywhere.left:,}, and {everywhere.left:,} left hanging or turning",
        f"  budget   {command.count(how.updates, 'gradient')} through "
        f"{training.training_steps:,} steps of the simulator,",
        f"           {training.validation_steps:,} steps to " + (
            "choose the best controller" if how.choose else
            f"watch it learn, and {imagined:,} to choose the controller"),
        *([] if options.after is None else
          [f"  judged   as it was after {command.count(best.update, 'update')}"]),
        f"  seconds  to train    {training.seconds}",
        f"           to evaluate {evaluating}",
    ]
    if lived:
        lines.insert(-5, f"  episode  the only one it learned from, {lived} steps, returned "
                        f"{training.episode.total:.0f} itself")
    if not success:
        lines.append(f"Not learned: a mean return of {how.goal:.0f} was the goal" + (
            "." if how.everywhere is None else
            f", {how.everywhere:.1f} over all starts, and none left."))
    return Report(
        success=success,
        result={
            "mean_return": mean, "median_return": float(np.median(found)), "worst_return": worst,
            "starts": len(found), "swung_up": episodes.swung_up, "chosen_update": best.update,
            "validation_return": best.mean_return, "validation_return_near_hanging": best.hanging,
            "starts_everywhere": n, "mean_return_everywhere": anywhere,
            "worst_return_everywhere": float(np.min(everywhere.returns)),
            "not_upright_everywhere": everywhere.left,
            "improvements_a_decision": options.plan,
            "return_of_the_training_episode": training.episode.total if lived else None,
        },
        budget=command.budget(
            episodes=lived / EPISODE if lived else steps / EPISODE, simulator_steps=steps,
            gradient_evaluations=how.updates, seconds=training.seconds, windows=how.updates * how.windows,
            training_steps=training.training_steps, validation_steps=training.validation_steps,
            choosing_steps=imagined or training.validation_steps,
            evaluation_steps=(len(found) + n) * EPISODE,
            seconds_evaluating=round(evaluating.processor, 2),
            milliseconds_a_decision=round(episodes.decision, 3)),
        claim=CLAIM,
        reference={
            "mean_return": BEST_EVALUATED,
            "mean_return_everywhere": BEST_EVERYWHERE,
            "about": "The best return known from the same 100 starts, and over the whole distribution of "
                     f"starts, by actual trajectories: {COMMAND} pendulum best.",
            "mean_return_of_the_article's_recipe": ARTICLE,
        },
        goal={"mean_return": how.goal, "mean_return_everywhere": how.everywhere,
              "not_upright_everywhere": None if how.everywhere is None else 0}, lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; `returns` (100,) from Gymnasium's starts, by seed; `starts_everywhere` (n, 2), angle
    and rate, with `returns_everywhere` and `upright_everywhere`, each (n,).
    """
    everywhere = draw_starts(np.random.default_rng(JUDGED_SEED), len(outcome.everywhere.returns))
    return {"params": chosen(options, outcome.training).params, "returns": outcome.episodes.returns,
            "starts_everywhere": np.stack(everywhere, axis=1),
            "returns_everywhere": outcome.everywhere.returns,
            "upright_everywhere": outcome.everywhere.upright}


def passes(results: list[dict]) -> tuple[bool, str]:
    """Of a sweep: 9 of 10 seeds are enough in episode mode."""
    good = sum(result["success"] for result in results)
    share = 0.9 if results[0]["settings"]["mode"] == "episode" else 1.0
    return good >= share * len(results), f"{good} of {command.count(len(results), 'seed')} reached the goal."


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--mode", choices=list(RECIPES), default="episode",
                       help="learn from one running episode, or from starts anywhere")
    flags.add_argument("--updates", type=command.positive, metavar="N",
                       help="of the controller, if not as many as the recipe says")
    flags.add_argument("--after", type=command.natural, metavar="N",
                       help="judge the controller as it was after about N updates")
    flags.add_argument("--plan", type=command.natural, default=0, metavar="K",
                       help="improve a plan in the simulator K times before each decision, when judged by "
                            "Gymnasium")
    flags.add_argument("--starts", type=command.positive, metavar="N",
                       help="from how many starts, all over, the network is judged as well "
                            f"({STARTS['episode']:,}, or {STARTS['batch']:,} in a batch)")


DEMO = Demo(
    "pendulum", __doc__, train=learn, report=report, plot=plot, settings=judged, flags=add_flags, play=play,
    columns=[Column("mean of 100 starts", "result.mean_return"),
             Column("mean of all starts", "result.mean_return_everywhere"),
             Column("worst of 100 starts", "result.worst_return"),
             Column("upright", "result.swung_up", digits=0, unit="of 100 starts")],
    keeps=kept_by_sweeps, kinds=(Layer,), outcomes=(Outcome, Episodes, Judged, *KINDS),
    passes=passes, packages=("numpy", "gymnasium"), beside={
        "plan": f"{__name__}.plans",
        **{name: f"{__name__}.{name}" for name in ("world", "race", "article", "best", "page")}})
