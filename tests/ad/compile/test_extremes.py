"""Python's min and max of traced numbers: choices that are what Python's own are, at ties and nan too."""

import builtins
import functools
import math
import pickle
import threading

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import tinydp as dp
from tinydp.ad.compile import extremes
from tinydp.ad.compile.extremes import choosing
from tinydp.ad.compile.paths import PathSearch
from tinydp.ad.compile.proxy import Proxy
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.trace import Trace, traced
from tinydp.ad.errors import BranchError, MutationError

from .checks import check
from .test_switches import both

OWN = builtins.min, builtins.max
biggest = max                                    # bound before: it decides


def in_a_step(choose):
    """A function of two numbers with that in the step of a loop."""
    def f(x, y):
        return dp.scan(lambda c, _: (choose(*c), None), (x, y), length=1)[0]
    return f


def runs_of(f, *args, monkeypatch):
    """How often the step is run, and the program."""
    runs, leaf = [], PathSearch.leaf
    monkeypatch.setattr(PathSearch, "leaf", lambda self, run: runs.append(0) or leaf(self, run))
    program = traced(f, *args)
    return len(runs), program


POINTS = [(0.5, 0.2), (0.2, 0.5), (0.3, 0.3), (0.0, -0.0), (-0.0, 0.0), (math.nan, 1.0), (1.0, math.nan),
          (math.inf, 1.0), (-math.inf, -math.inf), (1.0, 0.0), (0.0, 1.0), (3.0, 3.0)]
CHOICES = {
    "two": lambda x, y: (max(x, y), min(x, y)),
    "of itself": lambda x, y: (max(x, x ** 2), min(2 * y, y)),
    "three": lambda x, y: (max(x, y, 0.3), min(0.3, y, x)),
    "a list, a tuple, a generator": lambda x, y: (max([x, y, x + y]) + min((y, x)),
                                                  min(2 * z for z in (x, y))),
    "integers of Python": lambda x, y: (max(x, 0), min(3, y)),
    "numbers of NumPy": lambda x, y: (max(np.float64(0.3), x), min(y, np.float64(0.3))),
    "a key": lambda x, y: (max(x, y, key=abs), min([x, y, 0.1], key=lambda z: (z - 0.2) ** 2)),
    "a key that is another value": lambda x, y: (max((x, y), key=lambda z: x - z),
                                                 min(y, x, key=lambda z: -z)),
    "a default": lambda x, y: (max([x, y], default=7.0), min([], default=y) + x),
    "nested": lambda x, y: (min(max(x, -1.0), 1.0), max(min(y, 0.2), x)),
    "an array": lambda x, y: (max(np.stack([x, y, x])), min(np.stack([y, x]))),
    "by reduce": lambda x, y: (functools.reduce(max, [x, y, 0.1]), functools.reduce(min, [y, x])),
}


@pytest.mark.parametrize("choose", CHOICES.values(), ids=CHOICES)
def test_it_is_what_pythons_own_is(choose, monkeypatch):
    f = in_a_step(choose)
    runs, _ = runs_of(f, 0.5, 0.2, monkeypatch=monkeypatch)
    assert runs <= 2                             # the same way, twice
    g = lambda x, y: (r := f(x, y))[0] + 3.0 * r[1]
    for each in (f, choose):
        compiled = dp.compile(each)
        for x, y in POINTS:
            with np.errstate(all="ignore"):
                assert list(map(repr, map(float, compiled(x, y)))) == [*map(repr, map(float, each(x, y)))]
    derivative, compiled = dp.grad(g, (0, 1)), dp.grad(dp.compile(g), (0, 1))
    for x, y in POINTS:
        with np.errstate(all="ignore"):
            assert repr([*map(float, compiled(x, y))]) == repr([*map(float, derivative(x, y))])
    both(g, 0.4, 0.2)


def test_who_bound_it_before_decides_and_gets_the_same(monkeypatch):
    f = in_a_step(lambda x, y: (biggest(x, y), biggest(y, 0.3)))
    assert runs_of(f, 0.5, 0.2, monkeypatch=monkeypatch)[0] > 4
    for x, y in POINTS[:5]:
        assert repr([*map(float, dp.compile(f)(x, y))]) == repr([*map(float, f(x, y))])


@pytest.mark.parametrize("choose", [
    lambda x, y: max((x, 1.0), (y, 2.0)), lambda x, y: tuple(max([x, y], [y, x])),
    lambda x, y: min((x, y), (y, x), key=lambda pair: pair[0]),
    lambda x, y: (max(x > 0.3, y > 0.3) + x, min(True, x) + y),
    lambda x, y: (max([0.1, 0.2, 0.7], key=lambda z: z * x), y),
    lambda x, y: ([x, y, 2 * x][max(range(3), key=lambda k: [x, y, 2 * x][k])], y)])
