"""What must be believed: right gradients at hard points, wrong ones that hide, and what is no gradient."""

import warnings

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError, SteepGradientWarning
from tinydp.testing import check_grads, derivative
from tinydp.testing.results import number

# ---------------------------------------------------------------------------- right ones

# Each is smooth at 0, or has a limit there, with an infinitely steep or undefined function inside.
STEEP = {
    "cbrt**3":       (lambda x: np.cbrt(x) ** 3, 1.0),
    "cbrt**4":       (lambda x: np.cbrt(x) ** 4, 0.0),
    "cbrt**6":       (lambda x: np.cbrt(x) ** 6, 0.0),
    "sqrt**4":       (lambda x: np.sqrt(x) ** 4, 0.0),
    "x*cbrt":        (lambda x: x * np.cbrt(x), 0.0),
    "0*sqrt + x":    (lambda x: 0.0 * np.sqrt(x) + x, 1.0),
    "0*cbrt + x":    (lambda x: 0.0 * np.cbrt(x) + x, 1.0),
    "sqrt(x**4)":    (lambda x: np.sqrt(x**4), 0.0),
    "|x|**1.5":      (lambda x: np.abs(x) ** 1.5, 0.0),
    "exp(-1/x**2)":  (lambda x: np.exp(-1 / x**2) if x else 0.0, 0.0),
    "sin(x)/x":      (lambda x: np.sin(x) / x if x else 1.0, 0.0),
}


@pytest.mark.parametrize("name", STEEP)
@pytest.mark.parametrize("x", [0.0, 1.0])
def test_steep_inside_and_smooth_on_the_whole(name, x):
    f, slope = STEEP[name]
    assert check_grads(lambda t: f(t - x), x, grad=lambda t: slope).verdict == "right"
    wrong = check_grads(lambda t: f(t - x), x, grad=lambda t: slope + 1e-3, raises=False)
    assert wrong.verdict == "wrong"


@pytest.mark.parametrize("name", ["cbrt**3", "cbrt**4", "0*sqrt + x", "0*cbrt + x", "sqrt(x**4)"])
def test_our_own_gradient_there_is_right_or_named(name):
    """It is right, or it is nan, or it is called wrong: never a right one called wrong."""
    f, slope = STEEP[name]
    report = check_grads(f, 0.0, raises=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SteepGradientWarning)
        is_right = dp.grad(f)(0.0) == slope
    assert report.verdict == ("right" if is_right else "wrong"), str(report)


def test_a_gradient_of_nan_is_wrong_and_has_an_address():
    report = check_grads(lambda x: np.sqrt(x**4), 0.0, raises=False)
    assert report.verdict == "wrong"
    assert "the gradient says nan, measured 0 +- " in str(report)
    assert "sqrt, gave inf in the cotangent of operand 0" in str(report)


WITHOUT_CURVATURE = {
    "x*|x|":         (lambda x: x * abs(x), 0.0),
    "max(x, 0)**2":  (lambda x: np.maximum(x, 0.0) ** 2, 0.0),
    "max(x)**2":     (lambda x: np.max(x) ** 2, np.ones(2)),
    "norm(x)":       (lambda x: np.linalg.norm(x), np.zeros(2)),
}


@pytest.mark.parametrize("name", WITHOUT_CURVATURE)
def test_a_second_derivative_that_does_not_exist_is_not_wrong(name):
    """The gradient says nan there, on purpose."""
    f, x = WITHOUT_CURVATURE[name]
    assert np.isnan(dp.hessian(f)(x)).any()
    report = check_grads(f, x, order=2, raises=False)
    assert report.verdict == "inconclusive", str(report)
    assert "there is no derivative at this kink" in str(report)


def test_nan_in_place_of_a_second_derivative_is_wrong():
    """It is x**2, which cannot be seen from the tie."""
    f = lambda x: np.maximum(x, -x) ** 2
    assert np.isnan(dp.hessian(f)(0.0))
    report = check_grads(f, 0.0, order=2, raises=False)
    assert (report.verdict, report.culprit) == ("wrong", None), str(report)


JUMPING = {
    "floor(x)*x": lambda x: np.floor(x) * x,
    "floor(x)+x": lambda x: np.floor(x) + x,
    "ceil(x)*x": lambda x: np.ceil(x) * x,
    "x%1+x": lambda x: x % 1.0 + x,
    "where, beside": lambda x: np.where(x >= 1, x + 5, x),
    "where, steeper beside": lambda x: np.where(x >= 1, 2 * x + 5, x),
    "where, behind": lambda x: np.where(x > 1, 2 * x + 5, x),
    "where, alone": lambda x: np.where(x == 1.0, 5 * x, x),
    "if": lambda x: 2 * x + 5 if x >= 1 else x,
    "by a little": lambda x: np.where(x >= 1, 2 * x + 1e-9, 2 * x),
    "a sum": lambda x: np.sum(np.floor(np.stack([x, 3.7 * x])) * x),
}


