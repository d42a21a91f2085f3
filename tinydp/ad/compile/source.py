"""From a program to Python source that Numba compiles, and that people can read.

Numbers become local variables with the names that they had, arrays become loops. Neighbouring
operations on arrays of one shape share a loop, and what is used only within it never becomes an
array. Reshaping, transposing and slicing cost nothing: they only change how an index is written.
"""

import copy
import keyword
import math
import os
import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import Spot
from .loops import EventCall, LoopCall, ReverseEventCall, ScanCall
from .trace import Call, Program, Sym, line_of, not_compiled

# ---------------------------------------------------------------------------- the table

# operator: (text, how tightly it binds); for operands that bind less, parentheses are written
_ATOM, _POWER, _SIGN, _PRODUCT, _SUM, _COMPARED, _NOT, _CHOICE = 9, 8, 7, 6, 5, 4, 3, 0
_INFIX = {
    "add": ("+", _SUM), "subtract": ("-", _SUM), "multiply": ("*", _PRODUCT), "divide": ("/", _PRODUCT),
    "power": ("**", _POWER), "float_power": ("**", _POWER), "floor_divide": ("//", _PRODUCT),
    "less": ("<", _COMPARED), "less_equal": ("<=", _COMPARED), "greater": (">", _COMPARED),
    "greater_equal": (">=", _COMPARED), "equal": ("==", _COMPARED), "not_equal": ("!=", _COMPARED),
    "logical_and": ("and", _NOT), "logical_or": ("or", _NOT), "logical_xor": ("!=", _COMPARED),
}
_FROM_MATH = {
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arctan2": "atan2", "sinh": "sinh", "cosh": "cosh", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "expm1": "expm1", "log": "log", "log1p": "log1p", "log10": "log10",
    "log2": "log2", "sqrt": "sqrt", "hypot": "hypot", "copysign": "copysign", "floor": "floor", "ceil": "ceil",
    "trunc": "trunc", "isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite", "fmod": "fmod",
    "deg2rad": "radians", "radians": "radians", "rad2deg": "degrees", "degrees": "degrees",
}
_FROM_KERNELS = ("exp", "tanh", "maximum", "minimum", "fmax", "fmin", "clip", "sign", "logaddexp", "mod")
_FROM_NUMPY = {"exp2": "np.exp2", "cbrt": "np.cbrt", "rint": "np.rint", "signbit": "np.signbit"}
_WRITTEN_OUT = {                                 # by their operands
    "negative": ("-{}", _SIGN), "positive": ("{}", _ATOM), "abs": ("abs({})", _ATOM),
    "absolute": ("abs({})", _ATOM), "fabs": ("abs({})", _ATOM), "square": ("{0} * {0}", _PRODUCT),
    "reciprocal": ("1.0 / {}", _PRODUCT), "logical_not": ("not {}", _NOT),
}
_REDUCTIONS = ("sum", "mean", "max", "min", "amax", "amin", "prod", "any", "all")
_VIEWS = ("getitem", "reshape", "ravel", "squeeze", "expand_dims", "transpose", "swapaxes", "moveaxis",
          "broadcast_to", "flip", "fliplr", "flipud", "copy", "real", "conjugate")
_FILLED = ("stack", "concatenate", "scatter")
_ELEMENTWISE = frozenset((*_INFIX, *_FROM_MATH, *_FROM_KERNELS, *_FROM_NUMPY, *_WRITTEN_OUT, "where", "remainder"))
_WHOLE = ("sin", "cos")                          # of an array: by a kernel for the whole array
_KNOWN = frozenset((*_ELEMENTWISE, *_REDUCTIONS, *_VIEWS, *_FILLED, "matmul", "vecdot"))

