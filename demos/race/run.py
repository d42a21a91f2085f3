"""One run: a rival in an unknown world, and what it was worth after how many real steps.

A rival's `learn` takes worlds from the run, and shows it a controller as often as it likes. The run judges
what it is shown whenever a milestone of real steps is reached, and says whether to go on:

    >>> from tinydp.sims import worlds
    >>> def learn(run):                          # learns nothing, and pushes to the right
    ...     world = run.make()
    ...     world.reset(seed=run.seed)
    ...     while run.look(lambda observation: 1):
    ...         _, _, terminated, truncated, _ = world.step(1)
    ...         if terminated or truncated:
    ...             world.reset()
    >>> course = Course("cartpole", lambda seed: worlds.make("cartpole", seed), mean_return, (),
    ...                 enough=lambda ours: 0.99 * ours, first_world=1000, few=3, episodes=4, score="length")
    >>> curve = run_one(course, Rival("right", learn, budget=30), seed=1000, budget=30)
    >>> [point.real for point in curve.points]
    [0, 10, 13, 18, 24, 30]
    >>> curve.points[-1].episodes, curve.final
    (4, 9.25)

Steps of the judge are no real steps, and his seconds not the rival's.
"""

import importlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium

from tinydp.sims import worlds
from tinydp.sims.worlds import World

FIRST, TO_THE_DECADE = 10, 8             # milestones: the first, and how many to the power of ten
START = 1_000_000                        # seeds of the starts in learning: no evaluation has these

Controller = Callable[[Any], Any]        # observation -> action, as `worlds.evaluate` takes it


class Rival(NamedTuple):
    """Who learns: `learn(run)`, within `budget` real steps unless the user wants another number.

    `settings` tell all on which it depends, and `source` whence they are; `needs` are the modules without
    which it cannot run, `title` is for people.
    """

    name: str
    learn: Callable[["Run"], None]
    budget: int
    settings: dict[str, Any] = {}
    source: str = ""
    needs: tuple[str, ...] = ()
    title: str = ""


class Course(NamedTuple):
    """What is raced on: `make(seed)` a fresh world, and `judge(world, controller, episodes)` its score.

    More is better. Curves are judged by `few` episodes, what is there in the end by `episodes`. A rival is as
    good as ours from `enough(ours)` on, where `ours` is the score of the rival "ours" in the same world.
    `shown` makes a number for people of a score, as a miss of its negative, with so many `digits`;
    `best`, if there is one, is as good as can be.
    """

    name: str
    make: Callable[[int], World]
    judge: Callable[[World, Controller, int], float]
    rivals: tuple[Rival, ...]
    enough: Callable[[float], float]
    first_world: int
    few: int
    episodes: int
    score: str
    margin: str = ""
    shown: Callable[[float], float] = lambda score: score
    digits: int = 1
    unit: str = "step"                   # of what is counted: a step, a shot
    log_score: bool = False


class Point(NamedTuple):
    """After so many real steps, simulated steps, episodes and processor seconds: the score."""

    real: int
    simulated: int
    episodes: int
    seconds: float
    score: float


class Curve(NamedTuple):
    """A run from its first step to its last; `final` is the last controller's score, over all episodes."""

    rival: str
    world: int
    points: list[Point]
    final: float
    judging_seconds: float


class Counted(gymnasium.Wrapper):
    """A world, and how many of its episodes began."""

    def __init__(self, world: World):
        super().__init__(world)
        self.episodes = 0

    def reset(self, **options: Any) -> Any:
        self.episodes += 1
        return super().reset(**options)


class Run:
    """What a rival is handed: `make`, `look`, the `seed` of its random numbers and the `budget`."""

    def __init__(self, course: Course, seed: int, budget: int):
        self.seed, self.budget = seed, budget
        self.points: list[Point] = []
        self.judging_seconds = 0.0
        self.shown: tuple[Controller, int] | None = None
        self._course, self._began = course, time.process_time()
        self._made: list[tuple[World, Counted]] = []
        self._due = milestones(budget)

    def make(self) -> Any:
        """The world, to reset and step; a rival that learns in several copies at once makes several."""
        world = self._course.make(self.seed)
        self._made.append((world, Counted(world)))
        return self._made[-1][1]

    @property
    def real(self) -> int:
        """Real steps so far, in all copies of the world."""
        return sum(world.real_steps for world, _ in self._made)

    def look(self, controller: Controller, simulated: int = 0) -> bool:
        """Show what is learned by now, after so many simulated steps; whether there are real steps left."""
        self.shown = controller, simulated
        if self._due and self.real >= self._due[0]:
            self.add_point()
        return self.real < self.budget

    def add_point(self) -> None:
        """Judge what was shown last."""
        assert self.shown is not None, "a rival has to show a controller"
        controller, simulated = self.shown
        seconds = time.process_time() - self._began - self.judging_seconds
        self.points.append(Point(self.real, simulated, sum(counted.episodes for _, counted in self._made),
                                 round(seconds, 3), self.judge(controller, self._course.few)))
        self._due = [due for due in self._due if due > self.real]

    def judge(self, controller: Controller, episodes: int) -> float:
        """Its score, in a world of the judge's own."""
        began = time.process_time()
        score = self._course.judge(self._course.make(self.seed), controller, episodes)
        self.judging_seconds += time.process_time() - began
        return score


def mean_return(world: World, controller: Controller, episodes: int) -> float:
    """A judge: of episodes from the starts of seeds 0, 1, ..."""
    return float(worlds.evaluate(world, controller, episodes).returns.mean())


def milestones(budget: int) -> list[int]:
    """0, some that grow by equal factors, and the budget itself."""
    grown = [round(FIRST * 10**(k / TO_THE_DECADE)) for k in range(10 * TO_THE_DECADE)]
    return [0, *(due for due in grown if due < budget), budget]


def run_one(course: Course, rival: Rival, seed: int, budget: int) -> Curve:
    """Let it learn in the world of that seed. What it needs is imported before its seconds are counted."""
    for module in rival.needs:
        importlib.import_module(module)
    run = Run(course, seed, budget)
    rival.learn(run)
    if not run.points or run.points[-1].real < run.real:
        run.add_point()
    assert run.shown is not None
    return Curve(rival.name, seed, run.points, run.judge(run.shown[0], course.episodes),
                 round(run.judging_seconds, 2))
