"""The bits of NumPy: signs of zeros, infinities, nan, subnormals, rounding and powers."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import manners

SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.0, -3.0, np.inf, -np.inf, np.nan, 5e-324,
    -5e-324, 1e-310, -1e-310, 1e-300, 1e300, -1e300, 1.7976931348623157e308,
    -1.7976931348623157e308, 710.0, -745.5,
    -746.0, 22.0, -40.0, 1e5, -1e5, 1e6, 4503599627370497.5, 1e-20, -1e-20]
UNARY = [
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.arcsinh, np.arccosh,
    np.arctanh, np.expm1, np.log, np.log1p, np.log10, np.log2, np.sqrt, np.floor, np.ceil, np.trunc, np.isnan,
    np.isinf, np.isfinite, np.deg2rad, np.rad2deg, np.exp, np.tanh, np.sign, np.exp2, np.cbrt, np.rint,
    np.signbit, np.negative, np.positive, np.abs, np.square, np.reciprocal, np.logical_not, np.fix]
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.floor_divide, np.remainder,
    np.fmod, np.less, np.less_equal, np.greater, np.equal, np.not_equal, np.logical_and, np.logical_xor,
    np.arctan2, np.hypot, np.copysign, np.maximum, np.minimum, np.logaddexp]


@pytest.fixture(autouse=True)
def _no_second_thoughts(monkeypatch):
    """Where Python raises, a compiled function is run as it is; here the program has to answer."""
    monkeypatch.setattr(manners, "require_possible", lambda name, args, y: None)
    monkeypatch.setenv("TINYDP_VERIFY", "never")     # what is compiled here cannot run as plain Python


def compiled(f):
    """`dp.compile`, without its way out: to run the function as it is."""
    def traced(*xs):
        assert not any(type(x) in (float, np.ndarray) for x in xs)
        return f(*xs)
    return dp.compile(traced)


def ulps(x, y):
    """How far apart numbers are, in units in the last place; a zero of other sign is infinitely far."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(all="ignore"):
        distance = np.abs(x - y) / np.spacing(np.abs(y))
    same = (x == y) & (np.signbit(x) == np.signbit(y)) | np.isnan(x) & np.isnan(y)
    return np.where(same, 0.0, np.where(np.isfinite(distance) & (y != 0.0), distance, np.inf))


def require_near(functions, found, expected, limit):
    for function, mine, theirs in zip(functions, found, expected, strict=True):
        assert np.max(ulps(mine, theirs)) <= limit, function


@pytest.mark.parametrize("functions", [UNARY, BINARY], ids=["unary", "binary"])
def test_every_function_at_every_special_point(functions):
    points = np.meshgrid(*[SPECIAL] * (1 if functions is UNARY else 2))
    points = [x.ravel() for x in points]
    all_of_them = compiled(lambda *xs: [f(*xs) for f in functions])
    with np.errstate(all="ignore"):
        expected = [f(*points) for f in functions]
        require_near(functions, all_of_them(*points), expected, 4)
        rows = [all_of_them(*[float(x) for x in row]) for row in zip(*points, strict=True)]
    require_near(functions, zip(*rows, strict=True), expected, 4)


# ---------------------------------------------------------------------------- nothing is left out

@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("f", [
    lambda x: x + 0.0, lambda x: 0.0 + x, lambda x: x - 0.0, lambda x: x - -0.0, lambda x: x + -0.0,
    lambda x: -0.0 + x, lambda x: x + 0, lambda x: x - 0, lambda x: x * 1, lambda x: 1.0 * x, lambda x: x / 1,
    lambda x: x ** 1, lambda x: 0.0 - x, lambda x: np.add(x, 0.0), lambda x: (x + 0.0) - 0.0], ids=range(15))
def test_a_neutral_element_changes_no_bit(f):
    whole = lambda x: (f(x), np.arctan2(f(x), -1.0))
    for x in (-0.0, 0.0, 2.0, -np.inf, np.array([-0.0, 0.0, -3.0, np.inf])):
        (same, angle), (expected, right) = compiled(whole)(x), whole(x)
        assert np.max(ulps(same, expected)) == 0.0
        np.testing.assert_allclose(angle, right, rtol=1e-15)


# ---------------------------------------------------------------------------- rounding

@pytest.mark.usefixtures("interpreted")
def test_rounding_is_numpys_bit_for_bit():
    rng = np.random.default_rng(0)
    digits = [*range(-12, 26), 100, 400, -310]
    x = np.concatenate([SPECIAL, rng.normal(size=300) * 10.0 ** rng.uniform(-12, 12, 300),
                        rng.integers(-10**9, 10**9, 300) / 2, [150000.0, 250000.0, 2.675, -0.04]])
    all_of_them = compiled(lambda x: [np.round(x, k) for k in digits])
    with np.errstate(all="ignore"):
        require_near(digits, all_of_them(x), [np.round(x, k) for k in digits], 0)
        for number in (123456.0, -0.04, 2.675):
            require_near(digits, all_of_them(number), [np.round(np.float64(number), k) for k in digits], 0)


# ---------------------------------------------------------------------------- powers

EXPONENTS = [*range(-17, 18), 31, -31, 64, 100, -100, 1000, -1000, 60000, -60000, 65535, 65537,
             2**31, -(2**31)]


def test_powers_of_integers():
    rng = np.random.default_rng(0)
    x = np.concatenate([1.0 + rng.normal(size=500) * 1e-3, rng.uniform(-2, 2, 1000), SPECIAL,
                        10.0 ** rng.uniform(-320, 308, 500), [1e103, 1e155, 1e-155, 1e160]])
    powers = compiled(lambda x: [x ** n for n in EXPONENTS])
    with np.errstate(all="ignore"):
        require_near(EXPONENTS, powers(x), [np.power(x, float(n)) for n in EXPONENTS], 2)
        for number in (1.0001, -1.5, 1e103, 1e155, -0.0, 1e-160, math.inf, -math.inf):
            require_near(EXPONENTS, powers(number), [np.power(number, float(n)) for n in EXPONENTS], 2)
    y = x[:1500]
    slope = dp.compile(lambda x: np.sum(x ** 60000 + x ** 3 + x ** 7))
    near = y[np.abs(y - 1.0) < 3e-3]
    np.testing.assert_allclose(dp.grad(slope)(near), dp.grad(slope.f)(near), rtol=1e-13)


def test_powers_of_other_kinds():
    """NumPy takes the root of an array, but not that of a number; a base can be a negative zero."""
    x = np.array([0.0, -0.0, 2.0, 3.0, -3.0, -2.0, np.inf, -np.inf, np.nan, 5e-324, -1.0])
    functions = [lambda x: x ** 0.5, lambda x: x ** -0.5, lambda x: x ** 1.5, lambda x: x ** 3.0,
                 lambda x: np.power(-0.0, x), lambda x: np.power(-2.0, x), lambda x: np.power(-np.inf, x),
                 lambda x: (-x) ** 3, lambda x: -(x ** 2), lambda x: (x + 1.0) ** -1, lambda x: x ** 0]
    all_of_them = compiled(lambda x: [f(x) for f in functions])
    with np.errstate(all="ignore"):
        require_near(range(11), all_of_them(x), [f(x) for f in functions], 1)
        for number in x:
            require_near(range(11), all_of_them(float(number)), [f(number) for f in functions], 1)
