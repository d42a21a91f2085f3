"""Which arrays are made where they are wanted: as a part of a larger one.

What is joined, or padded with zeros, need not be computed elsewhere first and copied then. So before a block
is lowered, such an array is given its place, and what it is made of a place in that. What is constant in it,
such as the zeros around, is written once, before all else. And an array of which a few elements are changed,
and which nobody else reads, is made where the changed one will be.

    >>> import numpy as np
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .trace import traced
    >>> def f(x):
    ...     padded = np.pad(2.0 * x, 1)
    ...     return padded[2:] - padded[:-2]
    >>> text = text_of(lowered(traced(f, np.ones(3)), "f").functions)
    >>> print(*[line for line in text.splitlines() if "#" not in line], sep="\\n")
    def f(x, constant):
        padded = np.empty((5,))
        for i in range(1):
            padded[0] = constant[i]
        for i in range(1):
            padded[4] = constant[i]
        t = np.empty((3,))
        for i in range(3):
            padded[1 + i] = 2.0 * x[i]
        for i in range(3):
            t[i] = padded[2 + i] - padded[i]
        return t
"""

import math
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from .operations import BY_ELEMENT, ELEMENTWISE, REDUCTIONS, WHOLE
from .program import Op, Value, example_of
from .rewrites import spans
from .views import View, chosen

_BY_ELEMENT = (ELEMENTWISE - WHOLE) | REDUCTIONS.keys() | BY_ELEMENT
READERS = ELEMENTWISE | REDUCTIONS.keys() | {"matmul", "scan", "switch"}     # keep no view of an operand
SPARSE = 4                                       # so many times more elements than are changed


class Hosts:
    """Where the arrays of a block are made, if not in memory of their own.

    There is the `whole`, which is put together of parts, and the `parts`. Of a sum with something `sparse`,
    as `dp.add_at` makes it, one part is all of it, in which some elements are increased; of a switch, what
    one side leaves as it is.
    """

    def __init__(self, block: Any):
        self.block = block
        self.whole: dict[Value, View] = {}
        self.parts: dict[Value, View] = {}
        self.made_within: set[tuple[Value, int]] = set()         # (what is put together, which operand)
        self.sparse: dict[Value, Op] = {}        # a sum -> the scatter in it
        self.late: set[Value] = set()            # what is scattered only there

    def settle(self) -> None:
        """Find them: the outermost first, which the others are parts of."""
        program = self.block.program
        for op in program.ops:
            if op.name == "add" and op.outs[0].shape and (scatter := self._scatter_in(op)):
                self.sparse[op.outs[0]] = scatter
                self.late.add(scatter.outs[0])
        for op in reversed(program.ops):
            if op.outs and op.outs[0] in self.sparse:
                self._settle_sum(op)
            elif op.name == "switch":
                self._settle_switch(op)
            elif is_put_together(op):
                self._settle(op)

    def place(self, x: Value) -> View | None:
        """Where an array is made, if that was settled."""
        return self.whole.get(x) or self.parts.get(x)

    def _settle(self, op: Op) -> None:
        """Give what is put together a place, and its parts one in it, if that saves anything."""
        out, block = op.outs[0], self.block
        inner = [(x, k) for k, x in enumerate(op.args) if self._may_be_made_within(x, out)]
        if out in block.places or not (inner or out in self.parts or not all(
                type(x) is Value for x in op.args) or op.name == "scatter"):
            return
        target = self.parts.get(out) or block.target(out)
        if out not in self.parts and target.memory is not None:
            target.memory.buffer.role = "shared"
        self.whole[out] = target
        parts = [*places_of_operands(op, target, block.to.table)]
        for x, k in inner:
            if parts[k].shape == x.shape and x not in self.parts:
                self.parts[x] = parts[k]
                self.made_within.add((out, k))

    def _may_be_made_within(self, x: Any, whole: Value) -> bool:
        """Whether an operand is made here, element by element, and read so."""
        block = self.block
        maker = block.program.maker.get(x) if type(x) is Value else None
        if maker is None or not x.shape or x.kind != whole.kind or x in self.parts or x in self.late:
            return False
        if x in block.outputs or x in block.places:
            return False
        return (maker.name in ELEMENTWISE - WHOLE or is_put_together(maker)) and all(
            user.name in _BY_ELEMENT for user in block.users(x))

    # -- what is changed in place

    def _scatter_in(self, op: Op) -> Op | None:
        """What is added at a few places, each once, in a sum; it is needed for nothing else."""
        for s, other in (op.args, op.args[::-1]):
            maker = self.block.program.maker.get(s) if type(s) is Value else None
            if (maker is not None and np.shape(example_of(other)) == op.outs[0].shape == s.shape
                    and s.kind == op.outs[0].kind == "f" and s is not other and s not in self.block.outputs
                    and _is_only(op, self.block.users(s)) and adds_few(maker)):
                return maker
        return None

    def base(self, op: Op) -> Any:
        """What something sparse is added to."""
        a, b = op.args
        return b if a is self.sparse[op.outs[0]].outs[0] else a

    def _settle_sum(self, op: Op) -> None:
        """Let what something sparse is added to be made where the sum will be."""
        out, x = op.outs[0], self.base(op)
        if self._is_used_up(x, op):
            self._share(x, out)

    def _settle_switch(self, op: Op) -> None:
        """Let what one side of a switch returns as it is be made where the result will be."""
        for k, out in enumerate(op.outs):
            for n, x in enumerate(op.args[1:]):
                if (out.shape and x not in self.parts and self._is_used_up(x, op) and x.kind == out.kind
                        and _may_be_changed(op, n, k)):
                    self._share(x, out)
                    break

    def _share(self, x: Value, out: Value) -> None:
        """Let an array be made where a result will be. (A switch fills memory, not a part of an array.)"""
        target = self.place(out) or self.block.target(out, whole=True)
        if target.memory is not None or self.block.program.maker[x].name != "switch":
            self.whole[out] = self.parts[x] = target

    def _is_used_up(self, x: Any, op: Op) -> bool:
        """Whether an array is made here, and needed for one operation alone."""
        block = self.block
        maker = block.program.maker.get(x) if type(x) is Value else None
        return (maker is not None and bool(x.shape) and x not in block.outputs and x not in block.places
                and _is_only(op, block.users(x)) and sum(y is x for y in op.args) == 1
                and (maker.name in ELEMENTWISE - WHOLE or maker.name == "switch"))


