"""A trebuchet: a falling counterweight throws a projectile out of a sling, as far as it will go.

| symbol     | here                              | meaning                                     | unit   |
| ---------- | --------------------------------- | ------------------------------------------- | ------ |
| A, B, C    | `arm`, `hanger`, `sling`          | angles of the long arm and the sling from   | rad    |
|            |                                   | upright, of the hanger from hanging down    |        |
| A', B', C' | `arm_rate`, ...                   | their rates                                 | rad/s  |
| a          | `pivot_height`                    | height of the pivot; the ground is y = -a   | m      |
| b, c       | `long_arm`, `short_arm`           | the arm's two parts, from the pivot         | m      |
| l          |                                   | (b - c) / 2, from pivot to the arm's centre | m      |
| d, e       | `hanger`, `sling`                 | lengths of the counterweight's hanger and   | m      |
|            |                                   | of the projectile's sling                   |        |
| z          | `projectile_radius`               | radius of the projectile                    | m      |
| m_p, m_a   | `projectile_mass`, `arm_mass`     | masses                                      | kg     |
| m_w        | `weight` in pounds, `mass` in kg  | mass of the counterweight                   | lb, kg |
| I_a, I_w   | `arm_inertia`, `weight_inertia`   | moments of inertia about their own centres  | kg m²  |
| g          | `gravity`                         | acceleration of gravity                     | m/s²   |
| rho, Cd    | `air_density`, `drag`             | density of the air, coefficient of the drag | kg/m³, |
|            |                                   |                                             | 1      |
| f          | `pivot_friction`                  | torque of friction at the pivot is -f A'    | N m s  |

Angles are counter-clockwise and against fixed directions, the origin is the pivot, y is up:

    tip of the arm = b (-sin A, cos A)             projectile = tip + e (-sin C, cos C)
    counterweight = c (sin A, -cos A) + d (sin B, -cos B)

(The angles between the parts, as others count them, are W = B - A and S = C - A.) The equations of
motion are Lagrange's for the kinetic energy of the three masses and two inertias and for the
potential energy (`energy`); they are those of virtualtrebuchet.com, "Equations of motion". A throw
begins at rest, with the tip of the arm and the sling on the ground, and has three stages:

1. `slide`: the projectile slides on the ground, until the sling lifts it off;
2. `hang`: it swings freely in the sling, until it flies in the direction asked for;
3. `fly`: it flies, slowed by the drag of the moving air, until it lands.

`shoot` is how far that is, and can be differentiated as it stands:

    >>> from tinydp import grad
    >>> print(f"{shoot(-2, 45, 200):.3f} m")
    71.123 m
    >>> wind, angle, weight = grad(shoot, argnums=(0, 1, 2))(-2, 45, 200)
    >>> print(f"{wind:.4f} m per m/s, {angle:.4f} m per degree, {weight:.4f} m per pound")
    3.8257 m per m/s, -0.9503 m per degree, 0.0772 m per pound

The machine's dimensions, and the idea, are those of a well-known article on differentiable
control. Its program (`published_shoot`) gives other numbers, for two reasons: it swaps the two
inertias (`PUBLISHED`), and takes steps too long for the motion. docs/trebuchet.md tells the story.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..ad.errors import EventNotReached
from ..ad.loops import integrate
from ..ad.notebook import fields_html
from .integrators import euler_within, rk4

__all__ = ["CORRECTED", "PUBLISHED", "Ball", "Joints", "Machine", "Params", "Throw", "at_rest", "energy",
           "in_sling", "joints", "published_shoot", "shoot", "simulate"]

POUND, FOOT = 0.45359237, 0.3048                 # kg, m

# ---------------------------------------------------------------------------- parameters and states


class Params(NamedTuple):
    """Dimensions of the machine and the air; symbols and units in the module's table.

        >>> print(f"{shoot(-2, 45, 200, CORRECTED._replace(drag=0.0)):.1f} m, without air")
        274.6 m, without air
    """

    pivot_height: Any = 5 * FOOT
    long_arm: Any = 6.792 * FOOT
    short_arm: Any = 1.75 * FOOT
    hanger: Any = 2 * FOOT
    sling: Any = 6.833 * FOOT
    projectile_radius: Any = 0.1245 * FOOT
    projectile_mass: Any = 0.328 * POUND
    arm_mass: Any = 10.65 * POUND
    arm_inertia: Any = 10.65 * POUND * (8.542 * FOOT)**2 / 12        # a uniform rod, b + c long
    weight_inertia: Any = 1 * POUND * FOOT**2
    gravity: Any = 9.80665
    air_density: Any = 1.0
    drag: Any = 1.0
    pivot_friction: Any = 0.0


CORRECTED = Params()
PUBLISHED = CORRECTED._replace(arm_inertia=CORRECTED.weight_inertia, weight_inertia=CORRECTED.arm_inertia)


class Machine(NamedTuple):
    """The machine at a `time` in s: three angles in rad, and their rates in rad/s.

        >>> at_rest().arm_rate
        0.0
    """

    time: Any
    arm: Any
    hanger: Any
    sling: Any
    arm_rate: Any
    hanger_rate: Any
    sling_rate: Any


class Ball(NamedTuple):
    """The projectile at a `time` in s: position in m from the pivot, and velocity in m/s.

        >>> Ball(time=0.0, x=0.0, y=10.0, vx=30.0, vy=0.0)._replace(vx=20.0)
        Ball(time=0.0, x=0.0, y=10.0, vx=20.0, vy=0.0)
    """

    time: Any
    x: Any
    y: Any
    vx: Any
    vy: Any


# ---------------------------------------------------------------------------- equations of motion

def at_rest(params: Params = CORRECTED) -> Machine:
    """The machine before a throw: tip and sling on the ground, the hanger plumb.

        >>> print(f"{np.degrees(at_rest().arm):.1f} degrees from upright")
        137.4 degrees from upright
    """
    arm = np.pi / 2 + np.arcsin(params.pivot_height / params.long_arm)
    return Machine(0.0, arm, 0.0, 3 * np.pi / 2, 0.0, 0.0, 0.0)


def slide(machine: Machine, mass: Any, params: Params = CORRECTED) -> Machine:
    """Rates of change while the projectile slides on the ground; `mass` of the counterweight in kg.

    That the projectile stays at y = -a, b cos A + e cos C = -a, gives C'' for an A''.
    """
    b, e = params.long_arm, params.sling
    angles = _sines(machine)
    p = params.projectile_mass * b * angles.sin_s / angles.sin_c**2
    arm_acceleration, hanger_acceleration = _accelerate(
        machine, angles, mass, params, p * b * angles.sin_s, p * _swing(machine, angles, params))
    sling_acceleration = -(b * (angles.cos_a * machine.arm_rate**2 + angles.sin_a * arm_acceleration)
                           + e * angles.cos_c * machine.sling_rate**2) / (e * angles.sin_c)
    return Machine(1.0, machine.arm_rate, machine.hanger_rate, machine.sling_rate,
                   arm_acceleration, hanger_acceleration, sling_acceleration)


def hang(machine: Machine, mass: Any, params: Params = CORRECTED) -> Machine:
    """Rates of change while the projectile hangs in the sling; `mass` of the counterweight in kg."""
    b, g = params.long_arm, params.gravity
    angles = _sines(machine)
    p = params.projectile_mass * b * angles.sin_s
    arm_acceleration, hanger_acceleration = _accelerate(
        machine, angles, mass, params, p * b * angles.sin_s,
        p * (_swing(machine, angles, params) - g * angles.cos_c))
    sling_acceleration = (g * angles.sin_c - b * (angles.cos_s * arm_acceleration
                                                  + angles.sin_s * machine.arm_rate**2)) / params.sling
    return Machine(1.0, machine.arm_rate, machine.hanger_rate, machine.sling_rate,
                   arm_acceleration, hanger_acceleration, sling_acceleration)


def fly(ball: Ball, wind: Any, params: Params = CORRECTED) -> Ball:
    """Rates of change in flight, v' = -k |v - w| (v - w) - (0, g), with k = rho Cd π z² / (2 m_p)."""
    k = (params.air_density * params.drag * np.pi * params.projectile_radius**2
         / (2 * params.projectile_mass))
    vx = ball.vx - wind
    slowing = k * np.sqrt(vx**2 + ball.vy**2)
    return Ball(1.0, ball.vx, ball.vy, -slowing * vx, -slowing * ball.vy - params.gravity)


