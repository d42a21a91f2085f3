"""Integrators against closed forms, in every structure of state."""

from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.sims.integrators import euler, euler_within, rk4


class Spring(NamedTuple):
    x: float
    v: float


def _oscillate(state):
    return Spring(state.v, -state.x)


def _run(method, seconds, steps):
    state = Spring(1.0, 0.0)
    for _ in range(steps):
        state = method(_oscillate, state, seconds / steps)
    return state


@pytest.mark.parametrize(("method", "order"), [(euler, 1), (rk4, 4)])
def test_the_error_falls_with_the_order_of_the_method(method, order):
    coarse, fine = (abs(_run(method, 2.0, steps).x - np.cos(2.0)) for steps in (200, 400))
    assert coarse / fine == pytest.approx(2**order, rel=0.1)


def test_rk4_is_exact_for_a_cubic():
    state = rk4(lambda s: (1.0, 4 * s[0]**3), (0.5, 0.5**4), 1.5)
    assert state == pytest.approx((2.0, 16.0), rel=1e-15)


def test_euler_takes_the_tangent():
    assert euler(lambda x: -2 * x, 3.0, 0.5) == 0.0


@pytest.mark.parametrize("method", [euler, rk4, lambda f, x, dt: euler_within(f, x, dt, dt / 3)])
def test_a_state_keeps_its_structure(method):
    def f(s):
        spring, (a, rows), _ = s
        return _oscillate(spring), (2 * a, [-row for row in rows]), {"time": 1.0}

    state = (Spring(1.0, 2.0), (3.0, [np.ones((2, 3)), np.arange(2.0)]), {"time": 0.0})
    after = method(f, state, 0.1)
    spring, (a, rows), named = after
    assert type(spring) is Spring
    assert type(rows) is list
    assert [row.shape for row in rows] == [(2, 3), (2,)]
    assert spring == method(_oscillate, state[0], 0.1)
    assert a == method(lambda x: 2 * x, 3.0, 0.1)
    assert 0 < named["time"] <= 0.1
    assert state[2] == {"time": 0.0}


def test_a_state_of_another_structure_than_its_rates_is_refused():
    with pytest.raises(ValueError, match="zip"):
        rk4(lambda s: (1.0,), (1.0, 2.0), 0.1)


def test_within_a_step_the_cubic_has_both_ends_and_both_slopes():
    def at(h):
        return np.array(euler_within(_oscillate, Spring(0.3, -0.8), 0.2, h))

    first = Spring(0.3, -0.8)
    last = euler(_oscillate, first, 0.2)
    assert tuple(at(0.0)) == first
    np.testing.assert_allclose(at(0.2), last, rtol=1e-15)
    third_derivative = at(0.2) - 3 * at(0.2 / 3 * 2) + 3 * at(0.2 / 3) - at(0.0)
    for h, state in ((0.0, first), (0.2, last)):
        slope = (at(h + 1e-5) - at(h - 1e-5)) / 2e-5
        np.testing.assert_allclose(slope, _oscillate(state), rtol=1e-8)
    fourth = at(0.0) - 4 * at(0.05) + 6 * at(0.1) - 4 * at(0.15) + at(0.2)
    assert np.max(np.abs(third_derivative)) > 1e-4               # a cubic it is ...
    np.testing.assert_allclose(fourth, 0.0, atol=1e-15)          # ... and no more


def test_gradient_through_a_step_is_exact_for_a_linear_equation():
    """One step of RK4 multiplies by 1 + z + z²/2 + z³/6 + z⁴/24."""
    z = 0.3
    slope = dp.grad(lambda rate: rk4(lambda x: rate * x, 2.0, 1.0))(z)
    assert slope == pytest.approx(2 * (1 + z + z**2 / 2 + z**3 / 6), rel=1e-15)
