"""The programs that were written by hand are there: a benchmark leaves out a peer that cannot be imported."""

import importlib

import pytest

from benchmarks import limits, limits_run


@pytest.mark.parametrize("name", ["pendulum_by_hand", "trebuchet_by_hand"])
def test_a_limit_can_be_imported(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__


@pytest.mark.parametrize("name", limits.names())
def test_a_limit_of_the_zoo_can_be_imported(name):
    assert limits.program(name).arguments()
    assert callable(limits.load(name).gradient)


def test_a_limit_finds_what_the_tape_finds():
    """Of one; the benchmark compares each before it is timed."""
    assert limits_run.difference("lorenz") < limits_run.NEAR
