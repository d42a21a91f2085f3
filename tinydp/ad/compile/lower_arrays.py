"""Lowering what is neither elementwise nor a loop: views, products, running sums, joins.

A view costs nothing; a product is one call of a kernel, which takes its matrices as they lie in memory,
turned or not.
"""

import math
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from .blocks import Block, kernel, special
from .emitter import as_condition, as_number, of_kind
from .expressions import Apply, Buffer, Const, Load, Local, Memory
from .hosts import may_be_put, places_of_operands
from .operations import FLIPS, LOGICAL, MOVING, REDUCTIONS, SAME, SHAPING, WHOLE, axes_moved
from .program import Op, Value
from .statements import Call, See, Store
from .views import (
    View,
    affine,
    broadcast,
    chosen,
    is_static,
    moved,
    only_reshapes,
    whole,
    with_ones,
    without_ones,
)

# ---------------------------------------------------------------------------- views


@special(*SAME)
def same_memory(block: Block, op: Op) -> None:
    """What a program cannot tell from its operand."""
    block.to.bind(op.outs[0], block.to.get(op.args[0]))


@special("getitem", *FLIPS)
def elements(block: Block, op: Op) -> None:
    """Elements at any fixed index, or in the other order."""
    x, out = block.to.get(op.args[0]), op.outs[0]
    if not isinstance(x, View):
        block.to.bind(out, broadcast(x, out.shape) if out.shape else x)
        return
    if not is_static(x):
        raise NotCompiledError("indexing the steps up to an event cannot be compiled.",
                               "call the function without dp.compile.")
    if op.name == "getitem":
        found = chosen(x, lambda places: places[op.args[1]], block.to.table)
    else:
        found = chosen(x, lambda places: op.prim.fn(places, *op.args[1:], **op.options), block.to.table)
    block.to.bind(out, found if found.shape else found.at(()))


@special("broadcast_to")
def spread(block: Block, op: Op) -> None:
    """A number or an array in a larger shape."""
    x, out = block.to.get(op.args[0]), op.outs[0]
    block.to.bind(out, broadcast(x, out.shape) if out.shape else x)


@special(*MOVING)
def transposed(block: Block, op: Op) -> None:
    """Axes in another order. A matrix that a loop uses so is turned once, before it."""
    x, out = block.to.get(op.args[0]), op.outs[0]
    if not isinstance(x, View):
        block.to.bind(out, x)
        return
    view = moved(x, axes_moved(op))
    if view.turned and any(user.bodies for user in block.users(out)):
        view = block.to.copied(Local("turned", x.kind), view)
    block.to.bind(out, view)


@special(*SHAPING)
def shaped(block: Block, op: Op) -> None:
    """The same elements in the same order, in another shape."""
    x, out = block.to.get(op.args[0]), op.outs[0]
    if not isinstance(x, View):
        block.to.bind(out, broadcast(x, out.shape) if out.shape else x)
        return
    block.to.bind(out, reshaped(block, x, _sides(x, op)))


def _sides(x: View, op: Op) -> tuple:
    """The shape of a reshaped array, with what is only known after an event in its place."""
    shape = op.outs[0].shape
    lengths = [n for n in x.shape if isinstance(n, Local)]
    if not lengths:
        return shape
    if lengths == [x.shape[0]] and shape[:1] == (1,) and math.prod(shape) == math.prod(op.args[0].shape):
        return (lengths[0], *shape[1:])          # the example has one step
    raise NotCompiledError("reshaping the steps up to an event cannot be compiled.",
                           "call the function without dp.compile.")


def reshaped(block: Block, x: View, shape: tuple) -> Any:
    """An array in another shape."""
    if not shape:
        return x.at((0,) * len(x.shape))
    if without_ones(x.shape) == without_ones(shape):
        return with_ones(x, shape)
    memory = block.to.memory(x)
    there = block.to.reshaped(memory, shape)
    if there.buffer.shape == shape:
        return whole(there.buffer)
    buffer = Buffer(memory.buffer.label, shape, x.kind, memory.buffer.role, seen=memory.buffer)
    block.to.emit(See(buffer, memory))
    return whole(buffer)


