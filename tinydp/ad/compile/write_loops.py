"""Writing loops down: `scan` forwards and back, and up to an event and back."""

from typing import Any

from ..events import SMOOTH
from ..values import shape
from .blocks import Block, label_of
from .functions import POWER
from .loops import EventCall, LoopCall, ReverseEventCall, ScanCall
from .names import Names
from .texts import Array, Cell, Text, broadcast, in_memory, kind_of, variable
from .trace import Program, Sym
from .writer import Comment, Writer, wrapped

LONG = 40                                # calls, from which on a body is a function of its own


def _begin_carry(block: Block, call: Any) -> list:
    """Set the carry to its first value; a list of names and arrays."""
    w = block.w
    carried: list = []
    for inner, init in zip(call.body.inputs, call.inits, strict=False):
        label = inner.name or "carry"
        if inner.shape:
            carried.append(w.allocate(label, inner.shape, inner.kind))
            w.copy(w.get(init), carried[-1])
        else:
            carried.append(variable(w.fresh(label), inner.kind))
            start = w.get(float(init) if type(init) is int else init)
            w.line(f"{carried[-1].text} = {start.text}")
        w.bind(inner, carried[-1])
    return carried


def _bind_captures(block: Block, call: Any) -> None:
    for outer, inner in call.body.captures:
        block.w.bind(inner, block.w.get(outer))


class Rows:
    """What a loop stores, a row a step. Numbers for the way back share one array, a column each."""

    def __init__(self, block: Block, call: Any, length: str):
        w = block.w
        self.w, n = w, len(call.y_outs)
        self.rows = call.body.outputs[len(call.body.outputs) - n:] if n else []
        self.outs = call.y_outs
        self.columns: dict[int, int] = {}
        for out, row in zip(self.outs, self.rows, strict=True):
            users = block.users.get(id(out), [])
            inside = id(out) not in block.outputs and all(
                isinstance(user, LoopCall) and any(x is out for x in user.xs) for user in users)
            if inside and isinstance(row, Sym) and not row.shape and row.kind == "f":
                self.columns.setdefault(id(row), len(self.columns))
        self.shared = w.fresh("stored") if self.columns else ""
        self.names = [self.shared if id(row) in self.columns else w.fresh(f"{label_of(row) or 'row'}_all")
                      for row in self.rows]
        for name, row in self._own():
            w.line(f"{name} = {w.empty((length, *shape(row)), kind_of(row))}")
        if self.shared:
            w.line(f"{self.shared} = {w.empty((length, len(self.columns)), 'f')}")

    def _own(self) -> list[tuple[str, Any]]:
        return [(name, row) for name, row in zip(self.names, self.rows, strict=True)
                if id(row) not in self.columns]

    @property
    def arrays(self) -> list[str]:
        """The names of all arrays."""
        return [*(name for name, _ in self._own()), *([self.shared] if self.shared else [])]

    def places(self, call: Any, step: str) -> dict[int, Array]:
        """Where the arrays made in the body are written: straight into their rows."""
        made = {id(out) for inner in call.body.calls for out in inner.outs}
        return {id(row): in_memory(name, row.shape, row.kind, (step,)) for name, row in self._own()
                if isinstance(row, Sym) and row.shape and id(row) in made}

    def store(self, step: str, places: dict, done: bool = False) -> None:
        """Write the rows of this step; those in the shared array may be `done` already."""
        w = self.w
        for name, row in self._own():
            value = w.get(row)
            if isinstance(value, Text):
                w.line(f"{name}[{step}] = {value.text}")
            elif name not in value.reads or value is not places.get(id(row)):        # not written there yet
                w.copy(value, in_memory(name, shape(row), kind_of(row), (step,)))
        if not done:
            self.store_shared(self.shared, step)

    def store_shared(self, shared: str, step: str) -> None:
        by_id = {id(row): row for row in self.rows}
        for key, k in self.columns.items():
            self.w.line(f"{shared}[{step}, {k}] = {self.w.get(by_id[key]).text}")

    def bind(self) -> None:
        """From now on, the stacks are there."""
        for out, row, name in zip(self.outs, self.rows, self.names, strict=True):
            k = self.columns.get(id(row))
            self.w.bind(out, in_memory(name, out.shape, out.kind) if k is None
                        else _column(name, k, out.shape))


def _column(name: str, k: int, shape: tuple) -> Array:
    return Array(shape, "f", frozenset((name,)), lambda at: f"{name}[{at[0]}, {k}]", column=(name, k))


