"""A cart-pole's plans; tests/demos/test_plan.py tells how they are improved."""

import numpy as np
import pytest

from demos.cartpole import judging, learning, network, plan
from tinydp.sims.cartpole import State, failed, observe, step

pytestmark = pytest.mark.demo


@pytest.fixture
def params():
    return network.NET.init(np.random.default_rng(0))


def test_without_improvements_it_is_the_network(params):
    seen = np.array([0.1, 0.0, 0.05, 0.2])
    assert plan.planner(params, 0)(seen) == network.controller(params, seen)


def test_costs_are_those_of_training_and_more_near_the_end_of_the_track():
    state = State(np.array([1.0, 2.3]), *np.array([[0.1, 0.1], [0.05, -0.05], [0.3, 0.3]]))
    spent = np.sum(plan.costs(state, np.zeros(2))**2, axis=-1)
    trained = np.sum((observe(state) / learning.COSTLY)**2, axis=-1)
    assert spent[0] == pytest.approx(trained[0])
    assert spent[1] > trained[1] + 1.0


def test_an_untrained_network_holds_a_leaning_pole_with_a_plan(params):
    def stands(improvements):
        decide, state = plan.planner(params, improvements), State(0.0, 0.0, np.radians(6.0), 0.2)
        for k in range(150):
            action = decide(observe(state))
            assert action in (-1.0, 1.0)
            state = step(state, action)
            if failed(state):
                return k
        return 150

    assert stands(0) < 60
    assert stands(5) == 150


def test_gymnasium_judges_plans(params, monkeypatch):
    monkeypatch.setattr(judging, "EVALUATED", range(2))
    lengths, decision = plan.plan_ahead(params, 5, quiet=True)
    assert lengths.tolist() == [500, 500]
    assert decision > 0.0
