"""Is this gradient right? A verdict that can be believed, and the name of the culprit.

    >>> import numpy as np
    >>> print(check_grads(lambda x, w: np.sum(np.sin(x) * w), (np.array([0.1, 0.2]), 3.0)))
    right: 5 of 5 derivatives agree with finite differences to within their error bars
    >>> from tinydp import custom_gradient
    >>> cube = custom_gradient(lambda x: x**3, lambda g, y, x: g * 3.03 * x**2)
    >>> report = check_grads(lambda x: 2.0 * cube(x) + x, 1.5, raises=False)
    >>> report.verdict, report.culprit
    ('wrong', '<lambda>')

Nothing is tuned: every finite difference brings its own error bar (`derivative`).
"""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..ad import tree
from ..ad.custom import Custom
from ..ad.errors import Place, SteepGradientWarning, place_of
from ..ad.loops import nodes_of
from ..ad.primitives import dense, pick
from ..ad.tape import Var
from ..ad.transforms import Inputs, jvp, vjp
from ..ad.values import plain, shape
from ..ad.watch import WatchedTape, close_tape, open_tape, shown
from .differences import derivative, one_sided, verdict

ELEMENTWISE = 16                         # arguments with no more numbers are checked one by one
DIRECTIONS = 2                           # random directions an argument, besides


class Check(NamedTuple):
    """One derivative: what the rule says, what was measured, and what follows."""

    where: str                           # which argument, which direction
    rule: float
    value: float                         # measured by finite differences
    error: float                         # the half width of the interval that holds the true one
    verdict: str                         # right, wrong, inconclusive or kink

    @property
    def misses(self) -> float:
        """How many error bars the rule is away."""
        off = abs(self.rule - self.value)
        return off / self.error if self.error else (0.0 if off == 0.0 else float("inf"))


class Culprit(NamedTuple):
    """A node whose own rule is wrong at the values that it had."""

    op: str
    node: int
    place: Place
    operand: int
    inputs: tuple
    check: Check

    @property
    def ratio(self) -> float:
        """The rule's value by the measured one."""
        return self.check.rule / self.check.value if self.check.value else float("inf")


@dataclass
class Report:
    """What `check_grads` found. `verdict` is "right", "wrong" or "inconclusive"."""

    checks: list[Check] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)            # of structure, not of size
    culprits: list[Culprit] = field(default_factory=list)
    surrogates: list[str] = field(default_factory=list)          # checked against their declaration

    def count(self, kind: str) -> int:
        """How many of the checks ended so."""
        return sum(check.verdict == kind for check in self.checks)

    @property
    def verdict(self) -> str:
        """Wrong if anything is; right if at least half could be judged, in every argument one."""
        if self.problems or self.culprits or self.count("wrong"):
            return "wrong"
        arguments = {check.where.split(",")[0] for check in self.checks}
        judged = [check for check in self.checks if check.verdict != "inconclusive"]
        if {check.where.split(",")[0] for check in judged} != arguments:
            return "inconclusive"
        return "right" if 2 * len(judged) >= len(self.checks) else "inconclusive"

    @property
    def culprit(self) -> str | None:
        """The name of the operation whose rule is wrong, if one was found."""
        return self.culprits[0].op if self.culprits else None

    @property
    def worst(self) -> Check | None:
        """The check that misses by the most error bars."""
        return max(self.checks, key=lambda check: (check.verdict == "wrong", check.misses), default=None)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *self.problems, *self._details()])

    def _headline(self) -> str:
        n, verdict = len(self.checks), self.verdict
        agree = self.count("right") + self.count("kink")
        notes = [f"{self.count(kind)} {text}" for kind, text in
                 (("kink", "at a kink, judged by both sides"), ("inconclusive", "inconclusive"))
                 if self.count(kind)]
        tail = f" ({', '.join(notes)})" if notes else ""
        if verdict == "wrong":
            return f"wrong: {self.count('wrong')} of {n} derivatives differ from finite differences{tail}"
        return (f"{verdict}: {agree} of {n} derivatives agree with finite differences "
                f"to within their error bars{tail}")

    def _details(self) -> list[str]:
        lines = []
        worst = self.worst
        if worst and worst.verdict == "wrong":
            lines.append(f"worst: {worst.where}: the gradient says {worst.rule:.10g}, measured "
                         f"{worst.value:.10g} +- {worst.error:.1g}")
        if worst and self.verdict == "inconclusive":
            poor = max(self.checks, key=lambda check: check.verdict == "inconclusive")
            lines.append(f"{poor.where}: measured {poor.value:.6g} +- {poor.error:.1g}: f itself has too few "
                         "digits left here (cancellation, saturation or a pole nearby)")
        for culprit in self.culprits[:1]:
            check = culprit.check
            lines += [
                f"culprit: {culprit.op}, node {culprit.node}, at {culprit.place}",
                f"  its inputs: {', '.join(map(shown, culprit.inputs))}",
                f"  its rule for argument {culprit.operand} returns {check.rule:.10g}, measured "
                f"{check.value:.10g} +- {check.error:.1g}",
                f"  that is {culprit.ratio:.6g} times what it should be",
            ]
        if len(self.culprits) > 1:
            others = ", ".join(f"{c.op} (node {c.node})" for c in self.culprits[1:4])
            lines.append(f"  and {len(self.culprits) - 1} more: {others}")
        return lines


