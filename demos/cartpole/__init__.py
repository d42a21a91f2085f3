"""A controller learns to balance a pole on a cart while its first episode runs.

It can only push with full force, to the left or to the right: action = sign(tanh(MLP(x, v, θ,
ω))). A sign has no useful derivative, so it gets the surrogate 1: the straight-through sign,
`dp.sign`. After each step of the episode, windows of 1.2 s that begin near the states visited
so far are simulated, network and cart-pole as one function, and tinydp takes the gradient of
their cost. The result is judged by the real Gymnasium environment, CartPole-v1.
"""

from typing import Any

import numpy as np

from tinydp.nn import Layer
from tinydp.sims.cartpole import EPISODE

from .. import COMMAND, command
from ..command import Acts, Column, Demo, Options, Report
from . import judging
from .judging import LONG
from .learning import HORIZON, NEAR, STARTS, settings, updates_until
from .network import act
from .outcome import KINDS, Outcome, learn

CLAIM = "it balances after about 5 episodes (its recipe, run again: 9; 12.5 until all 100 reach 500 steps)."
TAKES = "half a minute"

GOAL = 8                        # episodes, in the worst case ...
MEDIAN_GOAL = 3                 # ... and in the median of many seeds
CURVES = 5                      # seeds in the picture of the learning curve


def judged(options: Options) -> dict[str, Any]:
    """All that an outcome depends on."""
    return settings(options) | {"plan": options.plan, "after": options.after}


def report(options: Options, outcome: Outcome) -> Report:
    """The result, in numbers and in a few honest lines."""
    training, long, planned = outcome
    episodes, lengths = len(training.episodes), training.episodes[-1].lengths
    gradients = updates_until(training.steps)
    windows = gradients * STARTS * options.horizon
    standing, starts = int(np.sum(long.lengths == LONG)), len(judging.EVALUATED)
    success = training.solved and episodes <= GOAL and standing == starts
    lines = [
        f"CartPole-v1 in Gymnasium, from the starts of seeds 0 to {starts - 1}:",
        f"  learned  in {command.count(episodes, 'episode')}, {command.count(training.steps, 'step')} "
        "of experience (the article: about 5 episodes; its recipe, run again: 9 to 12.5)",
        f"  length   mean {np.mean(lengths):.1f}, shortest {np.min(lengths)} of {EPISODE} steps",
        f"  after    {LONG:,} steps, simulated to the same bits: {standing} of {starts} still stand, "
        f"never more than {long.farthest:.2f} m from the middle",
        f"  budget   {command.count(gradients, 'gradient')} through {windows:,} steps of the simulator",
        f"  seconds  {training.seconds}, to learn",
    ]
    if planned is not None:
        lines.insert(3, f"  planned  with {command.count(options.plan, 'improvement')} a decision, "
                        f"{planned[1]:.1f} ms of processor time, "
                        + ("" if options.after is None else f"and the network of {options.after} steps: ")
                        + f"mean {np.mean(planned[0]):.1f}, shortest {np.min(planned[0])}")
    if not success:
        lines.append(f"Not learned: {GOAL} episodes at most, and {LONG:,} steps after that, were the goal.")
    return Report(
        success=success,
        result={
            "episodes": episodes, "solved": training.solved, "mastered_after_steps": training.mastered,
            "mean_length": float(np.mean(lengths)), "shortest": int(np.min(lengths)),
            "starts": starts, "standing": standing, "farthest": long.farthest,
            "improvements_a_decision": options.plan,
            "planned_mean_length": None if planned is None else float(np.mean(planned[0])),
            "planned_shortest": None if planned is None else int(np.min(planned[0])),
            "planned_milliseconds": None if planned is None else planned[1],
        },
        budget=command.budget(
            episodes=episodes, simulator_steps=training.steps + windows, gradient_evaluations=gradients,
            seconds=training.seconds, experienced_steps=training.steps, window_steps=windows,
            windows=gradients * STARTS,
            learning_curve_steps=round(sum(check.mean_length for check in training.checks) * starts),
            evaluation_steps=int(sum(np.sum(episode.lengths) for episode in training.episodes))),
        claim=CLAIM,
        reference={
            "episodes_to_mean_195": 9, "episodes_to_mean_475": 11, "episodes_until_all_reach_500": 12.5,
            "about": "Medians of the article's recipe: "
                     f"{COMMAND} cartpole --recipe article sweep --seeds 30",
        },
        goal={"episodes": GOAL, "median_episodes": MEDIAN_GOAL, "standing_after": LONG}, lines=lines)


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller; the `lengths` of Gymnasium's 100 episodes, by seed, and those without its limit."""
    return {"params": outcome.training.params, "lengths": outcome.training.episodes[-1].lengths,
            "lengths_without_limit": outcome.long.lengths}


def passes(results: list[dict]) -> tuple[bool, str]:
    """The goal over many seeds."""
    episodes = sorted(result["result"]["episodes"] for result in results)
    median, good = float(np.median(episodes)), sum(result["success"] for result in results)
    return bool(median <= MEDIAN_GOAL and good == len(results)), (
        f"Training episodes until all of {len(judging.EVALUATED)} reach {EPISODE} steps: median {median:g} "
        f"(goal {MEDIAN_GOAL}), worst {episodes[-1]} (goal {GOAL}); {good} of "
        f"{command.count(len(results), 'seed')} solved it and still stand after {LONG:,} steps.")


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--episodes", type=command.positive, default=10, metavar="N",
                       help="training episodes at most")
    flags.add_argument("--horizon", type=command.positive, default=HORIZON, metavar="N",
                       help="steps in a window: with 40 the cart drifts away after minutes")
    flags.add_argument("--near", type=command.amount, default=NEAR, metavar="X",
                       help="how near to visited states windows begin: with 0 it learns more slowly, "
                            "and knows less of what it has not met")
    flags.add_argument("--plan", type=command.natural, default=0, metavar="K",
                       help="judge as well with a plan that is improved K times in the simulator before each "
                            "decision")
    flags.add_argument("--after", type=command.natural, metavar="N",
                       help="the network that plans as it was after about N steps of experience")
    flags.add_argument("--curves", type=command.positive, default=CURVES, metavar="N",
                       help="seeds in the picture of the learning curve")


DEMO = Demo(
    "cartpole", __doc__, train=learn, report=report, plot=command.later(f"{__name__}.drawing", "plot"),
    settings=judged, flags=add_flags, play=command.later(f"{__name__}.window", "play"),
    columns=[Column("training episodes", "result.episodes", higher=False, goal=GOAL),
             Column("until all stand", "result.mastered_after_steps", higher=False, digits=0,
                    unit="steps of experience"),
             Column("farthest in 10,000 steps", "result.farthest", higher=False, digits=2, unit="m")],
    acts=Acts(lambda kept: kept["params"], act), keeps=kept_by_sweeps, kinds=(Layer,), outcomes=KINDS,
    passes=passes, packages=("numpy", "gymnasium"), beside={
        "plan": f"{__name__}.plans",
        **{name: f"{__name__}.{name}" for name in ("world", "race", "article", "page")}})
