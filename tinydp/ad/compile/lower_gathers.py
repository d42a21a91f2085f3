r"""Lowering what depends on integers: checks, elements at computed places, sorting and searching.

    >>> import numpy as np
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .trace import traced
    >>> text = text_of(lowered(traced(lambda x, i: x[i], np.zeros(3), 1), "f").functions)
    >>> print(*[line for line in text.splitlines() if "#" not in line], sep="\n")
    def f(x, i):
        if i < -3 or i >= 3:
            raise ArithmeticError('an index is out of range')
        t = i + 3 if i < 0 else i
        return x[t]

A check is a statement before the expression in which its operand is used, so what comes after it need not
look again: a gather is a view, which costs nothing but its index.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from ..rules.gathers import filled
from ..rules.gathers import in_range as known_position
from .blocks import CHECKED, Block, special
from .emitter import Emitter, as_number
from .expressions import Apply, Const, Local, Memory
from .lower_arrays import numbers, put
from .program import Op, Value, example_of
from .statements import Call, Fail, For, If, Let, Store
from .views import View, _position, broadcast, chosen, is_static, own_positions

# ---------------------------------------------------------------------------- checks


def lowers_check(name: str) -> Callable:
    """Decorator: this lowers the operation of this name; the first of its operands is in a variable."""
    def register(f: Callable[[Emitter, Op, Any, list], Any]) -> Callable:
        def lower(to: Emitter, op: Op, args: list) -> Any:
            x = args[0]
            if not isinstance(x, (Local, Const)):
                x = to.let(Local(to.local(op.outs[0]).label or "t", x.kind), x)
            return f(to, op, x, args[1:])

        CHECKED[name] = lower
        return f

    return register


def fail_if(to: Emitter, wrong: Any, what: str) -> None:
    """Fail if this condition holds."""
    to.emit(If(wrong, [Fail(what)]))


def _is(name: str, a: Any, b: Any) -> Apply:
    return Apply(name, (a, b), "b")


def _or(a: Any, b: Any) -> Apply:
    return Apply("logical_or", (a, b), "b")


@lowers_check("in_range")
def in_range(to: Emitter, op: Op, i: Any, others: list) -> Any:
    """The position of an index that may count from the end."""
    n = op.options["n"]
    fail_if(to, _or(_is("less", i, Const(-n)), _is("greater_equal", i, Const(n))), "an index is out of range")
    return Apply("where", (_is("less", i, Const(0)), Apply("add", (i, Const(n)), "i"), i), "i")


@lowers_check("beyond")
def beyond(to: Emitter, op: Op, i: Any, others: list) -> Any:
    """An index that does not count from the end."""
    fail_if(to, _is("less", i, Const(0)), "an index is out of range")
    return i


@lowers_check("to_integer")
def to_integer(to: Emitter, op: Op, x: Any, others: list) -> Any:
    """A real number without what is behind the point; nan fails as well."""
    small = _is("less", Apply("abs", (x,), "f"), Const(9.2e18))
    fail_if(to, Apply("logical_not", (small,), "b"), "there is no such integer")
    return Apply("int", (x,), "i")


@lowers_check("nonzero")
def nonzero(to: Emitter, op: Op, k: Any, others: list) -> Any:
    """A divisor."""
    fail_if(to, _is("equal", k, Const(0)), "a division by zero")
    return k


@lowers_check("fits")
def fits(to: Emitter, op: Op, k: Any, others: list) -> Any:
    """An integer that is as large as it should be."""
    large = _is("greater", Apply("abs", (others[0],), "f"), Const(9.2e18))
    fail_if(to, large, "an integer is too large")
    return k


@lowers_check("exactly")
def exactly(to: Emitter, op: Op, k: Any, others: list) -> Any:
    """An integer that is the same as a real number."""
    large = _or(_is("greater", k, Const(2**53)), _is("less", k, Const(-2**53)))
    fail_if(to, large, "an integer is too large")
    return k


@lowers_check("done")
def is_done(to: Emitter, op: Op, x: Any, others: list) -> Any:
    """True, once there is a value."""
    return Const(True)


# ---------------------------------------------------------------------------- gather and scatter

def elements_at(block: Block, x: View, op: Op, first: int) -> View:
    """The elements of an array at an index with computed parts; NumPy says where each is to be found.

    As for an index that is fixed, NumPy is given arrays in which each element holds its own position along
    one axis. Where a part is computed, what is wanted is which of its elements is used: so the array is as
    long there as the part, which holds the position of each of its own elements instead.

    Take x of the shape (5, 3), and x[k] with k of the shape (2,). Axis 1 is not computed: the columns 0, 1, 2
    at any two rows say that the element (i, j) is in column j. For axis 0, k is replaced by its own positions
    (0, 1), and the array by one of two rows: so the element (i, j) uses k[i]. Together, it is x[k[i], j].
    """
    index = op.options["index"]
    if not is_static(x):
        raise NotCompiledError("indexing the steps up to an event cannot be compiled.",
                               "call the function without dp.compile.")
    computed = _axes(index, len(x.shape))
    sides = {k: x.shape[axis] for axis, k in computed.items()}
    values = [block.to.get(_from_zero(v, sides[k])) for k, v in enumerate(op.args[first:])]
    shapes = [v.shape if isinstance(v, View) else () for v in values]
    zeros = [np.broadcast_to(0, shape) for shape in shapes]
    shape = np.broadcast_to(0, x.shape)[filled(index, zeros)].shape
    found: list[Any] = []
    for axis, places in enumerate(own_positions(x.shape)):
        if axis not in computed:
            found.append(_position(places[filled(index, zeros)], block.to.table))
            continue
        k = computed[axis]
        used = []
        for m, own in enumerate(own_positions(shapes[k])):
            longer = tuple([shapes[k][m] if n == axis else side for n, side in enumerate(x.shape)])
            numbers_of = own_positions(longer)[axis]
            parts = [own if j == k else z for j, z in enumerate(zeros)]
            used.append(_position(numbers_of[filled(index, parts)], block.to.table))
        found.append(_read(values[k], used))
    return View(shape, x.kind, lambda at: x.at(tuple([axis(at) for axis in found])))


def _from_zero(x: Any, n: int) -> Any:
    """A position that is known, from 0 on: memory knows of no other. A computed one is so already."""
    return x if type(x) is Value else known_position(x, n=n)


def _read(value: Any, used: list) -> Callable[[tuple], Any]:
    """How a computed position follows from the indices of the result."""
    if not isinstance(value, View):
        return lambda at: value
    return lambda at: value.at(tuple([axis(at) for axis in used]))


def _axes(index: tuple, ndim: int) -> dict[int, int]:
    """Which axis has which of the computed positions."""
    from ..rules.gathers import axes_of_index  # noqa: PLC0415

    plain = tuple([np.array(0) if type(part) is str else part for part in index])
    axes = axes_of_index(plain, ndim)
    return {axis: int(part[1:]) for part, axis in zip(index, axes, strict=True) if type(part) is str}


@special("gather")
def gather(block: Block, op: Op) -> None:
    """Elements at computed places."""
    x = block.to.get(op.args[0])
    found = elements_at(block, _as_view(block, x, np.shape(example_of(op.args[0]))), op, 1)
    block.to.bind(op.outs[0], found if found.shape else found.at(()))


def _as_view(block: Block, x: Any, shape: tuple) -> View:
    return x if isinstance(x, View) else broadcast(x, shape)


@special("scatter_at")
def scatter_at(block: Block, op: Op) -> None:
    """Zeros, to which something is added at computed places."""
    out, to = op.outs[0], block.to
    target = block.target(out)
    to.copy(Const(op.options.get("zero", 0.0)), target)
    add_at(block, op, target)
    to.bind(out, target)


def add_at(block: Block, op: Op, target: View) -> None:
    """Add what is scattered to an array."""
    g, part = block.to.get(op.args[0]), elements_at(block, target, op, 1)
    if part.shape:
        block.to.copy(g, part, add=True)
    else:
        place = part.at(())
        block.to.emit(Store(place, Apply("add", (place, as_number(g)), "f")))


@special("add_at")
def added(block: Block, op: Op) -> None:
    """A sum of an array and of what is scattered to a few places: these are increased, perhaps in a copy."""
    out, to, scatter = op.outs[0], block.to, block.hosts.sparse[op.outs[0]]
    for y in scatter.args:
        block.ready(y)
    x = block.ready(block.hosts.base(op))
    to.comment(op)
    target = block.renewable(op, out.shape) or block.target(out)
    if x is not target and (not isinstance(x, View) or x.memory is None or x.memory != target.memory):
        to.copy(x, target)
    if scatter.name == "scatter_at":
        add_at(block, scatter, target)
    else:
        part = chosen(target, itemgetter(scatter.options["indices"][0]), to.table)
        put(block, to.get(scatter.args[0]), part, add=True)
    to.bind(out, target)


# ---------------------------------------------------------------------------- the first of the largest

@special("argmax", "argmin")
def first_of(block: Block, op: Op) -> None:
    """Where the first of the largest, or smallest, elements of the last axis is; nan is both."""
    x, out, to = block.to.get(op.args[0]), op.outs[0], block.to
    compare = "greater" if op.name == "argmax" else "less"
    target = block.target(out) if out.shape else None
    with to.loops(out.shape) as lane:
        best, value = Local("best", "i"), Local("extreme", "f")
        to.emit(Let([best, value], [Const(0), as_number(x.at((*lane, 0)))]))
        k, body = Local("k", "i"), list[Any]()
        with to.within(body):
            new = to.let(Local("t", "f"), as_number(x.at((*lane, k))))
            is_nan, was_nan = (Apply("isnan", (z,), "b") for z in (new, value))
            better = Apply("logical_and", (_or(_is(compare, new, value), is_nan),
                                           Apply("logical_not", (was_nan,), "b")), "b")
            to.emit(If(better, [Let([best, value], [k, new])]))
        to.emit(For(k, x.shape[-1], body))
        if target is not None:
            to.emit(Store(target.at(lane), best))
    if target is None:
        block.made(out, best)
    else:
        to.bind(out, target)


# ---------------------------------------------------------------------------- sorting and searching

@special("argsort")
def argsort(block: Block, op: Op) -> None:
    """The order of the elements of the last axis, by a kernel for each lane."""
    to, out = block.to, op.outs[0]
    x = to.memory(numbers(block, to.get(op.args[0])))
    target = block.target(out, whole=True)
    to.bind(out, target)
    n = out.shape[-1]
    work, there = to.memory(to.allocate(Local("work", "i"), (n,), "i")), to.memory(target)
    with to.loops(out.shape[:-1]) as lane:
        ties = Local("ties", "b")
        row = [Memory(m.buffer, (*m.prefix, *lane), (n,)) for m in (x, there)]
        to.emit(Call("argsort_into", [row[0], work, row[1]], [ties], [work.buffer, there.buffer]))
        if not op.options["stable"]:
            fail_if(to, ties, "equal elements are in an order of NumPy's own")


@special("searchsorted")
def searchsorted(block: Block, op: Op) -> None:
    """Where each of some numbers belongs in a row that is in order."""
    to, out = block.to, op.outs[0]
    row, v = to.memory(numbers(block, to.get(op.args[0]))), to.get(op.args[1])
    name = f"search_{op.options['side']}"
    if not out.shape:
        found = to.local(out)
        to.emit(Call(name, [row, as_number(v)], [found]))
        block.made(out, found)
        return
    target = block.target(out)
    with to.loops(out.shape) as index:
        found = Local("found", "i")
        to.emit(Call(name, [row, as_number(broadcast(v, out.shape).at(index))], [found]))
        to.emit(Store(target.at(index), found))
    to.bind(out, target)
