"""Functions that are made of others, kept whole for as long as a program may be differentiated.

    >>> from .trace import traced
    >>> program = traced(np.sinc, 0.5)
    >>> print(program)
    given x: f
    t: f = sinc(x)
    return t
    >>> print(apart(program))
    given x: f
    t: b = equal(x, 0.0)
    t_1: f = where(t, 1e-20, x)
    t_2: f = multiply(3.141592653589793, t_1)
    t_3: f = sin(t_2)
    t_4: f = divide(t_3, t_2)
    return t_4

The derivative of what such a function is made of is not that of the function where it bends or has a gap: at
x = 0, the sinc that is written here has none.
"""

from typing import Any

import numpy as np

from .adjoint import value_of
from .expansions import expanded
from .program import Op, Program, Value
from .proxy import KEPT_WHOLE, Proxy
from .record import Builder
from .trace import Trace


def apart(program: Program) -> Program:
    """The program with what such functions are made of in their place, in its loops as well."""
    if not any(map(_changes, program.ops)):
        return program
    builder, trace = Builder(), Trace()
    values: dict[Any, Any] = {}
    for x in program.inputs:
        values[x] = builder.adopt(x.again(values.get(x.of)))
    with trace.writing(builder), np.errstate(all="ignore"):
        for op in program.ops:
            with trace.at(op.spot, op.back):
                _take_apart(builder, op, values)
    return builder.program([values[x] if type(x) is Value else x for x in program.outputs])


def _changes(op: Op) -> bool:
    return op.name in KEPT_WHOLE or any(_changes(inner) for body in op.bodies for inner in body.ops)


def _take_apart(builder: Builder, op: Op, values: dict) -> None:
    if op.name not in KEPT_WHOLE:
        builder.again(op.within(apart), values)
        return
    args = [Proxy(builder, values[x]) if type(x) is Value else x for x in op.args]
    others = expanded(op.name, tuple(args), op.options)
    assert others is not None
    values[op.outs[0]] = value_of(others(*args, **op.options))
