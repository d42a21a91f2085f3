"""Whose fault is it? Each operation of a program, checked by itself at the values that it had."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..ad.errors import Spot, place_of
from ..ad.loops import nodes_of
from ..ad.parts import RESIDUALS, dense
from ..ad.rules.bends import edge
from ..ad.tape import Node, Tape, Var
from ..ad.transforms import Checkpoint, Inputs
from ..ad.values import plain, shape
from ..ad.watch import WatchedTape, close_tape, open_tape
from .judging import Lazily, Question, believed, nearby, slope_along, ways
from .kinks import Course, has_sides, operation, side_of
from .report import Check, Culprit
from .results import number


class Entry(NamedTuple):
    """One node of a recorded program."""

    number: int
    node: Node
    spot: Spot
    within: str                          # the operation whose rule called it, if it was one


def nodes_of_run(f: Callable, leaves: list) -> list[Entry]:
    """All nodes of one run, with those of loops instead of the loop."""
    tape = open_tape(WatchedTape)
    try:
        f(*Inputs(tape, tuple(leaves), range(len(leaves))).args)
    finally:
        close_tape(tape)
    found = [Entry(0, node, spot, "") for node, spot in nodes_of(tape)]      # type: ignore[arg-type]
    return [entry._replace(number=k) for k, entry in enumerate(
        inner for entry in found for inner in _opened(entry))]


def _opened(entry: Entry) -> list[Entry]:
    """A checkpoint that holds a surrogate, opened: else it would be compared with differences as a whole."""
    if not isinstance(entry.node.op, Checkpoint):
        return [entry]
    options = dict(entry.node.kwargs)
    saved = options.pop(RESIDUALS)
    values = [plain(x) for x in entry.node.args]
    at = [k for k, x in enumerate(entry.node.args) if type(x) is Var and x.tape is entry.node.tape]

    def inside(*xs: Any) -> Any:
        full = list(values)
        for k, x in zip(at, xs, strict=True):
            full[k] = x
        return entry.node.op.fn(*saved.call(full), **options)

    entries = nodes_of_run(inside, [values[k] for k in at])
    return entries if any(map(is_surrogate, entries)) else [entry]


def nodes_of_slope(f: Callable, way: list, leaves: list) -> list[Entry]:
    """All nodes of the derivative of `f` along a way: those of `f`, and those of the sweep back."""
    outer = open_tape(_Outer)
    try:
        variables = Inputs(outer, tuple(leaves), range(len(leaves))).args
        inner = open_tape(_Inner)
        inner.outer = outer                      # type: ignore[attr-defined]
        try:
            inputs = Inputs(inner, tuple(variables), range(len(leaves)))
            y = f(*inputs.args)
        finally:
            close_tape(inner)
        if type(y) is Var and y.tape is inner:
            inner.sweep([(y, 1.0)], keep=True)
        outer.cause = None                       # type: ignore[attr-defined]
        sum(np.sum(v * g) for v, g in zip(way, inputs.gradients(), strict=True))
    finally:
        close_tape(outer)
    causes = outer.causes                        # type: ignore[attr-defined]
    return [Entry(k, node, cause[1] if cause else spot, cause[0] if cause else "")
            for k, (node, spot, cause) in enumerate(zip(outer, outer.spots, causes, strict=True))]   # type: ignore


class _Outer(WatchedTape):
    """Notes for each node which operation of the inner tape was being swept."""

    __slots__ = ("cause", "causes")

    def __init__(self) -> None:
        super().__init__()
        self.cause: tuple[str, Spot] | None = None
        self.causes: list[tuple[str, Spot] | None] = []

    def saw_value(self, k: int, node: Any) -> None:
        self.causes.append(self.cause)

    def cut(self, start: int) -> Tape:
        part = super().cut(start)
        del self.causes[start:]
        return part


class _Inner(WatchedTape):
    """Tells the outer tape what it sweeps."""

    __slots__ = ("outer",)

    outer: _Outer

    def cut(self, start: int) -> Tape:
        part = super().cut(start)
        part.outer = self.outer                  # type: ignore[attr-defined]
        return part

    def saw_cotangent(self, k: int, node: Any, g: Any) -> None:
        self.outer.cause = node.op.name, self.spots[k]


def is_surrogate(entry: Entry) -> bool:
    """Whether it is declared not to be the derivative."""
    return getattr(entry.node.op, "surrogate", False)


def culprits_among(entries: list[Entry], accuracy: float, rng: np.random.Generator) -> list[Culprit]:
    """The nodes whose own rule is wrong, each with the check that misses most."""
    found: dict[tuple[int, int], Culprit] = {}
    for entry in entries:
        if is_surrogate(entry) or entry.node.op is edge:         # nan, on behalf of another operation
            continue
        for operand, check in local_checks(entry, accuracy, rng):
            known = found.get((entry.number, operand))
            if check.verdict == "wrong" and (known is None or check.misses > known.check.misses):
                found[entry.number, operand] = culprit_at(entry, operand, check)
    return list(found.values())


def culprit_at(entry: Entry, operand: int, check: Check) -> Culprit:
    """The culprit, from the check that it failed."""
    inputs = tuple(plain(x) for x in entry.node.args)
    return Culprit(entry.node.op.name, entry.number, place_of(entry.spot), operand, inputs, check,
                   entry.within)


def local_checks(entry: Entry, accuracy: float, rng: np.random.Generator) -> list[tuple[int, Check]]:
    """For each traced operand of a node, its rule against differences of the operation alone."""
    here = Local.of(entry.node, rng)
    values = here.values
    exact = any(isinstance(x, list) for x in values)         # to choose among the results of a node
    near = Lazily(iter(()) if exact else nearby(values, rng, lambda xs: here.at(entry, xs)))
    checks = []
    for i, position in enumerate(here.positions):
        for way in ways(values[i], here.cotangents[i], rng):
            asked = here.question(i, way.v)._replace(where=f"argument {position}{way.name}",
                                                     covered=way.covered)
            others = (there.question(i, way.v) for there in near)
            checks.append((position, believed(asked, others, accuracy)))
    return checks


class Local(NamedTuple):
    """One operation with a cotangent of its result, and what its rules return for it."""

    node: Node
    positions: list[int]                 # of the traced operands
    u: tuple                             # a cotangent for each of the results
    cotangents: list

    @classmethod
    def of(cls, node: Node, rng: np.random.Generator) -> "Local":
        """With a cotangent drawn at random."""
        parts = node.value if isinstance(node.value, tuple) else (node.value,)
        return cls._with(node, tuple(rng.uniform(0.5, 1.5, shape(part)) if shape(part) else
                                     float(rng.uniform(0.5, 1.5)) for part in parts))

    @classmethod
    def _with(cls, node: Node, u: tuple) -> "Local":
        positions = [k for k, x in enumerate(node.args) if type(x) is Var and x.tape is node.tape]
        pulled = node.op.pull(node, u if isinstance(node.value, tuple) else u[0])
        found = []
        for k in positions:                      # no path may lead to one of them
            reached = pulled and pulled[0][0] is node.args[k]
            found.append(dense(pulled.pop(0)[1]) if reached else 0.0)
        return cls(node, positions, u, found)

    @property
    def values(self) -> list:
        """Those of the traced operands; a list, if it is all the results of another node."""
        values = [plain(self.node.args[k]) for k in self.positions]
        return [list(x) if isinstance(x, tuple) else x for x in values]

    @property
    def unit(self) -> float:
        """What to divide by, so that the report shows the rule for g = 1."""
        return self.u[0] if len(self.u) == 1 and type(self.u[0]) is float else 1.0

    def at(self, entry: Entry, xs: list) -> "Local | None":
        """The same at other operands, if that is on the same side of all kinks."""
        tape = open_tape(Tape)
        try:
            traced_operation(entry)[0](*Inputs(tape, tuple(xs), range(len(xs))).args)
        finally:
            close_tape(tape)
        there = next((node for node in tape if node.op is self.node.op), None)
        if there is None or self._side(there) != self._side(self.node):
            return None
        return self._with(there, self.u)

    @staticmethod
    def _side(node: Node) -> Any:
        return side_of(node.op, plain(node.value), [plain(x) for x in node.args], node.kwargs)

    def question(self, i: int, v: Any) -> Question:
        """Whether the rule for traced operand `i` is right along `v`."""
        node, position = self.node, self.positions[i]
        compute, values = operation(node)

        def moved(t: Any) -> list:
            return [*values[:position], t, *values[position + 1 :]]

        def along(t: Any) -> float:
            results = compute(moved(t))
            results = results if isinstance(results, tuple) else (results,)
            return number(sum(np.sum(w * r) for w, r in zip(self.u, results, strict=True))) / self.unit

        def course(t: Any) -> Course:
            return Course((side_of(node.op, compute(moved(t)), moved(t), node.kwargs),), ())

        rule, rounding = slope_along(self.cotangents[i], v)
        return Question("", along, self.values[i], v, rule / self.unit, rounding / self.unit,
                        course if has_sides(node.op) else None)


def same_value(entry: Entry) -> bool:
    """Whether a surrogate has the very value of its function."""
    compute, values = operation(entry.node)
    results = compute(values)
    pairs = zip(results, entry.node.value, strict=True)
    return all(np.array_equal(np.asarray(x, dtype=float), y, equal_nan=True) for x, y in pairs)


def traced_operation(entry: Entry) -> tuple[Callable, list]:
    """The operation as a function of its traced operands, recordable, and their values."""
    node = entry.node
    values, options = [plain(x) for x in node.args], dict(node.kwargs)
    at = [k for k, x in enumerate(node.args) if type(x) is Var and x.tape is node.tape]
    saved = options.pop(RESIDUALS, None)

    def call(*xs: Any) -> Any:
        full = list(values)
        for k, x in zip(at, xs, strict=True):
            full[k] = x
        return node.op(*(saved.call(full) if saved else full), **options)

    return call, [values[k] for k in at]
