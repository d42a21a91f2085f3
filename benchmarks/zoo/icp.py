"""Two scans of one thing laid over each other: the iterative closest point.

    c_i = the nearest of q_j to R p_i + t,    U S V' = sum (p_i - p)(c_i - c)',    R = V diag(1, 1, |V U'|) U'

Besl and McKay (1992), with Kabsch's rotation; Szeliski, Computer Vision, section 8.1.
"""

import numpy as np

CHANGED = ""

POINTS, ROUNDS = 60, 12


def rotation(p, q):
    """The rotation that brings p closest to q; both are centred."""
    U, _, Vt = np.linalg.svd(p.T @ q)
    R = Vt.T @ U.T
    if np.linalg.det(R) < 0.0:
        R = Vt.T @ np.diag([1.0, 1.0, -1.0]) @ U.T
    return R


def align(p, q):
    R, t = np.eye(3), np.zeros(3)
    last = np.inf
    for _ in range(ROUNDS):
        moved = p @ R.T + t
        apart = np.linalg.norm(moved[:, None, :] - q[None, :, :], axis=-1)
        nearest = np.argmin(apart, axis=1)
        error = np.take_along_axis(apart, nearest[:, None], axis=1).mean()
        if abs(last - error) < 1e-9:
            break
        last = error
        closest = q[nearest]
        p_mean, c_mean = p.mean(axis=0), closest.mean(axis=0)
        R = rotation(p - p_mean, closest - c_mean)
        t = c_mean - R @ p_mean
    return R, t, error


def loss(p, q):
    R, t, error = align(p, q)
    angle = np.arccos((np.trace(R) - 1.0) / 2.0)
    return angle**2 + np.sum(t**2) + error


def arguments():
    rng = np.random.default_rng(15)
    q = rng.normal(size=(POINTS + 10, 3)) * np.array([3.0, 2.0, 1.0])
    c, s = np.cos(0.2), np.sin(0.2)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    p = (q[:POINTS] - np.array([0.2, -0.1, 0.1])) @ turn
    return p + 0.02 * rng.normal(size=p.shape), q


def in_jax():
    import jax
    import jax.numpy as jnp

    def rotation(p, q):
        U, _, Vt = jnp.linalg.svd(p.T @ q)
        sign = jnp.where(jnp.linalg.det(Vt.T @ U.T) < 0.0, -1.0, 1.0)
        return Vt.T @ jnp.diag(jnp.array([1.0, 1.0, sign])) @ U.T

    def loss(p, q):
        def better(state, _):
            R, t, last, done = state
            moved = p @ R.T + t
            apart = jnp.linalg.norm(moved[:, None, :] - q[None, :, :], axis=-1)
            nearest = jnp.argmin(apart, axis=1)
            error = jnp.take_along_axis(apart, nearest[:, None], axis=1).mean()
            stop = done | (jnp.abs(last - error) < 1e-9)
            closest = q[nearest]
            p_mean, c_mean = p.mean(axis=0), closest.mean(axis=0)
            new = rotation(p - p_mean, closest - c_mean)
            R, t = jnp.where(stop, R, new), jnp.where(stop, t, c_mean - new @ p_mean)
            return (R, t, jnp.where(done, last, error), stop), None

        start = (jnp.eye(3), jnp.zeros(3), jnp.inf, False)
        (R, t, error, _), _ = jax.lax.scan(better, start, length=ROUNDS)
        angle = jnp.arccos((jnp.trace(R) - 1.0) / 2.0)
        return angle**2 + jnp.sum(t**2) + error

    return loss
