"""Products of matrices and vectors in compiled programs, at the speed of a BLAS.

Numba's own need SciPy. A tile of 4 x 8 elements of the result stays in the processor's registers
while the sum over the inner axis runs; that is the whole secret, and the intrinsic below spells
it out in vectors, since the compiler does not find it.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from .. import stored

exact = stored.njit(fastmath={"contract"}, error_model="numpy", nogil=True)
summing = stored.njit(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)

HEIGHT, LANES, VECTORS = 4, 4, 2
WIDTH = LANES * VECTORS
INNER_BLOCK = 128                        # of the inner axis, so that what is read again stays in the cache


def spelled_out(stand_in: Callable) -> Callable:
    """A decorator for functions that are written in LLVM's language.

    Where Numba is switched off (NUMBA_DISABLE_JIT=1, for a look with a debugger), the stand-in runs.
    """
    return lambda f: stand_in if numba.config.DISABLE_JIT else intrinsic(f)


def _plain_tile(out: Any, at_out: int, out_row: int, a: Any, at_a: int, a_row: int, a_column: int,
                b: Any, at_b: int, b_row: int, count: int) -> None:
    assert all(x.flags.c_contiguous and x.dtype == np.float64 for x in (out, a, b))
    out, a, b = out.reshape(-1), a.reshape(-1), b.reshape(-1)
    for i in range(HEIGHT):
        for j in range(WIDTH):
            out[at_out + i * out_row + j] += sum(
                a[at_a + i * a_row + k * a_column] * b[at_b + k * b_row + j] for k in range(count))


@spelled_out(_plain_tile)
def _tile(typingctx: Any, out: Any, at_out: Any, out_row: Any, a: Any, at_a: Any, a_row: Any, a_column: Any,
          b: Any, at_b: Any, b_row: Any, count: Any) -> Any:
    """out[i, j] += sum over k < count of a[i, k] b[k, j], for 4 rows i and 8 columns j.

    All positions and strides count elements; the columns of `out` and `b` lie side by side.
    """
    if any((x.layout, x.dtype) != ("C", types.float64) for x in (out, a, b)):
        raise TypingError("the tile of a product reads memory: float64, in C order")
    integer = types.int64
    signature = types.void(out, integer, integer, a, integer, integer, integer, b, integer, integer, integer)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = ir.IntType(64)
        vector = ir.VectorType(ir.DoubleType(), LANES)
        undefined = ir.Constant(vector, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        _, at_out, out_row, _, at_a, a_row, a_column, _, at_b, b_row, count = args
        data = {k: context.make_array(signature.args[k])(context, builder, args[k]).data for k in (0, 3, 7)}

        def address(k: int, start: Any, stride: Any, index: Any, more: int = 0) -> Any:
            offset = builder.add(start, builder.mul(stride, index))
            return builder.gep(data[k], [builder.add(offset, ir.Constant(number, more))])

        def part_of_out(row: int, v: int) -> Any:
            place = address(0, at_out, out_row, ir.Constant(number, row), LANES * v)
            return builder.bitcast(place, vector.as_pointer())

        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f64")
        tile = [[cgutils.alloca_once(builder, vector) for _ in range(VECTORS)] for _ in range(HEIGHT)]
        for row in range(HEIGHT):
            for v in range(VECTORS):
                builder.store(builder.load(part_of_out(row, v), align=8), tile[row][v])
        with cgutils.for_range(builder, count) as loop:
            b_parts = [builder.load(builder.bitcast(address(7, at_b, b_row, loop.index, LANES * v),
                                                    vector.as_pointer()), align=8) for v in range(VECTORS)]
            for row in range(HEIGHT):
                start = builder.add(at_a, builder.mul(a_row, ir.Constant(number, row)))
                x = builder.load(address(3, start, a_column, loop.index))
                x = builder.insert_element(undefined, x, ir.Constant(ir.IntType(32), 0))
                x = builder.shuffle_vector(x, undefined, everywhere)
                for v in range(VECTORS):
                    total = builder.call(fma, [x, b_parts[v], builder.load(tile[row][v])])
                    builder.store(total, tile[row][v])
        for row in range(HEIGHT):
            for v in range(VECTORS):
                builder.store(builder.load(tile[row][v]), part_of_out(row, v), align=8)
        return context.get_dummy_value()

    return signature, generate


@exact
def _product(a: Any, a_row: int, a_column: int, rows: int, inner: int, b: Any, out: Any) -> None:
    """out = a @ b, where element (i, k) of `a` lies at i * a_row + k * a_column."""
    columns = b.shape[1]
    out[:, :] = 0.0
    flat = a.ravel()
    high, wide = rows - rows % HEIGHT, columns - columns % WIDTH
    for start in range(0, inner, INNER_BLOCK):
        count = min(INNER_BLOCK, inner - start)
        for i in range(0, high, HEIGHT):
            for j in range(0, wide, WIDTH):
                _tile(out, i * columns + j, columns, a, i * a_row + start * a_column, a_row, a_column,
                      b, start * columns + j, columns, count)
        for k in range(start, start + count):
            for i in range(high, rows):
                x = flat[i * a_row + k * a_column]
                for j in range(wide):
                    out[i, j] += x * b[k, j]
            if wide < columns:
                for i in range(rows):
                    x = flat[i * a_row + k * a_column]
                    for j in range(wide, columns):
                        out[i, j] += x * b[k, j]


@summing
def _narrow(a: Any, b: Any, out: Any) -> None:
    """out = a @ b, for a `b` of few columns: each element is a product of two rows."""
    columns = np.ascontiguousarray(b.T)
    for i in range(a.shape[0]):
        for j in range(columns.shape[0]):
            total = 0.0
            for k in range(a.shape[1]):
                total += a[i, k] * columns[j, k]
            out[i, j] = total


@exact
def matmul(a: Any, b: Any, out: Any) -> None:
    """out = a @ b."""
    if b.shape[1] < WIDTH <= a.shape[1]:
        _narrow(a, b, out)
        return
    _product(a, a.shape[1], 1, a.shape[0], a.shape[1], b, out)


@exact
def matmul_tn(a: Any, b: Any, out: Any) -> None:
    """out = a.T @ b."""
    _product(a, 1, a.shape[1], a.shape[1], a.shape[0], b, out)


@exact
def matmul_nt(a: Any, b: Any, out: Any) -> None:
    """out = a @ b.T."""
    _product(a, a.shape[1], 1, a.shape[0], a.shape[1], np.ascontiguousarray(b.T), out)


@summing
def dot(x: Any, y: Any) -> float:
    """x @ y of two vectors."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@exact
def vecmat(x: Any, w: Any, out: Any) -> None:
    """out = x @ w, four rows of w at a time."""
    rows, columns = w.shape
    for j in range(columns):
        out[j] = 0.0
    i = 0
    while i + 4 <= rows:
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(columns):
            out[j] += a * w[i, j] + b * w[i + 1, j] + c * w[i + 2, j] + d * w[i + 3, j]
        i += 4
    while i < rows:
        a = x[i]
        for j in range(columns):
            out[j] += a * w[i, j]
        i += 1


@summing
def matvec(w: Any, x: Any, out: Any) -> None:
    """out = w @ x, four rows of w at a time."""
    rows, columns = w.shape
    i = 0
    while i + 4 <= rows:
        a = b = c = d = 0.0
        for j in range(columns):
            z = x[j]
            a += w[i, j] * z
            b += w[i + 1, j] * z
            c += w[i + 2, j] * z
            d += w[i + 3, j] * z
        out[i], out[i + 1], out[i + 2], out[i + 3] = a, b, c, d
        i += 4
    while i < rows:
        a = 0.0
        for j in range(columns):
            a += w[i, j] * x[j]
        out[i] = a
        i += 1
