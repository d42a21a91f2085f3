"""The rules of operations, as they are written."""

import re
from importlib import resources

import numpy as np

import tinydp as dp
from tinydp.ad.player.description import described

from .tapes import TAPES


def rules_of(function, *args):
    data = described(dp.record(function, *args))
    return data["rules"][data["rows"][-1]["rules"]]


def formulas(function, *args):
    return rules_of(function, *args)["formulas"]


def quotes(function, *args):
    return [quote["text"] for quote in rules_of(function, *args)["quotes"]]


def test_formulas_are_those_of_the_table():
    product = rules_of(lambda x, y: x * y, 2.0, 3.0)
    assert (product["symbols"], product["formulas"]) == (["a", "b"], ["g * b", "g * a"])
    assert formulas(np.sin, 2.0) == ["g * np.cos(x)"]
    assert formulas(np.log, 2.0) == ["g * (1 / x)"]
    assert formulas(lambda x: x[0], np.ones(2)) == ["Parts(x, index, g)", None]
    assert formulas(np.tanh, np.ones(2)) == ["g * (1 - y * y)"]
    assert formulas(lambda x, y: np.stack([x, y]), 1.0, 2.0) == ["_layers(g, y, *arrays, axis=0)"] * 2


def test_a_line_of_the_table_is_quoted_as_it_is_written():
    assert quotes(np.sin, 2.0) == ["defvjp(np.sin,          lambda g, y, x: g * np.cos(x))"]
    (log,) = quotes(np.log, 2.0)
    assert log.startswith("defpartials(np.log,     lambda y, x: 1 / x)")
    assert log.endswith("# infinite at 0")
    (extreme,) = quotes(lambda x, y: np.maximum(x, y), 1.0, 2.0)
    assert extreme.splitlines()[0].startswith("defvjp(extreme,     lambda g, y, a, b: _extreme(")


def test_where_a_line_of_the_table_stands():
    (quote,) = rules_of(np.sin, 2.0)["quotes"]
    file, line = re.fullmatch(r"(rules/\w+\.py), line (\d+)", quote["where"]).groups()
    lines = resources.files("tinydp.ad").joinpath(file).read_text("utf-8").splitlines()
    assert lines[int(line) - 1].strip() == quote["text"]


def test_a_rule_that_is_a_function_is_quoted_whole():
    def cube_rule(g, y, x):
        slope = 3 * x * x
        return g * slope

    cube = dp.primitive(lambda x: x**3)
    dp.defvjp(cube, cube_rule)
    rules = described(dp.record(cube, 2.0))["rules"][0]
    assert (rules["symbols"], rules["formulas"]) == (["x"], ["cube_rule(g, y, x)"])
    assert rules["quotes"][0]["text"] == (
        "def cube_rule(g, y, x):\n    slope = 3 * x * x\n    return g * slope")


def test_rules_of_the_user_are_quoted():
    steeper = dp.custom_gradient(lambda x: x, lambda g, y, x: g * (
        10 + x))
    rules = described(dp.record(steeper, 2.0))["rules"][0]
    assert rules["formulas"] == ["g * ( 10 + x)"]
    assert rules["quotes"][0]["text"].splitlines() == [
        "steeper = dp.custom_gradient(lambda x: x, lambda g, y, x: g * (", "    10 + x))"]

    @dp.custom_gradient(lambda g, y, x: 2 * g)
    def twice(x):
        return x

    assert described(dp.record(twice, 2.0))["rules"][0]["quotes"][0]["text"] == (
        "@dp.custom_gradient(lambda g, y, x: 2 * g)")


def test_a_surrogate_shows_what_multiplies():
    rules = described(dp.record(dp.straight_through(np.floor, "tanh"), 2.5))["rules"][0]
    assert rules["formulas"] == ["_through_window(window, g, y, x)"]


def test_a_loop_and_a_checkpoint_have_no_rule_but_their_inside():
    for name in ("scan", "checkpoint"):
        data = described(TAPES[name]())
        row = next(row for row in data["rows"] if row["size"])
        assert data["rules"][row["rules"]]["quotes"] == []


def test_a_rule_without_source_is_not_quoted():
    scope = {}
    exec("rule = lambda g, y, x: 2 * g * x", scope)
    square = dp.primitive(lambda x: x * x)
    dp.defvjp(square, scope["rule"])
    assert described(dp.record(square, 2.0))["rules"][0]["formulas"] == [None]