class _Sines(NamedTuple):
    """Sines and cosines of A, B, C and of the differences W = B - A and S = C - A."""

    sin_a: Any
    cos_a: Any
    sin_b: Any
    sin_c: Any
    cos_c: Any
    sin_w: Any
    cos_w: Any
    sin_s: Any
    cos_s: Any


def _sines(machine: Machine) -> _Sines:
    sin_a, sin_b, sin_c = np.sin(machine.arm), np.sin(machine.hanger), np.sin(machine.sling)
    cos_a, cos_b, cos_c = np.cos(machine.arm), np.cos(machine.hanger), np.cos(machine.sling)
    return _Sines(sin_a, cos_a, sin_b, sin_c, cos_c,
                  sin_b * cos_a - cos_b * sin_a, cos_b * cos_a + sin_b * sin_a,
                  sin_c * cos_a - cos_c * sin_a, cos_c * cos_a + sin_c * sin_a)


def _swing(machine: Machine, angles: _Sines, params: Params) -> Any:
    """Acceleration of the projectile along the sling, towards the tip, due to the rates alone."""
    return params.sling * machine.sling_rate**2 + params.long_arm * angles.cos_s * machine.arm_rate**2


def _accelerate(machine: Machine, angles: _Sines, mass: Any, params: Params,
                inertia: Any, torque: Any) -> tuple[Any, Any]:
    """A'' and B'', where the projectile adds `inertia` and `torque` to those of arm and counterweight.

    With h = m_w c d, Lagrange's equation for B is (m_w d² + I_w) B'' + h cos W A'' =
    -h sin W A'² - m_w g d sin B. Put into that for A, it leaves one division for A''.
    """
    c, d, g = params.short_arm, params.hanger, params.gravity
    centre = (params.long_arm - c) / 2
    h = mass * c * d
    own = mass * d**2 + params.weight_inertia
    geared = h * angles.cos_w / own
    free = -(h * angles.sin_w * machine.arm_rate**2 + mass * g * d * angles.sin_b) / own
    inertia = (inertia + params.arm_mass * centre**2 + params.arm_inertia + mass * c**2
               - h * angles.cos_w * geared)
    torque = (torque - params.pivot_friction * machine.arm_rate
              + g * angles.sin_a * (params.arm_mass * centre - mass * c)
              + h * (angles.sin_w * machine.hanger_rate**2 - angles.cos_w * free))
    arm_acceleration = torque / inertia
    return arm_acceleration, free - geared * arm_acceleration


