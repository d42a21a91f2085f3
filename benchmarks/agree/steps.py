"""Loops of tinydp's within one another, whose steps ask (see `asking.py`), and carry counters and flags."""

import contextlib
from typing import Any

import numpy as np

from .asking import Asking
from .questions import CHOICES
from .scope import Function, Nope, Piece, indented, normal
from .statements import written
from .texts import is_rich, is_scalar


class Steps(Asking):
    """A block of all kinds of statements."""

    def statement(self) -> None:
        """A statement of some kind; about half of them ask."""
        if self.rng.random() < 0.33:
            return super().statement()
        kinds = [
            (self.choice, 3),
            (self.count, 1),
            (self.look_up, 3.5),
            (self.factor, 1),
            (self.choose, 2.5),
            (self.go_round, 1.2),
            (self.until, 1),
            (self.insist, 0.7),
        ]
        if self.depth < 2:
            kinds += [
                (self.early, 1),
                (self.walk, 4 if self.depth == 0 else 3),
                (self.repeat, 1.5),
                (self.each, 1.5),
            ]
        if self.depth < 3:
            kinds += [(self.either, 0.7), (self.solve, 0.6)]
        [kind] = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])
        return kind()

    def carried(self) -> Piece:
        """What a carry may begin with: often a counter or a flag."""
        if self.rng.random() < 0.4:
            return self.rng.choice(
                [
                    Piece("0", 0, False),
                    Piece("1", 1, False),
                    Piece("True", True, False),
                    Piece("False", False, False),
                ]
            )
        return self.operand(0, lambda v: np.size(v) > 0 and np.asarray(v).dtype == np.float64)

    def next_carry(self, name: str, start: Piece) -> str:
        """Counters that count what happens, and flags that are set."""
        if isinstance(start.value, bool):
            test = self.test().text
            return self.rng.choice(
                [f"bool({test})", f"{name} or bool({test})", f"not {name}", f"{name} != bool({test})"]
            )
        if isinstance(start.value, int):
            test = self.test().text
            return self.rng.choice(
                [
                    f"{name} + 1",
                    f"{name} + 1 if {test} else {name}",
                    f"({name} + 1) % 3",
                    f"0 if {test} else {name} + 2",
                    f"{name} + int(bool({test}))",
                ]
            )
        return super().next_carry(name, start)

    def given(self) -> tuple[str, dict[str, str], dict[str, tuple[Any, bool]]]:
        """What a loop runs along: its text, what the step has to unpack, and the names that it then has."""
        x, k, item = self.distinct(3, fresh=True)
        n = self.rng.choice([2, 3, 5])
        kind = self.rng.choice(["length", "arange", "range", "enumerate", "rows", "zip"])
        if kind == "length":
            return f"length={n}", {x: ""}, {}
        if kind in ("arange", "range"):
            return f"{'np.arange' if kind == 'arange' else 'range'}({n})", {x: ""}, {x: (1, False)}
        rows = self.atom(lambda v: np.ndim(v) >= 1 and 1 <= len(v) <= 6 and np.asarray(v).dtype == np.float64)
        first = rows.value[0].item() if np.ndim(rows.value) == 1 else rows.value[0]
        if kind == "rows":
            return rows.text, {x: ""}, {x: (first, rows.traced)}
        whole = f"enumerate({rows.text})" if kind == "enumerate" else f"zip(range({n}), {rows.text})"
        return whole, {x: f"{k}, {item} = {x}"}, {k: (0, False), item: (first, rows.traced)}

    def walk(self) -> None:
        """dp.scan with a step that asks: counters, flags, structures, the number of the step."""
        along, names, extra = self.given()
        [(x, unpack)] = names.items()
        used = {normal(n) for n in (x, *extra)}
        step, c, last, ys, *parts = self.distinct(7, fresh=True)
        if used & {normal(n) for n in (step, c, last, ys, *parts)}:
            raise Nope("names")
        starts = [self.carried() for _ in range(self.rng.choice([1, 2, 2, 3]))]
        parts = parts[: len(starts)]
        forms = ["tuple", "tuple", "list", "dict", "Pair", "Body"] if len(starts) == 2 else ["tuple"]
        form = self.rng.choice(forms)
        take = {
            "dict": f'{", ".join(parts)} = {c}["one"], {c}["two"]',
            "Body": f"{', '.join(parts)} = {c}.left, {c}.right",
        }.get(form, f"{', '.join(parts)}{',' * (len(parts) == 1)} = {c}")
        inner = self.block(
            {**extra, **{p: (s.value, True) for p, s in zip(parts, starts, strict=True)}},
            Function({normal(c), normal(x)}, set()),
        )
        inner.looping = True
        inner.certain |= {p for p, s in zip(parts, starts, strict=True) if is_rich(s.value)}
        y = "None"
        if self.rng.random() < 0.6:
            with contextlib.suppress(Nope):
                y = inner.tamed(inner.operand(0))
        middle = []
        if self.rng.random() < 0.15:
            middle = [f"if {inner.decision()}:", f"    return {c}, {y}"]
        inner.write(self.rng.choice([1, 1, 2, 3]))
        inner.require_alike({p: s.value for p, s in zip(parts, starts, strict=True)})
        ends = [inner.next_carry(p, s) for p, s in zip(parts, starts, strict=True)]
        build = "Body({})".format if form == "Body" else None
        begin, new = (
            build(", ".join(ts)) if build else written(form, ts) for ts in ([s.text for s in starts], ends)
        )
        may_repeat = "(" not in along and not self.rounds
        segment = f", segment={self.rng.choice([1, 2])}" if self.rng.random() < 0.1 and may_repeat else ""
        self.attempt(
            [
                f"def {step}({c}, {x}):",
                *indented([take, *[unpack] * bool(unpack), *middle, *inner.lines, f"return {new}, {y}"]),
                f"{last}, {ys if y != 'None' else '_'} = dp.scan({step}, {begin}, {along}{segment})",
            ],
            {last: True} | ({ys: True} if y != "None" else {}),
        )

    def repeat(self) -> None:
        """dp.while_loop: until a value is small, or a counter is large."""
        body, c, t, k, out = self.distinct(5, fresh=True)
        a = self.operand(0, is_scalar)
        inner = self.block({t: (a.value, True), k: (0, False)}, Function({normal(c)}, set()))
        inner.looping = True
        inner.write(self.rng.choice([0, 1, 1, 2]))
        inner.require_alike({t: a.value, k: 0})
        other = inner.like(Piece(t, a.value, True))
        bound = f"{self.rng.uniform(0.1, 0.6):.3f}"
        going = self.rng.choice(
            [
                f"abs({c}[0]) > {bound} and {c}[1] < 6",
                f"{c}[1] < {self.rng.randint(1, 5)}",
                f"(abs({c}[0]) > {bound}) & ({c}[1] < 5)",
                f"not ({c}[0] < {bound} or {c}[1] > 4)",
            ]
        )
        limits = self.rng.choice(["", "", ", max_steps=20", ", segment=2", ", max_steps=9, segment=3"])
        if self.rounds:
            limits = limits.partition("segment")[0].rstrip(", ")
        self.attempt(
            [
                f"def {body}({c}):",
                *indented([f"{t}, {k} = {c}", *inner.lines, f"return {other}, {k} + 1"]),
                f"{out} = dp.while_loop(lambda {c}: {going}, {body}, ({a.text}, 0){limits})",
            ],
            {out: True},
        )

    def each(self) -> None:
        """dp.vmap of a function with branches, or of its gradient."""
        name, x, y, out = self.distinct(4, fresh=True)
        rows = self.atom(lambda v: np.ndim(v) >= 1 and 1 <= len(v) <= 6 and np.asarray(v).dtype == np.float64)
        first = rows.value[0].item() if np.ndim(rows.value) == 1 else rows.value[0]
        shared = self.operand(0)
        inner = self.block({x: (first, True), y: (shared.value, shared.traced)}, Function(set(), set()))
        inner.write(self.rng.choice([0, 1, 2]))
        end = inner.tamed(inner.of(CHOICES, 1) if self.rng.random() < 0.5 else inner.expression(1))
        f = name
        if self.rng.random() < 0.3 and self.depth == 0:
            f, end = f"dp.grad({name})", f"np.sum({end}) + np.sum({x} * {x})"
        self.attempt(
            [
                f"def {name}({x}, {y}):",
                *indented([*inner.lines, f"return {end}"]),
                f"{out} = dp.vmap({f}, in_axes=(0, None))({rows.text}, {shared.text})",
            ],
            {out: True},
        )
