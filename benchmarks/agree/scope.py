"""A block of a random program, run as it is written: its names, their values, and expressions of them.

Shapes are not computed: a piece of text is evaluated as soon as it is put together, and thrown away if NumPy
refuses it, warns, or gives numbers that are not tame.
"""

import ast
import contextlib
import dataclasses
import random
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from .texts import (
    AWKWARD,
    BINARY,
    CONDITIONS,
    JOINS,
    LINALG,
    LINEAR,
    REDUCTIONS,
    SELECTIONS,
    SHAPES,
    UNARY,
    Text,
)

LARGEST, TAME = 160, 30.0


class Nope(Exception):
    """This piece of text cannot be written here; draw another one."""


class Piece(NamedTuple):
    """An expression: its text, what it gave, and whether that depends on an argument."""

    text: str
    value: Any
    traced: bool

    @property
    def operand(self) -> str:
        """The text, in parentheses if it needs them."""
        whole = ast.parse(self.text, mode="eval").body
        simple = ast.Name | ast.Constant | ast.Attribute | ast.Subscript | ast.Call | ast.List | ast.Tuple
        return self.text if isinstance(whole, simple) else f"({self.text})"


def names_in(text: str) -> set[str]:
    """The identifiers in a text, as Python reads them."""
    return {unicodedata.normalize("NFKC", name) for name in re.findall(r"[^\W\d]\w*", text)}


def indented(lines: list[str]) -> list[str]:
    """The lines, one level deeper."""
    return [f"    {line}" if line else line for line in lines]


def is_number(x: Any) -> bool:
    """Whether a value may be used in expressions."""
    return isinstance(x, (bool, int, float, np.generic, np.ndarray)) and np.asarray(x).dtype.kind in "biuf"


def is_tame(x: Any) -> bool:
    """Whether a value, or each in a structure, is small and finite."""
    if isinstance(x, dict):
        return all(map(is_tame, x.values()))
    if isinstance(x, (list, tuple)):
        return all(map(is_tame, x))
    if dataclasses.is_dataclass(x):
        return is_tame(vars(x))
    return x is None or (
        is_number(x) and np.size(x) <= LARGEST and bool(np.all(np.abs(np.asarray(x, float)) < 1e4))
    )


