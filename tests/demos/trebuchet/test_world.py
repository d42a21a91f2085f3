"""`python -m demos trebuchet world`, run as a user would but on a tiny budget."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from demos import command, trebuchet
from demos.run import run
from demos.trebuchet import trial as trials
from demos.trebuchet import world

pytestmark = pytest.mark.demo


def _options(out, *flags):
    return command.parser(world.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


@pytest.fixture(autouse=True, scope="module")
def small():
    """Fewer tasks than a user has, and none of the worlds that judge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "TASKS", 6)
        patch.setattr(trials, "FEW", 4)
        patch.setattr(world, "FIRST_WORLD", 100_000)
        patch.setattr(world, "FIRST_OF_MORE", 100_500)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, small):
    """The whole show in one world."""
    folder = tmp_path_factory.mktemp("tiny")
    code = run(trebuchet.DEMO, ["world", "--worlds", "1", "--more", "1", "--out", str(folder), "--quiet"])
    return SimpleNamespace(code=code, folder=folder, result=json.loads((folder / "result.json").read_text()))


def test_the_result_is_told_in_numbers(tiny):
    found = tiny.result["result"]
    rows = found["misses"]
    assert tiny.code == (0 if tiny.result["success"] else 1)
    assert tiny.result["demo"] == "trebuchet world"
    assert found["seeds"] == [100_000]
    assert 1 <= found["tasks_within_reach"] <= 6
    assert rows["truth 0"]["worst_m"] < trials.REACHED
    assert rows["ours 30"]["median_m"] < rows["nominal 0"]["median_m"]
    assert rows["ours 30"]["median_m"] < 0.3
    assert set(found["better_than_linear"]) == set(found["coverage_of_90"]) == {"10", "30"}
    assert found["worlds_for_coverage"] == 2


def test_the_effort_is_counted(tiny):
    rows, budget = tiny.result["result"]["misses"], tiny.result["budget"]
    assert budget["episodes"] == budget["real_shots"] == 30
    assert budget["gradient_evaluations"] == rows["ours 30"]["gradients"] > rows["ours 10"]["gradients"] > 100
    assert rows["derivative-free 30"]["simulated"] > 3000
    assert rows["derivative-free 30"]["gradients"] == 0
    assert rows["linear 30"]["simulated"] == 30
    assert budget["processor_seconds"] > rows["ours 30"]["seconds"] > 0
    assert budget["wall_seconds"] > 0


def test_the_picture(tiny):
    with Image.open(tiny.folder / "trebuchet-world.png") as picture:
        assert picture.size == (1800, 1280)


def test_more_worlds_go_on_where_fewer_ended(tiny, monkeypatch):
    tried = []
    monkeypatch.setattr(world, "try_world", lambda seed: tried.append(seed) or trial._replace(seed=seed))
    monkeypatch.setattr(world, "try_honesty", lambda seed: tried.append(seed) or scores)
    (trial,), *_, (scores,) = world.train(_options(tiny.folder, "--worlds", "1", "--more", "1"))
    assert tried == []
    outcome = world.train(_options(tiny.folder, "--worlds", "3", "--more", "2"))
    assert tried == [100_001, 100_002, 100_501]
    assert [trial.seed for trial in outcome.trials] == [100_000, 100_001, 100_002]
    assert len(world.train(_options(tiny.folder, "--worlds", "2", "--more", "0")).trials) == 2


def test_coverage_is_the_share_within_the_interval():
    trial = SimpleNamespace(errors={"ours 10": np.array([0.1, -0.1, 0.2, 0.5])},
                            spreads={"ours 10": np.array([0.1, 0.1, 0.1, 0.5])})
    more = [{"ours 10": np.array([3.0, 0.0])}, {"ours 10": np.zeros(0)}]
    assert world.Outcome([trial], 0.0, 0.0).coverage(10) == (0.75, 0.0)
    assert world.Outcome([trial], 0.0, 0.0, more).coverage(10) == (0.625, pytest.approx(0.125 / np.sqrt(2)))


def test_world_comes_first(capsys):
    with pytest.raises(SystemExit) as stop:
        run(trebuchet.DEMO, ["--seed", "1", "world"])
    assert stop.value.code == 2
    assert "comes first: python -m demos trebuchet world" in capsys.readouterr().err
