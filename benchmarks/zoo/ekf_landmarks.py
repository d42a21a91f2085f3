"""A robot that knows some landmarks: the extended Kalman filter, and how likely its measurements are.

    x <- f(x, u),    P <- F P F' + Q
    S = H P H' + R,    K = P H' S^-1,    x <- x + K (z - h(x)),    P <- (1 - K H) P

Thrun, Burgard and Fox, Probabilistic Robotics, table 7.2: range and bearing to landmarks that can be told
apart; now and then none is in sight.
"""

import numpy as np

import tinydp as dp

CHANGED = "6 messages: np.stack for np.array, five times, and dp.lookup(LANDMARKS, which) in step()."

STEPS, DT = 250, 0.1
LANDMARKS = np.array([[4.0, 1.0], [0.0, 6.0], [-4.0, 2.0], [1.0, -3.0]])


def wrap(angle):
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def predict(x, P, control, noise):
    v, w = control
    theta = x[2]
    x = x + DT * np.stack([v * np.cos(theta), v * np.sin(theta), w])
    F = np.stack([np.stack([1.0, 0.0, -DT * v * np.sin(theta)]), np.stack([0.0, 1.0, DT * v * np.cos(theta)]),
                  np.stack([0.0, 0.0, 1.0])])
    V = DT * np.stack([np.stack([np.cos(theta), 0.0]), np.stack([np.sin(theta), 0.0]), np.stack([0.0, 1.0])])
    return x, F @ P @ F.T + V @ np.diag(noise**2) @ V.T


def update(x, P, z, landmark, noise):
    """The state after a measurement, and its log likelihood."""
    dx, dy = landmark - x[:2]
    q = dx**2 + dy**2
    r = np.sqrt(q)
    H = np.stack([np.stack([-dx / r, -dy / r, 0.0]), np.stack([dy / q, -dx / q, -1.0])])
    S = H @ P @ H.T + np.diag(noise**2)
    miss = np.stack([z[0] - r, wrap(z[1] - (np.arctan2(dy, dx) - x[2]))])
    K = P @ H.T @ np.linalg.inv(S)
    sign, logdet = np.linalg.slogdet(S)
    assert sign > 0
    likelihood = -0.5 * (miss @ np.linalg.solve(S, miss) + logdet)
    return x + K @ miss, (np.eye(3) - K @ H) @ P, likelihood


def loss(motion_noise, sensor_noise, start):
    controls, measurements, seen = record()

    def step(state, data):
        control, z, which = data
        x, P = predict(*state, control, motion_noise)
        if which < 0:
            return (x, P), 0.0
        x, P, likelihood = update(x, P, z, dp.lookup(LANDMARKS, which), sensor_noise)
        return (x, P), likelihood

    _, likelihoods = dp.scan(step, (start, 0.1 * np.eye(3)), (controls, measurements, seen))
    return -np.sum(likelihoods)


def record():
    """Controls, measurements of range and bearing, and which landmark it was; -1 for none."""
    rng = np.random.default_rng(3)
    controls = np.stack([1.0 + 0.2 * np.sin(0.05 * np.arange(STEPS)), np.full(STEPS, 0.3)], axis=1)
    seen = np.where(np.arange(STEPS) % 5 == 4, -1, rng.integers(0, 4, size=STEPS))
    pose, measurements = np.zeros(3), np.zeros((STEPS, 2))
    for k in range(STEPS):
        v, w = controls[k] + rng.normal(size=2) * [0.1, 0.05]
        pose = pose + DT * np.array([v * np.cos(pose[2]), v * np.sin(pose[2]), w])
        dx, dy = LANDMARKS[seen[k]] - pose[:2]
        measurements[k] = np.hypot(dx, dy), np.arctan2(dy, dx) - pose[2]
        measurements[k] += rng.normal(size=2) * [0.1, 0.05]
    return controls, measurements, seen


def arguments():
    return np.array([0.15, 0.1]), np.array([0.2, 0.1]), np.array([0.1, -0.1, 0.05])


def in_jax():
    import jax
    import jax.numpy as jnp

    controls, measurements, seen = record()

    def loss(motion_noise, sensor_noise, start):
        def predict(x, P, u):
            c, s = jnp.cos(x[2]), jnp.sin(x[2])
            F = jnp.array([[1.0, 0.0, -DT * u[0] * s], [0.0, 1.0, DT * u[0] * c], [0.0, 0.0, 1.0]])
            V = DT * jnp.array([[c, 0.0], [s, 0.0], [0.0, 1.0]])
            x = x + DT * jnp.array([u[0] * c, u[0] * s, u[1]])
            return x, F @ P @ F.T + V @ jnp.diag(motion_noise**2) @ V.T

        def update(x, P, z, landmark):
            dx, dy = landmark - x[:2]
            q = dx**2 + dy**2
            r = jnp.sqrt(q)
            H = jnp.array([[-dx / r, -dy / r, 0.0], [dy / q, -dx / q, -1.0]])
            S = H @ P @ H.T + jnp.diag(sensor_noise**2)
            bearing = z[1] - (jnp.arctan2(dy, dx) - x[2])
            miss = jnp.array([z[0] - r, (bearing + jnp.pi) % (2.0 * jnp.pi) - jnp.pi])
            K = P @ H.T @ jnp.linalg.inv(S)
            likelihood = -0.5 * (miss @ jnp.linalg.solve(S, miss) + jnp.linalg.slogdet(S)[1])
            return x + K @ miss, (jnp.eye(3) - K @ H) @ P, likelihood

        def step(state, data):
            control, z, which = data
            x, P = predict(*state, control)
            x, P, likelihood = jax.lax.cond(which < 0, lambda: (x, P, 0.0),
                                            lambda: update(x, P, z, jnp.array(LANDMARKS)[which]))
            return (x, P), likelihood

        _, likelihoods = jax.lax.scan(step, (start, 0.1 * jnp.eye(3)), (controls, measurements, seen))
        return -jnp.sum(likelihoods)

    return loss
