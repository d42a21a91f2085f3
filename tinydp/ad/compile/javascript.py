"""From loops and buffers to JavaScript: for programs with few arrays, and for readers.

    >>> from .statements import Function
    >>> x, y, i = Buffer("x", (3,), "f", "input"), Buffer("y", (3,), "f", "input"), Local("i", "i")
    >>> twice = Apply("multiply", (Const(2.0), Apply("add", (Load(x, (i,)), Const(1.0)), "f")), "f")
    >>> print(text_of([Function("f", [x, y], [For(i, 3, [Store(Load(y, (i,)), twice)])])]))
    function f(x, y) {
      for (let i = 0; i < 3; i++) {
        y[i] = 2.0 * (x[i] + 1.0);
      }
    }

Arrays are `Float64Array`s, flat, in C order; conditions in them are bytes, 0 or 1. A number is a double, an
integer too, so one that grows beyond 2**53 raises. What is called, kernels and elementary functions, comes
with the program (`portable/`). A kernel takes of each array where it begins and its sides, too.
"""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import portable
from .expressions import Affine, Apply, Buffer, Const, Load, Local, Memory, variables_of
from .lower import Lowered
from .operations import FLAT, SCALED
from .split import split
from .statements import Again, Alloc, Call, Fail, For, Forever, Function, If, Leave, Let, See, Store
from .storage import every, in_memory, storage
from .writing import (
    AND,
    ATOM,
    CHOICE,
    COMPARED,
    LINE_WIDTH,
    OR,
    PRODUCT,
    SIGN,
    SUM,
    Writing,
    in_lines,
)

LONGEST_FUNCTION, PART = 1500, 700               # operations in a function: engines optimise no longer ones
INFIX = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT), "divide": ("/", PRODUCT),
    "less": ("<", COMPARED), "less_equal": ("<=", COMPARED), "greater": (">", COMPARED),
    "greater_equal": (">=", COMPARED), "equal": ("===", COMPARED), "not_equal": ("!==", COMPARED),
    "logical_and": ("&&", AND), "logical_or": ("||", OR), "logical_xor": ("!==", COMPARED),
}
FORMS = {                                        # by the operands
    "negative": ("-{}", SIGN), "square": ("{0} * {0}", PRODUCT), "reciprocal": ("1.0 / {}", PRODUCT),
    "logical_not": ("!{}", SIGN),
    **{name: (f"{{}} * {factor!r}", PRODUCT) for name, factor in SCALED.items()},
}
FUNCTIONS = {
    "abs": "Math.abs", "absolute": "Math.abs", "fabs": "Math.abs", "sqrt": "Math.sqrt", "floor": "Math.floor",
    "ceil": "Math.ceil", "isfinite": "Number.isFinite", "isnan": "Number.isNaN", "float": "Number",
    "int": "Math.trunc"}
INTEGER_FORMS = {"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "square": "{0} * {0}",
                 "negative": "0 - {}"}           # 0 has no sign
INTEGER_CALLS = {"floor_divide": "floorDivided", "remainder": "remaining", "bitwise_and": "bitAnd",
                 "bitwise_or": "bitOr", "bitwise_xor": "bitXor", "abs": "Math.abs", "sign": "Math.sign",
                 "maximum": "Math.max", "minimum": "Math.min"}
FROM_RUNTIME = {"_power_of_two": "powerOfTwo", "_exponent": "exponentOf", "copysign": "copySign"}
TYPED_ARRAYS = {"f": "Float64Array", "i": "Float64Array", "b": "Uint8Array"}
KEYWORDS = frozenset(text for line in (
    "arguments await break case catch class const continue debugger default delete do else enum eval export",
    "extends false finally for function if implements import in instanceof interface let new null package",
    "private protected public return static super switch this throw true try typeof undefined var void while",
    "with yield Array BigInt Error Float64Array Infinity Math NaN Number Object Uint8Array WebAssembly",
    "Failure grown integer") for text in line.split())
RESERVED = frozenset((*KEYWORDS, *portable.names(), *INTEGER_CALLS.values(), *FROM_RUNTIME.values()))


class Script(NamedTuple):
    """A program in text: a function that makes its memory, and returns the function of arguments."""

    name: str
    text: str
    called: list[str]                            # of `portable`


