"""The look of all pictures.

Pictures are made for a width of 900 px in a page. Figures are built without pyplot, so that
no display and no global state is involved. Matplotlib is imported by the first of them: who trains,
or asks for help, need not wait for it.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, PALE = "#22303c", "#8a949e", "#dde2e7"
BLUE, ORANGE, GREEN = "#1f6fb4", "#d9662b", "#2f8f5b"
COLOURS = {
    "RISING": (INK, BLUE, "#cfe2f1", "#ffffff"),     # more is lighter
    "DIVERGING": (BLUE, "#ffffff", ORANGE),          # around zero
}
DPI = 100                                        # of the layout; PNG files have twice the pixels

_SETTINGS = {
    "font.family": "DejaVu Sans", "font.size": 10,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": GREY,
    "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": PALE, "grid.linewidth": 0.7,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "lines.linewidth": 1.8, "lines.solid_capstyle": "round",
}


@functools.cache
def __getattr__(name: str) -> Any:
    """The colour maps `RISING` and `DIVERGING`."""
    if name not in COLOURS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name.lower(), COLOURS[name])


def styled() -> Any:
    """A context in which figures have our look."""
    import matplotlib

    return matplotlib.rc_context(_SETTINGS)


def figure(width: int, height: int, layout: Any = "constrained", **options: Any) -> "Figure":
    """A figure of so many pixels on a page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout=layout, **options)
    FigureCanvasAgg(made)
    return made


def save_picture(path: Path, picture: "Figure") -> None:
    """Write a PNG at twice the layout's pixels, for sharp text."""
    picture.savefig(path, dpi=2 * DPI)


def label(axes: "Axes", text: str, place: tuple, offset: tuple[float, float], **look: Any) -> None:
    """Text beside a place in the data, `offset` points away, with a white rim to stay readable."""
    from matplotlib.patheffects import withStroke

    axes.annotate(text, place, offset, textcoords="offset points", zorder=4,
                  path_effects=[withStroke(linewidth=3, foreground="white")], **look)


def number(x: float, digits: int = 0) -> str:
    """A number as in a book: 1,000 and a true minus sign."""
    return f"{x:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def bare(axes: "Axes") -> None:
    """No ticks, frame or grid: a stage for a drawing."""
    axes.set(xticks=[], yticks=[])               # hidden ticks would still take time
    axes.set_axis_off()
    axes.set_aspect("equal")
