"""The learner: what it touches of a world, when it does what, and that nothing is lost by an interrupt."""

import numpy as np
import pytest

from demos.cartpole import world as cartpole
from demos.checkpoints import load, save
from demos.pendulum import world as pendulum
from demos.worlds.belief import prior
from demos.worlds.learner import KINDS, Learner, Pilot, Recipe, Refined, done_again
from demos.worlds.network import Bent
from tinydp.ad import tree
from tinydp.nn import Layer
from tinydp.sims import worlds

SMALL = cartpole.RECIPE._replace(steps=40, before=25, meanwhile=1)


def _world():
    return worlds.make("cartpole", 3)


def _hesitant(params, seen, past):
    """Pushes late: the pole falls."""
    return np.where(seen[:, 2] > 0.15, 1.0, -1.0)


class Handle:
    """What a learner may touch of a world, and not more."""

    def __init__(self, world):
        self.reset, self.step = world.reset, world.step


@pytest.fixture(scope="module")
def learner():
    return Learner(cartpole.TASK._replace(recipe=SMALL, decide=_hesitant))


def _run(learner, world, until=SMALL.steps):
    learning = learner.begin(3)
    while learning.steps < until:
        learning = learner.advance(learning, world, 3)
    return learning


@pytest.fixture(scope="module")
def whole(learner):
    """A run whose pole falls now and then."""
    return _run(learner, Handle(_world()))


def test_it_sees_a_world_by_reset_and_step_alone(whole):
    assert whole.steps == SMALL.steps
    assert all(record.seen.shape == (len(record.actions) + 1, 4) for record in whole.records)
    assert set(np.concatenate([record.actions for record in whole.records])) <= {-1.0, 1.0}


def test_falls_begin_a_new_episode_and_steps_count_on(learner, whole):
    assert len(whole.records) > 1
    world = _world()
    done_again(learner.task, whole, world, 3)
    assert world.real_steps == SMALL.steps


def test_updates_and_refinements_are_as_the_recipe_says(whole):
    assert whole.training.count == SMALL.updates == 25 + 40
    assert [refined.steps for refined in whole.beliefs] == [0, 10, 20, 30, 40]
    assert all(seconds > 0.0 for on, seconds in whole.seconds.items() if on != "wall")
    different = tree.flatten(whole.nominal)[0][0] != tree.flatten(whole.training.average)[0][0]
    assert np.all(different)


def test_the_controller_that_drives_remembers_its_actions(whole):
    last = whole.records[-1].actions[::-1][:2]
    assert whole.past[: len(last)].tolist() == last.tolist()


def test_an_interrupted_run_goes_on_to_the_same_bits(learner, whole, tmp_path):
    half = _run(learner, _world(), until=17)
    save(tmp_path / "half.npz", half, "cartpole", {})
    learning, world = load(tmp_path / "half.npz", "cartpole", {}, KINDS), _world()
    done_again(learner.task, learning, world, 3)
    while not learner.over(learning):
        learning = learner.advance(learning, world, 3)
    for found, expected in ((learning.training.average, whole.training.average),
                            (learning.records, whole.records), (learning.beliefs, whole.beliefs)):
        pairs = zip(tree.flatten(found)[0], tree.flatten(expected)[0], strict=True)
        assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


# ---------------------------------------------------------------------------- exams


def _training(learner, cost, count, best=None):
    """A training whose controller costs so much, in a world of `_examiner`."""
    params = [Layer(np.full((1, 1), cost), np.zeros(1))]
    return learner.begin(0).training._replace(params=params, average=params, count=count, best=best)


@pytest.fixture
def examiner(monkeypatch):
    """A learner whose simulator charges a controller its first weight, times `physics`."""
    learner = Learner(pendulum.TASK)
    monkeypatch.setattr(learner, "cost", lambda params, starts, weights, physics:
                        physics * params[0].weight[0, 0])
    return learner


def test_the_best_drives_and_a_little_worse_goes_on(examiner):
    best = _training(examiner, 100.0, 60)
    after = examiner.examine(_training(examiner, 104.0, 120, best), 1.0)
    assert after.controller == best.average
    assert (after.params[0].weight[0, 0], after.count, after.undone) == (104.0, 120, 0)
    better = examiner.examine(_training(examiner, 99.0, 120, best), 1.0)
    assert better.controller == better.average
    assert better.best.count == 120


