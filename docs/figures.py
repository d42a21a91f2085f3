"""Draw the pictures of the tour: docs/event.png and docs/compiler.png."""

import pathlib
import sys

import numpy as np

DOCS = pathlib.Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))             # the checkout, whose look the pictures have

import tinydp as dp  # noqa: E402
from demos import style  # noqa: E402

GRAVITY, STEP = 9.81, 0.1


def step(state, dt):
    """A ball that falls; so are the examples in the tour."""
    t, z, v = state
    return t + dt, z + dt * v - 0.5 * GRAVITY * dt * dt, v - GRAVITY * dt


def landing(height):
    """When it is on the ground."""
    return dp.integrate(step, (0.0, height, 0.0), lambda state: state[1], dt=STEP)[0]


def event():
    """Two falls, from heights that differ by dp, near the ground."""
    height, more = 2.0, 0.25
    time, later = landing(height), landing(height + more)
    moved = -GRAVITY * time                      # how fast the ball is there: ∂u/∂h
    with style.styled():
        picture = style.figure(900, 340)
        axes = picture.subplots()
        for start, colour, end in ((height, style.BLUE, time), (height + more, style.ORANGE, later)):
            t = np.linspace(0.0, end, 200)
            axes.plot(t, start - 0.5 * GRAVITY * t * t, color=colour)
            steps = np.arange(0.0, end, STEP)
            axes.plot(steps, start - 0.5 * GRAVITY * steps**2, "o", color=colour, markersize=4)
            axes.plot([end], [0.0], "s", color=colour, markersize=6, clip_on=False, zorder=5)
        axes.axhline(0.0, color=style.GREY, linewidth=1.0)
        axes.annotate("", (time, more), (time, 0.0), arrowprops={"arrowstyle": "<->", "color": style.INK})
        style.label(axes, "∂u/∂p dp", (time, 0.0), (-34, 3), ha="right")
        style.label(axes, "a start higher by dp", (0.45, height + more - 0.5 * GRAVITY * 0.45**2), (6, 5),
                    color=style.ORANGE)
        slope = np.array([time, time + more / -moved])
        axes.plot(slope, more + moved * (slope - time), "--", color=style.INK, linewidth=1.2)
        style.label(axes, "slope ∂u/∂h", (slope.mean(), more / 2), (8, 2))
        axes.annotate("", (later, -0.17), (time, -0.17), arrowprops={"arrowstyle": "<->", "color": style.INK},
                      annotation_clip=False)
        style.label(axes, "dh", ((time + later) / 2, -0.17), (0, -12), ha="center")
        axes.set(xlim=(0.3, 0.75), ylim=(-0.35, 1.9), xlabel="time (s)", ylabel="height u (m)",
                 title="Dots: whole steps. Squares: the last one, as long as it takes")
    style.save_picture(DOCS / "event.png", picture)


BOXES = (
    ("your function", "Python, run on\nvalues that are\nnot known yet", style.INK),
    ("trace", "each value is\nmade once; a loop,\na root, an event is\none operation", style.BLUE),
    ("adjoint", "the tape's sweep\nover the trace:\nwhat it does is\nwritten down, too", style.ORANGE),
    ("passes", "dead, simplify,\nmerge, residuals,\nproducts, roll", style.BLUE),
    ("lower", "loops, buffers,\nnumbers", style.BLUE),
    ("print", "LLVM, or Numba's\nPython, which\nyou can read", style.GREEN),
)


def compiler():
    """From a function to machine code, as boxes and arrows."""
    with style.styled():
        picture = style.figure(900, 270)
        axes = picture.subplots()
        axes.set_axis_off()
        axes.set(xlim=(-0.02, 6.0), ylim=(-0.42, 1.0))
        for k, (name, text, colour) in enumerate(BOXES):
            axes.add_patch(_box(k + 0.03, 0.0, 0.88, 0.9, colour))
            middle = {"ha": "center", "va": "center"}
            axes.text(k + 0.47, 0.74, name, weight="bold", color=colour, fontsize=11, **middle)
            axes.text(k + 0.47, 0.31, text, fontsize=9, **middle)
            if k:
                axes.annotate("", (k + 0.02, 0.45), (k - 0.08, 0.45),
                              arrowprops={"arrowstyle": "-|>", "color": style.GREY})
        axes.annotate("", (2.3, -0.04), (2.64, -0.04), arrowprops={
            "arrowstyle": "-|>", "color": style.ORANGE, "connectionstyle": "arc3,rad=-1.2"})
        axes.text(2.47, -0.36, "again: second derivatives", ha="center", va="center", fontsize=9.5,
                  color=style.ORANGE)
    style.save_picture(DOCS / "compiler.png", picture)


def _box(x, y, width, height, colour):
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

    return FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.06", facecolor="white",
                          edgecolor=colour, linewidth=1.4)


if __name__ == "__main__":
    event()
    compiler()
