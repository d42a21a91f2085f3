"""The learner of an unknown trebuchet touches nothing but `reset` and `step`, and its numbers are right."""

import ast
from pathlib import Path

import numpy as np
import pytest

from demos.trebuchet import learner
from demos.trebuchet.learner import (
    LOWEST,
    NOISE,
    NOMINAL,
    PRIOR,
    Belief,
    Shot,
    Simulator,
    Tasks,
    choose,
    first,
    landing,
    learn,
    machine,
    refine,
    scaled,
    surest,
)
from demos.trebuchet.machine import settle
from tinydp.sims import worlds
from tinydp.sims.trebuchet import shoot

pytestmark = pytest.mark.demo
REAL = scaled(1.5, 1.1, -1.0, 3.0)


class Handle:
    """A world of which nothing but `reset` and `step` can be touched."""

    def __init__(self, world):
        self.__world, self.shots = world, 0

    def __getattribute__(self, name):
        if name not in ("reset", "step", "_Handle__world", "shots"):
            raise AssertionError(f"the learner looked at {name}")
        return super().__getattribute__(name)

    def reset(self, seed=None):
        return self.__world.reset(seed=seed)

    def step(self, action):
        self.shots += 1
        return self.__world.step(action)


class Cannon:
    """Other physics altogether: in a vacuum, and stronger the heavier the weight."""

    longest = 1
    action_space, observation_space = (getattr(worlds.make("trebuchet"), name)
                                       for name in ("action_space", "observation_space"))

    def start(self, rng):
        self.wind, self.target, self.landing, self.noise = rng.normal(), 50.0, 0.0, np.zeros(3)

    def step(self, action):
        angle, weight = action
        self.landing = weight / 3 * np.sin(2 * np.radians(angle)) + self.wind
        return True

    def sense(self):
        return np.array([self.wind, self.target, self.landing])

    def show(self, sensed):
        return sensed

    def reward(self, before, action, after):
        return 0.0


def _practice(n, noise, unknown=REAL):
    """Shots as the simulator with these numbers has them."""
    rng = np.random.default_rng(0)
    shots = []
    for _ in range(n):
        aim, vane = rng.uniform(-2, 2, 2), float(rng.normal(0, 5))
        shots.append(Shot(aim, vane, landing(unknown, aim, vane) + noise * rng.normal()))
    return shots


# ---------------------------------------------------------------------------- it cannot look inside

def test_a_world_is_reset_and_step_and_nothing_else():
    handle = Handle(worlds.make("trebuchet", seed=1))
    steps = learn(handle, 3, seed=1)
    assert handle.shots == len(steps) == 3


def test_it_learns_in_a_world_of_other_physics():
    steps = learn(worlds.World(Cannon()), 2, seed=0)
    for step in steps:
        angle, weight = settle(step.shot.aim)
        flown = weight / 3 * np.sin(2 * np.radians(angle))
        assert step.shot.distance == pytest.approx(flown + step.shot.vane)


def test_its_file_knows_no_world():
    tree = ast.parse(Path(learner.__file__).read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
             for alias in node.names]
    touched = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
               and isinstance(node.value, ast.Name) and node.value.id == "world"}
    assert not [name for name in modules + names if "world" in name]
    assert touched == {"reset", "step"}


# ---------------------------------------------------------------------------- the unknown

def test_numbers_and_the_machine_they_mean():
    assert machine(scaled(1.7, 1.12, 1.5, 2.0)) == pytest.approx((1.7, 1.12, 1.5, 2.0))
    assert machine(NOMINAL) == (1.0, 1.0, 0.0, 0.0)
    assert machine(LOWEST).friction == 0.0


def test_the_nominal_landing_is_the_simulators():
    aim = np.array([0.3, -0.5])
    assert landing(NOMINAL, aim, -2.0) == pytest.approx(shoot(-2.0, *map(float, settle(aim))), abs=1e-3)


