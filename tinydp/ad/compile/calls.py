"""What `compile` returns: from a user's arguments to the function that was built for them, and back.

    >>> from tinydp import grad
    >>> f = Compiled(lambda x, y: np.sin(x * y) + x, ())
    >>> f(2.0, 0.0), grad(f)(2.0, 0.0)
    (2.0, 1.0)

A function is built for each structure of arguments, each way through its branches, and each set of arguments
to differentiate by. On a tape, a call is one node. Its pullback, and all that differentiates a compiled
function otherwise, is a compiled function, too: that of the derivative.
"""

import functools
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..binding import parameters_of
from ..errors import NotCompiledError, SelfCheckError, TinydpError
from ..tape import Tape, Var
from ..tracebacks import shorten
from ..twins import twin
from ..usage import require_function
from ..values import Abstract, is_discrete, is_on, youngest
from ..watch import WatchedTape, comparing, is_watched, tracer
from .arguments import as_argument, fixed, fixed_leaves, form_of, gradients_like, name_of, refilled
from .build import Built, LeftToTheTape, Path, Traced, build
from .captured import Captured, TakesCaptured
from .culprit import TapeWarning, not_finite
from .derivatives import Derivatives, gradient_places
from .nodes import CompiledResiduals
from .quick import HasQuickWays
from .verify import CheckedRun, compare

MISSES = 6                               # runs in vain, two a gradient, before that is said
MOST_BRANCHES = 16                       # programs for one form of arguments; then f runs as it is


class FlatCall(NamedTuple):
    """Arguments, taken apart."""

    args: tuple
    kwargs: dict
    form: tuple                          # their structure, as a key
    leaves: list                         # the numbers and arrays in them
    ends: list                           # where in `leaves` each positional argument ends
    captured: tuple = ()                 # names of arrays around that are the last leaves, see captured.py


class Made:
    """All that was made of a function, which is forgotten together.

    Once the function is found to do something else than before, nothing of it is right, and a new one begins.

    `programs` has, by the form of the arguments and which leaves they are differentiated by, a program for
    each way through the branches that was met, the one that was used last first.
    """

    def __init__(self) -> None:
        self.programs: dict[tuple, tuple[Built, ...]] = {}
        self.contents: dict[Path, str] = {}      # what the function did with these arguments
        self.traces: dict[tuple, Traced] = {}    # by the form of arguments, if it has no branches
        self.derived: dict[Any, Compiled] = {}   # its derivatives
        self.quick: dict[Any, list] = {}         # quick ways, by the arguments to differentiate by
        self.quick_values: list = []             # those to a value alone
        self.captures: dict[tuple, bool] = {}    # whether these arrays around are arguments, by the form
        self.run_last: dict[tuple, Built | None] = {}        # what was run last, see `_quicken`


