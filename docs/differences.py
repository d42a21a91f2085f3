"""Write docs/differences.md: programs that see, or might see, that they are traced or compiled.

    python docs/differences.py            rewrites the page
    python docs/differences.py --check    exits with 1 if that would change it

Each row is an expression or a few statements that end in `y`. It is run as plain Python, with a value of a
tape, and as a compiled program, and all three results are written down. What is different and is not refused
needs a reason.
"""

import sys

sys.path.pop(0)                                  # or Numba would find this file as a package

import os
import pathlib
import tempfile
import textwrap
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

import tinydp as dp
from tinydp.ad.compile import cache
from tinydp.ad.errors import TinydpError

PAGE = pathlib.Path(__file__).with_suffix(".md")

INTRODUCTION = """\
# Plain, traced, compiled: all differences

A program runs the same when it is plain Python, when it is traced (inside `grad`, `vjp`) and when it is
compiled. Where Python does not allow that, it is refused, or it is in these tables: **the rows with a
reason are the only differences** that are known. `x` is the value that is differentiated by.

The verdicts are *same*; *refused*, by the error that is named; and *documented*, with the reason below
the table. {counts} A condition that a compiled program returns is 0 or 1.

Written by `python docs/differences.py`, with NumPy {numpy}. A name in parentheses is a warning.
"""


class Row(NamedTuple):
    """A program of `x`, what it is run with, and the reason if its results may differ."""

    program: str
    x: object
    reason: str = ""


NUMBER, HALF, ZERO, INTEGER = 2.0, 0.5, 0.0, 7
V, ZEROS, NARROW = np.array([1.0, 2.0, 3.0]), np.zeros(2), np.array([1.0, 2.0], dtype=np.float32)
INTEGERS = np.array([5, 7])

TYPE = ("a traced value has a type of its own. Ask what it can do (`np.ndim(x) == 0`, `np.shape(x)`), "
        "or test `isinstance(dp.value(x), float)`")
OF_NUMPY = "a traced number has the attributes and indices of NumPy's number, since nobody knows which it was"
IDENTITY = "each operation makes a new value, also one that would return the same array or a view of it"
EXACT = "what is differentiated by is made of real numbers: integers are exact floats, all floats are float64"
TEXT = "its own text says that it is traced; `str(x)` and `format(x)` are those of the value"
PYTHONS = ("a comparison of traced numbers is Python's, also where NumPy's gives `np.True_`: just "
           "test it, compare them by `==`, and write `np.logical_not(c)` for `~c`, "
           "`np.logical_or(c, d)` for `c + d`")
WEAK = "Python's number is weak beside float32, and a traced one is not: tinydp computes in float64"
QUIET = "a compiled program neither warns nor raises while it computes"
RESULT = "a differentiation and a compiled program return Python's number, an array, or what holds them"

