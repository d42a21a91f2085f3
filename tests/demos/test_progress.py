"""Bars in a terminal, lines in a pipe: what is told, what has room, and that time goes on."""

import io
import os
import time

import pytest

from demos import command, progress
from demos.progress import Bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def columns(monkeypatch):
    """A function that sets the width of the terminal."""
    def widen(n):
        monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: os.terminal_size((n, 24)))

    widen(80)
    return widen


def _work(stream, **options):
    with Bar(total=400, unit="episodes", desc="evaluating", file=stream, **options) as bar:
        bar.update(100)
        bar.set_postfix_str("100 of 100 episodes under way", False)
        bar.update(300)
    return stream.getvalue()


@pytest.mark.parametrize("width", [50, 60, 80, 120, 200])
def test_no_line_is_wider_than_its_terminal_nor_cut(columns, width):
    columns(width)
    lines = [line.strip() for line in _work(Terminal()).split("\r") if line.strip()]
    assert max(map(len, lines)) < width
    assert all("/400 episodes [" in line and line.endswith("]") for line in lines)
    assert ("under way]" in lines[-1]) is (width > 60)
    assert ("|" in lines[-1]) is (width > 80)


def test_a_pipe_has_lines_and_no_bars():
    lines = _work(io.StringIO()).splitlines()
    assert lines == ["evaluating   0% 0/400 episodes [00:00]",
                     "evaluating 100% 400/400 episodes [00:00, 100 of 100 episodes under way]"]


def test_a_pipe_has_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "PIPE", 0.05)
    stream = io.StringIO()
    with Bar(total=20, unit="things", desc="working", file=stream) as bar:
        for _ in range(20):
            time.sleep(0.02)
            bar.update()
    assert 3 < len(stream.getvalue().splitlines()) < 15


def test_a_terminal_shows_that_time_goes_on_while_nothing_is_finished(columns, monkeypatch):
    monkeypatch.setattr(progress, "TICK", 0.02)
    stream = Terminal()
    with Bar(desc="compiling the gradient", file=stream):
        time.sleep(0.2)
    assert stream.getvalue().count("compiling the gradient [00:00]") > 3


def test_what_is_left_is_told_when_it_can_be_known(monkeypatch):
    monkeypatch.setattr(progress, "KNOWN", 0.05)
    with Bar(total=100, unit="things", desc="working", file=io.StringIO()) as bar:
        assert bar.left == ""
        time.sleep(0.06)
        assert bar.left == ""                    # nothing is done
        bar.update(50)
        assert bar.left.startswith("<00:0")
        bar.update(50)
        assert bar.left == ""


def test_a_bar_within_another_has_its_line(columns):
    stream = Terminal()
    with (Bar(desc="drawing", file=stream) as outer,
          Bar(total=1, unit="frames", desc="moving", file=stream) as bar):
        assert bar.in_front
        assert not outer.in_front
        bar.close()
        assert outer.in_front
    lines = stream.getvalue().split("\n")
    assert lines[0].split("\r")[-1].startswith("moving       0% ")
    assert lines[1].split("\r")[-1].startswith("drawing    [00:00]")
    assert Bar.running == []


def test_the_quiet_hear_nothing(capsys):
    with command.working("drawing", quiet=True), command.progress(3, "frames", "moving", quiet=True) as bar:
        bar.update(3)
    assert capsys.readouterr() == ("", "")
    assert Bar.running == []
