"""Aims that are refined by Newton's steps through the simulator."""

import itertools

import numpy as np
import pytest

import tinydp as dp
from demos.trebuchet import learning, machine, refine
from demos.trebuchet.machine import (
    TRAINED,
    WIDER,
    between,
    draw_tasks,
    draw_tasks_within_reach,
    new_controller,
    parts,
    reach,
    tried,
    within_reach,
)
from tinydp.sims.trebuchet import DT, shoot
from tinydp.testing import check_grads

pytestmark = pytest.mark.demo
COARSE = 60 * DT                                 # s: fast enough for the tape
STEEP = np.array([1.0, 0.0])                     # where networks end in tail winds that are too strong


@pytest.fixture
def untrained():
    return new_controller(np.random.default_rng(0))


# ---------------------------------------------------------------------------- one step

def test_a_step_makes_up_for_the_miss_on_a_straight_line_and_is_the_shortest():
    part, slope = np.array([0.4, 0.6]), np.array([50.0, 20.0])
    move = refine.toward(part, 3.0, slope) - part
    assert slope @ move == pytest.approx(3.0, rel=1e-3)          # damping takes its share
    assert move[0] * slope[1] == pytest.approx(move[1] * slope[0])


def test_an_edge_in_the_way_is_followed():
    aim = refine.toward(np.array([0.95, 0.5]), 10.0, np.array([50.0, 20.0]))
    assert aim[0] == 1.0
    assert 0.05 * 50.0 + (aim[1] - 0.5) * 20.0 == pytest.approx(10.0, rel=0.01)
    np.testing.assert_array_equal(refine.toward(np.array([0.5, 0.9]), 1e3, np.array([50.0, 20.0])), [1, 1])


def test_where_nothing_leads_to_the_target_it_stays():
    np.testing.assert_array_equal(refine.toward(STEEP, -10.0, np.array([-50.0, 20.0])), STEEP)
    np.testing.assert_array_equal(refine.toward(STEEP, -10.0, np.zeros(2)), STEEP)


def test_the_compiled_step_is_the_step():
    part = np.array([0.6, 0.3])
    after, landing = refine.step(part, 2.0, 60.0, COARSE)
    np.testing.assert_allclose(after, refine.newton(part, 2.0, 60.0, COARSE)[0], rtol=1e-9)
    assert landing == pytest.approx(shoot(2.0, *map(float, between(part)), dt=COARSE), rel=1e-12)


def test_a_step_can_be_differentiated(monkeypatch):
    """With second derivatives of the shot."""
    monkeypatch.setattr(refine, "TRAINING_DT", COARSE)

    def after(part):
        return refine.on_the_way(part, 2.0, 60.0, 1)[1]

    assert check_grads(after, np.array([0.6, 0.3]), grad=dp.grad(after)).verdict == "right"


def test_a_step_along_an_edge_can_be_differentiated(monkeypatch):
    """There is no heavier weight, and the angle makes up for it."""
    monkeypatch.setattr(refine, "TRAINING_DT", COARSE)
    part, h = np.array([0.45, 0.98]), 1e-6

    def after(part):
        return refine.on_the_way(part, 2.0, 95.0, 1)[1]

    assert refine.newton(part, 2.0, 95.0, COARSE)[0][1] == 1.0
    differences = [(after(part + h * row) - after(part - h * row)) / (2 * h) for row in np.eye(2)]
    np.testing.assert_allclose(dp.grad(after)(part), differences, rtol=1e-5)


def test_the_gradient_of_the_loss_through_a_step_equals_differences(monkeypatch):
    monkeypatch.setattr(refine, "TRAINING_DT", COARSE)
    monkeypatch.setattr(refine, "way", lambda steps: lambda *task: refine.on_the_way(*task, steps))
    rng = np.random.default_rng(0)
    params, direction = machine.NET.init(rng), machine.NET.init(rng)
    tasks = np.array([1.0, -2.0]), np.array([55.0, 60.0])
    gradient = dp.grad(lambda params: learning.loss(params, *tasks, through=1))(params)
    slope = sum(np.sum(g * d) for layer in zip(gradient, direction, strict=True)
                for g, d in zip(*layer, strict=True))

    def along(t):
        return learning.loss(dp.ad.tree.map(lambda p, d: p + t * d, params, direction), *tasks, through=1)

    h = 1e-5
    assert slope == pytest.approx((along(h) - along(-h)) / (2 * h), rel=1e-4)


