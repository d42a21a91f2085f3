"""`vmap` gives what a Python loop over the rows gives, stacked; under every transformation as well."""

import pickle
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.errors import LoopError, StructureError
from tinydp.testing import check_grads

RNG = np.random.default_rng(0)
W, X, V = RNG.normal(size=(3, 2)), RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))


class Layer(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


PARAMS = Layer(W, RNG.normal(size=3))


def loss(params, x):
    return np.sum(np.tanh(params.weight @ x + params.bias) ** 2)


def looped(f, axes, *args):
    """The loop that `vmap` stands for; each of the axes is an int or None."""
    (n,) = {x.shape[a] for x, a in zip(args, axes, strict=True) if a is not None}
    rows = [f(*(x if a is None else np.moveaxis(x, a, 0)[k] for x, a in zip(args, axes, strict=True)))
            for k in range(n)]
    return np.stack(rows)


def same(a, b, rtol=1e-13):
    flat = [dp.ad.tree.flatten(x)[0] for x in (a, b)]
    assert dp.ad.tree.alike(a, b)
    for x, y in zip(*flat, strict=True):
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-14)


# ---------------------------------------------------------------------------- axes

@given(st.data())
def test_any_axes_in_and_out(data):
    n, sides = data.draw(st.integers(1, 4)), [3, 2]
    args, axes = [], []
    for _ in range(2):
        axis = data.draw(st.none() | st.integers(-3, 2))
        full = np.insert(sides, axis % 3, n) if axis is not None else sides
        args.append(RNG.normal(size=tuple(full)))
        axes.append(axis)
    out = data.draw(st.integers(-3, 2))
    f = lambda a, b: np.sin(a) * b + a
    if axes == [None, None]:
        with pytest.raises(LoopError, match="nothing to map over"):
            dp.vmap(f, tuple(axes), out)(*args)
        return
    found = dp.vmap(f, in_axes=tuple(axes), out_axes=out)(*args)
    np.testing.assert_array_equal(found, np.moveaxis(looped(f, axes, *args), 0, out))


def test_axes_within_structures():
    f = lambda p, x: {"y": p["w"] @ x + p["b"], "n": (np.sum(x), None)}
    w, b = RNG.normal(size=(3, 5, 2)), RNG.normal(size=3)
    found = dp.vmap(f, in_axes=({"w": 1, "b": None}, 0), out_axes={"y": -1, "n": 0})({"w": w, "b": b}, X)
    rows = [f({"w": w[:, k], "b": b}, X[k]) for k in range(5)]
    np.testing.assert_array_equal(found["y"], np.stack([r["y"] for r in rows], axis=-1))
    np.testing.assert_array_equal(found["n"][0], np.stack([r["n"][0] for r in rows]))
    assert found["n"][1] is None


@dataclass(frozen=True)
class Spring:
    length: float
    ends: np.ndarray
    kind: str = "steel"


def test_axes_within_dataclasses_with_static_parts():
    f = lambda spring: Spring(spring.length * np.sum(spring.ends), spring.ends, spring.kind)
    springs = Spring(np.arange(3.0), np.ones((2, 3)), "wood")
    found = dp.vmap(f, in_axes=(Spring(0, 1),), out_axes=Spring(0, -1))(springs)
    assert found.kind == "wood"
    assert found.length.tolist() == [0.0, 2.0, 4.0]
    np.testing.assert_array_equal(found.ends, np.ones((2, 3)))


def test_keyword_arguments_are_mapped_over_axis_0():
    found = dp.vmap(lambda x, scale: scale * x, in_axes=1)(X.T, scale=np.arange(5.0))
    np.testing.assert_array_equal(found, np.arange(5.0)[:, None] * X)


def test_what_is_not_mapped_may_be_anything():
    f = lambda kind, g, x: {"sin": np.sin, "cos": np.cos}[kind](g(x))
    np.testing.assert_array_equal(dp.vmap(f, in_axes=(None, None, 0))("cos", np.exp, X), np.cos(np.exp(X)))


def test_a_row_of_numbers_is_a_number_of_pythons():
    kinds = []
    dp.vmap(lambda x: kinds.append(type(x)) or x)(np.arange(2.0))
    assert kinds == [float, float]


