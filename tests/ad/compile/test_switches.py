"""Choices between two programs: what they compute, forwards and backwards, and how they are written."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.program import Op, Program, UnsoundError, Value, verify
from tinydp.ad.compile.switches import SWITCH
from tinydp.ad.compile.trace import traced
from tinydp.ad.errors import LoopError

from .checks import check


def both(f, *args):
    """The same at these arguments, interpreted and as machine code, in the first two derivatives."""
    check(f, *args)
    compiled = dp.compile(f)
    for each in (args, tuple([-x for x in args])):
        want, got = [dp.value_and_grad(each_f, range(len(args)))(*each) for each_f in (f, compiled)]
        for x, y in zip([want[0], *want[1]], [got[0], *got[1]], strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("x", [2.0, 0.5, 1.0, -3.0])
def test_cond_of_numbers(x):
    both(lambda x, w: dp.cond(x > 1.0, lambda x: np.sin(x) * w, lambda x: w + x, x), x, 3.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_of_arrays(sign):
    def f(x, W):
        y = dp.cond(np.sum(x) > 0.0, lambda: np.tanh(W @ x), lambda: W.T[0] * x + x)
        return np.sum(y ** 2) + np.sum(x)
    both(f, sign * np.array([0.3, -0.1, 0.4]), np.arange(9.0).reshape(3, 3) / 5)


def test_cond_in_a_scan_with_arrays_that_move():
    def f(x, w):
        def step(c, t):
            x, v = c
            x, v = dp.cond(x[0] > v[1], lambda x, v: (v, np.sin(x) * w), lambda x, v: (x + v, v * w), x, v)
            return (x, v), np.sum(x)
        (x, v), ys = dp.scan(step, (x, x[::-1] * 0.5), length=7)
        return np.sum(ys) + np.sum(v * x)
    both(f, np.array([0.3, -0.1, 0.4]), 0.7)


def test_cond_within_cond_within_loops():
    def f(x, y):
        def step(c, t):
            inner = dp.scan(lambda s, _: (dp.cond(s > y, lambda: s * 0.9, lambda: s + np.cos(c)), s), c,
                            length=3)
            return dp.cond(t < 2.0, lambda: dp.cond(c > 0, lambda: inner[0], lambda: c * y),
                           lambda: np.sin(inner[1][2]) * c), None
        return dp.scan(step, x, np.arange(5))[0] + y
    both(f, 0.5, 0.3)


def test_cond_under_grad_in_a_step():
    def f(x, y):
        def potential(q):
            return dp.cond(q > 0.5, lambda: q ** 3 * y, lambda: np.cos(q) * y)
        return dp.scan(lambda q, _: (q - 0.1 * dp.grad(potential)(q), None), x, length=6)[0]
    both(f, 0.8, 0.9)


def test_only_the_chosen_side_is_computed():
    def f(x):
        return dp.cond(x > 0, lambda: np.sqrt(x), lambda: 0.0 * x + 1.0)
    for x in (-1.0, 0.0, 4.0):
        assert dp.value_and_grad(dp.compile(f))(x) == dp.value_and_grad(f)(x)


def test_conditions_and_numbers_meet():
    f = lambda x: dp.cond(x > 0, lambda: (x > 1, 2), lambda: (0.5, x))
    for x in (2.0, 0.5, -1.0):
        assert dp.compile(f)(x) == tuple(map(float, f(x)))


def test_refusals():
    with pytest.raises(LoopError, match="different structures"):
        dp.compile(lambda x: dp.cond(x > 0, lambda: x, lambda: (x, x)))(1.0)
    with pytest.raises(LoopError, match="shapes"):
        dp.compile(lambda x: dp.cond(x > 0, lambda: x, lambda: np.ones(2) * x))(1.0)
    with pytest.raises(TypeError, match="two functions"):
        dp.cond(True, 1.0, 2.0)
    with pytest.raises(ValueError, match="one condition"):
        dp.cond(np.ones(2) > 0, lambda: 1.0, lambda: 2.0)


def test_one_that_is_not_sound():
    c, x, a, b = Value(True), Value(1.0), Value(1.0), Value(1.0)
    then, otherwise = Program([a], [], [a]), Program([b], [], [True])
    op = Op(SWITCH, (c, x), {"then": then, "otherwise": otherwise}, [Value(1.0)])
    with pytest.raises(UnsoundError, match="otherwise makes"):
        verify(Program([c, x], [op], []))


def test_a_condition_may_become_known():
    def f(x):
        def step(c, row):
            if c > 0:
                return c * 1.0, None
            assert np.any(row)
            return np.tanh(np.exp(np.sin(c))), None
        return dp.scan(step, x, np.ones(5))[0]

    program = traced(f, 0.3)
    [loop] = [op for op in program.ops if op.bodies]
    choices = [op for body in loop.bodies for op in body.ops if op.name == "switch"]
    assert choices
    for op in choices:
        known = op.with_(args=(np.True_, *op.args[1:]))
        assert not known.prim.fault(known)
