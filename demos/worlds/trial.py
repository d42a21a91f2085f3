"""One unknown world, from its first update to `result.json`; and who is compared.

Four controllers of one recipe are judged by the truth, from the same starts, with the same noise:

- *nominal*: as it was when the real episode began, trained in the nominal simulator alone;
- *longer*: as many updates as the others in the end, all of them in the nominal simulator;
- *after*: as it was when the real episode ended;
- *told*: as many updates, all of them in a simulator that has the true parameters.

Where a task has exams, each of them is whichever did best by its own simulator: the truth chooses none.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinydp.nn import Layer, Params
from tinydp.sims import worlds

from .. import command, style
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from .belief import LENGTH, prior
from .learner import (
    BLOCK,
    KINDS,
    Learner,
    Learning,
    Physics,
    Pilot,
    Task,
    Training,
    done_again,
    richer_is_better,
    spent,
)

WHO = ("nominal", "longer", "after", "told")
EPISODES = 100                  # by which a controller is judged, from the starts of seeds 0, 1, ...


class Machine(NamedTuple):
    """A task, and what the judge of it knows.

    `truth(real)` gives the unknowns' true values by name, and the true delay; `told(real)` is all that a
    simulator can be told, if that is more. `good(found)` counts the episodes of an evaluation that went well,
    which `goodness` puts into words. `succeeds(result)` judges one world. Units are
    those of the unknowns; `draw_episode(upper, lower, learning)` draws the real steps. `changes(options)` is
    what a world has that its seed did not draw, as `flags` of its own say.
    """

    name: str
    task: Task
    truth: Callable[[Any], tuple[dict[str, float], int]]
    good: Callable[[Any], int]
    goodness: str
    succeeds: Callable[[dict[str, Any]], bool]
    score: str
    units: dict[str, str]
    draw_episode: Callable[[Any, Any, Learning], None]
    flags: Callable[[Any], Any] = lambda flags: None
    changes: Callable[[Options], dict[str, Any]] = lambda options: {}
    told: Callable[[Any], Any] | None = None


class Outcome(NamedTuple):
    """The run in the world, who trained beside it in one simulator, all evaluations, and the truth itself."""

    learning: Learning
    longer: Training
    told: Training
    told_seconds: float
    found: dict[str, worlds.Evaluation]
    truth: dict[str, float]
    delay: int

    @property
    def controllers(self) -> dict[str, Params]:
        """By `WHO`."""
        learning = self.learning
        return dict(zip(WHO, (learning.nominal, self.longer.controller, learning.training.controller,
                              self.told.controller), strict=True))


def settings(machine: Machine, options: Options) -> dict[str, Any]:
    """All that the outcome depends on."""
    task = tailored(machine.task, options)
    return {"seed": options.seed, "episodes": options.episodes, "changes": machine.changes(options),
            "recipe": task.recipe._asdict(),
            "unknowns": [unknown._asdict() for unknown in task.model.unknowns],
            "delays": task.model.delays, "sensors": task.model.sensors.tolist(),
            "joints": task.model.joints.tolist(), "piece": LENGTH,
            "exam": task.exam and {"steps": task.exam.steps, "loses": task.exam.loses},
            "network": task.richer and task.richer.network and task.richer.network.describe()}


def tailored(task: Task, options: Options) -> Task:
    """The task with as many steps and updates as the user wants, and with a network only if that may be."""
    return task._replace(richer=None if options.parameters else task.richer, recipe=task.recipe._replace(
        steps=options.steps, before=options.before, meanwhile=options.meanwhile))


# ---------------------------------------------------------------------------- training

def train(machine: Machine, options: Options) -> Outcome:
    """Learn in the world; train as long with the nominal machine and with the truth; judge."""
    task = tailored(machine.task, options)
    world = worlds.make(machine.name, options.seed, **machine.changes(options))
    learner, made_of = Learner(task), settings(machine, options)
    learning = learn(learner, world, options, Keeper(
        options.out / f"learning-{options.seed}.npz", f"{machine.name} world", made_of, KINDS))
    real = worlds.reveal(world)
    truth, delay = machine.truth(real)
    known = machine.told(real) if machine.told else task.model.params(truth)
    physics = Physics(known, 1.0 * (np.array(task.model.delays) == delay))
    (longer, _), (told, seconds) = (
        train_in(where, learner, options, bar, Keeper(
            options.out / f"{who}-{options.seed}.npz", f"{machine.name} world, {who}", made_of, KINDS))
        for who, where, bar in (("longer", task.physics(prior(task.model)), "as nominal"),
                                ("told", physics, "if told")))
    outcome = Outcome(learning, longer, told, seconds, {}, truth, delay)
    return outcome._replace(found={who: worlds.evaluate(world, Pilot(task, params), options.episodes)
                                   for who, params in outcome.controllers.items()})


def learn(learner: Learner, world: worlds.World, options: Options, keeper: Keeper) -> Learning:
    """The run in the world; or on from where one was interrupted."""
    recipe = learner.task.recipe
    learning = keeper.load(options.fresh)
    if learning is None:
        learning = learner.begin(options.seed)
    else:
        command.note(f"Going on after {command.count(learning.steps, 'real step')}, kept in {keeper.path} "
                     "(--fresh begins anew).", options.quiet)
    done_again(learner.task, learning, world, options.seed)
    with command.progress(recipe.updates, "updates", "learning", options.quiet,
                          initial=learning.training.count) as bar:
        while not learner.over(learning):
            began = time.perf_counter()
            learning = learner.advance(learning, world, options.seed)
            learning = spent(learning, "wall", time.perf_counter() - began)
            keeper.keep(learning, finished=learner.over(learning))
            bar.set_postfix_str(f"real steps {learning.steps}", False)
            bar.update(learning.training.count - bar.n)
    return learning


def train_in(physics: Physics, learner: Learner, options: Options, label: str, keeper: Keeper
             ) -> tuple[Training, float]:
    """As many updates in one simulator, and their processor seconds."""
    updates = learner.task.recipe.updates
    kept = keeper.load(options.fresh)
    training, seconds = kept or (learner.begin(options.seed).training, 0.0)
    with command.progress(updates, "updates", label, options.quiet, initial=training.count) as bar:
        while training.count < updates:
            began = time.process_time()
            training = learner.improve(training, physics, min(BLOCK, updates - training.count))
            seconds += time.process_time() - began
            keeper.keep((training, seconds), finished=training.count == updates)
            bar.update(training.count - bar.n)
    return training, seconds


# ---------------------------------------------------------------------------- the report

def report(machine: Machine, claim: str, options: Options, outcome: Outcome) -> Report:
    """The result, real steps first."""
    task, learning = tailored(machine.task, options), outcome.learning
    result: dict[str, Any] = {who: judged(machine, found) for who, found in outcome.found.items()}
    result["unknowns"] = unknowns(task, outcome)
    odds = learning.beliefs[-1].belief.odds
    result["delay"] = {"likeliest": task.model.delays[int(np.argmax(odds))], "odds": odds.max(),
                       "true": outcome.delay}
    result["network"] = network(task, learning)
    success = machine.succeeds(result)
    recipe, seconds = task.recipe, learning.seconds
    windows = recipe.updates * recipe.windows * recipe.horizon[-1]
    examined, undone = learning.training.examined, learning.training.undone
    processor = sum(seconds.values()) - seconds["wall"]
    scores = {who: f"{outcome.found[who].returns.mean():.1f}" for who in WHO}
    lines = [
        f"{machine.name}, world {options.seed}, where nothing was known but reset and step:",
        f"  real     {command.count(learning.steps, 'step')} in "
        f"{command.count(len(learning.records), 'episode')}; the controller drove throughout",
        f"  {machine.score:<8} {scores['after']} after them, {scores['nominal']} before, "
        f"{scores['longer']} if trained as long without them, {scores['told']} with the true physics: "
        f"means over {options.episodes} starts",
        f"  {machine.goodness}: {result['after']['good']} of {options.episodes} after, "
        f"{result['nominal']['good']} before, {result['longer']['good']} if trained as long without them, "
        f"{result['told']['good']} with the true physics",
        *[f"  {name:<11} {row['value']:.3g} {machine.units[name]} (90 %: {row['low']:.3g} to "
          f"{row['high']:.3g}), in truth {row['true']:.3g}" for name, row in result["unknowns"].items()],
        *([f"  delay       {result['delay']['likeliest']}, in truth {outcome.delay}"]
          if len(task.model.delays) > 1 else []),
        *network_in_words(task, result["network"]),
        f"  budget   {command.count(recipe.updates, 'gradient')} through {windows:,} simulated steps, "
        f"{learning.refining:,} more to refine" + (
            f", {examined:,} in exams, after which updates were undone "
            f"{command.count(undone, 'time')}" if examined else ""),
        f"  seconds  {processor:.1f} of the processor (before {seconds['before']:.1f}, meanwhile "
        f"{seconds['meanwhile']:.1f}, refining {seconds['refining']:.1f}), "
        f"{seconds['wall']:.1f} by the clock",
    ]
    if not success:
        lines.append("Not learned as well as the goal wants it.")
    return Report(
        success=success, result=result,
        budget=command.budget(
            episodes=len(learning.records), simulator_steps=windows + learning.refining + examined,
            gradient_evaluations=recipe.updates, seconds=processor, real_steps=learning.steps,
            training_steps=windows, refining_steps=learning.refining, examining_steps=examined,
            undone=undone, wall_seconds=round(seconds["wall"], 2),
            seconds_before=round(seconds["before"], 2), seconds_refining=round(seconds["refining"], 2),
            seconds_told=round(outcome.told_seconds, 2),
            evaluation_steps=sum(found.steps for found in outcome.found.values())),
        claim=claim, reference={"told": result["told"]["mean_return"],
                                "about": "the same training with the true parameters"},
        lines=lines)


def kept_by_sweeps(outcome: Outcome) -> dict[str, Any]:
    """By `WHO`: the controller, and its returns by start, (episodes,)."""
    return {who: {"params": params, "returns": outcome.found[who].returns}
            for who, params in outcome.controllers.items()}


def judged(machine: Machine, found: worlds.Evaluation) -> dict[str, Any]:
    """An evaluation in numbers."""
    return {"mean_return": float(np.mean(found.returns)), "median_return": float(np.median(found.returns)),
            "worst_return": float(np.min(found.returns)), "good": machine.good(found),
            "episodes": len(found.returns)}


def unknowns(task: Task, outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What is believed of each in the end, an interval of 90 %, and the truth."""
    belief = outcome.learning.beliefs[-1].belief
    rows = {}
    for unknown, z, (low, high) in zip(task.model.unknowns, belief.z, task.model.between(belief).values(),
                                       strict=True):
        true = outcome.truth[unknown.name]
        rows[unknown.name] = {"value": float(unknown.at(z)), "low": low, "high": high, "true": float(true),
                              "covered": bool(low <= true <= high)}
    return rows


