"""Lowering linear algebra: each matrix of a stack is copied to where a kernel may overwrite it.

The kernels take matrices column after column (`kernels/lapack.py`). In NumPy's order that is the transposed
matrix, so it is the transposed one that is copied, and what a kernel makes is seen transposed: a view, which
costs nothing, and neither does a matrix that was transposed before.

If a kernel cannot do what is asked, since the matrix is singular or not positive definite, the program fails.
Then the function runs on a tape, where NumPy raises its own error in the user's own line.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import NotCompiledError
from .blocks import Block, special
from .emitter import Emitter
from .expressions import Apply, Buffer, Const, Local, Memory
from .lower_arrays import numbers
from .program import Op, example_of
from .statements import Call, Fail, For, If, Store
from .views import View, broadcast, is_static, moved, whole

SINGULAR = "a matrix is singular, or not what its decomposition needs"


# ---------------------------------------------------------------------------- stacks

@contextlib.contextmanager
def over(to: Emitter, sides: tuple) -> Iterator[tuple]:
    """A loop over the matrices of a stack; its index."""
    around, index = to.body, tuple([Local("m", "i") for _ in sides])
    for i, n in zip(index, sides, strict=True):
        inner: list[Any] = []
        to.emit(For(i, n, inner))
        to.body = inner
    try:
        yield index
    finally:
        to.body = around


def part(x: View, index: tuple) -> View:
    """One matrix, or vector, of a stack."""
    return View(x.shape[len(index):], x.kind, lambda at: x.at((*index, *at)))


def turned(x: View) -> View:
    """Each matrix of a stack transposed."""
    n = len(x.shape)
    return moved(x, [*range(n - 2), n - 1, n - 2])


class MatrixStack:
    """What kernels make for the matrices of a stack: some buffers, each with one part a matrix."""

    def __init__(self, block: Block, op: Op, sides: tuple):
        self.block, self.op, self.to, self.sides = block, op, block.to, tuple(sides)

    def view(self, x: Any, inner: int = 2) -> View:
        """An operand, spread to as many matrices (or vectors) as there are in the stack."""
        x = self.to.get(x)
        return broadcast(x, (*self.sides, *x.shape[len(x.shape) - inner:]))

    def room(self, label: str, *shape: int) -> Buffer:
        """Memory that is the same for all matrices."""
        memory = self.to.allocate(Local(label, "f"), shape, "f").memory
        assert memory is not None
        return memory.buffer

    def results(self, label: str, *shape: int) -> View:
        """Memory for one result of each matrix."""
        return self.to.allocate(Local(label, "f"), (*self.sides, *shape), "f")

    def matrix(self, x: View, index: tuple, label: str = "a") -> Buffer:
        """A copy of one matrix, column after column."""
        m, n = x.shape[-2:]
        buffer = self.room(label, n, m)
        self.to.copy(turned(part(x, index)), whole(buffer))
        return buffer

    def as_it_is(self, x: Any, inner: int = 2) -> Callable[[tuple], Memory]:
        """Each part of an operand as it lies in memory, where nothing is written to it."""
        own = numbers(self.block, x if isinstance(x, View) else self.to.get(x))
        memory, extra = self.to.memory(own), len(own.shape) - inner
        if memory.shape != memory.buffer.shape[len(memory.prefix):]:
            memory = self.to.memory(self.to.copied(Local("copy", "f"), own))

        def at(index: tuple) -> Memory:
            here = index[len(index) - extra:]
            places = [0 if n == 1 else i for n, i in zip(own.shape[:extra], here, strict=True)]
            return Memory(memory.buffer, (*memory.prefix, *places), own.shape[extra:])

        return at

    def call(self, kernel: str, index: tuple, *args: Any, results: tuple = ()) -> None:
        """Call a kernel, which may write to all its buffers; without results, it says whether all is well."""
        to, given, into = self.to, list[Any](), list[Buffer]()
        for x in args:
            if isinstance(x, Buffer):
                given.append(Memory(x, (), x.shape))
                into.append(x)
            elif isinstance(x, View):
                assert x.memory is not None
                buffer = x.memory.buffer
                given.append(Memory(buffer, index, buffer.shape[len(index):]))
                into.append(buffer)
            else:
                given.append(x if isinstance(x, Memory) else Const(int(x)))
        info = Local("info", "i")
        to.emit(Call(kernel, given, list(results or [info]), into))
        if not results:
            to.emit(If(Apply("not_equal", (info, Const(0)), "b"), [Fail(SINGULAR)]))

    def made(self, k: int, value: Any) -> None:
        """The k-th result is there."""
        out = self.op.outs[k]
        if not out.shape:
            self.block.made(out, value)
            return
        places = self.block.places.get(out)
        if places:
            self.to.copy(value, places[0])
            value = places[0]
        self.to.bind(out, value)


def stack_of(block: Block, op: Op, inner: int = 2, k: int = 0) -> MatrixStack:
    """The stack whose matrices are the last axes of the k-th result."""
    if not all(is_static(block.to.get(x)) for x in op.operands):
        raise NotCompiledError(f"{op.name} of the steps up to an event cannot be compiled.",
                               "call the function without dp.compile.")
    return MatrixStack(block, op, op.outs[k].shape[: op.outs[k].ndim - inner])


def option(op: Op, name: str, position: int, default: Any) -> Any:
    """An option of the call, given by name or by position."""
    return op.args[position] if len(op.args) > position else op.options.get(name, default)


# ---------------------------------------------------------------------------- equations

@special("lu_factor")
def lu_factor(block: Block, op: Op) -> None:
    """Elimination: both triangles in one matrix, as LAPACK has it, and which rows were exchanged."""
    stack = stack_of(block, op)
    n = op.outs[1].shape[-1]
    a = stack.as_it_is(op.args[0]) if n else None
    lu, pivots = stack.results("lu", n, n), stack.results("pivots", n)
    with over(stack.to, stack.sides) as index:
        if a:
            stack.call("lu_into", index, a(index), lu, pivots)
    stack.made(0, lu)
    stack.made(1, pivots)


@special("lu_solve")
def lu_solve(block: Block, op: Op) -> None:
    """a x = b, with what elimination made of `a`."""
    transposed = bool(op.options.get("transposed"))

    def solver(stack: MatrixStack) -> Callable:
        lu, pivots = stack.as_it_is(op.args[0]), stack.as_it_is(op.args[1], 1)
        integers = stack.room("integers", n)
        return lambda index, xs: stack.call(
            "lu_solve_into", index, lu(index), pivots(index), integers, xs, transposed)

    n = block.to.get(op.args[1]).shape[-1]
    _solved(block, op, n, op.args[2], solver)


@special("solve_triangular")
def solve_triangular(block: Block, op: Op) -> None:
    """The same where `a` is a triangle. As NumPy has it in memory, it is the other half of its transposed."""
    lower, transposed, unit = [
        bool(op.options.get(name)) for name in ("lower", "transposed", "unit_diagonal")]

    def solver(stack: MatrixStack) -> Callable:
        is_turned = a.turned is not None
        matrix = stack.as_it_is(a.turned if is_turned else a)
        options = (lower, transposed, unit) if is_turned else (not lower, not transposed, unit)
        return lambda index, xs: stack.call("triangular_into", index, matrix(index), xs, *options)

    a = block.to.get(op.args[0])
    _solved(block, op, a.shape[-1], op.args[1], solver)


def _solved(block: Block, op: Op, n: int, b: Any, solver: Callable) -> None:
    """Fill `xs` with the right sides, each a row, where the solutions will be."""
    is_vector = len(np.shape(example_of(b))) == 1
    stack = stack_of(block, op, 1 if is_vector else 2)
    b = stack.view(b, 1 if is_vector else 2)
    count = 1 if is_vector else b.shape[-1]
    xs = stack.results("xs", count, n)
    solve = solver(stack) if n and count else None
    with over(stack.to, stack.sides) as index:
        right = part(b, index)
        given = View((1, n), b.kind, lambda at: right.at(at[1:])) if is_vector else turned(right)
        stack.to.copy(given, part(xs, index))
        if solve:
            solve(index, xs)
    assert xs.memory is not None
    shape = *stack.sides, n
    stack.made(0, View(shape, "f", lambda at: xs.at((*at[:-1], 0, at[-1])), xs.memory._replace(shape=shape))
               if is_vector else turned(xs))


@special("det", "slogdet")
def determinant(block: Block, op: Op) -> None:
    """The sign and the logarithm of the magnitude; as NumPy does it, the determinant is made of these."""
    stack = stack_of(block, op, 0)
    to, n = stack.to, np.shape(example_of(op.args[0]))[-1]
    a = stack.as_it_is(op.args[0]) if n else None
    outs = [stack.results("t") for _ in op.outs] if stack.sides else []
    pair = Local("sign", "f"), Local("logarithm", "f")
    lu, pivots = stack.room("lu", n, n), stack.room("pivots", n)
    with over(to, stack.sides) as index:
        if a:
            stack.call("determinant_into", index, a(index), lu, pivots, results=pair)
        else:
            to.let(pair[0], Const(1.0))
            to.let(pair[1], Const(0.0))
        found: tuple = pair
        if op.name == "det":
            found = (Apply("multiply", (pair[0], Apply("exp", (pair[1],), "f")), "f"),)
        for out, value in zip(outs, found, strict=False):
            to.emit(Store(out.at(index), value))
    for k, value in enumerate(outs or found):
        stack.made(k, value)


@special("of_full_rank")
def of_full_rank(block: Block, op: Op) -> None:
    """The first operand, if the condition holds."""
    to = block.to
    x, is_full = map(to.get, op.args)
    to.emit(If(Apply("logical_not", (is_full,), "b"), [Fail(SINGULAR)]))
    to.bind(op.outs[0], x)


# ---------------------------------------------------------------------------- symmetric matrices

@special("cholesky")
def cholesky(block: Block, op: Op) -> None:
    """The triangle whose product with its transposed one is `a`."""
    stack = stack_of(block, op)
    x, upper = stack.view(op.args[0]), bool(option(op, "upper", 1, False))
    n = x.shape[-1]
    a = stack.as_it_is(turned(x) if upper else x) if n else None
    y = stack.results("root", n, n)
    with over(stack.to, stack.sides) as index:
        if a:
            stack.call("cholesky_into", index, a(index), y)
    stack.made(0, y if upper else turned(y))


@special("eigh", "eigvalsh")
def eigh(block: Block, op: Op) -> None:
    """Eigenvalues, and eigenvectors as columns."""
    with_vectors = op.name == "eigh"
    stack = stack_of(block, op, 1)
    a: Any = stack.view(op.args[0])
    n, lower = a.shape[-1], option(op, "UPLO", 1, "L").upper() == "L"
    w = stack.results("w", n)
    work = stack.room("work", 1 + 6 * n + 2 * n * n)
    integers = stack.room("integers", 3 + 5 * n)
    vectors = stack.results("vectors", n, n) if with_vectors else whole(stack.room("a", n, n))
    with over(stack.to, stack.sides) as index:
        at = index if with_vectors else ()
        stack.to.copy(turned(part(a, index)), part(vectors, at))
        if n:
            matrix: Any = vectors if with_vectors else vectors.memory.buffer  # type: ignore[union-attr]
            stack.call("eigh_into", index, matrix, w, work, integers, with_vectors, lower)
    stack.made(0, w)
    if with_vectors:
        stack.made(1, turned(vectors))


# ---------------------------------------------------------------------------- any matrix

@special("svd", "svdvals")
def svd(block: Block, op: Op) -> None:
    """The thin decomposition, or the singular values alone."""
    with_vectors = op.name == "svd"
    stack = stack_of(block, op, 1, k=int(with_vectors))
    a = stack.view(op.args[0])
    m, n = a.shape[-2:]
    k, longest = min(m, n), max(m, n)
    s = stack.results("s", k)
    u, vt = (stack.results("u", k, m), stack.results("vt", n, k)) if with_vectors else (
        stack.room("u", 0, 0), stack.room("vt", 0, 0))
    work = stack.room("work", 3 * k + max(longest, 5 * k * k + 7 * k) + 64 * (m + n))
    integers = stack.room("integers", 4 * k + 1)
    with over(stack.to, stack.sides) as index:
        if k:
            stack.call("svd_into", index, stack.matrix(a, index), s, u, vt, work, integers, with_vectors)
    if with_vectors:
        for number, y in enumerate((turned(u), s, turned(vt))):  # type: ignore[arg-type]
            stack.made(number, y)
    else:
        stack.made(0, s)


@special("qr")
def qr(block: Block, op: Op) -> None:
    """Orthonormal columns, and a triangle."""
    stack = stack_of(block, op)
    a = stack.view(op.args[0])
    m, n = a.shape[-2:]
    k = min(m, n)
    q, r = stack.results("q", k, m), stack.results("r", n, k)
    tau, work = stack.room("tau", k), stack.room("work", 64 * n + 64)
    with over(stack.to, stack.sides) as index:
        if k:
            stack.call("qr_into", index, stack.matrix(a, index), tau, work, q, r)
    stack.made(0, turned(q))
    stack.made(1, turned(r))


@special("expm")
def expm(block: Block, op: Op) -> None:
    """The exponential of a matrix."""
    stack = stack_of(block, op)
    a = stack.view(op.args[0])
    n = a.shape[-1]
    y = stack.results("exponential", n, n)
    scratch = [stack.room(label, n, n) for label in ("a2", "a4", "a6", "even", "odd")]
    pivots = stack.room("pivots", n)
    with over(stack.to, stack.sides) as index:
        if n:
            stack.call("expm_into", index, stack.matrix(a, index), *scratch, y, pivots)
    stack.made(0, turned(y))
