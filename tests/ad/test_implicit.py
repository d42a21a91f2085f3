"""`root` and `argmin`, on the tape and compiled: closed forms, finite differences, any order."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError, LoopError, NotConverged, SingularJacobian, StructureError
from tinydp.testing import check_grads

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 4.0]])
B = np.array([1.0, -2.0, 0.5])


def derivatives(f, x, most=4):
    """The value of a function of one number, and its derivatives."""
    found = []
    for _ in range(most):
        found.append(f(x))
        f = dp.grad(f)
    return found


# ---------------------------------------------------------------------------- closed forms

def test_a_square_root_to_the_third_derivative(wrap):
    f = wrap(lambda a: dp.root(lambda x: x * x - a, 1.0))
    for a in (2.0, 9.0, 0.3):
        wanted = a ** 0.5, 0.5 * a ** -0.5, -0.25 * a ** -1.5, 0.375 * a ** -2.5
        np.testing.assert_allclose(derivatives(f, a), wanted, rtol=1e-13)


def test_the_smallest_value_of_a_parabola_to_the_third_derivative(wrap):
    f = wrap(lambda a: dp.argmin(lambda x: a ** 2 * x ** 2 - np.sin(a) * x, 3.0))
    wanted = derivatives(lambda a: np.sin(a) / (2.0 * a ** 2), 0.8)
    np.testing.assert_allclose(derivatives(f, 0.8), wanted, rtol=1e-11)


def test_linear_equations(wrap):
    f = wrap(lambda a, b: dp.root(lambda x: a @ x - b, np.zeros(3)))
    np.testing.assert_allclose(f(A, B), np.linalg.solve(A, B), rtol=1e-14)
    g = lambda a, b: np.sum(np.sin(np.linalg.solve(a, b)))
    h = lambda a, b: np.sum(np.sin(f(a, b)))
    for mine, theirs in zip(dp.grad(h, (0, 1))(A, B), dp.grad(g, (0, 1))(A, B), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    np.testing.assert_allclose(dp.hessian(lambda b: h(A, b))(B), dp.hessian(lambda b: g(A, b))(B), rtol=1e-11)


def test_least_squares(wrap):
    x = np.linspace(0.0, 1.0, 7)
    f = wrap(lambda y: dp.argmin(lambda p: np.sum((p[0] + p[1] * x - y) ** 2), np.zeros(2)))
    y = np.cos(3.0 * x)
    inverse = np.linalg.pinv(np.stack([np.ones(7), x], axis=1))
    np.testing.assert_allclose(f(y), inverse @ y, rtol=1e-12)
    np.testing.assert_allclose(dp.jacobian(f)(y), inverse, atol=1e-12)


def test_from_where_the_hessian_is_negative(wrap):
    g = lambda x, a: np.sum(x ** 4 - a * x ** 2) + 0.1 * x[0] * x[1]
    f = wrap(lambda a: dp.argmin(lambda x: g(x, a), np.array([0.1, 0.2])))
    x = f(2.0)
    np.testing.assert_allclose(dp.grad(g)(x, 2.0), 0.0, atol=1e-12)
    assert np.all(np.linalg.eigvalsh(dp.hessian(g)(x, 2.0)) > 0.0)
    total = lambda a: np.sum(f(a) ** 3)
    check_grads(total, 2.0, grad=dp.grad(total))


def test_where_full_steps_lead_astray(wrap):
    """Newton's steps for the arc tangent leave it from 1.4 on."""
    f = wrap(lambda a: dp.root(lambda x: np.arctan(x - a), 8.0))
    assert f(0.5) == pytest.approx(0.5)
    assert dp.grad(f)(0.5) == pytest.approx(1.0)


def test_a_structure(wrap):
    def f(a):
        def equations(s):
            return {"sum": s["x"] + s["y"][0] - a, "rest": (s["y"] * s["x"] + np.stack([1.0, a]))}
        s = dp.root(equations, {"x": 2.0, "y": np.array([-1.0, 1.0])})
        return s["x"] - s["y"][0] + s["y"][1] ** 2
    found, a = wrap(f), 1.3
    x = 0.5 * (a + np.sqrt(a * a + 4.0))
    assert found(a) == pytest.approx(2 * x - a + (a / x) ** 2)
    check_grads(f, a, grad=dp.grad(found))


def test_a_guess_has_no_derivative_and_may_be_an_integer(wrap):
    f = wrap(lambda a, b: dp.root(lambda x: x ** 3 - a, b))
    np.testing.assert_allclose(dp.grad(f, (0, 1))(8.0, 1.5), (1.0 / 12.0, 0.0), atol=1e-15)
    assert wrap(lambda a: dp.root(lambda x: x * x - a, 1))(4.0) == pytest.approx(2.0)


def test_a_root_that_nothing_depends_on(wrap):
    f = wrap(lambda a: a * dp.root(lambda x: x ** 3 - 8.0, 1.0))
    assert f(3.0) == pytest.approx(6.0)
    assert dp.grad(f)(3.0) == pytest.approx(2.0)


def test_from_the_root(wrap):
    f = wrap(lambda a: dp.root(lambda x: x - a, 2.0))
    assert f(2.0) == 2.0
    assert dp.grad(f)(2.0) == 1.0


