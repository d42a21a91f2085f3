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
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..ad import tree
from ..ad.errors import NotFiniteError, SteepGradientWarning
from ..ad.transforms import jvp, vjp
from ..ad.twins import twin
from ..ad.values import plain, shape
from ..ad.watch import debug_nans, shown
from .judging import ELEMENTWISE, Lazily, Question, believed, nearby, slope_along, ways
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
from .results import is_float, is_real, number, refusal
from .structure import differ, foreign_problems, problems

__all__ = ["Check", "Culprit", "GradientError", "Report", "check_grads"]

ENOUGH = 3                               # wrong derivatives by an argument; then its nodes are looked at


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
    no tolerance for the gradient. Returns a `Report`; raises `GradientError` if the verdict is "wrong" and
    `raises`, but nothing if it is "inconclusive" (ask for `.verdict == "right"`); and `ValueError` if there
    is no float among the arguments, or for `order=2` with a `grad`.

        >>> check_grads(np.hypot, (3.0, 4.0), order=2).verdict
        'right'
        >>> check_grads(lambda x: x**2, 3.0, grad=lambda x: 2.001 * x, raises=False).worst.rule
        6.003
    """
    f = twin(f)
    args = args if type(args) is tuple else (args,)
    if not any(is_float(leaf) for _, leaf in tree.leaves(args)):
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


class Naming(NamedTuple):
    """How checks are called: `argument 0['w'], element [1]`."""

    places: list[str]                    # of the floats among the arguments
    prefix: str = ""
    suffix: str = ""


def _compare(report: Report, f: Callable, args: tuple, gradient: Callable[..., tuple], accuracy: float,
             rng: np.random.Generator, naming: Naming | None = None, ours: Callable | None = None) -> None:
    """Check the gradient of `f(*args)`, a number, leaf by leaf, along several directions each.

    `gradient(*args)` returns one for each float among the arguments. `ours` is the same function for
    traced arguments, if it can be recorded.
    """
    leaves, fill = _replaced(args, is_float)
    naming = naming or Naming(_places(args))
    here = course_of(ours, leaves) if ours else None

    def close_by(xs: list) -> tuple[list, list] | None:
        """The point and the gradient there, if the program takes the same course."""
        there = course_of(ours, xs) if ours else None
        if ours and not (here and there and there.goes_on_as(here)):
            return None
        return xs, _arrays(gradient(*fill(xs)))

    found, others = _arrays(gradient(*fill(leaves))), Lazily(nearby(leaves, rng, close_by))
    largest = max(float(np.max(np.abs(g), initial=0.0)) for g in found)

    def question(k: int, v: Any, xs: list, gs: list) -> Question:
        rule, rounding = slope_along(gs[k], v)
        return Question(
            "", lambda t: f(*fill([*xs[:k], t, *xs[k + 1 :]])), xs[k], v, rule, rounding,
            (lambda t: _course(ours, xs, k, t)) if ours else None,
            (lambda: _taken(ours, xs, k)) if ours else None)

    for k, place in enumerate(naming.places):
        wrong = report.count("wrong")
        for way in ways(leaves[k], found[k], rng):
            if ours and report.count("wrong") >= wrong + ENOUGH:
                break                            # the culprit is found by the nodes
            where = f"{naming.prefix}argument {place}{way.name}{naming.suffix}"
            asked = question(k, way.v, leaves, found)._replace(where=where, covered=way.covered)
            summed = slope_along(np.asarray(largest, found[k].dtype), np.abs(way.v))[1]
            near = (question(k, way.v, xs, gs) for xs, gs in others)
            report.checks.append(believed(asked, near, accuracy, summed))


def _arrays(gradients: tuple) -> list[np.ndarray]:
    return [np.asarray(g) for g in gradients]


def _course(f: Callable, leaves: list, k: int, t: Any) -> Course | None:
    """The course of a program with another value of one argument."""
    return course_of(f, [*leaves[:k], t, *leaves[k + 1 :]])


def _taken(f: Callable, leaves: list, k: int) -> Callable:
    """The program of one argument that keeps to its course."""
    replay = same_course(f, leaves)
    return lambda t: number(plain(replay(*leaves[:k], t, *leaves[k + 1 :])))


def _places(args: tuple) -> list[str]:
    """The names of the floats: `0['w'][1]` is args[0]['w'][1]."""
    return [path[1:].replace("]", "", 1) for path, leaf in tree.leaves(args) if is_float(leaf)]


def _check_foreign(report: Report, f: Callable, args: tuple, grad: Callable, accuracy: float,
                   rng: np.random.Generator) -> None:
    y = f(*args)
    if np.shape(y) == ():
        if np.isnan(number(y)) and not np.isnan(y):          # complex; other things are refused there
            raise refusal(y)
    elif not is_real(np.asarray(y)):
        raise refusal(y)
    else:
        raise ValueError(f"f returned an array of shape {np.shape(y)}; with grad= it must return one number, "
                         "such as its sum")
    report.problems.extend(foreign_problems(f, grad, args))
    _compare(report, lambda *xs: number(f(*xs)), args, lambda *xs: _foreign(grad, xs), accuracy, rng)
    if str(getattr(y, "dtype", "float64")).removeprefix("torch.") in ("float32", "float16", "bfloat16"):
        report.hints.append(f"f computes in {y.dtype}, which has too few digits for differences: "
                            "use float64 (in JAX: jax.config.update('jax_enable_x64', True))")


def _foreign(grad: Callable, args: tuple) -> tuple:
    """What a gradient function from elsewhere returns, as a tuple over all arguments."""
    returned = tree.map(_detached, grad(*args))
    listed = tuple(returned) if type(returned) is list else returned
    if type(listed) is tuple and len(listed) == len(args) and tree.alike(args, listed):
        gradients: tuple = listed
    elif tree.alike(args[0], returned) or tree.alike(args[0], listed):
        gradients = (returned, *(tree.map(np.zeros_like, x) for x in args[1:]))
        if any(is_float(leaf) for _, leaf in tree.leaves(args[1:])):
            raise ValueError("grad returned the gradient by the first argument only; check a function of "
                             "that argument (functools.partial), or return one for each as a tuple")
    else:
        raise ValueError(f"grad returned {tree.describe(returned)}, which is built neither like the first "
                         "argument nor like the tuple of all")
    gradients = tree.map(lambda _, g: g, args, gradients)        # in the order of our keys: JAX sorts them
    found, _ = tree.flatten(gradients)
    wanted, _ = tree.flatten(args)
    for x, g in zip(wanted, found, strict=True):
        if is_float(x) and np.shape(g) != np.shape(x):
            raise ValueError(f"grad returned an array of shape {np.shape(g)} for one of shape {np.shape(x)}")
    return tuple(_real_gradient(g) for x, g in zip(wanted, found, strict=True) if is_float(x))


def _detached(leaf: Any) -> Any:
    """The array in another engine's."""
    return np.asarray(leaf.detach() if hasattr(leaf, "detach") else leaf)


