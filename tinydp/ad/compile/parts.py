"""A loop taken apart, so that a pass can drop, add and exchange its parts, and put together again.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> from .program import Program
    >>> from .record import Builder
    >>> inside = Builder()
    >>> total, idle = inside.input(0.0, "total"), inside.input(0.0, "idle")
    >>> (y,) = inside.record(registered(np.sin), (total,), {})
    >>> builder = Builder()
    >>> outs = builder.record(SCAN, (0.0, 1.0), scan_options(inside.program([y, idle, y]), 2, 0, 3))
    >>> (op,) = builder.ops
    >>> loop = Loop(op)
    >>> loop.carries = [c for c in loop.carries if c.output is not c.input]
    >>> print(Program([], [loop.op()], [outs[0], outs[2]]))
    given
    t_1: f, t_2: f(3,) = scan(0.0, carries=1, rows=0, length=3)
        given total: f
        t: f = sin(total)
        return t, t
    return t_1, t_2
"""

from typing import Any, NamedTuple

from .loops import EVENT, WHILE
from .program import Op, Program, Value, values_in
from .roots import ROOT


class Carry(NamedTuple):
    """What goes round."""

    init: Any                            # outside: what it starts as
    input: Value                         # inside: before the step
    output: Any                          # inside: after it
    last: Value                          # outside: after all steps
    before: Value | None = None          # outside, of an event: before the last step


class Row(NamedTuple):
    """What is read row by row."""

    stack: Any                           # outside
    input: Value                         # inside


class Stack(NamedTuple):
    """What is written row by row."""

    output: Any                          # inside
    stack: Value                         # outside


class Capture(NamedTuple):
    """What all steps use."""

    outer: Any
    inner: Value


class Own(NamedTuple):
    """How many parts an open-ended loop has that are neither carried, stacked nor captured."""

    args: int                            # operands, after the state
    inputs: int                          # of the body
    outputs: int                         # of the body
    keeps_before: bool                   # whether it makes the state before the last step as well


OWN = {EVENT: Own(2, 1, 1, True),        # height, dt; the length of the step; the height after it
       WHILE: Own(1, 0, 1, False),       # go; -; go
       ROOT: Own(1, 1, 3, False)}        # the guess; x; the residual, and what else there is


class Loop:
    """The parts of a loop. An open-ended one has parts of its own, which stay as they are, and reads no rows.

    Two of these are results: of an event the last step's length, of a `while_loop` whether it would go on;
    and the number of steps. (A root is a loop that carries nothing, and says whether it was found.)
    """

    def __init__(self, op: Op):
        body = op.body
        assert body is not None
        self.source, self.ops, self.open_ended = op, body.ops, op.prim.open_ended
        args, inputs, outs, outputs = [*op.args], [*body.inputs], [*op.outs], [*body.outputs]
        before: list = [None] * len(inputs)
        self.steps: Any = op.options.get("length")       # how many: a number, or a value
        self.own_args: list = []                         # of a scan: the number of steps, if it is a value
        self.own_inputs: list[Value] = []
        self.own_outputs: list = []
        self.own_outs: list[Value] = []
        if self.open_ended:
            n, m, own = op.options["states"], 0, OWN[op.prim]
            self.own_args, args[n: n + own.args] = args[n: n + own.args], []
            self.own_inputs, inputs[n: n + own.inputs] = inputs[n: n + own.inputs], []
            self.own_outputs, outputs[n: n + own.outputs] = outputs[n: n + own.outputs], []
            if own.keeps_before:
                before, outs[n: 2 * n] = outs[n: 2 * n], []
            self.own_outs, outs[n: n + 2] = outs[n: n + 2], []
            self.steps = self.own_outs[1]
        else:
            n, m = op.options["carries"], op.options["rows"]
            if self.steps is None:
                self.own_args = [args.pop()]
                self.steps = self.own_args[0]
        self.carries = [Carry(*parts) for parts in zip(args[:n], inputs, outputs, outs, before, strict=False)]
        self.rows = [Row(*parts) for parts in zip(args[n: n + m], inputs[n: n + m], strict=True)]
        self.captures = [Capture(*parts) for parts in zip(args[n + m:], inputs[n + m:], strict=True)]
        self.stacks = [Stack(*parts) for parts in zip(outputs[n:], outs[n:], strict=True)]

    @property
    def inputs(self) -> list[Value]:
        """Those of the body, without what it captures."""
        return [*(c.input for c in self.carries), *(r.input for r in self.rows), *self.own_inputs]

    @property
    def outputs(self) -> list:
        """Those of the body."""
        return [*(c.output for c in self.carries), *self.own_outputs, *(s.output for s in self.stacks)]

    @property
    def outs(self) -> list[Value]:
        """What the operation makes."""
        before = [c.before for c in self.carries if c.before is not None]
        return [*(c.last for c in self.carries), *before, *self.own_outs, *(s.stack for s in self.stacks)]

    @property
    def body(self) -> Program:
        """The body that these parts make."""
        return Program([*self.inputs, *(c.inner for c in self.captures)], self.ops, self.outputs)

    @property
    def read(self) -> set[Value]:
        """What the operations and the outputs read."""
        return {x for op in self.ops for x in op.operands}.union(values_in(self.outputs))

    def op(self, body: Program | None = None, captured: list | None = None) -> Op:
        """The operation; perhaps with a body of the same outputs, that captures these."""
        options = self.source.options | {"body": self.body if body is None else body}
        options |= {"states": len(self.carries)} if self.open_ended else {
            "carries": len(self.carries), "rows": len(self.rows)}
        captured = [c.outer for c in self.captures] if captured is None else captured
        inits, stacks = [c.init for c in self.carries], [r.stack for r in self.rows]
        args = [*inits, *self.own_args, *captured] if self.open_ended else [
            *inits, *stacks, *captured, *self.own_args]
        return self.source.with_(args=tuple(args), options=options, outs=self.outs)


