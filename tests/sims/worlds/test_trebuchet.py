"""The real trebuchet agrees with the simulator of the same parameters, and measures with noise."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.sims.trebuchet import CORRECTED, shoot
from tinydp.sims.worlds import evaluate, make, trebuchet
from tinydp.sims.worlds.trebuchet import Truth, throw

shot = dp.compile(shoot)


def _simulated(wind, angle, weight, truth):
    params = CORRECTED._replace(drag=truth.drag, projectile_mass=CORRECTED.projectile_mass * truth.ball_mass,
                                pivot_friction=truth.pivot_friction)
    return shot(wind, angle, weight, params)


@pytest.mark.parametrize("nominal", [True, False])
def test_it_agrees_with_the_simulator_of_the_same_parameters(nominal):
    rng = np.random.default_rng(0)
    for seed in range(8):
        truth = Truth() if nominal else trebuchet.draw(np.random.default_rng(seed))
        aim = float(rng.normal(0, 5)), float(rng.uniform(1, 76)), float(rng.uniform(100, 264))
        assert throw(*aim, truth) == pytest.approx(_simulated(*aim, truth), abs=1e-4)


def test_the_wind_is_other_than_the_vane_shows():
    world, truth = make("trebuchet", wind_bias=1.5), Truth()
    (wind, target, nothing), _ = world.reset(seed=4)
    assert nothing == 0.0
    (same, same_target, landing), reward, terminated, *_ = world.step(np.array([40.0, 150.0]))
    assert (same, same_target, terminated) == (wind, target, True)
    assert landing == throw(wind + 1.5, 40.0, 150.0, truth) != throw(wind, 40.0, 150.0, truth)
    assert reward == -abs(landing - target)


def test_the_distance_is_measured_with_noise():
    found = []
    for seed in range(60):
        noisy, clean = make("trebuchet", noise=0.2), make("trebuchet")
        for world in (noisy, clean):
            world.reset(seed=seed)
        found.append(noisy.step([40.0, 150.0])[0] - clean.step([40.0, 150.0])[0])
    assert np.std(found, axis=0) == pytest.approx([0.0, 0.0, 0.2], rel=0.25)


def test_an_aim_beyond_what_can_be_set_is_what_comes_next():
    landings = []
    for aim in ([100.0, 500.0], [76.0, 264.0]):
        world = make("trebuchet")
        world.reset(seed=0)
        landings.append(world.step(np.array(aim))[0][2])
    assert landings[0] == landings[1]


def test_the_judge_sees_where_it_truly_landed():
    found = evaluate(make("trebuchet", noise=5.0), lambda _: np.array([40.0, 150.0]), episodes=3, seed=7)
    assert found.steps == 3
    for (wind, target, landing), score in zip(found.lasts, found.returns, strict=True):
        assert landing == throw(wind, 40.0, 150.0, Truth())
        assert score == -abs(landing - target)
