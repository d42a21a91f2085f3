"""Lines that were refused once, and now have to be right where they stand: on the tape and compiled."""

import numpy as np
import pytest

from ..advice.pasting import RUNS, X, run_file
from ..advice.test_rewriting import EXPRESSIONS, LINES, NAMES

STILL_REFUSED = (
    "np.stack([[",
    "np.concatenate([[",
    "np.vstack([[",
    "np.hstack([[",
    "np.sum([",
    "np.dot([",
    "* [a, b",
    "np.linalg.norm([",
    "np.where([",
    "np.diag([",
    "math",
    ".sort",
    ".put",
    ".fill",
    "y[0][1]",
)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(
    "lines",
    [f"y = {x}" for x in EXPRESSIONS if not any(part in x for part in STILL_REFUSED)]
    + [x for x in LINES if not any(part in x for part in STILL_REFUSED)],
)
def test_it_runs_as_it_stands(lines, run):
    f = run_file(f"def f(x):\n    a, b = x[0], x[1]\n    {lines}\n    return y\n", NAMES)
    np.testing.assert_allclose(run(f), f(X), rtol=1e-13)
