"""The gradients that go back through one shot, against finite differences and each other."""

import numpy as np
import pytest

import tinydp as dp
from demos.trebuchet.backward import backward, rest
from demos.trebuchet.machine import NET, TRAINING_DT, between, controller, new_controller, shot
from tinydp.sims.trebuchet import CORRECTED, at_rest, in_sling, stages

WIND, TARGET = 2.0, 55.0


@pytest.fixture(scope="module")
def params():
    return new_controller(np.random.default_rng(3))


@pytest.fixture(scope="module")
def found(params):
    return backward(params, WIND, TARGET)


def _miss(params):
    return abs(shot(WIND, *map(float, controller(params, WIND, TARGET)), TRAINING_DT) - TARGET)


def _stages(params):
    return stages(WIND, *map(float, controller(params, WIND, TARGET)), CORRECTED, TRAINING_DT)


def test_a_metre_further_is_a_metre_more(found):
    """The air is the same everywhere."""
    assert [slope.x for _, slope in found.flight] == pytest.approx([1.0] * len(found.flight))


def test_a_flight_s_gradients_are_those_of_finite_differences(found, params):
    flying = _stages(params)[2]
    ball, slope = found.flight[len(found.flight) // 2]
    for name in ("y", "vx", "vy"):
        far = [flying.run(ball._replace(**{name: getattr(ball, name) + h})).x for h in (1e-4, -1e-4)]
        assert getattr(slope, name) == pytest.approx((far[0] - far[1]) / 2e-4, rel=1e-5)


def test_stages_join(found, params):
    """Swept step by step, or the whole machine at once."""
    sliding, hanging, _ = _stages(params)
    released = lambda machine: in_sling(hanging.run(sliding.run(machine)))
    _, pull = dp.vjp(released, at_rest())
    ball, cotangent = found.flight[0]
    assert released(at_rest()).x == pytest.approx(ball.x)
    (back,) = pull(cotangent)
    assert list(back) == pytest.approx(list(found.slide[0][1]), rel=1e-9, abs=1e-9)


def test_the_network_s_gradients_join(found, params):
    aim = found.activations[-1]
    assert [float(x) for x in between(aim)] == pytest.approx(
        [float(x) for x in controller(params, WIND, TARGET)])
    _, pull = dp.vjp(between, aim)
    assert found.cotangents[-1] == pytest.approx(pull((found.angle, found.weight))[0])
    for k, (hidden, cotangent) in enumerate(zip(found.activations[1:-1], found.cotangents, strict=False), 1):
        _, pull = dp.vjp(rest(params, k), hidden)
        assert cotangent == pytest.approx(pull(found.cotangents[-1])[0])


def test_a_step_against_the_parameters_gradient_misses_by_less(found, params):
    rate = 0.1 / sum(np.sum(layer.weight**2) + np.sum(layer.bias**2) for layer in found.params)
    less = dp.ad.tree.map(lambda p, g: p - rate * g, params, found.params)
    assert _miss(less) == pytest.approx(_miss(params) - 0.1, rel=1e-3)


def test_layers_are_those_of_the_network(found):
    assert [len(layer) for layer in found.activations] == list(NET.sizes)
    assert [len(layer) for layer in found.cotangents] == list(NET.sizes[1:])
