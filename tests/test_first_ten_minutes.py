"""The notebook for the first ten minutes, cell by cell, as a reader would run it."""

import json
import linecache
import pathlib

FILE = pathlib.Path(__file__).parents[1] / "docs" / "first-ten-minutes.ipynb"
CELLS = json.loads(FILE.read_text(encoding="utf-8"))["cells"]


def test_every_cell_runs_and_its_claims_hold(capsys):
    """They assert what the text beside them says."""
    names = {"__name__": "__main__"}
    programs = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
    for k, program in enumerate(programs):
        name = f"<cell {k}>"                     # whose lines are found, as in a notebook
        linecache.cache[name] = len(program), None, program.splitlines(keepends=True), name
        exec(compile(program, name, "exec"), names)
    assert sum("assert" in program for program in programs) >= 4
    assert "28.960 degrees: 40.0000 m" in capsys.readouterr().out


def test_it_is_kept_without_results():
    """They are made anew by who reads it, and would be noise in every change."""
    assert all(cell["outputs"] == [] and cell["execution_count"] is None
               for cell in CELLS if cell["cell_type"] == "code")


def test_its_links_are_there():
    texts = "".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
    for page in ("tour.md", "faq.md"):
        assert f"({page})" in texts
        assert (FILE.parent / page).exists()
