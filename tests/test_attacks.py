"""Programs that once gave a silently wrong gradient, or took quadratic time."""

import array
import contextlib
import enum
from collections import UserList

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import ClosureError, DtypeError, EndedTapeError, NoInputError
from tinydp.ad.rules import shaping


@pytest.mark.parametrize("watched", [False, True])
def test_a_rule_that_uses_a_traced_value_from_its_surroundings(watched):
    def f(w):
        return dp.custom_gradient(lambda x: x, lambda g, y, x: g * w)(w * 2.0)

    def slope(k):
        return dp.straight_through(np.sign, lambda x: np.exp(-k * x * x))(k * 0.5) * 3.0

    for program in (f, slope):
        watching = dp.debug_nans() if watched else contextlib.nullcontext()
        with watching, pytest.raises((ClosureError, EndedTapeError), match="gradient rule"):
            dp.grad(program)(3.0)


def test_keyword_arrays_of_custom_functions_may_change():
    c = dp.checkpoint(lambda x, *, a: np.sum(a * x))

    def f(x):
        a = np.ones(3)
        y = c(x, a=a)
        a[:] = 100
        return y

    assert np.array_equal(dp.grad(f)(np.ones(3)), np.ones(3))


class Sub(np.ndarray):
    pass


@pytest.mark.parametrize("constant", [np.ones(3).view(Sub), np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])],
                         ids=lambda x: type(x).__name__)
def test_arrays_with_an_arithmetic_of_their_own_are_refused(constant):
    with pytest.raises(DtypeError, match=r"np\.asarray"):
        dp.grad(lambda x: np.sum(x * constant))(np.ones(3))


@pytest.mark.parametrize("index", [array.array("q", [0, 0, 1]), UserList([0, 0, 1]), ((0, 0, 1),),
                                   memoryview(np.array([0, 0, 1]))], ids=lambda x: type(x).__name__)
def test_sequences_of_other_kinds_as_index(index):
    assert np.array_equal(dp.grad(lambda x: np.sum(x[index]))(np.ones(3)), [2, 1, 0])


class Mode(enum.IntEnum):
    A = 1


@pytest.mark.parametrize(("constant", "test"), [
    (Mode.A, lambda m: m is Mode.A), (np.float32(2), lambda a: isinstance(a, np.float32)), (3 + 4j, abs),
    (np.ones(2, np.float32), lambda a: a.dtype == np.float32), (np.array(["a"]), lambda a: a[0] == "a"),
], ids=lambda x: type(x).__name__)
def test_a_checkpoint_replays_with_the_same_constants(constant, test):
    c = dp.checkpoint(lambda x, m: 10 * x if test(m) else 3 * x)
    assert dp.grad(lambda x: c(x, constant))(1.0) == 10.0


def test_buffers_and_in_place_work_in_custom_functions():
    buffer = np.zeros(3)

    def double(x):
        np.multiply(x, 2, out=buffer)
        return buffer

    def double_rule(g, y, x):
        x *= 0.0                                  # what it is given is its own
        np.multiply(g, 2, out=buffer)
        return buffer

    f = dp.custom_gradient(double, double_rule)

    def program(x):
        y = f(x)
        total = np.sum(y * y) + np.sum(f(10 * x) * [1.0, 2.0, 3.0])
        return total + np.sum(x * x)

    assert np.array_equal(dp.grad(program)(np.ones(3)), 8 + np.array([20.0, 40.0, 60.0]) + 2)


def test_cotangents_of_other_dtypes():
    r = dp.custom_gradient(lambda x: np.maximum(x, 0), lambda g, y, x: x > 0)
    assert np.array_equal(dp.grad(lambda x: np.sum(r(x) + r(x)))(np.ones(3)), [2, 2, 2])
    with pytest.raises(DtypeError, match="complex128"):
        dp.grad(lambda x: np.sum(dp.custom_gradient(lambda x: x, lambda g, y, x: g * 1j)(x)))(np.ones(3))


def test_value_of_a_structure_is_a_copy():
    def f(x):
        y = [x * x]
        dp.value(y)[0][:] = 100
        return np.sum(y[0] * y[0])

    assert np.array_equal(dp.grad(f)(np.ones(2)), [4, 4])


def test_small_types_of_constants_do_not_lower_the_precision():
    assert dp.value_and_grad(lambda x: x * np.float32(1))(np.float64(1e300)) == (1e300, 1.0)
    points, heights = [0, 1], np.array([200, 100], np.uint8)
    assert dp.value_and_grad(lambda x: np.interp(x, points, heights))(0.5) == (150.0, -100.0)


def test_jvp_is_grad_where_the_slope_is_infinite():
    x = np.array([1000.0, 1.0])
    with np.errstate(over="ignore"):
        assert np.array_equal(dp.jvp(np.exp, (x,), (np.ones(2),))[1], [np.inf, np.e])


def test_argnums_name_an_argument_once():
    with pytest.raises(NoInputError, match="twice"):
        dp.grad(lambda x, y: x * x * y, argnums=(0, -2))(3.0, 1.0)
    assert dp.grad(lambda x, y: x * y, argnums=[0, 1])(3.0, 2.0) == (2.0, 3.0)


def test_fmod_of_numbers_that_nearly_divide():
    assert dp.grad(lambda b: np.fmod(1.0, b))(0.1) == -9.0


def counting(rule, calls):
    return lambda *args, **options: calls.append(1) or rule(*args, **options)


def test_joining_many_pieces_is_linear(monkeypatch):
    calls = []
    for primitive in (shaping.joined, shaping.stacked):
        monkeypatch.setattr(primitive, "each", counting(primitive.each, calls))
    dp.grad(lambda x: np.sum(np.concatenate([x[i : i + 1] for i in range(500)])))(np.ones(500))
    dp.grad(lambda x: np.sum(np.stack([x[i] for i in range(500)])))(np.ones(500))
    assert len(calls) == 2


def test_flags_and_counts_of_a_checkpoint_stay_what_they_are():
    def step(x):
        return {"x": x * 2, "n": 3, "mask": np.array([True, False])}

    def f(x):
        y = dp.checkpoint(step)(x)
        return np.sum(y["x"][y["mask"]]) * len(range(y["n"]))

    assert np.array_equal(dp.grad(f)(np.ones(2)), [6.0, 0.0])


def test_custom_functions_as_methods():
    class Layer:
        scale = 3.0

        @dp.checkpoint
        def forward(self, x):
            return self.scale * x

    assert dp.grad(Layer().forward)(1.0) == 3.0
