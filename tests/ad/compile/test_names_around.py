"""Names around a function, and what is in the objects behind them: value and gradient see the same."""

import collections
import dataclasses
import functools
import types
from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.surroundings import Surroundings
from tinydp.ad.errors import MutationError

pytestmark = pytest.mark.usefixtures("interpreted")

GAIN = 3.0


def by_a_global():
    def turn(value):
        globals()["GAIN"] = value
    turn(3.0)
    return lambda x: x * GAIN, turn


def helper(x):
    return np.sin(x) * 0.0 + x * GAIN


def by_a_global_of_a_function_that_it_calls():
    return lambda x: helper(x), by_a_global()[1]


def by_a_closure():
    gain = 3.0

    def turn(value):
        nonlocal gain
        gain = value
    return lambda x: x * gain, turn


def by_a_closure_of_an_inner_function():
    gain = 3.0

    def turn(value):
        nonlocal gain
        gain = value
    def f(x):
        def inner(y):
            return y * gain
        return inner(x)
    return f, turn


def by_a_set():
    gains = {3.0}

    def turn(value):
        gains.clear()
        gains.add(value)
    return lambda x: x * sum(gains), turn


def by_a_deque():
    gains = collections.deque([1.0, 3.0])

    def turn(value):
        gains[1] = value
    return lambda x: x * gains[1], turn


def by_a_step():
    f, turn = by_a_closure()
    return lambda x: dp.scan(lambda s, _: (f(x), None), x, length=3)[0], turn


def by_a_default():
    def f(x, gain=3.0):
        return x * gain

    def turn(value):
        f.__defaults__ = (value,)
    return lambda x: f(x), turn


def by_a_keyword_default():
    def f(x, *, gain=3.0):
        return x * gain

    def turn(value):
        f.__kwdefaults__ = {"gain": value}
    return lambda x: f(x), turn


def by_an_item():
    settings = {"gain": 3.0}
    return lambda x: x * settings["gain"], lambda value: settings.update(gain=value)


def by_a_list():
    settings = [3.0]
    return lambda x: x * settings[0], lambda value: settings.__setitem__(0, value)


def by_the_length_of_a_list():
    settings = [0] * 3
    return lambda x: x * float(len(settings)), lambda value: settings.extend([0] * int(value - len(settings)))


def by_a_nested_item():
    settings = {"a": [{"gain": 3.0}]}
    return lambda x: x * settings["a"][0]["gain"], lambda value: settings["a"][0].update(gain=value)


def by_a_list_in_a_tuple():
    settings = ([3.0],)
    return lambda x: x * settings[0][0], lambda value: settings[0].__setitem__(0, value)


def by_an_attribute():
    settings = types.SimpleNamespace(gain=3.0)
    return lambda x: x * settings.gain, lambda value: setattr(settings, "gain", value)


def by_an_attribute_that_was_not_there():
    settings = types.SimpleNamespace()
    return (lambda x: x * getattr(settings, "gain", 3.0)), lambda value: setattr(settings, "gain", value)


@dataclasses.dataclass
class Plant:
    gain: float = 3.0

    def run(self, x):
        return x * self.gain

    def __call__(self, x):
        return x * self.gain


class Slotted:
    __slots__ = ("gain",)


class Settings:
    GAIN = 3.0


class Machine(NamedTuple):
    gain: float


def by_a_dataclass():
    plant = Plant()
    return lambda x: x * plant.gain, lambda value: setattr(plant, "gain", value)


def by_a_slot():
    plant = Slotted()
    plant.gain = 3.0
    return lambda x: x * plant.gain, lambda value: setattr(plant, "gain", value)


def by_a_class():
    Settings.GAIN = 3.0
    return lambda x: x * Settings.GAIN, lambda value: setattr(Settings, "GAIN", value)


class Gained:
    @property
    def gain(self):
        return GAIN

    @classmethod
    def of_class(cls, x):
        return x * GAIN


def by_a_property():
    gained = Gained()
    return lambda x: x * gained.gain, by_a_global()[1]


def by_a_class_method():
    gained = Gained()
    return lambda x: gained.of_class(x), by_a_global()[1]


def by_an_attribute_of_a_function():
    def scaled(x):
        return x * scaled.gain

    def turn(value):
        scaled.gain = value
    turn(3.0)
    return scaled, turn


def by_a_bound_method():
    plant = Plant()
    return plant.run, lambda value: setattr(plant, "gain", value)


def by_a_callable_object():
    plant = Plant()
    return plant, lambda value: setattr(plant, "gain", value)


def by_a_named_tuple():
    machine = Machine(3.0)

    def turn(value):
        nonlocal machine
        machine = machine._replace(gain=value)
    return lambda x: x * machine.gain, turn


def by_a_partial():
    settings = {"gain": 3.0}
    f = functools.partial(lambda settings, x: x * settings["gain"], settings)
    return lambda x: f(x), lambda value: settings.update(gain=value)


def by_another_function():
    rules = {3.0: lambda x: x * 3.0, 5.0: lambda x: x * 5.0}
    rule = rules[3.0]

    def turn(value):
        nonlocal rule
        rule = rules[value]
    return lambda x: rule(x), turn