def test_what_is_made_of_no_numbers_decides(choose):
    f = in_a_step(choose)
    for x, y in POINTS[:5]:
        assert [*map(float, dp.compile(f)(x, y))] == [*map(float, f(x, y))]
    check(f, 0.5, 0.2)


def test_integers_stay_integers():
    def f(x, n):
        def step(c, k):
            m = min(max(c, k % 3), 4)
            return m + 1, x * (m // 2)
        return dp.scan(step, n, np.arange(5))[1].sum()
    check(lambda x: f(x, 0), 0.5)
    assert dp.compile(f)(0.5, 2) == f(0.5, 2)


def test_an_integer_beside_a_real_number_is_a_choice(monkeypatch):
    def f(v, n):
        def step(c, t):
            v, n = c
            v = np.stack([min(z, t) + max(n, z) + min(n, 1.5) for z in v])
            return (0.5 * v, min(n + 1, 3)), v
        return np.sum(dp.scan(step, (v, n), range(4))[1])
    v = np.linspace(-1.0, 5.0, 12)
    assert runs_of(f, v, 1, monkeypatch=monkeypatch)[0] <= 2
    check(lambda v: f(v, 1), v)
    assert dp.compile(f)(v, 2) == pytest.approx(f(v, 2), rel=1e-14)
    assert dp.compile(lambda x, n: max(x, n))(0.5, 2**60) == max(0.5, 2**60)


def test_it_is_a_choice_outside_of_loops_too():
    calls = []

    @dp.compile
    def f(x):
        calls.append(0)
        return max(x, 0.5) * 2
    assert [f(x) for x in (0.1, 0.9, 0.5, 2.0)] == [1.0, 1.8, 1.0, 4.0]
    assert dp.grad(f)(0.5) == dp.grad(lambda x: max(x, 0.5) * 2)(0.5) == 2.0
    assert len(calls) <= 8                       # traced, and compared with the tape


def test_what_was_chosen_is_a_number_that_may_be_increased():
    def f(x, y):
        def step(c, _):
            c = max(c, 0.1)
            c -= 0.3 * y
            c = min(c, x, 3.0) or c
            c *= 2.0
            return c, max([c, x])
        last, ys = dp.scan(step, x, length=3)
        last = max(last, 0.2)
        last += y
        return last * ys[1]

    check(f, 0.5, 0.2)
    check(lambda x: dp.grad(f)(x, 0.2), 0.5)


def test_an_array_of_no_axes_that_was_chosen_is_none():
    """`y` would be increased in NumPy, too."""
    def f(x):
        y = max(np.where(x > 0.0, x, 0.0), 0.1)
        z = y
        z += 1.0
        return y * z

    assert f(0.5) == 1.5**2
    for g in (dp.compile(f), dp.grad(f), dp.compile(dp.grad(f))):
        with pytest.raises(MutationError):
            g(0.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xn"), st.integers(0, 3), st.integers(0, 3)), min_size=1,
                max_size=6), st.lists(st.integers(-2, 2), min_size=3, max_size=3))
def test_random_chains(chain, start):
    """Of small whole numbers, so that many are equal."""
    def step(c, _):
        values = [*c, 1.0]
        for name, i, j in chain:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append((max if name == "x" else min)(a, b, key=abs if i == 3 else None) - 0.5 * b)
        return (values[-1], values[-2], values[0]), values[-1] * values[-3]

    def f(x, y, z):
        c, ys = dp.scan(step, (x, y, z), length=2)
        return c[0] + 2 * c[1] + np.sum(ys)
    check(f, *map(float, start), second=False)


def test_seventeen_bounds_take_one_way(monkeypatch):
    def f(x, y):
        def step(c, _):
            for k in range(17):
                c = min(c * 1.1, y + 0.1 * k)
            return c, None
        return dp.scan(step, x, length=5)[0]
    runs, program = runs_of(f, 1.0, 2.0, monkeypatch=monkeypatch)
    assert runs <= 2
    assert len(program) < 70


