"""What is made of the rows that a computed mask selects, without knowing how many there are."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import NotCompiledError, UnsupportedArgumentError

X = np.random.default_rng(0).normal(size=(7, 3))

PROGRAMS = [
    lambda x: np.sin(x[x[:, 0] > 0].mean(axis=0)),
    lambda x: np.mean(x[x[:, 0] > 0], axis=0) @ x[1],
    lambda x: x[x[:, 0] > 0].sum(0) ** 2,
    lambda x: x[x[:, 0] > 0].std(axis=0),
    lambda x: np.var(x[x[:, 0] > 0], axis=0, ddof=1),
    lambda x: x[x[:, 0] > 0].max(axis=0) ** 2,
    lambda x: x[x[:, 0] > 0].min(axis=-2),
    lambda x: x[x[:, 0] > 0].prod(axis=0),
    lambda x: x[x[:, 0] > 0].sum(axis=1).max(),
    lambda x: (x[x[:, 0] > 0].mean(axis=-1) ** 3).sum(),
    lambda x: np.linalg.norm(x[x[:, 0] > 0] - x[0], axis=1).sum(),
    lambda x: np.linalg.norm(x[x[:, 0] > 0], axis=0),
    lambda x: x[0] * np.any(x[x[:, 0] > 0] > 1.0, axis=0),
    lambda x: x[0] * np.all(x[x[:, 0] > 0] > -1.0, axis=0),
    lambda x: x[0] * np.count_nonzero(x[x[:, 0] > 0] > -1.0, axis=0),
    lambda x: x[0] * x[x[:, 0] > 0].size,
    lambda x: x[x[:, 0] > 9.0].sum(axis=0),
    lambda x: x[x > 0].mean(axis=0),
    lambda x: (2.0 * x[x[:, 0] > 0] - x[x[:, 0] > 0].mean(axis=0)).var(),
    lambda x: x[x[:, 0] > 0][x[x[:, 0] > 0].sum(axis=1) > 0].mean(axis=0),
    lambda x: dp.lookup(x, (x[:, 0] > 0,)).mean(axis=0),
    lambda x: dp.lookup(X, (x[:, 0] > 0, 1)).mean() * x[0],
    lambda x: dp.lookup(X, x > 0).sum() * x[0],
    lambda x: x[x[:, 0] > 0, 1].sum() * x[0],
    lambda x: x[x[:, 0] > 0, 1:].max(axis=0),
    lambda x: x[x[:, 0] > 0, ..., -1].var() * x[0],
    lambda x: x[2, x[0] > 0].prod() * x[0],
    lambda x: np.stack([x, x**2])[1, x > 0].mean(axis=0),
    lambda x: np.stack([x, x**2])[-1, x[:, 0] > 0, :2].sum(axis=0),
    lambda x: np.stack([x, x**2], axis=1)[x[:, 0] > 0, 1:, 2].sum(axis=0),
]


@pytest.mark.parametrize("k", range(len(PROGRAMS)))
def test_rows(k):
    f = PROGRAMS[k]
    compiled = dp.compile(f)
    np.testing.assert_allclose(compiled(X), f(X), rtol=1e-13)
    slope = dp.grad(lambda x: np.sum(compiled(x)))(X)
    np.testing.assert_allclose(slope, dp.grad(lambda x: np.sum(f(x)))(X), rtol=1e-12, atol=1e-14)


def test_the_largest_of_no_rows():
    with pytest.raises(ValueError, match="zero-size"):
        dp.compile(lambda x: x[x[:, 0] > 9.0].max(axis=0))(X)


@pytest.mark.parametrize("f", [
    lambda x: x[x[:, 0] > 0].mean(axis=2),
    lambda x: x[x[:, 0] > 0].mean(axis=-3),
    lambda x: x[x[:, 0] > 0].sum(axis=0, keepdims=True),
    lambda x: np.sum(x[x[:, 0] > 0] * X),
    lambda x: np.sum(x[:3][x[:3, 0] > 0] * x[:3, 1][x[:3, 0] > 0]),
    lambda x: np.sum(x[:, :1][x[:, 0] > 0] * x[:, 1][x[:, 0] > 0]),
    lambda x: np.sum(x[:, x[0] > 0]),
    lambda x: np.sum(x[x[:, 0] > 0, np.array([1])]),
    lambda x: np.sum(x[x[:, 0] > 0, np.rint(x[0, 0]).astype(int)]),
    lambda x: np.sum(x[x[:, 0] > 0, None])])
def test_what_is_refused(f):
    """... also where all elements would fit together, and the selected do not, or otherwise."""
    with pytest.raises(NotCompiledError):
        dp.compile(f)(X)


def test_what_is_added_where_a_mask_is_true_is_advised():
    def raised(x):
        return np.sum(dp.add_at(x, x > 0.0, 1.5) ** 2)

    with pytest.raises(UnsupportedArgumentError) as caught:
        dp.compile(raised)(X)
    assert caught.value.advice.startswith("write np.where(condition, x + value, x), ")
    advised = dp.compile(lambda x: np.sum(np.where(x > 0.0, x + 1.5, x) ** 2))
    np.testing.assert_allclose(dp.grad(advised)(X), dp.grad(raised)(X), rtol=1e-13)


def mean_of_high(x):
    high = x[x[:, 0] > 0.0]
    return high.mean(axis=0) @ x[0] if len(high) > 0 else 0.0


def test_the_advice_for_their_number():
    with pytest.raises(NotCompiledError) as caught:
        dp.compile(mean_of_high)(X)
    assert caught.value.advice == "write np.sum(x[:, 0] > 0.0) instead."

    def pasted(x):
        high = x[x[:, 0] > 0.0]
        return high.mean(axis=0) @ x[0] if np.sum(x[:, 0] > 0.0) > 0 else 0.0

    assert dp.compile(pasted)(X) == pytest.approx(mean_of_high(X), rel=1e-13)
    assert dp.compile(pasted)(X - 9.0) == 0.0
