"""Gradients of one's own: structures as arguments and results, windows, closures."""

import functools
import pickle
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.errors import ClosureError, DtypeError, NotDifferentiableError, RuleError
from tinydp.ad.tape import Tape

State = namedtuple("State", "x v")


def spring(state, params, *, dt=0.1):
    """One Euler step, from structures to structures, with a label that has no derivative."""
    force = -params["k"] * state.x
    return {"next": State(state.x + dt * state.v, state.v + dt * force), "label": "step"}


def spring_vjp(g, y, state, params, *, dt=0.1):
    assert y["label"] == "step"
    gx, gv = g["next"]
    return (State(gx - dt * params["k"] * gv, dt * gx + gv),
            {"k": -dt * state.x * gv, "name": 0.0})


def energy_after(step, x, v, k):
    state = State(x, v)
    for _ in range(3):
        result = step(state, {"k": k, "name": "steel"}, dt=0.2)
        assert result["label"] == "step"
        state = result["next"]
    return 0.5 * state.v**2 + state.x * state.v


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 2))
def test_structures_as_arguments_and_results(x, v, k):
    custom = dp.custom_gradient(spring, spring_vjp)
    ours = dp.grad(functools.partial(energy_after, custom), (0, 1, 2))(x, v, k)
    expected = dp.grad(functools.partial(energy_after, spring), (0, 1, 2))(x, v, k)
    assert ours == pytest.approx(expected, rel=1e-12, abs=1e-12)
    h = dp.hessian(lambda p: energy_after(custom, *p))(np.array([x, v, k]))
    assert np.allclose(h, dp.hessian(lambda p: energy_after(spring, *p))(np.array([x, v, k])))


def test_one_rule_an_argument_sees_structures_too():
    norm = dp.primitive(lambda pair, scale: scale * np.hypot(*pair))
    dp.defvjp(norm, lambda g, y, pair, scale: (g * scale**2 * pair[0] / y, g * scale**2 * pair[1] / y), None)
    assert dp.grad(norm)((3.0, 4.0), 1.0) == (0.6, 0.8)
    with pytest.raises(NotDifferentiableError, match="argument 1"):
        dp.grad(norm, 1)((3.0, 4.0), 1.0)


def test_a_single_tuple_argument_may_be_answered_bare_or_wrapped():
    def f(pair):
        return pair[0] * pair[1]

    bare = dp.custom_gradient(f, lambda g, y, pair: (10 * g, 20 * g))
    wrapped = dp.custom_gradient(f, lambda g, y, pair: ((10 * g, 20 * g),))
    assert dp.grad(bare)((1.0, 2.0)) == dp.grad(wrapped)((1.0, 2.0)) == (10.0, 20.0)
    assert dp.grad(dp.custom_gradient(lambda v: v[0], lambda g, y, v: [5 * g]))([1.0]) == [5.0]


@pytest.mark.parametrize("returned", [State(1.0, 2.0), [1.0, 2.0], {"x": 1.0}, (1.0, 2.0, 3.0), 1.0])
def test_a_cotangent_of_another_structure_is_refused(returned):
    f = dp.custom_gradient(lambda p, q: p[0] * q, lambda g, y, p, q: (returned, None))
    with pytest.raises(RuleError, match=r"is not built like it: .* does not match"):
        dp.grad(f)((1.0, 2.0), 3.0)


def test_a_wrong_shape_within_a_structure_is_refused():
    f = dp.custom_gradient(lambda p: p["w"][0], lambda g, y, p: {"w": np.ones(3)})
    with pytest.raises(RuleError, match=r"shape \(3,\), where the argument has shape \(2,\)"):
        dp.grad(f)({"w": np.ones(2)})


def test_a_traced_keyword_only_argument_is_refused():
    f = dp.custom_gradient(spring, spring_vjp)
    with pytest.raises(NotDifferentiableError, match="'dt'"):
        dp.grad(lambda dt: f(State(1.0, 1.0), {"k": 1.0}, dt=dt)["next"].x)(0.1)


@pytest.mark.parametrize("name", ["form", "residuals", "part", "mark", "key"])
def test_an_option_may_have_any_name(name):
    """What a node saves for its pullback lies beside the options, under a name that none of them has."""
    source = f"lambda x, *, {name}: x * {name}", f"lambda g, y, x, *, {name}: g * {name}"
    f = dp.custom_gradient(*map(eval, source))
    assert dp.grad(lambda x: f(x, **{name: 3.0}))(2.0) == 3.0
    assert dp.compile(dp.grad(lambda x: f(x, **{name: 3.0})))(2.0) == 3.0
    assert dp.hvp(lambda x: f(x, **{name: 3.0}) ** 2, 2.0, 1.0) == 18.0


def test_a_traced_value_from_the_surroundings_is_refused():
    for make in (lambda f: dp.custom_gradient(f, lambda g, y, x: g), dp.straight_through, dp.checkpoint):
        with pytest.raises(ClosureError, match="pass the value as an argument"):
            dp.grad(lambda w, make=make: make(lambda x: w * x)(2.0 * w))(1.0)


def test_an_outer_traced_value_from_the_surroundings_is_refused_or_right():
    f = dp.custom_gradient(lambda x: x, lambda g, y, x: g)
    assert dp.grad(lambda w: dp.grad(lambda x: f(x) * w)(1.0))(3.0) == 1.0
    with pytest.raises(ClosureError):
        dp.grad(lambda w: dp.custom_gradient(lambda x: w * x, lambda g, y, x: g)(w))(3.0)


def test_a_result_without_numbers_is_refused():
    with pytest.raises(DtypeError, match="no number in it"):
        dp.grad(lambda x: dp.custom_gradient(lambda x: {"a": "b"}, lambda g, y, x: g)(x))(1.0)


