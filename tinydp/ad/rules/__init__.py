"""The table of gradient rules: importing this package fills the registry."""

from . import curves, decompositions, elementwise, linear, reductions, shaping, sorting

__all__ = ["curves", "decompositions", "elementwise", "linear", "reductions", "shaping", "sorting"]
