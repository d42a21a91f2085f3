"""Whether a name that a statement sets is read after it, before it is set again."""

import ast
import textwrap

import pytest

from tinydp.ad.advice.needed import is_needed_after

AFTER = {                                # what follows `if c: d = 1`, and whether d is needed then
    "return d": True, "d = 2\nreturn d": False, "return c": False, "d += 1": True, "d[0] = 1": True,
    "if c:\n    d = 2\nreturn d": True, "if c:\n    d = 2\nelse:\n    d = 3\nreturn d": False,
    "if d:\n    d = 2": True, "for k in c:\n    d = k\nreturn d": True, "for d in c:\n    print(d)": False,
    "while c:\n    d = 2\nprint(d)": True, "with c as d:\n    print(d)": True,
    "with c:\n    d = 2\nprint(d)": False, "try:\n    d = 2\nexcept E:\n    print(d)": True,
    "def g():\n    return d": True,
    "def g():\n    d = 1\n    return d": False, "g = lambda d: d": False, "print([d for d in c])": True,
    "d = d + 1": True, "d: float = 2\nprint(d)": False, "assert c, d": True}


@pytest.mark.parametrize("after", AFTER)
def test_what_follows(after):
    assert needed(f"if c:\n    d = 1\n{after}") == AFTER[after]


AROUND = {                               # around `if c: d = 1`
    "for k in c:\n    print(d)\n    {}": True, "for k in c:\n    d = 0\n    {}\n    print(d)": True,
    "for k in c:\n    {}\n    d = 0\n    print(d)": False, "while d:\n    {}": True,
    "for k in c:\n    {}\n    if k:\n        continue\n    d = 0\n    print(d)": True,
    "try:\n    {}\nexcept E:\n    print(d)": True,
    "try:\n    {}\nexcept E:\n    pass\nd = 0\nprint(d)": False,
    "for k in c:\n    if k:\n        d = 0\n    else:\n        {}\nprint(d)": True,
    "def g():\n    print(d)\n{}\ng()": True}


@pytest.mark.parametrize("around", AROUND)
def test_what_is_around(around):
    column = next(x for x in around.splitlines() if "{}" in x).index("{}")
    assert needed(around.format("if c:\n" + " " * column + "    d = 1")) == AROUND[around]


def needed(body):
    scope = ast.parse("def f(c):\n" + textwrap.indent(body, "    ")).body[0]
    choices = [x for x in ast.walk(scope) if isinstance(x, ast.If)]
    statement = next(x for x in choices if ast.unparse(x) == "if c:\n    d = 1")
    return is_needed_after(statement, scope, "d")
