"""The pictures: learning, every evaluated episode, and one run in time."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from tinydp.sims.pendulum import STANDARD

from .. import style
from ..command import Options
from .evaluation import Episodes
from .learning import Run, Training, kept, run
from .machine import BEST_EVERYWHERE, HANGING, RECIPES, Recipe, recipe
from .maps import draw_around, draw_maps, phase_axes
from .moving import animate, animate_episode
from .outcome import Outcome


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
