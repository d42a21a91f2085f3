"""A program: a list of operations over values. All that the compiler does is a function of programs.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> x, y = Value(2.0, "x"), Value(np.sin(2.0))
    >>> program = Program([x], [Op(registered(np.sin), (x,), {}, [y])], [y])
    >>> print(program)
    given x: f
    t: f = sin(x)
    return t
    >>> interpret(program, 0.0)
    [0.0]

Each value is made once (the literature calls that SSA form) and belongs to one program. What it is like, its
shape and its kind, NumPy was asked once, when the operation was recorded: nothing computes a shape later. A
loop is an operation with a program of its own, its body, that sees nothing but its inputs: what the body uses
from around is an operand of the loop. Programs are never changed, only made anew; but for what only says how
to call a value (`label`, and `of`: what it is the cotangent of), and for examples, see `let_go`.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..asking import regular
from ..errors import Spot

_NUMBER = np.array(0.0)


class Value:
    """What an operation makes, or a program is given: a number or an array, as `example` is.

    `kind` is "f" for real numbers, "b" for conditions, "i" for integers. `label` is what
    the user calls it; a cotangent is `of` the value whose cotangent it is.
    """

    __slots__ = ("example", "kind", "label", "of", "shape")

    def __init__(self, example: Any, label: str = "", of: "Value | None" = None):
        self.example, self.label = example, label
        self.of = of if type(of) is Value else None
        array = _NUMBER if type(example) is float else np.asarray(example)
        self.shape: tuple[int, ...] = array.shape
        self.kind: str = array.dtype.kind

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def again(self, of: "Value | None") -> "Value":
        """Another value like this one."""
        new = Value.__new__(Value)
        new.example, new.kind, new.shape = self.example, self.kind, self.shape
        new.label, new.of = self.label, of if type(of) is Value else None
        return new

    def let_go(self) -> None:
        """Keep what the value is like, and not the memory of an example."""
        if self.shape:
            self.example = np.broadcast_to(np.zeros((), np.asarray(self.example).dtype), self.shape)

    def __repr__(self) -> str:
        return f"<{self.label or 'value'}: {like(self)}>"


def like(x: Any) -> str:
    """Shape and kind of a value or a constant: `f`, `b(3, 2)`."""
    kind, its_shape = (x.kind, x.shape) if type(x) is Value else (np.asarray(x).dtype.kind, np.shape(x))
    return f"{kind}{its_shape}" if its_shape else kind


def values_in(xs: Any) -> list[Value]:
    """The values among arguments or outputs, without the constants."""
    return [x for x in xs if type(x) is Value]


def replaced(x: Any, by: dict[Value, Any]) -> Any:
    """What stands for an argument: for a value what `by` has for it, if anything; a constant as it is."""
    return by.get(x, x) if type(x) is Value else x


def example_of(x: Any) -> Any:
    """An example of a value; a constant is its own."""
    return x.example if type(x) is Value else x


class Op:
    """One operation, `outs = prim(*args, **options)`; arguments are values and constants.

    `spot` is the user's line; `back`, whether it belongs to the backward pass over it.
    """

    __slots__ = ("args", "back", "bodies", "body", "operands", "options", "outs", "prim", "spot")

    def __init__(self, prim: Any, args: tuple, options: dict, outs: list[Value], spot: Spot | None = None,
                 back: bool = False):
        self.prim, self.args, self.options, self.outs = prim, args, options, outs
        self.spot, self.back = spot, back
        self.operands = values_in(args)
        self.body: Program | None = options.get("body")          # the program inside, of a loop
        self.bodies = [x for x in options.values() if type(x) is Program]        # ... of a choice, two

    @property
    def name(self) -> str:
        return self.prim.name

    def with_(self, args: tuple | None = None, options: dict | None = None, outs: list[Value] | None = None
              ) -> "Op":
        """The same but for these."""
        return Op(self.prim, self.args if args is None else args,
                  self.options if options is None else options,
                  self.outs if outs is None else outs, self.spot, self.back)

    def given(self, by: "dict[Value, Any]") -> "Op":
        """The same of what stands for its operands."""
        args = tuple([replaced(x, by) for x in self.args])
        return self if all(x is y for x, y in zip(args, self.args, strict=True)) else self.with_(args=args)

    def within(self, f: "Callable[[Program], Program]") -> "Op":
        """The same, but for what is inside: `f` of that."""
        new = {name: f(x) for name, x in self.options.items() if type(x) is Program}
        return self.with_(options=self.options | new) if any(
            x is not self.options[name] for name, x in new.items()) else self


class Program:
    """Operations from inputs to outputs; an output may be a constant."""

    def __init__(self, inputs: list[Value], ops: list[Op], outputs: list):
        self.inputs, self.ops, self.outputs = list(inputs), list(ops), list(outputs)
        self.adjoints: dict[Any, Program] = {}   # those that were made, see adjoint.py

    def within(self, f: "Callable[[Program], Program]") -> "Program":
        """The same, but for what is inside of its operations: `f` of that."""
        ops = [op.within(f) for op in self.ops]
        is_same = all(new is old for new, old in zip(ops, self.ops, strict=True))
        return self if is_same else Program(self.inputs, ops, self.outputs)

    def __str__(self) -> str:
        from .reading import lines  # noqa: PLC0415  (it builds on this file)

        return "\n".join(lines(self))

    def __len__(self) -> int:
        """How many operations there are, those inside of loops as well."""
        return sum(1 + sum(map(len, op.bodies)) for op in self.ops)

    @cached_property
    def maker(self) -> dict[Value, Op]:
        """Which operation makes a value."""
        return {x: op for op in self.ops for x in op.outs}

    @cached_property
    def users(self) -> dict[Value, list[Op]]:
        """Which operations read a value."""
        found: dict[Value, list[Op]] = {}
        for op in self.ops:
            for x in dict.fromkeys(op.operands):
                found.setdefault(x, []).append(op)
        return found

    @cached_property
    def slots(self) -> tuple[list, list["Instruction"], list[int]]:
        """The constants, the operations, and which numbers the outputs have, if all values have one.

        The inputs come first, then the constants, then what the operations make.
        """
        constants = [x for xs in (*(op.args for op in self.ops), self.outputs) for x in xs
                     if type(x) is not Value]
        values = [*self.inputs, *constants, *(x for op in self.ops for x in op.outs)]
        numbers = {x: k for k, x in enumerate(values) if type(x) is Value}
        rest = itertools.count(len(self.inputs))             # of the constants, in their order

        def numbered(xs: Iterable) -> list[int]:
            return [numbers[x] if type(x) is Value else next(rest) for x in xs]

        instructions = [Instruction(op, None if op.options else op.prim.operator, numbered(op.args))
                        for op in self.ops]
        return constants, instructions, numbered(self.outputs)

    @cached_property
    def key(self) -> str:
        """A few characters that are equal for programs that do the same in the same order."""
        numbers: dict[Any, int] = {}
        content = hashlib.sha256()
        for x in self.inputs:
            numbers[x] = len(numbers)
            content.update(like(x).encode())
        for op in self.ops:
            content.update(repr((op.name, [known(x, numbers) for x in op.args],
                                 [(name, known(x, numbers)) for name, x in op.options.items()
                                  if name != "serial"])).encode())
            for x in op.outs:
                numbers[x] = len(numbers)
        content.update(repr([known(x, numbers) for x in self.outputs]).encode())
        return content.hexdigest()


def known(x: Any, numbers: "dict[Value, int] | None" = None) -> Any:
    """What is equal for equal arguments of an operation, and can be a key.

    Values are equal if they have the same number; without `numbers`, if they are one value.
    """
    if type(x) is Value:
        return x if numbers is None else numbers[x]          # no tuple, as constants are
    if type(x) is Program:
        return x.key
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()
    if isinstance(x, (tuple, list)):
        return type(x).__name__, *(known(part, numbers) for part in x)
    if isinstance(x, _PLAIN):
        return type(x).__name__, repr(x)         # 1, 1.0 and True are three
    return type(x).__name__


_PLAIN = (float, int, complex, str, bytes, slice, type(None), type(Ellipsis), type, np.dtype)


# ---------------------------------------------------------------------------- what it means

class Instruction(NamedTuple):
    """An operation, the operator that does the same for two numbers, and the numbers of its operands."""

    op: Op
    operator: Callable | None
    operands: list[int]


def interpret(program: Program, *args: Any) -> list:
    """The results of a program, by NumPy: that is what a program means."""
    constants, steps, outputs = program.slots
    if len(args) != len(program.inputs):
        raise ValueError(f"{len(args)} arguments for {len(program.inputs)} inputs")
    values = [*args, *constants]
    with np.errstate(all="ignore"):
        for op, operator, operands in steps:
            given = [values[k] for k in operands]
            if operator is not None and type(given[0]) is float is type(given[-1]) and type(
                    y := _of_numbers(op.prim, given)) is float:
                values.append(y)
            else:
                values += _results(op, given)
    return [values[k] for k in outputs]


def results_of(op: Op, given: list) -> tuple:
    """What one operation makes of these operands."""
    if op.prim.operator is not None and all(type(x) is float for x in given) and not op.options:
        y = _of_numbers(op.prim, given)
        if type(y) is float:
            return (y,)
    with np.errstate(all="ignore"):
        return _results(op, given)


def _results(op: Op, given: list) -> tuple:
    """The same by NumPy's function."""
    y = op.prim.fn(*given, **op.options)
    if op.bodies:
        return y
    if type(y) is np.bool_:
        return (y,)
    return tuple(map(_number, y)) if isinstance(y, tuple) else (_number(y),)


