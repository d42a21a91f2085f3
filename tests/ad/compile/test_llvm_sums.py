"""Products of a vector and a small matrix, and sums of rows, whose sums stay in registers."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.llvm_sums import LONGEST_SUMMED, parts_of
from tinydp.ad.compile.lower_loops import MANY_STEPS
from tinydp.ad.compile.machine_types import LANES

RNG = np.random.default_rng(0)
SIDES = [(1, 1), (3, 5), (8, 8), (9, 13), (24, 48), (48, 24), (50, 100), (7, LONGEST_SUMMED + 1), (130, 130)]


def near(x, y):
    np.testing.assert_allclose(x, y, 1e-12, 1e-12 * np.max(np.abs(y)))


def test_a_row_is_taken_apart():
    assert parts_of(LANES + 7) == [(0, LANES), (LANES, 4), (LANES + 4, 2), (LANES + 6, 1)]
    assert sum(lanes for _, lanes in parts_of(100)) == 100


@pytest.mark.parametrize(("rows", "columns"), SIDES)
def test_products_and_sums(rows, columns):
    x, w = RNG.normal(size=rows), RNG.normal(size=(rows, columns))
    near(dp.compile(lambda x, w: x @ w)(x, w), x @ w)
    near(dp.compile(lambda w: np.sum(w, axis=0))(w), np.sum(w, axis=0))
    near(dp.compile(lambda w: np.sum(np.exp(w), axis=0))(w), np.sum(np.exp(w), axis=0))


def test_what_is_not_a_number_stays():
    w = np.ones((9, 20))
    w[3, 4] = np.nan
    found = dp.compile(lambda x, w: x @ w)(np.zeros(9), w)
    assert np.isnan(found[4])
    assert np.isfinite(np.delete(found, 4)).all()


@pytest.mark.parametrize("steps", [MANY_STEPS - 1, MANY_STEPS, 40])
@pytest.mark.parametrize("product", [lambda w, h: w @ h, lambda w, h: h @ w, lambda w, h: w @ h + h @ w,
                                     lambda w, h: (h[None, :] @ w)[0], lambda w, h: (w @ h[:, None])[:, 0],
                                     lambda w, h: w.T @ h])
def test_a_matrix_that_each_step_uses(product, steps):
    def f(w, h):
        return np.sum(dp.scan(lambda h, _: (np.tanh(0.3 * product(w, h)), None), h, length=steps)[0] ** 2)

    compiled = dp.compile(f)
    for _ in range(2):                           # copies are of what is given now
        w, h = RNG.normal(size=(12, 12)), RNG.normal(size=12)
        near(compiled(w, h), f(w, h))
        for found, expected in zip(dp.grad(compiled, argnums=(0, 1))(w, h), dp.grad(f, argnums=(0, 1))(w, h),
                                   strict=True):
            near(found, expected)


def test_a_matrix_that_lies_anywhere():
    memory = np.zeros(20 * 12 + 1)
    w = memory[1:].reshape(20, 12)               # not at the beginning of a line
    w[:] = RNG.normal(size=w.shape)
    x = RNG.normal(size=20)
    near(dp.compile(lambda x, w: x @ w)(x, w), x @ w)
