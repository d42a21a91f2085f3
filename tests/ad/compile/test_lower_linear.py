"""Linear algebra in compiled programs: values and derivatives are the tape's, by machine code."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.lapack import LAPACK_KERNELS
from tinydp.testing import check_grads

L, triangle, expm = np.linalg, dp.linalg.solve_triangular, dp.linalg.expm


def symmetric(a):
    return a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1])


def of_eigh(a, uplo="L"):
    w, v = L.eigh(a + np.swapaxes(a, -1, -2), uplo)
    return np.expand_dims(w, -2) + v * v


def of_svd(a):
    u, s, vt = L.svd(a, full_matrices=False)
    return np.sum(u * u * np.expand_dims(s, -2)) + np.sum(vt * vt * np.expand_dims(s, -1))


def of_qr(a):
    q, r = L.qr(a)
    return np.sum(np.sin(q * q), axis=-1) + np.sum(r * r)


FUNCTIONS = {
    "solve": lambda a: L.solve(a, a[..., :1] + 1.0),
    "solve of many": lambda a: L.solve(np.swapaxes(a, -1, -2), np.cos(a)),
    "solve of a vector": lambda a: L.solve(a, np.cos(np.arange(a.shape[-1]) + np.sum(a))),
    "inv": L.inv,
    "det": L.det,
    "slogdet": lambda a: L.slogdet(a).logabsdet,
    "sign": lambda a: L.slogdet(a).sign * np.sum(a),
    "cholesky": lambda a: L.cholesky(symmetric(a)),
    "upper cholesky": lambda a: L.cholesky(symmetric(a), upper=True),
    "eigvalsh": lambda a: L.eigvalsh(a + np.swapaxes(a, -1, -2)),
    "eigh": of_eigh,
    "upper eigh": lambda a: of_eigh(a, "U"),
    "svd": of_svd,
    "svdvals": L.svdvals,
    "pinv": L.pinv,
    "lstsq": lambda a: L.lstsq(a[..., : max(a.shape[-1] - 1, 1)], np.cos(a)[:, :1])[0],
    "residuals": lambda a: np.sum(L.lstsq(a[..., : max(a.shape[-1] - 1, 1)], np.cos(3 * a))[1]) + np.sum(a),
    "matrix_power": lambda a: L.matrix_power(a, -3),
    "nuclear norm": lambda a: L.norm(a, "nuc", axis=(-2, -1)),
    "matrix_rank": lambda a: L.matrix_rank(a) * np.sum(a),
    "qr": of_qr,
    "triangle": lambda a: triangle(a, np.cos(a)),
    "lower triangle": lambda a: triangle(a, np.sum(a) + np.arange(a.shape[-1]), lower=True),
    "turned triangle": lambda a: triangle(a, np.cos(a), trans="T", unit_diagonal=True),
    "turned lower triangle": lambda a: triangle(a, np.cos(a), trans=1, lower=True),
    "expm": lambda a: expm(0.3 * a),
}
SHAPES = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (8, 8), (9, 9), (2, 3, 3), (2, 1, 2, 2)]


def matrices(shape, seed=0):
    """Well-conditioned, with distinct eigenvalues and singular values."""
    n = shape[-1]
    noise = np.random.default_rng(seed).normal(size=shape) * 0.3 / max(n, 1)
    return noise + np.diag(2.0 + 0.4 * np.arange(n))


def near(found, wanted, rtol=1e-10):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol, rtol * np.max(np.abs(wanted), initial=0.0) + 1e-13)


@pytest.fixture
def alone(monkeypatch):
    """Nothing is compared with the tape, and nothing may be left to it."""
    monkeypatch.setenv("TINYDP_VERIFY", "never")


def native(f, *args):
    """The results of the program that is built for these arguments; a failure of it is raised."""
    program, values = dp.compile(f).program_for(*args)
    results = program.results_of(values)
    assert results is not None
    return program.unflatten(results)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives_are_the_tapes(name, alone):
    f = FUNCTIONS[name]
    for shape in SHAPES:
        if (name == "matrix_rank" and 0 in shape) or (name in ("lstsq", "residuals") and len(shape) > 2):
            continue
        a, v = matrices(shape), np.cos(np.arange(float(np.prod(shape)))).reshape(shape)

        def loss(a):
            y = f(a)
            return np.sum(np.sin(y) * y)

        near(native(f, a), f(a))
        if a.size and shape in ((1, 1), (2, 2), (9, 9), (2, 3, 3)):
            near(native(dp.grad(loss), a), dp.grad(loss)(a))
        if shape == (4, 4):
            near(native(lambda a, v: dp.vjp(dp.grad(loss), a)[1](v)[0], a, v), dp.hvp(loss, a, v), 1e-9)


@pytest.mark.parametrize("name", [
    "solve", "cholesky", "eigh", "svd", "qr", "expm", "lower triangle", "slogdet"])
def test_large_matrices(name, alone):
    a = matrices((30, 30))
    near(native(FUNCTIONS[name], a), FUNCTIONS[name](a))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_a_loop(name, alone):
    """The gradient of a step that is done many times, of what it carries and of what it captures."""
    f = FUNCTIONS[name]

    def loss(a, start):
        def step(x, row):
            y = f(a + 0.05 * np.outer(np.sin(x), row))
            return 0.5 * x + 0.01 * np.sum(y), np.sum(y)
        x, ys = dp.scan(step, start, rows)
        return np.sum(x) + np.sum(ys)

    rows = np.random.default_rng(3).normal(size=(5, 3))
    args = matrices((3, 3)), np.array([0.1, -0.2, 0.3])
    near(native(loss, *args), loss(*args))
    for found, wanted in zip(native(dp.grad(loss, argnums=(0, 1)), *args),
                             dp.grad(loss, argnums=(0, 1))(*args), strict=True):
        near(found, wanted)


@pytest.mark.parametrize("name", ["solve", "det", "cholesky", "eigh", "svd", "qr", "expm", "lstsq"])
def test_gradients_are_finite_differences(name):
    check_grads(dp.compile(lambda a: np.sum(np.sin(FUNCTIONS[name](a)))), (matrices((3, 3)),))


@pytest.mark.parametrize("engine", ["llvm", "numba"])
def test_both_engines_and_the_self_check(engine, monkeypatch):
    monkeypatch.setenv("TINYDP_ENGINE", engine)
    loss = lambda a: np.sum(L.solve(a, np.ones(3)) ** 2) + np.sum(L.cholesky(symmetric(a))) + L.slogdet(a)[1]
    a = matrices((3, 3))
    compiled = dp.compile(loss)
    near(compiled(a), loss(a))
    near(dp.grad(compiled)(a), dp.grad(loss)(a))
    assert "lu_solve_into" in compiled.source


def test_where_python_runs_the_program(interpreted):
    loss = lambda a: np.sum(L.inv(a)) + np.sum(of_svd(a))
    a = matrices((2, 3, 3))
    near(dp.grad(dp.compile(loss))(a), dp.grad(loss)(a))


# ---------------------------------------------------------------------------- what is singular

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize("f", [
    lambda a: L.solve(a, np.ones(2)), L.inv, lambda a: L.cholesky(-a),
    lambda a: triangle(a - 1.0, np.ones(2)),
    lambda a: np.sum(dp.scan(lambda x, _: (L.solve(a, x), None), np.ones(2), length=3)[0])])
def test_singular_matrices_raise_numpys_error(f):
    compiled = dp.compile(f)
    for _ in range(2):                           # when it is traced, and when it is compiled
        with pytest.raises(np.linalg.LinAlgError):
            compiled(SINGULAR)
        with pytest.raises(np.linalg.LinAlgError):
            dp.grad(lambda a: np.sum(compiled(a)))(SINGULAR)


def test_the_users_own_handling_of_a_singular_matrix():
    def f(a):
        try:
            return np.sum(L.inv(a))
        except np.linalg.LinAlgError:
            return -1.0 + 0.0 * np.sum(a)

    compiled = dp.compile(f)
    for a in (SINGULAR, np.eye(2), SINGULAR, 2 * np.eye(2)):
        near(compiled(a), f(a))


def test_what_nearly_is_singular_is_decided_as_numpy_does():
    solve = lambda a: L.solve(a, np.ones(3))
    program, _ = dp.compile(solve).program_for(np.eye(3))
    for seed in range(100):                      # of rank 2: by rounding alone, some have an inverse
        a = np.random.default_rng(seed).integers(-3, 4, (3, 3)) / 10.0
        a[2] = a[0] + a[1]
        try:
            wanted = solve(a)
        except np.linalg.LinAlgError:
            with pytest.raises(ArithmeticError):
                program.results_of([a])
        else:
            np.testing.assert_array_equal(program.results_of([a])[0], wanted)
    scaled = np.diag([1.0, 1e-15])
    near(native(L.inv, scaled), L.inv(scaled), 1e-15)


def test_determinant_of_a_singular_matrix(alone):
    for n in (2, 3, 5):
        a = np.ones((n, n))
        near(dp.compile(L.det)(a), 0.0)
        assert dp.compile(L.slogdet)(a) == L.slogdet(a)
        near(dp.grad(dp.compile(L.det))(a), dp.grad(L.det)(a))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_numbers_that_are_not_finite(bad):
    a = np.array([[2.0, 1.0], [1.0, bad]])
    for f in (lambda a: L.solve(a, np.ones(2)), L.det, L.inv, expm):
        np.testing.assert_array_equal(dp.compile(f)(a), f(a))


def test_equal_eigenvalues_are_left_to_the_tape():
    loss = lambda a: np.sum(L.eigvalsh(a + a.T) ** 3)
    a, v = np.eye(3), np.arange(9.0).reshape(3, 3)
    near(dp.grad(dp.compile(loss))(a), dp.grad(loss)(a))
    near(dp.hvp(dp.compile(loss), a, v), dp.hvp(loss, a, v))


# ---------------------------------------------------------------------------- the rest

def test_results_have_their_names(alone):
    f = dp.compile(lambda a: (L.eigh(a).eigenvalues, L.svd(a).S, L.slogdet(a).sign, L.qr(a).R))
    a = symmetric(matrices((3, 3)))
    for found, wanted in zip(f(a), (L.eigh(a)[0], L.svd(a)[1], 1.0, L.qr(a)[1]), strict=True):
        near(found, wanted)


def test_stacks_are_spread(alone):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 1, 3, 3)) + 3 * np.eye(3), rng.normal(size=(2, 3, 2))
    near(native(L.solve, a, b), L.solve(a, b))
    near(native(L.solve, a, b[0, :, 0]), L.solve(a, b[0, :, 0]))
    near(native(L.solve, a[0, 0], b), L.solve(a[0, 0], b))


def test_matrices_of_other_shapes(alone):
    for shape in ((2, 4), (5, 3), (0, 2), (1, 3), (2, 4, 2)):
        a = np.random.default_rng(1).normal(size=shape)
        for f in (L.pinv, of_svd, L.svdvals, lambda a: L.qr(a)[0], lambda a: L.qr(a)[1]):
            near(native(f, a), f(a))


def test_least_squares_of_another_rank_have_no_residuals():
    residuals = dp.compile(lambda a: L.lstsq(a, np.ones(4))[1])
    a = np.arange(8.0).reshape(4, 2)
    near(residuals(a), L.lstsq(a, np.ones(4))[1])
    assert residuals(np.ones((4, 2))).shape == (0,)


def test_a_matrix_is_factored_once(alone):
    """On the way there and back, and before a loop if it is the same in each step."""
    def loss(a, x):
        return np.sum(dp.scan(lambda x, _: (L.solve(a, x), None), x, length=4)[0])

    compiled = dp.compile(loss)
    near(dp.grad(compiled)(np.eye(3) * 2.0, np.ones(3)), dp.grad(loss)(np.eye(3) * 2.0, np.ones(3)))
    assert compiled.adjoint_source.count("= lu_into(") == 1
    assert compiled.adjoint_source.index("= lu_into(") < compiled.adjoint_source.index("for step")


def test_a_filter_is_jaxs():
    """A Kalman filter of 50 steps: the likelihood and its gradient, by JAX 0.10 (float64)."""
    def likelihood(f, q, r, ys):
        def step(carry, y):
            x, p = carry
            x, p = f @ x, f @ p @ f.T + q
            s = h @ p @ h.T + r
            v = y - h @ x
            total = -0.5 * (v @ L.solve(s, v) + L.slogdet(s)[1])
            k = L.solve(s, h @ p).T
            return (x + k @ v, p - k @ h @ p), total
        return np.sum(dp.scan(step, (np.zeros(2), np.eye(2)), ys)[1])

    h = np.eye(2)
    f, q, r = np.array([[1.0, 0.1], [-0.1, 0.98]]), 0.01 * np.eye(2), 0.1 * np.eye(2)
    ys = np.stack([np.cos(0.1 * np.arange(50.0)), -np.sin(0.1 * np.arange(50.0))], axis=1)
    value, gradient = dp.value_and_grad(dp.compile(likelihood), argnums=(0, 2))(f, q, r, ys)
    near(value, JAX[0])
    near(gradient[0], JAX[1])
    near(gradient[1], JAX[2])


JAX = (96.11693037435728,
       [[-24.00189192500509, -0.38680421436055423], [-4.7617114168929495, 7.015277165590788]],
       [[-208.3851521464076, -1.9689124148374377], [1.4253248625456127, -208.05987724073722]])


def test_every_kernel_has_a_function():
    from tinydp.ad.compile.kernels import lapack as kernels  # noqa: PLC0415

    assert all(callable(getattr(kernels, name)) for name in LAPACK_KERNELS)
