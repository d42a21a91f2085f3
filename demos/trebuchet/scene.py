"""The machine, moving: what the animation shows, and the window to play in."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tinydp.nn import Params
from tinydp.sims.trebuchet import CORRECTED, DT, Machine, joints, simulate

from .. import style
from ..animation import save_animation
from . import refine
from .machine import between

GROUND = -CORRECTED.pivot_height

SLOW, FAST = 0.012, 0.09                         # s a frame, until the arm has swung, and in flight
HELD = 18                                        # frames to look at the hit
FRAME = 0.05                                     # s, for which each is shown
SHOWN = ((-4.0, 55.0), (5.0, 95.0))               # winds and targets


class Scene:
    """A throw drawn twice: the machine from near, and the whole flight."""

    def __init__(self, figure: Figure, bottom: float = 0.0):
        """In the part of the figure above `bottom`, a share of its height."""
        height = 1 - bottom
        near = figure.add_axes((0.0, bottom, 0.33, 0.86 * height))
        self.far = figure.add_axes((0.36, bottom + 0.16 * height, 0.62, 0.66 * height))
        style.bare(near)
        near.set(xlim=(-4.6, 4.0), ylim=(-2.1, 5.4))
        near.axhline(GROUND, color=style.GREY, linewidth=1.5)
        near.fill([0, -0.7, 0.7], [0, GROUND, GROUND], facecolor=style.PALE, edgecolor=style.GREY)
        self.sling = near.add_line(Line2D([], [], color=style.INK, linewidth=1))
        self.arm = near.add_line(Line2D([], [], color=style.INK, linewidth=5))
        self.hanger = near.add_line(Line2D([], [], color=style.INK, linewidth=2))
        self.weight = near.add_line(Line2D([], [], color=style.INK, marker="s"))
        near.add_line(Line2D([0], [0], color="white", marker="o", markersize=4, zorder=4))
        self.far.set(xlim=(-8, 112), ylim=(0, 45), xlabel="distance (m)", yticks=[0, 20, 40],
                     ylabel="height (m)", aspect="equal", anchor="SW")
        self.wind = self.far.add_line(Line2D([], [], color=style.BLUE, alpha=0.3, linewidth=2.5))
        self.flag = self.far.add_line(Line2D([], [], color=style.INK, marker="^", markersize=11,
                                             clip_on=False))
        self.small = self.far.add_line(Line2D([], [], color=style.INK, linewidth=2))
        self.trails = [axes.add_line(Line2D([], [], color=style.ORANGE, linewidth=1.5))
                       for axes in (near, self.far)]
        self.balls = [axes.add_line(Line2D([], [], color=style.ORANGE, marker="o", markersize=size,
                                           zorder=4, clip_on=axes is near))
                      for axes, size in ((near, 9), (self.far, 6))]
        self.said = figure.text(0.36, 1 - 0.09 * height, "", weight="bold")
        self.found = figure.text(0.36, 1 - 0.17 * height, "")

    def prepare(self, params: Params, wind: float, target: float, steps: int = 0) -> list[float]:
        """Aim, refine that as often, and throw; the times of the frames that show it."""
        angle, weight = map(float, between(refine.refined(params, wind, target, steps).part))
        self.throw, self.blows, self.target = simulate(wind, angle, weight, dt=2 * DT), wind, target
        self.flag.set_data([target], [0.9])
        self.weight.set_markersize(1.1 * math.sqrt(weight))
        self.said.set_text(f"wind {style.number(wind, 1)} m/s, target {target:.0f} m")
        self.aim = f"release at {angle:.1f}°, {weight:.0f} lb:  "
        release, landing = self.throw.events[1:]
        slow = np.arange(0, release + 0.15, SLOW)
        return [*slow, *np.arange(slow[-1] + FAST, landing, FAST), *[landing] * HELD]

    def draw(self, now: float) -> None:
        """The throw at that time."""
        throw, (_, release, landing) = self.throw, self.throw.events
        machine = Machine(*(np.interp(now, throw.machine.time, field) for field in throw.machine))
        place = joints(machine)
        past = np.append(np.arange(max(0.0, now - 0.25), now, 0.005), now)
        self.arm.set_data(*zip(place.elbow, place.tip, strict=True))
        self.small.set_data(*(np.array(ends) - (0, shift) for ends, shift in zip(
            zip(place.elbow, place.tip, strict=True), (0, GROUND), strict=True)))
        self.hanger.set_data(*zip(place.elbow, place.weight, strict=True))
        self.weight.set_data([place.weight[0]], [place.weight[1]])
        x, y = place.pouch
        self.sling.set_data([place.tip[0], x], [place.tip[1], max(y, GROUND)])
        for trail, ball, times, up in zip(self.trails, self.balls, (past, np.linspace(0, now, 150)),
                                          (0, GROUND), strict=True):
            x, y = (np.interp(times, throw.ball.time, field) for field in (throw.ball.x, throw.ball.y))
            trail.set_data(x, y - up)
            ball.set_data(x[-1:], y[-1:] - up)
        self.wind.set_data(*streaks(self.blows, now))
        miss = abs(throw.distance - self.target)
        self.found.set_text(self.aim + (
            "slow motion" if now < release + 0.15 else f"{now:.1f} s" if now < landing else
            f"landed at {throw.distance:.2f} m, {100 * miss:.0f} cm or {100 * miss / self.target:.2g} % off"))


def streaks(wind: float, now: float) -> tuple[np.ndarray, np.ndarray]:
    """Dashes that drift with the wind, as long as it is strong: x and height, with gaps."""
    x, height = np.random.default_rng(0).uniform((-8, 4), (112, 43), (18, 2)).T
    x = (x + 8 + wind * now) % 120 - 8
    gap = np.full(len(x), np.nan)
    return np.stack([x, x + wind, gap], 1).ravel(), np.stack([height, height, gap], 1).ravel()


def animate(path: Path, params: Params, quiet: bool) -> None:
    """The trained controller at two targets, as a GIF."""
    with style.styled():
        picture = style.figure(720, 270)
        picture.set_layout_engine("none")
        scene = Scene(picture)
        frames = [(task, now) for task in SHOWN for now in scene.prepare(params, *task)]
        shown: list[Any] = []

        def draw(k: int) -> None:
            task, now = frames[k]
            if shown != [task]:
                scene.prepare(params, *task)
                shown[:] = [task]
            scene.draw(now)

        save_animation(path, picture, draw, range(len(frames)), FRAME, quiet)
