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

from .. import command, style
from ..checkpoints import Keeper
from ..command import Demo, Options, Report
from .learner import NAMES, NOISE, PRIOR, SPREAD, Simulator
from .learning import steps_of_a_shot
from .trial import COMPARED, SHOTS, TASKS, Effort, Trial, try_honesty, try_world

CLAIM = "data of the real world should refine the simulator (left there for later)."
TAKES = "seven minutes"

MEDIANS, LAST, BETTER = {10: 0.06, 30: 0.03}, 0.3, 17 / 20       # goals: m, m, share of the worlds
HONEST = (0.85, 0.95)                            # what an interval of 90 % should cover
WIDTH, MIDDLE = 1.645, 0.6745                    # standard deviations that hold 90 % and 50 %
WORLDS, FIRST_WORLD = 20, 5000                   # how many, and the first one's seed
MORE, FIRST_OF_MORE = 60, 5500                   # more worlds, for the learner alone, and their first seed

# ---------------------------------------------------------------------------- all worlds


class Outcome(NamedTuple):
    """All worlds so far, what they took on the clock and of the processor, in s, and scores of `MORE`."""

    trials: list[Trial]
    wall: float
    processor: float
    more: list[dict[str, np.ndarray]] = []

    def misses(self, name: str) -> np.ndarray:
        """Distances in m, over all tasks of all worlds."""
        return np.abs(np.concatenate([trial.misses[name] for trial in self.trials]))

    def medians(self, name: str) -> np.ndarray:
        """One for each world, in m."""
        return np.array([trial.median(name) for trial in self.trials])

    def scores(self, shots: int) -> list[np.ndarray]:
        """Errors in predicted standard deviations, an array for each world that has tasks within reach."""
        name = f"ours {shots}"
        scores = [trial.errors[name] / trial.spreads[name] for trial in self.trials]
        return [score for score in (*scores, *(one[name] for one in self.more)) if len(score)]

    def expected(self, shots: int) -> float:
        """The median miss that the learner's own intervals speak of, in m: shots tell no more than that."""
        spreads = np.concatenate([trial.spreads[f"ours {shots}"] for trial in self.trials])
        return MIDDLE * float(np.median(spreads))

    def coverage(self, shots: int) -> tuple[float, float]:
        """The share of landings within the interval of 90 %, and the standard error of that.

        The landings in one world err together, so that what counts is the number of worlds.
        """
        shares = [np.mean(np.abs(score) < WIDTH) for score in self.scores(shots)]
        return float(np.mean(shares)), float(np.std(shares) / np.sqrt(len(shares)))


def settings(options: Options) -> dict[str, Any]:
    """All that a world's trial depends on; how many there are is no part of it."""
    return {"seed": options.seed, "shots": SHOTS, "tasks": TASKS, "noise": NOISE, "prior": SPREAD.tolist()}


def train(options: Options) -> Outcome:
    """All worlds, one after the other, and then those for the learner alone; those done before are kept."""
    keeper = Keeper(options.out / f"worlds-{options.seed}.npz", "trebuchet world", settings(options),
                    kinds=[Outcome, Trial, Effort])
    outcome = keeper.load(options.fresh) or Outcome([], 0.0, 0.0)
    Simulator().slopes(PRIOR, np.zeros(2), 0.0)          # compiles, or loads what was compiled before
    first_seed = 1000 * options.seed
    with command.progress(options.worlds, "worlds", "learning", options.quiet,
                          initial=min(len(outcome.trials), options.worlds)) as bar:
        while len(outcome.trials) < options.worlds:
            outcome = one_more(outcome, "trials", try_world, first_seed + FIRST_WORLD)
            keeper.keep(outcome, finished=True)
            bar.set_postfix_str("off by " + ", ".join(
                f"{100 * outcome.trials[-1].median(name):.0f} cm ({name})" for name in TOLD), False)
            bar.update()
    with command.progress(options.more, "worlds", "honesty", options.quiet,
                          initial=min(len(outcome.more), options.more)) as bar:
        while len(outcome.more) < options.more:
            outcome = one_more(outcome, "more", try_honesty, first_seed + FIRST_OF_MORE)
            keeper.keep(outcome, finished=True)
            bar.set_postfix_str(f"intervals of 90 % hold {percent(outcome.coverage(max(SHOTS)))}", False)
            bar.update()
    return outcome._replace(trials=outcome.trials[:options.worlds], more=outcome.more[:options.more])


