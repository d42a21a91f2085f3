"""One function in WebAssembly, as text: where its arrays are, and its statements.

    >>> from .expressions import Load
    >>> from .wasm import text_of
    >>> total, i = Local("total", "f"), Local("i", "i")
    >>> x = Buffer("x", (3,), "f", "input")
    >>> add = Let([total], [Apply("add", (total, Load(x, (i,))), "f")])
    >>> print(text_of(Function("f", [x], [Let([total], [Const(0.0)]), For(i, 3, [add])], [total])))
    (func $f (param $x i32) (result f64)
      (local $total f64) (local $i i32)
      (local.set $total (f64.const 0.0))
      (local.set $i (i32.const 0))
      (loop $again0
        (local.set $total (f64.add (local.get $total) (f64.load (i32.add (local.get $x)
          (i32.mul (local.get $i) (i32.const 8))))))
        (br_if $again0 (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
      (local.get $total))
"""

import math
from typing import Any

from .expressions import Affine, Apply, Buffer, Const, Local, Memory
from .names import Names
from .operations import FLAT
from .statements import Again, Alloc, Call, Comment, Fail, For, Forever, Function, If, Leave, Let, See, Store
from .storage import BYTES, every, storage
from .wasm_values import TYPES, Values, is_light
from .wasm_vectors import count_reads, write_pairs

OUT = 16                                         # where numbers are returned: the eight-byte places from here


