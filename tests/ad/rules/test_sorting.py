"""The rules of the functions that choose elements by their values or positions."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, vjp
from tinydp.ad.errors import ConversionError, UnsupportedArgumentError

from .cases import (
    ARRAYS,
    DISTINCT,
    FULL,
    FULL_ARRAYS,
    FULL_SIDE,
    MASK,
    NONZERO,
    REAL,
    axis_of,
    case,
    near,
    shapes,
    some_axes,
    with_keepdims,
)
from .checks import flat_test, rules_test

# ---------------------------------------------------------------------------- options


@st.composite
def places(draw, shape, **options):
    """One axis or None, and options that depend on how long it is."""
    axis = draw(st.none() | axis_of(len(shape)))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return {"axis": axis} | {name: draw(strategy(n)) for name, strategy in options.items()}


axes = with_keepdims(some_axes)


def levels(limit):
    """The ranks of a quantile, one or several."""
    level = st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.9, 1.0]).map(lambda q: q * limit)
    several = st.lists(level, max_size=2) | st.just([[0.1 * limit], [0.5 * limit]])
    return lambda shape: st.builds(lambda q, options: {"q": q} | options, level | several, axes(shape))


def chosen(shape):
    inside = lambda n: axis_of(n) | st.lists(axis_of(n), max_size=4) | st.just([[0, 0], [n - 1, -1]])
    anywhere = lambda n: st.lists(st.integers(-5, 5), min_size=1)
    modes = lambda n: st.sampled_from(["wrap", "clip"])
    return places(shape, indices=inside) | places(shape, indices=anywhere, mode=modes)


def repeated(shape):
    count = st.integers(0, 3)
    return places(shape, repeats=lambda n: count | st.lists(count, min_size=n, max_size=n))


def deleted(shape):
    return places(shape, obj=lambda n: axis_of(n) | st.lists(axis_of(n)) | st.just(slice(1, None)))


def kept(shape):
    return places(shape, condition=lambda n: st.lists(st.booleans(), max_size=n))


def ranked(shape):
    return places(shape, kth=lambda n: axis_of(n) | st.lists(axis_of(n), min_size=1))


def resized(shape):
    return st.fixed_dictionaries({"new_shape": st.sampled_from([0, 2, (2, 3), (7,), ()])})


@st.composite
def along(draw, shape):
    axis = draw(axis_of(len(shape)))
    n, sides = shape[axis], [draw(st.sampled_from([1, side])) for side in shape]
    sides[axis] = draw(st.integers(0, 4))
    size = int(np.prod(sides))
    numbers = st.lists(axis_of(n), min_size=size, max_size=size)
    return {"axis": axis, "indices": draw(numbers.map(lambda k: np.array(k, dtype=int).reshape(sides)))}


# ---------------------------------------------------------------------------- calls

FOURTHS = near(1 / 6, 1 / 2, 5 / 6, width=0.05)  # the middles between four numbers, and about there


def counted(shape):
    places = st.lists(st.integers(0, 4), min_size=shape[0], max_size=shape[0])
    return st.builds(lambda x, n: {"x": np.array(x), "minlength": n}, places, st.integers(0, 6))


def of_masked(a, b, mask):
    return np.select([mask, np.logical_not(mask), mask], [a, b, a * b], 3.0)


CASES = [
    case(np.take,            REAL, shapes=FULL_ARRAYS, options=chosen),
    case(np.repeat,          REAL, shapes=FULL_ARRAYS, options=repeated),
    case(np.delete,          REAL, shapes=FULL_ARRAYS, options=deleted),
    case(np.compress,        REAL, shapes=FULL_ARRAYS, options=kept,
         call=lambda a, condition, **options: np.compress(condition, a, **options)),
    case(np.extract,         NONZERO, shapes=ARRAYS,      call=lambda x: np.extract(np.greater(x, 0.0), x)),
    case(np.resize,          REAL, shapes=FULL,        options=resized),
    case(np.take_along_axis, REAL, shapes=FULL_ARRAYS, options=along),
    case(np.select,          REAL, REAL, MASK,         call=of_masked),
    case(np.bincount,        REAL, shapes=st.tuples(shapes(1, 1, FULL_SIDE)), options=counted,
         call=lambda weights, x, **options: np.bincount(x, weights, **options)),

    case(np.sort,            DISTINCT, shapes=ARRAYS,      options=places),
    case(np.partition,       DISTINCT, shapes=FULL_ARRAYS, options=ranked),
    case(np.median,          DISTINCT, shapes=FULL,        options=axes),
    case(np.quantile,        DISTINCT, shapes=FULL,        options=levels(1)),
    case(np.percentile,      DISTINCT, shapes=FULL,        options=levels(100)),
    case(np.quantile,        DISTINCT, FOURTHS, shapes=st.tuples(st.just((4,)), shapes(0, 2, FULL_SIDE))),
]

FLAT = [
    case(np.argpartition,    DISTINCT, shapes=FULL_ARRAYS, options=ranked),
    case(np.digitize,        REAL, shapes=ARRAYS,          call=lambda x: np.digitize(x, [-1.0, 0.0, 1.0])),
]


test_rule = rules_test(CASES)
test_flat = flat_test(FLAT)


# ---------------------------------------------------------------------------- one by one

WEIGHTS = np.array([1.0, 10.0, 100.0])


@pytest.mark.parametrize("kind", [None, "quicksort", "stable", "heapsort"])
def test_equal_elements_are_sorted_in_their_order(kind):
    gradient = grad(lambda x: np.sum(WEIGHTS * np.sort(x, kind=kind)))
    assert np.array_equal(gradient(np.array([2.0, 2.0, 1.0])), [10, 100, 1])
    assert np.array_equal(gradient(np.ones(3)), WEIGHTS)


@pytest.mark.parametrize(("f", "x", "expected"), [
    (np.median,                        [2.0, 1.0, 2.0, 5.0],      [0.5, 0.0, 0.5, 0.0]),
    (np.median,                        [2.0, 1.0, 2.0],           [1.0, 0.0, 0.0]),
    (lambda x: np.quantile(x, 0.25),   [9.0, 9.0, 3.0, 1.0, 3.0], [0.0, 0.0, 1.0, 0.0, 0.0]),
])
def test_in_a_tie_the_lower_rank_is_the_earlier(f, x, expected):
    assert np.array_equal(grad(f)(np.array(x)), expected)


@pytest.mark.parametrize("f", [np.median, lambda x, **options: np.quantile(x, 0.3, **options)])
def test_nan_stays_in_its_own_lane(f):
    x = np.array([[1.0, np.nan, 2.0], [4.0, 6.0, 5.0]])
    y, pullback = vjp(lambda x: f(x, axis=1), x)
    assert np.array_equal(y, f(x, axis=1), equal_nan=True)
    assert np.array_equal(pullback(np.ones(2))[0][0], np.zeros(3))
    assert np.sum(pullback(np.ones(2))[0][1]) == 1


def test_a_quantile_between_its_neighbours_is_the_only_kind():
    with pytest.raises(UnsupportedArgumentError):
        grad(lambda x: np.quantile(x, 0.5, method="nearest"))(np.ones(3))


@pytest.mark.parametrize("f", [
    lambda i: np.take([1.0, 2.0], i),
    lambda i: np.repeat([1.0, 2.0], i),
    lambda i: np.delete([1.0, 2.0], i),
    lambda i: np.compress(i, [1.0, 2.0]),
    lambda i: np.extract(i, [1.0, 2.0]),
    lambda i: np.take_along_axis(np.ones(2), i, 0),
    lambda i: np.take(i, i),
])
def test_traced_index_is_refused(f):
    with pytest.raises(ConversionError):
        vjp(f, np.zeros(1))


def test_take_out_of_bounds():
    with pytest.raises(IndexError):
        grad(lambda x: np.take(x, 3))(np.ones(3))


def test_elements_of_a_number_along_an_axis():
    for x in (1.5, np.array(1.5)):
        assert grad(lambda x: np.sum(np.repeat(x, 3, axis=0)))(x) == 3.0
        assert grad(lambda x: np.take(x, 0, axis=-1))(x) == 1.0
    with pytest.raises(np.exceptions.AxisError):
        grad(lambda x: np.take(x, 0, axis=1))(1.5)
    with pytest.raises(np.exceptions.AxisError):
        grad(lambda x: np.sum(np.repeat(x, 2, axis=1)))(np.ones(2))


def test_resize_of_nothing_is_zeros():
    y, pullback = vjp(lambda x: np.resize(x, (2, 2)), np.zeros(0))
    assert np.array_equal(y, np.zeros((2, 2)))
    assert pullback(np.ones((2, 2)))[0].shape == (0,)
