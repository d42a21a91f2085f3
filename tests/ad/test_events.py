"""Events of `integrate` with closed forms: the first root, also in steps that are too long; no other root."""

import contextlib

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import cache
from tinydp.ad.errors import EventJumpedOver, EventNotReached, NotFiniteError, SteepGradientWarning

from .compile.conftest import by_python


@pytest.fixture(params=["eager", "compiled"])
def wrap(request, interpreted):
    """How a program is run; compiled ones by Python, which is faster to start."""
    return dp.compile if request.param == "compiled" else lambda f: f


@pytest.fixture
def interpreted(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path))
    monkeypatch.setenv("TINYDP_ENGINE", "numba")
    monkeypatch.setattr(cache, "load", by_python)


def time_until(until, dt, start=0.0, max_steps=1000):
    """When `until(time)` falls to zero."""
    step = lambda s, h: (s[0] + h, s[1] * 1.0)
    return dp.integrate(step, (start, 1.0), lambda s: until(s[0]), max_steps, dt)[0]


def check(wrap, f, at, value, gradient, rel=1e-9):
    """Value and gradient of `f` at these numbers; the value is the same without a gradient, bit for bit."""
    program = wrap(f)
    everything = tuple(range(len(at)))
    found = dp.value_and_grad(program, everything)(*at)
    assert found[0] == pytest.approx(value, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(found[1], gradient, rtol=rel, atol=1e-12)
    if program is f:
        assert f(*at) == found[0]
    else:
        assert program(*at) == pytest.approx(f(*at), rel=1e-12, abs=1e-12)


# ---------------------------------------------------------------------------- the first root

@pytest.mark.parametrize("dt", [3.5, 4.4, 9.0, 0.7, 0.25, 1.0])
def test_the_first_of_three_roots(wrap, dt):
    f = lambda a, b, c: time_until(lambda t: (a - t) * (b - t) * (c - t), dt)
    check(wrap, f, (1.1, 2.0, 3.1), 1.1, (1.0, 0.0, 0.0))


@pytest.mark.parametrize("dt", [4.0, 5.0])
def test_the_first_of_three_roots_that_are_near_each_other(wrap, dt):
    """... so that the eighths of the step see no more than a dent."""
    until = lambda t, a: (a - t) * ((t - 2.6)**2 - 0.04) * (4.0 + 20.0 * np.exp(-20.0 * (t - 1.5)**2))
    check(wrap, lambda a: time_until(lambda t: until(t, a), dt), (3.7,), 2.4, (0.0,))


def test_three_roots_on_the_line_between_two_states(wrap):
    f = lambda a: dp.integrate(lambda s: (s[0] + 3.5, s[1]), (0.0, 1.0),
                               lambda s: (a - s[0]) * (2.0 - s[0]) * (3.0 - s[0]))[0]
    check(wrap, f, (1.25,), 1.25, (1.0,))


@pytest.mark.parametrize("dt", [0.05, 0.7, 2.9, 3.1])
def test_a_sine(wrap, dt):
    """sin(w t) = 0 at t = pi / w, from t = 0.1 on."""
    check(wrap, lambda w: time_until(lambda t: np.sin(w * t), dt, 0.1), (1.1,), np.pi / 1.1, (-np.pi / 1.21,))


def ball(speed, gravity, dt, height=0.0, max_steps=1000):
    def step(s, h):
        y, v, t = s
        return y + h * v - h * h * gravity / 2.0, v - h * gravity, t + h
    return dp.integrate(step, (height, speed, 0.0), lambda s: s[0], max_steps, dt)[2]


@pytest.mark.parametrize("max_steps", [1000, 1])
@pytest.mark.parametrize("dt", [0.5, 1.0, 7.0])
def test_a_ball_that_rises_and_falls_within_one_step(wrap, dt, max_steps):
    """t = 2 v / g; the ball begins on the floor."""
    check(wrap, lambda v, g: ball(v, g, dt, max_steps=max_steps), (2.0, 10.0), 0.4, (0.2, -0.04))


@pytest.mark.parametrize("dt", [0.01, 0.13, 0.39])
def test_a_ball_that_rises_from_the_floor(wrap, dt):
    check(wrap, lambda v, g: ball(v, g, dt), (2.0, 10.0), 0.4, (0.2, -0.04))


@pytest.mark.parametrize("centre", [0.5, 0.2, 0.9, 1.4, 2.5, 3.3])
@pytest.mark.parametrize("radius", [0.3, 0.01, 1e-4])
def test_an_excursion_below_zero_within_one_step(wrap, centre, radius):
    """(t - c)^2 = r^2 for the first time at c - r; at the ends of all steps it is positive."""
    f = lambda c, r: time_until(lambda t: (t - c)**2 - r * r, 1.0)
    if centre - radius < 0 or np.floor(centre - radius) != np.floor(centre + radius):
        pytest.skip("not within one step")
    check(wrap, f, (centre, radius), centre - radius, (1.0, -1.0), rel=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_an_excursion_in_the_last_of_all_steps(wrap, steps):
    centre = steps - 0.5
    f = lambda c, r: time_until(lambda t: (t - c)**2 - r * r, 1.0, max_steps=steps)
    check(wrap, f, (centre, 0.3), centre - 0.3, (1.0, -1.0))


def test_an_excursion_above_zero_within_one_step(wrap):
    """It begins below zero, rises over zero within the fourth step, and falls again."""
    check(wrap, lambda c, r: time_until(lambda t: r * r - (t - c)**2, 1.0), (3.4, 0.3), 3.7, (1.0, 1.0))


@pytest.mark.parametrize("start", [0.0, -0.2])
def test_what_only_sinks_has_no_event(wrap, start):
    with pytest.raises(EventNotReached):
        wrap(lambda h: ball(0.0, 10.0, 0.1, h, max_steps=30))(start)


# ---------------------------------------------------------------------------- ends of steps

@pytest.mark.parametrize("dt", [0.25, 0.5, 1.0])
def test_a_root_at_the_end_of_a_step(wrap, dt):
    check(wrap, lambda p: time_until(lambda t: 1.0 - p * t, dt), (1.0,), 1.0, (-1.0,))
    check(wrap, lambda p: time_until(lambda t: 1.0 - p * t, dt), (0.5,), 2.0, (-4.0,))


def test_until_may_fall_to_zero_and_stay_there(wrap):
    """The event is where it begins to be zero; a derivative it has from before, if at all."""
    f = wrap(lambda p: time_until(lambda t: np.maximum(p - t, 0.0), 0.8))
    assert f(1.1) == pytest.approx(1.1, rel=1e-9)
    with contextlib.suppress(NotFiniteError):
        assert dp.grad(f)(1.1) == pytest.approx(1.0)


def test_a_double_root(wrap):
    f = wrap(lambda p: time_until(lambda t: (t - p)**2, 0.25, max_steps=20))
    assert f(1.0) == 1.0
    with pytest.raises(NotFiniteError, match="touched"):
        dp.grad(f)(1.0)
    with pytest.raises(EventNotReached):
        wrap(lambda p: time_until(lambda t: (t - p)**2 + 1e-9, 0.25, max_steps=20))(1.1)


@pytest.mark.parametrize("dt", [-0.3, -2.0, -0.25])
def test_backwards_in_time(wrap, dt):
    check(wrap, lambda p, dt: time_until(lambda t: t + p, dt), (1.0, dt), -1.0, (-1.0, 0.0))


def test_dt_may_be_differentiated_by(wrap):
    check(wrap, lambda dt: time_until(lambda t: np.cos(t), dt), (0.3,), np.pi / 2, (0.0,))


def test_no_step_leads_nowhere(wrap):
    with pytest.raises(EventNotReached):
        wrap(lambda p: time_until(lambda t: p - t, 0.0, max_steps=5))(1.0)


def test_no_step_at_all(wrap):
    for program in (wrap(lambda p: time_until(lambda t: p - t, 0.1, max_steps=0)),
                    dp.grad(wrap(lambda p: time_until(lambda t: p - t, 0.1, max_steps=0)))):
        with pytest.raises(EventNotReached, match=r"0 steps: until\(state\) is still 1") as caught:
            program(1.0)
        assert dp.value(caught.value.state) == (0.0, 1.0)


def test_nan_within_the_step(wrap):
    f = wrap(lambda p: time_until(lambda t: p - t + np.where(np.abs(t - 0.6) < 0.2, np.nan, 0.0), 1.0))
    with pytest.raises(NotFiniteError, match="until is nan"):
        f(0.9)


# ---------------------------------------------------------------------------- no root

JUMPS = {
    "until": lambda p: time_until(lambda t: np.where(p * t > 1.0, -1.0, 1.0) * (1.0 + 0.1 * t), 0.3),
    "until, beside a slope": lambda p: time_until(lambda t: 2.0 - p * t - np.where(t > 1.0, 3.0, 0.0), 0.3),
    "until, to zero": lambda p: time_until(lambda t: np.where(p * t > 1.0, 0.0, 1.0 + 0.1 * t), 0.3),
    "until, by a little": lambda p: time_until(
        lambda t: 1.0 - p * t - np.where(t > 1.0 - 1e-5, 2e-5, 0.0), 0.3),
    "the state": lambda p: dp.integrate(
        lambda s, h: (s[0] + h * p, np.where(s[0] + h * p > 1.0, -1.0, 1.0) * p), (0.0, 1.0), lambda s: s[1],
        100, 0.3)[0],
    "a number that a branch chose": lambda p: dp.integrate(
        lambda s, h: s + h * p, 0.0, lambda s: 1.0 if s < 1.0 else -1.0, 100, 0.3),
}

BESIDE = {
    "a number that is carried along": (lambda s, h: (s[0], s[1] + h), lambda s: s[1]),
    "a number of its own": (lambda s, h: (s[0] + h, s[1] + h), lambda s: s[1]),
    "a number that is multiplied by zero": (lambda s, h: (s[0], s[1] + h + np.sum(0.0 * s[0])),
                                            lambda s: s[1] + np.sum(0.0 * s[0])),
}


@pytest.mark.parametrize("large", [0.0, 1e13, np.array([1.0, -1e13])], ids=str)
@pytest.mark.parametrize("case", BESIDE)
def test_a_large_number_beside_it_does_not_hide_a_jump(wrap, case, large):
    step, clock = BESIDE[case]
    f = wrap(lambda p: dp.integrate(
        step, (large, 0.0), lambda s: np.where(clock(s) < 0.5, 0.001, -0.001) + 1e-4 * (p - clock(s)),
        dt=0.3)[1])
    assert f(1.0) == pytest.approx(0.5)
    with pytest.raises(EventJumpedOver):
        dp.grad(f)(1.0)


@pytest.mark.parametrize("case", JUMPS)
def test_an_event_that_is_jumped_over_has_no_derivative(wrap, case):
    f = JUMPS[case]
    compiled = f if case == "a number that a branch chose" else wrap(f)
    assert compiled(1.0) == pytest.approx(1.0, abs=2e-5)
    with pytest.raises(EventJumpedOver, match=r"jumps[\s\S]*np\.where"):
        dp.grad(compiled)(1.0)


def test_an_event_that_does_not_move_needs_no_derivative():
    """Nothing in it depends on what is differentiated by."""
    touch = lambda: time_until(lambda t: (1.0 - t)**2, 0.25)
    assert dp.value_and_grad(lambda p: p * touch())(2.0) == (2.0, 1.0)


CONTINUOUS = {
    "a cube root": (lambda p: time_until(lambda t: np.cbrt(1.0 - p * t), 0.3), 1.3, 1e-6),
    "a seventh root": (lambda p: time_until(
        lambda t: np.sign(1.0 - p * t) * np.abs(1.0 - p * t)**(1 / 7), 0.3), 1.3, 1e-6),
    "a steep slope": (lambda p: time_until(lambda t: np.tanh(1e7 * (1.0 - p * t)), 0.3), 1.3, 1e-6),
    "a flat slope": (lambda p: time_until(lambda t: 1e-30 * (1.0 - p * t), 0.3), 1.3, 1e-9),
    "a kink": (lambda p: time_until(
        lambda t: np.where(p * t > 1.0, 3.0, 1.0) * (1.0 - p * t), 0.3), 1.3, 1e-6),
}


@pytest.mark.parametrize("case", CONTINUOUS)
def test_roots_that_are_steep_are_roots(wrap, case):
    f, p, rel = CONTINUOUS[case]
    assert wrap(f)(p) == pytest.approx(1 / p, rel=1e-12)
    exactly_on_it = (NotFiniteError, SteepGradientWarning) if "root" in case else ()      # infinite slope
    with contextlib.suppress(*exactly_on_it):
        assert dp.grad(wrap(f))(p) == pytest.approx(-1 / p**2, rel=rel)


def test_steps_at_the_limit_of_what_floats_can_tell(wrap):
    """A position of 1000 moves by 1e-9 a step: whole steps of rounding are no jumps."""
    f = lambda v: dp.integrate(lambda s, h: (s[0] + h * v, s[1] + h), (1000.0, 0.0),
                               lambda s: 1000.0000001 - s[0], 1000, 1e-9)[1]
    value, slope = dp.value_and_grad(wrap(f))(1.0)
    assert value == pytest.approx(1e-7, rel=1e-4)
    assert slope == pytest.approx(-1e-7, rel=1e-4)


def test_a_small_difference_of_large_numbers_is_a_staircase_and_no_jump(wrap):
    """... where the state holds the difference alone, and `until` sees no large number."""
    f = lambda v: dp.integrate(lambda s, h: (s[0] + h * v, s[1] + h, (s[0] + h * v) - 1000.0),
                               (1000.0, 0.0, 0.0), lambda s: 1e-7 - s[2], 1000, 1e-9)[1]
    value, slope = dp.value_and_grad(wrap(f))(1.0)
    assert value == pytest.approx(1e-7, rel=1e-4)
    assert slope == pytest.approx(-1e-7, rel=1e-4)


# ---------------------------------------------------------------------------- values

@pytest.mark.parametrize("seed", range(20))
def test_the_value_is_the_same_with_and_without_derivatives(seed):
    speed, gravity, height = np.random.default_rng(seed).uniform(0.5, 10.0, 3)
    f = lambda v, g: ball(v, g, 0.11, height)
    value = f(speed, gravity)
    assert dp.value_and_grad(f, (0, 1))(speed, gravity)[0] == value
    assert dp.jvp(f, (speed, gravity), (1.0, 1.0))[0] == value
    assert dp.vjp(lambda v: dp.value_and_grad(f)(v, gravity)[0], speed)[0] == value
    assert value == pytest.approx((speed + np.sqrt(speed**2 + 2 * gravity * height)) / gravity, rel=1e-12)


def test_second_derivatives(wrap):
    """t = 2 v / g."""
    f = wrap(lambda x: ball(x[0], x[1], 0.07, 0.0))
    wanted = [[0.0, -0.02], [-0.02, 0.008]]
    np.testing.assert_allclose(dp.hessian(f)(np.array([2.0, 10.0])), wanted, rtol=1e-8, atol=1e-10)


def test_machine_code():
    """The same by Numba: a first root, a ball, a jump."""
    first = dp.compile(lambda a: time_until(lambda t: (a - t) * (2.0 - t) * (3.1 - t), 3.5))
    assert dp.value_and_grad(first)(1.1) == (pytest.approx(1.1, rel=1e-12), pytest.approx(1.0, rel=1e-9))
    up = dp.compile(lambda v: ball(v, 10.0, 0.13))
    assert dp.value_and_grad(up)(2.0) == (pytest.approx(0.4, rel=1e-12), pytest.approx(0.2, rel=1e-9))
    assert "passed(" in up.adjoint_source
    jump = dp.compile(JUMPS["the state"])
    assert jump(1.0) == pytest.approx(1.0)
    with pytest.raises(EventJumpedOver):
        dp.grad(jump)(1.0)


@pytest.mark.parametrize("run", [lambda f: f, dp.compile])
@pytest.mark.parametrize("start", [-0.25, -0.5, -0.375])                 # the third not at a step's end
def test_an_event_on_the_way_up_is_told_from_one_that_is_far(run, start):
    rising = run(lambda x: dp.integrate(lambda x, dt: x + dt, x, lambda x: x, max_steps=5, dt=0.25))
    step = int(np.floor(-start / 0.25))
    with pytest.raises(EventNotReached, match=rf"rose through zero at step {step}.*\n.*\n.*return its neg"):
        rising(start)
    falling = dp.integrate(lambda x, dt: x + dt, start, lambda x: -x, max_steps=5, dt=0.25)
    assert falling == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_what_did_not_rise_through_zero_is_not_said_to_have(start):
    with pytest.raises(EventNotReached, match="is still") as caught:
        dp.integrate(lambda x, dt: x + dt, start, lambda x: x, max_steps=5, dt=0.25)
    assert "rose" not in str(caught.value)


@pytest.mark.parametrize("run", [lambda f: f, dp.compile])
@pytest.mark.parametrize("start", [1.0, np.float64(1.0)])
def test_an_until_that_is_a_condition_is_named(run, start):
    f = run(lambda x: dp.integrate(lambda x, dt: x - dt, x, lambda x: x < 0, max_steps=9, dt=0.25))
    with pytest.raises(EventNotReached, match="a condition and not a number"):
        f(start)