def test_slopes_equal_differences():
    aim, h = np.array([0.3, -0.5]), 1e-4
    _, by_unknown, by_aim = Simulator().slopes(REAL, aim, 3.0)
    for slopes, at in ((by_unknown, lambda d: landing(REAL + d, aim, 3.0)),
                       (by_aim, lambda d: landing(REAL, aim + d, 3.0))):
        found = [(at(h * row) - at(-h * row)) / (2 * h) for row in np.eye(len(slopes))]
        np.testing.assert_allclose(slopes, found, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------- the fit

def test_without_noise_the_truth_is_found_as_far_as_shots_tell():
    belief = refine(Simulator(), _practice(30, 0.0), PRIOR)
    scores = np.abs(belief.unknown - REAL) / np.sqrt(np.diag(belief.covariance))
    assert np.max(scores) < 1.0
    for shot in _practice(40, 0.0)[30:]:
        assert landing(belief.unknown, shot.aim, shot.vane) == pytest.approx(shot.distance, abs=0.05)


def test_no_shot_leaves_the_prior():
    belief = refine(Simulator(), [], PRIOR)
    np.testing.assert_allclose(belief.unknown, PRIOR, atol=1e-6)
    np.testing.assert_allclose(belief.covariance, np.eye(4))


def test_the_covariance_is_that_of_least_squares():
    shots = _practice(12, NOISE)
    belief = refine(Simulator(), shots, PRIOR)
    rows = np.array([Simulator().slopes(belief.unknown, shot.aim, shot.vane)[1] for shot in shots])
    precision = rows.T @ rows / NOISE**2 + np.eye(4)
    np.testing.assert_allclose(np.linalg.inv(belief.covariance), precision, rtol=1e-6)
    assert belief.spread(rows[0]) == pytest.approx(np.sqrt(rows[0] @ belief.covariance @ rows[0]))


def test_friction_never_drives():
    belief = refine(Simulator(), _practice(8, NOISE, NOMINAL), PRIOR)
    assert machine(belief.unknown).friction >= 0.0


# ---------------------------------------------------------------------------- aims and choices

@pytest.mark.parametrize(("vane", "target"), [(-4.0, 45.0), (5.0, 80.0), (0.0, 30.0)])
def test_the_surest_aim_hits_and_is_surer(vane, target):
    belief = refine(Simulator(), _practice(5, NOISE), PRIOR)
    sure, any_ = (how(Simulator(), belief, vane, target) for how in (surest, first))
    for aim in (sure, any_):
        assert aim.landing == pytest.approx(target, abs=2e-3)
        assert landing(belief.unknown, aim.raw, vane) == pytest.approx(aim.landing, abs=1e-9)
    assert sure.spread <= any_.spread + 1e-3


def test_a_target_out_of_reach_gets_the_nearest_landing():
    belief = Belief(REAL, np.eye(4))
    aim = surest(Simulator(), belief, -5.0, 100.0)
    landings = [landing(REAL, np.array(one), -5.0) for one in learner.SCAN]
    assert max(landings) <= aim.landing < max(landings) + 2.0


def test_a_chosen_shot_is_worth_more_than_one_at_random():
    rng, simulator = np.random.default_rng(1), Simulator()
    belief = Belief(REAL, np.eye(4))
    tasks = Tasks(rng)
    slopes = tasks.slopes(simulator, REAL)

    def spreads_after(aim):
        _, j, _ = simulator.slopes(REAL, aim, 2.0)
        after = np.linalg.inv(np.eye(4) + np.outer(j, j) / NOISE**2)
        return np.sum(np.sqrt(np.sum(slopes @ after * slopes, axis=1)))

    chosen = choose(simulator, belief, tasks, 2.0)
    others = [spreads_after(rng.uniform(-3, 3, 2)) for _ in range(10)]
    assert spreads_after(chosen) < np.median(others)


def test_a_simulator_counts():
    simulator = Simulator()
    simulator.land(PRIOR, np.zeros(2), 0.0)
    simulator.slopes(PRIOR, np.zeros(2), 0.0)
    simulator.slopes(PRIOR, np.zeros(2), 0.0)
    assert (simulator.shots, simulator.gradients) == (1, 2)
