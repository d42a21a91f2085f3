"""A bicycle model that follows a track given by a table, by the controller of Stanley.

    x' = v cos psi,   y' = v sin psi,   psi' = v / L tan delta,   v' = a
    delta = (psi_track - psi) + arctan(k e / v),    bounded

R. Rajamani, Vehicle Dynamics and Control (2012), section 2.2; G. M. Hoffmann et al., "Autonomous automobile
trajectory tracking for off-road driving", ACC 2007: e is the error to the nearest point of the track, seen
from the front axle. The speed that is wanted is in the table, too; the driver looks a few rows ahead.
"""

import numpy as np

import tinydp as dp

CHANGED = ""
LENGTH = 2.7                                           # [m], between the axles
SHARPEST, STRONGEST = 0.6, 4.0                         # [rad], [m/s^2]
DT, STEPS, ROWS, AHEAD = 0.05, 400, 200, 5             # [s]


def wrap(angle):
    """The angle between -pi and pi."""
    while angle > np.pi:
        angle -= 2 * np.pi
    while angle < -np.pi:
        angle += 2 * np.pi
    return angle


def track():
    """A closed track: x, y [m], heading [rad], speed [m/s], a row each."""
    s = np.linspace(0.0, 2 * np.pi, ROWS, endpoint=False)
    x, y = 40 * np.cos(s) + 4 * np.cos(3 * s), 25 * np.sin(s)
    dx, dy = -40 * np.sin(s) - 12 * np.sin(3 * s), 25 * np.cos(s)
    speed = 6.0 + 3.0 * np.cos(2 * s)
    return np.stack([x, y, np.arctan2(dy, dx), speed], axis=1)


def loss(gains, start, table):
    """The mean squared distance from the track, and what steering and pushing cost."""
    def step(state, _):
        x, y, psi, v = state
        front = (x + LENGTH * np.cos(psi), y + LENGTH * np.sin(psi))
        distances = (table[:, 0] - front[0]) ** 2 + (table[:, 1] - front[1]) ** 2
        nearest = np.argmin(distances)
        tx, ty, heading, _ = table[nearest]
        error = (front[0] - tx) * np.sin(heading) - (front[1] - ty) * np.cos(heading)
        turn = wrap(heading - psi)
        delta = gains["heading"] * turn + np.arctan(gains["stanley"] * error / (v + 0.1))
        delta = max(-SHARPEST, min(SHARPEST, delta))
        wanted = table[(nearest + AHEAD) % ROWS, 3]
        a = gains["speed"] * (wanted - v)
        if a > STRONGEST:
            a = STRONGEST
        elif a < -STRONGEST:
            a = -STRONGEST
        x = x + DT * v * np.cos(psi)
        y = y + DT * v * np.sin(psi)
        psi = wrap(psi + DT * v / LENGTH * np.tan(delta))
        v = max(0.0, v + DT * a)
        return (x, y, psi, v), error ** 2 + 0.1 * delta ** 2 + 0.01 * a ** 2

    _, costs = dp.scan(step, start, length=STEPS)
    return np.mean(costs)


def arguments():
    """The gains, where the bicycle starts and how fast, and the track."""
    return {"heading": 1.0, "stanley": 1.5, "speed": 1.0}, (43.0, -1.0, 1.5, 2.0), track()


def in_jax():
    """The same in JAX: the angles are less than two turns off."""
    import jax
    import jax.numpy as jnp

    def wrap(angle):
        for _ in range(2):
            angle = jnp.where(angle > jnp.pi, angle - 2 * jnp.pi, angle)
            angle = jnp.where(angle < -jnp.pi, angle + 2 * jnp.pi, angle)
        return angle

    def loss(gains, start, table):
        def step(state, _):
            x, y, psi, v = state
            front = jnp.stack([x + LENGTH * jnp.cos(psi), y + LENGTH * jnp.sin(psi)])
            nearest = jnp.argmin(jnp.sum((table[:, :2] - front) ** 2, axis=1))
            tx, ty, heading, _ = table[nearest]
            error = (front[0] - tx) * jnp.sin(heading) - (front[1] - ty) * jnp.cos(heading)
            delta = gains["heading"] * wrap(heading - psi) + jnp.arctan(gains["stanley"] * error / (v + 0.1))
            delta = jnp.clip(delta, -SHARPEST, SHARPEST)
            a = jnp.clip(gains["speed"] * (table[(nearest + AHEAD) % ROWS, 3] - v), -STRONGEST, STRONGEST)
            x, y = x + DT * v * jnp.cos(psi), y + DT * v * jnp.sin(psi)
            psi = wrap(psi + DT * v / LENGTH * jnp.tan(delta))
            v = jnp.maximum(0.0, v + DT * a)
            return (x, y, psi, v), error ** 2 + 0.1 * delta ** 2 + 0.01 * a ** 2

        _, costs = jax.lax.scan(step, start, length=STEPS)
        return jnp.mean(costs)

    return loss
