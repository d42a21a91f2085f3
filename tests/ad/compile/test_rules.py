"""Every function of the registry, as a program: its adjoint and the adjoint of that are the tape's."""

import contextlib

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings

import tinydp as dp
from tinydp.ad.errors import TinydpError

from ..rules.special_points import POINTS
from ..rules.test_all_rules import CASES
from .checks import check

few = settings(max_examples=6, database=None, derandomize=True, phases=[Phase.generate], deadline=None)


# Left to the tape: the shape of the result is not known; the order is NumPy's own; nobody has written it.
NOT_COMPILED = {np.extract, np.partition, np.unwrap}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_function(case):
    compiled = []

    @few
    @given(case.calls())
    def agree(call):
        try:
            dp.vjp(call, *call.xs)
        except TinydpError:
            assume(False)
        with contextlib.suppress(TinydpError):
            check(call, *call.xs, rtol=1e-9)
            compiled.append(call)

    agree()
    if not compiled and case.rule not in NOT_COMPILED:
        pytest.fail(
            f"{case} cannot be compiled: to EXPANSIONS in tinydp/ad/compile/expansions.py add what it is "
            "made of; or, if it works element by element, to ELEMENTWISE in operations.py its name, and to "
            "arithmetic.py its instruction.", pytrace=False)
    assert not (compiled and case.rule in NOT_COMPILED), "it can be compiled now: take it off NOT_COMPILED"


@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(f.__name__ for f in point.functions))
@pytest.mark.filterwarnings("ignore")
def test_every_special_point(point):
    with contextlib.suppress(TinydpError, np.linalg.LinAlgError):  # a tape goes on
        check(point.f, point.x, rtol=1e-9)
