"""Programs of the suite: simulators and networks that tinydp comes with; and two that took long."""

import numpy as np
from numpy.random import default_rng

import tinydp as dp

from .tools import only_here, program, run

# ---------------------------------------------------------------------------- the suite's

@only_here
def pendulum_window():
    from benchmarks import harness, pendulum
    total = pendulum.total_cost(pendulum.SIZES)

    def loss(arrays, theta, rate):
        return total((theta, rate), harness.layers_of(arrays), pendulum.STEPS)

    return loss, (harness.parameters(pendulum.SIZES), *pendulum.starts(0))


@only_here
def pendulums_window():
    from benchmarks import harness, pendulum
    total = pendulum.total_cost(pendulum.SIZES)

    def loss(arrays, theta, rate):
        return np.sum(total((theta, rate), harness.layers_of(arrays), pendulum.BATCH_STEPS))

    return loss, (harness.parameters(pendulum.SIZES), *pendulum.starts(pendulum.BATCH))


@only_here
def trebuchet_shot():
    from benchmarks import trebuchet
    return trebuchet.throw, trebuchet.AT


@only_here
def pendulum_swing():
    from tinydp.sims import pendulum

    def swing(gain, theta, speed):
        def step(state, _):
            torque = 2.0 * np.tanh(gain[0] * np.sin(state.theta) + gain[1] * state.rate)
            return pendulum.step(state, torque), pendulum.cost(state, torque)

        last, costs = dp.scan(step, pendulum.State(theta, speed), length=30)
        return np.sum(costs) + last.theta ** 2

    return swing, (np.array([1.5, -0.4]), 2.0, 0.5)


@only_here
def cartpole_balance():
    from tinydp.sims import cartpole

    def balance(gains, *start):
        def step(state, _):
            push = np.tanh(gains @ cartpole.observe(state))
            return cartpole.step(state, push), (state.x, cartpole.energy(state))

        last, (track, energies) = dp.scan(step, cartpole.State(*start), length=25)
        return np.sum(track ** 2) + last.theta ** 2 + 1e-3 * np.sum(energies)

    size = len(cartpole.observe(cartpole.start(default_rng(0))))
    return balance, (np.array([0.3, 0.8, 9.0, 1.7, 0.1])[:size], *cartpole.start(default_rng(0)))


@only_here
def mlp_training():
    from benchmarks import harness
    from tinydp.nn import MLP
    sizes, rng = (10, 32, 32, 1), default_rng(0)
    net = MLP(sizes)

    def loss(arrays, x, y):
        return np.mean((net(harness.layers_of(arrays), x)[:, 0] - y) ** 2)

    return loss, (harness.parameters(sizes), rng.normal(size=(64, 10)), rng.normal(size=64))


@only_here
def pendulum_demo():
    """An update of the demo's training, which needs what the demos need."""
    from demos.pendulum import machine
    rng, how = default_rng(0), machine.RECIPES["batch"]
    pushes = rng.normal(size=(how.horizon[-1], how.windows))
    return machine.loss, (machine.new_controller(rng), machine.draw_starts(rng, how.windows), pushes,
                          np.ones(len(pushes)))


# ---------------------------------------------------------------------------- two that took long

@program
def python_loop():
    turn = np.array([[0.0, 1.0, 0.2], [-1.0, -0.1, 0.3], [0.1, -0.3, -0.2]])

    def unrolled(x, gain):
        total = 0.0
        for _ in range(40):
            pull = np.tanh(turn @ x) * gain
            x = x + 0.05 * (pull - x * np.sum(x * x))
            total = total + x[0] ** 2 + 0.1 * x[1] * x[2]
        return total

    return unrolled, (np.array([0.3, 0.5, -0.2]), 1.3)


@program
def many_carries():
    def diffuse(cells, rate):
        def step(now):
            return [x + rate * (now[(k + 1) % len(now)] - x) for k, x in enumerate(now)]

        return sum(x * x for x in run(step, cells, 50))

    return diffuse, ([float(x) for x in np.sin(np.arange(256.0))], 0.1)


# ---------------------------------------------------------------------------- what a used installation has

def every_kernel():
    """A program that is not timed: it calls what tinydp compiles once for all programs."""
    def f(matrix, row, speed):
        x = np.tanh(matrix @ matrix) + np.exp(-matrix) @ row[:, None] + row @ matrix + matrix @ row
        x = np.sin(x) * np.cos(x) + np.clip(x, -0.5, 0.5) + np.maximum(x, 0.1) + np.minimum(x, 0.2) + x % 3.0
        end = dp.integrate(lambda s, dt: (s[0] + dt * s[1], s[1] - dt), (1.0, speed), lambda s: s[0], dt=0.1)
        return np.sum(np.logaddexp(x, 0.0)) + end[0] + end[1] + row @ row

    return f, (np.linspace(-1.0, 1.0, 144).reshape(12, 12), np.linspace(0.0, 1.0, 12), 0.5)
