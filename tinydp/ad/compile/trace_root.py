"""`dp.root` and `dp.argmin` while a program is written down."""

from collections.abc import Callable
from typing import Any

from ..implicit import Sought, Vector
from .regions import require, settled_region
from .roots import ROOT, root_options
from .trace import _kept


def implicit(kind: Sought, residual: Callable, vector: Vector, max_steps: int, tolerance: float) -> Any:
    """One operation, whose body is the residual; if it finds nothing, a tape has to look."""
    found = settled_region(lambda given: residual(given[0]), [vector.start], [], ["x"])
    x, converged = ROOT(_kept(vector.start), *found.captured,
                        **root_options(found.body, max_steps, tolerance, kind.minimum))
    require(converged)
    return vector.tree(x)
