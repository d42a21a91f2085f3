"""What is added to an array at several slices is a sum of slices of what is added, with zeros around.

The pullback of a stencil, `u[2:] + u[:-2]`, adds the cotangent to an array of zeros at `2:` and at `:-2`:
each slice is a pass over the memory, which waits for the one before. The sum of `padded[:-2]` and
`padded[2:]` is the same, but for the sign of a zero, and is computed in one loop with its neighbours, as the
stencil is.

    >>> import numpy as np
    >>> from .adjoint import adjoint
    >>> from .passes import optimised
    >>> from .trace import Trace, traced
    >>> program = traced(lambda u: u[2:] + u[:-2], np.ones(6))
    >>> with Trace().writing():
    ...     back = optimised(adjoint(program, [0], [0]))
    >>> print(back)
    given u: f(6,), g: f(4,)
    t: f(6,) = scatter(g, g, shape=(6,), indices=(:-2, 2:))
    return t
    >>> print(shifted(back))
    given u: f(6,), g: f(4,)
    t: f(8,) = scatter(g, shape=(8,), indices=((2:6,),))
    t_1: f(6,) = getitem(t, (2:8,))
    t_2: f(6,) = getitem(t, (0:6,))
    t_3: f(6,) = add(t_1, t_2)
    return t_3
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ..parts import scatter
from ..registry import registered
from .program import Op, Program, example_of, known, values_in
from .rewrites import spans
from .rows import GETITEM, Rewriting

MOST_PADDING = 2                                 # so many times the memory may be needed with the zeros
_add = registered(np.add)


def shifted(program: Program) -> Program:
    """The program with such sums, in its loops as well."""
    program = program.within(shifted)
    sums = {op.outs[0]: found for op in program.ops if (found := _sum(op, program))}
    if not sums:
        return program
    rewriting = Rewriting(program)
    for op in program.ops:
        if op.outs[0] in sums:
            each = sums[op.outs[0]]
            each.pad(rewriting)
            if each.is_read_whole:
                each.write(rewriting, [(0, n) for n in op.outs[0].shape], op)
        elif op.prim is GETITEM and op.args[0] in sums and (window := spans(op.args[1], op.args[0].shape)):
            sums[op.args[0]].write(rewriting, window, op)
        else:
            rewriting.copy([op])
    return rewriting.program(program.outputs)


class ShiftedPart(NamedTuple):
    """Something that is added, and where its first element goes."""

    value: Any
    start: tuple[int, ...]


class ShiftedSum:
    """What is added up in an array, and the windows of it that are read: slices along all of its axes."""

    def __init__(self, op: Op, parts: list[ShiftedPart], windows: list, is_read_whole: bool):
        self.op, self.parts, self.windows, self.is_read_whole = op, parts, windows, is_read_whole
        self.margins: dict[Any, list[tuple[int, int]]] = {}      # of each value, zeros before and after
        for part in parts:
            sides = np.shape(example_of(part.value))
            margins = self.margins.setdefault(known(part.value), [(0, 0)] * len(sides))
            for window in windows:
                for k, ((first, end), start, n) in enumerate(zip(window, part.start, sides, strict=True)):
                    before, after = margins[k]
                    margins[k] = max(before, start - first), max(after, end - start - n)
        self.padded: dict[Any, Any] = {}

    @property
    def is_worth_it(self) -> bool:
        """Whether little memory is needed for the zeros."""
        sizes = {known(x): np.shape(example_of(x)) for x, _ in self.parts}
        wide = sum(math.prod(n + sum(margin) for n, margin in zip(sides, self.margins[key], strict=True))
                   for key, sides in sizes.items())
        return wide <= MOST_PADDING * sum(map(math.prod, sizes.values()))

    def pad(self, to: Rewriting) -> None:
        """Append what is added with zeros around."""
        for x, _ in self.parts:
            margins = self.margins[known(x)]
            if known(x) not in self.padded and any(map(any, margins)):
                sides = np.shape(example_of(x))
                index = tuple([slice(a, a + n) for n, (a, _) in zip(sides, margins, strict=True)])
                shape = tuple([a + n + b for n, (a, b) in zip(sides, margins, strict=True)])
                self.padded[known(x)] = to.new(scatter, (to.lift(x),), {"shape": shape, "indices": (index,)},
                                               self.op)[0]

    def write(self, to: Rewriting, window: list[tuple[int, int]], old: Op) -> None:
        """Append the sum as far as it is in a window, in place of an operation."""
        total: Any = None
        for x, start in self.parts:
            whole = self.padded.get(known(x))
            whole = to.lift(x) if whole is None else whole
            offsets = [first - s + before for (first, _), s, (before, _) in zip(
                window, start, self.margins[known(x)], strict=True)]
            index = tuple([slice(at, at + end - first)
                           for at, (first, end) in zip(offsets, window, strict=True)])
            (part,) = to.new(GETITEM, (whole, index), {}, old)
            total = part if total is None else to.new(_add, (total, part), {}, old)[0]
        to.now[old.outs[0]] = total
        total.label, total.of = old.outs[0].label, old.outs[0].of


def _sum(op: Op, program: Program) -> ShiftedSum | None:
    """What a scatter adds at slices, if such a sum is better."""
    if op.prim is not scatter or len(op.args) < 2 or not op.options["shape"] or "zero" in op.options:
        return None
    shape, out, parts = op.options["shape"], op.outs[0], []
    for x, index in zip(op.args, op.options["indices"], strict=True):
        place = spans(index, shape)
        if place is None or np.shape(example_of(x)) != tuple([end - first for first, end in place]):
            return None
        parts.append(ShiftedPart(x, tuple([first for first, _ in place])))
    read = [spans(user.args[1], shape) if user.prim is GETITEM else None
            for user in program.users.get(out, ())]
    is_read_whole = None in read or out in values_in(program.outputs)
    windows = [x for x in read if x is not None] + [[(0, n) for n in shape]] * is_read_whole
    found = ShiftedSum(op, parts, windows, is_read_whole)
    return found if found.is_worth_it else None
