"""What is advised where a step takes too many ways works when it is pasted, until the program compiles.

Each program runs on plain numbers first: value and gradient on the tape are the oracle, before and after.
"""

import linecache
import textwrap

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import paths
from tinydp.ad.errors import BranchError

FEW = 30                                         # instead of 1,024, so that this is fast


@pytest.fixture(autouse=True)
def _few_runs(monkeypatch):
    monkeypatch.setattr(paths, "MOST_RUNS", FEW)


def function(source, names=None):
    linecache.cache["ways.py"] = (len(source), None, source.splitlines(keepends=True), "ways.py")
    names = {"np": np, "dp": dp, "biggest": max, "smallest": min} if names is None else {**names}
    exec(compile(source, "ways.py", "exec"), names)
    return names["f"]


def pasted(source, error):
    """The program with what is advised in place of what it is about."""
    _, _, advice = error.advice.partition("no decision: ")
    advice, _, needed = advice.partition("It needs: ")
    advice = advice.rstrip()
    if needed:                                   # behind all, so that the lines keep their numbers
        assert "import" in needed
        source += "".join(f"{line}\n" for line in needed.split("; "))
    if advice.startswith("instead of line"):
        where, _, new = advice.partition(", write\n")
        numbers = [int(word) for word in where.split() if word.isdecimal()]
        lines = source.splitlines()
        return "\n".join([*lines[: numbers[0] - 1], new, *lines[numbers[-1]:]]) + "\n"
    assert advice.startswith("write "), error
    old = error.place.expression
    assert advice.endswith(f" instead of {old}.")
    new = advice.removeprefix("write ").removesuffix(f" instead of {old}.")
    assert old in source
    return source.replace(old, f"({new})")


def followed(source, *args, names=None):
    """The program after all advice is followed, and the errors that it raised before."""
    errors = []
    for _ in range(8):
        try:
            dp.compile(function(source, names))(*args)
            return source, errors
        except BranchError as error:
            errors.append(error)
            source = pasted(source, error)
    raise AssertionError(f"it is still refused:\n{source}\n{errors[-1]}")


def program(body, result="x", helpers=""):
    """A loop whose step goes six times over these lines, which may change x and y."""
    lines = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 12)
    return (f"{textwrap.dedent(helpers)}\n"
            "def f(x, y):\n    def step(carry, t):\n        x, y = carry\n        for k in range(6):\n"
            f"{lines}\n            x, y = 0.9 * x + 0.1 * k - 0.2 * y, 0.8 * y + 0.1\n"
            f"        return (x, y), {result}\n"
            "    (x, y), zs = dp.scan(step, (x, y), np.arange(4.0))\n    return x + 2 * y + np.sum(zs)\n")


