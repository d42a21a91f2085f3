"""All ways through a step that asks for the values of conditions.

Whatever Python does with a condition (`if`, `and`, `sorted`, a chained comparison, an early return), in the
end it asks whether that is true. The step is run again and again, and each time the last answer that was not
yet turned is turned: so all ways are found, depth first.

    >>> from .record import Builder
    >>> from .proxy import Proxy
    >>> from .trace import Trace
    >>> with Trace().writing(Builder()) as builder:
    ...     x = Proxy(builder, builder.input(0.5, "x"))
    ...     tree, _ = explored(builder, lambda: [abs(x) if x < 1.0 else x] if x > 0.0 else [-x])
    >>> def drawn(way):
    ...     def name(x):
    ...         return builder.maker[x].name if x in builder.maker else x.label
    ...     if type(way) is not Fork:
    ...         return name(way[0].value)
    ...     return name(way.condition), drawn(way.then), drawn(way.otherwise)
    >>> drawn(tree)
    ('greater', ('less', 'absolute', 'x'), 'negative')

All runs are written down by one builder, where equal operations are one. So what two ways have in common is
shared, and a condition that was decided stays decided. Runs that were told the same answers so far ask the
same question next; so their decisions make a tree, which `rejoin.py` makes one list of values of. A way that
raises what the user raises, as a failed `assert` does, or that goes round in a `while` too often, is a leaf
without values: the program says so when it gets there, and a tape takes over.

Decisions that do not depend on one another are explored in all combinations all the same: a way leaves
more behind than traced values (a counter, a list), which nothing can compare as a whole, and which may first
matter where several decisions are turned. Only one whose sides are functions of their own, by `dp.cond`, is
sure to leave nothing else.
"""

import dis
import functools
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..advice.naming import Advice, names_in
from ..advice.ways import instead_of_branch
from ..errors import BranchError, Spot, TinydpError, is_numpy, place_of, wrapped_in
from .bounds import Bounds
from .effects import STEP, refuse
from .program import Value, known, replaced
from .proxy import Proxy
from .record import Builder, needed

MOST_RUNS = 1024
# how often one instruction of a call may decide: at first, when that is not enough, and if that ends loops
FEWEST_ROUNDS, ROUNDS, MANY_ROUNDS = 1, (12, 8, 5, 3, 2), 64
FEW_RUNS = 200                                   # more than FEWEST only if so many runs are expected at most
MOST_DECISIONS = 300                             # decisions on one way
TWICE = 4                                        # ways that are run twice in a row, in the first trace


class Decision(NamedTuple):
    """A condition that was asked for, and the answer."""

    condition: Value
    truth: bool
    spot: Spot


class Fork(NamedTuple):
    """A condition, and what follows if it is true, and if not: forks, or leaves."""

    condition: Value
    then: Any
    otherwise: Any
    spot: Spot


class LeafForTheTape(NamedTuple):
    """A leaf without values: why there are none."""

    error: BaseException


class TooManyRounds(BaseException):
    """A run is given up: the same line was decided too often. No `except Exception` of the user's sees it.

    `args` are the line, and who answers in that run: a step within asks the oracle of the step around, too.
    """


class Oracle:
    """Who answers in one run: as told, and beyond that "no", unless the answer is known."""

    def __init__(self, builder: Builder, told: list[Decision], rounds: int, tables: "Tables", log: "Log"):
        self.builder, self.told, self.rounds, self.tables = builder, told, rounds, tables
        self.log, self.bounds = log, Bounds(builder)
        log.position = 0
        self.trail: list[Decision] = []
        self.has_parted = False                  # so far; a run within begins where it did
        self.alive = tables.everywhere           # the rows that may come this way
        self.asked: Counter = Counter()
        self.frames: list[FrameType] = []        # which keeps their identities apart

    def decide(self, x: Value) -> bool:
        """Whether a condition is true, on this way."""
        op = self.builder.maker.get(x)
        if op is not None and op.name == "logical_not" and type(op.args[0]) is Value:
            return not self.decide(op.args[0])
        for condition, truth, _ in self.trail:
            if condition is x:
                self.has_parted = True
                return truth
        table = self.tables.of(x)
        if table is not None and (not np.any(table[self.alive]) or np.all(table[self.alive])):
            return bool(np.any(table[self.alive]))           # all rows that come this way say the same
        answer = self.bounds.answer(x)
        if answer is not None:
            return answer
        spot, k = self.spot(), len(self.trail)
        is_told = k < len(self.told)
        if is_told and self.told[k].condition is not x:
            refuse(STEP, "it asks for another condition", spot)
        truth = is_told and self.told[k].truth
        self.trail.append(Decision(x, truth, spot))
        self.has_parted = True
        if len(self.trail) > MOST_DECISIONS:
            raise TooManyRounds(spot, self)
        self.bounds.note(x, truth)
        if table is not None:
            self.alive = self.alive & (table if truth else ~table)
        return truth

    def spot(self) -> Spot:
        """The user's line; the run is given up if one call decided it too often."""
        frame = sys._getframe(2)
        while frame.f_back and is_engine(frame.f_code.co_filename):
            frame = frame.f_back
        self.frames.append(frame)
        instruction = _calls(frame.f_code).get(frame.f_lasti, frame.f_lasti)
        place = id(frame), instruction
        self.asked[place] += 1
        spot = Spot(frame.f_code, instruction, frame.f_lineno)
        if self.asked[place] > self.rounds:
            raise TooManyRounds(spot, self)
        return spot


