"""Building one function: trace, adjoint, the passes between, source, machine code.

    >>> from .calls import Compiled
    >>> f = Compiled(lambda x: np.sin(x) * x, ())
    >>> built = f.built(2.0)
    >>> print(built.program)
    given x: f
    t: f = sin(x)
    t_1: f = multiply(t, x)
    return t_1, True, True
    >>> built.results_of([2.0]) == [2.0 * np.sin(2.0)]
    True

The last two outputs say whether the gradient is finite, of an adjoint, and whether the program is the right
one: whether all conditions in `f` turned out as they did when it was traced.
"""

import functools
import itertools
import os
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ClosureError, DtypeError, Spot, place_of
from ..rules.bends import met
from ..show import argument_names
from ..tape import Var
from ..values import plain, shape
from . import identity
from .adjoint import Replay, value_of
from .arguments import name_of
from .assembled import assembled
from .captured import asks_for_identity, computes_alone
from .contents import is_still
from .effects import FUNCTION, difference, refuse, run_again
from .expand import apart
from .journal import Journal
from .kinds import constant
from .loops import ALL_FINITE
from .names import identifier
from .passes import finished, optimised
from .program import Program, Value, example_of, interpret, let_go
from .proxy import Proxy, recorded
from .record import Builder, zeros
from .recursion import Calls, advice_for_recursion
from .roll import LONG_LINE, longest_line, roll
from .surroundings import Surroundings
from .trace import Trace
from .verify import SelfCheck


class LongProgramWarning(RuntimeWarning):
    """A program has so many operations in a row that it takes long to compile."""


class LeftToTheTape(FloatingPointError):
    """A built function has results that a tape has to look at; `args[0]` are these."""


class Path(NamedTuple):
    """The arguments that a function was built for, and the branches that it takes with them."""

    form: tuple
    branches: tuple[bool, ...]


class Traced(NamedTuple):
    """What a function does with arguments of one form, as a program."""

    trace: Trace
    program: Program                     # its outputs: the results, then conditions that were decided
    truths: tuple[bool, ...]             # how these turned out
    fine: int                            # how many of the outputs, the last ones, have to be true
    results: int                         # how many there are
    real: tuple                          # which of them are real numbers; others are conditions
    unflatten: Callable                  # from the results to the structure that the function returned
    bare: bool                           # there is one, in no structure
    form: str                            # that structure
    around: Any = None                   # what the function found around it

    def is_current(self) -> bool:
        """Whether that is as it was."""
        return not self.around.changed() and self.trace.arrays.are_current()


class Built(NamedTuple):
    """A function that was built: what runs, and how its results are put together."""

    run: Callable
    program: Program
    code: Any                            # see `Code`
    constants: list                      # its last arguments: arrays of the surroundings of `f`, of indices
    unflatten: Callable
    results: int
    real: tuple
    bare: bool
    scalar: bool                         # an adjoint of one number: its value comes with the gradient
    seeds: tuple                         # the shapes of the cotangents that an adjoint takes, if not scalar
    watched: list                        # arrays of the surroundings, and what was in them
    around: Surroundings                 # all else that `f` found there
    path: Path
    content: str                         # equal for functions of one path that do the same
    traced: Program                      # before it was differentiated and optimised
    left: tuple[Spot, ...]               # lines that may be decided more often than was tried, see paths.py
    comparison: SelfCheck                # with the tape: is it due?

    def results_of(self, values: list, more: tuple = ()) -> list | None:
        """What it returns for these arguments and cotangents; None if it took other branches when traced.

        Raises `FloatingPointError` if a tape has to look: a gradient is not finite, or Python might raise.
        """
        if self.seeds != tuple([shape(x) for x in more]):        # other branches may return other shapes
            return None
        *results, finite, as_traced = self.run(*values, *more, *self.constants)
        if as_traced and not finite:
            raise LeftToTheTape(results)
        return results if as_traced else None

    @property
    def source(self) -> str:
        """The program as Python source."""
        return self.code.source

    def is_unsure(self, values: list) -> bool:
        """Whether the function is a derivative at a kink or a tie, whose own derivative is not known."""
        found: list = []
        token = met.set(found)
        try:
            interpret(self.traced, *values)
        except (ArithmeticError, np.linalg.LinAlgError):
            return True
        finally:
            met.reset(token)
        return bool(found)

    def is_current(self) -> bool:
        """Whether the arrays of the surroundings are as they were when they were read."""
        return all(is_still(x, before) for x, before in self.watched)


def build(compiled: Any, call: Any, values: list, active: tuple | None) -> Built:
    """Build `compiled.f`; with `active`, its adjoint by these of the leaves."""
    name = name_of(compiled.f)
    journal = Journal(name if active is None else f"adjoint of {name}")
    with journal.patience():
        return _build(compiled, call, values, active, name, journal)