SECTIONS: dict[str, list[Row]] = {
    "What it is": [
        Row("isinstance(x, float)", NUMBER, TYPE),
        Row("isinstance(x, np.ndarray)", V, TYPE),
        Row("type(x) is float", NUMBER, TYPE),
        Row("isinstance(x, numbers.Real)", NUMBER, TYPE),
        Row("np.isscalar(x)", NUMBER, TYPE),
        Row("hasattr(x, '__array__')", NUMBER, TYPE),
        Row("callable(x)", NUMBER),
        Row("isinstance(x, collections.abc.Iterable)", V),
        Row("isinstance(x, collections.abc.Iterable)", NUMBER, TYPE),
        Row("isinstance(x, collections.abc.Sequence)", V),
        Row("isinstance(x, collections.abc.Hashable)", V),
        Row("isinstance(x, collections.abc.Hashable)", NUMBER, TYPE),
        Row("match x:\n    case float(): y = 1.0\n    case _: y = 2.0", NUMBER, TYPE),
        Row("match x:\n    case 2.0: y = 1.0\n    case _: y = 2.0", NUMBER),
        Row("np.ndim(x) == 0", NUMBER),
        Row("np.shape(x) == (3,)", V),
        Row("x is None", V),
    ],
    "Attributes and conversions": [
        Row("hasattr(x, 'shape')", NUMBER, OF_NUMPY),
        Row("x.shape == (3,)", V),
        Row("x.dtype == np.float64", V),
        Row("x.dtype == np.float32", NARROW, EXACT),
        Row("x[None][0]", NUMBER, OF_NUMPY), Row("x[x > 0]", NUMBER, OF_NUMPY),
        Row("np.sum(x)[np.sum(x) > 0]", V),
        Row("x.sum()", NUMBER, OF_NUMPY),
        Row("x[0]", NUMBER),
        Row("len(x)", NUMBER),
        Row("x.flags.writeable", V), Row("x.base is None", V), Row("x.strides", V), Row("x.nbytes", V),
        Row("x.flat[0]", V), Row("x.data", V), Row("x.is_integer()", NUMBER), Row("x.hex()", NUMBER),
        Row("x.conjugate()", NUMBER), Row("x.real", NUMBER), Row("x.imag", NUMBER),
        Row("x.item(0)", V), Row("x.tolist()", V), Row("x.view()", V),
        Row("float(x)", NUMBER), Row("int(x)", NUMBER), Row("bool(x)", NUMBER), Row("complex(x)", NUMBER),
        Row("math.sin(x)", NUMBER), Row("math.isfinite(x)", NUMBER), Row("range(int(x))", NUMBER),
        Row("operator.index(x)", INTEGER),
        Row("np.asarray(x)", V), Row("np.array([x, x])", NUMBER), Row("np.full(2, x)", NUMBER),
        Row("pickle.loads(pickle.dumps(x))", V), Row("copy.copy(x) + 0.0", V),
        Row("copy.deepcopy(x) + 0.0", V),
        Row("len(f'{x:.3f}')", NUMBER), Row("len(str(x))", NUMBER), Row("len(repr(x))", NUMBER, TEXT),
        Row("len('%.2f' % x)", NUMBER),
        Row("f'{x!r}' == '2.0'", NUMBER, TEXT),
    ],
    "Identity and aliases": [
        Row("y = np.where(x > 0, x, 0.0)\nz = y\nz += 1.0", NUMBER),
        Row("y = x\nz = y\nz += 1.0", NUMBER),
        Row("y = x\nz = y\nz += 1.0", V),
        Row("y = x * 1.0\nz = y[:]\nz[0] = 5.0", V),
        Row("y = x * 1.0\ny.T[...] = 5.0", V),
        Row("y = x * 1.0\nnp.add(y, 1.0, out=y)", V),
        Row("y = x * 1.0\ny.sort()", V),
        Row("y = np.zeros(3)\ny[:] = x", V),
        Row("np.ravel(x) is x", V), Row("x.T.T is x", V), Row("(+x) is x", NUMBER),
        Row("(+x) is x", V, IDENTITY), Row("abs(x) is x", NUMBER), Row("x[...] is x", V),
        Row("x.astype(float) is x", V, IDENTITY), Row("x.copy() is x", V),
        Row("copy.copy(x) is x", V, IDENTITY), Row("np.atleast_1d(x) is x", V),
        Row("np.squeeze(x) is x", V, IDENTITY), Row("x is x", V), Row("id(x) == id(x)", NUMBER),
        Row("np.shares_memory(x, x)", V),
        Row("hash(x) == hash(2.0)", NUMBER), Row("{x: 1.0}[x]", NUMBER), Row("len({x, 2.0})", NUMBER),
        Row("x in [1.0, 2.0]", NUMBER), Row("[1.0, 2.0].index(x)", NUMBER), Row("max([x, 3.0])", NUMBER),
        Row("sorted([x, 1.0])[0]", NUMBER), Row("x == 2.0", NUMBER),
        Row("(x == 2.0) is True", NUMBER), Row("type(x == 2.0) is bool", NUMBER),
        Row("(np.sum(x) > 0) is True", V, PYTHONS), Row("~(np.sum(x) > 9)", V, PYTHONS),
        Row("np.where(~(np.sum(x) > 1), 1.0, 2.0)", V, PYTHONS),
        Row("(np.sum(x) > 1) + (np.sum(x) > 2)", V, PYTHONS), Row("(np.sum(x) > 1) & (np.sum(x) > 9)", V),
        Row("1 < x < 3", NUMBER), Row("x > 1 and x < 3", NUMBER), Row("not x", ZERO),
    ],
    "Integers and other precisions": [
        Row("x // 2", INTEGER), Row("x / 2", INTEGER), Row("x % 4", INTEGER), Row("divmod(x, 2)[1]", INTEGER),
        Row("x >> 1", INTEGER), Row("x & 3", INTEGER), Row("~x", INTEGER), Row("[1.0, 2.0][x]", INTEGER - 6),
        Row("V[x]", INTEGER - 6), Row("x ** 2", INTEGER), Row("x ** -1", INTEGERS, EXACT),
        Row("x // 2", INTEGERS),
        Row("x / 2", INTEGERS), Row("x >> 1", INTEGERS),
        Row("V[x - 5]", INTEGERS), Row("np.sum(x)", INTEGERS), Row("np.ones(x)", INTEGER),
        Row("sum(range(x))", INTEGER), Row("x.bit_length()", INTEGER), Row("round(x)", HALF),
        Row("round(x, 1)", HALF), Row("x + np.float32(0.1)", NARROW, EXACT), Row("x * 0.1", NARROW, EXACT),
        Row("np.float32(0.1) * x + 0.7", NUMBER, WEAK),
        Row("np.array([0.1, 0.2], np.float32) * x + 0.7", NUMBER, WEAK),
        Row("np.array([0.1, 0.2], np.float32) * np.sum(x)", V),
        Row("x // 1.0", HALF), Row("np.floor(x)", HALF), Row("math.floor(x)", HALF),
        Row("np.bool_(True) * x", NUMBER), Row("x * True", NUMBER),
        Row("x * fractions.Fraction(1, 2)", NUMBER),
        Row("x * decimal.Decimal(2)", NUMBER),
    ],
    "Errors, warnings and control": [
        Row("x[3]", V), Row("x[0, 0]", V), Row("x[1.0]", V), Row("x + np.ones(2)", V),
        Row("x.sum(axis=9)", V),
        Row("x.reshape(2, 2)", V), Row("np.interp(x, [0, 1], [0, 1, 2])", HALF), Row("x + 'text'", NUMBER),
        Row("x.nonsense", NUMBER), Row("np.quantile(x, -0.25)", V),
        Row("try: y = x[3]\nexcept IndexError: y = 5.0", V),
        Row("try: y = float(x)\nexcept TypeError: y = 5.0", NUMBER,
            "a refusal is an exception, and this program catches it: catch less"),
        Row("y = sum(v for v in (x[i] * i for i in range(3)))", V),
        Row("y, *_ = [x * k for k in range(3)][::-1]", NUMBER),
        Row("import threading\ny = []\nt = threading.Thread(target=lambda: y.append(x * 2.0))\nt.start()\n"
            "t.join()\ny = y[0]", NUMBER),
        Row("assert x > 3\ny = x", NUMBER),
        Row("raise KeyError('mine')", NUMBER),
        Row("y = x if x > 1 else -x", NUMBER),
        Row("y = 0.0\nwhile y < x: y = y + 0.75", NUMBER),
    ],
}

