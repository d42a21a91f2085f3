"""Traced values as citizens of Python and NumPy, and what they refuse."""

import copy
import enum
import inspect
import math
import operator
import pickle
from fractions import Fraction

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import (
    ConversionError,
    DtypeError,
    MutationError,
    UnknownFunctionError,
    UnsupportedArgumentError,
)

# ---------------------------------------------------------------------------- citizens

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
          operator.floordiv]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("other", [
    2.5, 2, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.array(2.5), np.array([2.5, 0.5]),
    np.array([2, 1]), np.array([2, 1], dtype=np.float32), Fraction(5, 2),
], ids=lambda x: f"{type(x).__name__}{np.shape(x)}")
def test_operators_with_every_kind_of_constant(op, other):
    """The same value as without the tape, from both sides, for numbers and for arrays."""
    for x in (1.5, np.array([1.5, 3.0])):
        if isinstance(other, Fraction) and isinstance(x, np.ndarray):
            continue
        for f in (lambda x: op(x, other), lambda x: op(other, x)):
            expected = f(x)                      # in float32, where that is the constant's
            y, pullback = dp.vjp(f, x)
            assert np.allclose(y, expected, rtol=1e-6 if "32" in str(np.asarray(other).dtype) else 1e-15)
            assert np.shape(y) == np.shape(expected)
            assert np.shape(pullback(np.ones(np.shape(y)))[0]) == np.shape(x)


COMPARISONS = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]


@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_are_plain(compare):
    def f(x, y):
        assert compare(x, y) is compare(1.5, 2.0)
        assert compare(x, 1.5) is compare(1.5, 1.5)
        assert compare(2.0, x) is compare(2.0, 1.5)
        assert compare(x, np.ones(2)).tolist() == compare(1.5, np.ones(2)).tolist()
        return x * y

    dp.grad(f)(1.5, 2.0)


class Axis(enum.IntEnum):
    ROWS = 0
    COLUMNS = 1


@pytest.mark.parametrize("f", [
    lambda x, one: x[one], lambda x, one: x[one, 0], lambda x, one: x[:, one], lambda x, one: x * one,
    lambda x, one: np.sum(x, axis=one), lambda x, one: x.mean(one), lambda x, one: np.swapaxes(x, 0, one),
    lambda x, one: x ** one,
], ids=range(8))
def test_integers_of_other_kinds_stay_integers(f):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    (y, pullback), (expected, expected_pullback) = (
        dp.vjp(lambda x, one=one: f(x, one), x) for one in (Axis.COLUMNS, 1))
    assert np.array_equal(y, expected)
    assert np.array_equal(pullback(y)[0], expected_pullback(y)[0])


def test_formatting_and_printing():
    def f(x, v):
        assert f"{x:.3f} {x} {v}" == "1.235 1.23456 [1. 2.]"
        assert repr(x) == "Var(1.23456)"
        assert str(v) == "[1. 2.]"
        return x * np.sum(v)

    dp.grad(f)(1.23456, np.array([1.0, 2.0]))


def test_numpy_attributes_and_methods():
    def f(x):
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float64, 2)
        assert [row.shape for row in x] == [(3,), (3,)]
        assert x.argmax() == 5
        assert np.shape(x) == (2, 3)
        first, second = x
        y = x.T.reshape(6) + x.reshape(2, 3).transpose(1, 0).ravel()
        y = y + x.flatten() + x.astype(float).copy().ravel()
        return (y.sum() + x.mean(axis=0).sum() + x.max() + x.clip(0, 1).sum() + x.dot(np.ones(3)).sum()
                + (first @ second) + x.squeeze().min())

    x = np.arange(6.0).reshape(2, 3)
    expected = 4 + 0.5 + np.array([[2, 1, 0], [0, 0, 1]]) + 1 + np.array([[3, 4, 5], [0, 1, 2]])
    assert np.array_equal(dp.grad(f)(x), expected)


def test_a_copy_has_the_order_that_it_has_in_numpy():
    x, w = np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0)
    for f in (lambda x: x.copy(), lambda x: x.copy("F"), lambda x: x.copy(order="A"), np.copy, copy.copy):
        value, gradient = dp.value_and_grad(lambda x, f=f: np.ravel(f(x), order="K") @ w)(x)
        assert value == np.ravel(f(x), order="K") @ w
        assert gradient.ravel() @ x.ravel() == value             # it is linear


