"""SciPy's functions that are no ufuncs, by NumPy's and ours: what a twin calls for traced arguments.

The parameters are those of SciPy. What only says how to compute (`check_finite`, `overwrite_a`, `assume_a`)
is
taken and changes nothing.
"""

from typing import Any

import numpy as np

from ... import linalg
from ..custom import stop_gradient
from ..values import shape

# ---------------------------------------------------------------------------- scipy.special


def _largest(x: Any, axis: Any) -> Any:
    """The largest along an axis, as a constant to take off; 0 where it is infinite."""
    largest = stop_gradient(np.max(x, axis=axis, keepdims=True))
    return np.where(np.isfinite(largest), largest, 0.0)


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    if return_sign:
        raise TypeError("the gradient of logsumexp does not know the argument 'return_sign'")
    largest = _largest(a, axis)
    powers = np.exp(a - largest)
    total = np.sum(powers if b is None else b * powers, axis=axis, keepdims=True)
    y = np.log(total) + largest
    return y if keepdims else np.sum(y) if axis is None else np.squeeze(y, axis=axis)


def softmax(x: Any, axis: Any = None) -> Any:
    powers = np.exp(x - _largest(x, axis))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    return x - logsumexp(x, axis, keepdims=True)


# ---------------------------------------------------------------------------- scipy.linalg


def expm(A: Any) -> Any:
    return linalg.expm(A)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    return linalg.solve_triangular(a, b, trans, lower, unit_diagonal)


def solve(
    a: Any,
    b: Any,
    *,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: Any = None,
    transposed: bool = False,
) -> Any:
    if assume_a not in (None, "gen", "general"):
        triangle = np.tril if lower else np.triu  # the other one is not read
        half = triangle(a, -1 if lower else 1)
        a = (
            triangle(a) + np.swapaxes(half, -1, -2)
            if assume_a in ("sym", "her", "pos", "symmetric", "hermitian", "positive definite")
            else a
        )
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, **how: Any) -> Any:
    return np.linalg.inv(a)


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.det(a)


def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.norm(a, ord, axis, keepdims)


def pinv(a: Any, *, check_finite: bool = True) -> Any:
    return np.linalg.pinv(a)


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    if lower:
        return np.linalg.cholesky(a)
    return np.swapaxes(np.linalg.cholesky(np.swapaxes(a, -1, -2)), -1, -2)  # its upper triangle is read


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return cholesky(a, lower), lower


def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    return linalg.cho_solve(c_and_lower, b)


def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, **how: Any) -> Any:
    if b is not None or how.get("subset_by_index") is not None or how.get("subset_by_value") is not None:
        raise TypeError("the gradient of scipy.linalg.eigh is known for all eigenvalues of one matrix")
    side: Any = "L" if lower else "U"
    return np.linalg.eigvalsh(a, side) if eigvals_only else tuple(np.linalg.eigh(a, side))


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, **how: Any) -> Any:
    return eigh(a, b, lower=lower, eigvals_only=True, **how)


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.svd(a, compute_uv=False)


def sqrtm(A: Any, **how: Any) -> Any:
    return linalg.sqrtm(A)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    return linalg.solve_sylvester(a, b, q)


def block_diag(*arrs: Any) -> Any:
    blocks = [np.atleast_2d(x) for x in arrs]
    wide = sum(shape(x)[1] for x in blocks)
    before, rows = 0, []
    for x in blocks:
        rows.append(np.pad(x, ((0, 0), (before, wide - before - shape(x)[1]))))
        before += shape(x)[1]
    return np.concatenate(rows)


def toeplitz(c: Any, r: Any = None) -> Any:
    r = c if r is None else r
    c, r = np.ravel(c), np.ravel(r)
    column, row = np.ogrid[: len(c), : len(r)]
    return np.concatenate([np.flip(r[1:]), c])[len(r) - 1 + column - row]


# ---------------------------------------------------------------------------- scipy.integrate


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return np.trapezoid(y, x, dx, axis)
