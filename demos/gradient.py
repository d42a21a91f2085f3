"""Two gradients: of a polynomial, and of a trebuchet's shot, as published and as it should be.

The article differentiates 3x² + 2x + 1 at 5, and then the distance of a shot with respect to
wind, release angle and counterweight. Its numbers are found again here by its own program:
Euler's method at 60 Hz, with the inertias of the arm and of the counterweight swapped. Then the
time step is made shorter until nothing changes any more, and the swap is undone. The same
reverse sweep gives all of these gradients; what differs is the program that it goes through.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.sims.trebuchet import DT, PUBLISHED, published_shoot, shoot

from . import command, style
from .command import Demo, Options, Report
from .seconds import Clock, Seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLAIM = "32, and (4.02, -0.99, 0.051) for the shot."
TAKES = "5 to 10 seconds"

# ---------------------------------------------------------------------------- what is differentiated

INPUTS = {"wind": -2.0, "angle": 45.0, "weight": 200.0}          # m/s, degrees, pounds
UNITS = {"wind": "m per m/s", "angle": "m per °", "weight": "m per lb"}
PRINTED = ("4.02", "-0.99", "0.051")                             # by the article
EULER_STEPS = tuple(1 / 60 / 2**k for k in range(6))             # s; the first is the article's
RK4_STEPS = tuple(DT * 2.0**k for k in range(4, -2, -1))


def polynomial(x: Any) -> Any:
    """The article's first example."""
    return 3 * x**2 + 2 * x + 1


class Shot(NamedTuple):
    """A distance in m and its derivatives with respect to `INPUTS`."""

    distance: float
    gradient: tuple[float, float, float]


def differentiate(program: Callable) -> Shot:
    """The shot at `INPUTS`."""
    return Shot(*dp.value_and_grad(program, argnums=(0, 1, 2))(*INPUTS.values()))


class Outcome(NamedTuple):
    """The gradients, and those of the article's method and ours in many time steps."""

    polynomial: float
    euler: list[Shot]                # at EULER_STEPS, inertias swapped
    swapped: list[Shot]              # at RK4_STEPS, inertias swapped
    corrected: Shot
    seconds: Seconds

    @property
    def published(self) -> Shot:
        return self.euler[0]

    @property
    def converged(self) -> Shot:
        return self.swapped[-1]


def find(options: Options) -> Outcome:
    """All gradients; there are no random numbers, and nothing is learned."""
    clock = Clock()
    with command.progress(len(EULER_STEPS) + len(RK4_STEPS) + 1, "gradients", "shooting",
                          options.quiet) as bar:
        def shot(program: Callable) -> Shot:
            found = differentiate(program)
            bar.set_postfix_str(f"{found.distance:.3f} m", False)
            bar.update()
            return found

        euler = [shot(partial(published_shoot, dt=dt)) for dt in EULER_STEPS]
        swapped = [shot(partial(shoot, params=PUBLISHED, dt=dt)) for dt in RK4_STEPS]
        corrected = shot(shoot)
    return Outcome(dp.grad(polynomial)(5.0), euler, swapped, corrected, clock.seconds)


# ---------------------------------------------------------------------------- picture

def draw_picture(outcome: Outcome) -> "Figure":
    """How distance and gradient settle as the time step is made shorter."""
    with style.styled():
        picture = style.figure(900, 400)
        left, right = picture.subplots(1, 2)
        draw_values(left, outcome)
        draw_errors(right, outcome)
    return picture


def draw_values(axes: "Axes", outcome: Outcome) -> None:
    """What a pound more on the counterweight is worth, by time step."""
    def worth(shots: list[Shot]) -> list[float]:
        return [shot.gradient[2] for shot in shots]

    euler, right = 1000 * np.array(EULER_STEPS), outcome.corrected.gradient[2]
    axes.axhline(right, color=style.GREEN)
    axes.plot(euler, worth(outcome.euler), "o-", color=style.ORANGE, markersize=4)
    axes.plot(1000 * np.array(RK4_STEPS), worth(outcome.swapped), "o-", color=style.BLUE, markersize=4)
    axes.plot(euler[0], outcome.published.gradient[2], "o", color=style.ORANGE, markersize=9)
    style.label(axes, "published", (euler[0], outcome.published.gradient[2]), (-10, -3), ha="right",
                color=style.ORANGE, weight="bold")
    style.label(axes, "Euler's method, inertias swapped", (euler[1], worth(outcome.euler)[1]), (-12, -9),
                ha="right", color=style.ORANGE)
    style.label(axes, "Runge-Kutta, inertias swapped", (0.2, outcome.converged.gradient[2]), (0, 7),
                color=style.BLUE)
    style.label(axes, "inertias corrected", (0.2, right), (0, -13), color=style.GREEN, weight="bold")
    _time_axis(axes)
    axes.set_ylabel("gradient by weight (m per lb)")
    axes.set_title("What one more pound is worth")


