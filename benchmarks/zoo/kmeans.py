"""Clusters by Lloyd's algorithm: how the spread around the centres depends on the data and the start.

    label_i = argmin_k |x_i - c_k|,    c_k = the mean of the x with label k

Lloyd (1982); MacKay, Information Theory, Inference, and Learning Algorithms, chapter 20.
"""

import numpy as np

CHANGED = "1 message: np.sum(labels == k) for len(members) in lloyd()."

POINTS, CLUSTERS, ROUNDS = 150, 4, 10


def lloyd(x, centres):
    labels = None
    for _ in range(ROUNDS):
        before = labels
        apart = np.sum((x[:, None, :] - centres[None, :, :]) ** 2, axis=2)
        labels = apart.argmin(axis=1)
        if before is not None and np.array_equal(labels, before):
            break
        new = []
        for k in range(len(centres)):
            members = x[labels == k]
            if np.sum(labels == k) == 0:
                new.append(centres[k])
            else:
                new.append(members.mean(axis=0))
        centres = np.stack(new)
    return centres, labels


def loss(x, start, sharpness):
    centres, labels = lloyd(x, start)
    spread = np.sum((x - centres[labels]) ** 2, axis=1)
    sizes = np.bincount(labels, minlength=CLUSTERS)
    largest = centres[np.argsort(sizes)[-1]]
    return np.mean(1.0 - np.exp(-sharpness * spread)) + 0.1 * np.prod(np.cosh(0.1 * largest))


def arguments():
    rng = np.random.default_rng(19)
    centres = np.array([[0.0, 0.0], [4.0, 0.5], [1.0, 4.0], [-3.0, 2.0]])
    x = centres[rng.integers(0, CLUSTERS, size=POINTS)] + 1.1 * rng.normal(size=(POINTS, 2))
    return x, x[:CLUSTERS] + 0.01, 0.3


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(x, start, sharpness):
        def label(centres):
            return jnp.argmin(jnp.sum((x[:, None, :] - centres[None, :, :]) ** 2, axis=2), axis=1)

        def better(centres, _):              # a round that changes nothing may be made again
            labels = label(centres)
            sums = jax.ops.segment_sum(x, labels, CLUSTERS)
            sizes = jnp.bincount(labels, length=CLUSTERS)[:, None]
            return jnp.where(sizes == 0, centres, sums / jnp.maximum(sizes, 1)), labels

        centres, labels = jax.lax.scan(better, start, length=ROUNDS)
        labels = labels[-1]
        spread = jnp.sum((x - centres[labels]) ** 2, axis=1)
        largest = centres[jnp.argsort(jnp.bincount(labels, length=CLUSTERS))[-1]]
        return jnp.mean(1.0 - jnp.exp(-sharpness * spread)) + 0.1 * jnp.prod(jnp.cosh(0.1 * largest))

    return loss