def one_more(outcome: Outcome, name: str, found_in: Callable[[int], Any], first_seed: int) -> Outcome:
    """With what is found in the next world, in the list of that name, and the times that it took."""
    wall, processor, before = time.perf_counter(), time.process_time(), getattr(outcome, name)
    after = [*before, found_in(first_seed + len(before))]
    return outcome._replace(wall=outcome.wall + time.perf_counter() - wall,
                            processor=outcome.processor + time.process_time() - processor, **{name: after})


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
    honest = HONEST[0] <= np.mean([share for share, _ in coverage.values()]) <= HONEST[1]
    good = all(rows[f"ours {n}"]["median_m"] <= MEDIANS[n] and rows[f"ours {n}"]["p95_m"] <= LAST
               and better[n] >= BETTER * len(trials) for n in COMPARED) and honest
    judged = sum(len(trial.misses["truth 0"]) for trial in trials)
    lines = [
        f"{command.count(len(trials), 'world')}, distances measured to {NOISE:g} m; {judged} of "
        f"{TASKS * len(trials)} tasks are within reach. Misses in m:",
        f"  {'after':<9}{'':<17}{'median':>8}{'of worlds':>17}{'95 of 100':>11}{'simulated':>11}"
        f"{'gradients':>11}{'CPU s':>7}",
        *(line_of(name, rows[name]) for name in TABLE),
        f"  better than the linear correction in {better[10]} worlds after 10 shots, {better[30]} after 30",
        f"  intervals of 90 % hold {percent(coverage[10])} and {percent(coverage[30])} of the landings in "
        f"{len(trials) + len(outcome.more)} worlds",
        "  and let expect a median miss of {:.3f} and {:.3f} m".format(*map(outcome.expected, COMPARED)),
        *known(trials),
        f"  seconds  {outcome.processor:.0f} of the processor, {outcome.wall:.0f} on the clock, all methods "
        "and their judge",
    ]
    if not good:
        least, most = (100 * share for share in HONEST)
        lines += [f"Missed: the goal was {MEDIANS[10]} and {MEDIANS[30]} m in the median, 95 of 100 within",
                  f"  {LAST} m, better than the line in {100 * BETTER:.0f} % of the worlds, and intervals of",
                  f"  90 % that hold {least:.0f} to {most:.0f} %."]
    return Report(
        success=good,
        result={"misses": rows, "better_than_linear": better,
                "coverage_of_90": {n: {"share": share, "standard_error": error}
                                   for n, (share, error) in coverage.items()},
                "expected_median_m": {n: outcome.expected(n) for n in COMPARED},
                "worlds": len(trials), "worlds_for_coverage": len(trials) + len(outcome.more),
                "tasks_within_reach": judged, "seeds": [trial.seed for trial in trials]},
        budget=command.budget(
            episodes=max(SHOTS), simulator_steps=rows["ours 30"]["gradients"] * steps_of_a_shot(),
            gradient_evaluations=rows["ours 30"]["gradients"], seconds=rows["ours 30"]["seconds"],
            real_shots=max(SHOTS), about="learning in one world, in the mean; a gradient is a shot",
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


def percent(coverage: tuple[float, float]) -> str:
    """A share and its standard error."""
    return "{:.0f} ± {:.0f} %".format(*(100 * part for part in coverage))


def line_of(name: str, row: dict[str, float]) -> str:
    """A line of the table."""
    method, _, shots = name.rpartition(" ")
    worlds_range = f"{row['best_world_m']:.3f} to {row['worst_world_m']:.3f}"
    return (f"  {shots:>2} shots {method:<17}{row['median_m']:>8.3f}{worlds_range:>17}{row['p95_m']:>11.3f}"
            f"{row['simulated']:>11,}{row['gradients']:>11,}{row['seconds']:>7.1f}")


def known(trials: list[Trial]) -> list[str]:
    """What the shots told, and what they did not: spreads by the prior's, and combinations."""
    spreads = np.median([np.sqrt(np.diag(trial.covariance)) for trial in trials], axis=0)
    scales, directions = np.linalg.eigh(np.mean([trial.covariance for trial in trials], axis=0))
    told = [" ".join(f"{part:+.2f} {name}" for part, name in zip(direction, NAMES, strict=True))
            for direction in directions.T]
    return [
        "  what remains of the prior's uncertainty: " + ", ".join(
            f"{name} {100 * spread:.0f} %" for name, spread in zip(NAMES, spreads, strict=True)),
        f"  known best  {told[0]} (to {100 * np.sqrt(scales[0]):.1f} %)",
        f"  known least {told[-1]} (to {100 * np.sqrt(scales[-1]):.0f} %)"]


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """The picture."""
    from .draw_world import draw_picture  # it draws what is declared here

    picture = options.out / "trebuchet-world.png"
    style.save_picture(picture, draw_picture(outcome))
    return [picture]


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--worlds", type=command.positive, default=WORLDS, metavar="N",
                       help="how many; more of them go on where fewer ended")
    flags.add_argument("--more", type=command.natural, default=MORE, metavar="N",
                       help="worlds more, for the learner alone, to see whether its intervals are honest")


DEMO = Demo("trebuchet world", __doc__, train=train, report=report, plot=plot, settings=settings,
            flags=add_flags, packages=("numpy", "scipy", "gymnasium"))
