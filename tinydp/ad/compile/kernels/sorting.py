"""Sorting and searching, as NumPy does: nan is last."""

import math
from typing import Any

from .products import exact

RUN = 8                                  # elements that are put in order one by one


@exact
def _before(a: float, b: float) -> bool:
    """Whether `a` belongs before `b`."""
    return a < b or (math.isnan(b) and not math.isnan(a))


@exact
def argsort_into(x: Any, work: Any, order: Any) -> bool:
    """The order of the elements of a vector, equal ones as they are; whether there are such.

    Short runs are put in order one by one; then two runs at a time are merged, twice as long each time.
    """
    n = x.size
    for start in range(0, n, RUN):
        for i in range(start, min(start + RUN, n)):
            k = i
            while k > start and _before(x[i], x[order[k - 1]]):
                order[k] = order[k - 1]
                k -= 1
            order[k] = i
    width = RUN
    while width < n:
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            i, j = start, middle
            for k in range(start, end):
                if i < middle and (j >= end or not _before(x[order[j]], x[order[i]])):
                    work[k] = order[i]
                    i += 1
                else:
                    work[k] = order[j]
                    j += 1
        for k in range(n):
            order[k] = work[k]
        width *= 2
    ties = 0
    for k in range(n - 1):
        ties += not _before(x[order[k]], x[order[k + 1]])
    return ties > 0


@exact
def search_left(a: Any, v: float) -> int:
    """How many elements of an ordered vector belong before `v`."""
    low, high = 0, a.size
    while low < high:
        middle = (low + high) // 2
        if _before(a[middle], v):
            low = middle + 1
        else:
            high = middle
    return low


@exact
def search_right(a: Any, v: float) -> int:
    """How many elements of an ordered vector do not belong behind `v`."""
    low, high = 0, a.size
    while low < high:
        middle = (low + high) // 2
        if _before(v, a[middle]):
            high = middle
        else:
            low = middle + 1
    return low
