"""Removing what nobody needs, inside of loops as well.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> from .record import Builder
    >>> inside = Builder()
    >>> one, two = inside.input(0.0, "one"), inside.input(0.0, "two")
    >>> (y,) = inside.record(registered(np.sin), (one,), {})
    >>> (z,) = inside.record(registered(np.add), (y, two), {})
    >>> builder = Builder()
    >>> outs = builder.record(SCAN, (1.0, 2.0), scan_options(inside.program([y, z, z]), 2, 0, 3))
    >>> program = builder.program([outs[0]])
    >>> print(program)
    given
    t_2: f, t_3: f, t_4: f(3,) = scan(1.0, 2.0, carries=2, rows=0, length=3)
        given one: f, two: f
        t: f = sin(one)
        t_1: f = add(t, two)
        return t, t_1, t_1
    return t_2
    >>> print(pruned(program))
    given
    t_1: f = scan(1.0, carries=1, rows=0, length=3)
        given one: f
        t: f = sin(one)
        return t
    return t_1
"""

from .parts import Loop
from .program import Op, Program, Value, values_in
from .switches import SWITCH


def pruned(program: Program) -> Program:
    """The program without what its outputs do not need; its inputs stay."""
    wanted = set(values_in(program.outputs))
    kept = []
    for op in reversed(program.ops):
        if wanted.isdisjoint(op.outs):
            continue
        kept.append(_pruned_switch(op, wanted) if op.prim is SWITCH else
                    op if op.body is None else _pruned_loop(op, wanted))
        wanted.update(kept[-1].operands)
    return Program(program.inputs, kept[::-1], program.outputs)


def _pruned_loop(op: Op, wanted: set[Value]) -> Op:
    """The loop with those parts that somebody wants: outside, or in a later step."""
    loop = Loop(op)
    loop.stacks = [s for s in loop.stacks if s.stack in wanted]
    carries, ops = loop.carries, loop.ops
    loop.carries = [c for c in carries if c.last in wanted or c.before in wanted]
    while True:
        loop.ops = pruned(Program([], ops, loop.outputs)).ops
        read, known = loop.read, len(loop.carries)
        going_round = {c.last for c in loop.carries}
        loop.carries = [c for c in carries if c.last in going_round or c.input in read]
        if len(loop.carries) == known:
            break
    loop.rows = [r for r in loop.rows if r.input in read]
    loop.captures = [c for c in loop.captures if c.inner in read]
    return loop.op()


def _pruned_switch(op: Op, wanted: set[Value]) -> Op:
    """The switch without outputs that nobody wants, and without what neither body captures any more."""
    at = [k for k, x in enumerate(op.outs) if x in wanted]
    bodies = {side: pruned(Program(body.inputs, body.ops, [body.outputs[k] for k in at]))
              for side, body in op.options.items()}
    read = [{*body.users, *values_in(body.outputs)} for body in bodies.values()]
    kept = [k for k, inputs in enumerate(zip(*(body.inputs for body in bodies.values()), strict=True))
            if any(x in those for x, those in zip(inputs, read, strict=True))]
    options = {side: Program([body.inputs[k] for k in kept], body.ops, body.outputs)
               for side, body in bodies.items()}
    return op.with_(args=(op.args[0], *(op.args[k + 1] for k in kept)), options=options,
                    outs=[op.outs[k] for k in at])
