"""What values of a program do: conditions, options, methods and constants, as in Python and NumPy."""

import array
import enum
import fractions

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError, MutationError, NotCompiledError, UnsupportedArgumentError

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")

X = np.array([1.0, -2.0, 3.0, 0.0])
Y = np.array([2.0, -3.0, 0.0, 0.0])
M = np.arange(6.0).reshape(2, 3)


# ---------------------------------------------------------------------------- numbers and conditions

OF_BOTH = [
    lambda x, y: np.logical_and(x, y) * 1.0, lambda x, y: np.logical_or(x, y) * 1.0,
    lambda x, y: np.logical_xor(x, y) * 1.0, lambda x, y: np.logical_xor(x, x - 1.0) * 1.0,
    lambda x, y: np.logical_and(x > 0, y) * 1.0, lambda x, y: np.logical_or(0.0, x) * 2.0,
    lambda x, y: np.any(x) * 3.0, lambda x, y: np.all(x) * 3.0, lambda x, y: np.any(x > 1) * 3.0,
    lambda x, y: ((x > 0) ^ (y < 0)) * 1.0, lambda x, y: ((x > 0) & (y > 0)) * 1.0,
    lambda x, y: ((x > 0) + (y > 0)) * 1.0, lambda x, y: ((x > 0) * (y > 0)) * 1.0,
    lambda x, y: np.add(x > 0, y > 0) * 1.0, lambda x, y: np.maximum(x > 0, y > 0) * 1.0,
    lambda x, y: np.minimum(x > 0, y > 0) * 1.0, lambda x, y: (x > 0) + (y > 0) + 1,
    lambda x, y: 1 - (x > 0), lambda x, y: (x > 0) ** 2 * 1.0, lambda x, y: (x > 0) % 2 * 1.0,
    lambda x, y: np.sum(x > 0) * 1.0, lambda x, y: np.max(x > 0) * 1.0, lambda x, y: np.min(x > 0) * 1.0,
    lambda x, y: np.sum(x > 0, axis=()) + (y > 0), lambda x, y: np.prod(x > 0, axis=()) + (x > 1),
    lambda x, y: np.prod(x > 0) * 1.0, lambda x, y: np.mean(x > 0), lambda x, y: np.var(x > 0),
    lambda x, y: np.cumsum(x > 0) * 1.0, lambda x, y: np.where(x > 0, 1, 0) * 2.0,
    lambda x, y: np.where(x > 0, True, 3) * 2.0, lambda x, y: np.where(x > 0, x > 1, y > 1) * 1.0,
    lambda x, y: np.where(x > 0, x > 1, 0.5), lambda x, y: (x > 0) / (y < 9), lambda x, y: abs(x > 0) * 1.0,
    lambda x, y: np.sqrt(x > 0), lambda x, y: np.isnan(x > 0) * 1.0,
    lambda x, y: sum([x > 0, y > 0, x > 2]) * 1.0,
    lambda x, y: np.True_ + (x > 0), lambda x, y: True + (x > 0) * 1.0, lambda x, y: divmod(x, 2.0),
    lambda x, y: divmod(7.0, y + 9.5)]


@pytest.mark.parametrize("f", OF_BOTH, ids=range(len(OF_BOTH)))
def test_conditions(f):
    compiled = dp.compile(f)
    for x, y in [(2.0, 3.0), (-1.0, 2.0), (0.0, 0.0), (np.nan, 1.0), (X, Y), (np.stack([X, Y]), Y)]:
        with np.errstate(all="ignore"):
            mine, theirs = compiled(x, y), f(x, y)
        np.testing.assert_array_equal(np.asarray(mine, dtype=float), np.asarray(theirs, dtype=float))


OF_NUMBERS = [lambda x, y: (x > 0) - (y > 0), lambda x, y: -(x > 0), lambda x, y: True - (x > 0),
              lambda x, y: (x > 0) * 2**60, lambda x, y: round(x + 0.5)]


@pytest.mark.parametrize("f", OF_NUMBERS, ids=range(len(OF_NUMBERS)))
def test_conditions_of_single_numbers_are_pythons(f):
    compiled = dp.compile(f)
    for x, y in [(2.0, 3.0), (-1.0, 2.0), (2.0, -1.0), (1.0, 0.0)]:
        assert compiled(x, y) == f(x, y)


@pytest.mark.parametrize("f", [
    lambda m, k: np.any(m) + np.any(k) + 1, lambda m, k: m[0] + k[0] + 1.0, lambda m, k: (m + k) * 1.0,
    lambda m, k: np.max(m) * 2.0 + np.any(m) + np.all(k), lambda m, k: (m[0] > k[1]) + np.True_ + 1,
    lambda m, k: m @ k + m * 2.0, lambda m, k: (m[0] & k[0]) + m[2] + 1.0, lambda m, k: m[0] - 1.0])
