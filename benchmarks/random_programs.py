"""Random programs, as a person might write them: source text, from a seed.

`draw(seed)` writes a module: constants of all layouts and dtypes, helpers, a function `f`, its arguments `args`
and `other` ones, `keywords`, and sometimes `change()`, which writes into a buffer that `f` has captured. Shapes
are not computed: a piece of text is run as soon as it is written, and thrown away if NumPy refuses it, warns, or
gives numbers that are not tame. So the writer needs to know only how expressions look.

    >>> source = draw(7)
    >>> source == draw(7), "def f(" in source
    (True, True)
"""

import ast
import contextlib
import random
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .random_texts import (
    AWKWARD,
    BINARY,
    CONDITIONS,
    HELPERS,
    JOINS,
    LINALG,
    LINEAR,
    REDUCTIONS,
    SELECTIONS,
    SHAPES,
    UNARY,
    Text,
)
from .reference import namespace

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
        simple = ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.List | ast.Tuple
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
    return x is None or (is_number(x) and np.size(x) <= LARGEST and bool(np.all(np.abs(np.asarray(x, float)) < 1e4)))


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
    elif is_number(value):
        yield text, value


class Function(NamedTuple):
    """The names of the function that is being written."""

    local: set[str]
    read: set[str]
    kept: set[str]                       # read by functions that run again on the way back


