"""Loops on a tape: one node each, whose pullback is another loop.

The backward pass over a scan is a scan in the other direction. Its carry is the cotangents of the carry, and
the sums of the shares of what all steps use; its step is the adjoint of the step, which computes what it
needs again from the carry before it: so the loop on the tape is made to return that as well, a row a step.
(What is dear to compute twice is found later, see `residuals.py`.) Over a `while_loop` it is a scan of as
many steps as were made.

The backward pass over an event is such a scan, too. At the event `until` stays zero: the length h of the last
step changes so that d until = 0, which is the implicit function theorem. So what arrives at h goes on as a
cotangent of the height, -g / (d until / dh).

    >>> import tinydp as dp
    >>> from .trace import Trace, traced
    >>> def f(x, w):
    ...     return dp.scan(lambda carry, _: (np.sin(carry) * w, None), x, length=3)[0]
    >>> with Trace().writing():
    ...     print(adjoint(traced(f, 1.0, 2.0), [0, 1], [0]))
    given x: f, w: f, g_t_2: f
    t_2: f, t_3: f(3,) = scan(x, w, carries=1, rows=0, length=3)
        given carry: f, w_1: f
        t: f = sin(carry)
        t_1: f = multiply(t, w_1)
        return t_1, carry
    g_x: f, g_w: f = scan(g_t_2, 0.0, t_3, w, carries=2, rows=1, length=3, reverse=True)
        given g_t_1: f, g_w_1: f, carry_1: f, w_2: f
        t_4: f = sin(carry_1)
        g_t_4: f = multiply(g_t_1, w_2)
        g_w_2: f = multiply(g_t_1, t_4)
        t_5: f = cos(carry_1)
        g_carry_1: f = multiply(g_t_4, t_5)
        t_6: f = add(g_w_1, g_w_2)
        return g_carry_1, t_6
    return g_x, g_w

All of it is done with whatever the operands are, variables of a tape around among them: that is where second
derivatives come from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..implicit import solved
from ..parts import RESIDUALS, Residuals, with_parts
from ..registry import registered
from ..selected import bare
from ..values import is_on, plain, youngest
from .adjoint import adjoint
from .loops import EVENT, SCAN, WHILE, LoopPrimitive, scan_options
from .program import Program, Value
from .raising import flagged, required
from .record import Builder, zeros
from .regions import flag_carried, require
from .roots import ROOT


@dataclass(eq=False)
class LoopResiduals(Residuals):
    """What the node of a loop saves."""

    options: dict
    values: tuple                        # of its operands
    results: list                        # all of them, the stacked carries last
    wrt: list[int]                       # which inputs of the body are differentiated by
    places: list[int]                    # of the node's values among the results

    def arrived(self, g: Any) -> dict[int, Any]:
        """The cotangents that arrived, by the places of the results."""
        return {k: bare(c) for k, c in zip(self.places, g.of_each(), strict=True) if c is not None}

    def stacks(self, n: int) -> list:
        """The carry before each step."""
        return self.results[len(self.results) - n:]

    def parted(self, first: int, second: int) -> tuple[list[int], list[int], list[int]]:
        """The inputs to differentiate by, in three parts."""
        return ([k for k in self.wrt if k < first], [k for k in self.wrt if first <= k < second],
                [k for k in self.wrt if k >= second])


def on_tape(prim: LoopPrimitive, args: tuple, options: dict) -> list:
    """The results of a loop, those that move with the innermost tape's operands as one node of it."""
    tape: Any = youngest(args)
    values = tuple([x.value if is_on(tape, x) else x for x in args])
    wrt, moved = prim.moving(options, [k for k, x in enumerate(args) if is_on(tape, x)])
    body, n = options["body"], prim.carried(options)
    stacking: dict[str, Any] = {"body": Program(body.inputs, body.ops, [*body.outputs, *body.inputs[:n]])}
    if prim is EVENT:
        stacking["differentiated"] = True
    results = list(prim(*values, **options | stacking))
    kept = results[: len(results) - n]
    places = [k for k in prim.results_at(options, wrt, moved) if plain(kept[k]).kind == "f"]
    if places:
        saved = LoopResiduals(options, values, list(results), wrt, places)
        return with_parts(tape, prim, args, kept, places, saved)
    return kept


