"""How far is a result rounded? A tape on which each step is off by a little says how much that changes.

    >>> from .transforms import grad
    >>> from .watch import compared_by
    >>> def slope(x):                            # its terms cancel, all but the last
    ...     return np.sum(np.array([1e8, -1e8, 1.0]) * np.sin(x))
    >>> JitteredTape.random = np.random.default_rng(0)
    >>> off = compared_by(JitteredTape, None, lambda: grad(slope)(0.5)) - grad(slope)(0.5)
    >>> 1e-10 < abs(off) < 1e-6
    True
"""

import math
from typing import Any, ClassVar

import numpy as np

from .values import plain
from .watch import WatchedTape

ADDING = frozenset((
    "sum", "nansum", "mean", "average", "trace", "matmul", "dot", "vdot", "inner", "tensordot", "einsum"))
UNITS = 2.0**-51                         # of one: a few units of the last digit


class JitteredTape(WatchedTape):
    """A tape on which each value and each share of a cotangent is off by a few units of its last digit.

    A sum is off by the digits of what it adds: where its terms cancel, little else is left of them.
    """

    __slots__ = ()
    random: ClassVar[Any] = None

    def spot(self) -> Any:
        """Nobody asks where a node was made."""
        return None

    def append(self, node: Any) -> None:
        node.value = self.off(node.value)
        if node.op.name in ADDING:
            node.value = self.with_terms_off(node.value, [plain(x) for x in node.args])
        super().append(node)

    def off(self, x: Any) -> Any:
        if type(x) is float:
            return x * (1.0 + UNITS * (2.0 * self.random.random() - 1.0))
        if type(x) is np.ndarray and x.dtype == np.float64:
            return x * (1.0 + UNITS * (2.0 * self.random.random(x.shape) - 1.0))
        return x

    def with_terms_off(self, y: Any, operands: list) -> Any:
        """A sum of terms in another order: off by the root of how many, as chance has it."""
        arrays = [x for x in map(np.asarray, operands) if x.dtype == np.float64]
        if type(y) not in (float, np.float64, np.ndarray) or not arrays or not np.size(y):
            return y
        terms = max(map(np.size, arrays)) / np.size(y)
        term = math.prod(float(np.max(np.abs(x), initial=0.0)) for x in arrays)
        if not math.isfinite(term):
            return y
        noise = 2.0 * self.random.random(np.shape(y)) - 1.0
        off = y + UNITS * math.sqrt(max(terms, 1.0)) * term * noise
        return float(off) if type(y) is float else off

    def share(self, c: Any) -> Any:
        return self.off(c)
