"""Searches that see returns alone: they find what they should, in a world of whatever physics."""

import numpy as np
import pytest

from demos.race.run import run_one
from demos.race.searches import Policy, cross_entropy, network, push, random_search
from tinydp.sims import worlds

from .slide import COURSE

UP = Policy(2, lambda weights, seen: np.clip(weights[0] + weights[1] * seen, -1.0, 1.0))
CARTPOLE = COURSE._replace(
    name="cartpole", make=lambda seed: worlds.make("cartpole"), few=1, episodes=1,
    judge=lambda world, controller, episodes: float(
        worlds.evaluate(world, controller, 3, seed=5).lengths.min()))


def _episodes_to_balance(seed):
    curve = run_one(CARTPOLE, random_search(push(4), 20_000), seed, 20_000)
    return next((point.episodes for point in curve.points if point.score == 500), np.inf)


def test_random_search_balances_the_nominal_cartpole_after_some_dozens_of_episodes():
    episodes = [_episodes_to_balance(seed) for seed in range(3)]
    assert 2 < np.median(episodes) < 300


@pytest.mark.parametrize("rival", [random_search(UP, 2000), cross_entropy(UP, 2000, population=10, best=3)])
def test_a_search_learns_in_a_world_of_no_simulator(rival):
    curve = run_one(COURSE, rival, seed=3, budget=2000)
    assert curve.points[0].score < -4
    assert curve.final > -0.6


def test_the_same_seed_gives_the_same_curve_and_another_one_does_not():
    rival = cross_entropy(UP, 100, population=4, best=2)
    curves = [[point._replace(seconds=0.0) for point in run_one(COURSE, rival, seed, 100).points]
              for seed in (3, 3, 13)]                      # 13 is the world of 3, with other chances
    assert curves[0] == curves[1] != curves[2]


def test_a_search_ends_within_an_episode_of_its_budget():
    for rival in (random_search(UP, 1), cross_entropy(UP, 1, population=10, best=3)):
        assert 52 <= run_one(COURSE, rival, 3, budget=52).points[-1].real < 52 + 5


def test_the_variance_is_kept_up_by_what_fades():
    """With one best of each generation nothing would be left of it, but for the extra."""
    still = run_one(COURSE, cross_entropy(UP, 500, population=6, best=1, spread=0.0, extra=0.0), 3, 500)
    alive = run_one(COURSE, cross_entropy(UP, 500, population=6, best=1, spread=0.0, extra=0.3), 3, 500)
    assert still.final == pytest.approx(still.points[0].score, abs=0.5)
    assert alive.final > still.final + 2


def test_policies_have_the_weights_that_they_say():
    policy = network(3, 4, np.ones(3), strongest=2.0)
    assert policy.size == 4 * 3 + 4 + 4 + 1
    rng = np.random.default_rng(0)
    weights, seen = rng.normal(size=policy.size), rng.normal(size=3)
    inner, shift, outer, bias = weights[:12].reshape(4, 3), weights[12:16], weights[16:20], weights[20]
    by_hand = 2 * np.tanh(outer @ np.tanh(inner @ seen + shift) + bias)
    assert policy.act(weights, seen) == pytest.approx([by_hand])
    assert np.abs(policy.act(1000 * weights, seen)) <= 2.0
    assert push(4).act(np.array([0, 0, 1.0, 0]), np.array([0, 0, 0.1, 0])) == 1
    assert push(4).act(np.array([0, 0, 1.0, 0]), np.array([0, 0, -0.1, 0])) == 0
