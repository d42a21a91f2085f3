"""Identities that keep paths apart for as long as a program is differentiated; then they are removed.

- `alias`: a variable to differentiate by. Where `grad(f)(x)` is a part of the program, `x` inside of `f` is
  another value than `x` outside, though it is the same number.
- `stopped`: no path leads through it: `dp.stop_gradient`.
- `marked`: the results of a function with a gradient of its own. What it computes is recorded as any other
  program, of stopped arguments; the derivative goes past that, to the arguments, by the function's rule.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> from .trace import traced
    >>> program = traced(lambda x: grad(lambda z: np.sin(z) * x)(x), 2.0)
    >>> print(program)
    given x: f
    x_1: f = alias(x, n=1)
    t: f = cos(x_1)
    t_1: f = multiply(x, t)
    return t_1
    >>> print(undressed(program))
    given x: f
    t: f = cos(x)
    t_1: f = multiply(x, t)
    return t_1
"""

import functools
from numbers import Real
from types import FunctionType
from typing import Any

from .. import tree
from ..custom import CallResiduals, Custom
from ..errors import ClosureError, place_of
from ..parts import RESIDUALS
from ..primitives import FlatPrimitive, Primitive, pick
from ..tape import Tape
from ..values import youngest
from .program import Op, Program, Value, replaced
from .proxy import Proxy, recorded


class Alias(Primitive):
    """The operation `alias(x, n)`; `n` tells it apart from all others."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        if youngest(args) is not None:
            return super().__call__(*args, **options)
        return recorded(self, args, options)[0]


ALIAS = Alias(lambda x, n: x, "alias")
ALIAS.rules = (lambda g, y, x, n: g,)
STOPPED = FlatPrimitive(lambda x, n=0: x, "stopped")


class MarkForm:
    """How the operands of a `marked` operation make up a call, and its results."""

    def __init__(self, custom: Custom, call: Any, result: Any, real: list[int], results: int, options: dict):
        self.custom, self.call, self.result, self.options = custom, call, result, options
        self.real, self.results = real, results  # which results are real numbers, of how many
        self.held: list = []                     # by the function: it tells it apart from others
        self.serial = repr([_told(f, self.held) for f in (custom.fn, custom.vjp, *custom.rules)])

    @property
    def others(self) -> list[int]:
        """Which results are not: conditions."""
        return [k for k in range(self.results) if k not in self.real]

    def key(self, leaves: int) -> str:
        """What is equal for equal calls of functions with the same code."""
        code = [getattr(f, "__code__", f) for f in (self.custom.fn, self.custom.vjp)]
        return repr((code, self.real)) + tree.signature(
            (self.call([*range(leaves)]), self.options, self.result([*range(self.results)])))

    def __repr__(self) -> str:
        return self.custom.name


class Marked(Primitive):
    """The operation `marked(*real results, *other results, *arguments, form=...)`."""

    def require_rule(self, op: Op, given: list[int]) -> None:
        """Raise unless the function has a rule for these operands, and has its values from them."""
        form: MarkForm = op.options["form"]
        place = place_of(op.spot) if op.spot else None
        if any(k < form.results for k in given):
            raise ClosureError(
                f"{form.custom.name} used a traced value that is not one of its arguments, and its "
                "rule would lose that derivative.", "pass the value as an argument.", place)

    def on_tape(self, tape: Tape, args: tuple, values: tuple, options: dict) -> list:
        """The results, as one node of the tape, whose pullback is the function's own."""
        mark: MarkForm = options["form"]
        n = len(mark.real)
        constants = dict(zip(mark.others, args[n: mark.results], strict=True))
        saved = CallResiduals(mark.call, mark.result, constants, [0.0] * n, frozenset())
        leaves = args[mark.results:]
        mark.custom._require_rules(mark.call(list(leaves)), tape)
        node = tape.record(mark.custom, values, leaves, {RESIDUALS: saved, **mark.options})
        return [pick(node, i) for i in range(n)]


def _told(x: Any, held: list) -> Any:
    """What tells a function apart: its code, and what it holds. All of that goes into the list.

    A step that is run on several ways makes functions anew in each run, and they are the same to a program.
    """
    if isinstance(x, (str, Real)):
        return type(x).__name__, repr(x)
    if any(x is known for known in held):        # perhaps it holds itself
        return id(x)
    held.append(x)                               # so that nothing else gets its identity
    if isinstance(x, functools.partial):
        return [_told(part, held) for part in (x.func, *x.args, *x.keywords.values())], [*x.keywords]
    if isinstance(x, FunctionType):
        cells = [_content(cell) for cell in x.__closure__ or ()]
        parts = *cells, *(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()
        return id(x.__code__), [_told(part, held) for part in parts]
    return id(x.value if isinstance(x, Proxy) else x)


def _content(cell: Any) -> Any:
    """What is in the cell of a variable; None if there is nothing yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _marked(*args: Any, form: MarkForm, key: str, serial: str) -> tuple:
    return args[: len(form.real)]


MARKED = Marked(_marked, "marked")


def is_mark(prim: Any) -> bool:
    """Whether an operation is one of these, and its first operands are its results."""
    return prim is ALIAS or prim is STOPPED or prim is MARKED


def undressed(program: Program) -> Program:
    """The program without these, after the last differentiation."""
    same: dict[Value, Any] = {}                  # their results -> what these are
    ops = []
    for old in program.ops:
        op = old.given(same)
        if is_mark(op.prim):
            same.update(zip(op.outs, op.args, strict=False))
        else:
            ops.append(op.within(undressed))
    if not same and all(new is old for new, old in zip(ops, program.ops, strict=True)):
        return program
    return Program(program.inputs, ops, [replaced(x, same) for x in program.outputs])
