"""Loops as one node of the tape: `scan`, of so many steps, and `integrate`, up to an event.

An ordinary Python loop is recorded step by step, and that is right as well. These two say what
the loop is, which serves whoever reads a recorded tape, and lets `compile` keep it a loop.

    >>> from tinydp import grad
    >>> def balance(rate):
    ...     grown, yearly = scan(lambda money, _: (money * (1 + rate), money * rate), 100.0, length=10)
    ...     return grown
    >>> print(f"{balance(0.05):.2f}, {grad(balance)(0.05):.2f}")
    162.89, 1551.33

How long does a ball fall, and how does that depend on gravity? t = sqrt(2 h / g):

    >>> def fall(gravity):
    ...     def step(ball, dt):
    ...         height, speed, time = ball
    ...         return height + dt * speed - dt**2 * gravity / 2, speed - dt * gravity, time + dt
    ...     return integrate(step, (5.0, 0.0, 0.0), until=lambda ball: ball[0], dt=0.3)[2]
    >>> print(f"{fall(10.0):.6f} s, {grad(fall)(10.0):.6f} s per m/s^2")
    1.000000 s, -0.050000 s per m/s^2
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from . import fast, tree
from .advice.calling import with_option
from .advice.naming import Advice
from .advice.returns import returned_by
from .again import IN_A_LOOP, fingerprint, outside, require_same
from .along import columns
from .carry import in_form_of, require_numbers
from .errors import (
    ConversionError,
    EventJumpedOver,
    EventNotReached,
    LoopError,
    NotFiniteError,
    Spot,
    SteepGradientWarning,
    StructureError,
    user_place,
    user_spot,
)
from .events import Bracket, excursion, first_root, heads_over, jumps, passed
from .origin import from_numpy
from .parts import RESIDUALS, Keeping, Residuals
from .primitives import pick
from .rules.shaping import python_row
from .steps import StepStart, noter, with_steps
from .tape import EndedTape, Node, Tape, Var
from .tracebacks import called_by_the_user
from .transforms import vjp
from .twins import twin
from .values import Abstract, abstract, is_condition, is_on, own, plain, settle, shape
from .watch import OutOfTime, WatchedTape, live_tapes, reopened, time_limit, tracer

# ---------------------------------------------------------------------------- scan


@called_by_the_user
def scan(step: Callable, carry: Any, xs: Any = None, length: int | None = None,
         segment: int | None = None) -> tuple[Any, Any]:
    """Run `carry, y = step(carry, x)` for each `x` along the first axis of `xs`.

    Returns the last carry, and all `y` stacked along a new first axis. `carry`, `x` and `y` are
    numbers, arrays, or nested structures of them; the carry keeps its structure and shapes. What is static
    in it may change, as an enum or a text does that says in which state a machine is. Without `xs`, `x` is
    None and `length` says how many steps to make. A row of an array of one axis is one of Python's numbers,
    which are faster than NumPy's. `step` may use traced values from its surroundings.

    `range`, `enumerate`, `zip` and other iterators over rows may be `xs`, or stand in it for an array:
    `xs=enumerate(table)` gives the pairs (k, table[k]), `xs=zip(a, b)` the pairs (a[k], b[k]) until the
    shorter of both ends. As ever in Python, an iterator gives its rows once.

    Where there are no rows, `step` is tried once, with a row of zeros, to see how `y` is built: the result
    has its structure, shapes and dtypes, without rows, and the carry is the first one.

    `segment` limits the memory of a long loop: only every `segment`-th carry is kept, and the steps
    between are computed again in the backward pass. About sqrt(length) needs least.

    Raises `LoopError` if the carry changes its structure or a shape, if the lengths disagree, or if there are
    no rows and `step` fails with zeros.

        >>> weighed, _ = scan(lambda s, x: (s + x[0] * x[1], None), 0.0, enumerate(np.array([5.0, 6.0, 7.0])))
        >>> weighed
        20.0
        >>> total, partial = scan(lambda s, x: (s + x, s + x), 0.0, np.array([1.0, 2.0, 3.0]))
        >>> total, partial
        (6.0, array([1., 3., 6.]))
    """
    require_known(length=length, segment=segment)
    step, carry, xs = twin(step), tree.settled_leaves(carry), columns(tree.settled_leaves(xs))
    if isinstance(xs, (int, np.integer)) and length is None:
        raise _number_as_rows(int(xs))
    n = _length(xs, length)
    require_numbers(carry)
    if segment is not None and (segment != int(segment) or segment < 1):
        raise LoopError(f"segment={segment!r} is not a number of steps.", "pass an integer of 1 or more.")
    compiling = tracer()
    if compiling is not None:
        return compiling.scan(step, carry, xs, n, segment)
    if segment is None or segment >= n or not live_tapes():
        return _as_one_node(SCAN_ON_TAPE, lambda: _run(step, carry, xs, range(n)), (carry, xs))
    return _as_one_node(SCAN_ON_TAPE, lambda: _run_in_segments(step, carry, xs, n, int(segment)), (carry, xs))


def _run(step: Callable, carry: Any, xs: Any, steps: range, as_row: Callable = lambda x: x
         ) -> tuple[Any, Any]:
    """The steps one after the other."""
    first, ys, end, note = carry, [], time_limit.get(), noter()
    carry = tree.copied(carry)                   # a step may change an object that it is given
    for k in steps:
        if end is not None:
            _require_time(end)
        if note is not None:
            note(f"step {k}")
        carry, y = _checked(step(carry, tree.map(lambda x, k=k: as_row(_row(x, k)), xs)), first, k, step)
        ys.append(tree.copied(y))
    if note is not None:
        note("what is stacked")
    return carry, _stacked(ys) if ys else _no_rows(step, first, xs)


def _no_rows(step: Callable, carry: Any, xs: Any) -> Any:
    """What a scan of no steps stacks: nothing of it depends on anything, so that plain values do."""
    carry = tree.copied(tree.map(_known, carry))
    row = tree.map(lambda x: _row(np.zeros((1, *shape(x)[1:]), np.asarray(_known(x)).dtype), 0), xs)
    try:
        with np.errstate(all="ignore"):
            y = _checked(step(carry, row), carry, 0, step)[1]
    except (ArithmeticError, LookupError, ValueError) as error:
        raise LoopError(f"scan has no rows to run along, and step fails with one of zeros, by which it would "
                        f"see how y is built: {type(error).__name__}: {error}",
                        "leave the scan out where there are no rows.") from error
    return tree.map(lambda stack: stack[:0], _stacked([tree.map(_known, y)]))


def _known(x: Any) -> Any:
    """Its number or array now; where a program is written down, that of the example."""
    x = plain(x)
    return x.example if isinstance(x, Abstract) else x       # type: ignore[attr-defined]


def require_known(**counts: Any) -> None:
    """Raise `ConversionError` where a count of steps is a value of a program that is compiled."""
    for name, n in counts.items():
        if abstract(n):
            raise ConversionError.unknown(f"{name}=n", "make n a static= argument of dp.compile.")


def _number_as_rows(n: int) -> LoopError:
    place = user_place()
    new = with_option(place.expression, "length", str(n), 2)
    return LoopError("xs is a single number: there is nothing to run along.",
                     Advice("write {} for so many steps.", new or f"length={n}"), place)


def _require_time(end: float) -> None:
    if time.perf_counter() > end:
        raise OutOfTime


def _row(x: Any, k: int) -> Any:
    if type(x) is Var and len(shape(x)) == 1:
        return python_row(x, k)
    row = x[k]
    return row.item() if isinstance(row, np.generic) else row    # Python's numbers are faster


def _run_in_segments(step: Callable, carry: Any, xs: Any, n: int, segment: int) -> tuple[Any, Any]:
    """The steps, so many at a time as one node each; its runs see carry and rows as they were given."""
    xs = tree.map(own, xs)
    pieces, note = [], noter()
    for start in range(0, n, segment):
        steps, given = range(start, min(start + segment, n)), tree.map(own, carry)
        if note is not None:
            note(f"steps {start} to {steps[-1]}")

        def run(steps: range = steps, given: Any = given) -> tuple[Any, Any]:
            return _run(step, tree.map(own, given), xs, steps, own)

        carry, ys = _as_one_node(REPEATED_SCAN, run, (given, xs))
        pieces.append(ys)
    if note is not None:
        note("what is stacked")
    return carry, tree.map(lambda *parts: np.concatenate(parts), *pieces)


def _length(xs: Any, length: int | None) -> int:
    """How many steps to make."""
    sizes = {}
    for path, x in tree.leaves(xs):
        if not shape(x):
            raise LoopError(f"xs{path} is a single number: there is nothing to run along.",
                            "pass arrays, with one row a step, and a list of rows as iter(rows); a constant "
                            "can stay outside of xs.")
        sizes[f"xs{path} has {shape(x)[0]} rows"] = shape(x)[0]
    if length is not None:
        if length != int(length) or length < 0:
            raise LoopError(f"length={length!r} is not a number of steps.", "pass an integer of 0 or more.")
        sizes[f"length is {length}"] = int(length)
    if not sizes:
        place = user_place()
        new = with_option(place.expression, "length", "n")
        raise LoopError("scan needs to know how many steps to make.",
                        Advice("pass xs, or length=: {} for n steps.", new) if new else
                        "pass xs, or length=.",
                        place)
    if len(set(sizes.values())) > 1:
        raise LoopError(f"the lengths disagree: {', '.join(sizes)}.", "give every array one row a step.")
    return next(iter(sizes.values()))


def _checked(result: Any, first: Any, k: int, step: Any = None) -> tuple[Any, Any]:
    """The pair that a step returned, if its carry is built and shaped as the first one was."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise LoopError(f"step {k} of scan returned {tree.describe(result)}.",
                        Advice("return a pair: the new carry, and y (or None), such as {}.",
                               f"({code}, None)")
                        if (code := returned_by(step)[1]) else
                        "return a pair: the new carry, and y (or None).")
    return in_form_of(first, result[0], k, may_change=True), result[1]


