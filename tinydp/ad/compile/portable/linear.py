"""Products, and equations of small matrices, for a page: plain loops where the processor has BLAS and LAPACK.

Matrices to be factored come in NumPy's order, what is made of them column after column, as in
`kernels/lapack.py`. A function returns 0 if all is well; the program fails if not. A pivot that nearly
vanishes counts as zero: there is nobody to be asked.
"""

import math
from typing import Any

from .angles import cos, sin
from .elementary import log

VANISHING = 1e-13                        # a pivot, as a part of the matrix, up to which it counts as zero


# ---------------------------------------------------------------------------- products

def matmul(a: Any, b: Any, out: Any) -> None:
    """out = a @ b, four rows of b at a time."""
    rows, inner = a.shape
    columns = b.shape[1]
    for i in range(rows):
        for j in range(columns):
            out[i, j] = 0.0
        k = 0
        while k + 4 <= inner:
            p, q, r, s = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            for j in range(columns):
                out[i, j] += p * b[k, j] + q * b[k + 1, j] + r * b[k + 2, j] + s * b[k + 3, j]
            k += 4
        while k < inner:
            p = a[i, k]
            for j in range(columns):
                out[i, j] += p * b[k, j]
            k += 1


def matmul_tn(a: Any, b: Any, out: Any) -> None:
    """out = a.T @ b, four rows of both at a time."""
    inner, rows = a.shape
    columns = b.shape[1]
    for i in range(rows):
        for j in range(columns):
            out[i, j] = 0.0
    k = 0
    while k + 4 <= inner:
        for i in range(rows):
            p, q, r, s = a[k, i], a[k + 1, i], a[k + 2, i], a[k + 3, i]
            for j in range(columns):
                out[i, j] += p * b[k, j] + q * b[k + 1, j] + r * b[k + 2, j] + s * b[k + 3, j]
        k += 4
    while k < inner:
        for i in range(rows):
            p = a[k, i]
            for j in range(columns):
                out[i, j] += p * b[k, j]
        k += 1


def matmul_nt(a: Any, b: Any, out: Any) -> None:
    """out = a @ b.T."""
    rows, inner = a.shape
    columns = b.shape[0]
    for i in range(rows):
        for j in range(columns):
            total = 0.0
            for k in range(inner):
                total += a[i, k] * b[j, k]
            out[i, j] = total


def product_into(a: Any, b: Any, turned_a: int, turned_b: int, out: Any) -> None:
    """out = a @ b, either transposed before."""
    if turned_a == 0 and turned_b == 0:
        matmul(a, b, out)
    elif turned_b == 0:
        matmul_tn(a, b, out)
    elif turned_a == 0:
        matmul_nt(a, b, out)
    else:
        inner, rows = a.shape
        columns = b.shape[0]
        for i in range(rows):
            for j in range(columns):
                total = 0.0
                for k in range(inner):
                    total += a[k, i] * b[j, k]
                out[i, j] = total


def sum_rows(w: Any, out: Any) -> None:
    """The sum of the rows of a matrix."""
    rows, columns = w.shape
    for j in range(columns):
        out[j] = 0.0
    for i in range(rows):
        for j in range(columns):
            out[j] += w[i, j]


# ---------------------------------------------------------------------------- elementwise, of whole arrays

def sin_into(x: Any, out: Any) -> None:
    """sin of each element."""
    for i in range(x.size):
        out[i] = sin(x[i])


def cos_into(x: Any, out: Any) -> None:
    """cos of each element."""
    for i in range(x.size):
        out[i] = cos(x[i])


# ---------------------------------------------------------------------------- equations

def lu_into(a: Any, lu: Any, pivots: Any) -> int:
    """Gauss's elimination with partial pivoting: both triangles, and which rows were exchanged."""
    n = a.shape[0]
    size, info = 0.0, 0
    for j in range(n):
        for i in range(n):
            lu[j, i] = a[i, j]
            size += abs(a[i, j])
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(lu[k, i]) > abs(lu[k, p]):
                p = i
        pivots[k] = float(p)
        if not (abs(lu[k, p]) > VANISHING * size and size - size == 0.0):
            info = k + 1
        if p != k:
            for j in range(n):
                lu[j, k], lu[j, p] = lu[j, p], lu[j, k]
        for i in range(k + 1, n):
            lu[k, i] /= lu[k, k]
        for j in range(k + 1, n):
            x = lu[j, k]
            for i in range(k + 1, n):
                lu[j, i] -= lu[k, i] * x
    return info


