"""Structural zeros stay zero, whatever stands behind them; other zeros do not hide an infinity.

Each program is held to the same answer by `grad`, `jvp` and `jacobian`, on numbers, on arrays, and
compiled.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinydp as dp
from tinydp.ad.selected import MOST_DEFERRED, NOTHING, Later, Selected, later, seed, selected

pytestmark = [
    pytest.mark.filterwarnings("ignore::tinydp.ad.errors.SteepGradientWarning"),
    pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow) encountered:RuntimeWarning"),
]

# A path leads through a slope of 0 to one of infinity: arithmetic cannot tell, and says nan.
UNDECIDED = {
    "log of 1 + exp": (lambda x: np.log(1.0 + np.exp(x)), 1000.0),
    "log of exp": (lambda x: np.log(np.exp(x)), 1000.0),
    "a naive sigmoid": (lambda x: 1.0 / (1.0 + np.exp(-x)), -1000.0),
    "cube of a cube root": (lambda x: np.cbrt(x) ** 3, 0.0),
    "square of a root": (lambda x: np.sqrt(x) ** 2, 0.0),
    "root times itself": (lambda x: np.sqrt(x) * np.sqrt(x), 0.0),
    "np.square of a root": (lambda x: np.square(np.sqrt(x)), 0.0),
    "tanh of exp": (lambda x: np.tanh(np.exp(x)), 1000.0),
    "reciprocal of exp": (lambda x: np.reciprocal(np.exp(x)), 1000.0),
    "arctan of a pole": (lambda x: np.arctan(1.0 / np.float64(x) if isinstance(x, float) else 1.0 / x), 0.0),
    "cosine of a root": (lambda x: np.cos(np.sqrt(x)), 0.0),
}

# No path leads to what is infinite: a branch not taken, the loser of two, an element left out.
HARMLESS = {
    "where": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0),
    "where, squared": (lambda x: np.where(x > 0, np.sqrt(x), 0.0) ** 2, 0.0, 0.0),
    "where of where": (lambda x: np.where(x < 9, 1.0 * x, np.where(x > 99, np.exp(x), 0.0)), 0.0, 1.0),
    "the other branch": (lambda x: np.where(x < 100, x, np.log(1.0 + np.exp(x))), 0.0, 1.0),
    "an overflow in it": (lambda x: np.where(x > 100, x, np.exp(x)), 1000.0, 1.0),
    "... further in": (lambda x: np.where(x > 100, x, np.tanh(np.exp(2.0 * x) + 1.0) * 3.0), 1000.0, 1.0),
    "clip": (lambda x: np.clip(np.exp(x), 0.0, 10.0), 1000.0, 0.0),
    "clip, below": (lambda x: np.clip(np.log(x), -1.0, 1.0), 0.0, 0.0),
    "minimum": (lambda x: np.minimum(np.exp(x), x), 1000.0, 1.0),
    "maximum": (lambda x: np.maximum(np.log(x), x), 0.0, 1.0),
    "fmin": (lambda x: np.fmin(np.exp(x), 5.0), 1000.0, 0.0),
    "a factor of 0": (lambda x: 0.0 * np.sqrt(x) + x, 0.0, 1.0),
    "a factor of 0, integer": (lambda x: np.sqrt(x) * 0 + x, 0.0, 1.0),
    "a mask": (lambda x: (x > 0) * np.sqrt(x) + x, 0.0, 1.0),
    "a mask of numbers": (lambda x: np.multiply(1.0 * (x > 0), np.cbrt(x)) + x, 0.0, 1.0),
    "nan_to_num": (lambda x: np.nan_to_num(np.log(x) * 0.0 + np.inf, posinf=1.0) + x, 0.0, 1.0),
    "heaviside": (lambda x: np.heaviside(x - 1.0, 0.5) + x, 0.0, 1.0),
    "select": (lambda x: np.select([x > 1.0, x > -1.0], [np.sqrt(x), 2.0 * x], np.log(x)), 0.0, 2.0),
}


def compiled(f):
    return dp.compile(f)


@pytest.mark.parametrize("wrap", [lambda f: f, compiled], ids=["traced", "compiled"])
@pytest.mark.parametrize("name", UNDECIDED)
def test_a_slope_of_zero_does_not_hide_one_of_infinity(name, wrap):
    f, at = UNDECIDED[name]
    if name == "arctan of a pole":
        f = lambda x: np.arctan(np.divide(1.0, x))
    g = wrap(f)
    assert np.isnan(dp.grad(g)(at))
    assert np.isnan(dp.jvp(g, (at,), (1.0,))[1])
    x = np.array([at, 0.5])
    total = wrap(lambda x: np.sum(f(x)))
    gradient = dp.grad(total)(x)
    assert np.isnan(gradient[0])
    assert np.isfinite(gradient[1])
    change = dp.jvp(f, (x,), (np.ones(2),))[1]
    assert np.isnan(change[0])
    assert np.isfinite(change[1])


@pytest.mark.parametrize("wrap", [lambda f: f, compiled], ids=["traced", "compiled"])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_path_leads_to_is_harmless(name, wrap):
    f, at, slope = HARMLESS[name]
    assert dp.grad(wrap(f))(at) == slope
    assert dp.jvp(wrap(f), (at,), (1.0,))[1] == slope
    x = np.array([at, 0.5])
    total = wrap(lambda x: np.sum(f(x)))
    expected = [slope, dp.grad(f)(0.5)]
    assert np.allclose(dp.grad(total)(x), expected, rtol=1e-13)
    assert np.allclose(dp.jvp(f, (x,), (np.ones(2),))[1], expected, rtol=1e-13)
    assert np.array_equal(dp.jacobian(f)(x), np.diag(expected))


@pytest.mark.parametrize("name", ["where", "where of where", "minimum", "clip", "a factor of 0", "a mask"])
def test_second_derivatives_of_what_no_path_leads_to(name):
    f, at, _ = HARMLESS[name]
    smooth = lambda x: f(x) + x**2
    assert dp.grad(dp.grad(smooth))(at) == 2.0
    assert np.array_equal(dp.hessian(lambda x: np.sum(smooth(x)))(np.array([at, at])), 2.0 * np.eye(2))
    assert dp.hvp(smooth, at, 1.0) == 2.0


MIXED = np.array([[1.0, 1000.0], [2.0, 3.0]])            # the exponential of one element overflows


@pytest.mark.parametrize("f", [
    lambda x: np.sum(np.exp(x)[:, 0]),
    lambda x: np.exp(x)[0, 0] + np.exp(x)[1, 0] + 0.0 * x[1, 1],
    lambda x: np.sum(np.take(np.exp(x), [0], axis=1)),
    lambda x: np.sum(np.tril(np.exp(x)) * np.array([[1.0, 1.0], [1.0, 0.0]])),
    lambda x: np.sum(np.exp(x) * np.array([[1.0, 0.0], [1.0, 0.0]])),
    lambda x: np.sum(np.exp(x)[np.isfinite(np.exp(dp.value(x))) & [[True, False], [True, False]]]),
    lambda x: np.sum(np.where([[True, False], [True, False]], np.exp(x), 0.0)),
    lambda x: np.sum(np.where([True, False], np.sum(np.exp(x), axis=0), 0.0)),
    lambda x: np.sum(np.where([True, False], np.mean(np.exp(x), axis=0), 0.0)) * 2.0,
    lambda x: np.sum(np.where([[True], [False]], np.reshape(np.transpose(np.exp(x)), (2, 2)), 0.0)),
    lambda x: np.sum(np.concatenate([np.exp(x)[:, :1], 0.0 * np.exp(x)], axis=1)),
    lambda x: np.sum(np.split(np.exp(x), 2, axis=1)[0]),
    lambda x: np.sum(np.sort(np.exp(x), axis=None)[[0, 1]]),
    lambda x: np.einsum("ij,j->", np.exp(x), np.array([1.0, 0.0])),
], ids=range(14))
def test_elements_that_are_left_out_are_harmless(f):
    expected = np.where(np.isfinite(np.exp(MIXED)), np.exp(MIXED), 0.0) * [[1.0, 0.0], [1.0, 0.0]]
    assert np.allclose(dp.grad(f)(MIXED), expected, rtol=1e-13)
    change = dp.jvp(f, (MIXED,), (np.ones((2, 2)),))[1]
    assert change == pytest.approx(np.sum(expected), rel=1e-13)


def test_an_einsum_along_a_diagonal_leaves_the_rest_out():
    assert np.allclose(dp.grad(lambda x: np.einsum("ii", np.exp(x)))(MIXED), np.diag(np.exp([1.0, 3.0])))


@pytest.mark.parametrize("product", [
    lambda w, y: np.sum(w @ y), lambda w, y: np.sum(np.dot(w, y)),
    lambda w, y: np.sum(np.einsum("ij,j", w, y)),
    lambda w, y: np.sum(np.tensordot(w, y, 1)), lambda w, y: np.sum(np.vecdot(w, y)),
    lambda w, y: np.sum(np.inner(w, y)), lambda w, y: np.sum(y @ w.T),
], ids=["matmul", "dot", "einsum", "tensordot", "vecdot", "inner", "reversed"])
def test_a_column_of_zeros_cuts_the_path(product):
    """What a constant matrix multiplies by zero alone cannot matter; by a traced one it might."""
    w = np.array([[0.0, 1.0], [0.0, 2.0]])
    x = np.array([0.0, 4.0])
    assert np.array_equal(dp.grad(lambda x: product(w, np.sqrt(x)))(x), [0.0, 0.75])
    assert dp.jvp(lambda x: product(w, np.sqrt(x)), (x,), (np.ones(2),))[1] == 0.75
    assert np.isnan(dp.grad(lambda x, w: product(w, np.sqrt(x)), (0, 1))(x, w)[0][0])


def test_a_cotangent_of_zero_asks_for_nothing():
    """A user's own zeros: each row of a Jacobian has them."""
    _, pullback = dp.vjp(lambda x: (np.sqrt(x), x), np.array([0.0, 1.0]))
    assert np.array_equal(pullback((np.array([0.0, 1.0]), np.zeros(2)))[0], [0.0, 0.5])
    assert np.array_equal(dp.jacobian(np.sqrt)(np.array([0.0, 1.0])), [[np.inf, 0.0], [0.0, 0.5]])
    assert np.array_equal(dp.jvp(np.sqrt, (np.array([0.0, 1.0]),), (np.array([0.0, 1.0]),))[1], [0.0, 0.5])
    assert dp.vjp(np.sqrt, 0.0)[1](0.0) == (0.0,)


