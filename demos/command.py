"""What the command lines of all demos share: actions, flags, progress bars and `result.json`.

A demo is one file, demos/NAME.py, and says what it is in a `Demo`: functions of `options`, the
parsed command line. This is all that it writes to have `python -m demos NAME [ACTION]`:

    >>> CLAIM = "A fair coin shows heads half of the time."              # both are read by the listing
    >>> TAKES = "1 s"

    >>> def train(options):          # the outcome: trained and judged, or loaded where it was before
    ...     return np.random.default_rng(options.seed).random(options.throws) < 0.5

    >>> def report(options, outcome):    # the part of result.json that is the demo's own
    ...     share = float(np.mean(outcome))
    ...     return Report(success=abs(share - 0.5) < 0.05, result={"heads": share},
    ...                   budget=budget(simulator_steps=options.throws), claim=CLAIM,
    ...                   lines=[f"heads    {share:.3f} of {count(options.throws, 'throw')}"])

    >>> def plot(options, outcome):      # the pictures, written to options.out
    ...     return []

    >>> DEMO = Demo(
    ...     name="coin", about="A coin is thrown.", train=train, report=report, plot=plot,
    ...     flags=lambda flags: flags.add_argument("--throws", type=positive, default=1000),
    ...     settings=lambda options: {"seed": options.seed, "throws": options.throws},
    ...     columns=[Column("share of heads", "result.heads", goal=0.45)])

    >>> import tempfile
    >>> from demos.run import run
    >>> run(DEMO, ["train", "--out", tempfile.mkdtemp(), "--quiet"])    # doctest: +ELLIPSIS
    heads    0.473 of 1,000 throws
    written  ...result.json
    0

The result is the exit code: 0 fine, 1 the goal was missed, 2 bad usage (130, interrupted, is
given by `python -m demos`). A demo that trains for more than a moment keeps its states with
`checkpoints.Keeper`, at `options.out / f"training-{seed}.npz"` or the like, and `options.fresh`
says to begin anew. Many seeds at once are the work of `sweep`, windows to play in that of `play`.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinydp

from . import COMMAND
from .checkpoints import write_atomically
from .progress import Bar
from .seconds import Seconds

Options = argparse.Namespace
OWN, RECIPES = "own", ("article",)       # the flag --recipe: a demo's own, or that of a demo beside it

# ---------------------------------------------------------------------------- what a demo is


class Report(NamedTuple):
    """What a demo found. All but `lines` goes to `result.json`."""

    success: bool                        # whether the goal was reached
    result: dict[str, Any]               # the numbers found
    budget: dict[str, Any]               # what they cost: see `budget`
    claim: str                           # what the article says
    lines: list[str]                     # the summary that is printed
    goal: dict[str, Any] = {}
    reference: dict[str, Any] = {}       # the optimum or a bound, where known, and whence


class Column(NamedTuple):
    """A number of every seed in a sweep: `key` is its place in `result.json`, as "result.heads"."""

    title: str
    key: str
    higher: bool = True                  # whether more is better
    goal: float | None = None
    digits: int = 1
    unit: str = ""


class Demo(NamedTuple):
    """A demo for `run`; the example at the head of this file is a whole one.

    `flags` adds flags of its own; `settings` tells all on which the outcome depends, from the
    flags and the recipe: plain numbers, text, and lists and dicts of them. `play` opens a window
    and `columns` are shown by a sweep: without them, the demo has no such action. `passes` says
    of the results of all seeds, as in `result.json`, whether a sweep reached its goal, and in words.
    `keeps` is what a sweep keeps of every seed beside the result, to look at later: a dict of the
    controller's `params`, and arrays by start, by names of its own; `kinds` are the named tuples in it.
    `outcomes` are the named tuples in what `train` returns, if that is kept, too, for `play` and `plot`.
    `acts` is its controller, which is then written to a file; `variant` is part of the names of files that
    another mode of the same demo would overwrite, and empty for the usual one.
    `beside` are demos of their own that go by this one's name: by action, the module of each; one that is
    in `RECIPES` does the same by another recipe.
    """

    name: str
    about: str
    train: Callable[[Options], Any]
    report: Callable[[Options, Any], Report]
    plot: Callable[[Options, Any], list[Path]]
    settings: Callable[[Options], dict[str, Any]]
    flags: Callable[[argparse.ArgumentParser], Any] = lambda flags: None
    play: Callable[[Options, Any], Path | None] | None = None       # the picture, if there is no display
    columns: list[Column] = []
    passes: Callable[[list[dict]], tuple[bool, str]] | None = None
    packages: tuple[str, ...] = ("numpy",)                       # whose versions matter
    beside: dict[str, str] = {}
    keeps: Callable[[Options, Any], dict[str, Any]] | None = None
    kinds: tuple[type, ...] = ()
    outcomes: tuple[type, ...] = ()
    acts: "Acts | None" = None
    variant: Callable[[Options], str] = lambda options: ""

    def actions(self) -> list[str]:
        """What can be done with it."""
        able = {"show": True, "train": True, "play": self.play, "plot": True, "sweep": self.columns}
        return [action for action, can in able.items() if can]


class Acts(NamedTuple):
    """A controller without a memory: its parameters in what a sweep keeps, and its action for what is seen.

    `act(params, seen)` takes an observation (d,), or n of them (n, d), and gives what `step` of the
    environment takes, or n of these.
    """

    params: Callable[[dict[str, Any]], Any]
    act: Callable[[Any, Any], Any]


class NoCluster(Exception):
    """Workers were asked for, and cannot be had; the message says why, and what to do."""


def later(module: str, name: str) -> Callable:
    """A function of a module that is imported when it is called: --help need not wait for Matplotlib."""
    return lambda *args: getattr(importlib.import_module(module), name)(*args)


def require(*packages: str) -> None:
    """Raise `ModuleNotFoundError` for one that cannot be imported: now, not after a minute of training."""
    for package in packages:
        try:
            missing = importlib.util.find_spec(package) is None
        except ValueError:                       # its place says that it is not to be imported
            missing = True
        if missing:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


# ---------------------------------------------------------------------------- its result


def judge(demo: Demo, options: Options, outcome: Any, argv: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The content of `result.json`, and the summary in lines."""
    report = demo.report(options, outcome)
    return {
        "demo": demo.name,
        "command": " ".join([f"{COMMAND} {demo.name}", *argv]),
        "seed": options.seed,
        "settings": json.loads(json.dumps(demo.settings(options))),
        "versions": versions(*demo.packages),
        "budget": report.budget,
        "result": report.result,
        "claim": report.claim,
        "reference": report.reference,
        "goal": report.goal,
        "success": bool(report.success),
    }, report.lines


