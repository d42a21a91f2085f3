"""Rows side by side: what a program does with one row, as operations on arrays of many rows.

A map (`dp.vmap`) runs its step row by row, which is right and leaves a processor idle: it computes with
several numbers at once, and a product of two matrices takes a fraction of the time of as many products of a
matrix and a vector. So where it is known how, each operation of the step is done for many rows at once:

    >>> from .trace import traced
    >>> body = traced(lambda x, w: np.tanh(w @ x) * np.sum(x), np.zeros(3), np.zeros((2, 3)))
    >>> print(body)
    given x: f(3,), w: f(2, 3)
    t: f(2,) = matmul(w, x)
    t_1: f(2,) = tanh(t)
    t_2: f = sum(x)
    t_3: f(2,) = multiply(t_1, t_2)
    return t_3
    >>> print(traced(lambda x, w: side_by_side(body, [x], [w], 4), np.zeros((4, 3)), np.zeros((2, 3))))
    given x: f(4, 3), w: f(2, 3)
    t: f(3, 2) = transpose(w)
    t_1: f(4, 2) = matmul(x, t)
    t_2: f(4, 2) = tanh(t_1)
    t_3: f(4,) = sum(x, axis=(1,))
    t_4: f(4, 1) = reshape(t_3, shape=(4, 1))
    t_5: f(4, 2) = multiply(t_2, t_4)
    return t_5

This is done when the map is written down, before anything is differentiated: so the backward pass goes side
by side as well. What is not known here (an event, a branch, a function with a gradient of its own) leaves the
map as it is, row by row.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..primitives import sweeping
from ..values import is_condition, plain, shape
from ..watch import tracer
from .loops import SCAN
from .marks import ALIAS, STOPPED
from .operations import ELEMENTWISE, FLIPS, MOVING, REDUCTIONS, RUNNING, SAME, SHAPING, axes_moved
from .program import Op, Program, Value
from .proxy import recorded
from .rows import index_parts


class NotSideBySide(Exception):
    """There is an operation in the step that is not known for many rows."""


class Rows(NamedTuple):
    """The values of one thing in all rows: the first axis is that of the rows."""

    all: Any


def side_by_side(body: Program, rows: list, shared: list, size: int) -> list:
    """The outputs of a program for `size` rows at once, along the first axis of each.

    Its first inputs are those of a row, the rest is the same for all. Raises `NotSideBySide`.
    """
    lanes = Lanes(size)
    return [lanes.spread(x, shape(y)) for x, y in
            zip(lanes.run(body, [*map(Rows, rows), *shared]), body.outputs, strict=True)]


class Lanes:
    """So many rows at once."""

    def __init__(self, size: int):
        self.size = size

    def run(self, program: Program, given: list) -> list:
        """The outputs of a program, `Rows` where they depend on some of its inputs that are."""
        trace = tracer()
        values: dict[Value, Any] = dict(zip(program.inputs, given, strict=True))

        def now(x: Any) -> Any:
            return values[x] if type(x) is Value else x

        for op in program.ops:
            args = [*map(now, op.args)]
            token = sweeping.set(op.back)
            try:
                with trace.at(op.spot, op.back):
                    results = self.done(op, args)
            finally:
                sweeping.reset(token)
            values.update(zip(op.outs, results, strict=True))
        return [*map(now, program.outputs)]

    def done(self, op: Op, args: list) -> list:
        """The results of one operation."""
        if op.prim is SCAN:
            return self.scan(op, args)
        if not any(type(x) is Rows for x in args):
            if op.bodies:
                return list(op.prim(*args, **op.options))
            return [self.called(op, args, op.options)]
        rule = (BATCHING_RULES.get(op.name) if op.prim is not ALIAS and op.prim is not STOPPED else _same)
        if rule is None and (op.prim.elementwise or op.name in ELEMENTWISE):
            rule = elementwise
        if rule is None or op.bodies or len(op.outs) != 1:
            raise NotSideBySide(op.name)
        y = rule(self, op, args)
        (out,) = op.outs
        if shape(y) != (self.size, *out.shape) or is_condition(y) != (out.kind == "b"):
            raise NotSideBySide(f"{op.name}, which would be of shape {shape(y)}")
        return [Rows(y)]

    def called(self, op: Op, args: list, options: dict) -> Any:
        """An operation as the user would have written it."""
        if op.prim is STOPPED:
            return recorded(STOPPED, (plain(args[0]),), options)[0]
        return op.prim(*args, **options)

    def spread(self, x: Any, sides: tuple) -> Any:
        """All rows of a value; what is the same in each is repeated."""
        return x.all if type(x) is Rows else np.broadcast_to(_array(x), (self.size, *sides))

    def table(self, places: Any) -> Any:
        """An array of positions, as programs keep it."""
        return tracer().arrays.kept(places)

    def lined_up(self, x: Any, ndim: int) -> Any:
        """An operand of what works element by element and makes rows of so many axes."""
        if type(x) is not Rows:
            return x
        sides = shape(x.all)
        missing = ndim - (len(sides) - 1)
        return x.all if missing == 0 else np.reshape(x.all, (self.size, *(1,) * missing, *sides[1:]))

    # -- loops

    def scan(self, op: Op, args: list) -> list:
        """A loop within the step: one loop for all rows, whose carry has a value for each."""
        options, body = op.options, op.body
        n, m, length = options["carries"], options["rows"], options["length"]
        assert body is not None
        if length is None or length == 0:
            raise NotSideBySide("a loop up to an event")
        carried = _carried_rows(body, n, [type(x) is Rows for x in args])
        inits = [self.spread(x, shape(y)) if by_row else x
                 for x, y, by_row in zip(args, body.inputs, carried, strict=False)]
        stacks, by_row = [], [*carried]
        for x in args[n: n + m]:
            by_row.append(type(x) is Rows)
            stacks.append(np.swapaxes(x.all, 0, 1) if type(x) is Rows else x)
        captured = args[n + m:]

        def step(given: list) -> tuple[list, list]:
            rows = [Rows(x) if is_row else x for x, is_row in zip(given, by_row, strict=True)]
            outputs = self.run(body, [*rows, *captured])
            carry = [self.spread(x, shape(y)) if is_row else x
                     for x, y, is_row in zip(outputs, body.inputs, carried, strict=False)]
            stacked[:] = [type(x) is Rows for x in outputs[n:]]
            return carry, [x.all if type(x) is Rows else x for x in outputs[n:]]

        stacked: list[bool] = []
        labels = [x.label for x in body.inputs[: n + m]]
        carry, ys = tracer().loop(step, inits, stacks, labels, length, options["reverse"], options["again"])
        return [*(Rows(x) if is_row else x for x, is_row in zip(carry, carried, strict=True)),
                *(Rows(np.swapaxes(x, 0, 1)) if is_row else x for x, is_row in zip(ys, stacked, strict=True))]


def _carried_rows(body: Program, n: int, given: list[bool]) -> list[bool]:
    """Which carries differ from row to row: those that start so, or become so in some step."""
    carried = given[:n]
    while True:
        outputs = _by_row(body, [*carried, *given[n:]])
        now = [a or b for a, b in zip(carried, outputs, strict=False)]
        if now == carried:
            return carried
        carried = now


def _by_row(program: Program, given: list[bool]) -> list[bool]:
    """Which outputs depend on inputs that differ from row to row."""
    found = {x for x, by_row in zip(program.inputs, given, strict=True) if by_row}
    for op in program.ops:
        if not found.isdisjoint(op.operands):
            found.update(op.outs)
    return [type(x) is Value and x in found for x in program.outputs]


def _array(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, (bool, int, float)) else x


# ---------------------------------------------------------------------------- one operation

def elementwise(lanes: Lanes, op: Op, args: list) -> Any:
    """Element by element."""
    ndim = op.outs[0].ndim
    args = [lanes.lined_up(x, ndim) for x in args]
    if op.name in ("power", "float_power") and not ndim and type(args[1]) is float and args[1] == 0.5:
        args[1] = np.array([0.5])                # NumPy takes a root of arrays, which is not the same
    return lanes.called(op, args, op.options)


def _same(lanes: Lanes, op: Op, args: list) -> Any:
    """What only marks its operand, or returns it."""
    return args[0].all if op.name in SAME else lanes.called(op, [args[0].all], op.options)


def reduction(lanes: Lanes, op: Op, args: list) -> Any:
    """A sum or the like along axes of each row."""
    (x, *more), options = args, dict(op.options)
    axis, ndim = more[0] if more else options.pop("axis", None), len(shape(x.all)) - 1
    options.pop("axis", None)
    return lanes.called(op, [x.all], options | {"axis": tuple([k + 1 for k in _axes(axis, ndim)])})


def _axes(axis: Any, ndim: int) -> list[int]:
    """Axes as NumPy sees them: None is all; a number has none."""
    return [*range(ndim)] if axis is None or not ndim else [int(k) % ndim for k in np.atleast_1d(axis)]


def _along(lanes: Lanes, op: Op, args: list) -> Any:
    """Running sums along one axis of each row."""
    (x, *more), options = args, dict(op.options)
    axis = more[0] if more else options.pop("axis", None)
    if axis is None or op.outs[0].ndim != len(shape(x.all)) - 1:
        raise NotSideBySide(op.name)
    return lanes.called(op, [x.all], {"axis": int(axis) % op.outs[0].ndim + 1})


def _shaped(lanes: Lanes, op: Op, args: list) -> Any:
    """The elements of each row in another shape."""
    if op.options.get("order", "C") != "C":
        raise NotSideBySide(op.name)
    return np.reshape(args[0].all, (lanes.size, *op.outs[0].shape))


def _moved(lanes: Lanes, op: Op, args: list) -> Any:
    """The axes of each row in another order."""
    return np.transpose(args[0].all, (0, *(k + 1 for k in axes_moved(op))))


def flipped(lanes: Lanes, op: Op, args: list) -> Any:
    """The elements of each row from the last to the first."""
    axis = {"fliplr": 1, "flipud": 0}.get(op.name, args[1] if len(args) > 1 else op.options.get("axis"))
    return np.flip(args[0].all, tuple([k + 1 for k in _axes(axis, op.outs[0].ndim)]))


def _element(lanes: Lanes, op: Op, args: list) -> Any:
    """The elements of each row at an index."""
    if len(args) != 2 or type(args[0]) is not Rows:
        raise NotSideBySide("an index that is computed")
    x, index = args[0].all, args[1]
    sides = shape(x)[1:]
    if _is_basic(index):
        return x[(slice(None), *index_parts(index))]
    return np.reshape(x, (lanes.size, math.prod(sides)))[:, _places(sides, index)]


def _is_basic(index: Any) -> bool:
    """Whether an index takes the axes one by one, each where it is; an index of arrays may move them."""
    parts = index_parts(index)
    if not all(isinstance(k, (int, slice, list, np.ndarray, type(None), type(Ellipsis))) for k in parts):
        raise NotSideBySide("an index that is computed")
    return not any(isinstance(k, (list, np.ndarray)) for k in parts)


def _places(sides: tuple, index: Any) -> Any:
    """Which elements of a row an index takes, if they are laid out in a line."""
    return np.arange(math.prod(sides)).reshape(sides)[index]


def _scattered(lanes: Lanes, op: Op, args: list) -> Any:
    """The operands of each row at their indices in zeros."""
    sides, indices = op.options["shape"], op.options["indices"]
    xs = [lanes.spread(x, shape(x)) for x in args]
    if all(map(_is_basic, indices)):
        parts = [(slice(None), *index_parts(index)) for index in indices]
        return lanes.called(op, xs, op.options | {"shape": (lanes.size, *sides), "indices": parts})
    places = [(slice(None), lanes.table(_places(sides, index))) for index in indices]
    options = op.options | {"shape": (lanes.size, math.prod(sides)), "indices": places}
    flat = lanes.called(op, xs, options)
    return np.reshape(flat, (lanes.size, *sides))


def repeated(lanes: Lanes, op: Op, args: list) -> Any:
    """Each row in a larger shape."""
    return np.broadcast_to(lanes.lined_up(args[0], op.outs[0].ndim), (lanes.size, *op.outs[0].shape))


def _joined(lanes: Lanes, op: Op, args: list) -> Any:
    """Parts of each row side by side."""
    axis = int(op.options.get("axis", 0)) % op.outs[0].ndim + 1
    xs = [lanes.spread(x, shape(x) if type(x) is not Rows else ()) for x in args]
    return lanes.called(op, xs, op.options | {"axis": axis})


MOST_PRODUCTS = 2_048                            # of numbers in a product of two matrices of one row


def product(lanes: Lanes, op: Op, args: list) -> Any:
    """Products of matrices and vectors: for all rows one product, if one factor is the same for all."""
    a, b = args
    n, m = (len(shape(x.all)) - 1 if type(x) is Rows else len(shape(x)) for x in args)
    if max(n, m) > 2:
        raise NotSideBySide("a product of more than two axes")
    if type(b) is not Rows:
        return _rows_times(lanes, a.all, b, n)
    if type(a) is not Rows:                      # a @ b is (b.T @ a.T).T
        turned = b.all if m == 1 else np.swapaxes(b.all, 1, 2)
        y = _rows_times(lanes, turned, a if n == 1 else np.transpose(a), m)
        return np.swapaxes(y, 1, 2) if n == m == 2 else y
    a, b = a.all, b.all
    if n == m == 1:
        return np.sum(a * b, axis=1)
    left = a if n == 2 else np.expand_dims(a, 1)
    right = np.swapaxes(b, 1, 2) if m == 2 else np.expand_dims(b, 1)
    terms = np.expand_dims(left, 2), np.expand_dims(right, 1)
    (_, p, k), q = shape(left), shape(right)[1]
    if p * k * q > MOST_PRODUCTS:
        raise NotSideBySide("a large product of two matrices that differ from row to row")
    y = np.sum(terms[0] * terms[1], axis=3)
    return np.reshape(y, (lanes.size, *op.outs[0].shape))


def _rows_times(lanes: Lanes, a: Any, b: Any, ndim: int) -> Any:
    """Each row, a vector or a matrix, times one vector or matrix."""
    if ndim == 1:
        return np.matmul(a, b)
    size, p, k = shape(a)
    y = np.matmul(np.reshape(a, (size * p, k)), b)
    return np.reshape(y, (size, p, *shape(b)[1:]))


def length_of(lanes: Lanes, op: Op, args: list) -> Any:
    """A norm, or the like, along axes of each row."""
    x, options = args[0].all, dict(op.options)
    axis, ndim = options.pop("axis", None), len(shape(x)) - 1
    if len(args) > 1 or not ndim:
        raise NotSideBySide(op.name)
    axes = _axes(axis, ndim)
    if op.name == "norm" and len(axes) > 2:
        raise NotSideBySide(op.name)
    moved = tuple([k + 1 for k in axes])
    return lanes.called(op, [x], options | {"axis": moved if len(moved) > 1 else moved[0]})


BATCHING_RULES: dict[str, Callable[[Lanes, Op, list], Any]] = {
    **dict.fromkeys(SAME, _same), **dict.fromkeys(REDUCTIONS, reduction), **dict.fromkeys(RUNNING, _along),
    **dict.fromkeys(SHAPING, _shaped), **dict.fromkeys(MOVING, _moved), **dict.fromkeys(FLIPS, flipped),
    operator.getitem.__name__: _element, "scatter": _scattered, "broadcast_to": repeated, "stack": _joined,
    "concatenate": _joined, "matmul": product, "norm": length_of, "std": length_of}


# ---------------------------------------------------------------------------- how many at once

ROOM = 2**16                                     # numbers in the largest array of a block of rows
MOST_ROWS, FEWEST_ROWS = 64, 8                   # rows in a block
ROWS_FOR_LOOPS = 4                               # rows, from which on loops inside are worth an array


def block_of(body: Program, n: int, parallel: bool) -> int:
    """How many of `n` rows are computed at once; 0 if a row is so large that it is better alone.

    So are few rows with loops inside: numbers that a loop carries stay in the processor's registers, arrays
    do not. It is a number that divides `n`, if there is one of at least a quarter of what would have room.
    """
    if n < ROWS_FOR_LOOPS and any(op.bodies for op in body.ops):
        return 0
    largest = _largest(body)
    room = ROOM // max(largest, 1)
    most = min(MOST_ROWS, room, max(FEWEST_ROWS, n // 8) if parallel else n)
    if min(most, n) < min(FEWEST_ROWS, n):
        return 0
    divisors = [k for k in range((most + 3) // 4, most + 1) if k and n % k == 0]
    return divisors[-1] if divisors else min(most, n)


def _largest(program: Program) -> int:
    """How many elements the largest value of a program has, without the stacks of its loops."""
    found = 1
    for op in program.ops:
        if op.bodies:
            found = max([found, *map(_largest, op.bodies)])
        else:
            found = max([found, *(math.prod(x.shape) for x in op.outs)])
    return found
