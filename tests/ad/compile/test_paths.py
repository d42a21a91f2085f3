"""Plain Python's choices in the step of a loop: whatever way is taken, the tape and the program agree."""

from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.paths import PathSearch
from tinydp.ad.compile.trace import traced
from tinydp.ad.errors import BranchError, LoopError, SideEffectError

from .checks import check
from .test_switches import both


def test_a_ball_that_bounces():
    def ball(x, v, e):
        def step(c, _):
            x, v = c
            v = v - 0.1
            x = x + 0.1 * v
            if x < 0:
                x, v = -x, -e * v
            return (x, v), x
        last, xs = dp.scan(step, (x, v), length=60)
        return last[0] + np.sum(xs ** 2)
    both(ball, 1.0, 0.1, 0.8)


@pytest.mark.parametrize("choose", [
    lambda x, y: max(x, y) * x, lambda x, y: min(x, 0.3, y), lambda x, y: sorted([x, y])[0] * 2,
    lambda x, y: x if x and y > 0 else y, lambda x, y: abs(x) if not x > y else y,
    lambda x, y: x * y if 0.1 < x < y else x - y, lambda x, y: x * (x > y) + y * (x == y),
    lambda x, y: np.sin(x) if x > 0 or y > 0 else np.exp(y), lambda x, y: 3.0 if x > y else x,
    lambda x, y: sum(z for z in (x, y, x * y) if z > 0.1) + 0.0 * x,
    lambda x, y: np.sqrt(x) if x > 0 else 0.0 * x, lambda x, y: next((z for z in (x, y) if z > 0), x * y),
    lambda x, y: x / y if y != 0 else x, lambda x, y: any([x > 0.2, y > 0.2]) * x + all([x > 0, y > 0]) * y,
    lambda x, y: min(max(x, -0.5), 0.5) + max(min(y, 0.2), -0.2)])
def test_pythons_choices(choose):
    def f(x, y):
        def step(c, t):
            a, b = c
            return (choose(a, b) * 0.9, b + 0.2 * np.cos(a) - 0.1 * t), choose(b, a)
        (a, b), ys = dp.scan(step, (x, y), np.arange(6))
        return a * b + np.sum(ys)
    for x, y in [(0.5, 0.2), (0.2, 0.5), (-1.0, 0.1), (0.3, 0.3), (0.0, 2.0)]:
        check(f, x, y)
    both(f, 0.4, 0.2)


def wrap(x, low, high):
    while x > high:
        x = x - (high - low)
    while x < low:
        x = x + (high - low)
    return x


def test_a_while_of_few_rounds():
    def f(x, w):
        return dp.scan(lambda x, _: ((y := wrap(x + w, -3.0, 3.0)), np.sin(y)), x, length=20)[1].sum()
    both(f, 0.5, 1.3)
    both(f, 0.5, 10.0)


def test_more_rounds_than_were_tried_are_left_to_the_tape():
    def f(x, w):
        return dp.scan(lambda x, _: ((y := wrap(x + w, -3.0, 3.0)), np.sin(y)), x, length=5)[1].sum()
    compiled = dp.compile(f)
    for w in (1.0, 700.0, 2.0):
        assert compiled(0.5, w) == pytest.approx(f(0.5, w), rel=1e-13)
        assert dp.grad(compiled)(0.5, w) == pytest.approx(dp.grad(f)(0.5, w), rel=1e-13)


def test_newtons_rounds():
    def f(a):
        def step(x, _):
            y = x
            while abs(y * y - a) > 1e-12:
                y = 0.5 * (y + a / y)
            return x + 0.1, y
        return dp.scan(step, 1.0, length=4)[1].sum()
    compiled = dp.compile(f)
    for a in (2.0, 3.0, 0.5):
        assert compiled(a) == pytest.approx(f(a), rel=1e-13)
        assert dp.grad(compiled)(a) == pytest.approx(dp.grad(f)(a), rel=1e-12)


def test_what_the_user_raises_is_raised():
    def f(x):
        def step(c, _):
            assert c < 3, "too far"
            if c < -1:
                raise ValueError(f"below: {c:.1f}")
            return c * 1.5, None
        return dp.scan(step, x, length=4)[0]
    compiled = dp.compile(f)
    assert compiled(0.5) == f(0.5)
    assert dp.grad(compiled)(0.5) == dp.grad(f)(0.5)
    with pytest.raises(AssertionError, match="too far"):
        compiled(2.0)
    with pytest.raises(ValueError, match=r"below: -1\.3"):
        compiled(-0.6)
    with pytest.raises(AssertionError, match="too far"):
        dp.grad(compiled)(2.0)
    assert compiled(0.5) == f(0.5)


