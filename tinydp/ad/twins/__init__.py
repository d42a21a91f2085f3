"""Your own source as it is run on traced values: `np.array` of them, and arrays that are filled."""

from .rewrite import source, twin
from .running import array, combined, own, writable

__all__ = ["array", "combined", "own", "source", "twin", "writable"]