def _stacked(ys: list) -> Any:
    try:
        return tree.map(lambda *rows: np.stack(rows), *ys) if ys else None
    except StructureError as error:
        raise LoopError(f"the steps of scan returned y's that are not built alike: {error.what}",
                        "return y of the same structure in each step; a text or an enum in it stays the "
                        "same, a number or a condition may change.") from None


# ---------------------------------------------------------------------------- integrate

@called_by_the_user
def integrate(step: Callable, state: Any, until: Callable, max_steps: int = 100_000,
              dt: Any = None) -> Any:
    """Step until `until(state)`, a number, falls to zero; returns the state there.

    `state` is a number, an array, or a nested structure of them, and keeps its structure and shapes; so
    does the result. `dt` is in the unit of time that `step` takes.

    `step(state, dt)` returns the state `dt` later. The last step is made anew with the length
    that ends at the event exactly, and the derivative of that length is the exact one of the
    event's time: at until(step(state, h, p)) = 0, dh/dp = -(d until/dp) / (d until/dh), the
    implicit function theorem. For the time itself, keep a clock in the state.

    Without `dt`, `step(state)` always makes the same step, and the event is located on the straight
    line between two states; its error falls with the square of the step.

    The event is a change from positive to zero or below: a state that begins at zero, such as a
    ball on the ground, first has to rise. Of several changes it is the first, as far as they can be
    told by few looks into a step: `events.py` says how far. `step` and `until` may use traced values.

    Raises `EventNotReached`, which has the last state as `.state`, after `max_steps` steps;
    `NotFiniteError` if `until` gives nan; `LoopError` if the state changes its form; and, if it is
    differentiated, `EventJumpedOver` where `until` or the state jumps, so that there is no root.

    A ball falls 2 m: after how many seconds is it on the ground, and how much later per metre more?

        >>> def fall_time(height):
        ...     step = lambda s, dt: (s[0] + dt, s[1] + dt * s[2] - 4.905 * dt * dt, s[2] - 9.81 * dt)
        ...     return integrate(step, (0.0, height, 0.0), lambda s: s[1], dt=0.1)[0]
        >>> from tinydp import grad
        >>> print(f"{fall_time(2.0):.4f} s, {grad(fall_time)(2.0):.4f} s per m")
        0.6386 s, 0.1596 s per m
    """
    require_known(max_steps=max_steps)
    step, until, state = twin(step), twin(until), tree.settled_leaves(state)
    require_numbers(state)
    compiling = tracer()
    if compiling is not None:
        return compiling.integrate(step, state, until, max_steps, dt)
    return _as_one_node(INTEGRATE_ON_TAPE, lambda: _integrate(step, state, until, max_steps, dt), (state, dt))


