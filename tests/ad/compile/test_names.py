"""Names in the source: nothing that a user calls something can meet what the compiler calls something."""

import builtins
import keyword
import linecache
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.compile import kernels
from tinydp.ad.compile.names import Names
from tinydp.ad.compile.numba import RESERVED
from tinydp.sims.rollouts import rollouts

from .programs import assert_equal

MADE = [                                 # what the compiler itself calls something, or once did
    "i", "j", "k", "l", "i4", "i5", "i6", "i7", "t", "v", "n", "row", "one", "first", "results", "result",
    "carry", "copy", "constant", "positions", "stored", "step", "h", "height", "above", "below",
    "height_above", "height_below", "tries", "search", "scale", "total", "sum", "g_dt", "g_h_first",
    "forward", "back", "finite", "as_traced", "turned", "reshaped", "x_flat", "row_all", "g_result", "g_t",
    "g_x", "adjoint_of_f", "f", "f_of_each", "np", "njit", "prange", "numba", "math", "tinydp", "float64",
    "range", "len", "abs", "float", "min", "ArithmeticError", "None_", "self", "match", "case", "type", "_",
    "sin", "sqrt", "isfinite", "dot"]
NAMES = sorted({*MADE, *(f"{name}_1" for name in MADE), *kernels.__all__,
                *keyword.softkwlist, *(name for name in dir(builtins) if name.islower())}
               - {"__debug__", "np", "dp"})
UNICODE = ["ϕ", "θ", "ﬁ", "\u017fin", "\U0001d6fc", "ª", "Å", "é", "e\u0301",
           "_x_", "__x__", "\u212f", "x\u00b7y", "变量", "ⅷ"]
LABELS = [*NAMES, *UNICODE, *keyword.kwlist, "a b", "a-b", "a_b", "params['a b']", "1", "v_1", "",
          "é()", '"""', "\n", "x\ny",
          "#", "\ud800", "a" * 300, "a" * 299 + "b", "\u0661", "x\u0301", "\u0301"]


def written(text, **space):
    """The function `f` of a text that can be found, as of a file."""
    file = f"<names {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space |= {"np": np, "dp": dp}
    exec(compile(text, file, "exec"), space)
    return space["f"]


def same(f, *args):
    """Value and gradient of `f`, compiled and on the tape."""
    by = tuple(range(len(args)))
    compiled = dp.compile(f)
    assert_equal(compiled(*args), f(*args))
    assert_equal(dp.value_and_grad(compiled, by)(*args), dp.value_and_grad(f, by)(*args))
    return compiled


# ---------------------------------------------------------------------------- the allocator

@given(st.lists(st.text() | st.sampled_from(LABELS), max_size=40))
def test_no_two_things_have_one_name(labels):
    names = Names(RESERVED)
    found = [names.fresh(label) for label in labels]
    assert len(set(found)) == len(found)
    for name in found:
        assert name.isidentifier()
        assert unicodedata.normalize("NFKC", name) == name
        assert name not in RESERVED
        assert len(name) < 80


# ---------------------------------------------------------------------------- arguments

@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", ["i", "j", "k", "l", "i4", "i5", "i6", "i7", "i8"])
def test_an_argument_named_like_a_loop_index(name):
    f = written(f"def f(x, {name}):\n    return np.sum(x * {name}) + np.max(x * {name})\n")
    for axes in (5, 9):
        x = np.array([1.0, 2.0]).reshape((2,) + (1,) * (axes - 1))
        assert dp.compile(f)(x, 2.5) == 7.5 + 5.0
        gradients = dp.grad(dp.compile(f), (0, 1))(x, 2.5)
        assert_equal(gradients, (2.5 + np.array([0.0, 2.5]).reshape(x.shape), 5.0))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", ["ϕ", "θ", "ﬁ", "\u017fin", "\U0001d6fc", "x"])
def test_a_name_that_is_given_again(name):
    """Python reads an identifier in the form NFKC: `ϕ` and `φ` are one name."""
    same(written(f"def f({name}, φ_1):\n    {name} = {name} * φ_1\n    {name} = np.sin({name})\n"
                 f"    return {name} * φ_1 + {name} ** 2\n"), 0.7, 1.3)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("names", [("θ", "ω"), ("ϕ", "φ_1"), ("a", "b"), ("i", "t_1")])
def test_what_a_carry_is_made_of_is_known_whatever_it_is_called(names):
    """The parts of a carry change places: one of them has to be kept before it is overwritten."""
    a, b = names
    f = written(f"""def f({a}, {b}):
    def step(carry, _):
        {a}, {b} = carry
        return ({b}[::-1], {a}), None
    ({a}, {b}), _ = dp.scan(step, ({a}, {b}), length=3)
    return np.sum({a} * np.array([1.0, 2.0])) + {b}[0]
""")
    same(f, np.array([1.0, 3.0]), np.array([-2.0, 5.0]))


