"""Plans that a controller improves before each decision."""

import numpy as np
import pytest

from demos.pendulum import plan
from demos.pendulum.machine import (
    EPISODE,
    RECIPES,
    controller,
    network,
    new_controller,
)
from tinydp.sims.pendulum import State, cost, observe, step

pytestmark = pytest.mark.demo


@pytest.fixture
def params():
    return new_controller(np.random.default_rng(0), network(RECIPES["batch"]))


def test_without_improvements_it_is_the_network(params):
    seen = observe(State(2.0, 0.5))
    assert plan.planner(params, 0)(seen) == controller(params, seen)


def test_more_improvements_never_cost_more(params):
    """Of one decision: what was met before is met again."""
    start = State(np.full(4, 2.5), np.full(4, -0.5))

    def cost_of(added):
        return plan.planned_cost(np.repeat(added[:, None], 4, axis=1), params, start)[1][0]

    costs = [cost_of(np.zeros(plan.AHEAD))]
    for improvements in (1, 2, 5):
        best = plan.improved(plan.candidates(np.zeros(plan.AHEAD)), params, start, improvements)
        assert best.shape == (plan.AHEAD,)
        assert np.max(np.abs(best)) <= plan.MOST
        costs.append(cost_of(best))
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[1] < costs[0]


def test_the_gradient_of_a_plan_equals_differences(params):
    start = State(np.array([3.0, 1.0]), np.array([0.2, -1.0]))
    rng = np.random.default_rng(1)
    added, along = rng.normal(0.0, 0.1, (2, plan.AHEAD, 2))
    _, gradient = plan.gradient_of_plans(added, params, start)
    h = 1e-6
    difference = (plan.planned_cost(added + h * along, params, start)[0]
                  - plan.planned_cost(added - h * along, params, start)[0]) / (2 * h)
    assert np.sum(gradient * along) == pytest.approx(difference, rel=1e-6)


def test_a_plan_is_kept_one_step_later(params):
    decide = plan.planner(params, 1)
    torque = decide(observe(State(3.0, 0.0)))
    assert abs(torque) <= 2.0
    assert decide.plan.shape == (plan.AHEAD,)
    assert decide.plan[-1] == 0.0
    assert np.array_equal(plan.candidates(decide.plan)[:, 0], decide.plan)


def test_it_swings_up_what_the_network_alone_leaves_hanging(params):
    """An untrained network; one improvement a decision, in the simulator."""
    def episode(improvements):
        decide, state, total = plan.planner(params, improvements), State(2.5, 0.0), 0.0
        for _ in range(EPISODE):
            torque = decide(observe(state))
            total -= cost(state, torque)
            state = step(state, torque)
        return total

    assert episode(0) < -1000
    assert episode(1) > -500
