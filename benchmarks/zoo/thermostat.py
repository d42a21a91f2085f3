"""A house with a thermostat: a state machine with hysteresis and a shortest running time.

    C T' = P m + (T_out - T) / R,    m: off -> heating below low, heating -> off above high

A hybrid automaton: Lee and Seshia, Introduction to Embedded Systems, chapter 4, example 4.2.
"""

from enum import IntEnum

import numpy as np

import tinydp as dp

CHANGED = ""

STEPS, DT, SHORTEST = 1440, 60.0, 10            # a day by the minute


class Mode(IntEnum):
    OFF = 0
    HEATING = 1
    FAULT = 2


def switch(mode, since, temperature, low, high):
    """The next mode, and for how many steps it has been on."""
    if temperature > 60.0:
        return Mode.FAULT, 0
    if since < SHORTEST:
        return mode, since + 1
    if mode == Mode.OFF and temperature < low:
        return Mode.HEATING, 0
    if mode == Mode.HEATING and temperature > high:
        return Mode.OFF, 0
    return mode, since + 1


def loss(house, low, high):
    def step(state, minute):
        temperature, mode, since, energy = state
        mode, since = switch(mode, since, temperature, low, high)
        power = house["power"] if mode == Mode.HEATING else 0.0
        outside = 5.0 + 6.0 * np.sin(2.0 * np.pi * (minute / 1440 - 0.3))
        leak = (outside - temperature) / house["resistance"]
        temperature = temperature + DT * (power + leak) / house["capacity"]
        discomfort = (temperature - (low + high) / 2) ** 2 if 6 * 60 <= minute % 1440 < 22 * 60 else 0.0
        return (temperature, mode, since, energy + power * DT), discomfort

    (_, mode, _, energy), discomfort = dp.scan(step, (16.0, Mode.OFF, 0, 0.0), np.arange(STEPS))
    assert mode != Mode.FAULT
    return np.mean(discomfort) + energy / 3.6e6 * 0.1


def arguments():
    return {"power": 6000.0, "resistance": 0.005, "capacity": 2e6}, 19.0, 21.0


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(house, low, high):
        def step(state, minute):
            temperature, mode, since, energy = state
            on = (mode == 0) & (temperature < low)
            off = (mode == 1) & (temperature > high)
            free, fault = since >= SHORTEST, temperature > 60.0
            changed = fault | (free & (on | off))
            mode = jnp.where(fault, 2, jnp.where(free & on, 1, jnp.where(free & off, 0, mode)))
            since = jnp.where(changed, 0, since + 1)
            power = jnp.where(mode == 1, house["power"], 0.0)
            outside = 5.0 + 6.0 * jnp.sin(2.0 * jnp.pi * (minute / 1440 - 0.3))
            leak = (outside - temperature) / house["resistance"]
            temperature = temperature + DT * (power + leak) / house["capacity"]
            awake = (minute % 1440 >= 360) & (minute % 1440 < 1320)
            discomfort = jnp.where(awake, (temperature - (low + high) / 2) ** 2, 0.0)
            return (temperature, mode, since, energy + power * DT), discomfort

        (_, _, _, energy), discomfort = jax.lax.scan(step, (16.0, 0, 0, 0.0), jnp.arange(STEPS))
        return jnp.mean(discomfort) + energy / 3.6e6 * 0.1

    return loss
