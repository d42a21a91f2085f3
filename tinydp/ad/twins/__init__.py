"""Your own source as it is run on traced values: `np.array` of them, and arrays that are filled."""

from .rewrite import source, twin
from .running import array, combined, to_fill, writable

__all__ = ["array", "combined", "source", "to_fill", "twin", "writable"]
