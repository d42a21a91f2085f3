"""Where an operation is written down does not depend on who asked first: loops in loops, with branches."""

import numpy as np
import pytest

import tinydp as dp

ROWS = np.linspace(0.5, 2.0, 12).reshape(4, 3)


def asked_within(power, rows):
    """The outer step forks while the inner one is traced."""
    def outer(t, row):
        def inner(s, v):
            if power > 3 or row[0] > 1.0:
                s = s * 1.1
            if np.any(s > 2.0):
                s = s * 0.5
            return s + v, None
        return dp.scan(inner, t, row)[0], None
    return dp.scan(outer, 1.0, rows)[0]


def asked_after(power, rows):
    def outer(t, row):
        def inner(s, v):
            if power > 3 or row[0] > 1.0:
                s = s * 1.1
            return s + v, None
        s = dp.scan(inner, t, row)[0]
        if np.any(s > 3):
            s = s * 0.9
        return s, None
    return dp.scan(outer, 1.0, rows)[0]


def of_arrays(power, rows):
    def outer(t, row):
        def inner(s, v):
            if power > 3 or row[0] > 1.0:
                s = s * 1.1
            if np.any(s):
                s = s + 0.1 * power
            return s + v, None
        return dp.scan(inner, t, row)[0], None
    return np.sum(dp.scan(outer, np.ones(3), rows)[0])


def computed_again_on_a_way(power, rows):
    """2 * power is there before the ways part, and is used on one of them."""
    def step(s, row):
        if row[0] > 1.0 and 2.0 * power > 3.0:
            s = s + 2.0 * power
        return s + np.sum(row), None
    return dp.scan(step, 1.0, rows)[0]


def computed_within_and_afterwards(power, rows):
    """On a way of the inner step, and then further out; in the next run of the outer one that comes after."""
    def outer(t, row):
        def inner(s, v):
            return (s + 0.1 * np.abs(t) if s > 1.5 else s) + v, None
        s = dp.scan(inner, 0.1 * t * power, row)[0]
        return s * 0.5 if np.abs(t) > 2.0 else s, None
    return dp.scan(outer, 1.0, rows)[0]


def computed_within_on_both_ways(power, rows):
    def outer(t, row):
        def inner(s, v):
            return (s + 0.1 * np.abs(t) if s > 1.5 else s - np.sin(t)) + v, np.sin(t)
        s, ys = dp.scan(inner, 0.1 * t * power, row)
        s = s * np.abs(t) if ys[0] > 0.3 else s
        return s * 0.5 if np.sin(t) > 0.2 and np.abs(t) > 2.0 else s, None
    return dp.scan(outer, 1.0, rows)[0]


def computed_of_what_is_further_out(power, rows):
    """The same of a value around both loops: what the outer step takes of it is written down before it."""
    def outer(t, row):
        def inner(s, v):
            return (s + 0.1 * np.sin(power) if s > 1.5 else s) + v, None
        s = dp.scan(inner, 0.1 * t * power, row)[0] - 0.1 * np.sin(power)
        return s * 0.5 if t > 2.0 else s, None
    return dp.scan(outer, 1.0, rows)[0]


def asked_two_loops_further_in(power, rows):
    """Whether s > 1.5 is asked for the first time on a way of the innermost step."""
    def outer(t, row):
        def inner(s, v):
            def innermost(q, _):
                return q + (0.3 * power if 0.3 * q > 1.5 or s > 1.5 else power), None
            s = dp.scan(innermost, s, length=2)[0]
            return 1.3 * s if np.abs(row[0]) > 0.3 else s, t
        return dp.scan(inner, 0.1 * t, row)[0], None
    return dp.scan(outer, 1.0, rows)[0]


@pytest.mark.parametrize("f", [asked_within, asked_after, of_arrays, computed_again_on_a_way,
                               computed_within_and_afterwards, computed_within_on_both_ways,
                               computed_of_what_is_further_out, asked_two_loops_further_in])
@pytest.mark.parametrize("power", [2.0, 4.0])
def test_a_loop_in_a_loop_asks_for_what_is_known_further_out(f, power):
    compiled = dp.compile(f)
    for factor in (1.0, 0.3):
        np.testing.assert_allclose(compiled(power, factor * ROWS), f(power, factor * ROWS), 1e-13)
        np.testing.assert_allclose(dp.grad(compiled, 1)(power, factor * ROWS),
            dp.grad(f, 1)(power, factor * ROWS), 1e-12)


def test_a_run_around_is_given_up_by_what_is_asked_within():
    """`sorted` asks the step around, more often than is tried at first, while a row within is traced."""
    def f(y):
        def body(c):
            k, y = c
            return k + 1, 0.1 * y + np.sum(dp.vmap(lambda x: sorted(y)[0] * x)(y))
        return np.sum(dp.while_loop(lambda c: c[0] < 3, body, (0, y))[1])
    y = np.array([1.3, 0.5, -1.0])
    assert dp.compile(f)(y) == pytest.approx(f(y), rel=1e-13)
    np.testing.assert_allclose(dp.grad(dp.compile(f))(y), dp.grad(f)(y), rtol=1e-12)
