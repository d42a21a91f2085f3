"""What an error advises works when it is pasted, on the tape and compiled.

Each program runs on plain numbers, which is the oracle. As long as it raises, the advice replaces what it is
about: the line for an assignment, the expression otherwise.
"""

import linecache

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import tinydp as dp
from tinydp.ad.advice.rewriting import instead_of_array, instead_of_change, instead_of_math, instead_of_scipy
from tinydp.ad.errors import (
    ConversionError,
    MutationError,
    TinydpError,
)

from .pasting import RUNS, X, followed, run_file

NAMES = {"np": np, "dp": dp, "scipy": scipy, "M": np.arange(12.0).reshape(3, 4), "DOFS": np.array([2, 0])}

# expressions of x, an array of three, a and b, its first two numbers
EXPRESSIONS = [
    "np.array([[1.0, a], [a * a, 0.0]])",
    "np.array([[1.0, 2.0], [a * a, 0.0]], dtype=float)",
    "np.asarray(((a, b), (b, a)))",
    "np.array([[[a, 1], [b, 2]]])",
    "np.array([[u * v for u in x] for v in x])",
    "np.array([a] * 3)",
    "np.array([x, 2 * x])",
    "np.stack([[1.0, a], [a * a, 0.0]])",
    "np.stack([[a, b], [b, 1.0]], axis=1)",
    "np.concatenate([[[a, b]], np.zeros((1, 2))])",
    "np.vstack([[a, b], [1.0, 2.0]])",
    "np.hstack([[a], x, [1.0, b]])",
    "np.sum([a, b])",
    "np.dot([a, b], [1.0, 2.0])",
    "np.ones(2) * [a, b]",
    "x * [a, b, 1.0]",
    "np.linalg.norm([a, b])",
    "np.where([True, False], [a, 1.0], [1.0, b])",
    "np.diag([a, b])",
    "np.full(3, a)",
    "np.full((2, 3), x)",
    "np.full_like(M[0, :3], x)",
    "__import__('math').sin(a) + 0.0",
]

LINES = [
    "y = np.zeros(3); y[0] = a",
    "y = np.zeros(3)\n    y[-1] = a",
    "y = np.zeros(3)\n    y[1] += a",
    "y = np.ones(3)\n    y[1] *= a * b - 1.0",
    "y = np.zeros(3)\n    y += x",
    "y = np.ones(3)\n    y /= x",
    "y = np.zeros(4)\n    y[1:-1] = x[:2]",
    "y = np.zeros(4)\n    y[::2] -= a",
    "y = np.zeros(4)\n    y[1:] = a",
    "y = np.zeros((2, 3))\n    y[1] = x",
    "y = np.zeros((2, 3))\n    y[:, 1] = x[:2]",
    "y = np.zeros((2, 3))\n    y[0, 2] = a",
    "y = M * 1.0\n    y[1, 3] += a",
    "y = M * 1.0\n    y[np.ix_(DOFS, DOFS)] += 2.1e5 * np.outer(x[:2], x[:2])",
    "y = M * 1.0\n    y[M > 5.0] = a",
    "y = M * 1.0\n    y[..., 0] = x",
    "y = 2.0 * x\n    y[0] = 3.0",
    "y = 2.0 * x\n    y[-1] = a",
    "y = 2.0 * x\n    y[1] += a",
    "y = 2.0 * x\n    y[1:] = x[:-1]",
    "y = 2.0 * x\n    y[:2] *= 3.0",
    "y = np.outer(x, x)\n    y[0, 1] -= a",
    "y = np.outer(x, x)\n    y[np.ix_(DOFS, DOFS)] += 5.0",
    "y = 2.0 * x\n    y.sort()",
    "y = np.outer(x, -x)\n    y.sort(axis=0)",
    "y = 2.0 * x\n    y.fill(a)",
    "y = 2.0 * x\n    y.put([0, 2], 5.0)",
    "y = 2.0 * x\n    y += a",
    "y = 2.0 * x\n    y **= a + 1.0",
    "y = [np.zeros(2), np.ones(2)]\n    y[0][1] = a\n    y = y[0]",
    "y = np.zeros(3)\n    for i in range(3): y[i] = x[i] ** 2",
]

