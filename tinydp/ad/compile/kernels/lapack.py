"""Equations and decompositions of one matrix: LAPACK's, and for small matrices a few loops; large products.

Matrices come as LAPACK has them, column after column: in NumPy's order that is the transposed one, so
`x[j, i]` here is what a textbook calls x_ij, and what a kernel is given may be overwritten. Only what is to
be factored, `a` in `lu_into`, `determinant_into` and `cholesky_into`, comes in NumPy's order and is copied. A
kernel returns LAPACK's `info`: 0 is fine, and with anything else NumPy raises.

To call LAPACK takes longer than to solve a tiny system. So up to `TINY_ROWS` rows, elimination and Cholesky's
method are written out: the same steps, with the same pivots. Only where a pivot nearly vanishes, or a number
is not finite, LAPACK is asked, so that what is singular is decided as NumPy decides it.
"""

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ...rules.triangles import ENOUGH, PADE
from .. import lapack
from .products import exact, matmul, summing

lapack.add_lapacks_symbols()

TINY_ROWS = 4                            # rows: below, LAPACK takes one and a half to two times as long
TINY = 1e-13                             # a pivot, as a part of the matrix
N, V, S, L, U, T = map(ord, "NVSLUT")    # how LAPACK names what it is to do


# ---------------------------------------------------------------------------- calling LAPACK

def _plain(name: str) -> Callable:
    """A routine for a look with a debugger, where Numba is switched off."""
    routine = ctypes.CFUNCTYPE(None)(lapack.addresses()[name])

    def call(*args: Any) -> int:
        info = ctypes.c_int()
        places = [ctypes.c_void_p(x.ctypes.data) if isinstance(x, np.ndarray) else
                  ctypes.byref(ctypes.c_double(x) if isinstance(x, float) else ctypes.c_int(int(x)))
                  for x in args]
        routine(*places, ctypes.byref(info))
        return info.value

    return call


def routine(name: str) -> Callable:
    """A routine of LAPACK's as a function of numbers, letters and arrays, that returns `info`.

    Fortran takes all of them by their addresses. A letter is an integer whose first byte is that letter. A
    routine of BLAS's knows no `info`, and leaves it alone.
    """
    if numba.config.DISABLE_JIT:
        return _plain(name)

    star: Any = types.StarArgTuple               # type: ignore[attr-defined]

    @intrinsic
    def call(typingctx: Any, *args: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
            values = cgutils.unpack_tuple(builder, given[0])
            places = []
            for kind, x in zip(signature.args[0], values, strict=True):
                if isinstance(kind, types.Array):
                    place = context.make_array(kind)(context, builder, x).data
                elif kind is types.float64:
                    place = cgutils.alloca_once_value(builder, x)
                else:
                    place = cgutils.alloca_once(builder, number)
                    builder.store(context.cast(builder, x, kind, types.int32), place)
                places.append(builder.bitcast(place, byte))
            info = cgutils.alloca_once(builder, number)
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [byte] * (len(places) + 1)), f"tinydp.{name}")
            builder.call(function, [*places, builder.bitcast(info, byte)])
            return builder.sext(builder.load(info), ir.IntType(64))

        return types.int64(star(args)), generate

    return call


_getrs, _getrf, _potrf, _syevd, _gesdd, _geqrf, _orgqr, _trtrs = map(routine, lapack.ROUTINES)
(_gemm,) = map(routine, lapack.BLAS)


# ---------------------------------------------------------------------------- products

@exact
def product_into(a: Any, b: Any, turned_a: int, turned_b: int, out: Any) -> None:
    """out = a @ b, either transposed before, in NumPy's order: to BLAS these are the transposed matrices."""
    rows, columns = out.shape
    inner = a.shape[0] if turned_a else a.shape[1]
    _gemm(T if turned_b else N, T if turned_a else N, columns, rows, inner, 1.0, b, b.shape[1],
          a, a.shape[1], 0.0, out, columns)


# ---------------------------------------------------------------------------- equations

@summing
def _size(a: Any) -> float:
    """The sum of all magnitudes: not finite if one of them is not."""
    total = 0.0
    for j in range(a.shape[0]):
        for i in range(a.shape[1]):
            total += abs(a[j, i])
    return total


@exact
def _turned(a: Any, y: Any) -> None:
    for j in range(a.shape[0]):
        for i in range(a.shape[0]):
            y[j, i] = a[i, j]


