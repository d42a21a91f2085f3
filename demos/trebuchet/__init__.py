"""A network learns to aim a trebuchet, by gradients through the machine and the flight.

One target at a time is hit by gradient descent on release angle and counterweight. A network
does better: it learns the aim for every wind and target at once. Its loss is where the shots
land, so that the gradient goes back through flight, release and machine to the network's
parameters. Each learned aim is judged in time steps so short that they change nothing.

The simulator can be asked again before each shot: with `--refine K`, the default, an aim of the network is
improved by at most K of Newton's steps through it (`refine.py`).
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.widgets import Slider

import tinydp as dp
from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, cosine
from tinydp.sims.trebuchet import CORRECTED, DT, Machine, joints, simulate

from .. import command, play, style
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..schedule import checks_until
from ..seconds import Clock, Seconds
from . import refine
from .machine import (
    ANGLES,
    NET,
    TARGETS,
    TRAINING_DT,
    WEIGHTS,
    WIND,
    between,
    controller,
    draw_tasks,
    draw_tasks_within_reach,
    new_controller,
    parts,
    reach,
    shot,
)
from .refine import HIT, LOW, Aim, Row, Wider, better

CLAIM = "off by 0.3 %, after five minutes of training."
TAKES = "a minute"

# ---------------------------------------------------------------------------- the goals

EVALUATED, EVALUATION_SEED = 2000, 2026                          # targets within reach, that judge
MEDIAN_GOAL, LAST_GOAL = 0.1, 0.5                                # %, of the median and of 95 in 100
AIMED = 200                     # single targets, all of which are to be hit
STEPS = 5                       # of Newton's, after which every target within reach is to be hit
SECONDS_GOAL = 60               # of training: told, but no failure, since machines differ, ...
DECISION_GOAL = 1.0             # ms, as is this

# ---------------------------------------------------------------------------- recipe

UPDATES = 2000
SHOTS = 64                      # in a batch
RATE = (2e-2, 2e-5)             # of Adam, from the first update to the last
MEMORY = 0.99                   # of Adam for squares: gradients become smaller quickly
FINE = 0.01                     # of a relative miss: smaller ones count by their square
CHECKS = 30                     # how often in a training the misses are measured, more often at first ...
VALIDATION = 200                # ... over so many targets


# ---------------------------------------------------------------------------- one target

MIDDLE = np.array([0.5, 0.5])                    # an aim to begin with
MOST = 60                                        # steps from one start


def aim_at(wind: float, target: float) -> Aim:
    """Newton's steps on the miss, without a network.

    From the middle, the shot becomes a high one or a low one as it comes; where this misses, there is the low
    start.
    """
    return better([MIDDLE, LOW], wind, target, MOST, DT)


class Aims(NamedTuple):
    """The aims at single targets."""

    aims: list[Aim]
    seconds: Seconds

    @property
    def hits(self) -> int:
        return sum(abs(aim.miss) <= HIT for aim in self.aims)

    @property
    def gradients(self) -> int:
        return sum(aim.gradients for aim in self.aims)


def aim_at_each(quiet: bool) -> Aims:
    """The first of the targets that judge, one by one; the shot was compiled by `warm_up`."""
    winds, targets, _ = draw_tasks_within_reach(EVALUATION_SEED, EVALUATED)
    clock, aims = Clock(), []
    with command.progress(AIMED, "targets", "aiming", quiet) as bar:
        for wind, target in zip(winds[:AIMED], targets[:AIMED], strict=True):
            aims.append(aim_at(float(wind), float(target)))
            bar.set_postfix_str(f"off by {100 * abs(aims[-1].miss):.2f} cm", False)
            bar.update()
    return Aims(aims, clock.seconds)


# ---------------------------------------------------------------------------- the network

def loss(params: Params, winds: np.ndarray, targets: np.ndarray, through: int = 0) -> Any:
    """The mean relative miss, rounded off near 0 so that small misses settle.

    A target out of reach pulls no harder than any other: it teaches the furthest shot. With `through`, the
    misses after so many of Newton's steps are added, whose gradient has second derivatives of the shot.
    """
    total = 0.0
    for k, landings in enumerate(landings_of(params, winds, targets, through)):
        misses = (landings - targets) / targets
        total = total + np.mean(np.sqrt(misses**2 + FINE**2**(k + 1)))     # a step squares a miss
    return total


def landings_of(params: Params, winds: np.ndarray, targets: np.ndarray, through: int) -> list[Any]:
    """Where the network's aims land, in m, (n,), and those after one step, two, ..., `through`."""
    aims = parts(params, winds, targets)
    if through:
        rows = [refine.way(through)(aims[i], float(wind), float(targets[i])) for i, wind in enumerate(winds)]
        return list(np.stack(rows, axis=1))
    angles, weights = between(aims)
    return [np.stack([shot(float(wind), angles[i], weights[i], TRAINING_DT) for i, wind in enumerate(winds)])]


