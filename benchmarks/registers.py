"""What the limits are made of, for Numba: products whose sums stay in registers, and elementary functions.

A compiler does not keep a row of sums in the processor's vector registers by itself, so `tile` spells that
out in LLVM's language. Nothing here is taken from the package, which is to be compared with it.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

fast = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)
summing = numba.njit(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)

LANES = 8 if binding.get_host_cpu_features().get("avx512f") else 4


@functools.cache
def tile(height: int, width: int, sets: int = 1) -> Callable:
    """The product of `height` rows with `width` columns, all of whose sums are in registers.

    tile(out, at, out_row, start, a, at_a, a_row, a_column, b, at_b, b_row, count): out[i, j] is
    start[j] + the sum over k < count of a[i, k] b[k, j]. Positions and strides count elements; `count` has to
    be a multiple of `sets`, the number of sums that each element is the sum of: one sum alone would wait for
    itself where there are few of them.
    """
    lanes = next(n for n in (LANES, 4, 2, 1) if width % n == 0)
    vectors = width // lanes

    @intrinsic
    def product(typingctx: Any, out: Any, at: Any, out_row: Any, start: Any, a: Any, at_a: Any, a_row: Any,
                a_column: Any, b: Any, at_b: Any, b_row: Any, count: Any) -> Any:
        n = types.int64
        signature = types.void(out, n, n, start, a, n, n, n, b, n, n, n)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            number, double = ir.IntType(64), ir.DoubleType()
            vector = ir.VectorType(double, lanes)
            _, at, out_row, _, _, at_a, a_row, a_column, _, at_b, b_row, count = args
            data = {k: context.make_array(signature.args[k])(context, builder, args[k]).data
                    for k in (0, 3, 4, 8)}
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{lanes}f64")

            def place(k: int, at: Any, v: int) -> Any:
                where = builder.gep(data[k], [builder.add(at, ir.Constant(number, v * lanes))])
                return builder.bitcast(where, vector.as_pointer())

            def everywhere(x: Any) -> Any:
                one = builder.insert_element(ir.Constant(vector, ir.Undefined), x, ir.IntType(32)(0))
                return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), lanes),
                                                                    [0] * lanes))

            sums = [[[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(height)]
                    for _ in range(sets)]
            for s in range(sets):
                for v in range(vectors):
                    first = (ir.Constant(vector, [0.0] * lanes) if s else
                             builder.load(place(3, ir.Constant(number, 0), v), align=8))
                    for row in range(height):
                        builder.store(first, sums[s][row][v])
            with cgutils.for_range(builder, builder.udiv(count, ir.Constant(number, sets))) as loop:
                first = builder.mul(loop.index, ir.Constant(number, sets))
                for s in range(sets):
                    k = builder.add(first, ir.Constant(number, s))
                    begin = builder.add(at_b, builder.mul(b_row, k))
                    parts = [builder.load(place(8, begin, v), align=8) for v in range(vectors)]
                    for row in range(height):
                        where = builder.add(builder.add(at_a, builder.mul(a_row, ir.Constant(number, row))),
                                            builder.mul(a_column, k))
                        x = everywhere(builder.load(builder.gep(data[4], [where])))
                        for v in range(vectors):
                            total = sums[s][row][v]
                            builder.store(builder.call(fma, [x, parts[v], builder.load(total)]), total)
            for row in range(height):
                begin = builder.add(at, builder.mul(out_row, ir.Constant(number, row)))
                for v in range(vectors):
                    parts = [builder.load(sums[s][row][v]) for s in range(sets)]
                    total = functools.reduce(builder.fadd, parts)
                    builder.store(total, place(0, begin, v), align=8)
            return context.get_dummy_value()

        return signature, generate

    return product


@fast
def aligned(rows: int, columns: int) -> Any:
    """A new matrix that begins at a line of the processor's cache: half the time for what reads vectors."""
    memory = np.empty(rows * columns + 8)
    skipped = (-memory.ctypes.data // 8) % 8
    return memory[skipped: skipped + rows * columns].reshape((rows, columns))


@fast
def copied(x: Any) -> Any:
    """A matrix in such memory."""
    y = aligned(x.shape[0], x.shape[1])
    y[:, :] = x
    return y


# ---------------------------------------------------------------------------- elementary functions

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0              # 1.5 * 2**52: adding it leaves an integer in the low bits


@intrinsic
def power_of_two(typingctx: Any, x: Any) -> Any:
    """2**k for `x` = `_ROUND` + k: k becomes the exponent."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(64)
        bits = builder.add(builder.bitcast(args[0], integer), ir.Constant(integer, 1023))
        return builder.bitcast(builder.shl(bits, ir.Constant(integer, 52)), ir.DoubleType())

    return types.float64(types.float64), generate


@fast
def reduced(x: float) -> tuple[float, float]:
    """`ROUND` + k, and exp(x) / 2**k - 1: Taylor's polynomial on [-ln 2 / 2, ln 2 / 2], for |x| < 700."""
    t = x * _LOG2E + _ROUND
    k = t - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.1470745597729725e-11
    p = p * r + 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    return t, r + r * r * (p * r + 0.5)


@fast
def exp(x: float) -> float:
    """The exponential for |x| < 700."""
    t, e = reduced(x)
    return power_of_two(t) * (1.0 + e)


@fast
def tanh(x: float) -> float:
    """The hyperbolic tangent, to two units in the last place, without a branch: (e - 1) / (e + 1)."""
    t, e = reduced(min(max(2.0 * x, -40.0), 40.0))
    scale = power_of_two(t)
    e = scale * e + (scale - 1.0)
    return e / (e + 2.0)


@fast
def sin_and_cos(x: float) -> tuple[float, float]:
    """Both for |x| <= 1e5, without a branch: the polynomials of fdlibm on [-pi/4, pi/4]."""
    t = x * 0.6366197723675814 + _ROUND
    k = t - _ROUND
    r = ((x - k * 1.57079632673412561417) - k * 6.07710050630396597660e-11) - k * 2.02226624879595063154e-21
    s = r * r
    p = 1.58969099521155010221e-10
    p = p * s - 2.50507602534068634195e-08
    p = p * s + 2.75573137070700676789e-06
    p = p * s - 1.98412698298579493134e-04
    p = p * s + 8.33333333332248946124e-03
    p = p * s - 1.66666666666666324348e-01
    sine = r + r * s * p
    q = -1.13596475577881948265e-11
    q = q * s + 2.08757232129817482790e-09
    q = q * s - 2.75573143513906633035e-07
    q = q * s + 2.48015872894767294178e-05
    q = q * s - 1.38888888888741095749e-03
    q = q * s + 4.16666666666666019037e-02
    cosine = 1.0 - (0.5 * s - s * s * q)
    quarter = k - 4.0 * math.floor(0.25 * k)
    swap = k - 2.0 * math.floor(0.5 * k) == 1.0
    a = cosine if swap else sine
    b = sine if swap else cosine
    return (-a if quarter >= 2.0 else a), (-b if abs(quarter - 1.5) < 1.0 else b)
