"""Do a program, its traced run, its derivatives and its compiled form agree? Random programs say.

    python -m benchmarks agree --programs 20000 --compiled 2000 --seed 0

Each program (`module.py`) is run as plain Python, with loops of `reference.py` instead of tinydp's, and
compared: the value of the traced run; the gradient with finite differences of the plain run; `jvp` with
`vjp`; some `hvp` with differences of the gradient; all of it again with other arguments, and after a
captured buffer has changed. The `--compiled` ones are compared with the tape, to 1e-10: value, structure,
dtypes, gradient, first the value or first the gradient. With `--interpreted`, what the compiler's passes
make of a program is compared, one pass after the other, without compiling it (`interpreted.py`): value,
gradient, and for a quarter the second derivative.

A program that tinydp refuses, with an error of its own, is counted as refused. Any other difference fails:
the program is shrunk, and printed so that it can be pasted and run. `--only 17` looks at one again (`--only
17c` at a compiled one).
"""

import argparse
import collections
import sys
import time
from collections.abc import Iterator
from typing import Any

from .check import Verdict, examine
from .interpreted import by_numpy
from .module import draw, runs
from .shrink import shrunk


def seeds(options: argparse.Namespace) -> Iterator[tuple[int, bool]]:
    """The numbers of the programs, and whether each is compiled."""
    if options.only:
        for text in options.only:
            yield int(text.rstrip("c")), text.endswith("c") or options.interpreted
        return
    for k in range(options.programs):
        yield options.seed + k, options.interpreted
    for k in range(0 if options.interpreted else options.compiled):
        yield options.seed + k, True


def report(source: str, seed: int, compiled: bool, verdict: Verdict, seconds: float, way: Any) -> None:
    """Print a failure: what differs, and the smallest program that still does so."""
    print(f"\n--only {seed}{'c' * compiled}: {verdict.text}\n", flush=True)
    if not seconds:
        return
    small = shrunk(
        source, lambda text: runs(text) and examine(text, seed, compiled, way).kind == verdict.kind, seconds
    )
    print(small)
    print(f"# {examine(small, seed, compiled, way).text}\n", flush=True)


def progress(counts: collections.Counter[str]) -> None:
    """One line, written over in a terminal."""
    run = counts["programs"] + counts["interpreted"]
    text = f"{run} programs, {counts['compiled']} compiled, {counts['failed']} failed"
    print(text, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run so many programs; exits with 1 if one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks agree",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="the number of the first program")
    parser.add_argument("--programs", type=int, default=2000, help="how many run on the tape")
    parser.add_argument("--compiled", type=int, default=50, help="how many are compiled")
    parser.add_argument("--interpreted", action="store_true",
                        help="compare what the compiler's passes make of the programs, without compiling")
    parser.add_argument("--only", nargs="*", metavar="SEED", help="these programs; 17c is a compiled one")
    parser.add_argument(
        "--shrink", type=float, default=60.0, metavar="SECONDS", help="to make a failure small"
    )
    parser.add_argument("--each", type=int, default=3, help="how many failures of a kind are made small")
    parser.add_argument("--show", action="store_true", help="print each program")
    parser.add_argument("--refused", action="store_true", help="say what was refused")
    options = parser.parse_args(arguments)
    way = by_numpy if options.interpreted else None
    began = last = time.perf_counter()
    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    for seed, compiled in seeds(options):
        source = draw(seed, compiled)
        if options.show:
            print(source)
        verdict = examine(source, seed, compiled, way)
        what = "interpreted" if way else "compiled" if compiled else "programs"
        counts[what] += 1
        counts["not judged"] += verdict.unsure
        refused, agrees = verdict.kind.startswith("refused"), verdict.kind == "agrees"
        if refused:
            counts[f"{what} refused: {verdict.text.partition(':')[0]}"] += 1
        elif not agrees:
            counts["failed"] += 1
        if not agrees and (options.refused or not refused):
            kinds[verdict.kind] += 1
            again = kinds[verdict.kind] > options.each
            report(source, seed, compiled, verdict, 0.0 if again else options.shrink, way)
        if time.perf_counter() - last > (1.0 if sys.stderr.isatty() else 60.0):
            last = time.perf_counter()
            progress(counts)
    print("\n".join(f"{count:7d} {name}" for name, count in counts.items()))
    print(f"{time.perf_counter() - began:.0f} s")
    if counts["failed"]:
        sys.exit(1)
    return dict(counts)
