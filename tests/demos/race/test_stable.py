"""Algorithms of Stable-Baselines3 as rivals; most of it is skipped where they are missing."""

import importlib.util
import inspect

import numpy as np
import pytest

from demos.race import zoo
from demos.race.run import run_one
from demos.race.stable import Lens, Through, constructor, stable
from tinydp.sims import worlds

from .slide import COURSE, make

needs_sb3 = pytest.mark.skipif(importlib.util.find_spec("stable_baselines3") is None,
                               reason="needs Stable-Baselines3: the extra rl")
CARTPOLE = COURSE._replace(name="cartpole", make=lambda seed: worlds.make("cartpole", seed), few=1,
                           episodes=1)
TINY_DQN = zoo.DQN_CARTPOLE | {"n_timesteps": 200, "learning_starts": 20, "train_freq": 10,
                               "gradient_steps": 1, "policy_kwargs": {"net_arch": [8]}}
LENS = Lens(see=lambda seen: np.float32(seen / 2), act=lambda action: action / 4, reward=lambda r: r / 8,
            numbers=1, actions=1)


def test_settings_of_the_zoo_become_arguments():
    copies, steps, options = constructor(zoo.PPO_CARTPOLE)
    assert (copies, steps) == (8, 100_000)
    assert {"n_envs", "n_timesteps"}.isdisjoint(options)
    assert [options["learning_rate"](remains) for remains in (1.0, 0.5, 0.0)] == [0.001, 0.0005, 0.0]
    assert [options["clip_range"](remains) for remains in (1.0, 0.5, 0.0)] == [0.2, 0.1, 0.0]
    assert zoo.PPO_CARTPOLE["learning_rate"] == "lin_0.001"           # as it was


def test_a_lens_scales_what_is_seen_done_and_paid():
    plain, scaled = make(3), Through(make(3), LENS)
    assert scaled.action_space.contains(np.float32([-1.0]))
    seen, through = plain.reset(seed=1)[0], scaled.reset(seed=1)[0]
    assert through == pytest.approx(seen / 2)
    (seen, reward, *_), (through, paid, *_) = plain.step(np.array([0.1])), scaled.step(np.array([0.4]))
    assert through == pytest.approx(seen / 2, rel=1e-5)
    assert paid == pytest.approx(reward / 8)


@needs_sb3
def test_noise_and_frequencies_are_understood():
    _, _, options = constructor(zoo.TD3_PENDULUM)
    assert options["train_freq"] == (1, "episode")
    assert options["action_noise"]._sigma == pytest.approx(0.1)
    assert {"noise_type", "noise_std"}.isdisjoint(options)


@needs_sb3
@pytest.mark.parametrize("algorithm", ["DQN", "PPO", "SAC", "TD3"])
def test_the_zoos_settings_are_the_algorithms_own(algorithm):
    import stable_baselines3 as sb3  # noqa: PLC0415

    known = inspect.signature(getattr(sb3, algorithm)).parameters
    for name, settings in vars(zoo).items():
        if name.startswith(algorithm):
            assert constructor(settings)[2].keys() <= known.keys()


@needs_sb3
def test_an_algorithm_learns_within_its_budget_and_the_same_again():
    rival = stable("DQN", TINY_DQN)
    curves = [run_one(CARTPOLE, rival, 3, budget=120) for _ in range(2)]
    assert rival.budget == 200
    assert curves[0].points[-1].real == 120
    assert [point.score for point in curves[0].points] == [point.score for point in curves[1].points]
    assert curves[0].points[-1].simulated == 0


@needs_sb3
def test_steps_of_all_copies_count():
    tiny = zoo.PPO_CARTPOLE | {"n_envs": 3, "n_steps": 8, "batch_size": 24, "n_epochs": 1}
    curve = run_one(CARTPOLE, stable("PPO", tiny), 3, budget=100)
    assert 100 <= curve.points[-1].real < 100 + 3
    assert [point.real for point in curve.points[:3]] == [3, 12, 15]


@needs_sb3
def test_the_judge_sees_the_world_as_it_is():
    """A controller behind a lens is handed to the judge without it."""
    asked = []

    def judge(world, controller, episodes):
        asked.append(controller(world.reset(seed=0)[0]))
        return 0.0

    tiny = {"n_timesteps": 20, "n_steps": 10, "batch_size": 10, "n_epochs": 1}
    run_one(COURSE._replace(judge=judge), stable("PPO", tiny, lens=LENS), 3, budget=10)
    assert all(np.abs(action).max() <= 0.25 for action in asked)
