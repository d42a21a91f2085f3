"""Gradient rules of equations with a triangle, of the QR decomposition, and of the exponential of a matrix.

Each works on stacks of matrices: the last two axes are the matrix. QR as in Walter and Lehmann, "Algorithmic
differentiation of linear algebra functions" (2018), for wide matrices as in Roberts and Roberts (arXiv
2009.10071). The exponential of a block triangle has the derivative of the exponential in its corner (Mathias,
"A chain rule for matrix functions", 1996), so its rule is the exponential itself, and has second derivatives.
"""

import numpy as np

from ..errors import UnsupportedArgumentError
from ..primitives import Primitive
from ..registry import alias, defvjp
from ..values import abstract, shape


def _swap(x):
    return np.swapaxes(x, -1, -2)


# ---------------------------------------------------------------------------- triangles


def _solved(a, b, *, lower=False, transposed=False, unit_diagonal=False):
    from scipy.linalg import solve_triangular as by_scipy  # noqa: PLC0415  (only who calls it needs SciPy)

    a, b, is_vector = np.asarray(a, float), np.asarray(b, float), np.ndim(b) == 1
    b = b[:, None] if is_vector else b
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or b.shape[-2] != a.shape[-1]:
        raise ValueError(f"a triangle of shape {a.shape} does not fit a right side of shape {b.shape}")
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, stack + a.shape[-2:]), np.broadcast_to(b, stack + b.shape[-2:])
    x = np.empty(b.shape)
    for index in np.ndindex(stack if x.size else (0,)):
        x[index] = by_scipy(a[index], b[index], trans=int(transposed), lower=lower,
                            unit_diagonal=unit_diagonal, check_finite=False)
    return x[..., 0] if is_vector else x


def _right_side(g, y, a, b, lower=False, transposed=False, unit_diagonal=False):
    if np.ndim(b) == 1:                          # with a stack of matrices, `g` is one of vectors
        g = np.expand_dims(g, -1)
    c = solve_triangular(a, g, lower=lower, transposed=not transposed, unit_diagonal=unit_diagonal)
    return c[..., 0] if np.ndim(b) == 1 else c


def _triangle(g, y, a, b, lower=False, transposed=False, unit_diagonal=False):
    c = _right_side(g, y, a, b, lower, transposed, unit_diagonal)
    c, x = (np.expand_dims(z, -1) if np.ndim(b) == 1 else z for z in (c, y))
    product = -np.matmul(x, _swap(c)) if transposed else -np.matmul(c, _swap(x))
    return np.tril(product, -int(unit_diagonal)) if lower else np.triu(product, int(unit_diagonal))


solve_triangular = Primitive(_solved, "solve_triangular")
defvjp(solve_triangular, _triangle, _right_side)


def divided(a, b, lower):
    """a^-1 b for a triangle with zeros on the other side."""
    return solve_triangular(a, b, lower=lower) if abstract(a) or abstract(b) else np.linalg.solve(a, b)


# ---------------------------------------------------------------------------- QR


def _qr(g, y, a):
    (g_q, g_r), (q, r) = g, y
    m, n = shape(a)[-2:]
    if m >= n:
        return _tall(g_q, g_r, q, r)
    rest, g_rest = a[..., m:], g_r[..., m:]      # q^T rest is the right part of r
    g_q = g_q + rest @ _swap(g_rest)
    return np.concatenate([_tall(g_q, g_r[..., :m], q, r[..., :m]), q @ g_rest], axis=-1)


def _tall(g_q, g_r, q, r):
    c = r @ _swap(g_r) - _swap(g_q) @ q
    even = np.tril(c) + _swap(np.tril(c, -1))
    return _swap(divided(r, _swap(g_q + q @ even), lower=False))


thin_qr = Primitive(lambda a: np.linalg.qr(a), "qr")
defvjp(thin_qr, _qr)                             # raises where the rank is not full


@alias(np.linalg.qr)
def _qr_of(a, mode="reduced"):
    m, n = np.shape(a)[-2:]
    if mode == "r":
        return thin_qr(a)[1]
    if mode != "reduced" and (mode != "complete" or m > n):
        raise UnsupportedArgumentError(
            f"np.linalg.qr of a {m} x {n} matrix in the mode {mode!r} has no gradient rule: "
            "what completes Q is arbitrary.", "write np.linalg.qr(a), without a mode.")
    return thin_qr(a)


# ---------------------------------------------------------------------------- exponential


# The coefficients of the rational function of degree 13, and the norm up to which it is exact enough: Higham,
# "The scaling and squaring method for the matrix exponential revisited" (2005). (SciPy's loses three digits.)
PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
        10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0,
        1.0)
ENOUGH = 5.371920351148152


def _exponentials(a):
    a = np.asarray(a, float)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"an array of shape {a.shape} has no exponential: its last two sides must be equal")
    y = np.empty(a.shape)
    for index in np.ndindex(a.shape[:-2] if a.size else (0,)):
        y[index] = _exponential(a[index])
    return y


def _exponential(a):
    """By scaling and squaring."""
    norm, squarings, b, one = np.max(np.sum(np.abs(a), axis=0)), 0, PADE, np.eye(len(a))
    if not np.isfinite(norm):
        return np.full(a.shape, np.nan)
    while norm > ENOUGH:
        norm, squarings = norm / 2, squarings + 1
    a = a * 0.5**squarings
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    y = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        y = y @ y
    return y


def _expm(g, y, a):
    n, a = shape(a)[-1], _swap(a)
    above = np.concatenate([a, g], axis=-1)
    below = np.concatenate([np.zeros(shape(a)), a], axis=-1)
    return expm(np.concatenate([above, below], axis=-2))[..., :n, n:]


expm = Primitive(_exponentials, "expm")
defvjp(expm, _expm)
