"""From a function to a program: it is run on values that are not known yet.

    >>> def f(x, w):
    ...     for k in range(2):
    ...         x = np.tanh(w @ x)
    ...     return x
    >>> print(traced(f, np.zeros(3), np.eye(3)))
    given x: f(3,), w: f(3, 3)
    t: f(3,) = matmul(w, x)
    x_1: f(3,) = tanh(t)
    t_1: f(3,) = matmul(w, x_1)
    x_2: f(3,) = tanh(t_1)
    return x_2

`scan` and `integrate` stay loops: their step is run once, and what it does is the body. What the step finds
around is captured, variables of a differentiation under way among them: these are operands of the loop as
the others are, so the loop is one node of the tape.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import EventNotReached, LoopError, Spot, innermost_spot, is_numpy
from ..loops import _checked, _run, in_form_of, part_of_step
from ..primitives import parameters_of, sweeping, witness
from ..tape import Var
from ..values import is_condition, is_discrete, is_integer, plain, shape
from ..watch import live_tapes, traced_by, tracer
from . import manners as _manners  # noqa: F401  (gives proxies their operators)
from .adjoint import value_of
from .effects import STEP, difference, refuse, run_again
from .held import Arrays
from .kinds import as_kind, as_numbers, constant, example, of_64_bits
from .loops import EVENT, SCAN, event_options, scan_options
from .marks import ALIAS, MARKED, STOPPED, MarkForm
from .program import Program, Value
from .proxy import Proxy, recorded
from .record import Builder, innermost
from .tracing_tape import TracingTape


class Trace:
    """What is known of a function while it is traced."""

    def __init__(self, reruns: int = 0) -> None:
        self.arrays = Arrays()
        self.raising = 0                         # what Python's numbers in the program would raise for
        self.reruns = reruns                     # how often a step is run again, to see if it is the same
        self.serial = 0                          # of the aliases
        self._place: tuple | None = None         # of the operation that is repeated, or pulled back

    @contextlib.contextmanager
    def writing(self, builder: Builder | None = None) -> Iterator[Builder]:
        """A context in which loops and tapes know that a program is being written down."""
        builder = builder or Builder(guarded=True)
        builder.trace_here = self
        with traced_by(self, TracingTape, fresh=True), builder.active():
            before = witness.set(self.arrays.see)
            try:
                yield builder
            finally:
                witness.reset(before)
                builder.trace_here = None        # what is kept of its values cannot go on

    @contextlib.contextmanager
    def apart(self, builder: Builder) -> Iterator[None]:
        """A context for another program, that has nothing to do with what is under way."""
        place, self._place = self._place, None
        token = sweeping.set(False)
        try:
            with self.writing(builder):
                yield
        finally:
            sweeping.reset(token)
            self._place = place

    # -- where we are

    def place(self) -> tuple[Spot | None, bool]:
        """The user's line, and whether it is passed on the way back."""
        return self._place or (innermost_spot(_is_engine), False)

    @contextlib.contextmanager
    def at(self, spot: Spot | None, back: bool) -> Iterator[None]:
        """A context in which an operation of this place is repeated."""
        before, self._place = self._place, (spot, back)
        try:
            yield
        finally:
            self._place = before

    # -- what the tape asks for

    def variable(self, x: Any) -> Any:
        """A variable to differentiate by: a value of its own, that nothing else is."""
        self.serial += 1
        x = as_numbers(x)
        alias, known = ALIAS(x, n=self.serial), plain(x)
        if isinstance(known, Proxy):
            plain(alias).value.label = known.value.label     # not that of what is made of it on this line
        return alias

    def stopped(self, x: Any) -> Any:
        """The value, without the path that leads to it."""
        self.serial += 1
        return recorded(STOPPED, (x,), {"n": self.serial})[0]

    def marked(self, custom: Any, leaves: list, call: Callable, options: dict) -> Any:
        """The result of a function with a gradient of its own."""
        y = custom.fn(*call([self.stopped(x) if isinstance(x, Proxy) else x for x in leaves]), **options)
        results, result = tree.flatten(y)
        real = [k for k, x in enumerate(results) if not is_discrete(x)]
        if not real:
            return y
        form = MarkForm(custom, call, result, real, len(results), options)
        values = [self.arrays.kept(constant(x)) for x in (
            *(results[k] for k in (*real, *form.others)), *leaves)]
        made = recorded(MARKED, tuple(values), {
            "form": form, "key": form.key(len(leaves)), "serial": id(custom)})
        for k, x in zip(real, made, strict=True):
            results[k] = x
        return result(results)

    def scan(self, *args: Any) -> Any:
        """`dp.scan`, as one operation."""
        return scan(*args)

    def integrate(self, *args: Any) -> Any:
        """`dp.integrate`, as one operation."""
        return integrate(*args)


