"""What a loop carries is written in place only if nobody reads the old values any more."""

import numpy as np
import pytest

import tinydp as dp

from .programs import assert_equal

pytestmark = pytest.mark.usefixtures("interpreted")

A, B = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.3, 0.1, -0.4, 0.9])
STEPS = {                                        # and whether `a` can be written in place
    "by itself": (lambda a, b: (2.0 * a + b, b), True),
    "with another": (lambda a, b: (a + b, a - b), True),
    "of both, in turn": (lambda a, b: (b * a, 0.5 * a), True),
    "after a sum": (lambda a, b: (a * np.sum(a), b), True),
    "with a neighbour": (lambda a, b: (a + a[::-1], b), False),
    "read later by its neighbour": (lambda a, b: (a * 0.5, b + np.concatenate([a[1:], a[:1]])), False),
    "of a matrix": (lambda a, b: (a[:, None] * np.ones(4) @ a, b), False),
    "which is kept": (lambda a, b: (a * 0.5, a), False),
    "an element": (lambda a, b: (a * 0.5, b * a[2]), False),
    "added to at a place": (lambda a, b: (dp.add_at(a, 2, b[1]), b), True),
    "set at a place": (lambda a, b: (dp.set_at(a, 2, b[1]), b), True),
    "twice": (lambda a, b: (a * b, a * b), False),
}


@pytest.mark.parametrize(("step", "in_place"), STEPS.values(), ids=STEPS)
def test_in_place(step, in_place):
    def f(a, b):
        a, b = dp.scan(lambda c, _: (step(*c), None), (a, b), length=3)[0]
        return np.sum(a * np.arange(1.0, 5.0)) + np.sum(b**2)

    compiled = dp.compile(f)
    assert_equal(compiled(A, B), f(A, B))
    assert_equal(dp.grad(compiled, (0, 1))(A, B), dp.grad(f, (0, 1))(A, B))
    loop = compiled.source.split("for step in range(3):")[1].split("return")[0]
    copies = [s for s in map(str.strip, loop.splitlines())
              if s.startswith("carry[i] = ") and s.endswith("[i]")]
    assert in_place <= (not copies)