def test_out_axes_of_none_is_for_what_is_the_same_in_all_rows():
    f = lambda w, x: (w @ x, np.sum(w))
    y, total = dp.vmap(f, in_axes=(None, 0), out_axes=(0, None))(W, X)
    assert y.shape == (5, 3)
    assert total == np.sum(W)
    g = dp.grad(lambda w: dp.vmap(f, in_axes=(None, 0), out_axes=(0, None))(w, X)[1])(W)
    np.testing.assert_array_equal(g, np.ones_like(W))


def test_conditions_are_stacked():
    assert dp.vmap(lambda x: x > 0.0)(np.array([1.0, -1.0])).tolist() == [True, False]


# ---------------------------------------------------------------------------- refusals

def refusals():
    two = lambda x, y: x * y
    yield "single number", lambda: dp.vmap(two)(X, 2.0), LoopError, r"^y is a single number"
    yield "in_axes=\\(0, None\\)", lambda: dp.vmap(two)(X, 2.0), LoopError, "in_axes=\\(0, None\\)"
    yield "sizes", lambda: dp.vmap(two)(X, np.ones(4)), LoopError, "x has 5 on axis 0, y has 4 on axis 0"
    yield "axis", lambda: dp.vmap(two, in_axes=(0, 1))(X, np.ones(5)), LoopError, (
        r"y has no axis 1: its shape is \(5,\)")
    yield "path", lambda: dp.vmap(lambda p: p["a"], in_axes=1)({"a": np.ones(5)}), LoopError, (
        r"p\['a'\] has no axis 1")
    yield "nothing", lambda: dp.vmap(two, in_axes=(None, None))(X, X), LoopError, "nothing to map over"
    yield "no arguments", lambda: dp.vmap(lambda: 1.0)(), LoopError, "nothing to map over"
    yield "too few axes", lambda: dp.vmap(two, in_axes=(0,))(X, X), StructureError, (
        "in_axes has 1 entry, the call 2 positional arguments")
    yield "tree", lambda: dp.vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": X}), StructureError, (
        "in_axes of p")
    yield "no rows", lambda: dp.vmap(np.sin)(np.zeros((0, 2))), LoopError, "x has no rows"
    yield "object", lambda: dp.vmap(lambda x, s: x)(X, object()), LoopError, "s is a object"
    yield "keyword", lambda: dp.vmap(two)(X, y=2.0), LoopError, "functools.partial"
    yield "bool", lambda: dp.vmap(two, in_axes=(0, True)), StructureError, "True"
    yield "dict", lambda: dp.vmap(two, in_axes={"x": 0}), StructureError, "a tuple"
    yield "function", lambda: dp.vmap(3.0), TypeError, "vmap needs a function"
    yield "result", lambda: dp.vmap(lambda x: object())(X), StructureError, "returned object"
    yield "text", lambda: dp.vmap(lambda x: "a" if x > 0 else "b")(np.array([1.0, -1.0])), (
        StructureError), "row 1"
    yield "shapes", lambda: dp.vmap(lambda x: np.ones(2 if x > 0 else 3))(np.array([1.0, -1.0])), (
        StructureError), r"row 1 .* of shape \(3,\)"
    yield "structures", lambda: dp.vmap(lambda x: x if x > 0 else (x,))(np.array([1.0, -1.0])), (
        StructureError), "row 1"
    yield "out axis", lambda: dp.vmap(np.sum, out_axes=1)(X), LoopError, "out_axes=1"
    yield "out tree", lambda: dp.vmap(np.sum, out_axes=(0, 0))(X), StructureError, "out_axes"
    yield "out none", lambda: dp.vmap(np.sum, out_axes=None)(X), LoopError, "depends on the row"
    yield "out none, by a variable", lambda: dp.grad(
        lambda x: dp.vmap(np.sum, out_axes=None)(x))(np.ones((5, 2))), LoopError, "depends on the row"


@pytest.mark.parametrize(("call", "error", "message"), [pytest.param(*r[1:], id=r[0]) for r in refusals()])
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_advice_can_be_pasted_in():
    with pytest.raises(LoopError, match=r"dp.vmap\(f, in_axes=\(0, None\)\)"):
        dp.vmap(lambda x, y: x * y)(X, 2.0)
    np.testing.assert_array_equal(dp.vmap(lambda x, y: x * y, in_axes=(0, None))(X, 2.0), 2.0 * X)


