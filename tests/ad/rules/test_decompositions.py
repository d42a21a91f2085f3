"""The rules of matrix equations and decompositions."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, hessian, vjp
from tinydp.ad.errors import SteepGradientWarning, UnsupportedArgumentError
from tinydp.ad.rules.decompositions import least_squares, of_full_rank, thin_svd

from .cases import FULL_SIDE, REAL, SIDE, Sampler, case, shapes
from .checks import flat_test, rules_test

# ---------------------------------------------------------------------------- matrices


def _turns(rng, shape):
    """Orthogonal matrices."""
    return np.linalg.qr(rng.normal(size=shape))[0]


def _with_values(rng, shape):
    """Matrices with the singular values 1, 2, 3, of any shape."""
    *stack, m, n = shape
    k = min(m, n)
    u, v = (_turns(rng, (*stack, side, side))[..., :k] for side in (m, n))
    return (u * np.arange(1.0, k + 1)) @ np.swapaxes(v, -1, -2)


def _symmetric(rng, shape):
    """Symmetric matrices with the eigenvalues 1, 2, 3."""
    turn = _turns(rng, shape)
    return (turn * np.arange(1.0, shape[-1] + 1)) @ np.swapaxes(turn, -1, -2)


TRUE = Sampler(lambda rng, shape: np.ones(shape, dtype=bool), constant=True)
MATRIX, SYMMETRIC = Sampler(_with_values), Sampler(_symmetric)

STACK = shapes(0, 1)
SQUARE = st.builds(lambda stack, n: ((*stack, n, n),), STACK, SIDE)
OBLONG = st.builds(lambda stack, m, n: ((*stack, m, n),), STACK, SIDE, SIDE)
FULL = st.builds(lambda stack, m, n: ((*stack, m, n),), STACK, FULL_SIDE, FULL_SIDE)


@st.composite
def equations(draw):
    """A stack of matrices, and one vector or a stack of matrices that broadcasts."""
    stack, n, m = draw(STACK), draw(SIDE), draw(SIDE)
    a = draw(st.sampled_from([(n, n), (*stack, n, n)]))
    return a, draw(st.sampled_from([(n,), (n, m), (*stack, n, m)]))


@st.composite
def overdetermined(draw):
    """One matrix of any shape, and one right side or several."""
    m, n, k = draw(FULL_SIDE), draw(FULL_SIDE), draw(FULL_SIDE)
    return (m, n), draw(st.sampled_from([(m,), (m, k)]))


# ---------------------------------------------------------------------------- options


def powers(shape):
    return st.fixed_dictionaries({"n": st.integers(-3, 7)})


def triangles(shape):
    return st.fixed_dictionaries({}, optional={"UPLO": st.sampled_from("LU")})


def tolerances(shape):
    return st.fixed_dictionaries({}, optional={"rcond": st.just(1e-12)})


def uppers(shape):
    return st.fixed_dictionaries({}, optional={"upper": st.booleans()})


# ---------------------------------------------------------------------------- calls

# The signs of vectors are LAPACK's choice, which may change anywhere: squares have none.


def of_slogdet(a):
    return np.linalg.slogdet(a)[1]


def of_eigh(a, **options):
    w, v = np.linalg.eigh(a, **options)
    return np.concatenate([np.expand_dims(w, -2), v * v, v * np.flip(v, -2)], axis=-2)


def of_svd(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    v = np.swapaxes(vt, -1, -2)
    return np.concatenate([np.expand_dims(s, -2), u * u, v * v, u[..., :1, :] * v], axis=-2)


def of_square_svd(a):
    u, s, vt = np.linalg.svd(a)
    return np.expand_dims(s, -2) + u * u + np.swapaxes(vt, -1, -2) * u


def of_values(a):
    return np.linalg.svd(a, compute_uv=False)


def of_lstsq(a, b):
    return np.linalg.lstsq(a, b)[0]


CASES = [
    case(np.linalg.solve,        MATRIX, REAL, shapes=equations()),
    case(np.linalg.inv,          MATRIX,    shapes=SQUARE),
    case(np.linalg.lstsq,        MATRIX, REAL, shapes=overdetermined(), call=of_lstsq,
         reaches=[(least_squares, 0), (least_squares, 1)]),
    case(of_full_rank,           REAL, TRUE, shapes=shapes(1, 1).map(lambda shape: (shape, ()))),
    case(np.linalg.pinv,         MATRIX,    shapes=FULL, options=tolerances),
    case(np.linalg.det,          MATRIX,    shapes=SQUARE),
    case(np.linalg.slogdet,      MATRIX,    shapes=SQUARE, call=of_slogdet),
    case(np.linalg.matrix_power, MATRIX,    shapes=SQUARE, options=powers),
    case(np.linalg.cholesky,     SYMMETRIC, shapes=SQUARE, options=uppers),
    case(np.linalg.eigh,         SYMMETRIC, shapes=SQUARE, options=triangles, call=of_eigh),
    case(np.linalg.eigvalsh,     SYMMETRIC, shapes=SQUARE, options=triangles),
    case(np.linalg.svdvals,      MATRIX,    shapes=OBLONG),
    case(np.linalg.svd,          MATRIX,    shapes=OBLONG, call=of_values),
    case(np.linalg.svd,          MATRIX,    shapes=FULL,   call=of_svd, reaches=[(thin_svd, 0)]),
    case(np.linalg.svd,          MATRIX,    shapes=SQUARE, call=of_square_svd),
]

FLAT = [
    case(np.linalg.matrix_rank,  MATRIX,    shapes=FULL),
]


test_rule = rules_test(CASES)
test_flat = flat_test(FLAT)


# ---------------------------------------------------------------------------- one by one

SINGULAR = {
    "of rank 1": np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 2.0]),
    "of rank 2": np.arange(9.0).reshape(3, 3),
    "nearly":    np.arange(1.0, 10.0).reshape(3, 3),
    "zero":      np.zeros((3, 3)),
    "diagonal":  np.diag([2.0, 0.0, 3.0]),
}


def cofactors(a):
    """By deleting a row and a column, as in the book."""
    def minor(i, j):
        return np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))

    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(3)] for i in range(3)])


@pytest.mark.parametrize("a", SINGULAR.values(), ids=SINGULAR)
def test_det_of_a_singular_matrix(a):
    np.testing.assert_allclose(grad(np.linalg.det)(a), cofactors(a), atol=1e-13)


def test_det_of_a_stack_with_a_singular_matrix():
    stack = np.stack([np.eye(3), *SINGULAR.values()])
    gradient = grad(lambda a: np.sum(np.linalg.det(a)))(stack)
    np.testing.assert_allclose(gradient, np.stack([cofactors(a) for a in stack]), atol=1e-13)


def test_second_derivative_of_det_of_a_singular_matrix():
    """The determinant of a 2 x 2 matrix is a quadratic form."""
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 1, 1] = expected[1, 1, 0, 0] = 1
    expected[0, 1, 1, 0] = expected[1, 0, 0, 1] = -1
    for a in ([[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]], np.eye(2)):
        np.testing.assert_allclose(hessian(np.linalg.det)(np.array(a)), expected, atol=1e-13)


def test_slogdet_of_a_singular_matrix():
    stack = np.stack([np.ones((2, 2)), np.diag([2.0, -4.0])])
    gradient = grad(lambda a: np.sum(np.where(np.linalg.det(a) == 0, 0.0, np.linalg.slogdet(a)[1])))
    np.testing.assert_allclose(gradient(stack), [np.zeros((2, 2)), np.diag([0.5, -0.25])])
    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda a: np.linalg.slogdet(a)[1])(np.ones((2, 2)))


@pytest.mark.parametrize("f", [
    np.linalg.cholesky, np.linalg.eigvalsh,
    lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.eigh(a)[1] ** 2])
def test_only_the_lower_triangle_is_read(f):
    a = np.array([[3.0, 9.0], [1.0, 2.0]])
    y, pullback = vjp(f, a)
    (gradient,) = pullback(np.random.default_rng(0).normal(size=y.shape))
    assert np.array_equal(y, f(np.array([[3.0, -5.0], [1.0, 2.0]])))
    assert gradient[0, 1] == 0
    assert gradient[1, 0] != 0


@pytest.mark.parametrize("values", [
    np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0], np.linalg.svdvals,
    lambda a: np.linalg.svd(a)[1], lambda a: np.linalg.svd(a, compute_uv=False)])
def test_equal_values_have_derivatives(values):
    """Their sum is the trace, and that of their squares the sum of squares."""
    one = np.eye(3)
    np.testing.assert_allclose(grad(lambda a: np.sum(values(a)))(one), one, atol=1e-15)
    np.testing.assert_allclose(grad(lambda a: np.sum(values(a) ** 2))(2 * one), 4 * one, atol=1e-14)


@pytest.mark.parametrize("vectors", [lambda a: np.linalg.eigh(a)[1], lambda a: np.linalg.svd(a)[0]])
def test_vectors_of_equal_values_warn(vectors):
    with pytest.warns(SteepGradientWarning):
        gradient = grad(lambda a: np.sum(vectors(a) * [[1.0, 2.0], [5.0, 4.0]]))(np.eye(2))
    assert not np.all(np.isfinite(gradient))


@pytest.mark.parametrize("f", [
    np.linalg.svd,
    lambda a: np.linalg.svd(a, hermitian=True),
    lambda a: np.linalg.pinv(a, hermitian=True),
])
def test_refused(f):
    with pytest.raises(UnsupportedArgumentError):
        vjp(lambda a: f(a)[0], np.ones((2, 3)))


def test_results_have_names():
    def f(a):
        return np.linalg.eigh(a).eigenvalues[0] + np.linalg.svd(a).S[1] + np.linalg.slogdet(a).logabsdet

    np.testing.assert_allclose(grad(f)(np.diag([1.0, 2.0])), np.diag([3.0, 0.5]))


def test_solve_with_a_list():
    a, b = [[2.0, 1.0], [1.0, 3.0]], [1.0, 2.0]
    by_a, by_b = grad(lambda a, b: np.sum(np.linalg.solve(a, b)), argnums=(0, 1))(np.array(a), np.array(b))
    assert np.array_equal(grad(lambda a: np.sum(np.linalg.solve(a, b)))(np.array(a)), by_a)
    assert np.array_equal(grad(lambda b: np.sum(np.linalg.solve(a, b)))(np.array(b)), by_b)


def test_least_squares_are_numpys():
    a, b = np.random.default_rng(0).normal(size=(5, 3)), np.arange(5.0)
    for ours, theirs in zip(vjp(lambda a: np.linalg.lstsq(a, b), a)[0], np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-12)
    assert vjp(lambda a: np.linalg.lstsq(a, b)[1], np.ones((5, 3)))[0].shape == (0,)
