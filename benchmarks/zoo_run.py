"""`python -m benchmarks zoo [PROGRAM ...] [--no-jax]`: what people write, compiled.

A line for each program of `benchmarks/zoo/`, or of a file `my_program.py` like those:

- whether `dp.compile` takes it as it was first written, with changes (the reasons are printed), or what it
  says instead; and whether Python still runs the program after it was compiled, which is slow;
- the largest difference of value, gradient and a Hessian-vector product from those of the tape, and from
  JAX's, relative to the largest number among them;
- microseconds of a compiled gradient, the median of calls that take turns with JAX's; the ratio to JAX's;
- seconds to the first gradient in a new process, without the import, in which what is compiled once an
  installation is there and the program is not; the ratio to JAX's.

Each program has processes of its own.
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from . import zoo
from .harness import environment
from .zoo_sides import JAX, QUANTITIES, TAPE, TINYDP

HERE = pathlib.Path(__file__).parents[1]
CHILD = """
import sys, time
start = time.perf_counter()
sys.path.insert(0, {here!r})
import {imports}
imported = time.perf_counter() - start
import json
from benchmarks import zoo_sides
print(json.dumps({{**zoo_sides.{task}(*{words!r}), "imports": imported}}))
"""
IMPORTS = {TINYDP: "tinydp, numba", JAX: "jax"}
NEAR = {TAPE: 1e-10, JAX: 1e-9}
LIMIT = 900.0                            # seconds for one process

# ---------------------------------------------------------------------------- the table

def child(task: str, *words: Any, cache: str, imports: str = IMPORTS[TINYDP]) -> dict:
    """What `task(*words)` of `zoo_sides.py` returns in a new process with this folder as TINYDP_CACHE.

    Raises `RuntimeError` with what the process said last.
    """
    text = CHILD.format(here=str(HERE), imports=imports, task=task, words=words)
    try:
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False,
                              timeout=LIMIT, cwd=cache, env=environment(cache))
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"more than {LIMIT:.0f} seconds") from None
    if done.returncode or not done.stdout:
        raise RuntimeError((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def copy_of(cache: str) -> Iterator[str]:
    """A folder that begins like this one."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(cache, folder, dirs_exist_ok=True)
        yield folder


def measure(name: str, jax: bool, rounds: int, kernels: str, cpu: bool = False) -> dict:
    """All that a line shows; `kernels` is a cache with what an installation compiles once."""
    program = zoo.load(name)
    sides = [TINYDP, TAPE, *[JAX] * (jax and hasattr(program, "in_jax"))]
    row: dict = {"changed": program.CHANGED, "not in JAX": getattr(program, "NOT_IN_JAX", "")}
    try:
        with copy_of(kernels) as cache:
            row |= child("judge", name, sides, cache=cache)
        able = list(row["seconds"]) if TINYDP in row["seconds"] else []
        row["first"] = firsts(name, able, rounds, kernels, cpu)
    except RuntimeError as error:
        row = {"found": {}, "said": {}, "differences": {}, "by Python": [], "seconds": {}, "first": {}} | row
        row["said"] = row["said"] | {"the process": [str(error)]}
    return row


