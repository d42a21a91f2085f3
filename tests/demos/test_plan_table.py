"""`python -m demos NAME plan`: the table, and that no row is made twice."""

import json

import pytest

from demos import plan_table
from demos.__main__ import main
from demos.cartpole import learning
from demos.cartpole import plans as cartpole_plans
from demos.pendulum import plans as pendulum_plans
from demos.pendulum.learning import gymnasium_start
from demos.plan_table import Row

pytestmark = pytest.mark.demo


def test_the_table_of_cart_poles_without_plans(tmp_path, monkeypatch, capsys):
    training = learning.begin(0)
    monkeypatch.setattr(cartpole_plans, "train", lambda options: training)
    subject = cartpole_plans.SUBJECT._replace(improvements=(0,))
    demo = plan_table.demo(subject, "", "")._replace(beside={})
    monkeypatch.setattr(cartpole_plans, "DEMO", demo)
    flags = ["cartpole", "plan", "--starts", "3", "--quiet", "--out", str(tmp_path)]
    assert main(flags) == 0
    assert "cartpole, from Gymnasium's starts, 3 of them" in capsys.readouterr().out
    rows = json.loads((tmp_path / "result.json").read_text())["result"]["rows"]
    assert [row["where"] for row in rows] == [*2 * ["Gymnasium's starts"],
                                              *2 * ["leaning up to 12° and 3 rad/s"]]
    monkeypatch.setattr(plan_table, "judged", None)
    assert main(flags) == 0
    assert main([*flags, "--only", "trained"]) == 0


def test_starts_are_as_they_are_called():
    tilted = cartpole_plans.starts(5)
    assert [len(states) for states in tilted.values()] == [5, 5]
    usual, fast = pendulum_plans.starts(100).values()
    assert (len(usual), len(fast)) == (100, pendulum_plans.FAST_STARTS)
    assert usual[3] == gymnasium_start(3)
    assert max(abs(state.rate) for state in usual) <= 1.0 < max(abs(state.rate) for state in fast)


def test_goals():
    def rows(network, mean, decision):
        return [Row(network, "usual", 10, [mean], 1, decision)]

    assert pendulum_plans.reached(rows("after 30 updates", -134.9, 4.9))
    assert not pendulum_plans.reached(rows("after 30 updates", -135.1, 4.9))
    assert not pendulum_plans.reached(rows("after 30 updates", -134.9, 5.1))
    assert pendulum_plans.reached(rows("after 0 updates", -500.0, 5.1))
    assert not cartpole_plans.reached([Row("a", "b", 0, [9.0], 0, 0.1), Row("a", "b", 5, [8.0], 0, 0.1)])
