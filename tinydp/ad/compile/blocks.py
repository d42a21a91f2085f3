"""Lowering the operations of a program one after the other, with loops that neighbours share.

An elementwise operation on arrays waits for others of its shape, until what it makes is needed; then all
that wait become one loop. What is used only there is a variable, and no array.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from .emitter import Emitter, as_condition, as_integer, as_number, of_kind
from .expressions import Apply, Const, Local, Memory, size
from .operations import (
    BY_ELEMENT,
    CHECKS,
    CONDITIONS,
    ELEMENTWISE,
    LOGICAL,
    OF_INTEGERS,
    REDUCTIONS,
    SEVERAL,
    VIEWS,
    WHOLE,
)
from .program import Op, Program, Value, example_of, values_in
from .statements import Call, Store
from .views import View, broadcast

MANY = 100                                       # arrays in one program
SMALL = 64                                       # elements of an array that shares its memory with others
SHORT = 5                                        # operations in an expression that may stand within another


class Block:
    """The operations of one program, or of the body of a loop.

    `places` has where its values are to be stored as well, as soon as they are made: for an array, a view
    of what it is written to; for a number, elements.
    """

    def __init__(self, to: Emitter, program: Program, places: dict[Value, list]):
        self.to, self.program, self.places = to, program, places
        self.outputs = set(values_in(program.outputs))
        self.pending: dict[tuple, list[Op]] = {}         # operations by shape, that will share a loop
        self.waiting: dict[Value, tuple] = {}            # a value -> the shape under which it waits
        self.totals: set[Value] = set()                  # ... those that are there after that loop only
        self.many = to.pools and sum(bool(x.shape) for op in program.ops for x in op.outs) > MANY

    def write(self) -> None:
        """Lower all of it."""
        for op in self.program.ops:
            self.lower(op)
        for shape in list(self.pending):
            self.flush(shape)

    def lower(self, op: Op) -> None:
        """Lower one operation."""
        name = op.name
        if name in ELEMENTWISE and (name not in WHOLE or not op.outs[0].shape):
            if op.outs[0].shape:
                self.join(op, self.shape_of(op))
            else:
                self.number(op)
        elif name in REDUCTIONS and np.ndim(example_of(op.args[0])):
            self.join(op, self.shape_to_reduce(op.args[0]))
        else:
            for x in op.operands:
                self.ready(x)
            if name in VIEWS:
                SPECIAL[name](self, op)
                self.store_view(op.outs[0])
            elif name in SPECIAL:
                self.to.comment(op)
                SPECIAL[name](self, op)
            else:
                raise NotCompiledError(f"{name} cannot be compiled.",
                                       "call the function without dp.compile.")

    def users(self, x: Value) -> list[Op]:
        """The operations of this program that read a value."""
        return self.program.users.get(x, [])

    # -- numbers

    def number(self, op: Op) -> None:
        """A variable; or nothing yet, if what uses it may have it written within."""
        for x in op.operands:
            self.ready(x)
        value, out = self.expression(op, [self.to.get(x) for x in op.args]), op.outs[0]
        if self.may_stand_within(op, value):
            self.to.bind(out, value)
            return
        self.to.comment(op)
        self.made(out, self.to.let(self.to.local(out), value))

    def made(self, x: Value, value: Any) -> None:
        """A number has been computed: bind it, and store it where it belongs."""
        self.to.bind(x, value)
        for place in self.places.get(x, ()):
            self.to.emit(Store(place, value))

    def may_stand_within(self, op: Op, value: Any) -> bool:
        """Whether a value gets no variable, but is written where it is used: as people write it, in one line.

        Then it has to be short, of the user's own line, and used once; nor may it be computed more often
        there: for each element of an array, or twice in a square.
        """
        out, users = op.outs[0], self.users(op.outs[0])
        if len(users) != 1 or out in self.outputs or size(value) >= SHORT or not _on_one_line(op, users[0]):
            return False
        (user,) = users
        if user.name in REDUCTIONS:
            return bool(out.shape)
        if user.name not in ELEMENTWISE or (user.name in WHOLE and user.outs[0].shape):
            return False                         # it takes no expressions
        return bool(user.outs[0].shape) == bool(out.shape) and _times_read(out, user) == 1

    def expression(self, op: Op, args: list) -> Any:
        """An elementwise operation; what may fail is looked at first."""
        return CHECKED[op.name](self.to, op, args) if op.name in CHECKS else expression(op, args)

    # -- arrays, element by element

    def shape_of(self, op: Op) -> tuple:
        """The sides of an elementwise result: those of its example, but for lengths after an event."""
        shape = list[Any](op.outs[0].shape)
        for x in op.operands:
            known = self.shape_now(x)
            for k, n in enumerate(known[::-1], 1):
                if isinstance(n, Local):
                    shape[-k] = n
        return tuple(shape)

    def shape_now(self, x: Value) -> tuple:
        """The sides of a value, be it there or waiting."""
        if not x.shape or x in self.totals:
            return x.shape
        return self.waiting.get(x) or self.to.get(x).shape

    def shape_to_reduce(self, x: Any) -> tuple:
        """The sides of the loop in which a sum, or the like, takes the elements of `x`.

        That in which `x` waits, but for what a processor computes for several elements at once: a sum takes
        them one by one, in their order. Then `x` is made before.
        """
        if type(x) is Value and x in self.waiting and x not in self.totals and not any(
                op.name in SEVERAL for op in self.pending[self.waiting[x]]):
            return self.waiting[x]
        return self.ready(x).shape

    def join(self, op: Op, shape: tuple) -> None:
        """Let it share the loop of its shape; what it needs from elsewhere must be there before."""
        for x in op.operands:
            if x in self.waiting and (self.waiting[x] != shape or x in self.totals):
                self.ready(x)
        self.pending.setdefault(shape, []).append(op)
        self.waiting[op.outs[0]] = shape
        if op.name in REDUCTIONS:
            self.totals.add(op.outs[0])

    def ready(self, x: Any) -> Any:
        """What stands for a value. If it waits, the loop in which it does is written down before."""
        if type(x) is Value and x in self.waiting:
            self.flush(self.waiting[x])
        return self.to.get(x)

    def flush(self, shape: tuple) -> None:
        """Write down the loop in which these operations wait."""
        ops = self.pending.pop(shape, [])
        if not ops:
            return
        to, within = self.to, set(map(id, ops))
        read = {op.outs[0]: [id(user) in within for user in self.users(op.outs[0])] for op in ops}
        targets: dict[Value, Any] = {}
        to.comment(ops[0])
        for op in ops:
            out = op.outs[0]
            del self.waiting[out]
            if op.name in REDUCTIONS:
                targets[out] = self.first_total(op, shape)
            elif out in self.outputs or not all(read[out]):
                targets[out] = self.target(out, shape)
        local: dict[Value, Any] = {}
        with to.loops(shape) as index:
            for op in ops:
                out = op.outs[0]
                args = [local[x] if type(x) is Value and x in local else self.element(x, shape, index)
                        for x in op.args[: 1 if op.name in REDUCTIONS else None]]
                if op.name in REDUCTIONS:
                    to.comment(op)
                    self.add_to_total(op, targets[out], args[0], index)
                    continue
                value = self.expression(op, args)
                if out not in targets and self.may_stand_within(op, value):
                    local[out] = value
                    continue
                to.comment(op)
                if out in targets and not any(read[out]):
                    to.emit(Store(targets[out].at(index), value))
                    continue
                local[out] = to.elements[out] = to.let(to.local(out), value)
                if out in targets:
                    to.emit(Store(targets[out].at(index), local[out]))
        for op in ops:
            if op.name in REDUCTIONS:
                self.last_total(op, targets[op.outs[0]], shape)
            elif op.outs[0] in targets:
                to.bind(op.outs[0], targets[op.outs[0]])

    def element(self, x: Any, shape: tuple, index: tuple) -> Any:
        """The element that belongs to an index of the loop."""
        value = self.to.get(x)
        return broadcast(value, shape).at(index) if isinstance(value, View) else value

    def target(self, x: Value, shape: tuple | None = None, whole: bool = False) -> View:
        """Where an array is written to: `whole` by a kernel, or element by element."""
        places = self.places.get(x)
        if places:
            return places[0]
        if not whole and self.is_pooled(x):
            return self.to.pooled(x.shape)
        return self.to.new_array(x, shape or x.shape)

    def is_pooled(self, x: Value) -> bool:
        """Whether an array shares its memory: a small one of many, that is read element by element."""
        return (self.many and x.kind == "f" and math.prod(x.shape) <= SMALL and x not in self.outputs
                and all(user.name in ELEMENTWISE | REDUCTIONS.keys() | BY_ELEMENT for user in self.users(x)))

    def store_view(self, x: Value) -> None:
        """A view that has a place is copied there."""
        places = self.places.get(x, ())
        value = self.to.get(x)
        if not x.shape:
            for place in places:
                self.to.emit(Store(place, value))
        elif places:
            self.to.copy(value, places[0])
            self.to.bind(x, places[0])

    # -- sums and the like

    def axes(self, op: Op) -> set[int]:
        """Which axes a reduction takes away."""
        axis = op.args[1] if len(op.args) > 1 else op.options.get("axis")
        n = op.args[0].ndim
        return set(range(n)) if axis is None else {int(k) % n for k in np.atleast_1d(axis)}

    def first_total(self, op: Op, shape: tuple) -> Any:
        """The variable, or the array, in which the total will be; it is set to its first value."""
        to, out = self.to, op.outs[0]
        first = Const(REDUCTIONS[op.name][0] if out.kind != "i" else FIRST_INTEGERS[REDUCTIONS[op.name][1]])
        if not out.shape:
            return to.let(to.local(out), first)
        axes = self.axes(op)
        keep = len(shape) == out.ndim
        sides = tuple([1 if k in axes else n for k, n in enumerate(shape) if keep or k not in axes])
        target = self.target(out, sides)
        to.copy(first, target)
        return target

    def add_to_total(self, op: Op, total: Any, x: Any, index: tuple) -> None:
        """One element more."""
        name, out = REDUCTIONS[op.name][1], op.outs[0]
        kind = out.kind
        x = as_condition(x) if name in LOGICAL else of_kind(x, kind)
        if not out.shape:
            self.to.let(total, Apply(name, (total, x), kind))
            return
        axes, keep = self.axes(op), len(index) == out.ndim
        place = total.at(tuple([0 if k in axes else i for k, i in enumerate(index) if keep or k not in axes]))
        self.to.emit(Store(place, Apply(name, (place, x), kind)))

    def last_total(self, op: Op, total: Any, shape: tuple) -> None:
        """A mean is a total divided by a number; then the value is there."""
        to, out = self.to, op.outs[0]
        self.totals.discard(out)
        if op.name == "mean":
            sides = [shape[k] for k in self.axes(op)]
            if any(isinstance(n, Local) for n in sides):
                raise NotCompiledError("a mean over the steps up to an event cannot be compiled.",
                                       "divide a sum by their number.")
            count = Const(float(math.prod(sides)))
            if not out.shape:
                to.let(total, Apply("divide", (total, count), "f"))
            else:
                with to.loops(total.shape) as index:
                    place = total.at(index)
                    to.emit(Store(place, Apply("divide", (place, count), "f")))
        if out.shape:
            to.bind(out, total)
        else:
            self.made(out, total)


FIRST_INTEGERS = {"add": 0, "multiply": 1, "maximum": -2**63, "minimum": 2**63 - 1}       # of totals
CHECKED: dict[str, Callable[[Emitter, Op, list], Any]] = {}      # how operations are lowered that may fail


def _on_one_line(op: Op, user: Op) -> bool:
    """Whether an operation is on the same line of the user's as one that uses it, and on the same way."""
    return user.back == op.back and (
        op.spot is None or (user.spot is not None and user.spot.line == op.spot.line))


