"""`scan` and `integrate` in a program that is compiled: they stay loops, forwards and backwards.

The step is traced once, and so is the sweep back over it. What both have in common is cut in
two: the forward loop stores, step by step, what is dear to compute and needed on the way back;
the reverse loop computes the rest again. A weight's gradient, a sum over all steps of outer
products, is formed once after the loop, as one product of two matrices.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import EventNotReached, LoopError, NotCompiledError, RuleError
from ..loops import Loop, _checked, _run, in_form_of, part_of_step, unrecorded
from ..primitives import dense, pick
from ..tape import Node, Tape, Var
from ..values import is_condition, is_on, plain, shape
from ..watch import live_tapes, tracer
from .functions import MOVING_AXES, axes_moved, is_elementwise
from .listing import STEP, listing, require_equal, run_again
from .trace import Program, Sym, Trace, as_numbers, constant, example, needed

LONGEST_UNROLLED = 64
LONG = 8_192                             # steps, from which on what a loop stores outgrows the caches
LARGEST_BLOCK = 512

# ---------------------------------------------------------------------------- the loops as calls


class LoopCall:
    """Common to all loops: a body, and what goes in and comes out."""

    name = "loop"

    def __init__(self, trace: Trace, body: Program, inits: list, xs: list):
        self.body, self.spot = body, trace.here()
        body.captures = [(trace.lift(outer), inner) for outer, inner in body.captures]
        self.inits, self.xs = [trace.lift(x) for x in inits], [trace.lift(x) for x in xs]
        self.extra: list = []                    # further operands
        self.carry_outs: list[Sym] = []
        self.y_outs: list[Sym] = []
        self.more_outs: list[Sym] = []

    @property
    def operands(self) -> list:
        """The `Sym`s that it needs."""
        given = [*self.inits, *self.xs, *self.extra, *(outer for outer, _ in self.body.captures)]
        return [x for x in given if isinstance(x, Sym)]

    @property
    def outs(self) -> list:
        """The `Sym`s that it makes."""
        return [*self.carry_outs, *self.y_outs, *self.more_outs]

    def __str__(self) -> str:
        return f"{self.name}({len(self.body.calls)} calls)"


class ScanCall(LoopCall):
    """`carry, ys = scan(body, carry, xs)`; `length` is a number or, after an `EventCall`, a `Sym`.

    The body takes the carry and a row of each of `xs`, and returns the carry and a row of each y.
    """

    name = "scan"

    def __init__(self, trace: Trace, body: Program, inits: list, xs: list, length: Any, reverse: bool):
        super().__init__(trace, body, inits, xs)
        self.length, self.reverse = trace.lift(length), reverse
        self.extra = [self.length]
        n = length if isinstance(length, int) else 1
        results = body.outputs
        self.carry_outs = [Sym(trace, example(x)) for x in results[: len(inits)]]
        self.y_outs = [Sym(trace, _stack_like(example(x), n)) for x in results[len(inits):]]


class EventCall(LoopCall):
    """The steps up to an event: the state there, how many steps were whole, and the last one's length.

    The body takes a state and a length, and returns the next state, its height, and a row of each y.
    There is a row for each whole step and one for the last.
    """

    name = "integrate"

    def __init__(self, trace: Trace, body: Program, inits: list, height: Any, dt: Any, max_steps: int,
                 differentiated: bool):
        super().__init__(trace, body, inits, [])
        self.differentiated = differentiated     # then it has to be a root
        self.height, self.dt, self.max_steps = trace.lift(height), trace.lift(dt), max_steps
        self.extra = [self.height, self.dt]
        self.carry_outs = [Sym(trace, example(x)) for x in body.outputs[: len(inits)]]
        self.y_outs = [Sym(trace, _stack_like(example(x), 1)) for x in body.outputs[len(inits) + 1:]]
        self.count, self.last = Sym(trace, 1), Sym(trace, float(example(dt)))
        self.more_outs = [self.count, self.last]


class ReverseEventCall(LoopCall):
    """The way back from an event: over the last step twice, and then over the whole ones.

    The state at the event is y = step(x, h), where until(y) = 0 says how long h is. The body takes the
    cotangents of a step's result, its length and rows, and returns those of the state before, of the
    length, and the shares of what all steps use. It is run for the cotangent of y and for the slope of
    `until` at y; the second, times s, makes the length's cotangent zero in sum: h is no input.
    """

    name = "integrate"

    def __init__(self, trace: Trace, body: Program, inits: list, xs: list, event: EventCall,
                 slopes: list, shares: list, until_shares: list):
        super().__init__(trace, body, inits, xs)
        self.count, self.last, self.dt = event.count, event.last, event.dt
        self.slopes = [trace.lift(x) for x in slopes]            # of until, by the state
        self.until_shares = [trace.lift(x) for x in until_shares]        # ... and by what all steps use
        self.extra = [self.count, self.last, self.dt, *self.slopes, *self.until_shares]
        self.carry_outs = [Sym(trace, example(x)) for x in inits]
        self.more_outs = [Sym(trace, example(x)) for x in shares]


def _stack_like(row: Any, n: int) -> Any:
    return np.broadcast_to(np.asarray(row), (n, *np.shape(row)))


# ---------------------------------------------------------------------------- tracing a step

class Step(NamedTuple):
    """A step that was traced once, and, on a tape, the sweep back over it."""

    body: Trace
    given: list                          # Syms: the carry, then a row of each of xs
    rows: int                            # how many of them are rows
    results: list                        # values: the carry, and what else the step returned
    unflatten: Callable                  # from results to the structure that the step returned
    owners: list                         # the Vars of the tape around that it used
    seeds: dict[int, Sym]                # result -> its cotangent, of those that are on the tape
    back: list                           # the cotangents of `given`, None for those without
    shares: list                         # the cotangents of `owners`, None for those without
    lines: list                          # the step as it was run, to be compared with another run

    def traced(self, n: int) -> list[int]:
        """Which of the first `n` results are on the tape."""
        return sorted(k for k in self.seeds if k < n)


def trace_step(trace: Trace, step: Callable, carry: list, rows: list,
               still: frozenset[int] = frozenset(), once: bool = False) -> Step:
    """Trace `step`, a function of the list of a carry and of rows like these examples.

    It is run again, and has to be the same: unless it is made `once`, it would be run more often by Python.

    Where the carry starts as a condition and goes on as a number, its start is made one, 0 or 1. Such
    parts of the carry, and those `still` ones that start as an integer, are differentiated by only
    if they go on as something with a derivative: a flag that is 0 or 1 has none.
    """
    traced = _trace_step(trace, step, [example(x) for x in carry], rows, still)
    changed = [k for k, (x, y) in enumerate(zip(carry, traced.results, strict=False))
               if is_condition(x) and not is_condition(y)]
    if not changed and not still & traced.seeds.keys():
        for _ in range(0 if once else trace.reruns):
            again = run_again(STEP, lambda: _run_step(
                Trace(trace), step, [example(x) for x in carry], rows, still))
            require_equal(STEP, traced.lines, again.lines, _makers(trace))
        return traced
    for k in changed:
        carry[k] = _plain_of(np.where(carry[k], 1.0, 0.0))
    return trace_step(trace, step, carry, rows, (still | set(changed)) - traced.seeds.keys(), once)


def _makers(trace: Trace | None) -> dict[int, Any]:
    """The calls of a program and of those around it, by the ids of what they made."""
    if trace is None:
        return {}
    return _makers(trace.parent) | {id(out): call for call in trace.calls for out in call.outs}


class Run(NamedTuple):
    """A step that was run once, and what it did."""

    given: list                          # Syms: the carry, then a row of each of xs
    arguments: list                      # the same, on the tape if there is one
    leaves: list                         # of what it returned
    unflatten: Callable
    part: Tape                           # what it recorded
    results: list                        # the values in `leaves`
    lines: list                          # its listing


def _run_step(body: Trace, step: Callable, carry: list, rows: list, still: frozenset[int]) -> Run:
    """Run `step` and write it down in `body`, and on the tape."""
    tapes = live_tapes()
    given = [body.input(x) for x in (*carry, *rows)]
    with body.writing():
        tape = tapes[-1] if tapes else Tape()
        arguments = [tape.input(x) if tapes and x.kind == "f" and k not in still else x
                     for k, x in enumerate(given)]
        start = len(tape)
        leaves, unflatten = tree.flatten(step(arguments))
        part = tape.cut(start)
        results = _of_kinds([x.value if is_on(tape, x) else x for x in leaves], given[: len(carry)])
    around = {id(inner): id(outer) for outer, inner in body.captures}
    lines = listing(given, body.calls, results, unflatten(list(range(len(leaves)))), around)
    return Run(given, arguments, leaves, unflatten, part, results, lines)


def _trace_step(trace: Trace, step: Callable, carry: list, rows: list, still: frozenset[int]) -> Step:
    tapes = live_tapes()
    tape = tapes[-1] if tapes else None
    body = Trace(trace, trace.reruns)
    given, arguments, leaves, unflatten, part, results, lines = _run_step(body, step, carry, rows, still)
    if tape is None:
        return Step(body, given, len(rows), results, unflatten, [], {}, [None] * len(given), [], lines)
    with body.writing():
        known = {id(x) for x in (*part, *arguments)}
        used = [x for node in part for x in node.args] + leaves
        owners = {id(x): x for x in used if is_on(tape, x) and id(x) not in known}
        seeds = {k: body.input(np.ones(shape(x)) if shape(x) else 1.0)
                 for k, x in enumerate(leaves) if is_on(tape, x)}
        start = len(tape)
        part.sweep([(leaves[k], g) for k, g in seeds.items()], keep=True)
        if len(tape) > start:
            raise RuleError("a gradient rule used a traced value that is not one of its arguments.",
                            "pass it as an argument.")
        back = [_taken(x) if type(x) is Var else None for x in arguments]
        shares = [_taken(x) for x in owners.values()]
    return Step(body, given, len(rows), results, unflatten, list(owners.values()), seeds, back, shares, lines)


def _of_kinds(results: list, carry: list) -> list:
    """The results of a step; a condition where there was a number in the carry is one again, 0 or 1."""
    numbers = {k for k, x in enumerate(carry) if x.kind == "f"}
    return [constant(as_numbers(x) if k in numbers else x) for k, x in enumerate(results)]


def _integers(leaves: list) -> frozenset[int]:
    """Which of these are integers, or arrays of them."""
    return frozenset(k for k, x in enumerate(leaves)
                     if not isinstance(x, (Var, Sym)) and np.asarray(x).dtype.kind in "iu")


def _taken(x: Var) -> Any:
    """The cotangent that arrived at `x`, which is taken away again."""
    g, x.g = x.g, None
    return None if g is None else dense(g)


def _plain_of(x: Any) -> Any:
    """The value in a Var, as programs hold it; integers as real numbers."""
    x = constant(plain(x))
    if type(x) is int:
        return float(x)
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else x


def _value_of(x: Any) -> Any:
    return example(plain(x))


def _example_row(x: Any) -> Any:
    row = example(x)[0]
    return row.item() if isinstance(row, np.generic) else np.array(row)


def _zeros(like: Any) -> Any:
    return np.zeros(shape(like)) if shape(like) else 0.0


# ---------------------------------------------------------------------------- cutting in two

_DEAR = frozenset((
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh",
    "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "power",
    "float_power", "divide", "hypot", "logaddexp", "logaddexp2", "mod", "remainder", "fmod", "reciprocal"))
_VIEWS = frozenset(("reshape", "expand_dims", "swapaxes", "transpose", "broadcast_to", "getitem", "squeeze"))


class Plan(NamedTuple):
    """How the way back is made: what is stored for it, and how the shares of the owners are summed."""

    stored: list                         # Syms of the body: a row of each is kept, a step
    late: set                            # ids of the calls of the reverse loop
    sums: dict[int, Any]                 # owner -> its share in a step, to be added up
    products: dict[int, list]            # owner -> pairs of factors, to be stacked
    size: int                            # how many calls the body had when the plan was made


NO_PLAN = Plan([], set(), {}, {}, 0)


def plan(step: Step, products: bool, again: bool) -> Plan:
    """Cut a traced step in two. With `again`, all is computed twice that can be."""
    sums, in_pairs = {}, {}
    for k, share in enumerate(step.shares):
        pairs = _outer_products(share) if products else None
        if pairs:
            in_pairs[k] = pairs
        elif share is not None:
            sums[k] = share
    factors = {id(x) for pairs in in_pairs.values() for pair in pairs for x in pair}
    for k, share in list(sums.items()):          # a bias has the sum of a factor that is stored anyway
        x = _summed(share)
        if id(x) in factors:
            in_pairs[k] = [(None, x)]
            del sums[k]
    wanted = [*step.back, *sums.values(), *(x for pairs in in_pairs.values() for pair in pairs for x in pair)]
    wanted = [step.body.lift(x) for x in wanted if isinstance(x, Sym)]

    body = step.body
    makers = {id(out): call for call in body.calls for out in call.outs}
    backward = {id(g) for g in step.seeds.values()}
    late = set()
    for call in body.calls:
        if any(id(x) in backward for x in call.operands):
            backward.update(id(out) for out in call.outs)
            late.add(id(call))
    rows = step.given[len(step.given) - step.rows:]
    free = backward | {id(x) for x in rows} | {id(inner) for _, inner in body.captures}
    stored: dict[int, Sym] = {}
    queue = [x for call in needed(body.calls, wanted) if id(call) in late for x in call.operands] + wanted
    while queue:
        x = queue.pop()
        if id(x) in free or id(x) in stored:
            continue
        maker = makers.get(id(x))
        if maker is None or not (again or _cheap(maker, x)):
            stored[id(x)] = x
        elif id(maker) not in late:
            late.add(id(maker))
            queue += maker.operands
    return Plan(list(stored.values()), late, sums, in_pairs, len(body.calls))


def _cheap(call: Any, x: Sym) -> bool:
    """Whether it is better computed again than stored."""
    if isinstance(call, EventCall):
        return True                              # its rows are as many as its steps, each time others
    if isinstance(call, LoopCall) or call.op.name in _DEAR:
        return False
    return call.op.name in _VIEWS or not x.shape or is_elementwise(call.op.name)


def _summed(share: Any) -> Any:
    """The matrix whose rows `share` is the sum of; or `share`, a vector."""
    for call in share.trace.calls if isinstance(share, Sym) else ():
        if call.outs[0] is share and not isinstance(call, LoopCall) and call.op.name == "sum" \
                and call.args[0].ndim == 2 and call.options == {"axis": 0}:
            return call.args[0]
    return share if isinstance(share, Sym) and share.ndim == 1 else None


def _outer_products(share: Any) -> list[tuple[Any, Sym]] | None:
    """The factors (a, b), if `share` is a sum of outer products of vectors, or of a.T @ b of matrices."""
    if not isinstance(share, Sym) or len(share.shape) != 2:
        return None
    makers = {id(call.outs[0]): call for call in share.trace.calls
              if not isinstance(call, LoopCall)}

    def factors(x: Any) -> list[tuple[Any, Sym]] | None:
        call = makers.get(id(x))
        if call is None or not all(isinstance(arg, Sym) for arg in call.args):
            return None
        made_by: list[Any] = [makers.get(id(arg)) for arg in call.args]
        names = [maker.op.name if maker else "" for maker in made_by]
        if call.op.name == "add":
            parts = [factors(arg) for arg in call.args]
            return None if None in parts else [pair for part in parts for pair in part or ()]
        if call.op.name == "multiply":
            k = 0 if call.args[0].shape[1:] == (1,) else 1
            column, row, x = made_by[k], made_by[1 - k], call.args[1 - k]
            if names[1 - k] == "expand_dims" and x.shape[:1] == (1,):
                x = row.args[0]
            if names[k] == "expand_dims" and call.args[k].shape[1:] == (1,) and x.ndim == 1:
                return [(column.args[0], x)]
        if call.op.name == "matmul" and call.args[0].ndim == 2 and names[0] in MOVING_AXES and axes_moved(
                names[0], 2, made_by[0].args[1:], made_by[0].options) == [1, 0]:
            return [(made_by[0].args[0], call.args[1])]
        return None

    return factors(share)


# ---------------------------------------------------------------------------- the node

class Form(NamedTuple):
    """What the node of a loop keeps for its pullback."""

    step: Step
    plan: Plan
    operands: list                       # Vars and constants: the carry, xs, owners
    xs: list                             # the arrays that the loop ran along
    stacks: list                         # the rows of `plan.stored`
    length: Any                          # how many steps it made


class LoopOperation(Loop):
    """The operation of a loop's node, over a program: its pullback writes down the reverse loop."""

    def pull(self, node: Node, g: Any) -> list:
        return [] if g is None else reverse_loop(node.kwargs["form"], dense(g))

    def sources(self, node: Node, i: int) -> list:
        return list(node.args)


