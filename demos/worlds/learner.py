"""One real episode: act, refine the simulator, improve the controller; and again, step by step.

Before it, the controller is trained in the nominal simulator: more is not known. While the episode runs,
every real step is followed by some updates through the simulator as it is believed to be by now, and
every few steps that belief is refined by all that was measured. The controller drives from the first step
on. If the machine fails, its episode begins anew, and steps are counted on.

Gradients through a machine that reacts strongly are no sure guide. Where windows part, one to swing up at
once and one to swing once more, the slope is a cliff: few windows see it, and for them it is so steep that
the limit on a gradient's norm leaves nothing of all others. Small steps down the rest lead over its edge,
at any rate. So some tasks have an `Exam`: now and then the controller's episodes from starts that no update
has seen are simulated. Whichever controller did best so far, by the simulator as it is known by now, drives,
and is the result; and updates by which that became clearly worse are undone.

Some tasks have a second model, with a network inside the simulator. Both are refined; each refinement begins
with what either had foretold of the steps since the last one. The network takes part in training only while
that was the better guess, of late.

What learns here sees the world by `reset`, `step` and `real_steps` alone.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Layer, Params
from tinydp.optim import Adam, AdamState, clip_by_norm, cosine

from ..schedule import averaged, counted
from .belief import Belief, Model, Record, Refinery, prior

AVERAGED = 0.99                 # how much of the averaged controller an update leaves
BLOCK = 20                      # updates at a time, before the episode
LATELY = 5                      # refinements, over which the models' guesses are compared
FIRST_START = 1_000_000         # seeds of the episodes' starts and noise: no evaluation has these

# ---------------------------------------------------------------------------- what is learned


class Recipe(NamedTuple):
    """How much is done when."""

    steps: int                  # real ones
    before: int                 # updates in the nominal simulator
    meanwhile: int              # updates a real step
    refined: int                # real steps from one refinement to the next
    windows: int                # simulated at once in an update ...
    horizon: tuple[int, int]    # ... of so many steps that count, until half-time and at the end
    rate: tuple[float, float]   # of Adam, from the first update to the last
    limit: float                # on the gradient's norm
    examined: int = 60          # updates from one exam to the next, if there are exams

    @property
    def updates(self) -> int:
        """All updates."""
        return self.before + self.steps * self.meanwhile

    def counted(self, update: int) -> int:
        """Steps that count in the windows of an update."""
        return counted(self.horizon, update, self.updates)


class Physics(NamedTuple):
    """What a controller is trained in: the simulator's parameters, and how much of an action acts when.

    `delays` has a number for each of the model's delays; their sum is 1.
    """

    params: Any
    delays: np.ndarray


class Exam(NamedTuple):
    """What tells a better controller from a worse one: whole episodes, from starts that no update has seen.

    They are simulated by the task's `loss`, for `starts` and `weights` (steps,). Updates are undone that made
    it larger than the least so far by more than the share `loses`.
    """

    starts: Any
    weights: np.ndarray
    loses: float
    steps: int                                       # simulated for one controller, in all episodes


class Task(NamedTuple):
    """A machine to learn: its model, its controller, and what the controller is to make small.

    `decide(params, seen, past)` are the actions (n,) for what is seen (n, numbers) and the last actions
    (n, memory), the latest first, 0 before the first. `loss(params, starts, weights, physics)` is the mean
    cost of windows that begin in `starts = draw(rng, n)`, its steps weighted by `weights` (steps,).
    """

    model: Model
    recipe: Recipe
    memory: int
    begin: Callable[[np.random.Generator], Params]
    decide: Callable[[Params, Any, Any], Any]
    to_world: Callable[[float], Any]                 # an action as the world takes it
    draw: Callable[[np.random.Generator, int], Any]
    loss: Callable[[Params, Any, Any, Physics], Any]
    richer: Model | None = None                      # the model, with a network inside the simulator
    exam: Exam | None = None                         # without one, the latest controller drives

    def physics(self, belief: Belief) -> Physics:
        """The simulator as it is believed to be, by the model."""
        return physics(self.model, belief)

    def trained_in(self, beliefs: list["Refined"]) -> Physics:
        """The simulator to train in: with its network, if that was the better guess of late."""
        last = beliefs[-1]
        if self.richer is None or last.richer is None or not richer_is_better(beliefs):
            return physics(self.model, last.belief)
        return physics(self.richer, last.richer)


def physics(model: Model, belief: Belief) -> Physics:
    """The simulator as it is believed to be."""
    likely = np.argmax(belief.odds) == np.arange(len(model.delays))
    return Physics(model.at(belief.z), 1.0 * likely)


def richer_is_better(beliefs: list["Refined"]) -> bool:
    """Whether the model with a network was the better guess over the last refinements, by the mean logarithm.

    A guess is made before what it is judged by has been seen, so that who only learns by heart does not win.

    >>> def guesses(*surprises):
    ...     return [Refined(0, None, None, surprise) for surprise in surprises]
    >>> richer_is_better(guesses((), *5 * [(2.0, 1.0)])), richer_is_better(guesses((), *5 * [(1.0, 1.1)]))
    (True, False)
    >>> richer_is_better(guesses((), *4 * [(2.0, 1.0)]))         # too early to tell
    False
    """
    lately = [refined.surprise for refined in beliefs[-LATELY:]]
    return all(lately) and len(lately) == LATELY and bool(np.mean([np.log(b / a) for a, b in lately]) < 0.0)


class Pilot:
    """A controller with its memory of actions, at work: `worlds.evaluate` takes it as it is."""

    def __init__(self, task: Task, params: Params, past: np.ndarray | None = None):
        self.task, self.params = task, params
        self.begin()
        self.past = self.past if past is None else past

    def begin(self) -> None:
        """An episode begins: nothing was done yet."""
        self.past = np.zeros(self.task.memory)

    def act(self, seen: np.ndarray) -> float:
        """The next action."""
        action = float(self.task.decide(self.params, np.asarray(seen, np.float64)[None], self.past[None])[0])
        self.past = np.concatenate([[action], self.past])[: self.task.memory]
        return action

    def __call__(self, seen: np.ndarray) -> Any:
        return self.task.to_world(self.act(seen))


# ---------------------------------------------------------------------------- learning


class Training(NamedTuple):
    """A controller after `count` updates; the `average` of its parameters, which is steadier, may drive.

    `best` is the training as it was when it did best by the exams, if there are any. `examined` is how many
    steps they simulated, and `undone` how often they led back to it.
    """

    params: Params
    average: Params
    optimiser: AdamState
    rng: np.random.Generator
    count: int
    best: "Training | None" = None
    examined: int = 0
    undone: int = 0

    @property
    def controller(self) -> Params:
        """The one to drive."""
        return self.average if self.best is None else self.best.average


class Refined(NamedTuple):
    """What was believed after so many real steps; `richer`, of the model with a network, if there is one.

    `surprise` has how wrong each had been about the steps since the last refinement.
    """

    steps: int
    belief: Belief
    richer: Belief | None = None
    surprise: tuple[float, ...] = ()

    @property
    def believed(self) -> list[Belief]:
        """One belief, or both."""
        return [self.belief] if self.richer is None else [self.belief, self.richer]


class Learning(NamedTuple):
    """A run so far: its controller, the record of the world, the beliefs, and the seconds that it took.

    `nominal` is the controller with which the episode began, `past` the memory of the one that drives.
    Seconds are the processor's, by what for, and "wall" by the clock.
    """

    training: Training
    nominal: Params
    records: list[Record]
    past: np.ndarray
    beliefs: list[Refined]
    seconds: dict[str, float]

    @property
    def steps(self) -> int:
        """Real steps."""
        return sum(len(record.actions) for record in self.records)

    @property
    def refining(self) -> int:
        """Simulated steps that it took to refine all beliefs."""
        return sum(belief.work for refined in self.beliefs for belief in refined.believed)


KINDS = (Training, Refined, Learning, Record, Belief, Layer, AdamState)      # that a run is made of


class Learner:
    """Learns a task, in any number of worlds: what it compiles, it compiles once."""

    def __init__(self, task: Task):
        self.task = task
        self.optimiser = Adam(cosine(*task.recipe.rate, task.recipe.updates))
        loss = dp.compile(task.loss)
        self.cost, self.gradient = loss, dp.value_and_grad(loss)
        self.refineries = [Refinery(model) for model in (task.model, task.richer) if model is not None]

    def begin(self, seed: int) -> Learning:
        """Before the first update."""
        rng = np.random.default_rng(seed)
        params = self.task.begin(rng)
        training = Training(params, params, self.optimiser.init(params), rng, 0)
        first = Refined(0, *(prior(refinery.model) for refinery in self.refineries))
        return Learning(training, params, [], np.zeros(self.task.memory), [first],
                        {"before": 0.0, "refining": 0.0, "meanwhile": 0.0, "wall": 0.0})

    def over(self, learning: Learning) -> bool:
        """Whether all real steps are done."""
        return learning.steps >= self.task.recipe.steps

    def advance(self, learning: Learning, world: Any, seed: int) -> Learning:
        """A block of updates before the episode; then a real step, and what it is good for."""
        recipe, training = self.task.recipe, learning.training
        physics = self.task.trained_in(learning.beliefs)
        began = time.process_time()
        if training.count < recipe.before:
            training = self.improve(training, physics, min(BLOCK, recipe.before - training.count))
            learning = learning._replace(training=training, nominal=training.controller)
            return spent(learning, "before", time.process_time() - began)
        learning = self.act(learning, world, seed)
        if learning.steps % recipe.refined == 0:
            began = time.process_time()
            learning = self.refine(learning)
            learning = spent(learning, "refining", time.process_time() - began)
            physics = self.task.trained_in(learning.beliefs)
        began = time.process_time()
        training = self.improve(training, physics, recipe.meanwhile, learning.nominal)
        learning = learning._replace(training=training)
        return spent(learning, "meanwhile", time.process_time() - began)

    def act(self, learning: Learning, world: Any, seed: int) -> Learning:
        """One real step, by the controller as it is; and the start of an episode, before its first."""
        *earlier, record = learning.records or [start(world, seed)]
        pilot = Pilot(self.task, learning.training.controller, learning.past)
        action = pilot.act(record.seen[-1])
        seen, _, terminated, truncated, _ = world.step(self.task.to_world(action))
        record = Record(np.vstack([record.seen, seen]), np.append(record.actions, action))
        learning = learning._replace(records=[*earlier, record])
        if (terminated or truncated) and not self.over(learning):
            pilot.begin()
            learning = learning._replace(records=[*learning.records, start(world)])
        return learning._replace(past=pilot.past)

    def refine(self, learning: Learning) -> Learning:
        """The beliefs, by all that was measured; and first, how wrong they had been."""
        pairs = list(zip(self.refineries, learning.beliefs[-1].believed, strict=True))
        surprise = tuple(refinery.surprise(belief, learning.records[-1], self.task.recipe.refined)
                         for refinery, belief in pairs)
        found = [refinery.refine(belief, learning.records) for refinery, belief in pairs]
        refined = Refined(learning.steps, *found, surprise=surprise)
        return learning._replace(beliefs=[*learning.beliefs, refined])

    def improve(self, training: Training, physics: Physics, times: int, nominal: Params | None = None
                ) -> Training:
        """So many updates later. Exams that are due then have the nominal controller among the candidates."""
        recipe = self.task.recipe
        for _ in range(times):
            params, average, state, rng, count, *_ = training
            starts = self.task.draw(rng, recipe.windows)
            weights = np.where(np.arange(recipe.horizon[-1]) < recipe.counted(count), 1.0, 0.0)
            _, gradient = self.gradient(params, starts, weights, physics)
            params, state = self.optimiser.step(params, clip_by_norm(gradient, recipe.limit), state)
            count += 1
            training = training._replace(params=params, average=averaged(average, params, count, AVERAGED),
                                         optimiser=state, count=count)
            if count % recipe.examined == 0 or count in (recipe.before, recipe.updates):
                training = self.examine(training, physics, nominal)
        return training

    def examine(self, training: Training, physics: Physics, nominal: Params | None = None) -> Training:
        """With the best of those known: now, so far, and nominal; back at that, if it is clearly better.

        All are tried anew, since the simulator is not what it was when one of them was the best.
        """
        exam, now = self.task.exam, training._replace(best=None)
        if exam is None:
            return training
        known = [now] if training.best is None else [now, training.best]
        if nominal is not None:
            known.append(now._replace(params=nominal, average=nominal))
        costs = [float(self.cost(one.average, exam.starts, exam.weights, physics)) for one in known]
        costs = [cost if np.isfinite(cost) else np.inf for cost in costs]
        k = int(np.argmin(costs))
        worse = costs[0] > costs[k] * (1 + exam.loses)
        on = known[k]._replace(rng=training.rng, count=training.count) if worse else now
        return on._replace(best=known[k], examined=training.examined + len(known) * exam.steps,
                           undone=training.undone + worse)


def start(world: Any, seed: int | None = None) -> Record:
    """The record of an episode that begins; its first one has a seed."""
    seen, _ = world.reset() if seed is None else world.reset(seed=FIRST_START + seed)
    return Record(np.array(seen, np.float64)[None], np.zeros(0))


def done_again(task: Task, learning: Learning, world: Any, seed: int) -> None:
    """Bring a new copy of the world to where a run was interrupted, by the actions of its record."""
    for k, record in enumerate(learning.records):
        start(world, None if k else seed)
        for action in record.actions:
            world.step(task.to_world(action))


def spent(learning: Learning, on: str, seconds: float) -> Learning:
    """With so many more seconds in the account."""
    return learning._replace(seconds=learning.seconds | {on: learning.seconds[on] + seconds})
