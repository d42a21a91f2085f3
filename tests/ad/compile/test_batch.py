"""A step of a map, done for many rows at once, gives what it gives for each row."""

import collections

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.compile import batch
from tinydp.ad.compile.batch import NotSideBySide, side_by_side
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.trace import traced
from tinydp.nn import MLP

from .examples import Writer
from .programs import assert_equal

RNG = np.random.default_rng(0)
N = 70                                           # rows: a block, and some more
X, V = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 3))
W, M = RNG.normal(size=(4, 3)), RNG.normal(size=(N, 3, 3))


# ---------------------------------------------------------------------------- programs at random

def compared(seed, size=4):
    """Whether a random program could be done side by side; then it has the results of each row."""
    writer = Writer(seed)
    body = writer.program()
    count = writer.random.randint(1, len(body.inputs))
    rows = [[*writer.arguments(body)[:count]] for _ in range(size)]
    shared = writer.arguments(body)[count:]
    stacks = [np.stack(column) for column in zip(*rows, strict=True)]
    try:
        whole = traced(lambda *xs: side_by_side(body, list(xs[:count]), list(xs[count:]), size),
                       *stacks, *shared)
    except NotSideBySide as error:
        return str(error)
    found = interpret(verify(whole), *stacks, *shared)
    for k, row in enumerate(rows):
        try:
            alone = interpret(body, *row, *shared)
        except ArithmeticError:
            return "raises"
        for x, y in zip(found, alone, strict=True):
            assert np.shape(x) == (size, *np.shape(y))
            np.testing.assert_allclose(x[k], y, rtol=1e-10, atol=1e-12)
    return "same"


def test_random_programs():
    with np.errstate(all="ignore"):
        counts = collections.Counter(compared(seed) for seed in range(400))
    assert counts["same"] > 80               # others have loops whose length is found out, or nothing to do


# ---------------------------------------------------------------------------- one by one

FUNCTIONS = {
    "matrix times vector": (lambda w, x: np.tanh(w @ x), (None, 0), (W, X)),
    "vector times matrix": (lambda w, x: np.tanh(x @ w.T), (None, 0), (W, X)),
    "two vectors": (lambda x, v: np.sin(x @ v), (0, 0), (X, V)),
    "a vector of all": (lambda x, v: np.sin(x @ v), (0, None), (X, V[0])),
    "a matrix of each": (lambda m, x: m @ x, (0, 0), (M, X)),
    "times a matrix of each": (lambda m, x: x @ m, (0, 0), (M, X)),
    "two matrices": (lambda m: np.sin(m @ m), (0,), (M,)),
    "a matrix of all, left": (lambda w, m: np.sin(w @ m), (None, 0), (W, M)),
    "a matrix of all, right": (lambda w, m: np.sin(m @ w.T), (None, 0), (W, M)),
    "numbers and vectors": (lambda x, v: np.sum(x) * v + x[0] / (1.0 + v[1] ** 2), (0, 0), (X, V)),
    "shapes": (
        lambda m: np.transpose(m.reshape(1, 9)[:, ::2]) @ np.ones((1, 2)) + m[:, None, 1:][0], (0,), (M,)),
    "indices": (lambda m: m[[0, 2], 1] * m[1:, [0, 1]][:, 0] + m[..., -1][:2], (0,), (M,)),
    "indices that are arrays, on the way back": (
        dp.grad(lambda m: np.sum(np.sin(m[[0, 2, 0], [1, 1, 1]] * m[1:, [0, 1]][0, 1]))), (0,), (M,)),
    "joins": (lambda x, v: np.concatenate([x, np.stack([v[0], 1.0, v[1]])]), (0, 0), (X, V)),
    "reductions": (
        lambda m: (np.max(m, axis=0) * np.mean(m, axis=-1, keepdims=True))[0] + np.prod(m), (0,), (M,)),
    "running": (lambda m: np.cumsum(m, axis=1) + np.flip(m, 0) * np.triu(m), (0,), (M,)),
    "norms": (lambda m, x: np.linalg.norm(m) * np.linalg.norm(x) + np.std(m, axis=0), (0, 0), (M, X)),
    "choices": (
        lambda x, v: np.where(x > 0.0, x * v, np.maximum(x, v[0])) + np.clip(x, -1.0, 1.0), (0, 0), (X, V)),
    "numbers": (
        lambda x, y: x * np.sin(y) ** 2 + np.hypot(x, y) * (x > y), (0, 0), (X[:, 0], X[:, 1])),
    "a loop": (
        lambda w, x: dp.scan(lambda c, r: (np.tanh(w[:3] @ c + r), np.sum(c)), x, w)[1], (None, 0), (W, X)),
    "a loop whose rows differ": (
        lambda m, x: dp.scan(lambda c, r: (c * np.sum(r) + r[0], np.sin(c)), 0.0, m)[1] @ x, (0, 0), (M, X)),
    "a loop that starts the same": (
        lambda x: dp.scan(lambda c, _: ((np.sin(c[0] + x[0] * c[1]), c[1] * 0.5), c[1]), (0.5, 2.0),
                          length=5),
        (0,), (X,)),
    "a stopped path": (lambda x: x * dp.stop_gradient(np.sin(x)), (0,), (X,)),
    "a gradient": (dp.grad(lambda w, x: np.sum(np.tanh(w @ x) ** 2)), (None, 0), (W, X)),
    "a gradient over a loop": (
        dp.grad(lambda x: np.sum(dp.scan(lambda c, _: (np.sin(c) * x, None), x, length=4)[0])), (0,), (X,)),
    "a Jacobian": (dp.jacobian(lambda x: np.tanh(W @ x)), (0,), (X,)),
    "a Hessian": (dp.hessian(lambda x: np.sum(np.tanh(W @ x))), (0,), (X,)),
    "a map": (dp.vmap(lambda r, x: np.sin(r @ x), in_axes=(0, None)), (0, 0), (M, X)),
}
ALONE = {                                        # what stays row by row
    "a function with a rule of its own": (lambda x: dp.sign(x) * x, (0,), (X,)),
    "an event": (lambda x: dp.integrate(lambda s, h: (s[0] - h * (1.0 + x[0] ** 2), s[1] + h), (1.0, 0.0),
                                        lambda s: s[0], dt=0.1)[1], (0,), (X,)),
}


