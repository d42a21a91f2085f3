"""Arguments of compiled functions, taken apart into numbers and arrays, and what is fixed.

    >>> leaves: list = []
    >>> args = [np.ones(2), 3, None]
    >>> form_of(args, leaves)
    (<class 'list'>, (((2,), 'f'), <class 'int'>, (<class 'NoneType'>, (), ())))
    >>> leaves
    [array([1., 1.]), 3]
    >>> refilled(args, iter(["x", "y"]))
    ['x', 'y', None]
"""

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import DtypeError
from ..tape import Var
from ..values import FLAGS, abstract, is_condition, shape

LARGEST_ARGUMENT = 2**62                 # an integer, so that sums and differences of two are still integers


def form_of(x: Any, leaves: list) -> Any:
    """The structure of an argument, as a key; its numbers and arrays are appended to `leaves`."""
    kind = type(x)
    if kind is float:
        leaves.append(x)
        return float
    if kind is np.ndarray:
        y = as_argument(x)
        leaves.append(x if y is x else _exactly(x, y))
        return (x.shape, np.asarray(y).dtype.kind) if x.ndim or x.dtype.kind == "b" else type(y)
    if kind is Var:
        leaves.append(x)
        return (shape(x), "f") if shape(x) else float
    if kind is tuple or kind is list:
        return (kind, tuple([form_of(child, leaves) for child in x]))
    if kind is dict:
        return (dict, tuple([(name if type(name) is str else fixed(name), form_of(child, leaves))
                             for name, child in x.items()]))
    node = tree.KINDS[kind]                      # the three before it are known at once, for speed
    if node is not None:
        below = tuple([form_of(child, leaves) for child in node.children(x)])
        return (kind, _names(x), below) if node.keys or node.static else (kind, below)
    if abstract(x):
        leaves.append(x)
        return None
    if _is_input(x):
        leaves.append(_exactly(x, as_argument(x)))
        return type(leaves[-1])
    return fixed(x)


def _names(x: Any) -> tuple:
    """What there is at the root of a structure beside its children: the keys of a dict, static parts."""
    if isinstance(x, dict):
        return tuple([name if type(name) is str else fixed(name) for name in x])
    return () if x is None else tuple([fixed(part) for _, part in tree.static(x)])


def refilled(x: Any, rest: Any) -> Any:
    """An argument with other numbers and arrays in place of its own; of NumPy's if its own are."""
    return tree.map(lambda leaf: _of_its_kind(leaf, next(rest)) if _is_input(leaf) else leaf, x)


def _of_its_kind(x: Any, y: Any) -> Any:
    """`y`, as one of NumPy's if it stands for one: a program has Python's numbers, which have no methods."""
    if type(x) is float or type(y) not in (float, int):
        return y
    if isinstance(x, np.ndarray):
        return np.array(y)
    return np.array(y)[()] if isinstance(x, np.generic) else y


def gradients_like(x: Any, rest: Any) -> Any:
    """An argument with its gradients in place of its numbers; `TypeError` if they are of another type."""

    def gradient(leaf: Any) -> Any:
        if type(leaf) is float or (type(leaf) is np.ndarray and leaf.dtype == np.float64 and leaf.ndim):
            return next(rest)
        if type(leaf) in FLAGS:
            return leaf
        raise TypeError

    return tree.map(gradient, x)


def _is_input(x: Any) -> bool:
    """Whether a leaf is a number or an array; all else is fixed."""
    kind = type(x)
    return kind is float or kind is np.ndarray or kind is Var or abstract(x) or (
        isinstance(x, numbers.Real) and kind not in FLAGS)


def fixed_leaves(x: Any) -> list:
    """What is no number and no array in an argument: strings, functions, classes, objects."""
    return [*tree.fixed_parts(x), *(leaf for leaf in tree.flatten(x)[0] if not _is_input(leaf))]


def fixed(x: Any) -> Any:
    """A part of the program itself, as a key."""
    try:
        hash(x)
    except TypeError:
        raise DtypeError(
            f"a {type(x).__name__} cannot be an argument of a compiled function.",
            "pass numbers, arrays or structures of them; fixed arguments must be hashable.") from None
    return ("fixed", type(x), x, repr(x))        # 1 == True and 0.0 == -0.0, within tuples, too


def as_argument(x: Any) -> Any:
    """A leaf as compiled functions take it: a number, or a C-contiguous array of its own kind."""
    if type(x) is not np.ndarray:
        return _as_number(x) if isinstance(x, numbers.Real) and not is_condition(x) else x
    if not x.ndim:
        return np.bool_(x) if is_condition(x) else _as_number(x.item())
    if x.dtype in (np.float64, np.int64) and x.flags.c_contiguous and x.flags.writeable and x.flags.aligned:
        return x
    if x.dtype.kind not in "fiub":
        raise DtypeError(f"an array of dtype {x.dtype} cannot be an argument of a compiled function.",
                         "pass arrays of real numbers or booleans.")
    dtype = {"b": np.bool_, "i": np.int64, "u": np.int64}.get(x.dtype.kind, np.float64)
    return np.array(x, dtype=np.float64 if x.dtype == np.uint64 else dtype, order="C")


def _as_number(x: Any) -> float | int:
    if isinstance(x, numbers.Integral) and abs(int(x)) <= LARGEST_ARGUMENT:
        return int(x)
    try:
        return float(x)
    except OverflowError:                        # an integer
        return math.inf


def _exactly(x: Any, y: Any) -> Any:
    """`y`, which is `x` as a float or as an array of them; raises if digits were lost."""
    if isinstance(x, float) or (isinstance(x, np.ndarray) and (
            x.dtype.itemsize < 8 or x.dtype.str[1:] == "f8")):
        return y                                 # at once, since there is nothing to lose
    if type(x) is not int or x != y:
        with np.errstate(invalid="ignore"):      # 2**63 - 1 becomes 2**63
            back = np.asarray(y).astype(np.asarray(x).dtype)
        if not np.all((back == x) | np.isnan(y)):
            raise DtypeError(
                f"{x!r:.60} cannot be an argument of a compiled function: float64 cannot hold it exactly.",
                "pass float(x) if a rounded number will do; an integer can also be static.")
    return y


def name_of(f: Callable) -> str:
    return getattr(f, "__name__", type(f).__name__)

