"""`python -m demos pendulum race`, run as a user would but on a tiny budget."""

import json

import numpy as np
import pytest

from demos.__main__ import main
from demos.pendulum import race
from demos.race.ours import ours, simulated
from demos.race.run import run_one
from demos.worlds import learner

pytestmark = pytest.mark.demo

TINY = race.TASK._replace(recipe=race.TASK.recipe._replace(steps=20, before=20, meanwhile=1, windows=4,
                                                           horizon=(5, 6)))


def test_a_search_races_from_the_command_line(tmp_path):
    flags = ["--only", "CEM", "--seeds", "1", "--budget", "400", "--quiet"]
    assert main(["pendulum", "race", *flags, "--out", str(tmp_path)]) == 0
    curve, = json.loads((tmp_path / "result.json").read_text())["result"]["curves"]
    assert (curve["world"], curve["real"][-1], curve["simulated"][-1]) == (1000, 400, 0)
    assert curve["episodes"][-1] == 2


def test_the_score_is_the_mean_return():
    assert -2000 < race.COURSE.judge(race.COURSE.make(1000), lambda seen: np.zeros(1), 3) < -500


def test_as_good_is_at_most_a_twentieth_below():
    assert race.COURSE.enough(-200.0) == -210.0


def test_ours_counts_real_steps_and_simulated_ones():
    course = race.COURSE._replace(few=1, episodes=1)
    curve = run_one(course, ours(TINY), 1000, budget=20)
    assert [point.real for point in curve.points] == [0, 10, 13, 18, 20]
    training = [point.simulated for point in curve.points[:1]]
    exam = TINY.exam.steps
    assert training == [20 * 4 * 6 + exam]
    assert curve.points[-1].simulated > (20 + 20) * 4 * 6 + 4 * exam        # and the steps to refine
    assert curve.points[-1].episodes == 1


def test_ours_learns_as_beside_the_race():
    """The same controller, to the bit, as that of `python -m demos pendulum world`."""
    shown = []
    course = race.COURSE._replace(few=1, episodes=1, judge=lambda world, pilot, n: shown.append(pilot) or 0.0)
    run_one(course, ours(TINY), 1000, budget=20)
    alone, world = learner.Learner(TINY), race.COURSE.make(1000)
    learning = alone.begin(1000)
    while not alone.over(learning):
        learning = alone.advance(learning, world, 1000)
    for layer, other in zip(shown[-1].params, learning.training.controller, strict=True):
        assert np.array_equal(layer.weight, other.weight)
    refining = sum(r.belief.work + r.richer.work for r in learning.beliefs)      # of both models
    assert simulated(TINY, learning) == 40 * 24 + learning.training.examined + refining


def test_ours_stops_where_its_budget_does():
    curve = run_one(race.COURSE._replace(few=1, episodes=1), ours(TINY), 1000, budget=7)
    assert curve.points[-1].real == 7
