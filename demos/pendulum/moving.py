"""The pendulum, moving: what the animations show, and the window to play in."""

import functools
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD

from .. import command, style
from ..animation import save_animation
from .learning import Run, Training, kept, run
from .machine import EPISODE, Recipe
from .maps import TILTED, phase_axes, torque_map

SHOWN = 120                     # steps in the animation: 6 s, in frames of 50 ms as in the simulator


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
            plane.set_title(f"Torque ↺ orange, ↻ blue; from spread starts {style.number(now.mean_return)}",
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
            part.set_color(style.ORANGE if sweep > 0 else style.BLUE)        # as the map has it
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