ARITHMETIC = {
    "The arithmetic of numbers": [
        Row("x / 0.0", ZERO), Row("x / 0.0", NUMBER), Row("1.0 / x", ZERO),
        Row("x % 0.0", NUMBER), Row("x // 0.0", NUMBER), Row("x ** -1.0", ZERO),
        Row("x ** 1e200", NUMBER), Row("(-x) ** 0.5", NUMBER),
        Row("x[0] / np.sum(x)", ZEROS), Row("1.0 / np.sum(x)", ZEROS),
        Row("np.sum(x) % 0.0", V), Row("np.sum(x) ** 1e200", V),
        Row("(-np.sum(x)) ** 0.5", V),
        Row("np.where(np.sum(x) > 0, x[0] / np.sum(x), 0.0)", ZEROS),
        Row("x / 0.0", V, QUIET), Row("x % 0.0", V, QUIET), Row("x ** 1e200", V, QUIET),
        Row("(-x) ** 0.5", V, QUIET), Row("np.divide(x, 0.0)", NUMBER, QUIET),
        Row("np.power(-x, 0.5)", NUMBER, QUIET), Row("np.exp(x * 1000)", NUMBER, QUIET),
        Row("np.log(-x)", NUMBER, QUIET), Row("np.sqrt(-x)", NUMBER, QUIET),
        Row("abs(-x)", NUMBER), Row("-x % 3.0", NUMBER), Row("x * 4 * 10**18", INTEGERS, EXACT),
        Row("with np.errstate(all='raise'): y = np.log(x)", ZERO, QUIET),
        Row("with np.errstate(all='ignore'): y = np.log(x)", ZERO),
    ],
}

