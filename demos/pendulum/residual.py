"""When is a network in the simulator worth it? Pendulums that cog or rub, known by 20 to 200 steps.

Three models are refined by the same record of a real episode, in the same way: the simulator's parameters
alone; with a network inside the simulator; and the network without a simulator, which is told only that rates
change angles. Each is judged by what it foretells of fresh episodes, one second ahead, and by the return of a
controller that is trained through it. The first worlds are as their seeds draw them, so that parameters
explain all; in the others the motor cogs, or the bearing rubs on one side, which no parameter names.
"""

import functools
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import Params
from tinydp.optim import Adam, clip_by_norm, cosine
from tinydp.sims import worlds
from tinydp.sims.pendulum import STANDARD, State

from .. import command, style
from ..checkpoints import Keeper
from ..command import Demo, Options, Report
from ..plan_table import slug
from ..schedule import averaged
from ..worlds.belief import Model, Record, Refinery, prior
from ..worlds.learner import Pilot
from . import bent
from .machine import EPISODE, controller, cost_of_run, draw_starts, new_controller
from .world import MODEL, RECIPE, RICHER, TASK, told

CLAIM = "data should refine a simulator; a network inside it may say what no parameter can."
TAKES = "a quarter of an hour"
KINDS: dict[str, dict[str, float]] = {"parameters explain all": {}, "the motor cogs": {"cogging": 0.8},
                                      "the bearing rubs": {"rubbing": 0.6}}
DATA = (20, 50, 100, 200)       # real steps
FIRST = 2000                    # seed of the first world; tried out on worlds 0 to 3
PUSHED, HELD = 1.0, 5           # N m: random torque while data are taken, and for so many steps each
AHEAD, EPISODES = 20, 12        # steps foretold; fresh episodes from which they are
UPDATES, WINDOWS, LENGTH = 120, 40, 50           # of a controller through a model, from the nominal one
BEFORE = 400                    # updates of the nominal one
RATE = (2e-3, 1e-4)
JUDGED = 20                     # episodes

MODELS: dict[str, Model] = {
    "parameters": MODEL,
    "network inside": RICHER,
    "network alone": MODEL._replace(unknowns=(), params=lambda known: None, step=bent.move_alone,
                                    network=bent.ALONE)}


class Case(NamedTuple):
    """A world learned from so many steps by one model, or by none: how wrong it is, and what that is worth.

    `error` is the median over fresh pieces of the root mean square error in a second, in units of the cost:
    rad, and a third of it for each rad/s. `score` is the mean return of a controller.
    """

    kind: str
    world: int
    model: str
    steps: int
    error: float
    score: float


class Study(NamedTuple):
    """All cases of one world or of all, and the processor seconds that they took."""

    cases: list[Case]
    seconds: float


# ---------------------------------------------------------------------------- data

