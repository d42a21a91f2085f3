"""Arguments of every kind, and compiled functions under every transformation."""

import fractions
import functools
import pickle
import threading
from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")


@pytest.fixture
def by_numba(interpreted, monkeypatch):
    """Machine code in spite of the above."""
    monkeypatch.delenv("TINYDP_ENGINE")


class Spring(NamedTuple):
    stiffness: float
    names: dict


def energy(spring, x, power=2, *, scale=1.0, label=None):
    rest = spring.names["rest"] * (1.0 if label is None else 2.0)
    return scale * spring.stiffness * np.sum(x ** power) + rest


SPRING = Spring(3.0, {"rest": 0.5, "none": None})
X = np.array([1.0, -2.0, 0.5])


# ---------------------------------------------------------------------------- arguments

@pytest.mark.parametrize("options", [{}, {"scale": 2.0}, {"label": "soft"}, {"power": 3, "scale": 0.1}])
def test_structures_and_options(options):
    f = dp.compile(energy, static="power")
    assert_equal(f(SPRING, X, **options), energy(SPRING, X, **options))
    assert_equal(dp.grad(f, (0, 1))(SPRING, X, **options), dp.grad(energy, (0, 1))(SPRING, X, **options))


def test_static_arguments_are_parts_of_the_program():
    f = dp.compile(lambda x, n: dp.scan(lambda s, _: (s * x, None), 1.0, length=n)[0], static=(1,))
    assert f(2.0, 3) == 8.0
    assert f(2.0, 5) == 32.0
    assert dp.grad(f)(2.0, 5) == 80.0


@pytest.mark.parametrize("static", [2, -3, (0, 5), "z"])
def test_static_that_is_no_parameter(static):
    with pytest.raises(ValueError, match="not a parameter of <lambda>: it has x, n"):
        dp.compile(lambda x, n: x * n, static=static)


def test_static_counted_from_the_end():
    f = dp.compile(lambda x, n: x ** n, static=-1)
    assert f(2.0, 3) == 8.0
    assert "** 3" in f.source


def test_static_as_a_decorator():
    @dp.compile(static="n")
    def power(x, n):
        """The power."""
        return x ** n

    assert power(3.0, n=2) == 9.0
    assert power.__doc__ == "The power."
    assert repr(power) == "<compiled power>"


@pytest.mark.parametrize("x", [
    np.arange(6).reshape(2, 3), np.ones((2, 3), np.float32), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(12.0).reshape(2, 6)[:, ::2], np.arange(6.0)[::-1].reshape(3, 2).T, np.array([[True, False,
        True]]),
    np.zeros((0, 3)), np.broadcast_to(2.0, (2, 3)), np.float64(3.0), np.float32(0.5), np.array(2.5), 7])
def test_kinds_of_arrays(x):
    f = lambda x: np.sum(np.sin(x * 1.0) * (np.arange(3.0) + 1))
    if isinstance(x, np.ndarray) and x.ndim:
        x.flags.writeable = False
    compiled = dp.compile(f)
    assert_equal(compiled(x), f(np.asarray(x, dtype=np.float64)))    # float32 is computed in float64
    if np.asarray(x).dtype.kind == "f":
        mine, theirs = dp.grad(compiled)(x), dp.grad(f)(x)
        assert type(mine) is type(theirs)
        assert_equal(mine, theirs)


@pytest.mark.parametrize("n", [
    10**400, 2**63 - 1, np.array([2**63 + 1], np.uint64), np.longdouble(1) / 3,
    np.array([np.longdouble(1) / 3]), fractions.Fraction(1, 3)])
def test_arguments_that_would_lose_digits(n):
    f = dp.compile(lambda n: n % 10)
    with pytest.raises(DtypeError, match="cannot hold it exactly"):
        f(n)


@pytest.mark.parametrize("n", [10**17 + 3, np.int64(10**17 + 3), np.array([1, 10**17 + 3])])
def test_integers_are_exact(n):
    assert_equal(dp.compile(lambda n: n % 10)(n), n % 10)


@pytest.mark.parametrize("n", [2**60, np.array([2**60, 7]), np.longdouble(0.5), fractions.Fraction(1, 2)])
def test_arguments_of_many_digits(n):
    assert_equal(dp.compile(lambda n: n / 4)(n), np.asarray(n, dtype=np.float64) / 4)


NUMPYS = [np.array(0.282), np.float32(0.5), np.int64(3)]
ASKED_OF_NUMPY = {
    "sum": lambda x: 2 * x.sum(), "shape": lambda x: x * (1 + len(x.shape)), "index": lambda x: 2 * x[()],
    "axis": lambda x: np.sum(2 * x[None]), "reshape": lambda x: 2 * x.reshape(1),
    "copy": lambda x: 2 * x.copy(),
    "hasattr": lambda x: 2 * x if hasattr(x, "ndim") else x, "dtype": lambda x: 2 * x * (x.dtype.kind != "b"),
    "T": lambda x: 2 * x.T + x.ndim}


