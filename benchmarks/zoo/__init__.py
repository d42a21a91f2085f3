"""The zoo: programs from textbooks, written as people write them, without a thought of the compiler.

One file each, self-contained. `python -m benchmarks zoo` says which of them compile as they stand, whether
they agree with the tape and with JAX, and how long that takes. Each file has:

- a docstring: what it is, its equation, and the textbook that it is from;
- `loss(*args)`, a number, differentiable by all arguments: floats, arrays, trees of them;
- `arguments()`, a tuple of them, the same each time;
- `in_jax()`, which returns the same loss as somebody who is used to JAX writes it; or `NOT_IN_JAX`, a text
  that says why JAX cannot do it. Where JAX has no reverse mode through a `while`, `in_jax` has at most so
  many rounds, with masks;
- `CHANGED`, a text: what had to change from how it was first written, and why. Empty if nothing had to.
"""

import importlib
import importlib.util
import pathlib
import pkgutil
from types import ModuleType


def names() -> list[str]:
    """All programs of the zoo."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """The program of this name, or, if it ends with `.py`, the one in this file, anywhere."""
    if not name.endswith(".py"):
        return importlib.import_module(f"{__name__}.{name}")
    path = pathlib.Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no program in {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
