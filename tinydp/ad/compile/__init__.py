"""`compile(f)`: the program that `f` is, and its adjoint, as readable source run by Numba.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> @compile
    ... def f(x, y):
    ...     angle = x * y
    ...     return np.sin(angle) + x
    >>> f(2.0, 0.0), grad(f)(2.0, 0.0)
    (2.0, 1.0)
    >>> print(f.source.partition("def ")[2])              # doctest: +ELLIPSIS
    f(x, y):
        # ...: angle = x * y
        angle = x * y
        # ...: return np.sin(angle) + x
        return sin(angle) + x,
    <BLANKLINE>

What happens: `f` is called once, with values that write down what is done with them
(`trace.py`); loops stay loops (`loops.py`); the tape's sweep over the same values writes the
adjoint; both are turned into source (`source.py`) and compiled (`cache.py`).
"""

import functools
import math
import numbers
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ClosureError, DtypeError, NotCompiledError
from ..primitives import dense, pick
from ..tape import Node, Var
from ..transforms import vjp
from ..values import abstract, shape, youngest
from ..watch import tracer


def compile(f: Callable | None = None, *, static: tuple[str | int, ...] | str = ()) -> Any:      # noqa: A001
    """A function equal to `f`, that runs as machine code, and so does its gradient. Also a decorator.

    `f` is traced at the first call with arguments of new structure or shapes: numbers (integers are
    taken as floats), arrays, nested structures of them. Strings, booleans, None and functions among
    the arguments are fixed parts of the program, and so are arguments named in `static` (names, or
    positions), such as a number of steps: for a new value, `f` is traced anew. What `f` finds in its
    surroundings is read when it is traced; arrays there may change their content later.

    `.source` and `.adjoint_source` are what Numba compiled last, `.forget()` drops all programs.
    Derivatives of higher order differentiate `f` itself, at the speed of an ordinary tape.

    Raises `BranchError` where `f` asks for the value of a condition, and `NotCompiledError` for a
    function that cannot be compiled; both name your line and what to write instead.
    """
    if f is None:
        return functools.partial(compile, static=static)
    return Compiled(f, (static,) if isinstance(static, (str, int)) else tuple(static))


class Program(NamedTuple):
    """A compiled program: the function, its source, and how its results are put together."""

    run: Callable
    source: str
    file: str
    constants: list
    unflatten: Callable                  # from the results to the structure that `f` returned
    results: int                         # how many they are
    real: list[int]                      # those of them that have a derivative
    scalar: bool                         # one real number: value and gradient come together


