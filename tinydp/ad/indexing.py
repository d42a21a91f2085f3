"""Elements at computed places, where Python's own syntax does not ask: tables that are plain, sums in place.

    >>> import numpy as np
    >>> import tinydp as dp
    >>> table = np.array([0.0, 10.0, 20.0])
    >>> @dp.compile
    ... def price(x):
    ...     k = np.floor(x).astype(int)
    ...     return x * lookup(table, k)
    >>> dp.value_and_grad(price)(1.5)
    (15.0, 10.0)
"""

from typing import Any

import numpy as np

from .errors import DtypeError, UnsupportedArgumentError
from .parts import NOTHING_ADDED, scatter
from .rules.gathers import element_shape, is_computed, is_mask, placed_at, plain_index, scatter_at, taken
from .tape import Var
from .values import Abstract, is_condition, shape


def lookup(table: Any, index: Any) -> Any:
    """`table[index]`, also where the table is a plain array or a list, and the index is computed.

    In a program that is compiled, a plain array is not asked whether it can be indexed by a value that is
    not known yet. A list of traced values is stacked. The index is all that NumPy takes: an integer, an
    array of them, a tuple with slices and `...`. It has no derivative; the elements of the table have
    theirs.

    Raises `IndexError` where there is no such element, as NumPy does.

        >>> lookup([3.0, 4.0, 5.0], -1)
        5.0
        >>> lookup(np.eye(2), (slice(None), 1))
        array([0., 1.])
    """
    if isinstance(table, (list, tuple)) and any(isinstance(x, (Var, Abstract)) for x in table):
        table = np.stack(table)
    found = taken(table, index)
    return found.item() if isinstance(found, np.generic) and not is_condition(found) else found


def add_at(x: Any, index: Any, values: Any) -> Any:
    """A copy of the array `x`, with `values` added to its elements at `index`: `np.add.at` as a function.

    An element that is named twice is increased twice. `values` has the shape of `x[index]`, or one that
    broadcasts to it. The others stay as they are, -0.0 as well. The result has the shape of `x`, and real
    numbers.

    Raises `IndexError` where there is no such element, `ValueError` if `values` do not fit, `DtypeError` if
    `x` is an array of conditions, and, in a compiled program, `UnsupportedArgumentError` for a computed
    condition as index.

        >>> add_at(np.zeros(3), np.array([0, 2, 2]), 1.5)
        array([1.5, 0. , 3. ])
        >>> import tinydp as dp
        >>> dp.grad(lambda v: dp.add_at(np.ones(3), [0, 2, 2], v)[2] ** 2)(np.array([1.0, 2.0, 3.0]))
        array([ 0., 12., 12.])
    """
    if is_condition(x):
        raise DtypeError("add_at of an array of conditions.", "write np.where(x, 1.0, 0.0) for the array.")
    sides = shape(x) if not isinstance(x, (list, tuple)) else np.shape(x)
    index = plain_index(index)
    if any(is_mask(part) and shape(part) for part in (index if isinstance(index, tuple) else (index,))):
        raise UnsupportedArgumentError(
            "how many elements a computed condition names is not known.",
            "write np.where(condition, x + value, x), which chooses for each element.")
    if is_computed(index):
        template, positions = placed_at(sides, index)
        g = np.broadcast_to(np.multiply(values, 1.0), element_shape(sides, template, positions))
        return np.add(x, scatter_at(g, *positions, shape=sides, index=template, zero=NOTHING_ADDED))
    g = np.broadcast_to(np.multiply(values, 1.0), np.broadcast_to(0, sides)[index].shape)
    return np.add(x, scatter(g, shape=sides, indices=[index], zero=NOTHING_ADDED))
