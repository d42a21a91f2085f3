"""`python -m demos pendulum world residual`: its data, its measure of error, its table and its picture."""

import json

import numpy as np
import pytest

from demos.__main__ import main
from demos.pendulum import bent, residual
from demos.pendulum.draw_residual import draw_picture
from demos.pendulum.machine import new_controller
from tinydp.sims import worlds

pytestmark = pytest.mark.demo


@pytest.fixture
def params():
    return new_controller(np.random.default_rng(0))


def test_the_truth_is_never_wrong_about_fresh_pieces(params, monkeypatch):
    monkeypatch.setattr(residual, "EPISODES", 1)
    kind = residual.KINDS["the motor cogs"]
    pieces = residual.fresh(kind, 3, params)
    states, torques = pieces
    assert states.shape == (residual.AHEAD + 1, 10, 2)
    assert torques.shape == (residual.AHEAD, 10)
    truth = residual.told(worlds.reveal(worlds.make("pendulum", 3, **kind)))
    assert residual.error(residual.MODEL, truth, pieces) < 0.01
    assert residual.error(residual.MODEL, truth.params, pieces) > 0.1


def test_the_record_has_noise_and_as_many_steps_as_are_needed(params):
    record = residual.recorded(worlds.make("pendulum", 3), params, 3)
    assert record.seen.shape == (max(residual.DATA) + 1, 3)
    assert np.max(np.abs(record.actions)) <= 2.0


def _study():
    rng, cases = np.random.default_rng(0), []
    for kind in residual.KINDS:
        for seed in (1, 2, 3):
            for model, steps in [("nominal", 0), ("truth", 0),
                                 *((name, n) for name in residual.MODELS for n in residual.DATA)]:
                score = -200.0 if model == "truth" else -210.0 - seed
                cases.append(residual.Case(kind, seed, model, steps, rng.uniform(0.01, 1.0), score))
    return residual.Study(cases, 1.0)


def test_what_is_lost_is_against_the_truth_of_the_same_world():
    rows = residual.summary(_study())
    assert len(rows) == 3 * (2 + 3 * len(residual.DATA))
    lost = next(row for row in rows if row["model"] == "network inside")
    assert (lost["loss"], lost["losses"], lost["worlds"]) == (12.0, [11.0, 13.0], 3)


def test_the_picture_has_a_column_for_each_kind():
    picture = draw_picture(_study(), 3)
    assert len(picture.axes) == 2 * len(residual.KINDS)
    assert [axes.get_title(loc="left") for axes in picture.axes[:3]] == [
        "Parameters explain all", "The motor cogs", "The bearing rubs"]


def test_the_command_goes_on_where_it_was(monkeypatch, tmp_path):
    """The numbers are made up here: what costs time is tested above."""
    asked = []

    def cases_of(trainer, nominal, kind, seed):
        asked.append((kind, seed))
        return [case._replace(world=seed) for case in _study().cases if (case.kind, case.world) == (kind, 1)]

    monkeypatch.setattr(residual, "cases_of", cases_of)
    monkeypatch.setattr(residual.Trainer, "nominal", None)
    flags = ["pendulum", "world", "residual", "--worlds", "2", "--quiet", "--out", str(tmp_path)]
    assert main([*flags, "--only", "the motor cogs"]) == 0
    assert asked == [("the motor cogs", 2000), ("the motor cogs", 2001)]
    assert main(flags) == 0
    assert len(asked) == 6
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["budget"]["real_steps"] == 6 * 200
    assert (tmp_path / "pendulum-residual.png").exists()


def test_models_differ_in_what_they_are_made_of():
    inside, alone = residual.MODELS["network inside"], residual.MODELS["network alone"]
    assert alone.size == inside.size - 4 == len(bent.ALONE.begin) == 73
