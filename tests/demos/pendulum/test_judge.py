"""Very many episodes side by side are Gymnasium's."""

from functools import partial

import gymnasium
import numpy as np
import pytest

from demos.pendulum import judge as judging
from demos.pendulum.machine import (
    RECIPES,
    controller,
    draw_starts,
    network,
    new_controller,
)
from tinydp.sims.pendulum import STANDARD, State

pytestmark = pytest.mark.demo


@pytest.mark.parametrize("mode", ["episode", "batch"])
def test_episodes_are_gymnasiums(mode):
    """One start at a time, for sums of products as the environment's controller has them."""
    params = new_controller(np.random.default_rng(0), network(RECIPES[mode]))
    starts = draw_starts(np.random.default_rng(1), 3)
    with gymnasium.make("Pendulum-v1") as env:
        for theta, rate in zip(*starts, strict=True):
            env.reset(seed=0)
            env.unwrapped.state = np.array([theta, rate])
            seen, total = np.array([np.cos(theta), np.sin(theta), rate], np.float32), 0.0
            for _ in range(200):
                torque = controller(params, seen[None])[0]
                seen, reward, *_ = env.step(np.array([torque], np.float32))
                total += float(reward)
            returns, upright = judging.episodes(partial(controller, params),
                                                State(np.array([theta]), np.array([rate])))
            assert returns[0] == pytest.approx(total, rel=1e-11)     # torque² in float32: not the same bits
            assert not upright[0]


def test_the_starts_are_always_the_same_ones_in_blocks(monkeypatch):
    params = new_controller(np.random.default_rng(0))
    monkeypatch.setattr(judging, "BLOCK", 3)
    found = judging.judge_everywhere(params, 7, quiet=True)
    assert found.returns.shape == found.upright.shape == (7,)
    assert found.left == 7                       # it has learned nothing
    monkeypatch.setattr(judging, "BLOCK", 7)
    again = judging.judge_everywhere(params, 7, quiet=True)
    assert found.returns == pytest.approx(again.returns, rel=1e-6)


@pytest.mark.parametrize(("limit", "wanted"), [(2.0, [True, False]), (np.inf, [True, True])])
def test_a_rod_that_is_held_counts_as_upright(limit, wanted):
    """By a controller that is written down: near upright it holds the rod, without limit it lifts it."""
    physics, starts = STANDARD._replace(max_torque=limit), State(np.array([0.05, 3.0]), np.zeros(2))
    _, upright = judging.episodes(lambda seen: -15 * seen[:, 1] - 2 * seen[:, 2], starts, physics)
    assert list(upright) == wanted
