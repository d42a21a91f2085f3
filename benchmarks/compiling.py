"""`python -m benchmarks compiling [PROGRAM ...] [--against DIR]`: seconds to the first gradient.

Each measurement is a new process with an empty TINYDP_CACHE, in which `dp.value_and_grad(dp.compile(f))` is
called once: trace, passes, machine code, comparison with the tape, the call itself. The import is counted
apart. The sides take turns: this checkout, with `--against DIR` another checkout of tinydp, and JAX, if
it is installed, for programs that it can run. All have to find the same value and gradient.

Each side compiles one program before, so that what is compiled once an installation is there, if it is kept
beside the source; with `--used`, each measurement begins with what that program left in TINYDP_CACHE, too.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .harness import environment

HERE = pathlib.Path(__file__).parents[1]
PROGRAM = """
import sys, time
start = time.perf_counter()
sys.path.insert(0, {checkout!r})
import {imports}
imported = time.perf_counter() - start
sys.path.insert(0, {here!r})
from benchmarks import compiling
compiling.child({side!r}, {name!r}, {checkout!r}, imported)
"""
JAX = "JAX"
LONGEST = 20.0                           # seconds for all sides; a program that takes longer has one round
LIMIT = 600.0
BEFORE = "every_kernel"                  # the program that each side compiles first


class First(NamedTuple):
    """One measurement: seconds, and the value with the sum and the largest of its gradient."""

    imports: float
    seconds: float                       # by the clock
    processor: float                     # of all threads together
    found: list[float]

# ---------------------------------------------------------------------------- in the new process

def child(side: str, name: str, checkout: str, imported: float) -> None:
    """Make the program, call its gradient once, and print the measurement."""
    from . import programs

    if side == JAX:
        programs.use_jax()
    else:
        _require_from(checkout)
    if name == BEFORE:
        _compile_kernels()
    make = programs.suite.every_kernel if name == BEFORE else programs.PROGRAMS[name]
    f, args = make()
    start, processor = time.perf_counter(), time.process_time()
    value, gradients = (_by_jax if side == JAX else _by_tinydp)(f, args)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    sizes = abs(np.concatenate([np.ravel(x) for x in gradients]))
    found = [float(value), float(np.sum(sizes)), float(np.max(sizes))]
    print(json.dumps(First(imported, seconds, processor, found)))


def _compile_kernels() -> None:
    """Compile what an installation compiles once, if this tinydp can be asked for that."""
    with contextlib.suppress(ImportError):
        from tinydp.ad.compile.engine import compile_kernels

        compile_kernels()


def _require_from(checkout: str) -> None:
    """Refuse to measure another tinydp than the one that was meant."""
    import tinydp as dp

    if not pathlib.Path(dp.__file__).is_relative_to(checkout):
        raise RuntimeError(f"tinydp came from {dp.__file__}, not from {checkout}")


def _by_tinydp(f, args):
    import tinydp as dp

    value, gradients = dp.value_and_grad(dp.compile(f), tuple(range(len(args))))(*args)
    return value, dp.ad.tree.flatten(gradients)[0]


def _by_jax(f, args):
    import jax

    args = jax.tree.map(jax.numpy.float64, args)
    gradient = jax.jit(jax.value_and_grad(f, tuple(range(len(args)))))
    value, gradients = jax.block_until_ready(gradient(*args))
    return value, jax.tree.leaves(gradients)

# ---------------------------------------------------------------------------- the table

class Side(NamedTuple):
    """One column: its name, where its tinydp is, and a folder with what TINYDP_CACHE begins with."""

    name: str
    checkout: pathlib.Path
    cache: str | None = None

    def measure(self, program: str) -> First:
        """The first gradient in a new process; raises `RuntimeError` with what the process said last."""
        with tempfile.TemporaryDirectory() as folder:
            if self.cache is not None:
                shutil.copytree(self.cache, folder, dirs_exist_ok=True)
            return self.run(program, folder)

    def run(self, program: str, folder: str) -> First:
        """The same with this folder as TINYDP_CACHE."""
        text = PROGRAM.format(checkout=str(self.checkout), here=str(HERE), side=self.name, name=program,
                              imports="jax" if self.name == JAX else "tinydp, numba")
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False,
                              timeout=LIMIT, cwd=folder, env=environment(folder))
        if done.returncode:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            raise RuntimeError(f"{self.name}, {program}: {said.splitlines()[-1]}")
        return First(*json.loads(done.stdout.splitlines()[-1]))


def race(sides: list[Side], program: str, rounds: int) -> dict[str, First]:
    """The medians of each side that can run the program, in turns.

    Raises `AssertionError` if they do not find the same.
    """
    measured: dict[str, list[First]] = {side.name: [] for side in sides}
    start = time.perf_counter()
    for k in range(rounds):
        if k and time.perf_counter() - start > LONGEST:
            break
        for side in [side for side in sides if side.name in measured]:
            try:
                measured[side.name].append(side.measure(program))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"  {program}: {side.name} failed: {error}", flush=True)
                del measured[side.name]
    found = {name: runs[0].found for name, runs in measured.items()}
    first = next(iter(found.values()), None)
    for name, numbers in found.items():
        np.testing.assert_allclose(numbers, first, rtol=1e-8, err_msg=f"{program}, {name}")
    return {name: First(*(statistics.median(column) for column in list(zip(*runs, strict=True))[:3]), first)
            for name, runs in measured.items()}


def has_jax() -> bool:
    """Whether JAX is installed."""
    import importlib.util

    return importlib.util.find_spec("jax") is not None


def sides_of(against: pathlib.Path | None, used: bool, jax: bool, folder: str) -> list[Side]:
    """The columns; each tinydp compiles one program before, into a folder of its own."""
    sides = [Side("here", HERE)] + ([Side("against", against.resolve())] if against else [])
    for k, side in enumerate(sides):
        cache = os.path.join(folder, side.name)
        os.mkdir(cache)
        side.run(BEFORE, cache)
        sides[k] = side._replace(cache=cache if used else None)
    return sides + ([Side(JAX, HERE)] if jax else [])


def table(programs: list[str], sides: list[Side], rounds: int, cpu: bool = False) -> dict:
    """Print a line a program, and the median ratios of this checkout to the others."""
    from .programs import ONLY_HERE

    print(f"first gradient in a new process, nothing compiled before: seconds{' of the processor' * cpu}")
    print(f"  {'':22s}" + "".join(f"{side.name:>9s}" for side in sides)
          + "".join(f"{'here / ' + side.name:>16s}" for side in sides[1:]))
    figures: dict = {}
    imports: dict[str, list[float]] = {side.name: [] for side in sides}
    ratios: dict[str, list[float]] = {side.name: [] for side in sides[1:]}
    for program in programs:
        try:
            measured = race([x for x in sides if x.name != JAX or program not in ONLY_HERE], program, rounds)
        except AssertionError as error:
            print(f"  {program}: results differ: {' '.join(str(error).split())}", flush=True)
            figures[program] = None
            continue
        seconds = {name: x.processor if cpu else x.seconds for name, x in measured.items()}
        for name, x in measured.items():
            imports[name].append(x.imports)
        others = [name for name in seconds if name != "here"] if "here" in seconds else []
        here = {name: seconds["here"] / seconds[name] for name in others}
        for name, ratio in here.items():
            ratios[name].append(ratio)
        print(f"  {program:22s}" + "".join(_cell(seconds.get(x.name), 9) for x in sides)
              + "".join(_cell(here.get(x.name), 16) for x in sides[1:]), flush=True)
        figures[program] = seconds
    medians = {name: statistics.median(x) for name, x in ratios.items() if x}
    print("  median ratio          " + 9 * len(sides) * " "
          + "".join(_cell(medians.get(name), 16) for name in ratios))
    print("  the import, apart     "
          + "".join(_cell(statistics.median(x) if x else None, 9) for x in imports.values()))
    return {"programs": figures, "ratios": medians}


def _cell(x: float | None, width: int) -> str:
    """A number, or nothing, in a column of this width."""
    return width * " " if x is None else f"{x:{width}.2f}"


def main(words: Sequence[str] = ()) -> dict:
    """Print the table; returns it as plain data."""
    from .programs import PROGRAMS

    parser = argparse.ArgumentParser(prog="python -m benchmarks compiling", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}")
    parser.add_argument("--against", type=pathlib.Path, metavar="DIR", help="another checkout of tinydp")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each side (%(default)s)")
    parser.add_argument("--used", action="store_true", help="begin with another program's cache")
    parser.add_argument("--cpu", action="store_true", help="count the processor's time: for a busy machine")
    parser.add_argument("--no-jax", action="store_true", help="without JAX")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    for name in options.programs:
        if name not in PROGRAMS:
            parser.error(f"no program {name!r}; there are {', '.join(PROGRAMS)}")
    if options.against and not (options.against / "tinydp" / "__init__.py").exists():
        parser.error(f"no tinydp in {options.against}")
    with tempfile.TemporaryDirectory() as folder:
        sides = sides_of(options.against, options.used, has_jax() and not options.no_jax, folder)
        figures = table(options.programs or list(PROGRAMS), sides, options.rounds, options.cpu)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return figures
