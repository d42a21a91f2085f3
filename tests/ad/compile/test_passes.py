"""All passes: a program means the same after each of them, and so do its adjoints, of any order."""

import numpy as np
import pytest

from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.passes import PASSES, optimised
from tinydp.ad.compile.program import Value, interpret, verify
from tinydp.ad.compile.trace import Trace

from .examples import Writer, same


@pytest.mark.parametrize("seed", range(60))
def test_each_pass_keeps_the_meaning_of_random_programs(seed):
    writer = Writer(seed)
    program = verify(writer.program())
    args = writer.arguments(program)
    expected = interpret(program, *args)
    summed = False                               # sums may be added up in another order
    for one_pass in PASSES:
        program = verify(one_pass(program))
        summed |= one_pass.__name__ in ("products", "simplified")
        assert same(expected, interpret(program, *args), exactly=not summed), one_pass.__name__


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("order", [1, 2])
def test_each_pass_keeps_the_meaning_of_adjoints(seed, order):
    writer = Writer(seed)
    program = writer.program(size=8)
    args = writer.arguments(program)
    with Trace().writing():
        for _ in range(order):
            program = optimised(program, verify)
            seeded = [k for k, x in enumerate(program.outputs) if type(x) is Value and x.kind == "f"]
            program, before = adjoint(program, [0, 1, 2, 3, 4], seeded, primal=True), program
            args += [np.ones(before.outputs[k].shape) if before.outputs[k].shape else 1.0 for k in seeded]
    expected = interpret(program, *args)
    if any(np.any(np.abs(x) > 1e8) for x in expected):
        pytest.skip("so large that rounding matters")
    for one_pass in PASSES:
        program = verify(one_pass(program))
        assert same(expected, interpret(program, *args), exactly=False), one_pass.__name__


def test_a_hook_sees_every_pass():
    program, seen = Writer(3).program(), []
    last = optimised(program, seen.append)
    assert len(seen) == len(PASSES)
    assert seen[-1] is last


@pytest.mark.parametrize("order", [1, 2])
def test_the_steps_that_a_loop_in_a_loop_made_are_counted_again(order):
    """... though its last state is stored."""
    test_each_pass_keeps_the_meaning_of_adjoints(1085, order)