class Scope:
    """A block of statements, run as they are written."""

    def __init__(self, rng: random.Random, env: dict, atoms: dict[str, bool], function: Function, compiled: bool,
                 nested: int = 0):
        self.rng, self.env, self.atoms, self.function = rng, env, atoms, function
        self.compiled, self.nested = compiled, nested
        self.lines: list[str] = []
        self.looping = False             # inside the step of a loop, which a compiled program runs natively

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

    def atom(self, test: Callable[[Any], bool] = lambda x: True, traced: bool | None = None) -> Piece:
        """A name, or a part of a structure, whose value passes."""
        texts = [text for text, is_traced in self.atoms.items() if traced in (None, is_traced)]
        for _ in range(12):
            if not texts:
                break
            at = max(self.rng.randrange(len(texts)), self.rng.randrange(len(texts)))      # rather a late one
            piece = self.evaluated(texts[at], self.atoms[texts[at]])
            if test(piece.value) and (piece.traced or self.rng.random() < 0.5):
                return piece
        raise Nope("no atom")

    def literal(self) -> Piece:
        """A constant."""
        x = round(self.rng.uniform(-2.0, 2.0), self.rng.choice([1, 2])) or 0.5
        text = self.rng.choice([f"{x}", f"{abs(x)}", "2", "3", "0.5", "1.0", "-1", "np.pi", f"np.float64({x})", "1e-1"])
        return Piece(text, eval(text, self.env), False)

    def operand(self, depth: int, test: Callable[[Any], bool] = lambda x: True, narrow: bool = False) -> Piece:
        """An atom or an expression that passes; `narrow` ones, such as float32, only to make a wide one of."""
        for _ in range(6):
            with contextlib.suppress(Nope):
                piece = self.atom(test) if depth <= 0 or self.rng.random() < 0.6 else self.expression(depth - 1)
                if test(piece.value) and (narrow or not narrow_float(piece.value)):
                    return piece
        raise Nope("no operand")

    def expression(self, depth: int = 2) -> Piece:
        """Some expression."""
        tables = [(UNARY, 5), (BINARY, 8), (REDUCTIONS, 3), (SHAPES, 4), (SELECTIONS, 2), (LINEAR, 3), (JOINS, 2),
                  (LINALG, 1)]
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
        for gap in dict.fromkeys(re.findall(r"\{(\w+)", entry.text)):
            if gap in "abcd":
                parts[gap] = (self.literal() if gap != "a" and entry.literals and self.rng.random() < 0.3
                              else self.operand(depth, entry.test, narrow=True))
            elif gap in ("p", "q"):
                parts[gap] = self.condition(depth)
            else:
                parts[gap] = Piece(self.small(gap, parts), None, False)
        text = entry.text.format(**{gap: part.operand if f"{{{gap}}}" in entry.text else part.text
                                    for gap, part in parts.items()})
        piece = self.evaluated(text, any(part.traced for part in parts.values()))
        if narrow_float(piece.value):            # a Python float is weak beside float32, and a traced one is not
            raise Nope(text)
        if entry.text.startswith("{a}.dot(") and not parts["a"].traced:
            raise Nope(text)
        return piece

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
            return str([self.rng.randrange(-length, length) for _ in range(self.rng.choice([1, 2, 3]))]) \
                if length else "[]"
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
                    form = self.rng.choice(["{a} * 0.6 + 0.3 * np.tanh({b})", "np.tanh({a} + {b})",
                                            "0.9 * {a} - 0.1 * np.sin({b})", "np.cos({b}) * {a}"])
                    if not shape and self.rng.random() < 0.3:
                        form = "np.clip({a} + 0.2 * np.sin({b}), -1.5, 1.5)"
                    return form.format(a=leaf.operand, b=text)
        return f"0.5 * {leaf.operand}"

    # ------------------------------------------------------------------------ statements

    def new_name(self, fresh: bool = False) -> str:
        """A name that may be assigned here."""
        for _ in range(60):
            name = self.rng.choice(AWKWARD)
            plain = normal(name)
            if plain in self.function.kept:
                continue
            if plain in self.function.local and not fresh and plain in self.env and not self.nested:
                return name
            if plain not in self.env and plain not in self.function.read:
                return name
            if not self.nested and not fresh and plain in self.atoms and plain not in self.function.read:
                return name                      # hides a constant of the module
        for k in range(1000):
            if f"v{k}" not in self.env:
                return f"v{k}"
        raise Nope("no name")

    def attempt(self, lines: list[str], new: dict[str, bool]) -> None:
        """Write the lines, if they run; `new` are the names that they assign, and whether these are traced."""
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
        if "segment=" in lines[-1] or "dp.checkpoint" in lines[0]:
            self.function.kept.update(names_in("\n".join(lines)))
        for name, traced in new.items():
            self.know(name, traced)

    def know(self, name: str, traced: bool, argument: bool = False) -> None:
        """A name was assigned: all that hung on its old value is forgotten. Whole arguments are traced as floats."""
        plain = normal(name)
        for text in [t for t in self.atoms if normal(re.split(r"[.\[]", t)[0]) == plain]:
            del self.atoms[text]
        for text, value in paths(name, self.env[plain]):
            self.atoms[text] = argument or (traced and np.asarray(value).dtype.kind == "f")

    def block(self, extra: dict[str, Any] | None = None, function: Function | None = None) -> "Scope":
        """A block inside of this one, or the body of a function in it."""
        inner = Scope(self.rng, dict(self.env), dict(self.atoms), function or self.function, self.compiled,
                      0 if function else self.nested + 1)
        inner.depth = self.depth + 1
        inner.looping = self.looping
        for name, (value, traced) in (extra or {}).items():
            inner.env[normal(name)] = value
            inner.function.local.add(normal(name))
            inner.know(name, traced)
        return inner

    depth = 0

    def write(self, count: int) -> None:
        """So many statements."""
        for _ in range(count):
            for _ in range(15):
                with contextlib.suppress(Nope):
                    self.statement()
                    break

    def statement(self) -> None:
        """One statement of some kind."""
        kinds = [(self.assign, 9), (self.reassign, 3), (self.unpack, 1), (self.structure, 1.2), (self.listing, 1.5),
                 (self.accumulate, 1.2), (self.local_buffer, 0.7), (self.log, 0.6), (self.halt, 0.8)]
        if self.depth < 2:
            kinds += [(self.define, 1.6), (self.scan, 2.2 if self.compiled else 1.4), (self.lambdas, 0.7)]
        if self.depth < 1:
            kinds += [(self.integrate, 0.7), (self.checkpoint, 0.6), (self.recursion, 0.4)]
        if not (self.compiled and self.looping):
            kinds += [(self.branch, 1.5), (self.loop_while, 0.7)]
        if not self.compiled and self.depth < 1:
            kinds += [(self.inner_gradient, 0.3), (self.count_up, 0.4)]
        [kind] = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])
        kind()

    def tamed(self, piece: Piece) -> str:
        """The text of an expression, squashed if it is large."""
        if np.size(piece.value) and np.max(np.abs(np.asarray(piece.value, float))) > TAME / 5:
            return self.rng.choice(["np.tanh({a})", "np.sin({a})", "0.1 * {b}"]).format(a=piece.text, b=piece.operand)
        return piece.text

    def assign(self) -> None:
        """name = expression"""
        piece, name = self.expression(), self.new_name()
        self.attempt([f"{name} = {self.tamed(piece)}"], {name: piece.traced})

    def reassign(self) -> None:
        """A name changes; scalars also by an augmented assignment."""
        names = [text for text in self.atoms if normal(text) in self.function.local and text.isidentifier()]
        if not names or self.nested:             # a block must not change what others read
            raise Nope("no name")
        name = self.rng.choice(names)
        if normal(name) in self.function.kept:
            raise Nope("it would be another value when it runs again")
        piece, value = self.expression(1), self.env[normal(name)]
        traced = piece.traced or self.atoms[name]
        if np.ndim(value) == 0 and np.ndim(piece.value) == 0 and not isinstance(value, np.ndarray) \
                and self.depth == 0 and self.rng.random() < 0.6:
            sign = self.rng.choice(["+=", "-=", "*="])
            self.attempt([f"{name} {sign} {self.tamed(piece)}"], {name: traced})
        else:
            sign = self.rng.choice(["+", "-", "*"])
            self.attempt([f"{name} = {name} {sign} np.tanh({piece.text})"], {name: traced})

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

    def unpack(self) -> None:
        """a, b = vector; a, *rest = ...; a, b = b, a"""
        piece = self.atom(lambda x: np.ndim(x) >= 1 and len(x) in (2, 3))
        n = len(piece.value)
        a, b, c = self.distinct(3)
        if self.rng.random() < 0.3:
            self.attempt([f"{a}, *{b} = {piece.text}"], {a: piece.traced, b: piece.traced})
        else:
            left = [a, b, c][:n]
            self.attempt([f"{', '.join(left)} = {piece.text}"], dict.fromkeys(left, piece.traced))

    def structure(self) -> None:
        """Values put into a dict, a tuple, a named tuple."""
        a, b, name = self.expression(1), self.expression(0), self.new_name()
        form = self.rng.choice(['{{"u": {a}, "v": {b}}}', "({a}, {b})", "[{a}, {b}]", "Pair({a}, {b})",
                                "dict(u={a}, v=({b}, {a}))", "Pair(right={b}, left={a})",
                                '{{**{{"u": {a}}}, "v": [{b}]}}'])
        self.attempt([f"{name} = {form.format(a=a.text, b=b.text)}"], {name: a.traced or b.traced})

    def listing(self) -> None:
        """A list of values, by a loop or a comprehension, and made an array of."""
        whole = self.atom(lambda x: np.ndim(x) >= 1 and 0 < len(x) <= 6)
        name, item, k = self.distinct(3, fresh=True)
        inner = self.block({item: (whole.value[0], whole.traced), k: (0, False)}, Function(set(), set(), set()))
        inner.compiled, inner.depth = self.compiled, 2
        piece = inner.expression(1)
        text, made = inner.tamed(piece), self.rng.choice(["np.stack", "np.concatenate", "sum", "np.hstack", "list"])
        if made == "np.concatenate" and np.ndim(piece.value) == 0:
            text = f"np.atleast_1d({text})"
        loop = self.rng.choice([f"for {k}, {item} in enumerate({whole.text})",
                                f"for {k}, {item} in zip(range(9), {whole.text})",
                                f"for {k}, {item} in reversed(list(enumerate({whole.text})))"])
        end = f"np.stack({name})" if made == "list" and self.rng.random() < 0.5 else name
        traced = whole.traced or piece.traced
        if self.rng.random() < 0.5:
            self.attempt([f"{name} = {made}([{text} {loop}])" if made != "list" else
                          f"{name} = [{text} {loop}]"], {name: traced})
        else:
            last = f"{name} = {made}({name})" if made != "list" else f"{name} = {end}"
            self.attempt([f"{name} = []", f"{loop}:", f"    {name}.append({text})", last], {name: traced})

    def accumulate(self) -> None:
        """A for loop that carries a value along."""
        acc, k = self.distinct(2, fresh=True)
        start = self.rng.choice([Piece("0.0", 0.0, False), Piece("1.0", 1.0, False), self.operand(0)])
        inner = self.block({acc: (start.value, start.traced), k: (1, False)})
        inner.write(self.rng.choice([0, 1, 1, 2]))
        step = inner.like(Piece(acc, start.value, True))
        tail = self.rng.choice([[], [], [f"    if {k} == 2:", f"        {self.rng.choice(['continue', 'break'])}"]])
        self.attempt([f"{acc} = {start.text}", f"for {k} in range({self.rng.randint(1, 4)}):",
                      *indented(inner.lines), *tail, f"    {acc} = {step}"], {acc: True})

    def loop_while(self) -> None:
        """A loop that ends by a value."""
        t = self.new_name(fresh=True)
        piece = self.operand(1, lambda x: np.ndim(x) == 0 and np.asarray(x).dtype.kind == "f")
        bound = f"{self.rng.uniform(0.05, 0.6):.3f}"
        self.attempt([f"{t} = {piece.text}", f"while {self.rng.choice(['abs', 'np.abs'])}({t}) > {bound}:",
                      f"    {t} = {self.rng.choice([f'{t} / 2', f'np.sin({t}) * 0.7', f'{t} * 0.6 - 0.01'])}"],
                     {t: piece.traced})

    def local_buffer(self) -> None:
        """A plain array that is filled in place, and then used."""
        n = self.rng.randint(1, 4)
        buf, k = self.distinct(2, fresh=True)
        whole = self.rng.choice(["{b} = np.zeros({n})", "{b} = np.empty({n})", "{b} = np.ones(({n}, 2))[:, 1]",
                                 "{b} = np.arange(2 * {n}, dtype=float)[::2]"]).format(b=buf, n=n)
        self.attempt([whole, f"for {k} in range({n}):",
                      f"    {buf}[{k}] = {self.rng.choice([f'0.3 * {k} - 0.5', f'1 / (1 + {k})', f'np.cos({k})'])}",
                      *self.rng.choice([[], [f"{buf} *= 0.5"], [f"{buf}[-1] += 1.0"], [f"{buf}[:] = {buf}[::-1]"]])],
                     {buf: False})
        with contextlib.suppress(Nope):
            other, name = self.operand(0), self.new_name(fresh=True)
            lines = [f"{name} = {other.operand} * {buf}"]
            if self.rng.random() < 0.4:          # used, and then filled with something else
                lines.append(f"{buf}[...] = 0.7")
            self.attempt(lines, {name: other.traced})

    def log(self) -> None:
        """A side effect that changes no value."""
        piece = self.atom()
        self.attempt([self.rng.choice([f"log.append(np.shape({piece.text}))", "log.append(len(log))",
                                       f"log.append(np.ndim({piece.text}))", "log += ['here']",
                                       "del log[:]"]).replace("log += ['here']", "log.extend(['here'])")], {})

    def halt(self) -> None:
        """A constant from here on, or another declared derivative."""
        piece, name = self.operand(1), self.new_name()
        form = self.rng.choice(["dp.stop_gradient({a})", "{b} + dp.stop_gradient({b})", "soft({a})", "bump({a})",
                                "blend({a}, 0.7)", "dp.sign({a})", "dp.straight_through(np.sign, 'tanh')({a})",
                                "pairwise({a}, {a})[1]", "{b} - dp.stop_gradient({b} - np.tanh({a}))"])
        self.attempt([f"{name} = {form.format(a=piece.text, b=piece.operand)}"], {name: piece.traced})

    def branch(self) -> None:
        """if, elif, else on values; both sides give a value of one shape."""
        name = self.new_name(fresh=True)
        start = self.operand(1)
        sides = []
        for _ in range(2):
            inner = self.block()
            inner.write(self.rng.choice([0, 0, 1]))
            sides.append([*indented(inner.lines), f"    {name} = {inner.like(start)}"])
        test = self.decision()
        if self.rng.random() < 0.25:
            test = f"{test} {self.rng.choice(['and', 'or', 'and not'])} {self.decision()}"
        if self.rng.random() < 0.3:
            a, b = (side[-1].partition(" = ")[2] for side in sides)
            lines = [f"{name} = {a} if {test} else {b}"]
        else:
            lines = [f"if {test}:", *sides[0], "else:", *sides[1]]
        self.attempt(lines, {name: True})

    def lambdas(self) -> None:
        """A short function, used twice."""
        name, x, result = self.distinct(3, fresh=True)
        a, b = self.operand(0), self.operand(0)
        inner = self.block({x: (a.value, a.traced)}, Function(set(), set(), set()))
        inner.depth = 2
        body = inner.expression(1)
        self.attempt([f"{name} = lambda {x}: {inner.tamed(body)}"], {})
        self.attempt([f"{result} = {name}({a.text})"], {result: a.traced or body.traced})
        with contextlib.suppress(Nope):
            self.attempt([f"{result} = {name}({b.text})"], {result: b.traced or body.traced})

    def function_text(self, name: str, params: list[tuple[str, Piece]], statements: int, signature: str,
                      result: Callable[["Scope"], str], before: list[str] | None = None) -> tuple[list[str], Any]:
        """A def, and its scope, which knows what was in the arguments."""
        inner = self.block({p: (piece.value, piece.traced) for p, piece in params}, Function(set(), set(), set()))
        inner.write(statements)
        end = result(inner)
        return [f"def {name}({signature}):", *indented([*(before or []), *inner.lines, f"return {end}"])], inner

    def define(self) -> None:
        """An inner function with defaults and keywords, called."""
        name, x, y, out = self.distinct(4, fresh=True)
        a, b = self.operand(0), self.operand(0)
        default = self.literal()
        form = self.rng.choice(["{x}, {y}={d}", "{x}, *, {y}={d}", "{x}, *{y}"])
        star = "*" + y in form.format(x=x, y=y, d="")
        params = [(x, a)] if star else [(x, a), (y, default)]
        lines, _ = self.function_text(name, params, self.rng.choice([1, 2, 3]), form.format(x=x, y=y, d=default.text),
                                      lambda inner: inner.tamed(inner.expression(1)))
        call = self.rng.choice([f"{name}({a.text})", f"{name}({x}={a.text})" if not star else f"{name}(*[{a.text}])",
                                f"{name}({a.text}, {y}={self.literal().text})" if not star else f"{name}({a.text}, 1)"])
        more = self.rng.choice(["", f" + np.sum({name}({b.text}))"])
        self.attempt([*lines, f"{out} = {call}{more}"], {out: True})

    def recursion(self) -> None:
        """A function that calls itself."""
        name, x, n, out = self.distinct(4, fresh=True)
        a = self.operand(0)
        inner = self.block({x: (a.value, a.traced), n: (2, False)}, Function(set(), set(), set()))
        inner.write(self.rng.choice([0, 1]))
        step = inner.like(Piece(x, a.value, a.traced))
        self.attempt([f"def {name}({x}, {n}):", f"    if {n} == 0:", f"        return {x}",
                      *indented(inner.lines), f"    return {name}({step}, {n} - 1)",
                      f"{out} = {name}({a.text}, {self.rng.randint(1, 4)})"], {out: True})

    def checkpoint(self) -> None:
        """Recomputed on the way back."""
        name, x, y, out = self.distinct(4, fresh=True)
        a, b = self.operand(0), self.operand(0)
        inner = self.block({x: (a.value, a.traced), y: (b.value, b.traced)}, Function(set(), set(), set()))
        for text in [t for t, traced in inner.atoms.items() if traced and re.split(r"[.\[]", t)[0] not in (x, y)]:
            del inner.atoms[text]                # what is traced must come as an argument
        inner.write(self.rng.choice([1, 2]))
        end = inner.tamed(inner.expression(1))
        self.attempt(["@dp.checkpoint", f"def {name}({x}, {y}):", *indented([*inner.lines, f"return {end}"]),
                      f"{out} = {name}({a.text}, {b.text})"], {out: True})

    def inner_gradient(self) -> None:
        """A gradient that is part of the program."""
        x, out = self.distinct(2, fresh=True)
        a = self.atom(lambda v: np.asarray(v).dtype == np.float64)
        inner = self.block({x: (a.value, a.traced)}, Function(set(), set(), set()))
        inner.depth = 2
        body = inner.expression(1)
        if "dp." in body.text or not body.traced:
            raise Nope("no")
        self.attempt([f"{out} = dp.grad(lambda {x}: np.sum({body.text}))({a.text})"], {out: True})

    def count_up(self) -> None:
        """A counter in a closure."""
        name, n, x, out = self.distinct(4, fresh=True)
        a = self.operand(0)
        self.attempt([f"def {name}({x}):", f"    {n} = 0", "    def again():", f"        nonlocal {n}",
                      f"        {n} += 1", f"        return {x} * {n}",
                      f"    return again() + again() + {self.rng.choice([x, n])}",
                      f"{out} = {name}({a.text})"], {out: a.traced})

    # ------------------------------------------------------------------------ loops

    def scan(self) -> None:
        """dp.scan: a carry of some structure, rows or a length, and what each step gives."""
        step, c, x, *parts = self.distinct(6, fresh=True)
        starts = [self.start() for _ in range(self.rng.choice([1, 1, 2, 2, 3]))]
        form = self.rng.choice(["tuple", "list", "dict", "Pair"]) if len(starts) == 2 else "tuple"
        bare = len(starts) == 1 and self.rng.random() < 0.6
        parts = parts[:len(starts)]
        rows = None
        with contextlib.suppress(Nope):
            if self.rng.random() < 0.6:
                rows = self.atom(lambda v: np.ndim(v) >= 1 and 1 <= len(v) <= 8)
        if bare:
            parts, take = [c], []
        else:
            take = [f"{', '.join(parts)}{',' * (len(parts) == 1)} = " + (
                f'{c}["one"], {c}["two"]' if form == "dict" else c)]
        extra = {p: (s.value, np.asarray(s.value).dtype.kind == "f") for p, s in zip(parts, starts, strict=True)}
        if rows is not None:
            extra[x] = (rows.value[0], rows.traced)
        inner = self.block(extra, Function({normal(c), normal(x)}, set(), set()))
        inner.looping = True
        inner.write(self.rng.choice([0, 1, 1, 2]))
        ends = [inner.next_carry(p, s) for p, s in zip(parts, starts, strict=True)]
        y = "None"
        if self.rng.random() < 0.6:
            with contextlib.suppress(Nope):
                y = inner.tamed(inner.operand(1))
                y = self.rng.choice([y, y, f"({y}, {parts[0]})", f'{{"y": {y}}}'])
        new = ends[0] if bare else written(form, ends)
        begin = starts[0].text if bare else written(form, [s.text for s in starts])
        how = self.rng.choice([f"length={self.rng.choice([1, 2, 3, 5])}"]) if rows is None else rows.text
        if self.rng.random() < 0.12:
            how += f", segment={self.rng.choice([1, 2])}"
        last, ys = self.distinct(2, fresh=True)
        if {normal(last), normal(ys)} & {normal(n) for n in (step, c, x, *parts)}:
            raise Nope("names")
        given = {last: True} | ({ys: True} if y != "None" else {})
        self.attempt([f"def {step}({c}, {x}):", *indented([*take, *inner.lines, f"return {new}, {y}"]),
                      f"{last}, {ys if y != 'None' else '_'} = dp.scan({step}, {begin}, {how})"], given)

    def start(self) -> Piece:
        """What a carry begins with."""
        if self.rng.random() < 0.3:
            return self.rng.choice([Piece("0.0", 0.0, False), Piece("1.0", 1.0, False), Piece("0", 0, False),
                                    Piece("True", True, False), Piece("np.zeros(2)", np.zeros(2), False)])
        piece = self.operand(0, lambda v: np.size(v) > 0)
        return Piece(f"np.tanh({piece.text})", np.tanh(piece.value), piece.traced) \
            if np.asarray(piece.value).dtype.kind != "f" else piece

    def next_carry(self, name: str, start: Piece) -> str:
        """An expression for the next carry, of the kind of the first one."""
        if isinstance(start.value, bool):
            test = self.condition(0)
            return test.text if np.ndim(test.value) == 0 else f"np.any({test.text})"
        if isinstance(start.value, int):
            return f"{name} + {self.rng.choice([1, 2])}"
        return self.like(Piece(name, start.value, True))

    def integrate(self) -> None:
        """dp.integrate: a body that falls, or a value that decays, up to an event."""
        move, s, h, out = self.distinct(4, fresh=True)
        a, b = (self.operand(0) for _ in range(2))
        push, start = (f"np.tanh(np.sum({p.text}))" for p in (a, b))
        dt = f"{self.rng.uniform(0.03, 0.2):.3f}"
        if self.rng.random() < 0.3:
            level = f"{self.rng.uniform(0.2, 0.8):.3f}"
            lines = [f"def {move}({s}, {h}):",
                     f"    return {s} - {h} * {s} * (1.2 + 0.5 * {push}) + {h}**2 * np.sin({s})",
                     f"{out} = dp.integrate({move}, 2.0 + {start}, until=lambda {s}: {s} - {level} * {push}**2, "
                     f"dt={dt})"]
        elif self.rng.random() < 0.25:           # without dt, the event is located on a line
            lines = [f"def {move}({s}):",
                     f"    return {s}[0] - 0.07 - 0.03 * {s}[1] * {push}, 0.9 * {s}[1]",
                     f"{out} = dp.integrate({move}, (1.5 + {start}, 1.0), lambda {s}: {s}[0])[1]"]
        else:
            names = self.distinct(3, fresh=True)
            if {*map(normal, names)} & {*map(normal, (move, s, h, out))}:
                raise Nope("names")
            x, v, clock = names                  # what is left of the height is rounding, and not returned
            lines = [f"def {move}({s}, {h}):", f"    {x}, {v}, {clock} = {s}",
                     f"    pull = 5.0 + {push} * np.cos({self.rng.choice([x, v])})",
                     f"    return {x} + {h} * {v} - {h}**2 * pull / 2, {v} - {h} * pull, {clock} + {h}",
                     f"{out} = dp.integrate({move}, (1.1 + {start}, 0.5, 0.0), until=lambda {s}: {s}[0], dt={dt})[1:]"]
        self.attempt(lines, {out: True})


