"""Loops, differentiated once and twice: carries, rows, what is captured, events, loops in loops."""

from collections import namedtuple

import numpy as np
import pytest

import tinydp as dp

from .checks import check

S = namedtuple("S", "x v")

X = np.array([0.3, -0.7, 1.1])
W = np.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [-0.1, 0.6, 0.4]])
PROGRAMS = []


def at(*args):
    """Registers a program, to be looked at with these arguments."""
    return lambda f: PROGRAMS.append((f, args)) or f


@at(0.7, X)
def segments(x, w):
    c, ys = dp.scan(lambda c, r: (np.sin(c * x) + r, c * r), x, np.concatenate([w, w * x, w]), segment=2)
    return c + np.sum(ys**2)


@at(0.7)
def int_carry(x):
    return dp.scan(lambda c, _: ((c[0] + 1, c[1] * x + c[0]), None), (0, 1), length=4)[0][1]


@at(0.7)
def cond_carry(x):

    def step(c, _):
        alive, v = c
        return (((v < 1.2) & alive, np.where(alive, v * 1.3, v)), alive)

    (_alive, v), seen = dp.scan(step, (True, x), length=5)
    return v + np.sum(seen)


@at(0.7)
def cond_becomes_number(x):
    return dp.scan(lambda c, _: ((c[1] * x, c[0] * 1.0 + c[1]), None), (True, x), length=4)[0][1]


@at(2.0, 0.3)
def event_nodt(h, k):
    s = dp.integrate(lambda s: (s[0] + s[1] * 0.1, s[1] - 0.1 * (1 + k)), (h, k), until=lambda s: s[0])
    return s[1] * k


@at(2.0, 0.3)
def event_dt(h, k):
    s = dp.integrate(
        lambda s, dt: (s[0] + s[1] * dt - k * dt**2 / 2, s[1] - dt * (1 + k), s[2] + dt),
        (h, k, 0.0),
        until=lambda s: s[0] - 0.1 * k,
        dt=0.07,
    )
    return s[1] * k + s[2]


@at(2.0, 0.3)
def event_dtparam(h, k):
    s = dp.integrate(
        lambda s, dt: (s[0] + s[1] * dt, s[1] - dt * (1 + k * s[0]), s[2] + dt),
        (h, k, 0.0),
        until=lambda s: s[0] - 0.1 * k,
        dt=0.07 * h,
    )
    return s[1] * k + s[2] ** 2


@at(2.0, np.array([0.3, 0.5]))
def event_array(h, k):
    s = dp.integrate(
        lambda s, dt: (s[0] + dt * s[1], s[1] - dt * (1 + k)),
        (h * np.ones(2), k),
        until=lambda s: np.min(s[0]),
        dt=0.05,
    )
    return np.sum(s[1] * s[0])


@at(0.5)
def nested_loops(x):

    def outer(c, i):

        def inner(d, j):
            return (d * 0.9 + np.sin(c * j) * x, d)

        d, ys = dp.scan(inner, c, np.array([0.1, 0.2, 0.3]) * i)
        return (d * 0.5, np.sum(ys))

    c, ys = dp.scan(outer, x, np.array([1.0, 2.0]))
    return c + np.sum(ys)


@at(0.5)
def event_in_scan(x):

    def step(c, _):
        s = dp.integrate(
            lambda s, dt: (s[0] + s[1] * dt, s[1] - dt), (c, 0.5 * x), until=lambda s: s[0], dt=0.2
        )
        return (1.0 + 0.1 * s[1] * c, s[1])

    c, ys = dp.scan(step, 1.0 + x, length=3)
    return c + np.sum(ys**2)


@at(0.5)
def scan_in_event(x):

    def step(s, dt):
        a = dp.scan(lambda c, r: (c * 0.9 + r * s[1] * x, None), s[0], np.array([0.1, 0.2]))[0]
        return (s[0] + dt * s[1] + 0.01 * dt * a, s[1] - dt * (1 + x))

    return dp.integrate(step, (1.0 + x, 0.3), until=lambda s: s[0], dt=0.1)[1]


@at(0.5)
def event_then_scan(x):
    s = dp.integrate(lambda s, dt: (s[0] - dt * x, s[1] + dt), (x, 0.0), until=lambda s: s[0] - 0.1, dt=0.3)
    return dp.scan(lambda c, _: (np.sin(c + s[1]), c), s[1] * x, length=3)[1]


@at(0.5)
def third(x):
    return dp.grad(dp.grad(lambda y: dp.scan(lambda c, _: (np.sin(c) * y + x, None), y, length=3)[0]))(x)


