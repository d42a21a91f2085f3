"""Random programs, as a person might write them: source text, from a seed.

`draw(seed)` writes a module: constants of all layouts and dtypes, helpers, a function `f`, its arguments
`args` and `other` ones, `keywords`, and sometimes `change()`, which writes into a buffer that `f` has
captured.

    >>> source = draw(7)
    >>> source == draw(7), "def f(" in source
    (True, True)
"""

import contextlib
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import questions, texts
from .reference import namespace
from .scope import Function, Nope, indented, is_tame, names_in, normal, paths
from .steps import Steps
from .structures import leaves, rebuilt
from .texts import AWKWARD

HELPERS = texts.HELPERS | questions.HELPERS


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
        return (
            float(self.rng.randint(-2, 3)) if self.integers else round(self.rng.gauss(0.0, 1.0), 3) or 0.25
        )

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
            forms += [
                f"np.asfortranarray({plain})",
                f"{self.array(shape[::-1], dtype)}.T",
                f"{plain}[::-1]",
                f"{plain}[:, ::-1]",
                f"np.broadcast_to({self.array(shape[1:], dtype)}, {shape})",
            ]
            if shape[1] <= 5:
                forms.append(f"{self.array((shape[0], 2 * shape[1]), dtype)}[:, ::2]")
        elif len(shape) == 1:
            forms += [
                f"{plain}[::-1]",
                f"{self.array((2 * shape[0],), dtype)}[1::2]",
                f"{self.array((shape[0], 2), dtype)}[:, 1]",
            ]
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
        form = self.rng.choice(
            [
                '{{"w": {a}, "b": {b}}}',
                "({a}, {b})",
                "[{a}, {b}]",
                "Pair({a}, {b})",
                '{{"layers": [({a}, {b})]}}',
                "({a}, {{'z': {b}}})",
                "Pair(({a},), [{b}])",
            ]
        )
        return lambda: form.format(a=a(), b=b()).replace("'", '"')

    def constants(self) -> Iterator[tuple[str, str]]:
        """What the function captures."""
        names = self.rng.sample(["W", "table", "mask", "idx", "scale", "K", "bias", "data", "g", "out"], 4)
        for name in names[: self.rng.randint(1, 4)]:
            kind, shape = self.rng.random(), self.rng.choice(self.shapes)
            if kind < 0.2:
                yield name, f"{self.number()}"
            elif kind < 0.3:
                yield (
                    name,
                    self.rng.choice(
                        [
                            f"np.float64({self.number()})",
                            f"np.array({self.number()})",
                            f"np.float32({self.number()})",
                            f"np.int64({self.rng.randint(1, 4)})",
                        ]
                    ),
                )
            else:
                dtype = self.rng.choice(["", "", "", "float32", "int", "bool"])
                yield name, self.layout(shape, dtype)

    def text(self) -> str:
        """The whole module; raises `Nope` if it came out badly."""
        rng = self.rng
        head = [line for lines in HELPERS.values() for line in [*lines, ""]]
        consts = [*self.constants()]
        frozen = [
            f"{name}.setflags(write=False)"
            for name, text in consts
            if "array(" in text and "T" not in text and "[:" not in text and rng.random() < 0.2
        ]
        change: list[str] = []
        buffer = []
        if rng.random() < 0.25:
            shape = rng.choice(self.shapes[:5])
            buffer = [("buffer", self.layout(shape).replace("np.broadcast_to", "0.5 + np.broadcast_to"))]
            change = [
                "",
                "def change():",
                f"    buffer[...] = {rng.choice(['buffer * 0.5 + 0.25', '-buffer', '0.75'])}",
            ]
        drawn = [self.argument() for _ in range(rng.choice([1, 1, 2, 2, 3]))]
        params = rng.sample(AWKWARD[:24], len(drawn))
        if len({*map(normal, params)}) < len(params) or {*map(normal, params)} & {
            name for name, _ in consts
        }:
            raise Nope("names")
        first, second = ("(" + "".join(f"{draw()}, " for draw in drawn).rstrip(" ") + ")" for _ in range(2))
        keywords = {"gain": str(round(rng.uniform(0.5, 1.5), 2)), "power": str(rng.randint(1, 3))}
        keywords = {k: v for k, v in keywords.items() if rng.random() < 0.25}

        env = namespace()
        setup = [f"{name} = {text}" for name, text in [*consts, *buffer]] + frozen
        exec("\n".join([*head, *setup]), env)
        given_args = eval(first, env)  # integers among them are real numbers there: see docs/differences.md
        args = rebuilt(given_args, iter([float(x) if type(x) is int else x for _, x in leaves(given_args)]))
        atoms = {text: False for name, _ in consts for text, _ in paths(name, env[name])}
        scope = Steps(rng, env, atoms, Function(set(), set()), self.compiled)
        for name, value in zip(params, args, strict=True):
            env[normal(name)] = value
            scope.function.local.add(normal(name))
            scope.know(name, True)
            scope.certain |= {text for text, _ in paths(name, value)}
        for name, default in keywords.items():
            env[name] = eval(default)
            scope.function.local.add(name)
            scope.know(name, False)
        if buffer:
            self.use_buffer(scope)
        scope.write(rng.choice([2, 3, 4, 5] if self.compiled else [2, 3, 4, 5, 6, 8]))
        body = self.ending(scope)
        defaults = "".join(f", {name}={value}" for name, value in keywords.items())
        given = {k: eval(v) + 1 for k, v in keywords.items() if rng.random() < 0.5}
        define = [f"def f({', '.join(params)}{defaults}):", *indented(body)]
        module_level = [f"{name} = {text}" for name, text in buffer]
        if rng.random() < 0.35 and not frozen:  # a closure
            inner = [f"{name} = {text}" for name, text in consts]
            define = ["def make():", *indented([*inner, "", *define, "", "return f"]), "", "f = make()"]
        else:
            module_level = setup
        used = names_in("\n".join([*define, *setup, first, second]))
        head = [line for name, lines in HELPERS.items() if name in used for line in [*lines, ""]]
        return "\n".join(
            [
                "import collections",
                "import dataclasses",
                "import math",
                "",
                "import numpy as np",
                "",
                "import tinydp as dp",
                "",
                *head,
                *module_level,
                "",
                *define,
                *change,
                "",
                f"args = {first}",
                f"other = {second}",
                f"keywords = {given}",
                "",
            ]
        )

    def use_buffer(self, scope: Steps) -> None:
        """The captured buffer meets an argument, directly."""
        with contextlib.suppress(Nope):
            piece = scope.atom(lambda x: np.asarray(x).dtype.kind == "f", traced=True)
            name = scope.new_name(fresh=True)
            sign = self.rng.choice(["*", "+", "-"])
            sides = [piece.operand, "buffer"]
            self.rng.shuffle(sides)
            scope.attempt([f"{name} = {sides[0]} {sign} {sides[1]}"], {name: True})

    def ending(self, scope: Steps) -> list[str]:
        """The body with a return: of one number, or of a structure."""
        rng = self.rng
        traced = [text for text, is_traced in scope.atoms.items() if is_traced]
        if not traced:
            raise Nope("nothing traced")
        late = [*traced[-5:], rng.choice(traced)]
        chosen = rng.sample(late, min(len(late), rng.choice([1, 2, 3])))
        if traced[-1] not in chosen:
            chosen.append(traced[-1])
        scalar = rng.random() < 0.62
        if scalar:
            ways = [
                "np.sum({a})",
                "np.mean({a})",
                "np.sum({a}**2)",
                "np.sum(np.tanh({a}))",
                "0.5 * np.sum({a})",
            ]
            ways = (
                [w for w in ways if "mean" not in w]
                if any(np.size(eval(t, scope.env)) == 0 for t in chosen)
                else ways
            )
            end = " + ".join(rng.choice(ways).format(a=t) for t in chosen)
            body = [*scope.lines, f"return {end}"]
            if rng.random() < 0.15:
                early = [
                    f"if np.sum({chosen[0]}) > {rng.uniform(0.0, 3.0):.2f}:",
                    f"    return {end.split(' + ')[0]}",
                ]
                body = [*scope.lines, *early, f"return {end}"]
            return body
        if len(chosen) == 1:
            return [*scope.lines, f"return {chosen[0]}"]
        forms = ["({t})", "[{t}]", "{{{d}}}", "Pair({a}, [{rest}])", "({a}, {{{d}}})"]
        end = rng.choice(forms).format(
            t=", ".join(chosen),
            a=chosen[0],
            rest=", ".join(chosen[1:]),
            d=", ".join(f'"{k}": {t}' for k, t in zip("rstuvwxyz", chosen, strict=False)),
        )
        return [*scope.lines, f"return {end}"]


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
