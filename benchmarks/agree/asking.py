"""Statements that ask, count and look up.

What is written here is what people write without a thought of the compiler: `if` and `elif` with several
names, `while`, `break`, early returns, assertions. Whether a condition holds is known only for the values at
hand; the other sides are run as they are written, too, so that their shapes are right.
"""

import contextlib
from typing import Any

import numpy as np

from .questions import CHOICES, LOOKUPS, MATRICES, TESTS, WHOLE
from .scope import Function, Nope, Piece, indented, normal
from .statements import Block
from .texts import is_rich, is_scalar, is_square


def is_whole(x: Any) -> bool:
    """An integer."""
    return np.ndim(x) == 0 and np.asarray(x).dtype.kind == "i"


def is_flag(x: Any) -> bool:
    return np.ndim(x) == 0 and np.asarray(x).dtype.kind == "b"


def is_vector(x: Any) -> bool:
    return is_rich(x) and np.ndim(x) == 1


class Asking(Block):
    """A block that asks about its values."""

    def settled(self) -> bool:
        """Whether names keep their values from here on: a loop with segments is run again on the way back."""
        return any("segment=" in line for line in self.lines)

    def new_name(self, fresh: bool = False) -> str:
        return super().new_name(fresh or self.settled())

    def reassign(self) -> None:
        if self.settled():
            raise Nope("read again later")
        super().reassign()

    def require_alike(self, values: dict[str, Any]) -> None:
        """Raise unless names still have these shapes and kinds: what is not run here needs that, too."""
        for name, value in values.items():
            now = self.env[normal(name)]
            try:
                same = np.shape(now) == np.shape(value) and (
                    np.asarray(now).dtype.kind == np.asarray(value).dtype.kind)
            except ValueError as error:          # rows of different lengths
                raise Nope(str(error)) from None
            if not same:
                raise Nope("another shape or kind")

    # ------------------------------------------------------------------------ expressions

    def special(self, gap: str, depth: int, parts: dict[str, Piece]) -> Piece:
        """What the gaps of `questions.py` take."""
        if gap == "x":
            return self.atom(is_vector, certain=True)
        tests = {"s": is_scalar, "r": is_scalar, "v": is_vector, "m": is_square, "f": is_flag}
        if gap in tests:
            piece = self.operand(depth if gap in "sr" else 0, tests[gap])
            return Piece(piece.text, piece.value, piece.traced)
        if gap in ("i", "j"):
            return self.whole(depth)
        if gap == "t":
            return self.test(depth - 1)
        return super().special(gap, depth, parts)

    def of(self, table: list, depth: int, fits: Any = lambda x: True) -> Piece:
        """A template of this table, filled."""
        for _ in range(20 if depth > 0 else 3):  # those within it are tried again with it
            with contextlib.suppress(Nope):
                piece = self.filled(self.rng.choice(table), depth)
                if fits(piece.value):
                    return piece
        raise Nope("nothing of this table")

    def whole(self, depth: int) -> Piece:
        """An integer: one that is there, or a new one."""
        with contextlib.suppress(Nope):
            if depth <= 0 or self.rng.random() < 0.6:
                return self.atom(is_whole)
        table = WHOLE if depth > -2 else WHOLE[:1]
        return self.of(table, depth - 1, lambda x: is_whole(x) or is_flag(x))

    def test(self, depth: int = 0) -> Piece:
        """What is true or false, for one value."""
        return self.of(TESTS if depth > -2 else TESTS[:1], depth, lambda x: np.ndim(x) == 0)

    def decision(self) -> str:
        """Also of the kinds of `Block`."""
        return super().decision() if self.rng.random() < 0.2 else self.test().text

    # ------------------------------------------------------------------------ statements

    def named(self, piece: Piece) -> None:
        """A name for it."""
        name = self.new_name()
        text = self.tamed(piece) if np.asarray(piece.value).dtype.kind == "f" else piece.text
        self.attempt([f"{name} = {text}"], {name: piece.traced})

    def choice(self) -> None:
        """One of several values, by an expression."""
        self.named(self.of(CHOICES, 1))

    def count(self) -> None:
        """An integer, or a flag."""
        self.named(self.of(WHOLE, 1) if self.rng.random() < 0.7 else self.test())

    def look_up(self) -> None:
        """A computed index, an order, a table."""
        self.named(self.of(LOOKUPS, 1))

    def factor(self) -> None:
        """Linear algebra."""
        self.named(self.of(MATRICES, 0))

    def side(self, names: list[str], starts: list[Piece], statements: int) -> list[str]:
        """One side of a branch: some of the names get new values."""
        inner = self.block()
        inner.write(statements)
        some = [*zip(names, starts, strict=True)]
        some = self.rng.sample(some, self.rng.randint(1, len(some)))
        new = [(name, inner.like(start)) for name, start in some]
        if len(new) > 1 and self.rng.random() < 0.4:
            lines = [f"{', '.join(name for name, _ in new)} = {', '.join(text for _, text in new)}"]
        else:
            lines = [f"{name} = {text}" for name, text in new]
        inner.attempt(lines, {name: True for name, _ in new})
        return indented(inner.lines)

    def branched(self, names: list[str], starts: list[Piece]) -> list[str]:
        """if, perhaps elif, perhaps else."""
        lines = [f"if {self.decision()}:", *self.side(names, starts, self.rng.choice([0, 0, 1]))]
        if self.rng.random() < 0.4:
            lines += [f"elif {self.decision()}:", *self.side(names, starts, 0)]
        if self.rng.random() < 0.6:
            lines += ["else:", *self.side(names, starts, self.rng.choice([0, 0, 1]))]
        return lines

    def beginnings(self, count: int) -> tuple[list[str], list[Piece], list[str]]:
        """New names, their values, and the lines that give them these."""
        names = self.distinct(count, fresh=True)
        starts = [
            self.operand(0, lambda x: np.size(x) > 0 and np.asarray(x).dtype.kind == "f") for _ in names
        ]
        return names, starts, [f"{name} = {start.text}" for name, start in zip(names, starts, strict=True)]

    def choose(self) -> None:
        """if, elif, else with assignments to names that were there before."""
        names, starts, first = self.beginnings(self.rng.choice([1, 1, 2, 3]))
        before = self.env.copy(), self.atoms.copy()
        inner = self.block()
        inner.nested -= 1
        inner.attempt(first, dict.fromkeys(names, True))
        lines = inner.branched(names, [Piece(n, s.value, True) for n, s in zip(names, starts, strict=True)])
        self.env.clear()
        self.env.update(before[0])
        self.attempt([*first, *lines], dict.fromkeys(names, True))

    def go_round(self) -> None:
        """A for loop with if, break and continue."""
        [acc], [start], first = self.beginnings(1)
        [k] = [self.new_name(fresh=True)]
        if normal(k) == normal(acc):
            raise Nope("names")
        inner = self.block({acc: (start.value, True), k: (1, False)})
        inner.rounds = True
        inner.write(self.rng.choice([0, 0, 1]))
        end = self.rng.choice(["break", "continue", f"{acc} = {inner.like(Piece(acc, start.value, True))}"])
        test = inner.decision()
        lines = [
            *first,
            f"for {k} in range({self.rng.randint(2, 4)}):",
            *indented(inner.lines),
            f"    if {test}:",
            f"        {end}",
            f"    {acc} = {inner.like(Piece(acc, start.value, True))}",
        ]
        if end == "break" and self.rng.random() < 0.3:
            lines += ["else:", f"    {acc} = 0.5 * {acc}"]
        self.attempt(lines, {acc: True})

    def until(self) -> None:
        """A while loop of few rounds, which may count them."""
        t, k = self.distinct(2, fresh=True)
        piece = self.operand(1, is_scalar)
        bound, shrink = (
            f"{self.rng.uniform(0.2, 0.9):.3f}",
            self.rng.choice(["0.5 * {t}", "{t} * 0.6 - 0.01"]),
        )
        shrink = shrink.format(t=t)
        form = self.rng.choice(
            [
                [f"while abs({t}) > {bound}:", f"    {t} = {shrink}"],
                [
                    f"{k} = 0",
                    f"while abs({t}) > {bound} and {k} < 3:",
                    f"    {t}, {k} = {shrink}, {k} + 1",
                    f"{t} = {t} + 0.1 * {k}",
                ],
                [
                    f"while {t} > {bound}:",
                    f"    {t} -= {bound}",
                    f"while {t} < -{bound}:",
                    f"    {t} += {bound}",
                ],
                [
                    f"{k} = 0",
                    "while True:",
                    f"    if abs({t}) < {bound} or {k} == 3:",
                    "        break",
                    f"    {t} = {shrink}",
                    f"    {k} += 1",
                ],
            ]
        )
        self.attempt([f"{t} = np.clip({piece.text}, -3.0, 3.0)", *form], {t: piece.traced})

    def insist(self) -> None:
        """An assertion that holds here, and perhaps not elsewhere."""
        test = self.decision()
        if not self.evaluated(test, True).value:
            test = f"not ({test})"
        if self.rng.random() < 0.7:
            piece = self.operand(0, is_scalar)
            test = f"abs({piece.text}) < {abs(piece.value) + self.rng.choice([0.5, 100.0]):.2f}"
        how = self.rng.choice(
            [
                [f'assert {test}, "too large"'],
                [f"assert {test}"],
                [f"if not ({test}):", '    raise ValueError("too large")'],
            ]
        )
        self.attempt(how, {})

    def early(self) -> None:
        """A function that returns early, called twice."""
        name, x, out = self.distinct(3, fresh=True)
        a = self.operand(0, lambda v: np.asarray(v).dtype == np.float64)
        b = self.operand(0, lambda v: np.asarray(v).dtype == np.float64 and np.shape(v) == np.shape(a.value))
        inner = self.block({x: (a.value, True)}, Function(set(), set()))
        inner.depth = max(inner.depth, 2)
        lines = []
        for _ in range(self.rng.choice([1, 1, 2])):
            test = inner.decision()
            lines += [*inner.lines, f"if {test}:", f"    return {inner.like(Piece(x, a.value, True))}"]
            inner.lines = []
            inner.write(self.rng.choice([0, 1]))
            inner.require_alike({x: a.value})
        lines += [*inner.lines, f"return {inner.like(Piece(x, a.value, True))}"]
        more = f" + np.mean({name}({b.text}))" if self.rng.random() < 0.4 else ""
        self.attempt([f"def {name}({x}):", *indented(lines), f"{out} = {name}({a.text}){more}"], {out: True})

    def either(self) -> None:
        """dp.cond with functions that see what is around them."""
        f, g, x, out = self.distinct(4, fresh=True)
        a, b = (
            self.operand(0, lambda v: np.size(v) > 0 and np.asarray(v).dtype == np.float64) for _ in range(2)
        )
        whole = Piece(x, a.value, True)
        lines = []
        for name in (f, g):
            inner = self.block({x: (a.value, True)}, Function(set(), set()))
            inner.depth = max(inner.depth, 2)
            inner.write(self.rng.choice([0, 0, 1]))
            inner.require_alike({x: a.value})
            lines += [
                f"def {name}({x}):",
                *indented([*inner.lines, f"return {inner.like(whole)}, {inner.like(b)}"]),
            ]
        self.attempt([*lines, f"{out} = dp.cond({self.decision()}, {f}, {g}, {a.text})"], {out: True})

    def solve(self) -> None:
        """dp.root of a function that rises."""
        x, out = self.distinct(2, fresh=True)
        a = self.operand(1, lambda v: np.asarray(v).dtype == np.float64 and np.size(v) > 0)
        form = self.rng.choice(
            [
                "{x} + 0.5 * np.tanh({x}) - {a}",
                "{x} + 0.2 * {x} ** 3 - np.sin({a:})",
                "2.0 * {x} + np.sin({x}) - {a}",
                "np.exp(0.3 * {x}) + {x} - {a}",
                "{x} + np.maximum({x}, 0.1) - {a}",
            ]
            + ["{x} + ({x} if {x} > 0.3 else 0.5 * {x} + 0.15) - {a}"] * (np.ndim(a.value) == 0)
        )
        body = form.replace("{x}", x).replace("{a:}", a.text).replace("{a}", a.operand)
        guess = "0.0" if np.ndim(a.value) == 0 else f"np.zeros({np.shape(a.value)})"
        self.attempt([f"{out} = dp.root(lambda {x}: {body}, {guess})"], {out: a.traced})
