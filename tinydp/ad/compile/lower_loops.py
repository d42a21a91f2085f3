"""Lowering `scan` and `event`: the loops of a program become loops.

What is carried is a variable, or a buffer, see `carried.py`; or a row of all that was, see `history.py`. Rows
are written where they are stacked as soon as they are made. Numbers that only loops read again, such as those
for the backward pass, share one buffer, a column each.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .record import Builder
    >>> inside, builder = Builder(), Builder()
    >>> a, b, x = [inside.input(0.0, label) for label in ("a", "b", "x")]
    >>> (y,) = inside.record(registered(np.add), (b, x), {})
    >>> xs = builder.input(np.zeros(3), "xs")
    >>> outs = builder.record(SCAN, (0.0, 1.0, xs), scan_options(inside.program([b, y, y]), 2, 1, 3))
    >>> print(text_of(lowered(builder.program(outs), "f").functions))
    def f(xs):
        add_all = np.empty((3,))
        a = 0.0
        b = 1.0
        for step in range(3):
            t = b + xs[step]
            add_all[step] = t
            a, b = b, t
        return a, b, add_all
"""

import math
from collections.abc import Collection, Sequence
from typing import Any

from ..events import SMOOTH
from .blocks import Block, special
from .carried import Carried
from .emitter import Emitter, as_number, of_kind
from .expressions import Apply, Buffer, Const, Load, Local, Memory
from .history import History, kept_chains
from .parts import Loop
from .program import Op, Value
from .statements import Again, Alloc, Call, Fail, For, Forever, If, Leave, Let, See, Store
from .views import View, is_static, moved, whole

MANY_STEPS, LARGEST_LAID = 16, 2**14                 # of a loop; and elements of a matrix, see `lay_ready`
FIRST_ROWS = 256                                 # for which an event has memory; then it is doubled


# ---------------------------------------------------------------------------- what is stacked

class StackBuffers:
    """The stacks of a loop: where the row of a step is written, and what they are afterwards."""

    def __init__(self, block: Block, loop: Loop, length: Any, elsewhere: Collection[Value] = ()):
        self.to, self.length = block.to, length
        pairs = [(out, row) for row, out in loop.stacks
                 if (out in block.outputs or block.users(out)) and out not in elsewhere]
        self.outs, self.rows = outs, rows = [out for out, _ in pairs], [row for _, row in pairs]
        columns: dict[Value, int] = {}
        for out, row in pairs:
            users = block.users(out)
            read_by_loops = out not in block.outputs and all(_is_row_of(user, out) for user in users)
            if read_by_loops and type(row) is Value and not row.shape and row.kind == "f":
                columns.setdefault(row, len(columns))
        self.columns = columns
        self.buffers: list[Buffer] = []
        self.shared = self._new(Local("stored", "f"), (len(columns),), "f").memory if columns else None
        self.stacks = [None if self._is_column(row) else self._own(block, loop.source, out, row)
                       for out, row in zip(outs, rows, strict=True)]

    def _is_column(self, row: Any) -> bool:
        return type(row) is Value and row in self.columns

    def _own(self, block: Block, op: Op, out: Value, row: Any) -> View:
        places = block.places.get(out)
        if places and type(self.length) is int:
            return places[0]
        name = self.to.local(out, "") if type(row) is not Value else self.to.local(row, _label(op, row))
        return self._new(Local(f"{name.label}_all", out.kind) if name.of is None else name, out.shape[1:],
                         out.kind)

    def _new(self, name: Local, sides: tuple, kind: str) -> View:
        """Memory for the rows of all steps; of an event, for those that there may be at first."""
        length = self.length if self.length is not None else FIRST_ROWS
        buffer = Buffer(name.label, (length, *sides), kind, of=name.of)
        if self.length is None or not is_static(buffer):
            self.to.emit(Alloc(buffer))
            self.buffers.append(buffer)
            return whole(buffer)
        return self.to.allocate(name, buffer.shape, kind)

    def make_room(self, step: Local) -> None:
        """Make the memory larger if there is none for the rows of this step."""
        if self.buffers:
            full = equal_(step, Apply("length", (self.buffers[0],), "i"))
            self.to.emit(If(full, [Call("grown", [Memory(x, (), x.shape)], [x]) for x in self.buffers]))

    def targets(self, step: Local) -> list[tuple[Any, Any]]:
        """Each row of a step, and where it is written: a view for an array, an element else."""
        found: list[tuple[Any, Any]] = [
            (row, Load(self.shared.buffer, (step, k))) for row, k in self.columns.items() if self.shared]
        return found + [(row, _row(stack, step) if stack.shape[1:] else stack.at((step,)))
                        for row, stack in zip(self.rows, self.stacks, strict=True) if stack is not None]

    def places(self, step: Local) -> dict[Value, list]:
        """The same, for the values that are made in the body."""
        found: dict[Value, list] = {}
        for row, place in self.targets(step):
            if type(row) is Value:
                found.setdefault(row, []).append(place)
        return found

    def store(self, step: Local, made: set[Value]) -> None:
        """Write the rows of this step that have not been written when they were made."""
        to = self.to
        for row, place in self.targets(step):
            value = to.get(row)
            if isinstance(place, View):
                if place.memory is None or getattr(value, "memory", None) != place.memory:
                    to.copy(value, place)
            elif type(row) is not Value or row not in made:
                to.emit(Store(place, of_kind(value, place.kind)))

    def bind(self, count: Local | None = None) -> None:
        """From now on the stacks are there; after an event, they end with its last step."""
        exact = {buffer: self._first(buffer, count) for buffer in self.buffers} if count else {}
        for out, row, stack in zip(self.outs, self.rows, self.stacks, strict=True):
            if stack is None:
                buffer = self.shared.buffer      # type: ignore[union-attr]
                self.to.bind(out, _column(exact.get(buffer, buffer), self.columns[row]))
            elif exact:
                self.to.bind(out, whole(exact[stack.memory.buffer]))  # type: ignore[union-attr]
            else:
                self.to.bind(out, stack)

    def _first(self, buffer: Buffer, count: Local) -> Buffer:
        exact = Buffer(buffer.label, (count, *buffer.shape[1:]), buffer.kind, seen=buffer, of=buffer.of)
        self.to.emit(See(exact, Memory(buffer, (), buffer.shape)))
        return exact


