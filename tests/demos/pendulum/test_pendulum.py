"""The pendulum demo, run as a user would but on a tiny budget; and the parts that it is made of."""

import json
import signal
import subprocess
import sys
import time

import gymnasium
import numpy as np
import pytest
from PIL import Image

import tinydp as dp
from demos import command, pendulum, style
from demos.__main__ import main
from demos.checkpoints import Keeper
from demos.pendulum import drawing, evaluation, learning, machine, maps, moving, outcome
from demos.schedule import checks_until
from tinydp.ad import tree
from tinydp.sims.pendulum import State, observe, step

pytestmark = pytest.mark.demo


def _run(*options):
    return subprocess.run([sys.executable, "-W", "error", "-m", "demos", "pendulum", *options],
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=["episode", "batch"])
def tiny(request, tmp_path_factory):
    """Three updates, which cannot swing it up: the mode, the run, and its folder.

    The whole show in episode mode, which draws all that the other mode draws and more.
    """
    folder = tmp_path_factory.mktemp("runs") / "made" / "on the way"
    flags = ["--mode", request.param, "--updates", "3", "--seed", "5", "--starts", "50", "--out", str(folder)]
    if request.param == "batch":
        flags.append("train")
    return request.param, _run(*flags), folder


def _variant(mode):
    """What is before the names of files that the other mode would overwrite."""
    return "batch-" if mode == "batch" else ""


def test_too_little_training_is_an_honest_failure(tiny):
    mode, run, _ = tiny
    assert run.returncode == 1, run.stderr
    assert f"Not learned: a mean return of {machine.RECIPES[mode].goal:.0f} was the goal" in run.stdout
    assert "3 gradients" in run.stdout
    assert "All starts, 50 of them drawn and run as Gymnasium does:" in run.stdout
    assert "left hanging or turning" in run.stdout
    assert ("the only one it learned from, 200 steps" in run.stdout) is (mode == "episode")


def test_progress_is_shown(tiny):
    _, run, _ = tiny
    assert "training   100%" in run.stderr
    assert "evaluating 100%" in run.stderr
    assert "100/100 episodes" in run.stderr


def test_result_json(tiny):
    mode, _, folder = tiny
    result = json.loads((folder / f"{_variant(mode)}result.json").read_text())
    assert result["demo"] == "pendulum"
    assert result["seed"] == result["settings"]["seed"] == 5
    assert result["settings"]["mode"] == mode
    assert result["command"].startswith(f"python -m demos pendulum --mode {mode} --updates 3 --seed 5 "
                                        "--starts 50 --out ")
    assert set(result["versions"]) == {"python", "numpy", "tinydp", "gymnasium"}
    budget, got = result["budget"], result["result"]
    how = machine.RECIPES[mode]._replace(updates=3)
    assert budget["gradient_evaluations"] == 3
    assert budget["training_steps"] == how.windows * 3 * how.horizon[-1]
    assert budget["validation_steps"] == 4 * (240 if mode == "episode" else 2 * 240 + 64) * 200
    assert budget["evaluation_steps"] == (100 + 50) * 200
    if mode == "episode":
        assert budget["episodes"] == 1
        assert budget["choosing_steps"] == 4 * 20 * 200
        assert budget["simulator_steps"] == budget["training_steps"] + 200 + budget["choosing_steps"]
        assert -3300 < got["return_of_the_training_episode"] < 0
        assert got["chosen_update"] in range(4)
    else:
        assert budget["simulator_steps"] == budget["training_steps"] + budget["validation_steps"]
        assert got["return_of_the_training_episode"] is None
    assert budget["seconds"] > 0
    assert budget["seconds_evaluating"] > 0
    assert -3300 < got["worst_return"] <= got["mean_return"] < -300
    assert got["worst_return"] <= got["median_return"]
    assert got["starts"] == 100
    assert got["starts_everywhere"] == 50
    assert -3300 < got["worst_return_everywhere"] <= got["mean_return_everywhere"] < -300
    assert 0 < got["not_upright_everywhere"] <= 50
    assert got["improvements_a_decision"] == 0
    assert got["swung_up"] in range(100)
    assert "one episode" in result["claim"]
    assert result["reference"]["mean_return"] == -132.36
    assert result["reference"]["mean_return_everywhere"] == -137.2
    assert result["success"] is False


