"""What NumPy refuses, a traced and a compiled call refuse; what it accepts gives its value."""

import collections
import functools
from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import asking
from tinydp.ad.errors import MutationError, NotCompiledError, UnsupportedArgumentError
from tinydp.ad.registry import PRIMITIVES, alias
from tinydp.ad.tape import Var

from . import refusals
from .refusals import GOOD, KNOWN, on_a_tape, outcome, spoiled, valid_calls, written_down

# ---------------------------------------------------------------------------- thousands of bad calls


@functools.cache
def good_calls():
    return valid_calls(examples=2)


@functools.cache
def bad_calls():
    """Every so many of the calls, so that each function has some."""
    return [bad for call in good_calls() for bad in spoiled(call)][::13]


@pytest.mark.parametrize("run", [on_a_tape, written_down], ids=["traced", "compiled"])
def test_what_numpy_refuses_is_refused(run):
    outcomes = [(bad, outcome(bad, run)) for bad in bad_calls() if bad.function not in KNOWN[run]]
    counts = collections.Counter(result for _, result in outcomes)
    assert [f"{bad}: {result}" for bad, result in outcomes if result not in GOOD] == []
    assert counts["both refuse"] > 4000
    assert counts["same"] > 1000
    assert counts["refused"] < {on_a_tape: 0.3, written_down: 0.7}[run] * counts["same"]     # must not grow


def test_the_judge_sees_an_accepted_call_and_another_value(monkeypatch):
    monkeypatch.setitem(PRIMITIVES, np.median, lambda a, axis=None: np.sum(a))
    monkeypatch.setitem(PRIMITIVES, np.average, lambda a, axis=None: np.ravel(a) * 1.0)
    x = refusals.Traced(np.array([1.0, 2.0]))
    accepted, other = refusals.Asked(np.median, (x,), {"axis": 9}), refusals.Asked(np.average, (x,), {})
    assert outcome(accepted).startswith("accepted, where NumPy raises AxisError")
    assert outcome(other).startswith("gives array([1., 2.]), not")


# ---------------------------------------------------------------------------- one by one

X, Y = np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(2, 3)
REFUSED = {
    "more values than nodes": (lambda x: np.interp(x, [0, 1, 2], [0, 1, 2, 99]), X),
    "weights of another shape": (lambda x: np.average(x, weights=np.ones((3, 2))), Y),
    "weights that sum to zero": (lambda x: np.average(x, weights=[1.0, -1.0, 0.0]), X),
    "a negative quantile": (lambda x: np.quantile(x, -0.25), X),
    "a percentile above 100": (lambda x: np.percentile(x, 101), X),
    "an axis out of range": (lambda x: np.median(x, axis=9), X),
    "an axis twice": (lambda x: np.median(x, axis=(0, 0)), Y),
    "an axis that is no integer": (lambda x: np.ptp(x, axis=0.5), X),
    "trace of a vector": (lambda x: np.trace(x), X),
    "a tile of halves": (lambda x: np.tile(x, 1.5), X),
    "a method's axis": (lambda x: x.sum(axis=9), X),
    "a method's shape": (lambda x: x.reshape(2, 2), X),
    "shapes that do not broadcast": (lambda x: x + np.ones(2), X),
    "a product that does not fit": (lambda x: x[:1, None] @ np.ones((2, 1)), X),
    "an index out of range": (lambda x: x[3], X),
    "too many indices": (lambda x: x[0, 0], X),
    "a float as an index": (lambda x: x[1.0], X),
    "NumPy's float as an index": (lambda x: x[np.float64(1.0)], X),
    "an option that is None": (lambda x: np.sum(x, axis=0, keepdims=None), X),
    "a bound that is given twice": (lambda x: np.clip(x, 0, 1, min=0), X),
    "one bound of two": (lambda x: np.clip(x, 0.0), X),
    "the average along an axis of a number": (lambda x: np.average(x, axis=0), 2.0),
    "the median along an axis of a number": (lambda x: np.median(x, axis=0), 2.0),
    "a quantile along an axis of a number": (lambda x: np.quantile(x, 0.5, axis=0), 2.0),
    "a percentile along an axis of a number": (lambda x: np.percentile(x, 50, axis=0), 2.0),
    "a number that is sorted": (lambda x: np.sort(x), 2.0),
    "a number that is partitioned": (lambda x: np.partition(x, 0), 2.0),
}


@pytest.mark.parametrize(("f", "x"), REFUSED.values(), ids=REFUSED)
def test_the_error_is_numpys_own(f, x):
    theirs = error_of(f, x)
    for run in (dp.grad(f), dp.compile(f), dp.grad(dp.compile(f))):
        ours = error_of(run, x)
        if isinstance(ours, NotCompiledError):
            continue
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)


def error_of(f, x):
    try:
        f(x)
    except Exception as error:
        return error
    raise AssertionError("no error")


