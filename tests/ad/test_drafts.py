"""An array that is filled has, at every moment and in every view, what NumPy's array would have."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.drafts import Draft
from tinydp.ad.errors import MutationError

# Each does one thing to an array `y` of shape (3, 4), or a view `v` of it, with numbers `a`, `b` that may be
# traced.
STEPS = [
    lambda y, v, a, b: y.__setitem__((1, 2), a * b),
    lambda y, v, a, b: y.__setitem__(0, a),
    lambda y, v, a, b: y.__setitem__((slice(None), -1), 2.0),
    lambda y, v, a, b: y.__setitem__((slice(1, None), slice(None, None, 2)), y[:2, 1::2] * b),
    lambda y, v, a, b: y.__setitem__(([0, 2], [1, 1]), y[1, :2]),
    lambda y, v, a, b: y.__setitem__(y > 1.0, b),
    lambda y, v, a, b: v.__setitem__(0, v[1] * a),
    lambda y, v, a, b: v.__iadd__(b),
    lambda y, v, a, b: y.T.__setitem__(2, y[:, 0]),
    lambda y, v, a, b: y.reshape(-1).__setitem__(slice(3, 6), [a, b, 1.0]),
    lambda y, v, a, b: y.ravel().__setitem__(5, a),
    lambda y, v, a, b: y[1].__imul__(a),
    lambda y, v, a, b: y.copy().__setitem__(0, 9.0),
    lambda y, v, a, b: y.flatten().__setitem__(0, 9.0),
    lambda y, v, a, b: np.transpose(y).__setitem__((1, 1), a),
    lambda y, v, a, b: np.ravel(y).__setitem__(0, b),
    lambda y, v, a, b: np.copyto(y, y[::-1]),
    lambda y, v, a, b: y.sort(axis=1),
    lambda y, v, a, b: v.fill(a),
    lambda y, v, a, b: np.add(y, y, out=y),
    lambda y, v, a, b: np.add.at(y, (0, [1, 1]), 0.5),
    lambda y, v, a, b: y.swapaxes(0, 1)[1:3].__setitem__((0, 0), b),
]


def run(seed, y, a, b):
    rng = np.random.default_rng(seed)
    v = y[1:, 1]
    for k in rng.integers(len(STEPS), size=6):
        STEPS[k](y, v, a, b)
    return y


@pytest.mark.parametrize("seed", range(60))
def test_any_steps_do_what_they_do_to_an_array(seed):
    start = np.random.default_rng(seed).normal(size=(3, 4))
    weights = np.cos(np.arange(12.0)).reshape(3, 4)

    def loss(x):
        return np.sum(run(seed, Draft.of(start), x[0], x[1]) * weights)

    def plain(x):
        return np.sum(run(seed, start.copy(), x[0], x[1]) * weights)

    x = np.array([0.7, 1.3])
    value, gradient = dp.value_and_grad(loss)(x)
    assert value == pytest.approx(plain(x), rel=1e-12)
    differences = [(plain(x + h) - plain(x - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("change", [
    lambda y: y.partition(1), lambda y: y.resize(3), lambda y: np.put(y, 0, 1.0),
    lambda y: np.place(y, y > 0, 1.0),
    lambda y: setattr(y, "shape", (4, 3)), lambda y: np.multiply.at(y, 0, 2.0)])
def test_what_it_cannot_do_is_refused(change):
    def loss(x):
        y = Draft.of(np.ones((3, 4)))
        y[0, 0] = x
        change(y)
        return np.sum(y)

    with pytest.raises(MutationError):
        dp.grad(loss)(1.0)
