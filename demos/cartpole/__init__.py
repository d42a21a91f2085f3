"""A controller learns to balance a pole on a cart while its first episode runs.

It can only push with full force, to the left or to the right: action = sign(tanh(MLP(x, v, θ,
ω))). A sign has no useful derivative, so it gets the surrogate 1: the straight-through sign,
`dp.sign`. After each step of the episode, windows of 1.2 s that begin near the states visited
so far are simulated, network and cart-pole as one function, and tinydp takes the gradient of
their cost. The result is judged by the real Gymnasium environment, CartPole-v1.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

import tinydp as dp
from tinydp.nn import MLP, Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.cartpole import EPISODE, STANDARD, State, failed, gymnasium_action, observe, start, step

from .. import COMMAND, command, style
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..play import play as open_window
from ..seconds import Clock, Seconds
from .push import PushGame

CLAIM = "it balances after about 5 episodes (its recipe, run again: 9; 12.5 until all 100 reach 500 steps)."
TAKES = "half a minute"

# ---------------------------------------------------------------------------- constants

EVALUATED = range(100)          # seeds of the Gymnasium episodes that judge the result
LONG = 10_000                   # steps, 200 s, which the controller must stand after that
GOAL = 8                        # episodes, in the worst case ...
MEDIAN_GOAL = 3                 # ... and in the median of many seeds
CURVES = 5                      # seeds in the picture of the learning curve

# ---------------------------------------------------------------------------- recipe

NET = MLP((4, 32, 1), hidden="tanh", output="tanh")
SCALE = np.array([2.4, 2.0, 0.2, 2.0])          # large values of x, v, θ, ω: the network sees multiples
STARTS = 32                     # windows in a batch ...
NEAR = 0.1                      # ... which begin this near to a visited state, in units of SCALE
HORIZON = 60                    # steps in a window: 50 keep the cart near the middle too, 40 do not
COSTLY = np.array([2.4, 3.0, 0.4, 7.0])         # x, v, θ, ω: each costs its square, in these units
RATE = (3e-2, 3e-3)             # of Adam, from the first update to the last of the first episode
LIMIT = 1.0                     # on the gradient's norm
HASTE = (25, 2, 10)             # updates: in the first 25 steps 2 a step, then one every 10 steps


def updates_until(steps: int) -> int:
    """How many updates are due after so many steps of experience."""
    early, many, every = HASTE
    return many * min(steps, early) + max(0, steps - early) // every


# ---------------------------------------------------------------------------- controller and loss

def controller(params: Params, seen: Any) -> Any:
    """1, a push to the right, or -1, to the left, for an observation (4,); (n,) for (n, 4)."""
    return dp.sign(NET(params, seen / SCALE)[..., 0])


def loss(params: Params, state: State, steps: int) -> Any:
    """What training makes small: the mean cost of a step under the controller, over all windows."""
    seen = [observe(state)]
    for _ in range(steps):
        state = step(state, controller(params, seen[-1]))
        seen.append(observe(state))
    return np.mean(np.sum((np.stack(seen) / COSTLY)**2, axis=-1))


def draw_windows(rng: np.random.Generator, visited: np.ndarray, near: float) -> State:
    """Starts of `STARTS` windows, this near to random ones of the visited states (n, 4).

    The surroundings teach how to come back: balanced, an episode itself hardly goes anywhere.
    """
    chosen = visited[rng.integers(len(visited), size=STARTS)]
    return State(*(chosen + near * SCALE * rng.normal(size=chosen.shape)).T)


# ---------------------------------------------------------------------------- training


class Check(NamedTuple):
    """The controller after so many steps of experience: its mean length of `EVALUATED`, simulated."""

    steps: int
    mean_length: float
    params: Params


class Episode(NamedTuple):
    """A training episode of so many steps, and the lengths (100,) of those that judged it after."""

    steps: int
    lengths: np.ndarray


class Training(NamedTuple):
    """A training after some steps of experience: all that the next depends on, and what it took."""

    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    state: State                     # of the cart-pole, now
    visited: np.ndarray              # the states before, (steps, 4), of all episodes
    episodes: list[Episode]          # those that are over
    checks: list[Check]              # the first is before the first step
    seconds: Seconds

    @property
    def steps(self) -> int:
        """Steps of experience, in all episodes."""
        return len(self.visited)

    @property
    def length(self) -> int:
        """Steps of the episode under way."""
        return self.steps - sum(episode.steps for episode in self.episodes)

    @property
    def over(self) -> bool:
        """Whether the episode under way is at its end."""
        return self.length == EPISODE or bool(failed(self.state))

    @property
    def solved(self) -> bool:
        """Whether all episodes that judged it reached their 500 steps."""
        return bool(self.episodes) and int(np.min(self.episodes[-1].lengths)) == EPISODE

    @property
    def mastered(self) -> int:
        """After how many steps of experience it balanced for good, as far as checked; if ever."""
        unsteady = [k for k, check in enumerate(self.checks) if check.mean_length < EPISODE]
        return self.checks[min(max(unsteady, default=-1) + 1, len(self.checks) - 1)].steps


def settings(options: Options) -> dict[str, Any]:
    """All that the training depends on."""
    return {"seed": options.seed, "episodes": options.episodes, "near": options.near,
            "horizon": options.horizon, "net": NET.sizes, "scale": SCALE.tolist(), "starts": STARTS,
            "costly": COSTLY.tolist(), "rate": RATE, "limit": LIMIT, "haste": HASTE}


OPTIMISER = Adam(cosine(*RATE, updates_until(EPISODE)))


def judged(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    return settings(options) | {"plan": options.plan, "after": options.after}


def train(options: Options, seed: int | None = None) -> Training:
    """Episode by episode, until all of Gymnasium's reach 500 steps; or go on after an interrupt."""
    seed = options.seed if seed is None else seed
    keeper = Keeper(options.out / f"training-{seed}.npz", "cartpole", settings(options) | {"seed": seed},
                    kinds=[Training, Check, Episode, Layer, AdamState, State, Seconds])
    training = keeper.load(options.fresh) or begin(seed)
    if training.steps:
        command.note(f"Going on after {command.count(training.steps, 'step')} of experience, kept in "
                     f"{keeper.path} (--fresh begins anew).", options.quiet)
    while not training.solved and len(training.episodes) < options.episodes:
        label = f"seed {seed}, episode {len(training.episodes) + 1}"
        with command.progress(EPISODE, "steps", label, options.quiet, initial=training.length) as bar:
            while not training.over:
                training = live(training, options)
                keeper.keep(training)
                bar.set_postfix_str(f"100 others stand {training.checks[-1].mean_length:.0f} steps", False)
                bar.update()
        training = conclude(training, evaluate(training.params, options.quiet))
        keeper.keep(training, finished=True)
    return training


