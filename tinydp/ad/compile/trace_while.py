"""`dp.while_loop` while a program is written down.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> def halved(x):
    ...     return dp.while_loop(lambda y: abs(y) > 1.0, lambda y: 0.5 * y, x)
    >>> print(traced(halved, 2.0))
    given x: f
    t: f = absolute(x)
    t_1: b = greater(t, 1.0)
    t_5: f, t_6: b, t_7: i = while_loop(x, t_1, states=1, max_steps=None)
        given state: f
        t_2: f = multiply(0.5, state)
        t_3: f = absolute(t_2)
        t_4: b = greater(t_3, 1.0)
        return t_2, t_4
    return t_5

`segment=` is a loop in a loop: each round of the outer one makes at most so many steps, keeps nothing but the
state before them, and says whether to go on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..carry import in_form_of
from ..errors import LoopNotEnded
from ..registry import registered
from ..values import is_condition, plain
from ..watch import tracer
from ..whiles import one_condition
from .kinds import constant, example
from .loops import WHILE, while_options
from .program import Program
from .record import Builder
from .regions import require, settled_region, with_flag
from .trace import _as_number, _kept, _label


def while_loop(cond: Callable, body: Callable, state: Any, max_steps: int | None, segment: int | None) -> Any:
    """`dp.while_loop`, as one operation; or as few, in segments."""
    def step(state: Any) -> tuple[Any, Any]:
        after = in_form_of(state, body(tree.copied(state)), 0)
        return after, _condition(cond(after))

    def steps(state: Any, go: Any, most: int | None, again: bool = False) -> tuple[Any, Any]:
        return _while(step, state, go, most, again)

    go, rest = _condition(cond(state)), max_steps
    if go is False:
        return state
    if go is True and max_steps == 0:
        raise LoopNotEnded.after(0, tree.map(lambda x: example(plain(x)), state))
    if segment is not None and (max_steps is None or segment < max_steps):
        whole, rest = (None, 0) if max_steps is None else divmod(max_steps, segment)
        state, go = _while(lambda state: steps(state, True, segment), state, go, whole, again=True)
    if rest != 0:
        state, go = steps(state, go, rest)
    if max_steps is not None:
        require(np.logical_not(go))
    return state


def _condition(x: Any) -> Any:
    """What `cond` returned as a condition: a number counts as true unless it is zero."""
    x = constant(plain(one_condition(x)))
    return x if is_condition(x) else _condition(np.not_equal(x, 0.0))


def _while(step: Callable, state: Any, go: Any, most: int | None, again: bool) -> tuple[Any, Any]:
    """The loop of a `step` from a state to the next one, and whether to go on; and whether it would go on."""
    leaves, state_of = tree.flatten(state)
    n, inits = len(leaves), [*map(_as_number, leaves)]
    tracer().arrays.see(inits)
    labels = [_label(path, "state") for path, _ in tree.leaves(state)]
    found = settled_region(lambda given: step(state_of(given)), inits, [], labels, once=most == 1)
    body, flags = with_flag(found, n)
    body = _while_fine(body, n) if flags else body
    results = WHILE(*map(_kept, inits), *flags, _kept(go), *found.captured,
                    **while_options(body, n + len(flags), most, again))
    for _ in flags:
        require(results.pop(n))
    return state_of(results[:n]), results[n]


def _while_fine(body: Program, n: int) -> Program:
    """The body that goes on only while all is fine: a state that is none may never end."""
    builder = Builder.going_on(body)
    (go,) = builder.record(registered(np.logical_and), (body.outputs[n], body.outputs[n + 1]), {})
    return Program(body.inputs, builder.ops, [*body.outputs[:n + 1], go, *body.outputs[n + 2:]])
