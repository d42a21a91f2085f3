"""All rivals in all worlds: runs are kept, compared and told; `--jobs` changes nothing but the clock."""

import argparse
import json
from types import SimpleNamespace

import pytest
from PIL import Image

from demos import style
from demos.race import trial
from demos.race.draw import draw_picture
from demos.race.run import Curve, Point
from demos.run import run

from .slide import COURSE, LEARNED

MODULE = "tests.demos.race.slide"
DEMO = trial.demo(COURSE, "A race.", "none.", MODULE)
pytestmark = pytest.mark.demo


def _options(folder, **more):
    return argparse.Namespace(**{"seed": 3, "seeds": 2, "only": None, "budget": None, "jobs": 1,
                                 "fresh": False, "quiet": True, "out": folder} | more)


def _train(folder, **more):
    del LEARNED[:]
    return trial.train(COURSE, MODULE, _options(folder, **more))


def _without_seconds(curves):
    timeless = []
    for curve in curves:
        points = [point._replace(seconds=0.0) for point in curve.points]
        timeless.append(curve._replace(points=points, judging_seconds=0.0))
    return timeless


def test_every_run_is_done_once(tmp_path):
    first = _train(tmp_path)
    assert len(LEARNED) == 6
    assert [(curve.world, curve.rival) for curve in first] == [
        (world, rival) for world in (3, 4) for rival in ("ours", "slow", "hopeless")]
    assert _train(tmp_path) == first
    assert LEARNED == []


def test_what_has_other_settings_or_is_damaged_is_run_again(tmp_path):
    _train(tmp_path)
    _train(tmp_path, only=["slow"], budget=30)
    assert [seed for _, seed in LEARNED] == [3, 4]
    (tmp_path / "runs" / "ours-4.json").write_text("{")
    _train(tmp_path, only=["ours"])
    assert [seed for _, seed in LEARNED] == [4]
    _train(tmp_path, only=["ours"], fresh=True)
    assert [seed for _, seed in LEARNED] == [3, 4]
    _train(tmp_path, only=["ours"], seeds=3)
    assert LEARNED == [("", 5)]


def test_an_interrupt_loses_the_run_under_way_alone(tmp_path, monkeypatch):
    do, done = trial.do, []

    def interrupted(job):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(job)
        return do(job)

    monkeypatch.setattr(trial, "do", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path)
    monkeypatch.setattr(trial, "do", do)
    _train(tmp_path)
    assert len(LEARNED) == 2


def test_what_another_command_did_meanwhile_is_not_done_again(tmp_path, monkeypatch):
    wanted, do = trial.jobs(COURSE, MODULE, _options(tmp_path)), trial.do
    monkeypatch.setattr(trial, "do", lambda job: [trial.keep(COURSE, other, do(other), tmp_path / "runs")
                                                  for other in wanted] and do(job))
    assert len(_train(tmp_path)) == 6
    assert len(LEARNED) == 7


def test_processes_find_the_same(tmp_path):
    assert _without_seconds(_train(tmp_path / "two", jobs=2)) == _without_seconds(_train(tmp_path / "one"))


def test_as_good_as_ours_counts_from_the_first_point_that_is(tmp_path):
    def curve(rival, world, *points):
        points = [Point(real, 0, 1, 0.0, score) for real, score in points]
        return Curve(rival, world, points, points[-1].score, 0.0)

    curves = [curve("ours", 1, (0, -9.0), (20, -10.0)), curve("ours", 2, (0, -9.0), (40, -20.0)),
              curve("slow", 1, (10, -50.0), (100, -11.0), (200, -30.0)), curve("slow", 2, (10, -50.0))]
    when = trial.reached(COURSE, curves, "slow")
    assert (when.real, when.episodes) == ([100], [1])
    assert when.ratios == [5.0]
    assert when.worlds == 2


def test_the_table_says_who_reached_what_and_who_did_not(tmp_path, capsys):
    assert run(DEMO, ["--seeds", "2", "--out", str(tmp_path), "--quiet"]) == 0
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text())
    rivals = result["result"]["rivals"]
    slow = rivals["slow"]["reached"]
    assert (slow["worlds"], slow["of"]) == (2, 2)
    assert slow["ratio"]["median"] == slow["real"]["median"] / 40 > 1
    assert rivals["hopeless"]["reached"]["worlds"] == 0
    assert "not within 50" in printed
    assert "in 2 of 2" in printed
    assert "at most 10 % below" in printed
    assert rivals["ours"]["simulated"]["median"] == 3 * 40
    assert result["settings"]["budgets"] == {"ours": 40, "slow": 400, "hopeless": 50}
    assert len(result["result"]["curves"]) == 6
    assert result["budget"]["real_steps"] == 2 * (40 + 400 + 50)
    with Image.open(tmp_path / "slide-race.png") as picture:
        assert picture.size[0] == 1800


def test_without_ours_nothing_is_compared(tmp_path, capsys):
    assert run(DEMO, ["--only", "slow", "--seeds", "1", "--out", str(tmp_path), "--quiet"]) == 0
    assert "not within" not in capsys.readouterr().out


def test_worlds_are_those_of_the_course_if_nobody_says_otherwise(tmp_path):
    run(DEMO, ["train", "--only", "hopeless", "--out", str(tmp_path), "--quiet"])
    assert json.loads((tmp_path / "result.json").read_text())["result"]["worlds"] == [3, 4, 5, 6, 7]


def test_bad_usage_ends_with_2(tmp_path):
    for flags in (["--only", "nobody"], ["--jobs", "0"], ["--budget", "x"]):
        with pytest.raises(SystemExit, match="2"):
            run(DEMO, [*flags, "--out", str(tmp_path)])


def test_a_missing_package_is_named_before_anything_runs(tmp_path):
    course = COURSE._replace(rivals=(COURSE.rivals[0]._replace(needs=("no_such_module",)),))
    with pytest.raises(ModuleNotFoundError) as raised:
        trial.train(course, MODULE, _options(tmp_path))
    assert raised.value.name == "no_such_module"


def test_what_is_there_is_told_and_drawn_without_the_package_that_ran_it(tmp_path):
    there = _train(tmp_path, only=["ours"])
    course = COURSE._replace(rivals=(COURSE.rivals[0]._replace(needs=("no_such_module",)),))
    assert trial.train(course, MODULE, _options(tmp_path, only=["ours"])) == there
    with pytest.raises(ModuleNotFoundError):
        trial.train(course, MODULE, _options(tmp_path, only=["ours"], fresh=True))
    assert trial.train(course, MODULE, _options(tmp_path, only=["ours"])) == there


def test_the_picture_has_a_line_for_each_rival_in_both_panels(tmp_path):
    picture = draw_picture(COURSE, list(COURSE.rivals), _train(tmp_path))
    left, right = picture.axes
    for axes in (left, right):
        assert [line.get_label() for line in axes.lines if not line.get_label().startswith("_")] == [
            "ours", "slow", "hopeless"]
    blue = next(line for line in left.lines if line.get_label() == "ours")
    assert blue.get_color() == style.BLUE
    assert blue.get_xdata()[-1] == pytest.approx(40)
    assert right.lines[0].get_xdata()[-1] == pytest.approx(4 * 40)
    assert SimpleNamespace(scale=left.get_xscale()).scale == "log"