def test_single_conditions_out_of_arrays_are_numpys(f):
    compiled = dp.compile(f)
    for m, k in np.array([([1, 0, 1], [1, 1, 0]), ([0, 0, 0], [1, 1, 1]), ([1, 1, 1], [1, 1, 1])]) > 0:
        np.testing.assert_array_equal(compiled(m, k), f(m, k))


def test_conditions_do_not_wrap_around():
    assert dp.compile(lambda x: (x > 0) * 2**62 * 4)(1.0) == 2.0**64


def test_integers_wrap_around_as_numpys():
    f = lambda x: np.where(x > 0, 2**62, 0) * 4
    for x in (np.array([1.0, -1.0]), np.array(1.0)):
        assert np.array_equal(dp.compile(f)(x), f(x))


@pytest.mark.parametrize("f", [
    lambda x: (x > 0) - (x > 1), lambda x: np.array([True, False, True, True]) - (x > 1), lambda x: x & 1.0,
    lambda x: (x > 0) | x, lambda x: x ^ x])
def test_what_conditions_and_numbers_cannot_do(f):
    with pytest.raises(TypeError):
        f(X)
    with pytest.raises(TypeError):
        dp.compile(f)(X)


def test_gradients_of_what_is_chosen_by_conditions():
    f = lambda x: np.sum(x * ((x > 0) + (x < -1)) + x * x * np.logical_and(x, x > 1)) + x[0] * np.any(x)
    assert_equal(dp.grad(dp.compile(f))(X), dp.grad(f)(X))


# ---------------------------------------------------------------------------- options

MASK = np.array([True, False, True, True])


@pytest.mark.parametrize("f", [
    lambda x: np.max(x, initial=50.0), lambda x: np.sum(x, where=MASK), lambda x: np.sum(x, initial=3.0),
    lambda x: np.mean(x, dtype=int), lambda x: np.sin(x, where=MASK), lambda x: np.cumsum(x, dtype=int),
    lambda x: np.mean(x, where=x > 1), lambda x: np.var(x, where=MASK), lambda x: np.var(x, mean=3.0),
    lambda x: np.nan_to_num(x, copy=False),
    lambda x: np.full_like(x, 1.0, shape=(4,)), lambda x: np.greater(x, 1.0, where=MASK),
    lambda x: np.any(x, where=MASK), lambda x: np.any(x, 0, None, False, where=x > 0),
    lambda x: np.floor(x, dtype=np.float32), lambda x: np.prod(x, initial=5.0),
    lambda x: x.sum(where=MASK), lambda x: np.any(a=x), lambda x: np.round(a=x),
    lambda x: np.array_equal(x, x, equal_nan=True)])
def test_options_that_would_be_ignored_are_refused(f):
    with pytest.raises(UnsupportedArgumentError, match=f"{__file__}"):
        dp.compile(f)(X)


@pytest.mark.parametrize("f", [
    lambda x: np.zeros_like(x, shape=(4,)) + 1.0, lambda x: np.ones_like(x, shape=(4,)),
    lambda x: np.ones_like(x), lambda x: np.zeros_like(x > 0) * 1.0, lambda x: np.empty_like(x).shape,
    lambda x: np.sum(x, 0, float, None, True), lambda x: np.any(x > 4, 0, None, True),
    lambda x: np.sum(x, where=True), lambda x: np.floor(x, where=True), lambda x: np.sum(x, axis=()),
    lambda x: np.max(x, axis=()), lambda x: np.any(x, axis=()), lambda x: np.isclose(1.0, b=x),
    lambda x: np.copy(x, order="F")])
def test_options_that_are_known(f):
    mine, theirs = dp.compile(f)(M), f(M)
    assert np.shape(mine) == np.shape(theirs)
    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("f", [lambda x: np.any(x, 0, np.zeros(3)), lambda x: np.sum(x, out=np.zeros(())),
                               lambda x: np.floor(x, out=np.zeros((2, 3)))])
def test_results_are_not_written_elsewhere(f):
    with pytest.raises(MutationError):
        dp.compile(f)(M)


# ---------------------------------------------------------------------------- in place

def test_arrays_do_not_change_in_place():
    """`v -= 0.5` changes what others call by another name; for a number it is an assignment."""
    def kick(v):
        v -= 0.5

    def twice(x):
        v = x * 2.0
        kick(v)
        return v

    for f in (dp.compile(twice), dp.grad(dp.compile(lambda x: np.sum(twice(x))))):
        with pytest.raises(MutationError, match=r"write v = v - 0\.5 instead"):
            f(X)
    assert dp.compile(twice)(1.0) == 2.0


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^"])
def test_no_operator_changes_an_array(symbol):
    space = {}
    exec(f"def f(x):\n    v = x > 0 if '{symbol}' in '&|^' else x\n    v {symbol}= v\n    return v", space)
    with pytest.raises(MutationError, match="in place"):
        dp.compile(space["f"])(X)


