"""Timing several implementations of one workload fairly, on a noisy machine.

Each peer's result is compared with the first one's before anything is timed. What the imports left
in memory is taken out of the garbage collector's sight, since it would cost each peer the others'
objects at every collection. Then the peers take turns, round after round, so that a change of the
machine's speed meets all of them; the figure is the median over the rounds, and the ratio that of
the medians.
"""

import gc
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

FEWEST, LONGEST = 3, 3.0                 # rounds, and seconds after which no more are made
ROUND = 0.005                            # seconds; a fast call is repeated


class Row(NamedTuple):
    """One line of a result: seconds are those of the whole call."""

    peer: str
    seconds: float
    ratio: float                         # to the first peer
    fastest: float
    slowest: float
    times: tuple[float, ...] = ()        # of the rounds, in turns with the other peers


def environment(cache: str) -> dict[str, str]:
    """The environment of a process whose first calls are timed, with this folder as TINYDP_CACHE.

    Modules are compiled to bytecode once an installation, whatever this process was told of that.
    """
    others = {name: x for name, x in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**others, "TINYDP_CACHE": cache}


def parameters(sizes, seed=0):
    """The arrays of a network: a weight and a bias for each layer."""
    rng = np.random.default_rng(seed)
    arrays = []
    for inputs, outputs in itertools.pairwise(sizes):
        limit = np.sqrt(6 / (inputs + outputs))
        arrays += [rng.uniform(-limit, limit, (inputs, outputs)), rng.uniform(-0.1, 0.1, outputs)]
    return arrays


def layers_of(arrays):
    """The same arrays as tinydp's MLP takes them."""
    from tinydp.nn import Layer

    return [Layer(weight, bias) for weight, bias in zip(arrays[::2], arrays[1::2], strict=True)]


def flat(value, arrays):
    """One vector to compare: a value, then all numbers of the arrays."""
    return np.concatenate([np.ravel(np.asarray(x, dtype=np.float64)) for x in (value, *arrays)])


class Missing(Exception):
    """Raised by a peer that is not installed."""


def compare(peers: dict[str, Callable[[], Callable]], rounds: int = 15, rtol: float = 1e-9,
            of_largest: bool = False, numbers: Callable = np.asarray,
            clock: Callable[[], float] = time.perf_counter) -> list[Row]:
    """Time what each of `peers` prepares: `peers[name]()` returns the function to call.

    Raises `AssertionError` if a peer's result is not the first one's: each number to `rtol` of itself, or,
    with `of_largest`, of the largest of them; `numbers` takes them out of what is returned. `clock` may be
    `time.process_time`, which does not count what other processes take of a busy machine.
    """
    ready = {}
    for name, prepare in peers.items():
        try:
            ready[name] = prepare()
        except (ImportError, Missing):
            print(f"  {name}: left out (not installed, or not made for this)")
    results = {name: numbers(run()) for name, run in ready.items()}       # warms up, too
    first = next(iter(results.values()))
    near = {"rtol": 0.0, "atol": rtol * np.max(np.abs(first))} if of_largest else {"rtol": rtol}
    for name, result in results.items():
        np.testing.assert_allclose(result, first, **near, err_msg=name)
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in ready}
    calls = {name: _calls(run, clock) for name, run in ready.items()}
    for k in range(rounds):
        for name, run in ready.items():
            if k >= FEWEST and calls[name] * sum(times[name]) > LONGEST:
                continue                         # a slow peer; its median is known well enough
            run()                                # the others' data out of the caches
            start = clock()
            for _ in range(calls[name]):
                run()
            times[name].append((clock() - start) / calls[name])
    medians = {name: statistics.median(ts) for name, ts in times.items()}
    base = next(iter(medians.values()))
    return [Row(name, medians[name], medians[name] / base, min(ts), max(ts), tuple(ts))
            for name, ts in times.items()]


def _calls(run: Callable, clock: Callable[[], float]) -> int:
    """How many calls make a round of a few milliseconds, as in a loop that trains."""
    start = clock()
    run()
    return max(1, int(ROUND / max(clock() - start, 1e-7)))


def show(title: str, rows: list[Row], digits: int = 1) -> dict[str, float]:
    """Print a table in microseconds; returns the medians by peer."""
    print(title)
    for row in rows:
        median, fastest, slowest = (f"{x * 1e6:,.{digits}f}" for x in (row.seconds, row.fastest, row.slowest))
        print(f"  {row.peer:24s} {median:>12s}  {row.ratio:8.2f} x   ({fastest} to {slowest})")
    return {row.peer: row.seconds * 1e6 for row in rows}
