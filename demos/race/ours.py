"""The learner of `demos/worlds`, as a rival: one real episode, and a simulator that is refined meanwhile."""

from ..worlds.learner import Learner, Learning, Pilot, Task
from .run import Rival, Run


def ours(task: Task) -> Rival:
    """It has a simulator, which nobody else has: its simulated steps are counted beside the real ones."""
    def learn(run: Run) -> None:
        learner, world = Learner(task), run.make()
        learning, going = learner.begin(run.seed), True
        while going and not learner.over(learning):
            learning = learner.advance(learning, world, run.seed)
            if learning.training.count >= task.recipe.before:
                going = run.look(Pilot(task, learning.training.controller), simulated(task, learning))

    return Rival("ours", learn, task.recipe.steps, task.recipe._asdict(), title="ours")


def simulated(task: Task, learning: Learning) -> int:
    """Steps in the simulator so far: of windows, of exams, and to refine it."""
    recipe, training = task.recipe, learning.training
    return training.count * recipe.windows * recipe.horizon[-1] + training.examined + learning.refining
