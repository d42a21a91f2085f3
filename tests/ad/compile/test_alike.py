"""Loops that are alike become calls of one function, and do the same."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import alike, engine
from tinydp.ad.compile.alike import with_shared_loops
from tinydp.ad.compile.engine import machine_code_of
from tinydp.ad.compile.expressions import Apply, Buffer, Const, Load, Local
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.numba import text_of
from tinydp.ad.compile.statements import For, Function, Let, Store

from .lowering import assert_equal, random_program, results

INDEX, N = Local("i", "i"), Local("n", "i")


@pytest.fixture
def eager(monkeypatch):
    """Two loops are enough."""
    monkeypatch.setattr(engine, "with_shared_loops", lambda functions: with_shared_loops(functions, 0, 2))


def buffer(label, *shape):
    return Buffer(label, shape, "f", "input")


def scaled(x, y, count, by=2.0, reverse=False):
    """y = by x, in a loop."""
    product = Apply("multiply", (Const(by), Load(x, (INDEX,))), "f")
    return For(INDEX, count, [Store(Load(y, (INDEX,)), product)], reverse)


def count_of(*loops):
    """How many functions these loops need."""
    given = dict.fromkeys(x for s in loops for x in (s.body[0].place.buffer, s.body[0].value.args[1].buffer))
    return len(with_shared_loops([Function("f", [*given, N], [*loops])], 0, 2))


def test_what_is_alike():
    x, y, z, w = (buffer(label, n) for label, n in zip("xyzw", (9, 8, 7, 6), strict=True))
    assert count_of(scaled(x, y, 8), scaled(y, z, 7)) == 2
    assert count_of(scaled(x, y, N), scaled(y, z, N)) == 2
    assert count_of(scaled(x, y, 8), scaled(z, w, 6), scaled(x, w, 6)) == 2


def test_what_is_not():
    x, y, z = (buffer(label, n) for label, n in zip("xyz", (9, 8, 7), strict=True))
    assert count_of(scaled(x, y, 8), scaled(y, z, 7, by=3.0)) == 1
    assert count_of(scaled(x, y, 8), scaled(y, z, 7, by=-0.0), scaled(x, z, 7, by=0.0)) == 1
    assert count_of(scaled(x, y, 8), scaled(y, z, 7, reverse=True)) == 1
    assert count_of(scaled(x, y, 8), scaled(z, z, 7)) == 1                       # in place
    assert count_of(scaled(x, y, 8), scaled(y, z, N)) == 1
    seen = Buffer("seen", (8,), "f", seen=x)
    assert count_of(scaled(x, seen, 8), scaled(y, z, 7)) == 1                    # the same memory


def test_sums_are_returned():
    x, y, s, t = buffer("x", 5), buffer("y", 4), Local("s", "f"), Local("t", "f")

    def summed(total, x, count):
        return For(INDEX, count, [Let([total], [Apply("add", (total, Load(x, (INDEX,))), "f")])])
    start = Let([s, t], [Const(1.0), Const(2.0)])
    f = Function("f", [x, y], [start, summed(s, x, 5), summed(t, y, 4)], [s, t])
    functions = with_shared_loops([f], 0, 2)
    assert text_of(functions).count("return s") == 2
    assert machine_code_of(functions)(np.arange(5.0), np.arange(4.0)) == (11.0, 8.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed, monkeypatch):
    program, examples = random_program(seed)
    module = lowered(program, "f")
    args = [*(np.ascontiguousarray(x) if np.ndim(x) else x for x in examples), *module.constants]
    found = machine_code_of(module.functions)(*args)
    monkeypatch.setattr(engine, "with_shared_loops", lambda functions: functions)
    assert_equal(results(found), results(machine_code_of(module.functions)(*args)))


def pyramid(x, y):
    """Each level is shorter than the one before."""
    for _ in range(len(x) - 1):
        x = np.maximum(np.sin(x[1:] * y) + x[:-1], 0.1 * x[1:])
    return x[0]


def test_a_python_loop_over_shorter_and_shorter_arrays(monkeypatch):
    monkeypatch.setattr(alike, "LONG_FUNCTION", 200)
    x = np.random.default_rng(0).normal(size=24)
    made = []
    monkeypatch.setattr(engine, "with_shared_loops",
                        lambda fs: made.append(with_shared_loops(fs, 200)) or made[-1])
    compiled = dp.compile(pyramid)
    value, gradient = dp.value_and_grad(compiled, (0, 1))(x, 0.7)
    right, expected = dp.value_and_grad(pyramid, (0, 1))(x, 0.7)
    assert len(made[-1]) > 2
    assert value == pytest.approx(right, rel=1e-13)
    for a, b in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
