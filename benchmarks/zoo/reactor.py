"""A stirred tank with an exothermic reaction, and what its safety system does when it runs hot.

    c' = q (c_in - c) - k(T) c,    T' = q (T_in - T) + h k(T) c - u (T - T_cool),    k(T) = k0 e^(-E / T)

Uppal, Ray and Poore (1974); Seborg et al., Process Dynamics and Control, example 2.5. The alarm latches:
once it has gone off, the feed stays closed until the tank is cold.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, DT = 2500, 0.005


def loss(plant, cooling, limit):
    def step(state, k):
        c, T, alarm, trips = state
        if not alarm and limit < T:
            alarm, trips = True, trips + 1
        elif alarm and T < 330.0:
            alarm = False
        if alarm:
            feed, jacket = 0.0, 280.0
        elif 350.0 < T <= 380.0:                          # the band in which the jacket is throttled
            feed, jacket = plant["feed"], cooling - 0.5 * (T - 350.0)
        elif T > 380.0:
            feed, jacket = plant["feed"], cooling - 15.0
        else:
            feed, jacket = plant["feed"], cooling
        warm = 365.0 if k >= 1000 else 350.0
        rate = min(7.2e10 * np.exp(-plant["activation"] / T), 50.0) * c
        c_new = c + DT * (feed * (1.0 - c) - rate)
        T_new = T + DT * (feed * (warm - T) + plant["heat"] * rate - plant["exchange"] * (T - jacket))
        assert T_new > 0.0
        return (c_new, T_new, alarm, trips), (feed * (1.0 - c_new), T_new)

    (_, _, _, trips), (made, T) = dp.scan(step, (0.5, 350.0, False, 0), np.arange(STEPS))
    return -DT * np.sum(made) + 1e-3 * np.max(T) + 0.1 * trips


def arguments():
    return {"feed": 1.0, "activation": 8750.0, "heat": 209.0, "exchange": 2.1}, 305.0, 385.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(plant, cooling, limit):
        def step(state, k):
            c, T, alarm, trips = state
            trip = ~alarm & (limit < T)
            alarm = jnp.where(trip, True, jnp.where(alarm & (T < 330.0), False, alarm))
            feed = jnp.where(alarm, 0.0, plant["feed"])
            jacket = jnp.where(T > 350.0, cooling - 0.5 * (T - 350.0), cooling)
            jacket = jnp.where(T > 380.0, cooling - 15.0, jacket)
            jacket = jnp.where(alarm, 280.0, jacket)
            warm = jnp.where(k >= 1000, 365.0, 350.0)
            rate = jnp.minimum(7.2e10 * jnp.exp(-plant["activation"] / T), 50.0) * c
            c = c + DT * (feed * (1.0 - c) - rate)
            T = T + DT * (feed * (warm - T) + plant["heat"] * rate - plant["exchange"] * (T - jacket))
            return (c, T, alarm, trips + trip), (feed * (1.0 - c), T)

        (_, _, _, trips), (made, T) = jax.lax.scan(step, (0.5, 350.0, False, 0), jnp.arange(STEPS))
        return -DT * jnp.sum(made) + 1e-3 * jnp.max(T) + 0.1 * trips

    return loss
