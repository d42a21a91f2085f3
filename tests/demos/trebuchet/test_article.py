"""The article's recipe for the trebuchet, with few shots."""

import json

import numpy as np
import pytest

import tinydp as dp
from demos.run import run
from demos.trebuchet import article, learning
from demos.trebuchet.machine import shot

pytestmark = pytest.mark.demo


@pytest.fixture
def few(monkeypatch):
    """Few tasks judge, in little time."""
    monkeypatch.setattr(learning, "VALIDATION", 5)
    monkeypatch.setattr(article, "EVALUATED", 20)


def test_a_few_shots_teach_a_little(few, tmp_path, capsys):
    assert run(article.DEMO, ["train", "--shots", "400", "--quiet", "--out", str(tmp_path)]) == 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["budget"]["episodes"] == 400
    assert result["budget"]["gradient_evaluations"] <= 400
    got = result["result"]
    assert 1.0 < got["median_miss_percent"] <= got["p95_miss_percent"] <= got["worst_miss_percent"]
    assert "half of these miss by more" in capsys.readouterr().out


def test_the_aim_is_the_articles():
    """90 degrees times a sigmoid, and something added to 200 pounds."""
    params = article.new_network(np.random.default_rng(0), article.NET)
    params[-1] = params[-1]._replace(weight=np.zeros((16, 2)), bias=np.array([0.0, 7.0]))
    assert article.controller(params, 3.0, 50.0) == (45.0, 207.0)
    miss = shot(3.0, 45.0, 207.0, article.TRAINING_DT) - 50.0
    assert article.loss(params, 3.0, 50.0) == pytest.approx(miss**2)
    slope = dp.grad(shot, argnums=2)(3.0, 45.0, 207.0, article.TRAINING_DT)
    assert article.gradient_of_loss(params, 3.0, 50.0)[-1].bias[1] == pytest.approx(2 * miss * slope)


def test_a_shot_that_fails_teaches_nothing_and_misses(few):
    training = article.begin(0)
    *layers, last = training.params
    heavy = [*layers, last._replace(bias=np.array([0.0, 5000.0]))]
    after = article.improve(training._replace(params=heavy), shots=3)
    assert after.failed == after.shots == 3
    assert np.array_equal(after.params[-1].bias, heavy[-1].bias)
    assert list(article.land(heavy, np.zeros(2), np.full(2, 50.0))) == [0.0, 0.0]
