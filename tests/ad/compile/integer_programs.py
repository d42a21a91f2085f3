"""Random programs with integers: computed indices, counters in loops, sorting, searching, masks.

`python -m tests.ad.compile.integer_programs FIRST COUNT [compiled]` runs programs by their numbers: written
down, differentiated twice, through all passes and interpreted, and, with `compiled`, as machine code as well.
Each line of a program is tried while it is chosen. All vectors have five elements, all matrices 5 x 5.
"""

import math
import random
import sys
import warnings

import numpy as np

import tinydp as dp

from .checks import check, near

N = 5
TABLE = np.array([0.3, -0.2, 0.9, 1.4, -0.7])
WHOLE = np.array([2, 0, 4, 1, 3])

LINES = {                                        # by what they make: r, v, m real; i, k integers
    "i": [
        "np.floor({r}).astype(int)", "math.trunc({r})", "round({r})", "math.ceil({r})", "np.argmax({v})",
        "np.argmin({v})", "{i} + {j}", "{i} * {j}", "{i} - 2", "{i} // 3", "{i} % 3", "-{i}", "abs({i})",
        "np.sum({v} > 0)", "np.searchsorted(np.sort({v}), {r})", "np.where({r} > 0, {i}, {j})",
        "{i} // -2 + {j}",
        "dp.lookup({k}, {i} % 5)", "np.max({k})", "np.sum({k})", "{i} ** 2", "np.count_nonzero({v} > {r})",
        "np.maximum({i}, {j})", "({i} & 6) | 1", "{i} % ({j} * {j} + 1)", "WHOLE @ {k}",
        "dp.lookup(WHOLE, {i} % 5)", "np.searchsorted(TABLE[[1, 0, 2, 3]], {r}, side='right')"],
    "k": [
        "np.argsort({v})", "np.rint({v}).astype(int)", "{k} % 5", "{k} + {i}",
        "np.digitize({v}, [-1.0, 0.0, 1.0])",
        "np.clip({k}, 0, 2)", "np.cumsum({k})", "np.argmax({m}, axis=0)", "np.argmin({m}, axis=1)",
        "dp.lookup({k}, np.argsort({v}, kind='stable'))", "np.where({v} > {r}, {k}, {i})",
        "{k} * WHOLE - 1", "{k}[::-1]",
        "np.trunc({v}).astype(int) // 2", "np.minimum({k}, {i})", "np.searchsorted(np.sort({v}), {w})"],
    "r": [
        "{v}[{i} % 5]", "{m}[{i} % 5, {j} % 5]", "{v}[-1 - {i} % 5]", "np.interp({r}, np.sort({w}), {v})",
        "np.median({v})", "np.quantile({v}, 0.3)", "{v}[{v} > {r}].sum()", "np.sum({v}[{v} > {r}] ** 2)",
        "(lambda t: np.sum({v}[t:t + 2] * {w}[1:3]))({i} % 4)",
        "np.sum(np.where(np.arange(5) == {i}, {v}, 0.0))",
        "{r} * {i} * 0.1", "np.sin({r}) + {s}", "np.take({v}, {k}, mode='wrap').sum()", "0.9 * {r} - {s}",
        "np.sum({v} * {w})", "np.percentile({v}, 60.0) * {r}", "np.max({v})", "{m}[({i} % 5, {k} % 5)].sum()",
        "np.sum(np.sort({m}, axis=None)[::4] * 0.1)", "{r} / (1 + {i} ** 2)", "np.tanh({r})",
        "dp.lookup(TABLE, {i} % 5) * {r}",
        "dp.scan(lambda c, t: ((c[0] + 0.3 * {v}[(t + c[1]) % 5] * np.sin(c[0]), (c[1] * 3 + t) % 7), c[1]), "
        "({r}, {i}), np.arange(4))[0][0]",
        "dp.scan(lambda c, t: (np.tanh(c + {v}[np.floor(3 * c).astype(int) % 5]), None), {r}, length=3)[0]"],
    "v": [
        "{v}[{k} % 5]", "{m}[{i} % 5]", "{m}[:, {i} % 5]", "{m}[np.arange(5), {k} % 5]", "np.sort({v})",
        "np.take_along_axis({m}, np.argsort({m}, axis=1), 1)[0]", "dp.add_at({v}, {k} % 5, {w})",
        "np.bincount({k} % 5, {v}, minlength=5)", "dp.lookup(TABLE, {k} % 5) * {v}", "np.sin({v})",
        "{v} * {k} * 0.1", "{v} + {r}", "{v}[::-1]", "np.interp({v}, np.sort({w}), {v})", "{v} * {w}",
        "np.median({m}, axis=0)", "np.quantile({m}, [0.2], axis=1)[0]",
        "dp.add_at(np.zeros(5), {i} % 5, {r})",
        "np.take({m}, {i} % 5, axis=1)", "np.where({k} % 2 == 0, {v}, -{w})", "{m} @ {v} * 0.3",
        "np.tanh({v})", "{v}[{i} % 3 + np.arange(3)].sum() * {w}",
        "dp.scan(lambda c, t: (np.tanh(dp.add_at(c, t % 5, {r} * c[(t + {i}) % 5])), None), {v}, WHOLE)[0]",
        "dp.scan(lambda c, t: (c, {m}[t, (t * t) % 5] * {v}[c % 5] + t), {i}, WHOLE)[1] * 0.2"],
    "m": [
        "{m}[{k} % 5]", "{m}[:, {k} % 5]", "np.sort({m}, axis=0)",
        "{m}[np.ix_([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])]",
        "np.tanh({m})", "{m}.T + {v}", "dp.add_at({m}, ({k} % 5, WHOLE), {v})", "{m} * {v}",
        "dp.add_at({m}, (slice(None), {i} % 5), {v})", "{m}[{k}[:, None] % 5, {k} % 5]"],
}
SPACE = {"np": np, "dp": dp, "math": math, "TABLE": TABLE, "WHOLE": WHOLE}


