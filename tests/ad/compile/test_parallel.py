"""Rows spread over threads: the results of the plain program, with the same bits whatever their number."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import parallel
from tinydp.ad.compile.program import interpret
from tinydp.ad.compile.trace import traced

from .programs import assert_equal

RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(4, 3)), RNG.normal(size=(130, 3))


def loss(w, x):
    step = lambda c, r: (np.tanh(w[:3] @ c + r), np.sum(c))
    return np.mean(dp.scan(step, x, w)[1]) + np.sum(np.tanh(w @ x) ** 2)


LOSSES = dp.vmap(loss, in_axes=(None, 0))
PROGRAMS = {
    "values": (LOSSES, (W, X)),
    "a gradient of each": (dp.vmap(dp.grad(loss), in_axes=(None, 0)), (W, X)),
    "value and gradient of the mean": (dp.value_and_grad(lambda w, x: np.mean(LOSSES(w, x)), (0, 1)), (W, X)),
    "products of the Hessian": (lambda w, x: dp.hvp(lambda w: np.mean(LOSSES(w, x)), w, np.cos(w)), (W, X)),
    "what stays row by row": (dp.vmap(lambda w, x: dp.sign(x) * (w @ x)[:3], in_axes=(None, 0)), (W, X)),
    "a map after a map": (lambda w, x: LOSSES(w * np.sum(LOSSES(w, x)) / 200.0, x) + x[:, 0], (W, X)),
    "conditions and structures": (dp.vmap(lambda x: {"on": x > 0.0, "twice": (2.0 * x[0], x)}), (X,)),
    "an argument, and no map": (lambda x, y: (x, np.sin(y), 2.0), (X, 1.0)),
    "loops with sums": (lambda w, x: dp.scan(lambda s, r: (s + np.outer(np.sin(r), r), np.sum(r)),
                                             np.ones((3, 3)), x), (W, X)),
    "captured constants": (
        dp.vmap(lambda x: (x + np.arange(3.0)) @ np.arange(6.0).reshape(3, 2) * W[0, 0]), (X,)),
}


def bits(y):
    return [np.asarray(x).tobytes() for x in dp.ad.tree.flatten(y)[0]]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_bits_do_not_depend_on_the_threads(name):
    f, args = PROGRAMS[name]
    found = [dp.compile(f, parallel=threads)(*args) for threads in (1, 2, 3)]
    assert bits(found[0]) == bits(found[1]) == bits(found[2])
    assert_equal(found[0], f(*args))


def test_a_gradient_of_a_parallel_function_is_parallel():
    mean = lambda w, x: np.mean(LOSSES(w, x))
    found = [dp.value_and_grad(dp.compile(mean, parallel=k), (0, 1))(W, X) for k in (1, 2, 3)]
    assert bits(found[0]) == bits(found[1]) == bits(found[2])
    assert_equal(found[0], dp.value_and_grad(mean, (0, 1))(W, X))
    assert_equal(dp.hessian(dp.compile(mean, parallel=2))(W, X), dp.hessian(mean)(W, X))


def test_several_threads_are_at_work():
    seen, both = set(), threading.Barrier(2, timeout=10)

    def work(part):
        seen.add(threading.get_ident())
        both.wait()

    parallel.on_threads(work, iter(range(4)), 2)
    assert len(seen) == 2


def test_an_error_in_a_thread_is_raised_when_all_have_ended():
    def work(part):
        if part == 3:
            raise FloatingPointError("three")

    for threads in (1, 2, 3):
        with pytest.raises(FloatingPointError, match="three"):
            parallel.on_threads(work, iter(range(8)), threads)


def test_a_division_by_zero_in_any_row_raises_as_pythons_does():
    f = dp.compile(dp.vmap(lambda x: 1.0 / x), parallel=3)
    x = np.ones(640)
    assert f(x).tolist() == x.tolist()
    for k in (0, 300, 639):
        with pytest.raises(ZeroDivisionError):
            f(np.where(np.arange(640) == k, 0.0, x))


def test_results_are_arrays_of_their_own():
    f = dp.compile(lambda x: (y := dp.vmap(np.sin)(x), y, x, np.reshape(x, (-1,))), parallel=2)
    results = f(X)
    for k, x in enumerate(results):
        assert not any(np.shares_memory(x, y) for y in (X, *results[:k]))


def test_it_may_be_called_from_several_threads():
    f = dp.compile(LOSSES, parallel=2)
    expected = f(W, X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: f(W, X), range(16)):
            np.testing.assert_array_equal(found, expected)


def test_parts_have_other_lengths():
    def f(w, xs):
        return dp.scan(lambda s, x: (s + np.sin(w * x), w * x), 0.5, xs)

    program = traced(f, 2.0, np.zeros(131))
    xs = np.linspace(0.0, 1.0, 131)
    for threads in (1, 2):
        total, rows = parallel.with_spread_loops(program, "f", threads)(2.0, xs)
        expected = interpret(program, 2.0, xs)
        assert total == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_array_equal(rows, expected[1])


@pytest.mark.parametrize("bad", [0, -1, 1.5, "all"])
def test_no_number_of_cores(bad):
    with pytest.raises(ValueError, match="parallel="):
        dp.compile(np.sin, parallel=bad)


def test_it_can_be_pickled():
    again = pickle.loads(pickle.dumps(dp.compile(np.sin, parallel=2)))
    assert again.parallel == 2
