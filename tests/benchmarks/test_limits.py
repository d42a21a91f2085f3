"""The programs that were written by hand are there: a benchmark leaves out a peer that cannot be imported."""

import importlib
import itertools

import pytest

from benchmarks import harness, limits, limits_run


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


def test_another_clock_may_be_given():
    """One that ticks once a look: each round takes one, and a peer stops after `LONGEST`."""
    ticks = itertools.count()
    peers = {"a": lambda: lambda: 1.0, "b": lambda: lambda: 1.0}
    rows = harness.compare(peers, rounds=4, clock=lambda: 2.0 * next(ticks))
    assert [row.times for row in rows] == [(2.0,) * 3] * 2


@pytest.mark.parametrize(("ratio", "said"), [(1.1, "above 1.15: none"), (2.5, "above 1.15: lorenz 2.50")])
def test_the_summary_names_what_misses_the_goal(ratio, said):
    rows = {"lorenz": {"tinydp": {"ratio": ratio}}, "sir": {"difference": 1.0}}
    assert limits_run.summary(rows).endswith(said)


def test_a_wrong_limit_is_said_and_not_timed(monkeypatch):
    right = limits.load("lorenz").gradient

    def wrong(*args):
        value, (start, *others) = right(*args)
        return value, (start * (1 + 1e-9), *others)

    monkeypatch.setattr(limits.load("lorenz"), "gradient", wrong)
    found = limits_run.measure("lorenz", jax=False)
    assert set(found) == {"difference"}
    assert limits_run.line("lorenz", found).endswith("the limit is wrong: it differs by 1e-09")
