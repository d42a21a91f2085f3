"""Writing straight-line calls down.

Numbers become local variables with the names that they had, arrays become loops. Neighbouring
operations on arrays of one shape share a loop, and what is used only within it never becomes an
array.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .functions import (
    ATOM,
    CHOICE,
    COMPARED,
    CONDITIONS,
    ELEMENTWISE,
    FILLED,
    FROM_MATH,
    FROM_NUMPY,
    INFIX,
    MOVING_AXES,
    OR,
    POWER,
    PRODUCT,
    REDUCTIONS,
    RUNNING,
    VIEWS,
    WHOLE,
    WRITTEN_OUT,
    axes_moved,
)
from .loops import LoopCall
from .texts import (
    Array,
    Text,
    broadcast,
    chosen,
    in_memory,
    indexed,
    literal,
    only_reshapes,
    tuple_text,
    variable,
)
from .trace import Call, Program, Sym, line_of, not_compiled
from .writer import Writer

LOOPS: dict[type, Callable[["Block", Any], None]] = {}   # how each kind of loop is written


class Block:
    """The calls of one program, at one depth of the source."""

    def __init__(self, writer: Writer, program: Program, places: dict[int, Array]):
        self.w, self.program, self.places = writer, program, places
        self.users: dict[int, list] = {}
        for call in program.calls:
            for x in call.operands:
                self.users.setdefault(id(x), []).append(call)
        self.outputs = {id(x) for x in program.outputs if isinstance(x, Sym)}
        self.pending: dict[tuple, list[Call]] = {}       # calls by shape, that will share a loop
        self.waiting: dict[int, tuple] = {}              # value -> the shape under which it waits
        self.targets = self._targets()

    def _targets(self) -> dict[int, str]:
        """The name that the user gave, for the last value made by each line that assigns one."""
        last: dict[tuple, Call] = {}
        for call in self.program.calls:
            last[(call.spot.code.co_filename, call.spot.line, getattr(call, "back", False))] = call
        names = {}
        for (_, _, back), call in last.items():
            found = re.match(r"(\w+)\s*(?:[-+*/@]|\*\*)?=[^=]", line_of(call.spot)[2])
            if found and not back and len(call.outs) == 1:
                names[id(call.outs[0])] = found[1]
        return names

    def name_of(self, x: Sym) -> str:
        if id(x) in self.targets:
            return self.targets[id(x)]
        if x.name:
            return x.name
        if x.of is not None:
            return f"g_{self._shown_name(x.of)}"
        return "t"

    def _shown_name(self, x: Sym) -> str:
        value = self.w.values.get(id(x))
        text = value.text if isinstance(value, Text) else value.whole[0] if value and value.whole else ""
        return text if text.isidentifier() else (self.targets.get(id(x)) or x.name or "t")

    def write(self) -> None:
        for call in self.program.calls:
            self.call(call)
        for shape in list(self.pending):
            self.flush(shape)

    # -- one call

    def call(self, call: Any) -> None:
        if isinstance(call, LoopCall):
            for x in call.operands:
                self.ready(x)
            LOOPS[type(call)](self, call)
            return
        name, out = call.op.name, call.out
        if name in ELEMENTWISE and (name not in WHOLE or not out.shape):
            if out.shape:
                self.join(call)
            else:
                self.number(call)
            return
        for x in call.operands:
            self.ready(x)
        if name in VIEWS:
            self.w.bind(out, self.view(call))
            if id(out) in self.places:
                self.w.copy(self.w.get(out), self.places[id(out)])
                self.w.bind(out, self.places[id(out)])
            return
        self.w.comment(call.spot, call.back)
        if name in WHOLE:
            target = self.target(out)
            into = self.w.use(f"{name}_into")
            self.w.line(f"{into}({self.w.memory(call.args[0])}, {target.as_memory(out.shape)})")
        elif name == "matmul":
            self.matmul(call)
        elif name in REDUCTIONS:
            self.reduce(call)
        elif name in FILLED:
            self.fill(call)
        elif name in RUNNING:
            self.accumulate(call)
        else:
            raise not_compiled(name)

    def target(self, out: Sym) -> Array:
        """Where an array is written to: from now on it is there."""
        array = self.places.get(id(out)) or self.new_array(out)
        self.w.bind(out, array)
        return array

    def new_array(self, out: Sym) -> Array:
        """Memory for a value; that of a single row or column is a vector."""
        shape = out.shape
        if len(shape) != 2 or 1 not in shape:
            return self.w.allocate(self.name_of(out), shape, out.kind)
        k = 0 if shape[1] == 1 else 1
        row = self.w.allocate(self.name_of(out), (math.prod(shape),), out.kind)
        return row.seen(shape, lambda at: row.at([at[k]]), whole=row.whole)

    # -- numbers

    def number(self, call: Call) -> None:
        for x in call.operands:
            self.ready(x)
        text = self.expression(call, [self.w.get(x) for x in call.args])
        out, users = call.out, self.users.get(id(call.out), [])
        if len(users) == 1 and id(out) not in self.outputs and self.may_inline(call, users[0], text):
            self.w.bind(out, text)
            return
        self.w.comment(call.spot, call.back)
        name = self.w.fresh(self.name_of(out))
        self.w.line(f"{name} = {text.text}")
        self.w.bind(out, variable(name, text.kind))

    def may_inline(self, call: Call, user: Any, text: Text) -> bool:
        """Whether what is used once may stand where it is used, as in the user's own line.

        Not if it would be computed more often there: twice in a square, or for each element of an array.
        """
        return (isinstance(user, Call) and user.op.name in ELEMENTWISE
                and user.spot.line == call.spot.line and user.back == call.back and len(text.text) < 60
                and sum(x is call.out for x in user.args) == 1
                and bool(user.out.shape) == bool(call.out.shape) and user.op.name != "square"
                and not (user.op.name in ("power", "float_power") and user.args[0] is call.out))

    def expression(self, call: Call, args: list[Text]) -> Text:
        """The call, written with these operands."""
        text, binding = self.written(call.op.name, call, args)
        conditions = args[1:] if call.op.name == "where" else []
        is_condition = call.op.name in CONDITIONS or (conditions and all(x.kind == "b" for x in conditions))
        return Text(text, binding, "b" if is_condition else "f", frozenset().union(*(x.reads for x in args)))

    def written(self, name: str, call: Call, args: list[Text]) -> tuple[str, int]:
        """The text of an operation, and how tightly it binds."""
        if name in ("power", "float_power") and type(call.args[1]) in (int, float):
            return self.power(args[0], call.args[1], bool(call.out.shape))
        if name in INFIX:
            symbol, binding = INFIX[name]
            left, right = binding, binding + 1           # a - (b - c) keeps its parentheses
            if binding == POWER:
                left, right = binding + 1, binding
            if binding == COMPARED:                      # a < b < c would be a < b and b < c
                left = binding + 1
            return f"{args[0].within(left)} {symbol} {args[1].within(right)}", binding
        if name in WRITTEN_OUT:
            form, binding = WRITTEN_OUT[name]
            inner = 0 if "(" in form else binding + 1
            return form.format(args[0].within(inner)), binding
        if name == "where":
            return f"{args[1].within(OR)} if {args[0].within(OR)} else {args[2].within(OR)}", CHOICE
        name = "mod" if name == "remainder" else name
        function = FROM_NUMPY.get(name) or self.w.use(FROM_MATH.get(name, name))
        return f"{function}({', '.join(x.text for x in args)})", ATOM

    def power(self, base: Text, exponent: float, of_array: bool) -> tuple[str, int]:
        """A fixed power. Products lose a digit with each factor, so there are few of them.

        Numba would square its way up to any integer. NumPy takes a root, but of arrays only; it is not
        the same at -0.0 and -inf.
        """
        if exponent == 2:
            return f"{base.within(POWER)} * {base.within(POWER)}", PRODUCT
        if exponent == -1:
            return f"1.0 / {base.within(PRODUCT + 1)}", PRODUCT
        if exponent == 0.5 and of_array:
            return f"{self.w.use('sqrt')}({base.text})", ATOM
        exponent = exponent if type(exponent) is int and exponent in (3, 4) else float(exponent)
        return f"{base.within(POWER + 1)} ** {literal(exponent).within(POWER)}", POWER

    # -- arrays, element by element

    def join(self, call: Call) -> None:
        """Let it share the loop of its shape; what it needs from elsewhere must be there before."""
        shape = call.out.shape
        for x in call.operands:
            if self.waiting.get(id(x)) not in (None, shape) or (id(x) in self.waiting and x.shape != shape):
                self.ready(x)
        self.pending.setdefault(shape, []).append(call)
        self.waiting[id(call.out)] = shape

    def ready(self, x: Any) -> None:
        """Make sure that the value is there: write down the loop in which it waits."""
        if isinstance(x, Sym) and id(x) in self.waiting:
            self.flush(self.waiting[id(x)])

    def flush(self, shape: tuple) -> None:
        calls = self.pending.pop(shape, [])
        if not calls:
            return
        inside = {id(call) for call in calls}
        stored = []
        for call in calls:
            del self.waiting[id(call.out)]
            users = self.users.get(id(call.out), [])
            if id(call.out) in self.outputs or any(id(user) not in inside for user in users):
                stored.append(call)
        targets = {}
        for call in stored:                      # named before the loop, where they are made
            targets[id(call.out)] = self.places.get(id(call.out)) or self.new_array(call.out)
        self.w.comment(calls[0].spot, calls[0].back)
        index = self.w.loops(shape)
        local: dict[int, Text] = {}
        for call in calls:
            args = []
            for x in call.args:
                if isinstance(x, Sym) and id(x) in local:
                    args.append(local[id(x)])
                    continue
                value = self.w.get(x)
                args.append(value if isinstance(value, Text) else broadcast(value, shape).element(index))
            text = self.expression(call, args)
            users = self.users.get(id(call.out), [])
            if id(call.out) not in targets and len(users) == 1 and self.may_inline(call, users[0], text):
                local[id(call.out)] = text
                continue
            self.w.comment(call.spot, call.back)
            if id(call.out) in targets and not any(id(user) in inside for user in users):
                self.w.line(f"{targets[id(call.out)].at(index)} = {text.text}")
                continue
            name = self.w.fresh(self.name_of(call.out) + ("" if id(call.out) not in targets else "_here"))
            self.w.line(f"{name} = {text.text}")
            local[id(call.out)] = variable(name, text.kind)
            if id(call.out) in targets:
                self.w.line(f"{targets[id(call.out)].at(index)} = {name}")
        self.w.depth -= len(index)
        for call in stored:
            self.w.bind(call.out, targets[id(call.out)])

    # -- views

    def view(self, call: Call) -> Any:
        name, x, out = call.op.name, call.args[0], call.out
        array, rest, options = self.w.get(x), call.args[1:], call.options
        n = x.ndim
        if not x.shape and not out.shape:
            return array
        if isinstance(array, Text):              # a number that is spread or given an axis
            return broadcast(array, out.shape)
        if name in ("copy", "real", "conjugate"):
            return array
        if name == "getitem":
            found = indexed(array, rest[0], self.w.table)
            return found if found.shape else found.element([])
        if name == "broadcast_to":
            return broadcast(array, out.shape)
        if name in MOVING_AXES:
            order = axes_moved(name, n, rest, options)
            back = [order.index(k) for k in range(n)]
            moved = array.seen(out.shape, lambda at: array.at([at[k] for k in back]),
                               turned=array if order == [1, 0] else None)
            if order == [1, 0] and any(isinstance(user, LoopCall) for user in self.users.get(id(out), [])):
                return self.w.copied("turned", moved)    # once, before the loop
            return moved
        if name in ("flip", "fliplr", "flipud"):
            return chosen(array, lambda places: call.op.fn(places, *rest, **options), self.w.table)
        return self.reshaped(array, x.shape, out.shape)

    def reshaped(self, array: Array, old: tuple, new: tuple) -> Any:
        """The same elements in the same order."""
        if not new:
            return array.element(["0"] * len(old))
        if _without_ones(old) == _without_ones(new):
            wide = [k for k, n in enumerate(new) if n != 1]

            def at(index: list[str]) -> str:
                rest = iter([index[k] for k in wide])
                return array.at(["0" if n == 1 else next(rest) for n in old])

            return array.seen(new, at, whole=array.whole)
        if array.whole is None:
            array = self.w.copied("copy", array)
        assert array.whole is not None
        name = self.w.fresh("reshaped")
        self.w.line(f"{name} = {array.whole[0]}.reshape({tuple_text(new)})")
        same = in_memory(name, new, array.kind)
        return Array(new, array.kind, array.reads, same.at, same.whole)

    # -- products, sums, joins

    def matmul(self, call: Call) -> None:
        a, b = call.args
        out = call.out
        dims, w = (np.ndim(a), np.ndim(b)), self.w
        if max(dims) > 2:
            raise not_compiled("matmul of arrays of more than two axes")
        if dims == (1, 1):
            name = w.fresh(self.name_of(out))
            w.line(f"{name} = {w.use('dot')}({w.memory(a)}, {w.memory(b)})")
            w.bind(out, variable(name, "f"))
            return
        shapes = np.shape(a), np.shape(b)
        place = self.target(out)
        result = place.as_memory(out.shape)
        if place.shape and math.prod(place.shape) == 1:      # one element, of a vector and a column
            first = place.at(["0"] * len(place.shape))
            w.line(f"{first} = {w.use('dot')}({self.as_vector(a)}, {self.as_vector(b)})")
        elif dims == (1, 2) or (dims == (2, 2) and shapes[0][0] == 1):
            vector = self.as_vector(a)
            result = place.as_memory((shapes[1][1],))
            turned = self.turned(b)
            w.line(f"{w.use('matvec')}({turned}, {vector}, {result})" if turned else
                   f"{w.use('vecmat')}({vector}, {w.memory(b)}, {result})")
        elif dims == (2, 1) or shapes[1][1] == 1:
            vector = self.as_vector(b)
            result = place.as_memory((shapes[0][0],))
            turned = self.turned(a)
            w.line(f"{w.use('vecmat')}({vector}, {turned}, {result})" if turned else
                   f"{w.use('matvec')}({w.memory(a)}, {vector}, {result})")
        elif self.turned(a):
            w.line(f"{w.use('matmul_tn')}({self.turned(a)}, {w.memory(b)}, {result})")
        elif self.turned(b):
            w.line(f"{w.use('matmul_nt')}({w.memory(a)}, {self.turned(b)}, {result})")
        else:
            w.line(f"{w.use('matmul')}({w.memory(a)}, {w.memory(b)}, {result})")

    def as_vector(self, x: Any) -> str:
        size = math.prod(np.shape(x))
        array = self.w.get(x)
        if array.whole is None:
            array = self.w.copied("copy", array)
        text, its_shape = array.whole
        return self.w.reshaped(text, its_shape, (size,))

    def turned(self, x: Any) -> str | None:
        """The matrix of which `x` is the transpose."""
        array = self.w.get(x)
        return array.turned.as_memory(array.turned.shape) if array.turned is not None else None

    def reduce(self, call: Call) -> None:
        x, out, name = call.args[0], call.out, call.op.name
        name = {"amax": "max", "amin": "min"}.get(name, name)
        if not x.shape:
            self.w.bind(out, self.w.get(x))
            return
        axis = call.args[1] if len(call.args) > 1 else call.options.get("axis")
        n = x.ndim
        axes = set(range(n)) if axis is None else {int(k) % n for k in np.atleast_1d(axis)}
        array, w = self.w.get(x), self.w
        count = math.prod(x.shape[k] for k in axes)
        start = {"sum": "0.0", "mean": "0.0", "prod": "1.0", "max": "-np.inf", "min": "np.inf",
                 "any": "False", "all": "True"}[name]
        form = {"sum": "{} + {}", "mean": "{} + {}", "prod": "{} * {}", "max": "maximum({}, {})",
                "min": "minimum({}, {})", "any": "{} or {}", "all": "{} and {}"}[name]
        if name in ("max", "min"):
            w.use(f"{name}imum")
        kind = "b" if name in ("any", "all") else "f"
        order = [*sorted(set(range(n)) - axes), *sorted(axes)]
        if len(axes) < n and max(axes) < n - 1:  # the last axis stays innermost, for speed
            order = list(range(n))
        keep = bool(call.options.get("keepdims"))
        total = w.fresh(self.name_of(out)) if not out.shape else ""
        if out.shape:
            target = self.target(out)
            w.copy(Text(start, ATOM, kind, frozenset()), target)
        else:
            w.line(f"{total} = {start}")
        names = dict(zip(order, w.names.axes(n), strict=True))
        for k in order:
            w.line(f"for {names[k]} in range({x.shape[k]}):")
            w.depth += 1
        left = [("0" if k in axes else names[k]) for k in range(n) if keep or k not in axes]
        place = target.at(left) if out.shape else total
        w.line(f"{place} = {form.format(place, array.at([names[k] for k in range(n)]))}")
        w.depth -= n
        if name == "mean":
            if out.shape:
                index = w.loops(out.shape)
                w.line(f"{target.at(index)} /= {float(count)}")
                w.depth -= len(index)
            else:
                w.line(f"{total} /= {float(count)}")
        if not out.shape:
            w.bind(out, variable(total, kind))

    def accumulate(self, call: Call) -> None:
        """Running sums or products along an axis."""
        x, w = self.w.get(call.args[0]), self.w
        target = self.target(call.out)
        k = int(call.args[1] if len(call.args) > 1 else call.options["axis"]) % call.out.ndim
        index = w.loops(call.out.shape)
        before = [*index[:k], f"{index[k]} - 1", *index[k + 1:]]
        symbol = "+" if call.op.name == "cumsum" else "*"
        w.line(f"{target.at(index)} = {x.at(index)} if {index[k]} == 0 else "
               f"{target.at(before)} {symbol} {x.at(index)}")
        w.depth -= len(index)

    def fill(self, call: Call) -> None:
        out, w, name = call.out, self.w, call.op.name
        if name == "scatter":
            shape, indices = call.options["shape"], call.options["indices"]
            first = w.get(call.args[0])
            if (len(call.args) == 1 and isinstance(first, Array) and id(out) not in self.places
                    and math.prod(first.shape) == math.prod(shape) and only_reshapes(indices[0], shape)):
                w.bind(out, self.reshaped(first, first.shape, shape))
                return
            target = self.target(out)
            w.copy(literal(0.0), target)
            for index, g in zip(indices, call.args, strict=True):
                part = indexed(target, index, w.table)
                if part.shape:
                    w.copy(w.get(g), part, add=True)
                else:
                    w.line(f"{part.at([])} += {w.get(g).text}")
            return
        target = self.target(out)
        axis = call.options.get("axis", 0) % out.ndim
        start = 0
        for x in call.args:
            if name == "stack":
                here: Any = (*[slice(None)] * axis, start)
                start += 1
            else:
                here = (*[slice(None)] * axis, slice(start, start + np.shape(x)[axis]))
                start += np.shape(x)[axis]
            part = indexed(target, here, w.table)
            if part.shape:
                w.copy(w.get(x), part)
            else:
                w.line(f"{part.at([])} = {w.get(x).text}")


def _without_ones(shape: tuple) -> list[int]:
    return [n for n in shape if n != 1]


def label_of(row: Any) -> str:
    if not isinstance(row, Sym):
        return ""
    if row.of is not None:
        return f"g_{row.of.name or label_of(row.of) or 't'}"
    maker = next((call for call in row.trace.calls if any(out is row for out in call.outs)), None)
    if isinstance(maker, Call) and not maker.back:
        found = re.match(r"(\w+)\s*=[^=]", line_of(maker.spot)[2])
        return found[1] if found and len(found[1]) > 1 else maker.op.name
    return ""
