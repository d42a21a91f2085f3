"""The kernels that call LAPACK, each on one matrix, and how machine code finds it in another process."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.kernels import lapack as kernels
from tinydp.ad.compile.lapack import BLAS, LAPACK_KERNELS, ROUTINES, addresses

SIDES = [1, 2, 3, kernels.TINY_ROWS, kernels.TINY_ROWS + 1, 8, 30]
TRIANGLES = [(lower, transposed, unit) for lower in (0, 1) for transposed in (0, 1) for unit in (0, 1)]


def matrix(n, m=None, seed=0):
    return np.random.default_rng(seed).normal(size=(n, m or n)) + 2.0 * np.eye(n, m or n)


def columns(a):
    """A matrix as kernels take it."""
    return a.T.copy()


def near(x, y):
    np.testing.assert_allclose(x, y, 1e-11, 1e-11 * np.max(np.abs(y)))


def test_every_routine_and_kernel_is_there():
    assert addresses().keys() == {*ROUTINES, *BLAS}
    assert all(callable(getattr(kernels, name)) for name in LAPACK_KERNELS)


@pytest.mark.parametrize("sides", [(1, 1, 1), (3, 4, 5), (9, 2, 30), (30, 17, 1)])
def test_products(sides):
    m, k, n = sides
    a, b = matrix(m, k), matrix(k, n, seed=1)
    for turned_a, turned_b in itertools.product((0, 1), (0, 1)):
        out = np.full((m, n), np.nan)
        given = (columns(x) if turned else x for x, turned in ((a, turned_a), (b, turned_b)))
        kernels.product_into(*given, turned_a, turned_b, out)
        near(out, a @ b)


@pytest.mark.parametrize("n", SIDES)
def test_equations(n):
    a, lu, pivots = matrix(n), np.empty((n, n)), np.empty(n)
    assert kernels.lu_into(a, lu, pivots) == 0
    for count in (1, 3):
        b = matrix(n, count, seed=1)
        for transposed in (0, 1):
            xs = columns(b)
            assert kernels.lu_solve_into(lu, pivots, np.empty(n), xs, transposed) == 0
            near(xs.T, np.linalg.solve(a.T if transposed else a, b))
    near(kernels.determinant_into(a, lu, pivots), np.linalg.slogdet(a))
    near(kernels.determinant_into(a[::-1].copy(), lu, pivots), np.linalg.slogdet(a[::-1]))


@pytest.mark.parametrize("n", SIDES)
def test_triangles(n):
    a, b = matrix(n) + n * np.eye(n), matrix(n, 2, seed=1)
    for (lower, transposed, unit), count in itertools.product(TRIANGLES, (1, 2)):
        triangle = np.tril(a) if lower else np.triu(a)
        triangle = triangle - np.diag(np.diag(triangle) - 1.0) if unit else triangle
        xs = columns(b[:, :count])
        assert kernels.triangular_into(columns(a), xs, lower, transposed, unit) == 0
        near(xs.T, np.linalg.solve(triangle.T if transposed else triangle, b[:, :count]))


@pytest.mark.parametrize("n", SIDES)
def test_roots_of_symmetric_matrices(n):
    a = matrix(n) @ matrix(n).T
    y = np.empty((n, n))
    assert kernels.cholesky_into(np.tril(a), y) == 0
    near(y.T, np.linalg.cholesky(a))
    assert kernels.cholesky_into(-a, y) > 0


@pytest.mark.parametrize("n", [2, 5])
def test_what_is_singular(n):
    lu, pivots = np.empty((n, n)), np.empty(n)
    assert kernels.lu_into(np.ones((n, n)), lu, pivots) > 0
    assert kernels.determinant_into(np.ones((n, n)), lu, pivots) == (0.0, -np.inf)
    assert kernels.triangular_into(np.zeros((n, n)), np.ones((1, n)), 1, 0, 0) > 0


PROGRAM = """
import numpy as np, tinydp as dp, sys
f = dp.compile(lambda a: np.linalg.solve(a, np.ones(9)) + np.linalg.eigvalsh(a))
print(f(np.diag(np.arange(1.0, 10.0))).tolist(), "scipy" in sys.modules)
"""


def test_another_process_only_loads_it(tmp_path):
    """There LAPACK lies elsewhere in memory."""
    options = os.environ | {"TINYDP_CACHE": str(tmp_path), "TINYDP_VERIFY": "never"}
    found = []
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=options, capture_output=True, check=True)
        files = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())
        found.append((run.stdout, files))
    assert found[0] == found[1]


def test_importing_the_package_imports_no_scipy():
    program = "import tinydp, sys; print('scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout == b"False\n"


@pytest.mark.parametrize(("sides", "is_large"), [((256, 256, 256), True), ((400, 200, 4), True),
                                                 ((64, 64, 64), False), ((20, 20, 4), False)])
def test_large_products_are_blas(sides, is_large):
    m, k, n = sides
    a, b = matrix(m, k), matrix(k, n, seed=1)
    forms = [(lambda a, b: a @ b, a, b), (lambda a, b: a.T @ b, columns(a), b),
             (lambda a, b: a @ b.T, a, columns(b)), (lambda a, b: a.T @ b.T, columns(a), columns(b))]
    for f, x, y in forms:
        compiled = dp.compile(f)
        near(compiled(x, y), a @ b)
        assert ("product_into" in compiled.source) == is_large
