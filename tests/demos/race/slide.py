"""A machine of no simulator, and a course on it: a block on a slope, to be pushed up to 1 in five steps."""

import numpy as np
from gymnasium import spaces

from demos.race.run import Course, Rival, mean_return
from tinydp.sims.worlds import World

LEARNED = []                     # rival and seed of each run in this process


class Slide:
    longest, noise = 5, np.full(1, 0.01)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def __init__(self, slope):
        self.slope = slope

    def start(self, rng):
        self.place = rng.uniform(-0.1, 0.1)

    def step(self, action):
        self.place += float(np.asarray(action).reshape(-1)[0]) - self.slope
        return False

    def sense(self):
        return np.array([self.place])

    def show(self, sensed):
        return sensed.astype(np.float32)

    def reward(self, before, action, after):
        return -abs(float(after[0]) - 1.0)


def make(seed):
    return World(Slide(0.01 * (seed % 10)))


def better_with_time(steps):
    """A rival that knows the machine a little better with every episode, and all of it after `steps`."""
    def learn(run):
        LEARNED.append(("", run.seed))
        world = run.make()
        world.reset(seed=run.seed)
        while True:
            known = min(1.0, run.real / steps)
            if not run.look(lambda seen: known * (1.0 - seen), simulated=3 * run.real):
                return
            *_, truncated, _ = world.step(np.array([0.1]))
            if truncated:
                world.reset()
    return learn


COURSE = Course("slide", make, mean_return,
                rivals=(Rival("ours", better_with_time(20), 40, {"steps": 20}),
                        Rival("slow", better_with_time(200), 400, {"steps": 200}),
                        Rival("hopeless", better_with_time(1e9), 50)),
                enough=lambda ours: 1.1 * ours, margin="at most 10 % below", first_world=3, few=2, episodes=4,
                score="return")
