"""Random programs: compiled and eager agree, in values, gradients and pullbacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import programs

ROOT = Path(__file__).parents[3]


def interpreted(*args):
    """The lines that interpreted.py prints."""
    run = subprocess.run([sys.executable, "-m", "tests.ad.compile.interpreted", *args], cwd=ROOT,
                         env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("kind", ["straight", "scan", "event", "while", "root", "all"])
def test_by_python(kind):
    outcomes = interpreted("programs", kind, "0", "50")
    assert len(outcomes) == 50
    wrong = [f"{source}\n{outcome[0]}" for source, outcome in outcomes if outcome != ["equal"]]
    assert not wrong, "\n\n".join(wrong[:3])


@pytest.mark.parametrize("kind", ["straight", "all"])
def test_maps_by_python(kind):
    outcomes = interpreted("maps", kind, "0", "20")
    assert len(outcomes) == 20
    wrong = [f"{source}\n{outcome[0]}" for source, outcome in outcomes if outcome != ["equal"]]
    assert not wrong, "\n\n".join(wrong[:3])


@pytest.mark.parametrize("kind", ["straight", "all"])
@settings(max_examples=2, database=None, derandomize=True, deadline=None,
          suppress_health_check=[*HealthCheck])
@given(chooser=st.randoms(use_true_random=False))
def test_by_numba(kind, chooser):
    f, _, arguments = programs.random_program(chooser, programs.LOOPS[kind], length=8)
    programs.check(f, arguments)


def test_the_comparison_sees_small_errors():
    with pytest.raises(AssertionError):
        programs.assert_equal((1.0, 2.0 + 1e-11), (1.0, 2.0))
    with pytest.raises(AssertionError):
        programs.assert_equal([1.0], (1.0,))


REFUSED = {"numpy.partition", "numpy.extract", "numpy.unwrap"}


def test_every_function_of_the_registry():
    """Equal to eager, or refused with its name and line and what to write instead."""
    refused = {}
    for name, outcomes in interpreted("rules"):
        for outcome in outcomes:
            if outcome != "equal":
                assert "compiled" in outcome, outcome
                assert len(outcome.splitlines()) == 3            # what, where, and what to do
                refused[name] = outcome
    assert refused.keys() == REFUSED
