"""`python -m demos NAME sweep`: one demo with many seeds, its medians and its worst cases.

The result of each seed is written to OUT/sweep as soon as it is there, and is not computed again:
an interrupted sweep goes on. `--jobs N` runs N seeds at once on this machine, `--scheduler
ADDRESS` on a Dask cluster, where tinydp and this folder must be importable on every worker. A
worker that is lost costs time alone: its seed is given to another.

Beside each result, OUT/sweep/seed-N.json, stands seed-N.npz: the controller that was judged, and what it
returned from every start, for those who want to know more than medians. In Python,

    from demos import pendulum, sweep
    for seed, kept in sweep.controllers(pendulum.DEMO, "out/pendulum/sweep"):
        print(seed, kept["params"], kept["returns"].min())

What a demo keeps, and by which names, is told by its `kept_by_sweeps`.
"""

import argparse
import functools
import importlib
import json
import logging
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from . import COMMAND, checkpoints, command, pip_line, style
from .command import Column, Demo, NoCluster, Options

LOSSES = 20                              # of workers, that one seed survives
PATIENCE = 10.0                          # seconds, for a scheduler to answer
ACROSS = 4                               # panels of the picture side by side, at most; more are in two rows
Trial = tuple[dict[str, Any], dict[str, Any]]    # of a seed: its result, and what is kept beside it

# ---------------------------------------------------------------------------- the whole


def run(demo: Demo, options: Options, argv: list[str]) -> int:
    """Sweep, print a table, draw; the exit code is 1 if the goal was missed."""
    folder = options.out / "sweep"
    seeds = range(options.seed, options.seed + options.seeds)
    known = {} if options.fresh else {seed: found for seed in seeds
                                      if (found := finished(demo, options, seed, folder))}
    if known:
        command.note(f"{len(known)} of {command.count(len(seeds), 'seed')} are there already, in {folder} "
                     "(--fresh begins anew).", options.quiet)
    with command.progress(len(seeds), "seeds", "sweeping", options.quiet, initial=len(known)) as bar:
        left = [seed for seed in seeds if seed not in known]
        for seed, result in results(demo, options, left, lambda seed: bar.set_description(f"seed {seed}")):
            known[seed], kept = result
            if demo.keeps:
                checkpoints.save(controller_file(folder, seed), kept, demo.name, known[seed]["settings"])
            command.save(file(folder, seed), known[seed])
            first = demo.columns[0]
            bar.set_postfix_str(f"median {first.title} {median(first, list(known.values()))}", False)
            bar.update()

    found = [known[seed] for seed in seeds]
    passed, verdict = (demo.passes or all_succeed)(found)
    summary = {
        "demo": demo.name, "command": " ".join([f"{COMMAND} {demo.name}", *argv]),
        "seeds": list(seeds), "versions": command.versions(*demo.packages),
        "columns": {column.key: statistics_of(column, found) for column in demo.columns},
        "claim": found[0]["claim"], "verdict": verdict, "success": passed,
    }
    picture = options.out / "sweep.png"
    style.save_picture(picture, draw(demo, found))
    command.save(options.out / "sweep.json", summary)
    print(table(demo, found))
    print(f"\n{verdict}\nwritten  {picture}, {options.out / 'sweep.json'}, and each seed in {folder}")
    return 0 if passed else 1


def all_succeed(results: list[dict]) -> tuple[bool, str]:
    """The goal of a sweep, if the demo does not say otherwise."""
    good = sum(result["success"] for result in results)
    return good == len(results), f"{good} of {command.count(len(results), 'seed')} reached the goal."


# ---------------------------------------------------------------------------- one seed


