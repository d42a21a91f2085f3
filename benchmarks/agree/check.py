"""All ways to run one program, compared."""

import contextlib
import copy
import itertools
import linecache
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.ad.errors import SteepGradientWarning, TinydpError

from .reference import namespace
from .structures import as_traced, dot, drawn_like, is_float, leaves, magnitude, moved, rebuilt, shape_of


class Disagreement(Exception):
    """Two ways to run a program differ; `kind` says which, whatever the numbers."""

    def __init__(self, kind: str, text: str):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Verdict(NamedTuple):
    """What came of one program."""

    kind: str  # agrees, refused, or what differs
    text: str = ""
    unsure: int = 0  # derivatives that no difference could judge


def compare(kind: str, a: Any, b: Any, rtol: float, room: Callable[[], float] = lambda: 0.0) -> None:
    """Raise `Disagreement` unless the structures are the same, and their numbers nearly so."""
    if kind.startswith(("compiled", "interpreted")):  # it counts in floats, as docs/differences.md says
        a, b = map(counted, (a, b))
    if shape_of(a) != shape_of(b):
        raise Disagreement(f"{kind}: structure", f"{shape_of(a)} and {shape_of(b)}")
    floats = [np.abs(x) for _, x in leaves(b) if is_float(x)]
    whole = max([float(np.max(x, initial=0.0, where=np.isfinite(x))) for x in floats], default=0.0)
    for (path, x), (_, y) in zip(leaves(a), leaves(b), strict=True):
        size = np.abs(np.asarray(y, float))
        bar = rtol * (float(np.max(size, initial=0.0, where=np.isfinite(size))) + 1e-3 * whole + 1e-3)
        with np.errstate(all="ignore"):
            apart = np.abs(np.asarray(x, float) - np.asarray(y, float))
        off = float(np.max(np.where(np.isnan(x) & np.isnan(y) | np.equal(x, y), 0.0, apart), initial=0.0))
        if not off <= bar and not off <= bar + room():
            raise Disagreement(kind, f"at {path or 'the result'}: {x!r} and {y!r}, {off:.3g} apart")


def counted(x: Any) -> Any:
    """The structure, with whole numbers as floats."""
    whole = [np.asarray(leaf).dtype.kind in "iu" for _, leaf in leaves(x)]
    return rebuilt(x, (leaf * 1.0 if w else leaf for w, (_, leaf) in zip(whole, leaves(x), strict=True)))


# ---------------------------------------------------------------------------- one program


class Program:
    """A module that was loaded twice: with tinydp, and with the plain names of `reference.py`."""

    def __init__(self, source: str, name: str = "<program>"):
        self.name = f"{name[:-1]} {abs(hash(source)) % 10**8}>"  # so that an error shows its line
        linecache.cache[self.name] = (len(source), None, source.splitlines(True), self.name)
        self.real: dict[str, Any] = {"__name__": "program"}
        exec(compile(source, self.name, "exec"), self.real)
        self.plain = namespace()
        exec(compile(source.replace("import tinydp as dp", ""), self.name, "exec"), self.plain)
        self.keywords = self.real["keywords"]
        self.declared = "stop_gradient" in source or "straight_through" in source or "dp.sign" in source
        self.nested = "dp.grad(" in source

    def arguments(self, which: str) -> tuple:
        """Fresh ones."""
        return copy.deepcopy(self.real[which])

    def run(self, args: tuple, replay: bool = False) -> Any:
        """The plain result."""
        self.plain["frozen"].start(replay)
        return self.plain["f"](*args, **self.keywords)

    def traced(self, *args: Any) -> Any:
        return self.real["f"](*args, **self.keywords)

    def change(self) -> bool:
        """Write into the captured buffer; False if there is none."""
        if "change" not in self.real:
            return False
        self.real["change"]()
        self.plain["change"]()
        return True


class Slope(NamedTuple):
    """A derivative as it was measured, and how far to trust it."""

    value: float
    error: float


def slope(f: Callable[[float], float]) -> Slope:
    """The derivative of `f` at 0, from central differences on a ladder of steps."""
    found = []
    for h in (2.0**-6, 2.0**-8, 2.0**-10, 2.0**-12, 2.0**-15, 2.0**-18):
        a, b, c, d = f(-2 * h), f(-h), f(h), f(2 * h)
        noise = 4e-16 * max(map(abs, (a, b, c, d))) / h
        found.append(((8 * (c - b) - (d - a)) / (12 * h), noise))
    bars = [(abs(x - y) + e, y) for (x, _), (y, e) in itertools.pairwise(found)]
    error, value = min(bars)
    return Slope(value, error)


def sided(f: Callable[[float], float]) -> float:
    """How far the slopes of both sides at 0 lie apart."""
    h = 1e-5
    right, left = ((-3 * f(0.0) + 4 * f(s * h) - f(2 * s * h)) / (2 * s * h) for s in (1.0, -1.0))
    return abs(right - left)


