"""Lowering the operations of a program one after the other, with loops that neighbours share.

An elementwise operation on arrays waits for others of its shape, until what it makes is needed; then all
that wait become one loop. What is used only there is a variable, and no array.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from .elements import expression
from .emitter import Emitter, as_condition, of_kind
from .expressions import Apply, Const, Local, Memory, size
from .hosts import READERS, Hosts
from .operations import (
    BY_ELEMENT,
    CHECKS,
    ELEMENTWISE,
    LOGICAL,
    REDUCTIONS,
    SEVERAL,
    VIEWS,
    WHOLE,
)
from .program import Op, Program, Value, example_of, values_in
from .statements import Call, Store
from .views import View, broadcast, is_static

MANY_ARRAYS = 100                                # arrays in one program
LARGEST_POOLED = 64                              # elements of an array that shares its memory with others
FEWEST_SUMMED = 8                                # rows, and columns, of a matrix whose rows a kernel sums
SHORT = 5                                        # operations in an expression that may stand within another


class Block:
    """The operations of one program, or of the body of a loop.

    `places` has where its values are to be stored as well, as soon as they are made: for an array, a view
    of what it is written to; for a number, elements.
    """

    def __init__(self, to: Emitter, program: Program, places: dict[Value, list], renewed: dict | None = None):
        self.to, self.program, self.places, self.renewed = to, program, places, renewed or {}
        self.done: set[int] = set()                      # operations that are written down
        self.outputs = set(values_in(program.outputs))
        self.pending: dict[tuple, list[Op]] = {}         # operations by shape, that will share a loop
        self.waiting: dict[Value, tuple] = {}            # a value -> the shape under which it waits
        self.totals: set[Value] = set()                  # ... those that are there after that loop only
        self.hosts = Hosts(self)
        self.many = to.pools and sum(bool(x.shape) for op in program.ops for x in op.outs) > MANY_ARRAYS

    def write(self) -> None:
        """Lower all of it."""
        self.hosts.settle()
        for op in self.program.ops:
            self.lower(op)
        for shape in list(self.pending):
            self.flush(shape)

    def lower(self, op: Op) -> None:
        """Lower one operation."""
        name = op.name
        self.done.add(id(op))                            # unless it will be pending
        if op.outs[0] in self.hosts.late:
            return
        if op.outs[0] in self.hosts.sparse:
            SPECIAL["add_at"](self, op)
        elif name in ELEMENTWISE and (name not in WHOLE or not op.outs[0].shape):
            if op.outs[0].shape:
                self.join(op, self.shape_of(op))
            else:
                self.number(op)
        elif self.is_sum_of_rows(op):
            place = self.target(op.outs[0], whole=True)
            assert place.memory is not None
            kernel(self.to, "sum_rows", [self.to.memory(op.args[0])], place.memory)
            self.to.bind(op.outs[0], place)
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
        self.done.discard(id(op))
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
        self.done |= within
        renewed = {op.outs[0]: view for op in ops if (view := self.renewable(op, shape))}
        for op in ops:
            out = op.outs[0]
            del self.waiting[out]
            if out in renewed:
                targets[out] = renewed[out]
            elif op.name in REDUCTIONS:
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
                if out in targets and out not in renewed and not any(read[out]):
                    to.emit(Store(targets[out].at(index), value))
                    continue
                local[out] = to.elements[out] = to.let(to.local(out), value)
                if out in targets and out not in renewed:
                    to.emit(Store(targets[out].at(index), local[out]))
            for out, target in renewed.items():          # when all that was there has been read
                to.emit(Store(target.at(index), local[out]))
        for op in ops:
            if op.name in REDUCTIONS:
                self.last_total(op, targets[op.outs[0]], shape)
            elif op.outs[0] in targets:
                to.bind(op.outs[0], targets[op.outs[0]])

    def renewable(self, op: Op, shape: tuple) -> View | None:
        """The array that may be written over, element by element, by what an operation makes, if any.

        All that reads it has done so, or does so in the same loop; nothing is left that is a view of it.
        """
        if op.outs[0] not in self.renewed or op.name not in ELEMENTWISE:
            return None
        before, view = self.renewed[op.outs[0]]
        if view.shape != shape or not all(
                id(user) in self.done and user.name in READERS for user in self.users(before)):
            return None
        if view.memory is not None:
            view.memory.buffer.role = "shared"
        return view

    def element(self, x: Any, shape: tuple, index: tuple) -> Any:
        """The element that belongs to an index of the loop."""
        value = self.to.get(x)
        return broadcast(value, shape).at(index) if isinstance(value, View) else value

    def target(self, x: Value, shape: tuple | None = None, whole: bool = False) -> View:
        """Where an array is written to: `whole` by a kernel, or element by element."""
        places = self.places.get(x)
        if places:
            return places[0]
        hosted = self.hosts.place(x)
        if hosted and hosted.shape == (shape or x.shape):
            return hosted
        if not whole and self.is_pooled(x):
            return self.to.pooled(x.shape)
        return self.to.new_array(x, shape or x.shape)

    def is_pooled(self, x: Value) -> bool:
        """Whether an array shares its memory: a small one of many, that is read element by element."""
        return (self.many and x.kind == "f" and math.prod(x.shape) <= LARGEST_POOLED and x not in self.outputs
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

    def is_sum_of_rows(self, op: Op) -> bool:
        """Whether it is the sum of the rows of a matrix in memory: a kernel has that in registers."""
        x = op.args[0] if op.args else None
        if op.name != "sum" or type(x) is not Value or x.kind != "f" or x.ndim != 2 or x in self.waiting:
            return False
        view = self.to.get(x)
        return (op.outs[0].ndim == 1 and self.axes(op) == {0} and min(x.shape) >= FEWEST_SUMMED
                and is_static(view) and view.memory is not None and view.memory.shape == view.shape)

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
