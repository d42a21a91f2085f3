"""The picture of a race: what was learned over real steps, and over all steps, simulated ones too."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import style
from .run import Course, Curve, Rival

COLOURS = (style.ORANGE, style.GREEN, style.INK, style.GREY, "#8a5aa8")


def draw_picture(course: Course, rivals: list[Rival], curves: list[Curve]) -> Figure:
    """Medians of the worlds, and their range."""
    others = [rival for rival in rivals if rival.name != "ours"]
    looks = dict(zip((rival.name for rival in others), COLOURS, strict=False)) | {"ours": style.BLUE}
    with style.styled():
        picture = style.figure(900, 430)
        left, right = picture.subplots(1, 2, sharey=True)
        for rival in rivals:
            own = [curve for curve in curves if curve.rival == rival.name]
            for axes, work in ((left, real), (right, real_and_simulated)):
                draw_rival(axes, course, own, work, looks[rival.name], rival.title or rival.name)
        worlds = len({curve.world for curve in curves})
        left.set(xlabel=f"real {course.unit}s", ylabel=course.score)
        left.set_title(f"Median and range of {worlds} unknown worlds" if worlds > 1 else "One unknown world")
        right.set(xlabel=f"real and simulated {course.unit}s")
        right.set_title("... and with what is simulated")
        if course.log_score:
            left.set_yscale("log")
            left.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
        picture.legend(*left.get_legend_handles_labels(), loc="outside lower center", frameon=False,
                       ncols=len(rivals))
    return picture


def real(curve: Curve) -> np.ndarray:
    """Real steps at its points."""
    return np.array([point.real for point in curve.points])


def real_and_simulated(curve: Curve) -> np.ndarray:
    """All steps at its points."""
    return np.array([point.real + point.simulated for point in curve.points])


def draw_rival(axes: Axes, course: Course, curves: list[Curve], work, colour: str, label: str) -> None:
    """The scores of its runs, between points on straight lines over the logarithm of the work.

    What is known before the first real step has no place on such an axis: it is left out.
    """
    runs = []
    for curve in curves:
        steps, scores = work(curve), np.array([course.shown(point.score) for point in curve.points])
        runs.append((np.log10(steps[steps > 0]), scores[steps > 0]))
    first, last = max(x[0] for x, _ in runs), min(x[-1] for x, _ in runs)
    grid = np.linspace(first, last, 200)
    between = np.array([np.interp(grid, *run) for run in runs])
    lowest, middle, highest = np.percentile(between, [0, 50, 100], axis=0)
    axes.fill_between(10**grid, lowest, highest, color=colour, alpha=0.13, linewidth=0)
    axes.plot(10**grid, middle, color=colour, label=label, linewidth=2.6 if label == "ours" else 1.6)
    axes.plot(10**grid[-1], middle[-1], "o", color=colour, markersize=5)
    axes.set_xscale("log")
