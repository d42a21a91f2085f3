"""Every simulator: values and gradients of its compiled form equal those of the plain one."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.sims import cartpole, pendulum, trebuchet

from .programs import assert_equal

RNG = np.random.default_rng(0)


def swing(gain, theta, speed):
    """The cost of 30 steps of a pendulum under a simple controller."""
    def step(state, _):
        torque = 2.0 * np.tanh(gain[0] * np.sin(state.theta) + gain[1] * state.rate)
        return pendulum.step(state, torque), pendulum.cost(state, torque)

    last, costs = dp.scan(step, pendulum.State(theta, speed), length=30)
    return np.sum(costs) + np.sum(last.theta ** 2)


def balance(gains, *start):
    def step(state, _):
        push = np.tanh(gains @ cartpole.observe(state))
        return cartpole.step(state, push), (state.x, cartpole.energy(state))

    last, (track, energies) = dp.scan(step, cartpole.State(*start), length=25)
    return np.sum(track ** 2) + last.theta ** 2 + 1e-3 * np.sum(energies)


def check(f, *args):
    everything = tuple(range(len(args)))
    compiled = dp.compile(f)
    assert_equal(compiled(*args), f(*args))
    assert_equal(dp.value_and_grad(compiled, everything)(*args), dp.value_and_grad(f, everything)(*args))


@pytest.mark.parametrize("start", [(2.0, 0.5), (-3.1, -7.9), (1e-3, 0.0)])
def test_pendulum(start):
    check(swing, np.array([1.5, -0.4]), *start)


def test_batch_of_pendulums():
    check(swing, np.array([1.5, -0.4]), RNG.uniform(-3, 3, 7), RNG.uniform(-8, 8, 7))


def test_cartpole():
    check(balance, np.array([0.3, 0.8, 9.0, 1.7])[: len(cartpole.observe(cartpole.start(RNG)))],
          *cartpole.start(RNG))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("throw", [(-2.0, 45.0, 200.0), (3.0, 60.0, 400.0)])
def test_trebuchet(throw):
    """Run by Python, since Numba takes long over its adjoint; by Numba it is run in the demos' tests."""
    check(trebuchet.shoot, *throw)
