"""Many numbers that a loop carries side by side become one array that it carries.

A step that does the same with each of a list of numbers was rolled into operations on an array before (see
roll.py): it stacks the numbers, and takes them from the new array in the end. If it carries them, taking
apart and stacking again is all for nothing:

    >>> from ..primitives import registered
    >>> from ..rules.shaping import stacked
    >>> from .loops import scan_options
    >>> from .record import Builder
    >>> inside = Builder()
    >>> numbers = [inside.input(0.0) for _ in range(MANY)]
    >>> (array,) = inside.record(stacked, tuple(numbers), {})
    >>> (array,) = inside.record(registered(np.sin), (array,), {})
    >>> body = inside.program([inside.record(GETITEM, (array, k), {})[0] for k in range(MANY)])
    >>> builder = Builder()
    >>> xs = builder.input(np.zeros(MANY), "xs")
    >>> starts = [builder.record(GETITEM, (xs, k), {})[0] for k in range(MANY)]
    >>> ends = builder.record(SCAN, tuple(starts), scan_options(body, MANY, 0, 100))
    >>> print(joined_carries(builder.program(builder.record(stacked, tuple(ends), {}))))
    given xs: f(16,)
    t_1: f(16,) = scan(xs, carries=1, rows=0, length=100, reverse=False, again=False)
        given xs_1: f(16,)
        t: f(16,) = sin(xs_1)
        return t
    return t_1
"""

import numpy as np

from .loops import SCAN
from .program import Op, Program, Value
from .rows import GETITEM, MANY, Rewriting


def joined_carries(program: Program) -> Program:
    """The same, with the carries that are all rows of one array as that array."""
    groups = {op: found for op in program.ops if op.prim is SCAN and (found := _groups(op))}
    if not groups:
        return program
    rewriting = Rewriting(program)
    for op in program.ops:
        if op in groups:
            _join(rewriting, op, groups[op])
        else:
            rewriting.copy([op])
    return rewriting.program(program.inputs, program.outputs)


def _groups(op: Op) -> list[list[int]]:
    """The carries of a loop that are to become arrays, each in the order of its rows."""
    assert op.body is not None
    rows: dict[Value, dict[int, int]] = {}       # of an array: which row becomes which carry
    for i, x in enumerate(op.body.outputs[:op.options["carries"]]):
        made = op.body.maker.get(x) if type(x) is Value else None
        if made and made.prim is GETITEM and type(made.args[0]) is Value and type(made.args[1]) is int:
            rows.setdefault(made.args[0], {}).setdefault(made.args[1], i)
    return [[carry_of[k] for k in range(len(carry_of))] for array, carry_of in rows.items()
            if len(carry_of) >= MANY and sorted(carry_of) == list(range(array.shape[0]))]


def _join(around: Rewriting, op: Op, groups: list[list[int]]) -> None:
    """Append a loop with these groups of carries as arrays."""
    body, n = op.body, op.options["carries"]
    assert body is not None
    inside = Rewriting(body)
    rest = [i for i in range(n) if not any(i in group for group in groups)]
    arrays = []
    args = [around.became(x) for x in op.args]
    like = op.with_(args=())
    starts = [around.stacked([args[i] for i in group], like) for group in groups]
    for group, start in zip(groups, starts, strict=True):
        array = Value(np.asarray(start.example if type(start) is Value else start),
                      start.label if type(start) is Value else "")
        arrays.append(array)
        for k, i in enumerate(group):
            inside.now[body.inputs[i]] = inside.record(GETITEM, (array, k), {}, like)[0]
    inside.copy(body.ops)
    inputs = [*arrays, *(body.inputs[i] for i in rest), *body.inputs[n:]]
    ends = [inside.stacked([inside.became(body.outputs[i]) for i in group], like) for group in groups]
    joined = inside.program(inputs, [*ends, *(body.outputs[i] for i in rest), *body.outputs[n:]])
    outs = around.record(SCAN, (*starts, *(args[i] for i in rest), *args[n:]),
                         op.options | {"body": joined, "carries": len(groups) + len(rest)}, like)
    for array, group in zip(outs, groups, strict=False):
        for k, i in enumerate(group):
            around.now[op.outs[i]] = around.record(GETITEM, (array, k), {}, like)[0]
    others = [op.outs[i] for i in rest] + op.outs[n:]
    around.now.update(zip(others, outs[len(groups):], strict=True))
