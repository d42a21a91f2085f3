"""The optimisers against hand-written formulas and PyTorch; convergence; nothing is changed in place."""

import itertools
import pickle
from collections import namedtuple
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad import tree
from tinydp.ad.errors import StructureError
from tinydp.optim import SGD, Adam, clip_by_norm, cosine, norm

OPTIMISERS = [SGD(0.1), SGD(0.05, momentum=0.9), Adam(0.1), Adam(cosine(0.2, 0.0, 10), 0.8, 0.99, 1e-6)]
NAMES = ["SGD", "SGD with momentum", "Adam", "Adam with a schedule"]


class Weights(NamedTuple):
    matrix: object
    scale: object


def _params(rng):
    return {"layers": [Weights(rng.normal(size=(2, 3)), 0.5), (rng.normal(size=4), None)], "b": -1.5}


def _leaves(structure):
    return tree.flatten(structure)[0]


def _vector(structure):
    return np.concatenate([np.ravel(x) for x in _leaves(structure)])


# ---------------------------------------------------------------------------- formulas

@given(st.integers(0, 2**32))
def test_sgd_equals_the_formula(seed):
    rng = np.random.default_rng(seed)
    params, plain, heavy = _params(rng), SGD(0.1), SGD(0.1, momentum=0.5)
    g, h = _params(rng), _params(rng)
    once, state = heavy.step(params, g, heavy.init(params))
    twice, state = heavy.step(once, h, state)
    np.testing.assert_allclose(_vector(plain.step(params, g, plain.init(params))[0]),
                               _vector(params) - 0.1 * _vector(g), rtol=1e-14)
    np.testing.assert_allclose(_vector(once), _vector(params) - 0.1 * _vector(g), rtol=1e-14)
    np.testing.assert_allclose(_vector(twice), _vector(once) - 0.1 * (0.5 * _vector(g) + _vector(h)),
                               rtol=1e-12, atol=1e-14)
    assert state.step == 2


@given(st.integers(0, 2**32), st.floats(0.0, 0.99), st.floats(0.0, 0.999))
def test_adam_equals_the_formula(seed, beta1, beta2):
    rng = np.random.default_rng(seed)
    optimiser = Adam(0.01, beta1, beta2, 1e-8)
    params = _params(rng)
    state, x, m, v = optimiser.init(params), _vector(params), 0.0, 0.0
    for k in range(1, 5):
        g = _params(rng)
        params, state = optimiser.step(params, g, state)
        m = beta1 * m + (1 - beta1) * _vector(g)
        v = beta2 * v + (1 - beta2) * _vector(g)**2
        x = x - 0.01 * (m / (1 - beta1**k)) / (np.sqrt(v / (1 - beta2**k)) + 1e-8)
        np.testing.assert_allclose(_vector(params), x, rtol=1e-10, atol=1e-12)
    assert state.step == 4


@given(st.floats(1e-3, 1e3))
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(g):
    optimiser = Adam(0.25)
    params, _ = optimiser.step(3.0, g, optimiser.init(3.0))
    assert params == pytest.approx(2.75)


