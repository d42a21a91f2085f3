"""The algorithms of Stable-Baselines3, as rivals: pip install -e '.[rl]'.

    stable("DQN", zoo.DQN_CARTPOLE)

An algorithm sees worlds as it would see any environments of Gymnasium, and is shown to the judge after each
of its steps, as it would act without exploring. Torch runs on one thread.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces

from .run import START, Rival, Run

MODULES = ("stable_baselines3", "torch")


class Lens(NamedTuple):
    """A world in units that suit a network: what it sees of observations and rewards, how its actions act.

    Its actions are in [-1, 1], `actions` of them.
    """

    see: Callable[[Any], np.ndarray]
    act: Callable[[Any], Any]
    reward: Callable[[float], float]
    numbers: int
    actions: int


class Through(gymnasium.Wrapper):
    """A world seen through a lens."""

    def __init__(self, world: gymnasium.Env, lens: Lens):
        super().__init__(world)
        self.lens = lens
        self.observation_space = spaces.Box(-np.inf, np.inf, (lens.numbers,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (lens.actions,), np.float32)

    def reset(self, **options: Any) -> Any:
        observation, info = super().reset(**options)
        return self.lens.see(observation), info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(self.lens.act(action))
        return self.lens.see(observation), self.lens.reward(float(reward)), terminated, truncated, info


def stable(algorithm: str, settings: dict[str, Any], source: str = "", lens: Lens | None = None,
           budget: int = 0) -> Rival:
    """An algorithm by its name, with settings as RL Zoo writes them, whose budget is theirs by default."""
    def learn(run: Run) -> None:
        train(algorithm, settings, run, lens)

    return Rival(algorithm, learn, budget or settings["n_timesteps"], settings, source, MODULES)


def train(algorithm: str, settings: dict[str, Any], run: Run, lens: Lens | None) -> None:
    """Until the budget is spent; schedules are of the settings' number of steps, or of a larger budget."""
    import stable_baselines3 as sb3  # the extra `rl`
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)
    copies, steps, options = constructor(settings)
    made = [run.make() if lens is None else Through(run.make(), lens) for _ in range(copies)]
    model = getattr(sb3, algorithm)("MlpPolicy", DummyVecEnv([lambda one=one: one for one in made]),
                                    seed=START + run.seed, device="cpu", **options)

    def controller(observation: Any) -> Any:
        if lens is None:
            return model.predict(observation, deterministic=True)[0]
        return lens.act(model.predict(lens.see(observation), deterministic=True)[0])

    class Look(BaseCallback):
        """Shows the judge what is learned, and ends the training with the budget."""

        def _on_step(self) -> bool:
            return run.look(controller)

    model.learn(max(steps, run.budget), callback=Look())
    run.look(controller)


def constructor(settings: dict[str, Any]) -> tuple[int, int, dict[str, Any]]:
    """Copies of the world, steps, and what else the settings say, as Stable-Baselines3 wants to hear it."""
    options = dict(settings)
    copies, steps = options.pop("n_envs", 1), options.pop("n_timesteps")
    for name, value in options.items():
        if isinstance(value, str) and value.startswith("lin_"):
            options[name] = falling(float(value.removeprefix("lin_")))
    if isinstance(options.get("train_freq"), list):
        options["train_freq"] = tuple(options["train_freq"])
    if options.pop("noise_type", None):
        from stable_baselines3.common.noise import NormalActionNoise

        options["action_noise"] = NormalActionNoise(np.zeros(1), options.pop("noise_std") * np.ones(1))
    return copies, steps, options


def falling(first: float) -> Callable[[float], float]:
    """From `first` to 0, by what remains of the training, 1 to 0."""
    return lambda remains: first * remains
