"""The cart-pole demo, run as a user would; and the parts that it is made of."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseEvent
from matplotlib.figure import Figure
from PIL import Image

import tinydp as dp
from demos import cartpole, command
from demos.cartpole import caught, judging, learning, network, outcome, window
from demos.checkpoints import Keeper
from demos.run import run
from tinydp.sims.cartpole import EPISODE, STANDARD, State, failed, gymnasium_action, observe, start, step
from tinydp.testing import check_grads

pytestmark = pytest.mark.demo


def _options(out, *flags):
    return command.parser(cartpole.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


def _bits(training):
    """All that a training is, but for the time it took."""
    numbers = dp.ad.tree.flatten((training.params, training.optimiser, training.state, training.visited,
                                  training.episodes, [(c.steps, c.mean_length) for c in training.checks]))[0]
    return [np.asarray(x).tobytes() for x in numbers] + [training.rng.bit_generator.state]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The folder and the content of a run that learned, seed 0."""
    folder = tmp_path_factory.mktemp("learned")
    code = run(cartpole.DEMO, ["train", "--quiet", "--out", str(folder)])
    return SimpleNamespace(code=code, folder=folder, outcome=outcome.learn(_options(folder)),
                           result=json.loads((folder / "result.json").read_text()))


@pytest.fixture
def hasty(monkeypatch):
    """A training that is quick, and learns nothing."""
    monkeypatch.setattr(learning, "HASTE", (2, 1, 10))
    monkeypatch.setattr(judging, "EVALUATED", range(10))


# ---------------------------------------------------------------------------- the whole

def test_it_learns_within_the_goal(learned):
    assert learned.code == 0
    got = learned.result["result"]
    assert learned.result["success"] is True
    assert got["solved"] is True
    assert got["episodes"] <= cartpole.MEDIAN_GOAL
    assert got["mean_length"] == got["shortest"] == 500
    assert got["standing"] == got["starts"] == 100
    assert 0.0 < got["farthest"] < 2.4


def test_the_budget_is_counted(learned):
    budget, training = learned.result["budget"], learned.outcome.training
    assert budget["episodes"] == len(training.episodes)
    assert budget["experienced_steps"] == sum(episode.steps for episode in training.episodes)
    assert budget["gradient_evaluations"] == training.optimiser.step
    assert budget["window_steps"] == training.optimiser.step * learning.STARTS * learning.HORIZON
    assert budget["simulator_steps"] == budget["window_steps"] + budget["experienced_steps"]
    assert budget["evaluation_steps"] == sum(np.sum(episode.lengths) for episode in training.episodes)
    assert budget["seconds"] > 0
    assert learned.result["versions"]["gymnasium"]
    assert "5 episodes" in learned.result["claim"]


def test_too_little_training_is_an_honest_failure(hasty, tmp_path, capsys):
    code = run(cartpole.DEMO, ["--episodes", "2", "--horizon", "3", "--curves", "2", "--out", str(tmp_path)])
    shown = capsys.readouterr()
    assert code == 1
    assert "Not learned: 8 episodes at most, and 10,000 steps after that, were the goal." in shown.out
    assert "in 2 episodes" in shown.out
    assert "episode 2" in shown.err
    assert "evaluating" in shown.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["success"] is False
    assert result["result"]["solved"] is False
    assert result["result"]["mastered_after_steps"] == result["budget"]["experienced_steps"]
    assert result["result"]["shortest"] < 500
    assert result["result"]["standing"] < 10
    with Image.open(tmp_path / "cartpole.png") as picture:
        assert picture.width == 1800
    with Image.open(tmp_path / "cartpole.gif") as animation:
        assert animation.info["loop"] == 0
        shown = [animation.seek(k) or animation.info["duration"] for k in range(animation.n_frames)]
        assert sum(shown) == 6000                # ms; frames in which nothing moves are one
    assert (tmp_path / "cartpole.gif").stat().st_size < 1_500_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cartpole.gif", "cartpole.png", "controller-0.npz", "outcome-0.npz", "result.json",
        "training-0.npz", "training-1.npz"]


@pytest.mark.parametrize("flags", [
    "--episodes 0", "--episodes many", "--curves 0", "--horizon 0", "--near -1", "--near nan", "--updates 3"])
