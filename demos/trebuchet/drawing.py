"""The pictures: throws before and after training, the miss everywhere, and the learning."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from tinydp.nn import Params
from tinydp.optim import Adam
from tinydp.sims.trebuchet import DT, simulate

from .. import style
from ..command import Options
from . import learning
from .draw_refine import draw_refinement
from .judging import land, percent
from .learning import begin
from .machine import TARGETS, controller, reach
from .outcome import Outcome
from .scene import GROUND, animate

FAN_WIND, FAN = 2.0, (30, 40, 50, 60, 70, 80, 90)                # m/s, and targets in m
MAP_WINDS, MAP_TARGETS = np.linspace(-12.5, 12.5, 76), np.linspace(*TARGETS, 76)


def draw_picture(options: Options, outcome: Outcome) -> Figure:
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


def draw_learning(axes: Axes, outcome: Outcome) -> None:
    """The misses by the shots learned from, on logarithmic scales."""
    checks = outcome.training.checks[1:]
    shots = [learning.SHOTS * check.update for check in checks]
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


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The pictures and the animation."""
    picture, refinement = options.out / "trebuchet.png", options.out / "trebuchet-refine.png"
    animation = options.out / "trebuchet.gif"
    style.save_picture(picture, draw_picture(options, outcome))
    if outcome.wider:
        style.save_picture(refinement, draw_refinement(outcome.wider))
    animate(animation, outcome.training.params, options.quiet)
    return [picture, *([refinement] if outcome.wider else []), animation]
