"""A real trebuchet: its ball may be heavier, its air thicker, its pivot rusty, its weather vane off.

The equations are those of Lagrange for the three angles of the machine, as a linear system that is
solved for the accelerations (and, as long as the ball lies on the ground, for the ground's force N),
integrated by an adaptive method of eighth order. With A, B, C the angles of arm, hanger and sling as in
the drawing below, K = q' M q' / 2 the kinetic and V the potential energy,

    M q'' = -f A' e_A - dV/dq + (products of rates) + N dφ/dq,   φ = b cos A + e cos C (height of the ball)

               o  tip of the arm, b (-sin A, cos A)
              / \\  sling e, to tip + e (-sin C, cos C)
             /   o ball
    pivot   +
            |  c (sin A, -cos A), and d (sin B, -cos B) below it, the counterweight

Nothing here is shared with `tinydp.sims.trebuchet`, which a learner may differentiate. The dimensions
are those of the same machine, and with nominal parameters the two agree to their time steps.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

PIVOT_HEIGHT, LONG_ARM, SHORT_ARM, HANGER, SLING = 1.524, 2.0702016, 0.5334, 0.6096, 2.0826984      # m
BALL_RADIUS, BALL_MASS, ARM_MASS = 0.03794760, 0.14877829736, 4.8307587405                        # m, kg, kg
ARM_INERTIA = ARM_MASS * (LONG_ARM + SHORT_ARM)**2 / 12                 # kg m², about its centre
WEIGHT_INERTIA = 0.45359237 * 0.3048**2                                 # kg m², about its own
GRAVITY, AIR_DENSITY, POUND = 9.80665, 1.0, 0.45359237                  # m/s², kg/m³, kg
WINDS, TARGETS = 5.0, (20.0, 100.0)              # m/s, standard deviation of a day's wind; m
ANGLES, WEIGHTS = (1.0, 76.0), (100.0, 264.0)    # °, lb: what can be set
LATEST = 20.0                                    # s: no stage of a throw takes longer
ACCURACY = {"method": "DOP853", "rtol": 1e-7, "atol": 1e-8}


class Truth(NamedTuple):
    """What the learner does not know: factors on drag and ball mass, friction in N m s, two of the weather.

    `wind_bias` in m/s is what blows beyond the wind that the vane shows; `noise` in m is the standard
    deviation of the measured distance.
    """

    drag: float = 1.0
    ball_mass: float = 1.0
    pivot_friction: float = 0.0
    wind_bias: float = 0.0
    noise: float = 0.0


def draw(rng: np.random.Generator) -> Truth:
    """One world: drag x 0.5 to 2, ball x 0.8 to 1.25, friction to 4 N m s, wind ± 2 m/s, noise of 0.2 m."""
    return Truth(2.0**rng.uniform(-1, 1), 1.25**rng.uniform(-1, 1), rng.uniform(0, 4),
                 rng.uniform(-2, 2), 0.2)


class Trebuchet:
    """One shot an episode, in the wind that the day brings, at the target that the day sets.

    Sensed are the wind in m/s as the vane shows it, the target in m, and after the shot the distance from
    pivot to landing in m (0 before). An action is the angle of release in ° and the counterweight in lb.
    """

    longest = 1
    action_space = spaces.Box(*np.array([ANGLES, WEIGHTS]).T, dtype=np.float64)
    observation_space = spaces.Box(np.array([-100.0, 0.0, -1e3]), np.array([100.0, 200.0, 1e3]),
                                   dtype=np.float64)

    def __init__(self, truth: Truth):
        self.truth = truth

    def start(self, rng: np.random.Generator) -> None:
        self.wind, self.target = rng.normal(0.0, WINDS), rng.uniform(*TARGETS)
        self.landing, self.noise = 0.0, np.zeros(3)
        self.shot: tuple[float, float, float] | None = None

    def step(self, action: Any) -> bool:
        angle, weight = np.clip(np.asarray(action, np.float64), self.action_space.low, self.action_space.high)
        self.shot = self.wind + self.truth.wind_bias, angle, weight
        self.landing = throw(*self.shot, self.truth)
        self.noise = np.array([0.0, 0.0, self.truth.noise])
        return True

    def sense(self) -> np.ndarray:
        return np.array([self.wind, self.target, self.landing])

    def show(self, sensed: np.ndarray) -> np.ndarray:
        return sensed

    def reward(self, before: np.ndarray, action: Any, after: np.ndarray) -> float:
        return -abs(after[2] - after[1])


# ---------------------------------------------------------------------------- physics

def throw(wind: float, angle: float, weight: float, truth: Truth) -> float:
    """Where the ball lands, in m from the pivot: released at `angle` ° above the ground, by `weight` lb."""
    released = _release(angle, weight, truth)
    return float(_until(_flight_in(wind, truth), _above_ground, released)[0])


def path(wind: float, angle: float, weight: float, truth: Truth, points: int = 100) -> np.ndarray:
    """Where the ball is on the way, from its release to its landing at equal times: (points, 2), in m.

    Heights are above the pivot.

    >>> path(0.0, 45.0, 200.0, Truth(), points=3).round(1)
    array([[-1.3,  3.1],
           [52.4, 32.4],
           [78.8, -1.5]])
    """
    found = _solve(_flight_in(wind, truth), _above_ground, _release(angle, weight, truth), dense_output=True)
    return found.sol(np.linspace(0.0, found.t_events[0][0], points))[:2].T


def _release(angle: float, weight: float, truth: Truth) -> np.ndarray:
    """Position and velocity of the ball as the sling lets it go."""
    ball, mass = BALL_MASS * truth.ball_mass, POUND * weight
    swing = _swing_of(ball, mass, truth.pivot_friction)
    arm = np.pi / 2 + np.arcsin(PIVOT_HEIGHT / LONG_ARM)
    rest = np.array([arm, 0.0, 3 * np.pi / 2, 0.0, 0.0, 0.0])
    lifted = _until(lambda t, x: swing(x, True)[0], lambda t, x: swing(x, True)[1], rest)
    up, along = np.sin(np.radians(angle)), np.cos(np.radians(angle))

    def yet_to_turn(t: float, x: np.ndarray) -> float:
        vx, vy = _ball(x)[2:]
        return vy * along - vx * up

    return _ball(_until(lambda t, x: swing(x, False)[0], yet_to_turn, lifted))


def _flight_in(wind: float, truth: Truth) -> Any:
    """The rates of change of the ball's position and velocity in the air."""
    slowing = (AIR_DENSITY * truth.drag * np.pi * BALL_RADIUS**2) / (2 * BALL_MASS * truth.ball_mass)

    def flight(t: float, x: np.ndarray) -> list[float]:
        k = slowing * np.hypot(x[2] - wind, x[3])
        return [x[2], x[3], -k * (x[2] - wind), -k * x[3] - GRAVITY]

    return flight