@functools.cache
def _is_engine(file: str) -> bool:
    return file.startswith(_ENGINE) or is_numpy(file)


_ENGINE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


# ---------------------------------------------------------------------------- a step

class Region(NamedTuple):
    """A step that was run once: the program that it is."""

    body: Program
    captured: list                       # what it uses of the program around, for the last inputs of the body
    unflatten: Callable                  # from its outputs to the structure that the step returned


def region(step: Callable, examples: list, labels: list[str], carry: int) -> Region:
    """Run `step`, a function of a list of values like these examples, and write down what it does.

    A condition where there is a number among the first inputs, the carry, becomes 0 or 1 again, and an
    integer where there is a real number becomes one.
    """
    tapes = live_tapes()
    starts = [len(tape) for tape in tapes]
    builder = Builder(innermost())
    with builder.active():
        given = [Proxy(builder, builder.input(*x)) for x in zip(examples, labels, strict=True)]
        leaves, unflatten = tree.flatten(step(given))
        results = [plain(x) for x in leaves]
        results[:carry] = [as_kind(x, y.kind) for x, y in zip(results, given[:carry], strict=False)]
        values = [value_of(x) for x in results]
    owners = _owners(builder, tapes, starts, leaves)
    body, captured = builder.closed(values)
    assert builder.parent is not None
    parent = builder.parent
    around = [owners[x] if x in owners else Proxy(parent, parent.lift(x)) for x in captured]
    return Region(body, around, unflatten)


def _owners(builder: Builder, tapes: tuple, starts: list[int], leaves: list) -> dict[Value, Var]:
    """The variables around that a step uses, by their values; its own nodes are taken off the tapes.

    Where a differentiation is under way around a loop, what the step does with one of its variables is put on
    that tape, node by node, as in any program. But the loop is to be one node. So the nodes whose value is
    made inside go, and what they have as operands from outside are operands of the loop. A node whose value
    was moved out of the loop, since it needs nothing of it, stays.
    """
    used = list(leaves)

    def inside(node: Any) -> bool:
        values = node.value if type(node.value) is tuple else (node.value,)
        proxies = [x for x in map(plain, values) if isinstance(x, Proxy)]
        return any(x.builder.depth >= builder.depth for x in proxies)

    for tape, start in zip(tapes, starts, strict=True):
        for node in tape.without(start, inside):
            used += node.args
    owners: dict[Value, Var] = {}
    for x in used:
        if type(x) is Var and not inside(x):
            value = plain(x)
            if isinstance(value, Proxy):
                known = owners.get(value.value)
                if known is None or x.tape.age > known.tape.age:
                    owners[value.value] = x
    return owners


def settled_region(step: Callable, inits: list, rows: list, labels: list[str], once: bool = False) -> Region:
    """The step as a program that keeps the kinds of its carry; for that, `inits` may be changed.

    Where the carry starts as a condition and goes on as a number, its start is made one, 0 or 1; so it is
    where an integer goes on as a real number. The step is run again, and has to be the same program, unless
    it is to be made `once`.
    """
    trace = tracer()
    examples = [example(plain(x)) for x in inits] + rows
    serial = trace.serial
    found = region(step, examples, labels, len(inits))
    changed = [k for k, (x, y) in enumerate(zip(inits, found.body.outputs, strict=False))
               if _rank(x) < _rank(y)]
    for k in changed:
        inits[k] = as_kind(inits[k], _KINDS[_rank(found.body.outputs[k])])
    if changed:
        return settled_region(step, inits, rows, labels, once)
    for _ in range(0 if once else trace.reruns):
        trace.serial = serial
        again = run_again(STEP, lambda: region(step, examples, labels, len(inits)))
        _require_equal(found, again)
    return found


_KINDS = "bif"                                   # what becomes what, if it is carried on as that


def _rank(x: Any) -> int:
    """The place of a kind among these, of a value, a constant or a variable."""
    if type(x) is Value:
        return _KINDS.index(x.kind)
    return 0 if is_condition(x) else 1 if is_integer(x) else 2


