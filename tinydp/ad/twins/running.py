"""What a twin calls where the source has `np.array`, a copy that is filled later, or `y[i] = v`.

Each does what the source says as long as nothing is traced. A plain array becomes a `Draft` at the first
traced value that is written to it, and its name is bound to that. This is the same program only if nobody
else
has the array: not under another name, as a view, in a list, or where the function was called. Python
knows, since it counts for each object how many places refer to it. If there are others, it stays the plain
array that it is, and writing to it is refused as ever.
"""

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..drafts import Draft, as_array, holds_traced, joined
from ..tape import Var
from ..values import FLOAT64, Abstract, shape
from ..watch import live_tapes

MAKERS = (np.array, np.asarray, np.asanyarray, np.ascontiguousarray)


def array(function: Callable, *args: Any, **options: Any) -> Any:
    """`np.array(...)` and the like, of traced values as well."""
    if not args or not any(function is x for x in MAKERS) or not holds_traced(args[0]):
        return function(*args, **options)
    known = dict(zip(("dtype",), args[1:2], strict=False)) | options
    dtype, least = known.pop("dtype", None), known.pop("ndmin", 0)
    known = {name: x for name, x in known.items() if name not in ("copy", "order", "subok")}
    if known or len(args) > 2 or (dtype is not None and np.dtype(dtype) != FLOAT64):
        return function(*args, **options)  # which refuses
    x = args[0]
    if type(x) is Draft:
        return (
            x
            if function is not np.array or (options.get("copy") in (False, None) and "copy" in options)
            else x.copy()
        )
    y = joined(x) if isinstance(x, (list, tuple)) else x
    missing = least - len(shape(y))
    return np.reshape(y, (1,) * missing + shape(y)) if missing > 0 else y


def full(function: Callable, *args: Any, **options: Any) -> Any:
    """`np.full(...)` and `np.full_like(...)`, of a traced value as well."""
    value = args[1] if len(args) > 1 else options.get("fill_value")
    others = (
        *args[2:],
        *(x for name, x in options.items() if name not in ("shape", "a", "fill_value", "order")),
    )
    if not holds_traced(value) or not args or any(x not in (None, float, np.float64) for x in others):
        return function(*args, **options)
    if function is np.full_like and np.result_type(args[0]) != FLOAT64:
        return function(*args, **options)
    sides = args[0] if function is np.full else shape(args[0])
    return np.broadcast_to(as_array(value), sides)


def to_fill(x: Any) -> Any:
    """An array that the program has just made, and goes on to fill."""
    return Draft.of(x) if (type(x) is Var or isinstance(x, Abstract)) and shape(x) else x


def writable(y: Any, value: Any, old: Any = None) -> Any:
    """The array `y` as it has to be for `value` to be written to it: a draft, if that is the same program.

    `old` is what was read of it just now.
    """
    if type(y) is not np.ndarray or not holds_traced(value):
        return y
    if y.dtype != FLOAT64 or not y.ndim or not y.flags.writeable or not OWNERS_ARE_KNOWN:
        return y
    others = sys.getrefcount(y) - REFERENCES
    base = y.base
    of_base = type(base) is np.ndarray and sys.getrefcount(base) - REFERENCES_TO_BASE
    viewed = getattr(old, "base", None)  # by the statement itself
    others -= viewed is y
    of_base -= viewed is base and base is not None
    forget = others or of_base
    if forget:
        kept = [k for tape in live_tapes() for k in _snapshots(tape, y, base)]
        others -= sum(x is y for x in kept) + sum(x.base is y for x in kept)
        of_base -= sum(x.base is base for x in kept if base is not None)
    if others or of_base or (base is not None and type(base) is not np.ndarray):
        return y
    return Draft.of(y)


def _snapshots(tape: Any, y: Any, base: Any) -> list:
    """The arrays that a tape remembers to have copied, which are this one, or views of it."""
    return [
        entry[0]
        for entry in tape.constants.values()
        if entry[0] is y or entry[0].base is y or (base is not None and entry[0].base is base)
    ]


def combined(operation: Callable, old: Any, value: Any) -> Any:
    """`old += value`, where `old` was read of an array: nothing traced is added to that in place."""
    if type(old) is np.ndarray and holds_traced(value):
        return OPERATIONS[operation.__name__](old, as_array(value))
    return operation(old, value)


# Python's name of the operation in place -> the one that makes a new array.
OPERATIONS: dict[str, Callable] = {
    f"i{name}": getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "xor",
        "lshift",
        "rshift",
    )
}
OPERATIONS |= {"iand": operator.and_, "ior": operator.or_}

# ---------------------------------------------------------------------------- who refers to an array


def _count(y: Any, value: Any, old: Any = None) -> int:
    return sys.getrefcount(y)


def _counted() -> int:
    """How many references there are to an array within `writable`, if only the caller's name is one."""
    y: Any = np.zeros(1)
    value = 0.0
    y = _count(y, value)
    return y


def _counted_of_base() -> int:
    y = np.zeros(2)[:1]
    base = y.base
    return sys.getrefcount(base)


REFERENCES, REFERENCES_TO_BASE = _counted(), _counted_of_base()

# A Python without its global lock counts otherwise, and from 3.14 on a name may be lent without counting.
OWNERS_ARE_KNOWN = (
    sys.implementation.name == "cpython"
    and sys.version_info < (3, 14)
    and getattr(sys, "_is_gil_enabled", lambda: True)()
)
