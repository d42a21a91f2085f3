"""CMA-ES and PPO beside ours: what they see, how they are judged, and that little of it learns something."""

import importlib.util

import numpy as np
import pytest

from demos.race.run import run_one
from demos.trebuchet import race
from demos.trebuchet.learner import Simulator
from demos.trebuchet.machine import CENTRE
from demos.trebuchet.rivals import uncorrected
from demos.trebuchet.trial import judge, told
from tinydp.sims import worlds

needs_cma = pytest.mark.skipif(importlib.util.find_spec("cma") is None, reason="needs cma: the extra rl")
COURSE = race.COURSE._replace(few=4, episodes=4)


def test_who_knows_the_truth_misses_by_nothing():
    world = race.make(5003)
    method, _ = told(world)

    def controller(seen):
        return np.array(race.settle(method.aim(float(seen[0]), float(seen[1])).raw))

    assert -0.01 < race.median_miss(world, controller, 6) <= 0
    assert race.median_miss(world, lambda seen: np.array([40.0, 200.0]), 6) < -1


def test_only_targets_within_reach_are_judged():
    world = race.make(5000)
    within = race.within_reach(worlds.reveal(world), 12)
    misses = judge(world, told(world)[0], 12).misses
    assert within == tuple(np.abs(misses) < 0.01)
    assert 0 < sum(within) < 12


def test_ours_is_judged_after_each_of_its_milestones():
    curve = run_one(COURSE, race.ours(), 4000, budget=10)
    assert [point.real for point in curve.points] == [1, 10]
    assert curve.points[-1].score > curve.points[0].score
    assert curve.points[-1].simulated > 100
    assert curve.final > -0.5


def test_weights_of_zero_are_the_middle_or_no_correction():
    seen = np.array([2.0, 55.0, 0.0])
    assert race.linear(np.zeros(6), seen) == pytest.approx([38.5, 182.0])
    simulator = Simulator()
    aim = race.corrected(simulator)(np.zeros(3), seen)
    assert aim == pytest.approx(np.array(race.settle(uncorrected(Simulator(), 2.0, 55.0).raw)))
    assert simulator.gradients > 0
    nearer = race.corrected(simulator)(np.array([0.5, 0.0, 0.0]), seen)          # 5 m further than thought
    assert nearer == pytest.approx(np.array(race.settle(uncorrected(Simulator(), 2.0, 50.0).raw)))


def test_the_lens_spans_the_settings_and_centres_the_targets():
    assert race.LENS.act(np.array([-1.0, 1.0])) == pytest.approx([1.0, 264.0])
    assert race.LENS.see(np.array([5.0, CENTRE, 0.0])) == pytest.approx([1.0, 0.0])
    space = race.make(5000).action_space
    assert race.LENS.act(np.array([-1.0, -1.0])) == pytest.approx(space.low)
    assert race.LENS.act(np.array([1.0, 1.0])) == pytest.approx(space.high)


@needs_cma
@pytest.mark.parametrize("name", ["CMA-ES", "CMA-ES correction"])
def test_cma_es_shoots_within_its_budget_and_the_same_again(name):
    rival = next(rival for rival in race.COURSE.rivals if rival.name == name)
    curves = [run_one(COURSE, rival, 4000, budget=60) for _ in range(2)]
    assert 60 <= curves[0].points[-1].real < 64
    assert [point.score for point in curves[0].points] == [point.score for point in curves[1].points]
    assert (curves[0].points[-1].simulated > 0) == (name == "CMA-ES correction")
