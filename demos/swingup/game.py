"""The swing-up to play with: the controller at work in its world, and a hand that pushes the pole."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydp.nn import Params
from tinydp.sims import worlds
from tinydp.sims.swingup import STANDARD

from ..cartpole.moving import Drawing
from ..cartpole.push import PushGame
from ..command import Options
from ..worlds.learner import Pilot
from .machine import TASK, UP

STRENGTH = 3.0                  # rad/s, what the hand gives to the pole
HELP = "← and →, or click beside the pole: push it     ↑ and ↓: stronger, weaker     space: let it hang"


class Game(PushGame):
    """What the window shows: the machine of the world itself, behind its noisy sensors."""

    change, least, most = 0.5, 0.5, 12.0

    def __init__(self, figure: Figure, options: Options, params: Params) -> None:
        self.machine: Any = worlds.machine("swingup", options.seed)
        self.length = 2 * STANDARD.half_length * self.machine.truth.half_length
        axes = figure.add_axes((0.0, 0.09, 1.0, 0.77))
        axes.set(xlim=(-2.75, 2.75), ylim=(-self.length + 0.05, self.length + 0.3))
        self.drawing, self.pilot = Drawing(axes, self.length), Pilot(TASK, params)
        self.rng = np.random.default_rng(options.seed)
        super().__init__(figure, axes, STRENGTH, HELP)

    def begin(self) -> None:
        """A pole that hangs, and nothing counted."""
        self.machine.start(self.rng)
        self.upright = self.shown = 0
        self.bump, self.left = 0.0, False

    @property
    def place(self) -> float:
        """That of the end of the pole."""
        return float(self.machine.state[0] + self.length * np.sin(self.machine.state[2]))

    def hit(self, direction: float) -> None:
        """A sudden push of the pole's end, to the right for 1, to the left for -1."""
        if not self.left:
            around = np.copysign(1.0, np.cos(self.machine.state[2]))
            self.machine.state[3] += direction * around * self.strength
            self.bump, self.shown, self.upright = direction, 8, 0

    def tick(self) -> None:
        """One step of the world, 40 ms."""
        push = 0.0
        if not self.left:
            sensed = self.machine.sense() + self.machine.noise * self.rng.normal(size=4)
            push = self.pilot.act(self.machine.show(sensed))
            self.left = self.machine.step(TASK.to_world(push))
        x, _, theta, _ = self.machine.state
        self.upright = self.upright + 1 if np.cos(theta) > UP else 0
        self.shown = max(0, self.shown - 1)
        self.drawing.draw(x, theta, push, self.bump if self.shown else 0.0, self.left)
        self.told.set_text("Off its track: space begins anew" if self.left
                           else f"Upright for {STANDARD.dt * self.upright:.1f} s; "
                                f"the next push gives {self.strength:.1f} rad/s")
