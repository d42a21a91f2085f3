"""What a loop carries from step to step: its structure, its shapes and what is static in it stay.

    >>> in_form_of({"x": 1.0, "v": 2.0}, {"v": 4.0, "x": 3.0}, k=0)
    {'x': 3.0, 'v': 4.0}
"""

import numbers
from typing import Any

import numpy as np

from . import tree
from .errors import LoopError, StructureError
from .tape import Var
from .values import Abstract, shape


def in_form_of(first: Any, carry: Any, k: int, may_change: bool = False) -> Any:
    """`carry`, its names in the order of those of `first`, if it has the same structure and shapes.

    What is static has to be the same, too, unless it `may_change`; it does not become a number.

        >>> in_form_of({"x": 1.0, "mode": "off"}, {"mode": "on", "x": 3.0}, 0, may_change=True)
        {'x': 3.0, 'mode': 'on'}
    """
    others: list = []
    if k == 0:
        require_numbers(carry)

    def checked(was: Any, now: Any) -> Any:
        if shape(was) != shape(now):
            others.append(now)
        return now

    try:
        carry = (tree.map_changed if may_change else tree.map)(checked, first, carry)
    except StructureError as error:
        raise _changed(error, k) from None
    if others:
        path, a, b = next((path, a, b) for (path, a), b in
                          zip(tree.leaves(first), tree.flatten(carry)[0], strict=True) if b is others[0])
        raise LoopError(
            f"step {k} changed the shape of carry{path}, from {shape(a)} to {shape(b)}.",
            "return a carry of the same shapes; begin with np.zeros of the shape that it grows to.")
    return carry


def require_numbers(carry: Any) -> None:
    """Raise if a leaf of a carry is neither a number nor an array: an object of which nothing is known."""
    for path, x in tree.leaves(carry):
        if type(x) is not Var and not isinstance(x, (numbers.Number, np.ndarray, np.bool_, Abstract)):
            raise LoopError(
                f"carry{path} is a {type(x).__name__}, which is no number, array or structure of them.",
                "make it a dataclass, a named tuple, a dict or a list; or say with dp.ad.tree.register("
                f"{type(x).__name__}, ...) what there is in it. What no step changes can stay outside.")


def _changed(error: StructureError, k: int) -> LoopError | StructureError:
    """What to say of a carry that is not built like the first one."""
    if error.difference is None:                 # it cannot be taken apart at all
        return error
    path, was, now, static = error.difference
    if static and "None" not in (was, now):
        return LoopError(
            f"step {k} changed carry{path} from {was} to {now}, which is no number: it is a part of the "
            "program.", "carry a number or a condition in its place, such as 0.0 and 1.0, or False and True.")
    place = f" at carry{path}" if path else ""
    return LoopError(f"step {k} changed the structure of the carry{place}, from {was} to {now}.",
                     "return a carry that is built like the first one.")