@exact
def _eliminated(a: Any, lu: Any, pivots: Any) -> bool:
    """Gauss's elimination with partial pivoting, of a small matrix; False if LAPACK has to look."""
    n, size = a.shape[0], _size(a)
    if not size < np.inf:
        return False
    _turned(a, lu)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(lu[k, i]) > abs(lu[k, p]):
                p = i
        if not abs(lu[k, p]) > TINY * size:
            return False
        pivots[k] = p
        if p != k:
            for j in range(n):
                lu[j, k], lu[j, p] = lu[j, p], lu[j, k]
        for i in range(k + 1, n):
            lu[k, i] /= lu[k, k]
        for j in range(k + 1, n):
            x = lu[j, k]
            for i in range(k + 1, n):
                lu[j, i] -= lu[k, i] * x
    return True


@exact
def lu_into(a: Any, lu: Any, pivots: Any) -> int:
    """The triangles L and U in one matrix, and which rows were exchanged; -1 - row if LAPACK did it."""
    n = a.shape[0]
    if n <= TINY_ROWS and _eliminated(a, lu, pivots):
        return 0
    _turned(a, lu)
    info = _getrf(n, n, lu, n, pivots)
    numbers = pivots.view(np.int32)
    for k in range(n - 1, -1, -1):       # a number takes the place of two that were read before
        pivots[k] = -numbers[k]
    return info


@exact
def _row(pivot: float) -> int:
    return int(pivot) if pivot >= 0.0 else -1 - int(pivot)


@summing
def _dot(a: Any, x: Any, k: int, r: int, first: int, last: int) -> float:
    total = 0.0
    for i in range(first, last):
        total += a[k, i] * x[r, i]
    return total


@exact
def lu_solve_into(lu: Any, pivots: Any, integers: Any, xs: Any, transposed: int) -> int:
    """Solve a x = b, or a^T x = b, for each row b of `xs`, with what `lu_into` made of a."""
    n, count = lu.shape[0], xs.shape[0]
    by_lapack = pivots[0] < 0.0 if n <= TINY_ROWS else count > 1
    if by_lapack:
        numbers = integers.view(np.int32)
        for k in range(n):
            numbers[k] = _row(pivots[k]) + 1
        return _getrs(T if transposed else N, n, count, lu, n, integers, xs, n)
    for r in range(count):
        if transposed:
            for k in range(n):
                xs[r, k] = (xs[r, k] - _dot(lu, xs, k, r, 0, k)) / lu[k, k]
            for k in range(n - 1, -1, -1):
                xs[r, k] -= _dot(lu, xs, k, r, k + 1, n)
            for k in range(n - 1, -1, -1):
                p = _row(pivots[k])
                xs[r, k], xs[r, p] = xs[r, p], xs[r, k]
            continue
        for k in range(n):
            p = _row(pivots[k])
            xs[r, k], xs[r, p] = xs[r, p], xs[r, k]
        for k in range(n):
            x = xs[r, k]
            for i in range(k + 1, n):
                xs[r, i] -= lu[k, i] * x
        for k in range(n - 1, -1, -1):
            x = xs[r, k] / lu[k, k]
            xs[r, k] = x
            for i in range(k):
                xs[r, i] -= lu[k, i] * x
    return 0


@exact
def determinant_into(a: Any, lu: Any, pivots: Any) -> tuple[float, float]:
    """The sign of the determinant, and the logarithm of its magnitude."""
    sign, total = 1.0, 0.0
    if lu_into(a, lu, pivots) != 0:
        return 0.0, -np.inf
    for k in range(a.shape[0]):
        if (_row(pivots[k]) != k) != (lu[k, k] < 0.0):
            sign = -sign
        total += math.log(abs(lu[k, k]))
    return sign, total


@exact
def triangular_into(a: Any, xs: Any, lower: int, transposed: int, unit: int) -> int:
    """Solve a x = b, or a^T x = b, for each row b of `xs`, of one triangle of `a`."""
    n = a.shape[0]
    if n > 2 * TINY_ROWS and xs.shape[0] > 1:
        return _trtrs(L if lower else U, T if transposed else N, U if unit else N,
                      n, xs.shape[0], a, n, xs, n)
    for k in range(n):
        if not unit and a[k, k] == 0.0:
            return k + 1
    forwards = (lower != 0) != (transposed != 0)
    for r in range(xs.shape[0]):
        for step in range(n):
            k = step if forwards else n - 1 - step
            first, last = (k + 1, n) if lower else (0, k)
            x = xs[r, k]
            if transposed:
                x -= _dot(a, xs, k, r, first, last)
            x = x if unit else x / a[k, k]
            xs[r, k] = x
            if not transposed:
                for i in range(first, last):
                    xs[r, i] -= a[k, i] * x
    return 0


# ---------------------------------------------------------------------------- symmetric matrices

