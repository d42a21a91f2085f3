"""Tracebacks that end in the user's line and the advice, without the engine's frames before them.

An error of ours says what happened, where, and what to write instead. The frames of the engine say nothing
more, and there may be many. So they are left out, in all places where a traceback is shown:

- In IPython and Jupyter, and in pytest, all of them.
- In plain Python, those between the function that the user called, such as what `grad` returned, and the
  user's own lines: Python itself puts the function that raises into a traceback, and nobody can take it out.

Set the environment variable `TINYDP_TRACEBACK=full` to see all frames (in a notebook: `%env
TINYDP_TRACEBACK=full`, and run the cell again). Errors that are not ours keep theirs, since they may be the
engine's own mistake.
"""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

FULL_SWITCH = "TINYDP_TRACEBACK"
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
DEMOS = os.path.join(PACKAGE, "demos") + os.sep
LIBRARIES = tuple(f"{os.sep}{name}{os.sep}" for name in ("numpy", "scipy"))
FOR_PYTEST = "__tracebackhide__"                 # where pytest looks, in the locals of a frame and its module


def are_full() -> bool:
    """Whether the user wants to see all frames."""
    return os.environ.get(FULL_SWITCH, "") == "full"


def is_engines(file: str) -> bool:
    """Whether a frame of this file is left out: ours, or of a library that calls us back.

    The demos, which are installed inside of the package, are a user's programs.
    """
    ours = file.startswith(PACKAGE) and not file.startswith(DEMOS)
    return ours or any(name in file for name in LIBRARIES)


def shorten(error: BaseException) -> None:
    """Leave the engine's frames out of the traceback of an error of ours, below the frame that calls this."""
    tb = None if are_full() else error.__traceback__
    while tb is not None and tb.tb_next is not None:
        below = tb.tb_next
        if is_engines(below.tb_frame.f_code.co_filename):
            tb.tb_next = below.tb_next
        else:
            tb = below


def called_by_the_user(f: Callable[P, R]) -> Callable[P, R]:
    """Decorator: what `f` raises has a short traceback."""
    from .errors import TinydpError  # noqa: PLC0415  (it uses this file)

    @functools.wraps(f)
    def shortening(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return f(*args, **kwargs)
        except TinydpError as error:
            shorten(error)
            raise

    return shortening


# ---------------------------------------------------------------------------- in pytest

def hide_from_pytest(frame: FrameType | None) -> None:
    """Tell pytest that the modules of ours that are running have nothing to show of an error of ours."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            frame.f_globals.setdefault(FOR_PYTEST, _is_hidden)
        frame = frame.f_back


def _is_hidden(info: Any) -> bool:
    return not are_full() and hasattr(getattr(info, "value", None), "_render_traceback_")


# ---------------------------------------------------------------------------- in IPython

def rendered(error: BaseException) -> list[str]:
    """The traceback as IPython is to show it, which asks an error for it by `_render_traceback_`."""
    tb = error.__traceback__ if are_full() else _without_engine(error.__traceback__)
    module = sys.modules.get("IPython")
    shell = module and module.get_ipython()
    if shell is None:
        return "".join(traceback.format_exception(type(error), error, tb)).splitlines()
    return shell.InteractiveTB.structured_traceback(type(error), error, tb)


def _without_engine(tb: TracebackType | None) -> TracebackType | None:
    """A copy without the engine's frames; all of it, if there are no others."""
    kept = [x for x in _entries(tb) if not is_engines(x.tb_frame.f_code.co_filename)]
    short: TracebackType | None = None
    for x in reversed(kept):
        short = TracebackType(short, x.tb_frame, x.tb_lasti, x.tb_lineno)
    return short or tb


def _entries(tb: TracebackType | None) -> list[TracebackType]:
    found = []
    while tb is not None:
        found.append(tb)
        tb = tb.tb_next
    return found
