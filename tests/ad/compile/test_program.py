"""What a program means, and what is kept of one that was built."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.program import all_values, interpret
from tinydp.ad.compile.trace import traced


def test_constants_and_outputs_that_are_none_of_its_values():
    program = traced(lambda x: (3.0, x, np.where(x > 2.0, 1.0, x * 2.0 + 3.0), 2.0), 1.0)
    assert interpret(program, 1.0) == [3.0, 1.0, 5.0, 2.0]
    assert interpret(program, 3.0) == [3.0, 3.0, 1.0, 2.0]
    assert interpret(traced(lambda: 4.0)) == [4.0]


def test_pythons_operators_stand_for_numpys_where_these_raise_nothing():
    program = traced(lambda x, y: (x / y, x % y, (-x) ** y, x ** 1000.0), 3.0, 2.0)
    with np.errstate(all="ignore"):
        expected = [np.inf, np.nan, 1.0, np.inf]
    np.testing.assert_array_equal(interpret(program, 3.0, 0.0), expected)
    assert np.isnan(interpret(program, 3.0, 0.5)[2])


def test_other_numbers_of_arguments_are_refused():
    with pytest.raises(ValueError, match="1 arguments for 2 inputs"):
        interpret(traced(lambda x, y: x + y, 1.0, 2.0), 1.0)


def test_a_built_program_holds_no_examples():
    """They would be as large as all that a run makes, for as long as the compiled function lives."""
    def f(x):
        y = np.outer(x, x)
        for _ in range(3):
            y = np.tanh(y @ y * 1e-3) + y
        return np.sum(dp.scan(lambda c, r: (c * 0.5 + r, c), y, np.ones((4, 50, 50)))[1])

    x = np.linspace(0.0, 1.0, 50)
    compiled = dp.compile(f)
    assert np.allclose(dp.grad(compiled)(x), dp.grad(f)(x), rtol=1e-10)
    assert np.allclose(compiled(x), f(x), rtol=1e-10)
    assert np.allclose(dp.hessian(compiled)(x), dp.hessian(f)(x), rtol=1e-8, atol=1e-10)
    derived = compiled.made.derived.popitem()[1]
    for builts in (*compiled.made.programs.values(), *derived.made.programs.values()):
        for built in builts:
            for program in (built.program, built.traced):
                assert all(not any(np.asarray(v.example).strides) for v in all_values(program) if v.shape)
