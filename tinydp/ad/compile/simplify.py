"""The same program with less to do: each operation is written down again, unless something is the same.

An equal operation is found by the builder, a simpler one in the table of `rewrites.py`. What a body computes
from nothing but captured values is computed before the loop, if that can neither fail nor takes more room.
Parts of a loop that are no parts of its own go: a carry that never changes is captured, a row that is read
is not written again, and what every row has in common is read once.

    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> inside = Builder()
    >>> x, rate, a = inside.input(0.0, "x"), inside.input(0.0, "rate"), inside.input(0.0, "a")
    >>> (b,) = inside.record(registered(np.sin), (a,), {})
    >>> (c,) = inside.record(registered(np.multiply), (rate, b), {})
    >>> (y,) = inside.record(registered(np.multiply), (x, c), {})
    >>> builder = Builder()
    >>> a = builder.input(0.0, "a")
    >>> options = scan_options(inside.program([y, rate]), 2, 0, 3)
    >>> program = builder.program(builder.record(SCAN, (2.0, 1.0, a), options)[:1])
    >>> print(program)
    given a: f
    t_3: f, t_4: f = scan(2.0, 1.0, a, carries=2, rows=0, length=3)
        given x: f, rate: f, a_1: f
        t: f = sin(a_1)
        t_1: f = multiply(rate, t)
        t_2: f = multiply(x, t_1)
        return t_2, rate
    return t_3
    >>> print(simplified(program))
    given a: f
    t: f = sin(a)
    t_3: f = scan(2.0, t, carries=1, rows=0, length=3)
        given x: f, t_1: f
        t_2: f = multiply(x, t_1)
        return t_2
    return t_3
"""

import math
from typing import Any

import numpy as np

from ..registry import registered
from .loops import SCAN
from .operations import LINEAR
from .parts import Carry, Loop, Row, Stack
from .program import Op, Program, Value, all_values, example_of, known, operation, replaced
from .record import Builder
from .rewrites import NewOp, simpler
from .switches import SWITCH, united


def simplified(program: Program) -> Program:
    """The same program with less to do."""
    level = Level()
    for x in program.inputs:
        level.stand_in(x)
    level.write_all(program.ops)
    made = level.program([replaced(x, level.values) for x in program.outputs])
    for x in all_values(made):                   # those of cotangents that come before what they are of
        of = level.values.get(x.of)
        x.of = of if type(of) is Value else x.of
    return made


