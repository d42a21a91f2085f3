"""The advice on too many ways, as text; that it works is tested in compile/test_way_advice.py."""

import ast
import textwrap

import pytest

from tinydp.ad.advice.ways import advised


def at(source, test):
    """The position of a text in a source."""
    row, line = next((k, line) for k, line in enumerate(source.splitlines(), 1) if test in line)
    column = line.index(test)
    return row, row, column, column + len(test)


def texts(source, test):
    """What is advised where this asks, if all that decides does."""
    source = textwrap.dedent(source).strip("\n") + "\n"
    decided = [(x.test.lineno, x.test.end_lineno, x.test.col_offset, x.test.end_col_offset)
               for x in ast.walk(ast.parse(source)) if isinstance(x, ast.If)]
    found = advised(source, at(source, test), decided)
    return None if found is None else (textwrap.dedent(found.text), found.first, found.last, found.instead_of)


STATEMENTS = [
    ("""
     def f(x, v):
         if x < 0:
             x, v = -x, -0.9 * v
         return x, v
     """, "x < 0", ("x, v = (np.where(x < 0, -x, x), np.where(x < 0, -0.9 * v, v))", 2, 3)),
    ("""
     def f(state, limit):
         if state.I > limit:
             caution = limit / state.I
         else:
             caution = 1.0
         return caution
     """, "state.I > limit", (
         "caution = dp.cond(state.I > limit, lambda: limit / state.I, lambda: 1.0)", 2, 5)),
    ("""
     def f(x):
         if x is not None and x > 0:
             x = 0.5 * x
         return x
     """, "x > 0", ("x = np.where(x is not None and x > 0, 0.5 * x, x)", 2, 3)),
    ("""
     def slow(v, mu):
         if np.abs(v) <= mu:
             return 0.0
         v = v - mu * np.sign(v)
         return v
     """, "np.abs(v) <= mu", ("def otherwise(v):\n    v = v - mu * np.sign(v)\n    return v\n"
                              "return dp.cond(np.abs(v) <= mu, lambda v: 0.0, otherwise, v)", 2, 5)),
    ("""
     def f(v, i):
         if v[i] < 0.0:
             v[i] = -v[i]
     """, "v[i] < 0.0", ("v[i] = np.where(v[i] < 0.0, -v[i], v[i])", 2, 3)),
    ("""
     def f(x):
         try:
             x = g(x)
         except ValueError:
             if x > 1:
                 x = 1.0
         return x
     """, "x > 1", ("x = np.where(x > 1, 1.0, x)", 5, 6)),
]


@pytest.mark.parametrize(("source", "test", "wanted"), STATEMENTS)
def test_statements(source, test, wanted):
    assert texts(source, test) == (*wanted, "")


EXPRESSIONS = {
    "y = abs(x) if x < 1 else x": ("x < 1", "np.where(x < 1, abs(x), x)", "abs(x) if x < 1 else x"),
    "y = f(lambda z: 1 / z if z > 1 else z)": ("z > 1", "dp.cond(z > 1, lambda: 1 / z, lambda: z)",
                                               "1 / z if z > 1 else z"),
    "y = f(at=1 / z if z > 1 else z)": ("z > 1", "dp.cond(z > 1, lambda: 1 / z, lambda: z)",
                                        "1 / z if z > 1 else z"),
    "hit = x < 1 and not y": ("x < 1", "np.logical_and(x < 1, np.logical_not(y))", "x < 1 and not y"),
    "z = min(x, max(y, 2), 3)": ("min(x, max(y, 2), 3)", "np.minimum(np.minimum(x, np.maximum(y, 2)), 3)",
                                 "min(x, max(y, 2), 3)"),
}


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expressions(source):
    test, new, old = EXPRESSIONS[source]
    assert texts(source, test) == (new, 0, 0, old)


@pytest.mark.parametrize(("source", "test"), [
    ("for z in zs:\n    if z > x:\n        break", "z > x"),
    ("def f(x, found):\n    if x > 1:\n        found.append(x)\n", "x > 1"),
    ("def f(x):\n    if x > 1:\n        return x\n", "x > 1"),
    ("def f(x):\n    global y\n    if x > 1:\n        y = x\n    return y", "x > 1"),
    ("def f(x):\n    if x > 1:\n        y = x\n    return y", "x > 1"),
    ("def f(x):\n    if x is None:\n        y = 1\n    elif x > 1:\n        y = x\n    return y", "x > 1"),
    ("y = sum(z for z in zs if z > 1)", "z > 1"), ("assert x > 1", "x > 1"), ("y = g(x)", "g(x)"),
    ("while x > 1:\n    x = x - y\n    y = y + 1", "x > 1")])
def test_what_is_left_to_the_user(source, test):
    assert texts(source, test) is None


def test_an_if_around_that_is_known_stays():
    source = "def f(x, k):\n    if k > 0:\n        if x > 1:\n            x = 1.0\n    return x\n"
    assert advised(source, at(source, "x > 1"))[:3] == ("        x = np.where(x > 1, 1.0, x)", 3, 4)
    assert advised(source, at(source, "x > 1"), [at(source, "k > 0")])[1:3] == (2, 4)


def test_broken_sources():
    assert advised("def f(:\n", (1, 1, 0, 3)) is None
    assert advised("", (1, 1, 0, 3)) is None
    assert advised("x = 1\n", (7, 7, 0, 3)) is None
