"""An arm of six joints that draws a circle: chains of 4 x 4 matrices, and its speed by damped least squares.

    T = A_1(q_1) ... A_6(q_6),    dq/dt = J^T (J J^T + l^2 1)^-1 (dx/dt + k (x* - x))

Denavit and Hartenberg's matrices: Craig, Introduction to Robotics, chapter 3; damped least squares: Siciliano
et al., Robotics, section 3.5. The table is that of the UR5.
"""

import numpy as np

import tinydp as dp

CHANGED = "4 messages: np.stack for np.array, twice in step(), in link() and np.stack(columns) in forward()."

STEPS, DT = 100, 0.05

#                a        alpha       d          (metres, radians)
TABLE = [
    (0.0,      np.pi / 2,  0.089159),
    (-0.425,   0.0,        0.0),
    (-0.39225, 0.0,        0.0),
    (0.0,      np.pi / 2,  0.10915),
    (0.0,      -np.pi / 2, 0.09465),
    (0.0,      0.0,        0.0823),
]


def link(angle, a, alpha, d):
    c, s = np.cos(angle), np.sin(angle)
    ca, sa = np.cos(alpha), np.sin(alpha)
    return np.stack([np.stack([c, -s * ca, s * sa, a * c]),
                     np.stack([s, c * ca, -c * sa, a * s]),
                     np.stack([0.0, sa, ca, d]), np.stack([0.0, 0.0, 0.0, 1.0])])


def frames(q, lengths):
    """The frame of the base and those of all joints."""
    frame, result = np.eye(4), [np.eye(4)]
    for angle, length, (_, alpha, d) in zip(q, lengths, TABLE, strict=True):
        frame = frame @ link(angle, length, alpha, d)
        result.append(frame)
    return result


def forward(q, lengths):
    """Where the hand is, and the Jacobian of its position."""
    *joints, hand = frames(q, lengths)
    x = hand[:3, 3]
    columns = [np.cross(joint[:3, 2], x - joint[:3, 3]) for joint in joints]
    return x, np.stack(columns).T


def loss(start, lengths, gain, damping):
    def step(q, t):
        wanted = np.stack([-0.4 + 0.1 * np.cos(t), -0.2, 0.4 + 0.1 * np.sin(t)])
        speed = np.stack([-0.1 * np.sin(t), 0.0, 0.1 * np.cos(t)])
        x, J = forward(q, lengths)
        pull = np.linalg.solve(J @ J.T + damping**2 * np.eye(3), speed + gain * (wanted - x))
        return q + DT * J.T @ pull, np.linalg.norm(wanted - x)

    q, misses = dp.scan(step, start, DT * np.arange(STEPS))
    return np.mean(misses**2) + 1e-3 * np.sum((q - start) ** 2)


def arguments():
    return np.array([0.3, -1.2, 1.4, -0.6, -1.2, 0.2]), np.array([a for a, _, _ in TABLE]), 2.0, 0.1


def in_jax():
    import jax
    import jax.numpy as jnp

    alphas, offsets = jnp.array([alpha for _, alpha, _ in TABLE]), jnp.array([d for _, _, d in TABLE])

    def link(angle, a, alpha, d):
        c, s, ca, sa = jnp.cos(angle), jnp.sin(angle), jnp.cos(alpha), jnp.sin(alpha)
        return jnp.array([[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s],
                          [0.0, sa, ca, d], [0.0, 0.0, 0.0, 1.0]])

    def forward(q, lengths):
        links, frames = jax.vmap(link)(q, lengths, alphas, offsets), [jnp.eye(4)]
        for k in range(6):
            frames.append(frames[-1] @ links[k])
        x, joints = frames[-1][:3, 3], jnp.stack(frames[:-1])
        return x, jnp.cross(joints[:, :3, 2], x - joints[:, :3, 3]).T

    def loss(start, lengths, gain, damping):
        def step(q, t):
            wanted = jnp.array([-0.4 + 0.1 * jnp.cos(t), -0.2, 0.4 + 0.1 * jnp.sin(t)])
            speed = jnp.array([-0.1 * jnp.sin(t), 0.0, 0.1 * jnp.cos(t)])
            x, jac = forward(q, lengths)
            pull = jnp.linalg.solve(jac @ jac.T + damping**2 * jnp.eye(3), speed + gain * (wanted - x))
            return q + DT * jac.T @ pull, jnp.linalg.norm(wanted - x)

        q, misses = jax.lax.scan(step, start, DT * jnp.arange(STEPS))
        return jnp.mean(misses**2) + 1e-3 * jnp.sum((q - start) ** 2)

    return loss
