"""Machine code by LLVM: the same results as `interpret`, and the same bits as Numba's code."""

import gc
import threading
import warnings

import numpy as np
import pytest

from tinydp.ad.compile import cache, engine
from tinydp.ad.compile.cache import CacheWarning, load
from tinydp.ad.compile.engine import machine_code_of
from tinydp.ad.compile.entry import layout_is_known, write_entry
from tinydp.ad.compile.expressions import Affine, Apply, Buffer, Const, Load, Local, Memory
from tinydp.ad.compile.llvm import Module
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.numba import printed
from tinydp.ad.compile.program import interpret
from tinydp.ad.compile.record import Builder
from tinydp.ad.compile.statements import (
    Again,
    Alloc,
    Call,
    Fail,
    For,
    Forever,
    Function,
    If,
    Leave,
    Let,
    See,
    Store,
)
from tinydp.ad.registry import registered

from .lowering import assert_equal, random_program, results


def apply(name, *args, kind="f"):
    return Apply(name, args, kind)


def whole(buffer):
    return Memory(buffer, (), buffer.shape)


# ---------------------------------------------------------------------------- programs

@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed):
    program, examples = random_program(seed)
    module = lowered(program, "f")
    with np.errstate(all="ignore"):
        wanted = interpret(program, *examples)
    found = machine_code_of(module.functions)(*map(contiguous, examples), *module.constants)
    assert_equal(results(found), list(wanted))


def contiguous(x):
    return np.ascontiguousarray(x) if np.ndim(x) else x


def test_same_bits_as_numba():
    names = ["add", "divide", "power", "sqrt", "sin", "tanh", "exp", "expm1", "log1p", "hypot", "mod",
             "floor_divide", "maximum", "fmin", "logaddexp", "sign", "rint", "less", "not_equal", "isfinite",
             "signbit", "degrees"]
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e308, 5e-324, 0.5, -2.5, 709.9, -745.3]
    a, b = (np.concatenate([spread(special, len(special)), 3 * rng.normal(size=300),
                            np.exp(20 * rng.normal(size=300))]) for spread in (np.repeat, np.tile))
    builder = Builder()
    x, y = builder.input(a, "x"), builder.input(b, "y")
    outs = []
    with np.errstate(all="ignore"):
        for name in names:
            ufunc = getattr(np, name)
            outs += builder.record(registered(ufunc), (x, y)[: ufunc.nin], {})
        for exponent in (2, 3, 4, -1, 0.5, 3.0):
            outs += builder.record(registered(np.power), (x, exponent), {})
    program = builder.program(outs)
    module = lowered(program, "f")
    text = printed(module, "All.")
    wanted = load(text.name, text.text)(a, b)
    for k, (u, v) in enumerate(zip(machine_code_of(module.functions)(a, b), wanted, strict=True)):
        there = ~np.isnan(u.astype(float))
        np.testing.assert_array_equal(u, v, err_msg=str(k))
        np.testing.assert_array_equal(np.signbit(u.astype(float))[there], np.signbit(v.astype(float))[there])


def test_same_text_for_the_same_program():
    texts = []
    for _ in range(2):
        program, _ = random_program(1)
        module = Module(lowered(program, "f").functions)
        write_entry(module)
        texts.append(str(module.ir))
    assert texts[0] == texts[1]


def test_no_contraction():
    x = Local("x", "f")
    square = apply("multiply", x, x)
    run = machine_code_of([Function("f", [x], [], [apply("subtract", square, square)])])
    assert run(0.1) == 0.0


# ---------------------------------------------------------------------------- statements

def test_loops_and_their_ends():
    n, k, total, i = Local("n", "f"), Local("k", "i"), Local("total", "f"), Local("i", "i")
    body = [
        Let([k, total], [Const(0), Const(0.0)]),
        Forever([
            Let([k], [apply("add", k, Const(1), kind="i")]),
            If(apply("equal", k, Const(3), kind="b"), [Again()]),
            If(apply("greater", apply("float", k), n, kind="b"), [Leave()]),
            For(i, 2, [Let([total], [apply("add", total, apply("float", k))])]),
        ]),
        For(i, k, [Let([total], [apply("subtract", total, apply("float", Affine(1, 2, i)))])], reverse=True)]
    run = machine_code_of([Function("f", [n], body, [total, apply("float", k)])])
    assert run(5) == (2.0 * (1 + 2 + 4 + 5) - 36.0, 6.0)


def test_variables_are_set_at_once():
    a, b = Local("a", "f"), Local("b", "f")
    run = machine_code_of([Function("f", [a, b], [Let([a, b], [b, a])], [a, b])])
    assert run(1.0, 2.0) == (2.0, 1.0)


def growing(fail=0.0):
    """A function that stores so many rows, in an array that grows; it fails where a row is `fail`."""
    n, k, full = Local("n", "f"), Local("k", "i"), Local("count", "i")
    rows = Buffer("rows", (2, 3), "f")
    exact = Buffer("rows", (full, 3), "f", seen=rows)
    i = Local("i", "i")
    value = apply("multiply", apply("float", k), apply("float", i))
    body = [
        Alloc(rows), Let([k], [Const(0)]),
        Forever([
            If(apply("equal", k, apply("length", rows, kind="i"), kind="b"),
               [Call("grown", [whole(rows)], [rows])]),
            If(apply("greater_equal", apply("float", k), n, kind="b"), [Leave()]),
            If(apply("less", apply("float", k), Const(fail), kind="b"), [Fail("a row is wrong")]),
            For(i, 3, [Store(Load(rows, (k, i)), value)]),
            Let([k], [apply("add", k, Const(1), kind="i")])]),
        Let([full], [k]), See(exact, whole(rows))]
    return Function("f", [n], body, [whole(exact), apply("float", full)])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100])
