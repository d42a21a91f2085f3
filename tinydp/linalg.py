"""Linear algebra that NumPy does not have: SciPy's functions, which cannot be asked to take traced values.

Everything else is `np.linalg`. They work on plain arrays and on traced values; and in compiled programs, but
for `solve_sylvester` and `sqrtm`.

    >>> import numpy as np
    >>> from tinydp import grad, linalg
    >>> def turned(angle):
    ...     return linalg.expm(angle * np.array([[0.0, -1.0], [1.0, 0.0]]))
    >>> f"{turned(0.5)[1, 0]:.6f} {grad(lambda angle: turned(angle)[1, 0])(0.5):.6f}"          # sine, cosine
    '0.479426 0.877583'
"""

from typing import Any

import numpy as np  # noqa: F401  (for the examples)

from .ad.neighbours import matrices
from .ad.rules import triangles

__all__ = ["cho_solve", "expm", "solve_sylvester", "solve_triangular", "sqrtm"]


def solve_triangular(a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False
                     ) -> Any:
    """x with a x = b, where only one triangle of `a` is read; the names are those of `scipy.linalg`.

    `a`: (..., n, n), its upper triangle is read, or with `lower` its lower one; its diagonal is not if it is
    said to consist of ones (`unit_diagonal`). `b`: (n,) or (..., n, k); x has the shape of b, spread to the
    stack of `a`, and the unit of b over that of a. With `trans` 1 or "T" it is a^T x = b. Raises
    `numpy.linalg.LinAlgError` if there is a zero on the diagonal, `ValueError` if the shapes do not fit.

        >>> solve_triangular(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 9.0]), lower=True)
        array([1., 2.])
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans={trans!r} is not known: it is 0 for a x = b, or 1 for a^T x = b.")
    return triangles.solve_triangular(a, b, lower=bool(lower), transposed=trans not in (0, "N"),
                                      unit_diagonal=bool(unit_diagonal))


def expm(a: Any) -> Any:
    """The exponential of a matrix, 1 + a + a a / 2 + ..., by scaling and squaring (Higham, 2005).

    `a`: (..., n, n), without a unit; the result has the same shape. A state x of dx/dt = a x becomes
    expm(a t) x after the time t. Raises `ValueError` if the last two sides differ.

        >>> expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
        array([[1., 1.],
               [0., 1.]])
    """
    return triangles.expm(a)


def cho_solve(c_and_lower: Any, b: Any) -> Any:
    """x with a x = b, for the Cholesky factor of `a` and whether that is the lower one.

    The pair is that of `scipy.linalg.cho_factor`, or (np.linalg.cholesky(a), True). `a`: (n, n), `b`: (n,) or
    (n, k); x has the shape of b, and the unit of b over that of a. Raises `ValueError` if the shapes do not
    fit.

        >>> cho_solve((np.linalg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])), True), np.array([6.0, 7.0]))
        array([1., 1.])
    """
    factor, lower = c_and_lower
    half = solve_triangular(factor, b, 0 if lower else 1, lower)
    return solve_triangular(factor, half, 1 if lower else 0, lower)


def sqrtm(a: Any) -> Any:
    """The matrix whose product with itself is `a`, of shape (n, n), by SciPy.

    The result has the shape of `a`; its unit is the root of that of `a`.

    Raises `DtypeError` where it is complex, and `ValueError` if `a` is not square. It has no derivative
    where two eigenvalues of the root add up to 0. It is not compiled.

        >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]]))
        array([[2., 0.],
               [0., 3.]])
    """
    return matrices.sqrtm(a)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """x with a x + x b = q, by SciPy (Bartels and Stewart, 1972).

    `a`: (m, m), `b`: (n, n), `q` and x: (m, n). Raises `numpy.linalg.LinAlgError` where there is
    no solution, and `ValueError` if the shapes do not fit. It is not compiled.

        >>> solve_sylvester(np.array([[2.0]]), np.array([[3.0]]), np.array([[10.0]]))
        array([[2.]])
    """
    return matrices.solve_sylvester(a, b, q)
