"""Computed indices in compiled programs: values, derivatives of two orders, in loops, and errors."""

import numpy as np
import pytest

import tinydp as dp

X, M = np.array([3.0, 1.0, 2.0, 5.0, 4.0]), np.cos(np.arange(12.0)).reshape(3, 4)
T = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])


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
    "a list": lambda m, i: np.sum(m[[i, 0, i]] ** 2) + m[[i, 1], [2, i + 1]].sum() * m[0, 0],
    "a list of conditions": lambda m, i: m[0, [m[0, 0] > 0.1, True, False, m[1, 1] > 0.1]].sum() ** 2 if i < 0
        else m[[m[0, 0] > 0.1, True, False]].sum() ** 2,
    "a list, by functions": lambda m, i: np.sum(
        np.take(m, [i, 0], axis=1) ** 2 * dp.lookup(m[:2, :2], [i, 0])[0]) + np.sum(
        dp.add_at(m, [i, 0, i], m[0]) ** 2) + np.take(m, (i, 2))[0] ** 2,
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
def test_gathers(f):
    both(f, M, 1)


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
