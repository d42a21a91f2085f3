"""The self-check: what a compiled program returned is compared with what the tape returns.

At the first call of each program, `f` is run once more, as plain Python for its value and on a tape for its
gradient. `TINYDP_VERIFY=always` compares each call, `never` none. The first comparison may take a quarter of
the time that compiling took; a longer loop is given up, and not compared.

Sums are added in another order than NumPy does it, so the last digits differ. How much of that is
rounding is not guessed: where more than 1e-12 of the largest element differs, the tape runs again with each
of its values and cotangents off by a few units of the last digit, and what that changes is allowed.
"""

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import SelfCheckError, SideEffectError, TinydpError
from ..rounding import JitteredTape
from ..tape import Var
from ..transforms import vjp
from ..values import is_condition, is_discrete, shape
from ..watch import OutOfTime, compared_by
from .arguments import name_of
from .effects import FUNCTION

SETTINGS = ("always", "first", "never")
ROUNDING = 1e-12
SHARE, LEAST, LONGEST_CHECK = 0.25, 0.05, 0.5  # of the time that compiling took; seconds


def setting() -> str:
    """Which calls are compared: `$TINYDP_VERIFY`."""
    chosen = os.environ.get("TINYDP_VERIFY", "first")
    if chosen not in SETTINGS:
        raise ValueError(f"TINYDP_VERIFY={chosen!r} is not known: set it to {', '.join(SETTINGS)}.")
    return chosen


class SelfCheck:
    """Which calls of a program are still to be compared, and how long that may take."""

    def __init__(self, seconds: float):
        self.setting = setting()
        self.due = self.setting != "never"
        self.seconds = seconds                   # that tracing and writing took


class CheckedRun(NamedTuple):
    """One call of a compiled program, and all that is needed to do the same on a tape."""

    compiled: Any
    built: Any
    call: Any
    values: list
    active: tuple | None
    seeds: tuple
    results: list


def compare(run: CheckedRun, compiling: float) -> None:
    """Raise `SelfCheckError` if the tape has other results than the program.

    Where plain Python raises, that is raised: a program that returns something there is wrong as well.
    """
    comparison = run.built.comparison
    comparison.due = comparison.setting == "always"
    seconds = min(max(SHARE * compiling, LEAST), LONGEST_CHECK) if comparison.setting == "first" else None
    try:
        if comparison.setting == "first" and _apart(lambda: _is_jacobian(run), seconds):
            return
        expected = _apart(lambda: reference(run), seconds)
    except OutOfTime:
        return
    except (TinydpError, ArithmeticError, MemoryError, RecursionError):
        return                                   # the tape can less; or it takes NumPy's numbers for Python's
    strict = [0.0] * len(expected)
    if _first_difference(run.results, expected, strict) is None:
        return
    wrong = _beyond_rounding(run, expected)
    if wrong is not None:
        raise _error(run, expected, *wrong)


def _is_jacobian(run: CheckedRun) -> bool:
    """Whether it is a Jacobian, and right, which is quickly seen."""
    from .sketch import is_jacobian  # noqa: PLC0415

    if run.active is not None or not hasattr(run.compiled.f, "as_jacobian"):
        return False
    args, kwargs = run.compiled.filled(run.call, run.values)
    try:
        return is_jacobian(run.compiled.f, args, kwargs, run.built.unflatten(list(run.results)))
    except (TinydpError, ArithmeticError):       # whatever that is: all rows say it
        return False


def reference(run: CheckedRun) -> list:
    """The results by plain Python, or on a tape."""
    compiled, program, call, values, active, seeds, results = run
    if active is None:
        y = compiled.applied(call, values)
        if not tree.alike(y, program.unflatten(list(results))):
            return [y]
        return tree.flatten(y)[0]
    found: list = []
    y, pullback = vjp(_of_active(run, found), *(values[k] for k in active))
    gradients = list(pullback((1.0,) if program.scalar else tuple(seeds)))
    if not program.scalar:
        return gradients
    by_place = dict(zip(program.real, y, strict=True))
    return [by_place.get(k, x) for k, x in enumerate(found)] + gradients


