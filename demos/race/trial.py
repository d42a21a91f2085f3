"""All rivals in all worlds: `python -m demos NAME race`.

Every run is written to OUT/runs as soon as it is over, and is not run again: an interrupted race goes on, and
loses the runs that were under way. `--jobs N` runs N at once, each in a process of its own; or several
commands share a folder, as with `--only SAC` and `--only TD3`.
"""

import argparse
import concurrent.futures
import importlib
import importlib.metadata
import importlib.util
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import command, style
from ..checkpoints import write_atomically
from ..command import Demo, Options, Report
from .run import Course, Curve, Point, Rival, run_one

WORLDS = 5
PACKAGES = ("numpy", "gymnasium", "stable_baselines3", "torch", "cma")

# ---------------------------------------------------------------------------- runs


class Job(NamedTuple):
    """A run to do; all of it is plain, so that it can be sent to another process."""

    module: str                          # that has the `COURSE`
    rival: str
    world: int
    budget: int


def do(job: Job) -> Curve:
    """One run, in whatever process."""
    course: Course = importlib.import_module(job.module).COURSE
    return run_one(course, by_name(course)[job.rival], job.world, job.budget)


def by_name(course: Course) -> dict[str, Rival]:
    """The rivals."""
    return {rival.name: rival for rival in course.rivals}


def jobs(course: Course, module: str, options: Options) -> list[Job]:
    """World by world, so that a race that is ended early has compared like with like."""
    seeds = range(options.seed, options.seed + options.seeds)
    return [Job(module, rival.name, world, budget_of(rival, options))
            for world in seeds for rival in raced(course, options)]


def raced(course: Course, options: Options) -> list[Rival]:
    """Those that the user wants."""
    return [rival for rival in course.rivals if not options.only or rival.name in options.only]


def budget_of(rival: Rival, options: Options) -> int:
    """Its real steps in a world."""
    return options.budget or rival.budget


def known(course: Course, job: Job) -> dict[str, Any]:
    """All that a run depends on, as it is in its file."""
    rival = by_name(course)[job.rival]
    return json.loads(json.dumps({"rival": rival.name, "world": job.world, "budget": job.budget,
                                  "settings": rival.settings, "episodes": [course.few, course.episodes]}))


def file(folder: Path, job: Job) -> Path:
    """Where a run is kept."""
    return folder / f"{job.rival.replace(' ', '-')}-{job.world}.json"


def finished(course: Course, job: Job, folder: Path) -> Curve | None:
    """What was run before with these settings."""
    try:
        kept = json.loads(file(folder, job).read_text(encoding="utf-8"))
        if kept["known"] != known(course, job):
            return None
        curve = Curve(**kept["curve"])
        return curve._replace(points=[Point(*point) for point in curve.points])
    except (OSError, ValueError, KeyError, TypeError):
        return None                      # none, or not a whole one: it is run again


def keep(course: Course, job: Job, curve: Curve, folder: Path) -> None:
    """Write it: a file holds a whole run or none."""
    text = json.dumps({"known": known(course, job), "curve": curve._asdict()})
    write_atomically(file(folder, job), text.encode("utf-8"))


def done(course: Course, todo: list[Job], folder: Path, at_once: int) -> Iterator[tuple[Job, Curve]]:
    """Runs as they end; some may meanwhile have been done by another command."""
    if at_once == 1:
        yield from ((job, finished(course, job, folder) or do(job)) for job in todo)
        return
    with concurrent.futures.ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn")) as pool:
        sent = {pool.submit(do, job): job for job in todo}
        try:
            for future in concurrent.futures.as_completed(sent):
                yield sent[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def train(course: Course, module: str, options: Options) -> list[Curve]:
    """All runs that are not there yet; the curves of all."""
    folder, wanted = options.out / "runs", jobs(course, module, options)
    curves = {job: curve for job in wanted
              if not options.fresh and (curve := finished(course, job, folder))}
    todo = [job for job in wanted if job not in curves]
    for name in [name for job in todo for name in by_name(course)[job.rival].needs]:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"no module named {name}", name=name)
    if options.fresh:
        for job in todo:
            file(folder, job).unlink(missing_ok=True)
    if curves:
        command.note(f"{len(curves)} of {command.count(len(wanted), 'run')} are there already, in {folder} "
                     "(--fresh begins anew).", options.quiet)
    with command.progress(len(wanted), "runs", "racing", options.quiet, initial=len(curves)) as bar:
        for job, curve in done(course, todo, folder, options.jobs):
            keep(course, job, curve, folder)
            curves[job] = curve
            bar.set_postfix_str(f"{job.rival}, world {job.world}: {told(course, curve.final)}", False)
            bar.update()
    return [curves[job] for job in wanted]


