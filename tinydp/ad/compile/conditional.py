"""`dp.cond` while a program is written down: both functions are traced, and become one `switch`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import LoopError
from ..primitives import registered
from ..values import plain
from ..watch import tracer
from .program import Op, Program, Value, example_of
from .proxy import Proxy
from .regions import Region, is_condition_value, region, require
from .switches import SWITCH, united


def cond(pred: Any, f: Callable, g: Callable, args: tuple) -> Any:
    """The result of one of them."""
    pred = plain(pred)
    if not isinstance(pred, Proxy):
        return f(*args) if np.all(pred) else g(*args)
    condition: Any = pred
    if pred.shape or pred.kind != "b":
        condition = np.all(condition)
    sides = [region(lambda _, side=side: side(*args), [], [], 0, is_chosen=True) for side in (f, g)]
    bodies = _alike(*sides)
    captured, options = united((bodies[0], sides[0].captured), (bodies[1], sides[1].captured))
    results = SWITCH(condition, *map(tracer().arrays.kept, captured), **options)
    if any(side.flagged for side in sides):
        require(results.pop())
    return sides[0].unflatten(results)


def _alike(first: Region, second: Region) -> list[Program]:
    """The programs of two sides with outputs of the same kinds; Raises `LoopError` if shapes differ."""
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
    pairs = [*zip(*(body.outputs for body in programs), strict=True)]
    numbers = [k for k, (x, y) in enumerate(pairs) if is_condition_value(x) != is_condition_value(y)]
    return [_with_numbers(body, numbers) for body in programs]


def _with_numbers(body: Program, at: list[int]) -> Program:
    """The program with 0 or 1 for conditions among these outputs."""
    ops, outputs = list(body.ops), list(body.outputs)
    for k in at:
        if type(outputs[k]) is not Value:
            outputs[k] = float(outputs[k]) if np.ndim(outputs[k]) == 0 else np.where(outputs[k], 1.0, 0.0)
        elif outputs[k].kind == "b":
            ops.append(Op(registered(np.where), (outputs[k], 1.0, 0.0), {}, [
                Value(np.where(outputs[k].example, 1.0, 0.0))]))
            outputs[k] = ops[-1].outs[0]
    return Program(body.inputs, ops, outputs)