@pytest.mark.parametrize("f", ASKED_OF_NUMPY.values(), ids=ASKED_OF_NUMPY)
@pytest.mark.parametrize("x", NUMPYS, ids=repr)
def test_numpys_numbers_stay_such_in_every_run(x, f):
    """Also where the function is run as plain Python to be compared: it may ask what only NumPy's have."""
    def of_a_structure(spring, y):
        return f(spring.stiffness) * y["y"][0]

    given = Spring(x, {}), {"y": (2.0,)}
    assert_equal(dp.compile(f)(x), f(x))
    assert_equal(dp.compile(of_a_structure)(*given), of_a_structure(*given))
    if not np.shape(f(x)):
        assert_equal(dp.grad(dp.compile(of_a_structure), 1)(*given), {"y": (f(x),)})


def test_a_condition_in_an_array_of_no_axes_is_no_number():
    f = dp.compile(lambda x: x + x * 1.0 if isinstance(x, float) else np.where(x, 5.0, 6.0) + 0.0 * x)
    assert [f(np.array(True)), f(np.array(False)), f(np.array(2.0)), f(0.0)] == [5.0, 6.0, 5.0, 6.0]
    g = dp.compile(lambda x: x + x)
    assert [g(np.array(True)), g(2.0), g(np.array(True)), g(np.array(2.5))] == [True, 4.0, True, 5.0]


def test_booleans_choose_a_program():
    f = dp.compile(lambda x, up: x + 1 if up else x - 1)
    assert (f(1.0, True), f(1.0, False)) == (2.0, 0.0)


def test_arrays_of_the_surroundings_may_change():
    table = np.ones((3, 2)).T                    # not contiguous
    whole = np.arange(3)
    f = dp.compile(lambda x: table @ (whole * x))
    assert_equal(f(X), table @ (whole * X))
    table[0, 0] = 5.0
    whole[0] = 10
    assert_equal(f(X), table @ (whole * X))


def test_results_are_the_callers_own():
    kept = np.zeros(3)
    f = dp.compile(lambda x: (x, x, kept, x[::-1], 3, True, None, {"a": x * 2.0}))
    y = f(X)
    assert_equal(y[:4], (X, X, kept, X[::-1]))
    assert y[6] is None
    y[0][0] = y[2][0] = 100.0
    assert X[0] == 1.0
    assert y[1][0] == 1.0
    assert kept[0] == 0.0


def test_scans_of_no_steps():
    def f(x, rows):
        last, ys = dp.scan(lambda s, row: (s + np.sum(row), s), x, rows)
        return last if ys is None else last + np.sum(ys)

    for rows in (np.zeros((0, 2)), np.ones((1, 2))):
        compiled = dp.compile(f)
        assert_equal(compiled(2.0, rows), f(2.0, rows))
        assert_equal(dp.grad(compiled, (0, 1))(2.0, rows), dp.grad(f, (0, 1))(2.0, rows))


def test_long_lists_of_positions_are_told_apart():
    """They print alike, with dots in the middle."""
    a = np.arange(3000) % 50
    b = a.copy()
    b[1500] = 49 - b[1500]
    f = lambda x: np.sum(x[a]) - np.sum(x[b] * 1.0)
    x = np.arange(50.0) ** 2
    assert dp.compile(f)(x) == pytest.approx(f(x))
    assert f(x) != 0


# ---------------------------------------------------------------------------- transformations

def curve(x, w):
    def step(s, row):
        return np.tanh(w @ s + row), s[0]

    last, ys = dp.scan(step, x, np.ones((4, 2)) * 0.1)
    return np.sum(last ** 2) + np.sum(ys)


POINT = np.array([0.3, -0.7]), np.array([[0.5, 0.2], [-0.3, 0.9]])
V = np.array([1.0, -2.0])


@pytest.mark.parametrize("transform", [
    lambda f: dp.grad(f, (0, 1))(*POINT), lambda f: dp.value_and_grad(f, 1)(*POINT),
    lambda f: dp.vjp(f, *POINT)[1](2.5), lambda f: dp.jvp(f, POINT, (V, np.eye(2))),
    lambda f: dp.jacobian(f)(*POINT), lambda f: dp.hessian(f)(*POINT),
    lambda f: dp.hvp(lambda x: f(x, POINT[1]), POINT[0], V), lambda f: dp.grad(dp.checkpoint(f), (0,
        1))(*POINT),
    lambda f: dp.grad(lambda x, w: np.sin(f(x * 2.0, w)) + f(x, w) ** 2, (0, 1))(*POINT),
    lambda f: dp.compile(dp.grad(f, (0, 1)))(*POINT), lambda f: dp.grad(dp.compile(f), (0, 1))(*POINT),
    lambda f: dp.compile(lambda x, w: f(x, w) * dp.grad(f)(x, w)[0])(*POINT),
    lambda f: dp.grad(dp.compile(lambda x, w: np.sum(dp.grad(f)(x, w) ** 2)))(*POINT),
    lambda f: dp.grad(f, argnums=-1)(*POINT)])
