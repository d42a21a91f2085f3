"""The swing-up to play with: the controller at work in its world, and a hand that pushes the pole."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydp.nn import Params
from tinydp.sims import worlds
from tinydp.sims.swingup import STANDARD

from .. import style
from ..cartpole import Drawing
from ..command import Options
from ..worlds.learner import Pilot
from .machine import TASK, UP

STRENGTH = 3.0                  # rad/s, what the hand gives to the pole
HELP = "← and →, or click beside the pole: push it     ↑ and ↓: stronger, weaker     space: let it hang"


class Game:
    """What the window shows: the machine of the world itself, behind its noisy sensors."""

    def __init__(self, figure: Figure, options: Options, params: Params) -> None:
        self.machine: Any = worlds.machine("swingup", options.seed)
        self.length = 2 * STANDARD.half_length * self.machine.truth.half_length
        self.axes = figure.add_axes((0.0, 0.09, 1.0, 0.77))
        self.axes.set(xlim=(-2.75, 2.75), ylim=(-self.length + 0.05, self.length + 0.3))
        self.drawing, self.pilot = Drawing(self.axes, self.length), Pilot(TASK, params)
        figure.text(0.5, 0.93, "Push the pole", ha="center", fontsize=15, weight="bold", color=style.INK)
        figure.text(0.5, 0.03, HELP, ha="center", fontsize=9, color=style.GREY)
        self.told = figure.text(0.5, 0.87, "", ha="center", fontsize=11, color=style.INK)
        self.strength, self.rng = STRENGTH, np.random.default_rng(options.seed)
        self.begin()
        figure.canvas.mpl_connect("button_press_event", self.on_click)
        figure.canvas.mpl_connect("key_press_event", self.on_key)

    def begin(self) -> None:
        """A pole that hangs, and nothing counted."""
        self.machine.start(self.rng)
        self.upright = self.shown = 0
        self.bump, self.left = 0.0, False

    def on_click(self, event: Any) -> None:
        """The pole is pushed away from the mouse."""
        if event.inaxes is self.axes:
            self.hit(1.0 if event.xdata < self.tip else -1.0)

    def on_key(self, event: Any) -> None:
        """Arrow keys push, or change the strength; the space bar begins again."""
        match event.key:
            case "left" | "right":
                self.hit(1.0 if event.key == "right" else -1.0)
            case "up" | "down":
                self.strength = min(12.0, max(0.5, self.strength + (0.5 if event.key == "up" else -0.5)))
            case " ":
                self.begin()

    @property
    def tip(self) -> float:
        """Where the end of the pole is, in m along the track."""
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