class GradientError(AssertionError):
    """A gradient is wrong; `report` says which and where."""

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report


def check_grads(f: Callable, args: Any, order: int = 1, grad: Callable | None = None,
                accuracy: float = 1e-6, raises: bool = True) -> Report:
    """Compare the gradient of `f` at `args` with finite differences that know their own error.

    `args` is the tuple of positional arguments (or the only one): numbers, arrays, nested
    structures. All floats in them are checked, along random directions and, if they are few,
    one by one; integers and other things are constants. `f` may return a number or, without
    `grad`, any structure of numbers and arrays. `order=2` checks the second derivatives, too.

    `grad` is a gradient function from elsewhere, such as `jax.grad(f)`: it returns the gradient by
    the first argument, or by all of them as a tuple. Without it, tinydp's own is checked, node
    by node if it is wrong, together with what must hold exactly: the adjoint identity, linearity,
    zero in zero out, determinism, arguments left alone, shapes and types. Operations that are
    declared surrogates (`straight_through`) are checked against their declaration.

    `accuracy` says how small, relative to the derivative, an error bar must be to decide on; it is
    no tolerance for the gradient. Raises `GradientError` if the verdict is "wrong" and `raises`.

        >>> check_grads(np.hypot, (3.0, 4.0), order=2).verdict
        'right'
        >>> check_grads(lambda x: x**2, 3.0, grad=lambda x: 2.001 * x, raises=False).worst.rule
        6.003
    """
    args = args if type(args) is tuple else (args,)
    if grad is not None and order != 1:
        raise ValueError("order=2 needs tinydp's own gradient: leave grad= out, or check grad itself")
    report = Report()
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", SteepGradientWarning)
        if grad is None:
            _check_own(report, f, args, order, accuracy, rng)
        else:
            gradients = _foreign(grad, args)
            _compare(report, lambda *xs: float(np.asarray(f(*xs))), args, gradients, accuracy, rng, "")
    if raises and report.verdict == "wrong":
        raise GradientError(report)
    return report


# ---------------------------------------------------------------------------- comparing

