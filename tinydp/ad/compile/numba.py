"""From loops and buffers to the source of a Python module, that Numba compiles and people read.

This file alone knows how Python and Numba spell things; it decides nothing.

    >>> from .expressions import Apply, Buffer, Const, Load, Local
    >>> from .statements import Function, Store
    >>> x, y, i = Buffer("x", (3,), "f", "input"), Buffer("y", (3,), "f", "input"), Local("i", "i")
    >>> square = Apply("square", (Apply("add", (Load(x, (i,)), Const(1.0)), "f"),), "f")
    >>> print(text_of([Function("f", [x, y], [For(i, 3, [Store(Load(y, (i,)), square)])])]))
    def f(x, y):
        for i in range(3):
            y[i] = (x[i] + 1.0) * (x[i] + 1.0)
"""

import builtins
import keyword
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .expressions import Apply, Load, Memory
from .kernels import LARGE
from .kernels import __all__ as kernel_names
from .lapack import LAPACK_KERNELS
from .lower import Lowered
from .split import split
from .statements import Again, Alloc, Call, Fail, For, Forever, Function, If, Leave, Let, See, Store
from .writing import (
    AND,
    ATOM,
    BITS,
    CHOICE,
    COMPARED,
    LINE_WIDTH,
    NOT,
    OR,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Writing,
    in_lines,
)

# operator: (text, how tightly it binds)
INFIX = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT), "divide": ("/", PRODUCT),
    "power": ("**", POWER), "floor_divide": ("//", PRODUCT),
    "less": ("<", COMPARED), "less_equal": ("<=", COMPARED), "greater": (">", COMPARED),
    "greater_equal": (">=", COMPARED), "equal": ("==", COMPARED), "not_equal": ("!=", COMPARED),
    "bitwise_and": ("&", BITS), "bitwise_or": ("|", BITS), "bitwise_xor": ("^", BITS),
    "logical_and": ("and", AND), "logical_or": ("or", OR), "logical_xor": ("!=", COMPARED),
}
FORMS = {                                        # by the operand
    "negative": ("-{}", SIGN), "square": ("{0} * {0}", PRODUCT), "reciprocal": ("1.0 / {}", PRODUCT),
    "logical_not": ("not {}", NOT),
}
INTEGER_OPERATORS = {                                  # by the operands
    "remainder": ("{} % {}", PRODUCT), "maximum": ("max({}, {})", ATOM), "minimum": ("min({}, {})", ATOM),
    "clip": ("min(max({}, {}), {})", ATOM), "sign": ("({0} > 0) - ({0} < 0)", SUM)}
PYTHON_NAMES = {"abs": "abs", "absolute": "abs", "fabs": "abs", "float": "float", "int": "int",
             "length": "len"} | {
    name: f"np.{name}" for name in ("fmod", "exp2", "cbrt", "rint", "signbit", "floor", "ceil", "trunc")}
FROM_MATH = {name: name for name in (
    "sin", "cos", "tan", "sinh", "cosh", "expm1", "log", "log1p", "log10", "log2", "sqrt", "hypot",
    "copysign", "isnan", "isinf", "isfinite", "radians", "degrees")} | {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "deg2rad": "radians", "rad2deg": "degrees"}
FROM_KERNELS = {name: name for name in (*kernel_names, *LAPACK_KERNELS)} | {"remainder": "mod"}
RESERVED = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *FROM_MATH.values(),
                      *FROM_KERNELS.values(), "np", "njit", "prange"))
DECORATOR = '@njit({}nogil=True, error_model="numpy")\n'


class Source(NamedTuple):
    """A function in text, and its last arguments: arrays of the user's surroundings, and of positions."""

    name: str
    parameters: list[str]
    text: str
    constants: list


