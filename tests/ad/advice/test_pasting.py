"""Programs of many forms: what an error advises is pasted as it stands, imports too, until they run.

Each is a file of its own, with the imports that somebody might have, and calls what it makes `f`.
"""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import TinydpError

from .pasting import RUNS, X, followed, run_file

PROGRAMS = {
    "a statement of several lines": """
import numpy as np
import tinydp as dp

def f(x):
    y = np.zeros(3)
    y[0] = (x[0]
            + 2.0 * x[1])
    y[
        1
    ] = x[2]
    return y
""",
    "an expression of several lines": """
import numpy as np

def f(x):
    return np.array([
        x[0],          # the first
        2.0 * x[1],
    ])
""",
    "our package is not imported": """
import numpy as np

def f(x):
    y = np.zeros(3)
    y[1] = x[0]
    y[1:] += x[1]
    return y
""",
    "our package, under its own name": """
import numpy as np
import tinydp

def f(x):
    y = np.zeros(3)
    y[1] = x[0]
    return y
""",
    "some of our functions": """
import numpy as np
from tinydp import grad, scan

def f(x):
    y = np.zeros(3)
    y[1] = x[0]
    return y
""",
    "our name for one of them": """
import numpy
from tinydp import set_at, scan

def f(x):
    y = numpy.zeros(3)
    y[1] = x[0]
    return y
""",
    "NumPy under its own name": """
import numpy

def f(x):
    return numpy.array([x[0], [x[1]][0]]) + numpy.sum([x[1], x[2]])
""",
    "NumPy under another name": """
import numpy as num

def f(x):
    rows = num.zeros((2, 3))
    rows[0] = x
    return rows @ num.asarray([x[0], 1.0, 2.0])
""",
    "functions of NumPy": """
from numpy import array, zeros

def f(x):
    y = zeros(3)
    y[:2] = array([x[0], x[1]])
    return y
""",
    "all of NumPy": """
from numpy import *

def f(x):
    y = zeros(3)
    y[0] = sin(x[0])
    return concatenate([y, array([x[1]])])
""",
    "our name for something else": """
import numpy as np

def f(x):
    dp = x[1] - x[0]
    y = np.zeros(3)
    y[0] = 2.0 * dp
    return y
""",
    "functions of math": """
from math import sin, atan2

def f(x):
    return sin(x[0]) + atan2(x[1], x[2])
""",
    "math under another name": """
import math as m

def f(x):
    return m.hypot(x[0], x[1]) * m.exp(x[2])
""",
    "two places of one statement": """
import numpy as np

def f(x):
    y = np.ones(3)
    y[0], y[1] = x[0], x[1] * x[2]
    return y
""",
    "elements that change places": """
import numpy as np

def f(x):
    y = 2.0 * x
    y[0], y[2] = y[2], y[0]
    return y
""",
    "two arrays in one statement": """
import numpy as np

def f(x):
    y, z = np.zeros(2), np.zeros(2)
    y[0], z[1] = x[0], x[1]
    return y + z
""",
    "statements in a row": """
import numpy as np

def f(x):
    y = np.zeros(3); y[0] = x[0]; y[1] = x[1]
    return y
""",
    "a statement after a colon": """
import numpy as np

def f(x):
    y = np.zeros(3)
    for i in range(3): y[i] = x[i] ** 2
    if True: y[0] -= x[1]
    return y
""",
    "a method": """
import numpy as np

class Body:
    def __init__(self, x):
        self.place = np.zeros(3)
        self.push(x)

    def push(self, x):
        self.place[0] = x[0]
        self.place[1] += x[1]
        np.add.at(self.place, [0, 0], x[2])

def f(x):
    return Body(x).place
""",
    "a function in a function, decorated": """
import functools
import numpy as np

def twice(g):
    @functools.wraps(g)
    def both(x):
        return g(g(x))
    return both

def f(x):
    @twice
    def shifted(y):
        out = np.zeros(3)
        out[1:] = y[:-1]
        out[0] = y[-1]
        return out
    return shifted(x)
""",
    "a lambda and a comprehension": """
import numpy as np

f = (lambda x:
     np.array([[(lambda v: np.asarray([v, v * v]))(u) for u in x]
               for _ in range(2)]))
""",
    "a type beside it": """
import numpy as np

def f(x):
    y = np.zeros(3)
    y[0]: float = x[0]
    return y
""",
    "an import inside": """
def f(x):
    import numpy as np
    y = np.zeros(3)
    y[0] = x[0]
    return y
""",
    "letters of other alphabets": """
import numpy as np

def f(x):
    größe = np.zeros(3); größe[0] = x[0] * 1.5
    return größe
""",
}

@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_advised_is_pasted_until_it_runs(name, run):
    expected = run_file(PROGRAMS[name])(X)
    y, errors, source = followed(PROGRAMS[name], RUNS[run])
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    np.testing.assert_allclose(run_file(source)(X), expected, rtol=1e-14)
    assert errors


def test_what_is_said_where_there_is_no_source():
    """... as in what `exec` was given."""
    said = {
        "y = np.zeros(3); y[0] = x[0]": "write x = dp.set_at(x, i, v) for x[i] = v, or collect",
        "y = np.zeros(3); y += x": "x = x + v for x += v",
        "import math; y = math.sin(x[0])": "write np.sin for math.sin",
        "y = np.array([x[0], x[1]])": "write np.stack([...]) around a list",
        "x[0] += 1.0": "write x = dp.set_at(x, i, v) for x[i] = v",
    }
    for line, advice in said.items():
        space = {"np": np}
        exec(f"def f(x): {line}", space)
        with pytest.raises(TinydpError) as caught:
            dp.vjp(space["f"], X)
        assert advice in caught.value.advice
        assert ("import tinydp as dp" in caught.value.advice) == ("dp." in caught.value.advice)