def test_bad_usage(flags, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(cartpole.DEMO, ["--out", str(tmp_path), *flags.split()])
    assert stopped.value.code == 2
    assert "usage: python -m demos cartpole" in capsys.readouterr().err


def _result(episodes, success=True):
    return {"result": {"episodes": episodes}, "success": success}


@pytest.mark.parametrize(("results", "passed"), [
    ([_result(1), _result(3), _result(8)], True),
    ([_result(4), _result(4), _result(1)], False),
    ([_result(1), _result(1), _result(10, success=False)], False),
])
def test_the_goal_of_a_sweep(results, passed):
    verdict, words = cartpole.passes(results)
    assert verdict is passed
    assert f"worst {max(result['result']['episodes'] for result in results)} (goal 8)" in words


# ---------------------------------------------------------------------------- training

class KeeperOfAll(Keeper):
    """Writes every state."""

    def keep(self, state, finished=False):
        super().keep(state, finished=True)


def test_an_interrupted_training_goes_on_to_the_same_bits(hasty, tmp_path, monkeypatch):
    flags = ("--episodes", "2", "--horizon", "3", "--seed", "3")
    whole = learning.train(_options(tmp_path / "whole", *flags))
    monkeypatch.setattr(learning, "Keeper", KeeperOfAll)
    live, lived = learning.live, 0

    def interrupted(*arguments):
        nonlocal lived
        lived += 1
        if lived in (5, 13):
            raise KeyboardInterrupt
        return live(*arguments)

    monkeypatch.setattr(learning, "live", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            learning.train(_options(tmp_path / "parts", *flags))
    parts = learning.train(_options(tmp_path / "parts", *flags))
    assert lived == whole.steps + 2
    assert _bits(parts) == _bits(whole)
    other = learning.train(_options(tmp_path / "other", *flags, "--seed", "4"))
    assert _bits(other) != _bits(whole)


def test_a_finished_training_is_not_done_again(learned, monkeypatch):
    monkeypatch.setattr(learning, "live", None)
    assert _bits(learning.train(_options(learned.folder))) == _bits(learned.outcome.training)


def test_quiet_shows_nothing(hasty, tmp_path, capsys):
    learning.train(_options(tmp_path, "--episodes", "1", "--horizon", "3"))
    assert capsys.readouterr() == ("", "")


def test_the_training_episode_is_one_of_gymnasium(learned):
    gymnasium = pytest.importorskip("gymnasium")
    visited = learned.outcome.training.visited[:100]
    gym = gymnasium.make("CartPole-v1").unwrapped
    for now, then in itertools.pairwise(visited):
        reached = []
        for action in (0, 1):
            gym.state = now.copy()
            gym.step(action)
            reached.append(tuple(gym.state))
        assert tuple(then) in reached


def test_windows_begin_near_visited_states():
    visited = np.array([[1.0, -1.0, 0.1, 0.5], [-1.0, 1.0, -0.1, -0.5]])
    windows = np.transpose(learning.draw_windows(np.random.default_rng(0), visited, near=0.2))
    assert windows.shape == (learning.STARTS, 4)
    far = np.abs(windows[:, None] - visited) / (0.2 * network.SCALE)
    assert np.max(np.min(np.max(far, axis=2), axis=1)) < 5.0           # of a normal distribution
    assert set(np.argmin(np.max(far, axis=2), axis=1)) == {0, 1}
    exactly = np.transpose(learning.draw_windows(np.random.default_rng(0), visited, near=0.0))
    assert {tuple(window) for window in exactly} == {tuple(state) for state in visited}


def test_updates_are_dense_at_first():
    due = [learning.updates_until(k) for k in range(EPISODE + 1)]
    assert due[:27] == [2 * k for k in range(26)] + [50]
    assert due[-1] == 50 + (EPISODE - 25) // 10
    assert np.max(np.diff(due[25:])) == 1


def test_it_balances_from_the_first_check_that_stays_perfect():
    def mastered(*lengths):
        checks = [learning.Check(k, length, []) for k, length in enumerate(lengths)]
        return learning.Training(*[None] * 6, checks, 0.0).mastered

    assert mastered(9.0, 500.0, 499.0, 500.0, 500.0) == 3
    assert mastered(500.0, 500.0) == 0
    assert mastered(9.0, 500.0, 499.0) == 2              # never: the last check


# ---------------------------------------------------------------------------- controller and gradient

def test_the_controller_gives_signs():
    rng = np.random.default_rng(0)
    params = network.NET.init(rng)
    actions = network.controller(params, rng.normal(size=(50, 4)))
    assert set(actions) == {-1.0, 1.0}
    assert network.controller(params, np.zeros(4)) == 1.0


def test_but_for_the_sign_the_gradient_through_a_window_equals_differences(monkeypatch):
    rng = np.random.default_rng(0)
    params, windows = network.NET.init(rng), start(rng, 4)
    through = dp.grad(learning.loss)(params, windows, 10)
    monkeypatch.setattr(dp, "sign", lambda x: x)
    check_grads(lambda params: learning.loss(params, windows, 10), (params,))
    smooth = dp.grad(learning.loss)(params, windows, 10)
    assert not np.allclose(through[0].weight, smooth[0].weight)


# ---------------------------------------------------------------------------- evaluation

@pytest.mark.parametrize("seed", [0, 1])
def test_simulated_lengths_are_those_of_gymnasium(seed):
    params = network.NET.init(np.random.default_rng(seed))
    theirs = judging.evaluate(params, quiet=True)
    assert np.ptp(theirs) > 0
    assert list(judging.balance(params, judging.evaluated_starts(), EPISODE).lengths) == list(theirs)


def test_long_episodes_are_those_of_gymnasium_without_its_limit(learned):
    """Bit for bit, beyond 500 steps."""
    gymnasium = pytest.importorskip("gymnasium")
    params = learned.outcome.training.params
    envs = [gymnasium.make("CartPole-v1", max_episode_steps=judging.LONG).unwrapped for _ in range(4)]
    seen = np.array([env.reset(seed=seed)[0] for seed, env in enumerate(envs)])
    state = State(*np.array([start(np.random.default_rng(seed)) for seed in range(4)]).T)
    for _ in range(1200):
        actions = network.controller(params, seen)
        assert list(network.controller(params, observe(state).astype(np.float32))) == list(actions)
        state = step(state, actions)
        for k, env in enumerate(envs):
            seen[k] = env.step(gymnasium_action(actions[k]))[0]
            assert [number[k] for number in state] == list(env.state)
    assert not np.any(failed(state))


def test_farthest_counts_those_that_stand(learned):
    rest = np.zeros(2)
    state = State(np.array([0.5, 2.39]), np.array([0.0, 5.0]), rest, rest)          # the second runs off
    found = judging.balance(learned.outcome.training.params, state, 50)
    assert found.lengths[0] == 50
    assert found.lengths[1] == 1
    assert 0.5 <= found.farthest < 1.0


# ---------------------------------------------------------------------------- pictures and play

def test_what_full_force_can_stop():
    rest = np.zeros(5)
    theta = np.array([0.0, 0.0, 0.0, -0.2, 0.2])
    rate = np.array([0.0, 2.0, 2.5, 2.5, 2.5])
    found = caught.stoppable(State(rest, rest, theta, rate))
    assert list(found) == [True, True, False, True, False]
    assert list(caught.stoppable(State(rest, rest, -theta, -rate))) == list(found)


def test_without_a_display_play_writes_a_picture(learned, monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run(cartpole.DEMO, ["play", "--quiet", "--out", str(learned.folder)]) == 0
    assert "There is no display for a window" in capsys.readouterr().out
    with Image.open(learned.folder / "play.png") as picture:
        assert picture.width == 1800


def _game(learned):
    figure = Figure()
    return window.Game(learned.outcome.training.params, figure), figure


def _key(figure, key):
    KeyEvent("key_press_event", figure.canvas, key)._process()


def test_the_user_pushes_the_pole_and_it_stands(learned):
    game, figure = _game(learned)
    _key(figure, "right")
    assert game.state.rate == window.STRENGTH
    for _ in range(100):
        game.tick()
    before = game.state.rate
    place = game.axes.transData.transform((game.state.x + 0.3, 0.5))
    MouseEvent("button_press_event", figure.canvas, *place, button=1)._process()
    assert game.state.rate == before - window.STRENGTH             # away from the pointer
    for _ in range(100):
        game.tick()
    assert game.told.get_text().startswith("Standing for 8.0 s and 2 pushes")


def test_a_push_too_strong_ends_the_game_until_it_begins_anew(learned):
    game, figure = _game(learned)
    for _ in range(40):
        _key(figure, "up")
    assert game.strength == 3.0
    _key(figure, "left")
    for _ in range(100):
        game.tick()
    assert "Failed after" in game.told.get_text()
    assert "1 push:" in game.told.get_text()
    pushed = game.state.rate
    _key(figure, "left")
    assert game.state.rate == pushed
    _key(figure, " ")
    game.tick()
    assert game.told.get_text().startswith("Standing for 0.0 s and 0 pushes")
    assert abs(game.state.theta) < STANDARD.max_theta