# ---------------------------------------------------------------------------- within others

def implicit_euler(a):
    """x' = -a x³, each step of which is an equation."""
    step = lambda x, _: ((new := dp.root(lambda y: y - x + 0.1 * a * y ** 3, x)), new)
    return np.sum(dp.scan(step, 1.0 + 0.1 * a, length=6)[1] ** 2)


def planned(a):
    """A controller that looks two steps ahead, each time."""
    def step(state, _):
        x, v = state
        far = lambda u: np.stack([x + v, x + 2.0 * v + u[0]]) - 0.5
        cost = lambda u: np.sum(far(u) ** 2) + a * np.sum(u ** 2 + 0.1 * u ** 4)
        u = dp.argmin(cost, np.zeros(2))
        return (x + v, v + u[0]), u
    (x, v), us = dp.scan(step, (1.0, a), length=3)
    return x * x + v + np.sum(us ** 2)


def in_a_while_loop(a):
    return dp.while_loop(lambda x: x > 1.1, lambda x: dp.root(lambda y: y * y + 0.1 * a * y - x, x), a + 3.0)


def in_itself(a):
    inner = lambda x: dp.root(lambda y: y ** 3 + y - x * a, 1.0)
    return dp.root(lambda x: x + inner(x) - a, 1.0)


def around_a_loop(a):
    far = lambda x: dp.scan(lambda c, _: (c + 0.1 * np.sin(a * c), None), x, length=5)[0]
    return dp.root(lambda x: far(x) - 2.0, 1.0)


def around_a_while_loop(a):
    far = lambda x: dp.while_loop(lambda c: c < 2.0 * x, lambda c: c * 1.1 + a, x)
    return dp.root(lambda x: far(x) - 5.0, 2.4)


WITHIN = [implicit_euler, planned, in_a_while_loop, in_itself, around_a_loop, around_a_while_loop]


@pytest.mark.parametrize("f", WITHIN)
def test_first_derivatives_by_finite_differences(f):
    check_grads(f, 0.7, grad=dp.grad(f))
    check_grads(dp.grad(f), 0.7, grad=dp.grad(dp.grad(f)))


@pytest.mark.parametrize("f", WITHIN)
def test_compiled_as_on_the_tape(f, wrap):
    np.testing.assert_allclose(derivatives(wrap(f), 0.7, 3), derivatives(f, 0.7, 3), rtol=1e-9)


# ---------------------------------------------------------------------------- what is refused

def test_no_root(wrap):
    f = wrap(lambda a: dp.root(lambda x: x * x + a, 1.7))
    assert f(-4.0) == pytest.approx(2.0)
    with pytest.raises(NotConverged, match="within 50 steps: the residual is still") as caught:
        f(4.0)
    assert np.isfinite(caught.value.state)
    with pytest.raises(NotConverged, match="did not converge"):
        dp.grad(f)(4.0)
    assert f(-9.0) == pytest.approx(3.0)


def test_no_smallest_value(wrap):
    with pytest.raises(NotConverged, match="argmin did not converge within 20 steps: the gradient is still"):
        wrap(lambda a: dp.argmin(lambda x: np.exp(-a * x), 0.0, max_steps=20))(1.0)


def test_too_few_steps(wrap):
    with pytest.raises(NotConverged, match="within 2 steps"):
        wrap(lambda a: dp.root(lambda x: x ** 3 - a, 5.0, max_steps=2))(1.0)


@pytest.mark.parametrize("f", [
    lambda a: dp.root(lambda x: a * x * x, 0.0), lambda a: dp.root(lambda x: a, 1.0),
    lambda a: np.sum(dp.root(lambda x: np.stack([x[0] + x[1], a * (x[0] + x[1])]) - 1.0, np.zeros(2)))],
    ids=["at a touch", "of nothing", "two of one"])
def test_singular(wrap, f):
    with pytest.raises(SingularJacobian, match="the Jacobian has no inverse, in root"):
        wrap(f)(2.0)


def test_a_flat_valley():
    with pytest.raises(SingularJacobian, match="the Hessian has no inverse, in argmin"):
        dp.grad(lambda a: dp.argmin(lambda x: (x[0] - a) ** 2 + 0.0 * x[1], np.zeros(2))[0])(2.0)


REFUSED = {
    "f returned 3 numbers for a guess of 2": (
        StructureError, lambda a: dp.root(lambda x: np.ones(3) * a, np.ones(2))),
    "f returned number or array": (StructureError, lambda a: dp.argmin(lambda x: x * a, np.ones(2))),
    "f returned tuple of 2": (StructureError, lambda a: dp.argmin(lambda x: (x * a, x), 1.0)),
    "is a condition": (DtypeError, lambda a: dp.root(lambda x: x * a, True)),
    "the guess has no numbers": (StructureError, lambda a: dp.root(lambda x: x, ())),
    "is not a number of steps": (LoopError, lambda a: dp.root(lambda x: x - a, 1.0, max_steps=0)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_equation(wrap, message):
    kind, f = REFUSED[message]
    with pytest.raises(kind, match=message):
        wrap(lambda a: f(a) * 1.0)(1.0)
