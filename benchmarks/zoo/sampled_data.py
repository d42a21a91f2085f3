"""Three masses on springs under a digital controller: the input is held between samples, the step exact.

    x' = A x + B u,    exp([[A, B], [0, 0]] T) = [[A_d, B_d], [0, 1]],    x_k+1 = A_d x_k + B_d u_k

Franklin, Powell and Workman, Digital Control of Dynamic Systems, section 4.3; Van Loan (1978).
"""

import numpy as np

import tinydp as dp

CHANGED = "1 message: dp.linalg.expm for SciPy's expm in sample()."

STEPS = 200


def sample(A, B, period):
    """The system between two samples."""
    n, m = B.shape
    whole = dp.linalg.expm(period * np.block([[A, B], [np.zeros((m, n)), np.zeros((m, m))]]))
    return whole[:n, :n], whole[:n, n:]


def plant(springs, dampers, masses):
    k = np.diag(springs[:-1] + springs[1:]) - np.diag(springs[1:-1], 1) - np.diag(springs[1:-1], -1)
    d = np.diag(dampers)
    inverse = np.diag(1.0 / masses)
    A = np.block([[np.zeros((3, 3)), np.eye(3)], [-inverse @ k, -inverse @ d]])
    B = np.concatenate([np.zeros((3, 1)), inverse[:, :1]])
    return A, B


def loss(springs, dampers, masses, gains, period):
    A_d, B_d = sample(*plant(springs, dampers, masses), period)

    def step(x, k):
        wanted = 1.0 if k < 100 else -0.5
        u = gains @ x + wanted
        x = A_d @ x + B_d[:, 0] * u
        return x, (x[2] - 0.3 * wanted) ** 2 + 1e-3 * u**2

    x, costs = dp.scan(step, np.zeros(6), np.arange(STEPS))
    return period * np.sum(costs) + x @ x


def arguments():
    return (np.array([2.0, 3.0, 3.0, 1.0]), np.array([0.2, 0.1, 0.3]), np.array([1.0, 0.8, 1.2]),
            np.array([-0.3, -0.2, 0.1, -0.8, -0.1, -0.2]), 0.1)


def in_jax():
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import expm

    def loss(springs, dampers, masses, gains, period):
        k = jnp.diag(springs[:-1] + springs[1:]) - jnp.diag(springs[1:-1], 1) - jnp.diag(springs[1:-1], -1)
        inverse = jnp.diag(1.0 / masses)
        A = jnp.block([[jnp.zeros((3, 3)), jnp.eye(3)], [-inverse @ k, -inverse @ jnp.diag(dampers)]])
        B = jnp.concatenate([jnp.zeros((3, 1)), inverse[:, :1]])
        whole = expm(period * jnp.block([[A, B], [jnp.zeros((1, 7))]]))
        A_d, B_d = whole[:6, :6], whole[:6, 6]

        def step(x, k):
            wanted = jnp.where(k < 100, 1.0, -0.5)
            u = gains @ x + wanted
            x = A_d @ x + B_d * u
            return x, (x[2] - 0.3 * wanted) ** 2 + 1e-3 * u**2

        x, costs = jax.lax.scan(step, jnp.zeros(6), jnp.arange(STEPS))
        return period * jnp.sum(costs) + x @ x

    return loss
