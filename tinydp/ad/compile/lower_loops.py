"""Lowering `scan` and `event`: the loops of a program become loops.

What is carried is a variable, or a buffer that is written once a step, after all of it. Rows are written
where they are stacked as soon as they are made. Numbers that only loops read again, such as those for the
way back, share one buffer, a column each.
"""

from typing import Any

from ..events import SMOOTH
from .blocks import Block, special
from .emitter import Emitter, as_number
from .program import Op, Program, Value
from .statements import (
    Again,
    Alloc,
    Apply,
    Buffer,
    Call,
    Const,
    Fail,
    For,
    Forever,
    If,
    Leave,
    Let,
    Load,
    Local,
    Memory,
    See,
    Store,
)
from .views import View, broadcast, is_static, reads_of, whole

FIRST_ROWS = 256                                 # for which an event has memory; then it is doubled


# ---------------------------------------------------------------------------- what is carried

class Carry:
    """What a loop carries: `values` has a variable for each number, a view for each array.

    (Many numbers in one array instead took three times as long to compile, and to run.)
    """

    def __init__(self, to: Emitter, inners: list[Value], inits: list):
        self.to, self.values = to, list[Any]()
        for inner, init in zip(inners, map(to.get, inits), strict=True):
            if inner.shape:
                value: Any = to.allocate(to.local(inner, "carry"), inner.shape, inner.kind)
                to.copy(init, value)
            else:
                value = to.let(to.local(inner, "carry"), as_number(init) if inner.kind == "f" else init)
            to.bind(inner, value)
            self.values.append(value)

    def step(self, outputs: list) -> None:
        """Set all to the next values, as if at once."""
        to, parts = self.to, set[Any]().union(*map(_reads, self.values))
        pairs = []
        for old, new in zip(self.values, map(to.get, outputs), strict=True):
            if isinstance(old, View) and new is not old and _reads(new) & parts:
                new = to.copied(Local("copy", new.kind), broadcast(new, old.shape))  # noqa: PLW2901
            pairs.append((old, new))
        numbers = [(old, as_number(new) if old.kind == "f" else new) for old, new in pairs
                   if isinstance(old, Local) and new is not old]
        if numbers:
            to.emit(Let([old for old, _ in numbers], [new for _, new in numbers]))
        for old, new in pairs:
            if isinstance(old, View) and new is not old:
                to.copy(new, old)


def _reads(x: Any) -> set:
    return x.reads if isinstance(x, View) else reads_of(x)


# ---------------------------------------------------------------------------- what is stacked