def printed(module: Lowered) -> Script:
    """A module as a function that makes the memory of its program, and returns that.

    The arrays among the program's results are given to it, behind its arguments; numbers are returned.
    """
    *parts, main = functions = split(module.functions, LONGEST_FUNCTION, PART)
    printer, found = Printer(functions), storage(main)
    given = [*found.results.values()]
    scratch = [*found.stack, *found.scratch]
    printer.there = {*given, *scratch}
    texts = [f"const {printer.name(x)} = new {TYPED_ARRAYS[x.kind]}({math.prod(x.shape)});" for x in scratch]
    texts += [printer.function(f) for f in parts]
    texts.append(f"return {printer.function(main, given)};")
    inner = "\n".join(texts).replace("\n", "\n  ")
    name = f"make_{printer.name(main)}"
    return Script(name, f"function {name}() {{\n  {inner}\n}}", [*printer.called])


def text_of(functions: list[Function]) -> str:
    """The functions alone."""
    printer = Printer(functions)
    return "\n\n".join(map(printer.function, functions))


def kernels(names: Iterable[str]) -> str:
    """These functions of `portable`, and those that they call."""
    wanted, found = [*dict.fromkeys(names)], dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name not in found:
            printer = Kernel(portable.function_named(name))
            found[name] = printer.function(portable.function_named(name))
            wanted += printer.called
    return "\n\n".join(found[name] for name in sorted(found))


