"""What is the same with less, one rule a line; and the parts of loops that are none."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.dead import pruned
from tinydp.ad.compile.loops import EVENT, event_options
from tinydp.ad.compile.marks import undressed
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.simplify import simplified
from tinydp.ad.compile.trace import Trace, traced
from tinydp.ad.parts import scatter
from tinydp.ad.registry import registered

from .examples import Writer, count, same

A = np.array([[1.0, -0.0, 2.0], [np.nan, -3.0, np.inf]])
SPECIAL = [0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan]


def simple(f, *args):
    """The program, simplified, which does the same to the last bit."""
    before = traced(f, *args)
    after = pruned(verify(simplified(before)))
    assert same(interpret(before, *args), interpret(verify(after), *args))
    return after


@pytest.mark.parametrize("x", SPECIAL)
@pytest.mark.parametrize(("f", "operations"), [
    (lambda x: x * np.ones(()), 0),
    (lambda x: np.negative(np.negative(x)), 0),
    (lambda x: np.sin(x) + (-np.cos(x)), 3),
    (lambda x: np.sin(x) - (-np.cos(x)), 3),
    (lambda x: (-np.sin(x)) + np.cos(x), 3),
    (lambda x: np.positive(x), 0),
    (lambda x: np.where(x < 1.0, x, x), 0),
    (lambda x: np.where(np.logical_not(x < 1.0), x, 2.0), 2),
    (lambda x: x + 0.0, 1),
    (lambda x: 0.0 * x, 1),
    (lambda x: x - -0.0, 1),
    (lambda x: np.stack([x, 2.0 * x])[0], 0),
    (lambda x: np.stack([x, 2.0 * x])[-1], 1),
    (lambda x: np.sum(np.reshape(x, (1,))), 3),
])
def test_of_numbers(f, operations, x):
    assert len(simple(f, x)) == operations


@pytest.mark.parametrize(("f", "operations"), [
    (lambda x: x * np.ones((2, 3)), 0),
    (lambda x: x * np.ones((4, 2, 3)), 1),
    (lambda x: np.reshape(np.reshape(x, (6,)), (2, 3)), 0),
    (lambda x: np.reshape(np.reshape(x, (6,)), (3, 2)), 1),
    (lambda x: np.reshape(np.reshape(x, (3, 2), order="F"), (2, 3)), 4),
    (lambda x: np.swapaxes(np.transpose(x), 0, 1), 0),
    (lambda x: np.moveaxis(np.expand_dims(x, 0), 0, -1), 2),
    (lambda x: np.transpose(np.transpose(x[None], (1, 2, 0)), (1, 2, 0)), 2),
    (lambda x: np.broadcast_to(x, (2, 3)), 0),
    (lambda x: np.broadcast_to(np.broadcast_to(x, (4, 2, 3)), (5, 4, 2, 3)), 1),
    (lambda x: np.sum(x, axis=0), 1),
    (lambda x: np.sum(x[:1], axis=0), 3),
    (lambda x: x[:, None, ...][:, 0], 0),
    (lambda x: x[::-1], 1),
    (lambda x: np.sin(x) + np.sin(x), 2),
    (lambda x: x[:, 1:][1:, :-1], 1), (lambda x: x[:1][:, ::2], 2), (lambda x: x[1:, :][0:][:, 1:3], 1),
])
def test_of_arrays(f, operations):
    assert len(simple(f, A)) == operations


def test_a_row_of_a_sum_of_which_one_part_is_zero_there():
    def f(x):
        parts = [scatter(x[k], shape=(4, 3), indices=[k + 1]) for k in range(2)]
        return np.stack([(parts[0] + parts[1])[k] for k in range(4)])

    program = simple(f, A)
    np.testing.assert_array_equal(interpret(program, A)[0], f(A))
    assert not any(op.name == "scatter" for op in program.ops)


def test_a_matrix_that_was_turned_round_times_a_vector():
    program = traced(lambda w, x: np.matmul(np.swapaxes(w, 0, 1), np.expand_dims(x, -1))[..., 0],
                     A, np.ones(2))
    after = verify(simplified(program))
    assert [op.name for op in after.ops] == ["matmul"]
    args = np.ones((2, 3)), np.array([1.0, 2.0])
    np.testing.assert_allclose(interpret(after, *args)[0], interpret(program, *args)[0])


def loop(f, *args):
    program = simple(f, *args)
    return next(op for op in program.ops if op.body is not None), program


def test_a_carry_that_never_changes_is_captured():
    def f(x, k):
        return dp.scan(lambda c, _: ((c[0] * c[1], c[1]), None), (x, k), length=3)[0]

    op, _ = loop(f, 0.3, 0.5)
    assert op.options["carries"] == 1


def test_what_needs_only_captured_values_is_computed_before_the_loop():
    def f(x, k):
        return dp.scan(lambda x, _: (x * np.exp(np.sin(k)), None), x, length=3)[0]

    op, program = loop(f, 0.3, 0.5)
    assert count(op.body) == 1
    assert [op.name for op in program.ops] == ["sin", "exp", "scan"]


def test_what_would_take_room_is_not():
    op, _ = loop(lambda x, k: dp.scan(lambda x, _: (x + np.broadcast_to(k, (50,)), None), x, length=3)[0],
                 np.ones(50), 0.5)
    assert "broadcast_to" in [op.name for op in op.body.ops] or count(op.body) == 1


def test_it_goes_out_of_loops_in_loops_at_once():
    def f(x, k):
        def outer(x, _):
            return dp.scan(lambda x, _: (x * np.sin(k), None), x, length=2)[0], None
        return dp.scan(outer, x, length=3)[0]

    _, program = loop(f, 0.3, 0.5)
    assert program.ops[0].name == "sin"
    assert count(program, "sin") == 1


def test_rows_that_are_read_are_not_written_and_no_row_is_written_twice():
    def f(x, xs):
        def step(x, row):
            y = x * row
            return y, (row, y, y, 2.0)
        return dp.scan(step, x, xs)[1]

    op, program = loop(f, 0.3, np.arange(4.0))
    assert len(op.body.outputs) == 2
    assert program.outputs[0] is program.inputs[1]
    assert program.outputs[1] is program.outputs[2]


def test_a_row_that_is_the_same_in_each_step_is_no_row():
    def f(x, k):
        return dp.scan(lambda x, row: (x * row, None), x, np.broadcast_to(k, (5, 3)))[0]

    op, _ = loop(f, np.ones(3), 0.5)
    assert op.options["rows"] == 0


@pytest.mark.parametrize("seed", range(100, 160))
def test_it_keeps_the_meaning_to_the_bit(seed):
    """But for products of matrices and vectors."""
    writer = Writer(seed)
    program = writer.program()
    args = writer.arguments(program)
    after = verify(simplified(program))
    exactly = not count(program, "matmul")
    assert same(interpret(program, *args), interpret(after, *args), exactly)
    assert same(interpret(program, *args), interpret(verify(pruned(after)), *args), exactly)


def test_the_shape_of_an_events_rows_says_nothing():
    step, builder = Builder(), Builder()
    x, h = step.input(1.0), step.input(0.3)
    (lower,) = step.record(registered(np.subtract), (x, h), {})
    body = step.program([lower, lower, x])
    *_, rows = builder.record(EVENT, (1.0, 1.0, 0.3), event_options(body, 1, 10))
    (twice,) = builder.record(registered(np.multiply), (rows, 2.0), {})
    program = builder.program(builder.record(registered(np.sum), (twice,), {}))
    assert interpret(simplified(program)) == interpret(program)


def test_nothing_is_left_to_do_the_second_time():
    for seed in range(20):
        once = pruned(simplified(pruned(Writer(seed).program())))
        assert len(pruned(simplified(once))) <= len(once)


def test_a_switch_returns_what_differs_between_its_sides_and_once():
    def f(x, y):
        def one(x):
            a = np.sin(x)
            return x, a, a, 2.0, y, x * y

        a, b, c, d, e, g = dp.cond(np.sum(x) > 0.0, one, lambda x: (x, y, y, 2.0, y, x * y), x)
        return a + b * c + d * e + g

    after = simple(f, np.array([1.0, 2.0]), np.array([0.5, -0.5]))
    (switch,) = [op for op in after.ops if op.name == "switch"]
    assert len(switch.outs) == 2                 # of the six: a, and x * y, which each makes
    same_in_both = simple(lambda x: dp.cond(x > 0.0, lambda x: x, lambda x: x, x), 1.0)
    assert not same_in_both.ops


def test_marks_keep_apart_until_they_are_removed():
    with Trace().writing():
        program = traced(lambda x: np.sin(dp.stop_gradient(x)) + np.sin(x), 0.5)
    assert count(simplified(program), "sin") == 2
    assert count(simplified(undressed(program)), "sin") == 1
    bare = undressed(program)
    assert undressed(bare) is bare
