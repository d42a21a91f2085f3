"""What a backward pass needs of the forward pass: which values are stored, and which are computed again.

The adjoint of a loop reads the carry before each step, a row a step, and computes from it all that the step
computed. This pass takes such a pair of loops, the first that wrote rows and a later one that reads them as
it runs over the same steps. Whatever the later one computes from nothing but what the first had is matched
with the operations of the first. What is dear and was computed there is stored there, a row a step, and read.
What is cheap is computed again, and what only the later one needs is computed there.

    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> sin, multiply = registered(np.sin), registered(np.multiply)
    >>> step, back, builder = Builder(), Builder(), Builder()
    >>> x = step.input(0.0, "x")
    >>> (y,) = step.record(sin, (x,), {})
    >>> (y,) = step.record(multiply, (y, y), {})
    >>> last, stack = builder.record(SCAN, (1.0,), scan_options(step.program([y, x]), 1, 0, 3))
    >>> g, x = back.input(0.0, "g"), back.input(0.0, "x")
    >>> (s,) = back.record(sin, (x,), {})
    >>> (h,) = back.record(multiply, (g, s), {})
    >>> total = builder.record(SCAN, (1.0, stack), scan_options(back.program([h]), 1, 1, 3, True))
    >>> print(residuals(builder.program(total)))
    given
    t_2: f, t_3: f(3,), t_4: f(3,) = scan(1.0, carries=1, rows=0, length=3)
        given x: f
        t: f = sin(x)
        t_1: f = multiply(t, t)
        return t_1, x, t
    t_7: f = scan(1.0, t_3, t_4, carries=1, rows=2, length=3, reverse=True)
        given g: f, x_1: f, t_5: f
        t_6: f = multiply(g, t_5)
        return t_6
    return t_7
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .loops import EVENT, rows_like
from .operations import VIEWS
from .parts import Capture, Loop, Row, Stack
from .program import Op, Program, Value, known
from .record import Builder, needed

DEAR = frozenset((                               # though they work element by element
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh",
    "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "power",
    "float_power", "divide", "hypot", "logaddexp", "logaddexp2", "mod", "remainder", "fmod", "reciprocal"))


def residuals(program: Program) -> Program:
    """The program whose loops store what later loops over the same steps need of them."""
    ops = [op.within(residuals) for op in program.ops]
    loops = [k for k, op in enumerate(ops) if op.body is not None]
    for i, later in enumerate(loops):
        for first in reversed(loops[:i]):
            loop = Loop(ops[first])
            served = _served(loop, ops[later], _itself, _itself)
            if served is not ops[later]:
                ops[first], ops[later] = loop.op(), served
    return Program(program.inputs, ops, program.outputs)


def _itself(x: Any) -> Any:
    return x


def _served(first: Loop, op: Op, outside: Callable, inside: Callable) -> Op:
    """A later loop that reads what it can have of the first one, which is changed to store that.

    The loops in it do so as well.

    Both are in one program, or the later one is in a loop around it: the rows of a Jacobian are such a loop
    around the backward pass, which captures the stacks. So `outside` tells what an operand of the later one
    is in the program of the first, and `inside` what a stack of that program is where the later one is.
    """
    loop = Loop(op)
    changed = Pair(first, loop, outside).share(inside)
    around = {c.inner: outside(c.outer) for c in loop.captures if type(c.outer) is Value}

    def captured(stack: Value) -> Value:
        inner = Value(stack.example, stack.label)
        loop.captures.append(Capture(inside(stack), inner))
        return inner

    ops = [x if x.body is None else _served(first, x, around.get, captured) for x in loop.ops]
    if not changed and all(x is y for x, y in zip(ops, loop.ops, strict=True)):
        return op
    loop.ops = ops
    return loop.op()


class Pair:
    """Two loops over the same steps, of which the later one reads what the first has written."""

    def __init__(self, first: Loop, later: Loop, outside: Callable):
        self.first, self.later = first, later
        self.outside: Callable = lambda x: outside(x) if type(x) is Value else x
        self.makers = {x: op for op in later.ops for x in op.outs}

    def share(self, inside: Callable) -> bool:
        """Let the first one store what the later one needs, if there is anything.

        `same` grows: at first it tells inputs of the later body that are values of the first one. Then each
        operation of the later body, all of whose operands are in it, is written down at the end of the first
        body. There the builder finds an equal one, which was `computed` anyway, or appends it, and `same`
        tells what its results are. Of these, `stored` are chosen: what was written in vain goes.
        """
        first, later = self.first, self.later
        same = self.same_inputs()
        if not same:
            return False
        step = Builder.going_on(first.body)
        computed = {x for op in first.ops for x in op.outs}
        read = later.read
        for op in later.ops:
            if all(x in same for x in op.operands) and not has_open_end(op, read):
                step.again(op, same)
        stored = self.stored(same, computed)
        if not stored:
            return False
        stacks: dict[Any, Value] = {s.output: s.stack for s in first.stacks if type(s.output) is Value}
        for x in stored:
            y = same[x]
            if y not in stacks:
                stacks[y] = rows_like(y, first.steps)
                first.stacks.append(Stack(y, stacks[y]))
            later.rows.append(Row(inside(stacks[y]), x))
        first.ops = needed(step.ops, first.outputs)
        for x in self.makers:                    # a cotangent of what is computed there, and no longer here
            if x.of in same and x.of not in stored and type(same[x.of]) is Value:
                x.of = same[x.of]
        later.ops = needed([op for op in later.ops if stored.keys().isdisjoint(op.outs)], later.outputs)
        return True

    def same_inputs(self) -> dict[Value, Any]:
        """What the later loop's inputs are in the first one, at one step; nothing if they are no pair."""
        first, later, outside = self.first, self.later, self.outside
        if first.source.options.get("again") or known(first.steps) != known(outside(later.steps)):
            return {}
        written = {s.stack: s.output for s in first.stacks}
        same = {r.input: written[outside(r.stack)] for r in later.rows
                if type(r.stack) is Value and outside(r.stack) in written}
        if same:
            for mine, theirs in ((later.rows, first.rows), (later.captures, first.captures)):
                around = {outer: inner for outer, inner in theirs if type(outer) is Value}
                same |= {inner: around[outside(outer)] for outer, inner in mine
                         if type(outer) is Value and outside(outer) in around}
            same |= self.length_of_step()
        return same

    def length_of_step(self) -> dict[Value, Value]:
        """What is the length of an event's step in the later loop, which goes back.

        It is a carry that starts as the length of the last step, and then is dt, that of whole steps.
        """
        if self.first.source.prim is not EVENT or not self.later.source.options.get("reverse"):
            return {}
        (_, dt), (h,), (last, _) = self.first.own_args, self.first.own_inputs, self.first.own_outs
        around = {c.inner: self.outside(c.outer) for c in self.later.captures}
        after = [around.get(c.output) if type(c.output) is Value else c.output for c in self.later.carries]
        return {c.input: h for c, y in zip(self.later.carries, after, strict=True)
                if self.outside(c.init) is last and known(y) == known(dt)}

    def stored(self, same: dict[Value, Any], computed: set[Value]) -> dict[Value, None]:
        """The values of the later loop that are better stored by the first, as far as they are needed.

        From what only the later loop can compute, or returns, backwards: what is not stored is computed again
        from its operands, so these are looked at, too. (A dict keeps them in order.)
        """
        stored: dict[Value, None] = {}
        seen: set[Value] = set()
        queue = [x for op in self.later.ops if op.outs[0] not in same for x in op.operands]
        queue += [x for x in self.later.outputs if type(x) is Value]
        while queue:
            x = queue.pop()
            if x in seen or x not in same or x not in self.makers:
                continue
            seen.add(x)
            if any(self.is_better_stored(y, same[y] in computed) for y in self.makers[x].outs):
                stored[x] = None                 # all results of an operation, or none: it goes as a whole
            else:
                queue += self.makers[x].operands
        return stored

    def is_better_stored(self, x: Value, is_computed: bool) -> bool:
        """Whether a value should be stored; `is_computed` says that the first loop has it anyway.

        A condition that was decided, or an integer, must not be another one in the backward pass, where
        numbers may be rounded in another way: it is computed again only from what is read.
        """
        op = self.makers[x]
        if op.body is not None:
            return True
        if x.kind in "bi":
            return any(y in self.makers for y in op.operands)
        return is_computed and not is_cheap(op)


def has_open_end(op: Op, read: set[Value]) -> bool:
    """Whether an operation makes as many rows as it happens to, and somebody reads these, or their number.

    Then the first loop cannot store what it makes: rows of any number in each step are no array.
    """
    return op.prim.open_ended and any(x in read for x in (
        *(s.stack for s in Loop(op).stacks), *(x for x in op.outs if x.kind == "i")))


def is_cheap(op: Op) -> bool:
    """Whether a result is better computed again than stored."""
    if op.name == "power":                       # a square is a product
        return type(op.args[1]) is not Value and bool(np.all(np.equal(op.args[1], 2)))
    if op.name == "concatenate":                 # what is padded is not kept beside what it was
        return len(op.operands) == 1
    return op.name in VIEWS or (op.body is None and op.prim.elementwise and op.name not in DEAR)