class Examiner:
    """The checks of one program at one set of arguments."""

    def __init__(self, program: Program, args: tuple, seed: int):
        self.program, self.args = program, args
        self.rng = np.random.default_rng(seed)
        self.unsure = 0

    def plain(self) -> None:
        """Value, gradient, both directions, second derivatives; the buffer changes between two rounds."""
        self.y = self.program.run(copy.deepcopy(self.args))
        compare("plain loops", self.program.traced(*copy.deepcopy(self.args)), self.y, 1e-11)
        given = copy.deepcopy(self.args)
        y, pullback = quiet("traced run", lambda: dp.vjp(self.program.traced, *given))
        compare("traced value", as_traced(y), as_traced(self.y), 1e-12, lambda: self.wobble(self.values))
        self.u = drawn_like(y, self.rng)
        self.gradient = quiet("pullback", lambda: pullback(self.u))
        compare("arguments were changed", given, self.args, 0.0)
        self.check_form()
        for _ in range(2):
            self.check_direction(drawn_like(self.args, self.rng))
        if not isinstance(y, (dict, list, tuple)) and np.ndim(y) == 0 and is_float(y):
            self.check_value_and_grad()
            if self.rng.random() < 0.25 and not self.program.declared:
                self.check_second(drawn_like(self.args, self.rng))

    def values(self, args: tuple) -> Any:
        self.program.plain["frozen"].start(False)
        return self.program.plain["f"](*args, **self.program.keywords)

    def gradients(self, args: tuple) -> Any:
        return dp.vjp(self.program.traced, *args)[1](self.u)

    def wobble(self, f: Callable) -> float:
        """How much a result changes with the last digits of the arguments; nothing, if it cannot be told."""
        most = 0.0
        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            base = f(copy.deepcopy(self.args))
            for sign in (-4e-16, 4e-16, 1.3e-15):
                near = f(moved(self.args, self.args, sign))
                for (_, a), (_, b) in zip(leaves(near), leaves(base), strict=True):
                    off = np.abs(np.asarray(a, float) - np.asarray(b, float))
                    most = max(most, float(np.max(off, initial=0.0, where=np.isfinite(off))))
        return 100 * most

    def check_form(self) -> None:
        """The gradient is built like the arguments."""
        floats = rebuilt(
            self.args,
            iter(
                [
                    np.asarray(x, float) if isinstance(x, np.ndarray) else float(x)
                    for _, x in leaves(self.args)
                ]
            ),
        )
        if shape_of(self.gradient) != shape_of(floats):
            raise Disagreement("gradient's structure", f"{shape_of(self.gradient)} for {shape_of(floats)}")

    def check_direction(self, v: tuple) -> None:
        """The gradient along a direction, by differences; and `jvp`."""
        _, dy = quiet("jvp", lambda: dp.jvp(self.program.traced, copy.deepcopy(self.args), v))
        claim, forwards = dot(self.gradient, v), dot(dy, self.u)
        terms = magnitude(self.gradient, v) + magnitude(dy, self.u) + 1e-4
        if np.isnan(claim) or np.isnan(forwards):
            self.unsure += 1  # not silent, and seldom what the differences see
            return
        off = abs(claim - forwards)
        if not off <= 1e-9 * terms and not off <= 1e-9 * terms + self.wobble(self.gradients):
            raise Disagreement("jvp and vjp", f"<u, Jv> = {forwards!r}, <J'u, v> = {claim!r}")

        def along(h: float) -> float:
            y = self.program.run(moved(self.args, v, h), replay=True)
            if shape_of(y) != shape_of(self.y):
                raise ArithmeticError("another branch")
            return dot(y, self.u)

        self.judge("gradient and differences", claim, along, terms)

    def judge(self, kind: str, claim: float, along: Callable[[float], float], terms: float) -> None:
        """Raise if a measured slope is another one; count it if it cannot be measured."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                measured = slope(along)
                bar = 20 * measured.error + 1e-9 * (abs(measured.value) + terms)
                if abs(claim - measured.value) <= bar:
                    self.unsure += not bar <= 1e-4 * (abs(claim) + terms)
                    return
                kink = sided(along)
        except Exception:  # not defined around here, or another branch
            self.unsure += 1
            return
        if not bar <= 0.02 * (abs(claim) + abs(measured.value)) or kink > 1e-7 * terms:
            self.unsure += 1  # at or beside a kink
            return
        raise Disagreement(kind, f"{claim!r}, measured {measured.value!r} +- {bar:.2g}")

    def check_value_and_grad(self) -> None:
        """The functions that users call give what `vjp` gives."""
        argnums = tuple(range(len(self.args)))
        value, gradient = dp.value_and_grad(self.program.real["f"], argnums)(
            *self.args, **self.program.keywords
        )
        compare(
            "value_and_grad", as_traced(value), as_traced(self.y), 1e-12, lambda: self.wobble(self.values)
        )
        scaled = rebuilt(gradient, iter([g * self.u for _, g in leaves(gradient)]))
        compare("grad and vjp", scaled, self.gradient, 1e-12, lambda: self.wobble(self.gradients))

    def check_second(self, v: tuple) -> None:
        """Hessian times a direction, by differences of the gradient."""

        def of_all(args: tuple) -> Any:
            return self.program.traced(*args)

        floats = rebuilt(self.args, iter([x * 1.0 for _, x in leaves(self.args)]))
        product = quiet("hvp", lambda: dp.hvp(of_all, floats, v))
        w = drawn_like(self.args, self.rng)
        gradient = dp.grad(of_all)
        self.judge(
            "hvp and differences",
            dot(product, w),
            lambda h: dot(gradient(moved(floats, v, h)), w),
            magnitude(product, w) + 1e-4,
        )

    def compiled(self, compiled: Callable, value_first: bool, second: bool = False) -> None:
        """What machine code runs, and what the tape gives; second derivatives, too, if that is asked for."""
        tape = dp.vjp(self.program.traced, *copy.deepcopy(self.args))
        self.y = tape[0]
        self.u = drawn_like(self.y, self.rng)
        self.gradient = tape[1](self.u)

        def run(*args: Any) -> Any:
            return compiled(*args, **self.program.keywords)

        def value() -> None:
            plain = self.program.traced(*copy.deepcopy(self.args))
            given = copy.deepcopy(self.args)
            compare(
                "compiled value",
                quiet("compiled run", lambda: run(*given)),
                plain,
                1e-10,
                lambda: self.wobble(self.values),
            )
            compare("arguments were changed by compiled code", given, self.args, 0.0)

        def gradient() -> None:
            y, pullback = quiet("compiled vjp", lambda: dp.vjp(run, *copy.deepcopy(self.args)))
            compare("compiled value of vjp", y, self.y, 1e-10, lambda: self.wobble(self.values))
            compare(
                "compiled gradient",
                quiet("compiled pullback", lambda: pullback(self.u)),
                self.gradient,
                1e-10,
                lambda: self.wobble(self.gradients),
            )

        def derivative_of_gradient() -> None:
            v = drawn_like(self.args, self.rng)

            def pulled(f: Callable) -> Any:
                of_gradient = dp.vjp(lambda *xs: dp.vjp(f, *xs)[1](self.u), *copy.deepcopy(self.args))[1]
                return of_gradient(v)

            expected, found = pulled(self.program.traced), quiet("compiled, twice", lambda: pulled(run))
            known = [np.all(np.isfinite(x)) for y in (expected, found) for _, x in leaves(y)]
            if all(known):                       # at kinks and ties, one may know more than the other
                compare("compiled second derivative", found, expected, 1e-8,
                        lambda: 100.0 * self.wobble(self.gradients))

        for part in (value, gradient) if value_first else (gradient, value):
            part()
        if second:
            derivative_of_gradient()


def quiet(kind: str, run: Callable[[], Any]) -> Any:
    """The result, where a warning that the plain program does not give is a difference."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = run()
    for warning in seen:
        if not issubclass(warning.category, SteepGradientWarning):
            raise Disagreement(f"{kind}: {warning.category.__name__}", str(warning.message))
    return result


