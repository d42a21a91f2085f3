"""Controllers that the demos have trained, each loaded with one line.

A demo writes `controller-SEED.npz` to its folder, and a sweep `seed-N.npz` for every seed. Both are files of
arrays without pickle: who loads one runs none of its code.

    balancer = dp.controllers.load("out/cartpole/controller-0.npz")
    action, _ = balancer.predict(observation)

The demos come with tinydp where it is installed, or stand beside it in a checkout.
"""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .ad.errors import UsageError

__all__ = ["Controller", "load"]


class Controller:
    """What a demo has learned: from what is seen to what is done. It remembers nothing.

    `demo` is the name of the demo, `settings` are those of its training, and `params` the parameters of its
    network, as they stand in the file.

        >>> half = Controller("half", {}, None, lambda params, seen: np.array([seen[0] / 2], np.float32))
        >>> half.predict(np.array([3.0]))
        (array([1.5], dtype=float32), None)
    """

    def __init__(self, demo: str, settings: dict[str, Any], params: Any,
                 acts: Callable[[Any, Any], Any]) -> None:
        self.demo, self.settings, self.params, self._acts = demo, settings, params, acts

    def predict(self, observation: Any, state: Any = None, episode_start: Any = None,
                deterministic: bool = True) -> tuple[Any, Any]:
        """Returns the action, as the environment takes it, and the state; as Stable-Baselines3 has it.

        An observation (d,) gives one action, observations (n, d) give n. There is no chance in it, and no
        memory: `state` comes back as it is, and the others change nothing.

            >>> sign = Controller("sign", {}, None, lambda params, seen: 1 * (seen[..., 0] > 0))
            >>> sign.predict(np.array([[0.5], [-2.0]]))
            (array([1, 0]), None)
        """
        return self._acts(self.params, np.asarray(observation)), state

    def __repr__(self) -> str:
        return f"<the controller of the demo {self.demo}, seed {self.settings.get('seed')}>"


def load(path: str | Path) -> Controller:
    """The controller in a file that a demo, or its sweep, has written.

    Returns a `Controller`, whose `predict(observation)` gives the action and a state, as those of
    Stable-Baselines3 do. Raises `UsageError` if the file is none of these or damaged, if its demo has no
    controller that acts without a memory, or if the demos are not there; `FileNotFoundError` without a file.

        >>> load("out/cartpole/controller-7.npz")
        Traceback (most recent call last):
        ...
        FileNotFoundError: [Errno 2] No such file or directory: 'out/cartpole/controller-7.npz'
    """
    demos = _demos()
    checkpoints = importlib.import_module(f"{demos}.checkpoints")
    try:
        name, settings = checkpoints.told(Path(path))
        demo = getattr(_module(demos, name), "DEMO", None)
        if demo is None or demo.acts is None:
            raise UsageError(f"{path} belongs to the demo {name}, whose controller has a memory or none to "
                             "load.", "load the file of another demo.")
        kept = checkpoints.load(Path(path), name, None, demo.kinds)
        params = demo.acts.params(kept)
    except (checkpoints.CheckpointError, KeyError, TypeError) as error:
        raise UsageError(f"{path} holds no controller: {str(error).partition('. ')[0]}.",
                         "load controller-SEED.npz of a demo's folder, or seed-N.npz of a sweep.") from None
    return Controller(name, settings, params, demo.acts.act)


def _demos() -> str:
    """The package of the demos: installed with tinydp, or in the checkout around it."""
    for name in ("tinydp.demos", "demos"):
        if importlib.util.find_spec(name) is not None:
            return name
    raise UsageError("the demos, which know what their controllers do, are not there.",
                     "install tinydp, as by pip install -e . in its folder.")


def _module(demos: str, name: str) -> ModuleType:
    """Where a demo is, "pendulum world" in `pendulum.world`."""
    try:
        return importlib.import_module(".".join([demos, *name.split()]))
    except ModuleNotFoundError as error:
        if error.name and not error.name.startswith(demos):
            raise                                # of an extra: its name says what is to be installed
        raise UsageError(f"there is no demo named {name!r}.", "load the file of another demo.") from None