def begin(seed: int) -> Training:
    """The training before its first step."""
    rng = np.random.default_rng(seed)
    params = NET.init(rng)
    return Training(params, OPTIMISER.init(params), rng, start(rng), np.empty((0, 4)), [],
                    [check(0, params)], Seconds())


def live(training: Training, options: Options) -> Training:
    """The training after one more step of its episode, and the updates before it."""
    clock = Clock(training.seconds)
    params, optimiser, rng, state, visited, episodes, checks, _ = training
    visited = np.vstack([visited, observe(state)])
    for _ in range(updates_until(len(visited)) - updates_until(len(visited) - 1)):
        windows = draw_windows(rng, visited, options.near)
        gradient = dp.grad(loss)(params, windows, options.horizon)
        params, optimiser = OPTIMISER.step(params, clip_by_norm(gradient, LIMIT), optimiser)
    state = step(state, controller(params, observe(state).astype(np.float32)))
    training = Training(params, optimiser, rng, state, visited, episodes, checks, clock.seconds)
    if check_due(len(visited)) or training.over:
        checks = [*checks, check(len(visited), params)]
    return training._replace(checks=checks)


def check_due(steps: int) -> bool:
    """The learning curve has a point after each of the first 32 steps, then at 64, 128, 256, ..."""
    return steps <= 32 or steps.bit_count() == 1


