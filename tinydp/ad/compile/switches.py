"""A choice between two programs, as an operation: `switch`. Only the chosen one is run.

A `switch(condition, *captured)` has two bodies, `then` and `otherwise`, with the same inputs, what they
capture, and outputs of the same shapes and kinds. In the backward pass the same condition chooses between the
adjoints of the two:

    >>> import numpy as np
    >>> import tinydp as dp
    >>> from .adjoint import adjoint
    >>> from .trace import Trace, traced
    >>> def f(x, w):
    ...     return dp.cond(x > 1.0, lambda x: np.sin(x) * w, lambda x: w, x)
    >>> program = traced(f, 2.0, 3.0)
    >>> print(program)
    given x: f, w: f
    t: b = greater(x, 1.0)
    t_3: f = switch(t, x, w)
        given x_1: f, w_1: f
        t_1: f = sin(x_1)
        t_2: f = multiply(t_1, w_1)
        return t_2
        given x_2: f, w_2: f
        return w_2
    return t_3
    >>> with Trace().writing():
    ...     print(adjoint(program, [0], [0]))
    given x: f, w: f, g: f
    t: b = greater(x, 1.0)
    g_x: f = switch(t, x, w, g)
        given x_1: f, w_1: f, g_1: f
        g_2: f = multiply(g_1, w_1)
        t_1: f = cos(x_1)
        g_x_1: f = multiply(g_2, t_1)
        return g_x_1
        given x_2: f, w_2: f, g_w_2: f
        return 0.0
    return g_x
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..parts import RESIDUALS, Residuals, with_parts
from ..primitives import Primitive
from ..selected import bare
from ..values import is_on, plain, youngest
from .loops import RegionPrimitive, misfit
from .program import Op, Program, Value, example_of, interpret
from .proxy import Proxy
from .raising import required
from .record import innermost


@dataclass(eq=False)
class SwitchResiduals(Residuals):
    """What the node of a switch saves."""

    options: dict
    values: tuple                        # of its operands
    wrt: list[int]                       # which inputs of the bodies are differentiated by
    places: list[int]                    # of the node's values among the results


def _switch(condition: Any, *captured: Any, then: Program, otherwise: Program) -> tuple:
    """The meaning of a switch."""
    return tuple(interpret(then if condition else otherwise, *captured))


class Switch(RegionPrimitive):
    """The operation `switch`."""

    def moved_at(self, options: dict, given: list[int]) -> list[int]:
        """The results that depend smoothly on these operands in either body; operand 0 is the condition."""
        from .adjoint import active  # noqa: PLC0415  (it builds on this file)

        found = set[int]()
        for body in options.values():
            on = active(body, [k - 1 for k in given if k > 0])
            found.update(k for k, x in enumerate(body.outputs) if type(x) is Value and x in on)
        return sorted(found)

    def on_tape(self, args: tuple, options: dict) -> list:
        """The results. Those that have a gradient are parts of one node."""
        tape: Any = youngest(args)
        values = tuple([x.value if is_on(tape, x) else x for x in args])
        results = list(self(*values, **options))
        given = [k for k, x in enumerate(args) if is_on(tape, x)]
        places = [k for k in self.moved_at(options, given) if plain(results[k]).kind == "f"]
        if places:
            saved = SwitchResiduals(options, values, [k - 1 for k in given], places)
            return with_parts(tape, self, args, results, places, saved)
        return results

    def pull(self, node: Any, g: Any) -> list:
        """The cotangents of the operands: the adjoint of the body that was chosen."""
        from .adjoint import adjoint  # noqa: PLC0415

        if g is None:
            return []
        saved: SwitchResiduals = node.kwargs[RESIDUALS]
        # g is in parts, as the node is: what arrived at each of its values, None if nothing did
        arrived = {k: bare(c) for k, c in zip(saved.places, g.of_each(), strict=True) if c is not None}
        back = {side: adjoint(body, saved.wrt, [*arrived]) for side, body in saved.options.items()}
        if len({len(body.outputs) for body in back.values()}) > 1:       # one has a flag
            back = {side: Program(body.inputs, body.ops, [*body.outputs, True][: len(saved.wrt) + 1])
                    for side, body in back.items()}
        found = required(innermost(), list(self(*saved.values, *arrived.values(), **back)), len(saved.wrt))
        return [(node.args[k + 1], c) for k, c in zip(saved.wrt, found, strict=True)]

    def examples(self, op: Op) -> list:
        return [*map(example_of, op.options["then"].outputs)]

    def fault(self, op: Op) -> str:
        then, otherwise = op.options["then"], op.options["otherwise"]
        condition = np.asarray(example_of(op.args[0]))           # it may be known by now
        if condition.dtype.kind != "b" or condition.shape:
            return "is decided by no condition"
        return (misfit("then is given", list(op.args[1:]), then.inputs)
                or misfit("otherwise is given", list(op.args[1:]), otherwise.inputs)
                or misfit("otherwise makes", then.outputs, otherwise.outputs)
                or misfit("makes", then.outputs, op.outs))


SWITCH = Switch(_switch, "switch")


def _chosen(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


PHI = Primitive(_chosen, "phi")          # a choice between two values, for a while: see `phis.py`


def united(*sides: tuple[Program, list]) -> tuple[list, dict]:
    """The operands and the options of a switch between two programs, each with what it captures.

    Both have to be given the same. So each body gets an input for all that either captures: its own, where it
    has one, or one that it does not read.
    """
    captured = {_identity(x): x for _, xs in sides for x in xs}
    # for each body, its own input for what it captures
    inner = [dict(zip(map(_identity, xs), body.inputs, strict=True)) for body, xs in sides]
    bodies = [Program([own[k] if k in own else other[k].again(None) for k in captured], body.ops,
                      body.outputs)
              for (body, _), own, other in zip(sides, inner, inner[::-1], strict=True)]
    return [*captured.values()], {"then": bodies[0], "otherwise": bodies[1]}


def _identity(x: Any) -> int:
    """What is equal for one value, be it held by two proxies.

    A variable of a tape that has this value is another thing: it is differentiated by.
    """
    return id(x.value) if isinstance(x, Proxy) else id(x)
