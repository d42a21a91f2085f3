"""The table of the rules' tests: one `Case` a rule, from which Hypothesis draws `DrawnCall`s.

A case names a function, the domain of each argument, and the shapes and options to call it with.
Hypothesis draws shapes, options, memory layouts and which arguments are traced; the numbers
come from a seed, since a gradient is best checked at generic points. Singular points are tested
one by one, beside the tables.
"""

from collections.abc import Callable, Sequence
from itertools import chain, combinations
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

# ---------------------------------------------------------------------------- domains


class Sampler(NamedTuple):
    """How the values of an argument are drawn: `sample(rng, shape)`; a constant is never traced.

    They keep 0.04 away from each kink: a finite difference moves two arguments by 1/64 each.
    """

    sample: Callable[[np.random.Generator, tuple], np.ndarray]
    constant: bool = False


def between(low: float, high: float) -> Sampler:
    return Sampler(lambda rng, shape: rng.uniform(low, high, shape))


def signed(low: float, high: float) -> Sampler:
    return Sampler(lambda rng, shape: rng.choice([-1.0, 1.0], shape) * rng.uniform(low, high, shape))


def near(*centres: float, width: float) -> Sampler:
    return Sampler(lambda rng, shape: rng.choice(centres, shape) + rng.uniform(-width, width, shape))


