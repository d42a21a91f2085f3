"""Arrays of any order and type, wherever a compiled program meets them: the kernels read raw memory."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.kernels import products

pytestmark = pytest.mark.usefixtures("interpreted")

LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "one row": lambda x: np.broadcast_to(x[:1], x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), dtype=np.uint8)[1:].view(float).reshape(x.shape),
    "float32": lambda x: x.astype(np.float32),
    "swapped bytes": lambda x: x.astype(">f8"),
    "integers": lambda x: np.rint(3 * x).astype(np.int32),
    "conditions": lambda x: x > 0,
}
RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(9, 19)), RNG.normal(size=(19, 21))       # a tile is 4 x 8, and there are odd ends
LOSS = {
    "x @ w": lambda x, w: np.tanh(x @ w),
    "x @ w @ w.T": lambda x, w: np.tanh(0.1 * x @ w) @ w.T,
    "w.T @ x.T": lambda x, w: np.tanh(w.T @ x.T),
    "rows of x": lambda x, w: dp.scan(
        lambda carry, row: (np.tanh(0.3 * (row + carry) @ w @ w.T), carry), x[0], x),
    "x[0] @ w": lambda x, w: np.outer(np.tanh(x[0] @ w), x[1] @ w),
}


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


@pytest.fixture(params=LOSS)
def f(request):
    return LOSS[request.param]


def same(found, expected):
    for a, b in zip(dp.ad.tree.flatten(found)[0], dp.ad.tree.flatten(expected)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def total(f):
    """The sum of all that `f` returns."""
    return lambda x, w: sum(np.sum(y) for y in dp.ad.tree.flatten(f(x, w))[0])


def test_as_an_argument(layout, f):
    w = layout(W)                                # with a float64 beside it, NumPy computes in float64
    same(dp.compile(f)(X, w), f(X, w))
    by = (0, 1) if w.dtype.kind == "f" else 0
    same(dp.grad(total(dp.compile(f)), by)(X, w), dp.grad(total(f), by)(X, w))


def test_in_the_surroundings(layout, f):
    w = layout(W)
    y, pull = dp.vjp(dp.compile(lambda x: f(x, w)), X)
    expected, expected_pull = dp.vjp(lambda x: f(x, w), X)
    same(y, expected)
    same(pull(y), expected_pull(y))


def test_as_a_cotangent(layout, f):
    y, pull = dp.vjp(dp.compile(f), X, W)
    g = dp.ad.tree.map(lambda x: layout(x) if np.ndim(x) == 2 else x, y)
    same(pull(g), dp.vjp(f, X, W)[1](g))


def test_the_kernels_take_nothing_else():
    x, out = np.ones((8, 8)), np.empty((8, 8))
    for other in (x.T[:, ::2].T, x > 0, x.astype(np.float32)):
        with pytest.raises(Exception, match="reads memory"):
            products.matmul(other, x, out)
