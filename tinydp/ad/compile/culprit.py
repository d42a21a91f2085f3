"""The first operation of a compiled program that has not the result which NumPy gives it.

The program is written once more, so that it returns what each of its operations gave. Each is then
compared with NumPy's result for the same operands. A loop is run by NumPy as a whole; if the compiled one
differs, the operations of its first steps are looked at in the same way.
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import Spot
from ..watch import shown
from . import build
from .loops import LoopCall, ScanCall
from .source import write_function
from .trace import Program, Sym, line_of
from .verify import ROUNDING, Run

STEPS = 20                               # of a loop, in which each operation is looked at


class Culprit(NamedTuple):
    """An operation with a wrong result, in words, and the user's line."""

    text: str
    spot: Spot


def first_wrong(run: Run) -> Culprit | None:
    """The first operation of the program that was run with a wrong result, if one of them is to blame."""
    made = build.traced(run.compiled, run.call, run.values, run.active)
    return _wrong(made.trace.inputs, [*run.values, *run.seeds], made.trace.calls)


def _wrong(inputs: list, given: list, calls: list) -> Culprit | None:
    known = dict(zip(map(id, inputs), given, strict=True))
    outs = [x for call in calls for x in call.outs]
    known |= zip(map(id, outs), _returned(inputs, given, calls, outs), strict=True)
    for call in calls:
        right, steps = _by_numpy(call, known)
        wrong = next(((known[id(x)], true) for x, true in zip(call.outs, right, strict=False)
                      if not _near(known[id(x)], true)), None)
        if wrong is not None:
            inside = (_wrong([*steps.inputs], given, call.body.calls) for given in steps.given)
            return next((x for x in inside if x is not None), None) or _described(call, known, *wrong)
    return None


def _described(call: Any, known: dict, found: Any, right: Any) -> Culprit:
    is_loop = isinstance(call, LoopCall)
    operands = "" if is_loop else f" of {', '.join(shown(_value(x, known)) for x in call.args)}"
    back = "on the way back " if getattr(call, "back", False) or getattr(call, "reverse", False) else ""
    name = call.name if is_loop else call.op.name
    text = f"the first that differs is {name}, {back}from {':'.join(map(str, line_of(call.spot)[:2]))}"
    return Culprit(f"{text}: {shown(found)}{operands}, by NumPy {shown(right)}.", call.spot)


class Steps(NamedTuple):
    """The inputs of the body of a loop, and what they are in its first steps."""

    inputs: list
    given: list


def _by_numpy(call: Any, known: dict) -> tuple[list, Steps]:
    """What NumPy gives for an operation; of a loop up to an event, nothing is known."""
    if isinstance(call, ScanCall):
        return _scanned(call, known)
    if isinstance(call, LoopCall):
        return [], Steps([], [])
    with np.errstate(all="ignore"):
        return [call.op.fn(*(_value(x, known) for x in call.args), **call.options)], Steps([], [])


def _returned(inputs: list, given: list, calls: list, outs: list) -> list:
    """What the compiled operations give, all of them."""
    program = Program(inputs, [], calls, outs)
    names = [f"x_{k}" for k in range(len(inputs))]
    source = write_function("all_of_it", "All that the operations of a program give.", program, names, [])
    run, _ = build.load("all_of_it", source.text)
    return list(run(*given, *source.constants)[: len(outs)])


def _value(x: Any, known: dict) -> Any:
    return known[id(x)] if isinstance(x, Sym) else x


def _scanned(call: ScanCall, known: dict) -> tuple[list, Steps]:
    """The results of a loop, by NumPy, and its first steps."""
    carry, xs = [_value(x, known) for x in call.inits], [_value(x, known) for x in call.xs]
    captured = [(inner, _value(outer, known)) for outer, inner in call.body.captures]
    inputs = [*call.body.inputs, *(inner for inner, _ in captured)]
    steps = range(int(_value(call.length, known)))
    rows: dict[int, list] = {}
    first: list = []
    n = len(carry)
    for step in reversed(steps) if call.reverse else steps:
        given = [*carry, *(x[step] for x in xs), *(x for _, x in captured)]
        if len(first) < STEPS:
            first.append([_whole(x) for x in given])
        local = dict(zip(map(id, inputs), given, strict=True))
        for inner in call.body.calls:
            local |= zip(map(id, inner.outs), _by_numpy(inner, local)[0], strict=True)
        results = [_value(x, local) for x in call.body.outputs]
        carry, rows[step] = results[:n], results[n:]
    stacks = [np.stack([rows[k][j] for k in steps]) for j in range(len(call.y_outs))]
    return [*carry, *stacks], Steps(inputs, first)


def _whole(x: Any) -> Any:
    """A row as a compiled function takes it."""
    return np.array(x) if np.ndim(x) else x if isinstance(x, (bool, np.bool_)) else float(x)


def _near(a: Any, b: Any) -> bool:
    """Whether they differ by rounding alone; of one operation, or of a loop that adds it up."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        return False
    size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
    return bool(np.allclose(a, b, rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING * size, equal_nan=True))
