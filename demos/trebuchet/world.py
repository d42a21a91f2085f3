"""A trebuchet nobody knows is aimed after ten shots: measured distances refine the simulator.

Each world has its own drag, ball, friction and wind, and a distance is measured to 0.2 m. The learner
takes a few shots, where they are worth most; finds what the simulator lacks, by gradients through it;
and then aims, where it is surest. Beside it stand who does not learn, who corrects the aim by a
straight line, who fits without derivatives, and who is told the truth.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinydp.sims import worlds

from .. import command, style
from ..checkpoints import Keeper
from ..command import Demo, Options, Report
from . import rivals, settle
from .learner import NAMES, NOISE, PRIOR, SPREAD, Aim, Belief, Simulator, first, learn, refine, scaled, surest

CLAIM = "data of the real world should refine the simulator (left there for later)."
TAKES = "five minutes"

SHOTS = (1, 3, 5, 10, 30)                        # after so many of them, the aim is judged
COMPARED = (10, 30)                              # ... and that of the rivals that fit
MEDIANS, LAST, BETTER = {10: 0.06, 30: 0.03}, 0.3, 17 / 20       # goals: m, m, share of the worlds
HONEST = (0.85, 0.95)                            # what an interval of 90 % should cover
WIDTH = 1.645                                    # standard deviations: half of such an interval
WORLDS, TASKS = 20, 40                           # tasks are judged where the world's reach allows
FIRST_WORLD, TASK_SEED = 5000, 9000              # seeds, of which none was looked at before
REACHED = 0.01                                   # m: within reach is what the truth can hit

# ---------------------------------------------------------------------------- methods


class Effort(NamedTuple):
    """What a method took: real shots, shots in the simulator, gradients, processor seconds."""

    real: int
    simulated: int
    gradients: int
    seconds: float


class Method(NamedTuple):
    """How it aims, `aim(vane, target)`, after what effort."""

    name: str
    aim: Callable[[float, float], Aim]
    effort: Effort


def ours(world: Any, seed: int) -> tuple[list[Method], list[Any]]:
    """The learner, judged after each number of `SHOTS`, and its steps."""
    steps = learn(world, max(SHOTS), seed)
    return [Method(f"ours {n}", lambda vane, target, belief=steps[n - 1].belief: surest(
                       Simulator(), belief, vane, target),
                   Effort(n, 0, steps[n - 1].gradients, steps[n - 1].seconds)) for n in SHOTS], steps


def others(world: Any, seed: int) -> tuple[list[Method], list[Any]]:
    """The rivals, and their shots."""
    shots = rivals.practise(world, max(SHOTS), seed)

    def nominal(vane: float, target: float) -> Aim:
        return rivals.uncorrected(Simulator(), vane, target)

    def fitted(belief: Belief) -> Callable[[float, float], Aim]:
        return lambda vane, target: first(Simulator(), belief, vane, target)

    def method(name: str, n: int, learned: Callable[[Simulator], Callable[[float, float], Aim]]) -> Method:
        simulator, began = Simulator(), time.process_time()
        aim = learned(simulator)
        return Method(f"{name} {n}", aim, Effort(n, simulator.shots, simulator.gradients,
                                                 time.process_time() - began))

    def line(simulator: Simulator, n: int) -> Callable[[float, float], Aim]:
        correction = rivals.correct(simulator, shots[:n])
        return lambda vane, target: nominal(vane, correction.target(vane, target))

    return [
        Method("nominal 0", nominal, Effort(0, 0, 0, 0.0)),
        *(method("linear", n, lambda simulator, n=n: line(simulator, n)) for n in SHOTS),
        *(method("derivative-free", n, lambda simulator, n=n: fitted(
            rivals.without_derivatives(simulator, shots[:n]))) for n in COMPARED),
        *(method("gradients alone", n, lambda simulator, n=n: fitted(
            refine(simulator, shots[:n], PRIOR))) for n in COMPARED),
    ], shots


def told(world: Any) -> tuple[Method, np.ndarray]:
    """Who knows the true parameters, and these, as the learner scales them."""
    real = worlds.reveal(world)
    truth = scaled(real.drag, real.ball_mass, real.wind_bias, real.pivot_friction)
    return Method("truth 0", lambda vane, target: first(
        Simulator(), Belief(truth, rivals.CERTAIN), vane, target), Effort(0, 0, 0, 0.0)), truth


# ---------------------------------------------------------------------------- one world


class Trial(NamedTuple):
    """One world: by how much every method missed, and what the learner came to believe.

    Names of methods end in the number of shots. `misses` are landings minus targets, in m, over the n
    tasks within reach; of the learner, `errors` are landings minus predicted ones, `spreads` the
    predicted standard deviations. `aims` (shots, 2) are angles and weights of its shots, `practice` of
    its rivals'. `truth` and `unknown` are scaled.
    """

    seed: int
    truth: np.ndarray
    unknown: np.ndarray
    covariance: np.ndarray
    misses: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    spreads: dict[str, np.ndarray]
    efforts: dict[str, Effort]
    aims: np.ndarray
    practice: np.ndarray

    def median(self, name: str) -> float:
        """Of the misses, in m."""
        return float(np.median(np.abs(self.misses[name])))


def try_world(seed: int) -> Trial:
    """Learn in the world of that seed, let the rivals learn in the same, and judge all of them."""
    world = worlds.make("trebuchet", seed)
    methods, steps = ours(world, seed)
    assert world.real_steps == max(SHOTS)
    compared, practice = others(worlds.make("trebuchet", seed), seed)
    knowing, truth = told(world)
    judged = {method.name: judge(world, method) for method in (*methods, *compared, knowing)}
    within = np.abs(judged[knowing.name].misses) < REACHED
    belief = steps[-1].belief
    return Trial(
        seed, truth, belief.unknown, belief.covariance,
        misses={name: found.misses[within] for name, found in judged.items()},
        errors={method.name: judged[method.name].errors[within] for method in methods},
        spreads={method.name: judged[method.name].spreads[within] for method in methods},
        efforts={method.name: method.effort for method in (*methods, *compared)},
        aims=np.array([settle(step.shot.aim) for step in steps]),
        practice=np.array([settle(shot.aim) for shot in practice]))


class Judged(NamedTuple):
    """Of all tasks, each (TASKS,): landing minus target, landing minus predicted, predicted deviation."""

    misses: np.ndarray
    errors: np.ndarray
    spreads: np.ndarray


def judge(world: Any, method: Method) -> Judged:
    """True landings, of tasks that are the same for all methods and worlds."""
    aims: list[Aim] = []

    def controller(observation: np.ndarray) -> np.ndarray:
        vane, target, _ = map(float, observation)
        aims.append(method.aim(vane, target))
        return np.array(settle(aims[-1].raw))

    _, targets, landings = worlds.evaluate(world, controller, TASKS, TASK_SEED).lasts.T
    return Judged(landings - targets, landings - [aim.landing for aim in aims],
                  np.array([aim.spread for aim in aims]))


# ---------------------------------------------------------------------------- all worlds


class Outcome(NamedTuple):
    """All worlds so far, and what they took on the clock and of the processor, in s."""

    trials: list[Trial]
    wall: float
    processor: float

    def misses(self, name: str) -> np.ndarray:
        """Distances in m, over all tasks of all worlds."""
        return np.abs(np.concatenate([trial.misses[name] for trial in self.trials]))

    def medians(self, name: str) -> np.ndarray:
        """One for each world, in m."""
        return np.array([trial.median(name) for trial in self.trials])

    def scores(self, shots: int) -> list[np.ndarray]:
        """Errors in predicted standard deviations, an array for each world."""
        name = f"ours {shots}"
        return [trial.errors[name] / trial.spreads[name] for trial in self.trials]

    def coverage(self, shots: int) -> float:
        """The share of landings within the interval of 90 %."""
        return float(np.mean(np.abs(np.concatenate(self.scores(shots))) < WIDTH))


def settings(options: Options) -> dict[str, Any]:
    """All that a world's trial depends on; how many there are is no part of it."""
    return {"seed": options.seed, "shots": SHOTS, "tasks": TASKS, "noise": NOISE, "prior": SPREAD.tolist()}


