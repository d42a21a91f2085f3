"""Ordinary programs, differentiated as they stand: by the tape, by the compiler, and by differences."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import MutationError

from . import ordinary
from .ordinary import PROGRAMS

X = np.array([0.6, 0.9, 1.3])
# Here another name has the array that is written to: that it is refused is the other test.
SHARED = (ordinary.window_of_rows,)
RUN = [f for f in PROGRAMS if f not in SHARED]
# Compiling all takes half a minute, and nothing else is in them: `python -m tests.ad.twins.test_ordinary`.
COMPILED = [ordinary.with_a_subclass, ordinary.trajectory_of_states, ordinary.stiffness, ordinary.heat]


def differences(f, x, h=1e-6):
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)])


@pytest.mark.parametrize("f", RUN, ids=lambda f: f.__name__)
def test_tape_gives_the_value_and_the_gradient(f):
    value, gradient = dp.value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(gradient, differences(f, X), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("f", SHARED, ids=lambda f: f.__name__)
def test_an_array_that_somebody_else_has_is_refused_as_ever(f):
    with pytest.raises(MutationError, match="set_at"):
        dp.grad(f)(X)


@pytest.mark.parametrize("f", COMPILED, ids=lambda f: f.__name__)
def test_compiled_gives_the_same(f):
    value, gradient = dp.value_and_grad(dp.compile(f))(X)
    assert value == pytest.approx(f(X), rel=1e-13)
    np.testing.assert_allclose(gradient, dp.grad(f)(X), rtol=1e-12, atol=1e-14)


if __name__ == "__main__":
    for program in RUN:
        if program is not ordinary.masked:       # how many elements a computed mask has is not known
            test_compiled_gives_the_same(program)
            print(program.__name__, flush=True)