def told(course: Course, score: float) -> str:
    """A score for people."""
    return style.number(course.shown(score), course.digits)


# ---------------------------------------------------------------------------- who reached what


class Reached(NamedTuple):
    """When a rival was as good as ours: its steps and episodes in those of `worlds` worlds in which it was.

    `ratios` are its real steps by those that ours took in the same world, to its end.
    """

    real: list[int]
    episodes: list[int]
    ratios: list[float]
    worlds: int


def reached(course: Course, curves: list[Curve], rival: str) -> Reached:
    """The first point at which it is as good, from the same starts: whether it stays so is not asked."""
    goals = {curve.world: curve.points[-1] for curve in curves if curve.rival == "ours"}
    raced = [curve for curve in curves if curve.rival == rival and curve.world in goals]
    found = Reached([], [], [], len(raced))
    for curve in raced:
        goal = goals[curve.world]
        for point in curve.points:
            if point.score >= course.enough(goal.score):
                found.real.append(point.real)
                found.episodes.append(point.episodes)
                found.ratios.append(point.real / goal.real)
                break
    return found


def summary(course: Course, curves: list[Curve], rival: Rival) -> dict[str, Any]:
    """One rival over all worlds: medians and ranges."""
    own = [curve for curve in curves if curve.rival == rival.name]
    when = reached(course, curves, rival.name)
    return {
        "title": rival.title or rival.name,
        "final": spread([course.shown(curve.final) for curve in own]),
        "real": spread([curve.points[-1].real for curve in own]),
        "simulated": spread([curve.points[-1].simulated for curve in own]),
        "episodes": spread([curve.points[-1].episodes for curve in own]),
        "seconds": spread([curve.points[-1].seconds for curve in own]),
        "reached": {"worlds": len(when.real), "of": when.worlds, "real": spread(when.real),
                    "episodes": spread(when.episodes), "ratio": spread(when.ratios)},
        "settings": rival.settings, "source": rival.source}


def spread(values: list) -> dict[str, float] | None:
    """The median and the range, of any values."""
    if not values:
        return None
    return {"median": float(np.median(values)), "least": float(min(values)), "most": float(max(values))}


# ---------------------------------------------------------------------------- the report

def report(course: Course, claim: str, options: Options, curves: list[Curve]) -> Report:
    """The table, and all curves."""
    rivals = raced(course, options)
    rows = {rival.name: summary(course, curves, rival) for rival in rivals}
    worlds = sorted({curve.world for curve in curves})
    lines = [
        f"{course.name}, {command.count(len(worlds), 'unknown world')} (seeds {worlds[0]} to {worlds[-1]}); "
        f"median (least to most) over them",
        f"  {'':<26}{course.score + ', ' + str(course.episodes) + ' episodes':<34}"
        f"{'real ' + course.unit + 's':>12}{'simulated':>12}{'seconds':>9}",
        *(line_of(course, rival, rows[rival.name]) for rival in rivals)]
    if "ours" in rows:
        lines += [f"As good as ours: {course.margin}, in the same world, from the same {course.few} starts,",
                  f"for the first time, after how many real {course.unit}s, x those of ours in all:",
                  *(when_of(rival, rows[rival.name]) for rival in rivals if rival.name != "ours")]
    seconds = sum(curve.points[-1].seconds for curve in curves)
    return Report(
        success=True, claim=claim, lines=lines,
        result={"rivals": rows, "worlds": worlds, "score": course.score, "digits": course.digits,
                "unit": course.unit, "as_good": course.margin,
                "curves": [table_of(curve) for curve in curves]},
        budget=command.budget(
            episodes=sum(curve.points[-1].episodes for curve in curves),
            simulator_steps=sum(curve.points[-1].simulated for curve in curves), seconds=seconds,
            real_steps=sum(curve.points[-1].real for curve in curves),
            judging_seconds=round(sum(curve.judging_seconds for curve in curves), 1),
            about="all runs together; seconds are the processor's"))


