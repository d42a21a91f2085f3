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
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..ad import tree
from ..ad.errors import SteepGradientWarning
from ..ad.tape import Var
from ..ad.transforms import jvp, vjp
from ..ad.values import plain, shape
from ..ad.watch import shown
from .judging import ELEMENTWISE, directions, judged, slope_along
from .kinks import Course, course_of, same_course
from .nodes import (
    Entry,
    culprit_at,
    culprits_among,
    is_surrogate,
    local_checks,
    nodes_of_run,
    nodes_of_slope,
    same_value,
    traced_operation,
)
from .report import Check, Culprit, GradientError, Report

__all__ = ["Check", "Culprit", "GradientError", "Report", "check_grads"]

ENOUGH = 3                               # wrong derivatives by an argument; then its nodes are looked at
BLURRED = 64.0                           # two numbers may differ by so many times what they change by when
                                         # the last digits of the arguments do


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
    if not any(_is_float(leaf) for _, leaf in tree.leaves(args)):
        raise ValueError("there is no float among the arguments, and only floats are checked: "
                         "write 3.0 instead of 3")
    if grad is not None and order != 1:
        raise ValueError("order=2 needs tinydp's own gradient: leave grad= out, or check grad itself")
    report = Report()
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", SteepGradientWarning)
        if grad is None:
            _check_own(report, f, args, order, accuracy, rng)
        else:
            _check_foreign(report, f, args, grad, accuracy, rng)
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


def _compare(report: Report, f: Callable, args: tuple, gradient: Callable[..., tuple], accuracy: float,
             rng: np.random.Generator, prefix: str = "", ours: Callable | None = None,
             places: list[str] | None = None, suffix: str = "") -> None:
    """Check the gradient of `f(*args)`, a number, leaf by leaf, along several directions each.

    `gradient(*args)` returns one for each float among the arguments. `ours` is the same function for
    traced arguments, if it can be recorded; `places` are the names of the floats.
    """
    leaves, fill = _replaced(args, _is_float)
    places = places or _places(args)
    close_by: list = []

    def blurred(k: int, v: Any, rule: float) -> float:
        """How far the rule can be rounded by what was added up to get it, which is not known.

        By the last digits of the largest number in the gradient; and by as much as it changes with the
        last digits of the arguments, unless that takes it across a kink.
        """
        largest = max(float(np.max(np.abs(g), initial=0.0)) for g in found)
        summed = slope_along(np.asarray(largest, found[k].dtype), np.abs(v))[1]
        if not close_by:
            nudged = _nudged(leaves, rng)
            here, there = (course_of(ours, xs) if ours else None for xs in (leaves, nudged))
            close_by[:] = gradient(*fill(nudged)), here is not None and here == there
        change = abs(slope_along(np.asarray(close_by[0][k]), v)[0] - rule)
        return summed + (BLURRED * change if close_by[1] or change <= accuracy * abs(rule) else 0.0)

    found = [np.asarray(g) for g in gradient(*args)]
    for k, (place, x, g) in enumerate(zip(places, leaves, found, strict=True)):
        def along(t: Any, k: int = k) -> float:
            return f(*fill([*leaves[:k], t, *leaves[k + 1 :]]))

        def course(t: Any, k: int = k) -> Course | None:
            return course_of(ours, [*leaves[:k], t, *leaves[k + 1 :]])   # type: ignore[arg-type]

        def taken(k: int = k) -> Callable:
            replay = same_course(ours, leaves)           # type: ignore[arg-type]
            return lambda t: float(plain(replay(*leaves[:k], t, *leaves[k + 1 :])))

        wrong = report.count("wrong")
        for name, v in directions(x, rng):
            if ours and report.count("wrong") >= wrong + ENOUGH:
                break                            # the culprit is found by the nodes
            rule, rounding = slope_along(g, v)
            said = functools.partial(
                judged, along, x, v, rule, accuracy, f"{prefix}argument {place}{name}{suffix}",
                course if ours else None, taken=taken if ours else None)
            check = said(rounding)
            if check.verdict == "wrong":
                rounding += blurred(k, v, rule)
                if abs(rule - check.value) <= check.error + rounding:
                    check = said(rounding)
            report.checks.append(check)


