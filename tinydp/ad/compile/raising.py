"""What may raise has to be done, even if nobody needs its result.

An optimised program has only what its results depend on. But where there is no element `x[i]`, or a matrix is
singular, Python raises, whoever needs the element or the solution; and a second derivative, for one, often
needs neither. So for each operation of the user's that may raise there is a condition `done`, which is always
true, and cannot be known before the operation is done. All of them are required, as other conditions are
that have to hold (`fine` in `record.py`): in a loop in each step, on the way on which the operation is done.
What the rule of a user's does, it does in the backward pass: there it is required, so an adjoint may have a
flag.

    >>> from .record import Builder
    >>> builder = Builder()
    >>> i = builder.input(1, "i")
    >>> (k,) = builder.record(in_range, (i,), {"n": 2})
    >>> require_done(builder, k)
    >>> print(builder.program(builder.fine))
    given i: i
    t: i = in_range(i, n=2)
    t_1: b = done(t)
    return t_1
"""

import functools
from typing import Any

import numpy as np

from ..registry import registered
from ..rules.gathers import Discrete, in_range
from ..values import Abstract
from .program import Value
from .record import Builder

# The decompositions that always exist are not among them: they raise for what is not finite, which is seen.
MAY_RAISE = frozenset((
    in_range.name, "to_integer", "nonzero", "solve", "inv", "cholesky", "solve_triangular", "event"))


def _done(x: Any) -> Any:
    return np.ones(np.shape(x), bool)[()]


done = Discrete(_done, "done")
done.elementwise = True
_all = registered(np.all)


def require_done(builder: Builder, x: Value) -> None:
    """Let a program do the operation that makes a value, in any case."""
    (condition,) = builder.record(done, (x,), {})
    if condition.shape:
        (condition,) = builder.record(_all, (condition,), {})
    builder.require(condition)


# ---------------------------------------------------------------------------- flags

_and = registered(np.logical_and)


def all_of(builder: Builder, conditions: list) -> Any:
    """Whether all of these are true."""
    both = lambda a, b: builder.record(_and, (a, b), {})[0]
    return functools.reduce(both, conditions) if conditions else True


def flagged(builder: Builder, outputs: list) -> list:
    """The outputs of a program; and, if it requires anything, a last one that says whether that holds."""
    return [*outputs, all_of(builder, builder.fine)] if builder.fine else outputs


def required(builder: Builder, made: list, n: int) -> list:
    """The first n results of such a program; what it requires is required here."""
    for flag in made[n:]:
        if isinstance(flag, Abstract):
            flag.builder.require(flag.value)     # type: ignore[attr-defined]
        elif type(flag) is Value:
            builder.require(flag)
    return made[:n]
