"""The controller: a network that sees the state and pushes with full force."""

from typing import Any

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Params
from tinydp.sims.cartpole import gymnasium_action

# ---------------------------------------------------------------------------- recipe

NET = MLP((4, 32, 1), hidden="tanh", output="tanh")
SCALE = np.array([2.4, 2.0, 0.2, 2.0])          # large values of x, v, θ, ω: the network sees multiples


# ---------------------------------------------------------------------------- controller and loss

def controller(params: Params, seen: Any) -> Any:
    """1, a push to the right, or -1, to the left, for an observation (4,); (n,) for (n, 4)."""
    return dp.sign(NET(params, seen / SCALE)[..., 0])


def act(params: Params, seen: Any) -> Any:
    """The same as Gymnasium takes it: 1 to the right, 0 to the left."""
    return gymnasium_action(controller(params, seen))
