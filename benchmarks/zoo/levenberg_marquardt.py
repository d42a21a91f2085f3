"""A curve fitted by Levenberg and Marquardt's method: how much does each measurement move the result?

    (J; sqrt(l) 1) d = -(r; 0) in least squares;    accept if it got better and l <- l / 3, else l <- 2 l

Nocedal and Wright, Numerical Optimization, section 10.3; Press et al., Numerical Recipes, section 15.5.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

POINTS = 50
T = np.linspace(0.0, 4.0, POINTS)


def model(p):
    """A damped oscillation on an offset."""
    return p[0] * np.exp(-p[1] * T) * np.cos(p[2] * T + p[3]) + p[4]


def fit(y, guess, damping):
    def residual(p):
        return model(p) - y

    p, r = guess, residual(guess)
    rounds = 0
    while rounds < 100:
        J = dp.jacobian(residual)(p)
        tall = np.vstack([J, np.sqrt(damping) * np.eye(len(p))])
        move = np.linalg.lstsq(tall, -np.concatenate([r, np.zeros(len(p))]), rcond=None)[0]
        tried = residual(p + move)
        if tried @ tried < r @ r:
            p, r, damping = p + move, tried, damping / 3.0
        else:
            damping = 2.0 * damping
        if np.linalg.norm(move) < 1e-6:
            break
        rounds += 1
    return p


def loss(y, guess, damping):
    p = fit(y, guess, damping)
    return p[2] ** 2 / p[1] + np.mean((model(p) - y) ** 2)


def arguments():
    noise = 0.05 * np.random.default_rng(16).normal(size=POINTS)
    y = 2.0 * np.exp(-0.5 * T) * np.cos(3.0 * T + 0.4) + 0.3 + noise
    return y, np.array([1.0, 1.0, 2.6, 0.0, 0.0]), 1.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def model(p):
        return p[0] * jnp.exp(-p[1] * T) * jnp.cos(p[2] * T + p[3]) + p[4]

    def loss(y, guess, damping):
        def residual(p):
            return model(p) - y

        def better(state, _):                # 40 rounds, most of them masked
            p, damping, done = state
            r, J = residual(p), jax.jacfwd(residual)(p)
            tall = jnp.concatenate([J, jnp.sqrt(damping) * jnp.eye(5)])
            q, upper = jnp.linalg.qr(tall)
            move = jax.scipy.linalg.solve_triangular(upper, -q[:POINTS].T @ r)
            tried = residual(p + move)
            good = tried @ tried < r @ r
            new = jnp.where(~done & good, p + move, p)
            damping = jnp.where(done, damping, jnp.where(good, damping / 3.0, 2.0 * damping))
            return (new, damping, done | (jnp.linalg.norm(move) < 1e-6)), None

        (p, _, _), _ = jax.lax.scan(better, (guess, damping, False), length=40)
        return p[2] ** 2 / p[1] + jnp.mean((model(p) - y) ** 2)

    return loss
