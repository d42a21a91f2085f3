"""Billiards: a ball is shot at others between four cushions; where does the last one come to rest?

Balls of equal mass exchange the parts of their velocities along the line between them, times a restitution e:

    v_a -= (1 + e)/2 ((v_a - v_b) . n) n,     v_b += the same,       n = (x_a - x_b) / |x_a - x_b|

and a cushion turns one part around. The cloth slows all at mu g. G. Coriolis, Theorie mathematique des effets
du jeu de billard (1835); the loop over pairs as in Y. Hu et al., "DiffTaichi", ICLR 2020, example billiards.
"""

import numpy as np

import tinydp as dp

CHANGED = ("7 messages: np.stack for np.array, four times; np.where for each `if` in cushion(), and dp.cond "
           "between two functions for that in collide().")
WIDTH, HEIGHT, RADIUS = 2.54, 1.27, 0.0286             # [m]
RESTITUTION, CUSHION = 0.95, 0.75
ROLLING = 0.10                                         # [m/s^2], by the cloth
DT, STEPS = 0.005, 400                                 # [s]


def collide(xa, va, xb, vb):
    """The velocities of two balls after they have, maybe, met."""
    apart = xa - xb
    distance = np.linalg.norm(apart)
    def then(va, vb):
        n = apart / distance
        approach = np.dot(va - vb, n)
        if approach < 0:
            impulse = (1 + RESTITUTION) / 2 * approach * n
            va = va - impulse
            vb = vb + impulse
        return (va, vb)

    va, vb = dp.cond(distance < 2 * RADIUS, then, lambda va, vb: (va, vb), va, vb)
    return va, vb


def cushion(x, v):
    """The velocity after the cushions."""
    vx, vy = v
    vx = np.where(np.logical_or(np.logical_and(x[0] < RADIUS, vx < 0),
                                np.logical_and(x[0] > WIDTH - RADIUS, vx > 0)), -CUSHION * vx, vx)
    vy = np.where(np.logical_or(np.logical_and(x[1] < RADIUS, vy < 0),
                                np.logical_and(x[1] > HEIGHT - RADIUS, vy > 0)), -CUSHION * vy, vy)
    return np.stack([vx, vy])


def slow(v):
    """The velocity after the cloth, which stops a slow ball."""
    speed = np.linalg.norm(v)
    if speed <= ROLLING * DT:
        return np.zeros(2)
    return v * (1 - ROLLING * DT / speed)


def loss(shot, places, target):
    """The squared distance of the last ball from the target, after two seconds."""
    n = len(places)

    def step(balls, _):
        x, v = balls
        x = [x[i] for i in range(n)]
        v = [v[i] for i in range(n)]
        for a in range(n):
            for b in range(a):
                v[a], v[b] = collide(x[a], v[a], x[b], v[b])
        for i in range(n):
            v[i] = slow(cushion(x[i], v[i]))
            x[i] = x[i] + DT * v[i]
        return (np.stack(x), np.stack(v)), None

    angle, speed = shot
    start = np.concatenate([np.stack([np.stack([speed * np.cos(angle), speed * np.sin(angle)])]),
                            np.zeros((n - 1, 2))])
    (x, _), _ = dp.scan(step, (places, start), length=STEPS)
    return np.sum((x[-1] - target) ** 2)


def arguments():
    """The angle [rad] and the speed [m/s] of the shot, where the balls are, and a target [m]."""
    places = np.array([[0.6, 0.6], [1.8, 0.64], [1.86, 0.6], [1.86, 0.68]])
    return (0.02, 3.0), places, np.array([2.0, 1.0])


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def norm(x):
        """Zero at zero, and so is its derivative."""
        square = jnp.sum(x ** 2)
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)

    def collide(xa, va, xb, vb):
        apart = xa - xb
        distance = norm(apart)
        n = apart / distance
        approach = jnp.dot(va - vb, n)
        impulse = (1 + RESTITUTION) / 2 * approach * n
        met = (distance < 2 * RADIUS) & (approach < 0)
        return jnp.where(met, va - impulse, va), jnp.where(met, vb + impulse, vb)

    def loss(shot, places, target):
        n, size = len(places), jnp.array([WIDTH, HEIGHT])

        def step(balls, _):
            x, v = balls
            for a in range(n):
                for b in range(a):
                    va, vb = collide(x[a], v[a], x[b], v[b])
                    v = v.at[a].set(va).at[b].set(vb)
            out = ((x < RADIUS) & (v < 0)) | ((x > size - RADIUS) & (v > 0))
            v = jnp.where(out, -CUSHION * v, v)
            speed = jax.vmap(norm)(v)[:, None]
            rolls = speed > ROLLING * DT
            v = jnp.where(rolls, v * (1 - ROLLING * DT / jnp.where(rolls, speed, 1.0)), 0.0)
            return (x + DT * v, v), None

        angle, speed = shot
        first = speed * jnp.array([jnp.cos(angle), jnp.sin(angle)])
        start = jnp.zeros((n, 2)).at[0].set(first)
        (x, _), _ = jax.lax.scan(step, (jnp.array(places), start), length=STEPS)
        return jnp.sum((x[-1] - target) ** 2)

    return loss
