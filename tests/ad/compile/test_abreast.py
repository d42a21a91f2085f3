"""Numbers that are carried side by side become one array."""

import numpy as np

import tinydp as dp
from tests.ad.compile.test_roll import checked
from tinydp.ad.compile.loops import SCAN
from tinydp.ad.compile.trace import traced


def test_many_carries_become_one_array():
    def f(xs, w):
        def step(carry, _):
            x, v = carry
            a = [-w * np.sin(p) for p in x]
            v = [q + 0.01 * p for q, p in zip(v, a, strict=True)]
            x = [q + 0.01 * p for q, p in zip(x, v, strict=True)]
            return (x, v), x[3]
        (x, v), y = dp.scan(step, (list(xs), [0.0] * len(xs)), None, 10)
        return np.stack(x), v[1], y

    args = np.linspace(0, 1, 32), 0.3
    rolled = checked(traced(f, *args), *args)
    (loop,) = [op for op in rolled.ops if op.prim is SCAN]
    assert loop.options["carries"] == 2
    assert len(rolled) < 15


def test_what_is_left_is_still_a_number():
    def f(xs, a):
        def step(carry, u):
            x, a, n = carry
            return ([np.sin(p) * a for p in x], a * 0.9, n + 1.0), x[-1] + u
        (x, a, n), y = dp.scan(step, (list(xs), a, 0.0), np.arange(10.0))
        return x[2], a, n, y

    args = np.linspace(0, 1, 30), 0.3
    rolled = checked(traced(f, *args), *args)
    (loop,) = [op for op in rolled.ops if op.prim is SCAN]
    assert loop.options["carries"] == 3


def test_few_carries_stay_numbers():
    def f(xs):
        def step(carry, _):
            return [np.sin(x) * 0.5 for x in carry], None
        return np.stack(dp.scan(step, list(xs), None, 10)[0])

    x = np.linspace(0, 1, 4)
    program = traced(f, x)
    assert checked(program, x).key == program.key
