"""The trebuchet demo, run as a user would but on a tiny budget; and the parts that it is made of."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent
from matplotlib.widgets import Slider
from PIL import Image

import tinydp as dp
from demos import command, style, trebuchet
from demos.checkpoints import Keeper
from demos.run import run
from demos.schedule import checks_until
from demos.trebuchet import aiming, drawing, judging, learning, machine, refine, scene, window
from tinydp.nn import Layer
from tinydp.optim import Adam, AdamState, cosine
from tinydp.sims.trebuchet import DT, shoot

pytestmark = pytest.mark.demo


def _options(out, *flags):
    return command.parser(trebuchet.DEMO).parse_args(["--out", str(out), "--quiet", *flags])


def _bits(training):
    """All that a training is, but for the time it took."""
    numbers = dp.ad.tree.flatten((training.params, training.optimiser, training.checks))[0]
    return [np.asarray(x).tobytes() for x in numbers] + [training.rng.bit_generator.state]


@pytest.fixture(autouse=True, scope="module")
def small():
    """Fewer targets and pixels than a user has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "EVALUATED", 60)
        patch.setattr(learning, "VALIDATION", 20)
        patch.setattr(aiming, "AIMED", 5)
        patch.setattr(learning, "SHOTS", 8)
        patch.setattr(drawing, "MAP_WINDS", drawing.MAP_WINDS[::15])
        patch.setattr(drawing, "MAP_TARGETS", drawing.MAP_TARGETS[::15])
        patch.setattr(scene, "SHOWN", scene.SHOWN[:1])
        patch.setattr(refine, "TASKS", 40)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, small):
    """The whole show after three updates, which teach next to nothing."""
    folder = tmp_path_factory.mktemp("tiny")
    code = run(trebuchet.DEMO, ["--updates", "3", "--seed", "5", "--out", str(folder), "--quiet"])
    return SimpleNamespace(code=code, folder=folder, result=json.loads((folder / "result.json").read_text()))


# ---------------------------------------------------------------------------- the whole

def test_too_little_training_is_an_honest_failure(tiny):
    assert tiny.code == 1
    assert tiny.result["success"] is False
    got = tiny.result["result"]
    assert got["hits"] == 5                                      # aiming needs no training
    assert got["worst_aim_m"] <= 0.01
    assert 1 < got["median_miss_percent"] <= got["p95_miss_percent"] <= got["worst_miss_percent"]
    assert 0.7 < got["share_within_reach"] < 0.85
    assert got["targets"] == 60
    assert [row["steps"] for row in got["wider"]["by_steps"]] == [0, 1, 2, 3, 5]
    assert got["wider"]["by_steps"][-1]["median_m"] < 0.01 < got["wider"]["by_steps"][0]["median_m"]
    assert got["refined"]["steps"] == 5


def test_what_was_judged_is_not_judged_again(tiny, monkeypatch, capsys):
    monkeypatch.setattr(trebuchet, "DEMO", trebuchet.DEMO._replace(train=None))
    options = ["train", "--updates", "3", "--seed", "5", "--out", str(tiny.folder)]
    assert run(trebuchet.DEMO, options) == 1
    assert "Trained and judged before" in capsys.readouterr().err
    again = json.loads((tiny.folder / "result.json").read_text())
    assert again["result"] == tiny.result["result"]


def test_the_network_alone_can_be_judged(tiny, capsys):
    flags = ["--updates", "3", "--seed", "5", "--out", str(tiny.folder), "--quiet"]
    assert run(trebuchet.DEMO, ["train", "--refine", "0", *flags]) == 1
    assert "Newton's in the simulator" not in capsys.readouterr().out
    assert json.loads((tiny.folder / "result.json").read_text())["result"]["wider"] is None


def test_the_budget_is_counted(tiny):
    budget = tiny.result["budget"]
    assert budget["episodes"] == budget["gradient_evaluations"] == 3 * 8
    assert budget["simulator_steps"] == 24 * learning.steps_of_a_shot()
    assert budget["aim_gradients"] >= 5
    assert budget["seconds"] > 0
    assert "0.3 %" in tiny.result["claim"]
    assert tiny.result["settings"]["updates"] == 3


