"""A car with an automatic gearbox: when it shifts, and a clutch that slips until both sides turn alike.

    J_e w_e' = torque(w_e) throttle - c,    m r w' = ratio c / r - drag - rolling

Kiencke and Nielsen, Automotive Control Systems, chapter 6; the torque curve is a polynomial.
"""

import numpy as np

import tinydp as dp

CHANGED = "1 message: dp.lookup(ratios, gear) for ratios[gear] in step()."

STEPS, DT = 800, 0.02
TORQUE = [-6e-4, 0.5, 90.0]                  # Nm by rad/s, highest power first


def loss(ratios, shift, clutch):
    def transmit(slip):
        return clutch * np.tanh(slip / 5.0)

    def locked(slip):
        return 20.0 * slip

    def step(state, k):
        engine, speed, gear, since = state
        throttle = 1.0 if k < 600 else 0.1
        if since > 25 and engine > shift["up"] and gear < len(ratios) - 1:
            gear, since = gear + 1, 0
        elif since > 25 and engine < shift["down"] and gear > 0:
            gear -= 1
            since = 0
        ratio = dp.lookup(ratios, gear) * 4.0
        slip = engine - ratio * speed / 0.3
        torque = dp.cond(abs(slip) > 10.0, transmit, locked, slip)
        made = throttle * np.polyval(TORQUE, engine) - 0.1 * engine
        engine = max(engine + DT * (made - torque) / 0.8, 80.0)
        force = ratio * torque / 0.3 - 0.4 * speed**2 - 150.0 * np.sign(speed)
        speed = max(0.0, speed + DT * force / 1300.0)
        return (engine, speed, gear, since + 1), (speed, throttle * engine)

    start = (150.0, 5.0, 0, 0)
    (_, speed, gear, _), (speeds, burnt) = dp.scan(step, start, np.arange(STEPS))
    return -np.sum(speeds) * DT / 100.0 + 1e-4 * np.mean(burnt) + 1e-3 * speed * gear


def arguments():
    return [3.6, 2.1, 1.4, 1.0, 0.8], {"up": 420.0, "down": 170.0}, 230.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(ratios, shift, clutch):
        table = jnp.stack(ratios)

        def step(state, k):
            engine, speed, gear, since = state
            throttle = jnp.where(k < 600, 1.0, 0.1)
            up = (since > 25) & (engine > shift["up"]) & (gear < len(ratios) - 1)
            down = ~up & (since > 25) & (engine < shift["down"]) & (gear > 0)
            gear = gear + up - down
            since = jnp.where(up | down, 0, since)
            ratio = table[gear] * 4.0
            slip = engine - ratio * speed / 0.3
            torque = jnp.where(jnp.abs(slip) > 10.0, clutch * jnp.tanh(slip / 5.0), 20.0 * slip)
            made = throttle * jnp.polyval(jnp.array(TORQUE), engine) - 0.1 * engine
            engine = jnp.maximum(engine + DT * (made - torque) / 0.8, 80.0)
            force = ratio * torque / 0.3 - 0.4 * speed**2 - 150.0 * jnp.sign(speed)
            speed = jnp.maximum(0.0, speed + DT * force / 1300.0)
            return (engine, speed, gear, since + 1), (speed, throttle * engine)

        start = (150.0, 5.0, 0, 0)
        (_, speed, gear, _), (speeds, burnt) = jax.lax.scan(step, start, jnp.arange(STEPS))
        return -jnp.sum(speeds) * DT / 100.0 + 1e-4 * jnp.mean(burnt) + 1e-3 * speed * gear

    return loss
