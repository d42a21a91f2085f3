"""The article's recipe for the pendulum: windows of four steps along one episode, no torque limit.

The network's torque is not limited, neither by itself nor, in the article's simulator, by the motor: there
the limit of 2 N m was computed for the picture alone. With `--limit true` the motor has it, as Gymnasium's
Pendulum-v1 does. A window of 0.2 seconds ends long before a swing does; without a limit that does not matter,
since nothing needs to be swung. Whatever it was trained with, the controller is judged with and without it.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinydp as dp
from tinydp.nn import MLP, Layer, Params
from tinydp.optim import Adam, AdamState
from tinydp.sims.pendulum import STANDARD, State, cost, observe, step

from .. import command, style
from ..article import new_network
from ..checkpoints import Keeper
from ..command import Column, Demo, Options, Report
from ..seconds import Clock, Seconds
from .judge import SEED as JUDGED_SEED
from .judge import episodes
from .learning import gymnasium_start, gymnasium_starts, run
from .machine import EPISODE, EVALUATED, HANGING, RECIPES, draw_starts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = "BPTT can beat the RL leaderboard in a single episode of training."
TAKES = "seconds"

NET = MLP((3, 24, 48, 1), hidden="relu")
WINDOW = 4                      # steps, whose gradient makes one step of Adam
OPTIMISER = Adam(3e-2)
PHYSICS = {"missing": STANDARD._replace(max_torque=np.inf), "true": STANDARD}
GOAL = RECIPES["episode"].goal  # for the mean return in the environment that it was trained in, as for ours
CHECKED = 20                    # steps of experience between two points of the learning curve
STARTS = 2_000                  # all over, by which it is judged as well

# ---------------------------------------------------------------------------- controller and loss


def controller(params: Params, seen: Any) -> Any:
    """The torque in N m for an observation of shape (3,), or torques (n,) for (n, 3); any number."""
    return NET(params, seen)[..., 0]


def loss(params: Params, state: State, physics: Any) -> tuple[Any, State]:
    """What a window makes small, the mean of the squared costs of its steps; and the state at its end."""
    def advance(run: tuple[State, Any], _: Any) -> tuple[tuple[State, Any], None]:
        now, total = run
        torque = controller(params, observe(now))
        return (step(now, torque, physics), total + cost(now, torque, physics)**2), None

    (end, total), _ = dp.scan(advance, (state, 0.0), length=WINDOW)
    return total / WINDOW, end


gradient_of_window = dp.value_and_grad(dp.compile(loss), has_aux=True)

# ---------------------------------------------------------------------------- training


class Check(NamedTuple):
    """After so many steps of experience, the mean return from the starts that judge, where it is trained."""

    steps: int
    mean_return: float


class Training(NamedTuple):
    """A training after so many windows: all that the next one depends on, and what it took."""

    windows: int
    params: Params
    optimiser: AdamState
    rng: np.random.Generator
    state: State
    checks: list[Check]
    seconds: Seconds


def train(options: Options) -> Training:
    """One episode after the other, none of which ends early; or on from where a run was interrupted."""
    keeper = Keeper(options.out / f"{options.limit}-{options.seed}.npz", "pendulum article",
                    settings(options), kinds=[Training, Check, Layer, AdamState, State, Seconds])
    training = keeper.load(options.fresh) or begin(options)
    total = options.episodes * options.steps // WINDOW
    with command.progress(total, "windows", "training", options.quiet, initial=training.windows) as bar:
        while training.windows < total:
            training = improve(training, options)
            keeper.keep(training, finished=training.windows == total)
            bar.set_postfix_str(f"return {training.checks[-1].mean_return:.0f}", False)
            bar.update()
    return training


def begin(options: Options) -> Training:
    """The training before its first window."""
    rng = np.random.default_rng(options.seed)
    params = new_network(rng, NET)
    return Training(0, params, OPTIMISER.init(params), rng, gymnasium_start(options.seed),
                    [Check(0, mean_return(params, options))], Seconds())


def improve(training: Training, options: Options) -> Training:
    """The training after one more window; an episode that is over begins anew."""
    clock = Clock(training.seconds)
    k, params, optimiser, rng, state, checks, _ = training
    (_, state), gradient = gradient_of_window(params, state, PHYSICS[options.limit])
    params, optimiser = OPTIMISER.step(params, gradient, optimiser)
    k += 1
    if k * WINDOW % options.steps == 0:
        state = State(*(float(x[0]) for x in draw_starts(rng, 1)))
    seconds = clock.seconds
    if k * WINDOW % CHECKED == 0:
        checks = [*checks, Check(k * WINDOW, mean_return(params, options))]
    return Training(k, params, optimiser, rng, State(*map(float, state)), checks, seconds)


def mean_return(params: Params, options: Options) -> float:
    """From the starts that judge, in the environment that it is trained in."""
    return float(np.mean(judge(params, gymnasium_starts(EVALUATED), options.limit)[0]))


def judge(params: Params, starts: State, limit: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns, and which episodes end upright, each (n,), of a motor with or without its limit."""
    return episodes(functools.partial(controller, params), starts, PHYSICS[limit])


