"""The rules of the functions that work element by element, and their kinks."""

import operator

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, vjp
from tinydp.ad.errors import MutationError, SteepGradientWarning
from tinydp.ad.rules.elementwise import clip

from .cases import (
    ABOVE_1,
    ABOVE_MINUS_1,
    ACUTE,
    EVEN,
    HALVES,
    HIGH,
    LOW,
    MASK,
    NONZERO,
    ODD,
    PERIODS,
    POSITIVE,
    REAL,
    UNIT,
    WHOLE,
    DrawnCall,
    case,
)
from .checks import check_first_order, flat_test, rules_test


def decimals(shape):
    return st.fixed_dictionaries({}, optional={"decimals": st.integers(-1, 2)})


CASES = [
    case(np.add,           REAL, REAL),
    case(operator.add,     REAL, REAL),
    case(np.subtract,      REAL, REAL),
    case(operator.sub,     REAL, REAL),
    case(np.multiply,      REAL, REAL),
    case(operator.mul,     REAL, REAL),
    case(np.negative,      REAL),
    case(operator.neg,     REAL),
    case(operator.abs,     NONZERO),
    case(np.positive,      REAL),
    case(operator.pos,     REAL),
    case(np.divide,        REAL, NONZERO),
    case(operator.truediv, REAL, NONZERO),
    case(np.reciprocal,    NONZERO),
    case(np.power,         POSITIVE, REAL),
    case(np.power,         NONZERO, WHOLE),
    case(operator.pow,     POSITIVE, REAL),
    case(operator.pow,     NONZERO, WHOLE),
    case(np.float_power,   POSITIVE, REAL),
    case(np.float_power,   NONZERO, WHOLE),
    case(np.mod,           HALVES, PERIODS),
    case(operator.mod,     HALVES, PERIODS),
    case(np.fmod,          HALVES, PERIODS),

    case(np.square,        REAL),
    case(np.sqrt,          POSITIVE),
    case(np.cbrt,          NONZERO),
    case(np.exp,           REAL),
    case(np.exp2,          REAL),
    case(np.expm1,         REAL),
    case(np.log,           POSITIVE),
    case(np.log2,          POSITIVE),
    case(np.log10,         POSITIVE),
    case(np.log1p,         ABOVE_MINUS_1),
    case(np.logaddexp,     REAL, REAL),
    case(np.logaddexp2,    REAL, REAL),

    case(np.sin,           REAL),
    case(np.cos,           REAL),
    case(np.tan,           ACUTE),
    case(np.arcsin,        UNIT),
    case(np.arccos,        UNIT),
    case(np.arctan,        REAL),
    case(np.arctan2,       NONZERO, NONZERO),
    case(np.sinh,          REAL),
    case(np.cosh,          REAL),
    case(np.tanh,          REAL),
    case(np.arcsinh,       REAL),
    case(np.arccosh,       ABOVE_1),
    case(np.arctanh,       UNIT),
    case(np.deg2rad,       REAL),
    case(np.radians,       REAL),
    case(np.rad2deg,       REAL),
    case(np.degrees,       REAL),

    case(np.abs,           NONZERO),
    case(np.fabs,          NONZERO),
    case(np.maximum,       EVEN, ODD),
    case(np.minimum,       EVEN, ODD),
    case(np.fmax,          EVEN, ODD),
    case(np.fmin,          EVEN, ODD),
    case(np.copysign,      NONZERO, NONZERO),
    case(np.hypot,         NONZERO, NONZERO),
    case(np.where,         MASK, REAL, REAL),
    case(np.heaviside,     NONZERO, REAL),
    case(np.clip,          EVEN, LOW, HIGH, reaches=[(clip, 0), (clip, 1), (clip, 2)]),
]

FLAT = [
    case(np.floor,         REAL),
    case(np.ceil,          REAL),
    case(np.rint,          REAL),
    case(np.trunc,         REAL),
    case(np.fix,           REAL),
    case(np.round,         REAL, options=decimals),
    case(np.around,        REAL, options=decimals),
    case(np.sign,          NONZERO),
    case(np.floor_divide,  HALVES, PERIODS),
    case(np.signbit,       NONZERO),
    case(np.isfinite,      REAL),
    case(np.isinf,         REAL),
    case(np.isnan,         REAL),
    case(np.isclose,       EVEN, ODD),
    case(np.allclose,      EVEN, ODD),
    case(np.greater,       EVEN, ODD),
    case(np.greater_equal, EVEN, ODD),
    case(np.less,          EVEN, ODD),
    case(np.less_equal,    EVEN, ODD),
    case(np.equal,         EVEN, ODD),
    case(np.not_equal,     EVEN, ODD),
    case(np.logical_and,   REAL, REAL),
    case(np.logical_or,    REAL, REAL),
    case(np.logical_xor,   REAL, REAL),
    case(np.logical_not,   REAL),
]


test_rule = rules_test(CASES)
test_flat = flat_test(FLAT)


# ---------------------------------------------------------------------------- plain arguments