def test_transformations(transform):
    assert_equal(transform(dp.compile(curve)), transform(curve), 1e-11)


def test_auxiliary_results():
    f = lambda x: (np.sum(x ** 2), {"x": x * 2.0, "note": 1.0})
    assert_equal(dp.grad(dp.compile(f), has_aux=True)(X), dp.grad(f, has_aux=True)(X))


def test_vector_valued():
    f = lambda x: np.sin(x) * x[0]
    assert_equal(dp.jacobian(dp.compile(f))(X), dp.jacobian(f)(X))


def test_pickling():
    f = pickle.loads(pickle.dumps(MODULE_LEVEL))
    assert f(2.0) == 8.0
    assert dp.grad(f)(2.0) == 12.0


def test_pickling_what_was_decorated():
    for f in (decorated, Holder.method):
        assert pickle.loads(pickle.dumps(f)) is f
    f = pickle.loads(pickle.dumps(dp.compile(functools.partial(cube))))
    assert f(2.0) == 8.0


@dp.compile
def decorated(x):
    return x ** 2


class Holder:
    @dp.compile
    def method(self, x):
        return x ** 2


def cube(x):
    return x ** 3


MODULE_LEVEL = dp.compile(cube)


def test_methods():
    class Model:
        def __init__(self, gain):
            self.gain = gain

        @dp.compile
        def predict(self, x):
            return self.gain * np.sin(x)

    assert Model(2.0).predict(0.5) == 2.0 * np.sin(0.5)
    assert Model(3.0).predict(0.5) == 3.0 * np.sin(0.5)
    assert dp.grad(Model(3.0).predict)(0.5) == pytest.approx(3.0 * np.cos(0.5), rel=1e-15)


@pytest.mark.parametrize("f", [
    lambda x: np.sum(dp.sign(x) * x), lambda x: np.sum(dp.stop_gradient(x) * x),
    lambda x: np.sum(dp.straight_through(np.round)(3.0 * x)),
    lambda x: dp.checkpoint(lambda y: np.sum(y ** 3))(x),
    lambda x: np.sum(dp.custom_gradient(lambda y: y ** 2, lambda g, out, y: 10.0 * g)(x)),
    lambda x: np.sum(x) + dp.scan(lambda s, row: (s + dp.sign(row) * row, None), 0.0, x)[0]])
def test_surrogates_inside(f):
    compiled = dp.compile(f)
    assert_equal(compiled(X), f(X))
    assert_equal(dp.grad(compiled)(X), dp.grad(f)(X))


SINGULAR = [
    lambda x: np.where(x > 0, np.sqrt(x), 0.0), lambda x: np.where(x > 0, 1.0 / x, x),
    lambda x: x * np.where(x > 0, np.log(x), 0.0), lambda x: np.where(x > 1e300, 0.0, x) * 2.0,
    lambda x: np.abs(x) + np.maximum(x, 0.0), lambda x: x ** 2.5, lambda x: np.arctan2(x, 0.0),
]


@pytest.mark.filterwarnings("ignore")
def test_singular_points(by_numba):
    """0 * inf, sqrt(0) in the branch not taken, nan: the same numbers as eager, by Numba."""
    x = np.array([0.0, -1.0, 2.0, np.inf, -np.inf, np.nan])
    every = lambda x: [f(x) for f in SINGULAR]
    compiled = dp.compile(every)
    for mine, theirs in zip(compiled(x), every(x), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-15)
    for points in (x, x[2:3].repeat(6)):
        (_, pull), (_, expected) = dp.vjp(compiled, points), dp.vjp(every, points)
        for k in range(len(SINGULAR)):
            g = [np.full(6, float(i == k)) for i in range(len(SINGULAR))]
            np.testing.assert_allclose(pull(g)[0], expected(g)[0], rtol=1e-14)


# ---------------------------------------------------------------------------- surroundings

def test_debug_nans_and_record_around():
    f = dp.compile(lambda x: x * 1e200 * x)
    with dp.debug_nans(), pytest.raises(dp.ad.errors.NotFiniteError):
        dp.grad(f)(1e200)
    with dp.debug_nans():
        assert dp.grad(f)(1e-200) == 2.0
    assert "4" in str(dp.record(f, 4.0))


def test_two_threads(by_numba):
    f = dp.compile(lambda x: np.sum(np.sin(x) ** 2))
    found, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        found.extend(dp.grad(f)(X).tolist() for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert all(g == found[0] for g in found)
    assert sum(map(len, f.made.programs.values())) == 1
    assert "nogil=True" in f.adjoint_source


def test_programs_can_be_forgotten():
    gain = 2.0
    f = dp.compile(lambda x: gain * x)
    assert f(1.0) == 2.0
    gain = 3.0
    f.forget()
    assert f(1.0) == 3.0