def _pairs(node: Any, places: list, cotangents: list) -> list:
    """The operands of a node, and what arrives at them."""
    return [(node.args[k], c) for k, c in zip(places, cotangents, strict=False)
            if k is not None and is_on(node.tape, node.args[k])]


# ---------------------------------------------------------------------------- scan

def pull_scan(node: Any, g: Any) -> list:
    """The cotangents of the operands of a scan."""
    saved: LoopResiduals = node.kwargs[RESIDUALS]
    options, values = saved.options, saved.values
    n = len(options["body"].inputs)
    return _pulled(node, saved.arrived(g), Steps(
        options["carries"], options["rows"], [*range(n)], value=[*values[n:]], length=options["length"],
        reverse=not options["reverse"]))


def pull_while(node: Any, g: Any) -> list:
    """The cotangents of the operands of a `while_loop`: so many steps were made, and so many go back."""
    saved: LoopResiduals = node.kwargs[RESIDUALS]
    n, k = saved.options["states"], len(saved.options["body"].inputs)
    # operand n is `go`, which is no input of the body: what the body captures is one further on
    arrived = {k - (k > n): c for k, c in saved.arrived(g).items()}       # the number of steps is no output
    return _pulled(node, arrived, Steps(
        n, 0, [*range(n), *range(n + 1, k + 1)], value=[saved.results[n + 1]], length=None, reverse=True))


class Steps(NamedTuple):
    """The steps that a loop has made, and how the loop back runs over them."""

    carries: int
    rows: int
    places: list[int]                    # of the operands that become the inputs of the body
    value: list                          # the number of steps, if it is a value
    length: int | None                   # ... or else
    reverse: bool


def _pulled(node: Any, arrived: dict[int, Any], steps: Steps) -> list:
    """The cotangents of a loop's operands, for those that arrived at the outputs of its body."""
    saved: LoopResiduals = node.kwargs[RESIDUALS]
    body, n, m = saved.options["body"], steps.carries, steps.rows
    given, made, values = body.inputs, body.outputs, [saved.values[k] for k in steps.places]
    carried, rows, shared = saved.parted(n, n + m)
    ys = [k for k in arrived if k >= n]
    back = adjoint(body, saved.wrt, [*carried, *ys])

    def step(inside: Builder, carry: list, row: list, captured: list) -> list:
        """From the cotangents of the carry after a step to those before it, and of its rows."""
        gs, sums = carry[: len(carried)], carry[len(carried):]
        found = required(inside, inside.emit(back, [*row[: n + m], *captured, *gs, *row[n + m:]]),
                         len(saved.wrt))
        of = dict(zip(saved.wrt, found, strict=True))
        return [*(of[k] for k in carried), *_increased(inside, sums, [of[k] for k in shared]),
                *(of[k] for k in rows)]

    cotangents = _scan(
        step,
        carry=[(arrived.get(k, zeros(given[k])), _cotangent(made[k], given[k])) for k in carried]
        + [(zeros(given[k]), _cotangent(given[k])) for k in shared],
        rows=[*zip([*saved.stacks(n), *values[n: n + m]], _like(given), strict=False),
              *((arrived[k], _cotangent(made[k])) for k in ys)],
        shared=[*zip(values[n + m:], _like(given[n + m:]), strict=True)],
        count=steps.value, length=steps.length, reverse=steps.reverse, again=saved.options["again"])
    return _pairs(node, [steps.places[k] for k in (*carried, *shared, *rows)], cotangents)


# ---------------------------------------------------------------------------- event

