"""The cart-pole against Gymnasium, bit for bit, against physics, and its gradient against differences."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.sims.cartpole import (
    STANDARD,
    Params,
    State,
    energy,
    failed,
    gymnasium_action,
    observe,
    start,
    step,
)
from tinydp.testing import check_grads

numbers = st.floats(-4.0, 4.0) | st.floats(-0.05, 0.05)
states = st.builds(State, numbers, numbers, numbers, numbers)
actions = st.sampled_from([-1.0, 1.0])


@pytest.fixture(scope="module")
def gym():
    gymnasium = pytest.importorskip("gymnasium")
    return gymnasium.make("CartPole-v1").unwrapped


def _put(gym, state):
    gym.state, gym.steps_beyond_terminated = np.array(state), None


# ---------------------------------------------------------------------------- Gymnasium

@given(state=states, action=actions)
@example(state=State(2.4, 0.0, 0.0, 0.0), action=1.0)
@example(state=State(0.0, 0.0, -STANDARD.max_theta, 0.0), action=-1.0)
@example(state=State(-2.41, 0.0, 0.2, 3.0), action=-1.0)
@example(state=State(0.0, 1.0, np.pi / 2, 3.0), action=1.0)
def test_equals_gymnasium_bit_for_bit(gym, state, action):
    _put(gym, state)
    seen, _, terminated, *_ = gym.step(gymnasium_action(action))
    after = step(state, action)
    assert tuple(after) == tuple(gym.state)
    assert bool(failed(after)) == terminated
    assert np.array_equal(observe(after).astype(np.float32), seen)


@pytest.mark.parametrize("seed", range(20))
def test_equals_gymnasium_over_episodes_of_random_pushes(gym, seed):
    """Far beyond the fall too, round and round."""
    seen, _ = gym.reset(seed=seed)
    state = start(np.random.default_rng(seed))
    assert tuple(state) == tuple(gym.state)
    assert np.array_equal(observe(state).astype(np.float32), seen)
    gym.steps_beyond_terminated = 1              # or it warns of going on
    for action in np.random.default_rng(seed + 1000).choice([-1.0, 1.0], 200):
        _, _, terminated, *_ = gym.step(gymnasium_action(action))
        state = step(state, action)
        assert tuple(state) == tuple(gym.state)
        assert bool(failed(state)) == terminated


def test_a_batch_of_starts_is_that_of_resets_in_a_row(gym):
    batch = start(np.random.default_rng(3), 5)
    gym.reset(seed=3)
    for k in range(5):
        assert [number[k] for number in batch] == list(gym.state)
        gym.reset()


@given(st.lists(st.tuples(states, actions), min_size=1, max_size=40))
def test_a_batch_equals_gymnasium_bit_for_bit(gym, rows):
    """Evaluations of thousands of steps rely on it."""
    batch = State(*np.array([state for state, _ in rows]).T)
    after = step(batch, np.array([action for _, action in rows]))
    fallen, seen = failed(after), observe(after)
    assert seen.shape == (len(rows), 4)
    for k, (state, action) in enumerate(rows):
        _put(gym, state)
        _, _, terminated, *_ = gym.step(gymnasium_action(action))
        assert tuple(seen[k]) == tuple(gym.state)
        assert fallen[k] == terminated


def test_the_limits_are_those_of_gymnasium(gym):
    assert STANDARD.max_x == gym.x_threshold
    assert STANDARD.max_theta == gym.theta_threshold_radians
    assert not failed(State(2.4, 0.0, -STANDARD.max_theta, 0.0))
    assert failed(State(np.nextafter(2.4, 3.0), 0.0, 0.0, 0.0))
    assert failed(State(0.0, 0.0, np.nextafter(-STANDARD.max_theta, -1.0), 0.0))


def test_actions_for_gymnasium(gym):
    assert [gymnasium_action(action) for action in (-1.0, 1.0, dp.sign(0.0))] == [0, 1, 1]
    assert gym.action_space.contains(gymnasium_action(np.float64(-1.0)))
    assert list(gymnasium_action(np.array([-1.0, 1.0]))) == [0, 1]


def test_nothing_is_changed_in_place():
    state, action = start(np.random.default_rng(0), 3), np.array([1.0, -1.0, 1.0])
    for numbers in (*state, action):
        numbers.flags.writeable = False
    step(state, action)
    failed(state)
    observe(state)


# ---------------------------------------------------------------------------- physics

def _run(state, action, params, seconds):
    states = [state]
    for _ in range(round(seconds / params.dt)):
        states.append(step(states[-1], action, params))
    return states


@pytest.mark.parametrize("state", [State(0.0, 0.0, 0.2, 0.0), State(1.0, -2.0, 2.0, 3.0)])
def test_without_a_push_the_energy_error_falls_linearly_with_the_step(state):
    params = Params(cart_mass=0.8, pole_mass=0.3, half_length=0.6)

    def drift(dt):
        fine = params._replace(dt=dt)
        energies = [energy(state, fine) for state in _run(state, 0.0, fine, 1.0)]
        return np.max(np.abs(np.array(energies) - energies[0]))

    assert drift(5e-4) < 0.02
    assert drift(5e-4) / drift(2.5e-4) == pytest.approx(2.0, rel=0.05)


def test_the_work_of_a_push_becomes_energy():
    params = Params(dt=1e-4)
    first, *_, last = _run(State(0.5, 0.3, 0.1, 0.0), 0.4, params, 1.0)
    work = 0.4 * params.push * (last.x - first.x)
    assert energy(last, params) - energy(first, params) == pytest.approx(work, abs=2e-3)


def test_a_push_becomes_momentum():
    params = Params(dt=1e-4)

    def momentum(state):
        lever = params.pole_mass * params.half_length * np.cos(state.theta)
        return (params.cart_mass + params.pole_mass) * state.speed + lever * state.rate

    first, *_, last = _run(State(0.0, 0.0, 0.5, -1.0), -0.3, params, 1.0)
    assert momentum(last) - momentum(first) == pytest.approx(-0.3 * params.push, abs=1e-3)


@pytest.mark.parametrize("action", [0.0, 1e-4, -1e-4])
def test_small_angles_grow_as_in_the_closed_form(action):
    """A cosh around the angle at which the push would hold the pole; the cart by the momentum."""
    params, seconds, theta, rate, speed = Params(dt=1e-4), 1.0, 1e-4, -2e-4, 3e-4
    mass = params.cart_mass + params.pole_mass
    force = action * params.push
    held = force / (mass * params.gravity)
    growth = np.sqrt(params.gravity / (params.half_length * (4 / 3 - params.pole_mass / mass)))
    angle = held + (theta - held) * np.cosh(growth * seconds) + rate / growth * np.sinh(growth * seconds)
    lever = params.pole_mass * params.half_length
    x = (force * seconds**2 / 2 + (mass * speed + lever * rate) * seconds - lever * (angle - theta)) / mass
    last = _run(State(0.0, speed, theta, rate), action, params, seconds)[-1]
    assert last.theta == pytest.approx(angle, rel=2e-3)
    assert last.x == pytest.approx(x, rel=2e-3)


def test_the_other_way_round_is_the_mirror_image():
    state, mirrored = State(0.3, -0.5, 0.1, 0.7), State(-0.3, 0.5, -0.1, -0.7)
    assert [-number for number in step(state, 1.0)] == list(step(mirrored, -1.0))


# ---------------------------------------------------------------------------- gradients

def _after(numbers, pushes, params=STANDARD):
    state = State(*numbers)
    for push in pushes:
        state = step(state, push, params)
    return state


@given(state=states, pushes=st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=4))
def test_gradient_equals_differences(state, pushes):
    def f(numbers, pushes):
        last = _after([numbers[k] for k in range(4)], [pushes[k] for k in range(len(pushes))])
        return 0.3 * last.x + 0.5 * last.speed + last.theta + 0.7 * last.rate**2

    check_grads(f, (np.array(state), np.array(pushes)))


def test_gradient_with_respect_to_the_constants_equals_differences():
    def f(constants):
        gravity, cart, pole, length, push, dt = (constants[k] for k in range(6))
        params = Params(gravity, cart, pole, length, push, dt)
        return energy(_after([0.3, -0.5, 0.4, 1.0], [1.0, 0.5, -1.0], params), params)

    check_grads(f, (np.array([9.8, 1.0, 0.1, 0.5, 10.0, 0.02]),))


def test_gradient_of_a_batch_is_that_of_each():
    def gradient(numbers):
        return dp.grad(lambda *xs: np.sum(_after(xs, [1.0, -1.0, 1.0]).theta**2), (0, 1, 2, 3))(*numbers)

    batch = start(np.random.default_rng(0), 3)
    whole = gradient(batch)
    for k in range(3):
        one = gradient([number[k] for number in batch])
        np.testing.assert_allclose([g[k] for g in whole], one, rtol=1e-12, atol=1e-12)


def test_the_gradient_passes_straight_through_a_sign():
    """The controller's output moves the pole as if it were the push itself."""
    state = State(0.0, 0.1, 0.05, -0.2)
    through = dp.grad(lambda output: step(state, dp.sign(output)).rate)(0.3)
    assert through == dp.grad(lambda action: step(state, action).rate)(1.0) < 0


@pytest.mark.parametrize("speed", [-1.0, 0.0, 0.3])
@pytest.mark.parametrize("action", [1.0, -1.0])
def test_friction_is_that_of_a_real_track(speed, action):
    worlds = pytest.importorskip("tinydp.sims.worlds.cartpole")
    real = worlds.CartPole(worlds.Truth(friction=0.7, half_length=1.3))
    real.start(np.random.default_rng(0))
    real.state = np.array([0.1, speed, 0.05, -0.2])
    real.step(int(action > 0))
    found = step(State(0.1, speed, 0.05, -0.2), action, Params(friction=0.7, half_length=0.65))
    assert tuple(found) == pytest.approx(tuple(real.state), rel=1e-12, abs=1e-12)
