"""Steps of an environment under a policy, forwards only: what an evaluation costs.

The pendulum, steered by an MLP 3-24-48-1, from 1,000 starts, 200 steps each. Figures are microseconds
a step, on one core.
"""

import functools

import numpy as np

from .harness import compare
from .pendulum import SIZES, dynamics, parameters, starts

STARTS, STEPS = 1_000, 200
GYMNASIUM_STARTS = 5                     # its loop is slow; every environment does the same


def total_cost():
    """The sum of the costs of one run, as a user of tinydp writes it."""
    import tinydp as dp
    from tinydp.nn import MLP, Layer
    from tinydp.sims.pendulum import State, cost, observe, step

    net = MLP(SIZES)

    def run(start, arrays, steps):
        layers = [Layer(weight, bias) for weight, bias in zip(arrays[::2], arrays[1::2], strict=True)]

        def move(carry, _):
            state, total = carry
            torque = 2.0 * np.tanh(net(layers, observe(state))[..., 0])
            return (step(state, torque), total + cost(state, torque)), None

        (_, total), _ = dp.scan(move, (State(*start), 0.0 * start[0]), length=steps)
        return total

    return run


def tinydp(block=None):
    """Ours: one program for one start, or a block of them, run for all."""
    from tinydp.sims.rollouts import rollouts

    run, start, arrays = rollouts(total_cost(), ("steps",), block), starts(STARTS), parameters()
    return lambda: run(start, arrays, STEPS)


def jax():
    """JAX, compiled, vmap over the starts."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    def run(arrays, theta, rate):
        def move(carry, _):
            theta, rate, total = carry
            theta, rate, cost = dynamics(jnp, jnp.clip, jnp.stack, arrays, theta, rate)
            return (theta, rate, total + cost), None
        return jax.lax.scan(move, (theta, rate, 0.0), length=STEPS)[0][2]

    all_runs = jax.jit(jax.vmap(run, in_axes=(None, 0, 0)))
    arrays, start = [jnp.asarray(x) for x in parameters()], [jnp.asarray(x) for x in starts(STARTS)]
    return lambda: np.asarray(all_runs(arrays, *start))


def gymnasium():
    """The usual loop over Gymnasium's environment; its costs are those of the same states."""
    import gymnasium

    arrays, (theta, rate) = parameters(), starts(STARTS)
    env = gymnasium.make("Pendulum-v1").unwrapped
    known = tinydp()()

    def run():
        totals = []
        for k in range(GYMNASIUM_STARTS):
            env.reset(seed=0)
            env.state = np.array([theta[k], rate[k]])
            total = 0.0
            for _ in range(STEPS):
                x = np.array([np.cos(env.state[0]), np.sin(env.state[0]), env.state[1]])
                for layer in range(3):
                    x = x @ arrays[2 * layer] + arrays[2 * layer + 1]
                    x = np.tanh(x) if layer < 2 else x
                total -= env.step(2.0 * np.tanh(x))[1]
            totals.append(total)
        return np.concatenate([totals, known[GYMNASIUM_STARTS:]])
    return run


PEERS = {"tinydp, blocks of 64": functools.partial(tinydp, 64), "tinydp, one by one": tinydp,
         "JAX jit, vmap": jax, "Gymnasium loop": gymnasium}


def main():
    """Print the table; returns it as plain data."""
    print("pendulum and MLP 3-24-48-1, environment steps: microseconds a step, one core")
    data = {}
    for row in compare(PEERS, rounds=15, rtol=1e-7):
        steps = STEPS * (GYMNASIUM_STARTS if "Gymnasium" in row.peer else STARTS)
        data[row.peer] = row.seconds / steps * 1e6
        print(f"  {row.peer:24s} {data[row.peer]:8.3f}")
    return data
