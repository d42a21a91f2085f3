"""A window in which the pendulum can be pushed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydp.nn import Params
from tinydp.sims.pendulum import STANDARD, State, observe, step

from ..command import Options
from ..play import play as open_window
from .learning import Run, kept
from .machine import HANGING, controller, recipe
from .moving import Pendulum, Strategy
from .outcome import Outcome

HAND = 6.0                      # of the user, N m


class Game:
    """A pendulum under the trained controller, in its phase plane, and a hand that pushes it."""

    def __init__(self, figure: Figure, params: Params) -> None:
        self.params, self.state, self.hand = params, HANGING, 0.0
        self.past = Run(*np.zeros((3, 0)))
        stage, plane = figure.subplots(1, 2, width_ratios=[1, 1.3])
        figure.subplots_adjust(left=0.02, right=0.97, bottom=0.22, top=0.9, wspace=0.22)
        self.pendulum, self.strategy = Pendulum(stage), Strategy(plane, params)
        plane.set_title("Its strategy, ↺ orange, ↻ blue", fontsize=10)
        self.stage = stage
        figure.text(0.5, 0.05, "push it: ← and → keys, or hold a mouse button beside it   ·   "
                               "space: let it hang", ha="center", fontsize=10)
        for name, act in (("key_press_event", self.press), ("key_release_event", self.release),
                          ("button_press_event", self.click), ("motion_notify_event", self.drag),
                          ("button_release_event", self.release)):
            figure.canvas.mpl_connect(name, act)

    def press(self, event: Any) -> None:
        """Arrow keys push, the space bar begins again."""
        self.hand = {"left": HAND, "right": -HAND}.get(event.key, self.hand)
        if event.key in (" ", "space"):
            self.state, self.past = HANGING, Run(*np.zeros((3, 0)))

    def click(self, event: Any) -> None:
        """The hand pulls the bob towards the mouse."""
        if event.inaxes is self.stage:
            x, y = -np.sin(self.state.theta), np.cos(self.state.theta)
            self.hand = HAND * float(np.sign(x * event.ydata - y * event.xdata))

    def drag(self, event: Any) -> None:
        """As long as a button is held."""
        if event.button is not None:
            self.click(event)

    def release(self, event: Any) -> None:
        """The hand lets go."""
        self.hand = 0.0

    def tick(self) -> None:
        """One step of the simulator. The hand is stronger than the motor's limit."""
        torque = float(controller(self.params, observe(self.state)))
        self.past = Run(*(np.append(old, new)[-60:]
                          for old, new in zip(self.past, (*self.state, torque), strict=True)))
        self.pendulum.draw(self.past.theta[-12:], torque)
        self.strategy.draw(self.params, self.past.theta, self.past.rate)
        theta, rate = self.state
        kick = 3 * STANDARD.dt * self.hand / (STANDARD.mass * STANDARD.length**2)
        self.state = step(State(theta, rate + kick), torque)


def play(options: Options, outcome: "Outcome") -> Path | None:
    """The trained controller in a window, to be pushed."""
    params = kept(outcome.training, recipe(options)).params

    def build(figure: Figure) -> Callable[[], None]:
        return Game(figure, params).tick

    return open_window("tinydp: pendulum", (900, 460), build, options.out / "play.png", STANDARD.dt,
                       ticks_before=70)