# ---------------------------------------------------------------------------- events

def ground_force(machine: Machine, mass: Any, params: Params = CORRECTED) -> Any:
    """What the ground carries of the sliding projectile, in N per kg of it: lift-off when it falls to 0.

    The sling's tension T draws the projectile along the ground, T sin C = m_p x'', and lifts it by
    -T cos C. The tension is that of the moment, from the accelerations: a difference quotient
    over the step would pin many a lift-off to the end of a step.
    """
    angles = _sines(machine)
    arm_acceleration = slide(machine, mass, params).arm_rate
    tension = _swing(machine, angles, params) - params.long_arm * angles.sin_s * arm_acceleration
    return params.gravity + tension / angles.sin_c**2 * angles.cos_c


def still_to_turn(machine: Machine, angle: Any, params: Params = CORRECTED) -> Any:
    """Speed times the sine of what the velocity has to turn until it points at `angle` degrees.

    The projectile leaves the ground backwards, at 180°, and its direction falls through 90° towards 0:
    this is positive until the release. It would be 0 again half a turn later.
    """
    ball = in_sling(machine, params)
    direction = np.pi / 180 * angle
    return ball.vy * np.cos(direction) - ball.vx * np.sin(direction)


def height(ball: Ball, params: Params = CORRECTED) -> Any:
    """Of the projectile's centre above the ground, in m: the flight ends at 0."""
    return ball.y + params.pivot_height


def in_sling(machine: Machine, params: Params = CORRECTED) -> Ball:
    """The projectile, where the sling holds it.

        >>> ball = in_sling(at_rest())
        >>> print(f"{ball.x:.3f} m, {ball.y:.3f} m from the pivot")
        0.682 m, -1.524 m from the pivot
    """
    b, e = params.long_arm, params.sling
    sin_a, cos_a = np.sin(machine.arm), np.cos(machine.arm)
    sin_c, cos_c = np.sin(machine.sling), np.cos(machine.sling)
    return Ball(machine.time, -b * sin_a - e * sin_c, b * cos_a + e * cos_c,
                -b * cos_a * machine.arm_rate - e * cos_c * machine.sling_rate,
                -b * sin_a * machine.arm_rate - e * sin_c * machine.sling_rate)


