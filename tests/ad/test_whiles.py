"""`while_loop`, on the tape and compiled: equal to the plain loop, of any number of rounds, of any order."""

import math
from collections import namedtuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import LoopError, LoopNotEnded
from tinydp.testing import check_grads

W = np.array([[0.5, -0.3], [0.2, 0.9]])
Fall = namedtuple("Fall", "height speed")


def plain(cond, body, state, **_):
    """What `while_loop` means."""
    while cond(state):
        state = body(state)
    return state


def newton(loop, **options):
    return lambda x: loop(lambda y: abs(y * y - x) > 1e-9, lambda y: 0.5 * (y + x / y), x, **options)


def halvings(loop, **options):
    """How often `x` is halved, as a number that is multiplied by it: the count has no derivative."""
    def f(x):
        last, count = loop(lambda s: s[0] > 0.1, lambda s: (s[0] * 0.5, s[1] + 1), (x, 0), **options)
        return last * count
    return f


def network(loop, **options):
    def f(x):
        state, total = loop(lambda s: np.sum(s[0] ** 2) > 0.05,
                            lambda s: (np.tanh(W @ s[0]) * x[0], s[1] + np.sum(s[0])), (x, 0.0), **options)
        return np.sum(state) + total ** 2
    return lambda x: f(np.stack([x, 0.8 * x]))


def collatz(loop, **options):
    """From 27: 111 rounds, with a parameter that goes along."""
    def body(s):
        n, y = s
        even = n % 2.0 == 0.0
        return np.where(even, n / 2.0, 3.0 * n + 1.0), np.where(even, np.sin(y), y * 1.01)
    return lambda x: loop(lambda s: s[0] > 1.0, body, (27.0, x), **options)[1]


def named(loop, **options):
    """A ball on the way up and down, with names and a condition among the state."""
    def body(s):
        ball, falls = s["ball"], s["falls"]
        speed = ball.speed - 0.1
        return {"falls": falls | (speed < 0.0), "ball": Fall(ball.height + 0.1 * speed, speed)}

    def f(x):
        start = {"ball": Fall(0.3, x), "falls": False}
        end = loop(lambda s: (s["ball"].height > 0.0) | np.logical_not(s["falls"]), body, start, **options)
        return end["ball"].height + end["ball"].speed * np.where(end["falls"], 2.0, 3.0)
    return f


def no_round(loop, **options):
    return lambda x: x * loop(lambda y: y > 5.0, lambda y: y * x, x, **options)


def in_a_scan(loop, **options):
    def f(x):
        def step(carry, row):
            carry = loop(lambda y: y > row, lambda y: y * 0.7 * np.cos(x), carry, **options)
            return carry + 0.4, carry
        last, rows = dp.scan(step, 2.0 * x, np.array([1.0, 0.2, 9.0, 0.1]))
        return last + np.sum(rows ** 2)
    return f


def in_itself(loop, **options):
    def body(s):
        x, y = s
        y = loop(lambda y: y > 0.3 * x, lambda y: y * 0.5 * x, y, **options)
        return x * 0.9, y + x
    return lambda x: loop(lambda s: s[0] > 0.2, body, (x, 1.0), **options)[1]


def a_scan_inside(loop, **options):
    def body(s):
        s, ys = dp.scan(lambda c, r: (np.sin(c) * r, c * r), s, np.array([0.9, 0.8, 1.1]))
        return s + 0.01 * np.sum(ys)
    return lambda x: loop(lambda s: s > 0.3, body, x * x, **options)


def up_to_an_event(loop, **options):
    def step(s, dt):
        h, v, t = s
        drag = loop(lambda d: d > 0.1, lambda d: d * 0.5, 0.9 + t, **options)
        return h + dt * v, v - dt * (1.0 + drag), t + dt
    return lambda x: dp.integrate(step, (x, 0.3, 0.0), lambda s: s[0], dt=0.1)[2]


PROGRAMS = [newton, halvings, network, collatz, named, no_round, in_a_scan, in_itself, a_scan_inside,
            up_to_an_event]
