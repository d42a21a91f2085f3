"""What the compiler says: gradients that are left to the tape, programs that take long, what it does."""

import io
import linecache
import textwrap
import time
import warnings

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import TapeWarning, journal, roll
from tinydp.ad.compile.build import LongProgramWarning
from tinydp.ad.compile.journal import Journal


def hidden_infinity(x):
    root = lambda c, _: (np.where(x > 0, np.sqrt(x) * c, c), None)       # of infinite slope at 0, not taken
    return dp.scan(root, 1.0, length=3)[0] + x


def test_a_gradient_that_always_goes_to_the_tape_says_so_once():
    gradient = dp.grad(dp.compile(hidden_infinity))
    with pytest.warns(TapeWarning, match="left to the tape each time") as caught:
        assert [gradient(0.0) for _ in range(10)] == [1.0] * 10
    assert len([w for w in caught if w.category is TapeWarning]) == 1
    assert caught[0].filename == __file__
    assert "np.sqrt" in linecache.getline(__file__, caught[0].lineno)


def test_one_gradient_that_is_not_finite_is_no_reason_to_worry():
    gradient = dp.grad(dp.compile(lambda x: np.where(x > 0, np.sqrt(x), x)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", TapeWarning)
        gradient(0.0)
        for x in np.linspace(1.0, 2.0, 10):
            gradient(float(x))
        gradient(0.0)


def test_a_long_straight_line_says_which_line_is_long(monkeypatch):
    monkeypatch.setattr("tinydp.ad.compile.build.LONG_LINE", 50)
    numbers = np.random.default_rng(0).permutation(64).tolist()

    def f(x):
        for k in numbers:                        # no two steps alike, in what they do
            x = (np.sin(x) if k % 3 else np.cos(x)) * x if k % 2 else x + np.tanh(x)
        return x

    with pytest.warns(LongProgramWarning, match=r"dp\.scan") as caught:
        dp.compile(f)(0.5)
    assert "np.tanh(x)" in linecache.getline(__file__, caught[0].lineno)
    assert roll.LONG_LINE > 1000


def area(f, a, b, fine):
    """An integral by the trapezoidal rule, halved where it is not good enough."""
    middle = (a + b) / 2.0
    whole, parts = (b - a) * f(middle), (b - a) * (f(a) + 2.0 * f(middle) + f(b)) / 4.0
    if abs(parts - whole) <= fine:
        return parts
    return area(f, a, middle, fine / 2.0) + area(f, middle, b, fine / 2.0)


def peak(x):
    return 1.0 / (0.01 + (x - 0.3) ** 2)


def integral(end):
    return area(peak, 0.0, end, 0.05)


DONE = """\
middle = (a + b) / 2.0
whole, parts = (b - a) * f(middle), (b - a) * (f(a) + 2.0 * f(middle) + f(b)) / 4.0
done, result = abs(parts - whole) <= fine, parts
first, second = [a, middle, fine / 2.0], [middle, b, fine / 2.0]
"""


def test_a_function_that_calls_itself_gets_other_advice_which_works_when_it_is_filled_in(monkeypatch):
    """What is left to be written in the advice is what the function does, line by line."""
    monkeypatch.setattr("tinydp.ad.compile.build.LONG_LINE", 50)
    with pytest.warns(LongProgramWarning, match="area calls itself") as caught:
        by_calls = dp.value_and_grad(dp.compile(integral))(1.0)
    advice = str(caught[0].message).partition(":\n")[2]
    text = textwrap.dedent(advice)
    text = text.replace("f, a, b, fine = todo", "a, b, fine = todo").replace("64, 4", "64, 3")
    todo = next(line for line in text.splitlines() if "..." in line)
    text = text.replace(todo, textwrap.indent(DONE, "    "))
    names = {"dp": dp, "np": np, "f": peak}

    def by_stack(end):
        mine = names | {"start": [0.0, end, 0.05]}
        exec(compile(text, "<advice>", "exec"), mine)
        return mine["total"]

    assert dp.value_and_grad(by_stack)(1.0) == pytest.approx(by_calls, rel=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LongProgramWarning)
        assert dp.value_and_grad(dp.compile(by_stack))(1.0) == pytest.approx(by_calls, rel=1e-12)


def test_a_loop_in_a_function_that_was_called_twice_is_a_loop(monkeypatch):
    monkeypatch.setattr("tinydp.ad.compile.build.LONG_LINE", 50)
    numbers = np.random.default_rng(0).permutation(300).tolist()

    def loop(x, calls):
        if calls:
            return loop(x, calls - 1)
        for k in numbers:
            x = (np.sin(x) if k % 3 else np.cos(x)) * x if k % 2 else x + np.tanh(x)
        return x

    with pytest.warns(LongProgramWarning, match=r"dp\.scan stays a loop"):
        dp.compile(loop, static=("calls",))(0.5, 1)


def test_it_says_what_it_does_if_asked(monkeypatch, capfd):
    dp.compile(lambda x: x * 2.0)(1.0)
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("TINYDP_LOG", "1")
    dp.grad(dp.compile(lambda x: np.sin(x)))(1.0)
    said = capfd.readouterr().err
    for step in ("trace", "adjoint", "passes", "machine code"):
        assert f": {step}, " in said


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_says_compiling_and_counts_if_somebody_waits(monkeypatch):
    monkeypatch.setattr(journal, "PATIENCE", 0.01)
    monkeypatch.setattr(journal, "TICK", 0.01)
    for stream in (Terminal(), io.StringIO()):
        with Journal("f", stream, all_of_it=False).patience():
            time.sleep(0.2)
        lines = stream.getvalue().split(journal.AGAIN)
        if stream.isatty():
            assert lines[:2] == ["", "tinydp: compiling f ... 0 s"]
            assert len(lines) > 3
            assert lines[-1] == "tinydp: compiling f ... 0 s\n"
        else:
            assert lines == [""]


def test_what_compiles_at_once_says_nothing():
    stream = Terminal()
    with Journal("f", stream, all_of_it=False).patience():
        pass
    assert stream.getvalue() == ""