def test_results_of_a_loop_that_nothing_asks_for():
    def f(x):
        _, roots = dp.scan(lambda s, _: (np.sqrt(s), s), x, length=3)
        return roots[0]
    assert dp.grad(f)(0.0) == 1.0


@pytest.mark.parametrize("segment", [None, 1])
@pytest.mark.parametrize("unused", [
    lambda x: 0 * np.sqrt(x), lambda x: (x > 0) * np.sqrt(x),
    lambda x: np.dot(np.zeros(1), np.reshape(np.sqrt(x), 1)),
    lambda x: np.einsum("i,i", np.zeros(1), np.reshape(np.sqrt(x), 1)),
    lambda x: np.where(x > 0, np.sqrt(x), 0.0),
], ids=["a factor", "a mask", "dot", "einsum", "where"])
def test_steps_that_are_run_again_know_what_no_path_leads_to(unused, segment):
    def f(x):
        step = lambda s, _: (s + x + unused(x), None)
        return dp.scan(step, 0.0, length=2, segment=segment)[0]
    assert dp.grad(f)(0.0) == 2.0


def test_a_long_chain_of_choices_is_no_chain_of_masks():
    """Masks that wait for each other would be as deep as the program is long."""
    def f(x):
        for _ in range(3000):
            x = np.where(x > 0.5, np.transpose(np.reshape(x, (3, 1)))[0], 2.0 * x + 0.1)
        return np.sum(np.where([True, False, True], np.log(x - dp.value(x)[1]), 0.0))
    assert np.isfinite(dp.grad(f)(np.array([0.3, 0.2, 0.7]))).all()


