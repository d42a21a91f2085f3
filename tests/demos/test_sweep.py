"""Sweeps: complete, resumable, and the same whatever happens to the workers."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from demos import command, sweep
from demos.__main__ import main
from demos.checkpoints import CheckpointError
from demos.command import Column, Demo, Report
from demos.run import run

pytestmark = pytest.mark.demo


def _report(options, outcome):
    return Report(success=outcome > 0.3, result={"number": outcome}, budget=command.budget(),
                  claim="none", lines=[])


DICE = Demo("dice", "A number is drawn.", report=_report, plot=lambda options, outcome: [],
            train=lambda options: float(np.random.default_rng(options.seed).random()),
            settings=lambda options: {"seed": options.seed},
            columns=[Column("number", "result.number", goal=0.3, digits=2, unit="apples"),
                     Column("smallness", "result.number", higher=False)])
NUMBERS = [float(np.random.default_rng(seed).random()) for seed in range(4)]


@pytest.fixture
def dice(monkeypatch):
    """The demo is importable as demos.dice; all seeds that were really drawn."""
    drawn = []

    def train(options):
        drawn.append(options.seed)
        assert options.quiet
        assert options.out.is_dir()
        return DICE.train(options)

    demo = DICE._replace(train=train)
    monkeypatch.setitem(sys.modules, "demos.dice", argparse.Namespace(DEMO=demo))
    return demo, drawn


def _sweep(demo, out, *flags):
    return run(demo, ["sweep", "--seeds", "4", "--quiet", "--out", str(out), *flags])


def test_a_sweep_says_median_and_worst(dice, tmp_path, capsys):
    demo, drawn = dice
    assert _sweep(demo, tmp_path) == (0 if min(NUMBERS) > 0.3 else 1)
    shown = capsys.readouterr().out
    best, median, worst = max(NUMBERS), float(np.median(NUMBERS)), min(NUMBERS)
    assert drawn == [0, 1, 2, 3]
    assert [float(x) for x in shown.splitlines()[1].split()[-4:]] == [
        round(x, 2) for x in (best, median, worst, 0.3)]
    assert shown.splitlines()[1].startswith("number (apples) ")
    assert f"{sum(x > 0.3 for x in NUMBERS)} of 4 seeds reached the goal." in shown
    summary = json.loads((tmp_path / "sweep.json").read_text())
    assert summary["seeds"] == [0, 1, 2, 3]
    assert summary["columns"]["result.number"] == {"best": worst, "median": median, "worst": best}
    with Image.open(tmp_path / "sweep.png") as picture:
        assert picture.width == 1800


def test_a_sweep_goes_on_where_it_was(dice, tmp_path):
    demo, drawn = dice

    def interrupted(options):
        if options.seed == 2:
            raise KeyboardInterrupt
        return demo.train(options)

    sys.modules["demos.dice"].DEMO = demo._replace(train=interrupted)
    with pytest.raises(KeyboardInterrupt):
        _sweep(demo, tmp_path)
    assert drawn == [0, 1]
    sys.modules["demos.dice"].DEMO = demo
    _sweep(demo, tmp_path)
    assert drawn == [0, 1, 2, 3]
    _sweep(demo, tmp_path, "--fresh")
    assert drawn == [0, 1, 2, 3, 0, 1, 2, 3]
    (tmp_path / "sweep" / "seed-1.json").write_text('{"half')
    changed = demo._replace(settings=lambda options: {"seed": options.seed, "new": options.seed == 3})
    _sweep(demo, tmp_path)
    assert drawn[8:] == [1]                      # it was damaged
    sys.modules["demos.dice"].DEMO = changed
    _sweep(changed, tmp_path)
    assert drawn[9:] == [0, 1, 2, 3]             # the recipe is another


class _Part(NamedTuple):
    weight: np.ndarray


def test_a_sweep_keeps_controllers_and_returns_by_start(dice, tmp_path):
    demo, drawn = dice
    demo = demo._replace(kinds=(_Part,), keeps=lambda options, outcome: {
        "params": [_Part(np.full(2, outcome))], "returns": np.arange(3.0) + options.seed})
    sys.modules["demos.dice"].DEMO = demo
    _sweep(demo, tmp_path)
    kept = sweep.controllers(demo, tmp_path / "sweep")
    assert [seed for seed, _ in kept] == [0, 1, 2, 3]
    for (seed, one), number in zip(kept, NUMBERS, strict=True):
        assert list(one["params"][0].weight) == [number, number]
        assert list(one["returns"]) == [seed, seed + 1, seed + 2]
    (tmp_path / "sweep" / "seed-1.npz").write_bytes(b"half")
    (tmp_path / "sweep" / "seed-2.npz").unlink()
    _sweep(demo, tmp_path)
    assert drawn[4:] == [1, 2]                   # what is not whole is made again
    other = demo._replace(name="coin")
    with pytest.raises(CheckpointError, match="belongs to the demo dice, not coin"):
        sweep.controllers(other, tmp_path / "sweep")


def test_the_goal_of_a_sweep_may_be_the_demos_own(dice, tmp_path, capsys):
    demo, _ = dice
    for passed in (True, False):
        judged = demo._replace(passes=lambda results, passed=passed: (passed, f"{len(results)} seen"))
        assert _sweep(judged, tmp_path) == (0 if passed else 1)
        assert "4 seen" in capsys.readouterr().out


def test_without_dask_the_flags_that_need_it_are_bad_usage(dice, tmp_path, monkeypatch, capsys):
    demo, drawn = dice
    monkeypatch.setitem(sys.modules, "distributed", None)
    for flags in (["--jobs", "2"], ["--scheduler", "tcp://127.0.0.1:1"]):
        with pytest.raises(SystemExit) as stopped:
            _sweep(demo, tmp_path, *flags)
        assert stopped.value.code == 2
        assert "need distributed: pip install -e '.[cluster]'" in capsys.readouterr().err
    assert not drawn


# ---------------------------------------------------------------------------- with Dask

def test_a_lost_worker_costs_nothing_but_time(dice, tmp_path, monkeypatch, capsys):
    """The first process that works on seed 1 is killed in the middle of it; two others, by then, work."""
    pytest.importorskip("distributed")
    demo, _ = dice
    _sweep(demo, tmp_path / "alone")
    alone = capsys.readouterr().out
    traces = tmp_path / "traces"
    traces.mkdir()

    def trial(name, options, seed):
        known = json.loads((tmp_path / "alone" / "sweep" / f"seed-{seed}.json").read_text())
        first = not list(traces.glob(f"{seed}-*"))
        (traces / f"{seed}-{os.getpid()}").touch()
        time.sleep(0.1)
        if seed == 1 and first:
            os.kill(os.getpid(), signal.SIGKILL)
        return known, {}

    monkeypatch.setattr(sweep, "trial", trial)
    _sweep(demo, tmp_path / "together", "--jobs", "2")
    together = capsys.readouterr().out
    assert together.partition("written")[0] == alone.partition("written")[0]
    assert len(list(traces.glob("1-*"))) == 2
    for seed in range(4):
        name = f"sweep/seed-{seed}.json"
        assert (tmp_path / "together" / name).read_text() == (tmp_path / "alone" / name).read_text()


def test_a_demo_runs_on_processes_as_it_does_alone(tmp_path):
    """The whole command, on two processes, with the real demo."""
    pytest.importorskip("distributed")
    out = str(tmp_path)
    flags = ["pendulum", "--mode", "batch", "--updates", "1", "--starts", "200", "--quiet", "--out", out]
    done = subprocess.run([sys.executable, "-m", "demos", *flags, "sweep", "--seeds", "2", "--jobs", "2"],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr             # one update cannot swing it up
    assert done.stderr == ""
    assert "0 of 2 seeds reached the goal." in done.stdout
    assert main([*flags, "train", "--seed", "1"]) == 1
    alone, swept = (json.loads((tmp_path / name).read_text())
                    for name in ("batch-result.json", "sweep/seed-1.json"))
    assert alone["result"] == swept["result"]
    assert alone["settings"] == swept["settings"]


def test_a_scheduler_that_is_not_there_is_bad_usage(monkeypatch):
    monkeypatch.setattr(sweep, "PATIENCE", 0.5)
    distributed = pytest.importorskip("distributed")
    with pytest.raises(command.NoCluster, match="there is no Dask scheduler at tcp://"):
        sweep.connected(distributed, 1, "tcp://127.0.0.1:1")