def test_attributes_that_numpy_has_no_function_for():
    def f(x):
        assert np.array_equal(dp.value(x.imag), np.zeros((2, 3)))
        return np.sum(x.real[0] * 2) + x.mT[1, 0] + np.sum(x.compress([True, False], axis=0))

    assert np.array_equal(dp.grad(f)(np.ones((2, 3))), [[3, 4, 3], [0, 0, 0]])


def test_copies_and_truth():
    def f(x):
        assert copy.copy(x) is x
        assert copy.deepcopy({"x": x})["x"] is x
        assert x
        assert round(x, 1) == 1.3
        return x * 2

    assert dp.grad(f)(1.26) == 2.0


def test_traced_values_are_no_keys():
    with pytest.raises(TypeError, match="unhashable"):
        dp.grad(lambda x: {x: 1}[x] * x)(1.0)


def test_numpy_functions_that_ask_about_a_value():
    def f(x):
        assert np.isfinite(x).all()
        assert np.array_equal(np.sign(x), [1.0, 1.0])
        assert np.array_equal(np.argsort(x), [1, 0])
        assert np.allclose(np.zeros_like(x), 0.0)
        return np.sum(x * np.floor(x))

    assert np.array_equal(dp.grad(f)(np.array([2.5, 1.5])), [2.0, 1.0])


def test_numbers_are_assigned_anew():
    """What NumPy gives as a number does not change in place, whatever it is computed by here."""
    def f(x):
        a, b, c, d = x, np.stack([x, x])[0], np.interp(x, [0.0, 1.0], [0.0, 2.0]), np.heaviside(x, 0.5)
        e, y = np.linalg.norm(np.stack([x, x]), 3), np.sum(x)
        a += 1.0
        b *= 2.0
        c -= 1.0
        d += 1.0
        e /= 2.0
        y **= 2.0
        return a * b * c * d * e * y

    assert dp.value_and_grad(f)(0.7)[0] == f(0.7)


# ---------------------------------------------------------------------------- refusals

def write_into_plain(x):
    a = np.zeros(3)
    a[0] = x
    return np.sum(a)


def write_into_slice(x):
    a = np.zeros(3)
    a[:] = x * np.ones(3)
    return np.sum(a)


def add_into_plain(x):
    a = np.zeros(3)
    a += x * 2
    return np.sum(a)


def add_into_element(x):
    a = np.zeros(3)
    a[1] += x
    return np.sum(a)


def add_at(x):
    a = np.zeros(3)
    np.add.at(a, [0, 0], x)
    return np.sum(a)


def set_item(x):
    v = np.stack([x, x])
    v[0] = 3.0
    return np.sum(v)


def add_in_place(x):
    v = np.stack([x, x])
    v += 1.0
    return np.sum(v)


def add_to_a_chosen_number(x):
    y = np.where(x > 0, x, 0.0)                  # an array without axes, that has another name, too
    z = y
    z += 1.0
    return y


def sort_in_place(x):
    v = np.stack([x, x])
    v.sort()
    return v[0]