def budget(episodes: float = 0, simulator_steps: int = 0, gradient_evaluations: int = 0,
           seconds: float | Seconds = 0.0, **more: Any) -> dict[str, Any]:
    """What a result cost, of which every demo tells at least these four; `seconds` are the processor's."""
    if isinstance(seconds, Seconds):
        more = {"wall_seconds": round(seconds.wall, 2)} | more
        seconds = seconds.processor
    return {"episodes": episodes, "simulator_steps": simulator_steps,
            "gradient_evaluations": gradient_evaluations, "seconds": round(seconds, 2), **more}


# ---------------------------------------------------------------------------- flags


def parser(demo: Demo) -> argparse.ArgumentParser:
    """The flags of all demos, and those of this one."""
    actions = {
        "show": "all of it: train, judge, draw", "train": "train and judge",
        "play": "open a window to play with what was learned", "plot": "draw the pictures again",
        "sweep": "train with many seeds",
    }
    told = "; ".join([*(f"{name}: {actions[name]}" for name in demo.actions()),
                      *(f"{name}: a demo of its own, with its own flags" for name in demo.beside)])
    flags = argparse.ArgumentParser(
        prog=f"{COMMAND} {demo.name}", description=demo.about.partition("\n")[0],
        epilog="Interrupted, by Ctrl-C or worse, the same command goes on where it was, to the same bits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    flags.add_argument("action", nargs="?", choices=[*demo.actions(), *demo.beside], default="show",
                       metavar="ACTION", help=told)
    flags.add_argument("--seed", type=natural, default=0, metavar="N", help="seed of all random numbers")
    flags.add_argument("--out", type=Path, default=Path("out", demo.name.replace(" ", "-")), metavar="DIR",
                       help="folder for the files written")
    flags.add_argument("--quiet", action="store_true", help="no progress bars, only the summary")
    flags.add_argument("--fresh", action="store_true", help="begin anew, not where the last run ended")
    add_recipe(flags, demo)
    demo.flags(flags)
    if "sweep" in demo.actions():
        many = flags.add_argument_group("sweep")
        many.add_argument("--seeds", type=positive, default=10, metavar="N",
                          help="how many seeds, the first of which is --seed")
        many.add_argument("--jobs", type=positive, default=1, metavar="N",
                          help="how many at once, each in a process; more than 1 needs Dask")
        many.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster to use instead")
    return flags


