"""A pole that hangs from a cart, to be swung up and held: the cart-pole with no limit on its angle.

| symbol | here          | meaning                                                | unit   | default    |
| ------ | ------------- | ------------------------------------------------------ | ------ | ---------- |
| x      | `x`           | position of the cart, to the right                     | m      | fails at ±2.4 |
| v      | `speed`       | its rate, dx/dt                                        | m/s    | any number |
| θ      | `theta`       | angle of the pole from upright, to the right; it counts turns | rad | any number |
| ω      | `rate`        | its rate, dθ/dt                                        | rad/s  | any number |
| F      | `push`        | force on the cart, F = `action` `push`, `action` within ±1 | N  | 10         |
| g      | `gravity`     | acceleration of gravity                                | m/s²   | 9.8        |
| M, m   | `cart_mass`, `pole_mass` | masses of cart and pole                     | kg     | 1, 0.1     |
| l      | `half_length` | from the pivot to the middle of the pole, **half** its length | m | 0.5      |
| c      | `track`       | viscous friction of the track, for each m/s            | N s/m  | 0          |
| d      | `pivot`       | viscous friction of the pivot, for each rad/s          | N m s  | 0          |
| dt     | `dt`          | one time step; an episode is 250 steps (10 s)          | s      | 0.04       |

The pole is a uniform rod, with the moment of inertia m l²/3 about its middle. Newton's law for both
along the track, and for the pole around the pivot:

    (M + m) dv/dt + m l (dω/dt cos θ - ω² sin θ) = F - c v
    4/3 m l² dω/dt + m l dv/dt cos θ = m g l sin θ - d ω

are solved for dv/dt and dω/dt, two equations for two unknowns, and integrated by the classical Runge-Kutta
method, with a push that stays the same for a step. (`tinydp.sims.cartpole` is the same machine in the coarse
Euler steps that Gymnasium takes; a pole that turns over and over would gain energy in them.)

The cost of a step, taken from the state after it, is (1 - cos θ)/2 + (x / 2.4)²/10: 0 upright in the middle
of the track, 1 hanging. An episode starts at rest but for four numbers ~ U[-0.05, 0.05], with the pole
hanging, and ends when the cart leaves its track.

Source of the equations: Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult
learning control problems", 1983, appendix; with their friction of the track replaced by a viscous one.

All functions take floats or arrays (a batch of cart-poles), plain or traced alike:

    >>> state = State(x=0.0, speed=0.0, theta=np.pi, rate=0.0)
    >>> for action in (1.0, 1.0, -0.5):
    ...     state = step(state, action)
    >>> print(" ".join(f"{number:.4f}" for number in state))
    0.0584 0.5824 3.2274 0.8163

By how much does the friction of the track slow down the cart, after a second of full push?

    >>> from tinydp import grad
    >>> def speed_after_a_second(track):
    ...     state = State(0.0, 0.0, np.pi, 0.0)
    ...     for _ in range(25):
    ...         state = step(state, 1.0, STANDARD._replace(track=track))
    ...     return state.speed
    >>> print(f"{grad(speed_after_a_second)(0.0):.3f} m/s for each N s/m")
    -4.186 m/s for each N s/m
"""

from typing import Any, NamedTuple

import numpy as np

from . import cartpole
from .cartpole import State
from .integrators import rk4

EPISODE = 250                   # steps

__all__ = ["EPISODE", "STANDARD", "Params", "State", "cost", "energy", "failed", "observe", "rates", "start",
           "step"]


class Params(NamedTuple):
    """Constants of cart and pole; units in the module's table, the limit in m.

        >>> STANDARD._replace(track=0.5).track, STANDARD.max_x
        (0.5, 2.4)
    """

    gravity: Any = 9.8
    cart_mass: Any = 1.0
    pole_mass: Any = 0.1
    half_length: Any = 0.5
    push: Any = 10.0
    track: Any = 0.0
    pivot: Any = 0.0
    dt: Any = 0.04
    max_x: Any = 2.4


STANDARD = Params()


def rates(state: State, force: Any, params: Params = STANDARD) -> State:
    """The rates of change of all four numbers, in m/s, m/s², rad/s and rad/s², under a force in N.

        >>> print(f"{rates(State(0.0, 0.0, np.pi, 0.0), 10.0).speed:.3f} m/s²")
        9.756 m/s²
    """
    mass = params.cart_mass + params.pole_mass
    moment = params.pole_mass * params.half_length
    inertia = 4.0 / 3.0 * moment * params.half_length
    sine, cosine = np.sin(state.theta), np.cos(state.theta)
    along = force - params.track * state.speed + moment * sine * state.rate**2
    around = moment * params.gravity * sine - params.pivot * state.rate
    coupling = moment * cosine
    determinant = mass * inertia - coupling**2           # of [[mass, coupling], [coupling, inertia]]
    return State(state.speed, (inertia * along - coupling * around) / determinant,
                 state.rate, (mass * around - coupling * along) / determinant)


def step(state: State, action: Any, params: Params = STANDARD) -> State:
    """The state `dt` later, for a push of `action` times `push`, as far as the motor can: 1 to the right.

        >>> print(f"{step(State(0.0, 0.0, np.pi, 0.0), 5.0).speed:.4f} m/s")        # it can push by 1
        0.3901 m/s
    """
    force = params.push * np.clip(action, -1.0, 1.0)
    return rk4(lambda now: rates(now, force, params), state, params.dt)


def cost(state: State, params: Params = STANDARD) -> Any:
    """The cost of a step that ends in `state`: 0 upright in the middle, 1 hanging there. It has no unit.

        >>> cost(State(0.0, 0.0, np.array([0.0, np.pi]), 0.0))
        array([0., 1.])
    """
    return (1.0 - np.cos(state.theta)) / 2.0 + 0.1 * (state.x / params.max_x)**2


def failed(state: State, params: Params = STANDARD) -> Any:
    """Whether the cart has left the track: a boolean, or one for each.

        >>> failed(State(np.array([2.0, -2.5]), 0.0, 0.0, 0.0))
        array([False,  True])
    """
    return np.abs(state.x) > params.max_x


def observe(state: State) -> Any:
    """What a controller sees, (x, v, cos θ, sin θ, ω): shape (5,), or (n, 5) for a batch of n.

        >>> observe(State(0.5, 0.0, 0.0, 1.0))
        array([0.5, 0. , 1. , 0. , 1. ])
    """
    return np.stack([state.x, state.speed, np.cos(state.theta), np.sin(state.theta), state.rate], axis=-1)


def start(rng: np.random.Generator, n: int) -> State:
    """Starts of n episodes: all hang, nearly at rest. Arrays of shape (n,).

        >>> bool(np.all(np.abs(start(np.random.default_rng(0), 100).theta - np.pi) <= 0.05))
        True
    """
    x, speed, theta, rate = rng.uniform(-0.05, 0.05, (n, 4)).T
    return State(x, speed, np.pi + theta, rate)


def energy(state: State, params: Params = STANDARD) -> Any:
    """Kinetic and potential energy in J, zero at rest with the pole level.

        >>> print(f"{energy(State(0.0, 0.0, np.pi, 0.0)):.2f} J")             # hanging: - m g l
        -0.49 J
    """
    return cartpole.energy(state, params)
