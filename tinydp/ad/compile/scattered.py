"""What the steps of a loop add to an array at computed places is added after the loop, all at once.

The gradient of a table that a loop reads is a carry to which each step adds a whole array, zero but for the
elements that it read. If nothing else reads the carry, it is none: the places are stacked, and what arrives
there, and one `scatter_at` after the loop adds all of it, in a time that does not depend on the table's size.

    >>> import tinydp as dp
    >>> from .adjoint import adjoint
    >>> from .dead import pruned
    >>> from .simplify import simplified
    >>> from .trace import Trace, traced
    >>> def f(table, ks):
    ...     return dp.scan(lambda s, k: (s + table[k], None), 0.0, ks)[0]
    >>> program = traced(f, np.ones(100), np.arange(5))
    >>> with Trace().writing():
    ...     print(pruned(scattered(simplified(adjoint(program, [0], [0])))))
    given table: f(100,), ks: i(5,), g: f
    t_1: f(5,), t_2: i(5,) = scan(ks, g, carries=0, rows=1, length=5, reverse=True)
        given x: i, g_1: f
        t: i = in_range(x, n=100)
        return g_1, t
    g_table: f(100,) = scatter_at(t_1, t_2, shape=(100,), index=('#0', Ellipsis))
    return g_table
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

from ..registry import registered
from ..rules.gathers import scatter_at
from .loops import SCAN
from .parts import Carry, Loop
from .products import added_up, stack_instead
from .program import Op, Program, Value, operation
from .rewrites import is_everywhere

_add = registered(np.add)


class ScatteredSum(NamedTuple):
    """A carry, and the scatters whose results are added to it."""

    carry: Carry
    scatters: list[Op]


def scattered(program: Program) -> Program:
    """The program whose loops leave what is added at computed places to what comes after them."""
    ops: list[Op] = []
    for op in program.ops:
        inside = op.within(scattered)
        ops += _of_loop(inside) if op.prim is SCAN else [inside]
    return Program(program.inputs, ops, program.outputs)


def _of_loop(op: Op) -> list[Op]:
    """A loop, and the scatters that come after it."""
    loop = Loop(op)
    sums = _sums(loop) if type(loop.steps) is int and loop.steps and not op.options["again"] else []
    if not sums:
        return [op]
    values = [x for each in sums for scatter in each.scatters for x in scatter.args]
    stacks = stack_instead(loop, [each.carry for each in sums], values)
    after: list[Op] = []
    for carry, scatters in sums:
        total: Any = None if is_everywhere(carry.init, 0.0) else carry.init
        for scatter in scatters:
            rows = tuple([stacks[x] for x in scatter.args])
            options = {k: x for k, x in scatter.options.items() if k != "zero" or total is not None}
            after.append(operation(scatter_at, rows, options, scatter))
            if total is not None:
                after.append(operation(_add, (total, after[-1].outs[0]), {}, scatter))
            total = after[-1].outs[0]
        after[-1] = after[-1].with_(outs=[carry.last])
    return [loop.op(), *after]


def _sums(loop: Loop) -> list[ScatteredSum]:
    """The carries to which nothing is done but adding at computed places."""
    makers = {x: op for op in loop.ops for x in op.outs}
    return [ScatteredSum(c, [makers[x] for x in shares]) for c, shares in added_up(loop)
            if all(type(x) is Value and x in makers and _may_wait(makers[x]) for x in shares)]


def _may_wait(op: Op) -> bool:
    """Whether rows of what an operation scatters can be scattered as one array.

    In its index, '#0' stands for the first of its places, and so on. They have to come first, and nothing but
    `...` after them: then a row of places more, in front, means a row of what is scattered more, in front.
    """
    if op.prim is not scatter_at or any(type(x) is not Value for x in op.args):
        return False
    places, index = op.args[1:], op.options["index"]
    rest = [*itertools.dropwhile(lambda part: type(part) is str, index)]
    return all(part is Ellipsis for part in rest) and len({x.shape for x in places}) == 1