def _times_read(x: Value, user: Op) -> int:
    """How often an elementwise operation reads a value; a power may become a product."""
    is_base = user.name == "square" or (user.name in ("power", "float_power") and user.args[0] is x)
    return user.operands.count(x) + is_base


SPECIAL: dict[str, Callable[[Block, Op], None]] = {}     # how each other operation is lowered


def special(*names: str) -> Callable:
    """Decorator: this lowers the operations of these names."""
    def register(f: Callable[[Block, Op], None]) -> Callable[[Block, Op], None]:
        SPECIAL.update(dict.fromkeys(names, f))
        return f
    return register


def kernel(to: Emitter, name: str, args: list[Any], into: Memory) -> None:
    """Call a kernel that writes to its last argument."""
    to.emit(Call(name, [*args, into], into=[into.buffer]))


# ---------------------------------------------------------------------------- expressions

def expression(op: Op, args: list) -> Apply:
    """An elementwise operation of these operands. A calculation with conditions is one with numbers."""
    name, kind = op.name, op.outs[0].kind
    if kind == "i":
        return _of_integers(op, args)
    natural = "b" if name in CONDITIONS or (name == "where" and all(x.kind == "b" for x in args[1:])) else "f"
    if kind != natural:
        raise NotCompiledError(f"{name} of conditions cannot be compiled.",
                               "write np.where(condition, 1.0, 0.0) to calculate with a condition.")
    if name in LOGICAL:
        args = [*map(as_condition, args)]
    elif name == "where":
        args = [as_condition(args[0]), *(args[1:] if kind == "b" else map(as_number, args[1:]))]
    elif name in CONDITIONS and any(x.kind == "i" for x in args) and not any(x.kind == "f" for x in args):
        args = [*map(as_integer, args)]
    else:
        args = [*map(as_number, args)]
    if name in ("power", "float_power"):
        return power(args[0], args[1], bool(op.outs[0].shape), op.args[1])
    return Apply(name, tuple(args), kind)


