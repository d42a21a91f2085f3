"""A controller learns to swing up a pendulum and to hold it there, by gradients through its physics.

The motor cannot lift the rod: it must swing it to and fro first. A neural network gives the torque
for (cos θ, sin θ, ω), and is trained by backpropagation through time: 2 to 3 seconds of the
simulator and the network, a *window*, are one function, from the network's parameters to the cost,
and tinydp takes its gradient. The result is judged by the real Gymnasium environment, Pendulum-v1.

Two modes, which differ in where the windows start:

- `--mode episode`, the article's: there is one episode of 200 steps, 10 seconds. It runs while the
  controller learns, and windows start from the states that it has visited, no others. For a quarter
  of it the motor lets the rod down: an episode that starts upright, and stays, sees nothing.
- `--mode batch`: windows start anywhere, as episodes do, for the best controller.
"""

from typing import Any

import numpy as np

from tinydp.nn import Layer

from .. import COMMAND, command
from ..command import Acts, Column, Demo, Options, Report
from .evaluation import Episodes
from .judge import SEED as JUDGED_SEED
from .judge import Judged
from .learning import KINDS
from .machine import (
    ARTICLE,
    BEST_EVALUATED,
    BEST_EVERYWHERE,
    EPISODE,
    IMAGINED,
    RECIPES,
    act,
    draw_starts,
    recipe,
)
from .outcome import STARTS, Outcome, chosen, judged, learn

