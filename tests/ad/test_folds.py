"""The methods of ufuncs: NumPy's values, and derivatives as measured; on the tape and compiled."""

import functools
import itertools

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import NotCompiledError, UnknownFunctionError, UnsupportedArgumentError

M = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
UFUNCS = [np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.logaddexp2, np.fmax, np.fmin]
OPTIONS = [{}, {"axis": 1}, {"axis": None}, {"axis": (0, 1)}, {"axis": ()}, {"axis": -1, "keepdims": True},
           {"axis": 1, "dtype": float}]


def require_numpys(f, x):
    expected = f(x)
    for y in (dp.vjp(f, x)[0], dp.compile(f)(x)):
        assert np.shape(y) == np.shape(expected)
        np.testing.assert_allclose(y, expected, rtol=1e-13)
    dp.testing.check_grads(lambda x: np.sum(np.sin(f(x))), (x,))


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_methods(ufunc):
    for options in OPTIONS:
        require_numpys(lambda x, options=options: ufunc.reduce(x, **options), M)
    require_numpys(lambda x: ufunc.accumulate(x), M)
    require_numpys(lambda x: ufunc.accumulate(x, axis=1), M)
    require_numpys(lambda x: ufunc.outer(x, x[0]), M)
    require_numpys(lambda x: ufunc.outer([1.5, 2.5], x), M)
    require_numpys(lambda x: ufunc.outer(2.5, x), M)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_lengths(n):
    x = np.cos(np.arange(n))
    require_numpys(np.logaddexp.reduce, x)
    require_numpys(np.logaddexp.accumulate, x)
    require_numpys(np.maximum.accumulate, x)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_not_finite():
    for numbers in ([-np.inf, -np.inf], [-np.inf, 0.0], [np.inf, 1.0], [np.nan, 1.0], []):
        x = np.array(numbers)
        for y in (dp.vjp(np.logaddexp.reduce, x)[0], dp.compile(lambda x: np.logaddexp.reduce(x))(x)):
            assert np.array_equal(y, np.logaddexp.reduce(x), equal_nan=True)


def test_conditions():
    for f in (lambda x: np.logical_and.reduce(x > 0), lambda x: np.logical_or.reduce(x > 0, axis=1),
              lambda x: np.greater.outer(x[0], x[1])):
        assert np.array_equal(dp.compile(lambda x, f=f: np.where(f(x), 1.0, 0.0))(M), f(M))


@pytest.mark.parametrize("run", [lambda f: dp.vjp(f, M), lambda f: dp.compile(f)(M)],
                         ids=["traced", "compiled"])
def test_what_is_not_known(run):
    with pytest.raises(np.exceptions.AxisError):
        run(lambda x: np.logaddexp.reduce(x, axis=5))
    with pytest.raises(UnsupportedArgumentError, match=r"np.add.reduce does not know the argument 'initial'"):
        run(lambda x: np.add.reduce(x, initial=2.0))
    refused = pytest.raises((UnknownFunctionError, NotCompiledError), match=r"np.subtract.reduce")
    with refused as caught:
        run(lambda x: np.subtract.reduce(x))
    assert "functools.reduce(np.subtract, x)" in caught.value.advice
    with pytest.raises((UnknownFunctionError, NotCompiledError)) as caught:
        run(lambda x: np.add.reduceat(x, [0, 1]))
    assert "np.split(x, indices)[1:]" in caught.value.advice


@pytest.mark.parametrize("run", [lambda f: dp.vjp(f, M)[0], lambda f: dp.compile(f)(M)],
                         ids=["traced", "compiled"])
def test_what_is_advised_works(run):
    assert np.allclose(run(lambda x: functools.reduce(np.subtract, x)), np.subtract.reduce(M))
    assert np.allclose(run(lambda x: np.stack(list(itertools.accumulate(x, np.subtract)))),
                       np.subtract.accumulate(M))
    indices = [0, 1]
    assert np.allclose(run(lambda x: np.stack([np.add.reduce(part) for part in np.split(x, indices)[1:]])),
                       np.add.reduceat(M, indices))