SCIPY = {
    "scipy.linalg.expm(np.outer(x, x))": ConversionError,
    "scipy.linalg.solve(np.outer(x, x) + np.eye(3), x)": ConversionError,
    "scipy.linalg.inv(np.outer(x, x) + np.eye(3))": ConversionError,
    "scipy.linalg.det(np.outer(x, x) + np.eye(3))": ConversionError,
    "scipy.linalg.norm(x)": ConversionError,
    "scipy.linalg.cholesky(np.outer(x, x) + np.eye(3))": ConversionError,
    "scipy.linalg.cholesky(np.outer(x, x) + np.eye(3), lower=True)": ConversionError,
    "scipy.linalg.solve_triangular(np.outer(x, x) + np.eye(3), x, lower=True)": ConversionError,
    "scipy.special.logsumexp(x)": ConversionError,
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions(expression, run):
    source = f"import math\ndef f(x):\n    a, b = x[0], x[1]\n    return {expression}\n"
    source = source.replace("__import__('math')", "math")
    y, errors, _ = followed(source, run, NAMES, rounds=4)
    np.testing.assert_allclose(y, run_file(source, NAMES)(X), rtol=1e-13)
    kind = MutationError if "full_like" in expression else ConversionError
    assert [type(error) for error in errors] == [kind]


@pytest.mark.parametrize(("lines", "run"), [
    (lines, run) for lines in LINES for run in RUNS.values()
    if ".sort" not in lines or run is RUNS["traced"]])           # which is not compiled
def test_statements(lines, run):
    source = f"def f(x):\n    a, b = x[0], x[1]\n    {lines}\n    return y\n"
    y, errors, _ = followed(source, run, NAMES, rounds=4)
    np.testing.assert_allclose(y, run_file(source, NAMES)(X), rtol=1e-13)
    assert {type(error) for error in errors} == {MutationError}
    assert len(errors) == 1


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("expression", SCIPY)
def test_calls_of_scipy(expression, run):
    """Its own lines are not the user's."""
    source = f"def f(x):\n    return {expression}\n"
    y, errors, _ = followed(source, RUNS[run], NAMES, rounds=4)
    np.testing.assert_allclose(y, run_file(source, NAMES)(X), rtol=1e-10)
    assert [type(error) for error in errors] == [SCIPY[expression]]


def test_an_expression_of_several_lines():
    source = "def f(x):\n    return np.array([[1.0, x[0]],\n                     [x[1], 0.0]])\n"
    with pytest.raises(ConversionError) as caught:
        RUNS["traced"](run_file(source, NAMES))
    assert caught.value.advice == "write np.stack([np.stack([1.0, x[0]]), np.stack([x[1], 0.0])]) instead."


@pytest.mark.parametrize(("made", "k"), [("[x[0], x[1] ** 2]", 0), ("[[x[0], 1.0], [0.0, x[1]]]", 1)])
@pytest.mark.parametrize("transform", [lambda f: f, dp.compile], ids=["tape", "compiled"])
def test_an_array_of_what_has_a_name(made, k, transform):
    x = np.array([0.5, 2.0])
    source = f"def f(x):\n    rows = {made}\n    return np.sum(ARRAY)\n"
    space: dict = {"np": np}
    first = source.replace("ARRAY", "np.array(rows)")
    linecache.cache["named.py"] = 0, None, first.splitlines(True), "named.py"
    exec(compile(first, "named.py", "exec"), space)
    with pytest.raises(TinydpError) as caught:
        dp.grad(transform(space["f"]))(x)
    new = ["np.stack(rows)", "np.stack([np.stack(row) for row in rows])"][k]
    assert f"{new} if " in caught.value.advice
    exec(source.replace("ARRAY", new), space)
    assert np.allclose(dp.grad(transform(space["f"]))(x), [1.0, 4.0] if k == 0 else [1.0, 1.0])


def test_what_is_not_known_gets_no_advice_of_its_own():
    for expression in ("x = (", "", "np.asarray(x)", "f(x)", "np.sum(x)", "np.array()", "np.stack(rows)",
                       "x + y"):
        assert instead_of_array(expression) == ""
    for statement in ("x = (", "", "x = y", "y = x[0]", "del x[0]", "a[0] = b[0] = x", "a[0] = x; b[0] = x",
                      "y.T[0] = x", "y.flat[2] += x", "f(y)[0] = x"):
        assert instead_of_change(statement) == ""
    for expression in ("np.sin(x)", "f(x)", "x", "math.nonsense(x)", "sin", ""):
        assert instead_of_math(expression) is None
    for expression in ("scipy.linalg.sqrtm(A)", "scipy.linalg.inv(A, True)", "A", ""):
        assert "dp.primitive" in instead_of_scipy(expression)


@pytest.mark.parametrize("index", [0, -1, np.s_[1:], np.s_[::-2], [0, 0, 2], (), ..., np.s_[3:1],
                                   np.array([True, False, True, False])], ids=str)
def test_set_at_is_an_assignment_to_a_copy(index):
    x = np.arange(4.0)
    for values in (np.sqrt(2.0 + x[index]), 7.0):
        expected = x.copy()
        expected[index] = values
        for run in (dp.set_at, lambda x, i, v: dp.vjp(lambda x, v: dp.set_at(x, i, v), x, v)[0],
                    lambda x, i, v: dp.compile(lambda x, v: dp.set_at(x, i, v))(x, v)):
            assert np.array_equal(run(x, index, values), expected)
        dp.testing.check_grads(lambda x, v: np.sum(np.sin(dp.set_at(x, index, v))), (x, values))


def test_set_at_refuses_what_numpy_refuses():
    with pytest.raises(IndexError):
        dp.set_at(np.zeros(2), 2, 1.0)
    with pytest.raises(ValueError, match="broadcast"):
        dp.set_at(np.zeros(3), np.s_[:], np.ones(2))
