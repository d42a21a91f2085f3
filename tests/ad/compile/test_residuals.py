"""What is stored for the way back: asserted as counts, on loops whose best plan is known."""

import math

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.expand import apart
from tinydp.ad.compile.loops import SCAN, scan_options
from tinydp.ad.compile.parts import Loop
from tinydp.ad.compile.passes import optimised
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.trace import Trace, traced

from .examples import count, same

DEAR = ("tanh", "sin", "cos", "sqrt", "divide", "exp", "power")


def gradient(f, *args, wrt=(0,)):
    """The optimised program of the value and the gradient, which agrees with what it was made of."""
    with Trace().writing():
        program = adjoint(optimised(traced(f, *args), verify), list(wrt), [0], primal=True)
        best = optimised(program, verify)
    assert same(interpret(program, *args, 1.0), interpret(best, *args, 1.0), exactly=False)
    return best


def loops(program):
    return [Loop(op) for op in program.ops if op.body is not None]


def stacked(loop):
    """How many numbers a loop writes in a step."""
    return sum(math.prod(np.shape(s.output)) if not hasattr(s.output, "shape") else math.prod(s.output.shape)
               for s in loop.stacks)


def rnn(w, u, b, xs):
    h, _ = dp.scan(lambda h, x: (np.tanh(w @ h + u @ x + b), None), np.zeros(4), xs)
    return np.sum(h * h)


def test_a_recurrent_network_computes_tanh_once_and_forms_gradients_after_the_loop():
    args = np.eye(4), np.ones((4, 3)), np.ones(4), np.ones((7, 3))
    best = gradient(rnn, *args, wrt=(0, 1, 2))
    there, back = loops(best)
    assert count(best, *DEAR) == count(traced(rnn, *args), *DEAR) == 1
    assert stacked(there) == 8                   # tanh, and the carry before it for the gradient of w
    assert len(back.carries) == 1
    assert stacked(back) == 4
    assert count(back.body, "matmul") == 1
    assert [op.name for op in best.ops[-4:]] == ["swapaxes", "matmul", "matmul", "sum"]


def pendulum(theta, omega, k, torques):
    def step(state, torque):
        theta, omega = state
        omega = omega + 0.1 * (torque - np.sin(theta) / k)
        return (theta + 0.1 * omega, omega), np.cos(theta)

    (theta, omega), heights = dp.scan(step, (theta, omega), torques)
    return theta * omega + np.sum(heights)


def test_what_is_dear_is_stored_and_what_is_cheap_is_computed_again():
    best = gradient(pendulum, 0.3, 0.1, 2.0, np.ones(9), wrt=(0, 1, 2))
    there, back = loops(best)
    assert count(back.body, "sin", "cos") == 0
    assert stacked(there) == 3                   # the heights, sin(theta), and the quotient
    assert all(s.output is not c.input for s in there.stacks for c in there.carries)


def test_a_comparison_of_what_was_computed_is_stored_and_of_what_is_read_is_not():
    def bounce(x, v):
        def step(state, _):
            x, v = state
            y = x + 0.1 * v
            return (np.where(y < 0, -y, y), np.where(v * 3 + x < 0.5, -v, 0.9 * v - 1.0)), None

        (x, v), _ = dp.scan(step, (x, v), length=20)
        return x

    there, back = loops(gradient(bounce, 1.0, 0.0, wrt=(0, 1)))
    assert count(back.body, "less") == 0
    assert sorted(s.output.kind for s in there.stacks) == ["b", "b"]

    def clipped(x):
        x, _ = dp.scan(lambda x, _: (np.where(x < 0.5, 2.0 * x, x * x), None), x, length=5)
        return x

    there, back = loops(gradient(clipped, 0.3))
    assert count(back.body, "less") == 1
    assert [s.output.kind for s in there.stacks] == ["f"]


def test_a_loop_in_a_loop_stores_through_both():
    def nested(w, x):
        def outer(x, _):
            x, _ = dp.scan(lambda x, _: (np.tanh(w @ x), None), x, length=3)
            return x, None

        x, _ = dp.scan(outer, x, length=5)
        return np.sum(x)

    best = gradient(nested, 0.5 * np.eye(4), np.ones(4), wrt=(0, 1))
    there, back = loops(best)
    assert count(best, "tanh") == 1
    assert count(there.body, "scan") == 1
    assert count(back.body, "tanh") == 0


