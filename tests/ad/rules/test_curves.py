"""The rules of functions of sampled curves, and their kinks."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tinydp import grad, hessian, vjp
from tinydp.ad.rules.curves import convolved

from .cases import ANY, ARRAYS, REAL, SIDE, Sampler, axis_of, between, case, near, shapes
from .checks import rules_test

# ---------------------------------------------------------------------------- domains


def _places(rng, shape):
    """Growing along the last axis by 0.6 to 1."""
    return 0.8 * np.arange(shape[-1]) + rng.uniform(-0.1, 0.1, shape)


PLACES = Sampler(_places)
BETWEEN_PLACES = near(-0.4, 0.4, 1.2, 2.0, width=0.1)
NO_HALF_TURNS = near(0.0, 2.0, 4.0, 8.0, width=0.1)
STEP = between(0.4, 0.6)
SMALL = between(-0.01, 0.01)

# ---------------------------------------------------------------------------- shapes and options


def vectors(*lengths):
    return st.tuples(*(n.map(lambda n: (n,)) for n in lengths))


LONG = st.tuples(shapes(1, 2, side=st.integers(3, 5)))
CURVE = st.integers(3, 5).map(lambda n: ((n,), (n,)))
SIGNALS = vectors(st.integers(1, 5), st.integers(1, 5))
NODES = st.builds(lambda x, n: (x, (n,), (n,)), shapes(0, 2), st.integers(1, 4))


@st.composite
def areas(draw):
    """A curve, and where its points lie along the last axis."""
    shape = draw(shapes(1))
    return shape, draw(st.sampled_from([shape, shape[-1:]]))


@st.composite
def framed(draw):
    """An array, and what is put before and after it along the last axis."""
    shape = draw(shapes(1))
    return shape, draw(st.sampled_from([(), (*shape[:-1], 2)])), draw(st.sampled_from([(), (*shape[:-1], 1)]))


def differences(shape, *ends):
    axis = {"axis": axis_of(len(shape)) if not ends else st.just(-1)}
    return st.fixed_dictionaries({}, optional={"n": st.integers(0, 3), **axis})


def slopes(shape, *places):
    n = len(shape)
    axis = st.none() | axis_of(n) | st.permutations(range(n)).map(tuple)
    return st.fixed_dictionaries({}, optional={"axis": axis, "edge_order": st.integers(1, 2)})


def spacings(shape):
    return st.fixed_dictionaries({"axis": axis_of(len(shape))}, optional={"dx": st.just(0.3)})


def one_axis(shape):
    return st.fixed_dictionaries({}, optional={"axis": axis_of(len(shape))})


def samples(start, stop):
    axis = st.sampled_from([0, -1])
    return st.fixed_dictionaries({"num": st.integers(0, 4)},
                                 optional={"endpoint": st.booleans(), "axis": axis})


def overlaps(a, v):
    return st.fixed_dictionaries({}, optional={"mode": st.sampled_from(["full", "same", "valid"])})


def outside(x, *nodes):
    return st.fixed_dictionaries({}, optional={"left": st.just(5.0), "right": st.just(-5.0)})


def powers(shape):
    return st.fixed_dictionaries({}, optional={"N": st.integers(0, 4), "increasing": st.booleans()})


# ---------------------------------------------------------------------------- calls


def together(f):
    """The results of `f` as one array."""
    def call(*args, **options):
        y = f(*args, **options)
        return np.stack(y) if isinstance(y, tuple) else y
    return call


def of_framed(a, before, after, **options):
    return np.diff(a, prepend=before, append=after, **options)


CASES = [
    case(np.diff,      REAL, shapes=ARRAYS, options=differences),
    case(np.diff,      REAL, REAL, REAL, shapes=framed(), options=differences, call=of_framed),
    case(np.gradient,  REAL, shapes=LONG, options=slopes, call=together(np.gradient)),
    case(np.gradient,  REAL, PLACES, shapes=CURVE, options=slopes),
    case(np.gradient,  REAL, STEP, shapes=LONG.map(lambda drawn: (*drawn, ())), options=slopes,
         call=together(np.gradient)),
    case(np.trapezoid, REAL, shapes=ARRAYS, options=spacings),
    case(np.trapezoid, REAL, PLACES, shapes=areas()),
    case(np.unwrap,    NO_HALF_TURNS, shapes=ARRAYS, options=one_axis),

    case(np.interp,    BETWEEN_PLACES, PLACES, REAL, shapes=NODES, options=outside),
    case(np.sinc,      REAL, shapes=ANY),
    case(np.sinc,      SMALL, shapes=ANY),
    case(np.linspace,  REAL, REAL, options=samples),

    case(np.convolve,  REAL, REAL, shapes=SIGNALS | st.just(((), (3,))), options=overlaps,
         reaches=[(convolved, 0), (convolved, 1)]),
    case(np.correlate, REAL, REAL, shapes=SIGNALS, options=overlaps),
    case(np.polyval,   REAL, REAL, shapes=st.tuples(shapes(1, 1), shapes())),
    case(np.vander,    REAL, shapes=vectors(SIDE), options=powers),
]


test_rule = rules_test(CASES)


# ---------------------------------------------------------------------------- one by one

@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-8, 1e-3, 0.1, 0.318, 0.319, 1.0, 2.5, -0.2])
def test_slopes_of_sinc(x):
    """Also where cos(pi x) and sinc(x) nearly cancel."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        expected = [float(mpmath.diff(lambda x: mpmath.sincpi(x), mpmath.mpf(x), n)) for n in (1, 2, 3)]
    found = [grad(np.sinc)(x), grad(grad(np.sinc))(x), grad(grad(grad(np.sinc)))(x)]
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("x", "slope"), [
    (0.0, 1.0), (1.0, 3.0), (2.0, 0.0), (-1.0, 0.0), (3.0, 0.0)])
def test_slope_of_interp_at_a_node_is_that_to_its_right(x, slope):
    assert grad(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]))(x) == slope


def test_interp_of_nan():
    y, pullback = vjp(lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0]), np.array([np.nan, 0.5]))
    np.testing.assert_array_equal(y, [np.nan, 0.5])
    assert pullback(np.ones(2))[0][1] == 1


def test_interp_with_a_jump():
    """Two nodes in one place."""
    x, xp, fp = np.array([0.5, 1.0, 1.5]), [0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 5.0, 6.0]
    y, pullback = vjp(lambda x: np.interp(x, xp, fp), x)
    assert np.array_equal(y, np.interp(x, xp, fp))
    assert np.array_equal(pullback(np.ones(3))[0], np.ones(3))


def test_gradient_by_places_that_are_evenly_spaced():
    """NumPy then takes the one step; the derivative by each place stays."""
    f, x = np.array([0.0, 1.0, 4.0, 9.0]), np.arange(4.0)
    by_places = grad(lambda x: np.sum(np.gradient(f, x) * [1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(by_places(x), by_places(x + 1e-9 * x**2), atol=1e-7)


def test_polyval_of_a_list():
    assert hessian(lambda x: np.polyval([1.0, 2.0, 3.0], x))(5.0) == 2.0


@pytest.mark.parametrize("call", [
    lambda f: np.gradient(f, 1.0, 2.0, 3.0), lambda f: np.gradient(f, axis=0)])
def test_gradient_complains_like_numpy(call):
    f = np.ones((1, 2))
    for program in (call, lambda f: vjp(lambda f: call(f), f)):
        with pytest.raises((TypeError, ValueError)):
            program(f)
