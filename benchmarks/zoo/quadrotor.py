"""A quadrotor in three dimensions that a network flies to the origin, from several starts.

    m v' = R(q) (0, 0, f) - m g - c v,     J w' = tau - w x J w,     q' = q (0, w) / 2

with a unit quaternion q, and four rotors whose thrusts are bounded. R. Mahony, V. Kumar, P. Corke,
"Multirotor aerial vehicles", IEEE Robotics and Automation Magazine 19 (2012); quaternions as in J. Diebel,
"Representing attitude" (2006).
"""

from typing import NamedTuple

import numpy as np

import tinydp as dp

CHANGED = ""
MASS, GRAVITY, DRAG = 0.5, 9.81, 0.1                   # [kg], [m/s^2], [N s/m]
INERTIA = np.array([0.0023, 0.0023, 0.004])            # [kg m^2]
ARM, MOMENT = 0.17, 0.016                              # [m]; of a rotor's drag to its thrust [m]
STRONGEST = 2.5                                        # [N], of a rotor
DT, STEPS = 0.02, 100                                  # [s]


class Body(NamedTuple):
    """Place [m], velocity [m/s], attitude, and angular velocity [rad/s] as the body sees it."""

    x: np.ndarray
    v: np.ndarray
    q: np.ndarray
    w: np.ndarray


def multiply(p, q):
    """The product of two quaternions."""
    a, b, c, d = p
    e, f, g, h = q
    return np.stack([a * e - b * f - c * g - d * h, a * f + b * e + c * h - d * g,
                     a * g - b * h + c * e + d * f, a * h + b * g - c * f + d * e])


def rotate(q, v):
    """The vector as the world sees it."""
    u = q[1:]
    return v + 2.0 * np.cross(u, np.cross(u, v) + q[0] * v)


def thrusts(layers, body):
    """What the network wants of the four rotors, and what they can."""
    y = np.concatenate([body.x, body.v, body.q, body.w])
    for weight, bias in layers[:-1]:
        y = np.tanh(weight @ y + bias)
    weight, bias = layers[-1]
    wanted = MASS * GRAVITY / 4 + weight @ y + bias
    return [max(0.0, min(STRONGEST, f)) for f in wanted]


def fly(body, f):
    """The body one step later (semi-implicit Euler)."""
    lift = np.array([0.0, 0.0, 1.0]) * sum(f)
    torque = np.stack([ARM * (f[1] - f[3]), ARM * (f[2] - f[0]), MOMENT * (f[0] - f[1] + f[2] - f[3])])
    v = body.v + DT * ((rotate(body.q, lift) - DRAG * body.v) / MASS - np.array([0.0, 0.0, GRAVITY]))
    w = body.w + DT * (torque - np.cross(body.w, INERTIA * body.w)) / INERTIA
    q = body.q + DT / 2 * multiply(body.q, np.concatenate([np.zeros(1), w]))
    return Body(body.x + DT * v, v, q / np.linalg.norm(q), w)


def flight(layers, x, v):
    """What a flight costs."""
    def step(body, _):
        f = thrusts(layers, body)
        body = fly(body, f)
        tilt = 1 - rotate(body.q, np.array([0.0, 0.0, 1.0]))[2]
        return body, np.sum(body.x ** 2) + 0.1 * np.sum(body.v ** 2) + tilt + 0.01 * np.sum(body.w ** 2)

    start = Body(x, v, np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))
    _, costs = dp.scan(step, start, length=STEPS)
    return np.mean(costs)


def loss(layers, x, v):
    """The mean over all starts."""
    return np.mean(dp.vmap(flight, in_axes=(None, 0, 0))(layers, x, v))


def arguments():
    """The network's layers, and eight starts."""
    rng = np.random.default_rng(8)
    sizes = (13, 32, 32, 4)
    layers = [(0.3 * rng.normal(size=(n, m)) / m ** 0.5, np.zeros(n)) for m, n in zip(sizes, sizes[1:])]
    return layers, rng.uniform(-1.0, 1.0, (8, 3)), rng.uniform(-0.5, 0.5, (8, 3))


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    up = jnp.array([0.0, 0.0, 1.0])

    def multiply(p, q):
        a, b, c, d = p
        e, f, g, h = q
        return jnp.stack([a * e - b * f - c * g - d * h, a * f + b * e + c * h - d * g,
                          a * g - b * h + c * e + d * f, a * h + b * g - c * f + d * e])

    def rotate(q, v):
        u = q[1:]
        return v + 2.0 * jnp.cross(u, jnp.cross(u, v) + q[0] * v)

    def thrusts(layers, body):
        y = jnp.concatenate(body)
        for weight, bias in layers[:-1]:
            y = jnp.tanh(weight @ y + bias)
        weight, bias = layers[-1]
        return jnp.clip(MASS * GRAVITY / 4 + weight @ y + bias, 0.0, STRONGEST)

    def fly(body, f):
        torque = jnp.stack([ARM * (f[1] - f[3]), ARM * (f[2] - f[0]), MOMENT * (f[0] - f[1] + f[2] - f[3])])
        v = body.v + DT * ((rotate(body.q, jnp.sum(f) * up) - DRAG * body.v) / MASS - GRAVITY * up)
        w = body.w + DT * (torque - jnp.cross(body.w, INERTIA * body.w)) / INERTIA
        q = body.q + DT / 2 * multiply(body.q, jnp.concatenate([jnp.zeros(1), w]))
        return Body(body.x + DT * v, v, q / jnp.linalg.norm(q), w)

    def flight(layers, x, v):
        def step(body, _):
            body = fly(body, thrusts(layers, body))
            tilt = 1 - rotate(body.q, up)[2]
            return body, (jnp.sum(body.x ** 2) + 0.1 * jnp.sum(body.v ** 2) + tilt
                          + 0.01 * jnp.sum(body.w ** 2))

        start = Body(x, v, jnp.array([1.0, 0.0, 0.0, 0.0]), jnp.zeros(3))
        _, costs = jax.lax.scan(step, start, length=STEPS)
        return jnp.mean(costs)

    def loss(layers, x, v):
        return jnp.mean(jax.vmap(flight, in_axes=(None, 0, 0))(layers, x, v))

    return loss