def _next_carry(block: Block, carried: list, outputs: list) -> None:
    """Set the carry to its next value, all at once."""
    w = block.w
    for old, new in zip(carried, map(w.get, outputs), strict=True):
        assert (old.shape, old.kind) == (new.shape, new.kind)
    pairs = [(old, new if isinstance(new, Text) or new is old else _apart(block, new, carried))
             for old, new in zip(carried, map(w.get, outputs), strict=True)]
    numbers = [(old.text, new.text) for old, new in pairs if isinstance(old, Text) and old.text != new.text]
    if numbers:
        w.line(f"{', '.join(old for old, _ in numbers)} = {', '.join(new for _, new in numbers)}")
    for old, new in pairs:
        if isinstance(old, Array) and new is not old:
            w.copy(new, old)


def _apart(block: Block, value: Any, carried: list) -> Any:
    """The value, or a copy if it is written with parts of the carry, which change before it is read."""
    w = block.w
    if not any(value.reads & part.reads for part in carried):
        return value
    if isinstance(value, Array):
        return w.copied("copy", value)
    copy = variable(w.fresh("copy"), value.kind)
    w.line(f"{copy.text} = {value.text}")
    return copy


def write_scan(block: Block, call: ScanCall) -> None:
    w = block.w
    w.comment(call.spot, call.reverse)
    length = w.get(call.length).text if isinstance(call.length, Sym) else str(call.length)
    carried = _begin_carry(block, call)
    rows = Rows(block, call, length)
    _bind_captures(block, call)
    step = w.fresh("step")
    backwards = " - 1, -1, -1" if call.reverse else ""
    w.line(f"for {step} in range({length}{backwards}):")
    w.depth += 1
    start, n = len(w.lines), len(call.inits)
    for inner, xs in zip(call.body.inputs[n:], call.xs, strict=True):
        w.bind(inner, _row_of(w.get(xs), inner, step))
    places = rows.places(call, step)
    w.last_spot = None
    done = write_body(w, call.body, places, "back" if call.reverse else "forward", rows, step)
    rows.store(step, places, done)
    _next_carry(block, carried, call.body.outputs[:n])
    w.depth -= 1
    if all(isinstance(line, Comment) for line in w.lines[start:]):
        del w.lines[start - 1:]                  # nothing happens in this loop
    w.last_spot = None
    for out, value in zip(call.carry_outs, carried, strict=True):
        w.bind(out, value)
    rows.bind()


def write_event(block: Block, call: EventCall) -> None:
    """A loop that makes whole steps, until one leads past the event; then it tries parts of that step.

    What takes a closer look (a dent, a jump, a step that was gone over and back) is left to the tape.
    """
    w = block.w
    w.comment(call.spot, False)
    height, dt = w.fresh("height"), w.get(call.dt).text
    carried = _begin_carry(block, call)
    rows = Rows(block, call, "256")
    _bind_captures(block, call)
    step, length, search = w.fresh("step"), w.fresh("h"), w.fresh("search")
    bracket = [w.fresh(name) for name in ("above", "height_above", "below", "height_below", "weight_above",
                                          "weight_below", "tries", "course")]
    inside, unknown = ", ".join(bracket), "1.0, 1.0, 0, 0"
    oldest, older, fall = w.fresh("oldest"), w.fresh("older"), w.fresh("fall")
    w.bind(call.body.inputs[len(call.inits)], variable(length, "f"))
    w.line(f"{height} = {w.get(call.height).text}")
    w.line(f"{oldest} = {older} = {fall} = 0.0")
    w.line(f"{inside} = 0.0, 0.0, 0.0, 0.0, {unknown}")
    w.line(f"{step}, {length}, {search} = 0, {dt}, False")
    w.line("while True:")
    w.depth += 1
    if rows.arrays:
        w.line(f"if {step} == len({rows.arrays[0]}):")
        for name in rows.arrays:
            w.line(f"    {name} = {w.use('grown')}({name})")
    places = rows.places(call, step)
    w.last_spot = None
    done = write_body(w, call.body, places, "forward", rows, step)
    n = len(call.inits)
    new = w.get(call.body.outputs[n]).text
    rows.store(step, places, done)
    w.line(f"if not {search}:")
    w.depth += 1
    w.line(f"if not {new} <= 0 < {height}:")
    w.depth += 1
    w.line(f"if {step} == {call.max_steps - 1} or {w.use('isnan')}({new}) or (")
    w.line(f"        {step} > 0 and {w.use('passed')}({step}, {oldest}, {older}, {height}, {new})):")
    w.line("    raise ArithmeticError('the event did not come, or is over')")
    w.line(f"{oldest}, {older} = {older}, {height}")
    _next_carry(block, [*carried, variable(height, "f")], call.body.outputs[: n + 1])
    w.line(f"{step} += 1")
    w.line("continue")
    w.depth -= 1
    w.line(f"{fall} = {height} - {new}")
    w.line(f"{inside}, {search} = 0.0, {height}, {dt}, {new}, {unknown}, True")
    w.depth -= 1
    w.line(f"elif {bracket[0]} == {bracket[2]}:")
    jumps = f" or {bracket[1]} - {bracket[3]} > {SMOOTH} * {fall}" if call.differentiated else ""
    w.line(f"    if {bracket[7]} == 2{jumps}:")
    w.line("        raise ArithmeticError('the event has to be looked at')")
    w.line("    break")
    w.line("else:")
    w.line(f"    {inside} = {w.use('narrowed')}({inside}, {length}, {new})")
    w.line(f"{length} = {bracket[2]} if {bracket[0]} == {bracket[2]} else {w.use('guess')}({inside})")
    w.depth -= 1
    w.last_spot = None
    _next_carry(block, carried, call.body.outputs[:n])
    for out, value in zip(call.carry_outs, carried, strict=True):
        w.bind(out, value)
    rows.bind()
    w.bind(call.count, variable(step, "f"))
    w.bind(call.last, variable(length, "f"))


