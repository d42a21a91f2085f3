"""The programs of the benchmark of first gradients are right, and are measured as it says."""

import json
import os
import pathlib

import numpy as np
import pytest

import tinydp as dp
from benchmarks import compiling, programs

ELSEWHERE = {"trebuchet_shot", "rocket", "pendulum_demo"}        # seconds by the tape, or full of kinks


@pytest.mark.parametrize("name", sorted(set(programs.PROGRAMS) - ELSEWHERE))
def test_a_program_has_the_derivative_that_a_difference_finds(name):
    f, args = programs.PROGRAMS[name]()
    leaves, unflatten = dp.ad.tree.flatten(args)
    rng = np.random.default_rng(0)
    along = [rng.normal(size=np.shape(x)) for x in leaves]

    def at(h):
        return f(*unflatten([x + h * v for x, v in zip(leaves, along, strict=True)]))

    value, gradients = dp.value_and_grad(f, tuple(range(len(args))))(*args)
    slope = sum(np.sum(g * v) for g, v in zip(dp.ad.tree.flatten(gradients)[0], along, strict=True))
    h = 1e-5
    difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    assert np.isfinite(value)
    assert slope == pytest.approx(difference, rel=1e-4)


def test_there_are_enough_programs_and_most_of_them_run_in_jax():
    assert len(programs.PROGRAMS) >= 25
    assert set(programs.PROGRAMS) > programs.ONLY_HERE
    assert {"python_loop", "many_carries"} <= set(programs.PROGRAMS) - programs.ONLY_HERE


def test_a_measurement_in_a_new_process():
    f, args = programs.PROGRAMS["asian_option"]()
    value, gradients = dp.value_and_grad(f, (0, 1, 2, 3))(*args)
    sizes = np.abs(np.concatenate([np.ravel(x) for x in gradients]))
    first = compiling.Side("here", compiling.HERE).measure("asian_option")
    assert first.found == pytest.approx([value, np.sum(sizes), np.max(sizes)], rel=1e-9)
    assert first.imports > 0
    assert first.seconds > 0
    assert first.processor > 0


def test_the_command(monkeypatch, tmp_path, capsys):
    """Each side has run one program before; with --used, a measurement begins with what that one left."""
    ran = []

    def run(side, program, folder):
        ran.append((side.name, program, sorted(os.listdir(folder))))
        (pathlib.Path(folder) / f"{side.name}.py").write_text("")
        return compiling.First(0.1, 3.0 if side.name == "here" else 2.0, 1.0, [1.0])

    monkeypatch.setattr(compiling.Side, "run", run)
    file = tmp_path / "figures.json"
    for words, left in (([], []), (["--used"], ["here.py"])):
        ran.clear()
        figures = compiling.main(["lorenz", "--against", str(compiling.HERE), "--rounds", "2", "--no-jax",
                                  "--json", str(file), *words])
        assert figures == {"programs": {"lorenz": {"here": 3.0, "against": 2.0}}, "ratios": {"against": 1.5}}
        assert json.loads(file.read_text()) == figures
        assert "lorenz" in capsys.readouterr().out
        assert [x[:2] for x in ran] == [("here", "every_kernel"), ("against", "every_kernel"),
                                        *2 * [("here", "lorenz"), ("against", "lorenz")]]
        assert ran[2][2] == left


def side(monkeypatch, found):
    """A side whose measurements are these."""
    rest = iter(found)
    monkeypatch.setattr(compiling.Side, "measure", lambda *_: compiling.First(0.1, 1.0, 2.0, next(rest)))
    return [compiling.Side("here", compiling.HERE), compiling.Side("against", compiling.HERE)]


def test_results_that_differ_are_not_timed(monkeypatch, capsys):
    sides = side(monkeypatch, [[1.0, 2.0, 2.0], [1.0, 2.1, 2.0]])
    assert compiling.table(["lorenz"], sides, rounds=1) == {"programs": {"lorenz": None}, "ratios": {}}
    assert "lorenz: results differ: " in capsys.readouterr().out


def test_a_side_that_fails_is_left_out(monkeypatch, capsys):
    def measure(side, program):
        if side.name == "against":
            raise RuntimeError("no luck")
        return compiling.First(0.1, 3.0 if side.name == "here" else 2.0, 1.0, [1.0])

    monkeypatch.setattr(compiling.Side, "measure", measure)
    sides = [compiling.Side(name, compiling.HERE) for name in ("here", "against", "JAX")]
    figures = compiling.table(["lorenz"], sides, rounds=2)
    assert figures == {"programs": {"lorenz": {"here": 3.0, "JAX": 2.0}}, "ratios": {"JAX": 1.5}}
    assert "lorenz: against failed: no luck" in capsys.readouterr().out
    assert compiling.table(["lorenz"], sides[1:2], rounds=2) == {"programs": {"lorenz": {}}, "ratios": {}}


def test_the_clock_or_the_processor(monkeypatch):
    for cpu, seconds in ((False, 1.0), (True, 2.0)):
        sides = side(monkeypatch, [[1.0, 2.0, 2.0]] * 6)
        figures = compiling.table(["lorenz"], sides, rounds=3, cpu=cpu)
        assert figures["programs"]["lorenz"] == {"here": seconds, "against": seconds}


def test_another_tinydp_than_the_one_meant_is_refused(tmp_path):
    (tmp_path / "tinydp").mkdir()
    (tmp_path / "tinydp" / "__init__.py").write_text("raise ImportError('no such engine')\n")
    with pytest.raises(RuntimeError, match="no such engine"):
        compiling.Side("against", tmp_path).measure("lorenz")
    with pytest.raises(SystemExit):
        compiling.main(["--against", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit):
        compiling.main(["no_such_program"])