@pytest.mark.parametrize("name", JUMPING)
def test_a_jump_is_no_kink(name):
    f = JUMPING[name]
    for report in (check_grads(f, 1.0, raises=False), check_grads(f, 1.0, grad=dp.grad(f), raises=False)):
        assert report.verdict == "inconclusive", str(report)
        assert "jumps" in str(report)


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: np.where(x > 0, x**0.5, 0.0), 0.0),
    (lambda x: np.where(x > 0, x**0.5, 0.0), 1e-9),
    (lambda x: [2.0, 3.0, 5.0][int(dp.value(x))] * x, 2.5),
    (lambda x: [2.0, 3.0][int(dp.value(x) >= 1.0)] * x, 1.0 + 1e-9),
], ids=range(4))
def test_programs_that_fail_beside_the_point(f, x):
    assert check_grads(f, x).verdict == "right"


def test_an_assertion_is_an_edge_of_the_domain():
    def f(x):
        assert x >= 1.0
        return x * x

    assert check_grads(f, 1.0).verdict == "right"
    with pytest.raises(AssertionError):
        derivative(f, 0.5)


def low_rank(n, rank, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n))


@pytest.mark.parametrize("shape", [(3, 1), (4, 1), (4, 2), (5, 3), (4, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_rounding_is_not_a_slope(shape, seed):
    """The last pivots of a singular matrix are rounding, and their product is a slope along every line."""
    n, rank = shape
    a = low_rank(n, rank, seed)

    def cofactors(a):
        u, s, vt = np.linalg.svd(a)
        return np.linalg.det(u) * np.linalg.det(vt) * (u * [np.prod(np.delete(s, i)) for i in range(n)]) @ vt

    assert check_grads(np.linalg.det, a, raises=False).verdict != "wrong"
    assert check_grads(np.linalg.det, a, grad=cofactors, raises=False).verdict != "wrong"
    large = np.linalg.norm(a) ** (n - 1)
    assert check_grads(np.linalg.det, a, grad=lambda a: cofactors(a) + 0.1 * large,
                       raises=False).verdict == "wrong"


@pytest.mark.parametrize("x", [0.3, 2.0, 1e3])
def test_the_adjoint_identity_where_a_gradient_cancels(x):
    def laplacian(x):
        return 1e8 * (np.sin(x + 1e-4) - 2 * np.sin(x) + np.sin(x - 1e-4))

    for f in (laplacian, lambda x: (x + 1e8) ** 2 - 1e16 - 2e8 * x):
        assert not check_grads(f, x, raises=False).problems


# ---------------------------------------------------------------------------- wrong ones

@pytest.mark.parametrize("size", [1e8, 1e12, 1e16, 1e20])
def test_what_could_not_be_judged_is_named(size):
    f = lambda x: x[0] * size + x[1]
    report = check_grads(f, np.ones(2), grad=lambda x: np.array([size, 1.1]), raises=False)
    assert report.verdict == ("wrong" if size < 1e16 else "inconclusive")
    assert "argument 0, element [1]: " in str(report)
    assert [check.where for check in report.undecided] == ["argument 0, element [1]"] * (size >= 1e16)


@pytest.mark.parametrize("size", [1e7, 1e12, 1e16])
def test_in_a_large_array_small_elements_do_not_hide(size):
    """Two directions see the sum alone."""
    w = np.where(np.arange(40) < 20, size, 1.0)
    f = lambda x: w @ np.sin(x)
    x = np.linspace(0.1, 1.0, 40)
    wrong = np.where(w == 1.0, 1.1, 1.0) * w * np.cos(x)
    report = check_grads(f, x, grad=lambda x: wrong, raises=False)
    assert report.verdict in ("wrong", "inconclusive")
    assert check_grads(f, x, grad=lambda x: w * np.cos(x), raises=False).verdict != "wrong"


@pytest.mark.parametrize(("decades", "k", "by"), [
    (5.5, 399, 0.03), (5.5, 399, 1e-3), (4.0, 397, 1e-3), (4.0, 250, 1e-3), (7.5, 390, 0.03),
    (2.0, 200, 1e-3)])
def test_one_wrong_element_of_many_sizes_does_not_hide(decades, k, by):
    """Its error is within the bar of a direction that moves them all; some more directions are enough."""
    calls, n = [], 400
    scale, x = 10.0 ** np.linspace(0.0, -decades, n), np.linspace(0.0, 1.0, n)

    def f(x):
        calls.append(1)
        return np.sum(np.sin(x) * scale)

    wrong = lambda x: np.cos(x) * scale * (1.0 + by * (np.arange(n) == k))
    assert check_grads(f, x, grad=wrong, raises=False).verdict == "wrong"
    calls.clear()
    assert check_grads(f, x, grad=lambda x: np.cos(x) * scale).verdict == "right"
    assert len(calls) < n


def test_a_result_with_a_small_derivative_does_not_hide():
    """Its value is as large as that of the others."""
    cube = dp.custom_gradient(lambda x: x**3, lambda g, y, x: 3.3 * g * x**2)
    f = lambda x, wrong: (1e16 * (x - 1.5), wrong)
    assert check_grads(lambda x: f(x, cube(x)), 1.5, raises=False).verdict == "wrong"
    assert check_grads(lambda x: f(x, x**3), 1.5).verdict == "right"


def test_second_derivatives_beside_a_surrogate():
    sine = dp.custom_gradient(np.sin, lambda g, y, x: g * dp.stop_gradient(np.cos(x)))
    report = check_grads(lambda x: dp.sign(x) * sine(x), 0.7, order=2, raises=False)
    assert (report.verdict, report.culprit) == ("wrong", "sin")
    assert check_grads(lambda x: dp.sign(x) * np.sin(x), 0.7, order=2).verdict == "right"


def test_foreign_functions_that_are_not_functions():
    calls = []

    def counting(x):
        calls.append(1)
        return x * len(calls)

    def overwriting(x):
        x *= 2
        return x

    assert "not deterministic" in str(check_grads(counting, 1.0, grad=lambda x: 1.0, raises=False))
    report = check_grads(lambda x: np.sum(x**2), np.ones(2), grad=overwriting, raises=False)
    assert "grad changed its arguments" in str(report)


# ---------------------------------------------------------------------------- surrogates

@pytest.mark.parametrize("f", [
    dp.sign, lambda x: dp.sign(x) * np.sin(x), dp.checkpoint(lambda x: dp.sign(x) * np.sin(x)),
    lambda x: dp.straight_through(np.round, "tanh")(x) * x,
    dp.custom_gradient(lambda x: x, lambda g, y, x: -g, surrogate=True),
], ids=range(5))
def test_a_surrogate_is_not_said_to_agree(f):
    report = check_grads(f, 0.7)
    lines = str(report).splitlines()
    assert lines[0].startswith("right, as declared: ")
    assert " of the other operations agree" in lines[0]
    assert lines[1].startswith(f"not compared, but taken as declared: the surrogate {report.surrogates[0]}; ")


# ---------------------------------------------------------------------------- nothing to check

@pytest.mark.parametrize("result", [True, np.True_, np.array([True, False]), None, "3.0", 1j, b"1", {}])
@pytest.mark.parametrize("grad", [None, lambda x: 0.0], ids=["own", "foreign"])
def test_results_without_a_derivative_are_refused(result, grad):
    with pytest.raises((DtypeError, TypeError, ValueError), match=r"f returned|derivative|number"):
        check_grads(lambda x: result, 1.0, grad=grad)


def test_a_condition_is_refused_whatever_the_engine():
    for grad in (None, lambda x: 0.0):
        with pytest.raises(TypeError):
            check_grads(lambda x: x > 0, 1.0, grad=grad)
    with pytest.raises(DtypeError, match="True"):
        derivative(lambda x: x > 0, 1.0)


def test_integers_as_results_are_constants():
    for x in (-1.0, 2.0):
        assert check_grads(lambda x: x if x > 0 else 0, x).verdict == "right"
        assert check_grads(lambda x: x if x > 0 else 0, x, grad=lambda x: int(x > 0)).verdict == "right"


@pytest.mark.parametrize("returned", [True, 1j, None, "0", np.array(["0"])])
def test_gradients_that_are_no_numbers_are_refused(returned):
    with pytest.raises(ValueError, match="grad returned"):
        check_grads(np.sin, 1.0, grad=lambda x: returned)


def test_of_no_numbers_nothing_is_right():
    report = check_grads(np.sum, np.array([]))
    assert report.verdict == "inconclusive"
    assert "nothing was checked" in str(report)
    assert check_grads(lambda x, y: np.sum(x) + y, (np.array([]), 1.0)).verdict == "right"


def test_numbers():
    results = (2, np.int64(3), np.float32(0.5), np.array(1.5), 2 + 0j)
    assert [number(y) for y in results] == [2.0, 3.0, 0.5, 1.5, 2.0]
    assert np.isnan(number((-1.0) ** 0.5))
    for y in (True, np.False_, None, "1", [1.0], np.array("1")):
        with pytest.raises(DtypeError, match="only real numbers have a derivative"):
            number(y)
