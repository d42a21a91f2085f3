"""Identities: variables of inner differentiations, stopped paths, functions with a rule of their own."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import BranchError

from .checks import check

cube = dp.custom_gradient(lambda x: x**3, lambda g, y, x: g * 3.0 * x**2)
odd = dp.custom_gradient(lambda x: np.sin(x), lambda g, y, x: g * x * 2.0)
two = dp.custom_gradient(lambda a, b: (a * b, a > b), lambda g, y, a, b: (g[0] * b * 1.5, g[0] * a))
hard = dp.straight_through(np.sign, "tanh")
hard1 = dp.straight_through(np.round)

X = np.array([0.3, -0.7, 1.1])
W = np.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [-0.1, 0.6, 0.4]])
PROGRAMS = []


def at(*args):
    """Registers a program, to be looked at with these arguments."""
    return lambda f: PROGRAMS.append((f, args)) or f


@at(0.7)
def grad_in_scan_in_grad(x):

    def outer(z):

        def step(c, _):
            return (c * 0.5 + dp.grad(lambda u: u**3 * z + x * u)(c), None)

        return dp.scan(step, z, length=3)[0]

    return dp.grad(outer)(x) * x


def scaled(a, b):
    return dp.custom_gradient(lambda x: x * a, lambda g, y, x: g * b)


@at(0.7, 1.3)
def made_anew_in_a_step_with_branches(x, y):

    def step(c, _):
        c = scaled(2.0, 3.0)(c) * dp.straight_through(np.sign, "tanh")(c)
        return (np.sin(c) if c > y else scaled(2.0, 4.0)(x) + c), None

    return dp.scan(step, x, length=4)[0]


@at(0.7, 1.3)
def made_anew_and_others(x, y):

    def step(c, _):
        f, g = scaled(2.0, 3.0) if c > y else scaled(2.0, 4.0), scaled(2.0, 6.0 if c > 1.0 else 7.0)
        return np.sin(f(c)) + g(f(x)) + scaled(2.0, 5.0)(c), None

    return dp.scan(step, x, length=4)[0]


@at(0.7)
def same_number_in_and_out(x):
    return dp.grad(lambda y: y * x)(x)


@at(0.7)
def same_in_scan(x):

    def step(c, _):
        return (dp.grad(lambda y: y * x * c)(x) + c * 0.1, None)

    return dp.scan(step, x, length=4)[0]


@at(0.7)
def scan_in_grad_captured(x):

    def f(y):
        return dp.scan(lambda c, _: (c * y + x, None), y, length=4)[0]

    return dp.grad(f)(x)


@at(0.7)
def hess_in_scan(x):

    def step(c, _):
        return (np.sin(c) + dp.grad(dp.grad(lambda u: u**4 * c + x))(c) * 0.1, c)

    c, ys = dp.scan(step, x, length=3)
    return c + np.sum(ys**2)


@at(0.7)
def custom_in_body(x):
    return dp.scan(lambda c, _: (odd(c) + 0.1 * x, None), x, length=4)[0]


@at(0.7, 0.4)
def custom_two(x, y):

    def step(c, _):
        z, b = two(c, y)
        return (np.where(b, z, z * 0.5 + x), b)

    c, bs = dp.scan(step, x, length=4)
    return (c, bs)


@at(0.7)
def custom_top(x):
    return odd(x) * cube(x)


@at(X)
def st_body(x):
    return np.sum(dp.scan(lambda c, _: (np.tanh(hard(c) * 0.3 + c * x), None), x, length=4)[0])


@at(X)
def st_round(x):
    return np.sum(hard1(x * 3) * x)


@at(0.7)
def stop_body(x):
    return dp.scan(lambda c, _: (dp.stop_gradient(c) * c + 0.1 * x, None), x, length=4)[0]


@at(0.7)
def stop_in_inner(x):
    return dp.grad(lambda y: dp.stop_gradient(y) * y * x)(x)


@at(0.5)
def jvp_inside(x):
    return dp.jvp(
        lambda y: dp.scan(lambda c, _: (np.sin(c * y), None), y, length=3)[0] * x, (x,), (x * 2.0,)
    )[1]


@at(X)
def hvp_inside(x):
    return dp.hvp(lambda y: np.sum(np.sin(y) * y**2) * y[0], x, x * 0.3)


@at(X)
def jac_inside(x):
    return dp.jacobian(lambda y: np.tanh(W @ y))(x) @ x


@at(0.5)
def vjp_inside_scan(x):

    def step(c, _):
        y, pull = dp.vjp(lambda u: np.sin(u) * x, c)
        return (y + pull(c)[0], None)

    return dp.scan(step, x, length=3)[0]


@at(0.5)
def grad_through_captured_var(x):

    def f(y):
        z = y * 2.0

        def step(c, _):
            return (c * z, dp.grad(lambda u: u * u * z * y)(c))

        c, ys = dp.scan(step, y, length=3)
        return c + np.sum(ys)

    return dp.grad(f)(x)


@at(0.7)
def scan_in_custom(x):
    g = dp.custom_gradient(
        lambda y: dp.scan(lambda c, _: (np.sin(c), None), y, length=3)[0], lambda g, y, x: g * np.cos(x) * y
    )
    return g(x) * x


@at(0.7)
def scan_in_custom_vjp(x):
    g = dp.custom_gradient(
        lambda y: np.sin(y), lambda g, y, x: g * dp.scan(lambda c, _: (np.cos(c * x), None), x, length=3)[0]
    )
    return dp.scan(lambda c, _: (g(c) * x, None), x, length=2)[0]


@at(0.7)
def custom_inner_grad(x):
    return dp.grad(lambda y: odd(y) * x * cube(y))(x) + dp.grad(lambda y: dp.grad(odd)(y))(x)


@at(0.7)
def custom_inner_grad_body(x):
    return dp.scan(lambda c, _: (dp.grad(lambda y: odd(y) * x)(c), None), x, length=2)[0]


@at(X)
def st_inner_grad_body(x):
    return dp.scan(lambda c, _: (dp.grad(lambda y: np.sum(hard(y) * y * x))(c), None), x, length=2)[0]


@at(0.7)
def stop_serials(x):
    a = dp.stop_gradient(x)
    b = dp.stop_gradient(x)
    return a * x + b * x * 2 + dp.grad(lambda y: dp.stop_gradient(y * x) * y)(x)


@at(0.7)
def stop_out_in_scan(x):
    s = dp.stop_gradient(x)

    def step(c, _):
        return (c * s + dp.stop_gradient(x) * x, dp.stop_gradient(c))

    c, ys = dp.scan(step, x, length=3)
    return c + np.sum(ys * x)


@at(0.7)
def value_grad_aux(x):
    (v, aux), g = dp.value_and_grad(lambda y: (np.sin(y) * x, y * 2), has_aux=True)(x)
    return v * g + aux


@at(X)
def jac_in_scan(x):

    def step(c, _):
        return (np.tanh(dp.jacobian(lambda y: np.tanh(W @ y * x))(c) @ c), None)

    return dp.scan(step, x, length=2)[0]


@at(X)
def hess_top(x):
    return dp.hessian(lambda y: np.sum(y**3) * y[0])(x) @ x


@at(X)
def jvp_in_scan(x):

    def step(c, r):
        return (dp.jvp(lambda y: np.sin(y) * x, (c,), (c * r,))[1], None)

    return dp.scan(step, x, np.array([1.0, 2.0]))[0]


@at(0.5)
def defvjp_prim(x):

    @dp.primitive
    def bump(x):
        return np.exp(-(x**2))

    dp.defvjp(bump, lambda g, y, x: -2 * g * x * y)
    return bump(x) * dp.scan(lambda c, _: (bump(c) * x, None), x, length=2)[0] * dp.grad(bump)(x)


@at(0.5)
def sgn(x):
    return dp.sign(x) * x + dp.scan(lambda c, _: (dp.sign(c) * x * c, None), x, length=2)[0]


@at(0.5)
def long_closure(x):
    y = x * 2

    def f(u):
        z = u * y

        def g(v):
            w = v * z

            def step(c, _):
                return (c * w + z * y + dp.grad(lambda q: q * w * z * y * c)(v), None)

            return dp.scan(step, v, length=2)[0]

        return dp.grad(g)(u) * z

    return dp.grad(f)(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_equals_the_tape(f, args):
    check(f, *args)


# ---------------------------------------------------------------------------- rules that take branches

@dp.custom_gradient(lambda g, y, x: g * x if x > 0.5 and g < 9.0 else g * 3.0 * x * x)
def two_sided(x):
    return x * x


@dp.custom_gradient(lambda g, y, x: g * max(x, 0.5) * np.sign(x))
def by_the_larger(x):
    return abs(x) * x


def rule_that_raises(g, y, x):
    if x > 0.6:
        raise ValueError("too far")
    return g


@pytest.mark.parametrize("f", [two_sided, by_the_larger], ids=["two sides", "the larger"])
@pytest.mark.parametrize("x", [0.4, 0.7, 0.95, 1.3])
def test_a_rule_may_take_branches_in_a_loop(f, x):
    def looped(x):
        return dp.scan(lambda s, k: (f(s) * 0.9 + 0.1 * k, s), x, np.arange(4.0))[0]

    def until(x):
        return dp.while_loop(lambda s: s < 3.0, lambda s: f(s) + 0.5, x)

    for g in (looped, until):
        np.testing.assert_allclose(dp.grad(dp.compile(g))(x), dp.grad(g)(x), 1e-12)
        np.testing.assert_allclose(dp.hvp(dp.compile(g), x, 1.5), dp.hvp(g, x, 1.5), 1e-12)


def test_a_rule_that_raises_on_one_of_its_ways_is_refused():
    f = dp.custom_gradient(lambda x: x * x, rule_that_raises)
    compiled = dp.compile(lambda x: dp.scan(lambda s, _: (f(s), None), x, length=3)[0])
    with pytest.raises(BranchError, match="raises on one of its ways"):
        dp.grad(compiled)(0.7)