def examples_of(op: Op, given: list) -> tuple:
    """What the results of an operation are like, by NumPy, of examples of its operands.

    An example may be a singular matrix, where the value never is: then all that is known is the shapes. And
    it may be out of the range that an operation asks for, which is lenient then.
    """
    if (lenient := getattr(op.prim, "lenient", None)) is not None:
        return (_number(lenient(*given, **op.options)),)
    try:
        return results_of(op, given)
    except np.linalg.LinAlgError:
        pairs = zip(given, op.args, strict=True)
        like = results_of(op, [regular(x) if type(arg) is Value else x for x, arg in pairs])
        return tuple([x * np.nan for x in like])


def operation(prim: Any, args: tuple, options: dict, like: Op) -> Op:
    """A new operation, at the place of another, with what NumPy makes of examples as its results."""
    op = Op(prim, args, options, [], like.spot, like.back)
    op.outs = [Value(x) for x in (
        prim.examples(op) if op.bodies else examples_of(op, [*map(example_of, args)]))]
    return op


def _of_numbers(prim: Any, given: list) -> Any:
    """The result of one of Python's operators; where that raises, or is not real, NumPy's of arrays.

    (NumPy's power of two numbers takes a root where that of arrays of exponents does not.)
    """
    try:
        y = prim.operator(*given)
    except ArithmeticError:
        y = None
    if type(y) is float:
        return y
    with np.errstate(all="ignore"):
        return prim.fn(*(np.array([x]) for x in given)).item()


