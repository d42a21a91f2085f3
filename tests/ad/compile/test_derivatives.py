"""Derivatives of compiled functions, of any order: compiled, and the tape's."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import tree

X, V = np.array([0.4, -0.3, 0.8]), np.array([0.2, 1.0, -0.5])


def along(x, k):
    def step(s, u):
        s = np.tanh(s * x[0] + u) - 0.1 * s * x[1]
        return s, s * s * x[2]
    last, ys = dp.scan(step, x, np.linspace(0.0, 1.0, 7)[:, None] * np.ones(3))
    return np.sum(ys) + k * np.sum(last)


def fall(x, k):
    """How far a ball comes until it meets a slope."""
    def step(ball, dt):
        place, height, speed = ball
        pull = x[1]**2
        return place + dt * x[0], height + dt * speed - 0.5 * dt**2 * pull, speed - dt * (pull + 0.01 * speed)
    return dp.integrate(step, (0.0, 1.0 + x[2]**2, 0.0), lambda ball: ball[1] - 0.1 * k * ball[0], dt=0.1)[0]


def straight(x, k):
    return np.sum(np.exp(x * k) * np.sin(x)) + np.prod(x)


DERIVATIVES = {
    "jvp": lambda f: dp.jvp(f, (X, 0.7), (V, 0.0)),
    "jacobian": lambda f: dp.jacobian(f)(X, 0.7),
    "hessian": lambda f: dp.hessian(f)(X, 0.7),
    "mixed": lambda f: dp.jacobian(dp.grad(f, 0), 1)(X, 0.7),
    "gradient of a gradient": lambda f: dp.grad(lambda x: np.sum(dp.grad(f)(x, 0.7) * V))(X),
    "product with the Hessian": lambda f: dp.vjp(lambda x: dp.grad(f)(x, 0.7), X)[1](V),
    "jvp of the gradient": lambda f: dp.jvp(lambda x: dp.grad(f)(x, 0.7), (X,), (V,)),
    "third": lambda f: dp.grad(lambda x: V @ dp.vjp(lambda x: dp.grad(f)(x, 0.7), x)[1](V)[0])(X),
    "on two tapes": lambda f: dp.grad(lambda k: np.sum(dp.grad(lambda x: f(x, k))(X) * V))(0.7),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("f", [straight, along, fall])
def test_it_is_the_tapes_and_compiled(f, derivative, monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "never")
    runs = []

    def counted(x, k):
        runs.append(None)
        return f(x, k)

    compiled = dp.compile(counted)
    found = tree.flatten(DERIVATIVES[derivative](compiled))[0]
    for x, y in zip(found, tree.flatten(DERIVATIVES[derivative](f))[0], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-11)
    before = len(runs)
    DERIVATIVES[derivative](compiled)
    assert len(runs) == before                   # nothing of it is run by Python again


def test_rows_share_one_forward_pass():
    """A Jacobian of many rows or of many columns has one loop forwards, and one inside of the other."""
    def many(x):
        return dp.scan(lambda s, u: (np.sin(s + u * x[0]), s), x[1], np.linspace(0.0, 1.0, 50))[1]

    def wide(x):
        return dp.scan(lambda s, u: (np.sin(s + u), None), x[0] * x[1], x)[0]

    for f, x in ((many, np.array([0.3, 0.4])), (wide, np.linspace(0.1, 0.9, 40))):
        compiled = dp.compile(f)
        assert np.allclose(dp.jacobian(compiled)(x), dp.jacobian(f)(x), rtol=1e-12)
        (derived,) = compiled.made.derived.values()
        sines = [op for op in all_ops(derived.built(x).program) if op.name == "sin"]
        assert len(sines) == 1


def all_ops(program):
    for op in program.ops:
        yield op
        yield from all_ops(op.body) if op.body else ()


def test_static_arguments_are_those_of_the_function():
    @dp.compile(static="n")
    def f(x, n):
        return dp.scan(lambda s, _: (np.sin(s) * x, None), x, length=n)[0]

    plain = lambda x: f.f(x, 5)
    assert np.isclose(dp.jacobian(f)(0.5, 5), dp.jacobian(plain)(0.5), rtol=1e-12)
    assert np.isclose(dp.hessian(f)(0.5, n=5), dp.hessian(plain)(0.5), rtol=1e-12)
    assert np.allclose(dp.jvp(lambda x: f(x, 5), (0.5,), (1.0,)), dp.jvp(plain, (0.5,), (1.0,)), rtol=1e-12)


@pytest.mark.parametrize("sides", [(0,), (3, 0)])
def test_second_derivatives_by_nothing(sides):
    def f(x):
        return np.sum(x**2) + np.prod(x)

    assert dp.hessian(dp.compile(f))(np.zeros(sides)).shape == sides + sides
