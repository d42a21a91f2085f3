"""What mypy finds in calls that are wrong, and does not find in those that are right.

Pyright finds the same: `basedpyright --level error tests/typed/misuses.py tests/typed/uses.py`.
"""

import pathlib
import re
import subprocess
import sys

import pytest

from .uses import run as run_all

HERE = pathlib.Path(__file__).parent
MISUSES = HERE / "misuses.py"


@pytest.fixture(scope="module")
def found():
    """What mypy says of both files: (file, line) pairs."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--follow-imports=silent",
            "--no-error-summary",
            str(MISUSES),
            str(HERE / "uses.py"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parent.parent,
    )
    assert run.stdout, run.stderr
    return {
        (pathlib.Path(file).name, int(line)) for file, line in re.findall(r"(\S+):(\d+): error:", run.stdout)
    }


def test_each_misuse_is_found(found):
    marked = [k for k, line in enumerate(MISUSES.read_text().splitlines(), 1) if "# wrong: " in line]
    assert len(marked) >= 20
    missed = [k for k in marked if ("misuses.py", k) not in found]
    assert not missed


def test_nothing_else_is(found):
    assert {file for file, _ in found} == {"misuses.py"}
    assert len(found) == MISUSES.read_text().count("# wrong: ")


def test_what_is_right_runs():
    run_all()