def check(steps: int, params: Params) -> Check:
    """Where the learning curve is now; nothing in the training depends on it."""
    return Check(steps, float(np.mean(balance(params, evaluated_starts(), EPISODE).lengths)), params)


def conclude(training: Training, lengths: np.ndarray) -> Training:
    """The training at the start of its next episode, the last one judged by these lengths."""
    episodes = [*training.episodes, Episode(training.length, lengths)]
    return training._replace(episodes=episodes, state=start(training.rng))


# ---------------------------------------------------------------------------- evaluation

def evaluate(params: Params, quiet: bool) -> np.ndarray:
    """The lengths of Gymnasium's episodes from `env.reset(seed=s)`, for each s of `EVALUATED`.

    They run side by side, so that the controller sees all of them at once.
    """
    envs = [gymnasium.make("CartPole-v1") for _ in EVALUATED]
    seen = np.array([env.reset(seed=seed)[0] for env, seed in zip(envs, EVALUATED, strict=True)])
    lengths, running = np.zeros(len(envs), int), list(range(len(envs)))
    with command.progress(EPISODE, "steps", "evaluating", quiet) as bar:
        while running:
            actions = gymnasium_action(controller(params, seen))
            for k in running.copy():
                seen[k], _, terminated, truncated, _ = envs[k].step(actions[k])
                lengths[k] += 1
                if terminated or truncated:
                    running.remove(k)
            bar.set_postfix_str(f"{len(running)} of {len(envs)} episodes under way", False)
            bar.update()
    return lengths


class Balance(NamedTuple):
    """Simulated episodes: their lengths (n,), and the farthest of all from the middle, in m."""

    lengths: np.ndarray
    farthest: float


def balance(params: Params, state: State, steps: int, quiet: bool = True,
            decide: Callable[[Params, Any], Any] = controller) -> Balance:
    """Up to so many steps from each start in `state`; the same bits as Gymnasium without its limit."""
    lengths, standing, farthest = np.zeros(len(state.x), int), ~failed(state), 0.0
    with command.progress(steps, "steps", "standing", quiet) as bar:
        for _ in range(steps):
            state = step(state, decide(params, observe(state).astype(np.float32)))
            lengths += standing
            standing = standing & ~failed(state)
            farthest = max(farthest, float(np.max(np.abs(state.x), initial=0.0, where=standing)))
            bar.update()
            if not np.any(standing):
                break
    return Balance(lengths, farthest)


def evaluated_starts() -> State:
    """The starts of Gymnasium's episodes of the seeds `EVALUATED`, as arrays (100,)."""
    return State(*np.array([start(np.random.default_rng(seed)) for seed in EVALUATED]).T)


# ---------------------------------------------------------------------------- picture

def draw_picture(training: Training, trainings: list[Training]) -> Figure:
    """The learning curves, what the controller can catch, and the last training episode."""
    with style.styled():
        picture = style.figure(900, 660)
        panels = picture.subplot_mosaic([["learning", "caught"], ["angle", "angle"], ["x", "x"]],
                                        height_ratios=[3, 1.1, 1.1])
        draw_learning(panels["learning"], training, trainings)
        draw_caught(panels["caught"], training.params)
        draw_episode(panels["angle"], panels["x"], training)
        picture.align_ylabels([panels[name] for name in ("learning", "angle", "x")])
    return picture


