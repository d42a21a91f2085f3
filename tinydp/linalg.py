"""Linear algebra that NumPy does not have: SciPy's functions, which cannot be asked to take traced values.

Everything else is `np.linalg`. Both work on plain arrays, on traced values, and in compiled programs.

    >>> import numpy as np
    >>> from tinydp import grad, linalg
    >>> grad(lambda t: linalg.expm(t * np.array([[0.0, -1.0], [1.0, 0.0]]))[1, 0])(0.0)       # of the sine
    1.0
"""

from typing import Any

import numpy as np  # noqa: F401  (for the examples)

from .ad.rules import triangles

__all__ = ["expm", "solve_triangular"]


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
