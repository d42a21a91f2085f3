"""The rules of elements at computed places, and what an index means."""

import numpy as np
import pytest
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.errors import ConversionError, DtypeError
from tinydp.ad.rules.gathers import beyond, gather, in_range, scatter_at

from .cases import FULL_ARRAYS, REAL, case
from .checks import rules_test


@st.composite
def rows(draw, shape):
    """Some rows of an array, or elements of its last axis, perhaps twice; positions count from 0."""
    last = draw(st.booleans())
    place = st.integers(0, shape[-1 if last else 0] - 1)
    several = st.lists(place, min_size=1, max_size=4).map(np.array)
    return {"k": draw(place | several), "last": last}


def index_of(last):
    return (..., "#0") if last else ("#0", ...)


def read(x, k, last):
    return gather(x, k, index=index_of(last))


def written(x, k, last):
    g = x[(..., k)] if last else x[k]
    return scatter_at(g, k, shape=np.shape(x), index=index_of(last))


CASES = [
    case(gather,     REAL, shapes=FULL_ARRAYS, options=rows, call=read),
    case(scatter_at, REAL, shapes=FULL_ARRAYS, options=rows, call=written),
]
test_rule = rules_test(CASES)


def test_positions():
    assert [in_range(i, n=3) for i in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    for i in (-4, 3, np.array([0, 3])):
        with pytest.raises(IndexError):
            in_range(i, n=3)
    assert [beyond(i, n=3) for i in (-1, 0, 2)] == [3, 0, 2]


# ---------------------------------------------------------------------------- public

def test_lookup_is_an_index():
    table = np.arange(12.0).reshape(3, 4)
    for index in (1, -1, (1, 2), (slice(None), [0, 0]), ..., np.array([[0], [2]])):
        assert np.array_equal(dp.lookup(table, index), table[index])
        assert np.array_equal(dp.lookup(table.tolist(), index), table[index])
    assert type(dp.lookup([1.0, 2.0], 1)) is float
    gradient = dp.grad(lambda t: dp.lookup(t, (1, 2)) ** 2)(table)
    assert np.array_equal(gradient, 12.0 * (table == 6.0))
    with pytest.raises(IndexError):
        dp.lookup(table, 3)


@pytest.mark.parametrize("index", [
    0, -1, [0, 0, 2], (slice(None), 1), ([0, 0], [1, 1]), np.array([[0, 2], [2, 2]])])
def test_add_at_is_numpys_as_a_function(index):
    x = np.arange(12.0).reshape(3, 4)
    values = np.cos(np.arange(x[index].size)).reshape(x[index].shape)
    expected = x.copy()
    np.add.at(expected, index, values)
    np.testing.assert_allclose(dp.add_at(x, index, values), expected, rtol=1e-15)
    dp.testing.check_grads(lambda x, v: np.sum(dp.add_at(x, index, v) ** 2), (x, values))
    dp.testing.check_grads(lambda v: np.sum(dp.add_at(x, index, v) ** 3), (0.3,))


def test_add_at_refuses():
    with pytest.raises(DtypeError):
        dp.add_at(np.array([True]), 0, 1.0)
    with pytest.raises(IndexError):
        dp.add_at(np.zeros(2), 2, 1.0)
    with pytest.raises(ValueError, match="broadcast"):
        dp.add_at(np.zeros(2), [0, 1], np.ones(3))
    with pytest.raises(ConversionError, match="integer"):
        dp.grad(lambda i: dp.add_at(np.zeros(2), i, 1.0)[0])(1.0)


# ---------------------------------------------------------------------------- integers of traced values

@pytest.mark.parametrize("whole", [
    lambda v: int(v), lambda v: round(v), lambda v: np.floor(v).astype(int),
    lambda v: np.rint(v).astype(int)])
def test_a_rounded_value_is_an_index(whole):
    x = np.array([2.2, 1.0, 5.0])
    value, gradient = dp.value_and_grad(lambda x: x[whole(x[0])] ** 2)(x)
    assert value == 25.0
    assert np.array_equal(gradient, [0.0, 0.0, 10.0])


def test_integers_of_arrays_are_plain():
    x = np.array([2.7, -1.2, 0.0])
    for dtype in (int, np.int32, bool):
        seen = []
        dp.grad(lambda x: seen.append(x.astype(dtype)) or np.sum(x))(x)
        assert np.array_equal(seen[0], x.astype(dtype))
        assert seen[0].dtype == dtype
