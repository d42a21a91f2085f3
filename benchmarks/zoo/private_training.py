"""Training that forgets whom it learned from: each example's gradient is clipped before they are averaged.

    g_i <- g_i min(1, C / |g_i|),    w <- w - rate (mean of g_i + noise)

Abadi et al., Deep Learning with Differential Privacy (2016), algorithm 1. Differentiated by where
training starts, how fast it goes and where it is clipped.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

ROUNDS, EXAMPLES, FEATURES, HIDDEN = 20, 32, 4, 6
_rng = np.random.default_rng(13)
X = _rng.normal(size=(EXAMPLES, FEATURES))
Y = (X[:, 0] * X[:, 1] > 0.0).astype(float)
NOISE = 0.02 * _rng.normal(size=(ROUNDS, HIDDEN))


def example_loss(w, x, y):
    hidden = np.tanh(x @ w["in"] + w["bias"])
    score = hidden @ w["out"]
    return np.logaddexp(0.0, score) - y * score


def clipped(w, x, y, limit):
    g = dp.grad(example_loss)(w, x, y)
    norm = np.sqrt(sum(np.sum(part**2) for part in g.values()))
    factor = min(1.0, limit / norm)
    return {name: part * factor for name, part in g.items()}


def loss(w, rate, limit):
    def train(w, noise):
        each = dp.vmap(clipped, in_axes=(None, 0, 0, None))(w, X, Y, limit)
        mean = {name: np.mean(g, axis=0) for name, g in each.items()}
        mean["out"] = mean["out"] + limit * noise
        return {name: w[name] - rate * mean[name] for name in w}, None

    w, _ = dp.scan(train, w, NOISE)
    return np.mean(dp.vmap(example_loss, in_axes=(None, 0, 0))(w, X, Y))


def arguments():
    rng = np.random.default_rng(14)
    w = {"in": rng.normal(size=(FEATURES, HIDDEN)), "bias": 0.1 * rng.normal(size=HIDDEN),
         "out": rng.normal(size=HIDDEN)}
    return w, 0.8, 0.7


def in_jax():
    import jax
    import jax.numpy as jnp

    def example_loss(w, x, y):
        score = jnp.tanh(x @ w["in"] + w["bias"]) @ w["out"]
        return jax.nn.softplus(score) - y * score

    def clipped(w, x, y, limit):
        g = jax.grad(example_loss)(w, x, y)
        norm = jnp.sqrt(sum(jnp.sum(part**2) for part in jax.tree.leaves(g)))
        return jax.tree.map(lambda part: part * jnp.minimum(1.0, limit / norm), g)

    def loss(w, rate, limit):
        def train(w, noise):
            each = jax.vmap(clipped, in_axes=(None, 0, 0, None))(w, X, Y, limit)
            mean = jax.tree.map(lambda g: jnp.mean(g, axis=0), each)
            mean["out"] = mean["out"] + limit * noise
            return jax.tree.map(lambda a, g: a - rate * g, w, mean), None

        w, _ = jax.lax.scan(train, w, NOISE)
        return jnp.mean(jax.vmap(example_loss, in_axes=(None, 0, 0))(w, X, Y))

    return loss
