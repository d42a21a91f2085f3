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

from typing import Any, ClassVar

import numpy as np

from .watch import WatchedTape


class JitteredTape(WatchedTape):
    """A tape on which each value and each share of a cotangent is off by a few units of its last digit."""

    __slots__ = ()
    random: ClassVar[Any] = None

    def spot(self) -> Any:
        """Nobody asks where a node was made."""
        return None

    def append(self, node: Any) -> None:
        node.value = self.off(node.value)
        super().append(node)

    def off(self, x: Any) -> Any:
        if type(x) is float:
            return x * (1.0 + 2.0**-51 * (2.0 * self.random.random() - 1.0))
        if type(x) is np.ndarray and x.dtype == np.float64:
            return x * (1.0 + 2.0**-51 * (2.0 * self.random.random(x.shape) - 1.0))
        return x

    def share(self, c: Any) -> Any:
        return self.off(c)