STEPS = {
    "roll": lambda u: 0.9 * u + 0.1 * np.roll(u, 1),
    "a fancy index": lambda u: 0.9 * u + 0.1 * u[np.array([1, 2, 0, 4, 4])],
    "pad and slice": lambda u: 0.9 * u + 0.1 * (np.pad(u, 1)[2:] - u),
    "a scan": lambda u: dp.scan(lambda c, x: (c * x, c), 1.1, u)[1] + 0.1 * u,
    "a custom rule": dp.custom_gradient(lambda u: 0.9 * u, lambda g, y, u: 0.9 * g),
}


@pytest.mark.parametrize("taken", [slice(1, 3), np.array([1, 2]), 1], ids=["slice", "fancy", "number"])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_long_loop_of_what_moves_elements_is_no_chain_of_masks(step, taken):
    def f(u):
        for _ in range(150):
            u = step(u)
        return np.sum(u[taken] ** 2)

    u, v = np.ones(5), np.arange(5.0)
    assert np.isfinite(dp.grad(lambda u: f(np.sqrt(u)))(np.ones(5))).all()
    if step is not STEPS["a scan"]:
        assert np.allclose(dp.hvp(f, u, v), dp.grad(f)(v), rtol=1e-12)       # it is quadratic


def test_ten_thousand_steps_take_ten_thousand_times_as_many_masks_as_one(monkeypatch):
    counts = {}
    later_mask = Later.mask

    def counted(self):
        counts[steps] += bool(self.make)
        return later_mask(self)

    def f(u):
        for _ in range(steps):
            u = 0.9 * u + 0.1 * u[np.array([1, 2, 0])]
        return np.sum(u[1:3] ** 2)

    monkeypatch.setattr(Later, "mask", counted)
    for steps in (100, 200, 10_000):
        counts[steps] = 0
        dp.grad(f)(np.ones(3)) if steps > 1000 else dp.hvp(f, np.ones(3), np.ones(3))
    assert 0 < counts[200] < 2.1 * counts[100]
    assert counts[10_000] < 110 * counts[100]


