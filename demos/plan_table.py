"""What planning is worth: `python -m demos pendulum plan`, `python -m demos cartpole plan`.

Networks that were trained for more or less time drive the simulator, whose steps are Gymnasium's to the bit,
alone and with a plan that is improved K times before each decision; from the starts of Gymnasium's episodes,
and from starts that no training has seen.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import command
from .checkpoints import Keeper
from .command import Demo, Options, Report
from .seconds import timed


class Subject(NamedTuple):
    """A machine whose plans are judged.

    `networks(options)` are the parameters by name, from the least to the most trained, taken `on_the_way`
    and at the end; `starts(n)` are lists of states by what they are, at most n each, the usual ones first.
    `episode(decide, state)` gives the score of an episode and whether it went well, which `goodness` puts
    into words. `reached(rows)` says whether the `goal` is reached.
    """

    name: str
    networks: Callable[[Options], dict[str, Any]]
    starts: Callable[[int], dict[str, list]]
    planner: Callable[[Any, int], Callable[[np.ndarray], Any]]
    episode: Callable[[Callable[[np.ndarray], Any], Any], tuple[float, bool]]
    on_the_way: tuple[int, ...]
    improvements: tuple[int, ...]
    score: str
    goodness: str
    goal: str
    reached: Callable[[list["Row"]], bool]


class Row(NamedTuple):
    """Episodes of a network with so many improvements a decision, which takes so many ms (median)."""

    network: str
    where: str
    improvements: int
    scores: np.ndarray
    good: int
    decision: float


def rows(subject: Subject, options: Options) -> list[Row]:
    """All that is compared. Each row has a file of its own: what was done is not done again."""
    networks, starts = subject.networks(options), subject.starts(options.starts)
    plans = [(name, where, k) for where in starts for name in networks for k in subject.improvements
             if options.only is None or options.only in name]
    found: list[Row] = []
    with command.progress(len(plans), "rows", "planning", options.quiet) as bar:
        for plan in plans:
            keeper = Keeper(options.out / f"plans-{options.seed}-{slug(*plan)}.npz", f"{subject.name} plan",
                            settings(subject, options), [Row])
            row = keeper.load(options.fresh)
            if row is None:
                row = judged(subject, plan, networks[plan[0]], starts[plan[1]])
                keeper.keep(row, finished=True)
            found.append(row)
            bar.update()
    return found


def beside(demo: Demo, options: Options, *flags: str) -> Options:
    """The command line of the demo whose networks are judged: of the same seed, its files beside these."""
    line = ["train", "--seed", str(options.seed), "--out", str(options.out), *flags]
    return command.parser(demo).parse_args(line + ["--quiet"] * options.quiet)


def judged(subject: Subject, plan: tuple[str, str, int], params: Any, starts: list) -> Row:
    """One row."""
    times: list[float] = []
    scores, good = zip(*(subject.episode(timed(subject.planner(params, plan[-1]), times), state)
                         for state in starts), strict=True)
    return Row(*plan, np.array(scores), int(np.sum(good)), float(np.median(times)))


def slug(*names: Any) -> str:
    """Names as a part of a file's name."""
    return "-".join("".join(letter if letter.isalnum() else "_" for letter in str(name)) for name in names)


def settings(subject: Subject, options: Options) -> dict[str, Any]:
    """All that the table depends on."""
    return {"seed": options.seed, "starts": options.starts, "improvements": subject.improvements,
            "on_the_way": subject.on_the_way}


def report(subject: Subject, claim: str, options: Options, found: list[Row]) -> Report:
    """The table."""
    lines = []
    for where in dict.fromkeys(row.where for row in found):
        here = [row for row in found if row.where == where]
        lines += [f"{subject.name}, from {where}, {len(here[0].scores)} of them: mean {subject.score} "
                  f"({subject.goodness}; ms a decision)",
                  f"  {'improvements of a plan':<28}" + "".join(f"{k:<22}" for k in subject.improvements)]
        for name in dict.fromkeys(row.network for row in here):
            cells = [f"{np.mean(row.scores):.1f} ({row.good}; {row.decision:.2f})" for row in here
                     if row.network == name]
            lines.append(f"  {name:<28}" + "".join(f"{cell:<22}" for cell in cells))
    lines.append(f"Goal: {subject.goal}.")
    success = subject.reached(found)
    if not success:
        lines.append("Not reached.")
    result = {"rows": [row._asdict() | {"scores": None, "mean": float(np.mean(row.scores)),
                                        "worst": float(np.min(row.scores)), "starts": len(row.scores)}
                       for row in found]}
    return Report(success=success, result=result, budget=command.budget(), claim=claim, lines=lines)


def demo(subject: Subject, about: str | None, claim: str) -> Demo:
    """`python -m demos NAME plan`."""
    def flags(parser: Any) -> None:
        parser.add_argument("--starts", type=command.positive, default=100, metavar="N",
                            help="of each kind, at most")
        parser.add_argument("--only", metavar="NAME",
                            help="networks with this in their name: several runs may share an --out")

    return Demo(
        f"{subject.name} plan", about or "", train=lambda options: rows(subject, options),
        report=lambda options, found: report(subject, claim, options, found),
        plot=lambda options, found: [], settings=lambda options: settings(subject, options), flags=flags)
