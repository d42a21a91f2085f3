"""The kernels: as exact as they say, and with NumPy's manners at infinity and nan."""

import mpmath
import numpy as np
import pytest

from tinydp.ad.compile import kernels as k

RNG = np.random.default_rng(0)
mpmath.mp.prec = 120


def ulps(x, exact):
    """How many units in the last place a number is away from the exact one."""
    spacing = float(np.spacing(abs(float(exact)) or 5e-324))
    return float(abs(mpmath.mpf(float(x)) - exact) / mpmath.mpf(spacing))


MODERATE = [*RNG.uniform(-1, 1, 400), *RNG.uniform(-700, 700, 400), *(10.0 ** RNG.uniform(-300, 2, 300))]


@pytest.mark.parametrize(("kernel", "exact", "limit"), [(k.exp, mpmath.exp, 1.5), (k.tanh, mpmath.tanh, 2.5)])
def test_exp_and_tanh(kernel, exact, limit):
    assert max(ulps(kernel(float(x)), exact(mpmath.mpf(float(x)))) for x in MODERATE) <= limit


@pytest.mark.parametrize(("kernel", "function", "exact"), [
    (k.sin_into, np.sin, mpmath.sin), (k.cos_into, np.cos, mpmath.cos)])
def test_sin_and_cos_of_arrays(kernel, function, exact):
    x = np.array([*RNG.uniform(-4, 4, 600), *RNG.uniform(-1e5, 1e5, 300), *(10.0 ** RNG.uniform(-300, 0,
        100))])
    out = np.empty_like(x)
    kernel(x, out)
    assert max(ulps(y, exact(mpmath.mpf(float(z)))) for z, y in zip(x, out, strict=True)) <= 2.0
    large = np.array([1e6, -3e15, 1.0, np.inf, np.nan])
    out = np.empty_like(large)
    kernel(large, out)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(out, function(large), rtol=1e-15)
    for odd in (np.nan, 1e18, -np.inf, np.inf):          # in whatever order
        mixed = np.array([1e18, odd, 1.0])
        out = np.empty_like(mixed)
        kernel(mixed, out)
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(out, function(mixed), rtol=1e-15)


ODD = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 710.0, -746.0, 5e-324, 1e308, -1e308]


@pytest.mark.parametrize(("kernel", "function"), [(k.exp, np.exp), (k.tanh, np.tanh), (k.sign, np.sign)])
def test_odd_numbers(kernel, function):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose([kernel(x) for x in ODD], [function(x) for x in ODD], rtol=4e-16)


@pytest.mark.parametrize(("kernel", "function"), [
    (k.maximum, np.maximum), (k.minimum, np.minimum), (k.fmax, np.fmax), (k.fmin, np.fmin)])
def test_extremes_of_two(kernel, function):
    for a in ODD:
        for b in ODD:
            np.testing.assert_array_equal(kernel(a, b), function(a, b))       # but for the sign of zeros


def test_logaddexp():
    pairs = [(a, b) for a in (-3.0, 0.5, 700.0, -np.inf) for b in (-3.0, 0.5, 710.0, np.nan)]
    with np.errstate(invalid="ignore"):
        expected = [np.logaddexp(*pair) for pair in pairs]
    np.testing.assert_allclose([k.logaddexp(*pair) for pair in pairs], expected, rtol=4e-16)


def test_clip():
    for x in ODD:
        for low, high in [(-0.5, 0.7), (1.0, -1.0), (np.nan, 0.7), (-0.5, np.nan), (-np.inf, np.inf)]:
            np.testing.assert_equal(k.clip(x, low, high), float(np.clip(x, low, high)))


def test_mod_is_pythons_bit_for_bit():
    scales = 10.0 ** RNG.uniform(-8, 12, 20_000)
    a, b = RNG.normal(size=20_000) * scales, RNG.normal(size=20_000)
    a[:2000] = b[:2000] * RNG.integers(-50, 50, 2000)            # multiples, exact or nearly
    b[:10_000] = np.where(np.arange(10_000) % 2, 2 * np.pi, b[:10_000])
    mine = np.array([k.mod(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)])
    theirs = np.array([x % y for x, y in zip(a.tolist(), b.tolist(), strict=True)])
    np.testing.assert_array_equal(mine, theirs)


# ---------------------------------------------------------------------------- products

SIDES = [*range(1, 11), 13, 16, 19, 131]


@pytest.mark.parametrize("rows", SIDES)
def test_products_of_matrices(rows):
    for inner in SIDES:
        for columns in (1, 2, 5, 7, 8, 9, 11, 16, 17, 24):
            a, b = RNG.normal(size=(rows, inner)), RNG.normal(size=(inner, columns))
            expected = a @ b
            for kernel, left, right in [
                    (k.matmul, a, b), (k.matmul_tn, a.T.copy(), b), (k.matmul_nt, a, b.T.copy())]:
                out = np.full((rows, columns), np.nan)
                kernel(left, right, out)
                np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13 * inner)


@pytest.mark.parametrize("rows", [0, *SIDES])
def test_products_with_vectors(rows):
    for columns in [0, *SIDES]:
        w, x, y = RNG.normal(size=(rows, columns)), RNG.normal(size=columns), RNG.normal(size=rows)
        right, left = np.full(rows, np.nan), np.full(columns, np.nan)
        k.matvec(w, x, right)
        k.vecmat(y, w, left)
        np.testing.assert_allclose(right, w @ x, rtol=1e-12, atol=1e-13 * (columns + 1))
        np.testing.assert_allclose(left, y @ w, rtol=1e-12, atol=1e-13 * (rows + 1))
        assert k.dot(y, y) == pytest.approx(y @ y, rel=1e-13)


def test_products_keep_nan():
    a = np.ones((5, 9))
    a[2, 3] = np.nan
    out = np.empty((5, 8))
    k.matmul(a, np.zeros((9, 8)), out)
    assert np.isnan(out[2]).all()
    assert np.isfinite(np.delete(out, 2, 0)).all()


# ---------------------------------------------------------------------------- arrays

def test_all_finite():
    for bad in (np.inf, -np.inf, np.nan):
        x = np.ones((3, 4))
        assert k.all_finite(x)
        x[1, 2] = bad
        assert not k.all_finite(x)
    assert k.all_finite(np.full(4, 1e308))       # whose sum is not
    assert k.all_finite(np.empty((0, 2)))


def test_grown():
    rows = RNG.normal(size=(3, 2))
    more = k.grown(rows)
    assert more.shape == (6, 2)
    np.testing.assert_array_equal(more[:3], rows)