def trial(name: str, options: dict[str, Any], seed: int) -> Trial:
    """The content of `result.json` for one seed, and what to keep. It may run anywhere: it writes nothing."""
    demo: Demo = importlib.import_module("." + name.replace(" ", "."), __package__).DEMO
    with tempfile.TemporaryDirectory(prefix=f"{name}-{seed}-") as folder:
        alone = argparse.Namespace(**options | {
            "action": "train", "seed": seed, "out": Path(folder), "quiet": True, "fresh": True})
        outcome = demo.train(alone)
        result, _ = command.judge(demo, alone, outcome, ["sweep", "--seed", str(seed)])
    return result, demo.keeps(alone, outcome) if demo.keeps else {}


def file(folder: Path, seed: int) -> Path:
    """Where the result of a seed is kept."""
    return folder / f"seed-{seed}.json"


def controller_file(folder: Path, seed: int) -> Path:
    """Where its controller is kept, and what it returned by start."""
    return file(folder, seed).with_suffix(".npz")


def controllers(demo: Demo, folder: Path | str) -> list[tuple[int, dict[str, Any]]]:
    """Seeds and what a sweep in this folder kept of them, by seed.

    Raises `CheckpointError` for a file that is damaged, or of another demo.
    """
    seeds = sorted(int(path.stem.removeprefix("seed-")) for path in Path(folder).glob("seed-*.npz"))
    return [(seed, checkpoints.load(controller_file(Path(folder), seed), demo.name, None, demo.kinds))
            for seed in seeds]


def finished(demo: Demo, options: Options, seed: int, folder: Path) -> dict[str, Any] | None:
    """The result of this seed, if there is one with these settings."""
    wanted = demo.settings(argparse.Namespace(**vars(options) | {"seed": seed}))
    try:
        if demo.keeps:                   # it is written first
            checkpoints.load(controller_file(folder, seed), demo.name, wanted, demo.kinds)
        result = json.loads(file(folder, seed).read_text(encoding="utf-8"))
        return result if result["settings"] == json.loads(json.dumps(wanted)) else None
    except (OSError, ValueError, KeyError, TypeError, checkpoints.CheckpointError):
        return None                      # none, or not a whole one: it is made again


# ---------------------------------------------------------------------------- many seeds


def results(demo: Demo, options: Options, seeds: list[int], begins: Callable[[int], None]
            ) -> Iterator[tuple[int, Trial]]:
    """Seeds and their results, as they come, with what is to be kept; `begins` is told which one runs."""
    if not seeds:
        return
    sent = {key: value for key, value in vars(options).items() if key != "out"}
    if options.jobs == 1 and options.scheduler is None:
        for seed in seeds:
            begins(seed)
            yield seed, trial(demo.name, sent, seed)
    else:
        yield from on_workers(demo, sent, seeds)


def on_workers(demo: Demo, options: dict[str, Any], seeds: list[int]) -> Iterator[tuple[int, Trial]]:
    """The same by Dask, on processes of this machine or on a cluster."""
    try:
        dask, distributed = (importlib.import_module(name) for name in ("dask", "distributed"))
    except ModuleNotFoundError as error:
        raise NoCluster(f"--jobs and --scheduler need {error.name}: {pip_line('cluster')}, "
                        "or leave them out.") from error
    dask.config.set({"distributed.scheduler.allowed-failures": LOSSES})
    with connected(distributed, options["jobs"], options["scheduler"]) as client:
        futures = {client.submit(trial, demo.name, options, seed, pure=False, retries=LOSSES): seed
                   for seed in seeds}
        for future in distributed.as_completed(futures):
            yield futures[future], future.result()


def connected(distributed: Any, jobs: int, address: str | None, attempts: int = 3) -> Any:
    """A client of the cluster at `address`, or of `jobs` processes of its own."""
    try:
        if address is not None:
            return distributed.Client(address, timeout=PATIENCE)
        return distributed.Client(n_workers=jobs, threads_per_worker=1, processes=True,
                                  dashboard_address=":0", silence_logs=logging.CRITICAL)
    except (OSError, ValueError) as error:
        raise NoCluster(f"there is no Dask scheduler at {address} ({error}).") from error
    except RuntimeError as error:                # a process that ended before it was ready
        if attempts > 1:
            return connected(distributed, jobs, address, attempts - 1)
        raise NoCluster(f"the {jobs} processes did not start ({error}): try fewer --jobs.") from error