def _real_gradient(g: Any) -> np.ndarray:
    """An array with its own number of digits, which say how far it is rounded."""
    if g.dtype.kind == "f":
        return g
    if g.dtype.kind in "biucOUSMm" and not is_real(g):
        raise ValueError(f"grad returned {g.tolist()!r:.60}, which is no real number: a gradient is made of "
                         "floats")
    return g.astype(float)                       # integers, and bfloat16, which NumPy does not know


# ---------------------------------------------------------------------------- our own gradients

def _check_own(report: Report, f: Callable, args: tuple, order: int, accuracy: float,
               rng: np.random.Generator) -> None:
    given, fill = _replaced(args, is_float)
    leaves = [_as_taped(x) for x in given]
    before = copy.deepcopy(args)

    def of_floats(*xs: Any) -> Any:
        return f(*fill(list(xs)))

    y, _ = vjp(of_floats, *leaves)
    results = tree.flatten(y)[0]
    real = [k for k, leaf in enumerate(results) if is_real(leaf)]
    if not real:
        raise refusal(results[0] if len(results) == 1 else y)
    weights = [rng.uniform(0.5, 1.5, shape(results[k])) if shape(results[k]) else float(rng.uniform(0.5, 1.5))
               for k in real]
    report.summed = len(real) > 1 or any(map(np.ndim, weights))
    if not report.summed:
        weights = [1.0]                          # the report shows the gradient of f itself

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
    report.problems.extend(problems(of_floats, leaves, before, args, rng, bool(surrogates)))
    if surrogates:
        _check_around_surrogates(report, nodes, accuracy, rng)
        if order > 1 and report.verdict != "wrong":
            _slopes_around_surrogates(report, nodes, accuracy, rng)
        return
    places = _places(args)
    _compare_own(report, weighted, leaves, accuracy, rng, Naming(places))
    for name, result in _small_results(of_floats, leaves, y, accuracy, rng):
        _compare_own(report, result, leaves, accuracy, rng, Naming(places, suffix=f", of {name} alone"))
    if report.count("wrong"):
        report.culprits = culprits_among(nodes, accuracy, rng)
        if not report.culprits:
            _hint(report, weighted, leaves, nodes)
    elif order > 1:
        _second_order(report, weighted, leaves, places, nodes, accuracy, rng)