def energy(machine: Machine, mass: Any, params: Params = CORRECTED) -> Any:
    """Kinetic and potential energy in J, conserved until the release, but for friction at the pivot.

    `mass` of the counterweight in kg. Potential energy counts from the height of the pivot.

        >>> print(f"{energy(at_rest(), mass=90.0):.0f} J")
        -220 J
    """
    b, c, d = params.long_arm, params.short_arm, params.hanger
    centre = (b - c) / 2
    ball = in_sling(machine, params)
    weight_vx = c * np.cos(machine.arm) * machine.arm_rate + d * np.cos(machine.hanger) * machine.hanger_rate
    weight_vy = c * np.sin(machine.arm) * machine.arm_rate + d * np.sin(machine.hanger) * machine.hanger_rate
    weight_y = -c * np.cos(machine.arm) - d * np.cos(machine.hanger)
    kinetic = (params.projectile_mass * (ball.vx**2 + ball.vy**2)
               + mass * (weight_vx**2 + weight_vy**2)
               + params.weight_inertia * machine.hanger_rate**2
               + (params.arm_mass * centre**2 + params.arm_inertia) * machine.arm_rate**2) / 2
    potential = params.gravity * (params.projectile_mass * ball.y + mass * weight_y
                                  + params.arm_mass * centre * np.cos(machine.arm))
    return kinetic + potential


# ---------------------------------------------------------------------------- a throw

DT = 5e-4                       # s, while the sling whips round; within 1e-6 m from 100 to 400 lb
TIMES = (2, 1, 40)              # ... and so many times as long to slide, hang and fly, which are smoother
LONGEST = 10.0                  # s, for a stage; up to 15.4 lb lift-off takes longer, if it comes
HEAVIEST = 1_000                # lb; the sling whips ever faster, and at 10,000 lb DT is too long by far


class Stage(NamedTuple):
    """A part of the throw: `step(state, dt)` for as long as `until(state)` is positive."""

    step: Callable[[Any, Any], Any]
    until: Callable[[Any], Any]
    dt: Any

    def run(self, state: Any) -> Any:
        """The state at the event; EventNotReached if it takes too long."""
        return integrate(self.step, state, self.until, most_steps(self.dt), self.dt)

    def path(self, state: Any) -> list[Any]:
        """All states, the last at the event."""
        end, path = self.run(state), [state]
        while self.until(state := self.step(path[-1], self.dt)) > 0:
            path.append(state)
        return [*path, end]


def most_steps(dt: Any) -> int:
    """How many steps `LONGEST` has; if `dt` is traced, and has no value yet, as many as 1 ms would."""
    return round(LONGEST / dt) if isinstance(dt, int | float) else 10_000


def stages(wind: Any, angle: Any, weight: Any, params: Params, dt: Any) -> tuple[Stage, Stage, Stage]:
    """Sliding, hanging and flying, in steps that are `TIMES` times `dt`."""
    mass = POUND * weight
    return (Stage(lambda machine, h: rk4(lambda now: slide(now, mass, params), machine, h),
                  lambda machine: ground_force(machine, mass, params), TIMES[0] * dt),
            Stage(lambda machine, h: rk4(lambda now: hang(now, mass, params), machine, h),
                  lambda machine: still_to_turn(machine, angle, params), TIMES[1] * dt),
            Stage(lambda ball, h: rk4(lambda now: fly(now, wind, params), ball, h),
                  lambda ball: height(ball, params), TIMES[2] * dt))


def shoot(wind: Any, angle: Any, weight: Any, params: Params = CORRECTED, dt: Any = DT) -> Any:
    """The distance from pivot to landing in m; behind the pivot it is negative.

    `wind` in m/s, from behind if positive; `angle` of the release in degrees above the ground;
    `weight` of the counterweight in pounds. Each may be traced, as may all `params`, together or one by
    one: their gradient says what a measured shot tells of the machine.

    >>> from tinydp import grad
    >>> slopes = grad(shoot, argnums=3)(-2, 45, 200, CORRECTED)
    >>> print(f"{slopes.drag:.2f} m per unit of drag, {slopes.pivot_friction:.3f} m per N m s of friction")
    -48.75 m per unit of drag, -0.439 m per N m s of friction

    Steps are of `dt` seconds while the projectile hangs, and longer before and after (`TIMES`). The
    events that end the stages are located within a step, and their times are differentiated too.
    Raises `ValueError`, which names what is outside of its range, or says that the weight is too light to
    lift the projectile.

    >>> shoot(-2, 95, 200)
    Traceback (most recent call last):
    ValueError: angle must be from 1 to 89 degrees, but it is 95
    """
    check(wind, angle, weight, params, dt)
    try:
        return _shoot(wind, angle, weight, params, dt)
    except EventNotReached:
        raise _too_light(weight) from None


