"""What a loop makes of the arguments at hand, while the program is still being written down.

A branch outside of loops is taken as these say, which a branch on the result of a loop can only know from
running the loop. A short one is interpreted; where that would take longer than compiling it, it is compiled
by itself.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> program = traced(lambda x: dp.scan(lambda x, _: (0.5 * x + 1.0, x), x, length=1000)[0], 4.0)
    >>> [loop] = program.ops
    >>> last, rows = results_at(loop, [4.0])
    >>> last, rows.shape
    (2.0, (1000,))
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

import numpy as np

from .program import Op, Program, Value, results_of

# So many operations are interpreted in the time of compiling a loop, and of each operation in it.
MOST_OPERATIONS, EACH = 30_000, 200


class TooLong(Exception):
    """A loop takes more operations than are to be interpreted."""


_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


def spend(operations: int) -> None:
    """Say that so many operations are about to be interpreted; raises `TooLong` if they are too many."""
    left = _left.get()
    if left is not None:
        left[0] -= operations
        if left[0] < 0:
            raise TooLong


@contextmanager
def _at_most(operations: int) -> Iterator[None]:
    """A context in which no more than so many operations of loops are interpreted."""
    token = _left.set([operations])
    try:
        yield
    finally:
        _left.reset(token)


def results_at(op: Op, given: list) -> tuple:
    """What an operation makes of these operands."""
    try:
        with _at_most(MOST_OPERATIONS + EACH * sum(map(len, op.bodies))):
            return results_of(op, given)
    except TooLong:
        return Context().run(_by_machine_code, op, given)    # it has nothing to do with what is under way


def _by_machine_code(op: Op, given: list) -> tuple:
    """The same by a program of its own."""
    from .build import machine_code  # noqa: PLC0415  (it builds on this file)
    from .expand import apart  # noqa: PLC0415
    from .passes import finished, optimised  # noqa: PLC0415

    known = {x: _argument(y) for x, y in zip(op.args, given, strict=True) if type(x) is Value}
    with np.errstate(all="ignore"):
        program = finished(optimised(apart(Program([*known], [op], [*op.outs]))))
        code = machine_code(program, "loop", "A loop whose result decides a branch.")
        results = code.run(*known.values(), *code.constants)
    return results if len(op.outs) > 1 else (results,)


def _argument(x: Any) -> Any:
    """An operand as a compiled program takes it."""
    return np.ascontiguousarray(x) if np.ndim(x) else x.item() if isinstance(x, np.generic) else x
