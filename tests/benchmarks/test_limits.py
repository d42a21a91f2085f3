"""The programs that were written by hand are there: a benchmark leaves out a peer that cannot be imported."""

import importlib

import pytest


@pytest.mark.parametrize("name", ["pendulum_by_hand", "trebuchet_by_hand"])
def test_a_limit_can_be_imported(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__