def test_pictures(tiny):
    mode, _, folder = tiny
    pictures, animations = ["episode.png", "episode-maps.png"], ["episode.gif", "episode-live.gif"]
    if mode == "batch":
        pictures, animations = [], []            # it was asked to train alone
    assert sorted(path.name for path in folder.iterdir()) == sorted([
        f"{mode}-5.npz", f"outcome-{_variant(mode)}5.npz", f"controller-{_variant(mode)}5.npz",
        f"{_variant(mode)}result.json", *pictures, *animations])
    for name in pictures:
        with Image.open(folder / name) as picture:
            assert picture.width == 1800
    for name in animations:
        with Image.open(folder / name) as animation:
            assert animation.n_frames > 60
            assert animation.info["duration"] == 50
            assert animation.info["loop"] == 0
        assert (folder / name).stat().st_size < 1_500_000


def test_help():
    run = _run("--help")
    assert run.returncode == 0
    for flag in ("--seed", "--out", "--quiet", "--fresh", "--mode", "--updates", "--plan",
                 "--after", "--starts"):
        assert flag in run.stdout


@pytest.mark.parametrize(
    "options", ["--speed", "--mode fast", "--updates 0", "--updates many", "--plan -1", "--starts 0",
                "--seed -1", "--seed", "sleep"])
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
    assert "--out: cannot write to the folder" in capsys.readouterr().err


