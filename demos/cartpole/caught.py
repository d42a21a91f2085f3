"""The starts from which a controller catches the pole, and those from which anyone could."""

from typing import TYPE_CHECKING

import numpy as np

from tinydp.nn import Params
from tinydp.sims.cartpole import EPISODE, State, failed, step

from .. import style
from .judging import balance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAUGHT = (12.0, 3.0)            # degrees and rad/s, how far the map of starts reaches
GRID = 121                      # points a side


def draw_caught(axes: "Axes", params: Params) -> None:
    """From which angles and rates it stands for 500 steps, the cart at rest in the middle."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

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
