"""`python -m demos`: the listing, and what it says to a wrong name."""

import importlib
import subprocess
import sys

import pytest

from demos.__main__ import DEMOS, LISTED, describe, main


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_the_listing_has_a_line_for_every_demo(argv, capsys):
    assert main(argv) == 0
    shown = capsys.readouterr().out
    words = " ".join(shown.split())              # whatever the lines
    assert "usage: python -m demos NAME" in shown
    assert {name.split()[0] for name in LISTED} == set(DEMOS)
    for name in LISTED:
        assert f"\n  {name} " in shown or f"\n  {name}\n" in shown
        about, claim, takes = describe(name)
        assert about.endswith(".")
        assert claim in words
        assert takes in words
    assert max(map(len, shown.splitlines())) <= 120


def test_the_listing_has_all_that_is_beside_a_demo():
    """Whatever has flags of its own: what can be run is what is listed."""
    def below(name, demo):
        for word, module in demo.beside.items():
            yield f"{name} {word}", describe(f"{name} {word}")[0], importlib.import_module(module)
            yield from below(f"{name} {word}", importlib.import_module(module).DEMO)

    found = {name: (about, module) for demo in DEMOS
             for name, about, module in below(demo, importlib.import_module(f"demos.{demo}").DEMO)}
    assert {*DEMOS, *found} == set(LISTED)
    for about, module in found.values():
        assert module.__doc__.startswith(about)


def test_an_unknown_name_is_bad_usage(capsys):
    assert main(["pendlum", "--seed", "1"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no demo named 'pendlum'. Did you mean pendulum?" in printed.err
    assert "usage:" in printed.err


def test_help_imports_nothing_that_it_does_not_need():
    """Of any demo: it should be there at once."""
    program = f"""if True:
        import contextlib, io, sys
        from demos.__main__ import main
        for name in {LISTED}:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
                main([*name.split(), "--help"])
            late = {{"numba", "llvmlite", "matplotlib", "scipy", "PIL", "torch"}} & set(sys.modules)
            assert not late, (name, late)"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True)


def test_listing_imports_no_pictures():
    """It should be there at once."""
    program = ("import sys; from demos.__main__ import main; main([]);"
               "assert not {'matplotlib', 'gymnasium', 'tqdm'} & set(sys.modules)")
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(("package", "demo"), [
    ("gymnasium", "pendulum"), ("scipy", "trebuchet"), ("scipy", "cartpole"), ("scipy", "pendulum")])
def test_a_missing_package_is_named(package, demo, monkeypatch, capsys):
    for name in [*sys.modules]:                  # all of it is imported anew
        if name.partition(".")[0] in ("demos", package) and name != "demos.__main__":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main([demo, "world", "show"]) == 2
    assert f"need {package}: pip install -e '.[demos]'" in capsys.readouterr().err


def test_a_package_of_a_race_is_named_with_its_extra(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "stable_baselines3"
                        else importlib.machinery.PathFinder.find_spec(name, *rest))
    assert main(["cartpole", "race", "--only", "DQN", "--out", str(tmp_path)]) == 2
    assert "needs stable_baselines3: pip install -e '.[rl]'" in capsys.readouterr().err


def test_an_interrupt_has_its_exit_code(monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("demos.run"), "run", interrupt)
    assert main(["pendulum"]) == 130
    assert "Interrupted" in capsys.readouterr().err
