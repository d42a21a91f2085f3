"""What is in a thing whose parts are not looked at one by one: to be compared with what was in it.

    >>> import array
    >>> gains = array.array("d", [1.0, 2.0])
    >>> before = content(gains)
    >>> gains[0] = 3.0
    >>> content(gains) == before
    False
"""

import array
import operator
import os
from collections import deque
from typing import Any

import numpy as np

LARGEST_COMPARED = 2**17                 # elements of an array that is not known to meet an argument
COPIED_UP_TO = 2**12                     # bytes, from which on an array is compared without a copy
ENVIRONMENT = type(os.environ)


def content(x: Any) -> Any:
    """What is in an array, a buffer, a set, or the environment of the process."""
    if isinstance(x, np.ndarray) and type(x) is not np.ndarray and isinstance(x, np.ma.MaskedArray):
        return content(np.asarray(x.data)), content(np.ma.getmaskarray(x))
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, x.tobytes()
    if isinstance(x, set):
        return frozenset(x)
    if isinstance(x, ENVIRONMENT):
        return dict(x)
    return (x.typecode if isinstance(x, array.array) else None), bytes(x)


def is_still(x: Any, before: Any) -> bool:
    """Whether `content(x)` is what it was; of a large array no copy is made for that."""
    if type(x) is not np.ndarray or x.nbytes < COPIED_UP_TO or x.nbytes % 8 or not x.flags.c_contiguous:
        return bool(content(x) == before)
    return (x.shape, x.dtype.str) == before[:2] and np.array_equal(
        x.reshape(-1).view(np.int64), np.frombuffer(before[2], np.int64))


def has_content(x: Any) -> bool:
    """Whether it is one of these, may change, and is not so large that to look at it would take long."""
    if isinstance(x, np.ndarray):
        return not x.dtype.hasobject and x.size <= LARGEST_COMPARED and x.flags.writeable
    if isinstance(x, memoryview):
        return x.nbytes <= 8 * LARGEST_COMPARED
    if isinstance(x, (array.array, bytearray)):
        return len(x) <= LARGEST_COMPARED
    return isinstance(x, (set, ENVIRONMENT))


def is_row_of_numbers(x: Any) -> bool:
    """Whether a list has nothing in it but numbers and texts, which lead to nothing else."""
    return isinstance(x, (list, deque)) and len(x) > 1 and all(type(each) in _NUMBERS for each in x)


_NUMBERS = frozenset((float, int, bool, str, type(None), complex, np.float64))


def are_the_same(xs: Any, before: tuple) -> bool:
    """Whether a list still has these very elements."""
    return len(xs) == len(before) and all(map(operator.is_, xs, before))