SCAN = LoopOperation("scan")


def _record(tape: Tape, op: LoopOperation, form: Form, values: list) -> None:
    """Put the results that depend on the tape's values on it, as one node."""
    traced = form.step.traced(len(values))
    if not traced:
        return
    operands = tuple(x for x in form.operands if is_on(tape, x))
    whole = tape.record(op, tuple(values[k] for k in traced), operands, {"form": form})
    for i, k in enumerate(traced):
        values[k] = pick(whole, i)


def reverse_loop(form: Form, g: tuple) -> list:
    """Write down the loop that runs back; returns pairs (operand, cotangent)."""
    step, how, operands, xs, stacks, length = form
    body, trace = step.body, step.body.parent
    assert trace is not None
    n = len(step.given) - step.rows
    arriving = dict(zip(sorted(step.seeds), g, strict=False))

    # what goes round: the cotangents of the carry, and sums of shares
    rounds = [k for k in range(n) if k in step.seeds or step.back[k] is not None]
    before, after, inits = [], [], []
    with body.writing():
        for k in rounds:
            before.append(step.seeds[k] if k in step.seeds else body.input(_zeros(step.given[k])))
            after.append(_zeros(step.given[k]) if step.back[k] is None else step.back[k])
            inits.append(arriving.get(k, _zeros(step.given[k])))
        for share in how.sums.values():
            before.append(body.input(_zeros(share)))
            after.append(before[-1] + share)
            inits.append(_zeros(share))

    # what comes in and goes out row by row
    rows = [(step.seeds[k], arriving[k]) for k in arriving if k >= n]
    rows += [*zip(step.given[n:], xs, strict=True), *zip(how.stored, stacks, strict=True)]
    stacked = {id(row): stack for row, stack in rows}
    moving = [j for j in range(step.rows) if step.back[n + j] is not None]
    factors = {id(x): x for pairs in how.products.values() for pair in pairs for x in pair if x is not None}
    fresh = [x for key, x in factors.items() if key not in stacked]
    outputs = [body.lift(constant(x)) for x in (*after, *(step.back[n + j] for j in moving), *fresh)]

    calls = [call for k, call in enumerate(body.calls) if id(call) in how.late or k >= how.size]
    program = Program([], body.captures, calls, outputs)
    used = program.used()
    rows = [(row, stack) for row, stack in rows if id(row) in used]
    program.inputs = [*before, *(row for row, _ in rows)]
    call = ScanCall(trace, program, inits, [stack for _, stack in rows], length, reverse=True)
    trace.add(call)

    row_outs = call.y_outs[: len(moving)]
    stacked |= {id(x): out for x, out in zip(fresh, call.y_outs[len(moving):], strict=True)}
    cotangents = dict(zip(rounds, call.carry_outs, strict=False))
    cotangents |= {n + j: out for j, out in zip(moving, row_outs, strict=True)}
    first = len(step.given)
    cotangents |= {first + k: out for k, out in zip(how.sums, call.carry_outs[len(rounds):], strict=True)}
    cotangents |= {first + k: _sum_of_products(pairs, stacked) for k, pairs in how.products.items()}
    return [(operands[k], c) for k, c in cotangents.items() if type(operands[k]) is Var]


