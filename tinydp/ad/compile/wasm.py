"""From loops and buffers to WebAssembly, as text: the fast one in a page.

    >>> from .statements import Function
    >>> x, y, i = Buffer("x", (3,), "f", "input"), Buffer("y", (3,), "f", "input"), Local("i", "i")
    >>> root = Apply("sqrt", (Load(x, (i,)),), "f")
    >>> print(text_of(Function("f", [x, y], [For(i, 3, [Store(Load(y, (i,)), root)])])))
    (func $f (param $x i32) (param $y i32)
      (local $i i32)
      (local.set $i (i32.const 0))
      (loop $again
        (f64.store (i32.add (local.get $y) (i32.mul (local.get $i) (i32.const 8)))
          (f64.sqrt (f64.load (i32.add (local.get $x) (i32.mul (local.get $i) (i32.const 8))))))
        (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))))

An array is an address. What a program makes and nobody sees lives at a fixed one, which the next program uses
again; constants are in the module. Numbers are f64, integers i64, so that they wrap around as NumPy's do;
indices, conditions and addresses are i32, and so are all integers of kernels, which are sizes and positions.
A program that fails says why in the global `failed`, and traps.
"""

import math
from typing import Any

import numpy as np

from . import portable
from .expressions import Affine, Apply, Buffer, Const, Load, Local, Memory
from .lower import Lowered
from .names import Names
from .split import split
from .statements import Again, Alloc, Call, Comment, Fail, For, Forever, Function, If, Leave, Let, See, Store
from .storage import BYTES, every, storage

LONGEST, PART = 6000, 3000                       # operations in a function
FLAT = ("all_finite", "cos_into", "sin_into")    # kernels that take arrays of any shape as vectors
TYPES = {"f": "f64", "i": "i64", "b": "i32"}
OF_NUMBERS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "negative": "neg",
              "abs": "abs", "absolute": "abs", "fabs": "abs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil",
              "trunc": "trunc", "rint": "nearest", "copysign": "copysign"}
OF_INTEGERS = {"add": "add", "subtract": "sub", "multiply": "mul", "bitwise_and": "and", "bitwise_or": "or",
               "bitwise_xor": "xor"}
COMPARISONS = {"less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq",
               "not_equal": "ne"}
SCALED = {"radians": 0.017453292519943295, "deg2rad": 0.017453292519943295,
          "degrees": 57.29577951308232, "rad2deg": 57.29577951308232}
FORMS = {                                        # of numbers
    "isnan": "(call $isnan {})", "isfinite": "(f64.lt (f64.abs {}) (f64.const inf))",
    "isinf": "(f64.eq (f64.abs {}) (f64.const inf))", "reciprocal": "(f64.div (f64.const 1) {})",
    "signbit": "(i64.lt_s (i64.reinterpret_f64 {}) (i64.const 0))",
    "_power_of_two": "(f64.reinterpret_i64 (i64.shl (i64.add (i64.reinterpret_f64 {}) (i64.const 1023)) "
                     "(i64.const 52)))",
    "_exponent": "(f64.convert_i64_s (i64.sub (i64.and (i64.shr_u (i64.reinterpret_f64 {}) (i64.const 52)) "
                 "(i64.const 2047)) (i64.const 1023)))"}
