"""Long functions become several: each is given what it needs, and returns what is set and needed."""

import numpy as np
import pytest

from tinydp.ad.compile.expressions import Apply, Const, Local
from tinydp.ad.compile.numba import text_of
from tinydp.ad.compile.split import exposed, split
from tinydp.ad.compile.statements import For, Function, If, Let

C, D = Local("c", "b"), Local("d", "b")
X, Y, A, B = (Local(label, "f") for label in "xyab")


def sine(y, x):
    return Let([y], [Apply("sin", (x,), "f")])


@pytest.mark.parametrize(("otherwise", "before"), [
    ([sine(A, Y)], {C, X, Y}), ([], {C, X, A}), ([If(D, [sine(A, Y)])], {C, X, D, Y, A}),
    ([If(D, [sine(A, Y)], [sine(A, X)])], {C, X, D, Y})], ids=["both", "one", "one of three", "three"])
def test_what_both_sides_of_a_choice_set_is_set_after_it(otherwise, before):
    assert set(exposed([If(C, [sine(A, X)], otherwise), sine(B, A)])) == before


def test_a_part_returns_what_it_sets_on_each_way():
    """`a` is set on one way of `d`, where it is needed, and the loop carries `b` alone."""
    inner = [If(C, [sine(A, X)], [sine(A, Y)]), sine(B, A)]
    loop = For(Local("i", "i"), Const(3), [If(D, inner), sine(B, B)])
    text = text_of(split([Function("f", [C, D, X, Y], [sine(B, X), loop], [B])], longest=3, part=4))
    assert "return b\n" in text
    names = {"sin": np.sin}
    exec(text, names)
    assert names["f"](True, False, 0.3, 0.5) == np.sin(np.sin(np.sin(np.sin(0.3))))
    assert names["f"](False, True, 0.3, 0.5) == np.sin(np.sin(np.sin(0.5)))
