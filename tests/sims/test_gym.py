"""`tinydp/Trebuchet-v0` is known to Gymnasium, passes its checker, and shows what happens."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tinydp.sims import gym, worlds
from tinydp.sims.worlds.trebuchet import Truth, path, throw

AIM = np.array([40.0, 200.0])


@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric and normalized space")
@pytest.mark.parametrize("world", [None, 5000])
def test_gymnasiums_checker_has_nothing_to_say(world):
    check_env(gymnasium.make(gym.ID, world=world, render_mode="rgb_array").unwrapped)


def test_a_name_with_its_module_needs_no_import():
    program = ("import gymnasium; world = gymnasium.make('tinydp.sims.gym:tinydp/Trebuchet-v0', world=5000);"
               "world.reset(seed=0); print(world.spec.id, world.step(world.action_space.sample())[2])")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True,
                          text=True)
    assert done.stdout.split() == [gym.ID, "True"]


def test_it_is_the_world_of_that_seed():
    named, made = gymnasium.make(gym.ID, world=5000), worlds.make("trebuchet", 5000)
    for world in (named, made):
        world.reset(seed=3)
    assert named.step(AIM)[0] == pytest.approx(made.step(AIM)[0], abs=0)
    assert worlds.reveal(named.unwrapped) == worlds.reveal(made)
    assert worlds.reveal(gymnasium.make(gym.ID).unwrapped) == Truth()
    assert worlds.reveal(gymnasium.make(gym.ID, world=5000, noise=1.0).unwrapped).noise == 1.0


def test_an_episode_is_a_shot():
    world = gymnasium.make(gym.ID)
    (_, target, _), _ = world.reset(seed=3)
    observation, reward, terminated, truncated, _ = world.step(AIM)
    assert (terminated, truncated) == (True, False)
    assert reward == -abs(observation[2] - target)
    assert world.unwrapped.real_steps == 1


def _columns(image, colour, rows=slice(None)):
    return np.flatnonzero((image[rows] == colour).all(axis=-1).any(axis=0))


def test_the_picture_shows_the_flag_and_where_the_ball_landed():
    world = gymnasium.make(gym.ID, render_mode="rgb_array")
    (_, target, _), _ = world.reset(seed=3)
    before = world.render()
    (_, _, landing), *_ = world.step(AIM)
    after = world.render()
    assert (before.shape, before.dtype) == ((400, 800, 3), np.uint8)
    ground = slice(gym.GROUND - 4, gym.GROUND)
    at_target, at_landing = (gym.SCALE * (gym.LEFT + x) for x in (target, landing))
    assert np.abs(_columns(before, gym.INK, ground) - at_target).min() < 2
    assert _columns(before, gym.ORANGE, ground).size == 0
    assert _columns(after, gym.ORANGE, ground).mean() == pytest.approx(at_landing, abs=2)
    flown = _columns(after, gym.BLUE, slice(100, gym.GROUND))
    assert flown.max() == pytest.approx(at_landing, abs=5)
    assert _columns(before, gym.BLUE, slice(100, gym.GROUND)).size == 0


def test_without_a_render_mode_there_is_no_picture():
    world = gym.TrebuchetEnv()
    world.reset(seed=0)
    assert world.render() is None


def test_the_way_of_the_ball_ends_where_it_lands():
    truth, shot = Truth(drag=1.5, pivot_friction=2.0), (3.0, 50.0, 180.0)
    way = path(*shot, truth, points=50)
    assert way[-1] == pytest.approx([throw(*shot, truth), -1.524], abs=1e-6)
    assert way[:, 1].max() > 10
