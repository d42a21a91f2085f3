"""A page in which a network learns to balance the pole, and is pushed and played against.

The simulator, the controller, the adjoint, Adam: all that moves and all that learns there is exported from
the Python below; what is written in JavaScript draws, listens and counts. In each update the network of this
demo is tried in 32 windows of 1.2 seconds, and each of its numbers is moved along the derivative that
`dp.sign` lets through. Windows begin around the upright pole in the middle, since there is no episode from
which they could. The page shows what the running average of the networks does when the user pushes the cart,
and how long it stands from the starts of the 100 Gymnasium episodes that judge this demo; of all averages so
far it keeps the one that does best from 100 other starts, which lean.
"""

from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine
from tinydp.sims.cartpole import EPISODE, STANDARD, State, failed, observe, step

from ..page import Page, page_demo
from ..page.drawn import normals, uniform_layers
from ..schedule import averaged
from .judging import evaluated_starts
from .learning import COSTLY, HORIZON, LIMIT, RATE, STARTS
from .network import NET, SCALE, controller

UPDATES, JUDGED = 200, 4                 # and how many lie between two judgements, of 0.06 s
PACE = 10                                # updates a second: a network that learns at once is not seen to
NEAR = 0.3                               # how far around upright windows begin, in units of SCALE
MEMORY = 0.9                             # of the running average
ADAM = Adam(cosine(*RATE, UPDATES))
GRID = (61, 41)                          # of the map: angles within 0.25 rad, rates within 3 rad/s
ANGLE, TURN = 0.25, 3.0


class Learned(NamedTuple):
    """What an update leaves behind, and the mean cost of a step before it."""

    params: Params
    average: Params
    optimiser: AdamState
    cost: Any


class Moved(NamedTuple):
    """Cart and pole after a step, the push that was decided on, 1 or -1, and whether they have failed."""

    x: Any
    speed: Any
    theta: Any
    rate: Any
    action: Any
    fallen: Any


# ---------------------------------------------------------------------------- what is exported

def begin(draws: Any) -> Learned:
    """A new network, as `NET.init` makes one, from numbers within (0, 1)."""
    params = uniform_layers(NET.sizes, draws)
    return Learned(params, params, ADAM.init(params), 0.0)


def update(params: Params, average: Params, optimiser: AdamState, draws: Any, half_length: Any) -> Learned:
    """One update: windows from random starts, the gradient of their cost, and a step of Adam along it."""
    value, gradient = dp.value_and_grad(mean_cost)(params, drawn_starts(draws), half_length)
    params, optimiser = ADAM.step(params, clip_by_norm(gradient, LIMIT), optimiser)
    return Learned(params, averaged(average, params, optimiser.step, MEMORY), optimiser, value)


def judge(average: Params, x: Any, speed: Any, theta: Any, rate: Any, half_length: Any) -> Any:
    """The mean length of whole episodes from these starts."""
    def advance(run: tuple[State, Any, Any], _: Any) -> tuple[tuple[State, Any, Any], None]:
        state, stands, length = run
        state = step(state, controller(average, observe(state)), physics(half_length))
        return (state, np.where(failed(state), 0.0, stands), length + stands), None

    begun = State(x, speed, theta, rate), np.ones(len(x)), np.zeros(len(x))
    (_, _, lengths), _ = dp.scan(advance, begun, length=EPISODE)
    return {"mean": np.mean(lengths)}


def move(average: Params, x: Any, speed: Any, theta: Any, rate: Any, hand: Any, half_length: Any) -> Moved:
    """One step of the cart that the network drives, while a hand pushes it as well; both in units of 10 N."""
    state = State(x, speed, theta, rate)
    action = controller(average, observe(state))
    return moved(state, action, action + hand, half_length)


def steer(x: Any, speed: Any, theta: Any, rate: Any, hand: Any, half_length: Any) -> Moved:
    """One step of the cart that the hand alone drives."""
    return moved(State(x, speed, theta, rate), hand, hand, half_length)