def _label(op: Op, row: Value) -> str:
    """What to call the rows of a value that has no name: as the operation that makes it."""
    assert op.body is not None
    maker = op.body.maker.get(row)
    return maker.name if maker else "row"


def _is_row_of(user: Op, x: Value) -> bool:
    """Whether a loop reads `x` row by row, and in no other way."""
    if user.name != "scan":
        return False
    first = user.options["carries"]
    rows = user.args[first: first + user.options["rows"]]
    return sum(x is y for y in user.args) == sum(x is y for y in rows)


def _column(buffer: Buffer, k: int) -> View:
    """A stack of numbers that shares a buffer with others."""
    return View(buffer.shape[:1], "f", lambda at: Load(buffer, (at[0], k)))


def _row(stack: View, step: Any) -> View:
    """One row of a stack."""
    memory = stack.memory
    if memory and (memory.shape != memory.buffer.shape[len(memory.prefix):] or memory.shape != stack.shape):
        memory = None
    return View(stack.shape[1:], stack.kind, lambda at: stack.at((step, *at)),
                memory and Memory(memory.buffer, (*memory.prefix, step), stack.shape[1:]))


def bind_captures(to: Emitter, loop: Loop) -> None:
    """In the body, what is captured is what it is outside."""
    for outer, inner in loop.captures:
        to.bind(inner, to.get(outer))


def lay_ready(to: Emitter, loop: Loop, length: Any) -> None:
    """Copy small matrices that each step multiplies by a vector, once, to where that is fast.

    Those that the program was given to the beginning of a line of the cache; and if it is the matrix times
    the vector, transposed, so that its columns lie side by side.
    """
    body = loop.source.body
    if body is None or (type(length) is int and length < MANY_STEPS):
        return
    for _, inner in loop.captures:
        x = to.get(inner)
        if not (isinstance(x, View) and x.memory and is_static(x) and len(x.shape) == 2 and x.kind == "f"
                and x.turned is None and min(x.shape) >= 8 and math.prod(x.shape) <= LARGEST_LAID):
            continue
        users = [(op.args[0] is inner, op.args[int(op.args[0] is inner)])
                 for op in body.users.get(inner, ()) if op.name == "matmul" and op.args[0] is not op.args[1]]
        across = x.across
        if across is None and any(is_left and (len(v.shape) == 1 or v.shape[1] == 1) for is_left, v in users):
            across = to.copied(Local("across", "f"), moved(x, [1, 0]))
        if any(not is_left and (len(v.shape) == 1 or v.shape[0] == 1) for is_left, v in users) and (
                x.memory.buffer.root.role in ("input", "constant")):
            x = to.copied(Local("aligned", "f"), x)
        to.bind(inner, View(x.shape, x.kind, x.at, x.memory, None, across))