# What f(x), value_and_grad(f)(x)[0] and compile(f)(x) return: not the value, but its type.
RESULTS = [
    Row("x * 2.0", NUMBER), Row("np.sum(x)", V, RESULT), Row("x[0]", V, RESULT),
    Row("x * 2", INTEGER, RESULT), Row("3", NUMBER),
    Row("dp.scan(lambda n, _: (n + 1, None), 0, length=3)[0]", NUMBER),
    Row("np.where(x > 0, x, 0.0)", NUMBER, RESULT), Row("np.sin(x)", NUMBER, RESULT),
    Row("x[..., 0]", V, RESULT), Row("np.float32(2.0) * np.sum(x)", NARROW, RESULT),
]

# ---------------------------------------------------------------------------- running

NAMES = "import collections.abc, copy, decimal, fractions, math, numbers, operator, pickle"


def function(program: str) -> Callable:
    """The program as a function of `x`, in a file, since errors and compiled programs look for its source."""
    lines = program if "\n" in program or "y = " in program or "raise" in program else f"y = {program}"
    source = f"def f(x):\n{textwrap.indent(lines, '    ')}\n    return y\n"
    space: dict = {"np": np, "dp": dp, "V": V}
    exec(NAMES, space)
    exec(compile(source, "program.py", "exec"), space)
    return space["f"]


def described(run: Callable) -> str:
    """What came of it: the value, or the error, and the warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            text = shown(run())
        except Exception as error:
            text = type(error).__name__
            if isinstance(error, TinydpError):
                text = f"refused: {text}"
    kinds = sorted({type(warning.message).__name__ for warning in seen
                    if not issubclass(warning.category, (SyntaxWarning, dp.ad.errors.SteepGradientWarning))})
    return f"{text} ({', '.join(kinds)})" if kinds else text


def shown(y: object) -> str:
    """A value as text: numbers of all kinds alike, to 15 digits."""
    if isinstance(y, np.ndarray):
        return str([shown(part) for part in y.tolist()]).replace("'", "") if y.ndim else shown(y.item())
    if isinstance(y, (bool, np.bool_)):
        return str(bool(y))
    if isinstance(y, (list, tuple)):
        return str([shown(part) for part in y]).replace("'", "")
    if isinstance(y, (int, float, np.integer, np.floating)):
        return f"{float(y):.15g}"
    return str(y) if isinstance(y, (str, complex, range)) or y is None else type(y).__name__


def given(x: object) -> object:
    return x.copy() if isinstance(x, np.ndarray) else x


def traced(f: Callable, x: object) -> object:
    """The result of `f` as it is inside of a differentiation."""
    seen: list = []

    def look(x):
        seen.append(f(x))
        seen[0] = dp.value(seen[0])
        return 0.0

    dp.vjp(look, given(x))
    return seen[0]


def compiled(f: Callable, x: object) -> object:
    """The result of the compiled `f`; a condition comes back as the number 0 or 1."""
    return dp.compile(f)(given(x))


def plain(f: Callable, x: object) -> object:
    return f(given(x))


def values(row: Row) -> tuple[str, ...]:
    """The result of the program: plain, traced and compiled."""
    f = function(row.program)
    return tuple(described(lambda run=run: run(f, row.x)) for run in (plain, traced, compiled))


def types(row: Row) -> tuple[str, ...]:
    """The type of what is returned to the caller."""
    f = function(row.program)
    runs = (plain, lambda f, x: dp.value_and_grad(f)(given(x))[0], compiled)
    return tuple(described(lambda run=run: type(run(f, row.x)).__name__) for run in runs)


def verdict(row: Row, results: tuple[str, ...]) -> str:
    """`same`, `refused`, `documented`, or `SILENT`: different, without a reason."""
    expected, *others = results
    good = (expected, {"True": "1", "False": "0"}.get(expected))
    if all(other in good for other in others):
        return "same"
    if all(other in good or is_refusal(other) for other in others):
        return "refused"
    return "documented" if row.reason else "SILENT"


def is_refusal(result: str) -> bool:
    """An error of tinydp, or one of Python's that is not about the numbers themselves."""
    name = result.partition(" ")[0]
    return result.startswith("refused") or (name.endswith("Error") and name not in ARITHMETIC_ERRORS)


