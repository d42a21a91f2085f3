"""Sums of slices, instead of what is added to slices: the same numbers, in one pass."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.passes import optimised
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.shifted import shifted
from tinydp.ad.compile.trace import Trace, traced

A = np.random.default_rng(1).normal(size=(17, 16))
STENCILS = {                                     # and whether the way back is a sum of slices
    "five points": (lambda u: u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] * u[1:-1, :-2], True),
    "padded": (lambda u: np.pad(u, 1)[2:, 1:-1] - 0.5 * np.pad(u, 1)[:-2, 1:-1], True),
    "twice": (lambda u: u[2:] * u[1:-1] - u[1:-1] * u[:-2], True),
    "forward": (lambda u: u[1:] - u[:-1], True),
    "read whole as well": (lambda u: (u[1:] * u[:-1]) @ np.ones(16) + u[1:, 0] + u[:-1, 1], False),
    "small parts": (lambda u: u[:1, :1] + u[-1:, -1:], False),
    "with a step": (lambda u: u[::2] * u[1:10:1], False),
    "with a row": (lambda u: u[1:] * u[:-1] + u[0], False),
}


@pytest.mark.parametrize(("f", "is_sum"), STENCILS.values(), ids=STENCILS)
def test_the_way_back_over_a_stencil(f, is_sum):
    with Trace().writing():
        back = optimised(adjoint(traced(f, A), [0], [0]))
    after = verify(shifted(back))
    g = np.random.default_rng(2).normal(size=np.shape(f(A)))
    (found,), wanted = interpret(after, A, g), dp.vjp(f, A)[1](g)
    wanted = wanted[0] if isinstance(wanted, tuple) else wanted
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
    many = [op for op in after.ops if op.name == "scatter" and len(op.args) > 1]
    assert is_sum == (not many)


@pytest.mark.parametrize("f", [f for f, _ in STENCILS.values()], ids=STENCILS)
def test_zeros_that_arrive_make_zeros_of_either_sign(f):
    """What arrives is put into zeros, not added: that is the same number, but for the sign of a zero."""
    g = np.copysign(np.zeros(np.shape(f(A))), np.cos(np.arange(np.size(f(A)))).reshape(np.shape(f(A))))
    found, wanted = (dp.grad(lambda u, each=each: np.sum(each(u) * g))(A) for each in (dp.compile(f), f))
    np.testing.assert_array_equal(found, wanted)         # for which 0.0 is -0.0
    assert dp.compile(f)(A * 0.0 * -1.0).tobytes() == f(A * 0.0 * -1.0).tobytes()


def test_in_loops_and_to_any_order(interpreted):
    def f(u):
        def step(u, _):
            p = np.pad(u, 1)
            return u + 0.1 * (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4.0 * u) * u, None

        return np.sum(dp.scan(step, u, length=3)[0] ** 2)

    np.testing.assert_allclose(dp.grad(dp.compile(f))(A), dp.grad(f)(A), rtol=1e-12)
    along = np.cos(A)
    np.testing.assert_allclose(dp.hvp(dp.compile(f), A, along), dp.hvp(f, A, along), rtol=1e-10, atol=1e-12)
