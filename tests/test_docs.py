"""The pages that a program writes are what it would write today."""

import pathlib
import subprocess
import sys
from importlib.metadata import version

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def test_coverage_page():
    pytest.importorskip("autograd")
    page = (DOCS / "coverage.md").read_text()
    for package in ("numpy", "autograd"):
        if version(package).rpartition(".")[0] not in page:
            pytest.skip(f"the page was written with another version of {package}")
    subprocess.run([sys.executable, DOCS / "coverage.py", "--check"], check=True)
