"""Writing a program down, operation by operation, so that equal operations are one.

    >>> from ..registry import registered
    >>> builder = Builder()
    >>> x = builder.input(2.0, "x")
    >>> (a,) = builder.record(registered(np.sin), (x,), {})
    >>> (b,) = builder.record(registered(np.sin), (x,), {})
    >>> a is b
    True
    >>> print(builder.program([a]))
    given x: f
    t: f = sin(x)
    return t

A builder within another one writes the body of a loop. What the body uses of the program around is
captured: it becomes an input of the body, and an operand of the loop.

    >>> inside = Builder(builder)
    >>> (y,) = inside.record(registered(np.multiply), (inside.input(1.0, "carry"), a), {})
    >>> body, captured = inside.closed([y])
    >>> captured == [a]
    True
    >>> print(body)
    given carry: f, t: f
    t_1: f = multiply(carry, t)
    return t_1
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import ConversionError, DtypeError, Spot
from ..values import shape
from .actual import results_at
from .program import Op, Program, Value, example_of, examples_of, known, replaced, values_in

_innermost: ContextVar["Builder | None"] = ContextVar("innermost", default=None)


def under_way() -> "Builder | None":
    """The builder of the program that is being written down here, if there is one."""
    return _innermost.get()


def innermost() -> "Builder":
    """The builder of the program that is being written down here."""
    builder = _innermost.get()
    if builder is None:
        raise ConversionError("a value of a program that was compiled before was used again.",
                              "pass it as an argument.")
    return builder


class Run:
    """One of several runs, each of which finds again what the others wrote down: on the ways of a step, or
    to see whether it is the same again.

    Where an operation is written down may depend on whether it was done before. That is to say in this run:
    what another one did later must not change it, be it in the program of the step or further out.
    """

    def __init__(self, builder: "Builder"):
        around = [*builder.and_around]
        self.start = {x: x.size for x in around}     # how many values each program had before the first run
        self.before: Run | None = next((x.run for x in around if x.run is not None), None)
        self.parted = {x.oracle: x.oracle.has_parted for x in around if x.oracle is not None}
        self.ever_parted = self.parted           # what holds of each oracle at the end, be it after any run
        self.order: list[Value] = []             # what was made in this one, or found again
        self.done: set[Value] = set()            # the same
        self.ever: dict[Value, None] = {}        # in any of the runs

    def begin(self) -> None:
        """Nothing was done yet, and nothing was asked."""
        self._part()
        for oracle, has_parted in self.parted.items():
            oracle.has_parted = has_parted
        self.order.clear()
        self.done.clear()

    def end(self) -> None:
        """There is no other run: what was done in any of them is done, and asked what was asked."""
        self._part()
        for oracle, has_parted in self.ever_parted.items():
            oracle.has_parted = has_parted
        if self.before is not None:
            self.before.note([*self.ever])

    def _part(self) -> None:
        self.ever_parted = {x: has_parted or x.has_parted for x, has_parted in self.ever_parted.items()}

    def note(self, found: list[Value]) -> None:
        """This was."""
        self.order += found
        self.done.update(found)
        self.ever.update(dict.fromkeys(found))

    def has(self, x: Value, builder: "Builder") -> bool:
        """Whether a value of a program was made in this run, or before all of them."""
        return x in self.done or (builder.number(x) < self.start[builder] and (
            self.before is None or builder not in self.before.start or self.before.has(x, builder)))


class Builder:
    """A program while it is written down."""

    def __init__(self, parent: "Builder | None" = None, guarded: bool = False):
        self.parent = parent
        self.trace_here: Any = None              # what is known of the function, for as long as it is run
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.guards: list | None = [] if guarded else None   # conditions that were decided: (value, truth)
        self.told: tuple[bool, ...] = ()         # how conditions turn out, as far as that is known
        self.oracle: Any = None                  # who decides conditions instead, in a step: see paths.py
        self.is_chosen = False                   # is it one of several programs, of which one is run?
        self.fine: list[Value] = []              # conditions that hold, or a tape has to look
        self.inputs: list[Value] = []
        self.ops: list[Op] = []
        self.maker: dict[Value, Op] = {}
        self.captured: dict[Value, Value] = {}   # a value of the program around -> what stands for it here
        self._known: dict[Any, list[Value]] = {}
        self._numbers: dict[Value, int] = {}     # of all values that belong here
        self._actual: dict[Value, Any] = {}
        self.loops = 0                           # how many operations have a body
        self.run: Any = None                     # the one under way, if it is one of several

    @classmethod
    def going_on(cls, program: Program) -> "Builder":
        """A builder that goes on where a program ends, with the program's own values and operations."""
        builder = cls()
        for x in program.inputs:
            builder.adopt(x)
        for op in program.ops:
            builder.keep(op)
        return builder

    @property
    def trace(self) -> Any:
        """What is known of the function that is being traced."""
        builder: Builder | None = self
        while builder is not None:
            if builder.trace_here is not None:
                return builder.trace_here
            builder = builder.parent
        raise ConversionError("a value of a program that was compiled before was used again.",
                              "pass it as an argument.")

    @contextlib.contextmanager
    def active(self) -> Iterator["Builder"]:
        """A context in which this is the innermost program."""
        token = _innermost.set(self)
        try:
            yield self
        finally:
            _innermost.reset(token)

    def _own(self, x: Value) -> Value:
        self._numbers[x] = len(self._numbers)
        return x

    @property
    def is_one_of_several(self) -> bool:
        """Whether what is written down now is not done on all ways."""
        return self.is_chosen or (self.oracle is not None and self.oracle.has_parted)

    def require(self, condition: Value) -> None:
        """Let a tape look, in the end, unless this condition holds."""
        if condition not in self.fine:
            self.fine.append(condition)

    @contextlib.contextmanager
    def requiring(self) -> Iterator[list[Value]]:
        """A context in which what is required is put into a list of its own."""
        before, self.fine = self.fine, []
        try:
            yield self.fine
        finally:
            self.fine = before

    @property
    def size(self) -> int:
        """How many values belong here."""
        return len(self._numbers)

    def number(self, x: Value) -> int:
        """The how-manieth of the values that belong here it is."""
        return self._numbers[x]

    def _key(self, name: str, args: tuple, options: dict) -> tuple:
        """What is equal for equal operations."""
        key = [known(x, self._numbers) for x in args]
        key += [(option, known(x, self._numbers)) for option, x in options.items()]
        return name, *key

    def input(self, example: Any, label: str = "") -> Value:
        """A value that the program is given."""
        return self.adopt(Value(example, label))

    def adopt(self, x: Value) -> Value:
        """The same for a value that was made elsewhere."""
        self.inputs.append(self._own(x))
        return x

    def lift(self, x: Any) -> Any:
        """A value of the program around, as one of this; constants as they are."""
        if type(x) is not Value or x in self._numbers:
            return x
        if x not in self.captured:
            if self.parent is None:
                raise ConversionError("a value of a program that was compiled before was used again.",
                                      "pass it as an argument.")
            self.parent.lift(x)
            self.captured[x] = self._own(x.again(x.of))
        return self.captured[x]

    def record(self, prim: Any, args: tuple, options: dict, spot: Spot | None = None, back: bool = False
               ) -> list[Value]:
        """The results of `prim(*args, **options)`: an operation is appended, unless there is an equal one."""
        args = tuple([self.lift(x) for x in args])
        key = self._key(prim.name, args, options)
        if key not in self._known:
            op = Op(prim, args, options, [], spot, back)
            examples = prim.examples(op) if op.bodies else examples_of(op, self._given(op))
            op.outs = [*map(Value, examples)]
            for x in op.outs:
                if x.kind not in "fbi":
                    raise DtypeError(f"{op.name} gave a result of dtype {np.asarray(x.example).dtype}.",
                                     "a program computes with real numbers and conditions.")
            self._append(op, key)
        return self._found(key)

    def _found(self, key: tuple) -> list[Value]:
        """The results of an operation that is there."""
        if self.run is not None:
            self.run.note(self._known[key])
        return self._known[key]

    def knows(self, prim: Any, args: tuple, options: dict) -> bool:
        """Whether an equal operation has been recorded here; if there are several runs, in this one."""
        args = tuple([self.captured.get(x, x) if type(x) is Value and x not in self._numbers else x
                      for x in args])
        if not all(x in self._numbers for x in values_in(args)):
            return False
        found = self._known.get(self._key(prim.name, args, options))
        return found is not None and (self.run is None or self.run.has(found[0], self))

    @property
    def and_around(self) -> Iterator["Builder"]:
        """This and those of the programs around, the outermost last."""
        builder: Builder | None = self
        while builder is not None:
            yield builder
            builder = builder.parent

    @contextlib.contextmanager
    def in_runs(self) -> Iterator[Run]:
        """A context in which all is written down again and again, here and around; `run` is under way."""
        builders, run = [*self.and_around], Run(self)
        before = [x.run for x in builders]
        for x in builders:
            x.run = run
        try:
            yield run
        finally:
            for x, run_before in zip(builders, before, strict=True):
                x.run = run_before
            run.end()

    def _given(self, op: Op) -> list:
        """Examples of the operands. Of a product, where no branch asks for its value, one term will do."""
        given = [*map(example_of, op.args)]
        if op.name == "matmul" and self.guards is None:
            a, b = given
            if a.shape[-1] == b.shape[-2 % b.ndim]:          # else NumPy says what is wrong
                return [a[..., :1], b[..., :1, :] if b.ndim > 1 else b[:1]]
        return given

    def again(self, op: Op, values: dict[Value, Any]) -> None:
        """Record an operation of another program here; `values` has what stands for the values there.

        Nothing is computed: its results are like those there.
        """
        args = tuple([self.lift(replaced(x, values)) for x in op.args])
        key = self._key(op.name, args, op.options)
        if key not in self._known:
            outs = [x.again(values.get(x.of, x.of)) for x in op.outs]        # type: ignore[arg-type]
            self._append(op.with_(args=args, outs=outs), key)
        values.update(zip(op.outs, self._found(key), strict=True))

    def keep(self, op: Op) -> None:
        """Append an operation of another program as it is; its results are the same values here."""
        self._append(op, self._key(op.name, op.args, op.options))

    def _append(self, op: Op, key: Any) -> None:
        self.ops.append(op)
        self.loops += bool(op.bodies)
        self._known.setdefault(key, op.outs)
        for x in op.outs:
            self.maker[self._own(x)] = op

    def emit(self, program: Program, args: list) -> list:
        """Record all of a program here, for these arguments; returns its outputs."""
        values: dict[Value, Any] = dict(zip(program.inputs, args, strict=True))
        for op in program.ops:
            self.again(op, values)
        return [replaced(x, values) for x in program.outputs]

    def actual(self, x: Value) -> Any:
        """What the value is for the inputs' examples; what a loop makes, an example is only like."""
        if self.loops == 0:
            return x.example
        for op in needed(self.ops, [x]):
            if op.outs[0] not in self._actual:
                given = [self._actual.get(a, a.example) if type(a) is Value else a for a in op.args]
                try:
                    self._actual.update(zip(op.outs, results_at(op, given), strict=True))
                except (ArithmeticError, np.linalg.LinAlgError):     # what a tape has to look at
                    return x.example
        return self._actual.get(x, x.example)    # an input is what it is

    def program(self, outputs: list) -> Program:
        """What the outputs need, as a program."""
        program, captured = self.closed(outputs)
        assert not captured
        return program

    def closed(self, outputs: list) -> tuple[Program, list[Value]]:
        """The same, with what it captures as its last inputs; and the values around that these stand for."""
        outputs = [self.lift(x) for x in outputs]
        ops = needed(self.ops, outputs)
        used = {x for op in ops for x in op.operands}.union(values_in(outputs))
        pairs = [(outer, inner) for outer, inner in self.captured.items() if inner in used]
        return Program([*self.inputs, *(inner for _, inner in pairs)], ops, outputs), [x for x, _ in pairs]


def needed(ops: list[Op], outputs: list) -> list[Op]:
    """The operations that the outputs depend on."""
    wanted = set(values_in(outputs))
    kept = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outs):
            kept.append(op)
            wanted.update(op.operands)
    return kept[::-1]


def zeros(x: Any) -> Any:
    """Zero in the shape of a value."""
    return np.zeros(shape(x)) if shape(x) else 0.0
