"""How far to trust a check of gradients: ours, and the defaults of three libraries.

Scalar functions that programs are made of, easy and hard ones, at points drawn over wide ranges.
At each point the true derivative is known, from a closed form at 50 digits, and each checker is
asked four times: about the true derivative, and about ones that are wrong by 0.01, 0.05 and 1 %.
A checker may say "right" or "wrong"; ours may also say "inconclusive". Then come whole gradients by
arrays, in which elements hide: behind rounding, behind larger ones, at kinks.

The libraries are not run, but their recipes are: step, formula and default tolerances as read in
the sources named below. The environment variable GRADCHECK_POINTS sets the number of points of
each function; whole gradients get a twentieth of them.
"""

import math
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np

from tinydp.testing import check_grads
from tinydp.testing.differences import judge

POINTS = int(os.environ.get("GRADCHECK_POINTS", "2000"))
DIGITS = 50
WRONG = {"0.01%": 1e-4, "0.05%": 5e-4, "1%": 1e-2}


class Numpy:
    """The elementary functions in float64, under the names that mpmath gives them."""

    sin, cos, tan, exp, expm1, log, log1p = np.sin, np.cos, np.tan, np.exp, np.expm1, np.log, np.log1p
    sqrt, cbrt, sinh, cosh, tanh = np.sqrt, np.cbrt, np.sinh, np.cosh, np.tanh
    asin, acos, atan = np.arcsin, np.arccos, np.arctan
    asinh, acosh, atanh = np.arcsinh, np.arccosh, np.arctanh


class Case(NamedTuple):
    """A function and its derivative, both of a module (NumPy or mpmath) and x."""

    name: str
    draw: Callable[[np.random.Generator], float]
    f: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]
    domain: tuple[float, float] | None = None


def wide(low, high, center=0.0, signs=(-1, 1)):
    """Points at distances of 10**low to 10**high of a center, each magnitude equally likely."""
    return lambda rng: center + float(rng.choice(signs) * 10.0 ** rng.uniform(low, high))


def above(low, high, center=0.0):
    """The same, on one side."""
    return wide(low, high, center, (1,))


def below(low, high, center=0.0):
    """The same, on the other."""
    return wide(low, high, center, (-1,))


def even(low, high):
    """Points anywhere in an interval."""
    return lambda rng: float(rng.uniform(low, high))


def or_zero(draw):
    """The same, and 0 itself every other time."""
    return lambda rng: draw(rng) if rng.random() < 0.5 else 0.0


def expanded(m, x):
    """(x - 2)**9, multiplied out."""
    powers = (1, -18, 144, -672, 2016, -4032, 5376, -4608, 2304, -512)
    return sum(c * x ** (9 - k) for k, c in enumerate(powers))


def logistic(m, x, steps=8):
    """Eight steps of the logistic map, and the derivative by x alongside."""
    slope = 1.0
    for _ in range(steps):
        x, slope = 3.75 * x * (1 - x), 3.75 * (1 - 2 * x) * slope
    return x, slope


POSITIVE, UNIT = (0.0, math.inf), (-1.0, 1.0)

