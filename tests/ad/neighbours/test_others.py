"""SciPy's functions that are no ufuncs, as they stand in a user's source."""

import numpy as np
import pytest
import scipy.linalg
from scipy import special as sc
from scipy.integrate import trapezoid
from scipy.linalg import block_diag, cho_factor, cho_solve, solve_triangular

import tinydp as dp
from tinydp.ad.neighbours import NAMES, others

X = np.array([0.7, -0.4, 1.3])


def spd(x):
    return np.outer(x, x) + np.diag(np.array([1.0, 2.0, 3.0]))


def general(x):
    return np.outer(x, np.array([1.0, 0.5, -0.3])) + np.diag(np.array([1.0, 2.0, 3.0]))


PROGRAMS = {
    "logsumexp": lambda x: sc.logsumexp(2.0 * x),
    "logsumexp, along an axis": lambda x: np.sum(sc.logsumexp(np.outer(x, x), axis=1) * x),
    "logsumexp, weighed": lambda x: sc.logsumexp(x, b=np.array([0.2, 0.3, 0.5]), keepdims=True)[0],
    "logsumexp, of large numbers": lambda x: sc.logsumexp(1000.0 * x),
    "softmax": lambda x: sc.softmax(x) @ np.arange(3.0),
    "log_softmax": lambda x: np.sum(sc.log_softmax(np.outer(x, x), axis=-1)[:, 0]),
    "expm": lambda x: np.sum(scipy.linalg.expm(general(x))[0]),
    "solve_triangular": lambda x: np.sum(solve_triangular(general(x), x, lower=True)),
    "solve": lambda x: np.sum(scipy.linalg.solve(general(x), x)),
    "solve, symmetric": lambda x: np.sum(scipy.linalg.solve(spd(x), x, assume_a="pos")),
    "inv": lambda x: np.sum(scipy.linalg.inv(general(x))[0]),
    "det": lambda x: scipy.linalg.det(general(x)),
    "norm": lambda x: scipy.linalg.norm(general(x)),
    "pinv": lambda x: np.sum(scipy.linalg.pinv(general(x))[0]),
    "cholesky": lambda x: np.sum(scipy.linalg.cholesky(spd(x))[0]),
    "cholesky, lower": lambda x: np.sum(scipy.linalg.cholesky(spd(x), lower=True)[2]),
    "cho_factor, cho_solve": lambda x: np.sum(cho_solve(cho_factor(spd(x)), x)),
    "cho_solve, lower": lambda x: np.sum(cho_solve((np.linalg.cholesky(spd(x)), True), x)),
    "eigh": lambda x: scipy.linalg.eigh(spd(x))[0] @ np.arange(3.0),
    "eigvalsh": lambda x: scipy.linalg.eigvalsh(spd(x)) @ np.arange(3.0),
    "svdvals": lambda x: scipy.linalg.svdvals(general(x)) @ np.arange(3.0),
    "sqrtm": lambda x: np.sum(scipy.linalg.sqrtm(spd(x))[0]),
    "solve_sylvester": lambda x: np.sum(scipy.linalg.solve_sylvester(spd(x), general(x), np.outer(x, x))[1]),
    "block_diag": lambda x: np.linalg.det(block_diag(np.outer(x, x)[:2, :2] + np.eye(2), x[2])),
    "toeplitz": lambda x: np.linalg.det(scipy.linalg.toeplitz(x, 2.0 * x)),
    "trapezoid": lambda x: trapezoid(x**2, np.array([0.0, 1.0, 3.0])) + trapezoid(x, dx=0.1),
}


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_value_and_derivatives(f):
    assert dp.value_and_grad(f)(X)[0] == pytest.approx(f(X), rel=1e-12)
    dp.testing.check_grads(f, (X,), order=1)


@pytest.mark.parametrize("kind", ["sqrtm", "solve_sylvester", "cho_factor, cho_solve", "logsumexp"])
def test_second_derivative(kind):
    dp.testing.check_grads(PROGRAMS[kind], (X,), order=2)


def test_all_are_tested():
    tested = {name.partition(",")[0] for name in PROGRAMS} | {"cho_solve"}
    assert tested == {name for names in NAMES.values() for name in names}
    assert all(hasattr(others, name) for name in tested)


@pytest.mark.parametrize("kind", ["logsumexp", "softmax", "solve", "cho_solve, lower"])
def test_compiled(kind, wrap):
    f = PROGRAMS[kind]
    np.testing.assert_allclose(dp.grad(wrap(f))(X), dp.grad(f)(X), rtol=1e-10)
