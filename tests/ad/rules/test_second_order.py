"""First and second derivatives of each rule at its special points, against 50 digits."""

import itertools
import operator
from functools import cache

import mpmath as mp
import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.primitives import FlatPrimitive
from tinydp.ad.registry import PRIMITIVES

from .special_points import LINEAR, POINTS, sign

NAMES = [f"{k}-{'-'.join(f.__name__ for f in point.functions)}" for k, point in enumerate(POINTS)]
points = pytest.mark.parametrize("point", POINTS, ids=NAMES)


@cache
def expected(k):
    """The gradient and the Hessian of a point, with mpmath; those by an element that is nan are 0."""
    point = POINTS[k]
    x = [mp.mpf(c) for c in point.x.flat]
    n, live = len(x), [i for i, c in enumerate(x) if not mp.isnan(c)]
    gradient, hessian = np.zeros(n), np.zeros((n, n))
    with mp.workdps(50):
        for i in live:
            gradient[i] = partial(point.exact, x, (i,))
        for i in live:
            for j in live[: live.index(i) + 1]:
                hessian[i, j] = hessian[j, i] = partial(point.exact, x, (i, j))
    return gradient.reshape(point.x.shape), hessian.reshape(point.x.shape * 2)


def partial(f, x, by):
    """A partial derivative, once or twice, by the elements named; a difference that 50 digits make exact."""
    h = mp.mpf(10) ** -12

    def moved(*steps):
        y = list(x)
        for i, step in zip(by, steps, strict=True):
            y[i] = y[i] + step * h
        return f(*y)

    if len(by) == 1:
        return float((moved(1) - moved(-1)) / (2 * h))
    return float((moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)) / (4 * h * h))


def assert_close(found, right):
    size = np.max(np.abs(right), initial=1.0)
    np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-10 * size)


@points
def test_derivatives_at_special_points(point):
    gradient, hessian = expected(POINTS.index(point))
    assert_close(dp.grad(point.f)(point.x), gradient)
    assert_close(dp.hessian(point.f)(point.x), hessian)


@points
def test_second_derivatives_agree(point):
    """The product with a vector is the same by `hvp`, by `jvp` of the gradient and by its gradient."""
    v = np.where(np.isnan(point.x), 0.0, np.cos(np.arange(1.0, point.x.size + 1.0)).reshape(point.x.shape))
    right = np.tensordot(expected(POINTS.index(point))[1], v, v.ndim)
    assert_close(dp.hvp(point.f, point.x, v), right)
    assert_close(dp.jvp(dp.grad(point.f), (point.x,), (v,))[1], right)
    assert_close(dp.grad(lambda x: np.sum(v * dp.grad(point.f)(x)))(point.x), right)


# ---------------------------------------------------------------------------- nothing is forgotten

OURS = {f: rule for f, rule in PRIMITIVES.items() if not f.__module__.startswith("tests")}
MODULES = {"numpy": np, "numpy.linalg": np.linalg, "operator": operator}


def without_special_points():
    """Linear functions: their rules hold no value, and their second derivative is 0 everywhere."""
    lines = [line.strip().split(": ") for line in LINEAR.strip().splitlines()]
    return {getattr(MODULES[module], name) for module, names in lines for name in names.split()
            if hasattr(MODULES[module], name)}


def test_every_rule_has_a_special_point_or_needs_none():
    curved = {f for f, rule in OURS.items() if not isinstance(rule, FlatPrimitive)}
    tested = {f for point in POINTS for f in point.functions}
    linear = without_special_points() & curved
    if missing := sorted(f.__name__ for f in curved - tested - linear):
        pytest.fail(
            f"{', '.join(missing)}: no special point. To POINTS in special_points.py add `at(f, program, x, "
            "exact)` where the derivatives are the hardest to get right; or, of a linear function, the name "
            "to LINEAR there.", pytrace=False)
    assert not tested & linear, "what has a special point is not in LINEAR"
    assert tested <= curved


# ---------------------------------------------------------------------------- higher orders


def nth(f, n):
    return f if n == 0 else nth(dp.grad(f), n - 1)


@pytest.mark.parametrize(("f", "x", "derivatives"), [
    (lambda x: x**3, 0.0, [0.0, 0.0, 0.0, 6.0, 0.0]),
    (lambda x: x**2.5, 4.0, [32.0, 20.0, 7.5, 0.9375]),
    (lambda x: 2.0**x, 0.0, [np.log(2.0) ** n for n in range(5)]),
    (lambda x: abs(x) ** 2, 0.0, [0.0, 0.0, 2.0, 0.0, 0.0]),
    (lambda x: np.cos(abs(x)), 0.0, [1.0, 0.0, -1.0]),
    (lambda x: np.exp(np.hypot(x, 0.0) ** 2), 0.0, [1.0, 0.0, 2.0]),
    (lambda x: np.linalg.det(np.stack([np.stack([x, 1.0 + 0 * x]), np.stack([0 * x, x * x])])), 0.0,
     [0.0, 0.0, 0.0, 6.0, 0.0]),
])
def test_higher_derivatives(f, x, derivatives):
    assert_close([nth(f, n)(x) for n in range(len(derivatives))], np.array(derivatives))


@pytest.mark.parametrize("diagonal", [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
def test_third_derivative_of_a_determinant(diagonal):
    """Of three rows and columns it is the permutation's sign, wherever the matrix is."""
    third = dp.jacobian(dp.hessian(np.linalg.det))(np.diag(diagonal))
    signs = np.zeros((3, 3, 3))
    for p in itertools.permutations(range(3)):
        signs[p] = sign(p)
    right = np.einsum("ikm,jln->ijklmn", signs, signs)
    np.testing.assert_allclose(third, right, atol=1e-12)


# ---------------------------------------------------------------------------- compiled


@pytest.mark.parametrize(("f", "x", "hessian"), [
    (lambda z: z[0] ** z[1], [2.0, 0.0], [[0.0, 0.5], [0.5, np.log(2.0) ** 2]]),
    (lambda z: np.linalg.norm(z) ** 2, [0.0, 0.0], 2 * np.eye(2)),
    (lambda z: np.sum(np.abs(z) ** 2), [0.0, 1.0], 2 * np.eye(2)),
])
def test_compiled(f, x, hessian):
    assert_close(dp.hessian(dp.compile(f))(np.array(x)), np.array(hessian))
    assert_close(dp.jacobian(dp.compile(dp.grad(f)))(np.array(x)), np.array(hessian))