Way = Callable[[Program, int], Callable[[Examiner], None]]


def on_tape(program: Program, seed: int) -> Callable[[Examiner], None]:
    """The checks of what runs on the tape."""
    return Examiner.plain


def as_machine_code(program: Program, seed: int) -> Callable[[Examiner], None]:
    """The checks of what is compiled."""
    native = dp.compile(program.real["f"])
    return lambda examiner: examiner.compiled(native, value_first=seed % 2 == 0, second=seed % 10 == 0)


def examine(source: str, seed: int, compiled: bool, way: Way | None = None) -> Verdict:
    """All checks of one program."""
    unsure = 0
    try:
        program = Program(source)
        check = (way or (as_machine_code if compiled else on_tape))(program, seed)
        for which in ("args", "other"):
            args = program.arguments(which)
            if which == "other" and not sound(program, args):
                continue
            unsure += at_point(program, check, args, seed)
        if program.change() and sound(program, program.arguments("args")):
            unsure += at_point(program, check, program.arguments("args"), seed)
    except Disagreement as error:
        return Verdict(error.kind, str(error))
    except TinydpError as error:
        return Verdict(
            f"refused: {type(error).__name__}: {str(error)[:25]}", f"{type(error).__name__}: {error}"
        )
    except Exception as error:
        return Verdict(
            f"raised {type(error).__name__}: {str(error)[:40]}", f"{type(error).__name__}: {error}"
        )
    return Verdict("agrees", unsure=unsure)


def at_point(program: Program, check: Callable[[Examiner], None], args: tuple, seed: int) -> int:
    """The checks at one set of arguments; returns how many derivatives could not be judged."""
    examiner = Examiner(program, args, seed)
    check(examiner)
    return examiner.unsure


def sound(program: Program, args: tuple) -> bool:
    """Whether the plain program runs there, without a warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return all(np.all(np.isfinite(np.asarray(x, float))) for _, x in leaves(program.run(args)))
    except Exception:
        return False
