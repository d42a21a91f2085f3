"""Reinforcement learning beside ours, on pendulums nobody knows: return over real steps.

SAC, TD3 and PPO of Stable-Baselines3 with the settings that RL Zoo publishes, and the cross-entropy method
learn in the same unknown worlds as the learner of `python -m demos pendulum world`, and are judged from the
same starts. None of them needs a simulator, and that one does.
"""

import numpy as np

from tinydp.sims import worlds

from ..race import zoo
from ..race.ours import ours
from ..race.run import Course, mean_return
from ..race.searches import cross_entropy, network
from ..race.stable import stable
from ..race.trial import demo
from .world import TASK

CLAIM = "such models learn better than by reinforcement learning, orders of magnitude faster."
TAKES = "forty minutes"


COURSE = Course(
    "pendulum", lambda seed: worlds.make("pendulum", seed), mean_return,
    rivals=(ours(TASK),
            stable("SAC", zoo.SAC_PENDULUM, zoo.SOURCE.format("sac.yml", "commit 00128b5"), budget=10_000),
            stable("TD3", zoo.TD3_PENDULUM, zoo.SOURCE.format("td3.yml", "commit a02f4fb")),
            stable("PPO", zoo.PPO_PENDULUM, zoo.SOURCE.format("ppo.yml", "commit 00128b5")),
            cross_entropy(network(3, 16, np.array([1.0, 1.0, 8.0]), 2.0), 200_000, population=8, best=2,
                          source=zoo.SOURCE.format("cem.yml", "commit 4ece9e7"))),
    enough=lambda ours: 1.05 * ours, margin="at most 5 % below its return",
    first_world=1000, few=20, episodes=100, score="return")
DEMO = demo(COURSE, __doc__, CLAIM, __name__)
