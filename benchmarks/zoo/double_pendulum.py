"""The double pendulum: two rods, two masses; how should it be let go, to be somewhere after three seconds?

With d = theta2 - theta1, M = m1 + m2:

    theta1'' = (m2 L1 w1^2 sin d cos d + m2 g sin theta2 cos d + m2 L2 w2^2 sin d - M g sin theta1)
               / (M L1 - m2 L1 cos^2 d)
    theta2'' = (-m2 L2 w2^2 sin d cos d + M (g sin theta1 cos d - L1 w1^2 sin d - g sin theta2))
               / (M L2 - m2 L2 cos^2 d)

L. D. Landau and E. M. Lifshitz, Mechanics, section 5, problem 1; written as in Matplotlib's example of the
double pendulum, after M. S. Wheatland (Sydney). It is chaotic: three seconds are few.
"""

import numpy as np

import tinydp as dp

CHANGED = "4 messages: dp.set_at for the assignments to dydx in derivs()."
G = 9.8                                                # [m/s^2]
DT, STEPS = 0.01, 300                                  # [s]


def derivs(state, L1, L2, M1, M2):
    """The rates of change of theta1, omega1, theta2, omega2."""
    dydx = np.zeros_like(state)
    dydx = dp.set_at(dydx, 0, state[1])

    delta = state[2] - state[0]
    den1 = (M1 + M2) * L1 - M2 * L1 * np.cos(delta) * np.cos(delta)
    dydx = dp.set_at(dydx, 1, ((M2 * L1 * state[1] * state[1] * np.sin(delta) * np.cos(delta)
                + M2 * G * np.sin(state[2]) * np.cos(delta)
                + M2 * L2 * state[3] * state[3] * np.sin(delta)
                - (M1 + M2) * G * np.sin(state[0])) / den1))

    dydx = dp.set_at(dydx, 2, state[3])

    den2 = (L2 / L1) * den1
    dydx = dp.set_at(dydx, 3, ((-M2 * L2 * state[3] * state[3] * np.sin(delta) * np.cos(delta)
                + (M1 + M2) * G * np.sin(state[0]) * np.cos(delta)
                - (M1 + M2) * L1 * state[1] * state[1] * np.sin(delta)
                - (M1 + M2) * G * np.sin(state[2])) / den2))

    return dydx


def rk4(f, y, h):
    """One step by the classical Runge-Kutta method."""
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def loss(state, lengths, masses, target):
    """The squared distance of the lower mass from the target, after three seconds."""
    L1, L2 = lengths
    M1, M2 = masses

    def step(y, _):
        return rk4(lambda y: derivs(y, L1, L2, M1, M2), y, DT), None

    y, _ = dp.scan(step, state, length=STEPS)
    place = (L1 * np.sin(y[0]) + L2 * np.sin(y[2]), -L1 * np.cos(y[0]) - L2 * np.cos(y[2]))
    return (place[0] - target[0]) ** 2 + (place[1] - target[1]) ** 2


def arguments():
    """Angles [rad] and angular velocities, lengths [m], masses [kg], a target [m]."""
    state = np.array([np.radians(120.0), 0.0, np.radians(-10.0), 0.0])
    return state, (1.0, 1.0), (1.0, 1.0), (0.5, -1.2)


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def derivs(state, L1, L2, M1, M2):
        theta1, omega1, theta2, omega2 = state
        delta, M = theta2 - theta1, M1 + M2
        sin, cos = jnp.sin(delta), jnp.cos(delta)
        den1 = M * L1 - M2 * L1 * cos ** 2
        den2 = L2 / L1 * den1
        domega1 = (M2 * L1 * omega1 ** 2 * sin * cos + M2 * G * jnp.sin(theta2) * cos
                   + M2 * L2 * omega2 ** 2 * sin - M * G * jnp.sin(theta1)) / den1
        domega2 = (-M2 * L2 * omega2 ** 2 * sin * cos + M * G * jnp.sin(theta1) * cos
                   - M * L1 * omega1 ** 2 * sin - M * G * jnp.sin(theta2)) / den2
        return jnp.array([omega1, domega1, omega2, domega2])

    def loss(state, lengths, masses, target):
        (L1, L2), target = lengths, jnp.array(target)

        def step(y, _):
            return rk4(lambda y: derivs(y, L1, L2, *masses), y, DT), None

        y, _ = jax.lax.scan(step, state, length=STEPS)
        place = jnp.array([L1 * jnp.sin(y[0]) + L2 * jnp.sin(y[2]),
                           -L1 * jnp.cos(y[0]) - L2 * jnp.cos(y[2])])
        return jnp.sum((place - target) ** 2)

    return loss