PROGRAM = """
def f(NAME, matrix, vector):
    NAME = NAME * vector[0] + NAME
    def advance(state, given):
        NAME, pair = state
        NAME = np.tanh(matrix @ pair) @ given + NAME
        return (NAME, pair[::-1] * 0.9), NAME
    (NAME, pair), found = dp.scan(advance, (NAME, vector), matrix)
    def fall(state, dt):
        NAME, speed, clock = state
        return NAME + dt * speed, speed - dt, clock + dt
    ball = dp.integrate(fall, (1.0 + pair[0] ** 2, NAME, 0.0), lambda s: s[0], dt=0.1)
    NAME = ball[2] + np.sum(np.where(vector > 0, vector, pair)[[1, 0, 2, 0]] * np.arange(4.0))
    if NAME > 1e9:
        NAME = 0.0
    return NAME + np.max(found) + np.sum(matrix @ matrix.T)
"""


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", sorted({*MADE, *UNICODE[:5]} - {"np"}))
def test_a_program_that_calls_everything_so(name):
    matrix = np.linspace(-1.0, 1.0, 9).reshape(3, 3)
    same(written(PROGRAM.replace("NAME", name)), 0.4, matrix, np.array([0.5, -0.3, 0.8]))


@pytest.mark.usefixtures("interpreted")
def test_every_name_at_once():
    lines = [f"    {name} = np.sin({k}.0 * x) * y\n    {name} = {name} ** 2" for k, name in enumerate(NAMES)]
    same(written("def f(x, y):\n" + "\n".join(lines) + f"\n    return {' + '.join(NAMES)}\n"),
         0.3, np.array([0.5, 0.6]) @ np.array([1.0, 1.0]))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("names", [("row", "stored", "back"), ("forward", "back", "t"), ("t", "t_1", "t_2")])
def test_a_long_step_is_a_function_of_its_own(names):
    """Its parameters are what the loop has, and its name that of neither the program nor anything in it."""
    a, b, c = names
    lines = "\n".join(f"        {a} = np.sin({a}) * {b} + {k}.0 * {c}" for k in range(30))
    f = written(f"""def f({a}, {b}, {c}):
    def step(carry, row):
        {a}, {b} = carry
{lines}
        return ({a}, {b} * 0.9), {a}
    ({a}, {b}), rows = dp.scan(step, ({a}, {b}), length=4)
    return {a} + {b} + np.sum(rows)
""")
    for name in ("forward", "back", "adjoint_of_forward", "row", "f"):
        f.__name__ = name
        same(f, 0.3, 0.2, 0.01)


@pytest.mark.usefixtures("interpreted")
def test_every_label_at_once():
    """Keys that differ for Python become names that differ, whatever is left of them in an identifier."""
    numbers = {label: 0.1 + 0.01 * k for k, label in enumerate(LABELS)}
    arrays = {label: np.array([x, -x]) for label, x in numbers.items()}

    def f(numbers, arrays):
        return sum((k + 1.0) * np.sin(x) for k, x in enumerate(numbers.values())) + sum(
            (k + 0.5) * np.sum(np.cos(x) * x) for k, x in enumerate(arrays.values()))

    same(f, numbers, arrays)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", [*LABELS[::5], *LABELS[-40:], "sin", "f", "np", "<lambda>", "é.<locals>.f",
                                  "\\", "{}", "{name}"])
def test_the_name_of_the_function(name):
    def f(x):
        return np.sum(np.sin(x) * x)

    f.__name__ = name
    same(f, np.array([1.0, 2.0]))


@pytest.mark.parametrize("name", ["sin", "cos", "pow", "log1p", "memcpy", "malloc", "free", "entry"])
def test_a_function_that_is_called_as_one_of_c(name):
    """... which its own program calls."""
    names = {}
    exec(f"import numpy as np\ndef {name}(x): return np.sin(x) * np.cos(x) + x**1.5 + np.log1p(x)", names)
    assert_equal(dp.compile(names[name])(0.5), names[name](0.5))
    assert_equal(dp.grad(dp.compile(names[name]))(0.5), dp.grad(names[name])(0.5))


@pytest.mark.usefixtures("interpreted")
def test_a_file_of_any_name():
    """The source shows where a line comes from: that must not become a line of its own."""
    text = "def f(x):\n    y = x * 2.0\n    return y * x\n"
    for file in ("a\nreturn 7.0\n#.py", "\ud800.py", "\r.py", "\x0c.py"):
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        space = {}
        exec(compile(text, "f.py", "exec").replace(co_filename=file), space)
        space["f"].__code__ = space["f"].__code__.replace(co_filename=file)
        same(space["f"], 3.0)


def test_unicode_names_are_read_by_numba():
    text = "def f(ϕ, A):\n    ϕ = ϕ * A\n    ϕ = np.sin(ϕ)\n    return ϕ * A + np.sum(ϕ)\n"
    f = written(text.replace("A", "\U0001d6fc"))
    compiled = same(f, 0.7, 1.3)
    assert "def f(\u03c6, \u03b1):" in compiled.source


# ---------------------------------------------------------------------------- many runs at once

def test_rollouts_of_any_names():
    names = ["row", "n", "first", "one", "as_traced", "result", "results", "f", "f_of_each", "result_0",
             "prange"]
    terms = " + ".join(f"{k}.0 * {name}" for k, name in enumerate(names))
    f = written(f"def f({', '.join(names)}):\n    return {terms}, row > 0.5, n * np.ones(2)\n")
    rest = [0.1 * k for k in range(1, len(names))]
    starts = np.array([0.0, 1.0, 2.0])
    total, large, ones = rollouts(f)(starts, *rest)
    expected = [f(x, *rest) for x in starts.tolist()]
    np.testing.assert_allclose(total, [y[0] for y in expected], rtol=1e-14)
    assert large.dtype == bool
    assert large.tolist() == [y[1] for y in expected]
    np.testing.assert_allclose(ones, [y[2] for y in expected])
