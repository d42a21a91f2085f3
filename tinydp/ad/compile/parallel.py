"""The rows of a map spread over the cores, with the same bits whatever their number.

A program is cut where a loop can be spread: a `scan` that carries nothing, or sums to which each step adds.
What is between such loops is one function of machine code each; the loop is a function that does some of its
steps, and writes the rows that they make where they belong. Machine code leaves Python's lock alone, so
threads run side by side: each takes the next few steps. How many these are depends on the program alone, each
part sums on its own, and the sums are added in the order of the parts: so the threads make no difference.

    >>> from .trace import traced
    >>> from .loops import SCAN
    >>> import tinydp as dp
    >>> def total(w, xs):
    ...     return dp.scan(lambda sum, x: (sum + np.sin(w * x), None), 0.0, xs)[0]
    >>> program = traced(total, 2.0, np.zeros(100))
    >>> [spreads(op) for op in program.ops]
    [True]
    >>> run = with_spread_loops(program, "total", threads=2)
    >>> xs = np.linspace(0.0, 1.0, 100)
    >>> np.isclose(run(2.0, xs), total(2.0, xs), rtol=1e-14)
    np.True_
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from . import engine
from .blocks import Block
from .emitter import Emitter
from .expressions import Buffer
from .loops import SCAN, rows_like
from .lower import _called, _results, lowered
from .operations import SHAPING
from .parts import Carry, Loop, Row, Stack
from .products import sums_alone, sums_of_products
from .program import Op, Program, Value, example_of, values_in
from .statements import Function
from .views import whole

MOST_CHUNKS = 64                                 # at most, of a loop


def spreads(op: Op) -> bool:
    """Whether the steps of a loop can be done in any order, but for what they add to sums."""
    if op.prim is not SCAN or type(op.options["length"]) is not int or op.options["length"] < 2:
        return False
    return sums_alone(Loop(op))


def products_within(program: Program) -> Program:
    """As `products`, but for sums over the steps of loops that are spread: each part has its own."""
    return sums_of_products(program, but=spreads)


# ---------------------------------------------------------------------------- threads

def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_pools: dict[int, ThreadPoolExecutor] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)         # a child has none of the threads


def on_threads(work: Callable[[Any], None], parts: Iterator, threads: int) -> None:
    """`work` on each of the parts, by so many threads, of which this is one; each takes the next part."""
    def run() -> None:
        for part in parts:
            work(part)

    others: list[Future] = []
    if threads > 1:
        pool = _pools.get(threads) or _pools.setdefault(threads, ThreadPoolExecutor(threads - 1, "tinydp"))
        others = [pool.submit(run) for _ in range(threads - 1)]
    try:
        run()
    finally:
        errors = [other.exception() for other in others]         # waits for each
    for error in errors:
        if error is not None:
            raise error


# ---------------------------------------------------------------------------- the parts of a program

class KnownStep(NamedTuple):
    """One step on the way: from values that are known to others."""

    given: list                          # values, and constants
    made: list[Value]
    run: Callable[..., Any]
    is_view: bool = False                # what it makes is the memory that it is given


def with_spread_loops(program: Program, label: str, threads: int) -> Callable | None:
    """The program as one function that spreads its loops; None if there is nothing to spread."""
    stages = _staged(program)
    if stages is None:
        return None
    number = itertools.count()
    steps = []
    for serial, parallel in stages:
        steps += _of_serial(program, serial, f"{label}_{next(number)}", stages)
        steps += [_of_loop(op, f"{label}_rows_{next(number)}", threads) for op in parallel]
    return Spread(program, steps).run


Stage = tuple[list[Op], list[Op]]


def _staged(program: Program) -> list[Stage] | None:
    """The operations in stages: those that are done by one thread, then loops that are spread.

    None if there are no such loops, or a number of steps that is found out would go from one part to another.
    """
    stage: dict[Value, int] = {}
    stages: list[Stage] = []
    if not any(map(spreads, program.ops)):
        return None
    for op in program.ops:
        k = max([stage.get(x, 0) for x in op.operands], default=0)
        while len(stages) <= k:
            stages.append(([], []))
        is_spread = spreads(op)
        stages[k][is_spread].append(op)
        stage.update(dict.fromkeys(op.outs, k + is_spread))
        if any(x.kind == "i" for x in op.outs):
            return None
    return stages


class Spread:
    """A program in steps."""

    def __init__(self, program: Program, steps: list[KnownStep]):
        places = {x: k for k, x in enumerate(program.inputs)}
        for step in steps:
            places |= {x: k for k, x in enumerate(step.made, len(places))}
        self.given, self.size = len(program.inputs), len(places)
        self.steps = [(step.run, [_place(x, places) for x in step.given], [places[x] for x in step.made])
                      for step in steps]
        self.outputs = [_place(x, places) for x in program.outputs]
        memory = {k: k for k in places.values()}             # whose memory a value is
        for step in steps:
            if step.is_view:
                memory[places[step.made[0]]] = memory[places[step.given[0]]]
        taken = {*range(self.given)}
        self.copied: list[bool] = []             # outputs that have no memory of their own
        for k, _ in self.outputs:
            self.copied.append(k is None or memory[k] in taken)
            taken |= set() if k is None else {memory[k]}

    def run(self, *args: Any) -> Any:
        """The results of the program."""
        values: list[Any] = [*args, *(None,) * (self.size - len(args))]
        for run, given, made in self.steps:
            results = run(*[x if k is None else values[k] for k, x in given])
            for k, x in zip(made, results, strict=True):
                values[k] = x
        found = [x if k is None else values[k] for k, x in self.outputs]
        found = [x.copy() if copied and type(x) is np.ndarray else x
                 for x, copied in zip(found, self.copied, strict=True)]
        return found[0] if len(found) == 1 else tuple(found)


def _place(x: Any, places: dict[Value, int]) -> tuple[int | None, Any]:
    """Where a value is found, or the constant that it is."""
    if type(x) is Value:
        return places[x], None
    x = example_of(x)
    return None, float(x) if type(x) is int else x


def _of_serial(program: Program, ops: list[Op], label: str, stages: list[Stage]) -> list[KnownStep]:
    """What one thread does: reshapes, for which nothing has to be done, and one function for the rest."""
    made = {x for op in ops if not _is_free(op) for x in op.outs}
    free, rest = list[KnownStep](), list[Op]()
    for op in ops:
        if _is_free(op) and made.isdisjoint(op.operands):
            sides = op.outs[0].shape
            free.append(KnownStep(list(op.args[:1]), op.outs, lambda x, sides=sides: (np.reshape(x, sides),),
                             is_view=True))
        else:
            made.update(op.outs)
            rest.append(op)
    if not rest:
        return free
    here = {x for op in rest for x in op.outs}
    mine = {id(op) for op in rest}
    others = [op for stage in stages for part in stage for op in part if id(op) not in mine]
    elsewhere = {*values_in(program.outputs)}.union(x for op in others for x in op.operands)
    outputs = [x for op in rest for x in op.outs if x in elsewhere]
    inputs = [*dict.fromkeys(x for op in rest for x in op.operands if x not in here)]
    module = lowered(Program(inputs, rest, outputs), label)
    code, constants, alone = engine.machine_code_of(module.functions), module.constants, len(outputs) == 1

    def run(*args: Any) -> Any:
        found = code(*args, *constants)
        return (found,) if alone else found

    return [*free, KnownStep(inputs, outputs, run)]


def _is_free(op: Op) -> bool:
    """Whether it is another shape of the same memory."""
    return (op.name in SHAPING and op.options.get("order", "C") == "C" and len(op.outs[0].shape) > 0
            and type(op.args[0]) is Value and op.args[0].ndim > 0)


# ---------------------------------------------------------------------------- one loop

def _of_loop(op: Op, label: str, threads: int) -> KnownStep:
    """A loop whose steps are spread."""
    loop = Loop(op)
    n, carries, rows = loop.steps, len(loop.carries), len(loop.rows)
    size = -(-n // MOST_CHUNKS)
    sizes = {size, n % size or size}
    code = {k: _some_steps(loop, k, f"{label}_{k}") for k in sizes}
    bounds = tuple([(k, min(k + size, n)) for k in range(0, n, size)])
    stacks = [((n, *x.stack.shape[1:]), bool if x.stack.kind == "b" else float) for x in loop.stacks]

    def run(*args: Any) -> list:
        inits, columns, captured = args[:carries], args[carries: carries + rows], args[carries + rows:]
        made = [np.empty(sides, kind) for sides, kind in stacks]
        sums: list[Any] = [None] * len(bounds)

        def work(part: tuple[int, tuple[int, int]]) -> None:
            k, (start, stop) = part
            run, constants = code[stop - start]
            here = slice(start, stop)
            found = run(*(x[here] for x in columns), *captured, *(y[here] for y in made), *constants)
            sums[k] = (found,) if carries == 1 else found

        on_threads(work, enumerate(bounds), min(threads, len(bounds)))
        totals = list(inits)
        for part in sums:                        # in their order, whoever was first
            totals = [total + x for total, x in zip(totals, part, strict=True)]
        return [*totals, *made]

    return KnownStep([*op.args[: carries + rows], *_captured(loop)], op.outs, run)


def _captured(loop: Loop) -> list[Value]:
    """The values around that all steps use."""
    return [*dict.fromkeys(values_in(c.outer for c in loop.captures))]


def _some_steps(loop: Loop, n: int, label: str) -> tuple[Callable, list]:
    """So many steps as machine code: a function of rows, of what is captured, and of memory for new rows.

    It returns the sums, which begin at zero.
    """
    part = Loop(loop.source)
    part.steps = n
    part.carries = [Carry(np.zeros(c.input.shape) if c.input.shape else 0.0, c.input, c.output,
                          c.last.again(None)) for c in loop.carries]
    part.rows = [Row(rows_like(r.input, n), r.input) for r in loop.rows]
    part.stacks = [Stack(s.output, Value(np.broadcast_to(np.zeros((), np.asarray(s.stack.example).dtype),
                                                         (n, *s.stack.shape[1:])))) for s in loop.stacks]
    op = part.op()
    op = op.with_(options=op.options | {"length": n})
    program = Program([*(r.stack for r in part.rows), *_captured(loop)], [op], op.outs)
    return _writing(program, [c.last for c in part.carries], [s.stack for s in part.stacks], label)


def _writing(program: Program, results: list[Value], written: list[Value], label: str
             ) -> tuple[Callable, list]:
    """A program that returns some of its outputs, and writes the others to its last arguments."""
    to = Emitter(False, _called(program) + Counter(x.label for x in program.inputs))
    inputs = [to.parameter(x) for x in program.inputs]
    places: dict[Value, list] = {}
    for x in written:
        buffer = Buffer("rows", x.shape, x.kind, "output")
        inputs.append(buffer)
        places[x] = [whole(buffer)]
    Block(to, program, places).write()
    function = Function(label, [*inputs, *(buffer for buffer, _ in to.constants)], [*to.head, *to.body],
                        _results(to, results))
    return engine.machine_code_of([function]), [x for _, x in to.constants]
