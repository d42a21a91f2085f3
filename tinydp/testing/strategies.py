"""Hypothesis strategies for gradient checks, and a property test in one line.

    >>> import numpy as np
    >>> statistics = check_property(np.arctan2, inputs_for(np.arctan2), max_examples=20)
    >>> statistics.points, statistics.wrong
    (20, 0)

Hypothesis is needed for this module alone: `pip install tinydp[tests]`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, event, given, settings, target
from hypothesis import strategies as st

from .check import check_grads
from .domains import Array, Domain, Fixed, Matrix, Several, domains_of
from .report import GradientError

__all__ = ["Statistics", "arrays", "broadcastable", "check_property", "gradients_right", "inputs_for",
           "numbers", "of_domain"]


def numbers(low: float = -math.inf, high: float = math.inf, *, largest: float = 1e6,
            special: tuple[float, ...] = ()) -> st.SearchStrategy[float]:
    """Floats strictly within (low, high): magnitudes log-uniform, from either end of a bounded
    interval, too; now and then 1, 0 or another special value.

        >>> from hypothesis import find
        >>> find(numbers(0.5, 2.0), lambda x: True)
        1.0
    """
    return of_domain(Domain(low, high, special, largest=largest))


def of_domain(domain: Domain) -> st.SearchStrategy[float]:
    """Numbers in a domain; see `numbers`.

        >>> from hypothesis import find
        >>> find(of_domain(Domain(0.5, 2.0)), lambda x: True)
        1.0
    """
    decades = math.log10(domain.smallest), math.log10(domain.largest)
    magnitude = st.floats(*decades).map(lambda decade: 10.0**decade)
    anchors = [0.0] + [end for end in (domain.low, domain.high) if math.isfinite(end)]
    free = st.builds(lambda m, anchor, side: anchor + side * m, magnitude, st.sampled_from(anchors),
                     st.sampled_from([1.0, -1.0]))
    plain = [x for x in (1.0, 0.0, 0.5, -1.0, 2.0, *domain.kinks) if domain.holds(x)]
    values = free.filter(domain.holds)
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        inside = st.floats(domain.low, domain.high, exclude_min=True, exclude_max=True)
        values = inside.filter(domain.holds) | values
    return (st.sampled_from(plain) | values) if plain else values


def arrays(shape: tuple[int, ...] | st.SearchStrategy[tuple],
           elements: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[np.ndarray]:
    """float64 arrays of a shape (or of shapes drawn from a strategy), contiguous or not.

        >>> from hypothesis import find
        >>> find(arrays((2, 1), numbers(0.5, 2.0)), lambda x: True)
        array([[1.],
               [1.]])
    """
    elements = numbers() if elements is None else elements
    shapes = shape if isinstance(shape, st.SearchStrategy) else st.just(shape)

    def filled(shape: tuple) -> st.SearchStrategy[np.ndarray]:
        n = math.prod(shape)
        flat = st.lists(elements, min_size=n, max_size=n)
        layouts = st.sampled_from([np.array, _strided]) if n else st.just(np.array)
        return st.builds(lambda xs, lay: lay(np.reshape(np.array(xs, dtype=float), shape)), flat, layouts)

    return shapes.flatmap(filled)


def _strided(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x


def broadcastable(n: int, max_dims: int = 2, max_side: int = 3) -> st.SearchStrategy[tuple]:
    """Tuples of `n` shapes that broadcast together, of at most `max_dims` axes of at most `max_side`
    elements.

        >>> from hypothesis import find
        >>> np.broadcast_shapes(*find(broadcastable(2), lambda shapes: True))
        ()
    """

    @st.composite
    def draw_shapes(draw: Callable) -> tuple:
        full = draw(st.lists(st.integers(1, max_side), max_size=max_dims))

        def part() -> tuple:
            start = draw(st.integers(0, len(full)))
            return tuple(draw(st.sampled_from([1, side])) for side in full[start:])
        return tuple(part() for _ in range(n))

    return draw_shapes()


def inputs_for(function: Callable,
               shapes: st.SearchStrategy[tuple] | None = None) -> st.SearchStrategy[tuple]:
    """Tuples of arguments for a NumPy function, from what `domains.py` declares of each.

    There is a declaration for all functions that tinydp differentiates. Functions that work element by
    element get numbers; with `shapes` (such as `broadcastable(2)`), arrays of those. Raises
    `KeyError` if nothing is declared, and `ValueError` for shapes that the function cannot choose.

        >>> from hypothesis import find
        >>> find(inputs_for(np.log), lambda args: True)
        (1.0,)
        >>> find(inputs_for(np.sum), lambda args: True)[0].shape
        (3, 4)
    """
    arguments = domains_of(function)
    if shapes is None:
        return st.tuples(*map(of_argument, arguments))
    if not all(isinstance(argument, Domain) for argument in arguments):
        raise ValueError(f"{function.__name__} does not work element by element, so its shapes are given: "
                         "leave shapes out, or draw the arguments with arrays(shape)")
    elements = [of_domain(domain) for domain in arguments]
    return shapes.flatmap(lambda drawn: st.tuples(
        *(arrays(shape, element) for shape, element in zip(drawn, elements, strict=True))))


def of_argument(argument: Any) -> st.SearchStrategy:
    """What one entry of the table of domains stands for."""
    if isinstance(argument, Domain):
        return of_domain(argument)
    if isinstance(argument, Fixed):
        return st.just(argument.value)
    if isinstance(argument, Several):
        return st.tuples(*map(of_argument, argument.parts)).map(list)
    if isinstance(argument, Matrix):
        return st.integers(0, 10_000).map(lambda seed: argument.drawn(np.random.default_rng(seed)))
    assert isinstance(argument, Array)
    values = arrays(argument.shape, of_domain(argument.domain))
    if not argument.ties:
        return values
    return values | values.map(_with_a_tie) | of_domain(argument.domain).map(
        lambda x: np.full(argument.shape, x))


def _with_a_tie(x: np.ndarray) -> np.ndarray:
    """The largest element twice."""
    tied = x.copy()
    tied.flat[np.argmin(x)] = np.max(x)
    return tied


# ---------------------------------------------------------------------------- the property

@dataclass
class Statistics:
    """How the points of a property test came out: what `check_property` returns.

        >>> print(Statistics(points=2, right=1, inconclusive=1, worst=0.25))
        2 points: 1 right (0 at kinks), 1 inconclusive, 0 wrong; worst error 0.25 bars
    """

    points: int = 0
    right: int = 0
    kinks: int = 0                       # points with a derivative judged by both sides of a kink
    inconclusive: int = 0
    wrong: int = 0
    worst: float = 0.0                   # the largest error, in units of the error bar

    def __str__(self) -> str:
        return (f"{self.points} points: {self.right} right ({self.kinks} at kinks), {self.inconclusive} "
                f"inconclusive, {self.wrong} wrong; worst error {self.worst:.2g} bars")


def check_property(f: Callable, inputs: st.SearchStrategy[tuple], *, grad: Callable | None = None,
                   order: int = 1, max_examples: int = 100, seed: int | None = 0) -> Statistics:
    """Check the gradient of `f` at many inputs, and return how they came out.

    `inputs` draws the tuple of arguments. The search is driven towards the worst error in units of
    its bar; a failure is shrunk to the smallest input with the same culprit, and raised as
    `GradientError`. With `seed=None` every run draws other inputs.

        >>> cube = st.tuples(numbers(0.1, 10.0))
        >>> print(check_property(lambda x: x**3, cube, max_examples=5))       # doctest: +ELLIPSIS
        5 points: 5 right (0 at kinks), 0 inconclusive, 0 wrong; worst error ... bars
    """
    statistics = Statistics()
    culprits: list[str] = []

    @settings(max_examples=max_examples, deadline=None, database=None, derandomize=seed is not None,
              report_multiple_bugs=False, phases=[Phase.generate, Phase.target, Phase.shrink],
              suppress_health_check=list(HealthCheck))
    @given(inputs)
    def run(args: tuple) -> None:
        report = check_grads(f, args, grad=grad, order=order, raises=False)
        worst = report.worst.misses if report.worst else 0.0
        event(report.verdict)
        if report.verdict != "inconclusive":
            target(min(worst, 1e9), label="worst error in bars")
        if not culprits:                         # shrinking does not count
            statistics.points += 1
            statistics.kinks += bool(report.count("kink"))
            statistics.worst = max(statistics.worst, worst if report.verdict == "right" else 0.0)
            setattr(statistics, report.verdict, getattr(statistics, report.verdict) + 1)
        if report.verdict == "wrong":
            name = report.culprit or (report.worst.where if report.worst else "structure")
            if not culprits:
                culprits.append(name)
            if name == culprits[0]:
                raise GradientError(report)

    run()
    return statistics


def gradients_right(inputs: st.SearchStrategy[tuple], **options: Any) -> Callable[[Callable], Callable]:
    """Decorator: turns a function into a test of its own gradient, for pytest to collect.

    `inputs` draws the tuple of arguments; the options are those of `check_property`. The result is a function
    without arguments, which raises `GradientError` where the gradient is wrong.

        >>> @gradients_right(st.tuples(numbers(0.0, 10.0)), max_examples=10)
        ... def test_root(x):
        ...     return np.sqrt(x)
        >>> test_root()
    """

    def decorate(f: Callable) -> Callable:
        def test() -> None:
            check_property(f, inputs, **options)

        test.__name__, test.__doc__ = f.__name__, f.__doc__
        return test

    return decorate
