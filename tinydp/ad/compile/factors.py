"""A matrix that was factored once is used by all equations with it, those of the backward pass among them.

In a program that is differentiated no more, `solve` and `inv` become two operations: elimination, whose
result is kept as any other value is, and the solution of the triangles that it left. The backward pass solves
with the transposed matrix, and these triangles serve for that as well.

    >>> from .trace import traced
    >>> from .expand import apart
    >>> print(apart(traced(lambda a, b: np.linalg.solve(a.T, np.linalg.solve(a, b)), np.eye(2), np.ones(2))))
    given a: f(2, 2), b: f(2,)
    t: f(2, 2), t_1: f(2,) = lu_factor(a)
    t_2: f(2,) = lu_solve(t, t_1, b, transposed=False)
    t_3: f(2,) = lu_solve(t, t_1, t_2, transposed=True)
    return t_3
"""

from typing import Any

import numpy as np

from ..primitives import Primitive
from ..values import Abstract
from .operations import MOVING, axes_moved


def _factored(a: Any) -> tuple:
    """Both triangles, column after column as LAPACK has them, and which rows were exchanged, as numbers."""
    from scipy.linalg.lapack import dgetrf  # noqa: PLC0415  (only programs with linear algebra need SciPy)

    a = np.asarray(a, float)
    lus, pivots = np.empty(a.shape), np.empty(a.shape[:-1])
    for index in np.ndindex(a.shape[:-2] if a.size else (0,)):
        lu, pivots[index], info = dgetrf(a[index])
        lus[index] = lu.T
        if info > 0:
            raise np.linalg.LinAlgError("Singular matrix")
    return lus, pivots


def _solved(lu: Any, pivots: Any, b: Any, transposed: bool = False) -> Any:
    from scipy.linalg.lapack import dgetrs  # noqa: PLC0415

    is_vector = np.ndim(b) == 1
    b = b[:, None] if is_vector else b
    stack = np.broadcast_shapes(lu.shape[:-2], b.shape[:-2])
    lu, pivots = np.broadcast_to(lu, stack + lu.shape[-2:]), np.broadcast_to(pivots, stack + lu.shape[-1:])
    x = np.array(np.broadcast_to(b, stack + b.shape[-2:]), float)
    for index in np.ndindex(stack if x.size else (0,)):
        x[index] = dgetrs(lu[index].T, pivots[index].astype(int), x[index], trans=int(transposed))[0]
    return x[..., 0] if is_vector else x


lu_factor, lu_solve = Primitive(_factored, "lu_factor"), Primitive(_solved, "lu_solve")
lu_factor.opaque = (1,)                          # the exchanges, which machine code writes in its own way


def solve(a: Any, b: Any) -> Any:
    """a x = b."""
    inner = _transposed(a)
    if not isinstance(a if inner is None else inner, Abstract):
        a = np.asarray(a, float)                 # a constant: it is factored once, before all else
    lu, pivots = _record(lu_factor, (a if inner is None else inner,), b)
    return _record(lu_solve, (lu, pivots, b), b, transposed=inner is not None)


def inv(a: Any) -> Any:
    """a x = 1."""
    return solve(a, np.broadcast_to(np.eye(np.shape(a)[-1]), np.shape(a)))


def _record(op: Primitive, args: tuple, other: Any, **options: Any) -> Any:
    """An operation; of constants alone, it is done now."""
    known = next((x for x in args if isinstance(x, Abstract)), None)
    return op.fn(*args, **options) if known is None else known.call(op, args, options)


def _transposed(a: Any) -> Any:
    """The value whose matrices, transposed, are `a`; None if there is none."""
    op = a.builder.maker.get(a.value) if isinstance(a, Abstract) else None       # type: ignore[attr-defined]
    if op is None or op.name not in MOVING:
        return None
    n = op.outs[0].ndim
    if axes_moved(op) != [*range(n - 2), n - 1, n - 2]:
        return None
    proxy: Any = type(a)
    return proxy(a.builder, op.args[0])
