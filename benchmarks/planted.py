"""Is a wrong rule caught, and named, wherever it is? An error planted in every rule of the registry.

Each function of the table of domains (`tinydp/testing/domains.py`) is put in the middle of a program of about
200 operations, at ordinary points. A run shows which primitives it reaches, and by second derivatives
those that only a gradient uses. Then the rule of each primitive for each operand is made too large by
0.1 and by 0.01 %, and `check_grads` asked: is it *caught* (called wrong), and *named* (each culprit
is this primitive, in this argument)? Those of 0.1 % once more beside a surrogate, where no difference of the
whole program can help. Exits with 1 if an error of 0.1 % is not named, if more than 1 %
of those of 0.01 % are not caught, or if a right program is called wrong.

The environment variable PLANTED_DRAWS sets the number of points for each rule.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.ad import primitives, rules, tree
from tinydp.ad.primitives import FlatPrimitive, Primitive
from tinydp.ad.registry import PRIMITIVES
from tinydp.ad.rules.decompositions import of_full_rank
from tinydp.ad.rules.gathers import gather, scatter_at
from tinydp.ad.transforms import vjp
from tinydp.testing import Report, check_grads
from tinydp.testing.check import nodes_of_run, nodes_of_slope
from tinydp.testing.domains import BOX, DOMAINS, TABLE, VECTOR, Array, Domain, Fixed, Matrix, Several

DRAWS = int(os.environ.get("PLANTED_DRAWS", "3"))
SURROGATE = "named beside a surrogate"
FACTORS = {"0.1 %": 1.001, "0.01 %": 1.0001}
PADDING = 22                             # rounds of four operations, before and after

# What has no rule to see: its derivative is zero in this argument, whatever the factor.
ALWAYS_ZERO = {("copysign", 1)}


class Rule(NamedTuple):
    """The rule of one operand, and the program that reaches it."""

    primitive: Primitive
    operand: int
    function: Callable
    order: int                           # 2: only a second derivative uses it

    def __str__(self) -> str:
        return f"{self.primitive.name}-{self.operand}" + "-second" * (self.order == 2)


def drawn(argument: Any, rng: np.random.Generator) -> Any:
    """An ordinary value for an argument, away from kinks and edges."""
    if isinstance(argument, Fixed):
        return argument.value
    if isinstance(argument, Several):
        return [drawn(part, rng) for part in argument.parts]
    if isinstance(argument, Matrix):
        return argument.drawn(rng)
    if isinstance(argument, Array):
        return np.array([drawn(argument.domain, rng) for _ in range(int(np.prod(argument.shape)))]
                        ).reshape(argument.shape)
    assert isinstance(argument, Domain)
    low, high = max(argument.low, -2.0), min(argument.high, 2.0)
    if low >= high:                              # as of arccosh
        high = low + 2.0
    while True:
        x = float(rng.uniform(low + 0.05 * (high - low), high - 0.05 * (high - low)))
        if abs(x) > 0.1:
            return x


def program(function: Callable) -> Callable:
    """About 200 operations, one of them `function`, that end in one number."""

    def padded(x: Any) -> Any:
        for _ in range(PADDING):
            x = 0.9 * x + 0.2 * np.sin(x)
        return x

    def run(*args: Any) -> Any:
        before = padded(0.01 * sum(np.sum(x) for x in floats(args)))
        parts = floats(function(*args))
        total = sum(np.sum(np.cos(np.reshape(np.arange(np.size(x)), np.shape(x)) + k) * x)
                    for k, x in enumerate(parts))
        return padded(total + 0.01 * before)

    return run


def dot_of_stacks(a: Any, b: Any) -> Any:
    """Another rule than that of two matrices."""
    return np.dot(a, b)


# On a tape an index is plain, and so is a rank: it is in a program that these operations stand.


def from_places(x: Any) -> Any:
    """Elements at places that a program computes, one of them twice."""
    return gather(x, np.array([2, 0, 2]), index=("#0", ...))


def to_places(g: Any) -> Any:
    """What arrives there."""
    return scatter_at(g, np.array([2, 0, 2, 1]), shape=(3,), index=("#0",))


def residuals_of_full_rank(x: Any) -> Any:
    """Of least squares, in a program."""
    return of_full_rank(x, True)


def beside_a_surrogate(f: Callable) -> Callable:
    """The same program times the straight-through sign of one of its arguments."""
    def run(*args: Any) -> Any:
        return f(*args) * dp.sign(np.sum(floats(args)[0]))
    return run


PROGRAMS = DOMAINS | {
    dot_of_stacks: (BOX, Array((2, 4, 2))),
    from_places: (TABLE,), to_places: (VECTOR,), residuals_of_full_rank: (VECTOR,),
}


def floats(x: Any) -> list:
    """The numbers and arrays in a structure that have a derivative."""
    return [leaf for leaf in tree.flatten(x)[0]
            if hasattr(leaf, "tape") or isinstance(leaf, float)
            or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")]


def traceable(function: Callable, args: tuple) -> tuple[Callable, list]:
    """The program as a function of the floats among its arguments, and these."""
    leaves, unflatten = tree.flatten(args)
    at = [k for k, leaf in enumerate(leaves) if floats(leaf)]

    def of_floats(*xs: Any) -> Any:
        full = list(leaves)
        for k, x in zip(at, xs, strict=True):
            full[k] = x
        return program(function)(*unflatten(full))

    return of_floats, [leaves[k] for k in at]


def reached(function: Callable, args: tuple) -> Iterator[tuple[Primitive, int, int]]:
    """The (primitive, operand, order) whose rules the program uses."""
    f, leaves = traceable(function, args)
    way = [np.ones(np.shape(x)) if np.ndim(x) else 1.0 for x in leaves]
    for order, entries in ((1, nodes_of_run(f, leaves)), (2, nodes_of_slope(f, way, leaves))):
        for entry in entries:
            for i, x in enumerate(entry.node.args):
                if hasattr(x, "tape") and type(entry.node.op) is Primitive:
                    yield entry.node.op, i, order


def all_primitives() -> set[Primitive]:
    """Every primitive with a rule: those of the registry, and the internal ones."""
    modules = [primitives, *(getattr(rules, name) for name in rules.__all__)]
    ours = {p for p in PRIMITIVES.values() if isinstance(p, Primitive) and not isinstance(p, FlatPrimitive)
            and not p.fn.__module__.startswith("tests")}
    ruled = {id(p.rules) for p in ours}          # a twin of a registered one has its very rules
    return ours | {p for module in modules for p in vars(module).values() if type(p) is Primitive
                   and not (p.rules and id(p.rules) in ruled)}


def table() -> tuple[list[Rule], list[str]]:
    """A rule for each operand of each primitive, by the program that shows it best; and those not reached."""
    best: dict[tuple[Primitive, int], Rule] = {}
    ranks: dict[tuple[Primitive, int], tuple] = {}
    rng = np.random.default_rng(0)
    for function, arguments in PROGRAMS.items():
        args = tuple(drawn(argument, rng) for argument in arguments)
        for primitive, operand, order in reached(function, args):
            rule = Rule(primitive, operand, function, order)
            if primitive.each and operand > 1:   # one rule for any number of operands: two stand for all
                continue
            rank = order, PRIMITIVES.get(function) is not primitive, len(args)
            if (primitive, operand) not in best or rank < ranks[primitive, operand]:
                best[primitive, operand], ranks[primitive, operand] = rule, rank
    missing = [f"{p.name}-{i}" for p in all_primitives()
               for i, rule in enumerate(p.rules or [p.each, p.each]) if rule and (p, i) not in best]
    return [rule for rule in best.values() if (rule.primitive.name, rule.operand) not in ALWAYS_ZERO], missing


@contextlib.contextmanager
def planted(primitive: Primitive, operand: int, factor: float) -> Iterator[None]:
    """Within this context, the rule for one operand is wrong by a factor."""
    old_rules, old_each = primitive.rules, primitive.each
    if old_each:
        def each(g, y, *args, **options):
            share = old_each(g, y, *args, **options)
            return lambda i: share(i) * factor if i == operand else share(i)
        primitive.each = each
    else:
        rule = old_rules[operand]

        def wrong(g, *rest, **options):
            return rule(enlarged(g, factor), *rest, **options)
        primitive.rules = tuple(wrong if i == operand else r for i, r in enumerate(old_rules))
    try:
        yield
    finally:
        primitive.rules, primitive.each = old_rules, old_each


def enlarged(g: Any, factor: float) -> Any:
    """A cotangent, larger by a factor."""
    return tuple(enlarged(part, factor) for part in g) if isinstance(g, tuple) else g * factor


def is_named(report: Report, rule: Rule) -> bool:
    """Whether the report blames this rule and nothing else."""
    return bool(report.culprits) and all(
        (culprit.op, culprit.operand) == (rule.primitive.name, rule.operand) for culprit in report.culprits)


def visible(rule: Rule, rng: np.random.Generator) -> tuple:
    """Arguments at which the rule does not return zeros, as that of `maximum` does for the smaller one."""
    for _ in range(30):
        args = tuple(drawn(argument, rng) for argument in PROGRAMS[rule.function])
        f, leaves = traceable(rule.function, args)
        way = [np.ones(np.shape(x)) if np.ndim(x) else 1.0 for x in leaves]
        g = slopes(f, leaves, way, rule.order)
        with planted(rule.primitive, rule.operand, 1.5):
            if not all(np.allclose(a, b, rtol=1e-3, atol=1e-9)
                       for a, b in zip(g, slopes(f, leaves, way, rule.order), strict=True)):
                return args
    raise ValueError(f"the rule {rule} returned zeros at all points that were tried")


def slopes(f: Callable, leaves: list, way: list, order: int) -> tuple:
    """The gradient, or the Hessian times a way."""
    def slope(*xs: Any) -> Any:
        return sum(np.sum(v * g) for v, g in zip(way, vjp(f, *xs)[1](1.0), strict=True))
    return vjp(f if order == 1 else slope, *leaves)[1](1.0)


def examine(rule: Rule, draws: int, seed: int = 0) -> dict[str, int]:
    """How often, of so many draws, the rule was caught and named; and the right program was not cleared."""
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(["alarms", "open", *(f"{what}, {name}" for name in FACTORS
                                               for what in ("caught", "named")), SURROGATE], 0)
    f = program(rule.function)
    for draw in range(draws):
        args = visible(rule, rng)
        right = check_grads(f, args, order=rule.order, raises=False)
        found["alarms"] += right.verdict == "wrong"
        found["open"] += right.verdict == "inconclusive"
        for name, factor in FACTORS.items():
            with planted(rule.primitive, rule.operand, factor):
                report = check_grads(f, args, order=rule.order, raises=False)
            found[f"caught, {name}"] += report.verdict == "wrong"
            found[f"named, {name}"] += is_named(report, rule)
        if draw == 0 and rule.order == 1:
            found[SURROGATE] += is_named_beside(rule, beside_a_surrogate(f), args)
    return found


def is_named_beside(rule: Rule, f: Callable, args: tuple) -> bool:
    """Whether an error of 0.1 % is named in a program with a surrogate, and the right program cleared."""
    if check_grads(f, args, raises=False).verdict == "wrong":
        return False
    with planted(rule.primitive, rule.operand, 1.001):
        return is_named(check_grads(f, args, raises=False), rule)


def main() -> dict[str, Any]:
    """Print the table; returns it as plain data, and exits with 1 if a promise is broken."""
    began = time.perf_counter()
    found, missing = table()
    print(f"planted: {len(found)} rules of {len({rule.primitive for rule in found})} primitives, in {DRAWS} "
          "programs each of about 200 operations:\nhow often the right program was called wrong (alarm) or "
          "not decided (open), the wrong rule caught and named\n")
    columns = "".join(f"  caught, {name:6s} named, {name:6s}" for name in FACTORS)
    print(f"{'rule':24s}{'program':16s} alarm  open{columns}  beside a surrogate")
    data = {}
    for rule in found:
        data[f"{rule} in {rule.function.__name__}"] = row = examine(rule, DRAWS)
        counts = "".join(f"{row[f'caught, {name}']:16d}{row[f'named, {name}']:14d}" for name in FACTORS)
        name = rule.function.__name__
        print(f"{rule!s:24s}{name:16s}{row['alarms']:6d}{row['open']:6d}{counts}{row[SURROGATE]:20d}",
              flush=True)
    total = {key: sum(row[key] for row in data.values()) for key in next(iter(data.values()))}
    n = DRAWS * len(found)
    once = sum(rule.order == 1 for rule in found)
    shares = (f"{key}: {count} ({100 * count / (once if key == SURROGATE else n):.2f} %)"
              for key, count in total.items())
    print(f"\nof {n}: {', '.join(shares)}")
    print(f"not reached by any program: {', '.join(missing) or 'none'}; {time.perf_counter() - began:.0f} s")
    if (missing or total["alarms"] or total["named, 0.1 %"] < n or total[SURROGATE] < once
            or total["caught, 0.01 %"] < 0.99 * n):
        sys.exit(1)
    return data
