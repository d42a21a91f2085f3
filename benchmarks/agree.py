"""Do a program, its traced run, its derivatives and its compiled form agree? Random programs say.

    python -m benchmarks agree --programs 20000 --compiled 2000 --seed 0

Each program (`random_programs.py`) is run as plain Python, with loops of `reference.py` instead of tinydp's, and
compared: the value of the traced run; the gradient with finite differences of the plain run; `jvp` with `vjp`;
some `hvp` with differences of the gradient; all of it again with other arguments, and after a captured buffer has
changed. The `--compiled` ones are compared with the tape, to 1e-10: value, structure, dtypes, gradient.

A program that tinydp refuses, with an error of its own, is counted as refused. Any other difference fails: the
program is shrunk, and printed so that it can be pasted and run. `--only 17` looks at one again (`--only 17c` at a
compiled one).
"""

import argparse
import collections
import copy
import linecache
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.ad.errors import EventNotReached, TinydpError

from .random_programs import draw, runs
from .reference import namespace
from .shrink import shrunk


class Disagreement(Exception):
    """Two ways to run a program differ; `kind` says which, whatever the numbers."""

    def __init__(self, kind: str, text: str):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Verdict(NamedTuple):
    """What came of one program."""

    kind: str                            # agrees, refused, or what differs
    text: str = ""
    unsure: int = 0                      # derivatives that no difference could judge


# ---------------------------------------------------------------------------- structures

