"""The engine: a tape, a table of gradient rules, and the transformations built on them."""

from . import rules

from . import operators  # isort: skip  (the operators look their rules up)

__all__ = ["operators", "rules"]
