"""Where a program repeats itself, so that a loop may do the same.

    >>> from ..registry import registered
    >>> from .record import Builder
    >>> builder = Builder()
    >>> x = builder.input(0.0, "x")
    >>> (y,) = builder.record(registered(np.sin), (x,), {})
    >>> for k in range(10):
    ...     (z,) = builder.record(registered(np.exp), (y,), {})
    ...     (y,) = builder.record(registered(np.add), (x, z), {})
    >>> table = Table(builder.program([y]))
    >>> [period for period in range(1, 6) if table.likely(period)]
    [2, 4]
    >>> list(table.runs(2))
    [(1, 21)]

The `exp` of the first group is not found yet, since it is of a value that no group made: `roll.py` tries one
group more. To look at all of a program for each period would take a time that grows with its square. But
every `period`-th operation alone tells whether there may be such a stretch: wherever it begins, one of them
is in each of its groups. That makes n + n/2 + n/3 + ... operations.

What is told here, of two groups at a time, is needed for a loop and not enough: `roll.py` looks at what is
found column by column.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..rules.shaping import joined, stacked
from .marks import ALIAS, STOPPED
from .program import Op, Program, Value, known
from .rows import GETITEM, index_parts

FEWEST_GROUPS = 4                                # groups in a stretch
ALIKE = FEWEST_GROUPS - 2                        # groups that look like the one before; the second may not
FARTHEST = 4                                     # groups ago that an argument was made
WIDEST = 40                                      # arguments of an operation that is compared with others
LITERAL = {("power", 1), ("float_power", 1)}     # numbers that an operation does not only compute with
GATHERING = (GETITEM, stacked, joined)           # take and put together; come and go when values are stacked


class Table:
    """A program as arrays of numbers, in which repetitions are quickly found.

    `kind[i]` is equal for operations that do the same with arguments of the same shapes. `made[i, j]`
    tells argument j of operation i: `wide` times the number of the operation that makes it, plus which
    of its results it is. Below zero are the inputs, from -1 down, and constants, from -10**9 down; for
    what is no argument, or has to be the same in all groups, as `kind` says, it is -1.
    """

    def __init__(self, program: Program):
        self.ops = ops = program.ops
        self.size = np.cumsum([0, *(
            0 if op.prim in GATHERING else 1 + sum(map(len, op.bodies)) for op in ops)])
        self.wide = max((len(op.outs) for op in ops), default=1)
        most = max((len(op.args) for op in ops if len(op.args) <= WIDEST), default=1)
        kinds: dict[Any, int] = {}
        constants: dict[Any, int] = {}
        number = {x: -1 - i for i, x in enumerate(program.inputs)}
        self.number = number
        self.kind = np.empty(len(ops), np.int64)
        self.made = np.full((len(ops), most), -1, np.int64)
        for i, op in enumerate(ops):
            comparable = len(op.args) <= most and not any(
                x.kind == "i" for x in (*op.operands, *op.outs))         # steps of an event cannot be stacked
            self.kind[i] = kinds.setdefault(_kind_of(op), len(kinds)) if comparable else -1
            for j, x in enumerate(op.args if comparable else ()):
                if type(x) is Value:
                    self.made[i, j] = number[x]
                elif computed_with(op, j):
                    self.made[i, j] = -10**9 - constants.setdefault(known(x), len(constants))
            for j, x in enumerate(op.outs):
                number[x] = self.wide * i + j

    def bound(self, step: int, period: int) -> np.ndarray:
        """For each `step`-th operation: where a stretch may begin that has it, and the one a period later.

        Say that operation 7 adds operations 5 and 2, and the period is 3. If operation 10 adds 8 and 2, the
        stretch may begin anywhere: the first argument is made a period later, too, the second is the same.
        But if it adds 8 and 4, then 2 and 4 will be stacked, and have to be there: it begins at 5 or later.
        """
        before, after = self.made[:-period:step], self.made[period::step]
        here = np.arange(0, len(self.made) - period, step)[:, None]
        recent = here - before // self.wide <= FARTHEST * period + period
        moved = (after - before == self.wide * period) & (before >= 0) & recent
        stacked = (after != before) & ~moved
        return np.where(stacked, np.maximum(before, after) // self.wide + 1, 0).max(axis=1)

    def likely(self, period: int) -> bool:
        """Whether any stretch has this period, told by every `period`-th operation alone."""
        kind = self.kind[::period]
        same = (kind[1:] == kind[:-1]) & (kind[1:] >= 0)
        twice = same[1:] & same[:-1]
        if not twice.any():
            return False
        bound = self.bound(period, period)
        return bool((twice & (np.maximum(bound[1:], bound[:-1]) <= period * np.arange(len(twice)))).any())

    def alike(self, first: int, period: int, count: int) -> bool:
        """Whether all groups have operations of the same kinds."""
        kind = self.kind[max(first, 0): first + period * count]
        return first >= 0 and bool((kind >= 0).all() and (kind[period:] == kind[:-period]).all())

    def saved(self, first: int, period: int, count: int) -> int:
        """How many operations there are less if these groups are one."""
        return int(self.size[first + period * count] - self.size[first + period])

    def runs(self, period: int) -> Iterator[tuple[int, int]]:
        """Where operations are repeated `period` later, as far as can be told by two groups at a time.

        A run ends at an operation that is in no stretch which begins so early; the next begins where it may.
        """
        same = (self.kind[period:] == self.kind[:-period]) & (self.kind[period:] >= 0)
        bound = self.bound(1, period).tolist()
        edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8))).tolist()
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            start = first
            for i in range(first, stop):
                if bound[i] > start:
                    if i - start >= ALIKE * period:
                        yield start, i + period
                    start = bound[i]
            if stop - start >= ALIKE * period:
                yield start, stop + period


def _kind_of(op: Op) -> tuple:
    """What is equal for operations that do the same with arguments that are alike."""
    like = [_like(op, j, x) for j, x in enumerate(op.args)]
    options = [] if op.prim in (ALIAS, STOPPED) else [(name, known(x)) for name, x in op.options.items()]
    return op.name, *like, *options, *((x.shape, x.kind) for x in op.outs)


def _like(op: Op, j: int, x: Any) -> tuple:
    """What is equal for arguments that may be one column."""
    if type(x) is Value:
        return x.shape, x.kind
    if op.prim is GETITEM and j == 1:
        return ("index", *_without_numbers(x))
    if not computed_with(op, j):
        return "literal", known(x)
    if type(x) is float or type(x) is int:
        return (), "f"
    kind = np.asarray(x).dtype.kind
    return np.shape(x), "f" if kind in "iu" else kind


def computed_with(op: Op, j: int) -> bool:
    """Whether an argument is only computed with: not an axis, an index or an exponent."""
    rules = op.prim.rules
    return (op.prim.elementwise or bool(op.prim.each) or bool(op.bodies)
            or (j < len(rules) and rules[j] is not None)) and (op.name, j) not in LITERAL


def _without_numbers(index: Any) -> tuple:
    """An index, with the same mark for all integers: rows that are taken one after the other are alike."""
    return tuple(["#" if type(k) is int else known(k) for k in index_parts(index)])
