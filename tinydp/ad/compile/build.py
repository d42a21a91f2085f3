"""The steps of compiling one function for arguments of one form: trace, write, compile."""

import itertools
from typing import Any

import numpy as np

from .. import tree
from ..errors import ClosureError, DtypeError
from ..show import argument_names
from ..tape import Var
from ..transforms import vjp
from ..values import is_condition, is_on
from . import Call, Compiled, Program
from .arguments import name_of
from .cache import load
from .names import identifier
from .source import write_function
from .trace import Sym, Trace, constant

_MARK = object()


def build(compiled: Compiled, call: Call, values: list, active: tuple | None) -> Program:
    """Trace and compile `compiled.f`; with `active`, its adjoint by these of the leaves."""
    trace = Trace()
    inputs = [trace.input(x) for x in values]
    names = _names(compiled, call)
    name = identifier(name_of(compiled.f))
    with trace.writing(), np.errstate(all="ignore"):
        if active is None:
            results, unflatten, bare = _called(compiled, call, inputs)
            outputs = [_output(x) for x in results]
            source = write_function(name, f"{name}, traced by tinydp.", _with_guards(trace, outputs), names,
                                    trace.guards)
            run, file = load(source.name, source.text)
            return Program(run, *source[:3], file, source.constants, unflatten, len(results), _real(outputs),
                           bare, False, (), _watched(trace))
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
        scalar = len(reals) == 1 and np.shape(reals[0]) == ()
        seeds: list[Any] = [1.0]
        if not scalar:
            seeds = [trace.input(np.ones(np.shape(x)) if np.shape(x) else 1.0) for x in reals]
            names += [f"g_result_{k}" if len(reals) > 1 else "g_result" for k in range(len(reals))]
        gradients = [_output(x) for x in pullback(seeds)]
        program = _with_guards(trace, [*results, *gradients] if scalar else gradients)
        title = f"The adjoint of {name}, swept by tinydp."
        source = write_function(f"adjoint_of_{name}", title, program, names, trace.guards,
                                len(results) if scalar else 0)
    run, file = load(source.name, source.text)
    return Program(run, *source[:3], file, source.constants, made["unflatten"], len(results), _real(results),
                   made["bare"], scalar, () if scalar else tuple(np.shape(x) for x in reals), _watched(trace))


def _watched(trace: Trace) -> list:
    """The arrays of the surroundings that a later call may find changed.

    Not those that `f` itself changes while it runs: it fills them anew each time.
    """
    return [(x, first) for x, first, last in trace.watched.values()
            if first == last == (x.shape, x.dtype.str, x.tobytes())]


def _with_guards(trace: Trace, outputs: list) -> Any:
    return trace.program([*outputs, *(condition for condition, _ in trace.guards)])


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


def _names(compiled: Compiled, call: Call) -> list[str]:
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
