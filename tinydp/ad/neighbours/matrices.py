"""Two matrix functions of SciPy's that the tape records as one node: Sylvester's equation and the square
root.

If a x + x b = q, then da x + x db + a dx + dx b = dq, so that the cotangent of q solves the same equation
with
the transposed matrices, and those of a and b are products of it with x (Giles, "Collected matrix derivative
results", 2008). The root y of a is the case y dy + dy y = da.
"""

from typing import Any

import numpy as np

from ..primitives import Primitive
from ..registry import defvjp


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    from scipy.linalg import solve_sylvester  # noqa: PLC0415  (which takes a while to import)
    return solve_sylvester(a, b, q)


def _root(a: Any) -> Any:
    from scipy.linalg import sqrtm  # noqa: PLC0415
    y = sqrtm(a)
    return y.real if np.iscomplexobj(y) and not np.any(y.imag) else y


solve_sylvester, sqrtm = Primitive(_sylvester, "solve_sylvester"), Primitive(_root, "sqrtm")


def _of_q(g: Any, a: Any, b: Any) -> Any:
    return solve_sylvester(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), g)


defvjp(solve_sylvester,
       lambda g, y, a, b, q: -_of_q(g, a, b) @ np.swapaxes(y, -1, -2),
       lambda g, y, a, b, q: -np.swapaxes(y, -1, -2) @ _of_q(g, a, b),
       lambda g, y, a, b, q: _of_q(g, a, b))
defvjp(sqrtm, lambda g, y, a: _of_q(g, y, y))
