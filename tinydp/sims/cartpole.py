"""A pole balanced on a cart that is pushed left or right: equal to Gymnasium's CartPole-v1.

| symbol | here          | meaning                                                | unit   | default    |
| ------ | ------------- | ------------------------------------------------------ | ------ | ---------- |
| x      | `x`           | position of the cart, to the right                     | m      | fails at ±2.4 |
| v      | `speed`       | its rate, dx/dt                                        | m/s    | any number |
| θ      | `theta`       | angle of the pole from upright, leaning right positive | rad    | fails at ±12° |
| ω      | `rate`        | its rate, dθ/dt                                        | rad/s  | any number |
| F      | `push`        | force on the cart, to the right, F = `action` `push`   | N      | 10         |
| g      | `gravity`     | acceleration of gravity                                | m/s²   | 9.8        |
| M, m   | `cart_mass`, `pole_mass` | masses of cart and pole                     | kg     | 1, 0.1     |
|        | `friction`    | of the track, a force against the cart's motion        | N      | none       |
| l      | `half_length` | from the pivot to the middle of the pole, **half** its length | m | 0.5       |
| dt     | `dt`          | one time step; an episode is at most 500 steps (10 s)  | s      | 0.02       |

The pole is a uniform rod, with the moment of inertia m l²/3 about its middle; cart and pivot have
no friction, unless the track is given one, which then adds to F. Newton's law for both along the
track, and for the pole around the pivot:

    (M + m) dv/dt + m l (dω/dt cos θ - ω² sin θ) = F
    4/3 l dω/dt + dv/dt cos θ = g sin θ

are solved for dω/dt and dv/dt, then stepped by the explicit Euler method: all four numbers are
updated from the old ones. So a push is seen in v and ω one step later, in x and θ two.

An episode starts with four numbers ~ U[-0.05, 0.05], ends after 500 steps, or when |x| > 2.4 m
or |θ| > 12°, and gives the reward 1 a step. Source: Gymnasium, `envs/classic_control/cartpole.py`,
after Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning
control problems", 1983, with the friction taken away. Next states are the same bits, in float64.

All functions take floats or arrays (a batch of cart-poles), plain or traced alike. The action
is a sign, 1 for a push to the right, -1 to the left; but any number is a push of that size:

    >>> state = State(x=0.0, speed=0.0, theta=0.1, rate=0.0)
    >>> for action in (1.0, 1.0, -1.0):
    ...     state = step(state, action)
    >>> print(" ".join(f"{number:.4f}" for number in state))
    0.0116 0.1908 0.0844 -0.1981
    >>> print(gymnasium_action(-1.0), failed(state))
    0 False

How much further to the right is the cart after one second, per newton of steady push?

    >>> from tinydp import grad
    >>> def position_after_a_second(push):
    ...     state = State(0.0, 0.0, 0.0, 0.0)
    ...     for _ in range(50):
    ...         state = step(state, push / STANDARD.push)
    ...     return state.x
    >>> print(f"{grad(position_after_a_second)(0.0):.3f} m per N")
    0.538 m per N
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["EPISODE", "STANDARD", "Params", "State", "energy", "failed", "gymnasium_action", "observe",
           "start", "step"]

EPISODE = 500                   # steps


class State(NamedTuple):
    """Cart: position `x` in m and `speed` in m/s; pole: angle `theta` in rad and `rate` in rad/s.

    Numbers, or arrays of shape (n,) for n cart-poles.

        >>> State(x=0.0, speed=0.0, theta=0.1, rate=0.0)._replace(speed=1.0)
        State(x=0.0, speed=1.0, theta=0.1, rate=0.0)
    """

    x: Any
    speed: Any
    theta: Any
    rate: Any


class Params(NamedTuple):
    """Constants of cart and pole; units in the module's table, limits in m and rad.

    `friction` in N may be None: nothing is computed of it.

        >>> STANDARD._replace(pole_mass=0.2).pole_mass, STANDARD.friction
        (0.2, None)
    """

    gravity: Any = 9.8
    cart_mass: Any = 1.0
    pole_mass: Any = 0.1
    half_length: Any = 0.5
    push: Any = 10.0
    dt: Any = 0.02
    max_x: Any = 2.4
    max_theta: Any = 12 * 2 * np.pi / 360
    friction: Any = None


STANDARD = Params()


def step(state: State, action: Any, params: Params = STANDARD) -> State:
    """The state `dt` later, for a push of `action` times `push`: 1 to the right, -1 to the left.

        >>> rest = State(0.0, 0.0, 0.0, 0.0)
        >>> print(f"{step(rest, 1.0).speed:.4f} m/s, {step(step(rest, 1.0), 1.0).x:.4f} m")
        0.1951 m/s, 0.0039 m
    """
    x, speed, theta, rate = state
    gravity, cart_mass, pole_mass, half_length, push, dt, _, _, friction = params
    # operations in Gymnasium's order, for the same bits
    mass = pole_mass + cart_mass
    moment = pole_mass * half_length
    sine, cosine = np.sin(theta), np.cos(theta)
    force = action * push
    if friction is not None:
        force = force - friction * np.sign(speed)
    pushed = (force + moment * (rate * rate) * sine) / mass
    turn = (gravity * sine - cosine * pushed) / (
        half_length * (4.0 / 3.0 - pole_mass * (cosine * cosine) / mass))
    acceleration = pushed - moment * turn * cosine / mass
    return State(x + dt * speed, speed + dt * acceleration, theta + dt * rate, rate + dt * turn)


def failed(state: State, params: Params = STANDARD) -> Any:
    """Whether the cart has left the track or the pole has fallen: a boolean, or one for each.

        >>> failed(State(0.0, 0.0, np.array([0.1, 0.3]), 0.0))
        array([False,  True])
    """
    return (np.abs(state.x) > params.max_x) | (np.abs(state.theta) > params.max_theta)


def observe(state: State) -> Any:
    """What a controller sees, (x, v, θ, ω): shape (4,), or (n, 4) for a batch of n.

    Gymnasium rounds it to float32.

        >>> observe(State(np.zeros(2), np.zeros(2), np.array([0.1, 0.2]), np.zeros(2)))
        array([[0. , 0. , 0.1, 0. ],
               [0. , 0. , 0.2, 0. ]])
    """
    return np.stack(state, axis=-1)


def start(rng: np.random.Generator, n: int | None = None) -> State:
    """A start of an episode, or arrays of n starts: four numbers ~ U[-0.05, 0.05].

    From `default_rng(seed)` come the bits of Gymnasium's `reset(seed=seed)`, and of the resets
    without a seed that follow it.

        >>> start(np.random.default_rng(0), n=3).theta.shape
        (3,)
        >>> print(" ".join(f"{number:.4f}" for number in start(np.random.default_rng(0))))
        0.0137 -0.0230 -0.0459 -0.0483
    """
    numbers = rng.uniform(-0.05, 0.05, (4,) if n is None else (n, 4))
    return State(*(float(number) for number in numbers)) if n is None else State(*numbers.T)


def gymnasium_action(action: Any) -> Any:
    """The action as Gymnasium wants it: 1 for a push to the right, 0 to the left; of a number, or of each.

        >>> gymnasium_action(np.array([-1.0, 1.0]))
        array([0, 1])
    """
    return (action > 0) * 1


def energy(state: State, params: Any = STANDARD) -> Any:
    """Kinetic and potential energy in J, zero at rest with the pole level; for `swingup.Params` too.

    Numbers, or arrays of shape (n,) for n cart-poles.

        >>> print(f"{energy(State(0.0, 0.0, 0.0, 0.0)):.2f} J")               # upright: m g l
        0.49 J
    """
    _, speed, theta, rate = state
    moment = params.pole_mass * params.half_length
    kinetic = ((params.cart_mass + params.pole_mass) * speed**2 / 2
               + moment * speed * rate * np.cos(theta)
               + moment * params.half_length * 4 / 3 * rate**2 / 2)
    return kinetic + moment * params.gravity * np.cos(theta)
