"""A network learns to aim a trebuchet, by gradients through the machine and the flight.

One target at a time is hit by gradient descent on release angle and counterweight. A network
does better: it learns the aim for every wind and target at once. Its loss is where the shots
land, so that the gradient goes back through flight, release and machine to the network's
parameters. Each learned aim is judged in time steps so short that they change nothing.

The simulator can be asked again before each shot: with `--refine K`, the default, an aim of the network is
improved by at most K of Newton's steps through it (`refine.py`).
"""

from typing import Any

import numpy as np

from tinydp.nn import Layer

from .. import command
from ..command import Acts, Column, Demo, Options, Report
from . import aiming, judging, learning, refine
from .learning import UPDATES, settings, steps_of_a_shot
from .machine import ANGLES, TARGETS, WEIGHTS, WIND, act
from .outcome import KINDS, Outcome, learn
from .refine import HIT

CLAIM = "off by 0.3 %, after five minutes of training."
TAKES = "a minute"

MEDIAN_GOAL, LAST_GOAL = 0.1, 0.5                                # %, of the median and of 95 in 100

STEPS = 5                       # of Newton's, after which every target within reach is to be hit
SECONDS_GOAL = 60               # of training: told, but no failure, since machines differ, ...
DECISION_GOAL = 1.0             # ms, as is this


def all_settings(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    return settings(options) | {"refine": options.refine}


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    aims, training, judged, compiling, refined, wider = outcome
    misses = judged.misses
    k = int(np.argmax(misses))
    median, last, worst = (float(np.percentile(misses, q)) for q in (50, 95, 100))
    good = median <= MEDIAN_GOAL and last <= LAST_GOAL and aims.hits == aiming.AIMED and (
        not (refined and wider) or max(refined.worst(), wider.rows[-1].worst()) <= HIT)
    farthest = max(abs(aim.miss) for aim in aims.aims)
    shots = learning.SHOTS * training.update
    lines = [
        f"One target at a time, by Newton's steps: {aims.hits} of {aiming.AIMED} hit to {100 * HIT:g} cm,",
        f"  with {aims.gradients / aiming.AIMED:.1f} gradients each (worst miss {100 * farthest:.2g} cm), "
        f"in {aims.seconds.processor:.1f} s of the processor",
        f"The network, over {judging.EVALUATED:,} targets within reach, winds N(0, {WIND:g}) m/s and targets "
        f"{TARGETS[0]:g} to {TARGETS[1]:g} m:",
        f"  miss     median {median:.3f} %, 95 of 100 within {last:.3f} %, worst {worst:.2g} % "
        f"({abs(judged.landings[k] - judged.targets[k]):.2f} m)",
        f"  far off  {command.count(int(np.sum(misses > 1)), 'target')} by more than 1 %, the worst one at "
        f"{judged.targets[k]:.0f} m in a wind of {judged.winds[k]:.1f} m/s",
        f"  reach    {100 * judged.within_reach:.0f} % of all drawn: those between the nearest and the "
        "furthest landing",
        f"           of a grid of {ANGLES[0]:g} to {ANGLES[1]:g}° and {WEIGHTS[0]:g} to {WEIGHTS[1]:g} lb, "
        "in the same wind",
        f"  budget   {command.count(shots, 'gradient')}, one for each shot",
        *(refine.lines(refined, wider) if refined and wider else []),
        f"  seconds  to train    {training.seconds} (goal: {SECONDS_GOAL}, for one core of its own)",
        f"           to evaluate {judged.seconds}",
        f"           to compile  {compiling}, or to load what was compiled",
    ]
    if not good:
        lines.append(f"Not learned: a median of {MEDIAN_GOAL} %, 95 of 100 within {LAST_GOAL} %, and all "
                     f"single targets hit, were the goal{', as every refined aim' if refined else ''}.")
    return Report(
        success=good,
        result={"median_miss_percent": median, "p95_miss_percent": last, "worst_miss_percent": worst,
                "missed_by_more_than_1_percent": int(np.sum(misses > 1)),
                "targets": judging.EVALUATED, "share_within_reach": judged.within_reach,
                "aimed": aiming.AIMED, "hits": aims.hits, "worst_aim_m": farthest,
                "refined": refined and refine.told(refined),
                "wider": wider and {"targets": len(wider.targets), "share_within_reach": wider.within_reach,
                                    "by_steps": [refine.told(row) for row in wider.rows]}},
        budget=command.budget(
            episodes=shots, simulator_steps=shots * steps_of_a_shot(), gradient_evaluations=shots,
            seconds=training.seconds, updates=training.update, aim_gradients=aims.gradients,
            aim_seconds=round(aims.seconds.processor, 2),
            seconds_evaluating=round(judged.seconds.processor, 2),
            seconds_compiling=round(compiling.processor, 2)),
        claim=CLAIM,
        reference={"miss_percent": 0.0, "about": "within reach, an aim that hits exactly exists",
                   "seconds_hoped_for": SECONDS_GOAL, "milliseconds_hoped_for": DECISION_GOAL},
        goal={"median_miss_percent": MEDIAN_GOAL, "p95_miss_percent": LAST_GOAL, "hits": aiming.AIMED,
              "worst_refined_m": HIT if refined else None},
        lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; winds and targets of the tasks that judge, and where its shots landed, each (n,)."""
    judged = outcome.judged
    return {"params": outcome.training.params, "winds": judged.winds, "targets": judged.targets,
            "landings": judged.landings}


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--updates", type=command.positive, default=UPDATES, metavar="N",
                       help=f"updates of the network, each from {learning.SHOTS} shots")
    flags.add_argument("--through", type=command.natural, default=0, metavar="K",
                       help="train the network through K of Newton's steps, as well as without them")
    flags.add_argument("--refine", type=command.natural, default=STEPS, metavar="K",
                       help="refine each aim by at most K of Newton's steps through the simulator; "
                            "0: the network alone")


DEMO = Demo(
    "trebuchet", __doc__, train=learn, report=report, plot=command.later(f"{__name__}.drawing", "plot"),
    settings=all_settings, flags=add_flags, play=command.later(f"{__name__}.window", "play_with"),
    acts=Acts(lambda kept: kept["params"], act), keeps=kept_by_sweeps, kinds=(Layer,),
    outcomes=KINDS,
    beside={name: f"{__name__}.{name}" for name in ("world", "race", "article", "page")},
    columns=[
        Column("median miss", "result.median_miss_percent", higher=False, goal=MEDIAN_GOAL, digits=3,
               unit="%"),
        Column("95 of 100 within", "result.p95_miss_percent", higher=False, goal=LAST_GOAL, digits=3,
               unit="%"),
        Column("processor seconds", "budget.seconds", higher=False, goal=SECONDS_GOAL, digits=0)])
