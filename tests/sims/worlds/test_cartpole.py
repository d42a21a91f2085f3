"""The real cart-pole is Gymnasium's where it is nominal, and obeys physics where it is not."""

import gymnasium
import numpy as np
import pytest

from tinydp.sims.worlds import make
from tinydp.sims.worlds.cartpole import CartPole, Truth


def _at(state, **truth):
    machine = CartPole(Truth(**truth))
    machine.start(np.random.default_rng(0))
    machine.state = np.array(state)
    return machine


def test_the_nominal_world_is_gymnasiums_to_the_bit():
    world, gym = make("cartpole"), gymnasium.make("CartPole-v1")
    assert np.array_equal(world.reset(seed=3)[0], gym.reset(seed=3)[0])
    for action in np.random.default_rng(0).integers(2, size=300):
        one, other = world.step(action), gym.step(action)
        assert np.array_equal(one[0], other[0])
        assert one[1:] == other[1:]
        if one[2]:
            assert np.array_equal(world.reset()[0], gym.reset()[0])
    assert world.observation_space == gym.observation_space
    assert world.action_space == gym.action_space


def test_other_machines_are_gymnasiums_with_other_attributes():
    machine = _at([0.1, 0.2, 0.05, -0.3], half_length=1.4, pole_mass=0.6, cart_mass=1.3, gain=1.1)
    gym = gymnasium.make("CartPole-v1").unwrapped
    gym.reset(seed=0)
    gym.length, gym.masspole, gym.masscart, gym.force_mag = 0.5 * 1.4, 0.1 * 0.6, 1.3, 10 * 1.1
    gym.total_mass, gym.polemass_length = gym.masspole + gym.masscart, gym.masspole * gym.length
    gym.state = (0.1, 0.2, 0.05, -0.3)
    for action in (1, 0, 0, 1):
        machine.step(action)
        gym.step(action)
        np.testing.assert_allclose(machine.sense(), gym.state, rtol=1e-14)


def test_a_push_is_late_by_the_delay():
    late, punctual = _at([0.0] * 4, delay=2), _at([0.0] * 4)
    for _ in range(2):
        late.step(1)
        assert not late.sense().any()
    late.step(0)
    punctual.step(1)
    assert np.array_equal(late.sense(), punctual.sense())
    late.step(0)
    punctual.step(1)
    late.step(0)
    punctual.step(0)
    assert np.array_equal(late.sense(), punctual.sense())


def test_the_track_works_against_the_motion():
    for v in (-1.0, 1.0):
        free, rough = _at([0.0, v, 0.0, 0.0]), _at([0.0, v, 0.0, 0.0], friction=1.0)
        free.step(1)
        rough.step(1)
        assert (free.sense()[1] - rough.sense()[1]) * v > 0.015


def test_what_is_observed_has_noise_of_the_size_told():
    world = make("cartpole", seed=0)
    machine, errors = world._World__machine, []
    world.reset(seed=0)
    for k in range(300):
        observation, _, terminated, *_ = world.step(k % 2)
        errors.append(observation - machine.sense())
        if terminated:
            world.reset()
    np.testing.assert_allclose(np.std(errors, axis=0), machine.noise, rtol=0.2)


def test_an_episode_of_500_steps_is_cut_off():
    world = make("cartpole")
    observation, _ = world.reset(seed=0)
    for k in range(500):
        x, v, theta, omega = observation
        action = int(theta + 0.5 * omega + 0.05 * x + 0.1 * v > 0)
        observation, reward, terminated, truncated, _ = world.step(action)
        assert reward == 1.0
        assert not terminated
        assert truncated == (k == 499)
    with pytest.raises(gymnasium.error.ResetNeeded):
        world.step(0)