def _is_only(op: Op, users: list[Op]) -> bool:
    return len(users) == 1 and users[0] is op


def adds_few(op: Op) -> bool:
    """Whether a scatter adds few elements to an array, none of them twice."""
    if op.name not in ("scatter", "scatter_at") or (op.name == "scatter" and len(op.args) > 1):
        return False
    shape, g = op.options["shape"], np.shape(example_of(op.args[0]))
    if SPARSE * math.prod(g) > math.prod(shape):
        return False
    if op.name == "scatter_at":
        return not g
    places = np.arange(math.prod(shape)).reshape(shape)[op.options["indices"][0]]
    return places.shape == g and len(np.unique(places)) == places.size


def _may_be_changed(op: Op, n: int, k: int) -> bool:
    """Whether the operand n of a switch may be made where its result k is.

    One side returns it as it is. The other one does that, too, or keeps no view of it, so that it has been
    read before the result is written there.
    """
    kept = 0
    for body in op.bodies:
        x, outputs = body.inputs[n], body.outputs
        times = sum(y is x for y in outputs)
        if outputs[k] is x and times == 1 and x not in body.users:
            kept += 1
        elif times or any(user.name not in READERS for user in body.users.get(x, ())):
            return False
    return kept > 0


def is_put_together(op: Op) -> bool:
    """Whether an operation puts arrays side by side, or one into zeros."""
    out = op.outs[0]
    if op.name in ("stack", "concatenate"):
        return bool(math.prod(out.shape))
    return op.name == "scatter" and len(op.args) == 1 and bool(out.shape) and may_be_put(op) and (
        spans(op.options["indices"][0], op.options["shape"]) is not None)


def may_be_put(op: Op) -> bool:
    """Whether what is scattered may be put among zeros as it is: 0.0 + x is not x where that is -0.0.

    What arrives at a part of an array is scattered without a `zero`: its sign does not matter there.
    """
    return "zero" not in op.options or bool(np.signbit(op.options["zero"]))


def places_of_operands(op: Op, target: View, table: Any) -> Iterator[View]:
    """Where in its result each operand of such an operation goes."""
    if op.name == "scatter":
        yield chosen(target, itemgetter(op.options["indices"][0]), table)
        return
    axis, start = op.options.get("axis", 0) % op.outs[0].ndim, 0
    for x in op.args:
        n = 1 if op.name == "stack" else np.shape(x)[axis]
        here: Any = start if op.name == "stack" else slice(start, start + n)
        start += n
        yield chosen(target, itemgetter((*[slice(None)] * axis, here)), table)
