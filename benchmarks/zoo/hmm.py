"""A hidden Markov model: the log likelihood of what was observed, by the forward recursion in logarithms.

    log a_t(j) = log B(j, o_t) + log sum_i exp(log a_t-1(i) + log A(i, j))

Rabiner, A Tutorial on Hidden Markov Models (1989); Bishop, Pattern Recognition and Machine Learning,
section 13.2.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

STATES, SYMBOLS, LENGTH = 6, 10, 400
OBSERVED = np.random.default_rng(8).integers(0, SYMBOLS, size=LENGTH)


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def loss(transition, emission, initial):
    log_A, log_B = log_softmax(transition), log_softmax(emission)

    def forward(alpha, symbol):
        alpha = np.logaddexp.reduce(alpha[:, None] + log_A, axis=0) + log_B[:, symbol]
        return alpha, None

    alpha = log_softmax(initial) + log_B[:, OBSERVED[0]]
    alpha, _ = dp.scan(forward, alpha, OBSERVED[1:])
    return -np.logaddexp.reduce(alpha)


def arguments():
    rng = np.random.default_rng(9)
    return rng.normal(size=(STATES, STATES)), rng.normal(size=(STATES, SYMBOLS)), rng.normal(size=STATES)


def in_jax():
    import jax
    from jax.scipy.special import logsumexp

    def loss(transition, emission, initial):
        log_A, log_B = jax.nn.log_softmax(transition), jax.nn.log_softmax(emission)

        def forward(alpha, symbol):
            return logsumexp(alpha[:, None] + log_A, axis=0) + log_B[:, symbol], None

        alpha = jax.nn.log_softmax(initial) + log_B[:, OBSERVED[0]]
        return -logsumexp(jax.lax.scan(forward, alpha, OBSERVED[1:])[0])

    return loss