REFUSED = [
    (lambda x: float(x), ConversionError, r"float\(dp.value\(x\)\)"),
    (lambda x: math.sin(x), ConversionError, r"write np.sin\(x\) instead"),
    (lambda x: math.atan2(x, 1.0), ConversionError, r"write np.arctan2\(x, 1.0\) instead"),
    (lambda x: math.frexp(x), ConversionError, r"np.frexp\(x\)"),
    (lambda x: math.gamma(x), ConversionError, r"write math.gamma\(dp.value\(x\)\)"),
    (lambda x: complex(x), ConversionError, "complex"),
    (lambda x: range(x), ConversionError, r"np.rint\(i\).astype\(int\)"),
    (lambda x: [1, 2][x], ConversionError, r"write \[1, 2\]\[np.rint\(x\).astype\(int\)\]"),
    (lambda x: np.arange(3.0)[x], ConversionError, r"write np.arange\(3.0\)\[np.rint\(x\).astype\(int\)\]"),
    (lambda x: np.stack([x, x])[x], ConversionError, r"np.rint\(i\).astype\(int\)"),
    (lambda x: np.array([x, 1.0]), ConversionError, r"write np.stack\(\[x, 1.0\]\) instead"),
    (lambda x: np.asarray(x), ConversionError, "np.asarray"),
    (lambda x: np.ones(2) * [x, x], ConversionError, "np.stack"),
    (lambda x: np.stack([x, x]) * [x, x], ConversionError, "np.stack"),
    (lambda x: np.stack([x, x]).tolist(), ConversionError, "tolist"),
    (lambda x: x.item(), ConversionError, "item"),
    (lambda x: pickle.dumps(x), ConversionError, "pickle"),
    (write_into_plain, MutationError, "np.stack"),
    (write_into_slice, (MutationError, ConversionError), "np.stack"),
    (add_into_plain, MutationError, r"write a = a \+ x \* 2 instead"),
    (add_into_element, MutationError, r"write a = dp.add_at\(a, 1, x\) instead"),
    (add_at, MutationError, r"dp.add_at\(a, \[0, 0\], x\)"),
    (set_item, MutationError, r"write v = dp.set_at\(v, 0, 3.0\)"),
    (add_in_place, MutationError, r"write v = v \+ 1.0 instead"),
    (add_to_a_chosen_number, MutationError, r"write z = z \+ 1.0 instead"),
    (lambda x: operator.iadd(np.reshape(np.stack([x]), ()), 1.0), MutationError, "in place"),
    (lambda x: operator.iadd(np.stack([x, x])[..., 0], 1.0), MutationError, "in place"),
    (sort_in_place, MutationError, r"write v = np.sort\(v\) instead"),
    (lambda x: np.sin(x, out=np.zeros(())), MutationError, "without out="),
    (lambda x: np.fft.fft(np.stack([x, x])), UnknownFunctionError, r"np.fft.fft.*dp.defvjp\(np.fft.fft"),
    (lambda x: np.add.reduceat(np.stack([x, x]), [0]), UnknownFunctionError, "np.add.reduceat"),
    (lambda x: np.nextafter(x, 2.0), UnknownFunctionError, "np.nextafter"),
    (lambda x: x * 1j, DtypeError, "complex"),
    (lambda x: (x - 3.0) ** 0.5, DtypeError, "complex"),
    (lambda x: x * np.array([None]), DtypeError, "object"),
    (lambda x: x * np.array(["a"]), DtypeError, "<U1"),
    (lambda x: x + "text", TypeError, ""),
    (lambda x: x.astype(np.float32), DtypeError, "float64"),
    (lambda x: np.full(3, x), ConversionError, r"np.broadcast_to\(x, 3\)"),
    (lambda x: np.trace(x * np.eye(2), dtype=int), UnsupportedArgumentError, "'dtype'"),
    (lambda x: x[0], TypeError, "cannot be indexed"),
    (lambda x: len(x), TypeError, "len"),
    (lambda x: x.nonsense, AttributeError, "nonsense"),
]


@pytest.mark.parametrize(("f", "kind", "advice"), REFUSED, ids=range(len(REFUSED)))
@pytest.mark.usefixtures("no_source")
def test_what_would_lose_the_derivative_is_refused(f, kind, advice):
    with pytest.raises(kind, match=f"(?s){advice}") as caught:
        dp.grad(f)(1.0)
    if hasattr(caught.value, "place"):
        lines, first = inspect.getsourcelines(f)
        assert caught.value.place.file == __file__
        assert first <= caught.value.place.line < first + len(lines)


def test_a_message_reads_as_three_lines():
    def f(x):
        return math.sin(x) + 1.0

    with pytest.raises(ConversionError) as caught:
        dp.grad(f)(1.0)
    what, where, advice = str(caught.value).splitlines()
    assert what == "math.sin needs a plain number, and the derivative would end there."
    assert where.startswith(f"  at {__file__}:")
    assert where.endswith(": return math.sin(x) + 1.0")
    assert advice == "  write np.sin(x) instead, or math.sin(dp.value(x)) for a number without derivative."


@pytest.mark.parametrize("x", [[2.0], [-2.0]])
def test_the_opposite_of_a_single_condition(x):
    """NumPy's conditions know ~, Python's do not: ~True is -2, which counts as true."""
    with pytest.raises(DtypeError, match="not its opposite"):
        dp.grad(lambda x: np.where(~(np.sum(x) > 1.0), 2.0 * np.sum(x), 5.0 * np.sum(x)))(np.array(x))
    advised = lambda x: np.where(np.logical_not(np.sum(x) > 1.0), 2.0 * np.sum(x), 5.0 * np.sum(x))
    assert dp.value_and_grad(advised)(np.array(x))[0] == advised(np.array(x))
