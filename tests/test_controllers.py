"""Trained controllers, loaded from the files that the demos write."""

import subprocess
import sys

import numpy as np
import pytest

import tinydp as dp
from demos import checkpoints
from demos.cartpole.network import NET as BALANCER
from demos.pendulum.machine import NET, SIDED, new_controller
from demos.run import params_of
from demos.swingup import machine as swingup
from demos.trebuchet import machine as trebuchet
from tinydp.ad.errors import UsageError

RNG = np.random.default_rng(0)
KEPT = {
    "cartpole": {"params": BALANCER.init(RNG)},
    "pendulum": {"params": new_controller(RNG, NET)},
    "trebuchet": {"params": trebuchet.new_controller(RNG)},
    "swingup": {"after": {"params": swingup.new_controller(RNG)}},
}
SEEN = {"cartpole": 4, "pendulum": 3, "trebuchet": 3, "swingup": 5}


@pytest.mark.parametrize("demo", KEPT)
def test_it_acts_as_its_environment_takes_it(demo, tmp_path):
    checkpoints.save(tmp_path / "controller-3.npz", KEPT[demo], demo, {"seed": 3})
    controller = dp.controllers.load(tmp_path / "controller-3.npz")
    assert repr(controller) == f"<the controller of the demo {demo}, seed 3>"
    seen = np.random.default_rng(1).normal(size=(5, SEEN[demo]))
    many, state = controller.predict(seen, state="kept", deterministic=True)
    assert state == "kept"
    for row, action in zip(seen, many, strict=True):
        alone, _ = controller.predict(row)
        assert np.shape(alone) == {"cartpole": (), "trebuchet": (2,)}.get(demo, (1,))
        np.testing.assert_allclose(alone, action, rtol=1e-5)


def test_a_controller_that_is_told_a_side_loads_as_well(tmp_path):
    checkpoints.save(tmp_path / "c.npz", {"params": new_controller(RNG, SIDED)}, "pendulum", {"seed": 0})
    assert dp.controllers.load(tmp_path / "c.npz").predict(np.array([1.0, 0.0, 0.0]))[0].shape == (1,)


def test_a_file_of_a_sweep_loads_and_what_is_written_is_its_parameters_alone(tmp_path):
    kept = KEPT["cartpole"] | {"lengths": np.zeros(100)}
    checkpoints.save(tmp_path / "seed-0.npz", kept, "cartpole", {"seed": 0})
    assert dp.controllers.load(tmp_path / "seed-0.npz").predict(np.zeros(4))[0] in (0, 1)
    assert params_of(kept) == KEPT["cartpole"]
    assert params_of({"after": kept}) == {"after": KEPT["cartpole"]}


@pytest.mark.parametrize(("demo", "kept", "message"), [
    ("cartpole world", {"after": {"params": []}}, "whose controller has a memory or none"),
    ("gradient", {"params": []}, "whose controller has a memory or none"),
    ("nothing", {"params": []}, "there is no demo named 'nothing'"),
    ("cartpole", {"x": 1.0}, "holds no controller"),
])
def test_a_file_without_a_controller_says_so(demo, kept, message, tmp_path):
    checkpoints.save(tmp_path / "c.npz", kept, demo, {"seed": 0})
    with pytest.raises(UsageError, match=message):
        dp.controllers.load(tmp_path / "c.npz")


def test_a_damaged_file_says_so(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK")
    with pytest.raises(UsageError, match="damaged"):
        dp.controllers.load(tmp_path / "c.npz")


def test_to_import_tinydp_imports_no_demo():
    program = "import sys, tinydp; assert not [n for n in sys.modules if 'demos' in n or n == 'gymnasium']"
    subprocess.run([sys.executable, "-c", program], check=True)
