"""A carry that is moved, not computed: all parts change at once, whatever each is a view of."""

import numpy as np
import pytest

import tinydp as dp

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")

A, B = np.array([1.0, -2.0, 0.5, 3.0, 0.7, -0.2]), np.array([[0.3, 0.1, -0.4], [2.0, 1.5, -1.0]])
STEPS = {
    "reversed": lambda a, b, s: (a[::-1], b, s),
    "changed and reversed": lambda a, b, s: ((a * s)[::-1], b[:, ::-1] * s, s),
    "turned by one": lambda a, b, s: (np.roll(a, 1), b, s),
    "by positions": lambda a, b, s: (a[[1, 0, 2, 2, 5, 4]], b[[1, 0]], s),
    "changed places": lambda a, b, s: (b.reshape(6), a.reshape(2, 3), s),
    "changed places by ravel": lambda a, b, s: (np.ravel(b), np.reshape(a, (2, 3)), s),
    "flat, by positions": lambda a, b, s: (a, b.reshape(6)[np.array([[5, 4, 3], [0, 1, 2]])], s),
    "turned twice": lambda a, b, s: (a, b.T.reshape(2, 3), s),
    "a number spread": lambda a, b, s: (np.broadcast_to(s, (6,)), b, 0.5 * s + a[1]),
    "an element taken": lambda a, b, s: (a[::-1], b * 0.9, a[0]),
    "elements of each other": lambda a, b, s: (a * 0.5 + b[0, 1], b[:, [2, 1, 0]], b[1, 0] + a[5]),
    "a column spread": lambda a, b, s: (a, np.broadcast_to(b[:, :1], (2, 3)), b[0, 2]),
    "stacked": lambda a, b, s: (np.concatenate([a[3:], a[:3]]), np.stack([b[1], b[0]]), s),
    "all of one": lambda a, b, s: (np.concatenate([b[0], b[1]]), np.stack([a[:3], a[3:]]), a[2] * b[0, 0]),
}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_a_scan(step, n):
    def f(a, b, s, scale):
        (a, b, s), rows = dp.scan(lambda c, _: (STEPS[step](*c), (c[0], c[2])), (a * scale, b, s), length=n)
        weights = np.arange(1.0, 7.0)
        return (np.sum(np.sin(a) * weights) + np.sum(np.cos(b) * weights.reshape(2, 3)) * s
                + np.sum(rows[0] ** 2 * weights) + np.sum(rows[1]))

    compiled, everything = dp.compile(f), (0, 1, 2, 3)
    point = A, B, 0.6, 1.1
    assert_equal(compiled(*point), f(*point))
    assert_equal(dp.grad(compiled, everything)(*point), dp.grad(f, everything)(*point))


# what each of five arrays becomes: which of them, and how many have to be put aside for that
ORDERS = {
    "a queue": ((1, 2, 3, 4, 0), 1), "a line": ((1, 2, 3, 4, None), 0), "all of one": ((4,) * 5, 0),
    "a line the other way": ((None, 0, 1, 2, 3), 0), "two circles": ((1, 0, 3, 4, 2), 2),
    "a circle with a tail": ((1, 2, 0, 0, 3), 1)}


@pytest.mark.parametrize(("order", "aside"), ORDERS.values(), ids=ORDERS)
def test_arrays_that_move_up_are_put_aside_only_in_a_circle(order, aside):
    def f(x):
        def step(c, _):
            return tuple(np.sin(c[0]) if k is None else c[k] for k in order), None

        start = tuple(x * k for k in (1.0, 2.0, 3.0, 4.0, 5.0))
        return np.sum(np.stack(dp.scan(step, start, length=4)[0]) * np.arange(1.0, 6.0)[:, None])

    compiled = dp.compile(f)
    assert_equal(compiled(A), f(A))
    assert_equal(dp.grad(compiled)(A), dp.grad(f)(A))
    assert compiled.source.count("copy") == 3 * aside            # is made, is written, is read


def test_conditions():
    def f(x):
        def step(carry, _):
            on, x = carry
            return (on[::-1], np.where(on, 1.5 * x, x + 0.1)), on

        (on, x), rows = dp.scan(step, (x > 0, x), length=4)
        return np.sum(np.where(on, x, 2 * x)) + np.sum(np.where(rows, x, 0.0))

    compiled = dp.compile(f)
    assert_equal(compiled(A), f(A))
    assert_equal(dp.grad(compiled)(A), dp.grad(f)(A))


CHANGING = {
    "a condition, then numbers": (lambda x: x > 0, lambda c, x: (0.7 * x * c + 0.3, 1.5 * c)),
    "one condition, then a number": (lambda x: x[1] > 0, lambda c, x: (0.7 * x[0] * c + 0.3, 1.5 * c)),
    "true, then a number": (lambda x: True, lambda c, x: (0.7 * x[0] * c + 0.3, 1.5 * c)),
    "numbers, then conditions": (lambda x: x, lambda c, x: (c > 0.1, 2.0 * c)),
    "integers, then numbers": (lambda x: np.arange(6), lambda c, x: (c * x, c)),
    "numbers, then integers": (lambda x: x, lambda c, x: (np.arange(6), c * x)),
    "an integer, then numbers": (lambda x: 2, lambda c, x: (c * x[3], c)),
}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("case", CHANGING)
def test_a_carry_that_changes_its_type(case, n):
    start, step = CHANGING[case]

    def f(x):
        c, ys = dp.scan(lambda c, _: step(c, x), start(x), length=n)
        c, zs = dp.scan(lambda c, _: (np.tanh(c + x), c), c * np.ones(6), length=n)
        return np.sum(c * x) + np.sum(ys) * np.sum(zs)

    compiled = dp.compile(f)
    assert_equal(compiled(A), f(A))
    assert_equal(dp.grad(compiled)(A), dp.grad(f)(A))


