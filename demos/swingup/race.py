"""Reinforcement learning beside ours, on carts whose pole is to be swung up: return over real steps.

SAC and PPO of Stable-Baselines3 and the cross-entropy method learn in the same unknown worlds as the learner
of `python -m demos swingup`, and are judged from the same starts. None of them needs a simulator, and that
one does.
"""

from tinydp.sims import worlds

from ..race import zoo
from ..race.ours import ours
from ..race.run import Course, mean_return
from ..race.searches import cross_entropy, network
from ..race.stable import stable
from ..race.trial import demo
from .machine import SCALE, TASK

CLAIM = "such models learn better than by reinforcement learning, orders of magnitude faster."
TAKES = "an hour or two"

# RL Zoo has no settings for this machine. Those for Pendulum-v1, its nearest relative, are taken, but for
# the discount: PPO's 0.9 sees 0.4 s ahead and SAC's 0.99 4 s, where a swing takes 2 s.
SAC = zoo.SAC_PENDULUM | {"n_timesteps": 100_000, "gamma": 0.98}
PPO = zoo.PPO_PENDULUM | {"gamma": 0.98}


COURSE = Course(
    "swingup", lambda seed: worlds.make("swingup", seed), mean_return,
    rivals=(ours(TASK),
            stable("SAC", SAC, zoo.SOURCE.format("sac.yml", "commit 00128b5, gamma 0.98"), budget=20_000),
            stable("PPO", PPO, zoo.SOURCE.format("ppo.yml", "commit 00128b5, gamma 0.98")),
            cross_entropy(network(5, 16, SCALE, 1.0), 100_000, population=8, best=2,
                          source=zoo.SOURCE.format("cem.yml", "commit 4ece9e7"))),
    enough=lambda ours: 0.95 * ours, margin="at most 5 % below its return",
    first_world=1000, few=5, episodes=50, score="return")
DEMO = demo(COURSE, __doc__, CLAIM, __name__)
