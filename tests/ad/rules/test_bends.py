"""Second derivatives at kinks: right where they exist, and nan where they do not."""

import numpy as np
import pytest

from tinydp import (
    checkpoint,
    compile,
    custom_gradient,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    scan,
    value_and_grad,
    vjp,
)

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


# ---------------------------------------------------------------------------- right or nan


def assert_right_or_nan(found, right):
    """Never another number. Where the derivative does not exist, `right` is nan."""
    found, right = np.broadcast_arrays(found, right)
    known = ~np.isnan(found)
    np.testing.assert_allclose(found[known], right[known], atol=1e-12)


def nth(f, n):
    return f if n == 0 else nth(grad(f), n - 1)


def along(f, t=1.0):
    return lambda x: jvp(f, (x,), (t,))[1]


LENGTHS = [
    (lambda u: np.sum(np.abs(u) ** 2), 2 * np.eye(2)), (lambda u: np.sum(np.cos(np.abs(u))), -np.eye(2)),
    (lambda u: norm(u) ** 2, 2 * np.eye(2)), (lambda u: np.hypot(u[0], u[1]) ** 2, 2 * np.eye(2)),
    (lambda u: np.std(u) ** 2, np.array([[0.5, -0.5], [-0.5, 0.5]])),
    (lambda u: np.sum(np.abs(u)), np.nan * np.eye(2)), (lambda u: np.sum(u * np.abs(u)), np.nan * np.eye(2)),
    (norm, np.full((2, 2), np.nan)), (lambda u: np.sum(np.maximum(u, 0.0) ** 2), np.nan * np.eye(2)),
    (lambda u: np.max(u) ** 2 + u[0], np.full((2, 2), np.nan)),
]


@pytest.mark.parametrize(("f", "h"), LENGTHS)
def test_derivatives_of_a_jvp(f, h):
    """Where the cotangent is a variable of another tape than the length."""
    t, x = np.array([1.0, -2.0]), np.zeros(2)
    for change in (along(f, t), compile(along(f, t))):
        assert_right_or_nan(jacobian(change)(x), h @ t)
    assert_right_or_nan(along(along(f, t), t)(x), t @ h @ t)
    assert_right_or_nan(compile(jacobian(along(f, t)))(x), h @ t)
    assert along(f, t)(x) == grad(f)(x) @ t == value_and_grad(along(f, t))(x)[0]


def test_derivatives_of_a_jvp_of_singular_values():
    change = along(lambda u: np.sum(np.linalg.svdvals(np.diag(u)) ** 2), np.array([1.0, -2.0]))
    assert_right_or_nan(jacobian(change)(np.zeros(2)), [2.0, -4.0])


def test_derivatives_of_a_jvp_by_a_number():
    for f, right in [(lambda x: np.abs(x) ** 2, 2.0), (np.abs, np.nan),
                     (lambda x: np.maximum(x, 0.0) ** 2, np.nan)]:
        assert_right_or_nan(grad(along(f))(0.0), right)
        assert_right_or_nan(along(along(f))(0.0), right)


def test_a_jvp_of_a_gradient_is_right():
    assert along(grad(lambda x: np.abs(x) ** 2))(0.0) == 2.0


def test_other_elements_of_a_jvp_are_not_spoiled():
    x = np.array([0.0, 3.0])
    assert jacobian(along(lambda u: np.abs(u) ** 2, np.ones(2)))(x)[1].tolist() == [0.0, 2.0]
    assert jacobian(along(lambda u: np.maximum(u, 0.0) ** 2, np.ones(2)))(x)[1].tolist() == [0.0, 2.0]


def both(x):
    return np.stack([x, 0 * x])


@pytest.mark.parametrize(("f", "n", "right"), [
    (lambda x: x * np.abs(x) ** 2, 3, 6.0), (lambda x: np.exp(x) * np.abs(x) ** 2, 3, 6.0),
    (lambda x: np.exp(x) * np.abs(x) ** 2, 4, 12.0), (lambda x: x * norm(both(x)) ** 2, 3, 6.0),
    (lambda x: np.abs(x) ** 3, 3, np.nan), (lambda x: np.exp(-np.abs(x) ** 3), 3, np.nan),
    (lambda x: np.abs(x) ** 4, 4, 24.0), (lambda x: x**2 * np.abs(x), 3, np.nan),
    (lambda x: np.maximum(x, 0.0) * x**2, 3, np.nan), (lambda x: np.maximum(x, 0.0) ** 3, 3, np.nan),
    (lambda x: np.max(both(x)) * x**2, 3, np.nan), (lambda x: np.abs(x) ** 2, 3, 0.0),
    (lambda x: np.abs(x**2), 2, 2.0), (lambda x: norm(both(x**2)), 2, 2.0), (lambda x: np.abs(x**3), 2, 0.0),
    (lambda x: np.abs(x**3), 3, np.nan)])
