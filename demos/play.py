"""A window to play in, drawn by Matplotlib; without a display, a picture of it instead.

A demo gives `play` a function that fills a figure, connects what the user may do, and returns
what happens at every tick of the clock, or None if nothing moves by itself:

    >>> def build(figure):
    ...     axes = figure.add_subplot()
    ...     ball, = axes.plot([0.0], [0.0], "o")
    ...     figure.canvas.mpl_connect("key_press_event", lambda event: ball.set_color("red"))
    ...     def tick():
    ...         ball.set_xdata([ball.get_xdata()[0] + 0.01])
    ...     return tick

    play("A ball", (600, 400), build, tick_seconds=0.05, picture=options.out / "play.png")

It returns None when the user closes the window, and the path of the picture if there is no
display, or Matplotlib has no way to it (Tk, Qt or the like).
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from . import style

WINDOWS = ("macosx", "qtagg", "tkagg", "gtk4agg", "gtk3agg", "wxagg")     # Matplotlib's ways to a display
Build = Callable[[Figure], Callable[[], Any] | None]


def play(title: str, size: tuple[int, int], build: Build, picture: Path, tick_seconds: float = 0.05,
         ticks_before: int = 0) -> Path | None:
    """Show the window until it is closed; or write `picture`, after `ticks_before` ticks."""
    with style.styled():
        window = open_window(title, size)
        if window is None:
            return write_picture(size, build, picture, ticks_before)
        pyplot, figure = window
        tick = build(figure)
        if tick is not None:
            timer = figure.canvas.new_timer(interval=round(1000 * tick_seconds))

            def beat() -> bool:
                tick()
                figure.canvas.draw_idle()
                return True

            timer.add_callback(beat)
            timer.start()
        show_until_closed(pyplot, figure)
    return None


def show_until_closed(pyplot: Any, figure: Figure) -> None:
    """Show the window until the user closes it; Ctrl-C does so, too, and is then raised as ever.

    Ways to a display have loops of their own, in which Python hears of a signal only when it is called: so a
    clock ticks, even where nothing moves.
    """
    interrupted = []

    def close(*_: Any) -> None:
        interrupted.append(True)
        pyplot.close(figure)

    before = signal.signal(signal.SIGINT, close)
    clock = figure.canvas.new_timer(interval=200)
    clock.add_callback(lambda: True)
    clock.start()
    try:
        pyplot.show()
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt


def write_picture(size: tuple[int, int], build: Build, picture: Path, ticks: int) -> Path:
    """What the window shows after so many ticks."""
    figure = style.figure(*size, layout=None)
    tick = build(figure)
    for _ in range(ticks if tick is not None else 0):
        tick()                                   # type: ignore[misc]
    style.save_picture(picture, figure)
    return picture


def open_window(title: str, size: tuple[int, int]) -> tuple[Any, Figure] | None:
    """Matplotlib's pyplot and an empty figure on the display; None if there is no way to one."""
    displays = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(displays):
        return None
    pyplot = importlib.import_module("matplotlib.pyplot")
    for name in [name for name in pyplot.rcParams if name.startswith("keymap.")]:
        pyplot.rcParams[name] = []               # the keys belong to the demo
    wanted = os.environ.get("MPLBACKEND")
    for backend in [wanted] if wanted else WINDOWS:
        try:
            pyplot.switch_backend(backend)
            if backend.lower() == "agg":         # which has no windows
                return None
            return pyplot, pyplot.figure(num=title, figsize=[side / style.DPI for side in size],
                                         dpi=style.DPI)
        except Exception:                        # each has its own way to say that it cannot
            continue
    return None