# ---------------------------------------------------------------------------- what came out


class Outcome(NamedTuple):
    """The training; returns and who is upright from the starts that judge and from all over, by limit."""

    training: Training
    judged: dict[str, tuple[np.ndarray, np.ndarray]]
    everywhere: dict[str, tuple[np.ndarray, np.ndarray]]


def learn(options: Options) -> Outcome:
    """Train and judge."""
    training = train(options)
    everywhere = draw_starts(np.random.default_rng(JUDGED_SEED), STARTS)
    return Outcome(training, *({limit: judge(training.params, starts, limit) for limit in PHYSICS}
                               for starts in (gymnasium_starts(EVALUATED), everywhere)))


def report(options: Options, outcome: Outcome) -> Report:
    """The result, with and without the limit."""
    training, lived = outcome.training, options.episodes * options.steps
    means = {limit: float(np.mean(found)) for limit, (found, _) in outcome.judged.items()}
    anywhere = {limit: float(np.mean(found)) for limit, (found, _) in outcome.everywhere.items()}
    upright = {limit: int(np.sum(up)) for limit, (_, up) in outcome.judged.items()}
    success = means[options.limit] >= GOAL
    trained = {"missing": "no torque limit, as in the article", "true": "the limit of 2 N m"}
    judged = {"missing": "without limit", "true": "with limit   "}
    lines = [
        f"The article's recipe, trained with {trained[options.limit]}; judged from the starts of seeds 0 to "
        f"{len(EVALUATED) - 1}, and from {STARTS:,} all over:",
        *(f"  {judged[limit]}  mean return {means[limit]:.1f}, all over {anywhere[limit]:.1f}; "
          f"{upright[limit]} of {len(EVALUATED)} end upright" for limit in PHYSICS),
        f"  budget   {command.count(options.episodes, 'episode')}, {lived:,} steps, all of them simulated; "
        f"{command.count(training.windows, 'gradient')}",
        f"  seconds  {training.seconds}, to train",
    ]
    if not success:
        lines.append(f"Not learned: a mean return of {GOAL:.0f} was the goal, where it was trained.")
    return Report(
        success=success,
        result={"mean_return_without_limit": means["missing"], "mean_return_with_limit": means["true"],
                "mean_return_everywhere_without_limit": anywhere["missing"],
                "mean_return_everywhere_with_limit": anywhere["true"],
                "upright_without_limit": upright["missing"], "upright_with_limit": upright["true"]},
        budget=command.budget(episodes=options.episodes, simulator_steps=lived, seconds=training.seconds,
                              gradient_evaluations=training.windows),
        claim=CLAIM, goal={"mean_return": GOAL}, lines=lines)


def plot(options: Options, outcome: Outcome) -> list[Path]:
    """How it learned, and its torques from hanging."""
    picture = options.out / f"article-{options.limit}.png"
    style.save_picture(picture, draw_picture(options, outcome))
    return [picture]


