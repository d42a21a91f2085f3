"""A window to aim in."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.widgets import Slider

from .. import play, style
from ..command import Options
from .machine import TARGETS, reach
from .outcome import Outcome
from .scene import FRAME, Scene


def play_with(options: Options, outcome: Outcome) -> Path | None:
    """A window with a slider for the wind and one for the target."""
    params = outcome.training.params

    def build(figure: Figure) -> Callable[[], None]:
        scene = Scene(figure, bottom=0.2)
        sliders = [Slider(figure.add_axes((0.2, place, 0.6, 0.05)), text, *limits, valinit=start,
                          valfmt=form, color=style.BLUE, initcolor="none")
                   for place, text, limits, start, form in (
                       (0.12, "wind", (-12.0, 12.0), 2.0, "%.1f m/s"),
                       (0.04, "target", TARGETS, 60.0, "%.0f m"))]
        fill_from_zero(sliders[0])
        coming: list[float] = []

        def throw(_: float = 0.0) -> None:
            wind, target = (float(slider.val) for slider in sliders)
            coming[:] = scene.prepare(params, wind, target, options.refine)
            if not reach().holds(wind, target):
                nearest, furthest = reach().limits(wind)
                scene.said.set_text(f"{scene.said.get_text()}, out of reach: this wind allows "
                                    f"{max(0, nearest):.0f} to {furthest:.0f} m")

        def tick() -> None:
            if not coming:                       # again, until the user wants another one
                throw()
            scene.draw(coming.pop(0))

        for slider in sliders:
            slider.on_changed(throw)
        return tick

    return play.play("Aim a trebuchet", (900, 460), build, options.out / "play.png", FRAME, ticks_before=110)


def fill_from_zero(slider: Slider) -> None:
    """Colour what is between 0 and the value, for one that has a sign."""
    slider.poly.set_x(0.0)                       # its width is the value minus this, by Matplotlib
    slider.set_val(slider.val)
