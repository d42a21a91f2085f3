"""Two numbers at a time: expressions, and functions of numbers, with f64x2 instructions.

A condition is a pair of masks, all ones or all zeros. Each result has the bits that the instructions for
single numbers give. Functions of numbers are written so as well. Where the two numbers take different ways
through an `if`, or one of them a way with a loop, the function of one number is called for both.

    >>> from .wasm import Module
    >>> module = Module({})
    >>> module.pair_kernel("tanh"), module.pair_kernel("dot")
    ('tanh_pair', None)
    >>> module.kernels["tanh_pair"].count("f64x2.div")
    1
"""

from typing import Any

from .expressions import Apply, Const, Load, Local
from .names import Names
from .operations import SCALED
from .statements import Function, If, Let
from .storage import every
from .wasm_values import COMPARE_INSTRUCTIONS, F64_INSTRUCTIONS, FORMS

PAIR = 2
PAIR_INSTRUCTIONS = {name: F64_INSTRUCTIONS[name] for name in (
    "add", "subtract", "multiply", "divide", "negative", "abs", "absolute", "fabs", "sqrt", "floor", "ceil",
    "trunc", "rint")}
MASK_INSTRUCTIONS = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
PAIR_FORMS = {
    "float": "{0}", "positive": "{0}", "square": "(f64x2.mul {0} {0})",
    "reciprocal": "(f64x2.div (f64x2.splat (f64.const 1)) {0})",
    "isnan": "(f64x2.ne {0} {0})", "isinf": "(f64x2.eq (f64x2.abs {0}) (f64x2.splat (f64.const inf)))",
    "isfinite": "(f64x2.lt (f64x2.abs {0}) (f64x2.splat (f64.const inf)))",
    "signbit": "(i64x2.lt_s {0} (i64x2.splat (i64.const 0)))",
    "copysign": "(v128.bitselect {1} {0} (i64x2.splat (i64.const 0x8000000000000000)))",
    "_power_of_two": "(i64x2.shl (i64x2.add {0} (i64x2.splat (i64.const 1023))) (i32.const 52))",
    "_exponent": "(f64x2.sub (v128.or (v128.and (i64x2.shr_u {0} (i32.const 52)) (i64x2.splat "
                 "(i64.const 2047))) (i64x2.splat (i64.const 0x4330000000000000))) "
                 "(f64x2.splat (f64.const 4503599627371519)))"}      # k as the low bits of 2**52 + k
LANEWISE = frozenset(("exp", "tanh", "sin", "cos", "log", "mod", "remainder", "power", "expm1", "log1p",
                      "arctan", "arctan2"))      # functions that are called for each, if not for both


class Scalar(Exception):
    """It has to be written for one number at a time."""