def network(task: Task, learning: Learning) -> dict[str, Any]:
    """During how many of the real steps a network took part in training, and since when."""
    used = [0, *(refined.steps for k, refined in enumerate(learning.beliefs)
                 if task.richer and richer_is_better(learning.beliefs[: k + 1]))]
    return {"refinements": len(used) - 1, "of": len(learning.beliefs) - 1,
            "since": used[1] if len(used) > 1 else None,
            "in_the_end": bool(len(used) > 1 and used[-1] == learning.beliefs[-1].steps)}


def network_in_words(task: Task, found: dict[str, Any]) -> list[str]:
    """A line, if there might have been one."""
    if task.richer is None:
        return []
    if not found["refinements"]:
        return ["  network     none: parameters alone foretold as much or more"]
    return [f"  network     inside the simulator after {found['refinements']} of {found['of']} refinements, "
            f"first after {found['since']} real steps" + (", and in the end" if found["in_the_end"] else "")]


# ---------------------------------------------------------------------------- the demo

def demo(machine: Machine, about: str | None, claim: str, columns: list[Column],
         passes: Callable[[list[dict]], tuple[bool, str]]) -> Demo:
    """`python -m demos NAME world`."""
    def plot(options: Options, outcome: Outcome) -> list[Path]:
        from .draw import draw_picture  # it draws what is declared here

        picture = options.out / f"{machine.name}-world.png"
        style.save_picture(picture, draw_picture(machine, tailored(machine.task, options), outcome))
        return [picture]

    return Demo(
        f"{machine.name} world", about or "", plot=plot, columns=columns, passes=passes,
        train=lambda options: train(machine, options),
        report=lambda options, outcome: report(machine, claim, options, outcome),
        settings=lambda options: settings(machine, options),
        keeps=lambda options, outcome: kept_by_sweeps(outcome), kinds=(Layer,),
        flags=lambda flags: add_flags(flags, machine), packages=("numpy", "scipy", "gymnasium"))


def add_flags(flags: Any, machine: Machine) -> None:
    """The flags of these demos alone; the seed is that of the world, too."""
    recipe = machine.task.recipe
    for name, standard, told in (("steps", recipe.steps, "real steps"),
                                 ("before", recipe.before, "updates in the nominal simulator"),
                                 ("meanwhile", recipe.meanwhile, "updates a real step")):
        flags.add_argument(f"--{name}", type=command.positive, default=standard, metavar="N", help=told)
    flags.add_argument("--episodes", type=command.positive, default=EPISODES, metavar="N",
                       help="that judge a controller")
    if machine.task.richer:
        flags.add_argument("--parameters", action="store_true",
                           help="refine the parameters alone: no network takes part")
    else:
        flags.set_defaults(parameters=False)
    machine.flags(flags)
