"""The best episodes of the pendulum: dynamic programming, refined."""

import numpy as np
import pytest

import tinydp as dp
from demos.pendulum import optimum
from demos.pendulum.learning import gymnasium_starts
from demos.pendulum.machine import EPISODE, draw_starts
from tinydp.sims.pendulum import STANDARD, State, cost, step

pytestmark = pytest.mark.demo

# The best returns from Gymnasium's starts of seeds 0 to 7 that another program found, by trajectory
# optimisation of another kind on another grid; the optimum might be better.
KNOWN = [-121.63499, -0.37373, -115.87004, -217.06175, -226.64827, -113.92718, -0.42098, -121.53769]


@pytest.fixture(scope="module")
def grid():
    return optimum.dynamic_programming(angles=100, rates=81, torques=5)


@pytest.fixture(scope="module")
def starts():
    return gymnasium_starts(range(8))


def test_the_best_known_returns_are_found_on_a_coarse_grid(grid, starts):
    found = optimum.best_episodes(grid, starts)
    assert found.torques.shape == (EPISODE, 8)
    assert np.max(np.abs(found.torques)) <= STANDARD.max_torque
    assert found.returns == pytest.approx(KNOWN, abs=0.01)
    assert np.array_equal(found.returns, optimum.returns_of(starts, found.torques))


def test_refinement_never_makes_an_episode_worse(grid):
    starts = draw_starts(np.random.default_rng(3), 12)
    torques = np.random.default_rng(4).uniform(-2, 2, (EPISODE, 12))
    before = optimum.returns_of(starts, torques)
    for _ in range(3):
        torques = optimum.refine(starts, torques, rounds=1)
        after = optimum.returns_of(starts, torques)
        assert np.all(after >= before)
        before = after
    assert np.mean(after) > np.mean(optimum.returns_of(starts, np.zeros(torques.shape)))


def test_ten_rounds_are_enough(grid, starts):
    """More of them find nothing: along each of these episodes, the cost is at a minimum."""
    torques = optimum.refine(starts, optimum.follow(grid, starts))
    assert optimum.returns_of(starts, optimum.refine(starts, torques)) == pytest.approx(
        optimum.returns_of(starts, torques), abs=0.01)


def test_derivatives_are_those_of_single_steps():
    rng = np.random.default_rng(0)
    path, torques = State(*rng.normal(size=(2, 3, 2))), rng.uniform(-2, 2, (3, 2))
    c_x, c_u, f_x, f_u, bend = optimum.derivatives(path, torques)
    for k, n in ((0, 0), (2, 1)):
        now = path.theta[k, n], path.rate[k, n], torques[k, n]
        by_cost = dp.grad(lambda a, b, u: cost(State(a, b), u), argnums=(0, 1, 2))(*now)
        assert [*c_x[k, n], c_u[k, n]] == pytest.approx(by_cost)
        for part in (0, 1):
            def move(x, part=part):
                return step(State(x[0], x[1]), x[2])[part]
            assert [*f_x[k, n, part], f_u[k, n, part]] == pytest.approx(dp.grad(move)(np.array(now)))
            assert bend[k, n, part] == pytest.approx(dp.hessian(move)(np.array(now))[0, 0])


def test_a_finer_grid_costs_less_and_holds_what_episodes_return(starts):
    """A grid blurs, so that it costs more than the best episode does; less so when it is finer."""
    coarse, fine = (float(np.mean(optimum.dynamic_programming(angles, angles * 4 // 5 + 1, 5).at(starts)))
                    for angles in (50, 200))
    assert -np.mean(KNOWN) < fine < coarse
    assert fine + np.mean(KNOWN) < 2.0


def test_the_grid_is_a_circle_in_the_angle():
    grid = optimum.Grid(np.random.default_rng(0).normal(size=(7, 5)))
    points = State(np.linspace(-np.pi, np.pi, 8), np.zeros(8))
    assert grid.at(points) == pytest.approx([*grid.costs[:, 2], grid.costs[0, 2]])
    turned = State(points.theta + 6 * np.pi, points.rate)
    assert grid.at(turned) == pytest.approx(grid.at(points))
