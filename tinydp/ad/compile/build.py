"""The steps of compiling one function for arguments of one form: trace, write, compile."""

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ClosureError, DtypeError
from ..show import argument_names
from ..tape import Var
from ..transforms import vjp
from ..values import is_condition, is_on
from . import Call, Compiled, Path, Program
from .arguments import name_of
from .cache import load
from .listing import FUNCTION, Line, digest, listing, refuse, require_equal, run_again
from .names import identifier
from .source import write_function
from .surroundings import Surroundings
from .trace import Sym, Trace, constant
from .verify import Comparison

_MARK = object()


class Traced(NamedTuple):
    """A program that was written down: `f`, or its adjoint."""

    trace: Trace
    name: str
    title: str
    names: list[str]                     # of the inputs
    outputs: list
    results: list                        # of `f`
    unflatten: Callable
    bare: bool                           # there is one, in no structure
    scalar: bool                         # an adjoint of one number, whose value it returns as well
    seeds: tuple                         # the shapes of the cotangents that it takes


def build(compiled: Compiled, call: Call, values: list, active: tuple | None) -> Program:
    """Trace and compile `compiled.f`; with `active`, its adjoint by these of the leaves.

    `f` is run three times, and has to be the same program each time. The loops in it are run again, too,
    once in one run and twice in the next, so that what they leave behind is seen as well.
    """
    start, around = time.perf_counter(), Surroundings.of(compiled.f, *compiled.fixed_parts(call))
    made = traced(compiled, call, values, active)
    trace, results = made.trace, made.results
    runs = [] if active else [_listed(trace, made.outputs, made.unflatten)]
    while len(runs) < (2 if active else 3):
        runs.append(run_again(FUNCTION, lambda: _run_of(compiled, call, values, 2 - len(runs) % 2)))
        require_equal(FUNCTION, runs[0], runs[-1])
    if (drew := around.drew()):
        refuse(FUNCTION, f"it drew from a random generator ({drew})", None)
    unchecked = None if active is None else len(results) if made.scalar else 0
    with trace.writing(), np.errstate(all="ignore"):
        program = trace.program([*made.outputs, *(condition for condition, _ in trace.guards)])
        source = write_function(made.name, made.title, program, made.names, trace.guards, unchecked)
    run, file = load(source.name, source.text)
    around.drop_changed()
    path = Path(call.form, tuple([x for _, x in trace.guards]))
    return Program(run, *source[:3], file, source.constants, made.unflatten, len(results), _real(results),
                   made.bare, made.scalar, made.seeds, _watched(trace), around, path, digest(runs[0]),
                   trace.raising, Comparison(time.perf_counter() - start))


def traced(compiled: Compiled, call: Call, values: list, active: tuple | None) -> Traced:
    """Run `f` with values that write down what is done with them; with `active`, the sweep back as well."""
    trace = Trace(reruns=1)
    inputs = [trace.input(x) for x in values]
    names = leaf_names(compiled, call)
    name = identifier(name_of(compiled.f))
    with trace.writing(), np.errstate(all="ignore"):
        if active is None:
            results, unflatten, bare = _called(compiled, call, inputs)
            results = [_output(x) for x in results]
            return Traced(trace, name, f"{name}, traced by tinydp.", names, results, results, unflatten, bare,
                          False, ())
        results, unflatten, bare, reals, pullback = _swept(compiled, call, inputs, active)
        scalar = len(reals) == 1 and np.shape(reals[0]) == ()
        seeds = () if scalar else tuple(np.shape(x) for x in reals)
        cotangents = [1.0] if scalar else [trace.input(np.ones(x) if x else 1.0) for x in seeds]
        names += [f"g_result_{k}" if len(seeds) > 1 else "g_result" for k in range(len(seeds))]
        gradients = [_output(x) for x in pullback(cotangents)]
        outputs = [*results, *gradients] if scalar else gradients
        name, title = f"adjoint_of_{name}", f"The adjoint of {name}, swept by tinydp."
        return Traced(trace, name, title, names, outputs, results, unflatten, bare, scalar, seeds)


def _swept(compiled: Compiled, call: Call, inputs: list, active: tuple) -> tuple:
    """The results of `f`, as `_called` has them, and those that have a derivative, with their pullback."""
    made: dict[str, Any] = {}

    def real_results(*xs: Any) -> Any:
        leaves: list[Any] = list(inputs)
        for k, x in zip(active, xs, strict=True):
            leaves[k] = x
        made["tape"] = xs[0].tape
        made["results"], made["unflatten"], made["bare"] = _called(compiled, call, leaves)
        return [made["results"][k] for k in _real(made["results"])]

    reals, pullback = vjp(real_results, *(inputs[k] for k in active))
    results = [_output(x.value if is_on(made["tape"], x) else x) for x in made["results"]]
    return results, made["unflatten"], made["bare"], reals, pullback


def _run_of(compiled: Compiled, call: Call, values: list, reruns: int) -> list[Line]:
    """What `f` does when it is run again, with no tape."""
    trace = Trace(reruns=reruns)
    inputs = [trace.input(x) for x in values]
    with trace.writing(), np.errstate(all="ignore"):
        results, unflatten, _ = _called(compiled, call, inputs)
        return _listed(trace, [_output(x) for x in results], unflatten)


def _listed(trace: Trace, results: list, unflatten: Any) -> list[Line]:
    form = unflatten(list(range(len(results))))
    return listing(trace.inputs, trace.calls, results, form, guards=trace.guards)


def _watched(trace: Trace) -> list:
    """The arrays of the surroundings that a later call may find changed.

    Not those that `f` itself changes while it runs: it fills them anew each time.
    """
    return [(x, first) for x, first, last in trace.watched.values()
            if first == last == (x.shape, x.dtype.str, x.tobytes())]


def _called(compiled: Compiled, call: Call, leaves: list) -> tuple[list, Any, bool]:
    """The results of `f` with these leaves in its arguments, and whether there is just one."""
    args, kwargs = compiled.filled(call, leaves)
    y = compiled.f(*args, **kwargs)
    return *tree.flatten(y), tree.children(y) is None


def _output(x: Any) -> Any:
    if type(x) is Var:
        raise ClosureError("a compiled function used a traced value that is not one of its arguments.",
                           "pass the value as an argument.")
    x = constant(x)
    if not isinstance(x, (Sym, float, int, bool, np.ndarray)):
        raise DtypeError(f"a compiled function returned {tree.describe(x)}.",
                         "return numbers, arrays, or structures of them.")
    return x


def _real(results: list) -> tuple[int, ...]:
    """Which results are real numbers, and no conditions."""
    return tuple(k for k, x in enumerate(results) if not is_condition(x))


def leaf_names(compiled: Compiled, call: Call) -> list[str]:
    """A name for each leaf of the arguments: `x`, or `params_0_weight`."""
    args, kwargs = compiled.filled(call, itertools.repeat(_MARK))
    found = []
    labels = argument_names(compiled.f, tuple(args))
    for label, x in zip(labels, tree.flatten(args)[0], strict=True):
        if x is _MARK:
            found.append(label)
    for name, x in sorted(kwargs.items()):
        found += [name + path for path, leaf in tree.leaves(x) if leaf is _MARK]
    return found