def _sum_of_products(pairs: list, stacked: dict) -> Any:
    """The sum over all steps of outer products, as one product of matrices for each pair; or of rows."""
    total: Any = None
    for pair in pairs:
        a: Any
        b: Any
        a, b = [None if x is None else stacked[id(x)] for x in pair]
        if pair[1].ndim == 2:
            a, b = [None if x is None else np.reshape(x, (-1, x.shape[2])) for x in (a, b)]
        product: Any = np.sum(b, axis=0) if a is None else np.matmul(np.swapaxes(a, 0, 1), b)
        total = product if total is None else total + product
    return total


# ---------------------------------------------------------------------------- the two loops

def scan(trace: Trace, step: Callable, carry: Any, xs: Any, n: int, segment: int | None) -> tuple[Any, Any]:
    """`dp.scan` while a program is written down."""
    if n == 0 or len(live_tapes()) > 1:
        _require_short(n)
        return _run(step, carry, xs, range(n))
    if segment is not None and segment < n:
        return _scan_in_parts(trace, step, carry, xs, n, int(segment), again=True)
    return _scan(trace, step, carry, xs, n)


def _require_short(n: int) -> None:
    if n > LONGEST_UNROLLED:
        raise NotCompiledError(
            f"a scan of {n} steps, differentiated twice within a program, cannot be compiled.",
            "compile the gradient, and differentiate what dp.compile returned.")


