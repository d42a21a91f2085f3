"""A name says what a value is: `g_x` is the cotangent of the value that is called `x`, or else it is `g`."""

import numpy as np

import tinydp as dp
from tinydp.ad.compile.adjoint import adjoint
from tinydp.ad.compile.passes import PASSES
from tinydp.ad.compile.program import Op, Program, Value, all_values
from tinydp.ad.compile.reading import value_names
from tinydp.ad.compile.trace import Trace, traced
from tinydp.ad.registry import registered


def test_a_cotangent_is_called_after_the_value_itself():
    x, y = Value(1.0, "x"), Value(1.0, "x")
    g = Value(1.0, of=y)
    assert value_names(Program([x, y, g], [], [])) == {x: "x", y: "x_1", g: "g_x_1"}


def test_a_cotangent_of_a_value_that_comes_later():
    g, x = Value(1.0), Value(1.0, "x")
    y = Value(np.sin(1.0))
    g.of = y
    program = Program([x, g], [Op(registered(np.sin), (x,), {}, [y])], [y])
    assert value_names(program) == {x: "x", y: "t", g: "g_t"}


def test_a_label_that_another_value_has_is_no_name_for_the_cotangent_of_one_that_is_gone():
    x, gone = Value(1.0, "x"), Value(1.0, "x")
    g, h = Value(1.0, of=gone), Value(1.0, of=Value(1.0, "y"))
    assert value_names(Program([x, g, h], [], [])) == {x: "x", g: "g", h: "g_y"}


def test_what_passes_do_leaves_names_true():
    def loss(w, x):
        def step(x, _):
            x = w @ x
            y = np.sin(x)
            x = y * x
            return x, np.sum(y)
        x, ys = dp.scan(step, x, length=5)
        return np.sum(x) + np.sum(ys)

    program = traced(loss, np.eye(2), np.ones(2))
    with Trace().writing():
        program = adjoint(program, [0, 1], [0])
    for each in PASSES:
        program = each(program)
        names = value_names(program)
        labels = {x.label for x in all_values(program) if x.label}
        for x in all_values(program):
            if x.of is not None and not x.label:
                expected = names.get(x.of) or (x.of.label if x.of.label not in labels else "")
                assert names[x].startswith(f"g_{expected}" if expected else "g")
    assert len(set(names.values())) == len(names)
