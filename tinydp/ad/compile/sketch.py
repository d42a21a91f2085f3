"""A compiled Jacobian beside the tape's, without a sweep for each row: a few random sums of rows are enough.

The tape gives the sum of all rows, each times a number u_i, for the cost of one: it pulls back u. If the
compiled Jacobian J has the same sum, it is right: say that it is wrong by E. In a column where the largest
element of E is e, the sum is wrong by a normal number of a standard deviation of e at least, as the u_i are
normal. So the chance that it is within d is at most 0.8 d / e, and at most the square of that for `DRAWS` = 2
sums. What is not seen as a difference is d = 1e-12 of the largest element: an error of 1e-9 of it is missed
with a chance of less than 1e-6, one of 1e-6 with less than 1e-12.

    >>> import tinydp as dp
    >>> f = dp.jacobian(lambda x: np.sin(x) * x[0])
    >>> x = np.linspace(0.0, 1.0, 50)
    >>> found = f(x)
    >>> is_jacobian(f, (x,), {}, found)
    True
    >>> found[7, 0] += 1e-9
    >>> is_jacobian(f, (x,), {}, found)
    False

Each number or array in the result has sums of its own, since it may be much smaller than others. Where they
differ from the tape's, be it by rounding, all rows are compared as usual.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..transforms import vjp
from ..values import is_discrete, shape

DRAWS = 2                                        # sums of rows; of fewer rows all are looked at
SKETCH_TOLERANCE = 1e-12                         # of the largest element


def is_jacobian(f: Callable, args: Any, kwargs: dict, found: Any) -> bool:
    """Whether what was `found` for `f(*args, **kwargs)`, where `f` is a Jacobian, seems to be that.

    False says nothing, and neither does it if `f` is something else.
    """
    known = getattr(f, "as_jacobian", None)
    if known is None or known[0] is not f:       # a function that calls it may have its attributes
        return False
    _, by_chosen, argnums = known
    of_chosen, xs = by_chosen(args, kwargs)
    y, pullback = vjp(of_chosen, *xs)
    results, unflatten = tree.flatten(y)
    leaves, like = tree.flatten(xs)
    if any(map(is_discrete, (*results, *leaves))):
        return False
    blocks = [[np.zeros(shape(r) + shape(x)) for x in leaves] for r in results]
    one = not isinstance(argnums, tuple)
    form = unflatten([like(row)[0] if one else like(row) for row in blocks])
    if not tree.alike(form, found) or [*map(shape, tree.flatten(found)[0])] != [
            shape(x) for row in blocks for x in row]:
        return False
    rest = iter(tree.flatten(found)[0])
    random = np.random.default_rng(0)
    return all(_agree(pullback, unflatten, results, i, [next(rest) for _ in leaves], random)
               for i in range(len(results)))


def _agree(pullback: Callable, unflatten: Callable, results: list, i: int, blocks: list,
           random: np.random.Generator) -> bool:
    """Whether sums of the rows of these blocks, of the i-th result, are the tape's."""
    sides, size = shape(results[i]), math.prod(shape(results[i]))
    draws = np.eye(size) if size <= DRAWS else random.normal(size=(DRAWS, size))
    for u in draws:
        seeds = [np.zeros(shape(r)) if shape(r) else 0.0 for r in results]
        seeds[i] = np.reshape(u, sides) if sides else 1.0
        swept = tree.flatten(pullback(unflatten(seeds)))[0]
        for block, expected in zip(blocks, swept, strict=True):
            rows = np.reshape(block, (size, *shape(expected)))
            off = np.abs(np.tensordot(u, rows, 1) - expected)
            if not np.all(off <= SKETCH_TOLERANCE * np.max(np.abs(rows), initial=0.0)):  # not if it is nan
                return False
    return True