def test_higher_derivatives_of_numbers(f, n, right):
    assert_right_or_nan(nth(f, n)(0.0), right)


def test_higher_derivatives_of_arrays():
    x, e = np.zeros(2), np.eye(2)
    third = np.einsum("i,jk->ijk", e[0], e)
    third = 2 * (third + third.transpose(1, 0, 2) + third.transpose(1, 2, 0))
    assert_right_or_nan(jacobian(hessian(lambda x: x[0] * norm(x) ** 2))(x), third)
    pairs = np.einsum("ij,kl->ijkl", e, e)
    pairs = pairs + pairs.transpose(0, 2, 1, 3) + pairs.transpose(0, 3, 2, 1)
    for f, size in [(lambda x: norm(x) ** 4, 8.0), (lambda x: np.hypot(x[0], x[1]) ** 4, 8.0),
                    (lambda x: np.cos(norm(x)), 1 / 3)]:
        assert_right_or_nan(jacobian(jacobian(hessian(f)))(x), size * pairs)
    assert np.isnan(jacobian(hessian(lambda x: norm(x) ** 3))(x)).all()


def test_third_derivatives_with_other_variables():
    found = jacobian(hessian(lambda x: np.abs(x[0]) ** 2 * x[1] ** 2))(np.array([0.0, 3.0]))
    assert_right_or_nan(found, [[[0.0, 12.0], [12.0, 0.0]], [[12.0, 0.0], [0.0, 0.0]]])
    found = jacobian(hessian(lambda x: np.cos(np.abs(x[0])) + x[1] ** 3))(np.array([0.0, 3.0]))
    assert found[1].tolist() == [[0.0, 0.0], [0.0, 6.0]]
    assert_right_or_nan(grad(lambda v: hvp(lambda u: np.exp(u) * np.abs(u) ** 2, v, 1.0))(0.0), 6.0)


@pytest.mark.parametrize(("f", "at", "right"), [
    (lambda a: lambda x: a * np.abs(x), 0.0, np.nan), (lambda a: lambda x: a * np.abs(x) ** 2, 1.0, 2.0),
    (lambda a: lambda x: (a + np.abs(x)) * np.abs(x), 0.0, np.nan)])
def test_a_second_derivative_by_a_parameter(f, at, right):
    assert_right_or_nan(grad(lambda a: nth(f(a), 2)(0.0))(at), right)


def test_squares_of_lengths_are_right_in_all_derivatives():
    for f in (square, lambda x: norm(x) ** 2, lambda x: np.std(x) ** 2, lambda x: np.hypot(x[0], x[1]) ** 2):
        assert not jacobian(hessian(f))(np.zeros(2)).any()
    assert nth(lambda x: np.maximum(x, x) ** 3, 3)(1.0) == 6.0
    assert nth(lambda x: np.maximum(x, 0.0), 3)(0.0) == 0.0


@pytest.mark.parametrize("hidden", [
    checkpoint, lambda f: custom_gradient(f, lambda g, y, x: vjp(f, x)[1](g)[0]),
    lambda f: lambda x: scan(lambda c, _: (c + f(x), None), 0.0, length=1)[0], compile])
def test_around_what_is_hidden(hidden):
    for f, right in [(norm, 2 * np.eye(2)), (np.std, [[0.5, -0.5], [-0.5, 0.5]]),
                     (lambda x: np.maximum(x[0], 0.0), [[np.nan, 0.0], [0.0, 0.0]])]:
        assert_right_or_nan(hessian(lambda x, f=f: hidden(f)(x) ** 2)(np.zeros(2)), right)
        assert_right_or_nan(hessian(lambda x, f=f: hidden(f)(x) * f(x))(np.zeros(2)), right)
        change = along(lambda x, f=f: hidden(f)(x) ** 2, np.array([1.0, 0.0]))
        assert_right_or_nan(jacobian(change)(np.zeros(2)), np.array(right)[0])


def test_where_no_path_leads_nothing_is_spoiled():
    assert nth(lambda x: np.abs(np.where(x > 0, x, 0.0)) + x**2, 2)(0.0) == 2.0
    assert not hessian(lambda w: np.sum(np.abs(w * np.array([1.0, 0.0]))))(np.ones(2)).any()


def test_a_length_of_arrays_that_are_stretched():
    for shapes in (((1, 2), (3, 2)), ((), (2,)), ((1, 1), (1, 1, 1))):
        a, b = (np.zeros(s) if s else 0.0 for s in shapes)
        found = hessian(lambda a, b=b: np.sum(np.cosh(np.hypot(a, b))))(a)
        times = np.broadcast(a, b).size // np.size(a)
        assert_right_or_nan(np.reshape(found, (np.size(a),) * 2), times * np.eye(np.size(a)))
        assert np.all(np.isfinite(found))
