"""How long something took: of the processor, which is what it costs, and on the clock, for those who wait.

On a machine that others use as well, the clock says little: both are told.

    >>> clock = Clock(before=Seconds(processor=10.0, wall=25.0))     # of an interrupted run
    >>> clock.seconds.processor >= 10.0
    True
    >>> print(Seconds(12.34, 219.0))
    12.3 of the processor, 219.0 on the clock
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """`processor` counts those of all threads of this process; `wall` goes on while others compute."""

    processor: float = 0.0
    wall: float = 0.0

    def __str__(self) -> str:
        return f"{self.processor:.1f} of the processor, {self.wall:.1f} on the clock"

    def __add__(self, other: tuple) -> "Seconds":            # type: ignore[override]
        """Both together."""
        return Seconds(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def title(self) -> str:
        """For a picture."""
        return f"{self.processor:.0f} s (processor), {self.wall:.0f} s (clock)"


class Clock:
    """Runs from where it is made; `seconds` are those since then, and those `before`."""

    def __init__(self, before: Seconds = Seconds()) -> None:     # noqa: B008  (it cannot change)
        self._before = before
        self._began = Seconds(time.process_time(), time.perf_counter())

    @property
    def seconds(self) -> Seconds:
        """Until now."""
        now = Seconds(time.process_time(), time.perf_counter())
        return Seconds(*(before + later - began for before, later, began in zip(
            self._before, now, self._began, strict=True)))


def timed(decide: Callable[[Any], Any], times: list[float]) -> Callable[[Any], Any]:
    """The same controller; what each of its decisions takes, in ms of the processor, is added to `times`."""
    def decision(seen: Any) -> Any:
        began = time.process_time()
        action = decide(seen)
        times.append(1000 * (time.process_time() - began))
        return action

    return decision