def _scan(trace: Trace, step: Callable, carry: Any, xs: Any, n: int, again: bool = False,
          products: bool = True) -> tuple[Any, Any]:
    """The loop as one call. With `again`, nothing but the carry is stored for the way back.

    With `products`, weights' gradients are formed after the loop, as one product of matrices. In a long
    loop that is done block by block, while the cotangents of a block's steps are still in the cache:
    to store them all takes as much memory again, and twice the time.
    """
    leaves, carry_of = tree.flatten(carry)
    columns, row_of = tree.flatten(xs)
    m = len(leaves)
    inits, arrays = [_plain_of(x) for x in leaves], [_plain_of(x) for x in columns]
    traced = trace_step(
        trace, lambda given: _checked(step(carry_of(given[:m]), row_of(given[m:])), carry, 0),
        inits, [_example_row(x) for x in arrays], _integers(leaves), once=n == 1)
    tapes = live_tapes()
    how = plan(traced, products and not again, again) if tapes else NO_PLAN
    if how.products and n >= LONG:
        block = max(size for size in range(1, LARGEST_BLOCK + 1) if n % size == 0)
        if block >= LARGEST_BLOCK // 8:          # a rest would be a loop of its own, to be compiled, too
            return _scan_in_parts(trace, step, carry, xs, n, block, again=False)
    program = traced.body.program([*traced.results, *how.stored])
    program.inputs = traced.given
    call = ScanCall(trace, program, inits, arrays, n, reverse=False)
    trace.add(call)
    values = [*call.carry_outs, *call.y_outs[: len(traced.results) - m]]
    stacks = call.y_outs[len(traced.results) - m:]
    if tapes:
        form = Form(traced, how, [*leaves, *columns, *traced.owners], arrays, stacks, n)
        _record(tapes[-1], SCAN, form, values)
    return traced.unflatten(values)


