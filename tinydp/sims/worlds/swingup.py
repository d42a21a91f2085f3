"""A real cart with a pole to swing up: longer or heavier than drawn, its motor weaker, its bearings rough.

With T the force along the track by which the cart takes the pole with it, whose middle is at x + l sin θ,

    M dv/dt = gain F - track v - T
    T = m (dv/dt + l dω/dt cos θ - l ω² sin θ)
    4/3 l dω/dt = g sin θ - dv/dt cos θ - pivot ω / (m l)

The third, put into the second, and that into the first, leave one equation for dv/dt. They are integrated by
Runge and Kutta's method in steps of 10 ms, four to a push. Nothing here is shared with `tinydp.sims.swingup`,
which a learner may differentiate; with nominal parameters the two agree to their time steps.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH, PUSH, MAX_X = 9.8, 1.0, 0.1, 0.5, 10.0, 2.4
DT, PARTS = 0.04, 4
Four = tuple[float, float, float, float]


class Truth(NamedTuple):
    """What the learner does not know: factors on length, masses and gain; friction; noise.

    `track` is viscous friction in N s/m, `pivot` in N m s; `noise` is a factor on the standard deviations
    (0.002 m, 0.02 m/s, 0.005 rad, 0.05 rad/s) of what is sensed.
    """

    half_length: float = 1.0
    pole_mass: float = 1.0
    cart_mass: float = 1.0
    gain: float = 1.0
    track: float = 0.0
    pivot: float = 0.0
    noise: float = 0.0


def draw(rng: np.random.Generator) -> Truth:
    """One world: length x 0.6 to 1.5, pole x 0.5 to 2, cart x 0.7 to 1.4, gain x 0.8 to 1.2.

    Friction is up to 1 N s/m on the track and 0.01 N m s at the pivot.
    """
    return Truth(rng.uniform(0.6, 1.5), 2.0**rng.uniform(-1, 1), rng.uniform(0.7, 1.4), rng.uniform(0.8, 1.2),
                 rng.uniform(0, 1), rng.uniform(0, 0.01), 1.0)


class SwingUp:
    """Sensed are x in m, v in m/s, θ in rad and ω in rad/s; an action (1,) is a share of the push."""

    longest = 250
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    observation_space = spaces.Box(*np.array([[-np.inf, np.inf]] * 5, np.float32).T, dtype=np.float32)

    def __init__(self, truth: Truth):
        self.truth = truth
        self.noise = truth.noise * np.array([0.002, 0.02, 0.005, 0.05])

    def start(self, rng: np.random.Generator) -> None:
        self.state = np.array([0.0, 0.0, np.pi, 0.0]) + rng.uniform(-0.05, 0.05, 4)

    def step(self, action: Any) -> bool:
        force = self.truth.gain * PUSH * float(np.clip(np.asarray(action).reshape(-1)[0], -1.0, 1.0))
        self.state = np.array(_after_push(tuple(self.state.tolist()), force, self.truth))
        return bool(abs(self.state[0]) > MAX_X)

    def sense(self) -> np.ndarray:
        return self.state

    def show(self, sensed: np.ndarray) -> np.ndarray:
        x, speed, theta, rate = sensed
        return np.array([x, speed, np.cos(theta), np.sin(theta), rate], np.float32)

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        return (1 + np.cos(after[2])) / 2 - (after[0] / MAX_X)**2 / 10


# ---------------------------------------------------------------------------- physics

def _after_push(state: Four, force: float, truth: Truth) -> Four:
    """Position, speed, angle and rate after a push."""
    h = DT / PARTS
    for _ in range(PARTS):
        first = _motion(state, force, truth)
        second = _motion(_on(state, h / 2, first), force, truth)
        third = _motion(_on(state, h / 2, second), force, truth)
        fourth = _motion(_on(state, h, third), force, truth)
        for slopes, share in ((first, h / 6), (second, h / 3), (third, h / 3), (fourth, h / 6)):
            state = _on(state, share, slopes)
    return state


def _motion(state: Four, force: float, truth: Truth) -> Four:
    """The rates of change of all four."""
    _, speed, theta, rate = state
    cart, pole = CART_MASS * truth.cart_mass, POLE_MASS * truth.pole_mass
    length, sine, cosine = HALF_LENGTH * truth.half_length, math.sin(theta), math.cos(theta)
    falls = GRAVITY * sine - truth.pivot * rate / (pole * length)
    pull = ((force - truth.track * speed + pole * (length * rate**2 * sine - 0.75 * cosine * falls))
            / (cart + pole * (1 - 0.75 * cosine**2)))
    return speed, pull, rate, 0.75 * (falls - pull * cosine) / length


def _on(state: Four, by: float, slopes: Four) -> Four:
    """Along the slopes."""
    (a, b, c, d), (da, db, dc, dd) = state, slopes
    return a + by * da, b + by * db, c + by * dc, d + by * dd