CLAIM = "one episode of 200 steps is enough; but its pendulum had no torque limit."
TAKES = "a minute, or two with --mode batch"


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, episodes, everywhere = outcome
    how = recipe(options)
    best, found, n = chosen(options, training), episodes.returns, len(everywhere.returns)
    mean, worst, lived = float(np.mean(found)), float(np.min(found)), len(training.episode.torque)
    imagined = 0 if how.choose else len(training.checks) * IMAGINED * EPISODE
    steps = training.training_steps + lived + imagined + (training.validation_steps if how.choose else 0)
    anywhere, evaluating = float(np.mean(everywhere.returns)), episodes.seconds + everywhere.seconds
    success = mean >= how.goal and (how.everywhere is None or (
        anywhere >= how.everywhere and episodes.swung_up == len(found) and not everywhere.left))
    planned = f", each decision planned with {command.count(options.plan, 'improvement')}"
    lines = [
        f"Pendulum-v1 in Gymnasium, from the starts of seeds 0 to {len(found) - 1}"
        f"{planned if options.plan else ''}:",
        f"  return   mean {mean:.1f} (best known: {BEST_EVALUATED:.1f}; the article's recipe: {ARTICLE:.0f})",
        f"           median {np.median(found):.1f}, worst {worst:.1f}",
        f"  upright  {episodes.swung_up} of {len(found)}, within 10 degrees for the last 2 seconds",
        *([f"  plan     {episodes.decision:.1f} ms of processor time a decision"] if options.plan else []),
        f"All starts, {n:,} of them drawn and run as Gymnasium does"
        f"{', by the network alone' if options.plan else ''}:",
        f"  return   mean {anywhere:.1f} (best known: {BEST_EVERYWHERE:.1f}), "
        f"worst {np.min(everywhere.returns):.1f}",
        f"  upright  {n - everywhere.left:,}, and {everywhere.left:,} left hanging or turning",
        f"  budget   {command.count(how.updates, 'gradient')} through "
        f"{training.training_steps:,} steps of the simulator,",
        f"           {training.validation_steps:,} steps to " + (
            "choose the best controller" if how.choose else
            f"watch it learn, and {imagined:,} to choose the controller"),
        *([] if options.after is None else
          [f"  judged   as it was after {command.count(best.update, 'update')}"]),
        f"  seconds  to train    {training.seconds}",
        f"           to evaluate {evaluating}",
    ]
    if lived:
        lines.insert(-5, f"  episode  the only one it learned from, {lived} steps, returned "
                        f"{training.episode.total:.0f} itself")
    if not success:
        lines.append(f"Not learned: a mean return of {how.goal:.0f} was the goal" + (
            "." if how.everywhere is None else
            f", {how.everywhere:.1f} over all starts, and none left."))
    return Report(
        success=success,
        result={
            "mean_return": mean, "median_return": float(np.median(found)), "worst_return": worst,
            "starts": len(found), "swung_up": episodes.swung_up, "chosen_update": best.update,
            "mean_return_from_spread_starts": best.mean_return,
            "mean_return_near_hanging": best.hanging,
            "starts_everywhere": n, "mean_return_everywhere": anywhere,
            "worst_return_everywhere": float(np.min(everywhere.returns)),
            "not_upright_everywhere": everywhere.left,
            "improvements_a_decision": options.plan,
            "return_of_the_training_episode": training.episode.total if lived else None,
        },
        budget=command.budget(
            episodes=lived / EPISODE if lived else steps / EPISODE, simulator_steps=steps,
            gradient_evaluations=how.updates, seconds=training.seconds, windows=how.updates * how.windows,
            training_steps=training.training_steps, validation_steps=training.validation_steps,
            choosing_steps=imagined or training.validation_steps,
            evaluation_steps=(len(found) + n) * EPISODE,
            seconds_evaluating=round(evaluating.processor, 2),
            milliseconds_a_decision=round(episodes.decision, 3)),
        claim=CLAIM,
        reference={
            "mean_return": BEST_EVALUATED,
            "mean_return_everywhere": BEST_EVERYWHERE,
            "about": "The best return known from the same 100 starts, and over the whole distribution of "
                     f"starts, by actual trajectories: {COMMAND} pendulum best.",
            "mean_return_of_the_article's_recipe": ARTICLE,
        },
        goal={"mean_return": how.goal, "mean_return_everywhere": how.everywhere,
              "swung_up": None if how.everywhere is None else len(found),
              "not_upright_everywhere": None if how.everywhere is None else 0}, lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; `returns` (100,) from Gymnasium's starts, by seed; `starts_everywhere` (n, 2), angle
    and rate, with `returns_everywhere` and `upright_everywhere`, each (n,).
    """
    everywhere = draw_starts(np.random.default_rng(JUDGED_SEED), len(outcome.everywhere.returns))
    return {"params": chosen(options, outcome.training).params, "returns": outcome.episodes.returns,
            "starts_everywhere": np.stack(everywhere, axis=1),
            "returns_everywhere": outcome.everywhere.returns,
            "upright_everywhere": outcome.everywhere.upright}


def passes(results: list[dict]) -> tuple[bool, str]:
    """Of a sweep: 9 of 10 seeds are enough in episode mode."""
    good = sum(result["success"] for result in results)
    share = 0.9 if results[0]["settings"]["mode"] == "episode" else 1.0
    return good >= share * len(results), f"{good} of {command.count(len(results), 'seed')} reached the goal."


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--mode", choices=list(RECIPES), default="episode",
                       help="learn from one running episode, or from starts anywhere")
    flags.add_argument("--updates", type=command.positive, metavar="N",
                       help="of the controller, if not as many as the recipe says")
    flags.add_argument("--after", type=command.natural, metavar="N",
                       help="judge the controller as it was after about N updates")
    flags.add_argument("--plan", type=command.natural, default=0, metavar="K",
                       help="improve a plan in the simulator K times before each decision, when judged by "
                            "Gymnasium")
    flags.add_argument("--starts", type=command.positive, metavar="N",
                       help="from how many starts, all over, the network is judged as well "
                            f"({STARTS['episode']:,}, or {STARTS['batch']:,} in a batch)")


DEMO = Demo(
    "pendulum", __doc__, train=learn, report=report, plot=command.later(f"{__name__}.drawing", "plot"),
    settings=judged, flags=add_flags, play=command.later(f"{__name__}.window", "play"),
    columns=[Column("mean of 100 starts", "result.mean_return"),
             Column("mean of all starts", "result.mean_return_everywhere"),
             Column("worst of 100 starts", "result.worst_return"),
             Column("upright", "result.swung_up", digits=0, unit="of 100 starts")],
    keeps=kept_by_sweeps, kinds=(Layer,), outcomes=(Outcome, Episodes, Judged, *KINDS),
    acts=Acts(lambda kept: kept["params"], act),
    variant=lambda options: "" if options.mode == "episode" else options.mode,
    passes=passes, packages=("numpy", "gymnasium"), beside={
        "plan": f"{__name__}.plans",
        **{name: f"{__name__}.{name}" for name in ("world", "race", "article", "best", "page")}})
