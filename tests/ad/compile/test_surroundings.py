"""What a program finds around it: arrays that change, attributes, fixed arguments."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError, EventNotReached

X = np.array([1.0, 2.0])


def same(compiled, x):
    """Value and gradient of the compiled function and of the plain one."""
    assert np.allclose(compiled(x), compiled.f(x), rtol=1e-12)
    assert np.allclose(dp.grad(compiled)(x), dp.grad(compiled.f)(x), rtol=1e-12)


def test_a_buffer_filled_anew_in_each_round():
    @dp.compile
    def f(x):
        buffer, total = np.zeros(2), 0.0
        for k in range(3):
            buffer[0], buffer[1] = k, k * k
            total = total + np.sum(x * buffer)
        return total
    same(f, X)
    same(f, 3 * X)


def test_an_index_changed_between_uses():
    @dp.compile
    def f(x):
        index = np.array([0, 1])
        total = x[index].sum()
        index[0] = 2
        return total * x[index].sum()
    same(f, np.array([1.0, 2.0, 5.0]))


@pytest.mark.parametrize("use", [
    lambda w, x: np.sum(w * x), lambda w, x: np.sum(np.where(w > 1.5, x, 0.0) * w),
    lambda w, x: np.sum(x[w.astype(int) % 2]), lambda w, x: w @ x], ids=range(4))
def test_an_array_around_that_changes_its_content(use):
    table = np.array([1.0, 2.0])
    f = dp.compile(lambda x: use(table, x))
    g = dp.grad(f)
    f(X), g(X)
    table[:] = 5.0                               # read anew or not, value and gradient are of one function
    assert np.allclose(dp.testing.derivative(lambda t: f(X + t * np.ones(2)), 0.0).value, np.sum(g(X)))


def test_an_array_that_meets_an_argument_is_watched():
    table = np.array([1.0, 2.0])
    f = dp.compile(lambda x: np.sum(table * x))
    assert f(X) == 5.0
    table[:] = [10.0, 20.0]
    assert f(X) == 50.0
    assert np.allclose(dp.grad(f)(X), [10.0, 20.0])


WATCHED = [
    ([1, 2],         lambda x, a: (x - a) ** 2),
    ([1.0, 2.0],     lambda x, a: np.maximum(x, a) * x),
    ([True, False],  lambda x, a: np.multiply(a, x * x)),
    ([True, False],  lambda x, a: np.where(a, x, 2.0) * x),
    (3,              lambda x, a: a * x * x),
    (3.0,            lambda x, a: np.maximum(a, x) * x),
    ([0, 1],         lambda x, a: x[a] * x),
    ([0, 0],         lambda x, a: np.take(x, a) ** 2),
    ([1, 2],         lambda x, a: np.repeat(x * x, a)),
    ([True, False],  lambda x, a: np.compress(a, x * x)),
    ([True, False],  lambda x, a: np.extract(a, x * x)),
    ([0],            lambda x, a: np.delete(x, a) ** 2),
    ([1, 2],         lambda x, a: np.polyval(a, x)),
    ([1.0, 2.0],     lambda x, a: np.convolve(a, x * x) * np.arange(3.0)),
    ([1, 4],         lambda x, a: np.trapezoid(x * x, a)),
    ([1, 4],         lambda x, a: np.gradient(x * x, a)),
    ([1, 4],         lambda x, a: np.linspace(x, a, 3) ** 2),
    ([1.0, 2.0],     lambda x, a: np.logaddexp2(x, a)),
    ([1.0, 2.0],     lambda x, a: np.einsum("i,i,j->j", x, a, x)),
    ([1.0, 2.0],     lambda x, a: np.meshgrid(x, a)[1].T * x),
    ([1.0, 2.0],     lambda x, a: np.stack([x, a])[1] * x),
    ([1.0, 2.0],     lambda x, a: np.full_like(x, a) * x),
    ([1, 2],         lambda x, a: dp.scan(lambda s, row: (s * row + x, None), x, a)[0]),
    ([1.0, 2.0],     lambda x, a: dp.scan(lambda s, _: (s * a, None), x, length=3)[0]),
    ([1, 2],         lambda x, a: dp.scan(lambda s, _: (s * x, None), a, length=3)[0]),
    ([1, 2],         lambda x, a: dp.integrate(lambda s, dt: s - dt * x * x, a, lambda s: s[0], dt=0.3)),
]


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(("content", "use"), WATCHED, ids=range(len(WATCHED)))
@pytest.mark.parametrize("gradient_first", [False, True])
def test_every_array_that_a_function_is_given_is_watched(content, use, gradient_first):
    a = np.array(content)
    f = dp.compile(lambda x: np.sum(use(x, a)))
    call = dp.value_and_grad(f) if gradient_first else f
    before = call(X)
    a[...] = a[..., ::-1] if len(np.unique(a)) > 1 else a == 0
    y, slope = dp.value_and_grad(f.f)(X)
    assert not np.isclose(before[0] if gradient_first else before, y)
    assert np.isclose(f(X), y, rtol=1e-13)
    assert np.allclose(dp.grad(f)(X), slope, rtol=1e-13)


@pytest.mark.usefixtures("interpreted")
def test_an_array_seen_through_a_view_that_cannot_be_written():
    table = np.array([1.0, 2.0])
    view = np.broadcast_to(table, (2, 2))
    f = dp.compile(lambda x: np.sum(view * x))
    assert f(X) == 10.0
    table[:] = 3.0
    assert f(X) == 18.0
    assert np.allclose(dp.grad(f)(X), [6.0, 6.0])


@pytest.mark.usefixtures("interpreted")
def test_what_cannot_change_is_not_watched():
    table = np.array([1.0, 2.0])
    frozen = np.array([3.0, 4.0])
    frozen.flags.writeable = False
    f = dp.compile(lambda x: np.sum(table * x + np.maximum(table, x) + np.stack([table, x])) + frozen @ x)
    program, _ = f.program_for(X)
    assert len(program.watched) == 1
    assert program.watched[0][0] is table


def test_fixed_arguments_that_are_equal_but_not_the_same():
    f = dp.compile(lambda x, n: np.arctan2(x, n[0]), static="n")
    assert f(0.0, (0.0,)) == 0.0
    assert f(0.0, (-0.0,)) == np.pi


def test_a_type_is_not_changed_in_silence():
    with pytest.raises(DtypeError, match="float64"):
        dp.compile(lambda x: np.sum(x.astype(np.int32) * 1.5))(X)


def test_no_steps_at_all():
    f = dp.compile(lambda w: dp.integrate(
        lambda s, d: s + d * w, 1.0, until=lambda s: s, dt=0.1, max_steps=0))
    with pytest.raises(EventNotReached):
        f(1.0)


def test_an_event_within_each_step_of_a_scan():
    def f(x, w):
        def step(c, k):
            last = dp.integrate(lambda z, d: (z[0] - d * z[0] * w * k, z[1] + d), (c + 2.0, 0.0),
                                until=lambda z: z[0] - 1.0, dt=0.1)
            return c * 0.9 + last[1] * 0.1, last[1]
        a, b = dp.scan(step, x, np.array([1.0, 2.0, 3.0]))
        return a + np.sum(b)
    compiled = dp.grad(dp.compile(f), argnums=(0, 1))(0.5, 1.0)
    assert np.allclose(compiled, dp.grad(f, argnums=(0, 1))(0.5, 1.0), rtol=1e-12)


def test_fmod():
    f = dp.compile(lambda x: np.fmod(x, 1.3))
    assert f(-4.0) == np.fmod(-4.0, 1.3)


def test_a_fourth_derivative_through_an_event():
    def fall(g):
        def step(ball, dt):
            height, speed, time = ball
            return height + dt * speed - dt**2 * g / 2, speed - dt * g, time + dt
        return dp.integrate(step, (5.0, 0.0, 0.0), until=lambda ball: ball[0], dt=0.3)[2]
    fourth = dp.grad(dp.grad(dp.grad(dp.grad(fall))))(10.0)
    assert np.isclose(fourth, 105 / 16 * np.sqrt(10.0) * 10.0**-4.5, rtol=1e-9)


def test_surroundings_that_have_become_bad():
    """What was built for the old ones is gone, and the next call begins anew."""
    table = np.array([1.0, 2.0])

    @dp.compile
    def f(x):
        if table[0] > 50.0:
            raise ValueError("too hot")
        return np.sum(table * x)

    g = dp.grad(f)
    assert f(X) == 5.0
    assert np.allclose(g(X), [1.0, 2.0])
    table[:] = [100.0, 2.0]
    for call in (f, g, f, g):
        with pytest.raises(ValueError, match="too hot"):
            call(X)
    table[:] = [3.0, 2.0]
    assert f(X) == 7.0
    assert np.allclose(g(X), [3.0, 2.0])
