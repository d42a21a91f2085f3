"""A simulator that is told what it has no parameter for, and networks inside and without one."""

import numpy as np
import pytest

from demos.pendulum import bent, world
from demos.worlds.network import Bent
from tinydp.sims.pendulum import STANDARD, State, step
from tinydp.sims.worlds.pendulum import Pendulum, Truth

pytestmark = pytest.mark.demo


@pytest.mark.parametrize("effects", [{}, {"cogging": 0.8}, {"rubbing": 0.6},
                                     {"cogging": 0.3, "rubbing": 0.2}])
def test_told_the_truth_it_goes_as_the_world(effects):
    truth = Truth(mass=1.2, length=0.9, gain=0.8, viscous=0.0, coulomb=0.2, **effects)
    machine, known = Pendulum(truth), world.told(truth)
    machine.start(np.random.default_rng(0))
    state, rng = State(machine.theta, machine.rate), np.random.default_rng(1)
    for torque in rng.uniform(-2, 2, 20):
        machine.step(np.array([torque]))
        state = bent.move(state, torque, known)
    assert np.allclose(state, machine.sense(), atol=1e-9)


def test_before_any_measurement_a_network_says_nothing():
    known = world.RICHER.at(np.zeros(world.RICHER.size))
    plain = world.MODEL.at(np.zeros(world.MODEL.size))
    state = State(np.array([1.0, -2.0]), np.array([3.0, 0.1]))
    assert np.allclose(bent.move(state, 1.5, known), step(state, 1.5, plain))
    alone = bent.move_alone(state, 1.5, Bent(None, known.network))
    assert np.allclose(alone, State(state.theta + STANDARD.dt * state.rate, state.rate))


def test_a_network_sees_the_torque_that_the_motor_gives():
    network = bent.NET.init(np.random.default_rng(0))
    state = State(np.array([1.0]), np.array([2.0]))
    assert bent.said(network, state, 2.0) == bent.said(network, state, 5.0) != bent.said(network, state, 1.0)
