"""A gated recurrent unit that learns which letter comes next.

    z = sigmoid(W_z x + U_z h + b_z)
    r = sigmoid(W_r x + U_r h + b_r)
    c = tanh(W_h x + U_h (r * h) + b_h)
    h = z * h + (1 - z) * c

K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", EMNLP 2014, equations 5 to 8. The loss is the cross-entropy of the next letter, in nats.
"""

import numpy as np

import tinydp as dp

CHANGED = ""
TEXT = ("arma virumque cano troiae qui primus ab oris italiam fato profugus laviniaque venit litora multum "
        "ille et terris iactatus et alto vi superum saevae memorem iunonis ob iram")
LETTERS = sorted(set(TEXT))
HIDDEN = 32


def sigmoid(x):
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def log_softmax(x):
    """The logarithms of the probabilities."""
    x = x - np.max(x)
    return x - np.log(np.sum(np.exp(x)))


def cell(p, h, x):
    """The next state, after one letter."""
    z = sigmoid(p["W_z"] @ x + p["U_z"] @ h + p["b_z"])
    r = sigmoid(p["W_r"] @ x + p["U_r"] @ h + p["b_r"])
    c = np.tanh(p["W_h"] @ x + p["U_h"] @ (r * h) + p["b_h"])
    return z * h + (1 - z) * c


def loss(p):
    """The mean cross-entropy over the text."""
    text = np.array([LETTERS.index(letter) for letter in TEXT])

    def step(h, pair):
        letter, following = pair
        h = cell(p, h, p["embedding"][letter])
        scores = p["out"] @ h + p["b_out"]
        return h, -log_softmax(scores)[following]

    _, costs = dp.scan(step, np.zeros(HIDDEN), xs=(text[:-1], text[1:]))
    return np.mean(costs)


def arguments():
    """The weights."""
    rng = np.random.default_rng(6)
    n, m = HIDDEN, len(LETTERS)
    p = {"embedding": rng.normal(size=(m, 16)),
         "out": rng.normal(size=(m, n)) / n ** 0.5, "b_out": np.zeros(m)}
    for gate in "zrh":
        p[f"W_{gate}"] = rng.normal(size=(n, 16)) / 4
        p[f"U_{gate}"] = rng.normal(size=(n, n)) / n ** 0.5
        p[f"b_{gate}"] = np.zeros(n)
    return (p,)


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    text = jnp.array([LETTERS.index(letter) for letter in TEXT])

    def loss(p):
        def step(h, pair):
            letter, following = pair
            x = p["embedding"][letter]
            z = jax.nn.sigmoid(p["W_z"] @ x + p["U_z"] @ h + p["b_z"])
            r = jax.nn.sigmoid(p["W_r"] @ x + p["U_r"] @ h + p["b_r"])
            c = jnp.tanh(p["W_h"] @ x + p["U_h"] @ (r * h) + p["b_h"])
            h = z * h + (1 - z) * c
            return h, -jax.nn.log_softmax(p["out"] @ h + p["b_out"])[following]

        _, costs = jax.lax.scan(step, jnp.zeros(HIDDEN), (text[:-1], text[1:]))
        return jnp.mean(costs)

    return loss
