"""Is a function the same when it is run again?

What is traced runs once, however often the program that it becomes will. So a function that changes
something beside its result, and reads it (a clock, a counter, an iterator, a random generator), would be
frozen as it was the first time. Each is run again, and has to be the same program.

    >>> from .trace import traced
    >>> clock = [0.0]
    >>> def f(x):
    ...     clock[0] += 0.25
    ...     return np.sin(x) * clock[0]
    >>> difference(traced(f, 1.0), traced(f, 1.0))[0]
    'the constant 0.25 became 0.5'
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..errors import SideEffectError, Spot, place_of
from ..watch import shown
from .program import Op, Program, Value, known

STEP = (
    "the step of a loop",
    "what a step changes beside its result is changed once, while it is compiled: keep a clock, a counter or "
    "a position in the carry, and draw random numbers before the loop, to go in as xs.")
FUNCTION = (
    "a function that is compiled",
    "what it changes beside its result is changed once, while it is compiled: pass a counter, a time, a "
    "random number as an argument.")


def difference(first: Program, again: Program) -> tuple[str, Spot | None] | None:
    """What the first difference between two programs is, and where; None if they are the same."""
    here: dict[Value, int] = {}
    there: dict[Value, int] = {}

    def number(xs: list[Value], ys: list[Value]) -> None:
        for x, y in zip(xs, ys, strict=False):
            here[x] = there[y] = len(here)

    number(first.inputs, again.inputs)
    for a, b in zip(first.ops, again.ops, strict=False):
        if a.name != b.name:
            return f"{a.name} became {b.name}", b.spot or a.spot
        for x, y in zip(a.bodies, b.bodies, strict=False):
            if found := difference(x, y):
                return found
        for x, y in zip(_operands(a), _operands(b), strict=False):
            if known(x, here) != known(y, there):
                return _change(a, x, y), b.spot
        if len(a.args) != len(b.args):
            return f"{a.name} has other operands", b.spot
        number(a.outs, b.outs)
    if len(first.ops) != len(again.ops):
        longer, what = (first, "was left out") if len(first.ops) > len(again.ops) else (again, "was added")
        op = longer.ops[min(len(first.ops), len(again.ops))]
        return f"{op.name} {what}", op.spot
    for x, y in zip(first.outputs, again.outputs, strict=False):
        if known(x, here) != known(y, there):
            return _change(None, x, y), None
    return None if len(first.outputs) == len(again.outputs) else ("it has other results", None)


def _operands(op: Op) -> list:
    return [*op.args, *(x for name, x in op.options.items() if type(x) is not Program and name != "serial")]


def _change(op: Op | None, x: Any, y: Any) -> str:
    if type(x) is Value or type(y) is Value or (op is not None and x.__class__ is not y.__class__):
        return f"{op.name if op else 'the result'} has other operands"
    x, y = _first_difference(x, y)
    memory = " (np.empty has what was in memory; write np.zeros)" if isinstance(x, np.ndarray) else ""
    return f"the constant {_text(x)} became {_text(y)}{memory}"


def _first_difference(x: Any, y: Any) -> tuple:
    """The parts of two tuples that differ, or both."""
    if isinstance(x, (tuple, list)) and len(x) == len(y):
        for a, b in zip(x, y, strict=True):
            if known(a) != known(b):
                return _first_difference(a, b)
    return x, y


def _text(x: Any) -> str:
    return shown(x) if isinstance(x, np.ndarray) else repr(x)


def run_again(who: tuple[str, str], run: Callable) -> Any:
    """The result of `run()`, which worked before."""
    try:
        return run()
    except SideEffectError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(": ")
        refuse(who, f"it raises {text}", getattr(error, "place", None), error)


def refuse(who: tuple[str, str], what: str, place: Any, cause: Exception | None = None) -> NoReturn:
    """Say what `who` does another time; `place` is a spot, a place, or None."""
    place = place_of(place) if isinstance(place, Spot) else place
    raise SideEffectError(f"{who[0]} is not the same when it is run again: {what}.", who[1], place) from cause
