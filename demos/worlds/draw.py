"""The picture of one unknown world: the real steps, what they told, and what it was worth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import style
from .learner import Task
from .trial import WHO, Machine, Outcome

NAMES = {"nominal": "nominal", "longer": "trained\nas long", "after": "after real\nsteps",
         "told": "true\nphysics"}
COLOURS = {"nominal": style.GREY, "longer": style.ORANGE, "after": style.BLUE, "told": style.GREEN}


def draw_picture(machine: Machine, task: Task, outcome: Outcome) -> Figure:
    """All of it; the truth is drawn by the judge."""
    n = len(task.model.unknowns)
    with style.styled():
        picture = style.figure(900, 720)
        panels = picture.subplot_mosaic(
            [["upper", "upper", "scores"], ["lower", "lower", "scores"], ["beliefs"] * 3],
            height_ratios=[1, 0.75, 1.5], gridspec_kw={"width_ratios": [1, 1, 0.9]})
        machine.draw_episode(panels["upper"], panels["lower"], outcome.learning)
        panels["upper"].tick_params(labelbottom=False)
        picture.align_ylabels([panels["upper"], panels["lower"]])
        draw_scores(panels["scores"], machine, outcome)
        below = panels["beliefs"].get_subplotspec().subgridspec(1, n, wspace=0.05)
        panels["beliefs"].remove()
        for k in range(n):
            draw_belief(picture.add_subplot(below[k]), machine, task, outcome, k)
    return picture


def draw_scores(axes: Axes, machine: Machine, outcome: Outcome) -> None:
    """The episodes that judge each of the controllers, and their means."""
    rng = np.random.default_rng(0)
    for k, who in enumerate(WHO):
        returns = outcome.found[who].returns
        axes.plot(k + rng.uniform(-0.22, 0.22, len(returns)), returns, "o", color=COLOURS[who], alpha=0.4,
                  markersize=3.5, markeredgewidth=0)
        mean = float(np.mean(returns))
        axes.plot([k - 0.3, k + 0.3], [mean, mean], color=style.INK, linewidth=2)
        style.label(axes, style.number(mean, 1), (k, mean), (0, 5), ha="center", weight="bold", fontsize=9)
    axes.set_xticks(range(len(WHO)), [NAMES[who] for who in WHO], fontsize=9)
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.08)
    axes.set(xlim=(-0.5, len(WHO) - 0.5), ylabel=machine.score)
    axes.set_title(f"{len(outcome.found['after'].returns)} episodes each")


def draw_belief(axes: Axes, machine: Machine, task: Task, outcome: Outcome, k: int) -> None:
    """The k-th unknown over the real steps: its likeliest value, the interval of 90 %, and the truth."""
    beliefs, unknown = outcome.learning.beliefs, task.model.unknowns[k]
    steps = [refined.steps for refined in beliefs]
    low, high = np.array([task.model.between(refined.belief)[unknown.name] for refined in beliefs]).T
    values = [float(unknown.at(refined.belief.z[k])) for refined in beliefs]
    axes.fill_between(steps, low, high, color=style.BLUE, alpha=0.18, linewidth=0, label="90 %")
    axes.plot(steps, values, color=style.BLUE, label="believed")
    axes.axhline(outcome.truth[unknown.name], color=style.GREEN, linewidth=1.5, linestyle=(0, (4, 3)),
                 label="truth")
    axes.set(xlim=(0, steps[-1] or 1), xlabel="real steps")
    axes.set_title(f"{unknown.name.replace('_', ' ')} ({machine.units[unknown.name]})", fontsize=10)
    if k == 0:
        axes.legend(loc="upper right", frameon=False, fontsize=9)
