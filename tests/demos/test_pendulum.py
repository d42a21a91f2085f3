"""The pendulum demo, run as a user would but on a tiny budget; and the parts that it is made of."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import tinydp as dp
from demos import command, pendulum
from demos.__main__ import main
from tinydp.sims.pendulum import State

pytestmark = pytest.mark.demo


def _run(*options):
    return subprocess.run([sys.executable, "-W", "error", "-m", "demos", "pendulum", *options],
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Three updates, which cannot swing it up: the run, and its folder."""
    folder = tmp_path_factory.mktemp("runs") / "made" / "on the way"
    return _run("--updates", "3", "--seed", "5", "--out", str(folder)), folder


def test_too_little_training_is_an_honest_failure(tiny):
    run, _ = tiny
    assert run.returncode == 1
    assert "Not learned: a mean return of -300 was the goal." in run.stdout
    assert "3 gradients" in run.stdout
    assert "over all starts, which are harder" in run.stdout


def test_progress_is_shown(tiny):
    run, _ = tiny
    assert "training   100%" in run.stderr
    assert "evaluating 100%" in run.stderr
    assert "100/100 episodes" in run.stderr


def test_result_json(tiny):
    _, folder = tiny
    result = json.loads((folder / "result.json").read_text())
    assert result["demo"] == "pendulum"
    assert result["seed"] == 5
    assert result["command"].startswith("python -m demos pendulum --updates 3 --seed 5 --out ")
    assert set(result["versions"]) == {"python", "numpy", "tinydp", "gymnasium"}
    budget, got = result["budget"], result["result"]
    assert budget["gradient_evaluations"] == 3
    assert budget["training_steps"] == 64 * sum(pendulum.horizon(k, 3) for k in range(3))
    assert budget["validation_steps"] == 4 * 500 * 200
    assert budget["simulator_steps"] == budget["training_steps"] + budget["validation_steps"]
    assert budget["seconds"] > 0
    assert budget["seconds_evaluating"] > 0
    assert -3300 < got["worst_return"] <= got["mean_return"] < -300
    assert got["worst_return"] <= got["median_return"]
    assert got["starts"] == 100
    assert got["swung_up"] in range(100)
    assert result["reference"]["mean_return"] == -132.36
    assert result["reference"]["mean_return_everywhere"] == -139.8
    assert result["success"] is False


def test_pictures(tiny):
    _, folder = tiny
    assert sorted(path.name for path in folder.iterdir()) == [
        "pendulum.gif", "pendulum.png", "result.json", "training-5.npz"]
    with Image.open(folder / "pendulum.png") as picture:
        assert picture.width == 1800
    with Image.open(folder / "pendulum.gif") as animation:
        assert animation.n_frames > 60
        assert animation.info["duration"] == 50
        assert animation.info["loop"] == 0
    assert (folder / "pendulum.gif").stat().st_size < 1_500_000


def test_help():
    run = _run("--help")
    assert run.returncode == 0
    for flag in ("--seed", "--out", "--quiet", "--updates"):
        assert flag in run.stdout


@pytest.mark.parametrize("options", ["--speed", "--updates 0", "--updates many", "--seed -1", "--seed"])
def test_bad_usage(options, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["pendulum", *options.split()])
    assert stopped.value.code == 2
    assert "usage: python -m demos pendulum" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_bad_usage_at_once(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["pendulum", "--out", str(tmp_path / "file")])
    assert stopped.value.code == 2
    assert "--out: cannot make the folder" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(tmp_path):
    with subprocess.Popen([sys.executable, "-m", "demos", "pendulum", "--out", str(tmp_path)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        shown = b""
        while b"cost" not in shown:              # it is training
            shown += run.stderr.read(1)
        run.send_signal(signal.SIGINT)
        shown = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert b"Interrupted" in shown
    assert b"Traceback" not in shown


# ---------------------------------------------------------------------------- parts

def _options(out, *flags):
    return command.parser(pendulum.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


def test_the_same_seed_trains_the_same_bits(tmp_path):
    first, again, other = (
        pendulum.train(_options(tmp_path / str(k), "--seed", str(seed), "--updates", "2")).checks
        for k, seed in enumerate((0, 0, 1)))
    assert [c.mean_return for c in first] == [c.mean_return for c in again]
    assert first[-1].mean_return != other[-1].mean_return


def test_quiet_shows_nothing(tmp_path, capsys):
    pendulum.train(_options(tmp_path, "--updates", "1"))
    assert capsys.readouterr() == ("", "")


def test_the_gradient_through_a_window_equals_differences():
    rng = np.random.default_rng(0)
    params, direction = pendulum.new_controller(rng), pendulum.NET.init(rng)
    starts = pendulum.draw_starts(rng, 4)
    gradient = dp.grad(pendulum.loss)(params, starts, 15)
    slope = sum(np.sum(g * d) for layer in zip(gradient, direction, strict=True)
                for g, d in zip(*layer, strict=True))

    def along(t):
        return pendulum.loss(dp.ad.tree.map(lambda p, d: p + t * d, params, direction), starts, 15)

    h = 1e-6
    assert slope == pytest.approx((along(h) - along(-h)) / (2 * h), rel=1e-4)


def test_the_simulator_gives_the_return_of_gymnasium():
    """But for the float32 of its observations and actions."""
    params = pendulum.new_controller(np.random.default_rng(0))
    gymnasium = pytest.importorskip("gymnasium")
    starts = []
    with gymnasium.make("Pendulum-v1") as env:
        for seed in pendulum.EVALUATED:
            env.reset(seed=seed)
            starts.append(env.unwrapped.state)
    ours = -pendulum.cost_of_run(params, State(*np.array(starts).T), pendulum.EPISODE)
    theirs = pendulum.evaluate(params, quiet=True).returns
    assert np.median(np.abs(ours - theirs)) < 0.01


def test_windows_grow_in_the_second_half():
    lengths = [pendulum.horizon(k, 1000) for k in range(1000)]
    assert lengths[:501] == [40] * 501
    assert lengths[-1] == 66
    assert lengths == sorted(lengths)


def test_checks_are_dense_at_first():
    due = [k for k in range(1, 1001) if pendulum.checks_until(k, 1000) > pendulum.checks_until(k - 1, 1000)]
    assert due[:6] == [1, 2, 4, 7, 10, 15]
    assert due[-1] == 1000
    assert len(due) <= pendulum.CHECKS


def test_validation_starts_are_spread_evenly():
    theta, rate = pendulum.spread_starts(25, 20)
    assert theta.shape == rate.shape == (500,)
    assert np.mean(theta) == pytest.approx(0.0, abs=1e-12)
    assert np.mean(rate) == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(theta) == pytest.approx(2 * np.pi * 24 / 25)
    assert np.ptp(rate) == pytest.approx(2 * 19 / 20)
