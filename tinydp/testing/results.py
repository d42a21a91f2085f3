"""What a checked function returns: a real number, or something that is refused."""

import math
from typing import Any

import numpy as np

from ..ad.errors import DtypeError, TinydpError
from ..ad.tape import Var

# Beside the point of interest, each of these says that `f` is not defined there. At the point itself, the
# others would hide a mistake.
UNDEFINED = (ArithmeticError, ValueError)
UNDEFINED_BESIDE = (*UNDEFINED, LookupError, AssertionError, TinydpError)


def is_float(leaf: Any) -> bool:
    """Whether it is a plain float, or an array of them."""
    return leaf.dtype.kind == "f" if isinstance(leaf, np.ndarray) else isinstance(leaf, (float, np.floating))


def is_real(leaf: Any) -> bool:
    """Whether it is made of real numbers: floats, integers or a traced value, but no booleans."""
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "fiu"
    return isinstance(leaf, (float, int, np.floating, np.integer, Var)) and not isinstance(leaf, bool)


def number(y: Any) -> float:
    """The result of a function as a float; nan where it has become complex, as `(-1.0)**0.5` does.

    A boolean has no derivative, and text and `None` are no numbers: `DtypeError`.

        >>> import numpy as np
        >>> number(np.float32(0.5)), number(2), number((-1.0)**0.5), number(2 + 0j)
        (0.5, 2.0, nan, 2.0)
    """
    if type(y) is float:
        return y
    kind = _kind(y)
    if kind == "c":
        return float(y.real) if y.imag == 0 else math.nan
    if kind in ("b", "t"):
        raise refusal(y)
    try:
        return float(y)
    except TypeError:
        raise refusal(y) from None


def refusal(y: Any) -> DtypeError:
    """The error that says what was returned in place of a real number."""
    advice = {"b": "return a float that depends smoothly on the arguments: a condition is a step, and its "
                   "derivative is zero or does not exist.",
              "c": "return np.real(y), np.imag(y) or np.abs(y)**2."}
    what = repr(y) if np.ndim(y) == 0 else f"an array of {getattr(y, 'dtype', 'objects')}"
    return DtypeError(f"f returned {what[:60]}, and only real numbers have a derivative.",
                      advice.get(_kind(y), "return a float, an array of floats, or a structure of them."))


def _kind(y: Any) -> str:
    """What kind of thing a result is: b(oolean), c(omplex), t(ext and the like), or perhaps a number."""
    dtype = getattr(y, "dtype", type(y))
    if isinstance(dtype, np.dtype):
        return {"b": "b", "c": "c", "U": "t", "S": "t", "M": "t", "m": "t"}.get(dtype.kind, "")
    if y is None or isinstance(y, (str, bytes)):
        return "t"
    name = str(dtype).removeprefix("torch.").removeprefix("<class '")
    return {"bool": "b", "comp": "c"}.get(name[:4], "")
