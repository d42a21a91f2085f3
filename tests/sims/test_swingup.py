"""The swing-up against the cart-pole it is, against physics, and its gradient against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.sims import cartpole
from tinydp.sims.swingup import (
    STANDARD,
    Params,
    State,
    cost,
    energy,
    failed,
    observe,
    rates,
    start,
    step,
)
from tinydp.testing import check_grads

numbers = st.floats(-4.0, 4.0)
states = st.builds(State, numbers, numbers, numbers, numbers)
HANGING = State(0.0, 0.0, np.pi, 0.0)


# ---------------------------------------------------------------------------- equations

@given(state=states, action=st.floats(-1.0, 1.0))
def test_its_rates_are_those_of_gymnasiums_cart_pole(state, action):
    """Euler's step divided by its length: another form of the same equations."""
    after = cartpole.step(state, action, cartpole.STANDARD._replace(dt=1.0))
    slopes = np.array(after) - np.array(state)
    np.testing.assert_allclose(rates(state, 10.0 * action), slopes, rtol=1e-11, atol=1e-11)


@given(state=states, force=st.floats(-10.0, 10.0), track=st.floats(0.0, 2.0), pivot=st.floats(0.0, 0.02))
def test_newtons_laws_hold(state, force, track, pivot):
    """Put back into the equations at the head of the module, no parameter as by default."""
    g, cart, pole, half = 9.0, 1.3, 0.4, 0.7
    params = Params(gravity=g, cart_mass=cart, pole_mass=pole, half_length=half, track=track, pivot=pivot)
    _, v, theta, omega = state
    speed, pull, rate, turn = rates(state, force, params)
    assert (speed, rate) == (v, omega)
    along = (cart + pole) * pull + pole * half * (turn * np.cos(theta) - omega**2 * np.sin(theta))
    around = 4 / 3 * pole * half**2 * turn + pole * half * pull * np.cos(theta)
    assert along == pytest.approx(force - track * v, abs=1e-9)
    assert around == pytest.approx(pole * g * half * np.sin(theta) - pivot * omega, abs=1e-9)


# ---------------------------------------------------------------------------- physics

def _run(state, action, params, seconds):
    states = [state]
    for _ in range(round(seconds / params.dt)):
        states.append(step(states[-1], action, params))
    return states


@pytest.mark.parametrize("state", [State(0.0, 1.0, 0.1, 0.0), State(0.0, 0.0, 2.0, 6.0)])
def test_without_a_push_the_energy_error_falls_as_its_method_promises(state):
    def drift(dt):
        energies = [energy(now) for now in _run(state, 0.0, STANDARD._replace(dt=dt), 4.0)]
        return np.max(np.abs(np.array(energies) - energies[0]))

    assert drift(STANDARD.dt) < 2e-3 * STANDARD.pole_mass * STANDARD.gravity     # 2 mm of height
    assert drift(0.02) / drift(0.01) > 0.8 * 2**4


def test_the_work_of_a_push_becomes_energy():
    first, *_, last = _run(HANGING, 0.7, STANDARD, 1.0)
    assert energy(last) - energy(first) == pytest.approx(7.0 * last.x, abs=1e-5)


def test_friction_takes_what_the_power_of_its_forces_says():
    params = STANDARD._replace(track=0.5, pivot=0.01, dt=0.001)
    states = _run(State(0.0, 1.0, 2.0, 3.0), 0.0, params, 1.0)
    power = [params.track * state.speed**2 + params.pivot * state.rate**2 for state in states]
    lost = energy(states[0], params) - energy(states[-1], params)
    assert lost == pytest.approx(np.trapezoid(power, dx=params.dt), rel=1e-5)


def test_a_small_swing_under_a_cart_that_is_held_has_the_period_of_a_rod():
    params = STANDARD._replace(cart_mass=1e9, dt=1e-3)
    period = 2 * np.pi * np.sqrt(4 * params.half_length / (3 * params.gravity))
    last = _run(HANGING._replace(theta=np.pi + 0.01), 0.0, params, period)[-1]
    assert last.theta == pytest.approx(np.pi + 0.01, abs=1e-6)


@given(state=states, action=st.floats(-1.0, 1.0))
def test_the_mirror_image_goes_the_mirrored_way(state, action):
    after, mirrored = step(state, action), step(State(*(-x for x in state)), -action)
    np.testing.assert_allclose(mirrored, [-x for x in after], rtol=1e-12, atol=1e-12)


def test_the_motor_gives_no_more_than_it_can():
    assert step(HANGING, 3.0) == step(HANGING, 1.0)
    assert dp.grad(lambda action: step(HANGING, action).speed)(1.5) == 0.0
    assert dp.grad(lambda action: step(HANGING, action).speed)(0.5) > 0.3


# ---------------------------------------------------------------------------- cost, start, end

def test_the_cost_is_least_upright_in_the_middle():
    assert cost(State(0.0, 1.0, 2 * np.pi, 1.0)) == 0.0
    assert cost(HANGING) == 1.0
    assert cost(State(STANDARD.max_x, 0.0, 0.0, 0.0)) == pytest.approx(0.1)


def test_it_fails_off_the_track_and_nowhere_else():
    assert not failed(State(2.4, 9.0, 9.0, 9.0))
    assert failed(State(np.array([-2.41, 0.0]), 0.0, 0.0, 0.0)).tolist() == [True, False]


def test_episodes_start_hanging_nearly_at_rest():
    states = start(np.random.default_rng(0), 1000)
    for part, middle in zip(states, HANGING, strict=True):
        assert part.shape == (1000,)
        assert np.all(np.abs(part - middle) <= 0.05)
        assert np.ptp(part) > 0.09


@given(st.lists(st.tuples(states, st.floats(-2.0, 2.0)), min_size=1, max_size=4))
def test_a_batch_equals_a_loop(rows):
    batch = State(*np.array([state for state, _ in rows]).T)
    actions = np.array([action for _, action in rows])
    after, seen, costs = step(batch, actions), observe(batch), cost(batch)
    assert seen.shape == (len(rows), 5)
    for k, (state, action) in enumerate(rows):
        np.testing.assert_allclose([part[k] for part in after], step(state, action), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(seen[k], observe(state), rtol=1e-12, atol=1e-12)
        assert costs[k] == pytest.approx(cost(state))


# ---------------------------------------------------------------------------- gradients

def _costs(start, actions, params):
    def advance(run, action):
        state, total = run
        state = step(state, action, params)
        return (state, total + cost(state, params)), None

    (_, total), _ = dp.scan(advance, (start, 0.0), actions)
    return total


def test_gradients_of_a_swing_equal_differences():
    actions = np.array([0.5, -0.3, 0.8, 0.2, -0.6])
    check_grads(_costs, (State(0.1, -0.2, 2.5, 1.0), actions, Params(track=0.3, pivot=0.01)), order=2)


def test_the_compiled_gradient_is_that_of_the_tape():
    given = State(0.1, -0.2, 2.5, 1.0), np.sin(np.arange(40.0)), Params(track=0.3, pivot=0.01)
    tape = dp.grad(_costs, argnums=(0, 1, 2))(*given)
    compiled = dp.grad(dp.compile(_costs), argnums=(0, 1, 2))(*given)
    for one, other in zip(tape, compiled, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-10, atol=1e-12)
