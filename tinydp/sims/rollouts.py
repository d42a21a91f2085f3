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
    [ 5.   2.9 -5. ]
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.compile import Compiled
from ..ad.errors import LoopError


def rollouts(f: Callable, static: tuple[str, ...] = ()) -> "Rollouts":
    """The function that runs `f(start, *shared)` for each start in parallel.

    `starts` is built like one start, with arrays that have one row a start; the results have one row a
    start, too. All else is shared by the runs, and as `dp.compile` has it: arguments named in `static`
    are fixed parts of the program. Results have no derivatives. Raises `LoopError` if the arrays of
    `starts` differ in length, and what `dp.compile` raises.
    """
    return Rollouts(f, static)


class Rollouts:
    """What `rollouts` returns."""

    def __init__(self, f: Callable, static: tuple[str, ...]):
        self.one = Compiled(f, tuple(static))
        self._runs: dict[Any, Callable] = {}

    def __call__(self, starts: Any, *shared: Any) -> Any:
        from ..ad.compile.parallel import parallel  # noqa: PLC0415  (imports Numba, only now)

        columns = [np.ascontiguousarray(x, dtype=np.float64) for x in tree.flatten(starts)[0]]
        lengths = {len(x) if x.ndim else None for x in columns}
        if len(lengths) != 1 or None in lengths:
            raise LoopError("the arrays of the starts differ in length, or are single numbers.",
                            "pass arrays with one row a start.")
        (n,) = lengths
        first = iter([x[0] if n else np.zeros(x.shape[1:]) for x in columns])
        start = tree.map(lambda _: next(first), starts)
        program, values = self.one.program_for(start, *shared)
        run = self._runs.get(program.source)
        if run is None:
            run = self._runs[program.source] = parallel(program, len(columns), len(values))
        results = run(n, *columns, *values[len(columns):], *program.constants)
        return program.unflatten(list(results))