def _scan_in_parts(trace: Trace, step: Callable, carry: Any, xs: Any, n: int, size: int,
                   again: bool) -> tuple[Any, Any]:
    """A loop over loops of so many steps; with `again`, each of these is run twice, and stores for itself."""
    whole = n // size
    folded = tree.map(lambda x: np.reshape(x[: whole * size], (whole, size, *shape(x)[1:])), xs)

    def some_steps(carry: Any, rows: Any) -> tuple[Any, Any]:
        return _scan(tracer(), step, carry, rows, size)

    carry, ys = _scan(trace, some_steps, carry, folded, whole, again, products=False)
    ys = tree.map(lambda y: np.reshape(y, (whole * size, *shape(y)[2:])), ys)
    if n > whole * size:
        rest = tree.map(lambda x: x[whole * size:], xs)
        carry, last = _scan(trace, step, carry, rest, n - whole * size)
        ys = tree.map(lambda *parts: np.concatenate(parts), ys, last)
    return carry, ys


def integrate(trace: Trace, step: Callable, state: Any, until: Callable, max_steps: int, dt: Any) -> Any:
    """`dp.integrate` while a program is written down."""
    tapes = live_tapes()
    if len(tapes) > 1:
        raise NotCompiledError("integrate, differentiated twice within a program, cannot be compiled.",
                               "compile the gradient, and differentiate what dp.compile returned.")
    leaves, state_of = tree.flatten(state)
    inits = [_plain_of(x) for x in leaves]
    if max_steps < 1:
        raise EventNotReached.after(max_steps, tree.map(_value_of, state), example(height_of(until, state)))
    length = 1.0 if dt is None else dt

    def one_step(given: list) -> tuple[Any, Any]:
        before = state_of(given[:-1])
        after = step(before) if dt is None else step(before, given[-1])
        after = in_form_of(before, after, 0)
        after = part_of_step(step, before, after, None, given[-1]) if dt is None else after
        return after, height_of(until, after)

    given = [*inits, _plain_of(length)]
    traced = trace_step(trace, one_step, given, [], _integers(leaves))
    *inits, dt_or_part = given
    how = plan(traced, products=False, again=False) if tapes else NO_PLAN
    program = traced.body.program([*traced.results, *how.stored])
    program.inputs = traced.given
    call = EventCall(trace, program, inits, height_of(until, state), dt_or_part, max_steps,
                     bool(tapes))
    trace.add(call)
    values: list = list(call.carry_outs)
    if tapes:
        slopes = _slopes(tapes[-1], lambda given: until(state_of(given)), values)
        _record_event(tapes[-1], EventForm(traced, how, leaves, length, call, slopes), values)
    return state_of(values)