# ---------------------------------------------------------------------------- indices

@pytest.mark.parametrize("index", [True, False, np.True_, np.array(True), (slice(None), True), (True, 1)])
def test_true_is_no_index(index):
    for f in (dp.compile(lambda x: x[index]), dp.grad(dp.compile(lambda x: np.sum(x[index])))):
        with pytest.raises(NotCompiledError, match="x\\[None\\]"):
            f(M)


class Axis(enum.IntEnum):
    ROWS = 0
    COLUMNS = 1


@pytest.mark.parametrize("index", [
    (slice(None), []), [], np.int64(1), (0, np.int8(2)), np.zeros((0, 3), bool)], ids=range(5))
def test_indices_of_other_kinds(index):
    x = M[:0] if isinstance(index, np.ndarray) else M
    assert_equal(dp.compile(lambda x: x[index])(x), x[index])
    f = lambda x: np.sum(x * 3.0) + np.sum(x[index] ** 2)
    expected = 3.0 * np.ones(np.shape(x))
    expected[index] += 2 * x[index]
    assert_equal(dp.grad(dp.compile(f))(x), expected)


def test_an_index_from_an_enumeration():
    assert_equal(dp.compile(lambda x: x[Axis.COLUMNS] + x[[Axis.ROWS], Axis.COLUMNS])(M), M[1] + M[0, 1])


# ---------------------------------------------------------------------------- constants

class Length(float):
    def __repr__(self):
        return f"{float(self)} m"


@pytest.mark.parametrize("c", [
    Axis.COLUMNS, fractions.Fraction(1, 3), Length(2.5), np.longdouble(2.5), 10**30, range(4), [1, 2, 3, 4],
    array.array("d", [1.0, 2.0, 3.0, 4.0]), np.float32(0.1), np.int8(3), np.uint8(200), True, np.True_,
    np.array(3.0)], ids=lambda c: type(c).__name__)
def test_constants(c):
    number = np.asarray(c, dtype=np.float64)
    for use in (lambda x, c: x * c, lambda x, c: np.multiply(c, x), lambda x, c: np.where(x > 0, c, x),
                lambda x, c: np.maximum(x, c)):
        f = dp.compile(lambda x, use=use: np.sum(use(x, c)))
        assert_equal(f(X), np.sum(use(X, number)))
        assert_equal(dp.grad(f)(X), dp.grad(lambda x, use=use: np.sum(use(x, number)))(X))


@pytest.mark.parametrize("c", [
    np.ones((1, 4)).view(np.matrix), np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[0, 1, 0, 0]), 1j,
    np.array([1j, 1, 2, 3]), np.array([None, 1, 2, 3])],
    ids=["matrix", "masked", "complex", "complexes", "objects"])
def test_constants_that_are_no_real_numbers(c):
    for f in (dp.compile(lambda x: x * c), dp.compile(lambda x: np.maximum(x, c)),
              dp.compile(lambda x: np.stack([x, c])),
              dp.grad(dp.compile(lambda x: np.sum(x * c)))):
        with pytest.raises(DtypeError):
            f(X)


def test_results_that_are_no_numbers():
    with pytest.raises(DtypeError, match="dtype object"):
        dp.compile(lambda x: np.where(x > 0, None, x))(X)


# ---------------------------------------------------------------------------- methods

@pytest.mark.parametrize("f", [
    lambda x: x.flatten("F"), lambda x: x.flatten(), lambda x: x.reshape((3, 2), order="F"),
    lambda x: x.reshape(3, 2), lambda x: x.copy(order="F"),
    lambda x: x.compress([True, False, True], axis=1), lambda x: x.real + x.imag,
    lambda x: x.round(1), lambda x: x.any(axis=0), lambda x: x.max(axis=1), lambda x: x.mT @ x])
def test_methods(f):
    assert_equal(dp.compile(f)(M), f(M))


def test_rounding_to_digits_is_refused():
    """Python rounds the decimal number, NumPy the binary one."""
    with pytest.raises(NotCompiledError, match=r"np\.round\(x, digits\)"):
        dp.compile(lambda x: round(x, 2))(2.675)


@pytest.mark.parametrize("equal_nan", [False, True])
def test_what_is_close(equal_nan):
    x, y = np.array([1.0, np.nan, np.inf, 2.0, np.nan]), np.array([1.0 + 1e-9, np.nan, np.inf, 2.1, 0.0])
    f = lambda x, y: np.isclose(x, y, equal_nan=equal_nan)
    with np.errstate(invalid="ignore"):
        assert np.array_equal(dp.compile(f)(x, y), f(x, y))
