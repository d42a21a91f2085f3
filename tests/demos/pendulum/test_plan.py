"""A pendulum's plans; tests/demos/test_plan.py tells how they are improved."""

import numpy as np
import pytest

from demos.pendulum import plan
from demos.pendulum.machine import EPISODE, RECIPES, controller, network, new_controller
from tinydp.sims.pendulum import State, cost, observe, step

pytestmark = pytest.mark.demo


@pytest.fixture
def params():
    return new_controller(np.random.default_rng(0), network(RECIPES["batch"]))


def test_without_improvements_it_is_the_network(params):
    seen = observe(State(2.0, 0.5))
    assert plan.planner(params, 0)(seen) == controller(params, seen)


def test_squares_of_costs_are_the_cost():
    state = State(np.array([2.0, -4.0]), np.array([0.5, 7.0]))
    torque = np.array([2.0, -1.5])
    assert np.allclose(np.sum(plan.costs(state, torque)**2, axis=-1), cost(state, torque))


def test_what_is_seen_tells_the_state():
    state = State(-2.0, 3.0)
    assert np.allclose(plan.read(observe(state)), state)


def test_more_improvements_never_cost_more(params):
    """Of one decision: each is tried, and not taken if it is worse."""
    start = State(np.full(2, 2.5), np.full(2, -0.5))
    plans, cost_alone = plan.PLANNING.begun(params, start, plan.PLANNING.given._replace(
        actions=plan.PLANNING.given.actions[:, 1:3], known=plan.PLANNING.given.known[:, 1:3]))
    costs = [cost_alone, *(plan.PLANNING.improved(start, plans, times)[1] for times in (1, 2, 5, 10))]
    assert np.all(np.diff(costs, axis=0) <= 0)
    assert np.all(costs[-1] < 0.9 * costs[0])


def test_it_swings_up_what_the_network_alone_leaves_hanging(params):
    """An untrained network, and the simulator."""
    def episode(improvements):
        decide, state, total = plan.planner(params, improvements), State(2.5, 0.0), 0.0
        for _ in range(EPISODE):
            torque = decide(observe(state))
            assert abs(torque) <= 2.0
            total -= cost(state, torque)
            state = step(state, torque)
        return total

    assert episode(0) < -1000
    assert episode(5) > -260                     # the best known from near there: -234
