"""`scan` and `integrate` on the tape: equal to the plain loop, one node, exact at the event."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import EndedTapeError, EventNotReached, LoopError, MutationError, NotFiniteError
from tinydp.ad.events import locate

W = np.array([[0.5, -0.3], [0.2, 0.9]])
XS = np.random.default_rng(0).normal(size=(12, 2))


def with_scan(w, x, rows, segment=None):
    last, ys = dp.scan(lambda s, row: (np.tanh(w @ s + row), {"sum": np.sum(s), "state": s}), x, rows,
                       segment=segment)
    return np.sum(last ** 2) + np.sum(ys["sum"]) + np.sum(np.sin(ys["state"]))


def with_a_loop(w, x, rows):
    ys, states = [], []
    for k in range(len(rows)):
        ys.append(np.sum(x))
        states.append(x)
        x = np.tanh(w @ x + rows[k])
    return np.sum(x ** 2) + np.sum(np.stack(ys)) + np.sum(np.sin(np.stack(states)))


@pytest.mark.parametrize("segment", [None, 1, 3, 5, 12, 100])
def test_scan_equals_the_loop(segment):
    args = W, np.array([0.1, -0.2]), XS
    scanned = dp.value_and_grad(lambda *args: with_scan(*args, segment), (0, 1, 2))(*args)
    looped = dp.value_and_grad(with_a_loop, (0, 1, 2))(*args)
    assert scanned[0] == pytest.approx(looped[0], rel=1e-14)
    for mine, theirs in zip(scanned[1], looped[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("segment", [None, 4])
def test_second_derivatives(segment):
    f = lambda x: with_scan(W, x, XS, segment)
    np.testing.assert_allclose(dp.hessian(f)(np.array([0.1, -0.2])),
                               dp.hessian(lambda x: with_a_loop(W, x, XS))(np.array([0.1, -0.2])), rtol=1e-11)


def test_a_scan_is_one_node():
    tape = dp.record(lambda x: dp.scan(lambda s, _: (np.sin(s), s), x, length=9)[0] * 2.0, 0.5)
    assert str(tape).count("scan") >= 1
    assert str(tape).count("sin ") <= 1


def test_a_scan_of_steps_that_make_no_node():
    assert dp.grad(lambda x: dp.scan(lambda s, _: (s, None), x, length=3)[0] * 2.0)(1.0) == 2.0


def test_the_inside_of_segments_is_forgotten():
    kept = []

    def step(s, _):
        kept.append(np.sin(s))
        return kept[-1], None

    with pytest.raises(EndedTapeError):
        dp.grad(lambda x: dp.scan(step, x, length=6, segment=2)[0] + kept[0])(0.5)


@pytest.mark.parametrize(("options", "message"), [
    ({}, "how many steps"), ({"length": -1}, "not a number of steps"),
    ({"xs": np.ones(3), "length": 4}, "disagree"),
    ({"xs": (np.ones(3), np.ones(4))}, "disagree"), ({"xs": 1.0}, "single number"),
    ({"length": 3, "segment": 0}, "segment"), ({"length": 2.5}, "not a number of steps")])
def test_lengths(options, message):
    with pytest.raises(LoopError, match=message):
        dp.scan(lambda s, x: (s, x), 0.0, **options)


def test_a_step_returns_a_pair():
    with pytest.raises(LoopError, match="return a pair"):
        dp.scan(lambda s, x: s, 0.0, length=2)


# ---------------------------------------------------------------------------- names in a carry

def turned(step):
    """The same step, but the keys of its carry come in another order each time."""
    def turning(carry, *rest):
        result = step(carry, *rest)
        if isinstance(result, tuple):
            return dict(reversed(result[0].items())), result[1]
        return dict(reversed(result.items()))
    return turning


def oscillate(s, x):
    return {"x": s["x"] + 0.1 * s["v"], "v": s["v"] - 0.3 * s["x"] * x}, s["x"] * s["v"]


@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("segment", [None, 2])
def test_the_order_of_a_carrys_keys_does_not_matter(wrap, segment):
    def f(x, v, step=oscillate):
        last, ys = dp.scan(step, {"x": x, "v": v}, np.linspace(0.5, 1.5, 5), segment=segment)
        return last["x"] - 2 * last["v"] + np.sum(ys)

    straight = dp.value_and_grad(f, (0, 1))(0.4, -1.3)
    other = dp.value_and_grad(wrap(lambda x, v: f(x, v, turned(oscillate))), (0, 1))(0.4, -1.3)
    np.testing.assert_allclose([other[0], *other[1]], [straight[0], *straight[1]], rtol=1e-13)


@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
def test_the_order_of_a_states_keys_does_not_matter(wrap):
    """A fall from h with the speed 0: t = sqrt(2 h / g)."""
    def step(s, dt):
        return {"y": s["y"] + dt * s["v"] - 5 * dt**2, "v": s["v"] - 10 * dt, "t": s["t"] + dt}

    fall = wrap(lambda h: dp.integrate(
        turned(step), {"y": h, "v": 0.0, "t": 0.0}, lambda s: s["y"], dt=0.3)["t"])
    value, slope = dp.value_and_grad(fall)(5.0)
    assert value == pytest.approx(1.0, rel=1e-12)
    assert slope == pytest.approx(0.1, rel=1e-9)


@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
def test_arrays_of_different_shapes_find_their_names(wrap):
    def step(s, _):
        return {"wide": 2 * s["wide"], "narrow": s["narrow"] + s["wide"][:2]}, None

    f = wrap(lambda x: np.sum(dp.scan(turned(step), {"narrow": x[:2], "wide": x}, length=2)[0]["narrow"]))
    np.testing.assert_allclose(dp.grad(f)(np.array([1.0, 2.0, 3.0])), [4.0, 4.0, 0.0])


def test_a_carry_that_changes_its_structure_later_is_refused():
    steps = iter([{"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0}])
    with pytest.raises(LoopError, match="step 1 changed the structure"):
        dp.scan(lambda s, _: (next(steps), None), {"a": 0.0, "b": 0.0}, length=2)


# ---------------------------------------------------------------------------- integrate


def fall(height, gravity, dt):
    """Where and how fast a thrown ball lands, and when; the steps are exact."""
    def step(ball, dt):
        y, v, t = ball
        return y + dt * v - dt ** 2 * gravity / 2, v - dt * gravity, t + dt

    return dp.integrate(step, (height, 1.0, 0.0), until=lambda ball: ball[0], dt=dt)


@pytest.mark.parametrize("dt", [0.01, 0.13, 0.5, 3.0])
def test_event_time_and_derivatives(dt):
    """t = (v + sqrt(v^2 + 2 g h)) / g, and its derivatives of first and second order."""
    exact = lambda h, g: (1.0 + np.sqrt(1.0 + 2.0 * g * h)) / g
    ours = lambda h, g: fall(h, g, dt)[2]
    assert ours(5.0, 10.0) == pytest.approx(exact(5.0, 10.0), rel=1e-12)
    np.testing.assert_allclose(dp.grad(ours, (0, 1))(5.0, 10.0), dp.grad(exact, (0, 1))(5.0, 10.0), rtol=1e-9)
    np.testing.assert_allclose(dp.hessian(lambda x: ours(x[0], x[1]))(np.array([5.0, 10.0])),
                               dp.hessian(lambda x: exact(x[0], x[1]))(np.array([5.0, 10.0])), rtol=1e-7)


def test_the_event_is_met_exactly():
    assert abs(fall(5.0, 10.0, 0.13)[0]) < 1e-14
    assert abs(dp.grad(lambda h: fall(h, 10.0, 0.13)[0])(5.0)) < 1e-14


def test_without_dt_the_line_between_two_states():
    step = lambda x: lambda s: (s[0] - 0.4 * x, s[1] + 1.0)
    double = lambda x: dp.integrate(step(x), (1.0, 0.0), until=lambda s: s[0])[1]
    assert double(1.0) == pytest.approx(2.5)
    assert dp.grad(double)(1.0) == pytest.approx(-2.5)


def test_no_event():
    with pytest.raises(EventNotReached, match="5 steps") as caught:
        dp.integrate(lambda s, dt: s + dt, 1.0, until=lambda s: s, max_steps=5, dt=0.5)
    assert caught.value.state == 3.5


def test_nan_is_no_event():
    with pytest.raises(NotFiniteError, match="step 0"):
        dp.integrate(lambda s, dt: s * np.nan, 1.0, until=lambda s: s, dt=0.5)


def test_until_gives_a_number():
    with pytest.raises(LoopError, match="one number"):
        dp.integrate(lambda s, dt: s - dt, np.ones(2), until=lambda s: s, dt=0.5)


def test_roots_are_located():
    for root in (1e-9, 0.3, 0.999999):
        for f in (lambda h, r=root: r - h, lambda h, r=root: np.exp(r) - np.exp(h)):
            assert locate(f, 1.0) == pytest.approx(root, rel=1e-7)


def test_a_name_bound_anew_to_the_same_number_is_another_variable():
    """A segment runs again on the way back, when `t` is another variable: its derivative would be lost."""
    def f(t, bind):
        def step(carry, _):
            return (t, carry[0] * 1.0), None
        (a, b), _ = dp.scan(step, (0.5, 0.5), length=2, segment=1)
        if bind:
            t = t + 0.0
        return a + b

    assert dp.grad(lambda t: f(t, False))(0.3) == 2.0
    with pytest.raises(MutationError, match="a segment of scan was something else"):
        dp.grad(lambda t: f(t, True))(0.3)
    assert dp.grad(dp.compile(lambda t: f(t, True)))(0.3) == 2.0


def test_segments_under_two_differentiations_use_the_same_variables():
    def f(x, w):
        def step(s, _):
            inner = np.sin(w) * w                # of the differentiation around alone, made in each run
            return np.tanh(s * inner + x), s * x
        last, ys = dp.scan(step, x, length=7, segment=3)
        return last + np.sum(ys)

    def plain(x, w):
        s, total = x, 0.0
        for _ in range(7):
            s, total = np.tanh(s * np.sin(w) * w + x), total + s * x
        return s + total

    mixed = lambda f: dp.grad(lambda w: dp.grad(f)(0.3, w))(0.7)
    assert np.isclose(mixed(f), mixed(plain), rtol=1e-12)


@pytest.mark.parametrize("wrapped", [lambda f: f, dp.compile])
def test_a_scan_of_no_steps_stacks_no_rows_of_the_right_shape(wrapped):
    def program(x, xs):
        c, ys = dp.scan(lambda c, row: (c * x, {"pair": c * row[:2], "n": 1, "up": c > 0}), x, xs)
        return c * x + np.sum(ys["pair"] @ np.ones((2, 3))), ys

    f = wrapped(program)
    value, ys = f(2.0, np.zeros((0, 3)))
    assert value == 4.0
    assert {name: (y.shape, y.dtype) for name, y in ys.items()} == {
        "pair": ((0, 2), np.dtype(float)), "n": ((0,), np.dtype(int)), "up": ((0,), np.dtype(bool))}
    assert dp.grad(lambda x: f(x, np.zeros((0, 3)))[0])(2.0) == 4.0
    assert dp.grad(dp.grad(lambda x: f(x, np.zeros((0, 3)))[0]))(2.0) == 2.0
    assert dp.grad(lambda xs: f(2.0, xs)[0])(np.zeros((0, 3))).shape == (0, 3)


def test_a_scan_of_no_steps_is_an_error_if_zeros_are_one():
    with pytest.raises(LoopError, match=r"no rows .* fails with one of zeros.*ZeroDivision"):
        dp.scan(lambda c, x: (c, 1 // int(x)), 1.0, np.zeros(0))
    assert dp.scan(lambda c, x: (c, None), 1.0, np.zeros(0)) == (1.0, None)
