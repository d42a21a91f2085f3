"""What the animation of `hero` draws on: the network, the machine from near, and below them the whole flight.

Blue is what goes forwards, orange the gradient that comes back. Arrows point against it, to where the miss
would shrink: in the flight at the projectile's place (orange, m of the miss per m) and velocity (dark, m per
m/s); in the machine at the tip and at the pouch, for turning arm and sling (m per m of the arc).
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver

from tinydp.nn import Params
from tinydp.sims.trebuchet import CORRECTED, DT, Machine, Throw, joints, simulate

from .. import style
from .backward import Backward, Moments, forward
from .machine import CENTRE, HALF, WIND, controller
from .scene import GROUND

PLACES, EVERY = 9, 11            # arrows of the flight, and moments between those of the machine
EDGES = 40                                       # weights of a layer that are shown: of the largest gradients
PULL, PUSH, TURN = 8.0, 5.0, 0.075               # m of an arrow for each unit of the three kinds
BEYOND = 30.0                                    # lb: a counterweight so much heavier is drawn a point larger


class Shot(NamedTuple):
    """A throw at a target, and the network's activations on the way to its aim."""

    throw: Throw
    angle: float
    weight: float
    target: float
    activations: list[np.ndarray]

    @property
    def miss(self) -> float:
        return abs(self.throw.distance - self.target)

    @property
    def told(self) -> str:
        """The miss in print."""
        return f"{self.miss:.1f} m" if self.miss > 0.5 else f"{100 * self.miss:.1f} cm"


def shot_at(params: Params, wind: float, target: float) -> Shot:
    """By that network."""
    angle, weight = map(float, controller(params, wind, target))
    seen = np.array([wind / (2 * WIND), (target - CENTRE) / HALF])
    return Shot(simulate(wind, angle, weight, dt=2 * DT), angle, weight, target, forward(params, seen))