class Level(Builder):
    """A program while it is written down simpler; the body of a loop is a level further in.

    What stands for values are those of the level that made them, however far out: so what needs nothing of
    this level can be told, and moved out. Take w, an input of the program, and a loop with sin(w) in its
    body. There w is captured, as another value, w'. `values` says that w stands for w'; the operand of sin
    belongs further out, so `put` writes it down there, or finds that it is there already: what stands for
    the sine in the body is the value outside. Only when an operation stays here is it captured (`lift`), and
    `stands_for` remembers what a captured value is outside, so that the next operation is not misled by it.

    All levels share `values`, `stands_for`, `maker` (which operation makes a value) and `unmeasured` (the
    values whose shape says nothing: as many rows as an event has steps).
    """

    def __init__(self, parent: "Level | None" = None):
        super().__init__(parent)
        self.values: dict[Any, Any] = parent.values if parent else {}
        self.stands_for: dict[Value, Value] = parent.stands_for if parent else {}
        self.unmeasured: set[Value] = parent.unmeasured if parent else set()
        self.maker = parent.maker if parent else {}

    def lift(self, x: Any) -> Any:
        here = super().lift(x)
        if here is not x:
            self.stands_for[here] = x
        return here

    def stand_in(self, x: Value) -> None:
        """Let an input of ours stand for an input of the program as it was."""
        self.values[x] = self.adopt(x.again(self.values.get(x.of, x.of)))

    def made_by(self, x: Any) -> Op | None:
        return self.maker.get(x) if type(x) is Value else None

    def made_further_in(self, x: Any) -> bool:
        """Whether `x` belongs to this level, and not to one further out."""
        return x in self._numbers

    # -- one operation

    def write_all(self, ops: list[Op]) -> None:
        """Write down operations, and note what stands for their results."""
        for old in ops:
            op = old.given(self.values)
            if op.prim is SWITCH:
                self.values |= zip(op.outs, self.chosen(op), strict=True)
            elif op.body is not None:
                self.values |= SimplerLoop(self, op).write()
            else:
                self.values |= zip(op.outs, self.write(op), strict=True)

    def write(self, op: Op) -> list:
        """Write down an operation that has no body, or what is the same; returns its results."""
        for _ in range(8):                       # each step makes less, but nobody proves that here
            new = None if self.is_unmeasured(op) else simpler(op, self.made_by)
            if type(new) is not NewOp:
                break
            op = Op(new.prim, self.arguments(new, op), new.options, op.outs, op.spot, op.back)
        return self.put(op) if new is None or type(new) is NewOp else [self.outermost(new)]

    def chosen(self, op: Op) -> list:
        """Write down a switch, whose sides are levels further in; or one side, if that is known."""
        if type(op.args[0]) is bool:
            return self.side(op.options["then" if op.args[0] else "otherwise"], op, self)
        levels, made = [], []
        for body in op.bodies:
            levels.append(Level(self))
            levels[-1].is_chosen = True          # what is in it is not done in any case, and stays
            made.append(self.side(body, op, levels[-1]))
        keys = [(known(then), known(otherwise)) for then, otherwise in zip(*made, strict=True)]
        unlike = [*dict.fromkeys(key for key in keys if key[0] != key[1])]     # what is chosen between, once
        firsts = [*map(keys.index, unlike)]
        captured, options = united(*(level.closed([outputs[k] for k in firsts])
                                     for level, outputs in zip(levels, made, strict=True)))
        found = self.put(op.with_(args=(op.args[0], *captured), options=options,
                                  outs=[op.outs[k] for k in firsts])) if firsts else []
        results = dict(zip(unlike, found, strict=True))
        return [results.get(key, then) for key, then in zip(keys, made[0], strict=True)]

    def side(self, body: Program, op: Op, level: "Level") -> list:
        """Write down one side of a switch at a level; returns what stands for its outputs."""
        self.values |= zip(body.inputs, op.args[1:], strict=True)
        level.write_all(body.ops)
        return [replaced(x, self.values) for x in body.outputs]

    def is_unmeasured(self, op: Op) -> bool:
        """Whether shapes say nothing: of the rows of an event's steps, the example has one."""
        return not self.unmeasured.isdisjoint(op.operands)

    def arguments(self, call: NewOp, old: Op) -> tuple:
        """The arguments of a call, with inner calls written down: at the user's line of the old operation."""
        return tuple([self.result(x, old) if type(x) is NewOp else self.outermost(x) for x in call.args])

    def result(self, call: NewOp, old: Op) -> Any:
        """The result of a call, which is written down."""
        return self.write(operation(call.prim, self.arguments(call, old), call.options, old))[0]

    def outermost(self, x: Any) -> Any:
        """What a captured value is where it was made."""
        while type(x) is Value and x in self.stands_for:
            x = self.stands_for[x]
        return x

    def put(self, op: Op) -> list[Value]:
        """Write an operation down, as far out as it can be."""
        level: Any = self
        while level.parent is not None and not level.is_chosen and not any(
                map(level.made_further_in, op.operands)) and (level is not self or _may_be_moved(op)):
            level = level.parent
        level.again(op, self.values)
        outs = [self.values[x] for x in op.outs]
        if op.body is None and self.is_unmeasured(op):
            self.unmeasured.update(outs)
        return outs


