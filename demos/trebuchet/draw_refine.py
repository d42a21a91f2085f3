"""The picture of aims that are refined in the simulator."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from .. import style
from ..command import count
from .machine import reach
from .refine import HIT, Row, Wider

COLOURS = LogNorm(1e-3, 10)                      # m
SIZE = 2.5                                       # of a point, in square points
LINES = ((100.0, style.ORANGE, "worst", 0, 8), (99.0, style.GREEN, "99 of 100 within", -1, -16),
         (50.0, style.BLUE, "median", -1, 6))   # with the end at which the text is, and its lift in points
LEAST = 1e-5                                     # m: smaller misses are drawn here


def draw_refinement(wider: Wider) -> Figure:
    """All tasks, by how far the network alone misses and from which start they are hit; misses by steps."""
    with style.styled():
        picture = style.figure(900, 380)
        alone, refined, by_steps = picture.subplots(1, 3, width_ratios=[1.22, 1, 1.1])
        draw_alone(picture, alone, wider)
        draw_starts(refined, wider)
        draw_steps(by_steps, wider.rows)
    return picture


def draw_alone(picture: Figure, axes: Axes, wider: Wider) -> None:
    """The misses of the network alone, the worst on top."""
    misses = wider.rows[0].misses
    order = np.argsort(misses)
    shown = axes.scatter(wider.winds[order], wider.targets[order], c=misses[order], s=SIZE, norm=COLOURS,
                         cmap=style.RISING.reversed(), linewidths=0, rasterized=True)
    bar = picture.colorbar(shown, ax=axes, pad=0.03, extend="both")
    bar.set_ticks([1e-3, 1e-2, 0.1, 1, 10], labels=["1 mm", "1 cm", "10 cm", "1 m", "10 m"])
    bar.outline.set_visible(False)               # type: ignore[operator]
    bar.minorticks_off()
    frame(axes, wider)
    axes.set_ylabel("target (m)")
    axes.set_title("The network alone misses by")


def draw_starts(axes: Axes, wider: Wider) -> None:
    """Which start the refined aims come from, and which of them miss."""
    row = wider.rows[-1]
    missed = row.misses > HIT
    for which, colour, size in ((~row.low, "#8db9de", SIZE), (row.low, style.ORANGE, 2 * SIZE),
                                (missed, style.INK, 6 * SIZE)):
        axes.scatter(wider.winds[which], wider.targets[which], s=size, color=colour, linewidths=0,
                     rasterized=True)
    frame(axes, wider)
    for text, height, colour in (("from the\nnetwork's aim", 23, style.BLUE),
                                 ("from the\nlow start", 5, style.ORANGE)):
        style.label(axes, text, (axes.get_xlim()[1], height), (0, 0), ha="right", color=colour, fontsize=9)
    found = f"{style.number(int(np.sum(missed)))} off by > 1 cm" if np.any(missed) else "all within 1 cm"
    axes.set_title(f"{count(row.steps, 'step')}: {found}")


def frame(axes: Axes, wider: Wider) -> None:
    """The plane of tasks, and what of it can be reached."""
    winds = np.linspace(np.min(wider.winds), np.max(wider.winds), 200)
    for limit in reach().limits(winds):
        axes.plot(winds, limit, color=style.INK, linewidth=1)
    axes.set(xlim=(winds[0], winds[-1]), ylim=(0, 120), xlabel="wind (m/s)")
    axes.grid(False)


def draw_steps(axes: Axes, rows: list[Row]) -> None:
    """Misses by steps, on a logarithmic scale; below each number of them what a decision takes."""
    steps = np.arange(len(rows))
    axes.axhline(HIT, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)))
    style.label(axes, "goal", (steps[-1], HIT), (0, 4), color=style.GREY, ha="right")
    for share, colour, text, end, lift in LINES:
        misses = np.maximum([row.worst(share) for row in rows], LEAST)
        axes.plot(steps, misses, "o-", color=colour, markersize=4)
        style.label(axes, text, (steps[end], misses[end]), (0 if end else 8, lift), color=colour,
                    ha="right" if end else "left")
    axes.set(yscale="log", ylim=(LEAST, 300), xlabel="steps; ms a decision",
             xlim=(-0.3, len(rows) - 0.7))
    axes.set_xticks(steps, [f"{row.steps}\n{np.median(row.milliseconds):.2f}" for row in rows])
    axes.set_yticks([1e-5, 1e-3, 1e-2, 0.1, 1, 10, 100],
                    labels=["0.01 mm", "1 mm", "1 cm", "10 cm", "1 m", "10 m", "100 m"])
    axes.minorticks_off()
    axes.set_title("Misses by steps")
