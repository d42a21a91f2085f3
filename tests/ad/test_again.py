"""What is computed again on the way back is what was computed: the call's own data, or an error."""

import itertools

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import MutationError

X = np.array([0.5, -1.0, 2.0, 0.3, -0.7, 1.1])


def multiplied(state, x):
    return state * x, state + x


def along(xs, segment=2):
    """The product of the elements, times the start."""
    return lambda start: dp.scan(multiplied, start, xs, segment=segment)[0]


# ---------------------------------------------------------------------------- the call's own data

@pytest.mark.parametrize("segment", [None, 1, 2, 4])
def test_xs_may_change_after_the_call(segment):
    xs = np.arange(1.0, 6.0)
    _, pullback = dp.vjp(along(xs, segment), 1.5)
    xs[:] = 3.0
    assert pullback(1.0) == (120.0,)


def test_xs_may_change_under_a_second_derivative():
    def f(x, xs):
        return dp.scan(lambda s, x: (s * s * x, None), x, xs, segment=2)[0]

    xs = np.array([0.5, 2.0, 1.5])               # x^8 * xs[0]^4 * xs[1]^2 * xs[2]
    scale = 0.5**4 * 2.0**2 * 1.5
    _, pullback = dp.vjp(dp.grad(lambda x: f(x, xs)), 1.1)
    xs[:] = 7.0
    assert pullback(1.0)[0] == pytest.approx(56 * 1.1**6 * scale)


def test_names_of_xs_may_change_after_the_call():
    xs = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([10.0, 20.0, 30.0])}
    step = lambda s, x: (s * x["a"] + x["b"], None)
    _, pullback = dp.vjp(lambda s: dp.scan(step, s, xs, segment=2)[0], 1.0)
    xs["c"], xs["a"], xs["b"] = 0.0, xs["b"], xs.pop("a")
    assert pullback(1.0) == (6.0,)


def test_a_carry_may_change_after_the_call():
    buffer, scale = np.array([1.0, 2.0]), np.array([3.0, 5.0])

    def f(x):
        carry, _ = dp.scan(lambda c, _: ((c[0] * np.sum(c[1] * c[2]), c[1], c[2]), None), (x, buffer, scale),
                           length=4, segment=2)
        return carry[0]

    _, pullback = dp.vjp(f, 1.0)
    buffer[:], scale[:] = 0.0, -1.0
    assert pullback(1.0) == (13.0**4,)


def test_a_carry_that_the_step_changes_in_place():
    def step(carry, x):
        total, count = carry
        count[0] += 1.0
        return (total * count[0] * x, count), None

    def f(total, segment):
        return dp.scan(step, (total, np.zeros(1)), X, segment=segment)[0][0]

    wanted = dp.grad(lambda x: f(x, None))(2.0)
    assert wanted == pytest.approx(720 * np.prod(X))
    assert dp.grad(lambda x: f(x, 2))(2.0) == wanted


def test_rows_that_the_step_changes_in_place():
    def step(carry, row):
        row *= 2.0
        return carry * np.sum(row), None

    rows = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert dp.grad(lambda x: dp.scan(step, x, rows.copy(), segment=2)[0])(1.0) == 6.0 * 14.0 * 22.0


@pytest.mark.parametrize("change", [lambda a: a.__setitem__(..., -1.0), lambda a: a.sort()])
def test_arguments_of_a_checkpoint_may_change_after_the_call(change):
    weights = np.array([3.0, 1.0, 2.0])
    f = dp.checkpoint(lambda x, w: np.sum(np.sin(x) * w))
    _, pullback = dp.vjp(lambda x: f(x, weights), np.zeros(3))
    change(weights)
    assert np.array_equal(pullback(1.0)[0], [3.0, 1.0, 2.0])


def test_structures_given_to_a_checkpoint_may_change_after_the_call():
    params = {"a": np.array([1.0, 2.0]), "b": 3.0}
    f = dp.checkpoint(lambda x, p: np.sum(x * p["a"]) * p["b"])
    _, pullback = dp.vjp(lambda x: f(x, params), np.ones(2))
    params["c"], params["a"], params["b"] = 0.0, params.pop("b"), params.pop("a")
    assert np.array_equal(pullback(1.0)[0], [3.0, 6.0])