CASES = [
    # elementary functions
    Case("sin x", wide(-8, 3), lambda m, x: m.sin(x), lambda m, x: m.cos(x)),
    Case("cos x", wide(-8, 3), lambda m, x: m.cos(x), lambda m, x: -m.sin(x)),
    Case("tan x", wide(-8, 2), lambda m, x: m.tan(x), lambda m, x: 1 / m.cos(x)**2),
    Case("exp x", wide(-8, 2.8), lambda m, x: m.exp(x), lambda m, x: m.exp(x)),
    Case("expm1 x", wide(-8, 1.3), lambda m, x: m.expm1(x), lambda m, x: m.exp(x)),
    Case("log x", above(-8, 8), lambda m, x: m.log(x), lambda m, x: 1 / x, POSITIVE),
    Case("log1p x", above(-8, 8), lambda m, x: m.log1p(x), lambda m, x: 1 / (1 + x)),
    Case("sqrt x", above(-8, 8), lambda m, x: m.sqrt(x), lambda m, x: 1 / (2 * m.sqrt(x)), POSITIVE),
    Case("cbrt x", above(-8, 8), lambda m, x: m.cbrt(x), lambda m, x: 1 / (3 * m.cbrt(x)**2)),
    Case("1/x", wide(-8, 8), lambda m, x: 1 / x, lambda m, x: -1 / x**2),
    Case("x**3", wide(-8, 8), lambda m, x: x**3, lambda m, x: 3 * x**2),
    Case("x**1.5", above(-8, 8), lambda m, x: x**1.5, lambda m, x: 1.5 * m.sqrt(x), POSITIVE),
    Case("asin x", even(-1, 1), lambda m, x: m.asin(x), lambda m, x: 1 / m.sqrt(1 - x**2), UNIT),
    Case("acos x", even(-1, 1), lambda m, x: m.acos(x), lambda m, x: -1 / m.sqrt(1 - x**2), UNIT),
    Case("atan x", wide(-8, 3), lambda m, x: m.atan(x), lambda m, x: 1 / (1 + x**2)),
    Case("sinh x", wide(-8, 2.8), lambda m, x: m.sinh(x), lambda m, x: m.cosh(x)),
    Case("cosh x", wide(-5, 2.8), lambda m, x: m.cosh(x), lambda m, x: m.sinh(x)),
    Case("asinh x", wide(-8, 8), lambda m, x: m.asinh(x), lambda m, x: 1 / m.sqrt(1 + x**2)),
    Case("acosh x", above(-6, 6, 1.0), lambda m, x: m.acosh(x), lambda m, x: 1 / m.sqrt(x**2 - 1),
         (1.0, math.inf)),
    Case("atanh x", wide(-8, -0.01), lambda m, x: m.atanh(x), lambda m, x: 1 / (1 - x**2), UNIT),
    Case("tanh x", wide(-8, 1), lambda m, x: m.tanh(x), lambda m, x: 1 / m.cosh(x)**2),
    # compositions
    Case("x*x + 3*x", wide(-8, 8), lambda m, x: x * x + 3 * x, lambda m, x: 2 * x + 3),
    Case("exp(-x*x)", wide(-5, 1.3), lambda m, x: m.exp(-x * x), lambda m, x: -2 * x * m.exp(-x**2)),
    Case("exp(sin x)", wide(-8, 3), lambda m, x: m.exp(m.sin(x)), lambda m, x: m.cos(x) * m.exp(m.sin(x))),
    Case("x*log x", above(-8, 8), lambda m, x: x * m.log(x), lambda m, x: m.log(x) + 1, POSITIVE),
    Case("sqrt(1 + x*x)", wide(-4, 8), lambda m, x: m.sqrt(1 + x * x), lambda m, x: x / m.sqrt(1 + x**2)),
    Case("1/(1 + exp(-x))", wide(-8, 1.3), lambda m, x: 1 / (1 + m.exp(-x)),
         lambda m, x: m.exp(-x) / (1 + m.exp(-x))**2),
    Case("sin(x)/x", wide(-3, 3), lambda m, x: m.sin(x) / x, lambda m, x: (x * m.cos(x) - m.sin(x)) / x**2),
    Case("x/(1 + x*x)", wide(-8, 6), lambda m, x: x / (1 + x * x), lambda m, x: (1 - x**2) / (1 + x**2)**2),
    Case("sin(x*x)", wide(-5, 2), lambda m, x: m.sin(x * x), lambda m, x: 2 * x * m.cos(x**2)),
    Case("log(2 + cos x)", wide(-3, 3), lambda m, x: m.log(2 + m.cos(x)),
         lambda m, x: -m.sin(x) / (2 + m.cos(x))),
    Case("exp(-1/x)", above(-2, 4), lambda m, x: m.exp(-1 / x), lambda m, x: m.exp(-1 / x) / x**2, POSITIVE),
    Case("tanh(30*tanh x)", wide(-6, -1), lambda m, x: m.tanh(30 * m.tanh(x)),
         lambda m, x: 30 / (m.cosh(30 * m.tanh(x)) * m.cosh(x))**2),
    Case("logistic map, 8", even(0.01, 0.99), lambda m, x: logistic(m, x)[0], lambda m, x: logistic(m, x)[1],
         (0.0, 1.0)),
    # two scales, kinks, singularities, edges
    Case("x + 1e-9*sin(1e6*x)", wide(-3, 2), lambda m, x: x + 1e-9 * m.sin(1e6 * x),
         lambda m, x: 1 + m.mpf(1e-9) * 1e6 * m.cos(1e6 * x)),
    Case("x + 1e-3*sin(1e3*x)", wide(-3, 2), lambda m, x: x + 1e-3 * m.sin(1e3 * x),
         lambda m, x: 1 + m.mpf(1e-3) * 1e3 * m.cos(1e3 * x)),
    Case("x*sin(1/x)", wide(-4, 2), lambda m, x: x * m.sin(1 / x),
         lambda m, x: m.sin(1 / x) - m.cos(1 / x) / x),
    Case("1/(x - 1) near 1", wide(-9, 0, 1.0), lambda m, x: 1 / (x - 1), lambda m, x: -1 / (x - 1)**2),
    Case("|x - 1| near 1", wide(-9, 0, 1.0), lambda m, x: abs(x - 1), lambda m, x: m.sign(x - 1)),
    Case("|x|*x + x near 0", wide(-12, 0), lambda m, x: abs(x) * x + x, lambda m, x: 2 * abs(x) + 1),
    Case("relu x", wide(-12, 3), lambda m, x: x if x > 0 else 0 * x, lambda m, x: m.mpf(x > 0)),
    Case("sqrt near 0", above(-300, -8), lambda m, x: m.sqrt(x), lambda m, x: 1 / (2 * m.sqrt(x)), POSITIVE),
    Case("asin near 1", below(-12, -1, 1.0), lambda m, x: m.asin(x), lambda m, x: 1 / m.sqrt(1 - x**2), UNIT),
    Case("exp at an edge", lambda rng: 1.0 - float(rng.choice([0.0, 10.0 ** rng.uniform(-16, -1)])),
         lambda m, x: m.exp(x), lambda m, x: m.exp(x), UNIT),
    Case("tan near its pole", below(-9, -1, math.pi / 2), lambda m, x: m.tan(x),
         lambda m, x: 1 / m.cos(x)**2),
    # the digits are lost inside f
    Case("(1 - cos x)/x**2", wide(-3, 1), lambda m, x: (1 - m.cos(x)) / x**2,
         lambda m, x: (x * m.sin(x) - 2 * (1 - m.cos(x))) / x**3),
    Case("1e8 + x*x", wide(-3, 3), lambda m, x: 1e8 + x * x, lambda m, x: 2 * x),
    Case("(1e8 + x*x) - 1e8", wide(-3, 3), lambda m, x: (1e8 + x * x) - 1e8, lambda m, x: 2 * x),
    Case("(exp x - 1)/x", wide(-6, 1), lambda m, x: (m.exp(x) - 1) / x,
         lambda m, x: (x * m.exp(x) - m.exp(x) + 1) / x**2),
    Case("log(1 + exp x)", wide(-4, 2), lambda m, x: m.log(1 + m.exp(x)), lambda m, x: 1 / (1 + m.exp(-x))),
    Case("sqrt(x + 1) - sqrt x", above(-3, 8), lambda m, x: m.sqrt(x + 1) - m.sqrt(x),
         lambda m, x: 1 / (2 * m.sqrt(x + 1)) - 1 / (2 * m.sqrt(x)), POSITIVE),
    Case("(x - 2)**9, expanded", wide(-2, 0, 2.0), expanded, lambda m, x: 9 * (x - 2)**8),
    # smooth at 0, with something inside that is infinitely steep there
    Case("cbrt(x)**4 at 0", or_zero(wide(-12, 0)), lambda m, x: m.cbrt(abs(x))**4,
         lambda m, x: 4 * m.cbrt(abs(x)) * m.sign(x) / 3),
    Case("x*cbrt(x)**2 at 0", or_zero(wide(-12, 0)), lambda m, x: x * m.cbrt(abs(x))**2,
         lambda m, x: 5 * m.cbrt(abs(x))**2 / 3),
    Case("0*sqrt(x) + x at 0", or_zero(above(-12, 0)), lambda m, x: 0 * m.sqrt(x) + x, lambda m, x: 1 + 0 * x,
         POSITIVE),
    Case("sqrt(x**4) + x at 0", or_zero(wide(-12, 0)), lambda m, x: m.sqrt(x**4) + x, lambda m, x: 2 * x + 1),
    Case("tanh, saturated", wide(0.5, 1.5), lambda m, x: m.tanh(x), lambda m, x: 1 / m.cosh(x)**2),
]