@given(hnp.arrays(bool, (4,)), hnp.arrays(bool, (4,)), st.data())
def test_a_sum_is_alive_where_one_of_its_parts_is(a, b, data):
    g, h = (np.where(mask, 1.5, 0.0) for mask in (a, b))
    total = Selected(g, a) + Selected(h, later(lambda mask: mask, b))
    assert np.array_equal(total.live, a | b)
    assert np.array_equal(total.g, g + h)
    assert np.array_equal(Selected(g, a) + h, g + h)
    assert np.array_equal(h + Selected(g, a), g + h)


def test_masks_are_made_when_they_are_asked_for():
    made = []
    mask = later(lambda: made.append(1) or np.array([True]))
    deep = mask
    for _ in range(MOST_DEFERRED - 2):
        deep = later(lambda mask: mask, deep)
    assert type(deep) is Later
    assert not made
    assert type(later(lambda mask: mask, deep)) is not Later
    assert made == [1]


def test_numbers_that_nothing_reaches_have_no_cotangent():
    assert selected(False, 2.0) is NOTHING
    assert selected(True, 2.0) == 2.0
    assert seed(0.0) is NOTHING
    assert np.array_equal(seed(np.array([0.0, 1.0])).live, [False, True])


ROWS = np.array([[1.0, 4.0, 9.0], [0.0, 0.0, 0.0], [4.0, 1.0, 2.25]])
TAKEN = np.array([True, False, True])
SQUARES = 4.0 * np.eye(3) + np.where(TAKEN[:, None, None], 1.0, 0.0)
SQUARES[1] = 0.0
EMPTY = np.where(TAKEN[:, None, None], 0.0, np.diag([1.0, 2.0, 3.0]))

