"""A run counts real steps, judges apart from them, and knows nothing of the machine."""

import numpy as np
import pytest

from demos.race.run import Rival, Run, milestones, run_one

from .slide import COURSE


def test_milestones_grow_by_equal_factors_from_nothing_to_the_budget():
    due = milestones(20_000)
    assert (due[0], due[1], due[-1]) == (0, 10, 20_000)
    assert np.all(np.diff(due) > 0)
    factors = np.array(due[12:-1]) / due[11:-2]
    assert factors == pytest.approx(np.full(len(factors), 10**(1 / 8)), rel=0.02)
    assert milestones(5) == [0, 5]


def test_steps_of_all_copies_are_real_and_those_of_the_judge_are_not():
    run = Run(COURSE, 3, budget=100)
    worlds = [run.make() for _ in range(3)]
    for world in worlds:
        world.reset(seed=0)
    assert run.look(lambda seen: np.zeros(1))
    for world in worlds[:2]:
        for _ in range(5):
            world.step(np.zeros(1))
    worlds[0].reset()
    assert run.real == 10
    assert run.look(lambda seen: np.zeros(1), simulated=7)
    assert run.real == 10
    assert [(point.real, point.simulated, point.episodes) for point in run.points] == [(0, 0, 3), (10, 7, 4)]


def test_a_controller_is_judged_at_milestones_alone_and_the_last_one_in_any_case():
    judged = []

    def judge(world, controller, episodes):
        judged.append((controller(np.zeros(1)), episodes))
        return 0.0

    def learn(run):
        world = run.make()
        world.reset(seed=0)
        for k in range(13):
            run.look(lambda seen, k=k: k)
            if k % 5 == 0:
                world.reset()
            world.step(np.zeros(1))
        run.look(lambda seen: 13)

    curve = run_one(COURSE._replace(judge=judge), Rival("any", learn, 100), 3, 100)
    assert judged == [(0, 2), (10, 2), (13, 2), (13, 4)]
    assert [point.real for point in curve.points] == [0, 10, 13]


def test_it_says_when_the_budget_is_spent():
    curve = run_one(COURSE, COURSE.rivals[0], 3, budget=7)
    assert curve.points[-1].real == 7


def test_who_learns_gets_better_by_the_judge():
    curve = run_one(COURSE, COURSE.rivals[0], 3, budget=40)
    scores = [point.score for point in curve.points]
    assert scores[0] == pytest.approx(-5.0, abs=0.8)
    assert curve.final == pytest.approx(-0.15, abs=0.1)
    assert scores == sorted(scores)


def test_a_rival_that_shows_nothing_is_no_rival():
    with pytest.raises(AssertionError, match="show a controller"):
        run_one(COURSE, Rival("idle", lambda run: None, 10), 3, 10)


def test_a_missing_module_is_named():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        run_one(COURSE, Rival("x", lambda run: None, 10, needs=("no_such_module",)), 3, 10)
