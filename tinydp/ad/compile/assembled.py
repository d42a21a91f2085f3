"""What is read at places of an array, added to, and written back there, is added there.

A stiffness matrix is assembled by a loop, `K[places] += part`: with `dp.set_at`, which returns the whole,
each part makes a new matrix of the old one. The derivative would do that, too, for each part. But an element
that is written back is the old one and something more, and the others are the old ones and nothing more. So
all of it is one `scatter`, whose pullback reads the cotangent of each part at its places.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> def total(x):
    ...     y = np.zeros(4)
    ...     for k in range(3):
    ...         y = dp.set_at(y, [k, k + 1], y[[k, k + 1]] + x[k] * np.array([-1.0, 1.0]))
    ...     return y
    >>> program = traced(total, np.ones(3))
    >>> len(program)
    23
    >>> print(assembled(program))                               # doctest: +NORMALIZE_WHITESPACE
    given x: f(3,)
    t: f = getitem(x, 0)
    t_1: f(2,) = multiply(t, array([-1.,  1.]))
    t_2: f = getitem(x, 1)
    t_3: f(2,) = multiply(t_2, array([-1.,  1.]))
    t_4: f = getitem(x, 2)
    t_5: f(2,) = multiply(t_4, array([-1.,  1.]))
    t_6: f(4,) = scatter(t_1, t_3, t_5, shape=(4,),
                         indices=((array([0, 1]),), (array([1, 2]),), (array([2, 3]),)), zero=0.0)
    return t_6

Only arrays are looked at that begin as zeros, to which nothing was done but this: then each bit is the same.
"""

from typing import Any, NamedTuple

import numpy as np

from ..parts import scatter
from ..registry import registered
from .dead import pruned
from .program import Op, Program, Value, example_of, values_in
from .rewrites import is_everywhere
from .rows import GETITEM, Rewriting

_ADD, _SUBTRACT, _WHERE, _NEGATIVE = (registered(f) for f in (np.add, np.subtract, np.where, np.negative))
_BROADCAST = registered(np.broadcast_to)
_SAME_ELEMENTS = ("ravel", "reshape", "broadcast_to")    # ... in the same order, if there are as many


def assembled(program: Program) -> Program:
    """The program with such sums as scatters, in its loops as well."""
    program = program.within(assembled)
    return Assembling(program).done() if any(op.prim is _WHERE for op in program.ops) else program


class ScatteredPart(NamedTuple):
    """What is added to an array, and where: as many arrays of positions as it has axes."""

    value: Any
    negative: bool
    places: tuple


class Assembling(Rewriting):
    """A program while what is assembled in it is written down as a scatter."""

    def __init__(self, program: Program):
        super().__init__(program)
        self.old = program
        self.parts: dict[Value, tuple[Any, ScatteredPart]] = {}  # what is assembled: of what, and what more
        for op in program.ops:
            if op.prim is _WHERE and (found := self.increment(op)):
                self.parts[op.outs[0]] = found

    def done(self) -> Program:
        """The program with these."""
        if not self.parts:
            return self.old
        wanted = pruned(Program(self.old.inputs, [
            op for op in self.old.ops if op.outs[0] not in self.parts], [
            *self.old.outputs, *(part.value for _, part in self.parts.values())]))
        for op in self.old.ops:
            if any(x in wanted.maker for x in op.outs):
                self.copy([op])
            elif op.outs[0] in wanted.users or op.outs[0] in values_in(self.old.outputs):
                self.write(op)
        return self.program(self.old.outputs)

    def write(self, op: Op) -> None:
        """Append the scatter that makes what is assembled."""
        x, parts = op.outs[0], list[ScatteredPart]()
        while type(x) is Value:
            x, part = self.parts[x]
            parts.append(part)
        values = [self.value(part, op) for part in parts[::-1]]
        places = tuple([part.places for part in parts[::-1]])
        options = {"shape": op.outs[0].shape, "indices": places, "zero": 0.0}
        (made,) = self.new(scatter, tuple(values), options, op)
        made.label = op.outs[0].label
        self.now[op.outs[0]] = made

    def value(self, part: ScatteredPart, op: Op) -> Any:
        """What is added, in its full shape."""
        x, shape = self.lift(part.value), part.places[0].shape
        if part.negative:
            (x,) = self.new(_NEGATIVE, (x,), {}, op)
        return x if np.shape(example_of(x)) == shape else self.new(_BROADCAST, (x,), {"shape": shape}, op)[0]

    def increment(self, op: Op) -> tuple[Any, ScatteredPart] | None:
        """Which part is added by an operation that chooses between new elements and old ones, and to what."""
        mask, new, old = op.args
        shape = np.shape(example_of(mask))
        if np.asarray(example_of(mask)).dtype.kind != "b" or type(mask) is Value or (
                shape != op.outs[0].shape or not self.is_assembled(old, shape)):
            return None
        taken = self.made(new, GETITEM)
        places = taken.args[1] if taken else None
        if taken is None or not isinstance(places, np.ndarray):
            return None
        if places.dtype.kind not in "iu" or places.shape != mask.shape:
            return None
        total = self.source(taken.args[0])
        sum_of = self.made(total, _ADD) or self.made(total, _SUBTRACT)
        if sum_of is None:
            return None
        at, which = np.flatnonzero(mask), places[mask]       # the element at[k] becomes which[k] of the total
        n = np.size(example_of(total))
        if len(at) != n or not np.array_equal(np.sort(which), np.arange(n)):
            return None
        at = at[np.argsort(which)].reshape(np.shape(example_of(total)))
        for x, y, may in ((*sum_of.args, True), (*sum_of.args[::-1], sum_of.prim is _ADD)):
            if may and at.ndim and self.is_read_at(x, old, at):
                return old, ScatteredPart(y, sum_of.prim is _SUBTRACT, np.unravel_index(at, np.shape(mask)))
        return None

    def made(self, x: Any, prim: Any) -> Op | None:
        """The operation that makes a value, if it is of this kind."""
        op = self.old.maker.get(x) if type(x) is Value else None
        return op if op is not None and op.prim is prim else None

    def source(self, x: Any) -> Any:
        """What has the same elements in the same order."""
        while (type(x) is Value and (op := self.old.maker.get(x)) is not None and op.name in _SAME_ELEMENTS
               and np.size(example_of(op.args[0])) == np.size(example_of(x)) and "order" not in op.options
               and not any(type(arg) is str for arg in op.args)):
            x = op.args[0]
        return x

    def is_assembled(self, x: Any, shape: tuple) -> bool:
        """Whether an array begins as zeros, and nothing was done but adding to it. So it has no -0.0."""
        if type(x) is Value:
            return x in self.parts
        return np.shape(x) == shape and np.asarray(x).dtype.kind == "f" and is_everywhere(x, 0.0)

    def is_read_at(self, x: Any, whole: Any, at: np.ndarray) -> bool:
        """Whether `x` has the elements of `whole` that are at these places."""
        if type(whole) is not Value:             # zeros
            return is_everywhere(x, 0.0)
        op = self.made(x, GETITEM)
        if op is None or op.args[0] is not whole:
            return False
        found = np.arange(np.prod(whole.shape)).reshape(whole.shape)[op.args[1]]
        return found.ndim <= at.ndim and np.array_equal(np.broadcast_to(found, at.shape), at)