def leaves(x: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers and arrays in a structure, and where they are."""
    if isinstance(x, dict):
        for key, item in x.items():
            yield from leaves(item, f"{path}[{key!r}]")
    elif isinstance(x, (list, tuple)):
        for k, item in enumerate(x):
            yield from leaves(item, f"{path}[{k}]")
    elif x is not None:
        yield path, x


def shape_of(x: Any) -> Any:
    """The structure: types of containers, shapes and kinds of leaves."""
    if isinstance(x, dict):
        return {key: shape_of(item) for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [shape_of(item) for item in x]
    return None if x is None else (np.shape(x), np.asarray(x).dtype.name)


def rebuilt(x: Any, values: Iterator) -> Any:
    """The structure of `x`, with other leaves."""
    if isinstance(x, dict):
        return {key: rebuilt(item, values) for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        items = [rebuilt(item, values) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return x if x is None else next(values)


def is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"


def drawn_like(x: Any, rng: np.random.Generator) -> Any:
    """A random structure of the same form: a cotangent or a direction. Integers are exact floats."""
    def one(leaf: Any) -> Any:
        v = np.round(rng.normal(size=np.shape(leaf)), 3)
        return v if isinstance(leaf, np.ndarray) else float(v)
    return rebuilt(x, iter([one(leaf) for _, leaf in leaves(x)]))


def moved(x: Any, v: Any, h: float) -> Any:
    """x + h v."""
    return rebuilt(x, iter([a + h * b for (_, a), (_, b) in zip(leaves(x), leaves(v), strict=True)]))


def dot(a: Any, b: Any) -> float:
    """The inner product of two structures; what is no float does not count."""
    return float(sum(np.sum(np.asarray(x, float) * y) for (_, x), (_, y) in zip(leaves(a), leaves(b), strict=True)
                     if is_float(x) and is_float(y)))


def magnitude(a: Any, b: Any = None) -> float:
    """The sum of what the terms of an inner product amount to."""
    pairs = zip(leaves(a), leaves(a if b is None else b), strict=True)
    return float(sum(np.sum(np.abs(np.asarray(x, float) * (1.0 if b is None else y))) for (_, x), (_, y) in pairs))


def compare(kind: str, a: Any, b: Any, rtol: float, room: Callable[[], float] = lambda: 0.0) -> None:
    """Raise `Disagreement` unless the structures are the same, and their numbers nearly so."""
    if shape_of(a) != shape_of(b):
        raise Disagreement(f"{kind}: structure", f"{shape_of(a)} and {shape_of(b)}")
    whole = max([float(np.nanmax(np.abs(x), initial=0.0)) for _, x in leaves(b) if is_float(x)], default=0.0)
    for (path, x), (_, y) in zip(leaves(a), leaves(b), strict=True):
        if not is_float(y):
            if not np.array_equal(x, y):
                raise Disagreement(kind, f"at {path or 'the result'}: {x} and {y}")
            continue
        size = float(np.nanmax(np.abs(y), initial=0.0))
        bar = rtol * size + 1e-3 * rtol * whole + 1e-3 * rtol
        with np.errstate(all="ignore"):
            apart = np.where(np.isnan(x) & np.isnan(y) | (np.asarray(x) == y), 0.0, np.abs(np.asarray(x) - y))
        off = float(np.max(apart, initial=0.0))
        if not off <= bar and not off <= bar + room():
            raise Disagreement(kind, f"at {path or 'the result'}: {x!r} and {y!r}, {off:.3g} apart")


# ---------------------------------------------------------------------------- one program

class Program:
    """A module that was loaded twice: with tinydp, and with the plain names of `reference.py`."""

    def __init__(self, source: str, name: str = "<program>"):
        self.name = f"{name[:-1]} {abs(hash(source)) % 10**8}>"       # so that an error shows its line
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
    bars = [(abs(x - y) + e, y) for (x, _), (y, e) in zip(found, found[1:], strict=False)]
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
        compare("traced value", y, self.y, 1e-12, lambda: self.wobble(self.values))
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
        """How much a result changes with the last digits of the arguments."""
        base, most = f(copy.deepcopy(self.args)), 0.0
        for sign in (-4e-16, 4e-16, 1.3e-15):
            near = moved(self.args, self.args, sign)
            for (_, a), (_, b) in zip(leaves(f(near)), leaves(base), strict=False):
                if np.shape(a) == np.shape(b):
                    most = max(most, float(np.max(np.abs(np.asarray(a, float) - np.asarray(b, float)), initial=0.0)))
        return 100 * most

    def check_form(self) -> None:
        """The gradient is built like the arguments."""
        floats = rebuilt(self.args, iter([np.asarray(x, float) if isinstance(x, np.ndarray) else float(x)
                                          for _, x in leaves(self.args)]))
        if shape_of(self.gradient) != shape_of(floats):
            raise Disagreement("gradient's structure", f"{shape_of(self.gradient)} for {shape_of(floats)}")

    def check_direction(self, v: tuple) -> None:
        """The gradient along a direction, by differences; and `jvp`."""
        _, dy = quiet("jvp", lambda: dp.jvp(self.program.traced, copy.deepcopy(self.args), v))
        claim, forwards = dot(self.gradient, v), dot(dy, self.u)
        terms = magnitude(self.gradient, v) + magnitude(dy, self.u) + 1e-4
        if np.isnan(claim) or np.isnan(forwards):
            self.unsure += 1             # not silent, and seldom what the differences see
            return
        if not abs(claim - forwards) <= 1e-9 * terms + self_or(self.wobble, self.gradients, abs(claim - forwards)
                                                               > 1e-9 * terms):
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
        except Exception:                # not defined around here, or another branch
            self.unsure += 1
            return
        if not bar <= 0.02 * (abs(claim) + abs(measured.value)) or kink > 1e-7 * terms:
            self.unsure += 1             # at or beside a kink
            return
        raise Disagreement(kind, f"{claim!r}, measured {measured.value!r} +- {bar:.2g}")

    def check_value_and_grad(self) -> None:
        """The functions that users call give what `vjp` gives."""
        argnums = tuple(range(len(self.args)))
        value, gradient = dp.value_and_grad(self.program.real["f"], argnums)(*self.args, **self.program.keywords)
        compare("value_and_grad", value, self.y, 1e-12, lambda: self.wobble(self.values))
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
        self.judge("hvp and differences", dot(product, w),
                   lambda h: dot(gradient(moved(floats, v, h)), w), magnitude(product, w) + 1e-12)

    def compiled(self, compiled: Callable, value_first: bool) -> None:
        """What Numba runs, and what the tape gives."""
        tape = dp.vjp(self.program.traced, *copy.deepcopy(self.args))
        self.y = tape[0]
        self.u = drawn_like(self.y, self.rng)
        self.gradient = tape[1](self.u)

        def run(*args: Any) -> Any:
            return compiled(*args, **self.program.keywords)

        def value() -> None:
            plain = self.program.traced(*copy.deepcopy(self.args))
            given = copy.deepcopy(self.args)
            compare("compiled value", quiet("compiled run", lambda: run(*given)), plain, 1e-10,
                    lambda: self.wobble(self.values))
            compare("arguments were changed by compiled code", given, self.args, 0.0)

        def gradient() -> None:
            y, pullback = quiet("compiled vjp", lambda: dp.vjp(run, *copy.deepcopy(self.args)))
            compare("compiled value of vjp", y, self.y, 1e-10, lambda: self.wobble(self.values))
            compare("compiled gradient", quiet("compiled pullback", lambda: pullback(self.u)), self.gradient, 1e-10,
                    lambda: self.wobble(self.gradients))

        for part in (value, gradient) if value_first else (gradient, value):
            part()


def self_or(wobble: Callable, f: Callable, needed: bool) -> float:
    """The room that rounding needs, measured only when it matters."""
    return wobble(f) if needed else 0.0


def quiet(kind: str, run: Callable[[], Any]) -> Any:
    """The result, where a warning that the plain program does not give is a difference."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = run()
    for warning in seen:
        if not issubclass(warning.category, dp.ad.errors.SteepGradientWarning):
            raise Disagreement(f"{kind}: {warning.category.__name__}", str(warning.message))
    return result


def examine(source: str, seed: int, compiled: bool) -> Verdict:
    """All checks of one program."""
    unsure = 0
    try:
        program = Program(source)
        native = dp.compile(program.real["f"]) if compiled else None
        for which in ("args", "other"):
            args = program.arguments(which)
            if which == "other" and not sound(program, args):
                continue
            unsure += at_point(program, native, args, seed)
        if program.change() and sound(program, program.arguments("args")):
            unsure += at_point(program, native, program.arguments("args"), seed)
    except Disagreement as error:
        return Verdict(error.kind, str(error))
    except EventNotReached:
        raise
    except TinydpError as error:
        return Verdict(f"refused: {type(error).__name__}: {str(error)[:25]}", f"{type(error).__name__}: {error}")
    except Exception as error:
        return Verdict(f"raised {type(error).__name__}: {str(error)[:40]}", f"{type(error).__name__}: {error}")
    return Verdict("agrees", unsure=unsure)


def at_point(program: Program, native: Callable | None, args: tuple, seed: int) -> int:
    """The checks at one set of arguments; returns how many derivatives could not be judged."""
    examiner = Examiner(program, args, seed)
    if native is not None:
        examiner.compiled(native, seed % 2 == 0)
    else:
        examiner.plain()
    return examiner.unsure


def sound(program: Program, args: tuple) -> bool:
    """Whether the plain program runs there, without a warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return all(np.all(np.isfinite(np.asarray(x, float))) for _, x in leaves(program.run(args)))
    except Exception:
        return False


# ---------------------------------------------------------------------------- many programs

def seeds(options: argparse.Namespace) -> Iterator[tuple[int, bool]]:
    """The numbers of the programs, and whether each is compiled."""
    if options.only:
        for text in options.only:
            yield int(text.rstrip("c")), text.endswith("c")
        return
    for k in range(options.programs):
        yield options.seed + k, False
    for k in range(options.compiled):
        yield options.seed + k, True


def report(source: str, seed: int, compiled: bool, verdict: Verdict, seconds: float) -> None:
    """Print a failure: what differs, and the smallest program that still does so."""
    print(f"\n--only {seed}{'c' * compiled}: {verdict.text}\n", flush=True)
    if not seconds:
        return
    small = shrunk(source, lambda text: runs(text) and examine(text, seed, compiled).kind == verdict.kind, seconds)
    print(small)
    print(f"# {examine(small, seed, compiled).text}\n", flush=True)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run so many programs; exits with 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks agree", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first program")
    parser.add_argument("--programs", type=int, default=2000, help="how many run on the tape")
    parser.add_argument("--compiled", type=int, default=50, help="how many are compiled")
    parser.add_argument("--only", nargs="*", metavar="SEED", help="these programs; 17c is a compiled one")
    parser.add_argument("--shrink", type=float, default=60.0, metavar="SECONDS", help="to make a failure small")
    parser.add_argument("--each", type=int, default=3, help="how many failures of a kind are made small")
    parser.add_argument("--show", action="store_true", help="print each program")
    parser.add_argument("--refused", action="store_true", help="say what was refused")
    options = parser.parse_args(arguments)
    began, last = time.perf_counter(), 0.0
    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    for seed, compiled in seeds(options):
        source = draw(seed, compiled)
        if options.show:
            print(source)
        verdict = examine(source, seed, compiled)
        what = "compiled" if compiled else "programs"
        counts[what] += 1
        counts["not judged"] += verdict.unsure
        if verdict.kind.startswith("refused"):
            counts[f"{what} refused: {verdict.text.partition(':')[0]}"] += 1
            kinds[verdict.kind] += 1
            if options.refused:
                report(source, seed, compiled, verdict, options.shrink if kinds[verdict.kind] <= options.each else 0.0)
        elif verdict.kind != "agrees":
            counts["failed"] += 1
            kinds[verdict.kind] += 1
            report(source, seed, compiled, verdict, options.shrink if kinds[verdict.kind] <= options.each else 0.0)
        if sys.stderr.isatty() and time.perf_counter() - last > 1.0:
            last = time.perf_counter()
            print(f"\r{counts['programs']} programs, {counts['compiled']} compiled, {counts['failed']} failed",
                  end="", file=sys.stderr, flush=True)
    print("\n".join(f"{count:7d} {name}" for name, count in counts.items()))
    print(f"{time.perf_counter() - began:.0f} s")
    if counts["failed"]:
        sys.exit(1)
    return dict(counts)
