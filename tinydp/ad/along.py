"""What a loop runs along, as arrays with one row a step: Python's `range`, `enumerate`, `zip`, iterators.

    >>> columns(enumerate(np.array([5.0, 6.0, 7.0])))
    (array([0, 1, 2]), array([5., 6., 7.]))
    >>> columns({"k": range(2), "pair": zip([1.0, 2.0, 3.0], np.eye(2))})
    {'k': array([0, 1]), 'pair': (array([1., 2.]), array([[1., 0.],
           [0., 1.]]))}

Each gives its rows once, and the shortest of a `zip` ends it, as in a `for`. An array within `enumerate` or
`zip` is taken whole, not row by row, since they tell what they run along: as they do when they are pickled.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import tree
from .errors import LoopError, StructureError
from .tape import Var
from .values import abstract, shape

ITERATORS: tuple = (type(iter(np.zeros(1))), type(iter(range(1))), type(iter([])), type(iter(())))
SEQUENCES = (np.ndarray, range, list, tuple)     # no others have parts that are sure to be such rows
NO_ROWS = np.zeros(0)


def columns(xs: Any) -> Any:
    """A structure of arrays, with what runs over rows replaced by the arrays of these rows.

    Raises `LoopError` if the rows are not built and shaped alike, or are no numbers.
    """
    return tree.map(_column, xs)


def _column(x: Any) -> Any:
    if type(x) is range:
        return np.arange(x.start, x.stop, x.step)
    if not isinstance(x, Iterator):
        return x
    if not _is_known(x):
        return _stacked([*x])
    found = _whole(x, _count(x))
    _exhaust(x)
    return found


# ---------------------------------------------------------------------------- iterators that tell

def _reduced(rows: Any) -> tuple:
    """What an iterator is made again from: arguments, and then perhaps a state. See `object.__reduce__`."""
    return rows.__reduce__()[1:]


def _made_of(rows: Any) -> tuple:
    """What an iterator runs along: other iterators; or a sequence, and where in it."""
    made_of, *state = _reduced(rows)
    if type(rows) is enumerate:
        return made_of[:1]
    if type(rows) is map:                        # that of a traced value: see `operators._iter`
        return made_of[0].__self__, _made_of(made_of[1])[1]
    return made_of if type(rows) is zip else (made_of[0], state[0] if state else 0)


def _is_known(rows: Any) -> bool:
    """Whether an iterator tells what it runs along, and this can be taken whole."""
    if type(rows) in (enumerate, zip):
        parts = _made_of(rows)                   # and `strict` would be a state
        return len(_reduced(rows)) == 1 and bool(parts) and all(map(_is_known, parts))
    if type(rows) is map:
        f = _reduced(rows)[0][0]
        x: Any = getattr(f, "__self__", None)
        return (type(x) is Var or abstract(x)) and f == x.__getitem__
    return type(rows) in ITERATORS and type(_made_of(rows)[0]) in SEQUENCES


def _count(rows: Any) -> int:
    """How many rows are left."""
    if type(rows) in (enumerate, zip):
        return min(map(_count, _made_of(rows)), default=0)
    sequence, at = _made_of(rows)
    return len(sequence) - at


def _whole(rows: Any, n: int) -> Any:
    """The columns of the next `n` rows."""
    if type(rows) is enumerate:
        start = _reduced(rows)[0][1]
        return np.arange(start, start + n), _whole(_made_of(rows)[0], n)
    if type(rows) is zip:
        return tuple([_whole(part, n) for part in _made_of(rows)])
    sequence, at = _made_of(rows)
    part = sequence[at: at + n]
    return _stacked([*part]) if isinstance(part, (list, tuple)) else _column(part)


def _exhaust(rows: Any) -> None:
    """Go to the end, as a `for` would have."""
    if type(rows) in (enumerate, zip):
        for part in _made_of(rows):
            _exhaust(part)
    elif type(rows) is map:
        _exhaust(_reduced(rows)[0][1])
    else:
        rows.__setstate__(len(_made_of(rows)[0]))


# ---------------------------------------------------------------------------- rows, one by one

def _stacked(rows: list) -> Any:
    """The columns of rows that are at hand."""
    if not rows:
        return NO_ROWS
    for k, row in enumerate(rows):
        _require_alike(rows[0], row, k)
    found = tree.map(lambda *xs: np.stack(xs), *rows)
    if not any(True for _ in tree.leaves(found)):
        raise LoopError("the rows of xs hold no number.",
                        f"leave xs out, and pass length={len(rows)}.")
    return found


def _require_alike(first: Any, row: Any, k: int) -> None:
    try:
        tree.map(_require_shape, first, row)
    except StructureError as error:
        raise LoopError(f"row {k} of xs is not built like row 0: {error.what}",
                        "give every row the same structure and shapes, of numbers and arrays; what else "
                        "there is has to be the same in all. A Python `for` takes any rows.") from None


def _require_shape(a: Any, b: Any) -> None:
    for x in (a, b):
        if not (type(x) is Var or abstract(x) or np.asarray(x).dtype.kind in "fiub"):
            raise StructureError(f"{tree.describe(x)} is no number or array.")
    if shape(a) != shape(b):
        raise StructureError(f"its shape is {shape(b)}, not {shape(a)}.")