def test_an_argument_that_the_checkpointed_function_changes_itself():
    def f(x, buffer):
        buffer += 1.0
        return np.sum(x * buffer)

    buffer = np.zeros(2)
    assert np.array_equal(dp.grad(lambda x: dp.checkpoint(f)(x, buffer))(np.ones(2)), [1.0, 1.0])
    assert np.array_equal(buffer, [1.0, 1.0])


def test_an_argument_that_a_function_with_a_gradient_of_its_own_changes():
    """The rule sees what the function was given."""
    @dp.custom_gradient(lambda g, y, x, buffer: (g * buffer, None))
    def f(x, buffer):
        y = np.sum(x * buffer)
        buffer[:] = 0.0
        return y

    assert np.array_equal(dp.grad(lambda x: f(x, np.array([2.0, 3.0])))(np.ones(2)), [2.0, 3.0])


def test_results_of_a_function_with_a_gradient_of_its_own_may_change():
    @dp.custom_gradient(lambda g, y, x: g["x"] * y["mask"])
    def f(x):
        return {"x": np.where(x > 0, x, 0.0), "mask": np.asarray(dp.value(x)) > 0}

    def program(x):
        y = f(x)
        y["mask"][:] = True
        return np.sum(y["x"])

    assert np.array_equal(dp.grad(program)(np.array([1.0, -1.0])), [1.0, 0.0])


@pytest.mark.parametrize("laid_out", [
    lambda x: x, np.asfortranarray, lambda x: x.T, lambda x: x[::2, ::3], lambda x: x[:, 1:3],
    lambda x: np.broadcast_to(x[0], (5, 36)), lambda x: x.astype(np.float32), lambda x: x[::-1, ::-1]])
def test_the_layout_of_a_constant_does_not_matter(laid_out):
    """Products of other strides are rounded otherwise; that is no mutation."""
    constant = laid_out(np.random.default_rng(0).normal(size=(40, 36)))

    def f(x, a):
        return np.sum(np.tanh(a @ x) ** 2)

    x = np.linspace(0.1, 1.0, constant.shape[1])
    np.testing.assert_allclose(dp.grad(lambda x: dp.checkpoint(f)(x, constant))(x),
                               dp.grad(lambda x: f(x, constant))(x), rtol=1e-6)
    scanned = lambda xs, segment: lambda w: dp.scan(
        lambda s, a: (np.tanh(s * a @ w), None), 1.0, xs, segment=segment)[0]
    pieces, whole = dp.grad(scanned(constant, 2))(x), dp.grad(scanned(constant, None))(x)
    np.testing.assert_allclose(pieces, whole, rtol=1e-6)


# ---------------------------------------------------------------------------- what cannot be had again

def counter():
    ticks = itertools.count(1)
    return lambda: float(next(ticks))


def generator():
    return np.random.default_rng(0).normal


def buffer():
    kept = np.zeros(1)

    def filled():
        kept[0] += 1.0
        return kept
    return filled


IMPURE = {"a counter": counter, "a generator": generator, "a buffer": buffer}


@pytest.mark.parametrize("start", [0.7, 0.0])
@pytest.mark.parametrize("kind", IMPURE)
def test_a_checkpoint_that_computes_something_else_again(kind, start):
    """... also where its value is the same: 0 times whatever."""
    draw = IMPURE[kind]()
    with pytest.raises(MutationError, match="computed again"):
        dp.grad(lambda x: np.sum(dp.checkpoint(lambda x: x * draw())(x)))(start)


@pytest.mark.parametrize("start", [0.7, 0.0])
@pytest.mark.parametrize("kind", IMPURE)
def test_a_segment_that_computes_something_else_again(kind, start):
    draw = IMPURE[kind]()
    with pytest.raises(MutationError, match=r"computed again[\s\S]*test_again\.py[\s\S]*carry"):
        dp.grad(lambda x: dp.scan(lambda s, _: (s * np.sum(draw()), None), x, length=4, segment=2)[0])(start)


