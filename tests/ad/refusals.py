"""Calls that are not quite right, by the thousand: what NumPy refuses, a traced call must refuse.

`python -m tests.ad.refusals [SEED [CALLS]]` takes valid calls of each function in the registry (those that
the tests of its rule make), spoils one argument of each, and prints what came of it.

A traced call may refuse what NumPy accepts, by an error of tinydp's own, since no rule knows every
option. It must never accept what NumPy refuses, nor give another value or another shape.
"""

import collections
import inspect
import operator
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

import tinydp as dp
from tinydp.ad.compile.kinds import example
from tinydp.ad.compile.proxy import Proxy
from tinydp.ad.compile.trace import Trace
from tinydp.ad.errors import TinydpError
from tinydp.ad.registry import PRIMITIVES

from .rules.test_all_rules import CASES, FLAT

# ---------------------------------------------------------------------------- valid calls


class Traced(NamedTuple):
    """Marks the place of a traced argument."""

    value: Any


class Asked(NamedTuple):
    """One call of a function of NumPy."""

    function: Callable
    args: tuple
    options: dict

    def __str__(self) -> str:
        shown = [*map(_shown, self.args), *(f"{k}={_shown(x)}" for k, x in self.options.items())]
        return f"{getattr(self.function, '__name__', self.function)}({', '.join(shown)})"