EXPANSIONS: dict[str, Callable] = {
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    "var": lambda x, axis=None, ddof=0, keepdims=False, correction=0: np.sum(
        (x - np.mean(x, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims)
        / (x.size / max(np.size(np.sum(np.zeros(x.shape), axis=axis)), 1) - ddof - correction),
    "std": lambda x, **options: np.sqrt(np.var(x, **options)),
    "vecdot": lambda a, b: np.sum(a * b, axis=-1),
    "matvec": lambda a, x: np.matmul(a, x), "vecmat": lambda x, a: np.matmul(x, a),
    "logaddexp2": lambda a, b: np.logaddexp(a * math.log(2), b * math.log(2)) / math.log(2),
    "round": lambda x, decimals=0: np.rint(x * 10**decimals) / 10**decimals,
    "tril": lambda m, k=0: np.where(np.tri(*m.shape[-2:], k, dtype=bool), m, 0.0),
    "triu": lambda m, k=0: np.where(np.tri(*m.shape[-2:], k - 1, dtype=bool), 0.0, m),
    "times": lambda g, d, name="": np.where(g == 0.0, 0.0, g * d),
}


def is_known(name: str) -> bool:
    """Whether there is a way to write this function down."""
    return name in _KNOWN


RESERVED = frozenset((*keyword.kwlist, "finite", "as_traced", "np", "njit", "i", "j", "k", "l", "n", "abs", "range", "dot", "vecmat",
                      "matvec", "matmul", "matmul_tn", "matmul_nt", "grown", "guess", "narrowed", "sin_into", "all_finite",
                      "cos_into", "float", "len", "math", *_FROM_MATH.values(), *_FROM_KERNELS))

# ---------------------------------------------------------------------------- pruning


def pruned(program: Program) -> Program:
    """The program without what its outputs do not need, inside its loops as well."""
    wanted = {id(x) for x in program.outputs if isinstance(x, Sym)}
    calls = []
    for call in reversed(program.calls):
        if not any(id(out) in wanted for out in call.outs):
            continue
        if isinstance(call, LoopCall):
            call = pruned_loop(call, wanted)
        calls.append(call)
        wanted.update(id(x) for x in call.operands)
    return Program(program.inputs, program.captures, calls[::-1], program.outputs)


def pruned_loop(call: Any, wanted: set) -> Any:
    """The loop with those parts of the carry and of the rows that somebody wants."""
    call = copy.copy(call)
    body, n = call.body, len(call.inits)
    if isinstance(call, ReverseEventCall):
        call.body = pruned(body)
        return call
    heights = 1 if isinstance(call, EventCall) else 0
    ys = [k for k, out in enumerate(call.y_outs) if id(out) in wanted]
    carry = [k for k, out in enumerate(call.carry_outs) if id(out) in wanted]
    while True:
        chosen = [*carry, *range(n, n + heights), *(n + heights + k for k in ys)]
        inner = pruned(Program(body.inputs, body.captures, body.calls, [body.outputs[k] for k in chosen]))
        used = inner.used()
        more = sorted({*carry, *(k for k in range(n) if id(body.inputs[k]) in used)})
        if more == carry:
            break
        carry = more
    rows = [k for k, x in enumerate(body.inputs[n + heights:]) if id(x) in used]
    inner.inputs = [body.inputs[k] for k in (*carry, *range(n, n + heights))]
    inner.inputs += [body.inputs[n + heights + k] for k in rows]
    call.body = inner
    call.inits, call.xs = [call.inits[k] for k in carry], [call.xs[k] for k in rows]
    call.carry_outs, call.y_outs = [call.carry_outs[k] for k in carry], [call.y_outs[k] for k in ys]
    return call


# ---------------------------------------------------------------------------- values in the source

class Text(NamedTuple):
    """A number, as an expression."""

    text: str
    binding: int = _ATOM

    def within(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


class Array:
    """An array: how its element at given indices is written, and, if it lies in memory as a whole, that."""

    def __init__(self, shape: tuple, at: Callable[[list[str]], str], whole: "tuple[str, tuple] | None" = None,
                 turned: "Array | None" = None):
        self.shape, self.at, self.whole, self.turned = shape, at, whole, turned

    def as_memory(self, shape: tuple) -> str | None:
        """An expression for the whole array, in C order and of this shape."""
        if self.whole is None:
            return None
        text, its_shape = self.whole
        return text if its_shape == shape else f"{text}.reshape({_tuple(shape)})"


def _tuple(shape: tuple) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def in_memory(name: str, shape: tuple, prefix: tuple[str, ...] = ()) -> Array:
    """An array of this name; with a prefix, the part of it at these indices."""
    whole = f"{name}[{', '.join(prefix)}]" if prefix else name
    return Array(shape, lambda at: f"{name}[{', '.join((*prefix, *at))}]", (whole, shape))


def broadcast(array: Array, shape: tuple) -> Array:
    if array.shape == shape:
        return array
    extra = len(shape) - len(array.shape)

    def at(index: list[str]) -> str:
        return array.at(["0" if n == 1 else i for i, n in zip(index[extra:], array.shape, strict=True)])

    return Array(shape, at)


def indexed(array: Array, index: Any, constant: Callable[[Any], str]) -> Array:
    """`array[index]`, for fixed integers, slices, None, ... and at most one list of integers."""
    parts = list(index) if isinstance(index, tuple) else [index]
    given = sum(part is not None and part is not Ellipsis for part in parts)
    if any(part is Ellipsis for part in parts):
        k = next(k for k, part in enumerate(parts) if part is Ellipsis)
        parts[k:k + 1] = [slice(None)] * (len(array.shape) - given)
    else:
        parts += [slice(None)] * (len(array.shape) - given)
    shape: list[int] = []
    axes: list[Callable[[list[str]], str]] = []
    lists = 0
    sides = iter(array.shape)
    for part in parts:
        position = len(shape)
        if part is None:
            shape.append(1)
            continue
        side = next(sides)
        if isinstance(part, slice):
            start, stop, stride = part.indices(side)
            shape.append(len(range(start, stop, stride)))
            axes.append(lambda at, p=position, a=start, s=stride: _affine(at[p], a, s))
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            axes.append(lambda at, a=int(part) % side: str(a))
        else:
            numbers = np.asarray(part)
            if numbers.dtype.kind == "b" and numbers.ndim == 1:
                numbers = np.flatnonzero(numbers)
            lists += 1
            if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or lists > 1:
                raise not_compiled(f"an index such as [{part!r:.40}]")
            shape.append(len(numbers))
            name = constant(numbers % side)
            axes.append(lambda at, p=position, name=name: f"{name}[{at[p]}]")
    return Array(tuple(shape), lambda at: array.at([axis(at) for axis in axes]))


def _affine(i: str, start: int, stride: int) -> str:
    scaled = i if stride == 1 else f"{stride} * {i}"
    if i.isdigit():
        return str(start + stride * int(i))
    return scaled if start == 0 else f"{start} + {scaled}"


# ---------------------------------------------------------------------------- the writer

LONG = 40                                        # calls, from which on a body is a function

class Source(NamedTuple):
    """A function in text, and the constant arrays that it takes as its last arguments."""

    text: str
    constants: list


class Writer:
    """Writes one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.top: list[str] = []
        self.names: set[str] = set(RESERVED)
        self.values: dict[int, Any] = {}
        self.keep: list[Any] = []
        self.constants: dict[int, tuple[str, Any]] = {}
        self.last_spot: Any = None
        self.functions: list[str] = []           # bodies of loops
        self.parameters: set[str] = set()
        self.heads: dict[tuple, str] = {}

    # -- text

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self, wanted: str) -> str:
        """A name that is not taken yet."""
        wanted = re.sub(r"\W+", "_", wanted).strip("_") or "t"
        wanted = f"v_{wanted}" if wanted[0].isdigit() else wanted
        name, k = wanted, 1
        while name in self.names:
            name, k = f"{wanted}_{k}", k + 1
        self.names.add(name)
        return name

    def comment(self, spot: Spot, back: bool) -> None:
        """Say which line of the user's program comes now."""
        place = (spot.code.co_filename, spot.line, back)
        if place == self.last_spot:
            return
        self.last_spot = place
        file, line, text = line_of(spot)
        if text:
            arrow = "back through " if back else ""
            self.line(f"# {arrow}{os.path.basename(file)}:{line}: {text[:80]}")

    # -- values

    def bind(self, x: Sym, value: Any) -> None:
        self.values[id(x)] = value
        self.keep.append(x)

    def get(self, x: Any) -> Any:
        """The `Text` or `Array` of a value or a constant."""
        if isinstance(x, Sym):
            return self.values[id(x)]
        if isinstance(x, np.ndarray):
            return in_memory(self.constant(x), x.shape)
        return Text(repr(x) if not isinstance(x, float) or math.isfinite(x) else _odd(x),
                    _SIGN if isinstance(x, (int, float)) and x < 0 else _ATOM)

    def constant(self, x: np.ndarray) -> str:
        if id(x) not in self.constants:
            self.constants[id(x)] = (self.fresh("constant"), x)
        return self.constants[id(x)][0]

    def allocate(self, wanted: str, shape: tuple, kind: str) -> str:
        """A new array, made once at the head of the function."""
        name = self.fresh(wanted)
        of = ", np.bool_" if kind == "b" else ""
        self.top.append(f"    {name} = np.empty({_tuple(shape)}{of})")
        return name

    def memory(self, x: Any) -> str:
        """The whole of an array value in C order; copied to be so if need be."""
        array = self.get(x)
        text = array.as_memory(np.shape(x) if isinstance(x, np.ndarray) else x.shape)
        if text is None:
            text = self.allocate("copy", array.shape, "f")
            self.copy(array, in_memory(text, array.shape))
        return text

    def reshaped(self, text: str, old: tuple, new: tuple) -> str:
        """Memory in another shape; of an argument of the function it is made once, at its head."""
        if old == new:
            return text
        if text not in self.parameters:
            return f"{text}.reshape({_tuple(new)})"
        if (text, new) not in self.heads:
            name = self.heads[text, new] = self.fresh(f"{text}_flat")
            self.top.append(f"    {name} = {text}.reshape({_tuple(new)})")
        return self.heads[text, new]

    def copy(self, source: Any, target: Array, add: bool = False) -> None:
        """Loops that set (or increase) each element of the target."""
        index = self.loops(target.shape)
        text = source.text if isinstance(source, Text) else broadcast(source, target.shape).at(index)
        self.line(f"{target.at(index)} {'+=' if add else '='} {text}")
        self.depth -= len(index)

    def loops(self, shape: tuple) -> list[str]:
        """Open a loop for each axis; the caller closes them."""
        index = []
        for n, name in zip(shape, self.index_names(len(shape)), strict=True):
            self.line(f"for {name} in range({n}):")
            self.depth += 1
            index.append(name)
        return index

    def index_names(self, n: int) -> list[str]:
        return ["i", "j", "k", "l", "i4", "i5", "i6", "i7"][:n]

    def condition(self, name: str, parts: list[str]) -> None:
        """A variable that says whether all parts are true."""
        text = " and ".join(parts) or "True"
        if len(text) < 100:
            self.line(f"{name} = {text}")
            return
        self.line(f"{name} = ({parts[0]}")
        for k, part in enumerate(parts[1:]):
            self.line(" " * (len(name) + 4) + f"and {part}{')' * (k == len(parts) - 2)}")

    # -- programs

    def body(self, program: Program, places: dict[int, Array], wanted: str, rows: Any = None,
             step: str = "") -> bool:
        """The body of a loop; a long one of numbers alone becomes a function of its own.

        Numba's time to compile grows faster than the length of a function, the more so in a loop.
        Returns whether the function stores the rows that share an array.
        """
        values = [*program.inputs, *(x for call in program.calls for x in (*call.operands, *call.outs))]
        if len(program.calls) < LONG or any(x.shape for x in values) or any(
                isinstance(call, LoopCall) for call in program.calls):
            self.block(program, places)
            return False
        used = program.used()
        given = {id(x): x for x in (*program.inputs, *(inner for _, inner in program.captures)) if id(x) in used}
        outside = {key: self.values[key] for key in given}
        made = {id(out) for call in program.calls for out in call.outs}
        outs = {id(x): x for x in program.outputs if id(x) in made}

        name = self.fresh(wanted)
        before = self.lines, self.depth, self.names, self.last_spot
        self.lines, self.depth, self.names, self.last_spot = [], 1, set(RESERVED) | {name}, None
        passed: dict[str, str] = {}              # expression around -> parameter
        for key, x in given.items():
            element = re.fullmatch(r"(\w+)\[(\w+), (\d+)\]", outside[key].text)
            if element:                          # of a shared array, which is passed as a whole
                for text, parameter in ((element[1], "stored"), (element[2], "row")):
                    passed.setdefault(text, self.fresh(parameter) if text not in passed else "")
                text = f"{passed[element[1]]}[{passed[element[2]]}, {element[3]}]"
                own = self.fresh(_label(x) or "t")
                self.line(f"{own} = {text}")
                self.bind(x, Text(own))
                continue
            own = self.fresh(x.name or _label(x) or "t")
            passed[outside[key].text] = own
            self.bind(x, Text(own))
        self.block(program)
        storing = rows is not None and bool(rows.shared)
        if storing:
            passed[rows.shared], passed[step] = self.fresh("stored"), self.fresh("row")
            rows.store_shared(passed[rows.shared], passed[step])
            kept = {id(x) for x in program.outputs[: len(program.outputs) - len(rows.rows)]}
            kept |= {id(row) for _, row in rows._own()}
            outs = {key: x for key, x in outs.items() if key in kept}
        results = [self.values[key].text for key in outs]
        self.wrapped("return ", results, "")
        lines = self.lines
        self.lines, self.depth, self.names, self.last_spot = before
        head = Writer()
        head.depth = 0
        head.wrapped(f"def {name}(", list(passed.values()), "):")
        self.functions.append("\n".join([*head.lines, *lines]))

        for key, x in given.items():
            self.bind(x, outside[key])
        names = [self.fresh(result if result.isidentifier() else "t") for result in results]
        for x, result in zip(outs.values(), names, strict=True):
            self.bind(x, Text(result))
        self.wrapped("(" if len(names) > 1 else "", names, f"{')' if len(names) > 1 else ''} = {name}(", False)
        self.wrapped("    ", list(passed), ")")
        return storing

    def wrapped(self, start: str, parts: list[str], end: str, last: bool = True) -> None:
        """A line of many parts, broken where it gets too long."""
        indent = "    " * self.depth
        width = 100 - len(indent)
        lines = textwrap.wrap(", ".join(parts), width - len(start), break_long_words=False) or [""]
        for k, line in enumerate(lines):
            head = start if k == 0 else " " * len(start)
            tail = end if k == len(lines) - 1 else ""
            continued = " \\" if start.endswith("return ") and k < len(lines) - 1 else ""
            self.lines.append(indent + head + line + tail + continued)

    def block(self, program: Program, places: dict[int, Array] | None = None) -> None:
        """All calls of a program; arrays listed in `places` are written there."""
        Block(self, program, places or {}).write()


def _odd(x: float) -> str:
    return "np.nan" if x != x else ("np.inf" if x > 0 else "-np.inf")


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
        if name in _ELEMENTWISE and (name not in _WHOLE or not out.shape):
            if out.shape:
                self.join(call)
            else:
                self.number(call)
            return
        for x in call.operands:
            self.ready(x)
        if name in _VIEWS:
            self.w.bind(out, self.view(call))
            if id(out) in self.places:
                self.w.copy(self.w.get(out), self.places[id(out)])
                self.w.bind(out, self.places[id(out)])
            return
        self.w.comment(call.spot, call.back)
        if name in _WHOLE:
            target = self.target(out)
            self.w.line(f"{name}_into({self.w.memory(call.args[0])}, {target.as_memory(out.shape)})")
        elif name == "matmul":
            self.matmul(call)
        elif name in _REDUCTIONS:
            self.reduce(call)
        elif name in _FILLED:
            self.fill(call)
        else:
            raise not_compiled(name)

    def target(self, out: Sym) -> Array:
        """Where an array is written to: from now on it is there."""
        array = self.places.get(id(out))
        if array is None:
            array = self.new_array(out)
        self.w.bind(out, array)
        return array

    def new_array(self, out: Sym) -> Array:
        """Memory for a value; that of a single row or column is a vector."""
        shape = out.shape
        if len(shape) != 2 or 1 not in shape:
            return in_memory(self.w.allocate(self.name_of(out), shape, out.kind), shape)
        size, k = math.prod(shape), 0 if shape[1] == 1 else 1
        name = self.w.allocate(self.name_of(out), (size,), out.kind)
        return Array(shape, lambda at: f"{name}[{at[k]}]", (name, (size,)))

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
        self.w.bind(out, Text(name))

    def may_inline(self, call: Call, user: Any, text: Text) -> bool:
        """Whether a number that is used once may stand where it is used, as in the user's own line."""
        return (isinstance(user, Call) and user.op.name in _ELEMENTWISE and not user.out.shape
                and user.spot.line == call.spot.line and user.back == call.back
                and user.op.name != "square" and len(text.text) < 60
                and sum(x is call.out for x in user.args) == 1)

    def expression(self, call: Call, args: list[Text]) -> Text:
        """The call, written with these operands."""
        name = call.op.name
        if name in ("power", "float_power") and not isinstance(call.args[1], Sym) and call.args[1] == 2:
            return Text(f"{args[0].within(_POWER)} * {args[0].within(_POWER)}", _PRODUCT)
        if name in _INFIX:
            symbol, binding = _INFIX[name]
            left, right = binding, binding + 1           # a - (b - c) keeps its parentheses
            if binding == _POWER:
                left, right = binding + 1, binding
            return Text(f"{args[0].within(left)} {symbol} {args[1].within(right)}", binding)
        if name in _WRITTEN_OUT:
            form, binding = _WRITTEN_OUT[name]
            inner = 0 if "(" in form else binding + 1
            return Text(form.format(args[0].within(inner)), binding)
        if name == "where":
            return Text(f"{args[1].within(1)} if {args[0].within(1)} else {args[2].within(1)}", _CHOICE)
        name = "mod" if name == "remainder" else name
        function = (_FROM_MATH.get(name) or _FROM_NUMPY.get(name) or name)
        if function in ("floor", "ceil", "trunc"):
            function = f"np.{function}"
        return Text(f"{function}({', '.join(x.text for x in args)})")

    # -- arrays, element by element

    def join(self, call: Call) -> None:
        """Let it share the loop of its shape; what it needs from elsewhere must be there before."""
        shape = call.out.shape
        for x in call.operands:
            if self.waiting.get(id(x)) not in (None, shape):
                self.ready(x)
            elif id(x) in self.waiting and x.shape != shape:
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
        arrays = {}
        for call in stored:                      # named before the loop, where they are made
            array = self.places.get(id(call.out))
            if array is None:
                array = self.new_array(call.out)
            targets[id(call.out)] = array
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
                args.append(value if isinstance(value, Text) else Text(broadcast(value, shape).at(index)))
            text = self.expression(call, args)
            users = self.users.get(id(call.out), [])
            if id(call.out) not in targets and len(users) == 1 and self.may_inline_here(call, users[0], text):
                local[id(call.out)] = text
                continue
            self.w.comment(call.spot, call.back)
            if id(call.out) in targets and not any(id(user) in inside for user in users):
                self.w.line(f"{targets[id(call.out)].at(index)} = {text.text}")
                continue
            name = self.w.fresh(self.name_of(call.out) + ("" if id(call.out) not in targets else "_here"))
            self.w.line(f"{name} = {text.text}")
            local[id(call.out)] = Text(name)
            if id(call.out) in targets:
                self.w.line(f"{targets[id(call.out)].at(index)} = {name}")
        self.w.depth -= len(index)
        arrays.update(targets)
        for call in stored:
            self.w.bind(call.out, arrays[id(call.out)])

    def may_inline_here(self, call: Call, user: Any, text: Text) -> bool:
        return (isinstance(user, Call) and user.op.name in _ELEMENTWISE and user.op.name != "square"
                and user.spot.line == call.spot.line and user.back == call.back and len(text.text) < 60
                and sum(x is call.out for x in user.args) == 1
                and not (user.op.name in ("power", "float_power") and user.args[0] is call.out))

    # -- views

    def view(self, call: Call) -> Any:
        name, x, out = call.op.name, call.args[0], call.out
        array, rest, options = self.w.get(x), call.args[1:], call.options
        n = x.ndim
        if not x.shape and not out.shape:
            return array
        if isinstance(array, Text):              # a number that is spread or given an axis
            return Array(out.shape, lambda at: array.within(_PRODUCT))
        if name in ("copy", "real", "conjugate"):
            return array
        if name == "getitem":
            found = indexed(array, rest[0], self.w.constant)
            return found if found.shape else Text(found.at([]))
        if name == "broadcast_to":
            return broadcast(array, out.shape)
        if name in ("transpose", "swapaxes", "moveaxis"):
            order = np.transpose(np.empty((0,) * 0)) if False else _order(name, n, rest, options)
            back = [order.index(k) for k in range(n)]
            if order == [1, 0] and any(isinstance(user, LoopCall) for user in self.users[id(out)]):
                turned = in_memory(self.w.allocate("turned", out.shape, "f"), out.shape)
                self.w.copy(Array(out.shape, lambda at: array.at([at[k] for k in back])), turned)
                return turned                    # once, before the loop
            return Array(out.shape, lambda at: array.at([at[k] for k in back]),
                         turned=array if order == [1, 0] else None)
        if name in ("flip", "fliplr", "flipud"):
            axes = _flipped(name, n, rest, options)
            return Array(out.shape, lambda at: array.at(
                [f"{x.shape[k] - 1} - {i}" if k in axes else i for k, i in enumerate(at)]))
        return self.reshaped(array, x.shape, out.shape)

    def reshaped(self, array: Array, old: tuple, new: tuple) -> Any:
        """The same elements in the same order."""
        whole = array.whole
        if not new:
            return Text(array.at(["0"] * len(old)))
        if [n for n in old if n != 1] == [n for n in new if n != 1]:
            wide = [k for k, n in enumerate(new) if n != 1]

            def at(index: list[str]) -> str:
                rest = iter([index[k] for k in wide])
                return array.at(["0" if n == 1 else next(rest) for n in old])

            return Array(new, at, whole)
        if whole is None:
            name = self.w.allocate("copy", old, "f")
            self.w.copy(array, in_memory(name, old))
            whole = (name, old)
        name = self.w.fresh("reshaped")
        text, its_shape = whole
        self.w.line(f"{name} = {text}.reshape({_tuple(new)})")
        return in_memory(name, new)

    # -- products, sums, joins

    def matmul(self, call: Call) -> None:
        a, b = call.args
        out = call.out
        dims = np.ndim(a) if not isinstance(a, Sym) else a.ndim, np.ndim(b) if not isinstance(b, Sym) else b.ndim
        w = self.w
        if max(dims) > 2:
            raise not_compiled("matmul of arrays of more than two axes")
        if dims == (1, 1):
            name = w.fresh(self.name_of(out))
            w.line(f"{name} = dot({w.memory(a)}, {w.memory(b)})")
            w.bind(out, Text(name))
            return
        shapes = np.shape(a), np.shape(b)
        place = self.target(out)
        result = place.as_memory(out.shape)
        if dims == (1, 2) or (dims == (2, 2) and shapes[0][0] == 1):
            vector = self.as_vector(a)
            result = place.as_memory((shapes[1][1],))
            turned = self.turned(b)
            w.line(f"matvec({turned}, {vector}, {result})" if turned else
                   f"vecmat({vector}, {w.memory(b)}, {result})")
        elif dims == (2, 1) or shapes[1][1] == 1:
            vector = self.as_vector(b)
            result = place.as_memory((shapes[0][0],))
            turned = self.turned(a)
            w.line(f"vecmat({vector}, {turned}, {result})" if turned else
                   f"matvec({w.memory(a)}, {vector}, {result})")
        elif self.turned(a):
            w.line(f"matmul_tn({self.turned(a)}, {w.memory(b)}, {result})")
        elif self.turned(b):
            w.line(f"matmul_nt({w.memory(a)}, {self.turned(b)}, {result})")
        else:
            w.line(f"matmul({w.memory(a)}, {w.memory(b)}, {result})")

    def as_vector(self, x: Any) -> str:
        size = int(np.size(x)) if not isinstance(x, Sym) else x.size
        array = self.w.get(x)
        if array.whole is None:
            array = in_memory(self.w.memory(x), array.shape)
        return self.w.reshaped(*array.whole, (size,))

    def turned(self, x: Any) -> str | None:
        """The matrix of which `x` is the transpose."""
        array = self.w.get(x)
        return array.turned.as_memory(array.turned.shape) if array.turned is not None else None

    def reduce(self, call: Call) -> None:
        x, out, name = call.args[0], call.out, call.op.name.removeprefix("a")
        if not x.shape:
            self.w.bind(out, self.w.get(x))
            return
        axis = call.args[1] if len(call.args) > 1 else call.options.get("axis")
        n = x.ndim
        axes = set(range(n)) if axis is None else {int(k) % n for k in np.atleast_1d(axis)}
        array, w = self.w.get(x), self.w
        count = math.prod(x.shape[k] for k in axes)
        if call.op.name in ("any", "all"):
            name = call.op.name
        start = {"sum": "0.0", "mean": "0.0", "prod": "1.0", "max": "-np.inf", "min": "np.inf",
                 "any": "False", "all": "True"}[name]
        form = {"sum": "{} + {}", "mean": "{} + {}", "prod": "{} * {}", "max": "maximum({}, {})",
                "min": "minimum({}, {})", "any": "{} or {}", "all": "{} and {}"}[name]
        order = [*sorted(set(range(n)) - axes), *sorted(axes)]
        if len(axes) < n and max(axes) < n - 1:  # the last axis stays innermost, for speed
            order = list(range(n))
        keep = bool(call.options.get("keepdims"))
        total = w.fresh(self.name_of(out)) if not out.shape else ""
        if out.shape:
            target = self.target(out)
            w.copy(Text(start), target)
        else:
            w.line(f"{total} = {start}")
        names = dict(zip(order, w.index_names(n), strict=True))
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
            w.bind(out, Text(total))

    def fill(self, call: Call) -> None:
        out, w, name = call.out, self.w, call.op.name
        if name == "scatter":
            shape, indices = call.options["shape"], call.options["indices"]
            views = [indexed(in_memory("", shape), index, w.constant) for index in indices]
            if len(call.args) == 1 and math.prod(views[0].shape) == math.prod(shape) \
                    and [n for n in views[0].shape if n != 1] == [n for n in shape if n != 1] \
                    and not _has_list(indices[0]):
                source = w.get(call.args[0])
                if isinstance(source, Array) and source.shape == views[0].shape and id(out) not in self.places:
                    w.bind(out, self.reshaped(source, source.shape, shape))
                    return
            target = self.target(out)
            w.copy(Text("0.0"), target)
            for index, g in zip(indices, call.args, strict=True):
                part = indexed(target, index, w.constant)
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
                index: Any = (*[slice(None)] * axis, start)
                start += 1
            else:
                index = (*[slice(None)] * axis, slice(start, start + np.shape(x)[axis]))
                start += np.shape(x)[axis]
            part = indexed(target, index, w.constant)
            source = w.get(x)
            if part.shape:
                w.copy(source, part)
            else:
                w.line(f"{part.at([])} = {source.text}")


def _has_list(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, (list, np.ndarray)) for part in parts)


def _order(name: str, n: int, rest: tuple, options: dict) -> list[int]:
    """The axes of the old array in the order of the new one."""
    dummy = np.empty(range(2, n + 2)[:n]) if False else np.empty([1] * n)
    del dummy
    marks = np.empty(tuple(range(1, n + 1)))
    moved = {"transpose": np.transpose, "swapaxes": np.swapaxes, "moveaxis": np.moveaxis}[name](
        marks, *rest, **options)
    return [side - 1 for side in moved.shape]


def _flipped(name: str, n: int, rest: tuple, options: dict) -> set[int]:
    if name == "fliplr":
        return {1}
    if name == "flipud":
        return {0}
    axis = rest[0] if rest else options.get("axis")
    return set(range(n)) if axis is None else {int(k) % n for k in np.atleast_1d(axis)}


# ---------------------------------------------------------------------------- loops


def _begin_carry(block: Block, call: Any) -> list:
    """Set the carry to its first value; a list of names and arrays."""
    w = block.w
    carried: list = []
    for inner, init in zip(call.body.inputs, call.inits, strict=False):
        name = inner.name or "carry"
        if inner.shape:
            array = in_memory(w.allocate(name, inner.shape, inner.kind), inner.shape)
            w.copy(w.get(init), array)
            carried.append(array)
            w.bind(inner, array)
        else:
            name = w.fresh(name)
            text = w.get(init).text
            w.line(f"{name} = {float(init)!r}" if isinstance(init, int) and not isinstance(init, bool)
                   else f"{name} = {text}")
            carried.append(Text(name))
            w.bind(inner, Text(name))
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
            inside = id(out) not in block.outputs and all(
                isinstance(user, LoopCall) and any(x is out for x in user.xs) for user in block.users[id(out)])
            if inside and isinstance(row, Sym) and not row.shape and row.kind == "f":
                self.columns.setdefault(id(row), len(self.columns))
        self.shared = w.fresh("stored") if self.columns else ""
        self.names = [self.shared if id(row) in self.columns else w.fresh(f"{_label(row) or 'row'}_all")
                      for row in self.rows]
        for name, row in self._own():
            of = ", np.bool_" if isinstance(row, Sym) and row.kind == "b" else ""
            sides = ", ".join([length, *map(str, _shape(row))])
            w.line(f"{name} = np.empty(({sides}{',' if ',' not in sides else ''}){of})")
        if self.shared:
            w.line(f"{self.shared} = np.empty(({length}, {len(self.columns)}))")

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
        return {id(row): in_memory(name, row.shape, (step,)) for name, row in self._own()
                if isinstance(row, Sym) and row.shape and id(row) in made}

    def store(self, step: str, places: dict, done: bool = False) -> None:
        """Write the rows of this step; those in the shared array may be `done` already."""
        w = self.w
        for name, row in self._own():
            value = w.get(row)
            if isinstance(value, Text):
                w.line(f"{name}[{step}] = {value.text}")
            elif places.get(id(row)) is None or not (value.whole and value.whole[0] == f"{name}[{step}]"):
                w.copy(value, in_memory(name, _shape(row), (step,)))
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
            self.w.bind(out, in_memory(name, out.shape) if k is None else Array(
                out.shape, lambda at, name=name, k=k: f"{name}[{at[0]}, {k}]"))


def _shape(x: Any) -> tuple:
    return x.shape if isinstance(x, Sym) else np.shape(x)


def _label(row: Any) -> str:
    if not isinstance(row, Sym):
        return ""
    if row.of is not None:
        return f"g_{row.of.name or _label(row.of) or 't'}"
    maker = next((call for call in row.trace.calls if any(out is row for out in call.outs)), None)
    if isinstance(maker, Call) and not maker.back:
        found = re.match(r"(\w+)\s*=[^=]", line_of(maker.spot)[2])
        return found[1] if found and len(found[1]) > 1 else maker.op.name
    return ""


def _next_carry(block: Block, carried: list, outputs: list) -> None:
    """Set the carry to its next value, all at once."""
    w = block.w
    pairs = [(old, w.get(new)) for old, new in zip(carried, outputs, strict=True)]
    moved = []
    for old, new in pairs:
        if isinstance(old, Array) and new is not old:
            if any(new is other for other in carried):           # two of them change places
                name = w.allocate("copy", old.shape, "f")
                w.copy(new, in_memory(name, old.shape))
                new = in_memory(name, old.shape)
            moved.append((old, new))
    numbers = [(old.text, new.text) for old, new in pairs if isinstance(old, Text) and old.text != new.text]
    if numbers:
        w.line(f"{', '.join(old for old, _ in numbers)} = {', '.join(new for _, new in numbers)}")
    for old, new in moved:
        w.copy(new, old)


def write_scan(block: Block, call: ScanCall) -> None:
    w = block.w
    w.comment(call.spot, call.reverse)
    length = w.get(call.length).text if isinstance(call.length, Sym) else str(call.length)
    carried = _begin_carry(block, call)
    rows = Rows(block, call, length)
    _bind_captures(block, call)
    step = w.fresh("step")
    w.line(f"for {step} in range({length} - 1, -1, -1):" if call.reverse else f"for {step} in range({length}):")
    w.depth += 1
    n = len(call.inits)
    for inner, xs in zip(call.body.inputs[n:], call.xs, strict=True):
        w.bind(inner, _row_of(w.get(xs), inner, step))
    places = rows.places(call, step)
    w.last_spot = None
    done = w.body(call.body, places, "back" if call.reverse else "forward", rows, step)
    rows.store(step, places, done)
    _next_carry(block, carried, call.body.outputs[:n])
    w.depth -= 1
    w.last_spot = None
    for out, value in zip(call.carry_outs, carried, strict=True):
        w.bind(out, value)
    rows.bind()


def write_event(block: Block, call: EventCall) -> None:
    """A loop that makes whole steps, until one leads past the event; then it tries parts of that step."""
    w = block.w
    w.comment(call.spot, False)
    height, dt = w.fresh("height"), w.get(call.dt).text
    carried = _begin_carry(block, call)
    rows = Rows(block, call, "256")
    _bind_captures(block, call)
    step, length, search = w.fresh("step"), w.fresh("h"), w.fresh("search")
    bracket = [w.fresh(name) for name in ("above", "height_above", "below", "height_below", "tries")]
    inside = ", ".join(bracket)
    w.bind(call.body.inputs[len(call.inits)], Text(length))
    w.line(f"{height} = {w.get(call.height).text}")
    w.line(f"{inside} = 0.0, 0.0, 0.0, 0.0, 0")
    w.line(f"{step}, {length}, {search} = 0, {dt}, False")
    w.line("while True:")
    w.depth += 1
    if rows.arrays:
        w.line(f"if {step} == len({rows.arrays[0]}):")
        for name in rows.arrays:
            w.line(f"    {name} = grown({name})")
    places = rows.places(call, step)
    w.last_spot = None
    done = w.body(call.body, places, "forward", rows, step)
    n = len(call.inits)
    new = w.get(call.body.outputs[n]).text
    rows.store(step, places, done)
    w.line(f"if not {search}:")
    w.depth += 1
    w.line(f"if not {new} <= 0 < {height}:")
    w.depth += 1
    w.line(f"if {step} == {call.max_steps - 1} or isnan({new}):")
    w.line("    raise ArithmeticError('the event did not come')")
    _next_carry(block, [*carried, Text(height)], call.body.outputs[: n + 1])
    w.line(f"{step} += 1")
    w.line("continue")
    w.depth -= 1
    w.line(f"{inside}, {search} = 0.0, {height}, {dt}, {new}, 0, True")
    w.depth -= 1
    w.line(f"elif {bracket[0]} == {bracket[2]}:")
    w.line("    break")
    w.line("else:")
    w.line(f"    {inside} = narrowed({inside}, {length}, {new})")
    w.line(f"{length} = {bracket[2]} if {bracket[0]} == {bracket[2]} else guess({inside})")
    w.depth -= 1
    w.last_spot = None
    _next_carry(block, carried, call.body.outputs[:n])
    for out, value in zip(call.carry_outs, carried, strict=True):
        w.bind(out, value)
    rows.bind()
    w.bind(call.count, Text(step))
    w.bind(call.last, Text(length))


def write_reverse_event(block: Block, call: ReverseEventCall) -> None:
    """A loop back: twice over the last step, and then over the whole ones."""
    w = block.w
    w.comment(call.spot, True)
    n, count, dt = len(call.inits), w.get(call.count).text, w.get(call.dt).text
    carried = _begin_carry(block, call)
    _bind_captures(block, call)
    outputs = call.body.outputs
    wanted = [k for k, out in enumerate(call.more_outs[:-1])]
    sums = [_variable(block, "sum", out) for out in call.more_outs[:-1]]
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
    w.bind(call.body.inputs[n], Text(length))
    for inner, xs in zip(call.body.inputs[n + 1:], call.xs, strict=True):
        w.bind(inner, _row_of(w.get(xs), inner, row))
    w.last_spot = None
    w.body(call.body, {}, "back")
    backs = [w.get(x) for x in outputs[:n]]
    g_h = w.get(outputs[n]).text
    shares = [w.get(x) for x in outputs[n + 1:]]
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
    w.line(f"{scale} = -{g_first} / {g_h}")
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
    for out, value in zip((*call.carry_outs, *call.more_outs), (*carried, *sums, Text(sum_of_dt)), strict=True):
        w.bind(out, value)
    del wanted


def _variable(block: Block, name: str, like: Sym) -> Any:
    """A number, or an array, that can be assigned to."""
    if like.shape:
        return in_memory(block.w.allocate(name, like.shape, "f"), like.shape)
    name = block.w.fresh(name)
    block.w.line(f"{name} = 0.0")
    return Text(name)


def _assign(block: Block, target: Any, form: str, *sources: Any) -> None:
    """Set a variable, element by element if it is an array, to an expression of others."""
    w = block.w
    if isinstance(target, Text):
        w.line(f"{target.text} = {form.format(*(x.within(_POWER) for x in sources))}")
        return
    index = w.loops(target.shape)
    texts = [x.within(_POWER) if isinstance(x, Text) else broadcast(x, target.shape).at(index) for x in sources]
    w.line(f"{target.at(index)} = {form.format(*texts)}")
    w.depth -= len(index)


def _row_of(stack: Array, inner: Sym, step: str) -> Any:
    """Row `step` of what was stored."""
    if not inner.shape:
        return Text(stack.at([step]))
    at, whole = stack.at, stack.whole
    memory = (f"{whole[0]}[{step}]", inner.shape) if whole and whole[1][1:] == inner.shape else None
    return Array(inner.shape, lambda index: at([step, *index]), memory)


LOOPS: dict[type, Callable] = {ScanCall: write_scan, EventCall: write_event,
                               ReverseEventCall: write_reverse_event}

# ---------------------------------------------------------------------------- the whole

HEADER = '''"""{title}"""

from math import ({math})

import numpy as np
from numba import njit

from tinydp.ad.compile.kernels import ({kernels})


'''
DECORATOR = '@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})\n'
DECORATOR_INSIDE = '@njit(nogil=True, error_model="numpy", fastmath={"contract"})\n'
_KERNELS = (*_FROM_KERNELS, "all_finite", "cos_into", "dot", "grown", "guess", "matmul", "matmul_nt", "matmul_tn", "matvec",
            "narrowed", "sin_into", "vecmat")


def write_function(name: str, title: str, program: Program, names: list[str],
                   guards: list[tuple[Sym, bool]], unchecked: int | None = None) -> Source:
    """The program as the source of a module with one function; `names` are those of its inputs.

    The last outputs are the conditions of `guards`: the function returns whether all of them turned out
    as they did when it was traced, and whether all results but the first `unchecked` are finite.
    """
    w = Writer()
    program = pruned(program)
    parameters = []
    for x, wanted in zip(program.inputs, names, strict=True):
        parameter = w.fresh(wanted)
        parameters.append(parameter)
        w.parameters.add(parameter)
        x.name = x.name or parameter
        w.bind(x, in_memory(parameter, x.shape) if x.shape else Text(parameter))
    w.block(program)
    results = []
    seen: set[str] = set()
    wanted = program.outputs[: len(program.outputs) - len(guards)]
    for x in wanted:
        value = w.get(x)
        if isinstance(value, Text):
            results.append(f"float({value.text})" if isinstance(x, (int, bool)) else value.text)
            continue
        shape = np.shape(x) if not isinstance(x, Sym) else x.shape
        text = value.as_memory(shape)
        if text is None or text in seen or text in parameters or not isinstance(x, Sym):
            text = w.allocate("result", shape, "f")          # an array of its own
            w.copy(value, in_memory(text, shape))
        seen.add(text)
        results.append(text)
    checks = []
    if unchecked is not None:
        checks = [f"all_finite({text})" if np.shape(x) or getattr(x, "shape", ()) else f"isfinite({text})"
                  for x, text in zip(wanted[unchecked:], results[unchecked:], strict=True)]
    kept = [w.get(x).text if truth else f"not {w.get(x).within(_NOT)}" for x, truth in guards]
    w.condition("finite", checks)
    w.condition("as_traced", list(dict.fromkeys(kept)))
    w.line(f"return {', '.join([*results, 'finite', 'as_traced'])}")
    constants = list(w.constants.values())
    parameters += [name for name, _ in constants]
    body = "\n".join([*w.functions, *w.top, *w.lines])
    used = set(re.findall(r"\b[a-z_]\w*(?=\()", body))
    maths = ", ".join(sorted(set(_FROM_MATH.values()) & used)) or "pi"
    kernels = ", ".join(sorted(set(_KERNELS) & used)) or "exp"
    text = HEADER.format(title=title, math=maths, kernels=kernels)
    text += "".join(f"{DECORATOR_INSIDE}{function}\n\n\n" for function in w.functions)
    head = Writer()
    head.depth = 0
    head.wrapped(f"def {name}(", parameters, "):")
    text += DECORATOR + "\n".join([*head.lines, *w.top, *w.lines]) + "\n"
    return Source(text, [x for _, x in constants])


_ = LoopCall
