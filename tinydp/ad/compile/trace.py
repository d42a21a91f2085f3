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
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import tree
from ..binding import parameters_of
from ..carry import in_form_of
from ..errors import BranchError, EventNotReached, LoopError, Spot, innermost_spot, place_of, wrapped_in
from ..loops import _checked, _run, part_of_step
from ..primitives import sweeping, witness
from ..states import States
from ..tape import Var
from ..twins import twin
from ..values import is_discrete, plain, shape
from ..watch import traced_by, tracer
from . import manners as _manners  # noqa: F401  (gives proxies their operators)
from .adjoint import value_of
from .conditional import cond
from .extremes import choosing
from .held import Arrays
from .kinds import as_numbers, constant, example, of_64_bits
from .loops import EVENT, SCAN, event_options, scan_options
from .marks import ALIAS, MARKED, STOPPED, MarkForm
from .paths import explored, is_engine
from .program import Program, Value
from .proxy import Proxy, recorded
from .raising import all_of, required
from .record import Builder, innermost
from .recursion import Calls
from .regions import require, settled_region, with_flag
from .rejoin import rejoined
from .tracing_tape import TracingTape
from .twins import Twins


class Trace:
    """What is known of a function while it is traced."""

    def __init__(self, reruns: int = 0, parallel: bool = False) -> None:
        self.arrays = Arrays()
        self.reruns = reruns                     # how often a step is run again, to see if it is the same
        self.is_again = False                    # was the function traced before? It has to be the same
        self.serial = 0                          # of the aliases
        self.left: dict[Spot, None] = {}         # lines that may be decided more often than was tried
        self.has_many_ways = False               # is there a step that is dear to run again?
        self.parallel = parallel                 # whether rows of maps are to be spread over cores
        self.twins = Twins()                     # elements that are equal whatever the arguments
        self.calls: Calls | None = None          # to see whether a function calls itself
        self._place: tuple | None = None         # of the operation that is repeated, or pulled back
        self._is_apart = False                   # is a program written down that is none of the user's?
        self.is_in_rule = False                  # ... or a rule of the user's?

    @contextlib.contextmanager
    def writing(self, builder: Builder | None = None) -> Iterator[Builder]:
        """A context in which loops and tapes know that a program is being written down."""
        builder = builder or Builder(guarded=True)
        builder.trace_here = self
        with traced_by(self, TracingTape, fresh=True), builder.active(), choosing():
            before, around = witness.set(self.arrays.see), sweeping.set(False)      # by whoever needs this
            try:
                yield builder
            except ValueError as error:
                if ours := wrapped_in(error):
                    raise ours.with_traceback(error.__traceback__) from None
                raise
            finally:
                witness.reset(before)
                sweeping.reset(around)
                builder.trace_here = None        # what is kept of its values cannot go on

    @contextlib.contextmanager
    def apart(self, builder: Builder) -> Iterator[None]:
        """A context for another program, that has nothing to do with what is under way."""
        place, self._place = self._place, None
        before, self._is_apart, self.is_in_rule = (self._is_apart, self.is_in_rule), True, False
        try:
            with self.writing(builder):
                yield
        finally:
            self._place, (self._is_apart, self.is_in_rule) = place, before

    # -- where we are

    def place(self) -> tuple[Spot | None, bool]:
        """The user's line, and whether it is passed in the backward pass."""
        if self._place is None and self.calls is not None:
            self.calls.look()
        return self._place or (innermost_spot(is_engine), False)

    @property
    def is_users(self) -> bool:
        """Whether what is recorded is done by the user's program, and not repeated, or the backward pass."""
        return self.is_in_rule or (self._place is None and not self._is_apart)

    @contextlib.contextmanager
    def in_rule(self) -> Iterator[None]:
        """A context for a rule of the user's, which is run in the backward pass."""
        before, self.is_in_rule = self.is_in_rule, True
        try:
            yield
        finally:
            self.is_in_rule = before

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
        f = twin(custom.fn)
        y = f(*call([self.stopped(x) if isinstance(x, Proxy) else x for x in leaves]), **options)
        results, result = tree.flatten(y)
        real = [k for k, x in enumerate(results) if not is_discrete(x)]
        if not real:
            return y
        form = MarkForm(custom, call, result, real, len(results), options)
        values = [self.arrays.kept(constant(x)) for x in (
            *(results[k] for k in (*real, *form.others)), *leaves)]
        made = recorded(MARKED, tuple(values), {
            "form": form, "key": form.key(len(leaves)), "serial": form.serial})
        for k, x in zip(real, made, strict=True):
            results[k] = x
        return result(results)

    def on_all_ways(self, rule: Callable[[], list]) -> list:
        """What a rule of the user's returns, which may take branches, also where a program may not.

        Of a loop the backward pass is made before it is known how often it goes round: there it is a step's
        way.
        """
        builder = innermost()
        if builder.oracle is not None or builder.guards is not None:
            with self.in_rule():
                return rule()
        serial = self.serial

        def run() -> list:
            self.serial = serial                 # what two ways have in common has to be equal
            with self.in_rule(), builder.requiring() as conditions:
                found = [value_of(x) for x in rule()]
            return [*found, all_of(builder, conditions)]

        ways, left = explored(builder, run)
        values, fine = rejoined(builder, ways)
        *values, done = values
        required(builder, [done], 0)
        if fine is not True:
            raise BranchError("the rule of a function with a gradient of its own raises on one of its ways.",
                              "return a number on each way.", place_of(next(iter(left), ways.spot)))
        return [Proxy(builder, x) if type(x) is Value else x for x in values]

    def scan(self, *args: Any) -> Any:
        """`dp.scan`, as one operation."""
        return scan(*args)

    def map(self, run: Callable, stacks: list) -> Any:
        """`dp.vmap`: what `run` makes of each row, stacked."""
        from .mapped import mapped  # noqa: PLC0415  (it builds on this file)

        return mapped(run, stacks)

    def is_inside(self, x: Any) -> bool:
        """Whether a value is made in the step that is written down here, and not before the loop."""
        return isinstance(x := plain(x), Proxy) and x.builder is innermost()

    def loop(self, step: Callable, inits: list, stacks: list, labels: list[str], n: int,
             reverse: bool, again: bool) -> Any:
        """What a loop makes whose step is no user's: of a list of carries and rows, two lists."""
        found = settled_region(step, inits, [*map(_example_row, stacks)], labels, once=True)
        options = scan_options(found.body, len(inits), len(stacks), n, reverse, again)
        return found.unflatten(SCAN(*map(_kept, (*inits, *stacks)), *found.captured, **options))

    def integrate(self, *args: Any) -> Any:
        """`dp.integrate`, as one operation."""
        return integrate(*args)

    def cond(self, *args: Any) -> Any:
        """`dp.cond`, as one operation."""
        return cond(*args)

    def while_loop(self, *args: Any) -> Any:
        """`dp.while_loop`, as one operation."""
        from .trace_while import while_loop  # noqa: PLC0415  (it builds on this file)

        return while_loop(*args)

    def implicit(self, *args: Any) -> Any:
        """`dp.root` or `dp.argmin`, as one operation."""
        from .trace_root import implicit  # noqa: PLC0415  (it builds on this file)

        return implicit(*args)