def line_of(course: Course, rival: Rival, row: dict[str, Any]) -> str:
    """What it is worth in the end, and what that took."""
    return (f"  {rival.title or rival.name:<26}{ranged(row['final'], course.digits):<34}"
            f"{row['real']['median']:>12,.0f}{row['simulated']['median']:>12,.0f}"
            f"{row['seconds']['median']:>9.1f}")


def when_of(rival: Rival, row: dict[str, Any]) -> str:
    """When it was as good as ours, if it was."""
    when, name = row["reached"], rival.title or rival.name
    if not when["worlds"]:
        return f"  {name:<26}not within {row['real']['median']:,.0f}"
    real, ratio = ranged(when["real"], 0), ranged(when["ratio"], 3, plain=True)
    return f"  {name:<26}{real:<34}x {ratio}, in {when['worlds']} of {when['of']}"


def ranged(values: dict[str, float], digits: int, plain: bool = False) -> str:
    """A median and a range; `plain` with so many significant digits."""
    form = f".{digits}g" if plain else f",.{digits}f"
    return "{median:{f}} ({least:{f}} to {most:{f}})".format(**values, f=form)


def table_of(curve: Curve) -> dict[str, Any]:
    """A curve as columns, which are short in a file."""
    columns = {name: [getattr(point, name) for point in curve.points] for name in Point._fields}
    columns["score"] = [float(f"{score:.6g}") for score in columns["score"]]
    return {"rival": curve.rival, "world": curve.world, "final": curve.final,
            "judging_seconds": curve.judging_seconds, **columns}


# ---------------------------------------------------------------------------- the demo

def demo(course: Course, about: str | None, claim: str, module: str) -> Demo:
    """`python -m demos NAME race`; `module` is where the course is found, as `COURSE`, by other processes."""
    def plot(options: Options, curves: list[Curve]) -> list[Path]:
        from .draw import draw_picture  # it draws what is declared here

        picture = options.out / f"{course.name}-race.png"
        style.save_picture(picture, draw_picture(course, raced(course, options), curves))
        return [picture]

    return Demo(
        f"{course.name} race", about or "", plot=plot, train=lambda options: train(course, module, options),
        report=lambda options, curves: report(course, claim, options, curves),
        settings=lambda options: settings(course, options), flags=lambda flags: add_flags(flags, course),
        packages=tuple(name for name in PACKAGES if importlib.util.find_spec(name)))


def settings(course: Course, options: Options) -> dict[str, Any]:
    """All on which the outcome depends."""
    return {"seed": options.seed, "seeds": options.seeds, "episodes": course.episodes,
            "episodes_of_curves": course.few,
            "budgets": {rival.name: budget_of(rival, options) for rival in raced(course, options)},
            "rivals": {rival.name: rival.settings for rival in raced(course, options)}}


def add_flags(flags: argparse.ArgumentParser, course: Course) -> None:
    """The flags of a race; its seeds are those of worlds."""
    flags.set_defaults(seed=course.first_world)
    flags.add_argument("--seeds", type=command.positive, default=WORLDS, metavar="N",
                       help="how many worlds, the first of which is --seed")
    flags.add_argument("--only", action="append", choices=[rival.name for rival in course.rivals],
                       metavar="RIVAL", help="one of " + ", ".join(rival.name for rival in course.rivals)
                       + "; may be given several times (default: all)")
    flags.add_argument("--budget", type=command.positive, metavar="N",
                       help=f"real {course.unit}s of each rival in a world (default: each its own)")
    flags.add_argument("--jobs", type=command.positive, default=1, metavar="N",
                       help="how many runs at once, each in a process")
