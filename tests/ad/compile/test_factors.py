"""Elimination as an operation of programs: what it means, and that the passes share it."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.expand import apart
from tinydp.ad.compile.factors import lu_factor, lu_solve
from tinydp.ad.compile.passes import optimised
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.trace import traced

A = np.random.default_rng(0).normal(size=(2, 3, 3)) + 3 * np.eye(3)


@pytest.mark.parametrize("a", [A, A[0], np.zeros((0, 3, 3)), np.zeros((0, 0))])
def test_the_two_together_solve(a):
    lu, pivots = lu_factor.fn(a)
    n = a.shape[-1]
    for b in (np.ones(n), np.arange(2.0 * n).reshape(n, 2)):
        np.testing.assert_allclose(lu_solve.fn(lu, pivots, b), np.linalg.solve(a, b), 1e-12)
        turned = np.linalg.solve(np.swapaxes(a, -1, -2), b)
        np.testing.assert_allclose(lu_solve.fn(lu, pivots, b, transposed=True), turned, 1e-12)


def names(program):
    return [name for op in program.ops for name in [op.name, *(names(op.body) if op.body else ())]]


def test_one_elimination_for_a_matrix_and_the_transposed_one():
    def f(a, b):
        return np.linalg.solve(a, b) + np.linalg.solve(a.T, b) + np.linalg.inv(a)[0]

    program = verify(optimised(apart(traced(f, A[0], np.ones(3)))))
    assert names(program).count("lu_factor") == 1
    np.testing.assert_allclose(interpret(program, A[0], np.ones(3))[0], f(A[0], np.ones(3)), 1e-12)


def test_a_constant_matrix_is_factored_when_the_program_is_made():
    program = apart(traced(lambda b: np.linalg.solve(A[0], b), np.ones(3)))
    assert "lu_factor" not in names(program)


def test_it_is_done_before_the_loop():
    def f(a, x):
        return dp.scan(lambda x, _: (np.linalg.solve(a, x), None), x, length=3)[0]

    program = optimised(apart(traced(f, A[0], np.ones(3))))
    assert names(program) == ["lu_factor", "scan", "lu_solve"]
