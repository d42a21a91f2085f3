"""`dp.vmap` while a program is written down: blocks of rows side by side, or row by row.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> print(traced(dp.vmap(lambda x: np.sin(x) + x), np.zeros(128)))
    given x: f(128,)
    t: f(2, 64) = reshape(x, shape=(2, 64))
    t_3: f(2, 64) = scan(t, carries=0, rows=1, length=2)
        given x_1: f(64,)
        t_1: f(64,) = sin(x_1)
        t_2: f(64,) = add(t_1, x_1)
        return t_2
    t_4: f(128,) = reshape(t_3, shape=(128,))
    return t_4

A block of rows is small enough for the caches, and one core has enough to do with it: what is spread over
cores are blocks (see `parallel.py`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..values import plain, shape
from ..watch import tracer
from .batch import NotSideBySide, block_of, side_by_side
from .loops import SCAN, scan_options
from .regions import Region, require, settled_region
from .trace import _as_number, _example_row, _kept


def mapped(run: Callable, stacks: list) -> Any:
    """What `run`, a function of a list with a row of each stack, makes of all rows, stacked."""
    n = shape(stacks[0])[0]
    stacks = [_kept(_as_number(x)) for x in stacks]
    found = settled_region(run, [], [*map(_example_row, stacks)], ["x"] * len(stacks), once=n == 1)
    try:
        results = in_blocks(found, stacks, n)
    except NotSideBySide:                        # then row by row; a flag is a row, too
        results = SCAN(*stacks, *found.captured, **scan_options(found.body, 0, len(stacks), n))
    if found.flagged:
        require(plain(np.all(results.pop())))
    return found.unflatten(results)


def in_blocks(found: Region, stacks: list, n: int) -> list:
    """The outputs for all rows, so many at once."""
    size = block_of(found.body, n, tracer().parallel)
    if not size:
        raise NotSideBySide("a large row")
    if size == n:
        return side_by_side(found.body, stacks, found.captured, n)
    whole, rest = divmod(n, size)
    folded = [np.reshape(x if not rest else x[: whole * size], (whole, size, *shape(x)[1:])) for x in stacks]

    def block(rows: list) -> tuple[list, list]:
        return [], side_by_side(found.body, rows, found.captured, size)

    labels = [x.label for x in found.body.inputs[: len(stacks)]]
    _, ys = tracer().loop(block, [], folded, labels, whole, False, False)
    ys = [np.reshape(y, (whole * size, *shape(y)[2:])) for y in ys]
    if rest:
        last = side_by_side(found.body, [x[whole * size:] for x in stacks], found.captured, rest)
        ys = [np.concatenate([y, z]) for y, z in zip(ys, last, strict=True)]
    return ys