class Printer(Writing):
    """Prints the functions of one module."""

    reserved, remark = RESERVED, "//"

    def __init__(self, functions: list[Function]):
        super().__init__(functions)
        self.called: dict[str, None] = {}
        self.variables: set[Any] = set()         # that are set more than once
        self.starts: dict[Buffer, str] = {}      # in kernels: where an array begins
        self.there: set[Buffer] = set()          # arrays that are made once, or given

    # -- expressions

    def number(self, x: Any) -> str:
        return as_javascript(x)

    def written(self, x: Any) -> tuple[str, int]:
        if isinstance(x, Load):
            text = self.element(x)
            return (f"{text} === 1", COMPARED) if x.kind == "b" else (text, ATOM)
        return super().written(x)

    def element(self, x: Load) -> str:
        return f"{self.name(x.buffer)}[{self.place(x.buffer, x.index) or 0}]"

    def place(self, x: Buffer, index: tuple) -> str:
        """Where an element, or a part, is in a flat array; nothing if at its beginning."""
        start, terms = 0, [self.starts[x]] if x in self.starts else list[str]()
        for k, i in enumerate(index):
            sides = x.shape[k + 1:]
            known = math.prod(n for n in sides if type(n) is int)
            factors = [self.name(n) for n in sides if type(n) is not int]
            first, stride, of = i if isinstance(i, Affine) else (0, 1, i)
            if isinstance(of, Const) or type(of) is int:
                first, of = first + stride * (of.value if isinstance(of, Const) else of), None
            if not factors:
                start += known * first
            elif first:
                terms.append(" * ".join([str(known * first), *factors]))
            if of is not None:
                parts = [str(known * stride)] * (known * stride != 1) + factors
                terms.append(" * ".join([*parts, self.text(of, PRODUCT + bool(parts))]))
        text = " + ".join([*terms, *([str(start)] if start > 0 else [])])
        return text + (f" - {-start}" if start < 0 else "")

    def memory(self, x: Memory) -> str:
        """As a kernel gets it: the array, where it begins, and its sides."""
        at = self.place(x.buffer, x.prefix) or "0"
        return ", ".join([self.name(x.buffer), at, *map(self.text, x.shape)])

    def applied(self, x: Apply) -> tuple[str, int]:
        """An elementwise operation."""
        name, args = x.name, x.args
        if name == "length":
            row = math.prod(args[0].shape[1:])
            return f"{self.name(args[0])}.length" + (f" / {row}" if row != 1 else ""), PRODUCT
        if x.kind == "i" and (found := self.of_integers(name, args)):
            return found
        if name in INFIX:
            symbol, binding = INFIX[name]
            left = binding + (binding == COMPARED)       # a < b < c would be (a < b) < c
            return f"{self.text(args[0], left)} {symbol} {self.text(args[1], binding + 1)}", binding
        if name == "square" and isinstance(args[0], Apply):
            return self.by_function("square", args)
        if name in FORMS:
            form, binding = FORMS[name]
            return form.format(self.text(args[0], binding + 1)), binding
        if name == "where":
            condition, a, b = (self.text(arg, OR) for arg in args)
            return f"{condition} ? {a} : {b}", CHOICE
        if name in ("positive", "float") and getattr(args[0], "kind", "i") != "b":
            return self.written(args[0])
        if name == "power" and isinstance(args[1], Const) and type(args[1].value) is int:
            return self.by_function({3: "cube", 4: "fourth"}[args[1].value], args[:1])
        return self.by_function(name, args)

    def of_integers(self, name: str, args: tuple) -> tuple[str, int] | None:
        """An operation on integers, which has to remain one."""
        if name in INTEGER_FORMS:
            return f"integer({INTEGER_FORMS[name].format(*[self.text(x, PRODUCT + 1) for x in args])})", ATOM
        if name == "clip":
            return f"Math.min(Math.max({self.listed(args[:2])}), {self.text(args[2])})", ATOM
        if name in INTEGER_CALLS:
            return f"{INTEGER_CALLS[name]}({self.listed(args)})", ATOM
        return None

    def by_function(self, name: str, args: tuple) -> tuple[str, int]:
        """A call of a function of numbers."""
        return f"{self.function_name(name)}({self.listed(args)})", ATOM

    def function_name(self, function: Any) -> str:
        """A function by its name; if it is none of the language's, the module will have it."""
        if not isinstance(function, str):
            return self.name(function)
        if function in FUNCTIONS or function in FROM_RUNTIME:
            return FUNCTIONS.get(function) or FROM_RUNTIME[function]
        if not portable.has_function(function):
            raise portable.Unknown(function)
        self.called[portable.OWN_NAMES.get(function, function)] = None
        return portable.OWN_NAMES.get(function, function)

    # -- statements

    def function(self, f: Function, given: Iterable[Buffer] = ()) -> str:
        """A whole function; its last parameters are arrays that it fills."""
        return "\n".join(self.lines_of(f, given))

    def lines_of(self, f: Function, given: Iterable[Buffer]) -> Iterator[str]:
        self.declare(f)
        head = [self.parameter(x) for x in (*f.parameters, *given)]
        yield from in_lines(f"function {self.name(f)}(", head, ") {")
        changing = [x for x in self.variables if x not in f.parameters]
        if changing:
            yield from in_lines("  let ", sorted(map(self.name, changing)), ";")
        yield from self.within(f.body)
        results = [self.result(x, set(given)) for x in f.results]
        results = [x for x in results if x]
        if len(f.results) == 1 and not given and results:
            yield f"  return {results[0]};"
        elif f.results:
            yield from in_lines("  return [", results, "];")
        yield "}"

    def parameter(self, x: Any) -> str:
        return self.name(x)

    def declare(self, f: Function) -> None:
        """Find out which variables are set more than once, or have to be declared before they are set."""
        self.variables = set(in_memory(f))
        for s in every(f.body):
            found = s.locals if isinstance(s, Let) else s.results if isinstance(s, Call) else []
            if len(found) > 1 and (self.variables.intersection(found) or (
                    isinstance(s, Let) and not are_independent(s))):
                self.variables.update(x for x in found if isinstance(x, Local))

    def result(self, x: Any, given: set) -> str:
        """A result; an array that was given needs none, another one is a copy of as much as there is."""
        if not isinstance(x, Memory):
            return self.text(x)
        if x.buffer.root in given:
            return ""
        sides = " * ".join(self.text(n, PRODUCT) for n in x.shape)
        return f"{self.name(x.buffer)}.slice(0, {sides})"

    def within(self, statements: list) -> Iterator[str]:
        return (f"  {line}" for line in self.lines(statements))

    def setting(self, x: Any) -> str:
        """How a statement begins that sets a variable."""
        return self.name(x) if x in self.variables else f"const {self.name(x)}"

    def print_let(self, s: Let) -> Iterator[str]:
        if len(s.locals) == 1 or are_independent(s):
            for x, value in zip(s.locals, s.values, strict=True):
                yield self.assignment(self.setting(x), x, value)
        else:
            yield from self.several(s.locals, [self.text(x) for x in s.values], "[", "];")

    def several(self, xs: list, parts: list[str], start: str, end: str) -> Iterator[str]:
        """Set several variables at once."""
        first = f"{'' if xs[0] in self.variables else 'const '}[{', '.join(map(self.name, xs))}] = {start}"
        if len(first) > LINE_WIDTH // 2:
            yield first
            first = "  "
        yield from in_lines(first, parts, end)

    def assignment(self, target: str, old: Any, value: Any) -> str:
        if isinstance(value, Apply) and value.name in ("add", "multiply", "divide") and (
                value.args[0] == old and value.kind == "f"):
            return f"{target} {INFIX[value.name][0]}= {self.text(value.args[1])};"
        return f"{target} = {self.text(value)};"

    def print_store(self, s: Store) -> Iterator[str]:
        yield self.assignment(self.element(s.place), s.place, s.value)

    def print_alloc(self, s: Alloc) -> Iterator[str]:
        if s.buffer in self.there:
            return
        sides = " * ".join(self.text(n, PRODUCT) for n in s.buffer.shape)
        yield f"let {self.name(s.buffer)} = new {TYPED_ARRAYS[s.buffer.kind]}({sides});"

    def print_see(self, s: See) -> Iterator[str]:
        at = self.place(s.memory.buffer, s.memory.prefix or (s.first or 0,))
        text = self.name(s.memory.buffer) + (f".subarray({at})" if at else "")
        yield f"const {self.name(s.buffer)} = {text};"

    def print_call(self, s: Call) -> Iterator[str]:
        if s.function == "grown":
            for x in s.results:
                yield f"{self.name(x)} = grown({self.name(x)});"
            return
        args = [self.text(x._replace(shape=(math.prod(x.shape),)) if is_flat(s.function, x) else x)
                for x in s.args]
        start = f"{self.function_name(s.function)}("
        if len(s.results) > 1:
            yield from self.several(s.results, args, start, ");")
        else:
            results = "".join(f"{self.setting(x)} = " for x in s.results)
            yield from in_lines(f"{results}{start}", args, ");")

    def print_for(self, s: For) -> Iterator[str]:
        i, n = self.name(s.index), s.count
        if s.reverse:
            yield f"for (let {i} = {self.text(n, SUM)} - 1; {i} >= 0; {i}--) {{"
        else:
            yield f"for (let {i} = 0; {i} < {self.text(n, COMPARED + 1)}; {i}++) {{"
        yield from self.within(s.body)
        yield "}"

    def print_forever(self, s: Forever) -> Iterator[str]:
        yield "for (;;) {"
        yield from self.within(s.body)
        yield "}"

    def print_if(self, s: If, before: str = "") -> Iterator[str]:
        yield f"{before}if ({self.text(s.condition)}) {{"
        yield from self.within(s.then)
        if len(s.otherwise) == 1 and isinstance(s.otherwise[0], If):
            yield from self.print_if(s.otherwise[0], "} else ")
            return
        if s.otherwise:
            yield "} else {"
            yield from self.within(s.otherwise)
        yield "}"

    def print_again(self, s: Again) -> Iterator[str]:
        yield "continue;"

    def print_leave(self, s: Leave) -> Iterator[str]:
        yield "break;"

    def print_fail(self, s: Fail) -> Iterator[str]:
        yield f"throw new Failure({json.dumps(s.reason)});"


class Kernel(Printer):
    """Prints a function of `portable`: its arrays begin anywhere, and its integers are small."""

    def __init__(self, f: Function):
        super().__init__([f])
        self.names[f] = f.label
        self.starts = {x: self.fresh(f"{x.label}_at") for x in f.parameters if isinstance(x, Buffer)}

    def parameter(self, x: Any) -> str:
        return f"{self.name(x)}, {self.starts[x]}" if isinstance(x, Buffer) else self.name(x)

    def of_integers(self, name: str, args: tuple) -> tuple[str, int] | None:
        return None if name in INTEGER_FORMS else super().of_integers(name, args)


def as_javascript(x: Any) -> str:
    """A number, or true or false."""
    x = x.item() if hasattr(x, "item") else x
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return repr(x)


def is_flat(kernel: Any, x: Any) -> bool:
    """Whether a kernel takes this array as a vector."""
    return kernel in FLAT and isinstance(x, Memory)


def are_independent(s: Let) -> bool:
    """Whether variables that are set at once may be set one after the other."""
    before: set[Any] = set()
    for x, value in zip(s.locals, s.values, strict=True):
        if before.intersection(variables_of(value)):
            return False
        before.add(x)
    return True
