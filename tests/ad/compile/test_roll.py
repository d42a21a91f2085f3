"""Rolling up repetitions: the meaning stays to the bit, and programs become short."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.compile import roll as roll_module
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.loops import SCAN
from tinydp.ad.compile.program import interpret, like, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.roll import longest_line, roll
from tinydp.ad.compile.rows import GETITEM
from tinydp.ad.compile.trace import Trace, traced
from tinydp.ad.registry import registered
from tinydp.ad.rules.shaping import stacked

UNARY = [np.sin, np.tanh, np.negative, np.square]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.arctan2]
GROUPS = 24


def equal_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def checked(program, *args):
    """The rolled program, after it was seen to do the same."""
    rolled = verify(roll(program))
    assert [*map(like, rolled.outputs)] == [*map(like, program.outputs)]
    for a, b in zip(interpret(program, *args), interpret(rolled, *args), strict=True):
        assert equal_bits(a, b), rolled
    return rolled


def names(program):
    """The operations of a program, and of its loops."""
    return [(op.name, names(op.body)) if op.body else op.name for op in program.ops]


# ---------------------------------------------------------------------------- random programs

class Random:
    """A random program: noise, repeated groups, noise."""

    def __init__(self, r):
        self.r, self.builder = r, Builder()
        self.examples = [0.3, -0.7, np.array([0.1, 0.5, -0.2]), np.linspace(-1, 1, 40),
                         np.linspace(-1, 1, 120).reshape(40, 3)]
        self.pool = [self.builder.input(x) for x in self.examples[:3]]
        self.series = [self.builder.input(x) for x in self.examples[3:]]

    def op(self, f, *args, **options):
        return self.builder.record(f if f is GETITEM or f is stacked else registered(f), args, options)[0]

    def noise(self):
        for _ in range(self.r.randint(0, 6)):
            self.pool.append(self.op(*self.chosen(self.pool)))

    def chosen(self, values):
        if self.r.random() < 0.4:
            return self.r.choice(UNARY), self.r.choice(values)
        constants = [self.r.choice([0.5, 2, -0.0])]
        pair = [self.r.choice(values), self.r.choice([*values, *constants])]
        self.r.shuffle(pair)
        return self.r.choice(BINARY), *pair

    def repeated(self):
        """Groups by one recipe, whose arguments are named by where they come from."""
        r, n = self.r, self.r.randint(2, GROUPS)
        states = [r.choice([*self.pool, 0.0]) for _ in range(r.randint(0, 3))]
        first, step = r.randint(0, 8), r.choice([1, 1, 1, -1, 0])
        given = [[r.choice([*self.pool, 1.5]) for _ in range(n)], [float(r.randint(0, 5)) for _ in range(n)]]
        recipe = []
        sources = [("pool", r.randrange(len(self.pool))), ("row", 0), ("row", 1), ("given", 0), ("given", 1),
                   ("constant", 0.25), *[("state", k) for k in range(len(states))] * 2]
        for q in range(r.randint(1, 5)):
            own = [("own", k) for k in range(q)]
            arity = r.choice([1, 2, 2])
            recipe.append((r.choice(UNARY if arity == 1 else BINARY),
                           [r.choice(sources + own * 2) for _ in range(arity)]))
        handed = [r.randrange(len(recipe)) for _ in states]
        pool, made = list(self.pool), []
        for k in range(n):
            own: list = []
            for f, places in recipe:
                args = []
                for kind, j in places:
                    args.append({"pool": lambda j: pool[j], "constant": lambda j: j,
                                 "row": lambda j: self.op(GETITEM, self.series[j], (first + step * k) % 40),
                                 "given": lambda j: given[j][k], "state": lambda j: states[j],
                                 "own": lambda j: own[j]}[kind](j))
                if all(isinstance(x, float) for x in args):
                    args[0] = pool[0]
                own.append(self.op(f, *args))
            states = [own[j] for j in handed]
            made.append(own)
        kept = r.randrange(len(recipe))
        column = [own[kept] for own in made]
        if r.random() < 0.5 and len({x.shape for x in column}) == 1:
            self.pool.append(self.op(np.sum, self.op(stacked, *column)))
        self.pool += [r.choice(column) for _ in range(r.randint(0, 2))] + states

    def program(self):
        for _ in range(self.r.randint(1, 2)):
            self.noise()
            self.repeated()
        self.noise()
        return self.builder.program([self.r.choice(self.pool) for _ in range(3)] + self.pool[-3:])


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([4, roll_module.WORTH]))
def test_random_programs_stay_the_same(r, worth):
    chosen = Random(r)
    program = chosen.program()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roll_module, "WORTH", worth)
        rolled = checked(program, *chosen.examples)
    assert worth == 4 or len(rolled) <= len(program)


# ---------------------------------------------------------------------------- what is rolled

def test_a_loop_over_arrays():
    def f(x, w):
        v, total = np.zeros(3), 0.0
        for _ in range(40):
            v = v + 0.01 * (-w @ x + 0.1 * np.sin(v))
            x = x + 0.01 * v
            total = total + np.sum(x ** 2)
        return total, x

    args = np.ones(3), np.eye(3)
    program = traced(f, *args)
    rolled = checked(program, *args)
    assert len(program) > 400
    assert len(rolled) < 30
    assert sum(op.prim is SCAN for op in rolled.ops) == 1


def test_rows_and_stacked_states():
    def f(x, us):
        states = [x]
        for u in us:
            states.append(np.tanh(states[-1] + u * 0.5))
        return np.stack(states)

    args = np.ones(3), np.linspace(0, 1, 60).reshape(20, 3)
    rolled = checked(traced(f, *args), *args)
    assert names(rolled) == [("scan", ["multiply", "add", "tanh"]), "stack", "concatenate"]


@pytest.mark.parametrize("index", [lambda k: (k, 1), lambda k: (1, k), lambda k: -1 - k, lambda k: (k, k),
                                   lambda k: 2 * k, lambda k: (19 - k) * 2, lambda k: (k * 7) % 20,
                                   lambda k: (k, slice(None), 1), lambda k: (k, slice(1, 3))])
def test_rows_by_any_index(index):
    def f(x, us):
        for k in range(20):
            x = np.sin(x * np.sum(us[index(k)]))
        return x

    us = np.cos(np.arange(40 * 40.0)).reshape(40, 40)
    if isinstance(index(0), tuple) and len(index(0)) == 3:
        us = us[:, :, None] * np.ones(2)
    rolled = checked(traced(f, 0.3, us), 0.3, us)
    assert sum(op.prim is SCAN for op in rolled.ops) == 1
    assert len(rolled) < 15


def test_constants_become_a_table():
    def f(x):
        for k in range(30):
            x = np.sin(x) + k ** 2
        return x

    rolled = checked(traced(f, 0.3), 0.3)
    (loop,) = [op for op in rolled.ops if op.prim is SCAN]
    assert isinstance(loop.args[1], np.ndarray)
    assert len(loop.args[1]) == loop.options["length"] >= 28


def test_values_of_two_groups_ago():
    def f(a, b):
        for _ in range(30):
            a, b = b, np.sin(a) + 0.5 * b
        return a, b

    rolled = checked(traced(f, 0.3, 0.2), 0.3, 0.2)
    assert names(rolled) == [("scan", ["sin", "multiply", "add"])]


def test_loops_within_loops():
    def f(x):
        for _ in range(10):
            z = np.sin(x)
            for _ in range(20):
                z = z - 0.1 * np.sin(z * z)
            x = x + z
        return x

    rolled = checked(traced(f, 0.3), 0.3)
    assert names(rolled) == [("scan", ["sin", ("scan", ["multiply", "sin", "multiply", "subtract"]), "add"])]


def test_loops_within_the_step_of_a_scan():
    def f(x):
        def step(x, _):
            for _ in range(30):
                x = x - 0.1 * np.sin(x)
            return x, None
        return dp.scan(step, x, None, 5)[0]

    rolled = checked(traced(f, 0.3), 0.3)
    assert names(rolled) == [("scan", [("scan", ["sin", "multiply", "subtract"])])]


def test_losses_summed_afterwards():
    def f(x, us):
        losses = []
        for u in us:
            x = np.tanh(x + u)
            losses.append((x - 0.5) ** 2)
        return sum(losses), np.stack(losses), losses[3]

    args = 0.3, np.linspace(0, 1, 40)
    assert len(checked(traced(f, *args), *args)) < 15


def test_gradients_inside():
    def f(x):
        total = 0.0
        for k in range(30):
            total = total + dp.grad(lambda z: np.sin(z) * z)(x[k]) + dp.stop_gradient(total)
        return total

    x = np.linspace(0, 1, 30)
    rolled = checked(traced(f, x), x)
    assert len(rolled) < 30


def test_conditions_that_were_decided():
    def f(x):
        decided = []
        for _ in range(30):
            decided.append(x > 9.0)
            x = x + 0.1 * np.sin(x)
        return x, decided

    rolled = checked(traced(f, 0.3), 0.3)
    (loop,) = [op for op in rolled.ops if op.prim is SCAN]
    assert loop.outs[1].kind == "b"


def test_layers_with_constant_weights():
    weights = np.cos(np.arange(20 * 9.0)).reshape(20, 3, 3)

    def f(x):
        for w in weights:
            x = np.tanh(w @ x) + x
        return x

    rolled = checked(traced(f, np.ones(3)), np.ones(3))
    assert names(rolled) == [("scan", ["matmul", "tanh", "add"])]
    assert rolled.ops[0].args[1].shape == (20, 3, 3)


def test_numbers_side_by_side_become_arrays():
    def f(xs, dt):
        return np.stack([x + dt * np.sin(x) for x in xs])

    args = np.linspace(0, 1, 64), 0.1
    assert names(checked(traced(f, *args), *args)) == ["sin", "multiply", "add"]


def test_neighbours_in_a_python_loop():
    def f(xs):
        xs = list(xs)
        n = len(xs)
        for _ in range(30):
            xs = [xs[i] + 0.1 * (xs[(i + 1) % n] - 2 * xs[i] + xs[i - 1]) for i in range(n)]
        return np.stack(xs)

    x = np.sin(np.arange(32.0))
    program = traced(f, x)
    rolled = checked(program, x)
    assert len(program) > 4000
    assert len(rolled) < 20


# ---------------------------------------------------------------------------- what stays

def unchanged(f, *args):
    program = traced(f, *args)
    return roll(program) is program


def test_short_repetitions_stay():
    def f(x):
        for _ in range(5):
            x = x + np.sin(x)
        return x

    assert unchanged(f, 0.3)


def test_exponents_and_axes_stay():
    def powers(x):
        return sum(x ** k for k in range(2, 40))

    def axes(x):
        for k in range(40):
            x = np.cumsum(x, axis=k % 2)
            x = np.cumsum(x, axis=(k * k // 3) % 2)
        return x

    checked(traced(powers, 0.9), 0.9)
    rolled = checked(traced(axes, np.eye(2)), np.eye(2))
    assert "power" in names(roll(traced(powers, 0.9)))
    assert {"cumsum"} >= {name for name in names(rolled) if isinstance(name, str)}


def test_what_only_looks_like_a_repetition_stays():
    def f(x):
        made, r = [x, np.sin(x)], random.Random(3)
        for _ in range(60):
            made.append(made[-1] + r.choice(made[-9:]) * r.choice(made[-9:]))
        return made[-1]

    assert unchanged(f, 0.01)


def test_events_stay():
    def f(x):
        for _ in range(40):
            state = dp.integrate(lambda s, h: (s[0] - h * s[1], s[1] * 1.01), (x, 1.0),
                                 until=lambda s: s[0], max_steps=100, dt=0.1)
            x = 1.0 + 0.1 * np.sin(state[1])
        return x

    assert not any(op.prim is SCAN for op in roll(traced(f, 1.0)).ops)


def test_nothing_stays_nothing():
    assert unchanged(lambda x: x, 0.3)


def test_a_value_of_the_first_group_used_by_all_others():
    def f(x, y):
        first = None
        for _ in range(30):
            x = np.sin(x) * y
            first = x if first is None else first
            x = x + first
        return x

    rolled = checked(traced(f, 0.3, 0.4), 0.3, 0.4)
    assert len(rolled) < 15


# ---------------------------------------------------------------------------- around

def test_the_gradient_is_that_of_the_loop():
    def f(x, us):
        for u in us:
            x = np.tanh(x + np.sin(u * x))
        return np.sum(x)

    args = np.array([0.1, 0.2]), np.linspace(0, 1, 30)
    program = traced(f, *args)
    with Trace().writing():
        straight, rolled = (interpret(adjoint(p, [0, 1], [0]), *args, 1.0) for p in (program, roll(program)))
    for a, b in zip(straight, rolled, strict=True):
        assert np.allclose(a, b, rtol=1e-13)


def test_the_longest_line_is_named():
    def f(x):
        for k in range(50):
            y = np.sin(x)
            x = y * y + x * y - k * x
        return x

    program = traced(f, 0.3)
    spot, count = longest_line(program)
    assert spot.line == f.__code__.co_firstlineno + 3
    assert count == len(program)
    assert longest_line(roll(program))[1] < 30


def test_twenty_thousand_operations():
    def f(x):
        for _ in range(5000):
            x = x + np.sin(x * x) * 0.1
        return x

    assert len(roll(traced(f, 0.3))) < 10
