"""One step of training a small network: MLP 2-16-64-16-2 with tanh, a batch of 100.

A step is the gradient of the mean squared error by all 2,210 parameters, and gradient descent on
them. The limit is the same by hand: forward and backward in NumPy, one line an operation, with
nothing formed that is not needed. Engines run operation by operation, if they are not called compiled.
"""

import functools

import numpy as np

from .harness import compare, flat, layers_of, parameters, show

SIZES = (2, 16, 64, 16, 2)
BATCH = 100
RATE = 0.1


def examples(seed=1):
    """Inputs of shape (100, 2) and targets of shape (100, 2)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (BATCH, SIZES[0]))
    return x, np.stack([np.sin(3 * x[:, 0]), x[:, 0] * x[:, 1]], axis=1)


# ---------------------------------------------------------------------------- by hand

def by_hand():
    """NumPy, forward and backward written out."""
    x, target = examples()
    arrays = parameters(SIZES)
    n = target.size

    def step():
        w0, b0, w1, b1, w2, b2, w3, b3 = arrays
        h0 = np.tanh(x @ w0 + b0)
        h1 = np.tanh(h0 @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        error = h2 @ w3 + b3 - target
        loss = np.sum(error * error) / n

        g3 = error * (2 / n)
        g2 = g3 @ w3.T * (1 - h2 * h2)
        g1 = g2 @ w2.T * (1 - h1 * h1)
        g0 = g1 @ w1.T * (1 - h0 * h0)
        return loss, (w0 - RATE * (x.T @ g0), b0 - RATE * g0.sum(axis=0),
                      w1 - RATE * (h0.T @ g1), b1 - RATE * g1.sum(axis=0),
                      w2 - RATE * (h1.T @ g2), b2 - RATE * g2.sum(axis=0),
                      w3 - RATE * (h2.T @ g3), b3 - RATE * g3.sum(axis=0))

    return step


# ---------------------------------------------------------------------------- tinydp

def tinydp(compiled=False):
    """Ours, as a user writes it."""
    import tinydp as dp
    from tinydp.nn import MLP
    from tinydp.optim import SGD

    net, optimiser = MLP(SIZES), SGD(RATE)
    x, target = examples()
    params = layers_of(parameters(SIZES))
    state = optimiser.init(params)

    def loss(params):
        return np.mean((net(params, x) - target)**2)

    gradient = dp.value_and_grad(dp.compile(loss) if compiled else loss)

    def step():
        value, slopes = gradient(params)
        stepped, _ = optimiser.step(params, slopes, state)
        return value, [array for layer in stepped for array in layer]

    return step


# ---------------------------------------------------------------------------- peers

def error(tanh, mean, arrays, x, target):
    """The loss, for the other engines: the same formula, with their functions."""
    for k in range(0, len(arrays), 2):
        x = x @ arrays[k] + arrays[k + 1]
        x = tanh(x) if k < len(arrays) - 2 else x
    return mean((x - target)**2)


def jax():
    """JAX, the whole step compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    @jax.jit
    def compiled(arrays, x, target):
        gradient = jax.value_and_grad(lambda arrays: error(jnp.tanh, jnp.mean, arrays, x, target))
        value, slopes = gradient(arrays)
        return value, [array - RATE * slope for array, slope in zip(arrays, slopes, strict=True)]

    arrays = [jnp.asarray(x) for x in parameters(SIZES)]
    x, target = (jnp.asarray(x) for x in examples())
    return lambda: jax.block_until_ready(compiled(arrays, x, target))


def torch():
    """PyTorch, eager, on the CPU."""
    import torch

    torch.set_num_threads(1)
    arrays = [torch.tensor(x, requires_grad=True) for x in parameters(SIZES)]
    x, target = (torch.tensor(x) for x in examples())

    def step():
        value = error(torch.tanh, torch.mean, arrays, x, target)
        slopes = torch.autograd.grad(value, arrays)
        with torch.no_grad():
            return value.item(), [array - RATE * slope for array, slope in zip(arrays, slopes, strict=True)]
    return step


def autograd():
    """HIPS autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    x, target = examples()
    arrays = parameters(SIZES)
    gradient = value_and_grad(lambda arrays: error(anp.tanh, anp.mean, arrays, x, target))

    def step():
        value, slopes = gradient(arrays)
        return value, [array - RATE * slope for array, slope in zip(arrays, slopes, strict=True)]
    return step


PEERS = {"NumPy by hand": by_hand, "tinydp eager": tinydp,
         "tinydp compiled": functools.partial(tinydp, compiled=True), "JAX jit": jax, "PyTorch eager": torch,
         "autograd": autograd}


def all_numbers(prepare):
    """A peer's step, for its result."""
    step = prepare()
    return lambda: flat(*step())


def loss_alone(prepare):
    """A peer's step, for its time: nothing is put together that a training would not need."""
    step = prepare()
    return lambda: step()[0]


def main():
    """Print the table; returns it as plain data."""
    compare({name: functools.partial(all_numbers, peer) for name, peer in PEERS.items()}, rounds=1)
    rows = compare({name: functools.partial(loss_alone, peer) for name, peer in PEERS.items()}, rounds=1001)
    network = "-".join(map(str, SIZES))
    return show(f"mlp: {network}, batch {BATCH}: a gradient and a step down it, microseconds", rows)
