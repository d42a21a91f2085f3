"""What the decisions on a way say of later ones: `x > 1` was true, so `x - 2 < -1` is false.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .record import Builder
    >>> builder = Builder()
    >>> x = builder.input(0.5, "x")
    >>> (above,) = builder.record(registered(np.greater), (x, 1.0), {})
    >>> (y,) = builder.record(registered(np.subtract), (x, 2.0), {})
    >>> (below,) = builder.record(registered(np.less), (y, -1.0), {})
    >>> bounds = Bounds(builder)
    >>> bounds.answer(below) is None
    True
    >>> bounds.note(above, True)
    >>> bounds.answer(below)
    False

Rounding keeps the order of numbers, so the bounds of a sum are the rounded sums of the bounds. They may be
wider than need be (after `x > 1`, x may still be 1): then there is no answer, and both ways are gone. A nan
is in no order: where one is possible, a comparison may be false though the bounds say that it is true.
"""

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from .program import Op, Value
from .record import Builder

_TURNED = {"less": "greater", "greater": "less", "less_equal": "greater_equal", "greater_equal": "less_equal"}
_NOT = {"less": "greater_equal", "greater": "less_equal", "less_equal": "greater", "greater_equal": "less"}
_STEPS = 8                                       # operations before a value that its bounds are found from


class Range(NamedTuple):
    """The numbers that a value may be."""

    low: float = -math.inf
    high: float = math.inf
    may_be_nan: bool = True

    def within(self, other: "Range") -> "Range":
        """What both say: a nan has to be possible by both."""
        return Range(max(self.low, other.low), min(self.high, other.high),
                     self.may_be_nan and other.may_be_nan)


class Bounds:
    """The bounds of values on one way through a step."""

    def __init__(self, builder: Builder):
        self.builder = builder
        self.known: dict[Value, Range] = {}

    def note(self, condition: Value, truth: bool) -> None:
        """From now on this condition is known. If it is not true, the opposite is, or there is a nan."""
        found = self.said(condition, truth)
        if found is not None:
            x, said = found
            self.known[x] = self.range(x).within(said)

    def said(self, condition: Any, truth: bool) -> tuple[Value, Range] | None:
        """What such an answer says of a value."""
        found = self.comparison(condition)
        if found is None:
            return None
        x, name, bound = found
        name = name if truth else _NOT[name]
        low, high = (-math.inf, bound) if name.startswith("less") else (bound, math.inf)
        return x, Range(low, high, not truth)

    def answer(self, condition: Any, steps: int = _STEPS) -> bool | None:
        """Whether the condition is true, if that is known."""
        found = self.comparison(condition)
        if found is None:
            return None
        x, name, bound = found
        low, high, may_be_nan = self.range(x, steps)
        compare = getattr(operator, {"less": "lt", "less_equal": "le", "greater": "gt",
                                     "greater_equal": "ge"}[name])
        answers = {compare(low, bound), compare(high, bound)}
        if len(answers) > 1 or (True in answers and may_be_nan):
            return None
        return answers.pop()

    def comparison(self, condition: Any) -> tuple[Value, str, float] | None:
        """A value, the name of a comparison, and the constant that it is compared with."""
        op = self.builder.maker.get(condition) if type(condition) is Value else None
        if op is None or op.name not in _TURNED:
            return None
        (a, b), name = op.args, op.name
        if type(a) is not Value:
            a, b, name = b, a, _TURNED[name]
        return (a, name, float(b)) if type(a) is Value and a.kind == "f" and type(b) in (int, float) else None

    def range(self, x: Any, steps: int = _STEPS) -> Range:
        """The bounds of a value, or a constant."""
        if type(x) is not Value:
            return Range(float(x), float(x), math.isnan(x))
        op = self.builder.maker.get(x)
        found = Range() if op is None or not steps else self.made(op, steps - 1)
        return found.within(self.known[x]) if x in self.known else found

    def made(self, op: Op, steps: int) -> Range:
        """The bounds of what an operation makes of a value and a constant; of a choice, those of both."""
        if op.name == "where" and not op.outs[0].shape:
            return self.chosen(op, steps // 2)      # since it asks for several
        if op.name == "remainder" and type(op.args[1]) in (int, float):
            return Range(min(op.args[1], 0.0), max(op.args[1], 0.0))
        numbers = [x for x in op.args if type(x) in (int, float) and math.isfinite(x)]
        if op.name not in _MONOTONE or len(numbers) + 1 != len(op.args) or op.operands[0].shape:
            return Range()                       # of what else is made of finite numbers, nothing is known
        ranges = [self.range(x, steps) for x in op.args]
        ends = [_MONOTONE[op.name](*corner) for corner in itertools.product(*(r[:2] for r in ranges))]
        if any(map(math.isnan, ends)):
            return Range()
        return Range(min(ends), max(ends), any(r.may_be_nan for r in ranges))

    def chosen(self, op: Op, steps: int) -> Range:
        """The bounds of what `min` and `max` make, say: of each side, as the condition has it there."""
        condition, *sides = op.args
        known = self.answer(condition, steps)
        ranges = []
        for truth, x in zip((True, False), sides, strict=True):
            said = self.said(condition, truth)
            found = self.range(x, steps)
            if known is None or known is truth:
                ranges.append(found.within(said[1]) if said is not None and said[0] is x else found)
        return Range(min(r.low for r in ranges), max(r.high for r in ranges),
                     any(r.may_be_nan for r in ranges))


# which rise or fall with the value all the way: so the ends of its range become the ends of theirs
_MONOTONE: dict[str, Callable[..., float]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "negative": operator.neg,
    "minimum": min, "maximum": max, "clip": lambda x, low, high: min(max(x, low), high)}