@exact
def _root(a: Any, y: Any) -> bool:
    """Cholesky's method for a small matrix; False if LAPACK has to look."""
    n = a.shape[0]
    for k in range(n):
        if not y[k, k] > TINY * a[k, k]:
            return False
        root = math.sqrt(y[k, k])
        for i in range(k, n):
            y[k, i] /= root
        for j in range(k + 1, n):
            x = y[k, j]
            for i in range(j, n):
                y[j, i] -= y[k, i] * x
    return True


@exact
def _lower(a: Any, y: Any) -> None:
    """Copy the lower triangle, and zeros above it."""
    for j in range(a.shape[0]):
        for i in range(j):
            y[j, i] = 0.0
        for i in range(j, a.shape[0]):
            y[j, i] = a[i, j]


@exact
def cholesky_into(a: Any, y: Any) -> int:
    """y y^T = a for the symmetric matrix of which `a` has the lower triangle."""
    n = a.shape[0]
    _lower(a, y)
    if n <= TINY_ROWS:
        if _root(a, y):
            return 0
        _lower(a, y)
    return _potrf(L, n, y, n)


@exact
def eigh_into(a: Any, w: Any, work: Any, whole: Any, vectors: int, lower: int) -> int:
    """The eigenvalues of a symmetric matrix; with `vectors`, these in its place, each a row."""
    n = a.shape[0]
    return _syevd(V if vectors else N, L if lower else U, n, a, n, w, work, work.size, whole, whole.size)


# ---------------------------------------------------------------------------- any matrix

@exact
def svd_into(a: Any, s: Any, u: Any, vt: Any, work: Any, whole: Any, vectors: int) -> int:
    """The singular values, and with `vectors` the matrices around them."""
    n, m = a.shape
    return _gesdd(S if vectors else N, m, n, a, m, s, u, m, vt, max(vt.shape[1], 1), work, work.size, whole)


@exact
def qr_into(a: Any, tau: Any, work: Any, q: Any, r: Any) -> int:
    """q r = a, with orthonormal columns of q, and r an upper triangle."""
    n, m = a.shape
    k = min(m, n)
    info = _geqrf(m, n, a, m, tau, work, work.size)
    for j in range(n):
        for i in range(k):
            r[j, i] = a[j, i] if i <= j else 0.0
    for j in range(k):
        for i in range(m):
            q[j, i] = a[j, i]
    return info if info != 0 else _orgqr(m, k, k, q, m, tau, work, work.size)


@exact
def expm_into(a: Any, a2: Any, a4: Any, a6: Any, even: Any, odd: Any, y: Any, pivots: Any) -> int:
    """y = exp(a), as in `rules/triangles.py`; all matrices may as well be transposed."""
    n = a.shape[0]
    norm = 0.0
    for j in range(n):
        total = 0.0
        for i in range(n):
            total += abs(a[j, i])
        norm = total if not total <= norm else norm
    if not norm < np.inf:
        return 1                         # the tape says what that is
    squarings = 0
    while norm > ENOUGH:
        norm *= 0.5
        squarings += 1
    scale = 0.5 ** squarings
    for j in range(n):
        for i in range(n):
            a[j, i] *= scale
    matmul(a, a, a2)
    matmul(a2, a2, a4)
    matmul(a4, a2, a6)
    b = PADE
    for j in range(n):
        for i in range(n):
            y[j, i] = b[13] * a6[j, i] + b[11] * a4[j, i] + b[9] * a2[j, i]
            even[j, i] = b[12] * a6[j, i] + b[10] * a4[j, i] + b[8] * a2[j, i]
    matmul(a6, y, odd)
    matmul(a6, even, y)
    for j in range(n):
        for i in range(n):
            one = 1.0 if i == j else 0.0
            odd[j, i] += b[7] * a6[j, i] + b[5] * a4[j, i] + b[3] * a2[j, i] + b[1] * one
            even[j, i] = y[j, i] + b[6] * a6[j, i] + b[4] * a4[j, i] + b[2] * a2[j, i] + b[0] * one
    matmul(a, odd, a2)                   # exp(a) is about (even + a odd) / (even - a odd)
    for j in range(n):
        for i in range(n):
            y[j, i] = even[j, i] + a2[j, i]
            a4[j, i] = even[j, i] - a2[j, i]
    if lu_into(a4, a6, pivots) != 0:
        return 1
    info = lu_solve_into(a6, pivots, a2.ravel(), y, 1)
    for _ in range(squarings):
        matmul(y, y, a2)
        for j in range(n):
            for i in range(n):
                y[j, i] = a2[j, i]
    return info
