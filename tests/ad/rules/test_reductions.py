"""The rules of the functions that reduce an axis, and their kinks."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, jvp
from tinydp.ad.rules.reductions import norm2

from .cases import (
    ANY,
    ARRAYS,
    DISTINCT,
    FULL,
    FULL_ARRAYS,
    FULL_SIDE,
    HOLED,
    NONZERO,
    POSITIVE,
    REAL,
    REGULAR,
    axis_of,
    axis_or_none,
    case,
    shapes,
    some_axes,
    with_keepdims,
)
from .checks import flat_test, rules_test

axes, one_axis = with_keepdims(some_axes), with_keepdims(axis_or_none)


def corrected(shape):
    """The options of a variance."""
    ddof = st.fixed_dictionaries({}, optional={"ddof": st.integers(0, 1)})
    return st.builds(dict.__or__, one_axis(shape), ddof)


def averaged(shape, weights):
    """The axes along which these weights can lie."""
    axes = [k for k, n in enumerate(shape) if weights == (n,)]
    axes += [None, *range(-len(shape), 0)] * (weights == shape)
    return st.fixed_dictionaries({"axis": st.sampled_from(axes)}, optional={"keepdims": st.booleans()})


def of_all(shape):
    """The norm of all elements together."""
    return st.fixed_dictionaries({}, optional={"keepdims": st.booleans()})


def of_vectors(*orders):
    """The norms of vectors, of these orders; the axis may be left out if there is no other."""
    def options(shape):
        axis = axis_of(len(shape)) | st.none() if len(shape) == 1 else axis_of(len(shape))
        return st.fixed_dictionaries({"ord": st.sampled_from(orders), "axis": axis},
                                     optional={"keepdims": st.booleans()})
    return options


def of_matrices(*orders):
    """The norms of matrices, of these orders; the axes may be left out if there are no others."""
    def options(shape):
        axis = st.sampled_from([(-2, -1), (len(shape) - 2, -1)])
        axis = axis | st.none() if len(shape) == 2 else axis
        return st.fixed_dictionaries({"ord": st.sampled_from(orders), "axis": axis},
                                     optional={"keepdims": st.booleans()})
    return options


def of_last_axes(*orders):
    """The norms of the matrices on the last axes, of these orders."""
    return lambda shape: st.fixed_dictionaries(
        {}, optional={"ord": st.sampled_from(orders), "keepdims": st.booleans()})


def weighted(shape):
    """The shapes of an array and of its weights."""
    return st.tuples(st.just(shape), st.sampled_from([shape, *((n,) for n in shape)]))


MATRICES = st.tuples(shapes(2, side=FULL_SIDE))
WIDE = st.tuples(shapes(1, side=st.integers(2, 3)))
ORDERS = ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)

CASES = [
    case(np.sum,         REAL,     shapes=ANY,         options=axes),
    case(np.mean,        REAL,     shapes=FULL,        options=axes),
    case(np.max,         DISTINCT, shapes=FULL,        options=axes),
    case(np.min,         DISTINCT, shapes=FULL,        options=axes),
    case(np.amax,        DISTINCT, shapes=FULL,        options=axes),
    case(np.amin,        DISTINCT, shapes=FULL,        options=axes),
    case(np.ptp,         DISTINCT, shapes=FULL,        options=axes),

    case(np.prod,        REAL,     shapes=ANY,         options=axes),
    case(np.cumsum,      REAL,     shapes=ANY,         options=axis_or_none),
    case(np.cumprod,     REAL,     shapes=ANY,         options=axis_or_none),
    case(np.var,         REAL,     shapes=WIDE,        options=corrected),
    case(np.std,         DISTINCT, shapes=WIDE,        options=corrected),
    case(np.average,     REAL, POSITIVE, shapes=shapes(1, side=FULL_SIDE).flatmap(weighted), options=averaged,
         call=lambda a, weights, **options: np.average(a, weights=weights, **options)),

    case(np.nansum,      HOLED,    shapes=WIDE,        options=one_axis),
    case(np.nanprod,     HOLED,    shapes=WIDE,        options=one_axis),
    case(np.nanmean,     HOLED,    shapes=WIDE,        options=one_axis),
    case(np.nanmax,      HOLED,    shapes=WIDE,        options=one_axis),
    case(np.nanmin,      HOLED,    shapes=WIDE,        options=one_axis),
    case(np.nan_to_num,  HOLED),

    case(np.linalg.norm, NONZERO,  shapes=ANY,         options=of_all, reaches=[(norm2, 0)]),
    case(np.linalg.norm, NONZERO,  shapes=MATRICES,    options=of_matrices(None, "fro")),
    case(np.linalg.norm, REGULAR,  shapes=MATRICES,    options=of_matrices(*ORDERS)),
    case(np.linalg.norm, NONZERO,  shapes=ARRAYS,      options=of_vectors(None, 1, 2)),
    case(np.linalg.norm, NONZERO,  shapes=FULL_ARRAYS, options=of_vectors(3, 0.5, -1)),
    case(np.linalg.norm, DISTINCT, shapes=FULL_ARRAYS, options=of_vectors(np.inf, -np.inf)),
    case(np.linalg.vector_norm, DISTINCT, shapes=FULL_ARRAYS, options=of_vectors(1, 2, 3, np.inf)),
    case(np.linalg.matrix_norm, REGULAR,  shapes=MATRICES,    options=of_last_axes(*ORDERS)),
]

FLAT = [
    case(np.argmax,        DISTINCT, shapes=FULL, options=one_axis),
    case(np.argmin,        DISTINCT, shapes=FULL, options=one_axis),
    case(np.any,           REAL,     shapes=ANY,  options=axes),
    case(np.all,           REAL,     shapes=ANY,  options=axes),
    case(np.count_nonzero, REAL,     shapes=ANY,  options=axes),
    case(np.array_equal,   REAL, REAL),
    case(np.array_equiv,   REAL, REAL),
    case(np.isposinf,      REAL),
    case(np.isneginf,      REAL),
]


test_rule = rules_test(CASES)
test_flat = flat_test(FLAT)


# ---------------------------------------------------------------------------- kinks

@pytest.mark.parametrize("f", [np.max, np.amax, lambda x, **options: -np.min(-x, **options),
                               lambda x, **options: -np.amin(-x, **options)])
def test_ties_share_equally(f):
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    of_all = [[0, 1 / 2, 1 / 2], [0, 0, 0]]
    of_rows = [[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_equal(grad(f)(x), of_all)
    np.testing.assert_equal(grad(lambda x: np.sum(f(x, axis=1)))(x), of_rows)
    np.testing.assert_equal(grad(lambda x: np.sum(grad(f)(x) * x))(x), of_all)
    assert grad(f)(3.0) == 1.0


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf])
def test_norm_of_zero_is_flat(order):
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    gradient = grad(lambda x: np.sum(np.linalg.norm(x, order, axis=1)))
    np.testing.assert_equal(gradient(x)[0], [0, 0])
    np.testing.assert_equal(grad(lambda x: np.linalg.norm(x, order))(np.zeros(2)), [0, 0])


@pytest.mark.parametrize(("x", "gradient"), [
    ([2.0, 0.0, 3.0], [0, 6, 0]),
    ([0.0, 0.0, 3.0], [0, 0, 0]),
])
def test_product_of_zeros(x, gradient):
    assert np.array_equal(grad(np.prod)(np.array(x)), gradient)
    assert np.array_equal(grad(lambda x: np.cumprod(x)[-1])(np.array(x)), gradient)
    others = grad(lambda x: grad(np.prod)(x)[0])(np.array(x))
    assert np.array_equal(others, [0, x[2], x[1]])


def test_deviation_of_equals_is_flat():
    x = np.array([[2.0, 2.0], [1.0, 3.0]])
    np.testing.assert_allclose(grad(lambda x: np.sum(np.std(x, axis=1)))(x), [[0, 0], [-0.5, 0.5]])


def test_norm_of_zero_in_the_branch_not_taken():
    def f(x):
        lengths = np.linalg.norm(x, axis=1)
        return np.sum(np.where(lengths > 0, lengths, 0.0))

    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(grad(f)(x), [[0, 0], [0.6, 0.8]])
    np.testing.assert_allclose(grad(lambda x: np.sum(grad(f)(x) ** 2))(x), 0.0, atol=1e-15)
    assert grad(lambda x: np.where(x > 0, np.linalg.norm(x), 0.0))(0.0) == 0.0


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("f", [np.sum, np.prod, np.max, np.min, np.ptp, np.nansum, np.nanprod, np.nanmax,
                               np.nanmin, np.cumsum, np.cumprod])
def test_the_axis_of_a_number(f, axis):
    slope = 0.0 if f is np.ptp else 1.0
    for x in (1.5, np.array(1.5)):
        assert grad(lambda x: np.sum(2.0 * f(x, axis=axis)))(x) == 2.0 * slope
        assert np.sum(jvp(lambda x: f(x, axis=axis), (x,), (2.0,))[1]) == 2.0 * slope