def pull_event(node: Any, g: Any) -> list:
    """The cotangents of the operands of an event.

    Say that three steps were made: two whole ones, of the length dt, and the last one, of the length h. The
    loop back has three rounds, the last step first. Beside the cotangents of the state, and sums, four things
    go round, that are other in the first round than in those after it:

        round   the cotangent of the height   the length   is_last   g_dt
        1       what arrived at h, see below  h            True      0
        2       0, it was not asked for       dt           False     ... and the share of a whole step
        3       0                             dt           False     ... and the share of a whole step

    So the same adjoint of a step serves all rounds, and h, which is no input of the program, passes its
    cotangent on to the height, and through it to the state and the parameters.
    """
    saved: LoopResiduals = node.kwargs[RESIDUALS]
    options, values, arrived = saved.options, saved.values, saved.arrived(g)
    body, n = options["body"], options["states"]
    given, made = body.inputs, body.outputs
    carried, at_h, shared = saved.parted(n, n + 1)
    ys = [k - n - 1 for k in arrived if k > 2 * n]               # rows that the step made
    before, h, count = saved.results[n: 2 * n], saved.results[2 * n], saved.results[2 * n + 1]
    dt, captured = values[n + 1], values[n + 2:]
    gs = [arrived.get(k, zeros(given[k])) for k in carried]
    late = {k: arrived[n + k] for k in carried if n + k in arrived}      # of the state before the last step
    g_height = 0.0
    if at_h:
        g_height = _of_height(body, n, carried, gs, arrived.get(2 * n, 0.0), [*before, h, *captured])
    back = adjoint(body, saved.wrt, [*carried, n, *ys])

    def step(inside: Builder, carry: list, row: list, constants: list) -> list:
        """As for a scan; but the last step, which comes first, has its own length, and extras."""
        gs, (g_height, length, is_last, g_dt) = carry[: len(carried)], carry[len(carried): len(carried) + 4]
        sums, captured = carry[len(carried) + 4:], constants[1: len(given) - n]
        found = required(inside, inside.emit(back, [*row[:n], length, *captured, *gs, g_height, *row[n:]]),
                         len(saved.wrt))
        of = dict(zip(saved.wrt, found, strict=True))
        if at_h:
            g_dt = _recorded(inside, np.where, is_last, g_dt, _recorded(inside, np.add, g_dt, of[n]))
        for k, more in zip(late, constants[len(given) - n:], strict=True):
            of[k] = _recorded(inside, np.where, is_last, _recorded(inside, np.add, of[k], more), of[k])
        return [*(of[k] for k in carried), 0.0, constants[0], False, g_dt,
                *_increased(inside, sums, [of[k] for k in shared])]

    cotangents = _scan(
        step,
        carry=[*zip(gs, [_cotangent(made[k], given[k]) for k in carried], strict=True),
               (g_height, _cotangent(made[n])), (h, Value(1.0, "h")), (True, Value(True, "is_last")),
               (0.0, Value(0.0, "g_dt")), *((zeros(given[k]), _cotangent(given[k])) for k in shared)],
        rows=[*zip(saved.stacks(n), _like(given), strict=False),
              *((arrived[k + n + 1], _cotangent(made[k])) for k in ys)],
        shared=[(dt, Value(1.0, "dt")), *zip(captured, _like(given[n + 1:]), strict=True),
                *((x, _cotangent(given[k])) for k, x in late.items())],
        count=[count], length=None, reverse=True)
    return _pairs(node, [*carried, None, None, None, n + 1, *(k + 1 for k in shared)], cotangents)


