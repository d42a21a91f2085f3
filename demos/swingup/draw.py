"""The pictures of the swing-up, and its animation."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from tinydp.nn import Params
from tinydp.sims import worlds
from tinydp.sims.swingup import STANDARD

from .. import style
from ..animation import save_animation
from ..cartpole.moving import Drawing
from ..command import Options
from ..worlds.learner import Learning, Pilot
from ..worlds.trial import Outcome
from .machine import TASK
from .practice import STARTS, Check, mastered

SHOWN = 150                     # steps of the animation: 6 s, each a frame
STRIP, APART = 3.0, 0.12        # seconds that the strip shows, and from one pole to the next
BESIDE = 0.8                    # pole lengths from one to the next on paper


class Moves(NamedTuple):
    """An episode as seen: cart in m, angle in rad, push within ±1, each (n,); whether it left the track."""

    x: np.ndarray
    theta: np.ndarray
    push: np.ndarray
    left: bool


# ---------------------------------------------------------------------------- picture

def draw_picture(learning: Learning, curves: list[list[Check]]) -> Figure:
    """The real steps pole by pole, how soon it was learned in practice, and the real steps as a whole."""
    with style.styled():
        picture = style.figure(900, 600)
        panels = picture.subplot_mosaic([["strip", "strip"], ["practice", "plane"]], height_ratios=[1, 1.7])
        draw_strip(panels["strip"], learning)
        draw_practice(panels["practice"], curves)
        draw_plane(panels["plane"], learning)
    return picture


def angles(seen: np.ndarray) -> np.ndarray:
    """The angles in rad that were observed, which count turns."""
    return np.unwrap(np.arctan2(seen[:, 3], seen[:, 2]))


def draw_strip(axes: Axes, learning: Learning) -> None:
    """The pole at many times, side by side: all of it is the real machine."""
    seen = learning.records[-1].seen
    every = round(APART / STANDARD.dt)
    theta = angles(seen)[: round(STRIP / STANDARD.dt) + 1: every]
    for k, angle in enumerate(theta):
        foot, colour = BESIDE * k, style.RISING(0.45 * (1 - np.cos(angle)) / 2 + 0.1)
        axes.plot([foot, foot + np.sin(angle)], [0, np.cos(angle)], color=colour, linewidth=2.6)
    axes.axhline(0, color=style.GREY, linewidth=1, zorder=1)
    places = np.arange(int(STRIP) + 1)
    axes.set_xticks(BESIDE / APART * places, [f"{second} s" for second in places])
    axes.set(yticks=[], ylim=(-1.15, 1.15), xlim=(-1.1, BESIDE * len(theta) + 0.3), aspect="equal")
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    began = "" if len(learning.records) == 1 else f", episode {len(learning.records)}"
    axes.set_title(f"The real machine, while it is learned{began}: its pole every {APART} s")


def draw_practice(axes: Axes, curves: list[list[Check]]) -> None:
    """Starts that are held, over processor seconds."""
    for k, checks in enumerate(curves):
        axes.plot([check.seconds for check in checks], [check.held for check in checks],
                  color=style.GREY if k else style.BLUE, linewidth=1.1 if k else 2.4, zorder=2 if k else 3)
    firsts = [first.seconds for checks in curves if (first := mastered(checks))]
    axes.set(xlabel="processor seconds, in the nominal simulator", ylabel=f"held, of {STARTS} starts",
             ylim=(-3, 1.06 * STARTS))
    axes.set_xlim(left=0)
    handles = [Line2D([], [], color=style.BLUE, linewidth=2.4, label="this run")]
    if len(curves) > 1:
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.1, label=f"{len(curves) - 1} others"))
    axes.legend(handles=handles, loc="center left", frameon=False)
    axes.set_title(f"Practice: all held after {min(firsts):.1f} to {max(firsts):.1f} s"
                   if len(firsts) == len(curves) else f"Practice: {len(firsts)} of {len(curves)} hold all")


def draw_plane(axes: Axes, learning: Learning) -> None:
    """Angle and rate of the real steps: out of hanging, and into the middle."""
    for record in learning.records:
        theta, rate = angles(record.seen), record.seen[:, 4]
        turns = 2 * np.pi * np.round(theta[-1] / (2 * np.pi))        # where it ends is upright
        axes.plot(np.degrees(theta - turns), rate, color=style.PALE, linewidth=1.2, zorder=1)
        axes.scatter(np.degrees(theta - turns), rate, c=np.arange(len(rate)), cmap=style.RISING.reversed(),
                     s=9, vmin=-0.5 * len(rate), zorder=2)
    axes.plot(0, 0, "+", color=style.ORANGE, markersize=14, markeredgewidth=2.2, zorder=3)
    axes.set(xlabel="angle (°; 0: upright, ±180: hanging)", ylabel="rate (rad/s)")
    axes.xaxis.set_major_locator(MultipleLocator(180))
    axes.set_title(f"Its {learning.steps} real steps, pale to dark")


# ---------------------------------------------------------------------------- animation

def run(options: Options, params: Params, steps: int = SHOWN) -> Moves:
    """An episode of the world from a start that no learning saw."""
    world, pilot = worlds.make("swingup", options.seed), Pilot(TASK, params)
    seen, _ = world.reset(seed=0)
    rows, left = [], False
    while len(rows) < steps and not left:
        push = pilot.act(seen)
        rows.append((float(seen[0]), float(np.arctan2(seen[3], seen[2])), push))
        seen, _, left, *_ = world.step(TASK.to_world(push))
    return Moves(*np.array(rows).T, left)


def animate(path: Path, options: Options, outcome: Outcome) -> None:
    """The same start in the unknown world, before and after the real steps, one above the other, as a GIF."""
    length = 2 * STANDARD.half_length * worlds.reveal(worlds.make("swingup", options.seed)).half_length
    with style.styled():
        picture = style.figure(720, 560)
        drawings = []
        told = (("with the nominal controller", outcome.learning.nominal),
                (f"after {outcome.learning.steps} real steps", outcome.learning.training.controller))
        for axes, (title, params) in zip(picture.subplots(2, 1), told, strict=True):
            axes.set(xlim=(-2.75, 2.75), ylim=(-length + 0.05, length + 0.3))
            axes.set_title(title, loc="center")
            drawings.append(draw_moves(axes, run(options, params), length))

        def draw(k: int) -> None:
            for drawing in drawings:
                drawing(k)

        save_animation(path, picture, draw, range(SHOWN), STANDARD.dt, options.quiet)


def draw_moves(axes: Axes, moves: Moves, length: float) -> Callable[[int], None]:
    """A cart on all of its track; the result draws it at step k. One that has left it stays where it was."""
    cart = Drawing(axes, length)

    def draw(k: int) -> None:
        now = min(k, len(moves.x) - 1)
        cart.draw(moves.x[now], moves.theta[now], moves.push[now], 0.0, fallen=moves.left and k > now)

    return draw
