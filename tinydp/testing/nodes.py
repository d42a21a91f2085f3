"""Whose fault is it? Each operation of a program, checked by itself at the values that it had."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..ad.errors import Spot, place_of
from ..ad.loops import nodes_of
from ..ad.primitives import dense
from ..ad.selected import bare
from ..ad.tape import Node, Tape, Var
from ..ad.transforms import Inputs
from ..ad.values import plain, shape
from ..ad.watch import WatchedTape, close_tape, open_tape
from .judging import directions, judged, slope_along
from .kinks import Course, has_sides, operation, side_of
from .report import Check, Culprit


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
    return [Entry(k, node, spot, "") for k, (node, spot) in enumerate(nodes_of(tape))]   # type: ignore[arg-type]


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
        if is_surrogate(entry):
            continue
        for operand, check in local_checks(entry.node, accuracy, rng):
            known = found.get((entry.number, operand))
            if check.verdict == "wrong" and (known is None or check.misses > known.check.misses):
                found[entry.number, operand] = culprit_at(entry, operand, check)
    return list(found.values())


def culprit_at(entry: Entry, operand: int, check: Check) -> Culprit:
    """The culprit, from the check that it failed."""
    inputs = tuple(plain(x) for x in entry.node.args)
    return Culprit(entry.node.op.name, entry.number, place_of(entry.spot), operand, inputs, check,
                   entry.within)


def local_checks(node: Any, accuracy: float, rng: np.random.Generator) -> list[tuple[int, Check]]:
    """For each traced operand of a node, its rule against differences of the operation alone."""
    compute, values = operation(node)
    parts = node.value if isinstance(node.value, tuple) else (node.value,)
    u = tuple(rng.uniform(0.5, 1.5, shape(p)) if shape(p) else float(rng.uniform(0.5, 1.5)) for p in parts)
    unit = u[0] if len(u) == 1 and type(u[0]) is float else 1.0      # the report shows the rule for g = 1
    pulled = node.op.pull(node, u if isinstance(node.value, tuple) else u[0])
    checks = []
    for position, x in enumerate(node.args):
        if type(x) is not Var or x.tape is not node.tape:
            continue
        c = pulled.pop(0)[1] if pulled and pulled[0][0] is x else 0.0       # no path may lead there
        value, c = values[position], bare(dense(c))

        def with_operand(t: Any, position: int = position) -> list:
            return [*values[:position], t, *values[position + 1 :]]

        def along(t: Any, with_operand: Callable = with_operand) -> float:
            results = compute(with_operand(t))
            results = results if isinstance(results, tuple) else (results,)
            return float(sum(np.sum(w * r) for w, r in zip(u, results, strict=True))) / unit

        def course(t: Any, with_operand: Callable = with_operand) -> Course:
            moved = with_operand(t)
            return Course((side_of(node.op, compute(moved), moved, node.kwargs),), ())

        if isinstance(value, tuple):             # of one of the results of a node
            value = list(value)
        for name, v in directions(value, rng):
            rule, rounding = slope_along(c, v)
            checks.append((position, judged(along, value, v, rule / unit, accuracy,
                                            f"argument {position}{name}",
                                            course if has_sides(node.op) else None, rounding / unit)))
    return checks


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
    form = options.pop("form", None)

    def call(*xs: Any) -> Any:
        full = list(values)
        for k, x in zip(at, xs, strict=True):
            full[k] = x
        return node.op(*(form.call(full) if form else full), **options)

    return call, [values[k] for k in at]
