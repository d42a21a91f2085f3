"""`debug_nans`: the first infinity or nan has an address."""

import contextlib
import threading

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import watch
from tinydp.ad.errors import EndedTapeError, NotFiniteError


def caught(f, *args):
    with pytest.raises(NotFiniteError) as error, dp.debug_nans():
        dp.grad(f)(*args)
    return error.value


def test_a_value_that_overflows():
    def f(x):
        v = np.exp(x * 100.0)
        return np.sum(np.where(x > 5, 0.0, v))

    error = caught(f, np.array([1.0, 9.0]))
    assert error.what == "node 1, exp, gave inf in the value, from 900."
    assert error.place.text == "v = np.exp(x * 100.0)"


def test_a_nan_in_a_value():
    assert "divide, gave nan in the value, from 0, 0" in caught(lambda x: np.sum(x / x), np.zeros(2)).what


@pytest.mark.filterwarnings("ignore::tinydp.ad.errors.SteepGradientWarning")
def test_a_cotangent_that_is_infinite():
    def f(x):
        y = x * 2
        return 3.0 * np.sqrt(y - 2.0)

    error = caught(f, 1.0)
    assert error.what == "node 2, sqrt, gave inf in the cotangent of operand 0; its operands are 0."
    assert error.place.text == "return 3.0 * np.sqrt(y - 2.0)"


def test_a_custom_rule_that_makes_a_nan():
    f = dp.custom_gradient(lambda a, b: a * b, lambda g, y, a, b: (g * b, np.nan))
    error = caught(lambda x: f(2.0, x) + f(x, 1.0), 3.0)
    assert "cotangent of operand 1; its operands are 2, 3." in error.what


def test_a_nan_among_the_arguments():
    assert caught(lambda x: x, np.nan).what == "an argument to differentiate by is nan from the start."


def test_it_works_for_every_transformation_and_level():
    with dp.debug_nans():
        assert dp.grad(dp.grad(lambda x: np.sin(x) * x))(0.5) == pytest.approx(
            2 * np.cos(0.5) - 0.5 * np.sin(0.5))
        assert np.allclose(dp.hessian(lambda x: np.sum(x[0] * x**2))(np.array([1.0, 2.0])), [[6, 4], [4, 2]])
        assert dp.jvp(np.sin, (0.5,), (1.0,))[1] == np.cos(0.5)
        with pytest.raises(NotFiniteError, match="reciprocal"):
            dp.grad(dp.grad(lambda x: np.sqrt(np.reciprocal(x) ** -1)))(0.0)


def test_results_are_the_same_when_watched():
    def f(x):
        y = [np.tanh(x @ x.T)[0, i] for i in range(2)]
        return np.sum(np.stack(y) ** 2) + dp.sign(x[0, 0]) * x[1, 1] ** 3

    x = np.random.default_rng(0).normal(size=(2, 2))
    with dp.debug_nans():
        watched = dp.grad(f)(x)
    assert np.array_equal(watched, dp.grad(f)(x))


def test_off_outside_after_an_error_and_in_other_threads():
    kinds = []

    def f(x):
        kinds.append(type(x.tape))
        return x

    with dp.debug_nans():
        dp.grad(f)(1.0)
        thread = threading.Thread(target=dp.grad(f), args=(1.0,))
        thread.start()
        thread.join()
    with contextlib.suppress(NotFiniteError), dp.debug_nans():
        dp.grad(f)(np.inf)
    dp.grad(f)(1.0)
    assert [issubclass(kind, watch.WatchedTape) for kind in kinds] == [True, False, False]


def test_a_watched_tape_ends_too():
    leaked = []
    with dp.debug_nans():
        dp.grad(lambda x: leaked.append(x) or x)(1.0)
        with pytest.raises(EndedTapeError):
            leaked[0] + 1.0


def test_the_spot_is_noted_once_a_node():
    tape = watch.WatchedTape()
    x = tape.input(1.0)
    y = x * 2
    np.sin(y)
    assert len(tape.spots) == len(tape) == 2
