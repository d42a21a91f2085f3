"""The text of one function while it grows: its lines, names, arrays and constants."""

import math
import os
import textwrap
from typing import Any, cast

import numpy as np

from ..errors import NotCompiledError, Spot
from ..values import shape
from .kernels import LARGE
from .names import KERNELS, MATHS, Names
from .texts import Array, Text, broadcast, in_memory, kind_of, literal, tuple_text
from .trace import Sym, line_of


class Comment(str):
    """A line that does nothing."""

    __slots__ = ()


class Writer:
    """Writes one function."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.lines: list[str] = []
        self.depth = 1
        self.top: list[str] = []
        self.values: dict[int, Any] = {}
        self.keep: list[Any] = []
        self.constants: dict[int, tuple[str, Any]] = {}
        self.tables: dict[tuple, tuple[str, Any]] = {}
        self.used: set[str] = set()              # what it needs of `math` and of the kernels
        self.last_spot: Any = None
        self.functions: list[str] = []           # bodies of loops
        self.parameters: set[str] = set()
        self.heads: dict[tuple, str] = {}

    # -- text

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self, label: str) -> str:
        """A name that is not taken yet."""
        return self.names.fresh(label)

    def use(self, function: str) -> str:
        """A function of `math` or of the kernels; the module will import it."""
        if function not in MATHS and function not in KERNELS:
            raise KeyError(function)
        self.used.add(function)
        return function

    def comment(self, spot: Spot, back: bool) -> None:
        """Say which line of the user's program comes now."""
        place = (spot.code.co_filename, spot.line, back)
        if place == self.last_spot:
            return
        self.last_spot = place
        file, line, text = line_of(spot)
        if text:
            arrow = "back through " if back else ""
            shown = f"# {arrow}{os.path.basename(file)}:{line}: {text[:80]}"
            shown = "".join(c if c.isprintable() else " " for c in shown)
            self.lines.append(Comment("    " * self.depth + shown))

    # -- values

    def bind(self, x: Sym, value: Any) -> None:
        """From now on, `x` is written so: in the shape and kind that NumPy gave it when it was traced."""
        if (value.shape, value.kind) != (x.shape, x.kind):
            raise NotCompiledError(
                f"a value of shape {x.shape} and kind {x.kind!r} was written down as one of shape "
                f"{value.shape} and kind {value.kind!r}: an error of the compiler.",
                "call the function without dp.compile, and report this.")
        self.values[id(x)] = value
        self.keep.append(x)

    def get(self, x: Any) -> Any:
        """The `Text` or `Array` of a value or a constant."""
        if isinstance(x, Sym):
            return self.values[id(x)]
        if isinstance(x, np.ndarray):
            return in_memory(self.constant(x), x.shape, kind_of(x))
        return literal(x)

    def constant(self, x: np.ndarray) -> str:
        if id(x) not in self.constants:
            self.constants[id(x)] = (self.fresh("constant"), x)
        return self.constants[id(x)][0]

    def table(self, positions: np.ndarray) -> str:
        """The name of an array of positions."""
        positions = np.array(positions, dtype=np.intp, order="C")
        key = positions.shape, positions.tobytes()
        if key not in self.tables:
            self.tables[key] = (self.fresh("positions"), positions)
        return self.tables[key][0]

    def empty(self, shape: tuple, kind: str) -> str:
        """An expression for a new array; its length may be a name."""
        if kind == "b":
            return f"np.empty({tuple_text(shape)}, np.bool_)"
        length, *sides = shape
        small = str(length).isdigit() and 8 * int(length) * math.prod(sides) < LARGE
        return f"{'np.empty' if small else self.use('empty_array')}({tuple_text(shape)})"

    def allocate(self, label: str, shape: tuple, kind: str) -> Array:
        """A new array, made once at the head of the function."""
        name = self.fresh(label)
        self.top.append(f"    {name} = {self.empty(shape, kind)}")
        return in_memory(name, shape, kind)

    def copied(self, label: str, value: Any) -> Array:
        """A copy of an array, made once at the head of the function and filled here."""
        copy = self.allocate(label, value.shape, value.kind)
        self.copy(value, copy)
        return copy

    def memory(self, x: Any) -> str:
        """The whole of an array value in C order; copied to be so if need be."""
        array: Any = self.get(x)
        if array.whole is None:
            array = cast(Any, self.copied("copy", array))
        return array.as_memory(shape(x))

    def reshaped(self, text: str, old: tuple, new: tuple) -> str:
        """Memory in another shape; of an argument of the function it is made once, at its head."""
        if old == new:
            return text
        if text not in self.parameters:
            return f"{text}.reshape({tuple_text(new)})"
        if (text, new) not in self.heads:
            name = self.heads[text, new] = self.fresh(f"{text}_flat")
            self.top.append(f"    {name} = {text}.reshape({tuple_text(new)})")
        return self.heads[text, new]

    def copy(self, source: Any, target: Array, add: bool = False) -> None:
        """Loops that set (or increase) each element of the target."""
        index = self.loops(target.shape)
        text = source.text if isinstance(source, Text) else broadcast(source, target.shape).at(index)
        self.line(f"{target.at(index)} {'+=' if add else '='} {text}")
        self.depth -= len(index)

    def loops(self, shape: tuple) -> list[str]:
        """Open a loop for each axis; the caller closes them."""
        index = self.names.axes(len(shape))
        for n, name in zip(shape, index, strict=True):
            self.line(f"for {name} in range({n}):")
            self.depth += 1
        return index

    def condition(self, label: str, parts: list[str]) -> str:
        """A variable that says whether all parts are true."""
        if not parts:
            return "True"
        name = self.fresh(label)
        text = " and ".join(parts)
        if len(text) < 100 or len(parts) == 1:
            self.line(f"{name} = {text}")
            return name
        self.line(f"{name} = ({parts[0]}")
        for k, part in enumerate(parts[1:]):
            self.line(" " * (len(name) + 4) + f"and {part}{')' * (k == len(parts) - 2)}")
        return name


def wrapped(depth: int, start: str, parts: list[str], end: str) -> list[str]:
    """A line of many parts, broken where it gets too long."""
    indent = "    " * depth
    width = 100 - len(indent)
    lines = textwrap.wrap(", ".join(parts), width - len(start), break_long_words=False,
                          break_on_hyphens=False) or [""]
    found = []
    for k, line in enumerate(lines):
        head = start if k == 0 else " " * len(start)
        tail = end if k == len(lines) - 1 else ""
        continued = " \\" if start.endswith("return ") and k < len(lines) - 1 else ""
        found.append(indent + head + line + tail + continued)
    return found
