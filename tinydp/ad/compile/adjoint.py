"""The adjoint of a program is a program: the tape's own sweep, over values that are not known yet.

    >>> import numpy as np
    >>> from .trace import Trace, traced
    >>> def f(x):
    ...     y = np.sin(x)
    ...     return x * y
    >>> program = traced(f, 2.0)
    >>> print(program)
    given x: f
    y: f = sin(x)
    t: f = multiply(x, y)
    return t
    >>> with Trace().writing():
    ...     print(adjoint(program, [0], [0]))
    given x: f, g: f
    y: f = sin(x)
    t: f = multiply(g, y)
    g_y: f = multiply(g, x)
    t_1: f = cos(x)
    t_2: f = multiply(g_y, t_1)
    g_x: f = add(t, t_2)
    return g_x

Each operation is recorded once more, and on a tape, as the node that it would be in a plain program; then the
tape is swept, and the rules, NumPy functions of the values, record the backward pass. So there is one table
of rules, and the adjoint of an adjoint needs nothing new.
"""

from typing import Any

import numpy as np

from ..errors import NotDifferentiableError, place_of
from ..parts import dense
from ..primitives import FlatPrimitive
from ..tape import Var
from ..values import plain
from ..watch import close_tape, open_tape, tracer
from .kinds import constant, of_64_bits
from .loops import EVENT, RegionPrimitive
from .marks import Marked
from .phis import without_phis
from .program import Op, Program, Value, example_of
from .proxy import Proxy, call_cotangent
from .raising import flagged
from .record import Builder, zeros


def adjoint(program: Program, wrt: list[int], seeded: list[int], primal: bool = False) -> Program:
    """The program from the inputs and the cotangents of these outputs to those of the inputs `wrt`.

    With `primal`, it returns the outputs as well, before them. Where a rule of the user's may raise, there is
    a flag behind them, see `raising.py`.
    """
    key = (tuple(wrt), tuple(seeded), primal)
    if key not in program.adjoints:
        builder = Builder()
        with tracer().apart(builder):
            program.adjoints[key] = _adjoint(builder, program, wrt, seeded, primal)
    return program.adjoints[key]


def _adjoint(builder: Builder, program: Program, wrt: list[int], seeded: list[int], primal: bool) -> Program:
    replay = Replay(builder, program, wrt)
    outputs = replay.run()
    seeds = {k: Proxy(builder, builder.adopt(_seed(program.outputs[k], outputs[k]))) for k in seeded}
    results = [*map(plain, outputs)] * primal + replay.pulled(seeds)
    return without_phis(builder.program(flagged(builder, [value_of(x) for x in results])))


def _seed(x: Any, y: Any) -> Value:
    """The cotangent of the output that `x` is there and `y` here."""
    y = plain(y)
    return Value(np.array(zeros(x)) if np.shape(example_of(x)) else 1.0,
                 of=y.value if isinstance(y, Proxy) else None)


def value_of(x: Any) -> Any:
    """A result as an output of a program: a value, or a constant."""
    x = constant(x)
    x = tracer().arrays.kept(of_64_bits(x))
    return x.value if isinstance(x, Proxy) else x


class Replay:
    """A program that is run again, on a tape."""

    def __init__(self, builder: Builder, program: Program, wrt: list[int]):
        self.builder, self.program, self.tape = builder, program, open_tape()
        self.values: dict[Value, Value] = {}     # what stands for the program's values here
        self.variables: dict[Value, Any] = {}    # ... on the tape
        for k, x in enumerate(program.inputs):
            self.values[x] = builder.adopt(x.again(None))
            if k in wrt:
                self.variables[x] = self.tape.input(Proxy(builder, self.values[x]))
        self.active = [self.variables[program.inputs[k]] for k in wrt]       # what to differentiate by

    def run(self) -> list:
        """The outputs, those that depend on the active inputs as variables of the tape."""
        trace = tracer()
        for op in self.program.ops:
            with trace.at(op.spot, op.back):
                self.again(op)
        close_tape(self.tape)
        return [self.given(x) for x in self.program.outputs]

    def pulled(self, seeds: dict[int, Any]) -> list:
        """The cotangents of the active inputs, for those of some outputs."""
        outputs = [self.given(x) for x in self.program.outputs]
        self.tape.sweep([(y, seeds[k]) for k, y in enumerate(outputs) if k in seeds and type(y) is Var])
        found = [dense(x.g) if x.g is not None else zeros(plain(x)) for x in self.active]
        for x, g in zip(self.active, found, strict=True):
            call_cotangent(g, x)
        return found

    def given(self, x: Any) -> Any:
        """What stands for a value or a constant here: a variable, a proxy, or itself."""
        if type(x) is not Value:
            return x
        return self.variables[x] if x in self.variables else Proxy(self.builder, self.values[x])

    def again(self, op: Op) -> None:
        """Record one operation, on the tape as well if it moves with the active inputs."""
        if not dependent_results(op, self.variables):
            if op.prim is EVENT and any(x in self.variables for x in op.operands):
                op = op.with_(options=op.options | {"differentiated": True})
            self.builder.again(op, self.values)
            return
        args = tuple(map(self.given, op.args))
        if isinstance(op.prim, RegionPrimitive):
            results = op.prim(*args, **op.options)
        elif isinstance(op.prim, Marked):
            self.builder.again(op, self.values)
            values = tuple([Proxy(self.builder, self.values[x]) for x in op.outs])
            results = op.prim.on_tape(self.tape, args, values, op.options)
        else:
            self.builder.again(op, self.values)
            made = tuple([Proxy(self.builder, self.values[x]) for x in op.outs])
            prim = op.prim if op.back else op.prim.met(*args)
            y = prim.record(self.tape, made if len(made) > 1 else made[0], args, op.options)
            results = y if len(made) > 1 else [y]
        for x, y in zip(op.outs, results, strict=True):
            self.values[x] = plain(y).value
            if type(y) is Var:
                self.variables[x] = y


def dependent_results(op: Op, on: Any) -> list[Value]:
    """The results of an operation that depend smoothly on some of the values `on`."""
    given = [k for k, x in enumerate(op.args) if type(x) is Value and x in on]
    prim = op.prim
    if isinstance(prim, RegionPrimitive):
        places = prim.moved_at(op.options, given) if given else []
        return [op.outs[k] for k in places if op.outs[k].kind == "f"]
    if isinstance(prim, FlatPrimitive) or op.outs[0].kind != "f":
        return []
    if isinstance(prim, Marked):
        prim.require_rule(op, given)
        return op.outs if given else []
    for k in given:
        if not prim.each and (k >= len(prim.rules) or prim.rules[k] is None):
            _refuse(op, k)
    return op.outs if given else []


def _refuse(op: Op, k: int) -> None:
    try:
        op.prim.refuse(k)
    except NotDifferentiableError as error:
        raise type(error)(error.what, error.advice, place_of(op.spot) if op.spot else None) from None


def active(program: Program, wrt: list[int]) -> set[Value]:
    """The values that depend smoothly on the inputs `wrt`."""
    on = {program.inputs[k] for k in wrt}
    for op in program.ops:
        on.update(dependent_results(op, on))
    return on
