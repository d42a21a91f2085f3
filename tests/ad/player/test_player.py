"""The page as a file: what is in it, and how it is written."""

import json
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.player import SCRIPTS, template
from tinydp.ad.player.description import described

from .tapes import TAPES, data_of, every_tape, module_from, page_of


@every_tape
def test_the_page_holds_the_data_as_json(name, tmp_path):
    tape = TAPES[name]()
    data = data_of(page_of(tape, tmp_path))
    assert data == json.loads(json.dumps(described(tape)))
    assert data["top"] == len(tape.rows)


def test_the_page_loads_nothing(tmp_path):
    page = page_of(TAPES["scalars"](), tmp_path).replace("http://www.w3.org/2000/svg", "")
    assert "http" not in page
    assert not re.search(r"\b(src|href)\s*=|@import|\bimport\s*\(|fetch\(|XMLHttpRequest|//\w+\.\w", page)
    assert set(re.findall(r"url\((.*?)\)", page)) == {"#tip"}


def test_the_parts_of_the_template_are_installed_with_the_package():
    page = template()
    assert page.count("{{data}}") == 1
    assert "{{" not in page.replace("{{data}}", "").replace("{{title}}", "")
    names = {file.name for file in resources.files("tinydp.ad.player").iterdir()}
    assert {"page.html", "style.css", *SCRIPTS} <= names
    assert {name for name in names if name.endswith(".js")} == set(SCRIPTS)


def test_text_of_the_user_cannot_break_out_of_the_page(tmp_path):
    module = module_from(
        "def f(a, b):\n"
        '    text = "</script><script>alert(1)</script><!-- {{data}} {{title}}"\n'
        "    return (a if a < b else b) * len(text)  # a < b & <img src=x>\n", tmp_path / "hostile.py")
    tape = dp.record(lambda d, b: module.f(d["</script><b>"], b), {"</script><b>": 1.0}, 2.0)
    page = page_of(tape, tmp_path)
    assert page.count("<") == template().count("<")
    data = data_of(page)
    assert data["rows"][0]["name"] == "d['</script><b>']"
    (lines,) = (dict(file["lines"]) for file in data["files"] if file["name"] == "hostile.py")
    assert "</script><script>alert(1)</script><!-- {{data}}" in lines[2]
    assert "# a < b & <img src=x>" in lines[3]


def test_numbers_that_are_not_finite_survive(tmp_path):
    with np.errstate(all="ignore"):
        tape = dp.record(lambda x: np.exp(1000.0 * x) * 0.0 - np.inf, 1.0)
    data = data_of(page_of(tape, tmp_path))
    assert [row["value"] for row in data["rows"]] == ["1", "1000", "inf", "nan", "nan"]


def test_a_long_tape_makes_a_page_of_moderate_size(tmp_path):
    tape = TAPES["loop"]()
    assert len(tape) == 2000
    assert len(page_of(tape, tmp_path).encode()) < 1.5e6


def test_long_arrays_are_abbreviated(tmp_path):
    page = page_of(dp.record(lambda x: np.sum(x * x), np.arange(1e5)), tmp_path)
    assert len(page) < 1e5
    assert "100000 [0 1 2 ...]" in page




# ---------------------------------------------------------------------------- writing it

@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_path_of_any_kind_will_do(kind, tmp_path):
    TAPES["scalars"]().to_html(kind(tmp_path / "a page.html"))
    assert [file.name for file in tmp_path.iterdir()] == ["a page.html"]


def test_an_old_page_is_replaced(tmp_path):
    (tmp_path / "tape.html").write_text("old")
    assert page_of(TAPES["scalars"](), tmp_path) != "old"
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]


def test_a_failure_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch):
    def fail(source, target):
        assert Path(source).stat().st_size > 10_000          # all was written
        raise OSError("the disk is gone")

    (tmp_path / "tape.html").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            TAPES["scalars"]().to_html(tmp_path / "tape.html")
    assert (tmp_path / "tape.html").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]


def test_a_missing_folder_is_an_error_that_names_the_path(tmp_path):
    path = tmp_path / "missing" / "tape.html"
    with pytest.raises(FileNotFoundError) as caught:
        TAPES["scalars"]().to_html(path)
    assert caught.value.filename == os.fspath(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "tape.html").mkdir()
    with pytest.raises(OSError, match=re.escape("tape.html")):
        TAPES["scalars"]().to_html(tmp_path / "tape.html")
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]
