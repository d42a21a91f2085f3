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

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.compile import Compiled
from ..ad.errors import LoopError
from ..ad.values import shape


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

    def __call__(self, starts: Any, *shared: Any) -> Any:
        columns = [np.array(x, dtype=np.float64, order="C") for x in tree.flatten(starts)[0]]
        lengths = {len(x) if x.ndim else 0 for x in columns}
        if len(lengths) != 1 or 0 in lengths:
            raise LoopError("the arrays of the starts differ in length, are empty, or single numbers.",
                            "pass arrays with one row a start.")
        (n,) = lengths
        if self.block:
            columns = [_in_blocks(x, self.block) for x in columns]

        def start(row: int) -> Any:
            own = iter([_row(x, row) for x in columns])
            return tree.map(lambda _: next(own), starts)

        program, values = self.one.program_for(start(0), *shared)
        began = time.perf_counter()
        results, others = _of_all(program, columns, values[len(columns):])
        if 0 not in others:
            first = [_row(x, 0) for x in results]
            self.one.check(program, (start(0), *shared), first, time.perf_counter() - began)
        for row in others:                       # these take other branches than the first did
            found = self.one(start(row), *shared)
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


def _row(x: np.ndarray, row: int) -> Any:
    return x[row] if x.ndim > 1 else x[row].item()


def _results(program: Any, values: list) -> list | None:
    """The results of a run; None if it takes other branches, or if a tape has to look."""
    try:
        return program.results_of(values)
    except ArithmeticError:
        return None


def _of_all(program: Any, columns: list, shared: list) -> tuple[list, list[int]]:
    """The results of all runs, a row each, and the rows that are still to be found.

    Machine code leaves Python's lock alone, so that threads run side by side; each takes the next row.
    """
    n = len(columns[0])
    results = [np.empty((n, *shape(x)), float if k in program.real else bool)
               for k, x in enumerate(program.program.outputs[: program.results])]
    rows = enumerate(zip(*(x if x.ndim > 1 else x.tolist() for x in columns), strict=True))
    others: list[int] = []
    machine_code, rest = program.run, (*shared, *program.constants)

    def run() -> None:
        for k, row in rows:
            if program.raising:
                found = _results(program, [*row, *shared])
            else:                                # without ado: it is about starts by the thousand
                *found, _, as_traced = machine_code(*row, *rest)
                found = found if as_traced else None
            if found is None:
                others.append(k)
                continue
            for result, x in zip(results, found, strict=True):
                result[k] = x

    workers = min(_cores(), n)
    if workers == 1:
        run()
    else:
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(run) for _ in range(workers)]:
                done.result()
    return results, sorted(others)


def _cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
