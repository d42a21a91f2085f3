"""A lift that goes to the nearest call: how long people wait, by its speed and its doors.

    The next passenger is the nearest of those who have called; if there is none, the next to come.

Shortest seek time first, as for disks: Silberschatz, Galvin and Gagne, Operating System Concepts, chapter 11.
Whom it serves is a discrete choice; when, is not.
"""

import numpy as np

import tinydp as dp

CHANGED = "4 messages: dp.lookup(FROM, i) and dp.lookup(TO, i) for FROM[i] and TO[i] in serve()."

PASSENGERS, FLOORS = 150, 20
FROM = np.random.default_rng(5).integers(0, FLOORS, size=PASSENGERS)
TO = (FROM + np.random.default_rng(6).integers(1, FLOORS, size=PASSENGERS)) % FLOORS


def travel(a, b, per_floor, acceleration):
    floors = abs(a - b)
    if floors == 0:
        return 0.0
    return floors * per_floor + acceleration


def loss(per_floor, acceleration, doors, arrivals):
    def serve(state, _):
        clock, floor, served = state
        calling = (arrivals <= clock) & ~served
        if calling.any():
            i = np.argmin(np.where(calling, np.abs(FROM - floor), 1000))
        else:
            i = np.argmin(np.where(served, np.inf, arrivals))
            clock = max(clock, arrivals[i])
        clock = clock + travel(floor, dp.lookup(FROM, i), per_floor, acceleration) + doors
        waited = clock - arrivals[i]
        clock = clock + travel(dp.lookup(FROM, i), dp.lookup(TO, i), per_floor, acceleration) + doors
        served = served | (np.arange(PASSENGERS) == i)
        return (clock, dp.lookup(TO, i), served), waited

    nobody = np.zeros(PASSENGERS, dtype=bool)
    (clock, _, served), waits = dp.scan(serve, (0.0, 0, nobody), length=PASSENGERS)
    assert served.all()
    return np.mean(waits) + 0.01 * np.max(waits) + 1e-3 * clock


def arguments():
    return 1.5, 3.0, 4.0, np.cumsum(np.random.default_rng(4).exponential(30.0, size=PASSENGERS))


def in_jax():
    import jax
    import jax.numpy as jnp

    origins, goals = jnp.array(FROM), jnp.array(TO)

    def loss(per_floor, acceleration, doors, arrivals):
        def travel(a, b):
            floors = jnp.abs(a - b)
            return jnp.where(floors == 0, 0.0, floors * per_floor + acceleration)

        def serve(state, _):
            clock, floor, served = state
            calling = (arrivals <= clock) & ~served
            nearest = jnp.argmin(jnp.where(calling, jnp.abs(origins - floor), 1000))
            first = jnp.argmin(jnp.where(served, jnp.inf, arrivals))
            i = jnp.where(calling.any(), nearest, first)
            clock = jnp.where(calling.any(), clock, jnp.maximum(clock, arrivals[i]))
            clock = clock + travel(floor, origins[i]) + doors
            waited = clock - arrivals[i]
            clock = clock + travel(origins[i], goals[i]) + doors
            return (clock, goals[i], served.at[i].set(True)), waited

        nobody = jnp.zeros(PASSENGERS, dtype=bool)
        (clock, _, _), waits = jax.lax.scan(serve, (0.0, 0, nobody), length=PASSENGERS)
        return jnp.mean(waits) + 0.01 * jnp.max(waits) + 1e-3 * clock

    return loss
