"""A real pendulum: heavier or longer than drawn, its motor weaker, its bearing rough.

    dω/dt = 3 g / (2 l) sin θ + 3 / (m l²) (gain τ - viscous ω - Coulomb's friction - what no seed draws)

in the steps of Gymnasium's Pendulum-v1, to whose bits it is equal with nominal parameters. Coulomb's
friction works against the motion, and can bring it to rest within a step, but not turn it round: what
would be left of a step's change of rate is cut off at 0. Two effects depend on the angle, are in no world
unless they are asked for by name, and have no parameter in any simulator: a motor that cogs, with the torque
cogging sin(4 θ), and a bearing that rubs on one side, with the friction rubbing (1 + sin θ) / 2 ω.
Nothing here is shared with `tinydp.sims.pendulum`, which a learner may differentiate.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

GRAVITY, MASS, LENGTH, DT, MAX_TORQUE, MAX_RATE = 10.0, 1.0, 1.0, 0.05, 2.0, 8
COGS = 4                        # of the motor in a turn


class Truth(NamedTuple):
    """What the learner does not know: factors on mass, length, motor gain; friction; noise.

    `viscous` is in N m s, `coulomb` in N m; the noise has the standard deviations `angle_noise` in rad
    and `rate_noise` in rad/s. `cogging` in N m and `rubbing` in N m s depend on the angle; no seed draws
    them.
    """

    mass: float = 1.0
    length: float = 1.0
    gain: float = 1.0
    viscous: float = 0.0
    coulomb: float = 0.0
    angle_noise: float = 0.0
    rate_noise: float = 0.0
    cogging: float = 0.0
    rubbing: float = 0.0


def draw(rng: np.random.Generator) -> Truth:
    """One world: mass x 0.7 to 1.5, length x 0.8 to 1.25, gain x 0.8 to 1.2, friction to 0.2 and 0.3."""
    return Truth(rng.uniform(0.7, 1.5), rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.2),
                 rng.uniform(0, 0.2), rng.uniform(0, 0.3), 0.01, 0.05)


class Pendulum:
    """Sensed are θ in rad from upright and ω in rad/s; an action is an array (1,), the torque in N m."""

    longest = 200
    action_space = spaces.Box(-MAX_TORQUE, MAX_TORQUE, (1,), np.float32)

    def __init__(self, truth: Truth):
        self.truth = truth
        self.noise = np.array([truth.angle_noise, truth.rate_noise])
        high = np.array([1.0, 1.0, MAX_RATE + 6 * truth.rate_noise], np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)

    def start(self, rng: np.random.Generator) -> None:
        self.theta, self.rate = rng.uniform([-np.pi, -1.0], [np.pi, 1.0])

    def step(self, action: Any) -> bool:
        truth = self.truth
        mass, length = MASS * truth.mass, LENGTH * truth.length
        torque = truth.gain * _torque(action)
        if truth.viscous:
            torque -= truth.viscous * self.rate
        if truth.cogging:
            torque -= truth.cogging * np.sin(COGS * self.theta)
        if truth.rubbing:
            torque -= truth.rubbing * (1 + np.sin(self.theta)) / 2 * self.rate
        rate = self.rate + (3 * GRAVITY / (2 * length) * np.sin(self.theta)
                            + 3.0 / (mass * length**2) * torque) * DT
        if truth.coulomb:
            rate = np.sign(rate) * max(0.0, abs(rate) - 3.0 / (mass * length**2) * truth.coulomb * DT)
        self.rate = np.clip(rate, -MAX_RATE, MAX_RATE)
        self.theta = self.theta + self.rate * DT
        return False

    def sense(self) -> np.ndarray:
        return np.array([self.theta, self.rate])

    def show(self, sensed: np.ndarray) -> np.ndarray:
        theta, rate = sensed
        seen = np.array([np.cos(theta), np.sin(theta), rate], np.float32)
        return np.clip(seen, self.observation_space.low, self.observation_space.high)

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        theta, rate = before
        turned = (theta + np.pi) % (2 * np.pi) - np.pi
        return -(turned**2 + 0.1 * rate**2 + 0.001 * _torque(action)**2)


def _torque(action: Any) -> Any:
    """What the motor is told, within its limits; its first element alone, as Gymnasium takes it."""
    return np.clip(np.asarray(action).reshape(-1), -MAX_TORQUE, MAX_TORQUE)[0]
