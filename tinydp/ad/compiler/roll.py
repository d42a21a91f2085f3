"""What repeats because a Python loop was unrolled, rolled up again: a stretch of equal groups becomes a `scan`.

    >>> from ..primitives import registered
    >>> from .record import Builder
    >>> add, multiply, take = (registered(f) for f in (np.add, np.multiply, operator.getitem))
    >>> builder = Builder()
    >>> x, us = builder.input(0.0, "x"), builder.input(np.zeros(20), "us")
    >>> for k in range(20):
    ...     (u,) = builder.record(take, (us, k), {})
    ...     (decayed,) = builder.record(multiply, (x, 0.9), {})
    ...     (x,) = builder.record(add, (decayed, u), {})
    >>> program = builder.program([x])
    >>> print(len(program))
    60
    >>> print(roll(program))
    given x: f, us: f(20,)
    t_2: f = scan(x, us, carries=1, rows=1, length=20, reverse=False, again=False)
        given x_1: f, us_1: f
        t: f = multiply(x_1, 0.9)
        t_1: f = add(t, us_1)
        return t_1
    return t_2

A **stretch** is `count` groups of `period` operations each, one after the other, where the operation at a
place of one group does the same as the one at that place of the next. A **column** is what one argument is,
group by group. Each column has to be one of these:

- the same in all groups: a constant, or a value of before, which the body captures;
- made at one place of the same group, or of the `lag`-th group before: then it is carried, and what the first
  groups have there starts the carry;
- any values and constants of before: they are stacked, and each step is given its row.

So which columns there are decides what is rolled, and nothing is guessed: if one column is none of these, its
stretch stays as it is. Groups that carry nothing, and compute with numbers element by element, need no loop:
they become operations on arrays.
"""

import operator
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..errors import Spot
from ..primitives import registered
from ..rules.shaping import joined, stacked
from .loops import SCAN, scan_options
from .marks import ALIAS, STOPPED
from .program import Op, Program, Value, example_of, known, results_of
from .record import needed

FEWEST = 4                                       # groups in a stretch
WORTH = 48                                       # operations that are saved: below, a straight line is faster
FARTHEST = 4                                     # groups ago that an argument was made
LONG = 1500                                      # operations in a straight line that take long to compile

_getitem = registered(operator.getitem)
_LITERAL = {("power", 1), ("float_power", 1)}    # numbers that an operation does not only compute with


def roll(program: Program) -> Program:
    """The same with its repetitions, and those in its loops, rolled into scans; innermost first."""
    ops = [op if op.body is None else op.with_(options=op.options | {"body": roll(op.body)})
           for op in program.ops]
    program = Program(program.inputs, ops, program.outputs)
    while found := _stretches(program):
        program = _Rewriting(program).replaced(found)
    return program


def longest_line(program: Program) -> tuple[Spot | None, int]:
    """The longest straight line of operations, inside of loops as well: the user's line that made most of it,
    and how many operations it has."""
    count: dict[Spot | None, int] = {}
    for op in program.ops:
        line = op.spot and op.spot._replace(instruction=0)
        count[line] = count.get(line, 0) + 1
    here = max(count, key=count.__getitem__, default=None), len(program.ops)
    return max([here, *(longest_line(op.body) for op in program.ops if op.body)], key=lambda found: found[1])


# ---------------------------------------------------------------------------- where something repeats

class Stretch(NamedTuple):
    """`count` groups of `period` operations, from the operation number `first`."""

    first: int
    period: int
    count: int
    body: "Body"

    @property
    def end(self) -> int:
        return self.first + self.period * self.count