def lu_solve_into(lu: Any, pivots: Any, integers: Any, xs: Any, transposed: int) -> int:
    """Solve for the right sides in the rows of `xs`, where the solutions will be."""
    count, n = xs.shape
    for c in range(count):
        if transposed == 0:
            for k in range(n):
                p = int(pivots[k])
                xs[c, k], xs[c, p] = xs[c, p], xs[c, k]
            for k in range(n):
                x = xs[c, k]
                for i in range(k + 1, n):
                    xs[c, i] -= lu[k, i] * x
            for m in range(n):
                k = n - 1 - m
                xs[c, k] /= lu[k, k]
                x = xs[c, k]
                for i in range(k):
                    xs[c, i] -= lu[k, i] * x
        else:
            for k in range(n):
                x = xs[c, k]
                for i in range(k):
                    x -= lu[k, i] * xs[c, i]
                xs[c, k] = x / lu[k, k]
            for m in range(n):
                k = n - 1 - m
                x = xs[c, k]
                for i in range(k + 1, n):
                    x -= lu[k, i] * xs[c, i]
                xs[c, k] = x
            for m in range(n):
                k = n - 1 - m
                p = int(pivots[k])
                xs[c, k], xs[c, p] = xs[c, p], xs[c, k]
    return 0


def triangular_into(a: Any, xs: Any, lower: int, transposed: int, unit: int) -> int:
    """The same where `a`, column after column, is a triangle."""
    count, n = xs.shape
    info = 0
    for c in range(count):
        for m in range(n):
            k = m if lower != transposed else n - 1 - m
            x = xs[c, k]
            for before in range(m):
                i = before if lower != transposed else n - 1 - before
                x -= (a[k, i] if transposed != 0 else a[i, k]) * xs[c, i]
            if unit == 0:
                if a[k, k] == 0.0:
                    info = k + 1
                x /= a[k, k]
            xs[c, k] = x
    return info


def determinant_into(a: Any, lu: Any, pivots: Any) -> tuple[float, float]:
    """The sign of the determinant, and the logarithm of its magnitude."""
    sign, total = 1.0, 0.0
    info = lu_into(a, lu, pivots)
    if info != 0:
        return 0.0, -math.inf
    for k in range(a.shape[0]):
        if (pivots[k] != float(k)) != (lu[k, k] < 0.0):
            sign = -sign
        total += log(abs(lu[k, k]))
    return sign, total


def cholesky_into(a: Any, root: Any) -> int:
    """The triangle L with L @ L.T = a, column after column; of `a`, the lower half is read."""
    n = a.shape[0]
    info = 0
    for j in range(n):
        for i in range(n):
            root[j, i] = a[i, j] if i >= j else 0.0
    for k in range(n):
        if not root[k, k] > 0.0:
            info = k + 1
        root[k, k] = math.sqrt(root[k, k])
        for i in range(k + 1, n):
            root[k, i] /= root[k, k]
        for j in range(k + 1, n):
            for i in range(j, n):
                root[j, i] -= root[k, i] * root[k, j]
    return info


def eigh_into(a: Any, w: Any, work: Any, whole: Any, vectors: int, lower: int) -> int:
    """The eigenvalues of a symmetric matrix, by Jacobi's rotations; with `vectors`, these in its place.

    Each is a row. Their signs are as arbitrary as LAPACK's, and may be others.
    """
    n = a.shape[0]
    size = 0.0
    for j in range(n):
        for i in range(n):
            work[n * j + i] = 1.0 if i == j else 0.0
            if i < j and lower != 0:
                a[j, i] = a[i, j]
            elif i < j:
                a[i, j] = a[j, i]
            size += abs(a[j, i])
    if size - size != 0.0:                       # not finite
        return 1
    off, rounds = 1.0, 0
    while off > 0.0 and rounds < 60:
        off = 0.0
        for p in range(n):
            for q in range(p + 1, n):
                x = a[p, q]
                if abs(x) > 1e-17 * size:
                    off += abs(x)
                    half = 0.5 * (a[q, q] - a[p, p]) / x
                    t = math.copysign(1.0, half) / (abs(half) + math.sqrt(half * half + 1.0))
                    c = 1.0 / math.sqrt(t * t + 1.0)
                    s = t * c
                    for k in range(n):
                        y, z = a[k, p], a[k, q]
                        a[k, p], a[k, q] = c * y - s * z, s * y + c * z
                    for k in range(n):
                        y, z = a[p, k], a[q, k]
                        a[p, k], a[q, k] = c * y - s * z, s * y + c * z
                        y, z = work[n * p + k], work[n * q + k]
                        work[n * p + k], work[n * q + k] = c * y - s * z, s * y + c * z
        rounds += 1
    for k in range(n):
        w[k] = a[k, k]
    for k in range(n):                           # in order
        least = k
        for i in range(k + 1, n):
            least = i if w[i] < w[least] else least
        w[k], w[least] = w[least], w[k]
        for i in range(n):
            y, z = work[n * k + i], work[n * least + i]
            work[n * k + i], work[n * least + i] = z, y
            if vectors != 0:
                a[k, i] = work[n * k + i]
    return 0