def test_arrays_that_grow(n):
    rows, count = machine_code_of([growing()])(float(n))
    assert count == n
    assert rows.flags.owndata
    np.testing.assert_array_equal(rows, np.outer(np.arange(n), np.arange(3.0)))


def test_arrays_that_grow_in_a_loop():
    total, i, once = Local("total", "f"), Local("i", "i"), growing()
    add = Let([total], [apply("add", total, once.results[1])])
    body = [Let([total], [Const(0.0)]), For(i, 3, [*once.body, add])]
    assert machine_code_of([Function("f", once.parameters, body, [total])])(50.0) == 150.0


def test_failures():
    run = machine_code_of([growing(fail=1.0)])
    for _ in range(3):
        with pytest.raises(ArithmeticError, match="a row is wrong"):
            run(5.0)
    x = Local("x", "f")
    below = apply("less", x, Const(0.0), kind="b")
    part = Function("part", [x], [If(below, [Fail("below")])], [apply("sqrt", x)])
    y, z = Local("y", "f"), Buffer("z", (1000,), "f")
    body = [Alloc(z), Call(part, [x], [y]), Store(Load(z, (999,)), y)]
    run = machine_code_of([part, Function("f", [x], body, [y, whole(z)])])
    assert run(4.0)[0] == run(4.0)[1][-1] == 2.0
    with pytest.raises(ArithmeticError, match="below"):
        run(-1.0)


def test_results_of_all_kinds():
    x, c, a = Local("x", "f"), Local("c", "b"), Buffer("a", (2, 2), "b", "input")
    run = machine_code_of([Function("f", [x, c, a], [], [
        x, c, apply("logical_not", c, kind="b"), Load(a, (1, 0)), Const(True), Const(2.5)])])
    found = run(1, True, np.array([[False, False], [True, False]]))
    assert found == (1.0, True, False, True, True, 2.5)
    assert [type(x) for x in found] == [float, bool, bool, bool, bool, float]


def test_other_arguments_are_refused():
    a = Buffer("a", (2, 3), "f", "input")
    run = machine_code_of([Function("f", [a, Local("x", "f")], [], [Load(a, (1, 2))])])
    good = np.arange(6.0).reshape(2, 3)
    assert layout_is_known()
    assert run(good, 0.0) == 5.0
    others = [good.T, good[:, :2], good.astype(np.float32), good.astype(bool), good.ravel(), good.T + 0, 3.0]
    for args in [(good,), (good, "x"), *((x, 0.0) for x in others)]:
        with pytest.raises(TypeError):
            run(*args)


# ---------------------------------------------------------------------------- memory, threads

def long_program():
    x = np.ones(40_000)
    builder = Builder()
    given = builder.input(x, "x")
    (y,) = builder.record(registered(np.exp), (given,), {})
    (z,) = builder.record(registered(np.cumsum), (y,), {"axis": 0})
    (t,) = builder.record(registered(np.sum), (z,), {})
    return builder.program([y, z, t])


def test_threads_share_no_memory():
    run = machine_code_of(lowered(long_program(), "f").functions)
    found = {}

    def work(k):
        x = np.full(40_000, 0.01 * k)
        for _ in range(20):
            found[k] = run(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, (y, z, total) in found.items():
        np.testing.assert_allclose(y, np.exp(0.01 * k), rtol=1e-15)
        np.testing.assert_allclose(z[-1], 40_000 * np.exp(0.01 * k))
        np.testing.assert_allclose(total, z.sum())


def test_the_code_lives_as_long_as_the_function():
    x = Local("x", "f")
    run = machine_code_of([Function("f", [x], [], [apply("add", x, Const(0.125))])])
    gc.collect()
    assert run(1.0) == 1.125
    assert machine_code_of([Function("f", [x], [], [apply("add", x, Const(0.125))])]) is run


# ---------------------------------------------------------------------------- what is kept

@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path))
    engine._loaded.clear()
    return tmp_path


def plus(number):
    x = Local("x", "f")
    engine._loaded.clear()
    return machine_code_of([Function("f", [x], [], [apply("add", x, Const(number))])])


def test_code_is_kept(place, monkeypatch):
    assert plus(3.0)(1.0) == 4.0
    (file,) = place.glob("f_*.o")
    monkeypatch.setattr(engine, "compiled", None)                # nothing is compiled again
    assert plus(3.0)(2.0) == 5.0
    assert list(place.iterdir()) == [file]


@pytest.mark.parametrize("damage", [
    lambda x: x[:-1], lambda x: x[:200] + bytes([x[200] ^ 1]) + x[201:], lambda x: b""])
def test_damaged_code_is_compiled_again(place, damage):
    assert plus(3.0)(1.0) == 4.0
    (file,) = place.glob("f_*.o")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert plus(3.0)(1.0) == 4.0
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path / "file" / "folder"))
    cache._say_once.cache_clear()
    with pytest.warns(CacheWarning):
        assert plus(4.0)(1.0) == 5.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plus(5.0)(1.0) == 6.0
