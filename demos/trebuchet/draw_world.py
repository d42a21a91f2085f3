"""The picture of `python -m demos trebuchet world`."""

from math import erf, sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import command, style
from .learner import machine
from .machine import ANGLES, WEIGHTS
from .trial import COMPARED, SHOTS
from .world import Outcome

LINES = (("linear", style.ORANGE, "linear correction of the aim"),
         ("ours", style.BLUE, "ours: chosen shots, fit, surest aim"))
POINTS = (("derivative-free", style.GREEN, "s", "fit without derivatives"),
          ("gradients alone", style.INK, "o", "fit by gradients, shots not chosen"))
COLOURS = dict(zip(COMPARED, ("#8db9de", style.BLUE), strict=True))
ELLIPSE = 2.146                                  # standard deviations that hold 90 % in two dimensions


def draw_picture(outcome: Outcome) -> Figure:
    """Misses by shots, where the shots went, what they left open, and whether intervals are honest."""
    with style.styled():
        picture = style.figure(900, 640)
        (misses, where), (open_, honest) = picture.subplots(2, 2)
        draw_misses(misses, outcome)
        draw_shots(where, outcome)
        draw_beliefs(open_, outcome)
        draw_coverage(honest, outcome)
    return picture


def draw_misses(axes: Axes, outcome: Outcome) -> None:
    """Medians of the worlds, and their range, by the number of real shots."""
    for name, colour, text in LINES:
        medians = np.array([outcome.medians(f"{name} {n}") for n in SHOTS])
        axes.fill_between(SHOTS, medians.min(axis=1), medians.max(axis=1), color=colour, alpha=0.15,
                          linewidth=0)
        axes.plot(SHOTS, np.median(medians, axis=1), color=colour, label=text)
    for (name, colour, marker, text), shift in zip(POINTS, (0.94, 1.06), strict=True):
        medians = [np.median(outcome.medians(f"{name} {n}")) for n in COMPARED]
        axes.plot(shift * np.array(COMPARED), medians, marker, color=colour, markersize=5, label=text)
    nominal = float(np.median(outcome.medians("nominal 0")))
    axes.axhline(nominal, color=style.GREY, linestyle=(0, (4, 3)), linewidth=1)
    style.label(axes, "no correction", (SHOTS[-1], nominal), (0, 4), ha="right", color=style.GREY)
    axes.set(xscale="log", yscale="log", ylim=(4e-4, 40), xlabel="real shots, measured to 0.2 m",
             ylabel="miss (m)")
    axes.minorticks_off()
    axes.set_xticks(SHOTS, labels=[str(n) for n in SHOTS])
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    axes.legend(loc="lower left", frameon=False, fontsize=9)
    axes.set_title(f"Median miss, in {command.count(len(outcome.trials), 'unknown world')}")


def draw_shots(axes: Axes, outcome: Outcome) -> None:
    """Angles and weights of all worlds' shots; chosen ones lie on a grid, drawn a little beside it."""
    rng = np.random.default_rng(0)
    practice = np.concatenate([trial.practice for trial in outcome.trials])
    chosen = np.concatenate([trial.aims for trial in outcome.trials])
    chosen = chosen + rng.uniform([-1.2, -2.5], [1.2, 2.5], chosen.shape)
    axes.plot(*practice.T, ".", color=style.GREY, markersize=3, label="at the targets of the day")
    axes.plot(*chosen.T, ".", color=style.BLUE, markersize=3, label="where they are worth most")
    axes.set(xlim=(ANGLES[0] - 3, ANGLES[1] + 3), ylim=(WEIGHTS[0] - 8, WEIGHTS[1] + 70),
             xlabel="angle of release (°)", ylabel="counterweight (lb)")
    axes.legend(loc="upper left", frameon=False, fontsize=9, markerscale=3)
    axes.set_title("Where the shots went")


def draw_beliefs(axes: Axes, outcome: Outcome) -> None:
    """Drag and ball mass in each world: the truth, and an ellipse that should hold it in nine of ten."""
    turn = np.linspace(0, 2 * np.pi, 100)
    circle = ELLIPSE * np.stack([np.cos(turn), np.sin(turn)])
    for k, trial in enumerate(outcome.trials):
        half = np.linalg.cholesky(trial.covariance[:2, :2])
        around = machine([*(trial.unknown[:2, None] + half @ circle), 0.0, 0.0])
        true = machine(trial.truth)
        axes.plot(around.drag, around.ball_mass, color=style.BLUE, linewidth=1,
                  label="" if k else "within, 9 of 10 times")
        axes.plot(true.drag, true.ball_mass, ".", color=style.ORANGE, label="" if k else "true")
    axes.set(xscale="log", ylim=(0.55, 1.35), xlabel="drag, of the nominal",
             ylabel="mass of the ball, of the nominal")
    axes.minorticks_off()
    axes.set_xticks([0.5, 1, 2], labels=["x 0.5", "x 1", "x 2"])
    axes.yaxis.set_major_formatter(lambda y, _: f"x {y:g}")
    axes.legend(loc="lower left", frameon=False, fontsize=9)
    axes.set_title("What 30 shots leave open")


def draw_coverage(axes: Axes, outcome: Outcome) -> None:
    """The share of landings within predicted intervals, by the share that they should hold."""
    widths = np.linspace(0.05, 2.8, 50)
    should = [100 * erf(width / sqrt(2)) for width in widths]
    for n in COMPARED:
        scores = np.abs(np.concatenate(outcome.scores(n)))
        held = [100 * np.mean(scores < width) for width in widths]
        axes.plot(should, held, color=COLOURS[n], label=f"after {n} shots")
    axes.plot([0, 100], [0, 100], color=style.GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="predicted to hold (%)", ylabel="landings held (%)")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    axes.set_title("How honest the intervals are")
