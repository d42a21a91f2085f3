"""Second derivatives at kinks: right where they exist, and nan where they do not."""

import numpy as np
import pytest

from tinydp import checkpoint, compile, grad, hessian, hvp, jacobian, scan, value_and_grad

norm = np.linalg.norm


@pytest.mark.parametrize(("f", "x"), [
    (np.abs, 0.0), (np.fabs, 0.0), (lambda x: x * np.abs(x), 0.0), (lambda x: np.abs(x) + x**2, 0.0),
    (norm, [0.0, 0.0]), (np.std, [1.0, 1.0]), (lambda z: np.hypot(z[0], z[1]), [0.0, 0.0]),
    (lambda x: norm(x, 3), [0.0, 0.0]), (lambda x: norm(x, 3) ** 2, [0.0, 0.0]),
    (lambda x: norm(x, 1) ** 2, [0.0, 0.0]), (lambda x: norm(x) * x[0], [0.0, 0.0]),
    (lambda z: np.abs(z[0]) * z[1], [0.0, 0.0]), (lambda z: np.abs(z[0]) * np.abs(z[1]), [0.0, 0.0]),
    (lambda x: np.max(x) ** 2, [1.0, 1.0]), (lambda x: np.min(x) ** 2, [1.0, 1.0]),
    (lambda x: np.maximum(x, 0.0) ** 2, 0.0), (lambda x: np.maximum(x, -x) ** 2, 0.0),
    (lambda x: np.minimum(x, 1.0) ** 2, 1.0), (lambda x: norm(x, np.inf) ** 2, [0.0, 0.0]),
])
def test_nan_where_there_is_none(f, x):
    x = np.array(x)
    h = hessian(f)(x)
    assert np.isnan(np.diagonal(h) if np.ndim(h) else h).any()
    assert np.isfinite(grad(f)(x)).all()


def test_lengths_mix_their_elements():
    """No element of the Hessian exists, and no product with it."""
    for f in (norm, np.std, lambda z: np.hypot(z[0], z[1])):
        assert np.isnan(hessian(f)(np.zeros(2))).all()
        assert np.isnan(hvp(f, np.zeros(2), np.array([1.0, -1.0]))).all()


def test_the_gradient_has_the_same_value_when_it_is_differentiated():
    assert value_and_grad(grad(np.abs))(0.0)[0] == grad(np.abs)(0.0) == 0.0
    assert value_and_grad(grad(lambda x: np.maximum(x, 0.0) ** 2 + x))(0.0)[0] == 1.0


def test_other_elements_are_not_spoiled():
    h = hessian(lambda x: np.sum(np.abs(x)) + np.sum(x**2))(np.array([0.0, 3.0]))
    assert np.array_equal(h, [[np.nan, 0.0], [0.0, 2.0]], equal_nan=True)
    h = hessian(lambda x: np.sum(np.where(x > 0, np.abs(x), x**2)))(np.array([0.0, 3.0]))
    assert np.array_equal(h, [[2.0, 0.0], [0.0, 0.0]])


def test_shared_ties_with_a_constant_cotangent_stay_flat():
    assert grad(grad(lambda x: np.maximum(x, 0.0)))(0.0) == 0.0
    assert not hessian(np.max)(np.ones(3)).any()
    assert not hessian(lambda x: np.sum(np.maximum(x, 0.0)))(np.zeros(100)).any()


def test_many_ties():
    """Too many to look at each: all are nan, or none."""
    assert np.array_equal(hessian(lambda x: np.sum(np.maximum(x, x) ** 2))(np.ones(50)), 2 * np.eye(50))
    assert np.isnan(np.diagonal(hessian(lambda x: np.sum(np.maximum(x, 1.0) ** 2))(np.ones(50)))).all()


def square(x):
    return np.sum(np.abs(x) ** 2)


@pytest.mark.parametrize("f", [
    checkpoint(square), lambda x: scan(lambda c, _: (c + square(x), None), 0.0, length=1)[0],
    lambda x: scan(lambda c, row: (c + np.abs(row) ** 2, None), 0.0, x)[0]])
def test_inside_of_other_things(f):
    assert np.array_equal(hessian(f)(np.zeros(2)), 2 * np.eye(2))


@pytest.mark.parametrize(("f", "right"), [
    (square, 2 * np.eye(2)), (lambda x: norm(x) ** 2, 2 * np.eye(2)),
    (lambda x: np.std(x) ** 2, [[0.5, -0.5], [-0.5, 0.5]])])
def test_compiled_gradient(f, right):
    """What is not finite in compiled code is computed again by a tape."""
    assert np.array_equal(jacobian(compile(grad(f)))(np.zeros(2)), right)


def test_compiled_ties():
    second = jacobian(compile(grad(lambda x: np.sum(np.maximum(x, 0.0) ** 2))))
    assert np.isnan(np.diagonal(second(np.zeros(2)))).all()
    assert np.array_equal(second(np.array([1.0, -1.0])), [[2.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize(("x", "axis"), [(0.4, None), (np.array([0.4]), None), (np.array([[0.4, 2.0]]), 0)])
def test_the_deviation_of_a_single_number_is_a_constant(x, axis):
    """It has no tip: it is 0 whatever the number."""
    def f(x):
        return np.sum(np.cos(x) + np.std(x, axis=axis))

    def plain(x):
        return np.sum(np.cos(x))

    assert np.array_equal(grad(f)(x), grad(plain)(x))
    assert np.array_equal(hessian(f)(x), hessian(plain)(x))
