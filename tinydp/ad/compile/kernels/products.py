"""Products of matrices and vectors in compiled programs, at the speed of a BLAS.

Numba's own need SciPy. A tile of 4 rows and up to 3 of the processor's vectors of the result stays in its
registers while the sum over the inner axis runs; that is the whole secret, and the intrinsics below spell it
out in vectors, since the compiler does not find it.
"""

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from .. import stored
from ..machine_types import LANES

OPTIONS_OF_EXACT = {"fastmath": {"contract"}, "error_model": "numpy"}
exact = stored.njit(**OPTIONS_OF_EXACT, nogil=True)
summing = stored.njit(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)

HEIGHT = 4                               # rows of a tile
VECTORS = 3                              # of a row of a tile, at most
NARROW_COLUMNS = 8                       # columns: below, each element is a product of two rows
LONG_ROW = 256                           # elements, more than which are read row after row
INNER_BLOCK = 128                        # of the inner axis, so that what is read again stays in the cache


def spelled_out(stand_in: Callable) -> Callable:
    """A decorator for functions that are written in LLVM's language.

    Where Numba is switched off (NUMBA_DISABLE_JIT=1, for a look with a debugger), the stand-in runs.
    """
    return lambda f: stand_in if numba.config.DISABLE_JIT else intrinsic(f)


def _tile(height: int, vectors: int, sets: int = 0) -> Any:
    """out[i, j] += sum over k < count of a[i, k] b[k, j], for so many rows i and vectors of columns j.

    All positions and strides count elements; the columns of `out` and `b` lie side by side. With `sets`, it
    is out[i, j] = that sum, made of so many: one alone would wait for itself where a tile has few.
    """
    def plain(out: Any, at_out: int, out_row: int, a: Any, at_a: int, a_row: int, a_column: int,
              b: Any, at_b: int, b_row: int, count: int) -> None:
        assert all(x.flags.c_contiguous and x.dtype == np.float64 for x in (out, a, b))
        out, a, b = out.reshape(-1), a.reshape(-1), b.reshape(-1)
        for i in range(height):
            for j in range(vectors * LANES):
                place = at_out + i * out_row + j
                out[place] = (0.0 if sets else out[place]) + sum(
                    a[at_a + i * a_row + k * a_column] * b[at_b + k * b_row + j] for k in range(count))

    @spelled_out(plain)
    def tile(typingctx: Any, out: Any, at_out: Any, out_row: Any, a: Any, at_a: Any, a_row: Any,
             a_column: Any, b: Any, at_b: Any, b_row: Any, count: Any) -> Any:
        if any((x.layout, x.dtype) != ("C", types.float64) for x in (out, a, b)):
            raise TypingError("the tile of a product reads memory: float64, in C order")
        n = types.int64
        signature = types.void(out, n, n, a, n, n, n, b, n, n, n)
        return signature, functools.partial(_write_tile, height, vectors, sets)

    return tile