class Compiled:
    """What `compile` returns."""

    def __init__(self, f: Callable, static: tuple):
        if not callable(f):
            raise TypeError(f"compile needs a function, not {f!r}")
        functools.update_wrapper(self, f, updated=())
        self.f, self.static = f, static
        self._programs: dict[Any, Program] = {}
        self._lock = threading.RLock()
        self._last: tuple | None = None
        self._positions, self._names = self._static_places(f, static)

    def __repr__(self) -> str:
        return f"<compiled {_name(self.f)}>"

    def __reduce__(self) -> tuple:
        return Compiled, (self.f, self.static)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @staticmethod
    def _static_places(f: Callable, static: tuple) -> tuple[set, set]:
        from ..primitives import parameters_of   # noqa: PLC0415

        order = [p.name for p in parameters_of(f)]
        names = {order[x] if isinstance(x, int) else x for x in static}
        unknown = [name for name in names if order and name not in order]
        if unknown:
            raise ValueError(f"static={unknown[0]!r} is not a parameter of {_name(f)}: "
                             f"it has {', '.join(order)}.")
        return {k for k, name in enumerate(order) if name in names}, names

    # -- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves: list[Any] = []
        key = (tuple([_fixed(x) if k in self._positions else _form(x, leaves) for k, x in enumerate(args)]),
               tuple([(name, _fixed(x) if name in self._names else _form(x, leaves))
                      for name, x in sorted(kwargs.items())]) if kwargs else ())
        tape = youngest(leaves)
        if tracer() is not None or any(abstract(x) for x in leaves):
            return self.f(*args, **kwargs)       # a part of a program around
        if tape is None:
            program = self._program(key, args, kwargs, leaves, None)
            try:
                results = program.run(*leaves, *program.constants)
            except ArithmeticError:
                return self.f(*args, **kwargs)   # knows what happened
            return program.unflatten(list(results))
        active = tuple([k for k, x in enumerate(leaves) if type(x) is Var])
        values = [x.value if type(x) is Var else x for x in leaves]
        if any(type(x) is Var for x in values) or any(leaves[k].tape is not tape for k in active):
            return self.f(*args, **kwargs)       # a derivative of higher order
        values = [_as_argument(x) for x in values]
        program = self._program((key, active), args, kwargs, values, active)
        return self._recorded(tape, program, values, leaves, active, (args, kwargs))

    def _recorded(self, tape: Any, program: Program, values: list, leaves: list, active: tuple,
                  call: tuple) -> Any:
        """The result as one node of the tape."""
        gradients: Any = None
        try:
            if program.scalar:
                *results, finite = program.run(*values, *program.constants)
                results, gradients = results[: program.results], results[program.results:]
                if not finite:
                    gradients = None
            else:
                forward = self._program((None, call, active), *call, values, None) if False else None
                del forward
                results = list(self._plain(call, values))
        except ArithmeticError:
            return self.f(*call[0], **call[1])
        if not program.real:
            return program.unflatten(results)
        form = Kept(self, program, values, active, gradients, call)
        real = program.real
        if program.scalar:
            results[real[0]] = tape.record(OPERATION(self), results[real[0]], tuple(leaves), {"form": form})
        else:
            whole = tape.record(OPERATION(self), tuple([results[k] for k in real]), tuple(leaves),
                                {"form": form})
            for i, k in enumerate(real):
                results[k] = pick(whole, i)
        return program.unflatten(results)

    def _plain(self, call: tuple, values: list) -> list:
        """The results alone."""
        rest = iter(values)
        args = [x if k in self._positions else _refilled(x, rest) for k, x in enumerate(call[0])]
        kwargs = {name: x if name in self._names else _refilled(x, rest)
                  for name, x in sorted(call[1].items())}
        return tree.flatten(self(*args, **kwargs))[0]

    # -- programs

    def _program(self, key: Any, args: tuple, kwargs: dict, leaves: list, active: tuple | None) -> Program:
        program = self._programs.get(key)
        if program is None:
            with self._lock:
                program = self._programs.get(key)
                if program is None:
                    from .build import build     # noqa: PLC0415  (Numba, only now)

                    program = self._programs[key] = build(self, args, kwargs, leaves, active)
        self._last = (args, kwargs)
        return program

    def forget(self) -> None:
        """Drop all programs; the next call traces `f` anew."""
        self._programs.clear()

    @property
    def source(self) -> str:
        """The program that was run last, as Python source."""
        return self._shown(False).source

    @property
    def adjoint_source(self) -> str:
        """Its adjoint: the value and, backwards from it, the gradient with respect to all real arguments."""
        return self._shown(True).source

    def _shown(self, adjoint: bool) -> Program:
        if self._last is None:
            raise NotCompiledError(f"{_name(self.f)} was not called yet, and its source depends on the arguments.",
                                   "call it once.")
        args, kwargs = self._last
        leaves: list[Any] = []
        key = (tuple([_fixed(x) if k in self._positions else _form(x, leaves) for k, x in enumerate(args)]),
               tuple([(name, _fixed(x) if name in self._names else _form(x, leaves))
                      for name, x in sorted(kwargs.items())]) if kwargs else ())
        values = [_as_argument(x.value if type(x) is Var else x) for x in leaves]
        if not adjoint:
            return self._program(key, args, kwargs, values, None)
        active = tuple([k for k, x in enumerate(values) if not _is_bool(x)])
        return self._program((key, active), args, kwargs, values, active)


class Kept(NamedTuple):
    """What the node of a compiled call keeps for its pullback."""

    compiled: Compiled
    program: Program
    values: list
    active: tuple
    gradients: list | None               # of one real number, by the active arguments
    call: tuple


