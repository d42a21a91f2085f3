"""What is advised where an index is refused, or an array is changed in place, works when it is pasted in."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import (
    ConversionError,
    MutationError,
    NotCompiledError,
    TinydpError,
    UnsupportedArgumentError,
)

X = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
T = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])


# ---------------------------------------------------------------------------- every hint works

def on_the_tape(f):
    return dp.value_and_grad(f)


def as_machine_code(f):
    return dp.value_and_grad(dp.compile(f))


HINTS = [                                        # what is refused, by which of the two, and what is advised
    (as_machine_code, lambda x: T[np.argmax(x)] * x[0], ConversionError,
     "dp.lookup(T, np.argmax(x))", lambda x: dp.lookup(T, np.argmax(x)) * x[0], 90.0),
    (as_machine_code, lambda x: T[x[0] < T].sum() * x[0], ConversionError,
     "dp.lookup(T, x[0] < T)", lambda x: dp.lookup(T, x[0] < T).sum() * x[0], 450.0),
    (as_machine_code, lambda x: X[:1][X[:1] > x[1]].sum() * x[0], ConversionError,
     "dp.lookup(X[:1], X[:1] > x[1])", lambda x: dp.lookup(X[:1], X[:1] > x[1]).sum() * x[0], 9.0),
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
     "math.trunc(x[1])", lambda x: x[math.trunc(x[1])] * 2, 2.0),
    (as_machine_code, lambda x: np.sum(x[:np.argmax(x)]), NotCompiledError,
     "x[i + np.arange(n)]", lambda x: np.sum(x[np.argmax(x) + np.arange(2)]), 9.0),
    (as_machine_code, lambda x: np.sum(x[:np.argmax(x)]), NotCompiledError,
     "np.where on a condition", lambda x: np.sum(np.where(np.arange(5) < np.argmax(x), x, 0.0)), 6.0),
    (as_machine_code, lambda x: np.dot(x[x > 2], np.ones(3)), NotCompiledError,
     "x[mask].sum()", lambda x: x[x > 2].sum(), 12.0),
    (as_machine_code, lambda x: x[x > 2][0], NotCompiledError,
     "np.where(mask, x, 0.0)", lambda x: np.sum(np.where(x > 2, x, 0.0)), 12.0),
    (as_machine_code, lambda x: x[0] / len(x[x > 2]), NotCompiledError,
     "np.sum(x > 2)", lambda x: x[0] / np.sum(x > 2), 1.0),
    (as_machine_code, lambda x: np.bincount(np.argsort(x), x)[0], NotCompiledError,
     "np.bincount(x, weights, minlength=n)", lambda x: np.bincount(np.argsort(x), x, minlength=5)[0], 2.0),
    (on_the_tape, lambda x: np.add.at(x, [1], 1.0), MutationError,
     "x = dp.add_at(x, [1], 1.0)", lambda x: dp.add_at(x, [1], 1.0)[1], 2.0),
    (as_machine_code, lambda x: np.add.at(np.zeros(3), [1], x[0]), MutationError,
     "array = dp.add_at(array, index, values)", lambda x: dp.add_at(np.zeros(3), [1], x[0])[1], 3.0),
    (on_the_tape, lambda x: np.subtract.at(x, [1], x[0]), MutationError,
     "x = dp.add_at(x, [1], -(x[0]))", lambda x: dp.add_at(x, [1], -x[0])[1], -2.0),
    (on_the_tape, lambda x: np.maximum.at(x, 1, 9.0), MutationError,
     "np.where(np.arange(len(array)) == i, np.maximum(array, value), array)",
     lambda x: np.where(np.arange(len(x)) == 1, np.maximum(x, 9.0), x)[1], 9.0),
    (as_machine_code, lambda x: [x[0], 2.0 * x[0]][np.argmin(x)], ConversionError,
     "dp.lookup([x[0], 2.0 * x[0]], np.argmin(x))",
     lambda x: dp.lookup([x[0], 2.0 * x[0]], np.argmin(x)), 6.0),
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
    x = dp.set_at(x, np.argmin(x), 2.0 * x[0])
    return x[1]


@pytest.mark.parametrize("run", [on_the_tape, as_machine_code])
@pytest.mark.parametrize(("f", "instead", "advice"), [
    (increased, increased_instead, "total = dp.add_at(total, np.argmax(x) - 2, x[0] ** 2)"),
    (decreased, decreased_instead, "x = dp.add_at(x, np.argmin(x), -(2.0 * x[0]))"),
    (assigned, assigned_instead, "x = dp.set_at(x, np.argmin(x), 2.0 * x[0])")])
def test_elements_that_are_changed(run, f, instead, advice, no_source):
    with pytest.raises(MutationError) as caught:
        run(f)(X)
    assert advice in caught.value.advice
    value, gradient = run(instead)(X)
    assert value == f(X.copy())
    np.testing.assert_allclose(gradient, dp.grad(instead)(X))


def test_elements_that_are_set_where_a_computed_condition_holds():
    with pytest.raises(UnsupportedArgumentError) as caught:
        dp.compile(lambda x: dp.set_at(x, x > 1.0, 5.0))(X)
    assert "np.where(condition, value, x)" in caught.value.advice
    instead = dp.compile(lambda x: np.where(x > 1.0, 5.0, x))
    assert np.array_equal(instead(X), dp.set_at(X, X > 1.0, 5.0))
