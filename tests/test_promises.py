"""The promises of the engine that no single module keeps alone."""

import tracemalloc

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import parts

# ---------------------------------------------------------------------------- linear cost

def peak_bytes(f, *args):
    tracemalloc.start()
    try:
        dp.grad(f)(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def chain(x, n):
    for _ in range(n):
        x = x * 0.999 + 0.1
    return x


def test_memory_is_linear_and_about_a_hundred_bytes_an_operation():
    small, large = (peak_bytes(chain, 1.0, n) / (2 * n) for n in (5_000, 50_000))
    assert large == pytest.approx(small, rel=0.1)
    assert large < 130


def test_a_loop_over_elements_costs_one_sum(monkeypatch):
    calls = []
    fn = parts.scatter.fn

    def counting(*gs, **options):
        calls.append(len(gs))
        return fn(*gs, **options)

    monkeypatch.setattr(parts.scatter, "fn", counting)
    x = np.arange(1000.0)
    g = dp.grad(lambda x: sum(x[i] * x[i - 1] for i in range(1000)))(x)
    assert np.array_equal(g, np.roll(x, 1) + np.roll(x, -1))
    assert len(calls) == 1
    assert calls[0] > 1990                       # a zero cotangent is not passed on


def test_the_second_derivative_of_a_loop_over_elements_is_linear_too():
    def f(x):
        return sum(x[i] ** 3 for i in range(len(x)))

    def nodes(n):
        counts = []
        probe = dp.custom_gradient(lambda x: x, lambda g, y, x: g)

        def counted(x):
            y = dp.grad(f)(x)
            counts.append(len(x.tape))
            return np.sum(probe(y))

        dp.grad(counted)(np.ones(n))
        return counts[0]

    assert nodes(200) < 2.2 * nodes(100)


# ---------------------------------------------------------------------------- arrays of the caller

def reuses_a_buffer(x, buffer=np.zeros(3)):                    # noqa: B008
    total = 0.0
    for k in range(3):
        buffer[:] = k
        total = total + np.sum(buffer * x)
    return total


def test_a_default_argument_reused_between_calls():
    assert np.array_equal(dp.grad(reuses_a_buffer)(np.ones(3)), [3.0, 3.0, 3.0])
    assert np.array_equal(dp.grad(reuses_a_buffer)(np.ones(3)), [3.0, 3.0, 3.0])


def test_a_read_only_window_of_a_buffer():
    """Its memory has another owner, which may write there."""
    buffer = np.arange(5.0)
    windows = np.lib.stride_tricks.sliding_window_view(buffer, 2)

    def f(x):
        y = np.sum(windows * x * x)
        buffer[:] = 100.0
        return y

    assert dp.grad(f)(1.0) == 32.0


@pytest.mark.parametrize("fails", [False, True])
def test_arrays_stay_as_writable_as_they_were(fails):
    x, constant, fixed = np.ones(3), np.ones(3), np.ones(3)
    fixed.flags.writeable = False

    def f(x):
        y = np.sum(x * constant[::-1] * fixed)
        if fails:
            raise KeyError("on the way")
        return y

    try:
        dp.grad(f)(x)
    except KeyError:
        assert fails
    assert [a.flags.writeable for a in (x, constant, fixed)] == [True, True, False]
    x[0] = constant[0] = 5.0


def test_a_read_only_view_of_a_writable_array_is_no_protection():
    base = np.ones(3)
    view = base[:]
    view.flags.writeable = False

    def f(x):
        y = np.sum(x * view)
        base[:] = 100.0
        return y

    assert np.array_equal(dp.grad(f)(np.ones(3)), [1.0, 1.0, 1.0])


USES = [
    lambda x, a: a @ x,
    lambda x, a: x @ a,
    lambda x, a: x + a * x,
    lambda x, a: x / a - a / x,
    lambda x, a: np.where(a > 1, x, 2 * x) * a,
    lambda x, a: x ** a[0],
    lambda x, a: np.stack([x, a[0]])[0] * a[1],
    lambda x, a: np.maximum(x, a[1]) * a,
    lambda x, a: np.tensordot(a, x, axes=1),
    lambda x, a: np.einsum("ij,j->i", a, x),
    lambda x, a: dp.custom_gradient(lambda x, a: a[0] * x, lambda g, y, x, a: (g * a[0], None))(x, a),
]


@pytest.mark.parametrize("use", USES)
def test_a_constant_may_change_after_any_use(use):
    def f(x, change):
        a = np.array([[1.0, 2.0], [0.5, 3.0]])
        y = np.sum(use(x, a) ** 2)
        if change:
            a[:] = np.nan
        return y

    x = np.array([1.5, 2.5])
    assert np.array_equal(dp.grad(f)(x, True), dp.grad(f)(x, False))
    assert np.array_equal(dp.hessian(f)(x, True), dp.hessian(f)(x, False))