def _is_float(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind == "f"
    return isinstance(leaf, (float, np.floating))


def _replaced(args: tuple, wanted: Callable[[Any], bool]) -> tuple[list, Callable[[list], tuple]]:
    """The leaves that are wanted, and the arguments with others in their places."""
    leaves, unflatten = tree.flatten(args)
    at = [k for k, leaf in enumerate(leaves) if wanted(leaf)]

    def fill(others: list) -> tuple:
        full = list(leaves)
        for k, x in zip(at, others, strict=True):
            full[k] = x
        return unflatten(full)

    return [leaves[k] for k in at], fill


def _compare(report: Report, f: Callable, args: tuple, gradients: tuple, accuracy: float,
             rng: np.random.Generator, prefix: str) -> None:
    """Check the gradient of `f(*args)`, a number, leaf by leaf, along several directions each."""
    leaves, fill = _replaced(args, _is_float)
    places = [path for path, leaf in tree.leaves(args) if _is_float(leaf)]
    found, _ = tree.flatten(gradients)
    for k, (place, x, g) in enumerate(zip(places, leaves, found, strict=True)):

        def along(t: Any, k: int = k) -> float:
            return f(*fill([*leaves[:k], t, *leaves[k + 1 :]]))

        for name, v in _directions(x, rng):
            rule = float(np.sum(np.asarray(g) * v))
            where = f"{prefix}argument {_argument(place)}{name}"
            report.checks.append(_judge(along, x, v, rule, accuracy, where))


def _argument(path: str) -> str:
    """`[0]['w'][1]` as `0['w'][1]`."""
    return path[1:].replace("]", "", 1)


def _directions(x: Any, rng: np.random.Generator) -> list[tuple[str, Any]]:
    if shape(x) == ():
        return [("", 1.0 if isinstance(x, float) else np.ones(()))]
    names = [(f", direction {i}", rng.choice([-1.0, 1.0], shape(x)) * rng.uniform(0.5, 1.5, shape(x)))
             for i in range(DIRECTIONS if np.size(x) else 0)]
    if np.size(x) <= ELEMENTWISE:
        for index in np.ndindex(*shape(x)):
            v = np.zeros(shape(x))
            v[index] = 1.0
            names.append((f", element {list(index)}", v))
    return names


def _judge(f: Callable, x: Any, v: Any, rule: float, accuracy: float, where: str) -> Check:
    """The verdict on one directional derivative; at a kink, by the derivatives of both sides."""
    measured = derivative(f, x, v)
    found = verdict(rule, measured, accuracy)
    if found != "right":
        left, right = (one_sided(f, x, v, side) for side in (-1, 1))
        both = np.isfinite(left.error) and np.isfinite(right.error)
        if both and abs(left.value - right.value) > 2 * (left.error + right.error):
            low, high = sorted((left, right), key=lambda side: side.value)
            slack = accuracy * max(abs(low.value), abs(high.value), abs(rule))
            inside = low.value - low.error - slack <= rule <= high.value + high.error + slack
            middle, width = (low.value + high.value) / 2, (high.value - low.value) / 2
            return Check(where, rule, middle, width, "kink" if inside else "wrong")
    return Check(where, rule, measured.value, measured.error, found)


def _foreign(grad: Callable, args: tuple) -> tuple:
    """What a gradient function from elsewhere returns, as a tuple over all arguments."""
    returned = tree.map(_plain_leaf, _native(grad(*args)))
    if type(returned) is tuple and len(returned) == len(args) and tree.alike(args, returned):
        gradients: tuple = returned
    elif tree.alike(args[0], returned):
        gradients = (returned, *(tree.map(np.zeros_like, x) for x in args[1:]))
        if any(_is_float(leaf) for _, leaf in tree.leaves(args[1:])):
            raise ValueError("grad returned the gradient by the first argument only; check a function of "
                             "that argument (functools.partial), or return one for each as a tuple")
    else:
        raise ValueError(f"grad returned {tree.describe(returned)}, which is built neither like the first "
                         "argument nor like the tuple of all")
    found, _ = tree.flatten(gradients)
    wanted, _ = tree.flatten(args)
    for x, g in zip(wanted, found, strict=True):
        if _is_float(x) and np.shape(g) != np.shape(x):
            raise ValueError(f"grad returned an array of shape {np.shape(g)} for one of shape {np.shape(x)}")
    return _only_floats(args, gradients)


def _only_floats(args: tuple, gradients: tuple) -> tuple:
    """The gradients of the floating-point leaves alone."""
    wanted, _ = tree.flatten(args)
    found, _ = tree.flatten(gradients)
    return tuple(g for x, g in zip(wanted, found, strict=True) if _is_float(x))


def _native(x: Any) -> Any:
    return tuple(x) if isinstance(x, list) and not hasattr(x, "dtype") else x


def _plain_leaf(leaf: Any) -> Any:
    return np.asarray(leaf.detach() if hasattr(leaf, "detach") else leaf, dtype=float)


# ---------------------------------------------------------------------------- our own gradients

def _check_own(report: Report, f: Callable, args: tuple, order: int, accuracy: float,
               rng: np.random.Generator) -> None:
    leaves, fill = _replaced(args, _is_float)
    before = copy.deepcopy(args)

    def of_floats(*xs: Any) -> Any:
        return f(*fill(list(xs)))

    y, pullback = vjp(of_floats, *leaves)
    real = [k for k, leaf in enumerate(tree.flatten(y)[0]) if _is_number(leaf)]
    weights = [rng.uniform(0.5, 1.5, shape(leaf)) if shape(leaf) else float(rng.uniform(0.5, 1.5))
               for leaf in (tree.flatten(y)[0][k] for k in real)]

    def weighted(*xs: Any) -> Any:
        """A number: the results of `f`, each with a weight of its own."""
        found = tree.flatten(of_floats(*xs))[0]
        return sum(np.sum(w * found[k]) for w, k in zip(weights, real, strict=True))

    nodes, surrogates = _nodes(weighted, leaves)
    report.surrogates = sorted({node.op.name for _, node, _ in surrogates})
    _, pull_weighted = vjp(weighted, *leaves)
    gradients = pull_weighted(1.0)
    _structure(report, of_floats, leaves, y, pullback, gradients, before, args, rng, bool(surrogates))
    if surrogates:
        _check_nodes(report, nodes, accuracy, rng, everything=True)
        return
    _compare(report, lambda *xs: float(plain(weighted(*tree.flatten(xs)[0]))), tuple(leaves), gradients,
             accuracy, rng, "")
    if order > 1:
        _second_order(report, weighted, leaves, accuracy, rng)
    if report.count("wrong"):
        _check_nodes(report, nodes, accuracy, rng, everything=False)


def _is_number(leaf: Any) -> bool:
    return _is_float(leaf) or (isinstance(leaf, (int, Var)) and not isinstance(leaf, bool))


def _second_order(report: Report, f: Callable, leaves: list, accuracy: float,
                  rng: np.random.Generator) -> None:
    """The Hessian along two ways: against differences of the gradient, and symmetric."""
    u, w = ([rng.uniform(0.5, 1.5, shape(x)) if shape(x) else float(rng.uniform(0.5, 1.5)) for x in leaves]
            for _ in range(2))

    def slope(way: list) -> Callable:
        """The derivative of `f` along a way: a number, whose gradient is the Hessian times the way."""
        def along(*xs: Any) -> Any:
            _, pullback = vjp(f, *xs)
            return _dot(way, pullback(1.0))
        return along

    hu, hw = (vjp(slope(way), *leaves)[1](1.0) for way in (u, w))
    _compare(report, lambda *xs: float(plain(slope(w)(*xs))), tuple(leaves), hw, accuracy, rng,
             "second order, ")
    here, there = _dot(u, hw), _dot(w, hu)
    size = sum(float(np.sum(np.abs(a * b))) for a, b in zip(u, hw, strict=True))
    if not abs(here - there) <= 1e-9 * size + 1e-300:
        report.problems.append(f"the Hessian is not symmetric: u'Hw = {here:.12g}, w'Hu = {there:.12g}")


def _dot(a: Any, b: Any) -> Any:
    return sum(np.sum(x * y) for x, y in zip(a, b, strict=True))


def _structure(report: Report, f: Callable, leaves: list, y: Any, pullback: Callable, gradients: tuple,
               before: tuple, args: tuple, rng: np.random.Generator, surrogate: bool) -> None:
    """What must hold exactly, or to rounding, whatever the derivative is."""
    def say(problem: str) -> None:
        report.problems.append(problem)

    for x, g in zip(leaves, gradients, strict=True):
        if type(g) is not type(x) or np.shape(g) != np.shape(x):
            say(f"the gradient is {shown(g)}, where the argument is {shown(x)}: another type or shape")
    again, pull_again = vjp(f, *leaves)
    if not _same(again, y):
        say("f is not deterministic: the same arguments gave another value")
    if not _same(before, args):
        say("f changed its arguments")
    if not _same(f(*leaves), y, rtol=1e-12):     # some functions are made of others when traced
        say("the traced value differs from that of the plain call")
    u = tree.map(lambda leaf: rng.normal(size=shape(leaf)) if shape(leaf) else float(rng.normal()), y)
    zero, once, twice = (pullback(tree.map(lambda leaf, s=s: s * leaf, u)) for s in (0.0, 1.0, 2.0))
    if not _same(pull_again(u), once):
        say("the pullback is not deterministic")
    if any(np.any(np.asarray(g) != 0) for g in zero):
        say("a zero cotangent was pulled back to something else than zero")
    if not all(np.allclose(b, 2.0 * np.asarray(a), rtol=1e-12, atol=0, equal_nan=True)
               for a, b in zip(once, twice, strict=True)):
        say("the pullback is not linear: twice the cotangent did not give twice the result")
    if surrogate:
        return
    v = tuple(rng.normal(size=shape(x)) if shape(x) else float(rng.normal()) for x in leaves)
    _, change = jvp(f, tuple(leaves), v)
    terms = [np.asarray(a) * np.asarray(b) for a, b in zip(once, v, strict=True)]
    there = sum(float(np.sum(t)) for t in terms)
    here = sum(float(np.sum(np.asarray(a) * np.asarray(b))) for a, b in
               zip(tree.flatten(change)[0], tree.flatten(u)[0], strict=True))
    size = sum(float(np.sum(np.abs(t))) for t in terms)
    if np.isfinite(size) and not abs(here - there) <= 1e-9 * size + 1e-300:
        say(f"the adjoint identity fails: <u, J v> = {here:.12g}, <J'u, v> = {there:.12g}")


def _same(a: Any, b: Any, rtol: float = 0.0) -> bool:
    if not tree.alike(a, b):
        return False
    pairs = zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True)
    return all(np.shape(x) == np.shape(z) and np.allclose(x, z, rtol=rtol, atol=0.0, equal_nan=True)
               if _is_float(x) else np.all(x == z) for x, z in pairs)


