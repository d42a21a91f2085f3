"""`while_loop`: a loop that goes on for as long as a condition holds, as one node of the tape.

Python's own `while` is recorded step by step, and that is right as well. This one says what the loop is, so
that `compile` can keep it a loop of who knows how many steps, and go back over those that were made.

How many of Newton's steps does a square root take from 1, and how does the result depend on the number?

    >>> from tinydp import grad
    >>> def root(x):
    ...     far = lambda state: abs(state[0] ** 2 - x) > 1e-12
    ...     closer = lambda state: (0.5 * (state[0] + x / state[0]), state[1] + 1)
    ...     return while_loop(far, closer, (1.0, 0), max_steps=50)
    >>> y, count = root(2.0)
    >>> print(f"{y:.6f} after {count} steps, {grad(lambda x: root(x)[0])(2.0):.6f}")
    1.414214 after 5 steps, 0.353553
"""

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from . import tree
from .advice.naming import Advice
from .advice.returns import returned_by
from .carry import in_form_of, require_numbers
from .drafts import settled
from .errors import LoopError, LoopNotEnded
from .loops import LoopOperation, RepeatedLoop, _as_one_node, _require_time, require_known
from .steps import noter
from .tape import Var
from .tracebacks import called_by_the_user
from .twins import twin
from .values import abstract, own, plain, shape
from .watch import live_tapes, time_limit, tracer

WHILE_ON_TAPE, REPEATED_WHILE = LoopOperation("while_loop"), RepeatedLoop("while_loop")


@called_by_the_user
def while_loop(cond: Callable, body: Callable, state: Any, max_steps: int | None = None,
               segment: int | None = None) -> Any:
    """Run `state = body(state)` while `cond(state)` holds; returns the last state.

    `state` is a number, an array, or a nested structure of them, and keeps its structure and shapes;
    `cond(state)` is one condition (or a number, which counts as true unless it is zero). Both may use traced
    values from their surroundings. The derivative is that of the steps that were made: their number is
    constant where it does not jump, and so it has none.

    `max_steps` is the most steps that may be needed. Without it, a loop whose condition holds forever never
    ends; what is compiled cannot even be interrupted.

    The states are kept for the backward pass. With `segment`, only every `segment`-th is, and the steps
    between are computed again: about the square root of the number of steps needs least memory.

    Raises `LoopNotEnded`, which has the last state as `.state`, if `cond` still holds after `max_steps`
    steps; `LoopError` if the state changes its structure or a shape, or `cond` returns anything else.

        >>> while_loop(lambda n: n > 1, lambda n: n // 2, 100)
        1
        >>> while_loop(lambda s: s[1] < 3, lambda s: (s[0] * 2.0, s[1] + 1), (np.ones(2), 0))
        (array([8., 8.]), 3)
    """
    require_known(max_steps=max_steps, segment=segment)
    cond, body, state = twin(cond), twin(body), tree.settled_leaves(state)
    _require_number("max_steps", max_steps, 0)
    _require_number("segment", segment, 1)
    require_numbers(state)
    compiling = tracer()
    if compiling is not None:
        return compiling.while_loop(cond, body, state, max_steps, segment)
    if segment is None or not live_tapes():
        def whole() -> tuple[Any, bool]:
            return _run(cond, body, state, holds(cond(state), cond), 0, max_steps)[:2]

        state, go = _as_one_node(WHILE_ON_TAPE, whole, state)
    else:
        state, go = _run_in_segments(cond, body, state, max_steps, int(segment))
    if go:
        assert max_steps is not None
        raise LoopNotEnded.after(int(max_steps), state)
    return state


def _require_number(name: str, x: int | None, least: int) -> None:
    if x is not None and (x != int(x) or x < least):
        raise LoopError(f"{name}={x!r} is not a number of steps.", f"pass an integer of {least} or more.")


def _run(cond: Callable, body: Callable, state: Any, go: bool, k: int, stop: int | None
         ) -> tuple[Any, bool, int]:
    """The steps from the `k`-th to that at which to `stop`: the state, whether to go on, and where."""
    first, end, note = state, time_limit.get(), noter()
    while go and k != stop:
        if end is not None:
            _require_time(end)
        if note is not None:
            note(f"step {k}")
        state = in_form_of(first, body(tree.copied(state)), k)       # it may change what it is given
        go, k = holds(cond(state), cond), k + 1
    return state, go, k


def _run_in_segments(cond: Callable, body: Callable, state: Any, max_steps: int | None, segment: int
                     ) -> tuple[Any, bool]:
    """The steps, so many at a time as one node each; its runs see the state as it was given."""
    go, k = holds(cond(state), cond), 0
    while go and k != max_steps:
        stop = k + segment if max_steps is None else min(k + segment, max_steps)
        given = tree.map(own, state)

        def run(given: Any = given, k: int = k, stop: int = stop) -> tuple[Any, bool, int]:
            return _run(cond, body, tree.map(own, given), True, k, stop)

        state, go, k = _as_one_node(REPEATED_WHILE, run, given)
    return state, go


def holds(x: Any, cond: Any = None) -> bool:
    """Whether a condition that `cond` returned holds."""
    return bool(plain(one_condition(x, cond)))


def one_condition(x: Any, cond: Any = None) -> Any:
    """What `cond` returned, if it is one condition; a number holds unless it is zero."""
    x = settled(x)
    if shape(x) != ():
        raise LoopError(f"cond returned an array of shape {shape(x)}.",
                        Advice("return one condition, such as {} or {}.",
                               *(f"np.{f}({returned_by(cond)[1] or 'x > 0.0'})" for f in ("any", "all"))))
    if not (abstract(x) or type(x) is Var or isinstance(x, (bool, np.bool_, numbers.Real, np.ndarray))):
        raise LoopError(f"cond returned {tree.describe(x)}.", "return one condition, such as x > 0.0.")
    return x
