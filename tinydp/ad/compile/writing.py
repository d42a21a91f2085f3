"""What all languages that a program is printed in share: names, parentheses, indices, the user's lines.

A printer is a table of how a language spells each operation, and a method for each statement; it decides
nothing. `numba.py` prints Python, `javascript.py` JavaScript.
"""

import os
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import place_of
from .expressions import Affine, Apply, Buffer, Const, Load, Local, Memory
from .names import Names
from .statements import Comment, Function

LINE_WIDTH = 100
# how tightly something binds; operands that bind less get parentheses
ATOM, POWER, SIGN, PRODUCT, SUM, BITS, COMPARED, NOT, AND, OR, CHOICE = range(10, -1, -1)


class Writing:
    """Prints the functions of one module, in some language."""

    reserved: frozenset[str] = frozenset()       # names that the language has
    remark = "#"                                 # what a comment begins with

    def __init__(self, functions: list[Function]):
        self.names: dict[Any, str] = {}
        self.fresh = Names(self.reserved).fresh
        main = functions[-1]
        for x in (main, *main.parameters):       # first, so that the user's names are as they are
            self.name(x)

    def name(self, x: Any) -> str:
        """The name of a variable, a buffer or a function."""
        if x not in self.names:
            of = getattr(x, "of", None)
            self.names[x] = self.fresh(x.label if of is None else f"g_{self.name(of)}")
        return self.names[x]

    # -- expressions

    def text(self, x: Any, binding: int = CHOICE) -> str:
        """An expression, in parentheses if it binds less tightly."""
        text, own = self.written(x)
        return text if own >= binding else f"({text})"

    def written(self, x: Any) -> tuple[str, int]:
        """The text of an expression, and how tightly it binds."""
        if isinstance(x, (Local, Buffer)):
            return self.name(x), ATOM
        if isinstance(x, Apply):
            return self.applied(x)
        if isinstance(x, Load):
            return self.element(x), ATOM
        if isinstance(x, Affine):
            return self.affine(x)
        if isinstance(x, Memory):
            return self.memory(x), ATOM
        text = self.number(x.value if isinstance(x, Const) else x)
        return text, SIGN if text.startswith("-") else ATOM

    def applied(self, x: Apply) -> tuple[str, int]:
        """An elementwise operation."""
        raise NotImplementedError

    def element(self, x: Load) -> str:
        """An element of an array."""
        raise NotImplementedError

    def memory(self, x: Memory) -> str:
        """A whole array, or a part of one."""
        raise NotImplementedError

    def number(self, x: Any) -> str:
        """A constant."""
        raise NotImplementedError

    def listed(self, xs: Iterable) -> str:
        return ", ".join([self.text(x) for x in xs])

    def affine(self, x: Affine) -> tuple[str, int]:
        """An index, as `2 * i + 1` would be, with what is fixed in front."""
        scaled = ("" if abs(x.stride) == 1 else f"{abs(x.stride)} * ") + self.text(x.of, PRODUCT)
        if x.start == 0 and x.stride > 0:
            return scaled, PRODUCT
        if x.start < 0 < x.stride:
            return f"{scaled} - {-x.start}", SUM
        return f"{x.start} {'-' if x.stride < 0 else '+'} {scaled}", SUM

    # -- statements

    def lines(self, statements: list) -> Iterator[str]:
        """The lines of some statements."""
        for s in statements:
            yield from getattr(self, f"print_{type(s).__name__.lower()}")(s)

    def print_comment(self, s: Comment) -> Iterator[str]:
        place = place_of(s.op.spot)
        if place.text:
            back = "back through " if s.op.back else ""
            shown = f"{self.remark} {back}{os.path.basename(place.file)}:{place.line}: {place.text[:80]}"
            yield "".join([c if c.isprintable() else " " for c in shown])


def in_lines(start: str, parts: list[str], end: str, end_of_line: str = "") -> list[str]:
    """A line of many parts, broken where it gets too long."""
    lines = textwrap.wrap(", ".join(parts), LINE_WIDTH - len(start), break_long_words=False,
                          break_on_hyphens=False) or [""]
    lines[0] = start + lines[0]
    lines[1:] = [" " * len(start) + line for line in lines[1:]]
    lines[:-1] = [line + end_of_line for line in lines[:-1]]
    lines[-1] += end
    return lines

