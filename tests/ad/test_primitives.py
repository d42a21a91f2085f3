"""The registry: primitives, rules, custom gradients, and what they check."""

import contextlib
import pickle
import warnings

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import (
    DtypeError,
    MutationError,
    NotDifferentiableError,
    RuleError,
    UnknownFunctionError,
    UnsupportedArgumentError,
)
from tinydp.ad.primitives import FlatPrimitive, Primitive
from tinydp.ad.registry import PRIMITIVES
from tinydp.ad.tape import Tape


@dp.primitive
def hypotenuse(a, b):
    """A black box: what it does inside is never traced."""
    return float(a**2 + b**2) ** 0.5


dp.defvjp(hypotenuse, lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y)


@dp.custom_gradient(lambda g, y, x, scale=1.0: g * 10 * scale)
def tenfold(x, scale=1.0):
    return x * scale


# ---------------------------------------------------------------------------- primitive, defvjp

def test_a_primitive_is_one_node_with_higher_derivatives():
    assert hypotenuse(3.0, 4.0) == 5.0
    assert dp.grad(hypotenuse, (0, 1))(3.0, 4.0) == (0.6, 0.8)
    assert dp.grad(dp.grad(hypotenuse))(3.0, 4.0) == pytest.approx(16 / 125)
    assert dp.grad(lambda b: hypotenuse(b=b, a=3.0))(4.0) == 0.8


