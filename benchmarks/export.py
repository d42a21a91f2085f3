"""`python -m benchmarks export`: exported programs beside plain Python, and their speed beside machine code.

    python -m benchmarks export random --kinds scan event --first 100 --count 50
    python -m benchmarks export speed

`random` exports value and gradient of random programs, runs them in Node, and prints the largest difference
to plain Python, as a part of the largest element of a result; `speed` measures what the demos' pages run,
until it does not become faster for two seconds: a browser compiles again what it runs often.
"""

import argparse
import contextlib
import os
import pathlib
import tempfile
import time

import numpy as np

import tinydp as dp
from demos.pendulum import page as pendulum
from tests.ad.compile.programs import LOOPS
from tests.ad.export.engines import CHECK, in_node, random_programs
from tinydp.ad.errors import NotCompiledError
from tinydp.ad.export.modules import ENGINES, module, prepared
from tinydp.sims import trebuchet

TIMES = """
const found = {};
for (const [name, program] of Object.entries(programs)) {
  program.example();
  let best = Infinity, since = performance.now();        // of the last time that it was faster
  while (performance.now() < since + 2000) {
    const start = performance.now();
    let runs = 0;
    while (performance.now() < start + 5) { program.run(); runs++; }
    const time = (performance.now() - start) / runs;
    if (time < 0.98 * best) since = performance.now();
    best = Math.min(best, time);
  }
  found[name] = 1000 * best;
}
console.log(JSON.stringify(found));
"""


def compare(kinds, first, count):
    """Random programs in both engines; a refusal or a failure is told, since each has to have a reason."""
    for kind in kinds:
        given, sources = random_programs(kind, range(first, first + count))
        made = []
        for name, program in given.items():
            try:
                made += prepared({name: program}, check=True)
            except NotCompiledError as error:
                print(f"{name}: {error}")
        for engine in ENGINES:
            with tempfile.TemporaryDirectory() as folder:
                text = module(made, engine) + CHECK.replace("TOLERANCE", "1e-12")
                found = in_node(text, pathlib.Path(folder))
            failed = {name: x for name, x in found.items() if isinstance(x, str)}
            for name, error in failed.items():
                print(f"{name}: {error}\n{sources[name]}")
            worst = max([x for x in found.values() if not isinstance(x, str)], default=0.0)
            equal = f"{len(found) - len(failed)} of {len(found)} equal"
            print(f"{kind:9} {engine:10} {equal}, at most {worst:.1e} off", flush=True)


def programs():
    """What is measured."""
    shoot = dp.value_and_grad(trebuchet.shoot, (0, 1, 2))
    given = {name: program for name, program in pendulum.programs().items() if name in ("update", "judge")}
    return {"shoot": (shoot, 3.0, 60.0, 400.0)} | given


@contextlib.contextmanager
def all_processors():
    """Node compiles what is run often in other threads, as browsers do: on a single processor, never."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measure():
    """Microseconds of a run, the shortest of many, as machine code and in Node."""
    given = programs()
    made = prepared(given, check=True)
    columns = {}
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as folder, all_processors():
            columns[engine] = in_node(module(made, engine) + TIMES, pathlib.Path(folder))
    for name, (f, *args) in given.items():
        compiled = dp.compile(f)
        compiled(*args)
        best, end = np.inf, time.perf_counter() + 1.5
        while time.perf_counter() < end:
            start = time.perf_counter()
            compiled(*args)
            best = min(best, 1e6 * (time.perf_counter() - start))
        ratios = ", ".join(f"{engine} {column[name]:,.0f} ({column[name] / best:.1f} x)"
                           for engine, column in columns.items())
        print(f"{name:7} machine code {best:,.0f} us, {ratios}", flush=True)


def main(argv):
    flags = argparse.ArgumentParser(prog="python -m benchmarks export", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("what", choices=["random", "speed"])
    flags.add_argument("--kinds", nargs="+", choices=[*LOOPS], default=[*LOOPS])
    flags.add_argument("--first", type=int, default=1000)
    flags.add_argument("--count", type=int, default=20)
    options = flags.parse_args(argv)
    if options.what == "speed":
        measure()
    else:
        compare(options.kinds, options.first, options.count)