def _above_ground(t: float, x: np.ndarray) -> float:
    return x[1] + PIVOT_HEIGHT


def _swing_of(ball: float, mass: float, friction: float) -> Any:
    """A function of the state (angles, rates): its rates of change, and the ground's force if `on_ground`."""
    b, c, d, e = LONG_ARM, SHORT_ARM, HANGER, SLING
    centre = (b - c) / 2
    arm_sees = ARM_INERTIA + ARM_MASS * centre**2 + mass * c**2 + ball * b**2
    hanger_sees, sling_sees = WEIGHT_INERTIA + mass * d**2, ball * e**2

    def swing(x: np.ndarray, on_ground: bool) -> tuple[list[float], float]:
        a, h, s, va, vh, vs = x.tolist()
        weight_turn, ball_turn = mass * c * d, ball * b * e
        weight_cos, ball_cos = weight_turn * np.cos(a - h), ball_turn * np.cos(a - s)
        weight_sin, ball_sin = weight_turn * np.sin(a - h), ball_turn * np.sin(a - s)
        pull = GRAVITY * np.sin(a) * (ARM_MASS * centre - mass * c + ball * b)
        system = np.array([[arm_sees, weight_cos, ball_cos, b * np.sin(a)],
                           [weight_cos, hanger_sees, 0.0, 0.0],
                           [ball_cos, 0.0, sling_sees, e * np.sin(s)],
                           [b * np.sin(a), 0.0, e * np.sin(s), 0.0]])
        forces = np.array([pull - weight_sin * vh**2 - ball_sin * vs**2 - friction * va,
                           weight_sin * va**2 - mass * GRAVITY * d * np.sin(h),
                           ball_sin * va**2 + ball * GRAVITY * e * np.sin(s),
                           -b * np.cos(a) * va**2 - e * np.cos(s) * vs**2])
        n = 4 if on_ground else 3
        found = np.linalg.solve(system[:n, :n], forces[:n]).tolist()
        return [va, vh, vs, *found[:3]], found[3] if on_ground else 0.0

    return swing


def _ball(x: np.ndarray) -> np.ndarray:
    """Position and velocity of the ball in the sling."""
    a, _, s, va, _, vs = x
    b, e = LONG_ARM, SLING
    return np.array([-b * np.sin(a) - e * np.sin(s), b * np.cos(a) + e * np.cos(s),
                     -b * np.cos(a) * va - e * np.cos(s) * vs, -b * np.sin(a) * va - e * np.sin(s) * vs])


def _until(rates: Any, positive: Any, state: np.ndarray) -> np.ndarray:
    """The state at which `positive` falls to 0."""
    return _solve(rates, positive, state).y_events[0][0]


def _solve(rates: Any, positive: Any, state: np.ndarray, **options: Any) -> Any:
    """What SciPy finds on the way there."""
    from scipy.integrate import solve_ivp  # noqa: PLC0415  (who flies no ball need not wait for it)

    def event(t: float, x: np.ndarray) -> float:
        return positive(t, x)

    event.terminal, event.direction = True, -1       # type: ignore[attr-defined]
    found = solve_ivp(rates, (0.0, LATEST), state, events=event, **ACCURACY, **options)
    if not found.t_events[0].size:
        raise RuntimeError(f"a stage of the throw took more than {LATEST} s")
    return found
