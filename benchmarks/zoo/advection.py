"""A cloud carried by the wind: the semi-Lagrangian scheme, which looks where the air came from.

    u_t + v(x) u_x = 0 on a ring:    u(x, t + dt) = u(x - v dt, t), by linear interpolation

Durran, Numerical Methods for Fluid Dynamics, chapter 7. Large steps are allowed: the feet of the
characteristics lie several cells away, at computed indices.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

CELLS, STEPS, DT = 128, 200, 0.02
DX = 1.0 / CELLS


def carry(cloud, wind):
    x = DX * np.arange(CELLS)

    def step(u, _):
        middle = x - 0.5 * DT * wind                         # the wind half a step upstream
        foot = (x - DT * sample(wind, middle)) % 1.0
        return sample(u, foot), None

    return dp.scan(step, cloud, length=STEPS)[0]


def sample(u, x):
    cell = np.floor(x / DX).astype(int)
    weight = x / DX - cell
    return (1.0 - weight) * u[cell % CELLS] + weight * u[(cell + 1) % CELLS]


def loss(cloud, wind):
    target = np.exp(-200.0 * (DX * np.arange(CELLS) - 0.7) ** 2)
    return np.sum((carry(cloud, wind) - target) ** 2) * DX


def arguments():
    x = DX * np.arange(CELLS)
    return np.exp(-100.0 * (x - 0.3) ** 2), 1.2 + 0.4 * np.sin(2.0 * np.pi * x)


def in_jax():
    import jax
    import jax.numpy as jnp

    def sample(u, x):
        cell = jnp.floor(x / DX).astype(int)
        weight = x / DX - cell
        return (1.0 - weight) * u[cell % CELLS] + weight * u[(cell + 1) % CELLS]

    def loss(cloud, wind):
        x = DX * jnp.arange(CELLS)

        def step(u, _):
            foot = (x - DT * sample(wind, x - 0.5 * DT * wind)) % 1.0
            return sample(u, foot), None

        u, _ = jax.lax.scan(step, cloud, length=STEPS)
        return jnp.sum((u - jnp.exp(-200.0 * (x - 0.7) ** 2)) ** 2) * DX

    return loss