@functools.cache
def _calls(code: CodeType) -> dict[int, int]:
    """The call that each instruction before one belongs to: Python 3.11 is at either of the two.

    It makes one instruction of them once it has seen some calls, which may be in the middle of a search.
    """
    pairs = itertools.pairwise(dis.get_instructions(code))
    return {x.offset: call.offset for x, call in pairs if x.opname == "PRECALL"}


class Log:
    """What was done in the last run, call by call: the beginning of the next one is the same.

    An operation on the same values has the same result. So a run that goes another way loses nothing but
    time; and where it goes the same way, the operation need not be traced again.
    """

    def __init__(self) -> None:
        self.calls: list[tuple] = []             # operation, arguments, what was in the arrays, result
        self.position = 0
        self.is_inside = False                   # of a call that is made of others

    def result(self, op: Any, args: tuple, call: Callable[[], Any]) -> Any:
        """The result of a call: that of the last run, if it was the same there, or `call()`."""
        if self.is_inside:
            return call()
        k, self.position = self.position, self.position + 1
        if k < len(self.calls):
            operation, before, arrays, y = self.calls[k]
            if operation is op and len(before) == len(args) and all(map(_is_same, before, args)) and all(
                    np.array_equal(copy, args[j], equal_nan=True) for j, copy in arrays):
                return y
        self.is_inside = True
        try:
            y = call()
        finally:
            self.is_inside = False
        arrays = [(j, x.copy()) for j, x in enumerate(args)
                  if not isinstance(x, Proxy) and isinstance(x, np.ndarray)]
        self.calls[k: k + 1] = [(op, args, arrays, y)]
        return y


