"""A ball, thrown through air, keeps a part e of its speed at each bounce. Where is the fourth?

    v' = -g - k |v| v,     v -> -e v at the ground

Newton's law of restitution, Principia, book I, scholium to the laws of motion; drag with the square of the
speed as in J. R. Taylor, Classical Mechanics (2005), section 2.4. Each flight ends at the ground: an event.
"""

from dataclasses import dataclass, replace

import numpy as np

import tinydp as dp

CHANGED = ""
GRAVITY, DT, BOUNCES = 9.81, 0.01, 4                   # [m/s^2], [s]


@dataclass(frozen=True)
class Ball:
    """Where it is [m], how fast [m/s], and when [s]."""

    x: float
    y: float
    vx: float
    vy: float
    t: float


def loss(speed, angle, restitution, drag):
    """How far the fourth bounce is from 12 m and from 4 s."""
    def fly(ball, dt):
        """Heun's method."""
        def forces(vx, vy):
            air = drag * np.sqrt(vx ** 2 + vy ** 2)
            return -air * vx, -GRAVITY - air * vy

        ax, ay = forces(ball.vx, ball.vy)
        vx, vy = ball.vx + dt * ax, ball.vy + dt * ay
        bx, by = forces(vx, vy)
        return Ball(ball.x + dt * (ball.vx + vx) / 2, ball.y + dt * (ball.vy + vy) / 2,
                    ball.vx + dt * (ax + bx) / 2, ball.vy + dt * (ay + by) / 2, ball.t + dt)

    ball = Ball(0.0, 1.0, speed * np.cos(angle), speed * np.sin(angle), 0.0)
    for _ in range(BOUNCES):
        ball = dp.integrate(fly, ball, until=lambda ball: ball.y, dt=DT)
        ball = replace(ball, y=0.0, vx=0.9 * ball.vx, vy=-restitution * ball.vy)
    return (ball.x - 12.0) ** 2 + (ball.t - 4.0) ** 2


def arguments():
    """The speed [m/s], the angle [rad], the restitution, the drag [1/m]."""
    return 9.0, 0.9, 0.8, 0.02


def in_jax():
    """The same in JAX: flights of at most 300 steps, and the last length by Newton's method."""
    import jax
    import jax.numpy as jnp

    def loss(speed, angle, restitution, drag):
        def forces(v):
            return jnp.array([0.0, -GRAVITY]) - drag * jnp.sqrt(jnp.sum(v ** 2)) * v

        def fly(ball, dt):
            x, v, t = ball
            a = forces(v)
            ahead = v + dt * a
            return x + dt * (v + ahead) / 2, v + dt * (a + forces(ahead)) / 2, t + dt

        def flight(ball, _):
            def step(now, _):
                ball, landed = now
                ahead = fly(ball, DT)
                landed = landed | (ahead[0][1] <= 0)
                return (jax.tree.map(lambda a, b: jnp.where(landed, a, b), ball, ahead), landed), None

            (ball, _), _ = jax.lax.scan(step, (ball, False), length=300)

            def newton(h, _):
                height, slope = jax.value_and_grad(lambda h: fly(ball, h)[0][1])(h)
                return h - height / slope, None

            h, _ = jax.lax.scan(newton, DT / 2, length=8)
            x, v, t = fly(ball, h)
            return (x * jnp.array([1.0, 0.0]), v * jnp.array([0.9, -restitution]), t), None

        start = (jnp.array([0.0, 1.0]), speed * jnp.array([jnp.cos(angle), jnp.sin(angle)]), 0.0)
        (x, _, t), _ = jax.lax.scan(flight, start, length=BOUNCES)
        return (x[0] - 12.0) ** 2 + (t - 4.0) ** 2

    return loss