class Writer(Values):
    """Writes one function; a program if it is exported by a name."""

    def __init__(self, module: Any, f: Function, exported: str = "", places: list[int] | None = None):
        self.module, self.f, self.exported = module, f, exported
        self.fresh = Names().fresh
        self.names: dict[Any, str] = {}
        self.types: dict[str, str] = {}          # of the variables that are no parameters
        self.indices = {s.index for s in every(f.body) if isinstance(s, For)}
        self.bases: dict[Buffer, tuple[int, str]] = {}           # an address: a number, and a variable to add
        self.rows: dict[Buffer, str] = {}        # of arrays that grow: how many rows there are
        self.loops: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.reads = count_reads(f.body, f.results)
        self.given: list[Any] = [*f.parameters]
        if exported:
            self.place(places or [])
        for x in self.given:
            if isinstance(x, Buffer):
                self.bases[x] = (0, self.name(x))

    def place(self, places: list[int]) -> None:
        """Where the arrays of a program are."""
        found, f = storage(self.f), self.f
        first = len(f.parameters) - len(places)
        self.given = [*f.parameters[:first], *found.results.values()]
        self.bases.update({x: (at, "") for x, at in zip(f.parameters[first:], places, strict=True)})
        at = self.module.end
        for x in (*found.stack, *found.scratch):
            self.bases[x] = (at, "")
            at += rounded(BYTES[x.kind] * math.prod(x.shape))
        self.module.scratch = max(self.module.scratch, at - self.module.end)
        for x in found.growing:
            self.bases[x], self.rows[x] = (0, self.variable(x.label, "i32")), self.variable("rows", "i32")

    # -- the function

    def write(self) -> None:
        """Add it to the module."""
        self.module.functions.append(self.text())

    def text(self) -> str:
        """All of it."""
        self.statements(self.f.body, "  ")
        results = self.results()
        head = f"(func ${self.function_name(self.f)}"
        head += f' (export "{self.exported}")' if self.exported else ""
        head += "".join(f" (param ${self.name(x)} {self.type(x)})" for x in self.given)
        if not self.exported and self.f.results:
            head += f" (result {' '.join(map(self.type, self.f.results))})"
        local = "".join(f" (local ${x} {kind})" for x, kind in self.types.items())
        return "\n".join([head, *([f" {local}"] if local else []), *self.lines, *results]) + ")"

    def results(self) -> list[str]:
        """What is returned: values, or, by a program, numbers in memory."""
        if not self.exported:
            return ["  " + self.value(x) for x in self.f.results]
        found, at = list[str](), OUT
        fixed = storage(self.f).results
        for k, x in enumerate(self.f.results):
            if k in fixed:
                continue
            parts = [(f"{TYPES[x.kind]}.store", self.value(x))] if not isinstance(x, Memory) else [
                ("i32.store", self.address(x.buffer, ())), ("i32.store", self.narrow(x.shape[0]))]
            for store, value in parts:
                found.append(f"  ({store} (i32.const {at}) {value})")
                at += 8
        return found

    def function_name(self, f: Function) -> str:
        """The name of a function of the same program."""
        called: dict[Function, str] = self.module.called
        if f not in called:
            called[f] = self.module.names.fresh(f.label)
        return called[f]

    # -- names

    def name(self, x: Any) -> str:
        """The name of a parameter or a variable."""
        if x not in self.names:
            label = x.label or "t"
            if isinstance(x, Local) and x not in self.given:
                self.names[x] = self.variable(label, self.type(x))
            else:
                self.names[x] = self.fresh(label)
        return self.names[x]

    def variable(self, label: str, kind: str) -> str:
        """A new variable."""
        name = self.fresh(label)
        self.types[name] = kind
        return name

    def type(self, x: Any) -> str:
        if isinstance(x, Buffer) or x in self.indices:
            return "i32"
        return self.integer if x.kind == "i" else TYPES[x.kind]

    # -- addresses

    def narrow(self, x: Any) -> str:
        """An integer as an i32."""
        if isinstance(x, Const) or type(x) is int:
            return f"(i32.const {x.value if isinstance(x, Const) else x})"
        if isinstance(x, Affine):
            text = scaled(self.narrow(x.of), x.stride)
            return f"(i32.add {text} (i32.const {x.start}))" if x.start else text
        if isinstance(x, Local) and x in self.indices:
            return f"(local.get ${self.name(x)})"
        if isinstance(x, Apply) and x.name == "length":
            return f"(local.get ${self.rows[x.args[0]]})"
        return self.value(x) if self.integer == "i32" else f"(i32.wrap_i64 {self.value(x)})"

    def located(self, x: Buffer, index: tuple) -> tuple[int, str]:
        """Where an element, or a part, of an array is: a number of bytes, and what is to be added to it."""
        (start, base), terms, may_be_negative = self.bases[x], list[str](), False
        if base:
            terms.append(f"(local.get ${base})")
        for k, i in enumerate(index):
            sides = x.shape[k + 1:]
            unit = BYTES[x.kind] * math.prod(n for n in sides if type(n) is int)
            factors = [self.narrow(n) for n in sides if type(n) is not int]
            first, stride, of = i if isinstance(i, Affine) else (0, 1, i)
            if isinstance(of, Const) or type(of) is int:
                first, of = first + stride * (of.value if isinstance(of, Const) else of), None
            if factors:
                whole = self.narrow(i)
                for factor in factors:
                    whole = f"(i32.mul {whole} {factor})"
                terms.append(scaled(whole, unit))
                continue
            start += unit * first
            if of is not None:
                terms.append(scaled(self.narrow(of), unit * stride))
                may_be_negative |= stride < 0
        total = terms[0] if terms else ""
        for term in terms[1:]:
            total = f"(i32.add {total} {term})"
        if total and (start < 0 or may_be_negative):
            return 0, f"(i32.add {total} (i32.const {start}))"
        return start, total

    def address(self, x: Buffer, index: tuple) -> str:
        """The same as one number."""
        start, total = self.located(x, index)
        return total if total and not start else f"(i32.add {total} (i32.const {start}))" if total else (
            f"(i32.const {start})")

    def place_of(self, x: Buffer, index: tuple) -> str:
        """The same as an instruction takes it."""
        start, total = self.located(x, index)
        return f"offset={start} {total}" if total and start else total or f"(i32.const {start})"

    # -- statements

    def statements(self, body: list, indent: str) -> None:
        """Write some statements."""
        around, self.indent = getattr(self, "indent", ""), indent
        for s in body:
            getattr(self, f"write_{type(s).__name__.lower()}")(s)
        self.indent = around

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def write_comment(self, s: Comment) -> None:
        pass

    def write_let(self, s: Let) -> None:
        values = [self.as_kind(x, local.kind) for local, x in zip(s.locals, s.values, strict=True)]
        if len(values) == 1:
            self.line(f"(local.set ${self.name(s.locals[0])} {values[0]})")
            return
        for value in values:
            self.line(value)
        self.line(" ".join(f"local.set ${self.name(x)}" for x in reversed(s.locals)))

    def write_store(self, s: Store) -> None:
        kind, place = s.place.kind, self.place_of(s.place.buffer, s.place.index)
        store = "i32.store8" if kind == "b" else f"{TYPES[kind]}.store"
        value = self.as_kind(s.value, kind)
        if kind == "i" and self.integer == "i32":
            value = f"(i64.extend_i32_s {value})"
        self.line(f"({store} {place} {value})")

    def write_alloc(self, s: Alloc) -> None:
        x = s.buffer
        if x not in self.rows:                   # its memory is there
            return
        row = BYTES[x.kind] * math.prod(x.shape[1:])
        size = scaled(f"(local.get ${self.rows[x]})", row)
        self.line(f"(local.set ${self.rows[x]} {self.narrow(x.shape[0])})")
        self.line(f"(local.set ${self.bases[x][1]} (call $allocate {size}))")

    def grow(self, x: Buffer) -> None:
        """Make an array twice as long."""
        rows, base = self.rows[x], self.bases[x][1]
        row = BYTES[x.kind] * math.prod(x.shape[1:])
        new = self.variable("new", "i32")
        size = scaled(f"(local.get ${rows})", row)
        self.line(f"(local.set ${new} (call $allocate (i32.mul (i32.const 2) {size})))")
        self.line(f"(memory.copy (local.get ${new}) (local.get ${base}) {size})")
        self.line(f"(local.set ${base} (local.get ${new}))")
        self.line(f"(local.set ${rows} (i32.mul (i32.const 2) (local.get ${rows})))")

    def write_see(self, s: See) -> None:
        x, memory = s.buffer, s.memory
        index = memory.prefix or (s.first or 0,)
        start, total = self.located(memory.buffer, index)
        base = self.bases[memory.buffer][1]
        if total in ("", f"(local.get ${base})") and memory.buffer not in self.rows:
            self.bases[x] = (start, base)
        else:
            self.bases[x] = (0, self.variable(x.label, "i32"))
            self.line(f"(local.set ${self.bases[x][1]} {self.address(memory.buffer, index)})")

    def write_call(self, s: Call) -> None:
        if s.function == "grown":
            for x in s.results:
                self.grow(x)
            return
        is_part = isinstance(s.function, Function)
        f = s.function if is_part else self.module.kernel(s.function)
        args = list[str]()
        parameters = iter(f.parameters)
        for x in s.args:
            parameter = next(parameters)
            if isinstance(x, Buffer):
                args.append(self.address(x, ()))
            elif isinstance(x, Memory):
                sides = (math.prod(x.shape),) if s.function in FLAT else x.shape
                args += [self.address(x.buffer, x.prefix), *map(self.narrow, sides)]
                for _ in sides:
                    next(parameters)
            elif parameter.kind == "i" and not is_part:
                args.append(self.narrow(x))
            else:
                args.append(self.as_kind(x, parameter.kind))
        self.line(f"(call ${self.function_name(f) if is_part else f.label} {' '.join(args)})")
        for x in reversed(s.results):
            wide = x.kind == "i" and not is_part and self.integer == "i64"
            self.line(f"{'i64.extend_i32_s ' * wide}local.set ${self.name(x)}")

    def write_for(self, s: For) -> None:
        if not write_pairs(self, s):
            self.write_loop(s)

    def limit(self, count: Any) -> str:
        """How often a loop goes round, in a variable unless it is known."""
        known = count.value if isinstance(count, Const) else count
        if type(known) is int:
            return f"(i32.const {known})"
        kept = self.variable("count", "i32")
        self.line(f"(local.set ${kept} {self.narrow(count)})")
        return f"(local.get ${kept})"

    def write_loop(self, s: For) -> None:
        """A loop over one element at a time."""
        count, index = s.count, self.name(s.index)
        known = count.value if isinstance(count, Const) else count
        limit = self.limit(count)
        if type(known) is not int:
            self.line(f"(if (i32.gt_s {limit} (i32.const 0)) (then")
        elif known <= 0:
            return
        first = f"(i32.sub {limit} (i32.const 1))" if s.reverse else "(i32.const 0)"
        self.line(f"(local.set ${index} {first})")
        step = f"(local.tee ${index} (i32.add (local.get ${index}) (i32.const {-1 if s.reverse else 1})))"
        goes_on = f"(i32.ge_s {step} (i32.const 0))" if s.reverse else f"(i32.lt_s {step} {limit})"
        self.round(s.body, f"(br_if $again{len(self.loops)} {goes_on})")
        if type(known) is not int:
            self.line("))")

    def round(self, body: list, ending: str) -> None:
        """A loop: its body, and the way back."""
        k, jumps = len(self.loops), leads_away(body)
        self.loops.append((f"$end{k}", f"$next{k}"))
        self.line(f"(block $end{k} (loop $again{k} (block $next{k}" if jumps else f"(loop $again{k}")
        self.statements(body, self.indent + "  ")
        self.line(f"  {')' * jumps}{ending}{')' * (1 + jumps)}")
        self.loops.pop()

    def write_forever(self, s: Forever) -> None:
        self.round(s.body, f"(br $again{len(self.loops)})")

    def write_if(self, s: If) -> None:
        self.line(f"(if {self.value(s.condition)} (then")
        self.statements(s.then, self.indent + "  ")
        if s.otherwise:
            self.line(") (else")
            self.statements(s.otherwise, self.indent + "  ")
        self.line("))")

    def write_again(self, s: Again) -> None:
        self.line(f"(br {self.loops[-1][1]})")

    def write_leave(self, s: Leave) -> None:
        self.line(f"(br {self.loops[-1][0]})")

    def write_fail(self, s: Fail) -> None:
        if s.reason not in self.module.reasons:
            self.module.reasons.append(s.reason)
        self.line(f"(global.set $failed (i32.const {1 + self.module.reasons.index(s.reason)})) (unreachable)")