def first_seed(options: Options) -> int:
    """Of the worlds."""
    return FIRST_WORLD + 1000 * options.seed


def train(options: Options) -> Outcome:
    """All worlds, one after the other; those that were done before are kept."""
    keeper = Keeper(options.out / f"worlds-{options.seed}.npz", "trebuchet world", settings(options),
                    kinds=[Outcome, Trial, Effort])
    outcome = keeper.load(options.fresh) or Outcome([], 0.0, 0.0)
    Simulator().slopes(PRIOR, np.zeros(2), 0.0)          # compiles, or loads what was compiled before
    with command.progress(options.worlds, "worlds", "learning", options.quiet,
                          initial=min(len(outcome.trials), options.worlds)) as bar:
        while len(outcome.trials) < options.worlds:
            wall, processor = time.perf_counter(), time.process_time()
            trial = try_world(first_seed(options) + len(outcome.trials))
            outcome = Outcome([*outcome.trials, trial], outcome.wall + time.perf_counter() - wall,
                              outcome.processor + time.process_time() - processor)
            keeper.keep(outcome, finished=True)
            bar.set_postfix_str("off by " + ", ".join(
                f"{100 * trial.median(name):.0f} cm ({name})" for name in TOLD), False)
            bar.update()
    return outcome._replace(trials=outcome.trials[:options.worlds])


# ---------------------------------------------------------------------------- what came out