ARGUMENTS = pytest.mark.parametrize(("case", "traced"), [
    pytest.param(case, i, id=f"{case}-{i}") for case in CASES for i in case.differentiable
    if len(case.domains) > 1 and not case.rule.__module__.startswith("_operator")])


@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
@ARGUMENTS
def test_other_arguments_are_lists(case, traced, shape):
    rng = np.random.default_rng(0)
    args = [domain.sample(rng, (3,)).tolist() for domain in case.domains]
    args[traced] = np.asarray(case.domains[traced].sample(rng, shape))
    check_first_order(DrawnCall(case.call, tuple(args), (traced,), {}, seed=0))


def _takes_floats(case):
    try:
        case.call(*[1.5] * len(case.domains))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "float32"])
@pytest.mark.parametrize("x", [1.3, np.array([0.7, 1.3, 2.5])], ids=["number", "array"])
@ARGUMENTS
def test_other_arguments_of_any_dtype(case, traced, x, dtype):
    """The gradient is that for the same numbers as float64; 12 * 12 and -12 overflow in 8 bits."""
    def gradient(constant):
        args = [constant] * len(case.domains)
        args[traced] = x
        return vjp(DrawnCall(case.call, tuple(args), (traced,), {}, seed=0), x)[1](np.ones(3))[0]

    if not _takes_floats(case):
        pytest.skip("NumPy takes integers alone there")
    constant = np.array([1, 2, 12], dtype=dtype)
    np.testing.assert_allclose(gradient(constant), gradient(constant.astype(float)), rtol=1e-6)


@pytest.mark.parametrize("x", [1.5, np.array([0.5, 2.0])], ids=["number", "array"])
@pytest.mark.parametrize("f", [case.rule for case in CASES if case.differentiable == [0, 1]])
def test_one_variable_as_both_arguments(f, x):
    u = np.ones(np.shape(x))
    np.testing.assert_allclose(vjp(lambda x: f(x, x), x)[1](u)[0], sum(vjp(f, x, x)[1](u)), rtol=1e-15)


# ---------------------------------------------------------------------------- kinks

NUMBER_AND_ARRAY = pytest.mark.parametrize("of", [float, lambda x: np.full(2, x)], ids=["number", "array"])


@NUMBER_AND_ARRAY
@pytest.mark.parametrize(("f", "args", "gradients"), [
    (np.abs,      (0.0,),           (0.0,)),
    (np.fabs,     (0.0,),           (0.0,)),
    (np.maximum,  (2.0, 2.0),       (0.5, 0.5)),
    (np.minimum,  (2.0, 2.0),       (0.5, 0.5)),
    (np.fmax,     (2.0, 2.0),       (0.5, 0.5)),
    (np.fmin,     (2.0, 2.0),       (0.5, 0.5)),
    (np.clip,     (1.0, 1.0, 3.0),  (1.0, 0.0, 0.0)),
    (np.clip,     (3.0, 1.0, 3.0),  (1.0, 0.0, 0.0)),
    (np.clip,     (2.0, 2.0, 2.0),  (1.0, 0.0, 0.0)),
    (np.hypot,    (0.0, 0.0),       (0.0, 0.0)),
    (np.power,    (0.0, 2.0),       (0.0, 0.0)),
    (np.power,    (0.0, 1.0),       (1.0, 0.0)),
    (np.square,   (0.0,),           (0.0,)),
    (np.logaddexp, (-np.inf, 0.0),  (0.0, 1.0)),
])
def test_kink(f, args, gradients, of):
    args = tuple(of(x) for x in args)
    np.testing.assert_equal(vjp(f, *args)[1](np.ones(np.shape(args[0]))), [of(g) for g in gradients])


@pytest.mark.parametrize("f", [
    np.maximum,
    lambda a, b: -np.minimum(-a, -b),
    lambda a, b: np.max(np.stack([a, b])),
    lambda a, b: (a + b + np.abs(a - b)) / 2,
    lambda a, b: a + np.maximum(b - a, 0.0),
])
def test_formulations_of_a_maximum_agree_in_a_tie(f):
    assert grad(f, argnums=(0, 1))(2.0, 2.0) == (0.5, 0.5)


INF = np.inf
SINGULAR = [                                     # where the slope is infinite, where not, which infinity
    ("np.sqrt(x)",             0.0,  0.5,  INF),
    ("np.cbrt(x)",             0.0,  0.5,  INF),
    ("np.log(x)",              0.0,  0.5,  INF),
    ("np.log2(x)",             0.0,  0.5,  INF),
    ("np.log10(x)",            0.0,  0.5,  INF),
    ("np.log1p(x)",           -1.0,  0.5,  INF),
    ("np.reciprocal(x)",       0.0,  0.5, -INF),
    ("np.divide(1.0, x)",      0.0,  0.5, -INF),
    ("np.power(x, 0.5)",       0.0,  0.5,  INF),
    ("np.power(x, -1.0)",      0.0,  0.5, -INF),
    ("np.float_power(x, 0.5)", 0.0,  0.5,  INF),
    ("x ** 0.5",               0.0,  0.5,  INF),
    ("np.arcsin(x)",           1.0,  0.5,  INF),
    ("np.arcsin(x)",          -1.0,  0.5,  INF),
    ("np.arccos(x)",           1.0,  0.5, -INF),
    ("np.arccosh(x)",          1.0,  1.5,  INF),
    ("np.arctanh(x)",         -1.0,  0.5,  INF),
]
GUARDED = [row[:3] for row in SINGULAR] + [
    ("np.arctan2(x * x, x)",     0.0, 0.5),
    ("np.hypot(x, x)",           0.0, 0.5),
    ("np.divide(x * x, x)",      0.0, 0.5),
    ("np.power(x, x)",           0.0, 0.5),
    ("np.sqrt(np.sqrt(x))",      0.0, 0.5),
    ("np.divide(np.log(x), x)",  0.0, 0.5),
    ("x * np.log(x)",            0.0, 0.5),
    ("np.logaddexp(x, 2 * np.log(x))", 0.0, 0.5),
]


