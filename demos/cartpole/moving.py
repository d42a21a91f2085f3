"""The cart-pole, moving: what the animation shows, and the window to play in."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from tinydp.nn import Params
from tinydp.sims.cartpole import STANDARD, State, failed, observe, step

from .. import style
from ..animation import save_animation
from .learning import Training
from .network import controller

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


def animate(path: Path, training: Training, quiet: bool) -> None:
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

        save_animation(path, picture, draw, range(0, SHOWN, 2), 2 * STANDARD.dt, quiet)


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
