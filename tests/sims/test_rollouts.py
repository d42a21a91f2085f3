"""Many runs at once give what each gives alone."""

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import LoopError
from tinydp.nn import MLP
from tinydp.sims.pendulum import State, cost, observe, step
from tinydp.sims.rollouts import rollouts

NET = MLP((3, 8, 1))
PARAMS = NET.init(np.random.default_rng(0))


def total_cost(start, params, steps):
    def move(carry, _):
        state, total = carry
        torque = 2.0 * np.tanh(NET(params, observe(state))[..., 0])
        return (step(state, torque), total + cost(state, torque)), state.theta
    (_, total), angles = dp.scan(move, (start, 0.0 * start.theta), length=steps)
    return {"total": total, "last": angles[-1]}


def starts(n):
    rng = np.random.default_rng(1)
    return State(rng.uniform(-3, 3, n), rng.uniform(-1, 1, n))


@pytest.mark.parametrize(("block", "n"), [(None, 7), (4, 7), (4, 8), (None, 64), (None, 70)])
def test_each_run_is_as_if_alone(block, n):
    given = starts(n)
    found = rollouts(total_cost, static=("steps",), block=block)(given, PARAMS, 20)
    for k in range(n):
        alone = total_cost(State(given.theta[k], given.rate[k]), PARAMS, 20)
        np.testing.assert_allclose(found["total"][k], alone["total"], rtol=1e-12)
        np.testing.assert_allclose(found["last"][k], alone["last"], rtol=1e-12)


def test_the_parameters_may_change_between_calls():
    run = rollouts(total_cost, static=("steps",))
    other = NET.init(np.random.default_rng(5))
    first, second = run(starts(3), PARAMS, 5), run(starts(3), other, 5)
    assert not np.allclose(first["total"], second["total"])
    np.testing.assert_array_equal(run(starts(3), PARAMS, 5)["total"], first["total"])


@pytest.mark.parametrize("bad", [
    State(np.zeros(3), np.zeros(4)), State(0.0, 0.0), State(np.zeros(0), np.zeros(0))])
def test_starts_that_do_not_fit_are_refused(bad):
    with pytest.raises(LoopError, match="one row a start"):
        rollouts(total_cost, static=("steps",))(bad, PARAMS, 5)


def test_a_block_needs_a_result_for_each_start():
    with pytest.raises(LoopError, match="leave block out"):
        rollouts(lambda start: np.sum(start), block=2)(np.arange(4.0))


def test_runs_that_take_other_branches():
    bent = lambda x, k: (k * x if x > 0 else x ** 2)
    given = np.array([1.0, -2.0, 3.0, -4.0, 0.5])
    assert rollouts(bent)(given, 3.0).tolist() == [bent(x, 3.0) for x in given]


def test_branches_may_name_their_results_in_another_order():
    bent = lambda x: {"a": x, "b": 2.0 * x} if x > 0 else {"b": 3.0 * x, "a": x}
    found = rollouts(bent)(np.array([1.0, -2.0, 3.0]))
    assert {name: x.tolist() for name, x in found.items()} == {"a": [1.0, -2.0, 3.0], "b": [2.0, -6.0, 6.0]}


@pytest.mark.parametrize("other", [lambda x: (1.0, x), lambda x: x[:1], lambda x: {"x": x, "y": 1.0}])
def test_branches_of_unlike_results_are_refused(other):
    run = rollouts(lambda x: x if x[0] > 0.0 else other(x))
    with pytest.raises(LoopError, match="return the same from every branch"):
        run(np.array([[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0]]))


def test_many_runs_that_take_other_branches():
    bent = lambda x, k: (k * x if x > 0 else x ** 2)
    given = np.linspace(-1.0, 2.0, 100)
    assert rollouts(bent)(given, 3.0).tolist() == [bent(x, 3.0) for x in given.tolist()]


def test_many_runs_share_one_program_whatever_their_number():
    run = rollouts(total_cost, static=("steps",))
    whole = run(starts(200), PARAMS, 20)
    (over,) = run.maps.values()
    programs = dict(over.made.programs)
    given = starts(200)
    for n in (64, 65, 131):
        found = run(State(given.theta[:n], given.rate[:n]), PARAMS, 20)
        np.testing.assert_array_equal(found["total"], whole["total"][:n])
    assert over.made.programs == programs


def test_a_run_that_raises_raises():
    inverse = rollouts(lambda x: 1.0 / x)
    with pytest.raises(ZeroDivisionError):
        inverse(np.where(np.arange(100) == 70, 0.0, 1.0))
