"""Riccati's recursion: a cart with a pole, held up as cheaply as possible; how should it be built?

    K_k = (R + B' P_k+1 B)^-1 B' P_k+1 A,     P_k = Q + A' P_k+1 (A - B K_k)

D. P. Bertsekas, Dynamic Programming and Optimal Control, volume I (4th edition), section 3.1; a pole on a
cart, linearized, as in K. J. Astrom and R. M. Murray, Feedback Systems (2008). Backwards first, and then
forwards under the gains that were found.
"""

import numpy as np

import tinydp as dp

CHANGED = "2 messages: np.stack, in each other, for the np.array of A and of B."
GRAVITY, DT, STEPS = 9.8, 0.02, 250                    # [m/s^2], [s]


def loss(design, weights, effort, start):
    """What the best controller costs, by simulation, and how well it stands in the end."""
    M, m, length = design["cart"], design["pole"], design["length"]
    A = np.eye(4)
    A = A + DT * np.stack([np.stack([0.0, 1.0, 0.0, 0.0]),
                           np.stack([0.0, 0.0, -m * GRAVITY / M, 0.0]),
                           np.stack([0.0, 0.0, 0.0, 1.0]),
                           np.stack([0.0, 0.0, (M + m) * GRAVITY / (M * length), 0.0])])
    B = DT * np.stack([np.stack([0.0]), np.stack([1.0 / M]), np.stack([0.0]),
                       np.stack([-1.0 / (M * length)])])
    Q = np.diag(weights)
    R = effort * np.eye(1)

    def backwards(P, _):
        K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        P = Q + A.T @ P @ (A - B @ K)
        P = (P + P.T) / 2
        return P, K

    P, gains = dp.scan(backwards, Q, length=STEPS)

    def forwards(x, K):
        u = -K @ x
        return A @ x + B @ u, x @ Q @ x + u @ R @ u

    x, costs = dp.scan(forwards, start, gains[::-1])
    return np.sum(costs) + 100.0 * np.linalg.norm(x) + 0.01 * np.trace(P)


def arguments():
    """Masses [kg] and a length [m], the weights of the states and of the force, and a start."""
    design = {"cart": 1.0, "pole": 0.1, "length": 0.5}
    return design, np.array([1.0, 0.1, 10.0, 0.1]), 0.05, np.array([0.5, 0.0, 0.2, 0.0])


def in_jax():
    """The same in JAX."""
    import jax
    import jax.numpy as jnp

    def loss(design, weights, effort, start):
        M, m, length = design["cart"], design["pole"], design["length"]
        A = (jnp.eye(4).at[0, 1].set(DT).at[2, 3].set(DT).at[1, 2].set(-DT * m * GRAVITY / M)
             .at[3, 2].set(DT * (M + m) * GRAVITY / (M * length)))
        B = DT * jnp.array([[0.0], [1.0 / M], [0.0], [-1.0 / (M * length)]])
        Q, R = jnp.diag(weights), effort * jnp.eye(1)

        def backwards(P, _):
            K = jnp.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
            P = Q + A.T @ P @ (A - B @ K)
            return (P + P.T) / 2, K

        P, gains = jax.lax.scan(backwards, Q, length=STEPS)

        def forwards(x, K):
            u = -K @ x
            return A @ x + B @ u, x @ Q @ x + u @ R @ u

        x, costs = jax.lax.scan(forwards, start, gains, reverse=True)
        return jnp.sum(costs) + 100.0 * jnp.linalg.norm(x) + 0.01 * jnp.trace(P)

    return loss
