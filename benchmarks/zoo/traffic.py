"""Cars in a row behind one that brakes: the intelligent driver model, car by car.

    v' = a (1 - (v / v0)^4 - (s* / s)^2),    s* = s0 + max(0, v T + v (v - v_lead) / (2 sqrt(a b)))

Treiber and Kesting, Traffic Flow Dynamics, chapter 11. The first car follows a table of times and speeds.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

CARS, STEPS, DT = 8, 400, 0.25
TIMES = np.array([0.0, 20.0, 25.0, 40.0, 50.0, 100.0])


def acceleration(v, gap, closing, driver):
    wanted = driver["gap"] + max(0.0, v * driver["headway"]
                                 + v * closing / (2.0 * np.sqrt(driver["accelerate"] * driver["brake"])))
    free = 1.0 - (v / driver["speed"]) ** 4
    return max(driver["accelerate"] * (free - (wanted / max(gap, 0.1)) ** 2), -9.0)


def loss(driver, table, gaps):
    def step(state, t):
        places, speeds = state
        new_places, new_speeds = [], []
        effort = 0.0
        for i in range(CARS):
            if i == 0:
                v = np.interp(t, TIMES, table)
            else:
                lead = i - 1
                gap = places[lead] - places[i] - 5.0
                a = acceleration(speeds[i], gap, speeds[i] - speeds[lead], driver)
                v = max(0.0, speeds[i] + DT * a)
                effort += a**2 / (CARS - 1)
            new_places.append(places[i] + DT * v)
            new_speeds.append(v)
        return (new_places, new_speeds), effort

    places = [0.0]
    for gap in gaps:
        places.append(places[-1] - gap - 5.0)
    start = (places, [table[0]] * CARS)
    (places, speeds), efforts = dp.scan(step, start, DT * np.arange(STEPS))
    return np.mean(efforts) + 1e-3 * (places[0] - places[-1]) + 1e-2 * sum(v**2 for v in speeds) / CARS


def arguments():
    driver = {"gap": 2.0, "headway": 1.4, "accelerate": 1.2, "brake": 2.0, "speed": 33.0}
    return driver, np.array([22.0, 22.0, 4.0, 0.0, 15.0, 20.0]), np.linspace(30.0, 45.0, CARS - 1)


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(driver, table, gaps):
        root = 2.0 * jnp.sqrt(driver["accelerate"] * driver["brake"])

        def step(state, t):
            places, speeds = state
            v, lead = speeds[1:], speeds[:-1]
            gap = places[:-1] - places[1:] - 5.0
            wanted = driver["gap"] + jnp.maximum(0.0, v * driver["headway"] + v * (v - lead) / root)
            free = 1.0 - (v / driver["speed"]) ** 4
            a = jnp.maximum(driver["accelerate"] * (free - (wanted / jnp.maximum(gap, 0.1)) ** 2), -9.0)
            first = jnp.interp(t, TIMES, table)
            speeds = jnp.concatenate([first[None], jnp.maximum(0.0, v + DT * a)])
            return (places + DT * speeds, speeds), jnp.mean(a**2)

        places = -jnp.concatenate([jnp.zeros(1), jnp.cumsum(gaps + 5.0)])
        start = (places, jnp.broadcast_to(table[0], CARS))
        (places, speeds), efforts = jax.lax.scan(step, start, DT * jnp.arange(STEPS))
        return jnp.mean(efforts) + 1e-3 * (places[0] - places[-1]) + 1e-2 * jnp.mean(speeds**2)

    return loss