def _places(args: tuple) -> list[str]:
    """The names of the floats: `0['w'][1]` is args[0]['w'][1]."""
    return [path[1:].replace("]", "", 1) for path, leaf in tree.leaves(args) if _is_float(leaf)]


def _check_foreign(report: Report, f: Callable, args: tuple, grad: Callable, accuracy: float,
                   rng: np.random.Generator) -> None:
    y = f(*args)
    if np.shape(y) != ():
        raise ValueError(f"f returned an array of shape {np.shape(y)}; with grad= it must return one number, "
                         "such as its sum")
    _compare(report, lambda *xs: float(f(*xs)), args, lambda *xs: _foreign(grad, xs), accuracy, rng)
    if str(getattr(y, "dtype", "float64")).removeprefix("torch.") in ("float32", "float16", "bfloat16"):
        report.hints.append(f"f computes in {y.dtype}, which has too few digits for differences: "
                            "use float64 (in JAX: jax.config.update('jax_enable_x64', True))")


def _foreign(grad: Callable, args: tuple) -> tuple:
    """What a gradient function from elsewhere returns, as a tuple over all arguments."""
    returned = tree.map(_plain_leaf, grad(*args))
    listed = tuple(returned) if type(returned) is list else returned
    if type(listed) is tuple and len(listed) == len(args) and tree.alike(args, listed):
        gradients: tuple = listed
    elif tree.alike(args[0], returned) or tree.alike(args[0], listed):
        gradients = (returned, *(tree.map(np.zeros_like, x) for x in args[1:]))
        if any(_is_float(leaf) for _, leaf in tree.leaves(args[1:])):
            raise ValueError("grad returned the gradient by the first argument only; check a function of "
                             "that argument (functools.partial), or return one for each as a tuple")
    else:
        raise ValueError(f"grad returned {tree.describe(returned)}, which is built neither like the first "
                         "argument nor like the tuple of all")
    gradients = tree.map(lambda _, g: g, args, gradients)        # in the order of our keys: JAX sorts them
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


def _plain_leaf(leaf: Any) -> Any:
    """An array with its own number of digits, which say how far it is rounded."""
    array = np.asarray(leaf.detach() if hasattr(leaf, "detach") else leaf)
    return array if array.dtype.kind == "f" else array.astype(float)


# ---------------------------------------------------------------------------- our own gradients

def _check_own(report: Report, f: Callable, args: tuple, order: int, accuracy: float,
               rng: np.random.Generator) -> None:
    given, fill = _replaced(args, _is_float)
    leaves = [_as_taped(x) for x in given]
    before = copy.deepcopy(args)

    def of_floats(*xs: Any) -> Any:
        return f(*fill(list(xs)))

    y, pullback = vjp(of_floats, *leaves)
    real = [k for k, leaf in enumerate(tree.flatten(y)[0]) if _is_number(leaf)]
    weights = [rng.uniform(0.5, 1.5, shape(leaf)) if shape(leaf) else float(rng.uniform(0.5, 1.5))
               for leaf in (tree.flatten(y)[0][k] for k in real)]
    report.summed = len(real) > 1 or any(map(np.ndim, weights))
    if not report.summed:
        weights = [1.0] * len(real)              # the report shows the gradient of f itself

    def weighted(*xs: Any) -> Any:
        """A number: the results of `f`, each with a weight of its own."""
        found = tree.flatten(of_floats(*xs))[0]
        return sum(np.sum(w * found[k]) for w, k in zip(weights, real, strict=True))

    nodes = nodes_of_run(weighted, leaves)
    surrogates = [entry for entry in nodes if is_surrogate(entry)]
    report.surrogates = sorted({entry.node.op.name for entry in surrogates})
    for x, g in zip(given, vjp(weighted, *given)[1](1.0), strict=True):
        if type(g) is not type(x) or np.shape(g) != np.shape(x):
            report.problems.append(f"the gradient is {shown(g)}, where the argument is {shown(x)}: "
                                   "another type or shape")
    _structure(report, of_floats, leaves, y, pullback, before, args, rng, bool(surrogates))
    if surrogates:
        _check_around_surrogates(report, nodes, accuracy, rng)
        return
    _compare_own(report, weighted, leaves, accuracy, rng, places=_places(args))
    for name, result in _small_results(of_floats, y, accuracy):
        _compare_own(report, result, leaves, accuracy, rng, places=_places(args),
                     suffix=f", of result{name} alone")
    if report.count("wrong"):
        report.culprits = culprits_among(nodes, accuracy, rng)
        if not report.culprits:
            _hint(report, weighted, leaves, nodes)
    elif order > 1:
        _second_order(report, weighted, leaves, _places(args), nodes, accuracy, rng)


