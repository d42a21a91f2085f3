"""The loops of a program, as operations: `scan`, of so many steps, `event` and `while_loop`, up to an end.

A `scan(*carry, *xs, *captured)` has a body with the inputs (carry, a row of each of xs, captured) and the
outputs (carry, a row of each y); it makes the last carry, and the stacked rows. After an event the number of
its steps is a value, the last operand, which the body does not see.

    >>> from ..registry import registered
    >>> from .program import interpret
    >>> from .record import Builder
    >>> inside = Builder()
    >>> carry, x = inside.input(0.0, "total"), inside.input(0.0, "x")
    >>> total = inside.record(registered(np.add), (carry, x), {})[0]
    >>> builder = Builder()
    >>> xs = builder.input(np.zeros(3), "xs")
    >>> last, partial = builder.record(SCAN, (0.0, xs), scan_options(inside.program([total, total]), 1, 1, 3))
    >>> program = builder.program([last, partial])
    >>> print(program)
    given xs: f(3,)
    t_1: f, t_2: f(3,) = scan(0.0, xs, carries=1, rows=1, length=3)
        given total: f, x: f
        t: f = add(total, x)
        return t, t
    return t_1, t_2
    >>> interpret(program, np.array([1.0, 2.0, 3.0]))
    [6.0, array([1., 3., 6.])]

An `event(*state, height, dt, *captured)` has a body with the inputs (state, h, captured) and the outputs
(state, height, a row of each y): the state `h` later, and what falls to zero at the event. It makes the state
at the event, the state before the last step, the length of that, the number of steps, the last one included,
and the stacked rows.

A `while_loop(*state, go, *captured)` has a body with the inputs (state, captured) and the outputs (state, go,
a row of each y), and goes on while `go` is true, for at most `max_steps`. It makes the last state, the last
`go`, the number of steps, and the stacked rows.
"""

import math
from typing import Any

import numpy as np

from .. import events
from ..primitives import Primitive
from ..values import youngest
from .actual import spend
from .program import Op, Program, Value, example_of, interpret, like
from .proxy import recorded


class RegionPrimitive(Primitive):
    """An operation with programs inside, as a function of its operands. On a tape it is one node."""

    loop = True

    def __call__(self, *args: Any, **options: Any) -> list:
        return recorded(self, args, options) if youngest(args) is None else self.on_tape(args, options)

    def on_tape(self, args: tuple, options: dict) -> list:
        """The results; those that move with the innermost tape's operands are values of one node of it."""
        raise NotImplementedError

    def moved_at(self, options: dict, given: list[int]) -> list[int]:
        """Which results depend smoothly on the operands at these places."""
        raise NotImplementedError

    def examples(self, op: Op) -> list:
        """What the results are like, without computing them."""
        raise NotImplementedError

    def fault(self, op: Op) -> str:
        """What is wrong with such an operation, or nothing."""
        raise NotImplementedError


class LoopPrimitive(RegionPrimitive):
    """A loop. Its pullback is a loop, too: see `pullbacks.py`."""

    def on_tape(self, args: tuple, options: dict) -> list:
        from .pullbacks import on_tape  # noqa: PLC0415  (it builds on this file)

        return on_tape(self, args, options)

    def moved_at(self, options: dict, given: list[int]) -> list[int]:
        return self.results_at(options, *self.moving(options, given))

    def pull(self, node: Any, g: Any) -> list:
        if g is None:
            return []
        from .pullbacks import PULLBACKS  # noqa: PLC0415

        return PULLBACKS[self](node, g)

    def carried(self, options: dict) -> int:
        """How many values are carried from step to step."""
        raise NotImplementedError

    def inputs_at(self, options: dict, places: list[int]) -> list[int]:
        """Which inputs of the body the operands at these places become."""
        raise NotImplementedError

    def moving(self, options: dict, given: list[int]) -> tuple[list[int], list[int]]:
        """Which inputs and which outputs of the body depend smoothly on the operands at these places."""
        from .adjoint import active  # noqa: PLC0415

        body = options["body"]
        wrt = set(self.inputs_at(options, given))
        while True:
            on = active(body, sorted(wrt))
            moved = [k for k, x in enumerate(body.outputs) if type(x) is Value and x in on]
            more = self.inputs_of(options, moved)
            if more <= wrt:
                return sorted(wrt), moved
            wrt |= more

    def inputs_of(self, options: dict, moved: list[int]) -> set[int]:
        """Which inputs of the next step depend on these outputs of the body."""
        return {k for k in moved if k < self.carried(options)}

    def results_at(self, options: dict, wrt: list[int], moved: list[int]) -> list[int]:
        """Which results of the loop move, if these inputs and outputs of its body do."""
        raise NotImplementedError


