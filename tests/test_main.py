"""The command line: `python -m tinydp check`, `rules` and `demo`, and what is installed."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinydp
from tinydp.__main__ import main

MODULE = '''
import numpy as np
import tinydp as dp

def pendulum(x, y):
    return np.sin(x) * np.sum(y)

wrong = dp.custom_gradient(lambda x: x**2, lambda g, y, x: 2.01 * g * x)
number = 3.0

def condition(x):
    return x > 0

def crashing(x):
    return x[7]

def quitting(x):
    raise SystemExit(0)

def steep(x):
    return np.where(x > 0, x**0.5, 0.0)

def beside(x):
    return 1e20 * x[0] + x[1]

def lossy(x):
    return (1e9 + x * x) - 1e9
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "programs.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("programs", None)


@pytest.mark.parametrize(("words", "code", "output"), [
    (["check", "programs:pendulum", "--at", "x=0.7, y=[1,2]"], 0, "right: 5 of 5"),
    (["check", "programs:pendulum", "--at", "0.7, y=[1,2]", "--order", "2"], 0, "right: "),
    (["check", "programs:wrong", "--at", "x=3.0"], 1, "1.005 times what it should be"),
    (["check", "programs:lossy", "--at", "x=1e-3"], 3, "inconclusive: "),
    (["check", "programs:steep", "--at", "x=0.0"], 0, "right: 1 of 1"),
    (["check", "programs:beside", "--at", "x=[1, 1]"], 3, "argument 0, element [1]: "),
    (["check", "numpy:sum", "--at", "[]"], 3, "inconclusive: nothing was checked"),
    (["check", "numpy:arctan2", "--at", "1.0, 2.0"], 0, "right: 2 of 2"),
    (["rules", "np.sin", "np.linalg.cholesky", "--points", "2"], 0, "np.linalg.cholesky         2 points"),
    (["rules", "np.linalg.qr", "dp.linalg.solve_triangular", "np.bincount", "--points", "2"], 0,
     "dp.linalg.solve_triangular 2 points"),
])
def test_verdicts_and_exit_codes(here, capsys, words, code, output):
    assert main(words) == code
    assert output in capsys.readouterr().out


@pytest.mark.parametrize(("words", "message"), [
    (["check", "programs"], "not of the form package.module:function"),
    (["check", "nowhere:f"], "cannot import nowhere"),
    (["check", "programs:nothing"], "programs has no nothing"),
    (["check", "programs:number"], "programs:number is a float, not a function"),
    (["check", "programs:pendulum", "--at", "x=0.7"], "missing a required argument: 'y'"),
    (["check", "programs:pendulum", "--at", "x=="], "is not of the form"),
    (["check", "programs:pendulum", "--at", "x=open('f')"], "is not of the form"),
    (["check", "programs:pendulum", "--at", "x=1, y=2"], "holds no float"),
    (["check", "programs:condition", "--at", "x=1.0"], "the program raised "),
    (["check", "programs:crashing", "--at", "x=[1, 2]"], "the program raised IndexError"),
    (["check", "programs:quitting", "--at", "x=1.0"], "the program raised SystemExit"),
    (["rules", "--points", "0"], "at least 1"),
    (["rules", "np.floor"], "no rule of np.floor"),
    (["play"], "invalid choice: 'play'"),
])
def test_bad_usage(here, capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_as_a_command(here):
    words = ["check", "programs:pendulum", "--at", "x=0.7, y=[1.0]"]
    done = subprocess.run([sys.executable, "-m", "tinydp", *words], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_command_it_helps(capsys):
    assert main([]) == 2
    assert "check the gradient of a function" in capsys.readouterr().out


def test_its_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tinydp {tinydp.__version__}\n"


def test_a_missing_package_is_named_with_its_pip_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "tinydp.testing.strategies", raising=False)
    with pytest.raises(SystemExit):
        main(["rules", "np.sin"])
    assert "pip install hypothesis" in capsys.readouterr().err


def test_all_packages_are_installed_and_nothing_beside_tinydp():
    root = Path(tinydp.__file__).parents[1]
    settings = configparser.ConfigParser()
    settings.read(root / "setup.cfg")
    there = [".".join(file.parent.relative_to(root).parts)
             for folder in ("tinydp", "demos") for file in (root / folder).rglob("__init__.py")]
    assert sorted(settings["options"]["packages"].split()) == sorted(
        f"tinydp.{name}" if name.startswith("demos") else name for name in there)


def test_the_installed_demos_are_those_of_the_folder(tmp_path):
    """`tinydp.demos` is made where tinydp is installed: here, without `demos` beside it."""
    root = Path(tinydp.__file__).parents[1]
    (tmp_path / "tinydp").symlink_to(root / "tinydp")
    code = f"""if True:
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("tinydp.demos", {str(root / "demos" / "__init__.py")!r})
        sys.modules["tinydp.demos"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        from tinydp.__main__ import main
        main(["demo", "pendulum", "world", "--help"])"""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=False)
    assert done.stdout.startswith("usage: tinydp demo pendulum world"), done.stderr
