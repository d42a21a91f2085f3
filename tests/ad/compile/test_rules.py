"""Every function of the registry, as a program: its adjoint and the adjoint of that are the tape's."""

import contextlib

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings

import tinydp as dp
from tinydp.ad.compile import operations
from tinydp.ad.compile.engine import machine_code_of
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.numba import text_of
from tinydp.ad.compile.trace import traced
from tinydp.ad.errors import TinydpError
from tinydp.ad.registry import PRIMITIVES

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


ELEMENTWISE_UFUNCS = [
    f for f in PRIMITIVES if isinstance(f, np.ufunc) and f.__name__ in operations.ELEMENTWISE]


@pytest.mark.parametrize("f", ELEMENTWISE_UFUNCS, ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_elementwise_function_has_an_instruction(f):
    args = [1.3, 0.7, 0.4][: f.nin]
    program = lowered(traced(f, *args), "f")
    try:
        found, source = machine_code_of(program.functions)(*args), text_of(program.functions)
    except KeyError:
        pytest.fail(f"{f.__name__} is in ELEMENTWISE of operations.py, and has no instruction: add it to "
                    "arithmetic.py, and what Python calls it to numba.py.", pytrace=False)
    np.testing.assert_allclose(found, f(*args), rtol=1e-14)
    assert "return" in source


@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(f.__name__ for f in point.functions))
@pytest.mark.filterwarnings("ignore")
def test_every_special_point(point):
    with contextlib.suppress(TinydpError, np.linalg.LinAlgError):  # a tape goes on
        check(point.f, point.x, rtol=1e-9)
