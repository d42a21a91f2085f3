"""The real swing-up is the simulator where it is nominal, and obeys physics where it is not."""

import numpy as np
import pytest

from tinydp.sims import swingup
from tinydp.sims.worlds import evaluate, make, reveal
from tinydp.sims.worlds.swingup import SwingUp, Truth


def _at(*state, **truth):
    machine = SwingUp(Truth(**truth))
    machine.start(np.random.default_rng(0))
    machine.state = np.array(state)
    return machine


def test_the_nominal_world_is_the_simulator_to_its_time_step():
    """Two forms of the equations, in steps of 10 and of 40 ms: after 1 s they are microns apart."""
    machine = _at(0.0, 0.0, np.pi, 0.0)
    state = swingup.State(*machine.sense())
    for push in np.random.default_rng(0).uniform(-1.0, 1.0, 25):
        machine.step(np.array([push]))
        state = swingup.step(state, push)
        np.testing.assert_allclose(machine.sense(), state, atol=5e-5)


def test_told_its_parameters_the_simulator_goes_the_same_way():
    truth = Truth(1.4, 1.8, 0.8, 1.2, 0.9, 0.009)
    machine = _at(0.3, -1.0, 2.0, 4.0, **truth._asdict())
    fine = swingup.Params(half_length=0.5 * truth.half_length, pole_mass=0.1 * truth.pole_mass,
                          cart_mass=truth.cart_mass, push=10.0 * truth.gain, track=truth.track,
                          pivot=truth.pivot, dt=0.01)
    state = swingup.State(*machine.sense())
    for push in (0.5, -0.7, 1.0):
        machine.step(np.array([push]))
        for _ in range(4):
            state = swingup.step(state, push, fine)
        np.testing.assert_allclose(machine.sense(), state, rtol=1e-12)


def test_its_time_step_is_fine_enough(monkeypatch):
    def after():
        machine = _at(0.0, 0.0, 2.0, 8.0, half_length=0.6)
        for _ in range(25):
            machine.step(np.array([0.3]))
        return machine.sense()

    coarse = after()
    monkeypatch.setattr("tinydp.sims.worlds.swingup.PARTS", 40)
    np.testing.assert_allclose(coarse, after(), atol=1e-5)


def test_pushes_are_cut_at_what_the_motor_can():
    one, other = _at(0.0, 0.0, 3.0, 0.0), _at(0.0, 0.0, 3.0, 0.0)
    one.step(np.array([5.0]))
    other.step(np.array([1.0]))
    assert np.array_equal(one.sense(), other.sense())


def test_an_episode_ends_off_the_track_or_after_250_steps():
    world = make("swingup", seed=0)
    world.reset(seed=0)
    ended, steps = False, 0
    while not ended:
        _, _, ended, truncated, _ = world.step(np.array([1.0]))
        steps += 1
        assert not truncated
    assert steps < 60
    world.reset(seed=0)
    ends = [world.step(np.zeros(1))[2:4] for _ in range(250)]
    assert ends == [(False, False)] * 249 + [(False, True)]


def test_hanging_is_worth_nothing_and_upright_one_a_step():
    machine = _at(0.0, 0.0, 0.0, 0.0)
    assert machine.reward(None, None, np.zeros(4)) == 1.0
    assert machine.reward(None, None, np.array([0.0, 1.0, np.pi, 1.0])) == 0.0
    assert machine.reward(None, None, np.array([2.4, 0.0, 0.0, 0.0])) == pytest.approx(0.9)
    found = evaluate(make("swingup", seed=0), lambda seen: np.zeros(1), episodes=3)
    assert np.all(np.abs(found.returns) < 1.0)


def test_what_is_observed_has_noise_of_the_size_told():
    world = make("swingup", seed=0)
    world.reset(seed=0)
    machine, errors = world._World__machine, []
    for push in np.random.default_rng(0).uniform(-1, 1, 240):
        x, speed, cosine, sine, rate = world.step(np.array([push]))[0]
        error = np.array([x, speed, np.arctan2(sine, cosine), rate]) - machine.state
        error[2] = np.sin(error[2])                      # whatever the turns
        errors.append(error)
        if abs(machine.state[0]) > 2.0:
            machine.state[0] = 0.0
    assert reveal(world).noise == 1.0
    np.testing.assert_allclose(np.std(errors, axis=0), [0.002, 0.02, 0.005, 0.05], rtol=0.2)