@pytest.mark.parametrize(("ours", "name", "options"), [
    (SGD(0.1), "SGD", {"lr": 0.1}),
    (SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    (Adam(0.01, 0.8, 0.95, 1e-6), "Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6}),
])
def test_equals_pytorch(ours, name, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    params = [rng.normal(size=(3, 2)), rng.normal(size=5)]
    theirs = [torch.tensor(p, requires_grad=True) for p in params]
    optimiser = getattr(torch.optim, name)(theirs, **options)
    state = ours.init(params)
    for _ in range(20):
        gradient = [rng.normal(size=p.shape) for p in params]
        params, state = ours.step(params, gradient, state)
        for p, g in zip(theirs, gradient, strict=True):
            p.grad = torch.tensor(g)
        optimiser.step()
    for p, expected in zip(params, theirs, strict=True):
        np.testing.assert_allclose(p, expected.detach().numpy(), rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------------------- manners

@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_structure_shapes_and_types_stay(optimiser):
    rng = np.random.default_rng(0)
    params = _params(rng)
    after, _ = optimiser.step(params, _params(rng), optimiser.init(params))
    assert list(after) == ["layers", "b"]
    assert isinstance(after["layers"][0], Weights)
    assert after["layers"][1][1] is None
    for x, y in zip(_leaves(params), _leaves(after), strict=True):
        assert type(x) is type(y)
        assert np.shape(x) == np.shape(y)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_nothing_is_changed_in_place(optimiser):
    rng = np.random.default_rng(0)
    params, gradient = _params(rng), _params(rng)
    _, state = optimiser.step(params, gradient, optimiser.init(params))
    before = pickle.dumps((params, gradient, state))
    for x in _leaves((params, gradient, state)):
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    after, _ = optimiser.step(params, gradient, state)
    assert pickle.dumps((params, gradient, state)) == before
    for x, y in zip(_leaves(params), _leaves(after), strict=True):
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_a_saved_state_continues_with_the_same_bits(optimiser):
    rng = np.random.default_rng(0)
    params, g, h = _params(rng), _params(rng), _params(rng)
    params, state = optimiser.step(params, g, optimiser.init(params))
    expected = optimiser.step(params, h, state)
    copy, params, state = pickle.loads(pickle.dumps((optimiser, params, state)))
    for x, y in zip(_leaves(expected), _leaves(copy.step(params, h, state)), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("optimiser", [SGD(0.1), Adam(0.1)], ids=repr)
def test_the_order_of_a_dict_does_not_matter(optimiser):
    params = {"a": 1.0, "b": 2.0}
    state = optimiser.init(params)
    forwards = optimiser.step(params, {"a": 1.0, "b": -3.0}, state)[0]
    backwards = optimiser.step(params, {"b": -3.0, "a": 1.0}, state)[0]
    assert forwards == backwards


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_single_precision_stays(optimiser):
    params = np.ones(3, dtype=np.float32)
    after, _ = optimiser.step(params, params, optimiser.init(params))
    assert after.dtype == np.float32


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
@pytest.mark.parametrize("x", [2, 2.0, np.float64(2), np.float32(2), np.array(2.0)], ids=repr)
def test_a_number_becomes_a_float(optimiser, x):
    after, _ = optimiser.step(x, 1, optimiser.init(x))
    assert type(after) is float


@pytest.mark.parametrize("rate", [0.1, np.float64(0.1), lambda k: np.float64(0.1)])
def test_the_type_of_the_rate_does_not_matter(rate):
    params = [np.ones(3, dtype=np.float32), np.ones(2), np.arange(3)]
    (single, double, integer), _ = SGD(rate).step(params, params, SGD(rate).init(params))
    assert (single.dtype, double.dtype, integer.dtype) == (np.float32, np.float64, np.float64)


def test_no_parameters_at_all():
    optimiser = Adam()
    assert optimiser.step([], [], optimiser.init([]))[0] == []
    assert norm([]) == 0.0


@pytest.mark.parametrize("gradient", [{"w": np.ones(2)}, {"w": 1.0, "c": 1.0}, [1.0, 1.0]])
def test_a_gradient_of_other_parameters_is_refused(gradient):
    optimiser, params = Adam(), {"w": np.ones(3), "b": 1.0}
    with pytest.raises(StructureError):
        optimiser.step(params, gradient, optimiser.init(params))


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(StructureError, match=r"parameter has shape \(3,\), its gradient \(1, 3\)"):
        SGD(0.1).step(np.ones(3), np.ones((1, 3)), SGD(0.1).init(np.ones(3)))


# ---------------------------------------------------------------------------- rates and limits

@given(st.floats(1e-6, 1.0), st.floats(0.0, 1.0), st.integers(1, 500))
def test_cosine_falls_from_start_to_end(start, share, steps):
    end = share * start
    rates = [cosine(start, end, steps)(k) for k in range(steps + 3)]
    assert rates[0] == pytest.approx(start)
    assert rates[-3:] == pytest.approx([end] * 3)
    assert all(a >= b for a, b in itertools.pairwise(rates))
    assert cosine(start, end, 2)(1) == pytest.approx((start + end) / 2)


def test_a_schedule_gets_the_index_of_the_step():
    asked = []
    optimiser = SGD(lambda k: asked.append(k) or 10.0**-k)
    params, state = 0.0, optimiser.init(0.0)
    for _ in range(3):
        params, state = optimiser.step(params, -1.0, state)
    assert asked == [0, 1, 2]
    assert params == pytest.approx(1.11)


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3))
def test_clipping_keeps_the_direction(seed, limit):
    gradient = _params(np.random.default_rng(seed))
    clipped = clip_by_norm(gradient, limit)
    length = np.linalg.norm(_vector(gradient))
    assert norm(gradient) == pytest.approx(length)
    assert norm(clipped) == pytest.approx(min(length, limit))
    np.testing.assert_allclose(_vector(clipped) * length, _vector(gradient) * norm(clipped), rtol=1e-10)
    assert type(clipped["b"]) is float


def test_a_short_gradient_is_left_alone():
    gradient = [np.array([0.3, 0.4])]
    assert clip_by_norm(gradient, 0.5) is gradient
    np.testing.assert_array_equal(clip_by_norm([np.zeros(2)], 1.0)[0], [0.0, 0.0])


def test_an_exploding_gradient_keeps_its_direction():
    np.testing.assert_allclose(clip_by_norm(np.array([3e200, -4e200]), 1.0), [0.6, -0.8])


def test_a_gradient_that_is_no_number_stays_visible():
    assert np.isnan(norm([np.array([1.0, np.nan])]))
    assert np.isnan(clip_by_norm([np.array([1.0, np.nan])], 1.0)[0]).any()


# ---------------------------------------------------------------------------- learning

@pytest.mark.parametrize("optimiser", [
    SGD(0.08), SGD(0.05, momentum=0.8), Adam(0.05), Adam(cosine(0.3, 0.0, 600)),
], ids=NAMES)
def test_converges_on_a_quadratic(optimiser):
    target = _params(np.random.default_rng(1))
    stiffness = np.linspace(1.0, 10.0, _vector(target).size)
    gradient = dp.grad(lambda x: np.sum(stiffness * (x - _vector(target))**2))
    x = np.zeros_like(stiffness)
    state = optimiser.init(x)
    for _ in range(600):
        x, state = optimiser.step(x, gradient(x), state)
    np.testing.assert_allclose(x, _vector(target), atol=1e-4)


def test_one_step_can_be_differentiated_by_the_rate():
    def loss_after_a_step(rate):
        optimiser = SGD(rate)
        x = np.array([1.0, 2.0])
        x, _ = optimiser.step(x, 2 * x, optimiser.init(x))
        return np.sum(x**2)                      # (1 - 2 rate)² * 5

    assert dp.grad(loss_after_a_step)(0.1) == pytest.approx(-4 * 0.8 * 5)


# ---------------------------------------------------------------------------- parameters and their state

KEEPING = OPTIMISERS[1:]


@pytest.mark.parametrize("optimiser", KEEPING, ids=NAMES[1:])
def test_a_state_finds_its_parameters_by_name(optimiser):
    """Parameters that are built anew with another order of keys keep their own averages."""
    def train(turned):
        params = {"a": np.array([1.0, 2.0]), "b": {"c": 0.5, "d": np.array([3.0, -1.0])}}
        state = optimiser.init(params)
        for k in range(1, 4):
            gradient = {"a": np.array([100.0, 10.0]) / k, "b": {"c": -k, "d": np.array([0.1, 0.2 * k])}}
            params, state = optimiser.step(params, gradient, state)
            if turned:
                params = {"b": dict(reversed(params["b"].items())), "a": params["a"]}
        return params

    straight, turned = train(turned=False), train(turned=True)
    tree.map(np.testing.assert_array_equal, straight, turned)


@pytest.mark.parametrize("optimiser", KEEPING, ids=NAMES[1:])
@pytest.mark.parametrize("other", [
    {"w": np.ones(3)}, {"w": np.ones(3), "c": 1.0}, {"w": np.ones(4)}, {"w": np.ones(2), "b": np.ones(2)},
    {"w": np.ones((1, 3)), "b": 1.0}, np.ones(4), [np.ones(3), 1.0]], ids=str)
def test_the_state_of_other_parameters_is_refused(optimiser, other):
    """... also where the numbers in it are as many."""
    params = {"w": np.ones(3), "b": 1.0}
    with pytest.raises(StructureError, match=r"optimiser\.init"):
        optimiser.step(params, params, optimiser.init(other))


class Twin:
    """A key that looks like any other of its kind."""

    def __repr__(self):
        return "K"


@pytest.mark.parametrize("optimiser", KEEPING, ids=NAMES[1:])
def test_keys_that_look_the_same_are_refused(optimiser):
    """The state could not find its parameters again, where a dict has its keys in another order."""
    params = {Twin(): 1.0, Twin(): 2.0}
    with pytest.raises(StructureError, match=r"look the same, K,[\s\S]*__repr__"):
        optimiser.init({"layers": [params]})


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_a_gradient_is_matched_by_keys_that_look_different(optimiser):
    """1 and NumPy's 1 are the same key, but stand elsewhere among others."""
    params, g = {1: 1.0, 2: 2.0}, {np.int64(1): 10.0, 2: -3.0}
    assert sorted(g, key=repr) != sorted(params, key=repr)
    state = optimiser.init(params)
    assert optimiser.step(params, g, state)[0] == optimiser.step(params, {1: 10.0, 2: -3.0}, state)[0]


FORWARDS, BACKWARDS = namedtuple("P", "a b"), namedtuple("P", "b a")


@pytest.mark.parametrize("optimiser", KEEPING, ids=NAMES[1:])
def test_the_state_of_other_fields_is_refused(optimiser):
    """... of a named tuple that has the same name."""
    params = BACKWARDS(1.0, 2.0)
    with pytest.raises(StructureError, match=r"optimiser\.init"):
        optimiser.step(params, params, optimiser.init(FORWARDS(1.0, 2.0)))


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=NAMES)
def test_a_gradient_of_other_fields_is_refused(optimiser):
    params, g = FORWARDS(1.0, 2.0), BACKWARDS(1.0, 2.0)
    with pytest.raises(StructureError, match=r"P with the fields a, b does not match P with the fields b, a"):
        optimiser.step(params, g, optimiser.init(params))


@pytest.mark.parametrize(("made", "used"), [
    (SGD(0.1), SGD(0.1, 0.9)), (Adam(), SGD(0.1, 0.9)), (SGD(0.1), Adam()), (SGD(0.1, 0.9), Adam())])
def test_the_state_of_another_optimiser_is_refused(made, used):
    params = {"w": np.ones(3), "b": 1.0}
    with pytest.raises(StructureError, match=r"optimiser\.init"):
        used.step(params, params, made.init(params))


@pytest.mark.parametrize("optimiser", KEEPING, ids=NAMES[1:])
def test_a_step_can_be_compiled_with_its_state(optimiser):
    params = {"w": np.ones(3), "b": 1.0}
    gradient = {"b": 0.5, "w": np.array([1.0, 2.0, -3.0])}
    state = optimiser.step(params, gradient, optimiser.init(params))[1]
    compiled = dp.compile(lambda p, g, kept: optimiser.step(p, g, state._replace(**kept))[1][1:])
    kept = {name: getattr(state, name) for name in state._fields[1:]}
    wanted, found = optimiser.step(params, gradient, state)[1][1:], compiled(params, gradient, kept)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), wanted, found)


