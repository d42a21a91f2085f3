"""The swing-up demo's machine: what is unknown of it, the controller, its loss and its recipe."""

from typing import Any

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Params
from tinydp.sims.swingup import EPISODE, STANDARD, State, cost, observe, step

from ..worlds.belief import Model, Unknown
from ..worlds.learner import Physics, Recipe, Task

# ---------------------------------------------------------------------------- the simulator and its unknowns

# Only ratios of forces and masses show in a cart's motion: so its mass is taken as drawn, and the mass of the
# pole, the push and the frictions relative to it.
UNKNOWNS = (Unknown("half_length", 0.5, 0.35), Unknown("pole_mass", 0.1, 0.6), Unknown("push", 10.0, 0.35),
            Unknown("track", 0.0, 0.7), Unknown("pivot", 0.0, 0.007))


def params(known: dict[str, Any]) -> Any:
    """The simulator's parameters."""
    return STANDARD._replace(**known)


def measured(seen: np.ndarray) -> np.ndarray:
    """Positions, speeds, angles, which count turns, and rates, for what was seen step by step."""
    x, speed, cosine, sine, rate = seen.T
    return np.stack([x, speed, np.unwrap(np.arctan2(sine, cosine)), rate], axis=1)


MODEL = Model(UNKNOWNS, params, State, step, measured, sensors=np.array([0.003, 0.03, 0.01, 0.08]),
              joints=np.array([0.003, 0.02, 0.005, 0.05]), pieces=13)

# ---------------------------------------------------------------------------- the controller and its cost

NET = MLP((5, 32, 32, 1), hidden="relu")
SCALE = np.array([1.0, 2.0, 1.0, 1.0, 4.0])      # of what is observed: m, m/s, 1, 1, rad/s
EDGE = 1.9                      # m from the middle, from where on the end of the track is felt in training
WINDOW = 60                     # steps, 2.4 s: about one swing up


def new_controller(rng: np.random.Generator) -> Params:
    """Parameters of a controller that begins with almost no push."""
    *layers, last = NET.init(rng)
    return [*layers, last._replace(weight=0.1 * last.weight)]


def controller(params: Params, seen: Any) -> Any:
    """The push, within ±1, for an observation of shape (5,), or pushes (n,) for (n, 5)."""
    return np.tanh(NET(params, seen / SCALE)[..., 0])


def act(params: Params, seen: np.ndarray) -> np.ndarray:
    """The same as the environment takes it: (1,), or (n, 1)."""
    return np.float32(controller(params, seen))[..., None]


def decide(params: Params, seen: Any, past: Any) -> Any:
    """The pushes (n,) for what is seen (n, 5); nothing is remembered."""
    return controller(params, seen)


def loss(params: Params, starts: State, weights: np.ndarray, physics: Physics) -> Any:
    """The mean over windows of what their steps cost, for those that count.

    Beside the cost of the simulator, speeds cost a little, and much does a cart that nears the end of its
    track: there an episode would end, which has no slope.
    """
    def advance(run: tuple, weight: Any) -> tuple[tuple, None]:
        state, total = run
        state = step(state, controller(params, observe(state)), physics.params)
        beyond = np.maximum(np.abs(state.x) - EDGE, 0.0)
        shaped = cost(state) + 0.002 * state.speed**2 + 0.001 * state.rate**2 + 4.0 * beyond**2
        return (state, total + weight * shaped), None

    (_, total), _ = dp.scan(advance, (starts, np.zeros(starts.x.shape)), weights)
    return np.mean(total)


def draw(rng: np.random.Generator, n: int) -> State:
    """Starts of n windows, anywhere: four arrays of shape (n,)."""
    return State(rng.uniform(-1.5, 1.5, n), rng.normal(0.0, 1.5, n), rng.uniform(-np.pi, np.pi, n),
                 rng.normal(0.0, 4.0, n))


# Worlds 100 and 101 were looked at while this was written.
RECIPE = Recipe(steps=EPISODE, before=300, meanwhile=2, refined=10, windows=64, horizon=(WINDOW, WINDOW),
                rate=(6e-3, 1e-4), limit=10.0)
TASK = Task(MODEL, RECIPE, 0, new_controller, decide, lambda push: np.array([push], np.float32), draw, loss)

# ---------------------------------------------------------------------------- what counts as held

UP = np.cos(np.radians(12))     # of the angle of a pole that is upright, the least cosine
SLOW = 1.0                      # rad/s, its largest rate
HELD = 50                       # steps that it has to be so at the end of an episode in the simulator: 2 s