# ---------------------------------------------------------------------------- derivatives

def all_losses(params, xs):
    return np.stack([loss(params, x) for x in xs])


MAPPED = dp.vmap(loss, in_axes=(None, 0))


def test_gradient_and_second_derivatives_are_those_of_the_loop():
    total, mine = lambda *args: np.sum(np.sin(all_losses(*args))), lambda *args: np.sum(np.sin(MAPPED(*args)))
    same(dp.value_and_grad(mine, (0, 1))(PARAMS, X), dp.value_and_grad(total, (0, 1))(PARAMS, X))
    same(dp.hvp(lambda x: mine(PARAMS, x), X, V), dp.hvp(lambda x: total(PARAMS, x), X, V))
    same(dp.hessian(mine)(PARAMS, X), dp.hessian(total)(PARAMS, X))
    same(dp.jacobian(MAPPED, (0, 1))(PARAMS, X), dp.jacobian(all_losses, (0, 1))(PARAMS, X))
    same(dp.jvp(lambda x: MAPPED(PARAMS, x), (X,), (V,)), dp.jvp(lambda x: all_losses(PARAMS, x), (X,), (V,)))
    check_grads(mine, (PARAMS, X), order=2)


def test_a_gradient_of_each_sample():
    found = dp.vmap(dp.grad(loss), in_axes=(None, 0))(PARAMS, X)
    rows = [dp.grad(loss)(PARAMS, x) for x in X]
    same(found, Layer(*(np.stack(leaves) for leaves in zip(*rows, strict=True))))


def test_a_jacobian_of_each_sample():
    f = lambda w, x: np.tanh(w @ x)
    found = dp.vmap(dp.jacobian(f, argnums=1), in_axes=(None, 0), out_axes=-1)(W, X)
    np.testing.assert_array_equal(found, np.stack([dp.jacobian(f, argnums=1)(W, x) for x in X], axis=-1))


def test_the_gradient_of_a_gradient_of_each_sample():
    each = dp.vmap(dp.grad(lambda w, x: np.sum(np.sin(w @ x))), in_axes=(None, 0))
    norms = lambda w: np.sum(each(w, X) ** 2)
    by_hand = lambda w: np.sum(np.stack([dp.grad(lambda w, x=x: np.sum(np.sin(w @ x)))(w) for x in X]) ** 2)
    same(dp.value_and_grad(norms)(W), dp.value_and_grad(by_hand)(W))


def test_one_in_the_other():
    outer = dp.vmap(dp.vmap(lambda x, y: np.sin(x) * y, in_axes=(0, None)), in_axes=(None, 0), out_axes=1)
    a, b = np.arange(3.0), np.arange(4.0)
    np.testing.assert_array_equal(outer(a, b), np.sin(a)[:, None] * b)
    same(dp.grad(lambda a: np.sum(outer(a, b)))(a), np.cos(a) * np.sum(b))


def test_inside_of_scan_and_checkpoint():
    def run(w, x, across):
        step = lambda xs, _: (np.tanh(across(w, xs)), None)
        return np.sum(dp.scan(step, x, length=4)[0] ** 2)

    square = RNG.normal(size=(2, 2))
    mapped, rows = dp.vmap(lambda w, x: w @ x, in_axes=(None, 0)), lambda w, xs: np.stack([w @ x for x in xs])
    same(dp.value_and_grad(run, (0, 1))(square, X, mapped), dp.value_and_grad(run, (0, 1))(square, X, rows))
    again = lambda w, x: np.sum(dp.checkpoint(mapped)(w, x) ** 2)
    same(dp.grad(again)(square, X), dp.grad(lambda w, x: np.sum(rows(w, x) ** 2))(square, X))


def test_a_map_is_one_node():
    tape = dp.record(lambda x: np.sum(dp.vmap(np.sin)(x)), np.ones(9))
    assert str(tape).count("sin ") <= 1


def test_it_can_be_pickled_and_has_the_name_of_its_function():
    again = pickle.loads(pickle.dumps(dp.vmap(partial(np.clip, a_min=0.0, a_max=1.0))))
    assert again(np.array([2.0, -1.0])).tolist() == [1.0, 0.0]
    assert dp.vmap(loss).__name__ == "loss"
