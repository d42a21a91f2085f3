"""A window to push the pole in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydp.nn import Params
from tinydp.sims.cartpole import STANDARD, State, failed, observe, step

from .. import style
from ..command import Options
from ..play import play as open_window
from .moving import Drawing
from .network import controller
from .outcome import Outcome
from .push import PushGame

STRENGTH = 0.8                  # rad/s, what a push of the user gives to the pole
HELP = "click beside the pole, or ← and →: push it     ↑ and ↓: stronger, weaker     space: begin anew"


class Game(PushGame):
    """What the window of `play` shows: the controller holds the pole, the user pushes it."""

    change, least, most = 0.1, 0.1, 3.0

    def __init__(self, params: Params, figure: Figure) -> None:
        axes = figure.add_axes((0.0, 0.08, 1.0, 0.78))
        axes.set(xlim=(-2.75, 2.75), ylim=(-0.3, 1.35))
        self.params, self.drawing = params, Drawing(axes)
        for end in (-STANDARD.max_x, STANDARD.max_x):
            axes.text(end, -0.26, f"{style.number(end, 1)} m", ha="center", color=style.GREY)
        self.actions = [0.0] * 10
        super().__init__(figure, axes, STRENGTH, HELP)

    def begin(self) -> None:
        """A pole upright in the middle, and nothing counted."""
        self.state, self.steps, self.pushes, self.bump, self.shown = State(0.0, 0.0, 0.0, 0.0), 0, 0, 0.0, 0
        self.fallen = False

    @property
    def place(self) -> float:
        """The cart's."""
        return self.state.x

    def hit(self, direction: float) -> None:
        """A sudden push of the pole, to the right for 1, to the left for -1."""
        if not self.fallen:
            self.state = self.state._replace(rate=self.state.rate + direction * self.strength)
            self.pushes, self.bump, self.shown = self.pushes + 1, direction, 12

    def tick(self) -> None:
        """Two steps of the simulator, 40 ms."""
        for _ in range(2):
            self.fallen = self.fallen or bool(failed(self.state))
            action = 0.0
            if not self.fallen:
                action = float(controller(self.params, observe(self.state).astype(np.float32)))
                self.steps += 1
            if abs(self.state.theta) < np.pi / 2:
                self.state = step(self.state, action)
            self.actions = [*self.actions[1:], action]
        self.shown = max(0, self.shown - 1)
        self.drawing.draw(self.state.x, self.state.theta, float(np.mean(self.actions)),
                          self.bump if self.shown else 0.0, self.fallen)
        held = f"{STANDARD.dt * self.steps:.1f} s and {self.pushes} push" + "es" * (self.pushes != 1)
        self.told.set_text(f"Failed after {held}: space begins anew" if self.fallen
                           else f"Standing for {held}; the next gives {self.strength:.1f} rad/s")


def play(options: Options, outcome: Outcome) -> Path | None:
    """A window in which the user pushes the pole; without a display, a picture after a push."""

    def build(figure: Figure) -> Callable[[], Any]:
        game = Game(outcome.training.params, figure)
        game.hit(1.0)                            # shows at once what is to be done here
        return game.tick

    return open_window("CartPole: push the pole", (900, 420), build, options.out / "play.png",
                       tick_seconds=2 * STANDARD.dt, ticks_before=10)