def _build(compiled: Any, call: Any, values: list, active: tuple | None, name: str, journal: Journal
           ) -> Built:
    start = time.perf_counter()
    with journal.step("trace") as note:
        made = traced_call(compiled, call, values)
        note(f"{len(made.program)} operations")
    shapes = tuple([shape(made.program.outputs[k]) for k in made.real])
    scalar = active is not None and shapes == ((),)
    with np.errstate(all="ignore"):
        with journal.step("adjoint" if active else "results") as note:
            whole = _whole(made, active, scalar, compiled.derivative)
            note(f"{len(whole)} operations")
        with journal.step("passes") as note:
            parallel = bool(compiled.parallel)
            program = finished(optimised(apart(whole), parallel=parallel), parallel=parallel)
            note(f"{len(program)} operations")
    label = identifier(name if active is None else f"adjoint_of_{name}")
    title = f"{identifier(name)}, traced by tinydp." if active is None else (
        f"The adjoint of {identifier(name)}, swept by tinydp.")
    with journal.step("machine code"):
        code = (parallel_code(program, label, title, compiled.parallel) if parallel else None) or (
            machine_code(program, label, title))
    made.around.drop_changed(made.trace.arrays.watched)
    for each in (made.program, program):
        let_go(each)
    return Built(
        run=code.run, program=program, code=code, constants=code.constants, unflatten=made.unflatten,
        results=made.results, real=made.real, bare=made.bare, scalar=scalar,
        seeds=() if active is None or scalar else shapes, watched=made.trace.arrays.changing(),
        around=made.around, path=Path(call.form, made.truths), content=made.program.key, traced=made.program,
        left=tuple(made.trace.left),
        comparison=SelfCheck(time.perf_counter() - start))


def _whole(made: Traced, active: tuple | None, scalar: bool, derivative: bool) -> Program:
    """The program with all that the built function returns: the results, and what is to be known of them.

    An adjoint of one number returns it before its gradient, since both are wanted; others take the cotangents
    of the real results, and return the gradients alone.
    """
    builder = Builder(guarded=True)
    with made.trace.writing(builder):
        replay = Replay(builder, made.program, list(active or ()))
        outputs = [plain(x) for x in replay.run()]
        results, conditions = outputs[: made.results], outputs[made.results:]
        fine = conditions[len(made.truths):]
        required = [results[k] for k in made.real if derivative]     # to be finite
        if active is not None:
            seeds = {k: 1.0 if scalar else Proxy(builder, builder.adopt(
                Value(zeros(outputs[k]), f"g_result_{k}" if len(made.real) > 1 else "g_result")))
                for k in made.real}
            gradients = replay.pulled(seeds)
            results = [*results, *gradients] if scalar else gradients
            required = gradients
            fine = [*fine, *(Proxy(builder, c) for c in builder.fine)]
        guards = [*zip(conditions, made.truths, strict=False),
                  *((Proxy(builder, c), truth) for c, truth in builder.guards or ())]
        with made.trace.at(None, True):
            finite = [recorded(ALL_FINITE, (x,), {})[0] for x in required if isinstance(x, Proxy)]
            kept = [c if truth else np.logical_not(c) for c, truth in guards]
            flags = [functools.reduce(np.logical_and, x) if x else True for x in ([*finite, *fine], kept)]
        for x, label in zip(flags, ("finite", "as_traced"), strict=True):
            if isinstance(x, Proxy):
                x.value.label = x.value.label or label
        return builder.program([value_of(x) for x in (*results, *flags)])


class Code(NamedTuple):
    """A program as machine code, and what it was made of."""

    run: Callable
    constants: list                      # its last arguments
    lowered: Any
    title: str

    @property
    def source(self) -> str:
        """The same as Python source, for people and for Numba."""
        from .numba import printed  # noqa: PLC0415

        return printed(self.lowered, self.title).text


def parallel_code(program: Program, name: str, title: str, threads: bool | int) -> Code | None:
    """The same, with the rows of its maps spread over so many cores, or all; None if that cannot be done."""
    from .lower import lowered  # noqa: PLC0415
    from .parallel import cores, with_spread_loops  # noqa: PLC0415

    many = cores() if threads is True else threads
    run = None if _is_by_numba() else with_spread_loops(program, name, many)
    return run and Code(run, [], lowered(program, name), title)


def machine_code(program: Program, name: str, title: str) -> Code:
    """What a program becomes: written in LLVM's language or, with `TINYDP_ENGINE=numba`, in Numba's."""
    from .lower import lowered  # noqa: PLC0415  (imports Numba, only now)

    by_numba = _is_by_numba()
    module = lowered(program, name, pools=by_numba)
    if by_numba:
        from . import cache, numba  # noqa: PLC0415

        source = numba.printed(module, title)
        return Code(cache.load(source.name, source.text), module.constants, module, title)
    from . import engine  # noqa: PLC0415

    return Code(engine.machine_code_of(module.functions), module.constants, module, title)


def _is_by_numba() -> bool:
    """Whether Numba makes the machine code: on request, or where arrays are not in memory as we know them."""
    from .entry import layout_is_known  # noqa: PLC0415

    chosen = os.environ.get("TINYDP_ENGINE", "llvm")
    if chosen not in ("llvm", "numba"):
        raise ValueError(f"TINYDP_ENGINE={chosen!r} is not known: set it to llvm or numba.")
    return chosen == "numba" or os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" or not layout_is_known()


