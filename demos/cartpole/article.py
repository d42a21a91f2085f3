"""The article's recipe for the cart-pole: windows of eight steps along its training episodes.

The reward of a step is a roof over the track times a roof over the angle, which are highest in the middle;
the loss is the mean squared difference from the highest. After eight steps, or where an episode fails, the
gradient makes one step of Adam; the next window goes on from there. Training episodes last 200 steps at most,
those of CartPole-v0. After each, 100 episodes of up to 500 steps judge it, from Gymnasium's starts.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Layer, Params
from tinydp.optim import Adam, AdamState
from tinydp.sims.cartpole import EPISODE, STANDARD, State, failed, observe, start, step

from .. import command, style
from ..article import new_network
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..seconds import Clock, Seconds
from .judging import EVALUATED, balance, evaluated_starts
from .learning import Episode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = "the model only needs around 5 episodes to win conclusively."
TAKES = "seconds"

NET = MLP((4, 24, 48, 1), hidden="relu", output="tanh")
WINDOW = 8                      # steps, whose gradient makes one step of Adam
OPTIMISER = Adam(3e-2)
LONGEST = 200                   # steps of a training episode
EPISODES = 200                  # of training at most
SOLVED = {"v0": 195, "v1": 475}     # mean lengths at which the two CartPoles count as solved, of 200 and 500
GOAL = 5                        # episodes until CartPole-v0 is solved, as the article says

# ---------------------------------------------------------------------------- controller and loss


def controller(params: Params, seen: Any) -> Any:
    """1, a push to the right, or -1, to the left, for an observation (4,); (n,) for (n, 4)."""
    return dp.sign(NET(params, seen)[..., 0])


def reward(state: State) -> Any:
    """Of a step into `state`: the product of two roofs, in m rad."""
    track = np.maximum(0.0, STANDARD.max_x - np.abs(state.x))
    return track * np.maximum(0.0, STANDARD.max_theta - np.abs(state.theta))


def loss(params: Params, state: State, weights: np.ndarray) -> Any:
    """What a window makes small: the squared differences from the highest reward, by the steps' weights."""
    def advance(run: tuple[State, Any], weight: Any) -> tuple[tuple[State, Any], None]:
        now, total = run
        now = step(now, controller(params, observe(now)))
        return (now, total + weight * (reward(now) - STANDARD.max_x * STANDARD.max_theta)**2), None

    (_, total), _ = dp.scan(advance, (state, 0.0), weights)
    return total


gradient_of_window = dp.grad(dp.compile(loss))

# ---------------------------------------------------------------------------- training


class Training(NamedTuple):
    """A training after so many episodes: all that the next one depends on, and what it took."""

    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    episodes: list[Episode]
    gradients: int
    seconds: Seconds

    def until(self, solved: Any) -> int | None:
        """After how many episodes the judging lengths were first so; None if they never were."""
        return next((k for k, episode in enumerate(self.episodes, 1) if solved(episode.lengths)), None)


def train(options: Options) -> Training:
    """Episode by episode until all that judge it last 500 steps; or on from where a run was interrupted."""
    keeper = Keeper(options.out / f"article-{options.seed}.npz", "cartpole article", settings(options),
                    kinds=[Training, Episode, Layer, AdamState, Seconds])
    training = keeper.load(options.fresh) or begin(options.seed)
    with command.progress(options.episodes, "episodes", "training", options.quiet,
                          initial=len(training.episodes)) as bar:
        while not (over := done(training, options)):
            training = improve(training)
            keeper.keep(training, finished=over)
            bar.set_postfix_str(f"100 others stand {np.mean(training.episodes[-1].lengths):.0f} steps", False)
            bar.update()
        keeper.keep(training, finished=True)
    return training


def done(training: Training, options: Options) -> bool:
    """Whether there is nothing to learn any more, or no time."""
    return training.until(all_stand) is not None or len(training.episodes) >= options.episodes


def begin(seed: int) -> Training:
    """The training before its first episode."""
    rng = np.random.default_rng(seed)
    params = new_network(rng, NET)
    return Training(params, OPTIMISER.init(params), rng, [], 0, Seconds())


def improve(training: Training) -> Training:
    """The training after one more episode, and after the 100 that judge it."""
    clock = Clock(training.seconds)
    params, optimiser, rng, episodes, gradients, _ = training
    state, steps, over = start(rng), 0, False
    while not over:
        first, begun = state, steps
        while not over and steps < begun + WINDOW:
            state, steps = step(state, float(controller(params, observe(state)))), steps + 1
            over = bool(failed(state)) or steps == LONGEST
        weights = np.where(np.arange(WINDOW) < steps - begun, 1 / (steps - begun), 0.0)
        params, optimiser = OPTIMISER.step(params, gradient_of_window(params, first, weights), optimiser)
        gradients += 1
    seconds = clock.seconds
    lengths = balance(params, evaluated_starts(), EPISODE, decide=controller).lengths
    return Training(params, optimiser, rng, [*episodes, Episode(steps, lengths)], gradients, seconds)


# ---------------------------------------------------------------------------- what came out

def solved_v0(lengths: np.ndarray) -> bool:
    """Whether CartPole-v0 counts as solved, whose episodes end after 200 steps."""
    return bool(np.mean(np.minimum(lengths, LONGEST)) >= SOLVED["v0"])


