"""The text of one function while it grows: its lines, names, arrays and constants."""

import keyword
import math
import os
import re
import textwrap
from typing import Any

import numpy as np

from ..errors import Spot
from .functions import ATOM, FROM_KERNELS, FROM_MATH, HELPERS, SIGN
from .kernels import LARGE
from .texts import Array, Text, broadcast, in_memory, special, tuple_text
from .trace import Sym, line_of

RESERVED = frozenset((
    *keyword.kwlist, *FROM_MATH.values(), *FROM_KERNELS, *HELPERS, "np", "njit", "math", "finite",
    "as_traced", "i", "j", "k", "l", "n", "abs", "float", "len", "min", "range"))


def empty(shape: tuple, kind: str = "f") -> str:
    """An expression for a new array; its length may be a name."""
    if kind == "b":
        return f"np.empty({tuple_text(shape)}, np.bool_)"
    length, *sides = shape
    small = str(length).isdigit() and 8 * int(length) * math.prod(sides) < LARGE
    return f"{'np.empty' if small else 'empty_array'}({tuple_text(shape)})"


class Writer:
    """Writes one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.top: list[str] = []
        self.names: set[str] = set(RESERVED)
        self.counts: dict[str, int] = {}
        self.values: dict[int, Any] = {}
        self.keep: list[Any] = []
        self.constants: dict[int, tuple[str, Any]] = {}
        self.indices: dict[tuple, tuple[str, Any]] = {}
        self.last_spot: Any = None
        self.functions: list[str] = []           # bodies of loops
        self.parameters: set[str] = set()
        self.heads: dict[tuple, str] = {}
        self.shown: dict[str, str] = {}          # names of reshaped arrays, and the array that each shows

    # -- text

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self, wanted: str) -> str:
        """A name that is not taken yet."""
        wanted = re.sub(r"\W+", "_", wanted).strip("_") or "t"
        wanted = f"v_{wanted}" if wanted[0].isdigit() else wanted
        name, k = wanted, self.counts.get(wanted, 1)
        while name in self.names:
            name, k = f"{wanted}_{k}", k + 1
        self.counts[wanted] = k                  # from one again, a long program would take forever
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
        return Text(repr(x) if not isinstance(x, float) or math.isfinite(x) else special(x),
                    SIGN if isinstance(x, (int, float)) and x < 0 else ATOM)

    def names_in(self, value: Any) -> set[str]:
        """The variables that a value is written with; in place of a view's, that of the array it shows."""
        text = value.text if isinstance(value, Text) else value.at(["0"] * len(value.shape))
        return {self.shown.get(name, name) for name in re.findall(r"[A-Za-z_]\w*", text)}

    def constant(self, x: np.ndarray) -> str:
        if id(x) not in self.constants:
            self.constants[id(x)] = (self.fresh("constant"), x)
        return self.constants[id(x)][0]

    def index(self, numbers: Any) -> str:
        """The name of an array of positions."""
        numbers = np.array(numbers, dtype=np.intp, order="C")
        key = numbers.shape, numbers.tobytes()
        if key not in self.indices:
            self.indices[key] = (self.fresh("positions"), numbers)
        return self.indices[key][0]

    def allocate(self, wanted: str, shape: tuple, kind: str) -> str:
        """A new array, made once at the head of the function."""
        name = self.fresh(wanted)
        self.top.append(f"    {name} = {empty(shape, kind)}")
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
            return f"{text}.reshape({tuple_text(new)})"
        if (text, new) not in self.heads:
            name = self.heads[text, new] = self.fresh(f"{text}_flat")
            self.shown[name] = text
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
        index = []
        for n, name in zip(shape, self.index_names(len(shape)), strict=True):
            self.line(f"for {name} in range({n}):")
            self.depth += 1
            index.append(name)
        return index

    def index_names(self, n: int) -> list[str]:
        return ["i", "j", "k", "l", "i4", "i5", "i6", "i7"][:n]

    def condition(self, name: str, parts: list[str]) -> str:
        """A variable that says whether all parts are true."""
        if not parts:
            return "True"
        text = " and ".join(parts)
        if len(text) < 100 or len(parts) == 1:
            self.line(f"{name} = {text}")
            return name
        self.line(f"{name} = ({parts[0]}")
        for k, part in enumerate(parts[1:]):
            self.line(" " * (len(name) + 4) + f"and {part}{')' * (k == len(parts) - 2)}")
        return name

    # -- programs

    def wrapped(self, start: str, parts: list[str], end: str) -> None:
        """A line of many parts, broken where it gets too long."""
        indent = "    " * self.depth
        width = 100 - len(indent)
        lines = textwrap.wrap(", ".join(parts), width - len(start), break_long_words=False) or [""]
        for k, line in enumerate(lines):
            head = start if k == 0 else " " * len(start)
            tail = end if k == len(lines) - 1 else ""
            continued = " \\" if start.endswith("return ") and k < len(lines) - 1 else ""
            self.lines.append(indent + head + line + tail + continued)