def test_updates_that_make_it_clearly_worse_are_undone(examiner):
    best = _training(examiner, 100.0, 60)
    worse = _training(examiner, 106.0, 120, best)
    for bad in (worse, _training(examiner, np.nan, 120, best)):
        after = examiner.examine(bad, 1.0)
        assert after.params == best.params
        assert after.controller == best.average
        assert (after.count, after.undone, after.examined) == (120, 1, 2 * pendulum.EXAM.steps)
        assert after.rng is bad.rng                      # not the same windows again
    assert after.best.best is None                       # nothing grows


def test_the_nominal_controller_is_never_worse_unseen(examiner):
    nominal = _training(examiner, 90.0, 0).params
    after = examiner.examine(_training(examiner, 100.0, 120, _training(examiner, 95.0, 60)), 1.0, nominal)
    assert after.controller == nominal
    assert after.params == nominal                       # 100 is clearly worse
    assert after.examined == 3 * pendulum.EXAM.steps


def test_a_run_is_never_worse_than_what_it_began_with_by_its_own_exam():
    """Steps that are much too long ruin every controller; that with which the episode began is kept."""
    recipe = pendulum.RECIPE._replace(steps=20, before=4, meanwhile=1, windows=4, horizon=(2, 2), examined=3,
                                      rate=(30.0, 30.0))
    learner, world = Learner(pendulum.TASK._replace(recipe=recipe)), worlds.make("pendulum", 3)
    learning = learner.begin(3)
    while not learner.over(learning):
        learning = learner.advance(learning, world, 3)
    physics, exam = learner.task.trained_in(learning.beliefs), learner.task.exam
    ends, begins, latest = (float(learner.cost(params, exam.starts, exam.weights, physics)) for params in (
        learning.training.controller, learning.nominal, learning.training.average))
    assert ends <= min(begins, latest)
    assert learning.training.undone > 0


def test_without_an_exam_the_latest_drives(whole):
    assert whole.training.best is None
    assert whole.training.controller is whole.training.average
    assert whole.training.examined == 0


def test_horizons_grow_from_half_time_on():
    recipe = Recipe(10, 10, 9, 1, 1, (40, 60), (1.0, 1.0), 1.0)
    assert [recipe.counted(k) for k in (0, 50, 75, 100)] == [40, 40, 50, 60]


def test_a_pilot_is_a_controller_for_a_judge():
    pilot = Pilot(cartpole.TASK, cartpole.NET.init(np.random.default_rng(0)))
    actions = [pilot(np.array([0.0, 0.0, 0.1, 0.0], np.float32)) for _ in range(3)]
    assert set(actions) <= {0, 1}
    assert pilot.past.tolist() == [2.0 * action - 1 for action in actions[:0:-1]]
    pilot.begin()
    assert pilot.past.tolist() == [0.0, 0.0]


def _guesses(*surprises):
    return [Refined(10 * k, prior(pendulum.MODEL), prior(pendulum.RICHER), surprise)
            for k, surprise in enumerate(surprises)]


def test_the_network_takes_part_once_it_foretold_more():
    worse, better = _guesses((), *5 * [(1.0, 1.1)]), _guesses((), (1.0, 9.0), *5 * [(2.0, 1.5)])
    assert not isinstance(pendulum.TASK.trained_in(worse).params, Bent)
    assert not isinstance(pendulum.TASK.trained_in(better[:5]).params, Bent)          # too early
    assert isinstance(pendulum.TASK.trained_in(better).params, Bent)


def test_both_models_are_refined_and_judged_by_what_they_had_not_seen():
    recipe = pendulum.RECIPE._replace(steps=20, before=1, meanwhile=1, windows=4, horizon=(2, 2))
    learner = Learner(pendulum.TASK._replace(recipe=recipe))
    learning, world = learner.begin(3), worlds.make("pendulum", 3, cogging=0.8)
    while not learner.over(learning):
        before, learning = learning, learner.advance(learning, world, 3)
    last = learning.beliefs[-1]
    assert [len(belief.z) for belief in last.believed] == [pendulum.MODEL.size, pendulum.RICHER.size]
    guessed = before.beliefs[-1].believed
    assert last.surprise == tuple(
        refinery.surprise(belief, learning.records[-1], 10)
        for refinery, belief in zip(learner.refineries, guessed, strict=True))
