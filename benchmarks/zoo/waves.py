"""Waves on a membrane, started by a knock: full waveform inversion's forward model.

    u_tt = c(x, y)^2 (u_xx + u_yy) - s u_t + source

Leapfrog in time, a five-point Laplacian, a fixed rim, receivers at given cells. Strikwerda, Finite Difference
Schemes and Partial Differential Equations, chapter 8; the wavelet is Ricker's.
"""

import numpy as np

import tinydp as dp

CHANGED = "1 message: after = dp.add_at(after, SOURCE, ...) for after[SOURCE] += ... in step()."

SIZE, STEPS = 40, 150
DX, DT = 1.0, 0.4
SOURCE = (10, 20)
ROWS, COLUMNS = np.array([30, 30, 30, 30]), np.array([8, 16, 24, 32])


def ricker(t, frequency=0.06, delay=20.0):
    a = (np.pi * frequency * (t - delay)) ** 2
    return (1.0 - 2.0 * a) * np.exp(-a)


def laplacian(u):
    padded = np.pad(u, 1)
    return (padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2] - 4.0 * u) / DX**2


def seismograms(speed, damping, strength):
    def step(fields, k):
        before, now = fields
        force = speed**2 * laplacian(now) - damping * (now - before) / DT
        after = 2.0 * now - before + DT**2 * force
        if k < 100:
            after = dp.add_at(after, SOURCE, DT ** 2 * strength * ricker(DT * k))
        return (now, after), after[ROWS, COLUMNS]

    silence = np.zeros((SIZE, SIZE))
    _, heard = dp.scan(step, (silence, silence), np.arange(STEPS))
    return heard


def loss(speed, damping, strength):
    heard = seismograms(speed, damping, strength)
    return np.mean((heard - 0.1 * np.sin(0.2 * np.arange(STEPS))[:, None]) ** 2)


def arguments():
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    return 1.0 + 0.3 * np.exp(-30.0 * ((x - 0.5) ** 2 + (y - 0.6) ** 2)), 0.02, 3.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(speed, damping, strength):
        def step(fields, k):
            before, now = fields
            p = jnp.pad(now, 1)
            curvature = (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4.0 * now) / DX**2
            after = 2.0 * now - before + DT**2 * (speed**2 * curvature - damping * (now - before) / DT)
            a = (jnp.pi * 0.06 * (DT * k - 20.0)) ** 2
            wavelet = jnp.where(k < 100, (1.0 - 2.0 * a) * jnp.exp(-a), 0.0)
            after = after.at[SOURCE].add(DT**2 * strength * wavelet)
            return (now, after), after[ROWS, COLUMNS]

        silence = jnp.zeros((SIZE, SIZE))
        _, heard = jax.lax.scan(step, (silence, silence), jnp.arange(STEPS))
        return jnp.mean((heard - 0.1 * jnp.sin(0.2 * jnp.arange(STEPS))[:, None]) ** 2)

    return loss