class Compiled(Derivatives, TakesCaptured, HasQuickWays):
    """What `compile` returns: called like `f`, with the same results.

    `.source` and `.adjoint_source` are the programs of the last call, `.forget()` drops all programs. Raises
    `TypeError` if `f` is no function, `ValueError` if a name in `static` is no parameter of it.

        >>> from tinydp import compile
        >>> f = compile(lambda x: x * x)
        >>> f(3.0), "x * x" in f.source
        (9.0, True)
    """

    def __init__(self, f: Callable, static: tuple, roots: tuple = (), derivative: bool = False,
                 parallel: bool | int = False):
        require_function("compile", f)
        functools.update_wrapper(self, f, updated=())
        self.f, self.static = f, static
        self.roots = roots or (f,)               # where what `f` finds around it is looked for
        self.parallel = parallel                 # on how many cores; True is all
        self.derivative = derivative             # its results have to be finite, or a tape has to look
        self.made = Made()
        self._refused: set[tuple] = set()        # derivatives that cannot be compiled
        self._misses = 0                         # runs in vain, one after the other
        self._places: dict[Any, tuple] = {}
        self._lock = threading.RLock()
        self._last: tuple[tuple, dict] | None = None
        order = [p.name for p in parameters_of(f)]
        known = (*order, *range(-len(order), len(order)))
        unknown = [x for x in static if x not in known and (order or isinstance(x, int))]
        if unknown:
            raise ValueError(f"static={unknown[0]!r} is not a parameter of {name_of(f)}: "
                             f"it has {', '.join(order) or 'none that Python can tell'}.")
        self._fixed_names = {order[x] if isinstance(x, int) else x for x in static}
        self._fixed_positions = {k for k, name in enumerate(order) if name in self._fixed_names}
        self.captured = Captured(f, not parallel and not roots)

    def __repr__(self) -> str:
        return f"<compiled {name_of(self.f)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from ..notebook import compiled_html  # noqa: PLC0415

        return compiled_html(self)

    def __reduce__(self) -> str | tuple:
        found: Any = sys.modules.get(self.__module__)
        path = getattr(self.f, "__qualname__", "")
        for name in path.split("."):             # a decorated function has the place of its own f
            found = getattr(found, name, None)
        return path if found is self else (
            _compiled_again, (self.f, self.static, self.parallel))

    def __get__(self, instance: Any, owner: type | None = None) -> Any:          # as a method
        return self if instance is None else functools.partial(self, instance)

    # -- calls

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        for quick in self.made.quick_values:             # see quick.py
            if (found := quick(args, kwargs)) is not None:
                return found[0]
        call = self._taken_apart(args, kwargs)
        leaves = call.leaves
        tape = youngest(leaves)
        if tracer() is not None or comparing.get() or any(isinstance(x, Abstract) for x in leaves):
            return twin(self.f)(*args, **kwargs)     # a part of a program around
        if tape is None:
            try:
                program, results = self._run(call, leaves, None)
            except ArithmeticError:
                return self.f(*args, **kwargs)   # it knows what is wrong, or that nothing is
            except TinydpError as error:
                shorten(error)
                raise
            self._quicken(program, call, None)
            return program.unflatten(results)
        if isinstance(tape, WatchedTape):
            return twin(self.f)(*args, **kwargs)     # somebody wants to see each step
        values = [as_argument(x.value) if is_on(tape, x) else x for x in leaves]
        if any(type(x) is Var for x in values):
            return self._recorded_inside(tape, call, values)
        return self._recorded(tape, call, values)

    def value_and_gradient(self, args: tuple, kwargs: dict, positions: tuple) -> tuple[Any, tuple] | None:
        """What `value_and_grad` wants, without a tape; None if that takes one.

        The gradients are those by the arguments at `positions`. Quick ways were tried before.
        """
        if comparing.get():
            return None
        call = self._taken_apart(args, kwargs)
        for x in call.leaves:
            if type(x) not in (float, np.ndarray, int):
                return None
        places = self._places.get((call.form, positions))
        if places is None:
            places = self._places[call.form, positions] = gradient_places(call, positions)
        active, order = places
        if not active or is_watched():
            return None
        try:
            variants = self._variants(call, call.leaves, active)
            if not variants[0].scalar:
                return None
            program, results = self._run(call, call.leaves, active, variants=variants)
        except ArithmeticError:
            return None
        except TinydpError as error:
            shorten(error)
            raise
        if not (program.bare and program.scalar):        # another branch may return something else
            return None
        rest = iter([results[k] for k in order])
        try:
            gradients = tuple([gradients_like(args[k], rest) for k in positions])
        except TypeError:
            return None
        self._quicken(program, call, positions)
        return results[0], gradients

    def _recorded(self, tape: Tape, call: FlatCall, values: list) -> Any:
        """The results as one node of the tape."""
        active = tuple([k for k, x in enumerate(call.leaves) if type(x) is Var])
        # whatever becomes of the caller's arrays and structures before the sweep
        kept = [x if type(x) in (float, int) or k in active else x.copy() for k, x in enumerate(values)]
        args, kwargs = self.filled(call, call.leaves)
        gradients, made = None, None
        try:
            while made is not self.made:         # value and gradient of the same surroundings
                made = self.made
                adjoints = self._variants(call, values, active)
                if adjoints[0].scalar:
                    program, results = self._run(call, values, active, variants=adjoints)
                    if program.scalar:           # another branch may return something else
                        results, gradients = results[: program.results], results[program.results:]
                        break
                program, results = self._run(call, values, None)
        except ArithmeticError:
            return twin(self.f)(*call.args, **call.kwargs)
        if program.real:
            call = call._replace(args=tuple(args), kwargs=kwargs)
            saved = CompiledResiduals(
                self, call, kept, active, program.real, program, adjoints, gradients, self.made)
            results = saved.on_tape(tape, tuple(call.leaves), results)
        return program.unflatten(results)

    def filled(self, call: FlatCall, leaves: Any) -> tuple[list, dict]:
        """The arguments of a call, with other numbers and arrays in place of theirs."""
        rest = iter(leaves)
        args = [x if k in self._fixed_positions else refilled(x, rest) for k, x in enumerate(call.args)]
        return args, {name: x if name in self._fixed_names else refilled(x, rest)
                      for name, x in sorted(call.kwargs.items())}

    def fixed_parts(self, call: FlatCall) -> list:
        """What else there is in the arguments of a call, beside numbers and arrays."""
        parts = [*enumerate(call.args), *call.kwargs.items()]
        chosen = self._fixed_positions | self._fixed_names
        return [part for k, x in parts for part in ([x] if k in chosen else fixed_leaves(x))]

    def _taken_apart(self, args: tuple, kwargs: dict) -> FlatCall:
        leaves: list[Any] = []
        forms, ends = [], []
        for k, x in enumerate(args):
            forms.append(fixed(x) if k in self._fixed_positions else form_of(x, leaves))
            ends.append(len(leaves))
        form = tuple(forms)
        if kwargs:
            form += tuple([(name, fixed(x) if name in self._fixed_names else form_of(x, leaves))
                           for name, x in sorted(kwargs.items())])
        call = FlatCall(args, kwargs, form, leaves, ends)
        found = self.captured.found()
        return self._with_captured(call, found) if found else call

    # -- programs

    def program_for(self, *args: Any, **kwargs: Any) -> tuple[Built, list]:
        """What is built for such arguments, and the numbers and arrays in them, as it takes them."""
        call = self._taken_apart(args, kwargs)
        return self._variants(call, call.leaves, None)[0], call.leaves

    def built(self, *args: Any, **kwargs: Any) -> Built:
        """What is built for such arguments."""
        return self.program_for(*args, **kwargs)[0]

    def _run(self, call: FlatCall, values: list, active: tuple | None, more: tuple = (),
             variants: tuple[Built, ...] | None = None) -> tuple[Built, list]:
        """The program that takes the branches of these arguments, and its results.

        `more` are operands beside the arguments: of a backward pass, the cotangents of the results.
        One after the other is run, until one finds that its conditions turn out as when it was traced. If
        none does, another is built. Raises `ArithmeticError` if a tape has to look: at what is not finite, or
        at a branch taken otherwise each time.
        """
        if variants is None:
            variants = self._variants(call, values, active)
        for program in variants:
            results = self._results(program, call, values, active, more)
            if results is not None:
                if program is not variants[0]:
                    self._put_first(program, call, active)
                return program, results
        if len(variants) < MOST_BRANCHES:
            program = self._built(call, values, active)
            results = self._results(program, call, values, active, more)
            if results is not None:
                return program, results
        raise FloatingPointError

    def _left_to_the_tape(self, program: Built, values: list, more: tuple) -> None:
        """Say so if gradients go to the tape time and again, one after the other."""
        self._misses += 1
        if self._misses == MISSES:
            what, place = not_finite(program.program, [*values, *more], program.left)
            warnings.warn_explicit(
                f"{name_of(self.f)} or its gradient is left to the tape each time, which is slow: {what} "
                "(dp.debug_nans() shows more); keep away from that point, or choose with np.where.",
                TapeWarning, place.file, place.line)

    def _results(self, program: Built, call: FlatCall, values: list, active: tuple | None,
                 more: tuple) -> list | None:
        """The results of a program, compared with the tape's if that is due; None if it is the wrong one."""
        start = time.perf_counter() if program.comparison.due else 0.0
        try:
            results = program.results_of(values, more)
        except LeftToTheTape:
            if active is not None or self.derivative or program.left:
                self._left_to_the_tape(program, values, more)
            raise
        if results is not None and (active is not None or self.derivative or program.left):
            self._misses = 0
        if results is not None and program.comparison.due:
            compiling = program.comparison.seconds + time.perf_counter() - start
            try:
                compare(CheckedRun(self, program, call, values, active, more, results), compiling)
            except SelfCheckError:
                if not call.captured:
                    raise
                self.forget()                    # with these arrays as constants it may be right
                self.made.captures[call.form] = False
                raise FloatingPointError from None
            program.around.drop_changed()
        return results

    def check(self, program: Built, args: tuple, results: list, compiling: float) -> None:
        """Compare results of a program, wherever they were computed, with `f`'s, if that is due."""
        if program.comparison.due:
            call = self._taken_apart(args, {})
            compare(CheckedRun(self, program, call, call.leaves, None, (), results), compiling)
            program.around.drop_changed()

    def _variants(self, call: FlatCall, values: list, active: tuple | None) -> tuple[Built, ...]:
        """The programs for arguments of this form: one at least, and none whose surroundings have changed."""
        self._last = call.args, call.kwargs
        key = call.form, active
        variants = self.made.programs.get(key, ())
        if not variants or variants[0].around.changed() or not all(x.is_current() for x in variants):
            with self._lock:                     # while one thread builds, the others wait
                if variants and variants[0].around.changed():
                    self.forget()
                variants = tuple([x for x in self.made.programs.get(key, ()) if x.is_current()])
                self.made.programs[key] = variants
                if not variants:
                    variants = (self._built(call, values, active),)
        return variants

    def _built(self, call: FlatCall, values: list, active: tuple | None) -> Built:
        """One program more, for the branches that these arguments take."""
        with self._lock:
            program = build(self, call, values, active)
            if self.made.contents.get(program.path, program.content) != program.content:
                self.forget()                    # the others were made of an `f` that did something else
            self.made.contents[program.path] = program.content
            self._put_first(program, call, active)
            return program

    def _put_first(self, program: Built, call: FlatCall, active: tuple | None) -> None:
        """The next call will try this program before the others."""
        with self._lock:
            key = call.form, active
            others = [x for x in self.made.programs.get(key, ()) if x is not program]
            self.made.programs[key] = (program, *others)

    def forget(self) -> None:
        """Drop all programs; the next call traces `f` anew."""
        with self._lock:
            self.made = Made()

    @property
    def source(self) -> str:
        """The program that was run last, as Python source. Raises `NotCompiledError` if none was."""
        return self._shown(adjoint=False)

    @property
    def adjoint_source(self) -> str:
        """Its adjoint: the value and, backwards, the gradient by all real numbers in the arguments.

        Raises `NotCompiledError` if none was run.
        """
        return self._shown(adjoint=True)

    def _shown(self, adjoint: bool) -> str:
        if self._last is None:
            raise NotCompiledError(
                f"{name_of(self.f)} was not called yet, and its source depends on the arguments.",
                "call it once.")
        call = self._taken_apart(*self._last)
        values = [as_argument(x.value) if type(x) is Var else x for x in call.leaves]
        given = values[: len(values) - len(call.captured)]
        active = tuple([k for k, x in enumerate(given) if not is_discrete(x)])
        return self._variants(call, values, active if adjoint else None)[0].source


def _compiled_again(f: Callable, static: tuple, parallel: bool | int) -> Compiled:
    """What was pickled."""
    return Compiled(f, static, parallel=parallel)