class Table:
    """A program as arrays of numbers, in which repetitions are quickly found.

    `kind[i]` is equal for operations that do the same with arguments of the same shapes. `made[i, j]`
    tells argument j of operation i: `wide` times the number of the operation that makes it, plus which
    of its results it is; below zero for what is there before all operations.
    """

    def __init__(self, program: Program):
        self.ops = ops = program.ops
        self.wide = max((len(op.outs) for op in ops), default=1)
        most = max((len(op.args) for op in ops if len(op.args) <= 40), default=1)
        kinds: dict[Any, int] = {}
        constants: dict[Any, int] = {}
        number = {x: -1 - i for i, x in enumerate(program.inputs)}
        self.kind = np.empty(len(ops), np.int64)
        self.made = np.full((len(ops), most), -1, np.int64)
        for i, op in enumerate(ops):
            comparable = len(op.args) <= most
            self.kind[i] = kinds.setdefault(_kind_of(op), len(kinds)) if comparable else -1
            for j, x in enumerate(op.args if comparable else ()):
                if type(x) is Value:
                    self.made[i, j] = number[x]
                elif _computed_with(op, j):
                    self.made[i, j] = -10**9 - constants.setdefault(known(x, {}), len(constants))
            for j, x in enumerate(op.outs):
                number[x] = self.wide * i + j
        self.number = number

    def bound(self, before: np.ndarray, after: np.ndarray, period: int) -> np.ndarray:
        """From which operation on a stretch may begin in which these are arguments a group apart.

        What is neither the same nor moves along has to be there before the stretch.
        """
        moved = (after - before == self.wide * period) & (before >= 0)
        free = (after != before) & ~moved
        return np.where(free, np.maximum(before, after) // self.wide + 1, 0).max(axis=1)

    def likely(self, period: int) -> bool:
        """Whether any stretch has this period, told by every `period`-th operation alone."""
        kind = self.kind[::period]
        same = (kind[1:] == kind[:-1]) & (kind[1:] >= 0)
        twice = same[1:] & same[:-1]
        if not twice.any():
            return False
        made = self.made[::period]
        bound = self.bound(made[:-1], made[1:], period)
        return bool((twice & (np.maximum(bound[1:], bound[:-1]) <= period * np.arange(len(twice)))).any())

    def alike(self, first: int, period: int, count: int) -> bool:
        """Whether all groups have operations of the same kinds."""
        kind = self.kind[max(first, 0): first + period * count]
        return first >= 0 and bool((kind >= 0).all() and (kind[period:] == kind[:-period]).all())

    def runs(self, period: int) -> Iterator[tuple[int, int]]:
        """Where operations are repeated `period` later, as far as can be told by two groups at a time."""
        same = (self.kind[period:] == self.kind[:-period]) & (self.kind[period:] >= 0)
        bound = self.bound(self.made[:-period], self.made[period:], period).tolist()
        edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8))).tolist()
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            for i in range(start, stop):
                if bound[i] > start:
                    if i - start >= (FEWEST - 2) * period:
                        yield start, i + period
                    start = bound[i]
            if stop - start >= (FEWEST - 2) * period:
                yield start, stop + period


def _kind_of(op: Op) -> tuple:
    """What is equal for operations that do the same with arguments that are alike."""
    like = [_like(op, j, x) for j, x in enumerate(op.args)]
    options = [] if op.prim in (ALIAS, STOPPED) else [(name, known(x, {})) for name, x in op.options.items()]
    return op.name, *like, *options, *((x.shape, x.kind) for x in op.outs)


def _like(op: Op, j: int, x: Any) -> tuple:
    if type(x) is Value:
        return x.shape, x.kind
    if op.prim is _getitem and j == 1:
        return ("index", *_without_numbers(x))
    if not _computed_with(op, j):
        return "literal", known(x, {})
    if type(x) is float or type(x) is int:
        return (), "f"
    kind = np.asarray(x).dtype.kind
    return np.shape(x), "f" if kind in "iu" else kind


def _computed_with(op: Op, j: int) -> bool:
    """Whether an argument is only computed with: not an axis, an index or an exponent."""
    rules = op.prim.rules
    return (op.prim.elementwise or bool(op.prim.each) or op.body is not None
            or (j < len(rules) and rules[j] is not None)) and (op.name, j) not in _LITERAL


def _without_numbers(index: Any) -> tuple:
    return tuple(["#" if type(k) is int else known(k, {}) for k in _parts(index)])


def _parts(index: Any) -> tuple:
    return index if type(index) is tuple else (index,)