# ---------------------------------------------------------------------------- node by node

def _nodes(f: Callable, leaves: list) -> tuple[list, list]:
    """All nodes of one run as (number, node, spot), and those of them that are declared surrogates."""
    tape = open_tape(WatchedTape)
    try:
        inputs = Inputs(tape, tuple(leaves), range(len(leaves)))
        f(*inputs.args)
    finally:
        close_tape(tape)
    nodes = [(k, node, spot) for k, (node, spot) in enumerate(nodes_of(tape))]
    return nodes, [entry for entry in nodes if getattr(entry[1].op, "surrogate", False)]


def _check_nodes(report: Report, nodes: list, accuracy: float, rng: np.random.Generator,
                 everything: bool) -> None:
    """Check each node's own rule at the values that it had; with `everything`, count the right ones."""
    for k, node, spot in nodes:
        if node.op is pick:
            continue
        if getattr(node.op, "surrogate", False):
            compute, values = _operation(node)
            if not _same(tuple(map(_settled, compute(values))), node.value):
                report.problems.append(f"the surrogate {node.op.name} (node {k}) gives another value than f")
            continue
        for position, check in _local_checks(node, accuracy, rng):
            if check.verdict == "wrong":
                inputs = tuple(plain(x) for x in node.args)
                report.culprits.append(Culprit(node.op.name, k, place_of(spot), position, inputs, check))
            if everything:
                report.checks.append(check._replace(where=f"node {k} ({node.op.name}), {check.where}"))


