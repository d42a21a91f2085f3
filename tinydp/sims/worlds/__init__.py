"""Unknown worlds: the machines as they might stand somewhere, each a little different.

A simulator is what a learner may differentiate; a world is what it may touch: `reset`, `step`, and a
count of its real steps. A seed draws the world's parameters, and effects that the nominal simulator
lacks, and whatever is observed has noise:

    >>> world = make("pendulum", seed=3)
    >>> observation, _ = world.reset(seed=0)
    >>> observation, reward, terminated, truncated, _ = world.step(np.array([2.0]))
    >>> world.real_steps
    1

A controller is judged apart from that, by the truth:

    >>> evaluate(world, lambda observation: np.array([0.0]), episodes=3).returns.round()
    array([-1436., -1355., -1582.])
    >>> world.real_steps
    1

Worlds are Gymnasium's environments (pip install tinydp[gym]), so that whatever learns from those learns
from these. Their physics share no line with the simulators; docs/worlds.md tells what is in them.
"""

import importlib.util
from typing import Any

import numpy as np

if importlib.util.find_spec("gymnasium") is None:
    raise ModuleNotFoundError("worlds are environments of Gymnasium: pip install 'tinydp[gym]'",
                              name="gymnasium")

from . import cartpole, pendulum, swingup, trebuchet
from .world import Evaluation, Physics, World, evaluate, reveal

__all__ = ["MACHINES", "Evaluation", "Physics", "World", "evaluate", "machine", "make", "reveal"]

MACHINES: dict[str, Any] = {
    "pendulum": (pendulum.Pendulum, pendulum.Truth, pendulum.draw),
    "cartpole": (cartpole.CartPole, cartpole.Truth, cartpole.draw),
    "swingup": (swingup.SwingUp, swingup.Truth, swingup.draw),
    "trebuchet": (trebuchet.Trebuchet, trebuchet.Truth, trebuchet.draw),
}

STREAM = 2026                    # of worlds: their seeds have nothing in common with those of episodes


def make(name: str, seed: int | None = None, **truth: Any) -> World:
    """The world of that name that `seed` draws, or the nominal one; `truth` sets what is true by name.

    Without seed and `truth`, it is the machine of the simulator, without noise. The names are those of the
    `Truth` of that world. Raises `KeyError` if there is no such world.

    >>> reveal(make("trebuchet", seed=1, noise=1.0)).noise
    1.0
    """
    return World(machine(name, seed, **truth))


def machine(name: str, seed: int | None = None, **truth: Any) -> Physics:
    """What stands behind that world: for environments that show more of it than a `World` does.

    >>> machine("pendulum").longest                      # steps of an episode, at most
    200
    """
    kind, nominal, draw = MACHINES[name]
    drawn = nominal() if seed is None else draw(np.random.default_rng([STREAM, seed]))
    return kind(drawn._replace(**truth))
