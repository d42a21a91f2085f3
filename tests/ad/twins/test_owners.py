"""Arrays that have another name somewhere: each program is right, or refused; none loses a derivative."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import MutationError

from ..advice.pasting import run_file

SHARED = [
    "y = np.zeros(3)\n    z = y\n    y[0] = x[0]\n    return np.sum(z)",
    "y = z = np.zeros(3)\n    y[0] = x[0]\n    return np.sum(z)",
    "y = np.zeros(3)\n    rows = [y]\n    y[0] = x[0]\n    return np.sum(rows[0])",
    "y = np.zeros(3)\n    v = y[1:]\n    y[1] = x[0]\n    return np.sum(v)",
    "y = np.zeros((2, 3)).T\n    z = y.base\n    y[0, 0] = x[0]\n    return np.sum(z)",
    "y = np.zeros(4).reshape(2, 2)\n    z = y.base\n    y[0, 0] += x[0]\n    return np.sum(z)",
    "y = np.zeros(3)\n    v = memoryview(y)\n    y[0] = x[0]\n    return np.sum(np.asarray(v))",
    "y = np.zeros(3)\n    for row in [y]:\n        y[0] = x[0]\n    return np.sum(row)",
    "KEPT.append(y := np.zeros(3))\n    y[0] = x[0]\n    return np.sum(KEPT.pop())",
    "y = np.zeros(3)\n    v = y[:2]\n    v += x[:2]\n    return np.sum(y)",
    "y = np.zeros(3)\n    g = lambda z: fill(z, x[0])\n    g(y)\n    return np.sum(y)",
]
OWNED = [
    "y = np.zeros(3)\n    z = y[1:].copy()\n    y[0] = x[0]\n    z[0] = x[1]\n    return np.sum(y) + z[0] ** 2",
    "y = np.zeros(3)\n    total = np.sum(x * y)\n    y[0] = x[0]\n    return np.sum(y) + total",
    "y = np.zeros(3)\n    total = np.sum(x[:2] * y[:2])\n    y[0] = x[0]\n    return np.sum(y) + total",
    "y = np.zeros(3)\n    def read():\n        return y[0]\n    y[0] = x[0] ** 2\n    return read()",
    "y = np.arange(4.0).reshape(2, 2)\n    y[1] *= x[0]\n    return np.sum(y)",
    "y = np.zeros(3)\n    y[0] = x[0]\n    z = y\n    z[1] = x[1] ** 2\n    return np.sum(y)",
    "i = 0\n    y = np.zeros(3)\n    y[i], i = x[0], 2\n    y[i], y[0] = y[0], x[1]\n    return y @ np.arange(3.0)",
    "y = np.ones(3)\n    y[k()] += x[0] * k()\n    return y @ np.arange(3.0)",
    "rows = iter([1.0, 2.0])\n    return sum(np.array([x[0] * r]).sum() for r in rows)",
]
HELPERS = """
import numpy as np
KEPT = []
COUNT = [0]

def fill(z, v):
    z[0] = v

def k():
    COUNT[0] = (COUNT[0] + 1) % 2
    return COUNT[0]

def f(x):
    """
X = np.array([0.6, 0.9, 1.3])


def gradient_of(f):
    return [(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(3)]


@pytest.mark.parametrize("body", SHARED)
def test_what_is_shared_is_refused_or_right(body):
    f = run_file(HELPERS + body + "\n")
    try:
        gradient = dp.grad(f)(X)
    except MutationError:
        return
    np.testing.assert_allclose(gradient, gradient_of(f), atol=1e-7)


@pytest.mark.parametrize("body", OWNED)
def test_what_is_owned_is_right(body):
    f = run_file(HELPERS + body + "\n")
    np.testing.assert_allclose(dp.grad(f)(X), gradient_of(f), atol=1e-7)


def test_a_source_that_was_edited_since_is_not_used():
    import linecache  # noqa: PLC0415

    f = run_file("import numpy as np\n\ndef f(x):\n    return np.array([x[0], 2.0])[0]\n")
    lines = linecache.cache["pasted_file.py"][2]
    lines[3] = "    return np.array([x[0], 3.0])[1]\n"
    with pytest.raises(dp.ad.errors.ConversionError):
        dp.grad(f)(X)