def test_integers_and_booleans_as_results_become_numbers():
    assert dp.grad(lambda x: dp.straight_through(lambda x: x > 0)(x) * 3.0)(1.0) == 3.0
    assert dp.grad(lambda x: dp.straight_through(lambda x: 1 if x > 0 else -1)(x) * x)(-2.0) == -2.0 - 1.0


@pytest.mark.parametrize(("window", "slope"), [
    ("identity", lambda x: 1.0 + 0 * x),
    ("clipped", lambda x: 1.0 * (np.abs(x) <= 1)),
    ("tanh", lambda x: 1 - np.tanh(x) ** 2),
    (np.exp, np.exp),
])
def test_windows_of_straight_through(window, slope):
    def step(x):
        return np.where(x >= 0, 1.0, -1.0)

    f = dp.straight_through(step, window)
    x = np.array([-3.0, -1.0, -0.2, 0.0, 0.5, 1.0, 1.1])
    y, pullback = dp.vjp(f, x)
    assert np.array_equal(y, step(x))
    assert np.array_equal(f(x), step(x))
    assert np.allclose(pullback(2.0 * np.ones(7))[0], 2.0 * slope(x), rtol=1e-15)
    second = dp.grad(dp.grad(lambda x: f(x) * x))(0.3)         # (f + x w)' = w + w + x w'
    assert second == pytest.approx(2 * slope(0.3) + 0.3 * dp.grad(slope)(0.3))


def test_an_unknown_window_is_refused():
    with pytest.raises(ValueError, match="no window 'gauss'; there are identity, clipped, tanh"):
        dp.straight_through(np.sign, "gauss")


def test_the_forward_value_is_bit_equal():
    x = np.random.default_rng(0).normal(size=100)
    for window in ("identity", "clipped", "tanh"):
        assert np.array_equal(dp.vjp(dp.straight_through(np.round, window), 3 * x)[0], np.round(3 * x))


def test_a_large_constant_is_kept_once():
    tape = Tape()
    x, big = tape.input(1.0), np.ones(1000)
    f = dp.custom_gradient(lambda x, data: x * data[0], lambda g, y, x, data: (g * data[0], None))
    for _ in range(10):
        x = f(x, big)
    assert len(tape.constants) == 1


def test_public_functions_pickle():
    assert pickle.loads(pickle.dumps(dp.grad(dp.sign)))(2.0) == 1.0


@pytest.mark.parametrize("x", [2.0, -0.5, np.float64(0.0), np.float32(-3.0)])
def test_the_sign_of_a_number_of_numpys_is_one(x):
    """It has the methods that it has on a tape, where nobody knows whose it was."""
    assert dp.sign(x) == (1.0 if x >= 0 else -1.0)
    assert type(dp.sign(x)) is (float if type(x) is float else np.float64)
    assert dp.grad(lambda x: dp.sign(x).sum())(x) == 1.0


def test_a_second_rule_of_a_custom_gradient_is_refused():
    with pytest.raises(RuleError, match="a second one came") as caught:
        dp.custom_gradient(lambda a, b: a * b, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
    assert "lambda g, y, a, b: (g * b, g * a)" in str(caught.value)
    f = dp.custom_gradient(lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a))    # as the message says
    assert dp.grad(f, (0, 1))(2.0, 3.0) == (3.0, 2.0)


def test_a_decorator_without_a_rule_is_refused():
    with pytest.raises(RuleError, match=r"without a rule(.*\n)*.*@dp.custom_gradient\(rule\)"):
        @dp.custom_gradient
        def double(x):
            return 2 * x

    @dp.custom_gradient
    def might_be_a_rule(a, b, c):
        return a + b + c

    for args, kwargs in (((1.0, 2.0, 3.0), {}), ((1.0,), {}), ((), {"a": 1.0})):
        with pytest.raises(RuleError, match="might_be_a_rule without a rule"):
            might_be_a_rule(*args, **kwargs)


@pytest.mark.parametrize("rule", [lambda *all: all[0], lambda g, *rest: g, lambda g, y, x, k=1.0: g * k])
def test_rules_of_any_signature_decorate(rule):
    @dp.custom_gradient(rule)
    def double(x):
        return 2 * x

    assert dp.grad(double)(3.0) == 1.0


@pytest.mark.parametrize("call", [
    lambda f, x: f(x, 3.0), lambda f, x: f(x, k=3.0), lambda f, x: f(x, other=1)])
@pytest.mark.parametrize("transform", [dp.grad, lambda f: dp.compile(dp.grad(f))])
def test_a_rule_without_an_option_is_told_in_the_line_of_the_call(call, transform):
    def scaled(x, k=2.0, *, other=0):
        return x * k + other

    made = dp.primitive(scaled)
    dp.defvjp(made, lambda g, y, x: 2.0 * g)
    with pytest.raises(RuleError, match=r"a rule of it takes \(g, y, x\)") as caught:
        transform(lambda x: call(made, x))(1.0)
    assert "lambda f, x: f(x, " in str(caught.value)
    assert transform(made)(1.0) == 2.0
    dp.defvjp(made, lambda g, y, x, k=2.0, other=0: g * k)
    assert transform(lambda x: call(made, x))(1.0) in (2.0, 3.0)


def test_a_gradient_of_several_arguments_lacks_an_option():
    twice = dp.custom_gradient(lambda x, k=2.0: x * k, lambda g, y, x: 2.0 * g)
    with pytest.raises(RuleError, match=r"called with \(x, k\)"):
        dp.grad(lambda x: twice(x, k=3.0))(1.0)
