"""What people really write and should not: the line that is named, and what to write instead.

Each is a program in which one expression, `old`, is wrong. It raises; the error names the line of `old`, and
what it says to write has `new` in it. With that pasted in its place, and the imports that the message asks
for, the program runs and makes `result` be `value`. `python -m tests.misuses` prints all the messages.
"""

import linecache
from typing import Any, NamedTuple

HEAD = """import functools
import math
import numpy as np
import tinydp as dp

rng = np.random.default_rng(0)
vector = np.array([0.5, 0.25])

def f(x):
    return x * x

def g(x, y):
    return x * y

@functools.cache
def cached(x):
    return x

def total(x):
    return np.sum(x * x)

"""


class Misuse(NamedTuple):
    """A program in which `old` should be `new`; `paste` says more if it goes with what is around it."""

    old: str
    new: str
    value: Any
    program: str = "result = {}"
    paste: str = ""


def of(
    expression: str, new: str, value: Any, body: str = "", x: str = "0.5", paste: str = "", around: str = "{}"
) -> Misuse:
    """One in the function that is differentiated."""
    program = f"def loss(x):\n{body}    return {around}\n\nresult = dp.grad(loss)({x})"
    return Misuse(expression, new, value, program, paste)


CHANGED = "def loss(x):\n    {}\n    return np.sum(x * x)\n\nresult = dp.grad(loss)(vector)"
NETWORK = "network = {}\nresult = [np.shape(x) for x in network.init(rng)[0]]"
SUMMED = "np.sum({})"

