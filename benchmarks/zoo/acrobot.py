"""The acrobot of Sutton, swung up by a controller: angles that wrap, velocities that are bounded.

Two links and a motor at the joint between them. `dsdt` has the equations of R. S. Sutton, "Generalization in
reinforcement learning: successful examples using sparse coarse coding", NIPS 8 (1996), as in R. S. Sutton and
A. G. Barto, Reinforcement Learning: An Introduction (1998), section 11.3, and in Gymnasium's Acrobot-v1: an
action lasts one step of Runge and Kutta of 0.2 s, `wrap` is by `while`, `bound` by `min` and `max`.
"""

import numpy as np

import tinydp as dp

CHANGED = ""
dt = 0.2
LINK_LENGTH_1 = 1.0                                    # [m]
LINK_MASS_1 = 1.0                                      # [kg]
LINK_MASS_2 = 1.0
LINK_COM_POS_1 = 0.5                                   # [m] from the joint
LINK_COM_POS_2 = 0.5
LINK_MOI = 1.0
MAX_VEL_1 = 4 * np.pi
MAX_VEL_2 = 9 * np.pi
STEPS = 100


def dsdt(s, torque):
    """The rates of change of two angles and two velocities."""
    m1, m2, l1, lc1, lc2 = LINK_MASS_1, LINK_MASS_2, LINK_LENGTH_1, LINK_COM_POS_1, LINK_COM_POS_2
    i1 = i2 = LINK_MOI
    g = 9.8
    theta1, theta2, dtheta1, dtheta2 = s
    d1 = m1 * lc1 ** 2 + m2 * (l1 ** 2 + lc2 ** 2 + 2 * l1 * lc2 * np.cos(theta2)) + i1 + i2
    d2 = m2 * (lc2 ** 2 + l1 * lc2 * np.cos(theta2)) + i2
    phi2 = m2 * lc2 * g * np.cos(theta1 + theta2 - np.pi / 2.0)
    phi1 = (-m2 * l1 * lc2 * dtheta2 ** 2 * np.sin(theta2)
            - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * np.sin(theta2)
            + (m1 * lc1 + m2 * l1) * g * np.cos(theta1 - np.pi / 2) + phi2)
    ddtheta2 = ((torque + d2 / d1 * phi1 - m2 * l1 * lc2 * dtheta1 ** 2 * np.sin(theta2) - phi2)
                / (m2 * lc2 ** 2 + i2 - d2 ** 2 / d1))
    ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
    return dtheta1, dtheta2, ddtheta1, ddtheta2


def rk4(derivs, y0, dt):
    """One step by the classical Runge-Kutta method, for a tuple."""
    def plus(h, k):
        return tuple(y + h * d for y, d in zip(y0, k, strict=True))

    k1 = derivs(y0)
    k2 = derivs(plus(dt / 2, k1))
    k3 = derivs(plus(dt / 2, k2))
    k4 = derivs(plus(dt, k3))
    return tuple(y + dt / 6.0 * (a + 2 * b + 2 * c + d)
                 for y, a, b, c, d in zip(y0, k1, k2, k3, k4, strict=True))


def wrap(x, m, M):
    """`x` between `m` and `M`, by whole turns."""
    diff = M - m
    while x > M:
        x = x - diff
    while x < m:
        x = x + diff
    return x


def bound(x, m, M):
    """`x`, or the bound that it has passed."""
    return min(max(x, m), M)


def loss(weights, bias, theta1, theta2):
    """How far below its highest point the tip stays, on average, and what the torque costs."""
    def step(s, _):
        theta1, theta2, dtheta1, dtheta2 = s
        features = np.stack([np.sin(theta1), np.cos(theta1), np.sin(theta2), np.cos(theta2),
                             dtheta1, dtheta2])
        torque = bound(weights @ features + bias, -1.0, 1.0)
        theta1, theta2, dtheta1, dtheta2 = rk4(lambda s: dsdt(s, torque), s, dt)
        theta1 = wrap(theta1, -np.pi, np.pi)
        theta2 = wrap(theta2, -np.pi, np.pi)
        dtheta1 = bound(dtheta1, -MAX_VEL_1, MAX_VEL_1)
        dtheta2 = bound(dtheta2, -MAX_VEL_2, MAX_VEL_2)
        tip = -np.cos(theta1) - np.cos(theta2 + theta1)
        return (theta1, theta2, dtheta1, dtheta2), (2.0 - tip) ** 2 + 0.01 * torque ** 2

    _, costs = dp.scan(step, (theta1, theta2, 0.0, 0.0), length=STEPS)
    return np.mean(costs)


def arguments():
    """A linear controller that pumps, and the angles at the start."""
    return np.array([0.1, 0.05, -0.2, 0.1, 0.2, 0.9]), 0.02, 0.05, -0.08


def in_jax():
    """The same in JAX: a wrap of at most one turn each way, since a step makes less than one."""
    import jax
    import jax.numpy as jnp

    def rates(s, torque):
        theta1, theta2, dtheta1, dtheta2 = s
        d1 = 0.25 + (1.0 + 0.25 + jnp.cos(theta2)) + 2.0
        d2 = 0.25 + 0.5 * jnp.cos(theta2) + 1.0
        phi2 = 0.5 * 9.8 * jnp.cos(theta1 + theta2 - jnp.pi / 2.0)
        phi1 = (-0.5 * dtheta2 ** 2 * jnp.sin(theta2) - dtheta2 * dtheta1 * jnp.sin(theta2)
                + 1.5 * 9.8 * jnp.cos(theta1 - jnp.pi / 2) + phi2)
        ddtheta2 = ((torque + d2 / d1 * phi1 - 0.5 * dtheta1 ** 2 * jnp.sin(theta2) - phi2)
                    / (1.25 - d2 ** 2 / d1))
        return dtheta1, dtheta2, -(d2 * ddtheta2 + phi1) / d1, ddtheta2

    def wrap(x):
        def turn(x, _):
            return jnp.where(x > jnp.pi, x - 2 * jnp.pi, jnp.where(x < -jnp.pi, x + 2 * jnp.pi, x)), None

        return jax.lax.scan(turn, x, length=2)[0]

    def loss(weights, bias, theta1, theta2):
        def step(s, _):
            theta1, theta2, dtheta1, dtheta2 = s
            features = jnp.stack([jnp.sin(theta1), jnp.cos(theta1), jnp.sin(theta2), jnp.cos(theta2),
                                  dtheta1, dtheta2])
            torque = jnp.clip(weights @ features + bias, -1.0, 1.0)
            theta1, theta2, dtheta1, dtheta2 = rk4(lambda s: rates(s, torque), s, dt)
            theta1, theta2 = wrap(theta1), wrap(theta2)
            dtheta1 = jnp.clip(dtheta1, -MAX_VEL_1, MAX_VEL_1)
            dtheta2 = jnp.clip(dtheta2, -MAX_VEL_2, MAX_VEL_2)
            tip = -jnp.cos(theta1) - jnp.cos(theta2 + theta1)
            return (theta1, theta2, dtheta1, dtheta2), (2.0 - tip) ** 2 + 0.01 * torque ** 2

        _, costs = jax.lax.scan(step, (theta1, theta2, 0.0, 0.0), length=STEPS)
        return jnp.mean(costs)

    return loss