def draw_learning(axes: Axes, training: Training, trainings: list[Training]) -> None:
    """Mean length of the 100 episodes after so much experience; a dot where an episode ended."""
    for one in [*trainings, training]:
        look: dict[str, Any] = {"color": style.GREY, "linewidth": 1.0, "zorder": 2}
        if one is training:
            look = {"color": style.BLUE, "linewidth": 2.4, "zorder": 3}
        axes.plot([check.steps for check in one.checks], [check.mean_length for check in one.checks], **look)
        ends = np.cumsum([episode.steps for episode in one.episodes])
        axes.plot(ends, [np.mean(episode.lengths) for episode in one.episodes], "o", **look)
    shown = max(1.6 * one.mastered for one in [*trainings, training])
    axes.set(xlim=(0, max(shown, 25)), ylim=(0, 1.05 * EPISODE), ylabel="mean length (steps)",
             xlabel=f"steps of experience ({STANDARD.dt} s each)")
    axes.set_yticks(range(0, EPISODE + 1, 100))
    handles = [Line2D([], [], color=style.BLUE, linewidth=2.4, label="this run")]
    if trainings:
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.0, label=f"{len(trainings)} other seeds"))
    axes.legend(handles=handles, loc="lower right", frameon=False)
    axes.set_title(f"All {len(EVALUATED)} episodes stand after {command.count(training.mastered, 'step')}"
                   if training.solved else "Not learned")


CAUGHT = (12.0, 3.0)            # degrees and rad/s, how far the map of starts reaches
GRID = 121                      # points a side


def draw_caught(axes: Axes, params: Params) -> None:
    """From which angles and rates it stands for 500 steps, the cart at rest in the middle."""
    angles, rates = (np.linspace(-limit, limit, GRID) for limit in CAUGHT)
    theta, rate = (grid.ravel() for grid in np.meshgrid(np.radians(angles), rates))
    rest = np.zeros(theta.size)
    starts = State(rest, rest, theta, rate)
    lengths = balance(params, starts, EPISODE).lengths
    colours = ListedColormap([style.PALE, style.BLUE])
    axes.pcolormesh(angles, rates, (lengths == EPISODE).reshape(GRID, GRID), cmap=colours, rasterized=True)
    axes.contour(angles, rates, stoppable(starts).reshape(GRID, GRID), levels=[0.5], colors=style.INK,
                 linewidths=1.2, linestyles=[(0, (4, 3))])
    axes.add_patch(Rectangle((-np.degrees(0.05), -0.05), 2 * np.degrees(0.05), 0.1, fill=False,
                             edgecolor="white", linewidth=1.5))
    axes.text(0, 0.17, "episodes start here", ha="center", color="white", fontsize=9)
    axes.text(0, -0.6, "it stands", ha="center", color="white", weight="bold")
    axes.text(11.5, 2.7, "no push is strong enough", ha="right", va="top", fontsize=9)
    axes.grid(visible=False)
    axes.set(xlabel="angle at the start (°)", ylabel="rate at the start (rad/s)")
    axes.set_xticks([-12, -6, 0, 6, 12])
    axes.set_yticks([-3, -1.5, 0, 1.5, 3])
    axes.set_title("What it can catch")


def stoppable(state: State) -> np.ndarray:
    """Whether full force towards the side to which the pole falls stops it before its limit."""
    side, stopped, fallen = np.sign(state.rate), state.rate == 0.0, failed(state)
    while not np.all(stopped | fallen):
        state = step(state, side)
        fallen = fallen | (failed(state) & ~stopped)
        stopped = stopped | (side * state.rate <= 0.0)
    return stopped & ~fallen


def draw_episode(angles: Axes, positions: Axes, training: Training) -> None:
    """The last training episode over time: the controller changes while it runs."""
    steps = training.episodes[-1].steps
    x, _, theta, _ = training.visited[training.steps - training.length - steps:][:steps].T
    seconds = STANDARD.dt * np.arange(steps)
    limit = np.degrees(STANDARD.max_theta)
    for axes, values, colour, edge in ((angles, np.degrees(theta), style.INK, limit),
                                       (positions, x, style.BLUE, STANDARD.max_x)):
        axes.plot(seconds, values, color=colour, linewidth=1.5)
        reach = min(1.3 * float(np.max(np.abs(values))), 1.1 * edge)
        axes.set(xlim=(0, STANDARD.dt * EPISODE), ylim=(-reach, reach))
    angles.set(ylabel="angle (°)")
    angles.tick_params(labelbottom=False)
    angles.set_title(f"Training episode {len(training.episodes)}, while it learns "
                     f"({limit:.0f}° or {STANDARD.max_x} m would end it)")
    positions.set(xlabel="time (s)", ylabel="cart (m)")


