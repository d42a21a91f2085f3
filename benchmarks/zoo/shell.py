"""A shell with a drag table: how far it flies, by the elevation, the powder and the shape of the shell.

    v' = -1/2 rho(y) C(Mach) A |v| v / m - g,    until it comes down

McCoy, Modern Exterior Ballistics, chapter 8; the drag of the G1 projectile by its table.
"""

import numpy as np

import tinydp as dp

CHANGED = "3 messages: dp.lookup(MACH, ...) for MACH[i], twice, and MACH[i + 1] in drag()."

DT = 0.05
MACH = np.array([0.0, 0.5, 0.7, 0.875, 0.95, 1.0, 1.1, 1.3, 1.6, 2.0, 2.5, 3.5])


def air(y):
    """Density and speed of sound: the standard atmosphere below and above 11 km."""
    if y < 11000.0:
        T = 288.15 - 0.0065 * y
        return 1.225 * (T / 288.15) ** 4.256, np.sqrt(401.87 * T)
    return 0.3639 * np.exp(-(y - 11000.0) / 6341.6), 295.07


def drag(mach, table):
    """Between two entries of the table, on a line."""
    i = np.searchsorted(MACH, mach, side="right") - 1
    if i >= len(MACH) - 1:
        return table[-1]
    weight = (mach - dp.lookup(MACH, i)) / (dp.lookup(MACH, i + 1) - dp.lookup(MACH, i))
    return (1.0 - weight) * table[i] + weight * table[i + 1]


def loss(angle, powder, table):
    def rates(state):
        _, y, vx, vy = state
        density, sound = air(y)
        speed = np.sqrt(vx**2 + vy**2)
        brake = 0.5 * density * drag(speed / sound, table) * 0.01887 * speed / 43.0
        return vx, vy, -brake * vx, -brake * vy - 9.81

    def heun(state, dt):
        a = rates(state)
        b = rates(tuple(s + dt * r for s, r in zip(state, a, strict=True)))
        return tuple(s + dt / 2 * (p + q) for s, p, q in zip(state, a, b, strict=True))

    muzzle = 250.0 * np.sqrt(powder)
    start = (0.0, 1.0, muzzle * np.cos(angle), muzzle * np.sin(angle))
    x, _, vx, vy = dp.integrate(heun, start, until=lambda state: state[1], dt=DT)
    return (x / 1000.0 - 14.0) ** 2 + 1e-5 * (vx**2 + vy**2)


def arguments():
    table = np.array([0.263, 0.203, 0.217, 0.255, 0.342, 0.481, 0.584, 0.659, 0.640, 0.593, 0.540, 0.513])
    return 0.8, 7.0, table


def in_jax():
    import jax
    import jax.numpy as jnp

    def air(y):
        T = 288.15 - 0.0065 * jnp.minimum(y, 11000.0)
        low = y < 11000.0
        density = jnp.where(low, 1.225 * (T / 288.15) ** 4.256, 0.3639 * jnp.exp(-(y - 11000.0) / 6341.6))
        return density, jnp.where(low, jnp.sqrt(401.87 * T), 295.07)

    def loss(angle, powder, table):
        def rates(state):
            density, sound = air(state[1])
            speed = jnp.sqrt(state[2] ** 2 + state[3] ** 2)
            brake = 0.5 * density * jnp.interp(speed / sound, MACH, table) * 0.01887 * speed / 43.0
            return jnp.array([state[2], state[3], -brake * state[2], -brake * state[3] - 9.81])

        def heun(state, dt):
            a = rates(state)
            return state + dt / 2 * (a + rates(state + dt * a))

        def bounded(state, _):               # at most 80 s: lax.while_loop has no reverse mode
            after = heun(state, DT)
            return jnp.where(after[1] > 0.0, after, state), None

        muzzle = 250.0 * jnp.sqrt(powder)
        start = jnp.array([0.0, 1.0, muzzle * jnp.cos(angle), muzzle * jnp.sin(angle)])
        last, _ = jax.lax.scan(bounded, start, length=1600)

        def height(h):
            return heun(last, h)[1]

        def newton(f, h):
            return jax.lax.fori_loop(0, 8, lambda _, h: h - f(h) / jax.grad(f)(h), h)

        h = jax.lax.custom_root(height, DT / 2, newton, lambda g, y: y / g(1.0))
        x, _, vx, vy = heun(last, h)
        return (x / 1000.0 - 14.0) ** 2 + 1e-5 * (vx**2 + vy**2)

    return loss
