"""How a training changes as it goes on: windows become longer, and an average of parameters steadier."""

import math
from typing import Any

from tinydp.ad import tree


def counted(horizon: tuple[int, int], update: int, updates: int) -> int:
    """Steps that count in the windows of an update: few until half-time, then slowly more.

    >>> [counted((40, 66), k, 1000) for k in (0, 500, 750, 1000)]
    [40, 40, 53, 66]
    """
    first, last = horizon
    return first + round((last - first) * max(0.0, 2 * update / updates - 1))


def checks_until(update: int, updates: int, checks: int) -> int:
    """How many of so many checks are due by then: they lie at 1, 4, 9, ... parts of the training.

    >>> [checks_until(k, 900, checks=30) for k in (0, 1, 4, 100, 900)]
    [0, 1, 2, 10, 30]
    """
    return math.isqrt(checks**2 * update // updates)


def averaged(average: Any, params: Any, updates: int, memory: float) -> Any:
    """The running average after so many updates, of which `memory` is kept; less, while there are few.

    >>> [round(averaged(1.0, 0.0, updates, memory=0.99), 3) for updates in (1, 11, 1000)]
    [0.1, 0.55, 0.99]
    """
    kept = min(memory, updates / (updates + 9))
    return tree.map(lambda old, new: kept * old + (1 - kept) * new, average, params)
