"""Gradient rules of matrix equations and decompositions, one primitive a line.

Each works on stacks of matrices: the last two axes are the matrix. The formulas are those of
Giles, "Collected matrix derivative results" (2008), for cholesky in the form of Murray
(arXiv 1602.07527), for eigh and svd as in Seeger et al. (arXiv 1710.08717) and Townsend,
"Differentiating the singular value decomposition" (2016).

NumPy's cholesky and eigh read one triangle only, so the gradient of the other is zero; for a
matrix that is symmetric by construction both halves arrive where they belong. The vectors of
eigh and svd are differentiable where the values are distinct: of equal values they may turn at
will, and a cotangent of theirs becomes infinite. The values alone are differentiable throughout:
`spectra.py`. Determinants are polynomials: `determinants.py`.
"""

import operator

import numpy as np

from ..errors import UnsupportedArgumentError
from ..primitives import Primitive
from ..registry import alias, defvjp, flat, warn_if_steep
from ..selected import bare, selected
from ..values import abstract, plain, shape
from .spectra import by_eigenvalues, by_singular_values, of_triangle
from .triangles import divided


def _swap(x):
    return np.swapaxes(x, -1, -2)



# ---------------------------------------------------------------------------- equations


def _solve_b(g, y, a, b):
    if np.ndim(b) == 1 < np.ndim(g):             # NumPy takes all else as a stack of matrices
        return np.linalg.solve(_swap(a), np.expand_dims(g, -1))[..., 0]
    return np.linalg.solve(_swap(a), g)


def _solve_a(g, y, a, b):
    c = _solve_b(g, y, a, b)
    if np.ndim(b) == 1:
        return -np.expand_dims(c, -1) * np.expand_dims(y, -2)
    return -np.matmul(c, _swap(y))


def _inv(g, y, a):
    return -_swap(y) @ g @ _swap(y)


def _pinv(g, y, a, rcond=None, rtol=None):
    """Of matrices whose rank does not change nearby (Golub and Pereyra, 1973)."""
    m, n = shape(a)[-2:]
    rest, rest_of_y = np.eye(m) - a @ y, np.eye(n) - y @ a
    return _swap(y @ _swap(y) @ g @ rest + rest_of_y @ g @ _swap(y) @ y - y @ _swap(g) @ y)


defvjp(np.linalg.solve,    _solve_a, _solve_b)
defvjp(np.linalg.inv,      _inv)
defvjp(np.linalg.pinv,     _pinv)


# ---------------------------------------------------------------------------- least squares


def _least_squares_b(g, y, a, b, rcond):
    return np.linalg.pinv(a, rcond).T @ g


def _least_squares_a(g, y, a, b, rcond):
    """Of matrices whose rank does not change nearby, as for pinv."""
    if np.ndim(b) == 1:
        g, y, b = (np.expand_dims(x, -1) for x in (g, y, b))
    p = np.linalg.pinv(a, rcond)
    rest = b - a @ y
    return rest @ (p @ (p.T @ g)).T - (p.T @ g) @ y.T + (p.T @ y) @ (g - p @ (a @ g)).T


least_squares = Primitive(lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0], "least_squares")
defvjp(least_squares, _least_squares_a, _least_squares_b, None)


# In a program: the first argument; machine code leaves it to a tape if the condition does not hold.
of_full_rank = Primitive(lambda x, is_full: np.where(is_full, x, np.nan), "of_full_rank")
defvjp(of_full_rank, lambda g, y, x, is_full: g, None)


@alias(np.linalg.lstsq)
def _lstsq(a, b, rcond=None):
    m, n = np.shape(a)
    precision = np.finfo(float).eps              # which LAPACK takes for what makes no sense
    small = precision * max(m, n) if rcond is None else rcond if 0 < rcond < 1 else precision
    x, rank = least_squares(a, b, small), np.linalg.matrix_rank(a, rtol=small)
    residuals = np.zeros(0)
    if m > n and (abstract(rank) or rank == n):  # NumPy has some only then
        rest = b - a @ x
        residuals = np.sum(rest * rest, axis=0, keepdims=np.ndim(b) == 1)
        residuals = of_full_rank(residuals, rank == n) if abstract(rank) else residuals
    return x, residuals, rank, np.linalg.svdvals(a)


