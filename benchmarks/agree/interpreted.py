"""The compiler's programs, run by NumPy: each pass is compared with the tape, without any machine code.

A function is traced into a program, the program differentiated, and its adjoint once more for some. What
comes of each pass is verified and interpreted, with other arguments as well; a program holds for arguments
that take the same branches, and for as long as the arrays around it stay the same.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinydp as dp
from tinydp.ad.compile import passes
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.build import traced_call
from tinydp.ad.compile.calls import Compiled
from tinydp.ad.compile.expand import apart
from tinydp.ad.compile.program import Program, interpret, verify

from .check import Examiner, compare, quiet
from .check import Program as Module
from .structures import drawn_like, leaves

PASSES: tuple[Callable[[Program], Program], ...] = (apart, *passes.PASSES, passes.finished)


def after_passes(program: Program) -> Iterator[tuple[str, Program]]:
    """The program, and what each pass makes of it, one after the other."""
    yield "", verify(program)
    for one_pass in PASSES:
        program = verify(one_pass(program))
        yield f" after {one_pass.__name__}", program


class Interpreted:
    """A function as a program, for arguments of one form."""

    def __init__(self, f: Callable, args: tuple, keywords: dict):
        compiled = Compiled(f, ())
        call = compiled._taken_apart(differentiable(args), keywords)
        self.made, self.form = traced_call(compiled, call, call.leaves), call.form
        self.program, self.trace = self.made.program, self.made.trace
        self.made.around.drop_changed()
        self.arrays = self.trace.arrays.changing()
        self.passed: dict[str, list[tuple[str, Program]]] = {}
        self.active = [*range(call.ends[-1] if args else 0)]

    def holds(self, args: tuple, keywords: dict) -> bool:
        """Whether it is the program for these arguments."""
        call = Compiled(lambda: None, ())._taken_apart(differentiable(args), keywords)
        changed = any((x.shape, x.dtype.str, x.tobytes()) != content for x, content in self.arrays)
        if call.form != self.form or changed or self.made.around.changed():
            return False
        found = interpret(self.program, *call.leaves)
        n = self.made.results + len(self.made.truths)
        return tuple(map(bool, found[self.made.results: n])) == self.made.truths and all(found[n:])

    def after_passes(self, kind: str, make: Callable[[], Program]) -> list[tuple[str, Program]]:
        """A program of this kind, and what each pass makes of it."""
        if kind not in self.passed:
            self.passed[kind] = [*after_passes(make())]
        return self.passed[kind]

    def adjoint(self) -> Program:
        """From the leaves and the cotangents of the real results to those of the arguments."""
        with self.trace.writing(), np.errstate(all="ignore"):
            return adjoint(self.program, self.active, list(self.made.real))

    def second(self) -> Program:
        """The adjoint of that."""
        back = self.adjoint()
        with self.trace.writing(), np.errstate(all="ignore"):
            return adjoint(back, self.active, [*range(len(self.active))])


# ---------------------------------------------------------------------------- comparing

def by_numpy(program: Module, seed: int) -> Callable[[Examiner], None]:
    """The checks of the interpreted programs of one function, at one point after the other."""
    known: list[Interpreted] = []

    def check(examiner: Examiner) -> None:
        args, keywords = examiner.args, program.keywords
        if not known or not known[-1].holds(args, keywords):
            known.append(Interpreted(program.real["f"], copy.deepcopy(args), keywords))
        if known[-1].holds(args, keywords):      # else it branches on what a loop has made
            Comparison(known[-1], examiner).run(second=seed % 4 == 0)
        else:
            examiner.unsure += 1

    return check


class Comparison:
    """The programs of one function at one point, and what the tape gives there."""

    def __init__(self, form: Interpreted, examiner: Examiner):
        self.form, self.examiner, self.args = form, examiner, examiner.args
        self.f = examiner.program.traced
        given = differentiable(self.args)
        self.given = Compiled(lambda: None, ())._taken_apart(given, examiner.program.keywords).leaves

    def run(self, second: bool) -> None:
        """Value, gradient, and the gradient's."""
        form, examiner = self.form, self.examiner
        y, pullback = dp.vjp(self.f, *copy.deepcopy(self.args))
        plain = self.f(*copy.deepcopy(self.args))
        compare("plain loops", plain, examiner.program.run(copy.deepcopy(self.args)), 1e-11)
        self.agree("value", lambda: form.program, self.given, plain, examiner.values, form.made.unflatten)
        examiner.u = drawn_like(y, examiner.rng)
        given = [*self.given, *(u for k, (_, u) in enumerate(leaves(examiner.u)) if k in form.made.real)]
        self.agree("gradient", form.adjoint, given, values(pullback(examiner.u)), examiner.gradients)
        if second:
            v = drawn_like(self.args, examiner.rng)

            def product(args: tuple) -> Any:
                return dp.vjp(lambda *xs: dp.vjp(self.f, *xs)[1](examiner.u), *args)[1](v)

            self.agree("second derivative", form.second, [*given, *values(v)],
                       values(product(copy.deepcopy(self.args))), product)

    def agree(self, kind: str, make: Callable[[], Program], given: list, wanted: Any, again: Callable,
              unflatten: Callable = list) -> None:
        """Raise `Disagreement` unless the program and what each pass makes of it give what is wanted."""
        n = len(values(wanted))
        for of_pass, after in self.form.after_passes(kind, make):
            name = f"interpreted {kind}{of_pass}"
            found = quiet(name, lambda after=after: interpret(after, *given))
            if kind != "value" and not all(np.all(np.isfinite(x)) for x in found):
                self.examiner.unsure += 1        # where 0 met infinity, or at a kink: a tape takes over
                return
            compare(name, unflatten(found[:n]), wanted, 1e-10, lambda: self.examiner.wobble(again))


def differentiable(args: tuple) -> tuple:
    """Arguments as those by which one differentiates: integers are real numbers there."""
    def real(x: Any) -> Any:
        kind = np.asarray(x).dtype.kind
        return x if kind not in "iu" else x.astype(np.float64) if isinstance(x, np.ndarray) else float(x)

    return dp.ad.tree.map(real, args)


def values(x: Any) -> list:
    """The numbers and arrays in a structure."""
    return [leaf for _, leaf in leaves(x)]
