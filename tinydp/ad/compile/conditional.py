"""`dp.cond` while a program is written down: both functions are traced, and become one `switch`."""

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
from .rejoin import as_kind
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
    kinds = [{x.kind if type(x) is Value else np.asarray(x).dtype.kind for x in pair} for pair in pairs]
    numbers = {k: "f" if "f" in found else "i" for k, found in enumerate(kinds) if len(found) > 1}
    return [_with_numbers(body, numbers) for body in programs]


def _with_numbers(body: Program, at: dict[int, str]) -> Program:
    """The program with numbers of these kinds at these places of its outputs."""
    ops, outputs = list(body.ops), list(body.outputs)

    def record(prim: Any, args: tuple) -> Value:
        like = Op(prim, args, {}, [])
        ops.append(operation(prim, args, {}, like))
        return ops[-1].outs[0]

    for k, kind in at.items():
        outputs[k] = as_kind(record, outputs[k], kind)
    return Program(body.inputs, ops, outputs)
