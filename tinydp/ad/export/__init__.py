"""`export(path, programs)`: programs as one ES module, to be run in a page.

    >>> import tempfile
    >>> def energy(x, v):
    ...     return {"total": 0.5 * np.sum(v**2) + np.sum(1.0 - np.cos(x))}
    >>> def step(x, v, dt):
    ...     v = v - dt * np.sin(x)
    ...     return {"x": x + dt * v, "v": v}
    >>> folder = Path(tempfile.mkdtemp())
    >>> example = np.array([0.1, 0.2]), np.zeros(2)
    >>> export(folder / "swing.js", {"energy": (energy, *example), "step": (step, *example, 0.01)},
    ...        engine="javascript")
    >>> [path.name for path in sorted(folder.iterdir())]
    ['swing.d.ts', 'swing.js']

In a page, or in Node:

    import { energy, step } from "./swing.js";
    energy.share("x", step).share("v", step);    // the arguments of both are the same memory
    step.set({ x: [0.1, 0.2], v: [0, 0], dt: 0.01 });
    step.run().next();                           // the results x and v are the next arguments
    energy.run().get("total");
"""

import operator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Shape", "export"]


class Shape:
    """Stands for an argument of which the shape alone is known: `Shape(3, 64)`, or `Shape()` of a number.

    Raises `TypeError` for a side that is no integer, `ValueError` for a negative one.

        >>> Shape(3, 64)
        Shape(3, 64)
    """

    def __init__(self, *sides: int):
        self.sides = tuple(map(operator.index, sides))
        if any(n < 0 for n in self.sides):
            raise ValueError(f"no array has the shape {self.sides}.")

    def __repr__(self) -> str:
        return f"Shape({', '.join(map(str, self.sides))})"

    def example(self) -> Any:
        """An array of this shape to trace with."""
        return np.full(self.sides, 0.5) if self.sides else 0.5


def export(path: str | Path, programs: dict[str, tuple], *, engine: str = "wasm", check: bool = True
           ) -> None:
    """Write an ES module with these programs, and a `.d.ts` beside it that declares their types.

    `programs` has for each name a function and its example arguments: numbers, arrays, structures of them, or
    `Shape`s. Arguments and results have names in the module: an argument `params`, a list of layers, has the
    part `params.0.weight`; of a result that is a dict or a named tuple, the names are its own. A result that
    has the name of an argument becomes that argument by `next()`, without a copy.

    `engine` is "wasm", WebAssembly, for which the package `wasmtime` is needed here, or "javascript". With
    `check`, the module has the examples and what plain Python makes of them, to compare with.

        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "loss.js")
        >>> export(file, {"loss": (lambda params, x: np.sum(np.tanh(params["w"] @ x)),
        ...                        {"w": Shape(2, 3)}, Shape(3))}, engine="javascript")
        >>> "export const loss" in file.read_text(), file.with_suffix(".d.ts").exists()
        (True, True)

    Returns nothing: the files are what it makes. Raises `NotCompiledError`, `BranchError` and what else
    `dp.compile` does, in the user's line; `ValueError` for another engine, `ModuleNotFoundError` without
    `wasmtime`.
    """
    from .declared import declared  # noqa: PLC0415  (what follows takes a tenth of a second to import)
    from .modules import module, prepared  # noqa: PLC0415

    made = prepared(programs, check)
    text = module(made, engine)
    Path(path).write_text(text, encoding="utf-8")
    Path(path).with_suffix(".d.ts").write_text(declared(made), encoding="utf-8")
