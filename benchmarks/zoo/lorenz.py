"""The Lorenz system, and where it must have started: data assimilation over a window (4D-Var).

    dx/dt = sigma (y - x),   dy/dt = x (rho - z) - y,   dz/dt = x y - beta z

E. N. Lorenz, "Deterministic nonperiodic flow", J. Atmos. Sci. 20 (1963), section 7; the window as in
E. Kalnay, Atmospheric Modeling, Data Assimilation and Predictability (2003), section 5.6.
"""

import numpy as np

import tinydp as dp

CHANGED = "1 message: np.stack for the np.array of traced values in lorenz()."
DT, STEPS, EVERY = 0.01, 200, 10                       # two units of time: errors grow about six times


def lorenz(state, sigma, rho, beta):
    """The rates of change."""
    x, y, z = state
    return np.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


def rk4(f, state, dt):
    """One step by the classical Runge-Kutta method."""
    k1 = f(state)
    k2 = f(state + dt / 2 * k1)
    k3 = f(state + dt / 2 * k2)
    k4 = f(state + dt * k3)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def loss(start, background, seen, sigma, rho, beta):
    """How badly a start explains what was seen, and how far it is from what was believed."""
    def step(state, _):
        state = rk4(lambda s: lorenz(s, sigma, rho, beta), state, DT)
        return state, state

    _, path = dp.scan(step, start, length=STEPS)
    misfit = path[EVERY - 1::EVERY] - seen
    return np.sum((start - background) ** 2) / 4.0 + np.sum(misfit ** 2) / 2.0


def arguments():
    """A start, the background, noisy observations of all variables, and the parameters."""
    rng = np.random.default_rng(0)
    state, seen = np.array([1.4, 1.6, 20.7]), []
    for k in range(1, STEPS + 1):
        state = rk4(lambda s: lorenz(s, 10.0, 28.0, 8 / 3), state, DT)
        if k % EVERY == 0:
            seen.append(state + rng.normal(size=3))
    return np.array([1.0, 2.0, 20.0]), np.array([1.5, 1.5, 21.0]), np.array(seen), 10.0, 28.0, 8 / 3


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(start, background, seen, sigma, rho, beta):
        def rates(s):
            x, y, z = s
            return jnp.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

        def step(state, _):
            state = rk4(rates, state, DT)
            return state, state

        _, path = jax.lax.scan(step, start, length=STEPS)
        misfit = path[EVERY - 1::EVERY] - seen
        return jnp.sum((start - background) ** 2) / 4.0 + jnp.sum(misfit ** 2) / 2.0

    return loss