def program(seed, count=10):
    """A random program as text, and arguments for it: a number, a vector and a matrix."""
    chooser, numbers = random.Random(seed), np.random.default_rng(seed)
    values = {"r": 1.7 * numbers.standard_normal(), "v": 1.5 * numbers.standard_normal(N),
              "m": numbers.standard_normal((N, N))}
    arguments = tuple(values[name] for name in "rvm")
    known = {"r": ["r"], "v": ["v"], "m": ["m"], "i": ["2"], "k": ["WHOLE"]}
    lines = []
    while len(lines) < count:
        kind = chooser.choice("iikkrrrvvvm")
        names = {letter: chooser.choice(known[of]) for letter, of in zip("rsvwmijk", "rrvvmiik", strict=True)}
        line = chooser.choice(LINES[kind]).format(**names)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value = eval(line, SPACE, values)
        except Exception:                        # too large, out of range
            continue
        whole = kind in "ik"
        if not np.all(np.isfinite(value)) or np.max(np.abs(value)) > (1000 if whole else 30) or (
                np.shape(value) != {"v": (N,), "k": (N,), "m": (N, N)}.get(kind, ())) or (
                whole != (np.asarray(value).dtype.kind == "i")):
            continue
        name = f"t{len(lines)}"
        values[name] = value if np.ndim(value) else np.asarray(value).item()
        known[kind].append(name)
        lines.append(f"    {name} = {line}")
    made = [name for kind in "rvm" for name in known[kind][1:]]
    terms = [f"np.sum(np.sin({name}))" for name in made] or ["r"]
    last = f"    return {' + '.join(terms)} + r * np.sum(v)"
    return "\n".join(["def f(r, v, m):", *lines, last]), arguments


def function(text):
    space = dict(SPACE)
    exec(text, space)
    return space["f"]


def interpreted(seed):
    """Value, gradient and Hessian-vector product of a program are those of the tape."""
    text, arguments = program(seed)
    check(function(text), *arguments, rtol=1e-10)


def compiled(seed):
    """The same, as machine code; and it is machine code that runs."""
    text, arguments = program(seed)
    f = function(text)
    g, everything = dp.compile(f), (0, 1, 2)
    near([g(*arguments)], [f(*arguments)], 1e-10)
    built, leaves = g.program_for(*arguments)
    assert built.results_of(leaves) is not None
    near(dp.grad(g, everything)(*arguments), dp.grad(f, everything)(*arguments), 1e-10)
    of_vector = lambda h: lambda v: h(arguments[0], v, arguments[2])
    direction = np.cos(np.arange(N))
    found, wanted = (dp.hvp(of_vector(h), arguments[1], direction) for h in (g, f))
    near([found], [wanted], 1e-9)


def main(first, count, *how):
    for seed in range(int(first), int(first) + int(count)):
        try:
            (compiled if how else interpreted)(seed)
        except Exception as error:
            print(f"{seed}: {type(error).__name__}: {error}\n{program(seed)[0]}\n", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
