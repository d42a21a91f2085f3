"""`python -m demos cartpole race`, run as a user would but on a tiny budget."""

import json

import numpy as np
import pytest

from demos.__main__ import main
from demos.cartpole.race import COURSE

pytestmark = pytest.mark.demo


def test_searches_race_from_the_command_line(tmp_path, capsys):
    flags = ["--only", "CEM", "--only", "random", "--seeds", "2", "--budget", "200", "--quiet"]
    assert main(["cartpole", "race", *flags, "--out", str(tmp_path)]) == 0
    assert "2 unknown worlds (seeds 1000 to 1001)" in capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["demo"] == "cartpole race"
    assert set(result["result"]["rivals"]) == {"CEM", "random"}
    assert all(curve["real"][-1] >= 200 for curve in result["result"]["curves"])


def test_the_score_is_the_mean_length():
    world = COURSE.make(1000)
    falls = COURSE.judge(world, lambda seen: 1, 5)
    assert 8 < falls < 20
    assert COURSE.judge(world, lambda seen: int(seen @ np.array([0.2, 0.5, 5.0, 1.0]) > 0), 3) > 5 * falls


def test_as_good_is_within_a_hundredth():
    assert COURSE.enough(500.0) == 495.0
