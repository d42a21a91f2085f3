"""What the learner is compared with does what it says."""

import numpy as np
import pytest

from demos.trebuchet import rivals
from demos.trebuchet.learner import NOMINAL, PRIOR, Shot, Simulator, landing, refine, scaled
from demos.trebuchet.machine import reach
from tinydp.sims import worlds

pytestmark = pytest.mark.demo


def test_practice_is_aimed_at_the_targets_of_the_day():
    world = worlds.make("trebuchet")             # the nominal one, without noise
    shots = rivals.practise(world, 4, seed=0)
    assert world.real_steps == 4
    world, within = worlds.make("trebuchet"), 0
    for k, shot in enumerate(shots):
        (vane, target, _), _ = world.reset(seed=0 if k == 0 else None)
        assert shot.vane == vane
        world.step([45.0, 200.0])
        if reach().holds(vane, target):
            within += 1
            assert shot.distance == pytest.approx(target, abs=0.01)
    assert within >= 2


def test_a_line_is_found_where_there_is_one():
    rng, shots = np.random.default_rng(0), []
    for _ in range(6):
        aim, vane = rng.uniform(-2, 2, 2), float(rng.normal(0, 5))
        nominal = landing(NOMINAL, aim, vane)
        shots.append(Shot(aim, vane, nominal + 2.0 - 0.5 * vane / 5 + 3.0 * (nominal - 60) / 40))
    found = rivals.correct(Simulator(), shots)
    assert found == pytest.approx((2.0, -0.5, 3.0))
    aimed = found.target(4.0, 50.0)              # where the nominal one aims, it then lands
    assert aimed + 2.0 - 0.5 * 4.0 / 5 + 3.0 * (aimed - 60) / 40 == pytest.approx(50.0)


def test_without_derivatives_the_same_minimum_is_found():
    real, rng, shots = scaled(1.3, 0.95, 1.0, 1.0), np.random.default_rng(0), []
    for _ in range(5):
        aim, vane = rng.uniform(-2, 2, 2), float(rng.normal(0, 5))
        shots.append(Shot(aim, vane, landing(real, aim, vane)))
    simulator = Simulator()
    found = rivals.without_derivatives(simulator, shots).unknown
    belief = refine(Simulator(), shots, PRIOR)
    np.testing.assert_allclose(found, belief.unknown, atol=0.02)
    assert simulator.shots > 500
    assert simulator.gradients == 0
