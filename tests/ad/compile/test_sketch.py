"""A compiled Jacobian is compared with the tape's by few sums of rows, which finds whatever is wrong."""

import functools

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import transforms
from tinydp.ad.compile import build, sketch
from tinydp.ad.errors import SelfCheckError
from tinydp.ad.watch import tracer

X = np.linspace(0.1, 1.0, 12)
W = np.sin(np.arange(144.0)).reshape(12, 12)


@pytest.fixture(autouse=True)
def first_calls_alone(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "first")


def mixed(x):
    return np.tanh(W @ x) * x[::-1]


def scalar(x):
    return np.sum(np.sin(W @ x) * x)


def several(x, y):
    return {"large": 1e9 * np.sin(x) * y, "small": 1e-9 * np.cos(W @ x), "number": np.sum(x) * y}


@pytest.fixture
def sweeps(monkeypatch):
    """A list that grows whenever the tape pulls back numbers, and not what a program is traced with."""
    made, swept = [], transforms.Pullback.swept

    def counted(pullback, seeds):
        if tracer() is None:
            made.append(len(seeds))
        return swept(pullback, seeds)

    monkeypatch.setattr(transforms.Pullback, "swept", counted)
    return made


@pytest.mark.parametrize(("make", "f", "most"), [(dp.jacobian, mixed, 2), (dp.hessian, scalar, 2)])
def test_few_sweeps_are_made(sweeps, make, f, most):
    found = make(dp.compile(f))(X)
    assert len(sweeps) == most
    assert np.allclose(found, make(f)(X), rtol=1e-12)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_structures(sweeps, argnums):
    found = dp.jacobian(dp.compile(several), argnums)(X, 2.0)
    assert len(sweeps) == 2 + 2 + 1
    expected = dp.jacobian(several, argnums)(X, 2.0)
    for name in expected:
        pairs = zip(found[name], expected[name], strict=True) if argnums == (0, 1) else [
            (found[name], expected[name])]
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b)))


def planted(monkeypatch, change):
    """Compiled programs whose last array but the two flags is changed, as by a pass that is wrong."""
    right = build.machine_code

    def wrong(*args):
        code = right(*args)

        def run(*given):
            *results, finite, as_traced = code.run(*given)
            return *[change(x.copy()) for x in results], finite, as_traced

        return code._replace(run=run)

    monkeypatch.setattr(build, "machine_code", wrong)


def one_element(jacobian, by):
    jacobian[7, 3] += by * np.max(np.abs(jacobian))
    return jacobian


def two_rows(jacobian):
    return jacobian[[0, 1, 2, 4, 3, *range(5, 12)]]


@pytest.mark.parametrize("change", [
    lambda j: one_element(j, 1e-6), lambda j: one_element(j, -1e-9), lambda j: one_element(j, 1e-10),
    lambda j: j.T.copy(), lambda j: -j, lambda j: j[::-1].copy(), two_rows, lambda j: j * (1.0 + 1e-9),
    lambda j: np.where(np.arange(12) == 11, 0.0, j), lambda j: np.where(np.arange(12)[:, None] == 0, 0.0, j),
    lambda j: one_element(j, np.nan)])
def test_a_wrong_jacobian_is_found(monkeypatch, change):
    planted(monkeypatch, change)
    with pytest.raises(SelfCheckError, match="is wrong"):
        dp.jacobian(dp.compile(mixed))(X)


def test_a_wrong_hessian_is_found(monkeypatch):
    planted(monkeypatch, lambda h: one_element(h, 1e-8))
    with pytest.raises(SelfCheckError, match="is wrong"):
        dp.hessian(dp.compile(scalar))(X)


def test_an_error_in_what_is_small_is_found(monkeypatch):
    """Beside a result that is 1e18 times as large."""
    planted(monkeypatch, lambda j: one_element(j, 1e-6) if np.max(np.abs(j)) < 1e-3 else j)
    with pytest.raises(SelfCheckError, match="is wrong"):
        dp.jacobian(dp.compile(lambda x: several(x, 2.0)))(X)


def test_every_element_of_a_jacobian_counts():
    """No element has so small a weight in both sums that an error of 1e-8 of the largest is missed."""
    f = dp.jacobian(mixed)
    right = f(X)
    for k in np.ndindex(right.shape):
        wrong = right.copy()
        wrong[k] += 1e-8 * np.max(np.abs(right))
        assert not sketch.is_jacobian(f, (X,), {}, wrong)
    assert sketch.is_jacobian(f, (X,), {}, right)


@pytest.mark.parametrize("found", [
    np.ones((12, 11)), np.ones((12, 12, 1)), [np.ones((12, 12))], (np.ones((12, 12)),), 1.0])
def test_another_form_is_not_seen_as_right(found):
    assert not sketch.is_jacobian(dp.jacobian(mixed), (X,), {}, found)


def test_a_function_that_looks_like_a_jacobian_is_none():
    """Attributes are copied by `functools.wraps`."""
    right = dp.jacobian(mixed)

    @functools.wraps(right)
    def doubled(x):
        return 2.0 * right(x)

    assert not sketch.is_jacobian(doubled, (X,), {}, right(X))
    assert np.allclose(dp.compile(doubled)(X), 2.0 * right(X))


def test_what_plain_python_raises_is_raised():
    def late(x):
        if tracer() is None:
            raise RuntimeError("not today")
        return np.sin(x)

    with pytest.raises(RuntimeError, match="not today"):
        dp.jacobian(dp.compile(late))(X)


def test_a_condition_in_the_structure_takes_all_rows(sweeps):
    found = dp.hessian(dp.compile(lambda p: scalar(p["x"]) * p["on"]))({"x": X, "on": True})
    assert np.allclose(found["x"]["x"], dp.hessian(scalar)(X), rtol=1e-12)
    assert found["on"] is True
    assert len(sweeps) > 12
