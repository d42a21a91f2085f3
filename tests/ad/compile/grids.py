"""Random loops over arrays: stencils, arrays put together, elements that change, carries that follow."""

import numpy as np

import tinydp as dp

from .programs import assert_equal

SHAPE = 4, 5
LINES = [
    "{v} = 0.3 * {x} - {y}", "{v} = {x} * np.tanh({y})", "{v} = np.sin({x}) + s", "{v} = {x} / (2.0 + s * s)",
    "p = np.pad({x}, 1); {v} = 0.2 * (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:]) - 0.5 * p[1:-1, :-2]",
    "p = np.pad(0.5 * {x}, ((1, 0), (0, 2))); {v} = p[:-1, 2:] - p[1:, :-2] * {y}",
    "{v} = np.concatenate([{x}[:2] * {y}[2:], {y}[2:]])", "{v} = np.roll({x}, 1, 0)",
    "{v} = np.stack([{x}[k] + {y}[0] for k in range(4)])", "{v} = {x}[::-1]", "{v} = {x} @ np.eye(5)",
    "{v} = np.concatenate([{x}[:, :1], {y}[:, :1] * s, {x}[:, 2:]], axis=1)",
    "{v} = dp.add_at({x}, (1, 2), s)", "{v} = dp.add_at({x}, ([0, 2, 3], [1, 1, 4]), {y}[0, :3])",
    "{v} = dp.add_at({x} * 0.5, ([0, 0], [1, 1]), s)", "{v} = dp.set_at({x}, (2, 0), {y}[0, 1])",
    "{v} = {x} + dp.add_at(np.zeros((4, 5)), 3, {y}[1] * 0.5)", "{v} = dp.add_at(0.7 * {x}, 0, {y}[2])",
    "if k < 2: {x} = dp.add_at({x}, (1, 1), s)", "if s > 0.3: {x} = {x} * 0.5 + {y}",
    "if s > 0.1: {x} = dp.add_at({x}, (3, 3), np.exp(-s))", "s = np.mean({x}[1:, ::2])",
    "if {y}[0, 0] > 0.2: {x} = np.cos({x}); s = 0.5 * s", "{v} = {x}.T.reshape(4, 5) * 0.9",
    "s = np.tanh({x}[1, 2])", "s = 0.1 * np.sum({x} * {y}) / 20", "{v} = {x} - np.mean({y}, axis=0)",
    "{v} = {y}[:, ::-1] + {x}", "{v} = dp.scan(lambda h, _: (0.5 * h + {y}, None), {x}, length=2)[0]"]
TEXT = """
def f(a, b, c, s):
    def step(carry, k):
        a, b, c, s = carry
        a0, b0, c0 = a, b, c
        {}
        return ({}, np.tanh(s)), ({})
    (a, b, c, s), rows = dp.scan(step, (a, b, c, s), np.arange(5))
    return np.sum(np.cos(a) * b) + np.sum(np.sin(c)) + s + sum(np.sum(r * r) for r in rows)
"""
ARGUMENTS = [*np.random.default_rng(5).normal(size=(3, *SHAPE)), 0.4]


def random_loop(seed):
    """A function of three arrays and a number, and its text."""
    rng = np.random.default_rng(seed)
    names, lines = ["a", "b", "c"], []
    for _ in range(rng.integers(2, 7)):
        x, y = map(str, rng.choice(names, 2))
        line, new = str(rng.choice(LINES)), str(rng.choice(["a", "b", "c", "d", "e"]))
        lines.append(line.format(v=new, x=x, y=y))
        names += [new] * ("{v}" in line and new not in names)
    follows = zip(rng.choice(names, 3), ("b0", "c0", "a0"), rng.random(3) < 0.35, strict=True)
    after = ", ".join([str(before if follow else name) for name, before, follow in follows])
    rows = "".join(f"{x}, " for x in rng.choice([*names, "s"], rng.integers(0, 3)))
    text = TEXT.format("\n        ".join(lines), after, rows)
    space = {"np": np, "dp": dp}
    exec(text, space)
    return space["f"], text


def check(seed, second=False):
    """Whether a random loop, compiled, and its gradient are those of the tape; and the second derivative."""
    f, text = random_loop(seed)
    compiled, everything = dp.compile(f), (0, 1, 2, 3)
    try:
        assert_equal(compiled(*ARGUMENTS), f(*ARGUMENTS))
        assert_equal(dp.grad(compiled, everything)(*ARGUMENTS), dp.grad(f, everything)(*ARGUMENTS))
        if second:
            along = tuple([np.cos(x) for x in ARGUMENTS])
            found, wanted = (dp.hvp(g, tuple(ARGUMENTS), along)
                             for g in (dp.compile(lambda args: f(*args)), lambda args: f(*args)))
            assert_equal(found, wanted, 1e-11)
    except BaseException:
        print(text)
        raise