def write_reverse_event(block: Block, call: ReverseEventCall) -> None:
    """A loop back: twice over the last step, and then over the whole ones."""
    w = block.w
    w.comment(call.spot, True)
    n, count, dt = len(call.inits), w.get(call.count).text, w.get(call.dt).text
    carried = _begin_carry(block, call)
    _bind_captures(block, call)
    outputs = call.body.outputs
    sums = [_variable(block, "total", out) for out in call.more_outs[:-1]]
    sum_of_dt = w.fresh("g_dt")
    first = [_variable(block, "first", x) for x in (*call.carry_outs, *call.more_outs[:-1])]
    g_first, scale = w.fresh("g_h_first"), w.fresh("scale")
    w.line(f"{sum_of_dt}, {g_first} = 0.0, 0.0")
    for total in sums:
        _assign(block, total, "0.0")
    step, row, length = w.fresh("step"), w.fresh("row"), w.fresh("h")
    w.line(f"for {step} in range({count} + 1, -1, -1):")
    w.depth += 1
    w.line(f"{row} = min({step}, {count})")
    w.line(f"{length} = {dt} if {step} < {count} else {w.get(call.last).text}")
    w.bind(call.body.inputs[n], variable(length, "f"))
    for inner, xs in zip(call.body.inputs[n + 1:], call.xs, strict=True):
        w.bind(inner, _row_of(w.get(xs), inner, row))
    w.last_spot = None
    write_body(w, call.body, {}, "back")
    g_h = w.get(outputs[n]).text
    backs, shares = ([_apart(block, w.get(x), carried) for x in part]
                     for part in (outputs[:n], outputs[n + 1:]))
    w.line(f"if {step} > {count}:                     # the cotangent of the state at the event ...")
    w.depth += 1
    w.line(f"{g_first} = {g_h}")
    for kept, back in zip(first, (*backs, *shares), strict=True):
        _assign(block, kept, "{}", back)
    for value, slope in zip(carried, call.slopes, strict=True):
        _assign(block, value, "{}", w.get(slope))
    w.depth -= 1
    w.line(f"elif {step} == {count}:                  # ... and, so that it stays at the event, its slope")
    w.depth += 1
    w.line(f"{scale} = -{g_first} / {g_h} + 0.0 * {g_h}            # nan if {g_h} is infinite")
    for value, kept, back in zip(carried, first, backs, strict=False):
        _assign(block, value, "{} + " + scale + " * {}", kept, back)
    for total, kept, share, direct in zip(sums, first[n:], shares, call.until_shares, strict=True):
        _assign(block, total, "{} + " + scale + " * ({} + {})", kept, share, w.get(direct))
    w.depth -= 1
    w.line("else:")
    w.depth += 1
    for total, share in zip(sums, shares, strict=True):
        _assign(block, total, "{} + {}", total, share)
    w.line(f"{sum_of_dt} += {g_h}")
    _next_carry(block, carried, outputs[:n])
    w.depth -= 2
    w.last_spot = None
    outs = *call.carry_outs, *call.more_outs
    for out, value in zip(outs, (*carried, *sums, variable(sum_of_dt, "f")), strict=True):
        w.bind(out, value)


