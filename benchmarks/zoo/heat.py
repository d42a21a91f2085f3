"""Heat conduction in a rod: which conductivity explains the temperatures that a probe has seen?

    u_t = a(x) u_xx,    u(0, t) = a given temperature,    u_x(L, t) = 0

Explicit in time, central in space (FTCS), the boundary conditions by index. LeVeque, Finite Difference
Methods for Ordinary and Partial Differential Equations, chapter 9.
"""

import numpy as np

import tinydp as dp

CHANGED = "3 messages: new = dp.set_at(new, ...) for each assignment to elements in step()."

CELLS, STEPS, PROBE = 60, 400, 20
DX, DT = 1.0 / CELLS, 1e-4


def heat(conductivity, start, stove):
    def step(u, t):
        new = u.copy()
        new = dp.set_at(new, np.s_[1:-1], u[1:-1] + DT
                        * conductivity[1:-1] * (u[2:] - 2 * u[1:-1] + u[:-2]) / DX ** 2)
        new = dp.set_at(new, 0, stove * (1.0 - np.exp(-t / 0.01)))
        new = dp.set_at(new, -1, new[-2])
        return new, new[PROBE]

    return dp.scan(step, start, DT * np.arange(STEPS))


def loss(conductivity, start, stove):
    _, seen = heat(conductivity, start, stove)
    measured = 0.5 * np.arange(STEPS) / STEPS
    return np.sum((seen - measured) ** 2) * DT


def arguments():
    x = np.linspace(0.0, 1.0, CELLS)
    return 0.8 + 0.3 * np.sin(3.0 * x), 0.2 * np.exp(-40.0 * (x - 0.7) ** 2), 1.5


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(conductivity, start, stove):
        def step(u, t):
            new = u.at[1:-1].add(DT * conductivity[1:-1] * (u[2:] - 2 * u[1:-1] + u[:-2]) / DX**2)
            new = new.at[0].set(stove * (1.0 - jnp.exp(-t / 0.01)))
            new = new.at[-1].set(new[-2])
            return new, new[PROBE]

        _, seen = jax.lax.scan(step, start, DT * jnp.arange(STEPS))
        return jnp.sum((seen - 0.5 * jnp.arange(STEPS) / STEPS) ** 2) * DT

    return loss
