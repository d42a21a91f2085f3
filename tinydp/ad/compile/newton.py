"""The program that looks for a root: what is put in its place once a program is differentiated no more.

It is the `newton` of `implicit.py`, run on values that are not known yet, so what it does is the same. The
Jacobian is a loop over rows of the adjoint of the equation.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> program = traced(lambda a: dp.root(lambda x: x * x - a, 1.0), 2.0)
    >>> from .program import interpret
    >>> found = newton_program(program.ops[0].options)
    >>> [op.name for op in found.ops]
    ['while_loop']
    >>> interpret(found, np.array([1.0]), 2.0)[0]
    array([1.41421356])
"""

import functools
from typing import Any

import numpy as np

from .. import implicit
from ..loops import scan
from .adjoint import adjoint, value_of
from .program import Program, Value
from .proxy import Proxy
from .raising import required
from .record import Builder, innermost
from .regions import require
from .trace import Trace


def newton_program(options: dict) -> Program:
    """The program that looks for such a root, by Newton's method."""
    body, builder = options["body"], Builder()
    key = "newton", options["max_steps"], options["tolerance"], options["minimum"]
    if key not in body.adjoints:
        with Trace().apart(builder), np.errstate(all="ignore"):
            x, *captured = [Proxy(builder, builder.adopt(x.again(None))) for x in body.inputs]
            found = _newton(body, x, captured, options)
            body.adjoints[key] = builder.program([*map(value_of, found)])
    return body.adjoints[key]


def _newton(body: Program, x: Any, captured: list, options: dict) -> tuple:
    kind = implicit.A_MINIMUM if options["minimum"] else implicit.A_ROOT
    back = adjoint(body, [0], [0])

    def residual(x: Any) -> list:
        results = applied(body, [x, *captured])
        for flag in results[1 + options["minimum"]:]:
            require(flag)
        return results

    def row(x: Any, unit: Any) -> Any:
        return required(innermost(), applied(back, [x, *captured, unit]), 1)[0]

    def jacobian(x: Any) -> Any:
        if len(x) == 1:
            return np.stack([row(x, np.ones(1))])
        return scan(lambda carry, unit: (carry, row(x, unit)), (), np.eye(len(x)))[1]

    x, converged = implicit.newton(kind, residual, jacobian, x, options["max_steps"], options["tolerance"])
    builder = innermost()
    return x, functools.reduce(np.logical_and, [converged, *(Proxy(builder, flag) for flag in builder.fine)])


def applied(program: Program, args: list) -> list:
    """What a program makes of these values, written down where we are."""
    builder = innermost()
    outputs = builder.emit(program, [builder.lift(x.value) if isinstance(x, Proxy) else x for x in args])
    return [Proxy(builder, builder.lift(x)) if type(x) is Value else x for x in outputs]
