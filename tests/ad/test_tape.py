"""The tape alone: recording, sweeping, freeing, ending."""

import gc
import weakref

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import EndedTapeError
from tinydp.ad.tape import Node, Tape, Var


def count_nodes():
    return sum(type(x) is Var for x in gc.get_objects())


def test_operations_are_recorded_in_order():
    tape = Tape()
    x = tape.input(3.0)
    y = 2.0 / (x - 1.0) + np.sin(x)
    assert [node.op.name for node in tape] == ["subtract", "divide", "sin", "add"]
    assert y is tape[-1]
    assert isinstance(y, Node)
    assert tape[1].args == (2.0, tape[0])
    assert y.value == 2.0 / (3.0 - 1.0) + np.sin(3.0)


def test_sweep_gives_inputs_their_cotangents():
    tape = Tape()
    x, w = tape.input(3.0), tape.input(4.0)
    tape.sweep([(x * w + x, 10.0)])
    assert (x.g, w.g) == (50.0, 30.0)


def test_several_results_are_swept_together():
    tape = Tape()
    x = tape.input(3.0)
    tape.sweep([(x * x, 1.0), (5.0 * x, 2.0), (x, 100.0)])
    assert x.g == 6.0 + 10.0 + 100.0


def test_a_node_that_does_not_matter_gets_no_cotangent():
    tape = Tape()
    x, unused = tape.input(3.0), tape.input(4.0)
    unused * x
    tape.sweep([(x * 2.0, 1.0)])
    assert x.g == 2.0
    assert unused.g is None


def test_zero_is_strong_in_the_fast_lane():
    tape = Tape()
    x = tape.input(1e200)
    y = x * x                                     # inf
    tape.sweep([(0.0 * y + x, 1.0)])
    assert x.g == 1.0


def test_keep_leaves_the_tape_for_another_sweep():
    tape = Tape()
    x = tape.input(3.0)
    y = x * x
    for _ in range(2):
        x.g = None
        tape.sweep([(y, 1.0)], keep=True)
        assert x.g == 6.0
    assert len(tape) == 1


def test_a_million_operations_without_recursion():
    def chain(x):
        for _ in range(1_000_000):
            x = x * 0.9999999
        return x

    gradient = dp.grad(chain)(1.0)
    assert gradient == pytest.approx(0.9999999**1_000_000, rel=1e-9)


def test_nodes_are_freed_as_they_are_swept():
    n, alive = 10_000, []
    probe = dp.custom_gradient(lambda x: x, lambda g, y, x: (alive.append(count_nodes()), g)[1])

    def f(x):
        x = probe(x)                              # swept last
        for _ in range(n):
            x = np.sin(x)
        return probe(x)                           # swept first

    before = count_nodes()
    dp.grad(f)(0.3)
    first, last = (count - before for count in alive)
    assert first > n
    assert last < 10


def test_nothing_stays_after_a_gradient():
    before = count_nodes()
    for _ in range(5):
        dp.grad(lambda x: np.sum(np.sin(x) ** 2))(np.ones(3))
        with pytest.raises(ZeroDivisionError):
            dp.grad(lambda x: x / (x - x))(1.0)
    gc.disable()                                  # freed by reference counts, not by the collector
    try:
        dp.grad(lambda x: x**2 * np.cos(x))(1.0)
        assert count_nodes() == before
    finally:
        gc.enable()


def test_a_pullback_frees_its_tape():
    _, pullback = dp.vjp(lambda x: x * x, 3.0)
    gone = weakref.ref(pullback)
    before = count_nodes()
    del pullback
    assert gone() is None
    assert count_nodes() < before


def test_an_ended_tape_refuses_more():
    leaked = []
    dp.grad(lambda x: leaked.append(x * 2) or x)(1.0)
    with pytest.raises(EndedTapeError, match="after the differentiation") as caught:
        leaked[0] + 1.0
    assert "test_tape.py" in str(caught.value)
    with pytest.raises(EndedTapeError):
        np.sin(leaked[0])
    with pytest.raises(EndedTapeError):
        dp.grad(lambda x: x * leaked[0])(1.0)
    assert dp.value(leaked[0]) == 2.0


def test_a_long_leaked_chain_dies_quietly():
    leaked = []

    def f(x):
        for _ in range(200_000):
            x = x + 1.0
        leaked.append(x)
        return 1.0 * x

    dp.grad(f)(0.0)
    leaked.clear()


def test_an_outer_tape_records_what_happens_inside():
    outer, inner = Tape(), Tape()
    x = outer.input(3.0)
    z = inner.input(x)                            # a traced value that holds a traced value
    inner.sweep([(z * z * z, 1.0)])
    assert type(z.g) is Var                       # 3 x^2, recorded on the outer tape
    outer.sweep([(z.g, 1.0)])
    assert x.g == 18.0
