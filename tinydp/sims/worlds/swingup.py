"""A real cart with a pole to swing up: longer or heavier than drawn, its motor weaker, its bearings rough.

With the forces on both masses, T the force that the cart exerts on the pole along the track,

    M dv/dt = gain F - track v - T
    T = m d²/dt² (x + l sin θ)

and the moments about the middle of the pole, where it has the inertia m l²/3, the accelerations are the
solution of a linear system, integrated by an adaptive method of fifth order. Nothing here is shared with
`tinydp.sims.swingup`, which a learner may differentiate; with nominal parameters the two agree to their time
steps.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from scipy.integrate import solve_ivp

GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH, PUSH, DT, MAX_X = 9.8, 1.0, 0.1, 0.5, 10.0, 0.04, 2.4
ACCURACY = {"method": "RK45", "rtol": 1e-6, "atol": 1e-8}


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
    """Sensed are x in m, v in m/s, θ in rad and ω in rad/s; an action is an array (1,), a share of the push."""

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
        found = solve_ivp(_motion(force, self.truth), (0.0, DT), self.state, **ACCURACY)
        self.state = found.y[:, -1]
        return bool(abs(self.state[0]) > MAX_X)

    def sense(self) -> np.ndarray:
        return self.state

    def show(self, sensed: np.ndarray) -> np.ndarray:
        x, speed, theta, rate = sensed
        return np.array([x, speed, np.cos(theta), np.sin(theta), rate], np.float32)

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        return (1 + np.cos(after[2])) / 2 - (after[0] / MAX_X)**2 / 10


def _motion(force: float, truth: Truth) -> Any:
    """The rates of change of (x, v, θ, ω) as a function of time and these."""
    cart, pole, length = (CART_MASS * truth.cart_mass, POLE_MASS * truth.pole_mass,
                          HALF_LENGTH * truth.half_length)

    def motion(t: float, state: np.ndarray) -> list[float]:
        _, speed, theta, rate = state.tolist()
        sine, cosine = np.sin(theta), np.cos(theta)
        # the middle of the pole accelerates by (dv/dt + l dω/dt cos - l ω² sin, -l dω/dt sin - l ω² cos)
        system = np.array([[cart + pole, pole * length * cosine],
                           [pole * length * cosine, pole * length**2 / 3 + pole * length**2]])
        forces = np.array([force - truth.track * speed + pole * length * rate**2 * sine,
                           pole * GRAVITY * length * sine - truth.pivot * rate])
        pull, turn = np.linalg.solve(system, forces).tolist()
        return [speed, pull, rate, turn]

    return motion