def _of_active(run: CheckedRun, found: list) -> Callable:
    """The function from the active leaves to the real results; all results are put into `found`."""
    def reals(*xs: Any) -> Any:
        leaves = list(run.values)
        for k, x in zip(run.active or (), xs, strict=True):
            leaves[k] = x
        found[:] = tree.flatten(run.compiled.applied(run.call, leaves))[0]
        return tuple(found[k] for k in run.built.real)

    return reals


def _apart(run: Callable, seconds: float | None, kind: Any = None) -> Any:
    """`run()`, apart from all differentiations under way, within so many seconds."""
    def quietly() -> Any:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run()
    return compared_by(kind, None if seconds is None else time.perf_counter() + seconds, quietly)


# ---------------------------------------------------------------------------- differences

def _first_difference(results: list, expected: list, allowed: list) -> tuple[int, Any, Any] | None:
    """Which result is another one; and both."""
    if len(results) != len(expected):
        return -1, len(results), len(expected)
    for k, (a, b, more) in enumerate(zip(results, expected, allowed, strict=True)):
        if not _equal(a, b, more):
            return k, a, b
    return None


def _equal(a: Any, b: Any, more: float) -> bool:
    if shape(a) != shape(b) or tree.children(b) is not None:
        return False
    if is_condition(a) and is_condition(b):
        return more > 0 or bool(np.array_equal(a, b))
    wrapped = np.asarray(b).dtype.kind in "iu" and np.any(np.abs(np.asarray(a, dtype=float)) >= 2.0**63)
    if wrapped:                                  # NumPy's integers go round there, a program's do not
        return True
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if np.isinf(more) or not a.size:
        return True
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    size = np.max(np.abs(b), where=finite, initial=0.0)
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(a - b) <= ROUNDING * size + more, where=finite))


RUNS, FACTOR = 8, 64.0
ROUNDING_TOLERANCE = 1e-6                # of the largest element: more is not rounding alone
QUICK_TOLERANCE = 1e-9                   # ... for which a gradient is not computed once more
FEWEST_CHAOTIC = 3                       # runs of which no two are near each other, if that is chaos


def _beyond_rounding(run: CheckedRun, expected: list) -> tuple[int, Any, Any] | None:
    """Which result differs by more than rounding explains; and both.

    Runs that round otherwise say how much that is. Where some of them are near each other and some far off, a
    condition turned: then either is right and nothing between, so all results have to be near those of one
    run. Where no two are near each other, that is chaos, and they may be as far off as these are. After the
    first run that explains the results, none is made; one that rounds as before tells whether the function
    does the same again, or if the first explains it, plain Python. What cancels to almost nothing changes by
    much of itself, in steps of the last digit of what cancelled: the size of the arguments tells what is
    near, too.
    """
    least = ROUNDING * max(map(_size, run.values), default=0.0)
    runs, near, far = [expected], [0.0] * len(expected), [0.0] * len(expected)
    raised: list[bool] = []
    for found in _otherwise_rounded(run):
        if len(raised) == 1:                     # the first run did not explain it
            _require_the_same(run, expected)
        raised.append(found is None)
        if found is None or len(found) != len(expected):     # no rounding makes more results, or fewer
            continue
        for k, other in enumerate(runs):
            changes = [*map(_change, found, other)]
            if all(change <= max(ROUNDING_TOLERANCE * _size(x), least)
                   for change, x in zip(changes, other, strict=True)):
                near = [max(pair) for pair in zip(near, [FACTOR * c for c in changes], strict=True)]
                far = []                         # that is no chaos
            elif far and k == 0:
                far = [max(pair) for pair in zip(far, [FACTOR * c for c in changes], strict=True)]
        runs.append(found)
        if any(_first_difference(run.results, x, near) is None for x in runs):
            if len(raised) == 1 and not _has_the_same_values(run, expected, near):
                _require_the_same(run, expected)
            return None
        if far and len(runs) > FEWEST_CHAOTIC and _first_difference(run.results, expected, far) is None:
            return None
    if len(raised) < 2:
        _require_the_same(run, expected)
    return None if raised and all(raised) else _first_difference(run.results, expected, far if far else near)


