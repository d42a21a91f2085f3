"""Steps of an environment under a policy, forwards only: what an evaluation costs.

The pendulum, steered by an MLP 3-24-48-1, from 1,000 starts, 200 steps each. Figures are microseconds
a step, on one core.
"""

import functools

import numpy as np

from .harness import compare, layers_of, parameters
from .pendulum import SIZES, dynamics, starts, total_cost

STARTS, STEPS = 1_000, 200
GYMNASIUM_STARTS = 5                     # its loop is slow; every environment does the same


def tinydp(block=None):
    """Ours: a program for one start, which is mapped over blocks, or for a block of them, run for all."""
    from tinydp.sims.rollouts import rollouts

    run, start = rollouts(total_cost(SIZES), ("steps",), block), starts(STARTS)
    layers = layers_of(parameters(SIZES))
    return lambda: run(start, layers, STEPS)


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
    arrays, start = [jnp.asarray(x) for x in parameters(SIZES)], [jnp.asarray(x) for x in starts(STARTS)]
    return lambda: np.asarray(all_runs(arrays, *start))


def gymnasium():
    """The usual loop over Gymnasium's environment; its costs are those of the same states."""
    import gymnasium

    arrays, (theta, rate) = parameters(SIZES), starts(STARTS)
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


PEERS = {"tinydp, blocks of 64": functools.partial(tinydp, 64), "tinydp, by vmap": tinydp,
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