def printed(module: Lowered, title: str) -> Source:
    """The source of a module of lowered functions."""
    functions = split(module.functions)
    printer = Printer(functions)
    texts = [printer.function(f) for f in functions]
    *inner, last = texts
    text = f'"""{title}"""\n\n{_imported("math", printer.maths, end=chr(10) * 2)}'
    text += "import numpy as np\nfrom numba import njit\n"
    of_matrices = printer.kernels & LAPACK_KERNELS.keys()
    text += _imported("tinydp.ad.compile.kernels", printer.kernels - of_matrices, start="\n")
    text += _imported("tinydp.ad.compile.kernels.lapack", of_matrices, start="\n") + "\n\n"
    text += "".join(f"{DECORATOR.format('')}{f}\n\n\n" for f in inner)
    text += f"{DECORATOR.format('cache=True, ')}{last}\n"
    main = functions[-1]
    parameters = [printer.name(x) for x in main.parameters]
    return Source(printer.name(main), parameters, text, module.constants)


def text_of(functions: list[Function]) -> str:
    """The functions alone."""
    printer = Printer(functions)
    return "\n\n".join(map(printer.function, functions))


def _imported(module: str, names: Iterable[str], start: str = "", end: str = "\n") -> str:
    """The line that imports these, if there are any."""
    return f"{start}from {module} import {', '.join(sorted(names))}{end}" if names else ""