@alias(np.linalg.matrix_power)
def _matrix_power(a, n):
    """By repeated squaring, in NumPy's order."""
    n = operator.index(n)
    if n < 0:
        return _matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.broadcast_to(np.eye(np.shape(a)[-1]), np.shape(a))
    if n == 3:
        return a @ a @ a
    y = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            y = a if y is None else y @ a
        a = a @ a if n else a
    return y


# ---------------------------------------------------------------------------- symmetric matrices


def _cholesky(g, y, a, upper=False):
    if upper:
        g, y = _swap(g), _swap(y)
    c = np.tril(_swap(y) @ g) * (1 - np.eye(shape(y)[-1]) / 2)
    c = divided(_swap(y), c, lower=False)        # c, between the inverses of y^T and y
    return of_triangle(_swap(divided(_swap(y), _swap(c), lower=False)), lower=not upper)


def _one_over_gaps(x):
    """1 / (x_j - x_i), and 0 on the diagonal."""
    n = shape(x)[-1]
    gaps = np.expand_dims(x, -2) - np.expand_dims(x, -1) + np.eye(n)
    return np.divide(1.0 - np.eye(n), gaps)


def _arrived(g_v):
    """For each vector, a column, whether a cotangent arrived at it: no path leads through the others."""
    return np.any(plain(g_v) != 0, axis=-2, keepdims=True)


def _steeply(name, arrived, c, steepness):
    """The product, of which some elements may be infinite; zero where nothing arrived."""
    product = bare(selected(arrived, c * steepness))
    warn_if_steep(name, product)
    return product


def _eigh(g, y, a, UPLO="L"):
    (g_w, g_v), (w, v) = g, y
    c = by_eigenvalues(g_w, w, a, UPLO)
    if _is_nothing(g_v):
        return c
    turned = _steeply("eigh", _arrived(g_v), _swap(v) @ g_v, _one_over_gaps(w))
    return c + of_triangle(v @ turned @ _swap(v), lower=UPLO.upper() == "L")


def _is_nothing(g):
    """Whether no cotangent arrived at vectors, so that they need not be differentiable."""
    return type(g) is np.ndarray and not np.any(g)


defvjp(np.linalg.cholesky, _cholesky)
defvjp(np.linalg.eigh,     _eigh)                # infinite for the vectors of equal values

# ---------------------------------------------------------------------------- singular values


def _svd(g, y, a):
    (g_u, g_s, g_vt), (u, s, vt) = g, y
    v, g_v = _swap(vt), _swap(g_vt)
    m, n = shape(a)[-2:]
    c = by_singular_values(g_s, s, a)
    if _is_nothing(g_u) and _is_nothing(g_vt):
        return c
    turned_u = _turned(u, g_u, s) * np.expand_dims(s, -2)
    turned_v = np.expand_dims(s, -1) * _turned(v, g_v, s)
    c = c + u @ (turned_u + turned_v) @ vt
    if m > n:
        return c + _left_out(u, g_u, s) @ vt
    return c + u @ _swap(_left_out(v, g_v, s)) if m < n else c


def _turned(u, g_u, s):
    """How much the vectors `u` should turn about each other."""
    c = _swap(u) @ g_u
    arrived = _arrived(g_u)
    return _steeply("svd", arrived | _swap(arrived), c - _swap(c), _one_over_gaps(s * s))


def _left_out(u, g_u, s):
    """How much they should turn out of the space that they span; infinite for a value of 0."""
    c = g_u - u @ (_swap(u) @ g_u)
    return _steeply("svd", _arrived(g_u), c, np.divide(1.0, np.expand_dims(s, -2)))


thin_svd = Primitive(lambda a: np.linalg.svd(a, full_matrices=False), "svd")

defvjp(thin_svd,           _svd)                 # infinite for the vectors of equal values


@alias(np.linalg.svd)
def _svd_of(a, full_matrices=True, compute_uv=True, hermitian=False):
    if hermitian:
        raise UnsupportedArgumentError(
            "the gradient rule of np.linalg.svd does not know hermitian=True.",
            "leave it out, or use np.linalg.eigh.")
    if not compute_uv:
        return np.linalg.svdvals(a)
    if full_matrices and np.shape(a)[-2] != np.shape(a)[-1]:
        raise UnsupportedArgumentError(
            "np.linalg.svd of a matrix that is not square completes U or V by arbitrary vectors, "
            "which have no derivative.", "write np.linalg.svd(a, full_matrices=False).")
    return thin_svd(a)


# ---------------------------------------------------------------------------- questions

flat(np.linalg.matrix_rank)
