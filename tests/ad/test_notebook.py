"""What notebooks show: each piece is well-formed, escapes the user's text, and says what is in it."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import cache
from tinydp.ad.notebook import SHOWN_ROWS, table
from tinydp.sims.trebuchet import Ball, Machine, Throw
from tinydp.testing.report import Report

from .compile.conftest import by_python

VOID = {"br", "col", "input", "link", "meta"}


class WellFormed(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.frames = [], "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag == "iframe":
            self.frames.append(dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def test_a_tape_shows_its_table_and_its_player():
    shown = WellFormed(dp.record(lambda x: np.sin(x) * x, 0.5)._repr_html_())
    assert "#0 sin x" in shown.text
    (frame,) = shown.frames
    assert "</script>" in frame["srcdoc"]
    assert frame["sandbox"] == "allow-scripts"   # and nothing of the notebook around
    assert frame["title"]


def test_a_long_tape_is_cut_and_has_no_player():
    def f(x):
        for _ in range(4000):
            x = x * 1.0
        return x

    shown = WellFormed(dp.record(f, 1.0)._repr_html_())
    assert shown.frames == []
    assert f"... {4001 - SHOWN_ROWS} more" in shown.text
    assert "#3999" in shown.text
    assert "#2000" not in shown.text


def test_text_of_the_user_is_escaped():
    tape = dp.record(lambda d: d["<b>&"] * 2.0, {"<b>&": 1.0})
    before = tape._repr_html_().split("<iframe")[0]
    assert "<b>" not in before
    assert "d[&#x27;&lt;b&gt;&amp;&#x27;]" in before


@pytest.mark.parametrize(("rule", "verdict"), [(2.0, "right"), (3.0, "wrong")])
def test_a_report_says_its_verdict_and_all_that_was_compared(rule, verdict):
    f = dp.custom_gradient(lambda x: x * x, lambda g, y, x: g * rule * x)
    report = dp.testing.check_grads(f, 2.0, raises=False)
    shown = WellFormed(report._repr_html_())
    assert shown.text.strip().startswith(verdict)
    assert f"{rule * 2.0:.10g}" in shown.text
    assert ("culprit" in shown.text) is (verdict == "wrong")


def test_an_empty_report_has_no_table():
    shown = Report()._repr_html_()
    assert "nothing was checked" in WellFormed(shown).text
    assert "<table" not in shown


@pytest.fixture
def by_numba(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path))
    monkeypatch.setenv("TINYDP_ENGINE", "numba")
    monkeypatch.setattr(cache, "load", by_python)


def test_a_compiled_function_shows_the_programs_that_it_has_become(by_numba):
    f = dp.compile(lambda x, y: np.sin(x * y))
    assert "not called yet" in f._repr_html_()
    f(1.0, 2.0)
    shown = WellFormed(f._repr_html_())
    assert "the program" in shown.text
    assert "sin(" in shown.text
    assert "gradient" not in shown.text
    dp.grad(f)(1.0, 2.0)
    before = len(f.made.programs)
    assert "with its gradient by 1 number or array" in WellFormed(f._repr_html_()).text
    assert len(f.made.programs) == before        # to look at it compiles nothing


def test_a_result_shows_its_fields_down_to_the_numbers():
    n = len(Ball._fields)
    throw = Throw(Machine(*np.ones((len(Machine._fields), 9))), Ball(*np.arange(9.0 * n).reshape(n, 9)),
                  (0.1, 0.2, 0.3), 97.5)
    text = WellFormed(throw._repr_html_()).text
    assert re.search(r"ball\.x\s+\(9,\) from", text)
    assert re.search(r"distance\s+97.5", text)


def test_a_long_table_says_how_many_rows_are_left_out():
    rows = [[str(k)] for k in range(1000)]
    text = WellFormed(table(["k"], rows)).text
    assert "... 940 more" in text
    assert "999" in text
    assert "more" not in table(["k"], rows[:SHOWN_ROWS])
