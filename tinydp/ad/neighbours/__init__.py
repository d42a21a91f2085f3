"""SciPy's functions on traced values: `scipy.special`, `scipy.linalg` and a few others, as they stand.

SciPy is not imported for this: a function of it comes here when a program calls it. Its ufuncs ask their
arguments (`special.py`), as NumPy's do. Its other functions cannot be asked; where your own source calls one,
its twin calls what is here instead (`others.py`).
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..drafts import holds_traced

__all__ = ["instead_of", "is_known", "of_ufunc"]


def of_ufunc(ufunc: np.ufunc) -> Any:
    """The primitive for a ufunc of SciPy's; None if there is none."""
    if getattr(np, ufunc.__name__, None) is ufunc or "scipy.special" not in sys.modules:
        return None
    from . import special  # noqa: PLC0415  (which imports SciPy)

    return special.UFUNCS.get(ufunc)


# The functions that are no ufuncs: SciPy's module, and the names there.
NAMES = {
    "scipy.special": ("logsumexp", "softmax", "log_softmax"),
    "scipy.linalg": (
        "expm",
        "solve_triangular",
        "solve",
        "inv",
        "det",
        "norm",
        "pinv",
        "cholesky",
        "cho_factor",
        "cho_solve",
        "eigh",
        "eigvalsh",
        "svdvals",
        "sqrtm",
        "solve_sylvester",
        "block_diag",
        "toeplitz",
    ),
    "scipy.integrate": ("trapezoid",),
}


def is_known(f: Any) -> bool:
    """Whether it is a function of SciPy's, no ufunc, that is known here."""
    module = str(getattr(f, "__module__", ""))
    return module.startswith("scipy.") and any(
        module.startswith(known) and f.__name__ in names for known, names in NAMES.items()
    )


def instead_of(f: Callable) -> Callable:
    """What to call for a function of SciPy's: itself, unless an argument is traced."""
    from . import others  # noqa: PLC0415  (which imports SciPy)

    def called(*args: Any, **options: Any) -> Any:
        traced = holds_traced(args) or holds_traced([*options.values()])
        return (getattr(others, f.__name__) if traced else f)(*args, **options)

    return called
