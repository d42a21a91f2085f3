"""The real pendulum is Gymnasium's where it is nominal, and obeys physics where it is not."""

import gymnasium
import numpy as np
import pytest

from tinydp.sims.worlds import evaluate, make, reveal
from tinydp.sims.worlds.pendulum import Pendulum, Truth


def _at(theta, rate, **truth):
    machine = Pendulum(Truth(**truth))
    machine.start(np.random.default_rng(0))
    machine.theta, machine.rate = theta, rate
    return machine


def test_the_nominal_world_is_gymnasiums_to_the_bit():
    world, gym = make("pendulum"), gymnasium.make("Pendulum-v1")
    assert np.array_equal(world.reset(seed=3)[0], gym.reset(seed=3)[0])
    for torque in np.random.default_rng(0).uniform(-3, 3, (200, 1)).astype(np.float32):
        one, other = world.step(torque), gym.step(torque)
        assert np.array_equal(one[0], other[0])
        assert one[1:] == other[1:]
    assert one[3]                                # it ends after 200 steps
    assert np.array_equal(world.reset()[0], gym.reset()[0])
    assert world.observation_space == gym.observation_space
    assert world.action_space == gym.action_space


@pytest.mark.parametrize(("mass", "length"), [(0.7, 1.2), (1.5, 0.8)])
def test_other_rods_are_gymnasiums_with_other_attributes(mass, length):
    machine, gym = _at(2.0, -1.0, mass=mass, length=length), gymnasium.make("Pendulum-v1").unwrapped
    gym.reset(seed=0)
    gym.m, gym.l, gym.state = mass, length, np.array([2.0, -1.0])
    for torque in (0.5, -1.5, 2.0):
        machine.step(np.array([torque]))
        gym.step(np.array([torque]))
        assert np.array_equal(machine.sense(), gym.state)


def test_a_weak_motor_gives_less():
    one, other = _at(1.0, 0.0, gain=0.5), _at(1.0, 0.0)
    one.step(np.array([2.0]))
    other.step(np.array([1.0]))
    assert np.array_equal(one.sense(), other.sense())


def test_viscous_friction_slows_in_proportion():
    free, rough = _at(0.0, 4.0), _at(0.0, 4.0, viscous=0.2)
    free.step(np.zeros(1))
    rough.step(np.zeros(1))
    assert free.rate - rough.rate == pytest.approx(3 * 0.2 * 4.0 * 0.05)


def test_coulombs_friction_stops_and_never_drives():
    rod = _at(np.pi, 0.02, coulomb=0.3)
    rod.step(np.zeros(1))
    assert rod.rate == 0.0
    for _ in range(50):                          # and holds it there, against what is weaker
        rod.step(np.array([0.25]))
    assert (rod.theta, rod.rate) == (np.pi, 0.0)
    rod.step(np.array([2.0]))
    assert rod.rate == pytest.approx(3 * (2.0 - 0.3) * 0.05)


def test_cogs_and_rubbing_depend_on_the_angle():
    free, cogs, rubs = _at(0.3, 4.0), _at(0.3, 4.0, cogging=0.5), _at(0.3, 4.0, rubbing=0.4)
    for rod in (free, cogs, rubs):
        rod.step(np.zeros(1))
    assert free.rate - cogs.rate == pytest.approx(3 * 0.5 * np.sin(4 * 0.3) * 0.05)
    assert free.rate - rubs.rate == pytest.approx(3 * 0.4 * (1 + np.sin(0.3)) / 2 * 4.0 * 0.05)


def test_no_seed_draws_what_has_no_parameter():
    assert all((reveal(make("pendulum", seed=seed)).cogging, reveal(make("pendulum", seed=seed)).rubbing)
               == (0.0, 0.0) for seed in range(5))


def test_what_is_observed_has_noise_of_the_size_told():
    world = make("pendulum", seed=0)
    rng, errors = np.random.default_rng(0), []
    machine = world._World__machine
    world.reset(seed=0)
    for _ in range(199):
        cosine, sine, rate = world.step(rng.uniform(-2, 2, 1))[0]
        theta = np.arctan2(sine, cosine)
        errors.append((np.sin(theta - machine.theta), rate - machine.rate))
        assert np.hypot(cosine, sine) == pytest.approx(1.0, abs=1e-6)
    truth = reveal(world)
    np.testing.assert_allclose(np.std(errors, axis=0), [truth.angle_noise, truth.rate_noise], rtol=0.2)


def test_rewards_of_learning_have_noise_and_those_of_the_judge_have_not():
    def total(world):
        world.reset(seed=0)
        return sum(world.step(np.zeros(1))[1] for _ in range(200))

    noisy, clean = make("pendulum", seed=0), make("pendulum", seed=0, angle_noise=0.0, rate_noise=0.0)
    judged = evaluate(noisy, lambda _: np.zeros(1), episodes=1).returns[0]
    assert judged == total(clean) != total(noisy)
