"""Reinforcement learning beside ours, on cart-poles nobody knows: return over real steps.

DQN and PPO of Stable-Baselines3 with the settings that RL Zoo publishes, the cross-entropy method and random
linear search learn in the same unknown worlds as the learner of `python -m demos cartpole world`, and are
judged from the same starts. None of them needs a simulator, and that one does.
"""

from tinydp.sims import worlds

from ..race import zoo
from ..race.ours import ours
from ..race.run import Course, mean_return
from ..race.searches import cross_entropy, push, random_search
from ..race.stable import stable
from ..race.trial import demo
from .world import TASK

CLAIM = "such models learn better than by reinforcement learning, orders of magnitude faster."
TAKES = "a quarter of an hour"


COURSE = Course(
    "cartpole", lambda seed: worlds.make("cartpole", seed), mean_return,
    rivals=(ours(TASK),
            stable("DQN", zoo.DQN_CARTPOLE, zoo.SOURCE.format("dqn.yml", "commit ce95481")),
            stable("PPO", zoo.PPO_CARTPOLE, zoo.SOURCE.format("ppo.yml", "commit 00128b5")),
            cross_entropy(push(4), 100_000, population=4, best=2,
                          source=zoo.SOURCE.format("cem.yml", "commit 4ece9e7")),
            random_search(push(4), 100_000)),
    enough=lambda ours: 0.99 * ours, margin="at least 99 % of its length",
    first_world=1000, few=10, episodes=100, score="steps of 500")
DEMO = demo(COURSE, __doc__, CLAIM, __name__)
