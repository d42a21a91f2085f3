"""Loops that do the same are one; others stay apart."""

import numpy as np

import tinydp as dp
from tinydp.ad.compile.marks import undressed
from tinydp.ad.compile.merge import merged
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.simplify import simplified
from tinydp.ad.compile.trace import traced

from .examples import count, same


def scans(f, *args, name="scan"):
    before = simplified(undressed(traced(f, *args)))
    after = verify(merged(before))
    assert same(interpret(before, *args), interpret(after, *args))
    return count(after, name)


def run(x, xs, more=False, first=np.sin, n=None):
    def step(x, row):
        y = first(x) * row
        return y, (x, np.cos(y)) if more else x

    return dp.scan(step, x, xs[:n])


def test_the_same_loop_with_other_rows_is_run_once():
    xs = np.arange(4.0)
    assert scans(lambda x, xs: (run(x, xs), run(x, xs, more=True)), 0.3, xs) == 1
    assert scans(lambda x, xs: (run(x, xs, more=True), run(x, xs)), 0.3, xs) == 1


def test_what_came_between_stays_before_what_it_needs():
    def f(x, xs):
        last, ys = run(x, xs)
        y = last + np.sum(ys)
        return y, run(x, xs, more=True), run(y, xs)

    assert scans(f, 0.3, np.arange(4.0)) == 2


def test_loops_that_do_something_else_stay_apart():
    xs = np.arange(4.0)
    assert scans(lambda x, xs: (run(x, xs), run(x, xs, first=np.tanh)), 0.3, xs) == 2
    assert scans(lambda x, xs: (run(x, xs), run(2.0 * x, xs)), 0.3, xs) == 2
    assert scans(lambda x, xs: (run(x, xs), run(x, xs, n=3)), 0.3, xs) == 2


def test_a_carry_that_only_starts_the_same_is_another():
    def f(x):
        return (dp.scan(lambda c, _: ((np.sin(c[0]), np.cos(c[1])), None), (x, x), length=3)[0],
                dp.scan(lambda c, _: (np.cos(c), None), x, length=3)[0])

    assert scans(f, 0.3) == 2


def test_loops_that_go_on_while_the_same_holds():
    def run(x, most=3.0, max_steps=None, grows=True):
        step = lambda s: (s[0] + 0.5, np.cos(s[1]) * (s[0] if grows else 2.0))
        return dp.while_loop(lambda s: s[0] < most, step, (x, 1.0), max_steps)

    assert scans(lambda x: (run(x), dp.value_and_grad(lambda x: run(x)[1])(x)), 0.3, name="while_loop") == 1
    assert scans(lambda x: (run(x), run(x, most=4.0)), 0.3, name="while_loop") == 2
    assert scans(lambda x: (run(x), run(x, max_steps=50)), 0.3, name="while_loop") == 2
    assert scans(lambda x: (run(x), run(x, grows=False)), 0.3, name="while_loop") == 2