@pytest.mark.parametrize("name", [*FUNCTIONS, *ALONE])
def test_compiled_equals_eager(name):
    f, axes, args = (FUNCTIONS | ALONE)[name]
    plain = dp.vmap(f, axes)
    compiled = dp.compile(plain)
    assert_equal(compiled(*args), plain(*args))
    one_by_one = any(op.options.get("length") == N for op in compiled.built(*args).program.ops)
    assert one_by_one == (name in ALONE)


@pytest.mark.parametrize("name", [*FUNCTIONS, *ALONE])
def test_derivatives_of_it(name):
    f, axes, args = (FUNCTIONS | ALONE)[name]
    loss = lambda f: lambda *args: sum(np.sum(np.sin(y)) for y in dp.ad.tree.flatten(f(*args))[0])
    plain, everything = loss(dp.vmap(f, axes)), tuple(range(len(args)))
    compiled = dp.compile(plain)
    assert_equal(dp.value_and_grad(compiled, everything)(*args), dp.value_and_grad(plain, everything)(*args))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", ["matrix times vector", "a loop", "numbers", "a gradient"])
def test_second_derivatives_of_it(name):
    f, axes, args = FUNCTIONS[name]
    loss = lambda f: lambda x: np.sum(np.sin(f(*args[:-1], x)))
    plain, (x, v) = loss(dp.vmap(f, axes)), (args[-1], np.cos(args[-1]))
    assert_equal(dp.hvp(dp.compile(plain), x, v), dp.hvp(plain, x, v))
    assert_equal(dp.jvp(dp.compile(plain), (x,), (v,)), dp.jvp(plain, (x,), (v,)))


def test_numbers_keep_pythons_meaning():
    root = dp.compile(dp.vmap(lambda x: x ** 0.5))
    assert root(np.array([4.0, np.inf, -0.0, -np.inf])).tolist() == [
        np.array([x]).item() ** 0.5 for x in (4.0, np.inf, -0.0, -np.inf)]
    inverse = dp.compile(dp.vmap(lambda x: 1.0 / x))
    with pytest.raises(ZeroDivisionError):
        inverse(np.array([1.0, 0.0]))
    assert dp.compile(dp.vmap(lambda x: 1.0 / x))(np.ones((2, 1))).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("f", [lambda x: 2.0 ** x, lambda x: x ** x, lambda x: x ** 2.5, lambda x: 0.5 ** x,
                               lambda x: np.power(x, x)])
def test_powers_of_numbers_by_row(f):
    rows = np.array([0.3, 1.0, 1.7])
    slopes = lambda rows: dp.vmap(dp.grad(f))(rows)
    assert np.array_equal(dp.compile(dp.vmap(f))(rows), [f(x) for x in rows.tolist()])
    assert np.allclose(dp.compile(slopes)(rows), [dp.grad(f)(x) for x in rows.tolist()], rtol=1e-14)


def test_few_rows_with_loops_stay_alone():
    f, axes, args = FUNCTIONS["a loop"]
    compiled, few = dp.compile(dp.vmap(f, axes)), (args[0], args[1][:3])
    assert_equal(compiled(*few), dp.vmap(f, axes)(*few))
    assert [op.options["length"] for op in compiled.built(*few).program.ops if op.body] == [3]


