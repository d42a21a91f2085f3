"""What repeats because a Python loop was unrolled is rolled up again: equal groups become a `scan`.

    >>> from ..registry import registered
    >>> from .record import Builder
    >>> add, multiply, take = registered(np.add), registered(np.multiply), GETITEM
    >>> builder = Builder()
    >>> x, us = builder.input(0.0, "x"), builder.input(np.zeros(30), "us")
    >>> for k in range(30):
    ...     (u,) = builder.record(take, (us, k), {})
    ...     (decayed,) = builder.record(multiply, (x, 0.9), {})
    ...     (x,) = builder.record(add, (decayed, u), {})
    >>> program = builder.program([x])
    >>> print(len(program))
    90
    >>> print(roll(program))
    given x: f, us: f(30,)
    t_2: f = scan(x, us, carries=1, rows=1, length=30)
        given x_1: f, us_1: f
        t: f = multiply(x_1, 0.9)
        t_1: f = add(t, us_1)
        return t_1
    return t_2

A **stretch** is `count` groups of `period` operations each, one after the other, where the operation at a
place of one group does the same as the one at that place of the next. A **column** is what one argument is,
group by group. Each column has to be one of these:

- the same in all groups: a constant, or a value of before, which the body captures;
- made at one place of the same group; or of the `lag`-th group before: then it is carried, and what the first
  `lag` groups have there starts the carry;
- any values and constants of before: they are stacked, and each step is given its row.

So which columns there are decides what is rolled, and nothing is guessed: if one column is none of these, its
stretch stays as it is. Groups that carry nothing, and compute with numbers element by element, need no loop:
they become operations on arrays.
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import Spot
from .abreast import joined_carries
from .loops import SCAN, scan_options
from .marks import ALIAS, STOPPED
from .program import Op, Program, Value, example_of, known, replaced, values_in
from .record import needed
from .repeats import FARTHEST, FEWEST_GROUPS, Table
from .rows import GETITEM, Rewriting, rows_of

WORTH = 24                                       # operations that are saved: below, a straight line is faster
LONG_LINE = 8000                                 # operations in a straight line that take long to compile


def roll(program: Program) -> Program:
    """The same with its repetitions, and those in its loops, rolled into scans; innermost first."""
    program = program.within(roll)
    first = _rolled(program)
    if len(first) > WORTH:                       # perhaps what is alike is not at one place of all groups
        first = min(first, _rolled(_rows_first(program)), key=len)
    return joined_carries(first)


def _rolled(program: Program) -> Program:
    """The same without looking into its loops."""
    while found := _stretches(program):
        program = _Rolling(program).rolled(found)
    return program


def _rows_first(program: Program) -> Program:
    """The same program, that takes rows of its inputs before all else.

    A row is taken once, where it is needed first. So the groups of a loop over pairs of rows are not alike:
    some take two rows, and some that come later none.
    """
    inputs = set(program.inputs)
    is_later = [op.prim is not GETITEM or op.args[0] not in inputs for op in program.ops]
    ops = [op for later in (False, True) for op, x in zip(program.ops, is_later, strict=True) if x is later]
    return Program(program.inputs, ops, program.outputs)


def longest_line(program: Program) -> tuple[Spot | None, int]:
    """Of the longest straight line of operations, inside of loops as well: which line of the user's made most
    of it, and how many they are. If more than `LONG_LINE`, the user may want to write a `dp.scan`."""
    count: dict[Spot | None, int] = {}
    for op in program.ops:
        line = op.spot and op.spot._replace(instruction=0)
        count[line] = count.get(line, 0) + 1
    here = max(count, key=count.__getitem__, default=None), len(program.ops)
    return max([here, *(longest_line(op.body) for op in program.ops if op.body)], key=lambda found: found[1])


def _stretches(program: Program) -> list["Stretch"]:
    """Stretches that do not overlap, those of short groups first."""
    table, found = Table(program), []
    for period in range(1, len(program.ops) // FEWEST_GROUPS + 1):
        if table.likely(period):
            for start, end in table.runs(period):
                if stretch := _fitted(table, start, end, period):
                    found.append(stretch)
                    table.kind[stretch.first: stretch.end] = -1
    return sorted(found, key=lambda stretch: stretch.first)


def _fitted(table: Table, start: int, end: int, period: int) -> "Stretch | None":
    """The stretch at the end of a run, if it is regular and worth a loop.

    One group may come before the run: what is carried into it comes from elsewhere, so it does not look the
    same. (In x = f(x + u), the first x is an input, the others were made.) So a group more is tried first.
    """
    count = (end - start) // period
    return (Stretch.of(table, end - period * (count + 1), period, count + 1)
            or Stretch.of(table, end - period * count, period, count))


# ---------------------------------------------------------------------------- the body of a stretch

class Irregular(Exception):
    """A column that is none of those that can be rolled."""


class Lagged(NamedTuple):
    """What a step is given of the step `len(starts)` before it: what that made at `place`.

    The first steps, which have none so far before them, are given `starts`, one after the other. What comes
    from two steps before goes through a second carry, of one step before. Say that a step makes y, and reads
    y of two steps before; p and q are what the first two steps have instead of it:

        step                  0    1    2     3
        carry (y, (p, q))     p    q    y_0   y_1        what the step reads
        carry (y, (q,))       q    y_0  y_1   y_2        ... and what the carry above will be next
    """

    place: tuple[int, int]
    starts: tuple

    @property
    def later(self) -> "Lagged":
        """The carry from a step less before, which this one will be in the next step."""
        return self._replace(starts=self.starts[1:])


class Stretch:
    """So many groups of `period` operations, from the operation number `first`, and one as a loop's body.

    Operands are those of the program that is rolled.
    """

    def __init__(self, table: Table, first: int, period: int, count: int):
        self.table, self.first, self.period, self.count = table, first, period, count
        self.ops: list[Op] = []
        self.made: dict[tuple[int, int], Value] = {}         # by place: number in the group, which result
        self.carries: dict[Any, tuple[Lagged, Value]] = {}
        self.rows: dict[Any, tuple[list, Value]] = {}        # what each step is given
        self.captured: dict[Value, Value] = {}
        self.taken: set[int] = set()                         # operations that only take the row of a step
        for q in range(period):
            self._add(q)

    @classmethod
    def of(cls, table: Table, first: int, period: int, count: int) -> "Stretch | None":
        """These groups, or nothing if they are irregular or not worth a loop."""
        if count < FEWEST_GROUPS or not table.alike(first, period, count) or (
                table.saved(first, period, count) < WORTH):
            return None
        try:
            return cls(table, first, period, count)
        except Irregular:
            return None

    @property
    def end(self) -> int:
        return self.first + self.period * self.count

    def _add(self, q: int) -> None:
        """Append what the operation q of each group does, unless it takes a row: the step is given that."""
        group = self.table.ops[self.first + q: self.end: self.period]
        op = group[0]
        if op.prim is GETITEM and any(known(each.args[1]) != known(op.args[1]) for each in group):
            arrays = set(self._column(q, 0))
            is_there = type(op.args[0]) is Value and len(arrays) == 1 and max(arrays) < self._start
            if not is_there or rows_of([each.args[1] for each in group], op.args[0].shape) is None:
                raise Irregular                  # not rows of one array that is there before
            self.taken.add(q)
            self.made[q, 0] = self._row(("taken", q), [each.outs[0] for each in group])
            return
        args = [self._argument(q, j, group) for j in range(len(op.args))]
        outs = [x.again(x.of) for x in op.outs]
        self.ops.append(op.with_(args=tuple(args), outs=outs))
        self.made.update({(q, j): x for j, x in enumerate(outs)})

    @property
    def _start(self) -> int:
        """The number of the first value that a group makes; those of before have smaller ones."""
        return self.table.wide * self.first

    def _column(self, q: int, j: int) -> list[int]:
        """The numbers of argument j of the operation q, group by group."""
        return self.table.made[self.first + q: self.end: self.period, j].tolist()

    def _argument(self, q: int, j: int, group: list[Op]) -> Any:
        """What stands in the body for argument j of the operation q: see the three kinds of columns above."""
        column, values = self._column(q, j), [op.args[j] for op in group]
        before = [made < self._start for made in column]
        if all(before):
            if len(set(column)) > 1:
                return self._row(tuple(column), [*map(_real, values)])
            return self._capture(values[0]) if type(values[0]) is Value else values[0]
        width = self.table.wide * self.period    # between a value and that of the next group
        last, place = divmod(column[-1] - self._start, width)        # the group of the last one, and where
        lag = self.count - 1 - last
        moved = [self._start + place + width * k for k in range(last + 1)]
        if not before[-1] and lag <= FARTHEST and column[lag:] == moved and all(before[:lag]):
            where = divmod(place, self.table.wide)
            if not lag:
                return self.made[where]
            return self._carry(Lagged(where, tuple(map(_real, values[:lag]))), group[-1].args[j])
        raise Irregular

    def _capture(self, x: Value) -> Value:
        return self.captured.setdefault(x, x.again(x.of))

    def _carry(self, carry: Lagged, like: Value) -> Value:
        """What stands for a carry in the body; with it, the carries that it comes through."""
        if len(carry.starts) > 1:
            self._carry(carry.later, like)
        key = self._key(carry)
        if key not in self.carries:
            start = carry.starts[0]
            label = like.label or (start.label if type(start) is Value else "")
            self.carries[key] = carry, Value(like.example, label, like.of)
        return self.carries[key][1]

    def _key(self, carry: Lagged) -> tuple:
        return carry.place, *(known(x, self.table.number) for x in carry.starts)

    def _row(self, key: Any, values: list) -> Value:
        """What stands in the body for a value of each group, which will be stacked."""
        if key not in self.rows:
            if any(type(x) is not Value and np.asarray(x).dtype.kind == "b" for x in values):
                raise Irregular                  # NumPy's conditions compute in another way than Python's
            of = next((x for x in values if type(x) is Value), None)
            source = of and _array_of(of, self.table)
            label = of.label or (source.label if source else "") if of else ""
            self.rows[key] = values, Value(example_of(values[0]), label)
        return self.rows[key][1]

    @property
    def is_elementwise(self) -> bool:
        """Whether groups have nothing to do with each other, and compute with numbers element by element."""
        rowwise = {x for _, x in self.rows.values()}
        for op in self.ops:
            if not (op.prim.elementwise or op.prim in (ALIAS, STOPPED)) or any(
                    x.shape for x in (*op.operands, *op.outs)) or rowwise.isdisjoint(op.operands):
                return False
            rowwise.update(op.outs)
        return not self.carries

    def program(self, ys: list[Value]) -> Program:
        """What a step does, with these as the rows that it makes."""
        inputs = [x for _, x in (*self.carries.values(), *self.rows.values())] + [*self.captured.values()]
        outputs = [self.next(carry) for carry, _ in self.carries.values()] + ys
        return Program(inputs, needed(self.ops, outputs), outputs)

    def next(self, carry: Lagged) -> Value:
        """What a step hands on."""
        if len(carry.starts) == 1:
            return self.made[carry.place]
        return self.carries[self._key(carry.later)][1]

    def results(self) -> dict[tuple[tuple[int, int], int], Value]:
        """What its operations make, by (place, number of the group)."""
        return {((q, j), k): self.table.ops[self.first + self.period * k + q].outs[j]
                for q, j in self.made for k in range(self.count)}

    def kept(self, last: list) -> dict[tuple[tuple[int, int], int], Any]:
        """What the carries are after the last step, by (place, number of the group) that made it."""
        pairs = zip(self.carries.values(), last, strict=True)
        return {(carry.place, self.count - len(carry.starts)): x for (carry, _), x in pairs}


def _real(x: Any) -> Any:
    """A constant that is computed with, as a real number."""
    if type(x) is int:
        return float(x)
    if type(x) is not Value and np.asarray(x).dtype.kind in "iu":
        return np.asarray(x, dtype=np.float64) if np.ndim(x) else float(x)
    return x


def _array_of(x: Value, table: Table) -> Value | None:
    """The array that a value is taken from."""
    number = table.number[x] // table.wide
    op = table.ops[number] if number >= 0 else None
    return op.args[0] if op and op.prim is GETITEM and type(op.args[0]) is Value else None


# ---------------------------------------------------------------------------- the program with its loops

class _Rolling(Rewriting):
    """A program while stretches of it become loops, or operations on arrays."""

    def __init__(self, program: Program):
        super().__init__(program)
        self.old = program
        self.last_use: dict[Value, int] = {}
        for i, op in enumerate(program.ops):
            self.last_use.update(dict.fromkeys(op.operands, i))
        self.last_use.update(dict.fromkeys(values_in(program.outputs), len(program.ops)))

    def rolled(self, stretches: list[Stretch]) -> Program:
        """The program with these rolled."""
        ops, done = self.old.ops, 0
        for stretch in stretches:
            self.copy(ops[done: stretch.first])
            self._roll(stretch)
            done = stretch.end
        self.copy(ops[done:])
        return self.program(self.old.outputs)

    def _roll(self, stretch: Stretch) -> None:
        """Append what a stretch becomes, and what is read after it of its results.

        These are carries, after the last step; if there are others of a place, that place is stacked, and
        all its results are rows of the stack, since somebody may stack them again.
        """
        wanted = {key: x for key, x in stretch.results().items() if self.last_use.get(x, -1) >= stretch.end}
        for key in [key for key in wanted if key[0][0] in stretch.taken]:
            self.copy([self.old.maker[wanted.pop(key)]])
        carried = stretch.kept([*stretch.carries])
        stacks = [*dict.fromkeys(key[0] for key in wanted if key not in carried)]
        last, ys = self._loop(stretch, [stretch.made[place] for place in stacks])
        carried, stack_of = stretch.kept(last), dict(zip(stacks, ys, strict=True))
        for (place, k), x in wanted.items():
            self.now[x] = carried[place, k] if place not in stack_of else (
                self.new(GETITEM, (stack_of[place], k), {}, self.old.maker[x])[0])

    def _loop(self, stretch: Stretch, wanted: list[Value]) -> tuple[list, list]:
        """Append a scan, or operations on arrays. Returns the last carries and, stacked, what is wanted."""
        like = self.old.ops[stretch.first]
        rows = [self.stacked([replaced(x, self.now) for x in row], like) for row, _ in stretch.rows.values()]
        captured = [*map(self.lift, stretch.captured)]
        if stretch.is_elementwise:
            return [], self._abreast(stretch, wanted, rows, captured)
        starts = [self.lift(carry.starts[0]) for carry, _ in stretch.carries.values()]
        options = scan_options(stretch.program(wanted), len(starts), len(rows), stretch.count)
        outs = self.new(SCAN, (*starts, *rows, *captured), options, like)
        return outs[:len(starts)], outs[len(starts):]

    def _abreast(self, body: Stretch, wanted: list[Value], rows: list, captured: list) -> list[Value]:
        """What all groups do, element by element of arrays."""
        values = dict(zip((x for _, x in body.rows.values()), rows, strict=True))
        values.update(zip(body.captured.values(), captured, strict=True))
        for op in needed(body.ops, wanted):
            made = self.new(op.prim, op.given(values).args, op.options, op)
            values.update(zip(op.outs, made, strict=True))
        return [values[x] for x in wanted]