class LastStep(NamedTuple):
    """The step with the event in it: the states at its ends, and the lengths between which the event is."""

    before: Any
    after: Any
    bracket: Bracket


def _integrate(step: Callable, state: Any, until: Callable, max_steps: int, dt: Any) -> Any:
    def heights(before: Any, after: Any) -> Callable[[float], float]:
        """`until`, along a step."""
        def height(h: float) -> float:
            with unrecorded():
                return not_nan(plain(until(part_of_step(step, before, after, dt, h))), "within a step")
        return height

    note = noter()
    last = _last_step(step, state, until, max_steps, dt, heights, note)
    before, after, bracket = last
    found = first_root(heights(before, after), bracket)
    if note is not None:
        note("to the event")

    def end(h: Any) -> Any:
        return part_of_step(step, before, after, dt, h)

    if not live_tapes():
        return end(found.below)
    _require_root(heights(before, after), last, found, lambda h: _rounded_from(
        lambda a, b: until(part_of_step(step, a, b, dt, h)), (before, after)))
    if not _moves(last, dt, until(end(found.below))):
        return end(found.below)
    return end(polished(lambda h: until(end(h)), found.below))


def _last_step(step: Callable, state: Any, until: Callable, max_steps: int, dt: Any,
               heights: Callable, note: Callable[[str], None] | None) -> LastStep:
    """The step in which the event comes; or one that turns out to have gone over zero and back."""
    first, height, whole = state, plain(until(state)), 1.0 if dt is None else float(plain(dt))
    end = time_limit.get()
    if shape(height) != ():
        raise LoopError(f"until returned an array of shape {shape(height)}.", "return one number.")
    oldest = older = side = height               # `side`: the last that is not zero
    before: Any = None
    rose: int | None = None

    def looked_into(start: float, stop: float) -> LastStep | None:
        found = excursion(heights(before, state), start, whole, stop)
        return found and LastStep(before, state, found)

    for k in range(max_steps):
        if end is not None:
            _require_time(end)
        if note is not None:
            note(f"step {k}")
        given = tree.copied(state)               # it may be changed
        new = in_form_of(first, step(given) if dt is None else step(given, dt), k)
        below = not_nan(plain(until(new)), f"after step {k}")
        if below <= 0 < height:
            return LastStep(state, new, Bracket(0.0, float(height), whole, float(below)))
        if k and passed(k, oldest, older, height, below) and (last := looked_into(older, height)):
            return last
        if side < 0 < below:
            rose = k
        side = below or side
        before, state, oldest, older, height = state, new, older, height, below
    unsure = max_steps > 0 and (older > 0) == (height > 0) and (max_steps == 1 or heads_over(oldest, older))
    if unsure and (last := looked_into(older, height)):
        return last
    raise EventNotReached.after(max_steps, state, height, rose)


