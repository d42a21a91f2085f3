"""Robertson's chemical reactions, which are stiff: implicit Euler, each step by Newton's method.

    a' = -k1 a + k2 b c,    b' = k1 a - k2 b c - k3 b^2,    c' = k3 b^2

Hairer and Wanner, Solving Ordinary Differential Equations II, chapter IV.1; the steps grow
as the fast reactions die down.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, TOLERANCE = 300, 1e-12


def rates(y, k):
    a, b, c = y
    slow, fast, middle = k[0] * a, k[1] * b * c, k[2] * b**2
    return np.stack([-slow + fast, slow - fast - middle, middle])


def jacobian(y, k):
    _, b, c = y
    zero = 0.0 * b
    return np.stack([
        np.stack([-k[0] + zero, k[1] * c, k[1] * b]),
        np.stack([k[0] + zero, -k[1] * c - 2 * k[2] * b, -k[1] * b]),
        np.stack([zero, 2 * k[2] * b, zero]),
    ])


def implicit_euler(y, k, h):
    """The y' of which y' = y + h f(y')."""
    new = y
    miss = new - y - h * rates(new, k)
    rounds = 0
    while np.max(np.abs(miss)) > TOLERANCE:
        new = new - np.linalg.solve(np.eye(3) - h * jacobian(new, k), miss)
        miss = new - y - h * rates(new, k)
        rounds += 1
        assert rounds < 20, "Newton's method does not converge"
    return new


def loss(logs, start):
    k = np.exp(logs)

    def step(y, h):
        y = implicit_euler(y, k, h)
        return y, y

    _, ys = dp.scan(step, start, 1e-4 * 1.05 ** np.arange(STEPS))
    return np.mean((ys[:, 0] - 0.8) ** 2) + 1e4 * np.mean(ys[:, 1])


def arguments():
    return np.log(np.array([0.04, 1e4, 3e7])), np.array([1.0, 0.0, 0.0])


def in_jax():
    import jax
    import jax.numpy as jnp

    def rates(y, k):
        a, b, c = y
        slow, fast, middle = k[0] * a, k[1] * b * c, k[2] * b**2
        return jnp.stack([-slow + fast, slow - fast - middle, middle])

    def implicit_euler(y, k, h):
        """At most 8 rounds, as lax.while_loop has no reverse mode."""
        def residual(new):
            return new - y - h * rates(new, k)

        def newton(new, _):
            miss = residual(new)
            better = new - jnp.linalg.solve(jax.jacfwd(residual)(new), miss)
            return jnp.where(jnp.max(jnp.abs(miss)) > TOLERANCE, better, new), None

        return jax.lax.scan(newton, y, length=8)[0]

    def loss(logs, start):
        k = jnp.exp(logs)

        def step(y, h):
            y = implicit_euler(y, k, h)
            return y, y

        _, ys = jax.lax.scan(step, start, 1e-4 * 1.05 ** jnp.arange(STEPS))
        return jnp.mean((ys[:, 0] - 0.8) ** 2) + 1e4 * jnp.mean(ys[:, 1])

    return loss
