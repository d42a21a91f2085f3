"""Hypothesis strategies, and the property test in one line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.primitives import FlatPrimitive
from tinydp.ad.registry import PRIMITIVES
from tinydp.testing import GradientError
from tinydp.testing.domains import DOMAINS, OTHER_NAMES, Domain
from tinydp.testing.strategies import (
    arrays,
    broadcastable,
    check_property,
    gradients_right,
    inputs_for,
    numbers,
)

FUNCTIONS = [f for f in DOMAINS if f not in OTHER_NAMES]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_rule_is_right(function):
    numbers_only = all(isinstance(argument, Domain) for argument in DOMAINS[function])
    statistics = check_property(function, inputs_for(function), max_examples=8 if numbers_only else 2)
    assert statistics.wrong == 0
    assert statistics.points == statistics.right + statistics.inconclusive
    assert statistics.right > 0


@pytest.mark.parametrize("function", [np.add, np.multiply, np.maximum, np.arctan2], ids=lambda f: f.__name__)
def test_broadcasting_inputs(function):
    statistics = check_property(function, inputs_for(function, broadcastable(2)), max_examples=6)
    assert statistics.wrong == 0


@given(numbers(0.5, 2.0), numbers(-1.0), arrays((2, 3), numbers(0.0, 1.0)), broadcastable(3))
def test_strategies_stay_in_their_bounds(x, y, a, shapes):
    assert 0.5 < x < 2.0
    assert -1.0 < y <= 1e6
    assert a.shape == (2, 3)
    assert np.all((a > 0) & (a < 1))
    np.broadcast_shapes(*shapes)


def test_every_function_of_the_registry_has_inputs_or_says_why_not():
    for function, primitive in PRIMITIVES.items():
        if isinstance(primitive, FlatPrimitive):
            with pytest.raises(KeyError, match="constant wherever it has a derivative"):
                inputs_for(function)
        elif not function.__module__.startswith("tests"):
            if function not in DOMAINS:
                pytest.fail(f"{function.__name__} has no domain: add where each argument may lie to DOMAINS "
                            "in tinydp/testing/domains.py; and, if it has kinks, what changes to SIDES.",
                            pytrace=False)
            assert isinstance(inputs_for(function), st.SearchStrategy)


def test_a_function_without_inputs_says_what_to_pass():
    with pytest.raises(KeyError, match=r"no domain is declared for i0; pass inputs of your own"):
        inputs_for(np.i0)
    with pytest.raises(ValueError, match="sort does not work element by element"):
        inputs_for(np.sort, broadcastable(1))


def test_a_failure_is_shrunk_with_its_culprit():
    wrong = dp.custom_gradient(lambda x: x**2, lambda g, y, x: g * np.where(x > 3.0, 2.002, 2.0) * x)

    def cube(x):
        return wrong(x) * x

    with pytest.raises(GradientError) as caught:
        check_property(cube, st.tuples(st.floats(0.5, 100.0)), max_examples=200)
    (culprit,) = {c.op for c in caught.value.report.culprits}
    assert culprit == "<lambda>"
    assert 3.0 < caught.value.report.culprits[0].inputs[0] <= 4.0


def test_foreign_gradients_too():
    with pytest.raises(GradientError):
        check_property(lambda x: x**3, st.tuples(numbers(1.0, 10.0)), grad=lambda x: 3.003 * x**2)


@gradients_right(st.tuples(numbers(0.0, 10.0)), max_examples=10)
def test_the_decorator(x):
    return np.sqrt(x) + x


def test_the_decorator_fails_for_a_wrong_gradient():
    @gradients_right(st.tuples(numbers(1.0, 2.0)), max_examples=10)
    @dp.custom_gradient(lambda g, y, x: 2.1 * g)
    def test(x):
        return 2.0 * x

    with pytest.raises(GradientError, match="wrong: "):
        test()


@settings(max_examples=5)
@given(st.data())
def test_arrays_come_in_several_layouts(data):
    x = data.draw(arrays((3, 2), numbers(0.0, 1.0)))
    assert x.dtype == np.float64
