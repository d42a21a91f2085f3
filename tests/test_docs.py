"""The pages that a program writes are what it would write today."""

import os
import pathlib
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def test_no_row_of_the_differences_is_silent():
    """Plain, traced and compiled runs agree, one is refused, or the page says why they differ."""
    page = (DOCS / "differences.md").read_text()
    if version("numpy").rpartition(".")[0] not in page:
        pytest.skip("the page was written with another version of numpy")
    command = [sys.executable, DOCS / "differences.py", "--check"]
    here = os.environ | {"PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=here)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def assert_as_written(program):
    """A program's `--check` of its page, which says what to run where that has changed."""
    command = [sys.executable, DOCS / program, "--check"]
    here = os.environ | {"PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=here)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_races_have_the_numbers_of_their_data():
    assert_as_written("rl.py")


def test_coverage_page():
    pytest.importorskip("autograd")
    page = (DOCS / "coverage.md").read_text()
    for package in ("numpy", "autograd"):
        if version(package).rpartition(".")[0] not in page:
            pytest.skip(f"the page was written with another version of {package}")
    assert_as_written("coverage.py")


def test_the_tour_counts_the_lines_that_there_are():
    assert_as_written("reading.py")


def test_the_page_of_the_compiler_names_the_lines_of_the_pendulum():
    """The table of the adjoint by hand: each number is that of a line which begins as the text beside it."""
    source = (DOCS.parent / "tinydp/sims/pendulum.py").read_text().splitlines()
    begins = {"c": "return angle_normalize(", "n": "return (theta + np.pi) % (2 * np.pi) - np.pi",
              "θ'": "return State(theta + rate * dt,", "ω'": "rate = ", "α": "acceleration = 3 ",
              "τ": "torque = np.clip("}
    rows = re.findall(r"^\| ([\d, ]+): (\S+) = ", (DOCS / "compile.md").read_text(), re.MULTILINE)
    assert [name for _, name in rows] == list(begins)
    for numbers, name in rows:
        for number in numbers.split(", "):
            assert source[int(number) - 1].strip().startswith(begins[name]), (number, name)
