"""What is computed twice: forwards, and again on the way back. Both times it must be the same.

A `checkpoint`, and a `scan` in segments, keep nothing of their inside. If the second run meets other
data than the first, say the next numbers of a random generator, then its derivative is that of another
function. So a few bytes are kept of the first run, and compared:

    >>> import itertools
    >>> from tinydp import checkpoint, grad
    >>> ticks = itertools.count(1)
    >>> grad(lambda x: checkpoint(lambda x: x * next(ticks))(x))(1.0)      # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinydp.ad.errors.MutationError: the inside of <lambda> was something else when it was computed again.
      at ...
      pass what changes as an argument: draw random numbers outside, leave arrays as they are.
"""

import marshal
import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from .errors import MutationError, Spot, place_of
from .tape import Node, Var
from .values import abstract, plain

IN_A_FUNCTION = "pass what changes as an argument: draw random numbers outside, leave arrays as they are."
IN_A_LOOP = "pass what changes in xs or the carry: draw random numbers before the loop, count in the carry."


def fingerprint(inputs: Iterable[Var], nodes: Iterable[Node]) -> int:
    """A number that tells programs apart: their operations, operands and constants.

    Two runs that begin with the same values and have the same fingerprint are the same to the last bit,
    and so are their derivatives. The values alone do not say that: 0 times anything is 0.
    """
    places: dict[int, int] = {id(x): k for k, x in enumerate(inputs)}
    marks = []
    for node in nodes:
        options = node.kwargs
        marks.append((node.op.name, *[_mark(x, places) for x in node.args],
                      _inside(options["form"]) if "form" in options else 0))
        places[id(node)] = len(places)
    return hash(marshal.dumps(marks, 2))         # hash(-1.0) is hash(-2.0), but not that of these bytes


def _inside(form: Any) -> int:
    """The fingerprint of what a node keeps, or keeps not, of its inside."""
    if hasattr(form, "fingerprint"):
        return form.fingerprint or 0
    return fingerprint((), form.part) if hasattr(form, "part") else 0


def _mark(x: Any, places: dict[int, int]) -> Any:
    """An operand: the place of a traced value, and what a constant is."""
    x = x.item() if isinstance(x, np.generic) else x
    kind = type(x)
    if kind is Var:
        return places.get(id(x), -1)
    if kind is float or kind is int or kind is str or x is None:
        return kind.__name__, x
    if isinstance(x, np.ndarray):
        return x.shape, hash(x.tobytes())
    if kind is tuple or kind is list:
        return [_mark(child, places) for child in x]
    return repr(x) if kind is slice or kind is bool else kind.__name__


def require_same(what: str, before: list, now: list, spot: Spot | None, advice: str) -> None:
    """Raise `MutationError` unless what was found before is found again, bit for bit."""
    if len(before) != len(now) or not all(map(_same, before, now)):
        raise MutationError(f"the inside of {what} was something else when it was computed again.", advice,
                            spot and place_of(spot))


def _same(a: Any, b: Any) -> bool:
    a, b = plain(a), plain(b)
    if isinstance(a, float) and isinstance(b, float):        # NumPy's are of that kind, too
        return a == b or (math.isnan(a) and math.isnan(b))
    if not (isinstance(a, (np.ndarray, Real)) and isinstance(b, (np.ndarray, Real))):
        return type(a) is type(b) or abstract(a) or abstract(b)
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")
