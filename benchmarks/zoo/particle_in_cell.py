"""Two beams of electrons that meet: particle in cell, charges to the grid, fields back to the particles.

    x' = v,    v' = -E(x),    dE/dx = 1 - n(x)

Birdsall and Langdon, Plasma Physics via Computer Simulation, chapters 2 and 5: linear weights, leapfrog.
"""

import numpy as np

import tinydp as dp

CHANGED = "2 messages: dp.add_at for np.add.at in deposit(), twice."

PARTICLES, CELLS, STEPS, DT = 400, 32, 100, 0.1
LENGTH = 4.0 * np.pi
DX = LENGTH / CELLS


def deposit(x):
    """The density on the grid, 1 in the mean; and for each particle its cell and its place in there."""
    left = np.floor(x / DX).astype(int)
    weight = x / DX - left
    density = np.zeros(CELLS)
    density = dp.add_at(density, left % CELLS, 1.0 - weight)
    density = dp.add_at(density, (left + 1) % CELLS, weight)
    return density * CELLS / PARTICLES, left, weight


def field(density):
    E = np.cumsum(1.0 - density) * DX
    return E - E.mean()


def loss(x, v, size):
    def step(state, _):
        x, v = state
        density, left, weight = deposit(x)
        E = field(density)
        here = (1.0 - weight) * E[left % CELLS] + weight * E[(left + 1) % CELLS]
        v = v - DT * here
        return ((x + DT * v) % LENGTH, v), 0.5 * DX * np.sum(E**2)

    bumped = (x + size * np.sin(2.0 * np.pi * x / LENGTH)) % LENGTH
    (_, v), energy = dp.scan(step, (bumped, v), length=STEPS)
    return np.log(energy[-1]) + 0.1 * np.mean(v**2) + np.mean(energy)


def arguments():
    rng = np.random.default_rng(12)
    x = LENGTH * (np.arange(PARTICLES) + 0.5) / PARTICLES
    v = np.where(np.arange(PARTICLES) % 2 == 0, 1.0, -1.0) + 0.01 * rng.normal(size=PARTICLES)
    return x, v, 0.1


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(x, v, size):
        def step(state, _):
            x, v = state
            left = jnp.floor(x / DX).astype(int)
            weight = x / DX - left
            density = jnp.zeros(CELLS).at[left % CELLS].add(1.0 - weight).at[(left + 1) % CELLS].add(weight)
            E = jnp.cumsum(1.0 - density * CELLS / PARTICLES) * DX
            E = E - E.mean()
            v = v - DT * ((1.0 - weight) * E[left % CELLS] + weight * E[(left + 1) % CELLS])
            return ((x + DT * v) % LENGTH, v), 0.5 * DX * jnp.sum(E**2)

        bumped = (x + size * jnp.sin(2.0 * jnp.pi * x / LENGTH)) % LENGTH
        (_, v), energy = jax.lax.scan(step, (bumped, v), length=STEPS)
        return jnp.log(energy[-1]) + 0.1 * jnp.mean(v**2) + jnp.mean(energy)

    return loss