# ---------------------------------------------------------------------------- animation

SHOWN = 300                     # steps in the animation: 6 s, two to a frame
TILTED = State(0.0, 0.0, 0.05, 0.0)
BUMPS = {150: -0.8, 225: 0.8}   # rad/s given to the pole at these steps


class Run(NamedTuple):
    """One episode: cart in m, angle in rad and action of each step; and when it failed, if it did."""

    x: np.ndarray
    theta: np.ndarray
    action: np.ndarray
    fell: int | None


def run(params: Params, state: State) -> Run:
    """An episode from `state`, with bumps; whoever fails is not pushed any more, and falls down."""
    rows, fell = [], None
    for k in range(SHOWN):
        if fell is None:
            state = state._replace(rate=state.rate + BUMPS.get(k, 0.0))
            fell = k if failed(state) else None
        action = 0.0 if fell is not None else float(controller(params, observe(state).astype(np.float32)))
        rows.append((state.x, state.theta, action))
        state = step(state, action) if abs(state.theta) < np.pi / 2 else state
    x, theta, actions = np.array(rows).T
    return Run(x, theta, actions, fell)


def animate(path: Path, training: Training) -> None:
    """The same start before, during and after training, side by side, as a GIF."""
    first, last = training.checks[0], training.checks[-1]
    middle = (first.mean_length + last.mean_length) / 2
    halfway = min(training.checks, key=lambda check: abs(check.mean_length - middle))
    with style.styled():
        picture = style.figure(720, 300)
        drawings = []
        for axes, check in zip(picture.subplots(1, 3), (first, halfway, last), strict=True):
            moves = run(check.params, TILTED)
            title = f"after {STANDARD.dt * check.steps:.2g} s of experience" if check.steps else "untrained"
            axes.set_title(title, loc="center")
            axes.text(0.5, 0.0, f"episodes last {STANDARD.dt * check.mean_length:.1f} s",
                      ha="center", transform=axes.transAxes)
            drawings.append(draw_moves(axes, moves))

        def draw(k: int) -> None:
            for drawing in drawings:
                drawing(k)

        style.save_animation(path, picture, draw, range(0, SHOWN, 2), 2 * STANDARD.dt)


def draw_moves(axes: Axes, moves: Run) -> Callable[[int], None]:
    """A cart-pole on a piece of its track; the result draws it at step k."""
    axes.set(xlim=(-1.05, 1.05), ylim=(-0.5, 1.2))
    cart = Drawing(axes)

    def draw(k: int) -> None:
        recent = moves.action[max(0, k - 9):k + 1]
        bump = max((step for step in BUMPS if step <= k < step + 20), default=None)
        bumped = 0.0 if bump is None or (moves.fell or SHOWN) <= bump else float(np.sign(BUMPS[bump]))
        centre = moves.x[k] - np.clip(moves.x[k], -0.55, 0.55)             # the view follows the cart
        axes.set_xlim(centre - 1.05, centre + 1.05)
        cart.draw(moves.x[k], moves.theta[k], float(np.mean(recent)), bumped,
                  fallen=moves.fell is not None and k >= moves.fell)

    return draw