def lower_body(to: Emitter, loop: Loop, rows: StackBuffers, step: Local, histories: Sequence[History] = (),
               renewed: dict | None = None) -> None:
    """The body of a loop, and the rows that it makes in this step."""
    body, places = loop.source.body, rows.places(step)
    assert body is not None
    for history in histories:
        places.setdefault(history.chain[0].output, []).append(history.row(step, -1))
    to.forget_line()
    Block(to, body, places, renewed).write()
    rows.store(step, {x for op in body.ops if op.body is None for x in op.outs if x in places})
    for history in histories:
        history.store(step)


# ---------------------------------------------------------------------------- scan

@special("scan")
def scan(block: Block, op: Op) -> None:
    """A loop of so many steps."""
    to, loop, reverse = block.to, Loop(op), op.options["reverse"]
    length = loop.steps if type(loop.steps) is int else to.get(loop.steps)
    chains = kept_chains(block, loop, length)
    in_rows = {c.input for chain, _ in chains for c in chain}
    carries = [c for c in loop.carries if c.input not in in_rows]
    carried = Carried(to, carries)
    histories = [History(to, chain, length, reverse, _label(op, chain[0].output)) for chain, _ in chains]
    rows = StackBuffers(block, loop, length, {stack for _, stacks in chains for _, stack in stacks})
    bind_captures(to, loop)
    lay_ready(to, loop, length)
    step, statements = Local("step", "i"), list[Any]()
    with to.within(statements):
        for stack, inner in loop.rows:
            row = _row(to.get(stack), step)
            to.bind(inner, row if inner.shape else row.at(()))
        for history in histories:
            history.bind(step)
        lower_body(to, loop, rows, step, histories, carried.renewed(loop.body))
        carried.step()
    if statements:
        to.emit(For(step, length, statements, reverse))
    to.forget_line()
    for c, value in zip(carries, carried.values, strict=True):
        to.bind(c.last, value)
    for history, (_, stacks) in zip(histories, chains, strict=True):
        history.bind_after(stacks)
    rows.bind()


# ---------------------------------------------------------------------------- event

@special("event")
def event(block: Block, op: Op) -> None:
    """A loop that makes whole steps, until one leads past the event; then it tries parts of that step."""
    EventSearch(block, op).write()