def by_a_module():
    module = types.ModuleType("tests_physics")
    module.GAIN = 3.0
    return lambda x: x * module.GAIN, lambda value: setattr(module, "GAIN", value)


def by_an_array():
    gains = np.array([1.0, 3.0])

    def turn(value):
        nonlocal gains
        gains = np.array([1.0, value])
    return lambda x: x * gains[1], turn


def by_the_content_of_an_array():
    """The array itself meets no argument."""
    gains = np.array([1.0, 3.0])
    return lambda x: x * (gains[1] * 1.0), lambda value: gains.__setitem__(1, value)


def by_a_compiled_function():
    f, turn = by_a_closure()
    inner = dp.compile(f)
    return lambda x: inner(x) * 1.0, turn


def by_a_gradient():
    f, turn = by_a_closure()
    inner = dp.grad(lambda x: f(x) * x / 2)
    return lambda x: inner(x), turn


WAYS = [x for name, x in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("way", WAYS)
def test_a_value_and_a_gradient_of_the_same(way):
    """In all orders, with the number as it is at each call."""
    f, turn = way()
    compiled = dp.compile(f)
    assert compiled(2.0) == 6.0
    turn(5.0)
    assert dp.value_and_grad(compiled)(2.0) == (10.0, 5.0)
    assert compiled(2.0) == 10.0

    f, turn = way()
    compiled = dp.compile(f)
    assert dp.grad(compiled)(2.0) == 3.0
    turn(5.0)
    assert compiled(2.0) == 10.0
    assert dp.grad(compiled)(2.0) == 5.0


def test_an_attribute_of_a_fixed_argument():
    class Controller:
        def __init__(self):
            self.gain = 3.0

        @dp.compile
        def loss(self, x):
            return x * self.gain

    controller, other = Controller(), Controller()
    assert controller.loss(2.0) == 6.0
    controller.gain = 5.0
    assert controller.loss(2.0) == 10.0
    assert dp.value_and_grad(controller.loss)(2.0) == (10.0, 5.0)
    assert other.loss(2.0) == 6.0


def test_branches_of_one_surrounding():
    gain = 3.0
    f = dp.compile(lambda x: gain * x if x > 0 else gain * x * x)
    assert f(2.0) == 6.0
    gain = 5.0
    assert f(-2.0) == 20.0
    assert f(2.0) == 10.0
    assert dp.grad(f)(2.0) == 5.0
    assert dp.grad(f)(-2.0) == -20.0


def test_a_pullback_after_the_change():
    gain = 3.0
    f = dp.compile(lambda x: x * gain * np.array([1.0, 2.0]))
    pull = dp.vjp(lambda x: f(x), 2.0)[1]
    gain = 5.0
    assert pull(np.ones(2)) == (9.0,)            # the call's


def test_a_pullback_that_would_have_to_be_made_after_the_change():
    gain = 3.0
    f = dp.compile(lambda x: x * gain * np.array([1.0, 2.0]) if x > 0 else x * np.ones(2))
    dp.vjp(f, -2.0)[1](np.ones(2))
    pull = dp.vjp(lambda x: f(x), 2.0)[1]
    gain = 5.0
    with pytest.raises(MutationError, match="before its pullback"):
        pull(np.ones(2))


def test_what_cannot_be_seen_changes_value_and_gradient_together(tmp_path, monkeypatch):
    """A file: what it holds is read when the function is traced, for both at once."""
    file = tmp_path / "gain"
    f = dp.compile(lambda x: x * float(file.read_text()))
    file.write_text("3.0")
    assert f(2.0) == 6.0
    monkeypatch.setenv("TINYDP_VERIFY", "never")
    file.write_text("5.0")
    assert dp.value_and_grad(f)(2.0) == (6.0, 3.0)
    f.forget()
    assert dp.value_and_grad(f)(2.0) == (10.0, 5.0)
    assert f(2.0) == 10.0
    g = dp.compile(lambda x: x * float(file.read_text()) * np.array([1.0, 2.0]))
    assert np.array_equal(g(2.0), [10.0, 20.0])
    file.write_text("3.0")
    g.forget()
    y, pull = dp.vjp(g, 2.0)
    assert np.array_equal(y, [6.0, 12.0])
    assert pull(np.ones(2)) == (9.0,)


def test_the_same_again_is_not_traced_anew(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "first")
    gain, runs = 3.0, []

    def f(x):
        runs.append(x)
        return x * gain
    compiled = dp.compile(f)
    compiled(2.0)
    n = len(runs)
    gain = float("3")
    assert compiled(2.0) == 6.0
    assert len(runs) == n


def test_what_the_function_itself_counts_is_not_looked_at(monkeypatch):
    monkeypatch.setenv("TINYDP_VERIFY", "first")
    counts = {"calls": 0}

    def f(x):
        counts["calls"] += 1
        return x * 2.0
    compiled = dp.compile(f)
    compiled(2.0)
    n = counts["calls"]
    for _ in range(3):
        assert compiled(2.0) == 4.0
    assert counts["calls"] == n


def test_objects_without_an_end():
    class Node:
        def __init__(self):
            self.next = self
            self.table = list(range(10_000))

    node = Node()
    assert len(Surroundings.of(lambda x: x * node.next.table[0]).readings) <= 300
