"""A motor that positions a load: dead zone of the amplifier, sticking friction, backlash of the gear.

    L i' = u - R i - k w,    J w' = k i - friction(w) - load,    x' = w

Armstrong-Helouvry, Control of Machines with Friction; Karnopp's stick-slip model, with the state as a frozen
dataclass, as one writes it today.
"""

from dataclasses import dataclass, replace

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, DT = 800, 0.002


@dataclass(frozen=True)
class Motor:
    current: float = 0.0                     # ampere
    speed: float = 0.0                       # rad/s
    angle: float = 0.0                       # rad
    load: float = 0.0                        # angle of the load behind the gear's play, rad


def dead_zone(u, width):
    if abs(u) < width:
        return 0.0
    return u - np.copysign(width, u)


def friction(speed, drive, parts):
    """The torque that slows, or holds, the shaft."""
    if abs(speed) < 0.05:
        return min(max(drive, -parts["stick"]), parts["stick"])
    return np.sign(speed) * parts["coulomb"] + parts["viscous"] * speed


def backlash(load, angle, play):
    if angle - load > play / 2:
        return angle - play / 2
    elif angle - load < -play / 2:
        return angle + play / 2
    return load


def loss(gains, parts):
    def step(motor, k):
        wanted = 1.0 if (k // 200) % 2 == 0 else -0.5
        volts = gains[0] * (wanted - motor.load) - gains[1] * motor.speed
        volts = dead_zone(max(-24.0, min(24.0, volts)), parts["dead"])
        drive = 0.5 * motor.current
        torque = drive - friction(motor.speed, drive, parts)
        motor = replace(
            motor,
            current=motor.current + DT * (volts - motor.current - 0.5 * motor.speed) / 0.01,
            speed=motor.speed + DT * torque / parts["inertia"],
        )
        motor = replace(motor, angle=motor.angle + DT * motor.speed)
        motor = replace(motor, load=backlash(motor.load, motor.angle, parts["play"]))
        return motor, (motor.load - wanted) ** 2 + 1e-4 * volts**2

    motor, costs = dp.scan(step, Motor(), range(STEPS))
    return DT * np.sum(costs) + motor.speed**2


def arguments():
    parts = {"dead": 0.4, "stick": 0.12, "coulomb": 0.1, "viscous": 0.01, "inertia": 0.02, "play": 0.05}
    return (9.0, 0.6), parts


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(gains, parts):
        def step(motor, k):
            current, speed, angle, load = motor
            wanted = jnp.where((k // 200) % 2 == 0, 1.0, -0.5)
            volts = jnp.clip(gains[0] * (wanted - load) - gains[1] * speed, -24.0, 24.0)
            dead = parts["dead"]
            volts = jnp.where(jnp.abs(volts) < dead, 0.0, volts - jnp.sign(volts) * dead)
            drive = 0.5 * current
            holds = jnp.clip(drive, -parts["stick"], parts["stick"])
            slides = jnp.sign(speed) * parts["coulomb"] + parts["viscous"] * speed
            torque = drive - jnp.where(jnp.abs(speed) < 0.05, holds, slides)
            current = current + DT * (volts - current - 0.5 * speed) / 0.01
            speed = speed + DT * torque / parts["inertia"]
            angle, half = angle + DT * speed, parts["play"] / 2
            load = jnp.clip(load, angle - half, angle + half)
            return (current, speed, angle, load), (load - wanted) ** 2 + 1e-4 * volts**2

        motor, costs = jax.lax.scan(step, (0.0, 0.0, 0.0, 0.0), jnp.arange(STEPS))
        return DT * jnp.sum(costs) + motor[1] ** 2

    return loss