class Whole(NamedTuple):
    """A function of an array, whose gradient is checked as a whole: `draw` gives f, x and the gradient."""

    name: str
    draw: Callable[[np.random.Generator], tuple[Callable, np.ndarray, Callable]]


def low_rank(n, rank):
    """The determinant of a singular matrix; f(x) is nothing but rounding along every element."""
    def cofactors(a):
        u, s, vt = np.linalg.svd(a)
        return np.linalg.det(u) * np.linalg.det(vt) * (u * [np.prod(np.delete(s, i)) for i in range(n)]) @ vt

    def draw(rng):
        return np.linalg.det, rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n)), cofactors

    return draw


def sizes(n, decades):
    """Elements with gradients of very different sizes, most of them hidden behind the largest."""
    def draw(rng):
        w = 10.0 ** rng.uniform(0, decades, n)
        return lambda x: w @ np.sin(x), rng.uniform(0.1, 1.0, n), lambda x: w * np.cos(x)
    return draw


def cancelling(rng):
    """A factor that is a small difference of large products."""
    a, b = rng.normal(size=2)
    x = np.array([a, b, b, a * (1 + rng.choice([0.0, 1e-15, 1e-9]))])
    return lambda x: x[0] * x[1] - x[2] * x[3], x, lambda x: np.array([x[1], x[0], -x[3], -x[2]])