OF_SIZES = {"add": "add", "subtract": "sub", "multiply": "mul", "floor_divide": "div_s", "remainder": "rem_s"}


class Kernel(Writer):
    """Writes a function of `portable`: its integers are i32, and what is not asked for is not looked at."""

    integer = "i32"

    def function_name(self, f: Function) -> str:
        return f.label

    def logical(self, name: str, a: Any, b: Any) -> str:
        if is_light(b) or name == "logical_xor":
            return super().logical(name, a, b)
        if name == "logical_and":
            return f"(if (result i32) {self.value(a)} (then {self.value(b)}) (else (i32.const 0)))"
        return f"(if (result i32) {self.value(a)} (then (i32.const 1)) (else {self.value(b)}))"

    def chosen(self, x: Apply) -> str:
        if all(map(is_light, x.args[1:])):
            return super().chosen(x)
        condition, a, b = x.args
        return (f"(if (result {self.type(x)}) {self.value(condition)} (then {self.as_kind(a, x.kind)}) "
                f"(else {self.as_kind(b, x.kind)}))")

    def of_integers(self, name: str, args: list[str]) -> str:
        return f"(i32.{OF_SIZES[name]} {' '.join(args)})"


def scaled(text: str, by: int) -> str:
    """An i32 times a number."""
    return text if by == 1 else f"(i32.mul {text} (i32.const {by}))"


def rounded(size: int) -> int:
    """So many bytes, or up to 15 more, so that what follows is aligned."""
    return -(-max(1, size) // 16) * 16


def leads_away(body: list) -> bool:
    """Whether a loop's body leaves it, or goes on with the next round."""
    return any(isinstance(s, (Again, Leave)) or (isinstance(s, If) and (
        leads_away(s.then) or leads_away(s.otherwise))) for s in body)
