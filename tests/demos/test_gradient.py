"""The gradient demo, run as a user would; and the parts that it is made of."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from demos import gradient
from demos.run import run
from tinydp.sims.trebuchet import DT

pytestmark = pytest.mark.demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The whole demo with few and long steps: its exit code, its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("gradient")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient, "EULER_STEPS", gradient.EULER_STEPS[:2])
        patch.setattr(gradient, "RK4_STEPS", (8 * DT, 4 * DT))
        code = run(gradient.DEMO, ["--out", str(folder), "--quiet"])
    return SimpleNamespace(code=code, folder=folder, result=json.loads((folder / "result.json").read_text()))


def test_it_finds_the_articles_gradients(shown):
    assert shown.code == 0
    result = shown.result["result"]
    assert result["polynomial"] == 32
    assert tuple(result["published"]["gradient"].values()) == pytest.approx((4.022, -0.992, 0.0519), abs=5e-4)
    assert shown.result["success"] is True
    assert shown.result["budget"]["gradient_evaluations"] == 2 + 2 + 2


def test_the_gradients_that_it_should_have_found(shown):
    result = shown.result["result"]
    assert list(result["corrected"]["gradient"].values()) == pytest.approx(
        (3.8256629097, -0.9502690423, 0.0771773688), rel=1e-6)
    assert list(result["converged"]["gradient"].values()) == pytest.approx(
        (4.0129932353, -1.0023762177, 0.0673805796), rel=1e-5)


def test_the_picture(shown):
    with Image.open(shown.folder / "gradient.png") as picture:
        assert picture.size == (1800, 800)


def test_it_fails_if_another_program_is_shot(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gradient, "published_shoot", lambda *args, dt: gradient.shoot(*args, dt=8 * DT))
    monkeypatch.setattr(gradient, "EULER_STEPS", (1 / 60, 1 / 120))
    monkeypatch.setattr(gradient, "RK4_STEPS", (16 * DT, 8 * DT))
    assert run(gradient.DEMO, ["train", "--out", str(tmp_path), "--quiet"]) == 1
    assert "not found again" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "printed", "shown"), [
    (4.0299, "4.02", "4.02"), (-0.99199, "-0.99", "-0.99"), (0.0518, "0.051", "0.051"),
    (0.0520, "0.051", "0.052")])
def test_digits_are_cut_off_and_not_rounded(number, printed, shown):
    assert gradient.cut(number, printed) == shown


def test_errors_are_against_the_finest_run():
    exact, other = gradient.Shot(10.0, (1.0, -2.0, 4.0)), gradient.Shot(10.1, (1.0, -2.2, 4.0))
    outcome = gradient.Outcome(32.0, [other], [other, exact], exact, 0.0)
    assert gradient.errors(other, outcome) == pytest.approx((0.01, 0.1))
