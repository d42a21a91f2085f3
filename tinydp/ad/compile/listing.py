"""A program as a list that can be compared with another one: is a function the same when it is run again?

What is traced runs once, however often the program that it becomes will. So a function that changes
something beside its result, and reads it (a clock, a counter, an iterator, a random generator), would be
frozen as it was the first time. Each is traced again, and has to give the same program.

    >>> from .trace import Trace
    >>> trace, clock = Trace(), [0.0]
    >>> def step(x):
    ...     clock[0] += 0.25
    ...     return np.sin(x) * clock[0]
    >>> def listed():
    ...     trace = Trace()
    ...     x = trace.input(2.0, "x")
    ...     return listing([x], trace.calls, [step(x)])
    >>> difference(listed(), listed())[0]
    'the constant 0.25 became 0.5'
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..errors import SideEffectError, Spot, place_of
from ..watch import shown
from .trace import Sym


class Line(NamedTuple):
    """One operation, in a form that is equal for equal operations of two traces, and where it stands."""

    name: str
    operands: tuple
    spot: Spot | None


class Outside(NamedTuple):
    """A value of the program around."""

    key: int


class Constant(NamedTuple):
    """A number, an array or anything else that is fixed, by its content."""

    kind: str
    content: Any
    text: str


def listing(inputs: list, calls: list, results: list, form: Any = None,
            around: dict[int, int] | None = None, guards: Any = ()) -> list[Line]:
    """All operations from `inputs` to `results`, those inside of loops among them.

    `around` has the values that a step finds outside, by the ids of those that stand for them in it.
    """
    numbers: dict[int, Any] = {key: Outside(x) for key, x in (around or {}).items()}
    lines: list[Line] = []

    def number(xs: list) -> None:
        for x in xs:
            numbers[id(x)] = ("value", len(numbers))

    def known(x: Any) -> Any:
        if isinstance(x, Sym):
            return numbers.get(id(x), Outside(id(x)))
        if isinstance(x, (tuple, list)):
            return (type(x).__name__, *map(known, x))
        if isinstance(x, np.ndarray):
            return Constant(f"{x.shape}{x.dtype}", x.tobytes(), shown(x))
        return Constant(type(x).__name__, repr(x), repr(x))

    def write(call: Any) -> None:
        body = getattr(call, "body", None)
        if body is None:
            options = tuple((name, known(x)) for name, x in call.options.items())
            lines.append(Line(call.op.name, (*map(known, call.args), *options), call.spot))
        else:
            operands = call.inits, call.xs, call.extra, [outer for outer, _ in body.captures]
            settings = [getattr(call, name, None) for name in ("reverse", "max_steps")]
            lines.append(Line(call.name, tuple(known([*xs]) for xs in (*operands, settings)), call.spot))
            number([*body.inputs, *(inner for _, inner in body.captures)])
            for inner in body.calls:
                write(inner)
            lines.append(Line("the result of a step", tuple(map(known, body.outputs)), call.spot))
        number(call.outs)

    number(inputs)
    for call in calls:
        write(call)
    lines += [Line("a condition", (known(x), truth), None) for x, truth in guards]
    lines.append(Line("the result", (*map(known, results), repr(form)), None))
    return lines


def digest(lines: list[Line]) -> bytes:
    """A few bytes that are equal for equal listings."""
    content = hashlib.sha256()
    for name, operands, _ in lines:
        content.update(f"{name}{operands!r}\n".encode())
    return content.digest()


def difference(first: list[Line], again: list[Line], makers: dict | None = None) -> tuple | None:
    """What the first difference between two listings is, and where; None if there is none.

    `makers` has the calls that made the values outside, by the ids of these.
    """
    for a, b in zip(first, again, strict=False):
        if a.name != b.name:
            return f"{a.name} became {b.name}", b.spot or a.spot
        if a.operands != b.operands:
            return _change(a, b, makers or {})
    return None                                  # the last lines are the results, so the lengths are equal


def _change(a: Line, b: Line, makers: dict) -> tuple[str, Spot | None]:
    x, y = next((pair for pair in zip(_flat(a.operands), _flat(b.operands), strict=False)
                 if pair[0] != pair[1]), (None, None))
    if isinstance(x, Constant) and isinstance(y, Constant):
        return f"the constant {x.text} became {y.text}", b.spot
    if isinstance(x, Outside) and isinstance(y, Outside) and x.key in makers and y.key in makers:
        found = difference(listing([], [makers[x.key]], []), listing([], [makers[y.key]], []), makers)
        if found is not None:
            return found
    return f"{a.name} has other operands", b.spot


def _flat(x: Any) -> list:
    if type(x) is tuple:
        return [leaf for part in x for leaf in _flat(part)]
    return [x]


# ---------------------------------------------------------------------------- refusing

STEP = (
    "the step of a loop",
    "what a step changes beside its result is changed once, while it is compiled: keep a clock, a counter or "
    "a position in the carry, and draw random numbers before the loop, to go in as xs.")
FUNCTION = (
    "a function that is compiled",
    "what it changes beside its result is changed once, while it is compiled: pass a counter, a time, a "
    "random number as an argument.")


def require_equal(who: tuple[str, str], first: list[Line], again: list[Line],
                  makers: dict | None = None) -> None:
    """Raise `SideEffectError` unless the two programs are the same."""
    found = difference(first, again, makers)
    if found is not None:
        refuse(who, *found)


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