def _is_same(a: Any, b: Any) -> bool:
    """Whether an argument is the same as in the last run, surely: 0.0 may be another zero, -0.0."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is float:
        return a == b and a != 0.0
    return a.value is b.value and a.builder is b.builder if kind is Proxy else kind is int and a == b


@functools.cache
def is_engine(file: str) -> bool:
    """Whether a file belongs to the engine, or to NumPy."""
    return file.startswith(_ENGINE) or is_numpy(file)


_ENGINE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Tables:
    """Conditions that follow from the rows of constant `xs`, such as the number of the step: for each row."""

    def __init__(self, builder: Builder, rows: dict[Value, np.ndarray]):
        self.builder, self.rows = builder, rows
        self.everywhere = np.ones(max(map(len, rows.values()), default=0), bool)
        self.found: dict[Value, np.ndarray | None] = {}

    def of(self, x: Value) -> np.ndarray | None:
        """Whether the condition is true, in each step; None if that is not known yet."""
        if x not in self.found:
            self.found[x] = self.computed(x) if self.rows else None
        return self.found[x]

    def computed(self, x: Value) -> np.ndarray | None:
        rows: dict[Value, Any] = dict(self.rows)
        for op in needed(self.builder.ops, [x]):
            if not op.prim.elementwise or op.name in _ROUNDED or any(y not in rows for y in op.operands):
                return None
            with np.errstate(all="ignore"):
                rows[op.outs[0]] = op.prim.fn(*(replaced(y, rows) for y in op.args), **op.options)
        return np.broadcast_to(rows[x], self.everywhere.shape) if x in rows else None


# whose last digit may be another one in an array than in a number
_ROUNDED = frozenset(("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "power",
    "float_power", "hypot", "logaddexp", "logaddexp2"))


# ---------------------------------------------------------------------------- all ways

def explored(builder: Builder, run: Callable[[], Any], rows: dict[Value, np.ndarray] | None = None
             ) -> tuple[Any, set[Spot]]:
    """The tree of all ways that `run()` takes: forks, and its results as leaves.

    And the lines that would have been decided more often than was tried. `rows` has the constants of which
    some values are the rows.
    """
    tables = Tables(builder, rows or {})
    with builder.in_runs():
        search = PathSearch(builder, run, tables, FEWEST_ROUNDS)
        if search.exceeded:
            search = _deeper(search, builder, run, tables)
    if all(isinstance(leaf, LeafForTheTape) for _, leaf in search.ways):
        search.give_up()
    return _grown(search.ways, 0), search.exceeded


def _deeper(first: "PathSearch", builder: Builder, run: Callable[[], Any], tables: Tables) -> "PathSearch":
    """A search in which a `while` goes round more often than once, which was not enough.

    It may end by itself, where the bounds of a value give the answer after some rounds: so `MANY_ROUNDS` are
    tried, and taken if they were enough. If not, any number may be too small, and the largest of `ROUNDS` is
    taken that makes few runs. (Python asks for the first round of a `while` at another place than for the
    others.)
    """
    def searched(rounds: int) -> PathSearch | None:
        try:
            return PathSearch(builder, run, tables, rounds)
        except BranchError:                      # there are more ways than expected
            return None

    def fits(rounds: int) -> bool:
        """Whether that is expected to take few runs: a line that is asked n times is left in n + 1 ways."""
        return len(first.ways) * ((rounds + 1) / (FEWEST_ROUNDS + 1)) ** len(first.exceeded) <= FEW_RUNS

    to_the_end = searched(MANY_ROUNDS) if fits(MANY_ROUNDS) else None
    if to_the_end is not None and not to_the_end.exceeded:
        return to_the_end
    tried = (searched(rounds) for rounds in ROUNDS if fits(rounds))
    return next((x for x in tried if x is not None), first)


class PathSearch:
    """All runs, each with the decisions on its way, in their order."""

    def __init__(self, builder: Builder, run: Callable[[], Any], tables: Tables, rounds: int):
        self.ways: list[tuple[list[Decision], Any]] = []
        self.exceeded: set[Spot] = set()
        told: list[Decision] | None = []
        self.log, before = Log(), builder.oracle
        self.frames: dict[CodeType, FrameType] = {}      # one of each function that asked
        twice = 0 if builder.trace.is_again else TWICE

        def leaf(told: list[Decision]) -> tuple[list[Decision], Any]:
            """The result of a run, and its decisions."""
            builder.oracle = self.oracle = oracle = Oracle(builder, told, rounds, tables, self.log)
            builder.run.begin()
            result = self.leaf(run)
            self.frames.update((frame.f_code, frame) for frame in oracle.frames)
            return oracle.trail, result

        try:
            while told is not None:
                if len(self.ways) == MOST_RUNS:
                    raise self.too_many()
                trail, result = leaf(told)
                if trail and len(self.ways) < twice:
                    _require_same(result, leaf(trail)[1])
                self.ways.append((trail, result))
                told = _turned(trail)
        finally:
            builder.oracle = before

    def leaf(self, run: Callable[[], Any]) -> Any:
        """The result of a run; what the user's program raises is left to the tape."""
        try:
            return run()
        except TooManyRounds as error:
            if error.args[1] is not self.oracle:             # it is the run around that is given up
                raise
            self.exceeded.add(error.args[0])
            return LeafForTheTape(error)
        except TinydpError:
            raise
        except Exception as error:
            if ours := wrapped_in(error):        # the user caught an error of tinydp, and raised their own
                raise ours.with_traceback(error.__traceback__) from None
            return LeafForTheTape(error)

    def give_up(self) -> None:
        """No way leads to the end: say why."""
        errors = [leaf.error for _, leaf in self.ways if not isinstance(leaf.error, TooManyRounds)]
        raise errors[0] if errors else self.too_many()

    def too_many(self) -> BranchError:
        """The error that names the lines which decided most."""
        counts = Counter((d.spot.code, d.spot.line) for trail, _ in self.ways for d in trail)
        spots = {(d.spot.code, d.spot.line): d.spot for trail, _ in self.ways for d in trail}
        most = [spots[line] for line, _ in counts.most_common(3)]
        lines = "".join(f"\n    {place_of(spot)}" for spot in most)
        frame = self.frames.get(most[0].code)
        names = names_in({**frame.f_globals, **frame.f_locals}) if frame else None
        decided = {d.spot for trail, _ in self.ways for d in trail}
        advice, expression = instead_of_branch(most[0], decided, names)
        place = place_of(most[0], names)
        return BranchError(
            f"the step of a compiled loop takes more than {MOST_RUNS} ways. These lines decide most:{lines}",
            Advice(f"choose a value instead of a way, which is no decision: {advice.text}", *advice.codes),
            place._replace(expression=expression or place.expression))


def _require_same(result: Any, again: Any) -> None:
    """Raise `SideEffectError` unless a way has the same results when it is run twice in a row."""
    left = [isinstance(x, LeafForTheTape) for x in (result, again)]
    if left[0] != left[1] or not (left[0] or known(result) == known(again)):
        refuse(STEP, "one of its ways has other results", None)


def _turned(trail: list[Decision]) -> list[Decision] | None:
    """The decisions of the next run: the last no becomes a yes. None after the last run."""
    k = max([k for k, d in enumerate(trail) if not d.truth], default=None)
    return None if k is None else [*trail[:k], trail[k]._replace(truth=True)]


def _grown(ways: list[tuple[list[Decision], Any]], depth: int) -> Any:
    """The tree of ways that have so many decisions in common: what they decide next is one condition."""
    trail, leaf = ways[0]
    if len(trail) == depth:
        return leaf
    condition, _, spot = trail[depth]
    sides = [[way for way in ways if way[0][depth].truth is truth] for truth in (True, False)]
    then, otherwise = (_grown(side, depth + 1) for side in sides)
    return Fork(condition, then, otherwise, spot)