def test_pictures(tiny):
    with Image.open(tiny.folder / "trebuchet.png") as picture:
        assert picture.size == (1800, 1240)
    with Image.open(tiny.folder / "trebuchet-refine.png") as picture:
        assert picture.size == (1800, 760)
    with Image.open(tiny.folder / "trebuchet.gif") as animation:
        assert animation.n_frames > 80
        assert animation.info["duration"] == 50
        assert animation.info["loop"] == 0
    assert (tiny.folder / "trebuchet.gif").stat().st_size < 500_000


def test_without_a_display_play_writes_a_picture(tiny, monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    flags = ["--updates", "3", "--seed", "5", "--out", str(tiny.folder), "--quiet"]
    assert run(trebuchet.DEMO, ["play", *flags]) == 0
    assert "There is no display" in capsys.readouterr().out
    with Image.open(tiny.folder / "play.png") as picture:
        assert picture.size == (1800, 920)


def test_the_sliders_of_play_throw_anew(monkeypatch, tmp_path):
    built = {}
    monkeypatch.setattr(window.play, "play",
                        lambda title, size, build, *rest, **more: built.update(f=build))
    training = SimpleNamespace(params=machine.new_controller(np.random.default_rng(0)))
    window.play_with(_options(tmp_path), SimpleNamespace(training=training))
    figure = style.figure(900, 460)
    figure.set_layout_engine("none")
    tick = built["f"](figure)
    texts = lambda: " ".join(text.get_text() for text in figure.texts)
    tick()
    assert "wind 2.0 m/s, target 60 m" in texts()
    while "landed at" not in texts():
        tick()
    for axes, share in zip(figure.axes[2:], (2 / 24, 70 / 80), strict=True):
        _click(figure, axes.transData.transform((axes.get_xlim()[0] + share * np.ptp(axes.get_xlim()), 0.5)))
    tick()
    assert "wind −10.0 m/s, target 90 m, out of reach: this wind allows 0 to 62 m" in texts()      # noqa: RUF001
    assert "slow motion" in texts()


def _click(figure, place):
    for event in ("button_press_event", "button_release_event"):
        figure.canvas.callbacks.process(event, MouseEvent(event, figure.canvas, *place, button=1))


# ---------------------------------------------------------------------------- parts

def test_training_goes_on_to_the_same_bits(tmp_path):
    whole = learning.train(_options(tmp_path / "whole", "--updates", "4"))
    options = _options(tmp_path / "parts", "--updates", "4")
    optimiser = Adam(cosine(*learning.RATE, 4), beta2=learning.MEMORY)
    half = learning.begin(0, optimiser)
    for _ in range(2):
        half, _ = learning.improve(half, optimiser, options)
    kinds = [learning.Training, learning.Check, Layer, AdamState]
    Keeper(options.out / "training-0.npz", "trebuchet", learning.settings(options), kinds).keep(half, True)
    assert _bits(learning.train(options)) == _bits(whole)
    other = learning.train(_options(tmp_path / "other", "--updates", "4", "--seed", "1"))
    assert _bits(other) != _bits(whole)


def test_the_gradient_of_the_loss_equals_differences():
    rng = np.random.default_rng(0)
    params, direction = machine.NET.init(rng), machine.NET.init(rng)
    tasks = machine.draw_tasks(rng, 5)
    gradient = dp.grad(learning.loss)(params, *tasks)
    slope = sum(np.sum(g * d) for layer in zip(gradient, direction, strict=True)
                for g, d in zip(*layer, strict=True))

    def along(t):
        return learning.loss(dp.ad.tree.map(lambda p, d: p + t * d, params, direction), *tasks)

    h = 1e-5
    assert slope == pytest.approx((along(h) - along(-h)) / (2 * h), rel=1e-5)


def test_the_compiled_shot_is_the_shot():
    assert machine.shot(-2.0, 45.0, 200.0, DT) == pytest.approx(shoot(-2.0, 45.0, 200.0), rel=1e-12)


def test_the_shots_of_training_are_close_to_those_of_the_judge():
    rng = np.random.default_rng(0)
    winds = machine.draw_tasks(rng, 30)[0]
    for wind, angle, weight in zip(winds, rng.uniform(*machine.ANGLES, 30),
                                   rng.uniform(*machine.WEIGHTS, 30), strict=True):
        aim = float(wind), float(angle), float(weight)
        training, judge = (machine.shot(*aim, dt) for dt in (machine.TRAINING_DT, DT))
        assert training == pytest.approx(judge, abs=5e-4)


def test_an_aim_stays_within_its_ranges_however_wild_the_network():
    params = dp.ad.tree.map(lambda p: 100 * p, machine.NET.init(np.random.default_rng(0)))
    winds, targets = machine.draw_tasks(np.random.default_rng(1), 500)
    angles, weights = machine.controller(params, winds, targets)
    assert np.min(angles) == machine.ANGLES[0]
    assert np.max(angles) == machine.ANGLES[1]
    assert machine.WEIGHTS[0] <= np.min(weights) < np.max(weights) <= machine.WEIGHTS[1]


def test_every_shot_lands_within_reach():
    rng = np.random.default_rng(2)
    for _ in range(100):
        wind = float(rng.normal(0.0, machine.WIND))
        landing = machine.shot(wind, float(rng.uniform(*machine.ANGLES)),
                                 float(rng.uniform(*machine.WEIGHTS)), DT)
        nearest, furthest = machine.reach().limits(wind)
        assert nearest - 0.03 <= landing <= furthest + 0.03


def test_what_can_be_reached():
    reach = machine.reach()
    assert reach.limits(0.0)[1] == pytest.approx(90.8, abs=0.1)
    assert list(reach.holds(np.array([0.0, 0.0, 0.0, -10.0]), np.array([90.0, 92.0, 20.0, 20.0]))) == [
        True, False, False, True]


def test_tasks_within_reach():
    winds, targets, share = machine.draw_tasks_within_reach(3, 50)
    assert winds.shape == targets.shape == (50,)
    assert np.all(machine.reach().holds(winds, targets))
    assert 0.6 < share < 0.95


@pytest.mark.parametrize(("wind", "target"), [(-2.0, 45.0), (5.0, 105.0), (-9.0, 60.0), (12.0, 50.0)])
def test_aiming_at_one_target(wind, target):
    aim = aiming.aim_at(wind, target)
    assert abs(aim.miss) <= refine.HIT
    assert shoot(wind, *map(float, machine.between(aim.part))) == pytest.approx(target, abs=refine.HIT)
    assert aim.gradients < 15


def test_a_target_out_of_reach_gets_the_best_there_is():
    aim = aiming.aim_at(0.0, 95.0)
    assert aim.miss == pytest.approx(machine.reach().limits(0.0)[1] - 95.0, abs=0.1)
    assert aiming.MOST < aim.gradients <= 2 * (aiming.MOST + 1)


def test_a_target_out_of_reach_pulls_no_harder_than_others():
    params = machine.new_controller(np.random.default_rng(0))
    size = lambda target: np.sqrt(sum(np.sum(g**2) for layer in dp.grad(learning.loss)(
        params, np.array([-5.0]), np.array([target])) for g in layer))
    assert size(100.0) < 2 * size(60.0)


def test_checks_are_dense_at_first():
    due = [k for k in range(1, 2001)
           if checks_until(k, 2000, learning.CHECKS) > checks_until(k - 1, 2000, learning.CHECKS)]
    assert due[:4] == [3, 9, 20, 36]
    assert due[-1] == 2000
    assert len(due) == learning.CHECKS


def test_the_wind_is_seen_to_blow():
    x, height = scene.streaks(3.0, 0.0)
    later = scene.streaks(3.0, 0.5)[0]
    assert x.shape == height.shape
    np.testing.assert_allclose(x[1::3] - x[::3], 3.0)
    moved = (later - x)[::3]
    assert np.all(np.isclose(moved, 1.5) | np.isclose(moved, 1.5 - 120))


@pytest.mark.parametrize("wind", [-4.0, 0.0, 3.0])
def test_a_signed_slider_fills_from_its_middle(wind):
    slider = Slider(style.figure(300, 100).add_subplot(), "wind", -12.0, 12.0, valinit=2.0)
    window.fill_from_zero(slider)
    slider.set_val(wind)
    assert sorted((0.0, wind)) == sorted((slider.poly.get_x(), slider.poly.get_x() + slider.poly.get_width()))
