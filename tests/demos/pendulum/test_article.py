"""The article's recipe for the pendulum, as a user would run it; it takes seconds."""

import json

import numpy as np
import pytest

import tinydp as dp
from demos import command, sweep
from demos.pendulum import article
from demos.run import run
from tinydp.ad import tree
from tinydp.sims.pendulum import State, cost, observe, step

pytestmark = pytest.mark.demo


def _options(out, *flags):
    return command.parser(article.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


@pytest.mark.parametrize(("limit", "learned"), [("missing", True), ("true", False)])
def test_one_episode_is_enough_without_a_limit_and_not_with_it(limit, learned, tmp_path, capsys):
    code = run(article.DEMO, ["train", "--limit", limit, "--quiet", "--out", str(tmp_path)])
    result = json.loads((tmp_path / "result.json").read_text())
    got = result["result"]
    where = {"missing": "without", "true": "with"}[limit]
    assert code == (0 if learned else 1)
    assert (got[f"mean_return_{where}_limit"] >= article.GOAL) is learned
    assert got["mean_return_with_limit"] < -900
    assert result["budget"]["simulator_steps"] == 200
    assert result["budget"]["gradient_evaluations"] == 50
    assert ("Not learned" in capsys.readouterr().out) is not learned


def test_a_window_is_four_squared_costs():
    params = article.new_network(np.random.default_rng(0), article.NET)
    state, total = State(2.0, -0.5), 0.0
    for _ in range(4):
        torque = float(article.controller(params, observe(state)))
        total += float(cost(state, torque, article.PHYSICS["missing"]))**2
        state = step(state, torque, article.PHYSICS["missing"])
    found, end = article.loss(params, State(2.0, -0.5), article.PHYSICS["missing"])
    assert found == pytest.approx(total / 4)
    assert end == pytest.approx(state)


def test_the_gradient_does_not_end_at_a_limit_that_is_missing():
    """A torque far beyond 2 N m still has a gradient there, and none where the motor has its limit."""
    params = article.new_network(np.random.default_rng(0), article.NET)
    params[-1] = params[-1]._replace(bias=np.array([50.0]))
    gradients = {limit: dp.grad(article.loss, has_aux=True)(params, State(3.0, 0.0), physics)[0][-1].bias[0]
                 for limit, physics in article.PHYSICS.items()}
    assert gradients["missing"] > 1.0
    assert gradients["true"] == 0.0


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path):
    alone, parted = (_options(tmp_path / name, "--steps", "24", "--episodes", "2") for name in "ab")
    whole = article.train(alone)
    training = article.begin(parted)
    for _ in range(5):
        training = article.improve(training, parted)
    article.Keeper(parted.out / "missing-0.npz", "pendulum article", article.settings(parted)).keep(
        training, finished=True)
    for (place, a), (_, b) in zip(tree.leaves(whole), tree.leaves(article.train(parted)), strict=True):
        if place == ".rng":
            assert a.bit_generator.state == b.bit_generator.state
        elif not place.startswith(".seconds"):
            assert np.array_equal(a, b), place


def test_a_sweep_tells_of_both_environments_and_keeps_controllers(tmp_path, capsys):
    flags = ["sweep", "--seeds", "2", "--steps", "8", "--quiet", "--out", str(tmp_path)]
    assert run(article.DEMO, flags) == 1                 # two windows teach nothing
    assert "Mean returns without limit" in capsys.readouterr().out
    (_, first), (seed, second) = sweep.controllers(article.DEMO, tmp_path / "sweep")
    assert seed == 1
    assert first["returns_with_limit"].shape == second["returns_without_limit"].shape == (100,)
    assert article.controller(first["params"], np.ones(3)) != article.controller(second["params"], np.ones(3))


@pytest.mark.parametrize("flags", ["--steps 10", "--steps 0", "--limit maybe", "--episodes 0"])
def test_bad_usage(flags, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        run(article.DEMO, [*flags.split(), "--out", str(tmp_path)])
    assert stopped.value.code == 2
