"""Loops of which a call goes through few rounds are left to be loops, and do the same."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import llvm
from tinydp.ad.compile.brief import FEWEST, MOST_ROUNDS, brief_loops
from tinydp.ad.compile.engine import machine_code_of
from tinydp.ad.compile.expressions import Buffer, Const, Load, Local
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.statements import Call, For, Forever, Function, If, Leave, Store
from tinydp.ad.compile.storage import every

from .lowering import assert_equal, random_program, results

INDEX, N, ON = Local("i", "i"), Local("n", "i"), Local("on", "b")
X = Buffer("x", (1000,), "f", "input")



def with_brief_loops(monkeypatch):
    """From now on one loop is enough; returns a list of those that were found, for each program."""
    made = []
    monkeypatch.setattr(llvm, "brief_loops", lambda fs: made.append(brief_loops(fs, fewest=1)) or made[-1])
    return made


def loop(count, *within):
    return For(INDEX, count, [Store(Load(X, (INDEX,)), Const(1.0)), *within])


def of(*body, callees=()):
    """How often the loops go round that are brief, one after the other."""
    found = brief_loops([*callees, Function("f", [X, N, ON], [*body])], fewest=1)
    return sorted(s.count for s in found)


def test_rounds_are_those_of_all_loops_around():
    assert of(loop(3), loop(MOST_ROUNDS), loop(MOST_ROUNDS + 1)) == [3, MOST_ROUNDS]
    assert of(loop(16, loop(16)), loop(17, loop(18))) == [16, 16, 17]
    assert of(loop(1000, loop(2))) == []
    assert of(loop(0), If(ON, [loop(5)], [loop(6)])) == [0, 5, 6]


def test_rounds_that_are_not_known_may_be_many():
    assert of(loop(N, loop(2))) == []
    assert of(Forever([loop(2), Leave()])) == []


def test_a_function_is_called_as_often_as_it_is_called():
    part = Function("part", [X], [loop(7)])
    call = Call(part, [X])
    assert of(call, callees=[part]) == [7]
    assert of(loop(1000, call), callees=[part]) == []
    assert of(call, Call(part, [X]), callees=[part]) == []


def test_a_program_of_few_loops_has_none():
    few = [loop(3) for _ in range(FEWEST - 1)]
    assert not brief_loops([Function("f", [X], few)])
    assert len(brief_loops([Function("f", [X], [*few, loop(3)])])) == FEWEST


def test_each_has_a_note_of_its_own(monkeypatch):
    with_brief_loops(monkeypatch)
    module = llvm.Module([Function("f", [X], [loop(3), loop(4), loop(1000)])])
    text = str(module.ir)
    assert text.count("!llvm.loop") == 2
    assert text.count("llvm.loop.unroll.disable") == 1


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed, monkeypatch):
    program, examples = random_program(seed)
    module = lowered(program, "f")
    args = [*(np.ascontiguousarray(x) if np.ndim(x) else x for x in examples), *module.constants]
    expected = machine_code_of(module.functions)(*args)
    made = with_brief_loops(monkeypatch)
    assert_equal(results(machine_code_of(module.functions)(*args)), results(expected))
    assert any(made) == any(type(s) is For for f in module.functions for s in every(f.body))


def layers(w, x):
    """Python writes each round down; no two are alike."""
    for k in range(6):
        x = np.tanh(w @ x) * (k + 1.0) + np.sum(w[: k + 1] * w[: k + 1, :1], axis=0)
    return x @ x


def test_derivatives_of_any_order(monkeypatch):
    made = with_brief_loops(monkeypatch)
    rng = np.random.default_rng(0)
    w, x, v = 0.5 * rng.normal(size=(6, 6)), rng.normal(size=6), rng.normal(size=6)
    compiled = dp.compile(layers)
    for found, right in zip(dp.grad(compiled, (0, 1))(w, x), dp.grad(layers, (0, 1))(w, x), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)
    found, right = (dp.hvp(lambda x: f(w, x), x, v) for f in (compiled, layers))
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)
    assert all(made)
