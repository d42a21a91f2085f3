"""Integers and computed indices in compiled programs: values, derivatives, and the errors of NumPy."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import tree
from tinydp.ad.errors import ConversionError, MutationError, NotCompiledError, TinydpError

from . import integer_programs

X, M = np.array([3.0, 1.0, 2.0, 5.0, 4.0]), np.cos(np.arange(12.0)).reshape(3, 4)
WHOLE, T = np.array([4, -3, 7]), np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])


@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed):
    integer_programs.interpreted(seed)


@pytest.mark.parametrize("seed", range(100, 104))
def test_random_programs_as_machine_code(seed):
    integer_programs.compiled(seed)


# ---------------------------------------------------------------------------- values and kinds

def runs(f, *args):
    """What machine code makes of these arguments: it is no tape that runs."""
    compiled = dp.compile(f)
    compiled(*args)
    built, leaves = compiled.program_for(*args)
    return built.unflatten(built.results_of(leaves))


def same(found, wanted):
    found, wanted = (tree.flatten(y)[0] for y in (found, wanted))
    for a, b in zip(map(np.asarray, found), map(np.asarray, wanted), strict=True):
        assert a.dtype.kind == b.dtype.kind
        np.testing.assert_array_equal(a, b)


ARITHMETIC = {
    "a sum": lambda i, j: (i * 3 + j, i - j, -i, +i, abs(j)),
    "rounded down": lambda i, j: (i // 3, i % 3, i // -3, i % -3, -i // 3, -i % 3, divmod(i, 4)),
    "by each other": lambda i, j: (i // j, i % j, j // i, j % i, np.floor_divide(-i, j), np.mod(i, j)),
    "real numbers": lambda i, j: (i / 2, i + 0.5, i * 1.0, np.sqrt(i * i), i**-1, 2.0**j, np.mean(i)),
    "powers": lambda i, j: (i**2, i**3, i**0, i**1, np.square(j)),
    "order": lambda i, j: (i < j, i <= 7, i == j, i != j, i > 2.5, np.maximum(i, j), np.minimum(i, 2)),
    "bits": lambda i, j: ((i & 6) | 1, i ^ j, ~i, i << 3, i >> 1, np.bitwise_and(i, 3)),
    "conditions": lambda i, j: (i + (j > 0), (i > 0) * j, np.where(i > j, i, 0), np.logical_not(i), i * True),
    "functions": lambda i, j: (np.clip(i, -2, 5), np.sign(i - 3), np.abs(j), np.floor(i), np.isnan(i)),
    "to integers": lambda i, j: (np.floor(i / 3).astype(int), np.logical_not(i).astype(int),
        np.trunc(i * 0.7).astype(np.int64)),
}


@pytest.mark.parametrize("f", ARITHMETIC.values(), ids=ARITHMETIC)
@pytest.mark.parametrize(("i", "j"), [(7, -3), (-8, 5), (WHOLE, WHOLE[::-1].copy()), (WHOLE, 2)])
def test_arithmetic(f, i, j):
    if f is ARITHMETIC["real numbers"] and np.ndim(i):
        f = lambda i, j: (i / 2, i + 0.5, np.sqrt(i * i), 2.0**j, np.mean(i), np.square(j * 2.5))
    same(runs(f, i, j), f(i, j))


ROUNDED = [lambda x: round(x), lambda x: math.floor(x), lambda x: math.ceil(x), lambda x: math.trunc(x),
           lambda x: np.rint(x).astype(int), lambda x: (x // 1, x % 1)]


@pytest.mark.parametrize("f", ROUNDED, ids=range(len(ROUNDED)))
@pytest.mark.parametrize("x", [2.5, -2.5, 3.5, -0.3, 7.0])
def test_rounding(f, x):
    same(runs(f, x), f(x))


OF_ARRAYS = {
    "sums": lambda i: (np.sum(i), np.prod(i), np.max(i), np.min(i), np.cumsum(i), np.any(i), np.all(i > -9)),
    "counts": lambda i: (np.sum(i > 0), np.count_nonzero(i), np.mean(i > 0), np.sum(i > 0, keepdims=True)),
    "products": lambda i: (i @ i, i * np.arange(3), np.outer(i, i), i @ np.ones(3)),
    "joins": lambda i: (np.stack([i, i + 1]), np.concatenate([i, i * 2]), np.stack([i[0], 1]), i[::-1],
        i[None]),
    "like it": lambda i: (np.zeros_like(i) + i, i.reshape(3, 1) - i, i[[0, 0, 2]], i.T, np.broadcast_to(i,
        (2, 3))),
    "order": lambda i: (np.argsort(i), np.argmax(i), np.argmin(i), np.sort(i), np.searchsorted([-3, 0, 4],
        i)),
    "gathered": lambda i: (np.take(i, i, mode="wrap"), i[i % 3], np.take_along_axis(i, np.argsort(i), 0)),
}


@pytest.mark.parametrize("f", OF_ARRAYS.values(), ids=OF_ARRAYS)
def test_of_arrays(f):
    same(runs(f, WHOLE), f(WHOLE))


SORTED = [np.array([3.0, 1.0, 2.0]), np.array([np.nan, 1.0, np.inf, -np.inf, 0.5]),
    np.cos(np.arange(100.0) ** 2),
          np.cos(np.arange(24.0)).reshape(2, 3, 4), np.sin(np.arange(17.0)), np.array([2.0])]


@pytest.mark.parametrize("x", SORTED, ids=range(len(SORTED)))
def test_sorting(x):
    for axis in (-1, 0, None):
        f = lambda x: (np.sort(x, axis=axis), np.argsort(x, axis=axis), np.argmax(x, axis=axis),
                       np.argmin(x, axis=axis))
        same(runs(f, x), f(x))
    same(runs(lambda x: np.argmax(x, axis=0, keepdims=True), x), np.argmax(x, axis=0, keepdims=True))


def test_equal_elements():
    """Stable sorts run as machine code; in others, NumPy decides."""
    x = np.floor(np.cos(np.arange(200.0)) * 3)
    f = lambda x: np.argsort(x, kind="stable")
    same(runs(f, x), f(x))
    g = dp.compile(lambda x: np.argsort(x))
    same(g(x), np.argsort(x))


def test_searching():
    a, v = np.array([-1.0, 0.0, 0.0, 2.0, np.nan]), np.array([[-2.0, 0.0], [np.nan, 2.0]])
    for side in ("left", "right"):
        f = lambda v: (np.searchsorted(a, v, side=side), np.searchsorted(a, v[0, 1], side),
                       np.digitize(v, [0.0, 1.0, 2.0], right=side == "left"), np.digitize(v, [2.0, 0.0]))
        same(runs(f, v), f(v))


# ---------------------------------------------------------------------------- indices, and gradients

def both(f, *args, wrt=0, rtol=1e-12):
    """Value, gradient and Hessian-vector product as on the tape, by machine code."""
    compiled = dp.compile(f)
    assert compiled(*args) == pytest.approx(f(*args), rel=rtol)
    built, leaves = compiled.program_for(*args)
    built.results_of(leaves)
    np.testing.assert_allclose(dp.grad(compiled, wrt)(*args), dp.grad(f, wrt)(*args), rtol, rtol)
    v = np.cos(np.arange(np.size(args[wrt]))).reshape(np.shape(args[wrt]))
    of_x = lambda f: lambda x: f(*args[:wrt], x, *args[wrt + 1:])
    np.testing.assert_allclose(dp.hvp(dp.compile(of_x(f)), args[wrt], v), dp.hvp(of_x(f), args[wrt], v),
        rtol, rtol)


GATHERED = {
    "a row": lambda m, i: np.sum(m[i] ** 3),
    "from the end": lambda m, i: m[-i, -1] ** 2 * m[i, 0],
    "a column": lambda m, i: np.sum(m[:, i] ** 2),
    "with an ellipsis": lambda m, i: np.sum(m[..., i] ** 2 * m[..., 0]),
    "with a new axis": lambda m, i: np.sum(m[None, i] ** 2 * m[:, None, i][..., None]),
    "an element of a row": lambda m, i: m[i][i] ** 2,
    "beside a list": lambda m, i: np.sum(m[i, [0, 0, 3]] ** 2),
    "beside a slice": lambda m, i: np.sum(m[i, 1:3] ** 2 * m[i, ::2]),
    "two arrays": lambda m, i: np.sum(m[np.argmax(m, axis=0), np.arange(4)] ** 2),
    "apart": lambda m, i: np.sum(np.stack([m, m * m])[i, :, [0, 2]] ** 2),
    "an outer index": lambda m, i: np.sum(m[np.argsort(m[:, 0])[:, None], np.argsort(m[0])] ** 2),
    "a slice from there on": lambda m, i: np.sum(m[:, i:i + 2] ** 2 * m[:, i - 1:i + 1]),
    "along an axis": lambda m, i: np.sum(np.take_along_axis(m, np.argsort(m, axis=0), 0)[i] ** 2),
    "by take": lambda m, i: np.sum(np.take(m, i, axis=1) ** 2) + np.take(m, i + 3, mode="clip") * m[0, 0],
    "of a table": lambda m, i: dp.lookup(T, i) * m[0, 0] ** 2 + dp.lookup([1.0, 2.0], -i) * m[0, 1],
    "of rounded values": lambda m, i: m[0, np.floor(3.9 * np.abs(m[0, 0])).astype(int)] ** 2,
    "scattered": lambda m, i: np.sum(dp.add_at(m, (slice(None), i), m[:, 0]) ** 2),
    "scattered twice": lambda m, i: np.sum(dp.add_at(np.zeros(5), np.argsort(m[0]) // 2 + i, m[0] ** 2) ** 2),
    "counted": lambda m, i: np.sum(np.bincount(np.argsort(m[0]) // 2, m[0], minlength=4) ** 2),
    "sorted": lambda m, i: np.sum(np.sort(m, axis=0)[i] ** 2) * np.median(m) + np.quantile(m, 0.3,
        axis=1)[i] ** 2,
    "interpolated": lambda m, i: np.interp(m[i, i], np.sort(m[0]), m[1]) ** 2 + np.interp(1.5 * i,
        np.arange(4.0), m[2]),
    "where": lambda m, i: np.sum(np.where(np.arange(4) == i, m, 0.0) ** 2),
    "masked": lambda m, i: m[m > 0.1].sum() ** 2 * m[m < 0.5].max() + np.var(m[m > 0.0]) * np.mean(m[m[:,
        0] < 0.5]),
    "masked and computed": lambda m, i: np.sum(np.sin(m[m > 0.1]) ** 2) + np.compress(m[0] > 0, m[0]).sum(),
}


@pytest.mark.parametrize("f", GATHERED.values(), ids=GATHERED)
@pytest.mark.parametrize("i", [1, np.int64(1)])
def test_gathers(f, i):
    both(f, M, i)


STEPS = {
    "a counter": lambda x: dp.scan(lambda c, _: ((c[0] + 1, c[1] + x[c[0]] ** 2), None), (0, 0.0),
        length=5)[0][1],
    "the number of the step": lambda x: dp.scan(lambda c, t: (c + x[t] * x[t // 2], None), 0.0,
        np.arange(5))[0],
    "a row that is read": lambda x: dp.scan(
        lambda c, t: (np.sin(c) + np.outer(x, x)[t, ::-1] * c[t], None), x, np.arange(5))[0].sum(),
    "a state that says where": lambda x: dp.scan(
        lambda c, _: (c + 0.1 * x[np.floor(np.abs(c)).astype(int) % 5], c), 0.3, length=9)[1].sum(),
    "adding to the carry": lambda x: np.sum(dp.scan(
        lambda c, t: (dp.add_at(c, (3 * t) % 5, x[t] * c[t]), None), x, np.arange(5))[0] ** 2),
    "an integer that goes on": lambda x: dp.scan(
        lambda k, t: ((5 * k + t) % 7, np.sum(x) * k * x[k % 5]), 2, np.arange(6))[1].sum(),
    "loops in loops": lambda x: dp.scan(lambda c, t: (dp.scan(
        lambda d, k: (d + x[t] * x[(t + k) % 5], None), c, np.arange(3))[0], None), 0.0,
            np.arange(5))[0] ** 2,
    "in segments": lambda x: dp.scan(lambda c, t: (np.sin(c) + x[t % 5], None), 0.1, np.arange(8),
        segment=3)[0],
    "a mask": lambda x: dp.scan(lambda c, t: (c + np.sum(x[x < t] ** 2), None), 0.0, np.arange(5.0))[0],
    "sorted at each step": lambda x: dp.scan(lambda c, t: (np.sort(np.sin(c * t)), None), x, X)[0] @ X,
    "up to an event": lambda x: dp.integrate(
        lambda s, dt: (s[0] - dt * x[0] * np.interp(s[1], X[[1, 0, 3]], x[:3]), s[1] + dt), (9.0, 0.0),
        until=lambda s: s[0], dt=0.3)[1],
}


@pytest.mark.parametrize("f", STEPS.values(), ids=STEPS)
def test_in_a_step(f):
    both(f, X, rtol=1e-9)


def test_random_numbers_of_a_linear_congruence():
    f = lambda s: dp.scan(lambda s, _: ((1103515245 * s + 12345) % 2**31, s / 2**31), s, length=50)
    same(runs(f, 42), f(42))


def test_what_many_steps_add_waits_until_after_the_loop():
    f = lambda table, ks: dp.scan(lambda s, k: (0.9 * s + table[k, 1] * s, None), 0.5, ks)[0]
    table, ks = np.cos(np.arange(300.0)).reshape(100, 3), np.arange(70) * 13 % 100
    compiled = dp.compile(f)
    np.testing.assert_allclose(dp.grad(compiled)(table, ks), dp.grad(f)(table, ks), 1e-12, 1e-15)
    _, _, back = compiled.adjoint_source.partition("range(70 - 1, -1, -1)")
    assert "range(100)" not in back.partition("    for")[0]


# ---------------------------------------------------------------------------- errors

FAILING = {
    "too large": (lambda x, i: x[i + 4], IndexError),
    "too small": (lambda x, i: x[-i - 5], IndexError),
    "an array": (lambda x, i: x[np.argsort(x) + i], IndexError),
    "in a step": (lambda x, i: dp.scan(lambda c, t: (c + x[t + i], None), 0.0, np.arange(5))[0], IndexError),
    "of a matrix": (lambda x, i: np.outer(x, x)[i, 5 * i], IndexError),
    "where it adds": (lambda x, i: dp.add_at(x, 5 * i, 1.0)[0], IndexError),
    "lookup": (lambda x, i: dp.lookup(T, i + 7) * x[0], IndexError),
    "take": (lambda x, i: np.take(x, i * 9), IndexError),
    "a division": (lambda x, i: x[0] * (i // (i - 1)), ZeroDivisionError),
    "what remains": (lambda x, i: x[0] * (i % (i - 1)), ZeroDivisionError),
    "the maximum of none": (lambda x, i: x[x > 100.0].max(), ValueError),
}


@pytest.mark.parametrize(("f", "kind"), FAILING.values(), ids=FAILING)
def test_the_error_is_that_of_plain_python(f, kind):
    with pytest.raises(kind) as plain:
        f(X, 1)
    for run in (dp.compile(f), dp.grad(f), dp.grad(dp.compile(f)), dp.value_and_grad(dp.compile(f))):
        with pytest.raises(kind) as caught:
            run(X, 1)
        assert str(caught.value) == str(plain.value)


LARGE = {
    "of single integers": lambda i: i * i * i, "a difference": lambda i: -i * 10**9 - i * 10**9,
    "of arrays": lambda i: np.stack([i, i]) * i * i,
}


@pytest.mark.parametrize("f", LARGE.values(), ids=LARGE)
@pytest.mark.filterwarnings("ignore:overflow")
def test_large_integers(f):
    for i in (10**10, 3 * 10**9, 5):
        assert np.array_equal(dp.compile(f)(i), f(i))


def test_slices_at_the_ends_are_shorter():
    f = lambda x, i: np.sum(x[i:i + 3])
    compiled = dp.compile(f)
    for i in (0, 1, 2, 3, 4, 5, -1, -3):
        assert compiled(X, i) == f(X, i)
        assert np.array_equal(dp.grad(compiled)(X, i), dp.grad(f)(X, i))


# ---------------------------------------------------------------------------- every hint works

def on_the_tape(f):
    return dp.value_and_grad(f)


def as_machine_code(f):
    return dp.value_and_grad(dp.compile(f))


HINTS = [                                        # what is refused, by which of the two, and what is advised
    (as_machine_code, lambda x: T[np.argmax(x)] * x[0], ConversionError,
     "dp.lookup(T, np.argmax(x))", lambda x: dp.lookup(T, np.argmax(x)) * x[0], 90.0),
    (as_machine_code, lambda x: [1.0, 2.0, 3.0][np.argmin(x)] * x[0], ConversionError,
     "dp.lookup([1.0, 2.0, 3.0], np.argmin(x))", lambda x: dp.lookup([1.0, 2.0, 3.0], np.argmin(x)) * x[0],
     6.0),
    (as_machine_code, lambda x: np.take(T, np.argmin(x)) * x[0], ConversionError,
     "dp.lookup(np.ravel(T), np.argmin(x))", lambda x: dp.lookup(np.ravel(T), np.argmin(x)) * x[0], 30.0),
    (as_machine_code, lambda x: T.take(np.argmin(x)) * x[0], ConversionError,
     "dp.lookup(np.ravel(T), np.argmin(x))", lambda x: dp.lookup(np.ravel(T), np.argmin(x)) * x[0], 30.0),
    (as_machine_code, lambda x: T[x[1]] * x[0], ConversionError,
     "dp.lookup(T, np.rint(x[1]).astype(int))", lambda x: dp.lookup(T, np.rint(x[1]).astype(int)) * x[0],
     30.0),
    (on_the_tape, lambda x: T[x[1]] * x[0], ConversionError,
     "np.rint(i).astype(int)", lambda x: T[np.rint(x[1]).astype(int)] * x[0], 30.0),
    (on_the_tape, lambda x: [1.0, 2.0][x[1]] * x[0], ConversionError,
     "np.rint(i).astype(int)", lambda x: [1.0, 2.0][np.rint(x[1]).astype(int)] * x[0], 6.0),
    (on_the_tape, lambda x: np.sum(x[x[1:3]]), ConversionError,
     "np.rint(i).astype(int)", lambda x: np.sum(x[np.rint(x[1:3]).astype(int)]), 3.0),
    (as_machine_code, lambda x: np.sum(x[x[1:3]]), NotCompiledError,
     "np.rint(i).astype(int)", lambda x: np.sum(x[np.rint(x[1:3]).astype(int)]), 3.0),
    (on_the_tape, lambda x: np.take(x, x[1]), ConversionError,
     "np.rint(i).astype(int)", lambda x: np.take(x, np.rint(x[1]).astype(int)), 1.0),
    (as_machine_code, lambda x: x[int(x[1])] * 2, ConversionError,
     "math.trunc(x)", lambda x: x[math.trunc(x[1])] * 2, 2.0),
    (as_machine_code, lambda x: np.sum(x[:np.argmax(x)]), NotCompiledError,
     "x[i + np.arange(n)]", lambda x: np.sum(x[np.argmax(x) + np.arange(2)]), 9.0),
    (as_machine_code, lambda x: np.sum(x[:np.argmax(x)]), NotCompiledError,
     "np.where on a condition", lambda x: np.sum(np.where(np.arange(5) < np.argmax(x), x, 0.0)), 6.0),
    (as_machine_code, lambda x: np.dot(x[x > 2], np.ones(3)), NotCompiledError,
     "x[mask].sum()", lambda x: x[x > 2].sum(), 12.0),
    (as_machine_code, lambda x: x[x > 2][0], NotCompiledError,
     "np.where(mask, x, 0.0)", lambda x: np.sum(np.where(x > 2, x, 0.0)), 12.0),
    (as_machine_code, lambda x: x[0] / len(x[x > 2]), NotCompiledError,
     "np.sum(mask)", lambda x: x[0] / np.sum(x > 2), 1.0),
    (as_machine_code, lambda x: np.bincount(np.argsort(x), x)[0], NotCompiledError,
     "np.bincount(x, weights, minlength=n)", lambda x: np.bincount(np.argsort(x), x, minlength=5)[0], 2.0),
    (on_the_tape, lambda x: np.add.at(x, [1], 1.0), MutationError,
     "array = dp.add_at(array, index, values)", lambda x: dp.add_at(x, [1], 1.0)[1], 2.0),
    (as_machine_code, lambda x: np.add.at(np.zeros(3), [1], x[0]), MutationError,
     "array = dp.add_at(array, index, values)", lambda x: dp.add_at(np.zeros(3), [1], x[0])[1], 3.0),
    (on_the_tape, lambda x: np.subtract.at(x, [1], x[0]), MutationError,
     "array = dp.add_at(array, index, -values)", lambda x: dp.add_at(x, [1], -x[0])[1], -2.0),
    (on_the_tape, lambda x: np.maximum.at(x, 1, 9.0), MutationError,
     "np.where(np.arange(len(array)) == i, np.maximum(array, value), array)",
     lambda x: np.where(np.arange(len(x)) == 1, np.maximum(x, 9.0), x)[1], 9.0),
    (as_machine_code, lambda x: np.argmax(x) << np.argmin(x), NotCompiledError,
     "i * n", lambda x: np.argmax(x) * 2 * x[0], 18.0),
    (as_machine_code, lambda x: np.sum(x.astype(np.int32)), TinydpError,
     ".astype(int)", lambda x: np.sum(x.astype(int)) * x[0], 45.0),
    (as_machine_code, lambda x: np.digitize(x, np.sort(x)) @ x, NotCompiledError,
     "np.searchsorted(bins, x, side='right')", lambda x: np.searchsorted(np.sort(x), x, side="right") @ x,
         55.0),
]


@pytest.mark.parametrize("entry", HINTS, ids=range(len(HINTS)))
def test_what_is_advised_works(entry, monkeypatch):
    run, f, kind, advice, pasted, value = entry
    with pytest.raises(kind) as caught:
        run(f)(X)
    assert advice in caught.value.advice
    for again in (on_the_tape, as_machine_code):
        if again is as_machine_code and run is on_the_tape and "T[" in advice:
            continue
        try:
            found = again(pasted)(X)[0]
        except TinydpError:
            assert again is not run
        else:
            assert found == value


# ---------------------------------------------------------------------------- what changes in place

def increased(x):
    total = np.zeros(3)
    total[np.argmax(x) - 2] += x[0] ** 2
    return total[1]


def increased_instead(x):
    total = np.zeros(3)
    total = dp.add_at(total, np.argmax(x) - 2, x[0] ** 2)
    return total[1]


def decreased(x):
    x[np.argmin(x)] -= 2.0 * x[0]
    return x[1]


def decreased_instead(x):
    x = dp.add_at(x, np.argmin(x), -(2.0 * x[0]))
    return x[1]


def assigned(x):
    x[np.argmin(x)] = 2.0 * x[0]
    return x[1]


def assigned_instead(x):
    x = np.where(np.arange(len(x)) == np.argmin(x), 2.0 * x[0], x)
    return x[1]


@pytest.mark.parametrize("run", [on_the_tape, as_machine_code])
@pytest.mark.parametrize(("f", "instead", "advice"), [
    (increased, increased_instead, "total = dp.add_at(total, np.argmax(x) - 2, x[0] ** 2)"),
    (decreased, decreased_instead, "x = dp.add_at(x, np.argmin(x), -(2.0 * x[0]))"),
    (assigned, assigned_instead, "x = np.where(np.arange(len(x)) == ")])
def test_elements_that_are_changed(run, f, instead, advice):
    with pytest.raises(MutationError) as caught:
        run(f)(X)
    assert advice in caught.value.advice
    value, gradient = run(instead)(X)
    assert value == f(X.copy())
    np.testing.assert_allclose(gradient, dp.grad(instead)(X))