def test_conditions_on_the_number_of_the_step():
    runs = []

    def f(x, table):
        def step(c, t):
            runs.append(t)
            if t % 2 == 0:
                c = c * 0.9
            elif 3 < t < 7:
                c = np.sin(c)
            if t < 0:
                raise RuntimeError
            return (c + 0.1 if t == 4 else c), None
        return dp.scan(step, x, np.arange(12))[0]
    both(f, 0.7, 1.0)
    runs.clear()
    traced(f, 0.7, 1.0)
    assert len(runs) <= 14                       # most ways are run twice


def test_eight_clamps_are_linear():
    def f(x, y):
        def step(c, _):
            for k in range(8):
                c = min(c * 1.1, y + 0.1 * k)
            return c, None
        return dp.scan(step, x, length=5)[0]
    program = traced(f, 1.0, 2.0)
    assert len(program) < 50
    both(f, 1.0, 1.2)


def test_too_many_ways():
    def f(x, y):
        def step(c, _):
            for k in range(15):
                c = c * 1.1 if c < y + 0.1 * k else y
            return c, None
        return dp.scan(step, x, length=5)[0]
    with pytest.raises(BranchError, match=r"(?s)1024 ways.*np.where\(c < y \+ 0.1 \* k, c \* 1.1, y\)"):
        dp.compile(f)(1.0, 2.0)


def test_ways_with_different_results():
    with pytest.raises(LoopError, match="structures"):
        dp.compile(lambda x: dp.scan(lambda c, _: (c, 1.0 if c > 0 else (1.0, 2.0)), x, length=2))(1.0)
    with pytest.raises(LoopError, match="shapes"):
        dp.compile(lambda x: dp.scan(lambda c, _: (c, 1.0 if c > 0 else np.ones(2)), x, length=2))(1.0)


class State(NamedTuple):
    x: float
    up: bool


def test_hysteresis_with_a_flag():
    def f(x):
        def step(s, t):
            up = s.up
            if s.x > 1:
                up = False
            elif s.x < 0.2:
                up = True
            return State(s.x + (0.3 * np.cos(s.x) if up else -0.2 * s.x), up), s.up
        s, ups = dp.scan(step, State(x, True), length=25)
        return s.x + ups.sum()
    both(f, 0.5)


def test_a_branch_in_a_loop_up_to_an_event():
    def f(v, drag):
        def step(s, dt):
            x, y, vx, vy = s
            if vy > 0:
                vy = vy - dt * (1.0 + drag * vy * vy)
            else:
                vy = vy - dt * max(1.0 + 0.5 * drag * vy, 0.1)
            return x + dt * vx, y + dt * vy, vx * (1.0 - dt * drag), vy
        return dp.integrate(step, (0.0, 1.0, v, v), lambda s: s[1], dt=0.05, max_steps=500)[0]
    both(f, 1.5, 0.1)


def test_branches_that_use_weights():
    def f(W, V, x):
        def step(x, _):
            if x[0] > x[1]:
                return np.tanh(W @ x), x[0]
            return np.sin(V @ x + W[0]), x[1]
        x, ys = dp.scan(step, x, length=8)
        return np.sum(x) + np.sum(ys * ys)
    rng = np.random.default_rng(0)
    both(f, rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3))


def test_a_condition_of_the_loop_around_decides_within():
    def f(x, y):
        def step(c, _):
            big = c > y
            def inner(d, _):
                return (d * 0.9 if big else np.sin(d) + 0.2), None
            return dp.scan(inner, c, length=3)[0] + 0.1, None
        return dp.scan(step, x, length=5)[0]
    both(f, 0.5, 0.6)


def test_a_number_of_the_loop_around_is_asked_for_within_on_one_way_of_several():
    def f(x, y):
        def step(c, _):
            big = y if c > 0.4 else 0.5 * y
            s = np.cos(y) * y
            def inner(d, _):
                a, found = d
                return (a * 0.9 + big, found or bool(s)), None
            return dp.scan(inner, (c, True), length=3)[0][0] * 0.2, None
        return dp.scan(step, x, length=5)[0]
    both(f, 0.5, 0.6)