def driven(world: worlds.World, params: Params, rng: np.random.Generator, seed: int) -> Record:
    """An episode of the nominal controller, whose torques are disturbed at random."""
    seen, actions = [world.reset(seed=seed)[0]], []
    for push in rng.normal(0.0, PUSHED, EPISODE // HELD).repeat(HELD):
        torque = float(controller(params, np.asarray(seen[-1], np.float64))) + push
        actions.append(float(np.float32(np.clip(torque, -STANDARD.max_torque, STANDARD.max_torque))))
        seen.append(world.step(np.array(actions[-1:], np.float32))[0])
    return Record(np.array(seen, np.float64), np.array(actions))


def recorded(world: worlds.World, params: Params, seed: int) -> Record:
    """A real episode with noise, from which models learn."""
    return driven(world, params, np.random.default_rng([seed, 1]), FIRST + seed)


def fresh(kind: dict[str, float], seed: int, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of other episodes, without noise: states (AHEAD + 1, n, 2), torques (AHEAD, n)."""
    world = worlds.make("pendulum", seed, **kind, angle_noise=0.0, rate_noise=0.0)
    rng, states, torques = np.random.default_rng([seed, 2]), [], []
    for episode in range(EPISODES):
        record = driven(world, params, rng, episode)
        measured = MODEL.measured(record.seen)
        for first in range(0, EPISODE, AHEAD):
            states.append(measured[first:first + AHEAD + 1])
            torques.append(record.actions[first:first + AHEAD])
    return np.stack(states, axis=1), np.array(torques).T


def error(model: Model, known: Any, pieces: tuple[np.ndarray, np.ndarray]) -> float:
    """How wrong a model is about fresh pieces: see `Case`."""
    (states, torques), squares = pieces, 0.0
    state = State(*states[0].T)
    for torque, true in zip(torques, states[1:], strict=True):
        state = model.step(state, torque, known)
        squares = squares + (state.theta - true[:, 0])**2 + 0.1 * (state.rate - true[:, 1])**2
    return float(np.median(np.sqrt(squares / len(torques))))


# ---------------------------------------------------------------------------- controllers

def window(step: Any) -> Any:
    """The gradient of the cost of windows through a model whose step that is."""
    def loss(params: Params, starts: State, known: Any) -> Any:
        return np.mean(cost_of_run(params, starts, np.zeros((LENGTH, WINDOWS)), np.ones(LENGTH), known, step))

    return dp.value_and_grad(dp.compile(loss))


class Trainer:
    """Trains controllers through models; programs are compiled once."""

    def __init__(self) -> None:
        self.gradients = {step: window(step) for step in (bent.move, bent.move_alone)}
        self.refineries = {name: Refinery(model) for name, model in MODELS.items()}

    @functools.cached_property
    def nominal(self) -> Params:
        """The controller that takes the data, and from which training goes on."""
        start, unrefined = new_controller(np.random.default_rng(FIRST)), MODEL.at(prior(MODEL).z)
        return self.trained(start, bent.move, unrefined, BEFORE, RECIPE.rate, FIRST)

    def trained(self, params: Params, step: Any, known: Any, updates: int, rate: tuple[float, float],
                seed: int) -> Params:
        """The average controller after so many updates from `params`."""
        rng, optimiser = np.random.default_rng([seed, 3]), Adam(cosine(*rate, updates))
        state, average = optimiser.init(params), params
        for k in range(updates):
            _, gradient = self.gradients[step](params, draw_starts(rng, WINDOWS), known)
            params, state = optimiser.step(params, clip_by_norm(gradient, RECIPE.limit), state)
            average = averaged(average, params, k + 1, 0.97)
        return average

    def learned(self, name: str, record: Record) -> Any:
        """What a model is believed to be after a record: refined twice, since noise is estimated as well."""
        belief, refinery = prior(MODELS[name]), self.refineries[name]
        for _ in range(2):
            belief = refinery.refine(belief, [record])
        return MODELS[name].at(belief.z)


def cases_of(trainer: Trainer, nominal: Params, kind: str, seed: int) -> list[Case]:
    """All of one world."""
    world = worlds.make("pendulum", seed, **KINDS[kind])
    record, pieces = recorded(world, nominal, seed), fresh(KINDS[kind], seed, nominal)

    def judged(params: Params) -> float:
        return float(np.mean(worlds.evaluate(world, Pilot(TASK, params), JUDGED).returns))

    def case(model: str, steps: int, known: Any, step: Any, wrong: float) -> Case:
        params = trainer.trained(nominal, step, known, UPDATES, RATE, seed)
        return Case(kind, seed, model, steps, wrong, judged(params))

    truth, unrefined = told(worlds.reveal(world)), MODEL.at(prior(MODEL).z)
    found = [case("nominal", 0, unrefined, bent.move, error(MODEL, unrefined, pieces)),
             case("truth", 0, truth, bent.move, error(MODEL, truth, pieces))]
    for steps in DATA:
        data = Record(record.seen[: steps + 1], record.actions[:steps])
        for name, model in MODELS.items():
            known = trainer.learned(name, data)
            found.append(case(name, steps, known, model.step, error(model, known, pieces)))
    return found


# ---------------------------------------------------------------------------- the demo

def settings(options: Options) -> dict[str, Any]:
    """All that the study depends on."""
    return {"kinds": KINDS, "data": DATA, "pushed": [PUSHED, HELD], "ahead": AHEAD, "episodes": EPISODES,
            "updates": [BEFORE, UPDATES, WINDOWS, LENGTH], "rate": RATE, "judged": JUDGED,
            "inside": bent.INSIDE.describe(), "alone": bent.ALONE.describe()}


def train(options: Options) -> Study:
    """World by world. Each has a file of its own: what was done is not done again."""
    trainer, known = Trainer(), settings(options)
    cases: list[Case] = []
    seconds = 0.0
    pairs = [(kind, seed) for seed in range(options.seed, options.seed + options.worlds) for kind in KINDS
             if options.only in (None, kind)]
    with command.progress(len(pairs), "worlds", "learning", options.quiet) as bar:
        for kind, seed in pairs:
            began = time.process_time()
            keeper = Keeper(options.out / f"residual-{slug(kind)}-{seed}.npz", "pendulum residual", known,
                            (Study, Case))
            study = keeper.load(options.fresh)
            if study is None:
                found = cases_of(trainer, trainer.nominal, kind, seed)
                study = Study(found, time.process_time() - began)
                keeper.keep(study, finished=True)
            cases, seconds = [*cases, *study.cases], seconds + study.seconds
            bar.update()
    return Study(cases, seconds)


def summary(study: Study) -> list[dict[str, Any]]:
    """Medians and ranges over worlds, by kind, model and steps; `loss` is against who is told the truth."""
    told_of = {(case.kind, case.world): case.score for case in study.cases if case.model == "truth"}
    rows: dict[tuple, list[Case]] = {}
    for case in study.cases:
        rows.setdefault((case.kind, case.model, case.steps), []).append(case)
    return [{"kind": kind, "model": model, "steps": steps, "worlds": len(cases),
             **spread("error", "errors", [case.error for case in cases]),
             **spread("score", "scores", [case.score for case in cases]),
             **spread("loss", "losses", [told_of[kind, case.world] - case.score for case in cases])}
            for (kind, model, steps), cases in rows.items()]


def spread(one: str, many: str, values: list[float]) -> dict[str, Any]:
    """The median by the name of one, the range by that of many."""
    return {one: float(np.median(values)), many: [min(values), max(values)]}


def report(options: Options, study: Study) -> Report:
    """The table."""
    rows = summary(study)
    lines = [f"{options.worlds} worlds of each kind, from seed {options.seed}; medians over worlds:",
             f"  {'':<24}{'':<16}{'steps':>6}{'error':>9}  {'return':>8}{'less than told':>16}"]
    for row in rows:
        lines.append(f"  {row['kind']:<24}{row['model']:<16}{row['steps']:>6}{row['error']:>9.3f}"
                     f"  {row['score']:>8.1f}{row['loss']:>16.1f}")
    controllers = len(study.cases)
    return Report(
        success=True, result={"rows": rows},
        budget=command.budget(
            simulator_steps=(controllers * UPDATES + BEFORE) * WINDOWS * LENGTH,
            gradient_evaluations=controllers * UPDATES + BEFORE, seconds=study.seconds,
            real_steps=max(DATA) * len({(case.kind, case.world) for case in study.cases})),
        claim=CLAIM, lines=[*lines, f"  seconds  {study.seconds:.0f} of the processor"])


def plot(options: Options, study: Study) -> list[Path]:
    """The picture."""
    from .draw_residual import draw_picture  # it draws what is declared here

    path = options.out / "pendulum-residual.png"
    style.save_picture(path, draw_picture(study, options.worlds))
    return [path]


def add_flags(flags: Any) -> None:
    """How many worlds; the seed is that of the first."""
    flags.set_defaults(seed=FIRST)
    flags.add_argument("--worlds", type=command.positive, default=5, metavar="N", help="of each kind")
    flags.add_argument("--only", choices=list(KINDS), metavar="KIND",
                       help="of world: so several runs can share the worlds of an --out; " + ", ".join(KINDS))


DEMO = Demo("pendulum world residual", __doc__, train=train, report=report, plot=plot, settings=settings,
            flags=add_flags, packages=("numpy", "scipy", "gymnasium"))