# ---------------------------------------------------------------------------- table and picture


def numbers(column: Column, results: list[dict]) -> np.ndarray:
    """The column's number of each seed, from the best to the worst."""
    values = np.sort([float(functools.reduce(dict.__getitem__, column.key.split("."), result))
                      for result in results])
    return values[::-1] if column.higher else values


def statistics_of(column: Column, results: list[dict]) -> dict[str, float]:
    """What the table says."""
    values = numbers(column, results)
    return {"best": values[0], "median": statistics.median(values), "worst": values[-1]}


def median(column: Column, results: list[dict]) -> str:
    """The median, in print."""
    return style.number(statistics_of(column, results)["median"], column.digits)


def table(demo: Demo, results: list[dict]) -> str:
    """One line a column: best, median and worst seed, and the goal."""
    width = max(len(column.title) + len(column.unit) + 3 * bool(column.unit) for column in demo.columns)
    lines = [f"{command.count(len(results), 'seed'):<{width}}      best    median     worst      goal"]
    for column in demo.columns:
        parts = statistics_of(column, results)
        goal = "" if column.goal is None else f"{column.goal:,.{column.digits}f}"
        name = f"{column.title} ({column.unit})" if column.unit else column.title
        lines.append(f"{name:<{width}}" + "".join(f"{parts[key]:>10,.{column.digits}f}" for key in parts)
                     + f"{goal:>10}")
    return "\n".join(line.rstrip() for line in lines)


def draw(demo: Demo, results: list[dict]) -> Figure:
    """Every seed of every column, from the best to the worst; median, worst and goal are marked."""
    across = len(demo.columns) if len(demo.columns) <= ACROSS else -(-len(demo.columns) // 2)
    down = -(-len(demo.columns) // across)
    with style.styled():
        picture = style.figure(900, 20 + 300 * down)
        panels = picture.subplots(down, across, squeeze=False).ravel()
        for axes, column in zip(panels, demo.columns, strict=False):
            draw_column(axes, column, numbers(column, results))
        for axes in panels[len(demo.columns):]:
            axes.remove()
        picture.suptitle(f"{demo.name}: {command.count(len(results), 'seed')}", x=0.01, ha="left",
                         fontsize=12, weight="bold", color=style.INK)
    return picture


def draw_column(axes: Axes, column: Column, values: np.ndarray) -> None:
    """Points of the seeds, by rank."""
    middle, n = statistics.median(values), len(values)
    ranks = 100 * (np.arange(n) + 0.5) / n
    if column.goal is not None:
        axes.axhline(column.goal, color=style.GREEN, linewidth=1.2, linestyle=(0, (4, 3)))
        style.label(axes, f"goal {style.number(column.goal, column.digits)}", (0, column.goal), (3, 4),
                    color=style.GREEN, fontsize=9)
    axes.plot(ranks, values, "o", color=style.BLUE, markersize=5, alpha=0.75, markeredgewidth=0)
    up = 1 if column.higher else -1              # away from the points, which fall or rise
    for place, value, name, shift, side in ((50, middle, "median", (4, 9 * up), "left"),
                                            (ranks[-1], values[-1], "worst", (4, -13 * up), "right")):
        axes.plot(place, value, "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.5)
        style.label(axes, f"{name} {style.number(value, column.digits)}", (place, value), shift, ha=side,
                    va="center", fontsize=9, weight="bold")
    axes.margins(y=0.25)
    if column.digits == 0:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if np.ptp(values) == 0:                      # a line across the middle, with few marks
        axes.set_yticks([values[0]])
    axes.set(xlim=(-2, 102), xlabel="seeds, best to worst (%)", ylabel=column.unit)
    axes.set_title(column.title)
