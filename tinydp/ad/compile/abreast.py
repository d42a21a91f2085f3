"""Many numbers that a loop carries side by side become one array that it carries.

A step that does the same with each of a list of numbers was rolled into operations on an array before (see
roll.py): it stacks the numbers, and takes them from the new array in the end. If it carries them, taking
apart and stacking again is all for nothing:

    >>> from ..registry import registered
    >>> from ..rules.shaping import stacked
    >>> from .loops import scan_options
    >>> from .record import Builder
    >>> inside = Builder()
    >>> numbers = [inside.input(0.0) for _ in range(FEWEST_STACKED)]
    >>> (array,) = inside.record(stacked, tuple(numbers), {})
    >>> (array,) = inside.record(registered(np.sin), (array,), {})
    >>> body = inside.program([inside.record(GETITEM, (array, k), {})[0] for k in range(FEWEST_STACKED)])
    >>> builder = Builder()
    >>> xs = builder.input(np.zeros(FEWEST_STACKED), "xs")
    >>> starts = [builder.record(GETITEM, (xs, k), {})[0] for k in range(FEWEST_STACKED)]
    >>> ends = builder.record(SCAN, tuple(starts), scan_options(body, FEWEST_STACKED, 0, 100))
    >>> print(joined_carries(builder.program(builder.record(stacked, tuple(ends), {}))))
    given xs: f(16,)
    t_1: f(16,) = scan(xs, carries=1, rows=0, length=100)
        given xs_1: f(16,)
        t: f(16,) = sin(xs_1)
        return t
    return t_1
"""

import numpy as np

from .loops import SCAN
from .parts import Carry, Loop
from .program import Op, Program, Value, example_of
from .rows import FEWEST_STACKED, GETITEM, Rewriting


def joined_carries(program: Program) -> Program:
    """The same, with the carries that are all rows of one array as that array."""
    groups = {op: found for op in program.ops if op.prim is SCAN and (found := _groups(op))}
    if not groups:
        return program
    rewriting = Rewriting(program)
    for op in program.ops:
        if op in groups:
            _join(rewriting, Loop(op), groups[op])
        else:
            rewriting.copy([op])
    return rewriting.program(program.outputs)


def _groups(op: Op) -> list[list[Carry]]:
    """The carries of a loop that are to become arrays, each in the order of its rows."""
    assert op.body is not None
    rows: dict[Value, dict[int, Carry]] = {}     # of an array: which row becomes which carry
    for c in Loop(op).carries:
        made = op.body.maker.get(c.output) if type(c.output) is Value else None
        if made and made.prim is GETITEM and type(made.args[0]) is Value and type(made.args[1]) is int:
            rows.setdefault(made.args[0], {}).setdefault(made.args[1], c)
    return [[carry_of[k] for k in range(len(carry_of))] for array, carry_of in rows.items()
            if len(carry_of) >= FEWEST_STACKED and sorted(carry_of) == list(range(array.shape[0]))]


def _join(around: Rewriting, loop: Loop, groups: list[list[Carry]]) -> None:
    """Append the loop with these groups of carries as arrays, and what takes these apart after it."""
    inside, like = Rewriting(loop.body), loop.source.with_(args=())
    arrays = []
    for group in groups:
        start = around.stacked([around.lift(c.init) for c in group], like)
        array = inside.input(np.asarray(example_of(start)), start.label if type(start) is Value else "")
        arrays.append((start, array))
        for k, c in enumerate(group):
            inside.now[c.input] = inside.new(GETITEM, (array, k), {}, like)[0]
    inside.copy(loop.ops)
    joined = [Carry(start, array, inside.stacked([inside.lift(c.output) for c in group], like),
                    Value(array.example)) for (start, array), group in zip(arrays, groups, strict=True)]
    gone = {c.input for group in groups for c in group}
    loop.carries = joined + [c for c in loop.carries if c.input not in gone]
    inside.inputs = loop.body.inputs
    around.copy([loop.op(inside.program(loop.outputs))])
    for c, group in zip(joined, groups, strict=True):
        for k, each in enumerate(group):
            around.now[each.last] = around.new(GETITEM, (c.last, k), {}, like)[0]