def test_bounds_know_what_was_chosen(monkeypatch):
    def f(x, y):
        def step(c, _):
            low = min(max(c, 0.5), y)
            high = max(c, 0.5)
            if high < 0.2 or min(max(c, -1.0), 1.0) > 1.5:
                raise AssertionError("never")
            return (low if high >= 0.5 else 2.0 * low) * 1.1, None
        return dp.scan(step, x, length=3)[0]
    assert runs_of(f, 1.0, 2.0, monkeypatch=monkeypatch)[0] <= 8         # of which some by nan alone
    both(f, 1.0, 2.0)


# ---------------------------------------------------------------------------- what else there is

def test_python_has_its_own_again():
    with choosing(), choosing():
        assert builtins.min is not OWN[0]
        assert builtins.max == OWN[1]
        assert hash(builtins.max) == hash(OWN[1])
        assert repr(builtins.max) == repr(OWN[1])
        assert (max.__name__, max.__module__, max.__doc__) == ("max", "builtins", OWN[1].__doc__)
        kept = max
    assert (builtins.min, builtins.max) == OWN
    assert builtins.max is OWN[1]
    assert kept(2, 3) == 3
    with pytest.raises(ZeroDivisionError), choosing():
        raise ZeroDivisionError
    assert builtins.max is OWN[1]
    for f in (lambda x: max(x, 0.0) + 1 // 0,
              lambda x: dp.scan(lambda c, _: (max(c, np.linalg), 0), x, length=2)):
        with pytest.raises((ZeroDivisionError, TypeError)):
            dp.compile(f)(1.0)
        assert builtins.max is OWN[1]


def test_who_puts_something_else_there_keeps_it(monkeypatch):
    def other(*args):
        return OWN[1](*args) + 1
    with choosing():
        monkeypatch.setattr(builtins, "max", other)
    assert builtins.max is other
    monkeypatch.undo()
    with choosing():
        pass
    builtins.min, builtins.max = OWN


def test_it_is_pickled_as_pythons_own():
    with choosing():
        text = pickle.dumps(functools.partial(max, 1.0))
    assert pickle.loads(text).func is OWN[1]


def test_another_thread_has_pythons_own():
    with Trace().writing(Builder()) as builder:
        x = Proxy(builder, builder.input(0.5, "x"))
        assert isinstance(max(x, 1.0), Proxy)
        found = []

        def ask():
            items = iter([3, 1, 2])
            found.extend([max(items), max(3, 1), max("abc"), min([], default=5), min({2: 0, 1: 0})])
            with pytest.raises(ValueError, match="empty"):
                max([])
            with pytest.raises(TypeError, match="not iterable"):
                max(3)
        for run in (ask, lambda: threading.Thread(target=ask).start()):
            run()
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(10)
    assert found == [3, 3, "c", 5, 1] * 2


@pytest.mark.parametrize("call", [
    lambda m: m(), lambda m: m(1), lambda m: m([]), lambda m: m(1, 2, default=3), lambda m: m([1], other=2),
    lambda m: m(1, "a"), lambda m: m(1, 2, key=3)])
def test_what_python_refuses_is_refused(call):
    with Trace().writing(Builder()) as builder:
        x = Proxy(builder, builder.input(0.5, "x"))
        errors = []
        for m in (OWN[1], max):
            with pytest.raises((TypeError, ValueError)) as caught:
                call(m)
            errors.append((type(caught.value), str(caught.value)))
        assert errors[0] == errors[1]
        with pytest.raises(TypeError, match="default"):
            max(x, 1.0, default=2.0)
        with pytest.raises(TypeError):
            max(x, 1.0, other=2.0)


def test_numba_compiles_meanwhile():
    numba = pytest.importorskip("numba")

    @numba.njit
    def clamped(a):
        return min(max(a, 0.0), 1.0)
    with choosing():
        assert clamped(3.0) == 1.0


def test_two_threads_compile_at_once():
    def f(x):
        return dp.scan(lambda c, _: (max(0.9 * c, x / 3), min(c, 0.7)), x, length=5)[1].sum()
    found = []
    threads = [threading.Thread(target=lambda: found.append(dp.grad(dp.compile(f))(1.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [dp.grad(f)(1.0)] * 3
    assert builtins.max is OWN[1]
    assert extremes._standing.extremes == []


def test_a_derivative_of_a_loop_may_choose():
    """Where it cannot decide."""
    square = dp.primitive(lambda x: x * x)
    dp.defvjp(square, lambda g, y, x: max(2.0 * x * g, 0.0))

    def f(x):
        return dp.scan(lambda c, _: (square(c) * 0.5, None), x, length=3)[0]
    try:
        assert dp.grad(dp.compile(f))(1.5) == dp.grad(f)(1.5)
    except BranchError:
        pytest.fail("it decides")
