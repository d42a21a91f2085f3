"""Lowering `while_loop`: a loop whose rows are as many as it happens to make.

    >>> import numpy as np
    >>> from .lower import lowered
    >>> from .loops import WHILE, while_options
    >>> from .numba import text_of
    >>> from .record import Builder
    >>> from ..registry import registered
    >>> inside, builder = Builder(), Builder()
    >>> x = inside.input(0.0, "x")
    >>> (y,) = inside.record(registered(np.multiply), (x, 2.0), {})
    >>> (go,) = inside.record(registered(np.less), (y, 100.0), {})
    >>> start = builder.input(1.0, "start")
    >>> options = while_options(inside.program([y, go]), 1, 50)
    >>> last, go, count = builder.record(WHILE, (start, True), options)
    >>> print(text_of(lowered(builder.program([last, go]), "f").functions))
    def f(start):
        x = start
        go = True
        step = 0
        while True:
            if not go or step == 50:
                break
            t = x * 2.0
            t_1 = t < 100.0
            go_on = t_1
            x = t
            go, step = go_on, step + 1
        return x, go
"""

from typing import Any

from .blocks import Block, special
from .carried import Carried
from .expressions import Apply, Const, Local
from .lower_loops import StackBuffers, bind_captures, equal_, lower_body, not_, or_
from .parts import Loop
from .program import Op
from .statements import Forever, If, Leave, Let


@special("while_loop")
def while_loop(block: Block, op: Op) -> None:
    """A loop that goes on while a condition holds; the state and the condition are set once a round."""
    to, loop, most = block.to, Loop(op), op.options["max_steps"]
    carried = Carried(to, loop.carries)
    go, step = to.let(Local("go", "b"), to.get(loop.own_args[0])), to.let(Local("step", "i"), Const(0))
    rows = StackBuffers(block, loop, None)
    bind_captures(to, loop)
    rounds, over = list[Any](), not_(go)
    with to.within(rounds):
        to.emit(If(over if most is None else or_(over, equal_(step, Const(most))), [Leave()]))
        rows.make_room(step)
        lower_body(to, loop, rows, step)
        new = to.let(Local("go_on", "b"), to.get(loop.own_outputs[0]))
        carried.step()
        to.emit(Let([go, step], [new, Apply("add", (step, Const(1)), "i")]))
    to.emit(Forever(rounds))
    to.forget_line()
    for c, value in zip(loop.carries, carried.values, strict=True):
        to.bind(c.last, value)
    for x, value in zip(loop.own_outs, (go, step), strict=True):
        to.bind(x, value)
    rows.bind(step)
