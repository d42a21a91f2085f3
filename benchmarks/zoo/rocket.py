"""A rocket of two stages on its way to orbit: thrust while it burns, a coast, and a stage that is dropped.

    r' = v,    v' = (F / m) e(pitch) - g(r) - drag / m,    m' = -F / (g0 I_sp)

Curtis, Orbital Mechanics for Engineering Students, chapter 13. The pitch follows a table of angles.
"""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, DT = 900, 0.5
EARTH, MU, G0 = 6.371e6, 3.986e14, 9.81
KNOTS = np.linspace(0.0, 450.0, 10)


class Rocket(NamedTuple):
    x: Any                                   # m along the ground
    y: Any                                   # m above it
    vx: Any
    vy: Any
    mass: Any                                # kg
    stage: int = 1


def thrust(t, rocket, stages):
    """Newtons, and kilograms that are burnt a second."""
    first, second = stages
    if t < first["burn"]:
        force = first["force"]
        return force, force / (G0 * first["impulse"])
    if t < first["burn"] + 10.0:
        return 0.0, 0.0
    if t - first["burn"] - 10.0 < second["burn"]:
        force = second["force"]
        return force, force / (G0 * second["impulse"])
    return 0.0, 0.0


def loss(stages, pitch, payload):
    def step(rocket, k):
        t = k * DT
        force, flow = thrust(t, rocket, stages)
        if rocket.stage == 1 and t >= stages[0]["burn"] + 5.0:
            rocket = rocket._replace(mass=rocket.mass - stages[0]["empty"], stage=2)
        angle = np.interp(t, KNOTS, pitch)
        altitude = max(rocket.y, 0.0)
        density = 1.225 * np.exp(-altitude / 8500.0) if altitude < 1.2e5 else 0.0
        speed = np.hypot(rocket.vx, rocket.vy)
        drag = 0.5 * density * 0.3 * 10.0 * speed
        r = EARTH + rocket.y
        ax = (force * np.cos(angle) - drag * rocket.vx) / rocket.mass
        ay = (force * np.sin(angle) - drag * rocket.vy) / rocket.mass - MU / r**2 + rocket.vx**2 / r
        vx, vy = rocket.vx + DT * ax, rocket.vy + DT * ay
        moved = rocket._replace(x=rocket.x + DT * vx, y=rocket.y + DT * vy, vx=vx, vy=vy)
        return moved._replace(mass=moved.mass - DT * flow), (altitude, density * speed**2 / 2.0)

    mass = payload + sum(stage["empty"] + stage["fuel"] for stage in stages)
    last, (altitude, pressure) = dp.scan(step, Rocket(0.0, 0.0, 1.0, 1.0, mass), np.arange(STEPS))
    energy = (last.vx**2 + last.vy**2) / 2.0 - MU / (EARTH + last.y)
    return -energy / 1e7 + (last.y / 2e5 - 1.0) ** 2 + 1e-5 * np.max(pressure) + 1e-6 * np.mean(altitude)


def arguments():
    first = {"force": 7.6e6, "impulse": 290.0, "burn": 150.25, "fuel": 4.1e5, "empty": 2.5e4}
    second = {"force": 9.3e5, "impulse": 348.0, "burn": 340.25, "fuel": 1.07e5, "empty": 4e3}
    return (first, second), np.array([1.45, 1.2, 0.9, 0.6, 0.45, 0.35, 0.25, 0.15, 0.1, 0.0]), 1.5e4


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(stages, pitch, payload):
        first, second = stages
        flow1 = first["force"] / (G0 * first["impulse"])
        flow2 = second["force"] / (G0 * second["impulse"])

        def step(rocket, k):
            t = k * DT
            one = t < first["burn"]
            two = (t >= first["burn"] + 10.0) & (t - first["burn"] - 10.0 < second["burn"])
            force = jnp.where(one, first["force"], jnp.where(two, second["force"], 0.0))
            flow = jnp.where(one, flow1, jnp.where(two, flow2, 0.0))
            drop = (rocket.stage == 1) & (t >= first["burn"] + 5.0)
            mass = jnp.where(drop, rocket.mass - first["empty"], rocket.mass)
            angle = jnp.interp(t, KNOTS, pitch)
            altitude = jnp.where(rocket.y < 0.0, 0.0, rocket.y)
            density = jnp.where(altitude < 1.2e5, 1.225 * jnp.exp(-altitude / 8500.0), 0.0)
            speed = jnp.hypot(rocket.vx, rocket.vy)
            drag, r = 0.5 * density * 0.3 * 10.0 * speed, EARTH + rocket.y
            vx = rocket.vx + DT * (force * jnp.cos(angle) - drag * rocket.vx) / mass
            gravity = MU / r**2 - rocket.vx**2 / r
            vy = rocket.vy + DT * ((force * jnp.sin(angle) - drag * rocket.vy) / mass - gravity)
            moved = Rocket(rocket.x + DT * vx, rocket.y + DT * vy, vx, vy, mass - DT * flow,
                           jnp.where(drop, 2, rocket.stage))
            return moved, (altitude, density * speed**2 / 2.0)

        mass = payload + sum(stage["empty"] + stage["fuel"] for stage in stages)
        last, (altitude, pressure) = jax.lax.scan(step, Rocket(0.0, 0.0, 1.0, 1.0, mass), jnp.arange(STEPS))
        energy = (last.vx**2 + last.vy**2) / 2.0 - MU / (EARTH + last.y)
        return (-energy / 1e7 + (last.y / 2e5 - 1.0) ** 2 + 1e-5 * jnp.max(pressure)
                + 1e-6 * jnp.mean(altitude))

    return loss
