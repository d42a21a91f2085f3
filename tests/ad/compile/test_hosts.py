"""Arrays that are made in larger ones, or where they will be changed: only where nobody else needs them."""

import numpy as np
import pytest

import tinydp as dp

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")

X = np.arange(1.0, 7.0).reshape(2, 3)
PUT_TOGETHER = {                                 # and how many arrays are made
    "padded": (lambda x: np.pad(2.0 * x, 1)[1:, 1:] * 3.0, 2),
    "padded twice": (lambda x: np.pad(np.pad(2.0 * x, 1) + 1.0, 1)[1:, 1:] * 3.0, 3),
    "beside each other": (lambda x: np.concatenate([np.sqrt(x), x * x], axis=1)[:, 1:] * 2.0, 2),
    "one in another": (lambda x: np.concatenate([np.concatenate([x + 1.0, x - 1.0]), x / 3.0])[1:] * 2.0, 2),
    "twice the same": (lambda x: np.concatenate([x * x, x * x])[1:] * 2.0, 2),
    "needed elsewhere": (lambda x: np.concatenate([x * x, 2.0 * (x * x)])[1:, :] * (x * x)[1], 2),
    "a product": (lambda x: np.concatenate([x @ np.ones((3, 3)), x * 2.0])[1:] * 2.0, 4),
    "a number in zeros": (lambda x: dp.add_at(np.zeros((4, 3)), slice(1, 3), x * x)[:, ::-1] * 2.0, 3),
    "in two of them": (lambda x: np.concatenate([x * x, x])[1:] * np.concatenate([2.0 * x, x * x])[1:], 3),
}


@pytest.mark.parametrize(("f", "arrays"), PUT_TOGETHER.values(), ids=PUT_TOGETHER)
def test_put_together(f, arrays):
    compiled = dp.compile(f)
    assert_equal(compiled(X), f(X))
    assert_equal(dp.grad(dp.compile(lambda x: np.sum(f(x) ** 2)))(X), dp.grad(lambda x: np.sum(f(x) ** 2))(X))
    assert compiled.source.count("np.empty") <= arrays


CHANGED = {
    "once": lambda x, s: dp.add_at(x * x, (1, 2), s),
    "after another": lambda x, s: dp.add_at(dp.add_at(x * x, (1, 2), s), (0, 0), 2.0 * s),
    "at one place twice": lambda x, s: dp.add_at(x * x, ([1, 1], [2, 2]), s),
    "and kept": lambda x, s: dp.add_at(x * x, (1, 2), s) * (x * x)[::-1],
    "of an argument": lambda x, s: dp.add_at(x, (1, 2), s),
    "of a constant": lambda x, s: dp.add_at(np.ones((2, 3)), (1, 2), s) * x,
    "by itself": lambda x, s: dp.add_at(x * x, (1, 2), (x * x)[0, 0]),
    "as a part": lambda x, s: np.concatenate([dp.add_at(x * x, (1, 2), s), x])[:, 1:] * 2.0,
}


@pytest.mark.parametrize("f", CHANGED.values(), ids=CHANGED)
def test_a_few_elements_changed(f):
    compiled = dp.compile(f)
    assert_equal(compiled(X, 0.7), f(X, 0.7))
    total = lambda x, s: np.sum(np.sin(f(x, s)))
    assert_equal(dp.grad(dp.compile(total), (0, 1))(X, 0.7), dp.grad(total, (0, 1))(X, 0.7))


@pytest.mark.parametrize("f", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("s", [0.7, -0.0])
def test_other_elements_keep_the_sign_of_a_zero(f, s):
    """`np.add.at` does not touch them; nor does anything else that is made in place of an array."""
    x = np.array([[-0.0, 0.0, 1.0], [-0.0, 2.0, -0.0]])
    for found in (dp.compile(f)(x, s), dp.vmap(dp.compile(f), (0, None))(np.stack([x, -x]), s)[0]):
        assert found.tobytes() == f(x, s).tobytes()
    total = lambda x: dp.scan(lambda c, k: (dp.add_at(c, k, s), c[0]), x, np.arange(2))
    for init in (x[0] * 1.0, np.zeros(3), np.full(3, -0.0)):
        for found, wanted in zip(dp.compile(total)(init), total(init), strict=True):
            assert found.tobytes() == wanted.tobytes()
    plain = x.copy()
    np.add.at(plain, (1, 2), s)
    assert dp.add_at(x, (1, 2), s).tobytes() == plain.tobytes()


SIDES = {
    "at a place": lambda y, s: dp.add_at(y, (1, 2), s), "everywhere": lambda y, s: y * s + 1.0,
    "by neighbours": lambda y, s: y[::-1] * s, "by a product": lambda y, s: y @ (s * np.ones((3, 3))),
    "by a row": lambda y, s: y - y[0] * s, "by its sum": lambda y, s: y - np.sum(y) * s,
}


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("other", [False, True])
def test_what_one_side_of_a_switch_leaves_as_it_is(side, other):
    def f(x, s):
        def step(y, k):
            y = np.sin(y) * 1.5
            if (k < 2) != other:
                y = side(y, np.exp(-s))
            return y, y[0]

        y, rows = dp.scan(step, x, np.arange(4))
        return np.sum(y) + np.sum(rows**2)

    compiled = dp.compile(f)
    assert_equal(compiled(X, 0.7), f(X, 0.7))
    assert_equal(dp.grad(compiled, (0, 1))(X, 0.7), dp.grad(f, (0, 1))(X, 0.7))


def test_a_knock_at_one_point_copies_nothing():
    def f(x, s):
        def step(y, k):
            y = np.cos(0.5) * y + y[::-1]
            if k < 2:
                y = dp.add_at(y, (1, 2), np.exp(-s))
            return y, None

        return dp.scan(step, x, np.arange(4))[0]

    compiled = dp.compile(f)
    assert_equal(compiled(X, 0.7), f(X, 0.7))
    loop = compiled.source.split("for step in range(4):")[1]
    assert "+=" in loop
    assert loop.count("for i in") == 2           # what is computed, and what is carried
