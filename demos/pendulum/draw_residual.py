"""The picture of what a network in the simulator is worth."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import style
from .residual import DATA, MODELS, Study, summary

COLOURS = dict(zip(MODELS, (style.ORANGE, style.BLUE, style.GREEN), strict=True))
BESIDE = 1.07                   # how far apart points of the same number of steps are drawn, as a factor


def draw_picture(study: Study, worlds: int) -> Figure:
    """A column for each kind of world: above, how wrong the models are; below, what that costs."""
    rows = summary(study)
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    with style.styled():
        picture = style.figure(900, 560)
        panels = picture.subplots(2, len(kinds), sharex=True, sharey="row", squeeze=False)
        for (upper, lower), kind in zip(panels.T, kinds, strict=True):
            here = [row for row in rows if row["kind"] == kind]
            for name in MODELS:
                draw_model(upper, here, name, "error", "errors")
                draw_model(lower, here, name, "loss", "losses")
            nominal = next(row for row in here if row["model"] == "nominal")
            for axes, value in ((upper, nominal["error"]), (lower, nominal["loss"])):
                axes.axhline(value, color=style.GREY, linewidth=1.2, linestyle=(0, (4, 3)),
                             label="nominal simulator")
            lower.axhline(0.0, color=style.INK, linewidth=1.0)
            upper.set_title(kind[0].upper() + kind[1:])
            upper.set_yscale("log")
            lower.set(xlabel="real steps")
            lower.set_yscale("symlog", linthresh=10.0)
            lower.set_xscale("log")
            lower.set_xticks(DATA, [str(steps) for steps in DATA], minor=False)
            lower.set_xticks([], minor=True)
        panels[0, 0].set_ylabel("error of a second foretold")
        panels[1, 0].set_ylabel("return lost to\nwho is told the truth")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        picture.suptitle(f"Medians and ranges of {worlds} worlds of each kind", x=0.01, ha="left",
                         fontsize=10)
    return picture


def draw_model(axes: Axes, rows: list[dict[str, Any]], name: str, key: str, span: str) -> None:
    """Medians and ranges over worlds of one model, by steps."""
    shift = BESIDE**(list(MODELS).index(name) - 1)
    mine = [row for row in rows if row["model"] == name]
    steps, values = [shift * row["steps"] for row in mine], [row[key] for row in mine]
    below = [row[key] - row[span][0] for row in mine]
    above = [row[span][1] - row[key] for row in mine]
    axes.errorbar(steps, values, [below, above], color=COLOURS[name], marker="o", markersize=5,
                  elinewidth=1.0, label=name)