def _repeated(row: Any, n: int) -> Any:
    """Like so many rows."""
    return np.broadcast_to(np.asarray(row), (n, *np.shape(row)))


def rows_like(row: Value, steps: Any) -> Value:
    """A value like as many of these rows as there are steps."""
    return Value(_repeated(row.example, example_of(steps)), row.label)


def _like_row(xs: Any) -> Any:
    """Like one of the rows, of which there may be none."""
    row = np.zeros(np.shape(xs)[1:], np.asarray(xs).dtype)
    return row if row.ndim else row.item()


def misfit(what: str, wanted: list, found: list) -> str:
    wanted, found = [*map(like, wanted)], [*map(like, found)]
    return "" if wanted == found else f"{what} {found}, not {wanted}"


# ---------------------------------------------------------------------------- scan

def scan_options(body: Program, carries: int, rows: int, length: int | None, reverse: bool = False,
                 again: bool = False) -> dict:
    """The options of a scan; a `length` of None is the last operand.

    With `again`, nothing but the carry is kept for the backward pass: all else is computed again.
    """
    return {"body": body, "carries": carries, "rows": rows, "length": length, "reverse": reverse,
            "again": again}


def _scan(*args: Any, body: Program, carries: int, rows: int, length: int | None, reverse: bool,
          again: bool) -> tuple:
    """The meaning of a scan."""
    n = int(args[-1]) if length is None else length
    carry, xs = list(args[:carries]), [*map(_rows, args[carries: carries + rows])]
    captured = args[carries + rows: len(args) - (length is None)]
    ys: list[list] = [[None] * n for _ in body.outputs[carries:]]
    spend(n * len(body.ops))
    for k in reversed(range(n)) if reverse else range(n):
        results = interpret(body, *carry, *(x[k] for x in xs), *captured)
        carry = results[:carries]
        for column, y in zip(ys, results[carries:], strict=True):
            column[k] = y
    empty = [_repeated(example_of(y), 0).copy() for y in body.outputs[carries:]]
    return (*carry, *(np.array(column) if n else none for column, none in zip(ys, empty, strict=True)))


def _rows(xs: Any) -> Any:
    """The rows of an array: of real numbers Python's, which compute faster."""
    return xs.tolist() if xs.ndim == 1 and xs.dtype == np.float64 else xs


class Scan(LoopPrimitive):
    """The operation `scan`."""

    def carried(self, options: dict) -> int:
        return options["carries"]

    def inputs_at(self, options: dict, places: list[int]) -> list[int]:
        return [k for k in places if k < len(options["body"].inputs)]

    def results_at(self, options: dict, wrt: list[int], moved: list[int]) -> list[int]:
        return moved

    def examples(self, op: Op) -> list:
        n, results = op.options["carries"], [*map(example_of, op.options["body"].outputs)]
        length = example_of(op.args[-1]) if op.options["length"] is None else op.options["length"]
        return results[:n] + [_repeated(y, length) for y in results[n:]]

    def fault(self, op: Op) -> str:
        o, args = op.options, [*map(example_of, op.args)]
        body, n, m, length = o["body"], o["carries"], o["rows"], o["length"]
        if length is None:
            length = args.pop()
        xs = args[n: n + m]
        if any(np.shape(x)[:1] != (length,) for x in xs):
            return f"xs of {[*map(np.shape, xs)]} for {length} rows"
        given = args[:n] + [_like_row(x) for x in xs] + args[n + m:]
        return (misfit("the body takes", given, body.inputs)
                or misfit("the carry becomes", body.inputs[:n], body.outputs[:n])
                or misfit("makes", self.examples(op), op.outs))


SCAN = Scan(_scan, "scan")

# ---------------------------------------------------------------------------- event


def event_options(body: Program, states: int, max_steps: int, differentiated: bool = False) -> dict:
    """The options of an event; one that is `differentiated` has to be a root of `until`."""
    return {"body": body, "states": states, "max_steps": max_steps, "differentiated": differentiated}


