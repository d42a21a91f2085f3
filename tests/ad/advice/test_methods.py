"""What is advised instead of a method of a plain array works when it is pasted."""

import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.advice.methods import instead_of_method
from tinydp.ad.errors import ConversionError

A, M, CHOICE = np.array([3.0, 1.0, 2.0]), np.arange(9.0).reshape(3, 3), np.array([0, 1, 1])
X = np.array([0.0, 2.0, 1.0])

# the method's call, and what it gives in the plain program if x holds integers where it has to
CALLS = {
    "M.dot(x)": lambda x: M.dot(x),
    "M.T.dot(x)": lambda x: M.T.dot(x),
    "A.dot(x)": lambda x: A.dot(x),
    "A.searchsorted(x, side='right')": lambda x: A.searchsorted(x, side="right"),
    "CHOICE.choose([x, 2 * x])": lambda x: CHOICE.choose([x, 2 * x]),
    "A.take(x)": lambda x: A.take(x.astype(int)),
    "M.take(x, axis=1)": lambda x: M.take(x.astype(int), axis=1),
    "A.repeat(x)": lambda x: A.repeat(x.astype(int)),
    "A.argpartition(x[1])": lambda x: A.argpartition(int(x[1])),
    "A.compress(x)": lambda x: A.compress(x.astype(bool)),
}


def advice_on(call, transform):
    with pytest.raises(ConversionError) as caught:
        transform(eval(f"lambda x: {call}", globals()))
    return caught.value


@pytest.mark.parametrize("call", CALLS)
def test_what_is_advised_works(call, monkeypatch):
    monkeypatch.setattr("linecache.getline", lambda file, line: f"lambda x: {call}")
    error = advice_on(call, lambda f: dp.vjp(f, X))
    pasted = re.fullmatch(r"write (.*?)(?: instead\.|: what only selects .*)", error.advice)[1]
    y, _ = dp.vjp(eval(f"lambda x: {pasted}", globals()), X)
    assert np.array_equal(y, CALLS[call](X))


@pytest.mark.parametrize("call", [c for c in CALLS if "dot" in c])
def test_what_is_advised_for_a_compiled_program(call, monkeypatch):
    monkeypatch.setattr("linecache.getline", lambda file, line: f"lambda x: {call}")
    error = advice_on(call, lambda f: dp.compile(f)(X))
    assert error.advice.startswith("write np.dot(")


def test_what_is_written_is_built_anew():
    assert instead_of_method("a.fill(x)") == "write a = np.broadcast_to(x, np.shape(a)) instead."
    assert "np.stack(values)" in instead_of_method("a.put([0], x)")


def test_other_expressions_have_other_advice():
    for expression in ("np.dot(a, x)", "a + x", "f(x)", "a.nonsense(x)", "a.dot()", "x = (", ""):
        assert instead_of_method(expression) == ""


def test_the_method_clip_of_a_plain_array():
    """... calls what has no public name."""
    a, x = np.array([0.0, 1.0, 2.0]), 0.5
    for f in (lambda x: np.sum(a.clip(x, 1.5)), lambda x: np.sum(a.clip(-1.0, x)),
              lambda x: np.sum(a.clip(min=x))):
        value, slope = dp.value_and_grad(f)(x)
        assert value == f(x)
        assert slope == pytest.approx((f(x + 1e-6) - f(x - 1e-6)) / 2e-6)
        assert dp.compile(f)(x) == f(x)
