"""A pendulum's simulator with what no parameter of it names: a network inside it, or the truth.

Something turns the rod beside motor, weight and friction, by so many rad/s² more in a step. What a network
says of it is a function of what is seen and of the torque.
"""

from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import MLP, Params
from tinydp.sims.pendulum import STANDARD, State, observe, step
from tinydp.sims.worlds.pendulum import COGS

from ..worlds.network import Bent, new_network

NET = MLP((4, 12, 1))
INSIDE = new_network(NET, spread=1.0, size=3.0)          # rad/s² beside the simulator
ALONE = new_network(NET, spread=1.0, size=15.0)          # and without it: gravity and motor as well


class Told(NamedTuple):
    """Parameters of the simulator, and what else a world has, for who is told: see its `Truth`."""

    params: Any
    cogging: Any
    rubbing: Any


def move(state: State, torque: Any, known: Any) -> State:
    """The simulator's step for its parameters alone, for `Bent` ones, or for `Told` ones."""
    if isinstance(known, Bent):
        more = said(known.network, state, torque)
    elif isinstance(known, Told):
        params = known.params
        more = -3.0 / (params.mass * params.length**2) * (
            known.cogging * np.sin(COGS * state.theta)
            + known.rubbing * (1 + np.sin(state.theta)) / 2 * state.rate)
    else:
        return step(state, torque, known)
    return step(State(state.theta, state.rate + STANDARD.dt * more), torque, known.params)


def move_alone(state: State, torque: Any, known: Bent) -> State:
    """A step without a simulator: the network is told only that rates change angles."""
    rate = state.rate + STANDARD.dt * said(known.network, state, torque)
    return State(state.theta + STANDARD.dt * rate, rate)


def said(network: Params, state: State, torque: Any) -> Any:
    """What a network says of the acceleration, in rad/s²; it sees numbers of about 1."""
    limit = STANDARD.max_torque
    torque = np.clip(torque, -limit, limit) + 0.0 * state.rate       # as many as there are states
    seen = np.concatenate([observe(state) * [1.0, 1.0, 0.25], (torque / limit)[..., None]], axis=-1)
    return NET(network, seen)[..., 0]


def told(params: Any, real: Any) -> Any:
    """What there is to know of a world, for its `Truth`; effects, as the rest, relative to the motor."""
    if not (real.cogging or real.rubbing):
        return params
    return Told(params, real.cogging / real.gain, real.rubbing / real.gain)