@pytest.fixture
def not_ignored():
    """A script's background jobs ignore interrupts, and so would all that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("not_ignored")
def test_an_interrupt_ends_with_130(tmp_path):
    with subprocess.Popen([sys.executable, "-m", "demos", "pendulum", "--out", str(tmp_path)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        shown = b""
        while b"cost" not in shown:              # it is training
            shown += run.stderr.read(1)
        run.send_signal(signal.SIGINT)
        shown = run.communicate(timeout=60)[1]
    assert run.returncode == 130, shown.decode()
    assert b"Interrupted" in shown
    assert b"Traceback" not in shown


# ---------------------------------------------------------------------------- parts

def _options(out, *flags):
    return command.parser(pendulum.DEMO).parse_args(["train", "--out", str(out), "--quiet", *flags])


@pytest.mark.parametrize("mode", ["episode", "batch"])
def test_the_same_seed_trains_the_same_bits(tmp_path, mode):
    first, again, other = (
        learning.train(_options(tmp_path / str(k), "--mode", mode, "--seed", seed, "--updates", "2")).checks
        for k, seed in enumerate("001"))
    assert [c.mean_return for c in first] == [c.mean_return for c in again]
    assert first[-1].mean_return != other[-1].mean_return


@pytest.mark.parametrize("mode", ["episode", "batch"])
def test_a_training_that_is_killed_goes_on_to_the_same_bits(tmp_path, mode):
    """Kill -9 in the middle, go on, and compare with a training that was left alone."""
    flags = ["--mode", mode, "--updates", "20"]
    alone = learning.train(_options(tmp_path / "alone", *flags))
    killed = tmp_path / "killed"
    file = killed / f"{mode}-0.npz"
    program = ("import sys; from demos import __main__, checkpoints; checkpoints.EVERY = 0.0;"
               "__main__.main(sys.argv[1:])")
    with subprocess.Popen([sys.executable, "-c", program, "pendulum", "train", *flags, "--out", str(killed)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        while not file.exists():
            assert run.poll() is None
            time.sleep(0.001)
        run.kill()
    keeper = Keeper(file, "pendulum", learning.settings(_options(killed, *flags)), learning.KINDS)
    assert 0 < keeper.load().update < 20
    resumed = learning.train(_options(killed, *flags))
    for (place, a), (_, b) in zip(tree.leaves(alone), tree.leaves(resumed), strict=True):
        if place == ".rng":
            assert a.bit_generator.state == b.bit_generator.state
        elif not place.startswith(".seconds"):
            assert np.array_equal(a, b), place


def test_a_training_of_other_settings_is_refused(tmp_path, capsys):
    flags = ["--quiet", "--starts", "9", "--out", str(tmp_path)]
    assert main(["pendulum", "train", "--updates", "2", *flags]) == 1
    with pytest.raises(SystemExit) as stopped:
        main(["pendulum", "train", "--updates", "3", *flags])
    assert stopped.value.code == 2
    assert "was made with recipe = " in capsys.readouterr().err
    assert main(["pendulum", "train", "--updates", "3", "--fresh", *flags]) == 1


def test_windows_start_where_the_episode_has_been_and_nowhere_else(tmp_path, monkeypatch):
    seen = []
    gradient = machine.gradient_of_loss

    def spy(params, starts, pushes, weights):
        seen.append(starts)
        return gradient(params, starts, pushes, weights)

    monkeypatch.setattr(learning, "gradient_of_loss", spy)
    training = learning.train(_options(tmp_path, "--updates", "8"))
    states = list(zip(training.episode.theta, training.episode.rate, strict=True))
    assert len(states) == machine.EPISODE
    compiling, *windows = seen                   # nothing is learned from the first
    assert np.all(np.array(compiling) == 0.0)
    assert len(windows) == 8
    for k, starts in enumerate(windows):
        assert set(zip(*starts, strict=True)) <= set(states[:25 * k + 1])


def test_the_episode_is_gymnasiums_to_the_last_bit(tmp_path):
    """Its start, and where its torques lead."""
    training = learning.train(_options(tmp_path, "--updates", "4", "--seed", "7"))
    with gymnasium.make("Pendulum-v1") as env:
        env.reset(seed=7)
        total = 0.0
        for theta, rate, torque in zip(*training.episode, strict=True):
            assert tuple(env.unwrapped.state) == (theta, rate)
            total += float(env.unwrapped.step(np.array([torque]))[1])
        assert tuple(env.unwrapped.state) == training.now
    assert total == pytest.approx(training.episode.total, rel=1e-12)


@pytest.mark.parametrize("start", [(0.01, 0.0), (0.4, -0.9), (-0.4, 0.5), (2.0, 1.0), (3.1, -1.0)])
def test_the_rod_is_let_down_wherever_the_episode_starts(start):
    state = State(*start)
    for _ in range(machine.RECIPES["episode"].down):
        state = step(state, learning.let_down(state))
    assert np.cos(state.theta) < -0.9
    assert abs(state.rate) < 2.0


@pytest.mark.parametrize("net", [machine.NET, machine.SIDED])
def test_the_controller_is_the_same_from_behind(net):
    params = machine.new_controller(np.random.default_rng(0), net)
    starts = machine.draw_starts(np.random.default_rng(1), 9)
    behind = State(-starts.theta, -starts.rate)
    torque, mirrored = (machine.controller(params, observe(state)) for state in (starts, behind))
    aside = np.cos(starts.theta) > -0.5          # near hanging, a network that is told a side may take it
    assert torque[aside] == pytest.approx(-mirrored[aside], rel=1e-12)
    assert np.all(torque == -mirrored) is np.bool_(net is machine.NET)
    assert np.any(torque != 0)


def test_at_hanging_it_takes_a_side_if_it_is_told_one():
    for net, waits in ((machine.NET, True), (machine.SIDED, False)):
        params = machine.new_controller(np.random.default_rng(0), net)
        torque = machine.controller(params, np.array([-1.0, 0.0, 0.0]))
        assert (torque == 0) is np.bool_(waits)


def test_a_share_of_the_windows_starts_near_hanging():
    how = machine.RECIPES["batch"]
    theta, rate = learning.draw_windows(np.random.default_rng(0), how)
    assert theta.shape == rate.shape == (96,)
    away = np.hypot(theta[-12:] - np.pi, rate[-12:] / np.sqrt(15))
    assert np.all((machine.HANGING_WITHIN[0] < away) & (away < machine.HANGING_WITHIN[1]))
    assert np.ptp(theta[:-12]) > 5


def test_what_is_kept_does_well_near_hanging_too(tmp_path):
    """Parked there, a controller is not the best, however well it does elsewhere."""
    training, how = learning.begin(0, machine.RECIPES["batch"]), machine.RECIPES["batch"]
    parks, leaves = (learning.Check(k, mean, training.params, hanging=hanging)
                     for k, (mean, hanging) in enumerate([(-139.0, -1900.0), (-141.0, -350.0)]))
    assert learning.kept(training._replace(checks=[parks, leaves]), how) is leaves


def test_a_controller_from_the_way_is_judged_with_a_plan(tmp_path):
    """`--after` and `--plan` are of the judging: the training is the same one."""
    training = learning.train(_options(tmp_path, "--mode", "batch", "--updates", "2"))
    options = _options(tmp_path, "--mode", "batch", "--updates", "2", "--after", "1", "--plan", "1")
    assert outcome.chosen(options, learning.train(options)).update == 1
    assert outcome.judged(options)["plan"] == 1
    episodes = evaluation.evaluate(training.average, quiet=True, seeds=range(1), improvements=1)
    assert episodes.returns.shape == (1,)
    assert episodes.decision > 0


def test_the_value_map_holds_the_returns_of_runs():
    params = machine.new_controller(np.random.default_rng(0))
    values = maps.value_map(params)
    assert values.shape == (len(maps.RATES), len(maps.ANGLES))
    for i, j in ((0, 5), (80, 120)):
        start = State(maps.ANGLES[j], maps.RATES[i])
        assert values[i, j] == pytest.approx(learning.run(params, start).total, rel=1e-9), (i, j)


def test_quiet_shows_nothing(tmp_path, capsys):
    learning.train(_options(tmp_path, "--updates", "1"))
    assert capsys.readouterr() == ("", "")


def test_the_gradient_through_a_window_equals_differences():
    rng = np.random.default_rng(0)
    params, direction = machine.new_controller(rng), machine.NET.init(rng)
    starts, pushes, weights = machine.draw_starts(rng, 4), rng.normal(size=(15, 4)), np.linspace(1, 0, 15)
    gradient = dp.grad(machine.loss)(params, starts, pushes, weights)
    slope = sum(np.sum(g * d) for layer in zip(gradient, direction, strict=True)
                for g, d in zip(*layer, strict=True))

    def along(t):
        return machine.loss(tree.map(lambda p, d: p + t * d, params, direction), starts, pushes, weights)

    h = 1e-7                                     # small, for the kinks of relu
    assert slope == pytest.approx((along(h) - along(-h)) / (2 * h), rel=1e-4)


def test_the_simulator_gives_the_return_of_gymnasium():
    """But for the float32 of its observations and actions."""
    params = machine.new_controller(np.random.default_rng(0))
    gymnasium = pytest.importorskip("gymnasium")
    starts = []
    with gymnasium.make("Pendulum-v1") as env:
        for seed in machine.EVALUATED:
            env.reset(seed=seed)
            starts.append(env.unwrapped.state)
    ours = machine.returns(params, State(*np.array(starts).T))
    theirs = evaluation.evaluate(params, quiet=True).returns
    assert np.median(np.abs(ours - theirs)) < 0.01


def test_windows_grow_in_the_second_half():
    how = machine.RECIPES["batch"]._replace(updates=1000, horizon=(40, 66))
    lengths = [machine.horizon(how, k) for k in range(1000)]
    assert lengths[:501] == [40] * 501
    assert lengths[-1] == 66
    assert lengths == sorted(lengths)


def test_checks_are_dense_at_first():
    due = [k for k in range(1, 1001)
           if checks_until(k, 1000, machine.CHECKS) > checks_until(k - 1, 1000, machine.CHECKS)]
    assert due[:6] == [1, 3, 6, 10, 16, 23]
    assert due[-1] == 1000
    assert len(due) <= machine.CHECKS


def test_validation_starts_are_spread_evenly_over_one_half():
    theta, rate = machine.spread_starts(12, 20)
    assert theta.shape == rate.shape == (240,)
    assert np.mean(theta) == pytest.approx(np.pi / 2)
    assert np.mean(rate) == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(theta) == pytest.approx(np.pi * 11 / 12)
    assert np.ptp(rate) == pytest.approx(2 * 19 / 20)


def test_the_picture_of_batch_mode_shows_a_swing_up(tmp_path):
    options = _options(tmp_path, "--mode", "batch", "--updates", "2")
    training = learning.train(options)
    episodes = evaluation.Episodes(np.zeros(1), np.zeros((1, 200, 3)), 0.0)
    titles = [axes.get_title("left") for axes in drawing.draw_picture("batch", training, episodes).axes]
    assert "The black path over time, from hanging at rest" in titles
    assert "0 of 1 episodes end upright" in titles


@pytest.mark.parametrize(("torque", "colour"), [(1.5, style.ORANGE), (-1.5, style.BLUE)])
def test_an_arrow_has_the_colour_of_its_torque_in_the_map(torque, colour):
    pendulum = moving.Pendulum(style.figure(200, 200).add_subplot())
    pendulum.draw(np.zeros(3), torque)
    assert {part.get_color() for part in (pendulum.arc, pendulum.head)} == {colour}
    red, _, blue, _ = style.DIVERGING(0.5 + torque / 4)
    assert (red > blue) == (torque > 0)
