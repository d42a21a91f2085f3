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
    """The table of the adjoint by hand: each number is that of the line which is differentiated there."""
    source = (DOCS.parent / "tinydp/sims/pendulum.py").read_text().splitlines()
    rows = re.findall(r"^\| (\d[\d, ]*): \S+ = ", (DOCS / "compile.md").read_text(), re.MULTILINE)
    named = [source[int(number) - 1].strip() for row in rows for number in row.split(", ")]
    begins = ("return angle_normalize(", "return (theta + np.pi) % (2 * np.pi) - np.pi",
              "return State(theta + rate", "rate = np.clip(rate, -max_rate", "rate = rate + acceleration",
              "acceleration = 3 ", "torque = np.clip(", "torque = np.clip(")
    assert [line[: len(text)] for line, text in zip(named, begins, strict=True)] == list(begins)