ARITHMETIC_ERRORS = ("ZeroDivisionError", "OverflowError", "FloatingPointError")


# ---------------------------------------------------------------------------- the page

load = cache.load


def interpreted(name: str, text: str) -> Callable:
    """A compiled program that is run by Python, which starts faster."""
    return load(name, text.replace("from numba import njit", "njit = lambda **options: lambda f: f"))


def tables() -> list[tuple[str, list[tuple[Row, tuple[str, ...], str]]]]:
    """The results of all rows, by section; of arithmetic as Numba has it."""
    cache.load = interpreted
    engine = os.environ.get("TINYDP_ENGINE", "llvm")
    os.environ["TINYDP_ENGINE"] = "numba"
    try:
        found = [of_section(title, rows, values) for title, rows in SECTIONS.items()]
    finally:
        cache.load, os.environ["TINYDP_ENGINE"] = load, engine
    found += [of_section(title, rows, values) for title, rows in ARITHMETIC.items()]
    return [*found, of_section("The type of the result", RESULTS, types)]


def of_section(title: str, rows: list[Row], look: Callable) -> tuple[str, list]:
    return title, [(row, results := look(row), verdict(row, results)) for row in rows]


def complaints(found: list) -> list[str]:
    """The rows that differ without a reason, and those that have one without need."""
    return [f"{row.program}: {', '.join(results)}: {kind}" for _, rows in found for row, results, kind in rows
            if kind == "SILENT" or (row.reason and kind != "documented")]


def cell(text: str) -> str:
    return f"`{text}`".replace("\n", "`<br>`").replace("|", "\\|")


def page(found: list) -> str:
    verdicts = [verdict for _, rows in found for _, _, verdict in rows]
    counts = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts))
    parts = [INTRODUCTION.format(numpy=version("numpy").rpartition(".")[0],
                                 counts=f"Of {len(verdicts)} rows, {counts}.")]
    for title, rows in found:
        reasons = list(dict.fromkeys(row.reason for row, _, v in rows if v == "documented"))
        head = ["program", "x", "plain", "traced", "compiled", "verdict"]
        lines = [head, ["---"] * len(head)]
        for row, results, v in rows:
            mark = f" {reasons.index(row.reason) + 1}" if v == "documented" else ""
            lines.append([cell(row.program), cell(shown(row.x)), *results, v + mark])
        parts.append(f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
        if reasons:
            parts.append("\n".join(f"{k}. {reason}." for k, reason in enumerate(reasons, 1)) + "\n")
    return "\n".join(parts)


def main() -> None:
    found = tables()
    text = page(found)
    if wrong := complaints(found):
        print("silent, or with a reason that is not needed:", *wrong, sep="\n")
    if "--check" not in sys.argv:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit(f"{PAGE.name} is out of date: run python docs/differences.py")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TINYDP_CACHE"] = folder
        main()
