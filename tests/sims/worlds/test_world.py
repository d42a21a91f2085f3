"""A world shows what Gymnasium's environments show, counts its steps, and keeps the truth to itself."""

import ast
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tinydp.sims import worlds
from tinydp.sims.worlds import MACHINES, evaluate, make, reveal

FOLDER = Path(worlds.__file__).parent


def _run(world, seed, steps):
    """All that a run of random actions showed, to the bit."""
    rng, shown = np.random.default_rng(5), []
    observation, _ = world.reset(seed=seed)
    shown.append(observation)
    for _ in range(steps):
        world.action_space.seed(int(rng.integers(1000)))
        observation, reward, terminated, truncated, info = world.step(world.action_space.sample())
        assert info == {}
        shown += [observation, reward]
        if terminated or truncated:
            shown.append(world.reset()[0])
    return [np.asarray(x).tobytes() for x in shown]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.filterwarnings("ignore:.*A Box observation space m(in|ax)imum value is")     # as for CartPole
@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric and normalized space")
def test_gymnasiums_checker_has_nothing_to_say(name):
    check_env(make(name, seed=0), skip_render_check=True)


@pytest.mark.parametrize("name", MACHINES)
def test_a_seed_gives_a_world_and_a_seed_of_reset_an_episode(name):
    assert _run(make(name, seed=1), seed=2, steps=5) == _run(make(name, seed=1), seed=2, steps=5)
    assert _run(make(name, seed=1), seed=2, steps=5) != _run(make(name, seed=3), seed=2, steps=5)
    assert _run(make(name, seed=1), seed=2, steps=5) != _run(make(name, seed=1), seed=4, steps=5)


@pytest.mark.parametrize("name", MACHINES)
def test_every_real_step_is_counted_and_none_of_the_judges(name):
    world = make(name, seed=0)
    _run(world, seed=0, steps=7)
    assert world.real_steps == 7
    found = evaluate(world, lambda _: world.action_space.sample(), episodes=2)
    assert world.real_steps == 7
    assert found.steps == found.lengths.sum() >= 2
    with pytest.raises(AttributeError):
        world.real_steps = 0


@pytest.mark.parametrize("name", MACHINES)
def test_judging_leaves_the_running_episode_alone(name):
    alone, judged = make(name, seed=0), make(name, seed=0)
    alone.reset(seed=1)
    judged.reset(seed=1)
    evaluate(judged, lambda _: judged.action_space.low if name != "cartpole" else 0, episodes=2, seed=9)
    action = alone.action_space.sample()
    for one, other in zip(alone.step(action), judged.step(action), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", MACHINES)
def test_the_truth_is_not_among_what_a_learner_sees(name):
    world = make(name, seed=0)
    of_any_environment = set(dir(gymnasium.Env)) | {"action_space", "observation_space"}
    seen = {name for name in set(dir(world)) - of_any_environment if not name.startswith("_")}
    assert seen == {"real_steps"}
    assert world.unwrapped is world
    assert world.reset(seed=0)[1] == {}
    assert reveal(world) == MACHINES[name][2](np.random.default_rng([worlds.STREAM, 0]))


def test_a_step_needs_an_episode():
    world = make("trebuchet")
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset before step"):
        world.step(np.array([45.0, 200.0]))
    world.reset(seed=0)
    world.step(np.array([45.0, 200.0]))
    with pytest.raises(gymnasium.error.ResetNeeded):
        world.step(np.array([45.0, 200.0]))


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        make("catapult")
    with pytest.raises(ValueError, match="unexpected field"):
        make("trebuchet", seed=0, colour=1)


@pytest.mark.parametrize("name", MACHINES)
def test_draws_lie_in_their_ranges_and_differ(name):
    truths = [MACHINES[name][2](np.random.default_rng(seed)) for seed in range(100)]
    ranges = {
        "pendulum": [(0.7, 1.5), (0.8, 1.25), (0.8, 1.2), (0, 0.2), (0, 0.3), (0.01, 0.01), (0.05, 0.05),
                     (0, 0), (0, 0)],                # cogging and rubbing, which no seed draws
        "cartpole": [(0.6, 1.5), (0.5, 2), (0.7, 1.4), (0.8, 1.2), (0, 1), (1, 1), (1, 1)],
        "swingup": [(0.6, 1.5), (0.5, 2), (0.7, 1.4), (0.8, 1.2), (0, 1), (0, 0.01), (1, 1)],
        "trebuchet": [(0.5, 2), (0.8, 1.25), (0, 4), (-2, 2), (0.2, 0.2)],
    }[name]
    for field, (low, high) in zip(np.array(truths).T, ranges, strict=True):
        assert low <= field.min() <= field.max() <= high
        assert np.ptp(field) >= 0.9 * (high - low)


def test_a_controller_with_memory_is_told_of_each_episode():
    class Counting:
        begun = 0

        def begin(self):
            self.begun += 1

        def __call__(self, observation):
            return 0

    controller = Counting()
    evaluate(make("cartpole"), controller, episodes=3)
    assert controller.begun == 3


# ---------------------------------------------------------------------------- the world is not the simulator

@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_physics_are_shared_with_no_simulator(file):
    """Worlds import from each other, and from other packages, but nothing of tinydp's."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1 or node.module == "ad.notebook"           # shows results, computes none
            assert not (node.module or "").startswith("tinydp")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("tinydp") for alias in node.names)


def test_without_gymnasium_it_is_said_what_to_install():
    program = ("import importlib.util; importlib.util.find_spec = lambda name: None\n"
               "import tinydp.sims.worlds")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("pip install 'tinydp[gym]'")


def test_simulators_stay_light():
    program = "import sys, tinydp.sims; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"gymnasium", "scipy", "tinydp.sims.worlds"} & set(done.stdout.split())
