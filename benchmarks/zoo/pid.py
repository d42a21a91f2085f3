"""A PID controller with a limited valve and a clamped integrator, tuned on a tank with dead time.

    u = Kp e + Ki int e dt + Kd de/dt,    T y' = K u(t - d) - y

The integrator stops while the valve is at its limit and the error would drive it further: conditional
integration, Astrom and Hagglund, Advanced PID Control, section 3.5.
"""

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, DT, DELAY = 600, 0.05, 8


def controller(gains, memory, error):
    """The valve's position, and what the controller remembers."""
    integral, last = memory
    wanted = gains["p"] * error + gains["i"] * integral + gains["d"] * (error - last) / DT
    if wanted > 1.0:
        valve = 1.0
    elif wanted < 0.0:
        valve = 0.0
    else:
        valve = wanted
    saturated = wanted != valve
    if not (saturated and error * wanted > 0.0):
        integral = integral + error * DT
    return valve, (integral, error)


def loss(gains, gain, constant):
    def step(state, k):
        level, pipe, memory, cost = state
        if k < 200:
            setpoint = 0.5
        elif 200 <= k < 400:
            setpoint = 0.9
        else:
            setpoint = 0.3
        error = setpoint - level
        valve, memory = controller(gains, memory, error)
        pipe = [valve, *pipe[:-1]]
        level = level + DT * (gain * pipe[-1] - level) / constant
        return (level, pipe, memory, cost + abs(error) * DT), None

    start = (0.0, [0.0] * DELAY, (0.0, 0.0), 0.0)
    (level, _, _, cost), _ = dp.scan(step, start, np.arange(STEPS))
    return cost + (level - 0.3) ** 2


def arguments():
    return {"p": 1.4, "i": 0.9, "d": 0.3}, 1.5, 1.2


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(gains, gain, constant):
        def step(state, k):
            level, pipe, (integral, last), cost = state
            error = jnp.where(k < 200, 0.5, jnp.where(k < 400, 0.9, 0.3)) - level
            wanted = gains["p"] * error + gains["i"] * integral + gains["d"] * (error - last) / DT
            valve = jnp.clip(wanted, 0.0, 1.0)
            stopped = (wanted != valve) & (error * wanted > 0.0)
            integral = jnp.where(stopped, integral, integral + error * DT)
            pipe = jnp.concatenate([valve[None], pipe[:-1]])
            level = level + DT * (gain * pipe[-1] - level) / constant
            return (level, pipe, (integral, error), cost + jnp.abs(error) * DT), None

        start = (0.0, jnp.zeros(DELAY), (0.0, 0.0), 0.0)
        (level, _, _, cost), _ = jax.lax.scan(step, start, jnp.arange(STEPS))
        return cost + (level - 0.3) ** 2

    return loss