def draw_errors(axes: "Axes", outcome: Outcome) -> None:
    """The errors of both methods, against the finest Runge-Kutta run."""
    for steps, shots, colour in ((EULER_STEPS, outcome.euler, style.ORANGE),
                                 (RK4_STEPS[:-1], outcome.swapped[:-1], style.BLUE)):
        milliseconds = 1000 * np.array(steps)
        distance, gradient = (np.array(part) for part in zip(*(errors(shot, outcome) for shot in shots),
                                                             strict=True))
        axes.plot(milliseconds, distance, "o-", color=colour, markersize=4)
        axes.plot(milliseconds, gradient, "o", color=colour, markersize=4, markerfacecolor="white",
                  linestyle=(0, (4, 2)))
    axes.plot([], [], "-", color=style.INK, label="distance")
    axes.plot([], [], color=style.INK, linestyle=(0, (4, 2)), label="gradient")
    axes.legend(frameon=False, loc="lower right")
    style.label(axes, "Euler's method", (1, 2e-2), (-8, 4), ha="right", color=style.ORANGE)
    style.label(axes, "Runge-Kutta", (2, 2e-6), (-8, 0), ha="right", color=style.BLUE)
    _time_axis(axes)
    axes.set(yscale="log", ylabel="relative error")
    axes.minorticks_off()
    axes.set_title("The error falls with the time step")


def errors(shot: Shot, outcome: Outcome) -> tuple[float, float]:
    """Relative errors of the distance, and of the worst component of the gradient."""
    exact = outcome.converged
    gradient = max(abs(a / b - 1) for a, b in zip(shot.gradient, exact.gradient, strict=True))
    return abs(shot.distance / exact.distance - 1), gradient


def _time_axis(axes: "Axes") -> None:
    axes.set(xscale="log", xlim=(0.18, 24), xlabel="time step (ms)")
    axes.set_xticks([0.25, 0.5, 1, 2, 4, 8, 16], ["¼", "½", "1", "2", "4", "8", "16"])
    axes.minorticks_off()


# ---------------------------------------------------------------------------- the whole


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture."""
    path = options.out / "gradient.png"
    style.save_picture(path, draw_picture(outcome))
    return [path]


def cut(number: float, printed: str) -> str:
    """A number with its digits cut off where those of `printed` end, as the article did."""
    digits = len(printed.partition(".")[2])
    return f"{np.trunc(number * 10**digits) / 10**digits:.{digits}f}"


def report(options: Options, outcome: Outcome) -> Report:
    """The gradients, in a table."""
    rows = {"as published": outcome.published, "step made short": outcome.converged,
            "and inertias corrected": outcome.corrected}
    again = tuple(cut(x, printed) for x, printed in zip(outcome.published.gradient, PRINTED, strict=True))
    found = outcome.polynomial == 32 and again == PRINTED
    at = ", ".join(f"{value:g}" for value in INPUTS.values())
    lines = [
        f"3x² + 2x + 1 at 5:  {outcome.polynomial:g} (article: 32)",
        f"shoot at ({at}), with wind in m/s, angle in degrees, weight in lb:",
        f"  {'':<24}{'distance':>10}" + "".join(f"{'d/d' + name:>12}" for name in INPUTS),
        *(f"  {name:<24}{shot.distance:>8.3f} m" + "".join(f"{x:>12.6f}" for x in shot.gradient)
          for name, shot in rows.items()),
        f"  {'':<34}" + "".join(f"{unit:>12}" for unit in UNITS.values()),
        f"The article's ({', '.join(PRINTED)}) is the first row, its digits cut off."
        if found else f"The article has 32 and ({', '.join(PRINTED)}): not found again.",
        f"seconds  {outcome.seconds}",
    ]
    return Report(
        success=found,
        result={
            "polynomial": outcome.polynomial, "inputs": INPUTS,
            **{name: {"distance": shot.distance, "gradient": dict(zip(INPUTS, shot.gradient, strict=True))}
               for name, shot in zip(("published", "converged", "corrected"), rows.values(), strict=True)},
            "euler": [{"dt": dt, "distance": shot.distance, "gradient": shot.gradient}
                      for dt, shot in zip(EULER_STEPS, outcome.euler, strict=True)],
            "rk4": [{"dt": dt, "distance": shot.distance, "gradient": shot.gradient}
                    for dt, shot in zip(RK4_STEPS, outcome.swapped, strict=True)],
        },
        budget=command.budget(gradient_evaluations=len(EULER_STEPS) + len(RK4_STEPS) + 2,
                              seconds=outcome.seconds),
        claim=CLAIM, goal={"polynomial": 32, "gradient": PRINTED}, lines=lines)


DEMO = Demo("gradient", __doc__, train=find, report=report, plot=plot,
            settings=lambda options: {"inputs": INPUTS, "euler": EULER_STEPS, "rk4": RK4_STEPS})