def program(text):
    return eval(f"lambda x: {text}", {"np": np})


@NUMBER_AND_ARRAY
@pytest.mark.parametrize(("text", "singular", "regular", "slope"), SINGULAR)
def test_infinite_slope_warns(text, singular, regular, slope, of):
    with np.errstate(all="ignore"):
        _, pullback = vjp(program(text), of(singular))
    with pytest.warns(SteepGradientWarning):
        (gradient,) = pullback(np.ones(np.shape(of(singular))))
    np.testing.assert_equal(gradient, of(slope))


@pytest.mark.parametrize("of", [lambda *xs: xs[0], lambda *xs: np.array(xs)], ids=["number", "array"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("text", "singular", "regular"), GUARDED)
def test_branch_not_taken_has_gradient_zero(text, singular, regular, order, of):
    """Where the branch is taken, its gradient is that of the program alone."""
    f = program(text)

    def guarded(x):
        with np.errstate(all="ignore"):          # NumPy's own warnings, forwards
            return np.sum(np.where(x == singular, 0.0, f(x)))

    gradient, alone = grad(guarded), grad(lambda x: np.sum(f(x)))
    if order == 2:
        gradient, alone = (grad(lambda x, g=g: np.sum(g(x))) for g in (gradient, alone))
    expected = of(0.0, alone(regular))
    np.testing.assert_allclose(gradient(of(singular, regular)), expected, rtol=1e-14)


@pytest.mark.parametrize("x", [800.0, np.array([800.0, 1.0])], ids=["number", "array"])
def test_overflow_in_the_branch_not_taken(x):
    def softplus(x):
        with np.errstate(over="ignore"):
            return np.sum(np.where(x > 30, x, np.log1p(np.exp(x))))

    np.testing.assert_allclose(grad(softplus)(x), 1 / (1 + np.exp(-x)))


@pytest.mark.parametrize(("x", "low", "high", "gradients"), [
    (0.0, 1.0, 3.0, (0.0, 1.0, 0.0)),
    (4.0, 1.0, 3.0, (0.0, 0.0, 1.0)),
    (2.0, 3.0, 1.0, (0.0, 0.0, 1.0)),            # crossed bounds: NumPy returns the upper
    (0.0, 3.0, 1.0, (0.0, 0.0, 1.0)),
])
def test_clip_by_its_bounds(x, low, high, gradients):
    assert grad(np.clip, argnums=(0, 1, 2))(x, low, high) == gradients


@pytest.mark.parametrize("call", [
    lambda x: np.clip(x, 1.0, None),
    lambda x: np.clip(x, None, 3.0),
    lambda x: np.clip(x, min=1.0, max=3.0),
    lambda x: np.clip(x, a_min=1.0, a_max=3.0),
    lambda x: x.clip(1.0, 3.0),
])
def test_clip_as_users_call_it(call):
    x = np.array([0.0, 2.0, 4.0])
    assert np.array_equal(vjp(call, x)[0], call(x))
    assert np.array_equal(vjp(call, x)[1](np.ones(3))[0], call(x) == x)


def test_clip_refuses_out():
    with pytest.raises(MutationError):
        vjp(lambda x: np.clip(x, 0.0, 1.0, out=np.zeros(3)), np.ones(3))


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_tie_with_a_list(f):
    assert grad(lambda x: np.sum(f(x, [2.0, 2.0])))(2.0) == 1.0


@pytest.mark.parametrize(("a", "b"), [(31.6, 0.5), (0.5, 31.6), (1e6, 1e6 + 0.3), (-1e9, -1e9), (700.0, 0.0)])
@pytest.mark.parametrize(("f", "power"), [(np.logaddexp, np.exp), (np.logaddexp2, np.exp2)])
def test_logaddexp_keeps_its_digits(f, power, a, b):
    """Those that the result has lost, too, and those of small second derivatives."""
    p, q = 1.0 / (1.0 + power(b - a)), 1.0 / (1.0 + power(a - b))
    second = p * q * (np.log(2.0) if power is np.exp2 else 1.0)
    assert grad(f, argnums=(0, 1))(a, b) == pytest.approx((p, q), rel=1e-12)
    assert grad(grad(f), argnums=(0, 1))(a, b) == pytest.approx((second, -second), rel=1e-12)
