"""Which elements of arrays are one and the same function of the arguments, told before these are known.

The largest of two elements has no second derivative where they tie, for a moment later one of them is the
larger. But if both are computed alike of the same numbers, they are always equal: nothing parts them, and
each has its share of the tie in the second derivative, too. So it is with two actions that lead to the same
places, two rows of a padded table, or `np.maximum(x, x)`.

    >>> from .proxy import Proxy
    >>> from .trace import Trace
    >>> with Trace().writing() as builder:
    ...     x = Proxy(builder, builder.input(np.ones(2), "x"))
    ...     rows = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]])
    ...     y, z = np.sin((rows @ x)[::-1]), np.where(rows > 1.0, 0.0, x)
    ...     y.alike().tolist(), z.alike().tolist()
    ([0, 1, 0], [[0, 1], [0, 2], [0, 1]])

Elements have the same number if the same operation made them of elements of the same numbers. What an
argument, a loop or any other operation has made, is like nothing else: a tie there is left to the tape.
"""

import itertools
from typing import Any

import numpy as np

from .program import Value, known, values_in
from .repeats import computed_with

DEEPEST_TWIN = 20                        # operations on the way back to where elements came from
LARGEST_WITH_TWINS = 2**17               # elements of an array that is looked at
KEEPING_ELEMENTS = frozenset((           # what fills in nothing of its own
    "reshape", "ravel", "squeeze", "expand_dims", "transpose", "swapaxes", "moveaxis", "broadcast_to", "flip",
    "roll", "getitem", "concatenate", "stack"))


class Twins:
    """The numbers of all elements that were asked for, of one function that is traced."""

    def __init__(self) -> None:
        self.found: dict[Value, np.ndarray] = {}
        self.factors: dict[int, tuple] = {}      # by its identity, the numbers of a factor, and of its rows
        self.numbers: dict[Any, int] = {}        # of what is made of the same in the same way
        self.fresh = itertools.count()

    def alike(self, x: Any) -> np.ndarray:
        """A number for each element of a proxy, from 0 on, in the order in which they are met."""
        numbers = self.of(x, DEEPEST_TWIN)
        _, first, found = np.unique(numbers, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[found].reshape(numbers.shape)

    def same(self, x: Any, y: Any) -> np.ndarray:
        """Where the elements of a proxy and of what it meets are one."""
        return np.equal(self.of(x, DEEPEST_TWIN), self.of(y, DEEPEST_TWIN))

    def of(self, x: Any, depth: int) -> np.ndarray:
        """The numbers of a proxy's elements, or of a constant's."""
        if not hasattr(x, "builder"):
            return self.of_rows("constant", np.asarray(x, float).reshape(-1, 1)).reshape(np.shape(x))
        if x.value not in self.found:
            numbers = self.made(x, depth) if x.size <= LARGEST_WITH_TWINS else None
            self.found[x.value] = self.unlike(x.shape) if numbers is None else numbers
        return self.found[x.value]

    def unlike(self, shape: tuple) -> np.ndarray:
        """Numbers that nothing else has."""
        n = int(np.prod(shape))
        return np.array([*itertools.islice(self.fresh, n)], np.int64).reshape(shape)

    def of_rows(self, how: Any, rows: np.ndarray) -> np.ndarray:
        """A number for each row, the same for equal rows."""
        if any(len(np.unique(column)) == len(rows) for column in rows.T):
            return self.unlike((len(rows),))     # if they were made elsewhere as well, it is one value
        unique, inverse = np.unique(rows, axis=0, return_inverse=True)
        numbers = [self.numbers.setdefault((how, row.tobytes()), -1 - len(self.numbers)) for row in unique]
        return np.array(numbers, np.int64)[inverse.reshape(-1)]

    def made(self, x: Any, depth: int) -> np.ndarray | None:
        """The numbers of what an operation makes, if it is one that is looked into."""
        outer = next((outer for outer, inner in x.builder.captured.items() if inner is x.value), None)
        if outer is not None:
            return self.of(type(x)(x.builder.parent, outer), depth)
        op = x.builder.maker.get(x.value)
        if op is None or op.bodies or len(op.outs) > 1 or not depth:
            return None
        data = [k for k in range(len(op.args)) if computed_with(op, k)]
        others = [y for k, y in enumerate(op.args) if k not in data]
        if values_in(others) or values_in([*op.options.values()]):
            return None
        parts = [type(x)(x.builder, y) if type(y) is Value else y for y in op.args]
        given = {k: self.of(parts[k], depth - 1) for k in data}
        how = op.name, known(others), known(tuple(op.options.items()))
        if op.prim.elementwise and len(given) == len(op.args):
            wide = [np.broadcast_to(y, x.shape).reshape(-1) for y in given.values()]
            return self.of_rows(how, np.stack(wide, axis=-1)).reshape(x.shape)
        if op.name in KEEPING_ELEMENTS:
            return op.prim.fn(*[given.get(k, y) for k, y in enumerate(op.args)], **op.options)
        return self.product(*given.values()) if op.name == "matmul" else None

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
        """The numbers of a matrix product's elements: of a row and a column each."""
        if a.ndim > 2 or b.ndim > 2:
            return None
        if id(a) not in self.factors:
            self.factors[id(a)] = a, self.of_rows("row", np.atleast_2d(a))
        rows, columns = self.factors[id(a)][1], self.of_rows("row", b.reshape(len(b), -1).T)
        pairs = np.stack(np.broadcast_arrays(rows[:, None], columns[None, :]), axis=-1).reshape(-1, 2)
        return self.of_rows("product", pairs).reshape(a.shape[:-1] + b.shape[1:])