# ---------------------------------------------------------------------------- as one program

def fit(params, x, y):
    return np.mean((np.tanh(x @ params["w"]) @ params["v"] - y)**2)


def update(params, average, state, x, y, optimiser=Adam(cosine(1e-2, 1e-4, 20))):      # noqa: B008
    """A whole training step: gradient, clipping, Adam with a rate that falls, and a running average."""
    value, gradient = dp.value_and_grad(fit)(params, x, y)
    params, state = optimiser.step(params, clip_by_norm(gradient, 2.0), state)
    kept = min(0.99, state.step / (state.step + 9))
    average = {name: kept * average[name] + (1 - kept) * params[name] for name in params}
    return {"params": params, "average": average, "state": state, "value": value}


def test_a_training_step_is_one_compiled_program():
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(2, 5)), "v": rng.normal(size=5)}
    x, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    compiled = dp.compile(update)
    here = there = {"params": params, "average": params, "state": Adam().init(params)}
    lengths = []
    for _ in range(30):                          # beyond the end of the cosine
        lengths.append(norm(dp.grad(fit)(here["params"], x, y)))
        here, there = (f(made["params"], made["average"], made["state"], x, y)
                       for f, made in ((update, here), (compiled, there)))
        assert there["value"] == pytest.approx(here["value"], rel=1e-12)
    assert min(lengths) < 2.0 < max(lengths)     # both sides of the limit were met
    np.testing.assert_allclose(there["average"]["w"], here["average"]["w"], rtol=1e-10)
    assert (type(there["state"].step), there["state"].step) == (int, 30)


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_limit_that_would_turn_the_gradient_round(limit):
    with pytest.raises(ValueError, match="the limit of a norm is not negative"):
        clip_by_norm([np.ones(3)], limit)