def test_numpys_warning_is_given_and_no_other():
    with pytest.warns(RuntimeWarning, match="All-NaN slice") as seen:
        dp.vjp(lambda x: np.nanmax(x), np.array([np.nan, np.nan]))
    assert len(seen) == 1


# ---------------------------------------------------------------------------- what is asked

def test_asking_changes_nothing():
    """An option that lets NumPy overwrite the array is refused before it is asked."""
    x = np.array([3.0, 1.0, 2.0])
    for f in (lambda x: np.median(x, overwrite_input=True), lambda x: np.median(x, None, None, True)):
        with pytest.raises(UnsupportedArgumentError, match="overwrite_input"):
            dp.grad(f)(x)
    for f in (lambda x: np.median(x, None, x[:1]), lambda x: np.median(x, None, np.zeros(()))):
        with pytest.raises(MutationError, match="overwrite an array"):
            dp.grad(f)(x)
    assert np.array_equal(x, [3.0, 1.0, 2.0])


def test_a_result_of_another_shape_is_refused(monkeypatch):
    monkeypatch.setitem(PRIMITIVES, np.ptp, PRIMITIVES[np.ptp])
    alias(np.ptp)(lambda a, axis=None, *, keepdims=False: np.ravel(a))
    with pytest.raises(UnsupportedArgumentError, match=r"np.ptp is not known for arguments such as these"):
        dp.grad(lambda x: np.ptp(x))(X)


def test_an_error_of_ours_says_more_than_numpys():
    with pytest.raises(dp.ad.errors.ConversionError, match=r"np.rint\(i\)"):
        dp.grad(lambda i: np.take(np.stack([i, i]), i))(1)


def test_the_parts_of_a_replacement_need_no_asking(monkeypatch):
    calls = []
    answer = asking.answer
    monkeypatch.setattr(asking, "answer", lambda f, *call: calls.append(f) or answer(f, *call))
    dp.grad(lambda x: np.percentile(x, 30.0))(X)
    assert calls == [np.percentile]
    dp.grad(lambda x: np.sum(np.stack([x, x], axis=0)))(X)       # nor do the hot ones
    assert calls == [np.percentile]


class Pair(NamedTuple):
    a: object
    b: object


class Row(list):
    """A list of another type."""


@pytest.mark.parametrize("kind", [Pair, lambda *xs: Row(xs), lambda *xs: collections.UserList(xs),
                                  lambda *xs: collections.deque(xs)], ids=["named", "list", "user", "deque"])
@pytest.mark.parametrize("join", [np.vstack, np.hstack, np.stack, lambda xs: np.stack(xs, axis=-1)])
def test_sequences_of_other_kinds_are_looked_into(kind, join):
    def f(x):
        return np.sum(join(kind(x, 2.0 * x)) ** 2)

    for run in (dp.value_and_grad(f), dp.value_and_grad(lambda x: dp.grad(f)(x) @ x / 2.0)):
        value, gradient = run(X)
        assert np.isclose(value, f(X))
        np.testing.assert_allclose(gradient, 10.0 * X)
    assert np.isclose(dp.compile(f)(X), f(X))


def test_a_none_that_is_no_default_arrives():
    """It was dropped like an option not given, so that the function took its default instead."""
    @dp.primitive
    def scaled(x, factor=2.0):
        return x * (7.0 if factor is None else factor)

    dp.defvjp(scaled, lambda g, y, x, factor=2.0: g * (7.0 if factor is None else factor))
    assert dp.value_and_grad(lambda x: scaled(x, factor=None))(1.0) == (7.0, 7.0)

    def shifted(x, by=1.0):
        return x + (5.0 if by is None else by)

    dp.defvjp(shifted, lambda g, y, x, by=1.0: g)
    primitive = PRIMITIVES.pop(shifted)
    assert dp.value_and_grad(lambda x: primitive(x, by=None))(1.0) == (6.0, 1.0)


# ---------------------------------------------------------------------------- numbers and arrays

def test_numbers_and_arrays_without_axes_are_told_apart():
    """NumPy's result may change in place if it is an array, and no number."""
    wrong, seen = [], collections.Counter()

    def look(call, *xs):
        left = iter(xs)
        args, options = (refusals.exchanged(part, lambda mark: next(left)) for part in call[1:])
        y = call.function(*args, **options)
        if type(y) is Var and y.shape == () and y.op is not None:
            args, options = (refusals.exchanged(part, lambda mark: mark.value) for part in call[1:])
            is_array = isinstance(call.function(*args, **options), np.ndarray)
            seen[is_array] += 1
            if asking.is_array(y) != is_array:
                wrong.append(str(call))
        return 0.0

    for call in good_calls():
        if not isinstance(call.function, refusals.Method):       # that of a number is an array's
            run = functools.partial(look, call)
            refusals.result_of(lambda run=run, call=call: dp.vjp(run, *refusals.traced(call)))
    assert wrong == []
    assert min(seen.values()) >= 5
