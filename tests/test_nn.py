"""The MLP against hand-written formulas, differences and PyTorch; its initial scales and refusals."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.nn import ACTIVATIONS, MLP, Layer, glorot, he, relu, sigmoid
from tinydp.optim import SGD

names = st.sampled_from(sorted(ACTIVATIONS))


def _flat(params):
    return np.concatenate([x.ravel() for layer in params for x in layer])


# ---------------------------------------------------------------------------- forwards

@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.integers(0, 4), names, names)
def test_shapes_and_batches(sizes, batch, hidden, output):
    rng = np.random.default_rng(0)
    net = MLP(tuple(sizes), hidden, output)
    params = net.init(rng)
    x = rng.normal(size=(batch, sizes[0]))
    y = net(params, x)
    assert y.shape == (batch, sizes[-1])
    for row, expected in zip(x, y, strict=True):
        assert net(params, row).shape == (sizes[-1],)
        np.testing.assert_allclose(net(params, row), expected, rtol=1e-12, atol=1e-14)


def test_equals_the_formula():
    rng = np.random.default_rng(1)
    net = MLP((3, 5, 4, 2), hidden="relu", output="sigmoid")
    params = [Layer(rng.normal(size=layer.weight.shape), rng.normal(size=layer.bias.shape))
              for layer in net.init(rng)]
    (a, b), (c, d), (e, f) = params
    x = rng.normal(size=(7, 3))
    h = np.maximum(x @ a + b, 0)
    h = np.maximum(h @ c + d, 0)
    np.testing.assert_allclose(net(params, x), 1 / (1 + np.exp(-(h @ e + f))), rtol=1e-12)


def test_any_function_is_an_activation():
    net = MLP((2, 3, 1), hidden=np.sin, output=lambda x: 10 * x)
    params = net.init(np.random.default_rng(0))
    (a, b), (c, d) = params
    x = np.array([0.3, -0.4])
    np.testing.assert_allclose(net(params, x), 10 * (np.sin(x @ a + b) @ c + d), rtol=1e-12)


def test_sigmoid_never_overflows():
    np.testing.assert_array_equal(sigmoid(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])


def test_a_network_is_a_value():
    net = MLP([3, 4, 1], hidden="relu")
    assert net.sizes == (3, 4, 1)
    assert net == pickle.loads(pickle.dumps(net)) == MLP((3, 4, 1), hidden="relu")
    assert len({net, MLP((3, 4, 1), hidden="relu")}) == 1


# ---------------------------------------------------------------------------- initial parameters

def test_init_depends_on_the_generator_alone():
    net = MLP((3, 64, 64, 1))
    first, again, other = (net.init(np.random.default_rng(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(_flat(first), _flat(again))
    assert not np.array_equal(_flat(first), _flat(other))
    assert not any(np.any(layer.bias) for layer in first)


@pytest.mark.parametrize(("init", "variance"), [(glorot, 2 / 700), (he, 2 / 300)])
def test_init_scales(init, variance):
    weight = init(np.random.default_rng(0), 300, 400)
    assert weight.shape == (300, 400)
    assert np.mean(weight) == pytest.approx(0.0, abs=5e-4)
    assert np.var(weight) == pytest.approx(variance, rel=0.02)


def test_he_comes_before_relu_and_glorot_before_all_else():
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    first, last = MLP((20, 30, 10), hidden="relu", output="tanh").init(rng)
    np.testing.assert_array_equal(first.weight, he(same, 20, 30))
    np.testing.assert_array_equal(last.weight, glorot(same, 30, 10))


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_signals_neither_grow_nor_fade(hidden):
    rng = np.random.default_rng(0)
    sizes = (256,) * 9
    net = MLP(sizes, hidden, output=hidden)
    y = net(net.init(rng), rng.normal(size=(64, 256)))
    assert 0.1 < np.sqrt(np.mean(y**2)) < 2.0


# ---------------------------------------------------------------------------- gradients

@given(names, names, st.integers(0, 2**32))
def test_gradient_equals_differences(hidden, output, seed):
    rng = np.random.default_rng(seed)
    net = MLP((3, 4, 2), hidden, output)
    params, direction, x = net.init(rng), net.init(rng), rng.normal(size=(5, 3))

    def along(t):
        moved = dp.ad.tree.map(lambda p, d: p + t * d, params, direction)
        return np.sum(net(moved, x)**2)

    def is_active(t):
        weight, bias = (p + t * d for p, d in zip(params[0], direction[0], strict=True))
        return x @ weight + bias > 0

    h = 1e-6
    if "relu" in (hidden, output):                 # a kink between the two points is no error
        h = 1e-9
    gradient = dp.grad(lambda p: np.sum(net(p, x)**2))(params)
    expected = (along(h) - along(-h)) / (2 * h)
    if np.array_equal(is_active(h), is_active(-h)):
        assert _flat(gradient) @ _flat(direction) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_gradient_has_the_structure_of_the_parameters():
    net = MLP((3, 8, 2))
    params = net.init(np.random.default_rng(0))
    gradient = dp.grad(lambda p: np.sum(net(p, np.ones(3))))(params)
    assert [type(layer) for layer in gradient] == [Layer, Layer]
    assert [g.shape for layer in gradient for g in layer] == [p.shape for layer in params for p in layer]


def test_gradient_by_the_input():
    net = MLP((3, 8, 1))
    params = net.init(np.random.default_rng(0))
    x, h = np.array([0.1, -0.2, 0.3]), 1e-6
    gradient = dp.grad(lambda x: net(params, x)[0])(x)
    expected = [(net(params, x + h * e) - net(params, x - h * e))[0] / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(gradient, expected, rtol=1e-7)


def test_the_derivative_of_relu_at_zero_is_zero():
    assert dp.grad(relu)(0.0) == 0.0
    assert dp.grad(relu)(1e-300) == 1.0
    np.testing.assert_array_equal(dp.grad(lambda x: np.sum(relu(x)))(np.array([-1.0, 0.0, 2.0])), [0, 0, 1])


@pytest.mark.parametrize("hidden", ["tanh", "relu", "sigmoid"])
def test_equals_pytorch(hidden):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    net = MLP((4, 16, 16, 2), hidden, output="tanh")
    params, x = net.init(rng), rng.normal(size=(10, 4))
    value, gradient = dp.value_and_grad(lambda p: np.sum(net(p, x)**2))(params)
    activations = [getattr(torch, hidden)] * 2 + [torch.tanh]
    theirs = [[torch.tensor(p, requires_grad=True) for p in layer] for layer in params]
    y = torch.tensor(x)
    for activation, (weight, bias) in zip(activations, theirs, strict=True):
        y = activation(y @ weight + bias)
    total = (y**2).sum()
    total.backward()
    assert value == pytest.approx(total.item(), rel=1e-12)
    for layer, expected in zip(gradient, theirs, strict=True):
        for g, p in zip(layer, expected, strict=True):
            np.testing.assert_allclose(g, p.grad.numpy(), rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------------------- learning

def _learn_xor(seed):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = np.array([[0.0], [1.0], [1.0], [0.0]])
    net = MLP((2, 8, 1), output="sigmoid")
    params = net.init(np.random.default_rng(seed))
    optimiser = SGD(rate=0.5, momentum=0.9)
    state = optimiser.init(params)
    gradient = dp.grad(lambda params: np.sum((net(params, x) - wanted)**2))
    for _ in range(300):
        params, state = optimiser.step(params, gradient(params), state)
    return params, np.abs(net(params, x) - wanted)


@pytest.mark.parametrize("seed", range(3))
def test_learns_xor(seed):
    _, error = _learn_xor(seed)
    assert np.max(error) < 0.1


def test_the_same_seed_learns_the_same_bits():
    np.testing.assert_array_equal(_flat(_learn_xor(0)[0]), _flat(_learn_xor(0)[0]))


# ---------------------------------------------------------------------------- refusals

@pytest.mark.parametrize("sizes", [(), (3,), (3, 0), (3, -1, 2), (2.5, 1)])
def test_bad_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="at least two sizes"):
        MLP(sizes)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="no activation 'gelu': use 'tanh', 'relu', 'sigmoid'"):
        MLP((3, 1), output="gelu")


@pytest.mark.parametrize("x", [np.ones(2), np.ones((3, 4)), 1.0])
def test_an_input_of_another_shape_is_refused(x):
    net = MLP((3, 1))
    with pytest.raises(ValueError, match="takes 3 inputs"):
        net(net.init(np.random.default_rng(0)), x)


def test_parameters_of_another_network_are_refused():
    params = MLP((3, 4, 1)).init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="has 1 layers, and the parameters have 2"):
        MLP((3, 1))(params, np.ones(3))
