"""Fermi, Pasta, Ulam and Tsingou's chain of springs by the implicit midpoint rule: a root at each step.

    x_k'' = (x_k+1 - 2 x_k + x_k-1) (1 + a (x_k+1 - x_k-1)),    m = x + h/2 v + h^2/4 f(m)

Hairer, Lubich and Wanner, Geometric Numerical Integration, chapters I.5 and VI: the rule is symplectic.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

MASSES, STEPS, H = 12, 150, 0.3


def force(x, alpha):
    stretch = np.diff(x, prepend=0.0, append=0.0)
    pull = stretch + alpha * stretch**2
    return pull[1:] - pull[:-1]


def loss(x, v, alpha):
    def step(state, _):
        x, v = state
        middle = dp.root(lambda m: m - x - H / 2 * v - H**2 / 4 * force(m, alpha), x + H / 2 * v)
        a = force(middle, alpha)
        return (x + H * v + H**2 / 2 * a, v + H * a), x[0]

    (x, v), track = dp.scan(step, (x, v), length=STEPS)
    mode = np.sqrt(2.0 / (MASSES + 1)) * np.sin(2.0 * np.pi * np.arange(1, MASSES + 1) / (MASSES + 1))
    return 0.5 * (v @ mode) ** 2 + (x @ mode) ** 2 + np.mean(track**2)


def arguments():
    return np.sin(np.pi * np.arange(1, MASSES + 1) / (MASSES + 1)), np.zeros(MASSES), 0.25


def in_jax():
    import jax
    import jax.numpy as jnp

    def force(x, alpha):
        stretch = jnp.diff(x, prepend=0.0, append=0.0)
        pull = stretch + alpha * stretch**2
        return pull[1:] - pull[:-1]

    def newton(f, guess):
        def better(m):
            return m - jnp.linalg.solve(jax.jacfwd(f)(m), f(m))
        return jax.lax.while_loop(lambda m: jnp.max(jnp.abs(f(m))) > 1e-13, better, guess)

    def tangent(g, y):                       # g is linear
        return jnp.linalg.solve(jax.jacfwd(g)(jnp.zeros_like(y)), y)

    def loss(x, v, alpha):
        def step(state, _):
            x, v = state

            def residual(m):
                return m - x - H / 2 * v - H**2 / 4 * force(m, alpha)

            middle = jax.lax.custom_root(residual, x + H / 2 * v, newton, tangent)
            a = force(middle, alpha)
            return (x + H * v + H**2 / 2 * a, v + H * a), x[0]

        (x, v), track = jax.lax.scan(step, (x, v), length=STEPS)
        mode = jnp.sqrt(2.0 / (MASSES + 1)) * jnp.sin(2.0 * jnp.pi * jnp.arange(1, MASSES + 1) / (MASSES + 1))
        return 0.5 * (v @ mode) ** 2 + (x @ mode) ** 2 + jnp.mean(track**2)

    return loss
