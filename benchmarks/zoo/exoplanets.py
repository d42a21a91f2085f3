"""A star that two planets pull to and fro: the likelihood of its measured speeds.

    M = E - e sin E,    tan(nu / 2) = sqrt((1 + e) / (1 - e)) tan(E / 2),    v = K (cos(nu + w) + e cos w)

Murray and Correia, Keplerian Orbits and Dynamics of Exoplanets (2010); Kepler's equation for all times at
once by Newton's method: Murray and Dermott, Solar System Dynamics, section 2.4.
"""

from collections import namedtuple

import numpy as np

CHANGED = ""

Planet = namedtuple("Planet", "period eccentricity argument amplitude phase")

TIMES = np.sort(np.random.default_rng(17).uniform(0.0, 400.0, size=200))
SPEEDS = (30.0 * np.cos(0.11 * TIMES) + 12.0 * np.sin(0.031 * TIMES)
          + 2.0 * np.random.default_rng(18).normal(size=200))


def kepler(M, e):
    """The eccentric anomaly."""
    E = M + e * np.sin(M)
    delta = np.ones_like(E)
    while np.any(np.abs(delta) > 1e-10):
        delta = (E - e * np.sin(E) - M) / (1.0 - e * np.cos(E))
        E = E - delta
    return E


def pull(planet):
    M = 2.0 * np.pi * TIMES / planet.period + planet.phase
    E = kepler(M, planet.eccentricity)
    e = planet.eccentricity
    nu = 2.0 * np.arctan2(np.sqrt(1.0 + e) * np.sin(E / 2.0), np.sqrt(1.0 - e) * np.cos(E / 2.0))
    return planet.amplitude * (np.cos(nu + planet.argument) + e * np.cos(planet.argument))


def loss(planets, jitter):
    for planet in planets.values():
        if not 0.0 <= planet.eccentricity < 1.0:
            return np.inf
    miss = SPEEDS - sum(pull(planet) for planet in planets.values())
    variance = 2.0**2 + jitter**2
    return 0.5 * np.sum(miss**2 / variance + np.log(2.0 * np.pi * variance))


def arguments():
    return {"b": Planet(57.0, 0.2, 0.4, 28.0, 0.3), "c": Planet(202.0, 0.55, -1.0, 11.0, 1.1)}, 1.5


def in_jax():
    import jax
    import jax.numpy as jnp

    def kepler(M, e):
        def better(state, _):                # at most 12 rounds: lax.while_loop has no reverse mode
            E, delta = state
            new = (E - e * jnp.sin(E) - M) / (1.0 - e * jnp.cos(E))
            goes_on = jnp.any(jnp.abs(delta) > 1e-10)
            return (jnp.where(goes_on, E - new, E), jnp.where(goes_on, new, delta)), None

        E = M + e * jnp.sin(M)
        return jax.lax.scan(better, (E, jnp.ones_like(E)), length=12)[0][0]

    def pull(planet):
        e = planet.eccentricity
        E = kepler(2.0 * jnp.pi * TIMES / planet.period + planet.phase, e)
        nu = 2.0 * jnp.arctan2(jnp.sqrt(1.0 + e) * jnp.sin(E / 2.0), jnp.sqrt(1.0 - e) * jnp.cos(E / 2.0))
        return planet.amplitude * (jnp.cos(nu + planet.argument) + e * jnp.cos(planet.argument))

    def loss(planets, jitter):
        miss = SPEEDS - sum(pull(planet) for planet in planets.values())
        variance = 2.0**2 + jitter**2
        return 0.5 * jnp.sum(miss**2 / variance + jnp.log(2.0 * jnp.pi * variance))

    return loss
