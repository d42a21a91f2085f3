"""Lowering `switch`: an `if`, whose sides set the same variables and fill the same buffers.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .record import Builder
    >>> from .switches import SWITCH
    >>> bodies = {}
    >>> for side, function in (("then", np.negative), ("otherwise", np.square)):
    ...     inside = Builder()
    ...     x = inside.input(np.ones(3))
    ...     bodies[side] = inside.program(inside.record(registered(function), (x,), {}))
    >>> builder = Builder()
    >>> x = builder.input(np.ones(3), "x")
    >>> (c,) = builder.record(registered(np.all), (x,), {})
    >>> program = builder.program(builder.record(SWITCH, (c, x), bodies))
    >>> print(text_of(lowered(program, "f").functions))
    def f(x):
        t = np.empty((3,))
        t_1 = True
        for i in range(3):
            t_1 = t_1 and x[i] != 0.0
        if t_1:
            for i in range(3):
                t[i] = -x[i]
        else:
            for i in range(3):
                t[i] = x[i] * x[i]
        return t
"""

from typing import Any

from .blocks import Block, special
from .emitter import as_condition, as_number
from .expressions import Local
from .program import Op, Program, Value
from .statements import If, Let
from .views import View


@special("switch")
def switch(block: Block, op: Op) -> None:
    """One of two blocks, whose results are in the same places."""
    to = block.to
    condition = as_condition(to.get(op.args[0]))
    results = [block.target(x, whole=True) if x.shape else to.local(x) for x in op.outs]
    sides = [_side(block, op, body, results) for body in (op.options["then"], op.options["otherwise"])]
    to.emit(If(condition, *sides))
    to.forget_line()
    for x, result in zip(op.outs, results, strict=True):
        if isinstance(result, View):
            to.bind(x, result)
        else:
            block.made(x, result)


def _side(block: Block, op: Op, body: Program, results: list) -> list:
    """The statements of one side."""
    to, statements = block.to, list[Any]()
    places: dict[Value, list] = {}
    renewed: dict[Value, tuple] = {}             # what is made where an operand is
    at = {id(block.hosts.parts.get(x)): inner for inner, x in zip(body.inputs, op.args[1:], strict=True)
          if type(x) is Value and x in block.hosts.parts}
    for x, result in zip(body.outputs, results, strict=True):
        if type(x) is Value and id(result) in at:
            renewed[x] = at[id(result)], result
        elif type(x) is Value and isinstance(result, View):
            places.setdefault(x, []).append(result)
    with to.within(statements):
        to.forget_line()
        for inner, outer in zip(body.inputs, op.args[1:], strict=True):
            to.bind(inner, to.get(outer))
        Block(to, body, places, renewed).write()
        numbers = list[tuple[Local, Any]]()
        for x, result in zip(body.outputs, results, strict=True):
            value = to.get(x)
            if not isinstance(result, View):
                numbers.append((result, as_number(value) if result.kind == "f" else value))
            elif value is not result and (
                    result.memory is None or getattr(value, "memory", None) != result.memory):
                to.copy(value, result)
        if numbers:
            to.emit(Let([x for x, _ in numbers], [value for _, value in numbers]))
    return statements
