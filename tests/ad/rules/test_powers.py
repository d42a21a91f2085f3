"""The rules of the power and of all its derivatives."""

import mpmath as mp
import numpy as np
import pytest

from tinydp.ad.rules.powers import power_derivative, powered

from .cases import POSITIVE, REAL, case
from .checks import rules_test

CASES = [
    case(np.power, POSITIVE, REAL, reaches=[(power_derivative, 0), (power_derivative, 1)]),
]

test_rule = rules_test(CASES)


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("m", range(4))
@pytest.mark.parametrize("p", [-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
def test_derivatives_of_any_order(k, m, p):
    with mp.workdps(50):
        right = mp.diff(lambda x, p: x**p, (mp.mpf(1.5), mp.mpf(p)), (k, m)) if k + m else mp.mpf(1.5) ** p
    assert float(powered(1.5, p, k, m)) == pytest.approx(float(right), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("p", "k", "m", "right"), [
    (0.0, 0, 0, 1.0), (0.0, 1, 0, 0.0), (0.0, 2, 0, 0.0), (1.0, 1, 0, 1.0), (1.0, 2, 0, 0.0),
    (2.0, 2, 0, 2.0), (2.0, 1, 1, 0.0), (2.0, 0, 2, 0.0), (0.5, 1, 0, np.inf), (0.5, 2, 0, -np.inf),
    (1.0, 1, 1, -np.inf), (0.0, 0, 1, -np.inf), (0.0, 0, 2, np.inf),
])
@np.errstate(all="ignore")
def test_derivatives_at_zero(p, k, m, right):
    assert powered(0.0, p, k, m) == right
