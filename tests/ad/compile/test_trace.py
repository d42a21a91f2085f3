"""What a trace makes of a function: branches, kinds of numbers, steps that are run again."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.build import traced_call as built
from tinydp.ad.compile.calls import Compiled
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.trace import traced
from tinydp.ad.errors import ConversionError, EventNotReached, SideEffectError

from .checks import check


def program_of(f, *args):
    """The program of a function, which is run three times, and how its branches turned out."""
    compiled = Compiled(f, ())
    made = built(compiled, compiled._taken_apart(args, {}), list(args))
    return verify(made.program), made.truths


# ---------------------------------------------------------------------------- branches

def test_a_branch_that_a_loop_decides_is_the_one_it_takes():
    def f(x):
        y, _ = dp.scan(lambda c, _: (c * 1.5, None), x, length=4)
        return y if y > 2.0 else missing  # noqa: F821  (what an example alone would run)

    assert program_of(f, 0.6)[1] == (True,)
    check(f, 0.6)


def test_a_while_loop_after_an_event():
    def f(x):
        y = dp.integrate(lambda s, dt: (s[0] - dt * x, s[1] + dt), (1.0, 0.0), lambda s: s[0], dt=0.3)[1]
        while y > 0.5:
            y = y * 0.7
        return y

    truths = program_of(f, 0.4)[1]
    assert truths == (True,) * 5 + (False,)
    check(f, 0.4)


def test_a_branch_on_an_array_of_one_element():
    def f(x):
        while np.abs(x) > 0.3:
            x = x * 0.7
        return x if x else x * 2.0

    assert program_of(f, np.array([0.5]))[1] == (True, True, False, True)
    check(f, np.array([0.5]))


def test_a_branch_after_an_event_that_does_not_come():
    def f(x):
        y = dp.integrate(lambda s, dt: s + dt * x, 1.0, lambda s: s, max_steps=3, dt=0.3)
        return y if y > 0.5 else x

    with pytest.raises(EventNotReached):
        dp.compile(f)(0.4)


# ---------------------------------------------------------------------------- kinds

def test_arrays_of_few_digits_are_float64():
    start = np.tanh([True, True])
    assert start.dtype == np.float16
    check(lambda u: dp.scan(lambda c, _: (np.mean(u) * c, None), start, length=5)[0], np.array([0.2, 1.4]))


@pytest.mark.parametrize("function", [np.tanh, np.exp, np.sqrt, np.cos, np.abs])
def test_functions_of_conditions_have_few_digits(function):
    x = np.array([0.3, -0.7])
    assert np.tanh(np.True_) != np.tanh(1.0)
    check(lambda x: x * function(x > 0), x)
    check(lambda x: dp.scan(lambda c, b: (c * function(b), None), x, np.array([True, False]))[0], x)


@pytest.mark.parametrize("power", [0.5, -0.5, 1.5, 3.0, -2.0, 400.0])
@pytest.mark.parametrize("x", [0.0, -0.0, 2.0, -2.0, np.inf, -np.inf, 1e200])
def test_powers_of_numbers(x, power):
    found = interpret(traced(lambda x: x**power, 1.0), x)[0]
    with np.errstate(all="ignore"):
        wanted = np.power(np.array([x, 1.0]), np.array([power, 1.0]))[0]
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.signbit(found) == np.signbit(wanted) or np.isnan(wanted)


# ---------------------------------------------------------------------------- steps that are run again

@pytest.mark.parametrize("segment", [None, 2])
def test_a_step_may_make_a_function_with_a_rule_anew(segment):
    def f(x):
        def step(c, _):
            return np.cos(dp.straight_through(np.sign, "tanh")(x) + dp.stop_gradient(x)) * c, None

        return np.sum(dp.scan(step, x, length=5, segment=segment)[0])

    program_of(f, np.array([0.5, -0.2]))
    check(f, np.array([0.5, -0.2]))


def test_what_until_uses_up_is_a_side_effect():
    numbers = iter([0.5])

    def f(x):
        return dp.integrate(lambda s, dt: s - dt * x, 9.0, lambda s: s - next(numbers), dt=0.3)

    with pytest.raises(SideEffectError):
        program_of(f, 1.0)


def test_a_function_of_any_number_of_arguments():
    assert "given t: f, t_1: f" in str(traced(lambda *xs: xs[0] * xs[1], 1.0, 2.0))


def test_a_value_that_was_kept_cannot_go_on():
    kept = []

    def f(x):
        kept.append(x)
        return dp.scan(lambda c, _: (kept.append(c) or np.sin(c) * x, None), x, length=3)[0]

    traced(f, 1.0)
    for x in kept:
        with pytest.raises(ConversionError, match="compiled before"):
            np.sin(x)
        with pytest.raises(ConversionError, match="compiled before"):
            x * 3.0
