"""Machines: what is no number in the carry of a loop says in which state they are, and changes."""

import enum
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import LoopError


class Mode(enum.Enum):
    OFF = "off"
    ON = "on"
    STUCK = "stuck"


class Gear(enum.IntEnum):
    FIRST = 1
    SECOND = 2
    THIRD = 3


def by_enum(start, low):
    """A heater: by identity, by name, as a key."""
    powers = {Mode.OFF: 0.0, Mode.ON: 3.0, Mode.STUCK: 1.0}

    def step(state, k):
        t, mode = state
        if mode is Mode.OFF and t < low:
            mode = Mode.ON
        elif mode.name == "ON" and t > low + 1.0:
            mode = Mode.OFF
        if t > 30.0:
            mode = Mode.STUCK
        return (t + 0.2 * (powers[mode] - 0.1 * t), mode), t

    (t, mode), ts = dp.scan(step, (start, Mode.OFF), length=30)
    return t + np.sum(ts**2) + (5.0 if mode is Mode.ON else 0.0)


def by_integers(speed, force):
    def step(state, _):
        v, gear = state
        if v > 10.0 * gear and gear < Gear.THIRD:
            gear = Gear(gear + 1)
        elif gear > Gear.FIRST and v < 8.0 * (gear - 1):
            gear = Gear(gear - 1)
        return (v + 0.3 * (force / gear - 0.02 * v * v), gear), v

    (v, gear), vs = dp.scan(step, (speed, Gear.FIRST), length=40)
    return v * gear.value + np.sum(vs)


class Walker(NamedTuple):
    x: Any
    task: str
    last: Any


def by_texts_and_none(x, far):
    """Two of them in a structure, one of which is nothing at first."""
    def step(w, _):
        match w.task:
            case "go" if w.x > far:
                return Walker(w.x, "back", "go"), w.x
            case "go":
                return Walker(w.x + 0.3, "go", w.last), w.x
        return Walker(w.x * 0.7, "go" if w.x < 0.4 else "back", w.last), w.x

    w, xs = dp.scan(step, Walker(x, "go", None), length=25)
    return w.x**2 + np.sum(xs) + (1.0 if w.last is None else 2.0)


def rise(x):
    return x + 0.4, (fall if x > 1.5 else rise)


def fall(x):
    return x * 0.6, (rise if x < 0.5 else fall)


def by_functions(x, _):
    def step(state, _):
        y, go_on = go(state)
        return {"do": go_on, "x": y}, y

    def go(state):
        return state["do"](state["x"])

    last, ys = dp.scan(step, {"x": x, "do": rise}, length=20)
    return last["x"] + np.sum(ys**2)


def in_each_other(x, low):
    def outer(state, _):
        def inner(state, _):
            t, mode = state
            return (t * 0.8, Mode.OFF) if mode is Mode.ON and t < low else (t + 0.1, Mode.ON), None
        return dp.scan(inner, state, length=3)[0], state[0]

    (t, mode), ts = dp.scan(outer, (x, Mode.OFF), length=6)
    return t + np.sum(ts**2) + (t if mode is Mode.OFF else 0.0)


def many(x, _):
    """As many as there are."""
    states = [*"abcdefghijklmnop"]

    def step(state, k):
        x, name = state
        k = states.index(name)
        return (x + 0.1 * k * x, states[min(k + 1, 15)] if x < 40.0 else "a"), x

    (x, _), xs = dp.scan(step, (x, "a"), np.arange(25))
    return x + np.sum(xs)


CASES = [(by_enum, (15.0, 18.0)), (by_enum, (40.0, 5.0)), (by_integers, (3.0, 20.0)),
         (by_integers, (25.0, 9.0)), (by_texts_and_none, (0.1, 1.0)), (by_texts_and_none, (0.1, 100.0)),
         (by_functions, (0.2, 0.0)), (in_each_other, (1.0, 1.3)), (many, (1.0, 0.0))]


@pytest.mark.parametrize(("f", "args"), CASES)
def test_compiled_as_by_python(f, args):
    compiled = dp.compile(f)
    value, slope = dp.value_and_grad(f)(*args)
    assert compiled(*args) == pytest.approx(value, rel=1e-14)
    assert dp.value_and_grad(compiled)(*args) == pytest.approx((value, slope), rel=1e-12)


def test_one_program_for_other_numbers():
    compiled = dp.compile(by_enum)
    for args in [(15.0, 18.0), (40.0, 5.0), (12.0, 11.5), (29.0, 31.0), (3.0, 0.0)]:
        assert compiled(*args) == pytest.approx(by_enum(*args), rel=1e-13)


def test_the_state_is_what_is_returned():
    def last(x):
        return dp.scan(lambda s, _: ((s[0] + 1.0, Mode.ON if s[0] > 2.5 else Mode.OFF), None), (x, Mode.OFF),
                       length=3)[0]

    compiled = dp.compile(last)
    for x in (0.0, 2.0, 0.1):
        assert compiled(x) == last(x)
        assert compiled(x)[1] is last(x)[1]


def test_in_segments():
    def f(x):
        def step(state, _):
            t, mode = state
            return (t * (0.8 if mode is Mode.ON else 1.1), Mode.ON if t > 2.0 else Mode.OFF), t
        (t, mode), ts = dp.scan(step, (x, Mode.OFF), length=20, segment=6)
        return t + np.sum(ts) + (1.0 if mode is Mode.ON else 0.0)

    assert dp.value_and_grad(dp.compile(f))(1.0) == pytest.approx(dp.value_and_grad(f)(1.0), rel=1e-13)


@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("part", [1.0, (1.0,)])
def test_a_state_is_no_number(wrap, part):
    with pytest.raises(LoopError, match="changed the structure of the carry"):
        wrap(lambda x: dp.scan(lambda s, _: ((s[0], part), None), (x, Mode.OFF), length=2)[0][0])(1.0)


@pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])
def test_another_state_is_not_what_is_wrong_with_another_structure(wrap):
    with pytest.raises(LoopError, match=r"changed the structure of the carry at carry\[1\]"):
        wrap(lambda x: dp.scan(lambda s, _: ((Mode.ON, (s[1], x)), None), (Mode.OFF, x), length=2)[0][1])(1.0)


def test_states_without_end():
    def f(x):
        return dp.scan(lambda s, _: ((s[0] * 2.0, s[1] + "i"), None), (x, ""), length=40)[0][0]

    assert f(1.0) == 2.0**40
    with pytest.raises(LoopError, match="more than 16 values") as caught:
        dp.compile(f)(1.0)
    assert "carried as a number" in caught.value.advice
