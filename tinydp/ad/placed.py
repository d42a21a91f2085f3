"""Elements set without changing an array: `y = x; y[index] = v` as a function.

    >>> import numpy as np
    >>> from tinydp import grad
    >>> grad(lambda v: np.sum(set_at(np.ones((2, 2)), (0, 1), v) ** 2))(3.0)
    6.0
"""

import math
from typing import Any

import numpy as np

from .errors import UnsupportedArgumentError
from .indexing import add_at
from .rules.gathers import is_computed, plain_index
from .values import abstract, is_condition, shape


def set_at(x: Any, index: Any, values: Any) -> Any:
    """A copy of the array `x`, whose elements at `index` are `values`.

    What changes an array in place would lose a derivative, so it is refused; this is what to write instead.
    The index is any that NumPy takes, of known numbers: an integer, an array of them or of conditions, a
    tuple, and slices as `np.s_[1:-1]`. `values` has the shape of `x[index]`, or one that broadcasts to it;
    its unit is that of `x`. Of an element that is named twice, the last value stays, as in NumPy. The result
    has the shape of `x`; it is of real numbers if `x` or `values` are.

    Raises `IndexError` where there is no such element, and `ValueError` if `values` do not fit.

        >>> set_at(np.zeros(4), np.s_[1:-1], np.array([1.0, 2.0]))
        array([0., 1., 2., 0.])
    """
    index = plain_index(index)
    if is_computed(index):
        return _set_at_computed(x, index, values)
    sides = np.shape(x) if isinstance(x, (list, tuple)) else shape(x)
    number = np.full(sides, -1)                  # of the value that an element becomes
    region = number[index].shape
    number[index] = np.arange(math.prod(region)).reshape(region)
    new = np.ravel(np.broadcast_to(values, region))
    if not math.prod(region):
        return np.copy(x)
    return np.where(number >= 0, new[np.maximum(number, 0)], x)


def _set_at_computed(x: Any, index: Any, values: Any) -> Any:
    """The same for numbers that are not known yet, of which no two name the same element."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(abstract(part) and shape(part) and is_condition(part) for part in parts):
        raise UnsupportedArgumentError("how many elements a computed condition names is not known.",
                                       "write np.where(condition, value, x), which chooses for each element.")
    if any(abstract(part) and shape(part) for part in parts):
        raise UnsupportedArgumentError("an array of computed places may name an element twice.",
                                       "set them one by one.")
    zeros = np.zeros(shape(x))
    return np.where(add_at(zeros, index, 1.0) > 0.0, add_at(zeros, index, values), x)