TOLD = ("nominal 0", "linear 30", "ours 30")     # on the way
TABLE = ("nominal 0", *(f"{name} {n}" for n in COMPARED for name in (
    "linear", "derivative-free", "gradients alone", "ours")), "truth 0")


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    trials = outcome.trials
    rows = {name: summary(outcome, name) for name in trials[0].misses}
    better = {n: int(np.sum(outcome.medians(f"ours {n}") < outcome.medians(f"linear {n}"))) for n in COMPARED}
    coverage = {n: outcome.coverage(n) for n in COMPARED}
    pooled = float(np.mean(list(coverage.values())))
    good = all(rows[f"ours {n}"]["median_m"] <= MEDIANS[n] and rows[f"ours {n}"]["p95_m"] <= LAST
               and better[n] >= BETTER * len(trials) for n in COMPARED)
    judged = sum(len(trial.misses["truth 0"]) for trial in trials)
    lines = [
        f"{command.count(len(trials), 'world')}, distances measured to {NOISE:g} m; {judged} of "
        f"{TASKS * len(trials)} tasks are within reach. Misses in m:",
        f"  {'after':<9}{'':<17}{'median':>8}{'of worlds':>17}{'95 of 100':>11}{'simulated':>11}"
        f"{'gradients':>11}{'CPU s':>7}",
        *(line_of(name, rows[name]) for name in TABLE),
        f"  better than the linear correction in {better[10]} worlds after 10 shots, {better[30]} after 30",
        f"  intervals of 90 % hold {100 * coverage[10]:.0f} % and {100 * coverage[30]:.0f} % of the landings "
        f"(those of one world err together)",
        *known(trials),
        f"  seconds  {outcome.processor:.0f} of the processor, {outcome.wall:.0f} on the clock, all methods "
        "and their judge",
    ]
    if not good:
        lines.append(f"Goal missed: medians of {MEDIANS[10]} and {MEDIANS[30]} m, 95 of 100 within {LAST} m, "
                     f"better than the line in {100 * BETTER:.0f} % of the worlds.")
    return Report(
        success=good,
        result={"misses": rows, "better_than_linear": better, "coverage_of_90": coverage,
                "coverage_is_honest": HONEST[0] <= pooled <= HONEST[1], "worlds": len(trials),
                "tasks_within_reach": judged, "seeds": [trial.seed for trial in trials]},
        budget=command.budget(
            episodes=max(SHOTS), simulator_steps=0, gradient_evaluations=rows["ours 30"]["gradients"],
            seconds=rows["ours 30"]["seconds"], real_shots=max(SHOTS),
            simulated_shots=rows["ours 30"]["simulated"], about="one world, its learning alone, in the mean",
            processor_seconds=round(outcome.processor, 1), wall_seconds=round(outcome.wall, 1)),
        claim=CLAIM,
        reference={"miss_m": rows["truth 0"]["median_m"], "about": "told the true parameters"},
        goal={"median_m": MEDIANS, "p95_m": LAST, "better_than_linear": BETTER, "coverage_of_90": HONEST},
        lines=lines)


def summary(outcome: Outcome, name: str) -> dict[str, float]:
    """Misses over all tasks and by worlds, in m, and what a world took in the mean."""
    misses, medians = outcome.misses(name), outcome.medians(name)
    efforts = [trial.efforts[name] for trial in outcome.trials if name in trial.efforts]
    real, simulated, gradients, seconds = np.mean(efforts, axis=0) if efforts else (0, 0, 0, 0)
    return {"median_m": float(np.median(misses)), "p95_m": float(np.percentile(misses, 95)),
            "worst_m": float(np.max(misses)), "best_world_m": float(np.min(medians)),
            "worst_world_m": float(np.max(medians)), "real_shots": int(real),
            "simulated": round(float(simulated)), "gradients": round(float(gradients)),
            "seconds": round(float(seconds), 2)}


def line_of(name: str, row: dict[str, float]) -> str:
    """A line of the table."""
    method, _, shots = name.rpartition(" ")
    worlds_range = f"{row['best_world_m']:.3f} to {row['worst_world_m']:.3f}"
    return (f"  {shots:>2} shots {method:<17}{row['median_m']:>8.3f}{worlds_range:>17}{row['p95_m']:>11.3f}"
            f"{row['simulated']:>11,}{row['gradients']:>11,}{row['seconds']:>7.1f}")


def known(trials: list[Trial]) -> list[str]:
    """What the shots told, and what they did not: spreads by the prior's, and combinations."""
    spreads = np.median([np.sqrt(np.diag(trial.covariance)) for trial in trials], axis=0)
    scales, directions = np.linalg.eigh(np.median([trial.covariance for trial in trials], axis=0))
    told = [" ".join(f"{part:+.2f} {name}" for part, name in zip(direction, NAMES, strict=True))
            for direction in directions.T]
    return [
        "  what remains of the prior's uncertainty: " + ", ".join(
            f"{name} {100 * spread:.0f} %" for name, spread in zip(NAMES, spreads, strict=True)),
        f"  known best  {told[0]} (to {100 * np.sqrt(scales[0]):.1f} %)",
        f"  known least {told[-1]} (to {100 * np.sqrt(scales[-1]):.0f} %)"]


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture."""
    from .draw_world import draw_picture  # noqa: PLC0415  (it draws what is declared here)

    picture = options.out / "trebuchet-world.png"
    style.save_picture(picture, draw_picture(outcome))
    return [picture]


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--worlds", type=command.positive, default=WORLDS, metavar="N",
                       help="how many; more of them go on where fewer ended")


DEMO = Demo("trebuchet world", __doc__, train=train, report=report, plot=plot, settings=settings,
            flags=add_flags, packages=("numpy", "scipy", "gymnasium"))
