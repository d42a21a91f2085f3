"""Programs do the same when they are lowered, run as Python with kernels in machine code, as `interpret`."""

import numpy as np
import pytest

from tinydp.ad.compile import blocks, numba, split
from tinydp.ad.compile.check import check
from tinydp.ad.compile.loops import ALL_FINITE, EVENT, event_options
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.numba import printed
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.errors import NotCompiledError
from tinydp.ad.registry import registered

from .lowering import assert_equal, compiled, plain, random_program, results


@pytest.mark.parametrize("seed", range(120))
def test_random_programs(seed):
    program, args = random_program(seed)
    assert_equal(results(plain(program)(*args)), interpret(program, *args))


@pytest.mark.parametrize("seed", range(200, 240))
def test_random_programs_with_memory_that_is_shared(seed, monkeypatch):
    monkeypatch.setattr(blocks, "MANY_ARRAYS", 0)
    program, args = random_program(seed)
    assert_equal(results(plain(program)(*args)), interpret(program, *args))


@pytest.mark.parametrize("seed", range(300, 360))
def test_random_programs_in_short_functions(seed, monkeypatch):
    monkeypatch.setattr(numba, "split", lambda functions: split.split(functions, 6, 4))
    program, args = random_program(seed)
    assert_equal(results(plain(program)(*args)), interpret(program, *args))


@pytest.mark.parametrize("seed", range(400, 403))
def test_random_programs_in_machine_code(seed):
    program, args = random_program(seed)
    assert_equal(results(compiled(program)(*args)), interpret(program, *args))


def falling():
    """The time and the speed of a ball that falls, and the squares of its heights, summed."""
    inside = Builder()
    x, v, h = inside.input(1.0, "x"), inside.input(0.0, "v"), inside.input(0.1, "h")
    g = inside.input(9.81, "g")
    multiply, subtract, add = registered(np.multiply), registered(np.subtract), registered(np.add)
    (dv,) = inside.record(multiply, (g, h), {})
    (new_v,) = inside.record(subtract, (v, dv), {})
    (dx,) = inside.record(multiply, (new_v, h), {})
    (new_x,) = inside.record(add, (x, dx), {})
    (pair,) = inside.record(registered(np.multiply), (new_x, np.array([1.0, 2.0])), {})
    body = inside.program([new_x, new_v, new_x, new_x, pair])
    builder = Builder()
    x0, g = builder.input(1.0, "x0"), builder.input(9.81, "g")
    outs = builder.record(EVENT, (x0, 0.0, x0, 0.01, g), event_options(body, 2, 1000))
    *state, length, count, heights, pairs = outs
    (squares,) = builder.record(registered(np.square), (heights,), {})
    (total,) = builder.record(registered(np.sum), (squares,), {})
    (turned,) = builder.record(registered(np.transpose), (pairs,), {})
    (product,) = builder.record(registered(np.matmul), (turned, pairs), {})
    return verify(builder.program([*state, length, count, total, product, heights]))


def test_event_and_its_rows():
    program = falling()
    wanted = interpret(program, 1.0, 9.81)
    assert len(wanted[-1]) == wanted[5] > 40
    assert_equal(results(plain(program)(1.0, 9.81)), wanted)
    assert_equal(results(plain(program)(5.0, 0.1)), interpret(program, 5.0, 0.1))        # more than 256 steps


def test_event_in_machine_code():
    program = falling()
    assert_equal(results(compiled(program)(1.0, 9.81)), interpret(program, 1.0, 9.81))


def test_event_that_does_not_come():
    with pytest.raises(ArithmeticError):
        plain(falling())(1.0, -9.81)


def test_results_are_arrays_of_their_own():
    builder = Builder()
    x = builder.input(np.arange(3.0), "x")
    (y,) = builder.record(registered(np.negative), (x,), {})
    (turned,) = builder.record(registered(np.flip), (y,), {})
    program = builder.program([x, y, y, turned, np.ones(2), 3])
    x = np.arange(3.0)
    found = plain(program)(x)
    arrays = [x, *found[:5]]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    assert (found[-1], type(found[-1])) == (3, int)


def test_all_finite():
    builder = Builder()
    x, a = builder.input(np.ones((2, 2)), "x"), builder.input(1.0, "a")
    program = builder.program([builder.record(ALL_FINITE, (y,), {})[0] for y in (x, a)])
    f = plain(program)
    assert f(np.ones((2, 2)), 1.0) == (True, True)
    assert f(np.array([[1.0, np.inf], [0.0, 0.0]]), np.nan) == (False, False)


def test_sum_of_what_is_used_nowhere_else_needs_no_array():
    builder = Builder()
    x, y = builder.input(np.ones(5), "x"), builder.input(np.ones(5), "y")
    (product,) = builder.record(registered(np.multiply), (x, y), {})
    (total,) = builder.record(registered(np.sum), (product,), {})
    assert "np.empty" not in printed(lowered(builder.program([total]), "f"), "Of sums.").text


def test_names_are_those_of_values():
    builder = Builder()
    x = builder.input(1.0, "lambda")
    (y,) = builder.record(registered(np.sin), (x,), {})
    y.label = "sin"
    (g,) = builder.record(registered(np.cos), (y,), {})
    g.of = y
    made = printed(lowered(builder.program([g, y]), "sin"), "Names.")
    assert made.name == "sin_1"
    assert made.parameters == ["lambda_1"]
    assert "    sin_2 = sin(lambda_1)\n    g_sin_2 = cos(sin_2)\n" in made.text


def test_unknown_operations_are_refused():
    builder = Builder()
    (y,) = builder.record(registered(np.var), (builder.input(np.ones(3), "x"),), {})
    with pytest.raises(NotCompiledError, match="var"):
        lowered(builder.program([y]), "f")


def test_stores_while_a_view_is_read_are_found():
    program, _ = random_program(1)
    for f in lowered(program, "f").functions:
        check(f)