def _variable(block: Block, label: str, like: Sym) -> Any:
    """A number, or an array, that can be assigned to."""
    if like.shape:
        return block.w.allocate(label, like.shape, "f")
    name = block.w.fresh(label)
    block.w.line(f"{name} = 0.0")
    return variable(name, "f")


def _assign(block: Block, target: Any, form: str, *sources: Any) -> None:
    """Set a variable, element by element if it is an array, to an expression of others."""
    w = block.w
    if isinstance(target, Text):
        w.line(f"{target.text} = {form.format(*(x.within(POWER) for x in sources))}")
        return
    index = w.loops(target.shape)
    texts = [x.within(POWER) if isinstance(x, Text) else broadcast(x, target.shape).at(index)
             for x in sources]
    w.line(f"{target.at(index)} = {form.format(*texts)}")
    w.depth -= len(index)


def _row_of(stack: Array, inner: Sym, step: str) -> Any:
    """Row `step` of what was stored."""
    if not inner.shape:
        element, column = stack.element([step]), stack.column
        return element._replace(cell=Cell(column[0], step, column[1])) if column else element
    at, whole = stack.at, stack.whole
    memory = (f"{whole[0]}[{step}]", inner.shape) if whole and whole[1][1:] == inner.shape else None
    return Array(inner.shape, stack.kind, stack.reads | {step}, lambda index: at([step, *index]), memory)


def write_body(w: Writer, program: Program, places: dict[int, Array], label: str,
               rows: "Rows | None" = None, step: str = "") -> bool:
    """The body of a loop; a long one of numbers alone becomes a function of its own.

    Numba's time to compile grows faster than the length of a function, the more so in a loop.
    Returns whether the function stores the rows that share an array.
    """
    values = [*program.inputs, *(x for call in program.calls for x in (*call.operands, *call.outs))]
    if len(program.calls) < LONG or any(x.shape for x in values) or any(
            isinstance(call, LoopCall) for call in program.calls):
        Block(w, program, places).write()
        return False
    used = program.used()
    outer = *program.inputs, *(inner for _, inner in program.captures)
    given = {id(x): x for x in outer if id(x) in used}
    outside = {key: w.values[key] for key in given}
    made = {id(out) for call in program.calls for out in call.outs}
    outs = {id(x): x for x in program.outputs if id(x) in made}

    module = w.names.around
    assert module is not None
    name = module.fresh(label)
    before = w.lines, w.depth, w.names, w.last_spot
    w.lines, w.depth, w.names, w.last_spot = [], 1, Names(module), None
    passed: dict[str, str] = {}              # expression around -> parameter

    def parameter(text: str, label: str) -> str:
        if text not in passed:
            passed[text] = w.fresh(label)
        return passed[text]

    for key, x in given.items():
        cell = outside[key].cell
        if cell:                             # of a shared array, which is passed as a whole
            stored, row = parameter(cell.array, "stored"), parameter(cell.row, "row")
            own = w.fresh(label_of(x) or "t")
            w.line(f"{own} = {stored}[{row}, {cell.column}]")
        else:
            own = parameter(outside[key].text, x.name or label_of(x) or "t")
        w.bind(x, variable(own, x.kind))
    Block(w, program, {}).write()
    storing = rows is not None and bool(rows.shared)
    if rows is not None and rows.shared:
        rows.store_shared(parameter(rows.shared, "stored"), parameter(step, "row"))
        kept = {id(x) for x in program.outputs[: len(program.outputs) - len(rows.rows)]}
        kept |= {id(row) for _, row in rows._own()}
        outs = {key: x for key, x in outs.items() if key in kept}
    results = [w.values[key].text for key in outs]
    lines = [*w.lines, *wrapped(1, "return ", results, "")]
    w.lines, w.depth, w.names, w.last_spot = before
    w.functions.append("\n".join([*wrapped(0, f"def {name}(", list(passed.values()), "):"), *lines]))

    for key, x in given.items():
        w.bind(x, outside[key])
    names = [w.fresh(result) for result in results]
    for x, result in zip(outs.values(), names, strict=True):
        w.bind(x, variable(result, x.kind))
    if names:
        w.lines += wrapped(w.depth, "(" if len(names) > 1 else "", names,
                           f"{')' if len(names) > 1 else ''} = {name}(")
        w.lines += wrapped(w.depth, "    ", list(passed), ")")
    elif storing:
        w.lines += wrapped(w.depth, f"{name}(", list(passed), ")")
    return storing


LOOPS: dict[type, Any] = {ScanCall: write_scan, EventCall: write_event, ReverseEventCall: write_reverse_event}
