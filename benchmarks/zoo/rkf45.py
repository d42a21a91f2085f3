"""An eccentric orbit by Runge, Kutta and Fehlberg's method, which chooses its own steps.

    x'' = -mu x / |x|^3,    h <- 0.9 h (tolerance / error)^(1/5), within 0.2 and 5 times h

The fourth-order result goes on, the fifth-order one estimates its error. Fehlberg (1969); Hairer, Norsett and
Wanner, Solving Ordinary Differential Equations I, table II.5.1 and section II.4.
"""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp

CHANGED = ""

END, TOLERANCE = 12.0, 1e-7

A = [
    [],
    [1 / 4],
    [3 / 32, 9 / 32],
    [1932 / 2197, -7200 / 2197, 7296 / 2197],
    [439 / 216, -8.0, 3680 / 513, -845 / 4104],
    [-8 / 27, 2.0, -3544 / 2565, 1859 / 4104, -11 / 40],
]
FOURTH = [25 / 216, 0.0, 1408 / 2565, 2197 / 4104, -1 / 5, 0.0]
FIFTH = [16 / 135, 0.0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55]


class Flight(NamedTuple):
    t: Any                                   # seconds
    h: Any                                   # the next step
    y: Any                                   # place and speed, (4,)
    accepted: Any                            # how many steps
    rejected: Any


def loss(speed, mu):
    def rates(y):
        place = y[:2]
        return np.concatenate([y[2:], -mu * place / np.linalg.norm(place) ** 3])

    def step(now):
        h = min(now.h, END - now.t)
        slopes = []
        for row in A:
            slopes.append(rates(now.y + h * sum(a * k for a, k in zip(row, slopes, strict=True))))
        fourth = now.y + h * sum(b * k for b, k in zip(FOURTH, slopes, strict=True))
        fifth = now.y + h * sum(b * k for b, k in zip(FIFTH, slopes, strict=True))
        error = np.max(np.abs(fifth - fourth))
        factor = 0.9 * (TOLERANCE / max(error, 1e-16)) ** 0.2
        new = h * min(5.0, max(0.2, factor))
        if error <= TOLERANCE:
            return Flight(now.t + h, new, fourth, now.accepted + 1, now.rejected)
        return now._replace(h=new, rejected=now.rejected + 1)

    start = Flight(0.0, 0.1, np.concatenate([np.array([1.0, 0.0]), speed]), 0, 0)
    end = dp.while_loop(lambda now: now.t < END, step, start, max_steps=1000)
    return np.sum((end.y[:2] - np.array([0.5, 0.5])) ** 2)


def arguments():
    return np.array([0.1, 0.7]), 1.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(speed, mu):
        def rates(y):
            return jnp.concatenate([y[2:], -mu * y[:2] / jnp.linalg.norm(y[:2]) ** 3])

        def attempt(now):
            h = jnp.minimum(now.h, END - now.t)
            slopes = []
            for row in A:
                slopes.append(rates(now.y + h * sum(a * k for a, k in zip(row, slopes, strict=True))))
            fourth = now.y + h * sum(b * k for b, k in zip(FOURTH, slopes, strict=True))
            fifth = now.y + h * sum(b * k for b, k in zip(FIFTH, slopes, strict=True))
            error = jnp.max(jnp.abs(fifth - fourth))
            new = h * jnp.clip(0.9 * (TOLERANCE / jnp.maximum(error, 1e-16)) ** 0.2, 0.2, 5.0)
            good = Flight(now.t + h, new, fourth, now.accepted + 1, now.rejected)
            bad = now._replace(h=new, rejected=now.rejected + 1)
            return jax.tree.map(lambda a, b: jnp.where(error <= TOLERANCE, a, b), good, bad)

        def bounded(now, _):                 # at most 300 rounds: lax.while_loop has no reverse mode
            return jax.lax.cond(now.t < END, attempt, lambda same: same, now), None

        start = Flight(0.0, 0.1, jnp.concatenate([jnp.array([1.0, 0.0]), speed]), 0, 0)
        end, _ = jax.lax.scan(bounded, start, length=300)
        return jnp.sum((end.y[:2] - jnp.array([0.5, 0.5])) ** 2)

    return loss