def _event(*args: Any, body: Program, states: int, max_steps: int, differentiated: bool) -> tuple:
    """The meaning of an event. What takes a closer look is left to a tape: `ArithmeticError`."""
    state, height, dt = list(args[:states]), float(args[states]), float(args[states + 1])
    captured, rows = args[states + 2:], []
    oldest = older = 0.0

    def at(h: float) -> list:
        return interpret(body, *state, h, *captured)

    for k in range(max_steps):
        spend(len(body.ops))
        results = at(dt)
        new = float(results[states])
        if new <= 0 < height:
            break
        if k == max_steps - 1 or math.isnan(new) or (k and events.passed(k, oldest, older, height, new)):
            raise ArithmeticError("the event did not come, or is over")
        rows.append(results[states + 1:])
        oldest, older, height, state = older, height, new, results[:states]
    bracket = events.Bracket(0.0, height, dt, new)
    while bracket.above != bracket.below:
        h = events.guess(*bracket)
        bracket = events.Bracket(*events.narrowed(*bracket, h, float(at(h)[states])))
    jump = bracket.height_above - bracket.height_below
    if bracket.course == 2 or (differentiated and jump > events.SMOOTH * (height - new)):
        raise ArithmeticError("the event has to be looked at")
    results = at(bracket.below)
    rows.append(results[states + 1:])
    stacks = (np.array(column) for column in zip(*rows, strict=True))
    return (*results[:states], *state, bracket.below, len(rows), *stacks)


class Event(LoopPrimitive):
    """The operation `event`."""

    open_ended = True

    def carried(self, options: dict) -> int:
        return options["states"]

    def inputs_at(self, options: dict, places: list[int]) -> list[int]:
        n = options["states"]
        return [k - (k > n) for k in places if k != n]           # the first height has no path to the event

    def inputs_of(self, options: dict, moved: list[int]) -> set[int]:
        return {k for k in moved if k <= options["states"]}      # the height says how long the last step is

    def results_at(self, options: dict, wrt: list[int], moved: list[int]) -> list[int]:
        n = options["states"]
        before = [n + k for k in wrt if k < n]
        return [k for k in moved if k < n] + before + [2 * n] * (n in moved) + [
            k + n + 1 for k in moved if k > n]

    def examples(self, op: Op) -> list:
        n, results = op.options["states"], [*map(example_of, op.options["body"].outputs)]
        return results[:n] * 2 + [1.0, 1] + [_repeated(y, 1) for y in results[n + 1:]]

    def fault(self, op: Op) -> str:
        body, n, args = op.options["body"], op.options["states"], op.args
        return (misfit("the body takes", [*args[:n], *args[n + 1:]], body.inputs)
                or misfit("the state becomes", body.inputs[:n], body.outputs[:n])
                or misfit("makes", self.examples(op), op.outs))


EVENT = Event(_event, "event")

# ---------------------------------------------------------------------------- while


def while_options(body: Program, states: int, max_steps: int | None, again: bool = False) -> dict:
    """The options of a loop that goes on while a condition holds; a `max_steps` of None is no limit.

    With `again`, nothing but the state is kept for the backward pass, as of a scan.
    """
    return {"body": body, "states": states, "max_steps": max_steps, "again": again}


def _while(*args: Any, body: Program, states: int, max_steps: int | None, again: bool) -> tuple:
    """The meaning of such a loop."""
    state, go, captured = list(args[:states]), args[states], args[states + 1:]
    ys: list[list] = [[] for _ in body.outputs[states + 1:]]
    steps = 0
    while go and steps != max_steps:
        spend(len(body.ops))
        results = interpret(body, *state, *captured)
        state, go, steps = results[:states], results[states], steps + 1
        for column, y in zip(ys, results[states + 1:], strict=True):
            column.append(y)
    empty = [_repeated(example_of(y), 0).copy() for y in body.outputs[states + 1:]]
    return (*state, go, steps, *(np.array(column) if steps else none
                                 for column, none in zip(ys, empty, strict=True)))


class While(LoopPrimitive):
    """The operation `while_loop`."""

    open_ended = True

    def carried(self, options: dict) -> int:
        return options["states"]

    def inputs_at(self, options: dict, places: list[int]) -> list[int]:
        n = options["states"]
        return [k - (k > n) for k in places if k != n]

    def results_at(self, options: dict, wrt: list[int], moved: list[int]) -> list[int]:
        n = options["states"]
        unmoved = {k for k in wrt if k < n}      # if no round is made, a state is what it was at first
        return [k + (k > n) for k in sorted({*moved} | unmoved) if k != n]

    def examples(self, op: Op) -> list:
        n, results = op.options["states"], [*map(example_of, op.options["body"].outputs)]
        return results[:n] + [True, 1] + [_repeated(y, 1) for y in results[n + 1:]]

    def fault(self, op: Op) -> str:
        body, n, args = op.options["body"], op.options["states"], op.args
        return (misfit("the body takes", [*args[:n], *args[n + 1:]], body.inputs)
                or misfit("the state becomes", body.inputs[:n], body.outputs[:n])
                or misfit("the condition is", [True, True], [args[n], body.outputs[n]])
                or misfit("makes", self.examples(op), op.outs))


WHILE = While(_while, "while_loop")

ALL_FINITE = Primitive(lambda x: bool(np.all(np.isfinite(x))), "all_finite")     # for compiled gradients
