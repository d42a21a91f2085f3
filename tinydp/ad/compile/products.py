"""Sums over steps that become one product after the loop: the gradient of a weight is such a sum.

A carry that starts as `init`, to which each step adds an outer product of two vectors, or a product `a.T @ b`
of two matrices, and which nothing else reads, is no carry: the factors are stacked, and the product of the
stacks has the whole sum. The sum of a factor that is stacked anyway, the gradient of a bias, is one as well.

    >>> from ..registry import registered
    >>> from .loops import SCAN, scan_options
    >>> step, builder = Builder(), Builder()
    >>> total, a, b = step.input(np.zeros((2, 3))), step.input(np.zeros(2), "a"), step.input(np.zeros(3), "b")
    >>> (b,) = step.record(registered(np.sin), (b,), {})
    >>> (column,) = step.record(registered(np.expand_dims), (a, -1), {})
    >>> (share,) = step.record(registered(np.multiply), (column, b), {})
    >>> body = step.program(step.record(registered(np.add), (total, share), {}))
    >>> a_s, b_s = builder.input(np.zeros((4, 2)), "a_s"), builder.input(np.zeros((4, 3)), "b_s")
    >>> outs = builder.record(SCAN, (np.zeros((2, 3)), a_s, b_s), scan_options(body, 1, 2, 4))
    >>> print(sums_of_products(builder.program(outs)))
    given a_s: f(4, 2), b_s: f(4, 3)
    t_1: f(4, 3) = scan(a_s, b_s, carries=0, rows=2, length=4)
        given a: f(2,), b: f(3,)
        t: f(3,) = sin(b)
        return t
    t_2: f(2, 4) = swapaxes(a_s, axis1=0, axis2=1)
    t_3: f(2, 3) = matmul(t_2, t_1)
    return t_3

In a long loop that would stack more than the caches hold. So it becomes a loop over short ones, each of which
does so for its own steps and adds one product to the carry.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..registry import registered
from .loops import SCAN, rows_like
from .operations import MOVING, axes_moved
from .parts import Carry, Loop, Stack
from .program import Op, Program, Value, operation, values_in
from .record import Builder, needed

LONG_LOOP = 8_192                        # steps, from which on what a loop stacks outgrows the caches
STEPS_IN_BLOCK = 512                     # steps at most, of a loop in a long loop; at least an eighth of it

_add, _sum, _matmul = registered(np.add), registered(np.sum), registered(np.matmul)
_reshape, _swapaxes = registered(np.reshape), registered(np.swapaxes)


class Factors(NamedTuple):
    """Of an outer product of vectors, or of `left.T @ right`; without `left`, it is the sum of `right`."""

    left: Any
    right: Any


def sums_of_products(program: Program, but: Callable[[Op], bool] = lambda op: False) -> Program:
    """The program whose loops leave sums of products to what comes after them.

    Loops of the program itself, for which `but(op)` is true, stay as they are, and only those inside do so.
    """
    ops: list[Op] = []
    for op in [op.within(sums_of_products) for op in program.ops]:
        ops += _of_loop(op) if op.prim is SCAN and not but(op) else [op]
    return Program(program.inputs, ops, program.outputs)


def _of_loop(op: Op) -> list[Op]:
    """A loop, and the products that come after it."""
    loop = Loop(op)
    loop.ops = _with_vectors(loop.ops)
    wanted = type(loop.steps) is int and loop.steps and not op.options["again"]      # where memory is short
    sums = _sums(loop) if wanted else []
    if not sums:
        return [op]
    if loop.steps >= LONG_LOOP and (size := _block(loop.steps)) >= STEPS_IN_BLOCK // 8:
        return _in_blocks(loop, size)
    factors = [x for _, pairs in sums for pair in pairs for x in pair]
    stacks = stack_instead(loop, [c for c, _ in sums], factors)
    after: list[Op] = []
    for c, pairs in sums:
        _write_sum(after, c, [Factors(*(x if x is None else stacks[x] for x in pair)) for pair in pairs], op)
    return [loop.op(), *after]


def _with_vectors(ops: list[Op]) -> list[Op]:
    """The same operations; what makes a column or a row of a larger array makes a vector of it first."""
    found: list[Op] = []
    for op in ops:
        (x, *_), side = op.args or (None,), op.outs[0].shape
        if op.name == "reshape" and type(x) is Value and x.ndim > 1 and len(side) == 2 and 1 in side:
            vector = operation(_reshape, (x,), {"shape": (max(side),)}, op)
            found += [vector, op.with_(args=(vector.outs[0],))]
        else:
            found.append(op)
    return found


def stack_instead(loop: Loop, carries: list[Carry], values: list) -> dict[Any, Any]:
    """Let a loop stack these values, row by row, and drop these carries; returns the stacks of values.

    What it reads or writes row by row anyway is not stacked again. (None is no value.)
    """
    stacks: dict[Any, Any] = {r.input: r.stack for r in loop.rows}
    stacks |= {s.output: s.stack for s in loop.stacks if type(s.output) is Value}
    for x in dict.fromkeys(values):
        if x is not None and x not in stacks:
            stacks[x] = rows_like(x, loop.steps)
            loop.stacks.append(Stack(x, stacks[x]))
    gone = {c.input for c in carries}
    loop.carries = [c for c in loop.carries if c.input not in gone]
    loop.ops = needed(loop.ops, loop.outputs)
    return stacks


def _block(steps: int) -> int:
    """How long the loops in a long loop are: all equally long, so that one body serves them all."""
    return max(size for size in range(1, STEPS_IN_BLOCK + 1) if steps % size == 0)


def _in_blocks(loop: Loop, size: int) -> list[Op]:
    """A long loop as a loop over short ones, each with its products, while their factors are in the cache.

    `whole` short loops of `size` steps: rows are folded before, into as many blocks, and unfolded after it.
    """
    source, whole, inside = loop.source, loop.steps // size, Builder()

    def reshaped(x: Any, shape: tuple, out: Value) -> Op:
        return Op(_reshape, (x,), {"shape": shape}, [out], source.spot, source.back)

    blocks = [rows_like(r.input, size) for r in loop.rows]
    folded = [rows_like(x, whole) for x in blocks]
    before = [reshaped(r.stack, x.shape, x) for r, x in zip(loop.rows, folded, strict=True)]
    operands = [inside.adopt(x) for x in (
        *(c.input.again(None) for c in loop.carries), *blocks, *(c.inner.again(None) for c in loop.captures))]
    short = source.options | {"length": size}
    results = inside.record(SCAN, tuple(operands), short, source.spot, source.back)
    rows = [rows_like(x, whole) for x in results[len(loop.carries):]]
    after = [reshaped(x, s.stack.shape, s.stack) for x, s in zip(rows, loop.stacks, strict=True)]
    args = [*(c.init for c in loop.carries), *folded, *(c.outer for c in loop.captures)]
    options = source.options | {"body": sums_of_products(inside.program(results)), "length": whole}
    outs = [*(c.last for c in loop.carries), *rows]
    return [*before, source.with_(args=tuple(args), options=options, outs=outs), *after]


def _write_sum(ops: list[Op], c: Carry, pairs: list[Factors], source: Op) -> None:
    """Append the operations that make the last value of a carry from the stacks of the factors."""

    def write(prim: Any, *args: Any, **options: Any) -> Value:
        ops.append(operation(prim, args, options, source))
        return ops[-1].outs[0]

    def rows(x: Value) -> Value:
        """The rows of all matrices, as those of one."""
        return x if x.ndim == 2 else write(_reshape, x, shape=(-1, x.shape[-1]))

    total: Any = None if type(c.init) is not Value and not np.any(c.init) else c.init
    for left, right in pairs:
        if left is None:
            share = write(_sum, rows(right), axis=0)
        else:
            share = write(_matmul, write(_swapaxes, rows(left), axis1=0, axis2=1), rows(right))
        total = share if total is None else write(_add, total, share)
    ops[-1] = ops[-1].with_(outs=[c.last])


# ---------------------------------------------------------------------------- what may wait

def _sums(loop: Loop) -> list[tuple[Carry, list[Factors]]]:
    """The carries that are sums of products, with the factors.

    And those that are sums of such factors alone, which are stacked anyway; for others that is not worth it.
    """
    makers = {x: op for op in loop.ops for x in op.outs}
    of_products, others = [], []
    for c, shares in added_up(loop):
        pairs = _factors(shares, makers)
        if pairs:
            of_products.append((c, pairs))
        else:
            others.append((c, [Factors(None, _summed(x, c.input, makers)) for x in shares]))
    stacked = {x for _, pairs in of_products for pair in pairs for x in pair}
    return of_products + [(c, pairs) for c, pairs in others if all(x.right in stacked for x in pairs)]


def added_up(loop: Loop) -> list[tuple[Carry, list]]:
    """The carries that are sums, which nothing else reads, and what each step adds to them."""
    uses = Counter([x for op in loop.ops for x in op.operands] + values_in(loop.outputs))
    once = {x: op for op in loop.ops for x in op.outs if uses[x] == 1}   # a sum on the way is read there only
    return [(c, shares) for c in loop.carries
            if uses[c.input] == 1 and (shares := _addends(c.output, c.input, once))]


def sums_alone(loop: Loop) -> bool:
    """Whether all that a loop carries are sums, which nothing else reads."""
    return len(added_up(loop)) == len(loop.carries)


def _addends(x: Any, total: Value, makers: dict) -> list:
    """What is added to `total` to make `x`: of (total + a) + b, a and b. Nothing if it is not made so."""
    op = makers.get(x) if type(x) is Value else None
    if op is None or op.name != "add" or x.shape != total.shape:
        return []
    for k, y in enumerate(op.args):
        rest = [] if y is total else _addends(y, total, makers)
        if rest or y is total:
            return [*rest, op.args[1 - k]]
    return []


def _factors(shares: list, makers: dict) -> list[Factors]:
    """The factors of shares that are sums of products; nothing if one of them is not."""
    found: list[Factors] = []
    for x in shares:
        pairs = _factors_of(x, makers)
        if not pairs:
            return []
        found += pairs
    return found


def _factors_of(x: Any, makers: dict) -> list[Factors]:
    """The factors of one share: of a sum, those of its parts; of a transpose, the same ones exchanged."""
    op = makers.get(x) if type(x) is Value else None
    if op is None or op.body is not None or len(x.shape) != 2:
        return []
    if op.name == "add" and all(type(y) is Value and y.shape == x.shape for y in op.args):
        return _factors(list(op.args), makers)
    if op.name in MOVING and axes_moved(op) == [1, 0]:
        return [Factors(right, left) for left, right in _factors_of(op.args[0], makers)]
    if op.name == "multiply":
        a, b = op.args
        return _outer(a, b, makers) or _outer(b, a, makers)
    if op.name == "matmul" and all(type(y) is Value for y in op.args):
        a, b = op.args
        turned = makers.get(a)
        if turned is not None and turned.name in MOVING and axes_moved(turned) == [1, 0] and b.ndim == 2:
            return [Factors(turned.args[0], b)] if type(turned.args[0]) is Value else []
        if a.ndim == b.ndim == 2 and a.shape[1] == 1:        # a column times a row
            return _outer(a, b, makers)
    return []


def _outer(a: Any, b: Any, makers: dict) -> list[Factors]:
    """The factors, if `a` is a column and `b` is a row."""
    left, right = _vector(a, makers), _vector(b, makers)
    if left is None or right is None or a.shape != (*left.shape, 1) or b.shape[-1:] != right.shape:
        return []
    return [Factors(left, right)]


def _vector(x: Any, makers: dict) -> Any:
    """The vector that `x` is, or that stands in it as a column or a row."""
    if type(x) is not Value or x.ndim == 1:
        return x if type(x) is Value else None
    op = makers.get(x)
    if op is not None and op.name in MOVING and axes_moved(op) == [1, 0] and 1 in x.shape:
        return _vector(op.args[0], makers)
    if op is None or op.name not in ("expand_dims", "reshape") or op.args[0].ndim != 1:
        return None
    return op.args[0]


def _summed(x: Any, total: Value, makers: dict) -> Any:
    """The matrix whose rows are summed in `x`; or `x` itself, a vector."""
    op = makers.get(x) if type(x) is Value else None
    if op is not None and op.name == "sum" and len(op.args) == 1 and op.args[0].ndim == 2 and (
            op.options in ({"axis": 0}, {"axis": (0,)})):
        return op.args[0]
    return x if total.ndim == 1 and type(x) is Value else None