def _shoot(wind: Any, angle: Any, weight: Any, params: Params, dt: Any) -> Any:
    """The computation alone."""
    sliding, hanging, flying = stages(wind, angle, weight, params, dt)
    lifted = sliding.run(at_rest(params))
    released = hanging.run(lifted)
    return flying.run(in_sling(released, params)).x


def check(wind: Any, angle: Any, weight: Any, params: Params = CORRECTED, dt: Any = DT) -> None:
    """Raise a ValueError that names the parameter and its range if one is outside of it."""
    if not 0 < dt <= 0.1:
        raise ValueError(f"dt must be positive and at most 0.1 s, but it is {dt}")
    for name, value in params._asdict().items():
        if name in ("air_density", "drag", "pivot_friction"):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be 0 or more, but it is {value}")
        elif not 0 < value < np.inf:
            raise ValueError(f"{name} must be positive, but it is {value}")
    if not params.long_arm > params.pivot_height:
        raise ValueError(f"long_arm must be longer than pivot_height, {params.pivot_height} m, "
                         f"to reach the ground, but it is {params.long_arm}")
    if not -100 <= wind <= 100:
        raise ValueError(f"wind must be from -100 to 100 m/s, but it is {wind}")
    if not 1 <= angle <= 89:
        raise ValueError(f"angle must be from 1 to 89 degrees, but it is {angle}")
    balanced = params.arm_mass * (params.long_arm - params.short_arm) / (2 * params.short_arm) / POUND
    if not balanced < weight <= HEAVIEST:
        raise ValueError(f"weight must be more than {balanced:.2f} lb, which only balances the arm, and at "
                         f"most {HEAVIEST:,} lb, but it is {weight}")


def _too_light(weight: Any) -> ValueError:
    return ValueError(f"weight is too light, at {weight} lb, to lift the projectile off the ground")


class Throw(NamedTuple):
    """A whole throw, for pictures: the machine and the projectile at the same n times, from rest to landing.

    Fields of `machine` and `ball` are arrays (n,). After the release the machine swings on with an
    empty sling. `events` are the times of lift-off, release and landing in s; `distance` is in m.

        >>> throw = simulate(-2, 45, 200, dt=5e-3)
        >>> throw.ball.x.shape == throw.machine.arm.shape, bool(throw.ball.x[-1] == throw.distance)
        (True, True)
    """

    machine: Machine
    ball: Ball
    events: tuple[float, float, float]
    distance: float

    def _repr_html_(self) -> str:
        return fields_html(self)         # in a notebook


def simulate(wind: float, angle: float, weight: float, params: Params = CORRECTED, dt: float = DT) -> Throw:
    """The throw of `shoot`, step by step, for plain numbers of the same units. Raises as `shoot` does.

    >>> throw = simulate(wind=-2, angle=45, weight=200)
    >>> print("lift-off {:.3f} s, release {:.3f} s, landing {:.3f} s".format(*throw.events))
    lift-off 0.248 s, release 0.580 s, landing 5.677 s
    """
    check(wind, angle, weight, params, dt)
    sliding, hanging, flying = stages(wind, angle, weight, params, dt)
    try:
        slid = sliding.path(at_rest(params))
        hung = hanging.path(slid[-1])
        flown = flying.path(in_sling(hung[-1], params))
    except EventNotReached:
        raise _too_light(weight) from None
    swung = hung[-1:]
    for ball in flown[1:]:
        swung.append(_swing_on(swung[-1], ball.time, POUND * weight, params))
    held = [in_sling(machine, params) for machine in slid + hung[1:]]
    return Throw(Machine(*np.array(slid + hung[1:] + swung[1:]).T), Ball(*np.array(held + flown[1:]).T),
                 (float(slid[-1].time), float(hung[-1].time), float(flown[-1].time)),
                 float(flown[-1].x))