MISUSES = [
    # how grad and the others are called
    Misuse("dp.grad(f, 2.0)", "dp.grad(f)(2.0)", 4.0),
    Misuse("dp.grad(total, vector)", "dp.grad(total)(vector)", [1.0, 0.5]),
    Misuse("dp.grad(g, 2.0, 3.0)", "dp.grad(g)(2.0, 3.0)", 3.0),
    Misuse("dp.grad(g, 0, 3.0)", "dp.grad(g)(0, 3.0)", 3.0),
    Misuse("dp.value_and_grad(f, 2.0)", "dp.value_and_grad(f)(2.0)", (4.0, 4.0)),
    Misuse("dp.grad(f(2.0))", "dp.grad(f)(2.0)", 4.0),
    Misuse("dp.compile(f(2.0))", "dp.compile(f)(2.0)", 4.0),
    Misuse("dp.jacobian(f(vector))", "dp.jacobian(f)(vector)", [[1.0, 0.0], [0.0, 0.5]]),
    Misuse("dp.hessian(f, 2.0)", "dp.hessian(f)(2.0)", 2.0),
    Misuse("dp.vmap(f(vector))", "dp.vmap(f)(vector)", [0.25, 0.0625]),
    Misuse("dp.checkpoint(f(2.0))", "dp.checkpoint(f)(2.0)", 4.0),
    Misuse('dp.grad(g, argnums="y")', "dp.grad(g, argnums=1)", 2.0, "result = {}(2.0, 3.0)"),
    Misuse('dp.grad(g, "y")', "dp.grad(g, argnums=1)", 2.0, "result = {}(2.0, 3.0)"),
    Misuse(
        'dp.grad(g, argnums=("x", "y"))', "dp.grad(g, argnums=(0, 1))", (3.0, 2.0), "result = {}(2.0, 3.0)"
    ),
    Misuse("dp.grad(g, argnums=1.0)", "dp.grad(g, argnums=1)", 2.0, "result = {}(2.0, 3.0)"),
    Misuse("dp.grad(f)(x=2.0)", "dp.grad(f)(2.0)", 4.0),
    Misuse("dp.grad(g, argnums=2)(2.0, 3.0)", "argnums=1", 2.0, paste="dp.grad(g, argnums=1)(2.0, 3.0)"),
    Misuse("dp.jvp(np.sin, 0.0, 1.0)", "dp.jvp(np.sin, (0.0,), (1.0,))", (0.0, 1.0)),
    Misuse("dp.vjp(f)(2.0)", "dp.vjp(f, 2.0)", 4.0, "y, pullback = {}\nresult = y"),
    Misuse("dp.hvp(f)", "dp.hvp(f, x, v)", 2.0, "x = 3.0\nv = 1.0\nresult = {}"),
    # what the function returns
    Misuse(
        "x",
        "np.sum(x)",
        [1.0, 1.0],
        "def loss(u):\n    x = 1.0 * u\n    return {}\n\nresult = dp.grad(loss)(vector)",
    ),
    of("[x, x]", "sum([x, x])", 2.0),
    of("x > 0", "x", 1.0),
    Misuse(
        "y = x * x",
        "return y",
        1.0,
        "def loss(x):\n    {}\n\nresult = dp.grad(loss)(0.5)",
        "y = x * x; return y",
    ),
    Misuse(
        "dp.grad(loss)",
        "dp.grad(loss, has_aux=True)",
        (1.0, 7.0),
        "def loss(x):\n    return x * x, 7.0\n\nresult = {}(0.5)",
    ),
    # numbers of Python
    of("math.sin(x)", "np.sin(x)", 0.8775825618903728),
    of("math.exp(2 * x)", "np.exp(2 * x)", 5.43656365691809),
    of("math.atan2(x, 2.0)", "np.arctan2(x, 2.0)", 0.47058823529411764),
    of("math.hypot(x, 1.0)", "np.hypot(x, 1.0)", 0.4472135954999579),
    of("float(x)", "x", 1.0),
    of("complex(x)", "x", 1.0),
    of("x.item()", "x", 1.0),
    of("Decimal(x)", "Decimal(dp.value(x))", 0.0, "    from decimal import Decimal\n", around="float({})"),
    of(
        "Fraction(x)",
        "Fraction(dp.value(x))",
        0.0,
        "    from fractions import Fraction\n",
        around="float({})",
    ),
    of("json.dumps(x)", "json.dumps(dp.value(x))", 0.0, "    import json\n", around="float({})"),
    of(
        "pickle.dumps(x)",
        "dp.value(x)",
        0.0,
        "    import pickle\n",
        paste="pickle.dumps(dp.value(x))",
        around="0.0 * len({})",
    ),
    of("cached(x)", "cached.__wrapped__(x)", 1.0),
    of("table[x]", "table[dp.value(x)]", 0.0, "    table = {{0.5: 2.0}}\n"),
    of("statistics.fmean([x, x])", "np.mean(np.stack([x, x]))", 1.0, "    import statistics\n"),
    of("(x - 2.0) ** (1 / 3)", "np.cbrt(x - 2.0)", 0.2543809427896293),
    # random numbers
    of("rng.normal(x, 1.0)", "x + 1.0 * rng.normal()", 1.0),
    of("rng.normal(x, 0.1, 3)", "x + 0.1 * rng.normal(size=3)", 3.0, around=SUMMED),
    of("rng.uniform(0.0, x)", "0.0 + (x - 0.0) * rng.uniform()", 0.6369616873214543),
    of("np.random.normal(x, 1.0)", "x + 1.0 * np.random.normal()", 1.0),
    of("rng.exponential(x)", "x * rng.exponential()", 0.6799319039689096),
    of("rng.poisson(x)", "rng.poisson(dp.value(x))", 0.0, around="0.0 * {}"),
    of("rng.choice([x, x])", "dp.lookup([x, x], rng.integers(len([x, x])))", 1.0),
    # arrays
    Misuse("x.shape = (2, 1)", "x = np.reshape(x, (2, 1))", [1.0, 0.5], CHANGED),
    Misuse("x[0] = 0.0", "x = dp.set_at(x, 0, 0.0)", [0.0, 0.5], CHANGED),
    Misuse("x += 1.0", "x = x + 1.0", [3.0, 2.5], CHANGED),
    Misuse("x[:-1] += x[1:]", "x = dp.set_at(x, np.s_[:-1], x[:-1] + x[1:])", [1.5, 2.0], CHANGED),
    Misuse("x.sort()", "x = np.sort(x)", [1.0, 0.5], CHANGED),
    Misuse(
        "y[1] = x[0]",
        "y = dp.set_at(y, 1, x[0])",
        [1.0, 0.0],
        "def loss(x):\n    rows = y = np.zeros(2)\n    {}\n    return np.sum(y * y)\n\nresult = dp.grad(loss)(vector)",
    ),
    of("np.array([x, 1], dtype=int)", "np.stack([x, 1])", 1.0, around=SUMMED),
    of("np.fromiter((x for _ in range(3)), float)", "np.stack([*(x for _ in range(3))])", 3.0, around=SUMMED),
    of(
        "np.vectorize(lambda u: u * u)(x)",
        "np.stack([(lambda u: u * u)(u) for u in x])",
        [1.0, 0.5],
        x="vector",
        around=SUMMED,
    ),
    of("vector[x]", "vector[np.rint(x).astype(int)]", 0.0),
    of("np.linalg.norm([x, 1.0])", "np.linalg.norm(np.stack([x, 1.0]))", 0.4472135954999579),
    of("np.unique(x)", "np.unique(dp.stop_gradient(x))", [0.0, 0.0], x="vector", around=SUMMED),
    of(
        "np.histogram(x)",
        "np.histogram(dp.stop_gradient(x))",
        [0.0, 0.0],
        x="vector",
        around="np.sum({}[0]) * 1.0",
    ),
    of(
        "np.polyfit(vector, x, 1)",
        "np.linalg.lstsq(np.vander(vector, 1 + 1), x)[0]",
        [-1.0, 2.0],
        x="vector",
        around="np.polyval({}, 0.0)",
    ),
    # SciPy
    of(
        "solve_ivp(lambda t, y: -y, (0.0, 1.0), [x])",
        "dp.scan(lambda s, _: (dp.sims.integrators.rk4(lambda s: ((lambda t, y: -y)(s[1], s[0]), 1.0), s, 0.01), None), (np.stack([x]), 0.0), length=100)[0][0]",
        0.36787944,
        "    from scipy.integrate import solve_ivp\n",
        around=SUMMED,
    ),
    of(
        "quad(lambda u: u * x, 0.0, 1.0)",
        "(lambda t, w: 0.5 * (1.0 - 0.0) * np.sum(w * (lambda u: u * x)(0.5 * (1.0 - 0.0) * t + 0.5 * (0.0 + 1.0))))(*np.polynomial.legendre.leggauss(20))",
        0.5,
        "    from scipy.integrate import quad\n",
    ),
    of(
        "minimize(lambda u: (u[0] - x) ** 2, np.zeros(1))",
        "dp.argmin(lambda u: (u[0] - x) ** 2, np.zeros(1))",
        1.0,
        "    from scipy.optimize import minimize\n",
        around=SUMMED,
    ),
    of(
        "brentq(lambda u: u - x, 0.0, 1.0)",
        "dp.root(lambda u: u - x, 0.5 * (0.0 + 1.0))",
        1.0,
        "    from scipy.optimize import brentq\n",
    ),
    of(
        "CubicSpline(np.arange(3.0), [0.0, 1.0, 4.0])(x)",
        "np.interp(x, np.arange(3.0), [0.0, 1.0, 4.0])",
        1.0,
        "    from scipy.interpolate import CubicSpline\n",
    ),
    # loops
    Misuse("c + x", "(c + x, None)", (0.75, None), "result = dp.scan(lambda c, x: {}, 0.0, vector)"),
    Misuse(
        "dp.scan(lambda c, x: (c + 1.0, c), 0.0, 3)",
        "dp.scan(lambda c, x: (c + 1.0, c), 0.0, length=3)",
        (3.0, [0.0, 1.0, 2.0]),
    ),
    Misuse(
        "dp.scan(lambda c, x: (c + 1.0, c), 0.0)",
        "dp.scan(lambda c, x: (c + 1.0, c), 0.0, length=n)",
        (2.0, [0.0, 1.0]),
        "n = 2\nresult = {}",
    ),
    Misuse("dp.cond(True, 1.0, 2.0)", "dp.cond(True, lambda: 1.0, lambda: 2.0)", 1.0),
    Misuse(
        "dp.vmap(g)(vector, 2.0)",
        "in_axes=(0, None)",
        [1.0, 0.5],
        paste="dp.vmap(g, in_axes=(0, None))(vector, 2.0)",
    ),
    Misuse(
        "x > 0.0",
        "np.any(x > 0.0)",
        [-0.5, -0.75],
        "result = dp.while_loop(lambda x: {}, lambda x: x - 1.0, vector)",
    ),
    # networks
    Misuse(
        "dp.nn.MLP((2, 3, 1)).init(0)",
        "dp.nn.MLP((2, 3, 1)).init(np.random.default_rng(0))",
        2,
        "result = len({})",
    ),
    Misuse("dp.nn.MLP(2, 3, 1)", "dp.nn.MLP((2, 3, 1))", [(2, 3), (3,)], NETWORK),
    Misuse(
        "dp.nn.MLP((2, 4, 1))",
        "MLP((2, 3, 1))",
        (1,),
        "weights = dp.nn.MLP((2, 3, 1)).init(rng)\nresult = np.shape({}(weights, vector))",
        "dp.nn.MLP((2, 3, 1))",
    ),
    # what is kept
    Misuse(
        "kept.append(x)",
        "dp.value(x)",
        1.5,
        "kept = []\ndef loss(x):\n    {}\n    return x\n\ndp.grad(loss)(0.5)\nresult = kept[0] + 1.0",
        "kept.append(dp.value(x))",
    ),
]

# The line that is named is not that of `old`: it is where the result came to light.
ELSEWHERE = (
    "x",
    "[x, x]",
    "x > 0",
    "y = x * x",
    "c + x",
    "x > 0.0",
    "dp.nn.MLP((2, 4, 1))",
    "kept.append(x)",
)


def run(source: str) -> Any:
    linecache.cache["misuse.py"] = len(source), None, source.splitlines(keepends=True), "misuse.py"
    space: dict[str, Any] = {"__name__": "misuse"}
    exec(compile(source, "misuse.py", "exec"), space)
    return space["result"]


if __name__ == "__main__":
    for k, misuse in enumerate(MISUSES):
        try:
            found = f"no error: {run(HEAD + misuse.program.format(misuse.old))!r}"
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        print(f"{k} {misuse.old}\n    wants {misuse.new}\n      {found}\n")
