"""The best returns known of the pendulum: dynamic programming, then each episode is refined.

With all knowledge of the physics, and of where the episode starts, its 200 torques are computed: nothing is
learned, and no controller comes out. It is what the others are measured against. The episodes are played in
Gymnasium's Pendulum-v1 itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinydp.sims.pendulum import State

from .. import command, style
from ..command import Demo, Options, Report
from ..seconds import Clock, Seconds
from .judge import SEED as JUDGED_SEED
from .learning import gymnasium_starts
from .machine import BEST_EVALUATED, BEST_EVERYWHERE, EPISODE, EVALUATED, draw_starts, spread_starts
from .optimum import (
    BEGINNINGS,
    CHOICES,
    ROUNDS,
    SHARES,
    Best,
    Grid,
    best_episodes,
    dynamic_programming,
    follow,
    path_of,
    refine,
    returns_of,
)
from .outcome import STARTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = '"something pretty close to the optimal strategy": here is what the optimum returns.'
TAKES = "half a minute"

SPREAD = (240, 60)              # angles and rates from all over, whose episodes follow the grid
AGREED = 0.25                   # as near should the constants be that all texts use
BLOCK = 50                      # starts side by side: more leave the cache


class Outcome(NamedTuple):
    """The grid; the episodes from the starts that judge, also as Gymnasium counts them; and from all over.

    `followed` are returns of those that follow the grid, from starts spread evenly; `gains`, what refinement
    adds from some of these; `means`, what the grid itself says of these starts and of the judge's.
    """

    grid: Grid
    evaluated: Best
    played: np.ndarray
    followed: np.ndarray
    gains: np.ndarray
    means: tuple[float, float]
    seconds: Seconds

    @property
    def everywhere(self) -> float:
        """The mean return over all starts: value varies too abruptly for the few that are refined."""
        return float(np.mean(self.followed) + np.mean(self.gains))

    @property
    def error(self) -> float:
        """Its standard error, that of the gains."""
        return float(np.std(self.gains) / np.sqrt(len(self.gains)))

    @property
    def judged(self) -> float:
        """The mean return from the judge's starts: the grid knows by how much these are worse or better."""
        return self.everywhere + self.means[1] - self.means[0]