def _has_the_same_values(run: CheckedRun, expected: list, near: list) -> bool:
    """Whether plain Python, sooner than a tape, tells that the function has the same results again.

    It tells nothing where rounding changes more than 1e-9: that may be an effect in the gradient alone.
    """
    if run.active is None or not run.built.scalar or any(
            more > FACTOR * QUICK_TOLERANCE * _size(x) for more, x in zip(near, expected, strict=True)):
        return False
    try:
        values = _apart(lambda: tree.flatten(run.compiled.applied(run.call, run.values))[0], None)
    except Exception:                            # it may do more with a variable, or less
        return False
    return _first_difference(values, expected[: run.built.results], [0.0] * len(values)) is None


def _require_the_same(run: CheckedRun, expected: list) -> None:
    """Raise `SideEffectError` if the function has other results when it is run again."""
    again = _apart(lambda: reference(run), None)
    if _first_difference(again, expected, [0.0] * len(expected)) is not None:
        raise SideEffectError(f"{FUNCTION[0]} has other results when it is run again.", FUNCTION[1])


def _otherwise_rounded(run: CheckedRun) -> Iterator[list | None]:
    """The results of runs that round otherwise; None for one that raises."""
    program, values = run.built, run.values
    if run.active is None:
        given = values[: len(values) - len(run.call.captured)]           # arrays around are plain to `f`
        active = tuple(k for k, x in enumerate(given) if not is_discrete(x))
        run = run._replace(active=active, built=program._replace(scalar=False))
    for seed in range(RUNS if run.active else 0):
        JitteredTape.random = np.random.default_rng(seed)
        found = None
        with contextlib.suppress(Exception):
            found = _apart(lambda: _value_on_a_tape(run) if program is not run.built else reference(run),
                           None, JitteredTape)
        yield found


def _change(x: Any, y: Any) -> float:
    """The largest one of an element; inf if the shape is another one, or one of them is not finite."""
    if shape(x) != shape(y):
        return np.inf
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(all="ignore"):
        change = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.max(change, initial=0.0)) if np.all(np.isfinite(change)) else np.inf


def _size(x: Any) -> float:
    """The largest element."""
    x = np.abs(np.asarray(x, dtype=float))
    return float(np.max(x, where=np.isfinite(x), initial=0.0))


def _value_on_a_tape(run: CheckedRun) -> list:
    found: list = []
    vjp(_of_active(run, found), *(run.values[k] for k in run.active or ()))
    return [x.value if type(x) is Var else x for x in found]


# ---------------------------------------------------------------------------- the error

def _error(run: CheckedRun, expected: list, k: int, found: Any, right: Any) -> SelfCheckError:
    from .culprit import first_wrong  # noqa: PLC0415  (it builds on `build`)

    what = _label(run, k)
    wrong, true = _shown(found, right)
    text = f"the compiled {name_of(run.compiled.f)} is wrong: {what} is {wrong}, and by the tape {true}."
    place = None
    with contextlib.suppress(Exception):         # the numbers are said in any case
        culprit = _apart(lambda: first_wrong(run), None)
        if culprit is not None:
            text += f"\n  {culprit.text}"
            place = culprit.place
    return SelfCheckError(
        text, "if the function asks for type(x), or whether a is b, write isinstance or a == b; if not, this "
        "is an error of tinydp: please report it, with the line and .source. Until then, call the function "
        "without dp.compile.", place)


def _label(run: CheckedRun, k: int) -> str:
    """A result, or a derivative, by its name."""
    from .build import leaf_names  # noqa: PLC0415

    if k < 0:
        return "the number of its results"
    values = run.built.results if run.active is None or run.built.scalar else 0
    if k < values:
        return "its value" if run.built.bare else f"result {k}"
    label = leaf_names(run.compiled, run.call)[(run.active or ())[k - values]]
    return f"the derivative by {label}"


def _shown(a: Any, b: Any) -> tuple[str, str]:
    """Both results; of arrays, the elements that differ most."""
    if shape(a) != shape(b) or not shape(a) or is_condition(a) != is_condition(b):
        a, b = (x.item() if isinstance(x, np.generic) else x for x in (a, b))
        return (repr(a)[:100], repr(b)[:100]) if shape(a) == shape(b) else tuple(
            f"of shape {shape(x)}" for x in (a, b))  # type: ignore[return-value]
    with np.errstate(all="ignore"):
        at = np.unravel_index(np.nanargmax(np.abs(np.asarray(a, dtype=float) - b)), shape(a))
    return f"{a[at].item()!r} at {[int(i) for i in at]}", repr(b[at].item())