def test_a_condition_of_no_loop_is_asked_for_again_after_a_decision():
    def f(x, y):
        w = 0.7 * y
        def step(c, _):
            z = c * y
            def inner(d, _):
                if w > 1.57:
                    return d, None
                return d + int(z < 0.7 or z > 0.8), None
            return 0.6 * c + 0.1 * dp.scan(inner, 1, length=2)[0], None
        return dp.scan(step, x, length=3)[0]
    both(f, 0.5, 0.6)
    both(f, 0.5, 1.6)
    both(f, 0.5, 2.6)


def test_grad_of_a_function_with_branches_in_a_step():
    def f(x, k):
        energy = lambda q: k * q ** 2 if abs(q) < 0.5 else k * abs(q) - 0.25
        return dp.scan(lambda q, _: (q - 0.3 * dp.grad(energy)(q), None), x, length=5)[0]
    both(f, 1.2, 0.7)


def test_a_toggle_is_seen():
    flag = [False]

    def f(x):
        def step(c, _):
            flag[0] = not flag[0]
            return (c * 2 if (c > 1) == flag[0] else c), None
        return dp.scan(step, x, length=3)[0]
    with pytest.raises(SideEffectError):
        dp.compile(f)(0.5)


def test_a_toggle_in_a_step_of_many_ways_is_seen():
    flag = [False]

    def f(x, y):
        def step(c, _):
            flag[0] = not flag[0]
            for k in range(4):
                c = min(c * 1.1, y + k)
            return (c * 2 if flag[0] else c), None
        return dp.scan(step, x, length=3)[0]
    with pytest.raises(SideEffectError):
        dp.compile(f)(0.5, 1.0)


def test_a_stack_and_an_array_of_constants_meet():
    """Where all are at rest, the stack is known, and it is no other way out than the others."""
    def slow(v):
        speed = np.linalg.norm(v)
        if speed <= 0.1:
            return np.zeros(2)
        return v * (1 - 0.1 / speed)

    def f(v):
        return np.sum(dp.scan(lambda v, _: (np.stack([slow(each) for each in v]), None), v, length=4)[0] ** 2)
    program = traced(f, np.ones((3, 2)))
    assert str(program).count("switch") == 4     # one for each, and one for what they require
    both(f, np.array([[0.3, 0.4], [1.0, -2.0], [0.5, 0.1]]))


def test_a_division_on_the_other_way_is_not_done():
    """Else a tape would look each time, since a divisor is zero."""
    def f(v):
        def step(v, _):
            def slow(speed):
                return 0.0 * speed if speed <= 0.0 else speed * (1.0 - 0.01 / speed)
            return np.stack([slow(v[k]) for k in range(4)]), None
        return np.sum(dp.scan(step, v, length=20)[0])
    v = np.array([0.0, 1.0, 0.0, 2.0])
    compiled = dp.compile(f)
    built, leaves = compiled.program_for(v)
    assert built.results_of(leaves)[0] == pytest.approx(f(v), rel=1e-13)
    assert np.all(np.isfinite(dp.grad(compiled)(v)))


def test_a_line_stays_the_same_when_python_has_learned_it(monkeypatch):
    """After some calls Python 3.11 makes one instruction of two, and says that it is at the other one."""
    searched, own = [], PathSearch.__init__

    def noted(self, *args):
        own(self, *args)
        searched.append((len(self.ways), self.exceeded))

    monkeypatch.setattr(PathSearch, "__init__", noted)

    def f(x):
        def step(c, _):
            for part in ((1.0 if c[0] > 0.5 else 2.0), (1.0 if c[1] > 0.4 else 3.0),
                         (1.0 if c[0] * c[1] > 0.3 else 4.0), (1.0 if c[0] < c[1] else 5.0)):
                c = c * part
            if any(z > 1.5 for z in c):
                c = c - 1.0
            return c, None
        return dp.scan(step, x, length=3)[0]

    first, again = str(traced(f, np.ones(2))), str(traced(f, np.ones(2)))
    assert first == again
    assert searched[: len(searched) // 2] == searched[len(searched) // 2:]
    assert all(len(exceeded) <= 1 for _, exceeded in searched)