class Drawing:
    """Cart, pole of that `length`, track and the arrows of pushes, in m; it is moved, never made again."""

    def __init__(self, axes: Axes, length: float = 2 * STANDARD.half_length) -> None:
        self.length = length
        style.bare(axes)
        axes.plot([-STANDARD.max_x, STANDARD.max_x], [0, 0], color=style.PALE, linewidth=3, zorder=1)
        for mark in np.arange(-2.0, 2.5, 0.5):
            axes.plot([mark, mark], [-0.06, 0.0], color=style.PALE, linewidth=2, zorder=1)
        for end in (-STANDARD.max_x, STANDARD.max_x):
            axes.plot([end, end], [-0.12, 0.12], color=style.GREY, linewidth=3, zorder=1)
        self.body = Rectangle((0, 0), 0.4, 0.2, color=style.BLUE, zorder=3)
        self.wheels = [Circle((0, 0), 0.06, color=style.INK, zorder=2) for _ in range(2)]
        for patch in (self.body, *self.wheels):
            axes.add_patch(patch)
        self.pole = axes.plot([], [], color=style.INK, linewidth=6, zorder=4)[0]
        self.pivot = axes.plot([], [], "o", color="white", markersize=4, zorder=5)[0]
        self.push = axes.quiver([0], [0], [0], [0], color=style.ORANGE, scale=1, units="xy", width=0.035,
                                angles="xy", scale_units="xy", zorder=2)
        self.bump = axes.quiver([0], [0], [0], [0], color=style.ORANGE, scale=1, units="xy", width=0.05,
                                angles="xy", scale_units="xy", zorder=5)

    def draw(self, x: float, theta: float, push: float, bump: float, fallen: bool = False) -> None:
        """Cart at `x`, pole at `theta`; a push of the cart and a bump of the pole within ±1."""
        self.body.set_xy((x - 0.2, 0.03))
        self.body.set_color(style.GREY if fallen else style.BLUE)
        for wheel, side in zip(self.wheels, (-0.12, 0.12), strict=True):
            wheel.set_center((x + side, 0.04))
        foot = 0.17
        tip = x + self.length * np.sin(theta), foot + self.length * np.cos(theta)
        self.pole.set_data([x, tip[0]], [foot, tip[1]])
        self.pole.set_color(style.GREY if fallen else style.INK)
        self.pivot.set_data([x], [foot])
        self.push.set_offsets([[x + np.copysign(0.22, push), 0.13]])
        self.push.set_UVC([0.4 * push], [0.0])
        self.push.set_visible(abs(push) > 0.15 and not fallen)
        self.bump.set_offsets([[tip[0] - np.copysign(0.42, bump), tip[1] - 0.08]])
        self.bump.set_UVC([np.copysign(0.36, bump)], [0.0])
        self.bump.set_visible(bump != 0.0 and not fallen)


# ---------------------------------------------------------------------------- play

STRENGTH = 0.8                  # rad/s, what a push of the user gives to the pole
HELP = "click beside the pole, or ← and →: push it     ↑ and ↓: stronger, weaker     space: begin anew"


class Game(PushGame):
    """What the window of `play` shows: the controller holds the pole, the user pushes it."""

    change, least, most = 0.1, 0.1, 3.0

    def __init__(self, params: Params, figure: Figure) -> None:
        axes = figure.add_axes((0.0, 0.08, 1.0, 0.78))
        axes.set(xlim=(-2.75, 2.75), ylim=(-0.3, 1.35))
        self.params, self.drawing = params, Drawing(axes)
        for end in (-STANDARD.max_x, STANDARD.max_x):
            axes.text(end, -0.26, f"{style.number(end, 1)} m", ha="center", color=style.GREY)
        self.actions = [0.0] * 10
        super().__init__(figure, axes, STRENGTH, HELP)

    def begin(self) -> None:
        """A pole upright in the middle, and nothing counted."""
        self.state, self.steps, self.pushes, self.bump, self.shown = State(0.0, 0.0, 0.0, 0.0), 0, 0, 0.0, 0
        self.fallen = False

    @property
    def place(self) -> float:
        """The cart's."""
        return self.state.x

    def hit(self, direction: float) -> None:
        """A sudden push of the pole, to the right for 1, to the left for -1."""
        if not self.fallen:
            self.state = self.state._replace(rate=self.state.rate + direction * self.strength)
            self.pushes, self.bump, self.shown = self.pushes + 1, direction, 12

    def tick(self) -> None:
        """Two steps of the simulator, 40 ms."""
        for _ in range(2):
            self.fallen = self.fallen or bool(failed(self.state))
            action = 0.0
            if not self.fallen:
                action = float(controller(self.params, observe(self.state).astype(np.float32)))
                self.steps += 1
            if abs(self.state.theta) < np.pi / 2:
                self.state = step(self.state, action)
            self.actions = [*self.actions[1:], action]
        self.shown = max(0, self.shown - 1)
        self.drawing.draw(self.state.x, self.state.theta, float(np.mean(self.actions)),
                          self.bump if self.shown else 0.0, self.fallen)
        held = f"{STANDARD.dt * self.steps:.1f} s and {self.pushes} push" + "es" * (self.pushes != 1)
        self.told.set_text(f"Failed after {held}: space begins anew" if self.fallen
                           else f"Standing for {held}; the next gives {self.strength:.1f} rad/s")


