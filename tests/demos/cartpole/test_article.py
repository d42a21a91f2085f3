"""The article's recipe for the cart-pole, as a user would run it."""

import json

import numpy as np
import pytest
from PIL import Image

from demos import command
from demos.cartpole import article
from demos.run import run
from tinydp.sims.cartpole import STANDARD, State, observe, step

pytestmark = pytest.mark.demo


def test_it_learns_in_a_handful_of_episodes(tmp_path):
    """Seed 0: CartPole-v0 after five episodes, and all of 100 at 500 steps soon after."""
    assert run(article.DEMO, ["--quiet", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    got, budget = result["result"], result["budget"]
    assert got["episodes_to_mean_195"] <= min(5, got["episodes_to_mean_475"])
    assert got["episodes_to_mean_475"] <= got["episodes_until_all_reach_500"] < 30
    assert got["never"] == []
    assert got["mean_length"] == 500
    assert budget["episodes"] == got["episodes_until_all_reach_500"]
    assert budget["simulator_steps"] <= 200 * budget["episodes"]
    assert budget["simulator_steps"] / 8 <= budget["gradient_evaluations"]
    with Image.open(tmp_path / "article.png") as picture:
        assert picture.width == 1800


def test_the_reward_is_highest_in_the_middle():
    assert article.reward(State(0.0, 1.0, 0.0, 1.0)) == STANDARD.max_x * STANDARD.max_theta
    assert article.reward(State(1.2, 0.0, -STANDARD.max_theta / 2, 0.0)) == pytest.approx(
        STANDARD.max_x * STANDARD.max_theta / 4)
    for fallen in (State(3.0, 0.0, 0.0, 0.0), State(0.0, 0.0, 0.3, 0.0)):
        assert article.reward(fallen) == 0.0


def test_steps_beyond_the_end_of_an_episode_have_no_weight():
    params = article.new_network(np.random.default_rng(0), article.NET)
    state, total = State(0.1, 0.0, 0.05, 0.2), 0.0
    for _ in range(3):
        state = step(state, float(article.controller(params, observe(state))))
        total += (article.reward(state) - STANDARD.max_x * STANDARD.max_theta)**2
    weights = np.where(np.arange(8) < 3, 1 / 3, 0.0)
    assert article.loss(params, State(0.1, 0.0, 0.05, 0.2), weights) == pytest.approx(total / 3)


def test_never_is_told(tmp_path, capsys):
    assert run(article.DEMO, ["train", "--episodes", "1", "--quiet", "--out", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "after more than 1 episodes, if ever" in shown
    result = json.loads((tmp_path / "result.json").read_text())["result"]
    assert result["never"] == ["v0", "v1", "all"]
    assert result["episodes_until_all_reach_500"] == 2


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path):
    alone, parted = (command.parser(article.DEMO).parse_args(
        ["--episodes", "2", "--quiet", "--out", str(tmp_path / name)]) for name in "ab")
    whole = article.train(alone)
    article.Keeper(parted.out / "article-0.npz", "cartpole article", article.settings(parted)).keep(
        article.improve(article.begin(0)), finished=True)
    again = article.train(parted)
    assert [one.steps for one in again.episodes] == [one.steps for one in whole.episodes]
    assert np.array_equal(again.optimiser.mean, whole.optimiser.mean)
