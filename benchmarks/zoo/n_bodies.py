"""N bodies: the Sun and the four giant planets, by the leapfrog; which masses explain where they end?

    a_i = sum over j != i of G m_j (x_j - x_i) / |x_j - x_i|^3

Newton, Principia, book III; the leapfrog and the data (astronomical units, days, solar masses) as in
E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration (2006), sections I.1.4 and I.2.
"""

from typing import NamedTuple

import numpy as np

import tinydp as dp

CHANGED = "2 messages: a = a + ... for a += ..., and np.stack(result) for np.array, in accelerations()."
G = 2.95912208286e-4                                   # [au^3 / day^2 / solar mass]
DT, STEPS = 40.0, 400                                  # [days]: 44 years


class Bodies(NamedTuple):
    """Where they are and how fast, a row each."""

    x: np.ndarray                                      # [au]
    v: np.ndarray                                      # [au / day]


def accelerations(x, masses):
    """Of each body, the pull of all others."""
    n = len(masses)
    result = []
    for i in range(n):
        a = np.zeros(3)
        for j in range(n):
            if i != j:
                apart = x[j] - x[i]
                a = a + G * masses[j] * apart / np.linalg.norm(apart) ** 3
        result.append(a)
    return np.stack(result)


def energy(bodies, masses):
    """Kinetic and potential."""
    total = 0.0
    for i in range(len(masses)):
        total += masses[i] * np.dot(bodies.v[i], bodies.v[i]) / 2
        for j in range(i):
            total -= G * masses[i] * masses[j] / np.linalg.norm(bodies.x[i] - bodies.x[j])
    return total


def loss(masses, x, v, seen):
    """How far the bodies are from where they are seen in the end, and how far the energy has moved."""
    def leapfrog(bodies, _):
        v = bodies.v + DT / 2 * accelerations(bodies.x, masses)
        x = bodies.x + DT * v
        v = v + DT / 2 * accelerations(x, masses)
        return Bodies(x, v), None

    first = Bodies(x, v)
    last, _ = dp.scan(leapfrog, first, length=STEPS)
    drift = energy(last, masses) / energy(first, masses) - 1.0
    return np.mean((last.x - seen) ** 2) + drift ** 2


def arguments():
    """Masses, places and velocities on 5 September 1994, and where the bodies are said to be at the end."""
    masses = np.array([1.00000597682, 9.54786104043e-4, 2.85583733151e-4, 4.37273164546e-5, 5.17759138449e-5])
    x = np.array([[0.0, 0.0, 0.0],
                  [-3.5023653, -3.8169847, -1.5507963],
                  [9.0755314, -3.0458353, -1.6483708],
                  [8.3101420, -16.2901086, -7.2521278],
                  [11.4707666, -25.7294829, -10.8169456]])
    v = np.array([[0.0, 0.0, 0.0],
                  [0.00565429, -0.00412490, -0.00190589],
                  [0.00168318, 0.00483525, 0.00192462],
                  [0.00354178, 0.00137102, 0.00055029],
                  [0.00288930, 0.00114527, 0.00039677]])
    return masses, x, v, x + np.array([1.0, -0.5, 0.2])


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(masses, x, v, seen):
        n = len(masses)
        others = ~jnp.eye(n, dtype=bool)

        def distances(x):
            apart = x[None, :] - x[:, None]
            return apart, jnp.sqrt(jnp.where(others, jnp.sum(apart ** 2, axis=-1), 1.0))

        def accelerations(x):
            apart, r = distances(x)
            return jnp.sum(G * (masses * others / r ** 3)[..., None] * apart, axis=1)

        def energy(x, v):
            _, r = distances(x)
            pairs = jnp.where(others, masses[:, None] * masses / r, 0.0)
            return jnp.sum(masses * jnp.sum(v ** 2, axis=1)) / 2 - G * jnp.sum(pairs) / 2

        def leapfrog(bodies, _):
            x, v = bodies
            v = v + DT / 2 * accelerations(x)
            x = x + DT * v
            v = v + DT / 2 * accelerations(x)
            return (x, v), None

        (last_x, last_v), _ = jax.lax.scan(leapfrog, (x, v), length=STEPS)
        drift = energy(last_x, last_v) / energy(x, v) - 1.0
        return jnp.mean((last_x - seen) ** 2) + drift ** 2

    return loss