@at(0.5)
def event_second_inside(x):

    def f(y):
        s = dp.integrate(
            lambda s, dt: (s[0] - dt * y * (1 + 0.1 * s[0]), s[1] + dt),
            (1.0 + x, 0.0),
            until=lambda s: s[0] - 0.1 * y,
            dt=0.3,
        )
        return s[1]

    return dp.grad(dp.grad(f))(x)


@at(0.5)
def length0(x):
    c, _ys = dp.scan(lambda c, _: (c * x, c), x, length=0)
    return c * x


@at(0.5)
def length1(x):
    c, ys = dp.scan(lambda c, _: (c * x, c), x, length=1)
    return c * x + np.sum(ys)


@at(0.5, np.zeros((0,)))
def empty_carry(x, e):
    (c, d), ys = dp.scan(lambda c, _: ((c[0] * x, c[1] * x), c[0]), (e, x), length=3)
    return np.sum(c) + d + np.sum(ys)


@at(0.0)
def where_sqrt_body(x):

    def step(c, _):
        safe = np.where(c > 0, np.sqrt(np.where(c > 0, c, 1.0)), 0.0)
        return (np.where(c > 0, np.sqrt(c), 0.0) + 0.5 * c + safe, None)

    return dp.scan(step, x, length=3)[0]


@at(np.array([0.0, 0.4]))
def where_sqrt_arr(x):

    def step(c, _):
        return (np.where(c > 0, np.sqrt(c), 0.0) + 0.5 * x, None)

    return dp.scan(step, x, length=1)[0]


@at(0.5)
def const_carry(x):
    (a, b), _ = dp.scan(lambda c, _: ((c[0], c[1] * c[0] + x), None), (2.0, 1.0), length=3)
    return b * a


@at(0.5)
def const_out(x):
    (a, b), ys = dp.scan(lambda c, _: ((3.0, c[1] * c[0]), 1.0), (2.0, x), length=3)
    return b * a + np.sum(ys)


@at(0.5)
def swapped(x):
    (a, b), ys = dp.scan(lambda c, _: ((c[1], c[0] * x), c[0]), (2.0, x), length=5)
    return b * a + np.sum(ys)


@at(0.5)
def unused_carry(x):
    (_a, b), _ys = dp.scan(lambda c, _: ((c[0] * x, c[1] * x), None), (2.0, x), length=5)
    return b


@at(0.5)
def dep_only_viay(x):
    _, ys = dp.scan(lambda c, _: (c + 1.0, c * x), 0.0, length=5)
    return ys


@at(0.5, W)
def named_scan(x, w):

    def step(s, r):
        return (S(np.tanh(w @ s.x + s.v * r), s.v * 0.9), s.x)

    s, ys = dp.scan(step, S(np.ones(3) * x, x), np.arange(4.0))
    return {"a": np.sum(s.x), "b": ys * s.v}


@at(0.5, W)
def nested_tuple(x, w):

    def step(s, r):
        return ({"a": [s["a"][0] @ w * r, (s["a"][1] * x,)[0]], "b": None}, (s["a"][0],))

    s, ys = dp.scan(step, {"a": [np.ones(3), x], "b": None}, np.arange(3.0) * x)
    return (np.sum(s["a"][0]), ys[0])


@at(X)
def xs_struct(x):

    def step(c, r):
        return (c * r["u"] + r["v"][0], c)

    c, ys = dp.scan(step, 1.0, {"u": x, "v": (x[::-1] * x,)})
    return (c, ys)


@at(0.5)
def zero_const(x):
    return dp.scan(lambda c, _: (c * 0.0 + np.array(0.0) * c + x, None), x, length=2)[0]


@at(0.25)
def carry_infinite(x):

    def step(c, _):
        return (c * np.where(c > 10, 0.0, 1.0) + np.where(c > 5.0, np.log(c - 5.0), c), None)

    return dp.scan(step, x, length=3)[0]


@at(X)
def sorts_body(x):

    def step(c, _):
        return (np.tanh(np.cumprod(c) + np.std(c) * x + np.linalg.norm(c)), np.max(c))

    c, ys = dp.scan(step, x, length=3)
    return (np.sum(c), ys)


@at(0.0)
def abs_tip_body(x):
    return dp.scan(lambda c, _: (np.abs(c) ** 2 + c + x, None), x, length=2)[0]


@at(X)
def int_xs(x):
    c, ys = dp.scan(lambda c, i: (c * (i + 1) * 0.3, c / (i + 1)), x, np.arange(4))
    return (c, ys)