def test_an_array_around_a_step_that_changes_after_the_call():
    scale = np.array([2.0, 3.0])
    for f in (lambda x: dp.scan(lambda s, _: (np.sum(s * scale), None), x, length=4, segment=2)[0],
              dp.checkpoint(lambda x: np.sum(x * scale))):
        scale[:] = 2.0, 3.0
        _, pullback = dp.vjp(f, 1.0)
        assert pullback(1.0) == pullback(1.0)
        scale[0] = 0.0
        with pytest.raises(MutationError, match="computed again"):
            pullback(1.0)


def test_a_branch_that_is_taken_otherwise_again():
    flag = [True]
    f = dp.checkpoint(lambda x: x * x if flag[0] else 2.0 * x)       # equal at 2
    _, pullback = dp.vjp(f, 2.0)
    flag[0] = False
    with pytest.raises(MutationError, match="computed again"):
        pullback(1.0)


LATE = {                                         # computed with a k, and the same for any k
    "a checkpoint of a product": (lambda x, of: dp.checkpoint(lambda x: x * of())(x), 0.0),
    "a checkpoint of a power": (lambda x, of: dp.checkpoint(lambda x: x ** of())(x), 1.0),
    "a checkpoint of a branch": (lambda x, of: dp.checkpoint(lambda x: x if of() < 4 else x * x)(x), 1.0),
    "a checkpoint of an element": (
        lambda x, of: dp.checkpoint(lambda x: np.stack([x, x * x, x, x, x, x ** 3])[of()])(x), 1.0),
    "a segment": (lambda x, of: dp.scan(lambda s, _: (s * of(), None), x, length=2, segment=1)[0], 0.0),
    "a checkpoint in a loop": (
        lambda x, of: dp.scan(lambda s, _: (dp.checkpoint(lambda s: s**of())(s), None), x, length=2)[0], 1.0),
    "a loop in a checkpoint": (
        lambda x, of: dp.checkpoint(lambda x: dp.scan(lambda s, _: (s**of(), None), x, length=2)[0])(x), 1.0),
    "a differentiation in a checkpoint": (
        lambda x, of: dp.checkpoint(lambda x: x * dp.grad(lambda z: z ** of() / of())(x))(x), 1.0),
}


@pytest.mark.parametrize("f", [
    lambda f, x: dp.grad(f)(x),
    lambda f, x: dp.grad(lambda x: dp.grad(f)(x) * x)(x),
    lambda f, x: dp.grad(dp.grad(f))(x),
    lambda f, x: dp.grad(lambda x: x * dp.grad(lambda x: x * dp.grad(f)(x))(x))(x),
    lambda f, x: dp.jvp(f, (x,), (1.0,)),
    lambda f, x: dp.hvp(f, x, 1.0),
], ids=["first", "second", "second of itself", "third", "jvp", "hvp"])
@pytest.mark.parametrize("name", LATE)
def test_a_name_that_is_bound_anew_before_the_way_back(name, f):
    """... which only the operations show, not the values."""
    compute, x = LATE[name]

    def late(x):
        k = 2
        y = compute(x, lambda: k)
        k = 5
        return y

    with pytest.raises(MutationError, match="computed again"):
        f(late, x)
    f(lambda x: compute(x, lambda: 2), x)


