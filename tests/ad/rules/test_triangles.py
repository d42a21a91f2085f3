"""The rules of triangular solves, of QR, and of the exponential of a matrix."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import strategies as st

from tinydp import grad, linalg
from tinydp.ad.errors import UnsupportedArgumentError
from tinydp.ad.rules.triangles import expm, solve_triangular, thin_qr

from .cases import REAL, case
from .checks import rules_test
from .test_decompositions import FULL, MATRIX, SQUARE, SYMMETRIC, equations


def triangles(*shapes):
    return st.fixed_dictionaries({}, optional={
        name: st.booleans() for name in ("lower", "transposed", "unit_diagonal")})


def of_qr(a, mode="reduced"):
    q, r = np.linalg.qr(a, mode)
    return np.concatenate([q * q, np.swapaxes(r * r, -1, -2)], axis=-2)


def modes(shape):
    return st.sampled_from(["reduced", "complete"] if shape[-2] <= shape[-1] else ["reduced"]).map(
        lambda mode: {"mode": mode})


CASES = [
    case(solve_triangular, SYMMETRIC, REAL, shapes=equations(), options=triangles),
    case(np.linalg.qr,     MATRIX, shapes=FULL, options=modes, call=of_qr),
    case(thin_qr,          MATRIX, shapes=FULL, call=lambda a: np.linalg.qr(a, mode="r") ** 2),
    case(expm,             MATRIX, shapes=SQUARE),
]

test_rule = rules_test(CASES)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, "T"])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_solve_is_scipys(lower, trans, unit):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 5)) + 4 * np.eye(5), rng.normal(size=(5, 2))
    options = {"trans": trans, "lower": lower, "unit_diagonal": unit}
    for side in (b, b[:, 0]):
        np.testing.assert_array_equal(linalg.solve_triangular(a, side, **options),
                                      scipy.linalg.solve_triangular(a, side, **options))
    stacked = linalg.solve_triangular(np.stack([a, 2 * a]), b, **options)
    np.testing.assert_array_equal(stacked[1], scipy.linalg.solve_triangular(2 * a, b, **options))


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_exponential_is_exact(scale):
    a = np.random.default_rng(1).normal(size=(4, 4)) * scale
    with mpmath.workdps(50):
        exact = np.array(mpmath.expm(mpmath.matrix(a.tolist())).tolist(), dtype=float)
    np.testing.assert_allclose(linalg.expm(a), exact, rtol=1e-13, atol=1e-13 * np.abs(exact).max())


def test_what_does_not_fit_raises():
    with pytest.raises(np.linalg.LinAlgError):
        linalg.solve_triangular(np.zeros((2, 2)), np.ones(2))
    with pytest.raises(ValueError, match="does not fit"):
        linalg.solve_triangular(np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match="trans"):
        linalg.solve_triangular(np.eye(2), np.ones(2), trans=3)
    with pytest.raises(ValueError, match="exponential"):
        linalg.expm(np.ones((2, 3)))
    with pytest.raises(UnsupportedArgumentError, match="complete"):
        grad(lambda a: np.sum(np.linalg.qr(a, mode="complete")[0]))(np.ones((3, 2)))


def test_exponential_of_what_is_not_finite_is_nan():
    assert np.isnan(linalg.expm(np.array([[np.inf, 0.0], [0.0, 1.0]]))).all()
