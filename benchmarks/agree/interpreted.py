"""The compiler's programs, run by NumPy: each pass is compared with the tape, long before there is machine code.

A function is traced into a program, the program differentiated, and its adjoint once more for some. What comes
of each pass is verified and interpreted, with other arguments as well; a program holds for arguments that take
the same branches, and for as long as the arrays around it stay the same.
"""

import copy
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinydp as dp
from tinydp.ad import tree
from tinydp.ad.compile.arguments import form_of, refilled
from tinydp.ad.compiler.adjoint import adjoint
from tinydp.ad.compiler.program import Program, Value, interpret, verify
from tinydp.ad.compiler.proxy import Proxy
from tinydp.ad.compiler.trace import Trace, lifted

from .check import Examiner, compare, quiet
from .check import Program as Module
from .structures import drawn_like
from .structures import leaves as leaves_of


def _passes() -> Iterator[tuple[str, Callable[[Program], Program]]]:
    """The passes that run after the adjoint was taken."""
    for file, names in (("roll", ["roll"]), ("passes", ["PASSES", "optimised"])):
        try:
            module = importlib.import_module(f"tinydp.ad.compiler.{file}")
        except ImportError:
            continue
        for found in (getattr(module, name) for name in names if hasattr(module, name)):
            yield from ((f.__name__, f) for f in (found if isinstance(found, tuple) else (found,)))


PASSES = tuple(_passes())


def taken_apart(args: tuple, keywords: dict) -> list:
    """The numbers and arrays in the arguments, as compiled functions take them."""
    leaves: list = []
    for x in (*args, *(keywords[name] for name in sorted(keywords))):
        form_of(x, leaves)
    return [float(x) if np.ndim(x) == 0 and type(x) is not np.bool_ else x for x in leaves]


def filled(args: tuple, keywords: dict, leaves: list) -> tuple[list, dict]:
    """The arguments with these in place of their numbers and arrays."""
    rest = iter(leaves)
    return [refilled(x, rest) for x in args], {k: refilled(keywords[k], rest) for k in sorted(keywords)}


class Other(Exception):
    """The program holds for other branches or shapes, or for what was in the arrays around before."""


class Interpreted:
    """A function as a program, for arguments of one form."""

    def __init__(self, f: Callable, args: tuple, keywords: dict):
        trace, leaves = Trace(), taken_apart(args, keywords)
        trace.reruns = 1
        with trace.writing() as builder, np.errstate(all="ignore"):
            given = [Proxy(builder, builder.input(x)) for x in leaves]
            positional, by_name = filled(args, keywords, given)
            results, self.unflatten = tree.flatten(f(*positional, **by_name))
            outputs = [lifted(x) for x in results]
            self.program = verify(builder.program([*outputs, *(x for x, _ in builder.guards)]))
        self.trace, self.results, self.form = trace, len(outputs), [*map(np.shape, leaves)]
        self.around, self.active = trace.arrays.changing(), [*range(len(taken_apart(args, {})))]
        self.truths = [truth for _, truth in builder.guards]
        self.real = [k for k, x in enumerate(outputs) if kind_of(x) == "f"]

    def value(self, args: tuple, keywords: dict) -> Any:
        """The result; `Other` if it takes another branch."""
        leaves = taken_apart(args, keywords)
        changed = any(content != (x.shape, x.dtype.str, x.tobytes()) for x, content in self.around)
        if changed or [*map(np.shape, leaves)] != self.form:
            raise Other
        found = interpret(self.program, *leaves)
        if [bool(x) for x in found[self.results:]] != self.truths:
            raise Other
        return self.unflatten(found[: self.results])

    def adjoint(self) -> Program:
        """From the leaves and the cotangents of the real results to those of the leaves."""
        with self.trace.writing(), np.errstate(all="ignore"):
            return verify(adjoint(self.program, self.active, self.real))

    def second(self) -> Program:
        """The adjoint of that."""
        back = self.adjoint()
        with self.trace.writing(), np.errstate(all="ignore"):
            seeded = [k for k, x in enumerate(back.outputs) if kind_of(x) == "f"]
            return verify(adjoint(back, self.active, seeded))


def after_passes(program: Program) -> Iterator[tuple[str, Program]]:
    """The program, and what each pass makes of it, one after the other."""
    yield "", program
    for name, one in PASSES:
        program = verify(one(program))
        yield f" after {name}", program


def kind_of(x: Any) -> str:
    """The kind of an output."""
    return x.kind if type(x) is Value else np.asarray(x).dtype.kind


# ---------------------------------------------------------------------------- comparing

def by_numpy(program: Module, seed: int) -> Callable[[Examiner], None]:
    """The checks of the interpreted programs of one function, at one point after the other."""
    known: list[Interpreted] = []

    def check(examiner: Examiner) -> None:
        args, keywords = examiner.args, program.keywords
        plain = program.traced(*copy.deepcopy(args))
        try:
            value = known[-1].value(args, keywords)
        except (IndexError, Other):
            known.append(Interpreted(program.real["f"], copy.deepcopy(args), keywords))
            value = known[-1].value(args, keywords)
        compare("interpreted value", value, plain, 1e-12, lambda: examiner.wobble(examiner.values))
        _check_derivatives(known[-1], examiner, seed % 10 == 0)

    return check


def _check_derivatives(form: Interpreted, examiner: Examiner, second: bool) -> None:
    """The adjoint, and with `second` its adjoint, after each pass and on the tape."""
    traced, args = examiner.program.traced, examiner.args
    y, pullback = dp.vjp(traced, *copy.deepcopy(args))
    examiner.u = drawn_like(y, examiner.rng)
    gradient = pullback(examiner.u)
    cotangents = [u for k, (_, u) in enumerate(leaves_of(examiner.u)) if k in form.real]
    given = [*taken_apart(args, examiner.program.keywords), *cotangents]

    def agree(kind: str, program: Program, given: list, wanted: Any, again: Callable) -> None:
        for name, after in after_passes(program):
            found = quiet(kind + name, lambda after=after: interpret(after, *given))
            compare(kind + name, found, wanted, 1e-10, lambda: examiner.wobble(again))

    agree("interpreted gradient", form.adjoint(), given, [g for _, g in leaves_of(gradient)],
          lambda args: [g for _, g in leaves_of(examiner.gradients(args))])
    if second:
        v = drawn_like(args, examiner.rng)

        def products(args: tuple) -> list:
            product = dp.vjp(lambda *xs: dp.vjp(traced, *xs)[1](examiner.u), *args)[1](v)
            return [p for _, p in leaves_of(product)]

        agree("interpreted second derivative", form.second(), [*given, *(x for _, x in leaves_of(v))],
              products(copy.deepcopy(args)), products)