def _write_tile(height: int, vectors: int, sets: int, context: Any, builder: Any, signature: Any,
                args: Any) -> Any:
    number, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), LANES)
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
    tiles = [[[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(height)]
             for _ in range(max(1, sets))]
    for tile in tiles:
        for row in range(height):
            for v in range(vectors):
                first = None if sets else builder.load(part_of_out(row, v), align=8)
                builder.store(first or ir.Constant(vector, [0.0] * LANES), tile[row][v])

    def add(tile: list, k: Any) -> None:
        b_parts = [builder.load(builder.bitcast(address(7, at_b, b_row, k, LANES * v), vector.as_pointer()),
                                align=8) for v in range(vectors)]
        for row in range(height):
            start = builder.add(at_a, builder.mul(a_row, ir.Constant(number, row)))
            x = builder.load(address(3, start, a_column, k))
            x = builder.insert_element(undefined, x, ir.Constant(ir.IntType(32), 0))
            x = builder.shuffle_vector(x, undefined, everywhere)
            for v in range(vectors):
                builder.store(builder.call(fma, [x, b_parts[v], builder.load(tile[row][v])]), tile[row][v])

    step = ir.Constant(number, len(tiles))
    rounds = builder.udiv(count, step)
    with cgutils.for_range(builder, rounds) as loop:
        for n, tile in enumerate(tiles):
            add(tile, builder.add(builder.mul(loop.index, step), ir.Constant(number, n)))
    if sets > 1:                                 # what is left of the rows
        with cgutils.for_range(builder, builder.urem(count, step)) as loop:
            add(tiles[0], builder.add(builder.mul(rounds, step), loop.index))
    for row in range(height):
        for v in range(vectors):
            total = functools.reduce(builder.fadd, [builder.load(tile[row][v]) for tile in tiles])
            builder.store(total, part_of_out(row, v), align=8)
    return context.get_dummy_value()


_tile_3, _tile_2, _tile_1 = (_tile(HEIGHT, v) for v in (3, 2, 1))
_row_3, _row_2, _row_1 = (_tile(1, v) for v in (3, 2, 1))
_sums_6, _sums_3, _sums_2, _sums_1 = (_tile(1, v, sets) for v, sets in ((6, 1), (3, 2), (2, 2), (1, 4)))


@exact
def _rows(out: Any, i: int, a: Any, at: int, a_row: int, a_column: int, b: Any, start: int, count: int,
          is_one: bool) -> None:
    """The sums from `start` on, `count` of them, of 4 rows of the result from `i` on, or of one."""
    columns, j, k = b.shape[1], 0, start * b.shape[1]
    while j + LANES <= columns:
        left = (columns - j) // LANES
        p = i * columns + j
        if is_one:
            if left >= 3:
                _row_3(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
            elif left == 2:
                _row_2(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
            else:
                _row_1(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
        elif left >= 3:
            _tile_3(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
        elif left == 2:
            _tile_2(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
        else:
            _tile_1(out, p, columns, a, at, a_row, a_column, b, k + j, columns, count)
        j += LANES * min(left, VECTORS)


@exact
def _product(a: Any, a_row: int, a_column: int, rows: int, inner: int, b: Any, out: Any) -> None:
    """out = a @ b, where element (i, k) of `a` lies at i * a_row + k * a_column."""
    columns = b.shape[1]
    out[:, :] = 0.0
    flat = a.ravel()
    high, wide = rows - rows % HEIGHT, columns - columns % LANES
    for start in range(0, inner, INNER_BLOCK):
        count = min(INNER_BLOCK, inner - start)
        for i in range(0, high, HEIGHT):
            _rows(out, i, a, i * a_row + start * a_column, a_row, a_column, b, start, count, False)
        for i in range(high, rows):
            _rows(out, i, a, i * a_row + start * a_column, a_row, a_column, b, start, count, True)
        if wide < columns:
            for k in range(start, start + count):
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
    if b.shape[1] < NARROW_COLUMNS <= a.shape[1]:
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
def _weighed(x: Any, stride: int, w: Any, out: Any) -> None:
    """out = x @ w, the sums in registers; the elements of `x` lie `stride` apart."""
    rows, columns = w.shape
    j = 0
    while j + LANES <= columns:
        left = (columns - j) // LANES
        if left >= 6:
            _sums_6(out, j, columns, x, 0, 0, stride, w, j, columns, rows)
            j += 6 * LANES
        elif left >= 3:
            _sums_3(out, j, columns, x, 0, 0, stride, w, j, columns, rows)
            j += 3 * LANES
        elif left == 2:
            _sums_2(out, j, columns, x, 0, 0, stride, w, j, columns, rows)
            j += 2 * LANES
        else:
            _sums_1(out, j, columns, x, 0, 0, stride, w, j, columns, rows)
            j += LANES
    for k in range(j, columns):
        out[k] = 0.0
    for i in range(rows):
        for k in range(j, columns):
            out[k] += x[i * stride] * w[i, k]


@exact
def sum_rows(w: Any, out: Any) -> None:
    """The sum of the rows of a matrix."""
    _weighed(np.ones(1), 0, w, out)


@exact
def vecmat_by_rows(x: Any, w: Any, out: Any) -> None:
    """out = x @ w, four rows of w at a time: for long rows, and for a page."""
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


@exact
def vecmat(x: Any, w: Any, out: Any) -> None:
    """out = x @ w."""
    if w.shape[1] <= LONG_ROW:
        _weighed(x, 1, w, out)
    else:
        vecmat_by_rows(x, w, out)


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