OPTIONS = {
    "an axis": (lambda x, k: np.sum(np.sum(x, axis=k) * WEIGHTS), 0, 1),
    "an axis of a maximum": (lambda x, k: np.sum(np.max(x, axis=k) * WEIGHTS), 0, 1),
    "a shift": (lambda x, k: np.sum(np.roll(x, k) * SQUARE), 1, 2),
    "a shift by name": (lambda x, k: np.sum(np.roll(x, shift=k, axis=1) * SQUARE), 1, 2),
    "a permutation": (lambda x, k: np.sum(np.transpose(x, axes=k) * SQUARE), (0, 1), (1, 0)),
    "a direction": (lambda x, k: np.sum(np.flip(x, axis=k) * SQUARE), 0, 1),
    "keepdims": (lambda x, k: np.sum(SQUARE[0] + np.max(x, axis=1, keepdims=k)), False, True),
    "an option of a custom gradient": (lambda x, k: np.sum(scaled(x, scale=k)), 2.0, 3.0),
}
WEIGHTS = np.array([1.0, 2.0])
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]])
scaled = dp.custom_gradient(lambda x, *, scale: 0.0 * x, lambda g, y, x, *, scale: g * scale)


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("loop", [False, True])
def test_an_option_that_is_another_again(kind, loop):
    """The results are equal, and so are the operands: symmetric in what the option exchanges."""
    f, before, after = OPTIONS[kind]
    option = [before]

    def run(x):
        if not loop:
            return dp.checkpoint(lambda x: f(x, option[0]))(x)
        return dp.scan(lambda s, _: (s + f(x, option[0]), None), 0.0, length=4, segment=2)[0]

    x = np.array([[1.0, 2.0], [2.0, 1.0]]) if "axis" in kind else np.ones((2, 2))
    _, pullback = dp.vjp(run, x)
    unchanged = pullback(1.0)[0]
    expected = dp.grad(lambda x: f(x, before))(x) * (4.0 if loop else 1.0)
    np.testing.assert_array_equal(unchanged, expected)
    option[0] = after
    with pytest.raises(MutationError, match="computed again"):
        pullback(1.0)


def times(slope):
    return dp.custom_gradient(lambda x: 2.0 * x, lambda g, y, x: g * slope)


@pytest.mark.parametrize("other", [
    times(3.0), dp.custom_gradient(lambda x: 2.0 * x, lambda g, y, x: 3.0 * g),
    dp.straight_through(lambda x: 2.0 * x)])
def test_a_custom_gradient_that_is_another_again(other):
    chosen = [times(2.0)]
    _, pullback = dp.vjp(dp.checkpoint(lambda x: chosen[0](x)), 1.5)
    assert pullback(1.0) == (2.0,)
    chosen[0] = other
    with pytest.raises(MutationError, match="computed again"):
        pullback(1.0)


def test_a_custom_gradient_may_be_made_anew_in_each_run():
    """... with constants and traced values around its rule, and with one that counts or keeps its calls."""
    calls, count = [], 0

    def step(x):
        table = np.array([1.0, 2.0])

        def rule(g, y, x, factor=2.0):
            nonlocal count
            count += 1
            calls.append(1)
            return g * table * factor

        return np.sum(dp.custom_gradient(lambda x: 2.0 * x * table, rule)(x)) + np.sum(times(2.0)(x))

    for f in (dp.checkpoint(step), lambda x: dp.scan(lambda s, _: (s + step(x), None), 0.0, length=1,
                                                     segment=1)[0]):
        _, pullback = dp.vjp(f, np.ones(2))
        for _ in range(2):
            np.testing.assert_array_equal(pullback(1.0)[0], [4.0, 6.0])


@pytest.mark.parametrize("inner", ["scan", "checkpoint", "segments"])
@pytest.mark.parametrize("outer", ["scan", "checkpoint"])
def test_what_is_nested(inner, outer):
    draw = counter()

    def inside(x):
        if inner == "checkpoint":
            return dp.checkpoint(lambda x: x * draw())(x)
        segment = 1 if inner == "segments" else None
        return dp.scan(lambda s, _: (s * draw(), None), x, length=2, segment=segment)[0]

    def f(x):
        if outer == "checkpoint":
            return dp.checkpoint(inside)(x)
        return dp.scan(lambda s, _: (inside(s), None), x, length=2, segment=1)[0]

    with pytest.raises(MutationError):
        dp.grad(f)(0.5)


