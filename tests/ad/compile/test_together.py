"""Branches, maps, loops that end when they are done, and roots within one another."""

import numpy as np
import pytest

import tinydp as dp

from .checks import check
from .test_switches import both


def kink(x, k):
    return np.sin(k * x) * x if x > 0.3 else k * x ** 2 - x


def test_branches_in_rows():
    def f(xs, k):
        return np.sum(dp.vmap(kink, in_axes=(0, None))(xs, k) ** 2)
    both(f, np.array([0.5, -0.2, 0.3, 1.0, 0.1]), 0.7)


def test_a_failed_assert_in_one_row():
    def row(x):
        assert x < 2, f"{x:.1f} is too large"
        return x ** 2
    f = dp.compile(lambda xs: np.sum(dp.vmap(row)(xs)))
    assert f(np.array([1.0, 0.5])) == 1.25
    with pytest.raises(AssertionError, match=r"2\.5 is too large"):
        f(np.array([1.0, 2.5]))


def test_gradients_of_rows_with_branches():
    def f(xs, k):
        return np.sum(dp.vmap(dp.grad(kink), in_axes=(0, None))(xs, k) * xs)
    both(f, np.array([0.5, -0.2, 0.7]), 0.7)


def test_a_while_loop_with_branches_in_a_scan():
    def f(x, k):
        def rounds(y):
            def body(s):
                return s[0] * 0.7, s[1] + (s[0] if s[1] < k else -s[0])

            return dp.while_loop(lambda s: s[0] > 0.1, body, (y, 0.0), max_steps=100)[1]
        return dp.scan(lambda c, _: (0.9 * c + 0.3 * rounds(1.0 + c * c), c), x, length=6)[0]
    both(f, 0.4, 0.6)


def test_a_switch_with_a_while_loop_in_it():
    def f(x, k):
        def step(c, _):
            if c > k:
                return dp.while_loop(lambda y: y > abs(k), lambda y: np.sin(y) * 0.9, c), c
            return c * 1.7 + 0.1, c
        c, cs = dp.scan(step, x, length=9)
        return c + np.sum(cs)
    both(f, 0.2, 0.5)


def test_a_root_on_one_side():
    def f(x, k):
        def step(c, _):
            y = dp.root(lambda y: y ** 3 + y - c, 1.0) if c > k else c + 0.4 * np.exp(-c)
            return y, y * c
        c, cs = dp.scan(step, x, length=6)
        return c + np.sum(cs)
    check(f, 0.9, 0.5)
    both(f, 0.9, 0.5)


def test_solve_on_one_side():
    def f(A, b):
        def step(c, _):
            if c[0] > 0:
                return np.linalg.solve(A, c) * 0.5, np.linalg.det(A + c[0])
            return np.abs(c) @ A * 0.2, 0.0
        c, cs = dp.scan(step, b, length=5)
        return np.sum(c) + np.sum(cs)
    both(f, np.array([[2.0, 0.3], [-0.4, 1.5]]), np.array([0.4, -0.7]))