def add_recipe(flags: argparse.ArgumentParser, demo: Demo) -> None:
    """The flag --recipe, for a demo that has more than its own."""
    others = [name for name in RECIPES if name in demo.beside]
    if others:
        flags.add_argument("--recipe", choices=[OWN, *others], default=OWN,
                           help="whose it is; another than its own is a demo beside it, with its own flags")


def recipe(demo: Demo, argv: list[str]) -> tuple[str, list[str]]:
    """Which recipe the command line names, and the command line without it."""
    flags = argparse.ArgumentParser(prog=f"{COMMAND} {demo.name}", add_help=False, allow_abbrev=False)
    flags.set_defaults(recipe=OWN)
    add_recipe(flags, demo)
    named, others = flags.parse_known_args(argv)
    return named.recipe, others


def natural(text: str) -> int:
    """An integer of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """An integer of 1 or more."""
    if natural(text) == 0:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return int(text)


def amount(text: str) -> float:
    """A number of 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < np.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return number


def make_folder(path: Path, flags: argparse.ArgumentParser) -> None:
    """Make the folder, and try to write to it, now: a bad name should not show after a minute of training."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        flags.error(f"--out: cannot write to the folder {path}: {error.strerror}")


# ---------------------------------------------------------------------------- telling


def progress(total: int, unit: str, label: str, quiet: bool, size: int = 1, initial: int = 0) -> Bar:
    """A progress bar, with room for numbers of interest at its end; `size` counts make one unit.

    `initial` is what was done before, by a run that was interrupted.
    """
    return Bar(total=total, unit=unit, unit_scale=1 / size, desc=label, disable=quiet, initial=initial)


def working(label: str, quiet: bool) -> Bar:
    """The same for a phase whose steps are not counted: a context that shows how long it takes."""
    return Bar(desc=label, disable=quiet)


def note(text: str, quiet: bool) -> None:
    """A line on the way, beside the progress bars."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)


def count(n: int, noun: str) -> str:
    """1 update, 1,000 updates."""
    return f"{n:,} {noun}" + "s" * (n != 1)


def versions(*packages: str) -> dict[str, str]:
    """The versions that a result depends on."""
    return {"python": platform.python_version(), "tinydp": tinydp.__version__,
            **{name: importlib.metadata.version(name) for name in packages}}


def save(path: Path, result: dict[str, Any]) -> None:
    """Write `result` as JSON that people can read too."""
    text = json.dumps(result, indent=2, ensure_ascii=False, default=_plain) + "\n"
    write_atomically(path, text.encode("utf-8"))


def _plain(x: Any) -> Any:
    """NumPy's numbers and arrays as Python's."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.tolist()
    raise TypeError(f"result.json cannot hold a {type(x).__name__}")
