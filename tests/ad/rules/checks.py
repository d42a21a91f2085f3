"""What is asserted of every gradient rule, given one `Call` of its function.

`u` weighs the result and `v` moves the arguments, both at random; `g` is the gradient. A rule
is right if the sum of g * v is the derivative of the sum of u * y when the arguments move along v.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinydp import grad, vjp

from .cases import Case, DrawnCall
from .differences import derivative


class WrongGradient(AssertionError):
    """The gradient is further from the finite difference than the error bar allows."""


def check_value(call: DrawnCall) -> None:
    """The result under tracing has the shape of NumPy's own and, from arrays, the same bits."""
    y, expected = vjp(call, *call.xs)[0], call(*call.xs)
    assert np.shape(y) == np.shape(expected)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)
    call = call.contiguous()                     # NumPy rounds differently in arrays with gaps
    if all(np.ndim(x) for x in call.xs):
        y, expected = vjp(call, *call.xs)[0], call(*call.xs)
        assert np.asarray(y).tobytes() == np.asarray(expected, dtype=float).tobytes()


def check_types(call: DrawnCall) -> None:
    """A gradient has the type and shape of its argument."""
    y, pullback = vjp(call, *call.xs)
    for x, g in zip(call.xs, pullback(np.ones(np.shape(y))), strict=True):
        assert type(g) is type(x)
        assert np.shape(g) == np.shape(x)
        assert not isinstance(x, np.ndarray) or g.dtype == x.dtype


def check_first_order(call: DrawnCall) -> None:
    """The gradient equals finite differences."""
    rng = np.random.default_rng(call.seed)
    u = _direction(rng, call(*call.xs))
    _check_gradient(lambda *xs: u * call(*xs), vjp(call, *call.xs)[1](u), call.xs, rng)


def check_second_order(call: DrawnCall) -> None:
    """The gradient of the gradient along `v` equals finite differences of the latter.

    By the arguments, and by `u`, so that the rules that only a reverse sweep uses are seen.
    """
    rng = np.random.default_rng(call.seed)
    xs = (_direction(rng, call(*call.xs)), *call.xs)
    vs = [_direction(rng, x) for x in call.xs]

    def products(u: Any, *xs: Any) -> list:
        return [g * v for g, v in zip(vjp(call, *xs)[1](u), vs, strict=True)]

    _, pullback = vjp(lambda *xs: sum(np.sum(product) for product in products(*xs)), *xs)
    _check_gradient(lambda *xs: _flat(products(*xs)), pullback(1.0), xs, rng)


def check_values(call: DrawnCall) -> None:
    check_value(call)
    check_types(call)


def check_gradients(call: DrawnCall) -> None:
    check_first_order(call)
    check_second_order(call)


CHECKS = (check_values, check_gradients)


def check_flat(call: DrawnCall) -> None:
    """The result under tracing is NumPy's own, and the gradient is zero."""
    seen = []

    def total(*xs: Any) -> Any:
        seen.append(call(*xs))
        return sum(np.sum(part) for part in (seen[0] if isinstance(seen[0], tuple) else seen))

    gradients = grad(total, argnums=tuple(range(len(call.xs))))(*call.xs)
    np.testing.assert_equal(seen[0], call(*call.xs))
    for x, g in zip(call.xs, gradients, strict=True):
        np.testing.assert_equal(g, np.zeros(np.shape(x)))


def _check_gradient(f: Callable, gradients: tuple, xs: tuple, rng: np.random.Generator) -> None:
    """Compare `gradients` of the sum of `f(*xs)` with differences in a random direction."""
    vs = [_direction(rng, x) for x in xs]
    products = _flat([g * v for g, v in zip(gradients, vs, strict=True)])
    found = np.sum(products)
    expected, bar = derivative(lambda t: f(*(x + t * v for x, v in zip(xs, vs, strict=True))))
    allowed = 4 * bar + 1e-7 * np.sum(np.abs(products)) + 1e-10      # where all but round-off cancels
    if not abs(found - expected) <= allowed:
        raise WrongGradient(
            f"{found} should be {expected}; the difference allowed is {allowed:.1e}. A rule is wrong there; "
            "or the arguments are nearer than 0.04 to a kink, where no sampler of the case may draw.")


def _direction(rng: np.random.Generator, x: Any) -> Any:
    """Like `x`, of magnitudes near 1 and any signs."""
    v = rng.uniform(0.3, 1.0, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    return v if np.ndim(x) else float(v)


def _flat(arrays: list) -> np.ndarray:
    return np.concatenate([np.ravel(x) for x in arrays])


# ---------------------------------------------------------------------------- the tests of a table

def rules_test(cases: list[Case]) -> Callable:
    """The test, for pytest, of all rows of a table of rules."""
    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("case", cases, ids=str)
    @given(st.data())
    def test_rule(check: Callable, case: Case, data: Any) -> None:
        check(data.draw(case.calls()))

    return test_rule


def flat_test(cases: list[Case]) -> Callable:
    """The test of a table of functions whose derivative is zero."""
    @pytest.mark.parametrize("case", cases, ids=str)
    @given(st.data())
    def test_flat(case: Case, data: Any) -> None:
        check_flat(data.draw(case.calls()))

    return test_flat