def shot(speed):
    def step(state, dt):
        x, y, vx, vy = state
        drag = 0.1 * np.sqrt(vx * vx + vy * vy)
        return x + dt * vx, y + dt * vy, vx - dt * drag * vx, vy - dt * (9.81 + drag * vy)

    return dp.integrate(step, (0.0, 1.0, speed, speed), lambda s: s[1], dt=0.1, max_steps=100)[0]


def test_an_event_stores_what_its_way_back_needs():
    best = gradient(shot, 5.0)
    event, *_, back = loops(best)
    assert event.open_ended
    assert not back.open_ended
    assert count(back.body, "sqrt") == 0


def test_segments_keep_nothing_but_the_carry_between_them():
    def chain(x):
        x, _ = dp.scan(lambda x, _: (np.sin(x) + 0.1, None), x, length=12, segment=4)
        return x

    there, back = loops(gradient(chain, 0.3))
    assert stacked(there) == 1
    assert count(there.body, "sin") == 1
    assert count(back.body, "sin") == 1          # run again, where it stores for itself


def jacobian(back, n):
    """One way there, and a loop over the ways back, of an adjoint with one seed."""
    builder = Builder()
    values = {x: builder.input(x.example) for x in back.inputs[:-1]}
    rows = Builder(builder)
    values[back.inputs[-1]] = rows.input(back.inputs[-1].example)
    late = {back.inputs[-1]}
    for op in back.ops:
        is_late = not late.isdisjoint(op.operands)
        late.update(op.outs if is_late else ())
        (rows if is_late else builder).again(op, values)
    body, captured = rows.closed([values[x] for x in back.outputs])
    return builder.program(builder.record(SCAN, (np.eye(n), *captured), scan_options(body, 0, 1, n)))


def test_the_rows_of_a_jacobian_read_what_the_one_way_there_stored():
    def there(w, x):
        return dp.scan(lambda x, _: (np.tanh(w @ x), None), x, length=6)[0]

    args = np.array([[0.3, 0.5], [-0.2, 0.9]]), np.array([0.1, 0.4])
    with Trace().writing():
        program = jacobian(adjoint(traced(there, *args), [0], [0]), 2)
        best = optimised(verify(program), verify)
    assert same(interpret(program, *args), interpret(best, *args), exactly=False)
    forward, _ = loops(best)
    assert count(program, "tanh") == 2
    assert count(best, "tanh") == count(forward.body, "tanh") == 1


def test_the_rows_of_a_jacobian_of_an_event():
    with Trace().writing():
        back = adjoint(traced(lambda speed: shot(speed[0]) * np.ones(2), np.array([5.0])), [0], [0])
        program = jacobian(back, 2)
        best = optimised(verify(program), verify)
    args = [np.array([5.0])]
    assert same(interpret(program, *args), interpret(best, *args), exactly=False)
    assert count(loops(best)[-1].body, "sqrt") == 0


@pytest.mark.parametrize("order", [2, 3])
def test_higher_orders_compute_what_is_dear_not_much_more_often(order):
    def f(x):
        x, _ = dp.scan(lambda x, _: (np.tanh(x) + 0.1, None), x, length=6)
        return x

    with Trace().writing():
        program = optimised(traced(f, 0.3))
        for _ in range(order):
            seeds = len(program.outputs)
            program = optimised(adjoint(program, [0], [seeds - 1]), verify)
    assert count(program, "tanh") == 1


def test_a_loop_stores_what_its_way_back_needs_however_many_steps_it_makes():
    best = gradient(lambda x: dp.while_loop(lambda y: y > 0.1, lambda y: 0.5 * np.tanh(y), x), 2.0)
    there, back = loops(best)
    assert there.open_ended
    assert not back.open_ended
    assert count(back.body, "tanh") == 0


def test_what_is_padded_is_not_stored_beside_what_it_was():
    def f(x, w):
        def step(u, _):
            padded = np.pad(u, 1)
            return w * (padded[2:] - padded[:-2]) ** 2, None

        return np.sum(dp.scan(step, x, length=4)[0])

    there, _ = loops(gradient(f, np.array([0.1, 0.4, -0.3]), 0.7))
    assert stacked(there) == 3


def test_a_root_in_a_step_is_stored():
    def implicit(x):
        return dp.scan(lambda x, _: (dp.root(lambda y: y + y**3 - x, x), None), x, length=4)[0]

    with Trace().writing():
        whole = adjoint(traced(implicit, 0.5), [0], [0], primal=True)
    *_, back = loops(optimised(apart(whole)))
    assert count(back.body, "while_loop") == 0
