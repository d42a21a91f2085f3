"""The step of a loop, or a side of a choice, as a program: it is run on values that are not known yet.

    >>> from .trace import Trace
    >>> with Trace().writing() as builder:
    ...     w = Proxy(builder, builder.input(2.0, "w"))
    ...     found = region(lambda xs: [xs[0] * w if xs[0] > 1.0 else w], [0.5], ["carry"], 1)
    >>> print(found.body)
    given carry: f, w: f
    t: f = multiply(carry, w)
    t_1: b = greater(carry, 1.0)
    t_2: f = where(t_1, t, w)
    return t_2

What it uses of the program around is captured, variables of a differentiation under way among them. A step
may have ways that are left to the tape, such as one on which an `assert` fails. Then its last output is a
flag: whether all is fine.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .. import tree
from ..errors import Spot
from ..tape import Var
from ..values import is_condition, is_integer, plain
from ..watch import live_tapes, tracer
from .adjoint import value_of
from .effects import STEP, difference, refuse, run_again
from .kinds import as_kind, example
from .paths import explored
from .phis import without_phis
from .program import Op, Program, Value
from .proxy import Proxy
from .raising import _and, all_of
from .record import Builder, innermost
from .rejoin import leaves_with_values, rejoined

FEW_WAYS = 8                             # of a step that is run more than once for each trace


class Region(NamedTuple):
    """A step that was run on each of its ways: the program that it is."""

    body: Program
    captured: list                       # what it uses of the program around, for the last inputs of the body
    unflatten: Callable                  # from its outputs to the structure that the step returned
    flagged: bool                        # the last output says whether all is fine; else a tape has to look


def region(step: Callable, examples: list, labels: list[str], carry: int, rows: list | None = None,
           is_chosen: bool = False) -> Region:
    """Run `step`, a function of a list of values like these examples, and write down what it does.

    It is run once on each way that it can take. Its first `carry` inputs are what is carried, so where such
    an input is a number, and the output a condition, that becomes 0 or 1 again. `rows` has what the other
    inputs are rows of, where that is constant. `is_chosen` says that it is run only if a condition holds.
    """
    builder, trace = Builder(innermost()), tracer()
    builder.is_chosen = is_chosen
    owners, forms, serial = dict[Value, Var](), dict[str, Callable](), trace.serial
    with builder.active():
        given = [Proxy(builder, builder.input(*x)) for x in zip(examples, labels, strict=True)]
        tables = {x.value: row for x, row in zip(given[carry:], rows or (), strict=False) if row is not None}

        def run() -> list:
            """The outputs on one way."""
            trace.serial = serial                # of aliases: what two ways have in common has to be equal
            with builder.requiring() as required, _taken_off_the_tapes(builder, owners) as used:
                found, unflatten = tree.flatten(step(given))
                used.extend(found)
            forms.setdefault(tree.signature(unflatten([*range(len(found))])), unflatten)
            results = [plain(x) for x in found]
            results[:carry] = [as_kind(x, y.kind) for x, y in zip(results, given[:carry], strict=False)]
            return [*map(value_of, results), all_of(builder, required)]

        paths, left = explored(builder, run, tables)
        trace.left |= dict.fromkeys(left)
        trace.has_many_ways |= len([*leaves_with_values(paths)]) > FEW_WAYS
        values, fine = rejoined(builder, paths, forms)
        *values, done = values
        fine = all_of(builder, [x for x in (done, fine) if x is not True])
        flags = [] if fine is True else [fine]
    body, captured = builder.closed([*values, *flags])
    parent = builder.parent
    assert parent is not None
    # `closed` tells values of the program around: if a variable of a tape has it, the loop is to get that
    around = [owners[x] if x in owners else Proxy(parent, parent.lift(x)) for x in captured]
    return Region(without_phis(body), around, next(iter(forms.values())), bool(flags))


def with_flag(found: Region, n: int) -> tuple[Program, list]:
    """The body with its flag as one more carry, the last of n + 1, and what that starts as.

    So after the loop it says whether all was fine in every step.
    """
    return flag_carried(found.body, n) if found.flagged else (found.body, [])


def flag_carried(body: Program, n: int) -> tuple[Program, list]:
    """The same of a body whose last output is a flag."""
    flag = Value(True, "fine")
    still = Op(_and, (flag, body.outputs[-1]), {}, [Value(True)])
    return Program([*body.inputs[:n], flag, *body.inputs[n:]], [*body.ops, still],
                   [*body.outputs[:n], still.outs[0], *body.outputs[n:-1]]), [True]


def require(flag: Any) -> None:
    """Let a tape look, in the end, unless this condition of the program holds."""
    if isinstance(flag, Proxy):
        flag.builder.require(flag.value)


@contextlib.contextmanager
def _taken_off_the_tapes(builder: Builder, owners: dict[Value, Var]) -> Iterator[list]:
    """A context for a step, whose leaves are put into the list: see `_note_owners`."""
    tapes = live_tapes()
    starts, leaves = [len(tape) for tape in tapes], list[Any]()
    try:
        yield leaves
    finally:
        _note_owners(builder, tapes, starts, leaves, owners)


def _note_owners(builder: Builder, tapes: tuple, starts: list[int], leaves: list, owners: dict) -> None:
    """The variables around that a step uses, by their values; its own nodes are taken off the tapes.

    Where a differentiation is under way around a loop, what the step does with one of its variables is put on
    that tape, node by node, as in any program. But the loop is to be one node. So the nodes whose value is
    made inside go, and what they have as operands from outside are operands of the loop. A node whose value
    was moved out of the loop, since it needs nothing of it, stays.
    """
    used = list(leaves)                          # at first these; then what the nodes have as operands

    def inside(node: Any) -> bool:
        values = node.value if type(node.value) is tuple else (node.value,)
        proxies = [x for x in map(plain, values) if isinstance(x, Proxy)]
        return any(x.builder.depth >= builder.depth for x in proxies)

    for tape, start in zip(tapes, starts, strict=True):
        for node in tape.without(start, inside):
            used += node.args
    for x in used:
        if type(x) is Var and not inside(x):
            value = plain(x)
            if isinstance(value, Proxy):
                known = owners.get(value.value)
                if known is None or x.tape.age > known.tape.age:
                    owners[value.value] = x


def settled_region(step: Callable, inits: list, rows: list, labels: list[str], once: bool = False,
                   constant_rows: list | None = None) -> Region:
    """The step as a program that keeps the kinds of its carry; for that, `inits` may be changed.

    Where the carry starts as a condition and goes on as a number, its start is made one, 0 or 1, and all
    begins anew; that ends, since kinds only rise. Then the step is run again, and has to be the same program:
    else it reads or changes something that one run cannot show. Not so if it is to be made `once`.
    """
    trace = tracer()
    examples = [example(plain(x)) for x in inits] + rows
    serial = trace.serial
    with innermost().in_runs() as run:           # which begin with the same that was done before
        found = region(step, examples, labels, len(inits), constant_rows)
        changed = [k for k, (x, y) in enumerate(zip(inits, found.body.outputs, strict=False))
                   if _rank(x) < _rank(y)]
        for _ in range(0 if changed or once or trace.has_many_ways else trace.reruns):
            trace.serial = serial
            run.begin()
            again = run_again(STEP, lambda: region(step, examples, labels, len(inits), constant_rows))
            _require_equal(found, again)
    for k in changed:
        inits[k] = as_kind(inits[k], _KINDS[_rank(found.body.outputs[k])])
    return settled_region(step, inits, rows, labels, once, constant_rows) if changed else found


_KINDS = "bif"                                   # each can become those after it: condition, integer, real


def _rank(x: Any) -> int:
    """The place of a kind among these, of a value, a constant or a variable."""
    if type(x) is Value:
        return _KINDS.index(x.kind)
    return 0 if is_condition(x) else 1 if is_integer(x) else 2


def _require_equal(first: Region, again: Region) -> None:
    """Raise `SideEffectError` unless the step did the same in both runs, with the same values around."""
    found = difference(first.body, again.body)
    if found is None and tree.signature(first.unflatten([*range(len(first.body.outputs))])) != tree.signature(
            again.unflatten([*range(len(again.body.outputs))])):
        found = "it returns another structure", None
    alike: set = set()
    for x, y in zip(first.captured, again.captured, strict=False):
        found = found or _change_around(plain(x), plain(y), alike)
    if found is None and len(first.captured) != len(again.captured):
        found = "it uses other values around", None
    if found is not None:
        refuse(STEP, *found)


def _where_made(x: Proxy) -> Proxy:
    """A value that was captured, as the program that made it knows it."""
    outer = next((outer for outer, inner in x.builder.captured.items() if inner is x.value), None)
    return x if outer is None or x.builder.parent is None else _where_made(Proxy(x.builder.parent, outer))


def _change_around(x: Proxy, y: Proxy, alike: set) -> tuple[str, Spot | None] | None:
    """How a value around differs from that of the first run; None if they are the same, or made alike.

    A step may make a value out of others around, such as `2 * w`. That is moved out of it, so two runs have
    two values for it: they are alike if equal operations made them of values that are alike. `alike` has the
    pairs of which that is known.
    """
    x, y = _where_made(x), _where_made(y)
    if x.value is y.value or (x.value, y.value) in alike:
        return None
    op, again = x.builder.maker.get(x.value), y.builder.maker.get(y.value)
    if op is None or again is None or op.outs.index(x.value) != again.outs.index(y.value):
        return "it uses another value around", None
    found = difference(Program(op.operands, [op], []), Program(again.operands, [again], []))
    for a, b in zip(op.operands, again.operands, strict=False):
        found = found or _change_around(Proxy(x.builder, a), Proxy(y.builder, b), alike)
    if found is None:
        alike.add((x.value, y.value))
    return found