class PairValues:
    """Writes expressions for two numbers."""

    lines: list[str]                             # what is done before the expression
    module: Any

    # -- what a loop and a function have in different ways

    def depends(self, x: Any) -> bool:
        """Whether the two numbers are different ones."""
        raise NotImplementedError

    def same(self, x: Any, kind: str) -> str:
        """Two numbers that are equal."""
        raise NotImplementedError

    def local(self, x: Local) -> str | None:
        """A variable that is a pair."""
        raise NotImplementedError

    def loaded(self, x: Load) -> str:
        """Two elements."""
        raise NotImplementedError

    def variable(self, label: str) -> str:
        """A new variable."""
        raise NotImplementedError

    def single(self, name: str, args: list[str]) -> str:
        """A function of one number, by name."""
        raise NotImplementedError

    # -- expressions

    def pair(self, x: Any, kind: str) -> str:
        """Two values of an expression."""
        if not self.depends(x):
            return self.same(x, kind)
        if isinstance(x, Local) and (name := self.local(x)):
            return self.as_kind(f"(local.get ${name})", x.kind, kind)
        if isinstance(x, Load):
            return self.as_kind(self.loaded(x), x.kind, kind)
        if isinstance(x, Apply) and x.kind != "i":
            return self.as_kind(self.applied(x), x.kind, kind)
        raise Scalar

    def as_kind(self, text: str, own: str, kind: str) -> str:
        if own == kind:
            return text
        if (own, kind) == ("b", "f"):
            return f"(v128.and {text} (f64x2.splat (f64.const 1)))"
        raise Scalar

    def applied(self, x: Apply) -> str:
        name, args = x.name, x.args
        if name in MASK_INSTRUCTIONS:
            return f"(v128.{MASK_INSTRUCTIONS[name]} {self.pair(args[0], 'b')} {self.pair(args[1], 'b')})"
        if name == "logical_not":
            return f"(v128.not {self.pair(args[0], 'b')})"
        if name == "where":
            return self.chosen(x)
        if name in COMPARE_INSTRUCTIONS:
            return f"(f64x2.{COMPARE_INSTRUCTIONS[name]} {self.pair(args[0], 'f')} {self.pair(args[1], 'f')})"
        parts = [self.pair(arg, "f") for arg in args]
        if name in PAIR_INSTRUCTIONS:
            return f"(f64x2.{PAIR_INSTRUCTIONS[name]} {' '.join(parts)})"
        if name in SCALED:
            return f"(f64x2.mul {parts[0]} (f64x2.splat (f64.const {SCALED[name]!r})))"
        parts = [self.kept(part) for part in parts]
        if name in PAIR_FORMS:
            return PAIR_FORMS[name].format(*parts)
        if name in ("maximum", "minimum"):
            return self.larger(name, *parts)
        if name == "clip":
            low = self.moved(parts[0], parts[1], "lt")
            return self.moved(self.kept(low), parts[2], "gt")
        return self.called(x, parts)

    def called(self, x: Apply, args: list[str]) -> str:
        """A function that is no instruction."""
        if label := self.module.pair_kernel(x.name):
            return f"(call ${label} {' '.join(args)})"
        if x.name in LANEWISE or (x.name in FORMS and x.kind == "f"):
            return self.lanewise(x.name, args)
        raise Scalar

    def chosen(self, x: Apply) -> str:
        sides = [self.pair(arg, x.kind) for arg in x.args[1:]]
        return f"(v128.bitselect {' '.join(sides)} {self.pair(x.args[0], 'b')})"

    def larger(self, name: str, a: str, b: str) -> str:
        """As the kernels of these names: nan if one is nan; of two zeros the second."""
        order = "gt" if name == "maximum" else "lt"
        return f"(v128.bitselect {a} {b} (v128.or (f64x2.{order} {a} {b}) (f64x2.ne {a} {a})))"

    def moved(self, x: str, end: str, beyond: str) -> str:
        """The end of an interval where x is beyond it, or the end is nan."""
        return f"(v128.bitselect {end} {x} (v128.or (f64x2.{beyond} {x} {end}) (f64x2.ne {end} {end})))"

    def lanewise(self, name: str, args: list[str]) -> str:
        """A function of single numbers, called for both."""
        one, two = (self.single(name, [f"(f64x2.extract_lane {lane} {arg})" for arg in args])
                    for lane in range(PAIR))
        return f"(f64x2.replace_lane 1 (f64x2.splat {one}) {two})"

    def kept(self, text: str) -> str:
        """A pair in a variable, unless it is there."""
        if text.startswith("(local.get"):
            return text
        name = self.variable("pair")
        self.lines.append(f"(local.set ${name} {text})")
        return f"(local.get ${name})"


