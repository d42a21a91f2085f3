"""What all demos share: their example, their flags and their `result.json`."""

import doctest
import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from demos import article, checkpoints, command, plan, play, schedule, seconds
from demos.command import Demo, Report
from demos.pendulum import optimum
from demos.run import run
from demos.trebuchet import refine
from demos.worlds import belief

pytestmark = pytest.mark.demo


@pytest.mark.parametrize("module", [article, command, checkpoints, play, schedule, seconds, plan, optimum,
                                    refine, belief])
def test_the_examples_hold(module):
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert found.failed == 0


def _demo(tmp_path, **parts):
    return Demo(**{
        "name": "demo", "about": "A demo.\n\nMore.", "train": lambda options: options.seed,
        "report": lambda options, outcome: Report(
            success=np.bool_(outcome < 5), result={"seed": np.int64(outcome), "list": np.arange(2.0)},
            budget=command.budget(episodes=2, seconds=1.23456, starts=3), claim="none", lines=["seen"]),
        "plot": lambda options, outcome: [options.out / "a.png"],
        "settings": lambda options: {"seed": options.seed, "pair": (1, 2)}} | parts)


def _run(demo, tmp_path, *flags):
    return run(demo, [*flags, "--out", str(tmp_path)])


def test_result_json_holds_what_the_demo_reports_and_where_it_comes_from(tmp_path, capsys):
    assert _run(_demo(tmp_path), tmp_path, "--seed", "4") == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["demo"] == "demo"
    assert result["command"] == f"python -m demos demo --seed 4 --out {tmp_path}"
    assert result["settings"] == {"seed": 4, "pair": [1, 2]}
    assert set(result["versions"]) == {"python", "tinydp", "numpy"}
    assert result["result"] == {"seed": 4, "list": [0.0, 1.0]}
    assert result["budget"] == {"episodes": 2, "simulator_steps": 0, "gradient_evaluations": 0,
                                "seconds": 1.23, "starts": 3}
    assert result["success"] is True
    shown = capsys.readouterr().out
    assert shown == f"seen\nwritten  {tmp_path}/a.png, {tmp_path}/result.json\n"


def test_seconds_are_told_of_both_kinds():
    """Asleep, a process costs nothing."""
    clock = seconds.Clock(before=seconds.Seconds(1.0, 2.0))
    time.sleep(0.05)
    found = clock.seconds
    assert found.wall >= 2.05
    assert 1.0 <= found.processor < found.wall - 1.0
    told = command.budget(seconds=seconds.Seconds(1.234, 5.678), starts=3)
    assert (told["seconds"], told["wall_seconds"], told["starts"]) == (1.23, 5.68, 3)
    assert seconds.Seconds(1.0, 2.0) + seconds.Seconds(0.5, 0.25) == (1.5, 2.25)


# ---------------------------------------------------------------------------- recipes

@pytest.mark.parametrize("argv", ["--recipe article --steps 3", "train --steps 3 --recipe article",
                                  "article --steps 3", "article train --steps 3"])
def test_the_articles_recipe_is_a_demo_beside_this_one(argv, tmp_path, monkeypatch):
    seen = []
    other = _demo(tmp_path, name="demo article", train=lambda options: seen.append(options.steps) or 1,
                  flags=lambda flags: flags.add_argument("--steps", type=int))
    monkeypatch.setitem(sys.modules, "a_demo_of_the_article", SimpleNamespace(DEMO=other))
    demo = _demo(tmp_path, beside={"article": "a_demo_of_the_article"})
    assert _run(demo, tmp_path, *argv.split()) == 0
    assert seen == [3]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["demo"] == "demo article"


def test_its_own_recipe_is_the_default(tmp_path, capsys):
    demo = _demo(tmp_path, beside={"article": "a_demo_of_the_article", "world": "another"})
    assert _run(demo, tmp_path, "--recipe", "own", "--seed", "4") == 0
    assert json.loads((tmp_path / "result.json").read_text())["demo"] == "demo"
    capsys.readouterr()
    for refused in (["--recipe", "world"], ["--recipe", "magic"], ["--recipe"]):
        with pytest.raises(SystemExit) as stopped:
            _run(demo, tmp_path, *refused)
        assert stopped.value.code == 2
        assert "--recipe" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _run(_demo(tmp_path), tmp_path, "--recipe", "article")       # it has no other
    with pytest.raises(SystemExit):
        _run(demo, tmp_path, "--help")
    assert "--recipe {own,article}" in capsys.readouterr().out


def test_a_missed_goal_is_exit_code_1(tmp_path):
    assert _run(_demo(tmp_path), tmp_path, "--seed", "5") == 1
    assert json.loads((tmp_path / "result.json").read_text())["success"] is False


def test_train_draws_nothing_and_plot_draws_alone(tmp_path, capsys):
    assert _run(_demo(tmp_path), tmp_path, "train") == 0
    assert "a.png" not in capsys.readouterr().out
    (tmp_path / "result.json").unlink()
    assert _run(_demo(tmp_path), tmp_path, "plot") == 0
    assert capsys.readouterr().out == f"written  {tmp_path}/a.png\n"
    assert not (tmp_path / "result.json").exists()


def test_the_action_may_stand_anywhere(tmp_path):
    for flags in (["train", "--seed", "5"], ["--seed", "5", "train"]):
        assert _run(_demo(tmp_path), tmp_path, *flags) == 1


def test_a_demo_has_the_actions_that_it_gives(tmp_path, capsys):
    plain, rich = _demo(tmp_path), _demo(tmp_path, play=lambda options, outcome: None,
                                         columns=[command.Column("seed", "result.seed")])
    assert plain.actions() == ["show", "train", "plot"]
    assert rich.actions() == ["show", "train", "play", "plot", "sweep"]
    for flags in (["play"], ["sweep"], ["--jobs", "2"], ["dance"]):
        with pytest.raises(SystemExit) as stopped:
            _run(plain, tmp_path, *flags)
        assert stopped.value.code == 2
    assert "usage: python -m demos demo" in capsys.readouterr().err


def test_play_says_when_there_is_no_display(tmp_path, capsys):
    demo = _demo(tmp_path, play=lambda options, outcome: options.out / f"{outcome}.png")
    assert _run(demo, tmp_path, "play", "--seed", "7") == 0
    assert "no display" in capsys.readouterr().out
    assert _run(demo._replace(play=lambda options, outcome: None), tmp_path, "play") == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_is_refused_is_bad_usage(tmp_path, capsys):
    def train(options):
        raise checkpoints.CheckpointError("it is of another seed")

    with pytest.raises(SystemExit) as stopped:
        _run(_demo(tmp_path, train=train), tmp_path)
    assert stopped.value.code == 2
    assert "error: it is of another seed" in capsys.readouterr().err


def test_results_hold_plain_data_only(tmp_path):
    with pytest.raises(TypeError, match=r"cannot hold a set"):
        command.save(tmp_path / "result.json", {"a": {1}})
    assert not (tmp_path / "result.json").exists()


def test_progress_counts_what_was_done_before(capsys):
    with command.progress(10, "things", "working", quiet=False, initial=5) as bar:
        bar.update(5)
    assert "working    100%" in capsys.readouterr().err
    with command.progress(10, "things", "working", quiet=True) as bar:
        bar.update(10)
    command.note("no", quiet=True)
    assert capsys.readouterr().err == ""
