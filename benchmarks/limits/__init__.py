"""Limits: the value and the gradient of ten programs, written by hand in Numba as fast as we could make them.

A file each, with the name of the program in `benchmarks/zoo`, or with its own `loss`, `arguments` and `in_jax`
(as in the zoo). Each has `gradient(*args)`, which returns the value and the cotangents of all arguments in
their structure. No kernel of the package is used. Where the algebra of a program allows less work than its
text asks for, and a person who sees that would do less, so does its limit; its docstring says what.

States are stored on the way forwards; the adjoints, line by line, are named like the variable, with `_`.
`python -m benchmarks limits` checks each against the package's gradient, then times both.
"""

import importlib
import pkgutil
from types import ModuleType

from .. import zoo


def names() -> list[str]:
    """All programs that have a limit."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """The limit of this program."""
    return importlib.import_module(f"{__name__}.{name}")


def program(name: str) -> ModuleType:
    """The program whose limit it is."""
    limit = load(name)
    return limit if hasattr(limit, "loss") else zoo.load(name)
