"""The rules of eigenvalues and singular values, where some of them are equal."""

import numpy as np
import pytest

from tinydp import grad, hessian
from tinydp.ad.rules.spectra import of_eigenvalues, of_singular_values

from .cases import case
from .checks import rules_test
from .test_decompositions import MATRIX, OBLONG, SQUARE, SYMMETRIC, triangles

CASES = [
    case(np.linalg.eigvalsh, SYMMETRIC, shapes=SQUARE, options=triangles,
         reaches=[(of_eigenvalues, i) for i in range(2)]),
    case(np.linalg.svdvals,  MATRIX,    shapes=OBLONG, reaches=[(of_singular_values, i) for i in range(2)]),
]

test_rule = rules_test(CASES)


@pytest.mark.parametrize("f", [
    lambda a: np.linalg.eigvalsh((a + a.T) / 2)[0],
    lambda a: np.linalg.eigvalsh((a + a.T) / 2) @ [1.0, 2.0],
    lambda a: np.linalg.svdvals(a)[0], lambda a: np.linalg.svdvals(a)[1] ** 2])
def test_one_of_equal_values_has_no_second_derivative(f):
    assert np.isnan(hessian(f)(np.eye(2))).all()


def test_nuclear_norm_has_a_kink_at_rank_deficits():
    assert np.isnan(hessian(lambda a: np.sum(np.linalg.svdvals(a)))(np.diag([1.0, 0.0]))).all()


def test_one_matrix_of_a_stack_does_not_spoil_the_others():
    stack = np.stack([np.diag([1.0, 3.0]), np.eye(2)])
    h = hessian(lambda a: np.sum(np.linalg.eigvalsh((a + a.mT) / 2)[:, 0]))(stack)
    alone = hessian(lambda a: np.linalg.eigvalsh((a + a.T) / 2)[0])(stack[0])
    np.testing.assert_allclose(h[0, :, :, 0], alone, atol=1e-15)
    assert np.isnan(h[1, :, :, 1]).all()
    assert not h[0, :, :, 1].any()


def test_nearly_equal_values():
    """A gap of the size of rounding is no gap to divide by."""
    turn = np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2 + np.eye(3))[0]
    a = (turn * [2.0, 2.0 + 1e-15, 3.0]) @ turn.T
    h = hessian(lambda a: np.sum(np.linalg.eigvalsh((a + a.T) / 2) ** 3))(a)
    right = hessian(lambda a: np.trace((a + a.T) @ (a + a.T) @ (a + a.T)) / 8)(a)
    np.testing.assert_allclose(h, right, atol=1e-7)
    assert np.isfinite(grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 3))(a)).all()