def _of_height(body: Program, n: int, carried: list[int], gs: list, g_h: Any, at: list) -> Any:
    """The cotangent of the height, as which all that arrived at h goes on.

    The last step is pulled back twice: for the cotangents of the state, and for the height alone.
    """
    back, made = adjoint(body, [n], [*carried, n]), body.outputs
    seeds = [(np.stack([g, zeros(body.inputs[k])]), _cotangent(made[k], body.inputs[k]))
             for k, g in zip(carried, gs, strict=True)]
    (both,) = _rows(back, 1, body, at, [*seeds, (np.array([0.0, 1.0]), _cotangent(made[n]))], 2)
    by_state, by_height = both[0], both[1]
    return -(by_state + g_h) / by_height + 0.0 * by_height       # nan if the slope is infinite


# ---------------------------------------------------------------------------- root

def pull_root(node: Any, g: Any) -> list:
    """The cotangents of what the equation of a root captures: the implicit function theorem.

    At the root, J dx + P dp = 0. So the cotangent g of x goes on to the residual as -u, where u J = g, and
    from there to p.
    """
    saved: LoopResiduals = node.kwargs[RESIDUALS]
    body, at = saved.options["body"], [saved.results[0], *saved.values[1:]]
    (_, _, shared), n = saved.parted(0, 1), len(body.inputs[0].example)
    seeds = [(np.eye(n), _cotangent(body.outputs[0], body.inputs[0]))]
    (jacobian,) = _rows(adjoint(body, [0], [0]), 1, body, at, seeds, n)
    u = solved(np.swapaxes(jacobian, 0, 1), saved.arrived(g)[0])
    seeds = [(np.expand_dims(-u, 0), _cotangent(body.outputs[0], body.inputs[0]))]
    shares = _rows(adjoint(body, shared, [0]), len(shared), body, at, seeds, 1)
    return _pairs(node, shared, [share[0] for share in shares])


def _rows(back: Program, results: int, body: Program, at: list, seeds: list, length: int) -> list:
    """What an adjoint makes of each row of cotangents, at the same place."""

    def step(inside: Builder, carry: list, row: list, constants: list) -> list:
        return required(inside, inside.emit(back, [*constants, *row]), results)

    return _scan(step, carry=[], rows=seeds, shared=[*zip(at, _like(body.inputs), strict=True)], count=[],
                 length=length)


PULLBACKS: dict[LoopPrimitive, Callable] = {
    SCAN: pull_scan, EVENT: pull_event, WHILE: pull_while, ROOT: pull_root}


# ---------------------------------------------------------------------------- writing a loop

def _scan(step: Callable, carry: list, rows: list, shared: list, count: Any, length: int | None,
          reverse: bool = False, again: bool = False) -> list:
    """The results of a scan. Each operand comes with the value that stands for it in the body.

    What a step requires has to hold in all of them.
    """
    inside, operands = Builder(), [*carry, *rows, *shared]
    given = [inside.adopt(x) for _, x in operands]
    outputs = step(inside, given[: len(carry)], given[len(carry): len(carry) + len(rows)],
                   given[len(carry) + len(rows):])
    body, flags = inside.program(flagged(inside, outputs)), list[Any]()
    if inside.fine:
        body, flags = flag_carried(body, len(carry))
    options = scan_options(body, len(carry) + len(flags), len(rows), length, reverse, again)
    made = SCAN(*(x for x, _ in carry), *flags, *(x for x, _ in (*rows, *shared)), *count, **options)
    for _ in flags:
        require(made.pop(len(carry)))
    return made


def _like(xs: list[Value]) -> list[Value]:
    return [x.again(None) for x in xs]


def _cotangent(x: Any, like: Any = None) -> Value:
    """The value that is the cotangent of `x`, which may be a constant, and then has the shape of `like`."""
    return Value(zeros(x if like is None else like), of=x if type(x) is Value else None)


def _recorded(inside: Builder, function: Any, *args: Any) -> Any:
    return inside.record(registered(function), args, {}, back=True)[0]


def _increased(inside: Builder, sums: list, shares: list) -> list:
    return [_recorded(inside, np.add, total, share) for total, share in zip(sums, shares, strict=True)]