def _compare_own(report: Report, f: Callable, leaves: list, accuracy: float, rng: np.random.Generator,
                 **options: Any) -> None:
    """The same for tinydp's own gradient of `f(*leaves)`."""
    _compare(report, lambda *xs: float(plain(f(*xs))), tuple(leaves), lambda *xs: vjp(f, *xs)[1](1.0),
             accuracy, rng, ours=f, **options)


def _small_results(f: Callable, y: Any, accuracy: float) -> Iterator[tuple[str, Callable]]:
    """The numbers among the results that a sum of all would hide, by name; each as a function of its own."""
    sizes = [(float(np.abs(number)) or 1.0, k, path, index)      # a zero says nothing of its size
             for k, (path, leaf) in enumerate(tree.leaves(y)) if _is_float(leaf)
             for index, number in np.ndenumerate(leaf) if np.isfinite(number)]
    largest = max((size for size, *_ in sizes), default=0.0)
    for size, k, path, index in sorted(sizes)[:ELEMENTWISE]:
        if size <= accuracy * largest:
            def result(*xs: Any, k: int = k, index: tuple = index) -> Any:
                leaf = tree.flatten(f(*xs))[0][k]
                return leaf[index] if index else leaf
            yield f"{path}{list(index) if index else ''}", result


def _check_around_surrogates(report: Report, nodes: list[Entry], accuracy: float,
                             rng: np.random.Generator) -> None:
    """A surrogate has another gradient than its function, so all other operations are checked one by one."""
    for entry in nodes:
        name, k = entry.node.op.name, entry.number
        if is_surrogate(entry):
            if not same_value(entry):
                report.problems.append(f"the surrogate {name} (node {k}) gives another value than f")
            continue
        for operand, check in local_checks(entry.node, accuracy, rng):
            if check.verdict == "wrong":
                report.culprits.append(culprit_at(entry, operand, check))
            report.checks.append(check._replace(where=f"node {k} ({name}), {check.where}"))


def _hint(report: Report, f: Callable, leaves: list, nodes: list[Entry]) -> None:
    """If no operation is to blame: a derivative ended somewhere, or is in no node."""
    if not nodes:
        report.hints.append("nothing was recorded: the result was made of something else than the arguments, "
                            "or of dp.value of them")
        return
    nudged = [x * (1 + 2.0**-20) + 2.0**-30 for x in leaves]
    here, there = course_of(f, leaves), course_of(f, nudged)
    if here and there and here.discrete == there.discrete and here.constants != there.constants:
        report.hints.append("each operation is right, but a constant on the tape changes with the arguments: "
                            "dp.value, dp.stop_gradient or a rounding cut a derivative")
    else:
        report.hints.append(f"each of the {len(nodes)} operations on the tape is right by itself")