# ---------------------------------------------------------------------------- tracing

def traced_call(compiled: Any, call: Any, values: list) -> Traced:
    """Run `compiled.f` on values that are not known yet. One without branches is kept for the adjoint.

    It is run three times, and has to be the same program each time. The loops in it are run again, too, once
    in one run and twice in the next, so that what they leave behind is seen as well. (Where a step has many
    ways, so that all of that would take long, it is run twice; some of its ways are run twice in a row.)
    """
    kept = compiled.made.traces.get(call.form)
    if kept is not None and kept.is_current():
        return kept
    around = Surroundings.of(*compiled.roots, *compiled.fixed_parts(call),
                             given=compiled.captured.keys(call.captured))
    with identity.refused_comparisons(around.functions()):
        made = _run(compiled, call, values, 1)
    for reruns in (0,) if made.trace.has_many_ways else (1, 2):
        again = run_again(FUNCTION, functools.partial(_run, compiled, call, values, reruns, made.truths))
        found = difference(made.program, again.program)
        if found is None and (made.form, made.truths) != (again.form, again.truths):
            found = "it takes another branch, or returns another structure", None
        if found is not None:
            refuse(FUNCTION, *found)
    if (drew := around.drew()):
        refuse(FUNCTION, f"it drew from a random generator ({drew})", None)
    made = made._replace(around=around, program=rolled(made.program, made.trace.calls))
    if not made.truths:
        compiled.made.traces[call.form] = made
    return made


def rolled(program: Program, calls: Calls | None) -> Program:
    """The program with what a Python loop unrolled as a loop again; warns of what stays long."""
    program = roll(assembled(program))
    spot, count = longest_line(program)
    if count > LONG_LINE and spot is not None:
        place, recursive = place_of(spot), calls and calls.recursive()
        advice = (f"{recursive.co_name} calls itself, and each call is written down: "
                  f"{advice_for_recursion(recursive)}"
                  if recursive else "a loop that is written with dp.scan stays a loop.")
        warnings.warn_explicit(
            f"{count} operations in a row, most of them from this line, take long to compile; {advice}",
            LongProgramWarning, place.file, place.line)
    return program


def _run(compiled: Any, call: Any, values: list, reruns: int, told: tuple | None = None) -> Traced:
    """One run of `f`, and what it did. If it is run again, it is `told` how conditions turned out."""
    trace, builder = Trace(reruns, bool(compiled.parallel)), Builder(guarded=True)
    trace.is_again, builder.told = told is not None, told or ()
    trace.calls = None if told is not None else Calls(_run.__code__)
    with trace.writing(builder), np.errstate(all="ignore"):
        names = leaf_names(compiled, call)
        given = [Proxy(builder, builder.input(x, name)) for x, name in zip(values, names, strict=True)]
        y = compiled.applied(call, given)
        results, unflatten = tree.flatten(y)
        if tree.has_no_number(y) and y is not None:
            _output(y)                           # refuses it: there is nothing else
        outputs = [value_of(_output(x)) for x in results]
        guards = builder.guards or []
        program = builder.program([*outputs, *(c for c, _ in guards), *builder.fine])
    real = tuple(k for k, x in enumerate(outputs) if np.asarray(example_of(x)).dtype.kind == "f")
    truths = tuple(truth for _, truth in guards)
    return Traced(trace, program, truths, len(builder.fine), len(outputs), real, unflatten,
                  tree.children(y) is None, tree.signature(unflatten([*range(len(outputs))])))


def _output(x: Any) -> Any:
    if type(x) is Var:
        raise ClosureError("a compiled function used a traced value that is not one of its arguments.",
                           "pass the value as an argument.")
    if not isinstance(constant(x), (Proxy, float, int, bool, np.ndarray)):
        raise DtypeError(f"a compiled function returned {tree.describe(x)}.",
                         "return numbers, arrays, or structures of them.")
    return x


_MARK = object()


def leaf_names(compiled: Any, call: Any) -> list[str]:
    """A name for each leaf of the arguments: `x`, or `params_0_weight`."""
    args, kwargs = compiled.filled(call, itertools.repeat(_MARK))
    found = []
    labels = argument_names(compiled.f, tuple(args))
    for label, x in zip(labels, tree.flatten(args)[0], strict=True):
        if x is _MARK:
            found.append(label)
    for name, x in sorted(kwargs.items()):
        found += [name + path for path, leaf in tree.leaves(x) if leaf is _MARK]
    return [*found, *call.captured]


def can_be_given(compiled: Any, call: Any, values: list) -> bool:
    """Whether arrays around `f`, the last leaves of the call, can be arguments: a trial, see captured.py."""
    if any(map(asks_for_identity, Surroundings.of(*compiled.roots).functions())):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = _run(compiled, call, values, 0)
    except Exception:                            # with constants it is raised again, or is not
        return False
    inputs = made.program.inputs
    return not computes_alone(made.program, inputs[len(inputs) - len(call.captured):])