# ---------------------------------------------------------------------------- products

FOR_BLAS = 2**24, 2**17                          # multiplications, from which on BLAS is called; if narrow
BLAS_COLUMNS = 8                                 # columns, below which kernels of ours do one after the other


@special("matmul")
def matmul(block: Block, op: Op) -> None:
    """A product of two matrices, or vectors."""
    (a, b), out, to = op.args, op.outs[0], block.to
    x, y = to.get(a), to.get(b)
    if max(np.ndim(a), np.ndim(b)) > 2:
        raise NotCompiledError("a matmul of more than two axes cannot be compiled.",
                               "call the function without dp.compile.")
    x, y = numbers(block, x), numbers(block, y)
    if not out.shape:
        local = to.local(out)
        to.emit(Call("dot", [to.memory(x), to.memory(y)], [local]))
        block.made(out, local)
        return
    shape = (*x.shape[:-1], *y.shape[1:])
    place = block.target(out, shape, whole=True)
    assert place.memory is not None
    to.bind(out, place)
    vectors = [(1,), (1, 1)]
    if shape in vectors and len(x.shape) + len(y.shape) > 2:
        local = Local("t", "f")
        to.emit(Call("dot", [vector(block, x), vector(block, y)], [local]))
        to.emit(Store(place.at((0,) * len(shape)), local))
    elif len(x.shape) == 1 or x.shape[0] == 1:
        result = to.reshaped(place.memory, (shape[-1],))
        if y.turned:
            matrix_times(block, y.turned, x, result)
        else:
            kernel(to, "vecmat", [vector(block, x), to.memory(y)], result)
    elif len(y.shape) == 1 or y.shape[1] == 1:
        result = to.reshaped(place.memory, (shape[0],))
        if x.turned:
            kernel(to, "vecmat", [vector(block, y), to.memory(x.turned)], result)
        else:
            matrix_times(block, x, y, result)
    elif _is_for_blas(x.shape, y.shape):
        a, b = x.turned or x, y.turned or y
        kernel(to, "product_into", [to.memory(a), to.memory(b), Const(int(x.turned is not None)),
                                    Const(int(y.turned is not None))], place.memory)
    elif x.turned:
        kernel(to, "matmul_tn", [to.memory(x.turned), to.memory(y)], place.memory)
    elif y.turned:
        kernel(to, "matmul_nt", [to.memory(x), to.memory(y.turned)], place.memory)
    else:
        kernel(to, "matmul", [to.memory(x), to.memory(y)], place.memory)


def _is_for_blas(a: tuple, b: tuple) -> bool:
    """Whether BLAS multiplies such matrices faster than a kernel of ours; it has to be loaded first."""
    sides = *a, b[1]
    return all(type(n) is int for n in sides) and math.prod(sides) >= FOR_BLAS[b[1] < BLAS_COLUMNS]


def matrix_times(block: Block, a: View, x: View, result: Memory) -> None:
    """a @ x of a vector; by columns, if there is a copy where these lie side by side."""
    to = block.to
    if a.across:
        kernel(to, "vecmat", [vector(block, x), to.memory(a.across)], result)
    else:
        kernel(to, "matvec", [to.memory(a), vector(block, x)], result)


def vector(block: Block, x: View) -> Memory:
    """A row or a column as a vector."""
    (side,) = without_ones(x.shape) or [1]
    return block.to.memory(x, (side,))


def numbers(block: Block, x: View) -> View:
    """An array of conditions as one of numbers, for a kernel."""
    return x if x.kind == "f" else block.to.copied(
        Local("numbers", "f"), View(x.shape, "f", lambda at: as_number(x.at(at))))


# ---------------------------------------------------------------------------- of numbers, and running

@special(*REDUCTIONS)
def of_number(block: Block, op: Op) -> None:
    """The sum, or the like, of a single number."""
    x = block.to.get(op.args[0])
    logical = REDUCTIONS[op.name][1] in LOGICAL
    block.made(op.outs[0], as_condition(x) if logical else of_kind(x, op.outs[0].kind))


