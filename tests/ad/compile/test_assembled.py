"""What is added to what was there, part by part, is scattered; anything else is left as it is."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.assembled import assembled
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.roll import roll
from tinydp.ad.compile.trace import traced

X = np.random.default_rng(3).normal(size=9)
PAIRS = [(0, 1), (1, 2), (0, 2), (3, 1), (2, 3)]


def stiffness(x, plus=True):
    K = np.zeros((4, 4))
    for (a, b), k in zip(PAIRS, range(5), strict=True):
        places = np.ix_([a, b], [a, b])
        part = x[k] * np.outer([1.0, -1.0], [1.0, -1.0]) * x[a]
        K = dp.set_at(K, places, K[places] + part if plus else K[places] - part)
    return K


def column(x):
    y = np.zeros(6)
    for k in range(4):
        y = dp.set_at(y, slice(k, k + 2), x[k] * x[k + 1] + y[k: k + 2])
    return y


def read_on_the_way(x):
    y, total = np.zeros(6), 0.0
    for k in range(4):
        y = dp.set_at(y, [k, k + 1], y[[k, k + 1]] + x[k])
        total = total + y[1] ** 2
    return y * total


def in_a_loop(x):
    def step(s, v):
        y = np.zeros(3)
        for k in range(3):
            y = dp.set_at(y, [k], y[[k]] + s * v)
        return np.tanh(np.sum(y)), y

    return dp.scan(step, 0.5, x)[1]


@pytest.mark.parametrize("f", [
    stiffness, lambda x: stiffness(x, False), column, read_on_the_way, in_a_loop],
    ids=["matrix", "subtracted", "slices", "read on the way", "in a loop"])
def test_it_is_a_scatter_to_the_bit(f):
    program = traced(f, X)
    after = verify(assembled(program))
    assert [x.tobytes() for x in interpret(after, X)] == [x.tobytes() for x in interpret(program, X)]
    text = str(after)
    assert "scatter" in text
    assert "where" not in text
    total = lambda x: np.sum(np.sin(f(x)))
    np.testing.assert_allclose(dp.grad(dp.compile(total))(X), dp.grad(total)(X), rtol=1e-12, atol=1e-14)


def all_at_once(x):
    return dp.set_at(np.zeros(9), np.arange(9), np.zeros(9) + x)


def row_by_row(x):
    y, rows = np.zeros((3, 3)), x.reshape(3, 3)
    for k in range(3):
        y = dp.set_at(y, k, y[k] + rows[k])
    return y


def numbers_at_once(x):
    y = np.zeros(9)
    return dp.set_at(y, np.arange(9), y[np.arange(9)] + x)


def counted(x):
    return np.bincount(np.arange(9), x)


@pytest.mark.parametrize("f", [all_at_once, row_by_row, numbers_at_once, counted])
def test_what_is_added_to_all_of_it_is_added_to_zeros(f):
    """0.0 + -0.0 is 0.0: it is not put there as it is."""
    x = np.copysign(np.zeros(9), X)
    assert np.any(np.signbit(x))
    assert np.asarray(dp.compile(f)(x)).tobytes() == f(x).tobytes()


def replaced(x):
    y = np.zeros(4)
    for k in range(3):
        y = dp.set_at(y, [k, k + 1], x[k] * np.ones(2))
    return y


def from_elsewhere(x):
    y = np.zeros(4)
    for k in range(3):
        y = dp.set_at(y, [k, k + 1], y[[k + 1, k]] + x[k])
    return y


def twice_at_one_place(x):
    y = np.zeros(4)
    for k in range(3):
        y = dp.set_at(y, [k, k], y[[k, k]] + x[:2] * x[k])
    return y


def onto_values(x):
    y = x[:4] * 1.0
    for k in range(3):
        y = dp.set_at(y, [k, k + 1], y[[k, k + 1]] + x[k])
    return y


def onto_negative_zeros(x):
    y = np.full(4, -0.0)
    for k in range(2):
        y = dp.set_at(y, [k, k + 1], y[[k, k + 1]] + 0.0 * x[k] * x[k] * -1.0)
    return y


def turned_round(x):
    y = np.zeros(4)
    for k in range(3):
        y = dp.set_at(y, [k, k + 1], x[k] - y[[k, k + 1]])
    return y


@pytest.mark.parametrize("f", [
    replaced, from_elsewhere, twice_at_one_place, onto_values, onto_negative_zeros, turned_round])
def test_other_assignments_stay(f):
    program = traced(f, X)
    after = verify(assembled(program))
    assert [x.tobytes() for x in interpret(after, X)] == [x.tobytes() for x in interpret(program, X)]
    assert "where" in str(after)
    assert np.asarray(dp.compile(f)(X)).tobytes() == np.asarray(f(X)).tobytes()


def test_a_loop_over_pairs_of_rows_becomes_a_scan():
    """The rows of `places` are taken where they are needed first: by no group at the same place."""
    rng = np.random.default_rng(6)
    bars = [(int(a), int(b)) for a, b in rng.permutation([(i, j) for j in range(9) for i in range(j)])]

    def f(places, k):
        K = np.zeros((9, 9))
        for (a, b), each in zip(bars, range(len(bars)), strict=True):
            along = places[b] - places[a]
            length = np.sqrt(along @ along)
            part = k[each] * np.array([[1.0, -1.0], [-1.0, 1.0]]) / length
            K = dp.set_at(K, np.ix_([a, b], [a, b]), K[np.ix_([a, b], [a, b])] + part)
        return K

    places = np.random.default_rng(4).normal(size=(9, 2))
    k = np.random.default_rng(5).uniform(1.0, 2.0, len(bars))
    program = traced(f, places, k)
    after = verify(roll(assembled(program)))
    assert len(program) > 400
    assert len(after) < 30
    np.testing.assert_allclose(interpret(after, places, k)[0], f(places, k), rtol=1e-14, atol=1e-14)
    total = lambda places, k: np.sum(np.linalg.inv(f(places, k) + np.eye(9)))
    for found, wanted in zip(dp.grad(dp.compile(total), (0, 1))(places, k), dp.grad(total, (0, 1))(places, k),
                             strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