OPTIONS = [{}, {"segment": 1}, {"segment": 3}, {"segment": 500}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", PROGRAMS)
def test_value_and_two_derivatives_are_those_of_the_plain_loop(wrap, make, options):
    f, x = wrap(make(dp.while_loop, **options)), 1.37
    wanted = make(plain)
    np.testing.assert_allclose(f(x), wanted(x), rtol=1e-13)
    np.testing.assert_allclose(dp.grad(f)(x), dp.grad(wanted)(x), rtol=1e-11)
    np.testing.assert_allclose(dp.grad(dp.grad(f))(x), dp.grad(dp.grad(wanted))(x), rtol=1e-9, atol=1e-11)


# by jax.lax.while_loop and two of jax.jvp, in double precision
BY_JAX = {newton: (1.1704699910719625, 0.42717882885838065, -0.15590468206509608),
          network: (14.924173401983076, -10.404589634528197, 106.86642501305786),
          collatz: (0.2359351025492886, 0.0008865165157915947, -0.005354782757704835)}


@pytest.mark.parametrize("make", BY_JAX)
def test_numbers_of_jax(wrap, make):
    f = wrap(make(dp.while_loop))
    found = f(1.37), dp.grad(f)(1.37), dp.grad(dp.grad(f))(1.37)
    np.testing.assert_allclose(found, BY_JAX[make], rtol=1e-11)


@pytest.mark.parametrize("make", PROGRAMS)
def test_finite_differences(make):
    f = make(dp.while_loop)
    check_grads(f, 1.37, grad=dp.grad(f))


def test_a_third_derivative(wrap):
    third = lambda f: dp.grad(dp.grad(dp.grad(f)))(1.37)
    np.testing.assert_allclose(third(wrap(newton(dp.while_loop))), third(newton(plain)), rtol=1e-9)


def test_a_condition_that_is_nan_ends_the_loop(wrap):
    f = lambda x: dp.while_loop(lambda y: y < 9.0, lambda y: np.where(y > 4.0, np.nan, y * 1.7), x)
    assert math.isnan(wrap(f)(1.0))


def test_a_number_as_a_condition(wrap):
    f = lambda x: dp.while_loop(lambda s: s[1], lambda s: (s[0] * x, s[1] - 1), (x, 3))[0]
    assert wrap(f)(2.0) == 16.0
    assert dp.grad(wrap(f))(2.0) == 32.0


@pytest.mark.parametrize("segment", [None, 2])
def test_counts_from_zero_to_many_with_one_program(wrap, segment):
    f = wrap(halvings(dp.while_loop, segment=segment))
    for x in (0.05, 0.15, 3.0, 1e80, 1e300):     # 0, 1, 5, 270, 1000 rounds
        assert f(x) == pytest.approx(halvings(plain)(x), rel=1e-14)
        assert dp.grad(f)(x) == pytest.approx(dp.grad(halvings(plain))(x), rel=1e-14)


def test_weights_that_no_round_uses_have_zero_gradients(wrap):
    f = wrap(lambda w, x: np.sum(dp.while_loop(lambda x: np.sum(x) > 3.0, lambda x: w @ x, x)))
    for x in (np.array([1.0, 1.0]), np.array([5.0, 4.0])):
        eager = lambda w, x: np.sum(plain(lambda x: np.sum(x) > 3.0, lambda x: w @ x, x))
        for mine, theirs in zip(dp.grad(f, (0, 1))(W, x), dp.grad(eager, (0, 1))(W, x), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_a_jacobian_and_a_hessian(wrap):
    make = lambda loop: lambda x: loop(lambda s: np.sum(s ** 2) > 0.05, lambda s: np.tanh(W @ s) * x[0], x)
    total = lambda loop: lambda x: np.sum(np.sin(make(loop)(x)))
    f, g, x = dp.while_loop, plain, np.array([1.3, 0.8])
    np.testing.assert_allclose(dp.jacobian(wrap(make(f)))(x), dp.jacobian(make(g))(x), rtol=1e-11)
    np.testing.assert_allclose(dp.hessian(wrap(total(f)))(x), dp.hessian(total(g))(x), rtol=1e-9)


# ---------------------------------------------------------------------------- what is refused

@pytest.mark.parametrize("segment", [None, 3])
def test_too_few_steps(wrap, segment):
    f = wrap(lambda x: dp.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x, max_steps=5, segment=segment))
    assert f(90.0) == 180.0
    assert dp.grad(f)(4.0) == 32.0               # exactly as many as are allowed
    with pytest.raises(LoopNotEnded, match=r"after 5 steps of while_loop: 32\.0") as caught:
        f(1.0)
    assert caught.value.state == 32.0
    with pytest.raises(LoopNotEnded, match="after 5 steps"):
        dp.grad(f)(1.0)
    assert f(90.0) == 180.0


def test_too_few_steps_at_the_first_call(wrap):
    f = wrap(lambda x: dp.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x, max_steps=5))
    with pytest.raises(LoopNotEnded, match="after 5 steps"):
        f(1.0)
    assert f(90.0) == 180.0


def test_no_step_allowed(wrap):
    f = wrap(lambda x: dp.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x, max_steps=0))
    assert f(101.0) == 101.0
    with pytest.raises(LoopNotEnded, match="after 0 steps"):
        f(1.0)


def test_too_few_steps_in_the_step_of_another_loop(wrap):
    inner = lambda x: dp.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x, max_steps=5)
    in_scan = wrap(lambda x: dp.scan(lambda c, _: (0.1 * inner(c) + x, None), x, length=3)[0])
    in_while = wrap(lambda x: dp.while_loop(lambda s: s[1] > 0.5, lambda s: (0.1 * inner(s[0]), s[1] - 1.0),
                                            (x, 2.0))[0])
    in_segments = wrap(lambda x: dp.while_loop(lambda s: s < 1e4, lambda s: s + inner(s), x, segment=2))
    for f in (in_scan, in_while, in_segments):
        assert f(50.0) > 0.0
        assert dp.grad(f)(50.0) > 0.0
        with pytest.raises(LoopNotEnded, match="after 5 steps"):
            f(1.0)
        with pytest.raises(LoopNotEnded, match="after 5 steps"):
            dp.grad(f)(1.0)


