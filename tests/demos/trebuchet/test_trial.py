"""A trial of an unknown trebuchet is fair: one world and as many shots for all, and nobody looks inside."""

import numpy as np
import pytest

from demos.trebuchet import trial
from tinydp.sims.worlds import trebuchet as physics

pytestmark = pytest.mark.demo


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Fewer tasks than a user has."""
    monkeypatch.setattr(trial, "TASKS", 6)
    monkeypatch.setattr(trial, "FEW", 4)


def test_it_runs_in_a_world_of_other_physics(monkeypatch):
    """Nobody but who is told the truth knows the world: here the ball lands 3 m further than it would."""
    landed = physics.throw
    monkeypatch.setattr(physics, "throw", lambda *inputs: landed(*inputs) + 3.0)
    monkeypatch.setattr(trial, "REACHED", 3.01)
    found = trial.try_world(100_000)
    assert found.median("truth 0") == pytest.approx(3.0, abs=0.01)
    assert found.median("ours 30") < 2.0


def test_methods_face_the_same_world_with_the_same_number_of_shots(monkeypatch):
    made = []
    make = trial.worlds.make
    monkeypatch.setattr(trial.worlds, "make", lambda *key: made.append(make(*key)) or made[-1])
    found = trial.try_world(100_001)
    assert [one.real_steps for one in made] == [30, 30]
    assert trial.worlds.reveal(made[0]) == trial.worlds.reveal(made[1])
    assert found.aims.shape == found.practice.shape == (30, 2)
    assert {effort.real for effort in found.efforts.values()} == {0, *trial.SHOTS}


def test_scores_of_honesty_are_errors_in_predicted_deviations():
    scores = trial.try_honesty(100_002)
    assert set(scores) == {"ours 10", "ours 30"}
    assert 1 <= len(scores["ours 10"]) == len(scores["ours 30"]) <= 4
    assert np.max(np.abs(scores["ours 30"])) < 6
