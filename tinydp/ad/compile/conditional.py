"""`dp.cond` while a program is written down: both functions are traced, and become one `switch`.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> print(traced(lambda x: dp.cond(x > 0.0, np.sin, lambda x: x > -1.0, x), 1.0))
    given x: f
    t: b = greater(x, 0.0)
    t_4: f = switch(t, x)
        given x_1: f
        t_1: f = sin(x_1)
        return t_1
        given x_2: f
        t_2: b = greater(x_2, -1.0)
        t_3: f = where(t_2, 1.0, 0.0)
        return t_3
    return t_4

What the two return must be alike, since what comes after does not know which was run: so the condition that
the second one returns becomes a number.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import LoopError
from ..values import plain
from ..watch import tracer
from .program import Op, Program, Value, example_of, operation
from .proxy import Proxy
from .regions import Region, region, require
from .rejoin import number_of_kind, numbers_among
from .switches import SWITCH, united


def cond(pred: Any, f: Callable, g: Callable, args: tuple) -> Any:
    """`f(*args)` if `pred` is true, else `g(*args)`; if that is known now, no switch is needed."""
    pred = plain(pred)
    if not isinstance(pred, Proxy):
        return f(*args) if np.all(pred) else g(*args)
    condition: Any = pred
    if pred.shape or pred.kind != "b":
        condition = np.all(condition)
    # the sides have no inputs of their own: what they use of `args` is captured, as all else is
    sides = [region(lambda _, side=side: side(*args), [], [], 0, is_chosen=True) for side in (f, g)]
    bodies = _alike(*sides)
    captured, options = united((bodies[0], sides[0].captured), (bodies[1], sides[1].captured))
    results = SWITCH(condition, *map(tracer().arrays.kept, captured), **options)
    if any(side.flagged for side in sides):
        require(results.pop())
    return sides[0].unflatten(results)


def _alike(first: Region, second: Region) -> list[Program]:
    """The programs of two sides with outputs of the same kinds. Raises `LoopError` if shapes differ.

    If one has a flag, whether all is fine, as its last output, the other gets one.
    """
    programs = [first.body, second.body]
    if first.flagged or second.flagged:
        programs = [body if side.flagged else Program(body.inputs, body.ops, [*body.outputs, True])
                    for body, side in zip(programs, (first, second), strict=True)]
    forms = [tree.signature(side.unflatten([*range(len(body.outputs))])) for body, side in zip(
        programs, (first, second), strict=True)]
    shapes = [[np.shape(example_of(x)) for x in body.outputs] for body in programs]
    if forms[0] != forms[1] or shapes[0] != shapes[1]:
        what = f"{forms[0]} and {forms[1]}" if forms[0] != forms[1] else f"shapes {shapes[0]} and {shapes[1]}"
        raise LoopError(f"the two functions of cond return different structures: {what}.",
                        "return the same structure and the same shapes from both.")
    numbers = numbers_among([*zip(*(body.outputs for body in programs), strict=True)])
    return [_with_numbers(body, numbers) for body in programs]


def _with_numbers(body: Program, at: dict[int, str]) -> Program:
    """The program with numbers of these kinds at these places of its outputs."""
    ops, outputs = list(body.ops), list(body.outputs)

    def record(prim: Any, args: tuple) -> Value:
        like = Op(prim, args, {}, [])
        ops.append(operation(prim, args, {}, like))
        return ops[-1].outs[0]

    for k, kind in at.items():
        outputs[k] = number_of_kind(record, outputs[k], kind)
    return Program(body.inputs, ops, outputs)
