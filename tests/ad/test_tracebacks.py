"""Tracebacks of our errors end in the user's line and the advice, wherever they are shown."""

import math
import subprocess
import sys
import textwrap
import traceback

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import LoopError, TinydpError
from tinydp.ad.tracebacks import FULL_SWITCH, PACKAGE, is_engines, rendered, shorten


def convert(x):
    return math.sin(x)


def widen(c, _):
    return np.stack([c, c]), None


CALLS = {
    "grad": lambda: dp.grad(convert)(1.0),
    "value_and_grad": lambda: dp.value_and_grad(convert)(1.0),
    "vjp": lambda: dp.vjp(convert, 1.0),
    "jvp": lambda: dp.jvp(convert, (1.0,), (1.0,)),
    "jacobian": lambda: dp.jacobian(convert)(1.0),
    "hvp": lambda: dp.hvp(convert, 1.0, 1.0),
    "record": lambda: dp.record(convert, 1.0),
    "scan": lambda: dp.scan(widen, 1.0, length=3),
    "scan in grad": lambda: dp.grad(lambda x: dp.scan(widen, x, length=3)[0])(1.0),
    "while_loop": lambda: dp.while_loop(lambda c: True, lambda c: np.stack([c, c]), 1.0),
    "integrate": lambda: dp.integrate(lambda s: s + 1.0, 1.0, until=lambda s: s, max_steps=3),
    "root": lambda: dp.root(lambda x: x * x + 1.0, 1.0),
    "argmin": lambda: dp.argmin(lambda x: np.stack([x, x]), 1.0),
    "compile": lambda: dp.compile(convert)(1.0),
    "grad of compile": lambda: dp.grad(dp.compile(convert))(1.0),
    "vmap": lambda: dp.vmap(dp.grad(convert))(np.ones(3)),
}
every_call = pytest.mark.parametrize("name", CALLS)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.delenv(FULL_SWITCH, raising=False)


def raised(name):
    with pytest.raises(TinydpError) as caught:
        CALLS[name]()
    return caught.value


def files(error):
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


# ---------------------------------------------------------------------------- plain Python

@every_call
def test_the_engine_takes_few_lines_in_plain_python(name, short):
    """The function that was called stays; within it, only what another such function calls."""
    found = [is_engines(file) for file in files(raised(name))]
    assert not found[0]
    assert sum(found) <= 3
    assert "".join("e" if x else "u" for x in found).count("eeee") == 0


@pytest.mark.parametrize("name", ["grad", "vjp", "record", "compile", "vmap"])
def test_the_last_line_is_the_users(name, short):
    assert files(raised(name))[-1] == __file__


@every_call
def test_all_frames_are_there_on_request(name, monkeypatch):
    monkeypatch.setenv(FULL_SWITCH, "full")
    assert files(raised(name))[-1].startswith(PACKAGE)


def test_a_program_ends_in_the_advice(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import math
        import numpy as np
        import tinydp as dp
        def f(x):
            return math.sin(2 * x)
        dp.grad(f)(1.0)
    """))
    run = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False,
                         env={"PYTHONPATH": ":".join(sys.path)})
    lines = run.stderr.splitlines()
    assert lines[-1].strip() == (
        "write np.sin(2 * x) instead, or math.sin(dp.value(2 * x)) for a number without derivative.")
    assert sum("File" in line for line in lines) == 3            # the program, the gradient, the function


def test_errors_that_are_not_ours_keep_their_frames(short):
    def fail(x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        dp.grad(fail)(1.0)
    assert len(files(caught.value)) == 4
    assert caught.value.__traceback__.tb_next.tb_next is not None


def test_shortening_keeps_the_first_frame_and_the_users(short):
    error = raised("jacobian")
    assert any(map(is_engines, files(error)))
    users = [file for file in files(error) if not is_engines(file)]
    shorten(error)
    assert files(error) == users
    assert users[-1] == __file__


def test_causes_stay(short):
    def f(x):
        try:
            raise KeyError("first")
        except KeyError as error:
            raise LoopError("then", "do this.") from error

    with pytest.raises(LoopError) as caught:
        dp.grad(f)(1.0)
    assert isinstance(caught.value.__cause__, KeyError)


def test_the_demos_are_programs_of_a_user():
    assert is_engines(f"{PACKAGE}ad/tape.py")
    assert not is_engines(f"{PACKAGE}demos/run.py")
    assert is_engines(np.__file__)


# ---------------------------------------------------------------------------- pytest

FAILING = """
    import math
    import tinydp as dp

    def f(x):
        return math.sin(x)

    def test_it():
        dp.grad(f)(1.0)
"""


@pytest.mark.parametrize("full", [False, True])
def test_pytest_hides_the_engine(full, tmp_path):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(FAILING))
    environment = {"PYTHONPATH": ":".join(sys.path), **({FULL_SWITCH: "full"} if full else {})}
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
                          "--rootdir", tmp_path, tmp_path],
                         capture_output=True, text=True, check=False, env=environment)
    assert "math.sin needs a plain number" in run.stdout
    assert ("transforms.py" in run.stdout) is full
    assert ("operators.py" in run.stdout) is full


# ---------------------------------------------------------------------------- IPython

@pytest.fixture
def shell(monkeypatch):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    config = pytest.importorskip("traitlets.config").Config()
    config.HistoryManager.enabled = False
    shell = interactive.InteractiveShell.instance(config=config)
    shell.run_line_magic("colors", "nocolor")
    shown = []
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, error, lines: shown.extend(lines))
    yield lambda cell: (shell.run_cell(cell), "\n".join(shown), shown.clear())[1]
    interactive.InteractiveShell.clear_instance()


CELL = "import math, numpy as np, tinydp as dp\ndef f(x):\n    return math.sin(2 * x)\ndp.grad(f)(1.0)"


@pytest.mark.filterwarnings("ignore")
def test_a_cell_ends_in_the_advice(shell, short):
    text = shell(CELL)
    assert text.splitlines()[-1].strip() == (
        "write np.sin(2 * x) instead, or math.sin(dp.value(2 * x)) for a number without derivative.")
    assert "return math.sin(2 * x)" in text
    assert "dp.grad(f)(1.0)" in text
    assert PACKAGE not in text
    assert "transforms.py" not in text


@pytest.mark.filterwarnings("ignore")
def test_a_cell_shows_all_frames_on_request(shell, monkeypatch):
    monkeypatch.setenv(FULL_SWITCH, "full")
    assert "transforms.py" in shell(CELL)


@pytest.mark.filterwarnings("ignore")
def test_a_failed_check_ends_in_what_it_found(shell, short):
    text = shell("import tinydp as dp\nf = dp.custom_gradient(lambda x: x * x, lambda g, y, x: g * x)\n"
                 "dp.testing.check_grads(f, 3.0)")
    assert "culprit" in text
    assert "check.py" not in text


@pytest.mark.filterwarnings("ignore")
def test_a_cell_shows_what_it_returns_as_html(shell):
    shell("import tinydp as dp; found = dp.record(lambda x: x * x, 3.0)")
    from IPython import get_ipython  # noqa: PLC0415

    formats, _ = get_ipython().display_formatter.format(get_ipython().user_ns["found"])
    assert formats["text/html"].count("<tr>") == 3
    assert formats["text/plain"]


def test_without_ipython_the_lines_are_pythons(short, monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    lines = rendered(raised("grad"))
    assert lines[-1].startswith("  write np.sin(x) instead")
    assert not any("transforms.py" in line for line in lines)
