"""Powers of integers are what Python's are, and of the same kind."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

import tinydp as dp

power = dp.compile(lambda k, j: k ** j)
halved = dp.compile(lambda k, j: k ** j // 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(-12, 12), st.integers(-4, 70))
@example(3, 39)
@example(-2, 63)
@example(2, 63)
@example(-1, 2**40 + 1)
@example(0, 0)
def test_it_is_pythons(k, j):
    if k == 0 and j < 0:
        with pytest.raises(ZeroDivisionError):
            power(k, j)
        return
    assert power(k, j) == k ** j
    assert type(power(k, j)) is type(k ** j)
    assert halved(k, j) == k ** j // 2


def test_it_is_an_integer_in_a_loop():
    def f(x, n):
        def step(c, j):
            return (c + 3 ** j) % 1_000_003, x * 2 ** -j
        last, ys = dp.scan(step, n, range(39))
        return ys.sum() + last
    assert dp.compile(f)(0.5, 1) == pytest.approx(f(0.5, 1), rel=1e-14)
    assert dp.grad(dp.compile(f))(0.5, 1) == pytest.approx(dp.grad(f)(0.5, 1), rel=1e-14)
    np.testing.assert_equal(dp.compile(lambda c, j: c ** j)(True, 5), 1)


NUMPYS = {
    "numbers": lambda k, j: np.power(k, j),
    "a fixed base": lambda k, j: np.power(3, j) + 0 * k,
    "a table": lambda k, j: np.power(np.array([2, -3, 0]), j) * k,
    "fixed exponents": lambda k, j: np.power(k, np.array([0, 1, 70])) + j,
    "no exponents but 0": lambda k, j: np.power(k, np.array([0, 0])) + j,
    "an operator": lambda k, j: np.stack([k, 2 * k]) ** j,
    "a reflected one": lambda k, j: 3 ** np.stack([j, j + 1]) * k,
    "of a condition": lambda k, j: np.power(k > 0, j) + 0 * k,
}


@pytest.mark.parametrize("f", NUMPYS.values(), ids=NUMPYS)
def test_numpys_power_of_integers_is_one_that_wraps_around(f):
    compiled = dp.compile(f)
    for k, j in ((3, 4), (np.int64(-7), np.int64(0)), (2, 62), (5, 63), (0, 0), (-1, 70), (3, 2**40)):
        found, expected = compiled(k, j), f(k, j)
        np.testing.assert_array_equal(found, expected)
        assert np.asarray(found).dtype == np.int64
    if "exponents" not in next(name for name in NUMPYS if NUMPYS[name] is f):
        with pytest.raises(ValueError, match="negative integer powers"):
            compiled(3, -1)


def test_no_tape_looks_at_numpys_power_of_usual_exponents():
    built, leaves = dp.compile(lambda k, j: np.power(k, j)).program_for(-3, 63)
    assert built.results_of(leaves)[0] == np.power(-3, 63)


def test_numpys_power_of_integers_in_a_loop_and_a_map():
    def f(x, ks, js):
        def row(k, j):
            return np.power(k, j) * x
        total = dp.scan(lambda c, kj: (c + np.power(*kj), c % 7), 0, (ks, js))
        return np.sum(dp.vmap(row)(ks, js)) + total[0] + np.sum(np.power(ks, js) * total[1])

    ks, js = np.array([2, -3, 5]), np.array([10, 3, 0])
    assert dp.compile(f)(0.5, ks, js) == f(0.5, ks, js)
    assert dp.grad(dp.compile(f))(0.5, ks, js) == dp.grad(f)(0.5, ks, js)