def normal(name: str) -> str:
    """The name as Python reads it."""
    return unicodedata.normalize("NFKC", name)


def narrow_float(x: Any) -> bool:
    """Whether this is a float of another width than float64's."""
    return np.asarray(x).dtype.kind == "f" and np.asarray(x).dtype != np.float64


def written(form: str, parts: list[str]) -> str:
    """A structure of these parts."""
    if form == "dict":
        return f'{{"one": {parts[0]}, "two": {parts[1]}}}'
    inside = ", ".join(parts)
    return {"list": f"[{inside}]", "Pair": f"Pair({inside})"}.get(form, f"({inside},)" if len(parts) == 1 else
                                                                  f"({inside})")


# ---------------------------------------------------------------------------- the module

class Module:
    """A module that is being written."""

    def __init__(self, seed: int, compiled: bool):
        self.rng = random.Random(f"{seed} {compiled}")
        self.compiled = compiled
        sizes = [1, 2, 2, 3, 3, 4, 5] + [9, 11] * (self.rng.random() < 0.3)
        n, m = self.rng.choice(sizes), self.rng.choice(sizes)
        self.shapes = [(n,), (n,), (m,), (n, m), (n, n), (m, n), (1, n), (n, 1), (2, n, m), (n,), (n, n)]
        self.integers = self.rng.random() < 0.06

    def number(self) -> float:
        """A real number, or now and then a whole one."""
        return float(self.rng.randint(-2, 3)) if self.integers else round(self.rng.gauss(0.0, 1.0), 3) or 0.25

    def array(self, shape: tuple, dtype: str = "") -> str:
        """The text of an array."""
        def rows(shape: tuple) -> Any:
            if not shape:
                x = self.number()
                return {"int": round(3 * x), "bool": x > 0}.get(dtype, x)
            return [rows(shape[1:]) for _ in range(shape[0])]
        kind = f", {dtype if dtype in ('int', 'bool') else 'np.' + dtype}" if dtype else ""
        if 0 in shape:
            return f"np.zeros({shape})"
        return f"np.array({rows(shape)}{kind})"

    def layout(self, shape: tuple, dtype: str = "") -> str:
        """An array as it comes from elsewhere: transposed, strided, reversed, a broadcast."""
        plain = self.array(shape, dtype)
        forms = [plain] * 3
        if len(shape) == 2:
            forms += [f"np.asfortranarray({plain})", f"{self.array(shape[::-1], dtype)}.T",
                      f"{plain}[::-1]", f"{plain}[:, ::-1]",
                      f"np.broadcast_to({self.array(shape[1:], dtype)}, {shape})"]
            if shape[1] <= 5:
                forms.append(f"{self.array((shape[0], 2 * shape[1]), dtype)}[:, ::2]")
        elif len(shape) == 1:
            forms += [f"{plain}[::-1]", f"{self.array((2 * shape[0],), dtype)}[1::2]",
                      f"{self.array((shape[0], 2), dtype)}[:, 1]"]
        return self.rng.choice(forms)

    def leaf(self) -> Callable[[], str]:
        """An argument; called again it has other numbers."""
        kind = self.rng.random()
        if kind < 0.38:
            return lambda: f"{self.number()}"
        if kind < 0.44:
            return lambda: f"np.float64({self.number()})"
        if kind < 0.47:
            return lambda: f"{self.rng.randint(1, 3)}"
        if kind < 0.50:
            return lambda: self.array(())
        if kind < 0.52:
            return lambda: self.array(self.rng.choice([(0,), (0, 2)]))
        shape = self.rng.choice(self.shapes)
        return (lambda: self.array(shape)) if self.rng.random() < 0.7 else lambda: self.layout(shape)

    def argument(self) -> Callable[[], str]:
        """An argument, perhaps a structure."""
        if self.rng.random() < 0.75:
            return self.leaf()
        a, b = self.leaf(), self.leaf()
        form = self.rng.choice(['{{"w": {a}, "b": {b}}}', "({a}, {b})", "[{a}, {b}]", "Pair({a}, {b})",
                                '{{"layers": [({a}, {b})]}}', "({a}, {{'z': {b}}})", "Pair(({a},), [{b}])"])
        return lambda: form.format(a=a(), b=b()).replace("'", '"')

    def constants(self) -> Iterator[tuple[str, str]]:
        """What the function captures."""
        names = self.rng.sample(["W", "table", "mask", "idx", "scale", "K", "bias", "data", "g", "out"], 4)
        for name in names[:self.rng.randint(1, 4)]:
            kind, shape = self.rng.random(), self.rng.choice(self.shapes)
            if kind < 0.2:
                yield name, f"{self.number()}"
            elif kind < 0.3:
                yield name, self.rng.choice([f"np.float64({self.number()})", f"np.array({self.number()})",
                                             f"np.float32({self.number()})", f"np.int64({self.rng.randint(1, 4)})"])
            else:
                dtype = self.rng.choice(["", "", "", "float32", "int", "bool"])
                yield name, self.layout(shape, dtype)

    def text(self) -> str:
        """The whole module; raises `Nope` if it came out badly."""
        rng = self.rng
        head = [line for lines in HELPERS.values() for line in [*lines, ""]]
        consts = [*self.constants()]
        frozen = [f"{name}.setflags(write=False)" for name, text in consts
                  if "array(" in text and "T" not in text and "[:" not in text and rng.random() < 0.2]
        change: list[str] = []
        buffer = []
        if rng.random() < 0.25:
            shape = rng.choice(self.shapes[:5])
            buffer = [("buffer", self.layout(shape).replace("np.broadcast_to", "0.5 + np.broadcast_to"))]
            change = ["", "def change():", f"    buffer[...] = {rng.choice(['buffer * 0.5 + 0.25', '-buffer', '0.75'])}"]
        drawn = [self.argument() for _ in range(rng.choice([1, 1, 2, 2, 3]))]
        params = rng.sample(AWKWARD[:24], len(drawn))
        if len({*map(normal, params)}) < len(params) or {*map(normal, params)} & {name for name, _ in consts}:
            raise Nope("names")
        first, second = ("(" + "".join(f"{draw()}, " for draw in drawn).rstrip(" ") + ")" for _ in range(2))
        keywords = {"gain": str(round(rng.uniform(0.5, 1.5), 2)), "power": str(rng.randint(1, 3))}
        keywords = {k: v for k, v in keywords.items() if rng.random() < 0.25}

        env = namespace()
        setup = [f"{name} = {text}" for name, text in [*consts, *buffer]] + frozen
        exec("\n".join([*head, *setup]), env)
        args = eval(first, env)
        atoms = {text: False for name, _ in consts for text, _ in paths(name, env[name])}
        scope = Scope(rng, env, atoms, Function(set(), set(), set()), self.compiled)
        for name, value in zip(params, args, strict=True):
            env[normal(name)] = value
            scope.function.local.add(normal(name))
            scope.know(name, True, argument=True)
        for name, default in keywords.items():
            env[name] = eval(default)
            scope.function.local.add(name)
            scope.know(name, False)
        if buffer:
            self.use_buffer(scope)
        scope.write(rng.choice([2, 3, 4, 5, 6, 8]))
        body, scalar = self.ending(scope, params)
        defaults = "".join(f", {name}={value}" for name, value in keywords.items())
        given = {k: eval(v) + 1 for k, v in keywords.items() if rng.random() < 0.5}
        define = [f"def f({', '.join(params)}{defaults}):", *indented(body)]
        module_level = [f"{name} = {text}" for name, text in buffer]
        if rng.random() < 0.35 and not frozen:   # a closure
            inner = [f"{name} = {text}" for name, text in consts]
            define = ["def make():", *indented([*inner, "", *define, "", "return f"]), "", "f = make()"]
        else:
            module_level = setup
        used = names_in("\n".join([*define, *setup, first, second]))
        head = [line for name, lines in HELPERS.items() if name in used for line in [*lines, ""]]
        return "\n".join(["import collections", "", "import numpy as np", "", "import tinydp as dp", "",
                          *head, *module_level, "", *define, *change, "", f"args = {first}", f"other = {second}",
                          f"keywords = {given}", ""])

    def use_buffer(self, scope: Scope) -> None:
        """The captured buffer meets an argument, directly."""
        with contextlib.suppress(Nope):
            piece = scope.atom(lambda x: np.asarray(x).dtype.kind == "f", traced=True)
            name = scope.new_name(fresh=True)
            sign = self.rng.choice(["*", "+", "-"])
            sides = [piece.operand, "buffer"]
            self.rng.shuffle(sides)
            scope.attempt([f"{name} = {sides[0]} {sign} {sides[1]}"], {name: True})

    def ending(self, scope: Scope, params: list[str]) -> tuple[list[str], bool]:
        """The body with a return: of one number, or of a structure."""
        rng = self.rng
        traced = [text for text, is_traced in scope.atoms.items() if is_traced]
        if not traced:
            raise Nope("nothing traced")
        late = traced[-5:] + [rng.choice(traced)]
        chosen = rng.sample(late, min(len(late), rng.choice([1, 2, 3])))
        if traced[-1] not in chosen:
            chosen.append(traced[-1])
        scalar = rng.random() < 0.62
        if scalar:
            ways = ["np.sum({a})", "np.mean({a})", "np.sum({a}**2)", "np.sum(np.tanh({a}))", "0.5 * np.sum({a})"]
            ways = [w for w in ways if "mean" not in w] if any(
                np.size(eval(t, scope.env)) == 0 for t in chosen) else ways
            end = " + ".join(rng.choice(ways).format(a=t) for t in chosen)
            body = [*scope.lines, f"return {end}"]
            if rng.random() < 0.15:
                early = [f"if np.sum({chosen[0]}) > {rng.uniform(0.0, 3.0):.2f}:", f"    return {end.split(' + ')[0]}"]
                body = [*scope.lines, *early, f"return {end}"]
            return body, True
        if len(chosen) == 1:
            return [*scope.lines, f"return {chosen[0]}"], False
        forms = ["({t})", "[{t}]", "{{{d}}}", "Pair({a}, [{rest}])", "({a}, {{{d}}})"]
        end = rng.choice(forms).format(t=", ".join(chosen), a=chosen[0], rest=", ".join(chosen[1:]),
                                       d=", ".join(f'"{k}": {t}' for k, t in zip("rstuvwxyz", chosen, strict=False)))
        return [*scope.lines, f"return {end}"], False


def draw(seed: int, compiled: bool = False) -> str:
    """The source of the program with this number; `compiled`: of what `dp.compile` translates, only."""
    for attempt in range(50):
        with contextlib.suppress(Nope):
            source = Module(seed * 50 + attempt, compiled).text()
            if runs(source):
                return source
    raise ValueError(f"no program came of seed {seed}")


def runs(source: str) -> bool:
    """Whether the plain program gives tame numbers, without a warning."""
    env = namespace()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(compile(source.replace("import tinydp as dp", ""), "<program>", "exec"), env)
            return is_tame(env["f"](*env["args"], **env["keywords"]))
        except Exception:
            return False
