"""A rod on a motor too weak to lift it: the swing-up problem, equal to Gymnasium's Pendulum-v1.

| symbol | here       | meaning                                       | unit   | default    |
| ------ | ---------- | --------------------------------------------- | ------ | ---------- |
| θ      | `theta`    | angle from upright, counter-clockwise         | rad    | any number |
| ω      | `rate`     | its rate, dθ/dt                               | rad/s  | within ±8  |
| τ      | `torque`   | the motor's torque, counter-clockwise         | N m    | within ±2  |
| g      | `gravity`  | acceleration of gravity                       | m/s²   | 10         |
| m, l   | `mass`, `length` | mass and length of the rod              | kg, m  | 1, 1       |
|        | `friction` | of its bearing: see `Friction`                | N m    | none       |
| dt     | `dt`       | one time step; an episode is 200 steps (10 s) | s      | 0.05       |

A uniform rod on a pivot at its end has the moment of inertia m l²/3 and its weight acts at l/2:

    dω/dt = 3 g / (2 l) sin θ  +  3 / (m l²) τ

in semi-implicit Euler steps: first ω, then θ with the new ω. The cost of a step, taken from the
state before it, is n(θ)² + 0.1 ω² + 0.001 τ², where n(θ) is the angle within [-π, π). Holding
the rod level takes m g l / 2 = 5 N m, so with 2 N m it must be swung up.

An episode starts with θ ~ U[-π, π] and ω ~ U[-1, 1]. Source: Gymnasium, `envs/classic_control/
pendulum.py`, after OpenAI Gym. Next states and costs are the same bits, in float64.

All functions take floats or arrays (a batch of pendulums), plain or traced alike:

    >>> state = State(theta=3.0, rate=1.0)
    >>> state = step(state, torque=-2.0)
    >>> print(f"{state.theta:.4f} rad, {state.rate:.4f} rad/s")
    3.0403 rad, 0.8058 rad/s

How far does a hanging rod turn within half a second, per unit of torque?

    >>> from tinydp import grad
    >>> def angle_after_half_a_second(torque):
    ...     state = State(theta=np.pi, rate=0.0)
    ...     for _ in range(10):
    ...         state = step(state, torque)
    ...     return state.theta
    >>> print(f"{grad(angle_after_half_a_second)(0.5):.4f} rad per N m")
    0.2906 rad per N m
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["STANDARD", "Friction", "Params", "State", "angle_normalize", "cost", "energy", "observe", "step"]


class State(NamedTuple):
    """Angle from upright `theta` in rad (it counts turns) and its `rate` in rad/s.

    Numbers, or arrays of shape (n,) for n pendulums.

        >>> State(theta=3.0, rate=0.0)._replace(rate=1.0)
        State(theta=3.0, rate=1.0)
    """

    theta: Any
    rate: Any


class Friction(NamedTuple):
    """Of the bearing: `viscous` in N m for each rad/s, and `coulomb` in N m.

        >>> rough = STANDARD._replace(friction=Friction(viscous=0.1))
        >>> print(f"{step(State(0.0, 1.0), 0.0, rough).rate:.3f} rad/s")
        0.985 rad/s
    """

    viscous: Any = 0.0
    coulomb: Any = 0.0


class Params(NamedTuple):
    """Constants of the pendulum; units in the module's table, limits in N m and rad/s.

    Without `friction`, nothing is computed of it: at rest it would have no derivative.

        >>> STANDARD._replace(mass=1.5).mass, STANDARD.max_torque
        (1.5, 2.0)
    """

    gravity: Any = 10.0
    mass: Any = 1.0
    length: Any = 1.0
    dt: Any = 0.05
    max_torque: Any = 2.0
    max_rate: Any = 8.0
    friction: Friction | None = None


STANDARD = Params()


def step(state: State, torque: Any, params: Params = STANDARD) -> State:
    """The state `dt` later, for a motor that gives `torque`, in N m, as far as it can.

        >>> after = step(State(theta=3.0, rate=1.0), torque=-5.0)             # it can give -2
        >>> print(f"{after.theta:.4f} rad, {after.rate:.4f} rad/s")
        3.0403 rad, 0.8058 rad/s
    """
    theta, rate = state
    gravity, mass, length, dt, max_torque, max_rate, friction = params
    torque = np.clip(torque, -max_torque, max_torque)
    # operations in Gymnasium's order, for the same bits
    acceleration = 3 * gravity / (2 * length) * np.sin(theta) + 3.0 / (mass * length**2) * torque
    if friction is not None:
        acceleration = acceleration - 3.0 / (mass * length**2) * friction.viscous * rate
    rate = rate + acceleration * dt
    if friction is not None:
        lost = 3.0 / (mass * length**2) * friction.coulomb * dt
        rate = rate - np.clip(rate, -lost, lost)
    rate = np.clip(rate, -max_rate, max_rate)
    return State(theta + rate * dt, rate)


def cost(state: State, torque: Any, params: Params = STANDARD) -> Any:
    """The cost of a step from `state` with `torque` in N m: Gymnasium's reward, negated. It has no unit.

        >>> print(f"{cost(State(np.pi, 0.0), 0.0):.4f}")                      # hanging: π²
        9.8696
    """
    torque = np.clip(torque, -params.max_torque, params.max_torque)
    return angle_normalize(state.theta)**2 + 0.1 * state.rate**2 + 0.001 * torque**2


def observe(state: State) -> Any:
    """What a controller sees, (cos θ, sin θ, ω): shape (3,), or (n, 3) for a batch of n.

        >>> observe(State(theta=0.0, rate=2.0))
        array([1., 0., 2.])
    """
    return np.stack([np.cos(state.theta), np.sin(state.theta), state.rate], axis=-1)


def angle_normalize(theta: Any) -> Any:
    """The same direction as an angle within [-π, π), in rad; its derivative is taken as 1 everywhere.

        >>> print(f"{angle_normalize(2 * np.pi + 0.5):.4f}")
        0.5000
    """
    return (theta + np.pi) % (2 * np.pi) - np.pi


def energy(state: State, params: Params = STANDARD) -> Any:
    """Kinetic and potential energy in J, zero for a rod at rest at the height of its pivot.

        >>> energy(State(theta=np.array([0.0, np.pi]), rate=np.zeros(2)))
        array([ 5., -5.])
    """
    kinetic = params.mass * params.length**2 / 3 * state.rate**2 / 2
    return kinetic + params.mass * params.gravity * params.length / 2 * np.cos(state.theta)