class OPERATION:                                 # noqa: N801
    """The operation of a compiled call's node."""

    rules = ()
    loop = False

    def __init__(self, compiled: Compiled):
        self.name = _name(compiled.f)

    def pull(self, node: Node, g: Any) -> list:
        """The adjoint program's results, for the cotangent that arrived."""
        form: Kept = node.kwargs["form"]
        g = dense(g)
        gradients = form.gradients
        if not form.program.scalar and not any(type(x) is Var for x in g):
            *gradients, finite = form.program.run(*form.values, *g, *form.program.constants)
            gradients = gradients if finite else None
        elif form.program.scalar and gradients is not None:
            gradients = [g * c for c in gradients] if type(g) is not float or g != 1.0 else gradients
        else:
            gradients = None
        if gradients is None:
            gradients = _by_tape(form, g)
        return [(node.args[k], c) for k, c in zip(form.active, gradients, strict=True)]


def _by_tape(form: Kept, g: Any) -> list:
    """The same by an ordinary tape, which knows what to do at a singular point."""
    compiled, active = form.compiled, form.active

    def of_active(*xs: Any) -> Any:
        values = list(form.values)
        for k, x in zip(active, xs, strict=True):
            values[k] = x
        rest = iter(values)
        args = [x if k in compiled._positions else _refilled(x, rest) for k, x in enumerate(form.call[0])]
        kwargs = {name: x if name in compiled._names else _refilled(x, rest)
                  for name, x in sorted(form.call[1].items())}
        results = tree.flatten(compiled.f(*args, **kwargs))[0]
        return tuple(results[k] for k in form.program.real)

    _, pullback = vjp(of_active, *(form.values[k] for k in active))
    return list(pullback((g,) if form.program.scalar else tuple(g)))


# ---------------------------------------------------------------------------- arguments

def _form(x: Any, leaves: list) -> Any:
    """The structure of an argument, as a key; its numbers and arrays are appended to `leaves`."""
    kind = type(x)
    if kind is float:
        leaves.append(x)
        return float
    if kind is np.ndarray:
        leaves.append(_as_argument(x))
        return (x.shape, x.dtype.kind == "b") if x.ndim else float
    if kind is Var:
        leaves.append(x)
        return (shape(x), False) if shape(x) else float
    if kind is tuple or kind is list or (isinstance(x, tuple) and hasattr(x, "_fields")):
        return (kind, tuple([_form(child, leaves) for child in x]))
    if isinstance(x, dict):
        return (kind, tuple([(name, _form(child, leaves)) for name, child in x.items()]))
    if abstract(x):
        leaves.append(x)
        return None
    if isinstance(x, numbers.Real) and kind is not bool and kind is not np.bool_:
        leaves.append(float(x))
        return float
    return _fixed(x)


def _refilled(x: Any, rest: Any) -> Any:
    """An argument with other numbers and arrays in place of its own."""
    kind = type(x)
    if kind is tuple or kind is list:
        return kind([_refilled(child, rest) for child in x])
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return kind(*[_refilled(child, rest) for child in x])
    if isinstance(x, dict):
        return tree.rebuild(x, [_refilled(child, rest) for child in x.values()])
    if kind is Var or kind is np.ndarray or abstract(x) or (
            isinstance(x, numbers.Real) and kind is not bool and kind is not np.bool_):
        return next(rest)
    return x


def _fixed(x: Any) -> Any:
    """A part of the program itself, as a key."""
    try:
        hash(x)
    except TypeError:
        raise DtypeError(f"a {type(x).__name__} cannot be an argument of a compiled function.",
                         "pass numbers, arrays or structures of them; fixed arguments must be hashable.") from None
    return ("fixed", type(x), x)


def _as_argument(x: Any) -> Any:
    """A leaf as compiled functions take it: a float, or a C-contiguous array of its own kind."""
    if type(x) is not np.ndarray:
        return float(x) if isinstance(x, (np.generic, int)) and not _is_bool(x) else x
    if not x.ndim:
        return x.item()
    if x.dtype == np.float64 and x.flags.c_contiguous and x.flags.writeable and x.flags.aligned:
        return x
    if x.dtype.kind not in "fiub":
        raise DtypeError(f"an array of dtype {x.dtype} cannot be an argument of a compiled function.",
                         "pass arrays of real numbers or booleans.")
    return np.array(x, dtype=np.bool_ if x.dtype.kind == "b" else np.float64, order="C")


def _is_bool(x: Any) -> bool:
    return isinstance(x, (bool, np.bool_)) or (isinstance(x, np.ndarray) and x.dtype.kind == "b")


def _name(f: Callable) -> str:
    return getattr(f, "__name__", type(f).__name__)


_ = math, ClosureError
