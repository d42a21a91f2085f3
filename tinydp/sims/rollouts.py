"""Many runs of one program at once, on all processor cores: to evaluate a controller from many starts.

The program is the plain source that is differentiated elsewhere, written for one start, and mapped by
`dp.vmap` over a block of starts; blocks are spread over the cores, and one program serves any number of them.
Where runs take branches of their own, which a map cannot, each start is a run of its own.

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
from ..ad.errors import BranchError, LoopError, NotCompiledError
from ..ad.mapping import vmap
from ..ad.values import shape

__all__ = ["Rollouts", "rollouts"]

BLOCK = 64                               # starts that are run side by side


def rollouts(f: Callable, static: tuple[str, ...] = (), block: int | None = None) -> "Rollouts":
    """The function that runs `f(start, *shared)` for each start, on all cores.

    `starts` is built like one start, with arrays that have one row a start; the results have one row a
    start, too. All else is shared by the runs, and as `dp.compile` has it: arguments named in `static`
    are fixed parts of the program. Results have no derivatives.

    With `block`, `f` is one that takes arrays of starts, and it is given so many at once. (Without, `dp.vmap`
    makes such a function of `f`, if there are as many starts as in a block of its own, 64.)

    Raises `LoopError` if the arrays of `starts` differ in length or are empty, or the results of two
    starts in structure or shape; and what `dp.compile` raises.

        >>> rollouts(lambda x, a: a * x)(np.array([1.0, 2.0, 3.0]), 10.0)
        array([10., 20., 30.])
    """
    return Rollouts(f, static, block)


class Rollouts:
    """What `rollouts` returns: called with starts, and what is shared, it gives the results, a row a start.

    The first results are compared with those of the tape; raises `SelfCheckError` if they differ.

        >>> rollouts(np.sin)(np.array([0.0, 0.5])).shape
        (2,)
    """

    def __init__(self, f: Callable, static: tuple[str, ...], block: int | None):
        self.one, self.block = Compiled(f, tuple(static)), block
        self.maps: dict[int, Compiled | None] = {}       # by how much is shared; None: one by one

    def __call__(self, starts: Any, *shared: Any) -> Any:
        columns = [np.array(x, dtype=np.float64, order="C") for x in tree.flatten(starts)[0]]
        lengths = {len(x) if x.ndim else 0 for x in columns}
        if len(lengths) != 1 or 0 in lengths:
            raise LoopError("the arrays of the starts differ in length, are empty, or single numbers.",
                            "pass arrays with one row a start.")
        (n,) = lengths
        mapped = self.mapped(starts, columns, shared) if n >= BLOCK and not self.block else None
        one, block = (mapped, BLOCK) if mapped else (self.one, self.block)
        if block:
            columns = [_in_blocks(x, block) for x in columns]

        def start(row: int) -> Any:
            own = iter([_row(x, row) for x in columns])
            return tree.map(lambda _: next(own), starts)

        program, values = one.program_for(start(0), *shared)
        began = time.perf_counter()
        results, others = _of_all(program, columns, values[len(columns):])
        if 0 not in others:
            first = [_row(x, 0) for x in results]
            one.check(program, (start(0), *shared), first, time.perf_counter() - began)
        for row in others:                       # these take other branches than the first did
            found = one(start(row), *shared)
            like = program.unflatten(list(results))
            leaves: list = []
            if tree.alike(like, found):          # by name, whatever the order of the names
                tree.map(lambda _, x, leaves=leaves: leaves.append(x), like, found)
            if [np.shape(x) for x in leaves] != [x.shape[1:] for x in results]:
                raise LoopError("the results of two starts differ in shape or structure.",
                                "return the same from every branch.")
            for result, x in zip(results, leaves, strict=True):
                result[row] = x
        if block:
            results = [_out_of_blocks(x, block, n) for x in results]
        return program.unflatten(list(results))

    def mapped(self, starts: Any, columns: list, shared: tuple) -> Compiled | None:
        """The compiled map over a block of starts; None if `f` asks for the value of a condition."""
        key = len(shared)
        if key not in self.maps:
            over = Compiled(vmap(self.one.f, in_axes=(0, *[None] * key)), self.one.static)
            first = iter([x[:1].repeat(BLOCK, axis=0) for x in columns])
            try:
                over.program_for(tree.map(lambda _: next(first), starts), *shared)
                self.maps[key] = over
            except (BranchError, NotCompiledError):          # what a run alone says, if anything, is clearer
                self.maps[key] = None
        return self.maps[key]


def _row(x: np.ndarray, row: int) -> Any:
    return x[row] if x.ndim > 1 else x[row].item()


def _of_all(program: Any, columns: list, shared: list) -> tuple[list, list[int]]:
    """The results of all runs, a row each, and the rows that are still to be found.

    Machine code leaves Python's lock alone, so that threads run side by side; each takes the next row.
    """
    from ..ad.compile.parallel import cores, on_threads  # noqa: PLC0415  (imports Numba, only now)

    n = len(columns[0])
    results = [np.empty((n, *shape(x)), float if k in program.real else bool)
               for k, x in enumerate(program.program.outputs[: program.results])]
    rows = enumerate(zip(*(x if x.ndim > 1 else x.tolist() for x in columns), strict=True))
    others: list[int] = []
    machine_code, rest = program.run, (*shared, *program.constants)

    def run(numbered: tuple[int, tuple]) -> None:
        k, row = numbered
        *found, fine, as_traced = machine_code(*row, *rest)
        if not (fine and as_traced):
            others.append(k)
            return
        for result, x in zip(results, found, strict=True):
            result[k] = x

    on_threads(run, rows, min(cores(), n))
    return results, sorted(others)


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