def _as_taped(leaf: Any) -> Any:
    """A float of fewer digits as the tape computes with it, so that these do not blur the check."""
    return leaf.astype(np.float64, copy=False) if isinstance(leaf, (np.ndarray, np.floating)) else leaf


def _is_number(leaf: Any) -> bool:
    return _is_float(leaf) or (isinstance(leaf, (int, Var)) and not isinstance(leaf, bool))


def _second_order(report: Report, f: Callable, leaves: list, places: list[str], nodes: list[Entry],
                  accuracy: float, rng: np.random.Generator) -> None:
    """The Hessian along two ways: against differences of the gradient, and symmetric."""
    u, w = ([rng.uniform(0.5, 1.5, shape(x)) if shape(x) else float(rng.uniform(0.5, 1.5)) for x in leaves]
            for _ in range(2))

    def products(leaves: list) -> tuple:
        hu, hw = (vjp(_slope(f, way), *leaves)[1](1.0) for way in (u, w))
        size = sum(float(np.sum(np.abs(a * b))) for a, b in zip(u, hw, strict=True))
        return _dot(u, hw), _dot(w, hu), size

    here, there, size = products(leaves)
    before = len(report.checks)
    slope = _slope(f, w)
    _compare_own(report, slope, leaves, accuracy, rng, prefix="second order, ", places=places)
    if not _agree(here, there, size, products, leaves, rng):
        report.problems.append(f"the Hessian is not symmetric: u'Hw = {here:.12g}, w'Hu = {there:.12g}")
    if any(check.verdict == "wrong" for check in report.checks[before:]):
        report.culprits = (culprits_among(nodes_of_slope(f, w, leaves), accuracy, rng)
                           or _wrong_slopes(nodes, accuracy, rng))


def _slope(f: Callable, way: list) -> Callable:
    """The derivative of `f` along a way: a number, whose gradient is the Hessian times the way."""
    def along(*xs: Any) -> Any:
        _, pullback = vjp(f, *xs)
        return _dot(way, pullback(1.0))
    return along


def _wrong_slopes(nodes: list[Entry], accuracy: float, rng: np.random.Generator) -> list[Culprit]:
    """The operations whose rule is right, but not the derivative of it: the rule has lost it."""
    found = []
    for entry in nodes:
        call, values = traced_operation(entry)
        if any(isinstance(value, tuple) for value in values):
            continue                             # one of the results of a node: a choice has no curvature

        def weighted(*xs: Any, call: Callable = call) -> Any:
            return sum(np.sum(np.cos(float(k)) * y) for k, y in enumerate(tree.flatten(call(*xs))[0])
                       if _is_number(y))

        way = [rng.uniform(0.5, 1.5, shape(x)) if shape(x) else 1.0 for x in values]
        slope = _slope(weighted, way)
        local = Report()
        _compare(local, lambda *xs: float(plain(slope(*xs))), tuple(values),
                 lambda *xs, slope=slope: vjp(slope, *xs)[1](1.0), accuracy, rng)
        worst = local.worst
        if worst and worst.verdict == "wrong":
            operand = int(worst.where.removeprefix("argument ").split(",")[0])
            again = worst._replace(where=f"{worst.where}, differentiated again,")
            found.append(culprit_at(entry, operand, again))
    return found


def _agree(here: float, there: float, size: float, again: Callable[[list], tuple], leaves: list,
           rng: np.random.Generator) -> bool:
    """Whether two numbers are equal to rounding.

    If not to the last digits of their terms, then as far as they change when the last digits of the
    arguments do: close to a singular matrix, few are left.
    """
    if not np.isfinite(size) or abs(here - there) <= 1e-9 * size + 1e-300:
        return True
    nudged = again(_nudged(leaves, rng))
    return bool(abs(here - there) <= BLURRED * (abs(nudged[0] - here) + abs(nudged[1] - there)))


