"""The phase plane: what a controller does everywhere, and what every start is worth."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tinydp.nn import Params
from tinydp.sims.pendulum import State, observe

from .. import style
from .learning import run
from .machine import controller, returns

ANGLES, RATES = np.linspace(-np.pi, np.pi, 121), np.linspace(-8.0, 8.0, 81)


def torque_map(params: Params) -> np.ndarray:
    """The torque in every state: shape (rates, angles)."""
    theta, rate = np.meshgrid(ANGLES, RATES)
    return controller(params, observe(State(theta.ravel(), rate.ravel()))).reshape(theta.shape)


def value_map(params: Params) -> np.ndarray:
    """The return of an episode from every state: shape (rates, angles)."""
    theta, rate = np.meshgrid(ANGLES, RATES)
    rows = range(len(RATES))                     # a row at a time: all at once would leave the cache
    return np.stack([returns(params, State(theta[row], rate[row])) for row in rows])


def draw_maps(params: Params) -> Figure:
    """What each state is worth, and what the controller does there; the way up from hanging."""
    way = run(params, TILTED, 120)
    return draw_planes(value_map(params), torque_map(params), State(way.theta, way.rate),
                       "What every start is worth", "What the motor does there")


def draw_planes(values: np.ndarray, torques: np.ndarray, way: State, worth_title: str, action_title: str
                ) -> Figure:
    """Values and torques (rates, angles) over the phase plane side by side, and a way through both."""
    with style.styled():
        picture = style.figure(900, 380)
        worth, action = picture.subplots(1, 2, sharey=True)
        low = 100 * math.floor(np.percentile(values, 3) / 100)
        draw_map(worth, values, np.linspace(low, 0, 21), style.RISING, "return of the 10 seconds from here")
        draw_map(action, torques, np.linspace(-2, 2, 21), style.DIVERGING, "torque (N m)")
        for axes, title in ((worth, worth_title), (action, action_title)):
            draw_around(axes, way.theta, way.rate, color=style.INK, linewidth=1.4)
            axes.plot(np.degrees(way.theta[0]), way.rate[0], "o", color=style.INK, markersize=5)
            phase_axes(axes)
            axes.set_title(title)
        action.set_ylabel("")
    return picture


def draw_map(axes: Axes, values: np.ndarray, levels: np.ndarray, colours: Any, what: str) -> None:
    """Values over the phase plane as colours, and what these mean."""
    drawn = axes.contourf(np.degrees(ANGLES), RATES, values, levels, cmap=colours, extend="both")
    ticks = MaxNLocator(4).tick_values(levels[0], levels[-1])
    bar = axes.figure.colorbar(drawn, ax=axes, label=what, ticks=ticks, format=lambda x, _: style.number(x))
    bar.outline.set_visible(False)


def phase_axes(axes: Axes) -> None:
    """The plane of angle and rate, its upright and hanging points marked."""
    axes.plot([-180, 180], [0, 0], "o", color=style.INK, markersize=5, clip_on=False, zorder=3)
    axes.plot(0, 0, "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.8, zorder=3)
    style.label(axes, "upright", (0, 0), (0, 14), ha="center", weight="bold", fontsize=9)
    style.label(axes, "hanging", (180, 0), (-8, -3), ha="right", weight="bold", fontsize=9)
    axes.set(xlim=(-180, 180), ylim=(-8, 8), xlabel="angle from upright (°)", ylabel="rate (rad/s)")
    axes.set_xticks(range(-180, 181, 90))
    axes.set_yticks([-8, -4, 0, 4, 8])


def draw_around(axes: Axes, angles: np.ndarray, rates: np.ndarray, **look: Any) -> list[Line2D]:
    """A path in the phase plane that goes on at -180° where it leaves at 180°."""
    degrees = np.degrees(np.unwrap(angles))
    turns = range(round(np.min(degrees) / 360), round(np.max(degrees) / 360) + 1)
    return [axes.plot(degrees - 360 * turn, rates, **look)[0] for turn in turns]

TILTED = State(np.radians(150), 0.0)
