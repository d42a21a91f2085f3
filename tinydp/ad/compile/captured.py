"""Large arrays that a function finds by name: given to its program at each call, as arguments are.

A compiled program holds what the function finds around it, and each call looks whether that has changed. Of
a large array that takes longer than the program. So one that the function reads by a name of its own, in a
cell of its closure or in its globals, becomes an argument that nobody sees: what counts is what is in it, and
at the name, when the program is called.

    >>> a = np.arange(4096.0).reshape(64, 64)
    >>> f = lambda x: a @ x
    >>> captured = Captured(f)
    >>> [(name, x.shape) for name, x in captured.found().items()]
    [('a', (64, 64))]
    >>> captured.function({"a": 2.0 * np.eye(64)})(np.ones(64))[:3]
    array([2., 2., 2.])

While the function is traced, such a name has a value that is not known yet. That is not done for a function
that asks for classes or its own globals, nor if one asks whether two things are one, nor where a trial finds
that it cannot be traced so, or that something but single numbers is computed of such arrays alone: of
constants that is done once.
"""

import dis
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..tape import Var
from ..twins import twin
from ..watch import comparing, tracer
from .arguments import as_argument
from .operations import VIEWS
from .program import Program, Value
from .surroundings import ATTRIBUTE, ITEM

LEAST_CAPTURED = 2**12                           # elements: to compare fewer takes no time to speak of
ASKING_NAMES = frozenset((
    "isinstance", "issubclass", "type", "id", "globals", "locals", "vars", "eval", "exec"))


class Captured:
    """The names by which a function may find such arrays."""

    def __init__(self, f: Callable, is_asked_for: bool = True):
        self.f: Any = f
        self.cells: dict[str, Any] = {}
        self.globals: list[str] = []
        if type(f) is not types.FunctionType or not is_asked_for:
            return
        codes = [*_codes(f.__code__)]
        if any(not ASKING_NAMES.isdisjoint(code.co_names) for code in codes):
            return
        steps = [(x.opname, x.argval) for code in codes for x in dis.get_instructions(code)]
        if any(name in ("STORE_GLOBAL", "DELETE_GLOBAL") for name, _ in steps):
            return                               # what it binds anew is to be seen by others
        written = {x for name, x in steps if name in ("STORE_DEREF", "DELETE_DEREF")}
        self.globals = sorted({x for name, x in steps if name == "LOAD_GLOBAL"})
        self.cells = {name: cell for name, cell in zip(
            f.__code__.co_freevars, f.__closure__ or (), strict=True) if name not in written}

    def found(self) -> dict[str, np.ndarray]:
        """The arrays that are there now."""
        around = getattr(self.f, "__globals__", {})
        there: dict[str, Any] = {name: x for name in self.globals if _is_large(x := around.get(name))}
        for name, cell in self.cells.items():
            try:
                x = cell.cell_contents
            except ValueError:                   # nothing is bound
                continue
            if _is_large(x):
                there[name] = x
        return there

    def places(self, names: Any) -> dict[str, str]:
        """Where these are found, as Python: an expression of `cell_...` or of `globals_`."""
        return {name: f"cell_{name}.cell_contents" if name in self.cells else f"globals_[{name!r}]"
                for name in names}

    def keys(self, names: Any) -> frozenset:
        """The same as keys of what is read, see `surroundings.py`."""
        return frozenset((id(self.cells[name]), ATTRIBUTE, "cell_contents") if name in self.cells
                         else (id(self.f.__globals__), ITEM, name) for name in names)

    def function(self, values: dict[str, Any]) -> Callable:
        """The function that finds these values instead."""
        f = self.f
        cells = tuple([types.CellType(values[name]) if name in values and name in self.cells else cell
                       for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)])
        own = {name: x for name, x in values.items() if name not in self.cells}
        new = types.FunctionType(f.__code__, {**f.__globals__, **own} if own else f.__globals__, f.__name__,
                                 f.__defaults__, cells)
        new.__kwdefaults__, new.__qualname__, new.__module__ = f.__kwdefaults__, f.__qualname__, f.__module__
        vars(new).update(vars(f))
        return new


class TakesCaptured:
    """What `Compiled` does to take them as arguments."""

    f: Callable
    filled: Callable
    captured: Captured
    made: Any

    def _with_captured(self, call: Any, found: dict) -> Any:
        """The call with arrays around as its last leaves, if they can be arguments."""
        form = *call.form, ("captured", *((name, x.shape) for name, x in found.items()))
        new = call._replace(form=form, leaves=[*call.leaves, *found.values()], captured=tuple(found))
        is_possible = self.made.captures.get(form)
        if is_possible is None:
            if tracer() is not None or comparing.get():
                return call
            values = [as_argument(x.value) if type(x) is Var else x for x in new.leaves]
            if any(type(x) is Var for x in values):
                return call
            from .build import can_be_given  # noqa: PLC0415  (it builds on this file)

            is_possible = self.made.captures[form] = can_be_given(self, new, values)
        return new if is_possible else call

    def applied(self, call: Any, leaves: Any) -> Any:
        """`f`, of these leaves in place of those of the call."""
        leaves = list(leaves)
        args, kwargs = self.filled(call, leaves)
        n = len(leaves) - len(call.captured)
        if not call.captured:
            return twin(self.f)(*args, **kwargs)
        f = self.captured.function(dict(zip(call.captured, leaves[n:], strict=True)))
        return twin(f)(*args, **kwargs)


def asks_for_identity(f: types.FunctionType) -> bool:
    """Whether a function asks if two things are one, be it by `in`, which is not told of unknown values."""
    return any(x.opname in ("IS_OP", "CONTAINS_OP") for code in _codes(f.__code__)
               for x in dis.get_instructions(code))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function, and that of the functions within it."""
    yield code
    for x in code.co_consts:
        if isinstance(x, types.CodeType):
            yield from _codes(x)


def _is_large(x: Any) -> bool:
    return (type(x) is np.ndarray and x.size >= LEAST_CAPTURED and x.dtype == np.float64 and x.ndim > 0
            and x.flags.c_contiguous and x.flags.aligned and x.flags.writeable)


def computes_alone(program: Program, arrays: list[Value]) -> bool:
    """Whether an array that is no view is computed of these inputs alone: of constants that is done once."""
    known = set(arrays)
    for op in program.ops:
        operands = list(op.operands)
        if not operands:
            continue
        if all(x in known for x in operands) and not op.bodies:
            if op.name not in VIEWS and any(x.shape for x in operands):
                return True
            known.update(op.outs)
        for body in op.bodies:
            inside = [y for x, y in zip(reversed(op.args), reversed(body.inputs), strict=False)
                      if type(x) is Value and x in known and x.shape == y.shape]
            if inside and computes_alone(body, inside):
                return True
    return False