class PairKernel(PairValues):
    """Writes a function of `portable` for two numbers; raises `Scalar` if it cannot be."""

    def __init__(self, module: Any, f: Function, label: str):
        self.module, self.f, self.label = module, f, label
        self.lines = []
        self.names: dict[Local, str] = {}
        self.fresh = Names().fresh
        self.made: list[str] = []                # the variables that are no parameters

    def text(self) -> str:
        """All of it."""
        f = self.f
        assigned = {x for s in every(f.body) if isinstance(s, Let) for x in s.locals}
        if [x.kind for x in f.results] != ["f"] or any(
                not isinstance(x, Local) or x.kind != "f" or x in assigned for x in f.parameters):
            raise Scalar
        self.parameters = [self.name(x) for x in f.parameters]
        self.made.clear()
        self.block(f.body)
        result = self.pair(f.results[0], "f")
        given = " ".join(f"(param ${x} v128)" for x in self.parameters)
        local = "".join(f" (local ${x} v128)" for x in self.made)
        return "\n  ".join([f"(func ${self.label} {given} (result v128){local}", *self.lines, result]) + ")"

    # -- statements

    def block(self, body: list) -> None:
        for s in body:
            if isinstance(s, Let):
                self.let(s)
            elif isinstance(s, If):
                self.branch(s)
            else:
                raise Scalar

    def let(self, s: Let) -> None:
        values = [self.pair(x, local.kind) for local, x in zip(s.locals, s.values, strict=True)]
        self.lines.append(" ".join([*values, *(f"local.set ${self.name(x)}" for x in reversed(s.locals))]))

    def branch(self, s: If) -> None:
        """The way that both numbers take."""
        both = self.kept(self.pair(s.condition, "b"))
        then = self.lines_of(lambda: self.block(s.then))
        otherwise = self.lines_of(lambda: self.block(s.otherwise))
        if then is None and otherwise is None:
            raise Scalar
        if then is None or otherwise is None:
            self.guard(both, then is not None)
            self.lines += then or otherwise or []
            return
        self.lines += [f"(if (i64x2.all_true {both}) (then", *then, ") (else"]
        self.guard(both, False)
        self.lines += [*otherwise, "))"]

    def guard(self, mask: str, wanted: bool) -> None:
        """Each number by itself, unless the condition is for both what is wanted."""
        other = f"(i32.eqz (i64x2.all_true {mask}))" if wanted else f"(v128.any_true {mask})"
        singly = self.lanewise(self.f.label, [f"(local.get ${x})" for x in self.parameters])
        self.lines.append(f"(if {other} (then (return {singly})))")

    def lines_of(self, write: Any) -> list[str] | None:
        """What this writes, apart; None if it cannot be written."""
        around, self.lines = self.lines, []
        try:
            write()
            return self.lines
        except Scalar:
            return None
        finally:
            self.lines = around

    # -- expressions

    def chosen(self, x: Apply) -> str:
        """Either value for each number; if one of them cannot be had for two, the other for both."""
        condition, *arms = x.args
        mask = self.kept(self.pair(condition, "b"))
        texts: list[str] = []
        sides = [self.lines_of(lambda arm=arm: texts.append(self.pair(arm, x.kind))) for arm in arms]
        if not texts:
            raise Scalar
        if len(texts) < len(arms):
            self.guard(mask, sides[0] is not None)
        for lines in sides:
            self.lines += lines or []
        return f"(v128.bitselect {' '.join(texts)} {mask})" if len(texts) == len(arms) else texts[0]

    def called(self, x: Apply, args: list[str]) -> str:
        """A function without a branch is written here: pairs have to be saved around a call."""
        f = self.module.kernel(x.name) if self.module.pair_kernel(x.name) else None
        if f is None or not all(isinstance(s, Let) for s in f.body):
            return super().called(x, args)
        around, self.names = self.names, {}
        for parameter, arg in zip(f.parameters, args, strict=True):
            self.names[parameter] = self.variable(parameter.label)
            self.lines.append(f"(local.set ${self.names[parameter]} {arg})")
        try:
            self.block(f.body)
            return self.pair(f.results[0], "f")
        finally:
            self.names = around

    def depends(self, x: Any) -> bool:
        return not isinstance(x, Const)

    def same(self, x: Any, kind: str) -> str:
        if kind == "i":
            raise Scalar
        if kind == "b":
            return f"(i64x2.splat (i64.const {-int(x.value)}))"
        return str(self.module.splat(x.value))

    def loaded(self, x: Load) -> str:
        raise Scalar

    def local(self, x: Local) -> str | None:
        return self.names.get(x)

    def name(self, x: Local) -> str:
        if x not in self.names:
            if x.kind == "i":
                raise Scalar
            self.names[x] = self.variable(x.label or "t")
        return self.names[x]

    def variable(self, label: str) -> str:
        name = self.fresh(label)
        self.made.append(name)
        return name

    def single(self, name: str, args: list[str]) -> str:
        return f"(call ${self.module.kernel(name).label} {' '.join(args)})"
