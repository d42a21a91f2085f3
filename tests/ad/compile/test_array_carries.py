"""Loops that carry arrays: two calls of one program, and what the first one returned stays what it was."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad import tree

from .array_carries import PROGRAMS

pytestmark = pytest.mark.usefixtures("interpreted", "unverified")


@pytest.fixture
def unverified(monkeypatch):
    """The test compares, so the self-check need not."""
    monkeypatch.setenv("TINYDP_VERIFY", "never")


def point(seed):
    r = np.random.default_rng(seed)
    return r.normal(size=4), r.normal(size=(3, 4)), r.normal(size=(5, 4))


def total(f):
    """One number that depends on each real element of what `f` returns, on no two alike."""
    kinds = [x.dtype.kind for x in arrays(f(*point(0)))]

    def summed(args):
        leaves = [x for x, kind in zip(tree.flatten(f(*args))[0], kinds, strict=True) if kind == "f"]
        return sum(np.sum(np.sin(x) * np.cos(k + np.arange(np.size(x)).reshape(np.shape(x))))
                   for k, x in enumerate(leaves))
    return summed


def arrays(x):
    return [np.asarray(leaf) for leaf in tree.flatten(x)[0]]


def same(found, wanted):
    found, wanted = arrays(found), arrays(wanted)
    assert [(x.shape, x.dtype.kind) for x in found] == [(x.shape, x.dtype.kind) for x in wanted]
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * max(1.0, np.max(np.abs(y), initial=0.0)))


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_each_call_has_results_of_its_own(f):
    one, other, v = map(point, (1, 2, 3))
    made, number = dp.compile(f), dp.compile(total(f))
    asked = [lambda args: made(*args), dp.value_and_grad(number), lambda args: dp.hvp(number, args, v)]
    plain = [lambda args: f(*args), dp.value_and_grad(total(f)), lambda args: dp.hvp(total(f), args, v)]
    for compiled, eager in zip(asked, plain, strict=True):
        first = compiled(one)
        kept = tree.map(np.copy, first)
        second = compiled(other)
        same(first, eager(one))
        same(second, eager(other))
        assert [x.tobytes() for x in arrays(first)] == [x.tobytes() for x in arrays(kept)]