def kinks(rng):
    """Some numbers at a kink, others not."""
    x = rng.choice([-0.5, 0.0, 0.5, 1.0], 6)
    return lambda x: np.sum(np.clip(x, 0.0, 1.0) ** 2 + abs(x)), x, (
        lambda x: 2 * np.clip(x, 0.0, 1.0) * (x < 1.0) + np.sign(x))


WHOLE = [
    *(Whole(f"det, {n} x {n} of rank {rank}", low_rank(n, rank))
      for n, rank in ((3, 1), (3, 2), (4, 1), (4, 2), (4, 3), (5, 3))),
    *(Whole(f"{n} elements, {decades} decades", sizes(n, decades))
      for n in (2, 8, 40) for decades in (4, 10, 16, 30)),
    Whole("cancelling products", cancelling), Whole("kinks", kinks),
]


def examine_whole(case, points, seed=0):
    """The share of the points where the checker calls the gradient wrong, calls right one that is 10 % off
    in one element, and says of either that it cannot tell; in percent.
    """
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(["alarms", "10%", "open", "open, 10%"], 0.0)
    for _ in range(points):
        f, x, grad = case.draw(rng)
        right = grad(x)
        k = int(rng.integers(x.size))
        # an element of almost zero is off by 10 % of what it would be elsewhere
        off = 0.1 * right.flat[k] if abs(right.flat[k]) > 1e-9 else 0.1 * np.linalg.norm(x) ** len(x)
        if case.name == "kinks":                 # there all between the two slopes are right
            off = 5.0

        def wrong(x, k=k, off=off, grad=grad):
            g = np.array(grad(x))
            g.flat[k] += off
            return g

        said, of_wrong = (check_grads(f, x, grad=g, raises=False).verdict for g in (grad, wrong))
        found["alarms"] += 100 * (said == "wrong") / points
        found["10%"] += 100 * (of_wrong == "right") / points
        found["open"] += 100 * (said == "inconclusive") / points
        found["open, 10%"] += 100 * (of_wrong == "inconclusive") / points
    return found


def autograd(f, x, rule):
    """autograd 1.9.1, autograd/test_util.py: make_numerical_jvp and scalar_close."""
    numeric = (f(x + 1e-6 / 2) - f(x - 1e-6 / 2)) / 1e-6
    return abs(rule - numeric) < 1e-6 or abs(rule - numeric) / abs(rule + numeric) < 1e-6


def jax(f, x, rule):
    """JAX 0.10.2, jax/_src/public_test_util.py: numerical_jvp and check_close, in float64."""
    numeric = (f(x + 1e-4) - f(x - 1e-4)) * (0.5 / 1e-4)
    return abs(rule - numeric) <= 1e-5 + 1e-5 * abs(numeric)


def torch(f, x, rule):
    """PyTorch 2.13.0, torch/autograd/gradcheck.py: gradcheck's eps, atol and rtol."""
    numeric = (f(x + 1e-6) - f(x - 1e-6)) / (2 * 1e-6)
    return abs(rule - numeric) <= 1e-5 + 1e-3 * abs(numeric)


PEERS = {"autograd": autograd, "JAX": jax, "PyTorch": torch}


