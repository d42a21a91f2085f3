"""Where programs repeat themselves."""

import random

import numpy as np

from tinydp.ad.compile.repeats import Table
from tinydp.ad.compile.trace import traced


def runs(f, *args):
    table = Table(traced(f, *args))
    found = {period: list(table.runs(period)) for period in range(1, len(table.ops) // 4 + 1)
             if table.likely(period)}
    return {period: places for period, places in found.items() if places}


def test_the_period_is_that_of_a_step():
    def f(x, y, z):
        for _ in range(20):
            x, y, z = x + 0.1 * y, y + 0.1 * z, z - 0.1 * x
        return x, y, z

    assert min(runs(f, 0.1, 0.2, 0.3)) == 6


def test_a_run_ends_with_its_loop():
    def f(x):
        x = np.cos(x)
        for _ in range(20):
            x = np.sin(x) * x
        return np.exp(x)

    assert runs(f, 0.1)[2] == [(1, 41)]


def test_a_period_that_is_not_likely_has_no_long_runs():
    def chain(r):
        def f(x):
            made = [x, x + 1.0]
            for _ in range(40):
                made.append(made[-1] * r.choice(made[-3:]) if r.random() < 0.8 else np.sin(made[-1]))
            return made[-1]
        return f

    for seed in range(30):
        table = Table(traced(chain(random.Random(seed)), 0.1))
        for period in range(1, len(table.ops) // 4 + 1):
            if any(end - start >= 4 * period for start, end in table.runs(period)):
                assert table.likely(period)