def strategy(average: Params, x: Any, speed: Any) -> Any:
    """What the network says at each angle and rate, a row for each rate; its sign is the push."""
    theta, rate = np.meshgrid(np.linspace(-ANGLE, ANGLE, GRID[0]), np.linspace(-TURN, TURN, GRID[1]))
    here = np.ones(theta.size)
    return {"push": NET(average, observe(State(x * here, speed * here, theta.ravel(), rate.ravel())) / SCALE)}


def one_step(x: Any, speed: Any, theta: Any, rate: Any, action: Any) -> Any:
    """The cost of the state after a step: its adjoint is shown in the page."""
    return cost(step(State(x, speed, theta, rate), dp.sign(action)))


# ---------------------------------------------------------------------------- what they share

def physics(half_length: Any) -> Any:
    return STANDARD._replace(half_length=half_length)


def moved(state: State, action: Any, push: Any, half_length: Any) -> Moved:
    after = step(state, push, physics(half_length))
    return Moved(*after, action, np.where(failed(after), 1.0, 0.0))


def cost(state: State) -> Any:
    """As the demo has it: squares, in units in which each is dear."""
    return np.sum((observe(state) / COSTLY)**2, axis=-1)


def mean_cost(params: Params, starts: State, half_length: Any) -> Any:
    """The mean cost of a step under the controller, over all windows."""
    def advance(run: tuple[State, Any], _: Any) -> tuple[tuple[State, Any], None]:
        state, total = run
        state = step(state, controller(params, observe(state)), physics(half_length))
        return (state, total + cost(state)), None

    (_, total), _ = dp.scan(advance, (starts, cost(starts)), length=HORIZON)
    return np.mean(total) / (HORIZON + 1)


def drawn_starts(draws: Any) -> State:
    """Around upright, at rest in the middle."""
    return State(*(NEAR * SCALE[:, None] * normals(draws)))


# ---------------------------------------------------------------------------- the page

def programs() -> dict[str, tuple]:
    """The programs of the page, with example arguments."""
    rng = np.random.default_rng(0)
    params, half_length = NET.init(rng), STANDARD.half_length
    weights = sum(layer.weight.size for layer in params)
    one, many = (0.1, 0.2, 0.05, -0.1), 0.05 * rng.random((4, len(evaluated_starts().x)))
    return {
        "begin": (begin, rng.random(weights)),
        "update": (update, params, params, ADAM.init(params), rng.random((2, 4, STARTS)), half_length),
        "judge": (judge, params, *many, half_length),
        "move": (move, params, *one, 0.3, half_length),
        "steer": (steer, *one, -1.0, half_length),
        "strategy": (strategy, params, 0.1, 0.2),
    }


def leaning_starts(seed: int, n: int) -> State:
    """At rest in the middle, but for the pole: leaning, and turning, as far as a push may stop it."""
    rng = np.random.default_rng(seed)
    theta, rate = STANDARD.max_theta * rng.uniform(-1, 1, n), rng.uniform(-1.5, 1.5, n)
    return State(np.zeros(n), np.zeros(n), theta, rate)


def starts() -> dict[str, dict[str, Any]]:
    """Those that judge, of the Gymnasium episodes, and those that choose."""
    return {name: {part: np.round(values, 12).tolist() for part, values in state._asdict().items()}
            for name, state in (("judged", evaluated_starts()), ("chosen", leaning_starts(1, 100)))}


def page() -> Page:
    """All that the page is made of."""
    return Page(
        name="cartpole", title="A pole balanced by a sign", folder=__file__, programs=programs(),
        shown={"adjoint of one step": dp.value_and_grad(one_step, (0, 1, 2, 3, 4))},
        examples=(0.1, 0.2, 0.05, 0.1, 0.5),
        data={"starts": starts(), "updates": UPDATES, "pace": PACE, "judged": JUDGED, "grid": GRID,
              "reach": (ANGLE, TURN), "episode": EPISODE, "dt": STANDARD.dt, "track": STANDARD.max_x,
              "tilt": STANDARD.max_theta})


DEMO = page_demo(page, "cartpole page", __doc__)
CLAIM = "its machines ran in its page, and so do these: push the cart, or play against the network."
TAKES = "ten seconds"