@special("cumsum", "cumprod")
def running(block: Block, op: Op) -> None:
    """Running sums or products along an axis."""
    out, to = op.outs[0], block.to
    x = to.get(op.args[0])
    target = block.target(out, x.shape)
    to.bind(out, target)
    k = int(op.args[1] if len(op.args) > 1 else op.options["axis"]) % out.ndim
    name = "add" if op.name == "cumsum" else "multiply"
    with to.loops(x.shape) as index:
        before = target.at((*index[:k], affine(index[k], -1, 1), *index[k + 1:]))
        value = of_kind(x.at(index), out.kind)
        is_first = Apply("equal", (index[k], Const(0)), "b")
        to.emit(Store(target.at(index), Apply("where", (
            is_first, value, Apply(name, (before, value), out.kind)), out.kind)))


@special(*WHOLE)
def of_all(block: Block, op: Op) -> None:
    """A function of each element, by a kernel for all of them."""
    x, to = numbers(block, block.to.get(op.args[0])), block.to
    target = block.target(op.outs[0], x.shape, whole=True)
    assert target.memory is not None
    kernel(to, f"{op.name}_into", [to.memory(x)], target.memory)
    to.bind(op.outs[0], target)


@special("all_finite")
def all_finite(block: Block, op: Op) -> None:
    """Whether there is neither infinity nor nan."""
    x, to = block.to.get(op.args[0]), block.to
    if x.kind != "f":
        block.made(op.outs[0], Const(True))
    elif not isinstance(x, View):
        block.made(op.outs[0], Apply("isfinite", (x,), "b"))
    else:
        local = to.local(op.outs[0], "finite")
        to.emit(Call("all_finite", [to.memory(x)], [local]))
        block.made(op.outs[0], local)


# ---------------------------------------------------------------------------- joins

@special("stack", "concatenate")
def joined(block: Block, op: Op) -> None:
    """Arrays side by side, on a new axis or not."""
    target = block.target(op.outs[0])
    put_together(block, op, target)
    block.to.bind(op.outs[0], target)


def put_together(block: Block, op: Op, target: View) -> None:
    """Fill an array with its parts: with those that were not made there, see `hosts.py`; constants once."""
    to, out, hosts = block.to, op.outs[0], block.hosts
    for k, (x, part) in enumerate(zip(op.args, places_of_operands(op, target, to.table), strict=True)):
        if out in hosts.whole and type(x) is not Value:
            with to.within(to.head):
                put(block, to.get(x), part)
        elif (out, k) not in hosts.made_within or to.get(x) is not hosts.parts[x]:
            put(block, to.get(x), part)


@special("scatter")
def scatter(block: Block, op: Op) -> None:
    """Zeros, to which each operand is added at its index."""
    out, to, shape, indices = op.outs[0], block.to, op.options["shape"], op.options["indices"]
    first, zero = to.get(op.args[0]), Const(op.options.get("zero", 0.0))
    if not shape:
        total: Any = zero
        for x in map(to.get, op.args):
            total = Apply("add", (total, x.at((0,) * len(x.shape)) if isinstance(x, View) else x), "f")
        to.bind(out, total)
        return
    if (len(op.args) == 1 and may_be_put(op) and isinstance(first, View) and out not in block.places
            and is_static(first) and math.prod(first.shape) == math.prod(shape)
            and only_reshapes(indices[0], shape)):
        to.bind(out, reshaped(block, first, shape))
        return
    target = block.target(out)
    if out in block.hosts.whole:
        with to.within(to.head):
            to.copy(zero, target)
        put_together(block, op, target)
        to.bind(out, target)
        return
    to.copy(zero, target)
    for index, x in zip(indices, op.args, strict=True):
        put(block, to.get(x), chosen(target, itemgetter(index), to.table), add=True)
    to.bind(out, target)


def put(block: Block, x: Any, part: View, add: bool = False) -> None:
    """Set, or increase, a part of an array."""
    if part.shape:
        block.to.copy(x, part, add)
        return
    place: Load = part.at(())
    x = of_kind(x, part.kind)
    block.to.emit(Store(place, Apply("add", (place, x), part.kind) if add else x))