def truth(case, x):
    """The derivative at the float x, rounded once."""
    with mpmath.workdps(DIGITS):
        return float(case.slope(mpmath, mpmath.mpf(x)))


def examine(case, points, seed=0):
    """The share of the points at which each checker accepts each rule, in percent."""
    rng = np.random.default_rng(seed)
    names = ["true", *WRONG]
    accepted = {peer: dict.fromkeys(names, 0) for peer in ("tinydp", *PEERS)}
    rejected, inconclusive, calls = 0, 0, 0
    cost: tuple[list, list] = [], []             # of right rules and of wrong ones: calls, seconds

    def f(x):
        nonlocal calls
        calls += 1
        return float(case.f(Numpy, x))

    for _ in range(points):
        x = case.draw(rng)
        rule = truth(case, x)
        rules = {"true": rule} | {name: rule * (1 + size) for name, size in WRONG.items() if rule}
        said = {}
        for name, wrong in rules.items():
            began, so_far = time.perf_counter(), calls
            said[name], _ = judge(wrong, f, x, domain=case.domain)
            cost[name != "true"].append((calls - so_far, time.perf_counter() - began))
        rejected += said["true"] == "wrong"
        inconclusive += said["true"] == "inconclusive"
        with np.errstate(all="ignore"):
            for name, wrong in rules.items():
                accepted["tinydp"][name] += said[name] == "right"
                for peer, accepts in PEERS.items():
                    accepted[peer][name] += bool(accepts(lambda x: case.f(Numpy, np.float64(x)), x, wrong))
    figures = {peer: {"alarms": 100 - 100 * row["true"] / points}
               | {name: 100 * row[name] / points for name in WRONG} for peer, row in accepted.items()}
    figures["tinydp"]["alarms"] = 100 * rejected / points
    figures["tinydp"]["inconclusive"] = 100 * inconclusive / points
    for kind, spent in zip(("right", "wrong"), cost, strict=True):
        figures["tinydp"][f"calls, {kind}"] = sum(c for c, _ in spent) / max(len(spent), 1)
        figures["tinydp"][f"microseconds, {kind}"] = sum(s for _, s in spent) / max(len(spent), 1) * 1e6
    return figures


def main():
    """Print the table; returns it as plain data."""
    print(f"gradcheck: {len(CASES)} functions, {POINTS} points each; percent of the points where the true")
    print("derivative is called wrong (alarm), where one wrong by 0.01, 0.05, 1 % is called right, and where")
    print("ours says that it cannot tell (open)\n")
    columns = "alarm " + " ".join(f"{name:>5s}" for name in WRONG)
    print(f"{'':21s} {'tinydp':>29s}" + "".join(f" | {peer:>{len(columns)}s}" for peer in PEERS))
    print(f"{'':21s}{columns}  open" + f" | {columns}" * len(PEERS))
    data = {}
    for case in CASES:
        data[case.name] = row = examine(case, POINTS)
        print_row(case.name, row)
    print_row("worst", {peer: {key: max(row[peer][key] for row in data.values()) for key in figures}
                        for peer, figures in data[CASES[0].name].items()})
    ours = [row["tinydp"] for row in data.values()]
    print()
    for kind in ("right", "wrong"):
        spent, lasted = (sum(row[f"{what}, {kind}"] for row in ours) / len(ours)
                         for what in ("calls", "microseconds"))
        print(f"tinydp: {spent:.0f} calls of f and {lasted:.0f} us for a {kind} rule")
    points = max(POINTS // 20, 1)
    print(f"\nwhole gradients at {points} points each; percent called wrong (alarm), called right though")
    print("10 % off in one element, and not decided: of the right ones, and of the wrong ones\n")
    print(f"{'':26s}alarm   10%  open  open, 10%")
    for whole in WHOLE:
        data[whole.name] = row = examine_whole(whole, points)
        print(f"{whole.name:26s}" + " ".join(f"{share:5.1f}" if share else "    ." for share in row.values()))
    return data


def print_row(name, row):
    """One line of the table; nothing is printed for a zero but a dot."""
    def cells(figures, keys):
        return " ".join(f"{figures[key]:5.1f}" if figures[key] else "    ." for key in keys)
    keys = ["alarms", *WRONG]
    print(f"{name:21s}{cells(row['tinydp'], [*keys, 'inconclusive'])}"
          + "".join(f" | {cells(row[peer], keys)}" for peer in PEERS))