# ---------------------------------------------------------------------------- training

Land = Callable[[Params, np.ndarray, np.ndarray, float], np.ndarray]     # as `land`, by any controller


class Check(NamedTuple):
    """The misses after so many updates, in %: of half, and of 95 in 100, of the targets."""

    update: int
    median: float
    last: float


class Training(NamedTuple):
    """A training after so many updates: all that its next update depends on, and what it took."""

    update: int
    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    checks: list[Check]              # the first is before the first update
    seconds: Seconds


def settings(options: Options) -> dict[str, Any]:
    """All that a training depends on; how it is judged then is not among them."""
    return {"seed": options.seed, "updates": options.updates, "net": NET.sizes, "shots": SHOTS,
            "rate": RATE, "memory": MEMORY, "fine": FINE, "dt": TRAINING_DT, "angles": ANGLES,
            "weights": WEIGHTS, "wind": WIND, "targets": TARGETS, "checks": CHECKS,
            "through": options.through}


def all_settings(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    return settings(options) | {"refine": options.refine}


def train(options: Options) -> Training:
    """Adam on the gradient of `loss`, with new tasks at every update; or where a run was interrupted."""
    updates = options.updates
    keeper = Keeper(options.out / f"training-{options.seed}.npz", "trebuchet", settings(options),
                    kinds=[Training, Check, Layer, AdamState, Seconds])
    optimiser = Adam(cosine(*RATE, updates), beta2=MEMORY)
    training = keeper.load(options.fresh) or begin(options.seed, optimiser)
    if training.update:
        command.note(f"Going on after {command.count(training.update, 'update')}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    with command.progress(SHOTS * updates, "shots", "training", options.quiet,
                          initial=SHOTS * training.update) as bar:
        while training.update < updates:
            training, value = improve(training, optimiser, options)
            keeper.keep(training, finished=training.update == updates)
            bar.set_postfix_str(f"loss {100 * value:.2f} %, half miss by less than "
                                f"{training.checks[-1].median:.2g} %", False)
            bar.update(SHOTS)
    return training


def begin(seed: int, optimiser: Adam) -> Training:
    """The training before its first update."""
    rng = np.random.default_rng(seed)
    params = new_controller(rng)
    return Training(0, params, optimiser.init(params), rng, [check(0, params)], Seconds())


def improve(training: Training, optimiser: Adam, options: Options) -> tuple[Training, float]:
    """The training after one more update, and the loss before it."""
    clock = Clock(training.seconds)
    k, params, state, rng, checks, _ = training
    value, gradient = dp.value_and_grad(loss)(params, *draw_tasks(rng, SHOTS), options.through)
    params, state = optimiser.step(params, gradient, state)
    if checks_until(k + 1, options.updates, CHECKS) > checks_until(k, options.updates, CHECKS):
        checks = [*checks, check(k + 1, params)]
    return Training(k + 1, params, state, rng, checks, clock.seconds), float(value)


def check(update: int, params: Params) -> Check:
    """How far the training is."""
    return Check(update, *validated(params, land))


def validated(params: Params, land: Land) -> tuple[float, float]:
    """The misses over other targets than those that judge: of half of them, and of 95 in 100, in %."""
    winds, targets, _ = draw_tasks_within_reach(EVALUATION_SEED + 1, VALIDATION)
    misses = percent(land(params, winds, targets, TRAINING_DT), targets)
    return float(np.median(misses)), float(np.percentile(misses, 95))


# ---------------------------------------------------------------------------- evaluation

def land(params: Params, winds: np.ndarray, targets: np.ndarray, dt: float = DT) -> np.ndarray:
    """Where the controller's shots land, in m, (n,)."""
    angles, weights = controller(params, winds, targets)
    return np.array([shot(*map(float, one), dt) for one in zip(winds, angles, weights, strict=True)])


def percent(landings: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Misses in % of the target."""
    return 100 * np.abs(landings - targets) / targets


class Judged(NamedTuple):
    """Tasks within reach and where the shots landed, each (n,), and the share of tasks that are."""

    winds: np.ndarray
    targets: np.ndarray
    landings: np.ndarray
    within_reach: float
    seconds: Seconds

    @property
    def misses(self) -> np.ndarray:
        return percent(self.landings, self.targets)


def judge(params: Params) -> Judged:
    """New tasks, in the fine time steps."""
    clock = Clock()
    winds, targets, within = draw_tasks_within_reach(EVALUATION_SEED, EVALUATED)
    landings = land(params, winds, targets)
    return Judged(winds, targets, landings, within, clock.seconds)


# ---------------------------------------------------------------------------- pictures

FAN_WIND, FAN = 2.0, (30, 40, 50, 60, 70, 80, 90)                # m/s, and targets in m
MAP_WINDS, MAP_TARGETS = np.linspace(-12.5, 12.5, 76), np.linspace(*TARGETS, 76)
GROUND = -CORRECTED.pivot_height


def draw_picture(options: Options, outcome: "Outcome") -> Figure:
    """Throws before and after training, the miss for every wind and target, and the learning."""
    before = begin(options.seed, Adam()).params
    after = outcome.training.params
    with style.styled():
        picture = style.figure(900, 620)
        above, below = picture.subfigures(2, 1, height_ratios=[1, 1.6])
        untrained, trained = above.subplots(1, 2)
        draw_fan(untrained, before)
        draw_fan(trained, after)
        untrained.set_title("Untrained: one aim for all targets")
        trained.set_title(f"Trained, in a tail wind of {FAN_WIND:g} m/s")
        errors, learning = below.subplots(1, 2)
        draw_map(below, errors, after)
        draw_learning(learning, outcome)
    return picture


def draw_fan(axes: Axes, params: Params) -> None:
    """Throws at several targets in the same wind."""
    angles, weights = controller(params, np.full(len(FAN), FAN_WIND), np.array(FAN, dtype=float))
    for angle, weight in zip(angles, weights, strict=True):
        ball = simulate(FAN_WIND, float(angle), float(weight), dt=2 * DT).ball
        axes.plot(ball.x, ball.y - GROUND, color=style.BLUE, linewidth=1.2)
    axes.plot(FAN, [0] * len(FAN), "^", color=style.ORANGE, markersize=7, clip_on=False, zorder=3)
    axes.set(xlim=(-5, 100), ylim=(0, 40), xlabel="distance (m)", ylabel="height (m)", aspect="equal")
    axes.set_yticks([0, 20, 40])


def draw_map(picture: Any, axes: Axes, params: Params) -> None:
    """The miss in % of the target, where it is within reach."""
    winds, targets = np.meshgrid(MAP_WINDS, MAP_TARGETS)
    within = reach().holds(winds, targets)
    misses = np.full(winds.shape, np.nan)
    misses[within] = percent(land(params, winds[within], targets[within]), targets[within])
    drawn = axes.pcolormesh(winds, targets, misses, norm=LogNorm(0.01, 10), cmap=style.RISING.reversed(),
                            shading="nearest", rasterized=True)
    bar = picture.colorbar(drawn, ax=axes, pad=0.02, extend="both")
    bar.set_ticks([0.01, 0.1, 1, 10], labels=["0.01 %", "0.1 %", "1 %", "10 %"])
    bar.outline.set_visible(False)               # type: ignore[operator]
    bar.minorticks_off()
    for limit in reach().limits(MAP_WINDS):
        axes.plot(MAP_WINDS, limit, color=style.INK, linewidth=1.5)
    style.label(axes, "too far", (-8.5, 85), (0, 0), ha="center")
    style.label(axes, "too near", (8.5, 27), (0, 0), ha="center")
    axes.set(xlim=(MAP_WINDS[0], MAP_WINDS[-1]), ylim=TARGETS, xlabel="wind (m/s)", ylabel="target (m)")
    axes.grid(False)
    axes.set_title("How far off, for every wind and target")


def draw_learning(axes: Axes, outcome: "Outcome") -> None:
    """The misses by the shots learned from, on logarithmic scales."""
    checks = outcome.training.checks[1:]
    shots = [SHOTS * check.update for check in checks]
    axes.axhline(0.3, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)))
    style.label(axes, "the article's", (shots[0], 0.3), (0, 4), color=style.GREY)
    for misses, text, colour, lift in (
            ([check.last for check in checks], "19 of 20 targets miss by less", style.ORANGE, 12),
            ([check.median for check in checks], "half of them", style.BLUE, -18)):
        axes.plot(shots, misses, color=colour)
        style.label(axes, text, (shots[0], misses[0]), (0, lift), color=colour)
    axes.set(xscale="log", yscale="log", xlabel="shots learned from",
             ylabel="miss in % of the target", ylim=(0.01, 300))
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda x, _: style.number(x))
    axes.set_yticks([0.01, 0.1, 1, 10, 100], labels=["0.01", "0.1", "1", "10", "100"])
    axes.set_title(f"Learning: {outcome.training.seconds.title}")


# ---------------------------------------------------------------------------- the machine, moving

SLOW, FAST = 0.012, 0.09                         # s a frame, until the arm has swung, and in flight
HELD = 18                                        # frames to look at the hit
FRAME = 0.05                                     # s, for which each is shown
SHOWN = ((-4.0, 55.0), (5.0, 95.0))               # winds and targets


class Scene:
    """A throw drawn twice: the machine from near, and the whole flight."""

    def __init__(self, figure: Figure, bottom: float = 0.0):
        """In the part of the figure above `bottom`, a share of its height."""
        height = 1 - bottom
        near = figure.add_axes((0.0, bottom, 0.33, 0.86 * height))
        self.far = figure.add_axes((0.36, bottom + 0.16 * height, 0.62, 0.66 * height))
        style.bare(near)
        near.set(xlim=(-4.6, 4.0), ylim=(-2.1, 5.4))
        near.axhline(GROUND, color=style.GREY, linewidth=1.5)
        near.fill([0, -0.7, 0.7], [0, GROUND, GROUND], facecolor=style.PALE, edgecolor=style.GREY)
        self.sling = near.add_line(Line2D([], [], color=style.INK, linewidth=1))
        self.arm = near.add_line(Line2D([], [], color=style.INK, linewidth=5))
        self.hanger = near.add_line(Line2D([], [], color=style.INK, linewidth=2))
        self.weight = near.add_line(Line2D([], [], color=style.INK, marker="s"))
        near.add_line(Line2D([0], [0], color="white", marker="o", markersize=4, zorder=4))
        self.far.set(xlim=(-8, 112), ylim=(0, 45), xlabel="distance (m)", yticks=[0, 20, 40],
                     ylabel="height (m)", aspect="equal", anchor="SW")
        self.wind = self.far.add_line(Line2D([], [], color=style.BLUE, alpha=0.3, linewidth=2.5))
        self.flag = self.far.add_line(Line2D([], [], color=style.INK, marker="^", markersize=11,
                                             clip_on=False))
        self.small = self.far.add_line(Line2D([], [], color=style.INK, linewidth=2))
        self.trails = [axes.add_line(Line2D([], [], color=style.ORANGE, linewidth=1.5))
                       for axes in (near, self.far)]
        self.balls = [axes.add_line(Line2D([], [], color=style.ORANGE, marker="o", markersize=size,
                                           zorder=4, clip_on=axes is near))
                      for axes, size in ((near, 9), (self.far, 6))]
        self.said = figure.text(0.36, 1 - 0.09 * height, "", weight="bold")
        self.found = figure.text(0.36, 1 - 0.17 * height, "")

    def prepare(self, params: Params, wind: float, target: float, steps: int = 0) -> list[float]:
        """Aim, refine that as often, and throw; the times of the frames that show it."""
        angle, weight = map(float, between(refine.refined(params, wind, target, steps).part))
        self.throw, self.blows, self.target = simulate(wind, angle, weight, dt=2 * DT), wind, target
        self.flag.set_data([target], [0.9])
        self.weight.set_markersize(1.1 * math.sqrt(weight))
        self.said.set_text(f"wind {style.number(wind, 1)} m/s, target {target:.0f} m")
        self.aim = f"release at {angle:.1f}°, {weight:.0f} lb:  "
        release, landing = self.throw.events[1:]
        slow = np.arange(0, release + 0.15, SLOW)
        return [*slow, *np.arange(slow[-1] + FAST, landing, FAST), *[landing] * HELD]

    def draw(self, now: float) -> None:
        """The throw at that time."""
        throw, (_, release, landing) = self.throw, self.throw.events
        machine = Machine(*(np.interp(now, throw.machine.time, field) for field in throw.machine))
        place = joints(machine)
        past = np.append(np.arange(max(0.0, now - 0.25), now, 0.005), now)
        self.arm.set_data(*zip(place.elbow, place.tip, strict=True))
        self.small.set_data(*(np.array(ends) - (0, shift) for ends, shift in zip(
            zip(place.elbow, place.tip, strict=True), (0, GROUND), strict=True)))
        self.hanger.set_data(*zip(place.elbow, place.weight, strict=True))
        self.weight.set_data([place.weight[0]], [place.weight[1]])
        x, y = place.pouch
        self.sling.set_data([place.tip[0], x], [place.tip[1], max(y, GROUND)])
        for trail, ball, times, up in zip(self.trails, self.balls, (past, np.linspace(0, now, 150)),
                                          (0, GROUND), strict=True):
            x, y = (np.interp(times, throw.ball.time, field) for field in (throw.ball.x, throw.ball.y))
            trail.set_data(x, y - up)
            ball.set_data(x[-1:], y[-1:] - up)
        self.wind.set_data(*streaks(self.blows, now))
        miss = abs(throw.distance - self.target)
        self.found.set_text(self.aim + (
            "slow motion" if now < release + 0.15 else f"{now:.1f} s" if now < landing else
            f"landed at {throw.distance:.2f} m, {100 * miss:.0f} cm or {100 * miss / self.target:.2g} % off"))


def streaks(wind: float, now: float) -> tuple[np.ndarray, np.ndarray]:
    """Dashes that drift with the wind, as long as it is strong: x and height, with gaps."""
    x, height = np.random.default_rng(0).uniform((-8, 4), (112, 43), (18, 2)).T
    x = (x + 8 + wind * now) % 120 - 8
    gap = np.full(len(x), np.nan)
    return np.stack([x, x + wind, gap], 1).ravel(), np.stack([height, height, gap], 1).ravel()


def animate(path: Path, params: Params) -> None:
    """The trained controller at two targets, as a GIF."""
    with style.styled():
        picture = style.figure(720, 270)
        picture.set_layout_engine("none")
        scene = Scene(picture)
        frames = [(task, now) for task in SHOWN for now in scene.prepare(params, *task)]
        shown: list[Any] = []

        def draw(k: int) -> None:
            task, now = frames[k]
            if shown != [task]:
                scene.prepare(params, *task)
                shown[:] = [task]
            scene.draw(now)

        style.save_animation(path, picture, draw, range(len(frames)), FRAME)


def play_with(options: Options, outcome: "Outcome") -> Path | None:
    """A window with a slider for the wind and one for the target."""
    params = outcome.training.params

    def build(figure: Figure) -> Callable[[], None]:
        scene = Scene(figure, bottom=0.2)
        sliders = [Slider(figure.add_axes((0.2, place, 0.6, 0.05)), text, *limits, valinit=start,
                          valfmt=form, color=style.BLUE, initcolor="none")
                   for place, text, limits, start, form in (
                       (0.12, "wind", (-12.0, 12.0), 2.0, "%.1f m/s"),
                       (0.04, "target", TARGETS, 60.0, "%.0f m"))]
        coming: list[float] = []

        def throw(_: float = 0.0) -> None:
            wind, target = (float(slider.val) for slider in sliders)
            coming[:] = scene.prepare(params, wind, target, options.refine)
            if not reach().holds(wind, target):
                nearest, furthest = reach().limits(wind)
                scene.said.set_text(f"{scene.said.get_text()}, out of reach: this wind allows "
                                    f"{max(0, nearest):.0f} to {furthest:.0f} m")

        def tick() -> None:
            if not coming:                       # again, until the user wants another one
                throw()
            scene.draw(coming.pop(0))

        for slider in sliders:
            slider.on_changed(throw)
        return tick

    return play.play("Aim a trebuchet", (900, 460), build, options.out / "play.png", FRAME, ticks_before=110)


# ---------------------------------------------------------------------------- the whole


class Outcome(NamedTuple):
    """The aims at single targets, the training, how its controller was judged, and the time to compile.

    And, if aims are refined, the tasks of `judged` once more, and wider ones.
    """

    aims: Aims
    training: Training
    judged: Judged
    compiling: Seconds
    refined: Row | None
    wider: Wider | None


def warm_up(quiet: bool) -> Seconds:
    """Compile the shot and its gradient, or find them in the cache; the seconds that it took."""
    clock = Clock()
    command.note("Compiling the shot and its gradient, which is done once for all runs ...", quiet)
    dp.grad(shot, argnums=(1, 2))(0.0, *map(float, between(MIDDLE)), DT)
    return clock.seconds


def learn(options: Options) -> Outcome:
    """Aim, train and judge."""
    compiling = warm_up(options.quiet)
    aims = aim_at_each(options.quiet)
    training = train(options)
    params, judged = training.params, judge(training.params)
    if not options.refine:
        return Outcome(aims, training, judged, compiling, None, None)
    command.note("Refining aims in the simulator ...", options.quiet)
    wider = refine.judge_wider(params, options.refine)
    refined = refine.judge(params, judged.winds, judged.targets, options.refine)
    return Outcome(aims, training, judged, compiling, refined, wider)


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The pictures and the animation."""
    from .draw_refine import draw_refinement  # noqa: PLC0415  (it draws what is declared here)

    picture, refinement = options.out / "trebuchet.png", options.out / "trebuchet-refine.png"
    animation = options.out / "trebuchet.gif"
    style.save_picture(picture, draw_picture(options, outcome))
    if outcome.wider:
        style.save_picture(refinement, draw_refinement(outcome.wider))
    animate(animation, outcome.training.params)
    return [picture, *([refinement] if outcome.wider else []), animation]


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    aims, training, judged, compiling, refined, wider = outcome
    misses = judged.misses
    k = int(np.argmax(misses))
    median, last, worst = (float(np.percentile(misses, q)) for q in (50, 95, 100))
    good = median <= MEDIAN_GOAL and last <= LAST_GOAL and aims.hits == AIMED and (
        not (refined and wider) or max(refined.worst(), wider.rows[-1].worst()) <= HIT)
    farthest = max(abs(aim.miss) for aim in aims.aims)
    shots = SHOTS * training.update
    lines = [
        f"One target at a time, by Newton's steps: {aims.hits} of {AIMED} hit to {100 * HIT:g} cm,",
        f"  with {aims.gradients / AIMED:.1f} gradients each (worst miss {100 * farthest:.2g} cm), "
        f"in {aims.seconds.processor:.1f} s of the processor",
        f"The network, over {EVALUATED:,} targets within reach, winds N(0, {WIND:g}) m/s and targets "
        f"{TARGETS[0]:g} to {TARGETS[1]:g} m:",
        f"  miss     median {median:.3f} %, 95 of 100 within {last:.3f} %, worst {worst:.2g} % "
        f"({abs(judged.landings[k] - judged.targets[k]):.2f} m)",
        f"  far off  {command.count(int(np.sum(misses > 1)), 'target')} by more than 1 %, the worst one at "
        f"{judged.targets[k]:.0f} m in a wind of {judged.winds[k]:.1f} m/s",
        f"  reach    {100 * judged.within_reach:.0f} % of all drawn: those between the nearest and the "
        "furthest landing",
        f"           of a grid of {ANGLES[0]:g} to {ANGLES[1]:g}° and {WEIGHTS[0]:g} to {WEIGHTS[1]:g} lb, "
        "in the same wind",
        f"  budget   {command.count(shots, 'gradient')}, one for each shot",
        *(refine.lines(refined, wider) if refined and wider else []),
        f"  seconds  to train    {training.seconds} (goal: {SECONDS_GOAL}, for one core of its own)",
        f"           to evaluate {judged.seconds}",
        f"           to compile  {compiling}, or to load what was compiled",
    ]
    if not good:
        lines.append(f"Not learned: a median of {MEDIAN_GOAL} %, 95 of 100 within {LAST_GOAL} %, and all "
                     f"single targets hit, were the goal{', as every refined aim' if refined else ''}.")
    return Report(
        success=good,
        result={"median_miss_percent": median, "p95_miss_percent": last, "worst_miss_percent": worst,
                "missed_by_more_than_1_percent": int(np.sum(misses > 1)),
                "targets": EVALUATED, "share_within_reach": judged.within_reach,
                "aimed": AIMED, "hits": aims.hits, "worst_aim_m": farthest,
                "refined": refined and refine.told(refined),
                "wider": wider and {"targets": len(wider.targets), "share_within_reach": wider.within_reach,
                                    "by_steps": [refine.told(row) for row in wider.rows]}},
        budget=command.budget(
            episodes=shots, simulator_steps=shots * steps_of_a_shot(), gradient_evaluations=shots,
            seconds=training.seconds, updates=training.update, aim_gradients=aims.gradients,
            aim_seconds=round(aims.seconds.processor, 2),
            seconds_evaluating=round(judged.seconds.processor, 2),
            seconds_compiling=round(compiling.processor, 2)),
        claim=CLAIM,
        reference={"miss_percent": 0.0, "about": "within reach, an aim that hits exactly exists"},
        goal={"median_miss_percent": MEDIAN_GOAL, "p95_miss_percent": LAST_GOAL, "hits": AIMED,
              "worst_refined_m": HIT, "milliseconds_a_decision": DECISION_GOAL,
              "seconds": SECONDS_GOAL},
        lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; winds and targets of the tasks that judge, and where its shots landed, each (n,)."""
    judged = outcome.judged
    return {"params": outcome.training.params, "winds": judged.winds, "targets": judged.targets,
            "landings": judged.landings}


def steps_of_a_shot() -> int:
    """Steps of the simulator in a middling shot of the training."""
    return len(simulate(0.0, *map(float, between(MIDDLE)), dt=TRAINING_DT).ball.time) - 1


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--updates", type=command.positive, default=UPDATES, metavar="N",
                       help=f"updates of the network, each from {SHOTS} shots")
    flags.add_argument("--through", type=command.natural, default=0, metavar="K",
                       help="train the network through K of Newton's steps, as well as without them")
    flags.add_argument("--refine", type=command.natural, default=STEPS, metavar="K",
                       help="refine each aim by at most K of Newton's steps through the simulator; "
                            "0: the network alone")


DEMO = Demo(
    "trebuchet", __doc__, train=learn, report=report, plot=plot, settings=all_settings, flags=add_flags,
    play=play_with, keeps=kept_by_sweeps, kinds=(Layer,),
    beside={name: f"{__name__}.{name}" for name in ("world", "race", "article")},
    columns=[
        Column("median miss", "result.median_miss_percent", higher=False, goal=MEDIAN_GOAL, digits=3,
               unit="%"),
        Column("95 of 100 within", "result.p95_miss_percent", higher=False, goal=LAST_GOAL, digits=3,
               unit="%"),
        Column("processor seconds", "budget.seconds", higher=False, goal=SECONDS_GOAL, digits=0)])