class Slopes(NamedTuple):
    """The derivatives of `until` at the event."""

    back: list                           # by the state
    owners: dict[int, Var]               # what it used beside the state, by their ids
    shares: dict[int, Any]               # ... and the derivatives by these


def _slopes(tape: Tape, until: Callable, values: list) -> Slopes:
    arguments = [tape.input(x) if x.kind == "f" else x for x in values]
    start = len(tape)
    height = until(arguments)
    part = tape.cut(start)
    if not is_on(tape, height):
        raise LoopError("until does not depend on the state.", "return a number that falls to zero.")
    known = {id(x) for x in (*part, *arguments)}
    owners = {id(x): x for node in part for x in node.args if is_on(tape, x) and id(x) not in known}
    part.sweep([(height, 1.0)], keep=True)
    back = [_taken(x) if type(x) is Var else None for x in arguments]
    shares = {key: _taken(x) for key, x in owners.items()}
    return Slopes(back, owners, {key: x for key, x in shares.items() if x is not None})


class EventForm(NamedTuple):
    """What the node of an event keeps for its pullback."""

    step: Step
    plan: Plan
    leaves: list                         # the state at the start
    length: Any                          # of a whole step; perhaps a Var
    call: EventCall
    slopes: Slopes


class EventOperation(Loop):
    """The operation of an event's node: its pullback writes down the way back."""

    def pull(self, node: Node, g: Any) -> list:
        return [] if g is None else reverse_event(node.tape, node.kwargs["form"], dense(g))

    def sources(self, node: Node, i: int) -> list:
        return list(node.args)


