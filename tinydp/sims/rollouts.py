"""Many runs of one program at once, on all processor cores: to evaluate a controller from many starts.

The program is the plain source that is differentiated elsewhere, compiled for one start; the runs
share nothing and are spread over the cores.

    >>> import numpy as np
    >>> from tinydp import scan
    >>> from tinydp.sims.pendulum import State, energy, step
    >>> def energy_after(start, torque, steps):
    ...     last, _ = scan(lambda state, _: (step(state, torque), None), start, length=steps)
    ...     return energy(last)
    >>> at_rest = State(theta=np.array([0.0, 1.0, 3.0]), rate=np.zeros(3))
    >>> print(rollouts(energy_after, static=("steps",))(at_rest, 0.0, 200).round(1))
    [ 5.  3. -5.]
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.compile import Compiled
from ..ad.errors import LoopError


def rollouts(f: Callable, static: tuple[str, ...] = (), block: int | None = None) -> "Rollouts":
    """The function that runs `f(start, *shared)` for each start, on all cores.

    `starts` is built like one start, with arrays that have one row a start; the results have one row a
    start, too. All else is shared by the runs, and as `dp.compile` has it: arguments named in `static`
    are fixed parts of the program. Results have no derivatives.

    With `block`, `f` is one that takes arrays of starts, and it is given so many at once: a network
    that multiplies matrices instead of vectors is about twice as fast (64 is a good number).

    Raises `LoopError` if the arrays of `starts` differ in length or are empty, or the results of two
    starts in structure or shape; and what `dp.compile` raises.
    """
    return Rollouts(f, static, block)


class Rollouts:
    """What `rollouts` returns."""

    def __init__(self, f: Callable, static: tuple[str, ...], block: int | None):
        self.one = Compiled(f, tuple(static))
        self.block = block
        self._runs: dict[tuple[str, int], Callable] = {}

    def __call__(self, starts: Any, *shared: Any) -> Any:
        from ..ad.compile.parallel import parallel  # noqa: PLC0415  (imports Numba, only now)

        columns = [np.array(x, dtype=np.float64, order="C") for x in tree.flatten(starts)[0]]
        lengths = {len(x) if x.ndim else 0 for x in columns}
        if len(lengths) != 1 or 0 in lengths:
            raise LoopError("the arrays of the starts differ in length, are empty, or single numbers.",
                            "pass arrays with one row a start.")
        (n,) = lengths
        if self.block:
            columns = [_in_blocks(x, self.block) for x in columns]
        first = iter([x[0] for x in columns])
        start = tree.map(lambda _: next(first), starts)
        program, values = self.one.program_for(start, *shared)
        key = program.source, len(columns)
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = parallel(program, len(columns))
        began = time.perf_counter()
        *results, as_traced = run(len(columns[0]), *columns, *values[len(columns):], *program.constants)
        if as_traced[0]:
            of_first = [x[0] if x[0].shape else x[0].item() for x in results]
            self.one.check(program, (start, *shared), of_first, time.perf_counter() - began)
        for row in np.flatnonzero(~as_traced):   # these take other branches than the first did
            own = iter([x[row] for x in columns])
            found = self.one(tree.map(lambda _, own=own: next(own), starts), *shared)
            like = program.unflatten(list(results))
            leaves: list = []
            if tree.alike(like, found):          # by name, whatever the order of the names
                tree.map(lambda _, x, leaves=leaves: leaves.append(x), like, found)
            if [np.shape(x) for x in leaves] != [x.shape[1:] for x in results]:
                raise LoopError("the results of two starts differ in shape or structure.",
                                "return the same from every branch.")
            for result, x in zip(results, leaves, strict=True):
                result[row] = x
        if self.block:
            results = [_out_of_blocks(x, self.block, n) for x in results]
        return program.unflatten(list(results))


def _in_blocks(x: np.ndarray, block: int) -> np.ndarray:
    """The rows in blocks; the last is filled up with the last row."""
    missing = -len(x) % block
    filled = np.concatenate([x, np.repeat(x[-1:], missing, axis=0)])
    return filled.reshape(-1, block, *x.shape[1:])


def _out_of_blocks(x: np.ndarray, block: int, n: int) -> np.ndarray:
    if x.ndim < 2 or x.shape[1] != block:
        raise LoopError(f"for {block} starts at once, the function returned a result of shape {x.shape[1:]}.",
                        "return one row a start, or leave block out.")
    return x.reshape(-1, *x.shape[2:])[:n]
