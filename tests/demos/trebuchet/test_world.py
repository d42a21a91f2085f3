"""`python -m demos trebuchet world`, run as a user would but on a tiny budget."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from demos import command, trebuchet
from demos.run import run
from demos.trebuchet import world
from tinydp.sims.worlds import trebuchet as physics

pytestmark = pytest.mark.demo


def _options(out, *flags):
    return command.parser(world.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


@pytest.fixture(autouse=True, scope="module")
def small():
    """Fewer tasks than a user has, and none of the worlds that judge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "TASKS", 6)
        patch.setattr(world, "FIRST_WORLD", 100_000)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, small):
    """The whole show in one world."""
    folder = tmp_path_factory.mktemp("tiny")
    code = run(trebuchet.DEMO, ["world", "--worlds", "1", "--out", str(folder), "--quiet"])
    return SimpleNamespace(code=code, folder=folder, result=json.loads((folder / "result.json").read_text()))


def test_the_result_is_told_in_numbers(tiny):
    found = tiny.result["result"]
    rows = found["misses"]
    assert tiny.code == (0 if tiny.result["success"] else 1)
    assert tiny.result["demo"] == "trebuchet world"
    assert found["seeds"] == [100_000]
    assert 1 <= found["tasks_within_reach"] <= 6
    assert rows["truth 0"]["worst_m"] < world.REACHED
    assert rows["ours 30"]["median_m"] < rows["nominal 0"]["median_m"]
    assert rows["ours 30"]["median_m"] < 0.3
    assert set(found["better_than_linear"]) == set(found["coverage_of_90"]) == {"10", "30"}


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
    (trial,) = world.train(_options(tiny.folder, "--worlds", "1")).trials
    assert tried == []
    outcome = world.train(_options(tiny.folder, "--worlds", "3"))
    assert tried == [100_001, 100_002]
    assert [trial.seed for trial in outcome.trials] == [100_000, 100_001, 100_002]
    assert len(world.train(_options(tiny.folder, "--worlds", "2")).trials) == 2


def test_it_runs_in_a_world_of_other_physics(monkeypatch):
    """Nobody but who is told the truth knows the world: here the ball lands 3 m further than it would."""
    landed = physics.throw
    monkeypatch.setattr(physics, "throw", lambda *inputs: landed(*inputs) + 3.0)
    monkeypatch.setattr(world, "REACHED", 3.01)
    trial = world.try_world(100_000)
    assert trial.median("truth 0") == pytest.approx(3.0, abs=0.01)
    assert trial.median("ours 30") < 2.0


def test_methods_face_the_same_world_with_the_same_number_of_shots(monkeypatch):
    made = []
    make = world.worlds.make
    monkeypatch.setattr(world.worlds, "make", lambda *key: made.append(make(*key)) or made[-1])
    trial = world.try_world(100_001)
    assert [one.real_steps for one in made] == [30, 30]
    assert world.worlds.reveal(made[0]) == world.worlds.reveal(made[1])
    assert trial.aims.shape == trial.practice.shape == (30, 2)
    assert {effort.real for effort in trial.efforts.values()} == {0, *world.SHOTS}


def test_coverage_is_the_share_within_the_interval():
    trial = SimpleNamespace(errors={"ours 10": np.array([0.1, -0.1, 0.2, 0.5])},
                            spreads={"ours 10": np.array([0.1, 0.1, 0.1, 0.5])})
    assert world.Outcome([trial], 0.0, 0.0).coverage(10) == 0.75


def test_world_comes_first(capsys):
    with pytest.raises(SystemExit) as stop:
        run(trebuchet.DEMO, ["--seed", "1", "world"])
    assert stop.value.code == 2
    assert "comes first: python -m demos trebuchet world" in capsys.readouterr().err