def play(options: Options, outcome: "Outcome") -> Path | None:
    """A window in which the user pushes the pole; without a display, a picture after a push."""

    def build(figure: Figure) -> Callable[[], Any]:
        game = Game(outcome.training.params, figure)
        game.hit(1.0)                            # shows at once what is to be done here
        return game.tick

    return open_window("CartPole: push the pole", (900, 420), build, options.out / "play.png",
                       tick_seconds=2 * STANDARD.dt, ticks_before=10)


# ---------------------------------------------------------------------------- the whole


class Outcome(NamedTuple):
    """The training, and how long its controller stands without the limit of 500 steps.

    `planned` are the lengths of the evaluated episodes if decisions are planned, and ms that one takes.
    """

    training: Training
    long: Balance
    planned: tuple[np.ndarray, float] | None = None


def learn(options: Options) -> Outcome:
    """Train, judging after each episode; then let it stand."""
    from .plan import plan_ahead  # noqa: PLC0415  (it plans with the controller that is declared here)

    training = train(options)
    long = balance(training.params, evaluated_starts(), LONG, options.quiet)
    if not options.plan:
        return Outcome(training, long)
    check = min(training.checks, key=lambda check: abs(check.steps - (
        training.steps if options.after is None else options.after)))
    return Outcome(training, long, plan_ahead(check.params, options.plan, options.quiet))


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture, for which more seeds are trained, and the animation."""
    others = [train(options, seed) for seed in range(options.seed + 1, options.seed + options.curves)]
    picture, animation = options.out / "cartpole.png", options.out / "cartpole.gif"
    style.save_picture(picture, draw_picture(outcome.training, others))
    animate(animation, outcome.training)
    return [picture, animation]


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, long, planned = outcome
    episodes, lengths = len(training.episodes), training.episodes[-1].lengths
    gradients = updates_until(training.steps)
    windows = gradients * STARTS * options.horizon
    standing = int(np.sum(long.lengths == LONG))
    success = training.solved and episodes <= GOAL and standing == len(EVALUATED)
    lines = [
        f"CartPole-v1 in Gymnasium, from the starts of seeds 0 to {len(EVALUATED) - 1}:",
        f"  learned  in {command.count(episodes, 'episode')}, {command.count(training.steps, 'step')} "
        "of experience (the article: about 5 episodes; its recipe, run again: 9 to 12.5)",
        f"  length   mean {np.mean(lengths):.1f}, shortest {np.min(lengths)} of {EPISODE} steps",
        f"  after    {LONG:,} steps, simulated to the same bits: {standing} of {len(EVALUATED)} still stand, "
        f"never more than {long.farthest:.2f} m from the middle",
        f"  budget   {command.count(gradients, 'gradient')} through {windows:,} steps of the simulator",
        f"  seconds  {training.seconds}, to learn",
    ]
    if planned is not None:
        lines.insert(3, f"  planned  with {command.count(options.plan, 'improvement')} a decision, "
                        f"{planned[1]:.1f} ms of processor time, "
                        + ("" if options.after is None else f"and the network of {options.after} steps: ")
                        + f"mean {np.mean(planned[0]):.1f}, shortest {np.min(planned[0])}")
    if not success:
        lines.append(f"Not learned: {GOAL} episodes at most, and {LONG:,} steps after that, were the goal.")
    return Report(
        success=success,
        result={
            "episodes": episodes, "solved": training.solved, "mastered_after_steps": training.mastered,
            "mean_length": float(np.mean(lengths)), "shortest": int(np.min(lengths)),
            "starts": len(EVALUATED), "standing": standing, "farthest": long.farthest,
            "improvements_a_decision": options.plan,
            "planned_mean_length": None if planned is None else float(np.mean(planned[0])),
            "planned_shortest": None if planned is None else int(np.min(planned[0])),
            "planned_milliseconds": None if planned is None else planned[1],
        },
        budget=command.budget(
            episodes=episodes, simulator_steps=training.steps + windows, gradient_evaluations=gradients,
            seconds=training.seconds, experienced_steps=training.steps, window_steps=windows,
            windows=gradients * STARTS,
            learning_curve_steps=round(sum(check.mean_length for check in training.checks) * len(EVALUATED)),
            evaluation_steps=int(sum(np.sum(episode.lengths) for episode in training.episodes))),
        claim=CLAIM,
        reference={
            "episodes_to_mean_195": 9, "episodes_to_mean_475": 11, "episodes_until_all_reach_500": 12.5,
            "about": "Medians of the article's recipe: "
                     f"{COMMAND} cartpole --recipe article sweep --seeds 30",
        },
        goal={"episodes": GOAL, "median_episodes": MEDIAN_GOAL, "standing_after": LONG}, lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; the `lengths` of Gymnasium's 100 episodes, by seed, and those without its limit."""
    return {"params": outcome.training.params, "lengths": outcome.training.episodes[-1].lengths,
            "lengths_without_limit": outcome.long.lengths}


