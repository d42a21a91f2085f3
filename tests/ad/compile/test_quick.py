"""The quick way through a call: the same as the long one, and not taken where anything is another thing."""

import threading
from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp


@pytest.fixture(autouse=True)
def compared_once(monkeypatch):
    """What is compared at each call has no quick way."""
    monkeypatch.setenv("TINYDP_VERIFY", "first")


class Layer(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


def quick(f, positions=None):
    """How many quick ways there are."""
    return len(f.made.quick.get(positions, ()))


def run(f, *args, times=3):
    """The result of the last of several calls."""
    return [f(*args) for _ in range(times)][-1]


def is_quick(f, *args):
    """Whether such a call takes a quick way."""
    return any(way(args, {}) is not None for way in f.made.quick_values)


@pytest.mark.parametrize("args", [
    (2.0,), (3,), (np.ones(3),), ([1.0, (2.0, np.ones(2))],), ({"a": 1.0, "b": [2.0]},),
    (Layer(np.ones((2, 2)), np.zeros(2)), None), (True, "text", 1.0)])
def test_results_and_gradients_of_all_structures(args):
    def f(*args):
        return sum(np.sum(x) ** 2 for x in dp.ad.tree.flatten(args)[0] if type(x) is not bool)

    compiled = dp.compile(f)
    assert run(compiled, *args) == pytest.approx(f(*args), rel=1e-15)
    assert quick(compiled) == 1
    if type(args[0]) is not int:
        positions = (len(args) - 1,) if args[0] is True else (0,)
        found = run(dp.value_and_grad(compiled, argnums=positions), *args)
        assert quick(compiled, positions) == 1
        value, gradient = dp.value_and_grad(f, argnums=positions)(*args)
        assert found[0] == pytest.approx(value)
        assert dp.ad.tree.signature(found[1]) == dp.ad.tree.signature(gradient)


def test_a_structure_as_result():
    f = dp.compile(lambda x: {"pair": (x, [2 * x]), "layer": Layer(x + 1, x), "none": None})
    assert run(f, 1.0) == {"pair": (1.0, [2.0]), "layer": Layer(2.0, 1.0), "none": None}
    assert quick(f) == 1
    assert f(2.0)["pair"] == (2.0, [4.0])


def test_a_second_call_by_the_same_program_writes_it():
    f = dp.compile(lambda x: x * x)
    f(2.0)
    assert quick(f) == 0
    f(2.0)
    assert quick(f) == 1


def test_what_is_compared_at_each_call_is_never_quick(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "always")
    f = dp.compile(lambda x: x * x)
    run(f, 2.0, times=5)
    assert quick(f) == 0


@pytest.mark.parametrize("other", [
    np.ones(4), np.ones((3, 1)), np.ones(3, np.float32), np.arange(3), np.ones(3, ">f8"), np.ones(6)[::2],
    np.ones(3, bool), np.ma.masked_array(np.ones(3), [1, 0, 0]).filled(2.0), np.float64(2.0), 2])
def test_other_arguments_take_the_long_way(other):
    f = dp.compile(lambda x: np.sum(3.0 * x))
    run(f, np.ones(3))
    assert f(other) == np.sum(3.0 * np.asarray(other, float))
    assert f(np.full(3, 2.0)) == 18.0


def test_bytes_in_the_other_order_are_no_numbers_of_the_program():
    f = dp.compile(lambda x: 2.0 * x)
    run(f, np.ones(3))
    swapped = np.arange(3.0).astype(np.dtype(float).newbyteorder())
    assert not is_quick(f, swapped)
    np.testing.assert_array_equal(f(swapped), [0.0, 2.0, 4.0])


@pytest.mark.parametrize(("one", "other"), [
    ({"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 2.0}), ((1.0, 2.0), [1.0, 2.0]), ((1.0, 2.0), (1.0, 2.0, 3.0)),
    ((1.0, "x"), (1.0, "y")), ((1.0, None), (1.0, 2.0)), ((1.0, True), (1.0, 1)), ((1.0, 2), (1.0, 2.0)),
    ((1.0, True), (1.0, False))])
def test_another_structure_takes_the_long_way(one, other):
    def numbers(x):
        kind = 2.0 if isinstance(x, list) else 1.0
        items = x.items() if isinstance(x, dict) else enumerate(x)
        terms = [len(repr(v)) if isinstance(v, (str, bool, type(None))) else (1 + ord(str(k)[0])) * v
                 for k, v in items]
        return kind * sum(terms, 0.5 * len(x))

    compiled = dp.compile(numbers)
    assert run(compiled, one) == numbers(one)
    assert is_quick(compiled, one)
    assert not is_quick(compiled, other)
    assert compiled(other) == numbers(other)
    assert compiled(one) == numbers(one)


def test_what_is_static_has_to_be_the_same():
    f = dp.compile(lambda x, n: x ** n, static="n")
    assert [run(f, 2.0, n) for n in (2, 3, 2)] == [4.0, 8.0, 4.0]
    assert quick(f) == 2


def test_what_is_found_around_may_change():
    gains = {"gain": 2.0}
    f = dp.compile(lambda x: gains["gain"] * x)
    assert run(f, 1.0) == 2.0
    gains["gain"] = 5.0
    assert run(f, 1.0) == 5.0
    assert quick(f) == 1


def test_branches_that_take_turns_are_no_longer_quick():
    f = dp.compile(lambda x: 2.0 * x if x > 0 else -3.0 * x)
    assert run(f, 1.0) == 2.0
    assert quick(f) == 1
    assert [f(x) for x in (-1.0, 1.0, -1.0, 1.0)] == [3.0, 2.0, 3.0, 2.0]
    assert quick(f) == 0
    assert run(f, -1.0, times=5) == 3.0
    assert quick(f) == 1


def test_errors_are_those_of_plain_python():
    f = dp.compile(lambda x: 1.0 / x)
    run(f, 2.0)
    with pytest.raises(ZeroDivisionError):
        f(0.0)
    assert f(2.0) == 0.5


def test_a_gradient_that_is_not_finite_is_the_tapes():
    f = dp.compile(lambda x: np.sqrt(x))
    gradient = dp.grad(f)
    assert run(gradient, 4.0) == 0.25
    assert quick(f, (0,)) == 1
    with pytest.warns(match="infinite"):
        assert gradient(0.0) == np.inf


def test_within_a_differentiation_and_a_trace():
    f = dp.compile(lambda x: x ** 3)
    run(f, 2.0)
    assert quick(f) == 1
    assert dp.grad(lambda x: f(x) * f(2.0))(2.0) == 96.0
    assert run(dp.compile(lambda x: f(x) + f(2.0)), 1.0) == 9.0
    with dp.debug_nans():
        assert f(2.0) == 8.0


def test_the_source_is_that_of_the_last_call():
    f = dp.compile(lambda x: np.sum(x * 2.0))
    run(f, np.ones(3))
    run(f, np.ones(5))
    f(np.ones(3))
    assert "range(3)" in f.source


def test_few_forms_are_quick_at_a_time():
    f = dp.compile(lambda x: np.sum(x))
    assert [run(f, np.ones(n)) for n in range(1, 8)] == [*range(1, 8)]
    assert quick(f) == 4
    assert [run(f, np.ones(n)) for n in range(1, 8)] == [*range(1, 8)]


def test_threads():
    f = dp.compile(lambda x: np.sum(x) if x[0] > 0 else np.sum(x * x))
    found = []

    def calls(k):
        x = np.full(1 + k % 3, 2.0 if k % 2 else -2.0)
        want = float(np.sum(x) if k % 2 else np.sum(x * x))
        found.extend(f(x) == want for _ in range(50))

    threads = [threading.Thread(target=calls, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 300
    assert all(found)