def test_a_condition_in_a_state_that_ends_at_an_event():
    def f(h, v):
        def step(state, dt):
            h, v, slow, count = state
            return h + dt * v, v - dt, 0.5 * slow + 0.1 * h, count + 1

        h, v, slow, count = dp.integrate(step, (h, v, h > 0.0, 0), lambda s: s[0], 300, 0.07)
        return v * slow + 0.1 * count * v

    compiled = dp.compile(f)
    assert_equal(compiled(1.0, 0.4), f(1.0, 0.4))
    assert_equal(dp.grad(compiled, (0, 1))(1.0, 0.4), dp.grad(f, (0, 1))(1.0, 0.4))


FLAGS = {
    "that starts as a condition": (False, 1, 0), "that starts as an integer": (0, 1, 0),
    "that is one": (False, True, False), "of numbers": (0.0, 1.0, 0.0)}


@pytest.mark.parametrize("case", FLAGS)
@pytest.mark.parametrize("segment", [None, 2])
def test_a_flag(case, segment):
    """It is 0 or 1, has no derivative, and may be a condition."""
    start, yes, no = FLAGS[case]

    def f(x):
        def step(carry, row):
            value, flag = carry
            value = np.where(dp.value(flag) == 1, value * x[0], value + row * x[2])
            return (value, np.where(value > 0.5, yes, no)), None
        return dp.scan(step, (x[1], start), np.ones(5), segment=segment)[0][0]

    compiled, x = dp.compile(f), np.array([0.3, -0.4, 0.5])
    assert_equal(compiled(x), f(x))
    assert_equal(dp.grad(compiled)(x), dp.grad(f)(x))


def test_a_flag_is_a_condition():
    def f(x):
        def step(carry, row):
            value, flag = carry
            value = np.where(flag, value * x[0], value + row * x[2])
            return (value, np.where(value > 0.5, 1, 0)), None
        return dp.scan(step, (x[1], False), np.ones(5))[0][0]

    x = np.array([0.3, -0.4, 0.5])
    assert_equal(dp.value_and_grad(dp.compile(f))(x), dp.value_and_grad(f)(x))


@pytest.mark.parametrize("start", [0, 0.0, False])
def test_a_sum_that_starts_at_nothing(start):
    def f(x):
        step = lambda c, r: ((c[0] + r * x[0], c[1] + 1), c)
        (total, count), rows = dp.scan(step, (start, 0), np.arange(4.0))
        return total * count + np.sum(rows[0] * rows[1])

    x = np.array([0.3, -0.4])
    assert_equal(dp.value_and_grad(dp.compile(f))(x), dp.value_and_grad(f)(x))


STATES = {
    "conditions, added up": (lambda x: x > 0, lambda s, x: s + (x > 0.1)),
    "conditions": (lambda x: np.zeros(3, bool), lambda s, x: s | (x > 0.1)),
    "numbers, then conditions": (lambda x: np.zeros(3), lambda s, x: x > 0.1),
}


@pytest.mark.parametrize("dt", [None, 0.3])
@pytest.mark.parametrize("case", STATES)
def test_a_state_with_conditions_up_to_an_event(case, dt):
    start, move = STATES[case]

    def f(x):
        step = lambda s, dt=0.3: (s[0] - dt * x[2], move(s[1], x))
        height, state = dp.integrate(step, (1.0, start(x)), lambda s: s[0], dt=dt)
        return np.sum(np.where(state, x * (height + 1.0), x * x)), state

    compiled, x = dp.compile(f), np.array([0.3, -0.4, 0.5])
    assert_equal(compiled(x), tuple(np.asarray(y, dtype=float) if np.ndim(y) else y for y in f(x)))
    assert_equal(dp.grad(lambda x: compiled(x)[0])(x), dp.grad(lambda x: f(x)[0])(x))


def test_a_loop_in_a_loop():
    def f(x, y):
        def inner(carry, _):
            a, b = carry
            return (b[::-1], a * y), a

        def outer(carry, _):
            a, b = carry
            (a, b), rows = dp.scan(inner, (b, a), length=3)
            return (b, a[::-1]), np.sum(rows, axis=0)

        (a, b), rows = dp.scan(outer, (x, x * y), length=2)
        return np.sum(a * b[::-1]) + np.sum(rows * np.arange(6.0))

    compiled = dp.compile(f)
    assert_equal(compiled(A, 0.9), f(A, 0.9))
    assert_equal(dp.grad(compiled, (0, 1))(A, 0.9), dp.grad(f, (0, 1))(A, 0.9))


@pytest.mark.parametrize("move", [
    lambda h, v, last, before, row: (last, h, row),
    lambda h, v, last, before, row: (before, last, row[::-1]),
    lambda h, v, last, before, row: (v, last + h, np.broadcast_to(v, (3,))),
    lambda h, v, last, before, row: (row[0], row[2], row[[1, 2, 0]]),
])
def test_up_to_an_event(move):
    def f(h, v, row):
        def step(state, dt):
            h, v, *rest = state
            return (h + dt * v, v - dt * (1.0 + 0.1 * rest[0]), *move(h, v, *rest))

        end = dp.integrate(step, (h, v, 0.3, 0.2 * h, row), lambda s: s[0], 300, 0.07)
        return end[1] + 2 * end[2] * end[3] + np.sum(end[4] * np.array([1.0, 2.0, -1.0]))

    compiled, point = dp.compile(f), (1.0, 0.4, np.array([0.2, -0.1, 0.05]))
    assert_equal(compiled(*point), f(*point))
    assert_equal(dp.grad(compiled, (0, 1, 2))(*point), dp.grad(f, (0, 1, 2))(*point))
