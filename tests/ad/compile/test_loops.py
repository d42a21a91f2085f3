"""Loops of compiled programs: long ones, in blocks and in segments, and what they store."""

import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import kernels, loops

from .programs import assert_equal

RNG = np.random.default_rng(0)
W, B, X = 0.5 * RNG.normal(size=(4, 4)), RNG.normal(size=4), RNG.normal(size=(48, 4))


def run(n, segment=None):
    """A recurrent network along `n` inputs."""
    def f(w, b, scale, xs):
        def step(carry, x):
            new = np.tanh(carry @ w + x * scale + b)
            return new, np.sum(new**2) * x[0]
        last, ys = dp.scan(step, xs[0], xs[:n], segment=segment)
        return np.sum(last) + np.mean(ys)
    return f


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(("n", "segment", "loops_back", "longest"), [
    (19, None, 1, 19), (23, None, 1, 23), (24, None, 2, 12), (26, None, 2, 13), (48, None, 2, 16),
    (48, 24, 3, 12), (47, 23, 3, 23)])
def test_a_long_loop_sums_products_block_by_block(n, segment, loops_back, longest, monkeypatch):
    monkeypatch.setattr(loops, "LONG", 20)
    monkeypatch.setattr(loops, "LARGEST_BLOCK", 16)
    f, point, everything = run(n, segment), (W, B, 0.7, X), (0, 1, 2, 3)
    compiled = dp.compile(f)
    assert_equal(dp.value_and_grad(compiled, everything)(*point), dp.value_and_grad(f, everything)(*point))
    source = compiled.adjoint_source
    assert len(re.findall("for step.*-1, -1", source)) == loops_back
    assert max(int(rows) for rows in re.findall(r"g_\w+_all\w* = np.empty\(\((\d+), 4", source)) == longest


def test_large_stacks_ask_for_huge_pages():
    n = loops.LONG
    f = dp.compile(lambda x: np.sum(dp.scan(lambda carry, _: (np.sin(carry + x), None), x, length=n)[0]))
    x = np.linspace(0.0, 1.0, kernels.LARGE // (8 * n))
    wide = dp.grad(f)(x)
    assert "empty_array" in f.adjoint_source
    assert np.allclose(dp.grad(f)(x[:3]), wide[:3])
    assert "empty_array" not in f.adjoint_source
