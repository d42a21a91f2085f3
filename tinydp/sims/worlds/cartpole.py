"""A real cart-pole: its pole longer, its motor stronger, its track rough, its pushes late.

    temp = (gain F + m l ω² sin θ - friction sign v) / (M + m)
    dω/dt = (g sin θ - cos θ temp) / (l (4/3 - m cos² θ / (M + m)))
    dv/dt = temp - m l dω/dt cos θ / (M + m)

in the Euler steps of Gymnasium's CartPole-v1, to whose bits it is equal with nominal parameters. A push
acts `delay` steps after it was asked for; until the first does, there is none. Nothing here is
shared with `tinydp.sims.cartpole`, which a learner may differentiate.
"""

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH, PUSH, DT = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
MAX_X, MAX_THETA = 2.4, 12 * 2 * np.pi / 360


class Truth(NamedTuple):
    """What the learner does not know: factors on length, masses and gain; friction; delay; noise.

    `friction` of the track is in N, `delay` in steps; `noise` is a factor on the standard deviations
    (0.002 m, 0.01 m/s, 0.001 rad, 0.01 rad/s) of what is sensed.
    """

    half_length: float = 1.0
    pole_mass: float = 1.0
    cart_mass: float = 1.0
    gain: float = 1.0
    friction: float = 0.0
    delay: int = 0
    noise: float = 0.0


def draw(rng: np.random.Generator) -> Truth:
    """One world: length x 0.6 to 1.5, pole x 0.5 to 2, cart x 0.7 to 1.4, gain x 0.8 to 1.2, friction to 1 N.

    Pushes are late by one step.
    """
    return Truth(rng.uniform(0.6, 1.5), 2.0**rng.uniform(-1, 1), rng.uniform(0.7, 1.4), rng.uniform(0.8, 1.2),
                 rng.uniform(0, 1), 1, 1.0)


class CartPole:
    """Sensed are x in m, v in m/s, θ in rad and ω in rad/s; an action is 1 to push right, 0 left."""

    longest = 500

    def __init__(self, truth: Truth):
        self.truth = truth
        self.noise = truth.noise * np.array([0.002, 0.01, 0.001, 0.01])
        self.action_space = spaces.Discrete(2)
        high = np.array([2 * MAX_X, np.inf, 2 * MAX_THETA, np.inf], np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)

    def start(self, rng: np.random.Generator) -> None:
        self.state = rng.uniform(-0.05, 0.05, 4)
        self.pushes = deque([0.0] * self.truth.delay)

    def step(self, action: Any) -> bool:
        truth = self.truth
        self.pushes.append(truth.gain * (PUSH if action == 1 else -PUSH))
        force = self.pushes.popleft()
        x, v, theta, omega = self.state
        if truth.friction:
            force -= truth.friction * np.sign(v)
        pole, length = POLE_MASS * truth.pole_mass, HALF_LENGTH * truth.half_length
        total = pole + CART_MASS * truth.cart_mass
        sine, cosine = np.sin(theta), np.cos(theta)
        temp = (force + pole * length * np.square(omega) * sine) / total
        turn = (GRAVITY * sine - cosine * temp) / (length * (4.0 / 3.0 - pole * np.square(cosine) / total))
        pull = temp - pole * length * turn * cosine / total
        self.state = np.array([x + DT * v, v + DT * pull, theta + DT * omega, omega + DT * turn])
        return bool(abs(self.state[0]) > MAX_X or abs(self.state[2]) > MAX_THETA)

    def sense(self) -> np.ndarray:
        return self.state

    def show(self, sensed: np.ndarray) -> np.ndarray:
        return sensed.astype(np.float32)

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        return 1.0
