"""Where the steps of a loop begin, on a tape that is watched: so that it can be looked at step by step.

A loop's node keeps the nodes of all its steps in one row. A tape that only computes has no need to know which
belong to which step, and so nothing is noted there.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from .tape import Tape
from .watch import WatchedTape, live_tapes


class StepStart(NamedTuple):
    """One step of a loop on a watched tape."""

    start: int                           # how many nodes of the loop come before it
    label: str


class _Noted(NamedTuple):
    tape: Tape
    first: int                           # where the loop begins on the tape
    steps: list[StepStart]

    def note(self, label: str) -> None:
        self.steps.append(StepStart(len(self.tape) - self.first, label))


_noted: ContextVar[_Noted | None] = ContextVar("noted", default=None)


def with_steps(tape: Tape, run: Callable[[], Any]) -> tuple[Any, list[StepStart]]:
    """The result of `run()`, a loop on this tape, and its steps if the tape is watched."""
    if not isinstance(tape, WatchedTape):
        return run(), []
    noted = _Noted(tape, len(tape), [])
    token = _noted.set(noted)
    try:
        return run(), noted.steps
    finally:
        _noted.reset(token)


def noter() -> Callable[[str], None] | None:
    """What the loop that begins now is to call at the start of each step, with its name; None if nothing."""
    noted, live = _noted.get(), live_tapes()
    return noted.note if noted is not None and live and live[-1] is noted.tape else None
