"""Python's operators on numbers raise whoever needs the result; and compare integers as they are."""

import math

import numpy as np
import pytest

import tinydp as dp


def unused(operator):
    """The function whose result does not depend on what an operator makes."""
    return lambda x, y: (operator(x, y), 2.0 * x + y)[1]


def in_a_loop(x, y):
    return dp.scan(lambda c, _: ((1.0 / (c - y), c + 1.0)[1], None), x, length=4)[0]


def rows_of_a_loop(x, y):
    return dp.scan(lambda c, _: (c + 1.0, x / (c - y)), x, length=4)[0]


def on_a_way(x, y):
    def step(c, _):
        if c > 1.0:
            5.0 / y
        return c + 1.0, None
    return dp.scan(step, x, length=2)[0]


def in_a_condition(x, y):
    return dp.scan(lambda c, _: (c + x if 1.0 / y > 0.5 else x + c, None), x, length=3)[0]


def used_on_another_way(x, y):
    def step(c, _):
        z = 1.0 / y
        return (c * z if c > 5.0 else c + 1.0), None
    return dp.scan(step, x, length=2)[0]


# a function, arguments with which all is fine, and with which it raises
PROGRAMS = {
    "a quotient": (unused(lambda x, y: x / y), (1.0, 2.0), (1.0, 0.0)),
    "of a constant": (unused(lambda x, y: 3 / y), (1.0, 2.0), (1.0, -0.0)),
    "what remains": (unused(lambda x, y: x % y), (1.0, 2.0), (1.0, 0.0)),
    "a whole quotient": (unused(lambda x, y: x // y), (1.0, 2.0), (1.0, 0.0)),
    "both": (unused(divmod), (1.0, 2.0), (1.0, 0.0)),
    "of integers": (unused(lambda x, y: 3 / y), (1.0, 2), (1.0, 0)),
    "a square": (unused(lambda x, y: x ** 2), (-1e154, 2.0), (-1e155, 2.0)),
    "a power": (unused(lambda x, y: y ** 3.0), (1.0, 5e102), (1.0, 6e102)),
    "a power below zero": (unused(lambda x, y: y ** -2), (1.0, 0.1), (1.0, 0.0)),
    "a traced exponent": (unused(lambda x, y: 10.0 ** y), (1.0, 308.0), (1.0, 309.0)),
    "a linear function": (lambda x, y: x / y, (1.0, 2.0), (1.0, 0.0)),
    "an element": (lambda x, y: np.stack([x / y, x * x])[1], (1.0, 2.0), (1.0, 0.0)),
    "what is not chosen": (lambda x, y: np.where(x > 5.0, 1.0 / y, x), (1.0, 2.0), (1.0, 0.0)),
    "of a row": (lambda x, y: dp.vmap(lambda r: (r / y, r * x)[1])(np.ones(3)).sum(), (1.0, 2.0), (1.0, 0.0)),
    "a side": (lambda x, y: dp.cond(x > 0.0, lambda: (1.0 / y, x)[1], lambda: x), (1.0, 2.0), (1.0, 0.0)),
    "in a loop": (in_a_loop, (1.0, 7.0), (1.0, 3.0)),
    "rows of a loop": (rows_of_a_loop, (1.0, 7.0), (1.0, 3.0)),
    "on a way": (on_a_way, (1.0, 2.0), (1.0, 0.0)),
    "in a condition": (in_a_condition, (1.0, 2.0), (1.0, 0.0)),
    "used on another way": (used_on_another_way, (1.0, 2.0), (1.0, 0.0)),
}


@pytest.mark.parametrize("transformed", [lambda f: f, dp.grad, dp.hessian], ids=["value", "grad", "hessian"])
@pytest.mark.parametrize(("f", "fine", "wrong"), PROGRAMS.values(), ids=PROGRAMS)
def test_raises_as_plain_python_does(f, fine, wrong, transformed):
    compiled = dp.compile(transformed(f))
    np.testing.assert_allclose(compiled(*fine), transformed(f)(*fine), 1e-12)
    built, leaves = compiled.program_for(*fine)
    assert built.results_of(leaves) is not None              # no tape has to look
    with pytest.raises((ArithmeticError, TypeError)) as plain:
        transformed(f)(*wrong)
    with pytest.raises(type(plain.value)):
        compiled(*wrong)


def test_what_is_not_done_does_not_raise():
    compiled = dp.compile(on_a_way)
    built, leaves = compiled.program_for(-4.0, 0.0)
    assert built.results_of(leaves)[0] == on_a_way(-4.0, 0.0)


def test_numbers_of_numpy_go_on():
    def f(x):
        return np.stack([np.divide(1.0, x[0]), x[0] / x[1], x[1] ** 2])
    with np.errstate(all="ignore"):
        for x in (np.array([0.0, 0.0]), np.array([2.0, 1e200])):
            np.testing.assert_array_equal(dp.compile(f)(x), f(x))


COMPARISONS = {
    "less": lambda x, k: x < k, "less_equal": lambda x, k: x <= k, "greater": lambda x, k: k < x,
    "greater_equal": lambda x, k: k <= x, "equal": lambda x, k: x == k, "not_equal": lambda x, k: k != x}


@pytest.mark.parametrize("compare", COMPARISONS.values(), ids=COMPARISONS)
@pytest.mark.parametrize("k", [2**53 + 1, 2**53 + 2, -2**53 - 1, 2**60 + 1, 10**400, -10**400])
def test_an_integer_that_is_no_real_number_is_compared_as_it_is(compare, k):
    f = lambda x: 1.0 if compare(x, k) else 0.0
    compiled = dp.compile(f)
    for x in (0.0, 2.0**53, 2.0**53 + 2, -2.0**53, 2.0**60, 2.0**60 + 256, math.inf, -math.inf, math.nan):
        assert compiled(x) == f(x)