class Board:
    """The figure, and what its parts can show. `back` are the gradients that may be shown."""

    def __init__(self, picture: Figure, back: Backward, wind: float):
        self.back = back
        self.swing = [*back.slide, *back.hang][::EVERY]
        self.flown = back.flight[::-(-len(back.flight) // PLACES)]
        words = picture.add_axes((0.025, 0.88, 0.97, 0.12))
        words.set_axis_off()
        self.title = words.text(0.0, 0.55, "", weight="bold", fontsize=14)
        self.about = words.text(0.0, 0.12, "", fontsize=11)
        self.draw_network(picture.add_axes((0.0, 0.56, 0.62, 0.31)), wind)
        self.draw_machine(picture.add_axes((0.63, 0.54, 0.36, 0.36)))
        self.draw_field(picture.add_axes((0.07, 0.095, 0.91, 0.46)))

    # ------------------------------------------------------------------------ the parts

    def draw_network(self, axes: Axes, wind: float) -> None:
        """Columns of activations, and lines for the weights that learn most from this miss."""
        axes.set_axis_off()
        axes.set(xlim=(-1.55, 5.5), ylim=(-0.05, 1.05))
        self.places = [np.stack([np.full(n, k), np.linspace(1, 0, n) if n > 2 else [0.7, 0.3]], axis=1)
                       for k, n in enumerate(map(len, self.back.activations))]
        self.edges = [axes.add_collection(self.strongest(k, np.asarray(layer.weight)))
                      for k, layer in enumerate(self.back.params)]
        self.nodes = [axes.scatter(*places.T, s=90 if len(places) == 2 else 16, c="white", zorder=3,
                                   edgecolors=style.GREY, linewidths=0.6) for places in self.places]
        look: dict[str, Any] = {"va": "center", "fontsize": 10}
        axes.text(-0.2, 0.7, f"wind {wind:g} m/s", ha="right", **look)
        self.goal = axes.text(-0.2, 0.3, "", ha="right", **look)
        self.aims = [axes.text(4.2, y, "", **look) for y in (0.7, 0.3)]

    def strongest(self, k: int, gradient: np.ndarray) -> LineCollection:
        """Lines for the weights of layer k whose gradients are the largest, as wide as these are."""
        i, j = np.unravel_index(np.argsort(-np.abs(gradient), axis=None)[:EDGES], gradient.shape)
        lines = np.stack([self.places[k][i], self.places[k + 1][j]], axis=1)
        return LineCollection(list(lines), linewidths=0.4 + 1.6 * np.abs(gradient[i, j] / gradient.max()),
                              colors=style.PALE, zorder=1)

    def draw_machine(self, axes: Axes) -> None:
        """The machine from near."""
        style.bare(axes)
        axes.set(xlim=(-5.2, 3.6), ylim=(-1.8, 4.4))
        axes.axhline(GROUND, color=style.GREY, linewidth=1.5)
        axes.fill([0, -0.7, 0.7], [0, GROUND, GROUND], facecolor=style.PALE, edgecolor=style.GREY)
        self.path, self.arm, self.hanger, self.sling, self.mass, self.pouch = (
            axes.add_line(Line2D([], [], **look)) for look in (
                {"color": style.BLUE, "linewidth": 1.8}, {"color": style.INK, "linewidth": 5},
                {"color": style.INK, "linewidth": 2}, {"color": style.INK, "linewidth": 1.2},
                {"color": style.INK, "marker": "s"},
                {"color": style.BLUE, "marker": "o", "markersize": 8, "zorder": 4}))
        axes.add_line(Line2D([0], [0], color="white", marker="o", markersize=4, zorder=4))
        self.turns = arrows(axes, *turning(self.swing), width=0.009, color=style.ORANGE)

    def draw_field(self, axes: Axes) -> None:
        """The whole flight."""
        axes.set(xlim=(-6, 107), ylim=(0, 37), xlabel="distance (m)", yticks=[0, 10, 20, 30], aspect="equal",
                 ylabel="height (m)", anchor="S")
        self.trails, self.flags, self.misses = (
            [axes.add_line(Line2D([], [], **look)) for _ in range(3)] for look in (
                {"color": style.BLUE, "linewidth": 1.8},
                {"color": style.INK, "marker": "^", "markersize": 12, "clip_on": False, "zorder": 5},
                {"color": style.ORANGE, "linewidth": 5, "clip_on": False, "solid_capstyle": "butt"}))
        self.ball = axes.add_line(Line2D([], [], color=style.BLUE, marker="o", markersize=7, zorder=4))
        self.loss = axes.text(0, 1.3, "", color=style.ORANGE, weight="bold", fontsize=13)
        self.pulls = arrows(axes, *pulling(self.flown, ("x", "y"), PULL), width=0.0065, color=style.ORANGE)
        self.pushes = arrows(axes, *pulling(self.flown, ("vx", "vy"), PUSH), width=0.0025, color=style.INK)

    # ------------------------------------------------------------------------ what they show

    def say(self, about: str, title: str | None = None) -> None:
        """A line, and the one above it."""
        self.about.set_text(about)
        if title is not None:
            self.title.set_text(title)

    def clear(self, *targets: float) -> None:
        """Nothing but these targets."""
        for line in (*self.misses, *self.trails, *self.flags, self.ball, self.path, self.pouch):
            line.set_data([], [])
        for flag, target in zip(self.flags, targets, strict=False):
            flag.set_data([target], [0.0])
        self.loss.set_text("")
        for quiver in (self.pushes, self.pulls, self.turns):
            show_from(quiver, quiver.N)
        for edges in self.edges:
            edges.set_color(style.PALE)

    def aim(self, shot: Shot) -> None:
        """What the network is told, its activations, and what it says."""
        self.goal.set_text(f"target {shot.target:.0f} m")
        for text, aim in zip(self.aims, (f"angle {shot.angle:.1f}°", f"weight {shot.weight:.0f} lb"),
                             strict=True):
            text.set_text(aim)
        for nodes, activation in zip(self.nodes, shot.activations, strict=True):
            nodes.set_facecolor(shades(activation, style.BLUE))
        self.mass.set_markersize(8 + shot.weight / BEYOND)

    def throw(self, shot: Shot, now: float, k: int = 0) -> None:
        """The machine and the projectile at that time, whose trail is the k-th."""
        throw = shot.throw
        self.machine(Machine(*(np.interp(now, throw.machine.time, field) for field in throw.machine)))
        for line, shift, times in ((self.path, 0.0, np.linspace(0, min(now, throw.events[1] + 0.2), 80)),
                                   (self.trails[k], GROUND, np.linspace(0, now, 150))):
            x, y = (np.interp(times, throw.ball.time, field) for field in (throw.ball.x, throw.ball.y))
            line.set_data(x, y - shift)
        self.ball.set_data(x[-1:], y[-1:] - GROUND)
        self.pouch.set_data(x[-1:], y[-1:])

    def machine(self, machine: Machine) -> None:
        """Arm, hanger and sling."""
        place = joints(machine)
        self.arm.set_data(*zip(place.elbow, place.tip, strict=True))
        self.hanger.set_data(*zip(place.elbow, place.weight, strict=True))
        self.mass.set_data([place.weight[0]], [place.weight[1]])
        self.sling.set_data([place.tip[0], place.pouch[0]], [place.tip[1], max(place.pouch[1], GROUND)])

    def miss(self, shot: Shot, k: int = 0) -> None:
        """From the landing to the target."""
        self.misses[k].set_data([shot.target, shot.throw.distance], [0.0, 0.0])
        if k == 0:
            self.loss.set_text(f"L = {shot.told}")
            self.loss.set_x(max(shot.target, shot.throw.distance) + 2)

    def pull(self, first: int) -> None:
        """The gradient at the moments of the flight from that one on; the projectile is there."""
        show_from(self.pulls, first)
        show_from(self.pushes, first)
        ball = self.flown[first][0]
        self.ball.set_data([ball.x], [ball.y - GROUND])

    def turn(self, first: int) -> None:
        """The gradient at the moments of the machine from that one on, where it stands."""
        show_from(self.turns, 2 * first)
        self.machine(self.swing[first][0])
        x, y = joints(self.swing[first][0]).pouch
        self.pouch.set_data([x], [y])
        self.ball.set_data([], [])

    def learn(self, k: int) -> None:
        """The gradient at the network's k-th column, and in the weights that lead to it."""
        self.nodes[k].set_facecolor(shades(self.back.cotangents[k - 1], style.ORANGE))
        self.edges[k - 1].set_color(style.ORANGE)


# ---------------------------------------------------------------------------- arrows and colours


def arrows(axes: Axes, at: np.ndarray, along: np.ndarray, **look: Any) -> Quiver:
    """Arrows (n, 2), in the units of the axes, none of which is shown yet."""
    made = axes.quiver(*at.T, *along.T, angles="xy", scale_units="xy", scale=1.0, zorder=3, clip_on=False,
                       **look)
    made.all = along                             # type: ignore[attr-defined]
    show_from(made, made.N)
    return made


def show_from(quiver: Quiver, first: int) -> None:
    """These arrows from that one on."""
    hidden = np.arange(quiver.N) < first
    quiver.set_UVC(*(np.ma.array(part, mask=hidden) for part in quiver.all.T))    # type: ignore[attr-defined]


def pulling(flight: Moments, names: tuple[str, str], stretch: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the arrows of the flight begin, and where they point: (n, 2) each, against the gradient."""
    at = np.array([(float(ball.x), float(ball.y) - GROUND) for ball, _ in flight])
    return at, -stretch * np.array([[float(getattr(slope, name)) for name in names] for _, slope in flight])


def turning(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """The same in the machine, for the tip and the pouch of each moment in turn: along their arcs."""
    at, along = [], []
    for machine, slope in moments:
        place = joints(machine)
        for end, angle, length, by in ((place.tip, machine.arm, CORRECTED.long_arm, slope.arm),
                                       (place.pouch, machine.sling, CORRECTED.sling, slope.sling)):
            at.append([float(part) for part in end])
            along.append(-TURN * float(by) / length * np.array([-np.cos(angle), -np.sin(angle)]))
    return np.array(at), np.array(along)


def shades(values: np.ndarray, colour: str) -> np.ndarray:
    """White for 0, and the full colour for what is largest in size: (n, 4)."""
    share = np.abs(values) / max(float(np.max(np.abs(values))), 1e-300)
    return 1 - share[:, None] * (1 - np.array(to_rgba(colour))) * [1, 1, 1, 0]