def _compare_own(report: Report, f: Callable, leaves: list, accuracy: float, rng: np.random.Generator,
                 naming: Naming) -> None:
    """The same for tinydp's own gradient of `f(*leaves)`."""
    _compare(report, lambda *xs: number(plain(f(*xs))), tuple(leaves), lambda *xs: vjp(f, *xs)[1](1.0),
             accuracy, rng, naming, ours=f)


def _small_results(f: Callable, leaves: list, y: Any, accuracy: float,
                   rng: np.random.Generator) -> Iterator[tuple[str, Callable]]:
    """The numbers among the results that a sum of all would hide, by name; each as a function of its own.

    A small one is hidden by the rounding of a large one, and one with a small derivative by a large
    derivative. The smallest have a check each, and all others one together.
    """
    way = [rng.uniform(0.5, 1.5, shape(x)) if shape(x) else float(rng.uniform(0.5, 1.5)) for x in leaves]
    _, change = jvp(f, tuple(leaves), tuple(way))
    rates = tree.flatten(change)[0]
    places = [(k, path, index, y, rate)
              for k, (path, leaf) in enumerate(tree.leaves(y)) if is_float(leaf)
              for (index, y), rate in zip(np.ndenumerate(leaf), np.ravel(rates[k]), strict=True)
              if np.isfinite(y)]
    sizes = np.abs([y for *_, y, _ in places]), np.abs([rate for *_, rate in places])
    # a zero says nothing of its size
    hidden = [i for i in range(len(places)) if any(
        (size[i] or 1.0) <= accuracy * np.max(size, where=np.isfinite(size), initial=0.0) for size in sizes)]
    hidden.sort(key=lambda i: sizes[0][i] or 1.0)

    def result(places: list) -> Callable:
        def of(*xs: Any) -> Any:
            found = tree.flatten(f(*xs))[0]
            return sum(found[k][index] if index else found[k] for k, _, index, *_ in places)
        return of

    for i in hidden[:ELEMENTWISE]:
        _, path, index, *_ = places[i]
        yield f"result{path}{list(index) if index else ''}", result([places[i]])
    if hidden[ELEMENTWISE:]:
        yield "the other small results", result([places[i] for i in hidden[ELEMENTWISE:]])


def _check_around_surrogates(report: Report, nodes: list[Entry], accuracy: float,
                             rng: np.random.Generator) -> None:
    """A surrogate has another gradient than its function, so all other operations are checked one by one."""
    for entry in nodes:
        name, k = entry.node.op.name, entry.number
        if is_surrogate(entry):
            if not same_value(entry):
                report.problems.append(f"the surrogate {name} (node {k}) gives another value than f")
            continue
        for operand, check in local_checks(entry, accuracy, rng):
            if check.verdict == "wrong":
                report.culprits.append(culprit_at(entry, operand, check))
            report.checks.append(check._replace(where=f"node {k} ({name}), {check.where}"))