HEAD = """(global $failed (export "failed") (mut i32) (i32.const 0))
(global $top (export "top") (mut i32) (i32.const 0))
(func $isnan (param f64) (result i32) (f64.ne (local.get 0) (local.get 0)))
(func $square (param f64) (result f64) (f64.mul (local.get 0) (local.get 0)))
(func $i_maximum (param i64 i64) (result i64)
  (select (local.get 0) (local.get 1) (i64.gt_s (local.get 0) (local.get 1))))
(func $i_minimum (param i64 i64) (result i64)
  (select (local.get 0) (local.get 1) (i64.lt_s (local.get 0) (local.get 1))))
(func $i_clip (param i64 i64 i64) (result i64)
  (call $i_minimum (call $i_maximum (local.get 0) (local.get 1)) (local.get 2)))
(func $i_square (param i64) (result i64) (i64.mul (local.get 0) (local.get 0)))
(func $i_abs (param i64) (result i64) (call $i_maximum (local.get 0) (i64.sub (i64.const 0) (local.get 0))))
(func $i_sign (param i64) (result i64) (i64.extend_i32_s (i32.sub
  (i64.gt_s (local.get 0) (i64.const 0)) (i64.lt_s (local.get 0) (i64.const 0)))))
(func $i_remainder (param $a i64) (param $b i64) (result i64) (local $r i64)
  (if (result i64) (i64.eq (local.get $b) (i64.const -1)) (then (i64.const 0)) (else
    (local.set $r (i64.rem_s (local.get $a) (local.get $b)))
    (i64.add (local.get $r) (select (local.get $b) (i64.const 0) (i32.and
      (i64.ne (local.get $r) (i64.const 0))
      (i64.lt_s (i64.xor (local.get $r) (local.get $b)) (i64.const 0))))))))
(func $i_floor_divide (param $a i64) (param $b i64) (result i64)
  (if (result i64) (i64.eq (local.get $b) (i64.const -1)) (then (i64.sub (i64.const 0) (local.get $a))) (else
    (i64.div_s (i64.sub (local.get $a) (call $i_remainder (local.get $a) (local.get $b))) (local.get $b)))))
(func $allocate (export "allocate") (param $bytes i32) (result i32) (local $at i32)
  (local.set $at (global.get $top))
  (global.set $top (i32.and (i32.add (i32.add (local.get $at) (local.get $bytes)) (i32.const 15))
    (i32.const -16)))
  (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))) (then
    (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 16) (i32.shr_u (i32.sub (global.get $top)
      (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))) (then (unreachable)))))
  (local.get $at))"""
OUT = 16                                         # where numbers are returned: the eight-byte places from here


class Module:
    """Several programs, of which one runs at a time; each is exported by its name."""

    def __init__(self, programs: dict[str, Lowered]):
        self.functions: list[str] = []
        self.kernels: dict[str, str] = {}
        self.data: list[tuple[int, bytes]] = []
        self.reasons: list[str] = []             # why a program may fail: `failed` is the number of the k-th, plus 1
        self.names = Names(frozenset((*portable.names(), "isnan", "square", "allocate")))
        self._placed: dict[Any, int] = {}
        self.end, self.scratch = OUT + 8 * 64, 0
        places = {name: [*map(self.constant, program.constants)] for name, program in programs.items()}
        for name, program in programs.items():
            functions = split(program.functions, LONGEST, PART)
            for f in functions:
                Writer(self, f, functions[-1] is f and name, places[name]).write()

    def constant(self, x: np.ndarray) -> int:
        """The address of a constant array; equal ones share it. Zeros are there anyway."""
        key = x.dtype.str, x.tobytes()
        if key not in self._placed:
            self._placed[key] = self.end
            if any(key[1]):
                self.data.append((self.end, key[1]))
            self.end += rounded(len(key[1]))
        return self._placed[key]

    def kernel(self, name: str) -> Function:
        """A function of `portable`, which will be in the module."""
        if not portable.is_known(name):
            raise portable.Unknown(name)
        f = portable.function(name)
        if f.label not in self.kernels:
            self.kernels[f.label] = ""
            writer = Kernel(self, f)
            self.kernels[f.label] = writer.text()
        return f

    def text(self) -> str:
        """The whole module."""
        size = self.end + self.scratch
        data = [f'(data (i32.const {at}) "{"".join([f"{chr(92)}{byte:02x}" for byte in x])}")' for at, x in self.data]
        first = f'(global (export "first") i32 (i32.const {size}))'
        return "\n".join(["(module", f'(memory (export "memory") {size // 65536 + 1})', first, HEAD,
                          *self.kernels.values(), *self.functions, *data, ")"])