def passes(results: list[dict]) -> tuple[bool, str]:
    """The goal over many seeds."""
    episodes = sorted(result["result"]["episodes"] for result in results)
    median, good = float(np.median(episodes)), sum(result["success"] for result in results)
    return bool(median <= MEDIAN_GOAL and good == len(results)), (
        f"Training episodes until all of {len(EVALUATED)} reach {EPISODE} steps: median {median:g} "
        f"(goal {MEDIAN_GOAL}), worst {episodes[-1]} (goal {GOAL}); {good} of "
        f"{command.count(len(results), 'seed')} solved it and still stand after {LONG:,} steps.")


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--episodes", type=command.positive, default=10, metavar="N",
                       help="training episodes at most")
    flags.add_argument("--horizon", type=command.positive, default=HORIZON, metavar="N",
                       help="steps in a window: with 40 the cart drifts away after minutes")
    flags.add_argument("--near", type=command.amount, default=NEAR, metavar="X",
                       help="how near to visited states windows begin: with 0 it learns more slowly, "
                            "and knows less of what it has not met")
    flags.add_argument("--plan", type=command.natural, default=0, metavar="K",
                       help="judge as well with a plan that is improved K times in the simulator before each "
                            "decision")
    flags.add_argument("--after", type=command.natural, metavar="N",
                       help="the network that plans as it was after about N steps of experience")
    flags.add_argument("--curves", type=command.positive, default=CURVES, metavar="N",
                       help="seeds in the picture of the learning curve")


DEMO = Demo(
    "cartpole", __doc__, train=learn, report=report, plot=plot, settings=judged, flags=add_flags, play=play,
    columns=[Column("training episodes", "result.episodes", higher=False, goal=GOAL),
             Column("until all stand", "result.mastered_after_steps", higher=False, digits=0,
                    unit="steps of experience"),
             Column("farthest in 10,000 steps", "result.farthest", higher=False, digits=2, unit="m")],
    keeps=kept_by_sweeps, kinds=(Layer,), passes=passes, packages=("numpy", "gymnasium"), beside={
        "plan": f"{__name__}.plans",
        **{name: f"{__name__}.{name}" for name in ("world", "race", "article")}})
