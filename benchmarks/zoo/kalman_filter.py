"""Kalman's filter, and how likely a track is: a target seen by radar, with echoes that are missing.

    predict:  x = F x,  P = F P F' + Q
    update:   S = H P H' + R,  K = P H' S^-1,  x = x + K (z - H x),  P = (I - K H) P

R. E. Kalman, J. Basic Eng. 82 (1960); Y. Bar-Shalom, X. R. Li, T. Kirubarajan, Estimation with Applications
to Tracking and Navigation (2001), sections 5.2 and 6.3: nearly constant velocity. The likelihood is that of
the innovations (F. C. Schweppe, 1965).
"""

import numpy as np

import tinydp as dp

CHANGED = ""
DT, STEPS = 0.5, 200                                   # [s]
H = np.array([[1.0, 0.0, 0.0, 0.0],
              [0.0, 0.0, 1.0, 0.0]])


def loss(acceleration, noise, x0, seen):
    """Minus the logarithm of the likelihood, without constants."""
    F1 = np.array([[1.0, DT], [0.0, 1.0]])
    Q1 = acceleration ** 2 * np.array([[DT ** 4 / 4, DT ** 3 / 2], [DT ** 3 / 2, DT ** 2]])
    F = np.kron(np.eye(2), F1)
    Q = np.kron(np.eye(2), Q1)
    R = np.diag(noise ** 2)

    def step(belief, z):
        x, P = belief
        x = F @ x
        P = F @ P @ F.T + Q
        cost = 0.0
        if not np.isnan(z[0]):
            innovation = z - H @ x
            S = H @ P @ H.T + R
            K = P @ H.T @ np.linalg.inv(S)
            x = x + K @ innovation
            P = (np.eye(4) - K @ H) @ P
            cost = (innovation @ np.linalg.inv(S) @ innovation + np.log(np.linalg.det(S))) / 2
        return (x, P), cost

    _, costs = dp.scan(step, (x0, 10.0 * np.eye(4)), seen)
    return np.sum(costs)


def arguments():
    """The accelerations [m/s^2] and the noise [m] that are believed, the first state, and what is seen."""
    rng = np.random.default_rng(5)
    t = DT * np.arange(STEPS)
    track = np.stack([10 * t, 40 * np.sin(t / 12)], axis=1)
    seen = track + rng.normal(size=track.shape) * [2.0, 3.0]
    seen[rng.random(STEPS) < 0.1] = np.nan
    return 0.7, np.array([2.5, 2.5]), np.array([0.0, 9.0, 0.0, 3.0]), seen


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(acceleration, noise, x0, seen):
        F = jnp.kron(jnp.eye(2), jnp.array([[1.0, DT], [0.0, 1.0]]))
        Q = jnp.kron(jnp.eye(2),
                     acceleration ** 2 * jnp.array([[DT ** 4 / 4, DT ** 3 / 2], [DT ** 3 / 2, DT ** 2]]))
        R = jnp.diag(noise ** 2)

        def update(x, P, z):
            innovation = z - H @ x
            S = H @ P @ H.T + R
            K = P @ H.T @ jnp.linalg.inv(S)
            cost = (innovation @ jnp.linalg.inv(S) @ innovation + jnp.log(jnp.linalg.det(S))) / 2
            return x + K @ innovation, (jnp.eye(4) - K @ H) @ P, cost

        def step(belief, z):
            x, P = belief
            x, P = F @ x, F @ P @ F.T + Q
            x, P, cost = jax.lax.cond(jnp.isnan(z[0]), lambda x, P, z: (x, P, 0.0), update, x, P, z)
            return (x, P), cost

        _, costs = jax.lax.scan(step, (x0, 10.0 * jnp.eye(4)), seen)
        return jnp.sum(costs)

    return loss