# ---------------------------------------------------------------------------- aims

def test_it_stops_where_it_hits_or_can_go_no_further():
    hit = refine.improved(np.array([0.6, 0.3]), 2.0, 60.0, 20)
    assert abs(hit.miss) < refine.CLOSE
    assert hit.gradients < 8
    stuck = refine.improved(STEEP, 15.9, 48.0, 20)
    assert stuck.miss > 5
    assert stuck.gradients == 1
    np.testing.assert_array_equal(stuck.part, STEEP)


def test_the_low_start_hits_where_no_high_shot_does():
    aim = refine.better([STEEP, refine.LOW], 15.9, 48.0, 5)
    assert aim.start == 1
    assert aim.gradients > 2                     # of both starts
    assert shoot(15.9, *map(float, between(aim.part))) == pytest.approx(48.0, abs=2 * refine.CLOSE)


def test_the_first_start_is_enough_where_it_hits():
    aim = refine.better([np.array([0.6, 0.3]), refine.LOW], 2.0, 60.0, 5)
    assert aim.start == 0
    assert aim == refine.improved(np.array([0.6, 0.3]), 2.0, 60.0, 5)._replace(part=aim.part)


def test_without_steps_it_is_the_network(untrained):
    aim = refine.refined(untrained, 2.0, 60.0, 0)
    np.testing.assert_array_equal(aim.part, parts(untrained, 2.0, 60.0))
    assert aim.gradients == 0


def test_more_steps_never_miss_by_more(untrained):
    winds, targets, _ = draw_tasks_within_reach(1, 20, WIDER)
    for wind, target in zip(winds.tolist(), targets.tolist(), strict=True):
        misses = [abs(refine.refined(untrained, wind, target, steps).miss) for steps in (1, 2, 4, 8)]
        assert all(later <= max(earlier, refine.CLOSE)
                   for earlier, later in itertools.pairwise(misses))


def test_an_untrained_network_hits_nearly_all_within_reach(untrained):
    winds, targets, _ = draw_tasks_within_reach(2, 60, WIDER)
    row = refine.judge(untrained, winds, targets, 8)
    assert row.worst(95) < refine.HIT
    assert np.max(row.gradients) <= 2 * 9


# ---------------------------------------------------------------------------- within reach

def test_close_to_the_limits_the_very_wind_is_tried():
    wind = np.array([9.5])                       # between a nearest shot that is steep and one that is flat
    interpolated, own = reach().limits(9.5)[0], tried(wind).nearest[0]
    assert interpolated < own - 0.01
    targets = np.array([(interpolated + own) / 2, own + 1e-6, own - refine.HIT - 0.2])
    assert list(reach().holds(np.repeat(wind, 3), targets)) == [True, True, False]
    assert list(within_reach(np.repeat(wind, 3), targets)) == [False, True, False]


def test_wider_tasks_are_wider():
    near, wide = (draw_tasks(np.random.default_rng(0), 10_000, spread) for spread in (TRAINED, WIDER))
    assert np.std(wide[0]) == pytest.approx(2 * np.std(near[0]))
    assert (wide[1].min() < 10.1, wide[1].max() > 114.9) == (True, True)
    assert (near[1].min() > 20, near[1].max() < 100) == (True, True)


# ---------------------------------------------------------------------------- telling

def test_rows_and_lines(untrained, monkeypatch):
    monkeypatch.setattr(refine, "TASKS", 12)
    wider = refine.judge_wider(untrained, 4)
    assert [row.steps for row in wider.rows] == [0, 1, 2, 3, 4]
    assert wider.rows[0].worst() > wider.rows[1].worst() > wider.rows[3].worst()
    told = refine.told(wider.rows[-1])
    assert told["most_gradients"] >= told["gradients"] > 0
    assert told["over_1_cm"] == np.sum(wider.rows[-1].misses > 0.01)
    lines = refine.lines(wider.rows[-1], wider)
    assert "at most 4 steps" in lines[0]
    assert lines[-1].split()[0] == "4"
    assert max(map(len, lines)) <= 110
