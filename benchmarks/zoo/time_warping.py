"""Dynamic time warping: how far apart two signals are if one may be stretched.

    D(i, j) = |a_i - b_j|^2 + min(D(i - 1, j), D(i, j - 1), D(i - 1, j - 1))

Sakoe and Chiba (1978); Rabiner and Juang, Fundamentals of Speech Recognition, section 4.7. A row at a time,
and each row from left to right: a loop in a loop.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

LONG, SHORT = 60, 50


def distance(a, b):
    def row(above, value):
        def cell(carry, column):
            left, corner = carry
            over, other = column
            d = (value - other) ** 2 + min(over, left, corner)
            return (d, over), d

        i, above = above[0], above[1]
        corner = 0.0 if i == 0 else np.inf
        _, new = dp.scan(cell, (np.inf, corner), (above, b))
        return (i + 1, new), None

    (_, last), _ = dp.scan(row, (0, np.full(len(b), np.inf)), a)
    return last[-1]


def loss(a, b, speed):
    stretched = np.interp(speed * np.arange(SHORT), np.arange(len(b)), b)
    return distance(a, stretched) / LONG


def arguments():
    t, s = np.linspace(0.0, 1.0, LONG), np.linspace(0.0, 1.0, SHORT)
    return np.sin(7.0 * t) + 0.05 * np.cos(40.0 * t), np.sin(7.0 * s**1.3), 0.93


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(a, b, speed):
        b = jnp.interp(speed * jnp.arange(SHORT), jnp.arange(len(b)), b)

        def row(carry, value):
            i, above = carry

            def cell(carry, column):
                left, corner = carry
                over, other = column
                d = (value - other) ** 2 + jnp.minimum(jnp.minimum(over, left), corner)
                return (d, over), d

            corner = jnp.where(i == 0, 0.0, jnp.inf)
            _, new = jax.lax.scan(cell, (jnp.inf, corner), (above, b))
            return (i + 1, new), None

        (_, last), _ = jax.lax.scan(row, (0, jnp.full(SHORT, jnp.inf)), a)
        return last[-1] / LONG

    return loss