def test_what_is_right_stays_right():
    """Nested, of second order, watched, with nan and infinities, with caches: equal to the plain loop."""
    table = {}

    def cached(k):
        return table.setdefault(k, np.cos(np.arange(3.0) + k))

    def step(s, x):
        s = dp.checkpoint(lambda s, x: np.tanh(s * cached(1) + x) * cached(2))(s, x)
        return s, np.sum(s)

    def f(x, segment):
        last, ys = dp.scan(step, x, X, segment=segment)
        return np.sum(last**2) + np.sum(ys)

    x = np.array([0.3, -0.2, 0.9])
    pieces, whole = (lambda x: f(x, 2)), (lambda x: f(x, None))
    np.testing.assert_allclose(dp.grad(pieces)(x), dp.grad(whole)(x), rtol=1e-13)
    np.testing.assert_allclose(dp.hessian(pieces)(x), dp.hessian(whole)(x), rtol=1e-12)
    np.testing.assert_allclose(dp.jvp(pieces, (x,), (x,))[1], dp.grad(whole)(x) @ x)
    with dp.debug_nans():
        dp.grad(pieces)(x)
    endless = dp.grad(lambda x: dp.scan(lambda s, _: (s * np.nan, s * np.inf), x, length=4, segment=2)[0])
    assert np.isnan(endless(1.0))


# ---------------------------------------------------------------------------- structures

def test_the_structure_of_an_argument_may_change_after_the_call():
    params = {"a": 2.0, "b": 5.0}
    _, pullback = dp.vjp(lambda p: p["a"] * p["b"], params)
    params["a"] = params.pop("a")
    assert pullback(1.0) == ({"a": 5.0, "b": 2.0},)


def test_a_function_may_use_its_result_again():
    """... a list that it fills anew at each call: the pullback belongs to the first."""
    out = []

    def f(x):
        out[:] = [x * x, 3.0 * x]
        return out

    _, pullback = dp.vjp(f, 2.0)
    f(1.0)
    assert pullback([1.0, 1.0]) == (7.0,)


def test_arguments_of_a_compiled_function_may_change_after_the_call():
    """... for a second derivative as well, which an ordinary tape computes."""
    data = np.array([1.0, 2.0])
    f = dp.compile(lambda x, data: np.sum(np.sin(x * data)))
    _, pullback = dp.vjp(lambda x: f(x, data), 0.5)
    data[:] = 0.0
    assert pullback(1.0)[0] == pytest.approx(np.cos(0.5) + 2 * np.cos(1.0))
    assert dp.grad(lambda g: pullback(g)[0])(1.0) == pytest.approx(np.cos(0.5) + 2 * np.cos(1.0))


def test_structures_given_to_a_compiled_function_may_change_after_the_call():
    params = {"a": 2.0, "b": 5.0}
    f = dp.compile(lambda x, p: x * p["a"] ** 2 + p["b"])
    _, pullback = dp.vjp(lambda x: f(x, params), 0.5)
    params["a"] = params.pop("a")
    assert dp.grad(lambda g: pullback(g)[0])(1.0) == 4.0


@pytest.mark.parametrize("inside", [
    lambda x: dp.root(lambda z: np.exp(0.3 * z) + z - x, np.zeros(2))[0],
    lambda x: dp.argmin(lambda z: z**4 + (z - x[0])**2, x[1]),
    lambda x: dp.integrate(lambda s, h: (s[0] - h * s[1], s[1] + h), (1.0 + x[0], x[1]), until=lambda s: s[0],
                           dt=0.2)[1]])
def test_what_looks_for_a_root_does_so_again(inside):
    def f(x):
        return inside(x) ** 2 * x[0]

    def g(x):
        return dp.checkpoint(f)(x) * np.exp(x[1])

    def h(x):
        return f(x) * np.exp(x[1])

    def sum_of(f):
        return lambda x: np.sum(f(x))

    x = np.array([0.3, 1.2])
    for _ in range(3):
        g, h = dp.grad(sum_of(g)), dp.grad(sum_of(h))
        np.testing.assert_allclose(g(x), h(x), 1e-9, 1e-12)