def solved_v1(lengths: np.ndarray) -> bool:
    """Whether CartPole-v1 counts as solved."""
    return bool(np.mean(lengths) >= SOLVED["v1"])


def all_stand(lengths: np.ndarray) -> bool:
    """Whether all episodes last 500 steps."""
    return bool(np.min(lengths) == EPISODE)


def report(options: Options, training: Training) -> Report:
    """The result, in numbers and in a few honest lines."""
    needed = {name: training.until(solved) for name, solved in (
        ("v0", solved_v0), ("v1", solved_v1), ("all", all_stand))}
    lived = sum(episode.steps for episode in training.episodes)
    # never within the limit counts as one more than it: medians and worst cases stay right
    counted = {name: options.episodes + 1 if k is None else k for name, k in needed.items()}
    success = needed["v0"] is not None and needed["v0"] <= GOAL
    lines = [
        "The article's recipe, judged after every episode from Gymnasium's starts of seeds 0 to "
        f"{len(EVALUATED) - 1}:",
        *(f"  {told:<29} after " + (f"{needed[name]} episodes" if needed[name] else
                                    f"more than {options.episodes} episodes, if ever")
          for name, told in (("v0", f"mean {SOLVED['v0']} of 200 steps (v0)"),
                             ("v1", f"mean {SOLVED['v1']} of 500 (v1)"), ("all", "all of 100 reach 500"))),
        f"  budget   {command.count(len(training.episodes), 'episode')}, {lived:,} steps, all of them "
        f"simulated; {command.count(training.gradients, 'gradient')}",
        f"  seconds  {training.seconds}, to train",
    ]
    if not success:
        lines.append(f"The article speaks of about {GOAL} episodes: not in this run.")
    return Report(
        success=success,
        result={"episodes_to_mean_195": counted["v0"], "episodes_to_mean_475": counted["v1"],
                "episodes_until_all_reach_500": counted["all"],
                "never": [name for name, k in needed.items() if k is None],
                "mean_length": float(np.mean(training.episodes[-1].lengths))},
        budget=command.budget(episodes=len(training.episodes), simulator_steps=lived,
                              gradient_evaluations=training.gradients, seconds=training.seconds),
        claim=CLAIM, goal={"episodes_to_mean_195": GOAL}, lines=lines)


def plot(options: Options, training: Training) -> list[Path]:
    """The learning curve."""
    picture = options.out / "article.png"
    style.save_picture(picture, draw_picture(training))
    return [picture]


def draw_picture(training: Training) -> "Figure":
    """How long the episodes last that judge it, after each one of training: mean, shortest and longest."""
    episodes = np.arange(1, len(training.episodes) + 1)
    lengths = np.array([episode.lengths for episode in training.episodes])
    with style.styled():
        picture = style.figure(900, 360)
        axes = picture.subplots()
        axes.fill_between(episodes, lengths.min(axis=1), lengths.max(axis=1), color=style.PALE)
        axes.plot(episodes, lengths.mean(axis=1), "o-", color=style.BLUE, markersize=4)
        style.label(axes, "shortest to longest, and mean, of 100 episodes", (episodes[0], EPISODE), (4, -14))
        axes.axvline(GOAL, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)))
        style.label(axes, "the article's", (GOAL, 60), (4, 0), color=style.GREY)
        axes.set(xlabel="training episodes", ylabel="steps", ylim=(0, 1.05 * EPISODE),
                 xlim=(0.5, max(GOAL, len(episodes)) + 0.5), title="The article's recipe: how long it stands")
    return picture


def kept_by_sweeps(options: Options, training: Training) -> dict[str, Any]:
    """The controller; and `lengths` (episodes, 100) by start, after each training episode."""
    return {"params": training.params, "lengths": np.array([one.lengths for one in training.episodes])}


def passes(results: list[dict]) -> tuple[bool, str]:
    """The claim, over many seeds: half of them reach the goal."""
    found = {name: np.array([result["result"][f"episodes_{name}"] for result in results])
             for name in ("to_mean_195", "to_mean_475", "until_all_reach_500")}
    good, n = int(np.sum(found["to_mean_195"] <= GOAL)), command.count(len(results), "seed")
    told = ", ".join(f"{np.median(episodes):g} {name.replace('_', ' ')}" for name, episodes in found.items())
    never = {name: sum(name in result["result"]["never"] for result in results) for name in ("v0", "all")}
    return 2 * good >= len(results), (
        f"Episodes, in the median: {told}. CartPole-v0 within {GOAL} in {good} of {n}, never in "
        f"{never['v0']}; all of 100 never at 500 steps in {never['all']}.")


def settings(options: Options) -> dict[str, Any]:
    """All that the outcome depends on."""
    return {"seed": options.seed, "episodes": options.episodes, "net": NET.sizes, "window": WINDOW,
            "rate": OPTIMISER.rate, "longest": LONGEST}


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--episodes", type=command.positive, default=EPISODES, metavar="N",
                       help="training episodes at most")


DEMO = Demo(
    "cartpole article", __doc__, train=train, report=report, plot=plot, settings=settings, flags=add_flags,
    columns=[Column(f"until {told}", f"result.episodes_{name}", higher=False, digits=0, unit="episodes")
             for told, name in (("a mean of 195", "to_mean_195"), ("a mean of 475", "to_mean_475"),
                                ("all reach 500", "until_all_reach_500"))],
    keeps=kept_by_sweeps, kinds=(Layer,), passes=passes, packages=("numpy", "gymnasium"))