EVENT = EventOperation("integrate")


def _record_event(tape: Tape, form: EventForm, values: list) -> None:
    """Put the state at the event on the tape, as one node."""
    n = len(values)
    owners = {id(x): x for x in form.step.owners} | form.slopes.owners
    given = [x for x in (*form.leaves, form.length, *owners.values()) if is_on(tape, x)]
    if not given:
        return
    traced = form.step.traced(n)
    whole = tape.record(EVENT, tuple(values[k] for k in traced), tuple(given), {"form": form})
    for i, k in enumerate(traced):
        values[k] = pick(whole, i)


def reverse_event(tape: Tape, form: EventForm, g: tuple) -> list:
    """Write down the way back from an event; returns pairs (operand, cotangent)."""
    step, how, leaves, length, event, slopes = form
    body, trace = step.body, step.body.parent
    assert trace is not None
    n = len(leaves)
    real = [k for k in range(n) if step.given[k].kind == "f"]
    arriving = {k: _zeros(step.given[k]) for k in real} | dict(zip(step.traced(n), g, strict=True))
    owners = {id(x): x for x in step.owners} | slopes.owners
    by_owner = {id(step.owners[k]): share for k, share in how.sums.items()}
    used = [key for key in owners if key in by_owner or key in slopes.shares]
    with body.writing():
        before = [step.seeds[k] if k in step.seeds else body.input(_zeros(step.given[k])) for k in real]
    after = [_zeros(step.given[k]) if step.back[k] is None else step.back[k] for k in real]
    if step.back[n] is None:
        raise LoopError("a step of integrate does not depend on dt.",
                        "use dt in step(state, dt), or leave dt out of integrate.")
    like = [by_owner.get(key, slopes.shares.get(key)) for key in used]
    shares = [by_owner.get(key, _zeros(x)) for key, x in zip(used, like, strict=True)]
    until_shares = [slopes.shares.get(key, _zeros(x)) for key, x in zip(used, like, strict=True)]
    outputs = [body.lift(constant(x)) for x in (*after, step.back[n], *shares)]
    calls = [call for k, call in enumerate(body.calls) if id(call) in how.late or k >= how.size]
    program = Program([], body.captures, calls, outputs)
    needs = program.used()
    rows = [(row, stack) for row, stack in zip(how.stored, event.y_outs, strict=True)
            if id(row) in needs and row is not step.given[n]]
    program.inputs = [*before, step.given[n], *(row for row, _ in rows)]
    call = ReverseEventCall(
        trace, program, [arriving[k] for k in real], [stack for _, stack in rows], event,
        [_zeros(step.given[k]) if slopes.back[k] is None else slopes.back[k] for k in real],
        [*shares, 0.0], until_shares)
    trace.add(call)
    pairs = [(leaves[k], out) for k, out in zip(real, call.carry_outs, strict=True)]
    pairs += [(owners[key], out) for key, out in zip(used, call.more_outs, strict=False)]
    pairs += [(length, call.more_outs[-1])]
    return [(x, c) for x, c in pairs if is_on(tape, x)]


def height_of(until: Callable, state: Any) -> Any:
    """What `until` gives, without a derivative."""
    with unrecorded():
        height = _plain_of(until(state))
    if shape(height) != ():
        raise LoopError(f"until returned an array of shape {shape(height)}.", "return one number.")
    return height
