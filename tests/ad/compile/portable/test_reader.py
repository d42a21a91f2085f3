"""Plain Python, read as loops and buffers, is printed as what it says."""

import ast
import textwrap

import pytest

from tinydp.ad.compile import engine, portable
from tinydp.ad.compile.javascript import text_of
from tinydp.ad.compile.portable.reader import Reader

BY_LAPACK_ALONE = {"svd_into", "qr_into", "expm_into"}           # which a page refuses


def printed(source, letters=""):
    node = ast.parse(textwrap.dedent(source)).body[0]
    return text_of([Reader(node, {"LIMIT": 5.0}, portable.Library, letters).function()])


def test_returns_within_branches_and_what_follows_them():
    text = printed("""
        def f(x: float) -> float:
            if x > LIMIT:
                return 1.0
            if x < 0.0:
                y = -x
            elif x == 2.0:
                return 3.0
            else:
                y = x
            return y + 1.0
        """)
    assert text.count("y + 1.0") == 2            # after either side that does not return
    assert text.index("result = 1.0") < text.index("y = -x") < text.index("result = 3.0")


def test_loops_over_arrays():
    text = printed("""
        def f(w: Any, x: Any) -> float:
            rows, columns = w.shape
            total = 0.0
            for i in range(1, rows):
                for j in range(0, columns, 2):
                    total += w[i, j] * x[j]
            while total > 9.0:
                total *= 0.5
            return total
        """, "mv")
    assert "function f(w, w_rows, w_columns, x, x_size)" in text
    assert "w[w_columns * i + j] * x[j]" in text
    assert "total *= 0.5" in text or "total = total * 0.5" in text


def test_what_it_does_not_know_is_refused():
    with pytest.raises((NotImplementedError, KeyError, AttributeError)):
        printed("""
            def f(x: float) -> float:
                with x:
                    return x
            """)


@pytest.mark.parametrize("name", sorted(portable.LETTERS.keys() | engine.CALLED.keys() - BY_LAPACK_ALONE))
def test_each_kernel_is_read(name):
    assert portable.function_named(name).body
