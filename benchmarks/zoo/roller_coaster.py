"""A car on a roller coaster, whose track is a cubic B-spline: what its control points do to the ride.

    P(u) = sum_j B_j(u - k) P_k+j,  k = floor(u);    u'' |P'|^2 + u'^2 P' P'' = -g P_y' - c |P'| u'

de Boor, A Practical Guide to Splines, chapter IX; Lagrange's equation for a bead on a wire: Goldstein,
Classical Mechanics, section 1.4.
"""

import math

import numpy as np

import tinydp as dp

CHANGED = "1 message: math.trunc(u) for int(u) in track(), with the import."

CONTROLS, STEPS, DT = 24, 600, 0.02
BASIS = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6.0


def track(points, u):
    """The place on the track, and its first and second derivative by u."""
    k = math.trunc(u)
    k = max(0, min(k, len(points) - 4))
    t = u - k
    near = BASIS @ points[k:k + 4]
    place = near[0] + t * near[1] + t**2 * near[2] + t**3 * near[3]
    return place, near[1] + 2 * t * near[2] + 3 * t**2 * near[3], 2 * near[2] + 6 * t * near[3]


def loss(points, push, friction):
    def step(state, _):
        u, rate = state
        place, slope, bend = track(points, u)
        length = np.linalg.norm(slope)
        change = -rate**2 * (slope @ bend) - 9.81 * slope[1] - friction * length * rate
        rate = rate + DT * change / length**2
        u = u + DT * rate
        if u >= CONTROLS - 3:                             # the buffer at the end
            u, rate = CONTROLS - 3.0, -0.3 * rate
        comfort = rate**2 * np.linalg.norm(bend)
        return (u, rate), (place[1], comfort)

    (u, rate), (heights, comfort) = dp.scan(step, (0.0, push), length=STEPS)
    return (u - 15.0) ** 2 + 0.01 * np.mean(comfort) + np.mean(heights) + 0.1 * rate**2


def arguments():
    s = np.arange(CONTROLS)
    return np.stack([3.0 * s, 4.0 * np.exp(-0.1 * s) * np.cos(0.9 * s) + 4.0], axis=1), 1.5, 0.05


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(points, push, friction):
        def step(state, _):
            u, rate = state
            k = jnp.clip(jnp.trunc(u).astype(int), 0, CONTROLS - 4)
            t = u - k
            near = BASIS @ jax.lax.dynamic_slice_in_dim(points, k, 4)
            place = near[0] + t * near[1] + t**2 * near[2] + t**3 * near[3]
            slope, bend = near[1] + 2 * t * near[2] + 3 * t**2 * near[3], 2 * near[2] + 6 * t * near[3]
            length = jnp.linalg.norm(slope)
            change = -rate**2 * (slope @ bend) - 9.81 * slope[1] - friction * length * rate
            rate = rate + DT * change / length**2
            u = u + DT * rate
            over = u >= CONTROLS - 3
            u, rate = jnp.where(over, CONTROLS - 3.0, u), jnp.where(over, -0.3 * rate, rate)
            return (u, rate), (place[1], rate**2 * jnp.linalg.norm(bend))

        (u, rate), (heights, comfort) = jax.lax.scan(step, (0.0, push), length=STEPS)
        return (u - 15.0) ** 2 + 0.01 * jnp.mean(comfort) + jnp.mean(heights) + 0.1 * rate**2

    return loss
