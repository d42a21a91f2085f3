"""Loops of compiled programs: long ones, in blocks and in segments, and what they store."""

import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import kernels, products
from tinydp.ad.errors import ConversionError

from .programs import assert_equal

RNG = np.random.default_rng(0)
W, B, X = 0.5 * RNG.normal(size=(4, 4)), RNG.normal(size=4), RNG.normal(size=(48, 4))


def run(n, segment=None):
    """A recurrent network along `n` inputs."""
    def f(w, b, scale, xs):
        def step(carry, x):
            new = np.tanh(carry @ w + x * scale + b)
            return new, np.sum(new**2) * x[0]
        last, ys = dp.scan(step, xs[0], xs[:n], segment=segment)
        return np.sum(last) + np.mean(ys)
    return f


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(("n", "segment", "loops_back", "longest"), [
    (19, None, 1, 19), (23, None, 1, 23), (24, None, 2, 12), (26, None, 2, 13), (48, None, 2, 16),
    (48, 24, 3, 12), (47, 23, 3, 23)])
def test_a_long_loop_sums_products_block_by_block(n, segment, loops_back, longest, monkeypatch):
    monkeypatch.setattr(products, "LONG_LOOP", 20)
    monkeypatch.setattr(products, "STEPS_IN_BLOCK", 16)
    f, point, everything = run(n, segment), (W, B, 0.7, X), (0, 1, 2, 3)
    compiled = dp.compile(f)
    assert_equal(dp.value_and_grad(compiled, everything)(*point), dp.value_and_grad(f, everything)(*point))
    source = compiled.adjoint_source
    assert len(re.findall("for step.*-1, -1", source)) == loops_back
    assert max(int(rows) for rows in re.findall(r"\bg\w*_all\w* = np.empty\(\((\d+), 4", source)) == longest


