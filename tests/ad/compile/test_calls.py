"""Compiled calls as nodes: on several tapes, results of several kinds, arrays that change."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import ClosureError, DtypeError, MutationError, NonScalarOutputError

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")

X, Y = np.array([0.5, -0.3, 0.8]), np.array([0.2, 0.4, -0.6])


# ---------------------------------------------------------------------------- several tapes

def test_arguments_of_two_tapes():
    f = lambda x, w: x * x * w
    mixed = lambda f: dp.grad(lambda w: dp.grad(lambda x: f(x, w))(3.0))(2.0)
    assert mixed(dp.compile(f)) == mixed(f) == 6.0


def test_a_step_of_learning_is_differentiated():
    loss = lambda w, a: np.sum((w * a - 1.0)**2)
    after = lambda f: dp.grad(lambda a: f(X - 0.1 * dp.grad(f)(X, a), a))(0.7)
    assert np.isclose(after(dp.compile(loss)), after(loss), rtol=1e-12)


def test_mixed_second_derivatives():
    f = lambda x, w: np.sum(np.sin(x * w)) * w[0]
    found = dp.jacobian(dp.grad(dp.compile(f), 0), 1)(X, Y)
    assert np.allclose(found, dp.jacobian(dp.grad(f, 0), 1)(X, Y), rtol=1e-12)


@pytest.mark.parametrize("use", [lambda x, w: w * 2.0, lambda x, w: w * x])
def test_a_traced_value_around_it_is_refused(use):
    def outer(w):
        return dp.grad(lambda x: dp.compile(lambda x: use(x, w))(x) * x)(2.0)

    with pytest.raises(ClosureError, match="not one of its arguments"):
        dp.grad(outer)(3.0)


# ---------------------------------------------------------------------------- results

RESULTS = {
    "a count first": lambda x: (np.sum(x > 0), np.sum(x * x)),
    "a constant condition first": lambda x: (True, np.sum(x * x)),
    "an integer first": lambda x: (3, np.sum(x * x)),
    "a choice of integers first": lambda x: (np.where(x[0] > 0, 1, 2), np.sum(x * x)),
    "a condition first": lambda x: (x[0] > 0, np.sum(x * x)),
    "conditions first": lambda x: (x > 0, np.sum(x * x)),
    "running counts first": lambda x: (np.cumsum(np.where(x > 0, 1, 0)), np.sum(x * x)),
    "a branch": lambda x: (False, np.sum(x * x)) if x[0] > 0.4 else (np.sum(x), np.sum(x)),
    "an array first": lambda x: (np.sin(x), np.sum(x * x)),
}


@pytest.mark.parametrize("case", RESULTS)
def test_the_cotangent_is_that_of_the_right_result(case):
    f = RESULTS[case]
    compiled = dp.compile(f)
    for found, expected in zip(compiled(X), f(X), strict=True):
        assert np.array_equal(found, expected)
        assert isinstance(found, (bool, np.bool_)) == isinstance(expected, (bool, np.bool_))
    last = lambda f: dp.value_and_grad(lambda x: f(x)[1] * 2.0)(X)
    assert_equal(last(compiled), last(f))


@pytest.mark.parametrize("wrap", [lambda y: (y,), lambda y: [y], lambda y: {"y": y}, lambda y: (y, None)])
def test_the_gradient_of_a_structure_is_refused(wrap):
    with pytest.raises(NonScalarOutputError):
        dp.grad(dp.compile(lambda x: wrap(x * x)))(3.0)


def lying_flat(x):
    return x.reshape(-1), (2.0 * x).ravel(), 2.0 * x, x[None], x


def test_results_share_no_memory():
    x = np.ones((2, 2))
    results = dp.compile(lying_flat)(x)
    for k, result in enumerate(results):
        assert not np.shares_memory(result, x)
        assert not any(np.shares_memory(result, other) for other in results[k + 1:])


def test_gradients_share_no_memory():
    f = dp.compile(lambda a, b: np.sum(np.sin(a + b[None])))
    for_a, for_b = dp.grad(f, (0, 1))(X[None], X)
    assert not np.shares_memory(for_a, for_b)


@pytest.mark.parametrize("name", ["sin", "exp", "dot", "clip", "sign", "abs", "range", "float", "lambda"])
def test_a_function_may_have_any_name(name):
    def f(x):
        return np.sum(np.sin(x) * np.exp(x)) + abs(x[0]) * np.clip(x[1], -1.0, 1.0)

    f.__name__ = name
    assert_equal(dp.value_and_grad(dp.compile(f))(X), dp.value_and_grad(f)(X))


# ---------------------------------------------------------------------------- arrays that change

def test_an_argument_that_changes_before_the_sweep():
    compiled = dp.compile(lambda b, w: np.sin(b * w))
    buffer = X.copy()

    def total(f, w):
        buffer[:] = X
        y = f(buffer, w)
        buffer[:] = 0.0
        return np.sum(y * y)

    assert np.isclose(dp.grad(lambda w: total(compiled, w))(0.7),
                      dp.grad(lambda w: total(compiled.f, w))(0.7), rtol=1e-12)


@pytest.mark.parametrize("known", [False, True])
def test_surroundings_that_change_before_the_sweep(known):
    table = X.copy()
    compiled = dp.compile(lambda w: np.sin(table * w))
    if known:
        dp.vjp(compiled, 0.7)[1](Y)
    pull = dp.vjp(lambda w: compiled(w), 0.7)[1]
    table[:] = 0.0
    assert np.allclose(pull(Y)[0], np.sum(Y * X * np.cos(X * 0.7)), rtol=1e-12)
    assert np.all(compiled(0.7) == 0.0)


def test_a_new_branch_after_the_surroundings_changed():
    """Its adjoint would be made of what is there now."""
    table = X.copy()
    compiled = dp.compile(lambda w: np.sin(table * w) if w > 0.0 else np.cos(table * w))
    dp.vjp(compiled, 0.7)[1](Y)
    pull = dp.vjp(lambda w: compiled(w), -0.7)[1]
    table[:] = 0.0
    with pytest.raises(MutationError, match="before its pullback"):
        pull(Y)


def test_a_branch_without_a_derivative():
    compiled = dp.compile(lambda x: x * 2.0 if x > 0 else x > -5)
    assert dp.value_and_grad(compiled)(1.0) == (2.0, 2.0)
    with pytest.raises(DtypeError, match="returned a condition"):
        dp.value_and_grad(compiled)(-1.0)
