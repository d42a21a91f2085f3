"""`python -m benchmarks limits [PROGRAM ...]`: compiled gradients beside the best that we could write by hand.

A line for each program of `benchmarks/limits/`. First the limit is compared with the compiled gradient: the
largest difference of value and gradient, relative to the largest number of each argument, must be at most
1e-10, or the line says so and nothing is timed. Then calls take turns, round after round:

- microseconds of a gradient by hand, the median;
- the same compiled by tinydp, and its ratio to the limit: the median of the rounds' ratios, with the smallest
  and the largest. Each ratio is of two neighbours in time, so that a machine that slows down slows both;
- JAX's ratio to the limit, where JAX is installed.
"""

import argparse
import json
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import limits, zoo_sides
from .harness import compare
from .zoo_run import has_jax

NEAR, ROUNDS = 1e-10, 31
LIMIT, TINYDP, JAX = "limit", "tinydp", "JAX"


def difference(name: str, args: tuple | None = None, compiled: bool = True) -> float:
    """The largest one of the limit's value and cotangents from the package's.

    That of each argument, or leaf of one, is relative to the largest number in it, so that none hides another.
    """
    import tinydp as dp

    program = limits.program(name)
    args = program.arguments() if args is None else args
    loss = dp.compile(program.loss) if compiled else program.loss
    ours = dp.value_and_grad(loss, tuple(range(len(args))))(*args)
    by_hand = limits.load(name).gradient(*args)
    pairs = zip(zoo_sides.leaves(ours), zoo_sides.leaves(by_hand), strict=True)
    return max(zoo_sides.difference(np.ravel(a), np.ravel(b)) for a, b in pairs)


def prepared(name: str, jax: bool) -> dict[str, Callable[[], Any]]:
    """The calls to be timed; each returns when its gradient is there."""
    import tinydp as dp

    program = limits.program(name)
    args = program.arguments()
    by_hand, ours = limits.load(name).gradient, dp.value_and_grad(dp.compile(program.loss),
                                                                  tuple(range(len(args))))
    calls = {LIMIT: lambda: by_hand(*args), TINYDP: lambda: ours(*args)}
    if jax and hasattr(program, "in_jax"):
        calls[JAX] = zoo_sides.by_jax(program, args)["gradient"]
    return calls


def measure(name: str, jax: bool, rounds: int = ROUNDS, cpu: bool = False) -> dict[str, Any]:
    """What a line shows."""
    apart = difference(name)
    if not apart <= NEAR:
        return {"difference": apart}
    calls = prepared(name, jax)
    peers = {side: lambda call=call: lambda: (call(), 0.0)[1] for side, call in calls.items()}
    rows = compare(peers, rounds, clock=time.process_time if cpu else time.perf_counter)
    found: dict[str, Any] = {row.peer: {"seconds": row.seconds} for row in rows}
    base = rows[0].times
    for row in rows:
        ratios = [a / b for a, b in zip(row.times, base, strict=False)]
        found[row.peer] |= {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
    return {"difference": apart, **found}


def line(name: str, found: dict[str, Any]) -> str:
    """What is printed for a program."""
    if LIMIT not in found:
        return f"  {name:20s}the limit is wrong: it differs by {found['difference']:.0e}"
    ours = found[TINYDP]
    span = f"{ours['least']:.2f} to {ours['most']:.2f}"
    text = (f"  {name:20s}{found[LIMIT]['seconds'] * 1e6:10,.1f}{ours['seconds'] * 1e6:10,.1f}"
            f"{ours['ratio']:8.2f}  {span:16s}")
    return f"{text}{found[JAX]['ratio']:8.2f}" if JAX in found else text.rstrip()


def summary(rows: dict[str, dict[str, Any]]) -> str:
    """The median of the ratios to the limits, and which exceed the goals."""
    ratios = {name: row[TINYDP]["ratio"] for name, row in rows.items() if TINYDP in row}
    if not ratios:
        return "no limit could be used"
    text = f"tinydp / limit: {statistics.median(ratios.values()):.2f} in the median of {len(ratios)} programs"
    above = sorted((x, name) for name, x in ratios.items() if x > 1.15)[::-1]
    return f"{text}; above 1.15: {', '.join(f'{name} {x:.2f}' for x, name in above) or 'none'}"


def main(words: Sequence[str] = ()) -> dict:
    """Print the table; returns it as plain data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks limits", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(limits.names())}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timed calls (%(default)s)")
    parser.add_argument("--cpu", action="store_true", help="by the processor's time: for a busy machine")
    parser.add_argument("--no-jax", action="store_true", help="without JAX")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    for name in options.programs:
        if name not in limits.names():
            parser.error(f"no limit for {name!r}; there are {', '.join(limits.names())}")
    print("value and gradient, one core: microseconds, and ratios to the limit by hand in Numba")
    print(f"  {'':20s}{'limit':>10s}{'tinydp':>10s}{'ratio':>8s}  {'over the rounds':16s}{'JAX':>8s}")
    rows = {}
    for name in options.programs or limits.names():
        rows[name] = measure(name, has_jax() and not options.no_jax, options.rounds, options.cpu)
        print(line(name, rows[name]), flush=True)
    print(summary(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows
