"""A page in which the pendulum learns to swing up, in any browser.

The simulator, the controller, the adjoint, Adam: all that moves and all that learns there is exported from
the Python below; what is written in JavaScript draws, listens and counts. In each update a small network is
tried in 32 windows of two seconds, and each of its numbers is moved along its derivative. The page shows
what the running average of the networks would do, and its mean return over the starts of the 100 Gymnasium
episodes that judge this demo; of all averages so far it keeps the one that does best from 100 other starts.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from ..page import Page, page_demo
from ..page.drawn import normals
from ..schedule import averaged
from .learning import gymnasium_starts
from .machine import EPISODE, EVALUATED, LIMIT, MEMORY, controller, cost_of_run, new_controller, spread_starts

NET = MLP((3, 32, 32, 1), hidden="relu")
WINDOWS, HORIZON, UPDATES = 32, 40, 400
ADAM = Adam(cosine(5e-3, 1e-4, UPDATES))
GRID = (61, 41)                          # of the map: angles from -pi to pi, rates from -8 to 8 rad/s
JUDGED = 100                             # starts
decide = functools.partial(controller, net=NET)


class Learned(NamedTuple):
    """What an update leaves behind, and the mean cost of a step before it."""

    params: Params
    average: Params
    optimiser: AdamState
    cost: Any


class Moved(NamedTuple):
    """The pendulum after a step, and the torque in N m that it was given."""

    theta: Any
    rate: Any
    torque: Any


# ---------------------------------------------------------------------------- what is exported

def begin(draws: Any) -> Learned:
    """A new network with almost no torque, from numbers within (0, 1): two of them make a normal one."""
    drawn = normals(draws)
    spreads = [np.sqrt(2 / n) for n in NET.sizes[:-2]] + [0.1 * np.sqrt(2 / (NET.sizes[-2] + 1))]
    params, start = [], 0
    for spread, inputs, outputs in zip(spreads, NET.sizes, NET.sizes[1:], strict=False):
        stop = start + inputs * outputs
        params.append(Layer(spread * drawn[start:stop].reshape(inputs, outputs), np.zeros(outputs)))
        start = stop
    return Learned(params, params, ADAM.init(params), 0.0)


def update(params: Params, average: Params, optimiser: AdamState, draws: Any, mass: Any, gravity: Any
           ) -> Learned:
    """One update: windows from random starts, the gradient of their cost, and a step of Adam along it."""
    value, gradient = dp.value_and_grad(mean_cost)(params, drawn_starts(draws), mass, gravity)
    params, optimiser = ADAM.step(params, clip_by_norm(gradient, LIMIT), optimiser)
    return Learned(params, averaged(average, params, optimiser.step, MEMORY), optimiser, value / HORIZON)


def judge(average: Params, theta: Any, rate: Any, mass: Any, gravity: Any) -> Any:
    """The mean return of whole episodes from these starts."""
    return {"mean": -np.mean(total_cost(average, State(theta, rate), EPISODE, mass, gravity))}


def move(average: Params, theta: Any, rate: Any, mass: Any, gravity: Any) -> Moved:
    """One step of the pendulum that is shown."""
    torque = decide(average, observe(State(theta, rate)))
    after = step(State(theta, rate), torque, physics(mass, gravity))
    return Moved(after.theta, after.rate, torque)


def strategy(average: Params) -> Any:
    """The torque in every state, a row for each rate."""
    theta, rate = np.meshgrid(np.linspace(-np.pi, np.pi, GRID[0]), np.linspace(-8.0, 8.0, GRID[1]))
    return {"torque": decide(average, observe(State(theta.ravel(), rate.ravel())))}


def one_step(theta: Any, rate: Any, torque: Any) -> Any:
    """The cost of the state after a step: its adjoint is shown in the page."""
    return cost(step(State(theta, rate), torque), torque)


# ---------------------------------------------------------------------------- what they share

def physics(mass: Any, gravity: Any) -> Any:
    return STANDARD._replace(mass=mass, gravity=gravity)


def total_cost(params: Params, starts: State, steps: int, mass: Any, gravity: Any) -> Any:
    """The cost of so many steps, one for each start."""
    pushes = np.zeros((steps, len(starts.theta)))
    return cost_of_run(params, starts, pushes, np.ones(steps), physics(mass, gravity), decide=decide)


def mean_cost(params: Params, starts: State, mass: Any, gravity: Any) -> Any:
    return np.mean(total_cost(params, starts, HORIZON, mass, gravity))


def drawn_starts(draws: Any) -> State:
    """As Gymnasium draws them, from numbers within (0, 1)."""
    return State(np.pi * (2.0 * draws[0] - 1.0), 2.0 * draws[1] - 1.0)


@functools.cache
def example() -> Params:
    """A network, for its shapes."""
    return new_controller(np.random.default_rng(0), NET)


# ---------------------------------------------------------------------------- the page

def programs() -> dict[str, tuple]:
    """The programs of the page, with example arguments."""
    params, optimiser = example(), ADAM.init(example())
    rng = np.random.default_rng(0)
    starts, weights = rng.random((2, WINDOWS)), sum(layer.weight.size for layer in params)
    many = rng.random((2, JUDGED))
    return {
        "begin": (begin, rng.random((2, weights))),
        "update": (update, params, params, optimiser, starts, 1.0, 10.0),
        "judge": (judge, params, *many, 1.0, 10.0),
        "move": (move, params, 3.0, 0.1, 1.0, 10.0),
        "strategy": (strategy, params),
    }


def starts() -> dict[str, list]:
    """Those that judge, of the Gymnasium episodes, and those that choose."""
    judged, chosen = gymnasium_starts(EVALUATED), spread_starts(10, 10)
    return {name: {"theta": np.round(x.theta, 12).tolist(), "rate": np.round(x.rate, 12).tolist()}
            for name, x in (("judged", judged), ("chosen", chosen))}


def page() -> Page:
    """All that the page is made of."""
    return Page(
        name="pendulum", title="A pendulum learns to swing up", folder=__file__, programs=programs(),
        shown={"adjoint of one step": dp.value_and_grad(one_step, (0, 1, 2))}, examples=(3.0, 0.5, 1.0),
        data={"starts": starts(), "updates": UPDATES, "windows": WINDOWS, "grid": GRID})


DEMO = page_demo(page, "pendulum page", __doc__)
CLAIM = "its machines ran in its page, and so do these: this one learns there."
TAKES = "ten seconds"