PROGRAMS = {
    "an if": program("""
        if x > y:
            x = 2.0 * y"""),
    "an if with else, of two names": program("""
        if x > y:
            x, y = y, x
        else:
            x = x * y"""),
    "names that get new values": program("""
        if x > 0.3:
            y += 0.1 * x
            x -= 0.2"""),
    "elif": program("""
        if x > 0.5:
            x = 0.5
        elif x < -0.5 + 0.01 * k:
            x = -0.5
        else:
            x = x - 0.01"""),
    "a division": program("""
        limit = 1.0
        if x > 0.3:
            limit = 0.3 / x
        x = x * limit"""),
    "names of its own, and an if within": program("""
        if x > 0.1:
            apart = x - y
            n = apart / x
            if n < 0.9:
                push = 0.5 * n
                x = x - push
                y = y + push"""),
    "and, or": program("""
        if (x < 0.2 and y > 0.1) or (x > 0.4 and not y > 0.3):
            x = -0.5 * x"""),
    "an and that guards": program("""
        if x > 0.01 and y / x > 0.5:
            x = x + 0.1"""),
    "a chain": program("""
        if -0.1 * k < x < y:
            y = y * x"""),
    "a number as a condition": program("""
        if np.maximum(x - 0.2, 0.0):
            x = x - 0.1"""),
    "a conditional expression": program("x = abs(x) if x < y else 0.7 * x"),
    "conditional expressions, nested, of a root": program(
        "x = np.sqrt(x) if x > 0.2 else (0.1 * y if y > x else -x)"),
    "one in a lambda": program("x = (lambda z: 2 * z if z < 0.3 else z * z)(x)"),
    "a helper that returns early": program("x = slow(x, y)", helpers="""
        def slow(v, w):
            speed = abs(v)
            if speed <= 0.1 * w:
                return 0.0 * v
            return v * (1 - 0.1 * w / speed)"""),
    "a helper with several returns": program("x = table(x)", helpers="""
        def table(v):
            if v < 0.0:
                return 0.1 * v
            if v < 0.5 and v > 0.1:
                return v * v
            elif v > 2.0:
                return 2.0
            return v"""),
    "a helper with names and returns": program("x, y = crash(x, y)", helpers="""
        def crash(v, w):
            if v > w:
                v = v - 0.1
                half = 0.5 * (v + w)
                return half, half / (1.0 + v * v)
            total = v + w
            w = 0.25 * total
            return total - w, w"""),
    "a number that is asked for": program("x = x and 0.5 * y or y"),
    "not": program("x = x * (not x > y)"),
    "a condition that is kept": program("""
        near = x > 0.1 and y > 0.1
        x = np.where(near, 0.5 * x, x)"""),
    "sorted": program("x = sorted([x, y])[0] + 0.1"),
    "any": program("x = np.where(any([x > 0.3, y > 0.3, x > y]), 0.5 * x, x)"),
    "an element of a list": program("""
        v = [x, y]
        if v[0] > v[1]:
            v[0] = v[1] - v[0]
        x = v[0]"""),
    "a function of one of its own names": program("""
        then = 0.1
        if x > y:
            z = x / (1.0 + y * y)
            x = z - then
            y = z"""),
    "a tuple": program("""
        pair = (x, y)
        if x > y:
            pair = (y, 0.5 * x)
        x, y = pair"""),
    "a test on several lines": program("""
        if (x > 0.3
                and y > 0.2):
            x = (0.5 * x
                 - y)"""),
    "within an if that is known": program("""
        if k < 5:
            if x > y:
                x = y"""),
    "two in a loop, with a name of their own": program("""
        for j in range(2):
            if x > y + 0.1 * j:
                d = x - y
                x = x - 0.5 * d * d
            if y > 0.3:
                d = y - 0.3
                y = y - d * d"""),
    "two in a loop in a loop, one after the other": program("""
        for z in (x, y):
            for j in range(2):
                if x > z:
                    push = x - 0.9 * z
                    x = x - 0.5 * push
                else:
                    push = z - x
                    x = x + 0.1 * push
                if push > 0.05:
                    y = y + 0.1 * push"""),
    "loops on both sides": program("""
        if x > y:
            for j in range(2):
                x = 0.5 * x + 0.1 * j
        else:
            for j in range(3):
                y = 0.5 * y - 0.1 * j
        if y > 0.3:
            for j in range(2):
                if x > 0.1 * j:
                    y = 0.9 * y"""),
    "two in a loop over pairs, with a sum": program("""
        total, largest = 0.0, 0.0
        for j, (a, b) in enumerate([(x, y), (y, x)]):
            if a > b + 0.1 * j:
                rest = a - b
                total += rest * rest
                if rest > largest:
                    largest = rest
            if b > 0.2:
                rest = b - 0.2
                total -= 0.1 * rest * a
        x, y = x - 0.1 * total, y + 0.1 * largest"""),
    "two within try and with": program("""
        try:
            with np.errstate(all="ignore"):
                if x > y:
                    d = x - y
                    x = x - d * d
                if y > 0.3:
                    d = 0.1 * x
                    y = y - d
        except ZeroDivisionError:
            x = 0.0"""),
    "two in a while that is known, in an if that is known": program("""
        j = 0
        while j < 2:
            if k < 5:
                if x > y:
                    d = x - y
                    x = 0.9 * x - d * d
                if y > 0.2:
                    d = 0.1 * x
                    y = y - d * (d if x > 0.1 else 0.5)
            j += 1"""),
    "a while": program("""
        while x > 0.4:
            x = x - 0.3"""),
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_what_is_advised_works(source):
    args = 0.3, 0.25
    new, errors = followed(source, *args)
    assert errors
    before, after = function(source), function(new)
    compiled = dp.compile(after)
    for each in (args, (-0.4, 0.6), (2.5, -0.2), (0.0, 0.0)):
        want = dp.value_and_grad(before, (0, 1))(*each)
        for g in (after, compiled):
            got = dp.value_and_grad(g, (0, 1))(*each)
            np.testing.assert_allclose([got[0], *got[1]], [want[0], *want[1]], rtol=1e-12, atol=1e-14)


OTHERS = {
    "other names": (("num", "tiny"), {"num": np, "tiny": dp}),
    "dp for something else": (("np", "tinydp"), {"np": np, "tinydp": dp, "dp": 0.05}),
    "single functions": (("", ""), {"sum": np.sum, "arange": np.arange, "scan": dp.scan, "exp": np.exp}),
}
DIVIDED = program("""
    if x > y:
        x = np.exp(-x) / (y * y + 1.0)
        y = y / (x * x + 0.5)
    x = 0.1 / y if y > 0.6 else x""")


@pytest.mark.parametrize("source", [PROGRAMS["an if"], DIVIDED, PROGRAMS["a while"]],
                         ids=["an if", "divided", "a while"])
@pytest.mark.parametrize(("ours", "names"), OTHERS.values(), ids=OTHERS)
def test_what_is_advised_has_the_names_of_the_users_file(ours, names, source):
    for name, other in zip(("np.", "dp."), ours, strict=True):
        source = source.replace(name, f"{other}." if other else "")
    if "dp" in names:
        source = source.replace("0.1 * k", "dp * k")
    args = 0.3, 0.25
    new, errors = followed(source, *args, names=names)
    assert errors
    np.testing.assert_allclose(function(new, names)(*args), function(source, names)(*args), rtol=1e-13)


BY_HAND = {
    "a list that grows": ("""
        found = []
        if x > y:
            found.append(x)
        x = sum(found) + 0.1 * y""", "dp.cond(x > y, f, g, ...)"),
    "continue": ("""
        x = x - 0.1 * y
        if x > y and y > 0.1:
            continue
        x = 0.5 * x""", "dp.cond(np.logical_and(x > y, y > 0.1), f, g, ...)"),
    "break": ("""
        for z in (x, y):
            if z > 0.3:
                x = x * z
                break""", "dp.cond(z > 0.3, f, g, ...)"),
    "max by another name": ("x = biggest(x, 0.3 * y) - 0.1", "biggest asks for it"),
    "a condition in a comprehension": ("""
        x = sum(z for z in (x, y) if z > 0.1)""", "dp.cond(z > 0.1, f, g, ...)"),
    "a name that is not always there": ("""
        if x > y:
            z = 2.0 * x
        x = z if k < 0 else x * 0.5""", "dp.cond(x > y, f, g, ...)"),
}


@pytest.mark.parametrize(("body", "shown"), BY_HAND.values(), ids=BY_HAND)
def test_what_cannot_be_written_for_the_user_is_said_so(body, shown):
    with pytest.raises(BranchError, match="30 ways") as caught:
        dp.compile(function(program(body)))(0.3, 0.25)
    assert shown in caught.value.advice


def test_without_source():
    names = {"np": np, "dp": dp}
    source = program("x = y if x > y else x")
    exec(compile(source, "nowhere.py", "exec"), names)
    with pytest.raises(BranchError, match="by hand"):
        dp.compile(names["f"])(0.3, 0.25)
