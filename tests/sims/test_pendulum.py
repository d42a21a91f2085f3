"""The pendulum against Gymnasium, bit for bit, against physics, and its gradient against differences."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.sims.pendulum import Friction, Params, State, angle_normalize, cost, energy, observe, step

thetas = st.floats(-100.0, 100.0) | st.floats(-np.pi, np.pi)
rates = st.floats(-8.0, 8.0)
torques = st.floats(-5.0, 5.0)


@pytest.fixture(scope="module")
def gym():
    gymnasium = pytest.importorskip("gymnasium")
    return gymnasium.make("Pendulum-v1").unwrapped


@given(theta=thetas, rate=rates, torque=torques)
@example(theta=0.0, rate=8.0, torque=2.0)
@example(theta=np.pi, rate=-8.0, torque=-5.0)
@example(theta=-np.pi, rate=0.0, torque=2.0)
@example(theta=1.0, rate=8.0, torque=5.0)
def test_equals_gymnasium_bit_for_bit(gym, theta, rate, torque):
    gym.state = np.array([theta, rate])
    seen, reward, *_ = gym.step(np.array([torque]))
    after = step(State(theta, rate), torque)
    assert tuple(after) == tuple(gym.state)
    assert cost(State(theta, rate), torque) == -reward
    assert np.array_equal(observe(after).astype(np.float32), seen)


def test_equals_gymnasium_over_an_episode(gym):
    gym.reset(seed=0)
    rng = np.random.default_rng(0)
    state = State(*map(float, gym.state))
    for torque in rng.uniform(-3.0, 3.0, 200):
        _, reward, *_ = gym.step(np.array([torque]))
        assert -reward == cost(state, torque)
        state = step(state, torque)
        assert tuple(state) == tuple(gym.state)


@pytest.mark.parametrize("gravity", [9.81, 1.62])
def test_equals_gymnasium_under_other_gravity(gravity):
    gymnasium = pytest.importorskip("gymnasium")
    gym = gymnasium.make("Pendulum-v1", g=gravity).unwrapped
    gym.state = np.array([2.5, -1.5])
    gym.step(np.array([0.7]))
    assert tuple(step(State(2.5, -1.5), 0.7, Params(gravity=gravity))) == tuple(gym.state)


@given(st.lists(st.tuples(thetas, rates, torques), min_size=1, max_size=5))
def test_a_batch_equals_a_loop(rows):
    theta, rate, torque = np.array(rows).T
    batch = step(State(theta, rate), torque)
    costs, seen = cost(State(theta, rate), torque), observe(State(theta, rate))
    assert batch.theta.shape == batch.rate.shape == costs.shape == (len(rows),)
    assert seen.shape == (len(rows), 3)
    for i, (a, b, c) in enumerate(rows):
        one = State(a, b)
        np.testing.assert_allclose([x[i] for x in batch], step(one, c), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(costs[i], cost(one, c), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(seen[i], observe(one), rtol=1e-12, atol=1e-12)


@given(theta=thetas)
def test_a_normalized_angle_points_the_same_way(theta):
    assert -np.pi <= angle_normalize(theta) <= np.pi
    assert np.cos(angle_normalize(theta) - theta) == pytest.approx(1.0)
    assert dp.grad(angle_normalize)(theta) == 1.0


def test_nothing_is_changed_in_place():
    state, torque = State(np.array([1.0, 2.0]), np.array([8.0, -8.0])), np.array([5.0, -5.0])
    for x in (*state, torque):
        x.flags.writeable = False
    step(state, torque)
    cost(state, torque)
    observe(state)


# ---------------------------------------------------------------------------- physics

def _run(state, torque, params, seconds):
    states = [state]
    for _ in range(round(seconds / params.dt)):
        states.append(step(states[-1], torque, params))
    return states


@pytest.mark.parametrize(("theta", "rate"), [(1.0, 0.0), (3.0, 2.0), (-2.0, -1.0)])
def test_without_torque_the_energy_error_falls_linearly_with_the_step(theta, rate):
    def drift(dt):
        params = Params(dt=dt)
        energies = [energy(state, params) for state in _run(State(theta, rate), 0.0, params, 2.0)]
        return np.max(np.abs(np.array(energies) - energies[0]))

    assert drift(1e-3) < 0.05
    assert drift(1e-3) / drift(5e-4) == pytest.approx(2.0, rel=0.05)


def test_the_motors_work_becomes_energy():
    params = Params(dt=1e-4, mass=0.7, length=1.3)
    first, *_, last = _run(State(np.pi, 0.0), 1.5, params, 1.0)
    work = 1.5 * (last.theta - first.theta)
    assert energy(last, params) - energy(first, params) == pytest.approx(work, abs=1e-3)


def test_small_swings_have_the_period_of_a_rod():
    params = Params(dt=1e-4)
    period = 2 * np.pi * np.sqrt(2 * params.length / (3 * params.gravity))
    last = _run(State(np.pi + 0.01, 0.0), 0.0, params, period)[-1]
    assert last.theta == pytest.approx(np.pi + 0.01, abs=1e-5)


# ---------------------------------------------------------------------------- gradients

def _final_cost(theta, rate, torques, params):
    state = State(theta, rate)
    for torque in torques:
        state = step(state, torque, params)
    return cost(state, 0.0, params)


@given(theta=st.floats(-3.0, 3.0), rate=st.floats(-3.0, 3.0), torque=st.floats(-1.9, 1.9))
def test_gradient_equals_differences(theta, rate, torque):
    def f(x):
        return _final_cost(x[0], x[1], [x[2], -0.5 * x[2]] * 2, Params(gravity=x[3], mass=x[4], length=x[5]))

    x = np.array([theta, rate, torque, 10.0, 1.0, 1.0])
    end = State(theta, rate)
    for u in [torque, -0.5 * torque] * 2:
        end = step(end, u)
    assume(abs(end.rate) < 7.5)                                 # away from the clip ...
    assume(np.pi - abs(angle_normalize(end.theta)) > 1e-3)      # ... and from the jump at ±π
    h = 1e-5
    differences = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(6)]
    np.testing.assert_allclose(dp.grad(f)(x), differences, rtol=1e-6, atol=1e-6)


def test_gradient_of_a_batch_is_that_of_each():
    def gradient(theta, rate):
        total = lambda a, b: np.sum(_final_cost(a, b, [0.3, -0.4], Params()))
        return dp.grad(total, argnums=(0, 1))(theta, rate)

    theta, rate = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.0, -1.0])
    whole = gradient(theta, rate)
    for i in range(3):
        np.testing.assert_allclose([g[i] for g in whole], gradient(theta[i], rate[i]), rtol=1e-12, atol=1e-12)


def test_beyond_its_limit_torque_has_no_effect():
    force = dp.grad(lambda torque: step(State(1.0, 0.0), torque).rate)
    assert force(2.5) == 0.0
    assert force(1.5) == pytest.approx(3 * 0.05)


@given(theta=thetas, rate=rates, torque=torques, viscous=st.floats(0.0, 0.3), coulomb=st.floats(0.0, 0.5))
@example(theta=0.1, rate=0.01, torque=0.0, viscous=0.0, coulomb=0.5)
def test_friction_is_that_of_a_real_pendulum(theta, rate, torque, viscous, coulomb):
    worlds = pytest.importorskip("tinydp.sims.worlds.pendulum")
    real = worlds.Pendulum(worlds.Truth(viscous=viscous, coulomb=coulomb))
    real.theta, real.rate = theta, rate
    real.step(np.array([torque]))
    found = step(State(theta, rate), torque, Params(friction=Friction(viscous, coulomb)))
    assert tuple(found) == pytest.approx((real.theta, real.rate), rel=1e-12, abs=1e-12)


def test_no_friction_is_none_at_all():
    state = State(np.array([0.0, 3.0, 1.0]), np.array([0.0, 2.0, -1.0]))
    frictionless = Params(friction=Friction())
    for alone, given_none in zip(step(state, 0.5), step(state, 0.5, frictionless), strict=True):
        assert alone.tobytes() == given_none.tobytes()


def test_the_gradient_with_friction():
    def after(x):
        state = State(x[0], x[1])
        for _ in range(5):
            state = step(state, x[2], Params(length=x[3], friction=Friction(x[4], x[5])))
        return state.theta + state.rate**2

    dp.testing.check_grads(after, (np.array([2.5, 3.0, 0.5, 1.2, 0.1, 0.2]),))
