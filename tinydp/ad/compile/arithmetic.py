"""Expressions in LLVM's language, with the bits of Numba's code: nothing is contracted or reordered."""

from typing import Any

from llvmlite import ir

from .expressions import Affine, Const, Load, Local
from .machine_types import INTEGER, NUMBER, VALUE
from .operations import SCALED

OPERATORS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv", "fmod": "frem"}
INTEGER_INSTRUCTIONS = {"add": "add", "subtract": "sub", "multiply": "mul", "bitwise_and": "and_",
                        "bitwise_or": "or_", "bitwise_xor": "xor"}
PREDICATES = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
              "not_equal": "!="}
LOGIC_INSTRUCTIONS = {"logical_and": "and_", "logical_or": "or_", "logical_xor": "xor"}
INTRINSIC = {"abs": "fabs", "absolute": "fabs", "fabs": "fabs", "power": "pow"} | {
    name: name for name in ("sin", "cos", "log", "log2", "log10", "exp2", "sqrt", "floor", "ceil", "trunc",
                            "rint", "copysign")}
FROM_C = {name: name for name in ("tan", "sinh", "cosh", "expm1", "log1p", "hypot", "cbrt")} | {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh"}
SCALAR_KERNELS = {name: name for name in (
    "clip", "exp", "floor_divide", "fmax", "fmin", "logaddexp", "maximum", "minimum", "mod", "sign", "tanh")
} | {"remainder": "mod"}
INFINITE = float("inf")


class Arithmetic:
    """The expressions of one function; its `builder` writes them."""

    builder: ir.IRBuilder
    module: Any
    values: dict
    slots: dict

    # -- indices and sides: a plain int as long as it is known

    def count(self, x: Any) -> Any:
        """An index or a side."""
        if isinstance(x, Affine):
            return self.plus(self.times(self.count(x.of), x.stride), x.start)
        if isinstance(x, Const):
            return x.value
        return x if type(x) is int or isinstance(x, ir.Value) else self.value(x)

    def plus(self, a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return a + b
        if type(b) is int:
            a, b = b, a
        if type(a) is int and a == 0:
            return b
        return self.builder.add(self.constant(a), self.constant(b), flags=("nsw",))

    def times(self, a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return a * b
        if type(a) is int:
            a, b = b, a
        if type(b) is int and b in (0, 1):
            return a if b else 0
        return self.builder.mul(self.constant(a), self.constant(b), flags=("nsw",))

    @staticmethod
    def constant(x: Any) -> Any:
        """A plain int as a value of LLVM's."""
        return INTEGER(x) if type(x) is int else x

    # -- expressions

    def value(self, x: Any) -> Any:
        """An expression."""
        if isinstance(x, Local):
            return self.builder.load(self.slots[x], typ=VALUE[x.kind]) if x in self.slots else self.values[x]
        if isinstance(x, Const):
            return VALUE[x.kind](x.value)
        if isinstance(x, Load):
            return self.loaded(self.place(x.buffer, x.index), x.kind)       # type: ignore[attr-defined]
        if isinstance(x, Affine) or type(x) is int:
            return self.constant(self.count(x))
        return self.applied(x)

    def as_kind(self, x: Any, kind: str) -> Any:
        """An expression as a number, an integer or a condition."""
        if isinstance(x, Const) and kind == "f":
            return NUMBER(float(x.value))
        if isinstance(x, Const) and kind == "i":
            return INTEGER(int(x.value))
        own, value = getattr(x, "kind", "i"), self.value(x)
        if own == kind:
            return value
        if kind == "f":
            return self.builder.sitofp(value, NUMBER) if own == "i" else self.builder.uitofp(value, NUMBER)
        assert (own, kind) == ("b", "i")
        return self.builder.zext(value, INTEGER)

    def applied(self, x: Any) -> Any:
        """An elementwise operation."""
        name, args, builder = x.name, x.args, self.builder
        if name == "length":
            return self.constant(self.length(args[0]))                      # type: ignore[attr-defined]
        if name in LOGIC_INSTRUCTIONS:
            return getattr(builder, LOGIC_INSTRUCTIONS[name])(*map(self.value, args))
        if name == "logical_not":
            return builder.not_(self.value(args[0]))
        if name == "where":
            return builder.select(self.value(args[0]), *(self.as_kind(arg, x.kind) for arg in args[1:]))
        integers = all(getattr(arg, "kind", "i") == "i" for arg in args)
        if integers and name in PREDICATES:
            return builder.icmp_signed(PREDICATES[name], *map(self.value, args))
        if name == "int":
            return builder.fptosi(self.as_kind(args[0], "f"), INTEGER)
        if x.kind == "i":
            return self.of_integers(name, [self.as_kind(arg, "i") for arg in args])
        if name == "power" and isinstance(args[1], Const) and type(args[1].value) is int:
            return self.multiplied(self.as_kind(args[0], "f"), args[1].value)
        return self.of_numbers(name, [self.as_kind(arg, "f") for arg in args])

    def of_integers(self, name: str, args: list) -> Any:
        """An operation on integers, which wrap around."""
        builder, x = self.builder, args[0]
        if name in INTEGER_INSTRUCTIONS:
            return getattr(builder, INTEGER_INSTRUCTIONS[name])(*args)
        if name in ("floor_divide", "remainder"):
            return self.divided(name, *args)
        if name in ("maximum", "minimum"):
            return self.larger(name, *args)
        if name == "clip":
            return self.larger("minimum", self.larger("maximum", x, args[1]), args[2])
        if name == "negative":
            return builder.neg(x)
        if name == "square":
            return builder.mul(x, x)
        if name == "abs":
            return self.larger("maximum", x, builder.neg(x))
        assert name == "sign"
        is_more, is_less = (builder.icmp_signed(sign, x, INTEGER(0)) for sign in "><")
        return builder.sub(builder.zext(is_more, INTEGER), builder.zext(is_less, INTEGER))

    def larger(self, name: str, a: Any, b: Any) -> Any:
        """The larger or the smaller of two integers."""
        is_first = self.builder.icmp_signed(">" if name == "maximum" else "<", a, b)
        return self.builder.select(is_first, a, b)

    def divided(self, name: str, a: Any, b: Any) -> Any:
        """A quotient that is rounded down, or what remains; the processor rounds towards zero.

        It cannot divide the smallest integer by -1, so that is done apart.
        """
        builder, zero = self.builder, INTEGER(0)
        flips = builder.icmp_signed("==", b, INTEGER(-1))
        by = builder.select(flips, INTEGER(1), b)
        rest = builder.srem(a, by)
        other_sign = builder.icmp_signed("<", builder.xor(rest, by), zero)
        low = builder.and_(builder.icmp_signed("!=", rest, zero), other_sign)
        if name == "remainder":
            return builder.add(rest, builder.select(low, by, zero))
        quotient = builder.sub(builder.sdiv(a, by), builder.zext(low, INTEGER))
        return builder.select(flips, builder.neg(a), quotient)

    def of_numbers(self, name: str, args: list) -> Any:
        """An operation on real numbers."""
        builder, first = self.builder, args[0]
        if name in OPERATORS:
            return getattr(builder, OPERATORS[name])(*args)
        if name in PREDICATES:
            compare = builder.fcmp_unordered if name == "not_equal" else builder.fcmp_ordered
            return compare(PREDICATES[name], *args)
        if name in INTRINSIC:
            return self.call(f"llvm.{INTRINSIC[name]}.f64", args)
        if name in FROM_C:
            return self.call(FROM_C[name], args)
        if name in SCALED:
            return builder.fmul(first, NUMBER(SCALED[name]))
        if name in SCALAR_KERNELS:
            result = self.result_of(SCALAR_KERNELS[name], args)[0]      # type: ignore[attr-defined]
            return self.loaded(result, "f")                             # type: ignore[attr-defined]
        return self.others(name, first)

    def others(self, name: str, x: Any) -> Any:
        """What is neither an instruction nor a function."""
        builder = self.builder
        if name in ("float", "positive"):
            return x
        if name == "negative":
            return builder.fneg(x)
        if name == "square":
            return builder.fmul(x, x)
        if name == "reciprocal":
            return builder.fdiv(NUMBER(1.0), x)
        if name == "isnan":
            return builder.fcmp_unordered("uno", x, x)
        if name == "isinf":
            return builder.fcmp_ordered("==", self.call("llvm.fabs.f64", [x]), NUMBER(INFINITE))
        if name == "isfinite":
            return builder.fcmp_ordered("<", self.call("llvm.fabs.f64", [x]), NUMBER(INFINITE))
        if name == "signbit":
            return builder.icmp_signed("<", builder.bitcast(x, INTEGER), INTEGER(0))
        raise KeyError(name)

    def call(self, name: str, args: list) -> Any:
        """A function of numbers that has no other effect."""
        function = self.module.library(name, NUMBER, [NUMBER] * len(args))
        if not name.startswith("llvm."):
            function.attributes.add("readnone")
            function.attributes.add("nounwind")
        return self.builder.call(function, args)

    def multiplied(self, x: Any, exponent: int) -> Any:
        """A power by squaring, in Numba's order."""
        result = None
        while exponent:
            if exponent & 1:
                result = x if result is None else self.builder.fmul(result, x)
            exponent >>= 1
            x = self.builder.fmul(x, x) if exponent else x
        return result
