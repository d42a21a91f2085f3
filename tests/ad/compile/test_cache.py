"""The folder of compiled programs: shared, corrupt, read-only, missing; and warm starts."""

import pathlib
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.compile import cache

PROGRAM = """
import sys
import numpy as np, tinydp as dp
from tinydp.ad.compile import engine

compiled, loaded = [], []
make, load = engine.compiled, engine.callable_from
engine.compiled = lambda *args: compiled.append(args) or make(*args)
engine.callable_from = lambda code: loaded.append(code) or load(code)

def f(x):
    return np.sum(np.tanh(x) * x)

y, g = dp.value_and_grad(dp.compile(f))(np.array([0.5, -1.0, 2.0]))
assert np.allclose(dp.grad(f)(np.array([0.5, -1.0, 2.0])), g, rtol=1e-14, atol=0)
print(len(compiled), len(loaded))
"""


def start(folder, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env={"TINYDP_CACHE": str(folder), "PATH": "", "HOME": str(tmp_path),
                                            "PYTHONPATH": str(pathlib.Path(dp.__file__).parents[1])})


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.split()


def test_processes_share_it(tmp_path):
    """Two write at the same time; a third compiles nothing; corrupt files are made anew."""
    folder = tmp_path / "cache"
    both = [start(folder, tmp_path), start(folder, tmp_path)]
    for process in both:
        finish(process)
    assert finish(start(folder, tmp_path)) == ["0", "1"]         # no compilation, one load
    assert not [*folder.glob("*.tmp")]

    (code,) = folder.glob("adjoint_of_f_*.o")
    content = code.read_bytes()
    code.write_bytes(b"rubbish" + content[::2])
    assert finish(start(folder, tmp_path)) == ["1", "1"]
    assert code.read_bytes() == content


@pytest.fixture
def interpreted_program(interpreted):
    return lambda: dp.compile(lambda x: x * 3.0)(2.0)


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, interpreted_program):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path / "file" / "cache"))
    cache._say_once.cache_clear()
    with pytest.warns(cache.CacheWarning, match="cannot be kept"):
        assert interpreted_program() == 6.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")           # said once
        assert interpreted_program() == 6.0


def test_a_full_disk(tmp_path, monkeypatch, interpreted_program):
    full = tmp_path / "full"
    write = cache._write

    def fails_there(place, name, text):
        if place == full:
            raise OSError(28, "No space left on device")
        return write(place, name, text)

    monkeypatch.setenv("TINYDP_CACHE", str(full))
    monkeypatch.setattr(cache, "_write", fails_there)
    cache._say_once.cache_clear()
    with pytest.warns(cache.CacheWarning, match="No space left"):
        assert interpreted_program() == 6.0


def test_where_it_is(monkeypatch, tmp_path):
    assert cache.folder().name == "compiled"     # set by the tests
    monkeypatch.delenv("TINYDP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "tinydp"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder().name == "tinydp"


def test_an_interrupt_while_a_program_runs(monkeypatch):
    """A signal is handled when Python has its turn, which may be where Numba asks it for an array."""
    monkeypatch.setenv("TINYDP_VERIFY", "never")     # or it would be the tape that is interrupted

    @dp.compile
    def f(x):
        return dp.scan(lambda carry, _: (np.sin(carry) + x, None), x, length=300_000)[0]

    x = np.linspace(0.0, 1.0, 16)
    run = dp.grad(lambda x: f(x).sum())
    run(x)
    handled = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            [run(x) for _ in range(1000)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handled)
    assert np.isfinite(f(x)).all()
