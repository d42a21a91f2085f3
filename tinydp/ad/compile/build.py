"""The steps of compiling one function for arguments of one form: trace, write, compile."""

import re
from typing import Any

import numpy as np

from .. import tree
from ..errors import ClosureError, DtypeError
from ..tape import Var
from ..transforms import vjp
from . import Compiled, Program, _is_bool, _name, _refilled
from .cache import load
from .source import write_function
from .trace import Sym, Trace, constant


def build(compiled: Compiled, args: tuple, kwargs: dict, leaves: list, active: tuple | None) -> Program:
    """Trace and compile `compiled.f`; with `active`, its adjoint by these of the leaves."""
    trace = Trace()
    inputs = [trace.input(x) for x in leaves]
    names = _names(compiled, args, kwargs)
    name = re.sub(r"\W+", "_", _name(compiled.f)).strip("_") or "f"
    name = name if name[0].isalpha() else f"f_{name}"
    with trace.writing(), np.errstate(all="ignore"):
        if active is None:
            results, unflatten = _called(compiled, args, kwargs, inputs)
            outputs = [_output(x) for x in results]
            source = write_function(name, f"{name}, traced by tinydp.", trace.program(outputs), names)
            run, file = load(name, source.text)
            return Program(run, source.text, file, source.constants, unflatten, len(results), [], False)
        form: dict[str, Any] = {}

        def of_active(*xs: Any) -> Any:
            values: list[Any] = list(inputs)
            for k, x in zip(active, xs, strict=True):
                values[k] = x
            results, form["unflatten"] = _called(compiled, args, kwargs, values)
            form["results"] = results
            form["real"] = [k for k, x in enumerate(results) if _is_real(x)]
            return [results[k] for k in form["real"]]

        _, pullback = vjp(of_active, *(inputs[k] for k in active))
        values = [_output(x.value if type(x) is Var else x) for x in form["results"]]
        real = form["real"]
        scalar = len(real) == 1 and np.shape(values[real[0]]) == ()
        if scalar:
            seeds: list[Any] = [1.0]
        else:
            seeds = [trace.input(np.ones(np.shape(values[k])) if np.shape(values[k]) else 1.0) for k in real]
            names += [f"g_result{k}" if len(values) > 1 else "g" for k in real]
        gradients = [_output(x) for x in pullback(seeds)] if real else []
        outputs = [*(values if scalar else []), *gradients]
        program = trace.program(outputs)
        source = write_function(f"adjoint_of_{name}", f"The adjoint of {name}, swept by tinydp.", program,
                                names, len(values) if scalar else 0)
    run, file = load(f"adjoint_of_{name}", source.text)
    return Program(run, source.text, file, source.constants, form["unflatten"], len(values), real, scalar)


def _called(compiled: Compiled, args: tuple, kwargs: dict, leaves: list) -> tuple[list, Any]:
    """The results of `f` with these leaves in its arguments."""
    rest = iter(leaves)
    full = [x if k in compiled._positions else _refilled(x, rest) for k, x in enumerate(args)]
    options = {name: x if name in compiled._names else _refilled(x, rest) for name, x in sorted(kwargs.items())}
    return tree.flatten(compiled.f(*full, **options))


def _output(x: Any) -> Any:
    if type(x) is Var:
        raise ClosureError("a compiled function used a traced value that is not one of its arguments.",
                           "pass the value as an argument.")
    x = constant(x)
    if not isinstance(x, (Sym, float, int, bool, np.ndarray)):
        raise DtypeError(f"a compiled function returned a {type(x).__name__}.",
                         "return numbers, arrays, or structures of them.")
    return x


def _is_real(x: Any) -> bool:
    while type(x) is Var:
        x = x.value
    if isinstance(x, Sym):
        return x.kind == "f"
    return isinstance(x, (float, np.floating, np.ndarray)) and not _is_bool(x)


def _names(compiled: Compiled, args: tuple, kwargs: dict) -> list[str]:
    """A name for each leaf of the arguments: `x`, or `params_0_weight`."""
    from ..show import _argument_names           # noqa: PLC0415

    kept = tuple(() if k in compiled._positions else _without_fixed(x) for k, x in enumerate(args))
    found = _argument_names(compiled.f, kept)
    for name, x in sorted(kwargs.items()):
        if name not in compiled._names:
            found += [name + path for path, _ in tree.leaves(_without_fixed(x))]
    return found


def _without_fixed(x: Any) -> Any:
    """An argument without what is a fixed part of the program."""
    return tree.map(lambda leaf: leaf if _is_leaf(leaf) else None, x)


def _is_leaf(x: Any) -> bool:
    marks: list[Any] = []
    _refilled(x, _Counting(marks))
    return bool(marks)


class _Counting:
    """An iterator that counts how often it was asked."""

    def __init__(self, marks: list):
        self.marks = marks

    def __iter__(self) -> "_Counting":
        return self

    def __next__(self) -> None:
        self.marks.append(None)
