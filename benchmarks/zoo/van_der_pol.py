"""Van der Pol's oscillator with a wanted swing and a wanted speed.

    x'' - mu (1 - x^2) x' + x = 0

B. van der Pol, Phil. Mag. 2 (1926); S. H. Strogatz, Nonlinear Dynamics and Chaos (1994), section 7.1. The
amplitude is the largest |x| of the second half; the last crossing upwards is found on a straight line.
"""

import tinydp as dp

CHANGED = ""
DT, STEPS = 0.01, 2000


def step_rk4(x, v, mu):
    """One step by the classical Runge-Kutta method."""
    def acceleration(x, v):
        return mu * (1 - x ** 2) * v - x

    k1x, k1v = v, acceleration(x, v)
    k2x, k2v = v + DT / 2 * k1v, acceleration(x + DT / 2 * k1x, v + DT / 2 * k1v)
    k3x, k3v = v + DT / 2 * k2v, acceleration(x + DT / 2 * k2x, v + DT / 2 * k2v)
    k4x, k4v = v + DT * k3v, acceleration(x + DT * k3x, v + DT * k3v)
    return x + DT / 6 * (k1x + 2 * k2x + 2 * k3x + k4x), v + DT / 6 * (k1v + 2 * k2v + 2 * k3v + k4v)


def loss(mu, x, v):
    """The errors of the amplitude (wanted: 2.1) and of the last crossing (wanted: at 19.0)."""
    def step(state, k):
        x, v, amplitude, crossing = state
        before = x
        x, v = step_rk4(x, v, mu)
        if k >= STEPS // 2:
            amplitude = max(amplitude, abs(x))
        if before < 0 <= x:                            # upwards; on the straight line between the two
            crossing = (k + before / (before - x)) * DT
        return (x, v, amplitude, crossing), None

    (x, v, amplitude, crossing), _ = dp.scan(step, (x, v, 0.0, 0.0), xs=range(STEPS))
    return (amplitude - 2.1) ** 2 + (crossing - 19.0) ** 2


def arguments():
    """The damping, and the start."""
    return 1.5, 0.5, 0.0


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(mu, x, v):
        def step(state, k):
            x, v, amplitude, crossing = state
            before = x
            x, v = step_rk4(x, v, mu)
            amplitude = jnp.where(k >= STEPS // 2, jnp.maximum(amplitude, jnp.abs(x)), amplitude)
            up = (before < 0) & (x >= 0)
            gap = jnp.where(up, before - x, 1.0)
            crossing = jnp.where(up, (k + before / gap) * DT, crossing)
            return (x, v, amplitude, crossing), None

        (x, v, amplitude, crossing), _ = jax.lax.scan(step, (x, v, 0.0, 0.0), jnp.arange(STEPS))
        return (amplitude - 2.1) ** 2 + (crossing - 19.0) ** 2

    return loss
