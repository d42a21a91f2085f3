"""The pictures: the learning, the starts from which the pole is caught, and an episode."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tinydp.sims.cartpole import EPISODE, STANDARD

from .. import command, style
from ..command import Options
from . import judging
from .caught import draw_caught
from .learning import Training, train
from .moving import animate
from .outcome import Outcome


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
    axes.set_title(f"All {len(judging.EVALUATED)} episodes stand after "
                   f"{command.count(training.mastered, 'step')}"
                   if training.solved else "Not learned")


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


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture, for which more seeds are trained, and the animation."""
    others = [train(options, seed) for seed in range(options.seed + 1, options.seed + options.curves)]
    picture, animation = options.out / "cartpole.png", options.out / "cartpole.gif"
    style.save_picture(picture, draw_picture(outcome.training, others))
    animate(animation, outcome.training, options.quiet)
    return [picture, animation]
