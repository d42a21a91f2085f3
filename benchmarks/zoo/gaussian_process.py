"""A Gaussian process with a slow and a seasonal part: the marginal likelihood of its data.

    log p(y) = -1/2 y' K^-1 y - 1/2 log |K| - n/2 log 2 pi

Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithm 2.1 and section 5.4.3.
"""

import numpy as np

CHANGED = ""

POINTS = 120
X = np.sort(np.random.default_rng(1).uniform(0.0, 10.0, size=POINTS))
Y = np.sin(2.0 * np.pi * X) + 0.1 * X**2 + 0.2 * np.random.default_rng(2).normal(size=POINTS)


def kernel(a, b, h):
    apart = a[:, None] - b[None, :]
    slow = h["trend"] ** 2 * np.exp(-0.5 * apart**2 / h["length"] ** 2)
    wave = -2.0 * np.sin(np.pi * np.abs(apart) / h["period"]) ** 2 / h["smoothness"] ** 2
    return slow + h["season"] ** 2 * np.exp(wave - 0.5 * apart**2 / h["decay"] ** 2)


def loss(h):
    K = kernel(X, X, h) + h["noise"] ** 2 * np.eye(POINTS)
    try:
        L = np.linalg.cholesky(K)
    except np.linalg.LinAlgError:
        L = np.linalg.cholesky(K + 1e-6 * np.trace(K) * np.eye(POINTS))
    centred = Y - h["mean"]
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, centred))
    return 0.5 * centred @ alpha + np.sum(np.log(np.diag(L))) + 0.5 * POINTS * np.log(2.0 * np.pi)


def arguments():
    return ({"trend": 3.0, "length": 4.0, "season": 1.0, "period": 1.05, "smoothness": 1.3, "decay": 8.0,
             "noise": 0.3, "mean": 2.0},)


def in_jax():
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_solve

    def kernel(a, b, h):
        apart = a[:, None] - b[None, :]
        slow = h["trend"] ** 2 * jnp.exp(-0.5 * apart**2 / h["length"] ** 2)
        wave = -2.0 * jnp.sin(jnp.pi * jnp.abs(apart) / h["period"]) ** 2 / h["smoothness"] ** 2
        return slow + h["season"] ** 2 * jnp.exp(wave - 0.5 * apart**2 / h["decay"] ** 2)

    def loss(h):
        L = jnp.linalg.cholesky(kernel(X, X, h) + h["noise"] ** 2 * jnp.eye(POINTS))
        centred = Y - h["mean"]
        alpha = cho_solve((L, True), centred)
        return 0.5 * centred @ alpha + jnp.sum(jnp.log(jnp.diag(L))) + 0.5 * POINTS * jnp.log(2.0 * jnp.pi)

    return loss
