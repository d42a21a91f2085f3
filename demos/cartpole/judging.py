"""How a controller is judged: by Gymnasium's episodes, and by the simulator, which gives the same bits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import Params
from tinydp.sims.cartpole import EPISODE, State, failed, gymnasium_action, observe, start, step

from .. import command
from .network import controller

# ---------------------------------------------------------------------------- constants

EVALUATED = range(100)          # seeds of the Gymnasium episodes that judge the result
LONG = 10_000                   # steps, 200 s, which the controller must stand after that


# ---------------------------------------------------------------------------- evaluation

def evaluate(params: Params, quiet: bool) -> np.ndarray:
    """The lengths of Gymnasium's episodes from `env.reset(seed=s)`, for each s of `EVALUATED`.

    They run side by side, so that the controller sees all of them at once.
    """
    import gymnasium

    envs = [gymnasium.make("CartPole-v1") for _ in EVALUATED]
    seen = np.array([env.reset(seed=seed)[0] for env, seed in zip(envs, EVALUATED, strict=True)])
    lengths, running = np.zeros(len(envs), int), list(range(len(envs)))
    with command.progress(EPISODE, "steps", "evaluating", quiet) as bar:
        while running:
            actions = gymnasium_action(controller(params, seen))
            for k in running.copy():
                seen[k], _, terminated, truncated, _ = envs[k].step(actions[k])
                lengths[k] += 1
                if terminated or truncated:
                    running.remove(k)
            bar.set_postfix_str(f"{len(running)} of {len(envs)} episodes under way", False)
            bar.update()
    return lengths


class Balance(NamedTuple):
    """Simulated episodes: their lengths (n,), and the farthest of all from the middle, in m."""

    lengths: np.ndarray
    farthest: float


def balance(params: Params, state: State, steps: int, quiet: bool = True,
            decide: Callable[[Params, Any], Any] = controller) -> Balance:
    """Up to so many steps from each start in `state`; the same bits as Gymnasium without its limit."""
    lengths, standing, farthest = np.zeros(len(state.x), int), ~failed(state), 0.0
    with command.progress(steps, "steps", "standing", quiet) as bar:
        for _ in range(steps):
            state = step(state, decide(params, observe(state).astype(np.float32)))
            lengths += standing
            standing = standing & ~failed(state)
            farthest = max(farthest, float(np.max(np.abs(state.x), initial=0.0, where=standing)))
            bar.update()
            if not np.any(standing):
                break
    return Balance(lengths, farthest)


def evaluated_starts() -> State:
    """The starts of Gymnasium's episodes of the seeds `EVALUATED`, as arrays (100,)."""
    return State(*np.array([start(np.random.default_rng(seed)) for seed in EVALUATED]).T)