class EventSearch:
    """The loop of an event, and the variables in it.

    Each round makes a step of the length `h` from the same state: the whole `dt` at first, then those that
    `events.guess` says. What takes a closer look (a dent, a jump, a step that was gone over and back) is left
    to the tape.
    """

    def __init__(self, block: Block, op: Op):
        to, loop = self.to, self.loop = block.to, Loop(op)
        self.max_steps, self.is_differentiated = op.options["max_steps"], op.options["differentiated"]
        self.carried = Carried(to, loop.carries)
        height, self.dt = [as_number(to.get(x)) for x in loop.own_args]
        self.height = to.let(Local("height", "f"), height)
        self.rows = StackBuffers(block, loop, None)
        bind_captures(to, loop)
        self.before = [to.let(Local(label, "f"), Const(0.0)) for label in ("oldest", "older")]   # heights
        self.fall = to.let(Local("fall", "f"), Const(0.0))
        self.bracket = [Local(label, "f") for label in ("above", "height_above", "below", "height_below",
                                                        "weight_above", "weight_below")]
        self.bracket += [Local("tries", "i"), Local("course", "i")]
        self.unknown = [Const(1.0), Const(1.0), Const(0), Const(0)]  # weights, tries and course at first
        to.emit(Let(self.bracket, [*[Const(0.0)] * 4, *self.unknown]))
        self.step, self.h, self.searching = Local("step", "i"), Local("h", "f"), Local("searching", "b")
        to.emit(Let([self.step, self.h, self.searching], [Const(0), self.dt, Const(False)]))
        to.bind(loop.own_inputs[0], self.h)

    def write(self) -> None:
        """Write all of it."""
        to, rounds, (above, _, below, *_) = self.to, list[Any](), self.bracket
        with to.within(rounds):
            new = self.height_after_step()
            to.emit(If(not_(self.searching), self.after_whole_step(new), self.after_part_of_step(new)))
            guess = Call("guess", self.bracket, [self.h])
            to.emit(If(equal_(above, below), [Let([self.h], [below])], [guess]))
        to.emit(Forever(rounds))
        to.forget_line()
        self.bind_results()

    def height_after_step(self) -> Any:
        """Make a step of the length h, with room for its rows; returns the height after it."""
        to = self.to
        self.rows.make_room(self.step)
        lower_body(to, self.loop, self.rows, self.step)
        new = as_number(to.get(self.loop.own_outputs[0]))
        return new if isinstance(new, (Local, Const)) else to.let(Local("new_height", "f"), new)

    def after_whole_step(self, new: Any) -> list:
        """Go on from there; or, if the event was passed, look for it in this step."""
        on = list[Any]()
        with self.to.within(on):
            self.go_on(new)
        at_event = and_(Apply("less_equal", (new, Const(0.0)), "b"),
                        Apply("less", (Const(0.0), self.height), "b"))
        return [If(not_(at_event), on),
                Let([self.fall], [Apply("subtract", (self.height, new), "f")]),
                Let([*self.bracket, self.searching],
                    [Const(0.0), self.height, self.dt, new, *self.unknown, Const(True)])]

    def go_on(self, new: Any) -> None:
        """The state after the step becomes the state, unless the event cannot come any more."""
        to, step, (oldest, older) = self.to, self.step, self.before
        is_last = equal_(step, Const(self.max_steps - 1))
        passed = to.let(Local("passed", "b"), or_(is_last, Apply("isnan", (new,), "b")))
        to.emit(If(and_(Apply("greater", (step, Const(0)), "b"), not_(passed)),
                   [Call("passed", [step, oldest, older, self.height, new], [passed])]))
        to.emit(If(passed, [Fail("the event did not come, or is over")]))
        to.emit(Let([oldest, older], [older, self.height]))
        self.carried.step()
        to.emit(Let([self.height, step], [new, Apply("add", (step, Const(1)), "i")]))
        to.emit(Again())

    def after_part_of_step(self, new: Any) -> list:
        """Make the bracket narrower; if nothing is left of it, the event is found."""
        above, height_above, below, height_below = self.bracket[:4]
        course = self.bracket[-1]
        unclear = equal_(course, Const(2))       # there is a dent, see `Bracket` in events.py
        if self.is_differentiated:
            jump = Apply("subtract", (height_above, height_below), "f")
            most = Apply("multiply", (Const(SMOOTH), self.fall), "f")
            unclear = or_(unclear, Apply("greater", (jump, most), "b"))
        return [If(equal_(above, below),
                   [If(unclear, [Fail("the event has to be looked at")]), Leave()],
                   [Call("narrowed", [*self.bracket, self.h, new], self.bracket)])]

    def bind_results(self) -> None:
        """What the last round made is the state at the event; what is carried, that before the last step."""
        to, loop = self.to, self.loop
        count = to.let(Local("steps", "i"), Apply("add", (self.step, Const(1)), "i"))
        for c in loop.carries:
            to.bind(c.last, _kept(to, c.output))
        for c, value in zip(loop.carries, self.carried.values, strict=True):
            assert c.before is not None
            to.bind(c.before, value)
        last_length, steps = loop.own_outs
        to.bind(last_length, self.h)
        to.bind(steps, count)
        self.rows.bind(count)


def _kept(to: Emitter, x: Any) -> Any:
    """A value of the last step: a number is kept in a variable, since stacks have been made anew."""
    value = to.get(x)
    if isinstance(value, (View, Local, Const)):
        return value
    return to.let(Local("t", value.kind), value)


def equal_(a: Any, b: Any) -> Apply:
    return Apply("equal", (a, b), "b")


def and_(a: Any, b: Any) -> Apply:
    return Apply("logical_and", (a, b), "b")


def or_(a: Any, b: Any) -> Apply:
    return Apply("logical_or", (a, b), "b")


def not_(a: Any) -> Apply:
    return Apply("logical_not", (a,), "b")
