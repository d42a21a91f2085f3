"""Two loops that do the same and return different things are one.

A function that is called, and differentiated as well, runs the same loop twice, once with the rows that the
backward pass reads. And the step of a backward pass does a loop in it again, of which the step has one
already: the two differ by rows.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> builder = Builder()
    >>> results = []
    >>> for with_rows in (False, True):
    ...     step = Builder()
    ...     x = step.input(0.0, "x")
    ...     (y,) = step.record(registered(np.sin), (x,), {})
    ...     body = step.program([y, x] if with_rows else [y])
    ...     results += builder.record(SCAN, (1.0,), scan_options(body, 1, 0, 3))
    >>> print(merged(builder.program(results)))
    given
    t_1: f, t_2: f(3,) = scan(1.0, carries=1, rows=0, length=3)
        given x: f
        t: f = sin(x)
        return t, x
    return t_1, t_1, t_2
"""

from typing import Any

from .loops import SCAN, WHILE
from .parts import Loop, Stack
from .program import Op, Program, Value, known, like, replaced
from .record import Builder


def merged(program: Program) -> Program:
    """The program in which loops that do the same are one. (Events are left as they are.)

    Each loop is compared with those before it. Where two became one, the places of both are empty but for
    that of the new one, and all operations so far are told what stands for the results that went.
    """
    ops: list[Op | None] = []
    places: dict[Value, int] = {}                # where the operation is that makes a value
    now: dict[Value, Any] = {}                   # what stands for results that are gone

    for k, op in enumerate(program.ops):
        ops.append(op.given(now))
        places.update(dict.fromkeys(op.outs, k))
        if op.prim not in (SCAN, WHILE):
            continue
        for i in range(k):
            found = _merged(ops, i, k, places)
            if found:
                one, at, same = found
                ops[i] = ops[k] = None
                ops[at] = one
                places.update(dict.fromkeys(one.outs, at))
                now |= {x: replaced(y, now) for x, y in same.items()}
                now |= {x: replaced(y, now) for x, y in now.items()}     # what stood for one that went now
                ops = [x if x is None else x.given(now) for x in ops]
                break
    kept = [op.within(merged) for op in ops if op is not None]
    return Program(program.inputs, kept, [replaced(x, now) for x in program.outputs])


def _merged(ops: list[Op | None], i: int, k: int, places: dict) -> tuple[Op, int, dict] | None:
    """The one loop for those at `i` and `k`, where it belongs, and what of it stands for the other's results.

    The first one may make what the second makes, and stays where it is: all that it reads is there. Or the
    second makes what the first makes (it reads more, such as cotangents). Then it is to stand where the first
    stood, if what it reads is there already, or stay, if nobody in between needs what the first made.
    """
    first, second = ops[i], ops[k]
    if first is None or second is None or not _are_alike(first, second):
        return None
    if same := _made_by(one := Loop(first), Loop(second)):
        return one.op(), i, same
    if same := _made_by(one := Loop(second), Loop(first)):
        if all(places.get(x, -1) < i for x in second.operands):
            return one.op(), i, same
        between = {x for op in ops[i + 1: k + 1] if op is not None for x in op.operands}
        if between.isdisjoint(first.outs):
            return one.op(), k, same
    return None


def _are_alike(first: Op, second: Op) -> bool:
    """Whether two loops are of one kind, of as many steps in the same direction."""
    return first.prim is second.prim and all(
        first.options[name] == second.options[name] for name in first.options if name not in _PARTS)


_PARTS = ("body", "carries", "rows", "states")


def _made_by(one: Loop, two: Loop) -> dict[Value, Value]:
    """Let a loop make what another one makes, if it does at least half of that anyway.

    Returns which results of it are those of the other; nothing if it was left as it is. What the other reads,
    the one has to read as well. What the other does in a step is written down once more at the end of the
    one's body, where the builder finds what is there already. Then what both carry must have become the same.
    """
    if [*map(known, one.own_args)] != [*map(known, two.own_args)]:
        return {}
    same = _same_inputs(one, two)
    if len(same) < len(two.inputs) + len(two.captures):
        return {}
    inside = Builder.going_on(one.body)
    before = len(inside.ops)
    for op in two.ops:
        inside.again(op, same)
    new = len(inside.ops) - before
    outputs = {c.input: c.output for c in one.carries}
    pairs = [(c.output, outputs[same[c.input]]) for c in two.carries]
    pairs += zip(two.own_outputs, one.own_outputs, strict=True)
    if 2 * new > len(two.ops) or not all(known(replaced(x, same)) == known(y) for x, y in pairs):
        return {}
    one.ops = inside.ops
    lasts = {c.input: c.last for c in one.carries}
    results = {c.last: lasts[same[c.input]] for c in two.carries}
    results |= zip(two.own_outs, one.own_outs, strict=True)
    stacks = {s.output: s.stack for s in one.stacks if type(s.output) is Value}
    for s in two.stacks:
        row = replaced(s.output, same)
        if type(row) is Value and row in stacks:
            results[s.stack] = stacks[row]
        else:
            one.stacks.append(Stack(row, s.stack))
            results[s.stack] = s.stack
    return results


def _same_inputs(one: Loop, two: Loop) -> dict[Value, Value]:
    """Which inputs of the one are those of the other, as far as they are: of the same operands.

    Of several carries with the same start any is taken. If it is the wrong one, they go on differently, and
    nothing is merged.
    """
    around = {known(outer): inner for outer, inner in (*one.rows, *one.captures)}
    same = {inner: around[known(outer)] for outer, inner in (*two.rows, *two.captures)
            if known(outer) in around}
    left = list(one.carries)
    for c in two.carries:
        fits = [d for d in left if known(d.init) == known(c.init) and like(c.input) == like(d.input)]
        if fits:
            left = [d for d in left if d is not fits[0]]
            same[c.input] = fits[0].input
    return same