def _distinct(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    """Of different magnitudes and any signs."""
    n = int(np.prod(shape))
    ranks = rng.permutation(n).reshape(shape) + rng.uniform(0.2, 0.8, shape)
    return rng.choice([-1.0, 1.0], shape) * (0.1 + 2.9 * ranks / max(n, 1))


def _holed(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    """Of different magnitudes, and the first a nan."""
    x = _distinct(rng, shape)
    x.flat[:1] = np.nan
    return x


def _regular(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    """Matrices with distinct singular values, far from 0."""
    noise = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.05, 0.15, shape)
    return noise + np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1)


REAL = between(-3, 3)
NONZERO = signed(0.1, 3)
POSITIVE = between(0.1, 3)
UNIT = between(-0.9, 0.9)
ACUTE = between(-1.2, 1.2)
ABOVE_1 = between(1.1, 3)
ABOVE_MINUS_1 = between(-0.9, 3)
DISTINCT, HOLED, REGULAR = Sampler(_distinct), Sampler(_holed), Sampler(_regular)
EVEN = near(-2.4, -1.6, -0.8, 0.0, 0.8, 1.6, 2.4, width=0.1)     # never equal to an ODD
ODD = near(-2.0, -1.2, -0.4, 0.4, 1.2, 2.0, width=0.1)
LOW, HIGH = near(-2.0, -1.2, -0.4, width=0.1), near(0.4, 1.2, 2.0, width=0.1)
HALVES = near(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, width=0.1)        # never a multiple of a PERIOD
PERIODS = near(-2.0, -1.0, 1.0, 2.0, width=0.05)
MASK = Sampler(lambda rng, shape: rng.random(shape) < 0.5, constant=True)
WHOLE = Sampler(lambda rng, shape: rng.integers(-2, 4, shape), constant=True)

# ---------------------------------------------------------------------------- arguments

LAYOUTS = {
    "contiguous": np.copy,
    "transposed": lambda x: x.T.copy().T,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.flip(np.flip(x).copy()),
}
SCALARS = {
    "number": lambda x: x.item(),                # Python's own
    "NumPy's number": lambda x: x[()],
    "array": np.copy,
}


def presented(x: np.ndarray) -> st.SearchStrategy:
    """The values of `x` in one of the ways that users hold them."""
    return st.sampled_from([*(LAYOUTS if x.ndim else SCALARS).values()]).map(lambda present: present(x))


# ---------------------------------------------------------------------------- shapes

SIDE = st.sampled_from([2, 3, 1, 2, 3, 1, 2, 3, 0])              # empty now and then
FULL_SIDE = st.sampled_from([2, 3, 1])


def shapes(low: int = 0, high: int = 3, side: st.SearchStrategy[int] = SIDE) -> st.SearchStrategy[tuple]:
    """One shape, of `low` to `high` dimensions."""
    return st.lists(side, min_size=low, max_size=high).map(tuple)


ANY = st.tuples(shapes())                        # for functions of one array
FULL = st.tuples(shapes(side=FULL_SIDE))         # ... that has elements
ARRAYS = st.tuples(shapes(1))                    # ... or at least one axis
FULL_ARRAYS = st.tuples(shapes(1, side=FULL_SIDE))


@st.composite
def broadcasting(draw: Callable, n: int, whole: st.SearchStrategy[tuple] | None = None) -> tuple:
    """Shapes that broadcast together, half of them without stretching."""
    shape = draw(shapes() if whole is None else whole)
    others = [tuple(1 if k in ones else side for k, side in enumerate(shape))[start:]
              for start in range(len(shape) + 1) for ones in _subsets(range(start, len(shape)))]
    return tuple(draw(st.sampled_from([shape] * len(others) + others or [shape])) for _ in range(n))


def alike(n: int) -> st.SearchStrategy[tuple]:
    """The same shape `n` times."""
    return shapes().map(lambda shape: (shape,) * n)


# ---------------------------------------------------------------------------- options

def axis_of(n: int) -> st.SearchStrategy[int]:
    """An axis of `n`, also counted from the end."""
    return st.integers(-n, n - 1)


def axis_or_none(shape: tuple) -> st.SearchStrategy[dict]:
    """An `axis`, or None for all elements."""
    axis = st.none() | axis_of(len(shape)) if shape else st.none()
    return st.fixed_dictionaries({}, optional={"axis": axis})


def some_axes(shape: tuple) -> st.SearchStrategy[dict]:
    """An `axis`, several as a tuple, or None for all."""
    n = len(shape)
    several = st.lists(axis_of(n), max_size=3, unique_by=lambda k: k % n) if n else st.just([])
    axis = st.none() | several.map(tuple)
    return st.fixed_dictionaries({}, optional={"axis": axis | axis_of(n) if n else axis})


def with_keepdims(axes: Callable) -> Callable:
    """These axes, and maybe `keepdims`."""
    keepdims: st.SearchStrategy[dict] = st.fixed_dictionaries({}, optional={"keepdims": st.booleans()})
    return lambda shape: st.builds(dict.__or__, axes(shape), keepdims)


# ---------------------------------------------------------------------------- cases

class DrawnCall(NamedTuple):
    """One call of a function, itself a function of those arguments that are traced."""

    function: Callable
    args: tuple
    traced: tuple[int, ...]
    options: dict
    seed: int

    def __call__(self, *xs: Any) -> Any:
        args = list(self.args)
        for i, x in zip(self.traced, xs, strict=True):
            args[i] = x
        return self.function(*args, **self.options)

    @property
    def xs(self) -> tuple:
        return tuple(self.args[i] for i in self.traced)

    def contiguous(self) -> "DrawnCall":
        """The same call of arrays without gaps, in C order."""
        return self._replace(args=tuple(x.copy() if isinstance(x, np.ndarray) else x for x in self.args))


class Case(NamedTuple):
    """How to test the rules of one function.

    `rule` is the function in the registry and `call` what the test calls, if not the same.
    `options` takes the shapes to a strategy of keyword arguments. `reaches` lists the rules
    of internal primitives, (primitive, argument), that only such a call exercises.
    """

    rule: Callable
    domains: tuple[Sampler, ...]
    shapes: st.SearchStrategy[tuple]
    options: Callable[..., st.SearchStrategy[dict]]
    call: Callable
    reaches: tuple[tuple[Callable, int], ...]

    def __str__(self) -> str:
        module = self.rule.__module__.split(".")[-1].strip("_")
        return f"{module}.{getattr(self.rule, 'name', self.rule.__name__)}"

    @property
    def differentiable(self) -> list[int]:
        return [i for i, domain in enumerate(self.domains) if not domain.constant]

    @property
    def covered(self) -> list[tuple[Callable, int]]:
        """The (function, argument) pairs whose rules this case tests."""
        return [*((self.rule, i) for i in self.differentiable), *self.reaches]

    def calls(self) -> st.SearchStrategy[DrawnCall]:
        return _calls(self)


@st.composite
def _calls(draw: Callable, case: Case) -> DrawnCall:
    shapes = draw(case.shapes)
    options = draw(case.options(*shapes))
    traced = draw(st.sampled_from(_subsets(case.differentiable)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = [domain.sample(rng, shape) for domain, shape in zip(case.domains, shapes, strict=True)]
    args = tuple(draw(presented(np.asarray(x))) for x in values)
    return DrawnCall(case.call, args, traced, options, seed)


def _subsets(positions: Sequence[int]) -> list[tuple[int, ...]]:
    """All but the empty one, the whole first."""
    sizes = range(len(positions), 0, -1)
    return list(chain.from_iterable(combinations(positions, n) for n in sizes))


def no_options(*shapes: tuple) -> st.SearchStrategy[dict]:
    return st.just({})


def case(rule, *domains, shapes=None, options=no_options, call=None, reaches=()) -> Case:
    """A row of a table; the arguments broadcast together, unless `shapes` says otherwise."""
    shapes = broadcasting(len(domains)) if shapes is None else shapes
    return Case(rule, domains, shapes, options, call or rule, tuple(reaches))
