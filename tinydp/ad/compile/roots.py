"""`root` as an operation: an equation that is solved, kept whole for as long as it may be differentiated.

A `root(guess, *captured)` has a body with the inputs (x, captured) and the outputs (residual, ...): what it
is that is zero at the root; of a minimum the value as well, of which the residual is the gradient; and
perhaps a flag, whether all is fine. It makes the root, and says whether it was found. Its derivative is that
of the equation, see `pullbacks.py`; so what it takes to solve it need not be known before a program is
differentiated no more. Then `newton_program` is put in its place.

    >>> import tinydp as dp
    >>> from .trace import traced
    >>> print(traced(lambda a: dp.root(lambda x: x * x - a, 1.0), 2.0))
    given a: f
    t_5: f(1,), t_6: b = root(array([1.]), a, states=0, max_steps=50, tolerance=1e-09)
        given x: f(1,), a_1: f
        t: f = getitem(x, 0)
        t_1: f = multiply(t, t)
        t_2: f = subtract(t_1, a_1)
        t_3: f(1,) = stack(t_2, axis=0)
        t_4: f(1,) = concatenate(t_3, axis=0)
        return t_4
    t_7: f = getitem(t_5, 0)
    return t_7
"""

from typing import Any

from .loops import LoopPrimitive, misfit
from .program import Op, Program, example_of, interpret


def root_options(body: Program, max_steps: int, tolerance: float, minimum: bool) -> dict:
    """The options of a root; of a `minimum`, the gradient is what is zero there."""
    return {"body": body, "states": 0, "max_steps": max_steps, "tolerance": tolerance, "minimum": minimum}


class Root(LoopPrimitive):
    """The operation `root`."""

    open_ended = True

    def carried(self, options: dict) -> int:
        return 0

    def inputs_at(self, options: dict, places: list[int]) -> list[int]:
        return [k for k in places if k != 0]     # the guess has no path to the root

    def inputs_of(self, options: dict, moved: list[int]) -> set[int]:
        return {0} & set(moved)                  # if the residual moves, so does the root

    def results_at(self, options: dict, wrt: list[int], moved: list[int]) -> list[int]:
        return [0] if 0 in moved else []

    def examples(self, op: Op) -> list:
        return [example_of(op.args[0]), True]

    def fault(self, op: Op) -> str:
        body = op.options["body"]
        return (misfit("the body takes", [*op.args], body.inputs)
                or misfit("the residual is", body.inputs[:1], body.outputs[:1])
                or misfit("makes", self.examples(op), op.outs))


def _root(*args: Any, **options: Any) -> tuple:
    """The meaning of a root."""
    from .newton import newton_program  # noqa: PLC0415  (it builds on this file)

    return tuple(interpret(newton_program(options), *args))


ROOT = Root(_root, "root")