def _nudged(leaves: list, rng: np.random.Generator) -> list:
    """The arguments, changed in their last digits."""
    return [x * (1.0 + 2.0**-50 * rng.choice([-1.0, 1.0], shape(x))) if shape(x) else x * (1.0 + 2.0**-50)
            for x in leaves]


def _dot(a: Any, b: Any) -> Any:
    return sum(np.sum(x * y) for x, y in zip(a, b, strict=True))


def _structure(report: Report, f: Callable, leaves: list, y: Any, pullback: Callable, before: tuple,
               args: tuple, rng: np.random.Generator, surrogate: bool) -> None:
    """What must hold exactly, or to rounding, whatever the derivative is."""
    def say(problem: str) -> None:
        report.problems.append(problem)

    again, pull_again = vjp(f, *leaves)
    if not _same(again, y):
        say("f is not deterministic: the same arguments gave another value")
    if not _same(before, args):
        say("f changed its arguments")
    if not _same_to_rounding(f(*leaves), y, lambda: f(*_nudged(leaves, rng))):
        say("the traced value differs from that of the plain call")
    u = tree.map(lambda leaf: rng.normal(size=shape(leaf)) if shape(leaf) else float(rng.normal()), y)
    zero, once, twice = (pullback(tree.map(lambda leaf, s=s: s * leaf, u)) for s in (0.0, 1.0, 2.0))
    if not _same(pull_again(u), once):
        say("the pullback is not deterministic")
    if any(np.any(np.asarray(g) != 0) for g in zero):
        say("a zero cotangent was pulled back to something else than zero")
    if not all(np.allclose(b, 2.0 * np.asarray(a), rtol=1e-12, atol=1e-300, equal_nan=True)
               for a, b in zip(once, twice, strict=True)):
        say("the pullback is not linear: twice the cotangent did not give twice the result")
    if surrogate:
        return
    v = tuple(rng.normal(size=shape(x)) if shape(x) else float(rng.normal()) for x in leaves)

    def products(leaves: list) -> tuple:
        pulled = vjp(f, *leaves)[1](u)
        _, change = jvp(f, tuple(leaves), v)
        terms = [np.asarray(a) * np.asarray(b) for a, b in zip(pulled, v, strict=True)]
        here = sum(float(np.sum(np.asarray(a) * np.asarray(b))) for a, b in
                   zip(tree.flatten(change)[0], tree.flatten(u)[0], strict=True))
        return here, sum(float(np.sum(t)) for t in terms), sum(float(np.sum(np.abs(t))) for t in terms)

    here, there, size = products(leaves)
    if not _agree(here, there, size, products, leaves, rng):
        say(f"the adjoint identity fails: <u, J v> = {here:.12g}, <J'u, v> = {there:.12g}")


def _same_to_rounding(plain: Any, traced: Any, nudged: Callable[[], Any]) -> bool:
    """Whether two values are equal as far as rounding goes: some functions are made of others when traced."""
    if _same(plain, traced, rtol=1e-12):
        return True
    other = nudged()
    if not tree.alike(plain, traced) or not tree.alike(plain, other):
        return False
    for a, b, c in zip(*(tree.flatten(y)[0] for y in (plain, traced, other)), strict=True):
        if np.shape(a) != np.shape(b) or np.shape(a) != np.shape(c):
            return False
        if _is_float(a):
            allowed = 1e-13 * np.max(np.abs(a), initial=0.0) + BLURRED * np.max(np.abs(a - c), initial=0.0)
            if not np.allclose(a, b, rtol=0.0, atol=allowed, equal_nan=True):
                return False
        elif not np.all(a == b):
            return False
    return True


def _same(a: Any, b: Any, rtol: float = 0.0) -> bool:
    if not tree.alike(a, b):
        return False
    pairs = zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True)
    return all(np.shape(x) == np.shape(z) and np.allclose(x, z, rtol=rtol, atol=0.0, equal_nan=True)
               if _is_float(x) else np.all(x == z) for x, z in pairs)
