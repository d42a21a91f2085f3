"""Random programs agree in all ways to run them: a few of `python -m benchmarks agree`."""

import pytest

from benchmarks.agree import main
from benchmarks.agree.check import examine
from benchmarks.agree.module import draw
from benchmarks.agree.shrink import shrunk

WRONG = """
import numpy as np

import tinydp as dp

cube = dp.custom_gradient(lambda x: x**3, lambda g, y, x: g * 3.03 * x**2)

def f(x):
    y = np.sin(x)
    z = cube(y) + y
    return np.sum(z * 2.0)

args = (np.array([0.3, 0.7]),)
other = (np.array([0.1, 0.2]),)
keywords = {}
"""


@pytest.mark.parametrize("first", [0, 50, 100])
def test_programs_agree(first):
    counts = main(["--seed", str(first), "--programs", "25", "--compiled", "0"])
    assert counts.get("failed", 0) == 0
    assert counts["programs"] == 25
    assert counts["not judged"] < 30


@pytest.mark.parametrize("seeds", ["1c 3c 4c", "9c 10c 12c", "16c 17c 19c"])
def test_compiled_programs_agree(seeds):                         # chosen since they compile fast
    counts = main(["--only", *seeds.split()])
    assert counts.get("failed", 0) == 0
    assert counts["compiled"] == 3


def test_interpreted_programs_agree():
    counts = main(["--interpreted", "--seed", "50000", "--programs", "15"])
    assert counts.get("failed", 0) == 0
    assert counts["interpreted"] == 15
    assert counts["not judged"] < 10


def test_a_program_comes_of_its_seed():
    assert draw(3) == draw(3) != draw(4)
    assert draw(3, compiled=True) != draw(3)


def test_a_wrong_rule_is_found_and_shrunk():
    verdict = examine(WRONG, 0, compiled=False)
    assert verdict.kind == "gradient and differences"
    small = shrunk(WRONG, lambda text: examine(text, 0, compiled=False).kind == verdict.kind, seconds=20.0)
    assert "cube" in small
    assert "np.sin" not in small


def test_a_refusal_is_no_failure():
    refused = WRONG.replace("np.sin(x)", "np.fft.fft(x).real")
    assert examine(refused, 0, compiled=False).kind.startswith("refused: UnknownFunctionError")


def test_what_the_compiler_gets_wrong_is_found(monkeypatch):
    monkeypatch.setattr("benchmarks.agree.check.dp.compile", lambda f: lambda *args: f(*args) * 1.000001)
    assert examine(WRONG, 0, compiled=True).kind.startswith("compiled value")