class Rows:
    """The stacks of a loop: where the row of a step is written, and what they are afterwards."""

    def __init__(self, block: Block, op: Op, outs: list[Value], rows: list, length: Any):
        self.to, self.length = block.to, length
        pairs = [(out, row) for out, row in zip(outs, rows, strict=True)
                 if out in block.outputs or block.users(out)]
        self.outs, self.rows = outs, rows = [out for out, _ in pairs], [row for _, row in pairs]
        columns: dict[Value, int] = {}
        for out, row in pairs:
            users = block.users(out)
            read_by_loops = out not in block.outputs and all(_is_row_of(user, out) for user in users)
            if read_by_loops and type(row) is Value and not row.shape and row.kind == "f":
                columns.setdefault(row, len(columns))
        self.columns = columns
        self.buffers: list[Buffer] = []
        self.shared = self._new(Local("stored", "f"), (len(columns),), "f", None) if columns else None
        self.stacks = [None if self._is_column(row) else self._own(block, op, out, row)
                       for out, row in zip(outs, rows, strict=True)]

    def _is_column(self, row: Any) -> bool:
        return type(row) is Value and row in self.columns

    def _own(self, block: Block, op: Op, out: Value, row: Any) -> View:
        places = block.places.get(out)
        if places and type(self.length) is int:
            return places[0]
        name = self.to.local(out, "") if type(row) is not Value else self.to.local(row, _label(op, row))
        return self._new(Local(f"{name.label}_all", out.kind) if name.of is None else name, out.shape[1:],
                         out.kind, out)

    def _new(self, name: Local, sides: tuple, kind: str, out: Any) -> View:
        length = self.length if self.length is not None else FIRST_ROWS
        buffer = Buffer(name.label, (length, *sides), kind, of=name.of)
        if self.length is None or not is_static(buffer):
            self.to.emit(Alloc(buffer))
            self.buffers.append(buffer)
            return whole(buffer)
        return self.to.allocate(name, buffer.shape, kind)

    def targets(self, step: Local) -> list[tuple[Any, Any]]:
        """Each row of a step, and where it is written: a view for an array, an element else."""
        found: list[tuple[Any, Any]] = []
        for row, stack in zip(self.rows, self.stacks, strict=True):
            if stack is None:
                place: Any = Load(self.shared.memory.buffer, (step, self.columns[row]))  # type: ignore[union-attr]
                if (row, place) in [(x, y) for x, y in found if x is row]:
                    continue
            else:
                place = _row(stack, step) if stack.shape[1:] else stack.at((step,))
            found.append((row, place))
        return found

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
                to.emit(Store(place, as_number(value) if place.kind == "f" else value))

    def bind(self, count: Local | None = None) -> None:
        """From now on the stacks are there; after an event, they end with its last step."""
        exact = {buffer: self._first(buffer, count) for buffer in self.buffers} if count else {}
        for out, row, stack in zip(self.outs, self.rows, self.stacks, strict=True):
            if stack is None:
                k, buffer = self.columns[row], self.shared.memory.buffer  # type: ignore[union-attr]
                buffer = exact.get(buffer, buffer)
                self.to.bind(out, _column(buffer, k))
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


def lower_body(to: Emitter, body: Program, places: dict[Value, list]) -> set[Value]:
    """The body of a loop; returns the values that have been stored at their places."""
    to.forget_line()
    Block(to, body, places).write()
    return {x for op in body.ops if op.body is None for x in op.outs if x in places}


# ---------------------------------------------------------------------------- scan

@special("scan")
def scan(block: Block, op: Op) -> None:
    """A loop of so many steps."""
    to, o = block.to, op.options
    n, m, body = o["carries"], o["rows"], op.body
    assert body is not None
    args = op.args if o["length"] is not None else op.args[:-1]
    length = o["length"] if o["length"] is not None else to.get(op.args[-1])
    carry = Carry(to, body.inputs[:n], list(args[:n]))
    rows = Rows(block, op, op.outs[n:], body.outputs[n:], length)
    for inner, x in zip(body.inputs[n + m:], args[n + m:], strict=True):
        to.bind(inner, to.get(x))
    step, statements = Local("step", "i"), list[Any]()
    with to.within(statements):
        for inner, x in zip(body.inputs[n: n + m], args[n: n + m], strict=True):
            row = _row(to.get(x), step)
            to.bind(inner, row if inner.shape else row.at(()))
        made = lower_body(to, body, rows.places(step))
        rows.store(step, made)
        carry.step(body.outputs[:n])
    if statements:
        to.emit(For(step, length, statements, o["reverse"]))
    to.forget_line()
    for out, value in zip(op.outs, carry.values, strict=False):
        to.bind(out, value)
    rows.bind()


# ---------------------------------------------------------------------------- event

