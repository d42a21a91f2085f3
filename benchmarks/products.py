"""Programs that are mostly products of matrices: a network's gradient, by the width of its layers.

An MLP N-N-N with tanh, a batch of N, the gradient of the mean squared output by both weights. The limit is
the same in NumPy by hand, whose products are a BLAS's.
"""

import functools

import numpy as np

from .harness import compare, show

WIDTHS = (16, 32, 64, 128, 256, 512, 1024)


def numbers(width):
    """Two weights and a batch."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(width, width)) / np.sqrt(width) for _ in range(3)]


def by_hand(width):
    """NumPy, forward and backward written out."""
    v, w, x = numbers(width)
    n = x.size

    def run():
        h = np.tanh(x @ v)
        y = h @ w
        g = y * (2 / n)
        gw = h.T @ g
        return np.sum(y * y) / n, x.T @ (g @ w.T * (1 - h * h)), gw

    return run


def tinydp(width):
    """Ours."""
    import tinydp as dp

    v, w, x = numbers(width)
    loss = dp.compile(lambda v, w, x: np.mean((np.tanh(x @ v) @ w) ** 2))
    gradient = dp.value_and_grad(loss, argnums=(0, 1))
    return lambda: gradient(v, w, x)


def jax(width):
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    v, w, x = map(jnp.asarray, numbers(width))
    gradient = jax.jit(jax.value_and_grad(lambda v, w, x: jnp.mean((jnp.tanh(x @ v) @ w) ** 2), (0, 1)))
    return lambda: jax.block_until_ready(gradient(v, w, x))


def flat(found):
    """All numbers of a result."""
    return np.concatenate([flat(x) for x in found]) if isinstance(found, tuple) else np.ravel(found)


PEERS = {"NumPy by hand": by_hand, "tinydp compiled": tinydp, "JAX jit": jax}


def main():
    """Print the tables; returns them as plain data."""
    data = {}
    for width in WIDTHS:
        peers = {name: functools.partial(peer, width) for name, peer in PEERS.items()}
        rows = compare(peers, 31, of_largest=True, numbers=flat)
        title = f"MLP of width {width}, a batch of {width}: value and gradient, microseconds"
        data[width] = show(title, rows)
    return data