def _slopes_around_surrogates(report: Report, nodes: list[Entry], accuracy: float,
                              rng: np.random.Generator) -> None:
    """Second derivatives, too, operation by operation."""
    report.culprits = _wrong_slopes([entry for entry in nodes if not is_surrogate(entry)], accuracy, rng)


def _hint(report: Report, f: Callable, leaves: list, nodes: list[Entry]) -> None:
    """If no operation is to blame: a derivative ended somewhere, or is in no node."""
    if not nodes:
        report.hints.append("nothing was recorded: the result was made of something else than the arguments, "
                            "or of dp.value of them")
        return
    if any(not np.isfinite(check.rule) for check in report.checks if check.verdict == "wrong"):
        report.hints.append(_first_not_finite(f, leaves))
        return
    beside = [x * (1 + 2.0**-20) + 2.0**-30 for x in leaves]
    here, there = course_of(f, leaves), course_of(f, beside)
    if here and there and here.discrete == there.discrete and here.constants != there.constants:
        report.hints.append("each operation is right, but a constant on the tape changes with the arguments: "
                            "dp.value, dp.stop_gradient or a rounding cut a derivative")
    else:
        report.hints.append(f"each of the {len(nodes)} operations on the tape is right by itself")


def _first_not_finite(f: Callable, leaves: list) -> str:
    """Where a gradient stops being finite."""
    try:
        with debug_nans():
            vjp(f, *leaves)[1](1.0)
    except NotFiniteError as error:
        return (f"f has a finite derivative here, but {error.what.rstrip('.')}, at {error.place}: "
                "0 * inf is nan")
    return "f has a finite derivative here, and the gradient has none"


def _as_taped(leaf: Any) -> Any:
    """A float of fewer digits as the tape computes with it, so that these do not blur the check."""
    return leaf.astype(np.float64, copy=False) if isinstance(leaf, (np.ndarray, np.floating)) else leaf


def _second_order(report: Report, f: Callable, leaves: list, places: list[str], nodes: list[Entry],
                  accuracy: float, rng: np.random.Generator) -> None:
    """The Hessian along two ways: against differences of the gradient, and symmetric."""
    u, w = ([rng.uniform(0.5, 1.5, shape(x)) if shape(x) else float(rng.uniform(0.5, 1.5)) for x in leaves]
            for _ in range(2))

    def products(leaves: list) -> tuple:
        hu, hw = (vjp(_slope(f, way), *leaves)[1](1.0) for way in (u, w))
        size = sum(float(np.sum(np.abs(a * b))) for a, b in zip(u, hw, strict=True))
        return _dot(u, hw), _dot(w, hu), size

    before = len(report.checks)
    _compare_own(report, _slope(f, w), leaves, accuracy, rng, Naming(places, prefix="second order, "))
    if (unequal := differ(products, leaves, rng)):
        report.problems.append("the Hessian is not symmetric: u'Hw = {:.12g}, w'Hu = {:.12g}"
                               .format(*unequal))
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
                       if is_real(y))

        way = [rng.uniform(0.5, 1.5, shape(x)) if shape(x) else 1.0 for x in values]
        slope = _slope(weighted, way)
        local = Report()
        _compare(local, lambda *xs, slope=slope: number(plain(slope(*xs))), tuple(values),
                 lambda *xs, slope=slope: vjp(slope, *xs)[1](1.0), accuracy, rng)
        worst = local.worst
        if worst and worst.verdict == "wrong":
            operand = int(worst.where.removeprefix("argument ").split(",")[0])
            again = worst._replace(where=f"{worst.where}, differentiated again,")
            found.append(culprit_at(entry, operand, again))
    return found


def _dot(a: Any, b: Any) -> Any:
    return sum(np.sum(x * y) for x, y in zip(a, b, strict=True))
