"""Sums of products over the steps of a loop are formed after it, as one product."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import products as module
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.dead import pruned
from tinydp.ad.compile.passes import optimised
from tinydp.ad.compile.products import sums_of_products
from tinydp.ad.compile.program import interpret, verify
from tinydp.ad.compile.simplify import simplified
from tinydp.ad.compile.trace import Trace, traced

from .examples import same


def after(f, *args):
    """The names of the operations after the last loop, once the products wait."""
    before = traced(f, *args)
    program = verify(pruned(simplified(verify(sums_of_products(simplified(before))))))
    assert same(interpret(before, *args), interpret(program, *args), exactly=False)
    names = [op.name for op in program.ops]
    last = max((k for k, name in enumerate(names) if name == "scan"), default=-1)
    return names[last + 1:]


def summed(share, start=None):
    """A function whose loop adds up `share(x, row)`."""
    def f(x, xs):
        def step(carry, row):
            total, x = carry
            return (total + share(x, row), np.sin(x)), None
        zero = np.zeros(np.shape(share(x, xs[0]))) if start is None else start
        return dp.scan(step, (zero, x), xs)[0][0]
    return f


VECTORS = np.arange(3.0), np.arange(8.0).reshape(4, 2)
MATRICES = np.arange(6.0).reshape(2, 3), np.arange(16.0).reshape(4, 2, 2)


@pytest.mark.parametrize("share", [
    lambda x, row: x[:, None] * row,
    lambda x, row: x[:, None] * row[None, :],
    lambda x, row: np.transpose(row[:, None] * x[None, :]),
    lambda x, row: row * np.expand_dims(x, -1),
    lambda x, row: x[:, None] * row + np.cos(x)[:, None] * row,
    lambda x, row: x[:, None] * np.transpose(np.reshape(row, (2, 1))),
    lambda x, row: np.reshape(x[:, None] * np.ones(4), (12, 1)) * row,
    lambda x, row: np.reshape(row[:, None] * x, (6, 1)) * np.reshape(x[:, None] * row, (1, 6)),
])
def test_outer_products(share):
    assert after(summed(share), *VECTORS)[-1] in ("matmul", "add")
    assert "matmul" in after(summed(share), *VECTORS)
    assert after(summed(share, start=np.ones(share(VECTORS[0], VECTORS[1][0]).shape)), *VECTORS)[-1] == "add"


def test_products_of_matrices():
    assert "matmul" in after(summed(lambda x, row: x.T @ row), *MATRICES)
    assert "matmul" in after(summed(lambda x, row: (x.T @ row).T), *MATRICES)


def test_other_sums_stay():
    assert after(summed(lambda x, row: x[:, None] * row + 1.0), *VECTORS) == []
    assert after(summed(lambda x, row: x * x), *VECTORS) == []

    def read(x, xs):
        def step(carry, row):
            total, x = carry
            total = total + x[:, None] * row
            return (total, np.sin(x) + total[0, 0]), None
        return dp.scan(step, (np.zeros((3, 2)), x), xs)[0][0]

    assert after(read, *VECTORS) == []


def layer(w, b, x, xs):
    def step(x, row):
        return np.tanh(x @ w + b + row), None
    x, _ = dp.scan(step, x, xs)
    return np.sum(x)


def weights(steps, *batch):
    """The adjoint of a layer that is run so often, before and after the passes, and its arguments."""
    args = 0.1 * np.eye(3), np.ones(3), np.ones((*batch, 3)), np.ones((steps, *batch, 3))
    with Trace().writing():
        before = adjoint(traced(layer, *args), [0, 1], [0])
    return before, optimised(before, verify), args


@pytest.mark.parametrize("batch", [(), (5,)])
def test_gradients_of_weights_and_biases(batch):
    before, program, args = weights(4, *batch)
    back = [op for op in program.ops if op.body is not None][-1]
    assert back.options["carries"] == 1
    assert same(interpret(before, *args, 1.0), interpret(program, *args, 1.0), exactly=False)


@pytest.fixture
def short(monkeypatch):
    """Loops of 64 steps are long ones."""
    monkeypatch.setattr(module, "LONG_LOOP", 64)
    monkeypatch.setattr(module, "STEPS_IN_BLOCK", 16)


@pytest.mark.usefixtures("short")
def test_a_long_loop_forms_its_products_block_by_block():
    before, program, args = weights(64)
    back = [op for op in program.ops if op.body is not None][-1]
    (inner,) = [op for op in back.body.ops if op.body is not None]
    assert (back.options["length"], back.options["carries"]) == (4, 3)
    assert (inner.options["length"], inner.options["carries"]) == (16, 1)
    assert same(interpret(before, *args, 1.0), interpret(program, *args, 1.0), exactly=False)


@pytest.mark.usefixtures("short")
def test_one_that_cannot_be_split_forms_them_at_the_end():
    before, program, args = weights(67)
    back = [op for op in program.ops if op.body is not None][-1]
    assert (back.options["length"], back.options["carries"]) == (67, 1)
    assert same(interpret(before, *args, 1.0), interpret(program, *args, 1.0), exactly=False)
