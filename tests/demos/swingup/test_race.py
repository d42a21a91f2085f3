"""`python -m demos swingup race`, run as a user would but on a tiny budget."""

import json

import numpy as np
import pytest

from demos.__main__ import main
from demos.race import zoo
from demos.swingup import race

pytestmark = pytest.mark.demo


def test_a_search_races_from_the_command_line(tmp_path):
    flags = ["--only", "CEM", "--seeds", "1", "--budget", "500", "--quiet"]
    assert main(["swingup", "race", *flags, "--out", str(tmp_path)]) == 0
    curve, = json.loads((tmp_path / "result.json").read_text())["result"]["curves"]
    assert (curve["world"], curve["simulated"][-1]) == (1000, 0)
    assert curve["real"][-1] >= 500


def test_the_score_is_the_mean_return():
    assert abs(race.COURSE.judge(race.COURSE.make(1000), lambda seen: np.zeros(1), 2)) < 1.0


def test_as_good_is_at_most_a_twentieth_below():
    assert race.COURSE.enough(200.0) == 190.0


def test_settings_are_those_that_are_published_but_for_the_discount():
    for ours, theirs, changed in ((race.SAC, zoo.SAC_PENDULUM, {"gamma", "n_timesteps"}),
                                  (race.PPO, zoo.PPO_PENDULUM, {"gamma"})):
        assert {key for key in ours if ours[key] != theirs.get(key)} == changed