@at(X)
def bool_xs(x):
    c, ys = dp.scan(lambda c, b: (np.where(b, c * x, c), b), x, np.array([True, False, True]))
    return (c, ys)


@at(0.6)
def many_grads(x):
    f = lambda y: dp.scan(lambda c, _: (np.sin(c * y), None), y, length=3)[0]
    return dp.grad(dp.grad(dp.grad(f)))(x)


@at(0.6)
def third_event(x):
    f = lambda y: dp.integrate(
        lambda s, dt: (s[0] - dt * y * (1 + 0.1 * s[0]), s[1] + dt),
        (1.0 + y, 0.0),
        until=lambda s: s[0] - 0.1 * y,
        dt=0.3,
    )[1]
    return dp.grad(dp.grad(f))(x) + f(x)


@at(0.6)
def second_in_event_body(x):

    def step(s, dt):
        return (s[0] - dt * dp.grad(lambda u: u**2 * x + u)(s[0]), s[1] + dt)

    return dp.integrate(step, (1.0 + x, 0.0), until=lambda s: s[0] - 0.3, dt=0.1)[1]


@at(0.6)
def grad_in_until(x):
    return dp.integrate(
        lambda s, dt: (s[0] - dt * x, s[1] + dt),
        (1.0 + x, 0.0),
        until=lambda s: dp.grad(lambda u: u**3 * x)(s[0]) - 0.3,
        dt=0.1,
    )[1]


@at(0.6)
def event_segment(x):
    ys = dp.scan(
        lambda c, _: (
            dp.integrate(
                lambda s, dt: (s[0] - dt * x, s[1] + dt), (1.0 + c, 0.0), until=lambda s: s[0] - 0.3, dt=0.1
            )[1]
            * 0.5,
            c,
        ),
        x,
        length=5,
        segment=2,
    )[1]
    return np.sum(ys)


@at(0.6)
def bounce(x):
    s = (1.0 + x, 0.0 * x)
    for _ in range(3):
        s = dp.integrate(
            lambda s, dt: (s[0] + s[1] * dt - dt**2, s[1] - 2 * dt), s, until=lambda s: s[0], dt=0.05
        )
        s = (s[0] + 1e-09, -0.7 * s[1])
    return s[1]


@at(0.6)
def touched(x):
    return dp.integrate(lambda s, dt: (s[0] - dt, s[1] + dt * x), (1.0, 0.0), until=lambda s: s[0], dt=0.25)[
        1
    ]


@at(0.6)
def event_cond_state(x):
    s = dp.integrate(
        lambda s, dt: (s[0] - dt * x, s[1] | (s[0] < 0.8), s[2] + np.where(s[1], dt, 0.0)),
        (1.0, False, 0.0),
        until=lambda s: s[0],
        dt=0.1,
    )
    return (s[0], s[1], s[2] * x)


@at(0.6)
def event_int_state(x):
    s = dp.integrate(lambda s, dt: (s[0] - dt * x, s[1] + 1), (1, 0), until=lambda s: s[0], dt=0.1)
    return s[1] * x


@at(0.6)
def event_h_in_until(x):
    return dp.integrate(
        lambda s: (s[0] * 0.8 - 0.1 * x, s[1] + 1), (1.0, 0.0), until=lambda s: s[0] - 0.3 + 0.01 * s[1] * x
    )


@at(X, X * 2)
def two_args(x, y):

    def step(c, r):
        return ((c[1] * y, c[0] + r), c[0] @ c[1])

    (a, b), ys = dp.scan(step, (x, y), np.stack([x, y, x * y]))
    return (a @ b, ys)


@at(0.5)
def shared_body_twice(x):

    def step(c, _):
        return (np.sin(c) * x, c)

    a, ya = dp.scan(step, x, length=3)
    b, yb = dp.scan(step, a, length=3)
    c, yc = dp.scan(step, x, length=3)
    return a + b + c + np.sum(ya * yb * yc)


@at(X)
def carry_views(x):

    def step(c, r):
        return ((c[0][::-1], c[1].T), c[0][0])

    (a, b), ys = dp.scan(step, (x, np.outer(x, x)), length=3)
    return (a, b, ys)


@at(X)
def rows_and_the_whole(x):
    def step(c, r):
        s, _ = dp.scan(lambda c, _: (np.abs(r) * c + x, None), c[1], length=3)
        return (c[0] * (s @ x), c[1] * r), None

    return dp.scan(step, (1.0, x), x)[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_equals_the_tape(f, args):
    check(f, *args)