class Probe(np.ndarray):
    """An array that notes down which functions of NumPy it is given to."""

    calls: list | None = None

    def __array_finalize__(self, other: Any) -> None:
        self.calls = getattr(other, "calls", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        if method == "__call__":
            self.calls.append(Asked(ufunc, _marked(args), options))
        return getattr(ufunc, method)(*_unmarked(_marked(args)), **options)

    def __array_function__(self, function: Callable, types: Any, args: Any, options: Any) -> Any:
        self.calls.append(Asked(function, _marked(args), _marked(options)))
        return function(*_unmarked(_marked(args)), **_unmarked(_marked(options)))


def _marked(x: Any) -> Any:
    return _rebuilt(x, lambda leaf: Traced(_settled(leaf)) if isinstance(leaf, Probe) else leaf)


def _unmarked(x: Any) -> Any:
    return exchanged(x, lambda mark: mark.value)


def exchanged(x: Any, change: Callable) -> Any:
    return _rebuilt(x, lambda leaf: change(leaf) if isinstance(leaf, Traced) else leaf)


def _rebuilt(x: Any, change: Callable) -> Any:
    if type(x) in (list, tuple):
        return type(x)(_rebuilt(child, change) for child in x)
    if isinstance(x, tuple) and not isinstance(x, Traced):       # one with names
        return tuple(_rebuilt(child, change) for child in x)
    if type(x) is dict:
        return {k: _rebuilt(child, change) for k, child in x.items()}
    return change(x)


def _settled(x: np.ndarray) -> Any:
    return np.array(x, dtype=float) if x.ndim else float(x)


def _shown(x: Any) -> str:
    if isinstance(x, Traced):
        return f"x{list(np.shape(x.value))}".replace(" ", "")
    if type(x) in (list, tuple):
        return f"{type(x).__name__}({', '.join(map(_shown, x))})"
    return f"array{list(x.shape)}".replace(" ", "") if isinstance(x, np.ndarray) else repr(x)


def valid_calls(start: int = 0, examples: int = 3) -> list[Asked]:
    """The calls of NumPy that the tests of the rules make, a few for each."""
    found: list[Asked] = []
    for case in CASES + FLAT:

        @seed(start)
        @settings(max_examples=examples, database=None, phases=[Phase.generate], deadline=None,
                  suppress_health_check=list(HealthCheck))
        @given(case.calls())
        def note(call):
            xs = [np.array(x, dtype=float).view(Probe) for x in call.xs]
            for x in xs:
                x.calls = found
            call(*xs)

        note()
    found += [call for asked in found for call in _as_methods(asked)] + list(_operations(start))
    unique = {(call.function, str(call)): call for call in found
              if _is_ours(call.function) and _leaves(call)}
    return list(unique.values())


def _is_ours(function: Callable) -> bool:
    return function in PRIMITIVES or function in OPERATORS or isinstance(function, Method)


class Method:
    """A method of arrays as a function: that of a number is that of an array without axes."""

    def __init__(self, name: str):
        self.__name__ = f".{name}"
        self.name = name

    def __call__(self, x: Any, *args: Any, **options: Any) -> Any:
        return getattr(np.asarray(x) if isinstance(x, float) else x, self.name)(*args, **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


METHODS = {getattr(np, name): name for name in dir(np.ndarray)
           if not name.startswith("_") and hasattr(np, name) and callable(getattr(np, name))}


def _as_methods(call: Asked) -> Iterator[Asked]:
    """The same call by the method of its first argument."""
    name = METHODS.get(call.function)
    if name and call.args and isinstance(call.args[0], Traced):
        yield Asked(Method(name), call.args, call.options)
    if call.function is np.ravel:
        yield Asked(Method("flatten"), call.args, call.options)


def _operations(start: int) -> Iterator[Asked]:
    """Python's operators, and indices."""
    rng = np.random.default_rng(start)
    for shape in [(3,), (2, 3), (1, 1), (0,), (2, 2)]:
        x, c = Traced(rng.normal(size=shape)), rng.normal(size=shape)
        for operation in OPERATORS:
            yield from (Asked(operation, args, {}) for args in [(x, c), (c, x), (x, x), (x, 2.0), (2, x)])
        for index in INDICES:
            yield Asked(operator.getitem, (x, index), {})


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod, operator.matmul,
             operator.floordiv, operator.lt, operator.ge, operator.eq, operator.ne, divmod]
INDICES = [0, -1, (0, 0), slice(0, 2), slice(None, None, -1), Ellipsis, (None, 0), (Ellipsis, 0), [0, -1],
           np.array([[0], [0]]), (0, slice(None)), (slice(None), [0])]


def traced(call: Asked) -> list:
    """The values of what is traced in the arguments."""
    return [mark.value for mark in _leaves(call)]


def _leaves(call: Asked) -> list:
    found: list = []
    _rebuilt((*call.args, *call.options.values()), lambda x: found.append(x) if isinstance(x, Traced) else x)
    return found


# ---------------------------------------------------------------------------- spoiled calls

JUNK = [None, "x", "full", -1, 0, 1, 2, 3, 9, -9, 1.5, -0.25, np.nan, True, np.float64(1.0), (), (0,), (0, 0),
        (0, 1), (0, 9), [0, 1], [0.5], [1.0, 2.0, 3.0, 4.0, 5.0], np.ones((3, 2)), np.ones((0,)),
        [True, False], np.array([0, 7]), slice(None), {"a": 1}, object, float, 1j]


def spoiled_arrays(x: np.ndarray) -> Iterator[np.ndarray]:
    """Arrays of other shapes, and other numbers."""
    yield x[None] if np.ndim(x) else np.array([x, x])
    yield np.zeros(0)
    yield np.ones((2, 3, 4))
    yield 0.3
    if np.ndim(x):
        yield np.concatenate([x, x[:1]]) if len(x) else np.ones((1, *x.shape[1:]))
        yield x[1:]
        yield x[..., 0] if x.shape[-1] else x[..., None]
        yield x.T
        yield x[::-1].copy()
        yield np.full(x.shape, np.nan)
    yield -1.0 * x
    yield 0.0 * x


def spoiled(call: Asked) -> Iterator[Asked]:
    """The call with one argument exchanged, added, left out or of another name."""
    function, args, options = call
    for k, x in enumerate(args):
        for other in _others(x):
            yield Asked(function, (*args[:k], other, *args[k + 1 :]), options)
    for name, x in options.items():
        for other in _others(x):
            yield Asked(function, args, {**options, name: other})
        yield Asked(function, args, {k: v for k, v in options.items() if k != name})
    for junk in JUNK:
        yield Asked(function, (*args, junk), options)
        for name in _further(function, args, options):
            yield Asked(function, args, {**options, name: junk})
    yield Asked(function, args[:-1], options)
    yield Asked(function, (*args, 0, 0, 0, 0), options)
    yield Asked(function, args, {**options, "nonsense": 1})


def _others(x: Any) -> Iterator[Any]:
    if isinstance(x, Traced):
        yield from (Traced(_settled(np.asarray(other))) for other in spoiled_arrays(x.value))
        yield x.value                            # a constant, where others are traced
    if isinstance(x, np.ndarray):
        yield from spoiled_arrays(x)
    if type(x) in (list, tuple):
        for k, child in enumerate(x):
            yield from (type(x)([*x[:k], other, *x[k + 1 :]]) for other in _others(child))
        yield type(x)([*x, *x[:1]])
        yield x[:-1]
    yield from JUNK


def _further(function: Callable, args: tuple, options: dict) -> Iterator[str]:
    """The names of the parameters that the call leaves at their defaults."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:                           # older NumPy does not tell
        parameters = []
    for p in parameters[len(args) :]:
        if p.name not in options and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            yield p.name


# ---------------------------------------------------------------------------- judging

GOOD = ("same", "both refuse", "refused", "skipped")


def outcome(call: Asked, run: Callable | None = None) -> str:
    """What came of it: "same", "both refuse", "refused" by tinydp alone, or what is wrong.

    A traced number may do what Python's number does, or NumPy's.
    """
    for kind in (float, np.float64):
        result = _outcome(call, kind, run or on_a_tape)
        if result in GOOD:
            break
    return result


def on_a_tape(f: Callable, xs: list) -> None:
    """Run `f` with values of a tape, whose result it keeps."""
    dp.vjp(f, *xs)


def written_down(f: Callable, xs: list) -> None:
    """Run `f` as a program that is being compiled; the example of its result."""
    with Trace().writing() as builder:
        f(*(Proxy(builder, builder.input(x, "x")) for x in xs))


def _outcome(call: Asked, kind: Callable, run: Callable) -> str:
    marks = _leaves(call)
    if not marks or _would_write(call):
        return "skipped"
    function, args, options = call

    def kept(*xs: Any) -> Any:
        left = iter(xs)
        given, named = (exchanged(part, lambda mark: next(left)) for part in (args, options))
        y = function(*given, **named)
        seen.append(_rebuilt(y, lambda leaf: example(dp.value(leaf))))
        return 0.0

    def plain(mark: Traced) -> Any:
        return mark.value if np.ndim(mark.value) else kind(mark.value)

    seen: list = []
    expected, theirs = result_of(lambda: function(*exchanged(args, plain), **exchanged(options, plain)))
    _, ours = result_of(lambda: run(kept, traced(call)))
    if isinstance(ours, TinydpError):
        return "both refuse" if theirs else "refused"
    if theirs and ours:
        alike = isinstance(ours, type(theirs)) or isinstance(theirs, type(ours))
        return "both refuse" if alike else f"{type(ours).__name__} for {type(theirs).__name__}: {ours}"
    if isinstance(theirs, np.linalg.LinAlgError) and run is written_down:
        return "skipped"                         # what is singular is found when it runs
    if theirs:
        return f"accepted, where NumPy raises {type(theirs).__name__}: {theirs}"
    if ours:
        return f"refused by {type(ours).__name__}: {ours}"
    if _is_undefined(call) or _same(seen[0], expected):
        return "same"
    return f"gives {seen[0]!r}, not {expected!r}"


def _would_write(call: Asked) -> bool:
    return "out" in call.options


def _is_undefined(call: Asked) -> bool:
    """Whether the result is made of whatever was in memory."""
    return call.function is np.empty_like or (isinstance(call.function, np.ufunc) and "where" in call.options)


def result_of(run: Callable) -> tuple[Any, Exception | None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return run(), None
        except Exception as error:
            return None, error


def _same(y: Any, expected: Any) -> bool:
    if isinstance(expected, (tuple, list)):
        return isinstance(y, (tuple, list)) and len(y) == len(expected) and all(map(_same, y, expected))
    if np.shape(y) != np.shape(expected):
        return False
    try:
        y, expected = np.asarray(y, complex), np.asarray(expected, complex)
        return bool(np.allclose(y, expected, 1e-6, 1e-9, equal_nan=True))
    except (TypeError, ValueError):              # no numbers at all
        return bool(np.all(y == expected))


# What is known to differ: by how the calls are run, the functions that are left out.
KNOWN: dict[Callable, dict] = {
    on_a_tape: {
        np.gradient: "at places that coincide NumPy gives an infinity, where the slope is nan",
        operator.matmul: "two numbers have no product: another type of error than Python's",
    },
    written_down: {
        np.gradient: "as on a tape",
        operator.matmul: "as on a tape",
        np.linspace: "from nan, the last number is nan, too",
        np.logical_and: "of what is neither number nor array, NumPy returns one of the two",
        np.logical_or: "as logical_and",
        np.result_type: "always float64",
        operator.eq: "a number beside a text is refused by another error",
        operator.ne: "as eq",
        Method("trace"): "refused: write np.trace(x)",
    },
}


def main(start: int = 0, number: int = 0) -> None:
    calls = [bad for call in valid_calls(start) for bad in spoiled(call)]
    chosen = np.random.default_rng(start).permutation(len(calls))[: number or None]
    wrong = 0
    for run, known in KNOWN.items():
        kinds: collections.Counter = collections.Counter()
        for k in chosen:
            result = outcome(calls[k], run) if calls[k].function not in known else "skipped"
            kinds[result if result in GOOD else "wrong"] += 1
            if result not in GOOD:
                print(f"{calls[k]}: {result}".replace("\n", " ")[:220])
        wrong += kinds["wrong"]
        print(run.__name__, dict(kinds))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