def learn(options: Options) -> Outcome:
    """Compute all of it: nothing is learned here."""
    clock = Clock()
    command.note("Dynamic programming on the grid ...", options.quiet)
    grid = dynamic_programming(options.angles, options.angles * 4 // 5 + 1, options.torques)
    spread, judged = spread_starts(*SPREAD), draw_starts(np.random.default_rng(JUDGED_SEED), STARTS["batch"])
    which = np.random.default_rng(options.seed).permutation(len(spread.theta))[:options.starts]
    with command.progress(len(EVALUATED) + len(spread.theta) + len(which), "starts", "playing",
                          options.quiet) as bar:
        best = [best_episodes(grid, starts) for starts in blocks(gymnasium_starts(EVALUATED), bar)]
        episodes = [follow(grid, starts) for starts in blocks(spread, bar)]
        torques = np.concatenate(episodes, axis=1)
        followed = returns_of(spread, torques)
        refined = [returns_of(starts, refine(starts, taken)) for starts, taken in zip(
            blocks(State(spread.theta[which], spread.rate[which]), bar),
            in_blocks(torques[:, which]), strict=True)]
    evaluation = Best(*(np.concatenate(parts, axis=-1) for parts in zip(*best, strict=True)))
    means = [float(-np.mean(grid.at(starts))) for starts in (spread, judged)]
    return Outcome(grid, evaluation, played(evaluation), followed, np.concatenate(refined) - followed[which],
                   (means[0], means[1]), clock.seconds)


def blocks(starts: State, bar: Any) -> Iterator[State]:
    """All of them, some at a time; the bar counts those that are done."""
    for theta, rate in zip(in_blocks(starts.theta), in_blocks(starts.rate), strict=True):
        yield State(theta, rate)
        bar.update(len(theta))


def in_blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """An array, a part of its last axis at a time."""
    for first in range(0, x.shape[-1], BLOCK):
        yield x[..., first:first + BLOCK]


def played(best: Best) -> np.ndarray:
    """The returns of the episodes that judge, as Gymnasium counts them."""
    import gymnasium

    totals = []
    with gymnasium.make("Pendulum-v1") as env:
        for seed, torques in zip(EVALUATED, best.torques.T, strict=True):
            env.reset(seed=seed)
            totals.append(sum(float(env.step(np.array([torque]))[1]) for torque in torques))
    return np.array(totals)


# ---------------------------------------------------------------------------- what came out

def plot(options: Options, outcome: Outcome) -> list[Path]:
    """What every state is worth at best, and the torque that belongs there."""
    picture = options.out / "best.png"
    style.save_picture(picture, draw_picture(outcome.grid))
    return [picture]


def draw_picture(grid: Grid) -> "Figure":
    """The grid in two maps, and the best way up from `TILTED`."""
    from .maps import ANGLES, RATES, TILTED, draw_planes

    theta, rate = np.meshgrid(ANGLES, RATES)
    start = State(*np.array([TILTED]).T)
    way = path_of(start, best_episodes(grid, start).torques)
    torques = grid.torque(State(theta.ravel(), rate.ravel())).reshape(theta.shape)
    with style.styled():
        return draw_planes(-grid.at(State(theta, rate)), torques, State(*(x[:120, 0] for x in way)),
                           "What every state is worth at best", "The best torque, as a grid tells it")


def report(options: Options, outcome: Outcome) -> Report:
    """The bests, each beside the constant of the texts and the pictures."""
    found, n = outcome.evaluated.returns, len(outcome.followed)
    mean, everywhere = float(np.mean(found)), outcome.everywhere
    tried, refined = len(found) * len(BEGINNINGS), len(outcome.gains)
    steps = ((tried + refined) * ROUNDS * (len(SHARES) + 2) + (tried + n) * len(CHOICES)) * EPISODE
    angles, rates = outcome.grid.costs.shape
    success = abs(mean - BEST_EVALUATED) <= AGREED and abs(everywhere - BEST_EVERYWHERE) <= AGREED
    lines = [
        "Pendulum-v1, with all knowledge of the physics; mean returns:",
        f"  {mean:.2f} from the starts of seeds 0 to {len(found) - 1} (in the texts: {BEST_EVALUATED}), "
        f"worst {np.min(found):.1f}",
        f"  {np.mean(outcome.played):.2f} is what Gymnasium counts for the same episodes",
        f"  {everywhere:.2f} ± {outcome.error:.2f} over all starts, {n:,} of them, spread evenly (in the "
        f"texts: {BEST_EVERYWHERE});",
        f"          {np.mean(outcome.gains):+.2f} of it by refinement, known from {refined:,} of them",
        f"  {outcome.judged:.2f} from the {STARTS['batch']:,} starts by which controllers are judged",
        f"  budget   a grid of {angles} x {rates} states and {options.torques} torques, {EPISODE} times; "
        f"{steps:,} steps",
        f"  seconds  {outcome.seconds}",
    ]
    if not success:
        lines.append(f"Not as in the texts, within {AGREED}.")
    return Report(
        success=success,
        result={"mean_return": mean, "mean_return_in_gymnasium": float(np.mean(outcome.played)),
                "worst_return": float(np.min(found)), "returns": found, "mean_return_everywhere": everywhere,
                "mean_return_from_the_judge's_starts": outcome.judged, "starts_everywhere": n,
                "standard_error_everywhere": outcome.error},
        budget=command.budget(simulator_steps=steps + angles * rates * options.torques,
                              seconds=outcome.seconds),
        claim=CLAIM, reference={"mean_return": BEST_EVALUATED, "mean_return_everywhere": BEST_EVERYWHERE,
                                "about": "the constants that the demos, the pictures and the texts use"},
        goal={"agree_within": AGREED}, lines=lines)


def settings(options: Options) -> dict[str, Any]:
    """All that the outcome depends on."""
    return {"seed": options.seed, "angles": options.angles, "torques": options.torques,
            "starts": options.starts}


def add_flags(flags: Any) -> None:
    """The flags of this demo alone."""
    for name, standard, told in (
            ("angles", 400, "of the grid, beside four fifths as many rates"),
            ("torques", 9, "to choose from on the grid"),
            ("starts", 1000, "from all over, whose episodes are refined")):
        flags.add_argument(f"--{name}", type=command.positive, default=standard, metavar="N", help=told)


DEMO = Demo("pendulum best", __doc__, train=learn, report=report, plot=plot, settings=settings,
            flags=add_flags, packages=("numpy", "scipy", "gymnasium"))