# ---------------------------------------------------------------------------- loops

def scan(step: Callable, carry: Any, xs: Any, n: int, segment: int | None) -> tuple[Any, Any]:
    """`dp.scan` while a program is written down."""
    if n == 0:
        return _run(step, carry, xs, range(0))
    if segment is not None and segment < n:
        return _scan_in_segments(step, carry, xs, n, int(segment))
    return _scan(step, carry, xs, n)


def _scan(step: Callable, carry: Any, xs: Any, n: int, again: bool = False) -> tuple[Any, Any]:
    known = States(carry)
    while True:                                  # until no step leads to a state that was not tried
        tried = len(known)
        carry_and_state, ys = _scan_of_states(step, carry, known, xs, n, again)
        if len(known) == tried:
            last, state = carry_and_state
            return known.put(last, _decided(state, tried)), ys


def _scan_of_states(step: Callable, carry: Any, known: States, xs: Any, n: int, again: bool) -> tuple:
    """The same, where what is static in the carry takes these values, or others, which are put among them.

    The carry has the number of its state beside it, and everywhere what is static in the first one.
    """
    first, tried = (carry, 0), len(known)        # the number is carried if there are others
    leaves, carry_of = tree.flatten(first if tried > 1 else carry)
    columns, row_of = tree.flatten(xs)
    m = len(leaves)
    inits, arrays = [*map(_as_number, leaves)], [*map(_as_number, columns)]
    tracer().arrays.see([*inits, *arrays])

    def flat(given: list) -> Any:
        before, state = carry_of(given[:m]) if tried > 1 else (carry_of(given[:m]), 0)
        after, y = _checked(step(known.put(before, _decided(state, tried)), row_of(given[m:])), carry, 0)
        state = known.number(after)
        after = known.put(after, 0)
        return ((after, state) if tried > 1 else after), y

    labels = [*(_label(path, "carry") for path, _ in tree.leaves(carry)), *["state"] * (tried > 1),
              *(_label(path, "x") for path, _ in tree.leaves(xs))]
    constants = [x if isinstance(x, np.ndarray) and x.ndim == 1 else None for x in arrays]
    found = settled_region(flat, inits, [*map(_example_row, arrays)], labels, n == 1, constants)
    body, flags = with_flag(found, m)
    options = scan_options(body, m + len(flags), len(arrays), n, again=again)
    results = SCAN(*map(_kept, inits), *flags, *map(_kept, arrays), *found.captured, **options)
    for _ in flags:
        require(results.pop(m))
    last, ys = found.unflatten(results)
    return (last if tried > 1 else (last, 0)), ys


def _decided(number: Any, n: int) -> int:
    """A number below n as one that is known: the program decides which it is.

    These decisions are no rounds of a loop of the user's, and are not counted as such.
    """
    for k in range(1, n):
        oracle = number.builder.oracle if isinstance(number, Proxy) else None
        asked = oracle.asked.copy() if oracle else None
        is_it = bool(number == k)
        if oracle:
            oracle.asked = asked
        if is_it:
            return k
    return 0


def _scan_in_segments(step: Callable, carry: Any, xs: Any, n: int, size: int) -> tuple[Any, Any]:
    """A loop over loops of so many steps, each of which is run again in the backward pass."""
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
        before, changed = state_of(given[:n]), state_of(given[:n])       # by the step, perhaps
        after = step(changed) if dt is None else step(changed, given[n])
        after = in_form_of(before, after, 0)
        after = part_of_step(step, before, after, None, given[n]) if dt is None else after
        return after, _height(until, after)

    labels = [*(_label(path, "state") for path, _ in tree.leaves(state)), "h"]
    found = settled_region(one_step, inits, [example(plain(length))], labels)
    height = plain(_height(until, state))
    body, flags = with_flag(found, n)
    results = EVENT(*map(_kept, inits), *flags, *map(_kept, (height, length)), *found.captured,
                    **event_options(body, n + len(flags), max_steps))
    for _ in flags:
        require(results[n])
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
