"""Improving plans: against least squares where the machine is linear, with and without limits."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from demos.plan import SHARES, Given, Planner, Planning, Problem, beginnings

AHEAD = 12


class Point(NamedTuple):
    """A mass on a line."""

    place: Any
    speed: Any


def _costs(state, force):
    return np.stack([state.place, 0.3 * state.speed, 0.2 * force], axis=-1)


def _problem(limit=np.inf, step=lambda s, u: Point(s.place + 0.3 * s.speed, 0.9 * s.speed + 0.3 * u)):
    return Problem(Point, lambda seen: Point(*seen), step, _costs, lambda params, s: params * s.place, limit,
                   AHEAD, ((2, 3),))


@pytest.fixture(scope="module")
def free():
    return Planning(_problem(100.0))


@pytest.fixture(scope="module")
def limited():
    return Planning(_problem(0.7))


def _equations(problem, start):
    """The parts of a plan's cost as a linear function of its actions."""
    def parts(plan):
        state, found = start, []
        for force in plan:
            found.append(problem.costs(state, force))
            state = problem.step(state, force)
        return np.concatenate(found)

    offset = parts(np.zeros(AHEAD))
    return np.stack([parts(e) - offset for e in np.eye(AHEAD)], axis=1), offset


def test_one_improvement_solves_what_is_linear(free):
    start = Point(np.array([2.0, -1.0]), np.array([0.5, 0.3]))
    plans, costs = free.improved(start, np.zeros((AHEAD, 2)), 1)
    for k in range(2):
        matrix, offset = _equations(free.problem, Point(start.place[k], start.speed[k]))
        best = np.linalg.lstsq(matrix, -offset, rcond=None)[0]
        assert np.allclose(plans[:, k], best, atol=1e-4)
        assert costs[k] == pytest.approx(np.sum((matrix @ best + offset)**2))


def test_limits_are_kept_and_the_best_plan_within_them_is_found(limited):
    start = Point(np.array([2.0]), np.array([0.5]))
    plans, costs = limited.improved(start, np.zeros((AHEAD, 1)), 10)
    matrix, offset = _equations(limited.problem, Point(2.0, 0.5))
    best = lsq_linear(matrix, -offset, (-0.7, 0.7))
    assert np.max(np.abs(plans)) <= 0.7
    assert np.sum(np.abs(plans) == 0.7) > 2
    assert costs[0] == pytest.approx(2 * best.cost, rel=1e-4)


def test_an_improvement_never_costs_more(limited):
    rng = np.random.default_rng(0)
    start, plans = Point(*rng.normal(size=(2, 5))), rng.uniform(-0.7, 0.7, (AHEAD, 5))
    _, tried = limited.tried(start, plans, SHARES)
    _, costs = limited.improved(start, plans, 1)
    assert np.all(costs <= tried[-1])
    assert SHARES[-1] == 0.0


def test_the_network_goes_on_after_what_is_given(limited):
    actions, known = np.zeros((AHEAD, 2)), np.zeros((AHEAD, 2))
    actions[:2, 1], known[:2, 1] = 0.4, 1.0
    found, costs = limited.begun(-0.1, Point(np.ones(2), np.zeros(2)), Given(actions, known))
    assert found[:2, 1].tolist() == [0.4, 0.4]
    state, total = Point(1.0, 0.0), 0.0
    for force in found[:, 0]:
        assert force == pytest.approx(-0.1 * state.place)
        total += np.sum(_costs(state, force)**2)
        state = limited.problem.step(state, force)
    assert costs[0] == pytest.approx(total)


def test_beginnings_swing_to_either_side():
    actions, known = beginnings(_problem(0.7))
    assert known.sum(axis=0).tolist() == [0, 0, 5, 5]
    assert actions[:6, 2].tolist() == [0.7, 0.7, -0.7, -0.7, -0.7, 0.0]
    assert np.array_equal(actions[:, 2], -actions[:, 3])


def test_a_planner_keeps_what_is_left_of_its_plan(limited):
    decide = Planner(limited, -0.1, 3)
    force = decide(np.array([2.0, 0.5]))
    assert abs(force) <= 0.7
    assert decide.plan.shape == (AHEAD - 1,)
    kept = decide.plan.copy()
    assert decide(np.array(limited.problem.step(Point(2.0, 0.5), force))) == pytest.approx(kept[0], abs=0.2)