MIXERS = {
    "prod": (lambda r: np.prod(r, axis=1), ROWS),
    "cumprod": (lambda r: np.cumprod(r, axis=1), ROWS),
    "std": (lambda r: np.log(np.std(r, axis=1)), ROWS),
    "norm": (lambda r: np.linalg.norm(r, 3, axis=1), ROWS),
    "rows": (lambda r: np.stack([np.convolve(row, [1.0, 2.0]) for row in r]), ROWS),
    "scan": (lambda r: dp.scan(lambda c, x: (c * x, c), np.ones(3), r.T)[0], ROWS),
    "checkpoint": (dp.checkpoint(lambda a: a**2), ROWS),
    "compiled": (dp.compile(lambda a: np.prod(a, axis=1)), ROWS),
    "custom": (dp.custom_gradient(lambda a: 2.0 * a, lambda g, y, a: np.clip(g, -1.0, 1.0)), ROWS),
    "straight_through": (dp.straight_through(np.floor), ROWS),
    "inv": (lambda a: np.linalg.inv(a + EMPTY), SQUARES),
    "slogdet": (lambda a: np.linalg.slogdet(a + EMPTY)[1], SQUARES),
    "eigenvalues": (lambda a: np.linalg.eigh(a + EMPTY + np.diag([0.0, 1.0, 2.0]))[0], SQUARES),
    "svd": (lambda a: np.linalg.svd(a + EMPTY + np.diag([0.0, 1.0, 2.0]))[1], SQUARES),
}


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("name", MIXERS)
def test_rows_not_taken_stay_harmless_behind_what_mixes_their_elements(name):
    """The same as if those rows had not been there."""
    mix, x = MIXERS[name]

    def of_taken(x):
        y = mix(np.sqrt(x))
        return np.sum(np.where(np.reshape(TAKEN, (3,) + (1,) * (np.ndim(dp.value(y)) - 1)), y, 0.0)**2)

    def without(kept):
        return of_taken(np.stack([kept[0], x[0], kept[1]]))

    v = np.cos(np.arange(x.size)).reshape(x.shape)
    for found, right in ((dp.grad(of_taken)(x), dp.grad(without)(x[TAKEN])),
                         (dp.hvp(of_taken, x, v), dp.hvp(without, x[TAKEN], v[TAKEN]))):
        assert np.array_equal(found[1], np.zeros(x.shape[1:]))
        assert np.allclose(found[TAKEN], right, rtol=1e-12, atol=1e-13)


def test_what_mixes_lets_through_what_arrives_all_the_same():
    """A slope of 0 on the way, as that of a product with two zeros, is no missing path."""
    x = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    c = dp.grad(lambda x: np.sum(np.where([True, False], np.prod(np.sqrt(x), axis=1), 0.0)))(x)
    assert np.array_equal(c[0], [np.nan, np.nan, 0.0], equal_nan=True)
    assert np.array_equal(c[1], np.zeros(3))
    f = dp.custom_gradient(lambda a: np.cos(a), lambda g, y, a: -g * np.sin(a))
    assert np.isnan(dp.grad(lambda x: np.sum(np.where([True, False], f(np.sqrt(x)), 0.0)))(np.zeros(2))[0])


def test_rules_that_cannot_say_what_they_reach_are_taken_to_reach_all():
    def refusing(g, y, a):
        if np.isnan(g).any():
            raise RuntimeError("no nan here")
        return g
    f = dp.custom_gradient(lambda a: a, refusing)
    c = dp.grad(lambda x: np.sum(np.where([True, False], f(np.sqrt(x)), 0.0)))(np.array([1.0, 0.0]))
    assert c[0] == 0.5
    assert np.isnan(c[1])
    cleaning = dp.custom_gradient(lambda a: a, lambda g, y, a: np.nan_to_num(g))
    x = np.array([1.0, 0.0, 0.0])
    c = dp.grad(lambda x: np.sum(np.where([True, True, False], cleaning(np.sqrt(x)), 0.0)))(x)
    assert np.array_equal(c, [0.5, np.inf, 0.0])