def test_large_stacks_ask_for_huge_pages():
    n = products.LONG_LOOP
    f = dp.compile(lambda x: np.sum(dp.scan(lambda carry, _: (np.sin(carry + x), None), x, length=n)[0]))
    x = np.linspace(0.0, 1.0, kernels.LARGE // (8 * n))
    wide = dp.grad(f)(x)
    assert "empty_array" in f.adjoint_source
    assert np.allclose(dp.grad(f)(x[:3]), wide[:3])
    assert "empty_array" not in f.adjoint_source


# ---------------------------------------------------------------------------- long steps

def long(c, a, b=1.0):
    """Sixty calls."""
    for _ in range(15):
        c = np.sin(c * a) + np.cos(a * c) * 0.3 * b
    return c


LONG_STEPS = {
    "over the rows of another loop": lambda a, x: dp.scan(
        lambda c, r: (long(c, r), None), x[0], dp.scan(lambda c, _: (c * a, c), x[1], length=5)[1])[0],
    "one value under two names": lambda a, x: dp.scan(
        lambda c, _: (long(c, np.sum(a), x[0] * x[0:1][0]), None), a, length=3)[0],
    "with nothing to return": lambda a, x: dp.scan(
        lambda c, _: ((long(c, a), 1.0)[1], None), a, length=3)[0] * a,
    "with rows": lambda a, x: np.sum(dp.scan(lambda c, r: (long(c, a), c * r), a, x)[1]),
}


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("case", LONG_STEPS)
def test_a_long_step_of_numbers(case):
    f, point = LONG_STEPS[case], (0.5, np.array([0.5, -0.3, 0.8]))
    compiled = dp.compile(f)
    assert_equal(compiled(*point), f(*point))
    assert_equal(dp.grad(compiled, (0, 1))(*point), dp.grad(f, (0, 1))(*point))


# ---------------------------------------------------------------------------- small things

@pytest.mark.usefixtures("interpreted")
def test_arrays_without_axes_in_a_carry():
    f = lambda a: dp.scan(lambda c, _: (np.array(2.0), c * np.array(3.0)), a, length=3)
    assert_equal(dp.compile(f)(0.5), f(0.5))
    assert dp.grad(dp.compile(lambda a: np.sum(f(a)[1])))(0.5) == 3.0


@pytest.mark.usefixtures("interpreted")
def test_whole_steps_are_whole_without_dt():
    """The state that a step returns is kept to the last digit, however much smaller than the one before."""
    def f(scale, start):
        step = lambda s: (s[0] - 1.0, s[1] * 1e-9 * scale)
        return dp.integrate(step, (2.5, start), lambda s: s[0], 10)[1]

    assert np.isclose(dp.compile(f)(0.37, 1e18), f(0.37, 1e18), rtol=1e-14)
    assert np.isclose(f(0.37, 1e18), (1e18 * 3.7e-10**2) * (1 - 0.5 * (1 - 3.7e-10)), rtol=1e-14)


@pytest.mark.parametrize("dt", [None, 0.3])
def test_what_stays_the_same_up_to_an_event_stays_to_the_last_digit(dt):
    for height in np.linspace(0.31, 1.0, 50):
        step = lambda s, dt=0.3: (s[0] - dt, s[1])
        assert dp.integrate(step, (height, 0.1), lambda s: s[0], dt=dt)[1] == 0.1


REDUCED = {
    "max of conditions": lambda x: np.max(np.stack([x > 5, x > 6]), axis=0) * 1.0 + x,
    "min of conditions": lambda x: np.min(np.stack([x > 0, x > -6]), axis=0) * 1.0 + x,
    "any number": lambda x: np.any(x) * x,
    "all numbers": lambda x: np.all(x * (x > 0)) * x,
    "any of rows": lambda x: np.any(np.stack([x, 0 * x]), axis=1) * 1.0,
    "any of one": lambda x: np.any(x[0]) * x,
    "a sum of one condition": lambda x: np.sum(x[0] > 0) * x + np.sum(x[1] > 0),
    "conditions as numbers": lambda x: ((x > 0).astype(float) + (x > 0.6).astype(float))[::-1] * x,
}


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("case", REDUCED)
def test_conditions_and_numbers_are_told_apart(case):
    f, x = REDUCED[case], np.array([0.5, -0.3, 0.8])
    assert_equal(dp.compile(f)(x), f(x))


def test_no_product_is_contracted():
    """With a * a - b * b rounded once, the root of what should be zero is that of -1e-18."""
    f = dp.compile(lambda a, b: np.sqrt(a * a - b * b))
    assert [f(a, a) for a in (0.1, 0.3, 0.7, 1.1)] == [0.0] * 4


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("turn", [
    lambda a: np.transpose(a, (0, 1)), lambda a: np.swapaxes(a, 0, 0), lambda a: a.T,
    lambda a: np.moveaxis(a, -1, -1), lambda a: np.moveaxis(a, 0, 1), lambda a: np.swapaxes(a, 0, -1)])
def test_products_that_are_turned_or_not(turn):
    """A weight's gradient is one product after the loop only if its factors are what they seem."""
    def f(w):
        step = lambda c, x: (np.tanh(c + turn(w @ x)), None)
        last, _ = dp.scan(step, np.zeros((4, 4)), X[:12].reshape(3, 4, 4))
        return np.sum(last * np.arange(16.0).reshape(4, 4))

    assert_equal(dp.value_and_grad(dp.compile(f))(W), dp.value_and_grad(f)(W))


@pytest.mark.parametrize("loop", [
    lambda x: dp.integrate(lambda s, h: (s[0] - h * x, s[1] + h), (1.0, 0.0), lambda s: s[0], dt=0.3)[1],
    lambda x: dp.scan(lambda s, _: (s * x, None), 1.0, length=3)[0],
], ids=["integrate", "scan"])
def test_what_a_loop_returns_as_argument_of_a_function_with_a_rule(loop):
    """Such a function asks whose number it is given; a value of a program is nobody's yet."""
    square = dp.custom_gradient(lambda y: y * y, lambda g, z, y: 2.0 * y * g)
    f = lambda x: square(loop(x)) / (1.0 + loop(x)) + dp.checkpoint(np.sin)(loop(x))
    value, slope = dp.value_and_grad(dp.compile(f))(1.7)
    assert np.allclose([value, slope], dp.value_and_grad(f)(1.7), rtol=1e-12)


@pytest.mark.parametrize(("name", "loop"), [
    ("length", lambda x, n: dp.scan(lambda c, _: (c * x, None), 1.0, length=n)[0]),
    ("segment", lambda x, n: dp.scan(lambda c, _: (c * x, None), 1.0, length=9, segment=n)[0]),
    ("max_steps", lambda x, n: dp.integrate(lambda s: s - 0.5, x, lambda s: s, max_steps=n)),
    ("max_steps", lambda x, n: dp.while_loop(lambda s: s > 0, lambda s: s - 0.5, x, max_steps=n)),
    ("segment", lambda x, n: dp.while_loop(lambda s: s > 0, lambda s: s - 0.5, x, max_steps=9, segment=n)),
])
def test_a_count_of_steps_that_is_not_known(name, loop):
    with pytest.raises(ConversionError, match=rf"^{name}=n needs a number .* known.*(\n.*)*static= argument"):
        dp.compile(loop)(2.0, 9)
    with pytest.raises(ConversionError, match=f"^{name}=n"):
        dp.compile(dp.grad(loop))(2.0, 9)
    assert dp.compile(loop, static=1)(2.0, 9) == loop(2.0, 9)