def test_a_large_row_stays_alone(monkeypatch):
    monkeypatch.setattr(batch, "ROOM", 8)
    f = dp.vmap(lambda x: np.sin(x) * x)
    compiled = dp.compile(f)
    assert_equal(compiled(X), f(X))
    (loop,) = compiled.built(X).program.ops
    assert loop.options["length"] == N


@pytest.mark.parametrize(("n", "size"), [(1, 1), (7, 7), (64, 64), (65, 64), (70, 35), (128, 64), (97, 64),
                                         (1000, 50)])
def test_blocks(n, size):
    assert batch.block_of(traced(np.sin, 0.0), n, parallel=False) == size


# ---------------------------------------------------------------------------- compiled from the inside

def test_a_map_of_a_compiled_function_is_compiled_whole():
    f = dp.compile(lambda w, x: np.tanh(w @ x))
    mapped = dp.vmap(f, in_axes=(None, 0))
    assert_equal(mapped(W, X), np.stack([np.tanh(W @ x) for x in X]))
    (derived,) = f.made.derived.values()
    assert "matmul(" in derived.source
    assert not f.made.programs


def test_a_map_of_what_is_derived_from_a_compiled_function():
    loss = lambda w, x: np.sum(np.tanh(w @ x) ** 2)
    for transform in (dp.grad, dp.value_and_grad, dp.jacobian):
        found = dp.vmap(transform(dp.compile(loss)), in_axes=(None, 0))(W, X)
        expected = dp.vmap(transform(loss), in_axes=(None, 0))(W, X)
        dp.ad.tree.map(assert_equal, found, expected)


def test_a_compiled_function_with_branches_is_mapped_row_by_row():
    bent = dp.compile(lambda x: x if x > 0.0 else x * x)
    assert dp.vmap(bent)(np.array([1.0, -2.0, 3.0])).tolist() == [1.0, 4.0, 3.0]


def test_infinite_results_are_no_matter():
    f = dp.vmap(dp.compile(lambda x: np.log(x)))
    with np.errstate(all="ignore"):
        assert f(np.array([0.0, 1.0])).tolist() == [-np.inf, 0.0]


def test_a_network_in_a_mapped_loop():
    net = MLP((3, 8, 1))
    params = net.init(np.random.default_rng(0))

    def cost(params, x):
        step = lambda x, _: (0.9 * x + 0.1 * net(params, x)[0], np.sum(x**2))
        return np.mean(dp.scan(step, x, length=6)[1])

    mean = lambda params, xs: np.mean(dp.vmap(cost, in_axes=(None, 0))(params, xs))
    found, expected = dp.grad(dp.compile(mean))(params, X), dp.grad(mean)(params, X)
    dp.ad.tree.map(assert_equal, found, expected)


def test_out_axes_of_none_when_compiled():
    f = dp.vmap(lambda w, x: (w @ x, np.sum(w) * 2.0), in_axes=(None, 0), out_axes=(1, None))
    y, total = dp.compile(f)(W, X)
    assert_equal(y, W @ X.T)
    assert total == pytest.approx(2.0 * np.sum(W))
    with pytest.raises(dp.ad.errors.LoopError, match="depends on the row"):
        dp.compile(dp.vmap(np.sum, out_axes=None))(X)


# ---------------------------------------------------------------------------- axes, by chance

@pytest.mark.usefixtures("interpreted")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_axes_in_and_out(data):
    n, inner = data.draw(st.sampled_from([1, 3, 65, 128])), (3, 2)
    args, axes = [], []
    for _ in range(2):
        axis = data.draw(st.none() | st.integers(-3, 2))
        args.append(RNG.normal(size=inner if axis is None else tuple(np.insert(inner, axis % 3, n))))
        axes.append(axis)
    out = data.draw(st.integers(-3, 2))
    if axes == [None, None]:
        return
    plain = dp.vmap(lambda a, b: np.tanh(a) @ b.T @ a * np.sum(b), in_axes=tuple(axes), out_axes=out)
    assert_equal(dp.compile(plain)(*args), plain(*args))
    loss = lambda a, b: np.sum(np.sin(plain(a, b)))
    assert_equal(dp.grad(dp.compile(loss), (0, 1))(*args), dp.grad(loss, (0, 1))(*args))


def test_the_numbers_are_those_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    axes = {"in_axes": (None, 1), "out_axes": 2}
    ours = dp.vmap(dp.grad(lambda w, x: np.sum(np.tanh(w @ x) ** 2)), **axes)
    theirs = jax.vmap(jax.grad(lambda w, x: jax.numpy.sum(jax.numpy.tanh(w @ x) ** 2)), **axes)
    assert_equal(ours(W, X.T), np.asarray(theirs(W, X.T)))
    assert_equal(dp.compile(ours)(W, X.T), np.asarray(theirs(W, X.T)))