@special("event")
def event(block: Block, op: Op) -> None:
    """A loop that makes whole steps, until one leads past the event; then it tries parts of that step.

    What takes a closer look (a dent, a jump, a step that was gone over and back) is left to the tape.
    """
    to, o, body = block.to, op.options, op.body
    assert body is not None
    n, last_step = o["states"], o["max_steps"] - 1
    carry = Carry(to, body.inputs[:n], list(op.args[:n]))
    height = to.let(Local("height", "f"), as_number(to.get(op.args[n])))
    dt = as_number(to.get(op.args[n + 1]))
    rows = Rows(block, op, op.outs[2 * n + 2:], body.outputs[n + 1:], None)
    for inner, x in zip(body.inputs[n + 1:], op.args[n + 2:], strict=True):
        to.bind(inner, to.get(x))
    oldest, older, fall = (to.let(Local(label, "f"), Const(0.0)) for label in ("oldest", "older", "fall"))
    bracket = [Local(label, "f") for label in ("above", "height_above", "below", "height_below",
                                               "weight_above", "weight_below")]
    bracket += [Local("tries", "i"), Local("course", "i")]
    above, height_above, below, height_below = bracket[:4]
    unknown = [Const(1.0), Const(1.0), Const(0), Const(0)]
    to.emit(Let(bracket, [Const(0.0)] * 4 + unknown))
    step, length, searching = Local("step", "i"), Local("h", "f"), Local("searching", "b")
    to.emit(Let([step, length, searching], [Const(0), dt, Const(False)]))
    to.bind(body.inputs[n], length)
    round_: list[Any] = []
    with to.within(round_):
        if rows.buffers:
            full = Apply("equal", (step, Apply("length", (rows.buffers[0],), "i")), "b")
            to.emit(If(full, [Call("grown", [Memory(x, (), x.shape)], [x]) for x in rows.buffers]))
        made = lower_body(to, body, rows.places(step))
        new = as_number(to.get(body.outputs[n]))
        if not isinstance(new, (Local, Const)):
            new = to.let(Local("new_height", "f"), new)
        rows.store(step, made)
        whole_step: list[Any] = []
        with to.within(whole_step):
            passed = Local("passed", "b")
            is_nan = Apply("isnan", (new,), "b")
            to.let(passed, Apply("logical_or", (_equal(step, Const(last_step)), is_nan), "b"))
            inner_test: list[Any] = []
            with to.within(inner_test):
                to.emit(Call("passed", [step, oldest, older, height, new], [passed]))
            to.emit(If(Apply("logical_and", (Apply("greater", (step, Const(0)), "b"),
                                             Apply("logical_not", (passed,), "b")), "b"), inner_test))
            to.emit(If(passed, [Fail("the event did not come, or is over")]))
            to.emit(Let([oldest, older], [older, height]))
            carry.step(body.outputs[:n])
            to.emit(Let([height, step], [new, Apply("add", (step, Const(1)), "i")]))
            to.emit(Again())
        at_event = Apply("logical_and", (Apply("less_equal", (new, Const(0.0)), "b"),
                                         Apply("less", (Const(0.0), height), "b")), "b")
        first_look: list[Any] = [
            If(Apply("logical_not", (at_event,), "b"), whole_step),
            Let([fall], [Apply("subtract", (height, new), "f")]),
            Let([*bracket, searching], [Const(0.0), height, dt, new, *unknown, Const(True)])]
        unclear = _equal(bracket[7], Const(2))
        if o["differentiated"]:
            jump = Apply("subtract", (height_above, height_below), "f")
            most = Apply("multiply", (Const(SMOOTH), fall), "f")
            unclear = Apply("logical_or", (unclear, Apply("greater", (jump, most), "b")), "b")
        found = [If(unclear, [Fail("the event has to be looked at")]), Leave()]
        look = [Call("narrowed", [*bracket, length, new], [*bracket])]
        to.emit(If(Apply("logical_not", (searching,), "b"), first_look,
                   [If(_equal(above, below), found, look)]))
        to.emit(If(_equal(above, below), [Let([length], [below])], [Call("guess", [*bracket], [length])]))
    to.emit(Forever(round_))
    to.forget_line()
    count = to.let(Local("steps", "i"), Apply("add", (step, Const(1)), "i"))
    for out, x in zip(op.outs[:n], body.outputs[:n], strict=True):
        to.bind(out, _kept(to, x))
    for out, value in zip(op.outs[n: 2 * n], carry.values, strict=True):
        to.bind(out, value)
    to.bind(op.outs[2 * n], length)
    to.bind(op.outs[2 * n + 1], count)
    rows.bind(count)


def _kept(to: Emitter, x: Any) -> Any:
    """A value of the last step: a number is kept in a variable, since stacks have been made anew."""
    value = to.get(x)
    if isinstance(value, (View, Local, Const)):
        return value
    return to.let(Local("t", value.kind), value)


def _equal(a: Any, b: Any) -> Apply:
    return Apply("equal", (a, b), "b")
