"""The table of gradient rules: importing this package fills the registry."""

from . import elementwise, linear, reductions, shaping

__all__ = ["elementwise", "linear", "reductions", "shaping"]