def _swing_on(machine: Machine, time: float, mass: float, params: Params) -> Machine:
    """The machine at that time, with nothing in the sling."""
    empty = params._replace(projectile_mass=0.0)
    steps = int(np.ceil((time - machine.time) / 5e-3))           # the empty sling whips round
    h = (time - machine.time) / steps
    for _ in range(steps):
        machine = rk4(lambda now: hang(now, mass, empty), machine, h)
    return machine


class Joints(NamedTuple):
    """Where things are, in m from the pivot: the arm's two ends, the counterweight, the sling's end.

    Each is an (x, y) pair, with the shape of the machine's fields.

        >>> at_rest_joints = joints(at_rest())
        >>> print("{:.2f} m right, {:.2f} m down".format(at_rest_joints.elbow[0], -at_rest_joints.elbow[1]))
        0.36 m right, -0.39 m down
    """

    tip: tuple[Any, Any]
    elbow: tuple[Any, Any]
    weight: tuple[Any, Any]
    pouch: tuple[Any, Any]


def joints(machine: Machine, params: Params = CORRECTED) -> Joints:
    """The machine as a drawing needs it, from its angles.

        >>> x, y = joints(at_rest()).tip
        >>> print(f"{y + CORRECTED.pivot_height:.3f} m above the ground")
        0.000 m above the ground
    """
    sin_a, cos_a = np.sin(machine.arm), np.cos(machine.arm)
    b, c, d = params.long_arm, params.short_arm, params.hanger
    ball = in_sling(machine, params)
    return Joints((-b * sin_a, b * cos_a), (c * sin_a, -c * cos_a),
                  (c * sin_a + d * np.sin(machine.hanger), -c * cos_a - d * np.cos(machine.hanger)),
                  (ball.x, ball.y))


# ---------------------------------------------------------------------------- the article's program

def published_shoot(wind: Any, angle: Any, weight: Any, params: Params = PUBLISHED,
                    dt: float = 1 / 60) -> Any:
    """The distance as the article's program finds it: Euler's method at 60 Hz, the inertias swapped.

    Events are located on the cubic through the two ends of a step. The sling's tension is the
    difference quotient of the projectile's velocity since the step began, and 0 at its beginning.
    Hence at some weights lift-off sits at the end of a step and does not move with the weight.
    Arguments and errors as those of `shoot`; above 540 lb such long steps give nonsense.

    >>> from tinydp import grad
    >>> print("{:.2f}, {:.2f}, {:.3f}".format(*grad(published_shoot, argnums=(0, 1, 2))(-2, 45, 200)))
    4.02, -0.99, 0.052

    (The article cuts off its digits, and has 0.051.)
    """
    check(wind, angle, weight, params, dt)
    mass = POUND * weight
    try:
        lifted = _published_slide(mass, params, dt)
        released = integrate(
            lambda machine, h: euler_within(lambda now: hang(now, mass, params), machine, dt, h),
            lifted, lambda machine: still_to_turn(machine, angle, params), most_steps(dt), dt)
        return integrate(
            lambda ball, h: euler_within(lambda now: fly(now, wind, params), ball, dt, h),
            in_sling(released, params), lambda ball: height(ball, params), most_steps(dt), dt).x
    except EventNotReached:
        raise _too_light(weight) from None


def _published_slide(mass: Any, params: Params, dt: Any) -> Machine:
    """The machine at lift-off."""
    def step(machine: Machine, h: Any) -> Machine:
        return euler_within(lambda now: slide(now, mass, params), machine, dt, h)

    def mean_force(before: Machine, after: Machine) -> Any:
        elapsed = after.time - before.time + np.finfo(float).tiny        # 0 / 0 is to be 0
        acceleration = (in_sling(after, params).vx - in_sling(before, params).vx) / elapsed
        return params.gravity + acceleration * np.cos(after.sling) / np.sin(after.sling)

    machine = at_rest(params)
    steps = 0
    while mean_force(machine, after := step(machine, dt)) > 0:
        machine, steps = after, steps + 1
        if steps == most_steps(dt):
            raise EventNotReached.after(steps, machine, mean_force(machine, after))
    force = ground_force(machine, mass, params)  # the limit of the mean force for a step of 0
    if force <= 0:
        return machine
    return integrate(lambda now, h: (after := step(now[0], h), mean_force(now[0], after)),
                     (machine, force), lambda now: now[1], 1, dt)[0]
