"""What the two games with a pole have in common: the user pushes it, by mouse or keys, as hard as wanted."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import style


class PushGame:
    """The texts around the `axes`, and what the user does; a game has its `begin`, `place` and `hit`.

    Keys change the strength of a push, in rad/s, by `change`, between `least` and `most`.
    """

    change: float
    least: float
    most: float

    def __init__(self, figure: Figure, axes: Axes, strength: float, help_text: str) -> None:
        self.axes, self.strength = axes, strength
        figure.text(0.5, 0.93, "Push the pole", ha="center", fontsize=15, weight="bold", color=style.INK)
        figure.text(0.5, 0.03, help_text, ha="center", fontsize=9, color=style.GREY)
        self.told = figure.text(0.5, 0.87, "", ha="center", fontsize=11, color=style.INK)
        self.begin()
        figure.canvas.mpl_connect("button_press_event", self.on_click)
        figure.canvas.mpl_connect("key_press_event", self.on_key)

    def begin(self) -> None:
        """Everything as at first, and nothing counted."""
        raise NotImplementedError

    @property
    def place(self) -> float:
        """What a click is to the left or the right of, in m along the track."""
        raise NotImplementedError

    def hit(self, direction: float) -> None:
        """A sudden push of the pole, to the right for 1, to the left for -1."""
        raise NotImplementedError

    def on_click(self, event: Any) -> None:
        """The pole is pushed away from the mouse."""
        if event.inaxes is self.axes:
            self.hit(1.0 if event.xdata < self.place else -1.0)

    def on_key(self, event: Any) -> None:
        """Arrow keys push, or change the strength; the space bar begins again."""
        match event.key:
            case "left" | "right":
                self.hit(1.0 if event.key == "right" else -1.0)
            case "up" | "down":
                changed = self.strength + (self.change if event.key == "up" else -self.change)
                self.strength = min(self.most, max(self.least, changed))
            case " ":
                self.begin()