def _require_equal(first: Region, again: Region) -> None:
    """Raise `SideEffectError` unless the step did the same in both runs, with the same values around."""
    found = difference(first.body, again.body)
    if found is None and repr(first.unflatten([*range(len(first.body.outputs))])) != repr(
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
    """A value that was captured, as the program has it that made it."""
    outer = next((outer for outer, inner in x.builder.captured.items() if inner is x.value), None)
    return x if outer is None or x.builder.parent is None else _where_made(Proxy(x.builder.parent, outer))


def _change_around(x: Proxy, y: Proxy, alike: set) -> tuple[str, Spot | None] | None:
    """How a value around differs from that of the first run; None if they are the same, or made `alike`."""
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


# ---------------------------------------------------------------------------- loops

def scan(step: Callable, carry: Any, xs: Any, n: int, segment: int | None) -> tuple[Any, Any]:
    """`dp.scan` while a program is written down."""
    if n == 0:
        return _run(step, carry, xs, range(0))
    if segment is not None and segment < n:
        return _scan_in_segments(step, carry, xs, n, int(segment))
    return _scan(step, carry, xs, n)


def _scan(step: Callable, carry: Any, xs: Any, n: int, again: bool = False) -> tuple[Any, Any]:
    leaves, carry_of = tree.flatten(carry)
    columns, row_of = tree.flatten(xs)
    m = len(leaves)
    inits, arrays = [*map(_as_number, leaves)], [*map(_as_number, columns)]
    tracer().arrays.see([*inits, *arrays])

    def flat(given: list) -> Any:
        return _checked(step(carry_of(given[:m]), row_of(given[m:])), carry, 0)

    labels = [*(_label(path, "carry") for path, _ in tree.leaves(carry)),
              *(_label(path, "x") for path, _ in tree.leaves(xs))]
    found = settled_region(flat, inits, [*map(_example_row, arrays)], labels, once=n == 1)
    options = scan_options(found.body, m, len(arrays), n, again=again)
    return found.unflatten(SCAN(*map(_kept, (*inits, *arrays)), *found.captured, **options))


def _scan_in_segments(step: Callable, carry: Any, xs: Any, n: int, size: int) -> tuple[Any, Any]:
    """A loop over loops of so many steps, each of which is run again on the way back."""
    whole = n // size
    folded = tree.map(lambda x: np.reshape(x[: whole * size], (whole, size, *shape(x)[1:])), xs)
    carry, ys = _scan(lambda carry, rows: _scan(step, carry, rows, size), carry, folded, whole, again=True)
    ys = tree.map(lambda y: np.reshape(y, (whole * size, *shape(y)[2:])), ys)
    if n > whole * size:
        carry, last = _scan(step, carry, tree.map(lambda x: x[whole * size:], xs), n - whole * size)
        ys = tree.map(lambda *parts: np.concatenate(parts), ys, last)
    return carry, ys


def integrate(step: Callable, state: Any, until: Callable, max_steps: int, dt: Any) -> Any:
    """`dp.integrate` while a program is written down."""
    leaves, state_of = tree.flatten(state)
    n = len(leaves)
    inits, length = [*map(_as_number, leaves)], as_numbers(_as_number(1.0 if dt is None else dt))
    tracer().arrays.see(inits)
    if max_steps < 1:
        height = example(plain(_height(until, state)))
        raise EventNotReached.after(max_steps, tree.map(lambda x: example(plain(x)), state), height)

    def one_step(given: list) -> tuple[Any, Any]:
        before = state_of(given[:n])
        after = step(before) if dt is None else step(before, given[n])
        after = in_form_of(before, after, 0)
        after = part_of_step(step, before, after, None, given[n]) if dt is None else after
        return after, _height(until, after)

    labels = [*(_label(path, "state") for path, _ in tree.leaves(state)), "h"]
    found = settled_region(one_step, inits, [example(plain(length))], labels)
    height = plain(_height(until, state))
    results = EVENT(*map(_kept, (*inits, height, length)), *found.captured,
                    **event_options(found.body, n, max_steps))
    return state_of(results[:n])


def _height(until: Callable, state: Any) -> Any:
    height = until(state)
    if shape(height) != ():
        raise LoopError(f"until returned an array of shape {shape(height)}.", "return one number.")
    return as_numbers(_as_number(height))


def _as_number(x: Any) -> Any:
    """A number or an array as programs hold it; integers have 64 bits."""
    if type(x) is Var or isinstance(x, Proxy):
        return x
    return of_64_bits(constant(x))


def _kept(x: Any) -> Any:
    return tracer().arrays.kept(x)


def _example_row(x: Any) -> Any:
    row = example(plain(x))[0]
    return row.item() if isinstance(row, np.generic) else np.array(row)


def _label(path: str, default: str) -> str:
    """The name at the end of a path to a leaf, such as `.theta` or `['theta']`."""
    return path.rpartition(".")[2].strip("[]'") if not path[-2:-1].isdigit() and path else default


# ---------------------------------------------------------------------------- a function

def traced(f: Callable, *examples: Any) -> Program:
    """The program that `f` is for arguments like these, numbers or arrays."""
    with Trace().writing() as builder:
        labels = dict(enumerate(p.name for p in parameters_of(f) if p.kind != p.VAR_POSITIONAL))
        given = [Proxy(builder, builder.input(x, labels.get(k, ""))) for k, x in enumerate(examples)]
        return builder.program([value_of(x) for x in tree.flatten(f(*given))[0]])
