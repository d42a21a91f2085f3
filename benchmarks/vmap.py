"""A function of one example, mapped over many by `dp.vmap`, beside JAX's `vmap`.

An MLP 8-32-32-1 with tanh, 256 examples: the gradient of each one's squared error by all parameters, and that
of their mean. Then the pendulum, steered by an MLP 3-24-48-1, from 1,000 starts, 200 steps each, forwards,
and the gradient of the mean cost of 256 starts over 50 steps. All on one core; results are equal before
anything is timed.
"""

import functools

import numpy as np

from . import pendulum
from .harness import compare, flat, layers_of, parameters, show

SIZES, EXAMPLES = (8, 32, 32, 1), 256
STARTS, STEPS = 1_000, 200
TRAINED, SHORT = 256, 50


def examples():
    """Inputs of shape (256, 8), and a number for each."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(EXAMPLES, SIZES[0]))
    return x, np.sin(x[:, 0]) * x[:, 1]


def error(tanh, arrays, x, target):
    """The squared error of one example."""
    for k in range(0, len(arrays), 2):
        x = x @ arrays[k] + arrays[k + 1]
        x = tanh(x) if k < len(arrays) - 2 else x
    return (x[0] - target) ** 2


# ---------------------------------------------------------------------------- tinydp

def tinydp(each, parallel=False):
    """Ours: a gradient of each example, or that of the mean."""
    import tinydp as dp

    one = functools.partial(error, np.tanh)
    arrays, (x, target) = parameters(SIZES), examples()
    if each:
        run = dp.compile(dp.vmap(dp.grad(one), in_axes=(None, 0, 0)), parallel=parallel)
    else:
        losses = dp.vmap(one, in_axes=(None, 0, 0))
        run = dp.grad(dp.compile(lambda *args: np.mean(losses(*args)), parallel=parallel))
    return lambda: flat(0.0, run(arrays, x, target))


def tinydp_rollouts(trained, parallel=False):
    """Ours: the costs of all starts, or the gradient of their mean."""
    import tinydp as dp

    run = pendulum.total_cost(pendulum.SIZES)
    steps, (theta, rate) = SHORT if trained else STEPS, pendulum.starts(TRAINED if trained else STARTS)
    arrays = parameters(pendulum.SIZES)
    costs = dp.vmap(lambda arrays, *start: run(start, layers_of(arrays), steps), in_axes=(None, 0, 0))
    if not trained:
        costs = dp.compile(costs, parallel=parallel)
        return lambda: costs(arrays, theta, rate)
    gradient = dp.grad(dp.compile(lambda *args: np.mean(costs(*args)), parallel=parallel))
    return lambda: flat(0.0, gradient(arrays, theta, rate))


# ---------------------------------------------------------------------------- JAX

def jax(each):
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    one = functools.partial(error, jnp.tanh)
    arrays, (x, target) = [jnp.asarray(x) for x in parameters(SIZES)], map(jnp.asarray, examples())
    if each:
        run = jax.jit(jax.vmap(jax.grad(one), in_axes=(None, 0, 0)))
    else:
        losses = jax.vmap(one, in_axes=(None, 0, 0))
        run = jax.jit(jax.grad(lambda *args: jnp.mean(losses(*args))))
    return lambda: flat(0.0, run(arrays, x, target))


def jax_rollouts(trained):
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    steps = SHORT if trained else STEPS

    def one(arrays, theta, rate):
        def move(carry, _):
            theta, rate, total = carry
            theta, rate, cost = pendulum.dynamics(jnp, jnp.clip, jnp.stack, arrays, theta, rate)
            return (theta, rate, total + cost), None
        return jax.lax.scan(move, (theta, rate, 0.0), length=steps)[0][2]

    arrays = [jnp.asarray(x) for x in parameters(pendulum.SIZES)]
    theta, rate = map(jnp.asarray, pendulum.starts(TRAINED if trained else STARTS))
    costs = jax.vmap(one, in_axes=(None, 0, 0))
    if not trained:
        run = jax.jit(costs)
        return lambda: np.asarray(run(arrays, theta, rate))
    gradient = jax.jit(jax.grad(lambda *args: jnp.mean(costs(*args))))
    return lambda: flat(0.0, gradient(arrays, theta, rate))


CASES = {
    "a gradient of each of 256 examples, MLP 8-32-32-1": (tinydp, jax, True),
    "the gradient of their mean": (tinydp, jax, False),
    "pendulum and MLP 3-24-48-1, 1,000 starts, 200 steps": (tinydp_rollouts, jax_rollouts, False),
    "the gradient of the mean of 256 starts, 50 steps": (tinydp_rollouts, jax_rollouts, True)}


def main():
    """Print the tables; returns them as plain data."""
    data = {}
    for title, (ours, theirs, option) in CASES.items():
        peers = {"tinydp": functools.partial(ours, option), "JAX jit": functools.partial(theirs, option)}
        rows = compare(peers, rounds=51, rtol=1e-9, of_largest=True)
        data[title] = show(f"vmap: {title}, microseconds", rows)
    return data
