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