def _local_checks(node: Any, accuracy: float, rng: np.random.Generator) -> list[tuple[int, Check]]:
    """For each traced operand of a node, its rule against differences of the operation alone."""
    compute, values = _operation(node)
    parts = node.value if isinstance(node.value, tuple) else (node.value,)
    u = tuple(rng.uniform(0.5, 1.5, shape(p)) if shape(p) else float(rng.uniform(0.5, 1.5)) for p in parts)
    pulled = iter(node.op.pull(node, u if isinstance(node.value, tuple) else u[0]))
    checks = []
    for position, x in enumerate(node.args):
        if type(x) is not Var or x.tape is not node.tape:
            continue
        _, c = next(pulled, (x, 0.0))
        value, c = values[position], dense(c)

        def along(t: Any, position: int = position) -> float:
            results = compute([*values[:position], t, *values[position + 1 :]])
            results = results if isinstance(results, tuple) else (results,)
            return float(sum(np.sum(w * r) for w, r in zip(u, results, strict=True)))

        for name, v in _directions(value, rng):
            rule = float(np.sum(np.asarray(c) * v))
            where = f"argument {position}{name}"
            checks.append((position, _judge(along, value, v, rule, accuracy, where)))
    return checks


def _settled(x: Any) -> Any:
    return np.asarray(x, dtype=float) if np.ndim(x) else float(x)


def _operation(node: Any) -> tuple[Callable[[list], Any], list]:
    """What a node computes, as a function of the list of its operands, and their values."""
    values, options = [plain(x) for x in node.args], dict(node.kwargs)
    if not isinstance(node.op, Custom):
        return (lambda xs: node.op.fn(*xs, **options)), values
    form = options.pop("form")

    def compute(xs: list) -> tuple:
        found = tree.flatten(node.op.fn(*form.call(xs), **options))[0]
        return tuple(x for k, x in enumerate(found) if k not in form.constants)

    return compute, values