def _of_integers(op: Op, args: list) -> Any:
    """An elementwise operation whose result is an integer."""
    name = op.name
    if name not in OF_INTEGERS or (name == "power" and type(op.args[1]) is not int):
        raise NotCompiledError(f"{name} of integers cannot be compiled.",
                               "write it with + - * // and %, or with real numbers: i * 1.0.")
    if name == "where":
        return Apply(name, (as_condition(args[0]), *map(as_integer, args[1:])), "i")
    args = [*map(as_integer, args)]
    if name == "power":
        return _power_of_integer(args[0], op.args[1])
    if name in ("positive", "floor", "ceil", "trunc"):
        return args[0]
    same = {"absolute": "abs", "mod": "remainder", "fmax": "maximum", "fmin": "minimum"}
    return Apply(same.get(name, name), tuple(args), "i")


def _power_of_integer(x: Any, exponent: int) -> Any:
    y: Any = Const(1)
    for bit in bin(exponent)[2:]:
        y = Apply("multiply", (y, y), "i")
        y = Apply("multiply", (y, x), "i") if bit == "1" else y
    return y


def power(x: Any, exponent: Any, of_array: bool, given: Any) -> Apply:
    """A power. Products lose a digit with each factor, so there are few of them.

    NumPy takes a root, but of arrays only; it is not the same at -0.0 and -inf.
    """
    if type(given) not in (int, float):
        return Apply("power", (x, exponent), "f")
    if given == 2:
        return Apply("square", (x,), "f")
    if given == -1:
        return Apply("reciprocal", (x,), "f")
    if given == 0.5 and of_array:
        return Apply("sqrt", (x,), "f")
    return Apply("power", (x, Const(given) if type(given) is int and given in (3, 4) else exponent), "f")