def test_a_loop_that_would_never_end_in_a_step_that_is_never_made(wrap):
    """... with nothing in it that is of the step, and once with a limit."""
    for options in ({}, {"max_steps": 9}):
        def f(x, n, options=options):
            never = lambda k: dp.while_loop(lambda y: y < 3.0, lambda y: y * x, x, **options) + k
            return dp.while_loop(lambda s: s[0] > 0.5, lambda s: (s[0] - 1.0, never(s[1])), (n, 0.0))[1]
        g = wrap(f)
        assert g(2.0, 2.0) == 8.0
        assert g(0.5, 0.0) == 0.0
        assert dp.grad(g)(2.0, 2.0) == 8.0


def test_what_a_step_raises_ends_the_loop(wrap):
    """... though its condition would hold forever."""
    def body(s):
        assert s < 50.0, f"{s} is too much"
        return s * 2.0

    f = wrap(lambda x: dp.while_loop(lambda s: s != 7.0, body, x))
    assert f(3.5) == 7.0
    with pytest.raises(AssertionError, match="is too much"):
        f(1.0)


def test_a_branch_in_a_step_and_in_the_condition(wrap):
    def make(loop):
        def body(s):
            n, y = s
            return (n / 2.0, np.sin(y)) if n % 2.0 == 0.0 else (3.0 * n + 1.0, y * 1.01)
        return lambda x: loop(lambda s: s[0] > 1.0 and s[1] < 9.0, body, (27.0, x))[1]
    f, g = wrap(make(dp.while_loop)), make(plain)
    np.testing.assert_allclose((f(0.8), dp.grad(f)(0.8)), (g(0.8), dp.grad(g)(0.8)), rtol=1e-12)


def test_a_body_that_changes_what_it_is_given(wrap):
    def body(s):
        s["y"], s["kind"] = np.sin(s["y"]), "a"
        return s
    start = {"y": 1.0, "kind": "a"}
    f = wrap(lambda x: dp.while_loop(lambda s: s["y"] > 0.3, body, start | {"y": x})["y"])
    g = lambda x: plain(lambda y: y > 0.3, np.sin, x)
    np.testing.assert_allclose((f(0.8), dp.grad(f)(0.8)), (g(0.8), dp.grad(g)(0.8)), rtol=1e-12)
    assert start["y"] == 1.0


def test_limits_that_are_none():
    for options in ({"max_steps": -1}, {"max_steps": 1.5}, {"segment": 0}):
        with pytest.raises(LoopError, match="not a number of steps"):
            dp.while_loop(lambda x: x > 1.0, lambda x: x, 0.0, **options)


REFUSED = {
    "cond returned an array": (lambda x: x > 0.0, lambda x: x, lambda a: a * np.ones(2)),
    "cond returned None": (lambda x: None, lambda x: x, lambda a: a),
    "cond returned tuple of 2": (lambda x: (x, x), lambda x: x, lambda a: a),
    "changed the shape": (lambda x: np.sum(x) > 0.0, lambda x: x * np.ones(2), lambda a: a),
    "changed the structure": (lambda x: True, lambda x: (x, x), lambda a: a),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_loop(wrap, message):
    cond, body, start = REFUSED[message]
    with pytest.raises(LoopError, match=message):
        wrap(lambda a: np.sum(dp.while_loop(cond, body, start(a))))(1.0)


# ---------------------------------------------------------------------------- on the tape

def test_a_while_loop_is_one_node():
    tape = dp.record(lambda x: newton(dp.while_loop)(x) * 2.0, 2.0)
    assert str(tape).count("while_loop") >= 1


def test_segments_keep_few_nodes():
    kept = []

    def body(y):
        kept.append(np.sin(y))
        return kept[-1]

    with pytest.raises(dp.ad.errors.EndedTapeError):
        dp.grad(lambda x: dp.while_loop(lambda y: y > 0.5, body, x, segment=2) + kept[0])(1.5)


def test_a_loop_that_makes_no_node():
    assert dp.grad(lambda x: dp.while_loop(lambda y: y < 0.0, lambda y: y, x) * 2.0)(1.0) == 2.0


@pytest.mark.parametrize("rounds", [0.0, 1.0, 3.0])
def test_a_state_that_is_set_anew_depends_on_its_start_if_no_round_is_made(rounds):
    def f(x, y):
        last, _ = dp.while_loop(lambda s: s[1] > 0.5, lambda s: (y, s[1] - 1.0), (np.sin(x), rounds))
        return last ** 2
    wanted = (0.0, 4.0) if rounds else (np.sin(0.6), 0.0)
    for each in (dp.compile(f), f):
        assert dp.grad(each, (0, 1))(0.3, 2.0) == pytest.approx(wanted)
