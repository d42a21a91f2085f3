"""`python -m demos pendulum world` and `cartpole world`, run as a user would but on a tiny budget."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from demos.__main__ import main
from demos.worlds import trial
from tinydp.sims import worlds

pytestmark = pytest.mark.demo

TINY = ["--steps", "30", "--before", "5", "--meanwhile", "1", "--episodes", "3", "--quiet"]


def _run(name, folder, *flags):
    code = main([name, "world", *flags, *TINY, "--seed", "5", "--out", str(folder)])
    return SimpleNamespace(code=code, folder=folder, result=json.loads((folder / "result.json").read_text()))


@pytest.fixture(scope="module", params=["pendulum", "cartpole"])
def tiny(request, tmp_path_factory):
    return _run(request.param, tmp_path_factory.mktemp(request.param)), request.param


def test_the_result_is_told_in_numbers(tiny):
    run, name = tiny
    result, budget = run.result["result"], run.result["budget"]
    assert run.code == (0 if run.result["success"] else 1)
    assert run.result["demo"] == f"{name} world"
    assert run.result["command"].startswith(f"python -m demos {name} world --steps 30")
    for who in trial.WHO:
        assert result[who]["episodes"] == 3
        assert result[who]["worst_return"] <= result[who]["median_return"]
    assert len(result["unknowns"]) == 4
    for row in result["unknowns"].values():
        assert row["low"] <= row["value"] <= row["high"]
        assert row["covered"] == (row["low"] <= row["true"] <= row["high"])
    assert result["delay"]["true"] == (name == "cartpole")
    assert budget["real_steps"] == 30
    assert budget["gradient_evaluations"] == 35
    assert budget["simulator_steps"] == (
        budget["training_steps"] + budget["refining_steps"] + budget["examining_steps"])
    assert (budget["examining_steps"] > 0) == (name == "pendulum")
    assert budget["seconds"] > 0
    assert budget["wall_seconds"] > 0
    assert run.result["settings"]["recipe"]["steps"] == 30


def test_it_is_told_whether_a_network_took_part(tiny, capsys):
    run, name = tiny
    found = run.result["result"]["network"]
    assert found == {"refinements": 0, "of": 3, "since": None, "in_the_end": False}       # too early
    task = importlib.import_module(f"demos.{name}.world").TASK
    none, some = (trial.network_in_words(task, found), trial.network_in_words(
        task, {"refinements": 2, "of": 9, "since": 60, "in_the_end": True}))
    if name == "cartpole":
        assert none == some == []
    else:
        assert "none" in none[0]
        assert "after 2 of 9 refinements, first after 60 real steps, and in the end" in some[0]


def test_the_picture(tiny):
    run, name = tiny
    with Image.open(run.folder / f"{name}-world.png") as picture:
        assert picture.size == (1800, 1440)


def test_what_is_done_is_not_done_again(tiny, monkeypatch):
    run, name = tiny
    monkeypatch.setattr(trial.Learner, "improve", None)
    again = _run(name, run.folder, "train")
    assert again.result["result"] == run.result["result"]


def test_a_machine_of_other_physics_is_learned_all_the_same(tiny, monkeypatch, tmp_path, capsys):
    """Nothing but the world knows them: what is believed is what its episode tells."""
    run, name = tiny
    kind, _, draw = worlds.MACHINES[name]

    class Other(kind):
        def step(self, action):
            ended = super().step(action)
            if name == "pendulum":
                self.rate = self.rate + 0.03 * np.sin(5 * self.theta)        # a motor that cogs
            else:
                self.state = self.state - [0.0, 0.02 * self.state[0], 0.0, 0.0]       # a track that is bent
            return ended

    def make(name, seed, **changes):
        return worlds.World(Other(draw(np.random.default_rng(seed))))

    monkeypatch.setattr(worlds, "make", make)
    other = _run(name, tmp_path, "train")
    assert f"{name}, world 5" in capsys.readouterr().out
    assert other.result["budget"]["real_steps"] == 30
    assert other.result["result"]["unknowns"] != run.result["result"]["unknowns"]


def test_many_worlds(tiny, tmp_path, capsys):
    _, name = tiny
    main([name, "world", "sweep", "--seeds", "1", "--seed", "5", *TINY, "--out", str(tmp_path)])
    assert json.loads((tmp_path / "sweep.json").read_text())["seeds"] == [5]
    assert "processor seconds" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["pendulum", "cartpole"])
def test_the_truth_as_the_simulator_has_it_is_the_world(name):
    """Told the truth, the simulator and the world go the same way: so the scale of the unknowns is right."""
    demo = importlib.import_module(f"demos.{name}.world")
    kind, _, draw = worlds.MACHINES[name]
    truth = draw(np.random.default_rng(3))
    known, delay = demo.truth(truth)
    assert set(known) == {unknown.name for unknown in demo.UNKNOWNS}
    machine = kind(truth)
    machine.start(np.random.default_rng(0))
    params, rng = demo.params(known), np.random.default_rng(1)
    sensed = machine.sense() if name == "cartpole" else [machine.theta, machine.rate]
    state, pushes = demo.MODEL.state(*sensed), [0.0] * delay
    for _ in range(10):
        pushes.append(rng.choice([-1.0, 1.0]))
        machine.step(np.array([pushes[-1]]) if name == "pendulum" else int(pushes[-1] > 0))
        state = demo.MODEL.step(state, pushes.pop(0), params)
    assert np.allclose(np.array(state), machine.sense(), atol=1e-3 if name == "cartpole" else 1e-9)


def _result(good, returns=-200.0, told=-200.0):
    who = {"mean_return": told, "good": 100, "episodes": 100}
    return {"nominal": who, "longer": who, "told": who, "after": who | {"mean_return": returns, "good": good}}


def test_goals():
    pendulum, cartpole = (importlib.import_module(f"demos.{name}.world") for name in ("pendulum", "cartpole"))
    assert pendulum.succeeds(_result(99, -205.0))
    assert not pendulum.succeeds(_result(99, -207.0))
    assert not pendulum.succeeds(_result(94, -200.0))
    assert cartpole.succeeds(_result(100))
    assert not cartpole.succeeds(_result(99))
    rows = [{"result": _result(100, -200.0 - 4 * k)} for k in range(3)]
    assert pendulum.passes(rows)[0]
    assert not pendulum.passes([*rows, {"result": _result(10)}])[0]
    assert cartpole.passes([*rows * 3, {"result": _result(99)}])[0]
    passed, words = cartpole.passes([*rows, {"result": _result(99)}])
    assert not passed
    assert "in 3 of 4 worlds" in words


def test_parameters_alone(tmp_path, capsys):
    found = _run("pendulum", tmp_path, "--parameters").result
    assert found["settings"]["network"] is None
    assert found["result"]["network"]["refinements"] == 0
    assert "network" not in capsys.readouterr().out
