"""Masses and springs that crawl over the ground: a robot of four masses with springs that are driven.

Each spring is driven about its length at rest; the ground pushes back where a mass is below it, and rubs:

    m x'' = sum of k (|d| - l (1 + a sin(w t + phase))) d / |d| - c x' + m g + contact

Y. Hu et al., "DiffTaichi: differentiable programming for physical simulation", ICLR 2020, its mass_spring.
The contact is a penalty, k_n times the depth, and Coulomb's friction, no larger than mu times that.
"""

import numpy as np

import tinydp as dp

CHANGED = "1 message: np.stack([rub, load]) for np.array in step()."
MASS, GRAVITY = 0.2, 9.81                              # [kg], [m/s^2]
STIFFNESS, DAMPING = 200.0, 0.4                        # [N/m], [N s/m]
GROUND, GROUND_DAMPING = 2000.0, 5.0                   # [N/m], [N s/m]
FRICTION, SLIP = 0.6, 10.0                             # of the load; [N s/m] as long as it sticks
DT, STEPS = 0.002, 800                                 # [s]
SPRINGS = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)]


def contact(y, vx, vy):
    """The force of the ground on a mass."""
    if y >= 0.0:
        return 0.0, 0.0
    load = -GROUND * y - GROUND_DAMPING * vy
    load = max(load, 0.0)                              # the ground does not pull
    rub = -SLIP * vx
    if abs(rub) > FRICTION * load:
        rub = FRICTION * load * np.sign(rub)
    return rub, load


def loss(amplitude, phase, frequency):
    """Minus how far the masses have crawled, on average, and what the springs are driven by."""
    corners = [(0.0, 0.05), (0.4, 0.05), (0.4, 0.35), (0.0, 0.35)]
    rest = [np.hypot(corners[a][0] - corners[b][0], corners[a][1] - corners[b][1]) for a, b in SPRINGS]

    def step(state, t):
        x, v = state
        forces = [np.array([0.0, -MASS * GRAVITY]) for _ in range(len(corners))]
        for s, (a, b) in enumerate(SPRINGS):
            d = x[b] - x[a]
            length = np.sqrt(d[0] ** 2 + d[1] ** 2)
            wanted = rest[s] * (1 + amplitude[s] * np.sin(frequency * t + phase[s]))
            along = d / length
            force = STIFFNESS * (length - wanted) + DAMPING * np.dot(v[b] - v[a], along)
            forces[a] = forces[a] + force * along
            forces[b] = forces[b] - force * along
        for i in range(len(corners)):
            rub, load = contact(x[i][1], v[i][0], v[i][1])
            forces[i] = forces[i] + np.stack([rub, load])
        v = [v[i] + DT * forces[i] / MASS for i in range(len(corners))]
        x = [x[i] + DT * v[i] for i in range(len(corners))]
        return (x, v), None

    start = ([np.array(corner) for corner in corners], [np.zeros(2) for _ in corners])
    (x, _), _ = dp.scan(step, start, xs=DT * np.arange(STEPS))
    return -sum(place[0] for place in x) / len(x) + 0.1 * np.sum(amplitude ** 2)


def arguments():
    """How far each spring is driven, with which phase [rad], and the frequency [rad/s]."""
    rng = np.random.default_rng(1)
    return rng.uniform(0.05, 0.2, len(SPRINGS)), rng.uniform(-3.0, 3.0, len(SPRINGS)), 12.0


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    first, second = np.array(SPRINGS).T
    corners = np.array([[0.0, 0.05], [0.4, 0.05], [0.4, 0.35], [0.0, 0.35]])
    rest = np.linalg.norm(corners[first] - corners[second], axis=1)

    def loss(amplitude, phase, frequency):
        def step(state, t):
            x, v = state
            d = x[second] - x[first]
            length = jnp.sqrt(jnp.sum(d ** 2, axis=1))
            along = d / length[:, None]
            wanted = rest * (1 + amplitude * jnp.sin(frequency * t + phase))
            stretch = STIFFNESS * (length - wanted)
            force = (stretch + DAMPING * jnp.sum((v[second] - v[first]) * along, axis=1))[:, None] * along
            forces = jnp.zeros((4, 2)).at[:, 1].set(-MASS * GRAVITY)
            forces = forces.at[first].add(force).at[second].add(-force)
            below = x[:, 1] < 0.0
            load = jnp.where(below, jnp.maximum(-GROUND * x[:, 1] - GROUND_DAMPING * v[:, 1], 0.0), 0.0)
            rub = -SLIP * v[:, 0]
            rub = jnp.where(jnp.abs(rub) > FRICTION * load, FRICTION * load * jnp.sign(rub), rub)
            forces = forces.at[:, 0].add(jnp.where(below, rub, 0.0)).at[:, 1].add(load)
            v = v + DT * forces / MASS
            return (x + DT * v, v), None

        start = (jnp.array(corners), jnp.zeros((4, 2)))
        (x, _), _ = jax.lax.scan(step, start, DT * jnp.arange(STEPS))
        return -jnp.mean(x[:, 0]) + 0.1 * jnp.sum(amplitude ** 2)

    return loss
