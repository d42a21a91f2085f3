"""Elements that are the same function of the arguments never part, so a program is sure of their ties."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.build import Built, LeftToTheTape
from tinydp.ad.compile.proxy import Proxy
from tinydp.ad.compile.trace import Trace

pytestmark = pytest.mark.usefixtures("interpreted")

ROWS = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]])


def tables(x):
    """Two of three actions lead to the same place, in each of two rounds."""
    value = x
    for _ in range(2):
        value = np.max(np.einsum("ast,t->as", np.stack([ROWS[:2], ROWS[1:], ROWS[2:] * [[1.0], [0.5]]]) *
                                 np.cos(x[1]), x + 0.9 * value), axis=0)
    return np.sum(value ** 2)


SAME = {
    "a product's rows": lambda x: np.max(ROWS @ x) ** 2 * x[0],
    "taken out of order": lambda x: np.max(np.sin(ROWS @ x)[[0, 2, 0, 1]] * x[1]) ** 3,
    "along an axis": lambda x: np.sum(np.max(np.sin(np.outer(ROWS @ x, x)), axis=0, keepdims=True) ** 2),
    "the same twice": lambda x: np.max(np.stack([ROWS @ x, ROWS @ x])) ** 2 * x[1],
    "maximum": lambda x: np.sum(np.maximum(np.sin(x), np.sin(x)) ** 2),
    "minimum of turned": lambda x: np.sum(np.minimum((ROWS @ x)[::-1], ROWS @ x) ** 2),
    "value iteration": tables,
}
MAY_PART = {
    "two functions": lambda x: np.max(np.stack([x[0], 2.0 * x[0] - 1.0])) ** 2,
    "one of three": lambda x: np.max(np.stack([x[0], x[0], x[1] + 0.3])) ** 2,
    "maximum": lambda x: np.maximum(x[0], x[1] + 0.3) ** 2,
    "equal constants times others": lambda x: np.max(np.array([1.0, 1.0]) * (x + np.array([0.0, 0.3]))) ** 2,
}
X, V = np.array([1.0, 0.7]), np.array([0.3, -0.2])


@pytest.fixture
def left(monkeypatch):
    """How often a program left the call to the tape."""
    found, results_of = [], Built.results_of

    def noted(self, *args):
        try:
            return results_of(self, *args)
        except LeftToTheTape as error:
            found.append(error)
            raise

    monkeypatch.setattr(Built, "results_of", noted)
    return found


@pytest.mark.parametrize("f", SAME.values(), ids=SAME)
def test_what_never_parts_is_compiled(f, left):
    np.testing.assert_allclose(dp.hvp(dp.compile(f), X, V), dp.hvp(f, X, V), rtol=1e-12)
    np.testing.assert_allclose(dp.hessian(dp.compile(f))(X), dp.hessian(f)(X), rtol=1e-12, atol=1e-13)
    assert not left


@pytest.mark.parametrize("f", MAY_PART.values(), ids=MAY_PART)
def test_what_may_part_is_left_to_the_tape(f, left):
    found = dp.hvp(dp.compile(f), X, V)
    assert left
    np.testing.assert_array_equal(found, dp.hvp(f, X, V))
    assert np.any(np.isnan(found))


def test_numbers():
    with Trace().writing() as builder:
        x, y = (Proxy(builder, builder.input(np.ones(2), label)) for label in "xy")
        alike = lambda z: z.alike().tolist()
        assert alike(x) == [0, 1]
        assert alike(np.stack([x, y, x])) == [[0, 1], [2, 3], [0, 1]]
        assert alike(np.concatenate([2 * x, x * 2.0, x + x])) == [0, 1, 2, 3, 4, 5]
        assert alike(np.broadcast_to(x[:1], (2, 3)).T) == [[0, 0]] * 3
        assert alike(ROWS @ np.stack([x, y, x], axis=1)) == [[0, 1, 0], [2, 3, 2], [0, 1, 0]]
        assert alike(np.cumsum(ROWS * x, axis=0)[2:]) == [[0, 1]]
        assert alike(np.where(ROWS > 1.0, 0.0, np.zeros(2) * x)) == [[0, 1], [0, 2], [0, 1]]
