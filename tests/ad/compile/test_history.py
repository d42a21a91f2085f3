"""Carries that are kept: in the rows where they are written, whoever reads them, and in whatever order."""

import numpy as np
import pytest

import tinydp as dp

from . import grids
from .programs import assert_equal

X = np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("seed", range(12))
def test_random_loops(seed, interpreted):
    grids.check(seed, second=seed % 4 == 0)


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_random_loops_in_machine_code(seed):
    grids.check(seed, second=True)


def followed(order):
    """A loop in which carries follow others, as `order` says; None is computed. The way back reads all."""
    def f(x):
        def step(c, _):
            new = np.sin(c[0]) + 0.5 * c[-1] * c[1 % len(c)]
            return tuple(new if k is None else c[k] for k in order), None

        start = tuple(x * (k + 1.0) for k in range(len(order)))
        last, _ = dp.scan(step, start, length=4)
        return np.sum(np.stack(last) ** 2 * np.arange(1.0, len(order) + 1.0)[:, None])

    return f


@pytest.mark.parametrize(("order", "rows"), [
    ((None,), 1), ((1, None), 1), ((None, 0), 1), ((1, 2, None), 1), ((2, 0, None), 1), ((1, 1, None), 1),
    ((None, None), 1), ((1, 0, None), 1), ((1, 2, 0), 0)], ids=str)
def test_one_array_for_carries_that_follow_each_other(order, rows, interpreted):
    f = followed(order)
    compiled = dp.compile(f)
    assert_equal(dp.grad(compiled)(X), dp.grad(f)(X))
    along = np.cos(X)
    assert_equal(dp.hvp(dp.compile(f), X, along), dp.hvp(f, X, along), 1e-11)
    shared = [s for s in compiled.adjoint_source.splitlines() if "_before = " in s and "np.empty" not in s]
    assert bool(shared) == bool(rows)


def test_a_wave_equation_is_stepped_without_copies(interpreted):
    def f(x):
        def step(c, _):
            before, now = c
            return (now, 2.0 * now - before - 0.1 * now**3), None

        return np.sum(dp.scan(step, (x, x), length=5)[0][1])

    compiled = dp.compile(f)
    assert_equal(dp.grad(compiled)(X), dp.grad(f)(X))
    loop = compiled.adjoint_source.split("for step in range(5):")[1].split("for step_1")[0]
    assert loop.count("\n        for i in") == 1           # all that a step does


def test_a_stack_that_is_returned_is_an_array_of_its_own():
    def f(x):
        def step(h, _):
            h = np.tanh(h + 0.1)
            return h, h

        last, rows = dp.scan(step, x, length=6)
        return last, rows, rows[::2] + last, rows.reshape(-1)

    compiled = dp.compile(f)
    assert_equal(compiled(X), f(X))
    results = compiled(X)
    results[1][:] = 0.0
    assert np.all(results[3] != 0.0)
    assert_equal(dp.jacobian(dp.compile(lambda x: f(x)[1]))(X), dp.jacobian(lambda x: f(x)[1])(X))


def test_one_step_and_none():
    for n in (0, 1):
        f = lambda x: np.sum(dp.scan(lambda h, _: (np.sin(h) * h, h), x, length=n)[0] ** 2)
        assert_equal(dp.grad(dp.compile(f))(X), dp.grad(f)(X))