def firsts(name: str, sides: Sequence[str], rounds: int, kernels: str, cpu: bool) -> dict[str, float]:
    """The median of the seconds to the first gradient, of each side, in turns."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            with copy_of(kernels) as cache:
                measured = child("first", side, name, cache=cache, imports=IMPORTS[side])
            seconds[side].append(measured["processor" if cpu else "seconds"])
    return {side: statistics.median(each) for side, each in seconds.items()}


def compiled(row: dict) -> str:
    """Whether it was: "in part" if a quantity is missing, or Python has to run the program again."""
    found = row["found"].get(TINYDP, [])
    if "gradient" not in found:
        return "no"
    if row["by Python"] or len(found) < len(QUANTITIES):
        return "in part"
    return "changed" if row["changed"] else "as written"


def ratio(row: dict, key: str) -> float | None:
    """Of the compiled program's seconds to JAX's."""
    seconds = row[key]
    return seconds[TINYDP] / seconds[JAX] if {TINYDP, JAX} <= set(seconds) else None


def line(name: str, row: dict) -> str:
    """What is printed for a program, of this name."""
    found = "".join(_cell(row["differences"].get(side, {}).get(x), 9, ".0e")
                    for side in (TAPE, JAX) for x in QUANTITIES)
    seconds = row["seconds"].get(TINYDP)
    times = _cell(None if seconds is None else 1e6 * seconds, 11, ",.0f")
    firsts = _cell(row["first"].get(TINYDP), 9, ".2f") + _cell(ratio(row, "first"), 7, ".2f")
    return f"  {name:20s}{compiled(row):>11s}{found}{times}{_cell(ratio(row, 'seconds'), 7, '.2f')}{firsts}"


def notes(row: dict) -> list[str]:
    """What stands below the line: changes, and what the sides said."""
    texts = [f"changed: {row['changed']}"] * bool(row["changed"])
    texts += [f"Python runs it for: {', '.join(row['by Python'])}"] * bool(row["by Python"])
    texts += [f"{side}: {text}" for side, said in row["said"].items() for text in said]
    return texts + [f"not in JAX: {row['not in JAX']}"] * bool(row["not in JAX"])


def _cell(x: float | None, width: int, form: str) -> str:
    """A number, or nothing, in a column of this width."""
    return width * " " if x is None else f"{x:{width}{form}}"


def summary(rows: dict[str, dict]) -> list[str]:
    """How many compile, which disagree, which are slow."""
    kinds = [compiled(row) for row in rows.values()]
    text = [f"of {len(kinds)} programs, compiled " + ", ".join(
        f"{kind}: {kinds.count(kind)}" for kind in ("as written", "changed", "in part", "no"))]
    for side, near in NEAR.items():
        far = [name for name, row in rows.items()
               if not all(x <= near for x in row["differences"].get(side, {}).values())]
        text.append(f"further than {near:.0e} from {side}: {', '.join(far) or 'none'}")
    for key, what in (("seconds", "a gradient"), ("first", "the first gradient")):
        ratios = {name: x for name, row in rows.items() if (x := ratio(row, key)) is not None}
        if ratios:
            slower = sorted((x, name) for name, x in ratios.items() if x > 1)[::-1]
            text.append(f"{what}: {statistics.median(ratios.values()):.2f} times JAX's in the median, "
                        f"at most {max(ratios.values()):.2f}; "
                        f"slower: {', '.join(f'{name} {x:.2f}' for x, name in slower) or 'none'}")
    return text


def has_jax() -> bool:
    """Whether JAX is installed."""
    import importlib.util

    return importlib.util.find_spec("jax") is not None


def main(words: Sequence[str] = ()) -> dict:
    """Print the table; returns it as plain data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks zoo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM",
                        help=f"a file, or one of {', '.join(zoo.names())}")
    parser.add_argument("--rounds", type=int, default=3, help="first gradients of each side (%(default)s)")
    parser.add_argument("--cpu", action="store_true",
                        help="first gradients by the processor's time: for a busy machine")
    parser.add_argument("--no-jax", action="store_true", help="without JAX")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    for name in options.programs:
        if not (pathlib.Path(name).is_file() if name.endswith(".py") else name in zoo.names()):
            parser.error(f"no program {name!r}; there are {', '.join(zoo.names())}")
    print("differences from the tape, and from JAX; microseconds of a gradient; seconds to the first")
    print(f"  {'':20s}{'compiled':>11s}" + 2 * "".join(f"{x:>9s}" for x in QUANTITIES)
          + f"{'gradient':>11s}{'/ JAX':>7s}{'first':>9s}{'/ JAX':>7s}")
    files = [str(pathlib.Path(x).resolve()) if x.endswith(".py") else x for x in options.programs]
    jax, rows = has_jax() and not options.no_jax, {}
    with tempfile.TemporaryDirectory() as kernels:
        child("compile_kernels", cache=kernels)
        for name in files or zoo.names():
            row = measure(name, jax, options.rounds, kernels, options.cpu)
            title = pathlib.Path(name).stem
            rows[title] = row
            print("\n      ".join([line(title, row), *[x for note in notes(row) for x in note.splitlines()]]),
                  flush=True)
    print("\n".join(summary(rows)))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows
