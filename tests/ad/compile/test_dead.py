"""What nobody needs goes, in loops as well."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.dead import pruned
from tinydp.ad.compile.program import Program, interpret, verify
from tinydp.ad.compile.trace import traced

from .examples import Writer, count, same


def test_a_carry_that_another_carry_needs_stays():
    def f(a, b, c):
        def step(state, _):
            a, b, c = state
            return (a + b, np.sin(b), np.cos(c)), (a, c)
        return dp.scan(step, (a, b, c), length=3)[0][0]

    program = verify(pruned(traced(f, 0.1, 0.2, 0.3)))
    assert count(program, "sin") == 1
    assert count(program, "cos") == 0
    assert program.ops[0].options["carries"] == 2
    assert len(program.ops[0].outs) == 2


def test_of_an_event_the_height_stays_and_what_it_needs():
    def f(x, z):
        def step(state, dt):
            x, y, z = state
            return x + dt * y, y - dt, np.sin(z)
        return dp.integrate(step, (x, 0.0, z), lambda s: s[0], dt=0.1, max_steps=100)[1]

    program = verify(pruned(traced(f, 1.0, 0.5)))
    assert count(program, "sin") == 0
    assert program.ops[0].options["states"] == 2
    before = traced(f, 1.0, 0.5)
    assert same(interpret(before, 1.0, 0.5), interpret(program, 1.0, 0.5))


@pytest.mark.parametrize("seed", range(40))
def test_it_keeps_the_meaning_and_goes_all_the_way(seed):
    writer = Writer(seed)
    program = writer.program()
    args = writer.arguments(program)
    one = Program(program.inputs, program.ops, program.outputs[:1])
    after = verify(pruned(one))
    assert same(interpret(program, *args)[:1], interpret(after, *args))
    assert len(pruned(after)) == len(after)