class Printer(Writing):
    """Prints the functions of one module."""

    reserved = RESERVED

    def __init__(self, functions: list[Function]):
        super().__init__(functions)
        self.maths: set[str] = set()
        self.kernels: set[str] = set()

    # -- expressions

    def element(self, x: Load) -> str:
        return f"{self.name(x.buffer)}[{self.listed(x.index)}]"

    def number(self, x: Any) -> str:
        if isinstance(x, float) and not math.isfinite(x):
            return "np.nan" if math.isnan(x) else "np.inf" if x > 0 else "-np.inf"
        return repr(x) if x != -2**63 or type(x) is not int else f"({x + 1} - 1)"

    def applied(self, x: Apply) -> tuple[str, int]:
        """An elementwise operation."""
        name, args = x.name, x.args
        if x.kind == "i" and name in INTEGER_OPERATORS:
            form, binding = INTEGER_OPERATORS[name]
            within = CHOICE if binding == ATOM else binding + 1
            return form.format(*[self.text(arg, within) for arg in args]), binding
        if name in INFIX:
            symbol, binding = INFIX[name]
            left, right = binding, binding + 1   # a - (b - c) keeps its parentheses
            if binding == POWER:
                left, right = binding + 1, binding
            if binding == COMPARED:              # a < b < c would be a < b and b < c
                left = binding + 1
            return f"{self.text(args[0], left)} {symbol} {self.text(args[1], right)}", binding
        if name in FORMS:
            form, binding = FORMS[name]
            return form.format(self.text(args[0], binding + 1)), binding
        if name == "float" and args[0].kind == "b":              # Numba has no float of a condition
            return f"1.0 * {self.text(args[0], PRODUCT + 1)}", PRODUCT
        if name == "where":
            condition, a, b = (self.text(arg, OR) for arg in args)
            return f"{a} if {condition} else {b}", CHOICE
        if name == "positive":
            return self.written(args[0])
        return f"{self.called(name)}({self.listed(args)})", ATOM

    def called(self, function: Any) -> str:
        """A function by its name; the module will import it."""
        if not isinstance(function, str):
            return self.name(function)
        if function in PYTHON_NAMES:
            return PYTHON_NAMES[function]
        known, used = (FROM_MATH, self.maths) if function in FROM_MATH else (FROM_KERNELS, self.kernels)
        used.add(known[function])
        return known[function]

    def shape(self, shape: tuple) -> str:
        return f"({self.listed(shape)}{',' * (len(shape) == 1)})"

    def memory(self, x: Memory) -> str:
        text = self.name(x.buffer) + (f"[{self.listed(x.prefix)}]" if x.prefix else "")
        same = x.shape == x.buffer.shape[len(x.prefix):]
        return text if same else f"{text}.reshape({self.shape(x.shape)})"

    # -- statements

    def function(self, f: Function) -> str:
        """A whole function."""
        lines = [*in_lines(f"def {self.name(f)}(", [self.name(x) for x in f.parameters], "):")]
        body = [*self.lines(f.body)]
        if f.results:
            line = f"return {self.listed(f.results)}"
            fits = len(line) <= LINE_WIDTH
            body += [line] if fits else in_lines("return (", [*map(self.text, f.results)], ")")
        lines += [f"    {line}" for line in body or ["pass"]]
        return "\n".join(lines)

    def within(self, statements: list) -> Iterator[str]:
        return (f"    {line}" for line in [*self.lines(statements)] or ["pass"])

    def print_let(self, s: Let) -> Iterator[str]:
        if len(s.locals) == 1:
            yield self.assignment(self.name(s.locals[0]), s.locals[0], s.values[0])
            return
        line = f"{', '.join(map(self.name, s.locals))} = {self.listed(s.values)}"
        if len(line) <= LINE_WIDTH // 2:
            yield line
            return
        yield from self.results(s.locals)
        yield from in_lines("    ", [self.text(x) for x in s.values], "", end_of_line=" \\")

    def results(self, xs: list) -> list[str]:
        """The start of a statement that sets several names; the rest stands in the next line."""
        return in_lines("(", [self.name(x) for x in xs], ") = \\")

    def assignment(self, target: str, old: Any, value: Any) -> str:
        if isinstance(value, Apply) and value.name in ("add", "multiply", "divide") and value.args[0] == old:
            return f"{target} {INFIX[value.name][0]}= {self.text(value.args[1])}"
        return f"{target} = {self.text(value)}"

    def print_store(self, s: Store) -> Iterator[str]:
        yield self.assignment(self.text(s.place), s.place, s.value)

    def print_alloc(self, s: Alloc) -> Iterator[str]:
        shape = self.shape(s.buffer.shape)
        if s.buffer.kind != "f":
            kind = "np.bool_" if s.buffer.kind == "b" else "np.int64"
            yield f"{self.name(s.buffer)} = np.empty({shape}, {kind})"
            return
        sides = s.buffer.shape
        small = all(type(n) is int for n in sides) and 8 * math.prod(sides) < LARGE
        yield f"{self.name(s.buffer)} = {'np.empty' if small else self.called('empty_array')}({shape})"

    def print_see(self, s: See) -> Iterator[str]:
        memory, shape = self.text(s.memory), s.buffer.shape
        if s.first is not None:
            yield f"{self.name(s.buffer)} = {memory}[{s.first or ''}:{s.first + shape[0]}]"
        elif not shape or type(shape[0]) is int:
            yield f"{self.name(s.buffer)} = {memory}.reshape({self.shape(shape)})"
        elif len(shape) == 1:
            yield f"{self.name(s.buffer)} = {memory}[:{self.text(shape[0])}]"
        else:
            size = f"{self.text(shape[0], PRODUCT)} * {math.prod(shape[1:])}"
            yield f"{self.name(s.buffer)} = {memory}.reshape(-1)[:{size}].reshape({self.shape(shape)})"

    def print_call(self, s: Call) -> Iterator[str]:
        results = ", ".join(map(self.name, s.results))
        start = f"{results} = " if results else ""
        if len(start) > LINE_WIDTH // 2:
            yield from self.results(s.results)
            start = "    "
        yield from in_lines(f"{start}{self.called(s.function)}(", [self.text(x) for x in s.args], ")")

    def print_for(self, s: For) -> Iterator[str]:
        steps = f"{self.text(s.count, SUM)} - 1, -1, -1" if s.reverse else self.text(s.count)
        yield f"for {self.name(s.index)} in range({steps}):"
        yield from self.within(s.body)

    def print_forever(self, s: Forever) -> Iterator[str]:
        yield "while True:"
        yield from self.within(s.body)

    def print_if(self, s: If, word: str = "if") -> Iterator[str]:
        yield f"{word} {self.text(s.condition)}:"
        yield from self.within(s.then)
        if len(s.otherwise) == 1 and isinstance(s.otherwise[0], If):
            yield from self.print_if(s.otherwise[0], "elif")
        elif s.otherwise:
            yield "else:"
            yield from self.within(s.otherwise)

    def print_again(self, s: Again) -> Iterator[str]:
        yield "continue"

    def print_leave(self, s: Leave) -> Iterator[str]:
        yield "break"

    def print_fail(self, s: Fail) -> Iterator[str]:
        yield f"raise ArithmeticError({s.reason!r})"