def draw_picture(options: Options, outcome: Outcome) -> "Figure":
    """The learning curve; angle and torque of an episode from hanging, beside what the motor has."""
    params = outcome.training.params
    theta, _, torques = run(params, HANGING, EPISODE // 2, PHYSICS[options.limit], controller)
    seconds = STANDARD.dt * np.arange(len(theta))
    with style.styled():
        picture = style.figure(900, 420)
        panels = picture.subplot_mosaic([["learning", "angle"], ["learning", "torque"]])
        checks = outcome.training.checks
        panels["learning"].plot([check.steps for check in checks], [check.mean_return for check in checks],
                                color=style.BLUE)
        panels["learning"].set(xlabel="steps of experience, 0.05 s each", ylabel="mean return of 100 starts",
                               title=f"Torque limit {options.limit}: how it learned")
        panels["angle"].plot(seconds, np.degrees(theta), color=style.INK)
        panels["angle"].set(ylabel="angle (°)", title="From hanging, after training")
        panels["angle"].set_yticks(np.arange(-360, 361, 90))
        panels["angle"].set_ylim(np.degrees(theta).min() - 10, np.degrees(theta).max() + 10)
        panels["angle"].tick_params(labelbottom=False)
        panels["torque"].axhspan(-STANDARD.max_torque, STANDARD.max_torque, color=style.PALE)
        panels["torque"].plot(seconds, torques, color=style.ORANGE)
        panels["torque"].set(xlabel="time (s)", ylabel="asked for (N m)",
                             ylim=(-1.2 * max(3, np.abs(torques).max()), 1.2 * max(3, np.abs(torques).max())))
        style.label(panels["torque"], "what the motor has", (seconds[-1], STANDARD.max_torque), (0, 5),
                    ha="right", fontsize=9)
    return picture


def kept_by_sweeps(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The controller, and what it returns from the starts that judge, by seed, without and with the limit."""
    return {"params": outcome.training.params, "returns_without_limit": outcome.judged["missing"][0],
            "returns_with_limit": outcome.judged["true"][0]}


def passes(results: list[dict]) -> tuple[bool, str]:
    """The claim, over many seeds: half of them reach the goal."""
    found = {limit: np.array([result["result"][f"mean_return_{limit}_limit"] for result in results])
             for limit in ("without", "with")}
    good = sum(result["success"] for result in results)
    told = [f"{limit} limit {np.median(values):.0f} in the median, {values.max():.0f} to {values.min():.0f} "
            "observed" for limit, values in found.items()]
    return good >= len(results) / 2, (f"Mean returns {told[0]}; {told[1]}. {good} of "
                                      f"{command.count(len(results), 'seed')} reached the goal.")


def settings(options: Options) -> dict[str, Any]:
    """All that the outcome depends on."""
    return {"seed": options.seed, "limit": options.limit, "episodes": options.episodes,
            "steps": options.steps, "net": NET.sizes, "window": WINDOW, "rate": OPTIMISER.rate,
            "starts": STARTS}


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    flags.add_argument("--limit", choices=list(PHYSICS), default="missing",
                       help="of the torque, in training: missing, as in the article, or the true one")
    flags.add_argument("--episodes", type=command.positive, default=1, metavar="N", help="of training")
    flags.add_argument("--steps", type=windows_of, default=EPISODE, metavar="N",
                       help=f"of an episode, a multiple of {WINDOW}; the article's program takes 1,000")


def windows_of(text: str) -> int:
    """A number of steps, in whole windows."""
    if command.positive(text) % WINDOW:
        raise ValueError(text)
    return int(text)


DEMO = Demo(
    "pendulum article", __doc__, train=learn, report=report, plot=plot, settings=settings, flags=add_flags,
    columns=[Column("without limit", "result.mean_return_without_limit"),
             Column("with limit", "result.mean_return_with_limit"),
             Column("upright without", "result.upright_without_limit", digits=0, unit="of 100"),
             Column("upright with", "result.upright_with_limit", digits=0, unit="of 100")],
    keeps=kept_by_sweeps, kinds=(Layer,), passes=passes, packages=("numpy", "gymnasium"))