def _number(y: Any) -> Any:
    """A result as programs have it: integers have 64 bits."""
    if isinstance(y, np.ndarray) and y.ndim:
        return y.astype(np.float64 if y.dtype == np.uint64 else np.int64) if y.dtype.kind in "iu" else y
    if type(y) is np.bool_:                      # its arithmetic is not that of Python's bool
        return y
    y = y.item() if isinstance(y, (np.generic, np.ndarray)) else y
    return y if type(y) is not int or -2**63 <= y < 2**63 else float(y)


# ---------------------------------------------------------------------------- is it sound?

class UnsoundError(AssertionError):
    """A pass of the compiler made a program that is none."""


def verify(program: Program) -> Program:
    """Raise `UnsoundError` unless the program is sound; returns it.

    Every value is made once and before it is used, in the program that uses it, with the shape and the kind
    that NumPy gives it; a body fits its loop.
    """
    made: set[Value] = set()

    def define(xs: list[Value], where: str) -> None:
        for x in xs:
            if type(x) is not Value or x in made:
                raise UnsoundError(f"{where}: {x!r} is made twice, or is no value")
            made.add(x)

    define(program.inputs, "inputs")
    for op in program.ops:
        for x in op.operands:
            if x not in made:
                raise UnsoundError(f"{op.name} uses {x!r}, which is not made before it")
        wrong = op.prim.fault(op) if op.bodies else _fault(op)
        if wrong:
            raise UnsoundError(f"{op.name}: {wrong}")
        define(op.outs, op.name)
        for body in op.bodies:
            verify(body)
    for x in values_in(program.outputs):
        if x not in made:
            raise UnsoundError(f"the output {x!r} is not made")
    return program


def _fault(op: Op) -> str:
    """What is wrong with an operation that has no body."""
    given = examples_of(op, [example_of(x) for x in op.args])
    if [like(x) for x in given] != [like(x) for x in op.outs]:
        return f"makes {[*map(like, given)]}, is said to make {[*map(like, op.outs)]}"
    return ""


# ---------------------------------------------------------------------------- all of it

def let_go(program: Program) -> None:
    """Free the examples of a program that was built: together they are as large as all that a run makes."""
    for x in all_values(program):
        x.let_go()
    for op in program.ops:
        for body in op.bodies:
            let_go(body)
    program.adjoints.clear()


def all_values(program: Program) -> Iterator[Value]:
    """All values, in their order, those of loops as well."""
    yield from program.inputs
    for op in program.ops:
        for body in op.bodies:
            yield from all_values(body)
        yield from op.outs