def _stretches(program: Program) -> list[Stretch]:
    """Stretches that do not overlap, those of short groups first."""
    table, found = Table(program), []
    for period in range(1, len(program.ops) // FEWEST + 1):
        if table.likely(period):
            for start, end in table.runs(period):
                if stretch := _fitted(table, start, end, period):
                    found.append(stretch)
                    table.kind[stretch.first: stretch.end] = -1
    return sorted(found, key=lambda stretch: stretch.first)


def _fitted(table: Table, start: int, end: int, period: int) -> Stretch | None:
    """The longest stretch in a run, best without carries; or nothing, if none is worth it.

    Groups end where the run ends, or else begin where it begins. Some may come before their operations look
    the same: what is carried comes from elsewhere at first.
    """
    count = (end - start) // period
    firsts = [(end - period * (count + more), count + more) for more in (2, 1, 0)] + [(start, count)]
    found = []
    for first, count in firsts:
        if count >= FEWEST and table.alike(first, period, count) \
                and (body := Body.of(table, first, period, count)) and (count - 1) * len(body) >= WORTH:
            found.append(Stretch(first, period, count, body))
            if not body.carries:
                break
    return min(found, key=lambda stretch: (bool(stretch.body.carries), -stretch.count), default=None)


# ---------------------------------------------------------------------------- the body of a stretch

class Irregular(Exception):
    """A column that is none of those that can be rolled."""


class Carry(NamedTuple):
    """A number or an array that a step hands on: `starts[0]` before the first, and then what the step made at
    `place`; with more starts, what the step before it made, and so on."""

    place: tuple[int, int]
    starts: tuple


class Body:
    """One group as the body of a loop. Operands are those of the program that is rolled."""

    def __init__(self, table: Table, first: int, period: int, count: int):
        self.table, self.first, self.period, self.count = table, first, period, count
        self.ops: list[Op] = []
        self.made: dict[tuple[int, int], Value] = {}         # by place: number in the group, which result
        self.carries: dict[Any, tuple[Carry, Value]] = {}
        self.rows: dict[Any, tuple[list, Value]] = {}        # what each step is given
        self.captured: dict[Value, Value] = {}
        self.taken: set[int] = set()                         # operations that only take the row of a step
        for q in range(period):
            self._add(q)

    @classmethod
    def of(cls, table: Table, first: int, period: int, count: int) -> "Body | None":
        """The body of these groups, or nothing if they are irregular."""
        try:
            return cls(table, first, period, count)
        except Irregular:
            return None

    def __len__(self) -> int:
        """How many operations a group has, those inside of loops as well, that do more than take and put
        together: these come and go when values are stacked, so that to count them might never end."""
        return len(Program([], [op for op in self.ops if op.prim not in (_getitem, stacked, joined)], []))

    def _add(self, q: int) -> None:
        """Append what the operation q of each group does."""
        group = self.table.ops[self.first + q: self.first + self.period * self.count: self.period]
        op = group[0]
        if op.prim is _getitem and any(known(each.args[1], {}) != known(op.args[1], {}) for each in group):
            if len(set(self._column(q, 0))) > 1 or self._column(q, 0)[0] >= self._start:
                raise Irregular
            self.taken.add(q)
            if _rows([each.args[1] for each in group], op.args[0].shape) is None:
                raise Irregular
            self.made[q, 0] = self._row(("taken", q), [each.outs[0] for each in group])
            return
        args = [self._argument(q, j, group) for j in range(len(op.args))]
        outs = [Value(x.example, x.label, x.of) for x in op.outs]
        self.ops.append(op.with_(args=tuple(args), outs=outs))
        self.made.update({(q, j): x for j, x in enumerate(outs)})

    @property
    def _start(self) -> int:
        return self.table.wide * self.first

    def _column(self, q: int, j: int) -> list[int]:
        rows = slice(self.first + q, self.first + self.period * self.count, self.period)
        return self.table.made[rows, j].tolist()

    def _argument(self, q: int, j: int, group: list[Op]) -> Any:
        """What stands in the body for argument j of the operation q."""
        column, values = self._column(q, j), [op.args[j] for op in group]
        if len(set(column)) == 1:
            if column[0] >= self._start:
                raise Irregular
            return self._capture(values[0]) if type(values[0]) is Value else values[0]
        width = self.table.wide * self.period
        if column[-1] >= self._start:
            k, place = divmod(column[-1] - self._start, width)
            lag = self.count - 1 - k
            moved = [self._start + place + width * (k - lag) for k in range(lag, self.count)]
            if lag > FARTHEST or column[lag:] != moved or any(made >= self._start for made in column[:lag]):
                raise Irregular
            where = divmod(place, self.table.wide)
            if not lag:
                return self.made[where]
            return self._carry(Carry(where, tuple([_real(x) for x in reversed(values[:lag])])), group[-1].args[j])
        if any(made >= self._start for made in column) or group[0].body is not None:
            raise Irregular
        return self._row(tuple(column), [*map(_real, values)])

    def _capture(self, x: Value) -> Value:
        return self.captured.setdefault(x, Value(x.example, x.label, x.of))

    def _carry(self, carry: Carry, like: Value) -> Value:
        if len(carry.starts) > 1:                # what was made two groups before was carried one before
            self._carry(carry._replace(starts=carry.starts[:-1]), like)
        key = self._key(carry)
        if key not in self.carries:
            start = carry.starts[-1]
            label = like.label or (start.label if type(start) is Value else "")
            self.carries[key] = carry, Value(like.example, label, like.of)
        return self.carries[key][1]

    def _key(self, carry: Carry) -> tuple:
        return carry.place, *(known(x, self.table.number) for x in carry.starts)

    def _row(self, key: Any, values: list) -> Value:
        if key not in self.rows:
            if any(type(x) is not Value and np.asarray(x).dtype.kind == "b" for x in values):
                raise Irregular                  # NumPy's conditions compute in another way than Python's
            of = next((x for x in values if type(x) is Value), None)
            source = of and _array_of(of, self.table)
            label = of.label or (source.label if source else "") if of else ""
            self.rows[key] = values, Value(example_of(values[0]), label)
        return self.rows[key][1]

    def next(self, carry: Carry) -> Value:
        """What a step hands on."""
        if len(carry.starts) == 1:
            return self.made[carry.place]
        return self.carries[self._key(carry._replace(starts=carry.starts[:-1]))][1]

    def last(self, place: tuple[int, int], k: int) -> int | None:
        """The number of the carry that is, after the loop, what the k-th group made at this place."""
        for i, (carry, _) in enumerate(self.carries.values()):
            if carry.place == place and len(carry.starts) == self.count - k:
                return i
        return None


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
    return op.args[0] if op and op.prim is _getitem and type(op.args[0]) is Value else None


# ---------------------------------------------------------------------------- the program with its loops

class _Rewriting:
    """A program while stretches of it are replaced."""

    def __init__(self, program: Program):
        self.program = program
        self.ops: list[Op] = []
        self.maker: dict[Value, Op] = {}
        self.now: dict[Value, Any] = {}          # what became of a value, if it is not the same
        self.last_use: dict[Value, int] = {}
        for i, op in enumerate(program.ops):
            self.last_use.update(dict.fromkeys(op.operands, i))
        self.last_use.update({x: len(program.ops) for x in program.outputs if type(x) is Value})

    def replaced(self, stretches: list[Stretch]) -> Program:
        """The program with these as loops."""
        done = 0
        self.maker.update(self.program.maker)
        for stretch in stretches:
            self._copy(self.program.ops[done: stretch.first])
            self._loop(stretch)
            done = stretch.end
        self._copy(self.program.ops[done:])
        outputs = [self._now(x) for x in self.program.outputs]
        return Program(self.program.inputs, needed(self.ops, outputs), outputs)

    def _now(self, x: Any) -> Any:
        return self.now.get(x, x) if type(x) is Value else x

    def _append(self, op: Op) -> None:
        self.ops.append(op)
        self.maker.update(dict.fromkeys(op.outs, op))

    def _record(self, prim: Any, args: tuple, options: dict, spot: Spot | None, back: bool) -> list[Value]:
        op = Op(prim, args, options, [], spot, back)
        op.outs = [Value(x) for x in (
            prim.examples(op) if op.body is not None else results_of(op, [*map(example_of, args)]))]
        self._append(op)
        return op.outs

    def _copy(self, ops: list[Op]) -> None:
        for op in ops:
            args = tuple([self._now(x) for x in op.args])
            if op.prim is stacked and op.options.get("axis", 0) == 0:
                self.now[op.outs[0]] = self._stacked(list(args), op)
            else:
                self._append(op.with_(args=args) if args != op.args else op)

    def _loop(self, stretch: Stretch) -> None:
        """Append a stretch as a scan, and what is still wanted of its values."""
        body, group = stretch.body, self.program.ops[stretch.first: stretch.first + stretch.period]
        self._copy([op for q in body.taken for op in self.program.ops[stretch.first + q: stretch.end: stretch.period]
                    if self.last_use.get(op.outs[0], -1) >= stretch.end])
        wanted = {(q, j): self._wanted(stretch, q, j) for q, j in body.made if q not in body.taken}
        stacks = [place for place, ks in wanted.items() if any(body.last(place, k) is None for k in ks)]
        carries = [*body.carries.values()]
        inputs = [x for _, x in carries] + [x for _, x in body.rows.values()] + [*body.captured.values()]
        outputs = [body.next(carry) for carry, _ in carries] + [body.made[place] for place in stacks]
        inside = Program(inputs, needed(body.ops, outputs), outputs)
        args = (*(self._now(carry.starts[-1]) for carry, _ in carries),
                *(self._stacked([*map(self._now, row)], group[0]) for row, _ in body.rows.values()),
                *map(self._now, body.captured))
        options = scan_options(inside, len(carries), len(body.rows), stretch.count)
        outs = self._record(SCAN, args, options, group[0].spot, group[0].back)
        ys = dict(zip(stacks, outs[len(carries):], strict=True))
        for place, ks in wanted.items():
            for k in ks:
                op = self.program.ops[stretch.first + k * stretch.period + place[0]]
                self.now[op.outs[place[1]]] = (
                    self._record(_getitem, (ys[place], k), {}, op.spot, op.back)[0] if place in ys
                    else outs[body.last(place, k)])

    def _wanted(self, stretch: Stretch, q: int, j: int) -> list[int]:
        """In which groups the result j of the operation q is used after the stretch."""
        group = self.program.ops[stretch.first + q: stretch.end: stretch.period]
        return [k for k, op in enumerate(group) if self.last_use.get(op.outs[j], -1) >= stretch.end]

    def _stacked(self, values: list, like: Op) -> Any:
        """These values as the rows of an array: where they are rows of one array, a part of that."""
        if not any(type(x) is Value for x in values):
            return np.array(values)
        pieces: list[tuple[Value | None, list]] = []         # an array, and values that are its next rows
        for x in values:
            op = self.maker.get(x) if type(x) is Value else None
            array = op.args[0] if op and op.prim is _getitem else None
            if array is not None and pieces and pieces[-1][0] is array:
                pieces[-1][1].append(x)
            else:
                pieces.append((array, [x]))
        parts: list = []
        loose: list = []
        for array, rows in pieces:
            index = array and len(rows) > 1 and _rows([self.maker[x].args[1] for x in rows], array.shape)
            if not index:
                loose += rows
                continue
            if loose:
                parts.append(self._record(stacked, tuple(loose), {}, like.spot, like.back)[0])
                loose = []
            parts.append(self._taken(array, index, like))
        if loose:
            parts.append(self._record(stacked, tuple(loose), {}, like.spot, like.back)[0])
        return parts[0] if len(parts) == 1 else self._record(joined, tuple(parts), {}, like.spot, like.back)[0]

    def _taken(self, array: Value, index: tuple, like: Op) -> Value:
        """The part of an array, or all of it."""
        if len(index) == 1 and type(index[0]) is slice and index[0] == slice(0, array.shape[0], 1):
            return array
        return self._record(_getitem, (array, index if len(index) > 1 else index[0]), {}, like.spot, like.back)[0]


def _rows(indices: list, shape: tuple) -> tuple | None:
    """One index that takes, as rows, what these take one by one, or nothing.

        >>> _rows([1, 2, 3], (5,)), _rows([(0, -1), (0, -2), (0, -3)], (2, 3))
        ((slice(1, 4, 1),), (0, slice(2, None, -1)))
    """
    columns = [*zip(*map(_parts, indices), strict=True)] if len({len(_parts(i)) for i in indices}) == 1 else []
    varying = [t for t, column in enumerate(columns) if any(known(k, {}) != known(column[0], {}) for k in column)]
    if not varying or any(type(k) is not int for column in columns[:varying[-1] + 1] for k in column):
        return None
    if any(type(part[0]) not in (int, slice) for part in columns):
        return None
    index: list = [column[0] for column in columns]
    for t in varying:
        index[t] = np.array([k % shape[t] for k in columns[t]])
    steps = set(np.diff(index[varying[0]]).tolist())
    if len(varying) == 1 and len(steps) == 1 and (step := steps.pop()):
        start, stop = int(index[varying[0]][0]), int(index[varying[0]][-1]) + step
        index[varying[0]] = slice(start, stop if stop >= 0 else None, step)
    return tuple(index)
