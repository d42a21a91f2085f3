"""Compiled programs, run by Python instead of Numba, so that hundreds of them take seconds.

`NUMBA_DISABLE_JIT=1 python -m tests.ad.compile.interpreted rules` compares each function of the
registry, `... programs KIND FIRST COUNT` random programs, and `... maps KIND FIRST COUNT` maps of these; all
print one line of JSON for each.
"""

import functools
import json
import random
import sys
import warnings

import numpy as np
from hypothesis import Phase, given, settings

import tinydp as dp
from tinydp.ad.compile import batch

from ..rules.test_all_rules import CASES
from . import programs


def outcomes_of(case):
    """What came of a few calls of a function: "equal", or why it cannot be compiled; raises if unequal."""
    found = set()

    @settings(max_examples=6, database=None, derandomize=True, phases=[Phase.generate], deadline=None)
    @given(case.calls())
    def compare(call):
        try:
            compiled = dp.compile(lambda *xs: call(*xs))
            programs.assert_equal(compiled(*call.xs), plain(call(*call.xs)))
            y, pull = dp.vjp(call, *call.xs)
            g = programs.cotangent(y)
            programs.assert_equal(dp.vjp(compiled, *call.xs)[1](g), pull(g))
            found.add("equal")
        except (dp.ad.errors.NotCompiledError, dp.ad.errors.ConversionError) as error:
            found.add(str(error))

    compare()
    return sorted(found)


def plain(y):
    """Booleans and integers as numbers."""
    return dp.ad.tree.map(lambda x: np.asarray(x, dtype=float) if np.ndim(x) else float(x), y)


def report(name, outcome):
    print(json.dumps([name, outcome]), flush=True)


def guarded(name, run):
    try:
        report(name, run())
    except Exception as error:                   # the test shows it
        report(name, [f"{type(error).__name__}: {error}"])


def main(what, *args):
    warnings.simplefilter("ignore")
    if what == "rules":
        for case in CASES:
            guarded(str(case), lambda case=case: outcomes_of(case))
        return
    batch.ROWS_FOR_LOOPS = 1                     # the few rows of a map are to go side by side
    kind, first, count = args[0], int(args[1]), int(args[2])
    for seed in range(first, first + int(count)):
        chooser = random.Random(seed)
        length = chooser.choice([3, 6, 12])
        f, source, arguments = programs.random_program(chooser, programs.LOOPS[kind], length)
        check = functools.partial(programs.check_map, chooser) if what == "maps" else programs.check
        guarded(source, lambda f=f, arguments=arguments, check=check: [check(f, arguments) or "equal"])


if __name__ == "__main__":
    main(*sys.argv[1:])
