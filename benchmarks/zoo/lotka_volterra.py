"""Lotka and Volterra's equations, and the hares and lynxes of Hudson's Bay, 1900 to 1920.

    u' = (alpha - beta v) u,     v' = (-gamma + delta u) v

A. J. Lotka, Elements of Physical Biology (1925); the data from E. P. Odum, Fundamentals of Ecology (1953),
with the likelihood and the priors of B. Carpenter, "Predator-prey population dynamics: the Lotka-Volterra
model in Stan" (2018).
"""

import numpy as np

import tinydp as dp

CHANGED = ""
PER_YEAR = 50
HARES = [30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1, 40.3, 57.0, 76.6, 52.3, 19.5, 11.2,
         7.6, 14.6, 16.2, 24.7]                        # thousands of pelts
LYNXES = [4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4, 8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8,
          9.7, 10.1, 8.6]


def rates(z, theta):
    """How fast the populations grow."""
    u, v = z
    alpha, beta, gamma, delta = theta
    return (alpha - beta * v) * u, (-gamma + delta * u) * v


def rk4(z, theta, dt):
    """One step by the classical Runge-Kutta method."""
    u, v = z
    k1u, k1v = rates((u, v), theta)
    k2u, k2v = rates((u + dt / 2 * k1u, v + dt / 2 * k1v), theta)
    k3u, k3v = rates((u + dt / 2 * k2u, v + dt / 2 * k2v), theta)
    k4u, k4v = rates((u + dt * k3u, v + dt * k3v), theta)
    return u + dt / 6 * (k1u + 2 * k2u + 2 * k3u + k4u), v + dt / 6 * (k1v + 2 * k2v + 2 * k3v + k4v)


def normal(x, mu, sigma):
    """Minus the logarithm of a normal density, without constants."""
    return ((x - mu) / sigma) ** 2 / 2 + np.log(sigma)


def loss(theta, z_init, sigma):
    """Minus the logarithm of the posterior density, without constants."""
    total = 0.0
    for value, mu, width in zip(theta, [1, 0.05, 1, 0.05], [0.5, 0.05, 0.5, 0.05]):
        total += normal(value, mu, width)
    for k in range(2):
        total += normal(np.log(sigma[k]), -1, 1) + np.log(sigma[k])
        total += normal(np.log(z_init[k]), np.log(10), 1) + np.log(z_init[k])

    def year(z, seen):
        hare, lynx = seen
        u, v = z
        cost = (normal(np.log(hare), np.log(u), sigma[0]) + normal(np.log(lynx), np.log(v), sigma[1]))
        for _ in range(PER_YEAR):
            z = rk4(z, theta, 1 / PER_YEAR)
        return z, cost

    _, costs = dp.scan(year, (z_init[0], z_init[1]), xs=(np.array(HARES), np.array(LYNXES)))
    return total + np.sum(costs)


def arguments():
    """The rates [1/year], the populations of 1900, and how uncertain the numbers are."""
    return np.array([0.55, 0.028, 0.80, 0.024]), np.array([34.0, 6.0]), np.array([0.25, 0.25])


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def normal(x, mu, sigma):
        return ((x - mu) / sigma) ** 2 / 2 + jnp.log(sigma)

    def loss(theta, z_init, sigma):
        prior = jnp.sum(normal(theta, jnp.array([1, 0.05, 1, 0.05]), jnp.array([0.5, 0.05, 0.5, 0.05])))
        prior += jnp.sum(normal(jnp.log(sigma), -1, 1) + jnp.log(sigma))
        prior += jnp.sum(normal(jnp.log(z_init), jnp.log(10), 1) + jnp.log(z_init))

        def year(z, seen):
            cost = jnp.sum(normal(jnp.log(seen), jnp.log(jnp.stack(z)), sigma))
            z, _ = jax.lax.scan(lambda z, _: (rk4(z, theta, 1 / PER_YEAR), None), z, length=PER_YEAR)
            return z, cost

        _, costs = jax.lax.scan(year, (z_init[0], z_init[1]), jnp.array([HARES, LYNXES]).T)
        return prior + jnp.sum(costs)

    return loss