def test_a_rule_may_leave_unbroadcasting_to_the_registry():
    product = dp.primitive(lambda a, b: a * b)
    dp.defvjp(product, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
    a, b = np.ones((3, 1)), np.arange(4.0)
    ga, gb = dp.grad(lambda a, b: np.sum(product(a, b)), (0, 1))(a, b)
    assert np.array_equal(ga, [[6.0]] * 3)
    assert np.array_equal(gb, [3.0] * 4)


def test_a_primitive_without_a_rule_says_so():
    def black(x):
        return x

    with pytest.raises(NotDifferentiableError, match=r"(?s)black has no gradient rule.*dp.defvjp\(black"):
        dp.grad(dp.primitive(black))(1.0)


def test_none_is_not_differentiable():
    f = dp.primitive(lambda x, n: x * n)
    dp.defvjp(f, lambda g, y, x, n: g * n, None)
    assert dp.grad(f)(2.0, 3) == 3.0
    with pytest.raises(NotDifferentiableError, match="argument 1"):
        dp.grad(f, 1)(2.0, 3.0)
    assert dp.grad(lambda x: f(x, dp.stop_gradient(x)))(2.0) == 2.0


def test_primitives_pickle_by_name():
    assert pickle.loads(pickle.dumps(hypotenuse)) is hypotenuse
    assert pickle.loads(pickle.dumps(dp.grad(tenfold)))(1.0) == 10.0


def test_a_rule_for_a_numpy_function_that_has_none(monkeypatch):
    monkeypatch.setitem(PRIMITIVES, np.i0, None)
    monkeypatch.delitem(PRIMITIVES, np.i0)
    with pytest.raises(UnknownFunctionError, match=r"np.i0 has no gradient rule.*"):
        dp.grad(np.i0)(1.0)
    dp.defvjp(np.i0, lambda g, y, x: g * 0.5651591039924850)      # I1(1)
    assert dp.grad(np.i0)(1.0) == 0.5651591039924850


@pytest.mark.parametrize("rule", [lambda g, y: g, lambda g, y, a, b, c: g, lambda: 0])
def test_a_rule_of_the_wrong_arity_is_refused_at_once(rule):
    f = dp.primitive(lambda a, b: a * b)
    with pytest.raises(RuleError, match=r"(?s)does not fit the arguments of.*\(g, y, a, b\)"):
        dp.defvjp(f, rule)
    with pytest.raises(RuleError, match="does not fit"):
        dp.custom_gradient(lambda a, b: a * b, rule)


WRONG = [None, "1", 1j, (), [], np.ones(2), np.ones((1, 2)), np.ones((4, 1)), np.ones((2, 3)), 1.5,
         np.float64(1.5), np.ones(()), np.ones(1), np.ones(3), 2, True, np.float32(1.5)]
KINDS = [(1.0, 2.0), (np.ones(3), 2.0), (np.ones(3), np.ones(3)), (np.ones((3, 1)), np.ones(3))]


@pytest.mark.parametrize("total", [False, True], ids=["a result of its shape", "a number as result"])
@pytest.mark.parametrize("kind", KINDS, ids=["numbers", "array, number", "arrays", "broadcast"])
@pytest.mark.parametrize("returned", WRONG, ids=repr)
def test_a_wrong_rule_is_refused_by_every_sweep(returned, kind, total, monkeypatch):
    """The fast lane of numbers, the general sweep and the watched one say the same of each rule."""
    compute = (lambda a, b: np.sum(a * b)) if total else (lambda a, b: a * b)
    f = Primitive(compute, "f")
    outcomes = []
    for argnums in (0, 1):
        x = kind[argnums]
        f.rules = (lambda g, y, a, b: returned, lambda g, y, a, b: returned)
        fits = isinstance(returned, (int, float, np.ndarray, np.floating)) and (
            np.shape(returned) == np.shape(x) or np.size(returned) == np.size(x) == 1
            or (not total and np.shape(returned) == np.shape(kind[0] * kind[1])))
        for watch in (contextlib.nullcontext, dp.debug_nans):
            try:
                with watch():
                    g = dp.grad(lambda a, b: np.sum(f(a, b)), argnums)(*kind)
            except (RuleError, DtypeError) as error:
                outcomes.append((type(error), error.what))
                assert not fits
            else:
                assert fits
                assert np.shape(g) == np.shape(x)
                outcomes.append(np.asarray(g).tolist())
        assert outcomes[-1] == outcomes[-2]


def test_a_number_as_result_does_not_hide_a_wrong_rule(monkeypatch):
    monkeypatch.setitem(PRIMITIVES, np.nanvar, None)
    monkeypatch.delitem(PRIMITIVES, np.nanvar)
    dp.defvjp(np.nanvar, lambda g, y, a: 2 * g * np.nanmean(a))
    with pytest.raises(RuleError, match=r"shape \(\), where the argument has shape \(3,\)"):
        dp.grad(lambda x: np.nanvar(x))(np.array([1.0, 2.0, 4.0]))


def test_a_cotangent_of_the_wrong_shape_is_refused():
    f = dp.primitive(lambda x: 2 * x)
    dp.defvjp(f, lambda g, y, x: np.ones(2))
    with pytest.raises(RuleError, match=r"shape \(2,\), where the argument has shape \(3,\)"):
        dp.grad(lambda x: np.sum(f(x)))(np.ones(3))


@pytest.mark.parametrize("result", [None, "text", 1j, [object()]])
def test_a_cotangent_that_is_no_number_is_refused(result):
    f = dp.primitive(lambda x: 2 * x)
    dp.defvjp(f, lambda g, y, x: result)
    with pytest.raises((DtypeError, RuleError), match="rule of"):
        dp.grad(f)(1.0)


def test_a_result_that_is_no_number_is_refused():
    f = dp.primitive(lambda x: "text")
    dp.defvjp(f, lambda g, y, x: g)
    with pytest.raises(DtypeError, match="returned str"):
        dp.grad(f)(1.0)


def test_several_results():
    @dp.primitive
    def polar(x, y):
        return np.hypot(x, y), np.arctan2(y, x)

    dp.defvjp(polar, lambda g, out, x, y: g[0] * x / out[0] - g[1] * y / out[0]**2,
                     lambda g, out, x, y: g[0] * y / out[0] + g[1] * x / out[0]**2)
    assert dp.grad(lambda x: polar(x, 4.0)[0])(3.0) == pytest.approx(0.6)
    assert dp.grad(lambda x: polar(x, 4.0)[1])(3.0) == pytest.approx(-4 / 25)
    r, angle = polar(3.0, 4.0)
    both = dp.grad(lambda x: np.multiply(*polar(x, 4.0)))(3.0)
    assert both == pytest.approx(0.6 * angle - 4 / 25 * r)
    assert dp.grad(dp.grad(lambda x: polar(x, 4.0)[0]))(3.0) == pytest.approx(16 / 125)


# ---------------------------------------------------------------------------- options

def test_options_by_position_and_by_name():
    x = np.arange(6.0).reshape(2, 3)
    for f in (lambda x: np.sum(x, 0), lambda x: np.sum(x, axis=0), lambda x: np.sum(a=x, axis=0),
              lambda x: x.sum(axis=0), lambda x: np.sum(x, 0, None, None), lambda x: np.sum(x, 0, float),
              lambda x: np.sum(x, 0, None, None, True)[0]):
        assert np.array_equal(dp.grad(lambda x, f=f: f(x)[1] * 2.0)(x), [[0, 2, 0], [0, 2, 0]])


def test_an_option_that_no_rule_knows_is_refused():
    with pytest.raises(UnsupportedArgumentError, match="'where'"):
        dp.grad(lambda x: np.sum(x, where=np.array([True, False])))(np.ones(2))
    with pytest.raises(UnsupportedArgumentError, match="'initial'"):
        dp.grad(lambda x: np.max(x, initial=0.0))(np.ones(2))


@pytest.mark.parametrize("option", [{"where": np.array([True, False])}, {"casting": "safe"},
                                    {"dtype": np.float32}, {"dtype": np.float64(1.0)}])
@pytest.mark.parametrize("f", [f for f in PRIMITIVES if isinstance(f, np.ufunc) and not f.signature
                               and getattr(PRIMITIVES[f], "rules", ())])
def test_no_function_of_elements_takes_an_option_that_its_rule_does_not_know(f, option):
    """... and says so when it is called, where the user's line is known."""
    with pytest.raises(UnsupportedArgumentError, match=next(iter(option))):
        dp.vjp(lambda x: f(*[x] * f.nin, **option), np.array([0.5, 0.25]))


def test_out_is_refused():
    with pytest.raises(MutationError, match="out="):
        dp.grad(lambda x: np.sum(x, out=np.zeros(())))(np.ones(2))


# ---------------------------------------------------------------------------- custom gradients

def test_custom_gradient_of_several_arguments():
    f = dp.custom_gradient(lambda a, b: a * b, lambda g, y, a, b: (10 * g, None))
    assert dp.grad(f, (0, 1))(2.0, 3.0) == (10.0, 0.0)
    assert dp.grad(lambda a: f(a, 3.0))(2.0) == 10.0
    assert f(2.0, 3.0) == 6.0


def test_custom_gradient_with_default_and_keyword_arguments():
    assert dp.grad(tenfold)(1.0) == 10.0
    assert dp.grad(tenfold)(1.0, 2.0) == 20.0
    assert dp.grad(lambda x: tenfold(x, scale=3.0))(1.0) == 30.0
    assert dp.grad(lambda x: tenfold(scale=3.0, x=x))(1.0) == 30.0


def test_custom_gradient_holds_at_every_level():
    f = dp.custom_gradient(lambda x: x**2, lambda g, y, x: g * x**3)
    assert dp.grad(f)(2.0) == 8.0
    assert dp.grad(dp.grad(f))(2.0) == 12.0
    assert dp.grad(lambda x: dp.grad(lambda y: f(x) * y)(1.0))(2.0) == 8.0


def test_custom_gradient_that_returns_too_few():
    f = dp.custom_gradient(lambda a, b: a * b, lambda g, y, a, b: g)
    with pytest.raises(RuleError, match=r"returned 1 cotangent, where .* was called with 2 arguments"):
        dp.grad(f, (0, 1))(2.0, 3.0)


def test_straight_through_and_sign():
    assert [dp.sign(x) for x in (2.0, 0.0, -0.0, -3.0)] == [1.0, 1.0, 1.0, -1.0]
    assert [dp.grad(dp.sign)(x) for x in (2.0, 0.0, -3.0)] == [1.0, 1.0, 1.0]
    x = np.array([-1.0, 0.0, 2.0])
    assert np.array_equal(dp.sign(x), [-1.0, 1.0, 1.0])
    assert np.array_equal(dp.grad(lambda x: np.sum(dp.sign(x) * x))(x), x + dp.sign(x))
    assert dp.grad(dp.grad(lambda x: dp.sign(x) ** 2))(3.0) == 2.0
    assert dp.grad(dp.straight_through(np.round))(2.7) == 1.0


# ---------------------------------------------------------------------------- constants

def test_value_and_stop_gradient():
    seen = []

    def f(x):
        seen.append(dp.value(x))
        return x * dp.stop_gradient(x) + dp.stop_gradient({"a": [x]})["a"][0]

    assert dp.grad(f)(3.0) == 3.0
    assert seen == [3.0]
    assert type(seen[0]) is float
    assert dp.grad(dp.grad(lambda x: x**2 * dp.stop_gradient(x)))(3.0) == 6.0
    assert dp.value(5.0) == 5.0


def test_value_gives_an_array_of_its_own():
    def f(x):
        y = np.exp(x)
        dp.value(y)[:] = 100.0
        dp.stop_gradient(y)[:] = 100.0
        return np.sum(y * y)

    assert np.array_equal(dp.grad(f)(np.zeros(2)), [2.0, 2.0])


# ---------------------------------------------------------------------------- memory of constants

def test_a_constant_changed_after_use_does_not_change_the_gradient():
    buffer = np.zeros(3)

    def f(x):
        total = 0.0
        for k in range(1, 4):
            buffer[:] = k                        # reused, and written to through a view
            buffer[1:][0] = 10 * k
            total = total + np.sum(x * buffer)
        buffer[:] = np.nan
        return total

    assert np.array_equal(dp.grad(f)(np.ones(3)), [6.0, 60.0, 6.0])
    assert buffer.flags.writeable


def test_the_argument_changed_inside_does_not_change_the_gradient():
    original = np.ones(3)

    def f(x):
        original[:] = 5.0
        return np.sum(x * x)

    assert np.array_equal(dp.grad(f)(original), [2.0, 2.0, 2.0])


def test_an_index_changed_after_use_does_not_change_the_gradient():
    index, mask = np.array([0, 0, 1]), np.array([True, False, False])

    def f(x):
        y = np.sum(x[index]) + 10 * np.sum(x[mask])
        index[:], mask[:] = 2, True
        return y

    assert np.array_equal(dp.grad(f)(np.ones(3)), [12.0, 1.0, 0.0])


@pytest.mark.parametrize("f", [lambda x, c: x - c * x, lambda x, c: c @ x, lambda x, c: x @ c,
                               lambda x, c: np.arctan2(c, x), lambda x, c: np.arctan2(x, c)])
def test_an_array_on_either_side_is_kept_as_it_was(f):
    constant = np.arange(1.0, 10.0).reshape(3, 3)
    x = constant + 0.5

    def spoiled(x):
        mine = constant.copy()
        y = np.sum(f(x, mine))
        mine[:] = np.nan
        return y

    assert np.array_equal(dp.grad(spoiled)(x), dp.grad(lambda x: np.sum(f(x, constant)))(x))
    assert dp.testing.check_grads(spoiled, (x,)).verdict == "right"


@pytest.mark.parametrize("rows", [0, 1, 100, 1024, 1025])
@pytest.mark.parametrize("columns", [1, 3])
def test_a_bias_gets_the_sum_of_its_rows(rows, columns):
    rng = np.random.default_rng(rows)
    g, bias = rng.normal(size=(rows, columns)), rng.normal(size=columns)
    found = dp.grad(lambda bias: np.sum(g * (np.zeros((rows, columns)) + bias)))(bias)
    assert found.shape == bias.shape
    np.testing.assert_allclose(found, g.sum(axis=0), rtol=1e-12, atol=1e-12)


def test_what_is_not_finite_stays_in_its_column_of_a_bias():
    g = np.ones((100, 3))
    g[7, 1], g[8, 2] = np.inf, np.nan
    found = dp.grad(lambda bias: np.sum(g * (np.ones((100, 3)) + bias)))(np.zeros(3))
    assert np.array_equal(found, [100.0, np.inf, np.nan], equal_nan=True)


def test_a_node_of_arrays_shows_its_operands():
    tape = Tape()
    x, ones = tape.input(np.ones((2, 2))), np.ones((2, 2))
    for y, args in ((np.tanh(x), (x,)), (x @ x, (x, x)), (np.arctan2(x, x), (x, x)), (x - ones, (x, ones))):
        assert all(a is b or np.array_equal(a, b) for a, b in zip(y.args, args, strict=True))
        assert y.kwargs == {}


def test_a_constant_is_copied_once():
    tape = Tape()
    x, matrix = tape.input(np.ones(30)), np.ones((30, 30))
    for _ in range(100):
        x = matrix @ x
    assert len(tape.constants) == 1
    assert len({id(node.args[0]) for node in tape}) == 1


def test_no_warning_for_a_regular_gradient():
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dp.grad(f)(np.array([-1.0, 0.0, 4.0]))


UFUNCS = [f for f, primitive in PRIMITIVES.items() if isinstance(f, np.ufunc) and f.signature is None
          and not isinstance(primitive, FlatPrimitive)]


@pytest.mark.parametrize("options", [{"where": np.array([True, False])}, {"dtype": np.float32},
                                     {"order": "F"}, {"casting": "unsafe"}, {"subok": False}], ids=repr)
@pytest.mark.parametrize("f", UFUNCS, ids=lambda f: f.__name__)
def test_an_option_of_a_ufunc_is_refused_where_it_is_given(f, options):
    """Not in the sweep, where nobody knows the line any more."""
    x = np.full(2, 0.5)
    with pytest.raises(UnsupportedArgumentError, match="does not know the argument"):
        dp.grad(lambda x: np.sum(f(*[x] * f.nin, **options)))(x)
