"""The statements of a random program: names, branches, functions, loops and buffers."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .scope import TAME, Function, Nope, Piece, Scope, indented, normal


class Block(Scope):
    """A block that statements can be written into."""

    def write(self, count: int) -> None:
        """So many statements."""
        for _ in range(count):
            for _ in range(15):
                with contextlib.suppress(Nope):
                    self.statement()
                    break

    def statement(self) -> None:
        """One statement of some kind."""
        kinds = [
            (self.assign, 9),
            (self.reassign, 3),
            (self.unpack, 1),
            (self.structure, 1.2),
            (self.listing, 1.5),
            (self.accumulate, 1.2),
            (self.local_buffer, 0.7),
            (self.log, 0.6),
            (self.halt, 0.8),
        ]
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
            return self.rng.choice(["np.tanh({a})", "np.sin({a})", "0.1 * {b}"]).format(
                a=piece.text, b=piece.operand
            )
        return piece.text

    def assign(self) -> None:
        """name = expression"""
        piece, name = self.expression(), self.new_name()
        self.attempt([f"{name} = {self.tamed(piece)}"], {name: piece.traced})

    def reassign(self) -> None:
        """A name changes; scalars also by an augmented assignment."""
        names = [text for text in self.atoms if normal(text) in self.function.local and text.isidentifier()]
        if not names or self.nested:  # a block must not change what others read
            raise Nope("no name")
        name = self.rng.choice(names)
        piece, value = self.expression(1), self.env[normal(name)]
        traced = piece.traced or self.atoms[name]
        if (
            np.ndim(value) == 0
            and np.ndim(piece.value) == 0
            and not isinstance(value, np.ndarray)
            and self.depth == 0
            and self.rng.random() < 0.6
        ):
            sign = self.rng.choice(["+=", "-=", "*="])
            self.attempt([f"{name} {sign} {self.tamed(piece)}"], {name: traced})
        else:
            sign = self.rng.choice(["+", "-", "*"])
            self.attempt([f"{name} = {name} {sign} np.tanh({piece.text})"], {name: traced})

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
        form = self.rng.choice(
            [
                '{{"u": {a}, "v": {b}}}',
                "({a}, {b})",
                "[{a}, {b}]",
                "Pair({a}, {b})",
                "dict(u={a}, v=({b}, {a}))",
                "Pair(right={b}, left={a})",
                '{{**{{"u": {a}}}, "v": [{b}]}}',
            ]
        )
        self.attempt([f"{name} = {form.format(a=a.text, b=b.text)}"], {name: a.traced or b.traced})

    def listing(self) -> None:
        """A list of values, by a loop or a comprehension, and made an array of."""
        whole = self.atom(lambda x: np.ndim(x) >= 1 and 0 < len(x) <= 6)
        name, item, k = self.distinct(3, fresh=True)
        inner = self.block(
            {item: (whole.value[0], whole.traced), k: (0, False)}, Function(set(), set())
        )
        inner.compiled, inner.depth = self.compiled, 2
        piece = inner.expression(1)
        text, made = (
            inner.tamed(piece),
            self.rng.choice(["np.stack", "np.concatenate", "sum", "np.hstack", "list"]),
        )
        if made == "np.concatenate" and np.ndim(piece.value) == 0:
            text = f"np.atleast_1d({text})"
        loop = self.rng.choice(
            [
                f"for {k}, {item} in enumerate({whole.text})",
                f"for {k}, {item} in zip(range(9), {whole.text})",
                f"for {k}, {item} in reversed(list(enumerate({whole.text})))",
            ]
        )
        end = f"np.stack({name})" if made == "list" and self.rng.random() < 0.5 else name
        traced = whole.traced or piece.traced
        if self.rng.random() < 0.5:
            self.attempt(
                [f"{name} = {made}([{text} {loop}])" if made != "list" else f"{name} = [{text} {loop}]"],
                {name: traced},
            )
        else:
            last = f"{name} = {made}({name})" if made != "list" else f"{name} = {end}"
            self.attempt([f"{name} = []", f"{loop}:", f"    {name}.append({text})", last], {name: traced})

    def accumulate(self) -> None:
        """A for loop that carries a value along."""
        acc, k = self.distinct(2, fresh=True)
        start = self.rng.choice([Piece("0.0", 0.0, False), Piece("1.0", 1.0, False), self.operand(0)])
        inner = self.block({acc: (start.value, start.traced), k: (1, False)})
        inner.rounds = True
        inner.write(self.rng.choice([0, 1, 1, 2]))
        step = inner.like(Piece(acc, start.value, True))
        tail = self.rng.choice(
            [[], [], [f"    if {k} == 2:", f"        {self.rng.choice(['continue', 'break'])}"]]
        )
        self.attempt(
            [
                f"{acc} = {start.text}",
                f"for {k} in range({self.rng.randint(1, 4)}):",
                *indented(inner.lines),
                *tail,
                f"    {acc} = {step}",
            ],
            {acc: True},
        )

    def loop_while(self) -> None:
        """A loop that ends by a value."""
        t = self.new_name(fresh=True)
        piece = self.operand(1, lambda x: np.ndim(x) == 0 and np.asarray(x).dtype.kind == "f")
        bound = f"{self.rng.uniform(0.05, 0.6):.3f}"
        self.attempt(
            [
                f"{t} = {piece.text}",
                f"while {self.rng.choice(['abs', 'np.abs'])}({t}) > {bound}:",
                f"    {t} = {self.rng.choice([f'{t} / 2', f'np.sin({t}) * 0.7', f'{t} * 0.6 - 0.01'])}",
            ],
            {t: piece.traced},
        )

    def local_buffer(self) -> None:
        """A plain array that is filled in place, and then used."""
        n = self.rng.randint(1, 4)
        buf, k = self.distinct(2, fresh=True)
        whole = self.rng.choice(
            [
                "{b} = np.zeros({n})",
                "{b} = np.empty({n})",
                "{b} = np.ones(({n}, 2))[:, 1]",
                "{b} = np.arange(2 * {n}, dtype=float)[::2]",
            ]
        ).format(b=buf, n=n)
        self.attempt(
            [
                whole,
                f"for {k} in range({n}):",
                f"    {buf}[{k}] = {self.rng.choice([f'0.3 * {k} - 0.5', f'1 / (1 + {k})', f'np.cos({k})'])}",
                *self.rng.choice(
                    [[], [f"{buf} *= 0.5"], [f"{buf}[-1] += 1.0"], [f"{buf}[:] = {buf}[::-1]"]]
                ),
            ],
            {buf: False},
        )
        with contextlib.suppress(Nope):
            other, name = self.operand(0), self.new_name(fresh=True)
            lines = [f"{name} = {other.operand} * {buf}"]
            if self.rng.random() < 0.4:  # used, and then filled with something else
                lines.append(f"{buf}[...] = 0.7")
            self.attempt(lines, {name: other.traced})

    def log(self) -> None:
        """A side effect that changes no value."""
        piece = self.atom()
        self.attempt(
            [
                self.rng.choice(
                    [
                        f"log.append(np.shape({piece.text}))",
                        "log.append(len(log))",
                        f"log.append(np.ndim({piece.text}))",
                        "log += ['here']",
                        "del log[:]",
                    ]
                ).replace("log += ['here']", "log.extend(['here'])")
            ],
            {},
        )

    def halt(self) -> None:
        """A constant from here on, or another declared derivative."""
        piece, name = self.operand(1), self.new_name()
        form = self.rng.choice(
            [
                "dp.stop_gradient({a})",
                "{b} + dp.stop_gradient({b})",
                "soft({a})",
                "bump({a})",
                "blend({a}, 0.7)",
                "dp.sign({a})",
                "dp.straight_through(np.sign, 'tanh')({a})",
                "pairwise({a}, {a})[1]",
                "{b} - dp.stop_gradient({b} - np.tanh({a}))",
            ]
        )
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
        inner = self.block({x: (a.value, a.traced)}, Function(set(), set()))
        inner.depth = 2
        body = inner.expression(1)
        self.attempt([f"{name} = lambda {x}: {inner.tamed(body)}"], {})
        self.attempt([f"{result} = {name}({a.text})"], {result: a.traced or body.traced})
        with contextlib.suppress(Nope):
            self.attempt([f"{result} = {name}({b.text})"], {result: b.traced or body.traced})

    def function_text(
        self,
        name: str,
        params: list[tuple[str, Piece]],
        statements: int,
        signature: str,
        result: Callable[["Scope"], str],
        before: list[str] | None = None,
    ) -> tuple[list[str], Any]:
        """A def, and its scope, which knows what was in the arguments."""
        inner = self.block(
            {p: (piece.value, piece.traced) for p, piece in params}, Function(set(), set())
        )
        inner.write(statements)
        end = result(inner)
        return [
            f"def {name}({signature}):",
            *indented([*(before or []), *inner.lines, f"return {end}"]),
        ], inner

    def define(self) -> None:
        """An inner function with defaults and keywords, called."""
        name, x, y, out = self.distinct(4, fresh=True)
        a, b = self.operand(0), self.operand(0)
        default = self.literal()
        form = self.rng.choice(["{x}, {y}={d}", "{x}, *, {y}={d}", "{x}, *{y}"])
        star = "*" + y in form.format(x=x, y=y, d="")
        params = [(x, a)] if star else [(x, a), (y, default)]
        lines, _ = self.function_text(
            name,
            params,
            self.rng.choice([1, 2, 3]),
            form.format(x=x, y=y, d=default.text),
            lambda inner: inner.tamed(inner.expression(1)),
        )
        call = self.rng.choice(
            [
                f"{name}({a.text})",
                f"{name}({x}={a.text})" if not star else f"{name}(*[{a.text}])",
                f"{name}({a.text}, {y}={self.literal().text})" if not star else f"{name}({a.text}, 1)",
            ]
        )
        more = self.rng.choice(["", f" + np.sum({name}({b.text}))"])
        self.attempt([*lines, f"{out} = {call}{more}"], {out: True})

    def recursion(self) -> None:
        """A function that calls itself."""
        name, x, n, out = self.distinct(4, fresh=True)
        a = self.operand(0)
        inner = self.block({x: (a.value, a.traced), n: (2, False)}, Function(set(), set()))
        inner.write(self.rng.choice([0, 1]))
        step = inner.like(Piece(x, a.value, a.traced))
        self.attempt(
            [
                f"def {name}({x}, {n}):",
                f"    if {n} == 0:",
                f"        return {x}",
                *indented(inner.lines),
                f"    return {name}({step}, {n} - 1)",
                f"{out} = {name}({a.text}, {self.rng.randint(1, 4)})",
            ],
            {out: True},
        )

    def checkpoint(self) -> None:
        """Recomputed on the way back."""
        name, x, y, out = self.distinct(4, fresh=True)
        a, b = self.operand(0), self.operand(0)
        inner = self.block({x: (a.value, a.traced), y: (b.value, b.traced)}, Function(set(), set()))
        for text in [
            t for t, traced in inner.atoms.items() if traced and re.split(r"[.\[]", t)[0] not in (x, y)
        ]:
            del inner.atoms[text]  # what is traced must come as an argument
        inner.write(self.rng.choice([1, 2]))
        end = inner.tamed(inner.expression(1))
        self.attempt(
            [
                "@dp.checkpoint",
                f"def {name}({x}, {y}):",
                *indented([*inner.lines, f"return {end}"]),
                f"{out} = {name}({a.text}, {b.text})",
            ],
            {out: True},
        )

    def inner_gradient(self) -> None:
        """A gradient that is part of the program."""
        x, out = self.distinct(2, fresh=True)
        a = self.atom(lambda v: np.asarray(v).dtype == np.float64)
        inner = self.block({x: (a.value, a.traced)}, Function(set(), set()))
        inner.depth = 2
        body = inner.expression(1)
        if "dp." in body.text or not body.traced:
            raise Nope("no")
        self.attempt([f"{out} = dp.grad(lambda {x}: np.sum({body.text}))({a.text})"], {out: True})

    def count_up(self) -> None:
        """A counter in a closure."""
        name, n, x, out = self.distinct(4, fresh=True)
        a = self.operand(0)
        self.attempt(
            [
                f"def {name}({x}):",
                f"    {n} = 0",
                "    def again():",
                f"        nonlocal {n}",
                f"        {n} += 1",
                f"        return {x} * {n}",
                f"    return again() + again() + {self.rng.choice([x, n])}",
                f"{out} = {name}({a.text})",
            ],
            {out: a.traced},
        )

    # ------------------------------------------------------------------------ loops

    def scan(self) -> None:
        """dp.scan: a carry of some structure, rows or a length, and what each step gives."""
        step, c, x, *parts = self.distinct(6, fresh=True)
        starts = [self.start() for _ in range(self.rng.choice([1, 1, 2, 2, 3]))]
        form = self.rng.choice(["tuple", "list", "dict", "Pair"]) if len(starts) == 2 else "tuple"
        bare = len(starts) == 1 and self.rng.random() < 0.6
        parts = parts[: len(starts)]
        rows = None
        with contextlib.suppress(Nope):
            if self.rng.random() < 0.6:
                rows = self.atom(lambda v: np.ndim(v) >= 1 and 1 <= len(v) <= 8)
        if bare:
            parts, take = [c], []
        else:
            take = [
                f"{', '.join(parts)}{',' * (len(parts) == 1)} = "
                + (f'{c}["one"], {c}["two"]' if form == "dict" else c)
            ]
        extra = {
            p: (s.value, np.asarray(s.value).dtype.kind == "f") for p, s in zip(parts, starts, strict=True)
        }
        if rows is not None:
            extra[x] = (rows.value[0], rows.traced)
        inner = self.block(extra, Function({normal(c), normal(x)}, set()))
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
        if self.rng.random() < 0.12 and not self.rounds:
            how += f", segment={self.rng.choice([1, 2])}"
        last, ys = self.distinct(2, fresh=True)
        if {normal(last), normal(ys)} & {normal(n) for n in (step, c, x, *parts)}:
            raise Nope("names")
        given = {last: True} | ({ys: True} if y != "None" else {})
        self.attempt(
            [
                f"def {step}({c}, {x}):",
                *indented([*take, *inner.lines, f"return {new}, {y}"]),
                f"{last}, {ys if y != 'None' else '_'} = dp.scan({step}, {begin}, {how})",
            ],
            given,
        )

    def start(self) -> Piece:
        """What a carry begins with."""
        if self.rng.random() < 0.3:
            return self.rng.choice(
                [
                    Piece("0.0", 0.0, False),
                    Piece("1.0", 1.0, False),
                    Piece("0", 0, False),
                    Piece("True", True, False),
                    Piece("np.zeros(2)", np.zeros(2), False),
                ]
            )
        piece = self.operand(0, lambda v: np.size(v) > 0)
        return (
            Piece(f"np.tanh({piece.text})", np.tanh(piece.value), piece.traced)
            if np.asarray(piece.value).dtype.kind != "f"
            else piece
        )

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
            lines = [
                f"def {move}({s}, {h}):",
                f"    return {s} - {h} * {s} * (1.2 + 0.5 * {push}) + {h}**2 * np.sin({s})",
                f"{out} = dp.integrate({move}, 2.0 + {start}, until=lambda {s}: {s} - {level} * {push}**2, "
                f"dt={dt})",
            ]
        elif self.rng.random() < 0.25:  # without dt, the event is located on a line
            lines = [
                f"def {move}({s}):",
                f"    return {s}[0] - 0.07 - 0.03 * {s}[1] * {push}, 0.9 * {s}[1]",
                f"{out} = dp.integrate({move}, (1.5 + {start}, 1.0), lambda {s}: {s}[0])[1]",
            ]
        else:
            names = self.distinct(3, fresh=True)
            if {*map(normal, names)} & {*map(normal, (move, s, h, out))}:
                raise Nope("names")
            x, v, clock = names  # what is left of the height is rounding, and not returned
            lines = [
                f"def {move}({s}, {h}):",
                f"    {x}, {v}, {clock} = {s}",
                f"    pull = 5.0 + {push} * np.cos({self.rng.choice([x, v])})",
                f"    return {x} + {h} * {v} - {h}**2 * pull / 2, {v} - {h} * pull, {clock} + {h}",
                f"{s} = (1.1 + {start}, 0.5, 0.0)",
                f"{out} = dp.integrate({move}, {s}, until=lambda {s}: {s}[0], dt={dt})[1:]",
            ]
        self.attempt(lines, {out: True})


def written(form: str, parts: list[str]) -> str:
    """A structure of these parts."""
    if form == "dict":
        return f'{{"one": {parts[0]}, "two": {parts[1]}}}'
    inside = ", ".join(parts)
    return {"list": f"[{inside}]", "Pair": f"Pair({inside})"}.get(
        form, f"({inside},)" if len(parts) == 1 else f"({inside})"
    )