def rounded(size: int) -> int:
    """So many bytes, or up to 15 more, so that what follows is aligned."""
    return -(-max(1, size) // 16) * 16


def text_of(f: Function) -> str:
    """A function alone."""
    return Writer(Module({}), f, "", []).text()


class Writer:
    """Writes one function; a program if it is exported by a name."""

    integer = "i64"                              # what integers are

    def __init__(self, module: Module, f: Function, exported: str = "", places: list[int] | None = None):
        self.module, self.f, self.exported = module, f, exported
        self.fresh = Names().fresh
        self.names: dict[Any, str] = {}
        self.types: dict[str, str] = {}          # of the variables that are no parameters
        self.indices = {s.index for s in every(f.body) if isinstance(s, For)}
        self.bases: dict[Buffer, tuple[int, str]] = {}           # an address: a number, and a variable to add
        self.rows: dict[Buffer, str] = {}        # of arrays that grow: how many rows there are
        self.loops: list[tuple[str, str]] = []
        self.lines: list[str] = []
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
        if f not in self.module.__dict__.setdefault("called", {}):
            self.module.called[f] = self.module.names.fresh(f.label)     # type: ignore[attr-defined]
        return self.module.called[f]             # type: ignore[attr-defined]

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
            scaled = self.narrow(x.of) if x.stride == 1 else f"(i32.mul {self.narrow(x.of)} (i32.const {x.stride}))"
            return f"(i32.add {scaled} (i32.const {x.start}))" if x.start else scaled
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

    # -- expressions

    def value(self, x: Any) -> str:
        """An expression, of the type of its kind."""
        if isinstance(x, Local):
            text = f"(local.get ${self.name(x)})"
            return f"(i64.extend_i32_s {text})" if x in self.indices and self.integer == "i64" else text
        if isinstance(x, Const):
            return self.constant(x.value)
        if isinstance(x, Load):
            return self.loaded(x.buffer.kind, self.place_of(x.buffer, x.index))
        if isinstance(x, Affine) or type(x) is int:
            return self.narrow(x) if self.integer == "i32" else f"(i64.extend_i32_s {self.narrow(x)})"
        return self.applied(x)

    def constant(self, x: Any) -> str:
        if isinstance(x, bool):
            return f"(i32.const {int(x)})"
        if isinstance(x, int):
            return f"({self.integer}.const {x})"
        return f"(f64.const {plain(x)})"

    def loaded(self, kind: str, place: str) -> str:
        if kind == "b":
            return f"(i32.load8_u {place})"
        if kind == "i" and self.integer == "i32":
            return f"(i32.wrap_i64 (i64.load {place}))"
        return f"({TYPES[kind]}.load {place})"

    def as_kind(self, x: Any, kind: str) -> str:
        """An expression as a number, an integer or a condition."""
        if isinstance(x, Const):
            return self.constant(float(x.value) if kind == "f" else int(x.value) if kind == "i" else x.value)
        own, value = getattr(x, "kind", "i"), self.value(x)
        if own == kind:
            return value
        if kind == "f":
            return f"(f64.convert_{'i32_u' if own == 'b' else self.integer + '_s'} {value})"
        return value if self.integer == "i32" else f"(i64.extend_i32_u {value})"

    def applied(self, x: Apply) -> str:
        """An elementwise operation."""
        name, args = x.name, x.args
        if name == "length":
            return f"(i64.extend_i32_s {self.narrow(x)})"
        if name in ("logical_and", "logical_or", "logical_xor"):
            return self.logical(name, *args)
        if name == "logical_not":
            return f"(i32.eqz {self.value(args[0])})"
        if name == "where":
            return self.chosen(x)
        integers = all(getattr(arg, "kind", "i") == "i" for arg in args)
        if name in COMPARISONS:
            kind, sign = ("i", self.integer) if integers else ("f", "f64")
            order = "_s" if integers and name not in ("equal", "not_equal") else ""
            return f"({sign}.{COMPARISONS[name]}{order} {' '.join([self.as_kind(arg, kind) for arg in args])})"
        if name == "int":
            return f"({self.integer}.trunc_sat_f64_s {self.as_kind(args[0], 'f')})"
        if x.kind == "i":
            return self.of_integers(name, [self.as_kind(arg, "i") for arg in args])
        if name == "power" and isinstance(args[1], Const) and type(args[1].value) is int:
            name, args = {3: "cube", 4: "fourth"}[args[1].value], args[:1]
        return self.of_numbers(name, [self.as_kind(arg, "f") for arg in args])

    def logical(self, name: str, a: Any, b: Any) -> str:
        return f"(i32.{name.removeprefix('logical_')} {self.value(a)} {self.value(b)})"

    def chosen(self, x: Apply) -> str:
        condition, a, b = x.args
        return f"(select {self.as_kind(a, x.kind)} {self.as_kind(b, x.kind)} {self.value(condition)})"

    def of_integers(self, name: str, args: list[str]) -> str:
        if name in OF_INTEGERS:
            return f"(i64.{OF_INTEGERS[name]} {' '.join(args)})"
        if name == "negative":
            return f"(i64.sub (i64.const 0) {args[0]})"
        return f"(call $i_{name} {' '.join(args)})"

    def of_numbers(self, name: str, args: list[str]) -> str:
        if name in OF_NUMBERS:
            return f"(f64.{OF_NUMBERS[name]} {' '.join(args)})"
        if name in FORMS:
            return FORMS[name].format(*args)
        if name in SCALED:
            return f"(f64.mul {args[0]} (f64.const {SCALED[name]!r}))"
        if name in ("float", "positive"):
            return args[0]
        label = "square" if name == "square" else self.module.kernel(name).label
        return f"(call ${label} {' '.join(args)})"

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
        self.line(f"(local.set ${self.rows[x]} {self.narrow(x.shape[0])})")
        self.line(f"(local.set ${self.bases[x][1]} (call $allocate {scaled(f'(local.get ${self.rows[x]})', row)}))")

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
        start, total = self.located(memory.buffer, memory.prefix or (s.first or 0,))
        base = self.bases[memory.buffer][1]
        if total in ("", f"(local.get ${base})") and memory.buffer not in self.rows:
            self.bases[x] = (start, base)
        else:
            self.bases[x] = (0, self.variable(x.label, "i32"))
            self.line(f"(local.set ${self.bases[x][1]} {self.address(memory.buffer, memory.prefix or (s.first or 0,))})")

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
        count, index = s.count, self.name(s.index)
        known = count.value if isinstance(count, Const) else count
        limit = f"(i32.const {known})"
        if type(known) is not int:
            kept = self.variable("count", "i32")
            self.line(f"(local.set ${kept} {self.narrow(count)})")
            limit = f"(local.get ${kept})"
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


class Kernel(Writer):
    """Writes a function of `portable`: all its integers are i32, and what is not asked for is not looked at."""

    integer = "i32"

    def function_name(self, f: Function) -> str:
        return f.label

    def logical(self, name: str, a: Any, b: Any) -> str:
        if is_light(b) or name == "logical_xor":
            return super().logical(name, a, b)
        then, other = (self.value(b), "(i32.const 0)") if name == "logical_and" else ("(i32.const 1)", self.value(b))
        return f"(if (result i32) {self.value(a)} (then {then}) (else {other}))"

    def chosen(self, x: Apply) -> str:
        if all(map(is_light, x.args[1:])):
            return super().chosen(x)
        condition, a, b = x.args
        return (f"(if (result {self.type(x)}) {self.value(condition)} (then {self.as_kind(a, x.kind)}) "
                f"(else {self.as_kind(b, x.kind)}))")

    def of_integers(self, name: str, args: list[str]) -> str:
        own = {"add": "add", "subtract": "sub", "multiply": "mul", "floor_divide": "div_s", "remainder": "rem_s"}
        return f"(i32.{own[name]} {' '.join(args)})"


def scaled(text: str, by: int) -> str:
    """An i32 times a number."""
    return text if by == 1 else f"(i32.mul {text} (i32.const {by}))"


def plain(x: float) -> str:
    """A number as WebAssembly writes it."""
    return repr(float(x)) if math.isfinite(x) else "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"


def is_light(x: Any) -> bool:
    """Whether an expression reads no memory and calls nothing."""
    if isinstance(x, Apply):
        native = x.name in OF_NUMBERS or x.name in COMPARISONS or x.name in OF_INTEGERS or x.name == "logical_not"
        return native and all(map(is_light, x.args))
    return not isinstance(x, Load)


def leads_away(body: list) -> bool:
    """Whether a loop's body leaves it, or goes on with the next round."""
    return any(isinstance(s, (Again, Leave)) or (isinstance(s, If) and (
        leads_away(s.then) or leads_away(s.otherwise))) for s in body)