def not_nan(height: Any, where: str) -> Any:
    """The height, if it is a number."""
    if math.isnan(height):
        raise NotFiniteError(f"until is nan {where} of integrate.",
                             "a shorter dt may help; dp.debug_nans() finds where it begins.")
    return height


def _moves(last: LastStep, dt: Any, height: Any) -> bool:
    """Whether the event depends on something that is differentiated by."""
    return any(type(x) is Var for x in (*tree.flatten((last.before, last.after, dt))[0], height))


def _require_root(height: Callable, last: LastStep, found: Bracket, rounded_from: Callable) -> None:
    """Raise `EventJumpedOver` where the event is no root; `rounded_from(h)` says how `height` is rounded."""
    def size() -> float:
        return max(last.bracket.height_above, rounded_from(found.above), rounded_from(found.below))

    if jumps(height, last.bracket, found, size):
        raise EventJumpedOver.between(found.height_above, found.height_below)


def _rounded_from(f: Callable, states: tuple) -> float:
    """The largest number in some states, by what it is worth in the unit of `f(*states)`.

    The result is rounded as far as a number of this size. A number that `f` does not depend on, such as a
    count of years beside the position, says nothing of that.
    """
    leaves, fill = tree.flatten(tree.map(plain, states))
    at = [k for k, x in enumerate(leaves) if not is_condition(x)]

    def of_numbers(*xs: Any) -> Any:
        full = list(leaves)
        for k, x in zip(at, xs, strict=True):
            full[k] = x
        return f(*fill(full))

    with unrecorded(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", SteepGradientWarning)
        shares = [np.abs(plain(g) * leaves[k]) for k, g in
                  zip(at, vjp(of_numbers, *(leaves[k] for k in at))[1](1.0), strict=True)]
    return max([float(np.max(x, initial=0.0, where=~np.isnan(x))) for x in shares], default=0.0)


def part_of_step(step: Callable, before: Any, after: Any, dt: Any, h: Any) -> Any:
    """The state `h` into the last step: made anew, or without `dt` on the line to the next state.

    In this form, what is the same in both stays so, and a whole step, h = 1, ends at the next state, both to
    the last digit. A condition is that of the next state.
    """
    return step(tree.copied(before), h) if dt is not None else tree.map(
        lambda a, b: b if is_condition(b) else b - (1.0 - h) * (b - a), before, after)


def polished(height: Callable, h: Any) -> Any:
    """A root `h` of `height`, made to depend on all that `height` depends on; the number stays.

    Newton's step from a root stays there, and has the root's derivative; k of them, with a slope that
    is differentiated as well, have the first 2**k - 1. What rounding has left of the height is taken off.
    """
    levels = len(live_tapes())
    for _ in range(math.ceil(math.log2(levels + 1))):
        y, pullback = vjp(height, h)
        slope = pullback(1.0)[0]
        if plain(slope) == 0:
            raise NotFiniteError("the event is touched, not crossed: its time has no derivative.",
                                 "choose `until` so that it passes through zero with a slope.")
        if not math.isfinite(plain(slope)):
            raise NotFiniteError(f"at the event the slope of until is {plain(slope)}.",
                                 "choose `until` so that it passes through zero with a finite slope.")
        h = h - (y - plain(y)) / (slope if levels > 1 else plain(slope))
    return h


# ---------------------------------------------------------------------------- one node

@dataclass(eq=False)
class Inside(Residuals):
    """What a loop's node saves: the nodes of its steps, and which of them are the results."""

    part: Tape
    results: list[Var]
    steps: list[StepStart]               # where each begins, if the tape is watched

    def nodes_inside(self) -> Tape:
        return self.part


class LoopOperation(Keeping):
    """The operation of a loop's node; its pullback sweeps the nodes inside."""

    rules = ()
    loop = True

    def __init__(self, name: str):
        self.name = name

    def pull(self, node: Node, g: Any) -> list:
        """Nothing is returned: the cotangents go straight to what the steps had used."""
        self.sweep(self.inside(node), g)
        return []

    def sweep(self, inside: Inside, g: Any) -> None:
        """Go back over the steps, with the cotangents of the results."""
        arrived = [] if g is None else zip(inside.results, g.of_each(), strict=True)
        fast.sweep(inside.part, [(y, c) for y, c in arrived if c is not None], keep=True)

    def inside(self, node: Node) -> Inside:
        return node.kwargs[RESIDUALS]

    def sources(self, node: Node, i: int) -> list:
        return [self.inside(node).results[i]]


@dataclass(eq=False)
class Outside(Residuals):
    """What a loop's node saves that saves nothing of its inside: how to run it again, and what it was."""

    run: Callable
    fingerprint: int
    outside: int                         # which variables around it used
    spot: Spot
    numpys: list[bool]                   # which results are numbers of NumPy's

    def mark(self) -> int:
        return self.fingerprint


class RepeatedLoop(LoopOperation):
    """A loop that keeps nothing of its inside, and runs again when the sweep comes by."""

    def inside(self, node: Node) -> Inside:
        saved: Outside = node.kwargs[RESIDUALS]
        with reopened(node.tape):
            inside = _recorded(node.tape, saved.run)[0]
        now = [*(settle(y.value) for y in inside.results), fingerprint(node.args, inside.part),
               outside(inside.part, inside.results)]
        require_same(f"a segment of {self.name}", [*node.value, saved.fingerprint, saved.outside], now,
                     saved.spot, IN_A_LOOP)
        return inside

    def sources(self, node: Node, i: int) -> list:
        return [np.float64(0.0) if node.kwargs[RESIDUALS].numpys[i] else 0.0]


SCAN_ON_TAPE, REPEATED_SCAN = LoopOperation("scan"), RepeatedLoop("scan")
INTEGRATE_ON_TAPE = LoopOperation("integrate")


def _as_one_node(op: LoopOperation, run: Callable, arguments: Any) -> Any:
    """The result of `run()`, with all that it records on the innermost tape as one node."""
    tapes = live_tapes()
    if not tapes:
        return run()
    tape = tapes[-1]
    inside, result = _recorded(tape, run)
    if not inside.results:
        tape.extend(inside.part)                 # perhaps a later result of the program needs them
        return result
    operands = tuple(x for x in tree.flatten(arguments)[0] if is_on(tape, x))
    saved: Residuals = inside
    if isinstance(op, RepeatedLoop):
        saved = Outside(run, fingerprint(operands, inside.part), outside(inside.part, inside.results),
                        user_spot(), _which_are_numpys(tape, inside))
    whole = tape.record(op, tuple(settle(y.value) for y in inside.results), operands, {RESIDUALS: saved})
    picked = iter([pick(whole, i) for i in range(len(inside.results))])
    result = tree.map(lambda x: next(picked) if is_on(tape, x) else x, result)
    if isinstance(op, RepeatedLoop):
        closed = EndedTape()
        for node in inside.part:                 # it will not be swept: using it later must raise
            node.tape = closed
    return result


def _which_are_numpys(tape: Tape, inside: Inside) -> list[bool]:
    """Whose numbers the results are, of an inside that will be gone when that is asked."""
    found = [not shape(y) and from_numpy(y) for y in inside.results]
    for node in inside.part:
        tape.origins.pop(id(node), None)
    return found


def _recorded(tape: Tape, run: Callable) -> tuple[Inside, Any]:
    """The result of `run()`, and what it recorded, taken off the tape."""
    start = len(tape)
    result, steps = with_steps(tape, run)
    return Inside(tape.cut(start), [x for x in tree.flatten(result)[0] if is_on(tape, x)], steps), result


def nodes_of(tape: WatchedTape) -> Iterator[tuple[Node, Spot]]:
    """All nodes of a watched tape and their places, with those inside a loop instead of its own."""
    for node, spot in zip(tape, tape.spots, strict=True):
        if isinstance(node.op, LoopOperation):
            yield from nodes_of(cast(WatchedTape, node.op.inside(node).part))
        else:
            yield node, spot


class unrecorded:
    """A context in which nothing stays recorded."""

    def __enter__(self) -> None:
        self.starts = [(tape, len(tape)) for tape in live_tapes()]

    def __exit__(self, *error: object) -> None:
        for tape, start in self.starts:
            tape.cut(start)