def paths(text: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The numbers in a structure, as they are written."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(f"{text}[{key!r}]".replace("'", '"'), item)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field, item in zip(value._fields, value, strict=True):
            yield from paths(f"{text}.{field}", item)
    elif isinstance(value, (list, tuple)):
        for k, item in enumerate(value):
            yield from paths(f"{text}[{k}]", item)
    elif dataclasses.is_dataclass(value):
        for field, item in vars(value).items():
            yield from paths(f"{text}.{field}", item)
    elif is_number(value):
        yield text, value


class Function(NamedTuple):
    """The names of the function that is being written."""

    local: set[str]
    read: set[str]


def normal(name: str) -> str:
    """The name as Python reads it."""
    return unicodedata.normalize("NFKC", name)


def narrow_float(x: Any) -> bool:
    """Whether this is a float of another width than float64's."""
    return np.asarray(x).dtype.kind == "f" and np.asarray(x).dtype != np.float64


class Scope:
    """A block of statements, run as they are written."""

    def __init__(
        self,
        rng: random.Random,
        env: dict,
        atoms: dict[str, bool],
        function: Function,
        compiled: bool,
        nested: int = 0,
    ):
        self.rng, self.env, self.atoms, self.function = rng, env, atoms, function
        self.compiled, self.nested = compiled, nested
        self.lines: list[str] = []
        self.rounds = False  # inside a loop of Python's, which binds names anew
        self.certain: set[str] = set()  # atoms that are values of the program, and no plain numbers
        self.depth = 0  # how many functions are around this one
        self.looping = False  # inside the step of a loop, which a compiled program runs natively

    # ------------------------------------------------------------------------ expressions

    def evaluated(self, text: str, traced: bool) -> Piece:
        """The piece that a text is, if it is a good one."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value = eval(text, self.env)
        except Exception as error:
            raise Nope(text) from error
        if not is_tame(value) or not is_number(value):
            raise Nope(text)
        return Piece(text, value, traced)

    def atom(self, test: Callable[[Any], bool] = lambda x: True, traced: bool | None = None,
             certain: bool = False) -> Piece:
        """A name, or a part of a structure, whose value passes."""
        texts = [text for text, is_traced in self.atoms.items()
                 if traced in (None, is_traced) and (not certain or text in self.certain)]
        for _ in range(12):
            if not texts:
                break
            at = max(self.rng.randrange(len(texts)), self.rng.randrange(len(texts)))  # rather a late one
            piece = self.evaluated(texts[at], self.atoms[texts[at]])
            if test(piece.value) and (piece.traced or self.rng.random() < 0.5):
                return piece
        raise Nope("no atom")

    def literal(self) -> Piece:
        """A constant."""
        x = round(self.rng.uniform(-2.0, 2.0), self.rng.choice([1, 2])) or 0.5
        text = self.rng.choice(
            [f"{x}", f"{abs(x)}", "2", "3", "0.5", "1.0", "-1", "np.pi", f"np.float64({x})", "1e-1"]
        )
        return Piece(text, eval(text, self.env), False)

    def operand(
        self, depth: int, test: Callable[[Any], bool] = lambda x: True, narrow: bool = False
    ) -> Piece:
        """An atom or an expression that passes; a `narrow` one, as of float32, to be made wide."""
        for _ in range(6):
            with contextlib.suppress(Nope):
                piece = (
                    self.atom(test) if depth <= 0 or self.rng.random() < 0.6 else self.expression(depth - 1)
                )
                if test(piece.value) and (narrow or not narrow_float(piece.value)):
                    return piece
        raise Nope("no operand")

    def expression(self, depth: int = 2) -> Piece:
        """Some expression."""
        tables = [
            (UNARY, 5),
            (BINARY, 8),
            (REDUCTIONS, 3),
            (SHAPES, 4),
            (SELECTIONS, 2),
            (LINEAR, 3),
            (JOINS, 2),
            (LINALG, 1),
        ]
        for _ in range(20):
            [table] = self.rng.choices([t for t, _ in tables], [w for _, w in tables])
            entry = self.rng.choice(table)
            if self.compiled and not entry.compiled:
                continue
            with contextlib.suppress(Nope):
                return self.filled(entry, depth)
        raise Nope("no expression")

    def filled(self, entry: Text, depth: int) -> Piece:
        """A template with expressions in its gaps."""
        parts: dict[str, Piece] = {}
        gaps = dict.fromkeys(re.findall(r"\{(\w+)", entry.text))
        few = len(gaps) < 3  # so that what is narrow meets what is wide at once
        for gap in gaps:
            if gap in "abcd":
                parts[gap] = (
                    self.literal()
                    if gap != "a" and entry.literals and self.rng.random() < 0.3
                    else self.operand(depth, entry.test, narrow=few)
                )
            elif gap in ("p", "q"):
                parts[gap] = self.condition(depth)
            else:
                parts[gap] = self.special(gap, depth, parts)
        text = entry.text.format(
            **{
                gap: part.operand if f"{{{gap}}}" in entry.text else part.text
                for gap, part in parts.items()
            }
        )
        piece = self.evaluated(text, any(part.traced for part in parts.values()))
        if narrow_float(piece.value):  # a Python float is weak beside float32, and a traced one is not
            raise Nope(text)
        if entry.text.startswith("{a}.dot(") and (self.looping or parts["a"].text not in self.certain):
            raise Nope(text)
        return piece

    def special(self, gap: str, depth: int, parts: dict[str, Piece]) -> Piece:
        """What a gap takes that is no expression of any kind."""
        return Piece(self.small(gap, parts), None, False)

    def small(self, gap: str, parts: dict[str, Piece]) -> str:
        """An axis, a number of places, a positive number."""
        ndim = np.ndim(parts["a"].value) if "a" in parts else 1
        length = len(parts["a"].value) if ndim and "a" in parts else 1
        if gap == "axis":
            return str(self.rng.choice([*range(-ndim, ndim), 0]))
        if gap == "axes":
            return self.rng.choice(["None", "0", "-1", "(0, 1)", "(-1,)", "(1, 0)", "()"])
        if gap == "k":
            return str(self.rng.randrange(-length, length) if length else 0)
        if gap == "rows":
            return (
                str([self.rng.randrange(-length, length) for _ in range(self.rng.choice([1, 2, 3]))])
                if length
                else "[]"
            )
        if gap == "mask":
            return str([self.rng.random() < 0.6 for _ in range(length)])
        return f"{self.rng.uniform(0.2, 1.8):.2f}"

    def condition(self, depth: int) -> Piece:
        """An expression that is true or false, by element or for all."""
        entry = self.rng.choice([e for e in CONDITIONS if e.compiled or not self.compiled])
        return self.filled(entry, min(depth, 0))

    def decision(self) -> str:
        """A condition that is one boolean."""
        piece = self.condition(0)
        if np.ndim(piece.value):
            return f"np.{self.rng.choice(['any', 'all'])}({piece.text})"
        return piece.text

    def like(self, leaf: Piece) -> str:
        """An expression of the shape of a leaf, small enough to be fed back."""
        shape = np.shape(leaf.value)
        for _ in range(8):
            with contextlib.suppress(Nope):
                new = self.operand(1)
                text = new.text if np.shape(new.value) == shape else f"np.mean({new.text})"
                if np.size(new.value) and np.asarray(new.value).dtype.kind == "f":
                    form = self.rng.choice(
                        [
                            "{a} * 0.6 + 0.3 * np.tanh({b})",
                            "np.tanh({a} + {b})",
                            "0.9 * {a} - 0.1 * np.sin({b})",
                            "np.cos({b}) * {a}",
                        ]
                    )
                    if not shape and self.rng.random() < 0.3:
                        form = "np.clip({a} + 0.2 * np.sin({b}), -1.5, 1.5)"
                    return form.format(a=leaf.operand, b=text)
        return f"0.5 * {leaf.operand}"

    # ------------------------------------------------------------------------ names

    def new_name(self, fresh: bool = False) -> str:
        """A name that may be assigned here."""
        for _ in range(60):
            name = self.rng.choice(AWKWARD)
            plain = normal(name)
            if plain in self.function.local and not fresh and plain in self.env and not self.nested:
                return name
            if plain not in self.env and plain not in self.function.read:
                return name
            if not self.nested and not fresh and plain in self.atoms and plain not in self.function.read:
                return name  # hides a constant of the module
        for k in range(1000):
            if f"v{k}" not in self.env:
                return f"v{k}"
        raise Nope("no name")

    def attempt(self, lines: list[str], new: dict[str, bool]) -> None:
        """Write the lines, if they run; `new` are the names assigned, and whether these are traced."""
        before = dict(self.env)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exec("\n".join(lines), self.env)
            if not all(is_tame(self.env[name]) for name in map(normal, new)):
                raise Nope("not tame")
            if any(narrow_float(x) for name in map(normal, new) for _, x in paths(name, self.env[name])):
                raise Nope("not float64")
        except Exception as error:
            self.env.clear()
            self.env.update(before)
            raise Nope("\n".join(lines)) from error
        self.lines += lines
        self.function.local.update(map(normal, new))
        self.function.read.update(names_in("\n".join(lines)))
        for name, traced in new.items():
            self.know(name, traced)

    def know(self, name: str, traced: bool) -> None:
        """A name was assigned: all that hung on its old value is forgotten."""
        plain = normal(name)
        for text in [t for t in self.atoms if normal(re.split(r"[.\[]", t)[0]) == plain]:
            del self.atoms[text]
            self.certain.discard(text)
        for text, value in paths(name, self.env[plain]):
            self.atoms[text] = traced and np.asarray(value).dtype.kind in "iuf"

    def block(self, extra: dict[str, Any] | None = None, function: Function | None = None) -> Self:
        """A block inside of this one, or the body of a function in it."""
        inner = type(self)(
            self.rng,
            dict(self.env),
            dict(self.atoms),
            function or self.function,
            self.compiled,
            0 if function else self.nested + 1,
        )
        inner.depth = self.depth + 1
        inner.looping = self.looping
        inner.rounds = self.rounds
        inner.certain = set(self.certain)
        for name, (value, traced) in (extra or {}).items():
            inner.env[normal(name)] = value
            inner.function.local.add(normal(name))
            inner.know(name, traced)
        return inner

    def distinct(self, count: int, fresh: bool = False) -> list[str]:
        """Several new names."""
        names: list[str] = []
        for _ in range(40):
            name = self.new_name(fresh)
            if normal(name) not in map(normal, names):
                names.append(name)
            if len(names) == count:
                return names
        raise Nope("no names")
