"""Expressions in WebAssembly, as text; each is of the type of its kind.

    >>> Values().value(Apply("add", (Const(1.0), Apply("float", (Const(2),), "f")), "f"))
    '(f64.add (f64.const 1.0) (f64.const 2.0))'
"""

import math
from typing import Any

from .expressions import Affine, Apply, Buffer, Const, Load, Local
from .operations import SCALED

TYPES = {"f": "f64", "i": "i64", "b": "i32"}
F64_INSTRUCTIONS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "negative": "neg", "abs": "abs",
    "absolute": "abs", "fabs": "abs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc",
    "rint": "nearest", "copysign": "copysign"}
I64_INSTRUCTIONS = {"add": "add", "subtract": "sub", "multiply": "mul", "bitwise_and": "and",
                    "bitwise_or": "or", "bitwise_xor": "xor"}
COMPARE_INSTRUCTIONS = {"less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
                        "equal": "eq", "not_equal": "ne"}
FORMS = {                                        # of numbers
    "isfinite": "(f64.lt (f64.abs {}) (f64.const inf))",
    "isinf": "(f64.eq (f64.abs {}) (f64.const inf))", "reciprocal": "(f64.div (f64.const 1) {})",
    "signbit": "(i64.lt_s (i64.reinterpret_f64 {}) (i64.const 0))",
    "_power_of_two": "(f64.reinterpret_i64 (i64.shl (i64.add (i64.reinterpret_f64 {}) (i64.const 1023)) "
                     "(i64.const 52)))",
    "_exponent": "(f64.convert_i64_s (i64.sub (i64.and (i64.shr_u (i64.reinterpret_f64 {}) (i64.const 52)) "
                 "(i64.const 2047)) (i64.const 1023)))"}


class Values:
    """Writes the expressions of one function."""

    integer = "i64"                              # what integers are
    indices: set[Local]                          # variables that count the rounds of a loop: i32
    module: Any

    def name(self, x: Any) -> str:
        """The name of a variable."""
        raise NotImplementedError

    def narrow(self, x: Any) -> str:
        """An integer as an i32."""
        raise NotImplementedError

    def place_of(self, x: Buffer, index: tuple) -> str:
        """Where an element of an array is, as an instruction takes it."""
        raise NotImplementedError

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
        return f"(f64.const {as_webassembly(x)})"

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
        if name in COMPARE_INSTRUCTIONS:
            kind, sign = ("i", self.integer) if integers else ("f", "f64")
            order = "_s" if integers and name not in ("equal", "not_equal") else ""
            sides = " ".join([self.as_kind(arg, kind) for arg in args])
            return f"({sign}.{COMPARE_INSTRUCTIONS[name]}{order} {sides})"
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
        if name in I64_INSTRUCTIONS:
            return f"(i64.{I64_INSTRUCTIONS[name]} {' '.join(args)})"
        if name == "negative":
            return f"(i64.sub (i64.const 0) {args[0]})"
        return f"(call $i_{name} {' '.join(args)})"

    def of_numbers(self, name: str, args: list[str]) -> str:
        if name in F64_INSTRUCTIONS:
            return f"(f64.{F64_INSTRUCTIONS[name]} {' '.join(args)})"
        if name in INLINED:
            return self.inline(name, args)
        if name in FORMS:
            return FORMS[name].format(*args)
        if name in SCALED:
            return f"(f64.mul {args[0]} (f64.const {SCALED[name]!r}))"
        if name in ("float", "positive"):
            return args[0]
        return f"(call ${self.module.kernel(name).label} {' '.join(args)})"

    def inline(self, name: str, args: list[str]) -> str:
        """A function that takes longer to call than to compute; an operand is computed once."""
        firsts, again = zip(*map(self.twice, args), strict=True)
        return INLINED[name].format(*firsts, *again)

    def twice(self, text: str) -> tuple[str, str]:
        """An operand, and what it is when it was computed."""
        if text.startswith(("(local.get", "(f64.const")):
            return text, text
        name = self.variable("kept", "f64")
        return f"(local.tee ${name} {text})", f"(local.get ${name})"

    def variable(self, label: str, kind: str) -> str:
        """A new variable."""
        raise NotImplementedError


def as_webassembly(x: float) -> str:
    """A number as WebAssembly writes it."""
    return repr(float(x)) if math.isfinite(x) else "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"


# with the operands first, as they are computed, and then again
INLINED = {
    "isnan": "(f64.ne {0} {1})", "square": "(f64.mul {0} {1})",
    "maximum": "(select {0} {1} (i32.or (f64.gt {2} {3}) (f64.ne {2} {2})))",
    "minimum": "(select {0} {1} (i32.or (f64.lt {2} {3}) (f64.ne {2} {2})))"}
LIGHT = frozenset((*F64_INSTRUCTIONS, *COMPARE_INSTRUCTIONS, *I64_INSTRUCTIONS, "logical_not"))


def is_light(x: Any) -> bool:
    """Whether an expression reads no memory and calls nothing."""
    if isinstance(x, Apply):
        return x.name in LIGHT and all(map(is_light, x.args))
    return not isinstance(x, Load)