class SimplerLoop:
    """A loop while it is written down simpler."""

    def __init__(self, around: Level, op: Op):
        self.around, self.loop, self.level = around, Loop(op), Level(around)
        self.values = self.level.values
        self.values |= {c.inner: c.outer for c in self.loop.captures}
        self.results: dict[Value, Any] = {}      # what stands for results that are no longer made
        self.read: dict[Any, Row] = {}           # the rows that are still read, by what they are rows of

    def write(self) -> dict[Value, Any]:
        """Write it down; returns what stands for its results."""
        loop = self.loop
        loop.carries = [c for c in loop.carries if not self.never_changes(c)]
        for c in loop.carries:
            self.level.stand_in(c.input)
        for r in loop.rows:
            self.row(r)
        loop.rows = [*self.read.values()]
        for x in loop.own_inputs:
            self.level.stand_in(x)
        self.level.write_all(loop.ops)
        loop.stacks = self.stacks()
        body, captured = self.level.closed([replaced(x, self.values) for x in loop.outputs])
        new = self.around.put(loop.op(body, captured))
        made = dict(zip(loop.outs, new, strict=True))
        if type(loop.steps) is not int:
            self.around.unmeasured.update(made[s.stack] for s in loop.stacks)
        return made | {x: replaced(y, made) for x, y in self.results.items()}

    def never_changes(self, c: Carry) -> bool:
        """Whether a carry stays as it is: then it is captured."""
        if c.output is not c.input:
            return False
        self.values[c.input] = self.results[c.last] = c.init
        if c.before is not None:
            self.results[c.before] = c.init
        return True

    def row(self, r: Row) -> None:
        """Read a row, unless it is read already, or the same in each step."""
        made_by = self.around.made_by(r.stack)
        if made_by is not None and made_by.name == "broadcast_to" and (
                np.ndim(example_of(made_by.args[0])) <= r.input.ndim):
            call = NewOp(_broadcast_to, made_by.args[:1], {"shape": r.input.shape})
            self.values[r.input] = self.around.result(call, made_by)
            return
        key = known(r.stack)
        if key in self.read:
            self.values[r.input] = self.values[self.read[key].input]
        else:
            self.level.stand_in(r.input)
            self.read[key] = r

    def stacks(self) -> list[Stack]:
        """What has to be stacked: not what was read, nor the same twice, nor the same in each step."""
        stacked: dict[Any, Any] = {self.values[r.input]: r.stack for r in self.read.values()}
        kept = []
        for s in self.loop.stacks:
            row = replaced(s.output, self.values)
            if type(row) is Value and row in stacked:
                self.results[s.stack] = stacked[row]
            elif type(self.loop.steps) is int and s.stack.kind != "i" and not (
                    type(row) is Value and self.level.made_further_in(row)):
                call = NewOp(_broadcast_to, (row,), {"shape": s.stack.shape})
                self.results[s.stack] = self.around.result(call, self.loop.source)
            else:
                kept.append(s)
                if type(row) is Value:
                    stacked[row] = s.stack
        return kept


# ---------------------------------------------------------------------------- what may be moved out

_broadcast_to = registered(np.broadcast_to)
# Beside what works element by element: cannot fail. A singular matrix leaves all to the tape, now or later.
_HARMLESS = frozenset((
    "matmul", "sum", "mean", "getitem", "reshape", "ravel", "expand_dims", "squeeze", "transpose", "swapaxes",
    "moveaxis", "stack", "concatenate", "scatter", "flip", "tril", "triu", "cumsum")) | LINEAR
_GROWING = ("matmul", "scatter", "stack", "concatenate")


def _cannot_fail(op: Op) -> bool:
    if op.bodies:
        inner = [x for body in op.bodies for x in body.ops]
        return op.prim in (SCAN, SWITCH) and all(map(_cannot_fail, inner))
    return op.prim.elementwise or op.name in _HARMLESS


def _may_be_moved(op: Op) -> bool:
    """Whether an operation may be done before a loop, once: it cannot fail, and is cheap to keep."""
    if op.name == "broadcast_to" or not _cannot_fail(op):
        return False
    if op.bodies or op.name in _GROWING:
        return True
    room = max([math.prod(x.shape) for x in op.operands], default=0)
    return all(not x.shape or math.prod(x.shape) <= room for x in op.outs)
