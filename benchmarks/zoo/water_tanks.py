"""A cascade of water tanks that overflow, as objects that change: a person's first program of this kind.

    A h' = q_in - c sqrt(2 g h) - q_over,    what is above the rim runs into the next tank

Ogata, System Dynamics, chapter 7.
"""

import numpy as np

CHANGED = ""

STEPS, DT, G = 120, 1.0, 9.81


class Tank:
    def __init__(self, area, hole, height, level=0.0):
        self.area, self.hole, self.height, self.level = area, hole, height, level
        self.spilled = 0.0

    def step(self, inflow):
        """What flows out, of the hole and over the rim."""
        out = 0.0
        if self.level > 0.0:
            out = min(self.hole * np.sqrt(2.0 * G * self.level), self.level * self.area / DT)
        self.level += DT * (inflow - out) / self.area
        if self.level > self.height:
            over = (self.level - self.height) * self.area / DT
            self.level = self.height
            self.spilled += over * DT
            out += over
        return out


def rain(k, shower):
    match k // 20:
        case 0 | 3:
            return shower
        case 1:
            return 0.2 * shower
        case _:
            return 0.0


def loss(areas, holes, shower):
    heights = [1.0, 0.8, 0.6]
    tanks = [Tank(*sizes) for sizes in zip(areas, holes, heights, strict=True)]
    history = []
    for k in range(STEPS):
        flow = rain(k, shower)
        for tank in tanks:
            flow = tank.step(flow)
        history.append((tanks[-1].level, flow))
    levels = np.stack([level for level, _ in history])
    peak = max(flow for _, flow in history)
    return np.mean((levels - 0.3) ** 2) + 10.0 * peak + sum(tank.spilled for tank in tanks)


def arguments():
    return np.array([1.0, 0.8, 0.9]), (0.008, 0.006, 0.007), 0.07


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss(areas, holes, shower):
        heights = [1.0, 0.8, 0.6]

        def step(state, k):
            levels, spilled = state
            phase = k // 20
            flow = jnp.where((phase == 0) | (phase == 3), shower, jnp.where(phase == 1, 0.2 * shower, 0.0))
            new = []
            for i in range(3):
                wet = levels[i] > 0.0
                fast = holes[i] * jnp.sqrt(2.0 * G * jnp.where(wet, levels[i], 1.0))
                out = jnp.where(wet, jnp.minimum(fast, levels[i] * areas[i] / DT), 0.0)
                level = levels[i] + DT * (flow - out) / areas[i]
                over = jnp.where(level > heights[i], (level - heights[i]) * areas[i] / DT, 0.0)
                new.append(jnp.where(level > heights[i], heights[i], level))
                spilled = spilled + over * DT
                flow = out + over
            return (new, spilled), (new[-1], flow)

        (_, spilled), (levels, flows) = jax.lax.scan(step, ([0.0, 0.0, 0.0], 0.0), jnp.arange(STEPS))
        return jnp.mean((levels - 0.3) ** 2) + 10.0 * jnp.max(flows) + spilled

    return loss
