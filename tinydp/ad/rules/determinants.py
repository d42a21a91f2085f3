"""Gradient rules of determinants, exact for matrices of any rank and in derivatives of any order.

The gradient of det(a) is the matrix of cofactors: det(a) inv(a)^T where a is regular. It is a polynomial
in a, so it and all its derivatives exist where a is singular, too. There a is bordered by k rows and
columns, so that the larger matrix is regular; with the blocks of its inverse,

    [[a, u], [v, 0]]^-1 = [[p, q], [r, z]],

det(a) is the determinant of the larger matrix times that of the small z (Jacobi's identity), and so

    adj(a) = det(...) (det(z) p - q adj(z) r),

whatever constants u and v are: here the singular vectors of the k smallest singular values. Since that
holds for all a, its derivatives hold as well.
"""

import numpy as np

from ..registry import defvjp
from ..tape import Var
from ..values import abstract, plain, shape

WELL_CONDITIONED, NEGLIGIBLE = 1e4, 1e-2         # norms of a and its inverse multiplied; part of the largest


def _swap(x):
    return np.swapaxes(x, -1, -2)


def _scalars(x):
    """Numbers, to multiply matrices by."""
    return np.reshape(x, (*shape(x), 1, 1))


def cofactors(a, det=None):
    """The gradient of det(a), whose value may be given; of each matrix in a stack."""
    n = shape(a)[-1]
    if n <= 1:
        return np.ones(shape(a))
    if abstract(a):
        return _in_a_program(a, det)
    inverse = _inverse(a)
    if inverse is not None:
        if n <= 3 and type(a) is Var:            # or higher derivatives would cancel
            return _polynomial(a)
        return _scalars(np.linalg.det(a) if det is None else det) * _swap(inverse)
    if np.ndim(a) > 2:
        each = [cofactors(a[index]) for index in np.ndindex(shape(a)[:-2])]
        return np.reshape(np.stack(each), shape(a))
    return _of_singular(a)


def _in_a_program(a, det):
    """The same in a compiled program: nan where a tape has to look."""
    if shape(a)[-1] <= 3:
        return _polynomial(a)
    inverse = np.linalg.inv(a)
    c = _scalars(np.linalg.det(a) if det is None else det) * _swap(inverse)
    return np.where(_scalars(_is_well_conditioned(a, inverse)), c, np.nan)


def _inverse(a):
    """The inverses of well-conditioned matrices, else None."""
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    return inverse if np.all(_is_well_conditioned(a, inverse)) else None


def _is_well_conditioned(a, inverse):
    """Of each matrix in a stack, by the norms of Frobenius."""
    squares = [np.sum(plain(x) ** 2, axis=(-2, -1)) for x in (a, inverse)]
    return np.sqrt(squares[0] * squares[1]) < WELL_CONDITIONED * shape(a)[-1]


def _of_singular(a):
    n = shape(a)[0]
    u, s, vt = np.linalg.svd(plain(a))
    if s[0] == 0:
        return _polynomial(a)
    k = int(np.sum(s < NEGLIGIBLE * s[0]))
    if k == 0 or not np.all(np.isfinite(s)):
        return np.linalg.det(a) * _swap(np.linalg.inv(a))
    small = np.block([[a / s[0], u[:, n - k:]], [vt[n - k:], np.zeros((k, k))]])
    inverse = np.linalg.inv(small)
    p, q, r, z = inverse[:n, :n], inverse[:n, n:], inverse[n:, :n], inverse[n:, n:]
    adjugate = np.linalg.det(small) * (np.linalg.det(z) * p - q @ _swap(cofactors(z)) @ r)
    half = (n - 1) // 2                          # two factors, since one may be infinite where this is 0
    return _swap(adjugate) * s[0] ** half * s[0] ** (n - 1 - half)


def _polynomial(a):
    """The cofactors without dividing by an element (Faddeev and LeVerrier): exact for the matrix of zeros."""
    n = shape(a)[-1]
    c = one = np.eye(n)
    for k in range(1, n):
        c = np.matmul(a, c)
        c = c - _scalars(np.trace(c, axis1=-2, axis2=-1) / k) * one
    return (-1.0) ** (n - 1) * _swap(c)


def _slogdet(g, y, a):
    g, singular = _scalars(g[1]), _scalars(y[0]) == 0
    regular = np.where(singular & (g == 0), np.eye(shape(a)[-1]), a)             # zero is strong
    return g * _swap(np.linalg.inv(regular))


defvjp(np.linalg.det,      lambda g, y, a: _scalars(g) * cofactors(a, y))
defvjp(np.linalg.slogdet,  _slogdet)             # a singular matrix raises: the slope is infinite
